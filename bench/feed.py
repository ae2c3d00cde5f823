"""How long the calendar of a year takes to write, and how many ask a second who is on call."""

import json
import urllib.request
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from random import Random

import icalendar

from bench import installation, status
from bench.measure import Measured, percentile
from bench.schedule import milliseconds
from tocsin.oncall import ical
from tocsin.oncall.appointments import AHEAD, BACK, appointments
from tocsin.oncall.model import Override
from tocsin.oncall.schedule import Rotas
from tocsin.plan import check
from tocsin.plan.model import Plan
from tocsin.plan.rotas import Rotation

TIMES = 21
OVERRIDES = 50
START = datetime(2026, 6, 1, tzinfo=UTC)
DAILY = Rotation(
    people=("ana", "ben", "lucia", "tomas", "erin"),
    starts_on=date(2026, 1, 5),
    handoff=time(9),
    zone="Europe/Berlin",
    days=1,
)
ROSE = resources.files("tocsin") / "plans" / "rose.yaml"
HEADING = ical.Heading("On call", "Europe/Berlin", "https://tocsin.example.org")
PATHS = {"on call now, json": "/oncall/now.json", "on call now, page": "/oncall/now"}
PER_SECOND = 2000.0


def feed() -> list[Measured]:
    return [_year(), *_askers()]


def _year() -> Measured:
    """Thirteen months of daily turns, fifty of them taken over; nothing is remembered from the time before."""
    plan = check.load(ROSE.read_text(encoding="utf-8"))
    if not isinstance(plan, Plan):
        raise RuntimeError("the plan has mistakes")
    plan = replace(plan, rotations={"on_call": DAILY})
    overrides, span = _overrides(Random(7)), (START - BACK, START + AHEAD)

    def written() -> bytes:
        ical._text.cache_clear()
        rotas = Rotas({"on_call": DAILY}, overrides)
        return ical.calendar(plan, HEADING, appointments(rotas, "on_call", *span), START)

    events = icalendar.Calendar.from_ical(written()).walk("VEVENT")
    if len(events) < 390 or not any(one["status"] == "CANCELLED" for one in events):
        raise RuntimeError(f"the calendar has {len(events)} appointments")
    taken = [milliseconds(written) for _ in range(TIMES)]
    floor = [milliseconds(lambda: Rotas({"on_call": DAILY}, overrides).shifts("on_call", *span)) for _ in range(TIMES)]
    return Measured(
        name="feed, a year of daily turns",
        value=percentile(taken, 50),
        unit="ms",
        target=50,
        less_is_better=True,
        floor=percentile(floor, 50),
        about={"appointments": len(events), "overrides": OVERRIDES, "worst_ms": max(taken)},
    )


def _overrides(chance: Random) -> tuple[Override, ...]:
    begins = [START + timedelta(hours=chance.randrange(300 * 24)) for _ in range(OVERRIDES)]
    return tuple(
        Override(
            id=f"ovr_{number}",
            rotation="on_call",
            person=chance.choice(DAILY.people),
            starts_at=begin,
            ends_at=begin + timedelta(hours=chance.randrange(1, 72)),
            reason="",
            made_by="ana",
            made_at=START + timedelta(milliseconds=number),
        )
        for number, begin in enumerate(begins)
    )


def _askers() -> list[Measured]:
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        with installation.server(made, folder / "log", TOCSIN_PUBLIC_ON_CALL="names") as server:
            floor = status.bare_rate(folder / "log")
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/oncall/now.json") as answer:
                if not json.load(answer)["rotations"][0]["shift"]["people"]:
                    raise RuntimeError("nobody is on call")
            return [
                Measured(
                    name=name,
                    value=status.load_of(server.port, path, made.token),
                    unit="requests/s",
                    floor=floor,
                    target=PER_SECOND,
                )
                for name, path in PATHS.items()
            ]
