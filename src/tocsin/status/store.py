"""What is known of the published site: whether there is one, what it holds, and since when it does not take more."""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from tocsin.comms import store as comms
from tocsin.comms.statuspage import OldMonth, PublicMonth
from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.kit.actor import STRANGER
from tocsin.kit.errors import Refused
from tocsin.kit.text import utc
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.status.site import Site

CHANNEL = "status_page"
HELD = timedelta(seconds=45)  # longer than a message may travel: nobody else publishes meanwhile


class NowhereToPublish(Refused):
    """TOCSIN_STATUS_PUBLISH is not set: the status page is published nowhere but here."""


class Standing(msgspec.Struct, frozen=True):
    """`fingerprint` is of what was published last; `failing_since` and `reason` of what was not."""

    to: str
    fingerprint: str = ""
    published_at: datetime | None = None
    failing_since: datetime | None = None
    reason: str = ""
    held_until: datetime | None = None
    is_told: bool = False  # those who can mend it were


def site(tx: Tx, seen: comms.Seen | None = None, old: tuple[OldMonth, ...] | None = None) -> Site:
    """The public site as of now. Its minute is the one that has begun; `seen` is what the last reading read, and `old`
    are the old months, where they are known."""
    plan = plans.current(tx)
    asks = plan.reports is not None and plan.reports.form
    ways = kept.read(tx, kept.SUBSCRIBE_BY)
    tells = any(ways is None or way in ways.split() for way in plan.communication.subscribe_by)
    minute = tx.now.replace(second=0, microsecond=0)
    return Site(
        comms.public_page(tx, seen), plan.public, minute, asks, tells, comms.old_months(tx) if old is None else old
    )


def reading(site: Site, database: Database) -> Site:
    """The same, whose old months are read when somebody wants them."""
    return replace(site, load=lambda month: read_month(database, month))


def read_month(database: Database, month: str) -> PublicMonth:
    with database.read(STRANGER) as tx:
        return comms.public_month(tx, month)


def set_place(tx: Tx, name: str) -> None:
    """Say where the site is published, or nowhere. Another place knows nothing of what the one before it has."""
    if standing(tx).to != name:
        keep(tx, Standing(name))


def standing(tx: Tx) -> Standing:
    text = kept.read(tx, kept.PUBLISHED)
    return msgspec.json.decode(text, type=Standing) if text else Standing("")


def keep(tx: Tx, found: Standing) -> None:
    kept.write(tx, kept.PUBLISHED, _text(found))


def _text(found: Standing) -> str:
    return msgspec.json.encode(found).decode()


def owe(tx: Tx) -> None:
    """See that the site is published soon, if it is published at all. What has changed is found out when it is done."""
    if not (place := standing(tx).to):
        return
    if not outbox.hurry_channel(tx, CHANNEL):
        subject = "The public status page is published"
        outbox.queue(
            tx, dedup_key=outbox.unique(CHANNEL), channel=CHANNEL, address=place, subject=subject, body=subject
        )


def publish(tx: Tx) -> Standing:
    """Publish it now, because somebody says so."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    if not (found := standing(tx)).to:
        raise NowhereToPublish
    owe(tx)
    return found


def catch_up(tx: Tx) -> None:
    """Owe it if the site is not what was published: time passes, plans change, maintenance begins."""
    found = standing(tx)
    if found.to and found.fingerprint != site(tx).fingerprint and not outbox.is_queued(tx, CHANNEL):
        owe(tx)


def hold(tx: Tx) -> Standing | None:
    """Keep others from publishing meanwhile. The first caller gets what is known."""
    before = kept.read(tx, kept.PUBLISHED) or ""
    found = standing(tx)
    if found.held_until is not None and found.held_until > tx.now:
        return None
    held = msgspec.structs.replace(found, held_until=tx.now + HELD)
    return found if kept.swap(tx, kept.PUBLISHED, before, _text(held)) else None


def published(tx: Tx, fingerprint: str) -> None:
    keep(tx, Standing(standing(tx).to, fingerprint, tx.now))


def failed(tx: Tx, reason: str) -> Standing:
    found = standing(tx)
    since = found.failing_since or tx.now
    found = msgspec.structs.replace(found, failing_since=since, reason=reason, held_until=None)
    keep(tx, found)
    return found


def release(tx: Tx) -> None:
    keep(tx, msgspec.structs.replace(standing(tx), held_until=None))


def published_by_hand(tx: Tx, to: str, fingerprint: str) -> None:
    """Somebody has published it at once; if that is where it is kept, it need not be done again."""
    if standing(tx).to == to:
        published(tx, fingerprint)


def said(found: Standing) -> str:
    """How the published copy stands, in a sentence."""
    if not found.to:
        return "The status page is published nowhere but here (TOCSIN_STATUS_PUBLISH)."
    last = f"published last at {utc(found.published_at)}" if found.published_at else "not published yet"
    if found.failing_since is None:
        return f"{found.to}: {last}."
    return f"{found.to}: {last}; behind since {utc(found.failing_since)}: {found.reason}"
