"""Single sign-on: whom the provider vouches for comes in, and nobody else does, however good the forgery."""

import base64
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.support.provider import CLIENT, KEYS, SECRET, Provider, providing
from tests.support.served import START, Served
from tests.support.server import free_port, wait_until
from tests.support.visitor import PASSWORD, Page, Visitor, console
from tocsin.audit import store as audit
from tocsin.audit.model import Filter
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.allowance import Allowance
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import TocsinError
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.sso import commands
from tocsin.sso.model import Somebody, handle_for

BACK = "https://tocsin.example.org/signin/sso/back"
CLAIMS: dict[str, dict[str, Any]] = {
    "sub-ana": {"email": "Ana@rose.example", "email_verified": True, "groups": ["admins"]},
    "sub-ben": {"email": "ben@rose.example", "email_verified": True, "groups": ["oncall"]},
    "sub-zoe": {
        "email": "zoe@rose.example",
        "email_verified": True,
        "groups": ["oncall", "others"],
        "name": "Zoë Q",
        "preferred_username": "Zoe.Q@rose.example",
    },
}
ROLES = "oncall=responder, admins=administrator"
OPERATOR = Actor("operator", ActorKind.PERSON, frozenset({"*"}))

Open = Callable[..., AbstractContextManager[tuple[Served, Provider]]]


@contextmanager
def installed(sqlite_url: str, **settings: Any) -> Iterator[tuple[Served, Provider]]:
    with providing(BACK, START) as there:
        there.people = {subject: dict(claims) for subject, claims in CLAIMS.items()}
        more = {"sso_roles": ROLES, "sso_name": "Rose ID", "sso_client_secret": SECRET, **settings}
        with console(sqlite_url, sso_issuer=there.url, sso_client_id=CLIENT, **more) as here:
            yield here, there


@pytest.fixture
def opened(sqlite_url: str) -> Open:
    return partial(installed, sqlite_url)


@pytest.fixture
def both(opened: Open) -> Iterator[tuple[Served, Provider]]:
    with opened() as found:
        yield found


def arrive(visitor: Visitor, there: Provider, person: str, onward: str = "/oncall") -> Page:
    """Go to the provider, agree there, and come back."""
    left = visitor.open(f"/signin/sso?next={onward}")
    assert left.status == 303, left.html
    return visitor.open(there.consent(left.onward, person))


def account(here: Served, handle: str) -> Any:
    with here.app.database.read(SYSTEM) as tx:
        return people.load_person(tx, handle)


def is_in(visitor: Visitor) -> bool:
    return visitor.open("/me").status == 200


# ---- Coming in -------------------------------------------------------------------------------------------------------


def test_somebody_is_found_by_their_address_once_and_known_by_their_subject_after(
    both: tuple[Served, Provider],
) -> None:
    here, there = both
    ben = Visitor(here)
    page = ben.open("/signin?next=/oncall")
    assert page.says("Sign in with Rose ID") and 'href="/signin/sso?next=/oncall"' in page.html
    back = arrive(ben, there, "sub-ben")
    assert (back.status, back.onward) == (303, "/oncall") and ben.open("/oncall").says("Ben")
    there.people["sub-ben"] |= {"email": "ana@rose.example"}  # a new name at the provider is no other account
    again = Visitor(here)
    assert arrive(again, there, "sub-ben").status == 303
    assert again.open("/me").says("ben") and account(here, "ben").role is AccountRole.RESPONDER


def test_whoever_is_unknown_gets_an_account_with_the_role_of_their_groups(both: tuple[Served, Provider]) -> None:
    here, there = both
    assert arrive(Visitor(here), there, "sub-zoe").status == 303
    made = account(here, "zoe.q")
    assert (made.name, made.email, made.role) == ("Zoë Q", "zoe@rose.example", AccountRole.RESPONDER)
    assert not made.has_password


def test_an_account_is_made_only_where_the_settings_say_so(opened: Open) -> None:
    with opened(sso_known_only=True) as (here, there):
        refused = arrive(Visitor(here), there, "sub-zoe")
        assert refused.status == 403 and refused.says("You have no account here")
        assert arrive(Visitor(here), there, "sub-ben").status == 303


