"""The whole ledger of an incident as plain values: every promise, what opened it, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents.model import Incident
from tocsin.kit.text import short_span
from tocsin.obligations.model import Obligation, State
from tocsin.oncall.schedule import Rotas
from tocsin.plan.model import Plan
from tocsin.web import present


@dataclass(frozen=True)
class Line:
    """One obligation. `cause` and `proof` are numbers of entries on the timeline."""

    what: str
    clause: str
    who: str
    state: str
    word: str
    cause: int | None
    due: str
    reminded: str
    ended: str
    late_by: str
    evidence: str
    proof: int | None


def lines(
    plan: Plan, rotas: Rotas, incident: Incident, duties: Sequence[Obligation], now: datetime
) -> tuple[Line, ...]:
    """Every obligation, in the order in which they fell due."""
    ordered = sorted(duties, key=lambda one: (one.due_at, one.opened_at, one.id))
    return tuple(_line(plan, rotas, incident, one, now) for one in ordered)


def _line(plan: Plan, rotas: Rotas, incident: Incident, one: Obligation, now: datetime) -> Line:
    state, word = present.urgency(one, now) if one.state is State.OPEN else present.ended_as(one)
    late = one.late_by or (now - one.due_at if state == "overdue" else None)
    return Line(
        what=one.what,
        clause=one.clause,
        who=present.owner(plan, rotas, incident, one.owner, now),
        state=state,
        word=word,
        cause=one.cause,
        due=present.moment(one.due_at, now),
        reminded=present.moment(one.warned_at, now) if one.warned_at else "",
        ended=present.moment(one.settled_at, now) if one.settled_at else "",
        late_by=short_span(late) if late else "",
        evidence=one.evidence,
        proof=one.proof,
    )
