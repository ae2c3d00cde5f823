"""Phases, their exit conditions and checklists, as they follow from the record."""

from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

from tests.support.records import declared, incident, later, public, timeline
from tocsin.incidents import completing, folding, lifecycle, phases, working
from tocsin.incidents.lifecycle import UnknownWord
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Incident,
    Mitigated,
    Recovered,
    Reopened,
    Resolved,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    TypeChanged,
)
from tocsin.incidents.work import (
    Deployed,
    Found,
    ImpactAssessed,
    ItemTicked,
    RecoveryConfirmed,
    Result,
    StrategyChosen,
    Thanked,
    Tick,
    Verdict,
    Verified,
)
from tocsin.kit.errors import TocsinError
from tocsin.plan import check
from tocsin.plan.model import Condition, Plan, Stage
from tocsin.plan.procedure import Exit

found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
assert isinstance(found, Plan)
ROSE = found
KIND = "service_outage"
WHO: dict[str, Any] = {"by": "ana", "now": later(9)}
FIXED = Resolved(at=later(20), by="ana", how="Restarted it")


def record(*entries: AnyEntry, severity: str = "P1") -> tuple[Incident, Any]:
    whole = timeline(declared(type=KIND, severity=severity), *entries)
    return folding.fold("inc_NIGHT", whole), whole


def met(*entries: AnyEntry, severity: str = "P1") -> dict[Exit, int | None]:
    """The exit conditions that are met, of whatever phase, with the entry that met each."""
    one, whole = record(*entries, severity=severity)
    return {each.exit: each.entry for those in phases.exits(ROSE, one, whole).values() for each in those if each.is_met}


def checks(*keys: str, result: Result = Result.PASSED) -> tuple[Verified, ...]:
    return tuple(Verified(at=later(15), by="ana", check=key, result=result, evidence="x") for key in keys)


# ---- Phases ----------------------------------------------------------------------------------------------------------


def test_the_present_phase_is_the_last_that_has_begun() -> None:
    answered = Acknowledged(at=later(1), by="ana")
    eased = Mitigated(at=later(5), by="ana", how="Serve without it")
    stages: list[tuple[tuple[AnyEntry, ...], str | None]] = [
        ((), "detection"),
        ((answered,), "response"),
        ((answered, eased), "resolution"),
        ((answered, eased, FIXED), "recovery"),
        ((answered, eased, FIXED, Reopened(at=later(25), by="ana", because="Again")), "detection"),
        ((answered, eased, FIXED, Closed(at=later(60), by="ana")), None),
    ]
    assert [phases.present(ROSE, record(*entries)[0]) for entries, _ in stages] == [key for _, key in stages]


def test_each_exit_condition_names_the_entry_that_met_it() -> None:
    roles = [RoleAssigned(at=later(2), by="ana", role=role, person="ben") for role in ROSE.roles]
    entries: list[AnyEntry] = [
        Acknowledged(at=later(1), by="ana"),  # 2
        *roles,  # 3 to 6
        ImpactAssessed(at=later(3), by="ana", functions="Voice"),  # 7
        public(Stage.INVESTIGATING, "We look", 4),  # 8
        Mitigated(at=later(5), by="ana", how="Serve without it"),  # 9
        StrategyChosen(at=later(6), by="ana", strategy="rollback", because="quick"),  # 10
        Deployed(at=later(7), by="ana", what="Version 41", where="production", tested=True),  # 11
        *checks(*ROSE.resolution.verification),  # 12 to 15
        FIXED,  # 16
        Recovered(at=later(50), by="tocsin", watched_minutes=30),  # 17
        *(
            RecoveryConfirmed(at=later(51), by="ana", confirmation=key, result=Result.PASSED)
            for key in ROSE.recovery.confirm
        ),  # 18 to 21
        public(Stage.RESOLVED, "It is over", 52),  # 22
        ReviewScheduled(at=later(53), by="ana", meeting_at=later(600)),  # 23
        Closed(at=later(54), by="ana"),  # 24
    ]
    assert met(*entries) == {
        Exit.ACKNOWLEDGED: 2,
        Exit.DECLARED: 1,
        Exit.IMPACT_ESTIMATED: 7,
        Exit.ROLES_NAMED: 6,
        Exit.FIRST_PUBLIC_UPDATE: 8,
        Exit.MITIGATED: 9,
        Exit.STRATEGY_CHOSEN: 10,
        Exit.FIXED: 11,
        Exit.VERIFIED: 15,
        Exit.RESOLVED: 16,
        Exit.WATCH_PASSED: 17,
        Exit.RECOVERY_CONFIRMED: 21,
        Exit.FINAL_PUBLIC_UPDATE: 22,
        Exit.REVIEW_SCHEDULED: 23,
        Exit.CLOSED: 24,
    }


