"""What the doctor says would keep a page from going out."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.world import QUIET, World
from tocsin.delivery.channel import Dead
from tocsin.kit.actor import SYSTEM
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Way
from tocsin.response import readiness

OFFERS = ("email", "webhook", "sms")


def hindrances(world: World, *, has_mail: bool = True) -> list[str]:
    return world.read(lambda tx: readiness.hindrances(tx, has_mail=has_mail, offers=OFFERS))


def unheard(world: World, **means: Any) -> list[str]:
    known = {"chats": (), "has_slack": True, "ways": tuple(Way), **means}
    return world.read(lambda tx: readiness.unheard(tx, readiness.Means(**known)))


def test_where_an_update_would_not_arrive_is_said(database_url: str) -> None:
    world = World(database_url, plan=QUIET)
    assert unheard(world) == []
    assert unheard(world, ways=(Way.SLACK, Way.TEAMS, Way.WEBHOOK)) == [
        "The plan lets people subscribe by email, which nobody is offered: TOCSIN_SMTP_URL is not set.",
        "The plan lets people subscribe by push, which nobody is offered: TOCSIN_PUSH_CONTACT is not set.",
    ]
    (rooms,) = unheard(world, has_slack=False)
    assert rooms.startswith("The plan wants a channel for each incident") and "TOCSIN_SLACK_BOT_TOKEN" in rooms
    told = QUIET.replace("      clause: COM-02\n", "      clause: COM-02\n      chats: [ops, friends]\n", 1)
    assert told != QUIET
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, told, "in chats too")
    missing, spare = unheard(world, chats=("friends", "garden"))
    assert "in the chat ops, which TOCSIN_CHATS does not name" in missing
    assert spare == "TOCSIN_CHATS names garden, in which the plan posts nothing."
    world.close()


def test_nothing_stands_in_the_way_of_a_whole_installation(database_url: str) -> None:
    world = World(database_url)
    assert hindrances(world) == []
    assert hindrances(world, has_mail=False) == ["No mail server is set (TOCSIN_SMTP_URL): mails wait in the outbox."]
    world.close()


def test_people_of_the_rotas_whom_nothing_reaches_are_named(database_url: str) -> None:
    world = World(database_url, reachable=False)
    (one,) = hindrances(world)
    assert one.startswith("On call, but nothing reaches them:") and "tomas" in one and "no contact method" in one
    world.close()


def test_a_gap_of_the_coming_week_is_said_and_a_later_one_is_not(database_url: str) -> None:
    world = World(database_url)
    for day, is_said in (("2026-12-16", False), ("2026-11-26", True)):
        gap = QUIET.replace("people: [tomas, ana]", f"people: [tomas, ana]\n    holidays: [{{ days: [{day}] }}]", 1)
        assert gap != QUIET
        with world.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, gap, "a gap", accept_large=True)
        found = hindrances(world)
        assert any("nobody is on call in on_call" in one for one in found) is is_said
    world.close()


def test_messages_that_were_given_up_are_counted(database_url: str) -> None:
    world = World(database_url, plan=QUIET)
    world.mail.answers["ana@rose.example"] = Dead("SMTP 550 no such mailbox")
    world.declare(severity="P1", by="lucia")
    world.overlook()
    assert any("1 message was given up" in one for one in hindrances(world))
    world.close()


def test_time_that_nobody_lets_pass_is_said(database_url: str) -> None:
    world = World(database_url, plan=QUIET)
    now: datetime = world.clock.now()
    with world.database.work(SYSTEM) as tx:
        obligations.open_duty(tx, None, Duty(key="x", kind=Kind.TURN, what="x", clause="", due_at=now))
    world.sleep(minutes=1)
    assert hindrances(world) == ["Nobody lets time pass: no engine is turning, so nobody is paged."]
    assert timedelta(minutes=1) > readiness.GRACE
    world.close()


def test_a_way_that_this_server_does_not_have_is_named_with_those_who_count_on_it(database_url: str) -> None:
    world = World(database_url, plan=QUIET)
    with world.database.work(SYSTEM) as tx:
        for handle in ("ana", "ben"):
            people.add_contact(tx, handle, Channel.SLACK, f"U0{handle.upper()}", verified=True)
        people.add_contact(tx, "ana", Channel.SMS, "+4917012345", verified=True)
        people.add_contact(tx, "ana", Channel.TELEGRAM, "77")  # nobody is paged there yet
    assert hindrances(world) == ["Not set up on this server: slack_dm, by which ana and ben would be paged."]
    world.close()
