"""How fast people are reached, as people and programs read it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Delivered, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import trials


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def tried(here: Served, handle: str = "ana", *, late: bool = False) -> None:
    """A test page to somebody; late, one that its provider has not taken."""
    with here.app.database.work(SYSTEM) as tx:
        way = people.add_contact(tx, handle, Channel.EMAIL, f"{handle}@phone.example", verified=True)
        one = trials.try_now(tx, handle, way.id)
        message = outbox.of_page(tx, one.id, 0)
        assert message is not None
        result = Retry("SMTP 451 come again") if late else Delivered()
        died = outbox.record(tx, message, result)
        receipts.attempted(tx, message, result, timedelta(0), gave_up=died)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every number, under its name and its labels in order, as a parser of the library's reads them."""
    return {
        (one.name, *(one.labels[label] for label in sorted(one.labels))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_the_page_says_how_fast_each_person_is_reached_and_what_the_plan_promises(here: Served) -> None:
    empty = Visitor(here, "ben").open("/reach")
    assert empty.says("Nothing was sent since") and empty.says("as the plan says") and empty.says("2 min")
    tried(here)
    page = Visitor(here, "ben").open("/reach?days=30")
    assert page.says("1 of 1 people") and page.says("Ana Okafor") and page.says("0.0 s")
    assert Visitor(here, "ben").open("/reach?days=never").status == 200
    assert here.get("/reach", follow_redirects=False).status_code in (302, 303)


def test_programs_read_the_same_numbers(here: Served) -> None:
    tried(here)
    tried(here, "ben", late=True)
    headers = here.bearer("metrics:read")
    found = here.get("/api/v1/metrics/reach", headers=headers).json()
    assert found["objective_seconds"] == 120
    known = {one["person"]: one for one in found["people"]}
    assert (known["ana"]["rounds"], known["ana"]["p95_seconds"], known["ana"]["kept"]) == (1, 0.0, True)
    assert known["ana"]["ways"][0]["accepted"] == {"count": 1, "p50_seconds": 0.0, "p95_seconds": 0.0}
    assert (known["ben"]["rounds"], known["ben"]["kept"], known["ben"]["p95_seconds"]) == (0, None, None)
    outside = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    before = here.get("/api/v1/metrics/reach", headers=headers, params=outside).json()
    assert {one["rounds"] for one in before["people"]} == {0}
    turned = {"from": outside["to"], "to": outside["from"]}
    assert here.get("/api/v1/metrics/reach", headers=headers, params=turned).status_code == 400


def test_prometheus_scrapes_the_reach_of_people_and_the_cover_of_rotas(here: Served) -> None:
    tried(here)
    answer = here.get("/api/v1/metrics/prometheus", headers=here.bearer("metrics:read", "plan:read"))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert found["tocsin_reach_objective_seconds",] == 120
    assert found["tocsin_reach_seconds", "ana", "0.95"] == 0 and found["tocsin_reach_rounds", "ana"] == 1
    assert found["tocsin_way_seconds", "email", "ana", "0.95", "accepted"] == 0
    assert found["tocsin_way_messages", "email", "test", "ana"] == 1
    assert ("tocsin_reach_seconds", "ben", "0.95") not in found  # nothing was sent, so nothing is said
    assert found["tocsin_messages_waiting",] == 0
    assert found["tocsin_coverage_holds",] in (0, 1)
    assert found["tocsin_coverage_gaps", "nobody"] > 0 or found["tocsin_coverage_holds",] == 1


def test_gaps_are_told_with_their_next_moment_and_to_readers_of_the_plan_alone(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=None)
    found = samples(here.get("/api/v1/metrics/prometheus", headers=here.bearer("metrics:read", "plan:read")).text)
    assert found["tocsin_coverage_holds",] == 0 and found["tocsin_coverage_gaps", "nobody"] > 0
    assert found["tocsin_coverage_next_gap_timestamp_seconds",] == here.app.clock.now().timestamp()
    alone = here.get("/api/v1/metrics/prometheus", headers=here.bearer("metrics:read"))
    assert alone.status_code == 200 and "coverage" not in alone.text
    assert here.get("/api/v1/metrics/prometheus", headers=here.bearer("plan:read")).status_code == 403
    assert here.get("/api/v1/metrics/prometheus").status_code == 401
