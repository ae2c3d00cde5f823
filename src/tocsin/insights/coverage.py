"""Whether each clause of the plan is kept: how, how often, and when it was last used. Pure.

Decided from the plan in force, the timelines and the obligations. A clause of which the record keeps no trace is never
called unused: nothing is known of it, and that is what is said.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from sys import intern
from typing import Any

import msgspec

from tocsin.incidents.model import Incident, Numbered
from tocsin.insights.keeping import How, Keeping, keeping
from tocsin.insights.traces import clause_of, severity_at, traces
from tocsin.obligations.model import Obligation
from tocsin.plan.clauses import Clause
from tocsin.plan.model import Plan
from tocsin.plan.promises import looks, promises


class Use(StrEnum):
    """What the record says of a clause's use."""

    USED = "used"
    NEVER = "never exercised"
    UNKNOWN = "no trace is kept"  # whether it was used can't be told


@dataclass(frozen=True, kw_only=True)
class Last:
    """The last use. `outcome` is how its obligation ended; empty for what is no obligation."""

    at: datetime
    incident_id: str
    number: int
    title: str
    outcome: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How the obligations of a clause stand that were opened in the period. Void ones are owed no longer."""

    kept: int = 0
    late: int = 0
    missed: int = 0
    waived: int = 0
    open: int = 0
    void: int = 0

    @property
    def total(self) -> int:
        return self.kept + self.late + self.missed + self.waived + self.open + self.void


@dataclass(frozen=True, kw_only=True)
class Covered:
    """`number` is that of the clause in the written plan, if the plan gives one."""

    id: str
    text: str
    section: str
    number: str
    how: How
    use: Use
    last: Last | None
    counts: Kept


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Obligations are counted from `period_start`; the last use is looked for in all `incidents` incidents read.

    `is_whole` says whether those are all that the reader may see. `aside` counts obligations of clauses that the plan
    in force has no more.
    """

    plan: str
    revision: str
    period_start: datetime
    period_end: datetime
    incidents: int
    is_whole: bool
    aside: int
    clauses: tuple[Covered, ...]

    def count(self, how: How) -> int:
        return sum(one.how is how for one in self.clauses)

    @property
    def never(self) -> int:
        return sum(one.use is Use.NEVER for one in self.clauses)


@dataclass(frozen=True, kw_only=True)
class Story:
    """An incident with its record, and the plan that it is run by."""

    incident: Incident
    plan: Plan
    timeline: Sequence[Numbered]
    owed: Sequence[Obligation]


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What one story shows of the plan's use. It stays as it is as long as the record does, if all that was owed has
    ended: `uses` are the last of each trace with its outcome, `owed` the clause of each obligation, and how it stands.
    """

    incident_id: str
    number: int
    title: str
    has_ended: bool
    uses: tuple[tuple[str, datetime, str], ...]
    owed: tuple[tuple[str, datetime, str], ...]


@dataclass
class Ledger:
    """What is gathered from the stories before the clauses are asked for it."""

    counts: dict[str, Counter[str]]
    last: dict[str, Last]
    incidents: int = 0


_NAMES = {"met": "kept"}  # a met obligation is a kept clause; the other states have their own names here


def coverage(
    plan: Plan,
    clauses: Iterable[Clause],
    gathered: Ledger,
    watched: Iterable[Obligation],
    *,
    revision: str,
    period_start: datetime,
    period_end: datetime,
    is_whole: bool = True,
    kept: Mapping[str, Keeping] | None = None,
) -> Coverage:
    """The coverage of the plan in force. `watched` are the looks and the handoffs, which belong to no incident; `kept`
    says how each clause is kept, where that is known already."""
    counts = {name: Counter(these) for name, these in gathered.counts.items()}  # what is gathered stays as it is
    ledger = Ledger(counts, gathered.last, gathered.incidents)
    for look in watched:
        _count(ledger, clause_of(plan, "", look), look.opened_at, _outcome(look.state), period_start)
    numbers = _numbers(plan)
    covered = tuple(
        _covered((kept or {}).get(one.id) or keeping(plan, one.id), one, numbers, ledger) for one in clauses
    )
    ids = {one.id for one in covered}
    return Coverage(
        plan=f"{plan.name} {plan.version}".strip(),
        revision=revision,
        period_start=period_start,
        period_end=period_end,
        incidents=ledger.incidents,
        is_whole=is_whole,
        aside=sum(sum(counts.values()) for name, counts in ledger.counts.items() if name not in ids),
        clauses=covered,
    )


def gathered(stories: Sequence[Shown], period_start: datetime) -> Ledger:
    """What the clauses are asked of, out of the records of all these incidents."""
    ledger, last = Ledger({}, {}, len(stories)), dict[str, tuple[datetime, str, Shown]]()
    for story in stories:
        for name, at, outcome in story.uses:
            if name not in last or last[name][0] <= at:
                last[name] = at, outcome, story
        for path, opened_at, outcome in story.owed:
            _count(ledger, path, opened_at, outcome, period_start)
    for name, (at, outcome, story) in last.items():
        ledger.last[name] = Last(
            at=at, incident_id=story.incident_id, number=story.number, title=story.title, outcome=outcome
        )
    return ledger


def shown(story: Story) -> Shown:
    """What a story shows, of each trace the last."""
    severities = {at: severity_at(story.timeline, at) for at in {one.opened_at for one in story.owed}}
    clauses = [intern(clause_of(story.plan, severities[one.opened_at], one)) for one in story.owed]
    last: dict[str, tuple[datetime, str]] = {}
    for name, at, outcome in _uses(story, clauses):
        if name not in last or last[name][0] <= at:
            last[name] = at, outcome
    return Shown(
        incident_id=story.incident.id,
        number=story.incident.number,
        title=story.incident.title,
        has_ended=all(one.settled_at is not None for one in story.owed),
        uses=tuple((intern(name), at, outcome) for name, (at, outcome) in last.items()),
        owed=tuple((path, one.opened_at, _outcome(one.state)) for path, one in zip(clauses, story.owed, strict=True)),
    )


def _uses(story: Story, clauses: Sequence[str]) -> Iterator[tuple[str, datetime, str]]:
    for seen in traces(story.plan, story.timeline):
        yield seen.trace, seen.at, ""
    for path, owed in zip(clauses, story.owed, strict=True):
        if owed.state != "void":
            at, outcome = owed.settled_at or owed.opened_at, _outcome(owed.state)
            yield path, at, outcome
            yield f"kind:{owed.kind}", at, outcome
        if owed.warned_at is not None:
            yield f"reminded:{owed.kind}", owed.warned_at, ""
        if owed.overdue_at is not None:
            yield "overdue", owed.overdue_at, ""


def _outcome(state: str) -> str:
    return _NAMES.get(state, str(state))


def _count(ledger: Ledger, path: str, opened_at: datetime, outcome: str, period_start: datetime) -> None:
    if opened_at >= period_start:
        ledger.counts.setdefault(path, Counter())[outcome] += 1


def _numbers(plan: Plan) -> dict[str, str]:
    """The number of the written plan's clause, by id."""
    promised = [one for severity in plan.severities for one in promises(plan, severity)]
    return {one.path: one.clause for one in (*promised, *looks(plan)) if one.clause}


