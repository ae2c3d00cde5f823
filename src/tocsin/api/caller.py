"""Whoever calls the API: a token, what it may do, and the unit of work that is done in its name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import ClientException, SerializationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import Guard

from tocsin.api import conditional, onces, problem_schema, problems
from tocsin.api.keys import Keys, bearer_secret
from tocsin.api.limits import LEFT, Limits, policy
from tocsin.app import App
from tocsin.kit.actor import Actor
from tocsin.kit.errors import NotFound
from tocsin.people import access

T = TypeVar("T")

_MEANING = {
    400: "What was sent is not valid; `errors` names each mistake.",
    401: "No live bearer token was sent.",
    403: "The token lacks the right that this needs.",
    404: "There is no such thing.",
    409: "The state of things does not allow this now.",
    412: "It stands otherwise than `If-Match` says; `changed` says what happened to it since.",
    413: "The body is too large.",
    415: "The body is of another kind than this address reads.",
    422: "This `Idempotency-Key` came with another request before.",
    429: "The token asked too much in the last minute; `Retry-After` says when to ask again.",
    503: "The database does not take this now; send it again.",
}


class NoSuchAddress(NotFound):
    """There is nothing at this address."""


class Call(Request[Any, Actor, State]):
    """A request. Its `auth` is the actor: a call knows no user and no session, only a token that it brings."""

    async def json(self) -> Any:
        try:
            return await super().json()
        except SerializationException as error:
            raise ClientException(f"The body is not JSON: {error}.") from None
        except UnicodeDecodeError:
            raise ClientException("The body is not in UTF-8.") from None
        except RecursionError:
            raise ClientException("The JSON is nested too deeply; send it flatter.") from None


def gate() -> Guard:
    """Lets a request pass whose token has the right that its handler names; a handler that names none is shut."""
    keys, limits = Keys(), Limits()

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        app: App = connection.app.state["tocsin"]
        token = await keys.fresh(app, bearer_secret(connection.scope))
        most = app.settings.api_a_minute
        connection.scope["state"][LEFT] = (policy(most), limits.take(token.id, most, app.clock.now()))
        client = connection.client
        actor = access.bearer(token, client.host if client else "")
        connection.scope["auth"] = actor
        if connection.scope.get("method") != "OPTIONS":  # which asks what may be asked, and tells nothing else
            access.require(actor, handler.opt["right"])
        if "\x00" in connection.scope["path"]:
            raise NoSuchAddress

    return admit


def needs(right: str, *refusals: int) -> Mapping[str, Any]:
    """What an operation's decorator is told: the right it needs, and how it may refuse, for its description."""
    statuses: Sequence[int] = sorted({401, 403, 429, 503, *refusals})
    return {
        "opt": {"right": right},
        "sync_to_thread": True,
        "responses": {status: _refusal(status) for status in statuses},
        "description": f"Needs the right `{right}`.",
    }


def _refusal(status: int) -> ResponseSpec:
    return ResponseSpec(
        problem_schema.Problem, generate_examples=False, description=_MEANING[status], media_type=problems.MEDIA_TYPE
    )


def app_of(call: Call) -> App:
    app: App = call.app.state["tocsin"]
    return app


def act(call: Call, command: Callable[[Any], T], guarded: conditional.Guarded | None = None) -> T:
    """Carry out a command in the caller's name. It takes the unit of work, whose type is the database's own.

    Where the caller says as what they read a thing, it is carried out only if that stands so still; where they sent a
    key, only once.
    """
    guard = guarded or conditional.of_incident(call)

    def carried_out(tx: Any) -> T:
        conditional.require(call.headers, guard, tx)
        onces.begin(call, tx)
        return command(tx)

    done = app_of(call).database.run(call.auth, carried_out)
    onces.begun(call)
    return done
