"""The evidence of an incident in one file: it verifies with nothing but itself and a key, and shows any change."""

import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from tests.core.test_chain import plainly
from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, MessageState
from tocsin.incidents import chain
from tocsin.incidents import store as incidents
from tocsin.incidents.chain import Sealed
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.signing import NotAKey
from tocsin.people import access
from tocsin.people.access import NotAllowed
from tocsin.plan import store as plans
from tocsin.response import archive, commands, evidence, verification
from tocsin.response.archive import NotAnArchive
from tocsin.response.evidence import BrokenRecord, NoKey

FIELDS = {"impact": "voice is silent", "actions": "restarting", "next": "watching"}


def a_night(tx: Tx) -> Incident:
    incident = commands.declare(tx, title="Voice hangs", severity="P1", type="service_outage", service="rose")
    commands.acknowledge(tx, incident.id)
    commands.decide(tx, incident.id, "Restart it", "nothing else helps")
    return commands.post_update(tx, incident.id, "internal", FIELDS)


@pytest.fixture
def incident(database: Database) -> Incident:
    with database.work(SYSTEM) as tx:
        kept.make_evidence_key(tx)
        a_night(tx)
    with database.work(SYSTEM) as tx:
        return a_night(tx)


@pytest.fixture
def packed(database: Database, incident: Incident) -> bytes:
    return pack(database, incident)


def pack(database: Database, incident: Incident) -> bytes:
    with database.read(SYSTEM) as tx:
        return evidence.pack(tx, incident.id)


def unpacked(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        return {name: files.read(name) for name in files.namelist()}


def packed_again(files: Mapping[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as written:
        for name, data in files.items():
            written.writestr(name, data)
    return made.getvalue()


def test_an_archive_holds_and_says_what_it_is_about(database: Database, incident: Incident, packed: bytes) -> None:
    examined = archive.examine(packed)
    assert examined.problems == ()
    about = examined.manifest
    assert (about.incident_id, about.number, about.entries, about.head) == (
        incident.id,
        incident.number,
        incident.entries,
        incident.head,
    )
    with database.read(SYSTEM) as tx:
        assert examined.public_key == evidence.public_key(tx)


def test_the_same_evidence_is_the_same_bytes(
    database: Database, clock: ManualClock, incident: Incident, packed: bytes
) -> None:
    clock.advance_to(clock.now().replace(year=2027))
    assert pack(database, incident) == packed
    database.run(SYSTEM, lambda tx: commands.note(tx, incident.id, "More"))
    assert pack(database, incident) != packed


def test_somebody_checks_it_with_nothing_of_ours(incident: Incident, packed: bytes, tmp_path: Path) -> None:
    """As the reference describes it: the sums, the chain, and the first constant."""
    files = unpacked(packed)
    manifest = json.loads(files["manifest.json"])
    for name, said in manifest["files"].items():
        assert said == {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])}
    previous = hashlib.sha256(f"tocsin timeline 1\n{incident.id}".encode()).hexdigest()
    rows = [json.loads(line) for line in files["timeline.jsonl"].splitlines()]
    for number, row in enumerate(rows, start=1):
        assert row["number"] == number
        previous = plainly(previous, Sealed(**row))
        assert row["hash"] == previous
    assert previous == manifest["head"]


@pytest.mark.needs("openssl")
def test_openssl_says_that_the_signature_fits(packed: bytes, tmp_path: Path) -> None:
    for name, data in unpacked(packed).items():
        (tmp_path / name).write_bytes(data)
    command = "openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig"
    assert b"Success" in subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=True).stdout
    (tmp_path / "manifest.json").write_bytes((tmp_path / "manifest.json").read_bytes() + b" ")
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_it_holds_what_people_were_told_and_no_secret(database: Database, incident: Incident, packed: bytes) -> None:
    files = unpacked(packed)
    told = json.loads(files["communications.json"])
    (update,) = told["updates"]
    assert (update["audience"], update["fields"]["impact"]) == ("internal", "voice is silent")
    with database.read(SYSTEM) as tx:
        messages, secret = outbox.for_incident(tx, incident.id), kept.read(tx, kept.EVIDENCE_KEY)
        assert files["plan.yaml"].decode() == plans.text(tx, incident.plan_revision)
    assert {one["id"] for one in told["messages"]} == {one.id for one in messages}
    said = b"".join(data for name, data in files.items() if name not in ("plan.yaml", "manifest.sig")).decode()
    assert any(one.page_id for one in messages)
    for message in messages:
        assert message.address not in said
        link = message.body.partition("/a/")[2].split()
        assert not link or link[0] not in said
    assert secret is not None and secret not in said
    assert len(json.loads(files["ledger.json"])) > 3
    assert "Voice hangs" in files["post-mortem.md"].decode()


