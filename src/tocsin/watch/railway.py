"""The log of a service at Railway, by the public API: what to ask for, and what an answer adds. Pure.

The operation and its fields are those of Railway's own schema. What its dates mean stands nowhere that it publishes:
`anchorDate` is taken for the instant from which on it answers, as its clients use it. Hence nothing rests on that
alone: what comes twice is known by its mark, and the order is made here.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from tocsin.kit import text
from tocsin.plan.watching import RailwayLog
from tocsin.watch import logs
from tocsin.watch.logs import Tail
from tocsin.watch.outcomes import Reading, unheard

MOST = 500  # entries of one answer
OVERLAP = 30 * 10**9  # nanoseconds: an entry may be there so much later than it says
REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
_SECOND = 10**9
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:\d\d)")
_SAID = 200


@dataclass(frozen=True)
class Gained:
    """What an answer adds: lines that are whole, and how far they go; or what is wrong, or that we are to wait."""

    tail: Tail
    lines: tuple[str, ...] = ()
    trouble: str = ""
    limited: str = ""
    rest: timedelta | None = None


class _Pair(msgspec.Struct):
    key: str
    value: str | None = None


class _Tags(msgspec.Struct):
    serviceId: str | None = None
    deploymentInstanceId: str | None = None


class _Entry(msgspec.Struct):
    timestamp: str
    message: str | None = None
    severity: str | None = None
    attributes: list[_Pair] | None = None
    tags: _Tags | None = None


class _Found(msgspec.Struct):
    environmentLogs: list[_Entry] | None = None


class _Error(msgspec.Struct):
    message: str = "an error without a word"


class _Answer(msgspec.Struct):
    data: _Found | None = None
    errors: list[_Error] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True)
class _Line:
    """An entry with its instant in nanoseconds, its mark, and the process that wrote it."""

    at: int
    mark: str
    writer: str
    text: str


def question(log: RailwayLog, tail: Tail) -> bytes:
    """The request's body. The first look asks for nothing but the end: what was written before is no news.

    The values stand in the query itself: so it does not matter of which type the schema has its dates.
    """
    wanted = {"environmentId": json.dumps(log.environment)}
    if log.filter is not None:
        wanted["filter"] = json.dumps(log.filter)
    if tail.place is None:
        wanted |= {"beforeLimit": "1"}
    else:
        wanted |= {"anchorDate": json.dumps(_written(tail.place)), "beforeLimit": "0", "afterLimit": str(MOST)}
    arguments = ", ".join(f"{key}: {value}" for key, value in wanted.items())
    fields = "timestamp message severity attributes { key value } tags { serviceId deploymentInstanceId }"
    return json.dumps({"query": f"query {{ environmentLogs({arguments}) {{ {fields} }} }}"}).encode()


def gained(tail: Tail, reading: Reading) -> Gained:
    """What an answer adds to what was read until now."""
    if reading.failure is not None or reading.status is None:
        return Gained(tail, trouble=unheard(reading))
    if reading.status == 429:
        rest = _rest(reading.headers)
        return Gained(tail, limited=f"429, Railway wants us to wait {text.span(rest)}", rest=rest)
    try:
        answer = _ANSWER.decode(reading.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = text.clip(reading.body[:_SAID].decode("utf-8", "replace"), _SAID)
        return Gained(tail, trouble=f"{reading.status}, and no answer of Railway's API: {logs.redacted(said)}")
    if answer.errors:
        said = text.clip(answer.errors[0].message, _SAID)
        return Gained(tail, trouble=f"Railway says: {logs.redacted(said)}")
    if reading.status != 200 or answer.data is None or answer.data.environmentLogs is None:
        return Gained(tail, trouble=f"{reading.status}, and no log in the answer")
    found = sorted(_lines(answer.data.environmentLogs), key=lambda one: one.at)
    return replace(_taken(tail, found, reading.headers), rest=_spent(reading.headers))


def _taken(tail: Tail, found: Sequence[_Line], headers: Mapping[str, str]) -> Gained:
    if tail.place is None:
        ends = [one.at + 1 for one in found] + _clock(headers)
        return Gained(replace(tail, place=max(ends)) if ends else tail)
    place, known = tail.place, set(tail.mark.split())
    news = [one for one in found if one.at >= place and one.mark not in known]
    open_ones = _open(news)
    if len(open_ones) == tail.waits or len(found) >= MOST:  # nothing more of them came, or what came goes on behind
        open_ones = set()
    taken = [one for one in news if one.mark not in open_ones]
    known |= {one.mark for one in taken}
    after = _place_after(place, found, open_ones)
    mark = " ".join(one.mark for one in found if one.at >= after and one.mark in known)
    return Gained(replace(tail, place=after, mark=mark, waits=len(open_ones)), tuple(_gathered(taken)))


def _place_after(place: int, found: Sequence[_Line], open_ones: set[str]) -> int:
    """From where to ask next time: a little before the newest, unless there is so much that this would not get on."""
    if not found:
        return place
    newest, is_full = found[-1].at, len(found) >= MOST
    if not is_full:
        begins = [one.at for one in found if one.mark in open_ones]
        return max(place, min([newest - OVERLAP, *begins]))
    return newest if newest > place else place + 1


def _open(lines: Sequence[_Line]) -> set[str]:
    """The last lines of each process whose traceback may go on."""
    found: set[str] = set()
    for own in _by_writer(lines):
        ends = logs.whole("".join(f"{one.text}\n" for one in own).encode(), ends=False)
        at = 0
        for one in own:
            at += len(one.text.encode()) + 1
            if at > ends:
                found.add(one.mark)
    return found


def _gathered(lines: Sequence[_Line]) -> Iterable[str]:
    """Lines as their process wrote them, one process after the other, or tracebacks would mix."""
    return (part for own in _by_writer(lines) for one in own for part in one.text.splitlines())


def _by_writer(lines: Sequence[_Line]) -> Iterable[list[_Line]]:
    found: dict[str, list[_Line]] = {}
    for one in lines:
        found.setdefault(one.writer, []).append(one)
    return found.values()


def _lines(entries: Iterable[_Entry]) -> Iterable[_Line]:
    seen: dict[str, int] = {}
    for one in entries:
        at = _read(one.timestamp)
        if at is None:
            continue
        tags = one.tags or _Tags()
        writer = f"{tags.serviceId}/{tags.deploymentInstanceId}"
        said = _text(one)
        told = f"{at} {writer} {said}"
        seen[told] = seen.get(told, 0) + 1  # the same twice in one nanosecond is two
        mark = hashlib.sha256(f"{told} {seen[told]}".encode("utf-8", "replace")).hexdigest()[:12]
        yield _Line(at, mark, writer, said)


def _text(one: _Entry) -> str:
    """As the service wrote it. Of what it wrote as JSON, Railway makes a message and attributes: that is put together
    again, for there a line is a record."""
    said = (one.message or "").encode("utf-8", "replace").decode()
    fields = {pair.key: _value(pair.value) for pair in one.attributes or () if pair.key != "level"}
    if not fields:
        return said
    return json.dumps({"level": one.severity or "", **fields, "message": said})


def _value(written: str | None) -> Any:
    """Attributes are written as JSON; what is not, is text."""
    try:
        return json.loads(written or "null")
    except (ValueError, RecursionError):
        return written


# --- Instants and limits ----------------------------------------------------------------------------------------------


def _read(written: str) -> int | None:
    """Nanoseconds since 1970. None for what is no instant."""
    found = _INSTANT.fullmatch(written)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    except ValueError:
        return None
    return round(moment.timestamp()) * _SECOND + int((found[2] or "").ljust(9, "0"))


def _written(at: int) -> str:
    moment = datetime.fromtimestamp(at // _SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % _SECOND:09d}Z"


def _clock(headers: Mapping[str, str]) -> list[int]:
    """Railway's own instant, by which a log without a line begins."""
    try:
        return [round(parsedate_to_datetime(headers["date"]).timestamp()) * _SECOND]
    except (KeyError, ValueError, OverflowError):
        return []


def _rest(headers: Mapping[str, str]) -> timedelta:
    said = headers.get("retry-after", "")
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0
    return min(timedelta(seconds=seconds), LONGEST_REST) if seconds else REST


def _spent(headers: Mapping[str, str]) -> timedelta | None:
    """How long to wait after an answer that was the last we may have for now."""
    return _rest(headers) if headers.get("x-ratelimit-remaining", "").strip() == "0" else None
