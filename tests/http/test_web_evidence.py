"""What a room proves of its own record."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Page, Visitor, actor, console
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


# ---- How it stood ----


@pytest.fixture
def later(here: Served, incident: Incident) -> Incident:
    """Ten minutes on: acknowledged, and told."""
    here.clock.advance_to(here.clock.now() + timedelta(minutes=10))
    fields = {"impact": "Rose forgets", "actions": "restarting", "next": "watching"}

    def work(tx: Any) -> Incident:
        commands.acknowledge(tx, incident.id)
        return commands.post_update(tx, incident.id, "internal", fields)

    return here.app.database.run(actor(here, "ben"), work)


def test_a_moment_is_shown_read_only_with_a_banner(here: Served, later: Incident) -> None:
    ben = Visitor(here, "ben")
    page = ben.open(f"/incidents/{later.id}?at={stamp(later.declared_at)}")
    assert page.status == 200
    for text in ("This is how it stood at", f"of {later.entries}. Nothing can be done here.", "Who knew what", "never"):
        assert page.says(text), text
    assert not page.says("Rose forgets") and not page.says("answered")
    assert [one.action for one in page.forms() if one.method == "post"] == ["/signout", "/theme"]
    after = ben.open(f"/incidents/{later.id}?at={stamp(later.updated_at)}")
    assert after.says("Rose forgets") and after.says("answered")


def test_the_slider_leads_through_the_record_without_a_script(here: Served, erin: Visitor, later: Incident) -> None:
    room = erin.open(f"/incidents/{later.id}")
    assert f'href="/incidents/{later.id}?entry=1"' in room.html
    first = erin.open(erin.open(f"/incidents/{later.id}?entry=1").onward)
    slider = first.form(f"/incidents/{later.id}")
    assert (slider.method, slider.fields) == ("get", {"entry": [str(incident_entries(first))]})
    assert 'rel="prev"' not in first.html
    onward = unescape(re.findall(r'rel="next" href="([^"]+)"', first.html)[0])
    last = erin.open(onward)
    assert last.says(f"after entry {later.entries} of {later.entries}")
    assert 'rel="next"' not in last.html and 'rel="prev"' in last.html
    assert erin.open(f"/incidents/{later.id}?entry=99999").onward.endswith(f"{stamp(later.updated_at)}#entry")


def incident_entries(page: Page) -> int:
    return int(re.findall(r"after entry (\d+) of", page.html)[0])


def test_an_instant_that_shows_nothing_is_refused_in_a_sentence(here: Served, erin: Visitor, later: Incident) -> None:
    before = erin.open(f"/incidents/{later.id}?at=2001-01-01T00:00")
    assert before.status == 400 and before.says("The incident was declared at")
    assert erin.open(f"/incidents/{later.id}?at=2999-01-01T00:00").says("That instant is still to come")
    assert erin.open(f"/incidents/{later.id}?at=teatime").says("'teatime' is not a time")
    assert erin.open("/incidents/inc_NOWHERE?entry=1").status == 404


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---- When it really was ----


def test_a_time_is_corrected_in_the_room(here: Served, later: Incident) -> None:
    ben = Visitor(here, "ben")
    path = f"/incidents/{later.id}"
    earlier = (later.started_at - timedelta(minutes=7)).strftime("%Y-%m-%dT%H:%M:%S")
    typed = {"correct.moment": "started", "correct.instant": earlier, "correct.because": "the graph says so"}
    done = ben.press(ben.open(path), f"{path}/correct", **typed)
    room = ben.open(done.onward)
    assert room.says("The time is corrected.") and room.says("corrected when it was started")
    silent = ben.press(room, f"{path}/correct", **{**typed, "correct.instant": "2001-01-01", "correct.because": ""})
    assert silent.status == 400 and 'id="correct-because-e"' in silent.html
    wrong = {**typed, "correct.instant": "2001-01-01", "correct.moment": "detected"}
    disorder = ben.press(room, f"{path}/correct", **wrong)
    assert disorder.status == 400 and disorder.says("it can't have been detected before")
    assert "correct-moment" not in Visitor(here, "erin").open(path).html