def _covered(kept: Keeping, clause: Clause, numbers: Mapping[str, str], ledger: Ledger) -> Covered:
    last = ledger.last.get(clause.id) or ledger.last.get(kept.trace or "")
    return Covered(
        id=clause.id,
        text=clause.text,
        section=clause.section,
        number=numbers.get(clause.id, ""),
        how=kept.how,
        use=_use(kept, clause.id in numbers or kept.how is How.TIMED, last),
        last=last,
        counts=Kept(**ledger.counts.get(clause.id, Counter())),
    )


def _use(kept: Keeping, is_owed: bool, last: Last | None) -> Use:
    if last is not None:
        return Use.USED
    return Use.NEVER if kept.trace or is_owed else Use.UNKNOWN


# ---- To be read ------------------------------------------------------------------------------------------------------

ORDERS: Mapping[str, Callable[[Covered], Any]] = {
    "missed": lambda one: (-one.counts.missed, -one.counts.late, -one.counts.waived),
    "late": lambda one: (-one.counts.late, -one.counts.missed, -one.counts.waived),
    "used": lambda one: -one.last.at.timestamp() if one.last else 0.0,
}


def ordered(clauses: Iterable[Covered], order: str = "") -> list[Covered]:
    """In the order of the document, or by what is asked for; what is alike stays in the document's order."""
    return sorted(clauses, key=ORDERS[order]) if order else list(clauses)


def chosen(clauses: Iterable[Covered], filter_: str) -> Iterator[Covered]:
    """Those of one kind, those never exercised, or those of which some obligation was missed or late."""
    for one in clauses:
        never = filter_ == "never" and one.use is Use.NEVER
        broken = filter_ == "missed" and one.counts.missed + one.counts.late > 0
        if not filter_ or never or broken or filter_ == one.how.name.lower():
            yield one


def summary(found: Coverage) -> str:
    """One line: `599 clauses: 200 enforced, …; 300 never exercised`."""
    kinds = ", ".join(f"{found.count(how)} {how}" for how in How)
    many = len(found.clauses)
    return f"{many} {'clause' if many == 1 else 'clauses'}: {kinds}; {found.never} never exercised"


def sentence(one: Covered) -> str:
    """What is known of a clause's use, without naming the incident."""
    if one.last is None:
        return one.use.capitalize()
    return {
        "": "Used",
        "open": "Owed since",
        "kept": "Kept",
        "late": "Done late",
        "missed": "Missed",
        "waived": "Waived",
    }[one.last.outcome]


def as_json(found: Coverage, rows: Iterable[Covered]) -> dict[str, Any]:
    """The report as the API and the command line give it: these rows of it, and the sums over all."""
    return {
        "plan": found.plan,
        "revision": found.revision,
        "since": found.period_start.isoformat(),
        "until": found.period_end.isoformat(),
        "incidents": found.incidents,
        "complete": found.is_whole,
        "aside": found.aside,
        "summary": {
            "clauses": len(found.clauses),
            **{how.replace(" ", "_"): found.count(how) for how in How},
            "never_exercised": found.never,
            "text": summary(found),
        },
        "clauses": [_plain(one) for one in rows],
    }


def _plain(one: Covered) -> dict[str, Any]:
    last = one.last
    return {
        "id": one.id,
        "text": one.text,
        "section": one.section,
        "number": one.number or None,
        "how": str(one.how),
        "use": str(one.use),
        "last": last and {**asdict(last), "at": last.at.isoformat(), "outcome": last.outcome or None},
        "obligations": asdict(one.counts),
    }
