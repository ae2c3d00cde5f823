"""Contact methods and the rules about them over HTTP: one's own, or those of somebody whom one may change."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Annotated, Any, TypeVar

from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from tocsin.api import conditional
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Guarded
from tocsin.paging.trial import State, Trial
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel, ContactMethod, ContactRule, Urgency
from tocsin.response import trials

T = TypeVar("T")
ME = "me"

TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="A time of day, like 22:00.")]


class NewContact(Struct, forbid_unknown_fields=True):
    channel: str
    address: Annotated[str, Meta(min_length=1, max_length=4000)]


class Code(Struct, forbid_unknown_fields=True):
    code: Annotated[str, Meta(max_length=20)]


class Zone(Struct, forbid_unknown_fields=True):
    zone: Annotated[str, Meta(max_length=60)]


class Step(Struct, forbid_unknown_fields=True):
    contact: str
    after_minutes: Annotated[int, Meta(ge=0, le=120)] = 0


class NewRule(Struct, forbid_unknown_fields=True):
    """Without steps: quiet hours, in which what is not urgent waits."""

    urgency: Urgency
    steps: list[Step] = []
    begins: TimeOfDay | None = None
    ends: TimeOfDay | None = None


class Test(Struct):
    """What became of the last test page there: `waiting`, `answered` or `failed`, and why."""

    state: State
    sent_at: datetime
    answer_by: datetime
    settled_at: datetime | None
    why: str


class Contact(Struct):
    id: str
    channel: Channel
    address: str
    verified: bool
    ended: str | None  # why nothing arrives there any more
    test: Test | None


class Rule(Struct):
    id: str
    urgency: Urgency
    begins: str | None
    ends: str | None
    steps: list[Step]


class Contacts(Struct):
    handle: str
    zone: str
    contacts: list[Contact]
    rules: list[Rule]


def handlers() -> list[HTTPRouteHandler]:
    methods = [show_contacts, add_contact, send_contact_code, verify_contact, try_contact, remove_contact]
    return [*methods, set_zone, add_contact_rule, remove_contact_rule]


READ = needs(access.INCIDENT_READ, 400, 404)
CHANGE = needs(access.INCIDENT_WRITE, 400, 404, 409)


@get("/people/{handle:str}/contacts", summary="How a person is paged; `me` is whoever the token acts as", **READ)
def show_contacts(request: Call, handle: FromPath[str]) -> Contacts:
    who = _who(request, handle)
    with app_of(request).database.read(request.auth) as tx:
        people_commands.own(tx, who)
        conditional.stands_at(request, _guarded(who).version(tx))
        return _shown(tx, who)


def _guarded(who: str) -> Guarded:
    """What people decide about how somebody is paged; how a test went is no change of it."""

    def contents(tx: Any) -> Any:
        people_commands.own(tx, who)
        found = _shown(tx, who)
        contacts = [(one.id, one.address, one.verified) for one in found.contacts]
        return found.zone, contacts, found.rules

    return conditional.of_contents("contact methods", contents, lambda _: [])


@post("/people/{handle:str}/contacts", summary="Add a contact method; a code is sent to it", **CHANGE)
def add_contact(request: Call, handle: FromPath[str], data: JSONBody[NewContact]) -> Contact:
    app_of(request).check_contact(data.channel, data.address)
    found = _act(
        request, handle, lambda tx, who: people_commands.add_contact(tx, who, Channel(data.channel), data.address)
    )
    return _contact(found)


@post(
    "/people/{handle:str}/contacts/{contact_id:str}/code",
    status_code=200,
    summary="Send another code to a contact method",
    **CHANGE,
)
def send_contact_code(request: Call, handle: FromPath[str], contact_id: FromPath[str]) -> Contact:
    return _contact(_act(request, handle, lambda tx, who: people_commands.send_code(tx, who, contact_id)))


@post(
    "/people/{handle:str}/contacts/{contact_id:str}/verify",
    status_code=200,
    summary="Give the code that was sent there; from then on the person is paged there",
    **CHANGE,
)
def verify_contact(request: Call, handle: FromPath[str], contact_id: FromPath[str], data: JSONBody[Code]) -> Contacts:
    if not _act(request, handle, lambda tx, who: people_commands.verify_contact(tx, who, contact_id, data.code)):
        raise people_commands.WrongCode
    return _after(request, handle)


@post(
    "/people/{handle:str}/contacts/{contact_id:str}/test",
    status_code=200,
    summary="Send a test page to a contact method now; `account` is the account's address, where there is no other way",
    **CHANGE,
)
def try_contact(request: Call, handle: FromPath[str], contact_id: FromPath[str]) -> Test:
    return _test(_act(request, handle, lambda tx, who: trials.try_now(tx, who, contact_id)))


@delete("/people/{handle:str}/contacts/{contact_id:str}", status_code=204, summary="Remove a contact method", **CHANGE)
def remove_contact(request: Call, handle: FromPath[str], contact_id: FromPath[str]) -> None:
    _act(request, handle, lambda tx, who: people_commands.remove_contact(tx, who, contact_id))


@put("/people/{handle:str}/zone", summary="Say in which zone the hours of the rules are", **CHANGE)
def set_zone(request: Call, handle: FromPath[str], data: JSONBody[Zone]) -> Contacts:
    _act(request, handle, lambda tx, who: people_commands.set_zone(tx, who, data.zone))
    return _after(request, handle)


@post(
    "/people/{handle:str}/rules",
    summary="Say by which contact methods a person is paged, after how long, and at which hours",
    **CHANGE,
)
def add_contact_rule(request: Call, handle: FromPath[str], data: JSONBody[NewRule]) -> Rule:
    steps = [(one.contact, timedelta(minutes=one.after_minutes)) for one in data.steps]
    begins, ends = _time(data.begins), _time(data.ends)
    found = _act(request, handle, lambda tx, who: people_commands.add_rule(tx, who, data.urgency, steps, begins, ends))
    return _rule(found)


@delete("/people/{handle:str}/rules/{rule_id:str}", status_code=204, summary="Remove a rule", **CHANGE)
def remove_contact_rule(request: Call, handle: FromPath[str], rule_id: FromPath[str]) -> None:
    _act(request, handle, lambda tx, who: people_commands.remove_rule(tx, who, rule_id))


def _who(call: Call, handle: str) -> str:
    return call.auth.handle if handle == ME else handle


def _act(call: Call, handle: str, command: Callable[[Any, str], T]) -> T:
    return act(call, lambda tx: command(tx, _who(call, handle)), _guarded(_who(call, handle)))


def _after(call: Call, handle: str) -> Contacts:
    with app_of(call).database.read(call.auth) as tx:
        return _shown(tx, _who(call, handle))


def _shown(tx: Any, who: str) -> Contacts:
    tests = trials.standing(tx, [who])
    return Contacts(
        handle=who,
        zone=people.load_person(tx, who).zone,
        contacts=[_contact(one, tests.get((who, one.id))) for one in people.contacts(tx, [who])[who]],
        rules=[_rule(one) for one in people.rules(tx, [who])[who]],
    )


def _contact(one: ContactMethod, last: Trial | None = None) -> Contact:
    verified, test = one.verified_at is not None, _test(last) if last else None
    return Contact(one.id, one.channel, one.address, verified, one.ended_because, test)


def _test(one: Trial) -> Test:
    return Test(one.state, one.opened_at, one.answer_by, one.settled_at, one.why)


def _rule(one: ContactRule) -> Rule:
    steps = [Step(step.contact_id, int(step.after.total_seconds()) // 60) for step in one.steps]
    begins, ends = (f"{at:%H:%M}" if at else None for at in (one.begins, one.ends))
    return Rule(one.id, one.urgency, begins, ends, steps)


def _time(typed: str | None) -> time | None:
    return time.fromisoformat(typed) if typed else None
