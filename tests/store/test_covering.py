"""Looking ahead on both databases: who is told of a gap, once, and what is forgotten when it is mended."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.store.conftest import ROSE
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery.channel import Delivered, Message
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind
from tocsin.oncall import store as oncall
from tocsin.oncall.coverage import Reach
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import covering, tick

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
WITH_A_GAP = ROSE.replace(
    "    people: [ben, ben, ben, tomas]\n",
    "    people: [ben, ben, ben, tomas]\n    holidays: [{ name: Christmas, days: [2026-12-12] }]\n",
)


@pytest.fixture
def watched(database: Database) -> Database:
    with database.work(SYSTEM) as tx:
        people.change_person(tx, "erin", role=AccountRole.ADMINISTRATOR)
        covering.schedule(tx)
        covering.schedule(tx)  # twice changes nothing
        assert len(obligations.open_of(tx, Kind.COVER)) == 1
    return database


def pass_time(database: Database) -> list[Message]:
    """Settle what is due now; what is told of it."""
    database.run(SYSTEM, tick.settle_due)
    with database.work(SYSTEM) as tx:
        found = outbox.claim(tx, 100)
        for one in found:
            outbox.record(tx, one, Delivered())
    return found


def test_a_plan_that_covers_everything_tells_nobody_and_is_looked_at_each_hour(
    watched: Database, clock: ManualClock
) -> None:
    assert pass_time(watched) == []
    with watched.read(SYSTEM) as tx:
        (standing,) = obligations.open_of(tx, Kind.COVER)
        assert standing.due_at == NOW + covering.EVERY
        assert covering.proof(tx, 8).holds


def test_administrators_are_told_of_a_gap_weeks_before_and_once(watched: Database, clock: ManualClock) -> None:
    with watched.work(SYSTEM) as tx:
        plan_commands.apply(tx, WITH_A_GAP, "a holiday", accept_large=True)
    (mail,) = pass_time(watched)
    assert (mail.person, mail.subject) == ("erin", "[on call] A gap in the rotas")
    assert "From Fri 11 Dec 23:00 UTC until Sat 12 Dec 23:00 UTC: nobody is on call in commander." in mail.body
    assert "Somebody else is asked for P0 incident commander, P1 incident commander." in mail.body
    for hours in range(1, 24 * 30, 7):
        clock.advance_to(NOW + timedelta(hours=hours))
        assert pass_time(watched) == []
    with watched.read(SYSTEM) as tx:
        assert oncall.warnings(tx) == []  # it is over


def test_what_is_mended_is_forgotten_and_told_again_if_it_comes_back(watched: Database, clock: ManualClock) -> None:
    for number, (plan, told) in enumerate([(WITH_A_GAP, 1), (ROSE, 0), (WITH_A_GAP, 1)]):
        clock.advance_to(NOW + number * covering.EVERY)
        with watched.work(SYSTEM) as tx:
            plan_commands.apply(tx, plan, "another", accept_large=True)
        assert len(pass_time(watched)) == told


def test_people_are_told_of_whom_nothing_reaches_and_what_they_lack(watched: Database) -> None:
    with watched.work(SYSTEM) as tx:
        people.change_person(tx, "ana", email=None)
        people.change_person(tx, "ben", disabled_at=tx.now)
        found = covering.reached(tx, plans.current(tx))
        assert (found["ana"], found["ben"], found["tomas"]) == (Reach.NO_METHOD, Reach.DISABLED, Reach.REACHED)
    (mail,) = pass_time(watched)
    assert (
        "Ana Okafor has no contact method" in mail.body and "Ben Halvorsen has no account that is enabled" in mail.body
    )


def test_without_an_administrator_whoever_leads_is_told(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        covering.schedule(tx)
        plan_commands.apply(tx, WITH_A_GAP, "a holiday", accept_large=True)
    assert {one.person for one in pass_time(database)} == {"ben", "tomas"}


def test_what_nobody_could_be_told_is_told_as_soon_as_somebody_can_be(watched: Database, clock: ManualClock) -> None:
    with watched.work(SYSTEM) as tx:
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=None)
    assert pass_time(watched) == []
    clock.advance_to(NOW + covering.EVERY)
    with watched.work(SYSTEM) as tx:
        people.change_person(tx, "erin", email="erin@rose.example")
    (mail,) = pass_time(watched)
    assert mail.person == "erin" and "Nobody is there for P1 page" in mail.body
