"""What our own looks bring about: trouble of our own network is no outage, and vendors speak for themselves."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.world import ROSE, World
from tocsin.incidents import store as incidents
from tocsin.incidents.assessment import How
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.response import assessing, looking, watching
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.watch import outcomes, statuspages
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind, Outcome, Reading

# Rose's plan, in which a probe has a control, and the pages of all vendors are read.
CONTROLLED = ROSE.replace("        failures: 3\n", "        failures: 3\n        control: https://control.example\n", 1)
CONTROLLED = re.sub(r"\n(    status_page: \S+)\n", r"\n\1\n    look_every: 2 min\n", CONTROLLED)
KEY = """    probes:
      key: { url: "https://api.example.org", token: a, expects: { status: [200] }, failures: 2 }
"""
CONTROLLED = re.sub(r"(?<=\n)(?=    status_page: \S+(?:groq|eleven|qdrant))", KEY, CONTROLLED)
SILENT = Reading(took=timedelta(seconds=12), failure="timeout", path="/api/health")
HEALTHY = b'{"status": "healthy", "services": {"groq": "connected"}}'
ANSWER = Reading(took=timedelta(seconds=1), status=404, path="")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    assert CONTROLLED != ROSE
    world = World(database_url, plan=CONTROLLED)
    with world.database.work(SYSTEM) as tx:
        people.change_person(tx, "ana", role=AccountRole.ADMINISTRATOR)
    yield world
    world.close()


def outcome_of(world: World, name: str) -> Outcome:
    found = world.read(watch.standings)[name].outcome
    assert found is not None
    return found


def looks(world: World, reading: Reading, control: Reading | None, times: int = 3) -> None:
    look = next(looking.looks(world.plan()))
    for _ in range(times):
        world.sleep(seconds=5)
        with world.database.work(SYSTEM) as tx:
            looking.learn(tx, look, reading, control)
    world.settle()


def test_trouble_of_our_own_network_is_told_once_and_declares_nothing(world: World) -> None:
    looks(world, SILENT, SILENT, times=2)
    world.expect_silence()
    looks(world, SILENT, SILENT, times=4)
    (told,) = world.expect_update("on_call", "ana")
    assert told.subject == "[probes] Our own network is in trouble"
    assert "No incident is declared" in told.body
    assert world.read(incidents.listing) == []
    assert outcome_of(world, "rose/health").kind is Kind.OWN_NETWORK
    looks(world, SILENT, ANSWER, times=1)
    (over,) = world.expect_update("on_call", "ana")
    assert over.subject == "[probes] Our own network works again"


def test_that_all_is_well_from_the_first_is_no_signal(world: World) -> None:
    well = Reading(took=timedelta(seconds=0.1), status=200, body=HEALTHY, path="/api/health")
    looks(world, well, None)
    assert world.read(signals.recent) == []
    looks(world, SILENT, ANSWER)
    looks(world, well, None)
    (signal,) = world.read(signals.recent)
    assert signal.state is State.RESOLVED
    one = world.read(watching.one, "rose/health")
    assert (one.health, one.standing.run and one.standing.run.count) == (watching.Health.WELL, 3)
    (sample,) = world.read(watching.measured, "rose/health", 10)
    assert (sample.counted, sample.failed, sample.count) == (9, 3, 6)
    with pytest.raises(watching.NotWatched):
        world.read(watching.one, "rose/moon")
    world.overlook()


def test_silence_that_the_control_does_not_share_is_an_outage(world: World) -> None:
    looks(world, SILENT, ANSWER)
    incident = world.incident()
    assert incident.title == "Rose does not answer"
    assert incident.why.endswith("; no whole answer within 12 s; so 3 of 3 times.")
    world.overlook()


def test_a_signal_that_no_rule_fits_any_more_says_so_and_stays_on_its_incident(world: World) -> None:
    looks(world, SILENT, ANSWER)
    incident = world.incident()
    later = Outcome(kind=Kind.EXPIRING, latency=timedelta(0), reason="the certificate ends in 4 days", path="")
    arrival = outcomes.arrival("rose/health", "Rose", later, world.clock.now())
    world.do(signals.accept, [signals.encode(arrival)])
    (signal,) = world.read(signals.of_incident, incident.id)
    assert (signal.title, signal.why) == (
        "Rose: the certificate ends soon",
        "No rule of the plan matches it. What it said before was on this incident, and so is this.",
    )
    world.overlook()


def test_a_probe_that_the_plan_lets_go_ends_its_signal_and_begins_anew_when_it_is_back(world: World) -> None:
    with world.database.work(SYSTEM) as tx:
        looking.schedule(tx)
    looks(world, SILENT, ANSWER)
    incident, without = world.incident(), re.sub(r"\n    probes:\n(?:      .*\n)+", "\n", ROSE, count=1)
    assert without != ROSE
    for text in (without, CONTROLLED):
        with world.database.work(access.local_operator("operator")) as tx:
            plan_commands.apply(tx, text, "another plan", accept_large=True)
            looking.schedule(tx)
        world.settle()
        (signal,) = world.read(signals.of_incident, incident.id)
        assert signal.state is State.RESOLVED
    looks(world, SILENT, ANSWER)
    (signal,) = world.read(signals.of_incident, incident.id)
    assert (signal.state, signal.count) == (State.FIRING, 2)
    world.overlook()


def page(**content: object) -> Reading:
    body = json.dumps({"page": {"time_zone": "Etc/UTC"}, "components": [], "incidents": [], **content}).encode()
    return Reading(took=timedelta(seconds=1), status=200, body=body, path=statuspages.SUMMARY)


def vendors_say(world: World, **pages: Reading) -> None:
    known = {one.vendor_id: one for one in looking.pages(world.plan())}
    for vendor, reading in pages.items():
        with world.database.work(SYSTEM) as tx:
            looking.learn_page(tx, known[vendor], reading, None)


def seen_of(world: World, vendor: str) -> tuple[How, str]:
    incident = world.incident()
    found = world.read(assessing.assess, world.plan(), incident).vendors
    return next((one.how, one.because) for one in found if one.key == vendor)


def test_the_first_assessment_says_what_the_vendors_say(world: World) -> None:
    incident = {"name": "Slow replies", "status": "identified"}
    web = Reading(took=timedelta(seconds=1), status=200, body=b"<html>", path=statuspages.SUMMARY)
    vendors_say(
        world,
        groq=page(status={"indicator": "minor"}, incidents=[incident]),
        elevenlabs=page(status={"indicator": "none"}),
        qdrant=web,
    )
    world.settle()
    assert world.read(incidents.listing) == []  # a vendor's page alone declares nothing
    world.declare()
    assert seen_of(world, "groq") == (How.TROUBLE, "its status page says: minor; Slow replies (identified)")
    assert seen_of(world, "elevenlabs") == (How.WELL, "its status page says: all is well")
    unread = "its status page could not be read: 200, and no format of a status page is recognised there"
    assert seen_of(world, "qdrant") == (How.NOT_LOOKED, unread)
    assert "Slow replies (identified)" in world.expect_page("ana")[0].body


def test_a_look_at_a_page_is_due_again_and_remembers_the_path_that_answered(world: World) -> None:
    vendors_say(world, groq=page(status={"indicator": "none"}))
    with world.database.work(SYSTEM) as tx:
        looking.schedule(tx)
        groq = looking.every_look(world.plan())["groq/status_page"]
        ready = looking.ready(tx, groq)
    assert isinstance(ready, looking.PageLook)
    assert (ready.known, ready.every) == (statuspages.SUMMARY, timedelta(minutes=2))


# --- the worst is looked at twice -------------------------------------------------------------------------------------

REFUSED = Reading(took=timedelta(milliseconds=1), failure="refused", path="/api/health")
LIMITED = Reading(
    took=timedelta(milliseconds=1), status=429, body=b'{"error": "Rate limit exceeded"}', path="/api/health"
)
WELL = json.dumps({"status": "healthy", "services": {"groq": "connected"}}).encode()
FINE = Reading(took=timedelta(milliseconds=90), status=200, body=WELL, path="/api/health")
HALF = json.dumps({"status": "degraded", "services": {"groq": "disconnected"}}).encode()


def at_the_edge(world: World) -> looking.Look:
    """A look as it is taken after two that heard nothing."""
    looks(world, REFUSED, None, times=2)
    with world.database.work(SYSTEM) as tx:
        look = looking.ready(tx, next(looking.looks(world.plan())))
    assert isinstance(look, looking.Look)
    return look


def test_only_what_would_be_declared_as_the_worst_is_worth_a_second_look(world: World) -> None:
    first = next(looking.looks(world.plan()))
    with world.database.work(SYSTEM) as tx:
        fresh = looking.ready(tx, first)
    assert isinstance(fresh, looking.Look)
    assert not looking.is_grave(fresh, REFUSED), "one look declares nothing"
    look = at_the_edge(world)
    assert looking.is_grave(look, REFUSED) and looking.is_grave(look, SILENT)
    assert not looking.is_grave(look, SILENT, SILENT), "it is our own network"
    assert not looking.is_grave(look, FINE) and not looking.is_grave(look, LIMITED)
    degraded = Reading(took=timedelta(0), status=200, body=HALF, path="/api/health")
    assert not looking.is_grave(look, degraded), "a vendor that is down is no P0"


def test_a_second_look_that_sees_more_is_the_one_that_counts(world: World) -> None:
    probe = at_the_edge(world).probe
    assert looking.seen_twice(REFUSED, FINE, probe) is FINE
    assert looking.seen_twice(REFUSED, LIMITED, probe) is LIMITED
    for again in (REFUSED, SILENT, Reading(took=timedelta(0), status=503, path="")):
        assert looking.seen_twice(REFUSED, again, probe) is REFUSED


def test_a_429_is_never_an_outage_however_often_it_comes(world: World) -> None:
    looks(world, REFUSED, None, times=2)
    looks(world, LIMITED, None, times=200)
    assert world.read(incidents.listing) == []
    world.expect_silence()


def test_a_second_look_at_which_less_is_broken_counts(world: World) -> None:
    parts = {name: "disconnected" for name in ("groq", "qdrant", "elevenlabs")}
    all_down = json.dumps({"status": "degraded", "services": parts}).encode()
    one_down = json.dumps({"status": "degraded", "services": {**parts, "groq": "connected"}}).encode()
    first, again = (
        Reading(took=timedelta(0), status=200, body=body, path="/api/health") for body in (all_down, one_down)
    )
    probe = next(looking.looks(world.plan())).probe
    assert looking.seen_twice(first, again, probe) is again
    assert looking.seen_twice(first, first, probe) is first


# --- a step without an answer, while the probe is well ----------------------------------------------------------------


def walks(world: World, took: timedelta, kind: Kind = Kind.TIMEOUT) -> None:
    """A walk whose second step gets no answer, and that took so long."""
    look = next(looking.journeys(world.plan()))
    said = "voice: no whole answer within 30 s"
    silent = Outcome(kind=kind, latency=took, reason=said, path="/voice", measured={"step": "voice"})
    with world.database.work(SYSTEM) as tx:
        looking.learn_walk(tx, look, silent, 2)
    world.settle()


def test_a_step_that_hangs_while_the_probe_is_well_is_trouble(world: World) -> None:
    looks(world, FINE, None)
    walks(world, timedelta(seconds=30))  # during which the probe has looked
    assert outcome_of(world, "rose/voice").kind is Kind.TIMEOUT
    incident = world.incident()
    assert (incident.severity, incident.title) == ("P1", "Voice processing down: nobody gets as far as an answer")
    (signal,) = (one for one in world.read(signals.recent) if one.source == "journey")
    assert signal.title == "Rose: the journey voice fails at voice"
    world.overlook()


def test_a_step_that_is_refused_at_once_waits_for_the_probe_or_for_the_next_walk(world: World) -> None:
    looks(world, FINE, None)
    world.sleep(seconds=4)
    walks(world, timedelta(0), Kind.REFUSED)  # the probe has not looked since
    assert world.read(incidents.listing) == []
    looks(world, FINE, None, times=1)
    world.sleep(minutes=15)
    walks(world, timedelta(0), Kind.REFUSED)
    assert world.incident().severity == "P1"
    world.overlook()


def test_a_walk_says_nothing_that_the_probe_says_too(world: World) -> None:
    looks(world, SILENT, None, times=1)
    walks(world, timedelta(seconds=30))
    walks(world, timedelta(seconds=30))
    assert world.read(incidents.listing) == []


# --- our own looks at vendors -----------------------------------------------------------------------------------------


def look_at_vendor(world: World, vendor: str, reading: Reading, times: int = 2) -> looking.Look:
    look = next(one for one in looking.looks_at_vendors(world.plan()) if one.service_id == vendor)
    for _ in range(times):
        world.sleep(seconds=15)
        with world.database.work(SYSTEM) as tx:
            looking.learn(tx, look, reading)
    world.settle()
    return look


DENIED = Reading(took=timedelta(seconds=1), status=401, body=b"Invalid API key", path="")


def test_credentials_that_a_vendor_refuses_are_told_in_the_page_that_wakes_somebody(world: World) -> None:
    look_at_vendor(world, "elevenlabs", FINE)
    look_at_vendor(world, "groq", DENIED)
    incident = world.incident()
    assert (incident.severity, incident.type) == ("P1", "external_api_failure")
    assert incident.title == "Groq: our credentials are refused"
    (signal,) = world.read(signals.of_incident, incident.id)
    assert signal.labels == {"vendor": "groq", "probe": "groq/key", "path": "", "outcome": "denied"}
    refused = "our look key: denied: 401, the token a is not taken: Invalid API key"
    assert seen_of(world, "groq") == (How.TROUBLE, f"{refused}; this incident: {incident.title}")
    assert seen_of(world, "elevenlabs") == (How.WELL, "our look key: healthy: 200, and all that is expected of it")
    assert refused in [one for one in world.mail.sent if one.audience == "page"][-1].body
    world.overlook()


def test_all_vendors_gone_at_once_are_one_p0_that_is_looked_at_twice(world: World) -> None:
    for vendor in ("qdrant", "groq"):
        look_at_vendor(world, vendor, SILENT)
    assert world.incident().severity == "P1"
    look = look_at_vendor(world, "elevenlabs", REFUSED, times=1)
    with world.database.work(SYSTEM) as tx:
        ready = looking.ready(tx, look)
    assert isinstance(ready, looking.Look) and looking.is_grave(ready, REFUSED)
    look_at_vendor(world, "elevenlabs", REFUSED, times=1)
    incident = world.incident()
    assert (incident.severity, incident.number) == ("P0", 1)
    assert "elevenlabs,groq,qdrant" in incident.level_because
    world.overlook()
