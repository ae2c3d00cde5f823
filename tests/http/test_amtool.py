"""Silences made by the very `amtool` that people use with Alertmanager."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.world import QUIET
from tocsin.people import access, commands

pytestmark = pytest.mark.needs("amtool")
Amtool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server(tmp_path: Path, sqlite_url: str) -> Iterator[Server]:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as running:
        yield running


@pytest.fixture
def amtool(server: Server, tmp_path: Path) -> Amtool:
    app = server.app()
    with app.database.work(access.local_operator("operator")) as tx:
        rights = frozenset({"incidents:read", "incidents:write"})
        _, secret = commands.make_token(tx, "amtool", rights, timedelta(hours=1))
    app.database.dispose()
    config = tmp_path / "http.yml"
    config.write_text(f"authorization:\n  credentials: {secret}\n", encoding="utf-8")
    base = ["amtool", f"--alertmanager.url={server.url}", f"--http.config.file={config}"]

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*base, *words], capture_output=True, text=True, timeout=30, check=False)

    return run


def listed(amtool: Amtool, *words: str) -> list[dict[str, Any]]:
    found = amtool("silence", "query", "-o", "json", *words)
    assert found.returncode == 0, found.stderr
    said: list[dict[str, Any]] = json.loads(found.stdout)
    return said


def test_amtool_adds_queries_updates_and_expires(amtool: Amtool, server: Server) -> None:
    added = amtool("silence", "add", "--comment=db1 gets a disk", "--duration=2h", "host=~db.+", "team!=web")
    assert added.returncode == 0, added.stderr
    made = added.stdout.strip()
    assert made.startswith("sil_")
    (found,) = listed(amtool)
    assert (found["id"], found["status"]["state"], found["createdBy"]) == (made, "active", "token:amtool")
    assert sorted((one["name"], one["value"], one["isRegex"], one["isEqual"]) for one in found["matchers"]) == [
        ("host", "db.+", True, True),
        ("team", "web", False, False),
    ]
    assert listed(amtool, "host=other") == []
    updated = amtool("silence", "update", "--duration=1h", "--comment=nearly done", made)
    assert updated.returncode == 0, updated.stderr
    (after,) = listed(amtool)
    assert (after["id"] != made, after["comment"]) == (True, "nearly done")
    assert after["endsAt"] < found["endsAt"]
    assert amtool("silence", "expire", after["id"]).returncode == 0
    assert listed(amtool) == []
    assert {one["id"] for one in listed(amtool, "--expired", "--within=1h")} == {made, after["id"]}


def test_amtool_is_refused_what_the_plan_takes_most_seriously_and_what_it_may_not(amtool: Amtool) -> None:
    worst = amtool("silence", "add", "--comment=x", "--duration=1h", "outcome=refused")
    assert worst.returncode != 0 and "It holds back P0" in worst.stderr, worst.stderr
    everything = amtool("silence", "add", "--comment=x", "--duration=1h", "team!=web")
    assert everything.returncode != 0 and "every signal" in everything.stderr, everything.stderr
    unknown = amtool("silence", "expire", "sil_none")
    assert unknown.returncode != 0
    assert listed(amtool) == []
