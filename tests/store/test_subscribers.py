"""Telling subscribers: in chunks that go on where they stopped, each of each update once, and never before a page."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import pytest

from tests.support.races import together
from tests.support.smtp import SmtpSink
from tests.support.subscribed import enter, post_of, tell
from tocsin.comms.subscribers import commands, outbox, store
from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.model import FAILURES_MOST, Note, Refusal, State, Subscriber
from tocsin.comms.subscribers.outbox import Due
from tocsin.comms.subscribers.store import Wanted
from tocsin.db.engine import Database, Overtaken, Tx
from tocsin.delivery import outbox as pages
from tocsin.delivery.channel import Delivered, Message, Result, Retry
from tocsin.delivery.outbox import GIVE_UP_AFTER
from tocsin.kit.actor import STRANGER, SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid, Refused
from tocsin.plan.model import Way
from tocsin.response.fanout import BY_HOST, DOUBTFUL, Fanout

KEY = "a key of this test"
WAYS = tuple(Way)


def everybody(database: Database) -> list[Subscriber]:
    with database.read(SYSTEM) as tx:
        return store.listing(tx, Wanted(limit=100_000))


def announce(database: Database, name: str = "ann1", parts: tuple[str, ...] = ("rose", "rose/voice")) -> None:
    with database.work(SYSTEM) as tx:
        told = Announcement(
            id=name,
            kind=Kind.UPDATE,
            about="inc_1",
            name="Voice replies hang",
            stage="investigating",
            text="We look into it.",
            parts=parts,
            affects=("Voice",),
            path="/status/i/x",
            at=tx.now,
        )
        outbox.announce(tx, told)


def spread(database: Database, chunk: int = 3) -> bool:
    known = {"rose": "Rose", "rose/voice": "Voice", "rose/memory": "Memory"}
    return database.run(SYSTEM, lambda tx: outbox.spread(tx, WAYS, known, chunk))


def claim(database: Database, limit: int = 1000) -> list[Due]:
    return database.run(SYSTEM, lambda tx: outbox.claim(tx, "email", limit, None))


def record(database: Database, one: Due, result: Result) -> bool:
    return database.run(SYSTEM, lambda tx: outbox.record(tx, one, result))


def keys(messages: Sequence[Due]) -> Counter[str]:
    return Counter(one.id for one in messages)


def test_an_announcement_is_spread_in_chunks_until_everybody_has_a_message(database: Database) -> None:
    people = enter(database, 10)
    announce(database)
    assert [spread(database) for _ in range(5)] == [True, True, True, True, False]
    assert keys(claim(database)) == Counter(f"ann1-{one.id}" for one in people)


def _spread_and_die(tx: Tx) -> None:
    outbox.spread(tx, WAYS, (), 3)
    raise RuntimeError("killed here")


def test_a_chunk_that_was_not_committed_is_spread_again_and_one_that_was_is_not(database: Database) -> None:
    enter(database, 7)
    announce(database)
    assert spread(database)
    with pytest.raises(RuntimeError):
        database.run(SYSTEM, _spread_and_die)
    while spread(database):
        pass
    found = keys(claim(database))
    assert len(found) == 7 and set(found.values()) == {1}


def test_two_nodes_spread_and_claim_at_the_same_time_and_nobody_is_told_twice(database: Database) -> None:
    people = enter(database, 200)
    for name in ("ann1", "ann2"):
        announce(database, name)

    def node() -> list[Due]:
        found: list[Due] = []
        while True:
            more = spread(database, 7)
            taken = claim(database, 5)
            found += taken
            if not more and not taken:
                return found

    mine, yours = together(node, node)
    wire = keys([*mine, *yours, *claim(database)])
    assert set(wire.values()) == {1}
    assert set(wire) == {f"{name}-{one.id}" for name in ("ann1", "ann2") for one in people}


def test_the_same_announcement_can_not_be_made_twice(database: Database) -> None:
    announce(database)
    with pytest.raises(Overtaken):
        announce(database)


@pytest.mark.parametrize(
    ("chosen", "touched", "is_told"),
    [
        ((), ("rose", "rose/voice"), True),
        (("rose",), ("rose", "rose/voice"), True),
        (("rose/voice",), ("rose", "rose/voice"), True),
        (("rose/memory",), ("rose", "rose/voice"), False),
        (("rose/memory",), (), True),
        (("rose/gone",), ("rose", "rose/voice"), True),
    ],
)
def test_each_is_told_of_what_they_chose(
    database: Database, chosen: tuple[str, ...], touched: tuple[str, ...], is_told: bool
) -> None:
    enter(database, 1, chosen)
    announce(database, parts=touched)
    while spread(database):
        pass
    assert len(claim(database)) == is_told


def test_whoever_comes_later_or_has_not_confirmed_is_not_told(database: Database, clock: ManualClock) -> None:
    announce(database)
    clock.advance_to(clock.now() + timedelta(seconds=1))
    enter(database, 2)
    database.run(STRANGER, lambda tx: commands.ask(tx, Way.EMAIL, "new@example.org", ()))
    while spread(database):
        pass
    assert [one.kind for one in claim(database)] == [Note.CONFIRM]


def test_whoever_has_left_is_told_nothing_more_and_nothing_is_known_of_them(database: Database) -> None:
    first, *_ = enter(database, 3)
    announce(database)
    while spread(database):
        pass
    with database.work(SYSTEM) as tx:
        commands.erase(tx, first.id)
        assert outbox.sent_to(tx, first.id) == []
        assert [(one.by, one.what) for one in store.acts_of(tx, first.id)] == [("tocsin", "erased")]
    assert first.id not in {one.subscriber.id for one in claim(database)}
    announce(database, "ann2")
    while spread(database):
        pass
    assert len(claim(database)) == 2


def test_what_is_taken_back_reaches_nobody_who_has_not_been_told(database: Database) -> None:
    enter(database, 7)
    announce(database)
    spread(database)
    with database.work(SYSTEM) as tx:
        outbox.take_back(tx, "inc_1")
        told = outbox.announcement(tx, "ann1")
    assert not spread(database) and claim(database) == []
    assert told is not None and (told.name, told.text) == ("", "")


def test_what_was_leased_by_a_node_that_is_gone_falls_due_under_the_same_keys(
    database: Database, clock: ManualClock
) -> None:
    enter(database, 4)
    announce(database)
    while spread(database):
        pass
    first = database.run(SYSTEM, lambda tx: outbox.claim(tx, "email", 3, "dead node"))
    assert len(claim(database)) == 1
    with database.work(SYSTEM) as tx:
        assert outbox.holders(tx) == ["dead node"]
        assert outbox.free(tx, "dead node") == 3
    again = claim(database)
    assert keys(again) == keys(first) and {one.attempts for one in again} == {2}
    clock.advance_to(clock.now() + outbox.LEASE)
    assert len(claim(database)) == 4


def test_a_message_is_tried_again_for_a_day_and_then_given_up(database: Database, clock: ManualClock) -> None:
    enter(database, 1)
    announce(database)
    while spread(database):
        pass
    (one,) = claim(database)
    assert record(database, one, Retry("SMTP 451")) is False
    assert claim(database) == []
    clock.advance_to(clock.now() + timedelta(minutes=6))
    (one,) = claim(database)
    clock.advance_to(clock.now() + GIVE_UP_AFTER)
    assert record(database, one, Retry("SMTP 451")) is True
    clock.advance_to(clock.now() + timedelta(days=1))
    assert claim(database) == []


def came_back(database: Database, kind: Refusal, reason: str = "SMTP 550 no") -> Subscriber:
    (one,) = everybody(database)
    database.run(SYSTEM, lambda tx: commands.came_back(tx, one, kind, reason))
    return everybody(database)[0]


def test_an_address_where_nobody_is_is_turned_off_at_once(database: Database) -> None:
    enter(database, 1)
    one = came_back(database, Refusal.GONE)
    assert (one.state, one.last_error) == (State.OFF, "SMTP 550 no")
    announce(database)
    while spread(database):
        pass
    assert claim(database) == []


def test_other_refusals_turn_it_off_when_they_are_many_within_a_month(database: Database, clock: ManualClock) -> None:
    enter(database, 1)
    assert [came_back(database, Refusal.FINAL).state for _ in range(FAILURES_MOST - 1)] == [State.ACTIVE] * 2
    clock.advance_to(clock.now() + timedelta(days=31))
    assert came_back(database, Refusal.FINAL).failures == 1
    assert came_back(database, Refusal.FINAL).state is State.ACTIVE
    assert came_back(database, Refusal.FINAL).state is State.OFF


def test_a_refusal_of_ourselves_turns_nobody_off(database: Database) -> None:
    enter(database, 1)
    for _ in range(10):
        assert came_back(database, Refusal.OURS).failures == 0
    assert everybody(database)[0].state is State.ACTIVE


def test_an_administrator_turns_somebody_off_and_on_and_it_is_noted(database: Database) -> None:
    (one,) = enter(database, 1)
    database.run(SYSTEM, lambda tx: commands.turn_off(tx, one.id, "asked by telephone"))
    with pytest.raises(Refused):
        database.run(SYSTEM, lambda tx: commands.turn_off(tx, one.id, ""))
    assert everybody(database)[0].state is State.OFF
    database.run(SYSTEM, lambda tx: commands.turn_on(tx, one.id))
    assert everybody(database)[0].is_active
    with database.read(SYSTEM) as tx:
        assert [each.what for each in store.acts_of(tx, one.id)] == ["turned off", "turned on"]


def test_only_an_administrator_may_see_to_them(database: Database) -> None:
    (one,) = enter(database, 1)
    tried: list[Callable[[Tx], object]] = [
        lambda tx: commands.erase(tx, one.id),
        lambda tx: commands.export(tx, one.id),
        lambda tx: commands.turn_off(tx, one.id, ""),
        lambda tx: commands.turn_on(tx, one.id),
        lambda tx: commands.enter(tx, ["a@example.org"], "they asked"),
    ]
    for command in tried:
        with pytest.raises(Forbidden):
            database.run(STRANGER, command)
    assert everybody(database) == [one]


def test_people_from_a_list_are_told_so_once_and_those_who_are_known_are_not(database: Database) -> None:
    enter(database, 1)
    found = database.run(SYSTEM, lambda tx: commands.enter(tx, ["P0@example.org", "new@example.org"], "they asked us"))
    assert found == (1, 1)
    (mail,) = claim(database)
    assert (mail.kind, mail.subscriber.address, mail.subscriber.consent) == (
        Note.LISTED,
        "new@example.org",
        "they asked us",
    )
    with pytest.raises(Invalid, match="Line 2"):
        database.run(SYSTEM, lambda tx: commands.enter(tx, ["a@example.org", "no address"], "they asked"))
    assert len(everybody(database)) == 2


def test_what_was_sent_a_month_ago_is_forgotten(database: Database, clock: ManualClock) -> None:
    enter(database, 2)
    announce(database)
    while spread(database):
        pass
    for one in claim(database):
        record(database, one, Delivered())
    clock.advance_to(clock.now() + outbox.KEPT_FOR + timedelta(days=1))
    with database.work(SYSTEM) as tx:
        assert outbox.thin(tx) == 2


def test_the_list_is_read_page_by_page(database: Database) -> None:
    people = enter(database, 7)
    with database.read(SYSTEM) as tx:
        first = store.listing(tx, Wanted(limit=4))
        rest = store.listing(tx, Wanted(limit=4, after=first[-1].id))
        assert [*first, *rest] == people
        assert [one.address for one in store.listing(tx, Wanted(text="P3@"))] == ["p3@example.org"]
        assert store.listing(tx, Wanted(text="%")) == [] == store.listing(tx, Wanted(state=State.OFF))
        assert store.counts(tx) == {(Way.EMAIL, State.ACTIVE): 7}


def test_a_page_that_is_due_goes_first(database: Database) -> None:
    """While something that wakes somebody is about to leave, nothing leaves for subscribers."""
    enter(database, 3)
    announce(database)
    with database.work(SYSTEM) as tx:
        about = {"channel": "email", "address": "ana@rose.example", "subject": "s", "body": "b"}
        pages.queue(tx, dedup_key="k", page_id="pag_1", incident_id="inc_1", **about)
    with SmtpSink() as sink:
        fanout = Fanout(database, post_of(sink, KEY))
        assert asyncio.run(fanout.turn()) is True
        assert sink.attempts == 0
        with database.work(SYSTEM) as tx:
            assert outbox.has_news(tx)
            (page,) = pages.claim(tx, 10)
            pages.record(tx, page, Delivered())
        tell(database, sink, KEY)
        assert len(sink.messages) == 3


def test_without_a_mail_server_mails_wait(database: Database) -> None:
    enter(database, 2)
    announce(database)
    tell(database, None, KEY)
    with database.read(SYSTEM) as tx:
        assert outbox.waiting(tx) == 2


def test_what_the_mail_server_refuses_counts_for_the_one_it_is_about(database: Database) -> None:
    enter(database, 3)
    announce(database)
    with SmtpSink() as sink:
        sink.answer("RCPT", "550 5.1.1 No such user", times=1)
        tell(database, sink, KEY)
        assert len(sink.messages) == 2
    assert Counter(one.state for one in everybody(database)) == {State.ACTIVE: 2, State.OFF: 1}


def test_when_the_mail_server_takes_nothing_everything_waits_and_comes_once(
    database: Database, clock: ManualClock
) -> None:
    enter(database, 20)
    announce(database)
    with SmtpSink() as sink:
        sink.answer("MAIL", "421 Closing")
        tell(database, sink, KEY)
        assert sink.messages == []
        sink.behave()
        clock.advance_to(clock.now() + timedelta(minutes=5))
        tell(database, sink, KEY)
        assert len({mail.message_id for mail in sink.messages}) == len(sink.messages) == 20


def test_only_those_are_told_whose_way_the_plan_has(database: Database) -> None:
    enter(database, 2)
    announce(database)
    assert database.run(SYSTEM, lambda tx: outbox.spread(tx, (Way.SLACK,), ("rose",), 10))
    assert claim(database) == []


# ---- Webhooks at one host --------------------------------------------------------------------------------------------


class Hooks:
    """The endpoints of one host, as a channel: some of them never answer, until they are let go."""

    def __init__(self, hanging: Collection[str]) -> None:
        self.hanging = hanging
        self.called: list[str] = []
        self.let_go = asyncio.Event()

    async def send(self, message: Message) -> Result:
        self.called.append(message.address)
        if message.address not in self.hanging:
            return Delivered()
        await self.let_go.wait()
        return Retry("no answer", down=True)


def hook(database: Database, path: str) -> str:
    """Somebody who is told by a webhook of a host that many use."""
    address = f"https://hooks.example/{path}"
    with database.work(SYSTEM) as tx:
        one = Subscriber(
            id=f"sub_{path}",
            way=Way.WEBHOOK,
            address=address,
            state=State.ACTIVE,
            made_at=tx.now,
            made_by="a test",
            confirmed_at=tx.now,
        )
        store.add(tx, one, store.place_of(Way.WEBHOOK, address))
    return address


async def turn(fanout: Fanout, times: int = 12) -> None:
    """Let it turn, without waiting for whoever hangs."""
    for _ in range(times):
        await fanout.turn()
        await asyncio.sleep(0.01)


def test_a_webhook_that_hangs_keeps_no_other_of_its_host_waiting(database: Database) -> None:
    slow = [hook(database, f"slow{number}") for number in range(6)]
    good = hook(database, "good")
    for number in range(3):
        announce(database, f"ann{number}")
    hooks = Hooks(slow)

    async def night() -> None:
        fanout = Fanout(database, post_of(None, KEY, {Way.WEBHOOK: hooks}))
        await turn(fanout)
        assert sorted(hooks.called) == sorted([*slow, good, good, good])
        hooks.let_go.set()
        await fanout.close()

    asyncio.run(night())


def test_those_that_did_not_answer_last_never_take_all_the_places_of_their_host(
    database: Database, clock: ManualClock
) -> None:
    slow = [hook(database, f"slow{number}") for number in range(BY_HOST + 3)]
    announce(database)
    hooks = Hooks(slow)

    async def night() -> None:
        fanout = Fanout(database, post_of(None, KEY, {Way.WEBHOOK: hooks}))
        await turn(fanout)
        assert len(hooks.called) == BY_HOST  # the host is somebody else's
        assert fanout.next_due() is None or fanout.next_due() > database.now()  # so nothing spins
        hooks.let_go.set()
        await turn(fanout)
        assert sorted(hooks.called) == sorted(slow)
        hooks.let_go.clear()
        clock.advance_to(clock.now() + timedelta(hours=1))
        await turn(fanout)
        assert len(hooks.called) == len(slow) + DOUBTFUL
        good = hook(database, "good")
        announce(database, "next")
        await turn(fanout)
        assert good in hooks.called
        hooks.let_go.set()
        await fanout.close()

    asyncio.run(night())
