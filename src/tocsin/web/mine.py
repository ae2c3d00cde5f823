"""One's own page: the password, the contact methods, and the rules by which one is paged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from zoneinfo import available_timezones

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.delivery.public import doubt_of
from tocsin.door import commands as door
from tocsin.door import limits
from tocsin.door import store as doors
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused
from tocsin.kit.text import span
from tocsin.paging.trial import State, Trial
from tocsin.people import commands as people_commands
from tocsin.people import secretive, sessions
from tocsin.people import store as people
from tocsin.people.model import Channel, ContactMethod, ContactRule, Urgency, called
from tocsin.plan import store as plans
from tocsin.response import reaching, trials
from tocsin.web import present
from tocsin.web.door import name_of_browser
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import STATIC, SignedIn, Tx, Visitor, asset, page
from tocsin.web.manage import person_row
from tocsin.web.proving import proven
from tocsin.web.sessions import begin_session, refused, source_of
from tocsin.web.trouble import Trouble, trouble

AFTERS = (0, 1, 2, 3, 5, 10, 15, 30, 60)  # minutes, as the form offers them
IDS = {"address": "address", "email": "address", "channel": "channel", "zone": "zone", "code": "code"}
RULE_IDS = {"begins": "begins", "ends": "ends", "steps": "steps", "urgency": "urgency"}


@dataclass(frozen=True)
class Way:
    """A channel that this server has, in the form."""

    key: str
    label: str
    hint: str

    @property
    def named(self) -> str:
        """`mail, a mail address`"""
        return f"{called(self.key)}, {self.hint}"


WAYS = (
    Way(Channel.EMAIL, "Mail", "a mail address"),
    Way(Channel.WEBHOOK, "Webhook", "the https address of a phone app or pager"),
    Way(Channel.SMS, "Text message", "a number like +49 170 1234567"),
    Way(Channel.VOICE, "Call", "a number like +49 170 1234567"),
    Way(Channel.NTFY, "Push by ntfy", "a topic that nobody guesses"),
    Way(Channel.TELEGRAM, "Telegram", "the number that the bot answers /start with"),
    Way(Channel.SLACK, "Slack", "the member ID on your profile there"),
    Way(Channel.TEAMS, "Teams", "the https address of a workflow that posts to your chat"),
    Way(Channel.APPRISE, "Apprise", "an address of Apprise for any other service"),
)


TO_AN_ADDRESS = (Channel.WEBHOOK, Channel.TEAMS)  # of the web, whose host is shown
LABELS = {one.key: one.label for one in WAYS} | {Channel.PUSH: "Push to a browser"}


@dataclass(frozen=True)
class Contact:
    id: str
    channel: str
    label: str
    address: str
    secret: str  # that signs what is sent there; no other is shown
    is_verified: bool
    ended: str
    code: str  # from the link that was sent, for its field
    tested: str  # what became of the last test
    is_doubtful: bool
    device: str  # by which a browser finds itself among them; it gives nothing of its address away
    doubt: str  # why nothing will get there, as far as its address shows that


@dataclass(frozen=True)
class Rule:
    id: str
    urgency: str
    hours: str
    steps: tuple[str, ...]


def label(channel: Channel) -> str:
    return LABELS[channel]


@get("/me", sync_to_thread=True)
def show_me(request: AnyRequest, visitor: SignedIn, verify: FromQuery[str] = "", code: FromQuery[str] = "") -> Template:
    """The page. A link that was sent to a contact method brings the code along, for its button to send."""
    return _me(request, visitor, {}, None, verify, code)


def _me(
    request: AnyRequest,
    visitor: Visitor,
    typed: Mapping[str, str],
    wrong: Trouble | None,
    verify: str = "",
    code: str = "",
) -> Template:
    handle = visitor.account.handle
    with visitor.app.database.read(visitor.actor) as tx:
        account = people.load_person(tx, handle)
        methods, rules = people.contacts(tx, [handle])[handle], people.rules(tx, [handle])[handle]
        tests = {contact_id: one for (_, contact_id), one in trials.standing(tx, [handle]).items()}
        return page(
            request,
            visitor,
            tx,
            "me.html",
            title=account.name,
            here="/me",
            status=wrong.status if wrong else 200,
            me=person_row(account, methods),
            has_password=account.has_password,
            takes_old=account.has_password and not _has_come_by_link(tx, visitor),
            contacts=[
                _contact(visitor.app, tx, one, code if one.id == verify else "", tests.get(one.id)) for one in methods
            ],
            account_tested=_tested(tests.get(reaching.ACCOUNT), tx.now),
            ways=[one for one in WAYS if one.key in visitor.app.offers],
            rules=[_rule(one, methods) for one in rules],
            afters=_afters(),
            push_key=visitor.app.push_key,
            push_script=asset("push.js"),
            zone=account.zone,
            zones=_zones(),
            local=present.clock_in(tx.now, account.zone),
            shortest=people_commands.SHORTEST_PASSWORD,
            typed=typed,
            wrong=wrong,
        )


def _contact(app: App, tx: Tx, one: ContactMethod, code: str, last: Trial | None) -> Contact:
    rules = app.settings
    return Contact(
        id=one.id,
        channel=str(one.channel),
        label=label(one.channel),
        address=one.address,
        secret=tx.keys.shown(one.secret) if one.channel is Channel.WEBHOOK else "",
        is_verified=one.verified_at is not None,
        ended=one.ended_because or "",
        code=code,
        tested=_tested(last, tx.now),
        is_doubtful=last is not None and last.state is State.FAILED,
        device=_device(tx.keys.shown(one.secret)) if one.channel is Channel.PUSH and not one.ended_at else "",
        doubt=doubt_of(one.address, anywhere=rules.allow_private_webhooks, also=rules.private_networks)
        if one.channel in TO_AN_ADDRESS
        else "",
    )


def _device(secret: str) -> str:
    return sha256(secretive.endpoint(secret).encode()).hexdigest()


def _tested(last: Trial | None, now: datetime) -> str:
    """What the last test said of a way, in a sentence."""
    if last is None:
        return "Not tested yet."
    if last.state is State.WAITING:
        return f"A test is on its way; confirm it by {present.moment(last.answer_by, now)}."
    at = present.moment(last.settled_at or last.opened_at, now)
    return f"Its test came through, {at}." if last.state is State.ANSWERED else f"Doubtful since {at}: {last.why}."


def _rule(rule: ContactRule, methods: Sequence[ContactMethod]) -> Rule:
    known = {one.id: one for one in methods}
    found = [(step.after, known[step.contact_id]) for step in rule.steps if step.contact_id in known]
    lines = tuple(f"{_after(after)}: {label(one.channel).lower()} {one.address}" for after, one in found)
    quiet = ("Nothing until these hours end",) if not rule.steps else ("Its contact methods are gone; all are used",)
    hours = f"{rule.begins:%H:%M} to {rule.ends:%H:%M}" if rule.begins and rule.ends else "at any other time"
    return Rule(rule.id, rule.urgency, hours, lines or quiet)


def _after(after: timedelta) -> str:
    return f"After {span(after)}" if after else "At once"


@cache
def _zones() -> list[str]:
    return sorted(available_timezones())


def _afters() -> list[present.Choice]:
    return [present.Choice(str(one), _after(timedelta(minutes=one)), "", False) for one in AFTERS]


# ---- The password ----


@post("/me/password", sync_to_thread=True)
def set_password(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Change one's own password; whoever has one proves it, and whoever has none proves something else. Every other
    session ends."""
    if not visitor.account.has_password:
        visitor = proven(request, visitor, form)
    handle = visitor.account.handle
    try:
        with visitor.app.database.read(visitor.actor) as tx:
            takes_old = visitor.account.has_password and not _has_come_by_link(tx, visitor)
            plan = plans.current(tx)
        if takes_old:
            _prove(request, visitor, form.secret("old"))
        if form.secret("password") != form.secret("again"):
            raise Invalid("The two do not match.", field="again")
        account = visitor.account
        about = (account.handle, account.name, account.email or "", *visitor.app.settings.hosts, plan.name)
        hashed = people_commands.password_hash(form.secret("password"), about)
    except (Invalid, Refused) as why:
        return _me(request, visitor, {}, trouble(why, {"old": "old", "password": "password", "again": "again"}))
    session = visitor.app.database.run(visitor.actor, lambda tx: door.set_password(tx, handle, hashed, visitor.secret))
    return begin_session(request, session, "/me?done=password")


