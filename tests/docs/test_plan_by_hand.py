"""What the page about a plan written by hand lists is what is found in that plan, taken at its word."""

import re
from pathlib import Path

import pytest

from tests.support import plans
from tocsin.plan import lint
from tocsin.plan.linting.findings import Around, Finding

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "a-plan-written-by-hand.md").read_text(encoding="utf-8")
LITERAL = ROOT / "tests" / "support" / "literal" / "plan.yaml"
LINES = plans.text(LITERAL).splitlines()
SOURCE = re.compile(r"# source: ([\d, ]+)")
LAST_LINE = 825  # of the document

REPORT = lint.examine(plans.text(LITERAL), LITERAL.name, Around(documents={}))


def rows() -> list[tuple[str, ...]]:
    section = PAGE.partition("\n## What the checks find\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip(" `") for cell in line.strip("|").split(" | ")) for line in lines[2:]]


def cited(finding: Finding) -> set[str]:
    """The lines of the document that stand behind the line of a finding, or behind the part that it is about."""
    found = SOURCE.search(LINES[finding.line - 1])
    return set(found[1].replace(" ", "").split(",")) if found else set()


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]} {row[2]} {row[3]}")
def test_each_finding_is_made_where_the_document_is_at_fault(row: tuple[str, ...]) -> None:
    sources, _, code, path = row
    found = [one for one in REPORT.open if (one.code, one.path) == (code, path)]
    assert found, f"{code} is not found at {path}"
    wanted = set(sources.replace(" ", "").split(","))
    for one in found:
        assert wanted <= cited(one), f"line {one.line} of the plan cites {cited(one)}"
        assert one.reason and one.mend


def test_the_page_leaves_no_warning_out() -> None:
    listed = {(code, path) for _, _, code, path in rows()}
    left = {(one.code, one.path) for one in REPORT.open if one.level is not lint.Level.NOTE} - listed
    # Said once on the page: that nobody is named, that nobody stands behind an audience, that the watch is not counted.
    said_once = {code for code, _ in left}
    assert said_once <= {"title-for-a-name", "ends-in-nobody", "target-without-watch"}


def test_there_are_more_than_the_eighteen_that_were_promised() -> None:
    kinds = {code for _, _, code, _ in rows()}
    assert len(rows()) > 50 and len(kinds) >= 18


def test_every_line_that_is_cited_is_one_of_the_document() -> None:
    cited_lines = [int(one) for line in LINES for found in SOURCE.findall(line) for one in found.split(",")]
    assert all(1 <= one <= LAST_LINE for one in cited_lines) and len(cited_lines) > 100
