"""An assistant at work through the Model Context Protocol: what it is told, what it may do, and how it is refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from tests.http.test_client import Bridge
from tests.support.served import Served, served
from tocsin.assistants.protocol import AGREED
from tocsin.assistants.tools import TOOLS
from tocsin.cli import mcpserver
from tocsin.client.wire import Tocsin

RIGHTS = ("incidents:read", "incidents:write", "plan:read")


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


class Assistant:
    """Speaks JSON-RPC, a line a message."""

    def __init__(self, here: Served, *rights: str) -> None:
        secret = here.token(*rights, name="assistant")
        self._tocsin = Tocsin("http://tocsin.test", secret, transport=Bridge(here))
        self._asked = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        answer = json.loads(json.dumps(self.line(json.dumps(message)), default=str))
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self._asked)
        found: dict[str, Any] = answer
        return found

    def use(self, tool: str, **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("tools/call", name=tool, arguments=arguments)["result"]
        return found

    def line(self, line: str) -> dict[str, Any] | None:
        return mcpserver.answer(self._tocsin, line)


def test_it_is_welcomed_in_a_version_that_both_know(here: Served) -> None:
    assistant = Assistant(here, *RIGHTS)
    welcome = assistant.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={})["result"]
    assert welcome["protocolVersion"] == "2025-06-18" and "tools" in welcome["capabilities"]
    assert assistant.ask("initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == AGREED[0]
    assert assistant.line('{"jsonrpc": "2.0", "method": "notifications/initialized"}') is None
    assert assistant.ask("ping")["result"] == {}


def test_each_tool_says_what_it_takes_and_what_it_does(here: Served) -> None:
    tools = Assistant(here, *RIGHTS).ask("tools/list")["result"]["tools"]
    assert [one["name"] for one in tools] == list(TOOLS)
    for one in tools:
        jsonschema_rs.meta.validate(one["inputSchema"])
        assert one["inputSchema"]["type"] == "object" and one["description"]
    hints = {one["name"]: one["annotations"] for one in tools}
    writing = {name for name, one in hints.items() if not one["readOnlyHint"]}
    assert writing == {"declare_incident", "add_note", "acknowledge_incident", "post_update"}
    assert {name for name in writing if hints[name]["destructiveHint"]} == writing - {"add_note"}
    assert {name for name in writing if hints[name]["idempotentHint"]} == {"acknowledge_incident"}


def test_it_works_on_an_incident_in_the_name_of_its_token(here: Served) -> None:
    assistant = Assistant(here, *RIGHTS)
    plan = assistant.use("read_plan")["structuredContent"]["plan"]
    about = {"severity": next(iter(plan["severities"])), "type": next(iter(plan["types"]))}
    made = assistant.use("declare_incident", title="Voice is mute", **about)
    assert not made["isError"] and json.loads(made["content"][0]["text"]) == made["structuredContent"]
    number = str(made["structuredContent"]["number"])
    assistant.use("add_note", incident=number, text="A disk is full")
    assert assistant.use("acknowledge_incident", incident=f"#{number}")["structuredContent"]["acknowledged_by"]
    entries = assistant.use("read_timeline", incident=number)["structuredContent"]["entries"]
    assert entries[0]["by"] == "token:assistant" and entries[-1]["kind"] == "Acknowledged"
    assert not assistant.use("read_timeline", incident=number, after=10_000)["structuredContent"]["entries"]
    fields = {"impact": "No voice", "actions": "Looking", "next": "A restart"}
    update = {"incident": number, "audience": "internal", "fields": fields}
    assert "No voice" in json.dumps(assistant.use("preview_update", **update))
    entries = assistant.use("read_timeline", incident=number)["structuredContent"]["entries"]
    assert "Updated" not in {one["kind"] for one in entries}
    assert not assistant.use("post_update", **update)["isError"]
    for tool in ("read_incident", "read_obligations", "read_assessment"):
        assert not assistant.use(tool, incident=number)["isError"], tool
    assert assistant.use("list_incidents")["structuredContent"]["incidents"][0]["title"] == "Voice is mute"
    assert assistant.use("who_is_on_call")["structuredContent"]["shifts"]


def test_it_reads_why_a_signal_was_paged(here: Served) -> None:
    here.post("/api/v1/signals", json={"title": "odd"}, headers=here.bearer("signals:write"))
    here.decide()
    assistant = Assistant(here, *RIGHTS)
    (found,) = assistant.use("list_signals")["structuredContent"]["signals"]
    assert not assistant.use("explain_signal", signal=found["id"])["isError"]


def test_it_reads_how_everything_that_is_looked_at_stands(here: Served) -> None:
    reader = Assistant(here, "incidents:read")
    found = reader.use("list_probes", health="unknown", limit=1)["structuredContent"]
    (first,) = found["probes"]
    rest = reader.use("list_probes", cursor=found["next"])["structuredContent"]["probes"]
    assert rest and first["name"] not in [one["name"] for one in rest]
    one = reader.use("read_probe", probe=first["name"])["structuredContent"]
    assert one["probe"]["name"] == first["name"] and one["looks"] == []
    assert reader.use("list_probes", health="ill")["isError"]
    assert reader.use("read_probe", probe="rose")["isError"]
    assert "nothing/here" in reader.use("read_probe", probe="nothing/here")["content"][0]["text"]


def test_it_may_do_what_its_token_may_and_is_told_what_is_wrong(here: Served) -> None:
    reader = Assistant(here, "incidents:read")
    about = {"title": "x", "severity": "P1", "type": "service_outage"}
    refused = reader.use("declare_incident", **about)
    assert refused["isError"] and "incidents:write" in refused["content"][0]["text"]
    assert reader.use("read_incident", incident="inc_NONE")["isError"]
    assert "impakt" in reader.use("declare_incident", impakt="x", **about)["content"][0]["text"]
    assert Assistant(here, *RIGHTS).use("declare_incident", **{**about, "severity": "P9"})["isError"]


@pytest.mark.parametrize(
    "rights", [("incidents:read",), ("incidents:read", "plan:read"), ("incidents:read", "incidents:write"), RIGHTS]
)
def test_it_is_offered_what_its_token_may_use(here: Served, rights: tuple[str, ...]) -> None:
    offered = [one["name"] for one in Assistant(here, *rights).ask("tools/list")["result"]["tools"]]
    assert offered == [one.name for one in TOOLS.values() if one.right in rights]


def test_a_token_that_may_not_read_incidents_is_offered_the_rest(here: Served) -> None:
    assistant = Assistant(here, "plan:read")
    offered = [one["name"] for one in assistant.ask("tools/list")["result"]["tools"]]
    assert "read_plan" in offered and "list_incidents" not in offered
    assert not assistant.use("read_plan")["isError"]


def _answers(status: int, body: bytes) -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))


def _is_away(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("away", request=request)


@pytest.mark.parametrize(
    "transport",
    [
        pytest.param(httpx2.MockTransport(_is_away), id="the server is away"),
        pytest.param(_answers(401, b'{"title": "no"}'), id="the token is revoked"),
        pytest.param(_answers(404, b"{}"), id="the server is older"),
        pytest.param(_answers(200, b"<html>"), id="something else answers"),
        pytest.param(_answers(200, b'{"jsonrpc": "2.0", "error": {}}'), id="the server sees a mistake"),
    ],
)
def test_all_tools_are_offered_where_the_server_can_not_be_asked(transport: httpx2.MockTransport) -> None:
    with Tocsin("http://tocsin.test", "tcs_x", transport=transport) as tocsin:
        said = mcpserver.answer(tocsin, '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}')
    assert said is not None and [one["name"] for one in said["result"]["tools"]] == list(TOOLS)


@pytest.mark.parametrize(
    ("line", "code"),
    [("{", -32700), ("[" * 100_000, -32700), ("[]", -32600), ('{"jsonrpc": "2.0", "id": 1, "method": "x"}', -32601)],
)
def test_what_is_no_question_is_refused_by_the_protocol(here: Served, line: str, code: int) -> None:
    answer = Assistant(here, *RIGHTS).line(line)
    assert answer is not None and answer["error"]["code"] == code


def test_a_tool_that_is_not_there_is_refused(here: Served) -> None:
    assistant = Assistant(here, *RIGHTS)
    assert assistant.ask("tools/call", name="close_incident")["error"]["code"] == -32602
    assert assistant.ask("tools/list", cursor="x")["result"]["tools"]


def test_the_guide_names_every_tool_and_whether_it_changes_something() -> None:
    text = (Path(__file__).parents[2] / "docs" / "howto" / "assistants.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+) \| (yes)? ?\|$", text, re.MULTILINE)
    assert rows == [(one.name, one.description, "" if one.reads else "yes") for one in TOOLS.values()]
