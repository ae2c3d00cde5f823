"""Each fragment in changes/ has the form that changes/README.md asks for."""

import re
from pathlib import Path

import pytest

CHANGES = Path(__file__).parents[2] / "changes"
KINDS = re.findall(r"^\| `(\w+)` \|", (CHANGES / "README.md").read_text("utf-8"), re.M)


def fragments() -> list[Path]:
    return sorted(path for path in CHANGES.iterdir() if path.name != "README.md")


def test_the_kinds_are_read() -> None:
    assert KINDS == ["added", "changed", "fixed", "removed", "security"]


@pytest.mark.parametrize("path", fragments(), ids=lambda path: path.name)
def test_a_fragment_is_named_for_its_kind_and_says_one_to_three_sentences(path: Path) -> None:
    assert re.fullmatch(rf"[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(KINDS)})\.md", path.name)
    text = path.read_text("utf-8").strip()
    assert not text.startswith("#")
    assert 1 <= len(re.findall(r"[.!?](?=\s|$)", text)) <= 3
