"""A signal that fires and clears again and again: one trouble, one page, one line on the record, and never lost."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.support.ending import mend
from tests.support.world import QUIET, World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Reopened, SeverityChanged, SignalAttached, SignalCleared, SignalFlapped, Status
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, explaining, intake, tick
from tocsin.signals import commands as silences
from tocsin.signals import store as signals
from tocsin.signals.commands import Wanted
from tocsin.signals.flapping import Turns
from tocsin.signals.model import Arrival, State
from tocsin.signals.silencing import read_matcher
from tocsin.signals.store import Disposition, Signal

FLAPPING = "flapping: { changes: 4, within: 30 min, calm_for: 15 min }\n"
FLIP = timedelta(minutes=2)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=QUIET)
    yield world
    world.overlook()  # pages are counted by whom they are for
    world.close()


def groq(state: State = State.FIRING, key: str = "groq", **more: str) -> Arrival:
    labels = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded", **more}
    return Arrival(source="probe", key=key, title="Groq is down", state=state, labels=labels)


def strange(state: State = State.FIRING) -> Arrival:
    return Arrival(source="generic", key="strange", title="Strange", state=state)


def said(severity: str, state: State = State.FIRING) -> Arrival:
    return Arrival(source="generic", key="sent", title="Rose is slow", state=state, severity=severity)


def signal(world: World, key: str = "groq") -> Signal:
    return next(one for one in world.read(signals.recent) if one.key == key)


def flip(world: World, times: int) -> None:
    """It changes so often, every two minutes; people acknowledge at once what they are paged for."""
    for _ in range(times):
        known = [one for one in world.read(signals.recent) if one.key == "groq"]
        is_firing = bool(known) and known[0].state is State.FIRING
        world.arrive(groq(State.RESOLVED if is_firing else State.FIRING))
        answer(world)
        world.advance(seconds=FLIP.total_seconds())


def answer(world: World) -> None:
    for one in world.read(incidents.listing):
        if one.awaits_answer:
            world.do(commands.acknowledge, one.id)


def paged(world: World) -> Counter[str]:
    """How often each person was paged so far."""
    return Counter(one.person or "" for one in world.mail.sent if one.audience == "page")


def told(world: World, incident_id: str) -> list[str]:
    """What the record says of signals, in order."""
    kinds = (SignalAttached, SignalCleared, SignalFlapped, Reopened)
    return [type(one).__name__ for one in world.entries(incident_id) if isinstance(one, kinds)]


def calm_at(world: World) -> datetime:
    found = signal(world).calm_at
    assert found is not None
    return found


def agree(world: World, plan: str) -> None:
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, plan, "agreed during the night")


def fix(world: World, incident_id: str) -> None:
    if world.incident(incident_id).status is Status.INVESTIGATING:
        world.do(commands.mitigate, incident_id, "switched over")
    world.do(mend, incident_id)


def test_ten_changes_in_twenty_minutes_page_once_and_stand_on_the_record_once(world: World) -> None:
    flip(world, 10)
    incident = world.incident()
    assert paged(world) == Counter(["ana"])
    assert incident.status is Status.INVESTIGATING
    assert told(world, incident.id) == ["SignalAttached", "SignalCleared", "SignalAttached", "SignalFlapped"]
    (flapped,) = world.entries(incident.id, SignalFlapped)
    calm = "Until it has not changed for 15 min, its changes are one trouble, and none is its end."
    assert flapped.title == "Groq is down"
    assert (
        flapped.why
        == f"It fired, cleared, or went back to a severity that it had before, 4 times within 30 min. {calm}"
    )
    seen = signal(world)
    assert (seen.state, seen.incident_id, len(seen.turns)) == (State.RESOLVED, incident.id, 4)
    found = world.read(explaining.explain, seen.id)
    assert found.flapping.startswith("It flaps since 2026-11-24 02:")
    assert any(one.sentence.startswith("Signal flaps: Groq is down.") for one in found.followed)


def test_a_severity_that_goes_to_and_fro_is_one_trouble_too(world: World) -> None:
    for severity in ["warning", "critical"] * 5:
        world.arrive(said(severity))
        answer(world)
        world.advance(minutes=2)
    incident = world.incident()
    assert paged(world) == Counter(["ana"] * 2)  # for what it declared, and once for what was worse
    assert told(world, incident.id) == [*["SignalAttached"] * 4, "SignalFlapped"]
    assert [one.severity for one in world.entries(incident.id, SeverityChanged)] == ["P1"]
    found = world.read(explaining.explain, signal(world, "sent").id)
    assert found.flapping.startswith("It flaps since 2026-11-24 02:")
    world.advance(minutes=15)
    (*_, calm) = world.entries(incident.id, SignalAttached)
    assert calm.why == "It flapped, is calm now, and still fires."


def test_what_only_gets_worse_or_worse_once_more_after_it_was_over_does_not_flap(world: World) -> None:
    for severity in ("info", "warning", "error", "critical", "fatal"):
        world.arrive(said(severity))
        world.advance(minutes=1)
    assert signal(world, "sent").turns == signal(world, "sent").turns[:1]
    world.arrive(said("fatal", State.RESOLVED))
    world.arrive(said("warning"), said("critical"))
    assert len(signal(world, "sent").turns) == 3  # it fired, cleared and fired


def test_it_is_cleared_at_the_instant_at_which_it_has_been_calm_for_long_enough(world: World) -> None:
    flip(world, 10)
    due_at, incident_id = calm_at(world), world.incident().id
    assert world.read(signals.next_calm) == due_at
    assert (world.read(tick.next_to_settle) or due_at) <= due_at
    world.advance(seconds=(due_at - world.clock.now()).total_seconds() - 1)
    assert told(world, incident_id)[-1] == "SignalFlapped"
    world.advance(seconds=1)
    (_, cleared) = world.entries(incident_id, SignalCleared)
    assert cleared.at == due_at
    seen = signal(world)
    assert (seen.turns, seen.flapping_since, seen.calm_at) == ([], None, None)
    assert world.read(explaining.explain, seen.id).flapping == ""
    assert world.read(signals.next_calm) is None
    world.advance(hours=1)
    assert told(world, incident_id).count("SignalCleared") == 2


def test_what_still_fires_when_it_is_calm_goes_on_and_pages_nobody_again(world: World) -> None:
    flip(world, 9)
    world.advance(minutes=15)
    incident = world.incident()
    assert told(world, incident.id)[-2:] == ["SignalFlapped", "SignalAttached"]
    assert world.entries(incident.id, SignalAttached)[-1].why == "It flapped, is calm now, and still fires."
    assert (incident.status, paged(world)) == (Status.INVESTIGATING, Counter(["ana"]))
    world.arrive(groq(State.RESOLVED))
    assert told(world, incident.id)[-1] == "SignalCleared"


def test_a_second_spell_of_the_same_incident_is_said_and_pages_nobody(world: World) -> None:
    flip(world, 6)
    world.advance(minutes=20)
    flip(world, 6)
    assert told(world, world.incident().id).count("SignalFlapped") == 2
    assert paged(world) == Counter(["ana"])


def test_a_second_spell_that_is_a_new_incident_pages_once_more(world: World) -> None:
    flip(world, 6)
    first = world.incident().id
    world.advance(minutes=20)
    fix(world, first)
    world.advance(minutes=31)
    assert world.incident(first).status is Status.RESOLVED
    flip(world, 10)
    second, again = world.read(incidents.listing)
    assert again.id == first
    assert paged(world) == Counter({"ana": 2})
    assert told(world, second.id).count("SignalFlapped") == 1


def test_changes_during_the_watch_of_a_fix_are_one_regression(world: World) -> None:
    flip(world, 6)
    incident = world.incident()
    fix(world, incident.id)
    flip(world, 8)
    assert len(world.entries(incident.id, Reopened)) == 1
    assert world.incident(incident.id).status is Status.INVESTIGATING
    assert paged(world) == Counter({"ana": 2})
    fix(world, incident.id)  # though it flaps
    flip(world, 4)
    assert world.incident(incident.id).status is Status.WATCHING
    assert (len(world.entries(incident.id, Reopened)), paged(world)) == (1, Counter({"ana": 2}))


def test_a_regression_that_stays_reopens_when_the_spell_is_over(world: World) -> None:
    flip(world, 6)
    incident = world.incident()
    fix(world, incident.id)
    flip(world, 2)
    fix(world, incident.id)
    flip(world, 1)
    assert (signal(world).state, world.incident(incident.id).status) == (State.FIRING, Status.WATCHING)
    world.advance(minutes=15)
    assert len(world.entries(incident.id, Reopened)) == 2
    assert world.incident(incident.id).status is Status.INVESTIGATING
    assert paged(world) == Counter({"ana": 3})
    answer(world)


def test_what_flaps_when_the_watch_ends_has_not_recovered(world: World) -> None:
    flip(world, 6)
    incident = world.incident()
    fix(world, incident.id)
    flip(world, 3)
    fix(world, incident.id)
    flip(world, 16)  # beyond the end of the watch, at which it has just cleared
    (_, at_the_end) = world.entries(incident.id, Reopened)
    assert at_the_end.because == "Its signals still flap at the end of the watch"
    assert paged(world) == Counter({"ana": 3})


def test_a_fix_that_calms_it_is_watched_to_its_end(world: World) -> None:
    flip(world, 6)
    incident = world.incident()
    fix(world, incident.id)
    world.advance(minutes=31)
    assert world.incident(incident.id).status is Status.RESOLVED
    assert told(world, incident.id)[-1] == "SignalCleared"


def test_what_gets_worse_while_it_flaps_raises_the_incident_and_pages(world: World) -> None:
    worse = (
        "{ name: worse, precedence: 1, when: { how: badly }, type: external_api_failure, severity: P0, service: rose }"
    )
    agree(world, QUIET.replace("\nrules:\n", f"\nrules:\n  - {worse}\n"))
    flip(world, 5)
    incident = world.incident()
    before = paged(world)
    world.arrive(groq(how="badly"))
    (raised,) = world.entries(incident.id, SeverityChanged)
    assert raised.severity == "P0"
    assert sum(paged(world).values()) > sum(before.values())
    assert told(world, incident.id)[-1] == "SignalAttached"
    answer(world)


def test_what_a_person_declares_from_a_signal_that_flaps_says_so_once(world: World) -> None:
    for state in (State.FIRING, State.RESOLVED, State.FIRING, State.RESOLVED, State.FIRING):
        world.arrive(strange(state))
    incident = world.do(commands.declare_from_signal, signal(world, "strange").id, severity="P1", type="service_outage")
    for state in (State.RESOLVED, State.FIRING) * 3:
        world.arrive(strange(state))
    assert told(world, incident.id) == ["SignalAttached", "SignalFlapped"]
    assert world.read(explaining.explain, signal(world, "strange").id).flapping
    world.advance(minutes=15)
    assert told(world, incident.id) == ["SignalAttached", "SignalFlapped", "SignalAttached"]


def test_a_signal_that_no_rule_fits_waits_as_ever_and_is_said_to_flap(world: World) -> None:
    for state in (State.FIRING, State.RESOLVED) * 3:
        world.arrive(strange(state))
        world.advance(minutes=1)
    seen = signal(world, "strange")
    assert (seen.disposition, seen.incident_id) == (Disposition.CLEARED, None)
    assert seen.flapping_since is not None
    world.arrive(strange())
    assert [one.key for one in world.read(signals.waiting)] == ["strange"]
    assert world.read(explaining.explain, seen.id).flapping
    world.advance(minutes=16)
    assert [one.key for one in world.read(signals.waiting)] == ["strange"]
    assert signal(world, "strange").flapping_since is None
    assert world.read(incidents.listing) == [] and paged(world) == Counter()


def test_a_silence_holds_back_what_flaps_and_lets_go_of_it_afterwards(world: World) -> None:
    wanted = Wanted(
        matchers=(read_matcher("component=groq"),), ends_at=world.clock.now() + timedelta(minutes=20), because="A move"
    )
    world.do(silences.silence, wanted)
    flip(world, 9)
    assert signal(world).disposition is Disposition.SILENCED
    assert paged(world) == Counter()
    world.advance(minutes=3)
    assert paged(world) == Counter(["ana"])
    assert told(world, world.incident().id)[0] == "SignalAttached"
    answer(world)


def test_a_plan_that_does_not_count_takes_each_change_at_its_word(world: World) -> None:
    assert QUIET.count(FLAPPING) == 1
    flip(world, 5)
    agree(world, QUIET.replace(FLAPPING, ""))
    flip(world, 1)
    incident = world.incident()
    assert told(world, incident.id)[-2:] == ["SignalFlapped", "SignalCleared"]
    assert (signal(world).turns, signal(world).calm_at) == ([], None)
    flip(world, 8)
    assert told(world, incident.id).count("SignalFlapped") == 1


def test_what_came_while_nobody_decided_is_counted_by_when_it_came(world: World) -> None:
    for minutes, state in (
        (0, State.FIRING),
        (1, State.RESOLVED),
        (1, State.FIRING),
        (1, State.RESOLVED),
        (20, State.FIRING),
    ):
        world.sleep(minutes=minutes)
        with world.database.work(world.actor("ana")) as tx:
            signals.accept(tx, [signals.encode(groq(state))])
    world.settle()
    assert told(world, world.incident().id) == [
        *("SignalAttached", "SignalCleared", "SignalAttached", "SignalFlapped"),
        *("SignalCleared", "SignalAttached"),
    ]
    seen = signal(world)
    assert (len(seen.turns), seen.flapping_since) == (1, None)
    answer(world)


def test_a_spell_whose_end_can_not_be_told_ends_all_the_same(world: World) -> None:
    flip(world, 6)
    seen = signal(world)
    with world.database.work(world.actor("ana")) as tx:
        signals.save_all(tx, [signals.with_turns(seen, Turns(calm_at=tx.now))])
    assert intake.calm_some(world.database) == 1
    assert world.read(signals.next_calm) is None
    assert intake.calm_some(world.database) == 0
