"""The public page in a rush, while an incident goes on: how many readers a second, and is what they read fresh?"""

import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import installation, load, nginx
from bench.installation import Server
from bench.load import Load
from bench.measure import Measured
from tocsin.kit.clock import stopwatch

PATHS = {"status page": "/status", "status json": "/api/v2/summary.json"}
READERS = 32
SECONDS = 4.0
POST_EVERY = 0.5
LOOK_EVERY = 0.05
OLDEST = 1.0  # seconds that an answer may lag behind the record
PER_SECOND = 5000.0
OF_NGINX = 0.3
BARE = (sys.executable, "-m", "uvicorn", "bench.bare:app", "--no-access-log", "--log-level", "warning")
MARK = re.compile(rb"mark-(\d+)")


@dataclass
class Freshness:
    """When each update was on the record, and by how much what was read lagged behind that."""

    posted_at: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    failed: BaseException | None = None

    def saw(self, body: bytes, asked_at: float) -> None:
        """The newest update in this answer is so old as the first one that it lacks."""
        newest = max((int(number) for number in MARK.findall(body)), default=-1)
        missing = self.posted_at[newest + 1 :]
        self.lags.append(max(0.0, asked_at - missing[0]) if missing else 0.0)


def readers() -> list[Measured]:
    """Load on the page and on its JSON, while updates are posted and somebody compares."""
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        with installation.server(made, folder / "log") as server:
            freshness = Freshness()
            floor = bare_rate(folder / "log")
            with _going_on(freshness, server.port, made.token):
                return [
                    row
                    for name, path in PATHS.items()
                    for row in _measured(name, path, server, made.token, freshness, floor)
                ]


def bare_rate(log: Path) -> float:
    """What a server that only ever says the same gives under this load."""
    with installation.started(lambda port: (*BARE, "--port", str(port)), {}, log, "/") as bare:
        return load_of(bare.port, "/", "", SECONDS / 2)


def _measured(
    name: str, path: str, server: Server, token: str, freshness: Freshness, floor: float
) -> Iterator[Measured]:
    freshness.lags.clear()
    with _compared(freshness, server.port, path):
        rate = load_of(server.port, path, token)
    beside = _beside_nginx(path, server.port)
    if freshness.failed is not None:
        raise freshness.failed
    worst = max(freshness.lags)
    if worst > OLDEST:
        raise RuntimeError(f"{path} showed what was {worst:.2f} s old")
    about: dict[str, object] = {"oldest_s": round(worst, 3), "looks": len(freshness.lags)}
    about["nginx"] = nginx.NOT_RUN if beside is None else round(beside)
    yield Measured(name=name, value=rate, unit="requests/s", floor=floor, target=PER_SECOND, about=about)
    if beside is not None:
        yield Measured(name=f"{name}, beside nginx", value=rate / beside, unit="of its rate", target=OF_NGINX)


def _beside_nginx(path: str, port: int) -> float | None:
    """What nginx gives under the same load with the bytes that the server has just given; None where there is none."""
    if not nginx.is_there():
        return None
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        body = answer.read()
    with installation.folder() as folder, nginx.serving(folder, {path: body}, folder / "log") as its_port:
        return load_of(its_port, path, "", SECONDS / 2)


def load_of(port: int, path: str, token: str, seconds: float = SECONDS) -> float:
    """Answered requests a second; from wrk if it is installed, since that leaves more of the machine to the server."""
    if shutil.which("wrk") is None:
        sent = load.run(Load([port], token, seconds, READERS, 1, path))
        return sent.accepted / sent.seconds
    command = ["wrk", "-t1", f"-c{READERS}", f"-d{seconds:.0f}s", f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"not every reader was answered:\n{said}")
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", said)
    return float(rate)


@contextmanager
def _going_on(freshness: Freshness, port: int, token: str) -> Iterator[None]:
    """An incident, and an update to the public about it twice a second."""
    post_update = posted(port, token)

    def post() -> None:
        post_update(f"replies hang, mark-{len(freshness.posted_at):05}")
        freshness.posted_at.append(stopwatch())

    post()
    time.sleep(OLDEST)
    with _repeated(freshness, post, POST_EVERY):
        yield


def posted(port: int, token: str) -> Callable[[str], object]:
    """Declare an incident and tell the public of it. Returns what posts another update about this issue."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    about = {"title": "Voice replies hang", "severity": "P1", "type": "external_api_failure", "service": "rose"}
    number = _post(connection, token, "/api/v1/incidents", about)["id"]

    def post(issue: str) -> object:
        update = {"audience": "public", "stage": "investigating"}
        fields = {"issue": issue, "impact": "answers come late"}
        return _post(connection, token, f"/api/v1/incidents/{number}/updates", {**update, "fields": fields})

    post("replies hang")
    return post


def _post(connection: http.client.HTTPConnection, token: str, path: str, body: object) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"POST {path} was answered with {answer.status}: {text.decode()}")
    read: dict[str, object] = json.loads(text)
    return read


@contextmanager
def _compared(freshness: Freshness, port: int, path: str) -> Iterator[None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def look() -> None:
        asked_at = stopwatch()
        connection.request("GET", path)
        freshness.saw(connection.getresponse().read(), asked_at)

    with _repeated(freshness, look, LOOK_EVERY):
        yield


@contextmanager
def _repeated(freshness: Freshness, act: Callable[[], None], every: float) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        try:
            while not over.wait(every):
                act()
        except Exception as error:  # noqa: BLE001 - raised again by whoever started this
            freshness.failed = error

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
