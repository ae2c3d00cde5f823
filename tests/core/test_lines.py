"""The house keeps its measures: no file of ours grows past six hundred lines, no function past eighty."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tocsin

SOURCE = Path(tocsin.__file__).parent
LONGEST_FILE = 600
LONGEST_FUNCTION = 80


def _modules() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield str(file.relative_to(SOURCE)), file.read_text(encoding="utf-8")


def _functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_passes_six_hundred_lines() -> None:
    long = {name: len(text.splitlines()) for name, text in _modules() if len(text.splitlines()) > LONGEST_FILE}
    assert long == {}


def test_no_function_passes_eighty_lines() -> None:
    found = [(name, function, lines) for name, text in _modules() for function, lines in _functions(text)]
    assert found
    assert [one for one in found if one[2] > LONGEST_FUNCTION] == []


def test_init_files_stay_empty() -> None:
    assert [name for name, text in _modules() if name.endswith("__init__.py") and text.strip()] == []
