"""The proof that somebody is there: for each severity and role, at every instant of a span, a person whom something
reaches; or from when until when there is none, and why.

Nothing is sampled. Stretches of time are added and taken away, so a gap of a minute is found as surely as one of a
week.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from tocsin.oncall.schedule import Rotas
from tocsin.plan.model import ON_CALL, Plan

NOBODY = "nobody is on call"
PAGING = ON_CALL  # the name under which a severity's own pages are proved, beside its roles


class Reach(StrEnum):
    """Whether something reaches a person; if not, what they lack."""

    REACHED = "reached"
    NO_METHOD = "no contact method"
    NO_ACCOUNT = "no account"
    DISABLED = "no account that is enabled"


@dataclass(frozen=True)
class Hole:
    """A stretch in which those who are named first reach nobody. `caught_by` says who is asked instead; where it is
    empty, nobody is, and the proof fails. `service` is one for which it is so; None, if it is so for any."""

    starts_at: datetime
    ends_at: datetime
    severity: str
    role: str
    service: str | None
    why: str
    caught_by: str = ""
    is_gap: bool = False  # of a rota; otherwise it is about people, whenever their shifts are

    @property
    def is_open(self) -> bool:
        return not self.caught_by


@dataclass(frozen=True)
class Proof:
    """What was proved of a span. `knows_reach` is false where nobody knows whom anything reaches."""

    starts_at: datetime
    ends_at: datetime
    claims: int  # how many times somebody had to be named throughout
    holes: tuple[Hole, ...]
    knows_reach: bool

    @property
    def open(self) -> tuple[Hole, ...]:
        """The counter-examples: nobody at all."""
        return tuple(one for one in self.holes if one.is_open)

    @property
    def caught(self) -> tuple[Hole, ...]:
        return tuple(one for one in self.holes if not one.is_open)

    @property
    def holds(self) -> bool:
        return not self.open


def prove(
    plan: Plan, rotas: Rotas, start: datetime, end: datetime, reached: Mapping[str, Reach] | None = None
) -> Proof:
    """Prove a span of time. `reached` is what is known of people; without it everybody counts as reached.

    Who is named for a role: its rota, else its fallback, else the escalation of the severity. Who is named for the
    pages of a severity: the first step of its policy, else the next, and so on.
    """
    ground = _Ground(plan, rotas, start, end, reached)
    claims = list(dict.fromkeys(_claims(plan)))
    holes = [hole for claim in claims for hole in _holes(ground, claim)]
    holes.sort(key=lambda one: (not one.is_open, one.starts_at, plan.rank(one.severity), one.role))
    return Proof(start, end, len(claims), tuple(holes), reached is not None)


# ---- What is to be proved --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Some who are asked at once: what they are called together, and whom they mean."""

    name: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class _Claim:
    """Somebody of these groups must be there, the first before the others."""

    severity: str
    role: str
    groups: tuple[_Group, ...]
    service: str | None = field(compare=False)


def _claims(plan: Plan) -> Iterator[_Claim]:
    for service in _services(plan):
        for key, severity in plan.severities.items():
            ladder = tuple(_ladder(plan, severity.escalation, service))
            if ladder:
                yield _Claim(key, PAGING, ladder, service)
            for name in severity.roles_within:
                yield _Claim(key, name, (*_named(plan, name, service), *ladder), service)


def _services(plan: Plan) -> list[str | None]:
    """One service for each rota that `on_call` can mean, and none at all for the one that it means by itself."""
    found: dict[str, str | None] = {plan.rotation_for(None): None}
    for key in plan.services:
        found.setdefault(plan.rotation_for(key), key)
    return list(found.values())


def _ladder(plan: Plan, policy: str | None, service: str | None) -> Iterator[_Group]:
    for number, step in enumerate(plan.escalation[policy].steps if policy else (), start=1):
        yield _Group(f"step {number} of {policy}", _meant(plan, step.page, service))


def _named(plan: Plan, role: str, service: str | None) -> Iterator[_Group]:
    known = plan.roles[role]
    if known.rotation is not None:
        yield _Group(f"the rota {known.rotation}", (known.rotation,))
    if known.fallback:
        yield _Group("the fallback of the role", _meant(plan, known.fallback, service))


def _meant(plan: Plan, targets: Iterable[str], service: str | None) -> tuple[str, ...]:
    return tuple(plan.rotation_for(service) if one == ON_CALL else one for one in targets)


def _holes(ground: "_Ground", claim: _Claim) -> Iterator[Hole]:
    """Where the first group reaches nobody, by who catches that."""
    if not claim.groups:
        yield Hole(ground.start, ground.end, claim.severity, claim.role, claim.service, "the plan names nobody for it")
        return
    left = ground.silence(claim.groups[0])
    for group in claim.groups[1:]:
        silent = ground.silence(group)
        for one in _without(left, silent):
            yield _hole(claim, one, group.name)
        left = _both(left, silent)
    yield from (_hole(claim, one) for one in left)


def _hole(claim: _Claim, one: "_Silence", caught_by: str = "") -> Hole:
    return Hole(one.starts_at, one.ends_at, claim.severity, claim.role, claim.service, one.why, caught_by, one.is_gap)


# ---- Stretches of silence --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Silence:
    """A stretch in which nobody is reached, and why."""

    starts_at: datetime
    ends_at: datetime
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        return "; ".join(self.reasons)

    @property
    def is_gap(self) -> bool:
        return any(one.startswith(NOBODY) for one in self.reasons)


