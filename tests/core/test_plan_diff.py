"""What a change of the plan does: every changed leaf is named, in a sentence, and what is large is called so."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import plans
from tocsin.plan import check
from tocsin.plan.bodies import BodySchema
from tocsin.plan.consequences import Consequence, Kind, Weight
from tocsin.plan.diff import diff, large
from tocsin.plan.measures import Band, Count, Moment
from tocsin.plan.model import Call, Chat, Plan, Rule
from tocsin.plan.procedure import Action, Activity, Effect, Telling, Tool
from tocsin.plan.rotas import HandingOver, Holiday, Layer, Weekday, Window

TEXT = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
FIVE = (Path(__file__).parents[2] / "examples" / "five-people.yaml").read_text(encoding="utf-8")


def plan_of(text: str) -> Plan:
    found = check.load(text)
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


ROSE = plan_of(TEXT)
FULL = plans.load(plans.ROOT / "examples" / "larger-organisation.yaml")


@cache
def changed(*pairs: tuple[str, str]) -> Plan:
    """Rose's plan with pieces of its text replaced, each at its first place; sound again."""
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return plan_of(text)


def told(old: Plan, new: Plan) -> dict[str, Consequence]:
    found = diff(old, new)
    assert len({one.path for one in found}) == len(found)
    return {one.path: one for one in found}


# ---- Nothing changes unsaid ------------------------------------------------------------------------------------------


Put = Callable[[Any], Any]  # from what a place should hold to the whole plan that has it there


@dataclass(frozen=True)
class Spot:
    """A place in a plan, and the plan with something else there."""

    value: object
    hint: Any
    put: Put


GONE = object()
hints_of = cache(get_type_hints)


def with_field(value: Any, name: str, put: Put) -> Put:
    return lambda new: put(replace(value, **{name: new}))


def with_key(value: Mapping[Any, object], key: object, put: Put) -> Put:
    return lambda new: put({**value, key: new})


def without_key(value: Mapping[Any, object], key: object, put: Put) -> Put:
    return lambda _: put({name: one for name, one in value.items() if name != key})


def with_item(value: tuple[object, ...], at: int, put: Put) -> Put:
    return lambda new: put((*value[:at], new, *value[at + 1 :]))


def spots(value: Any, hint: Any, put: Put) -> Iterator[Spot]:
    """Every leaf of a plan, and every named thing that can be taken out."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = hints_of(type(value))
        for field in fields(value):
            yield from spots(getattr(value, field.name), hints[field.name], with_field(value, field.name, put))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield Spot(GONE, None, without_key(value, key, put))
            yield from spots(part, None, with_key(value, key, put))
    elif isinstance(value, tuple) and any(map(is_dataclass, value)):
        yield Spot(GONE, None, lambda _: put(value[:-1]))
        for place, part in enumerate(value):
            yield from spots(part, None, with_item(value, place, put))
    else:
        yield Spot(value, hint, put)


def spots_of(plan: Plan) -> list[Spot]:
    return list(spots(plan, None, lambda new: new))


FIRST: dict[object, object] = {
    Telling: Telling(audience="public", what="That it burns"),
    Layer: Layer(name="nights", people=("ana",)),
    Window: Window(begins=time(9), ends=time(17)),
    Holiday: Holiday(name="May Day", days=(date(2026, 5, 1),)),
}


def something_else(spot: Spot) -> object:
    match spot.value:
        case bool() as value:
            return not value
        case int() as value:
            return value + 1
        case timedelta() as value:
            return value + timedelta(minutes=1)
        case time() as value:
            return value.replace(minute=(value.minute + 1) % 60)
        case Decimal() as value:
            return value + 1
        case date() as value:
            return value + timedelta(days=1)
        case StrEnum() as value:
            return next(one for one in type(value) if one is not value)
        case str() as value:
            return value + "x"
        case BodySchema() as value:
            return BodySchema({**value.content, "minProperties": 2})
        case () if get_args(spot.hint)[:1] and get_args(spot.hint)[0] in FIRST:
            return (FIRST[get_args(spot.hint)[0]],)
        case tuple() as value:
            return (*value, "x") if len(value) % 2 else value[:-1] or ("x",)
        case None:
            kinds: dict[type, object] = {
                timedelta: timedelta(minutes=1),
                int: 2,
                Band: Band(at_least=Decimal(1)),
                Decimal: Decimal(50),
                Effect: Effect.READS,
                Chat: Chat(),
                HandingOver: HandingOver(
                    opened_before=timedelta(hours=2), written_before=timedelta(0), accepted_within=timedelta(hours=1)
                ),
                BodySchema: BodySchema({"type": "object"}),
                Call: Call(link="https://meet.example.org"),
                Moment: Moment.CLOSED,
                Count: Count.TYPE,
                Weekday: Weekday.MON,
                date: date(2026, 5, 1),
                time: time(9),
            }
            return next((kinds[kind] for kind in get_args(spot.hint) if kind in kinds), "x")
        case _:
            return None


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """The whole tree as paths and values, found without the code under test."""
    if is_dataclass(value):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Mapping):
        parts = [(str(name), part) for name, part in value.items()]
    elif isinstance(value, tuple) and any(map(is_dataclass, value)):
        parts = [(words_of(part) or str(place), part) for place, part in enumerate(value, 1)]
    else:
        yield ".".join(path), value
        return
    for name, part in parts:
        yield from leaves(part, (*path, name))


def words_of(part: object) -> str:
    """By what something in a list is known."""
    known = {Rule: "name", Tool: "name", Layer: "name", Action: "do", Activity: "title"}
    return str(getattr(part, known[type(part)])) if type(part) in known else ""


def differing(old: Plan, new: Plan) -> set[str]:
    before, after = dict(leaves(old)), dict(leaves(new))
    return {path for path in before.keys() | after.keys() if before.get(path, GONE) != after.get(path, GONE)}


def covers(path: str, leaf: str) -> bool:
    return leaf == path or leaf.startswith(f"{path}.")


@st.composite
def changed_plans(draw: st.DrawFn) -> Plan:
    """Rose's plan, sound or not, with something in it otherwise, or two things."""
    first = draw(st.sampled_from(SPOTS))
    plan: Plan = first.put(something_else(first))
    if draw(st.booleans()):
        found = spots_of(plan)
        second = found[draw(st.integers(0, len(found) - 1))]
        plan = second.put(something_else(second))
    return plan


