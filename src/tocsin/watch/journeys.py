"""Walking the way of a user: which requests follow each other, and what their answers mean. Pure.

The walk asks, and is told what came; whoever drives it touches the network. What is captured on the way is passed on
and never told: a session's id opens a session.
"""

import base64
import binascii
import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tocsin.kit import redaction
from tocsin.plan import selectors
from tocsin.plan.watching import Journey, Leg
from tocsin.watch import answers, logs, outcomes
from tocsin.watch.outcomes import NOT_ANSWERING, Expectation, Kind, Outcome, Reading, plain

FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_EVIDENCE = 160
_BOUNDARY = "tocsin-7f3a91c05be24d68"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    content_type: str = ""
    body: bytes = b""


Walk = Generator[Request, Reading, Outcome]


def walk(journey: Journey) -> Walk:
    """Ask for one thing after the other, and return what the whole way means. The first bad answer ends it."""
    captured: dict[str, str] = {}
    took = timedelta(0)
    for leg in journey.legs:
        reading = yield request(leg, captured)
        took += reading.took
        trouble = _trouble(journey, leg, reading, captured)
        if trouble is not None:
            return replace(trouble, latency=took)
        try:
            captured |= {name: _at(reading.body, keys) for name, keys in leg.captures.items()}
        except LookupError as why:
            return _outcome(leg, reading, took, Kind.WRONG_BODY, f"{reading.status} without {why.args[0]}")
    steps = "the one step" if len(journey.legs) == 1 else f"all {len(journey.legs)} steps"
    said = f"{steps} went well in {outcomes.seconds(took)}"
    if journey.slow_after is not None and took > journey.slow_after:
        said = f"{said}; more than {outcomes.seconds(journey.slow_after)} is slow"
        return Outcome(kind=Kind.SLOW, latency=took, reason=said, path="")
    return Outcome(kind=Kind.HEALTHY, latency=took, reason=said, path="")


def request(leg: Leg, captured: Mapping[str, str]) -> Request:
    form = {name: _filled(value, captured) for name, value in leg.form.items()}
    path = _filled(leg.path, captured)
    if not form and not leg.files:
        return Request(leg.method, path)
    parts = [_part(f'name="{name}"', value.encode()) for name, value in form.items()]
    for name, file in leg.files.items():
        about = f'name="{name}"; filename="{file.name}"\r\ncontent-type: {file.type}'
        parts.append(_part(about, content(file.base64)))
    body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    return Request(leg.method, path, f"multipart/form-data; boundary={_BOUNDARY}", body)


def content(written: str) -> bytes:
    """The bytes of a file that stands in a plan. Raises ValueError."""
    try:
        return base64.b64decode("".join(written.split()), validate=True)
    except binascii.Error:
        raise ValueError("this is not base64") from None


def _part(about: str, value: bytes) -> bytes:
    return f"--{_BOUNDARY}\r\ncontent-disposition: form-data; {about}\r\n\r\n".encode() + value + b"\r\n"


def _filled(written: str, captured: Mapping[str, str]) -> str:
    return FIELD.sub(lambda found: captured.get(found[1], found[0]), written)


def _trouble(journey: Journey, leg: Leg, reading: Reading, captured: Mapping[str, str]) -> Outcome | None:
    if reading.failure is not None or reading.status is None or reading.status == 429:
        judged = outcomes.judge(reading, Expectation(timeout=journey.timeout))
        return replace(judged, reason=f"{leg.name}: {judged.reason}", path=leg.path, measured={"step": leg.name})
    good = reading.status in leg.expect
    if good and (leg.says is None or re.search(leg.says, reading.body.decode("utf-8", "replace"))):
        misfit = answers.misfit(leg.schema, reading.body) if leg.schema else ""
        said = f"{reading.status}, but {_hidden(misfit, captured)}"
        return _outcome(leg, reading, reading.took, Kind.WRONG_BODY, said) if misfit else None
    wrong = f"{reading.status}" if not good else f"{reading.status} without what it should say"
    shown = _hidden(reading.body.decode("utf-8", "replace"), captured)
    return _outcome(leg, reading, reading.took, Kind.FAILED if not good else Kind.WRONG_BODY, f"{wrong}: {shown}")


def _hidden(said: str, captured: Mapping[str, str]) -> str:
    for value in captured.values():
        said = said.replace(value, redaction.MARK) if value else said
    return plain(logs.redacted(said), _EVIDENCE)


def _outcome(leg: Leg, reading: Reading, took: timedelta, kind: Kind, said: str) -> Outcome:
    measured = {"step": leg.name}
    error = _error(reading.body)
    if error:
        measured["error"] = error
    reason = plain(f"{leg.name}: {said}", 2 * _EVIDENCE)
    return Outcome(kind=kind, latency=took, reason=reason, path=leg.path, measured=measured)


def _error(body: bytes) -> str:
    """The word by which many services name what went wrong."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    said = found.get("error") if isinstance(found, dict) else None
    return plain(logs.redacted(said), 80) if isinstance(said, str) else ""


def _at(body: bytes, keys: str) -> str:
    """What stands under these keys. Raises LookupError with the keys."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise LookupError(keys) from None
    for key in selectors.keys(keys):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise LookupError(keys)
    return str(found)


def is_bad(outcome: Outcome) -> bool:
    """Whether it is worth a second look at once, before it is believed."""
    return outcome.kind in NOT_ANSWERING or outcome.kind in (Kind.FAILED, Kind.WRONG_BODY)
