"""The public page on the wire and on the disk: what a visit weighs, and how long it takes to publish all of it."""

import gzip
import http.client
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

from bench import installation, status
from bench.measure import Measured, percentile
from tests.support.plans import load
from tocsin.comms.statuspage import PublicIncident, PublicUpdate, component_id, public_page, stable_id
from tocsin.kit.clock import stopwatch
from tocsin.plan.model import Plan, Stage
from tocsin.plan.publicpage import StatusPage
from tocsin.status.folder import Folder
from tocsin.status.site import Site, published

FIRST, RETURN = 60_000, 10_000  # bytes
INCIDENTS, DAYS = 200, 90
NOW = datetime(2026, 11, 24, 3, 41, tzinfo=UTC)
ASSETS = re.compile(r'(?:<link rel="(?:stylesheet|icon)" href|<img src)="([^"]+)"')
SCRIPTS = re.compile(r"<script\b")
TIMES = 3
DYNAMIC = "https://tocsin.example.org/status"


def weight() -> list[Measured]:
    """A first visit during an incident, and one a minute later, as a browser makes them."""
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        with installation.server(made, folder / "log") as server:
            status.posted(server.port, made.token)
            visit = _Visit(server.port)
            first, page = visit.whole()
            again, _ = visit.whole()
    scripts = len(SCRIPTS.findall(page))
    if scripts:
        raise RuntimeError(f"the page asks for {scripts} scripts; it is to be read without any")
    about: dict[str, object] = {"requests": visit.requests, "scripts": scripts, "page_bytes": len(page.encode())}
    return [
        Measured(name="first visit", value=first, unit="B", target=FIRST, less_is_better=True, about=about),
        Measured(name="return visit", value=again, unit="B", target=RETURN, less_is_better=True),
    ]


class _Visit:
    """A browser: it takes what is compressed, asks again only for what it must, and says what it has."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._tags: dict[str, str] = {}
        self._for_good: set[str] = set()
        self.requests = 0

    def whole(self) -> tuple[int, str]:
        """All bytes of a visit, heads included, and the page. The page itself counts in full: its clock has moved."""
        self._tags.pop(status.PATHS["status page"], None)
        size, body = self._get(status.PATHS["status page"])
        page = _unpacked(body)
        links = dict.fromkeys(urljoin(status.PATHS["status page"], link) for link in ASSETS.findall(page))
        return size + sum(self._get(link)[0] for link in links if link not in self._for_good), page

    def _get(self, path: str) -> tuple[int, bytes]:
        self.requests += 1
        headers = {"Accept-Encoding": "gzip", **({"If-None-Match": self._tags[path]} if path in self._tags else {})}
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        self._tags[path] = answer.headers["etag"]
        if "immutable" in answer.headers["cache-control"]:
            self._for_good.add(path)
        return len(str(answer.headers).encode()) + len(body), body


def _unpacked(body: bytes) -> str:
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()


# ---- Publishing ----


def publishing() -> list[Measured]:
    """Ninety days with two hundred incidents, in every language, from what is public to the last file."""
    with installation.folder() as folder:
        shown, taken, floor, count = _site(), [], [], 0
        for number in range(TIMES):
            taken.append(_seconds(partial(_publish, shown, folder / str(number))))
            files = {name: one.body for name, one in published(shown, DYNAMIC)}
            floor.append(_seconds(partial(_written, folder / f"bare-{number}", files)))
            count = len(files)
    about: dict[str, object] = {"files": count, "incidents": INCIDENTS, "worst_s": max(taken)}
    value = percentile(taken, 50)
    row = Measured(
        name="publishing",
        value=value,
        unit="s",
        target=2,
        less_is_better=True,
        floor=percentile(floor, 50),
        about=about,
    )
    return [row]


def _publish(shown: Site, to: Path) -> None:
    Folder(to).publish(dict(published(shown, DYNAMIC)))


def _site() -> Site:
    plan = load(installation.ROOT / "src/tocsin/plans/rose.yaml")
    incidents = [_incident(plan, number) for number in range(INCIDENTS)]
    page = public_page(plan, plan.name, "https://status.example.org", incidents, NOW - timedelta(days=200))
    return Site(page, StatusPage(), NOW)


def _incident(plan: Plan, number: int) -> PublicIncident:
    began = NOW - timedelta(days=DAYS) * (number + 1) / (INCIDENTS + 1)
    service = next(iter(plan.services))
    keys = list(plan.services[service].components)
    steps = [(stage, began + timedelta(minutes=20 * place)) for place, stage in enumerate(Stage)]
    updates = [
        PublicUpdate(
            id=stable_id(str(number), stage), stage=stage, body="We say what we know. " * 8, at=at, impact="major"
        )
        for stage, at in steps
    ]
    return PublicIncident(
        id=stable_id("incident", str(number)),
        name=f"Trouble number {number}",
        impact="major",
        stage=Stage.RESOLVED,
        components=(component_id(service, keys[number % len(keys)]),),
        updates=tuple(updates[::-1]),
        started_at=began,
        created_at=began,
        updated_at=updates[-1].at,
        resolved_at=updates[-1].at,
        course=((began, "major"), (updates[-1].at, "none")),
    )


def _written(folder: Path, files: dict[str, bytes]) -> None:
    """Only writing the same files."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _seconds(act: Callable[[], None]) -> float:
    began = stopwatch()
    act()
    return stopwatch() - began
