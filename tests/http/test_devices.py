"""A browser is added as a contact method, proven by its first push, paged, and told of when its subscription ends."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served, served
from tests.support.visitor import Visitor, console
from tests.support.webpush import Browser, Service, decoded, serving
from tests.support.world import RecordingChannel
from tocsin import settings
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.db import settings as kept
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.delivery.webpush import WebPush
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Paged, Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import ContactMethod
from tocsin.response import commands, dispatch, readiness
from tocsin.settings import BadSetting

CONTACT = "mailto:ops@rose.example"
OUTAGE: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url, push_contact=CONTACT) as one:
        yield one


@pytest.fixture
def service(here: Served) -> Iterator[Service]:
    """The push service of everybody's browser, subscribed to with the key that the page names."""
    serves = serving(Service(here.clock.now(), here.app.push_key, CONTACT))
    yield here.run(serves.__aenter__())
    here.run(serves.__aexit__(None, None, None))


def send(here: Served, service: Service) -> list[Message]:
    """Let everything leave that is due; returns the mails."""
    _lead_to(here, service.browser)
    mail = RecordingChannel()

    async def story() -> None:
        resolver = PublicResolver(allow_private=True)
        with here.app.database.read(SYSTEM) as tx:
            secret = kept.push_key(tx)
        async with open_session(resolver, dispatch.SEND_WITHIN) as http:
            push = WebPush(lambda: http, resolver, here.clock, secret, CONTACT)
            while await dispatch.send_due(here.app.database, {"push": push, "email": mail}):
                pass

    here.run(story())
    return mail.sent


def _lead_to(here: Served, browser: Browser) -> None:
    """The stand-in speaks no TLS: what goes to the address that the browser named is led to it."""
    with here.app.database.work(SYSTEM) as tx:
        for table in (people.contact_method, outbox.table):
            tx.run(table.update().where(table.c.channel == "push").values(secret=browser.secret))


def add(here: Served, who: str = "ben", browser: Browser | None = None) -> Visitor:
    visitor = Visitor(here, who)
    about = json.dumps({**(browser or Browser()).subscription, "endpoint": "https://push.example.org/send/a1b2c3"})
    assert visitor.do("/me", "/me/devices", subscription=about).onward == "/me?done=device#contacts"
    return visitor


def methods(here: Served, who: str = "ben") -> list[ContactMethod]:
    with here.app.database.read(SYSTEM) as tx:
        return people.contacts(tx, [who])[who]


def verified(here: Served, service: Service, who: str = "ben") -> ContactMethod:
    """A browser that is added, and whose first push was answered."""
    visitor = add(here, who, service.browser)
    send(here, service)
    found = re.fullmatch(r"https://tocsin\.example\.org(/me\?\S+)#contacts", service.taken[-1].said["link"])
    assert found
    page = visitor.open(found[1])
    (verify,) = [form.action for form in page.forms() if form.action.endswith("/verify")]
    assert visitor.press(page, verify).status == 303  # the link has brought the code
    (method,) = methods(here, who)
    assert method.verified_at is not None
    return method


def declare(here: Served) -> Incident:
    found: Incident = here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **OUTAGE))
    return found


def test_a_device_is_added_and_counts_once_its_first_push_is_answered(here: Served, service: Service) -> None:
    page = Visitor(here, "ben").open("/me")
    assert f'data-key="{service.subscribed_with}"' in page.html and len(decoded(service.subscribed_with)) == 65
    verified(here, service)
    assert service.taken[0].headers["Urgency"] == "normal"


def test_a_page_is_pushed_and_its_address_answers_it(here: Served, service: Service) -> None:
    who = next(iter(people_paged(here)))
    verified(here, service, who)
    incident = declare(here)
    send(here, service)
    pushed = service.taken[-1]
    assert "Voice hangs" in pushed.said["title"] and pushed.headers["Urgency"] == "high"
    path = pushed.said["answer"].removeprefix("https://tocsin.example.org")
    assert here.post(path).status_code == 200  # as the service worker does
    with here.app.database.read(SYSTEM) as tx:
        assert incidents.load(tx, incident.id).acknowledged_by == who
    # The notification says in a line what became of it, also to whoever is second.
    again = here.post(path, headers={"accept": "application/json"})
    assert again.json()["said"].startswith("Acknowledged by you at ")


