"""What the pages tell somebody to type can be typed: commands, requests, plans and configurations."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from cyclopts import CycloptsError

from tests.support import plans
from tocsin.__main__ import serve
from tocsin.api import knowledge_schema, reports, schema
from tocsin.cli.main import app
from tocsin.plan import check
from tocsin.plan.model import Plan
from tocsin.rehearsal.control import Wanted
from tocsin.signals import formats, pagerduty, pagerduty_generic
from tocsin.signals.senders import cloudevents, opsgenie
from tocsin.signals.senders.sent import Sent
from tocsin.watch import otlp

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
TYPED = re.compile(r"(?:^ *|\$\(|&& |[A-Z_]+=\S+ )(?:\.venv/bin/)?tocsin (.+)$", re.M)
PLUMBING = ("<", ">", ">>", "|")  # where a shell takes over
PLANS = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "src/tocsin/plans").glob("*.yaml")])


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in FENCE.findall(page.read_text("utf-8")):
        if language in languages:
            yield text


def name(page: Any) -> str:
    return str(page.relative_to(ROOT)) if isinstance(page, Path) else str(page)


# ---- Commands ----


def command_lines(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "sh", "bash"):
        for found in TYPED.finditer(block.replace("\\\n", " ")):
            line = found[1].partition(")")[0] if found[0].startswith("$(") else found[1]
            words = shlex.split(line, comments=True)
            yield words[: next((place for place, word in enumerate(words) if word in PLUMBING), len(words))]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_line_can_be_typed(page: Path) -> None:
    for words in command_lines(page):
        try:
            app.parse_args(words, exit_on_error=False, print_error=False)
        except CycloptsError as error:
            pytest.fail(f"tocsin {shlex.join(words)}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_prose_names_exists(page: Path) -> None:
    prose = FENCE.sub("", page.read_text("utf-8"))
    for line in re.findall(r"`tocsin ([a-z][^`]*)`", prose):
        chain, apps, rest = app.parse_commands(shlex.split(line))
        assert chain, f"`tocsin {line}` is no command"
        assert not rest or apps[-1].default_command is not None, f"`tocsin {line}` is no command"


def test_command_lines_are_found_at_all() -> None:
    lines = list(command_lines(ROOT / "README.md"))
    assert ["show", "1"] in lines
    assert any(words[:2] == ["token", "create"] for words in lines)
    assert app["serve"].default_command is serve


# ---- Requests ----


NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
READERS: dict[str, Callable[[bytes], object]] = {
    r"/switch$": lambda body: msgspec.json.decode(body, type=Wanted),
    r"/api/v1/signals$": formats.generic,
    r"/v2/enqueue$": lambda body: pagerduty.read(body, lambda: "a-new-key"),
    r"/create_event.json$": lambda body: pagerduty_generic.read(body, lambda: "a-new-key"),
    r"/v2/change/enqueue$": pagerduty.read_change,
    r"/v1/logs$": otlp.read,
    r"/in/opsgenie/v2/alerts$": lambda body: opsgenie.read(Sent(body=body, now=NOW, path=("v2", "alerts"))),
    r"/in/cloudevents$": lambda body: cloudevents.read(Sent(body=body, now=NOW)),
    r"/api/v1/changes$": lambda body: msgspec.json.decode(body, type=knowledge_schema.NewChange),
    r"/api/v1/reports$": lambda body: msgspec.json.decode(body, type=reports.NewReport),
    r"/updates$": lambda body: msgspec.json.decode(body, type=schema.Update),
}


def bodies(page: Path) -> Iterator[tuple[str, bytes]]:
    """The address and the body of every request that a page has somebody send with curl."""
    for block in blocks(page, "sh", "bash"):
        for found in re.findall(r"^curl ((?:'[^']*'|\"[^\"]*\"|\\\n|[^'\"\n])*)", block, re.M):
            words = shlex.split(found.replace("\\\n", " "))
            if "-d" in words:
                address = next(word for word in words if word.startswith("http"))
                yield address, words[words.index("-d") + 1].encode()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_request_would_be_understood(page: Path) -> None:
    for address, body in bodies(page):
        readers = [reader for pattern, reader in READERS.items() if re.search(pattern, address)]
        assert readers, f"nothing here says who reads what is sent to {address}"
        readers[0](body)


def test_requests_are_found_at_all() -> None:
    found = [address for page in PAGES for address, _ in bodies(page)]
    assert all(any(re.search(pattern, address) for address in found) for pattern in READERS)


# ---- What stands in files ----


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_piece_of_json_and_yaml_can_be_read(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)
    for block in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)


@pytest.mark.parametrize("path", PLANS, ids=name)
def test_every_example_plan_loads(path: Path) -> None:
    found = check.load(plans.text(path), path.name)
    assert isinstance(found, Plan), "\n".join(map(str, found))


def test_rules_and_services_in_the_guides_fit_a_plan() -> None:
    """A piece of a plan in a guide has only keys that the format has: put into a whole one, it loads or names names."""
    whole = yaml.safe_load((ROOT / "examples/five-people.yaml").read_text("utf-8"))
    pieces = [
        yaml.safe_load(block) for page in (ROOT / "docs/howto").glob("*plan*.md") for block in blocks(page, "yaml")
    ]
    pieces += [yaml.safe_load(block) for block in blocks(ROOT / "docs/howto/point-at-a-real-service.md", "yaml")]
    assert len(pieces) >= 3
    for piece in pieces:
        found = check.load(yaml.safe_dump({**whole, **piece}, sort_keys=False))
        complaints = found if isinstance(found, list) else []
        assert [one for one in complaints if not one.message.startswith("no ")] == []
