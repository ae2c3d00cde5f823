"""Assistants over HTTP: the official client at work in both ways of the protocol, and what is turned away."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import jsonschema_rs
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.found import index_all
from tests.support.served import Served, served
from tocsin.assistants.protocol import ABOUT, AGREED, VERSIONS
from tocsin.assistants.tools import TOOLS
from tocsin.kit.actor import SYSTEM
from tocsin.response import secrecy

PATH = "/api/v1/mcp"
RIGHTS = ("incidents:read", "incidents:write", "plan:read")
OURS = "https://tocsin.example.org"
ABOUT_IT = {"severity": "P1", "type": "service_outage"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    with served(f"sqlite:///{tmp_path / 'tocsin.db'}") as one:
        yield one


@asynccontextmanager
async def assistant(here: Served, secret: str, mode: str) -> AsyncIterator[Client]:
    """The official client, as far as its network."""
    transport = httpx2.ASGITransport(app=cast(Any, here.asgi), client=("192.0.2.7", 4711))
    headers = {"authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers) as http,
        Client(streamable_http_client(f"http://tocsin.test{PATH}", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("mode", "version"), [("legacy", AGREED[0]), ("auto", VERSIONS[0]), (VERSIONS[0], VERSIONS[0])]
)
def test_the_official_client_works_on_an_incident(here: Served, mode: str, version: str) -> None:
    secret = here.token(*RIGHTS, name="assistant")

    async def work() -> None:
        async with assistant(here, secret, mode) as client:
            assert client.protocol_version == version
            assert [one.name for one in (await client.list_tools()).tools] == list(TOOLS)
            made = await client.call_tool("declare_incident", {"title": "Voice is mute", **ABOUT_IT})
            said = cast(dict[str, Any], made.structured_content)
            assert not made.is_error and said["title"] == "Voice is mute"
            noted = await client.call_tool("add_note", {"incident": "1", "text": "Redis evicts <keys>"})
            assert not noted.is_error
            index_all(here.app.database)
            found = cast(dict[str, Any], (await client.call_tool("search", {"query": "redis"})).structured_content)
            (one,) = found["items"]
            assert one["says"].endswith("noted: Redis evicts <keys>.") and one["incident"] == said["id"]
            refused = await client.call_tool("read_incident", {"incident": "inc_NONE"})
            assert refused.is_error and "404" in str(refused.content)

    here.run(work())


def ask(here: Served, method: str, headers: dict[str, str], **params: Any) -> httpx2.Response:
    """A request of the newest version, with everything that it needs."""
    meta = {f"{ABOUT}protocolVersion": VERSIONS[0], f"{ABOUT}clientCapabilities": {}}
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": meta}}
    beside = {"mcp-protocol-version": VERSIONS[0], "mcp-method": method}
    if method == "tools/call":
        beside["mcp-name"] = params["name"]
    return here.post(PATH, json=message, headers={**beside, **headers})


def test_a_token_is_shown_what_it_may_use_and_refused_what_it_may_not(here: Served) -> None:
    for rights in (("incidents:read",), ("incidents:read", "plan:read"), RIGHTS):
        bearer = here.bearer(*rights, name="+".join(rights).replace(":", "."))
        listed = ask(here, "tools/list", bearer).json()["result"]
        assert [one["name"] for one in listed["tools"]] == [one.name for one in TOOLS.values() if one.right in rights]
        assert listed["resultType"] == "complete" and listed["cacheScope"] == "private"
        for one in TOOLS.values():
            arguments = _some(one.plain()["inputSchema"])
            said = ask(here, "tools/call", bearer, name=one.name, arguments=arguments).json()["result"]
            is_forbidden = bool(said["isError"]) and said["content"][0]["text"].startswith("403")
            assert is_forbidden == (one.right not in rights), (one.name, rights, said)
    assert here.post(PATH, json={}).status_code == 401
    assert ask(here, "tools/list", here.bearer("signals:write", name="sender")).status_code == 403


def _some(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that fit a tool's schema, about nothing that is there."""
    known = {"title": "x", "severity": "P1", "type": "service_outage", "fields": {}, "probe": "no/thing"}
    made = {name: known.get(name, "x") for name in schema.get("required", ())}
    jsonschema_rs.validate(schema, made)
    return made


def test_what_is_confidential_is_there_for_no_assistant(here: Served) -> None:
    bearer = here.bearer(*RIGHTS, name="assistant")
    made = ask(here, "tools/call", bearer, name="declare_incident", arguments={"title": "The vault", **ABOUT_IT}).json()
    incident_id = made["result"]["structuredContent"]["id"]
    index_all(here.app.database)
    here.app.database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident_id, "it names a customer"))
    for name, arguments in (
        ("search", {"query": "vault"}),
        ("list_incidents", {}),
        ("read_incident", {"incident": "1"}),
    ):
        said = ask(here, "tools/call", bearer, name=name, arguments=arguments).json()["result"]
        assert "vault" not in json.dumps(said) and incident_id not in json.dumps(said), name


