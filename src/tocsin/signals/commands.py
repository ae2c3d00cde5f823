"""Holding signals back for a time, and ending that early."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db.engine import Tx
from tocsin.kit.errors import Refused
from tocsin.kit.ids import new_id
from tocsin.kit.text import listed, utc
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.signals import silences, silencing, store
from tocsin.signals.model import State
from tocsin.signals.routing import Route, Rules, words_of
from tocsin.signals.silencing import Matcher, Phase, Silence
from tocsin.signals.store import Signal

PREVIEWED = timedelta(days=7)
NAMED = 4  # in a sentence; the others are counted
PREVIEW_MOST = 2000  # signals that are looked at, the newest


class HoldsBackTheWorst(Refused):
    """This may hold back what the plan takes most seriously. If that is meant, say so."""


class OverAlready(Refused):
    """This is over already."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A silence as somebody asks for it. Without a start it begins now; with a service it is a maintenance window."""

    matchers: tuple[Matcher, ...] = ()
    service: str | None = None
    components: tuple[str, ...] = ()
    title: str = ""
    text: str = ""
    starts_at: datetime | None = None
    ends_at: datetime
    because: str


@dataclass(frozen=True)
class Meant:
    """A signal that a silence would hold back, and what the rules in force make of it."""

    signal: Signal
    severity: str | None
    is_worst: bool


@dataclass(frozen=True)
class Preview:
    """What a silence would hold back of the signals that fire now, or were heard within a week."""

    silence: Silence
    firing: tuple[Meant, ...]
    earlier: tuple[Meant, ...]
    looked_at: int
    worst: str  # the severity that the plan puts first
    worst_rules: tuple[str, ...]  # whose signals it holds back

    @property
    def is_grave(self) -> bool:
        return bool(self.worst_rules) or any(one.is_worst for one in (*self.firing, *self.earlier))

    @property
    def warning(self) -> str:
        """What it would hold back of the worst severity, in a sentence or two; empty if nothing is known."""
        rules = [f"the rule \u201c{one}\u201d" for one in self.worst_rules]
        seen = [f"\u201c{one.signal.title}\u201d" for one in (*self.firing, *self.earlier) if one.is_worst]
        declare = "declares" if len(rules) == 1 else "declare"
        by_rule = f"It holds back {self.worst}, as {_several(rules)} {declare} it." if rules else ""
        of_late = f"It holds back {self.worst} that was heard this week: {_several(seen)}." if seen else ""
        return " ".join(filter(None, (by_rule, of_late)))


def silence(tx: Tx, wanted: Wanted, *, accept_worst: bool = False) -> Silence:
    """Hold back what matches, from its start to its end.

    Raises HoldsBackTheWorst, unless that is accepted, for what would hold back signals of the worst severity.
    """
    access.require(tx.actor, access.INCIDENT_WRITE)
    found = preview(tx, wanted)
    if found.is_grave and not accept_worst:
        raise HoldsBackTheWorst(f"{found.warning} If that is meant, say so.")
    silences.add(tx, found.silence)
    audit.record(tx, Deed.SILENCED, found.silence.id, f"until {utc(found.silence.ends_at)}")
    return found.silence


def end_silence(tx: Tx, silence_id: str) -> Silence:
    """End it before its time; what it holds back and still fires is decided at once."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    found = silences.load(tx, silence_id)
    if found.phase(tx.now) is Phase.PAST:
        raise OverAlready
    silences.end(tx, silence_id)
    audit.record(tx, Deed.UNSILENCED, silence_id)
    return replace(found, ended_at=tx.now, ended_by=tx.actor.handle)


def extend_silence(tx: Tx, silence_id: str, ends_at: datetime, *, accept_worst: bool = False) -> Silence:
    """Let it end later than it would; what it holds back goes on being held.

    Raises HoldsBackTheWorst, unless that is accepted, as for a new one: what was heard since counts too.
    """
    access.require(tx.actor, access.INCIDENT_WRITE)
    found = silences.load(tx, silence_id)
    if found.phase(tx.now) is Phase.PAST:
        raise OverAlready
    silencing.check_longer(found, ends_at, tx.now)
    longer = replace(found, ends_at=ends_at, extended_at=tx.now, extended_by=tx.actor.handle)
    seen = _previewed(tx, longer)
    if seen.is_grave and not accept_worst:
        raise HoldsBackTheWorst(f"{seen.warning} If that is meant, say so.")
    silences.extend(tx, found, ends_at)
    audit.record(tx, Deed.SILENCE_EXTENDED, silence_id, f"until {utc(ends_at)}")
    return longer


def preview(tx: Tx, wanted: Wanted) -> Preview:
    """What it would hold back, judged by what is known. Nothing is changed."""
    access.require(tx.actor, access.INCIDENT_READ)
    made = _drafted(tx, wanted)
    silencing.check(plans.current(tx), made, tx.now)
    return _previewed(tx, made)


def _previewed(tx: Tx, made: Silence) -> Preview:
    plan = plans.current(tx)
    looked_at = [one for one in store.recent(tx, PREVIEW_MOST) if _is_near(one, tx.now)]
    meant = list(_meant(Rules(plan), made, looked_at))
    return Preview(
        silence=made,
        firing=tuple(one for one in meant if one.signal.state is not State.RESOLVED),
        earlier=tuple(one for one in meant if one.signal.state is State.RESOLVED),
        looked_at=len(looked_at),
        worst=next(iter(plan.severities)),
        worst_rules=tuple(one.name for one in silencing.would_hold(plan, made)),
    )


def _several(names: list[str]) -> str:
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return listed([*names[:NAMED], *more])


def _is_near(one: Signal, now: datetime) -> bool:
    return one.state is not State.RESOLVED or now - one.last_at <= PREVIEWED


def _meant(rules: Rules, made: Silence, looked_at: list[Signal]) -> Iterator[Meant]:
    worst = next(iter(rules.plan.severities))
    for one in looked_at:
        arrival = store.as_arrival(one)
        route = rules.route(arrival)
        if silencing.covers(made, words_of(arrival), route):
            severity = route.severity if isinstance(route, Route) else None
            yield Meant(one, severity, severity == worst)


def _drafted(tx: Tx, wanted: Wanted) -> Silence:
    return Silence(
        id=new_id("mnt" if wanted.service else "sil", 10),
        matchers=tuple(silencing.checked(one) for one in wanted.matchers),
        service=wanted.service,
        components=wanted.components,
        title=" ".join(wanted.title.split()),
        text=wanted.text.strip(),
        starts_at=wanted.starts_at or tx.now,
        ends_at=wanted.ends_at,
        because=" ".join(wanted.because.split()),
        made_by=tx.actor.handle,
        made_at=tx.now,
    )
