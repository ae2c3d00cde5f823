"""What Rose writes brings about: a breaker that opens is an incident, and its recovery ends the signal."""

import re
from datetime import timedelta

import pytest

from tests.support.world import ROSE, World
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.response import listening, looking
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind
from tocsin.watch.tailing import Piece

OPENED = "GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s"
CLOSED = "GroqAPI: Recovery successful, closing circuit"


@pytest.fixture
def watched(world: World) -> World:
    world.watch_rose()
    return world


def write(world: World, *lines: str) -> None:
    world.do(listening.take_in, {"rose": lines})


def test_sev_09_an_open_breaker_is_a_critical_api_that_is_down(watched: World) -> None:
    write(watched, "voice failed", OPENED, OPENED)
    incident = watched.incident()
    assert (incident.type, incident.severity) == ("external_api_failure", "P1")
    assert incident.title == "A circuit breaker of Rose is open (GroqAPI)"
    assert OPENED in incident.why
    watched.overlook()
    write(watched, CLOSED)
    assert [one.state for one in watched.read(signals.of_incident, incident.id)] == [State.RESOLVED]
    watched.overlook()


@pytest.mark.parametrize("instead", ["", "    heartbeats:\n      app: { every: 1 d }\n"], ids=["gone", "a heartbeat"])
def test_a_log_that_the_plan_lets_go_ends_its_signals(watched: World, instead: str) -> None:
    write(watched, OPENED, OPENED.replace("Groq", "Qdrant"))
    incident = watched.incident()
    later = re.sub(r"\n    logs:\n(?:(?:      .*)?\n)+", f"\n{instead}", ROSE, count=1)
    with watched.database.work(access.local_operator("operator")) as tx:
        plan_commands.apply(tx, later, "another plan", accept_large=True)
        looking.schedule(tx)
    watched.settle()
    found = watched.read(signals.of_incident, incident.id)
    assert [one.state for one in found] == [State.RESOLVED] * 2
    watched.overlook()


def test_sev_09_all_external_apis_failing_at_once_are_one_p0(watched: World) -> None:
    write(watched, OPENED)
    assert watched.incident().severity == "P1"
    write(watched, OPENED.replace("Groq", "Qdrant"))
    assert watched.incident().severity == "P1", "the third still works"
    write(watched, OPENED.replace("Groq", "ElevenLabs"))
    incident = watched.incident()  # there is one
    assert (incident.severity, incident.number) == ("P0", 1)
    assert "by the rule “all external APIs are down, by their breakers”" in incident.level_because
    watched.overlook()


def test_all_that_fail_in_one_moment_are_declared_as_one_p0(watched: World) -> None:
    write(watched, *(OPENED.replace("Groq", name) for name in ("Qdrant", "ElevenLabs", "Groq")))
    incident = watched.incident()
    assert (incident.severity, incident.title) == ("P0", "All external APIs are failing")
    watched.overlook()


def test_a_breaker_of_which_no_more_is_heard_is_over_in_time(watched: World) -> None:
    write(watched, OPENED)
    incident = watched.incident()
    watched.overlook()
    assert watched.read(watch.standings)["rose/app"].outcome.kind is Kind.FAILED
    watched.advance(minutes=6)
    assert [one.state for one in watched.read(signals.of_incident, incident.id)] == [State.RESOLVED]
    watched.overlook()


def test_lines_that_say_nothing_of_trouble_declare_nothing(watched: World) -> None:
    watched.advance(minutes=1)
    unheard = watched.read(watch.standings)["rose/app"].outcome
    assert (unheard.kind, unheard.reason) == (Kind.UNKNOWN, "nothing was sent yet by the name rose")
    (look,) = looking.logs(watched.plan())
    assert watched.read(listening.is_first, [look])
    write(watched, "GroqAPI: Failure 3/10 - ApiError", '{"event": "api_call", "level": "info"}', "INFO: 200 OK")
    write(watched, "GroqAPI: Circuit is OPEN, blocking request")
    assert watched.read(watch.standings)["rose/app"].outcome.kind is Kind.HEALTHY
    assert not watched.read(listening.is_first, [look])
    assert watched.read(incidents.listing) == []
    watched.expect_silence()


def test_a_log_that_cannot_be_read_is_told_once(world: World) -> None:
    (look,) = looking.logs(world.plan())
    for _ in range(4):
        world.clock.advance_to(world.clock.now() + timedelta(seconds=10))
        world.do(listening.learn, look, Piece(look.tail, trouble="Permission denied"))
    incident = world.incident()
    assert (incident.severity, incident.title) == ("P3", "Rose: its log can't be read")
    world.expect_silence()
