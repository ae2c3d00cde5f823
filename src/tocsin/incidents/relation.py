"""How incidents stand to each other: merged, linked, split off. Each relation is an entry on both records."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from tocsin.incidents.entry import Entry


class Relation(StrEnum):
    """How one incident stands to another. Each has its converse, which the other's record shows."""

    RELATED_TO = "related_to"
    CAUSED = "caused"
    CAUSED_BY = "caused_by"
    SAME_CAUSE_AS = "same_cause_as"
    SPLIT_INTO = "split_into"
    SPLIT_FROM = "split_from"
    ABSORBED = "absorbed"
    MERGED_INTO = "merged_into"

    @property
    def converse(self) -> "Relation":
        return _CONVERSE.get(self, self)


_CONVERSE = {
    Relation.CAUSED: Relation.CAUSED_BY,
    Relation.CAUSED_BY: Relation.CAUSED,
    Relation.SPLIT_INTO: Relation.SPLIT_FROM,
    Relation.SPLIT_FROM: Relation.SPLIT_INTO,
    Relation.ABSORBED: Relation.MERGED_INTO,
    Relation.MERGED_INTO: Relation.ABSORBED,
}
LINKABLE = (Relation.RELATED_TO, Relation.CAUSED, Relation.CAUSED_BY, Relation.SAME_CAUSE_AS)


@dataclass(frozen=True, kw_only=True)
class Merged(Entry):
    """This incident was a duplicate; the work goes on in another."""

    into: str
    number: int
    because: str


@dataclass(frozen=True, kw_only=True)
class Absorbed(Entry):
    """A duplicate was merged into this incident."""

    incident_id: str
    number: int
    title: str
    because: str
    signals: int = 0
    components: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Linked(Entry):
    """`title` is empty where whoever reads this incident may not read the other."""

    incident_id: str
    number: int
    title: str
    relation: Relation
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Unlinked(Entry):
    incident_id: str
    number: int
    because: str


@dataclass(frozen=True, kw_only=True)
class SplitOff(Entry):
    """A part of this incident goes on as one of its own, with some of its signals."""

    incident_id: str
    number: int
    title: str
    because: str
    signals: int = 0


@dataclass(frozen=True, kw_only=True)
class SplitFrom(Entry):
    incident_id: str
    number: int
    title: str
    because: str


RelationEntry = Merged | Absorbed | Linked | Unlinked | SplitOff | SplitFrom


def named(entry: RelationEntry) -> str:
    """The id of the other incident; empty where whoever reads may not see it."""
    return entry.into if isinstance(entry, Merged) else entry.incident_id


def after(relations: Mapping[str, Relation], entry: RelationEntry) -> Mapping[str, Relation]:
    """How an incident stands to others after one more entry."""
    if not named(entry):
        return relations
    match entry:
        case Merged(into=into):
            return {**relations, into: Relation.MERGED_INTO}
        case Absorbed(incident_id=other):
            return {**relations, other: Relation.ABSORBED}
        case Linked(incident_id=other, relation=relation):
            return {**relations, other: relation}
        case Unlinked(incident_id=other):
            return {known: relation for known, relation in relations.items() if known != other}
        case SplitOff(incident_id=other):
            return {**relations, other: Relation.SPLIT_INTO}
        case SplitFrom(incident_id=other):
            return {**relations, other: Relation.SPLIT_FROM}
    assert_never(entry)
