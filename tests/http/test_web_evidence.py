"""What a room proves of its own record."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.incidents.model import Incident
from tocsin.response import archive, commands


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


def test_a_room_gives_its_evidence_away_signed(erin: Visitor, incident: Incident) -> None:
    page = erin.open(f"/incidents/{incident.id}")
    assert f'href="/incidents/{incident.id}/evidence"' in page.html and 'href="/evidence/public-key"' in page.html
    packed = erin.open(f"/incidents/{incident.id}/evidence").answer
    assert packed.headers["content-disposition"] == 'attachment; filename="incident-1-evidence.zip"'
    key = erin.open("/evidence/public-key").answer.text
    examined = archive.examine(packed.content, key)
    assert (examined.problems, examined.manifest.incident_id) == ((), incident.id)


def test_a_stranger_gets_no_evidence(here: Served, incident: Incident) -> None:
    stranger = Visitor(here)
    for path in (f"/incidents/{incident.id}/evidence", "/evidence/public-key"):
        assert stranger.open(path).onward.startswith("/signin?")
