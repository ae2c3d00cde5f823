"""Collecting the evidence of an incident, and the key that signs it."""

import base64
from importlib import metadata

from tocsin.db import settings as kept
from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import store as incidents
from tocsin.incidents import veil
from tocsin.kit.errors import Refused
from tocsin.obligations import store as obligations
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.response import archive, communications, verification
from tocsin.review import postmortem
from tocsin.review import store as reviews


class NoKey(Refused):
    """This installation has no key to sign with yet: start the server once, or run `tocsin migrate`."""


class BrokenRecord(Refused):
    """The record is not what was written, and is not signed."""


class NotAllOfIt(Refused):
    """The record names another incident that you may not read, and is signed whole or not at all; ask who may."""


def pack(tx: Tx, incident_id: str) -> bytes:
    """The signed archive of an incident as it stands. Raises BrokenRecord if the record does not hold."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    if any(map(veil.is_covered, incidents.timeline(tx, incident_id))):
        raise NotAllOfIt
    found = verification.verify(tx, incident_id)
    if found.fault:
        raise BrokenRecord(f"The record is not what was written, and is not signed: {found.problem}.")
    gathered = archive.Evidence(
        incident=incident,
        rows=list(incidents.sealed(tx, incident_id)),
        ledger=obligations.for_incident(tx, incident_id),
        messages=outbox.for_incident(tx, incident_id),
        log=communications.log(tx, incident_id),
        plan_text=plans.text(tx, incident.plan_revision),
        # As of the last entry: the same evidence has the same bytes tomorrow.
        post_mortem=postmortem.markdown(reviews.as_of(tx, incident_id, incident.updated_at)),
        made_by=f"Tocsin {metadata.version('tocsin')}",
    )
    return archive.pack(gathered, _secret(tx))


def contradicts(tx: Tx, manifest: archive.Manifest, public_key: str) -> str:
    """What this database's record says otherwise than an archive that holds; empty if it goes on from there.

    The hash of an entry stands for everything before it: where that one is the same, all are.

    An archive that this installation signed was packed by a reader, and the answer holds no word that does not stand in
    it: so whoever has it learns whether it holds, also of an incident that they may not read. With one that somebody
    else signed anybody could ask after ids, so that it is answered with what the actor sees.
    """
    access.require(tx.actor, access.INCIDENT_READ)
    if _is_ours(tx, public_key):
        sight.see_everything(tx)
    name = f"{manifest.incident_id} (#{manifest.number})"
    try:
        found = verification.verify(tx, manifest.incident_id)
    except incidents.NoSuchIncident:
        return f"{name}: this database has no such incident that you may read"
    if found.fault:
        return found.problem
    if found.entries < manifest.entries:
        return f"{name}: this database has {found.entries} of the {manifest.entries} entries that were signed"
    here = next(row.hash for row in incidents.sealed(tx, manifest.incident_id) if row.number == manifest.entries)
    return "" if here == manifest.head else f"{name}: this database tells the signed entries otherwise"


def public_key(tx: Tx) -> str:
    """The key with which anybody checks this installation's archives, as a PEM text."""
    return archive.pem(_secret(tx))


def _is_ours(tx: Tx, key: str) -> bool:
    has_one = kept.read(tx, kept.EVIDENCE_KEY) is not None
    return has_one and archive.fingerprint(key) == archive.fingerprint(public_key(tx))


def file_name(number: int) -> str:
    return f"incident-{number}-evidence.zip"


def _secret(tx: Tx) -> bytes:
    value = kept.evidence_key(tx)
    if value is None:
        raise NoKey
    return base64.urlsafe_b64decode(value + "=")
