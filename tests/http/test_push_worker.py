"""The pages that add a device or subscribe one to the status page, and the worker that shows pushes, in a real browser.

Its push service can't be reached from a test, so a subscription of the stand-in takes the place of what that would
give; what the service would bring is handed to the worker as the browser itself does.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Worker, expect

from tests.http.test_browser import an_incident, browser, signed_in
from tests.support import webpush
from tests.support.server import OPERATOR, Server, running_server, wait_until
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET
from tocsin.comms.subscribers import composing, outbox
from tocsin.comms.subscribers import store as subscribers
from tocsin.comms.subscribers.composing import House
from tocsin.comms.subscribers.model import Note, State, Subscriber
from tocsin.comms.subscribers.outbox import Due
from tocsin.comms.subscribers.store import Wanted
from tocsin.db import settings as kept
from tocsin.delivery.webpush import shown as shown_by_browser
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Way
from tocsin.response import fanout

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sink: SmtpSink) -> Iterator[Server]:
    """One for all: each test has a browser of its own, and looks for what it made itself."""
    folder = tmp_path_factory.mktemp("pushed")
    url = f"sqlite:///{folder / 'tocsin.db'}"
    about = {"TOCSIN_PUSH_CONTACT": "mailto:ops@rose.example"}
    with running_server(folder, url, sink.port, plan=QUIET, **about) as server:
        yield server


@pytest.fixture
def context(server: Server, browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    context.grant_permissions(["notifications"], origin=server.url)
    own = webpush.Browser(f"https://push.example.org/send/{secrets.token_hex(8)}")
    context.add_init_script(SUBSCRIBES % json.dumps(own.subscription))
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


REMEMBERS = """() => {
  if (self.said) return;
  self.said = [];
  const { showNotification } = ServiceWorkerRegistration.prototype;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await showNotification.call(this, title, options);
    self.said.push(options.body);
  };
}"""


def push(context: BrowserContext, page: Page, server: Server, about: dict[str, Any]) -> Worker:
    """Let the browser hand a push to the worker, which from then on remembers what it has shown."""
    tools = context.new_cdp_session(page)
    found: list[dict[str, Any]] = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    tools.send("ServiceWorker.enable")
    for _ in range(1500):
        if found:
            break
        page.wait_for_timeout(20)
    (worker,) = context.service_workers
    worker.evaluate(REMEMBERS)
    about = {"origin": server.url, "registrationId": found[0]["registrationId"], "data": json.dumps(about)}
    tools.send("ServiceWorker.deliverPushMessage", about)
    return worker


def press(worker: Worker) -> None:
    """The button of the notification that says yes to the page."""
    worker.evaluate(
        """async () => {
          const [notification] = await self.registration.getNotifications();
          self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action: "acknowledge" }));
        }"""
    )


def shown(page: Page, worker: Worker, holds: str = "") -> list[dict[str, Any]]:
    """All notifications, once the worker has shown another, one that `holds` these words.

    They are asked for only then: Chromium forgets a notification that it is asked for while it is about to show it.
    """
    ask = """async () => {
      self.said = [];
      const all = await self.registration.getNotifications();
      return all.map((one) => ({ title: one.title, body: one.body, buttons: one.actions.length }));
    }"""
    for _ in range(1500):
        if any(holds in body for body in worker.evaluate("self.said")):
            found: list[dict[str, Any]] = worker.evaluate(ask)
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
    before = len(sink.messages)
    incident = an_incident(server)
    mail = sink.wait_for(before + 1, timeout=30)[before]
    link = next(word for word in mail.text.split() if "/a/" in word)
    page = {"title": "[P1] Voice", "text": "It hangs", "link": link, "answer": link, "stays": True, "tag": "msg_1"}
    worker = push(context, added, server, page)
    assert shown(added, worker) == [{"title": "[P1] Voice", "body": "It hangs", "buttons": 2}]
    press(worker)
    with server.client() as client:
        for _ in range(1500):
            if client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_at"]:
                break
            added.wait_for_timeout(50)
        assert client.get(f"/api/v1/incidents/{incident}").json()["acknowledged_by"]
    said = shown(added, worker, "Acknowledged by you at")
    assert [(one["title"], one["buttons"]) for one in said] == [("[P1] Voice", 0)]


def test_an_answer_that_does_not_get_through_leaves_the_page_and_its_buttons(
    server: Server, context: BrowserContext, added: Page
) -> None:
    nowhere = "http://127.0.0.1:9/a/x"  # where nothing answers
    page = {"title": "[P1] Voice", "text": "It hangs", "link": nowhere, "answer": nowhere, "tag": "msg_2"}
    worker = push(context, added, server, page)
    shown(added, worker)
    for _ in range(2):  # also when it is tried again
        press(worker)
        said = shown(added, worker, "NOT ANSWERED")
        words = "NOT ANSWERED. There is no connection. Try again.\nIt hangs"
        assert said == [{"title": "[P1] Voice", "body": words, "buttons": 2}]


def device(server: Server, handle: str = "ana") -> tuple[str, str]:
    """Of the browser that somebody added last: what is shown of it, and where it is pushed to."""

    def last(tx: Any) -> tuple[str, str]:
        one = people.contacts(tx, [handle])[handle][-1]
        return one.address, json.loads(tx.keys.shown(one.secret))["endpoint"]

    found: tuple[str, str] = server.ask(last)
    return found


RENEWS = """
  (fresh) => {
    const event = new ExtendableEvent("pushsubscriptionchange");
    Object.assign(event, { oldSubscription: null, newSubscription: fresh });
    self.dispatchEvent(event);
  }
