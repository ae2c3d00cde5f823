"""What a plan says about the work: short and long spellings, what is refused, and error rates at their borders."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tests.support.records import PLAN
from tocsin.plan import check, check_work
from tocsin.plan.measures import Band, Metric, Moment, rate
from tocsin.plan.model import Call, Channels, Chat, Phase, Plan, Rule, Severity
from tocsin.plan.procedure import Action, Activity, Effect, Exit, Telling, Tool, TriggerSource
from tocsin.plan.services import Vendor
from tocsin.signals.model import Arrival, Trigger
from tocsin.signals.routing import Route, Unrouted, route

FIVE = plans.text(plans.ROOT / "examples" / "five-people.yaml")


def loaded(*changes: tuple[str, str]) -> Plan:
    found = check.load(changed(*changes))
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


def refused(*changes: tuple[str, str]) -> list[str]:
    found = check.load(changed(*changes))
    assert isinstance(found, list)
    return [f"{one.line} {one.path}: {one.message}" for one in found]


def changed(*changes: tuple[str, str]) -> str:
    text = FIVE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def line_of(text: str) -> int:
    return FIVE[: FIVE.index(text)].count("\n") + 1


# --- Spellings --------------------------------------------------------------------------------------------------------


def test_a_text_by_itself_stands_for_an_action_a_tool_a_step_and_a_symptom() -> None:
    short = loaded(("actions: [Look at the database, Look at the queue]", "actions: [Look, Add capacity]"))
    long = loaded(
        ("symptoms: Lantern answers, but late", "symptoms: [Lantern answers, but late]"),
        ("actions: [Look at the database, Look at the queue]", "actions: [{ do: Look }, { do: Add capacity }]"),
    )
    assert short.types["slow"].actions == long.types["slow"].actions == (Action(do="Look"), Action(do="Add capacity"))
    assert short.types["slow"].symptoms == ("Lantern answers, but late",)
    assert long.types["slow"].symptoms == ("Lantern answers", "but late")


PHASE = """\
  find:
    name: Find it
    begins_when: declared
    triggers: [health_check, user_report]
    actions:
      - Read the logs
      - title: Act
        items: [{ do: Roll back, effect: changes }, { do: Look, effect: reads, severities: [high] }]
    tools: [Grafana, { name: Logs, link: "https://logs.example.org" }]
    tells: [{ audience: public, what: That we look into it, by: lead, severities: [high] }]
    ends_when: [acknowledged, first_public_update]
    confirm: [It is real]
