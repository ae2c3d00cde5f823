"""A server of the Model Context Protocol on standard input and output: one message a line.

An assistant that starts it acts with the token of whoever set it up, and may do what that token may do and no more.
"""

import sys
from collections.abc import Iterable

import msgspec

from tocsin.assistants import protocol
from tocsin.assistants.protocol import Message, Wrong
from tocsin.assistants.steps import carry_out
from tocsin.client.wire import Tocsin


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
    """What a line is answered with. The token's rights are the server's to know: every tool is offered."""
    try:
        message = protocol.read(line)
    except Wrong as wrong:
        return protocol.refusal(wrong)
    return carry_out(tocsin, protocol.answer(message, lambda _: True))
