"""The evidence of one incident in one signed file, and its examination by somebody who has nothing else.

A zip archive without compression and without dates: the same evidence is the same bytes. `manifest.json` names every
file with its SHA-256 and is signed with Ed25519; `docs/reference/evidence.md` describes the format. Nothing here reads
a database: what is examined is what the file holds.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tocsin.delivery.channel import Message
from tocsin.incidents import chain
from tocsin.incidents.chain import Sealed
from tocsin.incidents.model import Incident, Updated
from tocsin.kit.errors import Invalid
from tocsin.kit.later import later
from tocsin.obligations.model import Obligation
from tocsin.plan.store import revision_id
from tocsin.response.communications import Communication

if TYPE_CHECKING:
    from tocsin.kit import signing
else:
    signing = later("tocsin.kit.signing")

FORMAT = "tocsin evidence 1"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public-key.pem"
TIMELINE, INCIDENT, LEDGER = "timeline.jsonl", "incident.json", "ledger.json"
COMMUNICATIONS, PLAN, POST_MORTEM = "communications.json", "plan.yaml", "post-mortem.md"
FILES = (TIMELINE, INCIDENT, LEDGER, COMMUNICATIONS, PLAN, POST_MORTEM)
MOST = 1 << 30  # bytes of an archive that is read

T = TypeVar("T")

_json = msgspec.json.Encoder(order="sorted")


class NotAnArchive(Invalid):
    """This is not an evidence archive of Tocsin."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What goes into an archive."""

    incident: Incident
    rows: Sequence[Sealed]
    ledger: Sequence[Obligation]
    messages: Sequence[Message]
    log: Sequence[Communication]
    plan_text: str
    post_mortem: str
    made_by: str  # the program and its version


class _File(msgspec.Struct, frozen=True):
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What an archive says of itself."""

    format: str
    made_by: str
    incident_id: str
    number: int
    title: str
    plan_revision: str
    entries: int
    head: str
    files: dict[str, _File]


# ---- Making ----------------------------------------------------------------------------------------------------------


def pack(evidence: Evidence, secret: bytes) -> bytes:
    """The archive. `secret` are the 32 bytes of the installation's key."""
    files = _files(evidence)
    incident = evidence.incident
    manifest = _readable(
        Manifest(
            format=FORMAT,
            made_by=evidence.made_by,
            incident_id=incident.id,
            number=incident.number,
            title=incident.title,
            plan_revision=incident.plan_revision,
            entries=incident.entries,
            head=incident.head,
            files={name: _File(_sha256(data), len(data)) for name, data in files.items()},
        )
    )
    return _zipped(
        {
            MANIFEST: manifest,
            SIGNATURE: signing.sign(secret, manifest),
            PUBLIC_KEY: pem(secret).encode(),
            **files,
        }
    )


def pem(secret: bytes) -> str:
    """The public key of the installation as a text, for whoever is to check its archives."""
    return signing.pem(secret)


def fingerprint(public_key: str) -> str:
    """A short name for a key, to compare it by eye: the SHA-256 of its 32 bytes."""
    return _sha256(signing.raw(public_key))


def _files(evidence: Evidence) -> dict[str, bytes]:
    lines = [_json.encode(row._asdict()) for row in evidence.rows]
    return {
        TIMELINE: b"".join(line + b"\n" for line in lines),
        INCIDENT: _readable(evidence.incident),
        LEDGER: _readable(sorted(evidence.ledger, key=lambda one: (one.opened_at, one.id))),
        COMMUNICATIONS: _readable(
            {
                "updates": _updates(evidence.rows),
                "messages": [_message(one) for one in evidence.messages],
                "log": evidence.log,
            }
        ),
        PLAN: evidence.plan_text.encode(),
        POST_MORTEM: evidence.post_mortem.encode(),
    }


def _updates(rows: Iterable[Sealed]) -> list[dict[str, Any]]:
    """Every update as its audience read it, with the number of its entry."""
    found = ((row.number, msgspec.json.decode(row.body)) for row in rows if row.kind == Updated.__name__)
    return [{"entry": number, **entry} for number, entry in found]


def _message(message: Message) -> dict[str, Any]:
    """What left and how it fared. Neither an address nor a body: a page's body holds the link that answers it."""
    shown = ("id", "channel", "person", "audience", "subject", "created_at", "state", "attempts", "sent_at")
    error = message.last_error.replace(message.address, "…") if message.address else message.last_error
    about = {name: getattr(message, name) for name in shown}
    return {**about, "last_error": error, "body_sha256": _sha256(message.body.encode())}


