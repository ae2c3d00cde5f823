"""The command line, typed in this very process: what it printed, and how it ended."""

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tocsin.cli.main import exit_code


@dataclass(frozen=True)
class Printed:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class Terminal:
    """A shell whose environment has these settings of Tocsin and no others."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Mapping[str, str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in [known for known in os.environ if known.startswith("TOCSIN_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str, stdin: str = "") -> Printed:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = exit_code(words)
        printed = self._capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    def done(self, *words: str, stdin: str = "") -> str:
        """What a command printed that must succeed."""
        printed = self(*words, stdin=stdin)
        assert printed.code == 0, printed.err
        return printed.out
