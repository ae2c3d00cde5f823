"""Lanes: a provider that hangs, fails or is away delays its own messages and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from tests.support.hanging import Hanging, hanging
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.breaker import FIRST_REST, TRIP_AFTER
from tocsin.delivery.channel import Channel, Dead, Delivered, Message, MessageState, Result, Retry
from tocsin.delivery.http import PublicResolver, WebhookChannel, open_session
from tocsin.delivery.store import Receipt, ReceiptKind
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.response import commands, dispatch
from tocsin.response.dispatch import Dispatcher

QUITE_LONG = timedelta(seconds=60)


class Mailbox:
    """A channel that takes everything, or answers as it is told."""

    def __init__(self, *answers: Result) -> None:
        self.taken: list[Message] = []
        self.answers = list(answers)

    async def send(self, message: Message) -> Result:
        self.taken.append(message)
        return self.answers.pop(0) if self.answers else Delivered("mail-1")


def queue(database: Database, channel: str, count: int, address: str = "a@b.example") -> None:
    with database.work(SYSTEM) as tx:
        for place in range(count):
            key = f"{channel}-{address}-{place}"
            outbox.queue(tx, dedup_key=key, channel=channel, address=address, subject="s", body="{}")


def messages(database: Database, **wanted: Any) -> list[Message]:
    with database.read(SYSTEM) as tx:
        found = [outbox._message(row) for row in tx.all(outbox.table.select().order_by(outbox.table.c.dedup_key))]
    return [one for one in found if all(getattr(one, name) == value for name, value in wanted.items())]


def receipts_of(database: Database, message: Message) -> list[Receipt]:
    with database.read(SYSTEM) as tx:
        return receipts.of_messages(tx, [message.id])[message.id]


@asynccontextmanager
async def webhooks(clock: ManualClock) -> AsyncIterator[tuple[Hanging, Channel]]:
    resolver = PublicResolver(allow_private=True)
    async with hanging() as server, open_session(resolver, QUITE_LONG) as http:
        yield server, WebhookChannel(lambda: http, resolver, clock)


def test_a_page_by_mail_passes_a_thousand_messages_of_a_provider_that_hangs(
    database: Database, clock: ManualClock
) -> None:
    async def story() -> None:
        async with webhooks(clock) as (server, hook):
            mail = Mailbox()
            dispatcher = Dispatcher(database, {"webhook": hook, "email": mail})
            queue(database, "webhook", 1000, server.url())
            while await dispatcher.turn():
                pass
            await server.requested(dispatch.WIDTH)
            act(database, lambda tx: commands.declare(tx, **OUTAGE))
            assert await dispatcher.turn() == 1
            while not messages(database, channel="email", state=MessageState.SENT):
                await asyncio.sleep(0.005)
            assert [one.person for one in mail.taken] == ["ana"]
            assert server.requests == dispatch.WIDTH
            assert len(messages(database, channel="webhook", state=MessageState.QUEUED)) == 1000
            leased = clock.now() + outbox.LEASE  # nothing is to be done before a lane has room: nobody turns in vain
            assert dispatcher.next_due() in (None, leased)
            server.released.set()
            await dispatcher.drained()
            assert len(messages(database, channel="webhook", state=MessageState.SENT)) == dispatch.WIDTH
            assert await dispatcher.turn() == dispatch.WIDTH
            await dispatcher.close(QUITE_LONG)

    asyncio.run(story())


def test_one_server_of_the_web_that_hangs_delays_no_other(database: Database, clock: ManualClock) -> None:
    async def story() -> None:
        async with webhooks(clock) as (slow, hook), hanging() as quick:
            quick.released.set()
            dispatcher = Dispatcher(database, {"webhook": hook})
            queue(database, "webhook", 50, slow.url())
            await dispatcher.turn()
            await slow.requested(dispatch.WIDTH)
            queue(database, "webhook", 1, quick.url("localhost"))
            await dispatcher.turn()
            while not messages(database, address=quick.url("localhost"), state=MessageState.SENT):
                await asyncio.sleep(0.005)
            await dispatcher.close(timedelta(0))

    asyncio.run(story())


def test_what_does_not_answer_in_time_is_tried_again_later(database: Database, clock: ManualClock) -> None:
    async def story() -> None:
        async with webhooks(clock) as (server, hook):
            dispatcher = Dispatcher(database, {"webhook": hook}, within=timedelta(milliseconds=50))
            queue(database, "webhook", 1, server.url())
            await dispatcher.turn()
            await dispatcher.drained()

    asyncio.run(story())
    (message,) = messages(database)
    assert (message.state, message.attempts) == (MessageState.QUEUED, 1)
    assert message.last_error == "no answer within 0.05 s"
    assert message.send_at > clock.now()
    (receipt,) = receipts_of(database, message)
    assert (receipt.kind, receipt.detail) == (ReceiptKind.DEFERRED, "no answer within 0.05 s")


def test_a_server_that_stops_gives_up_what_hangs_and_it_stays_leased(database: Database, clock: ManualClock) -> None:
    async def story() -> None:
        async with webhooks(clock) as (server, hook):
            dispatcher = Dispatcher(database, {"webhook": hook})
            queue(database, "webhook", 3, server.url())
            await dispatcher.turn()
            await server.requested(3)
            await dispatcher.close(timedelta(milliseconds=10))

    asyncio.run(story())
    assert {one.send_at for one in messages(database)} == {clock.now() + outbox.LEASE}


DOWN = Retry("connection refused", down=True)


def sent_by(database: Database, channel: Channel, *, turns: int = 1) -> Dispatcher:
    dispatcher = Dispatcher(database, {"email": channel}, width=1)

    async def story() -> None:
        for _ in range(turns):
            await dispatcher.turn()
            await dispatcher.drained()

    asyncio.run(story())
    return dispatcher


def test_a_provider_that_failed_five_times_in_a_row_is_left_alone_and_its_messages_wait(
    database: Database, clock: ManualClock
) -> None:
    mail = Mailbox(*[DOWN] * TRIP_AFTER)
    queue(database, "email", 300)
    dispatcher = sent_by(database, mail, turns=TRIP_AFTER + 3)
    assert len(mail.taken) == TRIP_AFTER
    resting = [one for one in messages(database) if one.last_error == dispatch.RESTING]
    assert len(resting) == 300 - TRIP_AFTER
    assert {one.attempts for one in resting} == {0}
    assert min(one.send_at for one in resting) >= clock.now() + FIRST_REST
    due_at = dispatcher.next_due()
    assert due_at is not None
    assert due_at > clock.now()


def test_after_its_rest_one_message_finds_out_whether_it_is_back(database: Database, clock: ManualClock) -> None:
    mail = Mailbox(*[DOWN] * dispatch.WIDTH)
    queue(database, "email", 20)
    dispatcher = Dispatcher(database, {"email": mail})

    async def turn() -> int:
        begun = await dispatcher.turn()
        await dispatcher.drained()
        return begun

    assert asyncio.run(turn()) == dispatch.WIDTH  # they had set out before the first came back
    mail.answers = [DOWN, Delivered()]
    clock.advance_to(clock.now() + FIRST_REST * 1.5)
    tried = len(mail.taken)
    assert asyncio.run(turn()) == 1
    assert len(mail.taken) == tried + 1
    assert asyncio.run(turn()) > 0  # deferred, not tried
    assert len(mail.taken) == tried + 1
    clock.advance_to(clock.now() + FIRST_REST * 3)
    assert asyncio.run(turn()) == 1
    assert asyncio.run(turn()) == dispatch.WIDTH


def test_a_refusal_of_one_address_says_nothing_about_the_provider(database: Database) -> None:
    mail = Mailbox(*[Retry("SMTP 451 greylisted")] * 8, *[Dead("SMTP 550 no such mailbox")] * 8)
    queue(database, "email", 20)
    sent_by(database, mail, turns=20)
    assert len(mail.taken) == 20


def test_what_became_of_a_message_is_kept_step_by_step(database: Database, clock: ManualClock) -> None:
    queue(database, "email", 1)
    mail = Mailbox(Retry("SMTP 451"), Delivered("<id@provider>", "relay"))
    sent_by(database, mail)
    clock.advance_to(clock.now() + timedelta(seconds=3))
    sent_by(database, mail)
    (message,) = messages(database)
    assert message.provider_id == "<id@provider>"
    kept = [(one.kind, one.provider, one.provider_id, one.detail) for one in receipts_of(database, message)]
    assert kept == [
        (ReceiptKind.DEFERRED, "", "", "SMTP 451"),
        (ReceiptKind.SENT, "relay", "<id@provider>", ""),
    ]


def test_when_one_way_fails_the_persons_next_one_is_tried_at_once(database: Database, clock: ManualClock) -> None:
    with database.work(SYSTEM) as tx:
        outbox.queue(tx, dedup_key="1", channel="email", address="a@b.example", subject="s", body="b", page_id="pag_1")
        later = clock.now() + timedelta(minutes=3)
        about: dict[str, Any] = {"subject": "s", "body": "b", "page_id": "pag_1", "send_at": later}
        outbox.queue(tx, dedup_key="2", channel="email", address="b@b.example", **about)
        much_later = {**about, "send_at": later + timedelta(minutes=3)}
        outbox.queue(tx, dedup_key="3", channel="email", address="c@b.example", **much_later)
    mail = Mailbox(Retry("SMTP 451"))
    sent_by(database, mail)
    assert [one.send_at for one in messages(database)][1:] == [clock.now(), later + timedelta(minutes=3)]


OUTAGE: dict[str, Any] = {"title": "It hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


def act(database: Database, command: Callable[..., Any]) -> Any:
    return database.run(SYSTEM, command)


def test_a_page_that_waits_for_a_resting_lane_hurries_the_next_way_and_not_itself(
    database: Database, clock: ManualClock
) -> None:
    mail = Mailbox(*[DOWN] * TRIP_AFTER)
    queue(database, "email", TRIP_AFTER)
    with database.work(SYSTEM) as tx:
        about: dict[str, Any] = {"subject": "s", "body": "b", "page_id": "pag_1"}
        outbox.queue(tx, dedup_key="p1", channel="email", address="a@b.example", **about, send_at=clock.now())
        later = clock.now() + timedelta(minutes=3)
        outbox.queue(tx, dedup_key="p2", channel="sms", address="+491701", **about, send_at=later)
    dispatcher = Dispatcher(database, {"email": mail}, width=1)
    for _ in range(TRIP_AFTER):
        dispatcher._lane("email").breaker.failed(clock.now())

    async def story() -> None:
        assert await dispatcher.turn() == TRIP_AFTER + 1
        assert await dispatcher.turn() == 1  # the second way, which no channel of this test takes
        await dispatcher.drained()
        assert await dispatcher.turn() == 0

    asyncio.run(story())
    assert mail.taken == []
    (first,) = messages(database, dedup_key="p1")
    assert first.send_at >= clock.now() + FIRST_REST
    assert [one.detail for one in receipts_of(database, first)] == [dispatch.RESTING]
    (second,) = messages(database, dedup_key="p2")
    assert second.attempts == 1
