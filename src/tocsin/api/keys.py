"""Who sends: the token that a request shows."""

import asyncio
import base64
import binascii
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from litestar.types import Scope

from tocsin.api import wire
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import EPOCH
from tocsin.kit.errors import Forbidden, Overloaded
from tocsin.people import tokens
from tocsin.people.model import Token

REMEMBERED_FOR = timedelta(seconds=5)  # how long a token that is revoked may still send
REMEMBERED_MOST = 1000
LOOKED_UP_AT_ONCE = 100


_NEVER = (None, EPOCH, EPOCH)


class UnknownToken(Forbidden):
    """A live token is needed."""


class NoToken(UnknownToken):
    """A live token is needed. None was shown."""


class NotSigned(UnknownToken):
    """The signature of the body does not fit."""


class NotOfProvider(Forbidden):
    """This request is not signed by the provider whose address this is."""


def bearer_secret(scope: Scope) -> str:
    """The bearer token that a request shows, and nothing that a browser would send by itself."""
    scheme, value = _shown(scope)
    if scheme != "bearer":
        raise UnknownToken("The header Authorization must hold a bearer token.")
    return value


def any_secret(scope: Scope) -> str:
    """The same, or the password of basic authentication: some senders know nothing else."""
    scheme, value = _shown(scope)
    if scheme == "basic":
        return _password(value)
    if scheme != "bearer":
        raise UnknownToken("The header Authorization must hold a bearer token, or basic with it as the password.")
    return value


def sender_secret(scope: Scope) -> str:
    """The same, or the key of Opsgenie's own scheme."""
    scheme, value = _shown(scope)
    return value if scheme == "geniekey" else any_secret(scope)


def _shown(scope: Scope) -> tuple[str, str]:
    shown = wire.header(scope, b"authorization")
    if shown is None:
        raise NoToken("A token is needed; send it in the header Authorization: Bearer …")
    scheme, _, value = shown.decode("latin-1").partition(" ")
    return scheme.lower(), value.strip()


def _password(value: str) -> str:
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise UnknownToken("The header Authorization holds no readable user and password.") from None
    return pair.partition(":")[2]


def live_token(app: App, secret: str) -> Token | None:
    """The live token with this secret. Whoever asks uses it, and that is noted."""
    with app.database.glance(SYSTEM) as tx:
        found = tokens.live(tx, secret)
    if found:
        app.token_uses.note(found.id, app.database.now())
    return found


class Keys:
    """The tokens seen lately, so that a busy sender costs no look at the database for each request.

    Only tokens that exist are remembered. Looking up the others has threads of its own: a flood of wrong keys must not
    take those that write signals down.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Token, datetime, datetime]] = {}  # from when and until when
        self._looking: dict[bytes, asyncio.Task[Token | None]] = {}
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tocsin-keys")

    async def token(self, app: App, secret: str) -> Token:
        """The live token with this secret. Raises UnknownToken, or Overloaded when too many are looked up."""
        return self.known(app, secret) or await self._looked_up(app, secret)

    def known(self, app: App, secret: str) -> Token | None:
        """The same, if it was seen lately: what a busy sender shows costs it no more than this."""
        token, since, until = self._known.get(hashlib.sha256(secret.encode()).digest(), _NEVER)
        now = app.database.now()
        if token is None or not since <= now < until:
            return None
        app.token_uses.note(token.id, now)
        return token

    async def _looked_up(self, app: App, secret: str) -> Token:
        digest, now = hashlib.sha256(secret.encode()).digest(), app.database.now()
        self._known.pop(digest, None)
        found = await self.fresh(app, secret)
        self._remember(digest, found, now)
        return found

    async def fresh(self, app: App, secret: str) -> Token:
        """The same, from the database: a token that is revoked is refused at once."""
        found = await self._found(app, secret, hashlib.sha256(secret.encode()).digest())
        if found is None:
            raise UnknownToken(
                "There is no live token with this secret: it has expired, was revoked, or is not whole. An "
                "administrator sees which under Tokens, and makes another."
            )
        return found

    async def _found(self, app: App, secret: str, digest: bytes) -> Token | None:
        """Look it up once, however many requests wait for the same."""
        if digest not in self._looking:
            if len(self._looking) >= LOOKED_UP_AT_ONCE:
                raise Overloaded("Too many keys are being looked up; send this again in a second.")
            self._looking[digest] = asyncio.create_task(self._look_up(app, secret, digest))
        return await asyncio.shield(self._looking[digest])

    async def _look_up(self, app: App, secret: str, digest: bytes) -> Token | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, live_token, app, secret)
        finally:
            del self._looking[digest]

    def _remember(self, digest: bytes, token: Token, now: datetime) -> None:
        self._known[digest] = (token, now, now + REMEMBERED_FOR)
        while len(self._known) > REMEMBERED_MOST:
            del self._known[next(iter(self._known))]
