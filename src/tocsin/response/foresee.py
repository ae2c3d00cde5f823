"""What a change of the plan would have meant for what is on the record, and who is on call for the coming weeks.

Both plans replay the same record: each signal is routed by the rules of both, and each incident is looked at as it was
when it was declared. So only what the change itself does is told, whatever people decided later. A signal is kept as it
was last seen, and that is what is replayed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise, zip_longest

from tocsin.db.engine import Tx
from tocsin.incidents import folding, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Numbered, SignalAttached, Status
from tocsin.incidents.owed import owed
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import listed, span
from tocsin.obligations.model import Duty, Kind
from tocsin.oncall import store as oncall
from tocsin.oncall.model import Override, Shift
from tocsin.oncall.schedule import Rotas
from tocsin.paging.reach import whom_to_page
from tocsin.plan.consequences import Consequence, Weight
from tocsin.plan.consequences import Kind as About
from tocsin.plan.model import Plan
from tocsin.signals import store as signals
from tocsin.signals.routing import Route, Rules
from tocsin.signals.store import Signal

INCIDENTS_MOST = 1000  # the newest are looked at
SIGNALS_MOST = 1000  # as many again are asked for one by one if incidents began with older ones
AT_A_TIME = 100  # timelines in memory
WEEKS = 8
TURNS_TOLD = 5  # of each rotation; the others are counted
NAMED = 3  # incidents that a sentence names; the others are counted


def foresee(tx: Tx, old: Plan, new: Plan, *, since: timedelta) -> list[Consequence]:
    """What the change would have done to the record of this last stretch of time, and does to who is on call.

    The newest thousand incidents and the newest thousand signals are replayed; sentences gather what is alike.
    """
    start = tx.now - since
    seen = {one.id: one for one in signals.recent(tx, SIGNALS_MOST) if one.last_at >= start}
    overrides = oncall.overrides(tx, start)
    replay = _Replay(old, new, seen, overrides)
    found = list(_incidents(replay, tx, start))
    return [
        *on_call(old, new, start=tx.now, overrides=overrides),
        *_declarations(replay, found),
        *_other_signals(replay, {one.signal_id for one in found}),
        *_paging(replay, found),
        *_obligations(replay, found),
    ]


# ---- Who is on call --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Turn:
    """A stretch of time in which the two plans have different people on call."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


def on_call(
    old: Plan, new: Plan, *, start: datetime, weeks: int = WEEKS, overrides: tuple[Override, ...] = ()
) -> list[Consequence]:
    """Who goes on or off call, and when, for so many weeks from an instant. Needs no record."""
    end = start + timedelta(weeks=weeks)
    found: list[Consequence] = []
    for name in dict.fromkeys([*old.rotations, *new.rotations]):
        before, after = (_shifts(Rotas(one.rotations, overrides), name, start, end) for one in (old, new))
        turns = _turns(before, after, start, end)
        path = f"rotations.{name}"
        told = [_turn(new if one.after else old, name, one, end) for one in turns[:TURNS_TOLD]]
        if more := len(turns) - TURNS_TOLD:
            told += [f"In {name} {more} more turns differ until {_moment(end)}."] if more > 0 else []
        found += [Consequence(About.ON_CALL, path, sentence) for sentence in told]
    return found


def _shifts(rotas: Rotas, rotation: str, start: datetime, end: datetime) -> list[Shift]:
    return rotas.clipped(rotation, start, end) if rotation in rotas.rotations else []


def _turns(old: Sequence[Shift], new: Sequence[Shift], start: datetime, end: datetime) -> list[_Turn]:
    before, after = _holders(old), _holders(new)
    found: list[_Turn] = []
    marks = sorted({start, end, *before, *after})
    holder: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    for at, until in pairwise(marks):
        holder, other = before.get(at, holder), after.get(at, other)
        if holder == other:
            continue
        if found and found[-1].ends_at == at and (found[-1].before, found[-1].after) == (holder, other):
            found[-1] = replace(found[-1], ends_at=until)
        else:
            found.append(_Turn(holder, other, at, until))
    return found


def _holders(shifts: Sequence[Shift]) -> dict[datetime, tuple[str, ...]]:
    """Who takes over at each handoff; nobody, where a gap begins."""
    return {one.ends_at: () for one in shifts} | {one.starts_at: one.people for one in shifts}


def _turn(plan: Plan, rotation: str, turn: _Turn, end: datetime) -> str:
    until = f", until {_moment(turn.ends_at)}" if turn.ends_at < end else ", for as far as was looked ahead"
    since = f"{rotation} from {_moment(turn.starts_at)}"
    if not turn.after:
        return f"{_names(plan, turn.before)} off call in {since}{until}; nobody follows."
    instead = f" instead of {listed(words.name(plan, one) for one in turn.before)}" if turn.before else ""
    return f"{_names(plan, turn.after)} on call in {since}{instead}{until}."


