"""Taking a look, with no unit of work open: what the plan has us look at, and a second address where that is needed."""

from collections.abc import Callable
from dataclasses import replace

import aiohttp

from tocsin.db.engine import Tx
from tocsin.response import looking, measuring
from tocsin.response.looking import AnyLook, Look, MeasureLook, PageLook
from tocsin.watch import connections, numbers, outcomes, probes
from tocsin.watch.outcomes import Reading


async def see(session: aiohttp.ClientSession, look: AnyLook, user_agent: str) -> Callable[[Tx], None]:
    """Take a look, and return what learns from it in a unit of work."""
    if isinstance(look, PageLook):
        page, more = await probes.look_at_page(session, look.address, look.known, looking.WAIT_FOR_PAGE, user_agent)
        return lambda tx: looking.learn_page(tx, look, page, more)
    if isinstance(look, MeasureLook):
        read = await numbers_of(session, look, user_agent)
        return lambda tx: measuring.learn(tx, look, read)
    reading = await _read(session, look, user_agent)
    control = None
    if look.probe.control and outcomes.may_be_ours(reading):
        control = await probes.look(session, look.probe.control, (), look.probe.timeout, user_agent)
    return lambda tx: looking.learn(tx, look, reading, control)


async def numbers_of(session: aiohttp.ClientSession, look: MeasureLook, user_agent: str) -> Reading:
    one = look.measure
    path, accept = numbers.path(one), numbers.accept(one)
    return await probes.look_at_numbers(session, one.url, path, one.timeout, user_agent, accept)


async def _read(session: aiohttp.ClientSession, look: Look, user_agent: str) -> Reading:
    probe = look.probe
    if not probe.url.startswith(("http://", "https://")):
        return await connections.look(probe.url, probe.timeout)
    expect = looking.expectation(probe)
    reading = await probes.look(session, probe.url, probe.paths, probe.timeout, user_agent, expect)
    if probe.certificate_days is None or reading.failure is not None:
        return reading
    return replace(reading, certificate_ends_at=await connections.certificate_end(probe.url, probe.timeout))
