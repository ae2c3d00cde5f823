"""An incident as it stood at an instant: a room in which nothing can be done any more, and who knew what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from litestar.response import Redirect, Template

from tocsin.incidents import words
from tocsin.kit.text import listed, short_span
from tocsin.obligations.model import WAITS, Obligation, State
from tocsin.oncall import store as oncall
from tocsin.oncall.schedule import Rotas
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import replay
from tocsin.response.replay import Moment, Person
from tocsin.web import present, record, room
from tocsin.web.forms import AnyRequest, utc_instant
from tocsin.web.frame import Visitor, page


@dataclass(frozen=True)
class Debt:
    """An obligation as it stood; `how` says how long was left, or how it had ended."""

    state: str
    word: str
    what: str
    who: str
    how: str


@dataclass(frozen=True)
class Knows:
    """What somebody knew by then, in words."""

    who: str
    role: str
    paged: str
    answered: str
    heard: str


@dataclass(frozen=True)
class Slider:
    """Where in the record the instant lies, and the ways to its neighbours."""

    place: int
    of: int
    at: str
    typed: str
    before: str
    after: str


def show(request: AnyRequest, visitor: Visitor, incident_id: str, *, at: str, entry: str) -> Template | Redirect:
    """The page of an instant, named by itself or by an entry's number."""
    with visitor.app.database.read(visitor.actor) as tx:
        if entry.isascii() and entry.isdecimal():
            instant = replay.instant_of(tx, incident_id, int(entry[:9]))
            return Redirect(f"{_path(incident_id, instant)}#entry", status_code=303)  # the slider keeps the focus
        moment = replay.load(tx, incident_id, utc_instant(at, "at"))
        plan = plans.load(tx, moment.incident.plan_revision)
        return page(
            request,
            visitor,
            tx,
            "moment.html",
            title=f"{moment.incident.title} at {_exact(moment.at)}",
            here="/incidents",
            **_view(plan, oncall.rotas(tx, plan, moment.at), moment),
        )


def _view(plan: Plan, rotas: Rotas, moment: Moment) -> dict[str, Any]:
    incident, at = moment.incident, moment.at
    return {
        "head": replace(room.head(plan, incident, moment.ledger, at), since_iso=""),
        "at": _exact(at),
        "slider": _slider(moment),
        "debts": list(_debts(plan, rotas, moment)),
        "people": [_knows(plan, one, at) for one in moment.people],
        "told": _last_told(plan, moment),
        "entries": record.whole(plan, moment.entries, moment.messages, at),
    }


def _slider(moment: Moment) -> Slider:
    incident_id = moment.incident.id
    before, after = (one and _path(incident_id, one) for one in (moment.before_at, moment.after_at))
    return Slider(
        place=len(moment.entries),
        of=moment.of,
        at=_exact(moment.at),
        typed=moment.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds"),
        before=before or "",
        after=after or "",
    )


def _path(incident_id: str, at: datetime) -> str:
    stamp = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"/incidents/{incident_id}?at={stamp}Z"


def _exact(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") + f".{at.microsecond // 1000:03} UTC"


# ---- What was owed ----


def _debts(plan: Plan, rotas: Rotas, moment: Moment) -> Iterator[Debt]:
    """What was open, soonest first, then how the others had ended."""
    for one in moment.standing:
        state, word = present.urgency(one, moment.at)
        left = short_span(abs(one.due_at - moment.at))
        who = present.owner(plan, rotas, moment.incident, one.owner, moment.at)
        yield Debt(state, word, one.what, who, f"{left} left" if one.due_at >= moment.at else f"overdue by {left}")
    for one in _ended(moment.ledger):
        ended = present.moment(one.settled_at, moment.at) if one.settled_at else ""
        yield Debt(str(one.state), str(one.state), one.what, "", f"{one.state} {ended}")


def _ended(ledger: Sequence[Obligation]) -> list[Obligation]:
    shown = [one for one in ledger if one.state not in (State.OPEN, State.VOID) and one.kind not in WAITS]
    return sorted(shown, key=lambda one: one.settled_at or one.due_at, reverse=True)


# ---- Who knew what ----


def _knows(plan: Plan, one: Person, at: datetime) -> Knows:
    paged = f"paged {present.moment(one.paged_at, at)}" if one.paged_at else ""
    if paged:
        paged += f", reached {present.moment(one.reached_at, at)}" if one.reached_at else ", not reached yet"
    heard = [
        f"{words.audience_name(plan, each.audience)} {present.moment(each.sent_at, at)}"
        + ("" if each.reached_at else " (on its way)")
        for each in one.heard
    ]
    return Knows(
        who=words.name(plan, one.handle),
        role=listed(words.role_name(plan, role) for role in one.roles),
        paged=paged,
        answered=f"answered {present.moment(one.answered_at, at)}" if one.answered_at else "",
        heard="; ".join(heard),
    )


@dataclass(frozen=True)
class LastTold:
    audience: str
    when: str
    text: str
    count: int


def _last_told(plan: Plan, moment: Moment) -> list[LastTold]:
    """What each audience had been told last. Whoever is in the plan's audiences and knew nothing is named too."""
    found = []
    for key in dict.fromkeys([*plan.communication.audiences, *(one.audience for one in moment.told)]):
        told = [one for one in moment.told if one.audience == key]
        when = present.moment(told[-1].at, moment.at) if told else ""
        found.append(LastTold(words.audience_name(plan, key), when, told[-1].text if told else "", len(told)))
    return found