def test_a_condition_that_holds_no_more_is_open_again() -> None:
    everything = (*checks(*ROSE.resolution.verification), FIXED)
    assert Exit.VERIFIED in met(*everything) and Exit.RESOLVED in met(*everything)
    again = met(*everything, Reopened(at=later(25), by="ana", because="Again"))
    assert not {Exit.VERIFIED, Exit.RESOLVED, Exit.ACKNOWLEDGED} & set(again)


def test_what_the_severity_does_not_want_needs_nobody() -> None:
    assert {Exit.ROLES_NAMED, Exit.FIRST_PUBLIC_UPDATE, Exit.REVIEW_SCHEDULED} <= set(met(severity="P3"))
    assert not {Exit.ROLES_NAMED, Exit.FIRST_PUBLIC_UPDATE} & set(met())


@pytest.mark.parametrize("one", Exit)
def test_every_exit_condition_can_be_asked(one: Exit) -> None:
    assert phases.holds(one, "recovery", ROSE, record()[0]) in (True, False)


def test_a_phase_can_end_with_its_checklist() -> None:
    one, _ = record(severity="P3")
    ticks = {item.key: Tick.DONE for item in phases.of_phase(ROSE, one, "detection")}
    assert not phases.holds(Exit.ACTIONS_DONE, "detection", ROSE, one)
    assert phases.holds(Exit.ACTIONS_DONE, "detection", ROSE, one.changed(work=replace(one.work, ticks=ticks)))


# ---- Checklists ------------------------------------------------------------------------------------------------------


def test_the_checklist_follows_type_and_severity() -> None:
    one, _ = record()
    assert [item.key for item in phases.of_type(ROSE, one)] == [f"type.{KIND}.{n}" for n in range(1, 6)]
    higher = len(phases.items(ROSE, one))
    lower = SeverityChanged(at=later(3), by="ana", severity="P3", before="P1", raised=False, because="few feel it")
    assert len(phases.items(ROSE, record(lower)[0])) < higher
    other = TypeChanged(at=later(3), by="ana", type="data_loss", before=KIND, because="rows are gone")
    assert phases.of_type(ROSE, record(other)[0])[0].key == "type.data_loss.1"
    assert any(item.key == "phase.response.confirm.1" for item in phases.of_phase(ROSE, one, "response"))


def test_a_note_on_a_checklist_is_never_dropped() -> None:
    one, _ = record()
    item = f"type.{KIND}.1"
    with pytest.raises(phases.NotTicked):
        phases.untick(ROSE, one, item, "Red again", **WHO)
    (ticked,) = phases.tick(ROSE, one, item, Tick.DONE, "", **WHO)
    one, _ = record(ticked)
    (noted,) = phases.tick(ROSE, one, item, Tick.DONE, "Their page is green, ours is not", **WHO)
    one, whole = record(ticked, noted)
    assert one.work.ticks == {item: Tick.DONE} and phases.last_ticks(whole) == {item: noted}


def test_what_is_on_no_list_is_refused_in_words_of_the_plan() -> None:
    one, _ = record()
    with pytest.raises(
        UnknownWord, match="“Stop the service now” is not on the checklists of this incident as it is now"
    ):
        phases.tick(ROSE, one, "type.data_loss.1", Tick.DONE, "", **WHO)
    with pytest.raises(UnknownWord, match=r"no item called 'type\.meteor\.1'; its checklists say what there is\.$"):
        phases.untick(ROSE, one, "type.meteor.1", "", **WHO)


def test_a_tick_is_an_entry_and_taking_it_back_another() -> None:
    one, _ = record()
    item = f"type.{KIND}.1"
    (ticked,) = phases.tick(ROSE, one, item, Tick.DONE, " All green ", **WHO)
    assert isinstance(ticked, ItemTicked) and (ticked.what, ticked.note) == (
        "See how Railway reports the service",
        "All green",
    )
    one, whole = record(ticked)
    assert phases.tick(ROSE, one, item, Tick.DONE, "", **WHO) == []
    assert phases.last_ticks(whole) == {item: ticked}
    (taken,) = phases.untick(ROSE, one, item, "", **WHO)
    one, whole = record(ticked, taken)
    assert one.work.ticks == {} and phases.last_ticks(whole) == {}
    assert phases.untick(ROSE, one, item, "", **WHO) == []
    (other,) = phases.tick(ROSE, one, item, Tick.NOT_APPLICABLE, "", **WHO)
    again = Reopened(at=later(70), by="ana", because="Again")
    one, whole = record(ticked, taken, other, FIXED, again)
    assert one.work.ticks == {} and phases.last_ticks(whole) == {}


