"""Severities: what they mean, what they owe, and what sets them."""

from datetime import timedelta

import pytest

from tests.support.console import Console
from tests.support.ending import mend, wrap_up
from tests.support.keeping import due_in, fell_due, kept
from tests.support.subscribed import Readers
from tests.support.world import QUIET, World
from tocsin.incidents import lifecycle
from tocsin.incidents.model import Incident, Paged, ReviewScheduled, SeverityChanged, Status
from tocsin.incidents.work import DutiesChanged
from tocsin.plan.model import Stage
from tocsin.rehearsal import rose
from tocsin.response import commands
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.store import Disposition

EVERYBODY = ["ana", "ben", "erin", "lucia", "tomas"]
WORDS = {
    "impact": "Nobody is answered",
    "actions": "Looking",
    "next": "Restart",
    "eta": "",
    "issue": "no answers",
    "message": "A restart helped, and an alarm will tell us sooner.",
}
ANSWER_WITHIN = {
    "P0": timedelta(minutes=5),
    "P1": timedelta(minutes=15),
    "P2": timedelta(hours=1),
    "P3": timedelta(hours=4),
}
RESOLVE_WITHIN = {"P0": timedelta(hours=1), "P1": timedelta(hours=4), "P2": timedelta(days=1), "P3": timedelta(weeks=1)}


def paged(world: World) -> list[str]:
    """Who was sent a page, in the order of sending."""
    return [one.person or "" for one in world.mail.sent if one.audience == "page"]


def seconds(length: timedelta) -> float:
    return length.total_seconds()


# ---- What each level means ----


def test_sev_01_whoever_declares_reads_what_each_level_means(console: Console) -> None:
    page = console.visitor("ben").open("/declare")
    for level, definition, example in (
        ("P0", "Rose is gone for everyone", "Every outside API fails at the same moment"),
        ("P1", "Something essential does not work", "Memory is down and every turn starts from nothing"),
        ("P2", "Part of Rose does not work", "Answers take more than 10 seconds"),
        ("P3", "A small fault that hardly anybody notices", "Something on the page looks wrong"),
    ):
        assert f'name="severity" value="{level}"' in page.html
        assert page.says(definition) and page.says(example)


def test_sev_01_the_levels_are_the_plans_and_not_the_programs(console: Console) -> None:
    changed = QUIET.replace("Rose is gone for everyone", "Not a soul can reach her")
    administrator = {"Authorization": f"Bearer {console.here.token('*', name='plans')}"}
    headers = {**administrator, "content-type": "application/yaml"}
    answer = console.here.request("PUT", "/api/v1/plan?reason=Words&yes=true", content=changed, headers=headers)
    assert answer.status_code == 200, answer.text
    page = console.visitor("ben").open("/declare")
    assert page.says("Not a soul can reach her") and not page.says("Rose is gone for everyone")


# ---- The times ----


