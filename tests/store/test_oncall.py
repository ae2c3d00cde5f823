"""Overrides and swaps on both databases: who may do what, what holds afterwards, and who is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from tests.store.conftest import ROSE
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Delivered
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid, Refused
from tocsin.oncall import arranging, commands, store
from tocsin.oncall.handoff import State
from tocsin.oncall.importing import Wanted
from tocsin.oncall.model import Override, Swap, SwapState, Turn
from tocsin.paging import reach
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people.model import Account, AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import handing, tick

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)  # Ana is on call, Ben commands, Lucía speaks, Tomás writes
HOUR = timedelta(hours=1)
HANDOFF = datetime(2026, 11, 30, 8, tzinfo=UTC)


def actor(handle: str, role: AccountRole = AccountRole.RESPONDER) -> Actor:
    account = Account(handle=handle, name=handle, email=None, role=role, has_password=False, created_at=NOW)
    return access.person(account)


def do(database: Database, command: Callable[..., T], *arguments: Any, by: str = "ana", **named: Any) -> T:
    role = AccountRole.ADMINISTRATOR if by == "erin" else AccountRole.RESPONDER
    return database.run(actor(by, role), lambda tx: command(tx, *arguments, **named))


def holders(database: Database, at: datetime, rotation: str = "on_call") -> tuple[str, ...]:
    with database.read(SYSTEM) as tx:
        return store.rotas(tx, plans.current(tx), at).holders(rotation, at)


def take(database: Database, person: str, start: datetime, end: datetime, by: str = "", **more: Any) -> Override:
    return do(
        database,
        commands.override,
        more.pop("rotation", "on_call"),
        person,
        starts_at=start,
        ends_at=end,
        reason=more.pop("reason", "a wedding"),
        by=by or person,
        **more,
    )


def told(database: Database) -> list[tuple[str | None, str]]:
    def mails(tx: Tx) -> list[tuple[str | None, str]]:
        found = outbox.claim(tx, 100)
        for one in found:
            outbox.record(tx, one, Delivered())
        return sorted((one.person, one.subject) for one in found)

    return database.run(SYSTEM, mails)


def test_a_part_of_a_shift_is_taken_and_the_rest_stays(database: Database) -> None:
    made = take(database, "tomas", NOW + HOUR, NOW + 3 * HOUR)
    assert [holders(database, NOW + step * HOUR) for step in (0, 1, 2, 3)] == [
        ("ana",),
        ("tomas",),
        ("tomas",),
        ("ana",),
    ]
    (mail,) = told(database)
    assert mail[0] == "ana" and "Tomás Brandt is on call in On-call engineer" in mail[1]
    with database.read(SYSTEM) as tx:
        assert store.load_override(tx, made.id) == made
        assert (made.made_by, made.made_at, made.reason) == ("tomas", tx.now, "a wedding")


def test_what_is_cancelled_holds_no_longer_and_stays_on_the_books(database: Database, clock: ManualClock) -> None:
    made = take(database, "tomas", NOW, NOW + 4 * HOUR)
    clock.advance_to(NOW + 2 * HOUR)
    do(database, commands.cancel, made.id, "I am ill", by="tomas")
    assert holders(database, NOW + 2 * HOUR) == ("ana",)
    assert holders(database, NOW + HOUR) == ("tomas",)  # so it was
    with database.read(SYSTEM) as tx:
        (kept,) = store.latest_overrides(tx, 10)
    assert (kept.cancelled_by, kept.cancelled_because, kept.cancelled_at) == ("tomas", "I am ill", NOW + 2 * HOUR)
    with pytest.raises(commands.AlreadyCancelled):
        do(database, commands.cancel, made.id, "again", by="tomas")


def test_the_past_is_not_rearranged(database: Database) -> None:
    with pytest.raises(arranging.Over):
        take(database, "tomas", NOW - 3 * HOUR, NOW - HOUR)
    assert take(database, "tomas", NOW - 3 * HOUR, NOW + HOUR).starts_at == NOW
    assert holders(database, NOW - HOUR) == ("ana",)


def test_one_takes_a_rota_oneself_and_an_administrator_puts_anybody_there(database: Database) -> None:
    with pytest.raises(Forbidden, match="ask them to swap"):
        take(database, "tomas", NOW, NOW + HOUR, by="ana")
    made = take(database, "tomas", NOW, NOW + HOUR, by="erin")
    with pytest.raises(Forbidden):
        do(database, commands.cancel, made.id, "no", by="ben")
    assert {person for person, _ in told(database)} == {"tomas", "ana"}
    with pytest.raises(Forbidden):
        database.run(actor("lucia", AccountRole.VIEWER), lambda tx: commands.cancel(tx, made.id, "no"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rotation": "night"}, "rotation"),
        ({"reason": " "}, "reason"),
        ({"person": "zoe"}, "person"),
        ({"end": NOW}, "ends_at"),
        ({"end": NOW + timedelta(days=400)}, "ends_at"),
        ({"instead_of": "ben"}, "instead_of"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(database: Database, change: dict[str, Any], field: str) -> None:
    about = {"person": "tomas", "start": NOW, "end": NOW + HOUR, "by": "erin", **change}
    with pytest.raises(Invalid) as refused:
        take(database, about.pop("person"), about.pop("start"), about.pop("end"), **about)
    assert refused.value.field == field
    with database.read(SYSTEM) as tx:
        assert store.latest_overrides(tx, 10) == []


def test_an_override_pages_whoever_took_the_rota(database: Database) -> None:
    take(database, "ben", NOW, NOW + HOUR)
    with database.read(SYSTEM) as tx:
        plan = plans.current(tx)
        rotas = store.rotas(tx, plan)
        assert reach.people_at(plan, rotas, ("on_call",), tx.now) == ("ben",)
        named = replace(plan, services={"rose": replace(plan.services["rose"], rotation="commander")})
        assert reach.people_at(named, rotas, ("on_call",), tx.now, "rose") == ("ben",)
        assert reach.people_at(named, rotas, ("on_call",), tx.now + HOUR, None) == ("ana",)


# ---- Swaps -----------------------------------------------------------------------------------------------------------

MINE = Turn(rotation="on_call", starts_at=NOW + HOUR, ends_at=NOW + 9 * HOUR)
THEIRS = Turn(rotation="on_call", starts_at=HANDOFF + HOUR, ends_at=HANDOFF + 9 * HOUR)


def ask(
    database: Database, gives: Turn = MINE, takes: Turn | None = THEIRS, by: str = "ana", other: str = "tomas"
) -> Swap:
    return do(database, commands.ask, other, gives, takes, "a concert", by=by)


def test_my_shift_for_yours(database: Database) -> None:
    asked = ask(database)
    assert told(database) == [
        ("tomas", "[on call] Ana Okafor asks you to take On-call engineer, Tue 24 Nov 03:38 to Tue 24 Nov 11:38 UTC")
    ]
    assert holders(database, MINE.starts_at) == ("ana",)  # asking changes nothing
    accepted = do(database, commands.accept, asked.id, "gladly", by="tomas")
    assert (accepted.answered, accepted.answered_by, accepted.answer) == (SwapState.ACCEPTED, "tomas", "gladly")
    assert holders(database, MINE.starts_at) == ("tomas",) and holders(database, THEIRS.starts_at) == ("ana",)
    assert holders(database, MINE.ends_at) == ("ana",) and holders(database, THEIRS.ends_at) == ("tomas",)
    assert [person for person, _ in told(database)] == ["ana"]
    with pytest.raises(commands.AlreadyAnswered):
        do(database, commands.decline, asked.id, by="tomas")


def test_take_my_shift_and_no_is_an_answer(database: Database) -> None:
    asked = ask(database, takes=None, other="ben")
    with pytest.raises(Forbidden):
        do(database, commands.accept, asked.id, by="tomas")
    do(database, commands.decline, asked.id, "I am away", by="ben")
    assert holders(database, MINE.starts_at) == ("ana",)
    with database.read(SYSTEM) as tx:
        assert store.latest_overrides(tx, 10) == []


def test_no_shift_goes_to_somebody_who_has_left_since_it_was_asked_for(database: Database) -> None:
    asked, given = ask(database), ask(database, takes=None, other="ben")
    with pytest.raises(Forbidden, match="Only Tomás Brandt answers this"):
        do(database, commands.accept, asked.id, by="ben")
    with pytest.raises(Forbidden, match="Only Ana Okafor takes this back"):
        do(database, commands.withdraw, asked.id, by="tomas")
    for gone, one in (("ben", given), ("ana", asked)):  # whoever is asked, and who asked for something in return
        do(database, people_commands.disable, gone, by="erin")
        with pytest.raises(people_commands.IsGone):
            do(database, commands.accept, one.id, by="erin")
        assert holders(database, MINE.starts_at) == ("ana",)
        do(database, people_commands.enable, gone, by="erin")
    do(database, commands.accept, asked.id, by="tomas")


def test_a_request_expires_when_its_first_shift_begins(database: Database, clock: ManualClock) -> None:
    asked = ask(database)
    clock.advance_to(NOW + HOUR)
    with database.read(SYSTEM) as tx:
        assert store.load_swap(tx, asked.id).state_at(tx.now) is SwapState.EXPIRED
    with pytest.raises(commands.AlreadyAnswered, match="expired"):
        do(database, commands.accept, asked.id, by="tomas")


def test_both_are_told_once_that_a_request_expired_unanswered(database: Database, clock: ManualClock) -> None:
    with database.work(SYSTEM) as tx:
        handing.schedule(tx)
    asked = ask(database)
    database.run(SYSTEM, tick.settle_due)
    told(database)
    clock.advance_to(NOW + HOUR)
    for _ in range(2):
        database.run(SYSTEM, tick.settle_due)
    news = told(database)
    assert [person for person, _ in news] == ["ana", "tomas"]
    assert all("Tomás Brandt did not answer in time" in subject for _, subject in news)
    clock.advance_to(NOW + 3 * HOUR)
    database.run(SYSTEM, tick.settle_due)
    assert told(database) == []
    with database.read(SYSTEM) as tx:
        assert store.load_swap(tx, asked.id).answered is SwapState.ASKED  # that it expired follows from the instant


def test_an_answer_in_time_is_told_of_and_no_expiry(database: Database, clock: ManualClock) -> None:
    with database.work(SYSTEM) as tx:
        handing.schedule(tx)
    asked = ask(database)
    do(database, commands.decline, asked.id, by="tomas")
    told(database)
    clock.advance_to(NOW + 2 * HOUR)
    database.run(SYSTEM, tick.settle_due)
    assert not [subject for _, subject in told(database) if "in time" in subject]


def test_a_request_is_taken_back(database: Database) -> None:
    asked = ask(database)
    assert do(database, commands.withdraw, asked.id, by="ana").answered is SwapState.WITHDRAWN
    with pytest.raises(commands.AlreadyAnswered):
        do(database, commands.accept, asked.id, by="tomas")


def test_only_what_one_holds_is_given_away_and_still_holds_when_it_is_taken(database: Database) -> None:
    with pytest.raises(arranging.NotTheirs):
        ask(database, gives=THEIRS, takes=None)
    asked = ask(database)
    take(database, "lucia", MINE.starts_at + HOUR, MINE.starts_at + 2 * HOUR)
    with pytest.raises(arranging.NotTheirs, match="does not hold"):
        do(database, commands.accept, asked.id, by="tomas")
    with database.read(SYSTEM) as tx:  # nothing of it was done, the answer neither
        assert store.load_swap(tx, asked.id).answered is SwapState.ASKED
        assert len(store.latest_overrides(tx, 10)) == 1


def test_half_a_swap_is_not_cancelled(database: Database) -> None:
    do(database, commands.accept, ask(database).id, by="tomas")
    with database.read(SYSTEM) as tx:
        half = next(one for one in store.latest_overrides(tx, 10) if one.person == "tomas")
    with pytest.raises(commands.PartOfASwap):
        do(database, commands.cancel, half.id, "no", by="tomas")
    do(database, commands.cancel, half.id, "it was a mistake", by="erin")
    assert holders(database, MINE.starts_at) == ("ana",)


LED = ROSE.replace("members: [ana, ben, tomas] }", "members: [ana, ben, tomas], leads: [lucia], rotation: on_call }")


@pytest.fixture
def led(database: Database) -> Database:
    """Lucía leads engineering, whose rotation is `on_call`; the commanders' is nobody's in particular."""
    assert LED != ROSE
    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, LED, "Lucía leads engineering")
    return database


def test_who_leads_a_team_arranges_its_rota(led: Database) -> None:
    made = take(led, "tomas", NOW, NOW + HOUR, by="lucia")
    assert holders(led, NOW) == ("tomas",)
    do(led, commands.cancel, made.id, "He is ill", by="lucia")
    assert holders(led, NOW) == ("ana",)
    do(led, commands.accept, ask(led).id, by="lucia")  # as a manager may, for somebody who can't
    half = next(one for one in read(led, lambda tx: store.latest_overrides(tx, 9)) if one.swap_id)
    do(led, commands.cancel, half.id, "It was a mistake", by="lucia")
    wanted = [Wanted(person="tomas", starts_at=NOW + 20 * HOUR, ends_at=NOW + 21 * HOUR, line=1)]
    found, _ = do(led, commands.import_shifts, "on_call", wanted, "From the sheet", by="lucia")
    assert [one.person for one in found.changes] == ["tomas"]
    with led.read(SYSTEM) as tx:
        acts = audit.listing(tx, Filter(deed=Deed.PUT_ON_CALL, actor="lucia"), limit=10)
    assert len(acts) >= 2


def test_who_leads_a_team_arranges_no_rota_of_others(led: Database) -> None:
    with pytest.raises(Forbidden, match="ask them to swap"):
        take(led, "tomas", NOW, NOW + HOUR, by="lucia", rotation="commander")
    other = take(led, "ana", NOW, NOW + HOUR, rotation="commander")
    with pytest.raises(Forbidden):
        do(led, commands.cancel, other.id, "no", by="lucia")
    theirs = replace(THEIRS, rotation="commander")
    asked = ask(led, gives=MINE, takes=theirs, other=holders(led, theirs.starts_at, "commander")[0])
    with pytest.raises(Forbidden):
        do(led, commands.accept, asked.id, by="lucia")  # half of it is in a rota that is not theirs
    wanted = [Wanted(person="ana", starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR, line=1)]
    with pytest.raises(Forbidden):
        do(led, commands.import_shifts, "commander", wanted, "From the sheet", by="lucia")


def test_who_leads_a_team_hands_its_rota_on_in_the_place_of_somebody_else(led: Database, clock: ManualClock) -> None:
    clock.advance_to(HANDOFF - HOUR)
    led.run(SYSTEM, handing.look_ahead)
    (one,) = [one for one in read(led, lambda tx: store.latest_handoffs(tx, 9)) if one.rotation == "on_call"]
    notes = ["Nothing"] * 4
    with pytest.raises(Forbidden):
        do(led, handing.write, one.id, notes, by="ben")
    do(led, handing.write, one.id, notes, by="lucia")
    assert do(led, handing.accept, one.id, contacts_confirmed=True, by="lucia").state is State.ACCEPTED


def test_only_a_responder_who_leads_by_the_plan_in_force_arranges(led: Database) -> None:
    by_program = Actor("lucia", ActorKind.TOKEN, access.RIGHTS[AccountRole.RESPONDER])
    for who in (actor("lucia", AccountRole.VIEWER), actor("ben"), by_program):  # a member is no lead
        with pytest.raises(Forbidden):
            led.run(who, lambda tx: commands.override(tx, "on_call", "tomas", **AN_HOUR))
    with led.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE, "Nobody leads it any more")
    with pytest.raises(Forbidden):
        take(led, "tomas", NOW, NOW + HOUR, by="lucia")


AN_HOUR: dict[str, Any] = {"starts_at": NOW, "ends_at": NOW + HOUR, "reason": "a wedding"}


def read(database: Database, question: Callable[[Tx], T]) -> T:
    with database.read(SYSTEM) as tx:
        return question(tx)


def test_of_two_answers_at_once_one_counts(nodes: tuple[Database, Database]) -> None:
    one, other = nodes
    asked = ask(one)
    do(one, commands.accept, asked.id, by="tomas")
    with pytest.raises(Refused):
        do(other, commands.accept, asked.id, by="tomas")
    with other.read(SYSTEM) as tx:
        assert len(store.latest_overrides(tx, 10)) == 2
