"""The explanation of a signal is the decision, taken apart: the two can't say different things."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import PLAN
from tocsin.plan.measures import Band
from tocsin.plan.model import Plan, Rule
from tocsin.signals import explaining
from tocsin.signals.explaining import Explanation
from tocsin.signals.model import Arrival
from tocsin.signals.routing import Route, Rules, Unrouted, route

WORDS = st.sampled_from(["red", "RED", "green", "", "5", "12 %", "redder"])
NAMES = st.sampled_from(["colour", "severity", "title", "source", "error_rate"])
WANTED = st.sampled_from(["red", "Green", "*", "/^re/", "/(?:^|-)d+er$/", "/"])
BANDS = {
    "P0": Band(at_least=Decimal(10)),
    "P1": Band(above=Decimal(4), below=Decimal(10)),
}


def banded() -> Plan:
    return replace(
        PLAN, severities={key: replace(one, error_rate=BANDS.get(key)) for key, one in PLAN.severities.items()}
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    has_band = draw(st.booleans())
    return Rule(
        name=draw(st.text(min_size=1, max_size=5)),
        precedence=draw(st.none() | st.integers(1, 3)),
        when=draw(st.dictionaries(NAMES, WANTED | st.lists(WANTED, min_size=1, max_size=3).map(tuple), max_size=3)),
        type="outage",
        severity=None if has_band else draw(st.sampled_from(list(PLAN.severities))),
        band_of="error_rate" if has_band else None,
    )


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    labels = draw(st.dictionaries(st.sampled_from(["colour", "error_rate", "source"]), WORDS))
    return Arrival(source="generic", key="k", title=draw(WORDS), severity=draw(st.none() | WORDS), labels=labels)


def explained(plan: Plan, arrival: Arrival) -> Explanation:
    return explaining.explain(Rules(plan), arrival)


@given(st.lists(rules(), max_size=6), arrivals())
def test_what_is_explained_is_what_is_decided(several: list[Rule], arrival: Arrival) -> None:
    plan = replace(banded(), rules=tuple(several))
    found, decided = explained(plan, arrival), route(plan, arrival)
    assert found.decision == decided
    assert [one.tried.rule for one in found.rulings] == list(plan.ranked_rules())
    fitting = [one for one in found.rulings if one.tried.fits]
    deciding = [one for one in found.rulings if one.decides]
    assert deciding == fitting[:1]
    if isinstance(decided, Route):
        assert (deciding[0].tried.rule.name, deciding[0].tried.severity) == (decided.rule, decided.severity)
    else:
        assert decided == Unrouted() and not fitting


@given(st.lists(rules(), max_size=6), arrivals())
def test_a_rule_that_does_not_fit_says_every_condition_that_fails(several: list[Rule], arrival: Arrival) -> None:
    for one in explained(replace(banded(), rules=tuple(several)), arrival).rulings:
        assert one.why.endswith(".")
        failing = [check for check in one.tried.checks if not check.holds]
        assert bool(failing) is not one.tried.fits
        assert all(check.name in one.why for check in failing)


def said(rule: Rule, **arrival: Any) -> str:
    told = Arrival(**{"source": "generic", "key": "k", "title": "Odd", **arrival})
    return explained(replace(banded(), rules=(rule,)), told).rulings[0].why


def test_a_severity_has_a_reason() -> None:
    plain = Rule(name="plain", when={}, type="outage", severity="P1")
    assert said(plain) == "It decides: P1, as the rule says."
    rate = Rule(name="rate", when={}, type="outage", band_of="error_rate")
    assert said(rate, labels={"error_rate": "12 %"}) == (
        "It decides: P0, for its band (from 10 %) holds the rate in error_rate."
    )
    assert said(rate, labels={"error_rate": "4"}) == "error_rate is 4, a rate that no severity's band holds."
    assert said(rate) == "the signal has no error_rate."
    asked_twice = Rule(name="rate", when={"error_rate": "*"}, type="outage", band_of="error_rate")
    assert said(asked_twice) == "the signal has no error_rate."


def test_a_condition_says_what_it_wanted_and_what_it_found() -> None:
    rule = Rule(name="both", when={"team": ("a", "b"), "host": "*", "text": "/^x/"}, type="outage", severity="P1")
    assert said(rule, labels={"team": "c", "host": "", "text": "y" * 300}) == (
        f"team is c, not a or b, host is empty, not anything and text is {'y' * 199}…, not /^x/."
    )


def test_a_rule_after_the_one_that_decides_says_so() -> None:
    first, second = (Rule(name=name, when={}, type="outage", severity="P1") for name in "ab")
    found = explained(replace(PLAN, rules=(first, second)), Arrival(source="generic", key="k", title="Odd"))
    assert [one.decides for one in found.rulings] == [True, False]
    assert found.rulings[1].why == "It fits too, but a rule before it has decided."
