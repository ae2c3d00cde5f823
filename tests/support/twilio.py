"""Twilio, as far as we speak to it: strict about who calls and what is sent, and with its own shapes of errors.

Its signatures are computed here on their own, after Twilio's documentation, and not by the code under test.
"""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree

from aiohttp import web

SID = "AC" + "0" * 32
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
SENDER = "+15550100"
NUMBER = re.compile(r"\+[1-9]\d{1,14}")


@dataclass
class Sent:
    sid: str
    kind: str
    fields: dict[str, str]


@dataclass
class Twilio:
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    refusals: list[web.Response] = field(default_factory=list)  # to give before anything is taken
    hangs: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def refuse(self, status: int, code: int, message: str, **headers: str) -> None:
        self.refusals.append(_error(status, code, message, **headers))


def _error(status: int, code: int, message: str, **headers: str) -> web.Response:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)


def sign(url: str, fields: dict[str, str], token: str = TOKEN) -> str:
    joined = url
    for name, value in sorted(fields.items()):
        joined += name + value
    return base64.b64encode(hmac.digest(token.encode(), joined.encode(), hashlib.sha1)).decode()


def gathered(twiml: str) -> str:
    """Where a call's keys are sent, as Twilio reads it from the TwiML; fails for what is no TwiML."""
    root = ElementTree.fromstring(twiml)
    assert root.tag == "Response"
    assert {one.tag for one in root.iter()} <= {"Response", "Gather", "Say", "Pause", "Message"}
    gather = root.find("Gather")
    return "" if gather is None else gather.attrib["action"]


@asynccontextmanager
async def twilio() -> AsyncIterator[Twilio]:
    here = Twilio()

    async def take(request: web.Request) -> web.Response:
        if here.hangs:
            await here.released.wait()
        auth = request.headers.get("Authorization", "")
        if auth != f"Basic {base64.b64encode(f'{SID}:{TOKEN}'.encode()).decode()}" or request.match_info["sid"] != SID:
            return _error(401, 20003, "Authenticate")
        if request.content_type != "application/x-www-form-urlencoded":
            return _error(415, 20001, "Unsupported media type")
        if here.refusals:
            return here.refusals.pop(0)
        fields = {name: str(value) for name, value in (await request.post()).items()}
        return _taken(here, request.match_info["what"], fields)

    application = web.Application()
    application.router.add_post("/2010-04-01/Accounts/{sid}/{what:Messages|Calls}.json", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        here.released.set()
        await runner.cleanup()


def _taken(here: Twilio, what: str, fields: dict[str, str]) -> web.Response:
    if not NUMBER.fullmatch(fields.get("To", "")):
        return _error(400, 21211, f"The 'To' number {fields.get('To', '')} is not a valid phone number.")
    if fields.get("From") != SENDER:
        return _error(400, 21606, "The 'From' phone number provided is not a valid message-capable number.")
    if not fields.get("StatusCallback", "").startswith(("https://", "http://")):
        return _error(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
    if what == "Messages" and not 0 < len(fields.get("Body", "")) <= 1600:
        return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if what == "Calls":
        gathered(fields["Twiml"])
    kind = "SM" if what == "Messages" else "CA"
    sid = f"{kind}{len(here.sent):032x}"
    here.sent.append(Sent(sid, what, fields))
    return web.json_response({"sid": sid, "status": "queued", "error_code": None, "error_message": None}, status=201)
