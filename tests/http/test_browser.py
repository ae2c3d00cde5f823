"""The console in a real browser: its room, its keys, what changes in place, and the link that a page brings."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.support.server import OPERATOR, Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET
from tocsin.kit.clock import SystemClock
from tocsin.people import commands as people_commands

pytestmark = pytest.mark.needs("chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture
def server(tmp_path: Path, sqlite_url: str) -> Iterator[Server]:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as server:
        yield server


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for a file; what a page keeps goes with its context."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def signed_in(server: Server, page: Page, handle: str = "ana") -> None:
    """Sign in as a person does with a one-time link."""
    app = server.app()
    secret = app.database.run(OPERATOR, lambda tx: people_commands.signin_link(tx, handle))
    app.database.dispose()
    page.goto(f"{server.url}/signin/{secret}")
    page.click("main button[type=submit], main form button")
    page.wait_for_url(f"{server.url}/")


def an_incident(server: Server) -> str:
    with server.client() as client:
        body = {"title": "Voice replies hang", "severity": "P1", "type": "service_outage", "service": "rose"}
        incident: str = client.post("/api/v1/incidents", json=body).raise_for_status().json()["id"]
        fields = {"issue": "voice replies", "impact": "Replies are late.", "eta": "an hour", "cause": "a queue"}
        update = {"audience": "public", "stage": "investigating", "fields": fields}
        client.post(f"/api/v1/incidents/{incident}/updates", json=update).raise_for_status()
    return incident


@pytest.mark.parametrize("width", [360, 1280, 1600])
def test_a_confidential_room_begins_with_what_it_is_about(server: Server, browser: Browser, width: int) -> None:
    incident = an_incident(server)
    with server.client() as client:
        ana = {"person": "ana", "because": "She knows the logs"}
        client.post(f"/api/v1/incidents/{incident}/responders", json=ana).raise_for_status()
        because = {"because": "Strange logins"}
        client.post(f"/api/v1/incidents/{incident}/confidential", json=because).raise_for_status()
    page = browser.new_page(viewport={"width": width, "height": 900})
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{incident}")
    places = [page.locator(one).first.bounding_box() for one in ("main .banner:visible", "h1", "#owed")]
    tops = [place["y"] for place in places if place]
    assert len(tops) == 3
    assert tops == sorted(tops)
    assert tops[1] < 900, "one has to scroll to learn what it is about"


def test_in_forced_colours_one_sees_what_is_chosen(server: Server, browser: Browser) -> None:
    page = browser.new_context(forced_colors="active").new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{an_incident(server)}")
    colour = "one => getComputedStyle(one).backgroundColor"
    chosen = page.locator("#compose .tabs label:has(:checked)").first.evaluate(colour)
    assert chosen != page.locator("#compose .tabs label:not(:has(:checked))").first.evaluate(colour)


def test_the_room_can_be_worked_without_a_script(server: Server, browser: Browser) -> None:
    incident = an_incident(server)
    page = browser.new_context(java_script_enabled=False).new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/incidents/{incident}")
    page.click("main button:text-is('Acknowledge')")
    page.wait_for_load_state()
    with server.client() as client:
        assert client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_by"] == "ana"


def test_what_one_writes_another_sees_at_once_without_losing_what_they_type(server: Server, browser: Browser) -> None:
    incident = an_incident(server)
    ana, ben = (browser.new_context().new_page() for _ in range(2))
    signed_in(server, ana)
    signed_in(server, ben, "ben")
    for page in (ana, ben):
        page.goto(f"{server.url}/incidents/{incident}")
        expect(page.locator("#live")).to_be_visible()
    ben.keyboard.press("n")
    ben.keyboard.type("Half a sen")
    ben.click("#slot-scribe summary:has-text('Name somebody')")
    ben.focus("textarea[name='note.text']")
    ana.keyboard.press("n")
    ana.keyboard.type("The queue is long")
    ana.click("#owed-list a:has-text('Internal: update')")  # which turns to the tab, and loses nothing
    expect(ana.locator("#compose input[value=internal]")).to_be_checked()
    ana.click("#compose label:text-is('Note only')")
    ana.press("textarea[name='note.text']", "Control+Enter")
    ana.wait_for_url("**done=noted*")
    expect(ben.locator("#entries li", has_text="The queue is long")).to_be_visible()
    assert ben.input_value("textarea[name='note.text']") == "Half a sen"
    assert ben.evaluate("document.activeElement.name") == "note.text"
    expect(ben.locator("#slot-scribe details[open]")).to_have_count(1)
    ana.keyboard.press("Control+k")
    ana.fill("#palette input", "take scribe")
    expect(ana.locator("#palette [aria-selected=true]")).to_have_text("Take ScribeDo")
    ana.keyboard.press("Enter")
    ana.wait_for_url("**?done=assigned*")
    expect(ben.locator("#slot-scribe .name")).to_have_text("Ana Okafor")
    expect(ana.locator("#slot-scribe .name")).to_have_text("Ana Okafor (you)")
    # What comes in place can be used as what was there from the first: its forms carry the reader's own token.
    ben.click("#slot-scribe button:has-text('Take over')")
    ben.wait_for_url("**?done=assigned*")
    server.stop()
    expect(ben.locator("#stale")).to_be_visible()


HIDDEN = (
    "Object.defineProperty(Document.prototype, 'visibilityState', { get: () => window.seen ? 'visible' : 'hidden' });"
)


def test_a_tab_opened_behind_another_takes_no_connection_until_somebody_looks(server: Server, browser: Browser) -> None:
    context = browser.new_context()
    signed_in(server, context.new_page())
    room, tabs = f"{server.url}/incidents/{an_incident(server)}", [context.new_page() for _ in range(8)]
    for tab in tabs:  # more than a browser has connections to one host
        tab.add_init_script(HIDDEN)
        tab.goto(room)
    for tab in tabs[:2]:
        tab.evaluate("window.seen = true; document.dispatchEvent(new Event('visibilitychange'))")
        expect(tab.locator("#live")).to_be_visible()


def test_a_page_that_can_not_be_drawn_anew_does_not_say_that_it_is_live(server: Server, browser: Browser) -> None:
    page = browser.new_context().new_page()
    signed_in(server, page)
    room = f"{server.url}/incidents/{an_incident(server)}"
    page.route("**/live?*", lambda route: route.abort())
    page.goto(room)
    expect(page.locator("#stale")).to_be_visible()
    with server.client() as client:
        client.post(f"{room.replace(server.url, '/api/v1')}/notes", json={"text": "Looked"}).raise_for_status()
    page.route(room, lambda route: route.fulfill(status=500, body=""))
    with page.expect_response(room):
        page.unroute("**/live?*")
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#stale")).to_be_visible()
    page.unroute(room)
    expect(page.locator("#entries")).to_contain_text("Looked", timeout=60_000)
    expect(page.locator("#live")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()


def test_only_a_page_that_follows_says_that_it_is_live(server: Server, browser: Browser) -> None:
    page = browser.new_context().new_page()
    signed_in(server, page)
    expect(page.locator("#live")).to_be_visible()
    with page.expect_response("**/live?*"):
        page.goto(f"{server.url}/silences")
    expect(page.locator("#live")).to_be_hidden()


def test_who_is_on_call_follows_what_is_arranged_and_leaves_each_their_own_buttons(
    server: Server, browser: Browser
) -> None:
    page = browser.new_context().new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/oncall")
    expect(page.locator("#live")).to_be_visible()
    page.click("summary:text-is('Put somebody on call')")
    page.fill("#take-reason", "A swa")
    hour = timedelta(hours=1)
    begins = SystemClock().now().replace(microsecond=0) + 49 * hour
    about = {"rotation": "on_call", "person": "erin", "reason": "A dentist"}
    with server.client() as client:
        for at, reason in ((begins, "A dentist"), (begins + 24 * hour, "A wedding")):
            span = {"starts_at": at.isoformat(), "ends_at": (at + hour).isoformat()}
            client.post("/api/v1/oncall/overrides", json={**about, **span, "reason": reason}).raise_for_status()
            expect(page.locator("#arranged .rows > li", has_text=reason)).to_contain_text("Cancel it")
            expect(page.locator("#turns", has_text=begins.strftime("%H:%M"))).to_contain_text("Erin")
    assert page.input_value("#take-reason") == "A swa"
    assert page.evaluate("document.activeElement.id") == "take-reason"


def test_an_entry_of_another_page_of_the_record_is_led_to(server: Server, browser: Browser) -> None:
    page = browser.new_context().new_page()
    signed_in(server, page)
    room = f"{server.url}/incidents/{an_incident(server)}"
    page.goto(f"{room}?kind=note#e1")
    page.wait_for_url("**?before=2#e1")
    expect(page.locator("#e1")).to_be_visible()


def test_an_incident_is_declared_and_worked_with_the_keyboard_alone(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    signed_in(server, page)
    keys = page.keyboard
    keys.press("g")
    keys.press("d")
    page.wait_for_url("**/declare")
    page.wait_for_load_state()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    keys.press("Tab")
    keys.type("Replies hang")
    while page.evaluate("document.activeElement.name") != "severity":
        keys.press("Tab")
    keys.press("ArrowDown")
    while page.evaluate("document.activeElement.name") != "type":
        keys.press("Tab")
    keys.press("Space")
    keys.press("Enter")
    page.wait_for_url("**/incidents/*")
    page.wait_for_load_state()
    keys.press("j")
    assert page.evaluate("document.activeElement.closest('li') !== null")
    keys.press("a")
    page.wait_for_url("**?done=acknowledged*")
    page.wait_for_load_state()
    keys.press("?")
    expect(page.locator("#keys")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    keys.press("/")
    expect(page.locator("#palette [role=option]").first).to_be_visible()
    keys.type("record a finding")
    keys.press("Enter")
    expect(page.locator("#finding-text")).to_be_focused()
    keys.type("The cache is full")
    while page.evaluate("document.activeElement.textContent") != "Record the finding":
        keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**?done=found*")
    expect(page.locator("#entries li", has_text="The cache is full")).to_be_visible()


def test_a_page_link_shows_first_and_acts_only_when_pressed(tmp_path: Path, sqlite_url: str, browser: Browser) -> None:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as server:
        incident = an_incident(server)
        (mail, *_) = sink.wait_for(1, timeout=30)
        link = next(word for word in mail.text.split() if "/a/" in word)
        for _ in range(3):  # a mail scanner follows links, more than once
            assert httpx2.get(link).status_code == 200
        with server.client() as client:
            assert client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_at"] is None
            page = browser.new_page(viewport={"width": 360, "height": 740})
            page.goto(link)
            page.click("main form button")
            page.wait_for_load_state()
            assert client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_at"] is not None


def test_a_word_without_end_breaks_and_pushes_nothing_aside(server: Server, browser: Browser) -> None:
    """In a title, in a list, and in what is said about a field, on a telephone."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    signed_in(server, page)
    page.goto(f"{server.url}/declare")
    page.fill("[name=title]", "W" * 118)
    page.check("[name=severity][value=P3]")
    page.locator("[name=type]").first.check()
    page.locator('form[action="/declare"] button').last.click()
    page.wait_for_url("**/incidents/inc_*")
    for path in (page.url, f"{server.url}/incidents", f"{server.url}/me"):
        page.goto(path)
        if path.endswith("/me"):
            page.fill("[name=address]", "w" * 300)
            page.click('form[action="/me/contacts"] button')
            expect(page.locator(".errors")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.close()


WASHED = """new Promise(done => {
    const found = [];
    new MutationObserver(all => {
        for (const one of all) if (one.target.classList.contains("changed")) found.push(one.target);
        if (document.querySelector("#said")) done([...new Set(found)].map(one => `${one.nodeName} ${one.textContent}`));
    }).observe(document.body, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true });
})"""


def test_only_the_row_that_says_something_else_is_washed(server: Server, browser: Browser) -> None:
    """Ages and clocks go on by themselves: a panel that lit up for each of them would light up all night."""
    old = "<li>One <span>seen 0:05 ago</span></li><li>Two, seen 5 s ago</li><li>Three is well</li>"
    new = old.replace("0:05", "0:10").replace("5 s", "1 min").replace("well", "down") + "<li id='said'>Four</li>"
    page = browser.new_page()
    signed_in(server, page)
    part = '<section class="panel" id="waiting"><ul>{}</ul></section>'
    event = f"event: changed\nid: 1\ndata: {json.dumps({'waiting': part.format(new)})}\n\n"
    page.route("**/live?**", lambda route: route.fulfill(content_type="text/event-stream", body=event))
    page.add_init_script(f"""
        addEventListener("DOMContentLoaded", () => {{
            document.getElementById("waiting").outerHTML = `{part.format(old)}`;
            window.washed = {WASHED};
        }});
    """)
    page.goto(f"{server.url}/")
    assert page.evaluate("window.washed") == ["LI Three is down", "LI Four"]


TIMES = """([today, yesterday]) => {
    const clock = at => at.slice(11, 19);
    document.getElementById("main").innerHTML = `<time id="a" datetime="${today}">${clock(today)}</time>
        <time id="b" datetime="${yesterday}">${clock(yesterday)}</time> <span id="c">01:02:03</span>`;
    document.dispatchEvent(new Event("tocsin:changed"));
}"""


def test_a_time_on_the_readers_own_clock_is_told_from_utc_and_names_another_day(
    server: Server, browser: Browser
) -> None:
    # A worker that is there in time would fetch the page by itself, past the route.
    page = browser.new_context(timezone_id="Asia/Kathmandu", service_workers="block").new_page()
    signed_in(server, page)
    now = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)

    def at_that_hour(route: Route) -> None:
        text = re.sub(r'data-now="[^"]*"', f'data-now="{now:%Y-%m-%dT%H:%M:%SZ}"', route.fetch().text())
        route.fulfill(content_type="text/html", body=text)

    page.route("**/incidents", at_that_hour)
    page.goto(f"{server.url}/incidents")
    page.keyboard.press("t")
    page.evaluate(TIMES, [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (now, now - timedelta(days=1))])
    assert (page.inner_text("#a"), page.inner_text("#b")) == ("08:23:00", "Mon 23 Nov, 08:23:00")
    dotted = "one => getComputedStyle(one).textDecorationStyle"
    assert [page.eval_on_selector(one, dotted) for one in ("#a", "#b", "#c")] == ["dotted", "dotted", "solid"]
    page.keyboard.press("t")
    assert page.inner_text("#b") == "02:38:00" and page.eval_on_selector("#b", dotted) == "solid"


