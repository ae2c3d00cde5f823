"""Who is on call at this moment, for screens, scripts and badges: as a page, as JSON, and as a small picture.

Like the status page it is rendered at once for all who ask, and kept as bytes. Strangers see as much of it as the
setting `public_on_call` says; whoever is signed in, or sends a token that may read the plan, sees names.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.door import commands as door
from tocsin.kit.actor import STRANGER
from tocsin.kit.badge import badge as drawn
from tocsin.kit.clock import stopwatch
from tocsin.oncall import store
from tocsin.oncall.model import Shift
from tocsin.oncall.standing import Standing, standing
from tocsin.people import access, sessions, tokens
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.web import cookies, escaping, present
from tocsin.web.board import FOR_ANYONE, HTML, JSON, SAFE, Answer, Board, Header, Rendered, answered, send_all
from tocsin.web.frame import asset
from tocsin.web.guards import ANYWHERE

PATH = "/oncall/now"
BADGES = "/oncall/badge"
SVG = b"image/svg+xml; charset=utf-8"
STILL = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ANYWHERE,
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"authorization, cookie"),
)
PRIVATE = (b"cache-control", b"private, max-age=5")
REMEMBERED_FOR = 1.0  # seconds for which somebody whose right was taken away may still look
REMEMBERED_MOST = 1000
NAMES, COVERED = "names", "covered"


def routes(board: "OnCallBoard | None" = None) -> list[ASGIRouteHandler]:
    shown = board or OnCallBoard()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await shown.answer(scope, send, scope["path"].rstrip("/"))

    async def answer_below(scope: Scope, receive: Receive, send: Send) -> None:
        await shown.answer(scope, send, f"{BADGES}/{scope['path'].strip('/')}")

    raw = asgi([PATH, f"{PATH}.json"], name="on call now", copy_scope=False, exclude_from_csrf=True)
    below = asgi(BADGES, name="on call badge", is_mount=True, copy_scope=False, exclude_from_csrf=True)
    return [raw(answer), below(answer_below)]


# ---- Who may look ----------------------------------------------------------------------------------------------------


class OnCallBoard:
    """Rendered once with names and once without; each reader gets what they may see."""

    def __init__(self, seconds: Callable[[], float] = stopwatch) -> None:
        self._seconds = seconds
        self._board = Board(_render, "who is on call", seconds)
        self._admitted: OrderedDict[bytes, float] = OrderedDict()

    async def answer(self, scope: Scope, send: Send, path: str) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})
            return
        app: App = scope["litestar_app"].state["tocsin"]
        public = app.settings.public_on_call
        if public == NAMES or await self._may_read(app, scope):
            await self._board.answer(scope, send, f"{NAMES}:{path}")
        elif public == COVERED:
            await self._board.answer(scope, send, f"{COVERED}:{path}")
        else:
            await _turn_away(scope, send, path)

    async def _may_read(self, app: App, scope: HTTPScope) -> bool:
        """Whether the reader is signed in, or shows a token that may read the plan."""
        found = shown(scope)
        if found is None:
            return False
        digest = hashlib.sha256("".join(found).encode()).digest()
        if self._seconds() < self._admitted.get(digest, 0.0):
            return True
        if not await asyncio.to_thread(_is_reader, app, scope, *found):
            return False
        self._admitted.pop(digest, None)
        self._admitted[digest] = self._seconds() + REMEMBERED_FOR
        while len(self._admitted) > REMEMBERED_MOST:
            self._admitted.popitem(last=False)
        return True


def shown(scope: HTTPScope) -> tuple[str, str] | None:
    """What a request shows of its sender: `bearer` and a token, or `session` and its secret."""
    headers = dict(scope["headers"])
    scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return "bearer", value.strip()
    session = cookies.of(scope, cookies.SESSION)
    return ("session", session) if session else None


def _is_reader(app: App, scope: HTTPScope, kind: str, secret: str) -> bool:
    with app.database.read(STRANGER) as tx:
        if kind == "session":
            found = sessions.signed_in(tx, secret)
            if found is None or not access.person(found[0]).may(access.PLAN_READ):
                return False
            return not (app.settings.require_second_factor and door.owes_factor(tx, *found))
        token = tokens.live(tx, secret)
        if token is None:
            _note(app, scope, tx.now, Deed.TOKEN_REFUSED)
            return False
        app.token_uses.note(token.id, tx.now)
        bearer = access.bearer(token)
        if not bearer.may(access.PLAN_READ):
            _note(app, scope, tx.now, Deed.RIGHT_MISSING, bearer.handle)
            return False
        return True


def _note(app: App, scope: HTTPScope, at: datetime, deed: Deed, actor: str = "") -> None:
    """For the audit log, as the API notes a token that it refuses."""
    client = scope.get("client")
    app.refusals.note(deed, at, actor=actor, about=PATH, source=client[0] if client else "")


async def _turn_away(scope: HTTPScope, send: Send, path: str) -> None:
    """Away to sign in, from the page; a program is told what it lacks."""
    uncached = (b"cache-control", b"no-store")
    if path == PATH:
        onward = (b"location", f"/signin?next={PATH}".encode())
        await send_all(scope, send, 303, (onward, (b"content-length", b"0"), uncached), b"")
        return
    text = b"Sign in, or send a token that may read the plan: who is on call is not public here.\n"
    about = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), uncached)
    await send_all(scope, send, 401, (*about, (b"www-authenticate", b'Bearer realm="tocsin"')), text)


# ---- What they see ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One rotation in words; without names where they are not for everybody."""

    rotation: str
    name: str
    mark: str
    word: str
    who: str
    until: str
    until_iso: str
    then: str
    zone: str


