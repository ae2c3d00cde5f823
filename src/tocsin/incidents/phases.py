"""Where an incident stands in the plan's phases, and its checklists. All of it is computed from the record. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tocsin.incidents import completing, folding, lifecycle
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.lifecycle import UnknownWord, require_open
from tocsin.incidents.model import (
    AnyEntry,
    Escalated,
    Incident,
    Noted,
    Numbered,
    Paged,
    Reopened,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Status,
    Undelivered,
)
from tocsin.incidents.work import ItemTicked, ItemUnticked, Tick
from tocsin.kit.errors import Refused
from tocsin.plan.model import Condition, Milestone, Phase, Plan
from tocsin.plan.procedure import Exit

One = TypeVar("One")

# ---- Checklists ----


class NotTicked(Refused):
    """This is not ticked, so that there is no tick to take back."""


@dataclass(frozen=True)
class Item:
    """One thing to do, as the plan words it. `key` is stable within a revision of the plan."""

    key: str
    what: str
    effect: str = ""


def of_type(plan: Plan, incident: Incident) -> list[Item]:
    """What to do for this type at this severity, in order."""
    found = enumerate(plan.types[incident.type].actions, start=1)
    return [
        Item(f"type.{incident.type}.{place}", one.do, one.effect or "")
        for place, one in found
        if _concerns(incident, one.severities)
    ]


def of_phase(plan: Plan, incident: Incident, key: str) -> list[Item]:
    """What to do in a phase at this severity, in order, and what a person has to confirm at its end."""
    found = [
        Item(f"phase.{key}.{place}", what, effect)
        for place, (what, effect, severities) in enumerate(_single(plan.phases[key]), start=1)
        if all(_concerns(incident, those) for those in severities)
    ]
    confirm = enumerate(plan.phases[key].confirm, start=1)
    return [*found, *(Item(f"phase.{key}.confirm.{place}", what) for place, what in confirm)]


def _single(phase: Phase) -> Iterator[tuple[str, str, tuple[tuple[str, ...], ...]]]:
    """Every single action of a phase with the severities it is for; an activity without items is one itself."""
    for activity in phase.actions:
        for one in activity.items:
            yield one.do, one.effect or "", (activity.severities, one.severities)
        if not activity.items:
            yield activity.title, "", (activity.severities,)


def _concerns(incident: Incident, severities: Sequence[str]) -> bool:
    return not severities or incident.severity in severities


def items(plan: Plan, incident: Incident) -> dict[str, Item]:
    """Every item of the present checklists, by its key."""
    phases = [one for key in plan.phases for one in of_phase(plan, incident, key)]
    return {one.key: one for one in (*of_type(plan, incident), *phases)}


def wording(plan: Plan) -> dict[str, str]:
    """The words of every item that any checklist of this plan can hold, by its key."""
    found = {f"type.{key}.{place}": one.do for key, kind in plan.types.items() for place, one in _counted(kind.actions)}
    for key, phase in plan.phases.items():
        found |= {f"phase.{key}.{place}": what for place, (what, _, _) in _counted(_single(phase))}
        found |= {f"phase.{key}.confirm.{place}": what for place, what in _counted(phase.confirm)}
    return found


def _counted(those: Iterable[One]) -> Iterator[tuple[int, One]]:
    return enumerate(those, start=1)


def tick(plan: Plan, incident: Incident, item: str, mark: Tick, note: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Tick an item off, or say that it does not apply. Who says it again adds something only with a note."""
    require_open(incident)
    present = items(plan, incident)
    _require_listed(plan, item, present)
    if incident.work.ticks.get(item) is mark and not note.strip():
        return []
    return [ItemTicked(at=now, by=by, item=item, what=present[item].what, tick=mark, note=note.strip())]


