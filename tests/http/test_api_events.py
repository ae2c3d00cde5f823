"""Webhooks and the stream of events over HTTP: made and managed by administrators, listened to by whoever may read."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.api.events import STREAMS_MOST, Listening, Place
from tocsin.events import outbox, store
from tocsin.events.commands import LISTENED_TO
from tocsin.events.model import KEPT_FOR
from tocsin.kit.actor import SYSTEM
from tocsin.people import access, tokens
from tocsin.people import commands as people_commands
from tocsin.response import commands

EVENTS = "/api/v1/events"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def headers(here: Served) -> dict[str, str]:
    return here.bearer(*EVERY_RIGHT)


def declare(here: Served, headers: dict[str, str], kind: str = "service_outage") -> str:
    said = {"title": "Voice is mute", "severity": "P3", "type": kind, "service": "rose"}
    answer = here.post("/api/v1/incidents", json=said, headers=headers)
    assert answer.status_code == 201, answer.text
    here.app.database.run(SYSTEM, lambda tx: outbox.fan_out(tx, 1000))
    found: str = answer.json()["id"]
    return found


def read(here: Served, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = here.get(EVENTS, params={"follow": "false", "since": "0", **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return parsed(answer.text)


def parsed(text: str) -> list[dict[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append({**json.loads(lines["data"]), "position": int(lines["id"]), "event": lines["event"]})
    return found


def test_what_was_missed_is_told_from_an_id_or_an_instant(here: Served, headers: dict[str, str]) -> None:
    incident = declare(here, headers)
    found = read(here, headers)
    assert [one["event"] for one in found] == ["plan.applied", "incident.declared"]
    assert found[1]["data"]["incident"]["id"] == incident and found[1]["event"] == found[1]["type"]
    last = str(found[0]["position"])
    assert read(here, headers, since=last) == read(here, headers | {"Last-Event-ID": last}) == found[1:]
    here.clock.advance_to(here.clock.now() + timedelta(minutes=5))
    later = here.clock.now().isoformat()
    declare(here, headers)
    assert len(read(here, headers, since=later)) == 1
    assert [one["event"] for one in read(here, headers, type="plan.applied")] == ["plan.applied"]
    assert here.get(EVENTS, params={"since": "soon"}, headers=headers).status_code == 400


def test_a_listener_learns_that_it_missed_something_for_good(here: Served, headers: dict[str, str]) -> None:
    incident = declare(here, headers)
    declare(here, headers)
    assert [one["type"] for one in read(here, headers, since="1")] == ["incident.declared"] * 2
    here.clock.advance_to(here.clock.now() + KEPT_FOR + timedelta(minutes=1))
    here.app.database.run(SYSTEM, store.thin)
    declare(here, headers)
    told = read(here, headers, since="1")
    assert [one["type"] for one in told] == ["tocsin.gap", "incident.declared"]
    assert told[0]["data"] == {"asked": 1} and told[0]["position"] == told[1]["position"] - 1 == 3
    assert incident not in str(told)
    for position in ("0", "3"):  # from the beginning, and up to date until then: nothing is missed
        assert [one["type"] for one in read(here, headers, since=position)] == ["incident.declared"]


def test_a_listener_that_is_ahead_of_a_restored_copy_begins_anew(here: Served, headers: dict[str, str]) -> None:
    declare(here, headers)
    (gap,) = read(here, headers, since="4711")
    assert (gap["type"], gap["position"], gap["data"]) == ("tocsin.gap", 2, {"asked": 4711})
    declare(here, headers)
    assert [one["type"] for one in read(here, headers, since="2")] == ["incident.declared"]


def test_what_is_neither_an_id_nor_an_instant_is_called_so(here: Served, headers: dict[str, str]) -> None:
    for query, sent in (({"since": "soon"}, {}), ({}, {"Last-Event-ID": "soon"})):
        refused = here.get(EVENTS, params={"follow": "false", **query}, headers=headers | sent)
        assert refused.status_code == 400
        assert "neither the id of an event nor an instant" in refused.json()["detail"]


def test_what_is_confidential_is_told_to_those_who_may_read_it(here: Served, headers: dict[str, str]) -> None:
    secret = declare(here, here.bearer(*EVERY_RIGHT, name="opener"), "security")
    trusted = here.bearer("incidents:read", "incidents:confidential", name="archive")
    assert secret not in json.dumps(read(here, headers))
    assert secret in json.dumps(read(here, trusted))


def test_whoever_listens_hears_nothing_of_what_happens_after_their_token_was_revoked(here: Served) -> None:
    secret = here.token("incidents:read", name="former")
    with here.app.database.work(SYSTEM) as tx:
        token = tokens.live(tx, secret)
        assert token is not None
        listening = Listening(here.app, access.bearer(token), secret, store.last_position(tx), frozenset(LISTENED_TO))
        people_commands.revoke_token(tx, token.id)
        commands.declare(tx, title="Voice is mute", severity="P3", type="service_outage", service="rose")
    here.app.database.run(SYSTEM, lambda tx: outbox.fan_out(tx, 1000))

    async def story() -> str:
        return "".join([line async for line in listening.live(Place(here.app))])

    assert parsed(here.run(asyncio.wait_for(story(), 60))) == []
    assert here.app.listeners == 0


def test_a_listener_hears_at_once(here: Served, headers: dict[str, str]) -> None:
    secret = here.token("incidents:read", name="listener")
    with here.app.database.read(SYSTEM) as tx:
        token = tokens.live(tx, secret)
        position = store.last_position(tx)
    assert token is not None
    listening = Listening(here.app, access.bearer(token), secret, position, frozenset({"incident.declared"}))

    async def first_words(lines: AsyncIterator[str]) -> str:
        found = ""
        async for line in lines:
            found += line
            if "event:" in found:
                return found
        return found

    async def story() -> str:
        heard = asyncio.create_task(first_words(listening.live(Place(here.app))))
        await asyncio.sleep(0.1)
        said = {"title": "Voice is mute", "severity": "P3", "type": "service_outage", "service": "rose"}
        await here.client.post("/api/v1/incidents", json=said, headers=headers)
        here.app.database.run(SYSTEM, lambda tx: outbox.fan_out(tx, 1000))
        return await asyncio.wait_for(heard, 10)

    assert [one["event"] for one in parsed(here.run(story()))] == ["incident.declared"]
    here.app.listeners = STREAMS_MOST
    assert here.get(EVENTS, headers=headers).status_code == 503


# ---- Webhooks --------------------------------------------------------------------------------------------------------


def test_a_webhook_is_made_changed_tried_replayed_and_removed(here: Served, headers: dict[str, str]) -> None:
    wanted = {"url": "https://example.org/hooks", "types": ["incident.declared"], "description": "the wall"}
    made = here.post("/api/v1/webhooks", json=wanted, headers=headers)
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    assert made.headers["cache-control"] == "no-store"
    address = f"/api/v1/webhooks/{made.json()['id']}"
    shown = here.get(address, headers=headers)
    assert (
        "secret" not in shown.text and made.json()["secret"] not in here.get("/api/v1/webhooks", headers=headers).text
    )
    begun = here.clock.now().isoformat()
    declare(here, headers)
    assert here.post(f"{address}/test", headers=headers).status_code == 202
    found = here.get(f"{address}/deliveries", params={"limit": 1}, headers=headers).json()
    more = here.get(f"{address}/deliveries", params={"cursor": found["next"]}, headers=headers).json()
    kinds = {one["event_type"] for one in found["deliveries"] + more["deliveries"]}
    assert kinds == {"incident.declared", "tocsin.test"}
    assert here.post(f"{address}/replay", json={"since": begun}, headers=headers).json() == {"events": 1}
    one = found["deliveries"][0]
    again = here.post(f"{address}/deliveries/{one['id']}/replay", headers=headers).json()
    assert again["id"] != one["id"] and again["event_id"] == one["event_id"]
    changed = here.post(f"{address}/change", json={"types": []}, headers=headers).json()
    assert (changed["types"], changed["description"]) == ([], "the wall")
    rotated = here.post(f"{address}/rotate", headers=headers).json()
    assert rotated["secret"] != made.json()["secret"] and rotated["old_until"] is not None
    assert here.post(f"{address}/disable", headers=headers).json()["disabled_because"] == "token:caller disabled it"
    assert here.post(f"{address}/test", headers=headers).status_code == 409
    assert here.post(f"{address}/enable", headers=headers).json()["disabled_at"] is None
    assert here.request("DELETE", address, headers=headers).status_code == 204
    assert here.get(address, headers=headers).status_code == 404


def test_a_secret_stands_sealed_in_the_database(here: Served, headers: dict[str, str]) -> None:
    made = here.post("/api/v1/webhooks", json={"url": "https://example.org/"}, headers=headers).json()
    rotated = here.post(f"/api/v1/webhooks/{made['id']}/rotate", headers=headers).json()
    with here.app.database.read(SYSTEM) as tx:
        kept = outbox.load(tx, made["id"])
        assert tx.keys.open_(kept.secret) == rotated["secret"]
        assert tx.keys.open_(kept.old_secret or "") == made["secret"]
    assert kept.secret.startswith("sealed:") and kept.old_secret is not None and kept.old_secret.startswith("sealed:")


def test_webhooks_are_the_administrators(here: Served) -> None:
    reader = here.bearer("incidents:read", "incidents:write", name="reader")
    assert here.get("/api/v1/webhooks", headers=reader).status_code == 403
    assert here.post("/api/v1/webhooks", json={"url": "https://example.org/"}, headers=reader).status_code == 403
    trusting = {"url": "https://example.org/", "confidential": True}
    most = here.bearer(*EVERY_RIGHT, name="most")
    assert here.post("/api/v1/webhooks", json=trusting, headers=most).status_code == 403
