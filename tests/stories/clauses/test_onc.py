"""Being on call: cover by the week around the clock, answers in time, and what people arrange, across clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.support.console import Console
from tests.support.world import World
from tocsin.delivery.channel import Dead
from tocsin.incidents.answer import Answer, Declined
from tocsin.incidents.model import Escalated
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import commands as arranging
from tocsin.oncall import store as oncall
from tocsin.oncall.model import Turn
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel, Urgency
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import answers, covering

NEW_YORK = ZoneInfo("America/New_York")
HANDOFF = datetime(2026, 11, 30, 8, tzinfo=UTC)  # Monday, nine o'clock in Berlin


def holders(world: World, rotation: str, at: datetime) -> tuple[str, ...]:
    return world.read(lambda tx: oncall.rotas(tx, plans.current(tx), at).holders(rotation, at))


def apply(world: World, old: str, new: str) -> None:
    """Put the plan into force with one thing said otherwise."""
    text = world.read(plans.current_revision).text
    assert old in text
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, text.replace(old, new, 1), "a story", accept_large=True)


def test_onc_01_a_week_each_around_the_clock_and_the_page_says_that_it_is_proved(console: Console) -> None:
    world = console.world
    assert [holders(world, "on_call", HANDOFF + timedelta(weeks=week)) for week in range(3)] == [
        ("tomas",),
        ("ana",),
        ("tomas",),
    ]
    assert holders(world, "on_call", HANDOFF - timedelta(milliseconds=1)) == ("ana",)
    assert console.visitor("ben").open("/oncall").says("somebody who can be reached is named at every moment")


def test_onc_01_a_gap_is_found_weeks_before_it_happens_and_somebody_is_told(console: Console) -> None:
    world = console.world
    with world.database.work(SYSTEM) as tx:
        people.change_person(tx, "erin", role=AccountRole.ADMINISTRATOR)
        covering.schedule(tx)
    world.settle()
    world.expect_silence()
    apply(world, "people: [tomas, ana]", "people: [tomas, ana]\n    holidays: [{ days: [2026-12-16] }]")
    world.advance(hours=1)
    (mail,) = world.expect_update("on_call", "erin")
    assert "nobody is on call in on_call" in mail.body and "16 Dec" in mail.body
    assert console.visitor("ben").open("/oncall").says("nobody is on call in on_call")
    world.advance(days=2)
    world.expect_silence()


def test_onc_02_an_unanswered_alert_escalates_to_the_commander_and_on(world: World) -> None:
    incident = world.declare(severity="P1", by="lucia")
    world.expect_page("ana")
    world.advance(minutes=5)
    world.expect_page("ben")
    world.advance(minutes=5)
    world.expect_page("ana", "ben", "tomas")
    assert [one.step for one in world.entries(incident.id, Escalated)] == [0, 1]


def test_onc_02_the_page_goes_to_whoever_took_the_rota(world: World) -> None:
    now = world.clock.now()
    about = {"starts_at": now, "ends_at": now + timedelta(hours=3), "reason": "Ana flies"}
    world.do(arranging.override, "on_call", "tomas", by="tomas", **about)
    world.expect_update("on_call", "ana")
    world.declare(severity="P1", by="lucia")
    world.expect_page("tomas")


def test_onc_02_whoever_cannot_take_it_hands_it_on_at_once(world: World) -> None:
    incident = world.declare(severity="P1", by="lucia")
    (page,) = world.expect_page("ana")
    world.do(answers.answer_link, world.answer_link(page), Answer.DECLINE, "On a plane")
    world.expect_page("ben")
    assert [one.by for one in world.entries(incident.id, Declined)] == ["ana"]
    world.advance(minutes=5)
    world.expect_page("ana", "ben", "tomas")


def test_onc_02_a_way_that_fails_is_followed_by_the_next_one_and_no_time_is_lost(world: World) -> None:
    with world.database.work(SYSTEM) as tx:
        for address in ("first@ana.example", "second@ana.example"):
            people.add_contact(tx, "ana", Channel.EMAIL, address, verified=True)
        first, second = people.contacts(tx, ["ana"])["ana"]
    in_turn = [(first.id, timedelta(0)), (second.id, timedelta(minutes=3))]
    world.do(people_commands.add_rule, "ana", Urgency.HIGH, in_turn, by="ana")
    world.mail.answers["first@ana.example"] = Dead("SMTP 550 no such mailbox")
    incident = world.declare(severity="P1", by="lucia")
    (page,) = world.expect_page("ana")
    assert page.address == "second@ana.example"
    assert world.entries(incident.id, Escalated) == []


def test_onc_05_an_override_of_a_part_leaves_the_rest_and_when_it_is_cancelled_all(world: World) -> None:
    now = world.clock.now()
    about = {"starts_at": now + timedelta(hours=1), "ends_at": now + timedelta(hours=3), "reason": "a film"}
    made = world.do(arranging.override, "on_call", "tomas", by="tomas", **about)
    at = [holders(world, "on_call", now + timedelta(hours=hours)) for hours in range(4)]
    assert at == [("ana",), ("tomas",), ("tomas",), ("ana",)]
    world.do(arranging.cancel, made.id, "the film is off", by="tomas")
    assert holders(world, "on_call", now + timedelta(hours=2)) == ("ana",)
    world.overlook()


def test_onc_05_a_swap_is_asked_for_by_mail_and_holds_once_it_is_accepted(world: World) -> None:
    gives = Turn(rotation="on_call", starts_at=HANDOFF - timedelta(hours=8), ends_at=HANDOFF)
    asked = world.do(arranging.ask, "ben", gives, None, "a concert", by="ana")
    (mail,) = world.expect_update("on_call", "ben")
    assert "asks you to take On-call engineer" in mail.subject
    assert holders(world, "on_call", gives.starts_at) == ("ana",)
    world.do(arranging.accept, asked.id, by="ben")
    world.expect_update("on_call", "ana")
    assert holders(world, "on_call", gives.starts_at) == ("ben",) and holders(world, "on_call", HANDOFF) == ("tomas",)


@pytest.mark.parametrize(
    ("sunday", "hours"), [(datetime(2027, 3, 28, tzinfo=UTC), 167), (datetime(2027, 10, 31, tzinfo=UTC), 169)]
)
def test_onc_05_layers_in_two_zones_hold_across_both_clock_changes(world: World, sunday: datetime, hours: int) -> None:
    during = "[{ begins: '18:00', ends: '22:00' }]"
    layer = f"{{ name: New York evenings, people: [erin], zone: America/New_York, during: {during} }}"
    apply(world, "people: [tomas, ana]", f"people: [tomas, ana]\n    layers: [{layer}]")
    rotas = world.read(lambda tx: oncall.rotas(tx, plans.current(tx)))
    found = rotas.shifts("on_call", sunday - timedelta(days=7), sunday + timedelta(days=7))
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    evenings = [(one.starts_at, one.ends_at) for one in found if one.people == ("erin",)]
    assert len(evenings) == 15
    assert {tuple(f"{at.astimezone(NEW_YORK):%H:%M}" for at in one) for one in evenings} == {("18:00", "22:00")}
    plain = world.read(plans.current).rotations["commander"]
    commander = rotas.shift_at("commander", sunday + timedelta(hours=1))
    assert commander and plain.zone == "Europe/Berlin"
    assert commander.ends_at - commander.starts_at == timedelta(hours=hours)


def test_onc_05_an_incident_of_a_service_pages_the_rota_of_that_service(world: World) -> None:
    apply(
        world,
        "    name: Rose\n    description: The voice",
        "    name: Rose\n    rotation: commander\n    description: The voice",
    )
    world.declare(severity="P2", by="lucia", service="rose")
    world.expect_page("ben")
    world.declare("The office is dark", severity="P2", by="lucia", service=None)
    world.expect_page("ana")