def _has_come_by_link(tx: Tx, visitor: Visitor) -> bool:
    session = sessions.of_secret(tx, visitor.secret)
    return session is not None and door.may_have_forgotten(session, tx.now)


def _prove(request: AnyRequest, visitor: Visitor, password: str) -> None:
    """Whoever sits at a browser left open can't try many."""
    handle, run = visitor.account.handle, visitor.app.database.run
    keys = limits.keys(handle, source_of(request), "page")
    run(visitor.actor, lambda tx: door.take_try(tx, keys))
    with visitor.app.database.read(visitor.actor) as tx:
        found = people.by_login(tx, handle)
    try:
        people_commands.verified(found, password)
    except Forbidden:
        refused(request, Deed.SIGN_IN_REFUSED, handle)
        raise Invalid("This is not your present password.", field="old") from None
    run(visitor.actor, lambda tx: doors.take_back(tx, keys))


# ---- Contact methods ----


@post("/me/contacts", sync_to_thread=True)
def add_contact(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    channel, address = form.text("channel"), form.text("address")

    def add(tx: Tx, handle: str) -> None:
        people_commands.add_contact(tx, handle, Channel(channel), address)

    try:
        visitor.app.check_contact(channel, address)
    except Invalid as why:
        return _me(request, visitor, form.typed(), trouble(why, IDS))
    return _change(request, visitor, form, add, "contact")


@post("/me/devices", sync_to_thread=True)
def add_device(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Add the browser in front of the person; it has told its subscription."""

    def add(tx: Tx, handle: str) -> None:
        visitor.app.check_contact(Channel.PUSH, "")
        people_commands.add_contact(tx, handle, Channel.PUSH, form.text("subscription"), name)

    name = name_of_browser(request.headers.get("user-agent", ""))
    return _change(request, visitor, form, add, "device", "#contacts")


@post("/me/devices/renewed", sync_to_thread=True, status_code=204)
def renew_device(visitor: SignedIn, form: Sent) -> None:
    """The worker of a browser says that it has another subscription now."""
    handle, before, now = visitor.account.handle, form.text("before"), form.text("subscription")
    visitor.app.database.run(visitor.actor, lambda tx: people_commands.follow_browser(tx, handle, before, now))


@get("/push-worker.js", sync_to_thread=False)
def push_worker() -> Response[bytes]:
    """What shows a push in a browser. Its address must not change, and must stand above all it is for."""
    body = (STATIC / "push-worker.js").read_bytes()
    return Response(body, media_type="text/javascript", headers={"cache-control": "no-cache"})


@post("/me/contacts/{contact_id:str}/code", sync_to_thread=True)
def send_code(request: AnyRequest, visitor: SignedIn, contact_id: FromPath[str], form: Sent) -> Template | Redirect:
    return _change(
        request, visitor, form, lambda tx, me: people_commands.send_code(tx, me, contact_id), "code", "#contacts"
    )


@post("/me/contacts/{contact_id:str}/verify", sync_to_thread=True)
def verify_contact(
    request: AnyRequest, visitor: SignedIn, contact_id: FromPath[str], form: Sent
) -> Template | Redirect:
    def verify(tx: Tx, handle: str) -> bool:
        return people_commands.verify_contact(tx, handle, contact_id, form.text("code"))

    handle = visitor.account.handle
    if not visitor.app.database.run(visitor.actor, lambda tx: verify(tx, handle)):
        return _me(request, visitor, {}, trouble(people_commands.WrongCode()), contact_id)
    return Redirect("/me?done=verified#contacts", status_code=303)


@post("/me/contacts/{contact_id:str}/test", sync_to_thread=True)
def try_contact(request: AnyRequest, visitor: SignedIn, contact_id: FromPath[str], form: Sent) -> Template | Redirect:
    """Send a test page there now."""
    return _change(request, visitor, form, lambda tx, me: trials.try_now(tx, me, contact_id), "tested", "#contacts")


@post("/me/contacts/{contact_id:str}/remove", sync_to_thread=True)
def remove_contact(visitor: SignedIn, contact_id: FromPath[str]) -> Redirect:
    handle = visitor.account.handle
    visitor.app.database.run(visitor.actor, lambda tx: people_commands.remove_contact(tx, handle, contact_id))
    return Redirect("/me?done=removed", status_code=303)


# ---- Rules ----


@post("/me/zone", sync_to_thread=True)
def set_zone(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    zone = form.text("zone")
    return _change(request, visitor, form, lambda tx, me: people_commands.set_zone(tx, me, zone), "zone", "#rules")


@post("/me/rules", sync_to_thread=True)
def add_rule(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    def add(tx: Tx, handle: str) -> None:
        if form.text("urgency") not in list(Urgency):
            raise Invalid("Say whether the rule is for what is urgent or for the rest.", field="urgency")
        people_commands.add_rule(
            tx,
            handle,
            Urgency(form.text("urgency")),
            _steps(form),
            _time(form, "begins"),
            _time(form, "ends"),
        )

    return _change(request, visitor, form, add, "rule", "#rules")


def _steps(form: Form) -> list[tuple[str, timedelta]]:
    """The contact methods that are used, the first one first."""
    typed = {name.removeprefix("after."): form.text(name) for name in form.fields if name.startswith("after.")}
    if unknown := [text for text in typed.values() if text and text not in map(str, AFTERS)]:
        raise Invalid(f"'{unknown[0]}' is not one of the times there are.", field="steps")
    steps = [(one, timedelta(minutes=int(text))) for one, text in typed.items() if text]
    return sorted(steps, key=lambda step: step[1])


def _time(form: Form, name: str) -> time | None:
    typed = form.text(name)
    try:
        return time.fromisoformat(typed) if typed else None
    except ValueError:
        raise Invalid(f"'{typed}' is not a time of day; write it like 22:00.", field=name) from None


@post("/me/rules/{rule_id:str}/remove", sync_to_thread=True)
def remove_rule(visitor: SignedIn, rule_id: FromPath[str]) -> Redirect:
    handle = visitor.account.handle
    visitor.app.database.run(visitor.actor, lambda tx: people_commands.remove_rule(tx, handle, rule_id))
    return Redirect("/me?done=rule-removed#rules", status_code=303)


def _change(
    request: AnyRequest,
    visitor: Visitor,
    form: Form,
    command: Callable[[Tx, str], object],
    done: str,
    anchor: str = "",
) -> Template | Redirect:
    """Change something of one's own, or show the page again with what is wrong."""
    handle = visitor.account.handle
    try:
        visitor.app.database.run(visitor.actor, lambda tx: command(tx, handle))
    except (Invalid, Refused, NotFound) as why:
        return _me(request, visitor, form.typed(), trouble(why, {**IDS, **RULE_IDS}))
    return Redirect(f"/me?done={done}{anchor}", status_code=303)


def routes() -> list[Any]:
    devices = [add_device, renew_device, push_worker]
    contacts = [add_contact, *devices, send_code, verify_contact, try_contact, remove_contact]
    return [show_me, set_password, *contacts, set_zone, add_rule, remove_rule]
