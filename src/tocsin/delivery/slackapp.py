"""The app that a workspace of Slack is asked to make for us, and all that it may do there."""

from collections.abc import Mapping
from typing import Any

SCOPES: Mapping[str, str] = {
    "channels:history": "to fetch a message that somebody put onto the record",
    "channels:manage": "to open, name, invite to and archive public channels",
    "channels:read": "to find a public channel that was opened just before a crash",
    "commands": "for the command and the shortcuts",
    "chat:write": "to post, to page people, and to take back what was posted",
    "groups:history": "the same in a private channel, and to hear that such a message was changed",
    "groups:read": "to find a private channel that was opened just before a crash",
    "groups:write": "to open, name, invite to, remove from and archive private channels",
    "pins:read": "to hear that somebody pins a message",
    "pins:write": "to pin updates",
    "reactions:read": "to hear that somebody marks a message with the emoji",
    "users:read": "to write down who wrote a message, and because Slack asks for it beside users:read.email",
    "users:read.email": "to find people by the address of their account",
}
"""Every scope that is used, and what for. Nothing else is asked for."""


EVENTS = ("message.channels", "message.groups", "pin_added", "reaction_added")
"""What is heard of in channels that the app is in. Of messages only that one was changed is looked at."""

SHORTCUTS = (
    ("declare", "global", "Declare an incident", "Opens a form"),
    ("declare_from", "message", "Declare an incident", "Opens a form with this message in it"),
    ("keep", "message", "Put onto the record", "Puts this message onto an incident's timeline"),
)


def manifest(url: str, command: str, *, socket: bool) -> dict[str, Any]:
    """A bot that may do what is used, and nothing more. What people do is brought where we are reached over https, or
    through a socket."""
    reached = socket or url.startswith("https://")
    return {
        "display_information": {
            "name": "Tocsin",
            "description": "Opens a channel for each incident and keeps its people informed",
            "long_description": _long(url),
        },
        "features": {
            "bot_user": {"display_name": "Tocsin", "always_online": True},
            # Without this tab nobody can be written to.
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            **(_features(url, command, socket=socket) if reached else {}),
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            **(_brought(url, socket=socket) if reached else {}),
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def _features(url: str, command: str, *, socket: bool) -> dict[str, Any]:
    says = {"command": command, "description": "Work on an incident", "usage_hint": "help", "should_escape": True}
    shortcuts = [
        {"name": name, "type": kind, "callback_id": shortcut, "description": does}
        for shortcut, kind, name, does in SHORTCUTS
    ]
    return {"slash_commands": [says | ({} if socket else {"url": f"{url}/in/slack/command"})], "shortcuts": shortcuts}


def _brought(url: str, *, socket: bool) -> dict[str, Any]:
    """Where Slack brings what is pressed and marked; through a socket there is no address."""
    answers = {} if socket else {"request_url": f"{url}/in/slack/answers"}
    events = {} if socket else {"request_url": f"{url}/in/slack/events"}
    return {
        "interactivity": {"is_enabled": True, **answers},
        "event_subscriptions": {**events, "bot_events": list(EVENTS)},
    }


def _long(url: str) -> str:
    """Slack wants between 174 and 4000 letters here."""
    return (
        "Tocsin runs incidents by a written plan. When the plan wants a channel for an incident, this app opens it, "
        "sets its topic, invites those who respond, posts and pins the updates for the team, and archives the channel "
        "when the incident is closed. It pages those who wish to be paged here by a message with buttons that answer. "
        "Incidents are worked on by a command, buttons and forms. Of what people write it keeps what somebody puts on "
        f"the record, and nothing else. The installation: {url}"
    )
