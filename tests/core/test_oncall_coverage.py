"""The proof that somebody is there: held against asking instant by instant, and in its words."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tocsin.oncall.coverage import NOBODY, Hole, Proof, Reach, prove, stretches
from tocsin.oncall.model import Override
from tocsin.oncall.schedule import Rotas
from tocsin.oncall.warning import Warned, lines, news
from tocsin.paging import reach
from tocsin.plan.model import Plan
from tocsin.plan.rotas import Rotation, Weekday, Window

ROSE = plans.load(plans.ROOT / "src/tocsin/plans/rose.yaml")
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)  # nine o'clock in Berlin: the handoff
EIGHT_WEEKS = timedelta(weeks=8)
OFFICE = Window(
    weekdays=(Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI), begins=time(9), ends=time(17)
)
ALL_REACHED = {handle: Reach.REACHED for handle in ROSE.people}


def with_rotation(name: str, **changes: Any) -> Plan:
    return replace(ROSE, rotations={**ROSE.rotations, name: replace(ROSE.rotations[name], **changes)})


def lonely(plan: Plan) -> Plan:
    """Without anybody who catches what a rota lets fall."""
    roles = {key: replace(one, fallback=()) for key, one in plan.roles.items()}
    steps = {
        key: replace(one, steps=(replace(one.steps[0], page=("on_call",)),)) for key, one in plan.escalation.items()
    }
    return replace(plan, roles=roles, escalation=steps)


def proved(plan: Plan, reached: dict[str, Reach] | None = None, *overrides: Override, weeks: int = 8) -> Proof:
    return prove(plan, Rotas(plan.rotations, overrides), MONDAY, MONDAY + timedelta(weeks=weeks), reached)


@pytest.mark.parametrize("file", plans.FILES, ids=lambda file: file.stem)
def test_ONC_01_in_every_plan_that_ships_somebody_is_named_at_every_moment(file: Any) -> None:  # noqa: N802
    plan = plans.load(file)
    found = prove(plan, Rotas(plan.rotations), MONDAY, MONDAY + timedelta(weeks=60))
    assert found.holds and found.holes == () and found.claims > 0 and not found.knows_reach


def test_a_gap_in_a_rota_is_found_with_who_is_asked_instead() -> None:
    found = proved(with_rotation("commander", during=(OFFICE,)), ALL_REACHED, weeks=1)
    assert found.holds and found.open == ()
    first = found.caught[0]
    assert (first.starts_at, first.ends_at) == (MONDAY + timedelta(hours=8), MONDAY + timedelta(hours=24))
    assert (first.severity, first.role) == ("P0", "incident_commander")
    assert first.why == f"{NOBODY} in commander" and first.caught_by == "the fallback of the role"
    assert len({(one.starts_at, one.ends_at) for one in found.caught}) == 5  # four nights, and the weekend


def test_where_nobody_catches_it_the_proof_fails() -> None:
    found = proved(lonely(with_rotation("on_call", during=(OFFICE,))), ALL_REACHED, weeks=1)
    assert not found.holds
    assert {(one.severity, one.role) for one in found.open} >= {("P0", "on_call"), ("P2", "on_call")}
    assert all(one.why.startswith(NOBODY) for one in found.open)


def test_an_override_closes_a_gap_for_its_own_time() -> None:
    plan = lonely(with_rotation("on_call", during=(OFFICE,)))
    begin, end = MONDAY + timedelta(hours=8), MONDAY + timedelta(hours=20)
    covers = Override(
        id="ovr_1",
        rotation="on_call",
        person="ben",
        starts_at=begin,
        ends_at=end,
        reason="x",
        made_by="ben",
        made_at=MONDAY,
    )
    first = proved(plan, ALL_REACHED, covers, weeks=1).open[0]
    assert (first.starts_at, first.ends_at) == (end, MONDAY + timedelta(hours=24))


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        (Reach.NO_METHOD, "Ana Okafor has no contact method"),
        (Reach.NO_ACCOUNT, "Ana Okafor has no account"),
        (Reach.DISABLED, "Ana Okafor has no account that is enabled"),
    ],
)
def test_somebody_whom_nothing_reaches_is_named_with_what_they_lack(lacks: Reach, words: str) -> None:
    found = proved(ROSE, {**ALL_REACHED, "ana": lacks})
    assert found.holds
    assert {one.why for one in found.holes} == {words}
    assert {(one.severity, one.role) for one in found.holes if one.severity == "P2"} == {("P2", "on_call")}
    weeks = {one.starts_at for one in found.holes if one.role == "on_call"}
    assert weeks == {MONDAY + timedelta(weeks=number) for number in (0, 2, 4, 6)}  # Ana's turns


def test_nobody_in_an_account_at_all() -> None:
    found = proved(ROSE, {})
    assert not found.holds and found.knows_reach
    assert {(one.severity, one.role) for one in found.open} >= {("P0", "on_call"), ("P1", "scribe")}


def test_a_service_with_a_rota_of_its_own_is_proved_too() -> None:
    own = Rotation(people=("erin",), starts_on=date(2026, 1, 5), handoff=time(9), during=(OFFICE,))
    plan = replace(
        ROSE,
        rotations={**ROSE.rotations, "rose_line": own},
        services={"rose": replace(ROSE.services["rose"], rotation="rose_line")},
    )
    found = proved(plan, ALL_REACHED, weeks=1)
    assert {one.service for one in found.holes} == {"rose"}
    assert {one.severity for one in found.holes if one.role == "on_call"} == {"P1", "P2"}


@st.composite
def some_plans(draw: st.DrawFn) -> Plan:
    plan = ROSE
    for name in plan.rotations:
        if draw(st.booleans()):
            plan = replace(
                plan,
                rotations={
                    **plan.rotations,
                    name: replace(plan.rotations[name], during=(OFFICE,), days=draw(st.integers(1, 9))),
                },
            )
    return lonely(plan) if draw(st.booleans()) else plan


@given(some_plans(), st.dictionaries(st.sampled_from(sorted(ROSE.people)), st.sampled_from(Reach)))
def test_the_proof_says_what_asking_at_any_instant_says(plan: Plan, reached: dict[str, Reach]) -> None:
    found = proved(plan, reached, weeks=2)
    rotas = Rotas(plan.rotations)

    def can_be_reached(targets: tuple[str, ...], at: datetime) -> bool:
        return any(reached.get(one) is Reach.REACHED for one in reach.people_at(plan, rotas, targets, at))

    for step in range(0, 14 * 24, 5):
        at = MONDAY + timedelta(hours=step, minutes=30)
        there = [one for one in found.holes if one.starts_at <= at < one.ends_at]
        for key, severity in plan.severities.items():
            ladder = [each.page for each in plan.escalation[severity.escalation].steps] if severity.escalation else []
            for role in severity.roles_within:
                asked = [(plan.roles[role].rotation or "",), plan.roles[role].fallback, *ladder]
                _agrees(there, key, role, [can_be_reached(one, at) for one in asked if one])
            if ladder:
                _agrees(there, key, "on_call", [can_be_reached(one, at) for one in ladder])


def _agrees(there: list[Hole], severity: str, role: str, reached: list[bool]) -> None:
    holes = [one for one in there if (one.severity, one.role) == (severity, role)]
    assert len(holes) == (0 if reached[0] else 1)
    assert all(one.is_open is not any(reached) for one in holes)


def test_holes_of_one_moment_and_reason_are_told_as_one() -> None:
    (first, *_) = stretches(proved(lonely(with_rotation("on_call", during=(OFFICE,))), ALL_REACHED, weeks=1).holes)
    assert set(first.missing) >= {"P0 page", "P1 page", "P2 page"}
    (line,) = lines([first], MONDAY + EIGHT_WEEKS)
    assert line.startswith("From Mon 23 Nov 16:00 UTC until Tue 24 Nov 08:00 UTC: nobody is on call in on_call.")


# ---- What is told, and when again ------------------------------------------------------------------------------------


def told(
    plan: Plan, at: datetime, before: tuple[Warned, ...], reached: dict[str, Reach]
) -> tuple[Any, tuple[Warned, ...]]:
    proof = prove(plan, Rotas(plan.rotations), at, at + timedelta(weeks=4), reached)
    found = news(proof, before, at)
    return found, (*found.still, *found.told)


def test_of_each_gap_one_is_told_once_while_time_passes_through_it() -> None:
    plan = with_rotation("commander", during=(Window(begins=time(9), ends=time(8)),))  # but for an hour each day
    at, before, fresh = MONDAY, (), 0
    for _ in range(24 * 7):
        found, before = told(plan, at, before, ALL_REACHED)
        fresh += len(found.fresh)
        at += timedelta(hours=1)
    assert fresh == 28 + 6  # those of the first four weeks, and then one a day as it comes into sight


def test_somebody_whom_nothing_reaches_is_told_of_once_however_many_shifts_they_have() -> None:
    at, before, fresh = MONDAY, (), 0
    lacking = {**ALL_REACHED, "ana": Reach.NO_METHOD}
    for _ in range(30):
        found, before = told(ROSE, at, before, lacking)
        fresh += len(found.fresh)
        at += timedelta(days=1)
    kinds = {one.about for one in before}
    assert fresh == len(kinds) <= 3


def test_what_is_mended_and_comes_back_is_told_again() -> None:
    lacking = {**ALL_REACHED, "ben": Reach.NO_METHOD}
    first, before = told(ROSE, MONDAY, (), lacking)
    assert first.fresh
    mended, after = told(ROSE, MONDAY, before, ALL_REACHED)
    assert not mended.fresh and len(mended.mended) == len(before) and after == ()
    again, _ = told(ROSE, MONDAY, after, lacking)
    assert len(again.fresh) == len(first.fresh)


def test_a_gap_that_moves_is_told_again() -> None:
    first, before = told(with_rotation("commander", during=(OFFICE,)), MONDAY, (), ALL_REACHED)
    later = replace(OFFICE, ends=time(16))
    moved, _ = told(with_rotation("commander", during=(later,)), MONDAY, before, ALL_REACHED)
    assert len(moved.fresh) == len(first.fresh) and len(moved.mended) == len(before)
