"""What was tried with each sender, told by the tests that try it: by their mark `tries`, and by captured requests.

`python -m tests.support.tried` writes the matrix of docs/reference/senders.md anew.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "senders.md"
CAPTURED = ROOT / "tests" / "support" / "payloads" / "captured"
BEGIN, END = "<!-- what was tried: written by tests/support/tried.py -->\n", "<!-- end of what was tried -->\n"
DOCUMENTED = "documentation"  # a body written from the sender's documentation
DOES = (
    *("fires", "is acknowledged", "ends", "change", "batch", "sign of life"),
    *("test", "setup", "signature", "wrong key"),
)


@dataclass(frozen=True)
class Tried:
    """One test: with which sender, by what, and what that did."""

    sender: str
    by: str
    does: tuple[str, ...]


def marked() -> Iterator[Tried]:
    """What stands at the tests as `@pytest.mark.tries(sender, by, *does)`."""
    for file in sorted((ROOT / "tests").glob("*/test_*.py")):
        text = file.read_text("utf-8")
        if "mark.tries(" in text:
            yield from (_mark(one) for one in ast.walk(ast.parse(text)) if _is_mark(one))


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.tries"


def _mark(node: Any) -> Tried:
    sender, by, *does = (ast.literal_eval(one) for one in node.args)
    assert set(does) <= set(DOES), f"{sender}: {does}"
    return Tried(sender, by, tuple(does))


def captured() -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests as a real program or library sent them; only hosts, tokens and Prometheus' times were replaced."""
    for file in sorted(CAPTURED.glob("*.json")):
        yield file.stem, json.loads(file.read_text("utf-8"))


def matrix(names: dict[str, str]) -> str:
    """The table, with a row for each of these pages: what the tests do with a captured body, with one that was written
    from documentation, and with the program or library itself."""
    rows = ["| sender | captured | from its documentation | itself |", "|---|---|---|---|"]
    kept: dict[str, list[Tried]] = defaultdict(list)
    for _, one in captured():
        kept[one["sender"]].append(Tried(one["sender"], one["by"], tuple(each["does"] for each in one["requests"])))
    live: dict[str, list[Tried]] = defaultdict(list)
    for found in marked():
        live[found.sender].append(found)
    for page, name in names.items():
        written = [one for one in live[page] if one.by == DOCUMENTED]
        itself = [one for one in live[page] if one.by != DOCUMENTED]
        cells = (_cell(kept[page]), _cell(written).removeprefix(f"{DOCUMENTED}: "), _cell(itself))
        rows.append(f"| [{name}](../howto/{page}.md) | {' | '.join(cell or '–' for cell in cells)} |")
    return "\n".join(rows) + "\n"


def _cell(tried: list[Tried]) -> str:
    done: dict[str, set[str]] = defaultdict(set)
    for one in tried:
        done[one.by].update(one.does)
    return "; ".join(f"{by}: {', '.join(does for does in DOES if does in done[by])}" for by in sorted(done))


def names() -> dict[str, str]:
    """Every page and how its sender is called, in the order of the first table; two have no row in that."""
    table = PAGE.read_text("utf-8").partition(BEGIN)[0]
    listed = re.findall(r"^\| \[([^\]]+)\]\(\.\./howto/([\w-]+)\.md\)", table, re.M)
    return {page: name for name, page in listed} | {
        "own-senders": "Senders of your own",
        "user-reports": "Reports of users",
    }


def written() -> str:
    """The table as it stands in the page."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + matrix(names()) + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
