"""A link that is mailed: what becomes of the mail when the link is worth nothing any more."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Delivered, Message, MessageState, Result, Retry
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.people import commands, sessions, store
from tocsin.response import letters
from tocsin.response.dispatch import Dispatcher

ANA = Actor("ana", ActorKind.PERSON, frozenset({"*"}))
NO = Dead("SMTP 550 No such user here")
LATER = Retry("SMTP 451 Try again later")


class Mail:
    """A mail server that says what it is told to, and then takes everything."""

    def __init__(self, *answers: Result) -> None:
        self.taken: list[str | None] = []
        self._answers = list(answers)

    async def send(self, message: Message) -> Result:
        result = self._answers.pop(0) if self._answers else Delivered("mail-1")
        if isinstance(result, Delivered):
            self.taken.append(message.secret)
        return result


def mail_a_link(database: Database, handle: str = "eve") -> str:
    def mailed(tx: Any) -> str:
        secret = commands.invite(tx, handle, name="Eve", email=f"{handle}@rose.example")
        commands.mail_link(tx, handle, secret, has_mail=True)
        return secret

    return database.run(ANA, mailed)


def turn(database: Database, mail: Mail) -> None:
    async def once() -> None:
        dispatcher = Dispatcher(database, {"email": mail})
        await dispatcher.turn()
        await dispatcher.drained()

    asyncio.run(once())


def kept(database: Database) -> list[Message]:
    with database.read(SYSTEM) as tx:
        return [outbox._message(row) for row in tx.all(outbox.table.select().order_by(outbox.table.c.created_at))]


def given_up(database: Database) -> list[Message]:
    with database.read(ANA) as tx:
        return [one.message for one in letters.undelivered(tx, 50)]


def use(tx: Any, secret: str) -> None:
    assert sessions.use_link(tx, secret)


ENDS: dict[str, Callable[[Any, str], object]] = {
    "another link is made": lambda tx, _: commands.signin_link(tx, "eve"),
    "it is revoked": lambda tx, _: sessions.drop_links(tx, "eve"),
    "the account is disabled": lambda tx, _: commands.disable(tx, "eve"),
    "it is used": use,
}


@pytest.mark.parametrize("end", ENDS)
def test_a_mail_never_leaves_whose_link_is_worth_nothing(database: Database, clock: ManualClock, end: str) -> None:
    secret, mail = mail_a_link(database), Mail(LATER)
    turn(database, mail)
    database.run(ANA, lambda tx: ENDS[end](tx, secret))
    clock.advance_to(clock.now() + timedelta(hours=1))
    turn(database, mail)
    assert mail.taken == [] and given_up(database) == []
    (one,) = kept(database)
    assert one.state is MessageState.DEAD and one.secret is None


def test_of_two_mailed_links_only_the_good_one_leaves(database: Database, clock: ManualClock) -> None:
    mail = Mail(LATER)
    mail_a_link(database)
    turn(database, mail)
    second = mail_a_link(database)
    clock.advance_to(clock.now() + timedelta(minutes=1))
    turn(database, mail)
    assert mail.taken == [second]


def test_what_was_refused_is_no_loss_once_another_link_was_made(database: Database, clock: ManualClock) -> None:
    mail_a_link(database)
    turn(database, Mail(NO))
    assert [one.last_error for one in given_up(database)] == [NO.reason]
    database.run(ANA, lambda tx: commands.signin_link(tx, "eve"))
    assert given_up(database) == []


def test_a_mail_that_was_refused_is_sent_again_with_its_link(database: Database, clock: ManualClock) -> None:
    secret, mail = mail_a_link(database), Mail(NO)
    turn(database, mail)
    (one,) = given_up(database)
    database.run(ANA, lambda tx: letters.resend(tx, one.id))
    turn(database, mail)
    assert mail.taken == [secret] and given_up(database) == []


def test_a_link_that_is_too_old_is_not_mailed_and_not_mailed_again(database: Database, clock: ManualClock) -> None:
    database.run(ANA, lambda tx: commands.invite(tx, "eve", name="Eve", email=None))
    database.run(SYSTEM, lambda tx: store.change_person(tx, "eve", signed_in_at=tx.now))  # so a link lasts an hour
    mail_a_link(database)
    mail = Mail(LATER)
    turn(database, mail)
    clock.advance_to(clock.now() + sessions.LINK_LASTS + timedelta(minutes=1))
    database.run(SYSTEM, sessions.forget_expired)
    turn(database, mail)
    (one,) = given_up(database)
    assert mail.taken == [] and "too old" in one.last_error and one.secret is None
    with pytest.raises(letters.TooOld):
        database.run(ANA, lambda tx: letters.resend(tx, one.id))


def test_a_mail_that_came_back_is_not_sent_again_with_a_link_that_was_used(database: Database) -> None:
    secret = mail_a_link(database)
    turn(database, Mail())
    database.run(SYSTEM, lambda tx: use(tx, secret))
    (one,) = kept(database)
    assert database.run(SYSTEM, lambda tx: outbox.came_back(tx, one, "the mailbox is full"))
    with pytest.raises(letters.TooOld):
        database.run(ANA, lambda tx: letters.resend(tx, one.id))
