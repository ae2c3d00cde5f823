"""Text messages and calls through Twilio, and the proof that a request comes from there."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any

import aiohttp

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import judge, unreached
from tocsin.kit.text import clip

LONGEST_TEXT = 1600
REPLY = "Reply 1 to acknowledge, 2 for the next step, 3 if you can't."
REPLY_TO_TEST = "Reply 1 to confirm that it has reached you."
KEY_OF_TEST = "Press 1 to confirm that it has reached you."
KEYS = "Press 1 to acknowledge, 2 to page the next step, 3 if you cannot take it."
Session = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True)
class Account:
    """`callbacks` is the address of ours below which Twilio tells us what became of a message."""

    sid: str
    auth_token: str
    sender: str
    api_url: str
    callbacks: str


class TwilioSms:
    def __init__(self, session: Session, account: Account) -> None:
        self._session = session
        self._account = account

    async def send(self, message: Message) -> Result:
        reply = REPLY_TO_TEST if message.is_test else REPLY
        text = f"{message.body.strip()}\n{reply}" if message.actions else message.body.strip()
        return await _post(self._session(), self._account, "Messages.json", message, {"Body": clip(text, LONGEST_TEXT)})


class TwilioVoice:
    """Calls, says what is wrong, and waits for a key."""

    def __init__(self, session: Session, account: Account) -> None:
        self._session = session
        self._account = account

    async def send(self, message: Message) -> Result:
        keys = f"{self._account.callbacks}/voice/{message.id}" if message.actions else None
        asked = KEY_OF_TEST if message.is_test else KEYS
        spoken = {"Twiml": call(message.subject, keys, asked), "Timeout": "30"}
        return await _post(self._session(), self._account, "Calls.json", message, spoken)


async def _post(
    session: aiohttp.ClientSession, account: Account, what: str, message: Message, about: Mapping[str, str]
) -> Result:
    address = f"{account.api_url}/2010-04-01/Accounts/{account.sid}/{what}"
    fields = {"To": message.address, "From": account.sender, **about}
    fields["StatusCallback"] = f"{account.callbacks}/status/{message.id}"
    headers = {"Authorization": aiohttp.encode_basic_auth(account.sid, account.auth_token)}
    try:
        async with session.post(address, data=fields, headers=headers, allow_redirects=False) as answer:
            body = await _json(answer)
            return _judge(answer.status, answer.headers.get("Retry-After", ""), body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return unreached(error)


async def _json(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        found = await answer.json(content_type=None)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judge(status: int, retry_after: str, body: Mapping[str, Any]) -> Result:
    if 200 <= status < 300:
        return Delivered(str(body.get("sid", "")), "twilio")
    said = f"Twilio {body['code']} {body.get('message', '')}".strip() if body.get("code") else ""
    if status in (401, 403):  # what an administrator can mend; meanwhile another provider may take it
        return Retry(f"HTTP {status}: {said}" if said else f"HTTP {status}", timedelta(minutes=1), down=True)
    return judge(status, retry_after, said)


def call(text: str, keys: str | None, asked: str = KEYS) -> str:
    """TwiML that says a text twice; with an address for keys, it asks for one."""
    said = f"<Say>{escape(text, quote=False)}</Say>"
    if keys is None:
        return f"<Response>{said}<Pause/>{said}</Response>"
    asks = f'<Gather numDigits="1" timeout="8" method="POST" action="{escape(keys)}">{said}<Say>{asked}</Say></Gather>'
    return f"<Response>{asks}{asks}<Say>Nothing was pressed. Goodbye.</Say></Response>"


def spoken(text: str) -> str:
    """TwiML that says one last thing."""
    return f"<Response><Say>{escape(text, quote=False)}</Say></Response>"


def written(text: str) -> str:
    """TwiML that answers a text message."""
    return f"<Response><Message>{escape(text, quote=False)}</Message></Response>"


def is_signed(auth_token: str, url: str, fields: Mapping[str, str], signature: str) -> bool:
    """Whether a request comes from Twilio: HMAC-SHA1 over the public address and all fields in the order of their
    names. Some senders put the port into the address, and some leave it out."""
    return any(
        hmac.compare_digest(_signature(auth_token, one, fields).encode(), signature.encode())
        for one in (url, _with_port(url))
    )


def _signature(auth_token: str, url: str, fields: Mapping[str, str]) -> str:
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _with_port(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = {"https": "443", "http": "80"}.get(scheme, "")
    return url if ":" in host or not port else f"{scheme}://{host}:{port}{slash}{path}"


NEVER = frozenset({"undelivered", "failed", "busy", "no-answer", "canceled"})
ARRIVED = frozenset({"delivered", "read", "completed"})


def outcome(status: str, code: str) -> Delivered | Dead | None:
    """What a status callback says of a message; None while it is still on its way."""
    if status in ARRIVED:
        return Delivered()
    return Dead(f"Twilio: {status}{f' ({code})' if code else ''}") if status in NEVER else None
