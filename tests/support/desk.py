"""An installation that is connected to a workspace of Slack on this machine: what people do there arrives signed."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2

from tests.support import slacksends as sends
from tests.support.served import Served, served
from tests.support.slack import SIGNING_SECRET, TOKEN, Channel, Form, Workspace
from tocsin.delivery import slackreplies
from tocsin.delivery.channel import Channel as Out
from tocsin.delivery.slack import Slack
from tocsin.delivery.slackreplies import SlackReplies
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.response import commands, dispatch, quoting
from tocsin.response.quoting import Quoting
from tocsin.response.rooms import Rooms

LINKED = ("ana", "ben")


@dataclass
class Desk:
    """The installation, the workspace, and what people do in it."""

    here: Served
    slack: Workspace

    def settle(self) -> None:
        """Send what waits to Slack, until nothing does."""
        while asyncio.run(dispatch.send_due(self.here.app.database, self._channels())):
            pass

    def _channels(self) -> dict[str, Out]:
        slack, database = Slack(TOKEN, self.slack.url, timedelta(seconds=2), answered=True), self.here.app.database
        return {
            "slack": Rooms(database, slack),
            quoting.CHANNEL: Quoting(database, slack),
            slackreplies.CHANNEL: SlackReplies(slack),
        }

    # ---- What people do ----

    def post(self, path: str, body: bytes, kind: str = sends.FORM, ago: float = 0) -> httpx2.Response:
        headers = sends.signed(body, self.here.clock.now().timestamp() - ago, kind=kind)
        return self.here.post(f"/in/slack/{path}", content=body, headers=headers)

    def says(self, handle: str, text: str, channel: str = "C0ELSEWHERE") -> str:
        """Somebody writes the command. Returns what they are answered, if it is a word."""
        user = self.slack.person(handle)
        before = len(self.slack.whispered(user))
        sent = self.post("command", urlencode(sends.command(self.slack, user, text, channel)).encode())
        assert (sent.status_code, sent.text) == (200, "")
        self.settle()
        return "\n".join(self.slack.whispered(user)[before:])

    def interact(self, payload: dict[str, Any]) -> httpx2.Response:
        sent = self.post("answers", sends.as_form(payload))
        assert sent.status_code == 200
        self.settle()
        return sent

    def happens(self, event: dict[str, Any]) -> None:
        assert self.post("events", json.dumps(event).encode(), sends.JSON).status_code == 200
        self.settle()

    def sends(self, form: Form, **typed: str) -> dict[str, str]:
        """Somebody sends a form. Returns what is wrong, by field."""
        sent = self.interact(sends.submitted(form, **typed))
        if not sent.content:
            return {}
        answer = sent.json()
        assert answer.keys() == {"response_action", "errors"} and answer["response_action"] == "errors"
        errors: dict[str, str] = answer["errors"]
        assert errors and errors.keys() <= form.inputs.keys()  # Slack shows no error at a field that is not there
        return errors

    @property
    def form(self) -> Form:
        return self.slack.forms[-1]

    # ---- What there is ----

    def declare(self, title: str = "Voice hangs", **about: Any) -> tuple[Incident, Channel]:
        """An incident with its channel."""
        words = {"severity": "P1", "type": "service_outage", "service": "rose", **about}
        incident: Incident = self.here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, title=title, **words))
        self.settle()
        found = self.incident(incident.number)
        assert found.channel is not None
        return found, self.slack.channels[found.channel.channel]

    def incident(self, number: int = 1) -> Incident:
        with self.here.app.database.read(SYSTEM) as tx:
            return incidents.load(tx, incidents.id_of(tx, str(number)))

    def entries(self, number: int = 1) -> list[AnyEntry]:
        with self.here.app.database.read(SYSTEM) as tx:
            return [one.entry for one in incidents.timeline(tx, self.incident(number).id)]


@contextmanager
def desk(database_url: str, slack: Workspace, **more: Any) -> Iterator[Desk]:
    about = {"slack_bot_token": TOKEN, "slack_api_url": slack.url, "slack_signing_secret": SIGNING_SECRET, **more}
    with served(database_url, **about) as here:
        with here.app.database.work(SYSTEM) as tx:
            for handle in LINKED:
                people.keep_chat_account(tx, "slack", handle, slack.person(handle), entered=True)
        yield Desk(here, slack)
