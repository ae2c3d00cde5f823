"""The published schema of plan files: the one that is packaged, what it allows, and what it says of each key."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support import plans
from tests.support.terminal import Terminal
from tocsin.plan import check, model, parse
from tocsin.plan.schema import DIALECT, MEANINGS, json_schema

PACKAGED = resources.files("tocsin") / "plans" / "plan.schema.json"
REFERENCE = (plans.ROOT / "docs" / "reference" / "plan.md").read_text(encoding="utf-8")
FIVE = plans.text(plans.ROOT / "examples" / "five-people.yaml")
HINT = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")


def content(text: str) -> Any:
    """A plan file as an editor reads it: days are text."""
    document = parse.read(text)
    assert isinstance(document, parse.Document)
    return json.loads(json.dumps(document.content, default=str))


def complaints(text: str) -> list[str]:
    return [".".join(map(str, error.instance_path)) for error in VALIDATOR.iter_errors(content(text))]


VALIDATOR = jsonschema_rs.validator_for(json_schema())


def test_it_is_a_schema_of_its_dialect() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)


def test_the_packaged_copy_is_the_schema_of_this_release() -> None:
    assert json.loads(PACKAGED.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("file", plans.FILES, ids=lambda file: file.stem)
def test_every_plan_that_ships_is_valid(file: Path) -> None:
    assert complaints(plans.text(file)) == []


@pytest.mark.parametrize("file", plans.FILES, ids=lambda file: file.stem)
def test_every_plan_that_ships_tells_editors_where_the_schema_is(file: Path) -> None:
    hint = HINT.match(plans.text(file))
    assert hint and (file.parent / hint[1]).resolve() == Path(str(PACKAGED)).resolve()


MISTAKES: list[tuple[str, str, str]] = [
    ("acknowledge_within: 10 min", "acknowledge_withn: 10 min", "severities.high"),
    ("acknowledge_within: 10 min", "acknowledge_within: soon", "severities.high.acknowledge_within"),
    ("acknowledge_within: 10 min", "acknowledge_within: 10", "severities.high.acknowledge_within"),
    ("post_mortem: required", "post_mortem: always", "severities.high.post_mortem"),
    ("begins_when: declared", "begins_when: noticed", "phases.find.begins_when"),
    ('handoff: "10:00"', "handoff: 10 am", "rotations.first.handoff"),
    ("facts: timeline", "facts: timelime", "review.sections.timeline.facts"),
    ("members: [jon, mei, omar]", "members: []", "teams.engineers.members"),
    ("  nia: {", "  Nia B: {", "people"),
    ('version: "1"', "version: 1", "version"),
    ("tocsin: 1", "tocsin: 2", "tocsin"),
    ("minutes: 45", "minutes: 0", "review.minutes"),
    ("investigating: looking", "looking: looking", "communication.stages"),
    ("purpose: Notice", "clauses: { page: A-1 }\npurpose: Notice", "clauses"),
]


@pytest.mark.parametrize(("sound", "wrong", "path"), MISTAKES, ids=lambda one: one.strip())
def test_an_editor_marks_what_the_check_refuses(sound: str, wrong: str, path: str) -> None:
    assert sound in FIVE
    text = FIVE.replace(sound, wrong, 1)
    assert path in complaints(text)
    assert isinstance(check.load(text), list)


def mutated(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Copies of a plan file's content, each with one thing of the wrong kind, or with a key that nobody knows."""
    if isinstance(value, dict):
        yield f"{path}.no such key", {**value, "no such key": {"no": []}}
        for key, part in value.items():
            yield from ((at, {**value, key: one}) for at, one in mutated(part, f"{path}.{key}"))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            one_by_one = mutated(part, f"{path}.{place + 1}")
            yield from ((at, [*value[:place], one, *value[place + 1 :]]) for at, one in one_by_one)
    else:
        yield path, {"no such": []}


def test_an_editor_marks_whatever_is_of_the_wrong_kind_anywhere() -> None:
    whole = content(FIVE)
    tried = list(mutated(whole))
    assert len(tried) > 200
    assert [path for path, wrong in tried if not list(VALIDATOR.iter_errors(wrong))] == []


@pytest.mark.parametrize("span", ["10 MIN", "1 h 30 min", "90minutes", " 2 weeks "])
def test_an_editor_lets_pass_every_way_to_write_a_span(span: str) -> None:
    text = FIVE.replace("acknowledge_within: 10 min", f"acknowledge_within: '{span}'", 1)
    text = text.replace("resolve_within: 4 h", "resolve_within: 9 w", 1)
    assert complaints(text) == []
    assert isinstance(check.load(text), model.Plan)


def test_defaults_are_written_as_in_a_plan_file() -> None:
    probe = json_schema()["$defs"]["Probe"]["properties"]
    assert (probe["every"]["default"], probe["timeout"]["default"]) == ("15 s", "8 s")


def reference() -> dict[str, str]:
    """What the reference says of each class and each key, without its links."""
    found: dict[str, str] = {}
    unlinked = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", REFERENCE)
    for name, section in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", unlinked, re.M | re.S):
        rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", section, re.M)
        if rows and name != "Facts":
            found[name] = " ".join(section.strip().partition("\n\n")[0].split())
            found |= {f"{name}.{key}": meaning for key, meaning in rows}
    return found


def test_it_says_of_each_key_what_the_reference_says() -> None:
    assert dict(MEANINGS) == reference()


def test_the_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(monkeypatch, capsys, {})
    assert terminal("plan", "schema").json == terminal("plan", "schema", "--json").json == json_schema()
