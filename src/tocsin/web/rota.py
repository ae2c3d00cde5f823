"""The rotas as a calendar: a month, a week or a list, in the zone of whoever looks; and the calendars that they
subscribe to. Everything is a link or a form, so a keyboard and a phone are enough."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from litestar import get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.kit import wall
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused
from tocsin.kit.text import clip
from tocsin.oncall import commands, ical, store
from tocsin.oncall.model import Feed, Gap, Shift
from tocsin.oncall.schedule import Rotas
from tocsin.people.model import Account
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.plan.printing_rotas import every
from tocsin.web import cookies, present
from tocsin.web.forms import AnyRequest, Sent, local_path
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.trouble import Trouble, trouble

PATH = "/oncall/calendar"
VIEWS = {"month": "Month", "week": "Week", "list": "List"}
ALL = "all"
A_YEAR = 365 * 24 * 3600
LIST_WEEKS = 5
BEYOND = timedelta(days=31)  # of what is shown: so far the beginning and the end of a gap are looked for
NOT_SAID = "UTC"  # an account's zone that nobody has set
FIRST, LAST = date(1970, 2, 1), date(2199, 11, 1)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


# ---- What is asked for -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What the address says. Without a view a phone shows the list and a wide screen the month."""

    view: str
    on: date
    zone: str
    rotations: tuple[str, ...]
    chosen: Mapping[str, str]  # of that, what the address itself said

    def address(self, **changes: str) -> str:
        found = {name: value for name, value in {**self.chosen, **changes}.items() if value}
        return f"{PATH}?{urlencode(found)}" if found else PATH

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def begins(self, day: date) -> datetime:
        """The first instant of a day there; where midnight is skipped, the first that the clock shows."""
        return wall.reached_at(self.zone, wall.local_of(day, time()))


def asked(request: AnyRequest, plan: Plan, account: Account, now: datetime) -> Asked:
    """Raises Invalid for what no link of ours says."""
    me = account.handle
    said = {name: request.query_params.get(name, "") for name in ("view", "on", "zone", "rotation")}
    if said["view"] not in ("", *VIEWS):
        raise Invalid(f"There is no view '{clip(said['view'], 40)}'; there is month, week and list.", field="view")
    rotation = said["rotation"] or next((key for key, one in plan.rotations.items() if me in one.everyone), "")
    if rotation not in ("", ALL, *plan.rotations):
        raise NoSuchRotation(f"The plan has no rotation '{clip(rotation, 40)}'.")
    rotations = tuple(plan.rotations) if rotation == ALL else (rotation or next(iter(plan.rotations), ""),)
    rotations = tuple(one for one in rotations if one)
    own = plan.rotations[rotations[0]].zone if rotations else "UTC"
    lives_in = account.zone if account.zone != NOT_SAID else ""
    zone = zone_of(said["zone"]) if said["zone"] else _kept_zone(request) or lives_in or own
    today = now.astimezone(ZoneInfo(zone)).date()
    return Asked(said["view"], _day(said["on"]) if said["on"] else today, zone, rotations, said)


class NoSuchRotation(NotFound):
    """The plan has no such rotation."""


def zone_of(said: str) -> str:
    try:
        ZoneInfo(said)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"'{clip(said, 40)}' is not a time zone; write it like Europe/Berlin.", field="zone") from None
    return said


def _kept_zone(request: AnyRequest) -> str:
    """The zone chosen before; nothing, if it can't be used any more."""
    try:
        return zone_of(request.cookies.get(cookies.ZONE, "") or "?")
    except Invalid:
        return ""


def _day(said: str) -> date:
    try:
        found = date.fromisoformat(said)
    except ValueError:
        raise Invalid(f"'{clip(said, 40)}' is no day; write it like 2026-11-24.", field="on") from None
    if not FIRST <= found <= LAST:
        raise Invalid("That day is out of reach; choose one of the years 1970 to 2199.", field="on")
    return found


