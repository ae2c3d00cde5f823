"""Assistants over HTTP: the one address of the Model Context Protocol's streamable transport.

Each message stands alone and is answered at once: there are no sessions and no streams, so that any node answers any
message. What a tool does are requests to this same API, sent inside the process with the same token: whatever the API
checks, limits or refuses holds for an assistant too.
"""

import base64
import binascii
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
from litestar import Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_200_OK, HTTP_415_UNSUPPORTED_MEDIA_TYPE
from msgspec import json

from tocsin.api.caller import Call, app_of, needs
from tocsin.api.keys import bearer_secret
from tocsin.assistants import protocol
from tocsin.assistants.protocol import STATELESS, VERSIONS, Message, Wrong
from tocsin.assistants.steps import carry_out_in_loop
from tocsin.client.wire import AsyncTocsin
from tocsin.kit.errors import Forbidden
from tocsin.people import access

_VERSION, _METHOD, _NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
_ENCODED = ("=?base64?", "?=")  # around what a header can't hold as it is
_ALWAYS = {
    protocol.PARSE_ERROR: 400,
    protocol.INVALID_REQUEST: 400,
    protocol.HEADER_MISMATCH: 400,
    protocol.UNSUPPORTED_VERSION: 400,
}
_STATELESS = {**_ALWAYS, protocol.INVALID_PARAMS: 400, protocol.NO_METHOD: 404}
_NEEDS = {
    name: said for name, said in needs(access.INCIDENT_READ, 400, 404, 413, 415).items() if name != "sync_to_thread"
}
_NEEDS["responses"][202] = ResponseSpec(None, description="A notification: there is nothing to answer.")


class StrangeOrigin(Forbidden):
    """A page of another site sent this; only programs and this server's own pages may."""


def handlers() -> list[HTTPRouteHandler]:
    return [answer_assistant]


@post(
    "/mcp",
    summary="Speak the Model Context Protocol: one message of JSON-RPC, and its answer",
    status_code=HTTP_200_OK,
    **_NEEDS,
)
async def answer_assistant(request: Call) -> Response[bytes]:
    _require_own_origin(request)
    if request.content_type[0] != "application/json":
        raise HTTPException(status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE, detail="Send application/json.")
    message: Message = {}
    try:
        message = protocol.read(await request.body())
        _check(request, message)
    except Wrong as wrong:
        return _said(request, protocol.refusal(wrong, message.get("id")))
    async with _self(request) as tocsin:
        return _said(request, await carry_out_in_loop(tocsin, protocol.answer(message, request.auth.may)))


def _self(request: Call) -> AsyncTocsin:
    """A client of this same API, for whoever asks."""
    client = request.client
    address = (client.host, client.port) if client else ("", 0)
    inside = httpx2.ASGITransport(app=cast(Any, request.app), raise_app_exceptions=False, client=address)
    return AsyncTocsin("http://localhost", bearer_secret(request.scope), transport=inside, tries=1)


def _said(request: Call, answer: Message | None) -> Response[bytes]:
    if answer is None:
        return Response(b"", status_code=202)
    statuses = _STATELESS if _shown(request, _VERSION) in STATELESS else _ALWAYS
    status = statuses.get(answer["error"]["code"], HTTP_200_OK) if "error" in answer else HTTP_200_OK
    return Response(json.encode(answer), status_code=status, media_type="application/json")


# ---- What stands beside a message ----


def _require_own_origin(request: Call) -> None:
    """Whoever has led a browser to an address inside the house gets nothing there, even if they know a token."""
    origin = _shown(request, "origin")
    ours = urlsplit(app_of(request).settings.public_url)
    if origin is not None and origin != f"{ours.scheme}://{ours.netloc}":
        raise StrangeOrigin


def _check(request: Call, message: Message) -> None:
    """The headers must say of a message what it says of itself: who stands between may have gone by them."""
    shown = _shown(request, _VERSION)
    if shown is not None and shown not in VERSIONS:
        raise protocol.unsupported(shown)
    if "id" not in message or "method" not in message:
        return
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    version = protocol.version_of(params)
    if version is None and shown in STATELESS:
        raise Wrong(protocol.INVALID_PARAMS, f"_meta lacks {protocol.ABOUT}protocolVersion.")
    if version is not None:
        _same(_VERSION, shown, version)
        _same(_METHOD, _shown(request, _METHOD), message["method"])
        if message["method"] == "tools/call":
            _same(_NAME, _decoded(_shown(request, _NAME)), params.get("name"))


def _same(name: str, shown: str | None, said: Any) -> None:
    if shown != said:
        raise Wrong(protocol.HEADER_MISMATCH, f"The header {name} is missing, or does not say what the message says.")


def _shown(request: Call, name: str) -> str | None:
    """A header that is there once. One that says two things says nothing."""
    values = request.headers.getall(name, [])
    return values[0] if len(values) == 1 else None if not values else ", ".join(values)


def _decoded(value: str | None) -> str | None:
    before, after = _ENCODED
    if value is None or not (value.startswith(before) and value.endswith(after)):
        return value
    try:
        return base64.b64decode(value[len(before) : -len(after)], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Wrong(protocol.HEADER_MISMATCH, f"The header {_NAME} holds no readable base64.") from None
