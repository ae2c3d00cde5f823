"""People say how they are paged: which way first, which after some minutes, and not at night unless it is urgent."""

import re
from datetime import time, timedelta

import pytest

from tests.support.world import World
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Dead, Message, MessageState, Retry
from tocsin.incidents.model import Escalated, Incident, Paged, Undelivered
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel, ContactMethod, Urgency
from tocsin.response import commands

GONE = Dead("SMTP 550 no such mailbox")
FIRST, SECOND, THIRD = "first@ana.example", "second@ana.example", "third@ana.example"


def methods(world: World, *addresses: str, handle: str = "ana") -> list[ContactMethod]:
    with world.database.work(world.actor(handle)) as tx:
        return [people.add_contact(tx, handle, Channel.EMAIL, one, verified=True) for one in addresses]


def order(world: World, *steps: tuple[ContactMethod, int], urgency: Urgency = Urgency.HIGH) -> None:
    used = [(one.id, timedelta(minutes=after)) for one, after in steps]
    world.do(people_commands.add_rule, "ana", urgency, used)


def sent(world: World) -> list[str]:
    """Where pages went since this was last asked."""
    return [one.address for one in world._news("page")]


def pages(world: World, incident: Incident) -> list[Message]:
    return [one for one in world.read(outbox.for_incident, incident.id) if one.page_id]


def test_a_page_goes_out_by_the_first_way_at_once_and_by_the_others_after_their_minutes(world: World) -> None:
    first, second, third = methods(world, FIRST, SECOND, THIRD)
    order(world, (first, 0), (second, 1), (third, 3))
    incident = world.declare(severity="P1")
    assert sent(world) == [FIRST]
    world.advance(seconds=59)
    assert sent(world) == []
    world.advance(seconds=1)
    assert sent(world) == [SECOND]
    world.advance(minutes=2)
    assert sent(world) == [THIRD]
    world.do(commands.acknowledge, incident.id)


def test_once_somebody_answers_the_later_ways_are_withdrawn(world: World) -> None:
    first, second = methods(world, FIRST, SECOND)
    order(world, (first, 0), (second, 1))
    incident = world.declare(severity="P1")
    assert sent(world) == [FIRST]
    world.advance(seconds=30)
    world.do(commands.acknowledge, incident.id, by="ben")
    world.advance(minutes=2)
    assert sent(world) == []
    states = {one.address: (one.state, one.withdrawn_at is not None) for one in pages(world, incident)}
    assert states == {FIRST: (MessageState.SENT, False), SECOND: (MessageState.DEAD, True)}


@pytest.mark.parametrize("failure", [GONE, Retry("SMTP 451 come again")])
def test_a_way_that_fails_lets_the_next_one_out_at_once(world: World, failure: Dead | Retry) -> None:
    first, second, third = methods(world, FIRST, SECOND, THIRD)
    order(world, (first, 0), (second, 1), (third, 3))
    world.mail.answers[FIRST] = failure
    incident = world.declare(severity="P1")
    assert sent(world) == [SECOND]
    assert world.entries(incident.id, Escalated) == []
    world.do(commands.acknowledge, incident.id)


def test_when_every_way_of_the_rule_fails_the_other_ones_are_tried_and_then_the_next_step(world: World) -> None:
    first, _, _ = methods(world, FIRST, SECOND, THIRD)
    order(world, (first, 0))
    world.mail.answers.update({FIRST: GONE, SECOND: GONE})
    incident = world.declare(severity="P1")
    assert sent(world) == [THIRD]
    assert world.entries(incident.id, Escalated) == []
    assert {one.to for one in world.entries(incident.id, Undelivered)} == {"ana"}
    world.do(commands.acknowledge, incident.id)
    world.mail.answers[THIRD] = GONE
    second = world.declare(severity="P1")
    world.expect_page("ben")
    assert [one.people for one in world.entries(second.id, Paged)] == [("ana",), ("ben",)]
    world.do(commands.acknowledge, second.id)


