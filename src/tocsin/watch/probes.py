"""Looking at a service over HTTP. Whatever the network does, a look ends in time and returns what it saw."""

import asyncio
import errno
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import aiohttp

from tocsin.kit.clock import stopwatch
from tocsin.plan.watching import Journey
from tocsin.watch import journeys, outcomes, statuspages
from tocsin.watch.journeys import Request
from tocsin.watch.outcomes import BODY_MOST, Expectation, Kind, Outcome, Reading

UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_PAGE_LIMIT = 2 * 1024 * 1024  # the history of every component stands in some of them
ENDED_EARLY = "the other side ended the connection before it was secure"
_USUAL = Expectation()
_NO_PROOF: Mapping[str, str] = {}
_USUAL_HEADERS = {"Accept": "application/json"}
# The look has one limit of its own; aiohttp's would add defaults that nobody chose and round them up.
_NO_LIMIT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_NO_ADDRESS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError)  # the last: names too long for DNS


async def look(
    session: aiohttp.ClientSession,
    url: str,
    paths: Sequence[str],
    timeout: timedelta,
    user_agent: str,
    expect: Expectation = _USUAL,
    proof: Mapping[str, str] = _NO_PROOF,
) -> Reading:
    """Ask for what `expect` describes and return what came back, never raising for what the network did.

    The next path is tried only while somebody answers with something else than that:
    a single-page application answers 200 to a path that does not exist. A path that times out or fails is the
    answer. The limit covers all paths together. Without paths, `url` itself is asked. What only does not fit the
    schema counts before what is found nowhere else.
    """
    ends = stopwatch() + timeout.total_seconds()
    first, *others = paths or ("",)
    is_json = expect.answer is None or expect.answer.json or expect.schema
    wanted = {"Accept": "application/json" if is_json else "*/*", **proof}
    reading = await _get(session, url, first, ends - stopwatch(), user_agent, headers=wanted)
    near: Reading | None = None
    for path in others:
        if outcomes.judge(reading, expect).kind is not Kind.WRONG_BODY:
            return reading
        near = reading if outcomes.is_but_for_schema(reading, expect) else near
        reading = await _get(session, url, path, ends - stopwatch(), user_agent, headers=wanted)
    is_elsewhere = near is not None and outcomes.judge(reading, expect).kind is Kind.WRONG_BODY
    return near if near and is_elsewhere and not outcomes.is_but_for_schema(reading, expect) else reading


async def look_at_page(
    session: aiohttp.ClientSession, url: str, known: str, timeout: timedelta, user_agent: str
) -> tuple[Reading, Reading | None]:
    """Read somebody's status page: what came, and a second page of their incidents where the first leaves them out.

    The path that answered last time is `known`; the others are tried while somebody answers with something else.
    """
    ends = stopwatch() + timeout.total_seconds()
    first, *others = sorted(statuspages.PATHS, key=lambda path: path != known)
    reading = await _get(session, url, first, ends - stopwatch(), user_agent, _PAGE_LIMIT)
    for path in others:
        if reading.failure is not None or statuspages.is_page(reading):
            break
        reading = await _get(session, url, path, ends - stopwatch(), user_agent, _PAGE_LIMIT)
    if not statuspages.leaves_incidents_out(reading):
        return reading, None
    return reading, await _get(session, url, statuspages.INCIDENTS, ends - stopwatch(), user_agent, _PAGE_LIMIT)


async def look_at_numbers(
    session: aiohttp.ClientSession, url: str, path: str, timeout: timedelta, user_agent: str, accept: str
) -> Reading:
    """Ask for the numbers of a measure. More than the limit is not read, and then nothing of it counts."""
    reading = await _get(session, url, path, timeout.total_seconds(), user_agent, _PAGE_LIMIT, {"Accept": accept})
    if len(reading.body) < _PAGE_LIMIT:
        return reading
    return replace(reading, status=None, body=b"", failure="too_long", detail="more than 2 MB came")


async def look_at_log(
    session: aiohttp.ClientSession, url: str, wanted: Mapping[str, str], timeout: timedelta, user_agent: str
) -> Reading:
    """Ask for a piece of a log. Whoever knows no ranges sends all of it, of which at most the limit is read."""
    headers = {"Accept": "text/plain", **wanted}
    return await _get(session, url, "", timeout.total_seconds(), user_agent, _PAGE_LIMIT, headers)


