"""The ledger of an incident, from the API: every promise, what opened it, and how it ended."""

from typing import Any

from cyclopts import App
from rich.text import Text

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of
from tocsin.cli.options import INCIDENTS, AsJson, Incident
from tocsin.cli.watching import watched
from tocsin.kit.clock import SystemClock

app = App()

_STYLES = {"met": "green", "late": "yellow", "missed": "bold red", "overdue": "bold red"}


@app.command(group=INCIDENTS)
@watched
def ledger(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print every promise of an incident: which entry opened it, when it was due, and how it ended."""
    found = client.whole("obligations", "incidents", id_of(incident), "obligations")
    if json:
        show.as_json(found)
        return
    columns = ("Due (UTC)", "", "State", "Late by", "Reminded", "Opened by", "Ended by", "Evidence")
    ordered = sorted(found["obligations"], key=lambda one: (one["due_at"], one["opened_at"]))
    show.table(columns, [_row(one) for one in ordered], empty="Nothing was ever owed.")


def _row(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    state = "overdue" if one["state"] == "open" and one["overdue_at"] else one["state"]
    late = one["late_by_seconds"]
    if state == "overdue":
        late = (SystemClock().now() - (show.instant(one["due_at"]) or SystemClock().now())).total_seconds()
    return (
        show.second(one["due_at"]),
        one["what"],
        Text(state, style=_STYLES.get(state, "")),
        show.seconds(late),
        show.second(one["warned_at"]),
        _entry(one["cause"]),
        _entry(one["proof"]),
        show.plain(one["evidence"]),
    )


def _entry(number: int | None) -> str | None:
    return None if number is None else f"entry {number}"
