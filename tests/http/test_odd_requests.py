"""Whatever a browser or a script sends to a page, the answer says what is wrong with it: never that we are broken."""

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.routes import HTTPRoute

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands
from tocsin.web import site

FUZZED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
FIELDS = sorted(
    {
        name
        for page in (Path(site.__file__).parent / "templates").glob("*.html")
        for name in re.findall(r'\bname="([a-z_-]+)"', page.read_text(encoding="utf-8"))
    }
)
ODD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "a\x00b",
            "-1",
            "0",
            "9" * 40,
            "1e999",
            "NaN",
            "2026-02-30T25:61",
            "9999-12-31T23:59",
            "0001-01-01",
            "P0",
            "P9",
            "ana",
            "nobody",
            "../../etc/passwd",
            "{{7*7}}",
            "<b>",
            "é" * 200,
            "\u202e",
            "🔥",
            "1 moon",
            "true",
            "[]",
            "{}",
            "null",
            "a: [",
            "*",
            "%",
            "'; --",
            "https://[::1",
            "x" * 5000,
            "1000000 weeks",
            "٣",
        ]
    ),
)
NOT_ASKED = {"/signout"}  # after it everything is refused


@pytest.fixture(scope="module")
def ana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Visitor, str, str]]:
    """An administrator with an incident, and the token of her forms."""
    with console(f"sqlite:///{tmp_path_factory.mktemp('odd') / 'tocsin.db'}") as here:
        with here.app.database.work(SYSTEM) as tx:
            incident = commands.declare(tx, title="It hangs", severity="P1", type="service_outage")
        visitor = Visitor(here, "ana")
        token = visitor.open("/").form("/theme").fields["_csrf_token"][0]
        yield here, visitor, token, incident.id


def paths(here: Served, method: str) -> list[str]:
    routes = here.rest.routes
    known = {one.path for one in routes if isinstance(one, HTTPRoute) and method in one.methods}
    return sorted(one for one in known - NOT_ASKED if not one.startswith(("/api/", "/static/")) and "stream" not in one)


def filled(path: str, incident: str, odd: str) -> str:
    named = re.sub(r"\{incident_id:str\}", incident, path)
    return re.sub(r"\{[a-z_]+:\w+\}", urlencode({"": odd})[1:] or "x", named)


@FUZZED
@given(data=st.data())
def test_no_form_breaks_a_page(ana: tuple[Served, Visitor, str, str], data: st.DataObject) -> None:
    here, visitor, token, incident = ana
    path = data.draw(st.sampled_from(paths(here, "POST")))
    names = data.draw(st.lists(st.sampled_from(FIELDS), max_size=8, unique=True))
    fields = {name: data.draw(ODD, label=name) for name in names}
    answer = visitor.send(filled(path, incident, data.draw(ODD)), {**fields, "_csrf_token": token})
    assert answer.status < 500, (path, fields, answer.html)
    assert "Traceback" not in answer.html


@FUZZED
@given(data=st.data())
def test_no_address_breaks_a_page(ana: tuple[Served, Visitor, str, str], data: st.DataObject) -> None:
    here, visitor, _, incident = ana
    path = data.draw(st.sampled_from([one for one in paths(here, "GET") if one != "/readyz"]))
    asked = data.draw(
        st.dictionaries(
            st.sampled_from(["next", "days", "at", "after", "status", "kind", "page", "q", "month", "code"]), ODD
        )
    )
    answer = visitor.open(filled(path, incident, data.draw(ODD)), params=asked)
    assert answer.status < 500, (path, asked, answer.html)


