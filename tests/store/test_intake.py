"""Accepting signals: an answer is a promise kept on the disk, and where none can be kept nobody is told otherwise."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.inbox import decide_all
from tests.support.races import wait_until_blocked
from tocsin.db.engine import Database, Tx
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Overloaded
from tocsin.response import accepting
from tocsin.response.accepting import GroupCommit
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival


def encoded(*keys: str) -> list[signals.Envelope]:
    return [signals.encode(Arrival(source="alertmanager", key=key, title="Groq fails")) for key in keys]


def inbox(database: Database) -> list[str]:
    with database.work(SYSTEM) as tx:
        found = [one.arrival.key for one in signals.take(tx, 10_000)]
        tx.connection.rollback()
    return found


def backlog(database: Database) -> int:
    with database.read(SYSTEM) as tx:
        return signals.backlog(tx)


async def outcomes(*senders: Coroutine[Any, Any, None]) -> list[BaseException | None]:
    return list(await asyncio.gather(*senders, return_exceptions=True))


def test_whoever_is_answered_finds_the_signal_on_the_disk(database: Database) -> None:
    async def story() -> None:
        commit = GroupCommit(database)
        for count in range(1, 6):
            await commit.accept(encoded(f"a{count}"))
            assert await asyncio.to_thread(backlog, database) == count

    asyncio.run(story())


def test_senders_who_come_together_are_all_kept_each_once(database: Database) -> None:
    async def story() -> list[BaseException | None]:
        commit = GroupCommit(database)
        return await outcomes(*(commit.accept(encoded(f"a{place}", f"b{place}")) for place in range(400)))

    assert asyncio.run(story()) == [None] * 400
    assert sorted(inbox(database)) == sorted(f"{letter}{place}" for letter in "ab" for place in range(400))


def test_nobody_is_answered_before_the_commit(nodes: tuple[Database, Database]) -> None:
    """While the inbox is locked by another node, no sender hears that its signal was taken."""

    async def story() -> tuple[bool, int]:
        commit = GroupCommit(nodes[1])
        with nodes[0].work(SYSTEM) as tx:
            tx.run(text("lock table inbox in exclusive mode"))
            sender = asyncio.create_task(commit.accept(encoded("a1")))
            await asyncio.sleep(0)
            await asyncio.to_thread(wait_until_blocked, nodes[0])
            answered_early = sender.done()
        await sender
        return answered_early, await asyncio.to_thread(backlog, nodes[0])

    assert asyncio.run(story()) == (False, 1)


def test_more_than_can_wait_is_refused_and_what_waits_is_kept(database: Database) -> None:
    async def story() -> list[BaseException | None]:
        commit = GroupCommit(database)
        half = encoded(*(f"a{place}" for place in range(accepting.WAITING_LIMIT // 2)))
        found = await outcomes(*(commit.accept(half) for _ in range(3)), commit.accept(encoded("late")))
        return [*found, *await outcomes(commit.accept(encoded("again")))]

    first, second, third, late, again = asyncio.run(story())
    assert (first, second, again) == (None, None, None)
    assert isinstance(third, Overloaded)
    assert isinstance(late, Overloaded)
    assert backlog(database) == accepting.WAITING_LIMIT + 1


def test_one_sender_with_more_than_can_wait_is_taken_when_nobody_else_waits(database: Database) -> None:
    bodies = encoded(*(f"a{place}" for place in range(accepting.WAITING_LIMIT + 1)))
    asyncio.run(GroupCommit(database).accept(bodies))
    assert backlog(database) == len(bodies)


def test_a_sender_that_hangs_up_spoils_nothing_for_the_others(database: Database) -> None:
    async def story() -> list[BaseException | None]:
        commit = GroupCommit(database)
        senders = [asyncio.create_task(commit.accept(encoded(f"a{place}"))) for place in range(10)]
        await asyncio.sleep(0)
        senders[3].cancel()
        first = await asyncio.gather(*senders, return_exceptions=True)
        return [*first, *await outcomes(commit.accept(encoded("after")))]

    found = asyncio.run(story())
    assert isinstance(found.pop(3), asyncio.CancelledError)
    assert found == [None] * 10
    assert {"a0", "a9", "after"} <= set(inbox(database))


# ---- A storage that fails --------------------------------------------------------------------------------------------

_FULL = """
create function full_disk() returns trigger as $$
begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end
$$ language plpgsql;
create trigger full_disk before insert on inbox execute function full_disk();
"""


def fill_the_disk(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        if database.is_sqlite:
            pages = tx.scalar(text("pragma page_count"))
            tx.run(text(f"pragma max_page_count = {pages}"))
        else:
            tx.run(text(_FULL))


def free_the_disk(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        if database.is_sqlite:
            tx.run(text("pragma max_page_count = 1000000"))
        else:
            tx.run(text("drop trigger full_disk on inbox"))


def test_while_the_disk_is_full_senders_are_asked_to_come_again_and_nothing_is_half_kept(database: Database) -> None:
    large = [
        signals.encode(Arrival(source="x", key=f"a{place}", title="T", details={"text": "x" * 20_000}))
        for place in range(20)
    ]

    async def story() -> None:
        commit = GroupCommit(database)
        await commit.accept(encoded("before"))
        await asyncio.to_thread(fill_the_disk, database)
        for refused in await outcomes(*(commit.accept(large) for _ in range(3))):
            assert isinstance(refused, Overloaded)
            assert refused.message
        assert await asyncio.to_thread(backlog, database) == 1
        await asyncio.to_thread(free_the_disk, database)
        assert await outcomes(*(commit.accept(large) for _ in range(3))) == [None] * 3

    asyncio.run(story())
    assert backlog(database) == 61


def test_what_cannot_be_written_for_any_other_reason_is_refused_too(database: Database) -> None:
    def rename(table: str, name: str) -> None:
        with database.work(SYSTEM) as tx:
            tx.run(text(f"alter table {table} rename to {name}"))

    async def story() -> None:
        commit = GroupCommit(database)
        await asyncio.to_thread(rename, "inbox", "elsewhere")
        with pytest.raises(Overloaded):
            await commit.accept(encoded("a1"))
        await asyncio.to_thread(rename, "elsewhere", "inbox")
        await commit.accept(encoded("a2"))

    asyncio.run(story())
    assert inbox(database) == ["a2"]


def test_when_the_server_of_the_database_restarts_signals_are_accepted_again(nodes: tuple[Database, Database]) -> None:
    def cut(tx: Tx) -> None:
        others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        tx.run(text(f"{others} and pid <> pg_backend_pid()"))

    async def story() -> None:
        commit = GroupCommit(nodes[1])
        await commit.accept(encoded("a1"))
        await asyncio.to_thread(nodes[0].run, SYSTEM, cut)
        await commit.accept(encoded("a2"))

    asyncio.run(story())
    assert inbox(nodes[0]) == ["a1", "a2"]


def test_a_decider_whose_database_fails_loses_nothing(database: Database) -> None:
    asyncio.run(GroupCommit(database).accept(encoded("a1")))
    with database.work(SYSTEM) as tx:
        tx.run(text("alter table signal rename to elsewhere"))
    with database.work(SYSTEM) as tx:
        taken = signals.take(tx, 1)
        tx.connection.rollback()
    assert len(taken) == 1
    with database.work(SYSTEM) as tx:
        tx.run(text("alter table elsewhere rename to signal"))
    assert decide_all(database) == 1
