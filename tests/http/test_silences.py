"""Silences and maintenance on their page, over HTTP, in a terminal, and as the public reads of them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, Served
from tests.support.server import running_server, wait_until
from tests.support.smtp import SmtpSink
from tests.support.terminal import Terminal, reaching
from tests.support.visitor import Visitor, console
from tests.support.world import QUIET
from tocsin.comms import statuswire, store
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import utc
from tocsin.response import intake
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival

EVIL = "<script>alert('x')</script>"
GROQ = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded"}
DOWN = {"service": "rose", "outcome": "refused"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def arrive(here: Served, key: str = "groq", labels: dict[str, str] = GROQ, title: str = "Groq is down") -> None:
    sent = Arrival(source="probe", key=key, title=title, labels=labels)
    here.app.database.run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(sent)]))
    here.decide()


def known(here: Served, key: str = "groq") -> signals.Signal:
    with here.app.database.read(SYSTEM) as tx:
        return next(one for one in signals.recent(tx) if one.key == key)


def at(here: Served, **span: float) -> str:
    return (here.clock.now() + timedelta(**span)).isoformat()


def typed(here: Served, **span: float) -> str:
    return (here.clock.now() + timedelta(**span)).strftime("%Y-%m-%dT%H:%M")


# ---- The page ----


def test_a_responder_previews_silences_and_ends_it(here: Served) -> None:
    ben = Visitor(here, "ben")
    fields = {"matchers": "component=groq\r\n", "ends_at": typed(here, hours=2), "because": f"Moving {EVIL}"}
    looked = ben.do("/silences", "/silences", **fields, do="preview")
    assert looked.status == 200 and looked.says("It matches none of the 0 signals")
    assert "Moving" in looked.form("/silences").fields["because"][0]
    saved = ben.do("/silences", "/silences", **fields)
    assert saved.onward == "/silences?done=silenced"
    arrive(here)
    held = known(here)
    assert held.disposition == "silenced"
    page = ben.open("/silences")
    assert page.says("component=groq") and EVIL not in page.html
    why = ben.open(f"/signals/{held.id}")
    assert why.says("Nobody was paged. Held back by the silence") and EVIL not in why.html
    ended = ben.press(page, f"/silences/{held.silence_id}/end")
    assert ended.onward == "/silences?done=unsilenced"
    intake.release_some(here.app.database)
    assert known(here).disposition == "declared"
    assert ben.open("/silences").says("ended by")
    assert ben.send(f"/silences/{held.silence_id}/end", {}).status in (403, 409)


def test_what_begins_later_is_said_to_be_planned_with_its_times(here: Served) -> None:
    ben = Visitor(here, "ben")
    typed = {"starts_at": "2026-11-24T05:00", "length": "2 h", "because": "New disks", "yes": "1"}
    for more in ({"matchers": "component=groq"}, {"kind": "maintenance", "service": "rose", "title": "New disks"}):
        planned = ben.do("/silences", "/silences", **typed, **more).onward
        assert planned.startswith("/silences/") and planned.endswith("?done=planned")
        page = ben.open(planned)
        assert page.says("It is planned. It holds nothing back before it begins.") and not page.says("It is held back.")
        assert page.says("05:00") and page.says("07:00") and page.says("Call it off") and not page.says("End it now")
        assert page.says("the status page announces it no more") is ("kind" in more)
        off = ben.press(page, planned.replace("?done=planned", "/end"))
        assert off.onward == "/silences?done=called_off" and ben.open(off.onward).says("It is called off")
        assert ben.open(off.onward).says("05:00:00 to 07:00:00, called off by Ben Halvorsen")
    begun = ben.do("/silences", "/silences", **{**typed, **more, "starts_at": ""})
    assert begun.onward == "/silences?done=maintenance"
    assert ben.open(begun.onward).says("The maintenance is in force.")


def test_a_silence_is_made_for_a_while_extended_and_tells_what_it_held_back(here: Served) -> None:
    ben = Visitor(here, "ben")
    ben.do("/silences", "/silences", matchers="component=groq", length="30 min", because="Moving Groq")
    arrive(here)
    one = known(here)
    assert one.held_until == here.clock.now() + timedelta(minutes=30)
    path = f"/silences/{one.silence_id}"
    page = ben.open(path)
    assert page.says("Groq is down") and page.says("component=groq") and page.says("In force")
    for wrong, said in (("", "Say how long it lasts"), ("200 w", "more than 90 days"), ("99999999999 w", "no length")):
        refused = ben.do(path, f"{path}/extend", length=wrong)
        assert refused.status == 400 and refused.says(said), said
    assert ben.do(path, f"{path}/extend", length="", ends_at=typed(here, minutes=5)).says("say a later time")
    assert ben.do(path, f"{path}/extend", length="2 h").onward == f"{path}?done=extended"
    later = known(here)
    assert later.held_until == here.clock.now() + timedelta(hours=2, minutes=30)
    assert later.held_until and ben.open(f"/signals/{one.id}").says(f"until {utc(later.held_until)}")
    assert ben.open(path).says("by Ben Halvorsen") and ben.open("/silences").says("extended by Ben Halvorsen")
    ben.press(ben.open(path), f"{path}/end")
    intake.release_some(here.app.database)
    page = ben.open(path)
    assert page.says("Over") and page.says("Declared") and page.says("#1")
    assert [one.action for one in page.forms() if one.action.startswith(path)] == []
    assert Visitor(here, "erin").open(path).says("Groq is down")


def test_a_later_silence_takes_nothing_from_what_an_earlier_one_held_back(here: Served) -> None:
    ben = Visitor(here, "ben")
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    made = []
    for place in range(2):
        body = {"matchers": ["component=groq"], "ends_at": at(here, hours=1), "because": f"Move {place}"}
        made.append(here.post("/api/v1/silences", json=body, headers=robot).json()["id"])
        arrive(here, labels={**GROQ, "try": str(place)})
        here.post(f"/api/v1/silences/{made[-1]}/end", headers=robot)
    for one in made:
        assert here.get(f"/api/v1/silences/{one}", headers=robot).json()["held"] == 1
        found = here.get(f"/api/v1/signals/recent?silence={one}", headers=robot).json()["signals"]
        assert [each["key"] for each in found] == ["groq"]
        assert ben.open(f"/signals?silence={one}").says("Groq is down")


def test_the_worst_severity_is_held_back_only_by_whoever_ticks_that_they_mean_it(here: Served) -> None:
    arrive(here, "down", DOWN, "Rose does not answer")
    ben = Visitor(here, "ben")
    fields = {"matchers": "service=rose", "ends_at": typed(here, hours=2), "because": "A test"}
    warned = ben.do("/silences", "/silences", **fields)
    assert warned.status == 409
    assert warned.says("It holds back P0") and warned.says("the rule “rose does not answer”")
    assert warned.says("It holds back P0 that was heard this week: “Rose does not answer”.")
    assert 'name="yes"' in warned.html
    assert ben.press(warned, "/silences", yes="1").onward == "/silences?done=silenced"


def test_what_is_wrong_is_said_at_its_field(here: Served) -> None:
    ben = Visitor(here, "ben")
    good = {"matchers": "a=b", "ends_at": typed(here, hours=2), "because": "A test"}
    for change, said in (
        ({"matchers": "nothing"}, "This is no matcher"),
        ({"matchers": "a=~(x+)+"}, "no group"),
        ({"matchers": ""}, "every signal"),
        ({"ends_at": "", "length": ""}, "Say how long it lasts, or when it ends"),
        ({"ends_at": "", "length": "soon"}, "is no length of time"),
        ({"ends_at": typed(here, days=100)}, "longer than 90 days"),
        ({"because": " "}, "Say why"),
    ):
        page = ben.do("/silences", "/silences", **{**good, **change})
        assert page.status == 400 and page.says(said), said
        assert 'aria-invalid="true"' in page.html


def test_a_viewer_reads_and_changes_nothing(here: Served) -> None:
    erin = Visitor(here, "erin")
    assert erin.open("/silences").status == 200
    assert "Plan maintenance" not in erin.open("/silences").html
    fields = {"matchers": "a=b", "ends_at": typed(here, hours=2), "because": "x"}
    page = erin.open("/silences")
    token = page.forms()[0].fields["_csrf_token"][0]
    assert erin.send("/silences", {**fields, "_csrf_token": token}).status == 403


def test_a_silence_is_begun_from_a_signal(here: Served) -> None:
    arrive(here)
    signal = known(here)
    ben = Visitor(here, "ben")
    assert f"/silences?signal={signal.id}" in ben.open(f"/signals/{signal.id}").html
    lines = ben.open(f"/silences?signal={signal.id}").form("/silences").fields["matchers"][0].split()
    assert {"source=probe", "component=groq", "service=rose"} <= set(lines)


# ---- Over HTTP ----


def test_over_http_a_silence_is_previewed_made_listed_and_ended(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    arrive(here)
    body = {"matchers": ["component=~gr.q"], "ends_at": at(here, hours=1), "because": "A move"}
    seen: Any = here.post("/api/v1/silences/preview", json=body, headers=robot).json()
    assert [one["severity"] for one in seen["firing"]] == ["P1"] and seen["warning"] == ""
    made = here.post("/api/v1/silences", json=body, headers=robot)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["matchers"]) == ("active", ["component=~gr.q"])
    arrive(here, "again")
    (listed,) = here.get("/api/v1/silences", headers=robot).json()["silences"]
    assert (listed["held"], listed["made_by"]) == (1, "token:robot")
    assert here.get(f"/api/v1/silences/{listed['id']}", headers=robot).json() == listed
    held = here.get(f"/api/v1/signals/{known(here, 'again').id}/explanation", headers=robot).json()
    assert held["silence_id"] == listed["id"]
    ended = here.post(f"/api/v1/silences/{listed['id']}/end", headers=robot)
    assert (ended.status_code, ended.json()["state"]) == (200, "past")
    assert here.get("/api/v1/silences", headers=robot).json()["silences"] == []
    past = here.get("/api/v1/silences?over_since=2020-01-01T00:00:00Z", headers=robot).json()["silences"]
    assert [one["ended_by"] for one in past] == ["token:robot"]
    assert here.post(f"/api/v1/silences/{listed['id']}/end", headers=robot).status_code == 409
    assert here.get("/api/v1/silences/sil_none", headers=robot).status_code == 404


def test_over_http_it_is_refused_with_what_to_do(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    body = {"matchers": ["outcome=refused"], "ends_at": at(here, hours=1), "because": "A move"}
    refused = here.post("/api/v1/silences", json=body, headers=robot)
    assert refused.status_code == 409 and "rose does not answer" in refused.json()["detail"]
    assert here.post("/api/v1/silences", json={**body, "yes": True}, headers=robot).status_code == 201
    for change in ({"matchers": ["x"]}, {"ends_at": at(here, hours=-1)}, {"service": "oven"}, {"because": ""}):
        assert here.post("/api/v1/silences", json={**body, **change}, headers=robot).status_code == 400
    reader = here.bearer("incidents:read", name="reader")
    assert here.post("/api/v1/silences", json={**body, "yes": True}, headers=reader).status_code == 403


# ---- What the public reads ----


def test_the_public_reads_of_maintenance_before_it_while_it_goes_on_and_after(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    window = {
        "service": "rose",
        "components": ["voice"],
        "title": f"Voice moves {EVIL}",
        "text": "Expect silence.",
        "because": "Secret reasons",
        "starts_at": at(here, hours=1),
        "ends_at": at(here, hours=3),
        "yes": True,
    }
    made = here.post("/api/v1/silences", json=window, headers=robot).json()
    assert made["state"] == "coming" and made["id"].startswith("mnt_")

    def public(name: str) -> Any:
        with here.app.database.read(SYSTEM) as tx:
            from_page = status_forms(tx)
        return from_page[name]

    upcoming = public("upcoming")["scheduled_maintenances"]
    assert [(one["status"], one["impact"], one["name"]) for one in upcoming] == [
        ("scheduled", "maintenance", f"Voice moves {EVIL}")
    ]
    assert upcoming[0]["scheduled_for"] == at(here, hours=1).replace("+00:00", ".000Z")
    assert [one["name"] for one in upcoming[0]["components"]] == ["Voice"]
    assert public("summary")["status"]["indicator"] == "none"
    html = here.get("/status").text
    assert "Planned maintenance" in html and "Secret reasons" not in html and EVIL not in html

    here.clock.advance_to(here.clock.now() + timedelta(hours=1))
    summary = public("summary")
    assert summary["status"] == {"indicator": "maintenance", "description": "Service Under Maintenance"}
    statuses = {one["name"]: one["status"] for one in summary["components"]}
    assert statuses.pop("Voice") == "under_maintenance" and set(statuses.values()) == {"operational"}
    (active,) = public("active")["scheduled_maintenances"]
    assert [one["status"] for one in active["incident_updates"]] == ["in_progress", "scheduled"]

    here.clock.advance_to(here.clock.now() + timedelta(hours=2))
    assert public("active")["scheduled_maintenances"] == public("upcoming")["scheduled_maintenances"] == []
    (over,) = public("all")["scheduled_maintenances"]
    assert (over["status"], over["resolved_at"]) == ("completed", over["scheduled_until"])
    assert public("summary")["status"]["indicator"] == "none"


def status_forms(tx: Any) -> dict[str, Any]:
    page = store.public_page(tx)
    forms = {
        "summary": statuswire.summary_json,
        "upcoming": statuswire.upcoming_json,
        "active": statuswire.active_json,
        "all": statuswire.maintenances_json,
    }
    return {name: json.loads(form(page)) for name, form in forms.items()}


def test_over_http_a_silence_is_extended_by_whoever_has_seen_it_as_it_stands(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    body = {"matchers": ["a=b"], "ends_at": at(here, hours=1), "because": "A move"}
    path = f"/api/v1/silences/{here.post('/api/v1/silences', json=body, headers=robot).json()['id']}"
    seen = here.get(path, headers=robot).headers["etag"]
    longer = here.post(f"{path}/extend", json={"ends_at": at(here, hours=2)}, headers={**robot, "if-match": seen})
    assert longer.status_code == 200 and longer.json()["extended_by"] == "token:robot"
    late = here.post(f"{path}/extend", json={"ends_at": at(here, hours=3)}, headers={**robot, "if-match": seen})
    assert late.status_code == 412 and "it was extended" in late.text
    assert here.post(f"{path}/extend", json={"ends_at": at(here, hours=1)}, headers=robot).status_code == 400
    arrive(here, "down", {**DOWN, "a": "b"}, "Rose does not answer")
    worst = {"ends_at": at(here, hours=4)}
    assert here.post(f"{path}/extend", json=worst, headers=robot).status_code == 409
    assert here.post(f"{path}/extend", json={**worst, "yes": True}, headers=robot).status_code == 200
    here.post(f"{path}/end", headers=robot)
    assert here.post(f"{path}/extend", json={"ends_at": at(here, hours=5)}, headers=robot).status_code == 409


def test_maintenance_that_is_called_off_before_it_begins_is_no_longer_announced(here: Served) -> None:
    robot = here.bearer(*EVERY_RIGHT, name="robot")
    window = {"service": "rose", "title": "A move", "because": "x", "yes": True}
    times = {"starts_at": at(here, hours=1), "ends_at": at(here, hours=3)}
    made = here.post("/api/v1/silences", json={**window, **times}, headers=robot).json()
    here.post(f"/api/v1/silences/{made['id']}/end", headers=robot)
    with here.app.database.read(SYSTEM) as tx:
        assert status_forms(tx)["all"]["scheduled_maintenances"] == []


# ---- In a terminal ----


@pytest.fixture
def tocsin(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    with SmtpSink() as sink, running_server(tmp_path, sqlite_url, sink.port, plan=QUIET) as running:
        rights = {"incidents:read", "incidents:write", "signals:write"}
        yield Terminal(monkeypatch, capsys, reaching(running, rights))


def test_a_terminal_holds_signals_back_and_lets_them_go(tocsin: Terminal) -> None:
    silence = ("silence", "add", "animal=cat", "kind!=lion", "--because", "Cats move in", "--for", "2 h")
    assert "None of the 0 signals" in tocsin.done(*silence, "--preview")
    made = tocsin(*silence, "--json").json
    assert made["state"] == "active"
    tocsin.done("signal", "send", "A cat", "--key", "cat", "--label", "animal=cat")

    def disposition() -> Any:
        found = tocsin("signals", "--json").json["signals"]
        return next((one for one in found if one["key"] == "cat"), None)

    held = wait_until(disposition, what="the signal's turn")
    assert (held["disposition"], held["silence_id"]) == ("silenced", made["id"])
    assert "Nobody was paged. Held back by the silence" in tocsin.done("signal", "explain", held["id"])
    assert "animal=cat kind!=lion" in " ".join(tocsin.done("silence", "list").split())
    longer = tocsin("silence", "extend", made["id"], "--by", "1 h", "--json").json
    assert longer["extended_by"] == "token:terminal" and longer["ends_at"] > made["ends_at"]
    shown = tocsin.done("silence", "show", made["id"])
    assert "It held back 1 signal" in shown and "A cat" in shown and "Extended" in shown
    assert "A cat" in tocsin.done("signals", "--silence", made["id"], "--became", "silenced", "--words", "CAT")
    assert "No signal is like that." in tocsin.done("signals", "--state", "resolved", "--words", "cat")
    assert "silenced" in tocsin.done("signal", "explain", held["id"]).split("What it said", 1)[1]
    assert tocsin.done("silence", "expire", made["id"]) == f"{made['id']} is over.\n"
    wait_until(lambda: disposition()["disposition"] == "waiting" or None, what="the release")
    assert "Nothing is held back." in tocsin.done("silence", "list")
    assert "Cats move in" in tocsin.done("silence", "list", "--past")


def test_a_terminal_plans_maintenance_and_is_told_what_is_wrong(tocsin: Terminal) -> None:
    plan = ("silence", "maintain", "rose", "--title", "Moving", "--because", "The move")
    assert tocsin(*plan).code == 2
    assert tocsin(*plan, "--for", "soon").code == 2
    assert tocsin(*plan, "--for", "1 h").code == 4
    made = tocsin(*plan, "--for", "1 h", "--from", "2030-01-01T03:00", "--component", "voice", "--yes", "--json").json
    assert (made["state"], made["components"], made["ends_at"]) == ("coming", ["voice"], "2030-01-01T04:00:00Z")
    assert "rose, voice" in tocsin.done("silence", "list")
    assert tocsin("silence", "add", "nothing", "--because", "x", "--for", "1 h").code == 2
    assert tocsin("silence", "expire", "sil_none").code == 3
    assert tocsin("silence", "extend", made["id"]).code == 2
    assert tocsin("silence", "extend", made["id"], "--by", "soon").code == 2
    assert tocsin("signals", "--waiting", "--words", "cat").code == 2
