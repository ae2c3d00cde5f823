"""The plan as a document to read, and how each of its clauses is kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromQuery
from litestar.response import Template
from markupsafe import Markup

from tocsin.insights import coverage as covering
from tocsin.insights import report
from tocsin.insights.coverage import Coverage, Covered, Use
from tocsin.insights.keeping import How
from tocsin.insights.remembered import Remembered
from tocsin.people import access
from tocsin.plan import clauses
from tocsin.plan import store as plans
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page, rendered

PERIODS = {"30": "30 days", "90": "90 days", "180": "180 days", "365": "A year"}
USUAL_PERIOD = str(report.COVERED.days)
SORTS = {"": "As printed", "missed": "Most missed", "late": "Most late", "used": "Last used"}
MARKS = {"kept": "met", "late": "due", "missed": "missed", "waived": "waived", "open": "open", "": "met"}


@dataclass(frozen=True)
class Choice:
    label: str
    href: str
    is_here: bool
    count: int | None = None


@dataclass(frozen=True)
class Row:
    id: str
    number: str
    text: str
    how: str
    how_key: str
    mark: str
    used: str
    used_at: str
    used_iso: str
    incident: str
    incident_href: str
    counts: tuple[tuple[str, str, int], ...]  # mark, word, how many


@dataclass(frozen=True)
class Group:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Part:
    """A part of the document in the table of contents, with what stands in it."""

    heading: clauses.Heading
    below: tuple[clauses.Heading, ...]


# ---- The document ----------------------------------------------------------------------------------------------------


@get("/plan/document", sync_to_thread=True)
def show_document(request: AnyRequest, visitor: SignedIn) -> Template:
    access.require(visitor.actor, access.PLAN_READ)
    with visitor.app.database.read(visitor.actor) as tx:
        found = report.coverage(tx, _hours_before(tx.now, report.COVERED))
        notes = tuple((one.id, _note(one)) for one in found.clauses)
        printed = _printed(plans.document(tx, found.revision), notes)
        return page(
            request,
            visitor,
            tx,
            "plan_document.html",
            title="The plan as a document",
            here="/plan",
            name=plans.current(tx).name,
            html=printed.html,
            contents=tuple(_parts(printed.contents)),
            summary=covering.summary(found),
            revision=found.revision,
        )


@get("/plan/document.md", sync_to_thread=True)
def download_document(visitor: SignedIn) -> Response[str]:
    access.require(visitor.actor, access.PLAN_READ)
    with visitor.app.database.read(visitor.actor) as tx:
        revision = plans.current_id(tx)
        text = plans.document(tx, revision)
    disposition = f'attachment; filename="plan-{revision}.md"'
    return Response(text, media_type="text/markdown; charset=utf-8", headers={"content-disposition": disposition})


@lru_cache(maxsize=4)
def _printed(document: str, notes: tuple[tuple[str, str], ...]) -> clauses.Page:
    """The document with what is known of each clause; put together again when that has changed."""
    return clauses.page(document, dict(notes).__getitem__)


def _hours_before(now: datetime, length: timedelta) -> datetime:
    """So long ago, to the hour: what was worked out for one reader then holds for the next."""
    return (now - length).replace(minute=0, second=0, microsecond=0)


def _note(one: Covered) -> str:
    """The coverage of a clause as a mark and a word, with the whole sentence for those who can't see the mark."""
    said = f'<span class="vh">{escape(covering.sentence(one))}, </span>'
    return f'<span class="mark" data-state="{_mark(one)}"></span> {said}<span class="how">{escape(one.how)}</span>'


def _mark(one: Covered) -> str:
    if one.last is not None:
        return MARKS[one.last.outcome]
    return "open" if one.use is Use.NEVER else "unknown"


def _parts(headings: Iterable[clauses.Heading]) -> Iterator[Part]:
    """Each heading of the second level with those of the third that follow it."""
    rest = list(headings)
    for place, one in enumerate(rest):
        if one.level == 2:
            end = next((i for i, later in enumerate(rest) if i > place and later.level == 2), len(rest))
            yield Part(one, tuple(rest[place + 1 : end]))


# ---- The coverage ----------------------------------------------------------------------------------------------------


