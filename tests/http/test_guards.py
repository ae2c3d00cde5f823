"""What every page and every answer says to a browser besides what it holds, as a scanner of the web would ask.

The addresses are those of the application itself, so that a new one is asked too from its first day.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from litestar.routes import HTTPRoute

from tests.support.served import Served
from tests.support.visitor import PASSWORD, Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.response import commands

SHOWN_ELSEWHERE = ("/status/badge.svg", "/status/notice.js", "/status/notice.json", "/api/v2/summary.json")
ONCE = ("content-security-policy", "cross-origin-resource-policy", "referrer-policy", "cache-control")
EMBEDDED = (".svg", ".js", ".json", ".css", ".atom", ".rss", ".txt", ".xml")  # of the public page
PUBLIC = ("/status", "/status/", "/oncall/now")  # kept for many readers, and the same for all of them
HOOKS = ("/v2/enqueue", "/api/v2/alerts", "/in/nobody", "/generic/2010-04-15/create_event.json")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
ELSEWHERE = ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with console(f"sqlite:///{tmp_path_factory.mktemp('guards') / 'tocsin.db'}") as one:
        yield one


def addresses(here: Served) -> list[str]:
    """Every address that is read, with an incident in the place of its name."""
    routes = here.rest.routes
    known = {one.path for one in routes if isinstance(one, HTTPRoute) and "GET" in one.methods}
    with here.app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, title="It hangs", severity="P1", type="service_outage")
    filled = {one.replace("{incident_id:str}", incident.id) for one in known}
    return sorted(one for one in filled if "{" not in one and not one.endswith("/stream"))


def check(answer: httpx2.Response, *, signed_in: bool) -> None:
    told, where = answer.headers, f"{answer.request.method} {answer.url}"
    assert told["x-content-type-options"] == "nosniff", where
    assert told["strict-transport-security"] == "max-age=31536000", where
    assert told["cross-origin-resource-policy"] == "same-origin" or where.partition("?")[0].endswith(EMBEDDED), where
    assert not [name for name in ONCE if len(told.get_list(name)) > 1], where
    assert told.get("referrer-policy") in ("same-origin", "no-referrer"), where
    assert "server" not in told and "x-powered-by" not in told, where
    if "javascript" not in told.get("content-type", ""):
        policy = told["content-security-policy"]
        assert "frame-ancestors 'none'" in policy or "sandbox" in policy, where
        assert ("unsafe" not in policy or "sandbox" in policy) and "*" not in policy, where
    if "html" in told.get("content-type", "html"):
        assert told["cross-origin-opener-policy"] == "same-origin", where
        assert "camera=()" in told["permissions-policy"], where
    if signed_in:
        kept = told["cache-control"]
        assert "no-store" in kept or "no-cache" in kept or "private" in kept or where.endswith((".js", ".png")), where
    if "text/html" in told.get("content-type", ""):
        assert not INLINE.search(answer.text), (where, INLINE.search(answer.text))


def test_every_address_says_how_little_may_be_done_with_it(here: Served) -> None:
    ana, stranger = Visitor(here, "ana"), Visitor(here)
    asked = addresses(here)
    assert len(asked) > 60
    for path in asked:
        shown = ana.open(path).answer
        assert shown.status_code < 500 or path == "/readyz", path  # no engine turns in a test
        check(shown, signed_in=True)
        check(stranger.open(path).answer, signed_in=True)


def test_what_is_answered_before_all_routes_does_too(here: Served) -> None:
    for path in PUBLIC:
        check(here.get(path), signed_in=False)
        check(here.post(path, content=b"x"), signed_in=False)
    again = here.get("/status", headers={"if-none-match": here.get("/status").headers["etag"]})
    assert again.status_code == 304
    check(again, signed_in=False)
    for path in HOOKS:
        answer = here.post(path, content=b"<script>alert(1)</script>")
        assert 400 <= answer.status_code < 500, path
        check(answer, signed_in=True)


def test_what_others_show_in_their_pages_may_be_shown_there(here: Served) -> None:
    for path in SHOWN_ELSEWHERE:
        answer = here.get(path)
        assert answer.status_code == 200 and answer.headers["cross-origin-resource-policy"] == "cross-origin", path
        check(answer, signed_in=False)


def test_a_stream_is_guarded_too(here: Served) -> None:
    """That of the pages never ends by itself: its first words are enough."""
    ana, heads = Visitor(here, "ana"), []
    cookie = "; ".join(f"{name}={value}" for name, value in ana.client.cookies.items())

    async def listen() -> None:
        left, asked = asyncio.Event(), iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            if one := next(asked, None):
                return one
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                heads.append(message)
                left.set()

        scope = {"type": "http", "method": "GET", "path": "/live", "raw_path": b"/live", "query_string": b"watch=now"}
        scope |= {"headers": [(b"host", b"tocsin.test"), (b"cookie", cookie.encode())], "scheme": "https"}
        scope |= {"server": ("tocsin.test", 443), "client": ("192.0.2.7", 4711), "http_version": "1.1", "root_path": ""}
        rest = here.rest
        async with asyncio.timeout(20), rest.lifespan():
            await here.asgi({**scope, "state": {}, "asgi": {"version": "3.0"}}, receive, send)

    here.run(listen())
    (head,) = heads
    assert head["status"] == 200
    request = httpx2.Request("GET", "https://tocsin.test/live")
    check(httpx2.Response(head["status"], headers=list(head["headers"]), request=request), signed_in=True)


def test_what_is_not_there_or_not_allowed_is_guarded_as_well(here: Served) -> None:
    ana = Visitor(here, "ana")
    for path in ("/nowhere", "/api/v1/nowhere", "/incidents/inc_NOWHERE", "/static/nowhere.js"):
        answer = ana.open(path).answer
        assert answer.status_code == 404
        check(answer, signed_in=True)
    check(ana.send("/signout", {}).answer, signed_in=True)


@pytest.mark.parametrize("onward", ELSEWHERE)
def test_no_form_and_no_address_leads_to_another_site(here: Served, onward: str) -> None:
    hashed = people_commands.password_hash(PASSWORD) if onward == ELSEWHERE[0] else None
    if hashed:
        here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "erin", hashed))
    erin = Visitor(here)
    assert "evil" not in erin.open("/signin", params={"next": onward}).html
    assert erin.do("/signin", "/signin", login="erin", password=PASSWORD, next=onward).onward == "/"
    assert erin.do("/", "/theme", theme="dark", next=onward).onward == "/"
