"""The door as people meet it: codes after passwords, sessions, waiting, lost devices, and the log of all of it."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest

from tests.support.served import Served
from tests.support.visitor import PASSWORD, SESSION, Page, Visitor, console
from tocsin.door import store as doors
from tocsin.door import totp
from tocsin.door.limits import OF_CODES
from tocsin.kit.actor import SYSTEM
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WRONG = "wrong horse battery"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        give_password(one, "ana")
        yield one


def give_password(here: Served, handle: str) -> None:
    hashed = people_commands.password_hash(PASSWORD)
    here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, handle, hashed))


def came_from(here: Served, source: str) -> Visitor:
    """A browser at another address."""
    visitor = Visitor(here)
    visitor.client._transport.client = (source, 4711)  # type: ignore[attr-defined]
    return visitor


def sign_in(visitor: Visitor, password: str = PASSWORD, login: str = "ana") -> Page:
    return visitor.do("/signin?next=/oncall", "/signin", login=login, password=password)


def code(here: Served, handle: str = "ana") -> str:
    with here.app.database.read(SYSTEM) as tx:
        known = doors.factor(tx, handle)
    assert known is not None
    return totp.code_at(known.secret, here.clock.now())


def later(here: Served, **span: float) -> None:
    here.clock.advance_to(here.clock.now() + timedelta(**span))


def set_up(here: Served, visitor: Visitor, handle: str = "ana") -> list[str]:
    """Set a second factor up through the page; returns the recovery codes."""
    form = visitor.open("/me/signin").forms()[0]
    assert visitor.send("/me/signin/factor", form.fields).onward == "/me/signin#factor"
    shown = visitor.do("/me/signin", "/me/signin/factor/confirm", code=code(here, handle))
    later(here, seconds=30)
    return re.findall(
        r"^[a-z2-9]{4}(?:-[a-z2-9]{4}){3}$", unescape(shown.html).replace("<", "\n<").replace(">", ">\n"), re.M
    )


def test_a_second_factor_is_set_up_on_the_page_and_asked_at_the_door(here: Served) -> None:
    ana, elsewhere = Visitor(here), Visitor(here, "ana")
    sign_in(ana)
    before = ana.client.cookies[SESSION]
    ana.do("/me/signin", "/me/signin/factor")
    page = ana.open("/me/signin")
    assert "otpauth://totp/Tocsin:ana" in page.html and "<svg" in page.html and "style=" not in page.html
    wrong = ana.do("/me/signin", "/me/signin/factor/confirm", code="000000")
    assert wrong.status == 400 and wrong.says("not a code of now")
    codes = set_up(here, ana)
    assert len(codes) == 10
    assert ana.client.cookies[SESSION] != before
    assert ana.open("/me/signin").says("10 recovery codes are left") and codes[0] not in ana.open("/me/signin").html
    assert elsewhere.open("/").status == 303, "every other session ends"

    again = Visitor(here)
    answer = sign_in(again)
    assert (answer.status, answer.onward) == (303, "/signin/code?next=%2Foncall")
    assert SESSION not in again.client.cookies and again.open("/oncall").status == 303
    wrong = again.do(answer.onward, "/signin/code", code="000000")
    assert wrong.status == 403 and wrong.says("not a code of now")
    shown = code(here)
    done = again.press(again.open(answer.onward), "/signin/code", code=shown)
    assert (done.status, done.onward) == (303, "/oncall")
    assert again.open("/oncall").status == 200

    thief = Visitor(here)
    step = sign_in(thief)
    assert thief.do(step.onward, "/signin/code", code=shown).status == 403, "a code counts once"
    assert thief.do(step.onward, "/signin/code", code=codes[3]).onward == "/oncall"


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "", "é", 7, None, [], {"id": 1}, "a" * 10_000])
def test_an_answer_that_no_passkey_gives_is_refused(here: Served, odd: object) -> None:
    stranger = Visitor(here)
    asked = json.loads(unescape(re.findall('data-asked="([^"]+)"', stranger.open("/signin").html)[0]))["challenge"]
    told = urlsafe_b64encode(json.dumps({"challenge": asked}).encode()).decode().rstrip("=")
    answer = json.dumps({"id": odd, "response": {"clientDataJSON": told}})
    assert stranger.do("/signin", "/signin/passkey", answer=answer).status == 401


def test_whoever_gave_no_password_is_asked_for_no_code(here: Served) -> None:
    stranger = Visitor(here)
    assert stranger.open("/signin/code").onward == "/signin"
    form = stranger.open("/signin").form("/signin")
    late = stranger.send("/signin/code", {**form.fields, "code": "123456", "next": "/oncall"})
    assert late.status == 403 and late.says("did not come within ten minutes") and "They do not match" not in late.html
    assert late.form("/signin").fields["next"] == ["/oncall"], "what they came for is not forgotten"
    assert stranger.open("/signin/code?next=/oncall").onward == "/signin?next=%2Foncall"


def test_a_link_asks_for_the_code_too(here: Served) -> None:
    set_up(here, Visitor(here, "ana"))
    secret = here.app.database.run(SYSTEM, lambda tx: sessions.issue_link(tx, "ana"))
    ana = Visitor(here)
    answer = ana.do(f"/signin/{secret}", f"/signin/{secret}")
    assert answer.onward.startswith("/signin/code")
    assert ana.do(answer.onward, "/signin/code", code=code(here)).onward == "/"


def test_new_codes_and_the_end_of_a_second_factor_take_a_code(here: Served) -> None:
    ana = Visitor(here, "ana")
    codes = set_up(here, ana)
    refused = ana.do("/me/signin", "/me/signin/factor/codes", code="000000")
    assert refused.status == 400 and refused.says("not a code of now")
    fresh = ana.do("/me/signin", "/me/signin/factor/codes", code=code(here))
    assert fresh.status == 200 and fresh.says("shown this once") and codes[0] not in fresh.html
    form = ana.open("/me/signin").form("/me/signin/factor/codes")
    later(here, seconds=30)
    done = ana.send("/me/signin/factor/remove", {**form.fields, "code": code(here)})
    assert done.onward == "/me/signin?done=factor_off"
    assert sign_in(Visitor(here)).onward == "/oncall"


def test_a_second_factor_can_be_asked_of_everybody_with_a_password(sqlite_url: str) -> None:
    with console(sqlite_url, require_second_factor=True) as here:
        give_password(here, "ana")
        ana, ben = Visitor(here), Visitor(here, "ben")
        sign_in(ana)
        for path in ("/", "/incidents", "/me", "/people", "/audit"):
            assert ana.open(path).onward == "/me/signin#factor", path
        assert ana.open("/oncall/now").status == 303, "nor what is kept for many readers"
        assert ana.open("/me/signin").says("Set up a second factor to go on")
        set_up(here, ana)
        assert ana.open("/").status == 200
        assert ben.open("/").status == 200, "who has no password comes by links, and is asked for none"


def test_an_administrator_takes_a_lost_second_factor_away(here: Served) -> None:
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    give_password(here, "ben")
    set_up(here, ben, "ben")
    assert ana.open("/people").says("password and code")
    assert ben.send("/people/ana/factor/remove", ben.open("/me").form("/me/zone").fields).status == 403
    answer = ana.do("/people", "/people/ben/factor/remove")
    assert answer.onward == "/people?done=factor_taken"
    assert ben.open("/").status == 303
    assert sign_in(Visitor(here), login="ben").onward == "/oncall"
    assert ana.do("/people", "/people/ben/sessions/end").onward == "/people?done=their_sessions_off"


def test_who_left_is_let_in_no_more(here: Served) -> None:
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    give_password(here, "ben")
    page = ana.open("/people")
    assert not any(one.action == "/people/ana/disable" for one in page.forms())
    assert ana.press(page, "/people/ben/disable").onward == "/people?done=disabled"
    assert ben.open("/").status == 303
    assert sign_in(Visitor(here), login="ben").status == 403
    page = ana.open("/people")
    assert page.says("disabled") and not any(one.action == "/people/ben/link" for one in page.forms())
    assert ana.press(page, "/people", handle="ben", role="viewer").status == 409
    headers = here.bearer(*access.RIGHTS[AccountRole.ADMINISTRATOR], name="root", person="ana")
    assert here.post("/api/v1/people/ben/enable", headers=headers).status_code == 204
    assert here.post("/api/v1/people/ben/enable", headers=headers).status_code == 409
    assert sign_in(Visitor(here), login="ben").onward == "/oncall"


# ---- Sessions --------------------------------------------------------------------------------------------------------


def test_the_page_lists_where_one_is_signed_in_and_ends_it(here: Served) -> None:
    ana, phone = Visitor(here), came_from(here, "198.51.100.9")
    phone.client.headers["user-agent"] = FIREFOX
    sign_in(ana)
    sign_in(phone)
    page = ana.open("/me/signin")
    assert page.says("Firefox on Linux") and page.says("198.51.100.9") and page.says("(this one)")
    later(here, minutes=6)
    phone.open("/")
    with here.app.database.read(SYSTEM) as tx:
        latest, _ = sessions.of_person(tx, "ana")
    assert latest.seen.source == "198.51.100.9" and latest.used_at == here.clock.now()
    ended = ana.do("/me/signin", f"/me/signin/sessions/{latest.id}/end")
    assert ended.onward == "/me/signin?done=session_off#sessions"
    assert phone.open("/").status == 303 and ana.open("/").status == 200
    sign_in(phone)
    ana.do("/me/signin", "/me/signin/sessions/end")
    assert phone.open("/").status == 303 and ana.open("/").status == 200


def test_signing_in_makes_a_new_secret_and_ends_the_session_before(here: Served) -> None:
    ana = Visitor(here, "ben")
    planted = str(ana.client.cookies[SESSION])
    ana.client.cookies.clear()
    ana.client.cookies.set(SESSION, planted, domain="tocsin.test", path="/")
    sign_in(ana)
    assert ana.client.cookies.get(SESSION, domain="tocsin.test", path="/") != planted
    with here.app.database.read(SYSTEM) as tx:
        assert sessions.signed_in(tx, planted) is None


# ---- Waiting ---------------------------------------------------------------------------------------------------------


def test_an_attacker_waits_and_the_owner_does_not(here: Served) -> None:
    known, attacker = came_from(here, "192.0.2.7"), came_from(here, "198.51.100.1")
    sign_in(known)
    known.do("/", "/signout")
    for _ in range(5):
        assert sign_in(attacker, WRONG).status == 403
    held = sign_in(attacker)  # with the right password now
    assert held.status == 429 and held.says("Too many wrong tries from here. Wait 1 s")
    assert "They do not match" not in held.html and held.form("/signin").fields["login"] == ["ana"]
    assert sign_in(came_from(here, "192.0.2.99")).status == 303, "from elsewhere nobody waits"
    neighbour = came_from(here, "198.51.100.1")
    neighbour.client.cookies = known.client.cookies
    assert sign_in(neighbour).status == 303, "nor in a browser that has signed in before"
    later(here, seconds=1)
    assert sign_in(attacker).status == 303


def test_nobody_learns_whether_an_account_exists(here: Served) -> None:
    answers = []
    for login in ("ben", "nobody-at-all"):
        visitor = came_from(here, f"203.0.113.{len(answers) + 1}")
        pages = [sign_in(visitor, WRONG, login) for _ in range(7)]
        token = re.compile(r'name="_csrf_token" value="[^"]*"|data-asked="[^"]*"')
        answers.append([(page.status, token.sub("", page.html).replace(login, "")) for page in pages])
    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [403] * 5 + [429] * 2


def test_nobody_learns_by_waiting_that_a_handle_and_an_address_are_of_one_account(here: Served) -> None:
    answers = []
    for handle, address in (("ben", "ben@rose.example"), ("nobody", "nobody@rose.example")):
        visitor = came_from(here, f"203.0.113.{len(answers) + 1}")
        answers.append([sign_in(visitor, WRONG, login).status for login in (*[handle] * 5, address)])
    assert answers[0] == answers[1]


def test_a_code_given_after_the_account_was_disabled_begins_nothing(here: Served) -> None:
    give_password(here, "ben")
    set_up(here, Visitor(here, "ben"), "ben")
    later(here, seconds=30)
    ben, ana = Visitor(here), Visitor(here, "ana")
    step = sign_in(ben, login="ben").onward
    ana.do("/people", "/people/ben/disable")
    refused = ben.do(step, "/signin/code", code=code(here, "ben"))
    assert refused.status == 403 and refused.says("disabled")
    ana.do("/people", "/people/ben/enable")
    assert ben.open("/").status == 303, "nor does it come to life with the account"


def test_a_code_given_after_a_new_password_begins_nothing(here: Served) -> None:
    give_password(here, "ben")
    ben = Visitor(here, "ben")
    set_up(here, ben, "ben")
    later(here, seconds=30)
    thief = Visitor(here)
    step = sign_in(thief, login="ben").onward
    fresh = "a longer horse battery"
    assert ben.do("/me", "/me/password", old=PASSWORD, password=fresh, again=fresh).onward == "/me?done=password"
    assert thief.open(step).onward == "/signin?next=%2Foncall"


def test_whoever_is_held_up_by_the_codes_of_others_is_told_the_ways_past_them(here: Served) -> None:
    codes = set_up(here, Visitor(here, "ana"))
    for number in range(OF_CODES):
        guesser = came_from(here, f"198.51.{number}.1")
        assert guesser.do(sign_in(guesser).onward, "/signin/code", code="000000").status == 403
    ana = came_from(here, "192.0.2.99")
    step = sign_in(ana).onward
    held = ana.do(step, "/signin/code", code="000000")
    assert held.status == 429 and held.says("a recovery code works at once")
    assert ana.do(step, "/signin/code", code=codes[0]).status == 303


def test_at_a_browser_left_open_nobody_guesses_the_password(here: Served) -> None:
    thief = Visitor(here, "ana")
    fields = {"old": WRONG, "password": "a longer horse battery", "again": "a longer horse battery"}
    answers = [thief.do("/me", "/me/password", **fields) for _ in range(7)]
    assert [one.status for one in answers] == [400] * 5 + [409] * 2
    assert answers[-1].says("Too many wrong tries from here")
    assert not any(one.action == "/people/ana/factor/remove" for one in thief.open("/people").forms())


# ---- The log ---------------------------------------------------------------------------------------------------------


def rows(page: Page) -> list[str]:
    found = re.findall(r"<tr><th scope=\"row\"[^>]*>(.*?)</tr>", page.html, re.S)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", one)).split()) for one in found]


def test_the_log_says_what_was_done_and_what_was_refused(here: Served) -> None:
    ana, erin = Visitor(here, "ana"), Visitor(here, "erin")
    for _ in range(3):
        sign_in(came_from(here, "198.51.100.1"), WRONG)
    sign_in(came_from(here, "198.51.100.1"), WRONG, "my password, typed into the wrong field")
    assert erin.open("/people").status == 403
    assert erin.send("/changes", {"what": "forged"}).status == 403
    here.get("/api/v1/plan", headers={"Authorization": "Bearer tcs_guessed"})
    here.get("/api/v1/plan")  # without any token: no attempt
    for path in (
        "/a/invented",
        "/a/page_1.invented/all",
        "/status/subscribe/manage/invented",
        "/oncall/feeds/invented",
    ):
        assert here.get(path).status_code == 404, path
    assert here.post("/in/sentry/guessed-secret", json={}).status_code == 401
    robot = here.bearer(access.PLAN_READ, name="robot")
    assert here.get("/api/v1/tokens", headers=robot).status_code == 403
    found = rows(ana.open("/audit?deed=refused"))
    assert sorted(one.split("24 Nov")[0].split("03:")[0].strip() for one in found) == sorted(
        [
            "Right missing erin /people",
            "Form of another origin refused erin /changes",
            "Link refused not known /a/{token}",
            "Link refused not known /a/{token}/all",
            "Link refused not known /status/subscribe/manage/{token}",
            "Link refused not known /oncall/feeds",
            "Token refused not known /in/sentry",
            "Token refused not known /api/v1/plan",
            "Right missing token:robot /api/v1/tokens",
            "Sign-in refused 3 times in a minute not known ana",
            "Sign-in refused not known an unknown name",
        ]
    )
    assert not any(word in ana.open("/audit").html for word in ("typed into", "invented", "guessed"))
    assert any("198.51.100.1" in one for one in found)
    ana.do("/people", "/people", handle="nina", role="viewer")
    assert rows(ana.open("/audit?deed=account.made&about=nina"))[0].startswith("Made an account ana nina viewer")
    assert ana.open("/audit?about=nobody").says("Nothing, as far as was asked for.")
    assert ana.open("/audit?since=yesterday").status == 400
    assert erin.open("/audit").status == 403 and "/audit" not in erin.open("/").html


def test_the_log_goes_on_page_after_page(here: Served) -> None:
    def write(tx: object) -> None:
        for number in range(60):
            people_commands.set_zone(tx, "ben", ("UTC", "Europe/Berlin")[number % 2])  # type: ignore[arg-type]

    here.app.database.run(SYSTEM, write)
    ana = Visitor(here, "ana")
    page = ana.open("/audit?deed=contact")
    onward = unescape(re.findall(r'href="(/audit\?[^"]*before=[^"]*)"', page.html)[0])
    assert (len(rows(page)), len(rows(ana.open(onward)))) == (50, 10)

    headers = here.bearer(access.AUDIT_READ, name="auditor")
    first = here.get("/api/v1/audit?deed=contact&limit=40", headers=headers).json()
    rest = here.get(f"/api/v1/audit?deed=contact&limit=40&cursor={first['next']}", headers=headers).json()
    assert (len(first["acts"]), len(rest["acts"]), rest["next"]) == (40, 20, None)
    assert {one["deed"] for one in rest["acts"]} == {"contact.zone_set"}
    nothing = here.get("/api/v1/audit?to=2020-01-01T00:00:00", headers=headers).json()
    assert nothing == {"acts": [], "next": None}


# ---- The same over HTTP ----------------------------------------------------------------------------------------------


def test_administrators_do_the_same_through_the_api(here: Served) -> None:
    ben = Visitor(here, "ben")
    narrow = here.bearer(access.PEOPLE_INVITE, name="invites", person="ana")
    assert here.post("/api/v1/people", json={"handle": "nina"}, headers=narrow).status_code == 403
    rights = access.RIGHTS[AccountRole.MANAGER] | {access.PEOPLE_WRITE}
    headers = here.bearer(*rights, name="root", person="ana")
    invited = here.post("/api/v1/people", json={"handle": "nina", "role": "manager"}, headers=headers)
    assert invited.status_code == 201 and "/signin/" in invited.json()["link"]
    (session,) = here.get("/api/v1/people/ben/sessions", headers=headers).json()["sessions"]
    assert here.request("DELETE", f"/api/v1/people/ben/sessions/{session['id']}", headers=headers).status_code == 204
    assert ben.open("/").status == 303
    assert here.request("DELETE", f"/api/v1/people/ben/sessions/{session['id']}", headers=headers).status_code == 404
    assert here.request("DELETE", "/api/v1/people/ben/sessions", headers=headers).status_code == 204
    assert here.request("DELETE", "/api/v1/people/nobody/sessions", headers=headers).status_code == 404
    assert here.request("DELETE", "/api/v1/people/ben/second-factor", headers=headers).status_code == 409


# ---- A manager -------------------------------------------------------------------------------------------------------


def test_a_manager_invites_and_reads_the_log_and_makes_no_token(here: Served) -> None:
    here.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "erin", role=AccountRole.MANAGER))
    erin, front = Visitor(here, "erin"), Visitor(here, "erin").open("/")
    assert all(f'href="{path}"' in front.html for path in ("/people", "/audit", "/declare"))
    assert not any(f'href="{path}"' in front.html for path in ("/tokens", "/subscribers"))
    page = erin.open("/people")
    assert page.status == 200 and 'name="role" value="viewer"' in page.html
    assert 'value="manager"' not in page.html and 'value="administrator"' not in page.html
    assert not any(one.action == "/people/ana/link" for one in page.forms())
    made = erin.press(page, "/people", handle="nina", role="responder")
    assert made.says("A link for nina")
    for fields in ({"handle": "mia", "role": "manager"}, {"handle": "ana", "role": "viewer"}):
        assert erin.press(page, "/people", **fields).status == 403
    Visitor(here, "tomas")
    assert erin.send("/people/tomas/link", page.form("/people").fields).status == 403, "tomas has come in already"
    assert erin.open("/tokens").status == 403 and erin.open("/audit").status == 200
