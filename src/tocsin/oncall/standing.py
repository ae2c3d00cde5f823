"""Who is on call at this instant in each rotation, until when, and who comes next: the question that is asked most."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.oncall.model import Shift
from tocsin.oncall.schedule import Rotas


@dataclass(frozen=True)
class Standing:
    """One rotation at one instant; without a shift it is in a gap. `next` is what comes after, whoever it is."""

    rotation: str
    shift: Shift | None
    next: Shift | None

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.shift.people)) if self.shift else ()


def standing(rotas: Rotas, instant: datetime, rotations: Iterable[str] | None = None) -> list[Standing]:
    """For each rotation of the plan, in its order, or for these."""
    names = rotas.rotations if rotations is None else rotations
    return [_standing(rotas, name, instant) for name in names]


def _standing(rotas: Rotas, rotation: str, instant: datetime) -> Standing:
    held = rotas.shift_at(rotation, instant)
    return Standing(rotation, held, rotas.next_shift(rotation, held.ends_at if held else instant))
