"""Which passwords are refused because whoever guesses tries them first."""

import pytest

from tocsin.people.guessing import is_guessable

MEI = ("mei", "Mei Tanaka", "mei.tanaka@lantern.example", "tocsin.wharfside.example")


@pytest.mark.parametrize(
    "password",
    [
        *("aaaaaaaaaaaa", "abababababab", "123456789012", "            ", "098765432109", "abcdefghijklmnop"),
        *("passwordpassword", "Password1234!", "password2024!", "Welcome2026!!", "P@ssw0rd12345", "letmeinletmein"),
        *("qwertyuiop12", "asdfghjkl123", "qwertzuiop1234", "1q1q1q1q1q1q", "adminadmin123", "tocsin-oncall-1"),
        *("mei.tanaka.2026", "MeiMeiMeiMei", "tanaka123456", "lantern-mei-99"),
        *("tocsin.wharfside.example", "wharfside-2026!", "tocsin.wharfside.example-2026!"),
    ],
)
def test_what_everybody_thinks_of_is_guessable(password: str) -> None:
    assert is_guessable(password, MEI)


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse battery", "a longer horse battery", "tiZ9 wopq4 bru", "k3Xv9QpLm2Rt", "ottos mops trotzt"),
        *("välimeren saarella", "日本の夜は静かに更けてゆく", "mei drinks cold tea", "violet-otter-lamp"),
    ],
)
def test_what_nobody_thinks_of_is_not(password: str) -> None:
    assert not is_guessable(password, MEI)


def test_of_nobody_in_particular_only_common_words_count() -> None:
    assert not is_guessable("mei.tanaka.okdr")
