"""The post-mortem: what the record fills in, what is still missing, and the document."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from tests.support.records import NIGHT, PLAN, SECTIONS, declared, incident, later, obligation, timeline, timelines
from tocsin.incidents import folding
from tocsin.incidents.durations import between, durations
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Decided,
    Incident,
    Mitigated,
    Noted,
    Numbered,
    Recovered,
    Resolved,
    RoleAssigned,
    SignalAttached,
)
from tocsin.kit.errors import Refused
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan.check import FACTS
from tocsin.plan.reviewing import Section
from tocsin.review.postmortem import (
    FACT_NAMES,
    DraftSection,
    NotWritten,
    PostMortem,
    Row,
    Standing,
    draft,
    finalise,
    markdown,
    missing,
)

RECORD: tuple[AnyEntry, ...] = (
    declared(),
    SignalAttached(at=later(0.5), by="tocsin", signal_id="sig", title="Reads fail | all", source="probe"),
    Acknowledged(at=later(2), by="ana"),
    RoleAssigned(at=later(3), by="ben", role="incident_commander", person="ben"),
    RoleAssigned(at=later(4), by="ben", role="tech", person="ana"),
    Decided(at=later(18), by="ben", decision="Do not roll back", because="it is theirs"),
    Mitigated(at=later(30), by="ana", how="Serve without memory"),
    Resolved(at=later(94), by="ana", how="Their replica took over"),
    Recovered(at=later(124), by="tocsin", watched_minutes=30),
)
OWED = (
    obligation("acknowledge", Kind.ACKNOWLEDGE, State.MET),
    obligation("role:scribe", Kind.ROLE, State.MISSED, what="Name the scribe", clause="2.4"),
    obligation("update:public", Kind.UPDATE, State.WAIVED),
    obligation("review", Kind.REVIEW, State.OPEN),
    obligation("watch", Kind.WATCH, State.VOID),
)
WRITTEN = {
    "summary": "Rose forgot for an hour.",
    "impact": "About **300** people.",
    "technical": "One replica.",
    "contributing": "1. No alarm on it.",
}


def drafted(
    *entries: AnyEntry,
    written: dict[str, str] | None = None,
    obligations: tuple[Obligation, ...] = OWED,
    related: tuple[Incident, ...] = (),
    actions: tuple[Row, ...] = (),
) -> PostMortem:
    record = timeline(*(entries or RECORD))
    one = folding.fold("inc_NIGHT", record)
    return draft(PLAN, one, record, obligations, written or {}, related, later(600), actions=actions)


def section(document: PostMortem, key: str) -> DraftSection:
    return next(one for one in document.sections if one.id == key)


def facts(document: PostMortem, key: str) -> list[tuple[str, str]]:
    return [(fact.label, fact.value) for fact in section(document, key).facts]


# ---- What the record fills in ----


def test_the_head_of_the_document() -> None:
    document = drafted()
    assert (document.title, document.declared_on) == ("Memory system down", date(2026, 11, 24))
    assert (document.status, document.severity) == (Standing.DRAFT, "P1, High")
    assert document.authors == ("Ben Halvorsen", "Ana Okafor")


def test_the_authors_are_those_who_wrote_where_that_is_known() -> None:
    record = timeline(*RECORD)
    one = folding.fold("inc_NIGHT", record)
    document = draft(PLAN, one, record, (), {}, (), later(600), authors=["lucia"])
    assert document.authors == ("Lucía Ferrer",)
    assert drafted(*RECORD[:3]).authors == ("Ana Okafor",)  # nobody held a role: whoever answered
    assert drafted(declared()).authors == ()


def test_every_section_of_the_plan_stands_in_its_order() -> None:
    assert [one.id for one in drafted().sections] == list(SECTIONS)


def test_the_summary_knows_the_milestones_and_the_people() -> None:
    assert facts(drafted(), "summary") == [
        ("Severity", "P1, High"),
        ("Type", "External API failure"),
        ("Started", "2026-11-24 02:38 UTC"),
        ("Detected", "2026-11-24 02:39 UTC"),
        ("Resolved", "2026-11-24 04:13 UTC"),
        ("Recovered", "2026-11-24 04:43 UTC"),
        ("Incident commander", "Ben Halvorsen"),
        ("Technical lead", "Ana Okafor"),
    ]


def test_a_part_of_a_second_is_not_rounded_up_as_no_figure_of_the_page_is() -> None:
    one = drafted(declared(detected_at=NIGHT + timedelta(seconds=10.7)))
    assert dict(facts(one, "impact"))["Time to detect"] == "1 min 31 s"


def test_the_impact_is_measured() -> None:
    assert facts(drafted(), "impact") == [
        ("User impact, start to recovery", "2 h 5 min 21 s"),
        ("Total, start to close", "10 h 1 min 21 s so far"),
        ("Time to detect", "1 min 21 s"),
        ("Time to resolve", "1 h 34 min"),
        ("Affects", "Memory"),
    ]


def test_the_impact_of_an_incident_that_goes_on() -> None:
    found = dict(facts(drafted(declared(impact="No recall"), *RECORD[1:3]), "impact"))
    assert found["User impact, start to recovery"] == "10 h 1 min 21 s so far"
    assert found["Time to resolve"] == "not on the record"
    assert found["Impact as declared"] == "No recall"


def test_the_timeline_has_every_entry_and_the_start() -> None:
    found = section(drafted(), "timeline")
    assert found.columns == ("Time (UTC)", "Event")
    assert len(found.rows) == len(RECORD) + 1
    assert found.rows[0] == ("02:38:10", "Trouble began, as far as the signals know.")
    assert found.rows[3] == ("02:41:31", "Ana Okafor acknowledged through web.")


def test_a_timeline_over_midnight_names_the_days() -> None:
    found = section(drafted(declared(), Noted(at=later(24 * 60), by="ana", text="Still")), "timeline")
    assert [row[0] for row in found.rows] == [
        "2026-11-24 02:38:10",
        "2026-11-24 02:39:31",
        "2026-11-25 02:39:31",
    ]


def test_the_detection_says_how_and_how_fast() -> None:
    assert facts(drafted(), "detection") == [
        ("Trigger", "Health check"),
        ("Seen by", "probe"),
        ("Evidence", "3 looks of 3 say that qdrant is disconnected"),
        ("Declared by", "Tocsin"),
        ("Start to detection", "1 min 21 s"),
    ]


def test_the_response_is_held_against_the_severity() -> None:
    assert facts(drafted(), "response") == [
        ("Detection to response", "2 min (target: 15 min, kept)"),
        ("Response to mitigation", "28 min (target: 3 h 58 min, kept)"),
        ("Mitigation to resolution", "1 h 4 min (target: 3 h 30 min, kept)"),
        ("Detection to resolution", "1 h 34 min (target: 4 h, kept)"),
        ("Obligations", "1 met, 0 late, 1 missed, 1 waived"),
        ("Missed", "Name the scribe, due 2026-11-24 02:54:31 UTC, clause 2.4"),
    ]


def test_a_target_that_passed_is_said_to_have_passed() -> None:
    late = (
        declared(),
        Acknowledged(at=later(16), by="ana"),
        Mitigated(at=later(250), by="ana", how="At last"),
        Resolved(at=later(260), by="ana", how="Done"),
    )
    found = dict(facts(drafted(*late), "response"))
    assert found["Detection to response"] == "16 min (target: 15 min, passed)"
    assert found["Response to mitigation"] == "3 h 54 min (target: 3 h 44 min, passed)"
    assert found["Mitigation to resolution"] == "10 min (the target had passed before)"
    assert found["Detection to resolution"] == "4 h 20 min (target: 4 h, passed)"


def test_what_did_not_happen_is_not_invented() -> None:
    found = dict(facts(drafted(declared()), "response"))
    assert found["Detection to response"] == "not on the record (target: 15 min)"
    assert found["Response to mitigation"] == "not on the record"


def test_the_resolution_is_what_was_done_and_decided() -> None:
    assert facts(drafted(), "resolution") == [
        ("Decided", "Do not roll back. Because: it is theirs."),
        ("Mitigated by", "Serve without memory"),
        ("Resolved by", "Their replica took over"),
        ("Watched", "30 min without a regression"),
    ]


def test_related_incidents_are_rows_or_a_fact() -> None:
    before = incident(declared(at=NIGHT - timedelta(days=28), number=7), incident_id="inc_BEFORE")
    found = section(drafted(related=(before,)), "related")
    assert found.rows == (
        ("#7", "same type and service", "2026-10-27 02:39 UTC", "P1", "Memory system down", "Investigating"),
    )
    assert facts(drafted(), "related") == [("Related incidents", "none on the record")]


def test_the_appendix_has_signals_links_and_the_revision() -> None:
    assert facts(drafted(), "appendix") == [
        ("Plan revision", "rev1"),
        ("Signal from probe", "Reads fail | all, 2026-11-24 02:40:01 UTC"),
        ("Dashboard", "https://dash.example.org/rose_main"),
    ]


def test_action_items_are_the_rows_that_are_handed_in() -> None:
    row = ("Second replica", "Prevent", "Ana Okafor", "2026-12-04", "open")
    found = section(drafted(actions=(row,)), "actions")
    assert found.rows == (row,)
    assert len(found.columns) == len(row)
    assert section(drafted(), "actions").rows == ()


def test_facts_that_nobody_knows_leave_a_section_plain() -> None:
    plan = replace(PLAN, review=replace(PLAN.review, sections={"odd": Section(title="Odd", facts="weather")}))
    record = timeline(*RECORD)
    document = draft(plan, folding.fold("inc_NIGHT", record), record, (), {"odd": " Mine "}, (), later(600))
    (found,) = document.sections
    assert (found.facts, found.rows, found.text) == ((), (), "Mine")


# ---- Draft to final ----


def test_a_draft_names_what_is_missing() -> None:
    assert missing(drafted()) == [
        "Executive summary",
        "Impact",
        "Root cause: Technical root cause",
        "Root cause: Contributing factors",
    ]


def test_a_draft_is_not_final_before_it_is_written() -> None:
    with pytest.raises(NotWritten, match="still to write: Impact") as refused:
        finalise(drafted(written={**WRITTEN, "impact": " \n"}))
    assert isinstance(refused.value, Refused)


def test_a_written_draft_becomes_final() -> None:
    document = drafted(written=WRITTEN)
    assert missing(document) == []
    assert finalise(document) == replace(document, status=Standing.FINAL)


def test_required_action_items_are_missing_until_there_is_one() -> None:
    sections = {"actions": Section(title="Action items", facts="action_items")}
    plan = replace(PLAN, review=replace(PLAN.review, sections=sections))
    record = timeline(*RECORD)
    one = folding.fold("inc_NIGHT", record)
    rows = [("Second replica", "Prevent", "Ana Okafor", "2026-12-04", "open")]
    assert missing(draft(plan, one, record, (), {}, (), later(600))) == ["Action items"]
    assert missing(draft(plan, one, record, (), {}, (), later(600), actions=rows)) == []


# ---- The document ----


def test_the_markdown_has_every_section_under_its_part() -> None:
    lines = markdown(finalise(drafted(written=WRITTEN))).splitlines()
    assert lines[0] == "# Post-mortem: Memory system down"
    assert "- **Status**: Final" in lines
    assert "- **Authors**: Ben Halvorsen, Ana Okafor" in lines
    assert [line for line in lines if line.startswith("#")] == [
        "# Post-mortem: Memory system down",
        "## Executive summary",
        "## Impact",
        "## Timeline",
        "## Root cause",
        "### Technical root cause",
        "### Contributing factors",
        "## Detection",
        "## Response",
        "## Resolution",
        "## Action items",
        "## Lessons learned",
        "## Related incidents",
        "## Appendix",
    ]
    assert "About **300** people." in lines
    assert "| 02:41:31 | Ana Okafor acknowledged through web. |" in lines


def test_what_is_not_written_shows_in_the_markdown() -> None:
    written = markdown(drafted())
    assert written.count("*Not written yet.*") == 4
    assert written.count("*Nothing written.*") == 2  # the lessons and the action items are optional


def test_what_the_record_says_is_plain_text_in_the_markdown() -> None:
    hostile = Noted(at=later(1), by="ana", text="a | b <script> [x](y) *z* `q` _u_ MEMORY_TOP_K \\")
    html = MarkdownIt("commonmark").enable("table").render(markdown(drafted(declared(), hostile)))
    assert "a | b &lt;script&gt; [x](y) *z* `q` _u_ MEMORY_TOP_K \\." in html


@given(timelines())
def test_any_record_makes_a_document(record: tuple[Numbered, ...]) -> None:
    one = folding.fold("inc_ANY", record)
    document = draft(PLAN, one, record, OWED, WRITTEN, (), record[-1].entry.at)
    table = markdown(document).split("## Timeline\n\n")[1].split("\n\n")[0].splitlines()
    early = one.started_at < one.declared_at
    assert len(table) == len(record) + 2 + early
    assert all(len(line.replace("\\|", "").split("|")) == 4 for line in table)


# ---- Durations ----


def test_the_durations_are_the_plans() -> None:
    took = durations(folding.fold("inc_NIGHT", timeline(*RECORD)))
    assert took.detect == timedelta(seconds=81)
    assert took.acknowledge == timedelta(minutes=2)
    assert took.mitigate == timedelta(minutes=30)
    assert took.resolve == timedelta(minutes=94)
    assert took.recover == timedelta(minutes=124)
    assert took.user_impact == timedelta(minutes=124, seconds=81)
    assert took.total is None


def test_clocks_that_contradict_each_other_measure_nothing() -> None:
    assert between(later(1), NIGHT) is None
    assert between(NIGHT, NIGHT) == timedelta(0)
    assert durations(incident(declared(started_at=later(1)))).detect is None


def test_every_name_of_facts_is_tried_above_and_passes_the_check_of_a_plan() -> None:
    assert {one.facts for one in SECTIONS.values()} - {None} == set(FACT_NAMES) == set(FACTS)
