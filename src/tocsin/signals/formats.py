"""From bytes to arrivals: what every format shares, and the JSON that is our own.

Nothing here waits, writes or reads a clock. Whatever the bytes are, a format answers with arrivals or raises
`Unreadable`. Text that comes out of here can be stored: it holds no NUL and no half of a surrogate pair.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from tocsin.kit import text as words
from tocsin.kit.errors import Invalid
from tocsin.signals.model import Arrival, State, Trigger

SIGNALS_MOST = 1000
KEY_MOST = 255
TEXT_MOST = 1024
LINK_MOST = 2048
LABELS_MOST = 64
DETAILS_MOST = 64 * 1024
DEPTH_MOST = 32
PROBLEMS_MOST = 100

T = TypeVar("T")


class Unreadable(Invalid):
    """The body cannot be read as signals. Each of `problems` names its place and says what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class NotJson(Unreadable):
    """The body is not JSON, or not of the outermost kind that the format has."""


# Reading: clean JSON is decoded once, in C; a body with flaws takes the slow road and is mended first.

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NUL = b"\\u0000"


def decoded(decoder: "msgspec.json.Decoder[T]", body: bytes) -> tuple[T, tuple[str, ...]]:
    """The message, and a warning if it had to be mended.

    Raises `NotJson`, or `msgspec.ValidationError` if the JSON is sound but not what the decoder reads.
    """
    try:
        if _ESCAPED_NUL not in body:
            return decoder.decode(body), ()
    except RecursionError as error:
        raise NotJson(["$: the JSON is nested too deeply; send it flatter"]) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # a lone surrogate, broken UTF-8, NaN or a byte-order mark must not cost anybody a page
    mended, warnings = _mended(body)
    return decoder.decode(mended), warnings


