"""Climbing the escalation ladder: every step in order, from the top again, and an end only where the plan sets one."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.paging.ladder import Exhausted, PageStep, climb
from tocsin.plan.model import EscalationPolicy, Step

STEPS = (
    Step(page=("on_call",), wait=timedelta(minutes=5)),
    Step(page=("commander", "ben"), wait=timedelta(minutes=10)),
    Step(page=("everyone",), wait=timedelta(minutes=15)),
)


def test_steps_come_in_order_and_then_from_the_top_again() -> None:
    policy = EscalationPolicy(steps=STEPS)
    found = [climb(policy, steps_taken=taken) for taken in range(5)]
    assert found == [
        PageStep(0, ("on_call",), timedelta(minutes=5)),
        PageStep(1, ("commander", "ben"), timedelta(minutes=10)),
        PageStep(2, ("everyone",), timedelta(minutes=15)),
        PageStep(3, ("on_call",), timedelta(minutes=5)),
        PageStep(4, ("commander", "ben"), timedelta(minutes=10)),
    ]


def test_two_rounds_are_two_rounds_and_then_it_says_so() -> None:
    policy = EscalationPolicy(steps=STEPS, rounds=2)
    assert [type(climb(policy, steps_taken=taken)) for taken in (0, 5, 6, 7)] == [
        PageStep,
        PageStep,
        Exhausted,
        Exhausted,
    ]
    assert climb(policy, steps_taken=6) == Exhausted(rounds=2)


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_without_rounds_there_is_always_a_next_step(steps: int, taken: int) -> None:
    policy = EscalationPolicy(steps=tuple(Step(page=(f"p{one}",), wait=timedelta(minutes=1)) for one in range(steps)))
    found = climb(policy, steps_taken=taken)
    assert isinstance(found, PageStep)
    assert (found.step, found.targets) == (taken, (f"p{taken % steps}",))
