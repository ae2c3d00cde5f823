"""Where the public site is published besides here, and what is said of a place that does not take it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tocsin.kit.errors import Invalid, Refused
from tocsin.status.site import AnyFile

MANIFEST = "tocsin-published.json"
"""A file beside the published ones that names them all, so that what is gone here goes there too, and nothing else."""


class BadPlace(Invalid):
    """TOCSIN_STATUS_PUBLISH is a folder, s3://bucket/folder, or git+https://host/repository#branch."""


class NotTaken(Refused):
    """The place does not take the site."""


@dataclass(frozen=True)
class Took:
    """What publishing did: files written, files taken away, and whether there was more than there was time for."""

    written: int
    removed: int
    unfinished: bool = False


class PublishedAt(Protocol):
    name: str  # what people are told, without what is secret in it

    def publish(self, files: Mapping[str, AnyFile]) -> Took:
        """Make the place hold these files and no older ones of ours. Raises NotTaken."""
        ...


def digests(files: Mapping[str, AnyFile]) -> dict[str, str]:
    """What each file says, in a few letters; one that has a mark need not be made for that."""
    return {name: _digest(file.kind.encode() + (file.mark or file.body)) for name, file in files.items()}


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


def manifest(known: Mapping[str, str]) -> bytes:
    return json.dumps(dict(sorted(known.items())), indent=0).encode()


def read_manifest(text: bytes) -> dict[str, str]:
    """What stands in a manifest; a name that leads out of the place is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: str(digest) for name, digest in pairs if is_inside(name)}


def is_inside(name: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)*", name, re.ASCII)) and ".." not in name.split("/")


def in_order(files: Mapping[str, AnyFile]) -> list[str]:
    """What others lead to first, and what leads to them last, so that no link is broken in between."""
    return sorted(files, key=lambda name: (name.endswith("index.html"), -name.count("/"), name))
