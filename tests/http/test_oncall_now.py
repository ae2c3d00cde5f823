"""Who is on call at this moment: the page, the JSON and the badge, for those who may see names and for strangers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from litestar import Litestar
from litestar.datastructures import State

from tests.support.served import Served
from tests.support.visitor import SESSION, Visitor, console
from tocsin.audit.model import Deed
from tocsin.kit.actor import SYSTEM
from tocsin.people import sessions, tokens
from tocsin.web import oncallnow


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # Tuesday, 24 November 2026, 03:34 UTC; Ana is on call until Monday
        yield one


def shown(here: Served, public: str) -> Any:
    """A client of the same installation, with this much of it public."""
    here.app.settings = replace(here.app.settings, public_on_call=public)
    return here


def test_strangers_see_as_much_as_the_installation_says(here: Served) -> None:
    shown(here, "no")
    assert here.get("/oncall/now").headers["location"] == "/signin?next=/oncall/now"
    for path in ("/oncall/now.json", "/oncall/badge/on_call.svg", "/oncall/badge/nights.svg"):
        assert here.get(path).status_code == 401 and here.get(path).headers["cache-control"] == "no-store"


def test_covered_says_whether_somebody_is_there_and_never_who(here: Served) -> None:
    shown(here, "covered")
    page, badge = here.get("/oncall/now"), here.get("/oncall/badge/on_call.svg")
    found = here.get("/oncall/now.json")
    assert found.json()["rotations"][0] == {"rotation": "on_call", "name": "On-call engineer", "covered": True}
    assert "Somebody is on call" in page.text and "On-call engineer: covered" in badge.text
    assert not any("Ana" in one.text or "until" in one.text for one in (page, badge, found))
    assert found.headers["cache-control"] == "public, max-age=5" and found.headers["access-control-allow-origin"] == "*"
    signed_in = here.get("/oncall/now.json", headers=here.bearer("plan:read"))
    assert "Ana Okafor" in signed_in.text and signed_in.headers["cache-control"] == "private, max-age=5"
    assert "access-control-allow-origin" not in signed_in.headers


def test_a_session_or_a_token_that_may_read_the_plan_sees_names(here: Served) -> None:
    erin = Visitor(here, "erin")
    assert erin.open("/oncall/now").says("Ana Okafor") and erin.open("/oncall/now").says(">Mon 30 Nov 09:00</time>")
    (first, *_) = here.get("/oncall/now.json", headers=here.bearer("plan:read")).json()["rotations"]
    assert first["shift"]["people"] == [{"person": "ana", "name": "Ana Okafor"}]
    assert (first["shift"]["ends_at"], first["next"]["starts_at"]) == ("2026-11-30T08:00:00Z",) * 2
    assert first["next"]["people"][0]["person"] == "tomas" and first["zone"] == "Europe/Berlin"
    assert here.get("/oncall/now.json", headers=here.bearer("signals:write")).status_code == 401
    assert here.get("/oncall/now.json", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert here.get("/oncall/now.json", headers={"Cookie": f"{SESSION}=wrong"}).status_code == 401


@pytest.mark.parametrize("other", ['seen={"page":1}', "[a]=b", "é=1", "nothing", 'half="'])
def test_a_cookie_of_somebody_else_hides_no_session(here: Served, other: str) -> None:
    """Another program on the same host may write its own as it likes."""
    secret = here.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, "erin"))
    for sent in ([f"{other}; {SESSION}={secret}"], [other, f"{SESSION}={secret}"]):
        headers = [("cookie", one.encode()) for one in sent]
        assert "Ana Okafor" in here.get("/oncall/now.json", headers=headers).text


def test_a_token_that_is_refused_here_is_noted_as_everywhere(here: Served) -> None:
    here.get("/oncall/now.json", headers={"Authorization": "Bearer wrong"})
    here.get("/oncall/badge/on_call.svg", headers=here.bearer("signals:write", name="probe"))
    here.get("/oncall/now.json", headers=here.bearer("plan:read"))
    here.get("/oncall/now.json")  # a stranger tries nothing
    noted = [(one.deed, one.actor, one.about, one.source) for one in here.app.refusals.take()]
    where = ("/oncall/now", "192.0.2.7")
    assert noted == [(Deed.TOKEN_REFUSED, "", *where), (Deed.RIGHT_MISSING, "token:probe", *where)]


def test_a_badge_is_a_picture_with_words_and_nothing_that_runs(here: Served) -> None:
    shown(here, "names")
    badge = here.get("/oncall/badge/on_call.svg")
    assert badge.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert badge.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    picture = ET.fromstring(badge.text)
    assert picture.get("aria-label") == "On-call engineer: Ana Okafor"
    assert here.get("/oncall/badge/on_call.svg", headers={"If-None-Match": badge.headers["etag"]}).status_code == 304
    assert here.get("/oncall/badge/nights.svg").status_code == 404
    assert here.post("/oncall/badge/on_call.svg").status_code in (403, 405)
    hostile = oncallnow.Line("x", '<script>&"', "missed", "w", "<b>", "", "", "", "UTC")
    assert ET.fromstring(oncallnow.badge(hostile)).get("aria-label") == '<script>&": nobody'


def test_a_right_that_is_taken_away_is_gone_within_a_second(here: Served) -> None:
    seconds = Seconds()
    asgi: Any = Litestar(
        oncallnow.routes(oncallnow.OnCallBoard(seconds)), state=State({"tocsin": here.app}), openapi_config=None
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=asgi), base_url="http://tocsin.test")
    headers = here.bearer("plan:read")
    ask = lambda: here.run(client.get("/oncall/now.json", headers=headers)).status_code  # noqa: E731
    assert ask() == 200
    with here.app.database.work(SYSTEM) as tx:
        (token,) = tokens.listed(tx)
        tokens.revoke(tx, token.id)
    assert ask() == 200
    seconds.passed += 1.1
    assert ask() == 401


class Seconds:
    """A stopwatch that moves when told."""

    passed = 1000.0

    def __call__(self) -> float:
        return self.passed


def test_the_api_says_until_when_and_who_is_next(here: Served) -> None:
    found = here.get("/api/v1/oncall", headers=here.bearer("plan:read")).json()
    first, then = found["shifts"][0], found["next"][0]
    assert (first["person"], first["ends_at"], then["person"]) == ("ana", then["starts_at"], "tomas")
    assert {one["rotation"] for one in found["next"]} == {one["rotation"] for one in found["shifts"]}
