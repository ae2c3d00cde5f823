"""Two plans in two styles become drafts that, with their holes filled, are the plans they were written as."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tests.core.test_plan_reading import BAKERY, DOCUMENTS, KILN, line_of, problems
from tocsin.plan import check
from tocsin.plan.model import Milestone, Need, Plan
from tocsin.plan.reading.document import read_document
from tocsin.plan.reading.draft import Draft
from tocsin.plan.reading.render import render


def unread(text: str) -> dict[int, str]:
    return {line: one.text for one in read_document(text).unread for line in one.lines}


def contradictions(text: str) -> dict[str, tuple[str, str]]:
    return {one.what: (one.kept.written, one.other.written) for one in read_document(text).contradictions}


PEOPLE = {"marta": {"name": "Marta"}, "jo": {"name": "Jo"}}
FILLED: dict[str, Mapping[str, Any]] = {
    "bakery": {
        "people": PEOPLE,
        "eligible": ["marta"],
        "url": "https://example.org",
        "starts_on": "2025-01-06",
        "handoff": "06:00",
        "zone": "UTC",
        "page": ["jo"],
        "steps": [{"page": ["jo"], "wait": "5 min"}],
        "wait": "5 min",
        "begins_when": "mitigated",
        "resolve_within": "2 d",
        "owner": "runner",
        "to": ["everyone"],
        "attendees.3": "jo",
        "identified": "status_investigating",
        "monitoring": "status_investigating",
        "resolved": "status_investigating",
        "rotations.on_call.people": ["marta", "jo"],
    },
    "kiln": {
        "people": PEOPLE,
        "duties": ["Everything"],
        "eligible": ["everyone"],
        "services": {},
        "resolve_within": "2 d",
        "rotations.on_call.people": ["marta", "jo"],
        "starts_on": "2025-01-06",
        "page": ["on_call"],
        "wait": "10 min",
        "begins_when": "acknowledged",
        "owner": "incident_manager",
        "to": ["jo"],
        "attendees.3": "marta",
        "sections": {"timeline": {"title": "Timeline", "facts": "timeline"}},
        "history.1.on": "2025-04-03",
    },
}


def filled(draft: Draft, answers: Mapping[str, Any]) -> str:
    """The draft with a person's answer in each hole; the answer for the longest end of its path."""
    lines = render(draft).splitlines()
    for problem in problems(render(draft)):
        fitting = [end for end in answers if f".{problem.path}".endswith(f".{end}")]
        before, _, _ = lines[problem.line - 1].partition("  # HOLE")
        lines[problem.line - 1] = f"{before} {json.dumps(answers[max(fitting, key=len)])}"
    return "\n".join(lines)


def settled(name: str) -> Plan:
    text = DOCUMENTS[name].replace("2. What did not (25 min)", "2. What did not (20 min)")
    found = check.load(filled(read_document(text), FILLED[name]))
    assert isinstance(found, Plan), found
    return found


# --- Bold labels and lists --------------------------------------------------------------------------------------------


def test_with_its_holes_filled_the_draft_of_labels_and_lists_is_a_plan_that_runs() -> None:
    plan = settled("bakery")
    assert (plan.name, plan.version) == ("the Night Bakery", "1.0")
    assert plan.purpose == "Bread is on the shelf at six, whatever breaks."
    assert plan.scope == ("Ovens and dough", "The till")
    assert plan.declare_when == ("Makes bread late", "Wakes the street")
    worst, half, crumbs = plan.severities.values()
    assert (worst.name, worst.definition) == ("Cold Ovens", "Nothing can be baked.")
    assert worst.examples == ("Both ovens are cold", "The flour is gone")
    assert [one.acknowledge_within for one in (worst, half)] == [timedelta(minutes=5), timedelta(minutes=15)]
    assert [one.resolve_within for one in (worst, half)] == [timedelta(hours=1), timedelta(hours=4)]
    assert worst.roles_within == {"baker_in_chief": timedelta(minutes=10)}
    assert [one.post_mortem for one in (worst, half, crumbs)] == [Need.REQUIRED, Need.OPTIONAL, Need.NONE]
    assert plan.escalation["p0"].steps[0].page == ("everyone",)


