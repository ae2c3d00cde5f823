"""Changes of who is on call, and when each is written and accepted."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.oncall import handoff as rules
from tocsin.oncall.handoff import Change, Handoff, Settled, State
from tocsin.oncall.model import Shift
from tocsin.plan.rotas import HandingOver

NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = HandingOver(opened_before=24 * HOUR, written_before=HOUR / 2, accepted_within=HOUR)


def shifts(*held: str, start: datetime = NINE) -> list[Shift]:
    """An hour for each word: who holds it, letter by letter; `-` is a gap."""
    return [
        Shift(start + place * HOUR, start + (place + 1) * HOUR, tuple(people))
        for place, people in enumerate(held)
        if people != "-"
    ]


def pairs(*held: str) -> list[tuple[str, str, int, int]]:
    """Who hands over to whom, from which hour, at which hour."""
    return [
        ("".join(one.outgoing), "".join(one.incoming), (one.leaves_at - NINE) // HOUR, (one.begins_at - NINE) // HOUR)
        for one in rules.changes("r", shifts(*held))
    ]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (("a", "b"), [("a", "b", 1, 1)]),
        (("a", "a", "b", "b", "a"), [("a", "b", 2, 2), ("b", "a", 4, 4)]),
        (("a", "a"), []),
        (("a", "-", "b"), [("a", "b", 1, 2)]),  # over a gap
        (("a", "-", "a"), []),
        (("ab", "bc"), [("a", "c", 1, 1)]),  # who stays has nothing to hand over
        (("ab", "ba"), []),
        (("ab", "a"), [("b", "a", 1, 1)]),  # nobody comes: to whoever stays
        (("a", "ab"), [("a", "b", 1, 1)]),
        ((), []),
    ],
)
def test_a_change_of_holder_is_a_handoff(held: tuple[str, ...], expected: list[object]) -> None:
    assert pairs(*held) == expected


@given(st.lists(st.sampled_from(["a", "b", "c", "-"]), max_size=12))
def test_whoever_comes_holds_it_until_the_next_change(held: list[str]) -> None:
    found = rules.changes("r", shifts(*held))
    for one, after in pairwise(found):
        assert one.incoming == after.outgoing and one.ends_at == after.leaves_at
        assert one.begins_at < after.begins_at
    assert all(set(one.outgoing) != set(one.incoming) for one in found)


def change(leaves_at: datetime = NINE, begins_at: datetime = NINE) -> Change:
    return Change(
        rotation="r",
        outgoing=("a",),
        incoming=("b",),
        leaves_at=leaves_at,
        begins_at=begins_at,
        ends_at=begins_at + 8 * HOUR,
    )


def test_it_is_written_before_the_turn_ends_and_accepted_after_the_next_begins() -> None:
    due = rules.due(change(begins_at=NINE + 3 * HOUR), TIMES, NINE - 24 * HOUR)
    assert (due.written_at, due.accepted_at) == (NINE - HOUR / 2, NINE + 4 * HOUR)
    assert due.given_up_at == NINE + 11 * HOUR


@given(st.timedeltas(min_value=-48 * HOUR, max_value=12 * HOUR))
def test_there_is_always_time_to_write_and_then_to_accept(late: timedelta) -> None:
    opened_at = NINE + late
    due = rules.due(change(), TIMES, opened_at)
    assert due.written_at > opened_at
    assert due.accepted_at >= max(NINE, due.written_at) + HOUR
    assert due.given_up_at >= due.accepted_at


def handoff(state: State = State.OPEN) -> Handoff:
    return Handoff(**vars(change()), id="hnd_1", lines=("x",), opened_at=NINE - HOUR, state=state)


def test_only_what_is_to_come_is_overtaken() -> None:
    other = Change(**{**vars(change()), "incoming": ("c",)})
    assert rules.overtaken([handoff()], [other], NINE - HOUR) == [handoff()]
    assert rules.overtaken([handoff()], [change()], NINE - HOUR) == []
    assert rules.overtaken([handoff()], [other], NINE) == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.MISSED, State.VOID])
def test_what_is_settled_stays_settled(state: State) -> None:
    for attempt in (
        lambda one: rules.written(one, ["x"]),
        lambda one: rules.accepted(one, is_overdue=True, contacts_confirmed=True),
        lambda one: rules.asked(one, "x"),
    ):
        with pytest.raises(Settled, match=str(state)):
            attempt(handoff(state))
