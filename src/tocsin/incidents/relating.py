"""The rules by which incidents are merged, linked and split off. Pure functions: what each record says then.

Both records always say it. A merged incident is read on but not worked on: every verb refuses it by name.
"""

from collections.abc import Iterable
from datetime import datetime

from tocsin.incidents.lifecycle import AlreadyClosed, MergedAway, require_here, require_open, said
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.incidents.relation import LINKABLE, Absorbed, Linked, Merged, Relation, SplitFrom, SplitOff, Unlinked
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.plan.model import Stage

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
    gone: Incident,
    into: Incident,
    because: str,
    *,
    signals: int,
    is_secret: bool,
    may_show: bool,
    by: str,
    now: datetime,
) -> Both:
    """End a duplicate: what its record says, and what the record of the incident says in which the work goes on.

    `is_secret` says whether the duplicate is confidential, `may_show` whether the other incident is as well.
    """
    _other(gone, into)
    require_open(gone)
    _require_receiving(into)
    if is_secret and not may_show:
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
    shown = "" if may_show and not is_secret else why  # of a confidential incident the other's readers learn nothing
    return [Merged(at=now, by=by, into=into.id, number=into.number, because=shown)], [absorbed]


def _require_receiving(into: Incident) -> None:
    if into.merged_into is not None:
        raise MergedAway(f"#{into.number} was itself merged into {into.merged_into}; merge into that one.")
    if not into.is_open:
        raise AlreadyClosed(f"#{into.number} is closed; reopen it first.")


def link(
    one: Incident,
    other: Incident,
    relation: Relation,
    because: str,
    *,
    shows_other: bool = True,
    shows_one: bool = True,
    by: str,
    now: datetime,
) -> Both:
    """Tie two incidents together, open or closed. A title stands on the other record only if its readers may see it."""
    _other(one, other)
    require_here(one)
    require_here(other)
    if relation not in LINKABLE:
        raise Invalid(f"Incidents are linked as {listed(LINKABLE, 'or')}.", field="relation")
    before = one.relations.get(other.id)
    if before == relation:
        return [], []
    if before is not None and before not in LINKABLE:
        raise AlreadyRelated
    here = _linked(other, relation, because, shows_other, by, now)
    return [here], [_linked(one, relation.converse, because, shows_one, by, now)]


def _linked(to: Incident, relation: Relation, because: str, shown: bool, by: str, now: datetime) -> Linked:
    title = to.title if shown else ""
    about = because.strip() if shown else ""
    return Linked(at=now, by=by, incident_id=to.id, number=to.number, title=title, relation=relation, because=about)


def unlink(one: Incident, other: Incident, because: str, *, by: str, now: datetime) -> Both:
    """Take a link back; a merge or a split stays what it is."""
    if one.relations.get(other.id) not in LINKABLE:
        raise NotLinked
    why = said(because, "because")
    both = (Unlinked(at=now, by=by, incident_id=to.id, number=to.number, because=why) for to in (other, one))
    here, there = both
    return [here], [there]


def require_splittable(incident: Incident, signals: Iterable[str], on_it: Iterable[str], because: str) -> str:
    """Let pass what may be split off, and give the reason back as it will stand on both records."""
    require_open(incident)
    present = set(on_it)
    for signal in signals:
        if signal not in present:
            raise NotItsSignal(f"The signal {signal} is not on this incident.", field="signals")
    return said(because, "because")


def split(
    incident: Incident, new: Incident, because: str, *, signals: int, may_show: bool = True, by: str, now: datetime
) -> Both:
    """What both records say of a part that goes on as an incident of its own; a title only to those who may read it."""
    title, why = (new.title, because) if may_show else ("", "")
    parted = SplitOff(at=now, by=by, incident_id=new.id, number=new.number, title=title, because=why, signals=signals)
    came = SplitFrom(
        at=now, by=by, incident_id=incident.id, number=incident.number, title=incident.title, because=because
    )
    return [parted], [came]


def _other(one: Incident, other: Incident) -> None:
    if one.id == other.id:
        raise Itself
