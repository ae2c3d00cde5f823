"""A mail server for the tests: real SMTP on this machine, strict about what it takes, and rude when told to be."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Literal, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

Command = Literal["MAIL", "RCPT", "DATA"]

REQUIRED_HEADERS = ("Message-ID", "Date", "From", "To")
START_WITHIN = 10.0  # seconds; generous, since a machine under test may be slow


@dataclass(frozen=True)
class Received:
    """A message that the sink took: the envelope it came in, and what was inside."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain-text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: Literal["plain", "html"]) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


@dataclass
class _Instruction:
    """What to do at a command instead of taking it; no reply means never to answer. None `times` means for ever."""

    reply: str | None
    times: int | None


class SmtpSink:
    """An SMTP server on a free port, in a thread of its own, from `with SmtpSink() as sink` until the block ends."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self.attempts = 0  # connections that were opened, whatever became of them
        self._messages: list[Received] = []
        self._changed = threading.Condition()
        self._instructions: dict[Command, _Instruction] = {}
        self._sessions: list[SMTP] = []
        self._started: Future[int] = Future()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="smtp-sink")

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._started.result(START_WITHIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join()

    @property
    def messages(self) -> list[Received]:
        with self._changed:
            return list(self._messages)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """All messages, once there are at least so many; fails when they do not come in time."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._messages) >= count, timeout)
            subjects = [message.subject for message in self._messages]
            assert came, f"expected {count} messages within {timeout} s, got {subjects}"
            return list(self._messages)

    def answer(self, command: Command, reply: str, times: int | None = None) -> None:
        """Give this reply, such as `451 Try again later`, the next so many times, or until `behave`."""
        self._instructions[command] = _Instruction(reply, times)

    def hang(self, command: Command, times: int | None = None) -> None:
        """Take the command and never answer it."""
        self._instructions[command] = _Instruction(None, times)

    def behave(self) -> None:
        """Take everything again that is well formed."""
        self._instructions.clear()

    # What follows runs in the sink's thread; the three names with handle_ are what the library calls.

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._instructed("MAIL")
        if refusal is not None:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._instructed("RCPT")
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        refusal = await self._instructed("DATA")
        if refusal is not None:
            return refusal
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, EmailMessage, policy=email.policy.default)
        mistake = _mistake(content, message)
        if mistake is not None:
            return f"550 5.6.0 {mistake}"
        with self._changed:
            self._messages.append(Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
            self._changed.notify_all()
        return "250 OK"

    async def _instructed(self, command: Command) -> str | None:
        """The refusal that was asked for; None to carry on."""
        instruction = self._instructions.get(command)
        if instruction is None:
            return None
        if instruction.times is not None:
            instruction.times -= 1
            if instruction.times <= 0:
                self._instructions.pop(command, None)
        if instruction.reply is None:
            await asyncio.Event().wait()
        return instruction.reply

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._started.set_exception(error)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        server = await loop.create_server(self._session, self.host, 0)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await stopped.wait()
        server.close()
        await asyncio.sleep(0)  # whoever was just let in has a transport by then
        for session in self._sessions:
            if session.transport is not None:
                session.transport.abort()
        await asyncio.sleep(0)  # in which they are closed

    def _session(self) -> SMTP:
        self.attempts += 1
        session = SMTP(self, hostname="sink.test", loop=asyncio.get_running_loop())
        self._sessions.append(session)
        return session


def _mistake(content: bytes, message: EmailMessage) -> str | None:
    """What a careful mail server would refuse the message for."""
    missing = [name for name in REQUIRED_HEADERS if not message[name]]
    if missing:
        return f"no {missing[0]} header"
    head = content.partition(b"\r\n\r\n")[0]
    if not head.isascii():
        return "headers hold bytes that are not ASCII"
    repeated = [name for name in (*REQUIRED_HEADERS, "Subject") if len(message.get_all(name, [])) > 1]
    if repeated:
        return f"two {repeated[0]} headers"
    defects = [*message.defects, *(defect for name in REQUIRED_HEADERS for defect in message[name].defects)]
    return f"malformed: {type(defects[0]).__name__}" if defects else None
