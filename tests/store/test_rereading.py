"""What could not be read, read again: once, by whoever may send signals, and only where somebody answers for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.world import QUIET, World
from tocsin.changes import store as changes
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.people import access
from tocsin.response import rereading
from tocsin.response.rereading import Reread
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.quarantine import Quarantined

CAT = b'{"title": "A cat", "key": "cat"}'
DEPLOYED = {
    "deployment_status": {"state": "success", "created_at": "2026-11-24T02:00:00Z"},
    "deployment": {"id": 7, "sha": "0" * 40, "ref": "main", "environment": "production"},
    "repository": {"name": "rose", "full_name": "rose/rose"},
    "sender": {"login": "ana"},
}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=QUIET)
    yield world
    world.close()


def put_away(world: World, body: bytes, source: str = "generic", sender: str = "robot", **more: Any) -> Quarantined:
    about: dict[str, Any] = {
        "source": source,
        "sender": sender,
        "reason": "An older release could not read it.",
        **more,
    }
    world.database.run(SYSTEM, lambda tx: quarantine.keep(tx, body=body, **about))
    return world.read(quarantine.listed)[0]


def again(world: World, one: Quarantined) -> Reread:
    return world.do(rereading.read_again, one.id)


def titles(world: World) -> list[str]:
    return [one.title for one in world.read(signals.recent)]


def test_what_its_reader_now_understands_becomes_signals_once(world: World) -> None:
    kept = put_away(world, CAT)
    found = again(world, kept)
    assert (found.signals, found.problem, found.said) == (1, "", "Read: 1 signal.")
    assert titles(world) == ["A cat"]
    (after,) = world.read(quarantine.listed)
    assert (after.read_by, after.result, after.body) == ("ana", "Read: 1 signal.", kept.body)
    assert after.read_at == world.clock.now()
    with pytest.raises(rereading.ReadAlready):
        again(world, kept)
    assert world.read(signals.recent)[0].count == 1


def test_what_still_cannot_be_read_stays_and_says_why(world: World) -> None:
    kept = put_away(world, b'{"title": 3}')
    found = again(world, kept)
    assert found.problem and found.signals == 0
    (after,) = world.read(quarantine.listed)
    assert (after.read_at, after.result) == (None, found.problem)
    assert titles(world) == []


def test_all_are_read_again_the_oldest_first(world: World) -> None:
    put_away(world, CAT)
    put_away(world, b"{")
    put_away(world, b'[{"title": "A dog", "key": "d"}, {"title": "A cat again", "key": "cat"}]')
    found = world.do(rereading.read_all_again)
    assert [(one.signals, bool(one.problem)) for one in found] == [(1, False), (0, True), (2, False)]
    assert sorted(titles(world)) == ["A cat again", "A dog"]
    assert [one.signals for one in world.do(rereading.read_all_again)] == [0]


def test_a_sender_is_read_with_what_its_request_said_beside_the_body(world: World) -> None:
    body = json.dumps(DEPLOYED).encode()
    bare = again(world, put_away(world, body, "github"))
    told = {"path": [], "headers": {"x-github-event": "deployment_status"}}
    full = again(world, put_away(world, body, "github", asked=told))
    assert (bare.changes, full.changes) == (0, 1), (bare, full)
    assert len(world.read(changes.listing)) == 1


def test_a_signal_that_could_not_be_decided_is_decided_again(world: World) -> None:
    encoded = signals.encode(Arrival(source="probe", key="p", title="It was stuck")).body.encode()
    assert again(world, put_away(world, encoded, "probe", "inbox")).signals == 1
    assert titles(world) == ["It was stuck"]
    assert again(world, put_away(world, b"{}", "probe", "inbox")).problem


def test_what_went_to_pagerduty_is_read_by_the_address_that_it_came_to(world: World) -> None:
    older = b'{"service_key": "(redacted)", "event_type": "trigger", "description": "An older cat"}'
    change = b'{"routing_key": "(redacted)", "payload": {"summary": "Cats", "timestamp": "2199-01-01T00:00:00Z"}}'
    event = b'{"routing_key": "(redacted)", "event_action": "resolve", "dedup_key": "A cat"}'
    for body, path in ((older, "generic/2010-04-15/create_event.json"), (change, "v2/change/enqueue"), (event, "")):
        asked = {"path": path.split("/")} if path else None  # of what an older release kept there is no path
        assert again(world, put_away(world, body, "pagerduty", asked=asked)).problem == ""
    assert sorted(titles(world)) == ["A cat", "An older cat"]
    (told,) = world.read(changes.listing)
    assert (told.what, told.at) == ("Cats", world.clock.now())


def test_a_query_that_says_what_is_meant_is_read_again_too(world: World) -> None:
    asked = {"path": ["v2", "alerts", "cat", "close"], "headers": {}, "query": {"identifierType": "alias"}}
    assert again(world, put_away(world, b"{}", "opsgenie", asked=asked)).signals == 1
    assert again(world, put_away(world, b"{}", "opsgenie", asked={**asked, "query": {}})).problem


def test_what_nobody_answers_for_or_is_not_whole_is_never_read_again(world: World) -> None:
    event = b'{"routing_key": "none", "event_action": "trigger"}'
    long = json.dumps({"title": "x", "key": "x" * 70_000}).encode()
    for body, source, sender in (
        (event, "pagerduty", "unauthenticated"),
        (long, "generic", "robot"),
        (b'{"title": "\xff"}', "generic", "robot"),
        (CAT, "cloudwatch", "robot"),
        (CAT, "a sender of old", "robot"),
    ):
        assert again(world, put_away(world, body, source, sender)).problem
    assert titles(world) == []


def test_only_who_may_send_signals_and_see_the_body_reads_it(world: World) -> None:
    kept = put_away(world, CAT)
    viewer = Actor("erin", ActorKind.PERSON, access.READING)
    for command in (lambda tx: rereading.read_again(tx, kept.id), rereading.read_all_again):
        with pytest.raises(access.NotAllowed):
            world.database.run(viewer, command)
    with pytest.raises(quarantine.NoSuchBody):
        world.do(rereading.read_again, kept.id + 1)