SPOTS = spots_of(ROSE)


@settings(deadline=None, max_examples=60)
@given(changed_plans())
def test_every_changed_leaf_is_named_in_both_directions_and_nothing_else_is(plan: Plan) -> None:
    found, expected = told(ROSE, plan), differing(ROSE, plan)
    # A list that is left empty is a leaf itself, and named by what was in it.
    named = {leaf for leaf in expected for path in found if covers(path, leaf) or covers(leaf, path)}
    assert expected - named == set()
    assert {path for path in found if not any(covers(path, leaf) for leaf in expected)} == set()
    assert all(one.sentence.endswith(".") and "ABSENT" not in one.sentence for one in found.values())
    assert told(plan, ROSE).keys() == found.keys()
    assert diff(plan, plan) == []


GENERAL = re.compile(r"^The plan's |worded anew|stands in another order")


@pytest.mark.parametrize(
    "plan",
    [replace(ROSE, rules=ROSE.rules[10:13]), replace(FULL, rules=FULL.rules[:2])],
    ids=["rose", "larger organisation"],
)
def test_every_leaf_that_changes_is_told_in_a_sentence_of_its_own(plan: Plan) -> None:
    for spot in spots_of(plan):
        changed_plan = spot.put(something_else(spot))
        for old, new in ((plan, changed_plan), (changed_plan, plan)):
            found = diff(old, new)
            assert found, spot
            assert [one for one in found if GENERAL.search(one.sentence)] == []
            assert [one for one in found if re.search(r"None|Decimal|“”|  |\.\.", one.sentence)] == [], spot


def test_plans_that_were_read_from_the_same_text_are_the_same() -> None:
    assert diff(ROSE, plan_of(TEXT)) == []
    assert diff(ROSE, plan_of("# a remark\n" + TEXT)) == []


def test_two_plans_that_share_nothing_can_be_told_apart() -> None:
    other = plan_of(FIVE)
    assert told(ROSE, other).keys() == told(other, ROSE).keys()
    assert large(diff(ROSE, other)) and large(diff(other, ROSE))


# ---- What it says ----------------------------------------------------------------------------------------------------

