"""The rule of a correction: what has happened may have happened at another time, but not in another order."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.incidents import lifecycle
from tocsin.incidents.correction import FIELD, Moment, TimeCorrected
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import utc


class HasNotHappened(Refused):
    """What has not happened has no time that could be corrected."""


class OutOfOrder(Invalid):
    """Then things would have happened in an order that can't be."""


# What can't lie before what: a responder may answer, and the harm be stopped, in either order.
ORDERS: tuple[Sequence[Moment], ...] = (
    (Moment.STARTED, Moment.DETECTED, Moment.ACKNOWLEDGED),
    (Moment.STARTED, Moment.DETECTED, Moment.MITIGATED, Moment.RESOLVED, Moment.RECOVERED),
)


def correct(
    incident: Incident, moment: Moment, instant: datetime, because: str, *, by: str, now: datetime
) -> list[AnyEntry]:
    """Say when something really happened. Raises HasNotHappened, and OutOfOrder where it contradicts the others."""
    lifecycle.require_here(incident)
    before = known(incident, moment)
    if before is None:
        raise HasNotHappened(f"The record does not say that it was {moment}: there is no time to correct.")
    if instant > now:
        raise Invalid("This would be in the future.", field="instant")
    reason = lifecycle.said(because, "because")
    if instant == before:
        return []
    for order in ORDERS:
        _require_order(incident, order, moment, instant)
    return [TimeCorrected(at=now, by=by, moment=moment, instant=instant, before=before, because=reason)]


def known(incident: Incident, moment: Moment) -> datetime | None:
    """When it happened, as far as the record says."""
    found: datetime | None = getattr(incident, FIELD[moment])
    return found


def _require_order(incident: Incident, order: Sequence[Moment], moment: Moment, instant: datetime) -> None:
    if moment not in order:
        return
    place = order.index(moment)
    for other in order[:place]:
        at = known(incident, other)
        if at is not None and instant < at:
            raise OutOfOrder(f"It was {other} at {utc(at)}; it can't have been {moment} before.", field="instant")
    for other in order[place + 1 :]:
        at = known(incident, other)
        if at is not None and instant > at:
            raise OutOfOrder(f"It was {other} at {utc(at)}; it can't have been {moment} after.", field="instant")
