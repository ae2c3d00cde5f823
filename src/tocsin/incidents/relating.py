"""The rules by which incidents are merged, linked and split off. Pure functions: what each record says then.

Both records say it, but an open one never names what is confidential. A merged incident is read on but not worked on:
every verb refuses it by name.
"""

from collections.abc import Iterable
from datetime import datetime

from tocsin.incidents import confidential, working
from tocsin.incidents.lifecycle import AlreadyClosed, MergedAway, require_here, require_open, said
from tocsin.incidents.model import AnyEntry, Incident, ResponderAdded
from tocsin.incidents.relation import LINKABLE, Absorbed, Linked, Merged, Relation, SplitFrom, SplitOff, Unlinked
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.plan.model import Plan, Stage

Both = tuple[list[AnyEntry], list[AnyEntry]]


class Itself(Invalid):
    """An incident is not related to itself."""


class WouldDisclose(Refused):
    """A confidential incident is not merged into one that everybody reads; merge the other way round."""


class PublicWouldLoseIt(Refused):
    """The public has been told of this incident and not of the other; post there first, or merge the other way."""


class AlreadyRelated(Refused):
    """The two incidents are tied already, by a merge or a split."""


class NotLinked(Refused):
    """The two incidents are not linked."""


class NotItsSignal(Invalid):
    """The signal is not on this incident."""


def merge(
    plan: Plan,
    gone: Incident,
    into: Incident,
    because: str,
    *,
    signals: int,
    coming: Iterable[str] = (),
    by: str,
    now: datetime,
) -> Both:
    """End a duplicate: what its record says, and what the record of the incident says in which the work goes on.

    What goes on in confidence is confidential: so is a duplicate from here on that was open. `coming` are those of its
    people who go on working there, and read it.
    """
    _other(gone, into)
    require_open(gone)
    _require_receiving(into)
    if gone.confidential_at and not into.confidential_at:
        raise WouldDisclose
    if gone.stage not in (None, Stage.RESOLVED) and into.stage is None:
        raise PublicWouldLoseIt
    why = said(because, "because")
    touched = gone.components if gone.service == into.service else ()
    absorbed = Absorbed(
        at=now,
        by=by,
        incident_id=gone.id,
        number=gone.number,
        title=gone.title,
        because=why,
        signals=signals,
        components=touched,
    )
    hidden = _hidden_with(plan, gone, into, by=by, now=now)
    joined = _joining(gone, into, coming, by=by, now=now)
    return [*hidden, Merged(at=now, by=by, into=into.id, number=into.number, because=why)], [absorbed, *joined]


def _hidden_with(plan: Plan, gone: Incident, into: Incident, *, by: str, now: datetime) -> list[AnyEntry]:
    if gone.confidential_at or not into.confidential_at:
        return []
    why = "it was merged into an incident that is confidential"
    return confidential.make_confidential(plan, gone, why, by=by, now=now)


def _joining(gone: Incident, into: Incident, people: Iterable[str], *, by: str, now: datetime) -> list[AnyEntry]:
    """Of an open incident everybody reads; of one that is confidential those of the duplicate who go on there."""
    if not into.confidential_at:
        return []
    why = f"they worked on #{gone.number}, which was merged into this"
    new = [one for one in dict.fromkeys(people) if one not in into.responders]
    return [ResponderAdded(at=now, by=by, person=one, because=why) for one in new]


def coming(plan: Plan, gone: Incident) -> tuple[str, ...]:
    """Who goes on in the incident into which a duplicate is merged: whoever reads what is confidential on account of
    it, and of an open one only who worked on it; to have been paged is no reason to read."""
    return gone.responders if gone.confidential_at else working.helpers(plan, gone)


def _require_receiving(into: Incident) -> None:
    if into.merged_into is not None:
        raise MergedAway(f"#{into.number} was itself merged into {into.merged_into}; merge into that one.")
    if not into.is_open:
        raise AlreadyClosed(f"#{into.number} is closed; reopen it first.")


def link(one: Incident, other: Incident, relation: Relation, because: str, *, by: str, now: datetime) -> Both:
    """Tie two incidents together, open or closed. An open record never names one that is confidential."""
    _other(one, other)
    require_here(one)
    require_here(other)
    if relation not in LINKABLE:
        raise Invalid(f"Incidents are linked as {listed(LINKABLE, 'or')}.", field="relation")
    before = _tie(one, other)
    if before == relation:
        return [], []
    if before is not None and before not in LINKABLE:
        raise AlreadyRelated
    here, there = _linked(other, relation, because, by, now), _linked(one, relation.converse, because, by, now)
    return [here] if _may_name(one, other) else [], [there] if _may_name(other, one) else []


def _tie(one: Incident, other: Incident) -> Relation | None:
    """How the one stands to the other, on whichever of their records says so."""
    there = other.relations.get(one.id)
    return one.relations.get(other.id) or (there.converse if there else None)


def _may_name(record: Incident, other: Incident) -> bool:
    return other.confidential_at is None or record.confidential_at is not None


def _linked(to: Incident, relation: Relation, because: str, by: str, now: datetime) -> Linked:
    why = because.strip()
    return Linked(at=now, by=by, incident_id=to.id, number=to.number, title=to.title, relation=relation, because=why)


def unlink(one: Incident, other: Incident, because: str, *, by: str, now: datetime) -> Both:
    """Take a link back, on each record that says it; a merge or a split stays what it is."""
    if _tie(one, other) not in LINKABLE:
        raise NotLinked
    why = said(because, "because")
    here, there = (
        [Unlinked(at=now, by=by, incident_id=to.id, number=to.number, because=why)] if to.id in record.relations else []
        for record, to in ((one, other), (other, one))
    )
    return list(here), list(there)


def require_splittable(incident: Incident, signals: Iterable[str], on_it: Iterable[str], because: str) -> str:
    """Let pass what may be split off, and give the reason back as it will stand on both records."""
    require_open(incident)
    present = set(on_it)
    for signal in signals:
        if signal not in present:
            raise NotItsSignal(f"The signal {signal} is not on this incident.", field="signals")
    return said(because, "because")


def split(incident: Incident, new: Incident, because: str, *, signals: int, by: str, now: datetime) -> Both:
    """What the records say of a part that goes on as an incident of its own. An open one does not name what is
    confidential."""
    title, number = new.title, new.number
    parted = SplitOff(at=now, by=by, incident_id=new.id, number=number, title=title, because=because, signals=signals)
    came = SplitFrom(
        at=now, by=by, incident_id=incident.id, number=incident.number, title=incident.title, because=because
    )
    return [parted] if _may_name(incident, new) else [], [came] if _may_name(new, incident) else []


def _other(one: Incident, other: Incident) -> None:
    if one.id == other.id:
        raise Itself
