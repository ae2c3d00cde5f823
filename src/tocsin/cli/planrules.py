"""A plan's rules, tried on the signals that reached this installation."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from tocsin.cli import local, show
from tocsin.cli.options import AsJson
from tocsin.cli.planfile import plan_text

if TYPE_CHECKING:
    from tocsin.response.trying import Trial


def try_rules(
    file: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="The plan's file; - reads it from the standard input.")
    ],
    /,
    *,
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=3660), help="How many days of signals.")] = 30,
    json: AsJson = False,
) -> None:
    """Try a plan's rules on the signals of the last days, beside what was made of them. Nothing is changed."""
    from tocsin.response import trying

    text = plan_text(file)
    found = local.look(
        lambda tx: trying.try_rules(tx, text, tx.now - timedelta(days=days), tx.now + timedelta(milliseconds=1))
    )
    show.as_json(_plain(found)) if json else _show(found)


def _show(found: "Trial") -> None:
    from tocsin.response import subsiding, trying

    newest = "" if found.is_whole else ", the newest; earlier ones were not tried"
    many = "signal" if found.signals == 1 else "signals"
    show.line(f"{found.signals} {many} since {show.minute(found.since.isoformat())}{newest}.", style="bold")
    busy = [one for one in found.tallies if one.before or one.after]
    rows = [(one.rule or "(no rule: waits for a person)", one.before, one.after) for one in busy]
    show.table(("Rule", "Decided then", "Would decide"), rows, empty="No rule decides anything.")
    if idle := len(found.tallies) - len(busy):
        show.line(f"{idle} {'rule decides' if idle == 1 else 'rules decide'} nothing, neither then nor now.")
    if not found.changes:
        show.line("Nothing would have been called for otherwise.")
    for one in found.changes:
        show.line(f"- {trying.sentence(one)}")
        for example in one.examples:
            show.line(f"    {example.id}  {example.title}")
    for ending in found.endings:
        show.line(subsiding.sentence(ending))


def _plain(found: "Trial") -> dict[str, Any]:
    from tocsin.response import subsiding, trying

    return {
        "since": found.since.isoformat(),
        "signals": found.signals,
        "is_whole": found.is_whole,
        "tallies": [dict(vars(one)) for one in found.tallies],
        "changes": [
            {
                "sentence": trying.sentence(one),
                "count": one.count,
                "is_less": one.is_less,
                "before": dict(vars(one.before)),
                "after": dict(vars(one.after)),
                "examples": [{"id": each.id, "title": each.title} for each in one.examples],
            }
            for one in found.changes
        ],
        "endings": [
            {
                "severity": one.severity,
                "after_seconds": one.after.total_seconds(),
                "incidents": one.incidents,
                "themselves": one.themselves,
                "sentence": subsiding.sentence(one),
            }
            for one in found.endings
        ],
    }