# ---- What is shown ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What a day has of a shift, or of a gap."""

    when: str
    who: str
    rotation: str  # empty where only one is shown
    is_you: bool = False
    is_gap: bool = False
    is_arranged: bool = False


@dataclass(frozen=True)
class Day:
    number: int
    text: str
    iso: str
    is_today: bool
    is_outside: bool  # of the month
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Row:
    """A shift or a gap as a line of the list."""

    starts: str
    starts_iso: str
    ends: str
    ends_iso: str
    who: str
    rotation: str
    is_you: bool
    is_now: bool
    is_gap: bool
    is_arranged: bool


@dataclass(frozen=True)
class View:
    """A calendar of some weeks; the grid, the list or both, of which the width of the screen chooses one."""

    title: str
    weekdays: tuple[str, ...]
    weeks: tuple[tuple[Day, ...], ...]
    rows: tuple[Row, ...]
    is_both: bool
    previous: str
    today: str
    next: str


Piece = tuple[str, Shift | Gap]


def view(plan: Plan, rotas: Rotas, wanted: Asked, me: str, now: datetime) -> View:
    days = _days(wanted)
    start, end = wanted.begins(days[0]), wanted.begins(days[-1] + timedelta(days=1))
    pieces = list(_pieces(rotas, wanted.rotations, start, end))
    grid, lines = wanted.view != "list", wanted.view in ("", "list")
    shown = _Shown(plan, wanted, me, now)
    cells = [shown.day(day, pieces) for day in days] if grid else []
    weeks = tuple(tuple(cells[place : place + 7]) for place in range(0, len(cells), 7))
    earlier, later = _around(wanted)
    return View(
        title=_title(wanted, days),
        weekdays=WEEKDAYS,
        weeks=weeks,
        rows=tuple(shown.row(*one) for one in _listed(rotas, pieces, (start, end), now, from_now=grid))
        if lines
        else (),
        is_both=grid and lines,
        previous=wanted.address(on=earlier.isoformat()) if earlier >= FIRST else "",
        today=wanted.address(on=""),
        next=wanted.address(on=later.isoformat()) if later <= LAST else "",
    )


def _days(wanted: Asked) -> list[date]:
    """From a Monday to a Sunday; a list begins on its day."""
    first, last = wanted.on, wanted.on + timedelta(days=7 * LIST_WEEKS - 1)
    if wanted.view in ("", "month"):
        first = wanted.on.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if wanted.view != "list":
        first -= timedelta(days=first.weekday())
        last = first + timedelta(days=6) if wanted.view == "week" else last + timedelta(days=6 - last.weekday())
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]


def _around(wanted: Asked) -> tuple[date, date]:
    match wanted.view:
        case "week":
            step = timedelta(days=7)
        case "list":
            step = timedelta(weeks=LIST_WEEKS)
        case _:
            first = wanted.on.replace(day=1)
            return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=31)).replace(day=1)
    return wanted.on - step, wanted.on + step


def _title(wanted: Asked, days: Sequence[date]) -> str:
    if wanted.view in ("", "month"):
        return f"{wanted.on:%B %Y}"
    first, last = days[0], days[-1]
    return f"{first.day} {first:%b} to {last.day} {last:%b %Y}"


def _pieces(rotas: Rotas, rotations: Sequence[str], start: datetime, end: datetime) -> Iterator[Piece]:
    """Shifts and gaps within a span, in order, rotation by rotation."""
    for name in rotations:
        found: list[Shift | Gap] = [*rotas.clipped(name, start, end), *rotas.gaps(name, start, end)]
        yield from ((name, one) for one in sorted(found, key=lambda one: one.starts_at))


def _listed(
    rotas: Rotas, pieces: Sequence[Piece], span: tuple[datetime, datetime], now: datetime, *, from_now: bool
) -> list[Piece]:
    """The same, each from its beginning to its end. `from_now` leaves out what is over, unless all of it is."""
    start, end = span
    whole = [
        (name, one if start < one.starts_at and one.ends_at < end else _whole(rotas, name, one)) for name, one in pieces
    ]
    found = sorted(whole, key=lambda each: (each[1].starts_at, each[0]))
    return [each for each in found if each[1].ends_at > now] or found if from_now else found


