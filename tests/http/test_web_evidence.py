"""What a room proves of its own record."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.incidents.model import Incident
from tocsin.response import commands


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def erin(here: Served) -> Visitor:
    return Visitor(here, "erin")


@pytest.fixture
def incident(here: Served) -> Incident:
    return here.app.database.run(
        actor(here, "ana"),
        lambda tx: commands.declare(tx, title="Memory is down", severity="P1", type="external_api_failure"),
    )


def test_a_room_says_that_its_record_holds(erin: Visitor, incident: Incident) -> None:
    page = erin.open(f"/incidents/{incident.id}")
    assert page.says(f"Record verified: {incident.entries} entries, none changed or missing")
    assert page.says(incident.head[:12])


def test_a_room_says_which_entry_is_not_what_was_written(here: Served, erin: Visitor, incident: Incident) -> None:
    with closing(sqlite3.connect(str(here.app.database.url.database))) as connection:
        connection.execute("drop trigger entry_no_update")
        connection.execute("update entry set hash = 'abc' where number = 2")
        connection.commit()
    page = erin.open(f"/incidents/{incident.id}")
    assert not page.says("Record verified")
    assert page.says(f"This record is not what was written: entry 2 of {incident.id}")
