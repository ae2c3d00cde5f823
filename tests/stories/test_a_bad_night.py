"""The walk of the whole way through: a signal becomes an incident, a page, an update, and an end."""

from datetime import timedelta

import pytest

from tests.support.ending import mend, wrap_up
from tests.support.world import World
from tocsin.incidents import lifecycle
from tocsin.incidents.model import Escalated, FellDue, Paged, Recovered, Reopened, SeverityChanged, Status
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.rehearsal import rose
from tocsin.response import commands

WORDS = {
    "impact": "Nobody can talk to Rose.",
    "actions": "Restarted the service.",
    "next": "Watch the health address.",
    "eta": "20 minutes",
    "issue": "Rose not answering",
    "cause": "a crashed process",
    "message": "Thank you for your patience.",
}
EVERYBODY = ("ana", "ben", "erin", "lucia", "tomas")


def test_rose_goes_down_and_everybody_is_paged(world: World) -> None:
    world.watch_rose()
    world.advance(minutes=3)
    world.expect_silence()
    world.switches = rose.Switches(mode=rose.Mode.DOWN)
    world.advance(minutes=1)
    page = world.expect_page(*EVERYBODY)[0]
    assert "- Rose health: failures 0 % before it began, 75 % at the worst since" in page.body
    incident = world.incident()
    assert (incident.severity, incident.type, incident.source) == ("P0", "service_outage", "probe")
    assert incident.trigger == "health_check"
    assert "refused" in incident.why
    assert {"acknowledge", "resolve", "update:internal", "update:public", "update:executives"} <= set(
        world.owed(incident.id)
    )


def test_an_unacknowledged_page_climbs_until_somebody_answers(world: World) -> None:
    incident = world.declare(severity="P1")
    first = world.expect_page(*world.entries(incident.id, Paged)[0].people)
    wait = world.entries(incident.id, Paged)[0].answer_by - world.clock.now()
    world.advance(seconds=wait.total_seconds())
    second = world.entries(incident.id, Paged)[1]
    world.expect_page(*second.people)
    assert len(world.entries(incident.id, Escalated)) == 1
    world.do(commands.acknowledge_page, world.answer_link(first[0]))
    assert world.incident(incident.id).acknowledged_by == first[0].person
    world.advance(minutes=14 - wait.total_seconds() / 60)
    world.expect_silence()
    assert world.ended(incident.id, "acknowledge") == [State.MET]


def test_the_whole_way_to_closing(world: World) -> None:
    world.watch_rose()
    world.switches = rose.Switches(mode=rose.Mode.DOWN)
    world.advance(minutes=1)
    pages = world.expect_page(*EVERYBODY)
    incident = world.incident()
    world.do(commands.acknowledge_page, world.answer_link(pages[0]))
    for role, person in (
        ("incident_commander", "ben"),
        ("technical_lead", "ana"),
        ("communications_lead", "lucia"),
        ("scribe", "tomas"),
    ):
        world.do(commands.assign, incident.id, role, person)
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.expect_update("internal", *world_team(world))
    world.do(commands.post_update, incident.id, "executives", WORDS)
    world.expect_update("executives", "erin")
    world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    world.expect_silence()
    with pytest.raises(lifecycle.NotResolved):
        world.do(commands.post_update, incident.id, "public", WORDS, Stage.RESOLVED)

    world.switches = rose.Switches()
    world.advance(minutes=1)
    world.do(mend, incident.id, "Restarted the process.")
    assert world.incident(incident.id).status is Status.WATCHING
    with pytest.raises(lifecycle.StillOwed, match="watch") as refused:
        world.do(commands.close, incident.id)
    assert "post-mortem" in refused.value.message
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.expect_update("internal", *world_team(world))
    world.do(commands.post_update, incident.id, "executives", WORDS)
    world.expect_update("executives", "erin")
    world.do(commands.post_update, incident.id, "customer_success", {**WORDS, "message": "She is back."})
    world.expect_update("customer_success", "lucia")
    world.look_away()
    world.advance(minutes=30)
    assert world.incident(incident.id).status is Status.RESOLVED
    assert [one.watched_minutes for one in world.entries(incident.id, Recovered)] == [30]
    world.do(commands.post_update, incident.id, "public", WORDS, Stage.RESOLVED)
    world.do(commands.schedule_review, incident.id, world.clock.now() + timedelta(hours=20))
    with pytest.raises(lifecycle.StillOwed, match="not confirmed: every metric is back where it was"):
        world.do(commands.close, incident.id)
    world.do(wrap_up, incident.id)
    world.overlook()
    closed = world.do(commands.close, incident.id)
    assert closed.status is Status.CLOSED
    assert set(world.owed(incident.id)) == {"review"}
    world.advance(hours=20)
    world.do(commands.hold_review, incident.id)
    assert world.owed(incident.id) == {}