def flawless(decoder: "msgspec.json.Decoder[T]", body: bytes, answer: Callable[[T], int]) -> int | None:
    """The answer about a message that can be kept and decoded again as it is; None about any other."""
    if _ESCAPED_NUL in body:
        return None
    try:
        body.decode()
        return answer(decoder.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _mended(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The same JSON without what databases refuse, and a warning if anything was lost."""
    try:
        text = body.decode("utf-8-sig", errors="replace")
        sent = json.loads(text, strict=False)
        clean = _scrubbed(sent)
        lost = clean != sent or not body.endswith(text.encode())
        again = json.dumps(clean).encode()
    except RecursionError as error:
        raise NotJson(["$: the JSON is nested too deeply; send it flatter"]) from error
    except ValueError as error:
        raise NotJson([f"$: this is not JSON ({error}); send JSON in UTF-8"]) from error
    return again, ("$: characters or numbers that cannot be stored were replaced",) if lost else ()


def _scrubbed(value: Any) -> Any:
    match value:
        case str():
            return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {_scrubbed(name): _scrubbed(item) for name, item in value.items()}
        case list():
            return [_scrubbed(item) for item in value]
        case _:
            return value


def storable(text: str) -> str:
    """Text from outside the body, such as a piece of the address, without what databases refuse."""
    return str(_scrubbed(text))


# Fitting: what is too long or too much is cut, with a warning; the signal itself is never lost for it.


def shown(value: object) -> str:
    """A sent value as JSON, short enough to stand in a sentence; of what can nest, only its kind."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return words.clip(msgspec.json.encode(value).decode(), 60)


def as_text(value: object) -> str | None:
    """Text, a number or a truth value as text; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def fitted_title(title: str, warnings: list[str]) -> str:
    """The title in one line, since it becomes the subject of mails and a row of tables."""
    title = " ".join(title.split())
    if len(title) > TEXT_MOST:
        warnings.append(f"title: cut to {TEXT_MOST} characters")
    return words.clip(title, TEXT_MOST)


def fitted_key(key: str, warnings: list[str]) -> str:
    """The key, or a shorter name that is the same each time this key is sent."""
    if len(key) <= KEY_MOST:
        return key
    warnings.append(f"key: longer than {KEY_MOST} characters; its end was replaced by its hash")
    digest = hashlib.sha256(key.encode()).hexdigest()
    return words.clip(key, KEY_MOST - len(digest)) + digest


def derived_key(title: str, labels: Mapping[str, str]) -> str:
    """A key from what stays the same about a signal: 32 hexadecimal characters of a SHA-256."""
    return hashlib.sha256(msgspec.json.encode((title, sorted(labels.items())))).hexdigest()[:32]


def fitted_labels(sent: Mapping[str, Any], warnings: list[str]) -> dict[str, str]:
    """Labels as text, in the order sent; what routing rules match."""
    kept: dict[str, str] = {}
    for name, value in islice(sent.items(), LABELS_MOST):
        if type(value) is str and len(value) <= TEXT_MOST and len(name) <= KEY_MOST:
            kept[name] = value
            continue
        text = as_text(value)
        if text is None:
            warnings.append(f"labels.{words.clip(name, 60)}: left out; {shown(value)} is not text")
            continue
        if len(text) > TEXT_MOST or len(name) > KEY_MOST:
            warnings.append(f"labels.{words.clip(name, 60)}: cut to {TEXT_MOST} characters, its name to {KEY_MOST}")
        kept[words.clip(name, KEY_MOST)] = words.clip(text, TEXT_MOST)
    if len(sent) > LABELS_MOST:
        warnings.append(f"labels: the first {LABELS_MOST} of {len(sent)} were kept")
    return kept


def fitted_details(sent: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """The details as they came, or a note in their place if they are too large or too deep."""
    if not sent:
        return sent
    encoded = msgspec.json.encode(sent)
    # What opens few brackets is not deep: most details need not be climbed through.
    if encoded.count(b"{") + encoded.count(b"[") > DEPTH_MOST and _deeper_than(sent, DEPTH_MOST):
        fault = f"they are nested deeper than {DEPTH_MOST} levels"
    elif len(encoded) > DETAILS_MOST:
        fault = f"{len(encoded)} bytes are more than the {DETAILS_MOST} that are kept"
    else:
        return sent
    warnings.append(f"details: left out; {fault}")
    return {"note": f"The details were left out: {fault}."}


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in inner)


_WEB = r"^(?i:https?)://\S+\Z"
_WEB_LINK = re.compile(_WEB)


def web_link(value: object) -> str | None:
    """The value if it is an http or https address: anything else could run script when a person follows it."""
    if isinstance(value, str) and len(value) <= LINK_MOST and _WEB_LINK.match(value):
        return value
    return None


def instant(value: object) -> datetime | None:
    """The instant in UTC, or None if the value is not one that somebody could have meant.

    Senders write year 1 for "none". A time without an offset is taken as UTC.
    """
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return in_utc(read) if read else None


def in_utc(moment: datetime) -> datetime | None:
    if not 1970 <= moment.year < 9999:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


# Our own JSON, for `POST /api/v1/signals`.


class _Signal(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(pattern=r"\S")]
    key: Annotated[str, Meta(pattern=r"\S", max_length=KEY_MOST)] | None = None
    state: State = State.FIRING
    severity: str | None = None
    labels: dict[str, str | bool | int | float] = {}
    details: dict[str, Any] = {}
    link: Annotated[str, Meta(pattern=_WEB, max_length=LINK_MOST)] | None = None
    started_at: Annotated[datetime, Meta(tz=True)] | None = None
    trigger: Trigger = Trigger.MONITORING_ALERT

    def __post_init__(self) -> None:
        if self.key is None and self.state is not State.FIRING:
            raise ValueError(_KEY_NEEDED)


_KEY_NEEDED = "a key is needed to say which signal this is; send the key that it fired with"
_TYPES = {field.name: field.type for field in msgspec.structs.fields(_Signal)}
_LABEL = str | bool | int | float
_ADVICE = {
    "title": "write a line of text that says what is wrong",
    "key": f"write text of up to {KEY_MOST} characters that is the same each time, or leave it out",
    "state": f"write {words.listed(State, 'or')}",
    "severity": "write it as text, or leave it out",
    "labels": 'write an object such as {"team": "payments"}',
    "details": "write an object, or leave it out",
    "link": f"write an http or https address of up to {LINK_MOST} characters, or leave it out",
    "started_at": "write it like 2026-11-24T03:34:19Z, or leave it out",
    "trigger": f"write {words.listed(Trigger, 'or')}",
}
_GENERIC: "msgspec.json.Decoder[list[_Signal] | _Signal]" = msgspec.json.Decoder(
    Annotated[list[_Signal], Meta(max_length=SIGNALS_MOST)] | _Signal
)
_ANYTHING: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


def generic(body: bytes) -> list[Arrival]:
    """Read one signal or an array of at most 1000; all are readable, or `Unreadable` lists what is wrong.

    A signal without a key is known by a hash of its title and its labels, whatever their order, so that sending
    it again finds the same signal. To acknowledge or resolve one, its key must be said.
    """
    try:
        sent, warnings = decoded(_GENERIC, body)
    except msgspec.ValidationError as error:
        raise Unreadable(_explained(body, error)) from error
    return [_arrival(signal, warnings) for signal in (sent if isinstance(sent, list) else [sent])]


def _arrival(signal: _Signal, mended: tuple[str, ...]) -> Arrival:
    warnings = list(mended)
    labels = fitted_labels(signal.labels, warnings)
    started_at = in_utc(signal.started_at) if signal.started_at else None
    if signal.started_at and not started_at:
        warnings.append(f"started_at: left out; nothing starts in the year {signal.started_at.year}")
    return Arrival(
        source="generic",
        key=derived_key(signal.title.strip(), labels) if signal.key is None else signal.key,
        state=signal.state,
        title=fitted_title(signal.title, warnings),
        trigger=signal.trigger,
        severity=words.clip((signal.severity or "").strip(), TEXT_MOST) or None,
        labels=labels,
        details=fitted_details(signal.details, warnings),
        link=signal.link,
        started_at=started_at,
        warnings=tuple(warnings),
    )


# The decoder stops at its first mistake and cannot say which label; only then are the mistakes looked for one by one.


def _explained(body: bytes, error: msgspec.ValidationError) -> list[str]:
    sent, _ = decoded(_ANYTHING, body)
    return list(islice(_mistakes(sent), PROBLEMS_MOST)) or [f"$: {error}"]


def _mistakes(sent: Any) -> Iterator[str]:
    if not isinstance(sent, list):
        yield from _signal_mistakes(sent, "$")
        return
    if len(sent) > SIGNALS_MOST:
        yield f"$: {len(sent)} signals are more than {SIGNALS_MOST}; send them in several requests"
    for position, item in enumerate(sent):
        yield from _signal_mistakes(item, f"$[{position}]")


def _signal_mistakes(sent: Any, place: str) -> Iterator[str]:
    if not isinstance(sent, dict):
        yield f'{place}: {shown(sent)} is not a signal; write an object such as {{"title": "checkout is down"}}'
        return
    for name, value in sent.items():
        yield from _field_mistakes(name, value, f"{place}.{words.clip(name, 60)}")
    if "title" not in sent:
        yield f"{place}.title: missing; {_ADVICE['title']}"
    if sent.get("key") is None and sent.get("state") in (State.ACKNOWLEDGED, State.RESOLVED):
        yield f"{place}.key: {_KEY_NEEDED}"


def _field_mistakes(name: str, value: Any, place: str) -> Iterator[str]:
    if name not in _TYPES:
        near = words.nearest(name[:60], _TYPES)
        yield f"{place}: unknown field; " + (f"did you mean {near}?" if near else "leave it out")
    elif name == "labels" and isinstance(value, dict):
        for label, item in value.items():
            if not _fits(item, _LABEL):
                yield f"{place}.{words.clip(label, 60)}: {shown(item)} will not do; write text, a number, true or false"
    elif not _fits(value, _TYPES[name]):
        yield f"{place}: {shown(value)} will not do; {_ADVICE[name]}"


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
