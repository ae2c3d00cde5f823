"""A unit of work happens as a whole or not at all, and of two at the same moment neither is lost."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DataError, DBAPIError

from tests.support.races import in_background, together, wait_until_blocked
from tests.support.server import wait_until
from tocsin.db import engine
from tocsin.db.engine import BadDatabaseUrl, Database, Overtaken, Tx
from tocsin.delivery import outbox
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Noted, Paged, RoleAssigned
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock, SystemClock
from tocsin.obligations import store as obligations
from tocsin.paging import store as pages
from tocsin.response import commands, doctor


def declared(tx: Tx) -> Incident:
    return commands.declare(tx, title="Voice replies hang", severity="P1", type="service_outage", service="rose")


def everything(database: Database) -> dict[str, int]:
    tables = (incidents.table, incidents.entries, obligations.table, pages.table, outbox.table)
    with database.read(SYSTEM) as tx:
        return {table.name: len(tx.all(select(table))) for table in tables}


class Unforeseen(Exception):
    """A mistake in the middle of a command."""


def fails_halfway(tx: Tx) -> None:
    declared(tx)
    tx.flush()  # all of it is written, and nothing of it may stay
    raise Unforeseen


def test_a_command_that_fails_halfway_leaves_nothing(database: Database) -> None:
    before = everything(database)
    with pytest.raises(Unforeseen):
        database.run(SYSTEM, fails_halfway)
    assert everything(database) == before == dict.fromkeys(before, 0)
    database.run(SYSTEM, declared)
    assert all(everything(database).values())


def test_a_reader_can_not_write_and_no_log_would_say_what(database: Database) -> None:
    with database.read(SYSTEM) as tx, pytest.raises(DBAPIError, match=r"readonly|read-only") as caught:
        declared(tx)
    assert "SQL parameters hidden" in str(caught.value)
    assert everything(database)["incident"] == 0


def test_a_reader_sees_what_was_committed_before_it_began(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        declared(tx)
        tx.flush()
        assert everything(database)["incident"] == 0
    assert everything(database)["incident"] == 1


def test_who_sleeps_is_woken_after_the_commit_and_not_without_one(database: Database) -> None:
    seen: list[int] = []
    database.on_wake(lambda: seen.append(everything(database)["incident"]))
    database.run(SYSTEM, declared)
    assert seen == [1]
    with pytest.raises(Unforeseen):
        database.run(SYSTEM, fails_halfway)
    database.run(SYSTEM, lambda tx: None)
    assert seen == [1]
    database.forget_wakes()
    database.run(SYSTEM, declared)
    assert seen == [1]


def test_two_people_who_write_at_once_both_stand_on_the_timeline(nodes: tuple[Database, Database]) -> None:
    incident = nodes[0].run(SYSTEM, declared)

    def write(database: Database, who: str) -> None:
        for place in range(15):
            database.run(SYSTEM, lambda tx, place=place: commands.note(tx, incident.id, f"{who} {place}"))  # type: ignore[misc]

    together(lambda: write(nodes[0], "one"), lambda: write(nodes[1], "other"))
    with nodes[0].read(SYSTEM) as tx:
        timeline = incidents.timeline(tx, incident.id)
        assert doctor.examine(tx) == []
        assert incidents.load(tx, incident.id).entries == len(timeline)
    assert [one.number for one in timeline] == list(range(1, len(timeline) + 1))
    said = [one.entry.text for one in timeline if isinstance(one.entry, Noted)]
    assert [one for one in said if one.startswith("one")] == [f"one {place}" for place in range(15)]
    assert [one for one in said if one.startswith("other")] == [f"other {place}" for place in range(15)]


def test_two_people_who_take_the_same_role_at_once_hand_it_over(nodes: tuple[Database, Database]) -> None:
    incident = nodes[0].run(SYSTEM, declared)
    together(
        *[
            lambda database=database, who=who: database.run(
                SYSTEM, lambda tx: commands.assign(tx, incident.id, "scribe", who)
            )
            for database, who in zip(nodes, ("ana", "ben"), strict=True)
        ]
    )
    with nodes[0].read(SYSTEM) as tx:
        given = [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, RoleAssigned)]
        holder = incidents.load(tx, incident.id).roles["scribe"]
    assert [one.before for one in given] == [None, given[0].person]
    assert holder == given[1].person != given[0].person


def test_whoever_is_overtaken_begins_again(nodes: tuple[Database, Database]) -> None:
    """Both take the next number; the second finds it taken and takes the one after."""
    tries: list[int] = []

    def second(tx: Tx) -> int:
        tries.append(incidents.next_number(tx))
        return declared(tx).number

    with nodes[0].work(SYSTEM) as tx:
        first = declared(tx)
        tx.flush()
        waiting = in_background(lambda: nodes[1].run(SYSTEM, second))
        wait_until_blocked(nodes[0])
    assert waiting.result(30) == first.number + 1
    assert tries == [first.number, first.number + 1]
    with nodes[0].read(SYSTEM) as tx:
        assert [one.number for one in incidents.listing(tx)] == [first.number + 1, first.number]
        paged = [one for one in incidents.timeline(tx, first.id) if isinstance(one.entry, Paged)]
    assert len(paged) == 1


def test_declaring_on_two_nodes_at_once_leaves_no_gap_in_the_numbers(nodes: tuple[Database, Database]) -> None:
    def declare_some(database: Database) -> list[int]:
        return [database.run(SYSTEM, declared).number for _ in range(6)]

    one, other = together(lambda: declare_some(nodes[0]), lambda: declare_some(nodes[1]))
    assert sorted(one + other) == list(range(1, 13))


def test_whoever_is_overtaken_every_time_is_refused_in_the_end(database: Database) -> None:
    tries = []

    def always_late(tx: Tx) -> None:
        tries.append(1)
        raise Overtaken

    with pytest.raises(Overtaken):
        database.run(SYSTEM, always_late)
    assert len(tries) == engine.ATTEMPTS


def test_the_same_number_is_never_written_twice(database: Database) -> None:
    incident = database.run(SYSTEM, declared)
    with database.read(SYSTEM) as tx:
        stale = incidents.load(tx, incident.id)
    note = Noted(at=database.now(), by="ana", text="Seen")
    with database.work(SYSTEM) as tx:
        incidents.append(tx, stale, [note])
    with pytest.raises(Overtaken), database.work(SYSTEM) as tx:
        incidents.append(tx, stale, [note])


def test_nodes_take_the_time_from_their_database(postgresql_url: str) -> None:
    database = Database(postgresql_url, SystemClock())
    database.sync_clock()
    with database.read(SYSTEM) as tx:
        there = tx.scalar(text("select (extract(epoch from clock_timestamp()) * 1000)::bigint"))
    assert abs(there / 1000 - tx.now.timestamp()) < 30
    database.dispose()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_an_address_of_no_database_is_refused(url: str, clock: ManualClock) -> None:
    with pytest.raises(BadDatabaseUrl):
        Database(url, clock)


def test_a_connection_that_the_server_has_ended_is_noticed_before_it_is_used(nodes: tuple[Database, Database]) -> None:
    ours, other = nodes
    theirs = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    everything(ours)
    _first(other, f"select count(pg_terminate_backend(pid)) {theirs}")
    wait_until(lambda: _first(other, f"select count(*) {theirs}") == 0, what="the end of every connection")
    assert ours.run(SYSTEM, declared).number == 1
    assert all(everything(ours).values())


def test_a_connection_that_was_just_in_use_is_not_asked_whether_it_lives(nodes: tuple[Database, Database]) -> None:
    """What the server did last for it is the end of what it was used for before."""
    ours, other = nodes
    pid = _first(ours, "select pg_backend_pid()")
    with ours.read(SYSTEM):
        assert _first(other, f"select query from pg_stat_activity where pid = {pid}") == "COMMIT"


def test_a_glance_asks_outside_a_transaction_and_leaves_the_connection_as_it_was(
    nodes: tuple[Database, Database],
) -> None:
    ours, other = nodes
    with ours.glance(SYSTEM) as tx:
        pid = tx.scalar(text("select pg_backend_pid()"))
        assert _first(other, f"select state from pg_stat_activity where pid = {pid}") == "idle"
    with pytest.raises(DataError), ours.glance(SYSTEM) as tx:
        tx.scalar(text("select 1 / 0"))
    with ours.read(SYSTEM) as tx:
        assert tx.scalar(text("select pg_backend_pid()")) == pid
        assert tx.scalar(text("show transaction_isolation")) == "repeatable read"
        assert tx.scalar(text("show transaction_read_only")) == "on"


def test_a_glance_sees_what_was_committed(database: Database) -> None:
    database.run(SYSTEM, declared)
    with database.glance(SYSTEM) as tx:
        assert tx.scalar(text("select count(*) from incident")) == 1


def _first(database: Database, sql: str) -> object:
    with database.read(SYSTEM) as tx:
        return tx.scalar(text(sql))


def test_a_view_answers_the_same_question_once_and_a_unit_of_work_that_writes_each_time(database: Database) -> None:
    database.run(SYSTEM, declared)
    asked: list[str] = []
    with database.read(SYSTEM) as tx:
        event.listen(tx.connection.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
        first, again = incidents.listing(tx), incidents.listing(tx)
        assert first == again
        assert len(asked) == 1
        incidents.listing(tx, limit=1)
        assert len(asked) == 2
    with database.work(SYSTEM) as tx:
        before = len(incidents.listing(tx))
        declared(tx)
        assert len(incidents.listing(tx)) == before + 1


def test_a_new_file_is_for_its_owner_and_one_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    old.touch()
    old.chmod(0o640)  # whatever the umask is
    for file in (new, old):
        database = Database(f"sqlite:///{file}", SystemClock())
        database.run(SYSTEM, lambda tx: tx.run(text("create table something (name text)")))
        beside = file.with_name(f"{file.name}-wal")
        modes = [stat.S_IMODE(one.stat().st_mode) for one in (file, beside)]
        database.dispose()
        assert modes == [0o600 if file is new else 0o640] * 2
