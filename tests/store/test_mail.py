"""Mail as it really leaves: over SMTP, to a server of this machine that takes it, refuses it, or never answers."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.smtp import SmtpSink
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.email import BadSmtpUrl, EmailChannel, SmtpServer, smtp_server

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
PATIENT = timedelta(seconds=20)
MESSAGE = Message(
    id="msg_1",
    dedup_key="pag_7KQ2-0",
    channel="email",
    address="ana@rose.example",
    subject="[P1] Voice replies hang (#3, answer within 5 min)",
    body="P1 High: Voice replies hang\n\nLucía says: “it hangs”.\n",
    thread="inc_7KQ2M4XW",
    created_at=NOW,
    send_at=NOW,
)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def channel(port: int, timeout: timedelta = PATIENT) -> EmailChannel:
    server = smtp_server(f"smtp://127.0.0.1:{port}?starttls=no")
    return EmailChannel(server, "Tocsin <tocsin@rose.example>", "tocsin.rose.example", timeout)


def send(port: int, message: Message = MESSAGE, timeout: timedelta = PATIENT) -> Result:
    return asyncio.run(channel(port, timeout).send(message))


def test_a_mail_arrives_with_its_words_and_the_headers_that_thread_it(sink: SmtpSink) -> None:
    assert send(sink.port) == Delivered()
    (mail,) = sink.wait_for(1)
    assert (mail.sender, mail.recipients) == ("tocsin@rose.example", ("ana@rose.example",))
    assert mail.subject == MESSAGE.subject
    assert mail.text == MESSAGE.body
    assert mail.message_id == "<pag_7KQ2-0@tocsin.rose.example>"
    root = "<inc_7KQ2M4XW@tocsin.rose.example>"
    assert (mail.message["In-Reply-To"], mail.message["References"]) == (root, root)
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Date"].datetime == NOW


def test_the_secret_of_a_mail_stands_at_its_place_alone(sink: SmtpSink) -> None:
    body = "Eve {secret} \x1b[2J\u202elets you in.\n\nhttps://tocsin.example/signin/{secret}\n"
    assert send(sink.port, replace(MESSAGE, body=body, secret="s3cr3t")) == Delivered()
    (mail,) = sink.wait_for(1)
    assert mail.text == "Eve {secret} \ufffd[2J\ufffdlets you in.\n\nhttps://tocsin.example/signin/s3cr3t\n"


def test_a_second_attempt_is_known_for_one_by_its_message_id(sink: SmtpSink) -> None:
    for attempts in (0, 1):
        assert send(sink.port, replace(MESSAGE, attempts=attempts)) == Delivered()
    assert len({mail.message_id for mail in sink.wait_for(2)}) == 1


def test_a_mail_outside_any_incident_begins_no_thread(sink: SmtpSink) -> None:
    send(sink.port, replace(MESSAGE, thread=None))
    (mail,) = sink.wait_for(1)
    assert (mail.message["In-Reply-To"], mail.message["References"]) == (None, None)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("reply", "kind"), [("451 4.3.0 Try again later", Retry), ("550 5.1.1 No such mailbox", Dead)])
def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    sink: SmtpSink, command: str, reply: str, kind: type[Retry | Dead]
) -> None:
    sink.answer(command, reply)  # type: ignore[arg-type]
    found = send(sink.port)
    assert isinstance(found, kind)
    assert found.reason.startswith(f"SMTP {reply[:3]}")
    sink.behave()
    assert send(sink.port) == Delivered()


def test_a_server_that_never_answers_is_left_after_a_while(sink: SmtpSink) -> None:
    sink.hang("MAIL")
    assert isinstance(send(sink.port, timeout=timedelta(seconds=0.3)), Retry)
    assert sink.messages == []


def test_a_server_that_drips_its_answers_is_left_before_the_lease_on_the_message_ends() -> None:
    """Each reply comes in time, and all of them together do not."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while not writer.is_closing():
                writer.write(b"220-still here\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)

    async def story() -> Result:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await channel(port, timedelta(seconds=0.5)).send(MESSAGE)

    assert isinstance(asyncio.run(story()), Retry)


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with SmtpSink() as gone:
        port = gone.port
    found = send(port)
    assert isinstance(found, Retry)
    assert f"127.0.0.1:{port}" in found.reason


@pytest.mark.parametrize(
    "subject",
    [
        "Hello\r\nBcc: everybody@rose.example",
        "Hello\nX-Forged: yes\n\nA body of its own",
        "Hello\rBcc: everybody@rose.example",
        "Hello\x0b\x0c\x85\u2028Bcc: everybody@rose.example",
        "Ünïcödé 🔔 " * 8,
        "[P0] Rose does not answer 😀 مرحبا بالعالم",
        "Роза молчит и никого не слышит " * 4,
        "Webhook whk_VEFZQERY is disabled: it says that it is gone for good (HTTP 410)",  # too long for the first line
    ],
)
def test_a_title_can_not_write_headers(sink: SmtpSink, subject: str) -> None:
    assert send(sink.port, replace(MESSAGE, subject=subject)) == Delivered()
    (mail,) = sink.wait_for(1)
    assert mail.recipients == ("ana@rose.example",)
    assert {"Bcc", "X-Forged"}.isdisjoint(mail.message.keys())
    assert mail.text == MESSAGE.body
    assert mail.subject == " ".join(subject.split())


@pytest.mark.parametrize("address", ["ana@rose.example\r\nRCPT TO:<eve@rose.example>", "ana", "a b@rose.example", "@"])
def test_an_address_that_no_mail_can_carry_reaches_nobody(sink: SmtpSink, address: str) -> None:
    found = send(sink.port, replace(MESSAGE, address=address))
    delivered = [mail.recipients for mail in sink.messages]
    assert isinstance(found, Dead) or delivered == [(address,)]
    assert all("eve@rose.example" not in recipients for recipients in delivered)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, None, None, tls=False, starttls=None)),
        ("smtps://mail.example", SmtpServer("mail.example", 465, None, None, tls=True, starttls=None)),
        (
            "smtp://ana%40rose:p%3Ass@mail.example:2525?starttls=yes",
            SmtpServer("mail.example", 2525, "ana@rose", "p:ss", tls=False, starttls=True),
        ),
        ("smtp://mail.example?starttls=no", SmtpServer("mail.example", 587, None, None, tls=False, starttls=False)),
    ],
)
def test_the_mail_server_is_named_by_an_address(url: str, server: SmtpServer) -> None:
    assert smtp_server(url) == server


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(BadSmtpUrl, match="smtp://user:password@host:587"):
        smtp_server(url)
