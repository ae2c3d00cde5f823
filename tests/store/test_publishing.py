"""What is kept of the published page, on both databases: owed once, held by one, and hurried when it failed."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from tests.support.races import together
from tocsin.comms import store as comms
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.people import access
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy
from tocsin.status import store

PERSON = access.local_operator("ana")


def at(database: Database, place: str = "/srv/status") -> None:
    database.run(SYSTEM, lambda tx: store.set_place(tx, place))


def claim(database: Database) -> Sequence[Message]:
    return [one for one in database.run(SYSTEM, lambda tx: outbox.claim(tx, 10)) if one.channel == store.CHANNEL]


def test_however_much_changes_it_is_owed_once(database: Database) -> None:
    at(database)
    for _ in range(3):
        database.run(SYSTEM, store.owe)
    assert len(claim(database)) == 1


def test_what_changes_while_it_is_on_its_way_is_owed_again(database: Database) -> None:
    at(database)
    database.run(SYSTEM, store.owe)
    (first,) = claim(database)
    database.run(SYSTEM, store.owe)
    (second,) = claim(database)
    assert second.id != first.id


def test_what_failed_is_tried_at_once_when_there_is_news(database: Database, clock: ManualClock) -> None:
    at(database)
    database.run(SYSTEM, store.owe)
    (message,) = claim(database)
    wait = timedelta(minutes=4)
    database.run(SYSTEM, lambda tx: outbox.record(tx, message, Retry("it is full", wait)))
    clock.advance_to(clock.now() + timedelta(seconds=1))
    assert claim(database) == []
    database.run(SYSTEM, store.catch_up)  # house-keeping lets it wait
    assert claim(database) == []
    database.run(SYSTEM, store.owe)
    assert [one.id for one in claim(database)] == [message.id]


def test_another_place_knows_nothing_of_the_one_before(database: Database) -> None:
    at(database)
    database.run(SYSTEM, lambda tx: store.published(tx, "abc"))
    at(database)
    with database.read(SYSTEM) as tx:
        assert store.standing(tx).fingerprint == "abc"
    at(database, "s3://rose")
    with database.read(SYSTEM) as tx:
        assert store.standing(tx) == store.Standing("s3://rose")
        assert store.said(store.standing(tx)) == "s3://rose: not published yet."


def test_two_nodes_do_not_hold_it_at_once(nodes: tuple[Database, Database]) -> None:
    at(nodes[0])
    held = together(*(partial(one.run, SYSTEM, store.hold) for one in nodes))
    assert sorted(one is None for one in held) == [False, True]


# ---- What is read again ----


def test_an_incident_without_a_new_entry_is_not_read_anew_and_any_other_is(database: Database) -> None:
    def declare(tx: Any) -> str:
        about = {"severity": "P1", "type": "service_outage", "service": "rose"}
        return commands.declare(tx, title="x", **about).id

    def tell(tx: Any, incident: str, stage: Stage) -> None:
        fields = {"issue": "replies hang", "impact": "Slow.", "cause": "a store", "eta": "an hour"}
        commands.post_update(tx, incident, audience="public", stage=stage, typed=fields)

    one, other = (database.run(PERSON, declare) for _ in range(2))
    for incident in (one, other):
        database.run(PERSON, partial(tell, incident=incident, stage=Stage.INVESTIGATING))
    seen: comms.Seen = {}
    with database.read(SYSTEM) as tx:
        first = comms.public_page(tx, seen)
    database.run(PERSON, partial(tell, incident=other, stage=Stage.IDENTIFIED))
    with database.read(SYSTEM) as tx:
        second, anew = comms.public_page(tx, seen), comms.public_page(tx)
    assert second == anew != first
    before, after = ({incident.id: incident for incident in page.incidents} for page in (first, second))
    assert sorted(before[name] is after[name] for name in before) == [False, True]
    database.run(PERSON, lambda tx: secrecy.make_confidential(tx, other, because="a person is named"))
    with database.read(SYSTEM) as tx:
        assert len(comms.public_page(tx, seen).incidents) == 1