P2_CADENCE = "        P1: { first_within: 15 min, every: 30 min }\n    executives"
RHYTHM = P2_CADENCE.replace("\n", "\n        P2: { first_within: 1 h, every: 1 h }\n", 1)
AUDIENCE = TEXT[TEXT.index("    public:\n      name: Public") : TEXT.index("    executives:\n      name: Executives")]
STEP = "      - { page: [engineering], wait: 5 min }\n"

SENTENCES: tuple[tuple[str, str, str, str, Kind], ...] = (
    (
        "acknowledge_within: 15 min",
        "acknowledge_within: 10 min",
        "severities.P1.acknowledge_within",
        "P1: acknowledging moves from 15 min to 10 min (5 min sooner).",
        Kind.DEADLINE,
    ),
    (
        P2_CADENCE,
        RHYTHM,
        "communication.audiences.public.cadence.P2",
        "P2 now owes a public update every 1 h.",
        Kind.OBLIGATION,
    ),
    (
        "    roles_within: {}",
        "    roles_within: { scribe: 1 h }",
        "severities.P2.roles_within.scribe",
        "P2 now owes a scribe within 1 h.",
        Kind.OBLIGATION,
    ),
    (
        "post_mortem: optional",
        "post_mortem: required",
        "severities.P2.post_mortem",
        "P2 now owes a post-mortem within 2 d of the fix.",
        Kind.OBLIGATION,
    ),
    (
        "    # No escalation: a P3 waits",
        "    escalation: on_call_engineer\n    # a P3 waits",
        "severities.P3.escalation",
        "P3 now pages by the policy on_call_engineer; it paged nobody before.",
        Kind.PAGING,
    ),
    (
        "people: [tomas, ana]",
        "people: [tomas, ana, ben]",
        "rotations.on_call.people",
        "The turns of on_call: now Ben Halvorsen too.",
        Kind.ON_CALL,
    ),
    (
        "people:\n  ana:",
        "people:\n  nina: { name: Nina Berg }\n  ana:",
        "people.nina",
        "Nina Berg (nina) joins the plan.",
        Kind.PEOPLE,
    ),
    (
        "- { page: [on_call], wait: 5 min }",
        "- { page: [on_call, commander], wait: 5 min }",
        "escalation.engineering.steps.1.page",
        "Step 1 of the policy engineering pages: now commander too.",
        Kind.PAGING,
    ),
    (
        "severity: P3\n    service: rose\n\n  # What our own probe says.",
        "severity: P2\n    service: rose\n\n  # What our own probe says.",
        "rules.monitoring is blind.severity",
        "The rule “monitoring is blind” declares P2 instead of P3.",
        Kind.ROUTING,
    ),
    (
        "A repair is in place.",
        "We mended it.",
        "templates.status_monitoring",
        "The template status_monitoring has other words, and so has what the public at the stage monitoring is told.",
        Kind.TEMPLATE,
    ),
    (
        "  watch_for: 30 min",
        "  watch_for: 45 min",
        "recovery.watch_for",
        "After the fix the service is watched for 45 min instead of 30 min.",
        Kind.OBLIGATION,
    ),
    (
        "  owner: technical_lead",
        "  owner: incident_commander",
        "recovery.owner",
        "Resolving falls to: incident commander, instead of: technical lead.",
        Kind.OBLIGATION,
    ),
    (
        'version: "1.1"\npurpose',
        'version: "1.0"\npurpose',
        "version",
        "This is version “1.0” of the plan, after “1.1”.",
        Kind.WORDS,
    ),
)


@pytest.mark.parametrize(("old", "new", "path", "sentence", "kind"), SENTENCES, ids=[one[2] for one in SENTENCES])
def test_a_small_change_is_told_in_a_sentence(old: str, new: str, path: str, sentence: str, kind: Kind) -> None:
    assert diff(ROSE, changed((old, new))) == [Consequence(kind, path, sentence, Weight.SMALL)]


