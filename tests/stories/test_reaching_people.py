"""Reaching somebody who must answer, when mail bounces, when nobody has an address, and when the sender dies."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.world import ROSE, RecordingChannel, World
from tocsin.delivery import outbox, webpush
from tocsin.delivery.channel import Dead, Message, MessageState, Result, Retry
from tocsin.incidents.model import Acknowledged, Escalated, Incident, Paged, Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.obligations.model import State
from tocsin.oncall import commands as arranging
from tocsin.paging.store import NoSuchPage
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import commands as plan_commands
from tocsin.response import commands

EVERYBODY = ("ana", "ben", "erin", "lucia", "tomas")
GONE = Dead("SMTP 550 no such mailbox")
BUSY = Retry("SMTP 451 come again")


def messages(world: World, incident: Incident) -> list[Message]:
    return world.read(outbox.for_incident, incident.id)


def test_a_page_that_bounces_is_said_and_the_next_step_is_paged_at_once(world: World) -> None:
    world.mail.answers["ana@rose.example"] = GONE
    incident = world.declare(severity="P1")
    world.expect_page("ben")
    (lost,) = world.entries(incident.id, Undelivered)
    assert (lost.to, lost.channel, lost.reason) == ("ana", "email", GONE.reason)
    assert [one.at for one in world.entries(incident.id, Escalated)] == [world.clock.now()]
    assert [one.people for one in world.entries(incident.id, Paged)] == [("ana",), ("ben",)]


def test_a_second_way_to_reach_her_keeps_the_step_alive(world: World) -> None:
    with world.database.work(world.actor("ana")) as tx:
        people.add_contact(tx, "ana", Channel.EMAIL, "old@rose.example", verified=True)
        people.add_contact(tx, "ana", Channel.WEBHOOK, "https://ana.example/hook", secret="s3cret", verified=True)
    world.mail.answers["old@rose.example"] = GONE
    incident = world.declare(severity="P1")
    world.expect_silence()
    assert [one.person for one in world.hook.sent] == ["ana"]
    assert len(world.entries(incident.id, Undelivered)) == 1
    assert world.entries(incident.id, Escalated) == []
    world.do(commands.acknowledge, incident.id)


def test_a_notification_says_on_a_locked_screen_what_is_wrong_and_whom_it_touches(world: World) -> None:
    """The title alone would send somebody to sign in before they know whether to get up."""
    with world.database.work(world.actor("ana")) as tx:
        people.add_contact(tx, "ana", Channel.PUSH, "https://push.example/x", secret="{}", verified=True)
    world.chats["push"] = screen = RecordingChannel()
    incident = world.declare(severity="P1", impact="Nobody can talk to Rose")
    (page,) = screen.sent
    said = webpush.shown(page)
    assert said["title"].startswith("[P1] Voice replies hang")
    assert said["text"] == "Declared by a person.\nImpact: Nobody can talk to Rose"
    assert said["answer"] == said["link"]
    world.do(commands.acknowledge, incident.id)


def test_when_all_mail_bounces_the_ladder_is_climbed_once_a_round_and_not_without_end(world: World) -> None:
    world.mail.answers.update({f"{handle}@rose.example": GONE for handle in EVERYBODY})
    incident = world.declare(severity="P1")
    assert [one.step for one in world.entries(incident.id, Paged)] == [0, 1, 2]
    world.advance(minutes=5)
    assert [one.step for one in world.entries(incident.id, Paged)] == [0, 1, 2, 3, 4, 5]
    world.mail.answers.clear()
    world.advance(minutes=5)
    world.expect_page("ana")
    world.do(commands.acknowledge, incident.id)


def test_an_all_hands_page_that_bounces_everywhere_is_tried_again_after_its_wait(world: World) -> None:
    world.mail.answers.update({f"{handle}@rose.example": GONE for handle in EVERYBODY})
    incident = world.declare(severity="P0")
    assert len(world.entries(incident.id, Paged)) == 1
    world.mail.answers.clear()
    world.advance(minutes=5)
    world.expect_page(*EVERYBODY)
    world.do(commands.acknowledge, incident.id)


@pytest.fixture
def nobody(database_url: str) -> Iterator[World]:
    """An installation in which nobody has entered an address."""
    world = World(database_url, reachable=False)
    yield world
    world.close()


def test_when_nobody_can_be_reached_it_says_so_and_keeps_trying(nobody: World) -> None:
    world = nobody
    incident = world.declare(severity="P1")
    world.expect_silence()
    tried = world.entries(incident.id, Paged)
    assert [one.step for one in tried] == [0, 1, 2]
    assert [one.people for one in tried] == [(), (), ()]
    assert tried[2].unreachable == ("ana", "ben", "tomas")
    assert "Nobody can be reached" in world.owed(incident.id)["answer:2"].what
    world.advance(minutes=5)
    assert len(world.entries(incident.id, Paged)) == 6
    with world.database.work(world.actor("ana")) as tx:
        people.change_person(tx, "tomas", email="tomas@rose.example")
    world.advance(minutes=5)
    world.expect_page("tomas")
    world.do(commands.acknowledge, incident.id)


def test_a_step_that_an_arranged_rota_leaves_empty_is_passed_at_once_and_an_override_fills_it(world: World) -> None:
    """On Thursday nobody is on call in the first step's rota: the next step is paged in the same instant."""
    gap = ROSE.replace("people: [tomas, ana]", "people: [tomas, ana]\n    holidays: [{ days: [2026-11-26] }]", 1)
    assert gap != ROSE
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, gap, "a gap", accept_large=True)
    world.sleep(days=2)
    incident = world.declare(severity="P1", by="lucia")
    world.expect_page("ben")
    first, second = world.entries(incident.id, Paged)
    assert (first.step, first.people, second.step, second.people) == (0, (), 1, ("ben",))
    assert first.at == second.at
    world.do(commands.acknowledge, incident.id, by="ben")
    now = world.clock.now()
    about = {"starts_at": now, "ends_at": now + timedelta(hours=2), "reason": "somebody must"}
    world.do(arranging.override, "on_call", "lucia", by="lucia", **about)
    world.declare(severity="P1", title="Another thing", by="ana", type="data_loss")
    world.expect_page("lucia")


