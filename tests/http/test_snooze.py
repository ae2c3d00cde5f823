"""Saying that one will be silent: on the page of the incident and through the API."""

import re
from collections.abc import Iterator

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tests.support.world import QUIET
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.response import commands

QUIETLY = re.sub(r"(    escalation: \w+\n)", r"\1    silent_after: 20 min\n    snooze_most: 2 h\n", QUIET)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # 24 November 2026, 03:34 UTC
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, QUIETLY, "silence", accept_large=True)
        yield one


@pytest.fixture
def incident(here: Served) -> Incident:
    about = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}
    ben = access.local_operator("ben")
    one = here.app.database.run(ben, lambda tx: commands.declare(tx, **about))
    return here.app.database.run(ben, lambda tx: commands.acknowledge(tx, one.id))


def test_a_responder_snoozes_it_on_its_page_and_the_room_says_so(here: Served, incident: Incident) -> None:
    room, ben = f"/incidents/{incident.id}", Visitor(here, "ben")
    assert ben.open(room).form(f"{room}/snooze").fields["snooze.until"] == ["2026-11-24T05:34"]
    late = ben.do(room, f"{room}/snooze", **{"snooze.until": "2026-11-24T09:00", "snooze.because": "the vendor"})
    assert late.status == 400 and late.says("2 h at the most") and 'href="#snooze-until"' in late.html
    done = ben.do(room, f"{room}/snooze", **{"snooze.until": "2026-11-24T05:00", "snooze.because": "the vendor"})
    assert done.status == 303
    page = Visitor(here, "erin").open(room)
    assert page.says("Ben Halvorsen snoozed it until") and page.says("by Ben Halvorsen") and "/snooze" not in page.html


def test_a_snooze_over_the_api(here: Served, incident: Incident) -> None:
    headers = here.bearer("incidents:read", "incidents:write", name="ben", person="ben")
    path = f"/api/v1/incidents/{incident.id}/snooze"
    late = {"until": "2026-11-24T09:00:00Z", "because": "the vendor"}
    assert here.post(path, json=late, headers=headers).status_code == 400
    found = here.post(path, json={**late, "until": "2026-11-24T05:00:00Z"}, headers=headers).json()
    assert (found["snoozed_by"], found["snoozed_until"], found["asked_again_at"]) == (
        "ben",
        "2026-11-24T05:00:00Z",
        None,
    )
    other = here.bearer("incidents:read", "incidents:write", name="lucia", person="lucia")
    assert here.post(path, json={**late, "until": "2026-11-24T05:00:00Z"}, headers=other).status_code == 409


def test_a_snooze_is_ended_on_its_page_and_over_the_api(here: Served, incident: Incident) -> None:
    room, ben = f"/incidents/{incident.id}", Visitor(here, "ben")
    headers = here.bearer("incidents:read", "incidents:write", name="ben", person="ben")
    path, until = f"/api/v1/incidents/{incident.id}/snooze", {"until": "2026-11-24T05:00:00Z", "because": "the vendor"}
    assert here.post(f"{path}/end", json={}, headers=headers).status_code == 409
    for end in ("page", "api"):
        assert here.post(path, json=until, headers=headers).status_code == 200
        if end == "page":
            assert ben.do(room, f"{room}/wake", **{"wake.because": "it is done"}).status == 303
        else:
            assert (
                here.post(f"{path}/end", json={"because": "it is done"}, headers=headers).json()["snoozed_by"] is None
            )
        page = ben.open(room)
        assert page.says("ended the snooze: it is done") and f"{room}/wake" not in page.html
    assert here.post(f"{path}/end", json={}, headers=here.bearer("incidents:read")).status_code == 403
