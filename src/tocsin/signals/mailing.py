"""A mail that some monitor sent, read as a signal. Pure.

Whatever the bytes are, they are read as far as can be: nobody sends a mail a second time.
"""

import base64
import email
import email.policy
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from tocsin.kit import text as words
from tocsin.kit.errors import Invalid
from tocsin.signals import formats, subjects
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders import sent

SOURCE = "mail"
MOST = 1_000_000  # bytes that are looked at; what follows is attachments
TEXT_MOST = 16_000  # characters of the text that are kept
HEADER_MOST = 4_000
PAGE_MOST = 200_000  # characters of HTML
HEADERS_MOST = 500
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")  # of an address, before whose @ at most 64 letters stand
TO = ("delivered-to", "x-original-to", "to", "cc")
_ADDRESS = re.compile(r"\+in-([a-z][a-z0-9-]{0,19})-([a-z2-7]{24})@", re.IGNORECASE)
_FLAWED = (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


class BadName(Invalid):
    """The name of a source of mail is up to 20 small letters, digits and dashes, and begins with a letter."""


@dataclass(frozen=True)
class Mail:
    """A mail, as far as it can be read. `headers` are decoded, named in small letters, and in their order."""

    headers: tuple[tuple[str, str], ...]
    text: str
    warnings: tuple[str, ...] = ()

    def all(self, name: str) -> Iterator[str]:
        return (value for own, value in self.headers if own == name)

    def first(self, name: str) -> str:
        return next(self.all(name), "").strip()


# ---- Addresses ----


def secret(signing_key: bytes, name: str, turn: int = 0) -> str:
    """The secret of an address. It follows from the installation's key, and is stored nowhere; `turn` is how often it
    was replaced by another."""
    digest = hmac.new(signing_key, f"mail:{name}#{turn}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:15]).decode().lower()


def address(reply_to: str, name: str, secret: str) -> str:
    local, _, domain = reply_to.rpartition("@")
    return f"{local}+in-{name}-{secret}@{domain}"


def addressed(mail: Mail) -> tuple[str, str] | None:
    """The name and the secret of the source at whose address the mail arrived; None if it went to no such address."""
    for header in TO:
        for value in mail.all(header):
            if found := _ADDRESS.search(value):
                return found[1].lower(), found[2].lower()
    return None


# ---- Reading ----


def parse(body: bytes) -> Mail:
    """The mail; what can't be read of it is missing, with a warning."""
    headers = tuple(_headers(body))
    try:
        text = _text(email.message_from_bytes(body, policy=email.policy.default))
    except _FLAWED:
        return Mail(headers, "", ("text: it could not be read",))
    return Mail(headers, text)


def _headers(body: bytes) -> Iterator[tuple[str, str]]:
    """The headers alone, which can be read whatever follows them."""
    found = BytesParser(policy=email.policy.compat32).parsebytes(body, headersonly=True)
    for name, value in list(found.raw_items())[:HEADERS_MOST]:
        yield name.lower(), formats.storable(_decoded(str(value)[:HEADER_MOST]))


def _decoded(value: str) -> str:
    value = " ".join(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())
    try:
        return str(make_header(decode_header(value)))
    except _FLAWED:
        return value


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = _content(body)
    text = _without_tags(text) if body.get_content_subtype() == "html" else text
    lines = (line.rstrip() for line in formats.storable(text).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _content(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a charset that nobody knows
        given = part.get_payload(decode=True)
        return given.decode("utf-8", "replace") if isinstance(given, bytes) else ""


class _Text(HTMLParser):
    """What a person would read of a page."""

    HIDDEN = frozenset({"script", "style", "title", "template"})
    BREAKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "pre", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.HIDDEN and not self._hidden:
            self._hidden = tag
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(" ".join(data.split()) if data.strip() else " ")

    def _break(self, tag: str) -> None:
        self.pieces.append("\n" if tag in self.BREAKS else " ")


def _without_tags(page: str) -> str:
    reader = _Text()
    reader.feed(page[:PAGE_MOST])
    reader.close()
    text = re.sub(r"[ \t]+", " ", "".join(reader.pieces))
    return re.sub(r" ?\n[ \n]*", "\n", text)


# ---- Judging ----


def left_alone(mail: Mail) -> str | None:
    """Why this mail is no signal, whoever sent it; None if it may be one."""
    submitted = mail.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no", "auto-generated"):
        return "It is an automatic answer"
    if mail.first("return-path") == "<>" or mail.first("content-type").lower().startswith("multipart/report"):
        return "It is a report about another mail"
    if any(mail.first(name) for name in ("x-autoreply", "x-autorespond")):
        return "It is an automatic answer"
    if subjects.read(mail.first("subject")).state is None:
        return "It says nothing about trouble"
    return None


def arrival(name: str, mail: Mail) -> Arrival:
    """The signal. The problem and the recovery of one alarm have the same key."""
    warnings = list(mail.warnings)
    title = mail.first("subject")
    subject = subjects.read(title)
    state = subject.state or State.FIRING
    sender = parseaddr(mail.first("from"))[1] or mail.first("from")
    if len(mail.text) > TEXT_MOST:
        warnings.append(f"text: cut to {TEXT_MOST} characters")
    return sent.arrival(
        SOURCE,
        key=f"{name}/{subject.topic.casefold() or 'no subject'}",
        title=title or f"A mail from {words.clip(sender, 200) or name}, without a subject",
        state=state,
        severity=subject.severity,
        labels={"sender": name, "from": sender},
        details={"text": words.clip(mail.text, TEXT_MOST), "message_id": mail.first("message-id")},
        started_at=_sent_at(mail) if state is State.FIRING else None,
        warnings=warnings,
    )


def _sent_at(mail: Mail) -> datetime | None:
    try:
        return formats.in_utc(parsedate_to_datetime(mail.first("date")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