@get("/plan/coverage", sync_to_thread=True)
def show_coverage(
    request: AnyRequest,
    visitor: SignedIn,
    only: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    days: FromQuery[str] = "",
) -> Template:
    access.require(visitor.actor, access.PLAN_READ)
    access.require(visitor.actor, access.INCIDENT_READ)
    period = days if days in PERIODS else USUAL_PERIOD
    order = sort if sort in SORTS else ""
    with visitor.app.database.read(visitor.actor) as tx:
        found = report.coverage(tx, _hours_before(tx.now, timedelta(days=int(period))))
        chosen = {"only": only, "sort": order, "days": period if period != USUAL_PERIOD else ""}
        return page(
            request,
            visitor,
            tx,
            "plan_coverage.html",
            title="Coverage of the plan",
            here="/plan",
            summary=covering.summary(found),
            found=found,
            tables=_tables(request, found, only, order, tx.now),
            filters=tuple(_filters(found, chosen)),
            sorts=tuple(_choices(SORTS, "sort", chosen)),
            periods=tuple(_choices(PERIODS, "days", chosen, USUAL_PERIOD)),
            since=present.day(found.period_start),
        )


_drawn: Remembered[tuple[object, Markup]] = Remembered()


def _tables(request: AnyRequest, found: Coverage, only: str, order: str, now: datetime) -> Markup:
    """The clauses, which are drawn again when something of them has changed, or with the day."""

    def draw() -> tuple[object, Markup]:
        rows = covering.ordered(covering.chosen(found.clauses, only), order)
        groups = _groups(rows, now, in_order=not order)
        return found.clauses, rendered(request, "_coverage_table.html", groups=groups)  # the clauses hold their id

    _, tables = _drawn.of((id(found.clauses), only, order, now.astimezone(UTC).date()), draw)
    return tables


def _groups(rows: Iterable[Covered], now: datetime, *, in_order: bool) -> tuple[Group, ...]:
    """By section as they are printed; in any other order one list."""
    found: dict[str, list[Row]] = {}
    for one in rows:
        found.setdefault((one.section or "What it is") if in_order else "Clauses", []).append(_row(one, now))
    return tuple(Group(title, tuple(those)) for title, those in found.items())


def _row(one: Covered, now: datetime) -> Row:
    last = one.last
    return Row(
        id=one.id,
        number=one.number,
        text=one.text,
        how=one.how,
        how_key=one.how.name.lower(),
        mark=_mark(one),
        used=covering.sentence(one),
        used_at=_moment(last.at, now) if last else "",
        used_iso=present.iso(last.at) if last else "",
        incident=f"#{last.number} {last.title}" if last else "",
        incident_href=f"/incidents/{last.incident_id}" if last else "",
        counts=tuple(_counts(one)),
    )


def _moment(at: datetime, now: datetime) -> str:
    said = present.moment(at, now)
    return f"{at.astimezone(UTC):%H:%M}" if at.astimezone(UTC).date() == now.astimezone(UTC).date() else said


def _counts(one: Covered) -> Iterator[tuple[str, str, int]]:
    for word in ("kept", "late", "missed", "waived", "open"):
        many = getattr(one.counts, word)
        if many:
            yield MARKS[word], word, many


def _filters(found: Coverage, chosen: dict[str, str]) -> Iterator[Choice]:
    names = {"": "All", **{how.name.lower(): how.capitalize() for how in How}}
    names |= {"never": "Never exercised", "missed": "Missed or late"}
    broken = sum(1 for _ in covering.chosen(found.clauses, "missed"))
    many = [len(found.clauses), *(found.count(how) for how in How), found.never, broken]
    for choice, count in zip(_choices(names, "only", chosen), many, strict=True):
        yield Choice(choice.label, choice.href, choice.is_here, count)


def _choices(names: dict[str, str], name: str, chosen: dict[str, str], usual: str = "") -> Iterator[Choice]:
    """Links that change one thing and keep the others, so that what one sees can be shared."""
    for key, label in names.items():
        query = urlencode(
            {what: it for what, it in {**chosen, name: key}.items() if it and (what, it) != (name, usual)}
        )
        yield Choice(label, f"/plan/coverage?{query}" if query else "/plan/coverage", (chosen[name] or usual) == key)


def routes() -> list[Any]:
    return [show_document, download_document, show_coverage]
