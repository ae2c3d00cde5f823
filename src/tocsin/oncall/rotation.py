"""Who is on call: computed from the rotation and the instant, for any instant; no job turns a rotation."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from whenever import PlainDateTime

from tocsin.plan.model import Rotation


@dataclass(frozen=True)
class Shift:
    """A turn of one person: from `starts_at` until just before `ends_at`."""

    person: str
    starts_at: datetime
    ends_at: datetime


def shift_at(rotation: Rotation, instant: datetime) -> Shift:
    """The one shift that holds this instant. Before the first handoff, the rotation is counted backwards."""
    turn = _turn_near(rotation, instant)
    while instant < handoff_at(rotation, turn):
        turn -= 1
    while instant >= handoff_at(rotation, turn + 1):
        turn += 1
    return Shift(
        person=rotation.people[turn % len(rotation.people)],
        starts_at=handoff_at(rotation, turn),
        ends_at=handoff_at(rotation, turn + 1),
    )


def shifts_between(rotation: Rotation, start: datetime, end: datetime) -> list[Shift]:
    """The shifts that overlap a span of time, in order, whole."""
    found, at = [], start
    while at < end:
        shift = shift_at(rotation, at)
        found.append(shift)
        at = shift.ends_at
    return found


def handoff_at(rotation: Rotation, turn: int) -> datetime:
    """The instant at which a turn begins.

    Handoffs are wall-clock times: adding 7 × 24 h would drift an hour at every clock change. A time that the spring
    change skips is read as the first instant after the gap's length has passed; one that the autumn change repeats
    is read as the earlier of the two.
    """
    day = rotation.starts_on + timedelta(days=turn * rotation.days)
    local = PlainDateTime(day.year, day.month, day.day, rotation.handoff.hour, rotation.handoff.minute)
    zoned = local.assume_tz(rotation.zone, disambiguation="compatible")
    return datetime.fromtimestamp(zoned.timestamp(), UTC)


def _turn_near(rotation: Rotation, instant: datetime) -> int:
    local_day: date = instant.date()
    return (local_day - rotation.starts_on).days // rotation.days
