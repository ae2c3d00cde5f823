"""In a terminal: what users say, how a sender of one's own would be read, and another address for a heartbeat."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, free_port, running_server
from tests.support.terminal import Terminal, reaching
from tests.support.world import QUIET
from tocsin.people.access import SCOPES

PLAN = QUIET.replace(
    "    depends_on: [railway]\n", "    depends_on: [railway]\n    heartbeats:\n      backup: { every: 1 h }\n", 1
)
MAPPING = 'key: "{id}"\ntitle: "{text}"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("cli")
    with running_server(folder, f"sqlite:///{folder / 'tocsin.db'}", free_port(), plan=PLAN) as running:
        yield running


@pytest.fixture
def tocsin(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, reaching(server, SCOPES))


def test_a_support_desk_reports_and_hears_when_it_is_enough(tocsin: Terminal) -> None:
    said = tocsin.done("report", "Replies come twice", "--about", "voice", "--by", "c1", "--contact", "ana@example.org")
    assert "users who report now: 1. It waits for a person" in said
    tocsin.done("report", "No sound", "--by", "c2")
    found = tocsin("report", "No sound", "--by", "c3", "--json").json
    assert (found["people"], found["many"]) == (3, True)
    refused = tocsin("report", "x", "--about", "moon")
    assert refused.code == 2 and "moon" in refused.err


def test_a_body_is_tried_and_nothing_is_kept(tocsin: Terminal, tmp_path: Path) -> None:
    body, mapping = tmp_path / "body.json", tmp_path / "mapping.yaml"
    body.write_text('{"id": 7, "text": "The backup failed"}', "utf-8")
    mapping.write_text(MAPPING, "utf-8")
    before = tocsin("signals", "--json").json
    out = tocsin.done("signal", "try", "backup", str(body), "--mapping", str(mapping))
    assert "The backup failed" in out and "7" in out
    found = tocsin("signal", "try", "backup", "-", "--mapping", str(mapping), "--json", stdin=body.read_text("utf-8"))
    assert found.json["piece"].startswith("senders:\n  backup:\n")
    wrong = tocsin("signal", "try", "backup", "-", "--mapping", str(mapping), stdin="{}")
    assert wrong.code == 2 and "body, $.id: missing or not text" in wrong.out
    assert tocsin("signal", "try", "backup", str(tmp_path / "none.json")).code == 3
    assert tocsin("signals", "--json").json == before


def test_a_heartbeat_gets_another_address(tocsin: Terminal) -> None:
    before = tocsin("heartbeats", "--json").json["heartbeats"][0]["address"]
    after = tocsin("heartbeats", "--replace-address", "rose/backup", "--json").json["heartbeats"][0]["address"]
    assert before != after and after in tocsin.done("heartbeats")
    assert tocsin("heartbeats", "--replace-address", "moon").code == 3


def test_what_is_looked_at_is_listed_and_one_of_it_shown(tocsin: Terminal) -> None:
    (one,) = tocsin("probes", "--json").json["probes"]
    assert (one["name"], one["sort"], one["health"], one["seen"]) == ("rose/backup", "heartbeat", "unknown", None)
    assert "rose/backup" in tocsin.done("probes", "--sort", "heartbeat")
    assert "Nothing that is looked at is like that." in tocsin.done("probes", "--health", "trouble")
    assert "not looked at yet" in tocsin.done("probe", "rose/backup")
    assert tocsin("probe", "rose/backup", "--json").json["looks"] == []
    assert tocsin("probe", "rose/moon").code == 3 and tocsin("probe", "moon").code == 3
