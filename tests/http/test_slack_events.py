"""Messages that somebody marks in an incident's channel: they come onto the record once, and nothing else is read."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support import slacksends as sends
from tests.support.desk import Desk, desk
from tests.support.slack import BOT, Channel, Workspace, workspace
from tocsin.comms import store as comms
from tocsin.delivery import outbox, slackapp
from tocsin.delivery.slackin import Said, plain, read
from tocsin.incidents.places import MessageKept
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.response import secrecy


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def rose(sqlite_url: str, slack: Workspace) -> Iterator[Desk]:
    with desk(sqlite_url, slack) as one:
        yield one


@pytest.fixture
def channel(rose: Desk) -> Channel:
    return rose.declare()[1]


def kept(rose: Desk, number: int = 1) -> list[MessageKept]:
    return [one for one in rose.entries(number) if isinstance(one, MessageKept)]


def test_slack_is_shown_that_the_address_is_ours(rose: Desk) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"})
    answer = rose.post("events", body.encode(), sends.JSON)
    assert answer.json() == {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    assert rose.here.post("/in/slack/events", content=body.encode()).status_code == 403


def test_an_emoji_puts_a_message_onto_the_record_once_whoever_marks_it(
    rose: Desk, slack: Workspace, channel: Channel
) -> None:
    ts = channel_says(slack, channel, "ben", "It is the <https://x.example/a|disk> &amp; it is full")
    event = sends.reacted(slack, slack.person("ana"), channel.id, ts)
    rose.happens(event)
    rose.happens(event)  # Slack brings again what it has heard no answer to
    rose.happens(sends.reacted(slack, slack.person("ben"), channel.id, ts))
    rose.happens(sends.pinned(slack, slack.person("ben"), channel.id, ts))
    (one,) = kept(rose)
    assert (one.by, one.author, one.text) == ("ana", "ben", "It is the https://x.example/a & it is full")
    assert one.link == f"https://rose.slack.example/archives/{channel.id}/p{ts.replace('.', '')}"
    assert one.written_at <= one.at and (one.channel, one.message) == (channel.id, ts)


def test_a_pin_does_too_and_a_name_that_is_nobodys_can_not_be_taken_for_one(
    rose: Desk, slack: Workspace, channel: Channel
) -> None:
    ts = channel_says(slack, channel, "lucia", "I restarted it")
    rose.happens(sends.pinned(slack, slack.person("ana"), channel.id, ts))
    assert [(one.author, one.text) for one in kept(rose)] == [("Lucia There (Slack)", "I restarted it")]


def test_a_reply_in_a_thread_is_the_one_that_is_kept(rose: Desk, slack: Workspace, channel: Channel) -> None:
    first = channel_says(slack, channel, "ben", "What is it?")
    ts = slack.write(channel.id, slack.person("ben"), "The disk", thread=first)
    rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts))
    assert [one.text for one in kept(rose)] == ["The disk"]


def test_another_emoji_another_channel_and_what_is_merely_written_are_none_of_our_business(
    rose: Desk, slack: Workspace, channel: Channel
) -> None:
    ana = slack.person("ana")
    elsewhere = slack.add("general")
    elsewhere.members.append(BOT)
    there = channel_says(slack, elsewhere, "ben", "Lunch?")
    here = channel_says(slack, channel, "ben", "The disk is full")
    asked = len(slack.calls)
    rose.happens(sends.reacted(slack, ana, channel.id, here, "thumbsup"))
    rose.happens(sends.reacted(slack, ana, elsewhere.id, there))
    rose.happens(sends.reacted(slack, slack.person("tomas"), elsewhere.id, there))
    rose.happens(sends.pinned(slack, ana, elsewhere.id, there))
    rose.happens(sends.changed(slack, elsewhere.id, there, "Dinner?"))
    rose.happens(sends.written(slack, channel.id, here))
    rose.happens(sends.changed(slack, channel.id, here, "The disk is nearly full"))
    assert kept(rose) == [] and slack.calls[asked:] == []


def test_what_its_author_changes_is_noted(rose: Desk, slack: Workspace, channel: Channel) -> None:
    ts = channel_says(slack, channel, "ben", "It is the disk")
    rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts))
    event = sends.changed(slack, channel.id, ts, "It is the network")
    rose.happens(event)
    rose.happens(event)
    rose.happens(sends.changed(slack, channel.id, ts, "It is the network"))  # a link unfurled: nothing new is said
    first, second = kept(rose)
    assert (first.text, first.edited) == ("It is the disk", False)
    assert (second.text, second.edited, second.author, second.by) == ("It is the network", True, "ben", "tocsin")
    page = rose.here.get(f"/api/v1/incidents/{rose.incident().id}/timeline", headers=rose.here.bearer("incidents:read"))
    texts = [one["text"] for one in page.json()["entries"] if one["kind"] == "MessageKept"]
    assert texts[0].startswith("Ben Halvorsen wrote in Slack") and "changed what they wrote" in texts[1]


def test_the_bot_itself_and_whoever_is_not_linked_mark_nothing(rose: Desk, slack: Workspace, channel: Channel) -> None:
    ts = channel_says(slack, channel, "ben", "The disk is full")
    for _ in range(3):
        rose.happens(sends.reacted(slack, slack.person("tomas"), channel.id, ts))
    assert kept(rose) == []
    (told,) = slack.whispered(slack.person("tomas"))  # once a day
    assert "linked" in told
    with rose.here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", role=AccountRole.VIEWER)
    rose.happens(sends.reacted(slack, slack.person("ben"), channel.id, ts))
    assert kept(rose) == []
    with rose.here.app.database.read(SYSTEM) as tx:
        waiting = outbox.waiting(tx)
    for own in channel.pins:
        body = json.dumps(sends.pinned(slack, BOT, channel.id, own)).encode()
        assert rose.post("events", body, sends.JSON).status_code == 200
    assert kept(rose) == []
    with rose.here.app.database.read(SYSTEM) as tx:  # nor is it told how to be linked
        assert outbox.waiting(tx) == waiting


def test_another_emoji_may_be_set(sqlite_url: str, slack: Workspace) -> None:
    with desk(sqlite_url, slack, slack_emoji="memo") as rose:
        _, channel = rose.declare()
        ts = channel_says(slack, channel, "ben", "The disk is full")
        rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts))
        assert kept(rose) == []
        rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts, "memo"))
        assert len(kept(rose)) == 1


def test_in_a_confidential_channel_only_a_reader_marks_and_a_channel_that_was_left_is_nobodys(
    rose: Desk, slack: Workspace, channel: Channel
) -> None:
    before = channel_says(slack, channel, "ben", "Odd logins")
    incident = rose.incident()
    rose.here.app.database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident.id, "It is a breach"))
    rose.settle()
    assert channel.archived
    rose.here.app.database.run(SYSTEM, lambda tx: secrecy.add_responder(tx, incident.id, "ana", "She knows"))
    rose.settle()
    reader = "ana"
    stranger = next(one for one in ("tomas", "lucia", "ben") if one not in rose.incident().responders)
    with rose.here.app.database.work(SYSTEM) as tx:
        for one in (reader, stranger):
            people.keep_chat_account(tx, "slack", one, slack.person(one), entered=True)
    rose.happens(sends.reacted(slack, slack.person(reader), channel.id, before))
    (private,) = [one for one in slack.channels.values() if one.private]
    ts = channel_says(slack, private, reader, "The keys were taken")
    rose.happens(sends.reacted(slack, slack.person(stranger), private.id, ts))
    assert kept(rose) == []
    rose.happens(sends.reacted(slack, slack.person(reader), private.id, ts))
    assert [one.text for one in kept(rose)] == ["The keys were taken"]


def test_a_message_that_can_not_be_fetched_yet_is_fetched_later(rose: Desk, slack: Workspace, channel: Channel) -> None:
    ts = channel_says(slack, channel, "ben", "The disk is full")
    slack.busy["conversations.replies"] = [30]
    rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts))
    assert kept(rose) == []
    for seconds, found in ((29, 0), (20, 1)):
        rose.here.clock.advance_to(rose.here.clock.now() + timedelta(seconds=seconds))
        rose.settle()
        assert len(kept(rose)) == found


def test_a_scope_that_is_missing_loses_nothing(rose: Desk, slack: Workspace, channel: Channel) -> None:
    ts = channel_says(slack, channel, "ben", "The disk is full")
    slack.scopes -= {"channels:history"}
    rose.happens(sends.reacted(slack, slack.person("ana"), channel.id, ts))
    with rose.here.app.database.read(SYSTEM) as tx:
        (waiting,) = [one for one in outbox.for_incident(tx, rose.incident().id) if one.channel == "slack_keep"]
    assert waiting.last_error == "missing_scope, it needs channels:history"
    slack.scopes |= {"channels:history"}
    rose.here.clock.advance_to(rose.here.clock.now() + timedelta(minutes=1))
    rose.settle()
    assert len(kept(rose)) == 1


def test_what_was_heard_is_forgotten_after_a_day(rose: Desk, slack: Workspace, channel: Channel) -> None:
    database = rose.here.app.database
    assert database.run(SYSTEM, lambda tx: comms.first_time(tx, "once"))
    assert not database.run(SYSTEM, lambda tx: comms.first_time(tx, "once"))
    rose.here.clock.advance_to(rose.here.clock.now() + timedelta(days=1, seconds=1))
    database.run(SYSTEM, comms.forget_heard)
    assert database.run(SYSTEM, lambda tx: comms.first_time(tx, "once"))


def test_the_app_is_told_which_events_are_heard() -> None:
    printed = slackapp.manifest("https://tocsin.example.org", "/incident", socket=False)
    heard = printed["settings"]["event_subscriptions"]
    assert heard["request_url"] == "https://tocsin.example.org/in/slack/events"
    assert set(heard["bot_events"]) == {"message.channels", "message.groups", "pin_added", "reaction_added"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("<@U1|ana> and <@U2>", "@ana and @U2"),
        ("<#C1|general> <!here> <!subteam^S1|@ops>", "#general @here @ops"),
        ("<https://a.example/?a=1&amp;b=2|there>", "https://a.example/?a=1&b=2"),
    ],
)
def test_slacks_marks_are_read_as_a_person_would(written: str, meant: str) -> None:
    assert plain(written) == meant


def test_what_slack_may_send_one_day_is_passed_over() -> None:
    assert read("hello", {}) is None
    assert read("events_api", {"event_id": "E", "event": {"type": "app_home_opened"}}) is None
    assert read("interactive", {"type": "view_closed", "user": {"id": "U"}}) is None
    about = {"user_id": "U", "trigger_id": "1.2", "response_url": "https://a", "text": " list ", "more": 1}
    assert isinstance(read("slash_commands", about), Said)


def channel_says(slack: Workspace, channel: Channel, handle: str, text: str) -> str:
    return slack.write(channel.id, slack.person(handle), text)
