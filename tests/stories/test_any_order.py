"""Whatever people do, in whatever order, and wherever it breaks off: the record holds, and is what it says it is."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import make_url, text

from tests.support import postgres
from tests.support.ending import mend
from tests.support.world import QUIET, START, World
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.incidents import store as incidents
from tocsin.incidents.correction import Moment
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import TocsinError
from tocsin.obligations import store as obligations
from tocsin.plan.model import Stage
from tocsin.response import commands, replay, verification

TOLD = {"impact": "voice is silent", "actions": "restarting", "next": "watching", "issue": "voice", "message": "hm"}
PEOPLE = st.sampled_from(["ana", "ben", "lucia"])
SEVERITIES = st.sampled_from(["P0", "P1", "P2", "P3"])
AUDIENCES = st.sampled_from(["internal", "executives", "public"])
ENTRY = ("kind", "at", "by", "body", "hash", "number")


class BrokeOff(Exception):
    """The machine went away in the middle of a unit of work."""


class AnyOrder(RuleBasedStateMachine):
    """People and time at work on a few incidents of one real database."""

    url: Callable[[], str]

    @initialize()
    def begin(self) -> None:
        self.world = World(type(self).url(), plan=QUIET)
        self.ids: list[str] = []

        self.declare("P1", breaks=False)

    @rule(severity=SEVERITIES, breaks=st.booleans())
    def declare(self, severity: str, breaks: bool) -> None:
        if len(self.ids) < 3:
            about = {"title": "Voice hangs", "type": "service_outage", "service": "rose", "severity": severity}
            found = self._do(lambda tx: commands.declare(tx, **about), breaks)
            self.ids += [found.id] if found else []

    @rule(data=st.data(), breaks=st.sampled_from([False, False, False, True]))
    def work(self, data: st.DataObject, breaks: bool) -> None:
        """A few things in a row; the last of them may break off."""
        todo = data.draw(st.lists(COMMANDS, min_size=1, max_size=5))
        for place, command in enumerate(todo, start=1):
            incident_id = data.draw(st.sampled_from(self.ids))
            self._do(lambda tx, do=command, one=incident_id: do(tx, one, data.draw), breaks and place == len(todo))

    @rule(data=st.data())
    def work_on(self, data: st.DataObject) -> None:
        self.work(data, breaks=False)

    @rule(minutes=st.sampled_from([0, 1, 7, 31, 300]))
    def time_passes(self, minutes: int) -> None:
        self.world.sleep(minutes=minutes)
        self.world.settle()

    def _do(self, command: Callable[[Tx], Any], breaks: bool) -> Any:
        """Carry out a command; a refusal is as good as an answer, and what breaks off leaves nothing."""

        def whole(tx: Tx) -> Any:
            found = command(tx)
            tx.flush()
            if breaks:
                raise BrokeOff
            return found

        with suppress(TocsinError, BrokeOff):
            return self.world.database.run(self.world.actor("ana"), whole)

    @invariant()
    def the_record_holds_and_the_present_replayed_is_the_present(self) -> None:
        if not hasattr(self, "world"):
            return
        with self.world.database.read(SYSTEM) as tx:
            assert [one.problem for one in verification.verify_all(tx) if one.fault] == []
            for incident_id in self.ids:
                now = replay.load(tx, incident_id, None)
                assert now.incident == incidents.load(tx, incident_id)
                assert list(now.ledger) == obligations.for_incident(tx, incident_id)
                assert list(now.messages) == outbox.for_incident(tx, incident_id)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            for place, incident_id in enumerate(self.ids):
                _is_found(self.world.database, incident_id, place)
            self.world.database.dispose()


def _is_found(database: Database, incident_id: str, place: int) -> None:
    """Change something of the record behind its back: it is named."""
    with database.read(SYSTEM) as tx:
        entries = incidents.load(tx, incident_id).entries
    number = 1 + place * 7 % entries
    column = ENTRY[(place + entries) % len(ENTRY)]
    where = f"where incident_id = '{incident_id}' and number = {number}"
    _tamper(database, "entry", column, where)
    with database.read(SYSTEM) as tx:
        found = verification.verify(tx, incident_id)
    assert found.fault is not None and found.fault.entry == number and found.entries == number - 1


def _tamper(database: Database, table: str, column: str, where: str) -> None:
    with database.begin_exclusive() as connection:
        trigger = "entry_no_update" if database.is_sqlite else "entry_only_added_to on entry"
        connection.execute(text(f"drop trigger if exists {trigger}"))
        change = f"{column} + 100000" if column in ("at", "number") else f"{column} || 'x'"
        connection.execute(text(f"update {table} set {column} = {change} {where}"))


Draw = Callable[[st.SearchStrategy[Any]], Any]


def _tell(tx: Tx, incident_id: str, draw: Draw) -> Any:
    audience = draw(AUDIENCES)
    stage = draw(st.sampled_from(Stage)) if audience == "public" else None
    return commands.post_update(tx, incident_id, audience, TOLD, stage)


def _waive(tx: Tx, incident_id: str, draw: Draw) -> Any:
    keys = [one.key for one in obligations.open_for(tx, incident_id)] or ["nothing"]
    return commands.waive(tx, incident_id, draw(st.sampled_from(sorted(keys))), "Not this time")


def _correct(tx: Tx, incident_id: str, draw: Draw) -> Any:
    instant = START + timedelta(minutes=draw(st.integers(-30, 400)))
    return commands.correct_time(tx, incident_id, draw(st.sampled_from(Moment)), instant, "The graph says so")


COMMANDS = st.sampled_from(
    [
        lambda tx, one, draw: commands.acknowledge(tx, one),
        lambda tx, one, draw: commands.assign(tx, one, "scribe", draw(PEOPLE)),
        lambda tx, one, draw: commands.change_severity(tx, one, draw(SEVERITIES), "It looks so"),
        lambda tx, one, draw: commands.change_type(tx, one, "data_corruption", "It looks so"),
        lambda tx, one, draw: commands.note(tx, one, draw(st.text(max_size=5)) + "Seen"),
        lambda tx, one, draw: commands.mitigate(tx, one, "Off"),
        lambda tx, one, draw: mend(tx, one),
        lambda tx, one, draw: commands.reopen(tx, one, "It is back"),
        lambda tx, one, draw: commands.close(tx, one),
        lambda tx, one, draw: commands.schedule_review(tx, one, tx.now + timedelta(days=1)),
        lambda tx, one, draw: commands.hold_review(tx, one),
        _tell,
        _waive,
        _correct,
    ]
)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives a new database each time, a copy of one that is migrated."""
    migrated = request.getfixturevalue(f"{request.param}_url")
    with ExitStack() as stack:

        def copy() -> str:
            if request.param == "postgresql":
                return stack.enter_context(postgres.fresh_database(make_url(migrated).database))
            file = tmp_path / f"{uuid4().hex}.db"
            shutil.copy(tmp_path / "tocsin.db", file)
            return f"sqlite:///{file}"

        yield copy


def test_the_record_holds_whatever_happens(fresh_url: Callable[[], str], request: pytest.FixtureRequest) -> None:
    machine = type("OnThisDatabase", (AnyOrder,), {"url": staticmethod(fresh_url)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25 if "sqlite" in request.node.name else 6,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking such a story takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
