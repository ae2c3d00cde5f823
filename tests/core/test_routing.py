"""Which rule of the plan decides about a signal, and what it says about why."""

from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import Any

import msgspec
import pytest

from tests.support.records import NIGHT, PLAN
from tocsin.plan import check
from tocsin.plan.model import Plan, Rule
from tocsin.signals.model import Arrival, Trigger
from tocsin.signals.routing import REMEMBERED, Route, Rules, Unrouted, route
from tocsin.watch import outcomes
from tocsin.watch.outcomes import Kind, Outcome


def _rose() -> Plan:
    found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
    assert isinstance(found, Plan)
    return found


ROSE = _rose()


def _rule(name: str = "the rule", *, type: str = "outage", severity: str = "P1", **more: Any) -> Rule:  # noqa: A002
    return Rule(name=name, type=type, severity=severity, **more)


def _plan(*rules: Rule) -> Plan:
    return replace(PLAN, rules=rules)


def _arrival(title: str = "Something is wrong", **more: Any) -> Arrival:
    return Arrival(**{"source": "alertmanager", "key": "k1", "title": title, **more})


def _by(when: dict[str, tuple[str, ...] | str], **arrival: Any) -> bool:
    return isinstance(route(_plan(_rule(when=when)), _arrival(**arrival)), Route)


@pytest.mark.parametrize(
    ("wanted", "word", "holds"),
    [
        ("page", "page", True),
        ("page", "PAGE", True),  # in any case
        ("page", "pages", False),  # the whole word
        (("page", "critical"), "critical", True),  # any one of them
        (("page", "critical"), "warning", False),
        ("*", "anything", True),
        ("*", "", False),  # an empty label says nothing
        ("/err.*rate/", "The Error Rate is high", True),  # found anywhere, in any case
        ("/^err/", "The error", False),
        (("/^x/", "warning"), "warning", True),  # expressions and words may stand together
        ("/", "/", True),  # too short to be an expression
        ("//", "anything", False),
    ],
)
def test_a_condition_holds_for_these_words(wanted: tuple[str, ...] | str, word: str, holds: bool) -> None:
    assert _by({"team": wanted}, labels={"team": word}) is holds


def test_a_condition_on_what_the_signal_lacks_does_not_hold() -> None:
    assert not _by({"team": "*"}, labels={"other": "x"})
    assert not _by({"severity": "*"})
    assert _by({"severity": "*"}, severity="page")


def test_every_condition_must_hold() -> None:
    both: dict[str, tuple[str, ...] | str] = {"team": "payments", "severity": "critical"}
    assert _by(both, labels={"team": "payments"}, severity="critical")
    assert not _by(both, labels={"team": "payments"}, severity="warning")


def test_a_label_can_not_pretend_to_be_the_source() -> None:
    forged = {"source": "probe", "trigger": "health_check", "title": "Rose is down"}
    assert not _by({"source": "probe"}, labels=forged)
    assert not _by({"trigger": "health_check"}, labels=forged)
    assert not _by({"title": "/Rose/"}, labels=forged)


def test_rules_may_ask_for_the_signals_own_fields() -> None:
    arrival = _arrival("Disk full", source="pagerduty", trigger=Trigger.USER_REPORT)
    rule = _rule(when={"source": "pagerduty", "trigger": "user_report", "title": "/disk/"})
    assert isinstance(route(_plan(rule), arrival), Route)


def test_the_first_rule_that_holds_decides() -> None:
    rules = (
        _rule("exact", when={"team": "payments"}, severity="P2"),
        _rule("any", when={"team": "*"}, severity="P0"),
        _rule("exact again", when={"team": "payments"}, severity="P3"),
    )
    found = route(_plan(*rules), _arrival(labels={"team": "payments"}))
    assert isinstance(found, Route)
    assert (found.rule, found.severity) == ("exact", "P2")
    other = route(_plan(*rules), _arrival(labels={"team": "search"}))
    assert isinstance(other, Route)
    assert other.rule == "any"


