"""Signing out where one signed in: at the provider with us, and here when the provider says so."""

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.test_sso import CLAIMS, ROLES, answers, arrive, installed, is_in
from tests.support.provider import KEYS, Provider
from tests.support.served import Served
from tests.support.server import free_port, wait_until
from tests.support.visitor import Page, Visitor, console
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import sessions

FORM = {"content-type": "application/x-www-form-urlencoded"}
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def both(sqlite_url: str) -> Iterator[tuple[Served, Provider]]:
    with installed(sqlite_url) as found:
        yield found


def told(here: Served, token: str) -> httpx2.Response:
    """The provider's own server tells it, without a browser."""
    return here.post("/signin/sso/logout", content=f"logout_token={token}", headers=FORM)


def way_out(page: Page) -> str:
    return unescape(page.html.partition('http-equiv="refresh" content="0; url=')[2].partition('"')[0])


def sid_of(there: Provider, visitor: Visitor, person: str) -> str:
    """What the provider calls the session that this visitor begins."""
    left = visitor.open("/signin/sso").onward
    assert visitor.open(there.consent(left, person)).status == 303
    return f"sid-{left.partition('&state=')[2][:12]}"


# ---- There, with us --------------------------------------------------------------------------------------------------


def test_signing_out_here_signs_out_at_the_provider_too(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben = Visitor(here)
    arrive(ben, there, "sub-ben")
    page = ben.do("/", "/signout")
    assert page.status == 200 and page.says("You are signed out here") and not is_in(ben)
    assert ben.open(there.part(way_out(page), "sub-ben")).status == 200
    assert f'href="{way_out(page).replace("&", "&amp;")}"' in page.html


def test_whoever_came_otherwise_is_signed_out_here_alone(both: tuple[Served, Provider]) -> None:
    here, there = both
    assert Visitor(here, "ben").do("/", "/signout").onward == "/signin"
    there.elsewhere = {"end_session_endpoint": None}
    ben = Visitor(here)
    arrive(ben, there, "sub-ben")
    assert ben.do("/", "/signout").onward == "/signin" and not is_in(ben)


def test_a_provider_that_is_down_keeps_nobody_in(both: tuple[Served, Provider]) -> None:
    here, there = both
    ben = Visitor(here)
    arrive(ben, there, "sub-ben")
    here.app.sso._described = None  # it was asked long ago
    there.is_down = True
    assert ben.do("/", "/signout").onward == "/signin" and not is_in(ben)


def test_the_proof_that_is_kept_for_it_stands_sealed(both: tuple[Served, Provider]) -> None:
    here, there = both
    arrive(Visitor(here), there, "sub-ben")
    with here.app.database.read(SYSTEM) as tx:
        (kept,) = [row.id_token for row in tx.all(sessions.table.select()) if row.id_token]
    assert kept.startswith("sealed:") and "eyJ" not in kept


# ---- Here, by the provider's word ------------------------------------------------------------------------------------


def test_the_provider_ends_one_session_or_all_that_were_begun_by_its_word(both: tuple[Served, Provider]) -> None:
    here, there = both
    laptop, phone, by_link, other = Visitor(here), Visitor(here), Visitor(here, "ben"), Visitor(here)
    sid = sid_of(there, laptop, "sub-ben")
    sid_of(there, phone, "sub-ben")
    sid_of(there, other, "sub-ana")
    heard = told(here, there.logout_token(sid=sid))
    assert (heard.status_code, heard.content, heard.headers["cache-control"]) == (200, b"", "no-store")
    assert not is_in(laptop) and is_in(phone) and is_in(other)
    answer = told(here, there.logout_token(sub="sub-ben"))
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert not is_in(phone) and is_in(by_link) and is_in(other)
    assert told(here, there.logout_token(sub="sub-nobody")).status_code == 200
    assert told(here, there.logout_token(sub="sub-ben", sid="sid-nobody")).status_code == 200 and is_in(other)
    with here.app.database.read(SYSTEM) as tx:
        found = audit.listing(tx, Filter(deed=Deed.SESSION_ENDED), limit=9)
    assert [(one.about, one.detail) for one in found] == [("ben", "1 ended, signed out at the provider")] * 2


LIES: list[dict[str, Any]] = [
    {"iss": "https://id.example.org"},
    {"aud": "somebody else"},
    {"events": None},
    {"events": {}},
    {"events": {EVENT: True}},
    {"nonce": "n"},
    {"jti": None},
    {"jti": 7},
    {"iat": None},
    {"iat": 1_000_000_000},
    {"exp": 1_000_000_000},
    {"sub": None},
    {"sub": ["sub-ana"]},
]


def test_a_word_that_is_not_the_providers_ends_nothing(both: tuple[Served, Provider]) -> None:
    here, there = both
    ana = Visitor(here)
    arrive(ana, there, "sub-ana")
    for lie in LIES:
        answer = told(here, there.logout_token(**{"sub": "sub-ana", **lie}))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), lie
    asked = {"nonce": "n", "state": "s" * 43}
    id_token = there.signed(asked, "sub-ana")  # proves who somebody is, and not that they left
    there.key = KEYS[2]
    by_other_key = there.logout_token(sub="sub-ana")
    for text in (id_token, by_other_key, "", "x.y.z", "e30.e30."):
        assert told(here, text).status_code == 400
    assert is_in(ana)
    here.app.keep_refusals()
    with here.app.database.read(SYSTEM) as tx:
        refused = audit.listing(tx, Filter(deed=Deed.SIGN_IN_REFUSED), limit=9)
    assert [(one.about, one.count) for one in refused] == [("the provider", len(LIES) + 5)]


