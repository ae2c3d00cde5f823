"""Getting updates of the status page: the form, and the pages behind the links that a subscriber is sent.

No account and no cookie: a link proves whose it is. Whatever changes something is a form, since mail scanners open
every link of a mail.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.comms.subscribers import commands, links
from tocsin.comms.subscribers.links import PATH, Purpose
from tocsin.comms.subscribers.model import Subscriber, masked, parts_of
from tocsin.kit.actor import STRANGER
from tocsin.kit.errors import Invalid, NotFound, Overloaded, TocsinError
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Way
from tocsin.signals import reporting
from tocsin.status.site import Frame
from tocsin.status.words import CATALOGUES
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import asset
from tocsin.web.sessions import installation
from tocsin.web.status import again, frame, is_from_here, refusal, spoken

BODY_MOST = 20_000  # bytes
TRAP = "website"  # a field that no person sees; whoever fills it in is a machine
UNSEEN = {"cache-control": "no-store", "x-robots-tag": "noindex"}

TYPED = (Way.EMAIL, Way.WEBHOOK, Way.SLACK, Way.TEAMS)  # by an address that somebody can type


class NoSubscribing(NotFound):
    """Nobody can subscribe here."""


class TooManyAsk(Overloaded):
    """Very many ask for updates now. Nothing was kept; wait a minute, and send it again."""


class NoWay(Invalid):
    """Choose how you want to be told."""


@dataclass(frozen=True)
class Part:
    """A service or a component to choose; a component stands below its service."""

    key: str
    name: str
    is_below: bool
    is_chosen: bool


# ---- Asking ----


@get(PATH, sync_to_thread=True)
def show_form(request: AnyRequest, asked: FromQuery[str | None] = None) -> Template:
    app = installation(request)
    if asked is None:
        return _form(request, Form())
    _opened(app)
    return _page(frame(app, request), "subscribe_asked.html")


def _form(request: AnyRequest, form: Form, why: TocsinError | None = None) -> Template:
    """The form, with what was typed and why it was not taken."""
    app = installation(request)
    plan, ways = _opened(app)
    around = frame(app, request)
    says, refused = around.words.says, refusal(around, why) if why else None
    shown = _page(
        around,
        "subscribe.html",
        chosen=next((way for way in ways if way in TYPED and way == form.text("way")), ways[0]),
        ways=[(way, says(f"way_{way}"), says(f"hint_{way}")) for way in ways if way in TYPED],
        parts=_parts(plan, form.all("part")),
        typed=form.typed(),
        refused=refused,
        push_key=app.push_key if Way.PUSH in ways else "",
        push_script=asset("push.js"),
        stamp=reporting.stamp(app.signing_key.encode(), app.database.now()),
        trap=TRAP,
    )
    return again(shown, refused)


@post(PATH, sync_to_thread=True, opt={"exclude_from_csrf": True}, request_max_body_size=BODY_MOST)
def send_form(request: AnyRequest, form: Sent) -> Template | Redirect:
    """Ask whoever reads at an address. The answer is the same whoever that is, and whether they are known. A refusal
    shows the form again, with what was typed."""
    try:
        return _sent(request, form)
    except (Invalid, Overloaded) as why:
        if not is_from_here(request):
            raise
        return _form(request, form, why)


def _sent(request: AnyRequest, form: Form) -> Redirect:
    app = installation(request)
    _, ways = _opened(app)
    around = frame(app, request)
    key, now = app.signing_key.encode(), app.database.now()
    reporting.check_stamp(key, form.text("stamp"), now)
    way = next((one for one in ways if one == form.text("way")), None)
    if way is None:
        raise NoWay(field="way")
    if not form.text(TRAP):
        if not app.askers.take(reporting.person(key, request.client.host if request.client else ""), now):
            raise TooManyAsk
        _ask(app, way, form, around.words.code)
    named = f"&lang={around.place.language}" if around.place.language else ""
    return Redirect(f"{PATH}?asked=1{named}", status_code=303)


def _ask(app: App, way: Way, form: Form, language: str) -> None:
    typed = form.text("subscription" if way is Way.PUSH else "address")
    anywhere = app.settings.allow_private_webhooks
    parts = form.all("part")
    app.database.run(STRANGER, lambda tx: commands.ask(tx, way, typed, parts, language=language, anywhere=anywhere))


# ---- Saying yes ----


@get(f"{PATH}/confirm/{{token:str}}", sync_to_thread=True)
def show_confirm(request: AnyRequest, token: FromPath[str]) -> Template:
    app = installation(request)
    with app.database.read(STRANGER) as tx:
        plan = plans.current(tx)
        one = commands.to_confirm(tx, token)
        chosen = [parts_of(plan)[key] for key in one.parts if key in parts_of(plan)]
    around = frame(app, request, one.language)
    return _page(around, "subscribe_confirm.html", token=token, to=_shown(one), chosen=around.words.listed(chosen))


@post(f"{PATH}/confirm/{{token:str}}", sync_to_thread=True, opt={"exclude_from_csrf": True})
def confirm(request: AnyRequest, token: FromPath[str]) -> Redirect:
    app = installation(request)
    one = app.database.run(STRANGER, lambda tx: commands.confirm(tx, token))
    own = links.token(app.signing_key.encode(), Purpose.MANAGE, one.id)
    return Redirect(f"{PATH}/manage/{own}?done=confirmed", status_code=303, headers=UNSEEN)


# ---- Changing it ----


@get(f"{PATH}/manage/{{token:str}}", sync_to_thread=True)
def show_manage(request: AnyRequest, token: FromPath[str], done: FromQuery[str | None] = None) -> Template:
    app = installation(request)
    with app.database.read(STRANGER) as tx:
        plan, one = plans.current(tx), commands.own(tx, token)
        secret = tx.keys.shown(one.secret) if one.way is Way.WEBHOOK else ""
    around = frame(app, request, one.language)
    return _page(
        around,
        "subscribe_manage.html",
        token=token,
        leave=links.token(app.signing_key.encode(), Purpose.LEAVE, one.id),
        to=_shown(one),
        by=around.words.says(f"way_{one.way}"),
        is_active=one.is_active,
        secret=secret,
        parts=_parts(plan, one.parts),
        languages=[(code, words.says("name")) for code, words in CATALOGUES.items()],
        chosen=one.language or plan.public.language,
        done=done or "",
    )


@post(
    f"{PATH}/manage/{{token:str}}",
    sync_to_thread=True,
    opt={"exclude_from_csrf": True},
    request_max_body_size=BODY_MOST,
)
def change(request: AnyRequest, token: FromPath[str], form: Sent) -> Redirect:
    parts, language = form.all("part"), form.text("language") if form.has("language") else None
    installation(request).database.run(STRANGER, lambda tx: commands.choose(tx, token, parts, language))
    return Redirect(f"{PATH}/manage/{token}?done=saved", status_code=303, headers=UNSEEN)


@post(f"{PATH}/manage/{{token:str}}/export", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def export(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
    """Everything that is kept about them, as a file."""
    found = installation(request).database.run(STRANGER, lambda tx: commands.export_own(tx, token))
    body = msgspec.json.format(msgspec.json.encode(found), indent=2)
    named = {"content-disposition": 'attachment; filename="subscription.json"'}
    return Response(body, media_type="application/json", headers={**UNSEEN, **named})


# ---- Leaving ----


@get(f"{PATH}/leave/{{token:str}}", sync_to_thread=True)
def show_leave(request: AnyRequest, token: FromPath[str]) -> Template:
    app = installation(request)
    with app.database.read(STRANGER) as tx:
        one = commands.leaving(tx, token)
    if one is None:
        return _page(frame(app, request), "subscribe_left.html")
    return _page(frame(app, request, one.language), "subscribe_leave.html", token=token, to=_shown(one))


@post(f"{PATH}/leave/{{token:str}}", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def leave(request: AnyRequest, token: FromPath[str]) -> Template:
    """One click, of a person or of their mail program (RFC 8058): it asks nothing, and leads nowhere else."""
    app = installation(request)
    with app.database.read(STRANGER) as tx:
        one = commands.leaving(tx, token)
    app.database.run(STRANGER, lambda tx: commands.leave(tx, token))
    return _page(frame(app, request, one.language if one else ""), "subscribe_left.html")


# ---- What the templates show ----


def _shown(one: Subscriber) -> str:
    return masked(one.address) if one.way is Way.EMAIL else one.address


def _parts(plan: Plan, chosen: tuple[str, ...]) -> list[Part]:
    """What may be chosen; of a service with one component or none, the service."""
    return [Part(key, name, "/" in key, key in chosen) for key, name in parts_of(plan).items()]


def _opened(app: App) -> tuple[Plan, tuple[Way, ...]]:
    """The plan, and the ways that are offered. Raises NoSubscribing."""
    with app.database.read(STRANGER) as tx:
        plan = plans.current(tx)
    ways = app.ways_to_subscribe(plan)
    if not ways:
        raise NoSubscribing
    return plan, ways


def _page(around: Frame, template: str, **view: Any) -> Template:
    headers = {**UNSEEN, "content-language": around.words.code}
    return Template(template, context={**spoken(around), **view}, headers=headers)


def routes() -> list[Any]:
    return [show_form, send_form, show_confirm, confirm, show_manage, change, export, show_leave, leave]
