"""Pictures of every page of the console: `make screenshots` puts them into build/screenshots, and fails where a page
says something on its console, asks for what is not there, is wider than the window, or has a finding of axe.

It starts the rehearsal on a database with some days behind it, signs in as the first person of the plan, and opens each
page that the server has, in both themes, on a phone, a tablet and a desk.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from litestar.routes import BaseRoute
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from tocsin import main
from tocsin.app import App
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.settings import Settings
from tools.story import Story, told

BUILD = Path(__file__).parents[1] / "build"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDTHS = {"phone": 360, "tablet": 768, "desk": 1440}
SHORTEST = 900  # pixels
TALLEST = 6000  # pixels; the plan as a document is a book
A_LINK_TAKES = 10_000  # milliseconds at the most; what the plan looks at is heard a moment after the start
A_PICTURE_TAKES = 120_000  # milliseconds at the most, on a machine that does other things
THEMES = ("light", "dark")
MACHINES = (
    "/api",
    "/static",
    "/in/",
    "/v1",
    "/v2",
    "/generic",
    "/schema",
    "/livez",
    "/readyz",
    "/live",
    "/palette",
    "/declare/alike",
    "/oncall/badge",
    "/search/found",
    "/signin/sso",  # the story has none
)
# Pages of things whose ids are known only once the server runs: the first that a page links to.
FIRST_OF = {
    "/signals": "/signals/sig_",
    "/oncall/handoffs": "/oncall/handoffs/",
    "/webhooks": "/webhooks/",
    "/status": "/status/i/",
}
FILES = re.compile(r"/evidence|\.\w+$|/calendar/\{|feeds?/")
READY_WITHIN = 60.0  # seconds
WAY_IN = re.compile(rb"Sign in once\s+(\S+)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def rehearsal(database_url: str, rose_port: int) -> Iterator[tuple[str, str]]:
    """The rehearsal as people start it, at ports of its own. Gives its address and the way in."""
    port = _free_port()
    about = {"TOCSIN_DATABASE_URL": database_url, "TOCSIN_PORT": str(port), "TOCSIN_LOG_LEVEL": "warning"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    command = [sys.executable, "-m", "tools.rehearsal", str(rose_port)]
    process = subprocess.Popen(command, env={**kept, **about}, stdout=subprocess.PIPE)
    try:
        said = b""
        while process.stdout and not WAY_IN.search(said):
            said += process.stdout.readline() or _did_not_start()
        found = WAY_IN.search(said)
        _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}", found[1].decode() if found else ""
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def _wait_for(url: str) -> None:
    """Until the server behind it answers: what is printed first is only where it will be."""
    until = stopwatch() + READY_WITHIN
    while stopwatch() < until:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    _did_not_start()


def _did_not_start() -> bytes:
    raise RuntimeError("the rehearsal did not start")


def paths(story: Story) -> list[str]:
    """Every page that the server has; in the address of an incident stand several of the story."""
    rest = main.rest(App(Settings(database_url="sqlite:///build/unused.db"), SystemClock()), main.Kept())
    named = {
        "/incidents/{incident_id:str}": (story.worst, story.second, story.resolved, story.closed),
        "/post-mortems/{name:str}": (story.resolved, story.closed),
    }
    found = {
        "/status",
        "/status/history",
        "/status/de",
        "/oncall/now",
        f"/incidents/{story.worst}?entry=4",
        f"/incidents/{story.worst}/templates/executive_update",
        "/search?q=memories",
    }
    for path in (route.path for route in rest.routes if _is_page(route)):
        if "{" not in path:
            found.add(path)
        elif path in named:
            found |= {path.replace(path[path.index("{") :], one) for one in named[path]}
        elif path.startswith("/incidents/") and path.count("{") == 1:
            found.add(path.replace("{incident_id:str}", story.worst))
    return sorted(found)


def linked(page: Page, home: str) -> list[str]:
    """Where the first link of this kind leads to, of each page that lists what has an id."""
    found = []
    for path, begins in FIRST_OF.items():
        page.goto(home + path)
        link = page.locator(f'main a[href^="{begins}"]').first
        found.append(link.get_attribute("href", timeout=A_LINK_TAKES) or path)
    return found


def _is_page(route: BaseRoute) -> bool:
    return "GET" in getattr(route, "methods", ()) and not (route.path.startswith(MACHINES) or FILES.search(route.path))


class Photographer:
    """Goes from page to page, and writes down what is wrong with one."""

    def __init__(self, browser: Browser, home: str, story: Story) -> None:
        self._browser, self._home, self._story = browser, home, story
        self.wrong: list[str] = []

    def visit(self, state: Path, theme: str, size: str, every: list[str]) -> None:
        window = {"width": WIDTHS[size], "height": SHORTEST}
        with self._browser.new_context(storage_state=state, viewport=window, color_scheme=theme) as visit:
            page = visit.new_page()
            page.on("console", self._hear)
            page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
            page.on("response", self._see)
            for path in every:
                self._take(page, path, BUILD / "screenshots" / size / theme)

    def _take(self, page: Page, path: str, folder: Path) -> None:
        page.goto(self._home + path, wait_until="load", timeout=A_PICTURE_TAKES)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            self.wrong.append(f"{path} is {wider} px wider than {folder.parent.name}")
        if folder.parent.name == "desk":  # what it asks is the same at every width
            self._ask_axe(page, path)
        window = page.viewport_size or {"width": WIDTHS[folder.parent.name], "height": SHORTEST}
        height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
        page.set_viewport_size({**window, "height": max(height, SHORTEST)})
        page.screenshot(path=folder / f"{self._name(path)}.png", timeout=A_PICTURE_TAKES)
        page.set_viewport_size(window)

    def _ask_axe(self, page: Page, path: str) -> None:
        for one in Axe().run(page).response["violations"]:
            self.wrong += [f"{path}: axe finds {one['id']} in {node['html'][:120]}" for node in one["nodes"]]

    def _name(self, path: str) -> str:
        for what, incident_id in vars(self._story).items():
            path = path.replace(incident_id, what)
        path = re.sub(r"(sig|whk|hnd)_\w+|(?<=/status/i/)\w+", "one", path)
        return re.sub(r"[^\w-]+", "-", path).strip("-") or "now"

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.location.get('url', '')}: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} {response.url}")


def run() -> int:
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        print("This needs Chromium: apt-get install chromium", file=sys.stderr)
        return 2
    shutil.rmtree(BUILD / "screenshots", ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        database_url = f"sqlite:///{folder}/tocsin.db"
        rose_port = _free_port()
        story = told(database_url, rose_port)
        with rehearsal(database_url, rose_port) as (home, way_in), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            wrong = _pictures(browser, home, way_in, story, Path(folder) / "state.json")
            browser.close()
    for one in dict.fromkeys(wrong):
        print(one, file=sys.stderr)
    return 1 if wrong else 0


def _pictures(browser: Browser, home: str, way_in: str, story: Story, state: Path) -> list[str]:
    page = browser.new_page()
    page.goto(way_in)
    page.click("main form button")
    page.wait_for_url(f"{home}/")
    page.context.storage_state(path=state)
    every, photographer = sorted({*paths(story), *linked(page, home)}), Photographer(browser, home, story)
    page.close()
    for theme in THEMES:
        for size in WIDTHS:
            photographer.visit(state, theme, size, every)
    print(f"{len(every)} pages, {len(every) * len(THEMES) * len(WIDTHS)} pictures in build/screenshots")
    return photographer.wrong


if __name__ == "__main__":
    sys.exit(run())