# ---- The proof and the end -------------------------------------------------------------------------------------------


def resolve(*entries: AnyEntry, because: str = "", may: bool = True) -> list[AnyEntry]:
    return working.resolve(ROSE, record(*entries)[0], "Restarted it", because, may_pass_over=may, **WHO)


def test_resolving_names_every_check_that_is_missing() -> None:
    with pytest.raises(working.NotVerified) as refused:
        resolve(*checks("smoke_tests"))
    for key, words in ROSE.resolution.verification.items():
        assert (words in refused.value.message) is (key != "smoke_tests")
    with pytest.raises(working.NotVerified, match="smoke"):
        resolve(*checks("smoke_tests", result=Result.FAILED), *checks("error_rate", "key_metrics", "user_reports"))
    whole = checks(*ROSE.resolution.verification, result=Result.NOT_APPLICABLE)
    entry = resolve(*whole, because="ignored")[-1]
    assert isinstance(entry, Resolved) and (entry.because, entry.unverified) == ("", ())


def test_checks_are_passed_over_by_who_may_with_the_reason_on_the_record() -> None:
    entry = resolve(because=" no runner ")[-1]
    assert isinstance(entry, Resolved)
    assert (entry.unverified, entry.because) == (tuple(ROSE.resolution.verification.values()), "no runner")
    with pytest.raises(working.MayNotPassOver):
        resolve(because="no runner", may=False)


def test_the_end_of_the_work_is_refused_in_words() -> None:
    one, _ = record(FIXED)
    missing = lifecycle.missing_before_close(ROSE, one, [])
    for words in ("not confirmed: every metric", "the ticket lacks the impact", "lacks the root cause", "not thanked"):
        assert any(words in each for each in missing), (words, missing)
    done = (
        *(
            RecoveryConfirmed(at=later(51), by="ana", confirmation=key, result=Result.NOT_APPLICABLE)
            for key in ROSE.recovery.confirm
        ),
        Found(at=later(51), by="ana", finding="The disk", verdict=Verdict.ROOT_CAUSE),
        ImpactAssessed(at=later(51), by="ana", functions="Voice"),
        Thanked(at=later(51), by="ana", text="Thank you", people=("ben",)),
    )
    one, _ = record(FIXED, *done)
    for condition in (Condition.RECOVERY_CONFIRMED, Condition.TICKET_COMPLETE, Condition.TEAM_THANKED):
        assert lifecycle.unmet(condition, ROSE, one) == []
    assert completing.unconfirmed(ROSE, one) == []


@pytest.mark.parametrize(
    "verb",
    [
        lambda one: working.choose(ROSE, one, "prayer", "why", **WHO),
        lambda one: working.choose(ROSE, one, "rollback", " ", **WHO),
        lambda one: working.verify(ROSE, one, "luck", Result.PASSED, "", **WHO),
        lambda one: working.verify(ROSE, one, "smoke_tests", Result.NOT_APPLICABLE, " ", **WHO),
        lambda one: working.confirm(ROSE, one, "metrics", Result.PASSED, "", **WHO),  # nothing is fixed yet
        lambda one: working.thank(one, "Thank you", (), **WHO),
    ],
)
def test_what_makes_no_sense_yet_is_refused(verb: Any) -> None:
    with pytest.raises(TocsinError) as refused:
        verb(record()[0])
    assert refused.value.message


def test_choosing_the_same_way_out_again_adds_nothing() -> None:
    (chosen,) = working.choose(ROSE, record()[0], "rollback", "quick", **WHO)
    assert working.choose(ROSE, record(chosen)[0], "rollback", "still", **WHO) == []
    assert working.choose(ROSE, record(chosen)[0], "code_fix", "no earlier release", **WHO)


def test_who_held_which_role_when() -> None:
    given = [
        RoleAssigned(at=later(after), by="ana", role="scribe", person=person)
        for after, person in ((1, "ben"), (5, "erin"))
    ]
    first, second = working.tenures(record(*given)[1])
    assert (first.person, first.since, first.until) == ("ben", later(1), later(5))
    assert (second.person, second.until, second.named_by) == ("erin", None, "ana")


def test_helpers_are_people_of_the_plan_each_once() -> None:
    one = incident(declared(by="ci-token"), Acknowledged(at=later(1), by="ana"))
    assert working.helpers(ROSE, one) == ("ana",)


def test_nothing_is_ticked_on_an_incident_that_is_closed() -> None:
    closed, _ = record(FIXED, Closed(at=later(60), by="ana"))
    with pytest.raises(lifecycle.AlreadyClosed):
        phases.tick(ROSE, closed, f"type.{KIND}.1", Tick.DONE, "", **WHO)
