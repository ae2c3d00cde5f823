"""Cookies: over TLS each is sent over TLS only, and what opens a door has a name that no neighbour can plant."""

from collections.abc import Iterator
from typing import Any, cast

import httpx2
import pytest

from tests.support.served import Served
from tests.support.visitor import PASSWORD, SESSION, Visitor, console
from tocsin.door import store as doors
from tocsin.door import totp
from tocsin.kit.actor import SYSTEM
from tocsin.kit.ids import new_secret
from tocsin.people import commands as people_commands
from tocsin.people import sessions
from tocsin.people import store as people
from tocsin.web import cookies

PLAIN = "http://127.0.0.1:8000"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def with_password(here: Served, handle: str) -> None:
    hashed = people_commands.password_hash(PASSWORD)
    here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, handle, hashed))


def with_factor(here: Served, handle: str) -> None:
    with here.app.database.work(SYSTEM) as tx:
        doors.keep_factor(tx, handle, totp.new_secret())
        doors.confirm_factor(tx, handle)


def walked(visitor: Visitor) -> list[str]:
    """Every cookie that is set on the way through each door, and at what only says how a page is shown."""
    found: list[str] = []

    async def note(answer: httpx2.Response) -> None:
        found.extend(answer.headers.get_list("set-cookie"))

    visitor.client.event_hooks = {"response": [note]}
    step = visitor.do("/signin", "/signin", login="ana", password=PASSWORD)
    with visitor.here.app.database.read(SYSTEM) as tx:
        factor = doors.factor(tx, "ana")
    assert factor is not None
    code = totp.code_at(factor.secret, visitor.here.clock.now())
    assert visitor.do(step.onward, "/signin/code", code=code).status == 303
    assert visitor.open("/oncall").status == 200
    visitor.do("/", "/theme", theme="dark")
    visitor.do("/oncall/calendar", "/oncall/calendar/zone", zone="UTC")
    form = visitor.open("/").form("/theme").fields
    visitor.send("/theme", {**form, "_csrf_token": "forged"})  # the form's own cookie is taken back
    visitor.do("/", "/signout")
    return found


def plain_visitor(here: Served) -> Visitor:
    visitor = Visitor(here)
    transport = httpx2.ASGITransport(app=cast(Any, here.asgi), client=("127.0.0.1", 4711))
    visitor.client = httpx2.AsyncClient(transport=transport, base_url=PLAIN)
    return visitor


def names(found: list[str]) -> set[str]:
    return {one.partition("=")[0] for one in found}


WALKED = {cookies.SESSION, cookies.STEP, cookies.DEVICE, cookies.FORM, cookies.THEME, cookies.ZONE}


def test_over_tls_what_opens_a_door_has_a_name_that_nobody_else_can_set(here: Served) -> None:
    with_password(here, "ana")
    with_factor(here, "ana")
    found = walked(Visitor(here))
    assert names(found) == {cookies.PREFIX + one if one in cookies.OPENING else one for one in WALKED}
    for one in found:
        marks = one.split("; ")[1:]
        assert "Secure" in marks and "SameSite=lax" in marks and not [m for m in marks if m.startswith("Domain")], one
        if one.startswith(cookies.PREFIX):
            assert "Path=/" in marks and "HttpOnly" in marks, one


def test_without_tls_on_this_machine_they_keep_their_plain_names(sqlite_url: str) -> None:
    with console(sqlite_url, base_url=PLAIN) as here:
        with_password(here, "ana")
        with_factor(here, "ana")
        visitor = plain_visitor(here)
        found = walked(visitor)
        assert names(found) == WALKED and not [one for one in found if "Secure" in one.split("; ")]
        assert "strict-transport-security" not in visitor.open("/signin").answer.headers
        over_tls = Visitor(here).open("/signin").answer  # and where a request came by TLS all the same
        assert names(over_tls.headers.get_list("set-cookie")) == {cookies.PREFIX + cookies.FORM}
        assert "strict-transport-security" in over_tls.headers


def test_a_session_from_before_the_guarded_names_goes_on(here: Served) -> None:
    fresh = here.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, "ana"))
    before = new_secret()
    with here.app.database.work(SYSTEM) as tx:
        of_this = sessions.table.c.hash == people.digest(fresh)
        tx.run(sessions.table.update().where(of_this).values(hash=people.digest(before)))
    ask = lambda cookie: here.get("/me", headers={"cookie": cookie}).status_code  # noqa: E731
    assert ask(f"{cookies.SESSION}={before}") == ask(f"{SESSION}={before}") == 200
    assert here.get("/oncall/now.json", headers={"cookie": f"{cookies.SESSION}={before}"}).status_code == 200
    planted = here.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, "ben"))
    assert ask(f"{cookies.SESSION}={planted}") == 303, "one that was begun since is known by its own name alone"
    assert ask(f"{SESSION}={planted}; {cookies.SESSION}={before}") == 200
    assert "Ben" in here.get("/me", headers={"cookie": f"{SESSION}={planted}; {cookies.SESSION}={before}"}).text


def test_a_form_of_another_site_is_no_better_for_a_cookie_that_a_neighbour_planted(here: Served) -> None:
    ben, mallory = Visitor(here, "ben"), Visitor(here)
    token = mallory.open("/signin").form("/signin").fields["_csrf_token"][0]
    ben.client.cookies.set(cookies.FORM, token, domain="tocsin.test", path="/")
    assert ben.send("/signout", {"_csrf_token": token}).status == 403


@pytest.mark.parametrize(
    ("set_as", "kept_as"),
    [
        ("tocsin_step=a; Path=/signin; Secure; HttpOnly", "__Host-tocsin_step=a; Path=/; HttpOnly; Secure"),
        ("tocsin_sso=; Domain=x.example; Max-Age=0", "__Host-tocsin_sso=; Path=/; HttpOnly; Max-Age=0; Secure"),
        ("tocsin_theme=dark; Path=/", "tocsin_theme=dark; Path=/; Secure"),
    ],
)
def test_a_cookie_leaves_with_its_marks(set_as: str, kept_as: str) -> None:
    assert cookies.outward(set_as.encode()).decode() == kept_as
