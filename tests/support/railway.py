"""Railway's public API as far as logs go: strict about the token, the query, its arguments and its limit."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "a-project-token"
ENVIRONMENT = "8f1d2c3b-0a4e-4c5d-9e6f-7a8b9c0d1e2f"
# The arguments of `environmentLogs`, and the fields of a `Log`, in Railway's schema.
ARGUMENTS = {
    **{name: "text" for name in ("environmentId", "filter", "afterDate", "anchorDate", "beforeDate")},
    **{name: "number" for name in ("afterLimit", "beforeLimit")},
}
FIELDS = {
    "timestamp": set(),
    "message": set(),
    "severity": set(),
    "attributes": {"key", "value"},
    "tags": {"projectId", "environmentId", "serviceId", "deploymentId", "deploymentInstanceId", "snapshotId"},
}
MOST = 5000
QUERY = re.compile(r"query \{ environmentLogs\((?P<arguments>.*)\) \{ (?P<fields>.*) \} \}", re.DOTALL)
ARGUMENT = re.compile(r'(\w+): ("(?:[^"\\]|\\.)*"|\d+)(?:, |$)')
SELECTION = re.compile(r"(\w+)(?: \{ ([\w ]+) \})?(?: |$)")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


@dataclass
class Railway:
    """`entries` are what was written there. `refusals` are answers that are given instead of the next ones."""

    url: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[web.Response] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: int = 1000
    newest_first: bool = False
    date: str = "Tue, 24 Nov 2026 03:00:00 GMT"

    def write(self, at: str, message: str, writer: str = "one", severity: str = "info", **attributes: str) -> None:
        told = [{"key": key, "value": value} for key, value in attributes.items()]
        tags = {"serviceId": "rose", "deploymentInstanceId": writer}
        entry = {"timestamp": at, "message": message, "severity": severity, "attributes": told, "tags": tags}
        self.entries.append(entry)

    async def take(self, request: web.Request) -> web.Response:
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("User-Agent", "").startswith(("Python/", "aiohttp", "python-")):
            return web.Response(status=403, text="error code: 1010")
        if request.content_type != "application/json":
            return web.Response(status=400)
        if self.left == 0:
            return web.Response(status=429, headers={"Retry-After": "120", "X-RateLimit-Remaining": "0"})
        self.left -= 1
        headers = {"X-RateLimit-Remaining": str(self.left), "Date": self.date}
        if request.headers.get("Project-Access-Token") != TOKEN or "Authorization" in request.headers:
            return web.json_response({"errors": [{"message": "Not Authorized"}], "data": None}, headers=headers)
        return web.json_response(self._answer(await request.json()), headers=headers)

    def _answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        try:
            arguments = _arguments(sent)
            assert arguments["environmentId"] == ENVIRONMENT, "Not Authorized"
        except (AssertionError, KeyError, ValueError) as why:
            return {"errors": [{"message": str(why) or "Problem processing request"}], "data": None}
        self.asked.append(arguments)
        return {"data": {"environmentLogs": self._found(arguments)}}

    def _found(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        service = str(asked.get("filter", "")).removeprefix("@service:")
        own = sorted(
            (one for one in self.entries if service in one["tags"]["serviceId"]), key=lambda one: one["timestamp"]
        )
        anchor = asked.get("anchorDate")
        if anchor is None:
            found = own[len(own) - min(len(own), asked.get("beforeLimit", 0)) :]
        else:
            found = [one for one in own if one["timestamp"] >= anchor][: asked.get("afterLimit", 0)]
        return found[::-1] if self.newest_first else found


def _arguments(sent: dict[str, Any]) -> dict[str, Any]:
    assert sent.keys() == {"query"}, "the request has more than a query"
    query = QUERY.fullmatch(sent["query"])
    assert query, "Syntax Error"
    found = ARGUMENT.findall(query["arguments"])
    assert "".join(f"{name}: {value}, " for name, value in found)[:-2] == query["arguments"], "Syntax Error"
    arguments = {name: json.loads(value) for name, value in found}
    assert len(arguments) == len(found), "There can be only one argument of a name"
    for name, value in arguments.items():
        assert name in ARGUMENTS, f'Unknown argument "{name}" on field "Query.environmentLogs".'
        assert isinstance(value, str if ARGUMENTS[name] == "text" else int), f"{name} is of another type"
        assert not name.endswith("Date") or DATE.fullmatch(value), f"{name} is no date"
        assert not name.endswith("Limit") or value <= MOST, f"{name} is too large"
    for name, inner in SELECTION.findall(query["fields"]):
        assert name in FIELDS, f'Cannot query field "{name}" on type "Log".'
        assert bool(inner) == bool(FIELDS[name]) and set(inner.split()) <= FIELDS[name], f'Field "{name}"'
    return arguments


@asynccontextmanager
async def railway(here: Railway) -> AsyncIterator[Railway]:
    application = web.Application()
    application.router.add_post("/graphql/v2", here.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}/graphql/v2"
    try:
        yield here
    finally:
        await runner.cleanup()
