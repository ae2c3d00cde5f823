"""The client for programs in Python: it sends what the document describes, and what comes back fits its shapes."""

import asyncio
import re
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import httpx2
import jsonschema_rs
import msgspec
import pytest

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.client import requests
from tocsin.client.model import Event
from tocsin.client.requests import Request
from tocsin.client.wire import AsyncTocsin, Moved, Refused, Tocsin
from tocsin.events import outbox
from tocsin.kit.actor import SYSTEM

NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
ASKED: dict[str, Request[Any]] = {
    "incidents": requests.incidents(open=True, limit=3, cursor="1-1"),
    "incident": requests.incident("inc_1"),
    "timeline": requests.timeline("inc_1", cursor="7"),
    "obligations": requests.obligations("inc_1"),
    "probes": requests.probes(health="trouble", sort="probe", service="rose", limit=3, cursor="rose/health"),
    "probe": requests.probe("rose/health"),
    "looks": requests.looks("rose/health", limit=3, cursor="1-1"),
    "on_call": requests.on_call(),
    "plan": requests.plan(),
    "signal": requests.signal("Voice is mute", key="rose/voice", labels={"service": "rose"}, severity="critical"),
    "change": requests.change("Release 12", kind="deployment", service="rose"),
    "declare": requests.declare("Voice is mute", "P1", "service_outage", service="rose", impact="No voice"),
    "acknowledge": requests.acknowledge("inc_1"),
    "escalate": requests.escalate("inc_1", "nobody is here"),
    "assign": requests.assign("inc_1", "scribe", "ana"),
    "change_severity": requests.change_severity("inc_1", "P0", "it spreads"),
    "note": requests.note("inc_1", "A disk is full"),
    "decide": requests.decide("inc_1", "Restart", "it is quick"),
    "update": requests.update("inc_1", "internal", {"impact": "x"}, stage=None),
    "mitigate": requests.mitigate("inc_1", "Restarted"),
    "rename": requests.rename("inc_1", "Voice is mute in Graz"),
    "check": requests.check("inc_1", "smoke_tests", "not_applicable", "there are none"),
    "resolve": requests.resolve("inc_1", "Restarted", "the checks hang too"),
    "reopen": requests.reopen("inc_1", "It is back"),
    "close": requests.close("inc_1"),
    "apply_plan": requests.apply_plan("name: x", "because", yes=True),
    "make_webhook": requests.make_webhook("https://example.org/", ["incident.declared"], description="x"),
    "replay_webhook": requests.replay_webhook("whk_1", NOW),
}


class Bridge(httpx2.BaseTransport):
    """Hands the requests of a client with threads to the application inside the test."""

    def __init__(self, here: Served) -> None:
        self._here = here

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._here.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def tocsin(here: Served) -> Iterator[Tocsin]:
    secret = here.token(*EVERY_RIGHT, name="client")
    with Tocsin("http://tocsin.test", secret, transport=Bridge(here)) as client:
        yield client


def test_each_request_and_each_answer_are_those_of_the_document(here: Served) -> None:
    made = {name for name, one in vars(requests).items() if isinstance(one, types.FunctionType) and name[0] != "_"}
    assert made - {"dataclass", "field", "replace", "quote", "path_of"} == set(ASKED)
    document = here.get("/api/v1/openapi.json").json()
    for name, request in ASKED.items():
        operation = _operation(document, request)
        known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert set(request.query) <= known, name
        if request.body is not None and "requestBody" in operation:
            shape = operation["requestBody"]["content"]["application/json"]["schema"]
            jsonschema_rs.validate({**shape, "components": document["components"]}, request.body)
        else:
            assert not request.body, name
        success = next(one for status, one in operation["responses"].items() if status < "300")
        _fits(document, request.answer, success["content"]["application/json"]["schema"], name)


