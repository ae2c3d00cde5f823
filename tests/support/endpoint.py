"""An endpoint that checks what it is sent as the Standard Webhooks specification tells receivers to."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOLERANCE = 5 * 60  # seconds


@dataclass
class Endpoint:
    """Takes only what is signed with its secret, once for each id."""

    secret: str
    now: Any
    answers: list[int] = field(default_factory=list)  # instead of 204, one each time
    heard: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> "Endpoint":
        app = web.Application()
        app.router.add_post("/hooks", self._hear)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        event_id, sent_at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        if abs(self.now().timestamp() - int(sent_at)) > TOLERANCE:
            return web.Response(status=400, text="too old")
        if not self.is_signed(event_id, sent_at, body, request.headers["webhook-signature"]):
            return web.Response(status=401, text="not signed")
        if request.content_type != "application/json" or set(json.loads(body)) != {"type", "timestamp", "data"}:
            return web.Response(status=422, text="not of the shape")
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.heard.append(json.loads(body))
            self.ids.append(event_id)
            self.signatures.append(request.headers["webhook-signature"])
        return web.Response(status=status, text="" if status == 204 else f"answer {status}")

    def is_signed(self, event_id: str, sent_at: str, body: bytes, shown: str) -> bool:
        key = base64.b64decode(self.secret.removeprefix("whsec_"), validate=True)
        expected = hmac.new(key, f"{event_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(expected).decode()
        return any(hmac.compare_digest(wanted, one) for one in shown.split())

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.heard]
