"""The record defends itself: the database refuses to change it, and whoever gets round that is found."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tocsin.db.engine import Database, Tx
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.store import NoSuchIncident
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands, doctor, verification
from tocsin.response.verification import Verified


def worked_on(tx: Tx) -> Incident:
    incident = commands.declare(tx, title="Voice hangs", severity="P1", type="service_outage", service="rose")
    commands.acknowledge(tx, incident.id)
    return commands.note(tx, incident.id, "The graph says “no”, with a \u0000 and a 😶")


@pytest.fixture
def incident(database: Database) -> Incident:
    database.run(SYSTEM, worked_on)
    return database.run(SYSTEM, worked_on)


def tamper(database: Database, statement: str, **values: object) -> None:
    """What somebody can do who has the database's password and knows what stands in the way."""
    with database.begin_exclusive() as connection:
        if database.is_sqlite:
            connection.execute(text("drop trigger entry_no_update"))
            connection.execute(text("drop trigger entry_no_delete"))
        else:
            connection.execute(text("drop trigger entry_only_added_to on entry"))
        connection.execute(text(statement), values)


def broken(database: Database) -> list[Verified]:
    with database.read(SYSTEM) as tx:
        return [one for one in verification.verify_all(tx) if one.fault]


def test_what_people_did_verifies(database: Database, incident: Incident) -> None:
    with database.read(SYSTEM) as tx:
        found = list(verification.verify_all(tx))
        assert doctor.examine(tx) == []
        assert verification.verify(tx, incident.id) in found
    assert [(one.fault, one.problem) for one in found] == [(None, "")] * 2
    assert {one.number: (one.entries, one.head) for one in found}[incident.number] == (incident.entries, incident.head)


def test_an_empty_installation_verifies(database: Database) -> None:
    assert broken(database) == []


def test_an_incident_that_is_not_there_is_said_so(database: Database) -> None:
    with database.read(SYSTEM) as tx, pytest.raises(NoSuchIncident):
        verification.verify(tx, "inc_NOWHERE")


@pytest.mark.parametrize(
    "change",
    [
        "update entry set body = '{}'",
        "delete from entry",
        "update entry set number = number",
        "delete from entry where number = 3",
    ],
)
def test_the_database_refuses_to_change_the_record(database: Database, incident: Incident, change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="only ever added, never changed or taken away"),
        database.begin_exclusive() as connection,
    ):
        connection.execute(text(change))
    assert broken(database) == []


