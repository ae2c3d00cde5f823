"""The public status page as somebody sees it who opens it anew."""

import re
from html import unescape
from typing import Any

import httpx2
from litestar import Litestar
from litestar.datastructures import State

from tests.support.served import Served
from tocsin.web import status


def public_answer(here: Served, path: str = "/status") -> httpx2.Response:
    """What a reader is given for whom nothing was kept ready."""
    asgi: Any = Litestar(status.routes(status.Board()), state=State({"tocsin": here.app}), openapi_config=None)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=asgi), base_url="http://status.test")
    return here.run(client.get(path))


def public_text(here: Served, path: str = "/status") -> str:
    """What a person reads there, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", public_answer(here, path).text)).split())
