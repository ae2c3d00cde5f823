"""The least that this machine's HTTP server can do: a body of the same size as the status page, and nothing else."""

from typing import Any

BODY = b"x" * 8_000
HEADERS = [(b"content-type", b"text/html"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: Any, _receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError  # uvicorn goes on without the lifespan
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
