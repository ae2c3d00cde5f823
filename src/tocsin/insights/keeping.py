"""How each clause of a plan is kept, and by which trace its use is known on the record. Pure.

One table says it for every id that a document can have. Nothing is called kept that the software does not do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tocsin.plan.model import Phase, Plan


class How(StrEnum):
    ENFORCED = "enforced"  # the software does it, or refuses to go on without it
    TIMED = "timed"  # an obligation with a due time
    GUIDED = "guided"  # put in front of a person, who answers
    WRITTEN = "only written"  # nothing runs it


@dataclass(frozen=True)
class Keeping:
    """`trace` names what the record shows when the clause is used; None if the record shows nothing of it."""

    how: How
    trace: str | None = None


Trace = str | Callable[[Plan, list[str]], str] | None


def keeping(plan: Plan, path: str) -> Keeping:
    """How the clause with this id is kept. Raises LookupError for an id that no document has."""
    parts = path.split(".")
    for pattern, how, trace in _RULES:
        if _fits(pattern.split("."), parts):
            return Keeping(how, trace.format(*parts) if isinstance(trace, str) else trace and trace(plan, parts))
    raise LookupError(path)


def _fits(pattern: list[str], parts: list[str]) -> bool:
    if pattern[-1] == "**":
        return len(parts) >= len(pattern) and _fits(pattern[:-1], parts[: len(pattern) - 1])
    return len(pattern) == len(parts) and all(want in ("*", one) for want, one in zip(pattern, parts, strict=True))


def _paging(plan: Plan, parts: list[str]) -> str:
    """A level without a policy pages nobody, each time that it is declared."""
    level = parts[1]
    return f"{'paged' if plan.severities[level].escalation else 'severity'}:{level}"


def _turn(plan: Plan, parts: list[str]) -> str:
    return f"person:{plan.rotations[parts[1]].people[int(parts[3]) - 1]}"


def _served(plan: Plan, parts: list[str]) -> str:
    return f"target:{plan.teams[parts[1]].rotation}"


def _layer_turn(plan: Plan, parts: list[str]) -> str:
    return f"person:{plan.rotations[parts[1]].layers[int(parts[3]) - 1].people[int(parts[5]) - 1]}"


def _rule(plan: Plan, parts: list[str]) -> str:
    return f"rule:{plan.rules[int(parts[1]) - 1].name}"


def _phase(plan: Plan, parts: list[str]) -> str:
    return f"milestone:{plan.phases[parts[1]].begins_when}"


def _activity(plan: Plan, parts: list[str]) -> str:
    """The item of the phase's checklist; for an activity that has items, that the phase was entered."""
    phase, place = plan.phases[parts[1]], ".".join(parts[3:])
    listed = list(_items(phase))
    return f"item:phase.{parts[1]}.{listed.index(place) + 1}" if place in listed else _phase(plan, parts)


def _items(phase: Phase) -> Iterator[str]:
    """Where each single action stands, in the order in which the checklist counts them."""
    for number, activity in enumerate(phase.actions, start=1):
        if not activity.items:
            yield str(number)
        yield from (f"{number}.items.{place}" for place in range(1, len(activity.items) + 1))


