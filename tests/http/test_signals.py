"""Why a signal was paged, or not, on its page, over HTTP and in a terminal; and a plan's rules, tried."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, Served
from tests.support.terminal import Terminal
from tests.support.visitor import Visitor, console
from tests.support.world import QUIET
from tocsin.kit.actor import SYSTEM
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State

RULE = "\nrules:\n  - { name: cats, when: { animal: cat }, type: data_loss, severity: P0 }\n"
STRICTER = QUIET.replace("\nrules:\n", RULE)
EVIL = "<script>alert('x')</script>"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        arrive(
            one,
            Arrival(source="generic", key="cat", title=f"A cat {EVIL}", labels={"animal": "cat", "note": EVIL}),
            Arrival(source="probe", key="p", title="Groq is down", labels={"component": "groq", "service": "rose"}),
        )
        yield one


def arrive(here: Served, *arrivals: Arrival) -> None:
    here.app.database.run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(one) for one in arrivals]))
    here.decide()


def known(here: Served, key: str) -> str:
    with here.app.database.read(SYSTEM) as tx:
        return next(one.id for one in signals.recent(tx) if one.key == key)


def test_the_page_of_a_signal_says_why_rule_by_rule(here: Served) -> None:
    erin = Visitor(here, "erin")
    probe = known(here, "p")
    assert f"/signals/{probe}" in erin.open("/signals").html
    page = erin.open(f"/signals/{probe}")
    assert page.status == 200
    assert page.says("groq is down") and page.says("It decides: P1, as the rule says.")
    assert page.says("It declared #1") and page.says("component: wanted groq") is False
    assert page.says("wanted groq; found groq")
    assert erin.open("/signals/sig_none").status == 404


def test_what_flaps_says_so_in_the_list_on_its_page_in_the_room_and_over_http(here: Served) -> None:
    probe, erin = known(here, "p"), Visitor(here, "erin")
    assert not erin.open(f"/signals/{probe}").says("It flaps since")
    for state in (State.RESOLVED, State.FIRING, State.RESOLVED):
        arrive(here, Arrival(source="probe", key="p", title="Groq is down", state=state, labels={"component": "groq"}))
    found: Any = here.get(
        f"/api/v1/signals/{probe}/explanation", headers=here.bearer(*EVERY_RIGHT, name="robot")
    ).json()
    assert found["flapping"].startswith("It flaps since ")
    for address in ("/signals", f"/signals/{probe}", f"/incidents/{found['incident_id']}"):
        assert erin.open(address).says("It flaps since"), address
    room = erin.open(f"/incidents/{found['incident_id']}")
    assert room.says(
        "Signal flaps</span> Groq is down. It fired, cleared, or went back to a severity that it had before"
    )
    assert f'href="/signals/{probe}">The signal' in room.html


def test_what_a_sender_wrote_is_never_markup(here: Served) -> None:
    page = Visitor(here, "ben").open(f"/signals/{known(here, 'cat')}")
    assert page.status == 200 and EVIL not in page.html
    assert page.says("Nobody was paged: no rule of the plan matches")
    assert page.form(f"/signals/{known(here, 'cat')}/dismiss").method == "post"
    assert "dismiss" not in Visitor(here, "erin").open(f"/signals/{known(here, 'cat')}").html


def test_over_http_the_same_and_other_rules_tried(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    address = f"/api/v1/signals/{known(here, 'cat')}/explanation"
    found: Any = here.get(address, headers=robot).json()
    assert (found["rule"], found["incident_id"], found["followed"]) == (None, None, [])
    assert [one["place"] for one in found["rulings"]] == list(range(1, len(found["rulings"]) + 1))
    tried = here.post(address, json={"plan": STRICTER}, headers=robot).json()
    assert (tried["rule"], tried["severity"], tried["revision"]) == ("cats", "P0", None)
    (deciding,) = [one for one in tried["rulings"] if one["decides"]]
    assert deciding["checks"] == [{"name": "animal", "wanted": "cat", "found": "cat", "holds": True}]
    refused = here.post(address, json={"plan": "tocsin: 1"}, headers=robot)
    assert refused.status_code == 400 and refused.json()["errors"]
    assert here.get("/api/v1/signals/sig_none/explanation", headers=robot).status_code == 404
    assert here.get(address, headers=here.bearer("signals:write")).status_code == 403


def test_a_plans_rules_are_tried_on_what_came_lately(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    found = here.post("/api/v1/plan/try-rules", json={"plan": STRICTER}, headers=robot).json()
    assert (found["signals"], found["is_whole"]) == (2, True)
    assert {"rule": "cats", "before": 0, "after": 1} in found["tallies"]
    (change,) = found["changes"]
    assert (change["count"], change["is_less"], change["after"]["rule"]) == (1, False, "cats")
    itself = STRICTER.replace(
        "    resolve_within: 1 h\n", "    resolve_within: 1 h\n    resolves_itself_after: 10 min\n", 1
    )
    (ending,) = here.post("/api/v1/plan/try-rules", json={"plan": itself}, headers=robot).json()["endings"]
    assert (ending["severity"], ending["incidents"], ending["themselves"]) == ("P0", 1, 0)
    assert found["endings"] == [] and "would have resolved itself" in ending["sentence"]
    assert here.post("/api/v1/plan/try-rules", json={"plan": "{"}, headers=robot).status_code == 400
    early = here.post("/api/v1/plan/try-rules?to=2020-01-01T00:00:00Z", json={"plan": STRICTER}, headers=robot)
    assert early.json()["signals"] == 0
    lacking = here.bearer("incidents:read", name="reader")
    assert here.post("/api/v1/plan/try-rules", json={"plan": STRICTER}, headers=lacking).status_code == 403


def test_a_terminal_tries_a_plans_rules(
    here: Served,
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": sqlite_url})
    plan = tmp_path / "plan.yaml"
    plan.write_text(STRICTER, encoding="utf-8")
    printed = terminal.done("plan", "try-rules", str(plan), "--days", "3660")
    assert "would have called for P0 data_loss (\u201ccats\u201d) instead of waiting for a person." in printed
    assert terminal("plan", "try-rules", str(plan), "--days", "3660", "--json").json["signals"] == 2
    plan.write_text("tocsin: 1", encoding="utf-8")
    assert terminal("plan", "try-rules", str(plan)).code == 2


# ---- What could not be read, read again ----


def test_what_could_not_be_read_is_read_again_on_the_page(here: Served) -> None:
    for body in (b'{"title": "Mended", "key": "m"}', b"{"):
        keep_unreadable(here, body)
    ben = Visitor(here, "ben")
    page = ben.open("/signals")
    assert page.says("Read all again")
    assert ben.press(page, "/signals/quarantine/read").onward == "/signals?done=reread#quarantine-h"
    here.decide()
    assert known(here, "m")
    after = ben.open("/signals")
    assert after.says("Read again: Read: 1 signal.") and after.says("Tried again:")
    (left,) = [one for one in after.forms() if one.action == "/signals/quarantine/read"]
    assert ben.send("/signals/quarantine/read", left.fields).status == 303
    erin = Visitor(here, "erin")
    assert "Read again</button>" not in erin.open("/signals").html


def test_what_could_not_be_read_is_read_again_over_http(here: Served) -> None:
    keep_unreadable(here, b'{"title": "Mended", "key": "m"}')
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    (body,) = here.get("/api/v1/signals/quarantine", headers=robot).json()["bodies"]
    assert body["read_at"] is None
    found = here.post(f"/api/v1/signals/quarantine/{body['id']}/read", headers=robot)
    assert (found.status_code, found.json()["said"]) == (200, "Read: 1 signal.")
    assert here.post(f"/api/v1/signals/quarantine/{body['id']}/read", headers=robot).status_code == 409
    assert here.post("/api/v1/signals/quarantine/999/read", headers=robot).status_code == 404
    assert here.post("/api/v1/signals/quarantine/read", headers=robot).json() == {"bodies": []}
    (after,) = here.get("/api/v1/signals/quarantine", headers=robot).json()["bodies"]
    assert (after["read_by"], after["result"]) == ("token:robot", "Read: 1 signal.")
    reader = here.bearer("incidents:read", name="reader")
    assert here.post("/api/v1/signals/quarantine/read", headers=reader).status_code == 403


def test_a_body_is_kept_with_what_its_sender_said_of_it_and_without_what_proves_who_it_is(here: Served) -> None:
    robot = here.bearer("signals:write", name="robot")
    headers = {**robot, "ce-specversion": "1.0", "content-type": "application/json", "x-api-key": "secret"}
    assert here.post("/in/cloudevents", content=b"{", headers=headers).status_code == 400
    with here.app.database.read(SYSTEM) as tx:
        (kept,) = quarantine.listed(tx)
    headers = {"ce-specversion": "1.0", "content-type": "application/json"}
    assert kept.asked == {"path": [], "headers": headers, "query": {}, "is_whole": True}


def keep_unreadable(here: Served, body: bytes) -> None:
    about: dict[str, Any] = {"source": "generic", "sender": "robot", "reason": "An older release could not read it."}
    here.app.database.run(SYSTEM, lambda tx: quarantine.keep(tx, body=body, **about))
