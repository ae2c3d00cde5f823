"""What applications send with Sentry's own libraries: envelopes, and the errors in them as signals. Pure.

The format is documented at https://develop.sentry.dev/sdk/data-model/envelopes/ and …/event-payloads/.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tocsin.kit.text import clip
from tocsin.signals import formats
from tocsin.signals.model import Arrival
from tocsin.signals.senders.sent import arrival, epoch, part, text

SOURCE = "sentry-sdk"
ITEMS_MOST = 100  # that one envelope is looked through for
_QUIET = frozenset({"debug", "info", "log"})  # levels that are no trouble
_DEFAULT = "{{ default }}"  # in a fingerprint: what would be taken without one
_FRAMES_SHOWN = 8
_ADVICE = "send the envelope of a library of Sentry's"
_object = msgspec.json.Decoder(dict[str, Any])


def read(project: str, body: bytes) -> list[Arrival]:
    """The errors of one envelope, as signals. What else it carries (traces, sessions, logs) says nothing here."""
    return [_event(project, one) for one in _events(body) if text(one.get("level")).lower() not in _QUIET]


def event_id(body: bytes) -> str:
    """By what the library knows the envelope; empty if it does not say."""
    return clip(text(_head(body).get("event_id")), 64)


def project(body: bytes) -> str:
    """The project as the envelope itself names it; empty if it does not say."""
    number = text(_head(body).get("dsn")).rpartition("/")[2]
    return number if number.isascii() and number.isdecimal() else ""


def _head(body: bytes) -> dict[str, Any]:
    try:
        return _object.decode(body.partition(b"\n")[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    _, _, rest = body.partition(b"\n")
    _said(body.partition(b"\n")[0], "the first line")
    for _ in range(ITEMS_MOST):
        if not rest.strip():
            return
        line, _, rest = rest.partition(b"\n")
        header = _said(line, "the head of an item")
        length = header.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            if length > len(rest):
                raise formats.Unreadable([f"$: an item of {length} bytes is cut off; {_ADVICE}"])
            payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
        else:
            payload, _, rest = rest.partition(b"\n")
        if header.get("type") == "event":
            yield _said(payload, "an event")


def _said(line: bytes, what: str) -> dict[str, Any]:
    try:
        return formats.decoded(_object, line)[0]
    except (formats.Unreadable, msgspec.ValidationError) as why:
        raise formats.Unreadable([f"$: {what} is no JSON object; {_ADVICE}"]) from why


def _event(project: str, event: dict[str, Any]) -> Arrival:
    warnings: list[str] = []
    error = _last(event.get("exception"))
    kind, value = text(error.get("type")), text(error.get("value"))
    spoken = _message(event)
    culprit = _culprit(error) or text(event.get("transaction"))
    title = f"{kind}: {value}" if kind and value else kind or value or spoken or "an error without a word"
    unhandled = part(error, "mechanism").get("handled") is False
    labels = {
        **_tags(event.get("tags")),
        "project": project,
        "environment": event.get("environment"),
        "release": event.get("release"),
        "server": event.get("server_name"),
        "transaction": event.get("transaction"),
        "logger": event.get("logger"),
        "error": kind,
        "handled": "no" if unhandled else "yes" if kind else "",
    }
    return arrival(
        SOURCE,
        key=f"{project}/{_fingerprint(event, [kind or spoken, culprit])}",
        title=title.partition("\n")[0],
        severity=text(event.get("level")).lower() or "error",
        labels={name: text(said) for name, said in labels.items()},
        details={"message": spoken, "in": culprit, "event": text(event.get("event_id")), "stack": _stack(error)},
        started_at=formats.instant(event.get("timestamp")) or epoch(event.get("timestamp")),
        warnings=warnings,
    )


def _last(held: object) -> dict[str, Any]:
    """The error itself: of several that caused each other, the last."""
    values = part(held).get("values") if isinstance(held, dict) else held
    found = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    return found[-1] if found else {}


def _message(event: Mapping[str, Any]) -> str:
    entry = event.get("logentry")
    said = part(entry) if isinstance(entry, dict) else {}
    return text(said.get("formatted")) or text(said.get("message")) or text(event.get("message"))


def _fingerprint(event: Mapping[str, Any], usual: list[str]) -> str:
    """By what an error is known again: as the application says, or by its kind and where it happened."""
    entry = part(event.get("logentry")) if isinstance(event.get("logentry"), dict) else {}
    usual = usual if any(usual) else [text(entry.get("message"))]
    given = event.get("fingerprint")
    words = [text(one) for one in given] if isinstance(given, list) else []
    parts = [more for one in words or [_DEFAULT] for more in (usual if one == _DEFAULT else [one])]
    return "/".join(filter(None, parts)) or "an error without a word"


def _frames(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The frames of its stack, the innermost last; where the library knows the application's own, only those."""
    frames = part(error.get("stacktrace")).get("frames") if isinstance(error.get("stacktrace"), dict) else None
    found = [one for one in frames if isinstance(one, dict)] if isinstance(frames, list) else []
    return [one for one in found if one.get("in_app") is True] or found


def _culprit(error: Mapping[str, Any]) -> str:
    frames = _frames(error)
    if not frames:
        return ""
    where, function = (
        text(frames[-1].get("module")) or text(frames[-1].get("filename")),
        text(frames[-1].get("function")),
    )
    return f"{where} in {function}" if where and function else where or function


def _stack(error: Mapping[str, Any]) -> list[str]:
    return [
        f"{text(one.get('filename'))}:{text(one.get('lineno'))} {text(one.get('function'))}".strip()
        for one in _frames(error)[-_FRAMES_SHOWN:]
    ]


def _tags(tags: object) -> dict[str, str]:
    """Tags are an object, or a list of pairs."""
    if isinstance(tags, dict):
        return {text(name): text(said) for name, said in tags.items() if text(name)}
    pairs = [one for one in tags if isinstance(one, list) and len(one) == 2] if isinstance(tags, list) else []
    return {text(name): text(said) for name, said in pairs if text(name)}
