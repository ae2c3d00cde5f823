"""The OpenAPI document: that it describes what there is, and that what it describes never makes the server fail."""

import functools
import json
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.api import misfits, resources
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.plan import store as plans

PATH = "/api/v1/openapi.json"
MAY_BE_ASKED = ("if-match", "if-none-match", "idempotency-key")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('described') / 'tocsin.db'}"
    with served(url, api_a_minute=100_000) as one:
        yield one


@pytest.fixture(scope="module")
def document(here: Served) -> dict[str, Any]:
    found: dict[str, Any] = here.get(PATH).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_it_is_openapi_3_1_and_needs_no_token(here: Served, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == resources.VERSION
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def patterns(part: Any) -> Iterator[str]:
    for name, one in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(one, dict | list):
            yield from patterns(one)
        elif name == "pattern":
            yield one


def test_what_a_text_must_be_like_is_told_to_people_in_words(here: Served, document: dict[str, Any]) -> None:
    by_another_reader = {r"\S", r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$"}  # of signals, which says it in words of its own
    assert set(patterns(document)) - by_another_reader == set(misfits.WORDS)
    change = {"what": "deployed", "link": "the usual place"}
    refused = here.post("/api/v1/changes", json=change, headers=here.bearer("signals:write"))
    assert refused.status_code == 400
    (mistake,) = refused.json()["errors"]
    assert mistake["pointer"] == "#/link" and mistake["detail"].startswith("write a whole address")


def test_how_long_a_text_may_be_is_told_in_words(here: Served) -> None:
    silence = {"matchers": ["title=x"] * 21, "because": "x" * 1001, "ends_at": "2026-12-01T00:00:00Z"}
    told = []
    for wrong in ({**silence, "matchers": []}, {**silence, "because": "Moving house"}):
        refused = here.post("/api/v1/silences", json=wrong, headers=here.bearer(*EVERY_RIGHT))
        assert refused.status_code == 400
        told += [one["detail"] for one in refused.json()["errors"]]
    assert told == ["write at most 1000 characters", "name at most 20"]


def test_it_describes_the_api_and_nothing_else(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert {"/api/v1/signals", "/api/v1/incidents", "/api/v1/plan"} <= set(document["paths"])


def test_every_operation_says_what_it_does_and_how_it_refuses(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"] and "Needs the right" in operation["description"], name
        assert operation["security"] == [{"token": []}], name
        assert {"401", "403", "503"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_every_shape_has_a_title_of_its_own(document: dict[str, Any]) -> None:
    """Programs that write clients name their types after it, and leave out what has the name of another."""
    titles = [one["title"] for one in document["components"]["schemas"].values()]
    assert len(set(titles)) == len(titles) and all(re.fullmatch("[A-Z][A-Za-z]+", one) for one in titles)


def test_what_is_guarded_is_described_as_guarded(here: Served, document: dict[str, Any]) -> None:
    """A silence is ended and extended on a condition; the document says so of both."""
    for path in ("extend", "end"):
        operation = document["paths"][f"/api/v1/silences/{{silence_id}}/{path}"]["post"]
        assert "412" in operation["responses"], path
        assert "If-Match" in [one["name"] for one in operation["parameters"]], path


def test_it_brings_no_script_from_elsewhere(here: Served) -> None:
    for path in ("/api/v1/openapi.json", "/api/v1", "/api/v1/swagger", "/api/v1/openapi.json/redoc", "/schema"):
        assert "<script" not in here.get(path).text


def test_nothing_that_the_document_allows_makes_the_server_fail(here: Served, document: dict[str, Any]) -> None:
    headers = here.bearer(*EVERY_RIGHT, name="explorer")
    known = {"incident_id": an_incident(here, headers), "signal_id": a_signal(here, headers), "handle": "ana"}
    known |= some_things(here, headers)
    for name, _ in operations(document):
        schema = schemathesis.openapi.from_dict(narrowed(document, name.split(" ")[1]))
        explore(here, schema, name, headers, known)


def narrowed(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The document of this path alone: what else it describes is worked through again for each example."""
    wanted, found = document["paths"][path], dict[tuple[str, str], Any]()
    left = [json.dumps(wanted)]
    while left:
        for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', left.pop()):
            if (kind, name) not in found:
                found[kind, name] = document["components"][kind][name]
                left.append(json.dumps(found[kind, name]))
    components: dict[str, Any] = {"securitySchemes": document["components"]["securitySchemes"]}
    for (kind, name), component in found.items():
        components.setdefault(kind, {})[name] = component
    return {**document, "paths": {path: wanted}, "components": components}


def an_incident(here: Served, headers: dict[str, str]) -> str:
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    words = {"title": "x", "severity": next(iter(plan.severities)), "type": next(iter(plan.types))}
    found: str = here.post("/api/v1/incidents", json=words, headers=headers).json()["id"]
    return found


def some_things(here: Served, headers: dict[str, str]) -> dict[str, str]:
    """The ids of one of each that can be made, so that what is asked about it is not only refused."""
    here.post("/api/v1/signals", content=b"{", headers=headers)
    until = (here.clock.now() + timedelta(hours=1)).isoformat()
    with here.app.database.read(SYSTEM) as tx:
        rotation = next(iter(plans.current(tx).rotations))
    span = {"rotation": rotation, "starts_at": here.clock.now().isoformat(), "ends_at": until}
    made = {
        "silence_id": ("silences", {"matchers": ["job=x"], "ends_at": until, "because": "x"}),
        "override_id": ("oncall/overrides", {**span, "person": "ana", "reason": "x"}),
        "feed_id": ("oncall/feeds", {"person": "ana"}),
        "webhook_id": ("webhooks", {"url": "https://example.org/hooks"}),
        "token_id": ("tokens", {"name": "x", "scopes": ["signals:write"]}),
        "contact_id": ("people/ana/contacts", {"channel": "email", "address": "ana@example.net"}),
    }
    found = {}
    for name, (path, wanted) in made.items():
        answer = here.post(f"/api/v1/{path}", json=wanted, headers=headers)
        assert answer.status_code == 201, (path, answer.text)
        found[name] = answer.json()["id"]
    here.post("/api/v1/subscribers", json={"addresses": ["x@example.org"], "consent": "x"}, headers=headers)
    subscribers = here.get("/api/v1/subscribers", headers=headers).json()["subscribers"]
    return found | {"quarantine_id": "1", "subscriber_id": subscribers[0]["id"]}


def a_signal(here: Served, headers: dict[str, str]) -> str:
    here.post("/api/v1/signals", json={"title": "odd"}, headers=headers)
    here.decide()
    found: str = here.get("/api/v1/signals/waiting", headers=headers).json()["signals"][0]["id"]
    return found


def explore(here: Served, schema: BaseSchema, name: str, headers: dict[str, str], known: dict[str, str]) -> None:
    """Send one operation what its description allows, and what it does not, about things that exist."""
    method, path = name.split(" ")
    operation = schema[path][method]
    documented = schema.raw_schema["paths"]

    @functools.cache  # many answers have one shape, and putting the whole document around it takes longer than asking
    def shaped(shape: str) -> Any:
        return jsonschema_rs.validator_for({**json.loads(shape), "components": schema.raw_schema["components"]})

    either = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=GenerationMode.NEGATIVE
    )

    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=either)
    def send(case: Any) -> None:
        wanted_of = {key: known.get(key, value) for key, value in (case.path_parameters or {}).items()}
        # Mostly about what is there; what is not there must be refused as well.
        is_real = zlib.crc32(repr(case.path_parameters).encode()) % 4 > 0
        case.path_parameters = wanted_of if is_real else case.path_parameters
        sent = case.as_transport_kwargs(base_url="http://tocsin.test")
        wanted = {key: sent[key] for key in ("params", "json", "content", "data") if sent.get(key) is not None}
        if isinstance(wanted.get("data"), bytes | str):
            wanted["content"] = wanted.pop("data")
        asked = {key: value for key, value in (case.headers or {}).items() if key.lower() in MAY_BE_ASKED}
        asked = {key: value for key, value in asked.items() if str(value).isascii() and str(value).isprintable()}
        if path.endswith("/events"):  # which never ends by itself
            wanted["params"] = {**(wanted.get("params") or {}), "follow": "false"}
        answer = here.request(sent["method"], sent["url"], headers=asked | headers, **wanted)
        assert answer.status_code < 500, (name, answer.text)
        if sent["method"] != method:  # another method than what is described, which is refused as such
            is_head = sent["method"] == "HEAD" and method == "GET"  # which is the same without its body
            assert answer.status_code == 405 or is_head, (name, sent["method"])
            return
        described = documented[path][method.lower()]["responses"]
        assert str(answer.status_code) in described, (name, answer.status_code, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["status"] == answer.status_code, name
        kind = answer.headers.get("content-type", "").partition(";")[0]
        shape = described[str(answer.status_code)].get("content", {}).get(kind, {}).get("schema")
        assert shape is not None or not answer.content, (name, answer.status_code, kind)
        if shape is not None and kind.endswith("json"):
            shaped(json.dumps(shape)).validate(answer.json())

    send()


def test_the_reference_names_every_operation_and_no_other(document: dict[str, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    section = text.partition("## Operations")[2].partition("## Refusals")[0]
    assert set(re.findall(r"`([A-Z]+ /api/v1/[^`]+)`", section)) == {name for name, _ in operations(document)}


PAGED = {"cursor", "limit"}  # said once, for every list
ELSEWHERE = {  # their fields are told where the row leads, or in the row before
    "POST /api/v1/signals",
    "POST /api/v1/signals/alertmanager",
    "POST /api/v1/silences/preview",
    "POST /api/v1/incidents/{incident_id}/updates/preview",
}


def fields(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    """What an operation takes, in its address and in its body, by name."""
    taken = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        shape = content.get("schema", {})
        if "$ref" in shape:
            shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
        taken |= set(shape.get("properties", ()))
    return taken - PAGED


def test_the_reference_names_all_that_an_operation_takes(document: dict[str, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z]+ /api/v1/[^`]+)` \| (.*) \|$", text, re.MULTILINE))
    for name, operation in operations(document):
        if name in rows and name not in ELSEWHERE:
            unsaid = {one for one in fields(document, operation) if not re.search(rf"`{one}[`=]", rows[name])}
            assert not unsaid, (name, unsaid)


def test_the_reference_names_every_scope() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    section = text.partition("## Tokens")[2].partition("## Sending signals")[0]
    assert set(re.findall(r"^\| `([a-z_:]+)`", section, re.MULTILINE)) == access.EVERY_SCOPE
