"""Bodies held against the schema of a plan: what does not fit is told in words, and what can't be held is refused."""

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import plans
from tests.support.looks import judged, reading
from tests.support.small import examined, small
from tocsin.plan import check, check_bodies
from tocsin.plan.bodies import DIALECT, BodySchema
from tocsin.plan.watching import Expects, Journey, Leg, Probe
from tocsin.response import looking
from tocsin.watch import answers, journeys, outcomes
from tocsin.watch.outcomes import Expectation, Kind


def fits(schema: dict[str, Any], value: Any) -> str:
    """In what a value does not fit; the schema is one that a plan may have."""
    held = BodySchema(schema)
    assert [*check_bodies.problems("s", held)] == []
    return answers.misfit(held, json.dumps(value).encode())


def of(**properties: Any) -> dict[str, Any]:
    return {"properties": properties}


CHECK = {"type": "object", "required": ["latency_ms"], "properties": {"latency_ms": {"type": "number"}}}
WORDS: list[tuple[dict[str, Any], Any, str]] = [
    (
        of(checks={"additionalProperties": CHECK}),
        {"checks": {"qdrant": {"latency_ms": "n/a"}}},
        'checks.qdrant.latency_ms is "n/a", where a number belongs',
    ),
    (of(a={"type": ["integer", "null"]}), {"a": 1.5}, "a is 1.5, where a whole number or null belongs"),
    ({"type": "object"}, [1], "the body is a list, where an object belongs"),
    (of(a={"required": ["b", "c"]}), {"a": {}}, "a.b is missing; a.c is missing"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "b is missing"),
    (
        {"properties": {"a": True}, "additionalProperties": False},
        {"b": 1},
        "the body has b, which does not belong there",
    ),
    (of(a={"additionalProperties": False}), {"a": {"b": 1}}, "a has a key that does not belong there"),
    ({"if": {"required": ["a"]}, "then": False}, {"a": 1}, "the body is an object, which is what it must not be"),
    (
        {"properties": {"a": {}}, "additionalProperties": False},
        dict.fromkeys("vwxyz"),
        "the body has v, w, x and 2 more, which do not belong there",
    ),
    (of(a={"enum": ["up", "ok", 3]}), {"a": "down"}, 'a is "down", not "up", "ok" or 3'),
    (of(a={"enum": [1, 2, 3, 4, 5]}), {"a": True}, "a is true, not 1, 2, 3 or one of 2 more"),
    (of(a={"const": None}), {"a": {}}, "a is an empty object, not null"),
    ({"items": {"minimum": 2}}, [2, 1], "1 is 1, less than 2"),
    ({"items": {"exclusiveMaximum": 2}}, [2], "0 is 2, not less than 2"),
    (of(a={"multipleOf": 5}), {"a": 7}, "a is 7, not a multiple of 5"),
    (of(a={"minLength": 3}), {"a": "ab"}, 'a is "ab", shorter than 3 letters'),
    (of(a={"pattern": "^v[0-9]"}), {"a": "2\n"}, 'a is "2\\n", which does not fit ^v[0-9]'),
    (of(a={"format": "date-time"}), {"a": "now"}, 'a is "now", which is no date-time'),
    (of(a={"minItems": 2}), {"a": [1]}, "a has fewer entries than 2"),
    (of(a={"maxProperties": 0}), {"a": {"b": 1}}, "a has more keys than 0"),
    (of(a={"uniqueItems": True}), {"a": [1, 1]}, "a has the same entry twice"),
    (
        of(a={"contains": {"const": 1}}),
        {"a": [2]},
        "a has no entry of a kind that must be among them, or too few or too many",
    ),
    (of(a=False), {"a": 1}, "a must not be there"),
    (of(a={"not": {"type": "string"}}), {"a": "b"}, 'a is "b", which is what it must not be'),
    (
        {"propertyNames": {"maxLength": 1}},
        {"bb": 1},
        'the body has a key that does not fit: "bb", longer than 1 letters',
    ),
    (of(a={"anyOf": [{"type": "string"}, {"type": "null"}]}), {"a": 1}, "a is 1, where text or null belongs"),
    (
        of(a={"oneOf": [{"type": "null"}, CHECK]}),
        {"a": {"latency_ms": ""}},
        'a is an object, which is none of what it may be: a.latency_ms is "", where a number belongs',
    ),
    (of(a={"anyOf": [{"const": 1}, {"const": 2}]}), {"a": 3}, "a is 3, which is none of the 2 things that it may be"),
    (
        of(a={"oneOf": [{"type": "number"}, {"minimum": 2}]}),
        {"a": 3},
        "a is 3, which is to be only one of several things, and is more of them",
    ),
    (
        {"items": {"type": "string"}},
        [1, 2, 3, 4, 5],
        "0 is 1, where text belongs; 1 is 2, where text belongs; 2 is 3, where text belongs; and 2 more",
    ),
]