def test_a_signal_that_no_rule_knows_waits_and_says_why() -> None:
    found = route(_plan(_rule(when={"team": "payments"})), _arrival())
    assert found == Unrouted()
    assert found.why


def test_a_rule_without_conditions_takes_everything() -> None:
    found = route(_plan(_rule("last resort", when={})), _arrival())
    assert isinstance(found, Route)
    assert found.why == "P1, by the rule “last resort”."


def test_the_reason_names_the_rule_the_evidence_and_what_was_measured() -> None:
    arrival = _arrival(labels={"team": "payments"}, severity="critical", details={"reason": "3 looks of 3 agree"})
    found = route(_plan(_rule("pay", when={"team": "*", "severity": "critical"}, severity="P0")), arrival)
    assert isinstance(found, Route)
    assert found.why == "P0, by the rule “pay”: team is payments and severity is critical; 3 looks of 3 agree."
    unsaid = route(_plan(_rule(when={"team": "*"})), msgspec.structs.replace(arrival, details={"reason": 3}))
    assert isinstance(unsaid, Route)
    assert unsaid.why == "P1, by the rule “the rule”: team is payments."


def test_what_a_band_measures_is_evidence_and_what_is_not_measured_calls_for_nothing() -> None:
    plan = replace(ROSE, rules=(Rule(name="rate", type="high_error_rate", when={}, band_of="error_rate"),))
    found = route(plan, _arrival(labels={"error_rate": "60%"}))
    assert isinstance(found, Route)
    assert found.why == "P1, by the rule “rate”: error_rate is 60%."
    assert route(plan, _arrival()) == route(plan, _arrival(labels={"error_rate": "much"})) == Unrouted()


def test_rules_asked_about_many_say_of_each_what_they_would_say_alone() -> None:
    """What is alike is asked about once; whatever a rule asks, and whatever it measures, makes a signal another one."""
    plan = replace(ROSE, rules=(*ROSE.rules, Rule(name="rate", type="high_error_rate", when={}, band_of="error_rate")))
    rules = Rules(plan)
    labels = [{}, *({"error_rate": f"{rate}%"} for rate in (60, 20, 7, 1)), {"service": "rose"}, {"service": "site"}]
    asked = [
        _arrival(title, source=source, severity=severity, labels=one)
        for title in ("Something is wrong", "The voice is lost", "Rose is down")
        for source in ("alertmanager", "probe", "user")
        for severity in (None, "critical", "page", "P0")
        for one in labels
    ]
    many = [rules.route(arrival) for arrival in [*asked, *asked[::-1]]]
    assert many == [route(plan, arrival) for arrival in [*asked, *asked[::-1]]]
    assert len({one.why for one in many}) > 4, "they are not all alike"


def test_rules_that_heard_more_than_they_remember_still_say_the_same() -> None:
    rules = Rules(_plan(_rule(when={"title": "/7$/"})))
    for _ in range(2):
        found = [isinstance(rules.route(_arrival(f"Number {number}")), Route) for number in range(REMEMBERED + 50)]
        assert found == [number % 10 == 7 for number in range(REMEMBERED + 50)]


def test_a_rule_may_name_the_incident_and_the_service_or_leave_both_to_the_signal() -> None:
    arrival = _arrival("Odd title", labels={"service": "site"})
    plain = route(_plan(_rule(when={})), arrival)
    named = route(_plan(_rule(when={}, title="Pages fail", service="rose", components=("voice",))), arrival)
    assert isinstance(plain, Route)
    assert isinstance(named, Route)
    assert (plain.title, plain.service, plain.components) == ("Odd title", "site", ())
    assert (named.title, named.service, named.components) == ("Pages fail", "rose", ("voice",))


def test_a_service_that_the_plan_does_not_know_is_kept_as_it_was_sent() -> None:
    found = route(_plan(_rule(when={})), _arrival(labels={"service": "node-exporter"}))
    assert isinstance(found, Route)
    assert found.service == "node-exporter"