def _names(plan: Plan, people: tuple[str, ...]) -> str:
    return f"{listed(words.name(plan, one) for one in people)} {'goes' if len(people) == 1 else 'go'}"


def _moment(instant: datetime) -> str:
    return f"{instant:%a} {instant.day} {instant:%b %Y %H:%M} UTC"


# ---- The replay ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a plan makes of the beginning of an incident. `severity` is None if nothing would have been declared; `why`
    says then which word the plan lacks, if it is that."""

    severity: str | None
    type: str = ""
    rule: str = ""
    why: str = ""


@dataclass(frozen=True)
class _Found:
    """An incident as it was at its declaration, the signal that declared it, if any, and what each plan makes of it."""

    incident: Incident
    signal_id: str | None
    before: Outcome
    after: Outcome

    @property
    def in_both(self) -> bool:
        return self.before.severity is not None and self.after.severity is not None


@dataclass(frozen=True)
class _Replay:
    old: Plan
    new: Plan
    signals: Mapping[str, Signal]  # the newest
    overrides: tuple[Override, ...] = ()

    @cached_property
    def rotas(self) -> tuple[Rotas, Rotas]:
        return Rotas(self.old.rotations, self.overrides), Rotas(self.new.rotations, self.overrides)

    @cached_property
    def same_rules(self) -> bool:
        return self.old.rules == self.new.rules

    @cached_property
    def _rules(self) -> tuple[Rules, Rules]:
        return Rules(self.old), Rules(self.new)

    def outcomes(self, signal: Signal) -> tuple[Outcome, Outcome]:
        return called_for(self._rules[0], signal), called_for(self._rules[1], signal)

    def incident(self, tx: Tx, incident_id: str, timeline: Sequence[Numbered]) -> _Found:
        first = folding.begun(incident_id, timeline[0])
        attached = next((one.entry.signal_id for one in timeline if isinstance(one.entry, SignalAttached)), None)
        if attached is None or first.declared_by != SYSTEM.handle:
            said = Outcome(first.severity, first.type)  # people declare what they see, whatever the rules say
            return _Found(first, None, _known(self.old, said), _known(self.new, said))
        signal = self.signals.get(attached) or signals.seen(tx, attached)
        if signal is None:  # by now it is on an incident that is confidential
            said = Outcome(first.severity, first.type)
            return _Found(first, None, _known(self.old, said), _known(self.new, said))
        return _Found(first, attached, *self.outcomes(signal))


def outcome(tx: Tx, old: Plan, new: Plan, incident_id: str, timeline: Sequence[Numbered]) -> Outcome:
    """What another plan makes of the beginning of one incident that the old one runs."""
    return _Replay(old, new, {}).incident(tx, incident_id, timeline).after


def _incidents(replay: _Replay, tx: Tx, start: datetime) -> Iterator[_Found]:
    known = [one.id for one in incidents.listing(tx, since=start, limit=INCIDENTS_MOST)]
    for place in range(0, len(known), AT_A_TIME):
        for incident_id, timeline in incidents.timelines(tx, known[place : place + AT_A_TIME]).items():
            yield replay.incident(tx, incident_id, timeline)


def called_for(rules: Rules, signal: Signal) -> Outcome:
    """What a plan's rules make of a signal."""
    return _known(rules.plan, _routed(rules.route(signals.as_arrival(signal))))


def _known(plan: Plan, outcome: Outcome) -> Outcome:
    """Nothing is declared in words that the plan does not have."""
    if outcome.severity is not None and outcome.severity not in plan.severities:
        return Outcome(None, why=f"the plan has no severity {outcome.severity}, only {listed(plan.severities)}")
    if outcome.severity is not None and outcome.type not in plan.types:
        return Outcome(None, why=f"the plan has no type {outcome.type}, only {listed(plan.types)}")
    return outcome


def _routed(found: object) -> Outcome:
    return Outcome(found.severity, found.type, found.rule) if isinstance(found, Route) else Outcome(None)


def _gathered(told: Iterable[tuple[Incident, Consequence]]) -> list[Consequence]:
    """What is alike in one sentence, with the incidents that it is about; its own sentence follows on them."""
    alike: dict[Consequence, list[Incident]] = defaultdict(list)
    for incident, one in told:
        alike[one].append(incident)
    return [replace(one, sentence=f"{_named(known)} {one.sentence}") for one, known in alike.items()]


