"""Every sender that is taken at `/in/SENDER`: what reads its bodies, and how it wants to be answered."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from tocsin.kit.text import span
from tocsin.signals.senders import (
    azure,
    cloudevents,
    cloudwatch,
    datadog,
    gatus,
    github,
    google_cloud,
    grafana,
    healthchecks,
    opsgenie,
    prometheus,
    railway,
    sentry,
    uptime_kuma,
    zabbix,
)
from tocsin.signals.senders.sent import Reader, Sent, epoch

MISFIT = "The signature does not fit the body"
NEAR = timedelta(minutes=5)  # to our clock is what was signed, where it says when: later, others may send it again


@dataclass(frozen=True)
class Call:
    """A request, as an answer may name it: by an id of its own and the seconds that it took."""

    id: str
    took: float
    accepted: int = 0


@dataclass(frozen=True)
class Signature:
    """Where a sender puts the HMAC-SHA256 of its body, as hexadecimal digits after this prefix.

    With `stamp`, the header of that name may say in which second it signed; that is signed then, too. What is not
    `always` signed is taken without a signature where no secret is set.
    """

    header: str
    prefix: str = ""
    stamp: str = ""
    always: bool = True

    def fault(self, secret: str, sent: Sent) -> str:
        """Why whoever holds the secret can't have sent these very bytes, or not now; empty if they did."""
        stamp = sent.headers.get(self.stamp) if self.stamp else None
        signed = sent.body if stamp is None else stamp.encode() + b":" + sent.body
        expected = self.prefix + hmac.new(secret.encode(), signed, "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), sent.headers.get(self.header, "").encode()):
            return MISFIT
        if stamp is not None and not _is_near(stamp, sent.now):
            return f"The signature was made more than {span(NEAR)} before or after now, by our clock"
        return ""


def _is_near(stamp: str, now: datetime) -> bool:
    at = epoch(stamp)
    return at is not None and abs(now - at) <= NEAR


def _counted(call: Call) -> bytes:
    return msgspec.json.encode({"accepted": call.accepted})


@dataclass(frozen=True, kw_only=True)
class Sender:
    """One sender. `root` begins the sender's own part of the address, where it has one; no token is called so.

    `refused` is how it wants to be told what was wrong, if not as everybody is. `asks` are the headers with which it is
    told that it may send, where it asks beforehand; `in_browsers` if a page of its own sends for it, as a test does;
    `methods` those with which it may be set to send.
    """

    read: Reader
    root: str | None = None
    status: int = 200
    answer: Callable[[Call], bytes] = _counted
    refused: Callable[[str, Call], bytes] | None = None
    signature: Signature | None = None
    seal: Callable[[Sent], cloudwatch.Seal] | None = None
    asks: Callable[[Mapping[str, str]], dict[str, str]] | None = None
    in_browsers: bool = False
    methods: tuple[str, ...] = ("POST",)


SENDERS: dict[str, Sender] = {
    prometheus.SOURCE: Sender(
        read=prometheus.read, root=prometheus.ROOT, refused=lambda detail, _: msgspec.json.encode(detail)
    ),
    grafana.SOURCE: Sender(
        read=grafana.read,
        signature=Signature(grafana.SIGNED_IN, stamp=grafana.SIGNED_AT, always=False),
        methods=("POST", "PUT"),
    ),
    uptime_kuma.SOURCE: Sender(read=uptime_kuma.read),
    gatus.SOURCE: Sender(read=gatus.read),
    healthchecks.SOURCE: Sender(read=healthchecks.read),
    sentry.SOURCE: Sender(read=sentry.read, signature=Signature(sentry.SIGNED_IN)),
    datadog.SOURCE: Sender(read=datadog.read),
    zabbix.SOURCE: Sender(read=zabbix.read),
    cloudevents.SOURCE: Sender(read=cloudevents.read, asks=cloudevents.allowed),
    railway.SOURCE: Sender(read=railway.read, asks=railway.allowed, in_browsers=True),
    github.SOURCE: Sender(read=github.read, signature=Signature(github.SIGNED_IN, "sha256=")),
    cloudwatch.SOURCE: Sender(read=cloudwatch.read, seal=cloudwatch.seal),
    google_cloud.SOURCE: Sender(read=google_cloud.read),
    azure.SOURCE: Sender(read=azure.read),
    opsgenie.SOURCE: Sender(
        read=opsgenie.read,
        root=opsgenie.ROOT,
        status=202,
        answer=lambda call: opsgenie.accepted(call.id, call.took),
        refused=lambda detail, call: opsgenie.refused(detail, call.id, call.took),
    ),
}
