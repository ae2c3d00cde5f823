"""Communication, clause by clause: the channel in which people work on an incident."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.slack import TOKEN, Workspace, workspace
from tests.support.world import World
from tocsin.delivery.slack import Slack
from tocsin.response import commands

WORDS = {"impact": "Nobody can talk to Rose", "actions": "Restarted it", "next": "Watch it"}


@pytest.fixture
def slack(busy: World) -> Iterator[Workspace]:
    with workspace() as one:
        for person in ("ana", "ben"):
            one.person(person)
        busy.connect(Slack(TOKEN, one.url, timedelta(seconds=2)))
        yield one


def test_com_01_the_channel_is_named_by_the_day_and_the_description(busy: World, slack: Workspace) -> None:
    busy.declare("Voice: no answer from Düsseldorf!")
    assert slack.only().name == "incident-20261124-voice-no-answer-from-dusseldorf"


def test_com_01_updates_are_pinned_and_the_channel_holds_the_state_of_things_alone(
    busy: World, slack: Workspace
) -> None:
    incident = busy.declare()
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    busy.do(commands.note, incident.id, "A remark of no weight")
    busy.do(commands.assign, incident.id, "incident_commander", "ben")
    busy.do(commands.change_severity, incident.id, "P0", "All feel it")
    channel = slack.only()
    first, update = channel.messages
    assert channel.pins == [first.ts, update.ts]
    assert "Nobody can talk to Rose" in update.text and "Restarted it" in update.text
    assert channel.topic.startswith("P0 | Investigating | Incident commander: Ben")


def test_com_01_people_are_told_to_discuss_in_threads(busy: World, slack: Workspace) -> None:
    busy.declare()
    assert "Discuss in threads" in slack.only().messages[0].text
