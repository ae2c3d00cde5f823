"""Evidence from a room: the signed archive, and the key that checks it."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tocsin.incidents import store as incidents
from tocsin.response import evidence
from tocsin.web.frame import SignedIn


@get("/incidents/{incident_id:str}/evidence", sync_to_thread=True)
def download(visitor: SignedIn, incident_id: FromPath[str]) -> Response[bytes]:
    with visitor.app.database.read(visitor.actor) as tx:
        name = evidence.file_name(incidents.load(tx, incident_id).number)
        return _file(evidence.pack(tx, incident_id), name, "application/zip")


@get("/evidence/public-key", sync_to_thread=True)
def download_key(visitor: SignedIn) -> Response[bytes]:
    with visitor.app.database.read(visitor.actor) as tx:
        return _file(evidence.public_key(tx).encode(), "tocsin-public-key.pem", "application/x-pem-file")


def _file(data: bytes, name: str, kind: str) -> Response[bytes]:
    return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def routes() -> list[Any]:
    return [download, download_key]