async def ask_railway(
    session: aiohttp.ClientSession, url: str, token: str, body: bytes, timeout: timedelta, user_agent: str
) -> Reading:
    """Ask Railway's API. A project's token is one that sees nothing but one environment of it."""
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Project-Access-Token": token}
    return await _get(session, url, "", timeout.total_seconds(), user_agent, _PAGE_LIMIT, headers, ("POST", body))


async def walk(session: aiohttp.ClientSession, journey: Journey, user_agent: str) -> Outcome:
    """Walk a journey to its end, or to the first bad answer."""
    steps = journeys.walk(journey)
    request = next(steps)
    while True:
        reading = await _ask(session, journey, request, user_agent)
        try:
            request = steps.send(reading)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


async def _ask(session: aiohttp.ClientSession, journey: Journey, request: Request, user_agent: str) -> Reading:
    headers = {"Accept": "application/json"}
    if request.content_type:
        headers["Content-Type"] = request.content_type
    seconds = journey.timeout.total_seconds()
    sent = (request.method, request.body or None)
    return await _get(session, journey.url, request.path, seconds, user_agent, BODY_MOST, headers, sent)


async def _get(
    session: aiohttp.ClientSession,
    url: str,
    path: str,
    seconds: float,
    user_agent: str,
    limit: int = BODY_MOST,
    headers: Mapping[str, str] = _USUAL_HEADERS,
    sent: tuple[str, bytes | None] = ("GET", None),
) -> Reading:
    started = stopwatch()
    try:
        async with asyncio.timeout(seconds):
            status, headers, body = await _fetch(session, _join(url, path), user_agent, limit, headers, sent)
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        return Reading(failure=_failure(error), detail=_detail(error), took=_since(started), path=path)
    return Reading(status=status, headers=headers, body=body, took=_since(started), path=path)


async def _fetch(
    session: aiohttp.ClientSession,
    url: str,
    user_agent: str,
    limit: int,
    wanted: Mapping[str, str],
    sent: tuple[str, bytes | None],
) -> tuple[int, dict[str, str], bytes]:
    # A kept connection would hide that no new one can be made: the session makes one for every look, and says so here.
    headers = {"User-Agent": user_agent, "Connection": "close", **wanted}
    method, body = sent
    asked = session.request(method, url, data=body, headers=headers, allow_redirects=False, timeout=_NO_LIMIT)
    async with asked as response:
        found = await _read(response.content, limit)
        return response.status, {name.lower(): value for name, value in response.headers.items()}, found


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """The body up to the limit; the rest is never asked for."""
    body = bytearray()
    while len(body) < limit:
        chunk = await content.read(limit - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _join(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path.lstrip('/')}" if path else url


def _since(started: float) -> timedelta:
    return timedelta(seconds=stopwatch() - started)


def _failure(error: Exception) -> str:
    """The word for a failure. An address that is no address counts as one that does not resolve."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch) or ended_early(cause):
        return "tls"
    if isinstance(error, (aiohttp.ClientConnectorDNSError, *_NO_ADDRESS)):
        return "dns"
    if getattr(cause, "errno", None) in UNREACHABLE:
        return "unreachable"
    return "refused" if isinstance(error, aiohttp.ClientConnectorError) else "closed"


def ended_early(error: Exception | None) -> bool:
    """Whether the other side took the connection, and ended it before it was secure: no system call failed."""
    return isinstance(error, ConnectionResetError) and error.errno is None


def _detail(error: Exception) -> str:
    """The evidence, without the address: it may hold a password, and whoever reads this knows the probe."""
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | UnicodeError():
            return "it is not a web address"
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as why):
            return why.verify_message
        case aiohttp.ClientConnectorError(os_error=cause) if ended_early(cause):
            return ENDED_EARLY
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))) if number > 0:
            return os.strerror(number)
        case aiohttp.ClientConnectorError():
            return error.os_error.strerror or str(error.os_error)
        case aiohttp.ClientPayloadError():
            return _unspoken(getattr(error.__cause__, "message", None) or str(error))
        case aiohttp.ClientResponseError():
            return _unspoken(error.message)
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return str(error)


_QUOTED = re.compile(r"b'([^']*)'")


def _unspoken(said: str) -> str:
    """What is wrong with an answer, as its reader says it: that quotes as Python does, and points below the place."""
    if said.startswith("Got more than"):
        return "a line of its headers is too long"
    plain = _QUOTED.sub(r"\1", " ".join(said.split())).removesuffix("^").rstrip()
    return plain.replace("Bad status line: Expected HTTP/, RTSP/ or ICE/:", "it speaks no HTTP:")
