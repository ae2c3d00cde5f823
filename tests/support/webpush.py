"""A push service and a browser that is subscribed to it: as strict as the RFCs 8030, 8188, 8291 and 8292 let them be.

The browser decrypts with arithmetic of its own, written after the RFC and sharing nothing with the sender's library.
"""

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MOST = 4096  # bytes of a message


class Refused(Exception):
    """What the service says no to, and with which status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def encoded(some: bytes) -> str:
    return base64.urlsafe_b64encode(some).decode().rstrip("=")


def decoded(text: str) -> bytes:
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _mac(key: bytes, some: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(some)
    return made.finalize()


class Browser:
    """Somebody's browser: a key pair and a secret that it shares with whoever pushes to it."""

    def __init__(self, endpoint: str = "https://push.example.org/send/a1b2c3") -> None:
        self.endpoint = endpoint
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    @property
    def subscription(self) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives."""
        keys = {"p256dh": encoded(_point(self.key.public_key())), "auth": encoded(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    @property
    def secret(self) -> str:
        """The same as Tocsin keeps it."""
        return json.dumps({"endpoint": self.endpoint, **self.subscription["keys"]})

    def read(self, body: bytes) -> dict[str, Any]:
        """Decrypt a body of the content coding aes128gcm, in one record (RFC 8188, 8291)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert length == 65 and size >= 18 and len(sealed) <= size
        mine = _point(self.key.public_key())
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.key.exchange(ec.ECDH(), public)
        secret = _mac(_mac(self.auth, shared), b"WebPush: info\0" + mine + theirs + b"\x01")
        drawn = _mac(salt, secret)
        key = _mac(drawn, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = _mac(drawn, b"Content-Encoding: nonce\0\x01")[:12]
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain.endswith(b"\x02")  # the last record
        found: dict[str, Any] = json.loads(plain[:-1])
        return found


@dataclass
class Pushed:
    headers: dict[str, str]
    said: dict[str, Any]


@dataclass
class Service:
    """`now` is the service's clock; `subscribed_with` the key that the browser named when it subscribed."""

    now: datetime
    subscribed_with: str
    contact: str
    browser: Browser = field(default_factory=Browser)
    taken: list[Pushed] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # what to say next instead
    asked: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers)
        try:
            body = await request.read()
            self._check(request, body)
        except Refused as refused:
            return web.Response(status=refused.status, text=str(refused))
        self.taken.append(Pushed(dict(request.headers), self.browser.read(body)))
        return web.Response(status=201, headers={"Location": "/message/secret-1"})

    def _check(self, request: web.Request, body: bytes) -> None:
        headers = request.headers
        if not headers.get("TTL", "").isdecimal():
            raise Refused(400, "TTL is missing")
        if headers.get("Urgency", "normal") not in ("very-low", "low", "normal", "high"):
            raise Refused(400, "this is no urgency")
        topic = headers.get("Topic", "x")
        if not (0 < len(topic) <= 32 and topic.replace("-", "").replace("_", "").isalnum() and topic.isascii()):
            raise Refused(400, "this is no topic")
        if headers.get("Content-Encoding") != "aes128gcm":
            raise Refused(415, "this is not aes128gcm")
        if len(body) > MOST:
            raise Refused(413, "this is too much")
        self._prove(headers.get("Authorization", ""), f"{request.scheme}://{request.host}")

    def _prove(self, authorization: str, origin: str) -> None:
        scheme, _, rest = authorization.partition(" ")
        parts = dict(one.strip().split("=", 1) for one in rest.split(",") if "=" in one)
        if scheme.lower() != "vapid" or parts.keys() != {"t", "k"}:
            raise Refused(401, "there is no proof")
        if parts["k"] != self.subscribed_with:
            raise Refused(403, "this is not the key of the subscription")
        head, claims, signature = parts["t"].split(".")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(parts["k"]))
        raw = decoded(signature)
        both = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        try:
            public.verify(encode_dss_signature(*both), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Refused(403, "the signature is wrong") from None
        said, about = json.loads(decoded(head)), json.loads(decoded(claims))
        until = datetime.fromtimestamp(about["exp"], self.now.tzinfo)
        fresh = self.now < until <= self.now + timedelta(hours=24)
        if len(raw) != 64 or said["alg"] != "ES256" or about["aud"] != origin or not fresh:
            raise Refused(403, "the proof is for somebody else, or for another time")
        if about["sub"] != self.contact:
            raise Refused(403, "nobody could be written to")


@asynccontextmanager
async def serving(here: Service) -> AsyncIterator[Service]:
    """The service, at an address of this machine, to which the browser is subscribed."""
    application = web.Application()
    application.router.add_post("/send/{name}", here.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.browser.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/send/a1b2c3"
    try:
        yield here
    finally:
        await runner.cleanup()
