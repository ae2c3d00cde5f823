"""Proof of what happened: the record checked on the server's own machine, and evidence to hand to others."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of, send
from tocsin.cli.options import HERE, INCIDENTS, AsJson, Because, Flag, Incident, instant_of
from tocsin.kit.errors import Invalid

if TYPE_CHECKING:
    from tocsin.response.archive import Manifest
    from tocsin.response.verification import Verified

BROKEN = 1

evidence = App()


class NothingNamed(Invalid):
    """Name an incident, or ask for --public-key."""


class CanNotWrite(Invalid):
    """The file can't be written."""


class CanNotRead(Invalid):
    """The file can't be read."""


@evidence.command(name="evidence", group=INCIDENTS)
def pack(
    incident: Annotated[str | None, Parameter(help="The incident's id, or its number.")] = None,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="The file to write; otherwise incident-NUMBER-evidence.zip."),
    ] = None,
    public_key: Annotated[
        Flag, Parameter(help="Instead, print the key that checks what this installation signs.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Put an incident's timeline, ledger, communications and plan into one signed archive.

    Whoever has the public key can check it without this server, with `tocsin verify FILE`.
    """
    if public_key:
        _show_key(client.text("evidence", "public-key"), json=json)
        return
    if incident is None:
        raise NothingNamed
    found = client.get("incidents", id_of(incident))
    file = output or Path(f"incident-{found['number']}-evidence.zip")
    packed = client.content("incidents", found["id"], "evidence")
    try:
        file.write_bytes(packed)
    except OSError as error:
        raise CanNotWrite(f"{file} can't be written: {error.strerror}.") from None
    if json:
        show.as_json({"incident_id": found["id"], "file": str(file), "bytes": len(packed)})
    else:
        show.line(f"{file}: {len(packed):,} bytes of evidence for #{found['number']} {found['id']}")


@evidence.command(group=INCIDENTS)
def replay(
    incident: Incident,
    /,
    *,
    at: Annotated[str | None, Parameter(help="The instant; without one, now. UTC without an offset.")] = None,
    plan: Annotated[
        Path | None, Parameter(help="Instead, what this plan would have asked for, and what differs.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show an incident as it stood at an instant: what was owed, and who knew what. From the record alone."""
    instant = instant_of(at).isoformat() if at else None
    if plan is not None:
        text = _bytes(plan).decode(errors="replace")
        found = client.post("incidents", id_of(incident), "replay", body={"plan": text, "at": instant})
        show.as_json(found) if json else _show_otherwise(found)
        return
    found = client.get("incidents", id_of(incident), "replay", at=instant)
    show.as_json(found) if json else _show_moment(found)


@evidence.command(group=INCIDENTS)
def correct(
    incident: Incident,
    moment: Annotated[
        Literal["started", "detected", "acknowledged", "mitigated", "resolved", "recovered"],
        Parameter(help="What happened at another time than it was written down."),
    ],
    instant: Annotated[
        str, Parameter(help="When it really happened, such as 2026-11-26T14:00+01:00; UTC without an offset.")
    ],
    /,
    *,
    because: Because,
    json: AsJson = False,
) -> None:
    """Say when something really happened. The record keeps both; the numbers count with this one."""
    body = {"moment": moment, "instant": instant_of(instant).isoformat(), "because": because}
    send(incident, "corrections", json=json, body=body)


def _show_moment(found: dict[str, Any]) -> None:
    one = found["incident"]
    show.line(f"#{one['number']} {one['id']}  {one['severity']} {one['status']}: {one['title']}", style="bold")
    show.line(f"As it stood at {show.second(found['at'])}, after entry {found['entries']} of {found['of']}.")
    show.facts([(role.replace("_", " ").capitalize(), person) for role, person in one["roles"].items()])
    show.heading("Owed")
    owed = [_debt(each, found["at"]) for each in found["obligations"] if each["state"] != "void"]
    show.table(("", "By", "Due", "Then"), owed, empty="Nothing was owed.")
    show.heading("Told")
    told = [(each["audience"], each["stage"], show.second(each["at"]), each["text"]) for each in found["told"]]
    show.table(("", "Stage", "At", ""), told, empty="Nobody had been told anything.")
    show.heading("Who knew")
    people = [_knew(each) for each in found["people"]]
    show.table(("", "Role", "Paged", "Reached", "Answered", "Told in entry"), people, empty="Nobody.")


def _debt(one: dict[str, Any], at: str) -> tuple[show.Cell, ...]:
    if one["state"] != "open":
        then = f"{one['state']} {show.second(one['settled_at'])}"
    else:
        due_at, now = show.instant(one["due_at"]), show.instant(at)
        then = "overdue" if due_at and now and due_at < now else "open"
    return one["what"], one["owner"], show.second(one["due_at"]), then


def _knew(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    roles = ", ".join(role.replace("_", " ") for role in one["roles"])
    instants = (show.second(one[name]) for name in ("paged_at", "reached_at", "answered_at"))
    return one["handle"], roles, *instants, ", ".join(str(each["entry"]) for each in one["heard"])


def _show_otherwise(found: dict[str, Any]) -> None:
    if not found["differences"]:
        show.line("Nothing would have been owed otherwise.")
    show.line("\n".join(f"- {one['sentence']}" for one in found["differences"]))
    if found["promises"]:
        show.heading(f"Owed under this plan, as {found['severity']} {found['type']}")
        rows = [
            (one["what"], f"entry {one['entry']}", show.second(one["due_at"]), one["end"]) for one in found["promises"]
        ]
        show.table(("", "From", "Due", ""), rows)


def _show_key(key: str, *, json: bool) -> None:
    from tocsin.response import archive

    if json:
        show.as_json({"public_key": key, "fingerprint": archive.fingerprint(key)})
    else:
        show.raw(key)
        show.aside(f"SHA-256 {archive.fingerprint(key)}")


@evidence.command(group=HERE)
def verify(
    what: Annotated[
        str | None, Parameter(help="Only this incident, by its id or number; or the file of an evidence archive.")
    ] = None,
    /,
    *,
    key: Annotated[
        Path | None, Parameter(help="For an archive: the public key, in PEM, of the installation that you trust.")
    ] = None,
    here: Annotated[
        Flag, Parameter(help="For an archive: see too that this machine's database tells the signed entries alike.")
    ] = False,
    json: AsJson = False,
) -> int:
    """Prove the record: that each entry is what was written, that none is missing, and that the rest follows from it.

    What is broken is named, with the first entry of each incident that does not hold. An archive is checked by itself,
    without a server and without a database.
    """
    if what is not None and Path(what).is_file():
        return _archive(Path(what), key, here=here, json=json)
    if key is not None or here:
        raise CanNotRead(f"There is no file {what} to check." if what else "Name the archive to check.")
    return _record(what, json=json)


def _archive(file: Path, key: Path | None, *, here: bool, json: bool) -> int:
    from tocsin.response import archive

    examined = archive.examine(_bytes(file), _bytes(key).decode(errors="replace") if key else None)
    manifest, signer = examined.manifest, archive.fingerprint(examined.public_key)
    problems = list(examined.problems)
    if here and not problems:
        problems += _contradiction(manifest, examined.public_key)
    if json:
        about = {"incident_id": manifest.incident_id, "number": manifest.number, "entries": manifest.entries}
        found = {"head": manifest.head, "key": signer, "key_is_given": key is not None, "problems": problems}
        show.as_json({"ok": not problems, **about, **found})
    elif problems:
        show.line("\n".join(problems))
    else:
        about_it = f"#{manifest.number} {manifest.incident_id}: {manifest.title}"
        show.line(f"{manifest.entries:,} entries of {about_it}\nhold, and were signed with the key {signer}.")
        if key is None:
            show.aside("That is the archive's own key: compare it with `tocsin evidence --public-key`, or give --key.")
    return BROKEN if problems else 0


def _contradiction(manifest: "Manifest", public_key: str) -> list[str]:
    from tocsin.cli import local
    from tocsin.response import evidence as collector

    found = local.look(lambda tx: collector.contradicts(tx, manifest, public_key))
    return [found] if found else []


def _bytes(file: Path) -> bytes:
    from tocsin.response import archive

    try:
        if file.stat().st_size > archive.MOST:
            raise CanNotRead(f"{file} is too large to be evidence.")
        return file.read_bytes()
    except OSError as error:
        raise CanNotRead(f"{file} can't be read: {error.strerror}.") from None


def _record(incident: str | None, *, json: bool) -> int:
    from tocsin.cli import local

    counted = local.look(lambda tx: _count(tx, incident))
    if json:
        show.as_json({"ok": not counted["problems"], **counted})
    else:
        sound = f"{counted['entries']:,} entries of {counted['incidents']:,} incidents hold."
        show.line("\n".join([*(one["problem"] for one in counted["problems"]), sound]))
    return BROKEN if counted["problems"] else 0


def _count(tx: Any, incident: str | None) -> dict[str, Any]:
    from tocsin.incidents import store as incidents
    from tocsin.response import verification

    if incident is None:
        looked_at = verification.verify_all(tx)
    else:
        looked_at = iter([verification.verify(tx, incidents.id_of(tx, incident))])
    counted = {"incidents": 0, "entries": 0}
    problems = []
    for one in looked_at:
        counted["incidents"] += one.fault is None
        counted["entries"] += one.entries
        problems += [_problem(one)] if one.fault else []
    return {**counted, "problems": problems}


def _problem(one: "Verified") -> dict[str, Any]:
    found = asdict(one)
    fault = found.pop("fault") or {}
    return {**found, "entry": fault.get("entry"), "problem": one.problem}
