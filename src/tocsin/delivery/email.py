"""Mail, over SMTP. The threading headers follow RFC 5322 section 3.6.4."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from tocsin.delivery import subjectline
from tocsin.delivery.channel import SECRET_HERE, Dead, Delivered, Message, Result, Retry
from tocsin.kit.errors import Invalid
from tocsin.kit.names import Names
from tocsin.kit.text import harmless

OURS = "X-Tocsin"  # a header with the host of the installation, so that a mail that comes back is known for its own
HOW_TO_REPLY = "\nOr reply to this mail, with ack, escalate or decline in its first line.\n"
NOT_LET_IN = frozenset({530, 534, 535, 538})  # RFC 4954: authentication is missing, too weak, or wrong
HOW_TO_CONFIRM = "\nOr reply to this mail, with ack in its first line.\n"


class BadSmtpUrl(Invalid):
    """TOCSIN_SMTP_URL is not like smtp://user:password@host:587?starttls=yes or smtps://host:465."""


@dataclass(frozen=True)
class SmtpServer:
    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool  # from the first byte
    starttls: bool | None  # None: when the server offers it


def smtp_server(url: str) -> SmtpServer:
    """Read an address such as `smtp://user:password@host:587?starttls=yes` or `smtps://host:465`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise BadSmtpUrl from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadSmtpUrl
    wish = parse_qs(parts.query).get("starttls", [""])[0]
    return SmtpServer(
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
        starttls={"yes": True, "no": False}.get(wish),
    )


class EmailChannel:
    """Sends each message on a connection of its own: a hanging one delays nobody else."""

    def __init__(self, server: SmtpServer, sender: str, domain: str, timeout: timedelta, reply_to: str = "") -> None:
        """`reply_to` is the address that answers to pages go to, if there is one."""
        self._reply_to = reply_to
        self._server = server
        self._sender = sender
        self._domain = domain
        self._timeout = timeout.total_seconds()
        self._names = Names()
        self._tls_context = ssl.create_default_context()  # reading the authorities takes longer than sending a mail

    async def send(self, message: Message) -> Result:
        server = self._server
        try:
            # The library's limit holds for each command; a server that answers each at the last moment needs another.
            async with asyncio.timeout(self._timeout):
                # One whose name hangs stops here, where nothing else waits for it.
                await self._names.look_up(server.host)
                await self._hand_over(self.mail(message))
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _refused(refused.recipients[0].code, refused.recipients[0].message)
        except aiosmtplib.SMTPResponseException as refused:
            return _refused(refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Retry(f"{server.host}:{server.port}: {str(error) or type(error).__name__}", down=True)
        except ValueError as error:  # an address that no mail can carry
            return Dead(f"the address can't be used: {error}")
        return Delivered()

    async def _hand_over(self, mail: EmailMessage) -> None:
        server = self._server
        await aiosmtplib.send(
            mail,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=None if server.tls else server.starttls,
            tls_context=self._tls_context,
            local_hostname=self._domain,  # or else each mail looks this machine's name up, which may take seconds
            timeout=self._timeout,
        )

    def mail(self, message: Message) -> EmailMessage:
        """The message as a mail. Its Message-ID is the dedup key, so that a repeat is known for one."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = message.address
        subjectline.put(mail, _one_line(message.subject))
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = f"<{message.dedup_key}@{self._domain}>"
        if message.thread:
            root = f"<{message.thread}@{self._domain}>"
            mail["In-Reply-To"] = root
            mail["References"] = root
        mail["Auto-Submitted"] = "auto-generated"
        mail[OURS] = self._domain
        reply = (message.actions or {}).get("reply", "") if self._reply_to else ""
        if reply:
            local, _, domain = self._reply_to.rpartition("@")
            mail["Reply-To"] = f"{local}+{reply}@{domain}"
        how = HOW_TO_CONFIRM if message.is_test else HOW_TO_REPLY
        body = harmless(message.body)
        if message.secret and SECRET_HERE in body:
            before, _, behind = body.rpartition(SECRET_HERE)  # at its place alone, whatever somebody is called
            body = f"{before}{message.secret}{behind}"
        mail.set_content(f"{body}{how}" if reply else body)
        return mail


def _refused(code: int, reason: str) -> Result:
    """4xx is for now, 5xx for good; but a refusal of ourselves is for an administrator to mend, and the mail waits."""
    words = f"SMTP {code} {_one_line(reason)}"
    return Retry(words) if 400 <= code < 500 or code in NOT_LET_IN else Dead(words)


def _one_line(text: str) -> str:
    return " ".join(text.split())
