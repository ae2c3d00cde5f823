"""Webhooks: which endpoints are told of what happens, and how each delivery went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.delivery.public import doubt_of
from tocsin.events import commands, outbox
from tocsin.events.commands import LISTENED_TO
from tocsin.events.model import MEANING, Delivery, DeliveryState, Webhook
from tocsin.kit.actor import CONFIDENTIAL
from tocsin.kit.errors import Forbidden, Invalid, Refused
from tocsin.people import access
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Visitor, page
from tocsin.web.trouble import Trouble, trouble

PATH = "/webhooks"
SHOWN = 50
_STATES = {DeliveryState.QUEUED: "waits", DeliveryState.SENT: "taken", DeliveryState.DEAD: "given up"}
_MARKS = {DeliveryState.QUEUED: "open", DeliveryState.SENT: "met", DeliveryState.DEAD: "missed"}


@dataclass(frozen=True)
class Row:
    id: str
    url: str
    about: str
    state: str
    mark: str


@dataclass(frozen=True)
class Sending:
    id: str
    kind: str
    event: str
    when: str
    said: str
    mark: str


@get(PATH, sync_to_thread=True)
def show_webhooks(request: AnyRequest, visitor: SignedIn) -> Template:
    return _all(request, visitor, Form(), None)


def _all(request: AnyRequest, visitor: Visitor, form: Form, wrong: Trouble | None) -> Template:
    access.require(visitor.actor, access.PEOPLE_WRITE)
    ticked = form.all("type")
    with visitor.app.database.read(visitor.actor) as tx:
        return page(
            request,
            visitor,
            tx,
            "webhooks.html",
            title="Webhooks",
            here=PATH,
            status=wrong.status if wrong else 200,
            rows=[_row(one, tx.now) for one in outbox.listing(tx)],
            types=[_choice(one, ticked) for one in LISTENED_TO],
            may_trust=visitor.actor.may(CONFIDENTIAL),
            typed=form.typed(),
            wrong=wrong,
        )


def _choice(one: Any, ticked: tuple[str, ...]) -> present.Choice:
    says = MEANING[one].partition(":")[0]
    return present.Choice(str(one), f"{one}: {says}", "", str(one) in ticked)


def _row(one: Webhook, now: datetime) -> Row:
    of = ", ".join(one.types) or "everything"
    confidential = ", confidential incidents too" if one.confidential else ""
    state, mark = "live", "met"
    if one.disabled_at is not None:
        state, mark = f"disabled {present.moment(one.disabled_at, now)}: {one.disabled_because}", "missed"
    elif one.failing_since is not None:
        state, mark = f"failing since {present.moment(one.failing_since, now)}", "overdue"
    described = f"{one.description}; " if one.description else ""
    return Row(one.id, one.url, f"{described}hears of {of}{confidential}", state, mark)


@post(PATH, sync_to_thread=True, status_code=200)
def make_webhook(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template:
    """Make one, and show its secret this once."""
    about = (form.text("url"), form.text("description"), form.all("type"))
    try:
        made = visitor.app.database.run(
            visitor.actor, lambda tx: commands.make(tx, *about, confidential=form.has("confidential"))
        )
    except (Invalid, Refused) as why:
        return _all(request, visitor, form, trouble(why, {"url": "url", "description": "description"}))
    return _one(request, visitor, made.id, secret=made.secret)


@get(f"{PATH}/{{webhook_id:str}}", sync_to_thread=True)
def show_webhook(request: AnyRequest, visitor: SignedIn, webhook_id: FromPath[str]) -> Template:
    return _one(request, visitor, webhook_id)


def _one(
    request: AnyRequest,
    visitor: Visitor,
    webhook_id: str,
    *,
    secret: str = "",
    typed: Mapping[str, str] | None = None,
    wrong: Trouble | None = None,
) -> Template:
    access.require(visitor.actor, access.PEOPLE_WRITE)
    rules = visitor.app.settings
    with visitor.app.database.read(visitor.actor) as tx:
        one = outbox.load(tx, webhook_id)
        latest = outbox.latest(tx, one.id, SHOWN)
        return page(
            request,
            visitor,
            tx,
            "webhook.html",
            title="Webhook",
            here=PATH,
            status=wrong.status if wrong else 200,
            row=_row(one, tx.now),
            doubt=doubt_of(one.url, anywhere=rules.allow_private_webhooks, also=rules.private_networks),
            is_live=one.disabled_at is None,
            old_until=present.moment(one.old_until, tx.now) if one.old_secret and one.old_until else "",
            made=f"{present.moment(one.made_at, tx.now)} by {one.made_by}",
            sendings=[_sending(each, tx.now) for each in latest],
            secret=secret,
            typed=typed or {},
            wrong=wrong,
        )


def _sending(one: Delivery, now: datetime) -> Sending:
    answer = f"HTTP {one.status}" if one.status is not None else ""
    said = " ".join(part for part in (answer, one.answer[:200]) if part)
    tries = f", {one.attempts} tries" if one.attempts > 1 else ""
    again = f", again {present.moment(one.send_at, now)}" if one.state is DeliveryState.QUEUED and one.attempts else ""
    state = f"{_STATES[one.state]}{tries}{again}"
    when = present.moment(one.created_at, now)
    return Sending(one.id, one.event_type, one.event_id, when, f"{state}: {said}" if said else state, _MARKS[one.state])


@post(f"{PATH}/{{webhook_id:str}}/rotate", sync_to_thread=True, status_code=200)
def rotate(request: AnyRequest, visitor: SignedIn, webhook_id: FromPath[str]) -> Template:
    """Give it another secret, and show that this once."""
    changed = visitor.app.database.run(visitor.actor, lambda tx: commands.rotate(tx, webhook_id))
    return _one(request, visitor, webhook_id, secret=changed.secret)


@post(f"{PATH}/{{webhook_id:str}}/replay", sync_to_thread=True)
def replay(request: AnyRequest, visitor: SignedIn, webhook_id: FromPath[str], form: Sent) -> Template | Redirect:
    try:
        since = form.instant("since")
        if since is None:
            raise Invalid("Say since when.", field="since")
        visitor.app.database.run(visitor.actor, lambda tx: commands.replay_since(tx, webhook_id, since))
    except (Invalid, Refused) as why:
        if isinstance(why, Forbidden):
            raise
        return _one(request, visitor, webhook_id, typed=form.typed(), wrong=trouble(why, {"since": "since"}))
    return _back(webhook_id, "resent")


@post(f"{PATH}/{{webhook_id:str}}/deliveries/{{delivery_id:str}}/replay", sync_to_thread=True)
def replay_one(visitor: SignedIn, webhook_id: FromPath[str], delivery_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.replay_one(tx, webhook_id, delivery_id))
    return _back(webhook_id, "resent")


@post(f"{PATH}/{{webhook_id:str}}/test", sync_to_thread=True)
def try_out(visitor: SignedIn, webhook_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.try_out(tx, webhook_id))
    return _back(webhook_id, "resent")


@post(f"{PATH}/{{webhook_id:str}}/enable", sync_to_thread=True)
def enable(visitor: SignedIn, webhook_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.enable(tx, webhook_id))
    return _back(webhook_id, "saved")


@post(f"{PATH}/{{webhook_id:str}}/disable", sync_to_thread=True)
def disable(visitor: SignedIn, webhook_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.disable(tx, webhook_id))
    return _back(webhook_id, "saved")


@post(f"{PATH}/{{webhook_id:str}}/remove", sync_to_thread=True)
def remove(visitor: SignedIn, webhook_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.remove(tx, webhook_id))
    return Redirect(f"{PATH}?done=saved", status_code=303)


def _back(webhook_id: str, done: str) -> Redirect:
    return Redirect(f"{PATH}/{webhook_id}?done={done}", status_code=303)


def routes() -> list[Any]:
    managing = [show_webhooks, make_webhook, show_webhook, rotate, enable, disable, remove]
    return [*managing, replay, replay_one, try_out]
