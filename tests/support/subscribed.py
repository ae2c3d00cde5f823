"""Telling subscribers in a test: the real fan-out, over real SMTP to a sink of this machine."""

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta

from tests.support.smtp import Received, SmtpSink
from tocsin.comms.subscribers import store
from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.comms.subscribers.store import Wanted
from tocsin.db import settings as kept
from tocsin.db.engine import Database
from tocsin.delivery.bulkmail import MailPool
from tocsin.delivery.channel import Channel
from tocsin.delivery.email import smtp_server
from tocsin.kit.actor import SYSTEM
from tocsin.kit.ids import new_id
from tocsin.plan.model import Way
from tocsin.response.fanout import Fanout, Post

DOMAIN = "status.example"
REPLY_TO = f"tocsin@{DOMAIN}"
_LINK = re.compile(r"https?://\S+")


def enter(database: Database, count: int, parts: tuple[str, ...] = (), first: int = 0) -> list[Subscriber]:
    """So many who are told by mail and have confirmed: p0@example.org and so on. Returns everybody, by id."""
    with database.work(SYSTEM) as tx:
        for number in range(first, first + count):
            one = Subscriber(
                id=new_id("sub", 12),
                way=Way.EMAIL,
                address=f"p{number}@example.org",
                parts=parts,
                state=State.ACTIVE,
                made_at=tx.now,
                made_by="a test",
                confirmed_at=tx.now,
            )
            store.add(tx, one, store.place_of(Way.EMAIL, one.address))
    with database.read(SYSTEM) as tx:
        return store.listing(tx, Wanted(limit=100_000))


def post_of(
    sink: SmtpSink | None, key: str, channels: Mapping[Way, Channel] | None = None, reply_to: str = REPLY_TO
) -> Post:
    mail = None
    if sink:
        mail = MailPool(smtp_server(f"smtp://{sink.host}:{sink.port}?starttls=no"), DOMAIN, timedelta(seconds=5))
    return Post(
        mail=mail,
        channels=channels or {},
        sender=f"Status <{REPLY_TO}>",
        reply_to=reply_to,
        domain=DOMAIN,
        signing_key=key,
    )


def tell(database: Database, sink: SmtpSink | None, key: str, channels: Mapping[Way, Channel] | None = None) -> None:
    """Spread and send everything that is due."""

    async def turns() -> None:
        fanout = Fanout(database, post_of(sink, key, channels))
        while await fanout.turn():
            await fanout.drained()
        await fanout.close()

    asyncio.run(turns())


class Readers:
    """Users who subscribed to the status page by mail, and what they were sent."""

    def __init__(self, database: Database, sink: SmtpSink, count: int = 2) -> None:
        self._database, self._sink, self._key = database, sink, database.run(SYSTEM, kept.signing_key).decode()
        self.addresses = [one.address for one in enter(database, count)]

    def hear(self) -> list[Received]:
        """What has come since they were asked last, the same for each of them; returns what one of them got."""
        before = len(self._sink.messages)
        tell(self._database, self._sink, self._key)
        came = self._sink.messages[before:]
        each = {address: [mail for mail in came if mail.recipients == (address,)] for address in self.addresses}
        first = each[self.addresses[0]]
        assert all([one.subject for one in mails] == [one.subject for one in first] for mails in each.values())
        assert len(came) == len(first) * len(each)
        return first


def link(mail: Received, part: str) -> str:
    """The path of the link in a mail that has this in it, the same in its text and on its page."""
    found = {one for one in _LINK.findall(mail.text) if f"/subscribe/{part}/" in one}
    assert len(found) == 1, f"{part}: {found}"
    (whole,) = found
    assert whole in mail.html
    return re.sub(r"^https?://[^/]+", "", whole)
