"""The pager tests itself: by the path of a real page, when the plan says so, and never in the way of anything real."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.support.world import ONE_DATABASE, QUIET, RecordingChannel, World
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Dead, Message, MessageState, Retry
from tocsin.delivery.store import ReceiptKind
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Answer
from tocsin.insights import report
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel, ContactMethod, Urgency
from tocsin.plan import commands as plan_commands
from tocsin.response import answers, commands, readiness, trials

# 10:00 on Wednesday 25 November, on everybody's clock; the stories begin in the night of the 24th.
DUE = datetime(2026, 11, 25, 10, tzinfo=UTC)
TESTING = QUIET.replace("starts_on: 2026-11-30", "starts_on: 2026-11-25")
PUSH = "https://pager.example.org/ana"


@pytest.fixture
def trying(world: World) -> World:
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, TESTING, "Tests sooner", accept_large=True)
        people.change_person(tx, "erin", role=AccountRole.ADMINISTRATOR)
        trials.schedule(tx)
        trials.schedule(tx)  # twice changes nothing
    return world


def until(world: World, instant: datetime) -> None:
    world.advance(seconds=(instant - world.clock.now()).total_seconds())


def trials_by(channel: RecordingChannel) -> list[Message]:
    return [one for one in channel.sent if one.audience == "test"]


def tried(world: World) -> list[str]:
    """Who got a test since this was last asked."""
    return sorted(one.person or "" for one in world._news("test"))


def confirm_all(world: World) -> None:
    for one in trials_by(world.mail) + trials_by(world.hook):
        world.do(trials.confirm_link, world.answer_link(one) if one.channel == "email" else link_of(one))


def link_of(message: Message) -> str:
    found = re.search(r"/a/([\w.-]+)", message.body)
    assert found
    return found[1]


def push(world: World, handle: str = "ana", at: datetime | None = None) -> ContactMethod:
    with world.database.work(world.actor(handle)) as tx:
        return people.add_contact(tx, handle, Channel.WEBHOOK, PUSH, "secret", verified=True)


def warnings(world: World) -> dict[str, str]:
    """Who was written to about tests that failed, and what."""
    return {one.person or "": one.body for one in world._news("on_call")}


def test_everybody_gets_a_test_by_each_way_at_the_hour_that_the_plan_says(trying: World) -> None:
    push(trying)
    with trying.database.work(trying.actor("ana")) as tx:
        people.add_contact(tx, "ana", Channel.EMAIL, "ana@home.example", verified=True)
    until(trying, DUE - timedelta(seconds=1))
    trying.expect_silence()
    until(trying, DUE)
    assert tried(trying) == sorted(trying.plan().people)
    (hook,) = trials_by(trying.hook)
    (mail,) = [one for one in trials_by(trying.mail) if one.person == "ana"]
    assert mail.address == "ana@home.example"
    assert mail.subject.startswith("TEST, nothing is wrong") and hook.body.startswith('{"type":"page.test"')
    assert "There is no incident" in mail.body
    confirm_all(trying)
    trying.advance(days=6, hours=23)
    trying.expect_silence()
    trying.advance(hours=1)
    assert tried(trying) == sorted(trying.plan().people)
    confirm_all(trying)


@ONE_DATABASE
def test_a_plan_that_says_nothing_of_tests_sends_none(world: World) -> None:
    with world.database.work(SYSTEM) as tx:
        without = re.sub(r"  canary: .*\n", "", QUIET)
        plan_commands.apply(tx, without, "no tests", accept_large=True)
        trials.schedule(tx)
    world.advance(days=15)
    world.expect_silence()


def test_a_test_is_no_incident_and_counts_in_no_number_of_incidents(trying: World) -> None:
    until(trying, DUE)
    trying.overlook()
    assert trying.read(incidents.listing) == []
    found = trying.read(report.report, DUE - timedelta(days=30), DUE + timedelta(days=1))
    assert (found.incidents, found.obligations) == ((), ())
    confirm_all(trying)


def test_each_person_is_tested_on_their_own_clock(trying: World) -> None:
    trying.do(people_commands.set_zone, "ana", "America/New_York")
    trying.do(people_commands.set_zone, "ben", "Europe/Berlin", by="ben")
    until(trying, DUE - timedelta(hours=1))
    assert tried(trying) == ["ben"]
    until(trying, DUE)
    assert "ana" not in tried(trying)
    confirm_all(trying)
    until(trying, DUE + timedelta(hours=5))
    assert tried(trying) == ["ana"]
    confirm_all(trying)


def test_nobody_is_woken_by_a_test_in_their_quiet_hours(trying: World) -> None:
    push(trying)
    trying.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(22), time(11, 30))
    until(trying, DUE + timedelta(minutes=89))
    assert trials_by(trying.hook) == []
    until(trying, DUE + timedelta(minutes=90))
    assert [one.person for one in trials_by(trying.hook)] == ["ana"]
    trying.overlook()
    confirm_all(trying)


def test_a_test_that_its_provider_held_up_into_quiet_hours_is_not_sent_in_them(trying: World) -> None:
    push(trying)
    trying.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(10, 30), time(23))
    trying.hook.answers[PUSH] = Retry("HTTP 503", timedelta(minutes=45))
    until(trying, DUE + timedelta(minutes=5))
    trying.hook.answers.clear()
    confirm_all(trying)
    trying.advance(days=1)
    assert trials_by(trying.hook) == []
    trying.overlook()


@ONE_DATABASE
def test_a_server_that_was_down_at_the_hour_does_not_test_in_the_night(trying: World) -> None:
    until(trying, DUE - timedelta(hours=1))
    trying.sleep(hours=17)
    trying.advance(minutes=1)
    trying.expect_silence()
    until(trying, DUE + timedelta(days=7))
    assert tried(trying) == sorted(trying.plan().people)
    confirm_all(trying)


def test_a_test_stands_back_while_somebody_is_paged_for_real_and_comes_after(trying: World) -> None:
    push(trying)
    until(trying, DUE - timedelta(minutes=2))
    incident = trying.declare(severity="P1", by="ben")
    assert [one.audience for one in trying.hook.sent] == ["page"]
    until(trying, DUE + timedelta(minutes=1))
    assert trials_by(trying.hook) == []
    trying.do(commands.acknowledge, incident.id)
    trying.advance(minutes=15)
    assert [one.person for one in trials_by(trying.hook)] == ["ana"]
    trying.overlook()
    confirm_all(trying)


@ONE_DATABASE
def test_a_test_that_stood_back_until_its_time_was_over_is_no_failure(trying: World) -> None:
    push(trying)
    until(trying, DUE - timedelta(minutes=2))
    trying.declare(severity="P1", by="ben")
    until(trying, DUE + timedelta(hours=4, minutes=1))
    assert trials_by(trying.hook) == []
    assert trying.read(trials.doubts, ["ana"]) == []
    trying.overlook()


def test_an_answered_test_leaves_its_receipts_and_warns_nobody(trying: World) -> None:
    push(trying)
    until(trying, DUE)
    trying.overlook()
    (hook,) = trials_by(trying.hook)
    token = link_of(hook)
    trying.do(answers.opened, token)
    trying.advance(minutes=3)
    trying.do(trials.confirm_link, token)
    trying.do(trials.confirm_link, token)  # twice changes nothing
    confirm_all(trying)
    kept = trying.read(receipts.of_messages, [hook.id])[hook.id]
    assert [one.kind for one in kept] == [ReceiptKind.SENT, ReceiptKind.OPENED, ReceiptKind.ANSWERED]
    assert kept[-1].at - kept[0].at == timedelta(minutes=3)
    trying.advance(hours=5)
    trying.expect_silence()
    assert trying.read(trials.doubts, ["ana"]) == []


def test_looking_at_the_link_is_no_answer(trying: World) -> None:
    push(trying)
    until(trying, DUE)
    trying.overlook()
    for one in trials_by(trying.mail):
        trying.do(trials.confirm_link, trying.answer_link(one))
    (hook,) = trials_by(trying.hook)
    trying.do(answers.opened, link_of(hook))
    trying.advance(hours=4)
    assert "nobody answered within 4 h" in warnings(trying)["ana"]


def test_an_unanswered_test_warns_its_owner_and_those_who_can_mend_it_once(trying: World) -> None:
    push(trying)
    until(trying, DUE)
    trying.overlook()
    for one in trials_by(trying.mail):
        trying.do(trials.confirm_link, trying.answer_link(one))
    trying.advance(hours=3, minutes=59)
    trying.expect_silence()
    trying.advance(minutes=1)
    told = warnings(trying)
    assert set(told) == {"ana", "erin"}
    assert PUSH in told["ana"] and "nobody answered within 4 h" in told["ana"]
    assert "Ana Okafor, by webhook: nobody answered within 4 h" in told["erin"] and PUSH not in told["erin"]
    assert [one.channel for one in trying.read(trials.doubts, ["ana", "ben"])] == ["webhook"]
    lines = trying.read(lambda tx: readiness.hindrances(tx, has_mail=True, offers={"email", "webhook"}))
    assert "The last test page was not answered: Ana Okafor by webhook." in lines
    trying.advance(days=2)
    trying.expect_silence()


def test_a_doubtful_way_still_pages_and_a_later_answer_ends_the_doubt(trying: World) -> None:
    push(trying)
    until(trying, DUE)
    for one in trials_by(trying.mail):
        trying.do(trials.confirm_link, trying.answer_link(one))
    trying.advance(hours=4)
    trying.overlook()
    assert len(trying.read(trials.doubts, ["ana"])) == 1
    incident = trying.declare(severity="P1", by="ben")
    assert [one.audience for one in trying.hook.sent] == ["test", "page"]
    trying.do(commands.acknowledge, incident.id)
    trying.do(trials.confirm_link, link_of(trials_by(trying.hook)[0]))
    assert trying.read(trials.doubts, ["ana"]) == []
    trying.overlook()


def test_a_test_that_can_not_be_delivered_is_told_at_once(trying: World) -> None:
    push(trying)
    trying.hook.answers[PUSH] = Dead("HTTP 410: gone")
    until(trying, DUE)
    trying.overlook()
    for one in trials_by(trying.mail):
        trying.do(trials.confirm_link, trying.answer_link(one))
    assert trying.read(outbox.undelivered, 10) == []  # nobody need send a test again: another is asked for
    (doubt,) = trying.read(trials.doubts, ["ana"])
    assert doubt.why == "HTTP 410: gone"
    told = [one for one in trying.mail.sent if one.audience == "on_call"]
    assert {one.person for one in told} == {"ana", "erin"} and all("HTTP 410: gone" in one.body for one in told)


def test_a_way_that_was_added_after_the_hour_waits_for_the_next_round(trying: World) -> None:
    until(trying, DUE + timedelta(minutes=1))
    confirm_all(trying)
    trying.overlook()
    push(trying)
    trying.advance(hours=2)
    assert trials_by(trying.hook) == []


def test_an_installation_that_begins_within_an_hour_of_a_round_does_not_begin_with_tests(world: World) -> None:
    world.sleep(seconds=(DUE + timedelta(minutes=30) - world.clock.now()).total_seconds())
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, TESTING, "Tests sooner", accept_large=True)
        for account in people.people(tx):
            people.change_person(tx, account.handle, created_at=tx.now)
        trials.schedule(tx)
    world.advance(hours=3)
    world.expect_silence()


def test_whoever_moves_to_another_zone_is_not_tested_twice_a_day(trying: World) -> None:
    until(trying, DUE + timedelta(minutes=1))
    confirm_all(trying)
    trying.overlook()
    trying.do(people_commands.set_zone, "ana", "America/New_York")
    trying.advance(hours=8)
    trying.expect_silence()


# ---- Asked for -------------------------------------------------------------------------------------------------------


def test_somebody_tests_a_way_of_their_own_now_even_in_their_quiet_hours(trying: World) -> None:
    way = push(trying)
    trying.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(22), time(7))  # it is 02:38
    one = trying.do(trials.try_now, "ana", way.id)
    (hook,) = trials_by(trying.hook)
    assert one.answer_by == trying.clock.now() + timedelta(hours=4)
    with pytest.raises(trials.TestedJustNow):
        trying.do(trials.try_now, "ana", way.id)
    trying.do(trials.confirm_link, link_of(hook))
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "answered"


def test_what_an_administrator_asks_for_waits_for_the_end_of_quiet_hours(trying: World) -> None:
    way = push(trying)
    trying.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(22), time(7))
    trying.database.run(SYSTEM, lambda tx: trials.try_now(tx, "ana", way.id))
    trying.advance(hours=4, minutes=21)
    assert trials_by(trying.hook) == []
    trying.advance(minutes=1)
    assert len(trials_by(trying.hook)) == 1
    confirm_all(trying)


def test_a_test_that_was_asked_for_and_not_answered_is_told_to_its_owner_alone(trying: World) -> None:
    way = push(trying)
    trying.do(trials.try_now, "ana", way.id)
    trying.advance(hours=4)
    assert set(warnings(trying)) == {"ana"}


def test_a_way_that_is_not_verified_and_somebody_elses_are_not_tested(trying: World) -> None:
    with trying.database.work(trying.actor("ana")) as tx:
        way = people.add_contact(tx, "ana", Channel.WEBHOOK, PUSH, "secret")
    with pytest.raises(trials.NotVerified):
        trying.do(trials.try_now, "ana", way.id)
    with pytest.raises(Exception, match="may not do this"):
        trying.do(trials.try_now, "ana", way.id, by="ben")
    with pytest.raises(people.NoSuchContact):
        trying.do(trials.try_now, "ben", way.id, by="ben")


def test_nobody_tests_a_way_while_a_real_page_waits_for_them(trying: World) -> None:
    way = push(trying)
    incident = trying.declare(severity="P1", by="ben")
    with pytest.raises(trials.PagedForReal):
        trying.do(trials.try_now, "ana", way.id)
    trying.do(commands.acknowledge, incident.id)
    trying.do(trials.try_now, "ana", way.id)
    assert len(trials_by(trying.hook)) == 1
    confirm_all(trying)
    trying.overlook()


@pytest.mark.parametrize("said", ["1", "ack", "3"])
def test_any_answer_to_a_text_confirms_a_test_and_a_real_page_comes_first(trying: World, said: str) -> None:
    with trying.database.work(trying.actor("ana")) as tx:
        way = people.add_contact(tx, "ana", Channel.SMS, "+15005550006", verified=True)
        people.add_contact(tx, "ana", Channel.EMAIL, "ana@home.example", verified=True)
    sms = RecordingChannel()
    trying.chats["sms"] = sms
    trying.do(trials.try_now, "ana", way.id)
    assert [one.subject[:4] for one in sms.sent] == ["TEST"]
    incident = trying.declare(severity="P1", by="ben")
    assert trying.do(answers.answer_text, "+15005550006", "1").startswith("P1 number")
    assert trying.incident(incident.id).acknowledged_by == "ana"
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "waiting"
    assert "has reached you" in trying.do(answers.answer_text, "+15005550006", said)
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "answered"
    assert trying.do(answers.answer_text, "+15005550006", said) == "Nothing waits for your answer."
    trying.overlook()


def test_a_second_test_takes_the_place_of_one_that_waits(trying: World) -> None:
    way = push(trying)
    first = trying.do(trials.try_now, "ana", way.id)
    trying.advance(minutes=2)
    trying.do(trials.try_now, "ana", way.id)
    old, new = trials_by(trying.hook)
    assert trying.do(trials.confirm_link, link_of(old)).id == first.id
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "waiting"
    trying.do(trials.confirm_link, link_of(new))
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "answered"


def test_a_test_of_the_accounts_own_address_can_be_asked_for_where_there_is_no_other_way(trying: World) -> None:
    trying.do(trials.try_now, "ana", "account")
    (mail,) = trials_by(trying.mail)
    assert mail.address == "ana@rose.example" and mail.state is MessageState.QUEUED
    trying.do(trials.confirm_link, trying.answer_link(mail))
    trying.overlook()
    push(trying)
    with pytest.raises(people.NoSuchContact):
        trying.do(trials.try_now, "ana", "account")
    assert date(2026, 11, 24) == trying.clock.now().date()


@pytest.mark.parametrize("channel", ["voice", "telegram", "slack_dm"])
def test_a_key_or_a_button_confirms_a_test_for_whoever_it_was_sent_to(trying: World, channel: str) -> None:
    with trying.database.work(trying.actor("ana")) as tx:
        way = people.add_contact(tx, "ana", Channel(channel), "4711", verified=True)
    wire = RecordingChannel()
    trying.chats[channel] = wire
    trying.do(trials.try_now, "ana", way.id)
    (message,) = wire.sent
    refused = trying.do(answers.answer_message, message.id, Answer.ACKNOWLEDGE, channel, address="4712")
    assert refused == "This page is somebody else's."
    assert "has reached you" in trying.do(answers.answer_message, message.id, Answer.DECLINE, channel, address="4711")
    assert trying.read(trials.standing, ["ana"])["ana", way.id].state == "answered"


def test_a_reply_by_mail_confirms_a_test(trying: World) -> None:
    trying.do(trials.try_now, "ana", "account")
    (mail,) = trials_by(trying.mail)
    assert mail.actions is not None
    with pytest.raises(answers.NoAnswer):
        trying.do(answers.answer_mail, mail.actions["reply"], "I am on holiday until Monday.")
    assert "has reached you" in trying.do(answers.answer_mail, mail.actions["reply"], "ack")
    assert trying.read(trials.standing, ["ana"])["ana", "account"].state == "answered"
    trying.overlook()


def test_a_provider_that_says_it_did_not_arrive_fails_the_test(trying: World) -> None:
    with trying.database.work(trying.actor("ana")) as tx:
        way = people.add_contact(tx, "ana", Channel.SMS, "+15005550006", verified=True)
    wire = RecordingChannel()
    trying.chats["sms"] = wire
    trying.do(trials.try_now, "ana", way.id)
    trying.do(answers.reported, wire.sent[0].id, "", Dead("Twilio: undelivered (30003)"))
    (doubt,) = trying.read(trials.doubts, ["ana"])
    assert doubt.why == "Twilio: undelivered (30003)"
    assert set(warnings(trying)) == {"ana"}
