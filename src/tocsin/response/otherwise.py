"""A record read by the rules of another plan: what would have been owed to what people did, and what differs.

What people did stays as it was. What the first plan itself wrote into the record (that a promise fell due unmet) is
left out on both sides, so that only the plans differ: a duty is open from the entry that asks for it to the entry that
ends it, and is kept if that was in time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.db.engine import Tx
from tocsin.incidents import folding
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Declared,
    FellDue,
    Incident,
    Numbered,
    ObligationWaived,
    Recovered,
    Resolved,
    ReviewHeld,
    RoleAssigned,
    SeverityChanged,
    TypeChanged,
    Updated,
)
from tocsin.incidents.owed import owed
from tocsin.kit.text import span
from tocsin.obligations.model import Duty
from tocsin.plan import check
from tocsin.plan import store as plans
from tocsin.plan.commands import BadPlan
from tocsin.plan.model import Plan
from tocsin.response import foresee, replay
from tocsin.response.replay import Moment

OF_TIME = (FellDue,)  # entries that nobody made: they follow from the plan


class End(StrEnum):
    KEPT = "kept"
    LATE = "late"
    OVERDUE = "overdue"  # open, and past its time
    OPEN = "open"
    DROPPED = "dropped"  # it was no longer asked for
    WAIVED = "waived"


@dataclass(frozen=True)
class Promise:
    """Something that was owed. `entry` asked for it; it ended at `ended_at`, or goes on."""

    key: str
    what: str
    entry: int
    due_at: datetime
    end: End
    ended_at: datetime | None


@dataclass(frozen=True)
class Difference:
    """One promise under both plans, None where it would not have been owed, and what that means in a sentence."""

    sentence: str
    before: Promise | None
    after: Promise | None


@dataclass(frozen=True)
class Otherwise:
    """What another plan would have made of an incident up to an instant."""

    at: datetime
    severity: str | None  # None: it would not have been declared
    type: str
    promises: tuple[Promise, ...]
    differences: tuple[Difference, ...]


def under(tx: Tx, incident_id: str, text: str, at: datetime | None) -> Otherwise:
    """The record up to an instant, read by the rules of this plan. Raises BadPlan."""
    moment = replay.load(tx, incident_id, at)
    plan = check.load(text, "plan.yaml")
    if not isinstance(plan, Plan):
        raise BadPlan(plan)
    known = plans.load(tx, moment.incident.plan_revision)
    outcome = foresee.outcome(tx, known, plan, incident_id, moment.entries)
    return compare(known, plan, moment, outcome)


def compare(known: Plan, other: Plan, moment: Moment, outcome: foresee.Outcome) -> Otherwise:
    """Both plans on the same entries. `outcome` is what the other plan makes of the declaration."""
    before = promises(known, moment.entries, moment.at)
    if outcome.severity is None:
        why = f": {outcome.why}" if outcome.why else ""
        gone = Difference(f"Nothing would have been declared, and nothing owed{why}.", None, None)
        return Otherwise(moment.at, None, "", (), (gone,))
    after = promises(other, _declared_as(moment.entries, outcome), moment.at)
    return Otherwise(
        moment.at,
        outcome.severity,
        outcome.type,
        after,
        (*_ranked(moment.incident, moment.entries, outcome), *_differences(before, after)),
    )


def promises(plan: Plan, entries: Iterable[Numbered], at: datetime) -> tuple[Promise, ...]:
    """Everything that this plan asks for along a record, in the order in which it would have been owed."""
    found: list[Promise] = []
    standing: dict[str, Promise] = {}
    for number, entry, incident in _course(plan, entries):
        wanted = owed(plan, incident)
        for key, promise in list(standing.items()):
            if key == _settled_by(entry) or key not in wanted or wanted[key].due_at != promise.due_at:
                found.append(_ended(standing.pop(key), entry))
        for key, duty in wanted.items():
            standing.setdefault(key, _opened(duty, number))
    still = (replace(one, end=End.OVERDUE if one.due_at < at else End.OPEN) for one in standing.values())
    return tuple(sorted([*found, *still], key=lambda one: (one.entry, one.due_at, one.key)))


def _course(plan: Plan, entries: Iterable[Numbered]) -> Iterator[tuple[int, AnyEntry, Incident]]:
    """The incident after each entry that somebody made, as long as this plan has its words."""
    incident: Incident | None = None
    for numbered in entries:
        entry = numbered.entry
        if isinstance(entry, OF_TIME):
            continue
        place = Numbered(number=incident.entries + 1 if incident else 1, entry=_in_words_of(plan, entry))
        incident = folding.follow(incident, [place]) if incident else folding.begun("", place)
        yield numbered.number, entry, incident


def _in_words_of(plan: Plan, entry: AnyEntry) -> AnyEntry:
    """A level or type that the plan does not know changes nothing under it."""
    match entry:
        case SeverityChanged() if entry.severity not in plan.severities:
            return replace(entry, severity=entry.before)
        case TypeChanged() if entry.type not in plan.types:
            return replace(entry, type=entry.before)
        case _:
            return entry


def _declared_as(entries: Sequence[Numbered], outcome: foresee.Outcome) -> list[Numbered]:
    first = entries[0].entry
    if not isinstance(first, Declared):
        raise ValueError("a record begins with its declaration")
    declared = replace(first, severity=str(outcome.severity), type=outcome.type)
    return [replace(entries[0], entry=declared), *entries[1:]]


def _opened(duty: Duty, entry: int) -> Promise:
    return Promise(duty.key, duty.what, entry, duty.due_at, End.OPEN, None)


def _ended(promise: Promise, entry: AnyEntry) -> Promise:
    if promise.key != _settled_by(entry):
        end = End.DROPPED
    elif isinstance(entry, ObligationWaived):
        end = End.WAIVED
    else:
        end = End.KEPT if entry.at <= promise.due_at else End.LATE
    return replace(promise, end=end, ended_at=entry.at)


def _settled_by(entry: AnyEntry) -> str:
    """The key of what an entry does away with because it was done."""
    match entry:
        case Acknowledged():
            return "acknowledge"
        case RoleAssigned():
            return f"role:{entry.role}"
        case Updated():
            return f"update:{entry.audience}"
        case Resolved():
            return "resolve"
        case Recovered():
            return "watch"
        case ReviewHeld():
            return "review"
        case ObligationWaived():
            return entry.key
        case _:
            return ""


# ---- What differs ----------------------------------------------------------------------------------------------------


def _ranked(incident: Incident, entries: Sequence[Numbered], outcome: foresee.Outcome) -> Iterator[Difference]:
    first = folding.begun(incident.id, entries[0])
    if (first.severity, first.type) != (outcome.severity, outcome.type):
        instead = f"{outcome.severity} {outcome.type} instead of {first.severity} {first.type}"
        yield Difference(f"It would have been declared as {instead}.", None, None)


def _differences(before: Sequence[Promise], after: Sequence[Promise]) -> Iterator[Difference]:
    """Promises are the same if the same entry asks for the same thing."""
    was, now = ({(one.key, one.entry): one for one in side} for side in (before, after))
    for place in sorted({*was, *now}, key=lambda key: (key[1], key[0])):
        one, other = was.get(place), now.get(place)
        if one is None or other is None or (one.due_at, one.end) != (other.due_at, other.end):
            yield Difference(_sentence(one, other), one, other)


def _sentence(before: Promise | None, after: Promise | None) -> str:
    if after is None:
        assert before is not None  # noqa: S101 - one of the two is there
        return f"{before.what}: would not have been owed from entry {before.entry} on."
    if before is None:
        return f"{after.what}: would also have been owed from entry {after.entry} on, and is {_how(after)}."
    moved = after.due_at - before.due_at
    if not moved:
        return f"{after.what}: {_how(after)} instead of {_how(before)}."
    due = f"{span(abs(moved))} {'later' if moved > timedelta() else 'earlier'}"
    result = f" and {_how(after)} instead of {_how(before)}" if after.end is not before.end else f", {_how(after)}"
    return f"{after.what}: due {due}{result}."


def _how(promise: Promise) -> str:
    if promise.end is End.LATE and promise.ended_at is not None:
        return f"late by {span(promise.ended_at - promise.due_at)}"
    return _HOW[promise.end]


_HOW = {
    End.KEPT: "kept",
    End.LATE: "late",
    End.OVERDUE: "overdue",
    End.OPEN: "still open",
    End.DROPPED: "no longer owed",
    End.WAIVED: "waived",
}
