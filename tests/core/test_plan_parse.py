"""Whatever stands in a plan file, its author learns every mistake at once, with the line it is on."""

from datetime import date, time, timedelta
from importlib import resources

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.plan import check
from tocsin.plan.events import MAX_NODES
from tocsin.plan.model import Plan
from tocsin.plan.parse import MAX_LETTERS, Document, Place, Problem, parse, read

ROSE = resources.files("tocsin").joinpath("plans", "rose.yaml").read_text(encoding="utf-8")


def problems(text: str) -> list[Problem]:
    found = parse(text)
    assert isinstance(found, list)
    return found


def said(text: str) -> dict[str, str]:
    return {problem.path: problem.message for problem in problems(text)}


def with_severity(body: str) -> str:
    """Rose's plan, with another P3 at its end."""
    return ROSE.replace("  P3:\n    name: Low\n", f"  P4:\n{body}\n  P3:\n    name: Low\n", 1)


def a_rule(when: str) -> str:
    return f"rules:\n  - {{ name: x, when: {when}, type: security, severity: P1 }}\n"


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1


def test_a_plan_is_read_with_its_types() -> None:
    plan = parse(ROSE)
    assert isinstance(plan, Plan)
    assert plan.severities["P0"].acknowledge_within == timedelta(minutes=5)
    assert plan.rotations["on_call"].starts_on == date(2024, 1, 15)
    assert plan.rotations["on_call"].handoff == time(9)
    assert plan.escalation["all_hands"].steps[0].page == ("everyone",)


def test_a_problem_reads_like_a_compiler_message() -> None:
    text = with_severity("    acknowledge_withn: 5 min")
    found = next(one for one in problems(text) if one.path == "severities.P4.acknowledge_withn")
    line = line_of(text, "acknowledge_withn")
    assert found.render() == (
        f"plan.yaml:{line}  severities.P4.acknowledge_withn   unknown key; did you mean acknowledge_within?"
    )
    assert found.render("other.yaml").startswith(f"other.yaml:{line}  ")
    assert found.column == 5


def test_the_name_of_the_file_is_kept() -> None:
    found = parse("a: [b", name="ours.yaml")
    assert isinstance(found, list)
    assert str(found[0]) == "ours.yaml:1  a bracket is opened and not closed, or a comma is missing"


def test_all_problems_come_at_once_and_in_the_order_of_the_file() -> None:
    text = with_severity("    name: 5\n    definition: [a]\n    resolve_within: 4 hours or so\n    colour: red")
    found = problems(text)
    assert found == sorted(found)
    assert {one.path.removeprefix("severities.P4.") for one in found} == {
        "name",
        "definition",
        "resolve_within",
        "acknowledge_within",
        "colour",
    }


def test_a_misspelt_key_is_not_missing_too() -> None:
    found = said(with_severity("    name: x\n    definitoin: x\n    resolve_within: 1 h\n    acknowledge_within: 1 h"))
    assert found == {"severities.P4.definitoin": "unknown key; did you mean definition?"}


def test_a_missing_key_stands_on_the_line_of_what_lacks_it() -> None:
    text = with_severity("    name: x\n    definition: x\n    resolve_within: 1 h")
    assert [(one.line, one.path, one.message) for one in problems(text)] == [
        (line_of(text, "  P4:"), "severities.P4.acknowledge_within", "this key is missing")
    ]


def test_an_unknown_key_that_resembles_nothing_has_no_suggestion() -> None:
    assert said(ROSE + "\nzzz: 1\n") == {"zzz": "unknown key"}