@pytest.mark.parametrize("table", ["entry", "receipt", "audit"])
def test_sqlite_refuses_to_write_over_what_is_only_added_to(sqlite_url: str, table: str) -> None:
    """`replace into` takes a row away without asking what guards deletions."""
    rows = {
        "entry": "('inc_1', 1, 'Noted', 0, 'ana', '{}', 'x')",
        "receipt": "(1, 'msg_1', null, 0, 'opened', '', '', '', null)",
        "audit": "(1, 0, 'token.made', 'ana', '', '', '', 1)",
    }
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as thief:
        thief.execute(f"insert into {table} values {rows[table]}")
        for written_over in ("replace", "insert or replace"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
                thief.execute(f"{written_over} into {table} values {rows[table].replace('ana', 'ben')}")


def test_postgresql_refuses_to_empty_the_record(nodes: tuple[Database, Database]) -> None:
    nodes[0].run(SYSTEM, worked_on)
    with (
        pytest.raises(IntegrityError, match="only ever added"),
        nodes[0].begin_exclusive() as connection,
    ):
        connection.execute(text("truncate entry"))


ENTRY_CHANGES = {
    "kind": "update entry set kind = 'Decided' where incident_id = :id and number = 3",
    "at": "update entry set at = at - 1 where incident_id = :id and number = 3",
    "by": "update entry set by = 'ben' where incident_id = :id and number = 3",
    "body": "update entry set body = replace(body, 'at', 'on') where incident_id = :id and number = 3",
    "body, by a space": "update entry set body = body || ' ' where incident_id = :id and number = 3",
    "hash": "update entry set hash = upper(hash) where incident_id = :id and number = 3",
    "number": "update entry set number = 1000 where incident_id = :id and number = 3",
    "deleted": "delete from entry where incident_id = :id and number = 3",
    "end cut off": "delete from entry where incident_id = :id and number >= 3",
}


@pytest.mark.parametrize("change", ENTRY_CHANGES.values(), ids=ENTRY_CHANGES)
def test_a_tampered_entry_is_named(database: Database, incident: Incident, change: str) -> None:
    tamper(database, change, id=incident.id)
    (found,) = broken(database)
    assert found.fault is not None
    assert (found.incident_id, found.number, found.fault.entry, found.entries) == (incident.id, incident.number, 3, 2)
    assert found.problem.startswith(f"entry 3 of {incident.id} (#{incident.number}): it is ")
    with database.read(SYSTEM) as tx:
        assert doctor.examine(tx) == [found.problem]
        assert verification.verify(tx, incident.id) == found


def test_entries_that_changed_places_are_named(database: Database, incident: Incident) -> None:
    tamper(
        database,
        "update entry set number = -number where incident_id = :id and number in (2, 3)",
        id=incident.id,
    )
    with database.begin_exclusive() as connection:
        connection.execute(text("update entry set number = 5 + number where number < 0"))
    (found,) = broken(database)
    assert found.fault is not None and found.fault.entry == 2


def test_an_entry_carried_to_another_incident_is_named(database: Database, incident: Incident) -> None:
    with database.read(SYSTEM) as tx:
        (other,) = [one for one in incidents.listing(tx) if one.id != incident.id]
    end = f"update entry set incident_id = '{other.id}', number = {other.entries + 1}"
    tamper(database, f"{end} where incident_id = :id and number = {incident.entries}", id=incident.id)
    found = {one.incident_id: one.fault.entry for one in broken(database) if one.fault}
    assert found == {incident.id: incident.entries, other.id: other.entries + 1}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("title = 'Nothing'", "row"),
        ("severity = 'P3'", "row"),
        ("status = 'closed'", "row"),
        ("type = 'security'", "row"),
        ("service = null", "row"),
        ("declared_at = declared_at + 1", "row"),
        ("updated_at = 0", "row"),
        ("resolved_at = 1", "row"),
        ("closed_at = 1", "row"),
        ("number = 77", "row"),
        ("fold = '{}'", "saved state can't be read"),
    ],
)
def test_a_tampered_row_is_named(database: Database, incident: Incident, change: str, where: str) -> None:
    tamper(database, f"update incident set {change} where id = :id", id=incident.id)
    found = broken(database)[0]
    assert found.incident_id == incident.id
    assert where in found.problem
    assert found.entries == incident.entries


def test_a_fold_that_tells_another_story_is_named(database: Database, incident: Incident) -> None:
    read = "fold" if database.is_sqlite else "fold::text"
    back = "" if database.is_sqlite else "::jsonb"
    change = f"update incident set fold = replace({read}, 'Voice hangs', 'All is well'){back}"
    tamper(database, f"{change} where id = :id", id=incident.id)
    assert [one.problem for one in broken(database)] == [
        f"{incident.id} (#{incident.number}): its saved state is not what its timeline says"
    ]


def test_a_whole_incident_that_is_gone_is_missed(database: Database, incident: Incident) -> None:
    with database.read(SYSTEM) as tx:
        (first,) = [one for one in incidents.listing(tx) if one.id != incident.id]
    tamper(database, "delete from entry where incident_id = :id", id=first.id)
    with database.begin_exclusive() as connection:
        for table in ("obligation", "page", "message"):
            connection.execute(text(f"delete from {table} where incident_id = '{first.id}'"))
        connection.execute(text(f"delete from incident where id = '{first.id}'"))
    assert [one.problem for one in broken(database)] == ["incident #1: it is missing: incidents have no gap"]


def test_entries_without_their_incident_are_found(database: Database, incident: Incident) -> None:
    change = f"update entry set incident_id = 'inc_AWAY' where incident_id = '{incident.id}' and number = 2"
    if database.is_sqlite:
        with closing(sqlite3.connect(str(database.url.database))) as connection:  # one that asks for no foreign keys
            connection.execute("drop trigger entry_no_update")
            connection.execute(change)
            connection.commit()
    else:
        tamper(database, "alter table entry drop constraint entry_incident_id_fkey")
        with database.begin_exclusive() as connection:
            connection.execute(text(change))
    found = {one.incident_id: one for one in broken(database)}
    assert set(found) == {incident.id, "inc_AWAY"}
    assert found["inc_AWAY"].problem == "inc_AWAY: there are entries, and no incident that they belong to"
    assert (found[incident.id].entries, found["inc_AWAY"].entries) == (1, 0)