def test_roles_follow_the_groups_and_no_group_lets_nobody_in(both: tuple[Served, Provider]) -> None:
    here, there = both
    there.people["sub-ben"]["groups"] = ["admins", "oncall"]
    arrive(Visitor(here), there, "sub-ben")
    assert account(here, "ben").role is AccountRole.ADMINISTRATOR
    hashed = people_commands.password_hash(PASSWORD)
    here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ana", hashed))
    there.people["sub-ben"]["groups"] = "oncall"
    arrive(Visitor(here), there, "sub-ben")
    assert account(here, "ben").role is AccountRole.RESPONDER
    there.people["sub-ben"]["groups"] = ["others", 7]
    stranger = Visitor(here)
    assert arrive(stranger, there, "sub-ben").says("nothing there says that you may come in")
    assert not is_in(stranger)


def test_whoever_no_group_lets_in_any_more_is_out_of_what_they_began_there(both: tuple[Served, Provider]) -> None:
    here, there = both
    before, by_link = Visitor(here), Visitor(here, "ben")
    arrive(before, there, "sub-ben")
    assert is_in(before)
    there.people["sub-ben"]["groups"] = ["others"]
    assert arrive(Visitor(here), there, "sub-ben").status == 403
    assert not is_in(before)
    assert is_in(by_link), "what was begun otherwise is not the provider's to end"


def test_the_last_administrator_stays_one(both: tuple[Served, Provider]) -> None:
    here, there = both
    there.people["sub-ana"]["groups"] = ["oncall"]
    assert arrive(Visitor(here), there, "sub-ana").status == 303
    assert account(here, "ana").role is AccountRole.ADMINISTRATOR


def test_an_address_that_the_provider_does_not_know_to_be_theirs_opens_no_account(
    both: tuple[Served, Provider],
) -> None:
    here, there = both
    for verified in (False, None, "yes", 1):
        there.people["mallory"] = {"email": "ana@rose.example", "email_verified": verified, "groups": ["oncall"]}
        stranger = Visitor(here)
        assert arrive(stranger, there, "mallory").status == 403 and not is_in(stranger)


def test_an_account_belongs_to_one_person_at_the_provider_until_it_is_unlinked(both: tuple[Served, Provider]) -> None:
    here, there = both
    assert arrive(Visitor(here), there, "sub-ben").status == 303
    there.people["other"] = CLAIMS["sub-ben"]
    assert arrive(Visitor(here), there, "other").says("belongs to somebody else at the provider")
    here.app.database.run(OPERATOR, lambda tx: commands.unlink(tx, "ben"))
    assert arrive(Visitor(here), there, "other").status == 303


def test_a_disabled_account_stays_shut(both: tuple[Served, Provider]) -> None:
    here, there = both
    here.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "ben", disabled_at=tx.now))
    assert arrive(Visitor(here), there, "sub-ben").says("Your account is switched off")


def test_what_the_id_token_leaves_out_is_asked_for(both: tuple[Served, Provider]) -> None:
    here, there = both
    there.otherwise = {"groups": None}
    there.told = {"groups": ["oncall"], "iss": "elsewhere"}
    assert arrive(Visitor(here), there, "sub-ben").status == 303
    there.told = {"groups": ["admins"], "sub": "sub-ana"}
    assert arrive(Visitor(here), there, "sub-ben").says("tells of somebody else")


@pytest.mark.parametrize("methods", [["client_secret_basic", "client_secret_post"], ["client_secret_post"]])
def test_the_secret_is_shown_as_the_provider_wants_it(both: tuple[Served, Provider], methods: list[str]) -> None:
    here, there = both
    there.elsewhere = {"token_endpoint_auth_methods_supported": methods[-1:] if len(methods) == 1 else methods[:1]}
    assert arrive(Visitor(here), there, "sub-ben").status == 303


# ---- Forgeries -------------------------------------------------------------------------------------------------------


