"""Signs of life that jobs send to an address of their own, spoken as Healthchecks speaks. Pure."""

import hashlib
import hmac
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.kit import redaction
from tocsin.kit.text import span, utc
from tocsin.signals.model import Arrival, State, Trigger
from tocsin.watch import logs
from tocsin.watch.outcomes import Kind, Outcome

SOURCE = "heartbeat"
RUNS_MOST = 20  # that are kept of each job
OUTPUT_READ, OUTPUT_MOST = 10_000, 1000  # bytes of what a job wrote that are read, and letters of its end that are kept


class Word(StrEnum):
    SUCCESS = "success"
    START = "start"
    FAIL = "fail"


@dataclass(frozen=True)
class Ping:
    """What a job says of itself. `status` is with what its program ended, and `said` what it wrote, if it says so.

    `run` tells apart runs that go on at the same time.
    """

    word: Word
    status: int | None = None
    run: str = ""
    said: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a job, as far as it said so. A `lost` one never said its end: the next began before. An `overdue` one
    was missed, and may still end."""

    id: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    failed: bool = False
    lost: bool = False
    overdue: bool = False
    status: int | None = None
    said: str = ""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and not self.lost

    @property
    def state(self) -> str:
        if self.ended_at is not None:
            return "failed" if self.failed else "well"
        return "lost" if self.lost else "overdue" if self.overdue else "running"

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.began_at if self.began_at and self.ended_at else None


def read(path: str) -> Ping | None:
    """What stands behind the secret in the address: nothing, `start`, `fail`, or the status of a program, 0 to 255."""
    if path in ("", Word.START, Word.FAIL):
        return Ping(Word(path or Word.SUCCESS))
    if not (path.isascii() and path.isdigit() and len(path) <= 3 and int(path) <= 255):
        return None
    return Ping(Word.FAIL if int(path) else Word.SUCCESS, int(path))


def run_id(written: str) -> str | None:
    """What tells a run apart from others, a UUID. None for anything else."""
    try:
        return str(uuid.UUID(written)) if written else ""
    except ValueError:
        return None


def output(body: bytes) -> str:
    """What a job wrote, as it is kept: its end, without what looks like a secret."""
    told = body[:OUTPUT_READ].decode("utf-8", "replace").replace("\r\n", "\n")
    shown = "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in told)
    # Struck out before it is cut: half a secret is not known for one any more.
    return logs.redacted(redaction.in_text(shown)).strip()[-OUTPUT_MOST:]


def with_ping(runs: Sequence[Run], ping: Ping, now: datetime) -> tuple[Run, ...]:
    """The last runs of a job, the newest first, with what it says now."""
    at = next((at for at, one in enumerate(runs) if one.is_open and one.id == ping.run), None)
    if ping.word is not Word.START:
        begun = runs[at] if at is not None else Run(ping.run)
        ended = replace(begun, ended_at=now, failed=ping.word is Word.FAIL, status=ping.status, said=ping.said)
        found = [ended, *runs] if at is None else [*runs[:at], ended, *runs[at + 1 :]]
    elif at is not None and ping.run:
        found = [*runs]  # it says once more that it has begun
    else:
        before = [replace(one, lost=True) if place == at else one for place, one in enumerate(runs)]
        found = [Run(ping.run, began_at=now), *before]
    return tuple(found[:RUNS_MOST])


def overdue_at(runs: Iterable[Run], limit: timedelta, now: datetime) -> datetime | None:
    """When the first of the runs that go on is to have ended."""
    ends = (one.began_at + limit for one in runs if one.is_open and not one.overdue and one.began_at)
    return min((end for end in ends if end > now), default=None)


def missed(runs: Iterable[Run], limit: timedelta, now: datetime) -> tuple[Run, ...]:
    """The same runs, of which those are overdue that were to have ended by now."""
    return tuple(
        replace(one, overdue=True) if one.is_open and one.began_at and one.began_at + limit <= now else one
        for one in runs
    )


def secret(signing_key: bytes, name: str, turn: int = 0) -> str:
    """The secret of a heartbeat's address. It follows from the installation's key, and is stored nowhere; `turn` is how
    often it was replaced by another."""
    turned = f"#{turn}" if turn else ""
    digest = hmac.new(signing_key, f"heartbeat:{name}{turned}".encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


_BEGUN = {Kind.FAILED: "; the last one failed", Kind.SILENT: ", after nothing came in time"}


def outcome(ping: Ping, agreed: Kind = Kind.HEALTHY) -> Outcome:
    """What a sign of life means. That a run begins does not say that what was `agreed` on is over."""
    if ping.word is Word.START:
        return _outcome(agreed, f"a run has begun{_BEGUN.get(agreed, '')}")
    ended = f", with status {ping.status}" if ping.status is not None else ""
    if ping.word is Word.FAIL:
        return _outcome(Kind.FAILED, f"it says that it failed{ended}")
    return _outcome(Kind.HEALTHY, f"it says that all went well{ended}")


def unended(run: Run, limit: timedelta) -> Outcome:
    """A run was to have ended by now. It is the same trouble as no sign of life: nobody knows how it went."""
    begun = utc(run.began_at) if run.began_at else "some time"
    return _outcome(Kind.SILENT, f"a run that began at {begun} did not end within {span(limit)}")


def silence(heard_at: datetime | None) -> Outcome:
    return _outcome(Kind.SILENT, f"last heard of at {utc(heard_at)}" if heard_at else "never heard of yet")


def due_after(
    ping: Ping, runs: Sequence[Run], every: timedelta, grace: timedelta, limit: timedelta, now: datetime
) -> datetime:
    """When a sign of life is missed where runs have a limit of their own: a run that goes on is to end within that, and
    while none does, the next is to come in time."""
    ends = overdue_at(runs, limit, now)
    comes = now + every + grace
    if ends is None:
        return comes
    return ends if ping.word is Word.START else min(ends, comes)


def due_at(ping: Ping, every: timedelta, grace: timedelta, due: datetime, now: datetime) -> datetime:
    """When the next sign of life is missed. A run that has begun is to end within the grace, at the latest when it
    would have been missed anyway."""
    return min(due, now + grace) if ping.word is Word.START and due > now else now + every + grace


def arrival(name: str, service_id: str, service: str, found: Outcome, now: datetime, output: str = "") -> Arrival:
    is_well = found.kind is Kind.HEALTHY
    said = {Kind.FAILED: "says that it failed", Kind.SILENT: "gave no sign of life in time"}.get(found.kind, "is well")
    return Arrival(
        source=SOURCE,
        key=f"{SOURCE}:{name}",
        state=State.RESOLVED if is_well else State.FIRING,
        title=f"{service}: {name.partition('/')[2]} {said}",
        trigger=Trigger.HEALTH_CHECK,
        labels={"heartbeat": name, "service": service_id, "outcome": found.kind.value},
        details={"reason": found.reason, **({"output": output} if output else {})},
        started_at=None if is_well else now,
    )


def _outcome(kind: Kind, reason: str) -> Outcome:
    return Outcome(kind=kind, latency=timedelta(0), reason=reason, path="")
