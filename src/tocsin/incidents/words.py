"""The record in plain words: one sentence for each kind of entry, for timelines, post-mortems and messages."""

from datetime import UTC, datetime
from typing import assert_never

from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    Escalated,
    Incident,
    Mitigated,
    Noted,
    ObligationMissed,
    ObligationWaived,
    Paged,
    Recovered,
    Reopened,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalsGathered,
    Status,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import listed
from tocsin.plan.model import Plan

WORKING = "working on it"  # how somebody acknowledges who simply starts to mitigate or resolve

_STATUS = {
    Status.INVESTIGATING: "Investigating",
    Status.MITIGATING: "Mitigating",
    Status.WATCHING: "Resolved, being watched",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
}

_KIND: dict[type[AnyEntry], str] = {
    Declared: "declared",
    SignalAttached: "signal",
    SignalCleared: "signal cleared",
    SignalsGathered: "signals",
    Paged: "page",
    Escalated: "escalated",
    Undelivered: "not delivered",
    Acknowledged: "acknowledged",
    RoleAssigned: "role",
    SeverityChanged: "severity",
    TypeChanged: "type",
    Noted: "note",
    Decided: "decision",
    Mitigated: "mitigated",
    Resolved: "resolved",
    Recovered: "recovered",
    Reopened: "reopened",
    Closed: "closed",
    ReviewScheduled: "post-mortem scheduled",
    ReviewHeld: "post-mortem held",
    ObligationMissed: "missed",
    ObligationWaived: "waived",
}


def kind(entry: AnyEntry) -> str:
    """A short label, such as `declared` or `internal update`."""
    if isinstance(entry, Updated):
        return f"{entry.audience.replace('_', ' ')} update"
    return _KIND[type(entry)]


def status(state: Status) -> str:
    """How a status reads: `Resolved, being watched`."""
    return _STATUS[state]


def name(plan: Plan, handle: str) -> str:
    """The person's name, `Tocsin` for the program itself, or the handle of someone the plan does not know."""
    if handle in plan.people:
        return plan.people[handle].name
    return "Tocsin" if handle == SYSTEM.handle else handle


def severity_name(plan: Plan, severity: str) -> str:
    """`P1, High`: the level and its name; just the level where the plan says no more."""
    known = plan.severities.get(severity)
    return f"{severity}, {known.name}" if known and known.name != severity else severity


def type_name(plan: Plan, incident_type: str) -> str:
    known = plan.types.get(incident_type)
    return known.name if known else spaced(incident_type)


def role_name(plan: Plan, role: str) -> str:
    known = plan.roles.get(role)
    return known.name if known else spaced(role)


def audience_name(plan: Plan, audience: str) -> str:
    known = plan.communication.audiences.get(audience)
    return known.name if known else spaced(audience)


def service_name(plan: Plan, service: str) -> str:
    known = plan.services.get(service)
    return known.name if known else spaced(service)


def affected(plan: Plan, incident: Incident) -> list[str]:
    """What is broken, by name: the components that the record names, or else the service."""
    services = [one for key, one in plan.services.items() if incident.service in (None, key)]
    named = {key: part.name for one in services for key, part in one.components.items()}
    whole = [service_name(plan, incident.service)] if incident.service else []
    return [named.get(key, spaced(key)) for key in incident.components] or whole


def spaced(word: str) -> str:
    """A name of the program as a reader would write it: `health_check` is `health check`."""
    return word.replace("_", " ")


def one_line(text: str) -> str:
    return " ".join(text.split())


