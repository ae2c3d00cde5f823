"""Accepting a finding of a plan where it stands, by a comment that says why."""

import pytest

from tests.support.small import examined, small, text_of
from tocsin.plan import lint
from tocsin.plan.linting.findings import Around, Level, Report


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


ROUNDS = {"escalation__in_turn__rounds": 2}


def marked(line: str, comment: str, *, above: bool) -> Report:
    """The small plan whose rounds end, with a comment at the first line that holds this."""
    lines = text_of(small(**ROUNDS)).splitlines()
    at = next(place for place, one in enumerate(lines) if one.endswith(line) and one.strip() == line)
    if above:
        lines.insert(at, comment)
    else:
        lines[at] += f"  {comment}"
    return lint.examine("\n".join(lines))


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("line", ["rounds: 2", "in_turn:", "escalation:"])
def test_a_finding_is_accepted_at_its_line_and_above_what_holds_it(line: str, above: bool) -> None:
    report = marked(line, "# tocsin: allow escalation-ends because we telephone", above=above)
    assert [(one.code, one.accepted) for one in report.findings] == [("escalation-ends", "we telephone")]
    assert report.open == () and report.at_least(Level.NOTE) == ()


def test_several_comments_stand_above_one_line() -> None:
    comment = "# a remark\n# tocsin: allow escalation-ends because we telephone\n\n# tocsin: allow unused because of it"
    report = marked("rounds: 2", comment, above=True)
    assert [one.code for one in report.accepted] == ["escalation-ends"]
    assert [one.code for one in report.open] == ["unused-allowance"]


def test_elsewhere_it_is_not_accepted_and_the_comment_is_a_finding() -> None:
    report = marked("people:", "# tocsin: allow escalation-ends because we telephone then", above=True)
    assert codes(report) == {"escalation-ends", "unused-allowance"} and len(report.open) == 2


@pytest.mark.parametrize(
    "comment",
    [
        "# tocsin: allow escalation-ends",
        "# tocsin: allow escalation-ends because",
        "# tocsin: ignore escalation-ends because we telephone",
        "# tocsin: allow escalation-stops because we telephone",
        "# tocsin: allow form because we like it",
    ],
)
def test_a_comment_that_gives_no_reason_or_no_code_accepts_nothing(comment: str) -> None:
    report = marked("rounds: 2", comment, above=False)
    assert sorted(one.code for one in report.open) == ["bad-allowance", "escalation-ends"]


def test_what_was_not_looked_at_is_not_called_unused() -> None:
    text = text_of(small(links__Kilns="nowhere.md")).replace(
        "links:\n", "links:  # tocsin: allow dead-link because it is written this week\n"
    )
    assert lint.examine(text).findings == ()
    assert [one.code for one in lint.examine(text, around=Around(documents={})).accepted] == ["dead-link"]
    mended = lint.examine(text, around=Around(documents={"nowhere.md": None}))
    assert [one.code for one in mended.open] == ["unused-allowance"]


def test_what_stands_in_a_text_is_no_comment() -> None:
    said = "Answer.\n# tocsin: allow escalation-ends because it is text\n"
    assert codes(examined(small(**ROUNDS, severities__mild__response=said))) == {"escalation-ends"}
    quoted = 'purpose: "x # tocsin: allow escalation-ends because it is text"\n'
    assert codes(lint.examine(quoted + text_of(small(**ROUNDS)))) == {"escalation-ends"}


def test_a_mistake_cannot_be_accepted() -> None:
    text = text_of(small(recovery__owner="nobody"))
    marked = text.replace("owner: nobody", "owner: nobody  # tocsin: allow reference because we say so")
    assert {"reference", "bad-allowance"} <= {one.code for one in lint.examine(marked).open}
