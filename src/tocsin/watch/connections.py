"""Looking at what speaks no HTTP: a port, a name, a certificate. A look ends in time and returns what it saw."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tocsin.kit import names
from tocsin.kit.clock import stopwatch
from tocsin.watch.outcomes import Reading
from tocsin.watch.probes import ENDED_EARLY, UNREACHABLE, ended_early


@functools.cache
def usual_trust() -> ssl.SSLContext:
    """Whom this machine trusts. Made by the first look that needs it."""
    return ssl.create_default_context()


async def look(url: str, timeout: timedelta, trust: ssl.SSLContext | None = None) -> Reading:
    """Look at an address that begins with tcp://, dns:// or tls://, never raising for what the network did."""
    started = stopwatch()
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            reading = await _LOOKS[urlsplit(url).scheme](url, trust)
    except (OSError, UnicodeError) as error:
        reading = Reading(took=timedelta(0), path="", failure=_failure(error), detail=_detail(error))
    return replace(reading, took=timedelta(seconds=stopwatch() - started))


async def certificate_end(url: str, timeout: timedelta, trust: ssl.SSLContext | None = None) -> datetime | None:
    """The last instant of the certificate at an https:// address; None where no sound connection can be made."""
    found = await look(f"tls://{urlsplit(url).netloc}", timeout, trust)
    return found.certificate_ends_at


def _port(url: str, trust: ssl.SSLContext | None) -> Awaitable[Reading]:
    return _connect(url, None)


def _certificate(url: str, trust: ssl.SSLContext | None) -> Awaitable[Reading]:
    return _connect(url, trust or usual_trust())


async def _connect(url: str, trust: ssl.SSLContext | None) -> Reading:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    writer = await _opened(host, port, trust)
    try:
        shown = writer.get_extra_info("peercert") if trust else None
    finally:
        writer.transport.abort()  # a farewell could hang like anything else
    ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC) if shown else None
    said = "a secure connection was made" if trust else f"port {port} takes connections"
    return Reading(took=timedelta(0), path="", connected=said, certificate_ends_at=ends_at)


async def _opened(host: str, port: int, trust: ssl.SSLContext | None) -> asyncio.StreamWriter:
    """A connection to the first of the host's addresses that takes one."""
    *others, last = [address for _, address in await names.of_this_loop().look_up(host)]
    for address in others:
        with contextlib.suppress(OSError):
            return await _open(host, address, port, trust)
    return await _open(host, last, port, trust)


async def _open(host: str, address: str, port: int, trust: ssl.SSLContext | None) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host if trust else None)
    return writer


async def _name(url: str, trust: ssl.SSLContext | None) -> Reading:
    host = urlsplit(url).hostname or ""
    addresses = sorted(address for _, address in await names.of_this_loop().look_up(host))
    return Reading(took=timedelta(0), path="", connected=f"the name leads to {', '.join(addresses)}")


_LOOKS = {"tcp": _port, "tls": _certificate, "dns": _name}


def _failure(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return "tls"
        case _ if ended_early(error):
            return "tls"
        case socket.gaierror() | UnicodeError():
            return "dns"
        case OSError(errno=number) if number in UNREACHABLE:
            return "unreachable"
        case _:
            return "refused"


def _detail(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if ended_early(error):
        return ENDED_EARLY
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
