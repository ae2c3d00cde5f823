"""`/static/`: stylesheets, scripts and pictures of the console, small where a browser takes them small.

They are the same for everybody and change with the program alone, so that each is read and packed once. What pages say
is never packed: its length could tell what stands beside what an attacker has put there.
"""

from functools import cache
from pathlib import Path

from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from tocsin.web.board import Answer, answered, has_it, packed, send_all, takes_packed

PATH = "/static"
FOLDER = Path(__file__).parent / "static"
FOR_GOOD = (b"cache-control", b"public, max-age=31536000, immutable")
STRICT = (b"x-content-type-options", b"nosniff")
TEXTS = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml; charset=utf-8",
}
PICTURES = {".png": b"image/png"}
MISSING = answered(b"There is no such file.\n", b"text/plain; charset=utf-8", STRICT, status=404)


def routes() -> list[ASGIRouteHandler]:
    return [asgi(PATH, name="static", is_mount=True, copy_scope=False, exclude_from_csrf=True)(_answer)]


@cache
def _files() -> dict[str, Answer]:
    return {one.name: _read(one) for one in FOLDER.iterdir() if one.suffix in TEXTS or one.suffix in PICTURES}


def _read(file: Path) -> Answer:
    if file.suffix in TEXTS:
        return packed(file.read_bytes(), TEXTS[file.suffix], STRICT, cached=FOR_GOOD)
    return answered(file.read_bytes(), PICTURES[file.suffix], STRICT, cached=FOR_GOOD)


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != ScopeType.HTTP:
        await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})
        return
    if scope["method"] not in ("GET", "HEAD"):
        await send_all(scope, send, 405, ((b"allow", b"GET, HEAD"), (b"content-length", b"0")), b"")
        return
    found = _files().get(scope["path"].strip("/"), MISSING)
    found = found.packed if found.packed and takes_packed(scope) else found
    if found.status == 200 and has_it(scope, found.etag):
        await send_all(scope, send, 304, found.brief, b"")
    else:
        await send_all(scope, send, found.status, found.headers, found.body)