@FUZZED
@given(cookie=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'), max_size=80))
def test_no_cookie_breaks_a_page(ana: tuple[Served, Visitor, str, str], cookie: str) -> None:
    here, _, _, _ = ana
    names = (*(f"__Host-tocsin_{one}" for one in ("session", "form", "sso")), "tocsin_theme", "tocsin_zone")
    said = "; ".join(f"{name}={cookie}" for name in names)
    for path in ("/", "/signin", "/signin/sso/back"):
        assert here.get(path, headers={"cookie": said}).status_code < 500


def test_what_lies_beyond_all_numbers_and_years_breaks_no_page(database_url: str) -> None:
    with console(database_url) as here:
        ana = Visitor(here, "ana")
        for number in ("9" * 30, str(2**63), "-" + "9" * 30):
            assert ana.open("/audit", params={"before": number}).status == 400
            assert ana.open("/incidents", params={"before": number}).status < 500
        for instant in ("9999-12-31T23:59-14:00", "0001-01-01T00:00+14:00"):
            answer = ana.open("/audit", params={"since": instant})
            assert answer.status == 400 and answer.says("is not a time")


def test_a_letter_that_a_database_refuses_breaks_no_page(database_url: str) -> None:
    """PostgreSQL keeps no NUL; whoever sends one reads that, or nothing of it."""
    with console(database_url) as here:
        ana = Visitor(here, "ana")
        for path in ("/incidents/%00", "/plan/revisions/%00", "/signin/%00", "/a/%00"):
            assert ana.open(path).status in (400, 404), path
        for path in ("/signin", "/declare"):
            form = ana.open(path).form(path)
            answer = ana.send(path, {**form.fields, "login": "a\0b", "password": "\0", "title": "a\0b"})
            assert answer.status < 500, (path, answer.html)
        assert ana.open("/incidents", params={"q": "\0", "status": "\0"}).status < 500
        assert here.get("/api/v1/incidents/%00", headers=here.bearer("incidents:read")).status_code in (400, 404)


def test_a_database_that_is_harmed_under_us_is_no_mistake_of_whoever_asks(sqlite_url: str) -> None:
    with console(sqlite_url) as here:
        ben, caller = Visitor(here, "ben"), here.bearer("incidents:write", "incidents:read")
        page = ben.open("/declare")
        here.harm_database()
        answers = [
            ben.press(page, next(one.action for one in page.forms() if "title" in one.fields)).answer,
            here.post("/api/v1/incidents", json={"title": "x", "type": "slowness", "severity": "P1"}, headers=caller),
            here.post("/api/v1/signals", json={"title": "x", "key": "1"}, headers=caller),
        ]
    assert [(one.status_code, one.headers.get("retry-after")) for one in answers] == [(503, "1")] * 3
    assert "is damaged" in answers[0].text and "TOCSIN_DATABASE_URL" not in answers[0].text


def test_nobody_is_told_where_the_database_is_that_is_away(
    sqlite_url: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with console(sqlite_url) as here:
        caller = here.bearer("incidents:read")
        ours = logging.getLogger("tocsin")  # the root's handlers are the installation's own by now
        ours.addHandler(caplog.handler)
        request.addfinalizer(lambda: ours.removeHandler(caplog.handler))
        here.app.pulse.beat()  # as the engine does, or /readyz would not ask the database
        here.take_database_away()
        answers = [here.get("/signin/x"), here.get("/api/v1/incidents", headers=caller)]
        assert here.get("/readyz").status_code == 503
    assert "unable to open" in caplog.text and "Traceback" not in caplog.text  # the log does say it, in a line
    assert [one.status_code for one in answers] == [503, 503]
    assert all("does not answer now" in one.text and "unable to open" not in one.text for one in answers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_form_in_parts_is_answered_and_not_waited_for(ana: tuple[Served, Visitor, str, str], method: str) -> None:
    """Such a body can be read once, and what looks for the token of a form has read it."""
    here, visitor, token, _ = ana
    cookie = {"cookie": visitor.open("/").answer.request.headers["cookie"]}
    for headers in (cookie, {}):
        parts = {"theme": (None, "dark"), "_csrf_token": (None, token)}
        asked = here.client.request(method, "/theme" if method == "POST" else "/", files=parts, headers=headers)
        answer = here.run(asyncio.wait_for(asked, 30))  # it was for ever
        expected = {"GET": 400, "HEAD": 200 if headers else 303, "POST": 400 if headers else 403}
        assert answer.status_code == expected[method], answer.text


# ---- Only the head ---------------------------------------------------------------------------------------------------


def test_what_is_read_can_be_asked_for_without_its_body(ana: tuple[Served, Visitor, str, str]) -> None:
    here, visitor, _, incident = ana
    bearer = here.bearer("incidents:read", "plan:read")
    cookie = {"cookie": visitor.open("/").answer.request.headers["cookie"]}
    asked = {"/": cookie, f"/incidents/{incident}": cookie, "/nowhere": {}, "/me": {}, "/livez": {}}
    asked |= {"/api/v1/plan": bearer, "/api/v1/events": bearer, "/api/v1/nothing": bearer}
    for path, headers in asked.items():
        head = here.request("HEAD", path, headers=headers)
        assert head.content == b"", path
        if path.endswith("/events"):  # a stream, that is over at once
            assert head.headers["content-type"].startswith("text/event-stream"), (path, head.status_code)
            continue
        whole = here.get(path, headers=headers)
        assert head.status_code == whole.status_code, path
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers.get("etag") == whole.headers.get("etag")
    assert here.request("HEAD", "/signout").status_code == 405
    known = bearer | {"If-None-Match": here.get("/api/v1/plan", headers=bearer).headers["etag"]}
    assert here.request("HEAD", "/api/v1/plan", headers=known).status_code == 304


def test_a_name_without_end_is_refused_and_kept_in_the_form(ana: tuple[Served, Visitor, str, str]) -> None:
    _, visitor, token, incident = ana
    long = {"_csrf_token": token, "name": "x" * 201, "title": "x" * 1001, "note.text": "x" * 20_001}
    declared = {"severity": "P1", "type": "service_outage"}
    for path, more in (
        ("/tokens", {"scope": "incidents:read", "lasts": "30"}),
        ("/people", {"handle": "zoe", "role": "viewer"}),
        ("/declare", declared),
        (f"/incidents/{incident}/updates", {"audience": "note"}),
    ):
        answer = visitor.send(path, {**long, **more})
        assert answer.status == 400 and "characters" in answer.html, path


@pytest.mark.parametrize(
    ("version", "named", "status"),
    [
        ("1.1", [b"tocsin.test"], 200),
        ("1.1", [], 400),
        ("1.0", [], 200),
        ("1.1", [b"tocsin.test", b"elsewhere.example"], 400),
        ("1.0", [b"tocsin.test", b"tocsin.test"], 400),
        ("1.1", [b"a b"], 400),
    ],
)
def test_a_request_names_one_host(
    ana: tuple[Served, Visitor, str, str], version: str, named: list[bytes], status: int
) -> None:
    here, sent = ana[0], []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("status"))

    about = {"type": "http", "method": "GET", "path": "/signin", "raw_path": b"/signin", "query_string": b""}
    more = {"http_version": version, "scheme": "https", "root_path": "", "client": ("192.0.2.7", 1), "server": ("a", 1)}
    headers = [(b"host", one) for one in named]
    here.run(here.asgi({**about, **more, "headers": headers, "extensions": {}, "state": {}}, receive, send))
    assert sent[0] == status
