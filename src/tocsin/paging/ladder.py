"""The escalation ladder: which step is next. Steps are counted from 0 over all rounds."""

from dataclasses import dataclass
from datetime import timedelta

from tocsin.plan.model import EscalationPolicy


@dataclass(frozen=True)
class PageStep:
    step: int
    targets: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True)
class Exhausted:
    """Every round the policy allows has been climbed, and nobody answered."""

    rounds: int


def climb(policy: EscalationPolicy, *, steps_taken: int) -> PageStep | Exhausted:
    """The step after so many; from the top again until the policy's rounds are spent, or without end."""
    rounds, place = divmod(steps_taken, len(policy.steps))
    if policy.rounds is not None and rounds >= policy.rounds:
        return Exhausted(policy.rounds)
    step = policy.steps[place]
    return PageStep(step=steps_taken, targets=step.page, wait=step.wait)
