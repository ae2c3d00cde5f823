"""What happens is told to other programs: once it is on the record, in its order, signed, and to those who may know."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.store.conftest import START
from tests.support.endpoint import Endpoint
from tests.support.races import PATIENCE, in_background, wait_until_blocked
from tocsin.db.engine import Database
from tocsin.delivery import outbox as mails
from tocsin.delivery.hookposts import UNREADABLE, Answer, poster
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.events import commands, outbox, store
from tocsin.events.model import DISABLED_AFTER, KEPT_FOR, WAITS, EventType, Webhook, is_hopeless, wait
from tocsin.incidents.model import Incident
from tocsin.kit.actor import CONFIDENTIAL, SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.plan import store as plans
from tocsin.response import commands as response
from tocsin.response import secrecy, tick
from tocsin.response.calling import Calls
from tocsin.review import commands as reviews

ROOT = Actor("root", ActorKind.PERSON, frozenset({"*", CONFIDENTIAL}))
LUCIA = Actor("lucia", ActorKind.PERSON, frozenset({"*"}))
BASE = "https://tocsin.example.org"


def declare(database: Database, kind: str = "service_outage", severity: str = "P3") -> Incident:
    said: Any = {"title": "Voice is mute", "severity": severity, "type": kind, "service": "rose"}
    return database.run(LUCIA, lambda tx: response.declare(tx, **said))


def make(database: Database, url: str, *types: str, confidential: bool = False) -> Webhook:
    return database.run(ROOT, lambda tx: commands.make(tx, url, "", types, confidential=confidential))


def number(database: Database) -> None:
    while database.run(SYSTEM, lambda tx: outbox.fan_out(tx, 3)):
        pass


def told(database: Database, actor: Actor = SYSTEM) -> list[tuple[str, int | None]]:
    with database.read(actor) as tx:
        return [(str(one.type), one.position) for one in store.after(tx, 0, 1000)]


def called(database: Database, clock: ManualClock, story: Callable[[Endpoint, Calls], Awaitable[None]]) -> Endpoint:
    """Run a story of an endpoint and of those who call it."""

    async def run() -> Endpoint:
        resolver = PublicResolver(allow_private=True)
        async with Endpoint("", clock.now) as there, open_session(resolver, timedelta(seconds=5)) as session:
            await story(there, Calls(database, poster(lambda: session, resolver, clock), BASE))
        return there

    return asyncio.run(run())


async def call(calls: Calls) -> None:
    while await calls.turn():
        await calls.drained()


def test_an_event_is_there_exactly_if_what_it_tells_of_is(database: Database) -> None:
    declare(database, severity="P0")

    def never(tx: Any) -> None:
        response.declare(tx, title="Never", severity="P3", type="service_outage", service="rose")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.run(LUCIA, never)
    assert told(database) == []  # nobody hears of it before it has its place
    number(database)
    kinds = [kind for kind, _ in told(database)]
    assert kinds[:2] == ["plan.applied", "incident.declared"]
    assert kinds.count("incident.declared") == 1 and "page.sent" in kinds
    assert [position for _, position in told(database)] == list(range(1, len(kinds) + 1))


def test_each_promise_of_an_incident_is_told_in_its_order(database: Database, clock: ManualClock) -> None:
    incident = declare(database)
    clock.advance_to(clock.now() + timedelta(minutes=1))
    database.run(LUCIA, lambda tx: response.acknowledge(tx, incident.id))
    database.run(LUCIA, lambda tx: response.change_severity(tx, incident.id, "P2", "it spreads"))
    database.run(LUCIA, lambda tx: response.assign(tx, incident.id, "scribe", "tomas"))
    database.run(LUCIA, lambda tx: response.mitigate(tx, incident.id, "restarted"))
    number(database)
    kinds = [kind for kind, _ in told(database)]
    wanted = ["incident.acknowledged", "page.answered", "severity.changed", "role.taken", "phase.changed"]
    assert [kind for kind in kinds if kind in wanted] == wanted
    with database.read(SYSTEM) as tx:
        (changed,) = store.after(tx, 0, 10, ["severity.changed"])
        (phase,) = store.after(tx, 0, 10, ["phase.changed"])
    assert (changed.data["before"], changed.data["severity"], changed.data["by"]) == ("P3", "P2", "lucia")
    assert changed.data["incident"]["number"] == incident.number
    assert (phase.data["before"], phase.data["status"]) == ("investigating", "mitigating")


def test_what_is_confidential_goes_only_where_it_may(database: Database) -> None:
    everybody, trusted = make(database, "https://a.example/"), make(database, "https://b.example/", confidential=True)
    secret = declare(database, "security")
    opened = declare(database)
    number(database)

    def of(one: Webhook) -> set[str | None]:
        with database.read(SYSTEM) as tx:
            events = store.load_many(tx, {each.event_id for each in outbox.latest(tx, one.id, 1000)})
            return {event.incident_id for event in events.values()} - {None}

    assert of(everybody) == {opened.id}
    assert of(trusted) == {opened.id, secret.id}
    # What becomes confidential before it has left does not leave either.
    database.run(LUCIA, lambda tx: secrecy.make_confidential(tx, opened.id, "a customer's name"))
    taken = database.run(SYSTEM, lambda tx: outbox.claim(tx, everybody.id, 100))
    about = [event for _, event in taken if event is not None]
    assert taken and all(event.incident_id is None for event in about)
    with pytest.raises(Forbidden):
        database.run(LUCIA, lambda tx: commands.make(tx, "https://c.example/", "", [], confidential=True))


def test_what_hears_of_confidential_incidents_is_led_elsewhere_only_by_who_sees_them(database: Database) -> None:
    trusted = make(database, "https://b.example/", "incident.closed", confidential=True)
    for change in ({"url": "https://mine.example/"}, {"types": []}):
        with pytest.raises(Forbidden):
            database.run(LUCIA, lambda tx, change=change: commands.change(tx, trusted.id, **change))
        database.run(ROOT, lambda tx, change=change: commands.change(tx, trusted.id, **change))
    assert database.run(LUCIA, lambda tx: commands.change(tx, trusted.id, description="Ours")).description == "Ours"


def test_nothing_waits_for_an_endpoint_that_was_removed_meanwhile(nodes: tuple[Database, Database]) -> None:
    """It would fall due for ever, and be called by nobody."""
    one, other = nodes
    gone = make(one, "https://a.example/")
    declare(one)
    with one.work(SYSTEM) as tx:
        outbox.fan_out(tx, 100)
        tx.flush()
        late = in_background(lambda: other.run(LUCIA, lambda tx: commands.remove(tx, gone.id)))
        wait_until_blocked(other)
    late.result(PATIENCE)
    with one.read(SYSTEM) as tx:
        assert outbox.next_due(tx, ()) is None


def test_an_endpoint_hears_what_it_listens_to_signed_and_once(database: Database, clock: ManualClock) -> None:
    async def story(there: Endpoint, calls: Calls) -> None:
        there.secret = make(database, there.url, "incident.declared", "incident.acknowledged").secret
        there.answers = [503]
        incident = declare(database)
        database.run(LUCIA, lambda tx: response.acknowledge(tx, incident.id))
        await call(calls)
        assert there.types == ["incident.acknowledged"]  # the other one waits for its second try
        clock.advance_to(clock.now() + WAITS[0] * 1.25)
        await call(calls)
        assert there.types == ["incident.acknowledged", "incident.declared"]
        link = there.heard[0]["data"]["incident"]["link"]
        assert link == f"{BASE}/incidents/{incident.id}"
        clock.advance_to(clock.now() + timedelta(days=2))
        await call(calls)
        assert len(there.heard) == 2

    called(database, clock, story)


def test_while_a_secret_is_changed_both_sign(database: Database, clock: ManualClock) -> None:
    async def story(there: Endpoint, calls: Calls) -> None:
        one = make(database, there.url, "plan.applied")
        there.secret = one.secret
        await call(calls)  # what happened before it was made
        newer = database.run(ROOT, lambda tx: commands.rotate(tx, one.id))
        database.run(ROOT, lambda tx: commands.try_out(tx, one.id))
        await call(calls)
        there.secret = newer.secret
        database.run(ROOT, lambda tx: commands.try_out(tx, one.id))
        await call(calls)
        assert there.types[-2:] == ["tocsin.test"] * 2
        assert [len(one.split()) for one in there.signatures[-2:]] == [2, 2]
        clock.advance_to(clock.now() + timedelta(days=1, seconds=1))
        database.run(ROOT, lambda tx: commands.try_out(tx, one.id))
        await call(calls)
        assert len(there.signatures[-1].split()) == 1

    called(database, clock, story)


def test_after_days_of_failure_it_is_disabled_and_somebody_is_told(database: Database, clock: ManualClock) -> None:
    async def story(there: Endpoint, calls: Calls) -> None:
        one = make(database, there.url, "incident.declared")
        there.secret, there.answers = one.secret, [500] * 20
        before = declare(database)
        for _ in range(20):
            await call(calls)
            clock.advance_to(clock.now() + timedelta(hours=13))
        with database.read(SYSTEM) as tx:
            found = outbox.load(tx, one.id)
            (delivery,) = outbox.latest(tx, one.id, 10)
            said = [each.subject for each in mails.undelivered(tx, 10)]
            queued = tx.scalar(mails.select(mails.func.count()).where(mails.table.c.dedup_key.like("webhook-%")))
        assert found.disabled_at is not None and "five days" in found.disabled_because
        assert (delivery.state, delivery.status, delivery.answer) == ("dead", 500, "answer 500")
        assert said == [] and queued > 0
        there.answers = []
        database.run(ROOT, lambda tx: commands.enable(tx, one.id))
        assert database.run(ROOT, lambda tx: commands.replay_since(tx, one.id, before.declared_at)) == 1
        database.run(ROOT, lambda tx: commands.replay_one(tx, one.id, delivery.id))
        await call(calls)
        assert there.types == ["incident.declared"] * 2
        assert set(there.ids) == {delivery.event_id}

    called(database, clock, story)


def test_one_that_says_it_is_gone_is_disabled_at_once(database: Database, clock: ManualClock) -> None:
    async def story(there: Endpoint, calls: Calls) -> None:
        one = make(database, there.url, "incident.declared")
        there.secret, there.answers = one.secret, [410]
        declare(database)
        await call(calls)
        with database.read(SYSTEM) as tx:
            assert outbox.load(tx, one.id).disabled_at is not None

    called(database, clock, story)


def test_an_endpoint_that_is_not_there_keeps_nothing_and_nobody_waiting(database: Database, clock: ManualClock) -> None:
    async def story(there: Endpoint, calls: Calls) -> None:
        dead = make(database, "http://127.0.0.1:9/hooks", "incident.declared")
        there.secret = make(database, there.url, "incident.declared").secret
        for _ in range(3):
            declare(database)
        await call(calls)
        assert there.types == ["incident.declared"] * 3
        with database.read(SYSTEM) as tx:
            tries = [(one.attempts, one.status) for one in outbox.latest(tx, dead.id, 10)]
        assert sorted(tries) == [(0, None), (0, None), (1, None)]

    called(database, clock, story)


def test_events_are_forgotten_after_a_month(database: Database, clock: ManualClock) -> None:
    make(database, "https://a.example/")
    declare(database)
    number(database)
    clock.advance_to(clock.now() + KEPT_FOR + timedelta(seconds=1))
    database.run(SYSTEM, store.thin)
    database.run(SYSTEM, outbox.thin)
    assert told(database) == []
    declare(database)
    number(database)
    assert min(position or 0 for _, position in told(database)) > 1


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "https://", "https://u:p@a.example/", "http://a b/", "https://[/", "é://a"]
)
def test_an_address_that_cannot_be_called_is_refused(database: Database, url: str) -> None:
    with pytest.raises(Invalid):
        make(database, url)


def test_an_unknown_event_is_refused_and_the_meant_one_named(database: Database) -> None:
    with pytest.raises(Invalid, match=r"did you mean incident\.declared"):
        make(database, "https://a.example/", "incident.declare")
    with pytest.raises(Invalid):
        make(database, "https://a.example/", str(EventType.TEST))


def test_the_waits_grow_and_end() -> None:
    waits = [wait(attempt, 0.0) for attempt in range(1, len(WAITS) + 2)]
    assert waits == [*WAITS, None]
    assert wait(1, 1.0) == WAITS[0] * 1.25
    now = START + DISABLED_AFTER
    assert not is_hopeless(None, now) and not is_hopeless(START + timedelta(seconds=1), now) and is_hopeless(START, now)


def test_what_falls_due_is_missed_or_not_answered_is_told(database: Database, clock: ManualClock) -> None:
    incident = declare(database, severity="P0")
    for _ in range(12):
        clock.advance_to(clock.now() + timedelta(minutes=10))
        while database.run(SYSTEM, tick.settle_due)[0]:
            pass
    database.run(LUCIA, lambda tx: response.change_severity(tx, incident.id, "P3", "it was less"))
    number(database)
    with database.read(SYSTEM) as tx:
        found = {kind: store.after(tx, 0, 1000, [kind]) for kind in ("obligation.due", "obligation.missed")}
        missed = {one.key for one in obligations.for_incident(tx, incident.id) if one.state is State.MISSED}
    assert {one.data["key"] for one in found["obligation.missed"]} == {
        key for key in missed if not key.startswith("answer")
    }
    assert found["obligation.missed"] and found["obligation.due"]
    kinds = [kind for kind, _ in told(database)]
    assert "page.unanswered" in kinds and kinds.count("page.sent") > 1


def test_a_final_post_mortem_is_told_once_it_is(database: Database) -> None:
    incident = declare(database)
    with database.read(SYSTEM) as tx:
        sections = plans.load(tx, incident.plan_revision).review.sections
    database.run(LUCIA, lambda tx: reviews.write_section(tx, incident.id, dict.fromkeys(sections, "What happened.")))
    database.run(LUCIA, lambda tx: reviews.finalise(tx, incident.id))
    number(database)
    assert told(database)[-1][0] == "postmortem.published"


def answered(clock: ManualClock, says: bytes | None) -> Answer:
    """What is made of an endpoint that answers with these bytes and hangs up; None is one that only hangs."""

    async def run() -> Answer:
        over = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if says is None:
                await reader.read()  # until the other side has had enough
            writer.write(says or b"")
            writer.close()
            with contextlib.suppress(ConnectionError):  # nor need the other side have read it all
                await writer.wait_closed()
            over.set()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        resolver, within = PublicResolver(allow_private=True), timedelta(seconds=0.05 if says is None else 60)
        async with server, open_session(resolver, within) as session:
            found = await poster(lambda: session, resolver, clock, within)(url, "evt_1", ["secret"], b"")
            await over.wait()
            return found

    return asyncio.run(run())


def test_a_status_counts_though_the_words_beside_it_can_not_be_read(clock: ManualClock) -> None:
    no_gzip = answered(clock, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone")
    cut = answered(clock, b"HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 9\r\n\r\n")
    assert (no_gzip.status, no_gzip.is_taken, no_gzip.said) == (200, True, UNREADABLE)
    assert (cut.status, cut.retry_after, cut.said) == (503, timedelta(seconds=9), UNREADABLE)


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (None, "it did not answer in time"),
        (b"", "it hung up without an answer"),
        (b"\x16\x03\x01 no\r\n\r\n", "what came back is not HTTP, or its headers are too long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"q" * 20_000, "what came back is not HTTP, or its headers are too long"),
    ],
)
def test_why_there_was_no_answer_is_told_in_words(clock: ManualClock, says: bytes | None, said: str) -> None:
    assert answered(clock, says).said == said


def test_an_endpoint_that_always_says_soon_is_not_asked_oftener_than_any_other(
    database: Database, clock: ManualClock
) -> None:
    endpoint = make(database, "https://a.example/")
    declare(database)
    number(database)
    with database.read(SYSTEM) as tx:
        first = outbox.latest(tx, endpoint.id, 1)[0].id
    for asked, least, most in ((1, 5, 7), (3600, 3600, 3600), (1, 300, 375)):
        with database.read(SYSTEM) as tx:
            one = outbox.load_delivery(tx, endpoint.id, first)
        after = timedelta(seconds=asked)
        database.run(SYSTEM, partial(outbox.failed, one=one, status=429, answer="", took=0, after=after, gone=False))
        with database.read(SYSTEM) as tx:
            again = outbox.load_delivery(tx, endpoint.id, first)
        assert least <= (again.send_at - clock.now()).total_seconds() <= most
