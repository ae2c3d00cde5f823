"""Pages that are open change in place: who is told what, and who is told nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.support.ending import mend
from tests.support.served import Served
from tests.support.visitor import console
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import to_millis
from tocsin.people import access, sessions
from tocsin.people import store as people
from tocsin.response import commands, secrecy
from tocsin.settings import Settings
from tocsin.web import cookies, drawing, live, site
from tocsin.web.live import Hub, Stream

LONGEST = 30.0  # seconds


@pytest.fixture
def here(database_url: str) -> Iterator[Served]:
    with console(database_url) as one:
        yield one


class Desk:
    """Some pages that are open on one node."""

    def __init__(self, here: Served, hub: Hub) -> None:
        self.here, self.hub, self.app = here, hub, here.app

    async def open(self, handle: str, watch: str) -> Stream:
        secret = self.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, handle))
        visitor = await self.hub.admitted(secret)
        assert visitor is not None
        assert await self.hub.may_watch(visitor, watch)
        stream = Stream(watch, secret, visitor)
        self.hub.join(stream, to_millis(self.app.database.now()))
        await self.drawn()
        self.here.clock.advance_to(self.here.clock.now() + timedelta(seconds=2))
        return stream

    async def drawn(self) -> None:
        """Until nothing is being drawn: what comes then is compared with what stood there."""
        until = time.monotonic() + LONGEST
        while any(page.drawing or not page.parts for page in self.hub._pages.values()):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)

    async def do(self, command: Callable[..., Any], *arguments: Any, by: str = "ben", app: App | None = None) -> Any:
        database = (app or self.app).database
        with database.read(SYSTEM) as tx:
            actor = access.person(people.load_person(tx, by))
        return await asyncio.to_thread(database.run, actor, lambda tx: command(tx, *arguments))


@asynccontextmanager
async def desk(here: Served) -> AsyncIterator[Desk]:
    hub = Hub()
    async with hub.attending(here.app, site.template_config().engine_instance.engine):
        yield Desk(here, hub)


async def told(stream: Stream, holds: str) -> list[bytes]:
    """What was sent until something of it holds this."""
    until = time.monotonic() + LONGEST
    while not any(holds.encode() in one for one in stream.waiting):
        assert time.monotonic() < until, f"{holds} was not told, but {list(stream.waiting)}"
        await asyncio.sleep(0.02)
    return [stream.waiting.popleft() for _ in range(len(stream.waiting))]


def parts(event: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(event.split(b"\ndata: ", 1)[1])
    return found


def declared(here: Served, severity: str = "P1") -> str:
    about: dict[str, Any] = {"title": "Voice hangs", "severity": severity, "type": "service_outage", "service": "rose"}
    return here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **about)).id


def test_what_is_written_stands_in_every_open_page_of_its_room(here: Served) -> None:
    incident = declared(here)

    async def story() -> None:
        async with desk(here) as one:
            ana, erin = await one.open("ana", f"incident/{incident}"), await one.open("erin", f"incident/{incident}")
            elsewhere = await one.open("ana", f"incident/{declared(here)}")
            elsewhere.waiting.clear()
            ana.waiting.clear()
            erin.waiting.clear()
            await one.do(commands.note, incident, "The queue is <b>long</b>")
            events = await told(ana, "is &lt;b&gt;long")
            changed = parts(next(one for one in events if b"is &lt;b&gt;long" in one))
            new = [name for name in changed if name.startswith("e")]
            assert len(new) == 1, "an entry that stood there is sent again"
            assert changed[new[0]].startswith(f'<li id="{new[0]}"')
            assert "roles-list" not in changed, "what is the same is sent too"
            await told(erin, "is &lt;b&gt;long")
            assert not any(b"queue is" in one for one in elsewhere.waiting)

    here.run(story())


def test_the_menu_of_every_open_page_counts_what_is_open(here: Served) -> None:
    declared(here)

    async def story() -> None:
        async with desk(here) as one:
            erin = await one.open("erin", "bell")
            erin.waiting.clear()
            second = await one.do(
                lambda tx: commands.declare(tx, title="Mail waits", severity="P3", type="high_error_rate")
            )
            events = await told(erin, "count-incidents")
            (count,) = [found["count-incidents"] for found in map(parts, events) if "count-incidents" in found]
            assert count.startswith('<span class="count" id="count-incidents">2<'), second.id

    here.run(story())


def test_a_confidential_incident_is_told_to_its_readers_alone(here: Served) -> None:
    incident = declared(here)

    async def story() -> None:
        async with desk(here) as one:
            await one.do(secrecy.add_responder, incident, "ben", "He knows the logs")
            await one.do(secrecy.make_confidential, incident, "Strange logins")
            ben, erin = await one.open("ben", "now"), await one.open("erin", "now")
            room = await one.open("ben", f"incident/{incident}")
            for stream in (ben, erin, room):
                stream.waiting.clear()
            await one.do(commands.change_severity, incident, "P0", "It is worse")
            await told(ben, "P0")
            await one.drawn()
            assert not erin.waiting, "somebody learns that something moved of which they may not know"
            stranger = await one.hub.admitted(erin.secret)
            assert stranger is not None
            assert not await one.hub.may_watch(stranger, f"incident/{incident}")
            await one.do(secrecy.add_responder, incident, "lucia", "She goes on")
            room.waiting.clear()
            await one.do(secrecy.remove_responder, incident, "ben", "He has gone home", by="lucia")
            await told(room, "event: end\ndata: gone")
            assert room.is_over

    here.run(story())


def test_a_stream_ends_with_its_session_and_no_slow_reader_fills_the_memory(here: Served) -> None:
    incident = declared(here)

    async def story() -> None:
        async with desk(here) as one:
            slow = await one.open("erin", f"incident/{incident}")
            for number in range(3 * live.MOST_WAITING):
                slow.tell(f"event: changed\ndata: {number}\n\n".encode())
            assert len(slow.waiting) <= live.MOST_WAITING
            assert live.MISSED in slow.waiting
            ana = await one.open("ana", "now")
            await asyncio.to_thread(here.app.database.run, SYSTEM, lambda tx: sessions.end(tx, ana.secret))
            await told(ana, "event: end\ndata: session")
            assert ana.is_over
            assert not slow.is_over
            for _ in range(live.MOST_EACH):
                one.hub.join(Stream("bell", "", slow.visitor), to_millis(here.app.database.now()))
            assert one.hub.is_full_for("erin")
            assert not one.hub.is_full_for("ben")

    here.run(story())


def test_whoever_was_away_is_told_that_they_missed_something(here: Served) -> None:
    incident = declared(here)

    async def story() -> None:
        async with desk(here) as one:
            first = await one.open("ana", f"incident/{incident}")
            left = to_millis(here.app.database.now())
            one.hub.leave(first)
            here.clock.advance_to(here.clock.now() + timedelta(seconds=5))
            again = Stream(f"incident/{incident}", first.secret, first.visitor)
            one.hub.join(again, left)
            assert not again.waiting
            one.hub.leave(again)
            await one.do(commands.note, incident, "Meanwhile")
            await asyncio.sleep(0.1)
            one.hub.join(again, left)
            assert again.waiting[0] == live.MISSED

    here.run(story())


def test_what_another_node_changes_is_shown_here(here: Served) -> None:
    """On PostgreSQL; a SQLite file has one server."""
    incident = declared(here)
    other = App(Settings(database_url=str(here.app.database.url.render_as_string(hide_password=False))), here.clock)
    other.database.watching.ask_for(drawing.TABLES)

    async def story() -> None:
        async with desk(here) as one:
            await asyncio.sleep(0.3)  # it listens
            ana = await one.open("ana", f"incident/{incident}")
            ana.waiting.clear()
            await one.do(commands.note, incident, "From the other machine", app=other)
            await told(ana, "From the other machine")

    if not here.app.database.is_sqlite:
        here.run(story())
    other.database.dispose()


def test_a_page_is_cut_where_its_template_says() -> None:
    page = "<p>a</p><!--live one--><p id=one>b</p><!--/live--> c <!--live e12-->\n<li id=e12>d</li>\n<!--/live-->"
    assert drawing.cut(page) == {"one": "<p id=one>b</p>", "e12": "<li id=e12>d</li>"}


@pytest.mark.parametrize("path", ["/live", "/live?watch=now", "/live?watch=incident/inc_none"])
def test_nobody_listens_without_a_session(here: Served, path: str) -> None:
    assert here.get(path).status_code == 401


def test_whoever_owes_a_second_factor_hears_of_no_page_but_of_the_line_on_top(sqlite_url: str) -> None:
    """It stands on the page where they set the factor up."""

    async def story(here: Served) -> None:
        async with desk(here) as one:
            secret = here.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, "ben"))
            assert await answered(one.hub, secret, "now") == 200
            here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ben", "it is one"))
            assert await answered(one.hub, secret, "now") == 401
            assert await answered(one.hub, secret, "bell") == 200

    with console(sqlite_url, require_second_factor=True) as here:
        here.run(story(here))


async def answered(hub: Hub, secret: str, watch: str) -> int:
    """The status of the answer to a browser that asks and goes at once."""
    scope: Any = {"type": "http", "method": "GET", "query_string": f"watch={watch}".encode()}
    scope["headers"] = [(b"cookie", f"{cookies.SESSION}={secret}".encode())]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await live._answer(hub, scope, receive, send)
    return int(sent[0]["status"])


def test_what_stands_beside_a_list_and_what_can_be_done_next_change_too(here: Served) -> None:
    incident = declared(here)

    async def story() -> None:
        async with desk(here) as one:
            ana = await one.open("ana", f"incident/{incident}")
            await one.do(commands.assign, incident, "scribe", "ben")
            events = await told(ana, "1 of 4 filled")
            assert any("Hand over to" in parts(one).get("roles-list", "") for one in events if b"changed" in one)
            await one.do(mend, incident, "Restarted it")
            events = await told(ana, "Before it can be closed")
            steps = [parts(one).get("steps", "") for one in events if b"Before it can be closed" in one]
            assert steps and "Mark as fixed" not in steps[-1]

    here.run(story())
