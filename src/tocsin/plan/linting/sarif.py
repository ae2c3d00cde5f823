"""A report for programs: as plain values, and as SARIF, from which code hosts show findings beside the lines."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from tocsin.plan.linting.findings import Finding, Kind, Level, Report

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "tocsinFinding/v1"


def plain(report: Report, *, ok: bool) -> dict[str, Any]:
    """The report as mappings and lists."""
    return {
        "ok": ok,
        "file": report.file,
        "counts": {f"{level}s": report.count(level) for level in Level} | {"accepted": len(report.accepted)},
        "findings": [_plain(one) for one in report.findings],
        "not_checked": list(report.unchecked),
    }


def _plain(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "level": one.level.value,
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "path": one.path,
        "reason": one.reason,
        "mend": one.mend,
        "accepted": one.accepted,
        "fingerprint": one.fingerprint,
    }


def sarif(report: Report, kinds: Iterable[Kind], version: str) -> dict[str, Any]:
    """The report in SARIF 2.1.0. The version is that of the program."""
    known = list(kinds)
    places = {kind.code: place for place, kind in enumerate(known)}
    driver = {
        "name": "Tocsin",
        "version": version,
        "rules": [_rule(kind) for kind in known],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The folder in which the plan was checked."}}},
        "results": [_result(one, places[one.code]) for one in report.findings],
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _rule(kind: Kind) -> dict[str, Any]:
    return {
        "id": kind.code,
        "name": "".join(word.capitalize() for word in kind.code.split("-")),
        "shortDescription": {"text": kind.what},
        "fullDescription": {"text": f"{kind.what} {kind.mend}"},
        "help": {"text": kind.mend},
        "defaultConfiguration": {"level": kind.level.value},
        "properties": {"problem.severity": "recommendation" if kind.level is Level.NOTE else kind.level.value},
    }


def _result(one: Finding, place: int) -> dict[str, Any]:
    artifact = {"uri": quote(one.file.replace("\\", "/")), "uriBaseId": "SRCROOT"}
    region = {"startLine": one.line, "startColumn": one.column}
    found: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": place,
        "level": one.level.value,
        "message": {"text": f"{one.reason}. {one.mend}"},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {FINGERPRINT: one.fingerprint},
    }
    if one.path:
        found["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": one.path}]
    if one.accepted is not None:
        found["suppressions"] = [{"kind": "inSource", "justification": one.accepted}]
    return found
