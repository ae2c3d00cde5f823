"""A workspace of Slack on this machine, as strict as the real one: tokens, scopes, arguments, names, limits.

It answers what Slack's documentation says of each method that Tocsin calls, and refuses any other. The real `slack-sdk`
speaks to it. A story may let it hang, be down, ask for patience, or lose an answer after doing what was asked.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.slackshapes import BadShape, blocks_of, form_of

TOKEN = "xoxb-7-the-stand-in"
APP_TOKEN = "xapp-1-the-stand-in"
BOT = "U0BOT"
SIGNING_SECRET = "8f1c2d3e4a5b69788796a5b4c3d2e1f0"
_READ, _WRITE = ("channels:read", "groups:read", "users:read", "users:read.email"), ("channels:manage", "groups:write")
_HEARD = ("channels:history", "groups:history", "pins:read", "reactions:read", "commands")
ALL_SCOPES = frozenset((*_READ, *_WRITE, *_HEARD, "chat:write", "pins:write"))
TRIGGER_LASTS = 3.0  # seconds
REPLIES_MOST = 5


@dataclass
class Message:
    ts: str
    text: str
    user: str = BOT
    blocks: list[Any] = field(default_factory=list)
    thread: str = ""  # the message under which it stands

    @property
    def buttons(self) -> dict[str, str]:
        """The value of each button, by its action."""
        rows = [one["elements"] for one in self.blocks if one["type"] == "actions"]
        return {one["action_id"]: one["value"] for row in rows for one in row}

    def shown(self) -> dict[str, Any]:
        thread = {"thread_ts": self.thread} if self.thread else {}
        return {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, **thread}


@dataclass
class Channel:
    id: str
    name: str
    private: bool
    creator: str
    members: list[str]
    topic: str = ""
    purpose: str = ""
    archived: bool = False
    messages: list[Message] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)


@dataclass
class Form:
    """A form that stands before somebody."""

    id: str
    user: str
    view: dict[str, Any]
    workspace: "Workspace" = field(repr=False, compare=False)

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        return {one["block_id"]: one for one in self.view["blocks"] if one["type"] == "input"}

    @property
    def shown(self) -> dict[str, str]:
        """What is filled in already."""
        entries = {name: one["element"] for name, one in self.inputs.items()}
        return {
            name: one.get("initial_value") or one.get("initial_option", {}).get("value") or one.get("initial_user", "")
            for name, one in entries.items()
        }

    @property
    def words(self) -> str:
        return " ".join(one["text"]["text"] for one in self.view["blocks"] if one["type"] == "section")


class Refused(Exception):
    """The `error` of an answer that is not `ok`."""


@dataclass
class Workspace:
    """What the workspace holds, and how it is to behave."""

    url: str = ""
    scopes: frozenset[str] = ALL_SCOPES
    users: dict[str, str] = field(default_factory=dict)  # address → user id
    channels: dict[str, Channel] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    talks: dict[str, Channel] = field(default_factory=dict)  # user id → what was said to them alone
    busy: dict[str, list[int]] = field(default_factory=dict)  # method → seconds of patience, one for each call
    busy_channels: dict[str, int] = field(default_factory=dict)  # channel or user → seconds, at each post there
    lost: set[str] = field(default_factory=set)  # methods whose next answer never arrives, though they are done
    refused: dict[str, str] = field(default_factory=dict)  # method → the error it ends in
    held: dict[str, threading.Event] = field(default_factory=dict)  # methods whose answer waits, though they are done
    forms: list[Form] = field(default_factory=list)
    triggers: dict[str, tuple[str, float]] = field(default_factory=dict)  # id → whose, and since when; once
    spent: set[str] = field(default_factory=set)
    replies: dict[str, tuple[str, list[str]]] = field(default_factory=dict)  # path → whose, and what was answered
    links: Callable[[], str] | None = None  # gives an address of the socket, where there is one
    status: int = 200  # anything else: Slack is down
    hanging: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _clock: int = 0

    def person(self, handle: str) -> str:
        """Somebody who has an account under the address that the tests give everybody."""
        return self.users.setdefault(f"{handle}@rose.example", f"U0{handle.upper()}")

    def named(self, name: str) -> Channel:
        (found,) = [one for one in self.channels.values() if one.name == name]
        return found

    def only(self) -> Channel:
        (found,) = self.channels.values()
        return found

    def add(self, name: str, creator: str = "U0SOMEBODY", *, private: bool = False) -> Channel:
        made = Channel(f"C{len(self.channels) + 1:04}", name, private, creator, [creator])
        self.channels[made.id] = made
        return made

    def now(self) -> str:
        self._clock += 1
        return f"1790000000.{self._clock:06}"

    # ---- What people do ----

    def write(self, channel: str, user: str, text: str, thread: str = "") -> str:
        """Somebody writes into a channel; returns what the message is called."""
        said = Message(self.now(), text, user, thread=thread)
        self.channels[channel].messages.append(said)
        return said.ts

    def trigger(self, user: str) -> str:
        made = f"{len(self.triggers)}.{self.now()}"
        self.triggers[made] = (user, time.monotonic())
        return made

    def reply_to(self, user: str) -> str:
        """An address at which whoever did something is answered."""
        path = f"/reply/{len(self.replies)}"
        self.replies[path] = (user, [])
        return self.url.removesuffix("/api/") + path

    def whispered(self, user: str) -> list[str]:
        """What was said to this person alone, by answers and by messages."""
        said = [one for whose, words in self.replies.values() if whose == user for one in words]
        return said + [one.text for one in (self.talks[user].messages if user in self.talks else [])]

    # ---- Methods ----

    def answer(self, method: str, arguments: dict[str, str]) -> dict[str, Any]:
        rule = METHODS.get(method)
        if rule is None:
            raise Refused("unknown_method")
        unknown = arguments.keys() - rule.needs - rule.may
        if unknown or not rule.needs <= arguments.keys():
            raise Refused("invalid_arguments")
        if method in self.refused:
            raise Refused(self.refused[method])
        return rule.does(self, arguments)

    def require(self, *scopes: str) -> None:
        if not self.scopes.intersection(scopes):
            raise MissingScope(scopes[0])

    def _auth_test(self, _: dict[str, str]) -> dict[str, Any]:
        return {"url": "https://rose.slack.example/", "team": "Rose", "user_id": BOT, "bot_id": "B0BOT"}

    def _create(self, arguments: dict[str, str]) -> dict[str, Any]:
        name, private = arguments["name"], arguments.get("is_private") in ("true", "1")
        self.require("groups:write" if private else "channels:manage")
        check_name(name)
        if any(one.name == name for one in self.channels.values()):
            raise Refused("name_taken")
        return {"channel": shown(self.add(name, BOT, private=private))}

    def _list(self, arguments: dict[str, str]) -> dict[str, Any]:
        types = arguments.get("types", "public_channel").split(",")
        for one in types:
            self.require({"public_channel": "channels:read", "private_channel": "groups:read"}[one])
        limit, at = int(arguments.get("limit", "100")), int(arguments.get("cursor") or 0)
        if not 1 <= limit <= 1000:
            raise Refused("invalid_limit")
        hide = arguments.get("exclude_archived") in ("true", "1")
        found = [
            shown(one)
            for one in self.channels.values()
            if ("private_channel" if one.private else "public_channel") in types
            and not (one.private and BOT not in one.members)
            and not (hide and one.archived)
        ]
        more = str(at + limit) if at + limit < len(found) else ""
        return {"channels": found[at : at + limit], "response_metadata": {"next_cursor": more}}

    def _find(self, arguments: dict[str, str], *, inside: bool = True, archived: bool = False) -> Channel:
        channel = self.channels.get(arguments["channel"])
        if channel is None or (channel.private and BOT not in channel.members):
            raise Refused("channel_not_found")
        if channel.archived and not archived:
            raise Refused("is_archived")
        if inside and BOT not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def _managed(self, arguments: dict[str, str], *, archived: bool = False) -> Channel:
        channel = self._find(arguments, archived=archived)
        self.require("groups:write" if channel.private else "channels:manage")
        return channel

    def _invite(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel, (user, *more) = self._managed(arguments), arguments["users"].split(",")
        if more:
            raise AssertionError("Tocsin invites one at a time")
        if user == BOT:
            raise Refused("cant_invite_self")
        if user not in self.users.values():
            raise Refused("user_not_found")
        if user in channel.members:
            raise Refused("already_in_channel")
        channel.members.append(user)
        return {"channel": shown(channel)}

    def _kick(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments)
        if arguments["user"] == BOT:
            raise Refused("cant_kick_self")
        if arguments["user"] not in channel.members:
            raise Refused("not_in_channel")
        channel.members.remove(arguments["user"])
        return {}

    def _topic(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments)
        if len(arguments["topic"]) > 250:
            raise Refused("too_long")
        channel.topic = arguments["topic"]
        return {"channel": shown(channel)}

    def _purpose(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments)
        if len(arguments["purpose"]) > 250:
            raise Refused("too_long")
        channel.purpose = arguments["purpose"]
        return {"purpose": channel.purpose}

    def _rename(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments)
        check_name(arguments["name"])
        if channel.creator != BOT:
            raise Refused("not_authorized")
        if any(one.name == arguments["name"] for one in self.channels.values()):
            raise Refused("name_taken")
        channel.name = arguments["name"]
        return {"channel": shown(channel)}

    def _archive(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments, archived=True)
        if channel.archived:
            raise Refused("already_archived")
        channel.archived = True
        return {}

    def _unarchive(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._managed(arguments, archived=True)
        if not channel.archived:
            raise Refused("not_archived")
        channel.archived = False
        return {}

    def _post(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("chat:write")
        if arguments["channel"] in self.busy_channels:
            raise Busy(self.busy_channels[arguments["channel"]])
        channel, said = self._talk(arguments), Message(self.now(), arguments["text"], blocks=blocks_of(arguments))
        text = said.text
        channel.messages.append(said)
        return {"channel": channel.id, "ts": said.ts, "message": {"text": text}}

    def _talk(self, arguments: dict[str, str]) -> Channel:
        """A channel that we are in, or what is said to one person alone."""
        to = arguments["channel"]
        if not to.startswith("U"):
            return self._find(arguments)
        if to not in self.users.values():
            raise Refused("channel_not_found")
        return self.talks.setdefault(to, Channel(f"D{len(self.talks) + 1:04}", "", True, BOT, [BOT, to]))

    def _update(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("chat:write")
        known = {one.id: one for one in (*self.channels.values(), *self.talks.values())}
        channel = known.get(arguments["channel"])
        if channel is None:  # the id of a person is none of a channel
            raise Refused("channel_not_found")
        found = self._message(channel, arguments["ts"])
        if found.user != BOT:
            raise Refused("cant_update_message")
        found.text, found.blocks = arguments.get("text", found.text), blocks_of(arguments)
        return {"channel": channel.id, "ts": found.ts, "text": found.text}

    def _delete(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("chat:write")
        channel = self._find(arguments)
        found = self._message(channel, arguments["ts"])
        if found.user != BOT:
            raise Refused("cant_delete_message")
        channel.messages.remove(found)
        channel.pins = [one for one in channel.pins if one != found.ts]
        return {"channel": channel.id, "ts": found.ts}

    def _pin(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("pins:write")
        channel = self._find(arguments)
        ts = self._message(channel, arguments["timestamp"]).ts
        if ts in channel.pins:
            raise Refused("already_pinned")
        channel.pins.append(ts)
        return {}

    def _message(self, channel: Channel, ts: str) -> Message:
        found = next((one for one in channel.messages if one.ts == ts), None)
        if found is None:
            raise Refused("message_not_found")
        return found

    def _open_form(self, arguments: dict[str, str]) -> dict[str, Any]:
        trigger = arguments["trigger_id"]
        if trigger in self.spent:
            raise Refused("exchanged_trigger_id")
        if trigger not in self.triggers:
            raise Refused("invalid_trigger_id")
        user, since = self.triggers[trigger]
        if time.monotonic() - since > TRIGGER_LASTS:
            raise Refused("expired_trigger_id")
        view = form_of(arguments["view"])
        self.spent.add(trigger)
        self.forms.append(Form(f"V{len(self.forms) + 1:04}", user, view, self))
        return {"view": {"id": self.forms[-1].id, **view}}

    def _change_form(self, arguments: dict[str, str]) -> dict[str, Any]:
        view, found = form_of(arguments["view"]), [one for one in self.forms if one.id == arguments["view_id"]]
        if not found:
            raise Refused("not_found")
        found[0].view = view
        return {"view": {"id": found[0].id, **view}}

    def _replies(self, arguments: dict[str, str]) -> dict[str, Any]:
        channel = self._find(arguments)
        self.require("groups:history" if channel.private else "channels:history")
        if arguments.get("inclusive") != "true" or not 1 <= int(arguments.get("limit", "1000")) <= 1000:
            raise Refused("invalid_arguments")
        first = next((one for one in channel.messages if one.ts == arguments["ts"]), None)
        if first is None:
            raise Refused("thread_not_found")
        under = [one for one in channel.messages if one.thread == first.ts and one.ts <= arguments["latest"]]
        return {"messages": [one.shown() for one in (first, *under)][: int(arguments["limit"])]}

    def _person(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("users:read")
        address = {who: one for one, who in self.users.items()}.get(arguments["user"])
        if address is None:
            raise Refused("user_not_found")
        name = address.partition("@")[0].capitalize()
        return {"user": {"id": arguments["user"], "name": name.lower(), "profile": {"real_name": f"{name} There"}}}

    def answered(self, path: str, body: bytes) -> int:
        """Somebody is answered. Returns the status."""
        if path not in self.replies:
            return 404
        _, said = self.replies[path]
        answer = json.loads(body)
        known = {"response_type", "replace_original", "delete_original", "mrkdwn", "text", "blocks"}
        is_whole = answer.keys() <= known and answer.get("response_type") == "ephemeral" and answer.get("text")
        if not is_whole or answer.get("replace_original") is not False or len(said) >= REPLIES_MOST:
            return 400 if len(said) < REPLIES_MOST else 404
        said.append(answer["text"])
        return 200

    def _lookup(self, arguments: dict[str, str]) -> dict[str, Any]:
        self.require("users:read.email")
        found = self.users.get(arguments["email"])
        if found is None:
            raise Refused("users_not_found")
        return {"user": {"id": found, "profile": {"email": arguments["email"]}}}


class MissingScope(Refused):
    pass


class Busy(Refused):
    """A channel in which too much is said; the argument is how many seconds to be patient."""


@dataclass(frozen=True)
class Rule:
    does: Callable[[Workspace, dict[str, str]], dict[str, Any]]
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


def _rule(does: Any, needs: str = "", may: str = "") -> Rule:
    return Rule(does, frozenset(needs.split()), frozenset(may.split()))


METHODS = {
    "auth.test": _rule(Workspace._auth_test),
    "conversations.create": _rule(Workspace._create, "name", "is_private team_id"),
    "conversations.list": _rule(Workspace._list, "", "types limit cursor exclude_archived team_id"),
    "conversations.invite": _rule(Workspace._invite, "channel users", "force"),
    "conversations.kick": _rule(Workspace._kick, "channel user"),
    "conversations.setTopic": _rule(Workspace._topic, "channel topic"),
    "conversations.setPurpose": _rule(Workspace._purpose, "channel purpose"),
    "conversations.rename": _rule(Workspace._rename, "channel name"),
    "conversations.archive": _rule(Workspace._archive, "channel"),
    "conversations.unarchive": _rule(Workspace._unarchive, "channel"),
    "chat.postMessage": _rule(Workspace._post, "channel text", "blocks thread_ts mrkdwn unfurl_links unfurl_media"),
    "conversations.replies": _rule(Workspace._replies, "channel ts", "latest inclusive limit cursor oldest"),
    "views.open": _rule(Workspace._open_form, "trigger_id view"),
    "views.update": _rule(Workspace._change_form, "view_id view", "hash"),
    "users.info": _rule(Workspace._person, "user"),
    "chat.update": _rule(Workspace._update, "channel ts", "text blocks"),
    "chat.delete": _rule(Workspace._delete, "channel ts", "as_user"),
    "pins.add": _rule(Workspace._pin, "channel timestamp"),
    "users.lookupByEmail": _rule(Workspace._lookup, "email"),
}


def check_name(name: str) -> None:
    if not name:
        raise Refused("invalid_name_required")
    if len(name) > 80:
        raise Refused("invalid_name_maxlength")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise Refused("invalid_name_specials")
    if not re.search(r"[a-z0-9]", name):
        raise Refused("invalid_name_punctuation")


def shown(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "creator": channel.creator,
        "topic": {"value": channel.topic},
        "purpose": {"value": channel.purpose},
    }


# ---- The wire ----


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        here, parts = self.server.here, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = parts.path.removeprefix("/api/")
        here.calls.append(method if parts.path.startswith("/api/") else "reply")
        if here.hanging:
            here.released.wait(30)
            self.close_connection = True
            return None
        if here.status != 200:
            return self._say(here.status, {"ok": False, "error": "service_unavailable"})
        if not parts.path.startswith("/api/"):
            return self._say(here.answered(parts.path, body), {})
        with here.lock:
            if here.busy.get(method):
                seconds = here.busy[method].pop(0)
                return self._say(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)})
            try:
                answer = self._answer(here, method, parts.query, body)
            except Busy as busy:
                return self._say(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(busy)})
            if method in here.lost:
                here.lost.discard(method)
                self.close_connection = True
                return None
        if method in here.held:
            here.held[method].wait(30)
        return self._say(200, answer)

    def _answer(self, here: Workspace, method: str, query: str, body: bytes) -> dict[str, Any]:
        if method == "apps.connections.open":
            return self._link(here)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth" if self.headers.get("Authorization") else "not_authed"}
        if query:
            return {"ok": False, "error": "nothing_belongs_into_an_address"}
        try:
            given = self._given(body)
            return {"ok": True, **here.answer(method, given)}
        except Busy:
            raise
        except MissingScope as missing:
            provided = ",".join(sorted(here.scopes))
            return {"ok": False, "error": "missing_scope", "needed": str(missing), "provided": provided}
        except (Refused, BadShape) as refused:
            return {"ok": False, "error": str(refused)}

    def _given(self, body: bytes) -> dict[str, str]:
        """The arguments, which may come as a form or as JSON."""
        if self.headers.get("Content-Type", "").startswith("application/json"):
            return {name: one if isinstance(one, str) else json.dumps(one) for name, one in json.loads(body).items()}
        return {name: one for name, (one,) in parse_qs(body.decode(), keep_blank_values=True).items()}

    def _link(self, here: Workspace) -> dict[str, Any]:
        """A connection is for the token of an app, and not for that of a bot."""
        given = self.headers.get("Authorization")
        if given == f"Bearer {TOKEN}":
            return {"ok": False, "error": "not_allowed_token_type"}
        if given != f"Bearer {APP_TOKEN}" or here.links is None:
            return {"ok": False, "error": "invalid_auth"}
        return {"ok": True, "url": here.links()}

    def _say(self, status: int, answer: dict[str, Any], more: dict[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-OAuth-Scopes", ",".join(sorted(self.server.here.scopes)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, here: Workspace) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.here = here


@contextmanager
def workspace() -> Iterator[Workspace]:
    """The stand-in, listening for as long as the block lasts."""
    here = Workspace()
    server = _Server(here)
    here.url = f"http://127.0.0.1:{server.server_address[1]}/api/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        for event in (here.released, *here.held.values()):
            event.set()
        server.shutdown()
        server.server_close()
        thread.join()