def _render(app: App) -> Rendered:
    with app.database.read(STRANGER) as tx:
        plan, now = plans.current(tx), tx.now
        found = standing(store.rotas(tx, plan), now)
    is_public = app.settings.public_on_call
    shown: dict[str, Answer] = {}
    for kind in (NAMES, COVERED):
        cached: tuple[Header, ...] = () if kind == is_public else (PRIVATE,)
        shown |= {f"{kind}:{path}": one for path, one in _answers(plan, found, now, *cached, named=kind == NAMES)}
    gone = b"The plan has no such rotation, or there is nothing at this address.\n"
    return Rendered(shown, answered(gone, b"text/plain; charset=utf-8", status=404, cached=PRIVATE))


def _answers(
    plan: Plan, found: Sequence[Standing], now: datetime, *cached: Header, named: bool
) -> Iterator[tuple[str, Answer]]:
    how: dict[str, Any] = {"cached": cached[0]} if cached else {}
    lines = [_line(plan, one, now, named=named) for one in found]
    html = _environment.get_template("oncall_now.html").render(
        lines=lines,
        named=named,
        name=plan.name,
        css=asset("tocsin.css"),
        icon=asset("tocsin.svg"),
        now=present.iso(now),
    )
    vary = (b"vary", b"authorization, cookie")
    yield PATH, answered(html.encode(), HTML, *SAFE, vary, **how)
    plain = {"at": present.iso(now), "rotations": [_plain(plan, one, named=named) for one in found]}
    readable = () if cached else (FOR_ANYONE, ANYWHERE)  # by pages of other sites
    yield f"{PATH}.json", answered(json.dumps(plain).encode(), JSON, vary, *readable, **how)
    for line in lines:
        yield f"{BADGES}/{line.rotation}.svg", answered(badge(line).encode(), SVG, *STILL, **how)


_environment = Environment(
    loader=PackageLoader("tocsin.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(escaping.FILTERS)


def _line(plan: Plan, one: Standing, now: datetime, *, named: bool) -> Line:
    rotation = plan.rotations[one.rotation]
    ends_at = one.shift.ends_at if one.shift else one.next.starts_at if one.next else None
    who = present.names(plan, one.people) if named else "Somebody is on call"
    return Line(
        rotation=one.rotation,
        name=rotation.name or one.rotation,
        mark="ok" if one.shift else "missed",
        word="Covered" if one.shift else "Nobody is on call",
        who=who if one.shift else "Nobody",
        until=_clock(ends_at, now, rotation.zone) if ends_at and (named or not one.shift) else "",
        until_iso=present.iso(ends_at) if ends_at else "",
        then=present.names(plan, one.next.people) if named and one.next else "",
        zone=rotation.zone,
    )


def _clock(at: datetime, now: datetime, zone: str) -> str:
    there, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    time = present.clock_in(at, zone)
    return time if there.date() == today else f"{there:%a} {there.day} {there:%b} {time}"


def _plain(plan: Plan, one: Standing, *, named: bool) -> dict[str, Any]:
    about = {"rotation": one.rotation, "name": plan.rotations[one.rotation].name or one.rotation}
    if not named:
        return {**about, "covered": one.shift is not None}
    return {
        **about,
        "covered": one.shift is not None,
        "zone": plan.rotations[one.rotation].zone,
        "shift": _shift(plan, one.shift),
        "next": _shift(plan, one.next),
    }


def _shift(plan: Plan, shift: Shift | None) -> dict[str, Any] | None:
    if shift is None:
        return None
    who = [{"person": one, "name": present.names(plan, [one])} for one in dict.fromkeys(shift.people)]
    return {"people": who, "starts_at": present.iso(shift.starts_at), "ends_at": present.iso(shift.ends_at)}


# ---- A badge ---------------------------------------------------------------------------------------------------------

_COLOURS = {"ok": "#0a6b50", "missed": "#b0112b"}


def badge(line: Line) -> str:
    """A small picture: the rotation, and who is on call."""
    right = "nobody" if line.mark == "missed" else line.who
    return drawn(line.name, "covered" if right == "Somebody is on call" else right, _COLOURS[line.mark])