def day_and_minute(instant: datetime) -> str:
    """An instant as people are told it: `2026-11-24 03:34 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def sentence(plan: Plan, entry: AnyEntry) -> str:
    """What happened, in one line of plain words. Every kind of entry has its own."""
    return one_line(_said(plan, entry, name(plan, entry.by)))


def _gathered(entry: SignalsGathered) -> str:
    counts = ((entry.attached, "more signals came"), (entry.cleared, "more cleared"))
    counted = listed(f"{count} {words}" for count, words in counts if count)
    return f"{counted}: {ended(listed(entry.titles))}"


def _said(plan: Plan, entry: AnyEntry, who: str) -> str:
    match entry:
        case Declared():
            return f"{who} declared {entry.severity}: {ended(entry.title)}{_more(entry.why)}"
        case SignalAttached():
            return f"Signal from {entry.source}: {ended(entry.title)}{_more(entry.why)}"
        case SignalCleared():
            return f"Signal cleared: {ended(entry.title)}"
        case SignalsGathered():
            return _gathered(entry)
        case Paged():
            return _paged(plan, entry)
        case Escalated():
            return f"Step {entry.step + 1} went unanswered: {ended(entry.why)}"
        case Undelivered():
            to = name(plan, entry.to)
            return f"The {spaced(entry.channel)} message to {to} was not delivered: {ended(entry.reason)}"
        case Acknowledged():
            through = f"by {WORKING}" if entry.through == WORKING else f"through {spaced(entry.through)}"
            return f"{who} acknowledged {through}."
        case RoleAssigned():
            return _assigned(plan, entry, who)
        case SeverityChanged():
            verb = "raised" if entry.raised else "lowered"
            change = f"{who} {verb} the severity from {entry.before} to {entry.severity}"
            return f"{change}: {ended(entry.because)}"
        case TypeChanged():
            change = f"from {type_name(plan, entry.before)} to {type_name(plan, entry.type)}"
            return f"{who} changed the type {change}: {ended(entry.because)}"
        case Noted():
            return f"{who} noted: {ended(entry.text)}"
        case Decided():
            return f"{who} decided: {ended(entry.decision)} Because: {ended(entry.because)}"
        case Updated():
            stage = f" ({entry.stage})" if entry.stage else ""
            return f"{who} posted an update for {audience_name(plan, entry.audience)}{stage}: {ended(entry.text)}"
        case Mitigated():
            return f"{who} mitigated it: {ended(entry.how)}"
        case Resolved():
            return f"{who} resolved it: {ended(entry.how)}"
        case Recovered():
            return f"Fully recovered after a watch of {entry.watched_minutes} min."
        case Reopened():
            return f"{who} reopened it: {ended(entry.because)}"
        case Closed():
            return f"{who} closed the incident."
        case ReviewScheduled():
            return _review(plan, entry, who)
        case ReviewHeld():
            return f"{who} recorded that the post-mortem was held."
        case ObligationMissed():
            return f"Missed: {entry.what}, which was due {_second(entry.due_at)}."
        case ObligationWaived():
            return f"{who} waived “{entry.what}”: {ended(entry.because)}"
    assert_never(entry)


def _paged(plan: Plan, entry: Paged) -> str:
    lost = listed(name(plan, one) for one in entry.unreachable)
    without = f" No way is known to reach {lost}." if lost else ""
    if not entry.people:
        return f"Nobody could be paged at step {entry.step + 1}.{without}"
    people, ways = listed(name(plan, one) for one in entry.people), listed(spaced(way) for way in entry.through)
    through = f" through {ways}" if ways else ""
    return f"Paged {people} at step {entry.step + 1}{through}; an answer was due {_second(entry.answer_by)}.{without}"


def _assigned(plan: Plan, entry: RoleAssigned, who: str) -> str:
    person, role = name(plan, entry.person), role_name(plan, entry.role).lower()
    after = f", after {name(plan, entry.before)}" if entry.before else ""
    named = "" if entry.by == entry.person else f"; {who} named them"
    return f"{person} became {role}{after}{named}."


def _review(plan: Plan, entry: ReviewScheduled, who: str) -> str:
    people = listed(name(plan, one) for one in entry.attendees)
    invited = f", with {people}" if people else ""
    return f"{who} scheduled the post-mortem for {day_and_minute(entry.meeting_at)}{invited}."


def _second(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("at %H:%M:%S UTC")


def ended(text: str) -> str:
    """The text as a sentence that ends."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _more(text: str) -> str:
    return f" {ended(text)}" if text.strip() else ""
