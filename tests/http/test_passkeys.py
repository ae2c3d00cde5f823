"""Passkeys in a real browser, with an authenticator of its own: made, used instead of a password, removed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from tests.http.test_browser import FLAGS
from tests.support.server import OPERATOR, Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.visitor import PASSWORD
from tests.support.world import QUIET
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.door import store as doors
from tocsin.people import commands as people_commands
from tocsin.people import sessions
from tocsin.people import store as people

pytestmark = pytest.mark.needs("chromium")

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def server(tmp_path: Path, sqlite_url: str) -> Iterator[Server]:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as server:
        server.stop()  # browsers make passkeys for a name, and for no bare address
        server.environment["TOCSIN_BASE_URL"] = at(server)
        server.start()
        yield server


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def at(server: Server) -> str:
    return f"http://localhost:{server.environment['TOCSIN_PORT']}"


def authenticator(page: Page) -> tuple[CDPSession, str]:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return session, made["authenticatorId"]


def let_in(server: Server, page: Page) -> None:
    app = server.app()
    secret = app.database.run(OPERATOR, lambda tx: people_commands.signin_link(tx, "ana"))
    app.database.dispose()
    page.goto(f"{at(server)}/signin/{secret}")
    page.click("main form button")
    page.wait_for_url(f"{at(server)}/")


def deeds(server: Server) -> list[Deed]:
    def ask(tx: Any) -> list[Deed]:
        return [one.deed for one in audit.listing(tx, Filter(actor="ana"), limit=9)]

    found: list[Deed] = server.ask(ask)
    return found


def leave_for_a_while(server: Server) -> None:
    """Nobody has proved who they are for a day."""
    app = server.app()

    def wait(tx: Any) -> None:
        tx.run(sessions.table.update().values(proven_at=tx.now - timedelta(days=1)))

    app.database.run(OPERATOR, wait)
    app.database.dispose()


def asked_once_more(server: Server, page: Page, button: str) -> None:
    """Press it after a while, and confirm with the passkey."""
    leave_for_a_while(server)
    page.click(button)
    expect(page.locator("h1")).to_contain_text("Confirm that it is you")
    assert Axe().run(page, "main").violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.click("text=Confirm with a passkey")


def test_a_passkey_is_made_named_used_and_removed(server: Server, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    devtools, device = authenticator(page)
    let_in(server, page)

    page.goto(f"{at(server)}/me/signin")
    page.fill("#passkey-name", "My laptop")
    page.click("text=Add a passkey")
    expect(page.locator("#passkeys li")).to_contain_text("My laptop")
    page.fill("#passkey-name", "The same again")  # one device holds one for this account
    page.click("text=Add a passkey")
    expect(page.locator("#passkey-says")).to_contain_text("The browser made none")
    assert Axe().run(page, "main").violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0

    page.context.clear_cookies()
    page.goto(f"{at(server)}/signin?next=/oncall")
    page.click("text=Sign in with a passkey")
    page.wait_for_url(f"{at(server)}/oncall")
    (known,) = server.ask(doors.passkeys, "ana")
    assert known.uses > 0 and known.used_at is not None
    assert deeds(server)[:2] == [Deed.SESSION_BEGUN, Deed.PASSKEY_ADDED]

    page.context.clear_cookies()  # who can't show that they are the device's owner does not come in
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto(f"{at(server)}/signin")
    page.click("text=Sign in with a passkey")
    expect(page.locator("#passkey-says")).to_contain_text("Nothing was chosen")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})

    seen: list[str] = []  # what the browser answered once is good for nothing a second time
    page.on("request", lambda sent: seen.append(sent.post_data or "") if sent.url.endswith("/passkey") else None)
    page.click("text=Sign in with a passkey")
    page.wait_for_url(f"{at(server)}/")
    page.context.clear_cookies()
    page.goto(f"{at(server)}/signin")
    page.evaluate(
        """(body) => {
          const form = document.getElementById("passkey");
          form.elements.answer.value = new URLSearchParams(body).get("answer");
          form.submit();
        }""",
        seen[0],
    )
    expect(page.locator("[role=alert]")).to_contain_text("The passkey was not accepted")

    page.click("text=Sign in with a passkey")
    page.wait_for_url(f"{at(server)}/")
    page.goto(f"{at(server)}/me/signin")
    asked_once_more(server, page, "#passkeys li button")
    expect(page.locator("#passkeys header")).to_contain_text("none")
    page.context.clear_cookies()
    page.goto(f"{at(server)}/signin")
    page.click("text=Sign in with a passkey")
    expect(page.locator("[role=alert]")).to_contain_text("not known here")
    assert [one for one in said if "401" not in one and "403" not in one] == []


def test_where_a_second_factor_is_asked_a_passkey_is_one(server: Server, browser: Browser) -> None:
    server.stop()
    server.environment["TOCSIN_REQUIRE_SECOND_FACTOR"] = "yes"
    server.start()
    app = server.app()
    hashed = people_commands.password_hash(PASSWORD)
    app.database.run(OPERATOR, lambda tx: people.set_password_hash(tx, "ana", hashed))
    app.database.dispose()
    page = browser.new_page(viewport={"width": 360, "height": 740})
    authenticator(page)
    by_password(server, page)
    expect(page.locator("main")).to_contain_text("Set up a second factor to go on")
    page.fill("#passkey-name", "My laptop")
    page.click("text=Add a passkey")
    expect(page.locator("#passkeys li")).to_contain_text("My laptop")
    expect(page.locator("main")).not_to_contain_text("to go on")
    page.goto(f"{at(server)}/oncall")
    expect(page).to_have_url(f"{at(server)}/oncall")

    thief = browser.new_page()  # who has the password, and no such device
    by_password(server, thief)
    expect(thief.locator("main")).to_contain_text("Show your passkey to go on")
    thief.click("text=Set one up")
    expect(thief.locator("h1")).to_contain_text("Confirm that it is you")
    assert thief.locator("input[type=password]").count() == 0, "which was shown already"
    assert server.ask(doors.factor, "ana") is None

    page.context.clear_cookies()
    by_password(server, page)
    page.click("text=Show the passkey")
    assert Axe().run(page, "main").violations_count == 0
    page.click("text=Confirm with a passkey")
    page.wait_for_url(f"{at(server)}/")


def by_password(server: Server, page: Page) -> None:
    page.goto(f"{at(server)}/signin")
    page.fill("[name=login]", "ana")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button >> nth=0")
    page.wait_for_url(f"{at(server)}/me/signin#factor")
