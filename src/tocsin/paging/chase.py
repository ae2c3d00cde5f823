"""What people are told of their duties: before one is due, its owner; once it is overdue, the next in line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from tocsin.incidents import words
from tocsin.incidents.anchors import done_at
from tocsin.incidents.confidential import heading
from tocsin.incidents.model import Incident
from tocsin.kit.text import span, utc
from tocsin.obligations.model import Obligation
from tocsin.oncall.schedule import Rotas
from tocsin.paging import reach
from tocsin.paging.reach import Text
from tocsin.plan.model import Plan

REMINDER = "reminder"
OVERDUE = "overdue"


@dataclass(frozen=True)
class News:
    """Everything that one person is told at one instant about the duties of one incident."""

    soon: list[Obligation] = field(default_factory=list)
    over: list[Obligation] = field(default_factory=list)

    @property
    def about(self) -> str:
        return OVERDUE if self.over else REMINDER

    @property
    def first(self) -> Obligation:
        return (self.over or self.soon)[0]


def news(
    plan: Plan,
    rotas: Rotas,
    incident: Incident,
    soon: Sequence[Obligation],
    over: Sequence[Obligation],
    now: datetime,
    can_be_reached: Callable[[str], bool],
) -> dict[str, News]:
    """Who is told what: the owner what is due soon, the next in line what is overdue, as far as they can be reached.

    Of a confidential incident only its responders are told anything.
    """
    found: dict[str, News] = {}

    def may_hear(person: str) -> bool:
        return (not incident.confidential_at or person in incident.responders) and can_be_reached(person)

    names = {one.owner for one in (*soon, *over)}
    owners = {owner: reach.owner_at(plan, rotas, incident, owner, now) for owner in names}
    for one in soon:
        person = owners[one.owner]
        if person is not None and may_hear(person):
            found.setdefault(person, News()).soon.append(one)
    behind = {owners[one.owner] for one in over}
    told = {
        owner: next(filter(may_hear, reach.next_in_line(plan, rotas, incident, owner, now)), None) for owner in behind
    }
    for one in over:
        if (person := told[owners[one.owner]]) is not None:
            found.setdefault(person, News()).over.append(one)
    return found


def text(plan: Plan, rotas: Rotas, incident: Incident, told: News, room: str, now: datetime) -> Text:
    """The message. `room` is the incident's address."""
    lines = [f"{incident.severity} {heading(incident)} (#{incident.number})", ""]
    if told.over:
        owners = dict.fromkeys(each.owner for each in told.over)
        owed_by = {one: _owed_by(plan, rotas, incident, one, now) for one in owners}
        lines += ["Overdue:", *(_line(one, room, owed_by[one.owner]) for one in told.over), ""]
    if told.soon:
        lines += ["Due soon, and yours:", *(_line(one, room) for one in told.soon), ""]
    lines += [f"The incident: {room}", ""]
    subject = _subject(incident, told, now)
    return Text(subject, "\n".join(lines), _data(incident, told, room, now), f"{subject}\n{room}\n")


def _subject(incident: Incident, told: News, now: datetime) -> str:
    word = "Overdue" if told.over else f"Due in {span(told.first.due_at - now)}"
    more = len(told.over) + len(told.soon) - 1
    others = f" and {more} more" if more else ""
    return f"[{incident.severity}] {word}: {told.first.what}{others} (#{incident.number})"


def _line(one: Obligation, room: str, owed_by: str = "") -> str:
    return f"- {one.what}, due {utc(one.due_at)}{owed_by}: {done_at(room, one)}"


def _owed_by(plan: Plan, rotas: Rotas, incident: Incident, owner: str, now: datetime) -> str:
    person = reach.owner_at(plan, rotas, incident, owner, now)
    return f", owed by {words.name(plan, person)}" if person else ""


def _data(incident: Incident, told: News, room: str, now: datetime) -> str:
    about = {
        "incident": incident.id,
        "number": incident.number,
        "title": heading(incident),
        "severity": incident.severity,
        "link": room,
        "overdue": [_fields(one, room) for one in told.over],
        "due_soon": [_fields(one, room) for one in told.soon],
    }
    return msgspec.json.encode({"type": f"obligation.{told.about}", "timestamp": now, "data": about}).decode()


def _fields(one: Obligation, room: str) -> dict[str, object]:
    where = done_at(room, one)
    return {"key": one.key, "what": one.what, "clause": one.clause, "due_at": one.due_at, "link": where}
