"""What may be arranged about being on call, and why not: pure rules over rotas, read by the commands."""

from datetime import datetime, timedelta

from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed, utc
from tocsin.oncall.model import Turn
from tocsin.oncall.schedule import Rotas
from tocsin.plan.model import Plan

LONGEST = timedelta(days=366)
LONGEST_REASON = 1000


class Over(Invalid):
    """It is over already."""


class NotTheirs(Refused):
    """That shift is not theirs to give away."""


class BesideThemselves(Refused):
    """One person cannot hold two places of a rotation."""


def sound(plan: Plan, turn: Turn, now: datetime) -> None:
    """Raises Invalid for a part of a rota that there cannot be."""
    if turn.rotation not in plan.rotations:
        raise Invalid(
            f"The plan has no rotation '{turn.rotation}'; there is {listed(plan.rotations)}.", field="rotation"
        )
    if turn.ends_at <= now:
        raise Over(f"It ended at {utc(turn.ends_at)}. The past is not rearranged.", field="ends_at")
    if turn.ends_at <= turn.starts_at:
        raise Invalid("It must end later than it begins.", field="ends_at")
    if turn.ends_at - turn.starts_at > LONGEST:
        raise Invalid("A year at the most; what lasts longer belongs into the plan.", field="ends_at")


def known_person(plan: Plan, handle: str, field: str = "person") -> None:
    if handle not in plan.people:
        raise Invalid(f"The plan names nobody '{handle}'.", field=field)


def reason_of(text: str) -> str:
    if not text.strip():
        raise Invalid("Say why; whoever reads the rota wants to know.", field="reason")
    if len(text) > LONGEST_REASON:
        raise Invalid(f"At most {LONGEST_REASON} characters.", field="reason")
    return text.strip()


def place(rotas: Rotas, turn: Turn, person: str, instead_of: str | None) -> None:
    """Whether a person can take this part of a rota, in that place. Raises Invalid and BesideThemselves."""
    held = rotas.clipped(turn.rotation, turn.starts_at, turn.ends_at)
    if instead_of is None:
        if any(len(one.people) > 1 for one in held):
            raise Invalid("Several people hold this rotation at once; say in whose place.", field="instead_of")
        return
    theirs = [one for one in held if instead_of in one.people]
    if not theirs:
        raise Invalid(f"{instead_of} does not hold {turn.rotation} in that time.", field="instead_of")
    if clash := next((one for one in theirs if person in one.people and person != instead_of), None):
        raise BesideThemselves(f"{person} holds {turn.rotation} already at {utc(clash.starts_at)}.")


def displaced(rotas: Rotas, turn: Turn, instead_of: str | None) -> tuple[str, ...]:
    """Who is taken off call by it."""
    held = rotas.clipped(turn.rotation, turn.starts_at, turn.ends_at)
    people = dict.fromkeys(person for one in held for person in one.people)
    return tuple(one for one in people if instead_of in (None, one))


def wholly_held(rotas: Rotas, turn: Turn, person: str) -> None:
    """Raises NotTheirs unless the person holds all of this part of a rota."""
    at = turn.starts_at
    for shift in rotas.clipped(turn.rotation, turn.starts_at, turn.ends_at):
        if shift.starts_at > at or person not in shift.people:
            break
        at = shift.ends_at
    if at < turn.ends_at:
        raise NotTheirs(f"{person} does not hold {turn.rotation} at {utc(at)}.")
