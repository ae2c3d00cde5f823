"""What every operation of the API can be asked besides: only if it stands so, only once, only so many, page by page."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.kit.actor import SYSTEM
from tocsin.people import tokens
from tocsin.plan import store as plans

RIGHTS = tuple(EVERY_RIGHT)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def headers(here: Served) -> dict[str, str]:
    return here.bearer(*RIGHTS)


def declaration(here: Served) -> dict[str, Any]:
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    return {"title": "Voice is mute", "severity": next(iter(plan.severities)), "type": next(iter(plan.types))}


def declared(here: Served, headers: dict[str, str], **more: str) -> dict[str, Any]:
    answer = here.post("/api/v1/incidents", json=declaration(here), headers=headers | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


# ---- Only if it stands so --------------------------------------------------------------------------------------------


def test_an_answer_that_the_caller_has_is_not_sent_again(here: Served, headers: dict[str, str]) -> None:
    first = here.get("/api/v1/plan", headers=headers)
    again = here.get("/api/v1/plan", headers=headers | {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    weak = here.get("/api/v1/plan", headers=headers | {"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert weak.status_code == 304
    assert here.get("/api/v1/plan", headers=headers | {"If-None-Match": '"x"'}).status_code == 200


def test_of_two_who_change_an_incident_the_second_learns_what_the_first_did(
    here: Served, headers: dict[str, str]
) -> None:
    address = f"/api/v1/incidents/{declared(here, headers)['id']}"
    read = here.get(address, headers=headers).headers["etag"]
    first = here.post(f"{address}/notes", json={"text": "A disk is full"}, headers=headers | {"If-Match": read})
    assert first.status_code == 200
    second = here.post(f"{address}/notes", json={"text": "Me too"}, headers=headers | {"If-Match": read})
    assert second.status_code == 412
    said = second.json()
    assert said["type"] == "urn:tocsin:problem:moved"
    assert ["A disk is full" in one["detail"] for one in said["changed"]] == [True]
    assert said["changed"][0]["by"] == "token:caller"
    notes = [
        one for one in here.get(f"{address}/timeline", headers=headers).json()["entries"] if one["kind"] == "Noted"
    ]
    assert len(notes) == 1
    # The tag that a change is answered with is good for the next one.
    third = here.post(
        f"{address}/notes", json={"text": "Thrice"}, headers=headers | {"If-Match": first.headers["etag"]}
    )
    assert third.status_code == 200
    assert here.post(f"{address}/acknowledge", headers=headers | {"If-Match": "5"}).status_code == 400
    assert here.post(f"{address}/acknowledge", headers=headers | {"If-Match": "*"}).status_code == 200


def test_a_plan_that_changed_meanwhile_is_not_replaced(here: Served, headers: dict[str, str]) -> None:
    found = here.get("/api/v1/plan", headers=headers)
    known = headers | {"If-Match": found.headers["etag"]}
    other = found.json()["text"] + "\n# another line\n"
    assert here.request("PUT", "/api/v1/plan", content=other, headers=known).status_code == 200
    refused = here.request("PUT", "/api/v1/plan", content=other + "# and one more\n", headers=known)
    assert refused.status_code == 412
    assert "was put into force" in refused.json()["changed"][0]["detail"]


def test_a_rota_and_a_silence_that_changed_meanwhile_stay_as_they_are(here: Served, headers: dict[str, str]) -> None:
    me = headers | {"If-Match": here.get("/api/v1/oncall/overrides", headers=headers).headers["etag"]}
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    ends_at = (here.clock.now() + timedelta(hours=2)).isoformat()
    wanted = {"rotation": next(iter(plan.rotations)), "person": next(iter(plan.people)), "reason": "a walk"}
    wanted |= {"starts_at": here.clock.now().isoformat(), "ends_at": ends_at}
    made = here.post("/api/v1/oncall/overrides", json=wanted, headers=me)
    assert made.status_code == 201, made.text
    refused = here.post("/api/v1/oncall/overrides", json=wanted, headers=me)
    assert refused.status_code == 412 and made.json()["id"] in refused.json()["changed"][0]["detail"]

    silence = {"matchers": ["job=backup"], "ends_at": ends_at, "because": "it is moved"}
    made = here.post("/api/v1/silences", json=silence, headers=headers)
    assert made.status_code == 201, made.text
    address = f"/api/v1/silences/{made.json()['id']}"
    known = headers | {"If-Match": here.get(address, headers=headers).headers["etag"]}
    assert here.post(f"{address}/end", headers=known).status_code == 200
    assert here.post(f"{address}/end", headers=known).status_code == 412


# ---- Only once -------------------------------------------------------------------------------------------------------


def test_what_is_sent_again_under_its_key_is_not_done_again(here: Served, headers: dict[str, str]) -> None:
    first = declared(here, headers, **{"Idempotency-Key": "night-1"})
    answer = here.post("/api/v1/incidents", json=declaration(here), headers=headers | {"Idempotency-Key": "night-1"})
    assert answer.status_code == 201 and answer.json() == first
    assert answer.headers["idempotency-replayed"] == "true"
    assert len(here.get("/api/v1/incidents", headers=headers).json()["incidents"]) == 1


def test_a_key_is_for_one_request_of_one_token_and_for_a_day(here: Served, headers: dict[str, str]) -> None:
    keyed = headers | {"Idempotency-Key": "night-1"}
    declared(here, keyed)
    other = here.post("/api/v1/incidents", json=declaration(here) | {"title": "Another"}, headers=keyed)
    assert (other.status_code, other.json()["type"]) == (422, "urn:tocsin:problem:key-reused")
    elsewhere = here.bearer(*RIGHTS, name="another") | {"Idempotency-Key": "night-1"}
    assert declared(here, elsewhere)["number"] == 2
    here.clock.advance_to(here.clock.now() + timedelta(days=1, seconds=1))
    assert declared(here, keyed)["number"] == 3
    assert here.post("/api/v1/incidents", json={}, headers=headers | {"Idempotency-Key": "x y"}).status_code == 400


def test_a_refusal_is_not_remembered(here: Served, headers: dict[str, str]) -> None:
    keyed = headers | {"Idempotency-Key": "night-2"}
    wrong = declaration(here) | {"severity": "P9"}
    assert here.post("/api/v1/incidents", json=wrong, headers=keyed).status_code == 400
    assert declared(here, keyed)["number"] == 1


def test_whoever_comes_while_it_is_carried_out_is_sent_away(here: Served, headers: dict[str, str]) -> None:
    from tocsin.api import store  # noqa: PLC0415

    secret = headers["Authorization"].removeprefix("Bearer ")
    with here.app.database.work(SYSTEM) as tx:
        store.begin(tx, store.name(secret, "night-3"), "?")
    answer = here.post("/api/v1/incidents", json=declaration(here), headers=headers | {"Idempotency-Key": "night-3"})
    assert answer.status_code == 422  # another request, as far as its hash goes


def test_a_kept_answer_holds_no_secret_and_opens_for_nobody_else(here: Served, headers: dict[str, str]) -> None:
    keyed = headers | {"Idempotency-Key": "token-1"}
    wanted = {"name": "deploys", "scopes": ["signals:write"]}
    made = here.post("/api/v1/tokens", json=wanted, headers=keyed).json()
    assert here.post("/api/v1/tokens", json=wanted, headers=keyed).json()["secret"] == made["secret"]
    here.app.database.dispose()
    file = Path(str(here.app.database.url.database))
    kept = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    assert made["secret"].encode() not in kept
    secret = headers["Authorization"].removeprefix("Bearer ")
    with here.app.database.work(SYSTEM) as tx:
        mine = next(one for one in tokens.listed(tx) if one.name == "caller")
        tokens.revoke(tx, mine.id)
    assert secret and here.post("/api/v1/tokens", json=wanted, headers=keyed).status_code == 401


# ---- Only so many ----------------------------------------------------------------------------------------------------


def test_each_answer_says_what_is_left_and_too_much_is_refused(sqlite_url: str) -> None:
    with served(sqlite_url, api_a_minute=2) as here:
        headers = here.bearer(*RIGHTS)
        first = here.get("/api/v1/people", headers=headers)
        assert first.headers["ratelimit-policy"] == '"token";q=2;w=60'
        assert first.headers["ratelimit"] == '"token";r=1;t=30'
        assert here.get("/api/v1/people", headers=headers).headers["ratelimit"] == '"token";r=0;t=60'
        refused = here.get("/api/v1/people", headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert here.get("/api/v1/people", headers=here.bearer(*RIGHTS, name="another")).status_code == 200
        here.clock.advance_to(here.clock.now() + timedelta(seconds=31))
        assert here.get("/api/v1/people", headers=headers).status_code == 200


def test_of_two_who_write_one_post_mortem_the_second_learns_that(here: Served, headers: dict[str, str]) -> None:
    address = f"/api/v1/incidents/{declared(here, headers)['id']}/postmortem"
    read = here.get(address, headers=headers)
    one, other = (section["id"] for section in read.json()["sections"][:2])
    first = here.request("PUT", address, json={one: "A disk"}, headers=headers | {"If-Match": read.headers["etag"]})
    assert first.status_code == 200, first.text
    late = {"If-Match": here.get(f"{address}.md", headers=headers).headers["etag"]}
    second = here.request("PUT", address, json={one: "Me"}, headers=headers | {"If-Match": read.headers["etag"]})
    assert (second.status_code, second.json()["changed"][0]["by"]) == (412, "token:caller")
    assert here.request("PUT", address, json={other: "x"}, headers=headers | late).status_code == 200
    # What the record of the incident gains is no change of what people wrote.
    again = {"If-Match": here.get(address, headers=headers).headers["etag"]}
    assert here.post(address.replace("postmortem", "acknowledge"), headers=headers).status_code == 200
    assert here.request("PUT", address, json={other: "y"}, headers=headers | again).status_code == 200
    assert here.post(f"{address}/finalise", headers=headers | again).status_code == 412


def test_what_people_decided_is_changed_only_as_it_was_read(here: Served, headers: dict[str, str]) -> None:
    body = {"addresses": ["zoe@rose.example"], "consent": "They asked"}
    assert here.post("/api/v1/subscribers", json=body, headers=headers).is_success
    (zoe,) = here.get("/api/v1/subscribers", headers=headers).json()["subscribers"]
    subscriber = f"/api/v1/subscribers/{zoe['id']}"
    made = here.post("/api/v1/webhooks", json={"url": "https://example.org/hooks"}, headers=headers).json()
    webhook = f"/api/v1/webhooks/{made['id']}"
    contacts = "/api/v1/people/ana/contacts"
    for address, change, wanted, stale in (
        (webhook, f"{webhook}/change", {"description": "ours"}, f"{webhook}/rotate"),
        (subscriber, f"{subscriber}/off", {}, f"{subscriber}/on"),
        (contacts, contacts, {"channel": "email", "address": "ana@example.net"}, contacts),
    ):
        tag = {"If-Match": here.get(address, headers=headers).headers["etag"]}
        assert here.post(change, json=wanted, headers=headers | tag).is_success, address
        refused = here.post(stale, json=wanted, headers=headers | tag)
        assert (refused.status_code, refused.json()["type"]) == (412, "urn:tocsin:problem:moved"), address
    read = {"If-Match": here.get(webhook, headers=headers).headers["etag"]}
    assert here.request("DELETE", webhook, headers=headers | tag).status_code == 412
    assert here.request("DELETE", webhook, headers=headers | read).status_code == 204


# ---- Page by page ----------------------------------------------------------------------------------------------------


def test_every_list_can_be_read_a_page_at_a_time(here: Served, headers: dict[str, str]) -> None:
    incident = declared(here, headers)["id"]
    for number in range(3):
        here.token("signals:write", name=f"sender {number}")
        here.post("/api/v1/signals", json={"title": f"odd {number}", "details": {"n": number}}, headers=headers)
        here.post("/api/v1/signals", content=b"{", headers=headers)
        here.post(f"/api/v1/incidents/{incident}/notes", json={"text": f"note {number}"}, headers=headers)
    here.decide()
    here.clock.advance_to(here.clock.now() + timedelta(seconds=1))
    read = 0
    for address, member in LISTS.items():
        path = f"/api/v1/{address.format(incident=incident)}"
        whole = here.get(path, headers=headers).json()[member]
        assert pages(here, path, member, headers) == whole, address
        read += len(whole)
        assert here.get(path, params={"cursor": "?", "limit": 0}, headers=headers).status_code == 400, address
    assert read > 20


LISTS = {
    "incidents": "incidents",
    "incidents/{incident}/timeline": "entries",
    "incidents/{incident}/obligations": "obligations",
    "incidents/{incident}/pages": "pages",
    "incidents/{incident}/communications": "communications",
    "signals/recent": "signals",
    "signals/waiting": "signals",
    "signals/quarantine": "bodies",
    "changes": "changes",
    "probes": "probes",
    "probes/rose/health/looks": "looks",
    "silences": "silences",
    "people": "people",
    "tokens": "tokens",
    "plan/revisions": "revisions",
    "oncall/overrides": "overrides",
    "oncall/swaps": "swaps",
    "oncall/handoffs": "handoffs",
    "oncall/feeds": "feeds",
    "messages/undelivered": "messages",
    "incidents?open=true": "incidents",
}


def pages(here: Served, path: str, member: str, headers: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        about: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = here.get(path, params=about, headers=headers).json()
        found += answer[member]
        cursor = answer["next"]
        if cursor is None:
            return found


# ---- What is wrong, where, and what would do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("incidents?statuss=closed", {"detail": "There is no parameter 'statuss' here; did you mean status?"}),
        ("oncall?at=now", {"detail": "There is no parameter 'at' here."}),
        ("probes?health=ill", {"detail": "'ill' will not do; there is trouble, unknown and well"}),
    ],
)
def test_a_misspelt_parameter_is_refused_and_not_passed_over(
    here: Served, headers: dict[str, str], asked: str, said: dict[str, str]
) -> None:
    answer = here.get(f"/api/v1/{asked}", headers=headers)
    assert answer.status_code == 400
    name = asked.partition("?")[2].partition("=")[0]
    assert answer.json()["errors"] == [said | {"parameter": name}]


@pytest.mark.parametrize(
    ("path", "body", "said", "place"),
    [
        ("incidents", b"", "The body is missing; send JSON.", "#"),
        ("reports", b'{"words": "x", "contct": "y"}', "unknown field; did you mean contact?", "#/contct"),
        ("webhooks", b'{"url": "https://example.org", "xyzzy": 1}', "unknown field.", "#/xyzzy"),
        ("changes", b'{"what": "x", "kind": "deploy"}', "'deploy' will not do; there is deployment, ", "#/kind"),
    ],
)
def test_a_mistake_in_a_body_says_what_would_do(
    here: Served, headers: dict[str, str], path: str, body: bytes, said: str, place: str
) -> None:
    answer = here.post(f"/api/v1/{path}", content=body, headers=headers)
    assert answer.status_code == 400
    (mistake,) = answer.json()["errors"]
    assert mistake["detail"].startswith(said) and mistake["pointer"] == place
    assert said.rstrip(".") in answer.json()["detail"]


def test_a_body_that_is_cut_off_is_said_to_be_no_json(here: Served, headers: dict[str, str]) -> None:
    refused = here.post("/api/v1/incidents", content=b'{"title": ', headers=headers)
    assert refused.status_code == 400 and refused.json()["detail"].startswith("The body is not JSON: ")


def test_an_address_says_what_may_be_asked_of_it(here: Served, headers: dict[str, str]) -> None:
    asked = here.request("OPTIONS", "/api/v1/incidents", headers=headers)
    refused = here.request("DELETE", "/api/v1/incidents", headers=headers)
    assert (asked.status_code, refused.status_code) == (204, 405)
    for answer in (asked, refused):
        assert {one.strip() for one in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST", "OPTIONS"}
    assert here.request("OPTIONS", "/api/v1/incidents").status_code == 401


def test_a_text_names_its_letters_once(here: Served, headers: dict[str, str]) -> None:
    address = f"/api/v1/incidents/{declared(here, headers)['id']}"
    for path in (f"{address}/ticket", f"{address}/postmortem.md", "/api/v1/metrics/prometheus"):
        assert here.get(path, headers=headers).headers["content-type"].count("charset") == 1, path