def test_an_address_in_a_servers_answer_is_left_out(database: Database, incident: Incident) -> None:
    with database.work(SYSTEM) as tx:
        message = next(one for one in outbox.for_incident(tx, incident.id) if one.state is MessageState.QUEUED)
        outbox.record(tx, message, Dead(f"550 {message.address} is unknown here"))
    told = json.loads(unpacked(pack(database, incident))["communications.json"])["messages"]
    assert "550 … is unknown here" in [one["last_error"] for one in told]


def test_another_key_does_not_fit(packed: bytes) -> None:
    other = archive.pem(b"x" * 32)
    assert archive.examine(packed, other).problems == (
        "manifest.sig: the manifest was not signed with this key, or was changed since",
    )
    with pytest.raises(NotAKey):
        archive.examine(packed, "-----BEGIN")
    with pytest.raises(NotAKey, match="not an Ed25519 key"):
        archive.examine(packed, RSA)


@pytest.mark.parametrize("name", [*archive.FILES, archive.MANIFEST, archive.SIGNATURE])
def test_any_changed_byte_is_found(packed: bytes, name: str) -> None:
    files = unpacked(packed)
    data = bytearray(files[name])
    place = len(data) - 2  # before a last line feed
    data[place] = data[place] ^ 1 if name == archive.SIGNATURE else (ord("7") if data[place] != ord("7") else ord("8"))
    files[name] = bytes(data)
    try:
        problems = archive.examine(packed_again(files)).problems
    except NotAnArchive:
        assert name == archive.MANIFEST
    else:
        assert problems != ()


@pytest.mark.parametrize("name", archive.FILES)
def test_a_file_that_is_gone_is_named(packed: bytes, name: str) -> None:
    files = unpacked(packed)
    del files[name]
    assert archive.examine(packed_again(files)).problems == (f"{name}: it is missing",)


def test_a_file_that_was_slipped_in_is_named(packed: bytes) -> None:
    files = {**unpacked(packed), "more.txt": b"by the way"}
    assert archive.examine(packed_again(files)).problems == ("more.txt: nobody signed this file",)


def _swapped(packed: bytes, before: bytes, after: bytes) -> bytes:
    """Some bytes are others than when it was packed."""
    assert before in packed
    return packed.replace(before, after, 1)


