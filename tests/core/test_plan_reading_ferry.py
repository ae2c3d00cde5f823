"""A ferry line's plan: the newer parts of the language are read from words that no other document here uses."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.core import test_plan_reading as reading
from tests.core.test_plan_reading import accounted, line_of, problems
from tests.core.test_plan_reading_documents import filled
from tocsin.plan import check
from tocsin.plan.measures import Band, Count, Moment
from tocsin.plan.model import Condition, Plan
from tocsin.plan.procedure import Exit
from tocsin.plan.reading.document import read_document
from tocsin.plan.reading.draft import Said, Text, walk
from tocsin.plan.reading.render import render

FERRY = """\
# Incident Management Plan for the Ferry Line

## How Bad It Is: Severity Levels

### SEV1 - Adrift (Response Time: < 5 minutes)

**Definition**: No boat can be booked, or at least 20 percent of requests end in an error.

**Target Resolution**: < 2 hours

### SEV2 - Listing (Response Time: < 20 minutes)

**Definition**: Some boats cannot be booked.

**Examples**:
- Errors on more than 5% and less than 20% of requests
- The timetable is slower by 40%

**Target Resolution**: < 8 hours

### SEV3 - Ripples (Response Time: < 1 day)

**Definition**: Somebody at the quay complained.

**Examples**:
- Between 1 and 5 per cent errors

**Target Resolution**: < 1 week

## The Crew: Roles

### Harbour Master
**Purpose**: Holds the whole together

**Duties**:
- Update status page
- Runs the post-mortem

**Who**: Anyone available

## On-Call

Shifts are weekly.

**Engineer expectations**:
- Hears the bell

**Shift handover**:
- Which boats are out

## Response Process

### Phase 1: Noticing (0-10 minutes)

**Actions**:
1. Ring the bell (SEV1 only)
2. **Look at the water**
   - From the tower (SEV1/SEV2)
   - Health page at https://ferry.example.org/health

