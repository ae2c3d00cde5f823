"""Who subscribed to the status page, for administrators: how many, who, and what can be done about one of them."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template

from tocsin.comms.subscribers import commands, store
from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.comms.subscribers.store import Wanted
from tocsin.people import access
from tocsin.plan.model import Way
from tocsin.status.words import CATALOGUES
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, page
from tocsin.web.present import Choice

PATH = "/subscribers"
A_PAGE = 50
LANGUAGES = [(code, words.says("name")) for code, words in CATALOGUES.items()]
ACTS_SHOWN = 20
MARKS = {State.ACTIVE: "met", State.UNCONFIRMED: "open", State.OFF: "missed"}
STATES = {State.ACTIVE: "active", State.UNCONFIRMED: "not confirmed yet", State.OFF: "turned off"}


@dataclass(frozen=True)
class Row:
    id: str
    mark: str
    address: str
    about: str
    trouble: str
    is_off: bool


@get(PATH, sync_to_thread=True)
def show_subscribers(
    request: AnyRequest,
    visitor: SignedIn,
    in_state: Annotated[str, QueryParameter(name="state", required=False)] = "",
    way: FromQuery[str] = "",
    text: FromQuery[str] = "",
    after: FromQuery[str] = "",
) -> Template:
    access.require(visitor.actor, access.PEOPLE_WRITE)
    chosen = Wanted(
        state=State(in_state) if in_state in list(State) else None,
        way=Way(way) if way in list(Way) else None,
        text=text,
        after=after,
        limit=A_PAGE + 1,
    )
    with visitor.app.database.read(visitor.actor) as tx:
        found, counts = store.listing(tx, chosen), store.counts(tx)
        more = (
            {"state": in_state, "way": way, "text": text, "after": found[A_PAGE - 1].id} if len(found) > A_PAGE else {}
        )
        return page(
            request,
            visitor,
            tx,
            "subscribers.html",
            title="Subscribers",
            here=PATH,
            rows=[_row(one) for one in found[:A_PAGE]],
            total=sum(counts.values()),
            counts=[(STATES[one], sum(n for key, n in counts.items() if key[1] is one)) for one in State],
            states=[Choice("", "any state"), *(Choice(one.value, STATES[one]) for one in State)],
            ways=[Choice("", "any way"), *(Choice(one.value, one.value) for one in Way)],
            languages=[Choice("", "that of the page"), *(Choice(*one) for one in LANGUAGES)],
            chosen={"state": in_state, "way": way, "text": text},
            more=f"{PATH}?{urlencode(more)}" if more else "",
            acts=[(present.moment(one.at, tx.now), one) for one in store.latest_acts(tx, ACTS_SHOWN)],
        )


def _row(one: Subscriber) -> Row:
    of = ", ".join(one.parts) or "everything"
    language = f", in {one.language}" if one.language else ""
    by = f", entered by {one.made_by}" if one.consent else ""
    return Row(
        id=one.id,
        mark=MARKS[one.state],
        address=one.address,
        about=f"{one.way}, {STATES[one.state]}, of {of}{language}{by}",
        trouble=one.last_error,
        is_off=one.state is State.OFF,
    )


@post(f"{PATH}/enter", sync_to_thread=True)
def enter(visitor: SignedIn, form: Sent) -> Redirect:
    """Enter addresses, one a line."""
    addresses = [line.strip() for line in form.text("addresses").splitlines() if line.strip()]
    consent, language = form.text("consent"), form.text("language")
    visitor.app.database.run(visitor.actor, lambda tx: commands.enter(tx, addresses, consent, language))
    return Redirect(PATH, status_code=303)


@post(f"{PATH}/{{subscriber_id:str}}/off", sync_to_thread=True)
def turn_off(visitor: SignedIn, subscriber_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.turn_off(tx, subscriber_id, ""))
    return Redirect(PATH, status_code=303)


@post(f"{PATH}/{{subscriber_id:str}}/on", sync_to_thread=True)
def turn_on(visitor: SignedIn, subscriber_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.turn_on(tx, subscriber_id))
    return Redirect(PATH, status_code=303)


@post(f"{PATH}/{{subscriber_id:str}}/export", sync_to_thread=True, status_code=200)
def export(visitor: SignedIn, subscriber_id: FromPath[str]) -> Response[bytes]:
    found = visitor.app.database.run(visitor.actor, lambda tx: commands.export(tx, subscriber_id))
    body = msgspec.json.format(msgspec.json.encode(found), indent=2)
    headers = {"content-disposition": 'attachment; filename="subscription.json"', "cache-control": "no-store"}
    return Response(body, media_type="application/json", headers=headers)


@post(f"{PATH}/{{subscriber_id:str}}/erase", sync_to_thread=True)
def erase(visitor: SignedIn, subscriber_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.erase(tx, subscriber_id))
    return Redirect(PATH, status_code=303)


def routes() -> list[Any]:
    return [show_subscribers, enter, turn_off, turn_on, export, erase]