LARGE: tuple[tuple[tuple[tuple[str, str], ...], str, str], ...] = (
    (
        (("acknowledge_within: 15 min", "acknowledge_within: 20 min"),),
        "severities.P1.acknowledge_within",
        "P1: acknowledging moves from 15 min to 20 min (5 min later).",
    ),
    (
        (("    escalation: on_call_engineer\n", ""),),
        "severities.P2.escalation",
        "Nobody is paged for P2 any more.",
    ),
    (
        (("    escalation: all_hands\n", "    escalation: engineering\n"),),
        "severities.P0.escalation",
        "P0 pages by the policy engineering instead of all_hands, which reaches fewer people or reaches them later.",
    ),
    (
        ((STEP, ""),),
        "escalation.engineering.steps.3",
        "The policy engineering no longer climbs to step 3, which paged engineering.",
    ),
    (
        (("{ page: [on_call], wait: 30 min }", "{ page: [on_call], wait: 40 min }"),),
        "escalation.on_call_engineer.steps.1.wait",
        "Step 1 of the policy on_call_engineer: climbing to the next moves from 30 min to 40 min (10 min later).",
    ),
    (
        (("  engineering:\n    steps:", "  engineering:\n    rounds: 2\n    steps:"),),
        "escalation.engineering.rounds",
        "The policy engineering ends after round 2 instead of going on until somebody answers.",
    ),
    (
        (
            (
                "      scribe: 15 min\n    post_mortem: required\n    public_impact: critical",
                "    post_mortem: required",
            ),
        ),
        "severities.P0.roles_within.scribe",
        "P0 no longer owes a scribe.",
    ),
    (
        (("post_mortem: required\n    public_impact: major", "post_mortem: optional\n    public_impact: major"),),
        "severities.P1.post_mortem",
        "P1 no longer owes a post-mortem; one may be held.",
    ),
    (
        ((AUDIENCE, ""), *[("audience: public", "audience: internal")] * 3, ("    - final_public_update\n", "")),
        "communication.audiences.public",
        "Nobody is told as public any more: the audience is gone.",
    ),
    (
        (("    - recovered\n", ""),),
        "recovery.close_requires",
        "What closing an incident requires: no longer recovered.",
    ),
    (
        (("every: 5 s", "every: 10 s"),),
        "services.rose.probes.health.every",
        "Rose is looked at by health every 10 s instead of every 5 s.",
    ),
    (
        (("    private: true\n", ""),),
        "types.security.private",
        "Incidents of the type security may be shown in public from now on.",
    ),
    (
        (
            (
                "engineering: { name: Engineering, members: [ana, ben, tomas] }",
                "engineering: { name: E, members: [ben] }",
            ),
        ),
        "teams.engineering.members",
        "The team engineering: no longer Ana Okafor and Tomás Brandt.",
    ),
)


@pytest.mark.parametrize(("pairs", "path", "sentence"), LARGE, ids=[one[1] for one in LARGE])
def test_a_large_change_is_called_so(pairs: tuple[tuple[str, str], ...], path: str, sentence: str) -> None:
    found = told(ROSE, changed(*pairs))
    assert found[path].sentence == sentence
    assert found[path].weight is Weight.LARGE
    assert found[path] in large(diff(ROSE, changed(*pairs)))


def without(plan: Plan, part: str, name: str) -> Plan:
    changes: dict[str, Any] = {part: {key: one for key, one in getattr(plan, part).items() if key != name}}
    return replace(plan, **changes)


@pytest.mark.parametrize(
    ("part", "name", "sentence"),
    [
        ("people", "ana", "Ana Okafor (ana) leaves the plan."),
        ("severities", "P3", "P3 is no longer a severity, and nothing is owed for it."),
        ("rotations", "commander", "The rotation commander is gone: nobody is on call in it any more."),
        ("escalation", "all_hands", "The escalation policy all_hands is gone."),
        ("services", "rose", "The service rose is gone."),
    ],
)
def test_what_others_rely_on_is_missed(part: str, name: str, sentence: str) -> None:
    (one,) = diff(ROSE, without(ROSE, part, name))
    assert (one.path, one.sentence, one.weight) == (f"{part}.{name}", sentence, Weight.LARGE)
    (back,) = diff(without(ROSE, part, name), ROSE)
    assert back.weight is Weight.SMALL


def test_a_rule_that_is_gone_or_declares_less_is_large() -> None:
    first, *rest = ROSE.rules
    (gone,) = diff(ROSE, replace(ROSE, rules=tuple(rest)))
    assert gone == Consequence(
        Kind.ROUTING,
        "rules.monitoring is blind",
        "The rule “monitoring is blind” is gone; it declared P3 performance_degradation.",
        Weight.LARGE,
    )
    second = rest[0]
    (less,) = diff(ROSE, replace(ROSE, rules=(first, replace(second, severity="P1"), *rest[1:])))
    assert (less.path, less.weight) == ("rules.rose does not answer.severity", Weight.LARGE)


