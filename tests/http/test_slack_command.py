"""The slash command: every word does what the page does, for whoever is linked, and answers in plain words."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from tests.support import slacksends as sends
from tests.support.desk import Desk, desk
from tests.support.served import served
from tests.support.slack import SIGNING_SECRET, TOKEN, Workspace, workspace
from tests.support.world import QUIET
from tocsin import settings
from tocsin.audit.model import Deed
from tocsin.delivery import outbox, slackapp
from tocsin.incidents.model import Acknowledged, Noted, RoleAssigned, SeverityChanged, Status
from tocsin.incidents.snooze import Snoozed
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import chatting, chatverbs, secrecy
from tocsin.settings import BadSetting


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def rose(sqlite_url: str, slack: Workspace) -> Iterator[Desk]:
    with desk(sqlite_url, slack) as one:
        yield one


def entries_of(rose: Desk, kind: type[Any]) -> list[Any]:
    return [one for one in rose.entries() if isinstance(one, kind)]


# ---- The words ----


def test_help_names_every_word(rose: Desk) -> None:
    said = rose.says("ana", "help")
    assert all(f"/incident {word} " in said for word in chatverbs.VERBS)
    assert rose.says("ana", "") == said
    assert "of this channel" in rose.says("ana", "help", rose.declare()[1].id)


def test_a_word_that_is_none_is_said_so_with_what_was_likely_meant(rose: Desk) -> None:
    assert rose.says("ana", "akc") == "There is no 'akc'. Did you mean ack? /incident help lists what there is."
    assert "There is no '@here'" in rose.says("ana", "<!here>")


def test_in_its_own_channel_the_incident_need_not_be_named(rose: Desk) -> None:
    _, channel = rose.declare()
    assert rose.says("ana", "ack", channel.id) == "[P1] Voice hangs (#1): acknowledged by Ana Okafor."
    (acknowledged,) = entries_of(rose, Acknowledged)
    assert (acknowledged.by, acknowledged.through) == ("ana", "slack")
    assert rose.says("ana", "note 2 of 5 pods restart &amp; hang", channel.id).endswith("the note is on the record.")
    assert [one.text for one in entries_of(rose, Noted)] == ["2 of 5 pods restart & hang"]


def test_elsewhere_a_number_says_which(rose: Desk) -> None:
    rose.declare()
    assert "Say which incident" in rose.says("ana", "ack")
    assert "There is no incident number 7." in rose.says("ana", "ack #7")
    assert rose.says("ana", "ack 1").endswith("acknowledged by Ana Okafor.")
    assert rose.says("ben", f"note {rose.incident().id} from afar").endswith("on the record.")


def test_a_role_is_taken_and_handed_over(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    assert rose.says("ana", "role commander", channel.id).endswith("Incident commander is Ana Okafor.")
    rose.says("ana", f"role incident commander <@{slack.person('ben')}|ben>", channel.id)
    rose.says("ben", "role scribe ana", channel.id)
    given = [(one.role, one.person, one.by) for one in entries_of(rose, RoleAssigned)]
    assert given == [
        ("incident_commander", "ana", "ana"),
        ("incident_commander", "ben", "ana"),
        ("scribe", "ana", "ben"),
    ]
    assert "Say which role" in rose.says("ana", "role lead", channel.id)  # there are two
    assert "@u0nobody is linked to nobody" in rose.says("ana", "role scribe <@U0NOBODY|u0nobody>", channel.id)


def test_whoever_holds_a_role_is_named_before_another_takes_it_over(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    rose.says("ben", "role scribe", channel.id)
    assert rose.says("ana", "role scribe", channel.id) == "" and rose.incident().roles == {"scribe": "ben"}
    asked = rose.form
    assert asked.user == slack.person("ana") and "Scribe: Ben " in str(asked.view["blocks"])
    assert rose.says("ben", "role scribe", channel.id).endswith("Scribe is Ben Halvorsen."), "who has it, has it"
    assert rose.sends(asked) == {} and rose.incident().roles == {"scribe": "ana"}


def test_severity_mitigate_resolve_and_close(rose: Desk) -> None:
    _, channel = rose.declare()
    assert "Say P0, P1" in rose.says("ana", "severity higher", channel.id)
    rose.says("ana", "severity p0 all are down", channel.id)
    assert rose.says("ben", "severity P0 still", channel.id).endswith("it is P0 already, and nothing was changed.")
    (raised,) = entries_of(rose, SeverityChanged)
    assert (raised.severity, raised.because) == ("P0", "all are down")
    assert "Say what was done" in rose.says("ana", "mitigate", channel.id)
    assert rose.says("ana", "mitigate restarted", channel.id).endswith("mitigating.")
    refused = rose.says("ana", "resolve rolled back", channel.id)
    assert rose.incident().status is Status.MITIGATING and refused.startswith("Not verified yet")
    assert rose.says("ana", "close", channel.id) and rose.incident().closed_at is None


def test_snooze_needs_a_span_and_a_reason(rose: Desk) -> None:
    quietly = re.sub(r"(    escalation: \w+\n)", r"\1    silent_after: 20 min\n    snooze_most: 2 h\n", QUIET)
    with rose.here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, quietly, "silence", accept_large=True)
    _, channel = rose.declare()
    rose.says("ana", "ack", channel.id)
    assert "Say for how long" in rose.says("ana", "snooze a while", channel.id)
    assert "Say why" in rose.says("ana", "snooze 20 min", channel.id)
    assert "asked again at" in rose.says("ana", "snooze 20 min the vendor calls back", channel.id)
    (snoozed,) = entries_of(rose, Snoozed)
    assert snoozed.because == "the vendor calls back"
    assert snoozed.until - snoozed.at == timedelta(minutes=20)


def test_escalate_pages_whoever_is_next(rose: Desk) -> None:
    _, channel = rose.declare()
    before = rose.incident().steps_paged
    assert rose.says("ana", "escalate I know nothing of voices", channel.id).endswith("whoever is next is paged.")
    assert rose.incident().steps_paged > before


def test_list_show_and_oncall(rose: Desk) -> None:
    assert rose.says("ana", "list").startswith("No incident is open.")
    _, channel = rose.declare(impact="Nobody is heard")
    rose.says("ana", "role commander", channel.id)
    assert "[P1] Voice hangs (#1): Investigating, led by Ana Okafor, for 0:00" in rose.says("ben", "list")
    shown = rose.says("ben", "show #1")
    assert "Impact: Nobody is heard" in shown and "Incident commander: Ana Okafor" in shown and ": in " in shown
    assert f"https://tocsin.example.org/incidents/{rose.incident().id}" in shown
    with rose.here.app.database.read(SYSTEM) as tx:
        rotas = plans.current(tx).rotations
    assert rose.says("ben", "oncall").count(":") >= len(rotas)


# ---- Who may ----


def test_whoever_is_not_linked_is_told_how_to_be_and_changes_nothing(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    said = rose.says("lucia", "ack", channel.id)
    assert f"Nobody in Tocsin is linked to this account, {slack.person('lucia')}" in said
    assert "https://tocsin.example.org/me#contacts" in said
    assert rose.incident().acknowledged_at is None
    with rose.here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "lucia", Channel.SLACK, slack.person("lucia"), verified=True)
    assert "acknowledged by Lucía" in rose.says("lucia", "ack", channel.id)
    assert rose.incident().acknowledged_by == "lucia"


def test_an_account_of_two_people_is_nobodys_until_one_has_proven_it(rose: Desk, slack: Workspace) -> None:
    with rose.here.app.database.work(SYSTEM) as tx:
        people.keep_chat_account(tx, "slack", "tomas", slack.person("ana"), entered=True)
    assert "Nobody in Tocsin is linked" in rose.says("ana", "list")
    with rose.here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", Channel.SLACK, slack.person("ana"), verified=True)
    assert "No incident is open" in rose.says("ana", "list")


def test_rights_are_those_of_the_account(rose: Desk) -> None:
    _, channel = rose.declare()
    with rose.here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", role=AccountRole.VIEWER)
    assert "ben may not do this" in rose.says("ben", "ack", channel.id)
    assert "Voice hangs" in rose.says("ben", "list")
    with rose.here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", disabled_at=tx.now)
    assert "Nobody in Tocsin is linked" in rose.says("ben", "list")
    assert rose.incident().acknowledged_at is None


def test_what_is_confidential_is_shown_in_its_own_channel_alone_and_never_by_its_title(rose: Desk) -> None:
    incident, channel = rose.declare("Keys were stolen", type="security")
    rose.here.app.database.run(SYSTEM, lambda tx: secrecy.add_responder(tx, incident.id, "ana", "She knows"))
    stranger = next(one for one in ("tomas", "lucia", "ben") if one not in rose.incident().responders)
    with rose.here.app.database.work(SYSTEM) as tx:
        people.keep_chat_account(tx, "slack", stranger, rose.slack.person(stranger), entered=True)
    assert rose.says(stranger, "list").startswith("No incident is open.")
    assert "There is no" in rose.says(stranger, "show #1") and "There is no" in rose.says(stranger, "ack #1")
    assert "Say which incident" in rose.says(stranger, "ack", channel.id)
    assert rose.says("ana", "list").startswith("No incident is open.")
    assert "shown in its own channel" in rose.says("ana", "show #1")
    shown = rose.says("ana", "show", channel.id) + rose.says("ana", "list", channel.id)
    assert "[P1] Confidential incident (#1)" in shown
    everything = " ".join(
        one for person in ("ana", stranger) for one in rose.slack.whispered(rose.slack.person(person))
    )
    assert "stolen" not in everything


# ---- How it comes, and how it is answered ----


def test_what_is_not_signed_is_old_or_changed_is_refused(rose: Desk, slack: Workspace) -> None:
    rose.declare()
    body = urlencode(sends.command(slack, slack.person("ana"), "ack #1")).encode()
    at = rose.here.clock.now().timestamp()
    for headers in (sends.signed(body, at, "another"), sends.signed(body, at - 301), sends.signed(body, at + 301), {}):
        assert rose.here.post("/in/slack/command", content=body, headers=headers).status_code == 403
    assert (
        rose.here.post("/in/slack/command", content=body + b"&x=1", headers=sends.signed(body, at)).status_code == 403
    )
    assert rose.incident().acknowledged_at is None
    (noted,) = rose.here.app.refusals.take()
    assert (noted.deed, noted.about, noted.count) == (Deed.TOKEN_REFUSED, "/in/slack/command", 5)
    assert rose.post("command", body, ago=299).status_code == 200
    assert rose.incident().acknowledged_by == "ana"


def test_what_is_brought_again_does_nothing_and_answers_nothing(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    ana = slack.person("ana")
    body = urlencode(sends.command(slack, ana, "note once", channel.id)).encode()
    for _ in range(3):
        assert rose.post("command", body).status_code == 200
    rose.settle()
    assert len(entries_of(rose, Noted)) == 1 and len(slack.whispered(ana)) == 1
    wrong = urlencode(sends.command(slack, ana, "wrong", channel.id)).encode()
    for _ in range(2):
        rose.post("command", wrong)
    rose.settle()
    assert len(slack.whispered(ana)) == 2


def test_what_is_no_command_is_refused_and_a_look_at_the_certificate_is_answered(rose: Desk) -> None:
    assert rose.post("command", b"text=ack").status_code == 400
    assert rose.post("command", b"ssl_check=1&token=x").status_code == 200
    assert rose.post("answers", b"payload=[]").status_code == 400
    assert rose.post("events", b"{", sends.JSON).status_code == 400


def test_slack_is_answered_in_time_with_the_truth_while_nothing_can_be_written_down(
    rose: Desk, slack: Workspace
) -> None:
    """The writer is taken, as in a storm: whoever asked reads that it is not safe yet, and it is done afterwards."""
    rose.declare()
    body = urlencode(sends.command(slack, slack.person("ana"), "ack #1")).encode()
    headers = sends.signed(body, rose.here.clock.now().timestamp())
    answered, taken, free = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with rose.here.app.database.work(SYSTEM):
            taken.set()
            assert free.wait(10)

    writer = threading.Thread(target=hold)
    writer.start()
    assert taken.wait(5)

    async def ask() -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        named = {"Host": "tocsin.test", **headers}
        known = [(name.lower().encode(), value.encode()) for name, value in named.items()]
        scope = {"type": "http", "method": "POST", "path": "/in/slack/command", "raw_path": b"/in/slack/command"}
        scope |= {"headers": known, "query_string": b"", "scheme": "http", "http_version": "1.1", "root_path": ""}
        scope |= {"server": ("tocsin.test", 80), "client": ("192.0.2.7", 4711), "state": {}}
        asked = asyncio.ensure_future(cast(Any, rose.here.asgi)(scope, receive, send))
        async with asyncio.timeout(3):
            while not answered.is_set():
                await asyncio.sleep(0.01)
        assert sent[0]["status"] == 200 and json.loads(sent[1]["body"]) == chatting.patience()
        assert rose.incident().acknowledged_at is None
        free.set()
        await asked

    try:
        rose.here.run(ask())
    finally:
        free.set()
        writer.join()
    assert rose.incident().acknowledged_by == "ana"


def test_an_answer_waits_while_slack_asks_for_patience_or_is_away(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    slack.status = 503
    assert rose.says("ana", "ack", channel.id) == ""
    assert rose.incident().acknowledged_by == "ana"
    slack.status = 200
    rose.here.clock.advance_to(rose.here.clock.now() + timedelta(minutes=1))
    rose.settle()
    assert slack.whispered(slack.person("ana")) == ["[P1] Voice hangs (#1): acknowledged by Ana Okafor."]


def test_an_answer_goes_to_slack_alone_and_its_address_stands_in_no_message(rose: Desk, slack: Workspace) -> None:
    given = sends.command(slack, slack.person("ana"), "list")
    rose.post("command", urlencode({**given, "response_url": "https://elsewhere.example/hook"}).encode())
    with rose.here.app.database.read(SYSTEM) as tx:
        (lane,) = [one for one in outbox.due_lanes(tx) if one.startswith("slack")]
    assert lane == "slack_reply"
    rose.settle()
    assert slack.whispered(slack.person("ana")) == []
    with rose.here.app.database.read(SYSTEM) as tx:
        assert outbox.due_lanes(tx) == [] and outbox.undelivered(tx, 10) == []


def test_a_server_without_the_secret_has_no_such_address(sqlite_url: str, slack: Workspace) -> None:
    with served(sqlite_url, slack_bot_token=TOKEN, slack_api_url=slack.url) as plain:
        for path in ("command", "answers", "events"):
            body = b"payload={}"
            headers = sends.signed(body, plain.clock.now().timestamp())
            assert plain.post(f"/in/slack/{path}", content=body, headers=headers).status_code == 404


def test_the_command_may_be_called_otherwise(sqlite_url: str, slack: Workspace) -> None:
    with desk(sqlite_url, slack, slack_command="/tocsin") as one:
        assert "/tocsin ack #12" in one.says("ana", "help")
    about = {"TOCSIN_SLACK_BOT_TOKEN": TOKEN, "TOCSIN_SLACK_SIGNING_SECRET": SIGNING_SECRET}
    assert settings.read({**about, "TOCSIN_SLACK_COMMAND": "/tocsin"}).slack_command == "/tocsin"
    with pytest.raises(BadSetting, match="TOCSIN_SLACK_COMMAND"):
        settings.read({**about, "TOCSIN_SLACK_COMMAND": "incident"})
    printed = slackapp.manifest("https://tocsin.example.org", "/tocsin", socket=False)
    (command,) = printed["features"]["slash_commands"]
    assert command["command"] == "/tocsin" and command["url"] == "https://tocsin.example.org/in/slack/command"
    assert command["should_escape"]


def test_the_guide_says_what_every_word_does() -> None:
    guide = (Path(__file__).parents[2] / "docs/howto/slack.md").read_text("utf-8")
    for word, verb in chatverbs.VERBS.items():
        assert f"| `{' '.join(filter(None, (word, verb.says)))}` | {verb.does} |" in guide
