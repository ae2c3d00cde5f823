"""What is over stands in the history to the first incident, by month, on both databases; and only a month that has
changed is read and written again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.ending import mend
from tests.support.world import QUIET, World
from tocsin.comms.statuspage import PublicMonth
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Updated
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy, telling
from tocsin.status import publishing, store
from tocsin.status.folder import Folder
from tocsin.status.site import Place, Site

FIELDS = {"issue": "replies hang", "impact": "Slow.", "cause": "a store", "eta": "an hour", "message": "It is over."}
HERE = Place(root="/status/", dynamic="/status")
DYNAMIC = "https://tocsin.example.org/status"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    one = World(database_url, plan=QUIET, reachable=False)
    yield one
    one.database.dispose()


def was(world: World, at: datetime, issue: str) -> Incident:
    """An incident that the public was told of, and that was over an hour after it began."""
    world.clock.advance_to(at)
    incident = world.declare(title="secret title")
    world.do(commands.post_update, incident.id, "public", {**FIELDS, "issue": issue}, Stage.INVESTIGATING)
    world.clock.advance_to(at + timedelta(hours=1))
    world.do(mend, incident.id)
    world.do(commands.post_update, incident.id, "public", {**FIELDS, "issue": issue}, Stage.RESOLVED)
    return incident


def day(year: int, month: int, number: int = 5) -> datetime:
    return datetime(year, month, number, 12, tzinfo=UTC)


class Reading:
    """The site as of now, and which old months somebody read of it."""

    def __init__(self, world: World) -> None:
        self.months: list[str] = []
        site = store.reading(world.read(store.site), world.database)
        self._load = site.load
        self.site = Site(site.page, site.look, site.now, site.asks, site.tells, site.old, self.read)

    def read(self, month: str) -> PublicMonth:
        self.months.append(month)
        return self._load(month)

    def page(self, path: str) -> str:
        return self.site.html(path, HERE, "en").body.decode()


def test_the_history_leads_back_to_the_first_incident_month_by_month(world: World) -> None:
    was(world, day(2026, 12), "the first")
    was(world, day(2027, 2), "the second")
    was(world, day(2027, 9), "the last")
    world.clock.advance_to(day(2027, 10))
    reading = Reading(world)
    assert [one.path for one in reading.site.old] == [
        *("2027-07", "2027-06", "2027-05", "2027-04", "2027-03", "2027-02", "2027-01", "2026-12")
    ]
    assert reading.site.recent == ["2027-10", "2027-09", "2027-08"]
    path, seen = "history", []
    while path:
        page = reading.page(path)
        seen += [issue for issue in ("The first", "The second", "The last") if issue in page]
        path = page.partition('rel="prev" href="/status/')[2].partition('"')[0]
    assert seen == ["The last", "The second", "The first"]
    assert "secret title" not in reading.page("history/2026-12")
    assert 'rel="prev"' not in reading.page("history/2026-12")
    assert not reading.site.html("history/2026-11", HERE, "en").found
    found = reading.site.file("api/v2/history/2027-02.json")
    assert found is not None and b'"The second"' in found.body and b"The first" not in found.body
    months = reading.site.file("api/v2/history.json")
    assert months is not None and months.body.count(b'"month"') == 11
    assert reading.site.file("api/v2/history/2026-11.json") is None


def test_only_a_month_that_has_changed_is_read_and_written_again(world: World, tmp_path: Path) -> None:
    tmp_path = tmp_path / "site"
    first = was(world, day(2026, 12), "the first")
    was(world, day(2027, 2), "the second")
    world.clock.advance_to(day(2027, 10))
    world.settle()  # what is owed for them still goes on, and shows in no page
    whole = published(world, tmp_path)
    assert {"2026-12", "2027-01", "2027-02", "2027-07"} <= set(whole.months)
    old = tmp_path / "history" / "2026-12" / "index.html"
    assert "The first" in old.read_text() and (tmp_path / "de" / "history" / "2026-12" / "index.html").is_file()
    assert b"The first" in (tmp_path / "api" / "v2" / "history" / "2026-12.json").read_bytes()
    world.clock.advance_to(world.clock.now() + timedelta(minutes=1))
    assert published(world, tmp_path).months == []
    number = next(one.number for one in world.read(incidents.timeline, first.id) if isinstance(one.entry, Updated))
    world.do(telling.correct, first.id, number, "Some replies hung.", "it was not all of them")
    assert set(published(world, tmp_path).months) == {"2026-12"} and "Some replies hung." in old.read_text()
    world.clock.advance_to(world.clock.now() + timedelta(minutes=1))
    world.do(secrecy.make_confidential, first.id, because="a person is named")
    assert set(published(world, tmp_path).months) == {"2026-12"}
    assert "The first" not in old.read_text() and "replies hung" not in old.read_text()
    world.clock.advance_to(day(2027, 11))
    assert set(published(world, tmp_path).months) == {"2027-08"}  # which is old now


def published(world: World, folder: Path) -> Reading:
    reading = Reading(world)
    publishing.publish(Folder(folder), reading.site, DYNAMIC)
    return reading
