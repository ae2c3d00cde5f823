"""What Slack brings back when a button is pressed: signed and fresh, or refused."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from tests.support.served import Served, served
from tests.support.slack import SIGNING_SECRET, TOKEN, Workspace, workspace
from tests.support.slacksends import pressed, signed
from tocsin import settings
from tocsin.delivery import outbox, slackapp
from tocsin.delivery.channel import Message
from tocsin.delivery.slack import Slack
from tocsin.delivery.slackdm import CHANNEL, SlackMessages, is_signed, written
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import commands, dispatch
from tocsin.settings import BadSetting

OUTAGE: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def here(sqlite_url: str, slack: Workspace) -> Iterator[Served]:
    about = {"slack_bot_token": TOKEN, "slack_api_url": slack.url, "slack_signing_secret": SIGNING_SECRET}
    with served(sqlite_url, **about) as one:
        with one.app.database.work(SYSTEM) as tx:
            people.add_contact(tx, "ana", Channel.SLACK, slack.person("ana"), verified=True)
        yield one


def send(here: Served, slack: Workspace) -> None:
    channel = SlackMessages(Slack(TOKEN, slack.url, timedelta(seconds=2)), answered=True)
    while asyncio.run(dispatch.send_due(here.app.database, {CHANNEL: channel})):
        pass


def declare(here: Served, slack: Workspace) -> tuple[Incident, Message]:
    incident: Incident = here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **OUTAGE))
    send(here, slack)
    with here.app.database.read(SYSTEM) as tx:
        found = outbox.for_incident(tx, incident.id)
    return incident, next(one for one in found if one.channel == CHANNEL)


def press(here: Served, body: bytes, *, ago: float = 0, secret: str = SIGNING_SECRET) -> httpx2.Response:
    headers = signed(body, here.clock.now().timestamp() - ago, secret)
    return here.post("/in/slack/answers", content=body, headers=headers)


def answered_by(here: Served, incident: Incident) -> str | None:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, incident.id).acknowledged_by


def test_a_button_acknowledges_and_the_message_says_so(here: Served, slack: Workspace) -> None:
    incident, message = declare(here, slack)
    (shown,) = slack.talks[message.address].messages
    assert press(here, pressed(message.address, "acknowledge", shown.buttons["acknowledge"])).status_code == 200
    assert answered_by(here, incident) == "ana"
    send(here, slack)
    (shown,) = slack.talks[message.address].messages
    assert shown.buttons == {} and "Acknowledged by Ana Okafor." in shown.text
    assert press(here, pressed(message.address, "acknowledge", message.id)).status_code == 200  # twice is once


def test_a_button_that_somebody_else_presses_answers_nothing(here: Served, slack: Workspace) -> None:
    incident, message = declare(here, slack)
    for body in (
        pressed("U0SOMEBODY", "acknowledge", message.id),
        pressed(message.address, "acknowledge", "msg_NONE"),
        pressed(message.address, "delete", message.id),
        pressed(message.address, "acknowledge", message.id, kind="view_closed"),
        urlencode({"ssl_check": "1"}).encode(),
    ):
        assert press(here, body).status_code == 200
    assert answered_by(here, incident) is None


def test_what_is_not_signed_or_is_old_is_refused(here: Served, slack: Workspace) -> None:
    incident, message = declare(here, slack)
    body = pressed(message.address, "acknowledge", message.id)
    assert press(here, body, secret="another").status_code == 403
    assert press(here, body, ago=301).status_code == 403
    assert press(here, body, ago=-301).status_code == 403
    assert here.post("/in/slack/answers", content=body).status_code == 403
    headers = signed(body, here.clock.now().timestamp())
    assert here.post("/in/slack/answers", content=body + b"&more=1", headers=headers).status_code == 403
    assert press(here, b"payload=none").status_code == 400
    assert answered_by(here, incident) is None
    assert press(here, body, ago=299).status_code == 200
    assert answered_by(here, incident) == "ana"


def test_a_server_without_the_secret_has_no_such_address_and_sends_no_buttons(
    sqlite_url: str, slack: Workspace
) -> None:
    with served(sqlite_url, slack_bot_token=TOKEN, slack_api_url=slack.url) as plain:
        assert press(plain, pressed("U0ANA", "acknowledge", "msg_1")).status_code == 404
        assert CHANNEL in plain.app.offers
    with served(sqlite_url) as none:
        assert CHANNEL not in none.app.offers
    with pytest.raises(BadSetting, match="TOCSIN_SLACK_SIGNING_SECRET"):
        settings.read({"TOCSIN_SLACK_SIGNING_SECRET": "s"})


def test_without_answers_the_link_stands_in_the_text_and_there_are_no_buttons(here: Served, slack: Workspace) -> None:
    _, message = declare(here, slack)
    assert [one["type"] for one in written(message, buttons=False)] == ["section"]
    assert [one["type"] for one in written(message, buttons=True)] == ["section", "actions"]
    assert "https://tocsin.example.org/a/" in written(message, buttons=False)[0]["text"]["text"]


def test_the_signature_is_the_one_that_slack_makes() -> None:
    body = b"token=x&team_id=T0ROSE&command=%2Fincident&text=declare+P1+audio+down"
    known = "v0=f6238835e8820199f7f98214def8aab54f51fdb96032f2d2349e3f16fc042f60"
    at = datetime.fromtimestamp(1790000000, UTC)
    assert is_signed(SIGNING_SECRET, "1790000000", body, known, at)
    assert not is_signed(SIGNING_SECRET, "1790000000", body + b" ", known, at)
    assert not is_signed(SIGNING_SECRET, "soon", body, known, at)


def test_the_app_is_told_where_answers_go_and_that_people_may_be_written_to() -> None:
    printed = slackapp.manifest("https://tocsin.example.org", "/incident", socket=False)
    assert printed["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": "https://tocsin.example.org/in/slack/answers",
    }
    assert printed["features"]["app_home"]["messages_tab_enabled"]
    assert "interactivity" not in slackapp.manifest("http://127.0.0.1:8000", "/incident", socket=False)["settings"]
