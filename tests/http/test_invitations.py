"""Letting somebody in by a link that comes by mail: from the command line, the API and the page, with a real server."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from tests.support.served import Served
from tests.support.server import Server
from tests.support.smtp import Received, SmtpSink
from tests.support.terminal import Terminal
from tests.support.visitor import Visitor, console
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Delivered, Result, Retry
from tocsin.delivery.outbox import table as messages
from tocsin.kit.actor import SYSTEM
from tocsin.people import sessions
from tocsin.people import store as people

LINK = re.compile(r"http\S+/signin/(\S+)")
THREE_DAYS = timedelta(days=3)


@pytest.fixture
def machine(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal on the server's own machine, with its settings."""
    return Terminal(monkeypatch, capsys, server.environment)


def mail_to(sink: SmtpSink, address: str) -> Received:
    for count in range(1, 20):
        found = [one for one in sink.wait_for(count, timeout=30) if one.recipients == (address,)]
        if found:
            return found[-1]
    raise AssertionError(f"nothing came for {address}")


def test_a_link_that_is_mailed_from_the_command_line_opens_the_account(
    server: Server, machine: Terminal, sink: SmtpSink
) -> None:
    words = ("people", "invite", "eve", "--name", "Eve Holt", "--email", "eve@rose.example", "--mail")
    said = machine(*words)
    assert said.code == 0 and "eve@rose.example" in said.out and "/signin/" not in said.out + said.err
    mail = mail_to(sink, "eve@rose.example")
    found = LINK.search(mail.text)
    assert found and "It works once, until" in mail.text and mail.subject == "Your way in to Tocsin"
    kept = Path(server.environment["TOCSIN_DATABASE_URL"].removeprefix("sqlite:///"))
    for file in kept.parent.glob("tocsin.db*"):
        assert found[1].encode() not in file.read_bytes(), file.name
    assert found[1] not in server.log.read_text()
    page = httpx2.get(f"{server.url}/signin/{found[1]}")
    assert page.status_code == 200 and "Eve Holt" in page.text


def test_a_program_has_a_link_mailed(server: Server, sink: SmtpSink) -> None:
    about = {"handle": "jo", "name": "Jo Brandt", "email": "jo@rose.example", "mail": True}
    with server.client() as client:
        made = client.post("/api/v1/people", json=about)
    assert made.status_code == 201 and made.json()["link"] == "" and made.json()["expires_at"]
    found = LINK.search(mail_to(sink, "jo@rose.example").text)
    assert found and server.ask(sessions.link_account, found[1]).handle == "jo"


def test_whoever_was_there_before_has_an_hour_and_somebody_new_three_days(machine: Terminal, server: Server) -> None:
    machine.done("people", "invite", "kim", "--name", "Kim Aas")
    with server.app().database.work(SYSTEM) as tx:
        sessions.begin(tx, "ben")
    machine.done("people", "link", "ben")
    links = server.ask(lambda tx: {one: until - tx.now for one, until in sessions.unused_links(tx).items()})
    assert THREE_DAYS - timedelta(hours=1) < links["kim"] <= THREE_DAYS
    assert timedelta() < links["ben"] <= timedelta(hours=1)


# ---- Where it can't be mailed ----


def test_without_a_mail_server_no_link_is_mailed_and_nobody_is_let_in(server: Server, machine: Terminal) -> None:
    machine.set("TOCSIN_SMTP_URL", "")
    refused = machine("people", "invite", "una", "--email", "una@rose.example", "--mail")
    assert refused.code == 4 and "TOCSIN_SMTP_URL" in refused.err
    assert server.ask(people.find_person, "una") is None


def test_without_an_address_a_link_is_not_mailed(server: Server, machine: Terminal) -> None:
    refused = machine("people", "invite", "una", "--name", "Una Berg", "--mail")
    assert refused.code == 4 and "Una Berg has no address" in refused.err
    assert server.ask(people.find_person, "una") is None
    with server.client() as client:
        refusal = client.post("/api/v1/people", json={"handle": "una", "mail": True})
    assert refusal.status_code == 409 and refusal.json()["type"] == "urn:tocsin:problem:not-mailed"


# ---- On the page ----


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url, smtp_url="smtp://127.0.0.1:9") as one:
        yield one


def queued(here: Served) -> list[tuple[str, str]]:
    with here.app.database.read(SYSTEM) as tx:
        return [(row.address, row.body) for row in tx.all(messages.select())]


def test_a_link_is_mailed_by_a_button_and_not_shown(here: Served) -> None:
    ana = Visitor(here, "ana")
    made = ana.do("/people", "/people", handle="eve", name="Eve", email="eve@rose.example", role="viewer", mail="yes")
    assert made.status == 200 and made.says("A link is on its way to eve@rose.example")
    assert "tocsin.example.org/signin/" not in made.html
    again = ana.press(ana.open("/people"), "/people/ben/link", mail="yes")
    assert again.status == 200 and again.says("A link is on its way to ben@rose.example")
    assert [address for address, _ in queued(here)] == ["eve@rose.example", "ben@rose.example"]
    assert all("Ana" in body and "/signin/{secret}" in body for _, body in queued(here))
    log = ana.open("/audit").html.split("<tr")
    assert any("Mailed a sign-in link" in row and "eve@rose.example" in row for row in log)


def come_of(here: Served, result: Result) -> None:
    """Let this come of the mails that wait."""
    with here.app.database.work(SYSTEM) as tx:
        for one in outbox.claim(tx, 10):
            outbox.record(tx, one, result)


def test_the_page_says_what_became_of_the_mail(here: Served) -> None:
    ana = Visitor(here, "ana")
    ana.do("/people", "/people/ben/link", mail="yes")
    assert ana.open("/people").says("its mail is leaving")
    come_of(here, Retry("SMTP 451 Try again later"))
    assert ana.open("/people").says("the mail with it has not left yet: SMTP 451 Try again later")
    here.clock.advance_to(here.clock.now() + timedelta(minutes=1))
    come_of(here, Dead("SMTP 550 No such user here"))
    page = ana.open("/people")
    assert page.says("the mail with it was given up: SMTP 550 No such user here") and page.says("Send it again")
    ana.press(
        ana.open("/undelivered"), next(one.action for one in ana.open("/undelivered").forms() if "resend" in one.action)
    )
    come_of(here, Delivered())
    assert ana.open("/people").says("mailed ") and not ana.open("/people").says("given up")
    ana.do("/people", "/people/ben/link")
    assert not ana.open("/people").says("mailed "), "this link was shown, and not mailed"


def test_what_was_typed_stays_where_there_was_no_address(here: Served) -> None:
    ana = Visitor(here, "ana")
    refused = ana.do("/people", "/people", handle="eve", name="Eve", email="", role="viewer", mail="yes")
    assert refused.status == 409 and refused.says("Eve has no address")
    assert refused.form("/people").fields["handle"] == ["eve"] and queued(here) == []
    assert not ana.open("/people").says("Eve")


def test_without_a_mail_server_the_page_has_no_button_for_it(sqlite_url: str) -> None:
    with console(sqlite_url) as here:
        page = Visitor(here, "ana").open("/people")
    assert not page.says("Mail a link") and not page.says("Mail the link") and page.says("Make a link")
