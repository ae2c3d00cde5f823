"""Apprise, in a process of its own: it hands over one message and ends.

Its plugins are by many hands, block, and can be told to read files or to call whatever is near. Here they delay nobody,
are ended when they hang, know nothing of this installation, and reach public addresses and what Python itself needs, no
more. The order comes through standard input and the outcome leaves through standard output, so that the address, a
secret, stands in no list of processes.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apprise

from tocsin.delivery.public import Network, is_public, networks

NEEDED = (
    sys.prefix,
    sys.base_prefix,
    str(Path(__file__).parents[1]),
    "/etc/ssl",
    "/etc/pki",
    "/etc/mime.types",
    "/etc/localtime",
    "/usr/lib/ssl",
    "/usr/share/zoneinfo",
    "/dev/null",
)
"""What may be read. Nothing is written."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn"}
)
_STATUS = re.compile(r"error=(\d{3})\b")


class Forbidden(PermissionError):
    """Something that no message needs."""


def guard(
    refused: list[str], *, allow_private: bool, also: Sequence[Network] = ()
) -> Callable[[str, tuple[Any, ...]], None]:
    """What Python asks before it opens, connects or starts anything. What is refused is noted as well, since plugins
    keep errors to themselves."""

    def refuse(what: str) -> None:
        refused.append(what)
        raise Forbidden(what)

    def ask(event: str, about: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            refuse("programs of this machine are not for messages to start")
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            if not _leads_outside(about[1], allow_private=allow_private, also=also):
                refuse("it leads to an address that is not public; set TOCSIN_ALLOW_PRIVATE_WEBHOOKS=yes to allow it")
        elif event == "open" and not _may_open(about):
            refuse("files of this machine are not for messages to read")

    return ask


def _leads_outside(address: Any, *, allow_private: bool, also: Sequence[Network] = ()) -> bool:
    if not isinstance(address, tuple):
        return address is None  # connected before; otherwise a socket of this machine
    try:
        return allow_private or is_public(str(address[0]), also)
    except ValueError:
        return False  # a name that nobody has looked up


def _may_open(about: tuple[Any, ...]) -> bool:
    path, _, flags = about
    if isinstance(path, int):
        return True  # it is open already
    real = os.path.realpath(os.fsdecode(path))
    if real == "/dev/null":
        return True
    inside = any(real == one or real.startswith(f"{os.path.realpath(one)}{os.sep}") for one in NEEDED)
    return inside and not (isinstance(flags, int) and flags & _WRITES)


class _Statuses(logging.Handler):
    """The statuses that services gave. Apprise tells them to its log alone, among words that may be secret."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := _STATUS.search(record.getMessage()):
            self.found.append(int(found[1]))


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Hand over a message, or only see whether Apprise can read the address."""
    statuses = _Statuses()
    log = logging.getLogger("apprise")
    log.addHandler(statuses)
    log.propagate = False
    notifier = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True, allow_templates=False))
    refused: list[str] = []
    sys.addaudithook(guard(refused, allow_private=order["allow_private"], also=networks(order.get("networks", ""))))
    readable = bool(notifier.add(order["url"]))
    if not readable or "text" not in order:
        return {"readable": readable}
    taken = bool(notifier.notify(body=order["text"], title=order["title"], body_format="text"))
    return {"readable": True, "taken": taken, "status": statuses.found[-1:], "refused": refused[:1]}


if __name__ == "__main__":
    said = carry_out(json.load(sys.stdin))
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # a plugin's own threads must not keep it alive
