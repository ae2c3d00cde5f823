"""A plan's rules, tried on what reached us lately, beside what was made of it then."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.db.engine import Tx
from tocsin.people import access
from tocsin.plan import check
from tocsin.plan import store as plans
from tocsin.plan.commands import BadPlan
from tocsin.plan.model import Plan
from tocsin.response import subsiding
from tocsin.response.foresee import Outcome, called_for
from tocsin.response.subsiding import Ending
from tocsin.signals import store as signals
from tocsin.signals.routing import Route, Rules
from tocsin.signals.store import Signal

SIGNALS_MOST = 5000  # the newest
EXAMPLES = 3


@dataclass(frozen=True)
class Tally:
    """How many signals a rule decides under either plan; without a name, how many none decides."""

    rule: str
    before: int
    after: int


@dataclass(frozen=True)
class Change:
    """Signals of which the plan makes something else, all in the same way."""

    before: Outcome
    after: Outcome
    count: int
    is_less: bool  # taken less seriously, or by nobody
    examples: tuple[Signal, ...]


@dataclass(frozen=True)
class Trial:
    """`is_whole` says whether every signal of the time was tried, and not only the newest."""

    plan: str
    since: datetime
    signals: int
    is_whole: bool
    tallies: tuple[Tally, ...]
    changes: tuple[Change, ...]
    endings: tuple[Ending, ...] = ()  # only where the plan has incidents that resolve themselves


def try_rules(tx: Tx, text: str, since: datetime, until: datetime, *, most: int = SIGNALS_MOST) -> Trial:
    """What this plan's rules make of the signals last heard in a time, and what the rules that decided made of them.

    At most so many are tried, the newest. Raises BadPlan.
    """
    access.require(tx.actor, access.PLAN_READ)
    access.require(tx.actor, access.INCIDENT_READ)
    plan = check.load(text)
    if isinstance(plan, list):
        raise BadPlan(plan)
    found = [one for one in signals.recent(tx, most + 1, before=until) if one.last_at >= since]
    tried = found[:most]
    judged = list(_judged(tx, plan, tried))
    return Trial(
        plan=f"{plan.name} {plan.version}",
        since=since,
        signals=len(tried),
        is_whole=len(found) <= most,
        tallies=_tallies(plan, judged),
        changes=_changes(plan, judged),
        endings=_endings(plan, tried, tx.now),
    )


def _endings(plan: Plan, tried: Iterable[Signal], now: datetime) -> tuple[Ending, ...]:
    if not subsiding.is_asked(plan):
        return ()
    rules = Rules(plan)
    routed = ((one, rules.route(signals.as_arrival(one))) for one in tried)
    known = ((one, found) for one, found in routed if isinstance(found, Route) and found.severity in plan.severities)
    return subsiding.endings(plan, known, now)


_Judged = tuple[Signal, Outcome, Outcome]


def _judged(tx: Tx, plan: Plan, tried: Iterable[Signal]) -> Iterable[_Judged]:
    after, current = Rules(plan), plans.current_id(tx)
    known: dict[str, Rules] = {}
    for one in tried:
        revision = one.plan_revision or current
        if revision not in known:
            known[revision] = Rules(plans.load(tx, revision))
        yield one, called_for(known[revision], one), called_for(after, one)


def _tallies(plan: Plan, judged: Iterable[_Judged]) -> tuple[Tally, ...]:
    """In the order in which the plan asks its rules; then those that it no longer has, and what no rule decides."""
    before, after = Counter[str](), Counter[str]()
    for _, was, now in judged:
        before[was.rule] += 1
        after[now.rule] += 1
    names = dict.fromkeys([*(rule.name for rule in plan.ranked_rules()), *sorted(before - Counter({"": before[""]}))])
    return tuple(Tally(name, before[name], after[name]) for name in (*names, ""))


def _changes(plan: Plan, judged: Iterable[_Judged]) -> tuple[Change, ...]:
    """What is taken less seriously comes first, and then what concerns most signals."""
    alike: dict[tuple[Outcome, Outcome], list[Signal]] = defaultdict(list)
    for one, was, now in judged:
        if (was.severity, was.type) != (now.severity, now.type):
            alike[was, now].append(one)
    found = [
        Change(was, now, len(those), _is_less(plan, was, now), tuple(those[:EXAMPLES]))
        for (was, now), those in alike.items()
    ]
    return tuple(sorted(found, key=lambda one: (not one.is_less, -one.count)))


def _is_less(plan: Plan, was: Outcome, now: Outcome) -> bool:
    if now.severity is None or was.severity is None or was.severity not in plan.severities:
        return now.severity is None
    return plan.worse(was.severity, now.severity)


def sentence(one: Change) -> str:
    """`3 signals would wait for a person instead of calling for P0 outage.`"""
    who = f"{one.count} signal{'' if one.count == 1 else 's'}"
    was, now = _called(one.before), _called(one.after)
    if one.after.severity is None:
        why = f": {one.after.why}" if one.after.why else ""
        return f"{who} would wait for a person instead of calling for {was}{why}."
    if one.before.severity is None:
        return f"{who} would have called for {now} instead of waiting for a person."
    return f"{who} would have called for {now} instead of {was}."


def _called(one: Outcome) -> str:
    return f"{one.severity} {one.type} (\u201c{one.rule}\u201d)" if one.severity else "nothing"