"""
SHORT_PHASE = next(line for line in FIVE.splitlines(keepends=True) if line.startswith("  find:"))


def test_a_phase_says_by_what_it_begins_what_is_done_who_is_told_and_when_it_is_over() -> None:
    phase = loaded((SHORT_PHASE, PHASE)).phases["find"]
    assert phase.triggers == (TriggerSource.HEALTH_CHECK, TriggerSource.USER_REPORT)
    assert phase.actions[1].items == (
        Action(do="Roll back", effect=Effect.CHANGES),
        Action(do="Look", effect=Effect.READS, severities=("high",)),
    )
    assert phase.lines == ("Read the logs", "Roll back", "high: Look")
    assert phase.tools == (Tool(name="Grafana"), Tool(name="Logs", link="https://logs.example.org"))
    assert phase.tells == (Telling(audience="public", what="That we look into it", by="lead", severities=("high",)),)
    assert (phase.ends_when, phase.confirm) == ((Exit.ACKNOWLEDGED, Exit.FIRST_PUBLIC_UPDATE), ("It is real",))


def test_the_sources_of_trouble_are_those_that_the_record_keeps() -> None:
    assert list(map(str, TriggerSource)) == list(map(str, Trigger))


MISTAKES = [
    ("effect: changes", "effect: change", "actions.2.items.1.effect", "did you mean changes?"),
    ("do: Roll back", "doo: Roll back", "actions.2.items.1.doo", "did you mean do?"),
    (
        "severities: [high] }]\n    tools",
        "severities: [hgih] }]\n    tools",
        "items.2.severities.1",
        "did you mean high?",
    ),
    ("audience: public", "audience: pubic", "tells.1.audience", "did you mean public?"),
    ("by: lead", "by: leed", "tells.1.by", "did you mean lead?"),
    ("ends_when: [acknowledged", "ends_when: [acknowledge", "ends_when.1", "did you mean acknowledged?"),
    ("triggers: [health_check", "triggers: [healthcheck", "triggers.1", "did you mean health_check?"),
    ("tools: [Grafana", "tools: [7", "tools.1", "must be a mapping of keys to values, not a number"),
    ("- Read the logs", '- ""', "actions.1.title", "an action without words"),
]


@pytest.mark.parametrize(("sound", "wrong", "path", "hint"), MISTAKES, ids=lambda one: one[:30].strip())
def test_a_mistake_in_a_phase_is_named_with_its_line(sound: str, wrong: str, path: str, hint: str) -> None:
    text = PHASE.replace(sound, wrong, 1)
    assert text != PHASE
    said = refused((SHORT_PHASE, text))
    line = line_of(SHORT_PHASE) + text[: text.index(wrong)].count("\n")
    assert len(said) == 1 and said[0].startswith(f"{line} phases.find.") and path in said[0] and hint in said[0]


# --- What is refused --------------------------------------------------------------------------------------------------


def found(**changes: Any) -> dict[str, str]:
    return {one.path: one.message for one in check_work.check(replace(PLAN, **changes))}


def channels(**given: Any) -> dict[str, str]:
    return found(communication=replace(PLAN.communication, channels=Channels(**given)))


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({"chat": Chat(name="incident-{day}")}, "chat.name", 'no field called "day"'),
        ({"chat": Chat(name="Incident {date}")}, "chat.name", "a channel's name has small letters"),
        ({"chat": Chat(severities=("P9",))}, "chat.severities.1", 'no severity called "P9"'),
        ({"call": Call(link="https://meet.example.org/{chanel}")}, "call.link", "did you mean channel?"),
        ({"call": Call(link="meet/{channel}")}, "call.link", "is not an address"),
        ({"status_page": "status.example.org"}, "status_page", "is not an address"),
    ],
)
def test_a_channel_that_could_not_be_made_is_refused(given: dict[str, Any], path: str, message: str) -> None:
    assert message in channels(**given)[f"communication.channels.{path}"]


def test_channels_that_can_be_made_are_not() -> None:
    given = {"chat": Chat(severities=("P0",)), "call": Call(link="https://meet.example.org/{channel}")}
    assert channels(**given, status_page="https://status.example.org") == {}


def needing(*names: str, vendors: tuple[str, ...] = ("groq",)) -> dict[str, str]:
    service = replace(PLAN.services["rose"], depends_on=names)
    return found(
        services={**PLAN.services, "rose": service}, vendors={key: Vendor(name=key.title()) for key in vendors}
    )


def test_what_a_service_depends_on_is_a_service_or_a_vendor_and_never_itself() -> None:
    assert needing("groq", "site") == {}
    assert "did you mean groq?" in needing("grok")["services.rose.depends_on.1"]
    assert "cannot depend on itself" in needing("rose")["services.rose.depends_on.1"]
    assert "also one of the services" in needing(vendors=("site",))["vendors.site"]


@pytest.mark.parametrize(
    ("metric", "path", "message"),
    [
        (Metric(name="x"), "", "either since and until, or count_by"),
        (Metric(name="x", since=Moment.STARTED), "", "either since and until, or count_by"),
        (Metric(name="x", since=Moment.RESOLVED, until=Moment.DETECTED), ".until", "does not come after resolved"),
        (
            Metric(name="x", since=Moment.STARTED, until=Moment.DETECTED, targets={"P9": timedelta(hours=1)}),
            ".targets.P9",
            'no severity called "P9"',
        ),
    ],
)
def test_a_metric_that_measures_nothing_is_refused(metric: Metric, path: str, message: str) -> None:
    assert message in found(metrics={"x": metric})[f"metrics.x{path}"]


# --- Error rates ------------------------------------------------------------------------------------------------------


def banded(**bands: Band) -> Plan:
    severities: dict[str, Severity] = {
        key: replace(one, error_rate=bands.get(key)) for key, one in PLAN.severities.items()
    }
    rule = Rule(name="errors", when={"error_rate": "*"}, type="outage", band_of="error_rate")
    return replace(PLAN, severities=severities, rules=(rule,))


BANDS = banded(
    P1=Band(above=Decimal(10)),
    P2=Band(at_least=Decimal(5), at_most=Decimal(10)),
    P3=Band(at_least=Decimal(2), below=Decimal(5)),
)


def severity_of(written: str, plan: Plan = BANDS) -> str | None:
    arrival = Arrival(source="test", key="k", title="Errors", labels={"error_rate": written})
    match route(plan, arrival):
        case Route(severity=severity):
            return severity
        case Unrouted():
            return None


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("1.999999999999", None),
        ("2", "P3"),
        ("4.9999", "P3"),
        ("5", "P2"),
        ("5.0 %", "P2"),
        ("10", "P2"),
        ("10.000", "P2"),
        ("10.000000000001", "P1"),
        ("100%", "P1"),
        ("many", None),
        ("-3", None),
        ("", None),
    ],
)
def test_an_error_rate_is_decided_exactly_at_the_borders(written: str, severity: str | None) -> None:
    assert severity_of(written) == severity


@given(st.decimals(0, 100, places=6))
def test_every_rate_from_the_lowest_border_up_has_exactly_one_severity(measured: Decimal) -> None:
    holding = [one for one in BANDS.severities.values() if one.error_rate and one.error_rate.holds(measured)]
    assert len(holding) == (measured >= 2)
    assert severity_of(f"{measured:f}") == BANDS.banded(measured)
    assert rate(f"{measured:f} %") == measured


def test_of_two_bands_that_hold_a_rate_the_worse_severity_counts() -> None:
    both = banded(P1=Band(above=Decimal(1)), P2=Band(above=Decimal(1)))
    assert severity_of("3", both) == "P1"


@pytest.mark.parametrize(
    ("band", "message"),
    [
        (Band(), "no border"),
        (Band(above=Decimal(5), at_least=Decimal(5)), "where the band begins"),
        (Band(below=Decimal(5), at_most=Decimal(5)), "where the band ends"),
        (Band(above=Decimal(5), at_most=Decimal(5)), "no error rate lies in this band"),
        (Band(at_least=Decimal(6), below=Decimal(5)), "no error rate lies in this band"),
    ],
)
def test_a_band_that_holds_nothing_is_refused(band: Band, message: str) -> None:
    plan = banded(P1=band)
    assert any(message in one.message for one in check_work.check(plan) if one.path == "severities.P1.error_rate")


@pytest.mark.parametrize("written", ["-1", "101", "1e3", ".inf", "true", "a few"])
def test_a_border_that_is_no_per_cent_is_named_with_its_line(written: str) -> None:
    said = refused(("error_rate: { above: 20 }", f"error_rate: {{ above: {written} }}"))
    assert len(said) == 1 and "severities.high.error_rate.above" in said[0] and "per cent" in said[0]


# --- Precedence -------------------------------------------------------------------------------------------------------


def test_the_rule_with_the_lowest_precedence_is_asked_first_and_those_without_last() -> None:
    rules = (
        Rule(name="as it stands", when={"title": "*"}, type="outage", severity="P3"),
        Rule(name="later", precedence=20, when={"title": "*"}, type="outage", severity="P2"),
        Rule(name="first", precedence=10, when={"source": "mail"}, type="outage", severity="P1"),
    )
    plan = replace(PLAN, rules=rules)
    assert [one.name for one in plan.ranked_rules()] == ["first", "later", "as it stands"]
    routed = [route(plan, Arrival(source=one, key="k", title="x")) for one in ("mail", "other")]
    assert [(one.rule, one.severity) for one in routed if isinstance(one, Route)] == [("first", "P1"), ("later", "P2")]
    messages = {one.path: one.message for one in check.check(plan)}
    assert messages["rules.1.when"] == "no signal comes this far: rule 2 takes them all"


def test_two_rules_of_one_precedence_are_refused() -> None:
    same = [Rule(name=name, precedence=10, when={name: "*"}, type="outage", severity="P1") for name in ("a", "b")]
    messages = {one.path: one.message for one in check.check(replace(PLAN, rules=tuple(same)))}
    assert "rule 1 has the precedence 10 too" in messages["rules.2.precedence"]


@pytest.mark.parametrize("given", [{}, {"severity": "P1", "band_of": "error_rate"}])
def test_a_rule_gives_a_severity_or_the_label_that_decides_it(given: dict[str, Any]) -> None:
    plan = replace(BANDS, rules=(Rule(name="x", when={"title": "*"}, type="outage", **given),))
    assert any("a rule has either a severity, or the label" in one.message for one in check.check(plan))


def test_a_rule_by_error_rate_needs_a_severity_with_a_band() -> None:
    messages = {one.path: one.message for one in check.check(banded())}
    assert messages["rules.1.band_of"] == "no severity has a band of error rates"


def test_an_activity_without_items_is_one_thing_to_do() -> None:
    phase = Phase(name="x", begins_when=PLAN.phases["detection"].begins_when, actions=(Activity(title="Look"),))
    assert phase.lines == ("Look",)


def test_a_plan_ten_times_the_size_of_roses_loads() -> None:
    rose = plans.text(plans.ROOT / "src/tocsin/plans/rose.yaml")
    found = check.load(plans.multiplied(rose, 10))
    assert isinstance(found, Plan), "\n".join(map(str, found))
    one = plans.load(plans.ROOT / "src/tocsin/plans/rose.yaml")
    assert (len(found.rules), len(found.types), len(found.people)) == (
        10 * len(one.rules),
        10 * len(one.types),
        10 * len(one.people),
    )
