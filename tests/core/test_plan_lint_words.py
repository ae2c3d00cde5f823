"""How sentences, headings and conditions of a plan are read, before anything is found in them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tocsin.plan import check, lint
from tocsin.plan.linting import links, prose, signals


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("within 15 minutes", ["15 minutes"]),
        ("a half-hour and an hour", ["an hour"]),
        ("four hours, two days, 1 w", ["four hours", "two days", "1 w"]),
        ("every 15 minutes, hourly", []),
        ("and a day", ["a day"]),
        ("10 % of them, 5 people, P1", []),
    ],
)
def test_times_are_read_from_sentences(text: str, found: list[str]) -> None:
    assert [words for _, words in prose.times(text)] == found


def test_rhythms_are_read_from_sentences() -> None:
    said = "Post every 15 minutes, tell the board hourly, and look every day"
    assert {words for _, words in prose.rhythms(said)} == {"every 15 minutes", "hourly", "every day"}


def test_anchors_are_those_of_the_code_hosts() -> None:
    text = "# Service Down - Complete Outage\n## Same\n## Same\n```\n# no\n```\n<a id='x'></a>\n## [A link](b) & `c`\n"
    assert links.anchors(text) == {"service-down---complete-outage", "same", "same-1", "x", "a-link--c"}


FIVE = plans.load(plans.ROOT / "examples" / "five-people.yaml")
Conditions = Mapping[str, tuple[str, ...] | str]
WORDS = st.sampled_from(["a", "b", "A", "*", "/a/"])
SEVERAL = st.lists(WORDS, min_size=1, max_size=2).map(tuple)
CONDITIONS = st.dictionaries(st.sampled_from(["kind", "source", "zone"]), st.one_of(WORDS, SEVERAL), max_size=3)


def takes_all_of(wide: Conditions, narrow: Conditions) -> bool:
    """Whether one set of conditions lets through whatever another does, asked the long way."""

    def words(of: Conditions, key: str) -> set[str]:
        found = of.get(key, ())
        return {it if it.startswith("/") else it.lower() for it in ((found,) if isinstance(found, str) else found)}

    return all(key in narrow and ("*" in words(wide, key) or words(narrow, key) <= words(wide, key)) for key in wide)


@given(st.lists(CONDITIONS, min_size=1, max_size=6))
def test_no_rule_that_is_taken_away_is_missed(conditions: list[Conditions]) -> None:
    rules = tuple(replace(FIVE.rules[0], name=str(at), when=when) for at, when in enumerate(conditions))
    changed = replace(FIVE, rules=rules)
    shadowed = {one.path for one in signals.rule_shadowed.find(changed, lint.NOWHERE)}
    hidden = {one.path for one in check.check(changed) if one.code == "rule-hidden"}
    expected = {
        f"rules.{at + 1}.when"
        for at, when in enumerate(conditions)
        if any(takes_all_of(earlier, when) for earlier in conditions[:at])
    }
    assert shadowed | hidden == expected
