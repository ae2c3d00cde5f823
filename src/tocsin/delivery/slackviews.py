"""Parts of messages and forms as Slack takes them, cut to the lengths that it allows. Pure.

All words are plain text: nobody's words may mention a channel, or hide an address behind a name.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.kit.errors import Refused
from tocsin.kit.text import clip, harmless

Part = dict[str, Any]

LONGEST_SECTION = 3000
LONGEST_TITLE = 24
LONGEST_BUTTON = 75
LONGEST_OPTION = 75
LONGEST_INPUT = 3000
LONGEST_STATE = 3000
OPTIONS_MOST = 100


class NotOurs(Refused):
    """This form was not opened by this server; open it anew."""


def words(text: str, most: int = LONGEST_SECTION) -> Part:
    return {"type": "plain_text", "text": clip(harmless(text), most) or " ", "emoji": False}


def section(text: str) -> Part:
    return {"type": "section", "text": words(text)}


def actions(block_id: str, buttons: Iterable[Part]) -> Part:
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}


def button(label: str, action: str, value: str, *, primary: bool = False, url: str = "") -> Part:
    about = {"type": "button", "text": words(label, LONGEST_BUTTON), "action_id": action, "value": value}
    return about | ({"style": "primary"} if primary else {}) | ({"url": url} if url else {})


# ---- Forms ----


def line(name: str, label: str, value: str = "", *, optional: bool = False, hint: str = "") -> Part:
    return _typed(name, label, value, optional=optional, hint=hint, multiline=False)


def lines(name: str, label: str, value: str = "", *, optional: bool = False, hint: str = "") -> Part:
    return _typed(name, label, value, optional=optional, hint=hint, multiline=True)


def _typed(name: str, label: str, value: str, *, optional: bool, hint: str, multiline: bool) -> Part:
    entry: Part = {"type": "plain_text_input", "action_id": name, "multiline": multiline, "max_length": LONGEST_INPUT}
    if value:
        entry["initial_value"] = clip(value, LONGEST_INPUT)
    return _input(name, label, entry, optional=optional, hint=hint)


def choice(
    name: str,
    label: str,
    options: Sequence[tuple[str, str]],
    chosen: str = "",
    *,
    optional: bool = False,
    at_once: bool = False,
) -> Part:
    """One of several: pairs of a value and what it is called. `at_once`: we hear of it when it is chosen."""
    offered = {value: _option(value, called) for value, called in options[:OPTIONS_MOST]}
    entry: Part = {"type": "static_select", "action_id": name, "options": list(offered.values())}
    if chosen in offered:
        entry["initial_option"] = offered[chosen]
    block = _input(name, label, entry, optional=optional, hint="")
    return block | {"dispatch_action": True} if at_once else block


def person(name: str, label: str, chosen: str) -> Part:
    return _input(
        name, label, {"type": "users_select", "action_id": name, "initial_user": chosen}, optional=False, hint=""
    )


def _input(name: str, label: str, entry: Part, *, optional: bool, hint: str) -> Part:
    block: Part = {"type": "input", "block_id": name, "label": words(label, 2000), "element": entry}
    return block | {"optional": optional} | ({"hint": words(hint, 2000)} if hint else {})


def _option(value: str, called: str) -> Part:
    return {"text": words(called, LONGEST_OPTION), "value": value}


def form(callback: str, title: str, submit: str, blocks: Iterable[Part], state: str) -> Part:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": words(title, LONGEST_TITLE),
        "submit": words(submit, LONGEST_TITLE),
        "close": words("Cancel", LONGEST_TITLE),
        "private_metadata": state,
        "blocks": list(blocks),
    }


# ---- What a form is given along ----


def seal(key: bytes, state: Mapping[str, str]) -> str:
    """What a form carries, signed: it comes back by way of somebody else's computer."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(state)).decode()
    return f"{_mac(key, body)}.{body}"


def unseal(key: bytes, text: str) -> dict[str, str]:
    """Raises NotOurs for anything that was not sealed with this key."""
    mac, _, body = text.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(key, body).encode()):
        raise NotOurs
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body), type=dict[str, str])
    except (msgspec.DecodeError, binascii.Error):
        raise NotOurs from None


def _mac(key: bytes, body: str) -> str:
    return hmac.new(key, f"slack form {body}".encode(), hashlib.sha256).hexdigest()
