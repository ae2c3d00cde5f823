"""The rules of the work on an incident: findings, impact and fixes."""

from typing import Any

import pytest

from tests.support.records import NIGHT, PLAN, declared, incident, later, timeline, with_templates
from tocsin.comms import templates, updates
from tocsin.incidents import folding, lifecycle, words, working
from tocsin.incidents.model import AnyEntry, Closed, Incident, Recovered, Reopened, Resolved
from tocsin.incidents.relation import Merged
from tocsin.incidents.work import Deployed, Found, ImpactAssessed, Result, Verdict, Verified, Work
from tocsin.incidents.working import Estimate
from tocsin.kit.errors import Invalid

GONE = Merged(at=later(5), by="ana", into="inc_OTHER", number=3, because="The same trouble")
ENDED = (
    Resolved(at=later(10), by="ana", how="It is back"),
    Recovered(at=later(40), by="tocsin", watched_minutes=30),
    Closed(at=later(50), by="ana"),
)


def found(finding: str, verdict: Verdict, **more: Any) -> Found:
    return Found(at=later(3), by="ana", finding=finding, verdict=verdict, **more)


def find(one: Incident, text: str = "The disk is full", **more: Any) -> list[AnyEntry]:
    return working.find(one, text, Verdict.ROOT_CAUSE, by="ana", now=later(9), **more)


# ---- Findings --------------------------------------------------------------------------------------------------------


def test_a_finding_that_is_replaced_stands_no_more() -> None:
    record = timeline(
        declared(),
        found("The network", Verdict.ROOT_CAUSE),
        found("No alert", Verdict.CONTRIBUTING_FACTOR),
        found("The network is well", Verdict.RULED_OUT, revises=2),
        found("The disk", Verdict.ROOT_CAUSE),
    )
    assert list(working.standing_findings(record)) == [3, 4, 5]
    assert working.causes(record) == ["The disk"]


def test_only_a_finding_that_stands_can_be_replaced() -> None:
    standing = {2: found("The network", Verdict.ROOT_CAUSE)}
    (again,) = find(incident(), revises=2, standing=standing)
    assert isinstance(again, Found) and again.was is Verdict.ROOT_CAUSE
    for known in (standing, {}, None):
        with pytest.raises(working.NoSuchFinding):
            find(incident(), revises=1, standing=known)


def test_root_causes_are_counted_as_they_stand_and_survive_a_reopening() -> None:
    first = found("The network", Verdict.ROOT_CAUSE)
    record = (declared(), first, found("The disk", Verdict.ROOT_CAUSE))
    assert incident(*record).work.causes == 2
    gone = found("Not the network", Verdict.RULED_OUT, revises=2, was=Verdict.ROOT_CAUSE)
    again = Reopened(at=later(60), by="ana", because="It is back")
    assert incident(*record, gone, *ENDED, again).work == Work(causes=1, cause_at=later(3))


def test_findings_come_even_after_the_end_but_not_to_a_merged_incident() -> None:
    assert find(incident(declared(), *ENDED))
    with pytest.raises(lifecycle.MergedAway, match="inc_OTHER"):
        find(incident(declared(), GONE))
    with pytest.raises(lifecycle.Empty):
        find(incident(), "  ")


# ---- Impact ----------------------------------------------------------------------------------------------------------


def assess(one: Incident, **estimate: Any) -> list[AnyEntry]:
    return working.assess(one, Estimate(**estimate), by="ana", now=later(9))


