"""Messages on their way out: leased, tried again ever less often, recorded once, withdrawn when nobody needs them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.races import together
from tocsin.db.engine import Database, Overtaken
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Delivered, Message, MessageState, Retry
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Escalated, Incident, Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.response import commands


def queue(database: Database, *keys: str) -> None:
    with database.work(SYSTEM) as tx:
        for key in keys:
            outbox.queue(tx, dedup_key=key, channel="email", address="a@b.example", subject="Hello", body="Hello")


def claim(database: Database, limit: int = 100) -> list[Message]:
    return database.run(SYSTEM, lambda tx: outbox.claim(tx, limit))


def keys(messages: list[Message]) -> set[str]:
    return {one.dedup_key for one in messages}


def test_a_message_is_due_at_once_and_then_leased(database: Database, clock: ManualClock) -> None:
    queue(database, "k1", "k2", "k3")
    assert keys(claim(database, 2)) < {"k1", "k2", "k3"}
    assert len(claim(database)) == 1
    assert claim(database) == []
    with database.read(SYSTEM) as tx:
        assert outbox.waiting(tx) == 3
        assert outbox.next_due(tx) == clock.now() + outbox.LEASE


def test_the_words_of_a_message_steer_nothing_by_whatever_it_goes(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        said = "\x1b[2Ja\u202egpj.exe \u05e9\u05dc\u05d5\u05dd\n"
        outbox.queue(tx, dedup_key="k", channel="sms", address="+49301", subject=said, body=said)
    (message,) = claim(database)
    assert message.subject == message.body == "\ufffd[2Ja\ufffdgpj.exe \u05e9\u05dc\u05d5\u05dd\n"


def test_when_a_lease_ends_without_a_record_the_message_is_due_again(database: Database, clock: ManualClock) -> None:
    queue(database, "k1")
    (first,) = claim(database)
    clock.advance_to(clock.now() + outbox.LEASE - timedelta(milliseconds=1))
    assert claim(database) == []
    clock.advance_to(clock.now() + timedelta(milliseconds=1))
    (again,) = claim(database)
    assert (again.id, again.dedup_key, again.attempts) == (first.id, "k1", 1)


def test_what_was_sent_is_sent_for_good(database: Database, clock: ManualClock) -> None:
    queue(database, "k1")
    (message,) = claim(database)
    with database.work(SYSTEM) as tx:
        assert outbox.record(tx, message, Delivered()) is False
        assert outbox.record(tx, message, Dead("too late")) is False
        assert outbox.record(tx, message, Retry("too late")) is False
    clock.advance_to(clock.now() + timedelta(days=2))
    assert claim(database) == []
    with database.read(SYSTEM) as tx:
        assert outbox.waiting(tx) == 0
        assert outbox.next_due(tx) is None


def test_a_message_dies_once(database: Database) -> None:
    queue(database, "k1")
    (message,) = claim(database)
    with database.work(SYSTEM) as tx:
        assert outbox.record(tx, message, Dead("SMTP 550")) is True
        assert outbox.record(tx, message, Dead("SMTP 550")) is False
    assert claim(database) == []


def test_the_other_side_may_say_when_to_come_again(database: Database, clock: ManualClock) -> None:
    queue(database, "k1")
    (message,) = claim(database)
    with database.work(SYSTEM) as tx:
        outbox.record(tx, message, Retry("HTTP 429", timedelta(minutes=20)))
        assert outbox.next_due(tx) == clock.now() + timedelta(minutes=20)


def test_after_a_day_it_is_given_up(database: Database, clock: ManualClock) -> None:
    queue(database, "k1")
    (message,) = claim(database)
    clock.advance_to(message.created_at + outbox.GIVE_UP_AFTER - timedelta(milliseconds=1))
    with database.work(SYSTEM) as tx:
        assert outbox.record(tx, message, Retry("busy")) is False
    clock.advance_to(message.created_at + outbox.GIVE_UP_AFTER)
    with database.work(SYSTEM) as tx:
        assert outbox.record(tx, message, Retry("busy")) is True


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_wait_grows_and_never_passes_five_minutes_and_the_jitter(attempts: int, spread: float) -> None:
    assert outbox.FIRST_WAIT <= outbox.backoff(attempts) <= outbox.backoff(attempts + 1) <= outbox.LONGEST_WAIT
    most = outbox.backoff(attempts) * (1 + outbox.JITTER)
    assert outbox.backoff(attempts) <= outbox.backoff(attempts, spread) <= most


def test_messages_that_failed_together_do_not_come_again_together(database: Database, clock: ManualClock) -> None:
    queue(database, *(f"k{place}" for place in range(20)))
    with database.work(SYSTEM) as tx:
        for message in outbox.claim(tx, 100):
            outbox.record(tx, message, Retry("busy"))
        waits = {row.send_at - clock.now() for row in tx.all(select(outbox.table.c.send_at))}
    assert len(waits) > 10
    assert outbox.FIRST_WAIT <= min(waits) <= max(waits) <= outbox.FIRST_WAIT * 1.25


def test_a_lane_is_the_channel_or_the_one_server_of_the_web(database: Database) -> None:
    assert outbox.lane_of("email", "ana@rose.example") == "email"
    assert outbox.lane_of("webhook", "https://Hooks.example:8443/a?b") == "webhook hooks.example"
    queue(database, "k1")
    with database.work(SYSTEM) as tx:
        address = "https://hooks.example/a"
        outbox.queue(tx, dedup_key="w", channel="webhook", address=address, subject="s", body="b")
    with database.work(SYSTEM) as tx:
        assert sorted(outbox.due_lanes(tx)) == ["email", "webhook hooks.example"]
        assert keys(outbox.claim(tx, 10, "webhook hooks.example")) == {"w"}
        assert outbox.due_lanes(tx) == ["email"]
        leased = outbox.next_due(tx, ["email"])
    assert leased is not None


def test_pages_leave_before_what_was_queued_earlier(database: Database, clock: ManualClock) -> None:
    queue(database, *(f"k{place}" for place in range(5)))
    clock.advance_to(clock.now() + timedelta(seconds=1))
    declare(database, "P1")
    (first, *_) = claim(database, 1)
    assert first.person == "ana"
    assert first.page_id


def test_one_message_is_queued_once_under_its_key(database: Database) -> None:
    queue(database, "k1")
    with pytest.raises(Overtaken):
        queue(database, "k1")


def test_two_nodes_share_the_messages_and_neither_sends_what_the_other_sends(
    nodes: tuple[Database, Database],
) -> None:
    queue(nodes[0], *(f"k{place}" for place in range(60)))

    def claim_all(database: Database) -> list[Message]:
        mine: list[Message] = []
        while found := claim(database, 7):
            mine += found
        return mine

    one, other = together(lambda: claim_all(nodes[0]), lambda: claim_all(nodes[1]))
    # A claim that finds only locked rows ends early, so what both passed over is taken up in the next turn.
    rest = claim(nodes[0])
    assert len(one) + len(other) + len(rest) == 60
    assert len(keys(one) | keys(other) | keys(rest)) == 60


# ---- Pages -----------------------------------------------------------------------------------------------------------


def declare(database: Database, severity: str = "P0") -> Incident:
    return database.run(
        SYSTEM,
        lambda tx: commands.declare(
            tx, title="Voice replies hang", severity=severity, type="service_outage", service="rose"
        ),
    )


def states(database: Database, incident: Incident) -> dict[str | None, MessageState]:
    with database.read(SYSTEM) as tx:
        return {one.person: one.state for one in outbox.for_incident(tx, incident.id)}


def test_once_somebody_answers_pages_that_have_not_arrived_are_withdrawn(
    database: Database, clock: ManualClock
) -> None:
    incident = declare(database)
    with database.work(SYSTEM) as tx:
        outbox.queue(
            tx, dedup_key="u", channel="email", address="x", subject="s", body="b", incident_id=incident.id, person="u"
        )
    sent, travelling, busy, *_ = claim(database, 3)
    with database.work(SYSTEM) as tx:
        outbox.record(tx, sent, Delivered())
        outbox.record(tx, busy, Retry("busy"))
        commands.acknowledge(tx, incident.id)
    found = states(database, incident)
    assert found.pop(sent.person) is MessageState.SENT
    assert found.pop("u") is MessageState.QUEUED  # an update, which nobody's answer makes needless
    assert set(found.values()) == {MessageState.DEAD}
    with database.work(SYSTEM) as tx:  # its bytes were under way when it was withdrawn
        assert outbox.record(tx, travelling, Delivered()) is False
    assert states(database, incident)[travelling.person] is MessageState.SENT
    clock.advance_to(clock.now() + timedelta(hours=1))
    assert keys(claim(database)) == {"u"}


def test_a_withdrawn_page_that_fails_is_no_news(database: Database) -> None:
    incident = declare(database)
    first, *_ = claim(database)
    with database.work(SYSTEM) as tx:
        commands.acknowledge(tx, incident.id)
        assert outbox.record(tx, first, Dead("SMTP 550")) is False
    with database.read(SYSTEM) as tx:
        kinds = {type(one.entry) for one in incidents.timeline(tx, incident.id)}
    assert not {Undelivered, Escalated} & kinds
