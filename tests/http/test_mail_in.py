"""Answering a page by replying to its mail, as a mail server hands the reply over."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import console
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message
from tocsin.delivery.email import EmailChannel, smtp_server
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Declined
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands, secrecy
from tocsin.settings import BadSetting, read

OUTAGE: dict[str, Any] = {"title": "It hangs", "severity": "P1", "type": "service_outage", "service": "rose"}
CHANNEL = EmailChannel(
    smtp_server("smtp://127.0.0.1:1"), "t@example.org", "example.org", timedelta(seconds=1), "tocsin@example.org"
)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def declare(here: Served) -> tuple[Incident, Message]:
    with here.app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, **OUTAGE)
    with here.app.database.read(SYSTEM) as tx:
        (message,) = outbox.for_incident(tx, incident.id)
    return incident, message


def mail_in(here: Served, to: str, text: str, *headers: str) -> subprocess.CompletedProcess[bytes]:
    head = ["From: Somebody <else@elsewhere.example>", f"To: {to}", "Subject: Re: it", *headers]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    url = here.app.database.url.render_as_string(hide_password=False)
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "mail-in"],
        input="\r\n".join([*head, "", text]).encode("latin-1"),
        env={**kept, "TOCSIN_DATABASE_URL": url},
        capture_output=True,
        check=False,
    )


def now(here: Served, incident: Incident) -> Incident:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, incident.id)


def test_a_reply_answers_whoever_wrote_it_and_whatever_became_of_the_letters(here: Served) -> None:
    incident, message = declare(here)
    mail = CHANNEL.mail(message)
    address = str(mail["Reply-To"])
    assert "Or reply to this mail" in mail.get_content()
    done = mail_in(here, f"Tocsin <{address.upper()}>", "Ack.\r\n\r\n> Am Dienstag schrieb Tocsin:\r\n> \xe4h")
    assert (done.returncode, b"acknowledged by you" in done.stdout) == (0, True), done.stderr
    after = now(here, incident)
    assert after.acknowledged_by == "ana"


def test_a_reply_declines_even_what_is_confidential_and_names_nothing(here: Served) -> None:
    incident, message = declare(here)
    address = str(CHANNEL.mail(message)["Reply-To"])
    here.app.database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident.id, "An intruder"))
    done = mail_in(here, "list@example.org", "can't", f"Delivered-To: {address}")
    assert done.returncode == 0, done.stderr
    assert b"hangs" not in done.stdout
    with here.app.database.read(SYSTEM) as tx:
        said = [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, Declined)]
    assert [(one.by, one.through) for one in said] == [("ana", "email")]


def test_a_reply_in_html_alone_is_read_too(here: Served) -> None:
    incident, message = declare(here)
    address = str(CHANNEL.mail(message)["Reply-To"])
    done = mail_in(here, address, "<html><p>ack</p><blockquote>Voice</blockquote>", "Content-Type: text/html")
    assert (done.returncode, now(here, incident).acknowledged_by) == (0, "ana"), done.stderr


def test_what_is_no_answer_is_returned_with_its_reason_and_changes_nothing(here: Served) -> None:
    incident, message = declare(here)
    address = str(CHANNEL.mail(message)["Reply-To"])
    local, _, domain = address.partition("@")
    forged = f"{local[:-3]}a.0@{domain}" if not local.endswith("a.0") else f"{local[:-3]}b.0@{domain}"
    for to, text, code, said in (
        (address, "What is this?", 2, b"first line"),
        (forged, "ack", 3, b"no page of ours"),
        ("tocsin@example.org", "ack", 2, b"no reply to a page"),
    ):
        done = mail_in(here, to, text)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert b"Traceback" not in done.stderr
    assert mail_in(here, address, "ack", "Auto-Submitted: auto-replied").returncode == 0
    assert now(here, incident).acknowledged_at is None


def test_without_the_setting_no_mail_asks_for_a_reply(here: Served) -> None:
    _, message = declare(here)
    plain = EmailChannel(smtp_server("smtp://127.0.0.1:1"), "t@example.org", "example.org", timedelta(seconds=1))
    mail = plain.mail(message)
    assert mail["Reply-To"] is None
    assert "reply to this mail" not in mail.get_content()


def test_a_mail_cannot_steer_what_shows_it(here: Served) -> None:
    _, message = declare(here)
    mail = CHANNEL.mail(replace(message, body="evil \x1b]0;owned\x07 \x9b31m\n\tand on"))
    assert mail.get_content().startswith("evil �]0;owned� �31m\n\tand on")


def test_an_address_that_leaves_no_room_for_the_proof_is_refused() -> None:
    with pytest.raises(BadSetting, match="12 letters"):
        read({"TOCSIN_MAIL_REPLY_TO": "a-very-long-local-part@example.org"})
