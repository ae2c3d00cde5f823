"""What each verb writes, to the letter, and what closing says is missing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from typing import Any

import pytest

from tests.support.records import NIGHT, declared, incident, later, obligation
from tocsin.incidents import lifecycle
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Disclosed,
    GlassBroken,
    Incident,
    MadeConfidential,
    ObligationWaived,
    Paged,
    Recovered,
    Reopened,
    Resolved,
    ResponderAdded,
    ResponderRemoved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    Updated,
)
from tocsin.incidents.owed import difference
from tocsin.incidents.work import DutiesChanged
from tocsin.kit.errors import Invalid
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan import check
from tocsin.plan.model import Condition, Plan, Stage

NOW = later(60)
FIXED = Resolved(at=later(10), by="ana", how="Restarted it")
WELL = Recovered(at=later(40), by="tocsin", watched_minutes=30)


def _rose() -> Plan:
    found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
    assert isinstance(found, Plan)
    return found


ROSE = _rose()


def rose(*entries: AnyEntry, severity: str = "P1") -> Incident:
    return incident(declared(severity=severity, type="service_outage", service="rose"), *entries)


# ---- Telling, waiving, the meeting ----


def test_an_update_keeps_all_that_was_said_and_whether_it_counts() -> None:
    told: dict[str, Any] = {"audience": "internal", "text": "  News  ", "stage": None, "fields": {"impact": "Some"}}
    (entry,) = lifecycle.tell(rose(), **told, recipients=("ana",), by="ben", now=NOW)
    assert entry == Updated(
        at=NOW, by="ben", audience="internal", text="News", fields={"impact": "Some"}, recipients=("ana",), counts=True
    )
    (entry,) = lifecycle.tell(rose(), **told, recipients=(), counts=False, by="ben", now=NOW)
    assert isinstance(entry, Updated) and not entry.counts


@pytest.mark.parametrize("stage", [Stage.MONITORING, Stage.RESOLVED])
def test_the_public_is_not_told_of_an_end_that_has_not_come(stage: Stage) -> None:
    told: dict[str, Any] = {
        "audience": "public",
        "text": "News",
        "fields": {},
        "recipients": (),
        "by": "ben",
        "now": NOW,
    }
    with pytest.raises(lifecycle.NotResolved) as refused:
        lifecycle.tell(rose(), stage=stage, **told)
    assert str(refused.value) == f"The incident is not resolved; the public can't be told that it is {stage}."
    (entry,) = lifecycle.tell(rose(FIXED), stage=stage, **told)
    assert isinstance(entry, Updated) and entry.stage is stage


def test_a_waiver_names_what_it_waives_and_when_that_was_due() -> None:
    owed = obligation("update:public", Kind.UPDATE, State.OPEN)
    (entry,) = lifecycle.waive(rose(), owed, " They know ", by="ben", now=NOW)
    assert entry == ObligationWaived(
        at=NOW, by="ben", key="update:public", what=owed.what, because="They know", due_at=owed.due_at
    )
    with pytest.raises(lifecycle.Empty) as refused:
        lifecycle.waive(rose(), owed, " ", by="ben", now=NOW)
    assert refused.value.field == "because"


def test_a_waived_update_lets_its_own_cadence_begin_anew_and_anything_else_is_spent() -> None:
    waived = rose(ObligationWaived(at=later(5), by="ben", key="update:public", what="It", because="They know"))
    assert (waived.told_at, waived.spent, waived.waived) == ({"public": later(5)}, (), ("update:public",))
    other = rose(ObligationWaived(at=later(5), by="ben", key="role:scribe", what="It", because="Nobody free"))
    assert (other.told_at, other.spent, other.waived) == ({}, ("role:scribe",), ("role:scribe",))
    odd = rose(ObligationWaived(at=later(5), by="ben", key="update:a:b", what="It", because="They know"))
    assert odd.told_at == {"a:b": later(5)}


def test_the_meeting_is_with_those_whom_the_plan_names_and_who_worked_on_it() -> None:
    worked = (
        Acknowledged(at=later(1), by="erin"),
        RoleAssigned(at=later(2), by="ana", role="technical_lead", person="ana"),
        RoleAssigned(at=later(3), by="ana", role="incident_commander", person="tomas"),
        FIXED,
    )
    meeting_at = NOW + timedelta(hours=20)
    (entry,) = lifecycle.schedule_review(ROSE, rose(*worked), meeting_at, by="tomas", now=NOW)
    assert entry == ReviewScheduled(
        at=NOW, by="tomas", meeting_at=meeting_at, attendees=("tomas", "ana", "erin", "ben", "lucia")
    )
    (alone,) = lifecycle.schedule_review(ROSE, rose(FIXED), NOW, by="tomas", now=NOW)  # nobody held a role
    assert isinstance(alone, ReviewScheduled) and alone.attendees == ("ben", "lucia")
    elsewhere = Acknowledged(at=later(1), by="pagerduty", through="pagerduty")  # a tool answered, and is not invited
    (entry,) = lifecycle.schedule_review(ROSE, rose(elsewhere, FIXED), NOW, by="tomas", now=NOW)
    assert isinstance(entry, ReviewScheduled) and entry.attendees == ("ben", "lucia")


def test_the_meeting_lies_ahead_and_after_the_fix() -> None:
    with pytest.raises(Invalid, match=r"^The meeting would lie in the past\.$") as refused:
        lifecycle.schedule_review(ROSE, rose(FIXED), NOW - timedelta(milliseconds=1), by="ana", now=NOW)
    assert refused.value.field == "meeting_at"
    with pytest.raises(lifecycle.NotResolved, match=r"^A post-mortem is scheduled once the incident is resolved\.$"):
        lifecycle.schedule_review(ROSE, rose(), NOW, by="ana", now=NOW)


def test_the_meeting_is_held_once() -> None:
    with pytest.raises(lifecycle.NotResolved, match=r"^A post-mortem is held once the incident is resolved\.$"):
        lifecycle.hold_review(rose(), by="ana", now=NOW)
    held = ReviewHeld(at=NOW, by="ana")
    assert lifecycle.hold_review(rose(FIXED), by="ana", now=NOW) == [held]
    assert lifecycle.hold_review(rose(FIXED, held), by="ana", now=NOW) == []


def test_what_is_still_to_come_has_not_happened() -> None:
    assert lifecycle.not_after(None, NOW) is None
    assert lifecycle.not_after(NOW, NOW) == NOW
    with pytest.raises(Invalid, match=r"^This would be in the future\.$") as refused:
        lifecycle.not_after(NOW + timedelta(milliseconds=1), NOW)
    assert refused.value.field == "started_at"


# ---- Closing ----


def unmet(condition: Condition, one: Incident, *open_duties: str) -> list[str]:
    return lifecycle.unmet(condition, ROSE, one, open_duties)


def test_closing_says_in_words_what_is_missing() -> None:
    assert unmet(Condition.RECOVERED, rose()) == ["the incident is not resolved"]
    assert unmet(Condition.RECOVERED, rose(FIXED)) == ["the watch after the fix has not passed"]
    assert unmet(Condition.RECOVERED, rose(FIXED, WELL)) == []
    missing = ["the final public update (stage resolved)"]
    assert unmet(Condition.FINAL_PUBLIC_UPDATE, rose(FIXED)) == missing
    over = Updated(at=later(41), by="ben", audience="public", text="Over", stage=Stage.RESOLVED)
    assert unmet(Condition.FINAL_PUBLIC_UPDATE, rose(FIXED, over)) == []
    assert unmet(Condition.FINAL_PUBLIC_UPDATE, rose(FIXED, severity="P3")) == []
    assert unmet(Condition.DUTIES_SETTLED, rose(), "A", "B") == ["still owed: A", "still owed: B"]


def test_a_required_post_mortem_is_planned_held_or_waived() -> None:
    scheduled = ReviewScheduled(at=later(50), by="ana", meeting_at=later(99))
    waived = ObligationWaived(at=later(50), by="ana", key="review", what="It", because="A drill")
    assert unmet(Condition.REVIEW_SCHEDULED, rose(FIXED)) == ["the post-mortem is not scheduled"]
    for done in (scheduled, ReviewHeld(at=later(50), by="ana"), waived):
        assert unmet(Condition.REVIEW_SCHEDULED, rose(FIXED, done)) == []
    assert unmet(Condition.REVIEW_SCHEDULED, rose(FIXED, severity="P2")) == []


def test_closing_is_on_the_record_under_the_name_of_who_closed() -> None:
    free = replace(ROSE, recovery=replace(ROSE.recovery, close_requires=()))
    assert lifecycle.close(free, rose(FIXED, WELL), [], by="ana", now=NOW) == [Closed(at=NOW, by="ana")]


# ---- Who reads a confidential incident ----


def readers(*entries: AnyEntry) -> tuple[str, ...]:
    return rose(*entries).responders


def test_making_it_confidential_names_its_readers_and_takes_it_off_the_page() -> None:
    shown = Updated(at=later(1), by="lucia", audience="public", text="News", stage=Stage.INVESTIGATING)
    hidden = MadeConfidential(at=later(2), by="ben", because="Keys leaked", readers=("tomas", "ben"))
    one = rose(shown, hidden)
    assert (one.confidential_at, one.stage) == (later(2), None)
    assert one.responders[-2:] == ("tomas", "ben")
    by_plan = MadeConfidential(at=later(2), by="tocsin", because="The plan", readers=("tomas",))
    assert "tocsin" not in readers(by_plan) and "tomas" in readers(by_plan)


def test_readers_come_and_go_and_guests_leave_when_it_is_disclosed() -> None:
    hidden = MadeConfidential(at=later(2), by="ben", because="Keys leaked")
    added = ResponderAdded(at=later(3), by="ben", person="erin", because="She decides")
    removed = ResponderRemoved(at=later(4), by="ben", person="erin", because="A mistake")
    broken = GlassBroken(at=later(5), by="lucia", because="On duty alone", until=later(65))
    again = GlassBroken(at=later(6), by="erin", because="On duty too", until=later(66))
    assert readers(hidden, added).count("erin") == 1
    assert readers(hidden, added, added).count("erin") == 1
    assert "erin" not in readers(hidden, added, removed) and "ben" in readers(hidden, added, removed)
    one = rose(hidden, broken, again)
    assert one.guests == {"lucia": later(65), "erin": later(66)}
    assert rose(hidden, broken, again, removed).guests == {"lucia": later(65)}
    told = rose(hidden, broken, Disclosed(at=later(7), by="ben", because="All is known"))
    assert (told.confidential_at, told.guests) == (None, {})


# ---- What a change of level changed ----


def owed(key: str, due_at: datetime, kind: Kind = Kind.UPDATE) -> Obligation:
    return replace(obligation(key, kind, State.OPEN), what=key.upper(), due_at=due_at)


def test_a_change_says_what_begins_ends_and_moves_and_is_silent_on_waits_for_an_answer() -> None:
    tomorrow = NIGHT + timedelta(days=1)
    before = [
        owed("a", later(5)),
        owed("b", later(10)),
        owed("same", later(7)),
        owed("answer:0", later(5), Kind.ANSWER),
    ]
    after = [owed("b", tomorrow), owed("same", later(7)), owed("c", later(30)), owed("answer:1", later(9), Kind.ANSWER)]
    said = difference(before, after, "P1 became P0", by="tocsin", now=NOW)
    assert said == [
        DutiesChanged(
            at=NOW,
            by="tocsin",
            because="P1 became P0",
            ended=("A",),
            begun=("C, due 03:09 UTC",),
            moved=("B, due 2026-11-25 02:39 UTC instead of 02:49 UTC",),
        )
    ]
    (lower,) = difference([], [owed("c", later(30))], "type became other", by="tocsin", now=NOW)
    assert lower.because == "Type became other"


def test_a_change_that_changes_nothing_says_nothing() -> None:
    same = [owed("a", later(5))]
    waits = [owed("answer:0", later(5), Kind.ANSWER)]
    assert difference(same, [owed("a", later(5.2))], "P1 became P0", by="tocsin", now=NOW) == []  # the same minute
    assert difference(same, same, "P1 became P0", by="tocsin", now=NOW) == []
    assert difference(waits, [], "P1 became P0", by="tocsin", now=NOW) == []


def test_times_in_what_changed_are_utc_whatever_zone_they_came_in() -> None:
    berlin = timezone(timedelta(hours=1))
    half_past_midnight = datetime(2026, 11, 25, 0, 30, tzinfo=berlin)  # still the 24th in UTC
    (said,) = difference([], [owed("c", half_past_midnight)], "it moved", by="tocsin", now=NOW)
    assert said.begun == ("C, due 23:30 UTC",)
    (said,) = difference([], [owed("c", half_past_midnight)], "it moved", by="tocsin", now=NOW.astimezone(berlin))
    assert said.begun == ("C, due 23:30 UTC",)
    late = datetime(2026, 11, 24, 23, 45, tzinfo=UTC)
    (said,) = difference([], [owed("c", half_past_midnight)], "it moved", by="tocsin", now=late.astimezone(berlin))
    assert said.begun == ("C, due 23:30 UTC",)


# ---- What is refused, and by which field ----


VOID = " \n"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "note": (lambda: lifecycle.note(rose(), VOID, by="ana", now=NOW), "text"),
    "decision": (lambda: lifecycle.decide(rose(), VOID, "Safer", by="ana", now=NOW), "decision"),
    "why decided": (lambda: lifecycle.decide(rose(), "Roll back", VOID, by="ana", now=NOW), "because"),
    "mitigation": (lambda: lifecycle.mitigate(rose(), VOID, by="ana", now=NOW), "how"),
    "resolution": (lambda: lifecycle.resolve(rose(), VOID, by="ana", now=NOW), "how"),
    "reopening": (lambda: lifecycle.reopen(rose(FIXED), VOID, by="ana", now=NOW), "because"),
    "severity": (lambda: lifecycle.change_severity(ROSE, rose(), "P0", VOID, by="ana", now=NOW), "because"),
    "type": (lambda: lifecycle.change_type(ROSE, rose(), "data_loss", VOID, by="ana", now=NOW), "because"),
    "no role": (lambda: lifecycle.assign(ROSE, rose(), "cook", "ana", by="ana", now=NOW), "role"),
    "nobody": (lambda: lifecycle.assign(ROSE, rose(), "scribe", "zoe", by="ana", now=NOW), "person"),
    "no severity": (lambda: lifecycle.change_severity(ROSE, rose(), "P9", "Worse", by="ana", now=NOW), "severity"),
    "no type": (lambda: lifecycle.change_type(ROSE, rose(), "rain", "It is", by="ana", now=NOW), "type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_the_field_in_which_it_is_mended(case: str) -> None:
    attempt, field = REFUSED[case]
    with pytest.raises(Invalid) as refusal:
        attempt()
    assert refusal.value.field == field


def test_an_unknown_word_is_answered_with_those_there_are() -> None:
    with pytest.raises(Invalid, match="The plan has no severity called 'P9'; it has P0, P1, P2 and P3"):
        lifecycle.change_severity(ROSE, rose(), "P9", "Worse", by="ana", now=NOW)
    with pytest.raises(Invalid, match="The plan has no role called 'cook'; it has incident_commander"):
        lifecycle.assign(ROSE, rose(), "cook", "ana", by="ana", now=NOW)


def test_what_is_regular_says_no_reason_of_its_own() -> None:
    assert lifecycle.resolve(rose(Acknowledged(at=later(1), by="ana")), " Restarted ", by="ana", now=NOW) == [
        Resolved(at=NOW, by="ana", how="Restarted", unverified=(), because="")
    ]
    (own,) = lifecycle.decide(rose(), "Roll back", "Safer", by="ana", now=NOW, decider="ana")
    (others,) = lifecycle.decide(rose(), "Roll back", "Safer", by="ana", now=NOW, decider="ben")
    assert isinstance(own, Decided) and isinstance(others, Decided)
    assert (own.decider, others.decider) == ("", "ben")


def test_one_that_is_reopened_begins_its_ladder_and_its_public_stage_anew() -> None:
    paged = Paged(at=later(0), by="tocsin", step=2, people=("ana",), through=("email",), answer_by=later(5))
    public = Updated(at=later(3), by="ben", audience="public", text="News", stage=Stage.MONITORING)
    again = Reopened(at=later(50), by="ana", because="It is back")
    told, untold = rose(paged, public, FIXED, again), rose(paged, FIXED, again)
    assert (told.steps_paged, told.stage) == (0, Stage.INVESTIGATING)
    assert (untold.steps_paged, untold.stage) == (0, None)
    assert (told.acknowledged_at, told.resolved_at, told.level_at) == (None, None, later(50))
