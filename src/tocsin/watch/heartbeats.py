"""Signs of life that jobs send to an address of their own, spoken as Healthchecks speaks. Pure."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.kit.text import utc
from tocsin.signals.model import Arrival, State, Trigger
from tocsin.watch.outcomes import Kind, Outcome

SOURCE = "heartbeat"


class Word(StrEnum):
    SUCCESS = "success"
    START = "start"
    FAIL = "fail"


@dataclass(frozen=True)
class Ping:
    """What a job says of itself. `status` is with what its program ended, if it says so."""

    word: Word
    status: int | None = None


def read(path: str) -> Ping | None:
    """What stands behind the secret in the address: nothing, `start`, `fail`, or the status of a program, 0 to 255."""
    if path in ("", Word.START, Word.FAIL):
        return Ping(Word(path or Word.SUCCESS))
    if not (path.isascii() and path.isdigit() and len(path) <= 3 and int(path) <= 255):
        return None
    return Ping(Word.FAIL if int(path) else Word.SUCCESS, int(path))


def secret(signing_key: bytes, name: str, turn: int = 0) -> str:
    """The secret of a heartbeat's address. It follows from the installation's key, and is stored nowhere; `turn` is how
    often it was replaced by another."""
    turned = f"#{turn}" if turn else ""
    digest = hmac.new(signing_key, f"heartbeat:{name}{turned}".encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def outcome(ping: Ping) -> Outcome:
    if ping.word is Word.START:
        return _outcome(Kind.HEALTHY, "a run has begun")
    ended = f", with status {ping.status}" if ping.status is not None else ""
    if ping.word is Word.FAIL:
        return _outcome(Kind.FAILED, f"it says that it failed{ended}")
    return _outcome(Kind.HEALTHY, f"it says that all went well{ended}")


def silence(heard_at: datetime | None) -> Outcome:
    return _outcome(Kind.SILENT, f"last heard of at {utc(heard_at)}" if heard_at else "never heard of yet")


def due_at(ping: Ping, every: timedelta, grace: timedelta, due: datetime, now: datetime) -> datetime:
    """When the next sign of life is missed. A run that has begun is to end within the grace, at the latest when it
    would have been missed anyway."""
    return min(due, now + grace) if ping.word is Word.START and due > now else now + every + grace


def arrival(name: str, service_id: str, service: str, found: Outcome, now: datetime) -> Arrival:
    is_well = found.kind is Kind.HEALTHY
    said = {Kind.FAILED: "says that it failed", Kind.SILENT: "no sign of life in time"}.get(found.kind, "is well")
    return Arrival(
        source=SOURCE,
        key=f"{SOURCE}:{name}",
        state=State.RESOLVED if is_well else State.FIRING,
        title=f"{service}: {name.partition('/')[2]} {said}",
        trigger=Trigger.HEALTH_CHECK,
        labels={"heartbeat": name, "service": service_id, "outcome": found.kind.value},
        details={"reason": found.reason},
        started_at=None if is_well else now,
    )


def _outcome(kind: Kind, reason: str) -> Outcome:
    return Outcome(kind=kind, latency=timedelta(0), reason=reason, path="")
