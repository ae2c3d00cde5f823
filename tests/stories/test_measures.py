"""What our own measures bring about: error rates that come to a severity, and answers that are slower than usual."""

import re
from datetime import timedelta

import pytest

from tests.support.faults import talk
from tests.support.world import ONE_DATABASE, ROSE, World
from tocsin.incidents import words
from tocsin.incidents.model import SeverityChanged, SignalAttached
from tocsin.obligations import store as obligations
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.rehearsal import rose
from tocsin.response import looking
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind


@pytest.fixture
def watched(world: World) -> World:
    """Rose has been looked at for a while: as many workers as there are have been heard."""
    world.watch_rose()
    talk(world, failing=0, well=20)
    world.advance(minutes=6)
    world.expect_silence()
    return world


def keep_talking(world: World, minutes: int, *, failing: int, well: int) -> None:
    for _ in range(minutes):
        talk(world, failing=failing, well=well)
        world.advance(minutes=1)


@pytest.mark.parametrize(("failing", "well", "level"), [(4, 6, "P1"), (7, 93, "P2"), (3, 97, "P3")])
def test_sev_08_how_many_calls_fail_sets_the_level(watched: World, failing: int, well: int, level: str) -> None:
    keep_talking(watched, 2, failing=failing, well=well)
    incident = watched.incident()
    assert (incident.type, incident.severity) == ("high_error_rate", level)
    assert incident.title.startswith("Rose voice errors: errors, ") and "failed in 5 min" in incident.title
    assert "measured error rate" in incident.why
    watched.overlook()


def test_a_health_report_that_stays_green_hides_no_failing_vendor(watched: World) -> None:
    """Groq and ElevenLabs read connected whatever happens to them: only the calls show it."""
    keep_talking(watched, 3, failing=10, well=0)
    assert watched.read(watch.standings)["rose/health"].outcome.kind is Kind.HEALTHY
    assert watched.incident().severity == "P1"
    watched.overlook()


@ONE_DATABASE
def test_a_rate_that_comes_to_another_severity_raises_the_incident_once(watched: World) -> None:
    keep_talking(watched, 5, failing=3, well=97)
    assert watched.incident().severity == "P3"
    keep_talking(watched, 5, failing=60, well=40)
    (incident,) = [watched.incident()]
    assert incident.severity == "P1"
    changed = watched.entries(incident.id, SeverityChanged)
    assert changed[-1].severity == "P1" and len(watched.entries(incident.id, SignalAttached)) <= 4
    assert words.why(watched.plan(), incident) == f"{changed[-1].because} At first: {incident.why}"
    last = [one for one in watched.mail.sent if one.audience == "page"][-1].body
    assert changed[-1].because in last and incident.why in last, "whoever is woken reads why it is a P1 by now"
    watched.overlook()


def test_it_ends_when_nothing_fails_any_more(watched: World) -> None:
    keep_talking(watched, 3, failing=10, well=10)
    incident = watched.incident()
    keep_talking(watched, 7, failing=0, well=20)
    (signal,) = watched.read(signals.of_incident, incident.id)
    assert signal.state is State.RESOLVED
    watched.overlook()


def test_a_measure_whose_name_becomes_that_of_a_probe_ends_its_signal(watched: World) -> None:
    keep_talking(watched, 3, failing=10, well=10)
    incident = watched.incident()
    without = re.sub(r"\n    measures:\n(?:(?:      .*)?\n)+", "\n", ROSE, count=1)
    probe = "    probes:\n      voice_errors: { url: http://127.0.0.1:8801, expects: {} }\n"
    later = without.replace("    probes:\n", probe, 1)
    assert ROSE != without != later
    with watched.database.work(access.local_operator("operator")) as tx:
        plan_commands.apply(tx, later, "another plan", accept_large=True)
        looking.schedule(tx)
    watched.settle()
    (signal,) = watched.read(signals.of_incident, incident.id)
    assert (signal.source, signal.state) == ("measure", State.RESOLVED)
    assert watched.read(watch.standings)["rose/voice_errors"].meter is None, "the probe begins anew"
    owed = [one for one in watched.read(obligations.open_looks) if one.key == f"{looking.PREFIX}rose/voice_errors"]
    assert [one.opened_at for one in owed] == [watched.clock.now()]
    watched.overlook()


