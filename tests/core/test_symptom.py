"""What is a symptom of what: by the dependencies of the plan, and never by more than they say."""

from dataclasses import replace

import pytest

from tests.support.records import PLAN, declared, incident
from tocsin.incidents import symptom
from tocsin.incidents.model import Incident
from tocsin.plan.model import IncidentType, Plan
from tocsin.plan.services import Component, Service

PARTS = {
    "voice": Component(name="Voice", depends_on=("queue", "groq")),
    "queue": Component(name="Queue", depends_on=("disk",)),
    "disk": Component(name="Disk"),
}
SERVICES = {
    "shop": Service(name="Shop", depends_on=("api", "railway"), components=PARTS),
    "api": Service(name="API", depends_on=("database",)),
    "database": Service(name="Database"),
    "ring": Service(name="Ring", depends_on=("gnir",)),
    "gnir": Service(name="Gnir", depends_on=("ring",)),
}
KINDS = {"theft": IncidentType(name="Theft", symptoms=("gone",), actions=(), private=True)}
DEPENDENT: Plan = replace(PLAN, services=SERVICES, types={**PLAN.types, **KINDS})


def opened(service: str | None, *components: str, number: int = 1, **more: str) -> Incident:
    return incident(declared(service=service, components=components, number=number, **more))


@pytest.mark.parametrize(
    ("service", "below"),
    [("shop", {"api", "database"}), ("database", set()), ("ring", {"gnir"}), ("unknown", set()), (None, set())],
)
def test_a_service_needs_what_it_depends_on_however_far_down(service: str | None, below: set[str]) -> None:
    assert symptom.needed(DEPENDENT, service) == below


def test_trouble_above_is_a_symptom_of_what_is_open_below_and_never_the_other_way_round() -> None:
    said = symptom.why(DEPENDENT, opened("database"), "shop", ())
    assert said == "A symptom: shop depends on database, of which #1 is open."
    assert symptom.why(DEPENDENT, opened("shop"), "database", ()) == ""
    assert symptom.why(DEPENDENT, opened("shop"), "shop", ()) == ""
    assert symptom.why(DEPENDENT, opened(None), "shop", ()) == symptom.why(DEPENDENT, opened("api"), None, ()) == ""


@pytest.mark.parametrize(
    ("concerned", "broken", "is_symptom"),
    [
        (("voice",), ("disk",), True),
        (("voice", "queue"), ("disk",), True),
        (("voice", "queue"), ("queue",), True),
        (("voice", "disk"), ("queue",), False),  # the disk may have trouble of its own
        (("disk",), ("voice",), False),
        (("disk",), ("disk",), False),  # the same, and not a symptom of it
        ((), ("disk",), False),
        (("voice",), (), False),
    ],
)
def test_a_component_shows_what_is_open_below_it(
    concerned: tuple[str, ...], broken: tuple[str, ...], is_symptom: bool
) -> None:
    assert bool(symptom.why(DEPENDENT, opened("shop", *broken), "shop", concerned)) is is_symptom


def test_of_several_causes_the_worst_counts_and_of_those_the_first_declared() -> None:
    several = [opened("api", number=2), opened("database", number=1), opened("ring", number=3)]
    worse = opened("api", number=4, severity="P0")
    gone = opened("database", number=5, severity="P9")  # of which the plan in force knows nothing
    both = symptom.cause(DEPENDENT, [*several, gone, worse], service="shop", components=(), kind="outage")
    assert both is not None and both.number == 4
    found = symptom.cause(DEPENDENT, several, service="shop", components=(), kind="outage")
    assert found is not None and found.number == 1
    assert symptom.cause(DEPENDENT, [], service="shop", components=(), kind="outage") is None


def test_what_is_confidential_is_neither_cause_nor_symptom() -> None:
    assert symptom.cause(DEPENDENT, [opened("database")], service="shop", components=(), kind="theft") is None
    assert symptom.why(DEPENDENT, opened("database", type="theft"), "shop", ()) == ""


def test_where_nothing_depends_on_anything_nothing_is_looked_for() -> None:
    assert symptom.may_have_cause(DEPENDENT, "database", ("x",)) == set()
    assert symptom.may_have_cause(DEPENDENT, "shop", ("disk",)) == {"api", "database"}
    assert symptom.may_have_cause(DEPENDENT, "shop", ("voice",)) == {"shop", "api", "database"}
