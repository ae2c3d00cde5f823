"""Trying how the plan would read what a sender sends: what would come of it, and what it sent lately."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import msgspec
import yaml

from tocsin.db.engine import Tx
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.plan import senders
from tocsin.plan import store as plans
from tocsin.plan.model import Sender
from tocsin.signals import formats, mapping, quarantine, routing
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival

BODY_MOST = 64 * 1024
LATELY = 10
STARTER = 'key: "{id}"\ntitle: "{message}"\nstate: "{status}"\nresolved: [resolved, ok]\n'


class NoName(Invalid):
    """A sender's name stands in an address; write it in small letters, digits and dashes."""


@dataclass(frozen=True)
class Wrong:
    """One mistake: in which of both texts, where, and what."""

    where: str  # mapping or body
    place: str
    message: str


@dataclass(frozen=True)
class Would:
    """A signal that would come, without its secrets, and what the plan's rules would make of it."""

    arrival: Arrival
    why: str


@dataclass(frozen=True)
class Tried:
    signals: tuple[Would, ...] = ()
    wrong: tuple[Wrong, ...] = ()


@dataclass(frozen=True)
class Lately:
    """A body, or a part of one, that this sender sent."""

    at: str
    told: str
    body: str


def attempt(tx: Tx, name: str, written: str, body: str) -> Tried:
    """What would come of a body if the plan read this sender so."""
    access.require(tx.actor, access.INCIDENT_READ)
    if not senders.NAME.fullmatch(name):
        raise NoName(field="sender")
    sender = senders.read(name, written)
    if isinstance(sender, list):
        return Tried(wrong=tuple(Wrong("mapping", f"line {one.line}", _said(one.path, one.message)) for one in sender))
    try:
        found = mapping.read(name, sender, body.encode("utf-8", "replace"))
    except formats.Unreadable as error:
        return Tried(wrong=tuple(_in_body(one) for one in error.problems))
    rules = routing.Rules(plans.current(tx))
    kept = [signals.kept(one)[0] for one in found]
    return Tried(tuple(Would(one, rules.route(one).why) for one in kept))


def _said(path: str, message: str) -> str:
    return f"{path}: {message}" if path else message


def _in_body(problem: str) -> Wrong:
    place, _, message = problem.partition(": ")
    return Wrong("body", place, message)


def lately(tx: Tx, name: str) -> list[Lately]:
    """What this sender sent lately, the latest first: bodies that could not be read, and what signals came of."""
    access.require(tx.actor, access.INCIDENT_READ)
    source = mapping.source(name)
    unread = [Lately(_at(one.at), "not read", one.body) for one in quarantine.listed(tx, 200, source=source)]
    read = [
        Lately(_at(one.last_at), one.title, _indented(one.details))
        for one in signals.recent(tx, 500)
        if one.source == source
    ]
    return [*unread[:LATELY], *read[:LATELY]]


def _at(at: datetime) -> str:
    return f"{at:%d %b %H:%M UTC}"


def _indented(details: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(details)).decode()


def as_written(tx: Tx, name: str) -> str:
    """How the plan reads this sender now, as it stands in a plan; a beginning where it does not."""
    sender = plans.current(tx).senders.get(name)
    return "\n".join(_lines(sender)) + "\n" if sender else STARTER


def _lines(sender: Sender) -> Iterator[str]:
    for one in fields(sender):
        value = getattr(sender, one.name)
        if value not in ("", (), {}):
            is_list = isinstance(value, tuple)
            written = {one.name: list(value) if is_list else value}
            flow = None if is_list else False  # a list in its line, everything else in lines of its own
            yield yaml.safe_dump(
                written, allow_unicode=True, sort_keys=False, default_flow_style=flow, width=1000
            ).strip()


def for_the_plan(name: str, written: str) -> str:
    """The piece that goes into the plan."""
    return senders.piece(name, written)
