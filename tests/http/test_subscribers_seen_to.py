"""Subscribers as administrators see to them, what comes back, and the ways other than mail."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from tests.core.test_subscribers import REPORT
from tests.support.served import Served
from tests.support.smtp import SmtpSink
from tests.support.subscribed import enter, post_of, tell
from tests.support.teams import said, workflow
from tests.support.visitor import Visitor, console
from tests.support.webpush import Browser
from tocsin.cli import subscribers as cli
from tocsin.comms.subscribers import commands, links, outbox, store
from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.delivery.channel import Channel
from tocsin.delivery.http import PublicResolver, WebhookChannel, open_session, signature
from tocsin.delivery.slackhook import SlackHook
from tocsin.delivery.teams import TeamsMessages
from tocsin.kit.actor import STRANGER, SYSTEM
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.plan.model import Way
from tocsin.response.fanout import Fanout

PATH = "/api/v1/subscribers"
ADMINISTRATOR = (access.PEOPLE_WRITE,)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def everybody(here: Served) -> list[Subscriber]:
    with here.app.database.read(SYSTEM) as tx:
        return store.listing(tx, store.Wanted(limit=1000))


# ---- The API ----


def test_the_api_lists_counts_and_pages(here: Served) -> None:
    people = enter(here.app.database, 5)
    bearer = here.bearer(*ADMINISTRATOR)
    first = here.get(f"{PATH}?limit=3", headers=bearer).json()
    assert [one["id"] for one in first["subscribers"]] == [one.id for one in people[:3]]
    assert first["counts"] == [{"way": "email", "state": "active", "count": 5}]
    rest = here.get(f"{PATH}?limit=3&after={first['next']}", headers=bearer).json()
    assert (len(rest["subscribers"]), rest["next"]) == (2, None)
    assert "secret" not in rest["subscribers"][0]
    assert here.get(f"{PATH}?state=off", headers=bearer).json()["subscribers"] == []
    assert here.get(f"{PATH}?state=nothing", headers=bearer).status_code == 400
    assert [one["address"] for one in here.get(f"{PATH}?text=P2", headers=bearer).json()["subscribers"]] == [
        "p2@example.org"
    ]


def test_nobody_but_an_administrator_learns_who_they_are(here: Served) -> None:
    (one,) = enter(here.app.database, 1)
    weak = here.bearer(access.INCIDENT_READ, access.INCIDENT_WRITE, access.PLAN_WRITE)
    for method, path in [
        ("GET", PATH),
        ("GET", f"{PATH}/{one.id}"),
        ("POST", f"{PATH}/{one.id}/export"),
        ("POST", f"{PATH}/{one.id}/on"),
        ("DELETE", f"{PATH}/{one.id}"),
    ]:
        assert here.request(method, path, headers=weak).status_code == 403, path
        assert here.request(method, path).status_code == 401, path
    assert Visitor(here, "ben").open("/subscribers").status == 403


def test_one_is_turned_off_and_on_exported_and_erased_and_it_is_known_who_did_it(here: Served) -> None:
    (one,) = enter(here.app.database, 1)
    bearer = here.bearer(*ADMINISTRATOR, name="desk")
    own = f"{PATH}/{one.id}"
    assert here.post(f"{own}/off", headers=bearer, json={"why": "asked by telephone"}).status_code == 204
    assert here.post(f"{own}/off", headers=bearer, json={}).status_code == 409
    assert here.get(own, headers=bearer).json()["last_error"] == "asked by telephone"
    assert here.post(f"{own}/on", headers=bearer).status_code == 204
    found = here.post(f"{own}/export", headers=bearer).json()
    assert found["subscriber"]["address"] == "p0@example.org"
    assert here.request("DELETE", own, headers=bearer).status_code == 204
    assert here.get(own, headers=bearer).status_code == 404 == here.request("DELETE", own, headers=bearer).status_code
    with here.app.database.read(SYSTEM) as tx:
        acts = store.acts_of(tx, one.id)
    assert [(each.by, each.what) for each in acts] == [
        ("token:desk", what) for what in ("turned off", "turned on", "exported", "erased")
    ]
    assert "example.org" not in repr(acts)


def test_a_list_is_entered_whole_or_not_at_all(here: Served) -> None:
    bearer = here.bearer(*ADMINISTRATOR)
    bad = here.post(PATH, headers=bearer, json={"addresses": ["a@example.org", "b"], "consent": "they asked"})
    assert bad.status_code == 400 and "Line 2" in bad.text
    assert here.post(PATH, headers=bearer, json={"addresses": ["a@example.org"], "consent": " "}).status_code == 400
    assert everybody(here) == []
    good = here.post(PATH, headers=bearer, json={"addresses": ["a@example.org", "A@Example.org"], "consent": "yes"})
    assert good.json() == {"new": 1, "known": 0}
    assert [(one.state, one.consent) for one in everybody(here)] == [(State.ACTIVE, "yes")]


# ---- The page ----


def test_an_administrator_sees_to_them_on_a_page(here: Served) -> None:
    people = enter(here.app.database, 60)
    ana = Visitor(here, "ana")
    page = ana.open("/subscribers")
    assert page.says("60 in all") and page.html.count("/erase") == 50
    rest = ana.open(f"/subscribers?after={people[49].id}")
    assert rest.html.count("/erase") == 10
    one = people[0].id
    assert ana.press(page, f"/subscribers/{one}/off").status == 303
    off = ana.open("/subscribers?state=off")
    assert off.html.count("/erase") == 1 and off.says("ana: turned off")
    assert ana.press(off, f"/subscribers/{one}/export").answer.json()["subscriber"]["id"] == one
    assert ana.press(off, f"/subscribers/{one}/on").status == 303
    assert ana.press(page, f"/subscribers/{one}/erase").status == 303
    added = ana.press(
        ana.open("/subscribers"), "/subscribers/enter", addresses="x@example.org\ny@example.org", consent="ok"
    )
    assert added.status == 303 and len(everybody(here)) == 61


# ---- The terminal ----


def test_a_list_is_read_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text('E-Mail,Name\na@example.org,"Ana, A."\n\nb@example.org,Ben\n', encoding="utf-8-sig")
    assert cli._addresses(str(file)) == ["a@example.org", "b@example.org"]
    file.write_text("email\n", encoding="utf-8")
    with pytest.raises(Invalid):
        cli._addresses(str(file))
    with pytest.raises(Invalid):
        cli._addresses(str(tmp_path / "none.csv"))


# ---- What comes back ----


def mail_in(here: Served, body: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    url = here.app.database.url.render_as_string(hide_password=False)
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "mail-in"],
        input=body.encode(),
        env={**kept, "TOCSIN_DATABASE_URL": url},
        capture_output=True,
        check=False,
    )


def test_a_mail_that_comes_back_turns_its_subscriber_off(here: Served) -> None:
    announce(here)
    first, second = enter(here.app.database, 2)
    address = links.bounce_address(here.app.signing_key.encode(), "tocsin@example.org", first.id)
    delayed = mail_in(here, REPORT.format(to=address, action="delayed", status="4.4.1"))
    assert delayed.returncode == 0 and b"still tries" in delayed.stdout
    assert all(one.is_active for one in everybody(here))
    gone = mail_in(here, REPORT.format(to=address, action="failed", status="5.1.1"))
    assert gone.returncode == 0, gone.stderr
    assert [one.state for one in everybody(here) if one.id == first.id] == [State.OFF]
    assert [one.state for one in everybody(here) if one.id == second.id] == [State.ACTIVE]
    absence = mail_in(here, f"From: a@example.org\nTo: {address}\nSubject: Away\n\nI am away.\n")
    assert absence.returncode == 0 and b"left alone" in absence.stdout
    forged = mail_in(here, REPORT.format(to=address.replace("-", "-a", 2)[:-1], action="failed", status="5.1.1"))
    assert forged.returncode != 0


def test_the_return_address_of_a_mail_is_the_subscribers_own(here: Served) -> None:
    (one,) = enter(here.app.database, 1)
    announce(here)
    with SmtpSink() as sink:
        tell(here.app.database, sink, here.app.signing_key)
        assert links.bounced(here.app.signing_key.encode(), sink.messages[0].sender) == one.id


# ---- Other ways ----


def announce(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        told = Announcement(
            id="ann1",
            kind=Kind.UPDATE,
            about="inc_1",
            name="Voice <hangs> & more",
            stage="identified",
            text="We found it.\n<!channel> & https://evil.example",
            parts=("rose",),
            affects=("Voice",),
            path="/status/i/x",
            at=tx.now,
        )
        outbox.announce(tx, told)


class Hook:
    """A server of somebody's, that keeps what it is posted and says what it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[Mapping[str, str], bytes]] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((request.headers, await request.read()))
        return web.Response(status=self.status, text="ok" if self.status == 200 else "no_service")