def test_a_key_that_stands_twice_is_reported_with_the_line_of_the_first() -> None:
    first = line_of(ROSE, "version:")
    assert said(ROSE + '\nversion: "2"\n') == {"version": f"this key stands here twice; first on line {first}"}


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        (
            'version: "1.1"\npurpose',
            "version: 1.0\npurpose",
            "version",
            'YAML reads 1.0 as a number; put it in quotes: "1.0"',
        ),
        (
            "name: Rose\nversion",
            "name: yes\nversion",
            "name",
            'YAML reads yes as true or false; put it in quotes: "yes"',
        ),
        (
            "name: Rose\nversion",
            "name: 2026-01-01\nversion",
            "name",
            'YAML reads 2026-01-01 as a date; put it in quotes: "2026-01-01"',
        ),
        ("name: Rose\nversion", "name:\nversion", "name", "nothing stands here; give it a value or take the key out"),
        ("name: Rose\nversion", "name: [a]\nversion", "name", "this must be text, not a list"),
        ("tocsin: 1", "tocsin: 2", "tocsin", "this must be 1"),
        ("failures: 3", "failures: three", "services.rose.probes.health.failures", "'three' is not a whole number"),
        ("failures: 3", "failures: 1.5", "services.rose.probes.health.failures", "'1.5' is not a whole number"),
        ("private: true", "private: perhaps", "types.security.private", "'perhaps' is not true or false"),
        ("members: [erin]", "members: erin", "teams.executives.members", "this must be a list, not text"),
        (
            "starts_on: 2024-01-15",
            "starts_on: soon",
            "rotations.on_call.starts_on",
            "'soon' is not a date like 2026-11-23",
        ),
        (
            "starts_on: 2024-01-15",
            "starts_on: 2024-13-45",
            "rotations.on_call.starts_on",
            "'2024-13-45' is not a date that exists; put it in quotes if it is text",
        ),
        (
            'handoff: "09:00"',
            "handoff: 9am",
            "rotations.on_call.handoff",
            "'9am' is not a time of day; write it like 09:00",
        ),
        (
            'handoff: "09:00"',
            "handoff: yes",
            "rotations.on_call.handoff",
            "'True' is not a time of day; write it like 09:00",
        ),
        (
            "zone: Europe/Berlin",
            "zone: Europe/Rose",
            "rotations.on_call.zone",
            "'Europe/Rose' is not a time zone; write it like Europe/Berlin or UTC",
        ),
        (
            "every: 5 s",
            "every: 0 s",
            "services.rose.probes.health.every",
            "a span must be longer than nothing; write it like 15 min or 4 h",
        ),
        (
            "every: 5 s",
            "every: 5",
            "services.rose.probes.health.every",
            "'5' is not a span of time; write it like 15 min or 4 h",
        ),
        (
            "every: 5 s",
            "every: 11 years",
            "services.rose.probes.health.every",
            "'11 years' is not a span of time; write it like 15 min or 4 h",
        ),
        ("every: 5 s", "every: 600 w", "services.rose.probes.health.every", "'600 w' is longer than ten years"),
        (
            "every: 5 s",
            "every: 99999999999999999 w",
            "services.rose.probes.health.every",
            "'99999999999999999 w' is longer than ten years",
        ),
        (
            "post_mortem: optional",
            "post_mortem: optinal",
            "severities.P2.post_mortem",
            "'optinal' is not required, optional or none; did you mean optional?",
        ),
        (
            "public_impact: minor",
            "public_impact: red",
            "severities.P2.public_impact",
            "'red' is not critical, major, minor or none",
        ),
        (
            "begins_when: resolved",
            "begins_when: solved",
            "phases.recovery.begins_when",
            "'solved' is not declared, acknowledged, mitigated or resolved; did you mean resolved?",
        ),
        (
            "  stages:\n",
            "  stages:\n    begun: status_initial\n",
            "communication.stages.begun",
            "'begun' is not investigating, identified, monitoring or resolved",
        ),
        ("rules:\n", a_rule("{ title: 5 }"), "rules.1.when.title", 'YAML reads 5 as a number; put it in quotes: "5"'),
        (
            "rules:\n",
            a_rule("{ title: [a, 5] }"),
            "rules.1.when.title.2",
            'YAML reads 5 as a number; put it in quotes: "5"',
        ),
        ("rules:\n", a_rule("{ title: { a: b } }"), "rules.1.when.title", "this must be text, not a mapping"),
        ("rules:\n", a_rule("[a]"), "rules.1.when", "this must be a mapping of keys to values, not a list"),
        (
            "steps:\n      - { page: [everyone], wait: 5 min }",
            "steps: [5]",
            "escalation.all_hands.steps.1",
            "this must be a mapping of keys to values, not a number",
        ),
        ("links:\n", "links: []\nhorizon:\n", "links", "this must be a mapping of keys to values, not a list"),
        (
            "days: 7",
            "days: !!python/name:os.system 7",
            "rotations.on_call.days",
            "the tag tag:yaml.org,2002:python/name:os.system is not understood; write a plain value",
        ),
        (
            "roles_within: {}",
            "roles_within: !ours {}",
            "severities.P2.roles_within",
            "the tag !ours is not understood; write a plain value",
        ),
        (
            "roles_within: {}",
            "roles_within: { <<: { P0: 1 } }",
            "severities.P2.roles_within.<<",
            "merge keys are not read here; write the keys out",
        ),
        (
            "roles_within: {}",
            "roles_within: { ? [a] : b }",
            "severities.P2.roles_within",
            "a key must be a plain word",
        ),
    ],
)
def test_each_mistake_has_a_plain_sentence(old: str, new: str, path: str, message: str) -> None:
    assert old in ROSE
    found = said(ROSE.replace(old, new, 1))
    assert found[path] == message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty; a plan begins with tocsin: 1"),
        ("# nothing\n", 1, "the file is empty; a plan begins with tocsin: 1"),
        ("- a\n", 1, "a plan is a mapping of keys to values, and begins with tocsin: 1"),
        ("just words", 1, "a plan is a mapping of keys to values, and begins with tocsin: 1"),
        ("a: b\n\tc: d\n", 2, "a tab; YAML is indented with spaces"),
        ("a: b\nc: d: e\n", 2, "a colon stands where none is expected; put the text in quotes"),
        ("a: b\nc: 'd\n", 2, "a quotation mark is opened and never closed"),
        ("a: b\nc: [d\n\ne: f\n", 2, "a bracket is opened and not closed, or a comma is missing"),
        ("a: b\nc: *d\n", 2, "no anchor of this name stands above"),
        ("a: b\n---\nc: d\n", 2, "a plan is one document; take out the line of dashes"),
        ("a: b\nc: %d\n", 2, "a letter stands here that must be in quotes"),
        ("a:\n  b: c\n d: e\n", 3, "this line is not indented like the lines it belongs to"),
        ("a: b\nc: \x00\n", 2, "the letter U+0000 cannot stand in a plan"),
        ("a: \ud800\n", 1, "the letter U+D800 cannot stand in a plan"),
        ('a: b\n"c": "d\\0"\n', 2, "the letter U+0000 cannot stand in a plan"),
        ('a: b\n"c\\0": d\n', 2, "the letter U+0000 cannot stand in a plan"),
        ("a: &b [*b]\n", 1, "this alias stands inside what it stands for"),
        ("a: " + "[" * 5000, 1, "this is nested more than 30 levels deep"),
        ("a" * (MAX_LETTERS + 1), 1, f"a plan has at most {MAX_LETTERS} letters; this file has {MAX_LETTERS + 1}"),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(text: str, line: int, message: str) -> None:
    assert [(one.line, one.message) for one in problems(text)] == [(line, message)]