def unsigned(provider: Provider, claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."


def by_shown_key(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed with the public key as if it were a shared secret."""
    parts = ({"alg": "HS256", "kid": "key-0"}, claims)
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    proof = hmac.new(KEYS[0].as_pem(private=False), signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"


def by_client_secret(provider: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 2))


def by_other_key(provider: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "key-0"}, claims, KEYS[2])


def by_own_key(provider: Provider, claims: dict[str, Any]) -> str:
    """It brings the key along that it is to be checked with."""
    shown = KEYS[2].as_dict(private=False)
    return jwt.encode({"alg": "RS256", "jwk": shown}, claims, KEYS[2])


@pytest.mark.parametrize("forge", [unsigned, by_shown_key, by_client_secret, by_other_key, by_own_key])
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_forged_signature_lets_nobody_in(
    both: tuple[Served, Provider], forge: Callable[[Provider, dict[str, Any]], str]
) -> None:
    here, there = both
    stranger = Visitor(here)
    left = stranger.open("/signin/sso")
    back = there.consent(left.onward, "sub-ana")
    asked, _ = next(iter(there.codes.values()))
    true = there.signed(asked, "sub-ana")
    claims = jwt.decode(true, KEYS[0], algorithms=["RS256"]).claims
    there.forged = forge(there, dict(claims))
    refused = stranger.open(back)
    assert refused.status == 403 and not is_in(stranger), refused.html
    assert "Error" not in refused.html and (refused.says("Begin again") or refused.says("does not show")), refused.html
    there.forged = ""
    assert arrive(stranger, there, "sub-ana").status == 303  # and the same without the forgery does


AT = int(START.timestamp())


LIES: list[tuple[dict[str, Any], str]] = [
    ({"nonce": "another"}, "answers another request"),
    ({"nonce": None}, "answers another request"),
    ({"iss": "https://id.example.org"}, "another issuer"),
    ({"iss": None}, "another issuer"),
    ({"aud": "another client"}, "meant for somebody else"),
    ({"aud": ["another client"]}, "meant for somebody else"),
    ({"aud": None}, "meant for somebody else"),
    ({"aud": [CLIENT, "another"]}, "given to somebody else"),
    ({"aud": [CLIENT, "another"], "azp": "another"}, "given to somebody else"),
    ({"azp": "another"}, "given to somebody else"),
    ({"exp": AT - 61}, "expired"),
    ({"exp": None}, "expired"),
    ({"exp": "tomorrow"}, "expired"),
    ({"exp": True}, "expired"),
    ({"iat": AT + 61}, "from the future"),
    ({"iat": None}, "from the future"),
    ({"nbf": AT + 61}, "does not hold yet"),
    ({"sub": ""}, "whom it is about"),
    ({"sub": None}, "whom it is about"),
    ({"sub": 7}, "whom it is about"),
]


def test_a_proof_that_says_something_else_lets_nobody_in(both: tuple[Served, Provider]) -> None:
    here, there = both
    here.app.sso_askers = Allowance(each=1000, overall=1000)
    for claims, words in LIES:
        stranger, there.otherwise = Visitor(here), claims
        refused = arrive(stranger, there, "sub-ana")
        assert refused.status == 403 and refused.says(words), (claims, refused.html)
        assert not is_in(stranger)


@pytest.mark.parametrize("claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "x"], "azp": CLIENT}, {"exp": AT - 59}])
def test_what_is_unusual_and_right_is_believed(both: tuple[Served, Provider], claims: dict[str, Any]) -> None:
    here, there = both
    there.otherwise = claims
    assert arrive(Visitor(here), there, "sub-ana").status == 303


def test_an_answer_comes_back_once_to_the_browser_that_began(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben, left = Visitor(here), None
    left = ben.open("/signin/sso")
    back = there.consent(left.onward, "sub-ben")
    cookie = ben.client.cookies["__Host-tocsin_sso"]
    other = Visitor(here)
    assert other.open(back).says("begun in another browser")
    assert ben.open(back.replace("state=", "state=x")).says("belongs to another sign-in")
    ben.client.cookies.set("__Host-tocsin_sso", cookie)
    assert ben.open(back).status == 303
    ben.client.cookies.set("__Host-tocsin_sso", cookie)
    assert ben.open(back).says("has come back already")
    forged = Visitor(here)
    forged.client.cookies.set("__Host-tocsin_sso", cookie[:-1] + ("0" if cookie[-1] != "0" else "1"))
    assert forged.open(back).says("begun in another browser")


def test_a_code_is_good_once_and_for_whoever_began(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben, mallory = Visitor(here), Visitor(here)
    back = there.consent(ben.open("/signin/sso").onward, "sub-ben")
    code = back.partition("code=")[2].partition("&")[0]
    own = there.consent(mallory.open("/signin/sso").onward, "sub-zoe")
    stolen = own.replace(own.partition("code=")[2].partition("&")[0], code)
    assert mallory.open(stolen).says("takes this sign-in back (invalid_grant)") and not is_in(mallory)
    assert ben.open(back).status == 403  # the provider gave it away once


def test_an_attempt_does_not_last(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben = Visitor(here)
    back = there.consent(ben.open("/signin/sso").onward, "sub-ben")
    here.clock.advance_to(START + timedelta(minutes=10))
    assert ben.open(back).says("took too long")


def test_who_answers_is_who_was_asked(both: tuple[Served, Provider]) -> None:
    here, there = both
    there.elsewhere = {"authorization_response_iss_parameter_supported": True}
    ben = Visitor(here)
    back = there.consent(ben.open("/signin/sso").onward, "sub-ben")
    assert ben.open(f"{back}&iss=https://mallory.example").says("another provider")
    back = there.consent(ben.open("/signin/sso").onward, "sub-ben")
    assert ben.open(back).says("another provider")
    back = there.consent(ben.open("/signin/sso").onward, "sub-ben")
    assert ben.open(f"{back}&iss={there.url}").status == 303


def test_whoever_is_refused_there_reads_so_and_nothing_of_what_was_sent(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben = Visitor(here)
    state = there.consent(ben.open("/signin/sso").onward, "sub-ben").partition("state=")[2]
    refused = ben.open(f"/signin/sso/back?error=access_denied&error_description=<b>call+me</b>&state={state}")
    assert refused.status == 403 and refused.says("did not let you in") and "call" not in refused.html


@pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "/\\evil.example", "/%09/evil.example"])
def test_nobody_is_sent_to_another_site(both: tuple[Served, Provider], onward: str) -> None:
    here, there = both
    assert arrive(Visitor(here), there, "sub-ben", onward).onward == "/"
    assert "evil" not in Visitor(here).open(f"/signin?next={onward}").html


# ---- Keys, and a provider that is down -------------------------------------------------------------------------------


def test_a_new_key_is_learned_at_once_and_asked_for_no_more_than_once_a_minute(both: tuple[Served, Provider]) -> None:
    here, there = both
    assert arrive(Visitor(here), there, "sub-ben").status == 303
    there.key, there.shown = KEYS[1], [KEYS[1]]
    here.clock.advance_to(START + timedelta(seconds=61))
    assert arrive(Visitor(here), there, "sub-ben").status == 303
    assert there.asked["/keys"] == 2 and there.asked["/.well-known/openid-configuration"] == 1
    there.key = KEYS[2]
    for _ in range(3):
        assert arrive(Visitor(here), there, "sub-ben").status == 403
    assert there.asked["/keys"] == 2
    here.clock.advance_to(START + timedelta(seconds=122))
    there.shown = [KEYS[1], KEYS[2]]
    assert arrive(Visitor(here), there, "sub-ben").status == 303
    here.clock.advance_to(START + timedelta(hours=2))
    there.now = here.clock.now()
    arrive(Visitor(here), there, "sub-ben")
    assert there.asked["/.well-known/openid-configuration"] == 2


def test_whoever_comes_in_once_more_leaves_no_session_behind(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben = Visitor(here)
    for _ in range(2):
        arrive(ben, there, "sub-ben")
    with here.app.database.read(SYSTEM) as tx:
        assert len(sessions.of_person(tx, "ben")) == 1


def test_while_the_provider_is_down_passwords_go_on_working(both: tuple[Served, Provider]) -> None:
    here, there = both
    there.is_down = True
    hashed = people_commands.password_hash(PASSWORD)
    here.app.database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ben", hashed))
    ben = Visitor(here)
    down = ben.open("/signin/sso?next=/oncall")
    assert down.status == 503 and down.says("Rose ID does not answer now")
    assert ben.do("/signin", "/signin", login="ben", password=PASSWORD).status == 303 and is_in(ben)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"issuer": "https://id.example.org"}, "calls itself otherwise"),
        ({"token_endpoint": "file:///etc/passwd"}, "no usable token_endpoint"),
        ({"jwks_uri": 7}, "no usable jwks_uri"),
        ({"authorization_endpoint": "http://[id/authorize"}, "no usable authorization_endpoint"),
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    both: tuple[Served, Provider], described: dict[str, Any], words: str
) -> None:
    here, there = both
    there.elsewhere = described
    assert Visitor(here).open("/signin/sso").says(words)


def test_too_many_sign_ins_from_one_place_wait(both: tuple[Served, Provider]) -> None:
    here, _ = both
    answers = [Visitor(here).open("/signin/sso").status for _ in range(21)]
    assert answers == [303] * 20 + [503]


# ---- Settings --------------------------------------------------------------------------------------------------------


def test_where_passwords_are_off_only_an_administrator_has_one_and_links_still_open(opened: Open) -> None:
    with opened(sso_only=True) as (here, _):
        hashed = people_commands.password_hash(PASSWORD)
        with here.app.database.work(SYSTEM) as tx:
            for handle in ("ana", "ben"):
                people.set_password_hash(tx, handle, hashed)
        ana, ben = Visitor(here), Visitor(here)
        assert ana.do("/signin", "/signin", login="ana", password=PASSWORD).status == 303 and is_in(ana)
        refused = ben.do("/signin", "/signin", login="ben", password=PASSWORD)
        assert refused.status == 403 and refused.says("Passwords are for administrators here") and not is_in(ben)
        assert "They do not match" not in refused.html, "the password was right"
        link = here.app.database.run(SYSTEM, lambda tx: sessions.issue_link(tx, "ben"))
        assert ben.do(f"/signin/{link}", f"/signin/{link}").status == 303 and is_in(ben)


def test_a_provider_that_others_wrote_vouches_for_somebody(sqlite_url: str, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(base_url=url, trust_env=False) as browser:
            wait_until(lambda: answers(browser), what="the provider's first answer")
            claims = {"email": "ben@rose.example", "email_verified": True, "groups": ["oncall"]}
            assert browser.put("/users/b3n", json=claims).is_success
            more = {"sso_issuer": url, "sso_client_id": "tocsin", "sso_client_secret": "s3cret"}
            with console(sqlite_url, sso_roles=ROLES, **more) as here:
                # Its tokens are of this very moment, and so must we be.
                here.app.sso.now = SystemClock().now
                ben = Visitor(here)
                agreed = browser.post(ben.open("/signin/sso?next=/oncall").onward, data={"sub": "b3n"})
                back = ben.open(agreed.headers["location"].removeprefix("https://tocsin.example.org"))
                assert (back.status, back.onward) == (303, "/oncall"), back.html
                assert ben.open("/oncall").says("Ben")
    finally:
        process.terminate()
        process.wait()


def answers(browser: httpx2.Client) -> bool:
    try:
        return browser.get("/.well-known/openid-configuration").is_success
    except httpx2.TransportError:
        return False


def test_without_settings_there_is_no_single_sign_on(sqlite_url: str) -> None:
    with console(sqlite_url) as here:
        stranger = Visitor(here)
        assert stranger.open("/signin/sso").status == stranger.open("/signin/sso/back?code=1").status == 404
        assert "/signin/sso" not in stranger.open("/signin").html


@pytest.mark.parametrize(
    ("username", "email", "handle"),
    [
        ("Zoe.Q", "", "zoe.q"),
        ("", "Ana@x.example", "ana2"),
        ("7up", "", "p-7up"),
        ("…", "", "p"),
        ("x" * 60, "", "x" * 36),
    ],
)
def test_a_handle_is_made_of_what_they_are_called(username: str, email: str, handle: str) -> None:
    who = Somebody(issuer="i", subject="s", username=username, claimed_email=email)
    assert handle_for(who, {"ana", "ben"}) == handle


def test_only_whoever_may_change_people_unlinks(both: tuple[Served, Provider]) -> None:
    here, _ = both
    erin = Actor("erin", ActorKind.PERSON, frozenset())
    with pytest.raises(TocsinError):
        here.app.database.run(erin, lambda tx: commands.unlink(tx, "ben"))


def test_an_administrator_unlinks_and_locks_nobody_out(both: tuple[Served, Provider]) -> None:
    here, there = both
    page, mine = "/people", "/people/ana/unlink"
    ana, ben = Visitor(here), Visitor(here)
    for visitor, subject in ((ana, "sub-ana"), (ben, "sub-ben")):
        assert arrive(visitor, there, subject).status == 303
    assert [one.action for one in ana.open(page).forms() if one.action.endswith("/unlink")] == [
        mine,
        "/people/ben/unlink",
    ]
    done = ana.do(page, "/people/ben/unlink").answer.headers["location"]
    assert ana.open(done).says("nobody's at the provider now")
    assert ana.do(page, mine).says("how you come in yourself")

    api = here.bearer(*access.RIGHTS[AccountRole.ADMINISTRATOR], name="root")
    address = "/api/v1/people/{}/single-sign-on"
    assert here.request("DELETE", address.format("ben"), headers=api).status_code == 404
    refused = here.request("DELETE", address.format("ana"), headers=api)
    assert refused.status_code == 409 and "No other administrator could come in" in refused.json()["detail"]
    with here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "erin", role=AccountRole.ADMINISTRATOR)
        people.set_password_hash(tx, "erin", "$argon2id$of erin")
    assert here.request("DELETE", address.format("ana"), headers=api).status_code == 204
    with here.app.database.read(SYSTEM) as tx:
        lines = audit.listing(tx, Filter(deed="account.unlinked"), limit=9)
    assert [(one.actor, one.about) for one in lines] == [("token:root", "ana"), ("ana", "ben")]
