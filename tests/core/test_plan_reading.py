"""Whoever has a plan in Markdown gets a draft in which every line is cited, arranging or listed: nothing is guessed."""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.kit.errors import Invalid
from tocsin.plan import check
from tocsin.plan.model import Milestone, Need, Plan, Stage
from tocsin.plan.parse import Problem, parse
from tocsin.plan.reading.document import read_document
from tocsin.plan.reading.draft import Draft, Said, walk
from tocsin.plan.reading.outline import MAX_BYTES, MAX_LINES
from tocsin.plan.reading.render import render

BAKERY = """\
# Incident Response Plan for the Night Bakery

This page is for whoever bakes at night.

- [Levels](#levels)
- [Crew](#crew)

---

## Purpose

Bread is on the shelf at six, whatever breaks.

## Scope

What this is about:
- Ovens and dough
- The till

## Levels

### P0 - Cold Ovens (Response Time: Immediate)

**Definition**: Nothing can be baked.

**Examples**:
- Both ovens are cold
- The flour is gone

**Response Requirements**:
- Answer in person (respond in < 5 minutes)
- All hands on deck
- Public status updates every 15 minutes
- Post-mortem required
- Baker-in-chief named within 10 minutes

**Target Resolution**: < 1 hour

### P1 - Half Cold (Response Time: < 15 minutes)

**Definition**: One oven is cold.

**Response Requirements**:
- Status updates as needed
- Post-mortem optional
- The baker on call looks at it

**Target Resolution**: < 4 hours

### P2 - Crumbs (Response Time: a while)

**Definition**: Somebody noticed something.

**Target Resolution**: < 2 business days

## Crew

### Roles

#### Baker-in-Chief (BIC)
**Primary Responsibility**: Decides what is baked

**Duties**:
- Gives the orders
- Leads the post-mortem
- Keeps the status page true

**Who**: Old Marta or whoever she names

#### Runner
**Primary Responsibility**: Carries word

**Duties**:
- Knocks on doors

**Who**: Any available team member

### On-Call Rotation

**Schedule**: weekly rotation

**Handoff duties**:
- Count the sacks

## Response Process

### Phase 1: Smell (0-5 minutes)

**Actions**:
1. **Look**
   - Respond to every alert within 5 minutes
   - Health page: `/oven/health`

**Tools**:
- A long spoon

### Phase 2: Resolution (5 minutes - 2 hours)

**Actions**:
- Choose one:
  - Relight
  - Borrow
- Watch the heat for 20 minutes after the fix

### Phase 3: Sweeping (Post-Resolution)

**Actions**:
- Sweep

## Incident Types

### Power Cut

**Symptoms**: It is dark

**Immediate Actions**:
1. Find a candle
2. Call the grid

**Runbook**: [Candles](BOOK.md#candles)

## Communication

### Internal Communication

**Update Frequency**:
- **P0**: Every 15 minutes
- **P1**: Every 2 hours

**Update Template**:
```
[HH:MM] Word from the bakery
- Impact: [Who goes hungry]
- ETA: [Expected resolution time]
- Mood: [Happy/Sad] {hm}
```

### Stakeholder Communication

**Executive Updates** (P0/P1):
- First word within 20 minutes
- Hourly updates until the bread is out

## Post-Mortem

**Timing**: Within 48 hours of resolution (P0)

**Duration**: 30 minutes

**Attendees**:
- Baker-in-Chief
- All responders
- The landlord

**Agenda**:
1. What burned (10 min)
2. What did not (25 min)

**Required Sections**:
1. **Timeline**
   - Minute by minute
2. **Blame**
   - Why there is none

### Follow-Up

**Soon** (< 1 week):
- Buy candles

**Later** (< 3 months):
- Buy a generator

## Templates

### Incident Ticket Template

```markdown
# Incident: [Short words]
**Severity**: P[0-2]
**Started**: [YYYY-MM-DD HH:MM UTC]
- [HH:MM] Incident detected
- [HH:MM] Bread saved
- [ ] [Thing to do]
```

### Status Page Update Template

**Initial Update**:
```
[HH:MM UTC] Investigating
No bread yet: [issue description].
```

## Metrics

- **Mean Time to Bread (MTTB)**: From cold to warm
- **Mean Time to Butter (MTTB)**: From warm to eaten

### Target SLAs
- **P0 MTTR**: < 1 hour
- **P1 MTTR**: < 5 hours

## Related Documentation

- [Candles](BOOK.md)

## Revision History

| Date | Version | Changes |
|------|---------|---------|
| 2025-02-03 | 0.9 | Scribbled |
| 2025-03-01 | 1.0 | Written |
"""