def test_an_enormous_label_does_not_fill_the_record() -> None:
    found = route(_plan(_rule(when={"log": "*"})), _arrival(labels={"log": "x" * 50_000}))
    assert isinstance(found, Route)
    assert found.why == f"P1, by the rule “the rule”: log is {'x' * 119}…."


# ---- The rules of Rose, for everything that our own look can see -----------------------------------------------------


def _seen(kind: Kind, *components: str) -> Arrival:
    outcome = Outcome(
        kind=kind,
        components=tuple(sorted(components)),
        states={name: "disconnected" for name in components},
        latency=timedelta(seconds=1),
        reason="evidence",
        path="/api/health",
    )
    arrival = outcomes.arrival("health", "rose", outcome, NIGHT)
    assert arrival.labels["service"] == "rose"
    return arrival


@pytest.mark.parametrize(
    ("kind", "components", "severity", "type_", "rule"),
    [
        (Kind.TIMEOUT, (), "P0", "service_outage", "rose does not answer"),
        (Kind.REFUSED, (), "P0", "service_outage", "rose does not answer"),
        (Kind.HTTP_ERROR, (), "P0", "service_outage", "rose does not answer"),
        (Kind.DNS, (), "P0", "service_outage", "rose does not answer"),
        (Kind.TLS, (), "P0", "service_outage", "rose does not answer"),
        (Kind.WRONG_BODY, (), "P2", "service_outage", "rose answers with something else"),
        (Kind.SLOW, (), "P2", "performance_degradation", "rose is slow"),
        (Kind.DEGRADED, (), "P2", "external_api_failure", "rose is degraded"),
        (Kind.DEGRADED, ("groq",), "P1", "external_api_failure", "groq is down"),
        (Kind.DEGRADED, ("elevenlabs",), "P1", "external_api_failure", "elevenlabs is down"),
        (Kind.DEGRADED, ("qdrant",), "P1", "external_api_failure", "memory is down"),
        (Kind.DEGRADED, ("sqlite",), "P1", "service_outage", "conversation store is down"),
        (Kind.DEGRADED, ("groq", "qdrant"), "P1", "external_api_failure", "several components are down"),
        (Kind.DEGRADED, ("groq", "qdrant", "elevenlabs"), "P0", "external_api_failure", "all external APIs are down"),
        (
            Kind.DEGRADED,
            ("groq", "qdrant", "elevenlabs", "sqlite"),
            "P0",
            "external_api_failure",
            "all external APIs are down",
        ),
        (Kind.DEGRADED, ("telepathy",), "P2", "external_api_failure", "rose is degraded"),
    ],
)
def test_what_a_look_at_rose_sees_calls_for_this(
    kind: Kind, components: tuple[str, ...], severity: str, type_: str, rule: str
) -> None:
    found = route(ROSE, _seen(kind, *components))
    assert isinstance(found, Route)
    assert (found.severity, found.type, found.rule, found.service) == (severity, type_, rule, "rose")
    assert "evidence" in found.why


def test_every_kind_of_trouble_that_a_look_can_confirm_has_a_rule() -> None:
    says_nothing = {Kind.HEALTHY, Kind.RATE_LIMITED, Kind.OWN_NETWORK, Kind.UNKNOWN}
    by_measure = {Kind.OVER, Kind.ERRORS, Kind.SLOWER, Kind.UNREADABLE}
    not_asked_of_rose = {Kind.EXPIRING, Kind.DENIED, Kind.FAILED, Kind.SILENT}
    for kind in by_measure:
        measured = {Kind.ERRORS: {"error_rate": "7.5"}, Kind.SLOWER: {"slowdown": "75"}}.get(kind, {})
        outcome = Outcome(kind=kind, latency=timedelta(0), reason="evidence", path="", measured=measured)
        assert isinstance(route(ROSE, outcomes.arrival("rose/m", "rose", outcome, NIGHT, "measure")), Route), kind
    for kind in set(Kind) - says_nothing - not_asked_of_rose - by_measure:
        assert isinstance(route(ROSE, _seen(kind)), Route), kind
