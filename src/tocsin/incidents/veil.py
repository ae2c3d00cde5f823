"""What a record says of other incidents, for somebody who may not see one of them. Pure.

A link was written when both were open, and one of the two became confidential since: to a stranger it is a link to
another incident, without its id, number, title or reason.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from tocsin.incidents.model import Incident, Numbered
from tocsin.incidents.relation import Merged, RelationEntry, Unlinked, named

NOWHERE = ""  # the id in the place of one that may not be seen


def names(entries: Iterable[Numbered]) -> set[str]:
    """The other incidents of which these entries speak."""
    return {named(one.entry) for one in entries if isinstance(one.entry, RelationEntry)} - {NOWHERE}


def covered(one: Numbered, unseen: Collection[str]) -> Numbered:
    """The entry as those may read it who do not see these incidents."""
    if not isinstance(one.entry, RelationEntry) or named(one.entry) not in unseen:
        return one
    return replace(one, entry=_without(one.entry))


def is_covered(one: Numbered) -> bool:
    return isinstance(one.entry, RelationEntry) and named(one.entry) == NOWHERE


def of_incident(incident: Incident, unseen: Collection[str]) -> Incident:
    """The incident without its ties to those of the others that may not be seen."""
    if not unseen:
        return incident
    seen = {other: relation for other, relation in incident.relations.items() if other not in unseen}
    into = NOWHERE if incident.merged_into in unseen else incident.merged_into
    return incident.changed(relations=seen, merged_into=into)


def _without(entry: RelationEntry) -> RelationEntry:
    match entry:
        case Merged():
            return replace(entry, into=NOWHERE, number=0, because="")
        case Unlinked():
            return replace(entry, incident_id=NOWHERE, number=0, because="")
        case _:
            return replace(entry, incident_id=NOWHERE, number=0, title="", because="")
