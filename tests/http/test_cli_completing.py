"""A shell asks what may be typed next: commands, options, what the plan and the record know, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.test_cli_reference import COMMANDS
from tests.support.server import Server
from tests.support.terminal import Terminal
from tocsin.cli import completing


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal without a token."""
    return Terminal(monkeypatch, capsys, {})


def offered(tocsin: Terminal, line: str) -> list[str]:
    """What bash is offered for a line that ends where the cursor is."""
    out = tocsin.done("__complete", "bash", f"tocsin {line}")
    return [each.partition("\t")[0] for each in out.splitlines() if each]


@pytest.mark.parametrize(
    ("line", "all_of"),
    [
        ("web", ["webhook"]),
        ("oncall hand", ["handoff"]),
        ("oncall handoff sh", ["show"]),
        ("declare x --sev", ["--severity"]),
        ("incidents --watch 2 --se", ["--severity", "--service"]),
        ("incidents --severity P1 --se", ["--service"]),
        ("update 1 --stage id", ["identified"]),
        ("events --type incident.de", ["incident.declared"]),
        ("webhook add http://x --type=incident.de", ["incident.declared"]),
        ("token create x --scope signals", ["signals:write"]),
        ("plan check ", [":files"]),
        ("note 1 ", []),
        ("note 1 'what I am sa", []),
        ("nothing of the kind ", []),
    ],
)
def test_what_the_program_knows_is_offered_without_a_server(alone: Terminal, line: str, all_of: list[str]) -> None:
    assert offered(alone, line) == all_of


def test_what_the_plan_and_the_record_know_is_asked_of_the_server(tocsin: Terminal, server: Server) -> None:
    made = tocsin("declare", "Voice is odd\x1b[2J", "--severity", "P1", "--type", "service_outage", "--json").json
    number, identity = str(made["number"]), made["id"]
    assert number in offered(tocsin, "show ") and identity in offered(tocsin, "link 1 inc")
    assert "P1" in offered(tocsin, "declare x --severity ") and "P1" in offered(tocsin, f"severity {number} P")
    assert offered(tocsin, f"assign {number} scri") == ["scribe"]
    assert "ana" in offered(tocsin, f"assign {number} scribe ")
    # bash ends a word at a colon, and puts what it is given in the place of what follows it.
    assert "scribe" in offered(tocsin, f"waive {number} role:scr")
    assert offered(tocsin, f"waive {number} --because x role:nothing") == []
    shown = tocsin.done("__complete", "zsh", "show", "")
    assert f"{number}\tP1 investigating: Voice is odd\\x1b[2J" in shown.splitlines()


def test_a_shell_hears_nothing_where_the_server_gives_nothing(
    alone: Terminal, known: dict[str, str], tocsin: Terminal
) -> None:
    assert offered(tocsin, "show 999999 ") == offered(tocsin, "tick 999999 ") == []
    tocsin.set("TOCSIN_TOKEN", "tcs_nobody")
    assert offered(tocsin, "show ") == []
    tocsin.set("TOCSIN_URL", "http://127.0.0.1:9")
    assert offered(tocsin, "show ") == []


def test_every_command_can_be_completed(alone: Terminal) -> None:
    """No word, however it is asked for, ends in a failure."""
    for name, command in COMMANDS.items():
        assert "--help" in offered(alone, f"{name} -"), name
        for one in command.assemble_argument_collection():
            before = f"{name} {one.name} " if one.name.startswith("-") else f"{name} "
            assert alone("__complete", "fish", *before.split(), "").code == 0, before


def test_every_word_that_has_values_is_a_word_of_a_command() -> None:
    taken = {one.name for command in COMMANDS.values() for one in command.assemble_argument_collection()}
    both = {(name, one.name) for name, command in COMMANDS.items() for one in command.assemble_argument_collection()}
    assert set(completing.NAMED) <= taken and set(completing.SPECIAL) <= both and taken >= completing.OF_FILES


def test_bash_completes_a_line(tmp_path: Path, alone: Terminal) -> None:
    script = tmp_path / "tocsin.bash"
    script.write_text(alone("completion", "bash", "--json").json["script"], encoding="utf-8")
    program = tmp_path / "tocsin"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocsin "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    asked = f'PATH="{tmp_path}:$PATH"; source {script}; COMP_LINE="tocsin web"; COMP_POINT=${{#COMP_LINE}}; _tocsin; '
    done = subprocess.run(
        ["bash", "-c", asked + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["webhook"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(alone: Terminal, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    script = tmp_path / shell
    script.write_text(alone.done("completion", shell), encoding="utf-8")
    done = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
