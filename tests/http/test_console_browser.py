"""The console in a real browser: what every page keeps to, and what people do without a mouse, a script or a desk."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.support import everypage
from tests.support.server import OPERATOR, Server, new_server
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET
from tocsin import main
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.response import commands as response

pytestmark = pytest.mark.needs("chromium")

PAPERS = ["recovery_confirmed", "ticket_complete", "team_thanked", "resolution_notice", "duties_settled"]
BEATS = "    heartbeats:\n      copies: { every: 1 d }\n"
PLAN = re.sub(rf"\n    - ({'|'.join(PAPERS)})(?=\n)", "", QUIET.replace("watch_for: 30 min", "watch_for: 1 s"))
PLAN = PLAN.replace("    depends_on: [railway]\n", f"    depends_on: [railway]\n{BEATS}")
"""Rose's, but watched for a second, closed without the papers that are no matter of the browser, and with one look."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
NARROWEST = {"width": 320, "height": 740}  # a window of 1280 at 400 %
BETWEEN = {"width": 500, "height": 740}  # a window beside another
QUICKLY: dict[str, Any] = {"resultTypes": ["violations"], "selectors": False, "preload": False}
EVERYTHING = {**QUICKLY, "rules": {"target-size": {"enabled": True}}}
COLOURS = {**QUICKLY, "runOnly": ["color-contrast"]}
FINDINGS = """([where, options]) => axe.run(where, options).then(found => found.violations.flatMap(
    one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 160)}`)))"""
FRAME = {"exclude": [[".rail"], [".foot"], [".dock"], ["dialog"]]}  # the same on every page, and looked at on the first
LISTS = "main :is(div, section, form, ol, ul, tbody, tr, dl)"
FEW_OF_EACH = f"""most => {{ for (const one of document.querySelectorAll("{LISTS}")) {{
    const seen = {{}};
    for (const part of [...one.children])
        if (!/^H/.test(part.nodeName) && (seen[part.nodeName] = (seen[part.nodeName] || 0) + 1) > most) part.remove();
}}}}"""
TWICE = """() => [...document.querySelectorAll("[id]")].filter(one => document.getElementById(one.id) !== one)
    .map(one => `has #${one.id} twice`)"""
SPOKEN = """() => [...document.querySelectorAll("[aria-live=assertive], :is([aria-live], [role=status]) [data-due-at]")]
    .map(one => `would be spoken again and again: ${one.outerHTML.slice(0, 160)}`)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With three of everything that a page shows."""
    folder = tmp_path_factory.mktemp("console")
    with SmtpSink() as sink:
        server = new_server(folder, f"sqlite:///{folder / 'tocsin.db'}", sink.port, plan=PLAN)
        server.prepare()
        app = server.app()
        everypage.grow(app, range(3))
        app.database.dispose()
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def signed_in(server: Server, browser: Browser, handle: str = "ana", **window: Any) -> Page:
    app = server.app()
    secret = app.database.run(OPERATOR, lambda tx: people_commands.signin_link(tx, handle))
    app.database.dispose()
    page = browser.new_context(**window).new_page()
    page.goto(f"{server.url}/signin/{secret}")
    page.click("main form button")
    page.wait_for_url(f"{server.url}/")
    return page