def untick(plan: Plan, incident: Incident, item: str, note: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Take a tick back. Raises NotTicked where a note would be lost, because there is none."""
    require_open(incident)
    present = items(plan, incident)
    _require_listed(plan, item, present)
    if item not in incident.work.ticks:
        if note.strip():
            raise NotTicked
        return []
    return [ItemUnticked(at=now, by=by, item=item, what=present[item].what, note=note.strip())]


def _require_listed(plan: Plan, item: str, present: Mapping[str, Item]) -> None:
    """Let an item of the present checklists pass. They are too long to be listed in a refusal."""
    if item in present:
        return
    if what := wording(plan).get(item):
        raise UnknownWord(
            f"“{what}” is not on the checklists of this incident as it is now: it is for another type or severity.",
            field="item",
        )
    raise UnknownWord(f"The plan has no item called '{item}'; its checklists say what there is.", field="item")


def last_ticks(entries: Sequence[Numbered]) -> dict[str, ItemTicked]:
    """The entry that ticked each item which is ticked, since the incident was last opened."""
    found: dict[str, ItemTicked] = {}
    for numbered in entries:
        match numbered.entry:
            case ItemTicked(item=item):
                found[item] = numbered.entry
            case ItemUnticked(item=item):
                found.pop(item, None)
            case Reopened():
                found = {}
            case _:
                pass  # nothing else ticks anything
    return found


# ---- Phases ----


def began_at(incident: Incident) -> Mapping[Milestone, datetime | None]:
    """When each moment was reached at which a phase can begin."""
    return {
        Milestone.DECLARED: incident.reopened_at or incident.declared_at,
        Milestone.ACKNOWLEDGED: incident.acknowledged_at,
        Milestone.MITIGATED: incident.mitigated_at,
        Milestone.RESOLVED: incident.resolved_at,
    }


def present(plan: Plan, incident: Incident) -> str | None:
    """The key of the phase in which the incident is: the last of the plan's that has begun; none once it is over."""
    if not incident.is_open:
        return None
    began = began_at(incident)
    begun = [key for key, phase in plan.phases.items() if began[phase.begins_when] is not None]
    return begun[-1] if begun else None


@dataclass(frozen=True)
class Met:
    """A condition under which a phase is over, and the entry since which it holds; none where nothing was needed."""

    exit: Exit
    is_met: bool
    entry: int | None = None


def exits(plan: Plan, incident: Incident, entries: Sequence[Numbered]) -> dict[str, list[Met]]:
    """The exit conditions of every phase, by its key, each with the entry that met it."""
    asked = [(key, one) for key, phase in plan.phases.items() for one in phase.ends_when]
    since: dict[tuple[str, Exit], int] = {}
    grown: Incident | None = None
    for numbered in entries:
        grown = folding.follow(grown, [numbered]) if grown else folding.begun(incident.id, numbered)
        if isinstance(numbered.entry, _IDLE):
            continue
        for key, one in asked:
            if not holds(one, key, plan, grown):
                since.pop((key, one), None)
            elif (key, one) not in since:
                since[key, one] = numbered.number
    return {
        key: [Met(one, (key, one) in since, since.get((key, one))) for one in phase.ends_when]
        for key, phase in plan.phases.items()
    }


# What meets no condition; a storm of signals need not be asked about one by one.
_IDLE = (
    *(SignalAttached, SignalCleared, SignalFlapped, SignalsGathered, Noted),
    *(Paged, Escalated, Undelivered, EscalationAsked, Declined),
)


def holds(one: Exit, phase: str, plan: Plan, incident: Incident) -> bool:
    """Whether this condition is met as the incident stands."""
    match one:
        case Exit.DECLARED:
            return True
        case Exit.ACKNOWLEDGED:
            return incident.acknowledged_at is not None
        case Exit.ROLES_NAMED:
            return all(role in incident.roles for role in plan.severities[incident.severity].roles_within)
        case Exit.IMPACT_ESTIMATED:
            return incident.assessed is not None or bool(incident.impact)
        case Exit.FIRST_PUBLIC_UPDATE:
            return incident.stage is not None or not lifecycle.owes_public(plan, incident)
        case Exit.MITIGATED:
            return incident.mitigated_at is not None or incident.is_resolved
        case Exit.STRATEGY_CHOSEN:
            return incident.work.strategy is not None
        case Exit.FIXED:
            return incident.work.deployed_at is not None or incident.is_resolved
        case Exit.VERIFIED:
            return not completing.unverified(plan, incident)
        case Exit.RESOLVED:
            return incident.is_resolved
        case _:
            return _is_over(one, phase, plan, incident)


def _is_over(one: Exit, phase: str, plan: Plan, incident: Incident) -> bool:
    match one:
        case Exit.WATCH_PASSED:
            return incident.recovered_at is not None
        case Exit.RECOVERY_CONFIRMED:
            return not completing.unconfirmed(plan, incident)
        case Exit.FINAL_PUBLIC_UPDATE:
            return not lifecycle.unmet(Condition.FINAL_PUBLIC_UPDATE, plan, incident)
        case Exit.REVIEW_SCHEDULED:
            return not lifecycle.unmet(Condition.REVIEW_SCHEDULED, plan, incident)
        case Exit.ACTIONS_DONE:
            return all(item.key in incident.work.ticks for item in of_phase(plan, incident, phase))
        case Exit.CLOSED:
            return incident.status is Status.CLOSED
        case _:
            return False