KILN = """\
# Kiln Payments: Incident Management Policy

Version: 2.1

Goals
=====

Money arrives once, and everybody who waits for it is told the truth.

## 1. Severity matrix

| Severity | Name | Description | Time to acknowledge | Time to resolve | Update frequency | Post-mortem |
|:---------|:-----|:------------|:-------------------:|----------------:|------------------|-------------|
| SEV1 | Blackout | No payment goes through | 5 minutes | 2 hours | every 20 minutes | Required |
| SEV2 | Brownout | Many payments fail | within 10 min | half a day | hourly | required |
| SEV3 | Bruise | One bank is slow | 30 min | 1 business day | every 4 hours | optional |
| SEV4 | Scratch | A report is late | 4 h | 3 days | as needed | no |
| SEV5 | Dust | A typo | one day | one month | none | no |

Every page is acknowledged within 10 minutes.

## 2. Roles

- **Incident Manager (IM)**: steers the response and decides
- **Operations Lead**: changes the systems, and nobody else does

## 3. On call

Rotation: daily, with the handover at 08:30 Europe/Vienna.

## 4. Escalation policy

1. Page the primary on-call
2. After 10 minutes, page the operations lead
3. After 20 minutes, page everyone

## 5. Incident lifecycle

### Triage

- Confirm that it is real

### Mitigation

Steps:

1. Stop the bleeding
   - Turn off the broken bank
2. Observe the error rate for 45 minutes after the fix

## 6. Playbooks

### Bank unreachable

Symptoms:

- Timeouts towards one bank
- A growing queue

Steps:

1. Ask the bank

Runbook: https://example.org/runbooks/bank

## 7. Notifications

### Leadership

First notification within 15 minutes for SEV1-SEV2, then every 2 hours.

> Nobody phones the bank's chairman.

## 8. Post-mortem

The post-mortem is held within 3 days.

**Participants**: Incident Manager, everyone involved, Head of Risk

**Length:** 45 minutes

**Agenda**:

* What happened - 20 min
* What changes - 20 min

## 9. Changelog

| Version | Date | Notes |
|---|---|---|
| 2.0 | 03/04/2025 | First shared version |
| 2.1 | 5 May 2025 | Legal is told |
"""

DOCUMENTS = {"bakery": BAKERY, "kiln": KILN}

documents = pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)


def drafted(text: str) -> dict[str, Any]:
    found = yaml.load(render(read_document(text)), Loader=yaml.BaseLoader)  # as written: no date, no number
    assert isinstance(found, dict)
    return found


def problems(text: str) -> list[Problem]:
    found = parse(text)
    return found if isinstance(found, list) else []


def numbers(listing: str) -> set[int]:
    """`12-14, 20` as numbers."""
    spans = (part.split("-") for part in listing.split(", "))
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def accounted(rendered: str) -> set[int]:
    """Every line that the text of a draft speaks of, in whichever of its lists."""
    found = set()
    for listing in re.findall(r"\blines? ([\d, -]*\d)", rendered):
        found |= numbers(listing)
    _, _, arranging = rendered.partition("# --- Lines that only arrange")
    return found | numbers(arranging.splitlines()[1].lstrip("# "))


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1


def unread(text: str) -> dict[int, str]:
    return {line: one.text for one in read_document(text).unread for line in one.lines}


def contradictions(text: str) -> dict[str, tuple[str, str]]:
    return {one.what: (one.kept.written, one.other.written) for one in read_document(text).contradictions}


# --- The promise ------------------------------------------------------------------------------------------------------


@documents
def test_every_line_that_says_something_is_cited_or_arranges_or_is_listed(text: str) -> None:
    filled = {number for number, line in enumerate(text.splitlines(), start=1) if line.strip()}
    assert accounted(render(read_document(text))) == filled


@documents
def test_a_line_that_only_arranges_holds_no_sentence(text: str) -> None:
    written = text.splitlines()
    arranging = [written[line - 1] for line in read_document(text).arranging]
    bare = re.compile(r"#+ .*|\*\*[^*]+\*\*:?|[-=| :]+|```.*|- \[.*\]\(#.*\)|\|.*\||.*:")
    assert [line for line in arranging if not bare.fullmatch(line.strip())] == []


@documents
def test_the_words_of_a_value_stand_on_the_lines_it_cites(text: str) -> None:
    """Prose is taken over, not invented: each word of it is on one of its lines."""
    written = text.splitlines()
    prose = [(path, one) for path, one in walk(read_document(text).plan) if isinstance(one, Said) and not one.how]
    for path, one in prose:
        value = str(one.value)
        there = " ".join(written[line - 1] for line in one.lines)
        if " " in value and not re.fullmatch(r"\d+ \w+", value):
            assert [word for word in re.findall(r"\w+", value) if word not in there] == [], path
    assert len(prose) > 30


