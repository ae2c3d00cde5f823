"""Pages as many have them open: drawn once for all who see the same, and cut into the parts that may change in place.

A part stands in its template between `<!--live NAME-->` and `<!--/live-->`, and is one element with that id. So what
comes down a stream is what the page itself would show: there is one template for both. A part that each reader has
another of says `data-own`; who hears that it changed fetches the page for themselves.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from jinja2 import Environment
from litestar.response import Template

from tocsin.app import App
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import NotFound
from tocsin.response import secrecy
from tocsin.web import frame, oncall
from tocsin.web import incidents as rooms
from tocsin.web import now as front
from tocsin.web import signals as reached
from tocsin.web.frame import EVERYBODY, Asked, Tx, Visitor

ROOM = "incident/"
BELL = "bell"
TOKEN = '<input type="hidden" name="_csrf_token" value="">'  # each browser fills in its own
ABOUT_INCIDENTS = frozenset({"incident", "message"})
PART = re.compile(r"<!--live ([\w-]+)-->(.*?)<!--/live-->", re.DOTALL)

Draw = Callable[[Visitor, Tx], Template]
Parts = Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """A page that is kept up to date: what it shows, by the names of tables, and how it is drawn."""

    draw: Draw
    tables: frozenset[str]


@dataclass(frozen=True)
class Sight:
    """Whoever has the same rights and may see the same of what is confidential sees the same page."""

    rights: frozenset[str]
    confidential: frozenset[str]


@dataclass(frozen=True)
class Drawn:
    """A page as everybody sees it who has it open. `sights` is by handle; who sees nothing there is not in `parts`."""

    sights: Mapping[str, Sight]
    parts: Mapping[Sight, Parts]
    hidden: frozenset[str]  # of the incidents that were asked about, those that are there for their readers alone


def _bell(visitor: Visitor, tx: Tx) -> Template:
    return frame.page(Asked(), visitor, tx, "_bell_live.html", title="", here="")


PAGES: Mapping[str, Page] = {
    BELL: Page(_bell, frozenset({"incident", "confidential", "plan_revision"})),
    "now": Page(
        lambda visitor, tx: front.draw_now(Asked(), visitor, tx),
        frozenset({"incident", "confidential", "signal", "probe", "oncall_override", "plan_revision"}),
    ),
    "signals": Page(
        lambda visitor, tx: reached.draw_signals(Asked(), visitor, tx), frozenset({"signal", "quarantine", "silence"})
    ),
    "oncall": Page(
        lambda visitor, tx: oncall.draw_oncall(Asked(), visitor, tx),
        frozenset({"oncall_override", "oncall_swap", "oncall_handoff", "contact_method", "plan_revision"}),
    ),
}
TABLES = frozenset[str]().union(*(one.tables for one in PAGES.values()), {"session", "person"})


def page_of(watch: str) -> Page | None:
    """The page of this name; each incident's room has one of its own."""
    if not watch.startswith(ROOM):
        return PAGES.get(watch)
    incident_id = watch.removeprefix(ROOM)
    return Page(lambda visitor, tx: rooms.draw_room(Asked(), visitor, tx, incident_id), frozenset())


def draw(app: App, environment: Environment, watch: str, visitors: Iterable[Visitor], news: Iterable[str]) -> Drawn:
    """The page as each of these sees it, once for all who see the same."""
    page, asked_about = page_of(watch), {one.removeprefix(ROOM) for one in (*news, watch) if one.startswith(ROOM)}
    people = {one.account.handle: one for one in visitors}
    with app.database.read(SYSTEM) as tx:
        hidden, seen = secrecy.sights(tx, asked_about, people)
    sights = {handle: Sight(one.actor.rights, seen[handle]) for handle, one in people.items()}
    parts: dict[Sight, Parts] = {}
    for sight, visitor in {sights[handle]: one for handle, one in people.items()}.items():
        found = _drawn(environment, page, visitor) if page else None
        if found is not None:
            parts[sight] = found
    return Drawn(sights, parts, hidden)


def is_there(visitor: Visitor, watch: str) -> bool:
    """Whether this incident is there for them."""
    with visitor.app.database.read(visitor.actor) as tx:
        return bool(incidents.glimpse(tx, [watch.removeprefix(ROOM)]))


def confidential(app: App, watches: Iterable[str]) -> set[str]:
    """Those of these rooms that are there for their readers alone."""
    with app.database.read(SYSTEM) as tx:
        hidden, _ = secrecy.sights(tx, {one.removeprefix(ROOM) for one in watches if one.startswith(ROOM)}, ())
    return {f"{ROOM}{one}" for one in hidden}


def _drawn(environment: Environment, page: Page, visitor: Visitor) -> Parts | None:
    """The parts of a page; None for whom there is no such page."""
    try:
        with visitor.app.database.read(visitor.actor) as tx:
            made = page.draw(many(visitor), tx)
    except (NotFound, incidents.NoSuchIncident):
        return None
    text = environment.get_template(made.template_name or "").render({**made.context, "csrf_input": TOKEN})
    return cut(text)


def many(visitor: Visitor) -> Visitor:
    """Somebody with the same eyes and the same rights, who is nobody in particular."""
    return replace(visitor, account=replace(visitor.account, handle=EVERYBODY))


def cut(page: str) -> Parts:
    return {found[1]: found[2].strip() for found in PART.finditer(page)}


@cache
def concerned(watch: str) -> frozenset[str]:
    """The names under which whoever watches this hears of it."""
    page = page_of(watch)
    return page.tables if page and not watch.startswith(ROOM) else frozenset({watch})


def is_about(sight: Sight, watch: str, news: frozenset[str], hidden: frozenset[str]) -> bool:
    """Whether somebody with this sight may be told that something changed there. Of what is confidential they are not
    told even that it moved."""
    incident_ids = {one.removeprefix(ROOM) for one in news if one.startswith(ROOM)}
    beyond = (news & concerned(watch)) - ABOUT_INCIDENTS
    if not incident_ids or any(not one.startswith(ROOM) for one in beyond):
        return True
    return any(one not in hidden or one in sight.confidential for one in incident_ids)
