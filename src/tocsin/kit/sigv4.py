"""Signature Version 4 of AWS, by which storage knows who asks. Pure: the instant is an argument."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str = "s3"


def path_of(key: str) -> str:
    """A key as it stands in an address, and as it is signed: each byte that is not safe, percent-encoded once."""
    return quote(key, safe="/-_.~")


def signed(
    credentials: Credentials, method: str, url: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> dict[str, str]:
    """The headers of a request, with those that sign it. The path of the address is encoded already, by `path_of`."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    whole = {**headers, "host": urlsplit(url).netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(sorted(name.lower() for name in whole))
    scope = f"{stamp[:8]}/{credentials.region}/{credentials.service}/aws4_request"
    canonical = hashlib.sha256(_canonical(method, url, whole, names, digest).encode()).hexdigest()
    to_sign = "\n".join((ALGORITHM, stamp, scope, canonical))
    signature = hmac.new(_key(credentials, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    proof = f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**whole, "authorization": proof}


def _canonical(method: str, url: str, headers: Mapping[str, str], names: str, digest: str) -> str:
    parts = urlsplit(url)
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    query = "&".join(sorted(one if "=" in one else f"{one}=" for one in parts.query.split("&") if one))
    shown = "".join(f"{name}:{value}\n" for name, value in lines)
    return "\n".join((method, parts.path or "/", query, shown, names, digest))


def _key(credentials: Credentials, scope: str) -> bytes:
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
