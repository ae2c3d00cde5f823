"""What looks at everything at once: the board, the events as they come, `--watch`; and webhooks from a terminal."""

import io
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import pytest
from rich.console import Console

from tests.support import terminal
from tests.support.server import Server
from tests.support.terminal import Terminal
from tocsin.cli import board, keys, show, watching
from tocsin.kit.errors import Overloaded


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


def test_the_board_ends_by_a_key_and_leaves_the_terminal_as_it_was(known: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    environment = {**{name: one for name, one in os.environ.items() if not name.startswith("TOCSIN_")}, **known}
    command = [sys.executable, "-m", "tocsin", "top", "--every", "600"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env={**environment, "TERM": "xterm"}) as running:
        try:
            seen = ""
            while "On call" not in seen:
                seen += os.read(ours, 4096).decode(errors="replace")
            os.write(ours, b"xq")  # one that looks at once, and one that ends it
            reading = threading.Thread(target=drained, args=(ours,), daemon=True)
            reading.start()
            assert running.wait(30) == 0
        finally:
            running.kill()
    assert termios.tcgetattr(theirs)[3] == before[3]  # it says again what is typed
    os.close(theirs)
    reading.join(30)
    os.close(ours)


def test_a_board_that_is_stopped_leaves_the_terminal_as_it_was_until_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = os.openpty()
    before, seen = termios.tcgetattr(theirs)[3], []
    known = signal.getsignal(signal.SIGTSTP)
    monkeypatch.setattr(os, "kill", lambda *_: seen.append(termios.tcgetattr(theirs)[3]))
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with keys.laid_aside(lambda: seen.append("left"), lambda: seen.append("came back")), keys.heard():
            watching = termios.tcgetattr(theirs)[3]
            for _ in range(2):
                signal.raise_signal(signal.SIGTSTP)
                assert termios.tcgetattr(theirs)[3] == watching != before
    assert seen == 2 * ["left", before, "came back"] and signal.getsignal(signal.SIGTSTP) == known
    os.close(ours)


def drained(terminal: int) -> None:
    with suppress(OSError):
        while os.read(terminal, 4096):
            pass


def a_look(incidents: int, owed: int) -> dict[str, Any]:
    at = "2026-11-24T03:34:19Z"
    about = {"severity": "P1", "status": "investigating", "acknowledged_by": None, "declared_at": at}
    return {
        "at": at,
        "incidents": [{**about, "number": n, "title": "A very long title " * 9} for n in range(incidents)],
        "owed": [{"incident": n, "due_at": at, "what": "Name the scribe", "owner": "on_call"} for n in range(owed)],
        "on_call": [{"name": "Scribe", "person_name": "Ana", "ends_at": at}] * 4,
        "vendors": [
            {"name": "Groq", "how": "well", "because": "x"},
            {"name": "Railway", "how": "down", "because": "y"},
        ],
    }


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 15), (80, 12), (200, 90)])
def test_the_board_fits_the_terminal_and_says_what_it_leaves_out(width: int, height: int) -> None:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    with console.capture() as captured:
        console.print(board.drawn(a_look(14, 30), height))
    lines = captured.get().splitlines()
    assert len(lines) <= height and max(map(len, lines)) <= width
    for word in ("Open incidents", "Owed", "#0") if height > 12 else ("Open incidents", "#0"):
        assert word in captured.get()
    assert ("more" in captured.get()) == (height < 90)


def test_a_narrow_board_keeps_what_names_an_incident() -> None:
    """The number, the severity and the title stay; what `show` tells as well gives way."""
    console = Console(width=40, height=24, file=io.StringIO())
    with console.capture() as captured:
        console.print(board.drawn(a_look(1, 1), 24, width=40))
    row = next(line for line in captured.get().splitlines() if "#0" in line)
    title, severity = a_look(1, 1)["incidents"][0]["title"], a_look(1, 1)["incidents"][0]["severity"]
    assert severity in row and title[:6] in row and "nobody yet" in row


