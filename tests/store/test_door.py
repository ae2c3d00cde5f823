"""The door on both databases: each code once, tries that are counted, and a log that is only added to."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import exc, text

from tests.support.races import PATIENCE, in_background, together, wait_until_blocked
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.audit.refusals import Refusals
from tocsin.db.engine import Database, Tx
from tocsin.door import commands, limits, store, totp
from tocsin.door.commands import NoFactor, Opened, TooManyTries, WrongFactor
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel, Seen
from tocsin.response import commands as response
from tocsin.response import secrecy

SEEN = Seen(way="password", browser="Firefox/1", source="192.0.2.7")


def actor(database: Database, handle: str) -> Actor:
    with database.read(SYSTEM) as tx:
        return access.person(people.load_person(tx, handle), "192.0.2.7")


@pytest.fixture
def ana(database: Database) -> Actor:
    return actor(database, "ana")


def later(clock: ManualClock, **span: float) -> None:
    clock.advance_to(clock.now() + timedelta(**span))


def set_up(database: Database, who: Actor) -> tuple[str, list[str], str]:
    """Give somebody a second factor: its secret, the recovery codes, and the secret of their session."""
    session = database.run(SYSTEM, lambda tx: sessions.begin(tx, who.handle, SEEN))
    secret = database.run(who, lambda tx: commands.begin_factor(tx, who.handle)).secret
    code = totp.code_at(secret, database.now())
    fresh, codes = database.run(who, lambda tx: commands.confirm_factor(tx, who.handle, code, session))
    assert fresh != session
    return secret, codes, fresh


def step(database: Database, handle: str) -> str:
    def begin(tx: Tx) -> Opened:
        return commands.come_in(tx, people.load_person(tx, handle), SEEN, [])

    opened = database.run(SYSTEM, begin)
    assert opened.step and not opened.session
    return opened.step


def give(database: Database, at: str, code: str) -> str:
    return database.run(SYSTEM, lambda tx: commands.give_code(tx, at, code, SEEN, []))


def deeds(database: Database, **asked: Any) -> list[Deed]:
    with database.read(SYSTEM) as tx:
        return [one.deed for one in audit.listing(tx, Filter(**asked), limit=100)]


# ---- The second factor -----------------------------------------------------------------------------------------------


def test_a_second_factor_is_asked_once_a_first_code_came_of_it(database: Database, ana: Actor) -> None:
    def came(tx: Tx) -> Opened:
        return commands.come_in(tx, people.load_person(tx, "ana"), SEEN, [])

    secret = database.run(ana, lambda tx: commands.begin_factor(tx, "ana")).secret
    assert database.run(SYSTEM, came).session
    session = database.run(SYSTEM, lambda tx: sessions.begin(tx, "ana"))
    with pytest.raises(Invalid):
        database.run(ana, lambda tx: commands.confirm_factor(tx, "ana", "000000x", session))
    code = totp.code_at(secret, database.now())
    fresh, codes = database.run(ana, lambda tx: commands.confirm_factor(tx, "ana", code, session))
    assert len(codes) == 10
    with database.read(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is None
        assert sessions.signed_in(tx, fresh) is not None
        assert len(sessions.of_person(tx, "ana")) == 1, "every other session ends"
        kept = repr([tx.all(one.select()) for one in (store.recovery_code, sessions.table)])
    assert not any(totp.plain(one) in kept for one in codes)
    assert database.run(SYSTEM, came).step


def test_a_code_opens_the_door_once(database: Database, ana: Actor, clock: ManualClock) -> None:
    secret, _, _ = set_up(database, ana)
    with pytest.raises(WrongFactor):  # the code that set it up is used up already
        give(database, step(database, "ana"), totp.code_at(secret, database.now()))
    later(clock, seconds=30)
    code = totp.code_at(secret, database.now())
    first, second = step(database, "ana"), step(database, "ana")
    session = give(database, first, code)
    with database.read(SYSTEM) as tx:
        (here, *_) = sessions.of_person(tx, "ana")
        assert sessions.signed_in(tx, session) is not None
    assert here.seen == Seen(way="password and a code", browser="Firefox/1", source="192.0.2.7")
    for at in (first, second):
        with pytest.raises(WrongFactor):
            give(database, at, code)


def test_of_two_uses_of_one_code_at_once_one_gets_in(nodes: tuple[Database, Database], clock: ManualClock) -> None:
    secret, codes, _ = set_up(nodes[0], actor(nodes[0], "ana"))

    def gets_in(database: Database, at: str, code: str) -> bool:
        try:
            give(database, at, code)
        except WrongFactor:
            return False
        return True

    later(clock, seconds=30)
    for code in (totp.code_at(secret, clock.now()), codes[0]):
        both = [partial(gets_in, one, step(one, "ana"), code) for one in nodes]
        assert sorted(together(*both)) == [False, True]


def test_a_password_that_is_changed_while_it_is_looked_at_opens_nothing(database: Database, ana: Actor) -> None:
    """Looking at it takes as long as somebody needs to shut others out."""
    database.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ana", "the old one"))
    with database.read(SYSTEM) as tx:
        account, proven = people.by_login(tx, "ana") or pytest.fail("nobody")
    session = database.run(SYSTEM, lambda tx: sessions.begin(tx, "ana", SEEN))
    database.run(ana, lambda tx: commands.set_password(tx, "ana", "the new one", session))
    with pytest.raises(people_commands.WrongPassword):
        database.run(SYSTEM, lambda tx: commands.come_in(tx, account, SEEN, [], password_hash=proven))


@pytest.mark.parametrize("shuts", ["password", "account"])
def test_who_comes_in_while_the_door_is_shut_has_no_session_afterwards(
    nodes: tuple[Database, Database], shuts: str
) -> None:
    one, other = nodes
    one.run(SYSTEM, lambda tx: people.set_password_hash(tx, "ana", "the old one"))
    with one.read(SYSTEM) as tx:
        account, proven = people.by_login(tx, "ana") or pytest.fail("nobody")
    with one.work(access.local_operator("root")) as tx:
        if shuts == "password":
            people_commands.set_password(tx, "ana", "the new one")
        else:
            people_commands.disable(tx, "ana")
        tx.flush()
        late = in_background(
            lambda: other.run(SYSTEM, lambda tx: commands.come_in(tx, account, SEEN, [], password_hash=proven))
        )
        wait_until_blocked(other)
    with pytest.raises(Forbidden):
        late.result(PATIENCE)
    with one.read(SYSTEM) as tx:
        assert sessions.of_person(tx, "ana") == []


def test_a_factor_that_is_confirmed_stays_though_another_was_begun_at_once(nodes: tuple[Database, Database]) -> None:
    one, other = nodes
    ana = actor(one, "ana")
    session = one.run(SYSTEM, lambda tx: sessions.begin(tx, "ana", SEEN))
    secret = one.run(ana, lambda tx: commands.begin_factor(tx, "ana")).secret
    code = totp.code_at(secret, one.now())
    with one.work(ana) as tx:
        commands.confirm_factor(tx, "ana", code, session)
        tx.flush()
        late = in_background(lambda: other.run(ana, lambda tx: commands.begin_factor(tx, "ana")))
        wait_until_blocked(other)
    with pytest.raises(commands.HasFactor):
        late.result(PATIENCE)
    with one.read(SYSTEM) as tx:
        assert store.confirmed_factor(tx, "ana")


def test_a_step_waits_ten_minutes(database: Database, ana: Actor, clock: ManualClock) -> None:
    secret, _, _ = set_up(database, ana)
    at = step(database, "ana")
    later(clock, minutes=10)
    with pytest.raises(WrongFactor, match="Sign in again"):
        give(database, at, totp.code_at(secret, database.now()))
    database.run(SYSTEM, store.forget_old)
    with database.read(SYSTEM) as tx:
        assert tx.all(store.signin_step.select()) == []


def test_a_recovery_code_opens_the_door_once_and_new_ones_take_their_place(
    database: Database, ana: Actor, clock: ManualClock
) -> None:
    secret, codes, _ = set_up(database, ana)
    give(database, step(database, "ana"), codes[0].upper().replace("-", " "))
    with pytest.raises(WrongFactor, match="used already"):
        give(database, step(database, "ana"), codes[0])
    with database.read(ana) as tx:
        assert commands.standing(tx, "ana").codes_left == 9
    later(clock, seconds=30)
    code = totp.code_at(secret, database.now())
    fresh = database.run(ana, lambda tx: commands.make_recovery_codes(tx, "ana", code))
    with pytest.raises(WrongFactor):
        give(database, step(database, "ana"), codes[1])
    give(database, step(database, "ana"), fresh[0])


def test_a_second_factor_is_turned_off_with_a_code_and_not_by_others(database: Database, ana: Actor) -> None:
    _, codes, _ = set_up(database, ana)
    root = access.local_operator("root")
    for other in (commands.begin_factor, partial(commands.drop_factor, code=codes[0])):
        with pytest.raises(Forbidden, match="Only ana"):
            database.run(root, lambda tx, other=other: other(tx, "ana"))  # type: ignore[misc]
    with pytest.raises(WrongFactor):
        database.run(ana, lambda tx: commands.drop_factor(tx, "ana", "000000"))
    database.run(ana, lambda tx: commands.drop_factor(tx, "ana", codes[0]))
    with pytest.raises(NoFactor):
        database.run(ana, lambda tx: commands.drop_factor(tx, "ana", codes[1]))
    assert deeds(database, deed="factor") == [Deed.FACTOR_REMOVED, Deed.CODE_USED, Deed.CODES_MADE, Deed.FACTOR_ADDED]


def test_a_lost_factor_is_taken_away_by_whoever_may_change_people(database: Database, ana: Actor) -> None:
    _, _, session = set_up(database, ana)
    at = step(database, "ana")
    database.run(SYSTEM, lambda tx: store.add_passkey(tx, "ana", "phone", "cred", "key", 0))
    manager = Actor("max", ana.kind, access.RIGHTS[AccountRole.MANAGER])
    with pytest.raises(Forbidden):
        database.run(manager, lambda tx: commands.take_factor_away(tx, "ana"))
    with pytest.raises(Forbidden):  # not even one's own: that takes a code
        database.run(ana, lambda tx: commands.take_factor_away(tx, "ana"))
    found_open = Actor("ana", ana.kind, frozenset({"*"}), "192.0.2.7")
    with pytest.raises(Forbidden, match="with a code"):
        database.run(found_open, lambda tx: commands.take_factor_away(tx, "ana"))
    root = access.local_operator("root")
    database.run(root, lambda tx: commands.take_factor_away(tx, "ana"))
    with database.read(SYSTEM) as tx:
        assert store.factor(tx, "ana") is None and store.passkeys(tx, "ana") == []
        assert sessions.signed_in(tx, session) is None and store.step_of(tx, at) is None
        (removed,) = audit.listing(tx, Filter(deed="factor.removed"), limit=9)
    assert (removed.actor, removed.about, removed.source) == ("root", "ana", "this machine")
    with pytest.raises(NoFactor):
        database.run(root, lambda tx: commands.take_factor_away(tx, "ana"))


# ---- Sessions --------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_one_by_one_or_all_but_one(
    database: Database, ana: Actor, clock: ManualClock
) -> None:
    secrets = [database.run(SYSTEM, lambda tx: sessions.begin(tx, "ana", SEEN)) for _ in range(3)]
    later(clock, minutes=6)
    database.run(SYSTEM, lambda tx: sessions.note_use(tx, secrets[2]))
    with database.read(ana) as tx:
        found = sessions.of_person(tx, "ana")
        of_last = sessions.of_secret(tx, secrets[2])
    assert of_last is not None and found[0] == of_last and found[0].used_at > found[1].used_at
    database.run(ana, lambda tx: commands.end_session(tx, "ana", found[1].id))
    for unknown in (found[1].id, "ses_", "", "ses_%", "ses_" + "_" * 16):
        with pytest.raises(NotFound):
            database.run(ana, lambda tx, unknown=unknown: commands.end_session(tx, "ana", unknown))  # type: ignore[misc]
    ben = actor(database, "ben")
    with pytest.raises(Forbidden):
        database.run(ben, lambda tx: commands.end_session(tx, "ana", found[0].id))
    assert database.run(ana, lambda tx: commands.end_sessions(tx, "ana", secrets[2])) == 1
    with database.read(ana) as tx:
        assert [one.id for one in sessions.of_person(tx, "ana")] == [found[0].id]
    with pytest.raises(Forbidden):
        database.run(ana, lambda tx: commands.end_sessions_of(tx, "ben"))
    link = database.run(SYSTEM, lambda tx: sessions.issue_link(tx, "ana"))
    with database.read(ana) as tx:
        assert list(sessions.unused_links(tx)) == ["ana"]
    root = access.local_operator("root")
    assert database.run(root, lambda tx: commands.end_sessions_of(tx, "ana")) == 1
    assert database.run(SYSTEM, lambda tx: sessions.use_link(tx, link)) is None
    with database.read(root) as tx:
        assert sessions.unused_links(tx) == {}
        assert [one.deed for one in audit.listing(tx, Filter(), limit=2)] == [Deed.SESSIONS_ENDED, Deed.LINK_REVOKED]


# ---- Tries -----------------------------------------------------------------------------------------------------------


def fail(database: Database, source: str, *, who: str = "ana", device: str = "") -> bool:
    """Whether one more wrong password is looked at."""
    try:
        database.run(SYSTEM, lambda tx: commands.take_try(tx, limits.keys(who, source, device)))
    except TooManyTries:
        return False
    return True


def test_guessing_is_slow_and_keeps_nobody_out_from_elsewhere(database: Database, clock: ManualClock) -> None:
    looked_at = 0
    for _ in range(120):  # an hour
        looked_at += fail(database, "198.51.100.1")
        later(clock, seconds=30)
    assert 5 < looked_at < 25
    assert fail(database, "192.0.2.7"), "from another address nothing has failed yet"
    assert fail(database, "198.51.100.1", device="known"), "nor in a browser that has signed in before"
    assert fail(database, "198.51.100.1", who="ben"), "nor for somebody else from there"
    later(clock, hours=1)
    database.run(SYSTEM, store.forget_old)
    with database.read(SYSTEM) as tx:
        assert tx.all(store.tried.select()) == []


def test_one_address_that_tries_everybody_is_slowed_too(database: Database) -> None:
    looked_at = [fail(database, "198.51.100.1", who=f"somebody-{number}") for number in range(50)]
    assert sum(looked_at) == limits.OF_SOURCE
    assert fail(database, "192.0.2.7")


def test_a_success_takes_back_ones_own_failures_and_only_its_own_of_a_shared_address(database: Database) -> None:
    keys = limits.keys("ana", "192.0.2.7", "")
    for who in ("ben", "ben", "ana", "ana"):
        assert fail(database, "192.0.2.7", who=who)
    database.run(SYSTEM, lambda tx: store.take_back(tx, keys))
    with database.read(SYSTEM) as tx:
        counts = {row.key.partition(":")[0]: row.failures for row in tx.all(store.tried.select())}
    assert counts == {"one": 2, "source": 3}


def test_a_hundred_at_once_are_a_hundred(nodes: tuple[Database, Database]) -> None:
    tries = [partial(fail, nodes[number % 2], "198.51.100.1") for number in range(12)]

    def one_by_one(call: partial[bool]) -> bool:
        try:
            return call()
        except Refused:  # overtaken again and again: it was not looked at
            return False

    assert sum(together(*(partial(one_by_one, one) for one in tries))) <= limits.OF_ONE + 1


# ---- The audit log ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["update audit set actor = 'nobody'", "delete from audit"])
def test_the_database_keeps_the_log_as_it_was_written(database: Database, change: str) -> None:
    assert deeds(database)
    with pytest.raises((exc.DBAPIError, Refused)), database.work(SYSTEM) as tx:
        tx.run(text(change))
    assert deeds(database)


def test_a_line_is_there_if_the_deed_is_and_not_otherwise(database: Database, ana: Actor) -> None:
    before = len(deeds(database))
    with pytest.raises(Invalid):
        database.run(ana, lambda tx: people_commands.set_zone(tx, "ana", "Nowhere/Land"))

    def fails_afterwards(tx: Tx) -> None:
        people_commands.set_zone(tx, "ana", "Europe/Berlin")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.run(ana, fails_afterwards)
    assert len(deeds(database)) == before
    database.run(ana, lambda tx: people_commands.set_zone(tx, "ana", "Europe/Berlin"))
    with database.read(SYSTEM) as tx:
        (latest,) = audit.listing(tx, Filter(), limit=1)
    assert (latest.deed, latest.actor, latest.about) == (Deed.ZONE_SET, "ana", "ana")
    assert (latest.detail, latest.source, latest.at) == ("Europe/Berlin", "192.0.2.7", database.now())


def test_what_changes_accounts_and_keys_is_written_down(database: Database, ana: Actor) -> None:
    root = access.local_operator("root")
    with database.work(root) as tx:
        people_commands.invite(tx, "nina", name="Nina", email=None, role=AccountRole.VIEWER)
        people_commands.invite(tx, "nina", name="Nina", email="nina@rose.example", role=AccountRole.MANAGER)
        made, _ = people_commands.make_token(tx, "ci", frozenset({"plan:read"}), None)
        people_commands.revoke_token(tx, made.id)
    with database.work(ana) as tx:
        mail = people_commands.add_contact(tx, "ana", Channel.EMAIL, "ana@phone.example")
        people_commands.remove_contact(tx, "ana", mail.id)
        people_commands.remove_contact(tx, "ana", mail.id)  # nothing is there to remove any more
    with database.read(SYSTEM) as tx:
        found = [(one.deed, one.about, one.detail) for one in audit.listing(tx, Filter(actor="root"), limit=9)]
    assert found == [
        (Deed.TOKEN_REVOKED, made.id, ""),
        (Deed.TOKEN_MADE, made.id, "ci: plan:read"),
        (Deed.LINK_MADE, "nina", ""),
        (Deed.ROLE_CHANGED, "nina", "viewer to manager"),
        (Deed.ACCOUNT_CHANGED, "nina", "Nina nina@rose.example"),
        (Deed.LINK_MADE, "nina", ""),
        (Deed.ACCOUNT_MADE, "nina", "viewer"),
    ]
    assert deeds(database, actor="ana") == [Deed.CONTACT_REMOVED, Deed.CONTACT_ADDED]
    assert Deed.PLAN_APPLIED in deeds(database, deed="plan")


def test_the_log_is_read_page_by_page_and_as_far_as_was_asked(database: Database, ana: Actor) -> None:
    for zone in ("UTC", "Europe/Berlin", "Asia/Tokyo"):
        database.run(ana, lambda tx, zone=zone: people_commands.set_zone(tx, "ana", zone))  # type: ignore[misc]
    with database.read(SYSTEM) as tx:
        first = audit.listing(tx, Filter(deed="contact"), limit=2)
        rest = audit.listing(tx, Filter(deed="contact.zone_set"), before=first[-1].number, limit=2)
        assert audit.listing(tx, Filter(deed="contact", until=tx.now), limit=9) == []
        assert len(audit.listing(tx, Filter(since=tx.now, source="192.0.2.7"), limit=9)) == 3
    assert [one.detail for one in (*first, *rest)] == ["Asia/Tokyo", "Europe/Berlin", "UTC"]


def test_of_a_confidential_incident_only_its_readers_learn_which_it_was(database: Database) -> None:
    ben, root = actor(database, "ben"), Actor("root", SYSTEM.kind.PERSON, frozenset({"*"}))
    with database.work(ben) as tx:
        one = response.declare(tx, title="Strange logins", severity="P1", type="service_outage", service="rose")
        secrecy.make_confidential(tx, one.id, "Somebody is in")
    database.run(ben, lambda tx: secrecy.add_responder(tx, one.id, "lucia", "She knows the logs"))

    def seen(who: Actor, **asked: str) -> list[tuple[Deed, str, str]]:
        with database.read(who) as tx:
            found = audit.listing(tx, Filter(deed="incident", **asked), limit=9)
        return [(each.deed, each.about, each.detail) for each in found]

    whole = [(Deed.READER_ADDED, one.id, "lucia"), (Deed.MADE_CONFIDENTIAL, one.id, "")]
    assert seen(ben) == seen(ben, about=one.id) == whole
    assert seen(root) == [(Deed.READER_ADDED, "", ""), (Deed.MADE_CONFIDENTIAL, "", "")]
    assert seen(root, about=one.id) == []


def test_refusals_are_kept_with_how_often(database: Database) -> None:
    gathered = Refusals()
    for _ in range(7):
        gathered.note(Deed.RIGHT_MISSING, database.now(), actor="erin", about="/people", source="192.0.2.7")
    lines = gathered.take()
    database.run(SYSTEM, lambda tx: audit.keep_refused(tx, lines))
    with database.read(SYSTEM) as tx:
        (one,) = audit.listing(tx, Filter(deed="refused"), limit=9)
    assert (one.deed, one.actor, one.about, one.count) == (Deed.RIGHT_MISSING, "erin", "/people", 7)
