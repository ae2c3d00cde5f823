"""The mail catcher over real SMTP: it keeps what is well formed, refuses the rest with reasons, and renders nothing."""

import asyncio
import email
import email.policy
import queue
import smtplib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

import httpx2
import pytest
from aiosmtpd.smtp import Envelope

from tocsin.kit.clock import ManualClock
from tocsin.rehearsal.mailcatcher import MOST_BYTES, MOST_BYTES_KEPT, MOST_MAILS, Mailbox, NoSuchMail, faults
from tocsin.rehearsal.serve import Addresses, RehearsalSettings, serve

NIGHT = datetime(2026, 11, 24, 3, 34, 19, 250_000, tzinfo=UTC)
PATIENCE = 10
PAGE = """P1: Memory system down & out.

Acknowledge: https://tocsin.example/a/tok_1?x=1&y=2.
<script>alert(1)</script>
"""


@dataclass
class Catcher:
    at: Addresses

    def send(self, message: EmailMessage, *recipients: str) -> None:
        with smtplib.SMTP(self.at.smtp_host, self.at.smtp_port, timeout=PATIENCE) as client:
            client.send_message(message, to_addrs=recipients or None)

    def send_raw(self, raw: bytes) -> None:
        with smtplib.SMTP(self.at.smtp_host, self.at.smtp_port, timeout=PATIENCE) as client:
            client.sendmail("tocsin@rose.example", "ana@rose.example", raw)

    def mails(self) -> list[dict[str, object]]:
        return list(httpx2.get(f"{self.at.control}/mails.json").json())

    def page(self, path: str) -> str:
        return httpx2.get(self.at.control + path).text

    def newest(self) -> str:
        return self.page(f"/mails/{self.mails()[0]['id']}")


