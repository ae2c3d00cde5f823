"""Signs of life over HTTP: who may send them, what is answered, and what follows when they come or are missed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.inbox import decide_all
from tests.support.served import Served, served
from tests.support.visitor import Visitor
from tests.support.world import QUIET
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.response import beating, looking, tick
from tocsin.signals import found
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.signals.store import Signal

PLAN = QUIET.replace(
    "    depends_on: [railway]\n",
    "    depends_on: [railway]\n    heartbeats:\n      backup: { every: 1 h, grace: 10 min }\n"
    "      report: { every: 1 d }\n      index: { every: 1 d, grace: 10 min, runs_within: 3 h }\n",
    1,
)


@pytest.fixture
def here(database_url: str) -> Iterator[Served]:
    with served(database_url) as one:
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, PLAN, "with signs of life", accept_large=True)
            looking.schedule(tx)
        yield one


def listed(here: Served) -> dict[str, dict[str, Any]]:
    answer = here.get("/api/v1/plan/heartbeats", headers=here.bearer("plan:write"))
    assert answer.status_code == 200
    return {one["name"]: one for one in answer.json()["heartbeats"]}


def path_of(here: Served, name: str = "rose/backup") -> str:
    address: str = listed(here)[name]["address"]
    return address[address.index("/in/heartbeat/") :]


def passes(here: Served, **span: float) -> None:
    here.clock.advance_to(here.clock.now() + timedelta(**span))
    here.app.database.run(SYSTEM, tick.settle_due)
    decide_all(here.app.database)


def firing(here: Served) -> list[Signal]:
    decide_all(here.app.database)
    with here.app.database.read(SYSTEM) as tx:
        return found.listing(tx, found.Asked(state="firing", source="heartbeat"), 10).signals


def test_each_heartbeat_has_an_address_of_its_own_for_those_who_may_change_the_plan(here: Served) -> None:
    found = listed(here)
    assert sorted(found) == ["rose/backup", "rose/index", "rose/report"]
    assert found["rose/backup"]["address"] != found["rose/report"]["address"]
    assert (found["rose/backup"]["state"], found["rose/backup"]["heard_at"]) == ("waiting", None)
    assert here.get("/api/v1/plan/heartbeats", headers=here.bearer("plan:read")).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_sign_of_life_is_kept_and_moves_on_when_the_next_is_missed(here: Served, method: str) -> None:
    passes(here, minutes=30)
    answer = here.request(method, path_of(here))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    assert answer.content == (b"" if method == "HEAD" else b"OK")
    passes(here, minutes=69)
    assert firing(here) == []
    passes(here, minutes=1)
    (signal,) = firing(here)
    assert signal.title == "Rose: backup gave no sign of life in time"
    assert signal.labels == {"heartbeat": "rose/backup", "service": "rose", "outcome": "silent"}


def test_one_that_never_came_is_missed_too_and_told_once(here: Served) -> None:
    passes(here, minutes=70)
    (first,) = firing(here)
    passes(here, hours=5)
    assert [one.last_at for one in firing(here)] == [first.last_at]
    assert listed(here)["rose/backup"]["said"] == "never heard of yet"


def test_the_next_that_goes_well_ends_it(here: Served) -> None:
    passes(here, minutes=70)
    assert here.get(path_of(here)).status_code == 200
    assert firing(here) == []
    with here.app.database.read(SYSTEM) as tx:
        (signal,) = signals.recent(tx)
    assert (signal.source, signal.state) == ("heartbeat", State.RESOLVED)
    assert listed(here)["rose/backup"]["state"] == "healthy"


@pytest.mark.parametrize("said", ["fail", "1", "255"])
def test_a_failure_is_a_signal_at_once(here: Served, said: str) -> None:
    assert here.post(f"{path_of(here)}/{said}").status_code == 200
    (signal,) = firing(here)
    assert (signal.title, signal.labels["outcome"]) == ("Rose: backup says that it failed", "failed")
    assert here.post(f"{path_of(here)}/0").status_code == 200
    assert firing(here) == []


def test_a_run_that_has_begun_is_missed_when_it_does_not_end_within_the_grace(here: Served) -> None:
    here.post(path_of(here))
    here.post(f"{path_of(here)}/start")
    passes(here, minutes=9)
    assert firing(here) == []
    passes(here, minutes=1)
    assert len(firing(here)) == 1


def test_a_start_does_not_say_that_the_last_run_went_well(here: Served) -> None:
    here.post(f"{path_of(here)}/fail")
    here.post(f"{path_of(here)}/start")
    assert len(firing(here)) == 1
    assert (listed(here)["rose/backup"]["state"], listed(here)["rose/backup"]["said"]) == (
        "failed",
        "a run has begun; the last one failed",
    )
    here.post(path_of(here))
    assert listed(here)["rose/backup"]["state"] == "healthy"


def test_a_run_that_begins_after_a_silence_and_never_ends_is_told_no_second_time(here: Served) -> None:
    passes(here, hours=25)
    here.post(f"{path_of(here, 'rose/index')}/start")
    assert listed(here)["rose/index"]["said"] == "a run has begun, after nothing came in time"
    passes(here, hours=3)
    assert [one["state"] for one in runs(here, "rose/index")] == ["overdue"]
    assert [one.count for one in told(here) if one.labels["heartbeat"] == "rose/index"] == [1]


@pytest.mark.parametrize("said", ["256", "-1", "started", "1/2", "\N{SUPERSCRIPT TWO}", "0000"])
def test_what_is_no_sign_of_life_is_refused_and_changes_nothing(here: Served, said: str) -> None:
    assert here.post(f"{path_of(here)}/{said}").status_code == 400
    assert listed(here)["rose/backup"]["state"] == "waiting"


@pytest.mark.parametrize("secret", ["", "nobody", "00000000-0000-4000-8000-000000000000", "\N{SNOWMAN}"])
def test_an_address_that_nobody_has_is_not_found(here: Served, secret: str) -> None:
    assert here.get(f"/in/heartbeat/{secret}").status_code == 404


def test_other_methods_are_told_which_there_are(here: Served) -> None:
    answer = here.request("PUT", path_of(here))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_heartbeat_that_the_plan_drops_has_no_address_any_more(here: Served) -> None:
    path = path_of(here)
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, QUIET, "without signs of life", accept_large=True)
        looking.schedule(tx)
    assert here.get(path).status_code == 404
    passes(here, hours=3)
    assert firing(here) == []


# ---- Runs ----

RUN = "11111111-1111-4111-8111-111111111111"


def told(here: Served) -> list[Signal]:
    """What heartbeats said lately, with all that is kept of it."""
    decide_all(here.app.database)
    with here.app.database.read(SYSTEM) as tx:
        return [one for one in signals.recent(tx) if one.source == "heartbeat"]


def runs(here: Served, name: str = "rose/backup") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listed(here)[name]["runs"]
    return found


def test_how_long_a_run_took_its_status_and_what_it_wrote_are_kept(here: Served) -> None:
    path = path_of(here)
    here.get(f"{path}/start")
    passes(here, minutes=4)
    assert [(one["state"], one["took_seconds"]) for one in runs(here)] == [("running", None)]
    answer = here.post(f"{path}/3", content=b"password=hunter2-hunter2\nno space left\n" + b"\0")
    assert answer.headers["ping-body-limit"] == "10000"
    (run,) = runs(here)
    assert (run["state"], run["took_seconds"], run["status"]) == ("failed", 240.0, 3)
    assert run["said"].startswith("password=(redacted)\nno space left")
    (signal,) = told(here)
    assert signal.details["output"].startswith("password=(redacted)\nno space left")


def test_a_run_with_an_id_ends_by_it(here: Served) -> None:
    path = path_of(here)
    here.get(f"{path}/start?rid={RUN}")
    here.get(f"{path}/start")
    passes(here, minutes=1)
    here.get(f"{path}?rid={RUN.upper()}")
    assert [(one["id"], one["state"]) for one in runs(here)] == [("", "running"), (RUN, "well")]
    assert here.get(f"{path}?rid=1").status_code == 400
    assert here.get(f"{path}?rid=%FF&" + "a=1&" * 500).status_code == 400
    assert len(runs(here)) == 2


def test_a_body_of_any_length_is_a_sign_of_life(here: Served) -> None:
    assert here.post(path_of(here), content=b"word " * 500_000).status_code == 200
    (run,) = runs(here)
    assert len(run["said"]) <= 1000


def test_a_run_may_take_longer_than_the_rest_where_the_plan_says_so(here: Served) -> None:
    here.get(path_of(here, "rose/backup"))
    path = path_of(here, "rose/index")
    here.get(f"{path}/start")
    for _ in range(17):
        passes(here, minutes=10)
        here.get(path_of(here, "rose/backup"))
    assert firing(here) == []
    passes(here, minutes=10)
    (signal,) = told(here)
    assert (signal.labels["heartbeat"], signal.labels["outcome"]) == ("rose/index", "silent")
    assert "did not end within 3 h" in signal.details["reason"]
    passes(here, minutes=20)
    here.get(path)
    assert firing(here) == []
    (run,) = runs(here, "rose/index")
    assert (run["state"], run["took_seconds"]) == ("well", 200 * 60.0)
    assert listed(here)["rose/index"]["due_at"].startswith("2026-11-25T07:04")  # then the next is due as ever


def test_a_run_that_never_ends_is_told_once(here: Served) -> None:
    here.get(f"{path_of(here, 'rose/index')}/start?rid={RUN}")
    for _ in range(20):
        passes(here, minutes=60)
        here.get(path_of(here, "rose/backup"))
    (signal,) = told(here)
    assert signal.count == 1
    assert [one["state"] for one in runs(here, "rose/index")] == ["overdue"]


def test_the_page_shows_the_last_runs_to_whoever_reads(here: Served) -> None:
    path = path_of(here)
    here.get(f"{path}/start")
    passes(here, minutes=4)
    here.post(f"{path}/3", content=b"<b>no space left</b>")
    page = invited(here, "erin", AccountRole.VIEWER).open("/heartbeats")
    assert page.says("failed, with status 3, in 4 min")
    assert page.says("no space left") and "<b>no" not in page.html


# ---- As Opsgenie's clients send it ----

PING = "/in/opsgenie{}/v2/heartbeats/{}/ping"


def key(here: Served) -> str:
    return here.token("signals:write", name="opsgenie")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
@pytest.mark.parametrize("name", ["backup", "rose/backup", "rose%2Fbackup"])
def test_a_heartbeat_of_opsgenie_is_one_of_the_plan(here: Served, method: str, name: str) -> None:
    answer = here.request(method, PING.format("", name), headers={"Authorization": f"GenieKey {key(here)}"})
    assert (answer.status_code, answer.json()["result"]) == (202, "PONG - Heartbeat received")
    assert listed(here)["rose/backup"]["state"] == "healthy"


def test_its_key_may_stand_in_the_address(here: Served) -> None:
    assert here.get(PING.format(f"/{key(here)}", "backup")).status_code == 202
    assert listed(here)["rose/backup"]["state"] == "healthy"


def test_what_is_no_heartbeat_of_the_plan_is_refused_as_opsgenie_does(here: Served) -> None:
    headers = {"Authorization": f"GenieKey {key(here)}"}
    answer = here.get(PING.format("", "moon"), headers=headers)
    assert answer.status_code == 404 and "rose/backup" in answer.json()["message"]
    assert here.get(PING.format("", "backup")).status_code == 401
    assert here.request("DELETE", PING.format("", "backup"), headers=headers).headers["allow"].startswith("GET")
    assert listed(here)["rose/backup"]["state"] == "waiting"


# ---- The page, and another address ----


def invited(here: Served, handle: str, role: AccountRole) -> Visitor:
    about = {"name": "", "email": f"{handle}@rose.example", "role": role}
    here.app.database.run(SYSTEM, lambda tx: people_commands.invite(tx, handle, **about))
    return Visitor(here, handle)


def replaced(here: Served, right: str) -> int:
    path = "/api/v1/plan/heartbeats/replace-address"
    return here.post(path, json={"name": "backup"}, headers=here.bearer(right)).status_code


def test_an_address_that_got_known_is_replaced_by_another(here: Served) -> None:
    before, other = path_of(here), path_of(here, "rose/report")
    ana = invited(here, "ana", AccountRole.ADMINISTRATOR)
    page = ana.open("/heartbeats")
    assert page.says(before)
    assert ana.send("/heartbeats/replace-address", {**page.form("/heartbeats/replace-address").fields}).status == 303
    after = path_of(here)
    assert after != before and path_of(here, "rose/report") == other
    assert (here.get(before).status_code, here.get(after).status_code) == (404, 200)
    sent = here.post(
        "/api/v1/plan/heartbeats/replace-address", json={"name": "backup"}, headers=here.bearer("plan:write")
    )
    assert sent.status_code == 200 and path_of(here) != after


def test_who_only_reads_sees_how_they_stand_and_no_address(here: Served) -> None:
    erin = invited(here, "erin", AccountRole.VIEWER)
    here.get(path_of(here) + "/fail")
    page = erin.open("/heartbeats")
    assert page.says("rose/backup") and page.says("it says that it failed")
    assert "/in/heartbeat/" not in page.html
    assert erin.send("/heartbeats/replace-address", {"name": "rose/backup"}).status == 403
    sent = here.post(
        "/api/v1/plan/heartbeats/replace-address", json={"name": "backup"}, headers=here.bearer("plan:read")
    )
    assert sent.status_code == 403


# ---- While nobody was there ----


def there(here: Served, minutes: int) -> None:
    """The engine turns for so long."""
    for _ in range(minutes):
        here.app.database.run(SYSTEM, beating.after_silence)
        passes(here, minutes=1)
    here.app.database.run(SYSTEM, beating.after_silence)


def down(here: Served, minutes: int) -> None:
    here.clock.advance_to(here.clock.now() + timedelta(minutes=minutes))
    here.app.database.run(SYSTEM, beating.after_silence)
    passes(here)


@pytest.mark.parametrize(("up", "away"), [(50, 15), (50, 300), (65, 30), (40, 25)])
def test_a_word_that_may_have_come_while_nobody_was_there_is_not_missed(here: Served, up: int, away: int) -> None:
    here.get(path_of(here))
    there(here, up)
    down(here, away)
    assert firing(here) == []
    there(here, 59)
    assert firing(here) == []
    there(here, 12)
    assert [one.labels["outcome"] for one in firing(here)] == ["silent"]


def test_whoever_was_missed_before_stays_missed(here: Served) -> None:
    here.get(path_of(here))
    there(here, 71)
    assert len(firing(here)) == 1
    down(here, 120)
    assert len(firing(here)) == 1


def test_a_short_absence_changes_nothing(here: Served) -> None:
    here.get(path_of(here))
    there(here, 68)
    down(here, 2)
    assert len(firing(here)) == 1


def test_a_word_that_is_due_much_later_is_due_as_before(here: Served) -> None:
    here.get(path_of(here))
    before = listed(here)["rose/backup"]["due_at"]
    there(here, 5)
    down(here, 20)
    assert listed(here)["rose/backup"]["due_at"] == before