@dataclass(frozen=True)
class _Ground:
    """The span that is looked at, and what is known about it. What was worked out once is not worked out again."""

    plan: Plan
    rotas: Rotas
    start: datetime
    end: datetime
    reached: Mapping[str, Reach] | None
    _known: dict[tuple[str, ...], list[_Silence]] = field(default_factory=dict)

    def silence(self, group: _Group) -> list[_Silence]:
        """When none of a group reaches anybody."""
        if group.targets not in self._known:
            whole = [_Silence(self.start, self.end, ())]
            for target in group.targets:
                whole = _both(whole, self._of(target))
            self._known[group.targets] = _joined(whole)
        return self._known[group.targets]

    def _of(self, target: str) -> list[_Silence]:
        if target in self.plan.rotations:
            return sorted(self._of_rotation(target), key=lambda one: one.starts_at)
        missing = self._missing(self.plan.members((target,)))
        return [_Silence(self.start, self.end, missing)] if missing else []

    def _of_rotation(self, rotation: str) -> Iterator[_Silence]:
        for gap in self.rotas.gaps(rotation, self.start, self.end):
            yield _Silence(gap.starts_at, gap.ends_at, (f"{NOBODY} in {rotation}",))
        for shift in self.rotas.clipped(rotation, self.start, self.end):
            if missing := self._missing(dict.fromkeys(shift.people)):
                yield _Silence(shift.starts_at, shift.ends_at, missing)

    def _missing(self, people: Iterable[str]) -> tuple[str, ...]:
        """What each of these people lacks to be reached; nothing, as soon as one is reached."""
        if self.reached is None:
            return ()
        found = [(one, self.reached.get(one, Reach.NO_ACCOUNT)) for one in people]
        if any(reach is Reach.REACHED for _, reach in found):
            return ()
        return tuple(f"{self._name(one)} has {reach}" for one, reach in found) or ("nobody is in it",)

    def _name(self, handle: str) -> str:
        return self.plan.people[handle].name if handle in self.plan.people else handle


def _both(left: Sequence[_Silence], right: Sequence[_Silence]) -> list[_Silence]:
    """Where both are silent, for the reasons of both. Each is in order and does not overlap itself."""
    found: list[_Silence] = []
    one = other = 0
    while one < len(left) and other < len(right):
        begin = max(left[one].starts_at, right[other].starts_at)
        end = min(left[one].ends_at, right[other].ends_at)
        if begin < end:
            reasons = tuple(dict.fromkeys((*left[one].reasons, *right[other].reasons)))
            found.append(_Silence(begin, end, reasons))
        if left[one].ends_at <= right[other].ends_at:
            one += 1
        else:
            other += 1
    return found


def _without(silences: Sequence[_Silence], others: Sequence[_Silence]) -> list[_Silence]:
    """What of the first lies in none of the others."""
    found: list[_Silence] = []
    place = 0
    for one in silences:
        at = one.starts_at
        while place < len(others) and others[place].ends_at <= at:
            place += 1
        for other in others[place:]:
            if other.starts_at >= one.ends_at:
                break
            if other.starts_at > at:
                found.append(_Silence(at, other.starts_at, one.reasons))
            at = max(at, other.ends_at)
        if at < one.ends_at:
            found.append(_Silence(at, one.ends_at, one.reasons))
    return found


def _joined(silences: Iterable[_Silence]) -> list[_Silence]:
    """Stretches that touch and have the same reasons, as one."""
    found: list[_Silence] = []
    for one in silences:
        if found and found[-1].ends_at == one.starts_at and found[-1].reasons == one.reasons:
            found[-1] = _Silence(found[-1].starts_at, one.ends_at, one.reasons)
        else:
            found.append(one)
    return found


# ---- What to tell people ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """Everything that has the same reason at the same time: for which severities and roles, and who catches it."""

    starts_at: datetime
    ends_at: datetime
    why: str
    missing: tuple[str, ...]  # `P0 scribe` or `P0 page`, where nobody is there at all
    caught: tuple[str, ...]  # the same, where somebody else is asked
    is_gap: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.missing)


def _called(one: Hole) -> str:
    return f"{one.severity} {'page' if one.role == PAGING else one.role.replace('_', ' ')}"


def stretches(holes: Iterable[Hole]) -> list[Stretch]:
    """Holes gathered, so that one gap is told once; what nobody catches first."""
    ordered = sorted(holes, key=lambda one: (one.starts_at, one.ends_at, one.why))
    found = []
    for (start, end, why), group in groupby(ordered, key=lambda one: (one.starts_at, one.ends_at, one.why)):
        alike = list(group)
        missing, caught = (
            tuple(dict.fromkeys(_called(one) for one in alike if one.is_open is is_open)) for is_open in (True, False)
        )
        found.append(Stretch(start, end, why, missing, caught, alike[0].is_gap))
    return sorted(found, key=lambda one: (not one.is_open, one.starts_at))


def plain(proof: Proof) -> dict[str, object]:
    """The proof as plain values, for programs."""
    return {
        "starts_at": proof.starts_at,
        "ends_at": proof.ends_at,
        "holds": proof.holds,
        "claims": proof.claims,
        "knows_reach": proof.knows_reach,
        "holes": [{**vars(one), "is_open": one.is_open} for one in proof.holes],
    }
