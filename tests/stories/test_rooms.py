"""An incident's channel in Slack: a strict stand-in answers, and the real library asks."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.slack import BOT, TOKEN, Channel, Workspace, workspace
from tests.support.world import RecordingChannel, World
from tocsin.comms import store as comms
from tocsin.delivery.slack import Slack
from tocsin.incidents.model import Incident
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, Wanted
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.response import commands, secrecy
from tocsin.response.dispatch import Dispatcher
from tocsin.response.rooms import Rooms

WORDS = {"impact": "Nobody can talk to Rose & <co>", "actions": "Restarted it", "next": "Watch it"}
PATIENTLY = timedelta(seconds=4)  # a busy machine may make anybody wait


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        for handle in ("ana", "ben", "lucia", "tomas"):
            one.person(handle)
        yield one


@pytest.fixture
def here(busy: World, slack: Workspace) -> World:
    """A world with Slack, in which not everybody has an account."""
    busy.connect(Slack(TOKEN, slack.url, PATIENTLY))
    return busy


def texts(channel: Channel) -> list[str]:
    return [one.text for one in channel.messages]


def pinned(channel: Channel) -> list[str]:
    return [one.text for one in channel.messages if one.ts in channel.pins]


def declare(world: World, title: str = "Voice replies hang", **about: str) -> Incident:
    return world.declare(title, **about)


# ---- A whole life ----


def test_a_channel_is_opened_its_people_invited_and_the_first_words_pinned(here: World, slack: Workspace) -> None:
    incident = declare(here)
    channel = slack.only()
    assert (channel.name, channel.private, channel.creator) == ("incident-20261124-voice-replies-hang", False, BOT)
    call = here.incident(incident.id).call
    link = f"http://127.0.0.1:8000/incidents/{incident.id}"
    assert channel.topic == f"P1 | Investigating | Incident commander: nobody yet | Call: {call} | {link}"
    assert channel.purpose == link
    (paged,) = {one.person for one in here.mail.sent if one.audience == "page"}
    assert channel.members == [BOT, *dict.fromkeys([slack.person("ana"), slack.person(str(paged))])]
    (first,) = pinned(channel)
    assert "P1 High: Voice replies hang" in first and call in first and link in first
    assert "Discuss in threads" in first
    (opened,) = here.entries(incident.id, ChannelOpened)
    assert (opened.provider, opened.channel, opened.name) == ("slack", channel.id, channel.name)
    assert opened.link == f"https://rose.slack.example/archives/{channel.id}"
    assert here.incident(incident.id).channel == opened


def test_roles_severity_and_status_show_in_the_topic_and_the_right_updates_in_the_channel(
    here: World, slack: Workspace
) -> None:
    incident = declare(here)
    channel = slack.only()
    here.do(commands.assign, incident.id, "incident_commander", "ben")
    assert slack.person("ben") in channel.members
    assert "Incident commander: Ben" in channel.topic
    here.do(commands.post_update, incident.id, "internal", WORDS)
    here.do(commands.post_update, incident.id, "executives", WORDS)
    assert len(channel.messages) == 2
    assert pinned(channel)[1].count("Nobody can talk to Rose &amp; &lt;co&gt;") == 1
    here.do(commands.change_severity, incident.id, "P0", "All are down")
    here.do(commands.mitigate, incident.id, "Restarted")
    assert channel.topic.startswith("P0 | Mitigating | Incident commander: Ben")
    assert len(channel.messages) == 2  # the channel itself is for the state of things


def test_a_duplicate_ends_with_a_word_and_an_archived_channel_and_so_does_what_is_closed(
    here: World, slack: Workspace
) -> None:
    first, second = declare(here), declare(here, "Voice is silent")
    from tocsin.response import relating  # noqa: PLC0415

    here.do(relating.merge, second.id, first.id, "The same disk")
    channel = slack.named("incident-20261124-voice-is-silent")
    assert channel.archived and texts(channel)[-1].startswith("It was a duplicate, and the work goes on in another")
    assert not slack.named("incident-20261124-voice-replies-hang").archived


def test_two_incidents_of_one_title_have_two_names(here: World, slack: Workspace) -> None:
    declare(here)
    declare(here)
    name = "incident-20261124-voice-replies-hang"
    assert [one.name for one in slack.channels.values()] == [name, f"{name}-2"]


def test_a_name_that_a_stranger_has_is_passed_over(here: World, slack: Workspace) -> None:
    slack.add("incident-20261124-voice-replies-hang")
    incident = declare(here)
    assert here.entries(incident.id, ChannelOpened)[0].name == "incident-20261124-voice-replies-hang-2"


def test_a_level_without_a_channel_gets_one_when_it_is_raised_to_one_that_has(
    database_url: str, slack: Workspace
) -> None:
    from tests.support.world import ROSE  # noqa: PLC0415

    plan = ROSE.replace("      audiences: [internal]\n", "      severities: [P0, P1]\n", 1)
    world = World(database_url, plan=plan)
    world.connect(Slack(TOKEN, slack.url, PATIENTLY))
    incident = declare(world, severity="P2")
    assert slack.channels == {} and world.incident(incident.id).call == ""
    world.do(commands.change_severity, incident.id, "P1", "More feel it")
    assert len(slack.channels) == 1 and len(world.entries(incident.id, CallOpened)) == 1
    world.overlook()
    world.close()


# ---- When Slack does not do its part ----


def test_pages_go_out_while_slack_hangs(here: World, slack: Workspace) -> None:
    slack.hanging = True
    incident = here.database.run(
        here.actor("ana"),
        lambda tx: commands.declare(tx, title="It hangs", severity="P1", type="service_outage", service="rose"),
    )
    mail = RecordingChannel()
    patient = Rooms(here.database, Slack(TOKEN, slack.url, timedelta(seconds=20)))

    async def story() -> None:
        dispatcher = Dispatcher(here.database, {"email": mail, "slack": patient})
        async with asyncio.timeout(5):
            await dispatcher.turn()
            while not mail.sent or not slack.calls:
                await asyncio.sleep(0.01)
        assert dispatcher._lane("slack").travelling == 1
        await dispatcher.close(timedelta(0))

    asyncio.run(story())
    assert {one.audience for one in mail.sent} == {"page"}
    assert here.entries(incident.id, ChannelOpened) == []
    slack.released.set()


def test_the_record_says_what_failed_and_what_to_do_by_hand_and_it_goes_on_trying(
    here: World, slack: Workspace
) -> None:
    slack.status = 503
    incident = declare(here)
    here.advance(minutes=1)
    assert here.entries(incident.id, ChannelFailed) == []
    here.advance(minutes=5)
    (failed,) = here.entries(incident.id, ChannelFailed)
    assert (failed.wanted, failed.reason) == (Wanted.OPENED, "service_unavailable")
    assert failed.by_hand == "Open a channel by hand and put its link into a note."
    here.do(commands.post_update, incident.id, "internal", WORDS)
    slack.status = 200
    here.advance(minutes=6)
    assert len(here.entries(incident.id, ChannelOpened)) == 1
    assert len(pinned(slack.only())) == 2


def test_a_token_that_may_not_is_said_at_once_with_the_scope_that_is_missing(here: World, slack: Workspace) -> None:
    slack.scopes -= {"channels:manage"}
    incident = declare(here)
    (failed,) = here.entries(incident.id, ChannelFailed)
    assert failed.reason == "missing_scope, it needs channels:manage"


def test_slack_is_asked_again_when_it_says_and_not_before(here: World, slack: Workspace) -> None:
    slack.busy["conversations.setTopic"] = [30]
    incident = declare(here)
    asked = slack.calls.count("conversations.setTopic")
    here.advance(seconds=29)
    assert slack.calls.count("conversations.setTopic") == asked == 1
    here.advance(seconds=2)
    assert slack.only().topic and here.entries(incident.id, ChannelFailed) == []
    assert len(texts(slack.only())) == 1


@pytest.mark.parametrize("lost", ["conversations.create", "conversations.setPurpose"])
def test_what_was_made_before_it_could_be_written_down_is_found_again(here: World, slack: Workspace, lost: str) -> None:
    slack.lost.add(lost)
    incident = declare(here)
    assert here.entries(incident.id, ChannelOpened) == [] and len(slack.channels) == 1
    here.advance(seconds=10)
    (opened,) = here.entries(incident.id, ChannelOpened)
    assert opened.channel == slack.only().id


def test_a_server_that_dies_between_opening_and_writing_down_leaves_one_channel(here: World, slack: Workspace) -> None:
    """Whoever dies gives nothing back: the message is leased and the channel held, until both run out."""
    slack.held["conversations.create"] = threading.Event()
    here.chats["slack"] = Rooms(here.database, Slack(TOKEN, slack.url, timedelta(seconds=20)))
    about: dict[str, Any] = {"title": "It dies", "severity": "P1", "type": "service_outage", "service": "rose"}
    incident = here.database.run(here.actor("ana"), lambda tx: commands.declare(tx, **about))

    async def story() -> None:
        dispatcher = Dispatcher(here.database, here.channels())
        await dispatcher.turn()
        async with asyncio.timeout(5):
            while not slack.channels:
                await asyncio.sleep(0.01)
        await dispatcher.close(timedelta(0))

    asyncio.run(story())
    until = here.clock.now() + timedelta(seconds=45)
    assert here.database.run(SYSTEM, lambda tx: comms.hold(tx, incident.id, until))  # what a kill leaves behind
    slack.held.pop("conversations.create").set()
    here.advance(minutes=2)
    (opened,) = here.entries(incident.id, ChannelOpened)
    assert opened.channel == slack.only().id


def test_a_channel_that_another_server_sees_to_is_left_to_it(here: World, slack: Workspace) -> None:
    incident = declare(here)
    until = here.clock.now() + timedelta(seconds=45)
    assert here.database.run(SYSTEM, lambda tx: comms.hold(tx, incident.id, until))
    here.do(commands.post_update, incident.id, "internal", WORDS)
    assert len(pinned(slack.only())) == 1
    here.advance(seconds=50)
    assert len(pinned(slack.only())) == 2


def test_who_is_not_in_slack_keeps_nobody_else_out_and_an_entered_account_is_used(
    here: World, slack: Workspace
) -> None:
    slack.users["else@where.example"] = "U0OTHER"
    here.database.run(SYSTEM, lambda tx: people.keep_chat_account(tx, "slack", "lucia", "U0OTHER", entered=True))
    del slack.users["ben@rose.example"]
    incident = declare(here)
    here.do(commands.assign, incident.id, "incident_commander", "ben")
    here.do(commands.assign, incident.id, "communications_lead", "lucia")
    members = slack.only().members
    assert "U0OTHER" in members and "U0BEN" not in members
    assert here.read(people.chat_accounts, "slack")["ana"] == ("U0ANA", False)
    here.database.run(SYSTEM, lambda tx: people.keep_chat_account(tx, "slack", "tomas", "U0GONE", entered=True))
    here.do(commands.assign, incident.id, "scribe", "tomas")
    (failed,) = here.entries(incident.id, ChannelFailed)
    assert failed.reason == "tomas is not invited: user_not_found" and "tomas" in failed.by_hand


def test_somebody_archives_the_channel_and_the_work_opens_it_again(here: World, slack: Workspace) -> None:
    incident = declare(here)
    slack.only().archived = True
    here.do(commands.post_update, incident.id, "internal", WORDS)
    assert not slack.only().archived and len(pinned(slack.only())) == 2


def test_a_channel_that_is_gone_is_said_once(here: World, slack: Workspace) -> None:
    incident = declare(here)
    slack.channels.clear()
    here.do(commands.post_update, incident.id, "internal", WORDS)
    here.do(commands.mitigate, incident.id, "Restarted")
    (failed,) = here.entries(incident.id, ChannelFailed)
    assert (failed.wanted, failed.reason) == (Wanted.KEPT, "channel_not_found")


# ---- What is confidential ----


def test_a_confidential_incident_has_a_private_channel_that_tells_nothing(here: World, slack: Workspace) -> None:
    incident = declare(here, "Keys were stolen", type="security")
    channel = slack.only()
    assert channel.private and channel.name == "incident-20261124-confidential"
    here.do(commands.post_update, incident.id, "internal", WORDS)
    said = " ".join([channel.name, channel.topic, channel.purpose, *texts(channel)])
    for word in ("stolen", "Keys", "Nobody", "Security"):
        assert word not in said
    assert "There is an update. It is confidential" in said
    known = {slack.person(one) for one in here.incident(incident.id).responders if f"{one}@rose.example" in slack.users}
    assert set(channel.members) == {BOT, *known}


def test_what_becomes_confidential_leaves_its_open_channel_and_goes_on_in_a_private_one(
    here: World, slack: Workspace
) -> None:
    incident = declare(here, "Odd logins")
    before, call = slack.only(), here.incident(incident.id).call
    here.do(commands.post_update, incident.id, "internal", WORDS)
    here.do(secrecy.make_confidential, incident.id, "It is a breach")
    assert before.archived and before.messages == [] and before.pins == []
    assert "odd" not in before.name and "Odd" not in before.topic and "P1" not in before.topic
    (left,) = here.entries(incident.id, ChannelLeft)
    assert "can still be read" in left.by_hand
    (private,) = [one for one in slack.channels.values() if one.private]
    assert here.incident(incident.id).channel == here.entries(incident.id, ChannelOpened)[-1]
    assert private.name == "incident-20261124-confidential" and len(private.messages) == 1
    here.do(secrecy.disclose, incident.id, "It was none")
    assert before.archived and before.messages == []
    new = here.incident(incident.id).call
    assert new != call and "odd" not in new


def test_who_may_not_read_it_any_more_is_removed(here: World, slack: Workspace) -> None:
    incident = declare(here, "Keys were stolen", type="security")
    here.do(secrecy.add_responder, incident.id, "lucia", "She knows")
    assert slack.person("lucia") in slack.only().members
    here.do(secrecy.remove_responder, incident.id, "lucia", "Not needed")
    assert slack.person("lucia") not in slack.only().members


def test_what_waits_when_it_becomes_confidential_is_never_said(here: World, slack: Workspace) -> None:
    slack.status = 503
    incident = declare(here, "Odd logins")
    here.do(secrecy.make_confidential, incident.id, "It is a breach")
    slack.status = 200
    here.advance(minutes=1)
    assert [one.private for one in slack.channels.values()] == [True]
