"""Amazon SNS, as far as we speak to it: it signs what it sends, hands out its certificate, and confirms subscriptions.

What is signed is put together here on its own, after Amazon's documentation, and not by the code under test.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support.served import START

HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = "/SimpleNotificationService-0000000000000000000000.pem"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:rose"
TOKEN = "2336412f37"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certified(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate of this key, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(START - timedelta(days=1)).not_valid_after(START + timedelta(days=365))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@dataclass
class Sns:
    """What it gives out, and what it was asked: the certificate, how often, and the subscriptions it confirmed."""

    certificate: bytes = field(default_factory=lambda: certified(KEY))
    status: int = 200
    asked: int = 0
    confirmed: list[str] = field(default_factory=list)


def signed(message: dict[str, Any], version: str = "2", **after: Any) -> dict[str, Any]:
    """The message with its signature; `after` changes it once it is signed."""
    text = ""
    for name in sorted(message):
        text += name + "\n" + message[name] + "\n"
    hashed: hashes.HashAlgorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    signature = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), hashed)).decode()
    more = {"SignatureVersion": version, "Signature": signature, "SigningCertURL": HOST + CERTIFICATE}
    return {**message, **more, **after}


def notification(message: str, **more: str) -> dict[str, Any]:
    said = {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Timestamp": "2026-11-24T03:30:00.315Z"}
    return {**said, "Message": message, **more}


def confirmation(kind: str = "SubscriptionConfirmation") -> dict[str, Any]:
    url = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={TOKEN}"
    return {**notification("You have chosen to subscribe."), "Type": kind, "Token": TOKEN, "SubscribeURL": url}


@asynccontextmanager
async def sns(port: int) -> AsyncIterator[Sns]:
    state = Sns()

    async def hand_out(_: web.Request) -> web.Response:
        state.asked += 1
        return web.Response(body=state.certificate, status=state.status)

    async def confirm(request: web.Request) -> web.Response:
        asked = {"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": TOKEN}
        if dict(request.query) != asked:
            return web.Response(status=400)
        state.confirmed.append(request.query["TopicArn"])
        return web.Response(text="<ConfirmSubscriptionResponse/>", status=state.status)

    application = web.Application()
    application.router.add_get(CERTIFICATE, hand_out)
    application.router.add_get("/", confirm)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield state
    finally:
        await runner.cleanup()
