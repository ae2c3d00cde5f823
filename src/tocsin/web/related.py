"""How an incident stands to others, and what merging, linking and splitting it can be chosen from. Plain values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents import store as incidents
from tocsin.incidents import words
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import LINKABLE, Relation
from tocsin.signals.store import Signal
from tocsin.web import present
from tocsin.web.frame import Tx
from tocsin.web.present import Choice

OFFERED = 50  # open incidents to merge with, the last declared first
RELATIONS = {
    Relation.RELATED_TO: "is related to",
    Relation.CAUSED: "caused",
    Relation.CAUSED_BY: "was caused by",
    Relation.SAME_CAUSE_AS: "has the same cause as",
    Relation.SPLIT_INTO: "was split into this and",
    Relation.SPLIT_FROM: "was split off from",
    Relation.ABSORBED: "took in the duplicate",
    Relation.MERGED_INTO: "was merged into",
}


@dataclass(frozen=True)
class Kin:
    id: str
    href: str
    how: str
    number: int
    title: str
    status: str
    is_link: bool  # it can be taken back


@dataclass(frozen=True)
class View:
    """`open_ones` are the incidents into which this one could be merged. Where it was merged into one that may not be
    seen, `merged_into` is None all the same."""

    kin: tuple[Kin, ...]
    is_merged: bool
    merged_into: Kin | None
    open_ones: tuple[Choice, ...]
    relations: tuple[Choice, ...]
    signals: tuple[Choice, ...]


def view(tx: Tx, incident: Incident, opened: Iterable[Incident], on_it: Sequence[Signal], now: datetime) -> View:
    seen = incidents.load_many(tx, list(incident.relations))
    kin = tuple(_kin(one, incident.relations[one.id]) for one in seen)
    listed = sorted(opened, key=lambda one: -one.number)[:OFFERED] if incident.is_open else []
    return View(
        kin=kin,
        is_merged=incident.merged_into is not None,
        merged_into=next((one for one in kin if one.id == incident.merged_into), None),
        open_ones=tuple(Choice(one.id, f"#{one.number} {one.title}") for one in listed if one.id != incident.id),
        relations=tuple(Choice(one, RELATIONS[one]) for one in LINKABLE),
        signals=tuple(Choice(one.id, one.title, present.moment(one.last_at, now)) for one in on_it),
    )


def _kin(other: Incident, relation: Relation) -> Kin:
    return Kin(
        id=other.id,
        href=f"/incidents/{other.id}",
        how=RELATIONS[relation],
        number=other.number,
        title=other.title,
        status=words.status(other.status),
        is_link=relation in LINKABLE,
    )
