"""What every test stands on: no network but this machine's own, both databases, and programs that may be missing."""

import os
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import copies, postgres

# The same examples each time, however slow the machine: a run judges the change, not its luck.
# To look for more: pytest --hypothesis-profile=explore
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("steady")

# ---- No network ------------------------------------------------------------------------------------------------------

_reached_out: list[str] = []


class NetworkBlocked(AssertionError):
    """A test reached for something outside this machine."""


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in (None, "", "localhost", "::1", "0.0.0.0", "::") or str(name).startswith("127.")


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        target = arguments[1]
        host = target[0] if isinstance(target, tuple) else None  # a path or bytes: a socket file of this machine
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        _reached_out.append(f"{event} {host}")
        raise NetworkBlocked(f"tests stay on this machine, and this one wanted {host}")


sys.addaudithook(_guard)  # asked by the interpreter itself, before any library's connect or look-up


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    """Fails the test even if the code under test took the refusal for an ordinary failure."""
    _reached_out.clear()
    yield
    assert _reached_out == []


# ---- Programs that may be missing ------------------------------------------------------------------------------------

_PROGRAMS = {"chromium": ("chromium", "chromium-browser", "google-chrome")}  # others are known by one name only
_REQUIRED_IN_CI = {"chromium"}
_not_run: Counter[str] = Counter()


def _program(name: str) -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS.get(name, (name,)))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is, for a test that is marked `needs("chromium")`."""
    path = _program("chromium")
    assert path is not None, 'mark this test with needs("chromium")'
    return path


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        (name,) = marker.args
        if _program(name) is None:
            if os.environ.get("CI") == "true" and name in _REQUIRED_IN_CI:
                pytest.fail(f"{name} is missing, and here every test must run", pytrace=False)
            item.user_properties.append(("missing", name))
            pytest.skip(f"{name} is missing")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In the process that reports, not in a worker: count what was not run, and for want of what."""
    if report.when == "setup" and report.skipped:
        _not_run.update(value for key, value in report.user_properties if key == "missing" and isinstance(value, str))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _say_what_was_not_run() -> None:
    if _not_run:
        tests = ", ".join(
            f"{count} {'test' if count == 1 else 'tests'} with {name}" for name, count in sorted(_not_run.items())
        )
        sys.stdout.write(f"Not run: {tests}. To run them: apt-get install {' '.join(sorted(_not_run))} && make test\n")


# ---- The run ---------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as Ctrl-C does, with everything put away
        config.stash[_MUST_END] = postgres.begin_run()
    elif config.args == ["tests"]:
        config.args = _from_a_place_of_its_own(os.environ["PYTEST_XDIST_WORKER"])


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_MUST_END, False):
        postgres.end_run()
    if not _is_worker(config):
        _say_what_was_not_run()


_MUST_END = pytest.StashKey[bool]()
_PARTS = sorted(f"tests/{one.name}" for one in Path(__file__).parent.iterdir() if any(one.rglob("test_*.py")))


def _from_a_place_of_its_own(worker: str) -> list[str]:
    """Each worker reads all tests; one that begins elsewhere finds compiled what another has read by then."""
    first = int(worker.removeprefix("gw")) * 2 % len(_PARTS)
    return _PARTS[first:] + _PARTS[:first]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers must agree on the order of the tests, wherever each began to read them."""
    if _is_worker(config):
        items.sort(key=lambda item: item.nodeid.split("/")[:2])


# ---- Databases -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own; each test runs on both kinds."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, for what migrations do; each test runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with postgres.fresh_database() as url:
            yield url


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_file: Path) -> str:
    """A migrated SQLite file of the test's own."""
    file = tmp_path / "tocsin.db"
    with closing(sqlite3.connect(_migrated_file)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    with copies.copy_of(postgres.migrated_template(_upgrade)) as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "tocsin.db"
    _upgrade(f"sqlite:///{file}")
    return file


def _upgrade(url: str) -> None:
    from tocsin.db import migrate  # noqa: PLC0415 - the tests of the core start without a database

    migrate.upgrade(url)
