"""Installations to measure: a prepared database, a plan, a token, and server processes on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import Clock, SystemClock, stopwatch
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.plan import commands as plan_commands
from tocsin.settings import Settings

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
# Not `-m tocsin`: whoever walks through the README meanwhile ends every server that is called so.
COMMAND = (sys.executable, "-mtocsin", "serve")
START_WITHIN = 30.0  # seconds
STOP_WITHIN = 3.0  # then it is killed: nobody needs its data any more

Plan = dict[str, Any]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk that the project is on, removed afterwards."""
    BUILD.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def plan(change: Callable[[Plan], None] = lambda _: None) -> str:
    """The plan of Rose without its looks at her, which would find nobody here, and with one change."""
    text = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
    written: Plan = yaml.safe_load(text)
    for looks in ("probes", "measures", "logs", "journeys"):
        del written["services"]["rose"][looks]
    del written["history"]  # YAML reads the `on` of a history as true
    change(written)
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True)
class Installation:
    """A database that was brought up to date, with a plan in force and a token that may do everything it needs."""

    database_url: str
    token: str


def prepared(database_url: str, text: str, *, reachable: bool = False, clock: Clock | None = None) -> Installation:
    """Make an installation through the program's own commands; `reachable` people have an address for mail."""
    app = App(Settings(database_url=database_url), clock or SystemClock())
    app.prepare()
    rights = frozenset({"signals:write", "incidents:read", "incidents:write"})
    with app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, text, "what the measurements need", accept_large=True)
        _, secret = people_commands.make_token(tx, "bench", rights, None)
        for account in people.people(tx) if reachable else ():
            people.change_person(tx, account.handle, email=f"{account.handle}@bench.example")
    app.database.dispose()
    return Installation(database_url, secret)


@dataclass(frozen=True)
class Server:
    """A server process. `seconds_to_live` is how long it took from its start to its first answer."""

    port: int
    pid: int
    seconds_to_live: float


@contextmanager
def server(installation: Installation, log: Path, **settings: str) -> Iterator[Server]:
    """A server of its own process from its first answer until the block ends; its last words stand in `log`."""
    about = {"TOCSIN_DATABASE_URL": installation.database_url, "TOCSIN_LOG_LEVEL": "warning", **settings}
    with started(lambda _: COMMAND, about, log, "/livez") as one:
        yield one


@contextmanager
def started(
    command: Callable[[int], Sequence[str]], settings: dict[str, str], log: Path, path: str
) -> Iterator[Server]:
    """A process that answers at this path of a free port until the block ends."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation is compiled once, not at each start
    environment |= {"TOCSIN_PORT": str(port), **settings}
    began = stopwatch()
    with log.open("ab") as output:
        process = subprocess.Popen(command(port), cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_live(process, f"http://127.0.0.1:{port}{path}", log)
        yield Server(port, process.pid, stopwatch() - began)
    finally:
        _stop(process)


def _wait_until_live(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = stopwatch() + START_WITHIN
    while process.poll() is None and stopwatch() < until:
        if _is_live(url):
            return
        time.sleep(0.01)
    raise RuntimeError(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def _is_live(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
