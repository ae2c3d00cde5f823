"""Each duty in full, as the ledger and a reminder say it: its words and its clause, whose it is, when, when to warn."""

from datetime import timedelta
from importlib import resources

import pytest

from tests.support.records import declared, incident, later
from tocsin.incidents import lifecycle
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Incident,
    MadeConfidential,
    ObligationWaived,
    Recovered,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    Updated,
)
from tocsin.incidents.owed import owed
from tocsin.incidents.snooze import AskedAgain, Snoozed
from tocsin.plan import check
from tocsin.plan.model import Condition, Plan, Stage

Row = tuple[str, str, str, str, float, str, float | None, str]

TEXT = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
ANSWERED = Acknowledged(at=later(1), by="ana")
FIXED = Resolved(at=later(20), by="ana", how="Restarted it")
WATCHED = Recovered(at=later(50), by="tocsin", watched_minutes=30)


def plan(text: str = TEXT) -> Plan:
    found = check.load(text, "plan.yaml")
    assert isinstance(found, Plan), found
    return found


ROSE = plan()
# The same plan, in which whoever answers for a P1 says at least every half hour how it goes.
TALKING = plan(
    TEXT.replace("  P1:\n", "  P1:\n    silent_after: 30 min\n    snooze_most: 2 h\n", 1)
    .replace("\nclauses:\n", "\nclauses:\n  progress: OWN-01\n  snooze: OWN-02\n", 1)
    .replace("  before: { acknowledge", "  before: { progress: 7 min, acknowledge", 1)
)


def rose(*entries: AnyEntry, severity: str = "P1", kind: str = "service_outage") -> Incident:
    return incident(declared(severity=severity, type=kind, service="rose"), *entries)


def rows(one: Incident, by: Plan = ROSE) -> list[Row]:
    return [
        (
            key,
            str(duty.kind),
            duty.what,
            duty.clause,
            (duty.due_at - later(0)) / timedelta(minutes=1),
            duty.owner,
            duty.warn_within / timedelta(minutes=1) if duty.warn_within else None,
            duty.audience,
        )
        for key, duty in owed(by, one).items()
    ]


def of_kind(kind: str, found: list[Row]) -> list[Row]:
    return [row for row in found if row[1] == kind]


UPDATES: list[Row] = [
    ("update:internal", "update", "Internal: update", "COM-02", 15, "incident_commander", 5, "internal"),
    ("update:public", "update", "Public: update", "SEV-06", 15, "communications_lead", 5, "public"),
    ("update:executives", "update", "Executives: update", "COM-07", 15, "incident_commander", 5, "executives"),
    (
        *("update:customer_success", "update", "Customer success: update", "COM-08"),
        *(30, "communications_lead", 5, "customer_success"),
    ),
]


def test_a_p0_owes_at_once() -> None:
    assert rows(rose(severity="P0")) == [
        ("acknowledge", "acknowledge", "Acknowledge within 5 min", "SEV-02", 5, "on_call", 1, ""),
        ("role:incident_commander", "role", "Name the incident commander", "ROL-06", 5, "on_call", 2, ""),
        ("role:technical_lead", "role", "Name the technical lead", "ROL-06", 10, "on_call", 2, ""),
        ("role:communications_lead", "role", "Name the communications lead", "ROL-06", 10, "on_call", 2, ""),
        ("role:scribe", "role", "Name the scribe", "ROL-06", 15, "on_call", 2, ""),
        *UPDATES,
        ("resolve", "resolve", "Resolve within 1 h", "SEV-03", 60, "technical_lead", 15, ""),
    ]


def test_once_it_is_fixed_the_watch_the_last_words_and_the_review_are_owed() -> None:
    last = "say that it is resolved"
    after: list[Row] = [
        ("update:internal", "update", f"Internal: {last}", "COM-02", 50, "incident_commander", 5, "internal"),
        ("update:public", "update", f"Public: {last}", "SEV-06", 50, "communications_lead", 5, "public"),
        ("update:executives", "update", f"Executives: {last}", "COM-07", 80, "incident_commander", 5, "executives"),
        (
            *("update:customer_success", "update", f"Customer success: {last}", "COM-08"),
            *(140, "communications_lead", 5, "customer_success"),
        ),
    ]
    watch: Row = ("watch", "watch", "Watch for 30 min without a regression", "FIX-04", 50, "on_call", None, "")
    review: Row = ("review", "review", "Hold the post-mortem within 2 d", "PMR-01", 2900, "incident_commander", 240, "")
    assert rows(rose(ANSWERED, FIXED)) == [*after, watch, review]
    assert rows(rose(ANSWERED, FIXED, WATCHED)) == [*after, review]
    held = ReviewHeld(at=later(90), by="ana")
    assert rows(rose(ANSWERED, FIXED, WATCHED, held)) == after


