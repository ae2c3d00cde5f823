"""The public pages in a real browser: no finding of axe in either theme, nothing cut off on a small phone, no script
needed; and the notice in a page of somebody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.core.test_status_site import BUSY, FIRST, maintenance, posted, site
from tests.support.records import public
from tests.support.server import running_server
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET
from tocsin.comms.maintenance import Progress
from tocsin.plan.model import Stage
from tocsin.plan.publicpage import Colours
from tocsin.status.folder import Folder
from tocsin.status.site import Site, published

pytestmark = pytest.mark.needs("chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
THEMES = ("light", "dark")
WIDTHS = (320, 390, 1280)
FULL = site(
    *BUSY.page.incidents,
    planned=(*BUSY.page.maintenances, maintenance(Progress.IN_PROGRESS, 0), maintenance(Progress.SCHEDULED, -2)),
    home="https://rose.example.org",
    support="mailto:help@rose.example.org",
    colours=Colours(light="#7a1fa2", dark="#d9a5f0"),
)
INCIDENT = FULL.page.incidents[0].id
PAGES = (
    "index.html",
    "de/index.html",
    f"i/{INCIDENT}/index.html",
    "history/2026-11/index.html",
    "fr/history/2026-10/index.html",
)
FORMS = (
    *("/status", "/status/history", "/status/report", "/status/report?thanks=1&lang=fr", "/status/report?lang=pt-BR"),
    *("/status/subscribe", "/status/subscribe?lang=de", "/status/subscribe?asked=1&lang=es"),
)


class OpenToAll(SimpleHTTPRequestHandler):
    """A server of files, as simple as they are: any site may read what it has."""

    def end_headers(self) -> None:
        self.send_header("access-control-allow-origin", "*")
        self.send_header("cache-control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Guarded(OpenToAll):
    """The product's own page, under a strict policy that names the status page alone."""

    status_page = ""

    def end_headers(self) -> None:
        allowed = self.status_page
        self.send_header("content-security-policy", f"default-src 'none'; script-src {allowed}; connect-src {allowed}")
        super().end_headers()


@contextmanager
def files(folder: Path, handler: type[SimpleHTTPRequestHandler] = OpenToAll) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def put(folder: Path, shown: Site) -> None:
    Folder(folder).publish(dict(published(shown, "https://tocsin.example.org/status")))


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


# ---- The pages ----


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_and_nothing_is_cut_off(browser: Browser, tmp_path: Path, theme: str) -> None:
    put(tmp_path, FULL)
    with files(tmp_path) as here:
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
            for name in PAGES:
                page.goto(f"{here}/{name}")
                assert findings(page) == [], f"{name}, {theme}, {width}"
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
            page.close()


@pytest.mark.parametrize("theme", THEMES)
def test_the_forms_have_no_finding_either_in_any_language(
    browser: Browser, tmp_path: Path, sqlite_url: str, theme: str
) -> None:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as server:
        page = browser.new_page(viewport={"width": 320, "height": 800}, color_scheme=theme)
        said: list[str] = []
        page.on("console", lambda one: said.append(one.text))
        for path in FORMS:
            page.goto(f"{server.url}{path}")
            assert findings(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.goto(f"{server.url}/status/i/none")
        assert findings(page) == []
        assert [one for one in said if "404" not in one] == []  # of the incident that is none
        page.close()


def test_everything_is_read_without_a_script_and_reached_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    put(tmp_path, FULL)
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    with files(tmp_path) as here:
        page.goto(f"{here}/index.html")
        page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        expect(page.get_by_role("img", name="Memory, last 90 days")).to_be_visible()
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("details dl").first).to_be_visible()
        page.get_by_role("link", name="All history").click()
        expect(page.get_by_role("heading", name="November 2026")).to_be_visible()
        page.get_by_role("link", name="Français").click()
        expect(page.get_by_role("heading", name="Novembre 2026")).to_be_visible()
    context.close()


# ---- The notice ----


@contextmanager
def product(tmp_path: Path, status: str, attributes: str = "") -> Iterator[str]:
    """A page of the guarded product that shows the notice."""
    folder = tmp_path / "product"
    folder.mkdir(exist_ok=True)
    script = f'<script src="{status}/notice.js" async {attributes}></script>'
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><title>Rose</title>{script}<main><h1>Rose</h1><p>Talk to me.</p></main></html>'
    )
    Guarded.status_page = status
    with files(folder, Guarded) as here:
        yield here


def opened(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    page, said = context.new_page(), list[str]()
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address, wait_until="networkidle")
    return page, [one for one in said if "favicon" not in one and "404" not in one]


@pytest.mark.parametrize("theme", THEMES)
def test_the_notice_shows_trouble_and_stays_closed_until_there_is_news(
    browser: Browser, tmp_path: Path, theme: str
) -> None:
    put(tmp_path / "status", site(posted(FIRST)))
    with files(tmp_path / "status") as status, product(tmp_path, status) as rose:
        context = browser.new_context(color_scheme=theme)
        page, said = opened(context, rose)
        notice = page.get_by_role("status")
        expect(notice).to_contain_text("Memory is partly down. Everything else works.")
        assert said == []  # a strict policy has nothing to say of it
        assert findings(page) == []
        assert page.get_by_role("link", name="More").get_attribute("href") == site(posted(FIRST)).page.url + (
            f"/i/{posted(FIRST).id}"
        )
        page.get_by_role("button", name="Close").press("Enter")
        expect(notice).to_be_empty()
        page.reload(wait_until="networkidle")
        expect(page.get_by_role("status")).to_be_empty()
        put(tmp_path / "status", site(posted(FIRST, public(Stage.IDENTIFIED, "Found.", 20))))
        page.reload(wait_until="networkidle")
        expect(page.get_by_role("status")).to_contain_text("Memory is partly down.")
        context.close()


def test_the_notice_is_silent_when_all_is_well_or_nobody_answers(browser: Browser, tmp_path: Path) -> None:
    put(tmp_path / "status", site())
    with files(tmp_path / "status") as status, product(tmp_path, status) as rose:
        page, said = opened(browser.new_context(), rose)
        expect(page.get_by_role("status")).to_be_empty()
        assert page.locator("h1").bounding_box() is not None and said == []
        (tmp_path / "status" / "notice.json").write_text("<html>not JSON</html>")
        page.reload(wait_until="networkidle")
        expect(page.get_by_role("status")).to_be_empty()
        expect(page.locator("h1")).to_be_visible()


def test_the_notice_speaks_the_language_that_the_page_asks_for(browser: Browser, tmp_path: Path) -> None:
    put(tmp_path / "status", site(posted(FIRST)))
    with files(tmp_path / "status") as status, product(tmp_path, status, 'data-lang="de" data-theme="dark"') as rose:
        page, _ = opened(browser.new_context(), rose)
        expect(page.get_by_role("status")).to_contain_text("Memory ist teilweise ausgefallen.")
        expect(page.get_by_role("button", name="Schließen")).to_be_visible()
