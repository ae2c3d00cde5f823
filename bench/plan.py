"""How long `plan check` takes in process: on Rose's plan, and on a plan ten times its size."""

from collections.abc import Callable
from importlib import resources

import yaml

from bench.measure import Measured, percentile
from tests.support.plans import multiplied
from tocsin.kit.clock import stopwatch
from tocsin.plan import check, lint
from tocsin.plan.model import Plan

TIMES = 21
FACTOR = 10
ROSE = resources.files("tocsin") / "plans" / "rose.yaml"


def rose() -> list[Measured]:
    return [_measured("check, Rose's plan", ROSE.read_text(encoding="utf-8"), target=50)]


def ten_times() -> list[Measured]:
    text = multiplied(ROSE.read_text(encoding="utf-8"), FACTOR)
    return [_measured(f"check, {FACTOR} times its size", text, target=400)]


def _measured(name: str, text: str, target: float) -> Measured:
    if not isinstance(check.load(text), Plan):
        raise RuntimeError(f"{name}: the plan has mistakes")
    taken = [_milliseconds(lambda: lint.examine(text)) for _ in range(TIMES)]
    floor = [_milliseconds(lambda: yaml.compose(text, Loader=yaml.CSafeLoader)) for _ in range(TIMES)]
    return Measured(
        name=name,
        value=percentile(taken, 50),
        unit="ms",
        target=target,
        less_is_better=True,
        floor=percentile(floor, 50),
        about={"lines": text.count("\n"), "worst_ms": max(taken)},
    )


def _milliseconds(act: Callable[[], object]) -> float:
    began = stopwatch()
    act()
    return (stopwatch() - began) * 1000
