"""The ticket as a page, and what a role shows of itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.incidents.work import Verdict
from tocsin.response import commands, working


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def incident_id(here: Served) -> str:
    run, ana = here.app.database.run, actor(here, "ana")
    about: dict[str, Any] = {"title": "Memory is down", "severity": "P1", "type": "service_outage"}
    return run(ana, lambda tx: commands.declare(tx, **about)).id


def test_the_ticket_is_rendered_from_the_record_at_any_moment(here: Served, incident_id: str) -> None:
    ben = Visitor(here, "ben")
    page = ben.open(f"/incidents/{incident_id}/ticket")
    assert page.says("Memory is down") and page.says("<mark>[to be written: what was found]</mark>")
    run = here.app.database.run
    run(actor(here, "ben"), lambda tx: working.find(tx, incident_id, "The disk is <full>", Verdict.ROOT_CAUSE))
    page = ben.open(f"/incidents/{incident_id}/ticket")
    assert page.says("The disk is <full>") and "<full>" not in page.html


def test_a_role_shows_its_duties_who_held_it_before_and_who_is_not_meant_for_it(here: Served, incident_id: str) -> None:
    ben, run = Visitor(here, "ben"), here.app.database.run
    assert ben.open(f"/incidents/{incident_id}").says("Decide on rollback and on escalation")
    for person in ("ben", "erin"):
        run(
            actor(here, "ana"), lambda tx, person=person: commands.assign(tx, incident_id, "incident_commander", person)
        )  # type: ignore[misc]
    page = ben.open(f"/incidents/{incident_id}")
    assert page.says("not among those whom the plan names")
    assert page.says("before: Ben Halvorsen, ")
