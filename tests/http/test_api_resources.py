"""The API as a program meets it: tokens and rights, the verbs of an incident, and how each refusal reads."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, START, Served, served
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import store as plans
from tocsin.response import archive
from tocsin.signals import store as signals

DECLARATION = {"title": "Memory is down", "severity": "P1", "type": "memory_loss"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def caller(here: Served) -> "Caller":
    return Caller(here, here.bearer(*EVERY_RIGHT, name="robot"))


def see_checks_pass(caller: "Caller", at: str) -> None:
    for check in caller.get(f"{at}/work")["verification"]:
        caller.post(f"{at}/checks", {"check": check["key"]})


class Caller:
    """Somebody with a token."""

    def __init__(self, here: Served, headers: dict[str, str]) -> None:
        self.here = here
        self.headers = headers

    def get(self, path: str, expect: int = 200, **query: Any) -> Any:
        return self._said("GET", path, expect, params=query)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._said("POST", path, status, json=body)

    def put(self, path: str, status: int = 200, **more: Any) -> Any:
        return self._said("PUT", path, status, **more)

    def declare(self, **changes: Any) -> Any:
        return self.post("/incidents", {**self.words(), **changes}, 201)

    def as_person(self, handle: str, *rights: str) -> "Caller":
        return Caller(self.here, self.here.bearer(*rights, name=f"of {handle}", person=handle))

    def words(self) -> dict[str, Any]:
        """Words that the plan knows."""
        with self.here.app.database.read(SYSTEM) as tx:
            plan = plans.current(tx)
        return {"title": "Memory is down", "severity": list(plan.severities)[1], "type": next(iter(plan.types))}

    def _said(self, method: str, path: str, status: int, **more: Any) -> Any:
        answer = self.here.request(method, f"/api/v1{path}", headers=self.headers, **more)
        assert answer.status_code == status, answer.text
        if answer.headers.get("content-type", "").startswith("text/"):
            return answer.text
        return answer.json() if answer.content else None


# ---- Who may call ----


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic dTpw"}, {"Cookie": "session=x"}],
)
def test_without_a_live_bearer_token_nothing_opens(here: Served, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/incidents"), ("POST", "/incidents"), ("PUT", "/plan")):
        answer = here.request(method, f"/api/v1{path}", headers=headers, content=b"{")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["status"] == 401


def test_the_record_of_an_incident_is_proven(caller: Caller) -> None:
    one = caller.declare()
    found = caller.get(f"/incidents/{one['id']}/verification")
    entries = caller.get(f"/incidents/{one['id']}/timeline")["entries"]
    assert (found["ok"], found["entries"], found["entry"], found["problem"]) == (True, len(entries), None, "")
    assert len(found["head"]) == 64
    caller.get("/incidents/inc_NOWHERE/verification", 404)


def test_an_incident_is_shown_as_it_stood(here: Served, caller: Caller) -> None:
    one = caller.declare()
    here.clock.advance_to(here.clock.now() + timedelta(minutes=2))
    caller.post(f"/incidents/{one['id']}/acknowledge")
    now = caller.get(f"/incidents/{one['id']}")
    then = caller.get(f"/incidents/{one['id']}", at=one["declared_at"])
    assert (now["acknowledged_at"] is None, then["acknowledged_at"] is None) == (False, True)
    assert caller.get(f"/incidents/{one['id']}", at=now["updated_at"]) == now
    found = caller.get(f"/incidents/{one['id']}/replay", at=one["declared_at"])
    assert (found["incident"]["id"], found["before_at"], found["after_at"]) == (one["id"], None, now["updated_at"])
    assert found["entries"] < found["of"] and any(each["state"] == "open" for each in found["obligations"])
    assert caller.get(f"/incidents/{one['id']}/replay")["incident"]["acknowledged_at"] == now["acknowledged_at"]
    for query in ("teatime", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        caller.get(f"/incidents/{one['id']}", 400, at=query)
        caller.get(f"/incidents/{one['id']}/replay", 400, at=query)
    caller.get("/incidents/inc_NOWHERE/replay", 404)


def test_an_incident_is_read_by_another_plan(here: Served, caller: Caller) -> None:
    one = caller.declare()
    path = f"/incidents/{one['id']}/replay"
    with here.app.database.read(SYSTEM) as tx:
        text = plans.current_revision(tx).text
    same = caller.post(path, {"plan": text})
    assert (same["severity"], same["differences"]) == (one["severity"], []) and same["promises"]
    within = "acknowledge_within: 15 min"
    assert within in text
    other = caller.post(path, {"plan": text.replace(within, "acknowledge_within: 3 min")})
    assert [each["before"]["key"] for each in other["differences"]] == ["acknowledge"]
    caller.post(path, {"plan": "name: nothing"}, 400)


def test_a_time_is_corrected(caller: Caller) -> None:
    one = caller.declare()
    path, body = f"/incidents/{one['id']}/corrections", {"moment": "started", "because": "the graph says so"}
    after = caller.post(path, {**body, "instant": "2026-01-01T00:00:00Z"})
    assert after["started_at"] == "2026-01-01T00:00:00Z"
    (entry,) = [
        each for each in caller.get(f"/incidents/{one['id']}/timeline")["entries"] if "corrected" in each["text"]
    ]
    assert (entry["kind"], entry["body"]["before"]) == ("TimeCorrected", one["started_at"])
    assert "in the future" in caller.post(path, {**body, "instant": "2999-01-01T00:00:00Z"}, 400)["detail"]
    caller.post(path, {**body, "moment": "resolved", "instant": "2026-01-01T00:00:00Z"}, 409)
    caller.post(path, {**body, "moment": "dreamt", "instant": "2026-01-01T00:00:00Z"}, 400)


def test_the_evidence_of_an_incident_is_one_signed_file(here: Served, caller: Caller) -> None:
    one = caller.declare()
    key = caller.get("/evidence/public-key")
    answer = here.request("GET", f"/api/v1/incidents/{one['id']}/evidence", headers=caller.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert archive.examine(answer.content, key).problems == ()
    caller.get("/incidents/inc_NOWHERE/evidence", 404)


def test_a_token_without_the_right_is_told_which_it_lacks(here: Served) -> None:
    headers = here.bearer("incidents:read", name="reader")
    refused = here.post("/api/v1/incidents", json=DECLARATION, headers=headers)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert "incidents:write" in refused.json()["detail"]
    assert here.get("/api/v1/incidents", headers=headers).status_code == 200


def test_a_revoked_token_is_refused_at_once(here: Served, caller: Caller) -> None:
    made = caller.post("/tokens", {"name": "short", "scopes": ["incidents:read"], "days": 1}, 201)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert here.get("/api/v1/incidents", headers=headers).status_code == 200
    assert here.request("DELETE", f"/api/v1/tokens/{made['id']}", headers=caller.headers).status_code == 204
    assert here.get("/api/v1/incidents", headers=headers).status_code == 401
    (listed,) = [one for one in caller.get("/tokens")["tokens"] if one["id"] == made["id"]]
    assert listed["revoked_at"] and "secret" not in listed


# ---- An incident, from its declaration to its post-mortem ----


def test_an_incident_is_worked_through_the_api(here: Served, caller: Caller) -> None:
    declared = caller.declare(impact="Nothing is remembered.")
    at = f"/incidents/{declared['id']}"
    assert (declared["status"], declared["declared_by"], declared["number"]) == ("investigating", "token:robot", 1)
    assert caller.post(f"{at}/acknowledge")["acknowledged_by"] == "token:robot"
    caller.post(f"{at}/notes", {"text": "Looking at the vendor's page."})
    caller.post(f"{at}/decisions", {"decision": "Wait for the vendor", "because": "It is theirs to mend."})
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    role, person = next(iter(plan.roles)), next(iter(plan.people))
    assert caller.post(f"{at}/roles", {"role": role, "person": person})["roles"] == {role: person}
    worst, kind = next(iter(plan.severities)), list(plan.types)[1]
    assert caller.post(f"{at}/severity", {"severity": worst, "because": "It spreads."})["severity"] == worst
    assert caller.post(f"{at}/type", {"type": kind, "because": "It is not what it looked like."})["type"] == kind
    assert caller.post(f"{at}/title", {"title": "Memory is full"})["title"] == "Memory is full"
    assert caller.post(f"{at}/mitigate", {"how": "Switched it off."})["status"] == "mitigating"
    see_checks_pass(caller, at)
    assert caller.post(f"{at}/resolve", {"how": "The vendor mended it."})["status"] == "watching"
    assert caller.post(f"{at}/reopen", {"because": "It came back."})["status"] == "investigating"
    kinds = [one["kind"] for one in caller.get(f"{at}/timeline")["entries"]]
    assert kinds[0] == "Declared" and kinds.index("Resolved") < kinds.index("Reopened")
    assert {"Acknowledged", "Noted", "Decided", "RoleAssigned", "SeverityChanged", "TypeChanged", "Renamed"} <= set(
        kinds
    )


def test_the_timeline_says_what_each_entry_records(caller: Caller) -> None:
    at = f"/incidents/{caller.declare()['id']}"
    caller.post(f"{at}/notes", {"text": "Nothing yet."})
    noted = caller.get(f"{at}/timeline")["entries"][-1]
    assert (noted["kind"], noted["by"], noted["body"]) == ("Noted", "token:robot", {"text": "Nothing yet."})
    assert "Nothing yet." in noted["text"] and noted["at"].startswith("2026-11-24T03:34:19")


def test_what_is_owed_can_be_read_and_waived(caller: Caller) -> None:
    at = f"/incidents/{caller.declare()['id']}"
    owed = [one for one in caller.get(f"{at}/obligations")["obligations"] if one["state"] == "open"]
    key = next(one["key"] for one in owed if one["kind"] == "update")
    waiver = {"key": key, "because": "Nobody reads it."}
    assert "incident commander" in caller.post(f"{at}/waivers", waiver, 403)["detail"]  # a program never may
    responder = caller.as_person("ben", "incidents:read", "incidents:write")
    responder.post(f"{at}/waivers", waiver, 403)
    responder.post(f"{at}/roles", {"role": "incident_commander", "person": "ben"})
    responder.post(f"{at}/waivers", waiver)
    (waived,) = [one for one in caller.get(f"{at}/obligations")["obligations"] if one["state"] == "waived"]
    assert (waived["key"], waived["evidence"]) == (key, "Nobody reads it.")
    assert (waived["settled_by"], waived["cause"], waived["late_by_seconds"]) == ("ben", 1, None)
    assert waived["proof"] == caller.get(f"{at}/timeline")["entries"][-1]["number"]
    refused = responder.post(f"{at}/waivers", {"key": "update:nobody", "because": "Again."}, 404)
    assert "update:nobody" in refused["detail"]


def test_an_incident_that_lacks_something_is_not_closed(caller: Caller) -> None:
    at = f"/incidents/{caller.declare()['id']}"
    assert caller.get(at)["to_close"]
    refused = caller.post(f"{at}/close", status=409)
    assert refused["type"] == "urn:tocsin:problem:still-owed"
    assert "not resolved" in refused["detail"]


def test_a_public_update_reaches_the_status_page(here: Served, caller: Caller) -> None:
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    audience = next(name for name, one in plan.communication.audiences.items() if one.public)
    kind = next(name for name, one in plan.types.items() if not one.private)
    at = f"/incidents/{caller.declare(type=kind)['id']}"
    fields = {"impact": "Replies are slow.", "issue": "slow replies", "message": "Replies are slow."}
    told = {"audience": audience, "stage": "investigating", "fields": fields}
    assert caller.post(f"{at}/updates", told)["stage"] == "investigating"
    page = here.get("/api/v2/summary.json").json()
    assert [one["status"] for one in page["incidents"]] == ["investigating"]


def test_the_ticket_is_markdown(caller: Caller) -> None:
    declared = caller.declare()
    ticket = caller.get(f"/incidents/{declared['id']}/ticket")
    assert "Memory is down" in ticket and declared["id"] in ticket


def test_the_post_mortem_is_read_written_and_made_final(here: Served, caller: Caller) -> None:
    at = f"/incidents/{caller.declare()['id']}/postmortem"
    draft = caller.get(at)
    assert draft["status"] == "draft" and draft["missing"]
    refused = caller.post(f"{at}/finalise", status=409)
    assert "still to write" in refused["detail"]
    empty = {one["id"]: "Written." for one in draft["sections"] if not one["is_done"]}
    assert caller.put(at, json=empty)["missing"] == []
    assert caller.post(f"{at}/finalise")["status"] == "final"
    assert caller.put(at, 409, json=empty)["type"] == "urn:tocsin:problem:already-final"
    text = caller.get(f"{at}.md")
    assert text.startswith("# Post-mortem: Memory is down")
    markdown = here.get(f"/api/v1{at}", headers={**caller.headers, "Accept": "text/markdown"})
    assert markdown.text == text and markdown.headers["content-type"].startswith("text/markdown")


def test_the_meeting_is_scheduled_and_held(caller: Caller) -> None:
    at = f"/incidents/{caller.declare()['id']}"
    see_checks_pass(caller, at)
    caller.post(f"{at}/resolve", {"how": "Mended."})
    meeting = (START + timedelta(days=1)).isoformat()
    assert caller.post(f"{at}/review", {"meeting_at": meeting})["review_at"] == "2026-11-25T03:34:19Z"
    assert caller.post(f"{at}/review/held")["review_held_at"]


# ---- Lists ----


def test_incidents_are_listed_page_by_page_even_if_they_share_an_instant(here: Served, caller: Caller) -> None:
    for number in range(7):
        caller.declare(title=f"The {number}th")
        if number % 3 == 2:
            here.clock.advance_to(here.clock.now() + timedelta(seconds=1))
    found: list[int] = []
    cursor = None
    while cursor or not found:
        page = caller.get("/incidents", limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(page["incidents"]) <= 2
        found += [one["number"] for one in page["incidents"]]
        cursor = page["next"]
    assert found == [7, 6, 5, 4, 3, 2, 1]


def test_incidents_are_filtered_by_status(caller: Caller) -> None:
    first, second = caller.declare(), caller.declare(title="Another")
    see_checks_pass(caller, f"/incidents/{first['id']}")
    caller.post(f"/incidents/{first['id']}/resolve", {"how": "Mended."})

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in caller.get("/incidents", **query)["incidents"]]

    assert ids(status="watching") == [first["id"]]
    assert ids(status=["watching", "investigating"]) == [second["id"], first["id"]]
    assert ids(open="true") == [second["id"], first["id"]] and ids(open="false") == []


def test_signals_are_listed_declared_and_dismissed(here: Served, caller: Caller) -> None:
    sender = here.bearer("signals:write")
    here.post("/api/v1/signals", json=[{"title": "odd", "key": "1"}, {"title": "odder", "key": "2"}], headers=sender)
    here.post("/api/v1/signals", content=b"{", headers=sender)
    here.decide()
    waiting = {one["key"]: one["id"] for one in caller.get("/signals/waiting")["signals"]}
    assert set(waiting) == {"1", "2"}
    words = caller.words()
    declared = caller.post(
        f"/signals/{waiting['1']}/declare", {"severity": words["severity"], "type": words["type"]}, 201
    )
    assert declared["title"] == "odd"
    assert caller.get(f"/signals/{waiting['1']}")["incident_id"] == declared["id"]
    caller.post(f"/signals/{waiting['2']}/dismiss", {"because": "Nothing."}, 204)
    assert caller.get("/signals/waiting")["signals"] == []
    seen = caller.get("/signals/recent")["signals"]
    assert {one["key"]: one["disposition"] for one in seen} == {"1": "declared", "2": "dismissed"}
    (body,) = caller.get("/signals/quarantine")["bodies"]
    assert (body["source"], body["body"]) == ("generic", "{")


def test_signals_are_listed_page_by_page(here: Served, caller: Caller) -> None:
    sent = [{"title": f"signal {number}", "key": str(number)} for number in range(5)]
    here.post("/api/v1/signals", json=sent, headers=here.bearer("signals:write"))
    here.decide()
    first = caller.get("/signals/recent", limit=3)
    second = caller.get("/signals/recent", limit=3, cursor=first["next"])
    assert len(first["signals"]) == 3 and second["next"] is None
    assert len({one["key"] for one in first["signals"] + second["signals"]}) == 5


# ---- The plan, the people, the numbers ----


def test_who_is_on_call_now(here: Served, caller: Caller) -> None:
    answer = caller.get("/oncall")
    assert answer["at"].startswith("2026-11-24T03:34:19")
    for shift in answer["shifts"]:
        assert shift["starts_at"] <= answer["at"] < shift["ends_at"]
    with here.app.database.read(SYSTEM) as tx:
        assert {one["rotation"] for one in answer["shifts"]} == set(plans.current(tx).rotations)


def test_the_plan_is_read_and_replaced(here: Served, caller: Caller) -> None:
    known = caller.get("/plan")
    assert known["plan"]["name"] == known["revision"]["name"]
    text = known["text"] + "\n# a remark\n"
    applied = caller.put("/plan", content=text.encode(), params={"reason": "A remark."})
    assert applied["reason"] == "A remark." and applied["applied_by"] == "token:robot"
    assert caller.get("/plan")["revision"]["id"] == applied["id"] != known["revision"]["id"]
    assert {one["id"] for one in caller.get("/plan/revisions")["revisions"]} == {
        applied["id"],
        known["revision"]["id"],
    }


def test_a_plan_is_checked_without_being_put_into_force(here: Served, caller: Caller) -> None:
    known = caller.get("/plan")
    text = known["text"].replace("    private: true\n", "", 1)
    report = caller._said("POST", "/plan/check", 200, content=text.encode())
    (found,) = (one for one in report["findings"] if one["code"] == "security-published")
    assert found["line"] and found["level"] == "error" and found["mend"] and not report["ok"]
    assert report["counts"]["errors"] >= 1 and "whether everybody can be reached" not in report["not_checked"]
    assert caller.get("/plan")["revision"] == known["revision"]
    bad = caller._said("POST", "/plan/check", 200, content=b"{")
    assert [one["code"] for one in bad["findings"]] == ["form"]


def test_people_who_cannot_be_reached_are_found_in_the_plan(here: Served, caller: Caller) -> None:
    here.app.database.run(
        SYSTEM, lambda tx: people.add_contact(tx, "ana", Channel.EMAIL, "ana@example.org", verified=True)
    )
    reachable = {one["handle"] for one in caller.get("/people")["people"] if one["reachable"]}
    assert reachable == {"ana"}
    report = caller._said("POST", "/plan/check", 200, content=caller.get("/plan")["text"].encode())
    found = {one["path"].removeprefix("people.") for one in report["findings"] if one["code"] == "unreachable"}
    assert found == {"ben", "lucia", "tomas", "erin"}


def test_a_large_change_of_the_plan_needs_a_yes(caller: Caller) -> None:
    text = caller.get("/plan")["text"].replace("acknowledge_within: 5 min", "acknowledge_within: 6 min", 1)
    refused = caller.put("/plan", 409, content=text.encode())
    assert refused["type"] == "urn:tocsin:problem:large-change"
    assert "acknowledging moves from 5 min to 6 min (1 min later)" in refused["detail"]
    assert caller.get("/plan")["text"] != text
    caller.put("/plan", content=text.encode(), params={"yes": "true", "reason": "We are fewer."})
    assert caller.get("/plan")["text"] == text


def test_a_plan_with_mistakes_is_refused_with_every_line(caller: Caller) -> None:
    text = caller.get("/plan")["text"].replace("severities:", "severitys:", 1) + "\nnonsense: 1\n"
    refused = caller.put("/plan", 400, content=text.encode())
    assert refused["type"] == "urn:tocsin:problem:bad-plan"
    assert {"severitys", "nonsense"} <= {one["path"] for one in refused["errors"]}
    assert all(one["line"] >= 1 and one["detail"] for one in refused["errors"])
    lines = text.split("\n")
    (nonsense,) = [one for one in refused["errors"] if one["path"] == "nonsense"]
    assert lines[nonsense["line"] - 1] == "nonsense: 1"


def test_a_plan_that_is_not_text_is_refused(caller: Caller) -> None:
    assert "UTF-8" in caller.put("/plan", 400, content=b"name: \xff")["detail"]


def test_people_are_listed_without_their_addresses(caller: Caller) -> None:
    people = caller.get("/people")["people"]
    assert people and all("email" not in one for one in people)


def test_the_numbers_of_a_period(here: Served, caller: Caller) -> None:
    caller.declare()
    here.clock.advance_to(here.clock.now() + timedelta(minutes=1))
    assert caller.get("/metrics/incidents")["counts"]["total"] == 1
    earlier: dict[str, Any] = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01"}
    assert caller.get("/metrics/incidents", **earlier)["counts"]["total"] == 0


@pytest.mark.parametrize("period", [{"from": "soon"}, {"to": "0001-01-01"}, {"from": "2026-12-01", "to": "2026-11-01"}])
def test_a_period_that_is_none_is_refused(caller: Caller, period: dict[str, Any]) -> None:
    refused = caller.get("/metrics/incidents", 400, **period)
    assert refused["errors"][0]["parameter"] in ("from", "to")


# ---- Refusals ----


def test_what_is_not_there_is_said_as_a_problem(caller: Caller) -> None:
    for path in ("/incidents/inc_NOTHERE", "/incidents/inc_NOTHERE/timeline", "/incidents/inc_NOTHERE/obligations"):
        missing = caller.get(path, 404)
        assert missing["type"] == "urn:tocsin:problem:no-such-incident"
        assert "inc_NOTHERE" in missing["detail"]
    assert caller.get("/nothing", 404)["status"] == caller.get("/nothing/here", 404)["status"] == 404
    caller.get("/incidents/inc%00", 404)


def test_every_misfit_is_named(caller: Caller) -> None:
    words = caller.words()
    for wrong, place in (
        ({**words, "severity": 3}, "severity"),
        ({**words, "nonsense": 1}, "nonsense"),
        ({"title": "only"}, "severity"),
        ({**words, "started_at": "yesterday"}, "started_at"),
        ({**words, "title": "nul \x00"}, "title"),
        ({**words, "started_at": "0001-01-01T00:00:00Z"}, "started_at"),
    ):
        refused = caller.post("/incidents", wrong, 400)
        assert place in str(refused["errors"]), refused


def test_words_that_the_plan_does_not_know_are_refused(caller: Caller) -> None:
    refused = caller.post("/incidents", {**caller.words(), "severity": "P9"}, 400)
    assert refused["type"] == "urn:tocsin:problem:unknown-word"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"title": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(here: Served, caller: Caller, body: bytes) -> None:
    answer = here.post("/api/v1/incidents", content=body, headers=caller.headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Bad Request"


def test_a_body_that_is_too_large_is_refused(here: Served, caller: Caller) -> None:
    async def pieces() -> Any:
        for _ in range(30):
            yield b" " * 50_000

    for content in (b" " * 1_500_000, pieces()):
        answer = here.post("/api/v1/incidents", content=content, headers=caller.headers)
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
        assert "Send less at once" in answer.json()["detail"]


@pytest.mark.parametrize("asked", ["audit?from=soon", "events?type=nothing&follow=false"])
def test_what_is_wrong_in_an_address_is_called_as_it_stands_there(here: Served, caller: Caller, asked: str) -> None:
    answer = here.get(f"/api/v1/{asked}", headers=caller.headers)
    name = asked.partition("?")[2].partition("=")[0]
    assert (answer.status_code, [one["parameter"] for one in answer.json()["errors"]]) == (400, [name])


def test_another_method_is_refused_with_those_there_are(here: Served, caller: Caller) -> None:
    answer = here.request("DELETE", "/api/v1/incidents", headers=caller.headers)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {one.strip() for one in answer.headers["allow"].split(",")}
    assert answer.json()["title"] == "Method Not Allowed"


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"limit": 1000}, {"status": "nonsense"}])
def test_a_question_that_makes_no_sense_is_refused(caller: Caller, query: dict[str, Any]) -> None:
    refused = caller.get("/incidents", 400, **query)
    assert next(iter(query)) in str(refused["errors"])
    assert refused["detail"]


def test_when_the_database_is_away_callers_come_again(here: Served, caller: Caller) -> None:
    here.take_database_away()
    answer = here.get("/api/v1/incidents", headers=caller.headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_mistake_of_ours_is_said_without_its_innards(here: Served, caller: Caller) -> None:
    """A row that no code of ours would write stands for the mistake."""
    here.post("/api/v1/signals", json={"title": "odd", "key": "1"}, headers=here.bearer("signals:write"))
    here.decide()
    with here.app.database.work(SYSTEM) as tx:
        tx.run(signals.table.update().values(disposition="nonsense"))
    answer = here.get("/api/v1/signals/recent", headers=caller.headers)
    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal Server Error"
    assert "nonsense" not in answer.text