@pytest.mark.parametrize(("schema", "value", "said"), WORDS, ids=lambda one: one if isinstance(one, str) else "")
def test_what_does_not_fit_is_told_in_words(schema: dict[str, Any], value: Any, said: str) -> None:
    assert fits(schema, value) == said


def test_secrets_are_taken_out_and_long_things_are_cut() -> None:
    text = {"additionalProperties": {"type": "number"}}
    token = "ghp_" + "a" * 36
    assert fits(text, {"apiKey": "hunter2"}) == "apiKey is (redacted), where a number belongs"
    assert fits(text, {"said": f"with {token}"}) == 'said is "with (redacted)", where a number belongs'
    assert token not in fits(text, {token: ""})
    long = fits({"additionalProperties": {"enum": ["x" * 500] * 1}}, {"k" * 5000: "v" * 5000})
    assert len(long) < 250 and long.count("…") == 3


def test_what_is_no_json_is_said_to_be_none() -> None:
    schema = BodySchema({"type": "object"})
    for body in (b"<html>", b"[" * 100_000, b"\xff", b'{"a": NaN}'):
        assert answers.misfit(schema, body) == "the body is not JSON"
    half = b'{"a": "\\ud800"}'  # what JSON can say, and no text can
    assert answers.misfit(BodySchema(of(a={"type": "number"})), half) == "the body is not JSON"


# --- What a look makes of it ------------------------------------------------------------------------------------------

NOW = datetime(2026, 5, 1, tzinfo=UTC)
REPORT = {"status": "healthy", "services": {"db": "connected", "queue": "connected"}}
WHOLE = BodySchema(of(services={"required": ["db", "queue"]}, took={"type": "number"}))


def report(expect: Expectation, **changed: Any) -> outcomes.Outcome:
    return judged(expect, body=json.dumps({**REPORT, **changed}).encode())


def test_a_health_report_is_held_against_its_schema_too() -> None:
    expect = looking.expectation(Probe(url="https://example.org", schema=WHOLE))
    assert report(expect, took=3, new="key").kind is Kind.HEALTHY
    silent = report(expect, services={"db": "connected"})
    assert (silent.kind, silent.reason) == (Kind.WRONG_BODY, "200, but services.queue is missing")
    assert silent.states == {"db": "connected"}
    ill = report(expect, services={"db": "gone"}, took="n/a")
    assert (ill.kind, ill.components) == (Kind.DEGRADED, ("db",)), "which part is ill says more than what is missing"
    none = report(expect, services=[])
    assert none.kind is Kind.WRONG_BODY
    apart = Expectation(schema=BodySchema(of(services={"type": "object"})))
    said = "200 but the body is not a health report: services is an empty list, where an object belongs"
    assert report(apart, services=[]).reason == said


def test_what_is_expected_and_the_schema_both_hold() -> None:
    expect = Expectation(answer=Expects(json={"status": ("healthy",)}), schema=WHOLE)
    assert report(expect).kind is Kind.HEALTHY
    assert report(expect, status="ill", took="x").kind is Kind.DEGRADED
    wrong = report(expect, took="x")
    assert (wrong.kind, wrong.reason) == (Kind.WRONG_BODY, '200, but took is "x", where a number belongs')
    assert outcomes.arrival("rose/health", "Rose", wrong, NOW).title == "Rose: answers, but not as it should"
    assert judged(expect, status=503, body=b"down").kind is Kind.HTTP_ERROR
    huge = judged(Expectation(answer=Expects(), schema=WHOLE), body=b" " * outcomes.BODY_MOST)
    assert huge.reason == "200, but more than 64 KB came, of which nothing is read"


