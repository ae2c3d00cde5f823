"""Every sender that is taken at `/in/SENDER`: what reads its bodies, and how it wants to be answered."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tocsin.signals.senders import (
    gatus,
    grafana,
    healthchecks,
    opsgenie,
    prometheus,
    uptime_kuma,
)
from tocsin.signals.senders.sent import Reader


@dataclass(frozen=True)
class Call:
    """A request, as an answer may name it: by an id of its own and the seconds that it took."""

    id: str
    took: float
    accepted: int = 0


def _counted(call: Call) -> bytes:
    return msgspec.json.encode({"accepted": call.accepted})


@dataclass(frozen=True, kw_only=True)
class Sender:
    """One sender. `root` begins the sender's own part of the address, where it has one; no token is called so.

    `refused` is how it wants to be told what was wrong, if not as everybody is.
    """

    read: Reader
    root: str | None = None
    status: int = 200
    answer: Callable[[Call], bytes] = _counted
    refused: Callable[[str, Call], bytes] | None = None


SENDERS: dict[str, Sender] = {
    prometheus.SOURCE: Sender(
        read=prometheus.read, root=prometheus.ROOT, refused=lambda detail, _: msgspec.json.encode(detail)
    ),
    grafana.SOURCE: Sender(read=grafana.read),
    uptime_kuma.SOURCE: Sender(read=uptime_kuma.read),
    gatus.SOURCE: Sender(read=gatus.read),
    healthchecks.SOURCE: Sender(read=healthchecks.read),
    opsgenie.SOURCE: Sender(
        read=opsgenie.read,
        root=opsgenie.ROOT,
        status=202,
        answer=lambda call: opsgenie.accepted(call.id, call.took),
        refused=lambda detail, call: opsgenie.refused(detail, call.id, call.took),
    ),
}
