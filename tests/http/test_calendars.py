"""Calendars that are subscribed to, and shifts that come in from one: at their addresses, in the API, on the page."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from tests.support.served import Served
from tests.support.shifts import hours
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import store
from tocsin.people import store as people
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans

TABLE = "start,end,person\n2026-12-01T09:00,2026-12-02T09:00,ben\n2026-12-02T09:00,2026-12-03T09:00,Tomás Brandt\n"

MORNING = {
    "rotation": "on_call",
    "starts_at": "2026-11-25T05:00:00Z",
    "ends_at": "2026-11-25T08:00:00Z",
    "reason": "x",
}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # Tuesday, 24 November 2026, 03:34 UTC; Ana is on call, Ben commands
        yield one


def say(
    here: Served, method: str, path: str, body: Any = None, *, person: str = "ben", more: tuple[str, ...] = ()
) -> Any:
    rights = ("incidents:write", "plan:read", *more)
    headers = here.bearer(*rights, name=person, person=person)
    return here.request(method, f"/api/v1/oncall{path}", json=body, headers=headers)


def subscribed(here: Served, person: str = "ben", **about: Any) -> tuple[str, str]:
    """The path of a new calendar, and its id."""
    made = say(here, "POST", "/feeds", about, person=person)
    assert made.status_code == 201, made.text
    address = made.json()["address"]
    assert address.startswith("https://tocsin.example.org/oncall/feeds/") and address.endswith(".ics")
    return address.removeprefix("https://tocsin.example.org"), made.json()["id"]


def events(answer: Any) -> list[Any]:
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(icalendar.Calendar.from_ical(answer.content).walk("VEVENT"))


# ---- At its address --------------------------------------------------------------------------------------------------


def test_a_rotas_calendar_is_the_rota_for_thirty_days_back_and_a_year_ahead(here: Served) -> None:
    path, _ = subscribed(here, rotation="on_call")
    found = events(here.get(path))
    now = here.app.database.now()
    with here.app.database.read(SYSTEM) as tx:
        rotas = store.rotas(tx, plans.current(tx), now - timedelta(days=40))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    shifts = rotas.shifts("on_call", today - timedelta(days=30), today + timedelta(days=366))
    assert [(one.start, one.end) for one in found] == [(one.starts_at, one.ends_at) for one in shifts]
    assert {str(one["summary"]) for one in found} == {
        "On call: Ana Okafor (On-call engineer)",
        "On call: Tomás Brandt (On-call engineer)",
    }


def test_a_persons_calendar_is_theirs_alone_and_follows_what_is_arranged(here: Served) -> None:
    path, _ = subscribed(here, "ana")
    before = here.get(path)
    here.clock.advance_to(here.clock.now() + timedelta(minutes=5))
    assert {str(one["summary"]).split(" (")[0] for one in events(before)} == {"On call: Ana Okafor"}
    about = hours("2026-11-24T05:00:00Z", "2026-11-30T08:00:00Z", "ill")
    override = say(here, "POST", "/overrides", about).json()
    after = events(here.get(path))
    cut = next(one for one in after if one.start < datetime(2026, 11, 24, 5, tzinfo=UTC) <= one.end)
    same = next(one for one in events(before) if one["uid"] == cut["uid"])
    assert (same.start, same["sequence"], cut.start, cut["sequence"]) == (cut.start, 0, same.start, 1)
    assert cut.end == datetime(2026, 11, 24, 5, tzinfo=UTC) and cut["last-modified"].dt > same["last-modified"].dt
    theirs, _ = subscribed(here, "ben", rotation="on_call")
    assert any(one["status"] == "CONFIRMED" and "Ben" in str(one["summary"]) for one in events(here.get(theirs)))
    assert b"ill" not in here.get(theirs).content.replace(b"will", b"")
    say(here, "POST", f"/overrides/{override['id']}/cancel", {"reason": "well again"})
    back = events(here.get(theirs))
    assert [str(one["summary"]) for one in back if one["status"] == "CANCELLED"] == [
        "On call: Ben Halvorsen (On-call engineer)"
    ]


def test_a_reader_that_has_it_already_is_told_so_until_something_changes(here: Served) -> None:
    path, _ = subscribed(here, rotation="on_call")
    first = here.get(path)
    etag, changed = first.headers["etag"], first.headers["last-modified"]
    assert first.headers["cache-control"] == "private, max-age=300"
    for known in ({"If-None-Match": etag}, {"If-None-Match": f'"other", W/{etag}'}, {"If-Modified-Since": changed}):
        again = here.get(path, headers=known)
        assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == etag
    assert here.get(path, headers={"If-None-Match": '"other"', "If-Modified-Since": changed}).status_code == 200
    head = here.request("HEAD", path)
    assert head.content == b"" and head.headers["content-length"] == str(len(first.content))
    here.clock.advance_to(here.clock.now() + timedelta(minutes=5))
    about = hours("2026-11-25T05:00:00Z", "2026-11-25T08:00:00Z")
    say(here, "POST", "/overrides", about)
    assert here.get(path, headers={"If-None-Match": etag}).status_code == 200
    assert here.get(path, headers={"If-Modified-Since": changed}).status_code == 200
    assert here.post(path).status_code in (403, 405)
    assert here.request("DELETE", path).status_code in (403, 405)


def test_a_calendar_is_there_until_it_is_revoked_or_its_owner_is_gone(here: Served) -> None:
    path, feed_id = subscribed(here)
    other, _ = subscribed(here)
    assert here.get(path).status_code == 200
    assert say(here, "DELETE", f"/feeds/{feed_id}").status_code == 204
    gone = here.get(path)
    assert gone.status_code == 404 and gone.headers["cache-control"] == "no-store"
    assert say(here, "DELETE", f"/feeds/{feed_id}").status_code == 404
    assert here.get(other).status_code == 200
    with here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", disabled_at=tx.now)
    assert here.get(other).status_code == 404
    for wrong in ("x", "x.ics", "", "a/b.ics", "%00.ics", "é.ics"):
        assert here.get(f"/oncall/feeds/{wrong}").status_code == 404


def test_the_secret_is_kept_nowhere_and_never_logged(here: Served, caplog: pytest.LogCaptureFixture) -> None:
    path, _ = subscribed(here)
    secret = path.rpartition("/")[2].removesuffix(".ics")
    with here.app.database.read(SYSTEM) as tx:
        rows = tx.all(store.feed.select())
    assert len(secret) == 43 and secret not in repr(rows) and secret not in repr(say(here, "GET", "/feeds").json())
    with caplog.at_level(logging.DEBUG):
        here.get(path)
        here.take_database_away()
        away = here.get(path)
    assert away.status_code == 503 and away.headers["retry-after"] == "60"
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("httpx2")]
    assert ours and not any(secret in one for one in ours)  # the client of the test logs what it asks for


# ---- Who may have one ------------------------------------------------------------------------------------------------


def test_one_sees_and_revokes_ones_own_and_whoever_may_change_people_everybodys(here: Served) -> None:
    _, bens = subscribed(here, "ben")
    _, erins = subscribed(here, "erin", rotation="commander")
    assert [one["id"] for one in say(here, "GET", "/feeds", person="erin").json()["feeds"]] == [erins]
    assert say(here, "DELETE", f"/feeds/{bens}", person="erin").status_code == 403
    assert say(here, "POST", "/feeds", {"person": "ben"}, person="erin").status_code == 403
    may = ("people:write",)
    assert len(say(here, "GET", "/feeds", person="ana", more=may).json()["feeds"]) == 2
    assert say(here, "POST", "/feeds", {"person": "ben"}, person="ana", more=may).json()["made_by"] == "ana"
    assert say(here, "DELETE", f"/feeds/{erins}", person="ana", more=may).status_code == 204
    assert say(here, "POST", "/feeds", {"rotation": "nights"}).status_code == 400
    assert say(here, "POST", "/feeds", {"person": "nobody"}, person="ana", more=may).status_code == 404
    program = here.post("/api/v1/oncall/feeds", json={}, headers=here.bearer("plan:read"))
    assert program.status_code == 400 and "whose" in program.json()["detail"]


def test_nobody_has_calendars_without_end(here: Served) -> None:
    answers = [say(here, "POST", "/feeds", {}).status_code for _ in range(21)]
    assert answers == [201] * 20 + [409]


# ---- Shifts that come in ---------------------------------------------------------------------------------------------


def imported(
    here: Served, text: str, *, person: str = "ana", more: tuple[str, ...] = ("people:write",), **about: Any
) -> Any:
    body = {"rotation": "on_call", "text": text, "reason": "the old rota", **about}
    return say(here, "POST", "/import", body, person=person, more=more)


def holder(here: Served, at: str, rotation: str = "on_call") -> tuple[str, ...]:
    with here.app.database.read(SYSTEM) as tx:
        return store.rotas(tx, plans.current(tx)).holders(rotation, datetime.fromisoformat(at))


def test_a_dry_run_says_what_would_change_and_changes_nothing(here: Served) -> None:
    found = imported(here, TABLE, dry_run=True).json()
    assert [(one["line"], one["person"], one["instead_of"]) for one in found["changes"]] == [(2, "ben", ["tomas"])]
    assert (found["as_it_is"], found["over"], found["overrides"]) == (1, 0, [])
    assert holder(here, "2026-12-01T12:00Z") == ("tomas",)
    made = imported(here, TABLE).json()
    assert made["changes"] == found["changes"] and len(made["overrides"]) == 1
    assert holder(here, "2026-12-01T12:00Z") == ("ben",) and holder(here, "2026-12-02T12:00Z") == ("tomas",)
    again = imported(here, TABLE).json()
    assert (again["changes"], again["as_it_is"], again["overrides"]) == ([], 2, [])


def test_one_line_that_is_wrong_changes_nothing_and_is_named(here: Served) -> None:
    answer = imported(here, TABLE + "2026-12-05,2026-12-06,nobody\n")
    assert answer.status_code == 400
    assert (
        answer.json()["errors"]
        == [{"detail": "'nobody' names nobody of the plan; there is ana, ben, erin, lucia and tomas", "line": 4}]
        or answer.json()["errors"][0]["line"] == 4
    )
    assert holder(here, "2026-12-01T12:00Z") == ("tomas",)
    with here.app.database.read(SYSTEM) as tx:
        assert store.latest_overrides(tx, 5) == []


def test_importing_others_takes_the_right_to_arrange_and_importing_oneself_does_not(here: Served) -> None:
    mine = "start,end,person\n2026-12-01T09:00,2026-12-02T09:00,ben\n"
    assert imported(here, mine + "2026-12-03,2026-12-04,ana\n", person="ben", more=()).status_code == 403
    assert holder(here, "2026-12-01T12:00Z") == ("tomas",)
    assert imported(here, mine, person="ben", more=()).status_code == 200
    assert imported(here, mine, rotation="nights").status_code == 400


def test_what_we_write_we_read(here: Served) -> None:
    """The calendar of one rota, taken over into another, makes the other the same."""
    path, _ = subscribed(here, rotation="on_call")
    answer = imported(here, here.get(path).text, rotation="commander")
    assert answer.status_code == 200, answer.text
    at = here.app.database.now()
    for day in range(300):
        later = (at + timedelta(days=day)).isoformat()
        assert holder(here, later, "commander") == holder(here, later)


# ---- On the page -----------------------------------------------------------------------------------------------------


def test_one_subscribes_and_revokes_on_the_page(here: Served) -> None:
    erin = Visitor(here, "erin")
    made = erin.do("/oncall/calendar", "/oncall/calendar/feeds", rotation="on_call")
    assert made.status == 200
    address = re.findall(r"https://tocsin.example.org/oncall/feeds/[\w-]+[.]ics", made.html)[0]
    assert events(here.get(address.removeprefix("https://tocsin.example.org")))
    page = erin.open("/oncall/calendar")
    assert address not in page.html
    (form,) = [one for one in page.forms() if one.action.endswith("/revoke")]
    assert erin.press(page, form.action).onward.startswith("/oncall/calendar?done=")
    assert here.get(address.removeprefix("https://tocsin.example.org")).status_code == 404


# ---- The calendar as a page ------------------------------------------------------------------------------------------


def cell(page: Any, day: str) -> str:
    """What stands in the cell of a day, without its tags."""
    found = re.search(rf'<td[^>]*><time class="num" datetime="{day}">(.*?)</td>', page.html, re.S)
    assert found, f"no cell for {day}"
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())


def test_a_month_shows_who_is_on_call_each_day_in_the_zone_of_the_rota(here: Served) -> None:
    page = Visitor(here, "erin").open("/oncall/calendar?rotation=on_call")
    assert page.status == 200 and page.says("In the time of Europe/Berlin") and page.says("November 2026")
    assert cell(page, "2026-11-23") == "23 Monday 23 November 2026 Tomás Brandt until 09:00 Ana Okafor from 09:00"
    assert cell(page, "2026-11-24") == "24 Tuesday 24 November 2026 today Ana Okafor all day"
    assert page.html.count('aria-current="date"') == 1
    assert cell(page, "2026-12-06") and 'datetime="2026-12-07"' not in page.html.partition('<table class="cards"')[0]
    later = Visitor(here, "erin").open(re.findall(r'rel="next" href="([^"]*)"', page.html)[0].replace("&amp;", "&"))
    assert later.says("December 2026")


def test_the_list_is_there_too_for_a_phone_unless_a_view_was_chosen(here: Served) -> None:
    erin = Visitor(here, "erin")
    both = erin.open("/oncall/calendar")
    assert 'class="hand"' in both.html and 'class="scroll desk"' in both.html
    assert ">Mon 16 Nov 09:00</time>" not in both.html and ">Mon 23 Nov 09:00</time>" in both.html  # from now on
    assert ">Mon 5 Oct 09:00</time>" in erin.open("/oncall/calendar?on=2026-10-10").html  # unless all is over
    month, week, rows = (erin.open(f"/oncall/calendar?view={view}") for view in ("month", "week", "list"))
    assert (
        'class="hand"' not in month.html.partition("<main")[2]
        and "month one" in week.html
        and 'class="month' not in rows.html
    )
    assert rows.says("24 Nov to 28 Dec 2026") and rows.says("Mon 23 Nov 09:00") and week.says("23 Nov to 29 Nov 2026")


def test_what_is_arranged_and_what_is_a_gap_is_said_in_words(here: Served) -> None:
    about = hours("2026-11-25T05:00:00Z", "2026-11-25T08:00:00Z")
    say(here, "POST", "/overrides", about)
    with here.app.database.work(SYSTEM) as tx:
        text = plans.current_revision(tx).text
        days = 'during: [{ weekdays: [mon, tue, wed, thu], begins: "09:00", ends: "09:00" }]'
        changed = text.replace("people: [tomas, ana]", f"people: [tomas, ana]\n    {days}", 1)
        plan_commands.apply(tx, changed, "short weeks", accept_large=True)
    page = Visitor(here, "ben").open("/oncall/calendar?rotation=on_call")
    assert "Ben Halvorsen, you 06:00 to 09:00, arranged" in cell(page, "2026-11-25")
    assert cell(page, "2026-11-28").endswith("Nobody all day, a gap")
    assert ">Mon 7 Dec 09:00</time>" in page.html  # the end of a gap that reaches beyond what is shown
    assert page.html.count('<span class="tag">gap</span>') >= 2 and '<span class="tag">arranged</span>' in page.html


def test_an_hour_that_is_put_back_is_told_from_the_one_before_it(here: Served) -> None:
    about = hours("2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z", "The hour that comes twice")
    say(here, "POST", "/overrides", about)
    page = Visitor(here, "ben").open("/oncall/calendar?rotation=on_call&on=2027-10-31&zone=Europe/Berlin")
    assert "Ben Halvorsen, you 02:30 (UTC+2) to 02:30 (UTC+1), arranged" in cell(page, "2027-10-31")
    assert page.says("Sun 31 Oct 02:30 (UTC+2)") and page.says("Sun 31 Oct 02:30 (UTC+1)")


def test_a_chosen_zone_is_kept_in_the_browser_and_days_are_cut_in_it(here: Served) -> None:
    erin = Visitor(here, "erin")
    chosen = erin.do("/oncall/calendar", "/oncall/calendar/zone", zone="America/New_York")
    assert chosen.onward == "/oncall/calendar"
    page = erin.open("/oncall/calendar?rotation=on_call")
    assert page.says("In the time of America/New_York") and page.says("at 09:00, Europe/Berlin")
    assert cell(page, "2026-11-23").endswith("Tomás Brandt until 03:00 Ana Okafor from 03:00")
    assert cell(page, "2026-11-23") and "today" in cell(page, "2026-11-23")  # it is Monday evening there
    assert erin.open("/oncall/calendar?zone=Asia/Tokyo").says("In the time of Asia/Tokyo")
    wrong = erin.do("/oncall/calendar", "/oncall/calendar/zone", zone="Mars/Olympus")
    assert (
        wrong.status == 400 and wrong.says("'Mars/Olympus' is not a time zone") and 'value="Mars/Olympus"' in wrong.html
    )
    assert erin.do("/oncall/calendar", "/oncall/calendar/zone", zone="").status == 303
    assert erin.open("/oncall/calendar").says("In the time of Europe/Berlin")
    here.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "erin", zone="Asia/Kolkata"))
    assert erin.open("/oncall/calendar").says("In the time of Asia/Kolkata")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("view=year", 400),
        ("on=yesterday", 400),
        ("on=0001-01-01", 400),
        ("zone=../../etc/passwd", 400),
        ("rotation=nights", 404),
        ("on=2199-11-01&view=list", 200),
        ("on=1970-02-01&rotation=all&view=week", 200),
        ("on=2011-12-30&zone=Pacific/Apia", 200),
    ],
)
def test_an_address_that_says_something_odd_is_answered_in_kind(here: Served, query: str, status: int) -> None:
    assert Visitor(here, "erin").open(f"/oncall/calendar?{query}").status == status


def test_strangers_see_no_calendar(here: Served) -> None:
    assert Visitor(here).open("/oncall/calendar").onward.startswith("/signin")
