"""What people do, as a plan words it: actions, tools, what is told, and what must be true before a phase is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from tocsin.kit.text import listed
from tocsin.plan.fields import STRICT, Short, Text


class TriggerSource(StrEnum):
    """By what trouble is noticed. The words are those that the record keeps on every incident."""

    MONITORING_ALERT = "monitoring_alert"
    HEALTH_CHECK = "health_check"
    USER_REPORT = "user_report"
    EXTERNAL_NOTICE = "external_notice"
    OBSERVATION = "observation"


class Effect(StrEnum):
    """Whether an action only looks, and may be run at once, or changes something, and waits for a person's word."""

    READS = "reads"
    CHANGES = "changes"


class Exit(StrEnum):
    """What must be true on the record before a phase is over."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    ROLES_NAMED = "roles_named"
    IMPACT_ESTIMATED = "impact_estimated"
    FIRST_PUBLIC_UPDATE = "first_public_update"
    MITIGATED = "mitigated"
    STRATEGY_CHOSEN = "strategy_chosen"
    FIXED = "fixed"
    VERIFIED = "verified"
    RESOLVED = "resolved"
    WATCH_PASSED = "watch_passed"
    RECOVERY_CONFIRMED = "recovery_confirmed"
    FINAL_PUBLIC_UPDATE = "final_public_update"
    REVIEW_SCHEDULED = "review_scheduled"
    ACTIONS_DONE = "actions_done"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something to do. In a file, a text by itself stands for an action of which no more is said."""

    __pydantic_config__ = STRICT
    do: Text
    effect: Effect | None = None
    severities: tuple[str, ...] = ()  # none: all of them

    @property
    def line(self) -> str:
        return _line(self.do, self.severities)


SomeAction = Annotated[Action, Short("do", Action)]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A step of a phase: what it is for, and its single actions. In a file, a text by itself is its title."""

    __pydantic_config__ = STRICT
    title: Text
    items: tuple[SomeAction, ...] = ()
    severities: tuple[str, ...] = ()  # none: all of them

    @property
    def line(self) -> str:
        return _line(self.title, self.severities)


SomeActivity = Annotated[Activity, Short("title", Activity)]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Something that is opened while the work goes on. In a file, a text by itself is its name."""

    __pydantic_config__ = STRICT
    name: Text
    link: str | None = None


SomeTool = Annotated[Tool, Short("name", Tool)]


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What an audience is told while a phase lasts, and by whom: without `by`, by the audience's owner."""

    __pydantic_config__ = STRICT
    audience: str
    what: Text
    by: str | None = None
    severities: tuple[str, ...] = ()  # none: all of them


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to end the trouble, of which people choose one."""

    __pydantic_config__ = STRICT
    name: Text
    description: Text = ""


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """How trouble can be ended, and what is looked at before it is called ended."""

    __pydantic_config__ = STRICT
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    verification: Mapping[str, Text] = field(default_factory=dict)


def _line(text: str, severities: tuple[str, ...]) -> str:
    return f"{listed(severities)}: {text}" if severities else text
