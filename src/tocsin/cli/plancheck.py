"""`plan check`: every finding in a plan file, for people, for programs and for code hosts."""

from collections.abc import Mapping
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from tocsin.cli import client, local, show
from tocsin.cli.options import AsJson, Flag
from tocsin.cli.plan import INVALID, File, summary
from tocsin.cli.planfile import name_of, plan_text

if TYPE_CHECKING:
    from tocsin.plan.linting.findings import Around, Finding, Report
    from tocsin.plan.model import Plan

FOUND = 1  # the exit code of a plan that could be run, with findings that were asked not to pass
_LARGEST = 4_000_000  # bytes of a document; of a larger one no headings are read


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Least(StrEnum):
    """The mildest finding that fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


class Against(StrEnum):
    DATABASE = "database"
    SERVER = "server"


def check(
    file: File,
    /,
    *,
    format: Annotated[Form, Parameter(help="How the findings are printed.")] = Form.TEXT,  # noqa: A002 - typed so
    fail_on: Annotated[Least, Parameter(help="The mildest finding for which the exit code is not 0.")] = Least.ERROR,
    strict: Annotated[Flag, Parameter(help="The same as --fail-on warning.")] = False,
    against: Annotated[
        Against | None, Parameter(help="Ask this installation whether everybody can be reached.")
    ] = None,
    folder: Annotated[
        Path | None, Parameter(help="The folder in which the plan's links begin; by default the file's own.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Check a plan: every mistake, contradiction, hole and dead end, with its line and a way to mend it."""
    from tocsin.plan import lint
    from tocsin.plan.linting import sarif

    beside = folder if folder or file == "-" else Path(file).parent
    report = _examined(file, beside, against)
    code = _exit_code(report, Least.WARNING if strict and fail_on is Least.ERROR else fail_on)
    if json or format is Form.JSON:
        show.as_json(sarif.plain(report, ok=code == 0))
    elif format is Form.SARIF:
        show.as_json(sarif.sarif(report, lint.KINDS, metadata.version("tocsin")))
    else:
        _show(report)
    return code


def _examined(file: str, beside: Path | None, against: Against | None) -> "Report":
    from tocsin.plan import lint
    from tocsin.plan.commands import BadPlan

    name = name_of(file)
    try:
        text = plan_text(file)
    except BadPlan as bad:
        return lint.ungathered(name, bad.problems)
    return lint.examine(text, name, _around(lint.examine(text, name).plan, beside, against))


def _exit_code(report: "Report", least: Least) -> int:
    from tocsin.plan import lint
    from tocsin.plan.linting.findings import Level

    if {one.code for one in report.open} & {kind.code for kind in lint.MISTAKES}:
        return INVALID
    return FOUND if least is not Least.NEVER and report.at_least(Level(least.value)) else 0


# ---- What is around the plan -----------------------------------------------------------------------------------------


def _around(plan: "Plan | None", beside: Path | None, against: Against | None) -> "Around":
    from tocsin.plan.linting.findings import Around

    if plan is None:
        return Around()
    reachable = _reachable(plan, against) if against else None
    return Around(_documents(plan, beside) if beside is not None else None, reachable)


def _documents(plan: "Plan", beside: Path) -> Mapping[str, frozenset[str] | None]:
    """The files that the plan links to and that are there, with the anchors of those that are Markdown."""
    from tocsin.plan.linting import links

    return {name: _anchors(beside / name) for name in links.files(plan) if (beside / name).exists()}


def _anchors(file: Path) -> frozenset[str] | None:
    from tocsin.plan.linting import links

    try:
        if file.suffix.lower() not in (".md", ".markdown") or file.stat().st_size > _LARGEST:
            return None
        return links.anchors(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _reachable(plan: "Plan", against: Against) -> frozenset[str]:
    from tocsin.people import store

    if against is Against.DATABASE:
        return local.look(lambda tx: store.reachable(tx, list(plan.people)))
    found: list[dict[str, Any]] = client.get("people")["people"]
    return frozenset(one["handle"] for one in found if one["reachable"])


# ---- For people ------------------------------------------------------------------------------------------------------

_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def _show(report: "Report") -> None:
    for one in report.open:
        show.line(f"{one.file}:{one.line}  {one.path}   {one.reason}" if one.path else _pathless(one))
        show.line(f"    {one.level} {one.code}: {one.mend}", style=_STYLES[one.level])
    if report.accepted:
        show.line("Accepted:", style="bold")
    for one in report.accepted:
        show.line(f"{one.file}:{one.line}  {one.path}   {one.code}, because {one.accepted}", style="dim")
    _sum_up(report)


def _pathless(one: "Finding") -> str:
    return f"{one.file}:{one.line}  {one.reason}"


def _sum_up(report: "Report") -> None:
    from tocsin.plan.linting.findings import Level

    counts = [(report.count(level), level.value) for level in Level]
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
    said += [f"{len(report.accepted)} accepted"] if report.accepted else []
    if report.plan and not report.count(Level.ERROR):
        show.line(f"{report.file} is sound: {summary(report.plan)}.")
    if said:
        show.aside(f"{', '.join(said)} in {report.file}")
    for one in report.unchecked:
        show.aside(f"Not checked: {one}.")
