"""A node that dies on the way: what it was sending goes out again at once, by whoever is there, under the same key."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tocsin.db.engine import Database
from tocsin.db.migrate import migrate
from tocsin.db.presence import Presence, is_gone
from tocsin.delivery import outbox
from tocsin.delivery.channel import Delivered, Message, MessageState, Result, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.response.dispatch import LOOK_AROUND_EVERY, Dispatcher


@dataclass
class Mailbox:
    """Takes messages; a silent one never answers for them, so that their sender never learns that they arrived."""

    silent: bool = False
    taken: list[str] = field(default_factory=list)

    async def send(self, message: Message) -> Result:
        self.taken.append(message.dedup_key)
        if self.silent:
            await asyncio.Event().wait()
        return Delivered()


class Node:
    """One server process, as far as sending goes."""

    def __init__(self, database: Database, *, silent: bool = False, apart: Database | None = None) -> None:
        self.mailbox = Mailbox(silent)
        self.presence = Presence(apart or database)  # `apart`: where it says that it is there
        self.dispatcher = Dispatcher(database, {"email": self.mailbox}, presence=self.presence)

    async def turn(self) -> None:
        """Set out with what is due; what is not answered stays on its way."""
        await self.dispatcher.turn()
        await asyncio.sleep(0.05)

    async def die(self) -> None:
        """The process ends without a word, and the kernel closes its connections."""
        for task in self.dispatcher._tasks:
            task.cancel()
        self.presence.leave()


def queue(database: Database, *keys: str) -> None:
    with database.work(SYSTEM) as tx:
        for key in keys:
            outbox.queue(tx, dedup_key=key, channel="email", address="a@b.example", subject="s", body="b")


def left(database: Database) -> int:
    with database.read(SYSTEM) as tx:
        return outbox.waiting(tx)


def test_a_server_that_starts_again_sends_at_once_what_it_was_sending_when_it_died(database: Database) -> None:
    async def story() -> None:
        queue(database, "k1", "k2")
        before = Node(database, silent=True)
        await before.turn()
        assert sorted(before.mailbox.taken) == ["k1", "k2"]
        await before.die()
        after = Node(database)
        await after.turn()
        await after.dispatcher.drained()
        assert sorted(after.mailbox.taken) == ["k1", "k2"]
        assert left(database) == 0
        after.presence.leave()

    asyncio.run(story())


@pytest.fixture
def pair(nodes: tuple[Database, Database]) -> Iterator[tuple[Node, Node]]:
    one, other = Node(nodes[0], silent=True), Node(nodes[1])
    yield one, other
    one.presence.leave()
    other.presence.leave()


def test_what_a_node_is_sending_is_its_own_until_it_is_gone(
    pair: tuple[Node, Node], nodes: tuple[Database, Database], clock: ManualClock
) -> None:
    async def story() -> None:
        one, other = pair
        queue(nodes[0], "k1")
        await one.turn()
        for _ in range(3):
            clock.advance_to(clock.now() + LOOK_AROUND_EVERY)
            await other.turn()
        assert (one.mailbox.taken, other.mailbox.taken) == (["k1"], [])
        await one.die()
        clock.advance_to(clock.now() + LOOK_AROUND_EVERY)
        await other.turn()
        await other.dispatcher.drained()
        assert other.mailbox.taken == ["k1"]
        assert left(nodes[0]) == 0

    asyncio.run(story())


def test_a_node_whose_connection_broke_takes_its_place_again(
    pair: tuple[Node, Node], nodes: tuple[Database, Database], clock: ManualClock
) -> None:
    async def story() -> None:
        one, other = pair
        await one.turn()
        with nodes[1].connect_apart() as operator:
            operator.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 2"
            )
        clock.advance_to(clock.now() + LOOK_AROUND_EVERY)
        queue(nodes[0], "k1")
        await one.turn()
        await other.turn()
        assert (one.mailbox.taken, other.mailbox.taken) == (["k1"], [])
        await one.die()

    asyncio.run(story())


def test_a_server_that_is_there_twice_on_sqlite_by_mistake_does_not_send_what_the_other_sends(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def story() -> None:
        database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}", clock)
        migrate(database)
        one, other = Node(database, silent=True), Node(database)
        await other.turn()
        queue(database, "k1")
        await one.turn()
        clock.advance_to(clock.now() + 2 * LOOK_AROUND_EVERY)
        await other.turn()
        assert (one.mailbox.taken, other.mailbox.taken) == (["k1"], [])
        await one.die()
        database.dispose()

    asyncio.run(story())


def test_a_node_does_not_wait_for_the_lock_of_a_connection_that_the_database_still_believes_in(
    pair: tuple[Node, Node], nodes: tuple[Database, Database]
) -> None:
    one, _ = pair
    one.presence.hold()
    before = one.presence.name
    lost, one.presence._connection = one.presence._connection, None  # cut off, and nobody has told the database
    one.presence.hold()
    assert one.presence.name and before and one.presence.name != before
    with nodes[1].work(SYSTEM) as tx:
        assert not is_gone(tx, one.presence.name)
        assert not is_gone(tx, before)
    assert lost is not None
    lost.close()


def test_a_node_that_can_not_say_that_it_is_there_sends_all_the_same(
    nodes: tuple[Database, Database], clock: ManualClock
) -> None:
    async def story() -> None:
        url = nodes[0].url.set(database="nothing_of_that_name").render_as_string(hide_password=False)
        refusing = Database(url, clock, nodes[0].keys)
        one, other = Node(nodes[0], silent=True, apart=refusing), Node(nodes[1])
        queue(nodes[0], "k1")
        await one.turn()
        clock.advance_to(clock.now() + LOOK_AROUND_EVERY)
        await other.turn()
        assert (one.mailbox.taken, other.mailbox.taken, one.presence.name) == (["k1"], [], None)
        await one.die()
        clock.advance_to(clock.now() + outbox.LEASE)
        await other.turn()
        await other.dispatcher.drained()
        assert other.mailbox.taken == ["k1"]
        other.presence.leave()
        refusing.dispose()

    asyncio.run(story())


def test_what_waits_for_another_try_is_nobodys_and_keeps_its_time(database: Database, clock: ManualClock) -> None:
    async def story() -> None:
        queue(database, "k1")
        with database.work(SYSTEM) as tx:
            (message,) = outbox.claim(tx, 1, by="somebody")
            outbox.record(tx, message, Retry("busy"))
        with database.read(SYSTEM) as tx:
            assert outbox.holders(tx) == []
        node = Node(database)
        await node.turn()
        assert node.mailbox.taken == []
        clock.advance_to(clock.now() + 2 * outbox.FIRST_WAIT)
        await node.turn()
        await node.dispatcher.drained()
        assert node.mailbox.taken == ["k1"]
        node.presence.leave()

    asyncio.run(story())


def test_what_was_withdrawn_while_its_sender_died_is_not_sent_again(database: Database) -> None:
    queue(database, "k1")
    with database.work(SYSTEM) as tx:
        (message,) = outbox.claim(tx, 1, by="somebody")
        tx.put(outbox.table, message.id, {"state": MessageState.DEAD, "withdrawn_at": tx.now})
    with database.work(SYSTEM) as tx:
        assert outbox.holders(tx) == []
        assert outbox.free(tx, "somebody") == 0
