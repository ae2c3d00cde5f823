"""Messages through Apprise, which speaks to more than a hundred services. Needs the extra `notify-all`.

Each message is handed over by a process of its own (`notifychild`), which is ended when it takes too long.
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.parts import parts
from tocsin.kit.text import clip

CHANNEL = "apprise"
AT_ONCE = 8  # processes in all; one for each address
LONGEST = 1500  # letters; what a service takes less of, Apprise divides
LOOK_WITHIN = timedelta(seconds=20)
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
CHILD = (sys.executable, "-I", "-m", "tocsin.delivery.notifychild")


class _Said(msgspec.Struct):
    """What became of it, as the process tells."""

    readable: bool = True
    taken: bool = False
    status: list[int] = []
    refused: list[str] = []


def is_installed() -> bool:
    return importlib.util.find_spec("apprise") is not None


def can_read(url: str) -> bool:
    """Whether Apprise knows what to do with this address. Nothing is sent; it takes most of a second."""
    order = msgspec.json.encode({"url": url, "allow_private": False})
    limit = LOOK_WITHIN.total_seconds()
    try:
        said = subprocess.run(  # noqa: S603 - a program of ours
            CHILD, input=order, capture_output=True, timeout=limit, env=_environment(), check=True
        )
        return msgspec.json.decode(said.stdout, type=_Said).readable
    except (subprocess.SubprocessError, OSError, msgspec.DecodeError):
        return False


class NotifyAll:
    def __init__(self, within: timedelta, *, allow_private: bool, networks: str = "") -> None:
        self._networks = networks
        self._within = within.total_seconds()
        self._allow_private = allow_private
        self._room = asyncio.Semaphore(AT_ONCE)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, message: Message) -> Result:
        said = parts(message)
        text = "\n".join(one for one in (clip(said.text, LONGEST), said.link) if one)
        order = {"url": message.secret or "", "title": clip(said.title, 250), "text": text or said.title}
        order_in_full = msgspec.json.encode({**order, "allow_private": self._allow_private, "networks": self._networks})
        async with self._turns[message.address], self._room:
            try:
                async with asyncio.timeout(self._within):
                    return _judge(await _handed_over(order_in_full))
            except TimeoutError:
                return Retry(f"no answer within {self._within:g} s", down=True)
            except (OSError, msgspec.DecodeError) as error:
                return Retry(f"Apprise could not be run: {type(error).__name__}", down=True)


async def _handed_over(order: bytes) -> _Said:
    quiet: Mapping[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = await asyncio.create_subprocess_exec(*CHILD, env=_environment(), **quiet)
    try:
        out, _ = await process.communicate(order)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return msgspec.json.decode(out, type=_Said)


def _environment() -> dict[str, str]:
    """What the process may know: none of our settings, and so none of our secrets."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _judge(said: _Said) -> Result:
    if said.taken:
        return Delivered(provider=CHANNEL)
    if not said.readable:
        return Dead("Apprise can't read the address")
    if said.refused:
        return Dead(said.refused[0])
    status = said.status[0] if said.status else None
    if status is not None and 400 <= status < 500 and status not in (408, 425, 429):
        return Dead(f"HTTP {status}")
    reason = f"HTTP {status}" if status is not None else "the service did not take it"
    return Retry(reason, down=status is None or status >= 500)
