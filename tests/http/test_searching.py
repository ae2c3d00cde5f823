"""Searching as people and programs do: the page, what is shown while somebody types, the API, and the terminal."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.found import index_all
from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.response import commands

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        run, ben = one.app.database.run, actor(one, "ben")
        for number in range(30):
            run(
                ben,
                lambda tx, number=number: commands.declare(
                    tx, title=f"Queue {number} stalls {EVIL}", severity="P3", type="service_outage", service="rose"
                ),
            )
        index_all(one.app.database)
        yield one


def test_the_page_finds_marks_pages_on_and_says_what_is_wrong(here: Served) -> None:
    ben = Visitor(here, "ben")
    empty = ben.open("/search")
    assert empty.status == 200 and "<mark>" not in empty.html and ">Found<" not in empty.html
    first = ben.open("/search?q=stall*+kind:incident")
    assert first.html.count("<mark>stalls</mark>") == 25 and EVIL not in first.html
    further = first.html.split('class="btn slim" href="')[1].split('"')[0].replace("&amp;", "&")
    assert ben.open(further).html.count("<mark>stalls</mark>") == 5
    assert ben.open("/search?q=zebra").says("Nothing fits.")
    wrong = ben.open("/search?q=before:yesterday")
    assert wrong.status == 400 and wrong.says("'before:yesterday' is no day")
    assert ben.open("/search?q=x&after=nonsense").status == 400


def test_what_is_found_while_typing_is_escaped_and_never_an_error(here: Served) -> None:
    ben = Visitor(here, "ben")
    found = _found(ben, "stal")
    assert len(found) == 8 and set(found[0]) >= {"kind", "title", "url", "snippet", "at"}
    assert _found(ben, "kind:wea") == []
    assert _found(ben, "%22" * 300) == []


def _found(visitor: Visitor, asked: str) -> Any:
    return visitor.open(f"/search/found?q={asked}").answer.json()["items"]


def test_programs_search_with_the_right_to_read(here: Served) -> None:
    headers = here.bearer("incidents:read")
    page = here.get("/api/v1/search?q=stalls&limit=20", headers=headers).json()
    rest = here.get(f"/api/v1/search?q=stalls&limit=20&cursor={page['next']}", headers=headers).json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (20, 10, None)
    assert len({one["url"] for one in page["items"] + rest["items"]}) == 30
    assert here.get("/api/v1/search?q=kind:x", headers=headers).status_code == 400
    assert here.get("/api/v1/search?q=x&cursor=x", headers=headers).status_code == 400
    assert here.get(f"/api/v1/search?q={'x' * 201}", headers=headers).status_code == 400
    assert here.get("/api/v1/search?q=stalls", headers=here.bearer("signals:write", name="other")).status_code == 403
    assert here.get("/api/v1/search?q=stalls").status_code == 401
