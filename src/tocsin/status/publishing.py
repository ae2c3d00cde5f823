"""Publishing the public site elsewhere. It is a channel of the outbox in a lane of its own, so that no page waits for
it; a message says only that something has changed, and what is to be done follows from the record when it is done."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Delivered, Message, Result, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.sigv4 import Credentials
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel
from tocsin.settings import Settings
from tocsin.status import branch, store
from tocsin.status.branch import Branch
from tocsin.status.bucket import Bucket
from tocsin.status.folder import Folder
from tocsin.status.places import BadPlace, NotTaken, PublishedAt, Took
from tocsin.status.site import Site
from tocsin.status.site import published as files_of

T = TypeVar("T")

TOLD_AFTER = timedelta(minutes=5)  # of failing, whoever can mend it is told
AGAIN = timedelta(seconds=1)  # for what was left when the time was over
SOON = timedelta(seconds=2)  # while another server publishes


def place(settings: Settings, now: Callable[[], datetime]) -> PublishedAt | None:
    """Where the settings say that the site is published. Raises BadPlace."""
    wanted = settings.status_publish
    if not wanted:
        return None
    if wanted.startswith("git+"):
        return Branch(*branch.split(wanted))
    if wanted.startswith("s3://"):
        return _bucket(settings, wanted, now)
    if "://" in wanted:
        raise BadPlace
    return Folder(Path(wanted))


def _bucket(settings: Settings, wanted: str, now: Callable[[], datetime]) -> Bucket:
    parts = urlsplit(wanted)
    if not parts.netloc or not settings.status_s3_key or not settings.status_s3_secret:
        raise BadPlace("s3://bucket needs TOCSIN_STATUS_S3_KEY and TOCSIN_STATUS_S3_SECRET")
    region = settings.status_s3_region
    url = settings.status_s3_url or f"https://s3.{region}.amazonaws.com"
    credentials = Credentials(settings.status_s3_key, settings.status_s3_secret, region)
    return Bucket(url, parts.netloc, parts.path.strip("/"), credentials, now)


def present(tx: Tx) -> tuple[Site, str]:
    """The site as of now, and what leads from a copy of it to what only a running server has: nothing, where its
    address is one of this machine alone."""
    there = kept.link(tx, "/status")
    return store.site(tx), "" if _is_here_alone(urlsplit(there).hostname or "") else there


def _is_here_alone(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def publish(at: PublishedAt, site: Site, dynamic: str) -> Took:
    """Publish the site now. `dynamic` leads to what only a running server has. Raises NotTaken."""
    return at.publish(dict(files_of(site, dynamic)))


class Publisher:
    """The channel."""

    def __init__(self, database: Database, at: PublishedAt) -> None:
        self._database = database
        self._at = at
        self._turn = asyncio.Lock()

    async def send(self, message: Message) -> Result:
        if self._turn.locked():
            return Retry("the page is being published already", SOON)
        async with self._turn:
            return await asyncio.shield(asyncio.to_thread(self._publish))

    def _publish(self) -> Result:
        if self._write(store.hold) is None:
            return Retry("another server publishes the page", SOON)
        try:
            with self._database.read(SYSTEM) as tx:
                site, dynamic = present(tx)
            site = store.reading(site, self._database)
            took = publish(self._at, site, dynamic)
        except NotTaken as refused:
            reason = str(refused)
            self._write(lambda tx: _failed(tx, reason))
            return Retry(reason)
        except BaseException:
            self._write(store.release)
            raise
        if took.unfinished:
            self._write(store.release)
            return Retry("there is more to publish", AGAIN)
        self._write(lambda tx: store.published(tx, site.fingerprint))
        return Delivered(provider=self._at.name)

    def _write(self, change: Callable[[Tx], T]) -> T:
        return self._database.run(SYSTEM, change)


def _failed(tx: Tx, reason: str) -> None:
    """Write it down; when it has failed for a while, tell those who can mend it, once."""
    found = store.failed(tx, reason)
    if found.is_told or found.failing_since is None or tx.now - found.failing_since < TOLD_AFTER:
        return
    store.keep(tx, msgspec.structs.replace(found, is_told=True))
    handles = [one.handle for one in people.people(tx) if one.role is AccountRole.ADMINISTRATOR]
    subject = "The published status page is not up to date"
    body = (
        f"{subject} since {found.failing_since:%Y-%m-%d %H:%M UTC}: {reason}\n\n"
        f"It is tried again and again. The page here is right: {kept.link(tx, '/status')}\n"
    )
    for handle, address in people.addresses(tx, handles).items():
        key = outbox.unique(f"{store.CHANNEL}-{handle}")
        outbox.queue(
            tx, dedup_key=key, channel=Channel.EMAIL, address=address, subject=subject, body=body, person=handle
        )
