"""The audit log, from the API."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.text import Text

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson, period

app = App()


@app.command(group=AROUND)
def audit(
    *,
    deed: Annotated[
        str | None,
        Parameter(help="A deed such as token.made, or what it was done to: token. `refused` is all refused."),
    ] = None,
    actor: Annotated[str | None, Parameter(help="Who did it.")] = None,
    about: Annotated[str | None, Parameter(help="Whom or what it was done to.")] = None,
    source: Annotated[str | None, Parameter(help="The address it came from.")] = None,
    since: Annotated[
        str | None, Parameter(name="--from", help="Since this day or instant; UTC without an offset.")
    ] = None,
    until: Annotated[
        str | None, Parameter(name="--to", help="Before this day or instant; UTC without an offset.")
    ] = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=10000), help="How many at most.")] = 50,
    json: AsJson = False,
) -> None:
    """Print what was done to accounts, keys, sessions and the plan, and what was refused; the latest first."""
    asked = {"deed": deed, "actor": actor, "about": about, "source": source}
    found = _found({**asked, **period(since, until)}, limit)
    if json:
        show.as_json({"acts": found})
        return
    columns = ("When (UTC)", "What", "By", "About", "More", "From", "Times")
    show.table(columns, [_row(one) for one in found], empty="Nothing, as far as was asked for.")


def _found(asked: Mapping[str, object], limit: int) -> list[dict[str, Any]]:
    acts: list[dict[str, Any]] = []
    cursor: int | None = None
    while len(acts) < limit:
        page = client.get("audit", **asked, cursor=cursor, limit=min(limit - len(acts), 200))
        acts += page["acts"]
        cursor = page["next"]
        if cursor is None:
            break
    return acts


def _row(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    refused = "yellow" if one["deed"].startswith("refused.") else ""
    count = str(one["count"]) if one["count"] > 1 else None
    what = Text(one["deed"], style=refused)
    who = show.plain(one["actor"] or "not known")
    return show.second(one["at"]), what, who, *map(show.plain, (one["about"], one["detail"], one["source"])), count
