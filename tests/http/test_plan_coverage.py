"""The coverage of the plan and its document, on the three faces: page, API and command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import Served
from tests.support.terminal import Terminal
from tests.support.visitor import Visitor, actor, console
from tocsin.plan import printing
from tocsin.plan import store as plans
from tocsin.response import commands

ACKNOWLEDGE = "severities.P1.acknowledge_within"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        run, ben = one.app.database.run, actor(one, "ben")
        about = {"title": "Voice <b>hangs</b>", "severity": "P1", "type": "service_outage"}
        incident = run(ben, lambda tx: commands.declare(tx, **about))
        run(ben, lambda tx: commands.acknowledge(tx, incident.id))
        yield one


def test_the_page_names_the_incident_by_which_a_clause_was_kept(here: Served) -> None:
    html = Visitor(here, "erin").open("/plan/coverage?only=timed").html
    row = html.split(f'<tr id="{ACKNOWLEDGE}">')[1].split("</tr>")[0]
    assert "Kept" in row
    assert "#1 Voice &lt;b&gt;hangs&lt;/b&gt;" in row
    assert "1 kept" in row
    assert '<tr id="purpose">' not in html


def test_the_api_counts_and_filters(here: Served) -> None:
    caller = here.bearer("plan:read", "incidents:read")
    found = here.get("/api/v1/plan/coverage?only=timed", headers=caller).json()
    one = next(one for one in found["clauses"] if one["id"] == ACKNOWLEDGE)
    assert (one["last"]["outcome"], one["last"]["number"], one["obligations"]["kept"]) == ("kept", 1, 1)
    assert {one["how"] for one in found["clauses"]} == {"timed"}
    assert len(found["clauses"]) == found["summary"]["timed"] < found["summary"]["clauses"]
    assert here.get("/api/v1/plan/coverage?since=2030-01-01T00:00:00Z", headers=caller).status_code == 400
    assert here.get("/api/v1/plan/coverage?sort=color", headers=caller).status_code == 400


def test_who_may_not_read_incidents_learns_nothing_of_them(here: Served) -> None:
    assert here.get("/api/v1/plan/coverage", headers=here.bearer("plan:read")).status_code == 403


def test_the_document_is_downloaded_as_it_is_printed(here: Served) -> None:
    with here.app.database.read(actor(here, "ben")) as tx:
        printed = printing.document(plans.current(tx), plans.current_id(tx))
    erin = Visitor(here, "erin")
    assert erin.open("/plan/document.md").html == printed
    assert f'id="{ACKNOWLEDGE}"' in erin.open("/plan/document").html


def test_the_command_says_what_was_never_exercised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    terminal = Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}"})
    terminal.done("migrate")
    assert "Never exercised" in terminal.done("plan", "coverage", "--only", "timed")
    found = terminal("plan", "coverage", "--json", "--only", "never").json
    assert len(found["clauses"]) == found["summary"]["never_exercised"]
    assert {one["use"] for one in found["clauses"]} == {"never exercised"}
    assert terminal("plan", "coverage", "--since", "2999-01-01").code == 2
