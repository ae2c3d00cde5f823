"""What a service writes, and which of it is trouble. Pure.

Lines become records: a record that is JSON is one line, a traceback is gathered into one with all its causes, and
whatever else stands by itself. Nothing of a line is kept but how often a pattern came, and one line of evidence in
which everything that looks like a secret is struck out.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tocsin.kit import redaction, text
from tocsin.plan.watching import Log, Pattern
from tocsin.signals.model import Arrival, State, Trigger
from tocsin.watch.outcomes import plain

SOURCE = "log"
MOST_TEXT = 4000  # letters of a record that patterns are looked for in
MOST_LINES = 200  # of one record
MOST_TIMES = 1000  # occurrences that are counted
MOST_ALIKE = 20  # signals of one pattern, told apart by what it captures
_EVIDENCE, _CAPTURED = 160, 60

_TRACEBACK = "Traceback (most recent call last)"
_CAUSES = ("During handling of the above exception", "The above exception was the direct cause")
_TEXTS, _LEVELS = ("event", "message", "msg", "body"), ("level", "severity", "levelname")
_SECRET = re.compile(
    r"(?i)(?P<key>\b(?:authorization|api[_-]?key|token|secret|password|passwd|pwd|cookie|session[_-]?id)\b"
    r"[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|basic\s+)?)[^\s\"',;&}]+"
    r"|\bbearer\s+[\w.~+/=-]+"
    r"|\b(?:sk|pk|gsk|xox[abp]|gh[pousr]|glpat)[_-][\w-]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|\b(?=[\w+/-]*\d)(?=[\w+/-]*[A-Za-z])[\w+/-]{32,}={0,2}"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
)


@dataclass(frozen=True)
class Heard:
    """How often a pattern came lately, with the same captures; whether that is trouble by now, and one line of it."""

    times: tuple[datetime, ...] = ()
    fires: bool = False
    said: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tail:
    """How far a log was read: up to a place in the file with this mark. None: it was never read."""

    place: int | None = None
    mark: str = ""
    waits: int = 0  # bytes after the last whole record, or lines at Railway, which are given one more look
    rests_until: datetime | None = None  # until then we were asked not to ask
    heard: dict[str, Heard] = field(default_factory=dict)


# --- From lines to records --------------------------------------------------------------------------------------------


def records(lines: Iterable[str]) -> list[str]:
    """Each record as the text in which patterns are looked for."""
    return [_text(one) for one in _gathered(lines)]


def whole(body: bytes, *, ends: bool) -> int:
    """How many bytes of what was read are whole records. An open traceback at the end may go on, unless it `ends`."""
    last = body.rfind(b"\n") + 1
    if ends or not last:
        return len(body) if ends else last
    lines = body[:last].decode("utf-8", "replace").splitlines()
    *_, open_one = [*_gathered(lines)] or [[]]
    if not _is_open(open_one):
        return last
    begins = body[:last].rfind(open_one[0].encode()[:200])
    return begins if begins >= 0 else last


def _gathered(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines that belong together: what is indented goes with what stands before it, and a traceback with its causes."""
    current: list[str] = []
    for line in lines:
        if current and (_goes_with(current, line)):
            if len(current) < MOST_LINES:
                current.append(line)
            continue
        if current:
            yield current
        current = [line] if line.strip() else []
    if current:
        yield current


def _goes_with(current: Sequence[str], line: str) -> bool:
    if not line.strip():
        return _is_traceback(current)
    if line[0] in " \t|":
        return not current[0].startswith("{")
    if not _is_traceback(current):
        return line.startswith(_TRACEBACK) and not current[0].startswith("{")
    return _is_open(current) or line.startswith(_CAUSES) or (line.startswith(_TRACEBACK) and _has_cause(current))


def _is_traceback(lines: Sequence[str]) -> bool:
    return any(line.startswith(_TRACEBACK) for line in lines)


