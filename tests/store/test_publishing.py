"""What is kept of the published page, on both databases: owed once, held by one, and hurried when it failed."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from tests.support.races import together
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.status import store


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