**Tools**:
- [The tower camera](https://ferry.example.org/camera)
- Binoculars

**Done when**:
- The incident is declared
- Every boat has answered by radio

### Phase 2: Mending (Post-Resolution)

**Steps**:
1. **Put it right**
   - Pick the way out:
     - **Turn back**: the quickest
     - Tow (slow)
2. **Verification of the fix**
   - A test booking goes through
   - The radar is clear
3. Watch for 25 minutes after the fix
4. **Confirm complete recovery**
   - All boats are moored
5. **Closing the incident**
   - Complete the ticket
   - Post a last update on the status page
   - Thank the crew
   - Fly the flag

**Notifications**:
- Public: that it is over (SEV1)
- Passengers' lawyers: nothing
- In the incident channel: what was mended

**Log Keeping**:
- When it began

## Communication

### Chat Channel (SEV1, SEV2)
- Named `#ferry-<date>-<short-description>`
- One thread for each boat

Start a bridge call at https://meet.example.org/ferry for SEV1.

Our status page: https://status.ferry.example.org

### Internal Communication

**Cadence**:
- **SEV1**: every 20 minutes

### Public Updates

**Frequency**:
- **SEV1**: every 30 minutes

**Customer Messages**:
- Say which boats still run
- Keep it short

### Board Updates (SEV1)
- First word within 30 minutes
- Say what it costs

## Providers

| Provider | Used for | Status page | Contact |
|---|---|---|---|
| Skymap | Weather | https://status.skymap.example | the red phone |
| Pierpay | Fares | none | desk@pierpay.example |

## Kinds of Trouble: Incident Types

### A Third-Party Outage

**Symptoms**: Skymap or Windline is down

**Actions**:
1. Call them

## Post-Mortem

**Timing**: within 3 days

**Duration**: 40 minutes

**Participants**: Harbour Master

**Agenda**:

| Topic | Minutes |
|---|---|
| What happened | 25 |
| What changes | 15 |

**Required Sections**:
1. **Course of Events**
   - Hour by hour

### Action Item Horizons

| Horizon | Due |
|---|---|
| At once | within 3 days |
| Next season | within 2 months |

## Templates

### Ticket Template

```markdown
# Incident: [What]

**Users Affected**: [How many]
**Functionality Impacted**: [Which]
**Weather**: [Clouds]

## Timeline
- [HH:MM] Bell rung
- [HH:MM] Boats called

## Action Items
- [ ] [First] - Owner: [Who]
- [ ] [Second] - Owner: [Who]
```

### Post-Mortem Template

```markdown
# Post-Mortem: [Title]

**Written by**: [Whom]

## Course of Events
| When | What |
|------|------|
| HH:MM | [Event] |

## Cause

### Depth
[How deep the water was]

### Log
```
[Log lines]
```

### Pictures
[Photographs]
```

See [the crew](#the-crew).

## Figures: Metrics

We look at these each quarter:

- **Time to Notice (TTN)**: from the start of trouble until detection
- **Time to Moor (TTM)**: from detection to resolution
- **Time Well Spent**: a feeling
- **Boats Lost**: incidents per month
- **Same Again**: incidents with the same root cause

| Severity | TTM |
|---|---|
| SEV1 | 2 hours |
| SEV2 | 8 hours |
"""

ANSWERS = {
    "version": "1",
    "people": {"mo": {"name": "Mo"}},
    "rotations.on_call.people": ["mo"],
    "starts_on": "2025-01-06",
    "handoff": "06:00",
    "zone": "UTC",
    "steps": [{"page": ["mo"], "wait": "5 min"}],
    "owner": "on_call",
    "to": ["mo"],
    "every": "1 h",
    **dict.fromkeys(("investigating", "identified", "monitoring", "resolved"), "ticket"),
}


def ferry() -> Plan:
    found = check.load(filled(read_document(FERRY), ANSWERS))
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


def test_the_draft_has_only_holes_that_are_named_and_accounts_for_every_line() -> None:
    draft = read_document(FERRY)
    rendered = render(draft)
    assert {one.path for one in problems(rendered)} == {path for path, _ in draft.holes()}
    assert accounted(rendered) == {number for number, line in enumerate(FERRY.splitlines(), 1) if line.strip()}


def test_it_keeps_what_every_draft_promises() -> None:
    reading.test_the_words_of_a_value_stand_on_the_lines_it_cites(FERRY)
    reading.test_every_value_carries_its_line(FERRY)
    reading.test_the_check_of_a_draft_names_its_holes_and_nothing_else(FERRY)


def test_error_rates_become_bands_and_one_that_belongs_to_two_is_a_contradiction() -> None:
    found = {key: one.error_rate for key, one in ferry().severities.items()}
    assert found == {
        "SEV1": Band(at_least=Decimal(20)),
        "SEV2": Band(above=Decimal(5), below=Decimal(20)),
        "SEV3": Band(at_least=Decimal(1), at_most=Decimal(5)),
    }
    twice = read_document(FERRY.replace("Errors on more than 5% and less", "Errors on at least 5% and less"))
    (one,) = (it for it in twice.contradictions if "%" in it.what)
    assert (one.what, one.kept.written, one.other.written) == ("which severity 5 % of errors is", "SEV2", "SEV3")


@pytest.mark.parametrize(
    ("said", "band"),
    [
        ("Error rate > 10%", Band(above=Decimal(10))),
        ("Error rate >= 2.5 %", Band(at_least=Decimal("2.5"))),
        ("Error rate of 8% or more", Band(at_least=Decimal(8))),
        ("Up to 3 percent of requests fail: errors", Band(at_most=Decimal(3))),
        ("Errors below 7 %", Band(below=Decimal(7))),
        ("Error rate 5% - 10%", Band(at_least=Decimal(5), at_most=Decimal(10))),
        ("Error rate > 10% for more than 5% of users", None),
        ("Error rate 10-5%", None),
        ("Error rate > 250%", None),
        ("Error rate 10%", None),
        ("Performance degradation > 50%", None),
        ("Error rate > 5-10%", None),
    ],
)
def test_a_sentence_names_a_band_or_nothing_is_guessed(said: str, band: Band | None) -> None:
    text = f"# X\n\n## Severity\n\n### P1 - Bad\n\n**Definition**: It is bad.\n\n**Examples**:\n- {said}\n"
    values = dict(walk(read_document(text).plan))
    path = "severities.P1.error_rate"
    borders = {key: values.get(f"{path}.{key}") for key in ("above", "at_least", "below", "at_most")}
    read = {key: Decimal(str(one.value)) for key, one in borders.items() if isinstance(one, Said)}
    assert (Band(**read) if read else None) == band
    assert path in values or not read


def test_phases_are_read_with_severities_tools_tellings_and_their_ends() -> None:
    noticing, mending = ferry().phases.values()
    bell, look = noticing.actions
    assert (bell.title, bell.severities) == ("Ring the bell", ("SEV1",))
    assert (look.items[0].do, look.items[0].severities) == ("From the tower", ("SEV1", "SEV2"))
    assert [(one.name, one.link) for one in noticing.tools] == [
        ("The tower camera", "https://ferry.example.org/camera"),
        ("Binoculars", None),
    ]
    assert noticing.ends_when == (Exit.DECLARED,)
    assert noticing.confirm == ("Every boat has answered by radio",)
    assert [(one.audience, one.what, one.severities) for one in mending.tells] == [
        ("public", "that it is over", ("SEV1",)),
        ("internal", "what was mended", ()),
    ]
    assert "Passengers' lawyers: nothing" in [one.title for one in mending.actions]  # told to nobody that is certain
    assert (mending.actions[-1].title, mending.actions[-1].items[0].do) == ("Log Keeping", "When it began")


def test_ways_out_checks_and_confirmations_have_their_places() -> None:
    plan = ferry()
    assert {key: (one.name, one.description) for key, one in plan.resolution.strategies.items()} == {
        "turn_back": ("Turn back", "the quickest"),
        "tow": ("Tow", "slow"),
    }
    assert list(plan.resolution.verification.values()) == ["A test booking goes through", "The radar is clear"]
    assert plan.recovery.watch_for == timedelta(minutes=25)
    assert list(plan.recovery.confirm.values()) == ["All boats are moored"]
    assert plan.recovery.close_requires == (
        Condition.RECOVERED,
        Condition.RECOVERY_CONFIRMED,
        Condition.TICKET_COMPLETE,
        Condition.FINAL_PUBLIC_UPDATE,
        Condition.TEAM_THANKED,
    )


def test_channels_are_read_with_their_fields_and_severities() -> None:
    channels = ferry().communication.channels
    assert channels.chat and channels.call
    assert channels.chat.name == "ferry-{date}-{slug}"
    assert channels.chat.severities == ("SEV1", "SEV2")
    assert channels.chat.habits == ("One thread for each boat",)
    assert (channels.call.link, channels.call.severities) == ("https://meet.example.org/ferry", ("SEV1",))
    assert channels.status_page == "https://status.ferry.example.org"


def test_whoever_writes_to_an_audience_finds_how() -> None:
    audiences = ferry().communication.audiences
    assert audiences["public"].guidance == (
        "Customer Messages: Say which boats still run",
        "Customer Messages: Keep it short",
    )
    assert audiences["board"].guidance == ("Say what it costs",)
    assert list(audiences["board"].cadence) == ["SEV1"]


def test_vendors_come_from_their_table_and_from_whose_failure_is_trouble() -> None:
    plan = ferry()
    assert {key: (one.name, one.description, one.status_page, one.support) for key, one in plan.vendors.items()} == {
        "skymap": ("Skymap", "Weather", "https://status.skymap.example", "the red phone"),
        "pierpay": ("Pierpay", "Fares", None, "desk@pierpay.example"),
        "windline": ("Windline", "", None, ""),
    }
    (service,) = plan.services.values()
    assert service.depends_on == ("skymap", "pierpay", "windline")


def test_turns_have_duties_and_what_is_handed_over() -> None:
    rotation = ferry().rotations["on_call"]
    assert (rotation.duties, rotation.handed_over) == (("Hears the bell",), ("Which boats are out",))


def test_the_review_is_read_from_tables_and_from_its_template() -> None:
    review = ferry().review
    assert [(one.topic, one.minutes) for one in review.agenda] == [("What happened", 25), ("What changes", 15)]
    assert {key: one.within.days for key, one in review.horizons.items()} == {"at_once": 3, "next_season": 60}
    assert {key: (one.title, one.part, one.required) for key, one in review.sections.items()} == {
        "course_of_events": ("Course of Events", "", True),
        "depth": ("Depth", "Cause", False),
        "log": ("Log", "Cause", False),
        "pictures": ("Pictures", "Cause", False),
    }
    assert review.sections["course_of_events"].prompt == "Hour by hour; When, What; HH:MM, Event"
    assert review.sections["log"].prompt == "Log lines"  # the block that a block inside it closed is one again


def test_lists_of_a_ticket_are_filled_as_a_whole_and_what_is_not_certain_stays() -> None:
    ticket = ferry().templates["ticket"].splitlines()
    assert ticket == [
        "# Incident: {title}",
        "",
        "**Users Affected**: {users}",
        "**Functionality Impacted**: {functions}",
        "**Weather**: [Clouds]",
        "",
        "## Timeline",
        "{milestones}",
        "",
        "## Action Items",
        "{next}",
    ]
    draft = read_document(FERRY)
    assert line_of(FERRY, "**Weather**") in draft.not_understood()
    text = dict(walk(draft.plan))["templates.post_mortem"]
    assert isinstance(text, Text) and "closed too early" in text.how


def test_figures_are_read_with_their_moments_counts_and_targets() -> None:
    metrics = ferry().metrics
    measured = {key: (one.short, one.since, one.until, one.count_by) for key, one in metrics.items()}
    assert measured == {
        "time_to_notice": ("TTN", Moment.STARTED, Moment.DETECTED, None),
        "time_to_moor": ("TTM", Moment.DETECTED, Moment.RESOLVED, None),
        "boats_lost": ("", None, None, Count.MONTH),
        "same_again": ("", None, None, Count.ROOT_CAUSE),
    }
    assert metrics["time_to_moor"].targets == {"SEV1": timedelta(hours=2), "SEV2": timedelta(hours=8)}


def test_what_remains_is_listed_and_nothing_else_is() -> None:
    draft = read_document(FERRY)
    assert {FERRY.splitlines()[line - 1].strip() for line in draft.not_understood()} == {
        "**Weather**: [Clouds]",
        "**Written by**: [Whom]",
        "- **Time Well Spent**: a feeling",
    }
