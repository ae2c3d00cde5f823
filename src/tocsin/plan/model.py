"""The plan: what a team agrees before anything breaks.

Everything is frozen and holds no clock, no address and no secret. Spans are `timedelta`. Mappings keep the order of
the file, and the order of `severities` is their rank, worst first. `parse` fills these classes; nothing else does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from tocsin.people.model import Urgency
from tocsin.plan.fields import STRICT, Several, Span, Text, TimeOfDay
from tocsin.plan.measures import Band, Metric
from tocsin.plan.networks import Network
from tocsin.plan.procedure import Exit, Resolution, SomeAction, SomeActivity, SomeTool, Telling, TriggerSource
from tocsin.plan.publicpage import StatusPage
from tocsin.plan.reviewing import Review
from tocsin.plan.rotas import Rotation
from tocsin.plan.services import Service, Vendor

EVERYONE = "everyone"  # the page target that means each person of the plan
RESPONDERS = "responders"  # the review's word for whoever worked on the incident
URGENT_WITHIN = timedelta(minutes=15)  # an answer that is owed so soon can't wait for the morning
ON_CALL = "on_call"  # the owner of what no role owns: whoever is paged


class Need(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


class Milestone(StrEnum):
    """The moments of an incident at which a phase can begin."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class Stage(StrEnum):
    """What the public is told about how far the work has come."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Condition(StrEnum):
    """What a plan may demand before an incident is closed."""

    RECOVERED = "recovered"
    FINAL_PUBLIC_UPDATE = "final_public_update"
    REVIEW_SCHEDULED = "review_scheduled"
    DUTIES_SETTLED = "duties_settled"
    RECOVERY_CONFIRMED = "recovery_confirmed"
    TICKET_COMPLETE = "ticket_complete"
    TEAM_THANKED = "team_thanked"
    RESOLUTION_NOTICE = "resolution_notice"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Someone the plan names. The address and the password stand in the database."""

    __pydantic_config__ = STRICT
    name: Text
    title: Text = ""


@dataclass(frozen=True, kw_only=True)
class Team:
    __pydantic_config__ = STRICT
    name: Text
    members: tuple[str, ...]
    leads: tuple[str, ...] = ()  # people who arrange its rotas, whether members or not
    rotation: str | None = None  # whoever is on call for its services


@dataclass(frozen=True, kw_only=True)
class Severity:
    __pydantic_config__ = STRICT
    name: Text
    definition: Text
    response: Text = ""
    requires: tuple[Text, ...] = ()
    examples: tuple[Text, ...] = ()
    error_rate: Band | None = None
    slowdown: Band | None = None  # by how much more than usual
    acknowledge_within: Span
    resolve_within: Span
    escalation: str | None = None  # nobody is paged without one
    urgency: Urgency | None = None  # derived, unless it is said
    silent_after: Span | None = None  # whoever acknowledged is paged again after so long without a word
    snooze_most: Span | None = None  # nobody snoozes it without one
    resolves_itself_after: Span | None = None  # once all signals have cleared for so long; else a person's word
    roles_within: Mapping[str, Span] = field(default_factory=dict)
    post_mortem: Need = Need.NONE
    public_impact: Literal["critical", "major", "minor", "none"] = "minor"


@dataclass(frozen=True, kw_only=True)
class Role:
    __pydantic_config__ = STRICT
    name: Text
    purpose: Text
    duties: tuple[Text, ...]
    eligible: tuple[str, ...]  # people and teams
    rotation: str | None = None  # whose turn it is takes the role
    fallback: tuple[str, ...] = ()  # who takes it if nobody of those can be reached


@dataclass(frozen=True, kw_only=True)
class Step:
    """Page these targets, and climb when nobody has acknowledged within `wait`."""

    __pydantic_config__ = STRICT
    page: tuple[str, ...]
    wait: Span


@dataclass(frozen=True, kw_only=True)
class EscalationPolicy:
    """Steps in order. Without `rounds` they are repeated until somebody acknowledges."""

    __pydantic_config__ = STRICT
    steps: tuple[Step, ...]
    rounds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Phase:
    __pydantic_config__ = STRICT
    name: Text
    begins_when: Milestone
    within: Span | None = None
    triggers: tuple[TriggerSource, ...] = ()
    actions: tuple[SomeActivity, ...] = ()
    tools: tuple[SomeTool, ...] = ()
    tells: tuple[Telling, ...] = ()
    ends_when: tuple[Exit, ...] = ()  # what the record shows
    confirm: tuple[Text, ...] = ()  # what a person ticks

    @property
    def lines(self) -> tuple[str, ...]:
        """Every single thing to do, in order; an activity without items is one itself."""
        return tuple(one.line for activity in self.actions for one in activity.items or (activity,))


