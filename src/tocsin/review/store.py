"""What people have written into post-mortems; what the record knows is computed each time it is read."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Column, Table, Text, select

from tocsin.db import fulltext, sight
from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.incidents import alike, veil
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Numbered
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans
from tocsin.review import postmortem
from tocsin.review.postmortem import PostMortem, Standing

table = Table(
    "post_mortem",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("status", Text),
    Column("written", Json),
    Column("authors", Json),
    Column("updated_at", Instant),
    Column("final_at", Instant),
)

RELATED_LOOKED_AT = 200  # how many earlier incidents are searched for related ones
RELATED_SHOWN = 5


def load(tx: Tx, incident_id: str) -> PostMortem:
    """The post-mortem of an incident as it stands. Raises NoSuchIncident."""
    return as_of(tx, incident_id, tx.now)


def as_of(tx: Tx, incident_id: str, instant: datetime) -> PostMortem:
    """The same, with every duration that has not ended counted up to an instant."""
    incident = incidents.load(tx, incident_id)
    row = tx.first(select(table).where(table.c.incident_id == incident_id))
    found = postmortem.draft(
        plans.load(tx, incident.plan_revision),
        incident,
        _record(tx, incident),
        obligations.for_incident(tx, incident_id),
        row.written if row else {},
        _related(tx, incident),
        instant,
        authors=row.authors if row else (),
    )
    return replace(found, status=Standing(row.status)) if row else found


def _record(tx: Tx, incident: Incident) -> list[Numbered]:
    """The timeline as the document tells it: what is handed on names nothing confidential unless it is so itself."""
    entries = incidents.timeline(tx, incident.id)
    hidden = set() if incident.confidential_at else sight.hidden_of(tx, veil.names(entries))
    return [veil.covered(one, hidden) for one in entries]


def save(
    tx: Tx,
    incident_id: str,
    written: Mapping[str, str],
    authors: list[str],
    status: Standing,
    final_at: datetime | None,
) -> None:
    values = {
        "status": status,
        "written": dict(written),
        "authors": authors,
        "updated_at": tx.now,
        "final_at": final_at,
    }
    if not tx.run(table.update().where(table.c.incident_id == incident_id).values(values)).rowcount:
        tx.run(table.insert().values(incident_id=incident_id, **values))
    fulltext.changed(tx, TO_BE_FOUND, [[incident_id]])


TO_BE_FOUND = "post_mortem"  # how the index calls them


class Document(NamedTuple):
    """What people wrote into one post-mortem, as one text, and when they last did."""

    updated_at: datetime
    text: str


def documents(tx: Tx, incident_ids: Collection[str]) -> dict[str, Document]:
    """What was written into these post-mortems, by incident, as far as whoever asks may see it."""
    if not incident_ids:
        return {}
    wanted = select(table.c.incident_id, table.c.updated_at, table.c.written)
    those = wanted.where(table.c.incident_id.in_(sorted(incident_ids)))
    rows = tx.all(sight.within(tx, those, table.c.incident_id))
    return {row.incident_id: Document(row.updated_at, "\n".join(row.written.values())) for row in rows}


def written(tx: Tx, incident_id: str) -> tuple[dict[str, str], list[str]]:
    """What was written so far, by section, and by whom."""
    row = tx.first(select(table.c.written, table.c.authors).where(table.c.incident_id == incident_id))
    return (dict(row.written), list(row.authors)) if row else ({}, [])


def statuses(tx: Tx, incident_ids: Collection[str]) -> dict[str, Standing]:
    """Which of these incidents have a post-mortem begun, and how it stands."""
    those = select(table.c.incident_id, table.c.status).where(table.c.incident_id.in_(list(incident_ids)))
    wanted = sight.within(tx, those, table.c.incident_id)
    return {row.incident_id: Standing(row.status) for row in tx.all(wanted)}


def latest_written(tx: Tx, limit: int) -> list[tuple[str, dict[str, str]]]:
    """What was written into the post-mortems that the actor may see, by incident, the latest first."""
    wanted = select(table.c.incident_id, table.c.written).order_by(table.c.updated_at.desc()).limit(limit)
    return [(row.incident_id, dict(row.written)) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))]


def _related(tx: Tx, incident: Incident) -> list[Incident]:
    """Those that people tied to it, and then earlier ones of the same type and service, the latest first."""

    def may_be_named(one: Incident) -> bool:
        # What is confidential is not named in a document of what is not, whoever asks for it: it is handed on.
        return one.confidential_at is None or incident.confidential_at is not None

    tied = incidents.load_many(tx, list(incident.relations))
    earlier = alike.alike_before(tx, incident, RELATED_LOOKED_AT)
    hidden = sight.hidden_of(tx, earlier) if incident.confidential_at is None else ()
    others = [one for one in earlier if one not in incident.relations and one not in hidden]
    return [*filter(may_be_named, tied), *incidents.glimpse(tx, others[:RELATED_SHOWN])]
