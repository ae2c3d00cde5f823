"""The rehearsal's own pages: break and mend the stand-in, and read the mails. Also for scripts, as JSON."""

from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Redirect

from tocsin.kit.clock import to_millis
from tocsin.kit.errors import Forbidden, Invalid, NotFound, TocsinError
from tocsin.rehearsal import pages
from tocsin.rehearsal.mailcatcher import Mail, Mailbox
from tocsin.rehearsal.rose import Component, Mode, Switches, Vendor
from tocsin.rehearsal.standin import StandIn

STYLE = files("tocsin.rehearsal").joinpath("static/rehearsal.css").read_text(encoding="utf-8")
MOST_FORM_BYTES = 64 * 1024
LATEST = 20
SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would make a browser hide the origin of our own forms
    "cache-control": "no-store",
}
CODES = ((NotFound, 404), (Invalid, 400), (Forbidden, 403))

AnyRequest = Request[object, object, State]


class ForeignPage(Forbidden):
    """Only the rehearsal's own pages and scripts may do this."""


@dataclass(frozen=True)
class Desk:
    """What the pages show and change."""

    stand_in: StandIn
    mailbox: Mailbox
    smtp_address: str
    loopback: bool


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a script may send to `PUT /switch`."""

    mode: Mode
    components: frozenset[Component] = frozenset()
    vendor: Vendor | None = None
    seconds: float = 0.0


def controls(desk: Desk) -> Litestar:
    return Litestar(
        route_handlers=[
            show,
            style,
            read_switch,
            submit_switch,
            put_switch,
            list_mails,
            mails_json,
            show_mail,
            raw_mail,
        ],
        state=State({"desk": desk}),
        before_request=_keep_strangers_out,
        exception_handlers={TocsinError: _refuse},
        response_headers=SAFE,
        openapi_config=None,
        logging_config=None,  # the process that serves decides what is logged
        request_max_body_size=MOST_FORM_BYTES,
    )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keep_strangers_out(request: AnyRequest) -> None:
    """The mails hold sign-in links, so no other site may read them or press a button, by whatever name it calls us."""
    desk: Desk = request.app.state.desk
    asked = request.headers.get("host", "")
    name = urlsplit(f"//{asked}").hostname or ""
    if desk.loopback and not is_loopback(name):
        raise ForeignPage("Open this page by its loopback address")
    origin = request.headers.get("origin")
    if request.method != "GET" and origin and urlsplit(origin).netloc != asked:
        raise ForeignPage


def _refuse(request: AnyRequest, why: TocsinError) -> Response[dict[str, str]]:
    code = next((code for kind, code in CODES if isinstance(why, kind)), 409)
    body = {"error": why.message}
    if isinstance(why, Invalid) and why.field:
        body["field"] = why.field
    return Response(body, status_code=code, media_type=MediaType.JSON, headers=SAFE)


def _html(text: str, status: int = 200) -> Response[str]:
    return Response(text, status_code=status, media_type=MediaType.HTML)


@get("/", sync_to_thread=False)
def show(state: State) -> Response[str]:
    return _html(_control_page(state.desk))


def _control_page(desk: Desk, *, error: str = "", seconds: str = "12") -> str:
    stand_in, switches = desk.stand_in, desk.stand_in.switches
    return pages.page(
        "control.html",
        bell=pages.bell(stand_in, desk.mailbox),
        healthy=switches.mode is Mode.HEALTHY,
        slow=switches.mode is Mode.SLOW,
        components=pages.component_rows(switches),
        vendors=pages.vendor_rows(switches),
        whole=pages.whole_rows(switches),
        breakers=pages.breaker_lines(stand_in),
        calls=[pages.call_line(heard) for heard in list(stand_in.calls)[:LATEST]],
        calls_heard=stand_in.calls_heard,
        mails=[pages.mail_line(mail) for mail in desk.mailbox.newest_first()[:5]],
        rose_url=stand_in.url,
        smtp_address=desk.smtp_address,
        error=error,
        seconds=seconds,
    )


@get("/rehearsal.css", sync_to_thread=False)
def style() -> Response[str]:
    return Response(STYLE, media_type="text/css")


@get("/switch", sync_to_thread=False)
def read_switch(state: State) -> Response[dict[str, object]]:
    return Response(_as_json(state.desk), media_type=MediaType.JSON)


def _as_json(desk: Desk) -> dict[str, object]:
    switches = desk.stand_in.switches
    return {
        "mode": switches.mode.value,
        "components": [c.value for c in Component if c in switches.components],
        "vendor": switches.vendor.value if switches.vendor else None,
        "seconds": switches.seconds,
        "since": desk.stand_in.since.isoformat().replace("+00:00", "Z"),
        "rose": desk.stand_in.url,
    }


@post("/switch")
async def submit_switch(request: AnyRequest, state: State) -> Response[str] | Redirect:
    fields = parse_qs((await request.body()).decode(errors="replace"))
    seconds = fields.get("seconds", ["0"])[-1]
    try:
        await state.desk.stand_in.switch(_from_form(fields, seconds))
    except Invalid as why:
        return _html(_control_page(state.desk, error=why.message, seconds=seconds), status=400)
    return Redirect("/", status_code=303)


def _from_form(fields: dict[str, list[str]], seconds: str) -> Switches:
    try:
        return Switches(
            mode=Mode(fields.get("mode", [""])[-1]),
            components=frozenset(Component(name) for name in fields.get("components", [])),
            vendor=Vendor(fields["vendor"][-1]) if "vendor" in fields else None,
            seconds=float(seconds),
        )
    except ValueError as why:
        raise Invalid(f"The form holds something else than was asked for: {why}") from why


@put("/switch")
async def put_switch(request: AnyRequest, state: State) -> Response[dict[str, object]]:
    try:
        wanted = msgspec.json.decode(await request.body(), type=Wanted)
    except msgspec.DecodeError as why:
        raise Invalid(str(why)) from why
    await state.desk.stand_in.switch(Switches(wanted.mode, wanted.components, wanted.vendor, wanted.seconds))
    return Response(_as_json(state.desk), media_type=MediaType.JSON)


@get("/mails", sync_to_thread=False)
def list_mails(state: State) -> Response[str]:
    desk: Desk = state.desk
    lines = [pages.mail_line(mail) for mail in desk.mailbox.newest_first()]
    bell = pages.bell(desk.stand_in, desk.mailbox)
    received = desk.mailbox.received
    return _html(pages.page("mails.html", bell=bell, mails=lines, received=received, smtp_address=desk.smtp_address))


@get("/mails.json", sync_to_thread=False)
def mails_json(state: State) -> Response[list[dict[str, object]]]:
    found = [_mail_as_json(mail) for mail in state.desk.mailbox.newest_first()]
    return Response(found, media_type=MediaType.JSON)


def _mail_as_json(mail: Mail) -> dict[str, object]:
    return {
        "id": mail.id,
        "from": mail.from_,
        "to": list(mail.recipients),
        "envelope_from": mail.sender,
        "subject": mail.subject,
        "message_id": mail.message_id,
        "times": mail.times,
        "headers": mail.headers,
        "text": mail.text,
        "received_at": mail.received_at.isoformat().replace("+00:00", "Z"),
        "received_at_ms": to_millis(mail.received_at),
    }


@get("/mails/{mail_id:int}", sync_to_thread=False)
def show_mail(state: State, mail_id: FromPath[int]) -> Response[str]:
    desk: Desk = state.desk
    mail = desk.mailbox.find(mail_id)
    text = pages.linked(mail.text)
    bell = pages.bell(desk.stand_in, desk.mailbox)
    line = pages.mail_line(mail)
    return _html(pages.page("mail.html", bell=bell, mail=mail, line=line, text=text))


@get("/mails/{mail_id:int}/raw", sync_to_thread=False)
def raw_mail(state: State, mail_id: FromPath[int]) -> Response[bytes]:
    # Plain text, and never sniffed: the browser shows the source and runs nothing.
    return Response(state.desk.mailbox.find(mail_id).raw, media_type="text/plain; charset=utf-8")
