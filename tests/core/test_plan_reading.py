"""Whoever has a plan in Markdown gets a draft in which every line is cited, arranging or listed: nothing is guessed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.kit.errors import Invalid
from tocsin.plan import check
from tocsin.plan.parse import Problem, parse
from tocsin.plan.reading.document import read_document
from tocsin.plan.reading.draft import Said, walk
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

## What is an incident?

An **incident** is whatever:
- Makes bread late
- Wakes the street

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

The flour is bought on Mondays.

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
    assert sorted(problem.path for problem in found) == sorted(path for path, _ in draft.holes())
    marked = {number for number, line in enumerate(rendered.splitlines(), 1) if re.search(r"[:-]  # HOLE", line)}
    assert {problem.line for problem in found} == marked


@documents
def test_every_value_carries_its_line(text: str) -> None:
    plan, _, _ = render(read_document(text)).partition("# --- Contradictions")
    values = [line for line in plan.splitlines() if re.match(r"\s*(- )?[\w\"][^:#]*: [^\s#{\[|>]", line)]
    assert [line for line in values if not re.search(r"  # lines? \d", line)] == ["tocsin: 1"]


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
    *("**On-Call Handoff**:\n", "**Incident Channel**:\n", "`#x-YYYYMMDD-slug`", "#x-<a", "start incident call (P0)"),
    *("Error rate > 10%", "errors 5-10%", "errors 0%", "Metrics", "**MTTR**: Time from detection to resolution"),
    *("- Users per month: x\n", "- P0 MTTR: 1 h\n", "Choose resolution strategy:\n", "**Verify the fix**\n"),
    *("**Confirm full recovery**\n", "**Close incident**\n", "Vendors", "Groq or Qdrant unavailable", "Tools:\n"),
    *(
        "**Exit criteria**:\n",
        "## Timeline\n- [HH:MM] a\n- [HH:MM] b\n",
        "```markdown\n## A\nx\n```\ny\n```\n## B\nz\n```\n",
    ),
    *(
        "Post-Mortem Template",
        "**User Notifications**:\n",
        "External Communication",
        "See [x](#x).",
        "Internal: x",
        "true",
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


def test_a_phase_is_read_with_its_triggers_its_steps_and_its_tools_each_with_its_line() -> None:
    text = """\
# Incident response plan: Mill

## Incident response process

### Phase 1: Detection (0-5 minutes)

**Trigger Sources**:
- Automated monitoring alerts
- Health check failures
- The miller's cat

**Actions**:
1. **Look**
   - At the wheel
   - At the water
2. Ring the bell

**Tools**:
- A lantern
"""
    draft = read_document(text)
    values = dict(walk(draft.plan))
    path = "phases.detection"
    said = {key: (one.value, one.lines) for key, one in values.items() if isinstance(one, Said)}
    assert said[f"{path}.triggers.1"] == ("monitoring_alert", (8,))
    assert said[f"{path}.triggers.2"] == ("health_check", (9,))
    assert said[f"{path}.actions.1.title"] == ("Look", (13,))
    assert said[f"{path}.actions.1.items.2"] == ("At the water", (15,))
    assert said[f"{path}.actions.2"] == ("Ring the bell", (16,))
    assert said[f"{path}.tools.1"] == ("A lantern", (19,))
    assert 10 in draft.not_understood()
