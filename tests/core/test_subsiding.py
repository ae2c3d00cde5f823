"""Which incidents would have resolved themselves: from when signals fired and cleared, as far as that is remembered."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.records import PLAN, later
from tocsin.plan.model import Flapping, Plan
from tocsin.response import subsiding
from tocsin.signals import history
from tocsin.signals import store as signals
from tocsin.signals.history import Said
from tocsin.signals.model import Arrival
from tocsin.signals.routing import Route
from tocsin.signals.store import Signal

TEN = timedelta(minutes=10)
LEVELS = {key: replace(one, resolves_itself_after=TEN if key == "P3" else None) for key, one in PLAN.severities.items()}
ITSELF = replace(PLAN, severities=LEVELS, recovery=replace(PLAN.recovery, watch_for=timedelta(minutes=30)))
FLAPPING = replace(ITSELF, flapping=Flapping())
NOW = later(600)


def changed(*minutes: int, key: str = "a") -> Signal:
    """A signal that fired at the first of these minutes, cleared at the second, and so on."""
    signal = signals.first_seen(Arrival(source="x", key=key, title=key), later(minutes[0]))
    rows: list[history.Row] = []
    for place, minute in enumerate(minutes):
        state = "resolved" if place % 2 else "firing"
        rows = history.told(rows, Said(later(minute), state, None, "attached", "why", place + 1))
    return replace(signal, history=rows)


def ends(*found: tuple[Signal, str], now: datetime = NOW, plan: Plan = ITSELF) -> list[tuple[str, int, int]]:
    route = Route("performance_degradation", "P3", "rose", (), "t", "r", "w")
    routed = [(one, replace(route, severity=severity)) for one, severity in found]
    return [(one.severity, one.incidents, one.themselves) for one in subsiding.endings(plan, routed, now)]


@pytest.mark.parametrize(
    ("minutes", "themselves"),
    [((0, 5), 1), ((0, 5, 14, 20), 1), ((0,), 0), ((0, 5, 9), 0), ((0, 595), 0)],
    ids=["cleared", "came back in time and cleared", "fires", "came back", "is not clear for long enough"],
)
def test_what_stays_clear_for_as_long_as_the_plan_says_resolves_itself(
    minutes: tuple[int, ...], themselves: int
) -> None:
    assert ends((changed(*minutes), "P3")) == [("P3", 1, themselves)]


def test_what_comes_back_after_the_watch_is_another_incident() -> None:
    assert ends((changed(0, 5, 44, 46), "P3")) == [("P3", 1, 1)]  # it reopens the first
    assert ends((changed(0, 5, 50, 52), "P3")) == [("P3", 2, 2)]


def test_signals_of_one_type_and_service_are_one_incident_of_the_worst_of_them() -> None:
    first, second = changed(0, 5), changed(3, key="b")
    assert ends((first, "P3"), (second, "P3")) == [("P3", 1, 0)]
    assert ends((first, "P3"), (changed(3, 4, key="b"), "P1")) == []  # which people end


def test_while_a_signal_flaps_that_it_clears_is_no_end() -> None:
    flaps = changed(0, 1, 2, 3)
    assert ends((flaps, "P3"), now=later(3 + 10)) == [("P3", 1, 1)]
    assert ends((flaps, "P3"), now=later(3 + 15 + 9), plan=FLAPPING) == [("P3", 1, 0)]
    assert ends((flaps, "P3"), now=later(3 + 15 + 10), plan=FLAPPING) == [("P3", 1, 1)]


def test_it_is_said_in_a_sentence() -> None:
    said = subsiding.sentence(subsiding.Ending("P3", TEN, 3, 2))
    assert said == (
        "2 of 3 incidents of P3 would have resolved themselves: "
        "that takes 10 min with all of its signals clear, and nobody in a role."
    )
    assert "None of 1 incident of P3 would have resolved itself:" in subsiding.sentence(
        subsiding.Ending("P3", TEN, 1, 0)
    )