def test_roles_phases_and_types_are_read_from_their_sections() -> None:
    plan = settled("bakery")
    assert plan.roles["baker_in_chief"].duties == (
        "Gives the orders",
        "Leads the post-mortem",
        "Keeps the status page true",
    )
    assert plan.roles["runner"].eligible == ("everyone",)
    assert [one.name for one in plan.phases.values()] == ["Smell", "Resolution", "Sweeping"]
    assert [one.within for one in plan.phases.values()] == [timedelta(minutes=5), timedelta(hours=2), None]
    assert plan.phases["smell"].begins_when is Milestone.DECLARED
    assert plan.phases["sweeping"].begins_when is Milestone.RESOLVED
    assert plan.phases["smell"].lines[0] == "Respond to every alert within 5 minutes"
    assert plan.phases["resolution"].lines[:2] == ("Relight", "Borrow")
    assert plan.phases["resolution"].actions[0].title == "Choose one"
    assert [one.do for one in plan.types["power_cut"].actions] == ["Find a candle", "Call the grid"]
    assert plan.types["power_cut"].runbook == "BOOK.md#candles"
    assert plan.recovery.watch_for == timedelta(minutes=20)
    assert plan.services["the_night_bakery"].probes["health"].paths == ("/oven/health",)


def test_audiences_hear_as_often_as_the_document_says() -> None:
    audiences = settled("bakery").communication.audiences
    every = {
        key: {level: pace.every // timedelta(minutes=1) for level, pace in one.cadence.items()}
        for key, one in audiences.items()
    }
    assert every == {
        "public": {"P0": 15},
        "internal": {"P0": 15, "P1": 120},
        "executive": {"P0": 60, "P1": 60},
    }
    assert audiences["executive"].cadence["P1"].first_within == timedelta(minutes=20)
    assert audiences["public"].public
    assert audiences["public"].owner == "baker_in_chief"
    assert audiences["internal"].template == "internal_update"


def test_the_review_is_read_with_its_agenda_and_sections() -> None:
    review = settled("bakery").review
    assert (review.owner, review.meeting_within, review.minutes) == ("baker_in_chief", timedelta(hours=48), 30)
    assert review.attendees == ("baker_in_chief", "responders", "jo")
    assert [(one.topic, one.minutes) for one in review.agenda] == [("What burned", 10), ("What did not", 20)]
    assert review.sections["timeline"].facts == "timeline"
    assert review.sections["blame"].prompt == "Why there is none"
    assert {key: one.within.days for key, one in review.horizons.items()} == {"soon": 7, "later": 90}


def test_placeholders_become_fields_only_where_that_is_certain() -> None:
    templates = settled("bakery").templates
    assert templates["internal_update"].splitlines() == [
        "{time} Word from the bakery",
        "- Impact: {impact}",
        "- ETA: {eta}",
        "- Mood: [Happy/Sad] {{hm}}",
    ]
    assert templates["incident_ticket"].splitlines() == [
        "# Incident: {title}",
        "**Severity**: {severity}",
        "**Started**: {started}",
        "- {detected} Incident detected",
        "- [HH:MM] Bread saved",
        "- [ ] [Thing to do]",
    ]
    assert templates["status_investigating"].splitlines()[0] == "{time_utc} Investigating"
    silent = unread(BAKERY)
    for fragment in ("- Mood:", "- [HH:MM] Bread saved", "- [ ] [Thing"):
        assert line_of(BAKERY, fragment) in silent


def test_what_has_no_place_in_a_plan_is_listed_with_its_line() -> None:
    silent = unread(BAKERY)
    for sentence in (
        "This page is for whoever bakes at night.",
        "The flour is bought on Mondays.",
    ):
        assert silent[line_of(BAKERY, sentence)] == sentence
    rendered = render(read_document(BAKERY))
    assert f"#   line {line_of(BAKERY, 'The flour is bought')}: The flour is bought on Mondays. [" in rendered


def test_a_fact_that_is_given_two_values_keeps_the_first_and_lists_both() -> None:
    found = contradictions(BAKERY)
    assert found["P1 is answered within"] == ("15 min", "5 min")
    assert found["P1 is resolved within"] == ("4 h", "2 h")  # the phase called resolution ends earlier
    assert found["updates on P1"] == ("as needed", "every 2 h")
    assert found["what MTTB stands for"] == ("Mean Time to Bread", "Mean Time to Butter")
    assert found["the length of the review"] == ("30 min", "35 min")
    rendered = render(read_document(BAKERY))
    first, second = line_of(BAKERY, "### P1"), line_of(BAKERY, "   - Respond to every")
    assert f"P1 is answered within: 15 min (line {first}), but 5 min (line {second})" in rendered


def test_the_lines_of_everything_that_agrees_stand_behind_a_value() -> None:
    rendered = render(read_document(BAKERY))
    lines = ", ".join(
        str(line_of(BAKERY, fragment)) for fragment in ("**Target Resolution**: < 1 hour", "- **P0 MTTR**")
    )
    assert f"    resolve_within: 1 h  # lines {lines}\n" in rendered


def test_what_is_read_by_a_rule_is_listed_to_be_confirmed() -> None:
    readings = {path: value.how for path, value in read_document(BAKERY).readings()}
    assert readings["review.horizons.later.within"] == "a month counts as 30 days"
    assert readings["phases.smell.begins_when"] == "its span begins at nothing"
    assert "as needed" in readings["communication.audiences.public.cadence"]
    assert readings["severities.P2.acknowledge_within"].startswith("said of every alert")  # `a while` is no time
    assert readings["roles.runner.eligible.1"] == '"Any available team member" is everyone'


def test_what_only_people_know_is_a_hole() -> None:
    holes = dict(read_document(BAKERY).holes())
    assert {"people", "rotations.on_call.people", "rotations.on_call.starts_on", "escalation.p0.steps.1.wait"} <= set(
        holes
    )
    assert "Old Marta or whoever she names" in holes["roles.baker_in_chief.eligible"].what
    assert "The landlord" in holes["review.attendees.3"].what
    assert "phases.resolution.begins_when" in holes  # neither its span nor its name says at which moment
    assert "severities.P2.resolve_within" in holes  # whose business days?


# --- Tables, numbered headings, plain labels --------------------------------------------------------------------------


def test_with_its_holes_filled_the_draft_of_tables_is_a_plan_that_runs() -> None:
    plan = settled("kiln")
    assert (plan.name, plan.version) == ("Kiln Payments", "2.1")
    assert plan.purpose.startswith("Money arrives once")
    assert {key: one.name for key, one in plan.severities.items()} == {
        "SEV1": "Blackout",
        "SEV2": "Brownout",
        "SEV3": "Bruise",
        "SEV4": "Scratch",
        "SEV5": "Dust",
    }
    answers = [one.acknowledge_within // timedelta(minutes=1) for one in plan.severities.values()]
    assert answers == [5, 10, 30, 240, 1440]
    assert plan.severities["SEV2"].resolve_within == timedelta(hours=12)
    assert [one.post_mortem for one in plan.severities.values()] == ["required", "required", "optional", "none", "none"]
    assert {one.escalation for one in plan.severities.values()} == {"escalation_policy"}
    assert [one.page for one in plan.escalation["escalation_policy"].steps] == [("on_call",)] * 2 + [("everyone",)]


def test_the_rest_of_the_tables_document_is_read_too() -> None:
    plan = settled("kiln")
    rotation = plan.rotations["on_call"]
    assert (rotation.days, rotation.handoff.hour, rotation.zone) == (1, 8, "Europe/Vienna")
    assert plan.roles["operations_lead"].purpose == "changes the systems, and nobody else does"
    assert plan.phases["triage"].lines == ("Confirm that it is real",)
    assert plan.types["bank_unreachable"].symptoms == ("Timeouts towards one bank", "A growing queue")
    assert plan.types["bank_unreachable"].runbook == "https://example.org/runbooks/bank"
    assert plan.recovery.watch_for == timedelta(minutes=45)
    leadership = plan.communication.audiences["leadership"]
    assert list(leadership.cadence) == ["SEV1", "SEV2"]
    assert leadership.cadence["SEV2"].first_within == timedelta(minutes=15)
    assert leadership.cadence["SEV2"].every == timedelta(hours=2)
    assert set(plan.communication.audiences["updates"].cadence) == {"SEV1", "SEV2", "SEV3"}
    assert plan.review.attendees == ("incident_manager", "responders", "marta")
    assert [change.on for change in plan.history] == [date(2025, 4, 3), date(2025, 5, 5)]


def test_a_date_that_could_be_two_days_is_a_hole() -> None:
    holes = dict(read_document(KILN).holes())
    assert '"03/04/2025"' in holes["history.1.on"].what


def test_a_promise_about_every_page_contradicts_only_those_that_differ() -> None:
    found = [what for what in contradictions(KILN) if "answered" in what]
    assert found == [f"SEV{number} is answered within" for number in (1, 3, 4, 5)]
    assert unread(KILN) == {line_of(KILN, "> Nobody"): "Nobody phones the bank's chairman."}
