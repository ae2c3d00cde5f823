"""When a signal flaps: it fires and clears again and again, or its severity goes to and fro. That is one trouble.

A spell begins with the change that makes them many, as the plan counts, and lasts until the signal has not changed for
a while. In between no change is taken for the end of the trouble, or for its beginning.
"""

from dataclasses import dataclass
from datetime import datetime

from tocsin.kit.text import span, utc
from tocsin.plan.model import Flapping


@dataclass(frozen=True)
class Turns:
    """The last changes of a signal, the oldest first; and the spell in which it is, if it flaps."""

    at: tuple[datetime, ...] = ()  # no more than the plan counts
    flapping_since: datetime | None = None
    calm_at: datetime | None = None  # when the spell is over, unless it changes again


CALM = Turns()


def turned(rule: Flapping | None, before: Turns, now: datetime) -> Turns:
    """After one more change. A plan that does not count remembers none."""
    if rule is None:
        return CALM
    if is_over(before, now):
        before = CALM
    recent = tuple(one for one in (*before.at, now) if now - one <= rule.within)[-rule.changes :]
    since = before.flapping_since or (now if len(recent) == rule.changes else None)
    if since is None:
        return Turns(recent)
    return Turns(recent, since, max(now + rule.calm_for, before.calm_at or now))


def is_over(turns: Turns, now: datetime) -> bool:
    """Whether it flapped and has been calm for long enough."""
    return turns.calm_at is not None and turns.calm_at <= now


def counted(rule: Flapping) -> str:
    """What is said once of a spell, on the record."""
    did = "It fired, cleared, or went back to a severity that it had before,"
    calm = f"Until it has not changed for {span(rule.calm_for)}, its changes are one trouble, and none is its end."
    return f"{did} {rule.changes} times within {span(rule.within)}. {calm}"


def told(since: datetime | None, calm_at: datetime | None) -> str:
    """What is said of a signal while it flaps; nothing if it does not."""
    if since is None or calm_at is None:
        return ""
    calm = f"If it does not change, it is calm at {utc(calm_at)}."
    return f"It flaps since {utc(since)}: its changes are one trouble. {calm}"
