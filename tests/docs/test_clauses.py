"""What is said to be driven is driven: each clause has its test, and the page says the same."""

import re
from pathlib import Path

import pytest

from tests.support.clauses import DRIVEN, GROUPS, LATER, NOT_YET

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests/stories/clauses"
PAGE = (ROOT / "docs/reference/clauses.md").read_text("utf-8")


def numbers() -> set[str]:
    """The numbers after which tests are named."""
    texts = [one.read_text("utf-8") for one in TESTS.glob("test_*.py")]
    found = [pair for text in texts for pair in re.findall(r"^def test_([a-z]{3})_(\d\d)_\w", text, re.M)]
    return {f"{group.upper()}-{number}" for group, number in found}


@pytest.mark.parametrize("clause", DRIVEN)
def test_a_clause_that_is_driven_has_a_test_of_its_name(clause: str) -> None:
    assert clause in numbers()
    row = f"| {clause} | {DRIVEN[clause]} | "
    assert row in PAGE and f"`test_{clause.lower().replace('-', '_')}_…`" in PAGE


@pytest.mark.parametrize("clause", NOT_YET)
def test_a_clause_that_is_not_driven_says_why(clause: str) -> None:
    assert clause not in numbers()
    assert f"not yet: {NOT_YET[clause]} |" in PAGE


def test_the_page_names_no_clause_that_is_not_listed_here() -> None:
    assert set(re.findall(r"^\| ([A-Z]{3}-\d\d) ", PAGE, re.M)) == set(DRIVEN) | set(NOT_YET)


def test_every_test_belongs_to_a_clause_or_a_group() -> None:
    assert {one for one in numbers() if one[:3] not in GROUPS} == set(DRIVEN)


def test_the_other_groups_have_their_files_and_what_is_later_is_named() -> None:
    for group in GROUPS:
        file = f"tests/stories/clauses/test_{group.lower()}.py"
        assert f"`{file}`" in PAGE and (ROOT / file).exists()
    for group, why in LATER.items():
        assert f"- {group}. {why}." in PAGE
