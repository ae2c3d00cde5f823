"""`plan check` as it stands before a merge: what it prints, in three forms, and the exit code that stops one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.small import SMALL, small, text_of
from tests.support.terminal import Printed, Terminal
from tocsin.cli.plancheck import FOUND
from tocsin.plan import lint
from tocsin.plan.linting import sarif
from tocsin.plan.linting.findings import Level

WARNING = {"escalation__in_turn__rounds": 2}
NOTE = {"severities__mild__post_mortem": "optional"}
ERROR = {"types__theft__private": False}
MISTAKE = {"recovery__owner": "nobody"}


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}"})


def file(plan: dict[str, Any], name: str = "plan.yaml") -> str:
    Path(name).write_text(text_of(plan), encoding="utf-8")
    return name


def checked(terminal: Terminal, *words: str, **changes: object) -> Printed:
    return terminal("plan", "check", file(small(**changes)), *words)


# ---- Text ----


def test_a_finding_is_two_lines_and_the_rest_is_said_aside(terminal: Terminal) -> None:
    printed = checked(terminal, **WARNING)
    first, second, last = printed.out.splitlines()
    line = Path("plan.yaml").read_text("utf-8").splitlines().index("    rounds: 2") + 1
    assert first.startswith(f"plan.yaml:{line}  escalation.in_turn.rounds   after 2 rounds, 30 min in, nobody is paged")
    assert second.startswith("    warning escalation-ends: Take `rounds` out")
    assert last.startswith("plan.yaml is sound: 3 people")
    assert printed.err.splitlines() == ["1 warning in plan.yaml", "Not checked: whether everybody can be reached."]


def test_of_a_plan_without_findings_one_line_is_printed(terminal: Terminal) -> None:
    printed = checked(terminal)
    assert printed.code == 0 and len(printed.out.splitlines()) == 1


def test_an_accepted_finding_is_listed_with_its_reason_and_fails_nothing(terminal: Terminal) -> None:
    text = text_of(small(**WARNING))
    comment = "rounds: 2  # tocsin: allow escalation-ends because we telephone then"
    Path("plan.yaml").write_text(text.replace("rounds: 2", comment), encoding="utf-8")
    printed = terminal("plan", "check", "plan.yaml", "--fail-on", "note")
    assert printed.code == 0
    assert "Accepted:" in printed.out and "escalation-ends, because we telephone then" in printed.out
    assert printed.err.startswith("1 accepted in plan.yaml")


def test_the_terminal_is_not_steered_by_a_plan(terminal: Terminal) -> None:
    printed = checked(terminal, severities__bad__response="Answer within 7 minutes\u0085\u009b31m")
    assert "\x9b" not in printed.out


# ---- Exit codes ----


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({}, ["--fail-on", "note"], 0),
        (NOTE, [], 0),
        (NOTE, ["--strict"], 0),
        (NOTE, ["--fail-on", "note"], FOUND),
        (WARNING, [], 0),
        (WARNING, ["--strict"], FOUND),
        (WARNING, ["--fail-on", "warning"], FOUND),
        (WARNING, ["--strict", "--fail-on", "never"], 0),
        (WARNING, ["--strict", "--fail-on", "note"], FOUND),
        (ERROR, [], FOUND),
        (ERROR, ["--fail-on", "never"], 0),
        (MISTAKE, [], 2),
        (MISTAKE, ["--fail-on", "never"], 2),
        (MISTAKE | WARNING, ["--strict"], 2),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_exit_codes(terminal: Terminal, changes: dict[str, object], words: list[str], code: int, form: str) -> None:
    assert checked(terminal, "--format", form, *words, **changes).code == code


# ---- Links and people ----


def test_links_are_followed_from_the_plans_own_folder_or_another(terminal: Terminal) -> None:
    Path("plans").mkdir()
    Path("docs").mkdir()
    Path("docs/runbook.md").write_text("# Cold kiln\n", encoding="utf-8")
    linked = small(types__cold__runbook="runbook.md#cold-kiln", links__Kilns="runbook.md#hot")
    plan = file(linked, "plans/plan.yaml")
    from_own = terminal("plan", "check", plan, "--strict")
    assert from_own.code == FOUND and from_own.out.count("dead-link") == 2
    from_docs = terminal("plan", "check", plan, "--folder", "docs")
    assert "dead-link" not in from_docs.out and from_docs.out.count("dead-anchor") == 1
    from_input = terminal("plan", "check", "-", stdin=text_of(linked))
    assert "dead" not in from_input.out and "Not checked: whether the files are there" in from_input.err


def test_people_are_looked_up_in_the_database_of_this_machine(terminal: Terminal) -> None:
    terminal.done("migrate")
    terminal.done("people", "invite", "ida", "--name", "Ida Lund", "--email", "ida@example.org")
    printed = checked(terminal, "--against", "database")
    assert printed.code == FOUND and "Not checked" not in printed.err
    assert "people.jo" in printed.out and "people.kim" in printed.out and "people.ida" not in printed.out


def test_against_a_server_wants_a_token(terminal: Terminal) -> None:
    assert checked(terminal, "--against", "server").code == 5


# ---- For programs ----


def test_json_has_every_finding_with_all_of_it(terminal: Terminal) -> None:
    found = json.loads(checked(terminal, "--format", "json", **WARNING, **ERROR).out)
    assert found["ok"] is False and found["file"] == "plan.yaml"
    assert found["counts"] == {"errors": 1, "warnings": 1, "notes": 0, "accepted": 0}
    assert found["not_checked"] == ["whether everybody can be reached"]
    for one in found["findings"]:
        keys = {"code", "level", "file", "line", "column", "path", "reason", "mend", "accepted", "fingerprint"}
        assert set(one) == keys and one["accepted"] is None
    assert (
        checked(terminal, "--json", **WARNING, **ERROR).out
        == checked(terminal, "--format", "json", **WARNING, **ERROR).out
    )


def test_sarif_is_what_code_hosts_take(terminal: Terminal) -> None:
    text = text_of(small(**WARNING, **NOTE, **ERROR, **MISTAKE))
    comment = "rounds: 2  # tocsin: allow escalation-ends because we telephone then"
    Path("a plan.yaml").write_text(text.replace("rounds: 2", comment), encoding="utf-8")
    log = json.loads(terminal("plan", "check", "a plan.yaml", "--format", "sarif").out)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "Tocsin" and run["tool"]["driver"]["version"]
    assert [one["id"] for one in rules] == [kind.code for kind in lint.KINDS]
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["help"]["text"] and rule["name"].isalpha()
        assert rule["defaultConfiguration"]["level"] in list(Level)
    assert {one["level"] for one in run["results"]} == set(Level)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        (location,) = one["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20plan.yaml"
        assert place["region"]["startLine"] >= 1 and place["region"]["startColumn"] >= 1
        assert len(one["partialFingerprints"][sarif.FINGERPRINT]) == 32
    prints = [one["partialFingerprints"][sarif.FINGERPRINT] for one in run["results"]]
    assert len(set(prints)) == len(prints)
    accepted = [one for one in run["results"] if "suppressions" in one]
    assert [(one["ruleId"], one["suppressions"]) for one in accepted] == [
        ("escalation-ends", [{"kind": "inSource", "justification": "we telephone then"}])
    ]


def test_a_fingerprint_outlives_a_move_of_lines() -> None:
    text = text_of(small(**WARNING))
    (one,), (moved,) = (lint.examine(before + text).findings for before in ("", "# a remark\n\n"))
    assert one.fingerprint == moved.fingerprint and moved.line == one.line + 2


def test_a_file_that_is_no_plan_is_a_finding_in_every_form(terminal: Terminal) -> None:
    Path("bad.yaml").write_text("{", encoding="utf-8")
    for form in ("text", "json", "sarif"):
        printed = terminal("plan", "check", "bad.yaml", "--format", form)
        assert printed.code == 2 and "form" in printed.out


def test_the_small_plan_is_the_plan_of_these_tests() -> None:
    assert lint.examine(text_of(SMALL)).findings == ()
