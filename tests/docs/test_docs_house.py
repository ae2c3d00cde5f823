"""The house says how the code is arranged; the contracts and the folders say the same."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOUSE = (ROOT / "docs" / "house.md").read_text("utf-8")
CODE = ROOT / "src" / "tocsin"


def contracts(text: str) -> dict[str, dict[str, Any]]:
    found = tomllib.loads(text)
    linter = found.get("importlinter") or found["tool"]["importlinter"]
    return {one["name"]: one for one in linter["contracts"]}


def drawn() -> dict[str, dict[str, Any]]:
    _, _, rest = HOUSE.partition("    [tool.importlinter]\n")
    lines = rest.split("\n    ]\n")[0].splitlines()
    return contracts("\n".join(["[importlinter]", *lines, "]"]))


def kept() -> dict[str, dict[str, Any]]:
    return contracts((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_layers_are_those_that_the_build_enforces() -> None:
    assert drawn()["Imports point upstream"]["layers"] == kept()["Imports point upstream"]["layers"]


def test_the_walls_are_those_that_the_build_enforces() -> None:
    assert list(drawn()) == list(kept())
    for name, contract in drawn().items():
        for key, value in contract.items():
            if key == "source_modules":  # the house names some; the build has them all
                assert set(value) <= set(kept()[name][key])
            else:
                assert value == kept()[name][key], f"{name}: {key}"


def rooms() -> dict[str, str]:
    """What the tree says of each package and of each module at the top."""
    tree = HOUSE.partition("    src/tocsin/\n")[2].partition("    tests/")[0]
    found: dict[str, str] = {}
    for line in tree.splitlines():
        names = re.match(r" {6}((?:[a-z_]+(?:/|\.py) *)+)(.*)", line)
        if names:
            found.update(dict.fromkeys(re.findall(r"[a-z_]+(?:/|\.py)", names[1]), names[2]))
    return found


def test_every_package_and_every_module_at_the_top_has_its_room() -> None:
    packages = {f"{path.parent.name}/" for path in CODE.glob("*/__init__.py")}
    modules = {path.name for path in CODE.glob("*.py")} - {"__init__.py"}
    assert packages | modules <= set(rooms())
    assert set(rooms()) - packages - modules <= {"runbooks/"}


def test_the_kit_holds_what_the_house_says() -> None:
    modules = {path.stem for path in (CODE / "kit").glob("*.py")} - {"__init__"}
    assert modules == set(rooms()["kit/"].partition("  ")[0].split())
