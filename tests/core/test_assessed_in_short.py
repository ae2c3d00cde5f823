"""The first assessment in a message: of many looks those in trouble, and how many others there are."""

from dataclasses import replace
from decimal import Decimal

from tests.support.records import PLAN, incident
from tocsin.incidents import assessment_words, dependence
from tocsin.incidents.assessment import How
from tocsin.incidents.assessment_words import LINES_MOST, Line, Part
from tocsin.plan.services import Service
from tocsin.plan.watching import Measure, Probe


def text(*hows: How) -> list[str]:
    lines = tuple(Line(f"{how} {place}", how, "seen") for place, how in enumerate(hows))
    return assessment_words.text([Part("Service", lines)])[2:]


def test_a_few_are_told_one_by_one() -> None:
    assert len(text(*[How.WELL] * LINES_MOST)) == LINES_MOST


def test_of_many_those_in_trouble_are_told_and_the_others_counted() -> None:
    said = text(*[How.TROUBLE] * 3, *[How.NOT_LOOKED] * 2, *[How.WELL] * 30)
    assert said == [*(f"- trouble {place} (seen)" for place in range(3)), "- And 2 not known and 30 well"]
    said = text(*[How.TROUBLE] * 40, How.WELL)
    assert len(said) == LINES_MOST + 1 and said[-1] == "- And 28 more in trouble and 1 well"
    assert text(*[How.WELL] * 30) == ["- And 30 well"]


def test_what_is_measured_is_first_that_of_which_there_are_signals() -> None:
    probes = {f"p{place}": Probe(url="http://x.example") for place in range(20)}
    measures = {"errors": Measure(url="http://x.example", number="n", above=Decimal(1))}
    plan = replace(PLAN, services={"web": Service(name="Web", probes=probes, measures=measures)})
    named = dependence.measured(plan, replace(incident(), service="web"), {"web/errors", "web/p19"})
    assert named[:3] == ["web/p19", "web/errors", "web/p0"] and len(named) == dependence.MEASURED_MOST
