"""When an incident resolves itself: only what signals declared, and only as long as no person has it in hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.test_plan_diff import ROSE, changed, told
from tests.support.records import PLAN, declared, incident, later
from tocsin.incidents import quiet
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Incident,
    MadeConfidential,
    Mitigated,
    Reopened,
    Resolved,
    RoleAssigned,
    SeverityChanged,
)
from tocsin.incidents.relation import Merged
from tocsin.plan import printing
from tocsin.plan.model import Plan

TEN = timedelta(minutes=10)
LEVELS = {key: replace(one, resolves_itself_after=TEN) for key, one in PLAN.severities.items()}
ITSELF = replace(PLAN, severities=LEVELS)
RAISED = SeverityChanged(at=later(2), by="tocsin", severity="P0", before="P1", raised=True, because="It got worse")
FIXED = Resolved(at=later(3), by="ana", how="Restarted it")


def by_signals(*entries: AnyEntry) -> Incident:
    return incident(declared(by="tocsin"), *entries)


def lasts(one: Incident, plan: Plan = ITSELF) -> timedelta | None:
    return quiet.lasts(plan, one)


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Acknowledged(at=later(1), by="ana"),),
        (RAISED,),
        (FIXED, Reopened(at=later(4), by="tocsin", because="A regression")),
    ],
    ids=["untouched", "acknowledged", "raised by a signal", "reopened"],
)
def test_what_signals_declared_resolves_itself(entries: tuple[AnyEntry, ...]) -> None:
    assert lasts(by_signals(*entries)) == TEN


@pytest.mark.parametrize(
    "entry",
    [
        RoleAssigned(at=later(1), by="ana", role="scribe", person="ben"),
        replace(RAISED, by="ana"),
        Mitigated(at=later(1), by="ana", how="Switched over"),
        MadeConfidential(at=later(1), by="ana", because="It is private", readers=()),
        Merged(at=later(1), by="ana", into="inc_OTHER", number=2, because="The same"),
        FIXED,
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_what_a_person_has_in_hand_does_not(entry: AnyEntry) -> None:
    assert lasts(by_signals(entry)) is None
    assert quiet.resolve(ITSELF, by_signals(entry), 3, later(30), now=later(30)) == []


def test_what_a_person_declared_does_not() -> None:
    assert lasts(incident(declared(by="ana"))) is None


def test_without_the_option_nothing_does() -> None:
    assert lasts(by_signals(), PLAN) is None


@pytest.mark.parametrize(
    ("signals", "why"),
    [
        (1, "Its signal has cleared, and has not fired since 2026-11-24 02:59:31 UTC, for 10 min"),
        (3, "Its 3 signals have all cleared, and none has fired since 2026-11-24 02:59:31 UTC, for 10 min"),
    ],
)
def test_the_record_says_why(signals: int, why: str) -> None:
    found = quiet.resolve(ITSELF, by_signals(), signals, later(30), now=later(30))
    assert found == [Resolved(at=later(30), by="tocsin", how=why)]


def test_as_long_as_a_signal_is_not_clear_nothing_is_resolved() -> None:
    assert quiet.resolve(ITSELF, by_signals(), 0, later(30), now=later(30)) == []


def test_the_page_foretells_it() -> None:
    assert quiet.foretold(1, "03:22").startswith("Its signal has cleared; it resolves itself at 03:22 unless")
    assert quiet.foretold(3, "03:22").startswith("All 3 signals have cleared; it resolves itself at 03:22 unless")


# ---- What the plan says of it ----

P3 = "    resolve_within: 1 w\n"
AFTER_TEN, AFTER_AN_HOUR = (changed((P3, f"{P3}    resolves_itself_after: {span}\n")) for span in ("10 min", "1 h"))
PATH = "severities.P3.resolves_itself_after"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (ROSE, AFTER_TEN, "At P3, an incident resolves itself once its signals have cleared for 10 min."),
        (
            AFTER_TEN,
            AFTER_AN_HOUR,
            "At P3, an incident resolves itself once its signals have cleared for 1 h instead of 10 min.",
        ),
        (AFTER_TEN, ROSE, "At P3, an incident no longer resolves itself: its end is a person's word."),
    ],
    ids=["new", "longer", "gone"],
)
def test_a_change_of_it_is_told(before: Plan, after: Plan, sentence: str) -> None:
    assert told(before, after)[PATH].sentence == sentence


def test_the_document_says_it_where_the_plan_does() -> None:
    sentence = "It resolves itself once all of its signals have cleared for 10 min and nobody has taken it in hand."
    assert f"{sentence} `{PATH}`" in printing.document(AFTER_TEN)
    assert "resolves itself" not in printing.document(ROSE)
