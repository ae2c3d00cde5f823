"""What is folded in a room: there with scripts and without, in place when it changes, and nothing typed is lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.http.test_browser import an_incident, browser, signed_in
from tests.support.server import Server

pytestmark = pytest.mark.needs("chromium")
__all__ = ["browser"]
FOLDED = "details > noscript"
PATIENCE = 30_000  # milliseconds; generous, since a machine under test may be slow


@pytest.fixture(params=[True, False], ids=["with-scripts", "without"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=request.param)
    yield context
    context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_what_is_folded_opens(server: Server, context: BrowserContext) -> None:
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{an_incident(server)}")
    for place, inside in (
        ("#ledger", "tbody th"),
        ("#checklist details.data >> nth=1", "ol.rows > li"),
        ("#roles-list li >> nth=0 >> details >> nth=1", "form select"),
    ):
        part = page.locator(place).first
        expect(part.locator(inside).first).to_be_hidden()
        part.locator("summary").click()
        expect(part.locator(inside).first).to_be_visible()


def test_all_is_unfolded_once_nothing_else_is_to_be_done(server: Server, page: Page) -> None:
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{an_incident(server)}")
    expect(page.locator(FOLDED)).to_have_count(0, timeout=PATIENCE)
    assert page.locator("#ledger tbody th").count() > 3
    page.locator("#ledger > summary").click()
    read = page.locator("#ledger").inner_text()
    assert "<" not in read and "&" not in read  # it came as text, and was read as a page once


def test_a_change_is_put_into_what_is_folded(server: Server, page: Page) -> None:
    incident = an_incident(server)
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{incident}")
    expect(page.locator(FOLDED)).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#live")).to_be_visible()
    hand_over = page.locator("#roles-list li").first.locator("details:has(select)")
    hand_over.locator("summary").click()
    with server.client() as client:
        role = page.locator("#roles-list li").first.get_attribute("id") or ""
        taken = {"role": role.removeprefix("slot-"), "person": "ben"}
        client.post(f"/api/v1/incidents/{incident}/roles", json=taken).raise_for_status()
    expect(page.locator("#roles-list li").first.locator(".name")).to_contain_text("Ben")
    expect(hand_over.locator("select")).to_be_visible()
    expect(page.locator(FOLDED)).to_have_count(0, timeout=PATIENCE)


def test_nothing_is_folded_that_one_types_into(server: Server, page: Page) -> None:
    """A browser that comes back gives what was typed only to fields that the page had from the start."""
    signed_in(server, page)
    room = page.goto(f"{server.url}/incidents/{an_incident(server)}")
    assert room is not None
    parts = re.findall(r"<noscript>(.*?)</noscript>", room.text(), re.DOTALL)
    assert len(parts) > 5
    assert not [one for one in parts if "<textarea" in one or re.search(r'<input(?! type="hidden")', one)]


def test_what_was_typed_is_there_when_one_comes_back(server: Server, page: Page) -> None:
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{an_incident(server)}")
    page.locator("#finding > summary").click()
    field = page.locator("#finding textarea, #finding input[type=text]").first
    field.fill("the queue is long")
    page.goto(f"{server.url}/oncall")
    page.go_back()
    expect(field).to_have_value("the queue is long")


def test_a_link_opens_what_it_leads_to(server: Server, page: Page) -> None:
    signed_in(server, page)
    page.add_init_script("window.requestIdleCallback = () => {}")  # nothing unfolds by itself
    room = f"{server.url}/incidents/{an_incident(server)}"
    page.goto(f"{room}#role-scribe")
    expect(page.locator("#role-scribe")).to_be_in_viewport()
    page.evaluate("location.hash = 'ledger'")
    expect(page.locator("#ledger tbody th").first).to_be_visible()


def test_paper_has_what_is_folded_and_nobody_reads_its_markup(server: Server, page: Page) -> None:
    signed_in(server, page)
    page.add_init_script("window.requestIdleCallback = () => {}")
    page.goto(f"{server.url}/incidents/{an_incident(server)}")
    page.emulate_media(media="print")
    ledger = page.locator("#ledger")
    assert "<" not in ledger.inner_text()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(ledger.locator("tbody th").first).to_be_visible()


def test_handing_over_by_the_palette_chooses_to_whom_and_takes_nothing_over(server: Server, page: Page) -> None:
    incident = an_incident(server)
    with server.client() as client:
        taken = {"role": "scribe", "person": "lucia"}
        client.post(f"/api/v1/incidents/{incident}/roles", json=taken).raise_for_status()
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{incident}")
    page.keyboard.press("Control+k")
    page.fill("#palette-input", "Hand over Scribe")
    expect(page.locator("#palette-list li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#role-scribe")).to_be_focused()
