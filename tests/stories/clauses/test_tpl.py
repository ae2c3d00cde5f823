"""Templates: each renders from the record at any moment, as Markdown and as a page, in the words of the team's plan."""

import pytest

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.world import ROSE, World
from tocsin.comms.templates import NoSuchTemplate
from tocsin.incidents.model import Incident, Updated
from tocsin.incidents.work import Verdict
from tocsin.incidents.working import Estimate
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Stage
from tocsin.response import commands, rendering, working

FIRST = {"issue": "no answers", "impact": "Nobody hears Rose"}
# What the written plan has a template for, and what its text begins with here.
WORDED = {
    "incident_ticket": "# Incident 1: Voice replies hang",
    "status_initial": "02:38 UTC · Investigating",
    "status_identified": "02:38 UTC · Identified",
    "status_resolved": "02:38 UTC · Resolved",
    "internal_update": "02:38 · P1 · Voice replies hang",
    "executive_update": "P1 (High): Voice replies hang",
    "talking_points": "P1: Voice replies hang, since 2026-11-24 02:38 UTC",
    "resolution_notice": "02:38 UTC · What happened, and what we do about it",
    "post_mortem": "# Post-mortem: Voice replies hang",
}


def markdown(console: Console, incident: Incident, name: str) -> str:
    headers = {**console.here.bearer("incidents:read"), "Accept": "text/markdown"}
    answer = console.here.get(f"/api/v1/incidents/{incident.id}/templates/{name}", headers=headers)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/markdown")
    return answer.text


def revise(world: World, before: str, after: str) -> None:
    """The team changes a line of its plan."""
    assert ROSE.count(before) == 1
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE.replace(before, after), "the team words it otherwise")


@pytest.mark.parametrize("name", WORDED)
def test_tpl_01_each_renders_from_the_first_second_as_markdown_and_as_a_page(console: Console, name: str) -> None:
    incident = console.world.declare()
    text = markdown(console, incident, name)
    assert text.startswith(WORDED[name])
    page = console.visitor("erin").open(f"/incidents/{incident.id}/templates/{name}")
    assert page.status == 200 and page.says("As the record stands now, in the words of the plan.")
    assert page.says(text.splitlines()[0].removeprefix("# "))
    listed = console.visitor("erin").open(f"/incidents/{incident.id}/templates")
    assert f'href="/incidents/{incident.id}/templates/{name}"' in listed.html


def test_tpl_01_what_only_a_person_can_say_is_a_marked_blank_until_somebody_says_it(console: Console) -> None:
    world = console.world
    incident = world.declare()
    text = markdown(console, incident, "incident_ticket")
    for blank in ("how many users are affected", "what does not work for them", "what was found", "what comes next"):
        assert f"[to be written: {blank}" in text
    page = console.visitor("ben").open(f"/incidents/{incident.id}/ticket")
    assert "<mark>[to be written: what was found]</mark>" in page.html
    assert page.says("Still to be written by a person:") and page.says("users, functions, cause, actions, next")
    world.do(working.assess, incident.id, Estimate(users=120, source="Grafana", functions="Voice replies"))
    world.do(working.find, incident.id, "The disk was full", Verdict.ROOT_CAUSE)
    world.do(mend, incident.id, "More room")
    text = markdown(console, incident, "incident_ticket")
    assert "**Users**: 120 users (Grafana)" in text and "The disk was full" in text and "More room" in text
    assert text.count("[to be written:") == 1  # the action items


def test_tpl_01_what_was_last_said_is_in_the_next(console: Console) -> None:
    incident = console.world.declare()
    assert "[to be written: what people notice]" in markdown(console, incident, "executive_update")
    console.world.do(commands.post_update, incident.id, "public", FIRST, Stage.INVESTIGATING)
    assert "- Business impact: Nobody hears Rose" in markdown(console, incident, "executive_update")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("status_initial", "Something is not right with Rose", "Rose is unwell"),
        ("internal_update", "- Next: {next}", "- After that: {next}"),
        ("executive_update", "- Business impact: {impact}", "- What it costs: {impact}"),
        ("talking_points", "- What you can tell them: {message}", "- Say: {message}"),
        ("incident_ticket", "## Root cause", "## Why it happened"),
        ("resolution_notice", "We are sorry. From", "We apologise. From"),
        ("post_mortem", "title: Executive summary", "title: In short"),
    ],
)
def test_tpl_01_a_team_changes_each_in_its_plan_and_the_change_shows(
    console: Console, name: str, before: str, after: str
) -> None:
    world = console.world
    old = world.declare()
    revise(world, before, after)
    new = world.declare(title="Memory is gone", type="performance_degradation")
    shown = after.removeprefix("title: ").split("{")[0].strip()
    assert shown in markdown(console, new, name)
    assert shown not in markdown(console, old, name)  # it goes on by the plan that it was declared under


def test_tpl_01_a_template_of_the_teams_own_renders_as_well(console: Console) -> None:
    revise(
        console.world, "templates:\n", "templates:\n  for_the_board: Board paper on {title}, {severity}, {duration}\n"
    )
    incident = console.world.declare()
    assert markdown(console, incident, "for_the_board") == "Board paper on Voice replies hang, P1, 0 s"


def test_tpl_01_a_template_that_is_not_there_is_answered_with_those_that_are(console: Console) -> None:
    incident = console.world.declare()
    with pytest.raises(NoSuchTemplate, match=r"'board'; it has internal_update"):
        console.world.read(rendering.render, incident.id, "board")
    assert console.visitor("ben").open(f"/incidents/{incident.id}/templates/board").status == 404
    here = console.here
    answer = here.get(f"/api/v1/incidents/{incident.id}/templates/board", headers=here.bearer("incidents:read"))
    assert answer.status_code == 404


def test_tpl_01_what_was_typed_by_strangers_is_text_and_nothing_more(console: Console) -> None:
    title = "<script>alert(1)</script> ![x](https://evil.example.org/p.png)"
    incident = console.world.declare(title=title)
    page = console.visitor("ben").open(f"/incidents/{incident.id}/ticket")
    assert "<script>alert" not in page.html and "<img" not in page.html


def test_tpl_01_an_update_is_seen_before_it_is_posted(console: Console) -> None:
    world, here = console.world, console.here
    incident = world.declare()
    address = f"/api/v1/incidents/{incident.id}/updates/preview"
    body = {"audience": "public", "stage": "investigating", "fields": FIRST}
    answer = here.post(address, json=body, headers=here.bearer("incidents:write"))
    assert answer.status_code == 200 and "finding out why: no answers" in answer.json()["text"]
    refused = here.post(address, json={**body, "fields": {}}, headers=here.bearer("incidents:write"))
    assert refused.status_code == 400 and "fill in issue and impact" in refused.json()["detail"]
    assert here.post(address, json=body, headers=here.bearer("incidents:read")).status_code == 403
    assert world.entries(incident.id, Updated) == [] and world.owed(incident.id)["update:public"]