def _readable(value: object) -> bytes:
    return msgspec.json.format(_json.encode(value), indent=2) + b"\n"


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """The files in this order, as they are, as if made at the beginning of time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.external_attr = 0o644 << 16
            about.create_system = 3  # whatever system made it
            archive.writestr(about, data)
    return packed.getvalue()


# ---- Examining -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Examined:
    """What an archive proves. `problems` are empty if all of it holds; `key` is the one that the signature fits."""

    manifest: Manifest
    public_key: str
    problems: tuple[str, ...]


def examine(data: bytes, public_key: str | None = None) -> Examined:
    """Check an archive by itself: its signature, its files, the chain, and that the incident is what the record says.

    Without a key, the archive's own is taken: that proves that nothing was changed since it was signed, not by whom.
    """
    files = _unzipped(data)
    manifest = _read(files, MANIFEST, Manifest)
    key = public_key or _text(files, PUBLIC_KEY)
    problems = [
        *_of_signature(files, key),
        *_of_files(files, manifest),
    ]
    if not problems:
        problems += _of_record(files, manifest)
    return Examined(manifest, key, tuple(problems))


def _of_signature(files: Mapping[str, bytes], public_key: str) -> list[str]:
    if signing.is_signed(public_key, files.get(SIGNATURE, b""), files[MANIFEST]):
        return []
    return [f"{SIGNATURE}: the manifest was not signed with this key, or was changed since"]


def _of_files(files: Mapping[str, bytes], manifest: Manifest) -> list[str]:
    problems = [] if manifest.format == FORMAT else [f"{MANIFEST}: the format is '{manifest.format}', not '{FORMAT}'"]
    for name in dict.fromkeys([*FILES, *manifest.files]):
        if name not in files:
            problems.append(f"{name}: it is missing")
        elif name not in manifest.files or manifest.files[name].sha256 != _sha256(files[name]):
            problems.append(f"{name}: it is not what was signed")
    known = {MANIFEST, SIGNATURE, PUBLIC_KEY, *manifest.files}
    return [*problems, *(f"{name}: nobody signed this file" for name in files if name not in known)]


def _of_record(files: Mapping[str, bytes], manifest: Manifest) -> list[str]:
    """Whether what is signed is true to itself."""
    rows, incident = _rows(files[TIMELINE]), _read(files, INCIDENT, Incident)
    checked = chain.check(manifest.incident_id, rows)
    fault = chain.against_saved(checked, incident)
    if fault:
        place = f"entry {fault.entry}" if fault.entry else INCIDENT
        return [f"{TIMELINE}: {place}: {fault.what}"]
    problems = []
    said = (manifest.incident_id, manifest.entries, manifest.head, manifest.plan_revision)
    if said != (incident.id, incident.entries, incident.head, incident.plan_revision):
        problems.append(f"{MANIFEST}: it does not say what the timeline says")
    if revision_id(_text(files, PLAN)) != incident.plan_revision:
        problems.append(f"{PLAN}: it is not the plan that the incident was run by")
    if _read(files, COMMUNICATIONS, _Communications).updates != _updates(rows):
        problems.append(f"{COMMUNICATIONS}: the updates are not those of the timeline")
    if any(one.incident_id != incident.id for one in _read(files, LEDGER, list[Obligation])):
        problems.append(f"{LEDGER}: it holds what another incident owes")
    return problems


class _Communications(msgspec.Struct):
    updates: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    log: list[dict[str, Any]] = []  # archives of before have none


class _Line(msgspec.Struct):
    incident_id: str
    number: int
    kind: str
    at: int
    by: str
    body: str
    hash: str


def _rows(timeline: bytes) -> list[Sealed]:
    try:
        found = [msgspec.json.decode(line, type=_Line) for line in timeline.splitlines()]
    except msgspec.MsgspecError as error:
        raise NotAnArchive(f"{TIMELINE} can't be read: {error}") from None
    return [Sealed(**msgspec.structs.asdict(one)) for one in found]


def _read(files: Mapping[str, bytes], name: str, kind: type[T]) -> T:
    if name not in files:
        raise NotAnArchive(f"{NotAnArchive.__doc__} It holds no {name}.")
    try:
        return msgspec.json.decode(files[name], type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotAnArchive(f"{name} can't be read: {error}") from None


def _text(files: Mapping[str, bytes], name: str) -> str:
    return files.get(name, b"").decode(errors="replace")


def _unzipped(data: bytes) -> dict[str, bytes]:
    """The files of an archive. What is packed otherwise than we do is refused: nothing may grow when it is opened."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = archive.infolist()
            if any(one.compress_type != zipfile.ZIP_STORED or one.file_size > len(data) for one in listed):
                raise NotAnArchive
            if len({one.filename for one in listed}) < len(listed):
                raise NotAnArchive("A file stands in this archive twice.")
            return {one.filename: archive.read(one) for one in listed}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise NotAnArchive from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
