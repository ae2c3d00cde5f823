"""Being on call through all three faces: the page, the API and the command line."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.shifts import hours
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import store
from tocsin.plan import store as plans

MINE = {"rotation": "commander", "starts_at": "2026-11-24T05:00:00Z", "ends_at": "2026-11-24T09:00:00Z"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # Tuesday, 24 November 2026, 03:34 UTC; Ana is on call, Ben commands
        yield one


def holder(here: Served, rotation: str) -> tuple[str, ...]:
    with here.app.database.read(SYSTEM) as tx:
        return store.rotas(tx, plans.current(tx)).holders(rotation, tx.now)


# ---- The page --------------------------------------------------------------------------------------------------------


def test_one_takes_a_rota_and_gives_it_back_on_the_page(here: Served) -> None:
    ben = Visitor(here, "ben")
    typed = {
        "rotation": "on_call",
        "starts_at": "2026-11-24T03:00",
        "ends_at": "2026-11-24T06:00",
        "reason": "Ana flies",
    }
    assert ben.do("/oncall", "/oncall/overrides", **typed).onward == "/oncall?done=override"
    assert holder(here, "on_call") == ("ben",)
    page = ben.open("/oncall")
    assert page.says("Ana flies") and page.says("Arranged by Ben Halvorsen")
    with here.app.database.read(SYSTEM) as tx:
        (made,) = store.latest_overrides(tx, 5)
    done = ben.do("/oncall", f"/oncall/overrides/{made.id}/cancel", reason="her flight is off")
    assert done.onward == "/oncall?done=override_off"
    assert holder(here, "on_call") == ("ana",)
    assert ben.open("/oncall").says("cancelled by Ben Halvorsen: her flight is off")


def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(here: Served) -> None:
    ben = Visitor(here, "ben")
    typed = {
        "rotation": "on_call",
        "starts_at": "2026-11-24T06:00",
        "ends_at": "2026-11-24T05:00",
        "reason": "Ana flies",
    }
    again = ben.do("/oncall", "/oncall/overrides", **typed)
    assert again.status == 400 and 'href="#take-ends_at"' in again.html
    assert again.form("/oncall/overrides").fields["reason"] == ["Ana flies"]
    assert holder(here, "on_call") == ("ana",)


def test_a_swap_is_asked_for_and_accepted_on_the_page(here: Served) -> None:
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    shift = next(one for one in ana.open("/oncall").form("/oncall/swaps").fields["gives"])
    asked = ana.do("/oncall", "/oncall/swaps", gives=shift, other="ben", takes="", reason="a concert")
    assert asked.onward == "/oncall?done=swap_asked"
    with here.app.database.read(SYSTEM) as tx:
        (swap,) = store.latest_swaps(tx, 5)
    assert ana.open("/oncall").says("Take it back")
    accepted = ben.do("/oncall", f"/oncall/swaps/{swap.id}/accept", answer="gladly")
    assert accepted.onward == "/oncall?done=swap_accept"
    with here.app.database.read(SYSTEM) as tx:
        assert store.rotas(tx, plans.current(tx)).holders("on_call", swap.gives.starts_at) == ("ben",)


def test_whoever_only_reads_is_offered_no_form(here: Served) -> None:
    page = Visitor(here, "erin").open("/oncall")
    assert "/oncall/overrides" not in page.html and page.says("Arranged")


# ---- The API ---------------------------------------------------------------------------------------------------------


def say(here: Served, path: str, body: dict[str, Any], person: str = "ben") -> Any:
    headers = here.bearer("incidents:write", "plan:read", name=person, person=person)
    return here.post(f"/api/v1/oncall{path}", json=body, headers=headers)


def read(here: Served, path: str) -> Any:
    return here.get(f"/api/v1/oncall{path}", headers=here.bearer("plan:read")).json()


def test_an_override_over_the_api_is_in_the_shifts_and_on_the_list(here: Served) -> None:
    about = hours("2026-11-24T05:00:00Z", "2026-11-24T06:00:00Z")
    made = say(here, "/overrides", about)
    assert made.status_code == 201 and made.json()["person"] == "ben"
    found = read(here, "/shifts?rotation=on_call&from=2026-11-24T04:00:00Z&to=2026-11-24T07:00:00Z")
    assert [(one["person"], one["overrides"]) for one in found["shifts"]] == [
        ("ana", []),
        ("ben", [made.json()["id"]]),
        ("ana", []),
    ]
    assert found["gaps"] == []
    assert say(here, f"/overrides/{made.json()['id']}/cancel", {"reason": "no"}).status_code == 204
    (kept,) = read(here, "/overrides")["overrides"]
    assert (kept["cancelled_by"], kept["cancelled_because"]) == ("ben", "no")
    assert say(here, f"/overrides/{made.json()['id']}/cancel", {"reason": "no"}).status_code == 409
    assert say(here, "/overrides/ovr_NOBODY/cancel", {"reason": "no"}).status_code == 404


def test_to_put_somebody_else_on_call_takes_more_than_the_right_to_respond(here: Served) -> None:
    about = hours("2026-11-24T05:00:00Z", "2026-11-24T06:00:00Z")
    assert say(here, "/overrides", {**about, "person": "tomas"}).status_code == 403
    assert say(here, "/overrides", {**about, "rotation": "nights"}).status_code == 400


def test_a_swap_over_the_api(here: Served) -> None:
    asked = say(here, "/swaps", {"other": "tomas", "gives": MINE, "reason": "a dentist"})
    assert asked.status_code == 201 and asked.json()["state"] == "asked"
    assert say(here, f"/swaps/{asked.json()['id']}/accept", {}, person="lucia").status_code == 403
    one, headers = f"/swaps/{asked.json()['id']}", here.bearer("incidents:write", "plan:read", person="ben")
    headers["If-Match"] = here.get(f"/api/v1/oncall{one}", headers=headers).headers["etag"]
    yes = say(here, f"{one}/accept", {"answer": "gladly"}, person="tomas")
    assert yes.json()["state"] == "accepted" == read(here, one)["state"]
    late = here.post(f"/api/v1/oncall{one}/withdraw", headers=headers)
    (change,) = late.json()["changed"]
    assert (late.status_code, change["by"], change["detail"]) == (412, "tomas", "the request is accepted: gladly")
    assert say(here, f"/swaps/{asked.json()['id']}/withdraw", {}).status_code == 409
    assert [one["state"] for one in read(here, "/swaps")["swaps"]] == ["accepted"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("rotation=nights", 404),
        ("from=2026-11-24&to=2026-11-23", 400),
        ("to=2030-01-01T00:00:00Z", 400),
        ("from=x", 400),
    ],
)
def test_a_span_that_cannot_be_is_refused(here: Served, query: str, status: int) -> None:
    answer = here.get(f"/api/v1/oncall/shifts?{query}", headers=here.bearer("plan:read"))
    assert answer.status_code == status