def _is_open(lines: Sequence[str]) -> bool:
    """Whether the line that names the exception is still to come."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return bool(last) and _is_traceback(lines) and (last[0] in " \t" or last.startswith(_TRACEBACK))


def _has_cause(lines: Sequence[str]) -> bool:
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.startswith(_CAUSES)


def _text(lines: Sequence[str]) -> str:
    if lines[0].startswith("{"):
        try:
            found = json.loads(lines[0])
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return of_fields(found)
    return text.clip("\n".join(lines), MOST_TEXT)


def of_fields(found: Mapping[str, Any]) -> str:
    """A structured record as text: its level, what it says, its other fields as `key=value`, and its traceback."""
    said = " ".join(str(found[key]) for key in (*_LEVELS, *_TEXTS) if isinstance(found.get(key), str))
    rest = (f"{key}={one}" for key, one in found.items() if _is_plain(key, one))
    traces = (str(found[key]) for key in ("exception", "exception.stacktrace", "stacktrace") if found.get(key))
    return text.clip("\n".join([" ".join([said, *rest]), *traces]), MOST_TEXT)


def _is_plain(key: str, value: Any) -> bool:
    told = (*_LEVELS, *_TEXTS, "exception", "exception.stacktrace", "stacktrace")
    return key not in told and isinstance(value, str | int | float | bool)


# --- From records to signals ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """A pattern has become trouble, or is over. `together` is all that the pattern captured and that fires now."""

    pattern: str
    key: str
    heard: Heard
    together: tuple[str, ...] = ()


def listen(log: Log, tail: Tail, found: Sequence[str], now: datetime) -> tuple[Tail, list[Turn]]:
    """Count what came, and say what has become trouble and what is over by now."""
    before, after = tail.heard, dict(tail.heard)
    for record in found:
        for name, pattern in log.patterns.items():
            _count(after, name, pattern, record, now)
    for key, one in list(after.items()):
        after[key] = _judged(log, key, one, now)
    turns = [
        Turn(_pattern_of(key), key, one, _together(after, _pattern_of(key)))
        for key, one in after.items()
        if one.fires != _fired(before, key)
    ]
    kept = {key: one for key, one in after.items() if one.times or one.fires}
    return replace(tail, heard=kept), turns


def _together(heard: Mapping[str, Heard], pattern: str) -> tuple[str, ...]:
    firing = (key for key, one in heard.items() if one.fires and _pattern_of(key) == pattern)
    return tuple(sorted(key.partition("/")[2] for key in firing))


def concerns(log: Log, record: str) -> bool:
    """Whether any pattern begins or ends with this."""
    wanted = (one for pattern in log.patterns.values() for one in (pattern.match, pattern.until) if one is not None)
    return any(re.search(one, record) for one in wanted)


def _fired(heard: Mapping[str, Heard], key: str) -> bool:
    return key in heard and heard[key].fires


def _pattern_of(key: str) -> str:
    return key.partition("/")[0]


def _count(heard: dict[str, Heard], name: str, pattern: Pattern, record: str, now: datetime) -> None:
    ended = re.search(pattern.until, record) if pattern.until is not None else None
    if ended is not None:
        captured = _captured(ended)
        for key, one in heard.items():
            if _pattern_of(key) == name and captured.items() <= one.labels.items():
                heard[key] = replace(one, times=())
        return
    found = re.search(pattern.match, record)
    if found is None:
        return
    labels = _captured(found)
    key = "/".join([name, *labels.values()])
    alike = sum(_pattern_of(one) == name for one in heard)
    if key in heard or alike < MOST_ALIKE:
        known = heard.get(key, Heard())
        times = (*known.times, now)[-MOST_TIMES:]
        heard[key] = Heard(times, known.fires, evidence(record, found), labels)


def _captured(found: re.Match[str]) -> dict[str, str]:
    named = {name: one for name, one in found.groupdict().items() if one}
    return {name: plain(redacted(one), _CAPTURED).replace("/", "-") for name, one in sorted(named.items())}


def _judged(log: Log, key: str, one: Heard, now: datetime) -> Heard:
    pattern = log.patterns.get(_pattern_of(key))
    if pattern is None:  # the plan no longer asks for it
        return replace(one, times=(), fires=False)
    times = tuple(at for at in one.times if at > now - pattern.within)
    return replace(one, times=times, fires=bool(times) if one.fires else len(times) >= pattern.least)


def evidence(record: str, found: re.Match[str]) -> str:
    """The line that matched, with its secrets struck out, cut around what matched."""
    begins = record.rfind("\n", 0, found.start()) + 1
    ends = record.find("\n", found.end())
    line = record[begins : ends if ends >= 0 else len(record)]
    at = max(0, found.start() - begins - _EVIDENCE // 2)
    # Struck out before it is cut: half a secret is not known for one any more.
    return plain(redacted(line)[at:] if len(line) > _EVIDENCE else redacted(line), _EVIDENCE)


def redacted(line: str) -> str:
    return _SECRET.sub(lambda found: f"{found['key'] or ''}{redaction.MARK}", line)


def key(log_name: str, heard: str) -> str:
    """The key of the signal of what was heard, which is known by its pattern and what that captured."""
    return f"{SOURCE}:{log_name}/{heard}"


def arrival(log_name: str, service_id: str, service: str, log: Log, turn: Turn, now: datetime) -> Arrival:
    pattern, one = log.patterns.get(turn.pattern), turn.heard
    title = pattern.title if pattern and pattern.title else f"{service}: {turn.pattern.replace('_', ' ')}"
    captured = ", ".join(one.labels.values())
    together = {"together": ",".join(turn.together)} if len(turn.together) > 1 else {}
    labels = {**together, **one.labels, **(pattern.labels if pattern else {})}
    return Arrival(
        source=SOURCE,
        key=key(log_name, turn.key),
        state=State.FIRING if one.fires else State.RESOLVED,
        title=text.clip(f"{title} ({captured})" if captured else title, _EVIDENCE),
        trigger=Trigger.MONITORING_ALERT,
        labels={**labels, "log": log_name, "pattern": turn.pattern, "service": service_id},
        details={"reason": one.said, "count": len(one.times)},
        started_at=one.times[0] if one.fires and one.times else None,
    )
