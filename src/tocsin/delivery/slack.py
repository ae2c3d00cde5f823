"""Slack as a provider of channels, through its own library. Needs the extra `slack`.

What is sent goes into the body of a request, never into its address; the token goes into a header and nowhere else.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tocsin.delivery import slackreplies, slackviews
from tocsin.delivery.chat import (
    Busy,
    ChannelArchived,
    ChatTrouble,
    Declined,
    NameTaken,
    NoSuchChannel,
    NotLetIn,
    Opened,
    Posted,
)
from tocsin.delivery.slackin import plain
from tocsin.kit.text import harmless

PLAIN = {"mrkdwn": "false", "unfurl_links": "false", "unfurl_media": "false"}  # words stay as they were written
NOTHING: Mapping[str, str] = {}
PAGES = 20  # of a thousand channels each, in which one of ours is looked for
LONGEST_WAIT = timedelta(hours=1)  # that we let Slack ask for
_NOT_LET_IN = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "no_permission",
        "org_login_required",
        "missing_scope",
        "not_allowed_token_type",
        "access_denied",
        "restricted_action",
        "team_access_not_granted",
    }
)
_GONE = frozenset({"channel_not_found", "not_in_channel"})
_NOW_BUSY = frozenset({"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class Slack:
    """One workspace, through the token of one app."""

    name = "slack"

    def __init__(self, token: str, base_url: str, timeout: timedelta, *, answered: bool = False) -> None:
        """`answered`: whether Slack brings back what is pressed."""
        self._answered = answered
        quiet = logging.getLogger("tocsin.slack")
        quiet.setLevel(logging.INFO)  # at DEBUG the library would write down what people say
        seconds = max(1, int(timeout.total_seconds()))
        self._client = AsyncWebClient(token=token, base_url=base_url, timeout=seconds, logger=quiet, retry_handlers=[])
        self._timeout = timeout
        self._self: tuple[str, str] | None = None  # who we are, and the workspace's address

    async def open(self, name: str, *, private: bool, purpose: str) -> Opened:
        me, workspace = await self._who_we_are()
        try:
            made = await self._call("conversations.create", {"name": name, "is_private": _yes_no(private)})
            channel = _told(made, "channel", "id")
        except NameTaken:
            channel = await self._ours(name, me, private=private, purpose=purpose)
        await self._call("conversations.setPurpose", {"channel": channel, "purpose": purpose})
        return Opened(channel, f"{workspace}archives/{channel}")

    async def account(self, email: str) -> str:
        try:
            found = await self._call("users.lookupByEmail", {"email": email})
        except Declined as none:
            if none.reason == "users_not_found":
                return ""
            raise
        return _told(found, "user", "id")

    async def invite(self, channel: str, account: str) -> None:
        passing = ("already_in_channel", "cant_invite_self")
        await self._call("conversations.invite", {"channel": channel, "users": account}, passing)

    async def remove(self, channel: str, account: str) -> None:
        # Whoever has left by themselves is as well removed as anybody.
        passing = ("not_in_channel", "cant_kick_self", "user_not_found")
        await self._call("conversations.kick", {"channel": channel, "user": account}, passing)

    async def set_topic(self, channel: str, topic: str) -> None:
        await self._call("conversations.setTopic", {"channel": channel, "topic": _escaped(topic)})

    async def post(self, channel: str, text: str, offers: str = "", link: str = "") -> str:
        about = {"channel": channel, "text": _escaped(text), **PLAIN}
        if offers and self._answered:
            about["blocks"] = json.dumps([slackviews.section(text), slackreplies.buttons(offers, link)])
        said = await self._call("chat.postMessage", about)
        return _told(said, "ts")

    async def tell(self, account: str, text: str, blocks: str) -> str:
        """Say something to one person; returns the place of the message, which `retell` takes."""
        about = {"channel": account, "text": _escaped(text), **({"blocks": blocks} if blocks else {}), **PLAIN}
        said = await self._call("chat.postMessage", about)
        return f"{_told(said, 'channel')}/{_told(said, 'ts')}"

    async def retell(self, place: str, text: str, blocks: str) -> None:
        """Put something else in the place of a message. One that its reader has deleted is as well gone."""
        channel, _, ts = place.partition("/")
        about = {"channel": channel, "ts": ts, "text": _escaped(text), "blocks": blocks}
        await self._call("chat.update", about, ("message_not_found",))

    async def reply(self, address: str, text: str) -> None:
        """Answer what somebody did, where only they see it. The address came with it."""
        if not self._is_slacks(address):
            raise Declined("the address of the answer is none of Slack's")
        hook = AsyncWebhookClient(address, timeout=self._client.timeout, logger=self._client.logger, retry_handlers=[])
        said = {"response_type": "ephemeral", "replace_original": False, "mrkdwn": False, "text": _escaped(text)}
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                answer = await hook.send_dict(said)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Busy(f"Slack can't be reached: {type(error).__name__}", down=True) from None
        if answer.status_code == 429:
            raise Busy("ratelimited", _asked(answer.headers.get("Retry-After", "")))
        if answer.status_code >= 500:
            raise Busy(f"HTTP {answer.status_code}", down=True)
        if answer.status_code != 200:
            raise Declined(f"HTTP {answer.status_code}")

    def _is_slacks(self, address: str) -> bool:
        """Only there is anything answered: an address that comes from outside leads nowhere else."""
        there = urlsplit(address)
        if there.netloc == urlsplit(self._client.base_url).netloc:
            return True
        return there.scheme == "https" and (there.hostname or "").endswith(".slack.com")

    async def open_form(self, trigger: str, view: dict[str, Any]) -> None:
        await self._call("views.open", {"trigger_id": trigger, "view": json.dumps(view)})

    async def change_form(self, form: str, view: dict[str, Any]) -> None:
        await self._call("views.update", {"view_id": form, "view": json.dumps(view)})

    async def message(self, channel: str, ts: str) -> Posted | None:
        """What somebody wrote; nothing if it is gone."""
        about = {"channel": channel, "ts": ts, "latest": ts, "inclusive": "true", "limit": "1"}
        found = await self._call("conversations.replies", about, ("thread_not_found", "message_not_found"))
        for one in _things(found, "messages"):
            if _part(one, "ts") == ts:
                return Posted(_part(one, "user"), plain(_part(one, "text")))
        return None

    async def person(self, account: str) -> str:
        """What somebody calls themselves there."""
        found = await self._call("users.info", {"user": account}, ("user_not_found", "user_not_visible"))
        calls = (
            _part(found, *path) for path in (("user", "profile", "real_name"), ("user", "real_name"), ("user", "name"))
        )
        return next(filter(None, calls), account)

    async def pin(self, channel: str, message: str) -> None:
        passing = ("already_pinned", "message_not_found")  # somebody may have deleted it
        await self._call("pins.add", {"channel": channel, "timestamp": message}, passing)

    async def take_back(self, channel: str, message: str) -> None:
        await self._call("chat.delete", {"channel": channel, "ts": message}, ("message_not_found",))

    async def rename(self, channel: str, name: str) -> None:
        await self._call("conversations.rename", {"channel": channel, "name": name})

    async def archive(self, channel: str) -> None:
        await self._call("conversations.archive", {"channel": channel}, ("already_archived",))

    async def unarchive(self, channel: str) -> None:
        await self._call("conversations.unarchive", {"channel": channel}, ("not_archived",))

    async def scopes(self) -> frozenset[str]:
        """What the token may do. Slack says so beside every answer."""
        answer = await self._ask("auth.test", {})
        granted = answer.headers.get("x-oauth-scopes") or answer.headers.get("X-OAuth-Scopes") or ""
        return frozenset(one.strip() for one in granted.split(",") if one.strip())

    async def workspace(self) -> str:
        """The address of the workspace."""
        return (await self._who_we_are())[1]

    # ---- Asking ----

    async def _who_we_are(self) -> tuple[str, str]:
        if self._self is None:
            answer = await self._call("auth.test")
            self._self = _told(answer, "user_id"), _told(answer, "url").rstrip("/") + "/"
        return self._self

    async def _ours(self, name: str, me: str, *, private: bool, purpose: str) -> str:
        """The channel of this name, if we made it for this purpose, or had not come to saying what for."""
        kind = "private_channel" if private else "public_channel"
        cursor = ""
        for _ in range(PAGES):
            wanted = {"types": kind, "exclude_archived": "true", "limit": "1000"}
            page = await self._call("conversations.list", wanted | ({"cursor": cursor} if cursor else {}))
            for one in _things(page, "channels"):
                if _part(one, "name") == name and _part(one, "creator") == me:
                    if _part(one, "purpose", "value") in ("", purpose):
                        return _told(one, "id")
                    raise NameTaken("name_taken")
            cursor = _part(page, "response_metadata", "next_cursor")
            if not cursor:
                break
        raise NameTaken("name_taken")

    async def _call(
        self, method: str, arguments: Mapping[str, str] = NOTHING, passing: tuple[str, ...] = ()
    ) -> Mapping[str, Any]:
        """Ask Slack. An error in `passing` says only that what is wanted is so already."""
        try:
            answer = (await self._ask(method, arguments)).data
        except ChatTrouble as trouble:
            if trouble.reason in passing:
                return {}
            raise
        if not isinstance(answer, dict):
            raise Busy(f"what answers to {method} is not Slack: it sends no JSON object", down=True)
        return answer

    async def _ask(self, method: str, arguments: Mapping[str, str]) -> Any:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._client.api_call(method, data=dict(arguments))
        except SlackApiError as error:
            raise _trouble(error.response) from None
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Busy(f"Slack can't be reached: {type(error).__name__}", down=True) from None
        except AttributeError:  # the library takes it for granted that what answers sends a JSON object
            raise Busy(f"what answers to {method} is not Slack: it sends no JSON object", down=True) from None


def _part(answer: Any, *path: str) -> str:
    """A text somewhere in an answer; empty where there is none."""
    found = answer
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _told(answer: Any, *path: str) -> str:
    """The same, where nothing goes on without it. What stands between us and Slack may answer in its place: it is asked
    again later."""
    found = _part(answer, *path)
    if not found:
        raise Busy(f"Slack's answer lacks {'.'.join(path)}", down=True)
    return found


def _things(answer: Mapping[str, Any], name: str) -> list[Any]:
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _trouble(answer: Any) -> ChatTrouble:
    """What an answer that is no success means for us."""
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0))
    data = getattr(answer, "data", None)
    error = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or error == "ratelimited":
        return Busy("ratelimited", _asked(answer.headers.get("Retry-After", "")))
    if status >= 500 or error in _NOW_BUSY or not error:
        return Busy(error or f"HTTP {status}", down=status >= 500 or not error)
    if error in _NOT_LET_IN:
        needed = f", it needs {data['needed']}" if isinstance(data, dict) and data.get("needed") else ""
        return NotLetIn(error + needed)
    if error == "name_taken":
        return NameTaken(error)
    if error == "is_archived":
        return ChannelArchived(error)
    return NoSuchChannel(error) if error in _GONE else Declined(error)


def _asked(retry_after: str) -> timedelta | None:
    is_number = retry_after.isascii() and retry_after.isdigit()
    return min(timedelta(seconds=int(retry_after[:9])), LONGEST_WAIT) if is_number else None


def _escaped(text: str) -> str:
    """The three letters with which Slack marks up; nobody's words may mention a channel or hide an address."""
    return harmless(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _yes_no(flag: bool) -> str:
    return "true" if flag else "false"
