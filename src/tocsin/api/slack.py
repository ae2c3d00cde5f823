"""Where Slack brings what people do there: each request is signed, written down, and answered before anything is done
about it.

Slack waits for three seconds. Only a form waits for what becomes of it, so that what is wrong stands at its field; if
that takes longer, the form closes and what is wrong is said afterwards.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, Router, post
from litestar.background_tasks import BackgroundTask

from tocsin.api.caller import Call, app_of
from tocsin.api.keys import NotOfProvider
from tocsin.api.replies import BODY_MOST, NotSetUp
from tocsin.app import App
from tocsin.delivery import slackdm, slackin
from tocsin.delivery.slackin import NotUnderstood
from tocsin.response import chatting
from tocsin.response.chatting import Taken


def routes() -> list[Router]:
    """No token opens these addresses, and no cookie."""
    return [
        Router(
            "/in/slack",
            route_handlers=[command, answer, event],
            request_class=Call,
            request_max_body_size=BODY_MOST,
            include_in_schema=False,
            opt={"exclude_from_csrf": True},
        )
    ]


@post("/command", status_code=200)
async def command(request: Call) -> Response[Any]:
    """Somebody wrote the slash command."""
    fields = _fields(await _signed(request))
    return _empty() if _is_check(fields) else await _heard(request, slackin.COMMANDS, fields)


@post("/answers", status_code=200)
async def answer(request: Call) -> Response[Any]:
    """A button was pressed, a shortcut was chosen, or a form was sent."""
    fields = _fields(await _signed(request))
    if _is_check(fields):
        return _empty()
    return await _heard(request, slackin.INTERACTIVE, _json(fields.get("payload", "").encode()))


@post("/events", status_code=200)
async def event(request: Call) -> Response[Any]:
    """Something happened in a channel that the app is in."""
    payload = _json(await _signed(request))
    if payload.get("type") == "url_verification":
        return Response({"challenge": str(payload.get("challenge", ""))[:1000]})
    if payload.get("type") != "event_callback":
        return _empty()
    return await _heard(request, slackin.EVENTS, payload)


async def _heard(request: Call, kind: str, payload: Mapping[str, Any]) -> Response[Any]:
    app, heard = app_of(request), slackin.read(kind, payload)
    taken = Taken.NOTHING if heard is None else await app.chatting.take(heard)
    if heard is None or taken is Taken.NOTHING:
        return _empty()
    if isinstance(heard, slackin.Sent):
        said = await app.chatting.in_time(heard, taken)
        return Response(dict(said)) if said else _empty()
    work = BackgroundTask(_work, app, heard)
    if taken is Taken.KEPT:
        return Response("", media_type="text/plain", background=work)
    if isinstance(heard, slackin.Said):
        return Response(dict(chatting.patience()), background=work)
    return Response("", media_type="text/plain", status_code=503, background=work)  # Slack says so, or brings it again


async def _work(app: App, heard: slackin.AnyHeard) -> None:
    await asyncio.to_thread(app.chatting.hear, heard)


def _empty() -> Response[Any]:
    return Response("", media_type="text/plain")


# ---- Reading ----


async def _signed(request: Call) -> bytes:
    """The body of a request that Slack has signed, just now."""
    app, body = app_of(request), await request.body()
    secret = app.settings.slack_signing_secret
    if not secret:
        raise NotSetUp
    sent_at, signature = (request.headers.get(f"x-slack-{name}", "") for name in ("request-timestamp", "signature"))
    if not slackdm.is_signed(secret, sent_at, body, signature, app.database.now()):
        raise NotOfProvider
    return body


def _fields(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _is_check(fields: Mapping[str, str]) -> bool:
    """Now and then Slack looks whether our certificate is good."""
    return fields.get("ssl_check") == "1"


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotUnderstood from None