def test_only_what_fits_but_for_the_schema_is_near() -> None:
    expect = Expectation(schema=WHOLE)
    near = reading(body=json.dumps({**REPORT, "took": "x"}).encode())
    assert outcomes.is_but_for_schema(near, expect)
    assert not outcomes.is_but_for_schema(reading(body=b'{"detail": "Not found"}'), expect)
    assert not outcomes.is_but_for_schema(reading(body=json.dumps(REPORT).encode()), expect)
    assert not outcomes.is_but_for_schema(near, Expectation())


def test_a_step_of_a_journey_is_held_against_its_schema() -> None:
    schema = BodySchema(of(audio={"type": "string", "minLength": 1}))
    legs = (Leg(name="in", path="/in", captures={"id": "id"}), Leg(name="talk", path="/{id}", schema=schema))
    for body, said in (('{"audio": "a"}', ""), ('{"audio": 7}', "talk: 200, but audio is 7, where text belongs")):
        steps = journeys.walk(Journey(url="https://example.org", legs=legs))
        next(steps)
        steps.send(reading(body=b'{"id": "s3cret"}'))
        with pytest.raises(StopIteration) as end:
            steps.send(reading(body=body.encode()))
        found = end.value.value
        assert found.kind is (Kind.WRONG_BODY if said else Kind.HEALTHY)
        assert found.reason == said or not said


# --- What may stand in a plan -----------------------------------------------------------------------------------------

DEEP = {f"a{number}": {"$ref": f"#/$defs/a{number + 1}"} for number in range(70)}
WIDE = {f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(12)}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "", "an empty schema fits every body"),
    ({"type": "objekt"}, ".type", 'no type called "objekt"; did you mean object?'),
    (of(a={"type": ["string", "nul"]}), ".properties.a.type.2", "did you mean null?"),
    ({"requried": ["a"]}, ".requried", "unknown key; did you mean required?"),
    ({"unevaluatedProperties": False}, ".unevaluatedProperties", "say additionalProperties"),
    (of(a={"$id": "x"}), ".properties.a.$id", "at the top of a schema alone"),
    (of(a="string"), ".properties.a", "a schema stands here"),
    ({"required": "a"}, ".required", 'required is "a", where a list belongs'),
    (of(a={"minimum": "1"}), ".properties.a.minimum", "where a number belongs"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, ".$schema", DIALECT),
    (of(a={"$ref": "https://example.org/a.json"}), ".properties.a.$ref", "nothing is fetched"),
    (of(a={"$ref": "other.json#/a"}), ".properties.a.$ref", "nothing is fetched"),
    (of(a={"$ref": "#/$defs/a"}), ".properties.a.$ref", "leads nowhere"),
    ({"required": ["a"], "allOf": [{"$ref": "#/required"}]}, ".allOf.1.$ref", "leads to no schema"),
    (of(a={"$ref": "#"}), ".properties.a.$ref", "leads back to itself"),
    ({"$defs": {**DEEP, "a70": {}}, "$ref": "#/$defs/a0"}, ".$ref", "too deep"),
    ({"$defs": {**WIDE, "a12": {}}, "$ref": "#/$defs/a0"}, "", "it is made of 16382 schemas"),
    ({"enum": ["x" * 30_000]}, "", "at most 20000 letters"),
    (of(a={"pattern": "(?=a)"}), ".properties.a.pattern", "it looks neither around nor back"),
    ({"patternProperties": {"(a)\\1": {}}}, ".patternProperties.(a)\\1", "it looks neither around nor back"),
    (of(a={"format": "datetime"}), ".properties.a.format", "did you mean date-time?"),
    (of(a={"type": "string", "enum": [True, "off"]}), ".properties.a.enum", "true is never text; put it in quotes"),
    (of(a={"const": date(2026, 5, 1)}), ".properties.a.const", "YAML reads 2026-05-01 as a date; put it in quotes"),
    (of(a={"maximum": float("inf")}), ".properties.a.maximum", "JSON knows no number inf"),
]


