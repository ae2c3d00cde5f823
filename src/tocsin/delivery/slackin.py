"""What Slack brings: somebody wrote a command, pressed a button, sent a form, or marked a message.

Pure. The same three kinds come by signed requests and through a socket, so they are read here once. Each has a `key`
that is its own: Slack repeats what it has heard no answer to, and what was heard twice is done once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tocsin.kit.errors import Invalid

COMMANDS, INTERACTIVE, EVENTS = "slash_commands", "interactive", "events_api"
LONGEST_KEY = 200


class NotUnderstood(Invalid):
    """This is nothing that Slack sends."""


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """A message of somebody's, as Slack names it. `author` is an account, and `called` what they call themselves."""

    channel: str
    ts: str
    author: str = ""
    called: str = ""
    text: str = ""
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """`reply_to` is an address at which one may answer for half an hour; `trigger` opens a form for three seconds."""

    key: str
    user: str
    channel: str = ""
    trigger: str = ""
    reply_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Said(Heard):
    """Words behind the slash command, with Slack's marks in them."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Pressed(Heard):
    """A button; or a choice in a form that stands open, with that form's name and what it carries."""

    action: str
    value: str
    view: str = ""
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Chosen(Heard):
    """A shortcut: of the workspace, or of a message."""

    shortcut: str
    message: Quoted | None = None


@dataclass(frozen=True, kw_only=True)
class Sent(Heard):
    """A form. `values` are by the name of the field; `state` is what we gave along when it was opened."""

    form: str
    state: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Marked(Heard):
    """Somebody marked a message: with an emoji, or by pinning it, which has no emoji."""

    ts: str
    emoji: str = ""


@dataclass(frozen=True, kw_only=True)
class Edited(Heard):
    """Somebody changed what they had written."""

    ts: str
    text: str


AnyHeard = Said | Pressed | Chosen | Sent | Marked | Edited


def read(kind: str, payload: Mapping[str, Any]) -> AnyHeard | None:
    """What was brought; None for what means nothing here. Raises NotUnderstood."""
    try:
        match kind:
            case "slash_commands":
                return _said(msgspec.convert(payload, _Command))
            case "interactive":
                return _interaction(payload)
            case "events_api":
                return _event(msgspec.convert(payload, _Callback))
            case _:
                return None
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError, ValueError):
        raise NotUnderstood from None


# ---- The command ----


class _Command(msgspec.Struct):
    user_id: str
    trigger_id: str
    response_url: str
    channel_id: str = ""
    text: str = ""


def _said(one: _Command) -> Said:
    return Said(
        key=_key("said", one.trigger_id),
        user=one.user_id,
        channel=one.channel_id,
        trigger=one.trigger_id,
        reply_to=one.response_url,
        text=one.text.strip(),
    )


# ---- Buttons, shortcuts and forms ----


class _Named(msgspec.Struct):
    id: str
    domain: str = ""


class _Button(msgspec.Struct):
    action_id: str
    value: str = ""
    action_ts: str = ""
    selected_option: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    ts: str
    text: str = ""
    user: str = ""


class _Interaction(msgspec.Struct):
    type: str
    user: _Named
    trigger_id: str = ""
    response_url: str = ""
    callback_id: str = ""
    channel: _Named | None = None
    team: _Named | None = None
    actions: list[_Button] = []
    message: _Message | None = None
    view: dict[str, Any] = {}


def _interaction(payload: Mapping[str, Any]) -> AnyHeard | None:
    found = msgspec.convert(payload, _Interaction)
    channel = found.channel.id if found.channel else ""
    about = {"user": found.user.id, "channel": channel, "trigger": found.trigger_id, "reply_to": found.response_url}
    match found.type:
        case "block_actions" if found.actions:
            pressed = found.actions[0]
            key = _key("pressed", found.trigger_id, pressed.action_id, pressed.action_ts)
            value = pressed.value or str((pressed.selected_option or {}).get("value", ""))
            form, state = str(found.view.get("id", "")), str(found.view.get("private_metadata", ""))
            return Pressed(key=key, action=pressed.action_id, value=value, view=form, state=state, **about)
        case "shortcut" | "message_action":
            key = _key("chosen", found.trigger_id)
            return Chosen(key=key, shortcut=found.callback_id, message=_quoted(found, channel), **about)
        case "view_submission":
            view = found.view
            return Sent(
                key=_key("sent", view["id"]),
                form=view["callback_id"],
                state=view.get("private_metadata", ""),
                values={name: _value(one) for name, one in view["state"]["values"].items()},
                **about,
            )
        case _:
            return None


def _quoted(found: _Interaction, channel: str) -> Quoted | None:
    if found.message is None:
        return None
    said, domain = found.message, found.team.domain if found.team else ""
    link = f"https://{domain}.slack.com/archives/{channel}/p{said.ts.replace('.', '')}" if domain else ""
    return Quoted(channel=channel, ts=said.ts, author=said.user, text=plain(said.text), link=link)


def _value(block: Mapping[str, Mapping[str, Any]]) -> str:
    """What was entered in one field, whatever kind of field it is."""
    (entered,) = block.values()
    chosen = entered.get("selected_option")
    return str(entered.get("value") or (chosen or {}).get("value") or entered.get("selected_user") or "").strip()


# ---- Events ----


class _Item(msgspec.Struct):
    type: str = ""
    channel: str = ""
    ts: str = ""
    message: dict[str, Any] = {}


class _Event(msgspec.Struct):
    type: str
    subtype: str = ""
    user: str = ""
    reaction: str = ""
    channel: str = ""
    channel_id: str = ""
    item: _Item | None = None
    message: _Message | None = None


class _Bot(msgspec.Struct):
    user_id: str = ""


class _Callback(msgspec.Struct):
    event_id: str
    event: dict[str, Any]
    authorizations: list[_Bot] = []


def _event(one: _Callback) -> AnyHeard | None:
    kind, key = one.event.get("type"), _key("event", one.event_id)
    if kind in ("reaction_added", "pin_added"):
        if one.event.get("user") in {own.user_id for own in one.authorizations}:
            return None  # what we pin ourselves
        event = msgspec.convert(one.event, _Event)
        item = event.item
        if item is None or item.type != "message":
            return None
        channel = item.channel or event.channel_id
        ts = item.ts or str(item.message.get("ts", ""))
        return Marked(key=key, user=event.user, channel=channel, ts=ts, emoji=event.reaction) if ts else None
    if kind == "message" and one.event.get("subtype") == "message_changed":
        event = msgspec.convert(one.event, _Event)
        if event.message is None:
            return None
        said = event.message
        return Edited(key=key, user=said.user, channel=event.channel, ts=said.ts, text=plain(said.text))
    return None  # what people write is none of our business until somebody marks it


# ---- Words ----


MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>")
# A sign that begins no mark stands as &lt;, so that none holds another: else a run of them takes its square to look at.
_MARKED = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def plain(text: str) -> str:
    """What Slack writes with its marks, as a person would: `@ana`, `#general`, an address as it is."""
    return _unescaped(_MARKED.sub(_readable, text))


def _readable(mark: re.Match[str]) -> str:
    kind, meant, label = mark[1], mark[2], mark[3]
    if not kind:
        return meant
    return ("#" if kind == "#" else "@") + (label or meant).lstrip("@#")


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _key(*parts: str) -> str:
    return " ".join(parts)[:LONGEST_KEY]