@asynccontextmanager
async def hook() -> Any:
    one, application = Hook(), web.Application()
    application.router.add_post("/hook", one.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield one
    finally:
        await runner.cleanup()


async def turns(
    here: Served, way: Way, make: Callable[[ClientSession, PublicResolver], Channel], private: bool
) -> None:
    resolver = PublicResolver(allow_private=private)
    async with open_session(resolver, timedelta(seconds=5)) as session:
        channels = {way: make(session, resolver)}
        fanout = Fanout(here.app.database, post_of(None, here.app.signing_key, channels))
        while await fanout.turn():
            await fanout.drained()


def ask(here: Served, way: Way, address: str) -> None:
    here.app.database.run(STRANGER, lambda tx: commands.ask(tx, way, address, (), anywhere=True))


def test_a_webhook_confirms_by_what_it_is_sent_and_is_signed_with_its_own_secret(here: Served) -> None:
    make = lambda session, resolver: WebhookChannel(lambda: session, resolver, here.clock)  # noqa: E731

    async def story() -> None:
        async with hook() as there:
            await asyncio.to_thread(ask, here, Way.WEBHOOK, there.url)
            await turns(here, Way.WEBHOOK, make, private=True)
            first = json.loads(there.taken[0][1])
            assert first["type"] == "subscription.confirm" and first["data"].keys() == {"subject", "text", "confirm"}
            await asyncio.to_thread(_confirm, here, first["data"]["confirm"])
            await asyncio.to_thread(announce, here)
            await turns(here, Way.WEBHOOK, make, private=True)
            headers, body = there.taken[1]
            (one,) = await asyncio.to_thread(everybody, here)
            assert headers["webhook-id"] == f"ann1-{one.id}"
            assert one.secret is not None
            secret = here.app.database.keys.open_(one.secret)
            assert headers["webhook-signature"] == signature(secret, f"ann1-{one.id}", here.clock.now(), body)
            sent = json.loads(body)
            assert (sent["type"], sent["data"]["stage"], sent["data"]["affects"]) == (
                "status.update",
                "identified",
                ["rose"],
            )
            assert "/subscribe/leave/" in sent["data"]["unsubscribe"]

    asyncio.run(story())


def _confirm(here: Served, address: str) -> None:
    with here.app.database.work(STRANGER) as tx:
        commands.confirm(tx, address.rpartition("/")[2])


def test_an_address_inside_our_network_is_not_called(here: Served) -> None:
    make = lambda session, resolver: WebhookChannel(lambda: session, resolver, here.clock)  # noqa: E731

    async def story() -> None:
        async with hook() as there:
            await asyncio.to_thread(ask, here, Way.WEBHOOK, there.url)
            await turns(here, Way.WEBHOOK, make, private=False)
            assert there.taken == []

    asyncio.run(story())


def test_slack_is_told_in_words_that_call_nobody(here: Served) -> None:
    make = lambda session, resolver: SlackHook(lambda: session, resolver)  # noqa: E731

    async def story() -> None:
        async with hook() as there:
            await asyncio.to_thread(ask, here, Way.SLACK, there.url)
            await turns(here, Way.SLACK, make, private=True)
            first = json.loads(there.taken[0][1])["text"]
            await asyncio.to_thread(_confirm, here, next(one for one in first.split() if "/confirm/" in one))
            await asyncio.to_thread(announce, here)
            await turns(here, Way.SLACK, make, private=True)
            text = json.loads(there.taken[1][1])["text"]
            assert "&lt;!channel&gt; &amp; https" in text and "<" not in text
            there.status = 410
            await asyncio.to_thread(_announce_again, here)
            await turns(here, Way.SLACK, make, private=True)
            (one,) = await asyncio.to_thread(everybody, here)
            assert (one.state, one.last_error) == (State.OFF, "HTTP 410: no_service")

    asyncio.run(story())


def _announce_again(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        told = outbox.announcement(tx, "ann1")
        assert told is not None
        outbox.announce(tx, Announcement(**{**vars(told), "id": "ann2"}))


def test_teams_is_told_in_a_card(here: Served) -> None:
    make = lambda session, resolver: TeamsMessages(lambda: session, resolver)  # noqa: E731

    async def story() -> None:
        async with workflow() as there:
            await asyncio.to_thread(ask, here, Way.TEAMS, there.url)
            await turns(here, Way.TEAMS, make, private=True)
            (card,) = there.cards
            assert said(card)[0].startswith("Confirm that you want updates")
            await asyncio.to_thread(_confirm, here, card["actions"][0]["url"])
            await asyncio.to_thread(announce, here)
            await turns(here, Way.TEAMS, make, private=True)
            offered = {one["title"]: one["url"] for one in there.cards[1]["actions"]}
            assert next(iter(offered.values())).endswith("/status/i/x") and "/leave/" in offered["Unsubscribe"]
            assert not [line for line in said(there.cards[1])[1].splitlines() if line.endswith(":")]

    asyncio.run(story())


def test_a_browser_is_asked_by_a_push_that_leads_to_the_button(here: Served) -> None:
    browser = Browser()
    ask(here, Way.PUSH, json.dumps(browser.subscription))
    kept: list[Any] = []

    class Recording:
        async def send(self, message: Any) -> Any:
            kept.append(message)
            raise TimeoutError

    asyncio.run(turns(here, Way.PUSH, lambda *_: Recording(), private=False))
    (message,) = kept
    assert json.loads(message.secret)["endpoint"] == browser.endpoint
    assert "/subscribe/confirm/" in message.body.splitlines()[-1]
    (one,) = everybody(here)
    assert browser.endpoint not in one.address and one.state is State.UNCONFIRMED
