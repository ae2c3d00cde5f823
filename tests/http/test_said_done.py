"""What the console says after an act is in sight where the page comes back to, and covers nothing that one needs."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.http.test_browser import an_incident, browser, signed_in
from tests.support.server import Server

pytestmark = pytest.mark.needs("chromium")
__all__ = ["browser"]

SAID = "main > .said-done:not(#stale)"


@pytest.fixture(scope="module")
def room(server: Server) -> str:
    return f"{server.url}/incidents/{an_incident(server)}"


def top(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["y"]


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["y"] + box["height"]


def opened(server: Server, context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    signed_in(server, page)
    page.goto(address)
    return page


@pytest.mark.parametrize("with_script", [True, False])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_what_was_done_is_said_in_sight_of_the_place_that_the_page_comes_back_to(
    server: Server, browser: Browser, room: str, width: int, with_script: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, java_script_enabled=with_script)
    page = opened(server, context, f"{room}?done=assigned#roles")
    expect(page.locator(SAID)).to_be_in_viewport(ratio=1)
    assert bottom(page, ".bell") <= top(page, SAID) + 1
    assert bottom(page, SAID) <= top(page, "#roles")
    context.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_after_a_while_it_is_where_it_belongs_and_covers_nothing(
    server: Server, browser: Browser, room: str, motion: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, reduced_motion=motion)  # type: ignore[arg-type]
    page = opened(server, context, f"{room}?done=assigned#roles")
    page.evaluate("for (const one of document.getAnimations()) one.finish()")  # the while is over
    expect(page.locator(SAID)).not_to_be_in_viewport()
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(SAID)).to_be_in_viewport(ratio=1)
    context.close()
