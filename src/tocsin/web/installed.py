"""The console as an installed app: what a phone puts on its home screen, and the page for when there is no network."""

import json
from typing import Any

from litestar import Response, get
from litestar.response import Template

from tocsin.web.forms import AnyRequest
from tocsin.web.frame import asset, bare

ICONS = (192, 512)


@get("/manifest.webmanifest", sync_to_thread=False)
def manifest() -> Response[str]:
    """What a browser asks for before it installs the console."""
    icons = [{"src": asset(f"icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"} for size in ICONS]
    described = {
        "name": "Tocsin",
        "short_name": "Tocsin",
        "description": "What is broken, who is on it, and what is owed next.",
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#0c1012",
        "theme_color": "#12191d",
        "icons": [*icons, {**icons[-1], "purpose": "maskable"}],
        "shortcuts": [{"name": "Declare an incident", "url": "/declare"}, {"name": "On call", "url": "/oncall"}],
    }
    headers = {"cache-control": "no-cache"}
    return Response(json.dumps(described), media_type="application/manifest+json", headers=headers)


@get("/offline", sync_to_thread=False)
def offline(request: AnyRequest) -> Template:
    """Kept by the worker, and shown where the server can't be reached. It knows nobody."""
    return bare(request, "offline.html", title="No connection")


def routes() -> list[Any]:
    return [manifest, offline]
