"""Names that hang: whoever asks for others, and whoever connects by an address, is not held up."""

import asyncio
import socket
import threading

import aiohttp
import pytest
import uvloop

from tests.http.test_probe_fetch import always, answer, server
from tocsin.delivery.http import NamesResolver, PublicResolver
from tocsin.kit.names import Names

HERE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


class NameServer:
    """Answers for every name but those that begin with `silent`, for which it waits until it is let go."""

    def __init__(self):
        self.asked = []
        self.let_go = threading.Event()

    def __call__(self, host, port, **wanted):
        self.asked.append(host)
        if host.startswith("silent"):
            self.let_go.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return HERE


def test_names_that_hang_hold_up_no_other_name_and_no_connection():
    asking = NameServer()

    async def run():
        async with server(always(answer(b"well"))) as (base, _):
            resolver = PublicResolver(allow_private=True, inner=NamesResolver(Names(asking)))
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver, limit=0)) as session:
                hung = [asyncio.create_task(got(session, f"http://silent-{at}.example/")) for at in range(12)]
                await asyncio.sleep(0)
                named = base.replace("127.0.0.1", "rose.example")
                try:
                    async with asyncio.timeout(10):
                        return [await got(session, named), await got(session, base)]
                finally:
                    asking.let_go.set()
                    await asyncio.gather(*hung, return_exceptions=True)

    # The loop of the server: with it, a connection waits where look-ups do.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()) == [200, 200]


async def got(session, url):
    async with session.get(url) as response:
        return response.status


def test_a_name_that_several_ask_for_is_looked_up_once_and_outlives_whoever_gives_up():
    asking = NameServer()

    async def run():
        names = Names(asking)
        first, second = (asyncio.create_task(names.look_up("silent.example")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        asking.let_go.set()
        with pytest.raises(socket.gaierror):
            await second
        assert first.cancelled() and asking.asked == ["silent.example"]
        assert await names.look_up("rose.example") == [(socket.AF_INET, "127.0.0.1")]
        assert asking.asked == ["silent.example", "rose.example"]

    asyncio.run(run())


def test_only_so_many_names_are_looked_up_at_a_time():
    asking = NameServer()

    async def run():
        names = Names(asking, most=2)
        hung = [asyncio.create_task(names.look_up(f"silent-{at}.example")) for at in range(4)]
        await asyncio.sleep(0.05)
        assert len(asking.asked) == 2
        asking.let_go.set()
        await asyncio.gather(*hung, return_exceptions=True)
        assert len(asking.asked) == 4

    asyncio.run(run())
