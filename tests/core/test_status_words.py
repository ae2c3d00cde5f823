"""Our own words for readers from outside: every language says all of it, and each reader gets theirs."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tocsin.comms.language import LANGUAGES, MONTHS, preferred
from tocsin.comms.subscribers import commands, links, model, places, words
from tocsin.kit.errors import TocsinError
from tocsin.signals import reporting
from tocsin.status.words import CATALOGUES
from tocsin.web import reports, subscribing

TABLES = {"page": CATALOGUES, "mails": words.CATALOGUES}
OTHERS = [(table, code) for table in TABLES for code in LANGUAGES if code != "en"]
THE_SAME = {  # in another language, and rightly so
    "de": {"badge", "name_", "month", "decimal"},
    "fr": {"maintenance", "components", "day", "month", "mark_maintenance", "badge_maintenance", "percent"},
    "es": {"day", "percent"},
    "pt-BR": {"badge", "day"},
}


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize(("table", "code"), OTHERS)
def test_a_language_says_all_that_english_says_and_nothing_else(table: str, code: str) -> None:
    english, texts = TABLES[table]["en"].texts, TABLES[table][code].texts
    assert list(texts) == list(english)
    assert [key for key, text in texts.items() if not text] == []


@pytest.mark.parametrize(("table", "code"), OTHERS)
def test_each_text_has_the_fields_of_the_english_one(table: str, code: str) -> None:
    english, texts = TABLES[table]["en"].texts, TABLES[table][code].texts
    wrong = {
        key: fields(texts[key]) ^ fields(text)
        for key, text in english.items()
        if isinstance(text, str) and fields(texts[key]) != fields(text)
    }
    assert {key: found - {"count"} for key, found in wrong.items() if found - {"count"}} == {}


@pytest.mark.parametrize(("table", "code"), OTHERS)
def test_nothing_was_left_in_english(table: str, code: str) -> None:
    english, texts = TABLES[table]["en"].texts, TABLES[table][code].texts
    sentences = [key for key, text in english.items() if isinstance(text, str) and len(text.split()) > 2]
    assert [key for key in sentences if texts[key] == english[key] and key not in THE_SAME[code]] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_month_has_its_name(code: str) -> None:
    texts = CATALOGUES[code].texts
    assert len(set(texts["months"])) == len(set(texts["months_short"])) == MONTHS


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("nl,fr;q=0.5", "fr"),
        ("en;q=0.3, es;q=0.9", "es"),
        ("pt", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("nl", "en"),
        ("*", "en"),
        ("de;q=much, fr;q=0.2", "fr"),
        (";;;,,=", "en"),
    ],
)
def test_readers_get_the_language_that_they_ask_for_most(accepted: str, found: str) -> None:
    assert preferred(accepted, "en") == found


def test_days_months_and_numbers_are_written_as_people_there_write_them() -> None:
    at = datetime(2026, 10, 4, 23, 59, tzinfo=UTC)
    said = {code: (one.day(at), one.month(at), one.percent(Decimal("99.90"))) for code, one in CATALOGUES.items()}
    assert said == {
        "en": ("4 Oct", "October 2026", "99.90 %"),
        "de": ("4. Okt.", "Oktober 2026", "99,90 %"),
        "fr": ("4 oct.", "Octobre 2026", "99,90 %"),
        "es": ("4 oct", "Octubre de 2026", "99,90 %"),
        "pt-BR": ("4 out.", "Outubro de 2026", "99,90%"),
    }
    assert CATALOGUES["en"].percent(Decimal("100.00")) == "100 %"
    assert CATALOGUES["de"].day(date(2026, 3, 1)) == "1. März"


def test_several_things_are_told_of_as_several() -> None:
    assert CATALOGUES["de"].counted("trouble", 1) == "Störung an einem Tag"
    assert CATALOGUES["de"].counted("trouble", 3) == "Störungen an 3 Tagen"
    assert CATALOGUES["fr"].listed(["A", "B", "C"]) == "A, B et C"


REFUSALS: tuple[type[TocsinError], ...] = (
    *(model.NotAnAddress, model.NoSuchPart, places.NotAPlace, links.NotALink, links.TooLate, commands.TooManyWait),
    *(subscribing.NoWay, subscribing.NoSubscribing, subscribing.TooManyAsk, reports.NoForm, reports.TooMany),
    *(reporting.NotFromTheForm, reporting.NothingSaid),
)


@pytest.mark.parametrize("why", REFUSALS)
def test_what_a_form_refuses_is_said_in_each_language_as_its_name_says_it(why: type[TocsinError]) -> None:
    assert CATALOGUES["en"].texts[why.__name__] == why().message
