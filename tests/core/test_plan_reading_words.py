"""Times, rhythms and names are read in many spellings; what is not certain is left as a hole."""

from typing import Any

import pytest
import yaml

from tests.core.test_plan_reading import problems
from tocsin.plan.model import Stage
from tocsin.plan.reading.document import read_document
from tocsin.plan.reading.render import render


def drafted(text: str) -> dict[str, Any]:
    found = yaml.load(render(read_document(text)), Loader=yaml.BaseLoader)  # as written: no date, no number
    assert isinstance(found, dict)
    return found


def severity(requirement: str) -> dict[str, Any]:
    plan = drafted(f"# X\n\n## Severities\n\n### P1: Bad\n\n**Requirements**:\n- {requirement}\n")
    found = plan["severities"]["P1"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Respond in < 5 minutes", "5 min"),
        ("Acknowledge within fifteen minutes", "15 min"),
        ("Response within an hour", "1 h"),
        ("Acknowledged in 1.5 hours", "1 h 30 min"),
        ("Response within 10-15 minutes", "15 min"),
        ("Response: 30 sec", "30 s"),
        ("Respond as soon as you can", ""),
        ("Respond within 2 business days", ""),
        ("Respond within 0 minutes", ""),
        ("Respond within 99999 years", ""),
        ("Respond within 5 minutes by day and 30 minutes by night", ""),
        ("Slow response times (> 10 seconds)", ""),
    ],
)
def test_a_time_is_read_from_words_or_left_as_a_hole(said: str, read: str) -> None:
    assert severity(said)["acknowledge_within"] == read


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("every 30 minutes", "30 min"),
        ("hourly", "1 h"),
        ("every hour", "1 h"),
        ("at 15-minute intervals", "15 min"),
        ("once per day", "1 d"),
        ("every half hour", "30 min"),
    ],
)
def test_a_rhythm_is_read_from_words(said: str, minutes: str) -> None:
    plan = drafted(f"# X\n\n## Severities\n\n### P1: Bad\n\n- Public status updates {said}\n")
    assert plan["communication"]["audiences"]["public"]["cadence"]["P1"]["every"] == minutes


def test_a_rhythm_between_two_times_is_not_certain() -> None:
    text = "# X\n\n## Severities\n\n### P1: Bad\n\n- Public updates every 15-30 minutes\n"
    assert drafted(text)["communication"]["audiences"] == ""


@pytest.mark.parametrize("title", ["SEV-2: Bad", "Sev 2 – Bad", "Severity 2 (Bad)", "SEV2 | Bad", "sev2 - Bad"])
def test_a_severity_is_known_by_many_spellings(title: str) -> None:
    found = drafted(f"# X\n\n## Severity\n\n### {title}\n\nIt is bad.\n")["severities"]
    assert {key: (one["name"], one["definition"]) for key, one in found.items()} == {"SEV2": ("Bad", "It is bad.")}


def test_severities_called_by_words_keep_their_order() -> None:
    text = "# X\n\n## Severity levels\n\n- **Critical**: all is lost\n- **Low**: nobody cares\n"
    found = drafted(text)["severities"]
    assert [(key, one["definition"]) for key, one in found.items()] == [
        ("critical", "all is lost"),
        ("low", "nobody cares"),
    ]


def test_quoted_wordings_become_the_public_stages() -> None:
    text = '# X\n\n## Status page\n\n- Initial: "We look into [issue]"\n- Resolved: "It is over"\n'
    plan = drafted(text)
    assert plan["communication"]["stages"] == {
        stage: f"status_{stage}" for stage in (Stage.INVESTIGATING, Stage.RESOLVED)
    }
    assert plan["templates"] == {"status_investigating": "We look into {issue}", "status_resolved": "It is over"}


def test_a_second_block_under_the_heading_of_a_template_is_not_taken_for_one() -> None:
    text = "# X\n\n## Ticket template\n\n```\na\n```\n\nb\n\n```\nc\n```\n"
    assert drafted(text)["templates"] == {"ticket": "a"}
    lost = {one.text: one.why for one in read_document(text).unread}
    assert "closed too early" in lost["c"]


def test_words_that_yaml_would_take_for_something_else_stay_words() -> None:
    text = "# Plan: yes\n\n## Scope\n\n- no\n- 1.0\n- a: b # c\n- '\"\n- 2024-01-15\n"
    found = yaml.safe_load(render(read_document(text)))
    assert found["name"] == "Plan: yes"
    assert found["scope"][:4] == ["no", "1.0", "a: b # c", "'\""]


def test_an_empty_document_is_all_holes() -> None:
    draft = read_document("")
    assert {problem.path for problem in problems(render(draft))} == {path for path, _ in draft.holes()}
    assert "name" in dict(draft.holes())
