"""Coming in: passwords, one-time links, sessions, and what is refused on the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.served import Served
from tests.support.visitor import PASSWORD, SESSION, Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people import sessions
from tocsin.people import store as people
from tocsin.web.forms import local_path


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def with_password(here: Served) -> Served:
    hashed = people_commands.password_hash(PASSWORD)
    here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ana", hashed))
    return here


def link_for(here: Served, handle: str) -> str:
    secret = here.app.database.run(SYSTEM, lambda tx: sessions.issue_link(tx, handle))
    return f"/signin/{secret}"


@pytest.mark.parametrize("path", ["/", "/incidents", "/me", "/people", "/insights?days=30"])
def test_a_stranger_is_sent_to_sign_in_and_back(here: Served, path: str) -> None:
    page = Visitor(here).open(path)
    assert page.status == 303
    assert page.onward.startswith("/signin")
    signin = Visitor(here).open(page.onward)
    assert signin.form("/signin").fields["next"] == [path]


@pytest.mark.parametrize("login", ["ana", "ana@rose.example", "Ana", "Ana@Rose.example", " ana "])
def test_a_password_signs_in_and_goes_on(with_password: Served, login: str) -> None:
    ana = Visitor(with_password)
    answer = ana.do("/signin?next=/oncall", "/signin", login=login, password=PASSWORD)
    assert (answer.status, answer.onward) == (303, "/oncall")
    cookie = answer.answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert ana.open("/oncall").says("Ana")


def test_a_wrong_password_keeps_what_was_typed_and_opens_nothing(with_password: Served) -> None:
    stranger = Visitor(with_password)
    answer = stranger.do("/signin", "/signin", login="ana", password="wrong horse battery")
    assert answer.status == 403
    assert answer.form("/signin").fields["login"] == ["ana"]
    assert "wrong horse" not in answer.html
    assert stranger.open("/").status == 303


def test_a_disabled_account_keeps_nobody_signed_in(here: Served) -> None:
    ben = Visitor(here, "ben")
    assert ben.open("/").status == 200
    here.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "ben", disabled_at=tx.now))
    assert ben.open("/").status == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "//[",  # half an address of the sixth version
        "//user@[::1",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/%0d\n/evil",
    ],
)
def test_signing_in_never_leads_to_another_site(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_an_open_redirect_in_the_form_is_refused(with_password: Served) -> None:
    ana = Visitor(with_password)
    answer = ana.do("/signin", "/signin", login="ana", password=PASSWORD, next="//evil.example/x")
    assert answer.onward == "/"


def test_looking_at_a_link_does_not_use_it_up(here: Served) -> None:
    link, scanner, ben = link_for(here, "ben"), Visitor(here), Visitor(here)
    for _ in range(3):
        page = scanner.open(link)
        assert page.status == 200 and page.says("Ben Halvorsen")
    assert SESSION not in scanner.client.cookies
    answer = ben.do(link, link)
    assert (answer.status, answer.onward) == (303, "/")
    assert ben.open("/me").says("Ben Halvorsen")


def test_a_link_works_once(here: Served) -> None:
    link, ben, second = link_for(here, "ben"), Visitor(here), Visitor(here)
    page = second.open(link)
    ben.do(link, link)
    answer = second.press(page, link)
    assert answer.status == 404
    assert second.open("/").status == 303
    assert second.open(link).status == 404


def test_a_link_is_good_for_an_hour(here: Served) -> None:
    link = link_for(here, "ben")
    here.clock.advance_to(here.clock.now() + timedelta(hours=1))
    assert Visitor(here).open(link).status == 404


def test_signing_out_ends_the_session_on_the_server(here: Served) -> None:
    ben = Visitor(here, "ben")
    kept = str(ben.client.cookies[SESSION])
    answer = ben.do("/", "/signout")
    assert (answer.status, answer.onward) == (303, "/signin")
    thief = Visitor(here)
    thief.client.cookies.set(SESSION, kept)
    assert thief.open("/").status == 303


def test_a_form_without_its_token_changes_nothing(here: Served) -> None:
    ben = Visitor(here, "ben")
    fields = {"title": "forged", "severity": "P0", "type": "service_outage"}
    assert ben.send("/declare", fields).status == 403
    ben.open("/")  # now there is a cookie, and still no token
    answer = ben.send("/declare", fields)
    assert answer.status == 403 and answer.says("grown old") and not answer.says("An administrator can give you")
    assert ben.send("/declare", {**fields, "_csrf_token": "0" * 128}).status == 403
    assert not ben.open("/incidents").says("forged")


def test_the_form_token_of_another_browser_is_refused(here: Served) -> None:
    ben, other = Visitor(here, "ben"), Visitor(here, "ben")
    token = other.open("/declare").form("/declare").fields["_csrf_token"][0]
    ben.open("/declare")
    assert ben.send("/declare", {"_csrf_token": token, "title": "forged"}).status == 403


def test_a_form_token_of_an_earlier_installation_does_not_lock_anybody_out(here: Served) -> None:
    ben = Visitor(here, "ben")
    ben.client.cookies.set("__Host-tocsin_form", "f" * 128, domain="tocsin.test", path="/")
    assert ben.do("/", "/signout").status == 403
    assert ben.do("/", "/signout").status == 303


def test_every_page_forbids_frames_inline_scripts_and_other_sites(here: Served) -> None:
    for path in ("/", "/signin", "/incidents/none"):
        headers = Visitor(here, "ben").open(path).answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in headers
        assert headers["cache-control"] == "no-store"


def test_static_files_are_kept_for_long_and_change_their_address(here: Served) -> None:
    html = Visitor(here, "ben").open("/").html
    address = html.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "?v=" in address
    answer = Visitor(here).open(address).answer
    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["cache-control"]


def test_the_theme_is_remembered_without_a_script(here: Served) -> None:
    ben = Visitor(here, "ben")
    assert 'data-theme="' not in ben.open("/").html
    answer = ben.do("/oncall", "/theme", theme="dark")
    assert (answer.status, answer.onward) == (303, "/oncall")
    assert '<html lang="en" data-theme="dark"' in ben.open("/").html


def test_a_body_beyond_the_bound_is_refused(here: Served) -> None:
    answer = Visitor(here, "ben").do("/declare", "/declare", title="x" * 600_000)
    assert answer.status == 413
    fields = {f"f{n}": "x" for n in range(400)}
    token = Visitor(here, "ben")
    form = token.open("/declare").form("/declare")
    assert token.send("/declare", {**form.fields, **fields}).status == 400


def test_a_new_password_is_proved_by_the_old_one_and_ends_other_sessions(with_password: Served) -> None:
    ana, elsewhere = Visitor(with_password, "ana"), Visitor(with_password, "ana")
    fresh = "a longer horse battery"
    wrong = ana.do("/me", "/me/password", old="not this one at all", password=fresh, again=fresh)
    assert wrong.status == 400 and wrong.says("not your present password")
    apart = ana.do("/me", "/me/password", old=PASSWORD, password=fresh, again=fresh + "!")
    assert apart.status == 400 and apart.says("do not match")
    short = ana.do("/me", "/me/password", old=PASSWORD, password="short", again="short")
    assert short.status == 400 and short.says("at least 12")
    for weak in ("password2026!", "anaanaanaana", with_password.app.settings.hosts[0] + "-2026!", "Rose-Rose-2026!"):
        guessed = ana.do("/me", "/me/password", old=PASSWORD, password=weak, again=weak)
        assert guessed.status == 400 and guessed.says("among the first that somebody would guess"), weak
    done = ana.do("/me", "/me/password", old=PASSWORD, password=fresh, again=fresh)
    assert (done.status, done.onward) == (303, "/me?done=password")
    assert ana.open("/").status == 200
    assert elsewhere.open("/").status == 303
    assert Visitor(with_password).do("/signin", "/signin", login="ana", password=fresh).status == 303


def test_who_forgot_the_password_comes_by_a_link_and_sets_another(with_password: Served) -> None:
    ana, link = Visitor(with_password), link_for(with_password, "ana")
    assert ana.open("/signin").says("or forgotten?")
    ana.do(link, link)
    assert 'name="old"' not in ana.open("/me").html
    fresh = "a longer horse battery"
    assert ana.do("/me", "/me/password", password=fresh, again=fresh).onward == "/me?done=password"
    assert Visitor(with_password).do("/signin", "/signin", login="ana", password=fresh).status == 303
    with_password.clock.advance_to(with_password.clock.now() + timedelta(minutes=61))
    late = ana.do("/me", "/me/password", password=PASSWORD, again=PASSWORD)
    assert late.status == 400 and late.says("not your present password")


def test_a_session_is_the_same_one_after_a_new_password(with_password: Served) -> None:
    ana = Visitor(with_password)
    ana.client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
    ana.do("/signin", "/signin", login="ana", password=PASSWORD)
    before = ana.client.cookies[SESSION]
    ana.do("/me", "/me/password", old=PASSWORD, password="a longer horse battery", again="a longer horse battery")
    page = ana.open("/me/signin")
    assert page.says("Firefox on Linux") and page.says("by password, from 192.0.2.7") and page.says("(this one)")
    assert ana.client.cookies[SESSION] != before, "whoever took the cookie before is out"


def test_what_was_begun_under_the_old_password_is_over_with_it(with_password: Served) -> None:
    link = link_for(with_password, "ana")
    ana = Visitor(with_password, "ana")
    ana.do("/me", "/me/password", old=PASSWORD, password="a longer horse battery", again="a longer horse battery")
    assert Visitor(with_password).open(link).status == 404


def test_a_new_link_takes_the_place_of_those_before(here: Served) -> None:
    first, second = link_for(here, "ben"), link_for(here, "ben")
    assert Visitor(here).open(first).status == 404
    assert Visitor(here).do(second, second).status == 303


def test_what_was_typed_outlives_the_session(here: Served) -> None:
    """Whoever is signed out while they type gets it back, signs in as they like, and sends it once more."""
    ben = Visitor(here, "ben")
    form = ben.open("/declare").form("/declare")
    kept = ben.client.cookies[SESSION]
    ben.client.cookies.delete(SESSION)
    fields = {**form.fields, "title": "Voice <hangs>", "severity": "P2", "type": "service_outage"}
    page = ben.send("/declare", fields)
    assert (page.status, page.answer.headers["cache-control"]) == (401, "no-store")
    assert "Voice &lt;hangs&gt;" in page.html
    again = page.form("/declare")
    assert ben.send("/declare", again.fields).status == 401, "not signed in yet, and nothing is lost"
    ben.client.cookies.set(SESSION, kept, domain="tocsin.test", path="/")
    assert ben.send("/declare", again.fields).onward.startswith("/incidents/")
    assert Visitor(here).send("/theme", {}).status == 403, "another site's form is still refused"
    secret = Visitor(here)
    token = {"_csrf_token": secret.open("/signin").form("/signin").fields["_csrf_token"]}
    assert PASSWORD not in secret.send("/me/password", {**token, "password": PASSWORD, "note": "x"}).html
