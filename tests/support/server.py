"""A real server in a process of its own, so that it can be killed, started again, and doubled."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2

from tocsin import settings
from tocsin.app import App
from tocsin.kit.clock import SystemClock
from tocsin.people import access, commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole

START_WITHIN = 60.0  # seconds; generous, since a machine under test may be slow
NO_TLS = False  # the addresses are http, and reading the authorities for nothing costs more than the whole request
OPERATOR = access.local_operator("operator")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], Any], within: float = START_WITHIN, what: str = "it") -> Any:
    """Wait for something that another process does, looking often. Returns what was found."""
    until = time.monotonic() + within
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < until, f"{what} did not happen within {within} s"
        time.sleep(0.05)


@dataclass
class Server:
    """The program with these settings. Its database may be asked from here as well."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['TOCSIN_PORT']}"

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "serve"],
                env={**kept, **self.environment},
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
            )
        wait_until(self.answers, what="the server's first answer")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(httpx2.get(f"{self.url}/livez", timeout=5, verify=NO_TLS).is_success)
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """As `kill -9` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def client(self) -> httpx2.Client:
        """The API, with a token that may do everything."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=20, verify=NO_TLS)

    def app(self) -> App:
        return App(settings.read(self.environment), SystemClock())

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Read the server's database, as the operator of its machine may."""
        app = self.app()
        try:
            with app.database.read(OPERATOR) as tx:
                return question(tx, *arguments)
        finally:
            app.database.dispose()

    def prepare(self) -> None:
        """Set up the database: an address for everybody in the plan, and a token."""
        app = self.app()
        try:
            app.prepare()
            with app.database.work(OPERATOR) as tx:
                for account in people.people(tx):
                    address = f"{account.handle}@rose.example"
                    people.change_person(tx, account.handle, email=address, role=AccountRole.ADMINISTRATOR)
                _, self.token = commands.make_token(tx, "stories", access.SCOPES, None)
        finally:
            app.database.dispose()


@contextlib.contextmanager
def running_server(
    folder: Path, database_url: str, smtp_port: int, *, plan: str | None = None, **more: str
) -> Iterator[Server]:
    """A prepared server that runs until the block ends."""
    server = new_server(folder, database_url, smtp_port, plan=plan, **more)
    server.prepare()
    try:
        server.start()
        yield server
    finally:
        server.stop()


def new_server(folder: Path, database_url: str, smtp_port: int, *, plan: str | None = None, **more: str) -> Server:
    port = free_port()
    environment = {
        "TOCSIN_PORT": str(port),
        "TOCSIN_DATABASE_URL": database_url,
        "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=no",
        **more,
    }
    if plan is not None:
        file = folder / "plan.yaml"
        file.write_text(amid_a_turn(plan, SystemClock().now().date()), encoding="utf-8")
        environment["TOCSIN_PLAN"] = str(file)
    return Server(environment, folder / f"server-{port}.log")


def amid_a_turn(plan: str, today: date) -> str:
    """The plan with its rotas in the middle of their second turn, whatever day it is: a server of its own goes by the
    clock on the wall, and on the day before a handoff it would send mails that no test asked for."""
    return re.sub(r"starts_on: \d{4}-\d\d-\d\d", f"starts_on: {today - timedelta(days=10)}", plan)
