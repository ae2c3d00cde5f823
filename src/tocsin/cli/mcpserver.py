"""A server of the Model Context Protocol on standard input and output: one message a line.

An assistant that starts it acts with the token of whoever set it up, and may do what that token may do and no more.
"""

import sys
from collections.abc import Iterable

import httpx2
import msgspec
from msgspec import Struct

from tocsin.assistants import protocol
from tocsin.assistants.protocol import May, Message, Wrong
from tocsin.assistants.steps import carry_out
from tocsin.assistants.tools import READ, TOOLS
from tocsin.client import requests
from tocsin.client.requests import Request
from tocsin.client.wire import Refused, Tocsin

FORBIDDEN = 403


def say(message: Message) -> None:
    """Write a message on a line of its own."""
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


def serve(tocsin: Tocsin, lines: Iterable[bytes]) -> None:
    """Answer each line that asks something, until there are no more. They are bytes: one that is no text is refused by
    itself, and ends nothing."""
    for line in lines:
        if line.strip() and (said := answer(tocsin, line)) is not None:
            say(said)


def answer(tocsin: Tocsin, line: str | bytes) -> Message | None:
    """What a line is answered with."""
    try:
        message = protocol.read(line)
    except Wrong as wrong:
        return protocol.refusal(wrong)
    may = _may(tocsin) if message.get("method") == "tools/list" else _may_all
    return carry_out(tocsin, protocol.answer(message, may))


class _Named(Struct):
    name: str


class _Tools(Struct):
    tools: list[_Named]


class _Listed(Struct):
    result: _Tools


def _may(tocsin: Tocsin) -> May:
    """Which tools are offered: those that the server would offer this token, whose rights only the server knows.

    Where it can't be asked all are offered, since a client keeps the list: each call says what is wrong.
    """
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    try:
        listed = tocsin.send(Request("POST", requests.path_of(("mcp",)), _Listed, body=asked))
    except Refused as refused:
        return _may_all if refused.status != FORBIDDEN else lambda right: right != READ  # all that the address needs
    except (httpx2.TransportError, msgspec.MsgspecError):
        return _may_all
    offered = {TOOLS[one.name].right for one in listed.result.tools if one.name in TOOLS}
    return offered.__contains__


def _may_all(_: str) -> bool:
    return True
