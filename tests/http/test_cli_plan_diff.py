"""Two plans compared in a terminal: files, the plan in force, and its revisions."""

from importlib import resources
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.plan import store as plans
from tocsin.response import commands
from tocsin.settings import Settings

ROSE = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
SLOWER = ROSE.replace("acknowledge_within: 15 min", "acknowledge_within: 20 min", 1)
LATER = "- P1: acknowledging moves from 15 min to 20 min (5 min later)."
OWED = "- 1 of 1 incident would have owed an acknowledgement within 20 min instead of 15 min."


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tocsin.db'}"


@pytest.fixture
def fresh(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A machine on which nothing is set up."""
    return Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": url})


@pytest.fixture
def tocsin(fresh: Terminal, url: str) -> Terminal:
    """A machine with a database and an incident in it."""
    fresh.done("migrate")
    app = App(Settings(database_url=url), SystemClock())
    app.database.run(
        SYSTEM, lambda tx: commands.declare(tx, title="It is odd", severity="P1", type="service_outage").id
    )
    app.database.dispose()
    return fresh


@pytest.fixture
def rose(tmp_path: Path) -> str:
    return written(tmp_path / "rose.yaml", ROSE)


@pytest.fixture
def slower(tmp_path: Path) -> str:
    return written(tmp_path / "slower.yaml", SLOWER)


def written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_two_files_need_no_database(fresh: Terminal, rose: str, slower: str, tmp_path: Path) -> None:
    assert fresh.done("plan", "diff", rose, slower).splitlines() == ["Large:", LATER]
    assert fresh.done("plan", "diff", slower, rose).splitlines() == [
        "Small:",
        "- P1: acknowledging moves from 20 min to 15 min (5 min sooner).",
    ]
    assert not (tmp_path / "tocsin.db").exists()


def test_who_is_on_call_is_told_without_a_database(fresh: Terminal, rose: str, tmp_path: Path) -> None:
    other = written(tmp_path / "other.yaml", ROSE.replace("people: [tomas, ana]", "people: [ana, tomas]", 1))
    assert " goes on call in on_call from " in fresh.done("plan", "diff", rose, other)


def test_equal_plans_say_so(fresh: Terminal, rose: str) -> None:
    assert fresh.done("plan", "diff", rose, rose) == "The two plans say the same.\n"
    assert fresh("plan", "diff", rose, rose, "--json").json == []


def test_consequences_as_json(fresh: Terminal, rose: str, slower: str) -> None:
    assert fresh("plan", "diff", rose, slower, "--json").json == [
        {
            "kind": "deadline",
            "path": "severities.P1.acknowledge_within",
            "sentence": LATER.removeprefix("- "),
            "weight": "large",
        }
    ]


def test_the_plan_in_force_is_compared_with_the_record_behind_it(tocsin: Terminal, slower: str) -> None:
    assert tocsin.done("plan", "diff", "current", slower).splitlines() == ["Large:", LATER, OWED]
    assert tocsin.done("plan", "diff", "current", slower, "--no-record").splitlines() == ["Large:", LATER]
    assert "acknowledging" in tocsin.done("plan", "diff", "current", "-", stdin=SLOWER)


def test_two_files_with_the_record(tocsin: Terminal, rose: str, slower: str) -> None:
    assert OWED in tocsin.done("plan", "diff", rose, slower, "--record", "--days", "1").splitlines()
    assert OWED not in tocsin.done("plan", "diff", rose, slower).splitlines()


def test_revisions_are_named_by_their_ids(tocsin: Terminal, slower: str) -> None:
    before = plans.revision_id(ROSE)
    applied = tocsin("plan", "apply", slower, "--reason", "fewer people", "--yes", "--json").json
    assert tocsin.done("plan", "diff", before, applied["revision"]) == tocsin.done("plan", "diff", before, "current")
    assert LATER in tocsin.done("plan", "diff", before, "current").splitlines()


def test_what_cannot_be_compared(tocsin: Terminal, rose: str, tmp_path: Path) -> None:
    assert tocsin("plan", "diff", rose, "000000000000").code == 3
    assert tocsin("plan", "diff", rose, str(tmp_path / "none.yaml")).code == 3
    broken = written(tmp_path / "broken.yaml", ROSE.replace("acknowledge_within", "acknowledge_withn", 1))
    refused = tocsin("plan", "diff", "current", broken)
    assert refused.code == 2 and "did you mean acknowledge_within?" in refused.err
    assert tocsin("plan", "diff", rose).code == 2


def test_without_a_database_the_plan_in_force_is_refused(fresh: Terminal, rose: str) -> None:
    assert fresh("plan", "diff", "current", rose).code == 4