@ONE_DATABASE
def test_a_restart_is_no_error(watched: World) -> None:
    keep_talking(watched, 3, failing=0, well=20)
    watched.process = rose.Process(watched.clock.now())
    keep_talking(watched, 8, failing=0, well=20)
    watched.expect_silence()


@ONE_DATABASE
def test_few_calls_of_which_some_fail_are_no_rate(watched: World) -> None:
    keep_talking(watched, 1, failing=3, well=3)
    watched.advance(minutes=3)
    watched.expect_silence()
    assert watched.read(watch.standings)["rose/voice_errors"].outcome.kind is Kind.UNKNOWN


def test_what_was_measured_can_be_drawn(watched: World) -> None:
    keep_talking(watched, 3, failing=2, well=98)
    since = watched.clock.now() - timedelta(minutes=10)
    errors = watched.read(watch.samples, "rose/voice_errors", since)
    assert sum(one.failed for one in errors) in (4, 6)
    assert max(one.error_rate for one in errors if one.error_rate is not None) == 2
    latency = watched.read(watch.samples, "rose/health", since)
    assert {round(one.mean, 2) for one in latency} == {0.08}
    watched.overlook()


# --- slower than usual ------------------------------------------------------------------------------------------------


@ONE_DATABASE
def test_sev_09_answers_that_are_more_than_half_slower_than_usual_are_p1(world: World) -> None:
    world.watch_rose()
    world.advance(minutes=50)
    world.expect_silence()
    world.switches = rose.Switches(mode=rose.Mode.SLOW, seconds=2.0)
    world.advance(minutes=4)
    incident = world.incident()
    assert (incident.severity, incident.type) == ("P1", "performance_degradation")
    assert "slower than usual" in incident.title and "usually 0.08 s" in incident.title
    world.overlook()
    world.switches = rose.Switches()
    world.advance(minutes=6)
    assert [one.state for one in world.read(signals.of_incident, incident.id)] == [State.RESOLVED]
    world.overlook()


@ONE_DATABASE
def test_a_few_slow_answers_are_not_slower_than_usual(world: World) -> None:
    world.watch_rose()
    world.advance(minutes=50)
    for _ in range(3):
        world.switches = rose.Switches(mode=rose.Mode.SLOW, seconds=2.0)
        world.advance(seconds=30)
        world.switches = rose.Switches()
        world.advance(minutes=2)
    world.expect_silence()


def test_voice_answers_over_ten_seconds_are_p2(watched: World) -> None:
    watched.switches = rose.Switches()
    histogram = watched.process.histograms["voice_processing_duration_ms"]
    for _ in range(3):
        talk(watched, failing=0, well=10)
        histogram.total += 10 * 11_000
        watched.advance(minutes=1)
    incident = watched.incident()
    assert (incident.severity, incident.type) == ("P2", "performance_degradation")
    assert "more than 10000 ms" in incident.why
    watched.overlook()


def test_numbers_that_are_not_there_are_told_as_a_p3(watched: World) -> None:
    """A Rose without this address answers 200 with something else, and nobody is paged for it."""
    plain = watched.reading

    def trap(path: str, timeout: timedelta) -> object:
        return plain("/api/v1/nowhere" if path.endswith("metrics") else path, timeout)

    watched.reading = trap
    watched.advance(minutes=1)
    incident = watched.incident()
    assert (incident.severity, incident.title) == ("P3", "Rose voice errors: its measure can't be read")
    watched.expect_silence()
    watched.reading = plain
    watched.advance(minutes=1)  # in which nobody talks: that it can be read is enough
    assert {one.state for one in watched.read(signals.of_incident, incident.id)} == {State.RESOLVED}
    watched.overlook()
