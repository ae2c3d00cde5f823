"""What can break in Rose as far as anybody outside can see, and what must be declared for it, how soon."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from tests.support.world import World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.rehearsal import rose
from tocsin.rehearsal.process import Process
from tocsin.rehearsal.rose import Component, Mode, Switches, Vendor
from tocsin.response import listening
from tocsin.watch.outcomes import Reading

SOUND = (
    b'--b\r\ncontent-disposition: form-data; name="audio"\r\n\r\nsound\r\n'
    b'--b\r\ncontent-disposition: form-data; name="session_id"\r\n\r\ns\r\n--b--\r\n'
)
DETECTED_WITHIN = timedelta(minutes=5)  # the first phase of the plan
NEXT_WALK = timedelta(minutes=15)  # the voice journey: where nobody talks, nothing shows it sooner
USUAL_AFTER = timedelta(minutes=50)  # as many looks as it takes to know what is usual


def talk(world: World, *, failing: int = 0, well: int = 0, vendor: Vendor = Vendor.ELEVENLABS) -> None:
    """So many people speak to Rose at this instant; so many of them meet a vendor that fails."""
    broken = Switches(mode=Mode.VENDOR_FAILING, vendor=vendor)
    for number in range(failing + well):
        call = rose.Call(
            method="POST",
            path="/api/v1/voice/process",
            at=world.clock.now(),
            request_id=f"voice-{number}",
            client=f"10.0.0.{number}",
            content_type="multipart/form-data; boundary=b",
            body=SOUND,
        )
        world.process.breakers.clear()
        rose.answer(broken if number < failing else world.switches, call, world.process)


Act = Callable[[World], None]


def switched(**switches: Any) -> Act:
    return lambda world: setattr(world, "switches", Switches(**switches))


def nothing(_: World) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """`breaks` once, `goes_on` each minute from then. Without a type, nothing is to be declared."""

    name: str
    breaks: Act = nothing
    goes_on: Act = nothing
    type: str = ""
    severity: str = ""
    within: timedelta = DETECTED_WITHIN
    lived: timedelta = timedelta(minutes=6)


APIS = frozenset({Component.GROQ, Component.QDRANT, Component.ELEVENLABS})


def _degraded(*parts: Component) -> Act:
    return switched(mode=Mode.DEGRADED, components=frozenset(parts))


def _failing(failing: int, well: int) -> Act:
    return partial(talk, failing=failing, well=well)


def _writes(line: str) -> Act:
    return lambda world: world.do(listening.take_in, {"rose": [line]})


FAULTS: Sequence[Fault] = (
    Fault("down", switched(mode=Mode.DOWN), type="service_outage", severity="P0"),
    Fault("the edge answers for her", switched(mode=Mode.EDGE_ERROR), type="service_outage", severity="P0"),
    Fault("hanging", switched(mode=Mode.HANGING), type="service_outage", severity="P0"),
    Fault("all APIs out", _degraded(*APIS), type="external_api_failure", severity="P0"),
    Fault("Groq out", _degraded(Component.GROQ), type="external_api_failure", severity="P1"),
    Fault("Qdrant out", _degraded(Component.QDRANT), type="external_api_failure", severity="P1"),
    Fault("ElevenLabs out", _degraded(Component.ELEVENLABS), type="external_api_failure", severity="P1"),
    Fault("conversations out", _degraded(Component.SQLITE), type="service_outage", severity="P1"),
    Fault("something else answers", switched(mode=Mode.WRONG_BODY), type="service_outage", severity="P2"),
    Fault("more than 10 s", switched(mode=Mode.SLOW, seconds=10.5), type="performance_degradation", severity="P2"),
    Fault(
        "half slower than usual",
        switched(mode=Mode.SLOW, seconds=2.0),
        type="performance_degradation",
        severity="P1",
        lived=USUAL_AFTER,
    ),
    Fault("1 % of calls fail", goes_on=_failing(1, 99)),
    Fault("3 % of calls fail", goes_on=_failing(3, 97), type="high_error_rate", severity="P3"),
    Fault("7 % of calls fail", goes_on=_failing(7, 93), type="high_error_rate", severity="P2"),
    Fault("40 % of calls fail", goes_on=_failing(40, 60), type="high_error_rate", severity="P1"),
    Fault("a vendor fails while people talk", goes_on=_failing(10, 0), type="high_error_rate", severity="P1"),
    Fault(
        "Groq fails while nobody talks",
        switched(mode=Mode.VENDOR_FAILING, vendor=Vendor.GROQ),
        type="external_api_failure",
        severity="P1",
        within=NEXT_WALK,
    ),
    Fault(
        "ElevenLabs fails while nobody talks",
        switched(mode=Mode.VENDOR_FAILING, vendor=Vendor.ELEVENLABS),
        type="external_api_failure",
        severity="P1",
        within=NEXT_WALK,
    ),
    Fault(
        "a breaker opens",
        _writes("GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s"),
        type="external_api_failure",
        severity="P1",
    ),
    Fault("she limits her callers", switched(mode=Mode.RATE_LIMITED)),
    Fault("a restart", breaks=lambda world: setattr(world, "process", Process(world.clock.now()))),
)


@dataclass(frozen=True)
class Detected:
    """What was declared for a fault, and after how long."""

    incidents: tuple[Incident, ...]
    after: timedelta | None

    def is_right(self, fault: Fault) -> bool:
        if not fault.type:
            return not self.incidents
        first = self.incidents[0] if self.incidents else None
        if first is None or self.after is None or self.after > fault.within:
            return False
        return (first.type, first.severity) == (fault.type, fault.severity)


def live(world: World, fault: Fault) -> Detected:
    """Let Rose live for a while, break her, and wait for as long as the plan gives us to notice."""
    world.watch_rose()
    talk(world, well=20)
    world.advance(minutes=fault.lived / timedelta(minutes=1))
    broken_at = world.clock.now()
    fault.breaks(world)
    while not (found := declared(world)) and world.clock.now() < broken_at + fault.within:
        fault.goes_on(world)
        for _ in range(12):
            world.advance(seconds=5)
            if found := declared(world):
                break
    after = found[0].declared_at - broken_at if found else None
    return Detected(found, after)


def declared(world: World) -> tuple[Incident, ...]:
    return tuple(reversed(world.read(incidents.listing)))


def jitter(world: World, seed: int) -> None:
    """From here on Rose answers as a healthy service does: never twice in the same time, and now and then late."""
    dice, plain = random.Random(seed), world.reading

    def reading(path: str, timeout: timedelta, *asked: Any) -> Reading:
        found = plain(path, timeout, *asked)
        took = found.took * dice.lognormvariate(0, 0.35) + timedelta(seconds=dice.random() < 0.01)
        late = Reading(took=timeout, failure="timeout", path=path)
        if dice.random() < 0.001:
            return late
        return Reading(status=found.status, headers=found.headers, body=found.body, took=took, path=path)

    vars(world)["reading"] = reading
