"""The public status page: what it says, to whom, how fresh it is, and that it stays up."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from litestar import Litestar
from litestar.datastructures import State

from tests.support.ending import see_all_pass
from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.web import status

PAGES = ["/status", "/status/history.atom", "/api/v2/summary.json", "/status/api/v2/incidents.json"]
SAID = {"impact": "Replies are slow.", "issue": "slow replies", "message": "Replies are slow.", "cause": "a slow store"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


class Seconds:
    """A stopwatch that moves when told."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


class Reader:
    """Somebody who reads the page and sees every change: each look comes long after the one before."""

    def __init__(self, here: Served) -> None:
        self.here = here
        self.seconds = Seconds()
        asgi: Any = Litestar(
            status.routes(status.Board(self.seconds)), state=State({"tocsin": here.app}), openapi_config=None
        )
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=asgi), base_url="http://status.test")

    def get(self, path: str, *, later: float = 60.0, method: str = "GET", **more: Any) -> httpx2.Response:
        self.seconds.passed += later
        return self.here.run(self.client.request(method, path, **more))


@pytest.fixture
def reader(here: Served) -> Reader:
    return Reader(here)


class Team:
    """People who work on incidents through the API."""

    def __init__(self, here: Served) -> None:
        self.here = here
        self.headers = here.bearer(*EVERY_RIGHT, name="robot")
        with here.app.database.read(SYSTEM) as tx:
            self.plan = plans.current(tx)
        self.public = next(name for name, one in self.plan.communication.audiences.items() if one.public)
        self.private = next(name for name, one in self.plan.communication.audiences.items() if not one.public)

    def post(self, path: str, body: Any) -> Any:
        answer = self.here.post(f"/api/v1{path}", json=body, headers=self.headers)
        assert answer.is_success, answer.text
        return answer.json()

    def declare(self, title: str = "qdrant-7 gone (secret-title)", **changes: Any) -> str:
        kind = next(name for name, one in self.plan.types.items() if not one.private)
        words = {"title": title, "severity": "P1", "type": kind, "service": next(iter(self.plan.services))}
        found: str = self.post("/incidents", {**words, **changes})["id"]
        return found

    def tell(self, incident: str, stage: str, **fields: str) -> None:
        self.post(
            f"/incidents/{incident}/updates", {"audience": self.public, "stage": stage, "fields": {**SAID, **fields}}
        )


@pytest.fixture
def team(here: Served) -> Team:
    return Team(here)


def text(answer: httpx2.Response) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


# ---- What it says ----


def test_when_nothing_is_broken_it_says_so(reader: Reader, team: Team) -> None:
    answer = reader.get("/status")
    assert answer.status_code == 200
    assert "Everything works." in text(answer) and "No incidents." in text(answer)
    for service in team.plan.services.values():
        for component in service.components.values():
            assert f"{component.name} Operational" in text(answer)


def test_an_incident_is_shown_with_its_stages_and_updates_newest_first(
    here: Served, reader: Reader, team: Team
) -> None:
    incident = team.declare()
    team.tell(incident, "investigating", impact="Rose forgets.")
    here.clock.advance_to(here.clock.now() + timedelta(minutes=7))
    team.tell(incident, "identified", impact="The store is away.")
    page = text(reader.get("/status"))
    assert "Everything works." not in page
    assert "Slow replies" in page
    assert "Done Investigating Now: Identified Next: Monitoring Later: Resolved" in page
    assert page.index("Identified 03:41 UTC , just now") < page.index("Investigating 03:34 UTC , 7 min ago")
    assert "03:41 UTC · Identified" not in page  # how the plan's own wording begins; once is enough


def test_components_show_what_the_incident_does_to_them(reader: Reader, team: Team) -> None:
    service = next(iter(team.plan.services))
    key, component = next(iter(team.plan.services[service].components.items()))
    worst = next(iter(team.plan.severities))
    team.tell(team.declare(severity=worst, components=[key]), "investigating")
    page = text(reader.get("/status"))
    assert f"{component.name} is down. Everything else works." in page
    assert f"{component.name} Major outage" in page


