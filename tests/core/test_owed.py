"""What the plan owes at each point of a record: the figures of rose.yaml, and that deriving is no act."""

from importlib import resources

import pytest
from hypothesis import given, settings

from tests.support.records import PLAN, declared, incident, later, public, timelines
from tocsin.incidents import folding
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    FellDue,
    Incident,
    Numbered,
    ObligationWaived,
    Recovered,
    Reopened,
    Resolved,
    ReviewHeld,
    RoleAssigned,
    SeverityChanged,
    Updated,
)
from tocsin.incidents.owed import owed
from tocsin.plan import check
from tocsin.plan.model import Plan, Stage

FIXED = Resolved(at=later(20), by="ana", how="Restarted it")


def _rose() -> Plan:
    found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
    assert isinstance(found, Plan)
    return found


ROSE = _rose()


def rose(*entries: AnyEntry, severity: str = "P1", kind: str = "service_outage") -> Incident:
    return incident(declared(severity=severity, type=kind, service="rose"), *entries)


def due(one: Incident) -> dict[str, float]:
    """Minutes from the declaration to the due time of each duty."""
    return {key: (duty.due_at - later(0)).total_seconds() / 60 for key, duty in owed(ROSE, one).items()}


def told(audience: str, after: float) -> Updated:
    return Updated(at=later(after), by="ben", audience=audience, text="News")


ROLES_OF_P0 = {
    "role:incident_commander": 5,
    "role:technical_lead": 10,
    "role:communications_lead": 10,
    "role:scribe": 15,
}


@pytest.mark.parametrize(
    ("severity", "wanted"),
    [
        (
            "P0",
            {
                "acknowledge": 5,
                "resolve": 60,
                **ROLES_OF_P0,
                "update:internal": 15,
                "update:public": 15,
                "update:executives": 15,
                "update:customer_success": 30,
            },
        ),
        (
            "P1",
            {
                "acknowledge": 15,
                "resolve": 240,
                **dict.fromkeys(ROLES_OF_P0, 15),
                "update:internal": 30,
                "update:public": 15,
                "update:executives": 15,
                "update:customer_success": 30,
            },
        ),
        ("P2", {"acknowledge": 60, "resolve": 1440, "update:internal": 120}),
        ("P3", {"acknowledge": 240, "resolve": 10080}),
    ],
)
def test_each_severity_owes_what_the_plan_says_in_minutes(severity: str, wanted: dict[str, float]) -> None:
    assert due(rose(severity=severity)) == wanted


def test_every_duty_says_what_it_is_whose_it_is_and_by_which_clause() -> None:
    duties = owed(ROSE, rose(severity="P0")).values()
    assert all(duty.what and duty.clause and duty.owner for duty in duties)
    assert owed(ROSE, rose(severity="P0"))["update:public"].owner == "communications_lead"


def test_an_answer_and_a_named_role_are_owed_no_more() -> None:
    answered = Acknowledged(at=later(2), by="ana")
    scribe = RoleAssigned(at=later(3), by="ana", role="scribe", person="tomas")
    left = due(rose(answered, scribe))
    assert "acknowledge" not in left
    assert "role:scribe" not in left
    assert "role:technical_lead" in left


def test_an_update_moves_its_own_cadence_on_and_no_other() -> None:
    found = due(rose(told("internal", 10)))
    assert (found["update:internal"], found["update:public"]) == (40, 15)


def overdue(key: str, due: float, seen: float) -> FellDue:
    return FellDue(at=later(seen), by="tocsin", key=key, what="It", due_at=later(due))


def test_the_first_word_is_owed_until_it_is_said() -> None:
    duty = owed(ROSE, rose(overdue("update:internal", 30, 200)))["update:internal"]
    assert (duty.due_at, duty.given_up_at) == (later(30), None)


def test_an_overdue_update_of_a_series_is_given_up_when_the_next_falls_due() -> None:
    beats = [told("internal", 10), overdue("update:internal", 40, 40), overdue("update:internal", 70, 70)]
    found = [owed(ROSE, rose(*beats[:count]))["update:internal"] for count in (1, 2, 3)]
    times = [(later(40), later(70)), (later(40), later(70)), (later(70), later(100))]
    assert [(one.due_at, one.given_up_at) for one in found] == times