@dataclass(frozen=True, kw_only=True)
class IncidentType:
    __pydantic_config__ = STRICT
    name: Text
    symptoms: Annotated[tuple[Text, ...], Several]
    actions: tuple[SomeAction, ...]
    runbook: str | None = None
    private: bool = False  # confidential: there for its readers alone, and never shown in public
    readers: tuple[str, ...] = ()  # people and teams who read it besides those who respond


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """The first update within `first_within`, then one at least every `every`, until the incident is resolved."""

    __pydantic_config__ = STRICT
    first_within: Span
    every: Span


@dataclass(frozen=True, kw_only=True)
class Audience:
    """People who need only know. `to` names people and teams; a public audience reads the status page."""

    __pydantic_config__ = STRICT
    name: Text
    owner: str
    clause: str = ""
    public: bool = False
    confidential: bool = False  # its readers are told of confidential incidents too
    to: tuple[str, ...] = ()
    template: str | None = None
    plain: bool = False  # its readers are told in plain words, as the public always is
    approved_by: str | None = None  # the role for whose word an update waits
    guidance: tuple[Text, ...] = ()
    chats: tuple[str, ...] = ()  # in which its updates are posted, by their names in the settings
    cadence: Mapping[str, Cadence] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Chat:
    """The channel in which people work on an incident."""

    __pydantic_config__ = STRICT
    name: str = "incident-{date}-{slug}"
    severities: tuple[str, ...] = ()  # none: all of them
    audiences: tuple[str, ...] = ()  # whose updates are posted in it and pinned
    habits: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Call:
    """The call in which they talk."""

    __pydantic_config__ = STRICT
    link: str
    severities: tuple[str, ...] = ()  # none: all of them


@dataclass(frozen=True, kw_only=True)
class Channels:
    __pydantic_config__ = STRICT
    chat: Chat | None = None
    call: Call | None = None
    status_page: str | None = None  # without an address, Tocsin's own


class Way(StrEnum):
    """A way by which whoever subscribes to the status page is sent what is posted there."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    PUSH = "push"


@dataclass(frozen=True, kw_only=True)
class Communication:
    __pydantic_config__ = STRICT
    channels: Channels = field(default_factory=Channels)
    audiences: Mapping[str, Audience]
    stages: Mapping[Stage, str] = field(default_factory=dict)  # public stage → template
    subscribe_by: tuple[Way, ...] = ()  # none: nobody subscribes to the status page
    plain_words: Mapping[str, Text] = field(default_factory=dict)  # word of the trade → what to say instead
    networks: tuple[Network, ...] = ()  # where people post short words by hand


@dataclass(frozen=True, kw_only=True)
class Sender:
    """How the JSON is read of a sender that speaks no language which is known. What stands in braces is looked up in
    its body: `{job.host}`, or `{alerts.0.name}`, where places in a list count from 0."""

    __pydantic_config__ = STRICT
    each: str = ""  # where a list stands of which each entry is a signal
    key: Text
    title: Text
    state: str = ""
    resolved: tuple[Text, ...] = ("resolved", "ok")  # words of the state that mean that it is over
    acknowledged: tuple[Text, ...] = ()
    ignored: tuple[Text, ...] = ()
    severity: str = ""
    link: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a signal means. The first rule whose every condition holds decides, in order of precedence.

    `when` maps a field of the signal (source, trigger, severity, title) or a label to the words that match: one of
    them, exactly, in any case; `*` is any value, and `/…/` a regular expression found anywhere in the value.

    The severity is given, or follows from the error rate in the label `band_of`, or from the slowdown in the label
    `slowdown_of`; where no severity's band holds it, the rule does not fit.
    """

    __pydantic_config__ = STRICT
    name: Text
    precedence: int | None = None  # the lowest first, and then those without one as they stand
    when: Mapping[str, tuple[str, ...] | str]
    type: str
    severity: str | None = None
    band_of: str | None = None
    slowdown_of: str | None = None
    service: str | None = None
    components: tuple[str, ...] = ()
    title: Text | None = None

    @property
    def declares(self) -> str:
        """The severity, in words."""
        return self.severity or f"the severity whose band holds {self.measured}"

    @property
    def measured(self) -> str | None:
        """The label whose number decides the severity."""
        return self.band_of or self.slowdown_of


@dataclass(frozen=True, kw_only=True)
class Recovery:
    __pydantic_config__ = STRICT
    owner: str | None = None  # the role that resolves
    watch_for: Span
    confirm: Mapping[str, Text] = field(default_factory=dict)  # what people confirm once the watch has passed
    close_requires: tuple[Condition, ...] = tuple(Condition)
    notice: str | None = None  # the template by which users are told how it ended, and what will prevent it


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """Whoever owes something is told before it is due; when it is overdue, whoever is next in line.

    `before` maps kinds of obligations to how long before; a kind that it does not name is not reminded of.
    """

    __pydantic_config__ = STRICT
    before: Mapping[str, Span] = field(default_factory=dict)
    overdue_to: str | None = None  # the role that leads: told what is overdue, and may waive it


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A page to everybody by each of their contact methods that tests the way and asks for nothing but an answer."""

    __pydantic_config__ = STRICT
    starts_on: date
    every: Span  # whole days
    at: TimeOfDay  # on each person's own clock
    answer_within: Span


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How pages are sent."""

    __pydantic_config__ = STRICT
    singly: int = 2  # incidents a minute that page by one contact method; what comes beyond is gathered
    gather_within: Span | None = None
    canary: Canary | None = None  # without it, a way is tested only when somebody asks for it
    reached_within: Span | None = None  # in which 95 of 100 pages reach whom they are for


