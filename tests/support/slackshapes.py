"""What Slack takes for a message or a form, measured as it measures: kinds, keys, lengths and counts.

The vendor's own models read everything too, so that what passes here is what its library would build.
"""

import json
from collections import Counter
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

TEXTS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
ALL_TEXT_MOST = 13_000
STATE_MOST = 3000
VIEW_MOST = 250_000


class BadShape(Exception):
    """The `error` with which Slack refuses it."""


def blocks_of(arguments: dict[str, str]) -> list[Any]:
    """The parts of a message. Raises BadShape."""
    text, blocks = arguments.get("text", ""), json.loads(arguments.get("blocks") or "[]")
    if not text and not blocks:
        raise BadShape("no_text")
    if len(text) > 40_000:
        raise BadShape("msg_too_long")
    if len(blocks) > 50 or not all(_is_block(one, inputs=False) for one in blocks) or not _is_unique(blocks):
        raise BadShape("invalid_blocks")
    if sum(len(one["text"]["text"]) for one in blocks if "text" in one) > ALL_TEXT_MOST:
        raise BadShape("msg_blocks_too_long")
    _read_by_vendor(blocks)
    return list(blocks)


def form_of(text: str) -> dict[str, Any]:
    """A form. Raises BadShape."""
    if len(text) > VIEW_MOST:
        raise BadShape("view_too_large")
    view: dict[str, Any] = json.loads(text)
    known = {"type", "callback_id", "title", "submit", "close", "private_metadata", "blocks"}
    fits = (
        view.keys() <= known
        and view.get("type") == "modal"
        and 0 < len(view.get("callback_id", "")) <= 255
        and all(_is_text(view[name], 24, "plain_text") for name in ("title", "submit", "close"))
        and len(view.get("private_metadata", "")) <= STATE_MOST
        and 0 < len(view["blocks"]) <= 100
        and all(_is_block(one, inputs=True) for one in view["blocks"])
        and _is_unique(view["blocks"])
    )
    if not fits:
        raise BadShape("invalid_arguments")
    _read_by_vendor(view["blocks"])
    try:
        View(**view).validate_json()
    except SlackObjectFormationError as wrong:
        raise BadShape(f"invalid_arguments: {wrong}") from None
    return view


def _read_by_vendor(blocks: list[Any]) -> None:
    try:
        for one in Block.parse_all(blocks):
            one.validate_json()
    except SlackObjectFormationError as wrong:
        raise BadShape(f"invalid_blocks: {wrong}") from None


def _is_unique(blocks: list[Any]) -> bool:
    names = [one["block_id"] for one in blocks if "block_id" in one]
    pressed = [button["action_id"] for one in blocks for button in one.get("elements", ())]
    return max([*Counter(names).values(), *Counter(pressed).values()], default=1) == 1


def _is_block(one: dict[str, Any], *, inputs: bool) -> bool:
    if not 0 < len(one.get("block_id", "x")) <= 255:
        return False
    match one["type"]:
        case "section":
            return one.keys() <= {"type", "block_id", "text"} and _is_text(one["text"], 3000, "plain_text", "mrkdwn")
        case "actions":
            known = one.keys() <= {"type", "block_id", "elements"} and 0 < len(one["elements"]) <= 25
            return known and all(_is_button(button) for button in one["elements"])
        case "input":
            return inputs and _is_input(one)
        case _:
            return False


def _is_button(one: dict[str, Any]) -> bool:
    known = one.keys() <= {"type", "text", "action_id", "value", "style", "url"} and one["type"] == "button"
    fits = len(one["value"]) <= 2000 and 0 < len(one["action_id"]) <= 255 and len(one.get("url", "")) <= 3000
    is_styled = one.get("style", "primary") in ("primary", "danger")
    return known and fits and is_styled and _is_text(one["text"], 75, "plain_text")


def _is_input(one: dict[str, Any]) -> bool:
    known = one.keys() <= {"type", "block_id", "label", "element", "optional", "hint", "dispatch_action"}
    labelled = _is_text(one["label"], 2000, "plain_text")
    hinted = "hint" not in one or _is_text(one["hint"], 2000, "plain_text")
    return known and labelled and hinted and _is_entry(one["element"])


def _is_entry(one: dict[str, Any]) -> bool:
    if not 0 < len(one.get("action_id", "")) <= 255:
        return False
    match one["type"]:
        case "plain_text_input":
            known = one.keys() <= {"type", "action_id", "multiline", "max_length", "initial_value"}
            return known and 1 <= one["max_length"] <= 3000 and len(one.get("initial_value", "")) <= one["max_length"]
        case "static_select":
            known = one.keys() <= {"type", "action_id", "options", "initial_option"}
            fits = 0 < len(one["options"]) <= 100 and all(_is_option(each) for each in one["options"])
            return known and fits and one.get("initial_option", one["options"][0]) in one["options"]
        case "users_select":
            return one.keys() <= {"type", "action_id", "initial_user"}
        case _:
            return False


def _is_option(one: dict[str, Any]) -> bool:
    fits = 0 < len(one["value"]) <= 150 and _is_text(one["text"], 75, "plain_text")
    return one.keys() <= {"text", "value"} and fits


def _is_text(one: dict[str, Any], most: int, *kinds: str) -> bool:
    return one["type"] in kinds and one.keys() <= TEXTS[one["type"]] and 0 < len(one["text"]) <= most
