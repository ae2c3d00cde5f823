"""What is changed besides incidents stands in the audit log, with who did it: on both databases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tocsin.audit import store as audit
from tocsin.audit.model import Filter
from tocsin.db.engine import Database
from tocsin.delivery.channel import Dead, Message
from tocsin.events import commands as hooks
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.oncall import commands as oncall
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel
from tocsin.response import failing
from tocsin.signals import commands as signals
from tocsin.signals.silencing import Matcher, Means
from tocsin.sso import commands as sso
from tocsin.sso.model import Somebody, Terms

ROOT = Actor("ana", ActorKind.PERSON, frozenset({"*"}), "192.0.2.7")

Act = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture
def act(database: Database) -> Act:
    return lambda command: database.run(ROOT, command)


def written(database: Database, subject: str) -> list[tuple[str, str, str, str]]:
    """What stands in the log of a subject, the first line first."""
    with database.read(SYSTEM) as tx:
        found = audit.listing(tx, Filter(deed=subject), limit=50)
    return [(one.deed.partition(".")[2], one.actor, one.about, one.detail) for one in reversed(found)]


def test_calendars_that_are_made_and_revoked(database: Database, act: Act) -> None:
    feed, secret = act(lambda tx: oncall.make_feed(tx, None, "ben"))
    act(lambda tx: oncall.revoke_feed(tx, feed.id))
    lines = written(database, "calendar")
    assert lines == [("made", "ana", "ben", f"{feed.id}, every shift of theirs"), ("revoked", "ana", "ben", feed.id)]
    assert secret not in repr(lines)


def test_webhooks_by_their_host_alone(database: Database, act: Act) -> None:
    one = act(lambda tx: hooks.make(tx, "https://hooks.example.org/s3cret", "", [], confidential=False))
    act(lambda tx: hooks.change(tx, one.id, url="https://other.example.org/s3cret", description="the wall"))
    act(lambda tx: hooks.rotate(tx, one.id))
    act(lambda tx: hooks.replay_since(tx, one.id, tx.now - timedelta(minutes=1)))
    act(lambda tx: hooks.disable(tx, one.id))
    act(lambda tx: hooks.disable(tx, one.id))  # it is already
    act(lambda tx: hooks.enable(tx, one.id))
    act(lambda tx: hooks.remove(tx, one.id))
    lines = written(database, "webhook")
    assert [(deed, detail.partition(" since")[0]) for deed, _, about, detail in lines if about == one.id] == [
        ("made", "hooks.example.org"),
        ("changed", "description and url, to other.example.org"),
        ("secret_replaced", ""),
        ("replayed", "0"),
        ("disabled", "ana disabled it"),
        ("enabled", ""),
        ("removed", ""),
    ]
    assert "s3cret" not in repr(lines)


def test_who_is_put_on_call_and_taken_back(database: Database, act: Act) -> None:
    made = act(
        lambda tx: oncall.override(
            tx,
            "on_call",
            "ben",
            starts_at=tx.now + timedelta(hours=1),
            ends_at=tx.now + timedelta(hours=2),
            reason="Dentist",
        )
    )
    act(lambda tx: oncall.cancel(tx, made.id, "Not needed"))
    put, taken = written(database, "oncall")
    assert put[:3] == ("put", "ana", "ben") and taken[:3] == ("taken_back", "ana", "ben")
    assert put[3].startswith(f"{made.id}, on_call, ") and taken[3].startswith(f"{made.id}, on_call, ")


def test_silences(database: Database, act: Act) -> None:
    with database.read(SYSTEM) as tx:
        until = tx.now + timedelta(hours=1)
    matcher = Matcher("host", Means.IS, "web-1")
    wanted = signals.Wanted(matchers=(matcher,), ends_at=until, because="Known")
    made = act(lambda tx: signals.silence(tx, wanted, accept_worst=True))
    act(lambda tx: signals.end_silence(tx, made.id))
    assert [line[:3] for line in written(database, "silence")] == [("made", "ana", made.id), ("ended", "ana", made.id)]


def test_accounts_that_are_linked_to_the_provider_and_unlinked(database: Database, act: Act) -> None:
    act(lambda tx: people_commands.invite(tx, "ben", name="", email="ben@rose.example", role=AccountRole.RESPONDER))
    terms = Terms(
        issuer="https://id.example", client_id="t", name="ID", roles={"*": AccountRole.RESPONDER}, makes_accounts=False
    )
    who = Somebody(
        issuer="https://id.example", subject="b3n", email="ben@rose.example", claimed_email="ben@rose.example"
    )
    database.run(SYSTEM, lambda tx: sso.come_in(tx, terms, who))
    act(lambda tx: sso.unlink(tx, "ben"))
    lines = [line for line in written(database, "account") if "linked" in line[0]]
    assert lines == [
        ("linked", SYSTEM.handle, "ben", "ben@rose.example at https://id.example"),
        ("unlinked", "ana", "ben", ""),
    ]


def test_a_contact_method_that_the_system_ends(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        method, now = people.add_contact(tx, "ben", Channel.NTFY, "rose-ben", verified=True), tx.now
    to = {"channel": "ntfy", "address": "rose-ben", "created_at": now, "send_at": now}
    message = Message(id="msg_1", dedup_key="k", subject="s", body="b", **to)
    database.run(SYSTEM, lambda tx: failing.ended(tx, message, Dead("the topic is gone")))
    assert written(database, "contact")[-1] == ("ended", SYSTEM.handle, "ben", "ntfy rose-ben: the topic is gone")
    with database.read(SYSTEM) as tx:
        assert people.contact(tx, "ben", method.id).ended_at is not None
