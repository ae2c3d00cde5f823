"""What a chat has brought, and whose channel it came from: the same on both databases."""

from datetime import timedelta
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.support.races import together
from tocsin.comms import store as comms
from tocsin.comms.rooms import Room
from tocsin.db.engine import Database
from tocsin.db.upgrading import FOLDER
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.people import access
from tocsin.response import commands


def declare(database: Database, kind: str = "service_outage") -> Incident:
    about: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": kind, "service": "rose"}
    return database.run(SYSTEM, lambda tx: commands.declare(tx, **about))


def add_room(
    database: Database, incident: Incident, channel: str, *, private: bool = False, left: bool = False
) -> None:
    room = Room(
        id=f"rom_{channel}",
        incident_id=incident.id,
        provider="slack",
        name=channel.lower(),
        private=private,
        channel=channel,
        renamed=left,
    )
    database.run(SYSTEM, lambda tx: comms.add_room(tx, room))


def whose(database: Database, channel: str, provider: str = "slack", actor: Actor = SYSTEM) -> str | None:
    with database.read(actor) as tx:
        return comms.incident_of(tx, provider, channel)


def test_what_comes_twice_at_once_is_heard_once(database: Database) -> None:
    def hear() -> bool:
        return database.run(SYSTEM, lambda tx: comms.first_time(tx, "said 1.2"))

    assert sorted(together(hear, hear, hear)) == [False, False, True]


def test_two_nodes_hear_it_once(nodes: tuple[Database, Database]) -> None:
    def hear(node: Database) -> bool:
        return node.run(SYSTEM, lambda tx: comms.first_time(tx, "said 1.2"))

    assert sorted(together(*(lambda one=one: hear(one) for one in nodes))) == [False, True]


def test_what_was_undone_was_not_heard(database: Database) -> None:
    class Undone(Exception):
        pass

    try:
        with database.work(SYSTEM) as tx:
            assert comms.first_time(tx, "once")
            raise Undone
    except Undone:
        pass
    assert database.run(SYSTEM, lambda tx: comms.first_time(tx, "once"))


def test_it_is_forgotten_after_a_day_and_not_before(database: Database, clock: ManualClock) -> None:
    database.run(SYSTEM, lambda tx: comms.first_time(tx, "once"))
    for hours, is_new in ((23, False), (2, True)):
        clock.advance_to(clock.now() + timedelta(hours=hours))
        database.run(SYSTEM, comms.forget_heard)
        assert database.run(SYSTEM, lambda tx: comms.first_time(tx, "once")) is is_new


def test_a_channel_is_its_incidents_for_those_who_may_see_it(database: Database) -> None:
    open_one, secret = declare(database), declare(database, "security")
    add_room(database, open_one, "C1")
    add_room(database, secret, "C2", private=True)
    add_room(database, secret, "C3", left=True)
    assert whose(database, "C1") == open_one.id and whose(database, "C2") == secret.id
    assert whose(database, "C3") is None and whose(database, "C4") is None and whose(database, "C1", "teams") is None
    stranger = Actor("nobody", ActorKind.PERSON, access.READING)
    assert whose(database, "C1", actor=stranger) == open_one.id and whose(database, "C2", actor=stranger) is None


def test_channels_that_were_opened_before_are_found_after_the_upgrade(database: Database) -> None:
    incident = declare(database)
    add_room(database, incident, "C1")
    module = ScriptDirectory(str(FOLDER)).get_revision("0026").module
    with database.begin_exclusive() as connection:
        connection.execute(text("update room set channel = null"))
    assert whose(database, "C1") is None
    with database.begin_exclusive() as connection:
        module._name_channels(connection)
    assert whose(database, "C1") == incident.id
