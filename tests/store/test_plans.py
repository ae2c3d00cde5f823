"""A plan comes into force as a whole, and what was agreed once is never changed behind anybody's back."""

from datetime import timedelta
from importlib import resources

import pytest

from tests.support.races import together
from tocsin.db import settings as kept
from tocsin.db.engine import Database
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Refused
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import commands, store
from tocsin.response import doctor, looking

ROSE = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
QUICKER = ROSE.replace("resolve_within: 24 h", "resolve_within: 12 h")


def apply(database: Database, text: str, reason: str = "because", *, accept_large: bool = False) -> store.Revision:
    return database.run(SYSTEM, lambda tx: commands.apply(tx, text, reason, accept_large=accept_large))


def test_a_plan_with_mistakes_changes_nothing_and_names_each_with_its_line(database: Database) -> None:
    bad = QUICKER.replace("resolve_within: 12 h", "resolve_within: soon").replace("severity: P0", "severity: P9", 1)
    bad += "\npeople2: {}\n"
    with database.read(SYSTEM) as tx:
        before = (store.current_id(tx), store.revisions(tx), people.people(tx))
    with pytest.raises(commands.BadPlan) as refused:
        apply(database, bad)
    assert len(refused.value.problems) >= 2
    assert all(":" in str(problem) for problem in refused.value.problems)
    assert "soon" in refused.value.message
    with database.read(SYSTEM) as tx:
        assert (store.current_id(tx), store.revisions(tx), people.people(tx)) == before


def test_a_revision_is_named_by_its_text_and_never_changes(database: Database, clock: ManualClock) -> None:
    with database.read(SYSTEM) as tx:
        first = store.current_revision(tx)
    clock.advance_to(clock.now() + timedelta(days=1))
    second = apply(database, QUICKER, "quicker")
    clock.advance_to(clock.now() + timedelta(days=1))
    again = apply(database, ROSE, "too quick", accept_large=True)
    assert again.id == first.id == store.revision_id(ROSE)
    assert second.id != first.id
    with database.read(SYSTEM) as tx:
        assert store.current_id(tx) == first.id
        assert store.current_revision(tx) == first  # the reason and the instant of its first coming into force
        assert [one.id for one in store.revisions(tx)] == [second.id, first.id]
        assert store.load(tx, second.id).severities["P2"].resolve_within == timedelta(hours=12)
        assert store.load(tx, first.id).severities["P2"].resolve_within == timedelta(hours=24)
        with pytest.raises(store.NoSuchRevision):
            store.load(tx, "000000000000")


def test_people_whom_a_plan_names_get_accounts_and_nobody_loses_one(database: Database) -> None:
    more = ROSE.replace("people:\n  ana:", "people:\n  nina: { name: Nina Berg }\n  ana:", 1)
    apply(database, more)
    with database.read(SYSTEM) as tx:
        nina = people.load_person(tx, "nina")
        assert (nina.name, nina.role, nina.has_password) == ("Nina Berg", AccountRole.RESPONDER, False)
        assert people.load_person(tx, "ana").email == "ana@rose.example"
    apply(database, ROSE, accept_large=True)
    with database.read(SYSTEM) as tx:
        assert people.load_person(tx, "nina") == nina


def test_a_large_change_needs_a_yes_and_changes_nothing_without(database: Database) -> None:
    slower = ROSE.replace("acknowledge_within: 15 min", "acknowledge_within: 20 min").replace("    private: true\n", "")
    with database.read(SYSTEM) as tx:
        before = (store.current_id(tx), store.revisions(tx), people.people(tx))
    with pytest.raises(commands.LargeChange) as refused:
        apply(database, slower)
    assert isinstance(refused.value, Refused)
    assert [one.path for one in refused.value.consequences] == [
        "severities.P1.acknowledge_within",
        "types.security.private",
    ]
    assert "- P1: acknowledging moves from 15 min to 20 min (5 min later)." in refused.value.message.splitlines()
    with database.read(SYSTEM) as tx:
        assert (store.current_id(tx), store.revisions(tx), people.people(tx)) == before
    revision = apply(database, slower, "fewer people", accept_large=True)
    assert (revision.reason, revision.applied_by) == ("fewer people", SYSTEM.handle)
    with database.read(SYSTEM) as tx:
        assert store.current_id(tx) == revision.id
    apply(database, ROSE)  # the way back is no large change


def test_a_plan_in_force_that_cannot_be_read_keeps_no_other_out(database: Database) -> None:
    text = "tocsin: 1\nname: Broken\n"
    with database.work(SYSTEM) as tx:
        row = {"name": "x", "version": "0", "text": text, "reason": "", "applied_by": "x", "applied_at": tx.now}
        tx.run(store.table.insert().values(id=store.revision_id(text), **row))
        kept.write(tx, store.CURRENT, store.revision_id(text))
    assert apply(database, QUICKER).id == store.revision_id(QUICKER)


def test_who_may_not_change_the_plan_is_refused(database: Database) -> None:
    ana = Actor("ana", ActorKind.PERSON, access.RIGHTS[AccountRole.RESPONDER])
    with pytest.raises(Forbidden, match="plan:write"), database.work(ana) as tx:
        commands.apply(tx, QUICKER, "quicker")


def test_two_nodes_that_apply_the_same_plan_at_once_store_it_once(nodes: tuple[Database, Database]) -> None:
    found = together(lambda: apply(nodes[0], QUICKER), lambda: apply(nodes[1], QUICKER))
    assert {one.id for one in found} == {store.revision_id(QUICKER)}
    with nodes[0].read(SYSTEM) as tx:
        assert len(store.revisions(tx)) == 2
        assert store.current_id(tx) == store.revision_id(QUICKER)


def test_before_the_first_plan_it_says_what_to_do(database_url: str, clock: ManualClock) -> None:
    database = Database(database_url, clock)
    with pytest.raises(store.NoPlan, match="tocsin plan apply"), database.read(SYSTEM) as tx:
        store.current(tx)
    database.dispose()


def test_the_looks_are_those_of_the_plan_in_force(database: Database) -> None:
    for _ in range(2):
        database.run(SYSTEM, looking.schedule)
    with database.read(SYSTEM) as tx:
        before = {one.key for one in obligations.open_looks(tx)}
    assert "look:rose/health" in before
    apply(database, ROSE.replace("      health:\n        url:", "      pulse:\n        url:"), accept_large=True)
    database.run(SYSTEM, looking.schedule)
    with database.read(SYSTEM) as tx:
        after = {one.key for one in obligations.open_looks(tx)}
        assert (before - after, after - before) == ({"look:rose/health"}, {"look:rose/pulse"})
        ended = [one.state for one in tx.all(obligations.table.select()) if one.key == "look:rose/health"]
    assert ended == [State.VOID]


def test_the_doctor_names_a_revision_that_can_no_longer_be_read(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        text = "tocsin: 1\nname: Broken\n"
        row = {"name": "x", "version": "0", "text": text, "reason": "", "applied_by": "x", "applied_at": tx.now}
        tx.run(store.table.insert().values(id=store.revision_id(text), **row))
    with database.read(SYSTEM) as tx:
        (problem,) = doctor.examine(tx)
    assert store.revision_id(text) in problem


def test_the_key_that_signs_links_is_made_once(nodes: tuple[Database, Database]) -> None:
    one, other = together(*[lambda node=node: node.run(SYSTEM, kept.signing_key) for node in nodes])
    assert one == other
    assert len(one) > 30
