"""Before what changes how one gets in, whoever has been signed in for a while proves who they are; nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from litestar.routes import HTTPRoute

from tests.http.test_sso import installed
from tests.http.test_web_door import give_password
from tests.support.served import Served
from tests.support.visitor import PASSWORD, SESSION, Page, Visitor, console
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.door import store as doors
from tocsin.door import totp
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people import tokens

HELD_UP = {
    "/me/signin/factor",
    "/me/signin/factor/confirm",
    "/me/signin/passkeys",
    "/me/signin/passkeys/{passkey_id:str}/remove",
    "/me/signin/proof",
    "/people",
    "/people/{handle:str}/link",
    "/people/{handle:str}/disable",
    "/people/{handle:str}/enable",
    "/people/{handle:str}/factor/remove",
    "/people/{handle:str}/unlink",
    "/tokens",
}
"""Besides these, `/me/password` asks for the present one, and for a proof where there is none; what takes a code of now
(new recovery codes, the end of a second factor) asks for that."""
LATER = timedelta(minutes=10)
TOKEN = {"name": "grafana", "scope": ["incidents:read", "plan:read"], "lasts": "30", "person": ""}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        give_password(one, "ana")
        yield one


def later(here: Served, span: timedelta = LATER) -> None:
    here.clock.advance_to(here.clock.now() + span)


def typed(visitor: Visitor, page: str = "/tokens") -> dict[str, str]:
    return {"_csrf_token": visitor.open(page).forms()[0].fields["_csrf_token"][0]}


def make_token(visitor: Visitor) -> Page:
    return visitor.send("/tokens", {**typed(visitor), **TOKEN})


def tokens_of(here: Served) -> list[tuple[str, frozenset[str]]]:
    with here.app.database.read(SYSTEM) as tx:
        return [(one.name, one.rights) for one in tokens.listed(tx)]


def deeds(here: Served, deed: Deed) -> list[str]:
    here.app.keep_refusals()
    with here.app.database.read(SYSTEM) as tx:
        return [one.detail for one in audit.listing(tx, Filter(deed=deed), limit=9)]


MADE = [("grafana", frozenset({"incidents:read", "plan:read"}))]


def test_every_address_that_changes_how_one_gets_in_is_held_up(here: Served) -> None:
    routes = here.rest.routes
    found = {
        route.path
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "proven" in handler.parsed_fn_signature.parameters
    }
    assert found == HELD_UP


def test_nothing_happens_there_before_the_proof(here: Served) -> None:
    ana = Visitor(here, "ana")
    later(here)
    links, kept = len(deeds(here, Deed.LINK_MADE)), typed(ana)
    for address in sorted(HELD_UP):
        path = address.replace("{handle:str}", "ben").replace("{passkey_id:str}", "pky_1")
        asked = ana.send(path, {**kept, "handle": "ben", "role": "administrator", "answer": '"{}"'})
        assert asked.status == 403 and asked.says("Confirm that it is you"), asked.html
        assert asked.form(path).fields["handle"] == ["ben"] and asked.form(path).fields["answer"] == ['"{}"']
    assert len(deeds(here, Deed.LINK_MADE)) == links and tokens_of(here) == []
    with here.app.database.read(SYSTEM) as tx:
        assert doors.factor(tx, "ana") is None and people.load_person(tx, "ben").role == "responder"


def test_a_password_lets_what_was_typed_go_on_and_the_session_gets_another_secret(here: Served) -> None:
    ana = Visitor(here, "ana")
    later(here)
    before = ana.client.cookies[SESSION]
    asked = make_token(ana)
    assert asked.status == 403 and tokens_of(here) == []
    assert "default-src 'self'" in asked.answer.headers["content-security-policy"], "its style and script are ours"
    wrong = ana.press(asked, "/tokens", proof_password="wrong horse battery")
    assert wrong.status == 403 and wrong.says("This is not your password") and tokens_of(here) == []
    assert "wrong horse" not in wrong.html
    made = ana.press(wrong, "/tokens", proof_password=PASSWORD)
    assert made.status == 200 and made.says("grafana") and tokens_of(here) == MADE
    assert ana.client.cookies[SESSION] != before and ana.open("/tokens").status == 200
    thief = Visitor(here)
    thief.client.cookies.set(SESSION, before)
    assert thief.open("/tokens").status == 303, "whoever took the secret before has nothing of it"
    assert make_token(ana).status == 200, "for ten minutes nothing more is asked"
    assert deeds(here, Deed.SESSION_PROVEN) == ["by a password"] and deeds(here, Deed.SIGN_IN_REFUSED) == [""]


def test_a_code_of_the_app_proves_it_too_and_counts_once(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        doors.keep_factor(tx, "ana", totp.new_secret())
        doors.confirm_factor(tx, "ana")
        factor = doors.factor(tx, "ana")
    assert factor is not None
    ana, other = Visitor(here, "ana"), Visitor(here, "ana")
    later(here)
    code = totp.code_at(factor.secret, here.clock.now())
    made = ana.press(make_token(ana), "/tokens", proof_code=code)
    assert made.status == 200 and tokens_of(here) == MADE
    assert other.press(make_token(other), "/tokens", proof_code=code).says("used already")


def test_nobody_guesses_at_a_browser_left_open(here: Served) -> None:
    ana = Visitor(here, "ana")
    later(here)
    asked = make_token(ana)
    answers = [ana.press(asked, "/tokens", proof_password=f"wrong {number}").status for number in range(7)]
    assert answers == [403] * 5 + [429] * 2
    assert ana.press(asked, "/tokens", proof_password=PASSWORD).status == 429 and tokens_of(here) == []


def test_a_passkey_of_somebody_else_proves_nothing(here: Served) -> None:
    ana = Visitor(here, "ana")
    later(here)
    forged = ana.press(make_token(ana), "/tokens", proof_passkey='{"id": "x", "response": {}}')
    assert forged.status == 403 and tokens_of(here) == [] and deeds(here, Deed.PASSKEY_REFUSED) == [""]


def test_a_first_password_takes_a_link_that_is_an_hour_old_at_most(here: Served) -> None:
    ben = Visitor(here, "ben")
    new = {"password": "a longer horse battery", "again": "a longer horse battery"}
    later(here, timedelta(minutes=59))
    kept = typed(ben, "/me")
    later(here, timedelta(minutes=1))
    asked = ben.send("/me/password", {**kept, **new})
    assert asked.status == 403 and asked.says("tocsin people link ben") and "longer horse" not in asked.html
    with here.app.database.read(SYSTEM) as tx:
        assert not people.load_person(tx, "ben").has_password
    fresh = Visitor(here, "ben")
    later(here, timedelta(minutes=59))
    assert fresh.send("/me/password", {**typed(fresh, "/me"), **new}).onward == "/me?done=password"


# ---- Those who have single sign-on alone -----------------------------------------------------------------------------


def test_whoever_has_only_the_provider_signs_in_there_again_and_goes_on(sqlite_url: str) -> None:
    with installed(sqlite_url) as (here, there):
        ana = Visitor(here)
        ana.open(there.consent(ana.open("/signin/sso").onward, "sub-ana"))
        later(here)
        there.now = here.clock.now()
        asked = make_token(ana)
        assert asked.says("Sign in again at Rose ID") and "proof_password" not in asked.html
        left = ana.open("/signin/sso/again?next=/tokens").onward
        assert "prompt=login" in left and "max_age=0" in left
        before = ana.client.cookies[SESSION]
        back = ana.open(there.consent(left, "sub-ana"))
        assert back.status == 303 and ana.client.cookies[SESSION] != before, back.html
        page = ana.open(back.onward)
        assert page.says("What you typed is still here")
        assert ana.press(page, "/tokens").says("grafana") and tokens_of(here) == MADE
        assert ana.open(back.onward).onward == "/tokens", "it is there once"


def test_the_provider_must_say_that_it_was_just_now_and_that_it_was_they(sqlite_url: str) -> None:
    with installed(sqlite_url) as (here, there):
        ana = Visitor(here)
        ana.open(there.consent(ana.open("/signin/sso").onward, "sub-ana"))
        later(here)
        there.now = here.clock.now()
        leave = lambda: ana.open("/signin/sso/again?next=/tokens").onward  # noqa: E731
        stripped = leave().replace("&prompt=login", "").replace("&max_age=0", "")
        refused = ana.open(there.consent(stripped, "sub-ana"))
        assert refused.says("does not say that you signed in there just now")
        assert refused.says("still signed in") and 'href="/tokens"' in refused.html
        there.tells_when = False
        assert ana.open(there.consent(leave(), "sub-ana")).says("does not say that you signed in there just now")
        there.tells_when = True
        assert ana.open(there.consent(leave(), "sub-ben")).says("Somebody else than you")
        assert make_token(ana).status == 403 and tokens_of(here) == []
        ben, left = Visitor(here, "ben"), leave()
        sealed = ana.client.cookies["__Host-tocsin_sso"]
        ben.client.cookies.set("__Host-tocsin_sso", sealed)
        assert ben.open(there.consent(left, "sub-ana")).says("Somebody else has signed in here meanwhile")
