"""A running server with a quiet plan, and a terminal that reaches it; a file that needs others has its own."""

from collections.abc import Iterator

import pytest

from tests.support import terminal
from tests.support.server import Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.terminal import Terminal
from tests.support.world import QUIET

SCOPES = frozenset({"incidents:read", "incidents:write", "plan:read", "people:write"})


@pytest.fixture(scope="module")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sink: SmtpSink) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("terminal")
    with running_server(folder, f"sqlite:///{folder / 'tocsin.db'}", sink.port, plan=QUIET) as running:
        yield running


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, str]:
    """The settings by which a terminal reaches the server."""
    return terminal.reaching(server, SCOPES)


@pytest.fixture
def tocsin(known: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, known)
