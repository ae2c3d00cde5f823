"""The post-mortem as a plan arranges it: the meeting, the document, and by when its action items are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.plan.fields import STRICT, Span, Text


@dataclass(frozen=True, kw_only=True)
class Topic:
    __pydantic_config__ = STRICT
    topic: Text
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading of the post-mortem. `facts` names what the record fills in; people write the rest."""

    __pydantic_config__ = STRICT
    title: Text
    part: Text = ""
    prompt: Text = ""
    required: bool = True
    facts: str | None = None


@dataclass(frozen=True, kw_only=True)
class Horizon:
    __pydantic_config__ = STRICT
    name: Text
    within: Span
    examples: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Review:
    __pydantic_config__ = STRICT
    owner: str | None = None  # the role that leads it
    meeting_within: Span
    minutes: int
    attendees: tuple[str, ...]
    agenda: tuple[Topic, ...]
    sections: Mapping[str, Section]
    horizons: Mapping[str, Horizon] = field(default_factory=dict)
