"""Looking for something by its words, spoken to the API."""

import re
from html import unescape
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson

PAGE_MOST = 50
_CALLED = {"incident": "incident", "entry": "timeline", "post_mortem": "post-mortem", "signal": "signal"}
_MARK = re.compile(r"</?mark>")

search = App()


@search.command(name="search", group=AROUND)
def search_for(
    *words: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help='What to look for: words, "phrases", and kind:, severity:, service:, after:, before: (UTC).',
        ),
    ],
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=PAGE_MOST), help="How many, at the most.")] = 20,
    json: AsJson = False,
) -> None:
    """Find incidents, what their timelines and post-mortems say, and signals."""
    found = client.get("search", q=" ".join(words) + " ", limit=limit)
    if json:
        show.as_json(found)
        return
    columns = ("What", "When (UTC)", "Title", "Where it says so")
    show.table(columns, [_row(one) for one in found["items"]], empty="Nothing fits.")
    if found["next"]:
        show.aside(f"There is more than these {limit}; ask for more with --limit, or with more words.")


def _row(one: dict[str, Any]) -> tuple[str, str | None, str, str]:
    said = unescape(_MARK.sub("", one["snippet"]))
    return _CALLED.get(one["kind"], one["kind"]), show.minute(one["at"]), one["title"], said
