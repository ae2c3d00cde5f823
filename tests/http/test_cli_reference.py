"""The reference of the command line says what it is: every command, every word that it takes, every exit code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tocsin.__main__  # noqa: F401 - adds the commands that run a server
from tocsin.cli import mailin, main

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
LASTING = {"serve", "rehearse run", "rehearse serve", "mcp"}  # they run until they are stopped, and answer nothing


def walk(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, with the words that name it."""
    if part.default_command is not None:
        yield " ".join(path), part
    for name in part:
        if not name.startswith("-"):
            yield from walk(part[name], (*path, name))


COMMANDS = dict(walk(main.app))


def section(heading: str) -> str:
    _, found, rest = REFERENCE.partition(f"\n{heading}\n")
    assert found, f"no section {heading}"
    return rest.partition("\n## ")[0].partition("\n### ")[0]


def rows(text: str) -> list[tuple[str, ...]]:
    """The cells of a section's table, without the table's own head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_reference_with_all_that_it_takes(name: str) -> None:
    written = section(f"### tocsin {name}")
    taken = [one for one in COMMANDS[name].assemble_argument_collection() if one.name != "--json"]
    assert rows(written) == [
        (
            " ".join(f"`{word}`" for word in one.names),
            "required" if one.required else "",
            str(one.parameter.help),
        )
        for one in taken
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_and_the_help_say_the_same(name: str) -> None:
    command = COMMANDS[name].default_command
    promise = (command.__doc__ or "").strip().partition("\n")[0]
    assert promise and promise in section(f"### tocsin {name}")


INSTANTS = {"--from", "--to", "--at", "--until", "--since", "INSTANT"}
IN_A_ZONE_OF_ITS_OWN = {"contacts rule"}  # takes times of day, on the clock of whose rule it is


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - IN_A_ZONE_OF_ITS_OWN))
def test_whatever_takes_an_instant_says_what_it_is_without_an_offset(name: str) -> None:
    taken = COMMANDS[name].assemble_argument_collection()
    instants = [str(one.parameter.help) for one in taken if INSTANTS & set(one.names)]
    assert all("UTC without an offset" in said for said in instants), instants


@pytest.mark.parametrize("name", ["oncall override", "silence add", "replay", "correct"])
def test_instants_are_found_among_what_a_command_takes(name: str) -> None:
    assert any(INSTANTS & set(one.names) for one in COMMANDS[name].assemble_argument_collection())


def test_the_reference_describes_no_other_command() -> None:
    headings = {line.removeprefix("### tocsin ") for line in REFERENCE.splitlines() if line.startswith("### ")}
    assert headings == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - LASTING))
def test_every_command_can_answer_in_json(name: str) -> None:
    assert "--json" in {one.name for one in COMMANDS[name].assemble_argument_collection()}


def test_every_exit_code_is_listed() -> None:
    codes = {0, main.FAILED, main.INTERRUPTED, mailin.TRY_AGAIN, *main.EXIT_CODES.values()}
    assert [int(row[0]) for row in rows(section("## Exit codes"))] == sorted(codes)


@pytest.mark.parametrize(("name", "word"), [(name, one) for name, words in main.OTHER_WORDS.items() for one in words])
def test_what_newcomers_type_is_answered_with_the_command_that_there_is(
    capsys: pytest.CaptureFixture[str], name: str, word: str
) -> None:
    assert main.exit_code([word]) == 2
    assert f'Did you mean "{name}"?' in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize("part", ["webhook", "signal", "oncall", "silence"])
def test_what_is_spoken_to_the_server_is_not_said_to_be_for_its_own_machine(
    capsys: pytest.CaptureFixture[str], part: str
) -> None:
    assert main.exit_code([part, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Commands" in said and "own machine" not in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("oncall overides", '"oncall" takes no word "overides"; did you mean "overrides"?'),
        ("postmortem show 7", '"postmortem" takes no word "7"; its commands are write and final.'),
        ("webhook list x", '"webhook list" takes no word "x".'),
    ],
)
def test_a_word_too_much_is_named_with_what_there_is(capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    assert main.exit_code(line.split()) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
