"""Words for spans of time, names for rows, the clock, and what an installation sets."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import settings
from tocsin.kit import ids, text
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock, SystemClock, from_millis, to_millis
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, Refused
from tocsin.kit.later import later

# ---- Spans of time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("15 min", 900),
        ("15min", 900),
        (" 1 h 30 min ", 5400),
        ("1 week", 604800),
        ("2 Days", 172800),
        ("90 s", 90),
        ("1 h 1 h", 7200),
    ],
)
def test_a_span_is_read_as_people_write_it(words: str, seconds: int) -> None:
    assert text.parse_span(words) == timedelta(seconds=seconds)


@pytest.mark.parametrize("words", ["", "  ", "15", "min", "15 moons", "15 min and a bit", "-5 min", "1.5 h"])
def test_what_is_no_span_is_refused_in_a_sentence(words: str) -> None:
    with pytest.raises(ValueError, match="write it like 15 min or 4 h"):
        text.parse_span(words)


@given(st.integers(0, 10_000_000).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_span_in_words_is_read_back_as_the_same_span(length: timedelta) -> None:
    assert text.parse_span(text.span(length)) == length


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0:00"),
        (252, "4:12"),
        (3599, "59:59"),
        (3600, "1 h 00"),
        (11100, "3 h 05"),
        (532800, "6 d 4 h"),
        (-5, "0:00"),
    ],
)
def test_a_short_span_fits_a_narrow_place(seconds: int, words: str) -> None:
    assert text.short_span(timedelta(seconds=seconds)) == words


# ---- Letters that steer ----------------------------------------------------------------------------------------------

OVERRIDES, OTHERS = "\u202d\u202e", "\u202a\u202b\u202c\u2066\u2067\u2068\u2069"


def test_an_override_is_seen_and_what_only_embeds_is_left_out() -> None:
    assert text.unturned(f"invoice{OVERRIDES}gpj{OTHERS}.exe") == "invoice\ufffd\ufffdgpj.exe"


@pytest.mark.parametrize(
    "written",
    [
        "plain \x1b[31m",
        "\u05e9\u05dc\u05d5\u05dd (db-1) \u200f!",
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u061c12",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f4bb e\u0301 \u0e44\u0e17\u0e22\u200b",
    ],
)
def test_languages_that_read_from_the_right_and_joined_letters_stay_as_they_are(written: str) -> None:
    assert text.unturned(written) == written


def test_what_is_shown_elsewhere_has_neither_control_characters_nor_turned_letters() -> None:
    assert text.harmless(f"a\x1b\x00\x9b{OVERRIDES}{OTHERS}\tb\r\nc") == "a\ufffd\ufffd\ufffd\ufffd\ufffd\tb\r\nc"


@given(st.text())
def test_what_steers_nothing_any_more_is_taken_as_it_is(said: str) -> None:
    once = text.harmless(said)
    assert text.harmless(once) == text.unturned(once) == once


# ---- Words -----------------------------------------------------------------------------------------------------------


def test_instants_on_the_record_are_in_utc() -> None:
    assert text.utc(datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)) == "2026-11-24 03:34:19 UTC"


def test_the_nearest_word_is_offered_if_any_is_near() -> None:
    assert text.nearest("severty", ["severity", "service"]) == "severity"
    assert text.nearest("zzz", ["severity", "service"]) is None


@given(st.text(), st.integers(1, 50))
def test_clipped_text_is_never_longer_than_asked_and_marks_the_cut(words: str, length: int) -> None:
    found = text.clip(words, length)
    assert len(found) <= length
    assert found == words or (found.endswith("…") and words.startswith(found[:-1]))


def test_lists_read_as_lists() -> None:
    assert [text.listed("abc"[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert text.listed(iter("ab"), last="or") == "a or b"


# ---- Names and secrets -----------------------------------------------------------------------------------------------


def test_ids_can_be_read_over_the_phone() -> None:
    found = {ids.new_id("inc", 8) for _ in range(500)}
    assert len(found) == 500
    assert all(one.startswith("inc_") and len(one) == 12 for one in found)
    assert not set("0O1ILU") & set("".join(one[4:] for one in found))


def test_secrets_do_not_repeat_and_have_their_shapes() -> None:
    assert len({ids.new_secret() for _ in range(100)}) == 100
    key = ids.new_key()
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")


# ---- The clock -------------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_is_kept_to_the_millisecond(instant: datetime) -> None:
    kept = from_millis(to_millis(instant))
    assert timedelta(0) <= instant - kept < timedelta(milliseconds=1)
    assert to_millis(kept) == to_millis(instant)


def test_a_clock_never_runs_backwards() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance_to(datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="backwards"):
        clock.advance_to(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_systems_clock_is_in_utc_and_exact_to_what_the_database_keeps() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert from_millis(to_millis(now)) == now


# ---- Refusals and actors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [NotFound, Invalid, Forbidden, Refused, Overloaded])
def test_every_refusal_has_something_to_say(kind: type[NotFound]) -> None:
    assert kind().message
    assert kind("In other words.").message == "In other words."


def test_a_right_is_held_or_not_and_the_system_holds_all() -> None:
    sender = Actor("ci", ActorKind.TOKEN, frozenset({"signals:write"}))
    assert sender.may("signals:write")
    assert not sender.may("plan:write")
    assert SYSTEM.may("anything")


# ---- Settings --------------------------------------------------------------------------------------------------------


def test_without_an_environment_everything_has_a_value() -> None:
    assert settings.read({"PATH": "/bin"}) == settings.Settings()


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.touch()
    found = settings.read(
        {
            "TOCSIN_PORT": "9000",
            "TOCSIN_SECURE_COOKIES": "Yes",
            "TOCSIN_ALLOW_PRIVATE_WEBHOOKS": "0",
            "TOCSIN_BASE_URL": "https://oncall.example.org/",
            "TOCSIN_PLAN": str(plan),
            "TOCSIN_SMTP_URL": "",
        }
    )
    assert (found.port, found.secure_cookies, found.allow_private_webhooks) == (9000, True, False)
    assert (found.public_url, found.api_url) == ("https://oncall.example.org", "https://oncall.example.org")
    assert (found.mail_domain, found.plan) == ("oncall.example.org", str(plan))


def test_tokens_at_railway_have_names_and_are_not_shown() -> None:
    found = settings.read({"TOCSIN_RAILWAY_TOKENS": "rose=1f2e=  shop-2=9a8b"})
    assert found.tokens_at_railway == {"rose": "1f2e=", "shop-2": "9a8b"}
    assert "1f2e" not in repr(found)


def test_a_server_that_listens_everywhere_is_reached_at_an_address() -> None:
    assert settings.read({"TOCSIN_HOST": "0.0.0.0"}).public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TOCSIN_PROT", "9000", "did you mean TOCSIN_PORT"),
        ("TOCSIN_XYZZY", "1", "not a setting"),
        ("TOCSIN_PORT", "nine", "whole number"),
        ("TOCSIN_PORT", "70000", "65535"),
        ("TOCSIN_SECURE_COOKIES", "perhaps", "yes or no"),
        ("TOCSIN_BASE_URL", "oncall.example.org", "http"),
        ("TOCSIN_URL", "ftp://example.org", "http"),
        ("TOCSIN_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("TOCSIN_PLAN", "nowhere/plan.yaml", "not there"),
        ("TOCSIN_PRIVATE_NETWORKS", "10.1.0.0/16 10.1.0.1/16", "10.1.0.1/16"),
        ("TOCSIN_SECRET_KEY", "hunter2", "32 characters"),
        ("TOCSIN_SSO_ISSUER", "http://id.example.org", "https"),
        ("TOCSIN_SSO_ISSUER", "https://id.example.org", "TOCSIN_SSO_CLIENT_ID"),
        ("TOCSIN_SSO_ONLY", "yes", "TOCSIN_SSO_ISSUER"),
        ("TOCSIN_RAILWAY_TOKENS", "a-token-without-a-name", "name=token"),
        ("TOCSIN_RAILWAY_TOKENS", "rose=1f2e shop", "name=token"),
        ("TOCSIN_RAILWAY_API_URL", "backboard.railway.com", "http"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_its_name(variable: str, value: str, words: str) -> None:
    with pytest.raises(settings.BadSetting, match=words) as refused:
        settings.read({variable: value})
    assert variable in refused.value.message


# ---- What is loaded later ----


def test_a_library_that_is_named_loads_when_it_is_looked_at() -> None:
    start = (
        "from tocsin.kit.later import later; colors = later('colorsys'); before = type(colors).__name__; "
        "colors.ONE_THIRD; print(before, type(colors).__name__)"
    )
    told = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True).stdout
    assert told == "_LazyModule module\n"
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        later("no_such_library")


def test_a_server_that_serves_no_calendar_has_not_loaded_what_writes_one() -> None:
    start = "import sys, tocsin.main; print([one for one in ('alembic', 'icalendar.cal') if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


def test_a_refusal_whose_docstring_has_two_paragraphs_is_still_a_line() -> None:
    class Twofold(Refused):
        """It is under way.

        Come again in a
        second.
        """

    assert Twofold().message == "It is under way. Come again in a second."
