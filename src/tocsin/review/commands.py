"""Writing a post-mortem and making it final."""

from collections.abc import Mapping

from tocsin.db.engine import Tx
from tocsin.events import store as events
from tocsin.events.model import EventType
from tocsin.incidents import store as incidents
from tocsin.incidents.events import summary
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.review import postmortem, store
from tocsin.review.postmortem import PostMortem, Standing

LONGEST_TEXT = 100_000  # characters in a section


class AlreadyFinal(Refused):
    """The post-mortem is final."""


def write_section(
    tx: Tx, incident_id: str, texts: Mapping[str, str], began_with: Mapping[str, str] | None = None
) -> None:
    """Write one or more sections, by their ids in the plan. An empty text clears a section. Of those whose stamp at the
    beginning is told, only what was changed is written, and never over what somebody else wrote in between."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    incident = incidents.load(tx, incident_id)
    sections = plans.load(tx, incident.plan_revision).review.sections
    unknown = [name for name in texts if name not in sections]
    if unknown:
        raise Invalid(f"The plan's post-mortem has no section {listed(unknown, 'or')}; it has {listed(sections)}.")
    if any(len(text) > LONGEST_TEXT for text in texts.values()):
        raise Invalid(f"A section holds at most {LONGEST_TEXT} characters.")
    if store.load(tx, incident_id).status is Standing.FINAL:
        raise AlreadyFinal
    written, authors = store.written(tx, incident_id)
    titles = {name: section.title for name, section in sections.items()}
    written.update(postmortem.changed(texts, written, began_with or {}, titles))
    if tx.actor.handle not in authors:
        authors.append(tx.actor.handle)
    store.save(tx, incident_id, written, authors, Standing.DRAFT, None)


def finalise(tx: Tx, incident_id: str) -> PostMortem:
    """Make it final, or refuse and name the sections that are still empty."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    final = postmortem.finalise(store.load(tx, incident_id))
    written, authors = store.written(tx, incident_id)
    store.save(tx, incident_id, written, authors, Standing.FINAL, tx.now)
    about = {"incident": summary(incidents.load(tx, incident_id)), "by": tx.actor.handle}
    events.tell(tx, EventType.POSTMORTEM_PUBLISHED, about, incident_id)
    return final