def test_what_is_over_moves_to_the_past_and_leaves_after_two_weeks(here: Served, reader: Reader, team: Team) -> None:
    incident = team.declare()
    team.tell(incident, "investigating")
    here.clock.advance_to(here.clock.now() + timedelta(minutes=38))
    with here.app.database.work(access.local_operator("operator")) as tx:
        see_all_pass(tx, incident)
    team.post(f"/incidents/{incident}/resolve", {"how": "Mended."})
    team.tell(incident, "resolved")
    page = text(reader.get("/status"))
    assert "Everything works." in page
    assert "24 Nov." in page and "38 min" in page
    address = re.search(r'href="(/status/i/\w+)"', reader.get("/status").text)
    assert address is not None
    here.clock.advance_to(here.clock.now() + timedelta(days=15))
    assert "No incidents." in text(reader.get("/status"))
    assert "Slow replies" in text(reader.get(address[1]))
    here.clock.advance_to(here.clock.now() + timedelta(days=200))
    old = reader.get("/status/history/2026-11")
    assert "Slow replies" in text(old) and "Replies are slow." in text(old) and "secret-title" not in old.text
    assert "Investigating" in text(old) and "En cours" in text(reader.get("/status/fr/history/2026-11"))
    assert reader.get("/status/history/2026-10").status_code == 404
    for path in ("/api/v2/history", "/status/api/v2/history"):
        assert reader.get(f"{path}.json").json()["months"][-1]["month"] == "2026-11"
        (found,) = reader.get(f"{path}/2026-11.json").json()["incidents"]
        assert (found["name"], found["status"]) == ("Slow replies", "resolved")
        assert reader.get(f"{path}/2026-10.json").status_code == 404


def test_an_incident_has_an_address_of_its_own_that_the_json_names(reader: Reader, team: Team) -> None:
    team.tell(team.declare(), "investigating")
    (incident,) = reader.get("/api/v2/incidents/unresolved.json").json()["incidents"]
    base = "https://tocsin.example.org"
    assert incident["shortlink"].startswith(f"{base}/status/i/")
    answer = reader.get(incident["shortlink"].removeprefix(base))
    assert answer.status_code == 200 and "Slow replies" in text(answer)
    missing = reader.get("/status/i/nothing")
    assert missing.status_code == 404 and "There is no such page." in text(missing)


def test_nothing_internal_is_shown(reader: Reader, team: Team) -> None:
    incident = team.declare(impact="secret-impact")
    team.post(f"/incidents/{incident}/notes", {"text": "secret-note"})
    team.post(f"/incidents/{incident}/decisions", {"decision": "secret-decision", "because": "secret-reason"})
    fields = {name: "secret-update" for name in ("impact", "actions", "next", "eta", "issue", "cause", "message")}
    team.post(f"/incidents/{incident}/updates", {"audience": team.private, "fields": fields})
    silent = [reader.get(path) for path in PAGES]
    assert all("Slow replies" not in answer.text for answer in silent)  # nothing public was posted yet
    team.tell(incident, "investigating")
    for path in PAGES:
        answer = reader.get(path)
        assert "Slow replies" in answer.text or path == "/status/history.atom"
        assert "secret-" not in answer.text and incident not in answer.text and "robot" not in answer.text


def test_a_private_kind_of_incident_is_never_shown(reader: Reader, team: Team) -> None:
    private = [name for name, one in team.plan.types.items() if one.private]
    for kind in private:
        team.declare("A leak of data", type=kind)
    assert private
    assert all("A leak of data" not in reader.get(path).text for path in PAGES)


def test_what_people_wrote_is_text_and_never_markup(reader: Reader, team: Team) -> None:
    team.tell(team.declare(), "investigating", issue="<script>alert(1)</script>", impact="<img src=x>\n\nSecond <b>")
    page = reader.get("/status")
    assert "<script" not in page.text and "<img src=x" not in page.text
    assert "<script>alert(1)</script>" in text(page)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")


def test_the_feed_is_atom(reader: Reader, team: Team) -> None:
    team.tell(team.declare(), "investigating")
    answer = reader.get("/status/history.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 1


def test_the_page_works_without_a_script(reader: Reader, team: Team) -> None:
    team.tell(team.declare(), "investigating")
    assert "<script" not in reader.get("/status").text


# ---- The JSON that others read ----


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("summary", {"page", "components", "incidents", "scheduled_maintenances", "status"}),
        ("status", {"page", "status"}),
        ("components", {"page", "components"}),
        ("incidents", {"page", "incidents"}),
        ("incidents/unresolved", {"page", "incidents"}),
        ("scheduled-maintenances", {"page", "scheduled_maintenances"}),
    ],
)
def test_each_form_of_the_json_is_open_to_any_page(reader: Reader, name: str, keys: set[str]) -> None:
    for base in ("/api/v2", "/status/api/v2"):
        answer = reader.get(f"{base}/{name}.json")
        assert set(answer.json()) == keys
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"].startswith("application/json")


