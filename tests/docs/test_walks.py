"""The walks that the README and the tutorial have a person type, typed as they stand, against real processes."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.server import Server, running_server, wait_until
from tests.support.shell import Shell
from tests.support.standin import quick_plan, stand_in

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
REFUSALS = ("Not yet", "Not verified yet", "Not final yet", "may waive")  # what the pages say will be refused


@dataclass
class Walk:
    """A rehearsal as the page describes it, but on ports of its own, and with a plan that does not keep one waiting."""

    shell: Shell
    server: Server
    ports: dict[str, str]  # the one the page names → the one it is here

    def enter(self, command: str) -> str:
        for usual, here in self.ports.items():
            command = command.replace(usual, here)
        code, said = self.shell.enter(command)
        assert code == 0 or any(one in said for one in REFUSALS), f"{command}\n{said}"
        return said

    def kill(self) -> None:
        self.server.kill()
        self.server.start()

    def incident(self) -> dict[str, Any]:
        with self.server.client() as client:
            found = client.get("/api/v1/incidents").raise_for_status().json()["incidents"]
            return dict(found[0]) if found else {}

    def wait_for(self, status: str) -> None:
        wait_until(lambda: self.incident().get("status") == status, what=f"an incident that is {status}")


@contextmanager
def walking(folder: Path, watch: str) -> Iterator[Walk]:
    plans = folder / "src" / "tocsin" / "plans"
    plans.mkdir(parents=True)
    (folder / "var").mkdir()
    with stand_in() as at:
        plan = quick_plan(at.rose).replace("watch_for: 30 min", watch)
        (plans / "rose.yaml").write_text(plan, encoding="utf-8")
        url = f"sqlite:///{folder / 'var' / 'tocsin.db'}"
        with running_server(folder, url, at.smtp_port, plan=plan) as server:
            ports = {"127.0.0.1:8000": server.url.removeprefix("http://")}
            ports |= {"127.0.0.1:8800": at.control.removeprefix("http://"), "watch_for: 2 min": "watch_for: 3 s"}
            kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
            with Shell(folder, {**kept, **server.environment, "COLUMNS": "160"}) as shell:
                yield Walk(shell, server, ports)


def commands(page: str, begin: str, end: str) -> Iterator[str]:
    """Every command of a part of a page, in order; what goes over several lines is one."""
    part = (ROOT / page).read_text("utf-8").partition(begin)[2].partition(end)[0]
    for block in BLOCK.findall(part):
        yield from filter(None, block.replace("\\\n", " ").splitlines())


def follow(walk: Walk, lines: Iterator[str], instead: dict[str, Callable[[], object]]) -> list[str]:
    """Type the lines; a line that begins with one of these words is done by the function, or follows it."""
    said = []
    for line in lines:
        for words, act in instead.items():
            if line.startswith(words):
                act()
        if not line.startswith(("alias", "kill", "make")):
            said.append(walk.enter(line))
    return said


def test_the_walk_of_the_readme_can_be_typed(tmp_path: Path) -> None:
    with walking(tmp_path, "watch_for: 3 s") as walk:
        said = follow(
            walk,
            commands("README.md", "## The walk", "## What it is"),
            {
                "export": lambda: walk.wait_for("investigating"),
                "kill": walk.kill,
                "for part in": lambda: walk.wait_for("resolved"),
            },
        )
        assert walk.incident()["status"] == "closed"
        assert any("the team is not thanked" in one for one in said), "closing was never refused"
        assert any("200" in one for one in said), "nobody answered by the link"
        assert len(said) >= 25


def test_the_walk_of_the_tutorial_can_be_typed(tmp_path: Path) -> None:
    with walking(tmp_path, "watch_for: 30 min") as walk:
        told = {"id": ""}

        def declared() -> None:
            walk.wait_for("investigating")
            told["id"] = walk.ports["INCIDENT"] = walk.incident()["id"]

        said = follow(
            walk,
            commands("docs/tutorial/first-incident.md", "## Start", "## And then"),
            {
                "tocsin incidents": declared,
                "kill": walk.kill,
                "for part in": lambda: walk.wait_for("resolved"),
            },
        )
        assert walk.incident()["status"] == "closed" and walk.incident()["id"] == told["id"]
        assert any("Not verified yet" in one for one in said) and any("Not yet" in one for one in said)
        page = httpx2.get(f"{walk.server.url}/api/v2/incidents.json").json()
        assert page["incidents"][0]["status"] == "resolved"
