"""Why a signal was paged, or not: what the rules said of it, and what followed on the record."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.db.engine import Tx
from tocsin.incidents import confidential, sentences, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
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
from tocsin.signals import explaining, flapping, history, silences
from tocsin.signals import store as signals
from tocsin.signals.explaining import Explanation
from tocsin.signals.history import Said
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
    history: tuple[Said, ...] = ()  # the latest first


def explain(tx: Tx, signal_id: str, text: str | None = None) -> Explained:
    """Why this signal was paged, or not; with the text of a plan, what that would make of it. Raises BadPlan."""
    signal = signals.load(tx, signal_id)
    plan, revision = _plan(tx, signal, text)
    found = explaining.explain(Rules(plan), signals.as_arrival(signal))
    incident, timeline = _record(tx, signal)
    followed = list(_followed(signal, timeline))
    own = [one.entry for one in followed if isinstance(one.entry, SeverityChanged | Reopened)]
    told = plans.load(tx, incident.plan_revision) if incident else plan
    return Explained(
        signal=signal,
        plan=f"{plan.name} {plan.version}",
        revision=revision,
        rules=found,
        verdict=_verdict(told, signal, incident, [one.entry for one in timeline], own),
        differs=_differs(signal, found, tried=text is not None),
        incident=incident,
        joined=_joined(signal, found, incident) if incident else "",
        followed=tuple(
            Followed(one.number, one.entry.at, sentences.sentence(told, one.entry)) for one in followed[:FOLLOWED_MOST]
        ),
        more=max(0, len(followed) - FOLLOWED_MOST),
        silence=silences.load(tx, signal.silence_id) if signal.silence_id else None,
        flapping=flapping.told(signal.flapping_since, signal.calm_at),
        history=tuple(history.read(signal.history)),
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


def _verdict(
    plan: Plan,
    signal: Signal,
    incident: Incident | None,
    entries: Sequence[AnyEntry],
    own: Sequence[SeverityChanged | Reopened],
) -> str:
    """The answer, in a sentence. `own` is what the signal itself made of the incident after it was declared."""
    if signal.disposition is Disposition.SILENCED:
        return f"Nobody was paged. {signal.why}"
    if incident is None:
        return f"Nobody was paged{_unanswered(signal)}"
    number, pages = f"#{incident.number}", [one for one in entries if isinstance(one, Paged) and one.people]
    if not pages:
        if _pages_nobody(plan, incident.severity):
            return f"Nobody was paged: under the plan, {incident.severity} pages nobody."
        return f"Nobody was paged for {number} yet."
    declares = signal.disposition is Disposition.DECLARED
    at_first = next((one.severity for one in entries if isinstance(one, Declared)), incident.severity)
    if declares and not _pages_nobody(plan, at_first):
        return f"{_people(plan, pages[0])} paged for it at {utc(pages[0].at)}."
    for change in own:
        if page := next((one for one in pages if one.at == change.at), None):
            did = f"opened {number} again" if isinstance(change, Reopened) else f"raised {number} to {change.severity}"
            return f"It {did}, and {_people(plan, page)} paged for that at {utc(page.at)}."
    if declares:
        return (
            f"Nobody was paged for it by itself: it declared {number} as {at_first}, which pages nobody. "
            f"{_people(plan, pages[0])} paged at {utc(pages[0].at)}, when that was worse."
        )
    return (
        f"Nobody was paged for it by itself: it is on {number}, for which "
        f"{_people(plan, pages[0])} paged at {utc(pages[0].at)}."
    )


def _people(plan: Plan, page: Paged) -> str:
    return listed(words.name(plan, one) for one in page.people) + (" was" if len(page.people) == 1 else " were")


def _pages_nobody(plan: Plan, severity: str) -> bool:
    level = plan.severities.get(severity)
    return level is not None and level.escalation is None


def _unanswered(signal: Signal) -> str:
    if signal.disposition is Disposition.WAITING:
        return ": no rule of the plan matches, and it waits for a person to decide."
    return f". {signal.why}" if signal.why else f": it is {signal.disposition}."


def _differs(signal: Signal, found: Explanation, *, tried: bool) -> str:
    """A person may have decided instead, or the signal may have come with other words since."""
    if not tried and signal.disposition is Disposition.CLEARED and signal.decided_at is None:
        return "No rule was asked, for it never fired here. This is what the rules say of its words."
    if tried or signal.disposition not in (Disposition.DECLARED, Disposition.ATTACHED, Disposition.WAITING):
        return ""
    return (
        "" if signal.why.startswith(found.decision.why) else f"It was decided otherwise then: {clip(signal.why, 300)}"
    )
