"""Somebody is paged in Slack by a message to them alone, and answers with a button under it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.slack import TOKEN, Message, Workspace, workspace
from tests.support.world import ROSE, World
from tocsin.delivery import outbox
from tocsin.delivery.slack import Slack
from tocsin.delivery.slackdm import CHANNEL, SlackMessages
from tocsin.incidents.answer import Answer, Declined
from tocsin.incidents.model import Incident, Paged
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import answers, commands, secrecy, trials

GATHERING = ROSE.replace("\npaging:\n", "\npaging:\n  gather_within: 30 s\n")
PATIENTLY = timedelta(seconds=4)  # a busy machine may make anybody wait


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def here(busy: World, slack: Workspace) -> World:
    return connected(busy, slack)


def connected(busy: World, slack: Workspace) -> World:
    """A world in which everybody who is paged is paged in Slack."""
    busy.connect(Slack(TOKEN, slack.url, PATIENTLY))
    busy.chats[CHANNEL] = SlackMessages(Slack(TOKEN, slack.url, PATIENTLY), answered=True)
    with busy.database.work(SYSTEM) as tx:
        for account in people.people(tx):
            member = slack.person(account.handle)
            people.add_contact(tx, account.handle, Channel.SLACK, member, verified=True)
    return busy


def paged(world: World, incident: Incident) -> str:
    """Who was paged first."""
    return world.entries(incident.id, Paged)[0].people[0]


def said(slack: Workspace, handle: str) -> list[Message]:
    talk = slack.talks.get(slack.person(handle))
    return talk.messages if talk else []


def answer(world: World, slack: Workspace, who: str, what: Answer) -> str:
    """Press a button of the last message."""
    message_id = said(slack, who)[-1].buttons[what]
    told: str = world.do(answers.answer_message, message_id, what, CHANNEL, address=slack.person(who))
    return told


def test_a_page_is_a_message_with_buttons_that_go_once_it_is_acknowledged(here: World, slack: Workspace) -> None:
    incident = here.declare()
    who = paged(here, incident)
    (message,) = said(slack, who)
    assert "Voice replies hang" in message.text and list(message.buttons) == ["acknowledge", "escalate", "decline"]
    assert "acknowledged by you" in answer(here, slack, who, Answer.ACKNOWLEDGE)
    assert here.incident(incident.id).acknowledged_by == who
    (message,) = said(slack, who)
    assert message.buttons == {} and "Acknowledged by" in message.text and "Voice replies hang" in message.text
    assert slack.calls.count("chat.update") == 1


def test_whoever_answers_elsewhere_takes_the_buttons_away_as_well(here: World, slack: Workspace) -> None:
    incident = here.declare()
    who = paged(here, incident)
    here.do(commands.acknowledge, incident.id, by="ben")
    (message,) = said(slack, who)
    assert message.buttons == {} and message.text.endswith("Acknowledged by Ben Halvorsen.")


def test_declining_is_said_in_the_message_and_the_next_is_paged(here: World, slack: Workspace) -> None:
    incident = here.declare()
    who = paged(here, incident)
    answer(here, slack, who, Answer.DECLINE)
    (declined,) = here.entries(incident.id, Declined)
    assert (declined.by, declined.through) == (who, CHANNEL)
    (message,) = said(slack, who)
    assert message.buttons == {} and "whoever is next is paged" in message.text
    assert len({one for page in here.entries(incident.id, Paged) for one in page.people}) > 1


def test_a_test_page_has_one_button_which_goes_once_it_is_pressed(here: World, slack: Workspace) -> None:
    (way,) = [one for one in here.read(people.contacts, ["ben"])["ben"] if one.channel is Channel.SLACK]
    here.do(trials.try_now, "ben", way.id, by="ben")
    (message,) = said(slack, "ben")
    assert message.text.startswith("TEST") and list(message.buttons) == ["acknowledge"]
    assert "has reached you" in answer(here, slack, "ben", Answer.ACKNOWLEDGE)
    (message,) = said(slack, "ben")
    assert message.buttons == {} and "has reached you" in message.text


def test_a_button_answers_for_nobody_else(here: World, slack: Workspace) -> None:
    incident = here.declare()
    message_id = said(slack, paged(here, incident))[-1].buttons["acknowledge"]
    told = here.do(answers.answer_message, message_id, Answer.ACKNOWLEDGE, CHANNEL, address="U0SOMEBODY")
    assert told == "This page is somebody else's."
    assert here.incident(incident.id).acknowledged_at is None


def test_patience_that_slack_asks_for_a_channel_delays_no_page(here: World, slack: Workspace) -> None:
    first = here.declare()
    who = paged(here, first)
    slack.busy_channels[slack.only().id] = 600  # nothing may be posted there for ten minutes
    slack.busy["conversations.create"] = [600]
    here.do(commands.acknowledge, first.id)
    for place in range(20):
        here.do(commands.change_severity, first.id, ("P2", "P1")[place % 2], "it changes")
    second = here.declare("Voice is silent")
    assert paged(here, second) == who
    assert "Voice is silent" in said(slack, who)[-1].text
    (waiting,) = [one for one in here.read(outbox.for_incident, second.id) if one.channel == "slack"]
    assert waiting.last_error == "ratelimited" and waiting.send_at - here.clock.now() == timedelta(seconds=600)
    assert waiting.lane != said_by_page(here, second).lane


def said_by_page(world: World, incident: Incident) -> outbox.Message:
    (found,) = [one for one in world.read(outbox.for_incident, incident.id) if one.page_id and one.state == "sent"]
    return found


def test_patience_for_one_person_is_kept_and_the_other_ways_are_hurried(here: World, slack: Workspace) -> None:
    slack.busy_channels = {one: 7 for one in slack.users.values()}
    incident = here.declare()
    (message,) = [
        one
        for one in here.read(outbox.for_incident, incident.id)
        if one.page_id and one.person == paged(here, incident)
    ]
    assert message.send_at - here.clock.now() == timedelta(seconds=7)
    slack.busy_channels = {}
    here.advance(seconds=7)
    assert said(slack, paged(here, incident))


def test_whom_slack_does_not_know_is_paged_by_another_way(here: World, slack: Workspace) -> None:
    slack.users.clear()
    incident = here.declare()
    died = [one for one in here.read(outbox.for_incident, incident.id) if one.page_id and one.last_error]
    assert died and died[0].last_error == "channel_not_found"


def test_what_has_become_confidential_is_said_no_more(here: World, slack: Workspace) -> None:
    incident = here.declare("nightjar leaks")
    who = paged(here, incident)
    here.do(secrecy.make_confidential, incident.id, "a leak", by=who)
    here.do(commands.acknowledge, incident.id, by=who)
    texts = [one.text for one in said(slack, who)]
    assert "nightjar" not in "".join(texts) and "It is acknowledged." in texts[0]


def test_a_member_id_counts_once_the_code_that_came_there_is_typed_in(here: World, slack: Workspace) -> None:
    member = slack.person("carla")
    method = here.do(people_commands.add_contact, "ana", Channel.SLACK, member)
    (message,) = slack.talks[member].messages
    assert message.buttons == {} and method.verified_at is None
    code = message.text.split("code is ")[1][:6]
    assert here.do(people_commands.verify_contact, "ana", method.id, code)


def test_what_was_said_with_others_keeps_its_buttons_until_all_is_answered_there(
    database_url: str, slack: Workspace
) -> None:
    here = connected(World(database_url, plan=GATHERING), slack)
    who = paged(here, here.declare("Voice replies hang"))
    one, other = here.declare("Voice is silent"), here.declare("Memory is gone")
    here.advance(seconds=30)
    together = said(slack, who)[-1]
    assert "2 incidents page you" in together.text
    here.do(commands.acknowledge, one.id, by="ben")
    assert said(slack, who)[-1].buttons
    assert "acknowledged" in answer(here, slack, who, Answer.ACKNOWLEDGE)
    assert here.incident(other.id).acknowledged_by == who and said(slack, who)[-1].buttons == {}
    here.close()
