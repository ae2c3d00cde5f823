"""The work on an incident as a program does it: over the API, and from a terminal with the same words."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.people import access


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


class Caller:
    def __init__(self, here: Served, *rights: str) -> None:
        self.here = here
        self.headers = here.bearer(*(rights or EVERY_RIGHT), name="robot")

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.here.request(method, f"/api/v1{path}", headers=self.headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def declare(self, title: str = "Memory is down") -> str:
        body = {"title": title, "severity": "P1", "type": "service_outage"}
        return f"/incidents/{self('POST', '/incidents', body, 201)['id']}"


@pytest.fixture
def call(here: Served) -> Caller:
    return Caller(here)


def test_what_is_found_and_done_reads_back_as_it_was_sent(call: Caller) -> None:
    at = call.declare()
    call("POST", f"{at}/findings", {"finding": "The network", "verdict": "root_cause"})
    number = len(call("GET", f"{at}/timeline")["entries"])
    again = {"finding": "Not the network", "verdict": "ruled_out", "revises": number, "evidence": "mtr"}
    call("POST", f"{at}/findings", again)
    call("POST", f"{at}/impact", {"percent": 12.5, "source": "Grafana", "functions": "Voice"})
    call("POST", f"{at}/decisions", {"decision": "Wait", "because": "theirs", "options": ["Go"], "decider": "ana"})
    call("POST", f"{at}/strategy", {"strategy": "external_recovery", "because": "it is theirs"})
    call("POST", f"{at}/fixes", {"what": "v41", "where": "production", "tested": True})
    call("POST", f"{at}/checks", {"check": "smoke_tests", "evidence": "run 12"})
    found = call("GET", f"{at}/work")
    assert [(one["entry"], one["finding"], one["verdict"]) for one in found["findings"]] == [
        (number + 1, "Not the network", "ruled_out")
    ]
    assert (found["impact"]["percent"], found["impact"]["users"]) == (12.5, None)
    assert found["decisions"][0]["decider"] == "ana" and found["decisions"][0]["options"] == ["Go"]
    assert found["strategies"][found["strategy"]] == "Recovery of an outside service"
    assert found["fixes"][0]["where"] == "production"
    assert [one["result"] for one in found["verification"]] == ["passed", None, None, None]


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("findings", {"finding": "x", "verdict": "perhaps"}, 400),
        ("findings", {"finding": " "}, 400),
        ("findings", {"finding": "x", "revises": 1}, 404),
        ("impact", {}, 400),
        ("impact", {"users": 3}, 400),
        ("impact", {"percent": 101, "source": "x"}, 400),
        ("strategy", {"strategy": "prayer", "because": "x"}, 400),
        ("fixes", {"what": "x", "where": "y", "tested": False}, 400),
        ("checks", {"check": "luck"}, 400),
        ("checks", {"check": "smoke_tests", "result": "not_applicable"}, 400),
        ("confirmations", {"confirmation": "metrics"}, 409),
        ("thanks", {"text": "Thank you"}, 409),
        ("ticks", {"item": "type.meteor.1"}, 400),
        ("merge", {"into": "#77", "because": "x"}, 404),
        ("links", {"incident": "#1"}, 400),
        ("links/remove", {"incident": "#1", "because": "x"}, 409),
        ("split", {"title": "x", "severity": "P9", "type": "service_outage", "because": "x"}, 400),
        ("split", {"title": "x", "severity": "P2", "type": "data_loss", "because": "x", "signals": ["sig_1"]}, 400),
        ("resolve", {"how": "x"}, 409),
    ],
)
def test_a_mistake_is_refused_and_changes_nothing(call: Caller, verb: str, body: dict[str, Any], status: int) -> None:
    at = call.declare()
    before = len(call("GET", f"{at}/timeline")["entries"])
    refused = call("POST", f"{at}/{verb}", body, status)
    assert refused["detail"]
    assert len(call("GET", f"{at}/timeline")["entries"]) == before


def test_a_program_passes_no_check_over(call: Caller) -> None:
    at = call.declare()
    call("POST", f"{at}/resolve", {"how": "x", "unverified_because": "no runner"}, 403)


def test_the_checklists_say_what_is_done_and_when_a_phase_is_over(call: Caller) -> None:
    at = call.declare()
    call("POST", f"{at}/acknowledge")
    answered = len(call("GET", f"{at}/timeline")["entries"])
    call("POST", f"{at}/ticks", {"item": "type.service_outage.2", "tick": "not_applicable", "note": "none lately"})
    found = call("GET", f"{at}/checklists")
    ticked = {one["key"]: (one["tick"], one["by"], one["note"]) for one in found["type"] if one["tick"]}
    assert ticked == {"type.service_outage.2": ("not_applicable", "token:robot", "none lately")}
    (present,) = [one for one in found["phases"] if one["is_present"]]
    assert present["key"] == "response"
    met = {one["condition"]: one["entry"] for phase in found["phases"] for one in phase["ends_when"] if one["is_met"]}
    assert met["declared"] == 1 and met["acknowledged"] == answered
    call("POST", f"{at}/ticks/remove", {"item": "type.service_outage.2"})
    assert not [one for one in call("GET", f"{at}/checklists")["type"] if one["tick"]]


def test_the_roles_say_who_held_them_when(call: Caller) -> None:
    at = call.declare()
    for person in ("ben", "erin"):
        call("POST", f"{at}/roles", {"role": "scribe", "person": person})
    first, second = call("GET", f"{at}/roles")["roles"]
    assert (first["person"], second["person"], second["until"]) == ("ben", "erin", None)
    assert first["until"] == second["since"] and first["named_by"] == "token:robot"


def test_a_merged_incident_says_where_it_went(call: Caller) -> None:
    one, other = call.declare(), call.declare("Nothing answers")
    merged = call("POST", f"{one}/merge", {"into": "2", "because": "The same trouble"})
    assert merged["status"] == "merged" and other.endswith(merged["merged_into"])
    assert merged["relations"] == {merged["merged_into"]: "merged_into"}
    refused = call("POST", f"{one}/notes", {"text": "x"}, 409)
    assert merged["merged_into"] in refused["detail"]
    assert call("GET", f"{one}/obligations")["obligations"]
    assert [each["id"] for each in call("GET", "/incidents?status=merged")["incidents"]] == [one.rpartition("/")[2]]


def test_a_reader_reads_all_of_it_and_writes_none(here: Served, call: Caller) -> None:
    at, reader = call.declare(), Caller(here, access.INCIDENT_READ)
    for part in ("work", "checklists", "roles"):
        reader("GET", f"{at}/{part}")
    reader("POST", f"{at}/findings", {"finding": "x"}, 403)
    reader("POST", f"{at}/merge", {"into": "2", "because": "x"}, 403)


def test_the_record_proposes_over_the_api(call: Caller) -> None:
    for _ in range(3):
        at = call.declare()
        call("POST", f"{at}/ticks", {"item": "type.service_outage.4", "tick": "not_applicable"})
    (one,) = call("GET", "/metrics/proposals")["proposals"]
    assert (one["reason"], one["times"], one["incidents"]) == ("set_aside", 3, [3, 2, 1])
    assert call("GET", "/metrics/proposals?at_least=4")["proposals"] == []
    call("GET", "/metrics/proposals?at_least=0", status=400)
    call("GET", "/metrics/proposals?from=2026-12-01T00:00:00Z&to=2026-11-01T00:00:00Z", status=400)