def _whole(rotas: Rotas, name: str, one: Shift | Gap) -> Shift | Gap:
    if isinstance(one, Shift):
        return rotas.shift_at(name, one.starts_at) or one
    around = rotas.gaps(name, one.starts_at - BEYOND, one.ends_at + BEYOND)
    return next((gap for gap in around if gap.starts_at <= one.starts_at < gap.ends_at), one)


class _Shown:
    """Pieces in words, for one reader."""

    def __init__(self, plan: Plan, wanted: Asked, me: str, now: datetime) -> None:
        self._plan, self._wanted, self._me, self._now = plan, wanted, me, now
        self._tz = wanted.tz

    def day(self, day: date, pieces: Sequence[Piece]) -> Day:
        start, end = self._wanted.begins(day), self._wanted.begins(day + timedelta(days=1))
        inside = ((name, one) for name, one in pieces if one.starts_at < end and one.ends_at > start)
        today = self._now.astimezone(self._tz).date()
        is_month = self._wanted.view in ("", "month")
        return Day(
            number=day.day,
            text=f"{day:%A} {day.day} {day:%B %Y}",
            iso=day.isoformat(),
            is_today=day == today,
            is_outside=is_month and day.month != self._wanted.on.month,
            parts=tuple(self._part(name, one, start, end) for name, one in inside),
        )

    def _part(self, name: str, one: Shift | Gap, start: datetime, end: datetime) -> Part:
        return Part(
            when=self._when(one, start, end),
            who=self._who(one),
            rotation=self._rotation(name) if len(self._wanted.rotations) > 1 else "",
            is_you=isinstance(one, Shift) and self._me in one.people,
            is_gap=isinstance(one, Gap),
            is_arranged=isinstance(one, Shift) and bool(one.overrides),
        )

    def _when(self, one: Shift | Gap, start: datetime, end: datetime) -> str:
        begins = present.clock_in(one.starts_at, self._wanted.zone) if one.starts_at > start else ""
        ends = present.clock_in(one.ends_at, self._wanted.zone) if one.ends_at < end else ""
        if begins and ends:
            return f"{begins} to {ends}"
        return f"from {begins}" if begins else f"until {ends}" if ends else "all day"

    def _who(self, one: Shift | Gap) -> str:
        return present.names(self._plan, dict.fromkeys(one.people)) if isinstance(one, Shift) else "Nobody"

    def _rotation(self, name: str) -> str:
        return self._plan.rotations[name].name or name

    def row(self, name: str, one: Shift | Gap) -> Row:
        return Row(
            starts=self._instant(one.starts_at),
            starts_iso=present.iso(one.starts_at),
            ends=self._instant(one.ends_at),
            ends_iso=present.iso(one.ends_at),
            who=self._who(one),
            rotation=self._rotation(name),
            is_you=isinstance(one, Shift) and self._me in one.people,
            is_now=one.starts_at <= self._now < one.ends_at,
            is_gap=isinstance(one, Gap),
            is_arranged=isinstance(one, Shift) and bool(one.overrides),
        )

    def _instant(self, at: datetime) -> str:
        there = at.astimezone(self._tz)
        return f"{there:%a} {there.day} {there:%b} {present.clock_in(at, self._wanted.zone)}"


# ---- The page --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    label: str
    href: str
    is_here: bool


@dataclass(frozen=True)
class Subscribed:
    id: str
    of: str
    whose: str
    made: str


@get(PATH, sync_to_thread=True)
def show_calendar(request: AnyRequest, visitor: SignedIn) -> Template:
    return _page(request, visitor, {}, None, "")


