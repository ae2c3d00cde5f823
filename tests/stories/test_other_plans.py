"""The plans that ship as examples are run to their end: nothing in the program knows the plan of Rose alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import plans
from tests.support.ending import mend, wrap_up
from tests.support.world import World
from tocsin.incidents import lifecycle
from tocsin.incidents.model import Escalated, Recovered, Status
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.response import commands

EXAMPLES = Path(__file__).parents[2] / "examples"
WORDS = {
    "impact": "Nobody can pay.",
    "actions": "Took the last change back.",
    "next": "Look at the queues.",
    "eta": "half an hour",
    "issue": "payments fail",
    "cause": "a change of this morning",
    "message": "We are on it.",
}


@dataclass(frozen=True, kw_only=True)
class Night:
    """One incident under one plan: what is declared, who is reached, and who does what."""

    plan: str
    severity: str
    type: str
    service: str
    first: tuple[str, ...]  # who is paged at once
    second: tuple[str, ...]  # and when nobody answers
    wait: float
    by: str
    roles: Mapping[str, str]
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # audience → who receives the update
    watch: float
    meeting_within: timedelta


FIVE = Night(
    plan="five-people.yaml",
    severity="high",
    type="outage",
    service="lantern",
    first=("mei",),
    second=("omar",),
    wait=5,
    by="jon",
    roles={"lead": "nia"},
    told={"team": ("jon", "mei", "nia", "omar", "sofia")},
    watch=30,
    meeting_within=timedelta(weeks=1),
)
LARGER = Night(
    plan="larger-organisation.yaml",
    severity="SEV1",
    type="money",
    service="payments",
    first=("chiara", "elif", "goran", "ivo", "kofi", "milo"),
    second=("amara", "bruno", "chiara", "freya"),
    wait=5,
    by="hana",
    roles={"duty_manager": "chiara", "solver": "hana", "voice": "oskar", "keeper": "jana", "counsel": "rui"},
    told={
        "teams": (
            *("bruno", "chiara", "dev", "elif", "freya", "goran", "hana", "ivo", "jana", "kofi", "lena"),
            *("milo", "noor"),
        ),
        "care": ("oskar", "paula"),
        "direction": ("amara", "quinn", "rui"),
    },
    watch=60,
    meeting_within=timedelta(days=5),
)


@pytest.fixture(params=[FIVE, LARGER], ids=lambda night: night.plan)
def night(request: pytest.FixtureRequest) -> Night:
    found: Night = request.param
    return found


@pytest.fixture
def world(database_url: str, night: Night) -> Iterator[World]:
    world = World(database_url, plan=plans.text(EXAMPLES / night.plan))
    yield world
    world.close()


def declare(world: World, night: Night) -> str:
    return world.declare(
        "Nobody can pay", by=night.by, severity=night.severity, type=night.type, service=night.service
    ).id


def tell_everybody(world: World, night: Night, incident_id: str, stage: Stage) -> None:
    for audience, people in night.told.items():
        world.do(commands.post_update, incident_id, audience, WORDS, by=night.by)
        world.expect_update(audience, *people)
    world.do(commands.post_update, incident_id, "public", WORDS, stage, by=night.by)


def test_an_incident_goes_the_whole_way_under_another_plan(world: World, night: Night) -> None:
    incident_id = declare(world, night)
    pages = world.expect_page(*night.first)
    world.do(commands.acknowledge_page, world.answer_link(pages[0]))
    for role, person in night.roles.items():
        world.do(commands.assign, incident_id, role, person, by=night.by)
    tell_everybody(world, night, incident_id, Stage.INVESTIGATING)
    world.advance(minutes=14)
    world.do(commands.mitigate, incident_id, "Sent it elsewhere.", by=night.by)
    world.do(mend, incident_id, "Took the change back.", by=night.by)
    with pytest.raises(lifecycle.StillOwed):
        world.do(commands.close, incident_id, by=night.by)

    tell_everybody(world, night, incident_id, Stage.MONITORING)
    world.advance(minutes=night.watch)
    assert [one.watched_minutes for one in world.entries(incident_id, Recovered)] == [night.watch]
    world.do(commands.post_update, incident_id, "public", WORDS, Stage.RESOLVED, by=night.by)
    world.do(commands.schedule_review, incident_id, world.clock.now() + timedelta(days=1), by=night.by)
    world.do(wrap_up, incident_id, by=night.by)
    world.overlook()
    assert world.do(commands.close, incident_id, by=night.by).status is Status.CLOSED
    world.advance(days=1)
    world.do(commands.hold_review, incident_id, by=night.by)
    assert world.owed(incident_id) == {}
    assert world.ended(incident_id, "review") == [State.MET]


def test_an_unanswered_page_climbs_as_the_other_plan_says(world: World, night: Night) -> None:
    incident_id = declare(world, night)
    world.expect_page(*night.first)
    world.advance(minutes=night.wait)
    world.expect_page(*night.second)
    assert len(world.entries(incident_id, Escalated)) == 1


def test_the_post_mortem_is_due_when_the_other_plan_says(world: World, night: Night) -> None:
    incident_id = declare(world, night)
    world.expect_page(*night.first)
    world.do(mend, incident_id, "Took the change back.", by=night.by)
    assert world.owed(incident_id)["review"].due_at == world.clock.now() + night.meeting_within


# --- What only the larger organisation has ----------------------------------------------------------------------------

only_larger = pytest.mark.parametrize("night", [LARGER], indirect=True, ids=["larger"])


@only_larger
def test_raising_sev3_to_sev1_brings_in_every_team(world: World, night: Night) -> None:
    incident_id = world.declare("The map lags", by="jana", severity="SEV3", type="slowness", service="tracking").id
    world.expect_page("elif")
    assert "update:public" not in world.owed(incident_id)
    world.do(commands.change_severity, incident_id, "SEV1", "Parcels vanish", by="jana")
    world.expect_page(*LARGER.first)
    assert {"role:counsel", "update:direction", "update:public"} <= set(world.owed(incident_id))
    assert world.owed(incident_id)["update:public"].clause == "OPS-4.4"


@only_larger
def test_a_sev4_pages_once_and_then_lets_people_sleep(world: World, night: Night) -> None:
    incident_id = world.declare("A report is late", by="jana", severity="SEV4", type="slowness", service="shop").id
    world.expect_page("elif")
    world.advance(days=2)
    world.expect_silence()
    assert world.owed(incident_id)["acknowledge"].overdue_at is not None


@only_larger
def test_a_sev5_pages_nobody_and_is_owed_an_answer_all_the_same(world: World, night: Night) -> None:
    incident_id = world.declare("A disk fills up", by="jana", severity="SEV5", type="slowness", service="depot").id
    world.expect_silence()
    assert world.owed(incident_id)["acknowledge"].due_at == world.clock.now() + timedelta(days=3)


@only_larger
def test_a_disclosure_is_never_owed_to_the_public(world: World, night: Night) -> None:
    incident_id = world.declare("Parcels of others", by="noor", severity="SEV1", type="disclosure", service="shop").id
    world.expect_page("milo")  # of those who are paged at once the one whom the plan lets read it
    owed = set(world.owed(incident_id))
    assert "update:direction" in owed
    assert "update:public" not in owed
