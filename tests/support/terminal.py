"""The command line, typed in this very process: what it printed, and how it ended."""

import io
import json
import os
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.support.server import Server
from tocsin.cli.main import exit_code
from tocsin.people import access, commands


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


def token(server: Server, rights: Set[str], person: str | None = None) -> str:
    """The secret of a token of this server with these rights, a program's or that of a person."""
    app = server.app()
    with app.database.work(access.local_operator("operator")) as tx:
        _, secret = commands.make_token(tx, "terminal", frozenset(rights), timedelta(hours=1), person)
    app.database.dispose()
    return secret


def reaching(server: Server, rights: Set[str], person: str | None = None) -> dict[str, str]:
    """The settings by which a terminal reaches this server with these rights."""
    return {"TOCSIN_URL": server.url, "TOCSIN_TOKEN": token(server, rights, person)}
