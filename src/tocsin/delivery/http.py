"""Webhooks, signed as Standard Webhooks 1.0 describes (headers webhook-id, webhook-timestamp, webhook-signature)."""

import base64
import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.public import Network, is_public
from tocsin.kit.clock import Clock
from tocsin.kit.names import Names

PREFIX = "whsec_"


def signature(secret: str, message_id: str, instant: datetime, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. `secret` is `whsec_` and base64, or plain text."""
    key = base64.b64decode(secret[len(PREFIX) :]) if secret.startswith(PREFIX) else secret.encode()
    signed = f"{message_id}.{int(instant.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class NotPublic(OSError):
    """The address belongs to this machine or its private network."""


class NamesResolver(AbstractResolver):
    """Looks names up where one that hangs holds up no other."""

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.look_up(host, family)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=flags)
            for kind, address in found
        ]

    async def close(self) -> None:
        pass


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, so that an entered address can't reach inside the network.

    What is connected to is what was checked: a name that leads elsewhere a moment later gains nothing by it.
    """

    def __init__(
        self, *, allow_private: bool, also: Sequence[Network] = (), inner: AbstractResolver | None = None
    ) -> None:
        self._inner = inner or NamesResolver()
        self._also = also
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for one in found:
            self.check(one["host"])
        return found

    def check(self, address: str) -> None:
        if not self._allow_private and not is_public(address, self._also):
            raise NotPublic(
                f"{address} is not a public address; TOCSIN_PRIVATE_NETWORKS allows one network, and "
                "TOCSIN_ALLOW_PRIVATE_WEBHOOKS=yes all of them"
            )

    async def close(self) -> None:
        await self._inner.close()


class WebhookChannel:
    """Posts the body as JSON. 2xx is delivered, 410 and other 4xx are final, the rest is tried again."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], resolver: PublicResolver, clock: Clock) -> None:
        self._session = session
        self._resolver = resolver
        self._clock = clock

    async def send(self, message: Message) -> Result:
        body = message.body.encode()
        headers = self._headers(message, body)
        try:
            check_literal(self._resolver, message.address)
            async with self._session().post(
                message.address, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return judge(answer.status, answer.headers.get("Retry-After", ""))
        except NotPublic as error:
            return Dead(str(error))
        except (aiohttp.NonHttpUrlClientError, ValueError) as error:  # no URL, or none of ours
            return Dead(f"the address can't be used: {error}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreached(error)

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        now = self._clock.now()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.dedup_key,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if message.secret:
            headers["webhook-signature"] = signature(message.secret, message.dedup_key, now, body)
        return headers


SILENT = "it did not answer in time"
SAID_MOST = 80  # bytes of the other side's own word for what went wrong
_WORD = re.compile(r"[a-z_]{1,60}")  # such as no_service


async def post_in_secret(
    session: aiohttp.ClientSession, resolver: PublicResolver | None, to: str, body: bytes, provider: str
) -> Result:
    """Post JSON to an address that is a secret as a whole, so that no result holds it. Without a resolver the address
    is our own settings', and may be anywhere."""
    headers = {"Content-Type": "application/json"}
    try:
        if resolver is not None:
            check_literal(resolver, to)
        async with session.post(to, data=body, headers=headers, allow_redirects=False) as answer:
            said = "" if answer.status < 300 else (await answer.content.read(SAID_MOST)).decode("utf-8", "replace")
            word = said.strip() if _WORD.fullmatch(said.strip()) else ""  # a page could repeat the address
            result = judge(answer.status, answer.headers.get("Retry-After", ""), word)
            return Delivered(provider=provider) if isinstance(result, Delivered) else result
    except NotPublic as error:
        return Dead(str(error))
    except (aiohttp.NonHttpUrlClientError, ValueError):
        return Dead("the address can't be used")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        result = unreached(error)
        # The address may stand in the error.
        why = SILENT if isinstance(error, TimeoutError) else f"not reached: {type(error).__name__}"
        return Retry(why, down=True) if isinstance(result, Retry) else result


def check_literal(resolver: PublicResolver, address: str) -> None:
    """A host that is written as an address is never resolved, so it is checked here."""
    host = URL(address).host or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    resolver.check(host)


def unreached(error: Exception) -> Result:
    """What it means that there was no answer at all."""
    refused = _not_public(error)
    return Dead(str(refused)) if refused else Retry(_in_words(error), down=True)


def _in_words(error: Exception) -> str:
    """The library's own words are for programmers: it calls what is no HTTP a status of 400, and a silence nothing."""
    match error:
        case TimeoutError():
            return SILENT
        case aiohttp.ClientSSLError():
            return str(error)
        case aiohttp.ClientConnectorDNSError():
            return f"{error.host} can't be looked up: {error.os_error.strerror or 'no such name'}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}, port {error.port}: {error.os_error.strerror or error.os_error}"
        case aiohttp.ServerDisconnectedError():
            return "it hung up without an answer"
        case aiohttp.ClientResponseError():
            return "what came back is not HTTP, or its headers are too long"
        case _:
            return str(error) or type(error).__name__


def _not_public(error: BaseException) -> BaseException | None:
    at: BaseException | None = error
    while at is not None and not isinstance(at, NotPublic):
        at = at.__cause__ or at.__context__
    return at


def judge(status: int, retry_after: str, said: str = "") -> Result:
    """What a status means for a message: delivered, to be sent again, or never. `said` is the other side's own word."""
    reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if 200 <= status < 300:
        return Delivered()
    if status in (408, 425, 429) or status >= 500:
        is_number = retry_after.isascii() and retry_after.isdigit()  # it may be a date, and then we know better
        seconds = min(int(retry_after[:9]), 3600) if is_number else 0
        return Retry(reason, timedelta(seconds=seconds) if seconds else None, down=status >= 500)
    return Dead(reason)


def open_session(resolver: PublicResolver, timeout: timedelta, *, anew: bool = False) -> aiohttp.ClientSession:
    """An HTTP session, made inside its event loop; `anew` makes a connection for each request, and keeps none."""
    # Lanes bound what travels at a time; a bound over all would let one that hangs starve the others.
    connector: Any = aiohttp.TCPConnector(resolver=resolver, limit=0, force_close=anew)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout.total_seconds()),
        headers={"User-Agent": "tocsin"},
    )