@pytest.mark.parametrize(("schema", "place", "said"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_could_not_be_held_is_refused_at_its_place(schema: dict[str, Any], place: str, said: str) -> None:
    found = [*check_bodies.problems("s", BodySchema(schema))]
    assert [(one.path, said in one.message) for one in found] == [(f"s{place}", True)], found


def test_a_schema_that_others_wrote_is_taken_as_it_is() -> None:
    schema = {
        "$schema": f"{DIALECT}#",
        "$id": "https://example.org/health.json",
        "title": "Health",
        "x-owner": "ops",
        "type": "object",
        "properties": {"$ref": {"$ref": "#/$defs/a~1b"}, "type": {"type": "string"}, "at": {"format": "date-time"}},
        "definitions": {"old": {"items": {"type": "integer"}}},
        "$defs": {"a/b": {"allOf": [{"$ref": "#/definitions/old"}]}},
    }
    assert fits(schema, {"$ref": [1], "type": "x"}) == ""
    assert fits(schema, {"$ref": ["1"]}) == '$ref.0 is "1", where a whole number belongs'


def test_the_plan_says_in_which_line() -> None:
    text = plans.text(plans.ROOT / "examples" / "five-people.yaml")
    probe = "      health:\n"
    assert text.count(probe) == 1
    schema = f"{probe}        schema:\n          properties:\n            a: {{ type: strng }}\n"
    found = check.load(text.replace(probe, schema))
    assert isinstance(found, list)
    line = text[: text.index(probe)].count("\n") + 4
    assert [(one.line, one.message) for one in found] == [(line, 'no type called "strng"; did you mean string?')]
    assert "must be a mapping" in str(check.load(text.replace(probe, f"{probe}        schema: 3\n")))
    port = {"url": "tcp://kiln.example:80", "schema": of(a={})}
    assert "services.kiln.probes.own.schema" in [
        one.path for one in examined(small(services__kiln__probes__own=port)).open
    ]


# --- What it costs ----------------------------------------------------------------------------------------------------


def test_whoever_names_no_schema_loads_nothing() -> None:
    """The library is loaded by the first schema of a plan."""
    said = (
        "import sys; from pathlib import Path; from tocsin.plan import check; from tocsin.watch import outcomes; "
        "plan = check.load(Path(sys.argv[1]).read_text()); assert not isinstance(plan, list); "
        "print('jsonschema_rs.jsonschema_rs' in sys.modules)"
    )
    rose = str(plans.ROOT / "src" / "tocsin" / "plans" / "rose.yaml")
    done = subprocess.run([sys.executable, "-c", said, rose], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_nothing_that_a_service_sends_takes_long() -> None:
    """Each of these would take seconds or minutes if all that is wrong were collected, or expressions went back."""
    worst: list[tuple[dict[str, Any], Any]] = [
        ({"items": {"anyOf": [{"const": number} for number in range(800)]}}, ["y"] * 15_000),
        ({"items": {"enum": [f"x{number}" for number in range(1500)]}}, ["y"] * 15_000),
        (of(a={"pattern": "^(a+)+$"}), {"a": "a" * 60_000 + "b"}),
        ({"items": {"type": "number"}}, ["a"] * 15_000),
        ({"uniqueItems": True}, [[number] for number in range(8_000)]),
    ]
    for schema, value in worst:
        began = time.perf_counter()
        held = fits(schema, value)
        assert time.perf_counter() - began < 3, held[:200]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYWORDS = st.dictionaries(
    st.sampled_from(["type", "enum", "required", "properties", "items", "anyOf", "$ref", "$defs", "not", "pattern"]),
    VALUES
    | st.sampled_from(["object", "string", ["a"], {"a": {"type": "string"}}, [{"type": "null"}], "#", "#/$defs/a"]),
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(KEYWORDS, VALUES)
def test_whatever_a_plan_says_is_refused_or_held(schema: dict[str, Any], value: Any) -> None:
    held = BodySchema(schema)
    if not [*check_bodies.problems("s", held)]:
        said = answers.misfit(held, json.dumps(value).encode())
        assert said == "" or not held.validator.is_valid(value) or "not JSON" in said