def _page(
    request: AnyRequest, visitor: Visitor, typed: Mapping[str, str], wrong: Trouble | None, address: str
) -> Template:
    me = visitor.account.handle
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now = plans.current(tx), tx.now
        wanted = asked(request, plan, visitor.account, now)
        since = wanted.begins(_days(wanted)[0])
        rotas = store.rotas(tx, plan, since - BEYOND)
        return page(
            request,
            visitor,
            tx,
            "rota.html",
            title="Calendar",
            here="/oncall",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed=typed,
            address=address,
            zone=wanted.zone,
            zones=_zones(plan, wanted),
            here_again=wanted.address(zone=""),
            view=view(plan, rotas, wanted, me, now) if wanted.rotations else None,
            views=[
                Link(label, wanted.address(view=key), key == (wanted.view or "month")) for key, label in VIEWS.items()
            ],
            rotas=_rotas(plan, wanted),
            notes=[_note(plan, name) for name in wanted.rotations],
            feeds=[_subscribed(plan, one, now) for one in commands.feeds(tx)],
            choices=[present.Choice(key, one.name or key) for key, one in plan.rotations.items()],
        )


def _zones(plan: Plan, wanted: Asked) -> list[str]:
    """Those of the rotas first; then every other."""
    near = dict.fromkeys([wanted.zone, *(one.zone for one in plan.rotations.values()), "UTC"])
    return [*near, *(zone for zone in _every_zone() if zone not in near)]


@cache
def _every_zone() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))  # which looks through the files of all


def _views(wanted: Asked) -> list[Link]:
    return [Link(label, wanted.address(view=key), key == (wanted.view or "month")) for key, label in VIEWS.items()]


def _rotas(plan: Plan, wanted: Asked) -> list[Link]:
    found = [
        Link(one.name or key, wanted.address(rotation=key), wanted.rotations == (key,))
        for key, one in plan.rotations.items()
    ]
    if len(found) > 1:
        found.append(Link("All", wanted.address(rotation=ALL), len(wanted.rotations) > 1))
    return found


def _note(plan: Plan, name: str) -> str:
    rotation = plan.rotations[name]
    return f"{rotation.name or name}: handed over every {every(rotation)} at {rotation.handoff:%H:%M}, {rotation.zone}."


def _subscribed(plan: Plan, one: Feed, now: datetime) -> Subscribed:
    rotation = plan.rotations.get(one.rotation) if one.rotation else None
    of = (rotation.name if rotation else "") or one.rotation or "own shifts"
    return Subscribed(one.id, of, present.names(plan, [one.owner]), present.moment(one.made_at, now))


@post(f"{PATH}/zone", sync_to_thread=True)
def choose_zone(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Keep the zone in which this browser shows rotas; an empty one is the rota's own again."""
    said = form.text("zone")
    try:
        zone = zone_of(said) if said else ""
    except Invalid as why:
        return _page(request, visitor, form.typed(), trouble(why, {"zone": "zone"}), "")
    cookie = Cookie(key=cookies.ZONE, value=zone, max_age=A_YEAR if zone else 0, samesite="lax", httponly=True)
    return Redirect(local_path(form.text("next") or PATH), status_code=303, cookies=[cookie])


@post(f"{PATH}/feeds", sync_to_thread=True, status_code=200)
def subscribe(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template:
    """Make a calendar, and show its address this once: it is kept nowhere, so there is no page to go on to."""

    def make(tx: Tx) -> str:
        _, secret = commands.make_feed(tx, form.text("rotation") or None)
        return ical.address_of(visitor.app.settings.public_url, secret)

    try:
        address = visitor.app.database.run(visitor.actor, make)
    except (Invalid, Refused, Forbidden) as why:
        return _page(request, visitor, form.typed(), trouble(why, {"rotation": "feed-rotation"}), "")
    return _page(request, visitor, {}, None, address)


@post(f"{PATH}/feeds/{{feed_id:str}}/revoke", sync_to_thread=True)
def revoke(visitor: SignedIn, feed_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.revoke_feed(tx, feed_id))
    return Redirect(f"{PATH}?done=feed_off", status_code=303)


def routes() -> list[Any]:
    return [show_calendar, choose_zone, subscribe, revoke]
