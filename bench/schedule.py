"""How long a year of many rotas with what people arranged takes to compute, and a proof of the cover of eight weeks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from random import Random

from bench.measure import Measured, percentile
from tocsin.kit import wall
from tocsin.kit.clock import stopwatch
from tocsin.oncall.coverage import Reach, prove
from tocsin.oncall.model import Override, Shift
from tocsin.oncall.schedule import Rotas
from tocsin.plan import check
from tocsin.plan.model import Plan, Role
from tocsin.plan.rotas import Layer, Rotation, Weekday, Window

TIMES = 21
ROTAS, OVERRIDES = 50, 500
START = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
WEEKS = timedelta(weeks=8)
PEOPLE = ("ana", "ben", "lucia", "tomas", "erin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
WORKDAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
ROSE = resources.files("tocsin") / "plans" / "rose.yaml"


def schedule() -> list[Measured]:
    return [_year(), _proof()]


def _rotation(number: int) -> Rotation:
    """Weekly ones, daily ones, pairs, turns of twelve hours, and a day shift with nights and weekends over it."""
    plain = Rotation(people=PEOPLE, starts_on=date(2026, 1, 5), handoff=time(9), zone=ZONES[number // 10 % len(ZONES)])
    match number % 10:
        case 0 | 1 | 2 | 3:
            return plain
        case 4 | 5:
            return replace(plain, days=1)
        case 6:
            return replace(plain, together=2)
        case 7:
            return replace(plain, hours=12)
        case _:
            nights = Window(weekdays=WORKDAYS, begins=time(18), ends=time(9))
            weekend = Window(weekdays=(Weekday.SAT, Weekday.SUN), begins=time(9), ends=time(9))
            layers = (
                Layer(name="nights", people=PEOPLE, handoff=time(18), during=(nights,)),
                Layer(name="weekends", people=PEOPLE, during=(weekend,)),
            )
            return replace(plain, layers=layers)


def _overrides(chance: Random) -> tuple[Override, ...]:
    found = []
    for number in range(OVERRIDES):
        begin = START + timedelta(hours=chance.randrange(365 * 24))
        found.append(
            Override(
                id=f"ovr_{number}",
                rotation=f"rota_{chance.randrange(ROTAS)}",
                person=chance.choice(PEOPLE),
                instead_of=chance.choice((*(None for _ in PEOPLE), *PEOPLE)),
                starts_at=begin,
                ends_at=begin + timedelta(hours=chance.randrange(1, 72)),
                reason="",
                made_by="ana",
                made_at=START + timedelta(milliseconds=number),
            )
        )
    return tuple(found)


def _year() -> Measured:
    rotations = {f"rota_{number}": _rotation(number) for number in range(ROTAS)}
    overrides = _overrides(Random(7))
    for zone in ZONES:
        wall.reached_at(zone, 0)  # a server reads each zone once

    def computed() -> list[Shift]:
        rotas = Rotas(rotations, overrides)
        return [one for name in rotations for one in rotas.shifts(name, START, START + YEAR)]

    found = computed()
    arranged = {one for shift in found for one in shift.overrides}
    if len(arranged) < OVERRIDES / 2 or any(one.starts_at >= one.ends_at for one in found):
        raise RuntimeError(f"of {OVERRIDES} overrides {len(arranged)} are in the shifts")
    taken = [milliseconds(computed) for _ in range(TIMES)]
    floor = [milliseconds(lambda: [Shift(*one) for one in found]) for _ in range(TIMES)]
    return Measured(
        name=f"schedule, {ROTAS} rotas for a year",
        value=percentile(taken, 50),
        unit="ms",
        target=100,
        less_is_better=True,
        floor=percentile(floor, 50),
        about={"shifts": len(found), "overrides": OVERRIDES, "worst_ms": max(taken)},
    )


def _proof() -> Measured:
    plan = check.load(ROSE.read_text(encoding="utf-8"))
    if not isinstance(plan, Plan):
        raise RuntimeError("the plan has mistakes")
    plan = _with_holes(plan)
    reached = {one: Reach.REACHED if one != "ana" else Reach.NO_METHOD for one in plan.people}
    rotas = Rotas(plan.rotations)
    proof = prove(plan, rotas, START, START + WEEKS, reached)
    if proof.claims != len(plan.severities) * (len(plan.roles) + 1) or not proof.holes:
        raise RuntimeError(f"{proof.claims} claims and {len(proof.holes)} holes")
    taken = [milliseconds(lambda: prove(plan, rotas, START, START + WEEKS, reached)) for _ in range(TIMES)]
    names = list(plan.rotations)
    floor = [milliseconds(lambda: [rotas.clipped(one, START, START + WEEKS) for one in names]) for _ in range(TIMES)]
    return Measured(
        name="schedule, proof of 8 weeks",
        value=percentile(taken, 50),
        unit="ms",
        target=1000,
        less_is_better=True,
        floor=percentile(floor, 50),
        about={"claims": proof.claims, "holes": len(proof.holes), "worst_ms": max(taken)},
    )


def _with_holes(plan: Plan) -> Plan:
    """Rose's plan with a fifth role, every severity wanting all five and paging, and a day shift that leaves nights."""
    office = Window(weekdays=WORKDAYS, begins=time(9), ends=time(17))
    rotations = {name: replace(one, days=1, during=(office,)) for name, one in plan.rotations.items()}
    fifth = Role(name="Fifth", purpose="Is there", duties=("Be there",), eligible=("engineering",), rotation="on_call")
    roles = {**plan.roles, "fifth": fifth}
    within = dict.fromkeys(roles, timedelta(minutes=15))
    severities = {
        key: replace(one, roles_within=within, escalation=one.escalation or "on_call_engineer")
        for key, one in plan.severities.items()
    }
    return replace(plan, rotations=rotations, roles=roles, severities=severities)


def milliseconds(act: Callable[[], object]) -> float:
    began = stopwatch()
    act()
    return (stopwatch() - began) * 1000