def _named(known: Sequence[Incident]) -> str:
    names = [f"#{one.number} ({one.declared_at.day} {one.declared_at:%b})" for one in known[:NAMED]]
    if more := len(known) - len(names):
        names.append(f"{more} more")
    return f"{_incidents_word(len(known)).capitalize()} {listed(names)}"


def _weight(*, is_large: bool) -> Weight:
    return Weight.LARGE if is_large else Weight.SMALL


# ---- Declared, typed, ranked -----------------------------------------------------------------------------------------


def _declarations(replay: _Replay, found: Sequence[_Found]) -> list[Consequence]:
    differing = (one for one in found if not _alike(one.before, one.after))
    return _gathered((one.incident, _declaration(replay, one)) for one in differing)


def _alike(one: Outcome, other: Outcome) -> bool:
    return (one.severity, one.type) == (other.severity, other.type)


def _declaration(replay: _Replay, one: _Found) -> Consequence:
    before, after = one.before, one.after
    path = f"rules.{after.rule or before.rule}" if one.signal_id else "severities"
    if after.severity is None and one.signal_id is None:
        sentence = f"could no longer be declared as {before.severity} {before.type}: the plan lacks one of the words."
    elif after.severity is None:
        sentence = f"would not have been declared; now the rule \u201c{before.rule}\u201d does."
    else:
        sentence = f"would have been {_instead(before, after)}."
    return Consequence(About.ROUTING, path, sentence, _weight(is_large=_is_less(replay.new, before, after)))


def _instead(before: Outcome, after: Outcome) -> str:
    """`P0 instead of P1, by the rule …`."""
    changed = [
        f"{now} instead of {was}" if was else str(now)
        for was, now in ((before.severity, after.severity), (before.type, after.type))
        if was != now
    ]
    return listed(changed) + (f", by the rule \u201c{after.rule}\u201d" if after.rule else "")


def _is_less(plan: Plan, before: Outcome, after: Outcome) -> bool:
    """Whether something would be taken less seriously, or by nobody."""
    if after.severity is None or before.severity is None or before.severity not in plan.severities:
        return after.severity is None
    return plan.worse(before.severity, after.severity)


def _other_signals(replay: _Replay, declaring: set[str | None]) -> list[Consequence]:
    """Signals that declared nothing: they joined an incident, or waited for a person."""
    if replay.same_rules:
        return []
    counts: Counter[tuple[Outcome, Outcome]] = Counter()
    for signal in (one for one in replay.signals.values() if one.id not in declaring):
        before, after = replay.outcomes(signal)
        if not _alike(before, after):
            counts[before, after] += 1
    return [_signals(replay.new, count, before, after) for (before, after), count in counts.items()]


def _signals(plan: Plan, count: int, before: Outcome, after: Outcome) -> Consequence:
    who = f"{count} {'signal that declared' if count == 1 else 'signals that declared'} nothing"
    if after.severity is None:
        sentence = f"{who} would wait for a person instead of calling for {before.severity} {before.type}."
    elif before.severity is None:
        called = f"{after.severity} {after.type}, by the rule \u201c{after.rule}\u201d"
        sentence = f"{who} would have called for {called}, instead of waiting for a person."
    else:
        sentence = f"{who} would have called for {_instead(before, after)}."
    path = f"rules.{after.rule or before.rule}"
    return Consequence(About.ROUTING, path, sentence, _weight(is_large=_is_less(plan, before, after)))


# ---- Paged -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rung:
    """Whom one step would have paged, and how long after the declaration."""

    people: tuple[str, ...]
    after: timedelta


def _paging(replay: _Replay, found: Sequence[_Found]) -> list[Consequence]:
    told = ((one.incident, _paged(replay, one)) for one in found if one.in_both)
    return _gathered((incident, one) for incident, one in told if one)


def _paged(replay: _Replay, one: _Found) -> Consequence | None:
    before, after = (
        _ladder(plan, rotas, replace(one.incident, type=outcome.type), outcome)
        for plan, rotas, outcome in zip((replay.old, replay.new), replay.rotas, (one.before, one.after), strict=True)
    )
    if before == after:
        return None
    sentence = "would have paged nobody." if not after else f"would have paged {_first_other(replay, before, after)}."
    path = f"severities.{one.after.severity}.escalation"
    return Consequence(About.PAGING, path, sentence, _weight(is_large=not after))