@pytest.mark.parametrize(
    ("estimate", "field"),
    [
        ({}, "functions"),
        ({"functions": " "}, "functions"),
        ({"users": 12}, "source"),
        ({"percent": 0.0}, "source"),
        ({"users": -1, "source": "guess"}, "users"),
        ({"percent": 100.5, "source": "guess"}, "percent"),
        ({"percent": float("nan"), "source": "guess"}, "percent"),
    ],
)
def test_an_assessment_says_something_and_how_its_numbers_are_known(estimate: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        assess(incident(), **estimate)
    assert refused.value.field == field


def test_the_latest_assessment_is_the_impact_and_the_same_one_twice_is_none() -> None:
    one = incident(declared(impact="Some cannot talk"))
    assert words.impact(one) == "Some cannot talk"
    (first,) = assess(one, users=0, source="a guess")
    one = incident(declared(impact="Some cannot talk"), first)
    assert words.impact(one) == "0 users (a guess)"
    assert assess(one, users=0, source=" a guess ") == []
    (second,) = assess(one, percent=12.5, source="Grafana", functions="Voice")
    one = incident(declared(), first, second)
    assert words.impact(one) == "12.5 % of users (Grafana); Voice"
    assert words.users_affected(one.assessed) == "12.5 % of users (Grafana)"
    assert words.users_affected(None) == ""


# ---- Fixes -----------------------------------------------------------------------------------------------------------


def deploy(one: Incident, *, tested: bool, staging: str = "") -> list[AnyEntry]:
    return working.deploy(one, "Version 41", "production", tested=tested, staging=staging, by="ana", now=later(9))


def test_a_fix_that_was_not_tested_says_why() -> None:
    with pytest.raises(Invalid, match="why it was not tested"):
        deploy(incident(), tested=False)
    assert deploy(incident(), tested=True) and deploy(incident(), tested=False, staging="no time")
    with pytest.raises(lifecycle.AlreadyClosed):
        deploy(incident(declared(), *ENDED), tested=True)


def test_a_new_fix_wants_to_be_verified_anew_and_a_reopening_everything() -> None:
    passed = Verified(at=later(4), by="ana", check="smoke_tests", result=Result.PASSED)
    assert incident(declared(), passed).work.checks == {"smoke_tests": Result.PASSED}
    fix = Deployed(at=later(5), by="ana", what="Version 41", where="production", tested=True)
    assert incident(declared(), passed, fix).work == Work(deployed_at=later(5))
    again = Reopened(at=later(60), by="ana", because="It is back")
    assert incident(declared(), fix, passed, *ENDED, again).work == Work()


# ---- What they fill in -----------------------------------------------------------------------------------------------


def test_the_picture_has_what_stands() -> None:
    fix = Deployed(at=later(5), by="ana", what="Version 41", where="production", tested=True)
    decided = lifecycle.decide(
        incident(), "Wait", "it is theirs", by="ben", now=NIGHT, decider="ana", options=["Roll back", " "], basis="log "
    )
    picture = working.picture(timeline(declared(), *decided, found("No alert", Verdict.OBSERVATION), fix))
    assert list(picture.findings) == [3]
    (decision,) = picture.decisions
    assert (decision.by, decision.decider, decision.options, decision.basis) == ("ben", "ana", ("Roll back",), "log")
    assert picture.fixes == (fix,)


def test_what_is_known_of_the_impact_and_cause_fills_the_fields_of_an_update() -> None:
    impact = ImpactAssessed(at=later(4), by="ana", users=12, source="tickets", functions="Voice")
    record = timeline(declared(), impact, found("The disk", Verdict.ROOT_CAUSE))
    known = updates.last_typed(record)
    assert known["impact"] == "12 users (tickets); Voice"
    assert known["cause"] == "The disk"
    gone = found("Not the disk", Verdict.RULED_OUT, revises=3)
    assert "cause" not in updates.last_typed(timeline(declared(), impact, found("The disk", Verdict.ROOT_CAUSE), gone))


def test_the_ticket_shows_the_impact_the_causes_and_the_way_out() -> None:
    record = timeline(
        declared(),
        ImpactAssessed(at=later(4), by="ana", users=12, source="tickets", functions="Voice"),
        found("The disk", Verdict.ROOT_CAUSE),
        found("No alert told us", Verdict.ROOT_CAUSE),
        Deployed(at=later(5), by="ana", what="Version 41", where="production", tested=True),
    )
    plan = with_templates(PLAN, incident_ticket="{users}; {functions}; {revenue}\n{cause}\n{strategy}\n{milestones}")
    one = folding.fold("inc_NIGHT", record)
    said = templates.ticket(plan, one, later(60), "http://x", record)
    assert said.startswith(
        "12 users (tickets); Voice; [to be written: what it costs]\nThe disk\n\nNo alert told us\nnot yet\n"
    )
    assert "- 02:42 Root cause identified" in said and "- 02:44 Fix deployed" in said