@pytest.mark.parametrize("level", ANSWER_WITHIN)
def test_sev_02_an_answer_at_the_last_moment_keeps_the_promise(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    assert due_in(busy, incident, "acknowledge") == ANSWER_WITHIN[level]
    busy.advance(seconds=seconds(ANSWER_WITHIN[level]) - 1)
    busy.do(commands.acknowledge, incident.id)
    busy.advance(minutes=1)
    assert kept(busy, incident, "acknowledge")
    assert "acknowledge" not in fell_due(busy, incident)


@pytest.mark.parametrize("level", ANSWER_WITHIN)
def test_sev_02_no_answer_in_time_stands_on_the_record(console: Console, level: str) -> None:
    incident = console.world.declare(severity=level)
    console.world.advance(seconds=seconds(ANSWER_WITHIN[level]) - 1)
    assert "acknowledge" not in fell_due(console.world, incident)
    console.world.advance(seconds=1)
    assert fell_due(console.world, incident)["acknowledge"] == incident.declared_at + ANSWER_WITHIN[level]
    assert console.room(incident).says("by nobody yet")


def test_sev_02_a_p0_is_answered_within_five_minutes_or_climbs(busy: World) -> None:
    incident = busy.declare(severity="P0")
    assert sorted(paged(busy)) == EVERYBODY
    busy.advance(minutes=5)
    assert sorted(paged(busy)) == sorted([*EVERYBODY, *EVERYBODY])
    busy.do(commands.acknowledge, incident.id)
    busy.advance(minutes=10)
    assert len(paged(busy)) == 2 * len(EVERYBODY)


@pytest.mark.parametrize("level", RESOLVE_WITHIN)
def test_sev_03_resolving_in_time_keeps_the_target(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    busy.do(commands.acknowledge, incident.id)
    assert due_in(busy, incident, "resolve") == RESOLVE_WITHIN[level]
    busy.sleep(seconds=seconds(RESOLVE_WITHIN[level]) - 60)
    busy.settle()
    busy.do(mend, incident.id)
    assert kept(busy, incident, "resolve")
    assert "resolve" not in fell_due(busy, incident)


@pytest.mark.parametrize("level", RESOLVE_WITHIN)
def test_sev_03_a_target_that_passes_is_said_on_the_timeline(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    busy.do(commands.acknowledge, incident.id)
    busy.sleep(seconds=seconds(RESOLVE_WITHIN[level]))
    busy.settle()
    assert fell_due(busy, incident)["resolve"] == incident.declared_at + RESOLVE_WITHIN[level]
    assert not kept(busy, incident, "resolve")


# ---- Who is called ----


def test_sev_04_a_p0_calls_all_hands(busy: World) -> None:
    busy.declare(severity="P0")
    assert sorted(paged(busy)) == EVERYBODY


def test_sev_04_a_p1_wants_a_commander_and_brings_in_engineering(busy: World) -> None:
    incident = busy.declare(severity="P1")
    assert paged(busy) == ["ana"]
    assert due_in(busy, incident, "role:incident_commander") == timedelta(minutes=15)
    busy.advance(minutes=5)
    assert "ben" in paged(busy)
    busy.advance(minutes=5)
    assert sorted(busy.entries(incident.id, Paged)[2].people) == ["ana", "ben", "tomas"]
    busy.advance(minutes=5)
    assert "role:incident_commander" in fell_due(busy, incident)


def test_sev_04_a_p2_goes_to_the_engineer_on_call_alone(busy: World) -> None:
    incident = busy.declare(severity="P2")
    busy.do(commands.acknowledge, incident.id)
    busy.advance(hours=1)
    assert paged(busy) == ["ana"]
    assert not [key for key in busy.owed(incident.id) if key.startswith("role:")]


def test_sev_04_a_p3_pages_nobody_however_long_it_waits(busy: World) -> None:
    incident = busy.declare(severity="P3")
    busy.sleep(days=3)
    busy.settle()
    assert paged(busy) == [] and busy.entries(incident.id, Paged) == []


# ---- Who is told ----


@pytest.mark.parametrize("level", ["P0", "P1"])
def test_sev_05_the_executives_are_told(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    assert due_in(busy, incident, "update:executives") == timedelta(minutes=15)
    busy.do(commands.post_update, incident.id, "executives", WORDS)
    (mail,) = [one for one in busy.mail.sent if one.audience == "executives"]
    assert mail.person == "erin" and "Nobody is answered" in mail.body
    assert kept(busy, incident, "update:executives")


def test_sev_05_executives_who_are_not_told_are_missed(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.advance(minutes=15)
    assert "update:executives" in fell_due(busy, incident)


@pytest.mark.parametrize("level", ["P2", "P3"])
def test_sev_05_lesser_trouble_is_not_owed_to_executives(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    assert "update:executives" not in busy.owed(incident.id)


@pytest.mark.parametrize(("level", "every"), [("P0", 15), ("P1", 30)])
def test_sev_06_the_public_is_told_at_the_cadence_of_the_level(console: Console, level: str, every: int) -> None:
    world = console.world
    incident = world.declare(severity=level)
    assert due_in(world, incident, "update:public") == timedelta(minutes=15)
    for stage in (Stage.INVESTIGATING, Stage.INVESTIGATING):
        world.advance(minutes=10)
        world.do(commands.post_update, incident.id, "public", WORDS, stage)
        assert due_in(world, incident, "update:public") == timedelta(minutes=every)
    assert kept(world, incident, "update:public")
    assert console.visitor("ben").open("/status").says("no answers")
    world.advance(minutes=every)
    assert fell_due(world, incident)["update:public"] == world.clock.now()


def test_sev_06_whoever_subscribed_hears_each_update_at_that_cadence_and_nothing_between(
    busy: World, readers: Readers
) -> None:
    incident = busy.declare(severity="P0")
    for _ in range(3):
        busy.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
        assert len(readers.hear()) == 1
        busy.advance(minutes=14)
        assert readers.hear() == [] and "update:public" not in fell_due(busy, incident)


def test_sev_06_a_p2_owes_the_public_nothing_but_may_tell_it(console: Console) -> None:
    incident = console.world.declare(severity="P2")
    assert "update:public" not in console.world.owed(incident.id)
    console.world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    assert console.visitor("ben").open("/status").says("no answers")
    assert "update:public" not in console.world.owed(incident.id)


def test_sev_06_a_p3_says_nothing_in_public(console: Console) -> None:
    incident = console.world.declare(severity="P3", title="A crooked button")
    console.world.sleep(days=2)
    console.world.settle()
    assert not [key for key in console.world.owed(incident.id) if key.startswith("update:")]
    assert not console.visitor("ben").open("/status").says("A crooked button")


# ---- What is learned ----


def ready_to_close(world: World, level: str) -> Incident:
    """An incident to which nothing is missing but its post-mortem."""
    incident = world.declare(severity=level)
    world.do(commands.acknowledge, incident.id)
    if level in ("P0", "P1"):
        for role, person in (
            ("incident_commander", "ben"),
            ("technical_lead", "ana"),
            ("communications_lead", "lucia"),
            ("scribe", "tomas"),
        ):
            world.do(commands.assign, incident.id, role, person)
        world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    world.do(mend, incident.id)
    told = ("internal", "executives", "customer_success") if level in ("P0", "P1") else ("internal",)
    for audience in told:
        world.do(commands.post_update, incident.id, audience, {**WORDS, "message": "We are on it"})
    world.advance(minutes=30)
    if level in ("P0", "P1"):
        world.do(commands.post_update, incident.id, "public", WORDS, Stage.RESOLVED)
    world.do(wrap_up, incident.id)
    return incident


@pytest.mark.parametrize("level", ["P0", "P1"])
def test_sev_07_closing_without_a_post_mortem_is_refused_by_name(busy: World, level: str) -> None:
    incident = ready_to_close(busy, level)
    with pytest.raises(lifecycle.StillOwed) as refused:
        busy.do(commands.close, incident.id)
    assert "the post-mortem is not scheduled" in refused.value.message
    busy.do(commands.schedule_review, incident.id, busy.clock.now() + timedelta(hours=20))
    assert busy.do(commands.close, incident.id).status is Status.CLOSED
    assert "review" in busy.owed(incident.id)


def test_sev_07_a_p2_closes_without_a_post_mortem_and_may_have_one(busy: World) -> None:
    incident = ready_to_close(busy, "P2")
    assert "review" not in busy.owed(incident.id)
    assert busy.do(commands.close, incident.id).status is Status.CLOSED
    busy.do(commands.schedule_review, incident.id, busy.clock.now() + timedelta(hours=20))
    assert len(busy.entries(incident.id, ReviewScheduled)) == 1


def test_sev_07_a_p3_owes_no_post_mortem(busy: World) -> None:
    incident = ready_to_close(busy, "P3")
    assert "review" not in busy.owed(incident.id)
    assert busy.do(commands.close, incident.id).status is Status.CLOSED


# ---- What sets the level ----


@pytest.mark.parametrize(
    ("rate", "level"),
    [
        ("60", "P1"),
        ("10.1", "P1"),
        ("10", "P2"),
        ("7.5", "P2"),
        ("5", "P2"),
        ("4.9", "P3"),
        ("2", "P3"),
    ],
)
def test_sev_08_the_error_rate_sets_the_level(busy: World, rate: str, level: str) -> None:
    busy.arrive(Arrival(source="generic", key="rate", title="Errors", labels={"error_rate": rate}))
    found = busy.incident()
    assert (found.severity, found.type) == (level, "high_error_rate")
    assert "measured error rate" in found.why


def test_sev_08_few_errors_are_no_incident(busy: World) -> None:
    busy.arrive(Arrival(source="generic", key="rate", title="Errors", labels={"error_rate": "1.9"}))
    (signal,) = busy.read(signals.recent)
    assert signal.incident_id is None and signal.disposition is Disposition.WAITING


APIS = frozenset({rose.Component.QDRANT, rose.Component.GROQ, rose.Component.ELEVENLABS})


@pytest.mark.parametrize(
    ("seen", "level"),
    [
        (rose.Switches(mode=rose.Mode.DOWN), "P0"),
        (rose.Switches(mode=rose.Mode.DEGRADED, components=APIS), "P0"),
        (rose.Switches(mode=rose.Mode.DEGRADED, components=frozenset({rose.Component.GROQ})), "P1"),
        (rose.Switches(mode=rose.Mode.DEGRADED, components=frozenset({rose.Component.QDRANT})), "P1"),
        (rose.Switches(mode=rose.Mode.DEGRADED, components=frozenset({rose.Component.ELEVENLABS})), "P1"),
    ],
    ids=["down", "all APIs", "voice", "memory", "one API"],
)
def test_sev_09_what_the_probe_sees_sets_the_level(busy: World, seen: rose.Switches, level: str) -> None:
    busy.watch_rose()
    busy.switches = seen
    busy.advance(minutes=1)
    assert busy.incident().severity == level


@pytest.mark.parametrize(
    ("title", "sent", "level"),
    [
        ("Rose is completely down", None, "P0"),
        ("Database lost", "warning", "P0"),
        ("Customer data breach", "warning", "P0"),
        ("All external APIs are down", None, "P0"),
        ("Voice processing is down", None, "P1"),
        ("Memory system unavailable", None, "P1"),
        ("Groq refuses every call", "critical", "P1"),
        ("ElevenLabs fails now and then", None, "P2"),
        ("Audio playback stutters: playback problem", None, "P2"),
        ("A button is crooked", "info", "P3"),
        ("Log lines are dropped", "low", "P3"),
    ],
)
def test_sev_09_what_a_sender_says_sets_the_level(busy: World, title: str, sent: str | None, level: str) -> None:
    busy.arrive(Arrival(source="generic", key="said", title=title, severity=sent))
    found = busy.incident()
    assert found.severity == level
    assert "rule" in found.why.lower()


@pytest.mark.parametrize(("sent", "level"), [("critical", "P1"), ("warning", "P2")])
def test_sev_09_slowness_is_as_grave_as_its_alert_says(busy: World, sent: str, level: str) -> None:
    labels = {"alertname": "HighLatency"}
    busy.arrive(Arrival(source="alertmanager", key="slow", title="Answers take long", severity=sent, labels=labels))
    assert (busy.incident().severity, busy.incident().type) == (level, "performance_degradation")


# ---- Changing it ----


def test_sev_10_raising_the_level_owes_anew_and_says_so(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P2")
    world.do(commands.acknowledge, incident.id)
    world.advance(minutes=20)
    console.press(incident, "severity", severity="P0", severity__because="Nobody is answered any more")
    assert (world.incident(incident.id).severity, sorted(paged(world)[1:])) == ("P0", EVERYBODY)
    assert due_in(world, incident, "resolve") == timedelta(hours=1)
    assert due_in(world, incident, "update:public") == timedelta(minutes=15)
    assert due_in(world, incident, "role:communications_lead") == timedelta(minutes=10)
    page = console.room(incident)
    assert page.says("raised the severity from P2 to P0: Nobody is answered any more")
    assert page.says("Now owed:")


def test_sev_10_lowering_the_level_lets_go_and_says_so(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.do(commands.acknowledge, incident.id)
    console.press(incident, "severity", severity="P3", severity__because="It is one button")
    assert set(world.owed(incident.id)) == {"resolve"}
    (said,) = world.entries(incident.id, DutiesChanged)
    assert any("Executives" in one for one in said.ended)
    assert [one.raised for one in world.entries(incident.id, SeverityChanged)] == [False]
    assert console.room(incident).says("No longer owed:")
    world.advance(hours=2)
    assert fell_due(world, incident) == {}