@pytest.fixture(scope="module")
def catcher() -> Iterator[Catcher]:
    ready: queue.Queue[tuple[Addresses, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def rehearse() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        settings = RehearsalSettings(control_port=0, rose_port=0, smtp_port=0)
        await serve(settings, ManualClock(NIGHT), stop, lambda at: ready.put((at, loop, stop)))

    thread = threading.Thread(target=lambda: asyncio.run(rehearse()))
    thread.start()
    at, loop, stop = ready.get(timeout=PATIENCE)
    yield Catcher(at)
    loop.call_soon_threadsafe(stop.set)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def letter(message_id: str, subject: str = "P1 Memory system down", text: str = PAGE) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "Tocsin <tocsin@rose.example>"
    message["To"] = "ana@rose.example"
    message["Subject"] = subject
    message["Date"] = "Tue, 24 Nov 2026 03:34:19 +0000"
    message["Message-ID"] = message_id
    message.set_content(text)
    return message


def test_a_mail_can_be_read_by_a_script(catcher):
    message = letter("<one@rose.example>", subject="Déploiement arrêté")
    message["X-Tocsin-Incident"] = "inc_7KQ2"
    catcher.send(message, "ana@rose.example", "ben@rose.example")
    mail = catcher.mails()[0]
    assert mail["headers"].pop("X-Tocsin-Incident") == "inc_7KQ2"
    assert mail["headers"].keys() >= {"From", "To", "Subject", "Date", "Message-ID"}
    assert {key: value for key, value in mail.items() if key not in ("id", "headers")} == {
        "from": "Tocsin <tocsin@rose.example>",
        "to": ["ana@rose.example", "ben@rose.example"],
        "envelope_from": "tocsin@rose.example",
        "subject": "Déploiement arrêté",
        "message_id": "<one@rose.example>",
        "times": 1,
        "text": PAGE,
        "received_at": "2026-11-24T03:34:19.250000Z",
        "received_at_ms": 1795491259250,
    }


def test_a_person_reads_text_with_links_and_nothing_else_of_it_is_markup(catcher):
    message = letter("<two@rose.example>", subject="<b>bold</b>")
    message.add_alternative("<script>alert(2)</script><img src=http://evil.example/x>", subtype="html")
    catcher.send(message)
    page = catcher.newest()
    address = "https://tocsin.example/a/tok_1?x=1&amp;y=2"
    assert f'<a href="{address}" rel="noreferrer noopener">{address}</a>.' in page
    assert "down &amp; out" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(2)" in page
    assert "&lt;b&gt;bold" in catcher.page("/mails")


def test_the_source_is_plain_text_whatever_is_in_it(catcher):
    catcher.send(letter("<three@rose.example>"))
    answered = httpx2.get(f"{catcher.at.control}/mails/{catcher.mails()[0]['id']}/raw")
    assert answered.headers["content-type"].startswith("text/plain")
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert b"Message-ID: <three@rose.example>" in answered.content


def test_a_mail_without_a_text_part_shows_the_words_of_its_html(catcher):
    message = letter("<four@rose.example>")
    message.set_content("<p>Rose <b>forgets</b></p><script>alert(3)</script>", subtype="html")
    catcher.send(message)
    assert catcher.mails()[0]["text"].strip() == "Rose forgets"


def test_a_message_id_that_comes_again_is_kept_and_said_to_come_again(catcher):
    for _ in range(3):
        catcher.send(letter("<again@rose.example>"))
    assert [mail["times"] for mail in catcher.mails()[:3]] == [3, 2, 1]
    assert "received again, ×3" in catcher.newest()
    assert "received again, ×2" in catcher.page("/mails")


@pytest.mark.parametrize("missing", ["From", "Date", "Message-ID"])
def test_a_message_without_what_every_mail_needs_is_refused_with_the_reason(catcher, missing):
    before = catcher.mails()
    message = letter("<five@rose.example>")
    del message[missing]
    with pytest.raises(smtplib.SMTPDataError) as refused:
        catcher.send_raw(message.as_bytes())
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error.decode() == f"5.6.0 Refused: no {missing} header"
    assert catcher.mails() == before


def test_a_message_above_one_megabyte_is_refused(catcher):
    before = catcher.mails()
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        catcher.send_raw(letter("<six@rose.example>", text="x" * 70 + "\n").as_bytes() + b"y" * 70 * (MOST_BYTES // 70))
    assert refused.value.smtp_code == 552
    assert catcher.mails() == before


def test_a_message_nested_to_trip_its_reader_is_refused_and_the_next_one_is_kept(catcher):
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3000))
    head = b"From: a@rose.example\r\nDate: Tue, 24 Nov 2026 03:34:19 +0000\r\nMessage-ID: <n@rose.example>\r\n"
    with pytest.raises(smtplib.SMTPDataError) as refused:
        catcher.send_raw(head + nested)
    assert refused.value.smtp_code == 550
    catcher.send(letter("<seven@rose.example>"))
    assert catcher.mails()[0]["message_id"] == "<seven@rose.example>"


def test_a_mail_that_is_not_kept_is_a_404(catcher):
    assert httpx2.get(f"{catcher.at.control}/mails/999999").status_code == 404


def read(head: bytes) -> tuple[EmailMessage, bytes]:
    raw = head + b"\r\n\r\nHello\r\n"
    return email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default), raw


GOOD = b"From: a@rose.example\r\nDate: Tue, 24 Nov 2026 03:34:19 +0000\r\nMessage-ID: <n@rose.example>"


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (GOOD.replace(b"a@rose.example", b""), "From names no address"),
        (GOOD.replace(b"Tue, 24 Nov", b"Last night"), "Date cannot be read"),
        (GOOD.replace(b"<n@rose.example>", b"n@rose.example"), "Message-ID is not written like <left@right>"),
        (GOOD.replace(b"<n@rose.example>", b"<n>"), "Message-ID is not written like <left@right>"),
        (GOOD + b"\r\nMessage-ID: <m@rose.example>", "2 Message-ID headers"),
        (GOOD + b"\r\nSubject: arr\xc3\xaat\xc3\xa9", "a header is not ASCII, and SMTPUTF8 was not asked for"),
    ],
)
def test_each_fault_is_named(head, fault):
    message, raw = read(head)
    assert list(faults(message, raw, smtputf8=False)) == [fault]


def test_a_header_outside_ascii_is_fine_where_it_was_asked_for():
    message, raw = read(GOOD + b"\r\nSubject: arr\xc3\xaat\xc3\xa9")
    assert list(faults(message, raw, smtputf8=True)) == []


def test_only_the_newest_mails_are_kept_by_number_and_by_size():
    mailbox, envelope = Mailbox(), Envelope()
    message, raw = read(GOOD)
    kept = [mailbox.keep(message, envelope, raw, NIGHT) for _ in range(MOST_MAILS + 3)]
    assert mailbox.newest_first() == list(reversed(kept[3:]))
    assert mailbox.received == MOST_MAILS + 3
    with pytest.raises(NoSuchMail):
        mailbox.find(kept[0].id)
    for _ in range(MOST_BYTES_KEPT // MOST_BYTES + 10):
        mailbox.keep(message, envelope, bytes(MOST_BYTES), NIGHT)
    assert sum(len(mail.raw) for mail in mailbox.newest_first()) <= MOST_BYTES_KEPT