def test_a_word_that_is_not_the_providers_writes_no_line_of_its_own_into_the_log(
    both: tuple[Served, Provider], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = both
    head = urlsafe_b64encode(json.dumps({"alg": "x\n2026-11-24 CRITICAL tocsin: all is lost\x1b[2J"}).encode()).decode()
    assert told(here, f"{head.rstrip('=')}.e30.AA").status_code == 400
    assert "all is lost" in caplog.text
    assert not any("\n" in line or "\x1b" in line for line in caplog.messages)


def test_it_tells_each_once_so_that_nobody_repeats_it(both: tuple[Served, Provider]) -> None:
    here, there = both
    ana = Visitor(here)
    arrive(ana, there, "sub-ana")
    said = there.logout_token(sub="sub-ana")
    assert told(here, said).status_code == 200 and not is_in(ana)
    arrive(ana, there, "sub-ana")
    assert told(here, said).status_code == 400 and is_in(ana)


# ---- A provider that others wrote ------------------------------------------------------------------------------------


def test_a_provider_that_others_wrote_signs_out_and_sends_back(sqlite_url: str, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(base_url=url, trust_env=False) as browser:
            wait_until(lambda: answers(browser), what="the provider's first answer")
            assert browser.put("/users/b3n", json=CLAIMS["sub-ben"]).is_success
            more = {"sso_issuer": url, "sso_client_id": "tocsin", "sso_client_secret": "s3cret"}
            with console(sqlite_url, sso_roles=ROLES, **more) as here:
                here.app.sso.now = SystemClock().now
                ben = Visitor(here)
                agreed = browser.post(ben.open("/signin/sso").onward, data={"sub": "b3n"})
                assert ben.open(agreed.headers["location"].removeprefix("https://tocsin.example.org")).status == 303
                asked = way_out(ben.do("/", "/signout"))
                assert asked.startswith(f"{url}/oauth2/end_session?") and browser.get(asked).is_success
                done = browser.post(
                    "/oauth2/end_session/confirm",
                    data={"redirect_uri": httpx2.URL(asked).params["post_logout_redirect_uri"]},
                )
                assert done.headers["location"] == "https://tocsin.example.org/signin" and not is_in(ben)
    finally:
        process.terminate()
        process.wait()