def test_a_disabled_account_is_not_paged(world: World) -> None:
    with world.database.work(world.actor("ben")) as tx:
        people.add_contact(tx, "ana", Channel.EMAIL, "ana@elsewhere.example", verified=True)
        people.change_person(tx, "ana", disabled_at=tx.now)
    incident = world.declare(severity="P1", by="ben")
    world.expect_page("ben")  # the next step, at once
    assert world.entries(incident.id, Paged)[0].unreachable == ("ana",)


def test_acknowledging_twice_is_quiet(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    world.do(commands.acknowledge_page, world.answer_link(page))
    world.do(commands.acknowledge_page, world.answer_link(page))
    world.do(commands.acknowledge, incident.id, by="ben")
    (answer,) = world.entries(incident.id, Acknowledged)
    assert (answer.by, answer.through) == ("ana", "link")
    assert world.ended(incident.id, "acknowledge") == [State.MET]


def test_a_link_that_was_forged_or_cut_answers_nothing(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    token = world.answer_link(page)
    page_id, _, signature = token.partition(".")
    wrong = "A" if signature[0] != "A" else "B"
    for forged in (
        "",
        ".",
        page_id,
        f"{page_id}.",
        token[:-1],
        f"{page_id}.{wrong}{signature[1:]}",
        f"x{token}",
        "é.é",
    ):
        with pytest.raises(NoSuchPage):
            world.do(commands.acknowledge_page, forged)
    assert world.entries(incident.id, Acknowledged) == []


def test_a_page_that_has_not_left_when_somebody_answers_stays_here(world: World) -> None:
    world.mail.answers["ana@rose.example"] = BUSY
    incident = world.declare(severity="P1")
    world.advance(seconds=30)
    world.do(commands.acknowledge, incident.id, by="ben")
    world.mail.answers.clear()
    world.advance(hours=1)
    assert "page" not in [one.audience for one in world.mail.sent]
    (unsent,) = [one for one in messages(world, incident) if one.audience == "page"]
    assert unsent.state is MessageState.DEAD
    assert "answered" in unsent.last_error


def test_a_mail_server_that_is_busy_is_asked_again_ever_less_often(world: World) -> None:
    world.mail.answers["ana@rose.example"] = BUSY
    incident = world.declare(severity="P2", type="performance_degradation")
    waits = []
    for _ in range(9):
        (page,) = messages(world, incident)
        waits.append((page.send_at - world.clock.now()).total_seconds())
        world.advance(seconds=waits[-1])
    for wait, least in zip(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300], strict=True):
        assert least <= wait <= least * (1 + outbox.JITTER)  # and no two messages the same
    assert world.entries(incident.id, Undelivered) == []
    world.mail.answers.clear()
    world.advance(minutes=7)
    world.expect_page("ana")
    world.do(commands.acknowledge, incident.id)


class Killed(BaseException):
    """The machine lost its power in the middle of a delivery."""


class LosesPower(RecordingChannel):
    """Hands the first message over and dies before anybody hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.wire: list[str] = []

    async def send(self, message: Message) -> Result:
        self.wire.append(message.dedup_key)
        result = await super().send(message)
        if len(self.wire) == 1:
            self.sent.clear()
            raise Killed
        return result


def test_a_sender_that_dies_between_sending_and_recording_sends_again_under_the_same_key(world: World) -> None:
    channel = LosesPower()
    world.mail = channel
    with pytest.raises(Killed):
        world.declare(severity="P2", type="performance_degradation")
    incident = world.incident()
    before = world.entries(incident.id)
    world.settle()
    assert len(channel.wire) == 1  # leased: nobody else may send it yet
    world.advance(seconds=outbox.LEASE.total_seconds())
    world.expect_page("ana")
    (message,) = messages(world, incident)
    assert channel.wire == [message.dedup_key, message.dedup_key]
    assert (message.state, message.attempts) == (MessageState.SENT, 2)
    assert world.entries(incident.id) == before
    world.do(commands.acknowledge, incident.id)
    world.advance(hours=1)
    assert len(channel.wire) == 2


def test_a_message_that_nobody_takes_for_a_day_is_given_up(world: World) -> None:
    world.mail.answers["ana@rose.example"] = BUSY
    world.mail.answers["ben@rose.example"] = GONE
    incident = world.declare(severity="P2", type="performance_degradation")
    first = messages(world, incident)[0]
    world.sleep(hours=24)
    with world.database.work(world.actor("ana")) as tx:
        assert outbox.record(tx, first, BUSY) is True
        assert outbox.record(tx, first, BUSY) is False  # it died once
    assert messages(world, incident)[0].state is MessageState.DEAD
    world.do(commands.acknowledge, incident.id)


def test_a_channel_that_is_not_set_up_keeps_its_messages(world: World) -> None:
    with world.database.work(world.actor("ana")) as tx:
        outbox.queue(tx, dedup_key="k1", channel="pigeon", address="the roof", subject="Hello", body="Hello")
    world.settle()
    with world.database.read(world.actor("ana")) as tx:
        assert outbox.waiting(tx) == 1
        due_at = outbox.next_due(tx)
    assert due_at is not None
    assert timedelta(seconds=2) <= due_at - world.clock.now() <= timedelta(seconds=2.5)
