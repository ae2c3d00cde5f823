"""How long it takes to say of one signal, rule by rule and condition by condition, why a large plan decides so."""

from dataclasses import replace
from importlib import resources

from bench.measure import Measured, percentile
from bench.schedule import milliseconds
from tocsin.plan import check
from tocsin.plan.model import Plan, Rule
from tocsin.signals.explaining import explain
from tocsin.signals.model import Arrival
from tocsin.signals.routing import Route, Rules

TIMES = 201
RULES = 200
ROSE = resources.files("tocsin") / "plans" / "rose.yaml"


def explained() -> list[Measured]:
    plan = check.load(ROSE.read_text(encoding="utf-8"))
    if not isinstance(plan, Plan):
        raise RuntimeError("the plan has mistakes")
    rules = Rules(replace(plan, rules=tuple(_rule(number) for number in range(RULES))))
    arrival = _arrival()
    found = explain(rules, arrival)
    if not isinstance(found.decision, Route) or found.decision.rule != f"rule {RULES - 1}":
        raise RuntimeError("another rule than the last decides")
    taken = [milliseconds(lambda: explain(rules, arrival)) for _ in range(TIMES)]
    floor = [milliseconds(lambda: rules.route(arrival)) for _ in range(TIMES)]
    checks = sum(len(one.tried.checks) for one in found.rulings)
    return [
        Measured(
            name=f"explain, {RULES} rules",
            value=percentile(taken, 50),
            unit="ms",
            target=1,
            less_is_better=True,
            floor=percentile(floor, 50),
            about={"conditions": checks, "worst_ms": max(taken)},
        )
    ]


def _rule(number: int) -> Rule:
    """Plain words, several words, an expression and any value at all; only the last rule fits."""
    match number % 4:
        case 0:
            when: dict[str, tuple[str, ...] | str] = {"source": "alertmanager", "alertname": f"Alert{number}"}
        case 1:
            when = {"service": "rose", "alertname": (f"Alert{number}", f"Other{number}", "Third")}
        case 2:
            when = {"alertname": f"/^alert{number}(?:[a-z]+)$/", "severity": "critical"}
        case _:
            when = {"region": "*", "instance": f"host-{number}"}
    severity, kind = "P1", "service_outage"
    return Rule(name=f"rule {number}", when=when, type=kind, severity=severity)


def _arrival() -> Arrival:
    labels = {"service": "rose", "alertname": "Alert", "region": "eu", "instance": f"host-{RULES - 1}", "job": "rose"}
    return Arrival(source="alertmanager", key="k", title="An alert", severity="critical", labels=labels)
