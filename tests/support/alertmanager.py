"""A real Prometheus Alertmanager on this machine, for the story in which it sends what it really sends."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

PROGRAM = "prometheus-alertmanager"
START_WITHIN = 60.0  # seconds; generous, since a machine under test may be slow

needs_alertmanager = pytest.mark.needs(PROGRAM)

_LISTENING = re.compile(r'msg="Listening on" address=(\S+)')


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager."""

    url: str

    def push(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Hand it alerts as Prometheus would, each with `labels` and, where wanted, `annotations` and `endsAt`."""
        httpx2.post(f"{self.url}/api/v2/alerts", json=list(alerts)).raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        """What it holds to be firing."""
        answer = httpx2.get(f"{self.url}/api/v2/alerts").raise_for_status()
        return list(answer.json())


@contextmanager
def running_alertmanager(config: str, folder: Path) -> Iterator[Alertmanager | None]:
    """Run it with this YAML and its data in this folder until the block ends; None where the program is missing."""
    program = shutil.which(PROGRAM)
    if program is None:
        yield None
        return
    file = folder / "alertmanager.yml"
    file.write_text(config)
    command = [
        program,
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            url = f"http://{_address(process.stderr)}"
            httpx2.get(f"{url}/-/ready", timeout=START_WITHIN).raise_for_status()
            yield Alertmanager(url)
        finally:
            process.kill()


def _address(log: IO[str]) -> str:
    """Where it listens, as it says itself: it chose the port."""
    found: Future[str] = Future()
    threading.Thread(target=_read, args=(log, found), daemon=True).start()
    return found.result(START_WITHIN)


def _read(log: IO[str], found: Future[str]) -> None:
    """Read the log to its end, so that the program never waits for a reader."""
    lines = []
    for line in log:
        lines.append(line)
        match = _LISTENING.search(line)
        if match is not None and not found.done():
            found.set_result(match[1])
    if not found.done():
        found.set_exception(RuntimeError(f"{PROGRAM} did not start:\n" + "".join(lines)))
