"""The room of an incident with a thousand entries, in a browser: how soon something stands there, how much is fetched,
and whether anything keeps the page from answering a key."""

import shutil

from playwright.sync_api import Page, Response, sync_playwright

from bench import installation
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import commands as people_commands
from tocsin.plan import store as plans
from tocsin.response import commands
from tocsin.settings import Settings

ENTRIES = 1000
TIMES = 7
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
LONG_TASKS = """
  window.long = [];
  new PerformanceObserver((list) => window.long.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def room() -> list[Measured]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise RuntimeError("this needs Chromium")
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        incident, secret = _long_record(made.database_url)
        with installation.server(made, folder / "log") as server:
            home = f"http://127.0.0.1:{server.port}"
            return _visited(browser, f"{home}/signin/{secret}", f"{home}/incidents/{incident}")


def _long_record(database_url: str) -> tuple[str, str]:
    """An incident on which much was written, and a link to sign in with."""
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, title="Replies hang", severity="P1", type="service_outage", service="rose")
        for number in range(ENTRIES - incident.entries):
            commands.note(tx, incident.id, f"Looked at part {number}: the queue is long, and nobody takes from it.")
        handle = next(iter(plans.current(tx).people))
        people_commands.first_link(tx, handle)
        secret = people_commands.signin_link(tx, handle)
    app.database.dispose()
    return incident.id, secret


def _visited(browser: str, way_in: str, url: str) -> list[Measured]:
    """Each visit is a first one: nothing of it is in the browser's cache."""
    paints, weights, tasks = [], [], []
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser, args=FLAGS) as chromium:
        visitor = chromium.new_context()
        page = visitor.new_page()
        page.goto(way_in)
        page.click("main form button")
        page.wait_for_url("**/")
        state = visitor.storage_state()
        for _ in range(TIMES):
            fresh = chromium.new_context(storage_state=state)
            weights.append(_weight(page := fresh.new_page(), url))
            paints.append(float(page.evaluate(PAINT)))
            tasks.append(max(page.evaluate("window.long"), default=0.0))
            fresh.close()
    return [
        Measured(
            name="room, first contentful paint",
            value=percentile(paints, 50),
            unit="ms",
            target=500,
            less_is_better=True,
        ),
        Measured(name="room, fetched", value=max(weights), unit="kB", target=150, less_is_better=True),
        Measured(name="room, longest task", value=percentile(tasks, 50), unit="ms", target=50, less_is_better=True),
    ]


def _weight(page: Page, url: str) -> float:
    """Open it; the kilobytes that came for it, heads included."""
    sizes: list[float] = []

    def came(response: Response) -> None:
        if "/live" not in response.url:  # it goes on
            found = response.request.sizes()
            sizes.append(found["responseBodySize"] + found["responseHeadersSize"])

    page.on("requestfinished", lambda request: came(request.response()) if request.response() else None)
    page.add_init_script(LONG_TASKS)
    page.goto(url, wait_until="load")
    page.wait_for_timeout(700)
    if page.locator("#entries > li[id]").count() == 0:
        raise RuntimeError("there is no timeline in the room")
    return sum(sizes) / 1024
