"""The page of an incident that will resolve itself says when; and no more, once somebody has it in hand."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tests.support.world import QUIET
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Status
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, intake, tick
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State

ITSELF = re.sub(r"(    escalation: \w+\n)", r"\1    resolves_itself_after: 10 min\n", QUIET)
LABELS = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded"}
FORETOLD = "Its signal has cleared; it resolves itself at 03:44:19 unless one comes back or somebody takes a role."


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # 24 November 2026, 03:34 UTC
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, ITSELF, "a cleared alarm is enough", accept_large=True)
        yield one


def says(here: Served, state: State) -> None:
    arrival = Arrival(source="probe", key="groq", title="Groq is down", state=state, labels=LABELS)
    with here.app.database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(arrival)])
    intake.decide_some(here.app.database)


def test_its_page_foretells_it_until_somebody_takes_a_role(here: Served) -> None:
    says(here, State.FIRING)
    with here.app.database.read(SYSTEM) as tx:
        (incident,) = incidents.listing(tx)
    room, ben = f"/incidents/{incident.id}", Visitor(here, "ben")
    assert "resolves itself" not in ben.open(room).html
    says(here, State.RESOLVED)
    assert ben.open(room).says(FORETOLD)
    reader = here.bearer("incidents:read", name="reader")
    found = here.get(f"/api/v1/incidents/{incident.id}/obligations", headers=reader).json()
    (wait,) = [one for one in found["obligations"] if one["kind"] == "quiet"]
    assert wait["due_at"] == "2026-11-24T03:44:19Z"
    here.app.database.run(
        access.local_operator("ben"), lambda tx: commands.assign(tx, incident.id, "technical_lead", "ben")
    )
    assert "resolves itself" not in ben.open(room).html


def test_what_nobody_answered_and_nobody_resolved_has_a_page_as_well(here: Served) -> None:
    says(here, State.FIRING)
    says(here, State.RESOLVED)
    here.clock.advance_to(here.clock.now() + timedelta(minutes=10))
    here.app.database.run(SYSTEM, tick.settle_due)
    with here.app.database.read(SYSTEM) as tx:
        (incident,) = incidents.listing(tx)
    page = Visitor(here, "ben").open(f"/incidents/{incident.id}")
    assert incident.acknowledged_at is None and incident.status is Status.WATCHING
    assert page.says("Tocsin resolved it: Its signal has cleared, and has not fired since 2026-11-24 03:34:19 UTC")
    assert Visitor(here, "ben").open(f"/post-mortems/{incident.id}").status == 200
