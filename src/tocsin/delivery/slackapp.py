"""The app that a workspace of Slack is asked to make for us, and all that it may do there."""

from collections.abc import Mapping
from typing import Any

SCOPES: Mapping[str, str] = {
    "channels:manage": "to open, name, invite to and archive public channels",
    "channels:read": "to find a public channel that was opened just before a crash",
    "chat:write": "to post, to page people, and to take back what was posted",
    "groups:read": "to find a private channel that was opened just before a crash",
    "groups:write": "to open, name, invite to, remove from and archive private channels",
    "pins:write": "to pin updates",
    "users:read": "because Slack asks for it beside users:read.email",
    "users:read.email": "to find people by the address of their account",
}
"""Every scope that is used, and what for. Nothing else is asked for."""


def manifest(url: str) -> dict[str, Any]:
    """A bot that may do what is used, and nothing more."""
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
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            **_answers(url),
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }


def _answers(url: str) -> dict[str, Any]:
    """Where Slack brings what is pressed; it does so over https alone."""
    answers = {"is_enabled": True, "request_url": f"{url}/in/slack/answers"}
    return {"interactivity": answers} if url.startswith("https://") else {}


def _long(url: str) -> str:
    """Slack wants between 174 and 4000 letters here."""
    return (
        "Tocsin runs incidents by a written plan. When the plan wants a channel for an incident, this app opens it, "
        "sets its topic, invites those who respond, posts and pins the updates for the team, and archives the channel "
        "when the incident is closed. It pages those who wish to be paged here by a message with buttons that answer. "
        f"It reads no messages. The installation: {url}"
    )