def _operation(document: dict[str, Any], request: Request[Any]) -> dict[str, Any]:
    """What the document says of it; a path without a name in it goes before one with."""
    path = f"/api/v1/{request.path}"
    for template in sorted(document["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found: dict[str, Any] = document["paths"][template][request.method.lower()]
            return found
    raise AssertionError(f"there is no {path}")


def _fits(document: dict[str, Any], answer: Any, schema: dict[str, Any], name: str) -> None:
    """Every field that the client reads is one that the server promises, down to the last."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if get_origin(answer) is list:
        _fits(document, get_args(answer)[0], schema["items"], name)
    elif isinstance(answer, type) and issubclass(answer, msgspec.Struct):
        hints = get_type_hints(answer)
        optional = {one.name for one in msgspec.structs.fields(answer) if not one.required}
        for field, kind in hints.items():
            if field in optional and field not in schema["properties"]:
                continue
            assert field in schema["properties"], (name, field)
            assert field in optional or field in schema["required"], (name, field)
            _fits(document, kind, schema["properties"][field], f"{name}.{field}")


def test_a_program_declares_works_and_listens(here: Served, tocsin: Tocsin) -> None:
    made = tocsin.send(requests.declare("Voice is mute", "P3", "service_outage", service="rose"))
    assert (made.title, made.status, made.declared_by) == ("Voice is mute", "investigating", "token:client")
    assert [one.id for one in tocsin.send(requests.incidents(open=True)).incidents] == [made.id]
    read = tocsin.send(requests.incident(made.id))
    tag = tocsin.etag
    assert read.to_close
    tocsin.send(requests.note(made.id, "A disk is full").if_match(tag))
    with pytest.raises(Moved) as moved:
        tocsin.send(requests.note(made.id, "Me too").if_match(tag))
    assert len(moved.value.changed) == 1
    assert tocsin.send(requests.timeline(made.id)).entries[-1].kind == "Noted"
    assert tocsin.send(requests.obligations(made.id)).obligations
    assert tocsin.send(requests.on_call()).shifts and tocsin.send(requests.plan()).text
    assert tocsin.send(requests.signal("odd", key="x")).keys == ["x"]
    with pytest.raises(Refused, match="404"):
        tocsin.send(requests.acknowledge("inc_NONE"))
    here.app.database.run(SYSTEM, lambda tx: outbox.fan_out(tx, 100))
    told = list(tocsin.events(since=0, follow=False))
    assert [one.type for one in told] == ["plan.applied", "incident.declared"] and told[1].position == 2


def test_a_request_sent_twice_is_carried_out_once(tocsin: Tocsin) -> None:
    request = requests.declare("Voice is mute", "P3", "service_outage")
    assert tocsin.send(request).id == tocsin.send(request).id


def test_a_program_with_a_loop_does_the_same(here: Served) -> None:
    secret = here.token(*EVERY_RIGHT, name="client")

    async def story() -> list[Event]:
        transport = httpx2.ASGITransport(app=here.asgi)
        async with AsyncTocsin("http://tocsin.test", secret, transport=transport) as client:
            made = await client.send(requests.declare("Voice is mute", "P3", "service_outage"))
            assert (await client.send(requests.incident(made.id))).number == made.number
            await asyncio.to_thread(here.app.database.run, SYSTEM, lambda tx: outbox.fan_out(tx, 100))
            return [one async for one in client.events(since=0, types=["incident.declared"], follow=False)]

    assert [one.type for one in here.run(story())] == ["incident.declared"]


def test_it_comes_again_where_it_is_asked_to(here: Served) -> None:
    answers = [503, 429]

    class Busy(Bridge):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(answers.pop()) if answers else super().handle_request(request)

    with Tocsin("http://tocsin.test", here.token(*EVERY_RIGHT), transport=Busy(here)) as client:
        assert client.send(requests.plan()).revision.id
    assert answers == []


def test_it_waits_for_what_is_still_being_carried_out(here: Served) -> None:
    still = {"type": "urn:tocsin:problem:still-at-it", "status": 409}
    other = {"type": "urn:tocsin:problem:still-owed", "status": 409}
    answers = [other, still]

    class AtIt(Bridge):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(409, json=answers.pop())

    secret = here.token(*EVERY_RIGHT)
    with Tocsin("http://tocsin.test", secret, transport=AtIt(here)) as client, pytest.raises(Refused) as refused:
        client.send(requests.close("inc_1"))
    assert answers == [] and refused.value.problem == other


def test_a_list_is_read_to_its_end(here: Served, tocsin: Tocsin) -> None:
    made = [tocsin.send(requests.declare(f"No {n}", "P3", "service_outage")).number for n in range(5)]
    pages = [[one.number for one in page.incidents] for page in tocsin.pages(requests.incidents(open=True, limit=2))]
    assert [len(one) for one in pages] == [2, 2, 1] and sorted(one for page in pages for one in page) == made
    secret = here.token(*EVERY_RIGHT, name="looping")

    async def story() -> list[str]:
        transport = httpx2.ASGITransport(app=here.asgi)  # type: ignore[arg-type]
        async with AsyncTocsin("http://tocsin.test", secret, transport=transport) as client:
            return [one.name async for page in client.pages(requests.probes(limit=2)) for one in page.probes]

    assert here.run(story()) == [one.name for one in tocsin.send(requests.probes()).probes] != []


def test_it_says_how_everything_that_is_looked_at_stands(tocsin: Tocsin) -> None:
    (first, *_) = tocsin.send(requests.probes(sort="probe")).probes
    assert first.health == "unknown" and first.seen is None
    assert tocsin.send(requests.probe(first.name)).signal_id is None
    assert tocsin.send(requests.looks(first.name)).looks == []
    assert tocsin.send(requests.probes(health="trouble")).probes == []
    with pytest.raises(Refused, match="404"):
        tocsin.send(requests.probe("rose"))


def test_what_was_just_declared_can_be_changed_on_a_condition(tocsin: Tocsin) -> None:
    made = tocsin.send(requests.declare("Voice is mute", "P2", "service_outage", service="rose"))
    changed = requests.change_severity(made.id, "P1", "it spreads").if_match(tocsin.etag)
    assert tocsin.send(changed).severity == "P1"
    with pytest.raises(Moved):
        tocsin.send(requests.change_severity(made.id, "P3", "it does not").if_match('"1-0"'))