def _locked(packed: bytes) -> bytes:
    """As if each file could be read with a password only."""
    return _swapped(packed, b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


def _signed(files: dict[str, bytes], secret: bytes = b"y" * 32) -> bytes:
    """What somebody would make who has a key and no scruples."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])}
        for name in manifest["files"]
    }
    manifest = {**manifest, **json.loads(files.pop("changes", b"{}"))}
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sig"] = Ed25519PrivateKey.from_private_bytes(secret).sign(files["manifest.json"])
    files["public-key.pem"] = archive.pem(secret).encode()
    return packed_again(files)


def _without_a_line(files: dict[str, bytes]) -> None:
    lines = files["timeline.jsonl"].splitlines(keepends=True)
    files["timeline.jsonl"] = b"".join([*lines[:2], *lines[3:]])


def _cut_short(files: dict[str, bytes]) -> None:
    files["timeline.jsonl"] = b"".join(files["timeline.jsonl"].splitlines(keepends=True)[:-1])


def _renamed(files: dict[str, bytes]) -> None:
    files["incident.json"] = files["incident.json"].replace(b"Voice hangs", b"All is well")


def _another_plan(files: dict[str, bytes]) -> None:
    files["plan.yaml"] += b"\n# and more\n"


def _never_told(files: dict[str, bytes]) -> None:
    files["communications.json"] = json.dumps({**json.loads(files["communications.json"]), "updates": []}).encode()


def _another_head(files: dict[str, bytes]) -> None:
    files["changes"] = b'{"head": "abc"}'


def _another_format(files: dict[str, bytes]) -> None:
    files["changes"] = b'{"format": "tocsin evidence 9"}'


def _anothers_debts(files: dict[str, bytes]) -> None:
    files["ledger.json"] = files["ledger.json"].replace(b'"incident_id": "inc_', b'"incident_id": "inc_X', 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_a_line, "timeline.jsonl: entry 3: it is missing; the next is entry 4"),
        (_cut_short, "and with it all that follow"),
        (_renamed, "timeline.jsonl: incident.json: its saved state is not what its timeline says"),
        (_another_plan, "plan.yaml: it is not the plan that the incident was run by"),
        (_never_told, "communications.json: the updates are not those of the timeline"),
        (_another_head, "manifest.json: it does not say what the timeline says"),
        (_another_format, "manifest.json: the format is 'tocsin evidence 9'"),
        (_anothers_debts, "ledger.json: it holds what another incident owes"),
    ],
)
def test_what_was_signed_and_is_not_true_is_found(
    packed: bytes, change: Callable[[dict[str, bytes]], Any], said: str
) -> None:
    files = unpacked(packed)
    change(files)
    (problem,) = archive.examine(_signed(files)).problems
    assert said in problem


def test_what_is_no_archive_is_refused(packed: bytes) -> None:
    files = unpacked(packed)
    for data in (b"", b"hello", packed[:-40], packed_again({}), packed_again(files, zipfile.ZIP_DEFLATED)):
        with pytest.raises(NotAnArchive):
            archive.examine(data)
    for damaged in (_swapped(packed, b'"ana"', b'"eve"'), _locked(packed)):
        with pytest.raises(NotAnArchive):
            archive.examine(damaged)
    twice = io.BytesIO(packed)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(twice, "a") as written:
        written.writestr("timeline.jsonl", b"")
    with pytest.raises(NotAnArchive, match="stands in this archive twice"):
        archive.examine(twice.getvalue())
    files["timeline.jsonl"] = b"{}\n"
    with pytest.raises(NotAnArchive, match=r"timeline\.jsonl can't be read"):
        archive.examine(_signed(files))


def test_a_record_that_does_not_hold_is_not_signed(database: Database, incident: Incident) -> None:
    with database.begin_exclusive() as connection:
        trigger = "entry_no_update" if database.is_sqlite else "entry_only_added_to on entry"
        connection.execute(text(f"drop trigger {trigger}"))
        connection.execute(text("update entry set by = 'eve' where number = 2"))
    with database.read(SYSTEM) as tx, pytest.raises(BrokenRecord, match=f"entry 2 of {incident.id}"):
        evidence.pack(tx, incident.id)


def test_without_a_key_nothing_is_signed(database: Database) -> None:
    incident = database.run(SYSTEM, a_night)
    with database.read(SYSTEM) as tx, pytest.raises(NoKey):
        evidence.pack(tx, incident.id)


def test_who_may_not_read_incidents_gets_no_evidence(database: Database, incident: Incident) -> None:
    nobody = Actor("token:x", ActorKind.TOKEN, frozenset({"plan:read"}))
    with database.read(nobody) as tx, pytest.raises(NotAllowed):
        evidence.pack(tx, incident.id)


def test_the_key_is_made_once(database: Database, incident: Incident) -> None:
    with database.work(SYSTEM) as tx:
        before = evidence.public_key(tx)
        kept.make_evidence_key(tx)
        assert evidence.public_key(tx) == before
    assert len(archive.fingerprint(before)) == 64


def test_a_timeline_is_kept_as_it_was_written(packed: bytes) -> None:
    rows = [Sealed(**json.loads(line)) for line in unpacked(packed)["timeline.jsonl"].splitlines()]
    assert [chain.write(chain.read(row.kind, row.body)) for row in rows] == [row.body for row in rows]


RSA = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
"""


# ---- Against the database --------------------------------------------------------------------------------------------


def contradiction(database: Database, packed: bytes) -> str:
    with database.read(SYSTEM) as tx:
        examined = archive.examine(packed)
        return evidence.contradicts(tx, examined.manifest, examined.public_key)


def test_a_record_that_only_went_on_does_not_contradict_an_older_archive(
    database: Database, incident: Incident, packed: bytes
) -> None:
    assert contradiction(database, packed) == ""
    database.run(SYSTEM, lambda tx: commands.note(tx, incident.id, "More"))
    assert contradiction(database, packed) == ""


def test_a_past_that_was_written_anew_is_contradicted_by_an_archive(
    database: Database, incident: Incident, packed: bytes
) -> None:
    """Whoever owns the database and knows the rules seals all of it anew: the chain holds, the archive does not."""
    with database.read(SYSTEM) as tx:
        rows = [row._replace(by="eve") if row.number == 3 else row for row in incidents.sealed(tx, incident.id)]
    sealed, previous = [], chain.genesis(incident.id)
    for row in rows:
        body = row.body.replace('"by":"tocsin"', f'"by":"{row.by}"')
        previous = chain.seal(previous, *row[:5], body)
        sealed.append(row._replace(body=body, hash=previous))
    forged = chain.check(incident.id, sealed).incident
    assert forged is not None
    with database.begin_exclusive() as connection:
        trigger = "entry_no_update" if database.is_sqlite else "entry_only_added_to on entry"
        connection.execute(text(f"drop trigger {trigger}"))
        change = "update entry set by = :by, body = :body, hash = :hash where incident_id = :id and number = :number"
        for row in sealed:
            values = {"by": row.by, "body": row.body, "hash": row.hash, "id": row.incident_id, "number": row.number}
            connection.execute(text(change), values)
        fold = json.dumps(msgspec.to_builtins(forged))
        connection.execute(text("update incident set fold = :fold where id = :id"), {"fold": fold, "id": incident.id})
    with database.read(SYSTEM) as tx:
        assert verification.verify(tx, incident.id).fault is None
    name = f"{incident.id} (#{incident.number})"
    assert contradiction(database, packed) == f"{name}: this database tells the signed entries otherwise"


def test_a_database_that_lacks_what_was_signed_is_told_so(
    database: Database, incident: Incident, packed: bytes
) -> None:
    examined = archive.examine(packed)
    manifest, key = examined.manifest, examined.public_key
    with database.read(SYSTEM) as tx:
        longer = msgspec.structs.replace(manifest, entries=manifest.entries + 1)
        assert f"has {incident.entries} of the {incident.entries + 1} entries" in evidence.contradicts(tx, longer, key)
        elsewhere = msgspec.structs.replace(manifest, incident_id="inc_NOWHERE")
        assert "this database has no such incident" in evidence.contradicts(tx, elsewhere, key)


def test_an_archive_of_a_secret_is_held_against_the_record_for_whoever_has_it(database: Database) -> None:
    """It was packed by a reader, and the answer says no word that is not in it; ids can't be asked after by it."""
    said: Any = {"title": "Keys are out", "severity": "P3", "type": "security"}
    reader = Actor("ben", ActorKind.PERSON, frozenset({access.INCIDENT_READ, access.INCIDENT_WRITE}))
    database.run(SYSTEM, kept.make_evidence_key)
    secret = database.run(reader, lambda tx: commands.declare(tx, **said))
    with database.read(reader) as tx:
        examined = archive.examine(evidence.pack(tx, secret.id))
    stranger = access.local_operator("root")
    with database.read(stranger) as tx, pytest.raises(incidents.NoSuchIncident):
        incidents.load(tx, secret.id)
    other_key = archive.pem(bytes(32))
    for key, answer in ((examined.public_key, ""), (other_key, "this database has no such incident that you may read")):
        with database.read(stranger) as tx:
            assert evidence.contradicts(tx, examined.manifest, key).endswith(answer)
            assert bool(answer) == bool(evidence.contradicts(tx, examined.manifest, key))
    longer = msgspec.structs.replace(examined.manifest, entries=99)
    with database.read(stranger) as tx:
        assert "of the 99 entries that were signed" in evidence.contradicts(tx, longer, examined.public_key)
