"""Calendars and imports on both databases: kept as hashes, revoked for good, all of an import or nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid, NotFound
from tocsin.oncall import commands, store
from tocsin.oncall.importing import Wanted
from tocsin.people import access
from tocsin.people.model import Account, AccountRole

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)  # Ana is on call
HANDOFF = datetime(2026, 11, 30, 8, tzinfo=UTC)  # to Tomás
DAY = timedelta(days=1)


def actor(handle: str, role: AccountRole = AccountRole.RESPONDER) -> Actor:
    account = Account(handle=handle, name=handle, email=None, role=role, has_password=False, created_at=NOW)
    return access.person(account)


def test_a_calendar_is_found_by_its_secret_until_it_is_revoked(database: Database) -> None:
    made, secret = database.run(actor("ana"), lambda tx: commands.make_feed(tx, "on_call"))
    other, _ = database.run(actor("ana"), lambda tx: commands.make_feed(tx, None))
    with database.read(SYSTEM) as tx:
        assert store.feed_by_secret(tx, secret) == made == store.load_feed(tx, made.id)
        assert store.feed_by_secret(tx, secret + "x") is None
        assert {one.id for one in store.feeds(tx, "ana")} == {made.id, other.id}
    with pytest.raises(Forbidden):
        database.run(actor("ben"), lambda tx: commands.revoke_feed(tx, made.id))
    database.run(actor("ana"), lambda tx: commands.revoke_feed(tx, made.id))
    with database.read(SYSTEM) as tx:
        assert store.feed_by_secret(tx, secret) is None and store.feeds(tx, "ana") == [other]
    with pytest.raises(NotFound):
        database.run(actor("ana"), lambda tx: commands.revoke_feed(tx, made.id))


def test_whatever_is_arranged_or_cancelled_is_a_change(database: Database, clock: ManualClock) -> None:
    def change() -> tuple[int, datetime | None]:
        with database.read(SYSTEM) as tx:
            return store.latest_change(tx)

    assert change() == (0, None)
    clock.advance_to(NOW + timedelta(minutes=1))
    made = database.run(
        actor("ben"),
        lambda tx: commands.override(tx, "on_call", "ben", starts_at=HANDOFF, ends_at=HANDOFF + DAY, reason="x"),
    )
    assert change() == (1, NOW + timedelta(minutes=1))
    clock.advance_to(NOW + timedelta(minutes=2))
    database.run(actor("ben"), lambda tx: commands.cancel(tx, made.id, "y"))
    assert change() == (2, NOW + timedelta(minutes=2))


def wanted(line: int, person: str, start: datetime, end: datetime) -> Wanted:
    return Wanted(line, person, start, end)


def test_an_import_is_told_once_to_each_whom_it_concerns(database: Database) -> None:
    shifts = [wanted(line, "ben", HANDOFF + line * DAY, HANDOFF + (line + 1) * DAY) for line in range(5)]
    ana = actor("ana", AccountRole.ADMINISTRATOR)
    found, made = database.run(ana, lambda tx: commands.import_shifts(tx, "on_call", shifts, "the old rota"))
    assert len(found.changes) == len(made) == 5
    with database.work(SYSTEM) as tx:
        mails = outbox.claim(tx, 100)
    assert sorted(one.address for one in mails) == ["ben@rose.example", "tomas@rose.example"]
    assert all(one.body.count("\n- ") == 5 and "the old rota" in one.body for one in mails)


def test_an_import_that_fails_in_the_middle_leaves_nothing(database: Database) -> None:
    """The last of these belongs to somebody whom the importer may not put on call."""
    shifts = [wanted(2, "ben", HANDOFF, HANDOFF + DAY), wanted(3, "ana", HANDOFF + DAY, HANDOFF + 2 * DAY)]
    with pytest.raises(Forbidden):
        database.run(actor("ben"), lambda tx: commands.import_shifts(tx, "on_call", shifts, "x"))
    with pytest.raises(Invalid):
        database.run(actor("ben"), lambda tx: commands.import_shifts(tx, "on_call", shifts[:1], "  "))
    with database.read(SYSTEM) as tx:
        assert store.latest_overrides(tx, 5) == []