def test_a_new_rule_at_the_top_does_not_seem_to_change_those_below() -> None:
    rule = replace(ROSE.rules[0], name="quiet", when={"host": "db1"})
    (one,) = diff(ROSE, replace(ROSE, rules=(rule, *ROSE.rules)))
    assert one.sentence == "The rule “quiet” is new; it declares P3 performance_degradation."


def test_an_order_that_means_something_is_part_of_the_plan() -> None:
    upside_down = {level: ROSE.severities[level] for level in reversed(list(ROSE.severities))}
    (one,) = diff(ROSE, replace(ROSE, severities=upside_down))
    assert one.path == "severities" and one.weight is Weight.LARGE
    assert one.sentence == "The severities rank anew, the worst first: P3, P2, P1 and P0."
    (rules,) = diff(ROSE, replace(ROSE, rules=tuple(reversed(ROSE.rules))))
    assert (rules.path, rules.weight) == ("rules", Weight.SMALL)


def test_more_people_paged_sooner_is_not_weaker() -> None:
    escalation = dict(ROSE.escalation)
    first, second, third = escalation["engineering"].steps
    escalation["engineering"] = replace(
        escalation["engineering"], steps=(first, replace(third, page=("everyone",)), third)
    )
    found = told(ROSE, replace(ROSE, escalation=escalation))
    # Rotations are known by their names: the commander of the week is not surely in `everyone`, as far as a plan says.
    assert found["escalation.engineering.steps.2.page"].weight is Weight.LARGE
    escalation["engineering"] = replace(
        escalation["engineering"], steps=(replace(first, page=(*first.page, *second.page)), second, third)
    )
    found = told(ROSE, replace(ROSE, escalation=escalation))
    assert found["escalation.engineering.steps.1.page"].weight is Weight.SMALL


def test_what_happens_to_the_layers_of_a_rota_is_said() -> None:
    night = Layer(name="night", people=("ben",), during=(Window(begins=time(22), ends=time(6)),))
    base = ROSE.rotations["on_call"]

    def with_layers(*layers: Layer) -> Plan:
        return replace(ROSE, rotations={**ROSE.rotations, "on_call": replace(base, layers=layers)})

    (new,) = diff(ROSE, with_layers(night))
    assert (new.path, new.weight) == ("rotations.on_call.layers.night", Weight.SMALL)
    assert new.sentence == "Over on_call now lies the layer “night” of Ben Halvorsen."
    (gone,) = diff(with_layers(night), ROSE)
    assert gone.weight is Weight.LARGE and gone.sentence.endswith("is gone; what it covered holds again.")
    (people,) = diff(with_layers(night), with_layers(replace(night, people=("ben", "ana"))))
    assert people.sentence == "The turns of the layer “night” of on_call: now Ana Okafor too."
    day = replace(night, name="day")
    (order,) = diff(with_layers(night, day), with_layers(day, night))
    assert order.sentence == "The layers of on_call cover each other anew, the last above all: day and night."


def test_fewer_people_at_a_time_is_large() -> None:
    two = replace(ROSE, rotations={**ROSE.rotations, "on_call": replace(ROSE.rotations["on_call"], together=2)})
    (fewer,) = diff(two, ROSE)
    assert (fewer.sentence, fewer.weight) == ("on_call has 1 on call at a time, instead of 2.", Weight.LARGE)


@pytest.mark.parametrize(
    ("value", "come", "gone"),
    [
        (
            {"out_of": 5},
            "Rose counts as broken by its bad looks among the last 5, and not only by those in a row.",
            "Rose counts as broken by bad looks in a row alone.",
        ),
        (
            {"certificate_days": 14},
            "The look health at Rose calls a certificate trouble 14 days before its end.",
            "The look health at Rose does not say any more that a certificate will end.",
        ),
    ],
)
def test_what_may_be_left_out_comes_and_goes_in_words_of_its_own(value: dict[str, Any], come: str, gone: str) -> None:
    rose = ROSE.services["rose"]
    probe = replace(rose.probes["health"], **value)
    new = replace(ROSE, services={"rose": replace(rose, probes={"health": probe})})
    assert [one.sentence for one in diff(ROSE, new)] == [come]
    assert [one.sentence for one in diff(new, ROSE)] == [gone]
