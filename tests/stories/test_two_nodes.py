"""Two nodes on one PostgreSQL let time pass together, without a leader: everything happens, and each thing once."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.inbox import decide_all
from tests.support.races import together
from tests.support.world import QUIET, ROSE, RecordingChannel, World
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery.channel import MessageState
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Escalated, Paged
from tocsin.kit.actor import SYSTEM
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind, State
from tocsin.plan import commands as plans
from tocsin.response import beating, commands, dispatch, doctor, looking, tick, trials
from tocsin.signals import store as signals
from tocsin.watch.heartbeats import Ping, Word

INCIDENTS = 200


@pytest.fixture
def nodes(postgresql_url: str) -> Iterator[tuple[World, Database]]:
    world = World(postgresql_url, plan=ROSE.replace("\npaging:\n", "\npaging:\n  singly: 1000\n"))
    other = Database(postgresql_url, world.clock, world.database.keys)
    yield world, other
    other.dispose()
    world.database.dispose()


def _drive(database: Database, channel: RecordingChannel) -> int:
    """Settle and send as a server does, a little at a time, until nothing is left for this node."""
    total = 0
    while True:
        settled, _ = database.run(SYSTEM, lambda tx: tick.settle_due(tx, limit=7))
        sent = asyncio.run(dispatch.send_due(database, {"email": channel}, limit=7))
        total += settled
        if not (settled or sent):
            return total


def test_two_nodes_settle_two_hundred_waits_once_each(nodes: tuple[World, Database]) -> None:
    world, other = nodes
    with world.database.work(world.actor("ana")) as tx:
        for place in range(INCIDENTS):
            commands.declare(tx, title=f"Trouble {place}", severity="P2", type="performance_degradation")
    first, second = RecordingChannel(), RecordingChannel()
    world.mail = first
    world.settle()
    assert len(first.sent) == INCIDENTS
    world.clock.advance_to(world.clock.now() + timedelta(minutes=30))

    mine, yours = together(lambda: _drive(world.database, first), lambda: _drive(other, second))
    rest = _drive(world.database, first)  # what one passed over because the other held it

    assert mine + yours + rest == INCIDENTS
    assert mine > 0
    assert yours > 0
    with world.database.read(SYSTEM) as tx:
        ids = [one.id for one in incidents.listing(tx, limit=INCIDENTS)]
        waits = [one for one in obligations.of_incidents(tx, ids) if one.kind is Kind.ANSWER]
        timelines = incidents.timelines(tx, ids)
        messages = [one for incident_id in ids for one in outbox.for_incident(tx, incident_id)]
        assert doctor.examine(tx) == []
    assert Counter((one.key, one.state) for one in waits) == {
        ("answer:0", State.MISSED): INCIDENTS,
        ("answer:1", State.OPEN): INCIDENTS,
    }
    for timeline in timelines.values():
        kinds = Counter(type(one.entry) for one in timeline)
        assert (kinds[Escalated], kinds[Paged]) == (1, 2)
        assert [one.number for one in timeline] == list(range(1, len(timeline) + 1))
    wire = Counter(one.dedup_key for one in [*first.sent, *second.sent])
    assert set(wire.values()) == {1}
    assert set(wire) == {one.dedup_key for one in messages}
    assert len(wire) == 2 * INCIDENTS
    assert {one.state for one in messages} == {MessageState.SENT}


def test_two_nodes_that_settle_the_same_incident_at_once_lose_no_entry(
    nodes: tuple[World, Database], caplog: pytest.LogCaptureFixture
) -> None:
    """Several duties of one incident fall due together, and each node takes some of them."""
    world, other = nodes
    incident = world.declare(severity="P0")
    world.sleep(minutes=15)
    with caplog.at_level(logging.CRITICAL, logger="tocsin"):

        def drive(database: Database) -> int:
            total = 0
            while settled := database.run(SYSTEM, lambda tx: tick.settle_due(tx, limit=1))[0]:
                total += settled
            return total

        together(lambda: drive(world.database), lambda: drive(other))
        drive(world.database)
    with world.database.read(SYSTEM) as tx:
        assert doctor.examine(tx) == []
        ledger = obligations.for_incident(tx, incident.id)
    overdue = Counter(one.key for one in ledger if one.overdue_at is not None)
    assert {*overdue.values()} == {1}
    assert {"acknowledge", "role:scribe", "role:incident_commander", "update:public", "update:internal"} <= set(overdue)
    assert all(one.act_at is None or one.act_at > world.clock.now() for one in ledger if one.state is State.OPEN)


def test_two_nodes_make_one_signal_of_one_missed_beat(nodes: tuple[World, Database]) -> None:
    """Both find the same beat missed at once, each time; so it is told once, and the run that is over time too."""
    world, other = nodes
    beats = (
        "      backup: { every: 1 h, grace: 5 min }\n      index: { every: 1 h, grace: 5 min, runs_within: 65 min }\n"
    )
    plan = QUIET.replace("    depends_on: [railway]\n", f"    depends_on: [railway]\n    heartbeats:\n{beats}", 1)
    with world.database.work(SYSTEM) as tx:
        plans.apply(tx, plan, "with signs of life", accept_large=True)
        looking.schedule(tx)
    decide_all(world.database)
    backup, index = list(looking.beats(world.plan()))
    world.do(beating.hear, backup, Ping(Word.SUCCESS))
    world.do(beating.hear, index, Ping(Word.START))
    for _ in range(4):
        world.clock.advance_to(world.clock.now() + timedelta(minutes=65))
        together(*(lambda one=one: _settle(one) for one in (world.database, other)))
    _settle(world.database)
    with world.database.read(SYSTEM) as tx:
        assert signals.backlog(tx) == 2  # nothing is decided yet: this is all that was sent
        assert doctor.examine(tx) == []
    decide_all(world.database)
    with world.database.read(SYSTEM) as tx:
        told = [one for one in signals.recent(tx) if one.source == "heartbeat"]
    assert sorted((one.key, one.count) for one in told) == [("heartbeat:rose/backup", 1), ("heartbeat:rose/index", 1)]


def _settle(database: Database) -> None:
    while database.run(SYSTEM, lambda tx: tick.settle_due(tx, limit=1))[0]:
        pass


def test_two_nodes_send_each_test_page_once(nodes: tuple[World, Database]) -> None:
    world, other = nodes
    with world.database.work(SYSTEM) as tx:
        trials.schedule(tx)
    world.settle()
    world.clock.advance_to(datetime(2026, 11, 30, 10, tzinfo=UTC))
    first, second = RecordingChannel(), RecordingChannel()

    together(lambda: _drive(world.database, first), lambda: _drive(other, second))
    _drive(world.database, first)

    assert Counter(one.person for one in first.sent + second.sent) == dict.fromkeys(world.plan().people, 1)
    assert len({one.dedup_key for one in first.sent + second.sent}) == len(world.plan().people)