def people_paged(here: Served) -> tuple[str, ...]:
    """Whom an incident of this kind pages first."""
    incident = declare(here)
    with here.app.database.read(SYSTEM) as tx:
        found = [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, Paged)]
    here.app.database.run(SYSTEM, lambda tx: commands.acknowledge(tx, incident.id))
    return tuple(found[0].people)


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_ends_counts_no_more_and_its_owner_is_told(
    here: Served, service: Service, status: int
) -> None:
    who = people_paged(here)[0]
    method = verified(here, service, who)
    service.answers.append((status, {}))
    incident = declare(here)
    mails = send(here, service)
    (told,) = [one for one in mails if one.audience == "contact"]
    assert told.person == who and "paged no more by push" in told.subject and "/me#contacts" in told.body
    assert [one.person for one in mails if one.page_id] == [who]  # the page itself comes by mail
    with here.app.database.read(SYSTEM) as tx:
        lost = [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, Undelivered)]
        doctor = readiness.hindrances(tx, has_mail=True, offers=here.app.offers)
    assert lost[0].reason == f"HTTP {status}: the browser is subscribed no more"
    assert any(f"Ended by itself: push of {who}" in one for one in doctor)
    (ended,) = methods(here, who)
    assert (ended.id, ended.verified_at) == (method.id, None)
    seen = Visitor(here, who).open("/me")
    assert seen.says("ended") and not [one for one in seen.forms() if one.action.endswith("/verify")]
    headers = here.bearer("incidents:read", "incidents:write", person=who)
    (shown,) = here.get("/api/v1/people/me/contacts", headers=headers).json()["contacts"]
    assert shown["ended"] and not shown["verified"]
    again = here.post(f"/api/v1/people/me/contacts/{method.id}/code", headers=headers)
    assert again.status_code == 409 and "add it anew" in again.text


def test_the_address_of_a_browser_is_shown_to_nobody(here: Served, service: Service) -> None:
    ben = add(here, "ben")
    (method,) = methods(here)
    assert re.fullmatch(r"https://push\.example\.org/…\w{6}", method.address)
    headers = here.bearer("*", person="ana")
    for text in (
        ben.open("/me").html,
        here.get("/api/v1/people/ben/contacts", headers=headers).text,
        Visitor(here, "ana").open("/people").html,
    ):
        assert "a1b2c3" not in text and "p256dh" not in text


def test_a_device_is_added_once_and_over_the_api_too(here: Served) -> None:
    browser = Browser()
    body = {"channel": "push", "address": json.dumps(browser.subscription)}
    headers = here.bearer("incidents:write", "incidents:read", person="ben")
    assert here.post("/api/v1/people/me/contacts", json=body, headers=headers).status_code == 201
    again = here.post("/api/v1/people/me/contacts", json=body, headers=headers)
    assert again.status_code == 409 and "already" in again.text
    page = Visitor(here, "ben").do("/me", "/me/devices", subscription=json.dumps(browser.subscription))
    assert page.status == 409 and page.says("already")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"endpoint": "http://push.example.org/x"}, "begins with https"),
        ({"endpoint": "https://"}, "begins with https"),
        ({"endpoint": "https://[x/"}, "begins with https"),
        ({"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, "not those of a browser"),
        ({"keys": {"p256dh": "ä", "auth": "!"}}, "not those of a browser"),
        ({"keys": None}, "no subscription"),
    ],
)
def test_what_no_browser_says_is_refused(here: Served, change: dict[str, Any], said: str) -> None:
    about = json.dumps({**Browser().subscription, **change})
    page = Visitor(here, "ben").do("/me", "/me/devices", subscription=about)
    assert page.status == 400 and page.says(said)
    assert methods(here) == []


RENEWED = "https://push.example.org/send/d4e5f6"
BEFORE = "https://push.example.org/send/a1b2c3"


def renew(visitor: Visitor, before: str = BEFORE, browser: Browser | None = None) -> int:
    """As the service worker does when its browser has another subscription."""
    about = json.dumps((browser or Browser(RENEWED)).subscription)
    fields = visitor.open("/me").form("/me/devices").fields
    return visitor.send("/me/devices/renewed", {**fields, "before": before, "subscription": about}).status


def kept_of(here: Served, method: ContactMethod) -> dict[str, str]:
    with here.app.database.read(SYSTEM) as tx:
        found: dict[str, str] = json.loads(tx.keys.shown(method.secret))
    return found