def test_a_regression_during_the_watch_reopens_and_pages_again(world: World) -> None:
    world.watch_rose()
    world.switches = rose.Switches(mode=rose.Mode.DOWN)
    world.advance(minutes=1)
    world.expect_page(*EVERYBODY)
    incident = world.incident()
    world.switches = rose.Switches()
    world.do(mend, incident.id, "Restarted the process.")
    world.advance(minutes=5)
    world.switches = rose.Switches(mode=rose.Mode.DOWN)
    world.advance(minutes=1)
    world.expect_page(*EVERYBODY)
    again = world.incident(incident.id)
    assert again.status is Status.INVESTIGATING
    assert len(world.entries(incident.id, Reopened)) == 1
    assert "acknowledge" in world.owed(incident.id)


def test_what_fell_due_while_nobody_ran_the_server_is_settled_at_once(world: World) -> None:
    incident = world.declare(severity="P2", type="performance_degradation")
    world.expect_page(*world.entries(incident.id, Paged)[0].people)
    world.do(commands.acknowledge, incident.id)
    world.sleep(hours=5)
    world.settle()
    (overdue,) = [one for one in world.entries(incident.id, FellDue) if one.key == "update:internal"]
    assert overdue.at - overdue.due_at == timedelta(hours=3)  # the first word was due at two hours
    assert world.owed(incident.id)["update:internal"].overdue_at == overdue.at
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.expect_update("internal", *world_team(world))
    assert world.ended(incident.id, "update:internal") == [State.LATE]
    assert world.owed(incident.id)["update:internal"].due_at == world.clock.now() + timedelta(hours=2)
    world.sleep(hours=7)  # two more fell due, at two hours and at four, and a third half way to the next
    world.settle()
    assert world.ended(incident.id, "update:internal") == [State.LATE, State.MISSED, State.MISSED]
    assert world.owed(incident.id)["update:internal"].due_at == world.clock.now() - timedelta(hours=1)


def test_worse_news_raises_the_level_and_owes_anew(world: World) -> None:
    world.watch_rose()
    world.switches = rose.Switches(mode=rose.Mode.DEGRADED, components=frozenset({rose.Component.QDRANT}))
    world.advance(minutes=1)
    incident = world.incident()
    assert incident.severity == "P1"
    world.expect_page(*world.entries(incident.id, Paged)[0].people)
    world.do(commands.acknowledge, incident.id)
    three = frozenset({rose.Component.QDRANT, rose.Component.GROQ, rose.Component.ELEVENLABS})
    world.switches = rose.Switches(mode=rose.Mode.DEGRADED, components=three)
    world.advance(minutes=1)
    assert world.incident(incident.id).severity == "P0"
    assert [one.raised for one in world.entries(incident.id, SeverityChanged)] == [True]
    world.expect_page(*EVERYBODY)


def world_team(world: World) -> tuple[str, ...]:
    plan = world.plan()
    return plan.members(plan.communication.audiences["internal"].to)
