"""All that Tocsin looks at by itself: how it stands, and what its looks measured. Spoken to the API."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson
from tocsin.cli.watching import watched
from tocsin.kit.errors import NotFound
from tocsin.kit.text import span

PAGE_MOST = 200
Health = Literal["trouble", "unknown", "well"]
Sort = Literal["probe", "vendor", "measure", "log", "journey", "heartbeat", "status_page"]

probes = App()


class NotAName(NotFound):
    """A probe is named after its service or its vendor, such as rose/health."""


@probes.command(name="probes", group=AROUND)
@watched
def every(
    *,
    health: Annotated[Health | None, Parameter(help="Only those that stand so.")] = None,
    sort: Annotated[Sort | None, Parameter(help="Only those of this sort.")] = None,
    service: Annotated[str | None, Parameter(help="Only those of this service or vendor of the plan.")] = None,
    json: AsJson = False,
) -> None:
    """List all that Tocsin looks at by itself, how it stands, and what the last look saw."""
    found = list(_pages(health=health, sort=sort, service=service))
    if json:
        show.as_json({"probes": found})
        return
    found.sort(key=lambda one: ("trouble", "unknown", "well").index(one["health"]))
    rows = [(one["name"], one["sort"].replace("_", " "), *_seen(one), show.second(one["looked_at"])) for one in found]
    empty = "Nothing is looked at." if not (health or sort or service) else "Nothing that is looked at is like that."
    show.table(("Name", "", "Seen", "", "Looked (UTC)"), rows, empty=empty)


def _pages(**asked: object) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = client.get("probes", limit=PAGE_MOST, cursor=cursor, **asked)
        yield from page["probes"]
        cursor = page["next"]
        if cursor is None:
            return


def _seen(one: dict[str, Any]) -> tuple[str, str]:
    seen = one["seen"]
    return (seen["outcome"], seen["reason"]) if seen else ("unknown", "not looked at yet")


@probes.command(name="probe", group=AROUND)
@watched
def single(
    name: Annotated[str, Parameter(help="Its name after that of its service or vendor, such as rose/health.")],
    /,
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=200), help="How many stretches, at the most.")] = 20,
    json: AsJson = False,
) -> None:
    """Show how one thing that Tocsin looks at stands, and what its looks measured, the latest first."""
    service, _, probe = name.partition("/")
    if not service or not probe or "/" in probe:
        raise NotAName
    one = client.get("probes", service, probe)
    looks = client.get("probes", service, probe, "looks", limit=limit)
    if json:
        show.as_json({**one, **looks})
        return
    show.facts(_facts(one))
    unit = looks["unit"]
    rows = [
        (
            show.minute(each["at"]),
            span(timedelta(seconds=each["seconds"])),
            _figure(each["mean"], unit),
            _figure(each["highest"], unit),
            f"{each['failed']:g} of {each['counted']:g}",
        )
        for each in looks["looks"]
    ]
    show.heading("Its looks")
    show.table(("From (UTC)", "For", "Mean", "Highest", "Failed"), rows, empty="Nothing is measured here.")


def _facts(one: dict[str, Any]) -> Iterator[tuple[str, show.Cell]]:
    outcome, reason = _seen(one)
    yield one["name"], one["sort"].replace("_", " ")
    yield "Seen", f"{outcome}: {reason}"
    if one["seen"]:
        yield "Components", ", ".join(f"{name} {state}" for name, state in one["seen"]["states"].items())
    if one["looks"]:
        yield (
            "Since",
            f"{show.second(one['since'])}, {one['looks']} {'look' if one['looks'] == 1 else 'looks'} in a row",
        )
    if one["agreed"]:
        yield "Agreed on", " ".join((one["agreed"]["outcome"], *one["agreed"]["components"]))
    yield "Looked", show.second(one["looked_at"])
    yield "Next", show.second(one["due_at"])
    yield "Signal", one["signal_id"]


def _figure(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.4g} {unit}".rstrip()
