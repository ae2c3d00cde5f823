"""Pushes to a browser that somebody uses, encrypted so that the push service can't read them (RFC 8030, 8291, 8292).

Needs the extra `push`. The endpoint of a browser's subscription is where a person says, so it is called as a webhook
is: at public addresses only, and without following it anywhere.
"""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from tocsin.delivery.channel import Dead, Delivered, Message, Result
from tocsin.delivery.http import NotPublic, PublicResolver, check_literal, judge, unreached
from tocsin.delivery.parts import parts
from tocsin.kit.clock import Clock
from tocsin.kit.later import later
from tocsin.kit.text import clip

http_ece = later("http_ece")
py_vapid = later("py_vapid")

CHANNEL = "push"
PROOF_LASTS = timedelta(hours=12)  # a service refuses one that lasts longer than a day
MOST = 3900  # bytes before encryption; what travels may have 4096
LONGEST = 1500  # letters of a text
KEPT_FOR = {"high": timedelta(hours=1), "low": timedelta(hours=6)}  # while the browser is out of reach
NOTICE_KEPT_FOR = timedelta(minutes=15)  # for what is no page, such as a code
URGENCY = {"high": "high", "low": "normal"}
ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)  # of the curve P-256


class Subscription(msgspec.Struct):
    """What a browser gives to whoever may push to it."""

    endpoint: str
    p256dh: str
    auth: str


def private_key(secret: str) -> ec.EllipticCurvePrivateKey:
    """The installation's key out of its 32 random bytes."""
    return ec.derive_private_key(int.from_bytes(_decoded(secret), "big") % (ORDER - 1) + 1, ec.SECP256R1())


class WebPush:
    """`contact` is whom a push service may write to about us; `public_key` is what a browser subscribes with."""

    def __init__(
        self,
        session: Callable[[], aiohttp.ClientSession],
        resolver: PublicResolver,
        clock: Clock,
        secret: str,
        contact: str,
    ) -> None:
        self._session = session
        self._resolver = resolver
        self._clock = clock
        self._key = private_key(secret)
        self._contact = contact

    async def send(self, message: Message) -> Result:
        try:
            to = msgspec.json.decode(message.secret or "", type=Subscription)
            check_literal(self._resolver, to.endpoint)
            sealed, headers = self._sealed(to, message), self._headers(to, message)
        except NotPublic as error:
            return Dead(str(error))
        except (msgspec.DecodeError, ValueError, py_vapid.VapidException) as error:
            return Dead(f"the subscription can't be used: {type(error).__name__}")
        try:
            async with self._session().post(to.endpoint, data=sealed, headers=headers, allow_redirects=False) as answer:
                return _judge(answer.status, answer.headers.get("Retry-After", ""), _host(to))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreached(error)

    def _sealed(self, to: Subscription, message: Message) -> bytes:
        """The message as only this browser can read it."""
        sealed: bytes = http_ece.encrypt(
            _fitting(shown(message)),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_decoded(to.p256dh),
            auth_secret=_decoded(to.auth),
            version="aes128gcm",
        )
        return sealed

    def _headers(self, to: Subscription, message: Message) -> dict[str, str]:
        until = int((self._clock.now() + PROOF_LASTS).timestamp())
        at = urlsplit(to.endpoint)
        claims = {"aud": f"{at.scheme}://{at.netloc}", "exp": until, "sub": self._contact}
        proof: dict[str, str] = py_vapid.Vapid02(self._key).sign(claims)
        urgency = message.urgency or ""
        return {
            **proof,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_FOR.get(urgency, NOTICE_KEPT_FOR) // timedelta(seconds=1)),
            "Urgency": URGENCY.get(urgency, "normal"),
            "Topic": message.id[-32:],  # a second attempt takes the place of the first one, if that still waits
        }


def public_key(secret: str) -> str:
    """What a browser must be given to subscribe: the point of the key, as URL-safe text."""
    numbers = private_key(secret).public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def shown(message: Message) -> dict[str, Any]:
    """What the browser shows: the words, where they lead, and by which address a page is answered."""
    said = parts(message)
    return {
        "title": clip(said.title, 250),
        "text": clip(said.text, LONGEST),
        "link": said.link,
        "answer": (message.actions or {}).get("answer", ""),
        "button": "It has reached me" if message.is_test else "Acknowledge",
        "stays": message.urgency == "high",
        "tag": message.id,
    }


def _fitting(said: dict[str, Any]) -> bytes:
    """As much of the text as may travel."""
    sent = msgspec.json.encode(said)
    while len(sent) > MOST:
        said = {**said, "text": clip(said["text"], len(said["text"]) // 2)}
        sent = msgspec.json.encode(said)
    return sent


def _judge(status: int, retry_after: str, host: str) -> Result:
    if status in (404, 410):
        return Dead(f"HTTP {status}: the browser is subscribed no more", gone=True)
    result = judge(status, retry_after)
    return Delivered(provider=host) if isinstance(result, Delivered) else result


def _host(to: Subscription) -> str:
    return urlsplit(to.endpoint).hostname or CHANNEL


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
