"""What an assistant asks is carried out by requests to the API, one after the other: by a thread, or in a loop.

Who asks next depends on what came back, so that each tool is a generator: it yields a request, and is given what came
back, or the refusal is raised in it.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import httpx2

from tocsin.client.requests import Request
from tocsin.client.wire import AsyncTocsin, Refused, Tocsin

T = TypeVar("T")
Steps = Generator[Request[Any], Any, T]

FAILURES = (Refused, httpx2.TransportError)


def carry_out(tocsin: Tocsin, steps: Steps[T]) -> T:
    """What the steps come to, with a client that waits."""
    try:
        request = next(steps)
        while True:
            try:
                answer = tocsin.send(request)
            except FAILURES as failure:
                request = steps.throw(failure)
            else:
                request = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


async def carry_out_in_loop(tocsin: AsyncTocsin, steps: Steps[T]) -> T:
    """The same, with a client that lets others go on."""
    try:
        request = next(steps)
        while True:
            try:
                answer = await tocsin.send(request)
            except FAILURES as failure:
                request = steps.throw(failure)
            else:
                request = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
