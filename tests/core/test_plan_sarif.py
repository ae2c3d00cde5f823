"""The report for code hosts has the shape that SARIF 2.1.0 demands: what is required, and no others than it knows."""

from typing import Any

import jsonschema_rs
import pytest

from tests.core.test_plan_lint import CASES, Case
from tests.support import plans
from tests.support.small import small, text_of
from tocsin.plan import lint
from tocsin.plan.linting import sarif
from tocsin.plan.linting.findings import Around


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT = {"type": "string", "minLength": 1}
MESSAGE = _object(["text"], text=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
REGION = _object([], startLine={"type": "integer", "minimum": 1}, startColumn={"type": "integer", "minimum": 1})
ARTIFACT = _object([], uri={"type": "string", "pattern": r"^[^\s\\]+$"}, uriBaseId=TEXT)
LOCATION = _object(
    [],
    physicalLocation=_object(["artifactLocation"], artifactLocation=ARTIFACT, region=REGION),
    logicalLocations=_list(_object([], fullyQualifiedName=TEXT)),
)
RULE = _object(
    ["id"],
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=_object([], level=LEVEL),
    properties={"type": "object"},
)
RESULT = _object(
    ["message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=_list(_object(["kind"], kind={"enum": ["inSource", "external"]}, justification=TEXT)),
)
DRIVER = _object(["name"], name=TEXT, version=TEXT, rules=_list(RULE))
RUN = _object(
    ["tool"],
    tool=_object(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={"type": "object", "additionalProperties": _object([], description=MESSAGE)},
    results=_list(RESULT),
)
LOG = _object(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=_list(RUN),
)
SHAPE = jsonschema_rs.validator_for(LOG)


def shaped(text: str, around: Around = lint.NOWHERE) -> list[dict[str, Any]]:
    log = sarif.sarif(lint.examine(text, "folder/a plan.yaml", around), lint.KINDS, "1.2.3")
    SHAPE.validate(log)
    results: list[dict[str, Any]] = log["runs"][0]["results"]
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.path}")
def test_every_kind_of_finding_is_a_result_of_that_shape(case: Case) -> None:
    found = shaped(text_of(small(**case.broken)), case.around)
    mine = [one for one in found if one["ruleId"] == case.code]
    paths = [one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for one in mine]
    assert case.path in paths
    assert all(one["message"]["text"].endswith(".") for one in mine)


@pytest.mark.parametrize("text", ["", "{", "tocsin: 1\nname: x\nnmae: y\n"], ids=["empty", "broken", "misspelt"])
def test_a_file_that_is_no_plan_is_of_that_shape_too(text: str) -> None:
    assert {one["ruleId"] for one in shaped(text)} == {"form"}


def test_what_is_accepted_is_suppressed_and_what_is_included_is_named_by_its_file() -> None:
    found = shaped(plans.text(plans.ROOT / "src/tocsin/plans/rose.yaml"))
    assert any("suppressions" in one for one in found)
    text = text_of(small()).replace("tocsin: 1\n", "tocsin: 1\ninclude: [parts/more.yaml]\n")
    (one,) = shaped(f"{text}--- # file: parts/more.yaml\nteams:\n  idle: {{ name: Idle, members: [ida] }}\n")
    place = one["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("folder/parts/more.yaml", 2)
