"""Taking a look, with no unit of work open: what the plan has us look at, and a second address where that is needed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from tocsin.db.engine import Tx
from tocsin.kit import redaction
from tocsin.plan.watching import RailwayLog
from tocsin.response import listening, looking, measuring
from tocsin.response.looking import AnyLook, JourneyLook, LogLook, Look, MeasureLook, PageLook
from tocsin.watch import connections, journeys, numbers, outcomes, probes, railway, tailing
from tocsin.watch.logs import Tail
from tocsin.watch.outcomes import Kind, Outcome, Reading
from tocsin.watch.tailing import Means, Piece, Token

SECOND_LOOK = timedelta(seconds=5)
_NO_MEANS = Means()


async def see(
    session: aiohttp.ClientSession, look: AnyLook, user_agent: str, means: Means = _NO_MEANS
) -> Callable[[Tx], None]:
    """Take a look, and return what learns from it in a unit of work."""
    if isinstance(look, PageLook):
        page, more = await probes.look_at_page(session, look.address, look.known, looking.WAIT_FOR_PAGE, user_agent)
        return lambda tx: looking.learn_page(tx, look, page, more)
    if isinstance(look, MeasureLook):
        read = await numbers_of(session, look, user_agent)
        return lambda tx: measuring.learn(tx, look, read)
    if isinstance(look, LogLook):
        piece = await piece_of(session, look, user_agent, means)
        return lambda tx: listening.learn(tx, look, piece)
    if isinstance(look, JourneyLook):
        return await _walked(session, look, user_agent)
    reading = await look_once(session, look, user_agent, means)
    control = None
    if look.probe.control and outcomes.may_be_ours(reading):
        control = await probes.look(session, look.probe.control, (), look.probe.timeout, user_agent)
    if looking.is_grave(look, reading, control):
        reading = looking.seen_twice(reading, await look_once(session, _briefly(look), user_agent, means), look.probe)
    return lambda tx: looking.learn(tx, look, reading, control)


def _briefly(look: Look) -> Look:
    """The same look once more, at once: it costs seconds at the most before the worst is declared."""
    return replace(look, probe=replace(look.probe, timeout=min(look.probe.timeout, SECOND_LOOK)))


async def numbers_of(session: aiohttp.ClientSession, look: MeasureLook, user_agent: str) -> Reading:
    one = look.measure
    path, accept = numbers.path(one), numbers.accept(one)
    return await probes.look_at_numbers(session, one.url, path, one.timeout, user_agent, accept)


async def piece_of(session: aiohttp.ClientSession, look: LogLook, user_agent: str, means: Means) -> Piece:
    url, tail = look.log.url, look.tail
    if look.log.railway is not None:
        return await _at_railway(session, look, look.log.railway, user_agent, means)
    if url is None:  # it is sent to us
        return Piece(tail)
    if url.startswith("file://"):
        return await asyncio.to_thread(_file, tail, Path(unquote(urlsplit(url).path)), means.folder)
    reading = await probes.look_at_log(session, url, tailing.wanted(tail), look.log.timeout, user_agent)
    return tailing.of_answer(tail, reading)


async def _at_railway(
    session: aiohttp.ClientSession, look: LogLook, log: RailwayLog, user_agent: str, means: Means
) -> Piece:
    if look.rests:
        return Piece(look.tail, limited="it is not asked for now, as Railway wants it")
    token = means.railway_tokens.get(log.token)
    if token is None:
        return Piece(look.tail, trouble=f"TOCSIN_RAILWAY_TOKENS has no token called {log.token}")
    body = railway.question(log, look.tail)
    reading = await probes.ask_railway(session, means.railway_url, token, body, look.log.timeout, user_agent)
    return tailing.at_railway(look.tail, reading)


def _file(tail: Tail, path: Path, folder: str) -> Piece:
    if not folder:
        return Piece(tail, trouble="TOCSIN_LOG_FOLDER is not set, and no file is read without it")
    if not path.resolve().is_relative_to(Path(folder).resolve()):
        return Piece(tail, trouble="the file does not lie in the folder of TOCSIN_LOG_FOLDER")
    return tailing.of_file(tail, path)


async def _walked(session: aiohttp.ClientSession, look: JourneyLook, user_agent: str) -> Callable[[Tx], None]:
    """Walk, and where that goes wrong once more at once: only what goes wrong twice is believed."""
    journey, left = look.journey, look.journey.per_day - look.walked
    if left < 1:
        often = f"walked {look.walked} times in a day; more is not allowed"
        spent = Outcome(kind=Kind.UNKNOWN, latency=timedelta(0), reason=often, path="")
        return lambda tx: looking.learn_walk(tx, look, spent, 0)
    outcome, walks = await probes.walk(session, journey, user_agent), 1
    if journeys.is_bad(outcome) and left > 1:
        outcome, walks = await probes.walk(session, journey, user_agent), 2
    return lambda tx: looking.learn_walk(tx, look, outcome, walks)


async def look_once(session: aiohttp.ClientSession, look: Look, user_agent: str, means: Means) -> Reading:
    probe = look.probe
    if not probe.url.startswith(("http://", "https://")):
        return await connections.look(probe.url, probe.timeout)
    known = means.probe_tokens.get(probe.token or "")
    if probe.token is not None and (known is None or known.host != urlsplit(probe.url).netloc.lower()):
        return _unasked(probe.token, known)
    expect = looking.expectation(probe)
    proof = known.header(probe.token_header) if known else {}
    reading = await probes.look(session, probe.url, probe.paths, probe.timeout, user_agent, expect, proof)
    if known is not None:  # some answer with what they were asked with
        reading = replace(reading, body=reading.body.replace(known.secret.encode(), redaction.MARK.encode()))
    if probe.certificate_days is None or reading.failure is not None:
        return reading
    return replace(reading, certificate_ends_at=await connections.certificate_end(probe.url, probe.timeout))


def _unasked(name: str, known: Token | None) -> Reading:
    """The settings say to whom a token goes: whoever may change the plan must not be able to send it elsewhere."""
    why = (
        f"TOCSIN_PROBE_TOKENS has no token called {name}" if known is None else f"the token {name} is for {known.host}"
    )
    return Reading(failure="no_token", detail=why, took=timedelta(0), path="")
