"""How fast people were reached, from the receipts of what was really sent: pages and tests, on a manual clock."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.world import QUIET, RecordingChannel, World
from tocsin.delivery.channel import Dead, Delivered, Retry
from tocsin.insights import report
from tocsin.insights.reach import Reached
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel, Urgency
from tocsin.plan import commands as plan_commands
from tocsin.response import answers, commands, trials

HOME, NUMBER = "ana@home.example", "+15005550006"
SECOND = timedelta(seconds=1)


@pytest.fixture
def watched(world: World) -> World:
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, QUIET, "looks at nothing", accept_large=True)
    return world


def reached(world: World, handle: str = "ana", *, reader: Any = SYSTEM) -> Reached:
    with world.database.read(reader) as tx:
        found = report.reach(tx, tx.now - timedelta(days=90), tx.now + timedelta(milliseconds=1))
    assert found.objective == timedelta(minutes=2)
    return next(one for one in found.people if one.person == handle)


def test_a_page_that_its_provider_took_late_counts_from_when_it_should_have_left(watched: World) -> None:
    watched.mail.answers["ana@rose.example"] = Retry("SMTP 451 come again", timedelta(seconds=40))
    incident = watched.declare(severity="P1")
    watched.advance(seconds=30)
    watched.mail.answers.clear()
    watched.advance(seconds=30)
    watched.do(commands.acknowledge, incident.id)
    found = reached(watched)
    assert (found.rounds, found.failures, found.is_kept) == (1, 0, True)
    assert found.time.p95 is not None and 40 * SECOND <= found.time.p95 <= 50 * SECOND  # and some jitter
    watched.overlook()


def test_a_way_that_comes_later_by_the_persons_own_rule_is_not_late_and_one_withdrawn_not_counted(
    watched: World,
) -> None:
    with watched.database.work(watched.actor("ana")) as tx:
        first = people.add_contact(tx, "ana", Channel.EMAIL, HOME, verified=True)
        second = people.add_contact(tx, "ana", Channel.WEBHOOK, "https://pager.example.org/ana", "s", verified=True)
        third = people.add_contact(tx, "ana", Channel.WEBHOOK, "https://other.example.org/ana", "s", verified=True)
    steps = [(first.id, timedelta(0)), (second.id, timedelta(minutes=3)), (third.id, timedelta(minutes=10))]
    watched.do(people_commands.add_rule, "ana", Urgency.HIGH, steps)
    incident = watched.declare(severity="P1")
    watched.advance(minutes=4)
    watched.do(commands.acknowledge, incident.id)
    ways = {one.channel: one for one in reached(watched).ways}
    assert (ways["webhook"].pages, ways["webhook"].accepted.p95) == (1, timedelta(0))
    watched.overlook()


def test_a_page_that_nothing_brought_is_a_failure_and_counts_as_for_ever(watched: World) -> None:
    watched.mail.answers["ana@rose.example"] = Dead("SMTP 550 no such mailbox")
    incident = watched.declare(severity="P1")
    watched.do(commands.acknowledge, incident.id, by="ben")
    found = reached(watched)
    assert (found.rounds, found.failures, found.time.p95, found.is_kept) == (1, 1, None, False)
    watched.overlook()


def test_what_the_provider_says_arrived_and_who_answered_are_stations_of_the_way(watched: World) -> None:
    sms = RecordingChannel()
    sms.answers[NUMBER] = Delivered("SM1", "twilio")
    watched.chats["sms"] = sms
    with watched.database.work(watched.actor("ana")) as tx:
        way = people.add_contact(tx, "ana", Channel.SMS, NUMBER, verified=True)
    watched.do(trials.try_now, "ana", way.id)
    watched.advance(seconds=41)
    (message,) = sms.sent
    watched.do(answers.reported, message.id, "SM1", Delivered())
    watched.advance(seconds=19)
    watched.do(answers.answer_text, NUMBER, "1")
    found = reached(watched)
    assert (found.time.p95, found.is_kept) == (41 * SECOND, True)
    (one,) = found.ways
    assert (one.pages, one.tests, one.failures) == (0, 1, 0)
    stations = [(each.count, each.p50) for each in (one.accepted, one.delivered, one.seen)]
    assert stations == [(1, 0 * SECOND), (1, 41 * SECOND), (1, 60 * SECOND)]


def test_the_tests_of_one_round_reach_somebody_together_like_the_messages_of_a_page(watched: World) -> None:
    with watched.database.work(watched.actor("ana")) as tx:
        people.add_contact(tx, "ana", Channel.EMAIL, HOME, verified=True)
        people.add_contact(tx, "ana", Channel.WEBHOOK, "https://pager.example.org/ana", "s", verified=True)
        trials.schedule(tx)
    watched.hook.answers["https://pager.example.org/ana"] = Dead("HTTP 410: gone")
    watched.advance(days=6, hours=8)  # past ten on Monday
    found = reached(watched)
    assert (found.rounds, found.failures) == (1, 0)
    assert {one.channel: (one.tests, one.failures) for one in found.ways} == {"email": (1, 0), "webhook": (1, 1)}
    watched.overlook()


def test_pages_of_what_a_reader_may_not_see_count_for_those_who_may(watched: World) -> None:
    incident = watched.declare(severity="P1", type="security")
    watched.do(commands.acknowledge, incident.id)
    assert watched.incident(incident.id).confidential_at is not None
    assert reached(watched).rounds == 1
    assert reached(watched, reader=watched.actor("lucia")).rounds == 0
    watched.overlook()
