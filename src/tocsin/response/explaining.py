"""Why a signal was paged, or not: what the rules said of it, and what followed on the record."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.db.engine import Tx
from tocsin.incidents import confidential, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    Acknowledged,
    Declared,
    Escalated,
    Incident,
    Numbered,
    Paged,
    Reopened,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    Undelivered,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import clip, listed, utc
from tocsin.plan import check
from tocsin.plan import store as plans
from tocsin.plan.commands import BadPlan
from tocsin.plan.model import Plan
from tocsin.signals import explaining, flapping, silences
from tocsin.signals import store as signals
from tocsin.signals.explaining import Explanation
from tocsin.signals.routing import Route, Rules
from tocsin.signals.silencing import Silence
from tocsin.signals.store import Disposition, Signal

FOLLOWED_MOST = 50
REACHING = (Paged, Escalated, Undelivered, Acknowledged)


@dataclass(frozen=True)
class Followed:
    """An entry of the incident's record that followed from the signal, in words."""

    entry: int
    at: datetime
    sentence: str


@dataclass(frozen=True)
class Explained:
    """`differs` says so where these rules decide otherwise than was decided; empty where they agree."""

    signal: Signal
    plan: str
    revision: str | None  # None: a plan that somebody tries
    rules: Explanation
    verdict: str
    differs: str
    incident: Incident | None
    joined: str
    followed: tuple[Followed, ...]
    more: int  # entries that are not among those
    silence: Silence | None = None  # what holds it back, or did last
    flapping: str = ""


def explain(tx: Tx, signal_id: str, text: str | None = None) -> Explained:
    """Why this signal was paged, or not; with the text of a plan, what that would make of it. Raises BadPlan."""
    signal = signals.load(tx, signal_id)
    plan, revision = _plan(tx, signal, text)
    found = explaining.explain(Rules(plan), signals.as_arrival(signal))
    incident, timeline = _record(tx, signal)
    followed = list(_followed(signal, timeline))
    told = plans.load(tx, incident.plan_revision) if incident else plan
    return Explained(
        signal=signal,
        plan=f"{plan.name} {plan.version}",
        revision=revision,
        rules=found,
        verdict=_verdict(told, signal, incident, timeline),
        differs=_differs(signal, found, tried=text is not None),
        incident=incident,
        joined=_joined(signal, found, incident) if incident else "",
        followed=tuple(
            Followed(one.number, one.entry.at, words.sentence(told, one.entry)) for one in followed[:FOLLOWED_MOST]
        ),
        more=max(0, len(followed) - FOLLOWED_MOST),
        silence=silences.load(tx, signal.silence_id) if signal.silence_id else None,
        flapping=flapping.told(signal.flapping_since, signal.calm_at),
    )


def _plan(tx: Tx, signal: Signal, text: str | None) -> tuple[Plan, str | None]:
    """The plan that is tried, or whose rules decided; a signal of an earlier release is asked of the one in force."""
    if text is None:
        revision = signal.plan_revision or plans.current_id(tx)
        return plans.load(tx, revision), revision
    plan = check.load(text)
    if isinstance(plan, list):
        raise BadPlan(plan)
    return plan, None


def _record(tx: Tx, signal: Signal) -> tuple[Incident | None, Sequence[Numbered]]:
    if signal.incident_id is None:
        return None, ()
    return incidents.load(tx, signal.incident_id), incidents.timeline(tx, signal.incident_id)


def _followed(signal: Signal, timeline: Iterable[Numbered]) -> Iterator[Numbered]:
    """What the record says of the signal itself, of what it changed at once, and of whom the incident reached."""
    changed_at: datetime | None = None
    for one in timeline:
        entry = one.entry
        if isinstance(entry, SignalAttached | SignalCleared | SignalFlapped):
            is_own = entry.signal_id == signal.id
            changed_at = entry.at if is_own else None
            if is_own:
                yield one
        elif isinstance(entry, SeverityChanged | Reopened):
            if entry.by == SYSTEM.handle and entry.at == changed_at:
                yield one
        elif isinstance(entry, (Declared, *REACHING)):
            yield one


def _joined(signal: Signal, found: Explanation, incident: Incident) -> str:
    """Why it is on this incident and no other."""
    name = f"#{incident.number}, {confidential.heading(incident)}"
    if signal.disposition is Disposition.DECLARED:
        return f"It declared {name}."
    if signal.disposition is not Disposition.ATTACHED:
        return f"It is on {name}."
    route = found.decision
    if not isinstance(route, Route):
        return f"It joined {name}."
    if (route.type, route.service) != (incident.type, incident.service):
        return f"It joined {name}. {signal.why.removeprefix(route.why).strip()}".rstrip()
    what = f"{incident.type} of {incident.service}" if incident.service else incident.type
    return f"It joined {name}: an incident of its type and service ({what}) was not over yet."


def _verdict(plan: Plan, signal: Signal, incident: Incident | None, timeline: Sequence[Numbered]) -> str:
    """The answer, in a sentence."""
    if signal.disposition is Disposition.SILENCED:
        return f"Nobody was paged. {signal.why}"
    if incident is None:
        return f"Nobody was paged: {_unanswered(signal)}"
    pages = [one.entry for one in timeline if isinstance(one.entry, Paged) and one.entry.people]
    if not pages:
        level = plan.severities.get(incident.severity)
        if level is not None and level.escalation is None:
            return f"Nobody was paged: under the plan, {incident.severity} pages nobody."
        return f"Nobody was paged for #{incident.number} yet."
    first = pages[0]
    people = listed(words.name(plan, one) for one in first.people) + (" was" if len(first.people) == 1 else " were")
    if signal.disposition is Disposition.DECLARED:
        return f"{people} paged for it at {utc(first.at)}."
    return (
        f"Nobody was paged for it by itself: it is on #{incident.number}, for which {people} paged at {utc(first.at)}."
    )


def _unanswered(signal: Signal) -> str:
    if signal.disposition is Disposition.WAITING:
        return "no rule of the plan matches, and it waits for a person to decide."
    return signal.why or f"it is {signal.disposition}."


def _differs(signal: Signal, found: Explanation, *, tried: bool) -> str:
    """A person may have decided instead, or the signal may have come with other words since."""
    if tried or signal.disposition not in (Disposition.DECLARED, Disposition.ATTACHED, Disposition.WAITING):
        return ""
    return (
        "" if signal.why.startswith(found.decision.why) else f"It was decided otherwise then: {clip(signal.why, 300)}"
    )
