"""When a signal flaps: after how many changes, and until when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan.model import Flapping
from tocsin.signals import flapping
from tocsin.signals.flapping import CALM, Turns

NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
RULE = Flapping(changes=4, within=timedelta(minutes=30), calm_for=timedelta(minutes=15))

rules = st.builds(
    Flapping,
    changes=st.integers(3, 6),
    within=st.integers(1, 40).map(lambda one: timedelta(minutes=one)),
    calm_for=st.integers(1, 40).map(lambda one: timedelta(minutes=one)),
)
nights = st.lists(st.integers(0, 30), max_size=25).map(
    lambda gaps: [NIGHT + timedelta(minutes=one) for one in accumulate(gaps)]
)


def after(rule: Flapping | None, instants: Sequence[datetime]) -> list[Turns]:
    return list(accumulate(instants, lambda turns, at: flapping.turned(rule, turns, at), initial=CALM))[1:]


def at(*minutes: float) -> list[datetime]:
    return [NIGHT + timedelta(minutes=one) for one in minutes]


def test_it_flaps_with_the_change_that_makes_them_many() -> None:
    first, second, third, fourth = after(RULE, at(0, 10, 20, 30))
    assert [one.flapping_since for one in (first, second, third)] == [None, None, None]
    assert fourth == Turns(tuple(at(0, 10, 20, 30)), *at(30, 45))


def test_changes_that_are_too_far_apart_are_none_of_a_spell() -> None:
    assert after(RULE, at(0, 10, 20, 30.1))[-1] == Turns(tuple(at(10, 20, 30.1)))


def test_a_further_change_puts_off_the_end_and_a_late_one_counts_anew() -> None:
    *_, again = after(RULE, at(0, 1, 2, 3, 17.9))
    assert (again.flapping_since, again.calm_at) == tuple(at(3, 32.9))
    *_, late = after(RULE, at(0, 1, 2, 3, 18))
    assert late == Turns(tuple(at(18)))


def test_a_change_that_is_told_late_does_not_bring_the_end_nearer() -> None:
    assert after(RULE, at(0, 1, 2, 3, 2))[-1].calm_at == at(18)[0]


def test_it_is_over_at_the_instant_and_not_before() -> None:
    turns = after(RULE, at(0, 1, 2, 3))[-1]
    assert not flapping.is_over(turns, at(17.9)[0])
    assert flapping.is_over(turns, at(18)[0])
    assert not flapping.is_over(CALM, at(18)[0])


def test_what_is_said() -> None:
    assert flapping.counted(RULE) == (
        "It fired, cleared, or went back to a severity that it had before, 4 times within 30 min. "
        "Until it has not changed for 15 min, its changes are one trouble, and none is its end."
    )
    assert flapping.told(*at(30, 45)) == (
        "It flaps since 2026-11-24 02:30:00 UTC: its changes are one trouble. "
        "If it does not change, it is calm at 2026-11-24 02:45:00 UTC."
    )
    assert flapping.told(None, None) == ""


@given(nights)
def test_a_plan_that_does_not_count_remembers_nothing(night: list[datetime]) -> None:
    assert all(one == CALM for one in after(None, night))
    assert all(flapping.turned(None, one, NIGHT) == CALM for one in after(RULE, night))


@given(rules, nights)
def test_it_flaps_exactly_from_so_many_changes_until_it_was_calm(rule: Flapping, night: list[datetime]) -> None:
    """Told once more, by looking back over the whole of the night at each change."""
    since: datetime | None = None
    begins = 0  # the first change that counts
    for place, (now, turns) in enumerate(zip(night, after(rule, night), strict=True)):
        if since is not None and now - night[place - 1] >= rule.calm_for:
            since, begins = None, place
        near = [one for one in night[begins : place + 1] if now - one <= rule.within]
        if since is None and len(near) >= rule.changes:
            since = now
        assert turns.flapping_since == since
        assert turns.calm_at == (now + rule.calm_for if since else None)


@given(rules, nights)
def test_no_more_changes_are_remembered_than_count_and_the_last_is_among_them(
    rule: Flapping, night: list[datetime]
) -> None:
    for now, turns in zip(night, after(rule, night), strict=True):
        assert turns.at[-1] == now
        assert len(turns.at) <= rule.changes
        assert list(turns.at) == sorted(turns.at)
