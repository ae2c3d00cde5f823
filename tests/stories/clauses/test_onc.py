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
from tocsin.obligations.model import State
from tocsin.oncall import commands as arranging
from tocsin.oncall import store as oncall
from tocsin.oncall.handoff import Handoff
from tocsin.oncall.model import Turn
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel, Urgency
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import answers, commands, covering, handing, working

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


def test_onc_03_whoever_is_on_call_works_down_the_procedure_and_the_record_says_who_did_what(world: World) -> None:
    incident = world.declare(severity="P1", by="lucia")
    (page,) = world.expect_page("ana")
    world.do(answers.answer_link, world.answer_link(page), Answer.ACKNOWLEDGE)
    for number, _ in enumerate(world.plan().types["service_outage"].actions, start=1):
        world.do(working.tick, incident.id, f"type.service_outage.{number}")
    world.do(working.find, incident.id, "The process has no memory left")
    world.do(commands.note, incident.id, "I restart it")
    world.overlook()
    done = [(type(one).__name__, one.by) for one in world.entries(incident.id) if one.by == "ana"]
    ticks = len(world.plan().types["service_outage"].actions)
    assert done == [("Acknowledged", "ana"), *[("ItemTicked", "ana")] * ticks, ("Found", "ana"), ("Noted", "ana")]


def hand_over(world: World) -> Handoff:
    """Somebody looks ahead, and the handoff of Monday is opened a day before."""
    with world.database.work(SYSTEM) as tx:
        handing.schedule(tx)
    world.sleep(seconds=(HANDOFF - timedelta(days=1, minutes=30) - world.clock.now()).total_seconds())
    world.advance(minutes=31)
    (one,) = world.read(oncall.latest_handoffs, 5)
    return one


def test_onc_04_what_goes_on_is_put_together_written_by_who_goes_and_accepted_by_who_comes(world: World) -> None:
    incident = world.declare(severity="P1", title="Voice replies hang")
    world.do(commands.acknowledge, incident.id)
    world.do(working.find, incident.id, "The vendor answers slowly")
    world.overlook()
    one = hand_over(world)
    mails = world.expect_update("on_call", "ana", "tomas")
    assert all(f"/oncall/handoffs/{one.id}" in mail.body and "Voice" not in mail.body for mail in mails)
    assert one.lines == world.plan().rotations["on_call"].handed_over
    with world.database.read(world.actor("tomas")) as tx:
        (going,) = handing.handed_over(tx, one, []).incidents
    assert (going.title, going.findings) == ("Voice replies hang", ("Observation: The vendor answers slowly",))
    assert any(what.startswith("Resolve within") for what in going.owed)
    world.do(handing.write, one.id, [f"About: {line}" for line in one.lines], by="ana")
    world.expect_update("on_call", "tomas")
    world.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    world.expect_update("on_call", "ana")
    duties = world.read(handing.duties, one)
    assert [(duty.clause, duty.state, duty.settled_by) for duty in duties] == [
        ("ONC-04", State.MET, "ana"),
        ("ONC-04", State.MET, "tomas"),
    ]


def test_onc_04_a_handoff_is_timed_who_forgets_is_reminded_and_late_stays_late(world: World) -> None:
    one = hand_over(world)
    world.overlook()
    world.sleep(seconds=(HANDOFF - timedelta(hours=2) - world.clock.now()).total_seconds())
    world.advance(hours=4)
    assert [(about, who) for about, who, _ in world.told()] == [
        ("reminder", "ana"),
        ("overdue", "ana"),
        ("overdue", "ben"),
        ("reminder", "tomas"),
        ("overdue", "tomas"),
        ("overdue", "ben"),
    ]
    world.do(handing.write, one.id, [f"About: {line}" for line in one.lines], by="ana")
    world.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    world.overlook()
    assert [duty.state for duty in world.read(handing.duties, one)] == [State.LATE, State.LATE]


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
