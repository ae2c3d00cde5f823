"""The reference of findings lists every kind that there is, as the program has it."""

import re
from pathlib import Path

import pytest

from tests.support import plans
from tocsin.plan import lint

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "plan-lint.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[tuple[str, ...]]:
    _, found, rest = REFERENCE.partition(f"\n## {heading}\n")
    assert found, f"no section {heading}"
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[2:]]


def test_every_kind_of_finding_stands_in_the_reference() -> None:
    assert rows("Kinds of findings") == [(f"`{one.code}`", one.level, one.what, one.mend) for one in lint.KINDS]


def test_every_code_that_is_said_to_be_accepted_is_one() -> None:
    texts = [REFERENCE, *(plans.text(file) for file in plans.FILES)]
    named = {code for text in texts for code in re.findall(r"# tocsin: allow ([a-z-]+) because", text)}
    assert named and named <= lint.ACCEPTABLE


@pytest.mark.parametrize("kind", lint.KINDS, ids=lambda one: one.code)
def test_every_kind_says_what_is_wrong_and_how_it_is_mended_in_sentences(kind: lint.Kind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert kind.what.endswith(".") and kind.what[0].isupper()
    assert kind.mend[0].isupper()
