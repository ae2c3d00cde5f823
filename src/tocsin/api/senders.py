"""`/in/SENDER`: one road for every sender that speaks a language of its own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from litestar.types import Receive, Scope

from tocsin.api import packing, taking, wire
from tocsin.api.keys import Keys, NotSigned, sender_secret
from tocsin.api.problems import Problem
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.changes import commands as changing
from tocsin.changes.model import Report
from tocsin.kit.errors import Refused
from tocsin.kit.ids import new_key
from tocsin.kit.later import later
from tocsin.people import access
from tocsin.people.model import Token
from tocsin.settings import Settings
from tocsin.signals.model import Arrival
from tocsin.signals.senders import github, grafana, sentry
from tocsin.signals.senders.cloudwatch import Seal
from tocsin.signals.senders.sent import NoSuchAddress, Sent, Told
from tocsin.signals.senders.table import MISFIT, Call, Sender

if TYPE_CHECKING:
    from tocsin.kit import certificates
else:
    certificates = later("tocsin.kit.certificates")

ROOT = "/in/"


ANY_ORIGIN = (b"access-control-allow-origin", b"*")
# With what a sender signs its bodies. Two of them can't be known by a token alone, for they can show one only in the
# address; Grafana shows it in a header, and may sign besides.
_SECRETS: dict[str, tuple[str, Callable[[Settings], str]]] = {
    sentry.SOURCE: ("TOCSIN_SENTRY_CLIENT_SECRET", lambda settings: settings.sentry_client_secret),
    grafana.SOURCE: ("TOCSIN_GRAFANA_WEBHOOK_SECRET", lambda settings: settings.grafana_webhook_secret),
    github.SOURCE: ("TOCSIN_GITHUB_WEBHOOK_SECRET", lambda settings: settings.github_webhook_secret),
}


class NoSecret(Refused):
    """This sender signs what it sends, and the secret to check that with is not set."""


def named(path: str) -> str:
    """The sender that an address under `/in/` names."""
    return path.removeprefix(ROOT).partition("/")[0]


class Road:
    """The way of one sender's requests: known by its token, read, on the disk, answered as it wants to be."""

    def __init__(self, name: str, sender: Sender, keys: Keys) -> None:
        self._name = name
        self._sender = sender
        self._keys = keys

    async def take(self, app: App, scope: Scope, receive: Receive) -> Reply:
        began = app.database.now()
        secret, path = self._address(scope)
        token = await taking.sender(app, self._keys, secret)
        body = await packing.body_of(scope, receive, taking.BODY_MOST)
        sent = Sent(
            body=body,
            now=began,
            path=path,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            headers=_headers(scope),
        )
        self._check(app, sent)
        seal = await self._sealed(app, token, sent)
        told = await taking.read_or_keep(app, self._name, self._sender.read, token, sent, body)
        await _keep_all(app, token, told)
        if seal and seal.confirm_url:
            await app.amazon.confirm(seal.confirm_url)
        took = (app.database.now() - began).total_seconds()
        answer = self._sender.answer(Call(request_id(), took, len(told)))
        return Reply(self._sender.status, answer, headers=self._origin)

    def asked(self, scope: Scope) -> Reply | None:
        """The answer to a sender that asks beforehand whether it may send; None if this one never does."""
        if self._sender.asks is None:
            return None
        said = self._sender.asks(_headers(scope))
        headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
        return Reply(200, b"", headers=(*headers, (b"allow", b"POST"), *self._origin))

    @property
    def _origin(self) -> tuple[wire.Header, ...]:
        return (ANY_ORIGIN,) if self._sender.in_browsers else ()

    async def _sealed(self, app: App, token: Token, sent: Sent) -> Seal | None:
        """The seal of a sender that signs by a certificate, once it was seen to be good."""
        if self._sender.seal is None:
            return None
        seal = await taking.read_or_keep(app, self._name, self._sender.seal, token, sent, sent.body)
        certificate = await app.amazon.certificate(seal.certificate_url)
        if not certificates.is_signed(certificate, seal.signature, seal.signed, hashed=seal.hashed):
            raise NotSigned("The signature does not fit the body and the certificate.")
        return seal

    def _check(self, app: App, sent: Sent) -> None:
        signature = self._sender.signature
        if signature is None:
            return
        variable, known = _SECRETS[self._name]
        secret = known(app.settings)
        if not secret and signature.always:
            raise NoSecret(f"Set {variable} to the secret with which {self._name} signs; without it nothing is taken.")
        if secret and (fault := signature.fault(secret, sent)):
            raise NotSigned(f"{fault}; {variable} may hold another secret." if fault == MISFIT else f"{fault}.")

    def refused(self, problem: Problem, plain: Reply) -> Reply:
        """A refusal as this sender decodes it; the status and the headers are those of everybody."""
        if self._sender.refused is None:
            return plain
        return Reply(
            plain.status, self._sender.refused(problem.detail, Call(request_id(), 0.0)), wire.JSON, plain.headers
        )

    def _address(self, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """The token, out of the address if it stands there, and what follows in the sender's own tongue."""
        own = _raw_path(scope).removeprefix(f"{ROOT}{self._name}")
        pieces = [unquote(piece) for piece in own.split("/") if piece]
        root = self._sender.root
        by_path = bool(pieces) and pieces[0] != root
        path = tuple(pieces[1:] if by_path else pieces)
        if path and root is None:
            raise NoSuchAddress(f"{ROOT}{self._name} or {ROOT}{self._name}/TOKEN is the whole address.")
        return pieces[0] if by_path else sender_secret(scope), path


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _raw_path(scope: Scope) -> str:
    """The path as it was sent: a slash that is part of a name is still told apart."""
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1") if raw else scope["path"]


def request_id() -> str:
    key = new_key()
    return "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))


async def _keep_all(app: App, token: Token, told: Sequence[Told]) -> None:
    """Changes go into the register and signals into the inbox; sent again, either is known by its key."""
    reports = [one for one in told if isinstance(one, Report)]
    if reports:
        await asyncio.to_thread(_register, app, token, reports)
    await taking.accept(app, [one for one in told if isinstance(one, Arrival)])


def _register(app: App, token: Token, reports: Sequence[Report]) -> None:
    app.database.run(access.bearer(token), lambda tx: [changing.tell(tx, report) for report in reports])