# ---- How it is served ----


def test_a_reader_who_takes_it_compressed_gets_a_quarter_of_it(reader: Reader) -> None:
    plain = reader.get("/status", headers={"Accept-Encoding": "identity"})
    small = reader.get("/status", later=0, headers={"Accept-Encoding": "br, gzip"})
    assert small.text == plain.text and small.headers["content-encoding"] == "gzip"
    assert 3 * int(small.headers["content-length"]) < int(plain.headers["content-length"])
    assert small.headers["etag"] != plain.headers["etag"]
    assert "accept-encoding" in plain.headers["vary"] and "accept-encoding" in small.headers["vary"]
    known = {"Accept-Encoding": "gzip", "If-None-Match": small.headers["etag"]}
    assert reader.get("/status", later=0, headers=known).status_code == 304


@pytest.mark.parametrize("path", PAGES)
def test_a_reader_who_has_it_is_told_that_nothing_changed(reader: Reader, team: Team, path: str) -> None:
    first = reader.get(path)
    etag = first.headers["etag"]
    assert "public" in first.headers["cache-control"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = reader.get(path, later=0, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "content-length" not in again.headers
    team.tell(team.declare(), "investigating")
    changed = reader.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200 and changed.headers["etag"] != etag


def test_only_reading_is_possible(reader: Reader) -> None:
    head = reader.get("/status", method="HEAD", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(reader.get("/status", later=0).content)
    for method in ("POST", "PUT", "DELETE"):
        answer = reader.get("/status", method=method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_it_is_never_older_than_a_second(reader: Reader, team: Team) -> None:
    reader.get("/status")
    team.tell(team.declare(), "investigating")
    assert "Slow replies" not in reader.get("/status", later=0.4).text  # as it was rendered, cheaply
    assert "Slow replies" in reader.get("/status", later=0.6).text


def test_what_the_page_does_not_know_yet_is_looked_for_again(here: Served, reader: Reader, team: Team) -> None:
    """Whoever is told of an incident and follows the link at once finds it."""
    reader.get("/status")
    team.tell(team.declare(), "investigating")
    address = re.search(r'href="(/status/i/\w+)"', Reader(here).get("/status").text)
    assert address and "Slow replies" in text(reader.get(address[1], later=0.2))
    assert reader.get("/status/i/nothing", later=0.2).status_code == 404


def test_half_a_second_old_it_is_shown_while_it_is_rendered_again(here: Served, reader: Reader, team: Team) -> None:
    reader.get("/status")
    team.tell(team.declare(), "investigating")

    async def look_and_let_it_render() -> tuple[httpx2.Response, httpx2.Response]:
        reader.seconds.passed += 0.7
        first = await reader.client.get("/status")
        others = asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}
        await asyncio.gather(*others)
        return first, await reader.client.get("/status")

    first, second = here.run(look_and_let_it_render())
    assert "Slow replies" not in first.text
    assert "Slow replies" in second.text


def test_when_the_database_is_away_the_last_page_stays_up_and_says_its_age(here: Served, reader: Reader) -> None:
    shown = reader.get("/status")
    assert "age" not in shown.headers
    here.take_database_away()
    for later in (60.0, 0.1, 1.4):
        answer = reader.get("/status", later=later)
        assert (answer.status_code, answer.text) == (200, shown.text)
    assert answer.headers["age"] == "61"


def test_when_there_is_no_last_page_it_asks_to_come_again(here: Served, reader: Reader) -> None:
    here.take_database_away()
    for path in PAGES:
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_it_is_part_of_the_application(here: Served) -> None:
    for path in PAGES:
        answer = here.get(path)
        assert answer.status_code == 200 and "set-cookie" not in answer.headers  # shared caches may keep it
    assert here.get("/status/").status_code == 200
    css = re.search(r'href="(/status/status\.css[^"]*)"', here.get("/status").text)
    assert css is not None and here.get(css[1]).status_code == 200