def test_a_time_that_the_readers_clock_shows_twice_says_which_it_is(server: Server, browser: Browser) -> None:
    page = browser.new_context(timezone_id="Europe/Berlin", service_workers="block").new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/incidents")
    page.keyboard.press("t")
    page.evaluate(TIMES, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
    assert (page.inner_text("#a"), page.inner_text("#b")) == (
        "Sun 25 Oct, 02:30:00 GMT+2",
        "Sun 25 Oct, 02:30:00 GMT+1",
    )
    page.evaluate(TIMES, ["2026-10-24T23:30:00Z", "2026-10-25T02:00:00Z"])
    assert (page.inner_text("#a"), page.inner_text("#b")) == ("Sun 25 Oct, 01:30:00", "Sun 25 Oct, 03:00:00")


def test_what_comes_is_said_to_whoever_listens(server: Server, browser: Browser) -> None:
    hears = """() => { window.heard = []; const say = document.getElementById("say");
        new MutationObserver(() => heard.push(say.textContent)).observe(say, { childList: true }); }"""
    says = "words => window.heard.some(one => one.includes(words))"
    page = browser.new_page()
    signed_in(server, page)
    expect(page.locator("#live")).to_be_visible()
    page.evaluate(hears)
    incident = an_incident(server)
    page.wait_for_function(says, arg="The worst is now P1 High Voice replies hang")
    with server.client() as client:
        body = {"title": "Pictures load slowly", "severity": "P2", "type": "service_outage", "service": "rose"}
        client.post("/api/v1/incidents", json=body).raise_for_status()
        page.wait_for_function(says, arg="Open now: P2 Medium Pictures load slowly")
        page.goto(f"{server.url}/incidents/{incident}")
        expect(page.locator("#live")).to_be_visible()
        page.evaluate(hears)
        client.post(f"/api/v1/incidents/{incident}/notes", json={"text": "The queue is long"}).raise_for_status()
        page.wait_for_function(says, arg="Note")
    page.close()
