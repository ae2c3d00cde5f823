"""Where providers call back: what became of a message, and what its reader answered. Each proves who it is."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, Router, post
from litestar.params import FromPath

from tocsin.api.caller import Call, app_of
from tocsin.api.keys import NotOfProvider
from tocsin.delivery import twilio
from tocsin.incidents.answer import Answer
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, NotFound
from tocsin.response import answers

BODY_MOST = 100_000
XML = "text/xml; charset=utf-8"
KEYS = {"1": Answer.ACKNOWLEDGE, "2": Answer.ESCALATE, "3": Answer.DECLINE}


class NotSetUp(NotFound):
    """This provider is not set up on this server."""


def routes() -> list[Router]:
    """No token opens these addresses, and no cookie: each request is proven by its provider's own means."""
    return [
        Router(
            "/in",
            route_handlers=[twilio_status, twilio_keys, twilio_text, telegram_update],
            request_class=Call,
            request_max_body_size=BODY_MOST,
            include_in_schema=False,
            opt={"exclude_from_csrf": True},
        )
    ]


RAW: Mapping[str, Any] = {"status_code": 200, "media_type": XML}


@post("/twilio/status/{message_id:str}", **RAW)
async def twilio_status(request: Call, message_id: FromPath[str]) -> Response[str]:
    """What became of a text message or a call."""
    fields = await _from_twilio(request)
    status = fields.get("MessageStatus") or fields.get("CallStatus") or ""
    found = twilio.outcome(status, fields.get("ErrorCode", ""))
    sid = fields.get("MessageSid") or fields.get("CallSid") or ""
    if found is not None:
        await _run(request, lambda tx: answers.reported(tx, message_id, sid, found))
    return Response("<Response/>", media_type=XML)


@post("/twilio/voice/{message_id:str}", **RAW)
async def twilio_keys(request: Call, message_id: FromPath[str]) -> Response[str]:
    """A key was pressed during a call."""
    fields = await _from_twilio(request)
    answer = KEYS.get(fields.get("Digits", ""))
    if answer is None:
        return Response(twilio.spoken("That key means nothing here."), media_type=XML)
    said = await _run(request, lambda tx: answers.answer_message(tx, message_id, answer, "voice"))
    return Response(twilio.spoken(said), media_type=XML)


@post("/twilio/sms", **RAW)
async def twilio_text(request: Call) -> Response[str]:
    """Somebody answered a text message."""
    fields = await _from_twilio(request)
    said = await _run(request, lambda tx: answers.answer_text(tx, fields.get("From", ""), fields.get("Body", "")))
    return Response(twilio.written(said), media_type=XML)


async def _from_twilio(request: Call) -> dict[str, str]:
    """The fields of a request that Twilio has signed, with the address under which it knows us."""
    settings = app_of(request).settings
    if not settings.twilio_auth_token:
        raise NotSetUp
    fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{settings.public_url}{request.url.path}{query}"
    if not twilio.is_signed(settings.twilio_auth_token, url, fields, request.headers.get("x-twilio-signature", "")):
        raise NotOfProvider
    return fields


# ---- Telegram ----


class _Chat(msgspec.Struct):
    id: int


class _Said(msgspec.Struct):
    chat: _Chat
    text: str = ""


class _Pressed(msgspec.Struct):
    id: str
    data: str = ""
    message: _Said | None = None


class _Update(msgspec.Struct):
    message: _Said | None = None
    callback_query: _Pressed | None = None


@post("/telegram", status_code=200)
async def telegram_update(request: Call) -> Response[dict[str, Any]]:
    """A button was pressed, or something was written to the bot. What it answers goes back with this answer."""
    known = app_of(request).settings.telegram_secret
    if not known:
        raise NotSetUp
    given = request.headers.get("x-telegram-bot-api-secret-token", "")
    if not hmac.compare_digest(given.encode(), known.encode()):
        raise NotOfProvider
    try:
        update = msgspec.json.decode(await request.body(), type=_Update)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("This is no update of Telegram's.") from None
    return Response(await _answered(request, update))


async def _answered(request: Call, update: _Update) -> dict[str, Any]:
    pressed, said = update.callback_query, update.message
    if pressed is not None and pressed.message is not None:
        answer, _, message_id = pressed.data.partition(":")
        if answer not in list(Answer):
            return {}
        chat = str(pressed.message.chat.id)
        text = await _run(
            request, lambda tx: answers.answer_message(tx, message_id, Answer(answer), "telegram", address=chat)
        )
        return {"method": "answerCallbackQuery", "callback_query_id": pressed.id, "text": text[:200]}
    if said is not None:
        chat = str(said.chat.id)
        text = await _run(request, lambda tx: answers.answer_chat(tx, chat, said.text))
        return {"method": "sendMessage", "chat_id": said.chat.id, "text": text}
    return {}


async def _run(request: Call, command: Any) -> Any:
    return await asyncio.to_thread(app_of(request).database.run, SYSTEM, command)
