"""The review: its meeting, its document, what the record fills in, and when it may be final."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.keeping import due_in, kept
from tests.support.world import World
from tocsin.incidents.model import Incident, ReviewScheduled
from tocsin.incidents.relation import Relation
from tocsin.incidents.work import Verdict
from tocsin.incidents.working import Estimate
from tocsin.response import commands, relating, working
from tocsin.review import commands as review
from tocsin.review import postmortem
from tocsin.review import store as reviews
from tocsin.review.postmortem import PostMortem, Standing

HEADINGS = (
    "Executive summary", "Impact", "Timeline",
    "Root cause: Technical root cause", "Root cause: Contributing factors", "Root cause: Why it was not caught earlier",
    "Detection: How it was detected", "Detection: Could it have been detected faster?",
    "Response: What went well", "Response: What could be improved", "Response: Times against their targets",
    "Resolution: What fixed it", "Resolution: Why it worked", "Resolution: Could it have been resolved faster?",
    "Action items", "Action items: Prevent", "Action items: Detect", "Action items: Respond",
    "Lessons learned", "Related incidents",
    "Appendix: Logs", "Appendix: Metrics and graphs", "Appendix: References",
)  # fmt: skip


def resolved(world: World, severity: str = "P1", **about: Any) -> Incident:
    incident = world.declare(severity=severity, **about)
    world.do(commands.assign, incident.id, "incident_commander", "ben", by="ben")
    world.do(commands.assign, incident.id, "technical_lead", "ana")
    world.advance(minutes=4)
    world.do(commands.acknowledge, incident.id, by="tomas")
    world.advance(minutes=26)
    world.do(mend, incident.id)
    return world.incident(incident.id)


def document(world: World, incident: Incident) -> PostMortem:
    return world.read(reviews.load, incident.id)


def facts(found: PostMortem, section: str) -> dict[str, str]:
    (one,) = [one for one in found.sections if one.id == section]
    return {fact.label: fact.value for fact in one.facts}


# ---- PMR-01: the meeting ----


@pytest.mark.parametrize("level", ["P0", "P1"])
def test_pmr_01_the_meeting_is_owed_within_48_hours_of_the_resolution(console: Console, level: str) -> None:
    world = console.world
    incident = resolved(world, level)
    assert due_in(world, incident, "review") == timedelta(hours=48)
    world.advance(hours=47)
    world.do(commands.hold_review, incident.id)
    assert kept(world, incident, "review")
    assert console.room(incident).says("recorded that the post-mortem was held")


def test_pmr_01_those_who_are_wanted_follow_from_the_record_and_are_invited_with_the_agenda(console: Console) -> None:
    world = console.world
    incident = resolved(world)
    typed = {"meeting_at": "2026-11-25T09:30"}
    assert console.press(incident, "schedule", **typed).status == 303
    (scheduled,) = world.entries(incident.id, ReviewScheduled)
    wanted = ("ben", "ana", "tomas", "lucia")  # commander, technical lead, who answered, product; leadership is ben
    assert scheduled.attendees == wanted
    letters = world.invited()
    assert sorted(one.person or "" for one in letters) == sorted(wanted)
    for said in (
        "2026-11-25 09:30 UTC. It takes 60 minutes.",
        "It is led by Ben Halvorsen.",
        "- The timeline, 10 min",
        "- What went well, 10 min",
        "- What went wrong, 15 min",
        "- The root cause, 15 min",
        "- Action items, 10 min",
        f"/post-mortems/{incident.id}",
    ):
        assert said in letters[0].body, said


@pytest.mark.parametrize("level", ["P2", "P3"])
def test_pmr_01_lesser_trouble_owes_no_meeting(busy: World, level: str) -> None:
    assert "review" not in busy.owed(resolved(busy, level).id)


# ---- PMR-02 and PMR-04: the document, and when it may be final ----


def test_pmr_02_the_document_has_every_section_and_says_which_wait_for_a_person(console: Console) -> None:
    incident = resolved(console.world)
    found = document(console.world, incident)
    assert tuple(one.heading for one in found.sections) == HEADINGS
    text = postmortem.markdown(found)
    for part in ("## Executive summary", "## Root cause", "### Contributing factors", "## Appendix"):
        assert part in text
    missing = postmortem.missing(found)
    assert missing[:2] == ["Executive summary", "Impact"]
    assert "*Not written yet.*" in text
    page = console.visitor("ben").open(f"/post-mortems/{incident.id}")
    assert page.says("Technical root cause") and page.says("What could be improved")


def test_pmr_03_what_the_record_knows_is_filled_in(console: Console) -> None:
    world = console.world
    earlier = resolved(world, title="Groq was away")
    incident = resolved(world, title="Voice replies hang", started_at=world.clock.now() - timedelta(minutes=5))
    world.do(working.assess, incident.id, Estimate(users=120, source="Grafana", functions="Voice replies"))
    world.do(working.find, incident.id, "The disk was full", Verdict.ROOT_CAUSE, "graph 7")
    world.do(relating.link, incident.id, earlier.id, Relation.SAME_CAUSE_AS)
    found = document(world, incident)
    assert facts(found, "summary")["Incident commander"] == "Ben Halvorsen"
    impact = facts(found, "impact")
    assert (impact["Users affected"], impact["Time to detect"]) == ("120 users (Grafana)", "5 min")
    assert impact["Time to resolve"] == "30 min" and "so far" in impact["User impact, start to recovery"]
    response = facts(found, "response_times")
    assert response["Detection to response"] == "4 min (target: 15 min, kept)"
    assert response["Detection to resolution"] == "30 min (target: 4 h, kept)"
    assert facts(found, "what_fixed_it")["Root cause"] == "The disk was full (graph 7)"
    assert facts(found, "how_detected")["Start to detection"] == "5 min"
    (related,) = [one for one in found.sections if one.id == "related"]
    assert related.rows[0][:2] == (f"#{earlier.number}", "same cause as")
    (timeline,) = [one for one in found.sections if one.id == "timeline"]
    assert timeline.columns[0] == "Time (UTC)"
    events = [event for _, event in timeline.rows]
    assert len(events) == len(world.entries(incident.id)) + 1  # and when the trouble began


def test_pmr_04_it_is_final_only_when_every_required_section_is_written(console: Console) -> None:
    world = console.world
    incident = resolved(world)
    with pytest.raises(postmortem.NotWritten, match="Executive summary, Impact, Root cause: Technical root cause"):
        world.do(review.finalise, incident.id)
    needed = [one for one in document(world, incident).sections if one.required and not one.is_done]
    for section in needed[:-1]:
        world.do(review.write_section, incident.id, {section.id: "As it was."})
    with pytest.raises(postmortem.NotWritten, match=needed[-1].title) as refused:
        world.do(review.finalise, incident.id)
    assert needed[0].title not in refused.value.message
    world.do(review.write_section, incident.id, {needed[-1].id: "An alert, by Ana, until Friday."})
    assert world.do(review.finalise, incident.id).status is Standing.FINAL
    with pytest.raises(review.AlreadyFinal):
        world.do(review.write_section, incident.id, {"summary": "Otherwise"})


def test_pmr_04_a_program_learns_what_is_missing_too(console: Console) -> None:
    incident = resolved(console.world)
    address = f"/api/v1/incidents/{incident.id}/postmortem/finalise"
    refused = console.here.post(address, headers=console.here.bearer("incidents:write"))
    assert refused.status_code == 409 and "Executive summary" in refused.json()["detail"]
