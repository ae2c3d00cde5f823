"""Many mails that say the same, over a few connections that stay open.

What they share is encoded once; where they differ, in a link, stands a mark of one letter. Making ten thousand mails
one by one would take longer than sending them.
"""

import asyncio
import binascii
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Self

import aiosmtplib

from tocsin.delivery import subjectline
from tocsin.delivery.channel import Dead, Delivered, Result, Retry
from tocsin.delivery.email import NOT_LET_IN, OURS, SmtpServer
from tocsin.kit.clock import stopwatch

MAILS_A_CONNECTION = 100  # many servers take no more
IDLE_MOST = 10.0  # seconds that a connection is kept for the next mail
_BOUNDARY = "=_tocsin_part"
_SOFT_BREAK = b"=\r\n"
_LINE = 72


@dataclass(frozen=True)
class Text:
    """Bytes, and between them marks that are filled in for each mail."""

    pieces: tuple[bytes, ...]
    marks: tuple[str, ...]

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        found = [self.pieces[0]]
        for mark, piece in zip(self.marks, self.pieces[1:], strict=True):
            found += [values[mark], piece]
        return b"".join(found)

    @classmethod
    def encoded(cls, text: str, marks: str) -> Self:
        """The text as quoted-printable. What a mark stands for is broken into lines of its own."""
        pieces, found, begun = [], [], 0
        for place, letter in enumerate(text):
            if letter in marks:
                pieces.append(text[begun:place])
                found.append(letter)
                begun = place + 1
        pieces.append(text[begun:])
        return cls(tuple(_quoted(piece) for piece in pieces), tuple(found))


def _quoted(text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return binascii.b2a_qp(lines.encode(), istext=True, header=False).replace(b"\n", b"\r\n")


def _broken(value: str) -> bytes:
    """A link's own part between two soft breaks, in lines that are short enough. It needs no other encoding."""
    raw = value.replace("=", "=3D").encode("ascii")
    lines = [raw[at : at + _LINE] for at in range(0, len(raw), _LINE)]
    return _SOFT_BREAK + _SOFT_BREAK.join(lines) + _SOFT_BREAK


@dataclass(frozen=True)
class Letter:
    """A mail of which many are sent. `marks` are the letters that stand for what differs."""

    head: bytes
    plain: Text
    page: Text

    def body(self, values: Mapping[str, str]) -> bytes:
        filled = {mark: _broken(value) for mark, value in values.items()}
        parts = ((b"plain", self.plain), (b"html", self.page))
        found = [b"\r\n"]
        for kind, text in parts:
            found.append(_PART % (_BOUNDARY.encode(), kind))
            found.append(text.filled(filled))
            found.append(b"\r\n")
        found.append(b"--%s--\r\n" % _BOUNDARY.encode())
        return b"".join(found)


_PART = b'--%s\r\nContent-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'


def letter(
    *,
    sender: str,
    subject: str,
    at: datetime,
    plain: str,
    page: str,
    marks: str,
    thread: str,
    domain: str,
    language: str = "en",
) -> Letter:
    """Set a mail once. `thread` is what those that belong together have in common."""
    head = EmailMessage(policy=SMTP)
    head["From"] = sender
    subjectline.put(head, subject)
    head["Date"] = format_datetime(at)
    head["Auto-Submitted"] = "auto-generated"
    head[OURS] = domain
    head["List-Id"] = f"Status updates <status.{domain}>"
    if thread:
        head["References"] = f"<{thread}@{domain}>"
    head["Content-Language"] = language
    head["MIME-Version"] = "1.0"
    head["Content-Type"] = f'multipart/alternative; boundary="{_BOUNDARY}"'
    lines = (SMTP.fold_binary(name, value) for name, value in head.raw_items())
    return Letter(b"".join(lines), Text.encoded(plain, marks), Text.encoded(page, marks))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One of them: to whom, under which key, with which links. `leave` is the link of one click (RFC 8058)."""

    letter: Letter
    to: str
    key: str
    values: Mapping[str, str]
    leave: str
    bounces_to: str


class MailPool:
    """A few connections to the mail server, for mails that wake nobody."""

    def __init__(self, server: SmtpServer, domain: str, timeout: timedelta) -> None:
        self._server = server
        self._domain = domain
        self._timeout = timeout.total_seconds()
        self._tls_context = ssl.create_default_context()
        self._idle: list[tuple[aiosmtplib.SMTP, int, float]] = []
        self.connections = 0  # that were made, for whoever measures

    async def send(self, mail: Mail) -> Result:
        server = self._server
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(mail)
        except aiosmtplib.SMTPResponseException as refused:
            return _refused(refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Retry(f"{server.host}:{server.port}: {str(error) or type(error).__name__}", down=True)
        except ValueError as error:
            return Dead(f"the address can't be used: {error}")

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for client, _, _ in idle:
            await _quit(client)

    async def rest(self) -> None:
        """Nothing waits: what has been open for nothing is closed."""
        if self._idle and stopwatch() - max(at for _, _, at in self._idle) > IDLE_MOST:
            await self.close()

    async def _send(self, mail: Mail) -> Result:
        client, used = await self._begun(mail.bounces_to)
        is_whole = False
        try:
            try:
                await client.rcpt(mail.to)
            except aiosmtplib.SMTPRecipientRefused as refused:
                await client.rset()
                is_whole = True
                return _refused(refused.code, refused.message)
            await client.data(self._written(mail))
            is_whole = True
        except aiosmtplib.SMTPDataError:
            is_whole = client.is_connected
            raise
        finally:
            if is_whole and used + 1 < MAILS_A_CONNECTION and client.is_connected:
                self._idle.append((client, used + 1, stopwatch()))
            else:
                client.close()
        return Delivered()

    async def _begun(self, sender: str) -> tuple[aiosmtplib.SMTP, int]:
        """A connection on which a mail has begun. One that the server has given up meanwhile is replaced."""
        while self._idle:
            client, used, _ = self._idle.pop()
            try:
                await client.mail(sender)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPSenderRefused, OSError):
                client.close()
            else:
                return client, used
        client = await self._connected()
        try:
            await client.mail(sender)
        except BaseException:
            client.close()
            raise
        return client, 0

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=None if server.tls else server.starttls,
            tls_context=self._tls_context,
            local_hostname=self._domain,
            timeout=self._timeout,
        )
        await client.connect()
        await client.ehlo() if client.is_ehlo_or_helo_needed else None
        self.connections += 1
        return client

    def _written(self, mail: Mail) -> bytes:
        lines = [f"To: {mail.to}", f"Message-ID: <{mail.key}@{self._domain}>"]
        if mail.leave:
            lines += [f"List-Unsubscribe: <{mail.leave}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
        own = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        return mail.letter.head + own + mail.letter.body(mail.values)


async def _quit(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(1):
            await client.quit()
    client.close()


def _refused(code: int, reason: str) -> Result:
    words = f"SMTP {code} {' '.join(reason.split())}"
    return Retry(words) if 400 <= code < 500 or code in NOT_LET_IN else Dead(words)
