"""What the door decides by itself: codes, waiting, known browsers, challenges, and how refusals are gathered."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.audit.model import SUBJECTS, WORDS, Deed
from tocsin.audit.refusals import MANY, MOST_AT_ONCE, Refusals
from tocsin.door import limits, passkeys, totp
from tocsin.door.model import Passkey
from tocsin.door.passkeys import NotProven, place
from tocsin.kit.actor import Actor, ActorKind
from tocsin.people import access
from tocsin.people.model import Account, AccountRole

NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
RFC_6238 = base64.b32encode(b"12345678901234567890").decode()


# ---- Codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_at(RFC_6238, at) == code
    assert totp.step_of(RFC_6238, code, at) == seconds // 30


@pytest.mark.parametrize(("late", "good"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_clock_may_be_off_by_a_step(late: int, good: bool) -> None:
    secret = totp.new_secret()
    found = totp.step_of(secret, totp.code_at(secret, NOW), NOW + timedelta(seconds=late))
    assert (found == int(NOW.timestamp()) // 30) is good


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "\x00"])
def test_what_is_no_code_is_refused_and_never_a_mistake_of_ours(typed: str) -> None:
    assert totp.step_of(totp.new_secret(), totp.plain(typed), NOW) is None
    assert totp.step_of("", totp.plain(typed), NOW) is None


def test_an_app_is_told_the_secret_and_whose_it_is() -> None:
    secret = totp.new_secret()
    address = totp.address(secret, "ana", "tocsin.example.org")
    assert address.startswith("otpauth://totp/Tocsin:ana%40tocsin.example.org?")
    assert f"secret={secret}" in address and "issuer=Tocsin" in address
    assert len(base64.b32decode(secret)) == 20


def test_recovery_codes_differ_and_are_typed_as_people_type() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert totp.is_recovery_code(code) and totp.is_recovery_code(code.upper().replace("-", " "))
        assert totp.plain(code.upper()) == totp.plain(code)
    assert not totp.is_recovery_code("123456")


# ---- Waiting ---------------------------------------------------------------------------------------------------------


def test_nobody_waits_for_a_slip_and_a_guesser_waits_ever_longer() -> None:
    waits = [limits.wait(failures, limits.OF_ONE) for failures in range(20)]
    assert waits[: limits.OF_ONE] == [timedelta(0)] * limits.OF_ONE
    assert waits == sorted(waits)
    assert waits[limits.OF_ONE] == timedelta(seconds=1)
    assert waits[-1] == limits.wait(10**9, limits.OF_ONE) == limits.LONGEST


def test_tries_from_elsewhere_and_of_a_known_browser_are_counted_apart() -> None:
    def names(*about: str) -> set[str]:
        return {one.name for one in limits.code_keys(*about)}

    here, elsewhere = names("ana", "192.0.2.7", ""), names("ana", "198.51.100.1", "")
    assert {one.partition(":")[0] for one in here & elsewhere} == {"codes"}
    assert not names("ana", "192.0.2.7", "known") & (here | elsewhere)
    assert not {one.name for one in limits.keys("ana", "192.0.2.7", "")} & {
        one.name for one in limits.keys("ana", "198.51.100.1", "")
    }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("", "", True),
    ],
)
def test_a_household_counts_once(one: str, other: str, same: bool) -> None:
    assert (limits.network(one) == limits.network(other)) is same


def test_a_browser_is_known_for_its_own_person_and_by_our_seal_alone() -> None:
    cookie = limits.device_cookie("key", "ana")
    assert limits.device_of("key", cookie, "ana")
    assert limits.device_of("key", cookie, "ben") == ""
    assert limits.device_of("another key", cookie, "ana") == ""
    for forged in ("", "ana", "ana::", cookie + "0", cookie.replace("ana", "ben"), "ana:x:é"):
        assert limits.device_of("key", forged, "ana") == limits.device_of("key", forged, "ben") == ""


# ---- Passkeys --------------------------------------------------------------------------------------------------------

HERE = place("https://tocsin.example.org")
KNOWN = Passkey(
    id="pky_1",
    handle="ana",
    name="laptop",
    credential="AAAA",
    public_key=base64.urlsafe_b64encode(b"no key").decode().rstrip("="),
    uses=0,
    transports=(),
    made_at=NOW,
    used_at=None,
)


@pytest.mark.parametrize(
    ("url", "has"),
    [
        ("https://tocsin.example.org", True),
        ("http://localhost:8000", True),
        ("http://tocsin.example.org", False),
        ("http://127.0.0.1:8000", False),
        ("https://192.0.2.7", False),
        ("https://[2001:db8::1]", False),
    ],
)
def test_passkeys_are_offered_where_browsers_make_them(url: str, has: bool) -> None:
    assert place(url).has_passkeys is has


def test_a_challenge_is_good_for_its_purpose_for_ten_minutes_and_only_as_it_was_made() -> None:
    made = passkeys.challenge("key", "sign in", NOW)
    late = NOW + passkeys.GOOD_FOR
    assert passkeys.challenge_ends_at("key", "sign in", made, NOW) == late
    for purpose, shown, at in (
        ("register ana", made, NOW),
        ("sign in", made, late),
        ("sign in", made + "0", NOW),
        ("sign in", made.replace(".", ".9", 1), NOW),
        ("sign in", "", NOW),
    ):
        with pytest.raises(NotProven):
            passkeys.challenge_ends_at("key", purpose, shown, at)


def test_what_is_asked_names_this_place_and_wants_a_person() -> None:
    asked = json.loads(passkeys.to_register(HERE, "ana", "Ana", [KNOWN], "challenge"))
    assert asked["rp"]["id"] == "tocsin.example.org"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert [one["id"] for one in asked["excludeCredentials"]] == ["AAAA"]
    shown = json.loads(passkeys.to_sign_in(HERE, "challenge"))
    assert shown["userVerification"] == "required" and not shown.get("allowCredentials")


def _answer(**response: str) -> str:
    told = base64.urlsafe_b64encode(json.dumps({"challenge": "YQ", "type": "webauthn.get"}).encode()).decode()
    return json.dumps(
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": told, **response}}
    )


BROKEN = st.one_of(
    st.text(max_size=50),
    st.builds(
        lambda one, other: _answer(authenticatorData=one, signature=other),
        st.text(alphabet="AQw_-8g", max_size=80),
        st.text(max_size=9),
    ),
    st.builds(lambda one: _answer(attestationObject=one), st.text(alphabet="AQo2Nw_-8g", max_size=80)),
)


@given(BROKEN)
def test_whatever_a_stranger_sends_is_refused_by_name(sent: str) -> None:
    for refuse in (
        lambda: passkeys.registered(HERE, sent, "challenge"),
        lambda: passkeys.proven(HERE, sent, "challenge", KNOWN),
    ):
        with pytest.raises(NotProven):
            refuse()
    for read in (passkeys.challenge_in, passkeys.credential_of):
        with suppress(NotProven):
            assert isinstance(read(sent), str)


# ---- Refusals --------------------------------------------------------------------------------------------------------


def test_refusals_are_gathered_by_what_who_and_where() -> None:
    found = Refusals()
    for _ in range(1000):
        found.note(Deed.SIGN_IN_REFUSED, NOW, about="ana", source="192.0.2.7")
    found.note(Deed.SIGN_IN_REFUSED, NOW, about="ana", source="192.0.2.8")
    first, second = found.take()
    assert (first.count, first.source, second.count) == (1000, "192.0.2.7", 1)
    assert found.take() == []
    found.put_back([first])
    found.note(Deed.SIGN_IN_REFUSED, NOW + timedelta(seconds=9), about="ana", source="192.0.2.7")
    assert [(one.count, one.at) for one in found.take()] == [(1001, NOW)]


def test_strangers_from_everywhere_fill_nothing() -> None:
    found = Refusals()
    for place_ in range(5000):
        found.note(Deed.TOKEN_REFUSED, NOW, source=f"192.0.2.{place_}")
    lines = found.take()
    assert len(lines) == MOST_AT_ONCE + 1
    assert sum(one.count for one in lines) == 5000
    assert lines[-1].source == MANY


def test_what_is_gathered_is_short_and_plain() -> None:
    found = Refusals()
    found.note(Deed.TOKEN_REFUSED, NOW, about="x" * 10_000, source="a\x00\x1b[31mb\n")
    (line,) = found.take()
    assert len(line.about) <= 200 and line.source.isprintable()


def test_every_deed_has_its_words_and_its_subject() -> None:
    assert set(WORDS) == set(Deed)
    assert len(set(WORDS.values())) == len(Deed)
    assert {one.subject for one in Deed} == set(SUBJECTS)


# ---- Who may what ----------------------------------------------------------------------------------------------------


def test_each_role_may_all_that_the_one_before_may() -> None:
    viewer, responder, manager = (
        access.RIGHTS[one] for one in (AccountRole.VIEWER, AccountRole.RESPONDER, AccountRole.MANAGER)
    )
    assert viewer < responder < manager
    assert manager - responder == {access.WAIVE, access.ONCALL_WRITE, access.PEOPLE_INVITE, access.AUDIT_READ}


def account(role: AccountRole, *, has_come: bool = False) -> Account:
    return Account(
        handle="x",
        name="X",
        email=None,
        role=role,
        has_password=False,
        created_at=NOW,
        signed_in_at=NOW if has_come else None,
    )


@pytest.mark.parametrize("has_come", [False, True])
@pytest.mark.parametrize("known", [None, *AccountRole])
@pytest.mark.parametrize("role", list(AccountRole))
def test_a_manager_brings_in_viewers_and_responders_and_opens_nobodys_account(
    role: AccountRole, known: AccountRole | None, has_come: bool
) -> None:
    below = (AccountRole.VIEWER, AccountRole.RESPONDER)
    one = account(known, has_come=has_come) if known else None
    manager = access.person(account(AccountRole.MANAGER))
    assert access.may_invite(manager, role, one) is (
        role in below and (known is None or (known in below and not has_come))
    )
    assert access.may_invite(access.person(account(AccountRole.ADMINISTRATOR)), role, one)
    assert not access.may_invite(access.person(account(AccountRole.RESPONDER)), role, one)


def test_an_address_makes_no_other_actor() -> None:
    assert Actor("ana", ActorKind.PERSON, frozenset(), "192.0.2.7") == Actor("ana", ActorKind.PERSON, frozenset())
