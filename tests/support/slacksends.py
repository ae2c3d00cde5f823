"""What Slack sends when somebody does something there, and how it signs it: with its own library."""

import json
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

from tests.support.slack import BOT, SIGNING_SECRET, Form, Workspace

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
_TEAM = {"id": "T0ROSE", "domain": "rose"}


class _At:
    """A clock for the vendor's library."""

    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> float:
        return self._at


def signed(body: bytes, at: float, secret: str = SIGNING_SECRET, kind: str = FORM) -> dict[str, str]:
    """The headers with which Slack sends it."""
    made = SignatureVerifier(secret, _At(at)).generate_signature(timestamp=str(int(at)), body=body)  # type: ignore[arg-type]
    return {"X-Slack-Request-Timestamp": str(int(at)), "X-Slack-Signature": str(made), "Content-Type": kind}


def pressed(user: str, action: str, value: str, kind: str = "block_actions") -> bytes:
    """Somebody pressed a button under a page."""
    about = {"type": kind, "user": {"id": user, "team_id": "T0ROSE"}, "api_app_id": "A0", "trigger_id": "1.2.3"}
    about |= {"response_url": "https://hooks.slack.example/actions/1", "container": {"type": "message"}}
    button = {"action_id": action, "block_id": "answer", "value": value, "type": "button", "action_ts": "1.1"}
    return as_form(about | {"actions": [button]})


def as_form(payload: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def command(
    slack: Workspace, user: str, text: str, channel: str = "C0ELSEWHERE", name: str = "/incident"
) -> dict[str, str]:
    """Somebody wrote the slash command."""
    return {
        "token": "gone",
        "team_id": _TEAM["id"],
        "team_domain": _TEAM["domain"],
        "channel_id": channel,
        "channel_name": "general",
        "user_id": user,
        "user_name": user.lower(),
        "command": name,
        "text": text,
        "response_url": slack.reply_to(user),
        "trigger_id": slack.trigger(user),
        "api_app_id": "A0",
        "is_enterprise_install": "false",
    }


def room_button(slack: Workspace, user: str, action: str, value: str, channel: str) -> dict[str, Any]:
    """Somebody pressed a button under the first message of a channel."""
    button = {"action_id": action, "block_id": "room", "value": value, "type": "button", "action_ts": slack.now()}
    return {**_interaction(slack, "block_actions", user, channel), "actions": [button]}


def shortcut(
    slack: Workspace, user: str, callback: str, *, channel: str = "", message: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Somebody chose a shortcut: a global one, or one of a message."""
    if message is None:
        about = _interaction(slack, "shortcut", user, "")
        del about["response_url"], about["channel"]  # a global one has neither
        return {**about, "callback_id": callback, "action_ts": slack.now()}
    about = _interaction(slack, "message_action", user, channel)
    return {**about, "callback_id": callback, "message": message, "message_ts": message["ts"]}


def submitted(form: Form, **typed: str) -> dict[str, Any]:
    """Somebody filled in a form and sent it. Fails a story that leaves out what must be there, or types too much."""
    values = {}
    for name, block in form.inputs.items():
        entry, text = block["element"], typed.pop(name, form.shown[name])
        assert text or block["optional"], f"Slack asks for {name} before it sends the form"
        values[name] = {entry["action_id"]: {"type": entry["type"], **_entered(entry, text)}}
    assert not typed, f"the form has no {typed}"
    view = {**form.view, "id": form.id, "state": {"values": values}, "hash": "1.abc", "team_id": "T0ROSE"}
    who = {"id": form.user, "team_id": "T0ROSE"}
    return {
        "type": "view_submission",
        "team": _TEAM,
        "user": who,
        "api_app_id": "A0",
        "trigger_id": form.workspace.trigger(form.user),
        "view": view,
    }


def chosen(slack: Workspace, form: Form, name: str, value: str) -> dict[str, Any]:
    """Somebody chooses something in a form that stands open, and that we hear of at once."""
    block = form.inputs[name]
    assert block["dispatch_action"], "Slack says nothing of this before the form is sent"
    (option,) = [one for one in block["element"]["options"] if one["value"] == value]
    about = _interaction(slack, "block_actions", form.user, "")
    del about["response_url"], about["channel"]  # a form stands in no channel
    action = {"action_id": name, "block_id": name, "type": "static_select", "selected_option": option}
    view = {**form.view, "id": form.id, "state": {"values": {}}, "hash": "1.abc"}
    return {**about, "view": view, "actions": [{**action, "action_ts": slack.now()}]}


def _entered(entry: dict[str, Any], text: str) -> dict[str, Any]:
    match entry["type"]:
        case "static_select":
            chosen = [one for one in entry["options"] if one["value"] == text]
            assert chosen or not text, f"there is no {text} to choose"
            return {"selected_option": chosen[0] if chosen else None}
        case "users_select":
            return {"selected_user": text}
        case _:
            assert len(text) <= entry["max_length"]
            return {"value": text or None}


def _interaction(slack: Workspace, kind: str, user: str, channel: str) -> dict[str, Any]:
    return {
        "type": kind,
        "team": _TEAM,
        "user": {"id": user, "team_id": "T0ROSE"},
        "api_app_id": "A0",
        "trigger_id": slack.trigger(user),
        "response_url": slack.reply_to(user),
        "channel": {"id": channel, "name": "somewhere"},
    }


# ---- Events ----


def event(slack: Workspace, inner: dict[str, Any]) -> dict[str, Any]:
    about = {"token": "gone", "team_id": "T0ROSE", "api_app_id": "A0", "type": "event_callback"}
    who = [{"team_id": "T0ROSE", "user_id": BOT, "is_bot": True}]
    return {**about, "event": inner, "event_id": f"Ev{slack.now()}", "event_time": 1790000000, "authorizations": who}


def reacted(slack: Workspace, user: str, channel: str, ts: str, emoji: str = "pushpin") -> dict[str, Any]:
    item = {"type": "message", "channel": channel, "ts": ts}
    about = {"type": "reaction_added", "user": user, "reaction": emoji, "item_user": "U0SOMEBODY", "item": item}
    return event(slack, {**about, "event_ts": slack.now()})


def pinned(slack: Workspace, user: str, channel: str, ts: str) -> dict[str, Any]:
    (message,) = [one.shown() for one in slack.channels[channel].messages if one.ts == ts]
    item = {"type": "message", "channel": channel, "message": message, "created": 1790000000, "created_by": user}
    return event(slack, {"type": "pin_added", "user": user, "channel_id": channel, "item": item, "event_ts": "1.1"})


def changed(slack: Workspace, channel: str, ts: str, text: str) -> dict[str, Any]:
    """Somebody changes what they wrote."""
    (message,) = [one for one in slack.channels[channel].messages if one.ts == ts]
    before, message.text = message.shown(), text
    now = {**message.shown(), "edited": {"user": message.user, "ts": slack.now()}}
    about = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": channel}
    return event(slack, {**about, "ts": slack.now(), "message": now, "previous_message": before})


def written(slack: Workspace, channel: str, ts: str) -> dict[str, Any]:
    """What is sent of everything that people write."""
    (message,) = [one for one in slack.channels[channel].messages if one.ts == ts]
    return event(slack, {**message.shown(), "channel": channel, "channel_type": "channel", "event_ts": ts})
