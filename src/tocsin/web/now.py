"""The front page: what is broken, what is owed next, who is on call, and what waits for a person."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from litestar import get
from litestar.response import Template

from tocsin.incidents import store as incidents
from tocsin.incidents.assessment import How
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.oncall.schedule import Rotas
from tocsin.people import store as people
from tocsin.people.model import called
from tocsin.plan.model import Plan
from tocsin.response import assessing
from tocsin.signals import store as signals
from tocsin.status import store as public_site
from tocsin.watch import store as watch
from tocsin.web import beginning, frame, present, probes
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import Asked, SignedIn, Tx, Visitor, page
from tocsin.web.signals import signal_row

MISSED_SHOWN = timedelta(hours=24)
HEROES_SHOWN = 20
OWED_SHOWN = 8


# ---- On call ----


@dataclass(frozen=True)
class OnCall:
    """A person who holds a rotation, or nobody: then until when, and who comes then."""

    rotation: str
    person: str
    handle: str
    is_you: bool
    until: str
    until_iso: str
    then: str
    ways: str
    is_reachable: bool


def on_call(plan: Plan, rotas: Rotas, ways: dict[str, str], me: str, now: datetime) -> tuple[OnCall, ...]:
    """Who holds each rotation, until when, who follows, and how they are reached."""
    return tuple(one for name in plan.rotations for one in _holders(plan, rotas, name, ways, me, now))


def _holders(plan: Plan, rotas: Rotas, name: str, ways: dict[str, str], me: str, now: datetime) -> Iterator[OnCall]:
    called = plan.rotations[name].name or name
    shift = rotas.shift_at(name, now)
    if shift is None:
        yield _nobody(plan, rotas, name, called, now)
        return
    after = rotas.shift_at(name, shift.ends_at)
    for person in dict.fromkeys(shift.people):
        reached = ways.get(person, "")
        yield OnCall(
            rotation=called,
            person=present.names(plan, [person]),
            handle=person,
            is_you=person == me,
            until=present.appointment(shift.ends_at, now),
            until_iso=present.iso(shift.ends_at),
            then=present.names(plan, after.people) if after else "nobody",
            ways=reached or "no way to reach them",
            is_reachable=bool(reached),
        )


def _nobody(plan: Plan, rotas: Rotas, name: str, called: str, now: datetime) -> OnCall:
    after = rotas.next_shift(name, now)
    return OnCall(
        rotation=called,
        person="Nobody",
        handle="",
        is_you=False,
        until=present.appointment(after.starts_at, now) if after else "the plan says otherwise",
        until_iso=present.iso(after.starts_at) if after else "",
        then=present.names(plan, after.people) if after else "nobody",
        ways="a gap in the rota",
        is_reachable=False,
    )


def ways_to_reach(tx: Tx, handles: Iterable[str]) -> dict[str, str]:
    """By which channels each person is paged; nothing for those whom nothing reaches."""
    wanted = list(handles)
    contacts, addresses = people.contacts(tx, wanted), people.addresses(tx, wanted)
    found = {}
    for handle in wanted:
        channels = dict.fromkeys(called(method.channel) for method in contacts[handle])
        fallback = "mail" if handle in addresses else ""
        found[handle] = ", ".join(channels) or fallback
    return found


# ---- The page ----


@get("/", sync_to_thread=True)
def show_now(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        return draw_now(request, visitor, tx, beginning.steps(visitor))


def draw_now(
    request: AnyRequest | Asked, visitor: Visitor, tx: Tx, to_begin: tuple[beginning.Step, ...] = ()
) -> Template:
    known, now = frame.situation(tx, frame.MOST_OPEN), tx.now
    plan, around = known.plan, assessing.Around(tx, known.open)
    heroes = [
        present.hero(known.plan_of(one), one, [duty for duty in known.owed if duty.incident_id == one.id], now)
        for one in known.open[:HEROES_SHOWN]
    ]
    return page(
        request,
        visitor,
        tx,
        "now.html",
        title="Now",
        here="/",
        known=known,
        heroes=heroes,
        heroes_more=_number(len(known.open), len(heroes)),
        sentence=_sentence(known, now),
        behind=_behind(tx, now),
        owed=frame.owed_rows(known, now, OWED_SHOWN),
        owed_more=_number(len(known.owed), OWED_SHOWN),
        ruler=_ruler(known, now),
        missed=_missed(tx, now),
        waiting=[signal_row(one, now) for one in signals.waiting(tx)],
        on_call=on_call(plan, known.rotas_of(plan), ways_to_reach(tx, plan.people), visitor.account.handle, now),
        services=probes.services(plan, watch.standings(tx), now),
        vendors=[
            _VENDOR[one.how] + (one.name, one.because, one.status_page or "")
            for one in assessing.vendors(tx, plan, around)
        ],
        last=_last(tx, now) if not heroes else "",
        to_begin=to_begin,
    )


_VENDOR = {
    How.WELL: ("ok", "No trouble known"),
    How.TROUBLE: ("down", "In trouble"),
    How.NOT_LOOKED: ("unknown", "Not looked at"),
}


def _behind(tx: frame.Tx, now: datetime) -> str:
    """That the published status page is not what it should be, and why; nothing while it is."""
    found = public_site.standing(tx)
    if found.failing_since is None:
        return ""
    since = present.moment(found.failing_since, now)
    return f"The published status page is behind since {since}. {found.reason} It is tried again and again."


def _number(known: int, shown: int = 0) -> str:
    """How many there are beyond those that are shown, as far as it is known; empty if none."""
    more = max(0, known - shown)
    return f"{more}{' or more' if known == frame.MOST_OPEN else ''}" if more else ""


def _sentence(known: frame.Situation, now: datetime) -> str:
    broken = len(known.open)
    rows = frame.owed_rows(known, now, frame.MOST_OPEN)
    soon, late = (sum(row.state == state for row in rows) for state in ("due", "overdue"))
    all_late, all_soon = late == frame.MOST_OPEN, late + soon == frame.MOST_OPEN  # the soonest are known, and no others
    open_ = "Nothing is open" if not broken else f"{_number(broken)} incident{'s' if broken > 1 else ''} open"
    due = f", {soon}{' or more' if all_soon else ''} obligation{'s' if soon > 1 else ''} due soon" if soon else ""
    overdue = f", {late}{' or more' if all_late else ''} overdue" if late else ""
    return f"{present.day(now)}. {open_}{overdue}{due}."


def _ruler(known: frame.Situation, now: datetime) -> present.Ruler | None:
    marks = [(duty.due_at, duty.what, present.urgency(duty, now)[0]) for duty in known.owed]
    return present.ruler(marks, now, now + timedelta(hours=1), now)


def _missed(tx: Tx, now: datetime) -> tuple[present.Settled, ...]:
    """What was missed or done late within the last day, over all incidents declared lately."""
    titles = incidents.titles(tx, now - timedelta(days=7), limit=50)
    late = obligations.broken_since(tx, list(titles), now - MISSED_SHOWN)[:OWED_SHOWN]
    return present.settled([replace(one, what=f"{one.what}, {titles[one.incident_id or '']}") for one in late], now)


def _last(tx: Tx, now: datetime) -> str:
    latest = incidents.listing(tx, limit=1)
    if not latest:
        return "No incident was ever declared here."
    return f"The last incident was declared {short_span(now - latest[0].declared_at)} ago."


def routes() -> list[Any]:
    return [show_now]
