"""The plan itself: what it is for, its versions, where its links lead, and what it could learn."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.console import Console
from tests.support.keeping import due_in
from tests.support.terminal import Terminal
from tests.support.world import QUIET, ROSE
from tocsin.response import commands


def apply(console: Console, text: str, **more: str) -> int:
    query = "&".join(f"{name}={value}" for name, value in {"reason": "A lesson", **more}.items())
    headers = {**console.here.bearer("*", name=f"plans {len(text)} {query}"), "content-type": "application/yaml"}
    return console.here.request("PUT", f"/api/v1/plan?{query}", content=text, headers=headers).status_code


def test_gen_01_whoever_wonders_whether_to_declare_is_asked_the_plans_questions(console: Console) -> None:
    page = console.visitor("ben").open("/declare")
    assert page.says("Declare when")
    for question in (
        "Is the service interrupted or noticeably worse?",
        "Could data or security be at risk?",
        "Does somebody have to act now, and others with them?",
    ):
        assert page.says(question)


def test_gen_01_the_scope_is_read_where_the_plan_is(console: Console) -> None:
    page = console.visitor("ben").open("/plan")
    for subject in ("Availability", "Data integrity", "Security", "Dependencies", "User experience"):
        assert page.says(f"{subject}: ")


CHANGED = (
    QUIET.replace("acknowledge_within: 15 min", "acknowledge_within: 10 min").replace(
        'version: "1.1"', 'version: "1.2"', 1
    )
    + '\n  - { on: 2026-11-24, version: "1.2", changes: A P1 is answered sooner }\n'
)


def test_gen_02_an_incident_is_held_to_the_version_it_was_declared_under(console: Console) -> None:
    world = console.world
    before = world.declare(severity="P2")
    assert apply(console, CHANGED, yes="true") == 200
    after = world.declare(severity="P1")
    assert before.plan_revision != after.plan_revision
    assert due_in(world, after, "acknowledge") == timedelta(minutes=10)
    world.do(commands.change_severity, before.id, "P1", "It is worse")
    assert due_in(world, before, "acknowledge") == timedelta(minutes=15)


def test_gen_02_the_plan_has_a_version_and_a_history(console: Console) -> None:
    page = console.visitor("ben").open("/plan")
    assert page.says("version 1.1") and page.says("The first plan") and page.says("History of the plan")
    assert apply(console, CHANGED, yes="true") == 200
    page = console.visitor("ben").open("/plan")
    assert page.says("version 1.2") and page.says("A lesson")
    revisions = page.html.split('id="revisions-h"')[1].split("</section>")[0]
    assert revisions.count("<li") == 2
    earlier = re.search(r"/plan\?revision=[^\"]+", revisions)
    assert earlier is not None
    assert console.visitor("ben").open(earlier[0]).says("This revision is not in force.")


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}"})


def test_gen_03_a_link_that_leads_nowhere_is_found(terminal: Terminal, tmp_path: Path) -> None:
    unexcused = "\n".join(line for line in ROSE.splitlines() if "allow dead-link" not in line)
    (tmp_path / "plan.yaml").write_text(unexcused, encoding="utf-8")
    printed = terminal("plan", "check", "plan.yaml", "--strict")
    assert printed.code != 0
    for document in (
        "OPERATIONS_RUNBOOK.md",
        "ROLLBACK_PROCEDURES.md",
        "DEPLOYMENT.md",
        "MONITORING_AND_OBSERVABILITY",
    ):
        assert f"{document}" in printed.out
    assert printed.out.count("dead-link") == 10


def test_gen_03_a_document_that_is_there_is_opened_at_its_heading(terminal: Terminal, tmp_path: Path) -> None:
    unexcused = "\n".join(line for line in ROSE.splitlines() if "allow dead-link" not in line)
    (tmp_path / "plan.yaml").write_text(unexcused, encoding="utf-8")
    for name in ("ROLLBACK_PROCEDURES.md", "DEPLOYMENT.md", "MONITORING_AND_OBSERVABILITY.md"):
        (tmp_path / name).write_text("# Data restoration\n", encoding="utf-8")
    (tmp_path / "OPERATIONS_RUNBOOK.md").write_text("# High error rate\n", encoding="utf-8")
    printed = terminal("plan", "check", "plan.yaml", "--strict")
    assert "dead-link" not in printed.out
    assert "slow-response-times" in printed.out and "no heading #high-error-rate" not in printed.out
    assert printed.out.count("dead-anchor") == 4


def test_gen_03_the_runbook_and_the_documents_stand_where_the_work_is(console: Console) -> None:
    incident = console.world.declare(type="high_error_rate")
    assert console.room(incident).says("OPERATIONS_RUNBOOK.md#high-error-rate")
    ticket = console.visitor("ben").open(f"/incidents/{incident.id}/ticket")
    for name in ("Operations runbook", "Rollback procedures", "Deployment guide", "Monitoring and observability"):
        assert ticket.says(name)


def test_gen_04_what_is_missed_again_and_again_is_put_forward_as_a_change(console: Console) -> None:
    world = console.world
    path = "severities.P2.acknowledge_within"
    for night in range(1, 4):
        incident = world.declare(severity="P2", title=f"Night {night}")
        world.advance(minutes=90)
        world.do(commands.acknowledge, incident.id)
        world.advance(hours=1)
        page = console.visitor("ben").open("/insights")
        assert page.says(path) is (night == 3), night
    assert page.says("What the plan could learn") and page.says("late in 3 of 3 at P2")
    assert page.says("the plan says 1 h")
    headers = console.here.bearer("metrics:read")
    found = console.here.get("/api/v1/metrics/proposals", headers=headers).json()["proposals"]
    assert path in [one["path"] for one in found]


def test_gen_04_a_promise_that_is_kept_is_not_complained_of(console: Console) -> None:
    world = console.world
    for night in range(1, 5):
        incident = world.declare(severity="P2", title=f"Night {night}")
        world.advance(minutes=30)
        world.do(commands.acknowledge, incident.id)
        world.advance(hours=1)
    assert not console.visitor("ben").open("/insights").says("severities.P2.acknowledge_within")