def test_aliases_cannot_make_a_small_file_huge() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = problems("\n".join(levels))
    assert [one.message for one in found] == [
        f"with its aliases written out, the file holds more than {MAX_NODES} values"
    ]


def test_a_file_of_too_many_values_is_refused() -> None:
    found = problems(f"a: [{'x, ' * (3 * MAX_NODES)}x]")
    assert [one.message for one in found] == [
        f"with its aliases written out, the file holds more than {MAX_NODES} values"
    ]


def test_keys_are_names_even_where_yaml_sees_a_truth_value() -> None:
    plan = parse(ROSE.replace("links:\n", "links:\n  off: OFF.md\n  1: ONE.md\n"))
    assert isinstance(plan, Plan)
    assert list(plan.links.items())[:2] == [("off", "OFF.md"), ("1", "ONE.md")]
    assert plan.history[0].on == date(2024, 1, 15)


@pytest.mark.parametrize("written", ["10:30", '"10:30"', "'10:30'"])
def test_a_time_of_day_needs_no_quotes(written: str) -> None:
    plan = parse(ROSE.replace('handoff: "09:00"', f"handoff: {written}", 1))
    assert isinstance(plan, Plan)
    assert plan.rotations["on_call"].handoff == time(10, 30)


def test_an_alias_stands_for_what_it_names() -> None:
    shared = ROSE.replace(
        "P0: { first_within: 15 min, every: 1 h }", "P0: &hourly { first_within: 15 min, every: 1 h }"
    )
    plan = parse(shared.replace("P1: { first_within: 15 min, every: 1 h }", "P1: *hourly"))
    assert plan == parse(ROSE)


def test_every_value_has_its_place() -> None:
    document = read("a:\n  b: c\n  d:\n    - e\n    - f: g\n")
    assert isinstance(document, Document)
    assert {path: document.place(path) for path in document.places} == {
        "a": Place(1, 1),
        "a.b": Place(2, 3),
        "a.d": Place(3, 3),
        "a.d.1": Place(4, 7),
        "a.d.2": Place(5, 7),
        "a.d.2.f": Place(5, 7),
    }
    assert isinstance(read("a: ["), list)


# The same texts in every run, however slow the machine.
STEADY = settings(derandomize=True, deadline=None, max_examples=50)


def _holds_up(text: str) -> None:
    found = check.load(text)
    if isinstance(found, list):
        assert found
        for problem in found:
            assert 1 <= problem.line <= text.count("\n") + 2
            assert "Input should be" not in problem.message and "\n" not in problem.render()


@STEADY
@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    _holds_up(text)


YAML_LETTERS = st.text(alphabet="ab:-[]{}&*!|>'\"%#,? \n\t01.~<=@`\\", max_size=80)


@STEADY
@given(YAML_LETTERS)
def test_no_text_that_looks_like_yaml_breaks_it(text: str) -> None:
    _holds_up(text)


KEYS = sorted({line.partition(":")[0].strip(" -{") for line in ROSE.splitlines() if ":" in line and "#" not in line})
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=8) | st.sampled_from(KEYS)
)
CONTENT = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=20,
)


@STEADY
@given(st.dictionaries(st.sampled_from(KEYS), CONTENT, max_size=10))
def test_no_content_breaks_it(content: dict[str, object]) -> None:
    _holds_up(yaml.safe_dump(content, allow_unicode=True))


@STEADY
@given(st.data())
def test_no_slip_in_a_real_plan_breaks_it(data: st.DataObject) -> None:
    lines = ROSE.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    slip = data.draw(st.sampled_from(["cut", "twice", "swap", "indent"]) | YAML_LETTERS)
    line = lines[number]
    changed = {"cut": "", "twice": f"{line}\n{line}", "swap": line[::-1], "indent": f" {line}"}.get(slip, line + slip)
    _holds_up("\n".join([*lines[:number], changed, *lines[number + 1 :]]))
