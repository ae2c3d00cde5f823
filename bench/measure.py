"""What a measurement says, and how it is shown."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure beside its target; `floor` is what the machine itself gave in the same run."""

    name: str
    value: float
    unit: str
    target: float | None = None  # none: shown for its own sake
    less_is_better: bool = False
    floor: float | None = None
    about: dict[str, object] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.value <= self.target if self.less_is_better else self.value >= self.target


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


HEAD = ("measured", "value", "unit", "floor", "target", "reached")


def table(results: Sequence[Measured]) -> str:
    """The results as lines of aligned columns, each followed by what else was seen."""
    rows = [HEAD, *(_row(one) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def _row(one: Measured) -> tuple[str, ...]:
    sign = "at most " if one.less_is_better else "at least "
    target = "" if one.target is None else sign + _number(one.target)
    reached = {True: "yes", False: "NO", None: ""}[one.reached]
    return (one.name, _number(one.value), one.unit, "" if one.floor is None else _number(one.floor), target, reached)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def save(results: Sequence[Measured], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(one), "reached": one.reached} for one in results]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
