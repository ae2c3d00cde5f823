"""What looks at everything at once: the board, the events as they come, `--watch`; and webhooks from a terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

import tocsin.__main__
from tests.support import terminal
from tests.support.server import Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.terminal import Terminal
from tests.support.world import QUIET
from tocsin.cli import watching

SCOPES = frozenset({"incidents:read", "incidents:write", "plan:read", "people:write"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("board")
    url = f"sqlite:///{folder / 'tocsin.db'}"
    with SmtpSink() as sink, running_server(folder, url, sink.port, plan=QUIET) as running:
        yield running


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, str]:
    return terminal.reaching(server, SCOPES)


@pytest.fixture
def tocsin(known: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, known)


def declared(tocsin: Terminal, title: str) -> str:
    found: str = tocsin("declare", title, "--severity", "P1", "--type", "service_outage", "--json").json["id"]
    return found


@contextmanager
def typed(known: dict[str, str], *words: str) -> Iterator[IO[str]]:
    """What a command prints that goes on in a process of its own until it is stopped."""
    environment = {**{name: one for name, one in os.environ.items() if not name.startswith("TOCSIN_")}, **known}
    command = [sys.executable, "-m", "tocsin", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1) as running:
        assert running.stdout is not None
        try:
            yield running.stdout
        finally:
            running.terminate()
            running.wait(20)


def test_the_board_shows_what_is_open_what_is_owed_and_who_is_on_call(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Voice is silent \x1b[2J")
    out = tocsin.done("top", "--once")
    for word in ("Open incidents", "P1", "Voice is silent \\x1b[2J", "nobody yet", "Owed", "left", "On call"):
        assert word in out, out
    assert "\x1b[2J" not in out and max(map(len, out.splitlines())) <= 120
    found = tocsin("top", "--json").json
    assert incident in {one["id"] for one in found["incidents"]}
    assert found["owed"] == sorted(found["owed"], key=lambda one: one["due_at"]) and found["owed"]
    tocsin.done("ack", incident)
    assert "token:terminal" in tocsin.done("top", "--once")


def test_what_happened_is_printed_and_what_happens_follows(tocsin: Terminal, known: dict[str, str]) -> None:
    with typed(known, "events", "--since", "0", "--type", "incident.declared", "--json") as listening:
        first = declared(tocsin, "Ears are deaf")
        while json.loads(listening.readline())["data"]["incident"]["id"] != first:
            pass
        second = declared(tocsin, "Eyes are blind")
        heard = json.loads(listening.readline())
    assert heard["data"]["incident"]["id"] == second
    out = tocsin.done("events", "--since", str(heard["position"] - 1), "--until-now")
    assert "incident.declared" in out and "Eyes are blind" in out
    assert tocsin("events", "--since", "whenever").code == 2


def test_what_is_watched_is_shown_again_until_it_is_stopped(tocsin: Terminal, known: dict[str, str]) -> None:
    incident = declared(tocsin, "Voice is late")
    with typed(known, "show", incident, "--watch", "0.5") as watched:
        seen = 0
        while seen < 2:
            seen += "Voice is late" in watched.readline()
    assert tocsin("show", incident, "--watch", "0").code == 2


def test_a_webhook_is_managed_from_a_terminal(tocsin: Terminal) -> None:
    made = tocsin("webhook", "add", "https://hooks.invalid/x", "--type", "incident.closed", "--json").json
    assert made["secret"].startswith("whsec_")
    secret = tocsin("webhook", "add", "https://hooks.invalid/y")
    assert secret.out.strip().startswith("whsec_") and len(secret.out.split()) == 1 and "this once" in secret.err
    one = made["id"]
    assert one in tocsin.done("webhook", "list")
    assert tocsin("webhook", "change", one, "--everything", "--json").json["types"] == []
    assert tocsin("webhook", "rotate", one, "--json").json["secret"] != made["secret"]
    tocsin.done("webhook", "test", one)
    assert "tocsin.test" in tocsin.done("webhook", "deliveries", one)
    (sent,) = [
        each
        for each in tocsin("webhook", "deliveries", one, "--json").json["deliveries"]
        if "test" in each["event_type"]
    ]
    again = tocsin("webhook", "replay", one, "--delivery", sent["id"], "--json").json
    assert again["event_id"] == sent["event_id"]
    assert tocsin("webhook", "replay", one).code == 2
    assert tocsin("webhook", "replay", one, "--since", "2020-01-01").code == 2
    tocsin.done("webhook", "disable", one)
    assert tocsin("webhook", "test", one).code == 4
    tocsin.done("webhook", "enable", one)
    tocsin.done("webhook", "remove", one)
    assert one not in tocsin.done("webhook", "list")


def test_a_page_is_named_and_a_shell_completes(tocsin: Terminal, known: dict[str, str], tmp_path: Path) -> None:
    incident = declared(tocsin, "Voice is odd")
    assert tocsin("open", incident, "--json").json["url"] == f"{known['TOCSIN_URL']}/incidents/{incident}"
    script = tmp_path / "tocsin.bash"
    script.write_text(tocsin("completion", "bash", "--json").json["script"], encoding="utf-8")
    asked = f'source {script}; COMP_WORDS=(tocsin web); COMP_CWORD=1; $(complete -p tocsin | sed "s/.*-F //;s/ .*//"); '
    done = subprocess.run(
        ["bash", "-c", asked + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.split() == ["webhook"]
    assert "webhook" in tocsin.done("completion", "zsh") and "webhook" in tocsin.done("completion", "fish")


def test_watching_without_a_number_is_every_two_seconds() -> None:
    def spelled(line: str) -> str:
        return " ".join(watching.spelled_out(line.split()))

    assert spelled("now --watch --json") == "now --watch=2 --json"
    assert spelled("show 7 --watch") == "show 7 --watch=2"
    assert spelled("show 7 --watch 0.5") == "show 7 --watch 0.5"
    assert spelled("note 7 -- --watch") == "note 7 -- --watch"
