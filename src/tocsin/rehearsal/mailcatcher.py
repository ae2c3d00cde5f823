"""A strict mail server on loopback that keeps what it is sent, so that a rehearsal's mails can be read.

A message that a real server might refuse, or that readers could not thread, is refused here with the reason.
"""

import asyncio
import email
import email.policy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import nh3
from aiosmtpd.smtp import SMTP, Envelope, Session

from tocsin.kit.clock import Clock
from tocsin.kit.errors import NotFound
from tocsin.rehearsal.listener import bind, listen

MOST_BYTES = 1024 * 1024
MOST_MAILS = 500
MOST_BYTES_KEPT = 64 * 1024 * 1024
REQUIRED = ("From", "Date", "Message-ID")
# What the standard library raises, besides ValueError, on headers and parts made to trip it.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class NoSuchMail(NotFound):
    """There is no such mail; only the newest 500 are kept."""


@dataclass(frozen=True)
class Mail:
    """One received message. `times` is 2 or more when its Message-ID had come before: it was delivered again."""

    id: int
    received_at: datetime
    times: int
    sender: str
    recipients: tuple[str, ...]
    from_: str
    subject: str
    message_id: str
    headers: dict[str, str]
    text: str
    html: str
    raw: bytes


class Mailbox:
    """The newest mails, within a number and a size, whatever arrives."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque()
        self._bytes = 0
        self.received = 0

    def newest_first(self) -> list[Mail]:
        return list(reversed(self._mails))

    def find(self, mail_id: int) -> Mail:
        for mail in self._mails:
            if mail.id == mail_id:
                return mail
        raise NoSuchMail

    def keep(self, message: EmailMessage, envelope: Envelope, raw: bytes, at: datetime) -> Mail:
        """Keep a message that has no faults, and let the oldest go where there is no room."""
        self.received += 1
        message_id = str(message["Message-ID"]).strip()
        times = 1 + max((mail.times for mail in self._mails if mail.message_id == message_id), default=0)
        mail = _read(message, envelope, raw, at, number=self.received, message_id=message_id, times=times)
        self._mails.append(mail)
        self._bytes += len(raw)
        while len(self._mails) > MOST_MAILS or self._bytes > MOST_BYTES_KEPT:
            self._bytes -= len(self._mails.popleft().raw)
        return mail


def _read(
    message: EmailMessage, envelope: Envelope, raw: bytes, at: datetime, *, number: int, message_id: str, times: int
) -> Mail:
    html = _body(message, "html")
    return Mail(
        id=number,
        received_at=at,
        times=times,
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        from_=str(message["From"]),
        subject=str(message["Subject"] or ""),
        message_id=message_id,
        headers=_headers(message),
        text=_body(message, "plain") or nh3.clean(html, tags=set()),
        html=html,
        raw=raw,
    )


def _headers(message: EmailMessage) -> dict[str, str]:
    """Every header by name; a header that stands more than once has one line for each."""
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    return headers


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        text = raw.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        text = raw.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n")


def faults(message: EmailMessage, raw: bytes, *, smtputf8: bool) -> Iterator[str]:
    """Every reason to refuse a message, in words for whoever sent it."""
    for name in REQUIRED:
        found = len(message.get_all(name, []))
        if found != 1:
            yield f"no {name} header" if not found else f"{found} {name} headers"
    if "From" in message and not message["From"].addresses:
        yield "From names no address"
    if "Date" in message and not _is_date(str(message["Date"])):
        yield "Date cannot be read"
    if "Message-ID" in message and not _is_message_id(str(message["Message-ID"]).strip()):
        yield "Message-ID is not written like <left@right>"
    if not smtputf8 and not raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].isascii():
        yield "a header is not ASCII, and SMTPUTF8 was not asked for"


def _is_date(value: str) -> bool:
    try:
        parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return False
    return True


def _is_message_id(value: str) -> bool:
    left, at, right = value[1:-1].partition("@")
    return value[:1] == "<" and value[-1:] == ">" and bool(left and at and right) and not set(value) & set(" \t\r\n")


class _Conversation(SMTP):
    """One client's session, known to its server so that it can be ended."""

    def __init__(self, catcher: "MailCatcher") -> None:
        super().__init__(
            catcher,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Tocsin rehearsal",
            timeout=60,
            loop=asyncio.get_running_loop(),
        )
        self._catcher = catcher

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._catcher.conversations.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._catcher.conversations.discard(self)

    def hang_up(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class MailCatcher:
    """The server: it refuses what is malformed with 550 and keeps the rest in its mailbox."""

    def __init__(self, host: str, port: int, setting: str, clock: Clock) -> None:
        self._bound = bind(host, port, setting)
        self._setting, self._clock = setting, clock
        self._server: asyncio.Server | None = None
        self.host, self.port = host, int(self._bound.getsockname()[1])
        self.mailbox = Mailbox()
        self.conversations: set[_Conversation] = set()

    async def open(self) -> None:
        listen(self._bound, self._setting)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Conversation(self), sock=self._bound)

    async def close(self) -> None:
        """Stop listening and end every conversation, even one in which the client has fallen silent."""
        (self._server or self._bound).close()
        while self.conversations:
            for conversation in list(self.conversations):
                conversation.hang_up()
            await asyncio.sleep(0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer the end of a message: keep it, or refuse it with the reasons."""
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            message = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
            found = list(faults(message, raw, smtputf8=envelope.smtp_utf8))
            if not found:
                mail = self.mailbox.keep(message, envelope, raw, self._clock.now())
        except UNREADABLE:
            found = ["the message cannot be read"]
        return f"550 5.6.0 Refused: {'; '.join(found)}" if found else f"250 2.0.0 Kept as mail {mail.id}"
