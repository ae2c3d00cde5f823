"""`tocsin plan import` turns a Markdown file into a draft, and never writes over anything."""

import json
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tocsin.plan import check
from tocsin.plan.reading.outline import MAX_BYTES

PLAN = """\
# Incident Response Plan: The Lighthouse

## Severities

### SEV1: Dark

**Definition**: The lamp is out.

- Respond within 5 minutes
- Sing loudly

Resolution: within 2 hours
"""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, {})


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.md"
    file.write_text(PLAN, encoding="utf-8")
    return file


def test_the_draft_is_printed_and_the_rest_is_told_aside(terminal: Terminal, plan: Path) -> None:
    printed = terminal("plan", "import", str(plan))
    assert printed.code == 0
    assert "\n    acknowledge_within: 5 min  # line 9\n" in printed.out
    assert "holes to fill" in printed.err
    assert "holes to fill" not in printed.out


def test_the_draft_is_written_to_a_new_file_that_check_can_read(terminal: Terminal, plan: Path, tmp_path: Path) -> None:
    output = tmp_path / "plan.yaml"
    printed = terminal("plan", "import", str(plan), "--output", str(output))
    assert (printed.code, printed.out) == (0, "")
    found = check.load(output.read_text(encoding="utf-8"))
    assert isinstance(found, list)
    checked = terminal("plan", "check", str(output), "--format", "json")
    assert checked.code == 2
    mistakes = [one for one in json.loads(checked.out)["findings"] if one["code"] in ("form", "reference")]
    assert len(mistakes) == len(found)


def test_what_is_there_already_is_not_written_over(terminal: Terminal, plan: Path, tmp_path: Path) -> None:
    output = tmp_path / "plan.yaml"
    output.write_text("mine", encoding="utf-8")
    refused = terminal("plan", "import", str(plan), "--output", str(output))
    assert refused.code == 4
    assert "there already" in refused.err
    assert output.read_text(encoding="utf-8") == "mine"


def test_a_program_gets_the_lists_as_json(terminal: Terminal) -> None:
    told = terminal("plan", "import", "-", "--json", stdin=PLAN).json
    assert {"path": "people", "lines": []}.items() <= told["holes"][1].items()
    assert told["contradictions"] == []
    assert told["plan"].startswith("# A draft")


def test_a_file_that_is_too_large_or_not_there_is_refused_in_words(terminal: Terminal, tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    large.write_text("a" * (MAX_BYTES + 1), encoding="utf-8")
    refused = terminal("plan", "import", str(large))
    assert (refused.code, refused.out) == (2, "")
    assert str(MAX_BYTES) in refused.err
    assert terminal("plan", "import", str(tmp_path / "none.md")).code == 3
    assert terminal("plan", "import", str(tmp_path / "none.md"), "--output", str(large)).code == 3