def test_a_browser_that_renews_its_subscription_is_pushed_to_there_and_counts_as_before(here: Served) -> None:
    ben = add(here)
    (before,) = methods(here)
    here.app.database.run(SYSTEM, lambda tx: people.verify_contact(tx, before.id))
    browser = Browser(RENEWED)
    assert renew(ben, browser=browser) == 204
    (after,) = methods(here)
    assert (after.id, after.verified_at is not None) == (before.id, True)
    assert after.address != before.address and kept_of(here, after) == json.loads(browser.secret)
    assert renew(ben, RENEWED, browser) == 204  # told twice, it is so already
    with here.app.database.read(SYSTEM) as tx:
        assert len(audit.listing(tx, Filter(deed=Deed.CONTACT_RENEWED), limit=9)) == 1


def test_nobody_renews_what_is_not_theirs_or_has_ended(here: Served) -> None:
    ben = add(here)
    (method,) = methods(here)
    assert renew(Visitor(here, "ana")) == 404
    assert renew(ben, "https://push.example.org/send/another") == 404
    assert Visitor(here).send("/me/devices/renewed", {"before": BEFORE}).status in (303, 403)
    here.app.database.run(SYSTEM, lambda tx: people.end_contacts(tx, "push", method.address, "HTTP 410"))
    assert renew(ben) == 404
    assert kept_of(here, methods(here)[0])["endpoint"] == BEFORE


def test_two_browsers_of_one_person_are_told_apart_by_their_names(here: Served) -> None:
    ben = Visitor(here, "ben")
    for agent in ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/8"):
        ben.client.headers["user-agent"] = agent
        assert ben.do("/me", "/me/devices", subscription=json.dumps(Browser().subscription)).status == 303
    named, unnamed = [one.address for one in methods(here)]
    assert named.startswith("Firefox on Linux, https://push.example.org/…")
    assert unnamed.startswith("https://push.example.org/…")


def test_a_server_without_pushes_offers_none(sqlite_url: str) -> None:
    with console(sqlite_url) as plain:
        ben = Visitor(plain, "ben")
        assert 'id="device"' not in ben.open("/me").html
        form = {**ben.open("/me").form("/me/contacts").fields, "subscription": json.dumps(Browser().subscription)}
        assert ben.send("/me/devices", form).status == 400
        with plain.app.database.read(SYSTEM) as tx:
            assert kept.read(tx, kept.PUSH_KEY) is None


def test_the_key_is_made_once(sqlite_url: str) -> None:
    with served(sqlite_url, push_contact=CONTACT) as first:
        key = first.app.push_key
    with served(sqlite_url, push_contact=CONTACT) as second:
        assert second.app.push_key == key


def test_the_worker_stands_above_every_page_and_is_asked_for_anew(here: Served) -> None:
    found = here.get("/push-worker.js")
    assert found.status_code == 200 and found.headers["content-type"].startswith("text/javascript")
    assert found.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "contact", ["ops@rose.example", "mailto:ops", "http://rose.example", "mailto:a b@rose.example"]
)
def test_a_contact_that_push_services_would_refuse_is_no_setting(contact: str) -> None:
    with pytest.raises(BadSetting, match="TOCSIN_PUSH_CONTACT"):
        settings.read({"TOCSIN_PUSH_CONTACT": contact})


def test_browsers_subscribe_over_https_alone() -> None:
    with pytest.raises(BadSetting, match="https"):
        settings.read({"TOCSIN_PUSH_CONTACT": CONTACT, "TOCSIN_BASE_URL": "http://tocsin.example.org"})
    assert settings.read({"TOCSIN_PUSH_CONTACT": CONTACT}).push_contact == CONTACT  # on this machine they do


LOADED = """
import sys
from tocsin.app import App
from tocsin.kit.clock import SystemClock
from tocsin.main import asgi
from tocsin.settings import Settings

app = App(Settings(database_url=sys.argv[1], push_contact=sys.argv[2]), SystemClock())
app.prepare()
asgi(app)
print([name for name in ("tocsin.delivery.webpush", "py_vapid.jwt", "py_vapid.utils") if name in sys.modules])
"""


def test_the_libraries_wait_for_the_first_push(sqlite_url: str) -> None:
    def loaded(contact: str) -> str:
        started = [sys.executable, "-c", LOADED, sqlite_url, contact]
        return subprocess.run(started, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    assert loaded("") == "[]"
    assert loaded(CONTACT) == "['tocsin.delivery.webpush']"
