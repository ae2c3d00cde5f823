"""How each clause of the plan in force is kept, by the record of this machine."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from tocsin.cli import local, show
from tocsin.cli.options import AsJson, instant_of
from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip

if TYPE_CHECKING:
    from tocsin.insights.coverage import Coverage, Covered


class Sort(StrEnum):
    PRINTED = "printed"
    MISSED = "missed"
    LATE = "late"
    USED = "used"


class Only(StrEnum):
    ALL = "all"
    ENFORCED = "enforced"
    TIMED = "timed"
    GUIDED = "guided"
    WRITTEN = "written"
    NEVER = "never"
    MISSED = "missed"


class InTheFuture(Invalid):
    """The period would end before it begins."""


def coverage(
    *,
    since: Annotated[
        str | None,
        Parameter(
            help="The first day or instant of the obligations counted; 90 days ago unless given. UTC without an offset."
        ),
    ] = None,
    only: Annotated[
        Only, Parameter(help="Clauses of one kind, those never exercised, or those missed or late at all.")
    ] = Only.ALL,
    sort: Annotated[
        Sort, Parameter(help="As printed, or first what was missed most, late most, or used last.")
    ] = Sort.PRINTED,
    json: AsJson = False,
) -> None:
    """Show clause by clause how the plan in force is kept: by what, how often, and when it was last exercised."""
    from tocsin.insights import coverage as covering

    found = local.look(lambda tx: _read(tx, since))
    order = "" if sort is Sort.PRINTED else str(sort)
    rows = covering.ordered(covering.chosen(found.clauses, "" if only is Only.ALL else str(only)), order)
    if json:
        show.as_json(covering.as_json(found, rows))
    else:
        _show(found, rows)


def _read(tx: Any, since: str | None) -> "Coverage":
    from tocsin.insights import report

    begin: Any = instant_of(since) if since else tx.now - report.COVERED
    if begin >= tx.now:
        raise InTheFuture(f"'{since}' lies in the future; name an instant that has passed.")
    return report.coverage(tx, begin)


def _show(found: "Coverage", rows: "Iterable[Covered]") -> None:
    from tocsin.insights import coverage as covering

    show.line(covering.summary(found), style="bold")
    since = show.minute(found.period_start.isoformat())
    whole = "" if found.is_whole else ", the latest; earlier ones were not read"
    many = "incident" if found.incidents == 1 else "incidents"
    show.line(f"{found.plan}, revision {found.revision}. Obligations since {since}; {found.incidents} {many}{whole}.")
    show.line()
    columns = ("Clause", "No.", "What", "How", "Last exercised", "Kept", "Late", "Missed", "Waived", "Open")
    show.table(columns, [_row(one) for one in rows], empty="No clause is like that.")


def _row(one: "Covered") -> tuple[show.Cell, ...]:
    return (one.id, one.number, clip(one.text, 60), str(one.how), _last(one), *_counts(one))


def _counts(one: "Covered") -> tuple[show.Cell, ...]:
    counts = one.counts
    if not counts.total:
        return ("",) * 5
    return counts.kept, counts.late, counts.missed, counts.waived, counts.open


def _last(one: "Covered") -> str:
    from tocsin.insights.coverage import sentence

    if one.last is None:
        return sentence(one)
    return f"{sentence(one)} {show.minute(one.last.at.isoformat())} by #{one.last.number}"