def test_a_page_of_another_site_is_turned_away(here: Served) -> None:
    bearer = here.bearer(*RIGHTS)
    for origin in ("https://evil.example", "null", "http://tocsin.example.org", f"{OURS}.evil.example"):
        assert ask(here, "tools/list", {**bearer, "origin": origin}).status_code == 403, origin
    assert ask(here, "tools/list", {**bearer, "origin": OURS}).status_code == 200


def test_there_are_no_sessions_and_no_streams(here: Served) -> None:
    bearer = here.bearer(*RIGHTS)
    for method in ("GET", "DELETE"):
        assert here.request(method, PATH, headers=bearer).status_code == 405
    answer = ask(here, "server/discover", {**bearer, "mcp-session-id": "of nobody", "last-event-id": "1"})
    assert answer.status_code == 200 and "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["supportedVersions"] == list(VERSIONS)
    quiet = here.post(PATH, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=bearer)
    assert (quiet.status_code, quiet.content) == (202, b"")


def test_headers_that_say_something_else_are_refused(here: Served) -> None:
    bearer = here.bearer(*RIGHTS)
    encoded = f"=?base64?{base64.b64encode(b'read_plan').decode()}?="
    for beside, status, code in (
        ({"mcp-method": "tools/list"}, 400, -32020),
        ({"mcp-name": "read_timeline"}, 400, -32020),
        ({"mcp-name": "=?base64?!?="}, 400, -32020),
        ({"mcp-name": encoded}, 200, None),
        ({"mcp-protocol-version": AGREED[0]}, 400, -32020),
        ({"mcp-protocol-version": "1900-01-01"}, 400, -32022),
    ):
        answer = ask(here, "tools/call", {**bearer, **beside}, name="read_plan", arguments={})
        assert answer.status_code == status and answer.json().get("error", {}).get("code") == code, beside
    assert answer.json()["error"]["data"] == {"supported": list(VERSIONS), "requested": "1900-01-01"}


@pytest.mark.parametrize(
    ("body", "version", "status", "code"),
    [
        (b"{", None, 400, -32700),
        (b"[]", None, 400, -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', None, 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "x"}', None, 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', VERSIONS[0], 400, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', AGREED[1], 200, None),
    ],
)
def test_what_is_no_question_is_refused(here: Served, body: bytes, version: str | None, status: int, code: Any) -> None:
    headers = {**here.bearer(*RIGHTS), "content-type": "application/json"}
    headers |= {"mcp-protocol-version": version} if version else {}
    answer = here.post(PATH, content=body, headers=headers)
    assert answer.status_code == status and answer.json().get("error", {}).get("code") == code
    assert here.post(PATH, content=body, headers={**headers, "content-type": "text/plain"}).status_code == 415


def test_what_the_newest_version_does_not_know_is_not_found(here: Served) -> None:
    bearer = here.bearer(*RIGHTS)
    assert ask(here, "initialize", bearer).status_code == 404
    unknown = ask(here, "tools/call", bearer, name="close_incident", arguments={})
    assert unknown.status_code == 400 and unknown.json()["error"]["code"] == -32602


def test_an_assistant_may_ask_as_much_as_any_token(tmp_path: Path) -> None:
    with served(f"sqlite:///{tmp_path / 'tocsin.db'}", api_a_minute=4) as here:
        bearer = here.bearer(*RIGHTS)
        call = {"name": "who_is_on_call", "arguments": {}}
        assert ask(here, "tools/call", bearer, **call).json()["result"]["isError"] is False  # two of four
        assert ask(here, "tools/list", bearer).status_code == 200
        said = ask(here, "tools/call", bearer, **call).json()["result"]
        assert said["isError"] and said["content"][0]["text"].startswith("429")
        assert ask(here, "tools/list", bearer).status_code == 429


def test_any_node_answers_any_message(nodes_of_one: tuple[Served, Served]) -> None:
    one, other = nodes_of_one
    bearer = one.bearer(*RIGHTS)
    welcome = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}}
    assert one.post(PATH, json=welcome, headers=bearer).json()["result"]["protocolVersion"] == "2025-06-18"
    call = {"name": "list_incidents", "arguments": {}}
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
    answer = other.post(PATH, json=asked, headers={**bearer, "mcp-protocol-version": "2025-06-18"})
    assert answer.json()["result"]["structuredContent"]["incidents"] == []


@pytest.fixture
def nodes_of_one(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    with served(url) as one, served(url) as other:
        yield one, other
