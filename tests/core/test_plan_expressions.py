"""Which regular expressions of a plan a text could keep searching for hours."""

import pytest

from tocsin.plan.linting.expressions import endless

ENDLESS = [
    "(a+)+$",
    "(?:a*)*",
    "(a|aa)*",
    "(?P<word>\\w+\\s?)*x",
    "(a?a)+",
    "((a+)b)+",
    "((ab)+c){3,}",
    "(a{1,3}){20}",
    "(?:(?i:a)*,){,}",
    "(\\)+|a)*",
    "a.*b.+c.{2,}d",
]
QUICK = [
    "",
    "tracking|parcels",
    r"(?P<breaker>\w+API): Circuit breaker OPENED",
    "payment.*(fail|error)",
    "a.*b.*c",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"(\d{3},)*",
    "(ab)+",
    "(a|b){3}",
    "(bar+)?",
    r"\(a+\)+",
    "[(a+)+]+",
    "[^]+|(]*",
    "(?<=x)a+(?!y+)",
    "a{}(b{})*",
    ")a(",
]


@pytest.mark.parametrize("written", ENDLESS)
def test_one_that_can_be_divided_in_many_ways_is_told(written: str) -> None:
    assert endless(written)


@pytest.mark.parametrize("written", QUICK)
def test_one_that_is_soon_known_not_to_fit_is_not(written: str) -> None:
    assert endless(written) == ""
