"""The log of a service at Railway, read by its API: what is written there is an incident here, and limits are kept."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

import pytest

from tests.support.railway import ENVIRONMENT, TOKEN, Railway, railway
from tests.support.world import ROSE, World
from tocsin.db.engine import Tx
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.response import looking, seeing
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind
from tocsin.watch.tailing import Means

PLAN = ROSE.replace(
    "        sender: rose\n",
    f"        railway: {{ environment: {ENVIRONMENT}, token: rose, filter: '@service:rose' }}\n",
    1,
)
OPENED = "GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s"
CLOSED = "GroqAPI: Recovery successful, closing circuit"


@pytest.fixture
def there() -> Railway:
    return Railway()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    assert PLAN != ROSE
    world = World(database_url, plan=PLAN)
    world.look_away()
    yield world
    world.close()


def look(world: World, there: Railway, tokens: Mapping[str, str] = {"rose": TOKEN}) -> None:
    """One look over a real socket, ten seconds after the last."""
    world.clock.advance_to(world.clock.now() + timedelta(seconds=10))
    (one,) = looking.logs(world.plan())
    ready = world.database.run(SYSTEM, lambda tx: looking.ready(tx, one))
    learn = asyncio.run(asyncio.wait_for(see(ready, there, tokens), 30))
    world.database.run(SYSTEM, learn)
    world.settle()


async def see(look: looking.AnyLook, there: Railway, tokens: Mapping[str, str]) -> Callable[[Tx], None]:
    async with railway(there), open_session(PublicResolver(allow_private=True), timedelta(seconds=9)) as session:
        return await seeing.see(session, look, "tocsin-probe", Means("", there.url, tokens))


def standing(world: World) -> tuple[Kind, str]:
    outcome = world.read(watch.standings)["rose/app"].outcome
    assert outcome
    return outcome.kind, outcome.reason


def test_a_breaker_that_opens_at_railway_is_an_incident_until_it_recovers(world: World, there: Railway) -> None:
    there.write("2026-11-24T02:59:59Z", f"long ago: {OPENED}")
    look(world, there)
    assert standing(world) == (Kind.HEALTHY, "it is read")
    there.write("2026-11-24T03:00:01.5Z", "all is well, token=abcdefgh12345")
    there.write("2026-11-24T03:00:02.123456789Z", OPENED)
    look(world, there)
    look(world, there)
    incident = world.incident()
    assert (incident.type, incident.severity) == ("external_api_failure", "P1")
    assert [(one.state, one.labels["breaker"]) for one in of(world, incident.id)] == [(State.FIRING, "GroqAPI")]
    there.write("2026-11-24T03:00:25Z", CLOSED)
    look(world, there)
    assert [one.state for one in of(world, incident.id)] == [State.RESOLVED]
    assert there.asked[-1]["filter"] == "@service:rose"
    world.overlook()


def of(world: World, incident_id: str) -> Sequence[signals.Signal]:
    return world.read(signals.of_incident, incident_id)


def test_the_order_of_its_answers_does_not_matter(world: World, there: Railway) -> None:
    there.newest_first = True
    look(world, there)
    for second, said in enumerate(
        ["voice failed", "Traceback (most recent call last):", "  File x", "app.VoiceError: x"]
    ):
        there.write(f"2026-11-24T03:00:0{second}Z", said)
    there.write("2026-11-24T03:00:09Z", OPENED)
    look(world, there)
    assert world.incident().severity == "P1"
    world.overlook()


def test_a_limit_is_kept_and_is_no_trouble(world: World, there: Railway) -> None:
    look(world, there)
    there.left = 0
    look(world, there)
    assert standing(world)[0] is Kind.RATE_LIMITED
    there.left, asked = 1000, len(there.asked)
    for _ in range(11):
        look(world, there)
    assert len(there.asked) == asked  # not once within the two minutes that Railway wants
    assert standing(world) == (Kind.RATE_LIMITED, "it is not asked for now, as Railway wants it")
    look(world, there)
    assert len(there.asked) == asked + 1
    assert standing(world)[0] is Kind.HEALTHY
    assert world.read(incidents.listing) == []


@pytest.mark.parametrize(
    ("tokens", "said"),
    [({}, "TOCSIN_RAILWAY_TOKENS has no token called rose"), ({"rose": "another"}, "Railway says: Not Authorized")],
)
def test_a_log_that_it_does_not_show_us_is_told_once(
    world: World, there: Railway, tokens: Mapping[str, str], said: str
) -> None:
    for _ in range(4):
        look(world, there, tokens)
    assert standing(world) == (Kind.UNREADABLE, said)
    incident = world.incident()
    assert (incident.severity, incident.title) == ("P3", "Rose: its log can't be read")
    world.expect_silence()
