"""Storage that speaks S3, as strict as Amazon's: it works out each signature itself, and keeps only what is signed."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"
SKEW = timedelta(minutes=15)


@dataclass
class Storage:
    """One bucket: what it holds, and what it was asked, in order. `refuses` answers every request with this status."""

    url: str
    bucket: str
    now: Callable[[], datetime]
    held: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuses: int = 0


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code


@contextmanager
def storage(now: Callable[[], datetime], bucket: str = "status-of-rose") -> Iterator[Storage]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    found = Storage(f"http://127.0.0.1:{server.server_port}", bucket, now)
    _Handler.storage = found
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    storage: Storage
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            status, kind, said = self._done(body)
        except Refused as why:
            status, kind = why.status, "application/xml"
            said = f"<Error><Code>{why.code}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _done(self, body: bytes) -> tuple[int, str, bytes]:
        here = self.storage
        if here.refuses:
            raise Refused(here.refuses, "ServiceUnavailable")
        self._check(body)
        _, bucket, key = unquote(self.path).split("/", 2)
        here.asked.append((self.command, key))
        if bucket != here.bucket:
            raise Refused(404, "NoSuchBucket")
        if self.command == "PUT":
            if not self.headers.get("content-type"):
                raise Refused(400, "MissingContentType")
            here.held[key] = (self.headers["content-type"], body)
            return 200, "application/xml", b""
        if self.command == "DELETE":
            here.held.pop(key, None)
            return 204, "application/xml", b""
        if key not in here.held:
            raise Refused(404, "NoSuchKey")
        return 200, *here.held[key]

    def _check(self, body: bytes) -> None:
        """Everything that Amazon checks of a signature, worked out from its own description."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        parts = dict(one.strip().split("=", 1) for one in rest.split(",")) if scheme == "AWS4-HMAC-SHA256" else {}
        if parts.keys() != {"Credential", "SignedHeaders", "Signature"}:
            raise Refused(403, "AccessDenied")
        key, day, region, service, last = parts["Credential"].split("/")
        stamp = self.headers["x-amz-date"]
        if (key, region, service, last) != (KEY, REGION, "s3", "aws4_request") or not stamp.startswith(day):
            raise Refused(403, "InvalidAccessKeyId")
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(at - self.storage.now()) > SKEW:
            raise Refused(403, "RequestTimeTooSkewed")
        digest = hashlib.sha256(body).hexdigest()
        if self.headers.get("x-amz-content-sha256") != digest:
            raise Refused(400, "XAmzContentSHA256Mismatch")
        names = parts["SignedHeaders"].split(";")
        needed = {"host", *(name.lower() for name in self.headers if name.lower().startswith("x-amz-"))}
        if not needed <= set(names) or names != sorted(names):
            raise Refused(403, "SignatureDoesNotMatch")
        if self.path != quote(unquote(self.path), safe="/-_.~"):
            raise Refused(403, "SignatureDoesNotMatch")
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names)
        canonical = f"{self.command}\n{self.path}\n\n{headers}\n{';'.join(names)}\n{digest}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/{region}/s3/aws4_request\n{hashed}"
        signing = ("AWS4" + SECRET).encode()
        for part in (day, region, "s3", "aws4_request"):
            signing = hmac.digest(signing, part.encode(), "sha256")
        if hmac.new(signing, to_sign.encode(), "sha256").hexdigest() != parts["Signature"]:
            raise Refused(403, "SignatureDoesNotMatch")