def complaints(page: Page) -> list[str]:
    """What the browser says of pages, filled as it goes on."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(f"{page.url}: {message.text}")

    def see(response: Response) -> None:
        if response.status >= 400:
            said.append(f"{response.status} {response.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("response", see)
    return said


def looked_over(page: Page, frame: Any) -> list[str]:
    """What is wrong with a page: it is wider than its window, axe finds something in a theme, or something would be
    spoken without end. Of what repeats, axe looks at the first six: the plan as a document is a book."""
    found = []
    for window in (NARROWEST, BETWEEN, DESK):
        page.set_viewport_size(window)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > window["width"]:
            found.append(f"is {wide} px wide in a window of {window['width']}")
    found += page.evaluate(TWICE)
    page.evaluate(FEW_OF_EACH, 6)
    page.evaluate(AXE_SCRIPT)
    page.emulate_media(color_scheme="light")
    found += page.evaluate(FINDINGS, [frame, EVERYTHING]) + page.evaluate(SPOKEN)
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark, {one}" for one in page.evaluate(FINDINGS, [frame, COLOURS])]
    return [f"{page.url}: {one}" for one in found]


def test_no_page_has_a_finding_in_either_theme_or_is_cut_off_at_four_times_its_size(
    server: Server, browser: Browser
) -> None:
    app = server.app()
    app.prepare()
    paths = everypage.every(main.rest(app, main.Kept()), app)
    app.database.dispose()
    page = signed_in(server, browser, viewport=DESK, reduced_motion="reduce")
    wrong = complaints(page)
    seen = [path for path in paths if page.request.get(server.url + path).text().startswith("<!doctype html>")]
    assert set(paths) > set(seen) > {"/", "/integrations", "/me/signin"}  # others are files, or parts of a page
    room = next(path for path in seen if re.fullmatch("/incidents/[^/]+", path))
    for path in (*seen, f"{room}?entry=1", "/search?q=replies"):
        page.goto(server.url + path)
        wrong += looked_over(page, FRAME if path != "/" else {"include": [["html"]]})
        assert page.locator("h1").count() >= 1, path
    page.context.close()
    assert wrong == [], "\n".join(wrong)


def test_a_very_long_word_makes_no_page_wider(server: Server, browser: Browser) -> None:
    app = server.app()
    with app.database.read(SYSTEM) as tx:
        incident_id, ana = incidents.listing(tx)[-1].id, access.person(people.load_person(tx, "ana"))
    app.database.run(ana, lambda tx: response.note(tx, incident_id, "w" * 900))
    app.database.dispose()
    page = signed_in(server, browser, viewport=DESK)
    for path in (f"/incidents/{incident_id}", f"/post-mortems/{incident_id}"):
        page.goto(server.url + path)
        expect(page.locator("main")).to_contain_text("w" * 900)
        for window in (NARROWEST, BETWEEN, DESK):
            page.set_viewport_size(window)
            assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], (path, window)
    for path in ("/declare", "/status/subscribe"):
        page.goto(server.url + path)
        page.set_viewport_size(NARROWEST)
        page.locator(".check, .choice b").last.evaluate("one => one.append('w'.repeat(90))")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"], path
    page.context.close()


def test_promises_that_turn_in_the_same_second_are_all_spoken(server: Server, browser: Browser) -> None:
    page = signed_in(server, browser, viewport=DESK)
    turned = page.evaluate(
        """() => [...document.querySelectorAll("progress[data-due-at]")].slice(0, 2).map(one => {
            one.dataset.dueAt = "2020-01-01T00:00:00Z";
            return one.parentElement.querySelector(".what").textContent;
        })"""
    )
    assert len(turned) == 2
    expect(page.locator("#say")).to_have_text("; ".join(f"Overdue: {what}" for what in turned))
    page.context.close()


# ---- From declaring to a final post-mortem ----

STOP = """() => {
    const one = document.activeElement, label = one.closest("label");
    const style = at => at ? getComputedStyle(at) : { outlineStyle: "none" };
    const ringed = at => style(at).outlineStyle !== "none" && parseFloat(style(at).outlineWidth) >= 2;
    const shown = label && one.offsetWidth < 2 ? label : one;
    const box = shown.getClientRects()[0] || shown.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + Math.min(box.width / 2, 12), box.y + Math.min(box.height / 2, 12));
    return {
        name: one.name || "", text: (one.labels && one.labels[0] || one).textContent.replace(/\\s+/g, " ").trim(),
        ringed: ringed(one) || ringed(label), free: Boolean(top && (shown.contains(top) || top.contains(shown))),
    };
}"""
"""Where the focus is, whether it is seen to be there, and whether no bar covers it."""


IN_A_GRID = """() => [...document.querySelectorAll("main table:has(thead)")].filter(table => {
    for (let one = table.parentElement; one; one = one.parentElement)
        if (/grid|flex/.test(getComputedStyle(one).display)) return true;
}).map(table => table.caption.textContent)"""
"""The tables that stand in a grid: Chromium breaks one without counting the head that it repeats on each sheet."""


class Keys:
    """Somebody who has a keyboard and nothing else. Every stop on their way is looked at."""

    def __init__(self, page: Page) -> None:
        self.page, self.press, self.write = page, page.keyboard.press, page.keyboard.type

    def to(self, what: str, most: int = 200) -> None:
        """On to the field of this name, or the button or link that says this."""
        for _ in range(most):
            self.press("Tab")
            stop = self.page.evaluate(STOP)
            assert stop["ringed"] and stop["free"], f"on {self.page.url} the focus is not to be seen: {stop}"
            if what in (stop["name"], stop["text"]):
                return
        raise AssertionError(f"{what} is not reached on {self.page.url}")

    def do(self, what: str) -> None:
        """What the palette can do from here."""
        self.press("Control+k")
        self.write(what)
        expect(self.page.locator("#palette [aria-selected=true]")).to_contain_text(what)
        self.press("Enter")

    def arrive(self, where: str) -> None:
        self.page.wait_for_url(where)
        self.page.wait_for_load_state()


def test_the_keyboard_alone_leads_from_declaring_to_a_final_post_mortem(server: Server, browser: Browser) -> None:
    page = signed_in(server, browser, viewport=DESK)
    wrong = complaints(page)
    keys = Keys(page)
    declare_by(keys)
    mend_by(keys)
    tell_by(keys)
    close_by(keys)
    write_up_by(keys)
    expect(page.locator(".head .tag")).to_have_text("Final")
    page.emulate_media(media="print")
    assert page.locator("button:visible, nav:visible, .bells:visible").count() == 0, "printed, and of no use on paper"
    assert page.evaluate(IN_A_GRID) == [], "on a further sheet what follows is printed over its last rows"
    assert wrong == []
    page.context.close()


def declare_by(keys: Keys) -> None:
    keys.press("g")
    keys.press("d")
    keys.arrive("**/declare")
    keys.press("Tab")
    assert keys.page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    keys.to("title")
    keys.write("Keys alone")
    keys.to("severity")
    keys.press("ArrowDown")
    keys.to("type")
    keys.press("Space")
    keys.press("Enter")
    keys.arrive("**/incidents/*")


def mend_by(keys: Keys) -> None:
    keys.press("a")
    keys.arrive("**?done=acknowledged*")
    keys.do("Take Incident commander")
    keys.arrive("**?done=assigned*")
    keys.do("Mark as fixed")
    expect(keys.page.locator("#resolve-how")).to_be_focused()
    keys.write("The cache is twice as large")
    keys.to("resolve.unverified")
    keys.write("It is a drill")
    keys.to("Mark as fixed")
    keys.press("Enter")
    keys.arrive("**?done=resolved*")


def tell_by(keys: Keys) -> None:
    keys.do("Update for Public")
    expect(keys.page.locator("#compose input[name=audience][value=public]")).to_be_checked()
    keys.press("Shift+Tab")  # from the words back to the stage
    while keys.page.evaluate("document.activeElement.value") != "resolved":
        keys.press("ArrowRight")
    keys.to("public.resolved.message")
    keys.write("Voice is back.")
    keys.to("preview")
    keys.press("Enter")
    expect(keys.page.locator("#compose blockquote").first).to_contain_text("Voice is back.")
    keys.to("confirmed")
    keys.press("Enter")
    keys.arrive("**?done=posted*")


def close_by(keys: Keys) -> None:
    expect(keys.page.locator("#entries li", has_text="watch")).to_be_visible(timeout=20_000)  # it has passed
    keys.to("The post-mortem was held")
    keys.press("Enter")
    keys.arrive("**?done=held*")
    keys.do("Close it")
    keys.press("Enter")
    keys.arrive("**?done=closed*")


def write_up_by(keys: Keys) -> None:
    keys.to("Write the post-mortem")
    keys.press("Enter")
    keys.arrive("**/post-mortems/*")
    for section in keys.page.locator("textarea").evaluate_all("all => all.map(one => one.name)"):
        keys.to(section)
        keys.write("It was the cache.")
    keys.to("Save and make final")
    keys.press("Enter")
    keys.arrive("**?done=final*")


def test_without_a_script_it_goes_from_declaring_to_closed(server: Server, browser: Browser) -> None:
    page = signed_in(server, browser, viewport=DESK, java_script_enabled=False)
    wrong = complaints(page)
    page.click("nav >> text=Declare")
    page.fill("[name=title]", "No script")
    page.check("[name=severity][value=P1]")
    page.check("[name=type][value=service_outage]")
    page.click("text=Declare the incident")
    page.click("#head button:text-is('Acknowledge')")
    page.click("#slot-incident_commander button:has-text('Take')")
    page.click("#head >> text=Mark as fixed")
    page.fill("#resolve-how", "The cache is twice as large")  # the link has opened where it stands
    page.fill("[name='resolve.unverified']", "It is a drill")
    page.click("#resolve button")
    page.click("#compose label:text-is('Public')")
    page.click("#compose label:text-is('Resolved'):visible")
    page.fill("[name='public.resolved.message']", "Voice is back.")
    page.click("#compose button[value=public]:visible")
    expect(page.locator("#compose blockquote").first).to_contain_text("Voice is back.")
    page.click("#compose button[name=confirmed]")
    page.click("#steps button:text-is('The post-mortem was held')")
    for _ in range(20):  # until the watch has passed
        if "watch after the fix" not in page.inner_text("#steps"):
            break
        page.wait_for_timeout(500)
        page.reload()
    page.click("#close button")
    expect(page.locator("#head .tag")).to_have_text("Closed")
    assert wrong == []
    page.context.close()


def test_a_page_is_acknowledged_on_a_phone_with_a_thumb(server: Server, browser: Browser) -> None:
    with server.client() as client:
        body = {"title": "It is three in the night", "severity": "P0", "type": "service_outage", "service": "rose"}
        incident = client.post("/api/v1/incidents", json=body).raise_for_status().json()["id"]
    page = signed_in(server, browser, viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    page.tap(".bell .worst")
    page.wait_for_url(f"**/incidents/{incident}")
    press, jump = page.locator("#head form button"), page.locator(".jump").bounding_box()
    place = press.bounding_box()
    assert place and jump
    assert place["height"] >= 44 and place["y"] + place["height"] < jump["y"], "one scrolls to acknowledge"
    press.tap()
    page.wait_for_url("**?done=acknowledged*")
    page.tap("text=More")
    rail = page.locator(".rail").bounding_box()
    assert rail and rail["y"] >= 0, "what stands first can't be reached"
    page.tap(".rail >> text=On call")
    page.wait_for_url("**/oncall")
    page.context.close()


def test_the_way_to_each_part_of_a_room_stays_in_sight_on_a_phone(server: Server, browser: Browser) -> None:
    with server.client() as client:
        body = {"title": "A long night", "severity": "P1", "type": "service_outage", "service": "rose"}
        incident = client.post("/api/v1/incidents", json=body).raise_for_status().json()["id"]
    page = signed_in(server, browser, viewport=PHONE)
    page.goto(f"{server.url}/incidents/{incident}")
    for part in ("Messages", "Owed", "Next steps"):  # from the head to the very end, up, and down
        page.click(f".jump >> text='{part}'")
        heading = page.get_by_role("heading", name=part, exact=True)
        expect(heading).to_be_in_viewport(ratio=1)
        way, place = page.locator(".jump").bounding_box(), heading.bounding_box()
        bell, dock = page.locator(".bell").bounding_box(), page.locator(".dock").bounding_box()
        assert way and place and bell and dock
        assert way["y"] + way["height"] <= dock["y"] <= page.viewport_size["height"], "the way is out of sight"
        assert bell["y"] + bell["height"] <= place["y"] < way["y"], f"{part} came to rest under a bar"
    keys = Keys(page)
    keys.to("Dark")  # no stop on the way lies under a bar
    page.set_viewport_size({"width": PHONE["width"], "height": 360})  # on its side
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".jump")).not_to_be_in_viewport()
    page.context.close()


def test_what_sounds_alike_is_seen_on_a_phone_before_one_declares(server: Server, browser: Browser) -> None:
    with server.client() as client:
        body = {"title": "The lamp is dark", "severity": "P2", "type": "service_outage", "service": "rose"}
        client.post("/api/v1/incidents", json=body).raise_for_status()
    page = signed_in(server, browser, viewport=PHONE)
    page.goto(f"{server.url}/declare")
    page.locator("#title").press_sequentially("The lamp is dark")
    alike = page.locator("#alike >> text=Is it one of these?")
    expect(alike).to_be_visible()
    place, severity = alike.bounding_box(), page.get_by_role("heading", name="Severity").bounding_box()
    title = page.locator("#title").bounding_box()
    assert place and severity and title and title["y"] < place["y"] < severity["y"]
    page.context.close()