@dataclass(frozen=True, kw_only=True)
class Reports:
    """What users say does not work. Once so many of them said so within the time, their signals say it too: their
    label `reports` is `many` instead of `few`, and a rule may declare an incident for it."""

    __pydantic_config__ = STRICT
    form: bool = False  # for everybody, beside the status page
    enough: int = 3
    within: Span = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Flapping:
    """When a signal flaps: it changed so often within a time. It does until it has not changed for a while."""

    __pydantic_config__ = STRICT
    changes: int = 4
    within: Span = timedelta(minutes=30)
    calm_for: Span = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A line of the plan's own revision history."""

    __pydantic_config__ = STRICT
    on: date
    version: str
    changes: Text


@dataclass(frozen=True, kw_only=True)
class Plan:
    __pydantic_config__ = STRICT
    tocsin: Literal[1]  # the version of this format
    name: Text
    version: str
    purpose: Text = ""
    scope: tuple[Text, ...] = ()
    declare_when: tuple[Text, ...] = ()
    include: tuple[str, ...] = ()  # files that belong to this plan, from the folder it stands in
    clauses: Mapping[str, str] = field(default_factory=dict)  # kind of obligation → number of the clause
    people: Mapping[str, Person]
    teams: Mapping[str, Team] = field(default_factory=dict)
    roles: Mapping[str, Role]
    services: Mapping[str, Service]
    vendors: Mapping[str, Vendor] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)
    severities: Mapping[str, Severity]
    rotations: Mapping[str, Rotation]
    escalation: Mapping[str, EscalationPolicy]
    phases: Mapping[str, Phase]
    types: Mapping[str, IncidentType]
    rules: tuple[Rule, ...] = ()
    communication: Communication
    templates: Mapping[str, str]
    resolution: Resolution = field(default_factory=Resolution)
    recovery: Recovery
    review: Review
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    reminders: Reminders = field(default_factory=Reminders)
    paging: Paging = field(default_factory=Paging)
    reports: Reports | None = None  # without it, they are signals like others
    flapping: Flapping | None = None  # without it, each change of a signal is taken at its word
    status_page: StatusPage | None = None  # without it, it is plain
    links: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Change, ...] = ()

    @property
    def public(self) -> StatusPage:
        """The look of the public page, as far as the plan says."""
        return self.status_page or StatusPage()

    @property
    def public_name(self) -> str:
        """What the public page is called, and whatever is sent in its name."""
        return self.public.name or self.name

    @property
    def lead(self) -> str | None:
        """The role that is told what is overdue and may waive it: as the plan says, or whoever resolves."""
        return self.reminders.overdue_to or (self.recovery.owner if self.recovery.owner in self.roles else None)

    def rank(self, severity: str) -> int:
        """0 is the worst."""
        return list(self.severities).index(severity)

    def urgency(self, severity: str) -> Urgency:
        """As the plan says, or else: the worst is urgent, and so is whatever wants a quick answer."""
        level = self.severities[severity]
        is_urgent = self.rank(severity) == 0 or level.acknowledge_within <= URGENT_WITHIN
        return level.urgency or (Urgency.HIGH if is_urgent else Urgency.LOW)

    def worse(self, one: str, other: str) -> bool:
        return self.rank(one) < self.rank(other)

    def ranked_rules(self) -> tuple[Rule, ...]:
        """The rules in the order in which they are asked."""
        return tuple(sorted(self.rules, key=lambda rule: (rule.precedence is None, rule.precedence or 0)))

    def banded(self, rate: Decimal) -> str | None:
        """The severity that an error rate in per cent means: the worst whose band holds it, if there is one."""
        return next(
            (key for key, one in self.severities.items() if one.error_rate and one.error_rate.holds(rate)), None
        )

    def slowed(self, percent: Decimal) -> str | None:
        """The severity that so many per cent more than usual mean: the worst whose band holds them, if there is one."""
        return next((key for key, one in self.severities.items() if one.slowdown and one.slowdown.holds(percent)), None)

    def rotation_for(self, service: str | None) -> str:
        """The rotation that `on_call` means where this service is concerned: its own, or its team's, or `on_call`."""
        known = self.services.get(service or "")
        team = self.teams.get(known.team or "") if known else None
        return (known and known.rotation) or (team and team.rotation) or ON_CALL

    def members(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The people that names of people, teams and `everyone` stand for, each once, in order."""
        found: dict[str, None] = {}
        for name in names:
            if name == EVERYONE:
                found.update(dict.fromkeys(self.people))
            elif name in self.teams:
                found.update(dict.fromkeys(self.teams[name].members))
            elif name in self.people:
                found[name] = None
        return tuple(found)