"""


def test_the_worker_follows_its_browser_to_another_subscription(
    server: Server, context: BrowserContext, added: Page
) -> None:
    fresh = webpush.Browser("https://push.example.org/send/renewed")
    shown_before, _ = device(server)
    (worker,) = context.service_workers
    worker.evaluate(RENEWS, fresh.subscription)
    wait_until(lambda: device(server)[1] == fresh.endpoint, what="the new subscription")
    assert shown_before.startswith("Chrome on ") and device(server)[0] != shown_before


def test_the_worker_changes_nothing_for_whoever_else_is_signed_in(
    server: Server, context: BrowserContext, added: Page
) -> None:
    before = device(server)
    signed_in(server, added, "ben")
    (worker,) = context.service_workers
    with added.context.expect_event("response", lambda one: one.url.endswith("/me/devices/renewed")) as answered:
        worker.evaluate(RENEWS, webpush.Browser("https://push.example.org/send/stranger").subscription)
    assert answered.value.status == 404
    assert device(server) == before


@pytest.mark.parametrize(("answer", "said"), [("denied", "at the sign beside its address"), ("default", "Press again")])
def test_whoever_did_not_allow_notifications_is_told_how_to(
    server: Server, context: BrowserContext, answer: str, said: str
) -> None:
    context.add_init_script(f"Notification.requestPermission = async () => '{answer}';")
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/me")
    page.click("#device button")
    expect(page.locator("#device-says")).to_contain_text(said)
    expect(page.locator("#device button")).to_be_enabled()


def test_a_page_says_at_once_that_its_browser_blocks_notifications(server: Server, context: BrowserContext) -> None:
    context.add_init_script("Object.defineProperty(Notification, 'permission', { get: () => 'denied' });")
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/me")
    expect(page.locator("#device-says")).to_contain_text("may show no notifications")


def test_a_browser_finds_itself_among_the_devices(server: Server, context: BrowserContext, added: Page) -> None:
    _, endpoint = device(server)
    own = json.dumps({"endpoint": endpoint})
    context.add_init_script(f"PushManager.prototype.getSubscription = async () => ({own});")
    added.goto(f"{server.url}/me")
    expect(added.locator("#device-says")).to_have_text("This browser is on the list above.")
    expect(added.locator("#device button")).to_be_disabled()
    expect(added.locator("#contacts [data-here]:visible").first).to_have_text(", the one that you look at")


def test_a_browser_that_can_not_be_pushed_to_is_told(server: Server, context: BrowserContext) -> None:
    context.add_init_script("delete window.PushManager;")
    page = context.new_page()
    signed_in(server, page)
    page.goto(f"{server.url}/me")
    assert page.locator("#device button").is_disabled()
    assert "can't be pushed to" in page.locator("#device-says").inner_text()


# ---- Whoever subscribes to the status page in this very browser ----


def pushed(server: Server, kind: Note) -> dict[str, Any]:
    """What the browser of the one subscriber would be brought by the push service: the newest message of this kind."""
    app = server.app()
    try:
        with app.database.read(OPERATOR) as tx:
            one = only_subscriber(tx)
            row = next(each for each in outbox.sent_to(tx, one.id)[::-1] if each.kind == kind)
            told = outbox.announcement(tx, row.announcement_id) if row.announcement_id else None
            key = kept.signing_key(tx)
            house = House(name=plans.current(tx).name, base=server.url, key=key)
    finally:
        app.database.dispose()
    due = Due(
        id=row.id,
        kind=kind,
        announcement_id=row.announcement_id,
        lane="push",
        created_at=row.created_at,
        attempts=1,
        subscriber=one,
    )
    own = composing.tokens(house, one.id, row.created_at)
    return shown_by_browser(fanout.message(house, due, told, own))


def asks_for_updates(server: Server, context: BrowserContext, language: str = "de") -> Page:
    page = context.new_page()
    page.goto(f"{server.url}/status/subscribe?lang={language}")
    page.wait_for_timeout(3200)  # whoever is faster than a person is taken for a machine
    page.click("#device button")
    page.wait_for_url("**/status/subscribe?asked=1*")
    return page


def only_subscriber(tx: Any) -> Subscriber:
    """Whoever subscribed, with what stands sealed in the database."""
    (one,) = subscribers.listing(tx, Wanted())
    return replace(one, secret=tx.keys.open_(one.secret))


def subscriber(server: Server) -> Subscriber:
    found: Subscriber = server.ask(only_subscriber)
    return found


def test_a_browser_subscribes_to_the_status_page_confirms_by_a_push_and_is_pushed_what_is_posted(
    server: Server, context: BrowserContext
) -> None:
    page = asks_for_updates(server, context)
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    asked = json.loads(page.evaluate("localStorage.getItem('asked')"))
    assert asked["userVisibleOnly"] is True and len(webpush.decoded(asked["applicationServerKey"])) == 65
    one = subscriber(server)
    assert (one.way, one.state, one.language) == (Way.PUSH, State.UNCONFIRMED, "de")
    assert json.loads(one.secret or "").keys() == {"endpoint", "p256dh", "auth"}

    first = pushed(server, Note.CONFIRM)
    worker = push(context, page, server, first)
    (notice,) = shown(page, worker)
    assert notice["title"].startswith("Bestätige, dass du von der Statusseite") and "/confirm/" in first["link"]
    page.goto(first["link"])
    page.get_by_role("button", name="Ja, schickt mir Meldungen").click()
    page.wait_for_url("**/manage/**")
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.locator("h1").inner_text() == "Deine Meldungen" and subscriber(server).state is State.ACTIVE

    an_incident(server)
    wait_until(lambda: server.ask(outbox.sent_to, one.id)[-1].kind == Note.TOLD, what="the message of the update")
    update = pushed(server, Note.TOLD)
    push(context, page, server, update)
    both = shown(page, worker)
    assert len(both) == 2 and any("Wird untersucht: Voice replies" in each["title"] for each in both)
    assert "/status/de/i/" in update["link"]
    page.goto(update["link"])
    assert page.locator("h1").inner_text() == "Voice replies"
    assert said == []


def test_a_browser_whose_notifications_are_denied_is_told_in_its_language_and_nothing_is_kept(
    server: Server, browser: Browser
) -> None:
    before = server.ask(lambda tx: subscribers.listing(tx, Wanted()))
    context = browser.new_context()
    context.add_init_script("Notification.requestPermission = async () => 'denied';")
    page = context.new_page()
    page.goto(f"{server.url}/status/subscribe?lang=fr")
    page.click("#device button")
    page.get_by_text("Ce navigateur ne peut montrer aucune notification").wait_for()
    assert server.ask(lambda tx: subscribers.listing(tx, Wanted())) == before
    context.close()
