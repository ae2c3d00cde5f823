"""The page that adds a device and the worker that shows pushes, in a real browser.

Its push service can't be reached from a test, so a subscription of the stand-in takes the place of what that would
give; what the service would bring is handed to the worker as the browser itself does.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Worker

from tests.http.test_browser import an_incident, browser, signed_in
from tests.support import webpush
from tests.support.server import Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET

pytestmark = pytest.mark.needs("chromium")
__all__ = ["browser"]

SUBSCRIBES = """
  window.asked = [];
  PushManager.prototype.subscribe = async function (options) {
    window.asked.push(options);
    localStorage.setItem("asked", JSON.stringify(options));
    return %s;
  };
"""


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as one:
        yield one


@pytest.fixture
def server(tmp_path: Path, sink: SmtpSink) -> Iterator[Server]:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    about = {"TOCSIN_PUSH_CONTACT": "mailto:ops@rose.example"}
    with running_server(tmp_path, url, sink.port, plan=QUIET, **about) as server:
        yield server


@pytest.fixture
def context(server: Server, browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    context.grant_permissions(["notifications"], origin=server.url)
    context.add_init_script(SUBSCRIBES % json.dumps(webpush.Browser().subscription))
    yield context
    context.close()


@pytest.fixture
def added(server: Server, context: BrowserContext) -> Page:
    """The page after the device was added."""
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/me")
    page.click("#device button")
    page.wait_for_url("**/me?done=device*")
    return page


def push(context: BrowserContext, page: Page, server: Server, about: dict[str, Any]) -> Worker:
    """Let the browser hand a push to the worker."""
    tools = context.new_cdp_session(page)
    found: list[dict[str, Any]] = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    tools.send("ServiceWorker.enable")
    for _ in range(100):
        if found:
            break
        page.wait_for_timeout(20)
    about = {"origin": server.url, "registrationId": found[0]["registrationId"], "data": json.dumps(about)}
    tools.send("ServiceWorker.deliverPushMessage", about)
    (worker,) = context.service_workers
    return worker


def shown(page: Page, worker: Worker) -> list[dict[str, Any]]:
    ask = "self.registration.getNotifications().then(all => all.map(one => ({title: one.title, body: one.body})))"
    for _ in range(100):
        found: list[dict[str, Any]] = worker.evaluate(ask)
        if found:
            return found
        page.wait_for_timeout(20)
    return []


def test_a_device_is_added_by_a_button_with_the_servers_key(server: Server, added: Page) -> None:
    asked = json.loads(added.evaluate("localStorage.getItem('asked')"))
    assert asked["userVisibleOnly"] is True
    assert len(webpush.decoded(asked["applicationServerKey"])) == 65
    assert added.locator("#contacts").inner_text().count("push.example.org") >= 1
    assert added.locator("form[action$='/verify']").count() == 1


def test_a_push_is_shown_and_its_button_acknowledges(
    server: Server, context: BrowserContext, added: Page, sink: SmtpSink
) -> None:
    incident = an_incident(server)
    (mail, *_) = sink.wait_for(1, timeout=30)
    link = next(word for word in mail.text.split() if "/a/" in word)
    page = {"title": "[P1] Voice", "text": "It hangs", "link": link, "answer": link, "stays": True, "tag": "msg_1"}
    worker = push(context, added, server, page)
    assert shown(added, worker) == [{"title": "[P1] Voice", "body": "It hangs"}]
    worker.evaluate(
        """async () => {
          const [notification] = await self.registration.getNotifications();
          self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action: "acknowledge" }));
        }"""
    )
    with server.client() as client:
        for _ in range(100):
            if client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_at"]:
                break
            added.wait_for_timeout(50)
        assert client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_by"]


def test_a_browser_that_can_not_be_pushed_to_is_told(server: Server, context: BrowserContext) -> None:
    context.add_init_script("delete window.PushManager;")
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/me")
    assert page.locator("#device button").is_disabled()
    assert "can't be pushed to" in page.locator("#device-says").inner_text()