def test_where_nothing_answers_the_board_says_so_over_how_it_stood() -> None:
    console = Console(width=80, height=24, file=io.StringIO())
    with console.capture() as captured:
        console.print(board.drawn(a_look(1, 1), 24, "no answer from http://x"))
    assert (
        captured.get().startswith("As it stood at 11-24 03:34 UTC; no answer from http://x\n")
        and "#0" in captured.get()
    )
    assert captured.get().index("Railway") < captured.get().index("Groq")


def test_the_worst_incident_stands_on_top_however_old_it_is(tocsin: Terminal) -> None:
    for severity in ("P0", "P3"):
        tocsin.done("declare", f"It is {severity}", "--severity", severity, "--type", "service_outage")
    found = tocsin("top", "--json").json["incidents"]
    assert found[0]["severity"] == "P0" and found[-1]["severity"] == "P3"
    assert [one["severity"] for one in found] == sorted(one["severity"] for one in found)


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


def test_a_plan_without_signs_of_life_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heartbeats = Terminal(monkeypatch, capsys, terminal.reaching(server, {"plan:write"}))("heartbeats")
    assert heartbeats.code == 0 and "The plan names no signs of life." in heartbeats.out + heartbeats.err


def test_a_page_is_named(tocsin: Terminal, known: dict[str, str]) -> None:
    incident = declared(tocsin, "Voice is odd")
    assert tocsin("open", incident, "--json").json["url"] == f"{known['TOCSIN_URL']}/incidents/{incident}"


def test_who_watches_watches_on_while_the_server_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    turns = iter(["here", Overloaded("no answer"), "back", KeyboardInterrupt()])

    def command(*, json: bool = False) -> None:
        turn = next(turns)
        if isinstance(turn, BaseException):
            raise turn
        show.raw(turn)

    with pytest.raises(KeyboardInterrupt):
        watching.watched(command)(watch=0, json=True)
    printed = capsys.readouterr()
    assert printed.out.split() == ["here", "back"] and "no answer" in printed.err
    turns = iter([Overloaded("no answer")])
    with pytest.raises(Overloaded):  # what never was there is said at once
        watching.watched(command)(watch=0, json=True)


def test_watching_without_a_number_is_every_two_seconds() -> None:
    def spelled(line: str) -> str:
        return " ".join(watching.spelled_out(line.split()))

    assert spelled("now --watch --json") == "now --watch=2 --json"
    assert spelled("show 7 --watch") == "show 7 --watch=2"
    assert spelled("show 7 --watch 0.5") == "show 7 --watch 0.5"
    assert spelled("note 7 -- --watch") == "note 7 -- --watch"


class Screen(io.StringIO):
    """What a terminal shows."""

    def isatty(self) -> bool:
        return True


def test_a_narrow_terminal_gets_each_row_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four columns in forty letters would be read by nobody; a wide terminal keeps the table."""
    rows = [("#1", "inc_7KQ2M4XW", "P1", "Voice is silent"), ("#2", "inc_7KQ2M4XX", "P2", None)]
    monkeypatch.setenv("TERM", "dumb")  # no colours
    monkeypatch.setenv("LINES", "25")  # without it, a dumb terminal counts as 80 wide whatever COLUMNS says

    def printed(width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "stdout", Screen())
        show.table(("", "Id", "Severity", "Title"), rows)
        return [line.rstrip() for line in sys.stdout.getvalue().splitlines()]  # type: ignore[attr-defined]

    assert printed(63) == [
        "          #1",
        "Id        inc_7KQ2M4XW",
        "Severity  P1",
        "Title     Voice is silent",
        "",
        "          #2",
        "Id        inc_7KQ2M4XX",
        "Severity  P2",
    ]
    assert "#1  inc_7KQ2M4XW  P1        Voice is silent" in printed(64)