_E, _T, _G, _W = How.ENFORCED, How.TIMED, How.GUIDED, How.WRITTEN
_RULES: tuple[tuple[str, How, Trace], ...] = (  # the first that fits decides
    ("name", _W, None),
    ("version", _E, "declared"),  # an incident is held to the revision that it was declared under
    ("tocsin", _E, None),
    ("purpose", _W, None),
    ("scope.*", _W, None),
    ("declare_when.*", _G, "declared by a person"),
    ("include.*", _E, None),
    ("clauses.*", _E, "kind:{1}"),
    ("people.*", _E, "person:{1}"),
    ("teams.*", _E, "target:{1}"),
    ("teams.*.rotation", _E, _served),
    ("severities.*.acknowledge_within", _T, None),
    ("severities.*.resolve_within", _T, None),
    ("severities.*.roles_within.*", _T, None),
    ("severities.*.escalation", _E, _paging),
    ("severities.*.silent_after", _T, None),
    ("severities.*.snooze_most", _E, "snoozed:{1}"),
    ("severities.*.resolves_itself_after", _T, None),
    ("severities.*.post_mortem", _E, "resolved:{1}"),
    ("severities.*.public_impact", _E, "shown:{1}"),
    ("severities.*.error_rate", _E, "banded:{1}"),
    ("severities.*.slowdown", _E, "slowed:{1}"),
    ("severities.*.response", _W, None),
    ("severities.*.requires.*", _W, None),
    ("severities.**", _G, "severity:{1}"),  # its name, its definition and its examples, where a level is chosen
    ("escalation.*.steps.*", _T, None),
    ("escalation.*.rounds", _E, "round:{1}"),
    ("escalation.*", _E, "policy:{1}"),
    ("roles.*.fallback", _W, None),
    ("roles.*.rotation", _W, None),
    ("roles.**", _G, "role:{1}"),  # where a role is filled: its name, its duties, who is eligible
    ("rotations.*.duties.*", _W, None),
    ("rotations.*.handed_over.*", _W, None),
    ("rotations.*.handing_over.*", _W, None),
    ("rotations.*.people.*", _E, _turn),
    ("rotations.*.layers.*.people.*", _E, _layer_turn),
    ("rotations.**", _E, "target:{1}"),
    ("phases.*.actions.**", _G, _activity),
    ("phases.*.confirm.*", _G, "item:phase.{1}.confirm.{3}"),
    ("phases.*.ends_when.*", _G, None),
    ("phases.*.tells.*", _W, None),
    ("phases.*.tools.*", _W, None),
    ("phases.*.triggers", _W, None),
    ("phases.**", _G, _phase),
    ("types.*.private", _E, "type:{1}"),
    ("types.*.actions.*", _G, "item:type.{1}.{3}"),
    ("types.**", _G, "type:{1}"),
    ("resolution.strategies.*", _G, "strategy:{2}"),
    ("resolution.verification.*", _E, "check:{2}"),
    ("services.*.probes.*", _T, None),
    ("services.*.probes.**", _E, "look:{1}/{3}"),
    ("vendors.*.probes.*", _T, None),
    ("vendors.*.probes.**", _E, "look:{1}/{3}"),
    ("services.*.measures.*", _T, None),
    ("services.*.measures.**", _E, "look:{1}/{3}"),
    ("services.*.logs.*", _T, None),
    ("services.*.logs.**", _E, "look:{1}/{3}"),
    ("services.*.journeys.*", _T, None),
    ("services.*.journeys.**", _E, "look:{1}/{3}"),
    ("services.*.heartbeats.*", _T, None),
    ("services.*.heartbeats.**", _E, "look:{1}/{3}"),
    ("services.*.components.*", _E, "component:{1}/{3}"),
    ("services.*", _E, "service:{1}"),
    ("services.*.rotation", _E, "on call for:{1}"),
    ("services.*.team", _E, "on call for:{1}"),
    ("services.**", _W, None),
    ("vendors.*.look_every", _T, None),
    ("vendors.**", _W, None),
    ("senders.**", _E, None),
    ("rules.*", _E, _rule),
    ("communication.channels.chat.habits.*", _W, None),
    ("communication.channels.chat.**", _E, "channel"),
    ("communication.channels.call.**", _E, "call"),
    ("communication.channels.**", _W, None),
    ("communication.audiences.*.cadence.*", _T, None),
    ("communication.audiences.*.guidance.*", _W, None),
    ("communication.audiences.*.public", _E, "told:{2}"),
    ("communication.audiences.*.to", _E, "told:{2}"),
    ("communication.audiences.*.clause", _E, "told:{2}"),
    ("communication.audiences.**", _G, "told:{2}"),
    ("communication.plain_words.*", _G, None),
    ("communication.networks.*", _G, None),
    ("communication.stages.*", _G, "stage:{2}"),
    ("communication.subscribe_by.*", _E, None),
    ("status_page.**", _E, None),  # how the public page looks is how it is shown
    ("templates.*", _G, "template:{1}"),
    ("recovery.owner", _G, "resolved"),
    ("recovery.watch_for", _E, None),  # nobody has to do it: the watch passes, or it is reopened
    ("recovery.confirm.*", _E, "confirm:{2}"),
    ("recovery.close_requires.*", _E, "closed"),
    ("recovery.notice", _G, "notice"),
    ("review.meeting_within", _T, None),
    ("review.sections.*", _E, None),  # a document without the required ones is not made final
    ("review.horizons.**", _W, None),
    ("review.**", _G, "post-mortem"),
    ("reminders.before.*", _E, "reminded:{2}"),
    ("reminders.overdue_to", _E, "overdue"),
    ("paging.reached_within", _W, None),  # it is measured and published; nothing is done about it
    ("paging.**", _E, None),
    ("reports.**", _E, None),
    ("flapping.**", _E, None),
    ("metrics.**", _W, None),
    ("links.*", _G, None),
    ("history.*", _W, None),
)