def test_what_is_not_urgent_waits_for_the_morning_and_what_is_does_not(world: World) -> None:
    methods(world, FIRST)
    world.do(people_commands.set_zone, "ana", "Europe/Berlin")  # 03:38 there
    world.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(22), time(7))
    held = world.declare(severity="P2", type="performance_degradation")
    assert sent(world) == []
    (waiting,) = pages(world, held)
    assert waiting.send_at.isoformat() == "2026-11-24T06:00:00+00:00"
    urgent = world.declare(severity="P1")
    assert sent(world) == [FIRST]
    world.do(commands.acknowledge, urgent.id)
    world.do(commands.acknowledge, held.id, by="ben")
    world.advance(hours=4)
    assert sent(world) == []


def test_a_page_that_is_raised_in_quiet_hours_goes_out_at_once(world: World) -> None:
    methods(world, FIRST)
    world.do(people_commands.add_rule, "ana", Urgency.LOW, [], time(22), time(7))
    held = world.declare(severity="P2", type="performance_degradation")
    assert sent(world) == []
    world.do(commands.change_severity, held.id, "P1", "It grows")
    assert sent(world) == [FIRST]
    world.do(commands.acknowledge, held.id)


def test_the_attempts_of_a_page_are_kept(world: World) -> None:
    first, second = methods(world, FIRST, SECOND)
    order(world, (first, 0), (second, 1))
    world.mail.answers[FIRST] = GONE
    incident = world.declare(severity="P1")
    assert sent(world) == [SECOND]
    kept = world.read(receipts.of_messages, [one.id for one in pages(world, incident)])
    by_address = {one.address: [(each.kind, each.detail) for each in kept[one.id]] for one in pages(world, incident)}
    assert by_address == {FIRST: [("failed", GONE.reason)], SECOND: [("sent", "")]}
    world.do(commands.acknowledge, incident.id)


# ---- Showing that it is one's own ------------------------------------------------------------------------------------


def code_of(world: World) -> str:
    message = world.mail.sent[-1]
    assert message.audience == people_commands.VERIFICATION
    found = re.search(r"\b\d{6}\b", message.body)
    assert found
    return found[0]


def test_a_new_contact_method_counts_once_its_code_was_typed_in(busy: World) -> None:
    world = busy
    new = world.do(people_commands.add_contact, "ana", Channel.EMAIL, "new@ana.example")
    code = code_of(world)
    world.overlook()
    incident = world.declare(severity="P1")
    assert sent(world) == ["ana@rose.example"]
    world.do(commands.acknowledge, incident.id)
    assert world.do(people_commands.verify_contact, "ana", new.id, f" {code[:3]} {code[3:]} ")
    incident = world.declare(severity="P1")
    assert sent(world) == ["new@ana.example"]
    world.do(commands.acknowledge, incident.id)


def test_a_code_is_good_for_five_tries_and_a_quarter_of_an_hour(busy: World) -> None:
    world = busy
    new = world.do(people_commands.add_contact, "ana", Channel.EMAIL, "new@ana.example")
    code = code_of(world)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(people_commands.MOST_TRIES):
        assert not world.do(people_commands.verify_contact, "ana", new.id, wrong)
    assert not world.do(people_commands.verify_contact, "ana", new.id, code)
    with pytest.raises(people_commands.TooSoon):
        world.do(people_commands.send_code, "ana", new.id)
    world.advance(minutes=1)
    world.do(people_commands.send_code, "ana", new.id)
    fresh = code_of(world)
    world.advance(minutes=15)
    assert not world.do(people_commands.verify_contact, "ana", new.id, fresh)
    world.do(people_commands.send_code, "ana", new.id)
    assert world.do(people_commands.verify_contact, "ana", new.id, code_of(world))


def test_the_accounts_own_address_needs_no_code(world: World) -> None:
    own = world.do(people_commands.add_contact, "ana", Channel.EMAIL, "ana@rose.example")
    assert own.verified_at == world.clock.now()
    world.expect_silence()