def test_whoever_answers_says_how_it_goes_as_often_as_the_plan_asks() -> None:
    def progress(*entries: AnyEntry, by: Plan = TALKING) -> list[Row]:
        return of_kind("progress", rows(rose(*entries), by))

    what = "Say how it goes, at least every 30 min"
    assert progress() == []  # nobody answers yet
    assert progress(ANSWERED, by=ROSE) == []  # the plan does not ask
    assert progress(ANSWERED) == [("progress", "progress", what, "OWN-01", 31, "on_call", 7, "")]
    word = Updated(at=later(10), by="ana", audience="internal", text="We look")
    assert [row[4] for row in progress(ANSWERED, word)] == [40]
    asked = AskedAgain(at=later(40), by="tocsin", person="ana", because="no word for 30 min")
    assert progress(ANSWERED, word, asked) == []  # the page itself waits for an answer now
    assert progress(ANSWERED, FIXED) == []


def test_at_the_end_of_a_snooze_they_are_asked_again() -> None:
    snoozed = Snoozed(at=later(2), by="ana", until=later(60), because="The night job must end")
    found = rows(rose(ANSWERED, snoozed), TALKING)
    assert of_kind("snooze", found) == [
        ("snooze", "snooze", "Ask again whoever snoozed it", "OWN-02", 60, "on_call", None, "")
    ]
    assert of_kind("progress", found) == []
    assert of_kind("snooze", rows(rose(ANSWERED, snoozed, FIXED), TALKING)) == []


@pytest.mark.parametrize(
    ("condition", "entries", "lacks"),
    [
        (Condition.RECOVERED, (), ["the incident is not resolved"]),
        (Condition.RECOVERED, (FIXED,), ["the watch after the fix has not passed"]),
        (Condition.RECOVERED, (FIXED, WATCHED), []),
        (Condition.FINAL_PUBLIC_UPDATE, (FIXED,), ["the final public update (stage resolved)"]),
        (Condition.REVIEW_SCHEDULED, (FIXED,), ["the post-mortem is not scheduled"]),
        (Condition.REVIEW_SCHEDULED, (FIXED, ReviewScheduled(at=later(30), by="ana", meeting_at=later(90))), []),
        (Condition.REVIEW_SCHEDULED, (FIXED, ReviewHeld(at=later(90), by="ana")), []),
        (
            Condition.REVIEW_SCHEDULED,
            (ObligationWaived(at=later(5), by="ana", key="review", what="review", because="A drill"),),
            [],
        ),
        (Condition.RESOLUTION_NOTICE, (FIXED,), ["the notice to users of how it ended"]),
        (Condition.RESOLUTION_NOTICE, (FIXED, MadeConfidential(at=later(21), by="ana", because="A leak")), []),
        (Condition.FINAL_PUBLIC_UPDATE, (FIXED, MadeConfidential(at=later(21), by="ana", because="A leak")), []),
    ],
)
def test_what_closing_lacks_is_said_in_words(
    condition: Condition, entries: tuple[AnyEntry, ...], lacks: list[str]
) -> None:
    assert lifecycle.unmet(condition, ROSE, rose(*entries)) == lacks


def test_the_last_public_word_and_the_notice_settle_what_they_settle() -> None:
    last = Updated(at=later(25), by="ben", audience="public", text="It is over", stage=Stage.RESOLVED)
    assert lifecycle.unmet(Condition.FINAL_PUBLIC_UPDATE, ROSE, rose(FIXED, last)) == []
    assert lifecycle.unmet(Condition.RESOLUTION_NOTICE, ROSE, rose(FIXED, last)) != []
    notice = Updated(at=later(26), by="ben", audience="public", text="A disk was full", notice=True)
    assert lifecycle.unmet(Condition.RESOLUTION_NOTICE, ROSE, rose(FIXED, notice)) == []
    quiet = rose(FIXED, severity="P3")  # nobody was told of it, so nobody is owed an end
    assert lifecycle.unmet(Condition.FINAL_PUBLIC_UPDATE, ROSE, quiet) == []
    assert lifecycle.unmet(Condition.RESOLUTION_NOTICE, ROSE, quiet) == []
    assert lifecycle.unmet(Condition.REVIEW_SCHEDULED, ROSE, quiet) == []
    assert lifecycle.unmet(Condition.DUTIES_SETTLED, ROSE, quiet, ["Public: update"]) == ["still owed: Public: update"]
    assert lifecycle.unmet(Condition.DUTIES_SETTLED, ROSE, quiet) == []
