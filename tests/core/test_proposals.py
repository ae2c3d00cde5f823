"""What the record puts forward as a change to the plan, and what it leaves alone."""

from dataclasses import replace
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

from tests.support.records import declared, incident, later, obligation
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import Merged
from tocsin.incidents.work import ItemTicked, Tick
from tocsin.insights import proposals as proposing
from tocsin.insights.proposals import Proposal, Reason
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan import check
from tocsin.plan.model import Plan

found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
assert isinstance(found, Plan)
ROSE = found
LEAD = "role:communications_lead"


def night(number: int, *more: Any, **about: Any) -> Incident:
    words = {"number": number, "type": "service_outage", **about}
    return incident(declared(**words), *more, incident_id=f"inc_{number}")


def duty(number: int, key: str = LEAD, after: float | None = None, **about: Any) -> Obligation:
    """A duty of the n-th incident that was due after 15 minutes and done `after` as many, or never."""
    settled = later(after) if after is not None else later(15)
    state = State.MISSED if after is None else State.MET
    kind = {"role": Kind.ROLE, "update": Kind.UPDATE}.get(key.partition(":")[0], Kind.ACKNOWLEDGE)
    known: dict[str, Any] = {"incident_id": f"inc_{number}", "settled_at": settled, "id": f"o{number}{key}", **about}
    return obligation(key, kind, known.pop("state", state), **known)


def put_forward(
    nights: list[Incident], duties: list[Obligation], at_least: int = 3, plan: Plan = ROSE, then: Plan = ROSE
) -> list[Proposal]:
    return proposing.proposals(plan, lambda revision: then, nights, duties, at_least)


def five(*minutes: float | None) -> tuple[list[Incident], list[Obligation]]:
    numbers = range(1, len(minutes) + 1)
    return [night(one) for one in numbers], [
        duty(one, after=after) for one, after in zip(numbers, minutes, strict=True)
    ]


def test_what_is_late_again_and_again_is_put_forward() -> None:
    (one,) = put_forward(*five(22, 25, 10, 31, 21))
    assert (one.reason, one.times, one.of, one.severity) == (Reason.LATE, 4, 5, "P1")
    assert one.path == "severities.P1.roles_within.communications_lead"
    assert one.median == timedelta(minutes=22)
    assert (one.says, one.could_say) == ("15 min", "35 min")
    assert one.incidents == (1, 2, 4, 5)
    assert one.text.startswith(
        "Communications lead named: late in 4 of 5 at P1; median 22 min; the plan says 15 min; "
        "nine in ten were done within 35 min. "
    )
    assert proposing.as_json(one)["median_seconds"] == 1320.0


def test_what_was_never_done_proposes_no_time() -> None:
    (one,) = put_forward(*five(None, None, None, 10))
    assert (one.times, one.of, one.could_say, one.median) == (3, 4, "", timedelta(minutes=10))
    assert "3 times it was never done" in one.text


def test_now_and_then_is_not_again_and_again() -> None:
    assert put_forward(*five(22, 25, 10)) == []
    assert put_forward(*five(22, 25, 10), at_least=2) != []
    assert put_forward(*five(22, 25, 31, 10, 10, 10, 10)) == []
    assert put_forward([], []) == []


def test_each_severity_is_counted_by_itself() -> None:
    nights, duties = five(22, 25, 31)
    assert put_forward([*nights[:2], replace(nights[2], severity="P0")], duties) == []


def test_what_was_changed_since_is_not_held_against_the_plan() -> None:
    severity = ROSE.severities["P1"]
    roles = {**severity.roles_within, "communications_lead": timedelta(minutes=40)}
    eased = replace(ROSE, severities={**ROSE.severities, "P1": replace(severity, roles_within=roles)})
    assert put_forward(*five(22, 25, 31), plan=eased) == []
    gone = replace(ROSE, severities={**ROSE.severities, "P1": replace(severity, roles_within={})})
    assert put_forward(*five(22, 25, 31), plan=gone) == []
    assert len(put_forward(*five(22, 25, 31), plan=eased, then=eased)) == 1


def test_duplicates_and_what_is_not_counted_stay_out() -> None:
    nights, duties = five(22, 25, 31)
    merged = night(3, Merged(at=later(40), by="ana", into="inc_1", number=1, because="The same"))
    assert put_forward([*nights[:2], merged], duties) == []
    open_ = [replace(one, state=State.OPEN, settled_at=None) for one in duties]
    void = [replace(one, state=State.VOID) for one in duties]
    assert put_forward(nights, open_) == [] and put_forward(nights, void) == []
    answers = [replace(one, kind=Kind.ANSWER, key="answer:0") for one in duties]
    assert put_forward(nights, answers) == []


def test_what_is_waived_again_and_again_is_put_forward_with_the_reasons() -> None:
    nights, duties = five(5, 5, 5, 5)
    waived = [replace(one, state=State.WAIVED, evidence="Two of us are enough") for one in duties[:3]]
    (one,) = put_forward(nights, [*waived, duties[3]])
    assert (one.reason, one.times, one.of) == (Reason.WAIVED, 3, 4)
    assert "because: Two of us are enough" in one.text


def test_every_kind_of_duty_has_its_place_in_the_plan() -> None:
    nights = [night(number) for number in (1, 2, 3)]
    for key, kind, path in (
        ("acknowledge", Kind.ACKNOWLEDGE, "severities.P1.acknowledge_within"),
        ("resolve", Kind.RESOLVE, "severities.P1.resolve_within"),
        ("update:public", Kind.UPDATE, "communication.audiences.public.cadence.P1"),
        ("review", Kind.REVIEW, "review.meeting_within"),
    ):
        duties = [replace(duty(number, key), kind=kind) for number in (1, 2, 3)]
        (one,) = put_forward(nights, duties)
        assert one.path == path


def test_a_step_that_never_applies_is_put_forward() -> None:
    def marked(number: int, tick: Tick) -> Incident:
        at: datetime = later(5)
        return night(number, ItemTicked(at=at, by="ana", item="type.service_outage.4", what="Try a restart", tick=tick))

    nights = [marked(number, Tick.NOT_APPLICABLE) for number in (1, 2, 3)] + [marked(4, Tick.DONE), night(5)]
    (one,) = put_forward(nights, [])
    assert (one.reason, one.path, one.times, one.of) == (Reason.SET_ASIDE, "type.service_outage.4", 3, 4)
    assert one.text.startswith("“Try a restart” did not apply in 3 of 4.")
    assert one.incidents == (1, 2, 3)
    fewer = replace(ROSE, types={key: one for key, one in ROSE.types.items() if key != "service_outage"})
    assert put_forward(nights, [], plan=fewer) == []


def test_the_worst_stands_first() -> None:
    nights, duties = five(22, 25, 31, 10)
    scribes = [duty(number, "role:scribe", after=50) for number in (1, 2, 3)]
    assert [one.what for one in put_forward(nights, [*duties, *scribes])] == [
        "Scribe named",
        "Communications lead named",
    ]
