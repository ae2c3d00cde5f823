"""The room of an incident with a thousand entries, in a browser: how soon something stands there, how much is fetched,
and whether anything keeps the page from answering a key."""

import shutil
from collections.abc import Mapping

from playwright.sync_api import BrowserContext, Page, Response, sync_playwright

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
ELEMENTS = "document.querySelectorAll('*').length"
ABOUT_ITS_BODY = ("content-length", "content-encoding", "transfer-encoding")
SETTLED = 700  # ms, after which nothing of a page is still to be done
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
    paints, weights, tasks, floors = [], [], [], []
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser, args=FLAGS) as chromium:
        visitor = chromium.new_context()
        page = visitor.new_page()
        page.goto(way_in)
        page.click("main form button")
        page.wait_for_url("**/")
        state = visitor.storage_state()
        for _ in range(TIMES):
            fresh = chromium.new_context(storage_state=state)
            weight, heads = _weight(page := fresh.new_page(), url)
            weights.append(weight)
            paints.append(float(page.evaluate(PAINT)))
            tasks.append(max(page.evaluate("window.long"), default=0.0))
            elements = page.evaluate(ELEMENTS)
            fresh.close()
            floors.append(_bare(chromium.new_context(), url, heads, elements))
    return [
        Measured(
            name="room, first contentful paint",
            value=percentile(paints, 50),
            unit="ms",
            target=500,
            less_is_better=True,
        ),
        Measured(name="room, fetched", value=max(weights), unit="kB", target=150, less_is_better=True),
        Measured(
            name="room, longest task",
            value=percentile(tasks, 50),
            unit="ms",
            target=50,
            less_is_better=True,
            floor=percentile(floors, 50),  # of as many elements without any style or program of ours
        ),
    ]


def _bare(fresh: BrowserContext, url: str, heads: Mapping[str, str], elements: int) -> float:
    """The longest task of a page that is nothing but as many elements, in a process of its own as the heads ask for."""
    page = fresh.new_page()
    entries = "".join(f"<p><a href='#'>Entry {number}</a> <b>The queue is long.</b>" for number in range(elements // 3))
    body = f"<!doctype html><title>Bare</title>{entries}"
    told = {name: value for name, value in heads.items() if name not in ABOUT_ITS_BODY}
    page.route(url, lambda route: route.fulfill(headers=told, body=body))
    page.add_init_script(LONG_TASKS)
    page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLED)
    longest = float(max(page.evaluate("window.long"), default=0.0))
    fresh.close()
    return longest


def _weight(page: Page, url: str) -> tuple[float, Mapping[str, str]]:
    """Open it; the kilobytes that came for it, heads included, and the heads of the page itself."""
    sizes: list[float] = []

    def came(response: Response) -> None:
        if "/live" not in response.url:  # it goes on
            found = response.request.sizes()
            sizes.append(found["responseBodySize"] + found["responseHeadersSize"])

    page.on("requestfinished", lambda request: came(request.response()) if request.response() else None)
    page.add_init_script(LONG_TASKS)
    opened = page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLED)
    if opened is None or page.locator("#entries > li[id]").count() == 0:
        raise RuntimeError("there is no timeline in the room")
    return sum(sizes) / 1024, opened.headers