def test_an_update_ends_the_silence() -> None:
    again = rose(told("internal", 10), overdue("update:internal", 40, 40), told("internal", 55))
    assert due(again)["update:internal"] == 85


def test_a_waived_update_is_owed_again_one_beat_after_it_was_waived() -> None:
    waived = ObligationWaived(at=later(20), by="ana", key="update:internal", what="update", because="On the phone")
    assert due(rose(waived))["update:internal"] == 50


def test_what_is_overdue_stays_owed_and_what_is_waived_does_not() -> None:
    waived = ObligationWaived(at=later(5), by="ana", key="role:scribe", what="Name the scribe", because="Alone")
    found = due(rose(overdue("acknowledge", 15, 16), waived))
    assert found["acknowledge"] == 15
    assert "role:scribe" not in found


def test_an_update_that_a_program_posted_keeps_no_promise() -> None:
    posted = Updated(at=later(10), by="token:robot", audience="internal", text="News", counts=False)
    assert due(rose(posted))["update:internal"] == 30


def changed(severity: str, before: str, raised: bool, after: float) -> SeverityChanged:
    return SeverityChanged(at=later(after), by="ana", severity=severity, before=before, raised=raised, because="news")


def test_a_raise_owes_everything_anew_from_now() -> None:
    missed = FellDue(at=later(15), by="tocsin", key="acknowledge", what="Acknowledge", due_at=later(15))
    found = due(rose(told("internal", 10), missed, changed("P0", "P1", True, 20)))
    assert found["acknowledge"] == 25
    assert found["resolve"] == 80
    assert found["update:internal"] == 35  # a first word at the new level, though there was one before


def test_lowering_only_gains_time() -> None:
    before = due(rose(severity="P0"))
    after = due(rose(changed("P1", "P0", False, 3), severity="P0"))
    assert all(after[key] >= before[key] for key in before)
    assert after["resolve"] == 240  # from the declaration, not from the change


def test_lowering_to_p3_lets_updates_and_roles_go() -> None:
    assert set(due(rose(changed("P3", "P1", False, 3)))) == {"acknowledge", "resolve"}


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_a_private_incident_owes_the_public_nothing(severity: str) -> None:
    for entries in ((), (FIXED,)):
        found = due(rose(*entries, severity=severity, kind="security"))
        assert "update:public" not in found
        assert "update:internal" in found


def test_after_the_fix_a_last_word_the_watch_and_the_meeting_are_owed() -> None:
    assert due(rose(FIXED, severity="P1")) == {
        "update:internal": 50,
        "update:public": 50,
        "update:executives": 80,
        "update:customer_success": 140,
        "watch": 50,
        "review": 20 + 48 * 60,
    }


def test_a_last_word_after_the_fix_is_owed_once() -> None:
    found = due(rose(FIXED, told("internal", 25), public(Stage.RESOLVED, "Over", 26)))
    assert not {"update:internal", "update:public"} & set(found)


def test_a_closed_incident_owes_the_meeting_alone_and_that_until_it_is_held() -> None:
    well = Recovered(at=later(50), by="tocsin", watched_minutes=30)
    closed = Closed(at=later(60), by="ana")
    assert set(due(rose(FIXED, well, closed))) == {"review"}
    assert due(rose(FIXED, well, closed, ReviewHeld(at=later(90), by="ben"))) == {}
    assert due(rose(FIXED, well, closed, severity="P2")) == {}


def test_reopening_owes_everything_from_that_instant() -> None:
    again = Reopened(at=later(90), by="ana", because="It came back")
    first = due(rose(severity="P1"))
    assert due(rose(Acknowledged(at=later(1), by="ana"), FIXED, again)) == {k: 90 + v for k, v in first.items()}


@settings(max_examples=60, deadline=None)
@given(timelines())
def test_deriving_again_derives_the_same_from_the_record_as_from_the_state(record: tuple[Numbered, ...]) -> None:
    state = folding.begun("inc_NIGHT", record[0])
    for numbered in record[1:]:
        state = folding.follow(state, [numbered])
    once = owed(PLAN, state)
    assert owed(PLAN, folding.fold("inc_NIGHT", record)) == once
    assert all(duty.due_at >= state.level_at or duty.key in ("watch", "review") for duty in once.values())
