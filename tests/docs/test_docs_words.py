"""What the documentation lists is what there is: settings, tables, kinds, states, formats, and the words for them."""

import importlib
import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import tocsin.main  # noqa: F401 - with all that a server is made of come all its tables
from tocsin.api import described
from tocsin.comms import statuspage, statuswire
from tocsin.comms.statuspage import PublicIncident, PublicUpdate
from tocsin.db.columns import metadata
from tocsin.delivery.channel import MessageState
from tocsin.incidents.model import Status
from tocsin.obligations.model import Kind, State
from tocsin.people import access
from tocsin.people.model import AccountRole, Channel
from tocsin.plan import check
from tocsin.plan.model import Condition, Plan, Stage
from tocsin.review.postmortem import Standing
from tocsin.settings import PREFIX, Settings
from tocsin.signals.model import State as SignalState
from tocsin.signals.model import Trigger
from tocsin.signals.store import Disposition
from tocsin.watch.outcomes import Kind as OutcomeKind

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
AT = datetime(2026, 11, 24, 3, 41, tzinfo=UTC)


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", path.read_text("utf-8"), re.M | re.S)
    assert found, f"{path.name} has no section {heading}"
    return found[2]


def first_words(text: str) -> list[str]:
    """What stands in code in the first cell of each row of a section's tables, but for the tables' own heads."""
    cells = (row.split("|")[1] for row in text.splitlines() if row.startswith("| `"))
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


# ---- Settings ----


def documented_defaults() -> dict[str, str]:
    text = (REFERENCE / "settings.md").read_text("utf-8")
    return dict(re.findall(r"^## (\w+)\n\nDefault: (.+)$", text, re.M))


def in_words(default: object) -> str:
    if default == "":
        return "not set"
    return f"`{'no' if default is False else default}`"


def test_every_setting_is_documented_with_its_default() -> None:
    assert documented_defaults() == {PREFIX + one.name.upper(): in_words(one.default) for one in fields(Settings)}


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_setting_that_is_none(path: Path) -> None:
    known = {PREFIX + one.name.upper() for one in fields(Settings)} | {"TOCSIN_PORTT"}  # the misspelt one of the page
    assert set(re.findall(r"\bTOCSIN_\w+", path.read_text("utf-8"))) <= known


# ---- Words ----


ENUMS: tuple[type[StrEnum], ...] = (
    *(Status, Kind, State, Disposition, SignalState, Stage, Trigger),
    *(OutcomeKind, AccountRole, Channel, MessageState, Standing),
)


@pytest.mark.parametrize("words", ENUMS, ids=lambda words: f"{words.__module__}.{words.__name__}")
def test_the_glossary_has_every_word_of_the_code(words: type[StrEnum]) -> None:
    glossary = (DOCS / "glossary.md").read_text("utf-8")
    assert [word for word in words if f"`{word}`" not in glossary] == []


TABLES: tuple[tuple[str, str, set[str]], ...] = (
    ("reference/obligations.md", "States", set(State)),
    ("reference/obligations.md", "When it is resolved, and after", set(Condition)),
    ("reference/signals.md", "What becomes of it", set(Disposition)),
    ("reference/signals.md", "Probes", set(OutcomeKind)),
    ("howto/people-and-tokens.md", "Invite somebody", set(AccountRole)),
    ("howto/people-and-tokens.md", "Tokens for programs", set(access.EVERY_SCOPE)),
)


@pytest.mark.parametrize(("page", "heading", "words"), TABLES, ids=[heading for _, heading, _ in TABLES])
def test_a_table_lists_all_there_are_and_nothing_else(page: str, heading: str, words: set[str]) -> None:
    listed = first_words(section(DOCS / page, heading))
    assert sorted(listed) == sorted(words)


def test_every_kind_of_obligation_is_explained() -> None:
    text = section(REFERENCE / "obligations.md", "Kinds")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(Kind)


def test_the_fields_of_a_signal_are_those_that_are_taken() -> None:
    body = described.INTAKE["/api/v1/signals"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    text = section(REFERENCE / "signals.md", "Our own JSON")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(body["oneOf"][0]["properties"])


# ---- The database ----


def test_every_table_has_its_sentence() -> None:
    for path in (ROOT / "src" / "tocsin").glob("*/store.py"):
        importlib.import_module(f"tocsin.{path.parent.name}.store")
    importlib.import_module("tocsin.delivery.outbox")
    importlib.import_module("tocsin.db.settings")
    listed = first_words(section(REFERENCE / "database.md", "Tables"))
    assert sorted(listed) == sorted(metadata.tables)


# ---- The status page's shapes ----


def keys(value: Any) -> Any:
    """The keys of a JSON value, all the way down; of a list, those of its first item."""
    match value:
        case dict():
            return {name: keys(one) for name, one in value.items()}
        case [first, *_]:
            return [keys(first)]
        case _:
            return None


def examples() -> list[Any]:
    text = (REFERENCE / "status-page.md").read_text("utf-8")
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)]


def test_the_shapes_of_the_status_page_are_those_that_are_sent() -> None:
    plan = check.load((ROOT / "src/tocsin/plans/rose.yaml").read_text("utf-8"))
    assert isinstance(plan, Plan)
    voice = statuspage.component_id("rose", "voice")
    update = PublicUpdate(id="u", stage=Stage.INVESTIGATING, body="Something is wrong.", at=AT, impact="critical")
    incident = PublicIncident(
        id="i",
        name="Rose does not answer",
        impact="critical",
        stage=Stage.INVESTIGATING,
        components=(voice,),
        updates=(update,),
        started_at=AT,
        created_at=AT,
        updated_at=AT,
    )
    page = statuspage.public_page(plan, plan.name, "http://127.0.0.1:8000/status", [incident], AT)
    sent = json.loads(statuswire.summary_json(page))
    status, component, shown = examples()
    assert keys(status) == keys(json.loads(statuswire.status_json(page)))
    assert status["status"] == sent["status"]
    assert keys(component) == keys(sent["components"][0])
    assert keys(shown) == {**keys(sent["incidents"][0]), "components": None}
