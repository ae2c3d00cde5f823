"""The stand-in for Slack is as strict as Slack is: the vendor's own client is refused what Slack would refuse."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from tests.support.slack import APP_TOKEN, TOKEN, Workspace, workspace
from tests.support.slacksends import pressed, signed
from tocsin.delivery import slackviews
from tocsin.delivery.slackdm import is_signed
from tocsin.kit.clock import from_millis

AT = 1790000000


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def client(slack: Workspace) -> WebClient:
    return WebClient(TOKEN, base_url=slack.url, retry_handlers=[])


def form(**more: Any) -> dict[str, Any]:
    return {**slackviews.form("note", "Note", "Add", [slackviews.line("text", "Words")], "state"), **more}


def refused(method: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as why:
        method(**arguments)
    error: str = why.value.response["error"]
    return error


def test_a_trigger_works_once_and_for_three_seconds(slack: Workspace, client: WebClient) -> None:
    trigger = slack.trigger("U0ANA")
    assert client.views_open(trigger_id=trigger, view=form())["view"]["callback_id"] == "note"
    assert refused(client.views_open, trigger_id=trigger, view=form()) == "exchanged_trigger_id"
    assert refused(client.views_open, trigger_id="1.2.3", view=form()) == "invalid_trigger_id"
    old = slack.trigger("U0ANA")
    slack.triggers[old] = ("U0ANA", slack.triggers[old][1] - 3.1)
    assert refused(client.views_open, trigger_id=old, view=form()) == "expired_trigger_id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": {"type": "plain_text", "text": "t" * 25}},
        {"private_metadata": "s" * 3001},
        {"callback_id": "c" * 256},
        {"type": "home"},
        {"blocks": []},
        {"blocks": [slackviews.line(f"b{n}", "Words") for n in range(101)]},
        {"blocks": [slackviews.line("twice", "Words")] * 2},
        {"blocks": [slackviews.choice("none", "Words", [])]},
        {"blocks": [{"type": "input", "block_id": "b", "label": slackviews.words("W"), "element": {"type": "x"}}]},
        {"unknown": 1},
    ],
)
def test_a_form_is_measured(slack: Workspace, client: WebClient, wrong: dict[str, Any]) -> None:
    about = {"trigger_id": slack.trigger("U0ANA"), "view": json.dumps(form(**wrong))}
    with pytest.raises(SlackApiError) as why:
        client.api_call("views.open", data=about)
    assert why.value.response["error"].startswith("invalid_arguments") and slack.forms == []


def test_scopes_and_tokens_are_asked_for_at_each_method(slack: Workspace, client: WebClient) -> None:
    channel = slack.add("here", "U0BOT")
    ts = slack.write(channel.id, "U0ANA", "Words")
    about = {"channel": channel.id, "ts": ts, "latest": ts, "inclusive": "true", "limit": "1"}
    slack.scopes -= {"channels:history"}
    with pytest.raises(SlackApiError) as why:
        client.api_call("conversations.replies", data=about)
    assert (why.value.response["error"], why.value.response["needed"]) == ("missing_scope", "channels:history")
    assert refused(WebClient(TOKEN, base_url=slack.url).apps_connections_open, app_token=TOKEN) == (
        "not_allowed_token_type"
    )
    assert refused(client.apps_connections_open, app_token=APP_TOKEN) == "invalid_auth"  # none is offered


def test_an_answer_is_taken_five_times_and_must_leave_the_message_alone(slack: Workspace) -> None:
    hook = WebhookClient(slack.reply_to("U0ANA"), retry_handlers=[])
    assert hook.send(text="It replaces", response_type="ephemeral").status_code == 400
    for _ in range(5):
        assert hook.send(text="A word", response_type="ephemeral", replace_original=False).status_code == 200
    assert hook.send(text="One too many", response_type="ephemeral", replace_original=False).status_code == 404
    assert slack.whispered("U0ANA") == ["A word"] * 5


def test_what_its_library_signs_is_what_we_take() -> None:
    body = pressed("U0ANA", "acknowledge", "msg_1")
    headers = signed(body, AT)
    given = headers["X-Slack-Request-Timestamp"], body, headers["X-Slack-Signature"]
    assert is_signed("8f1c2d3e4a5b69788796a5b4c3d2e1f0", *given, from_millis(AT * 1000))