def _ladder(plan: Plan, rotas: Rotas, incident: Incident, outcome: Outcome) -> list[_Rung]:
    """One round of the severity's policy, as it would have been climbed from the declaration."""
    policy = plan.severities[str(outcome.severity)].escalation
    rungs, waited = [], timedelta()
    for step in plan.escalation[policy].steps if policy else ():
        choices = whom_to_page(plan, rotas, incident, step.page, incident.declared_at + waited)
        rungs.append(_Rung(next(iter(choices), ()), waited))
        waited += step.wait
    return rungs


def _first_other(replay: _Replay, before: Sequence[_Rung], after: Sequence[_Rung]) -> str:
    """The first step at which the two part."""
    was, now = next(pair for pair in zip_longest(before, after) if pair[0] != pair[1])
    return f"{_rung(replay.new, now)} instead of {_rung(replay.old, was)}"


def _rung(plan: Plan, rung: _Rung | None) -> str:
    if rung is None:
        return "nobody further"
    when = f"after {span(rung.after)}" if rung.after else "at once"
    return f"{listed(words.name(plan, one) for one in rung.people)} {when}"


# ---- Owed ------------------------------------------------------------------------------------------------------------

_OWED = {
    Kind.ACKNOWLEDGE: ("an acknowledgement", "severities"),
    Kind.RESOLVE: ("a resolution", "severities"),
    Kind.WATCH: ("the end of the watch", "recovery.watch_for"),
    Kind.REVIEW: ("a post-mortem", "review"),
}


@dataclass(frozen=True)
class _Owed:
    """Something that would be owed: what, and where the plan says so."""

    what: str
    path: str
    since: str = ""


@dataclass(frozen=True)
class _Otherwise:
    """The same duty under both plans, by how soon; None where it would not be owed."""

    owed: _Owed
    before: timedelta | None
    after: timedelta | None


def _obligations(replay: _Replay, found: Sequence[_Found]) -> list[Consequence]:
    """How many incidents would have owed something else, or by another time, at their declaration and after the fix."""
    alike: dict[tuple[Outcome, Outcome], list[_Found]] = defaultdict(list)
    for one in found:
        if one.in_both:
            alike[replace(one.before, rule=""), replace(one.after, rule="")].append(one)
    counts: Counter[_Otherwise] = Counter()
    for many in alike.values():  # what is owed at the declaration hangs on the level and the type alone
        for otherwise in _owed_otherwise(replay, many[0]):
            counts[otherwise] += len(many)
    total = sum(map(len, alike.values()))
    return [_obligation(one, f"{count} of {total} {_incidents_word(total)}") for one, count in counts.items()]


def _incidents_word(count: int) -> str:
    return "incident" if count == 1 else "incidents"


def _owed_otherwise(replay: _Replay, one: _Found) -> Iterator[_Otherwise]:
    before, after = _duties(replay.old, one.incident, one.before), _duties(replay.new, one.incident, one.after)
    for duty in dict.fromkeys([*before, *after]):
        if before.get(duty) != after.get(duty):
            yield _Otherwise(duty, before.get(duty), after.get(duty))


def _duties(plan: Plan, incident: Incident, outcome: Outcome) -> dict[_Owed, timedelta]:
    """What the incident would owe when it is declared, and what it would owe once it is fixed; and how soon."""
    begun = replace(incident, severity=str(outcome.severity), type=outcome.type)
    fixed = replace(begun, status=Status.WATCHING, resolved_at=begun.declared_at)
    moments = (("", begun), (" of the fix", fixed))
    return {
        _owed(plan, duty, since): duty.due_at - begun.declared_at
        for since, moment in moments
        for duty in owed(plan, moment).values()
    }


def _owed(plan: Plan, duty: Duty, since: str) -> _Owed:
    match duty.kind:
        case Kind.ROLE:
            role = duty.key.partition(":")[2]
            return _Owed(f"a {plan.roles[role].name.lower()}", "severities", since)
        case Kind.UPDATE:
            audience = plan.communication.audiences[duty.audience].name
            word = "last" if since else "first"
            return _Owed(f"a {word} update to {audience}", f"communication.audiences.{duty.audience}", since)
        case _:
            return _Owed(*_OWED[duty.kind], since)


def _obligation(one: _Otherwise, who: str) -> Consequence:
    duty, before, after = one.owed, one.before, one.after
    if after is None:
        sentence = f"{who} would not have owed {duty.what}."
        return Consequence(About.OBLIGATION, duty.path, sentence, Weight.LARGE)
    within = f"{duty.what} within {span(after)}{duty.since}"
    if before is None:
        return Consequence(About.OBLIGATION, duty.path, f"{who} would also have owed {within}.")
    sentence = f"{who} would have owed {within} instead of {span(before)}."
    return Consequence(About.DEADLINE, duty.path, sentence, _weight(is_large=after > before))