@documents
def test_the_check_of_a_draft_names_its_holes_and_nothing_else(text: str) -> None:
    draft = read_document(text)
    rendered = render(draft)
    found = check.load(rendered)
    assert isinstance(found, list)
    assert [problem.path for problem in found] == sorted(
        (path for path, _ in draft.holes()), key=[problem.path for problem in found].index
    )
    marked = {number for number, line in enumerate(rendered.splitlines(), 1) if re.search(r"[:-]  # HOLE", line)}
    assert {problem.line for problem in found} == marked


@documents
def test_every_value_carries_its_line(text: str) -> None:
    plan, _, _ = render(read_document(text)).partition("# --- Contradictions")
    values = [line for line in plan.splitlines() if re.match(r"\s*(- )?[\w\"][^:#]*: [^\s#{\[|>]", line)]
    assert [line for line in values if not re.search(r"  # lines? \d", line)] == ["tocsin: 1"]


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
    assert plan.phases["smell"].actions[0] == "Look: Respond to every alert within 5 minutes"
    assert plan.phases["resolution"].actions[:2] == ("Choose one: Relight", "Choose one: Borrow")
    assert plan.types["power_cut"].actions == ("Find a candle", "Call the grid")
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
        "Count the sacks",
        "A long spoon",
    ):
        assert silent[line_of(BAKERY, sentence)] == sentence
    rendered = render(read_document(BAKERY))
    assert f"#   line {line_of(BAKERY, 'A long spoon')}: A long spoon [Phase 1: Smell / Tools]\n" in rendered


def test_a_fact_that_is_given_two_values_keeps_the_first_and_lists_both() -> None:
    found = contradictions(BAKERY)
    assert found["P1 is answered within"] == ("15 min", "5 min")
    assert found["P1 is resolved within"] in {("4 h", "5 h"), ("4 h", "2 h")}
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
    assert plan.phases["triage"].actions == ("Confirm that it is real",)
    assert plan.types["bank_unreachable"].symptoms == "Timeouts towards one bank; A growing queue"
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


# --- Small things -----------------------------------------------------------------------------------------------------


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


# --- Bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "é" * (MAX_BYTES // 2 + 1),
        "\n" * MAX_LINES + "x",
        "|a" * 200 + "\n" + "|-" * 200 + ("\n" + "|b" * 200) * 300,
        "\ud800",
    ],
    ids=["bytes", "lines", "cells", "surrogate"],
)
def test_what_is_too_large_or_no_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"at most|fewer|not text"):
        read_document(text)


def test_a_draft_that_no_plan_may_be_as_large_as_is_refused() -> None:
    text = "# X\n\n## Scope\n\n" + f"- {chr(7) * 1000}\n" * 900  # each of these letters takes six in quotes
    with pytest.raises(Invalid, match="larger"):
        render(read_document(text))


PIECES = [
    *("# ", "## ", "### P0 - ", "- ", "1. ", "   - ", "> ", "**", "```\n", "---\n", "\n", "\n\n", "    ", "\t", "\r"),
    *(
        "**Examples**:\n",
        "**Duties**:\n",
        "**Who**: any team member\n",
        "Severity",
        "Roles",
        "Incident Types",
        "Process",
    ),
    *("| a | b |\n|---|---|\n", "| P1 | 5 min |\n", "SEV1: ", "P0", "P1", "(P0/P1)", "< 5 minutes", "every 15 minutes"),
    *(
        "hourly",
        "0-5 minutes",
        "Symptoms: ",
        "Actions:\n",
        "Communication",
        "Executive Updates",
        "Status Page",
        "Template",
    ),
    *("[issue]", "[HH:MM]", "{x}", "Post-Mortem", "Agenda:\n", "Timing: within 48 hours", "Duration: 60 minutes\n"),
    *(
        "Revision History",
        "| Date | Version |\n|---|---|\n| 2024-01-15 | 1.0 |\n",
        "On-call rotation weekly",
        "on_call",
    ),
    *("Escalation policy", "Phase 1: Detection (0-5 minutes)", "Follow-up", "Immediate (< 1 week):", "Related links"),
    *(
        "[a](b.md)",
        "[a](c.md)",
        "Version: 2",
        "Purpose",
        "Scope",
        "health endpoint /api/health",
        "watch 30 min after a fix",
    ),
    *("99999 years", "everyone", "é", "\u2028", "\x85", "\x00", "\ufeff", "\ufffe", "\U0010ffff", "'", '"', ":", " # "),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=40).map("".join))
def test_any_markdown_becomes_a_draft_that_accounts_for_all_of_it(text: str) -> None:
    draft = read_document(text)
    assert {problem.path for problem in problems(render(draft))} == {path for path, _ in draft.holes()}
    assert draft.filled <= draft.cited() | draft.arranging | draft.not_understood()
    assert not draft.arranging & (draft.cited() | draft.not_understood())
