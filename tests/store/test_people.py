"""Letting people in: each link opens once, each session and token ends, and who is disabled is nobody any more."""

from datetime import time, timedelta
from functools import partial

import pytest

from tests.support.counting import counted
from tests.support.races import PATIENCE, in_background, together, wait_until_blocked
from tocsin.db.engine import Database, Tx
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused
from tocsin.paging import store as pages
from tocsin.people import access, commands, sessions, tokens
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel, Urgency
from tocsin.response import commands as response

ANA = Actor("ana", ActorKind.PERSON, access.RIGHTS[AccountRole.RESPONDER])
EMAIL = Channel.EMAIL


def later(clock: ManualClock, **span: float) -> None:
    clock.advance_to(clock.now() + timedelta(**span))


# ---- Signing in ------------------------------------------------------------------------------------------------------


def test_a_sign_in_link_opens_once(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        secret = commands.invite(tx, "nina", name="Nina", email="nina@rose.example", role=AccountRole.RESPONDER)
    with database.read(SYSTEM) as tx:  # looking, as a mail scanner does, does not use it up
        assert sessions.link_account(tx, secret) is not None
    with database.work(SYSTEM) as tx:
        account = sessions.use_link(tx, secret)
        assert account is not None
        assert (account.handle, account.role) == ("nina", AccountRole.RESPONDER)
        assert sessions.use_link(tx, secret) is None


@pytest.mark.parametrize(
    "name", ["Eve\x1b[2J", "Eve\0", "Eve \u202eevE", "Eve \u2066", "\u200b", "\u200b \u2060", "\x7f"]
)
def test_a_name_that_looks_like_something_else_is_refused(database: Database, name: str) -> None:
    with database.work(SYSTEM) as tx:
        with pytest.raises(Invalid, match="letters that can be seen"):
            commands.invite(tx, "eve", name=name, email="eve@rose.example")
        with pytest.raises(Invalid, match="letters that can be seen"):
            commands.make_token(tx, name, frozenset({access.INCIDENT_READ}), None)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (" Eve\r\n\nHolt\t", "Eve Holt"),
        ("\u05d0\u05d1\u05d9 (QA)", "\u05d0\u05d1\u05d9 (QA)"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
    ],
)
def test_a_name_is_one_line_in_any_language(database: Database, name: str, kept: str) -> None:
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "eve", name=name, email="eve@rose.example")
        assert people.load_person(tx, "eve").name == kept


def test_of_two_uses_of_one_link_at_once_one_gets_in(nodes: tuple[Database, Database]) -> None:
    def use(database: Database, secret: str) -> bool:
        return database.run(SYSTEM, lambda tx: sessions.use_link(tx, secret)) is not None

    for _ in range(5):
        link = nodes[0].run(SYSTEM, lambda tx: commands.signin_link(tx, "ana"))
        assert sorted(together(partial(use, nodes[0], link), partial(use, nodes[1], link))) == [False, True]


@pytest.mark.parametrize(("was_here", "hours"), [(True, 1), (False, 72)])
def test_a_link_ends_after_an_hour_and_an_invitation_after_three_days(
    database: Database, clock: ManualClock, was_here: bool, hours: int
) -> None:
    with database.work(SYSTEM) as tx:
        if was_here:
            sessions.begin(tx, "ana")
        secret = commands.signin_link(tx, "ana")
    later(clock, hours=hours, seconds=-1)
    with database.work(SYSTEM) as tx:
        assert sessions.link_account(tx, secret)
    later(clock, seconds=1)
    with database.work(SYSTEM) as tx:
        assert sessions.link_account(tx, secret) is None
        assert sessions.use_link(tx, secret) is None


def test_an_invitation_opens_nothing_once_its_person_came_in_another_way(database: Database) -> None:
    """Whoever made it may still hold it, and would come in as that person."""
    with database.work(SYSTEM) as tx:
        secret = commands.invite(tx, "nina", name="Nina", email="nina@rose.example", role=AccountRole.RESPONDER)
        sessions.begin(tx, "nina")  # by the provider of single sign-on
    with database.work(SYSTEM) as tx:
        assert sessions.use_link(tx, secret) is None
        asked_for = commands.signin_link(tx, "nina")
        sessions.begin(tx, "nina")
    with database.work(SYSTEM) as tx:
        assert sessions.use_link(tx, asked_for), "one for another device of theirs"


@pytest.mark.parametrize("again", ["Änne@rose.example", "ÄNNE@ROSE.example"])
def test_an_address_belongs_to_one_account_in_whichever_letters(database: Database, again: str) -> None:
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "nina", name="", email="Änne@rose.example")
    with pytest.raises(Invalid, match="nina has this address"), database.work(SYSTEM) as tx:
        commands.invite(tx, "noah", name="", email=again)


def test_an_address_of_letters_that_look_alike_is_another(database: Database) -> None:
    """The sign of the kelvin is a small k to many programs: whoever has that address at a provider is not Kim."""
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "kim", name="", email="kim@rose.example")
        assert people.at_address(tx, "KIM@rose.example") == ["kim"]
        assert people.at_address(tx, "\N{KELVIN SIGN}im@rose.example") == []


@pytest.mark.parametrize("odd", ["a\0b@rose.example", "a\x1b[2J@rose.example", f"{'a' * 2000}@rose.example"])
def test_an_address_that_is_none_is_refused_by_either_database(database: Database, odd: str) -> None:
    with pytest.raises(Invalid), database.work(SYSTEM) as tx:
        commands.invite(tx, "nina", name="", email=odd)
    with pytest.raises(Invalid), database.work(ANA) as tx:
        commands.add_contact(tx, "ana", EMAIL, odd)


def test_tries_at_a_code_count_though_they_come_at_once(nodes: tuple[Database, Database]) -> None:
    one, other = nodes
    method = one.run(ANA, lambda tx: commands.add_contact(tx, "ana", Channel.SMS, "+49 170 1234567"))

    def wrong(tx: Tx) -> bool:
        return commands.verify_contact(tx, "ana", method.id, "0000000")

    with one.work(ANA) as tx:
        assert not wrong(tx)
        tx.flush()
        late = in_background(lambda: other.run(ANA, wrong))
        wait_until_blocked(other)
    assert not late.result(PATIENCE)
    with one.read(SYSTEM) as tx:
        assert tx.scalar(people.contact_code.select().with_only_columns(people.contact_code.c.tries)) == 2


def test_a_session_lasts_a_fortnight_or_until_it_is_ended(database: Database, clock: ManualClock) -> None:
    with database.work(SYSTEM) as tx:
        first, second = sessions.begin(tx, "ana"), sessions.begin(tx, "ana")
        sessions.end(tx, second)
    for days in (6, 6):
        later(clock, days=days)
        with database.work(SYSTEM) as tx:
            sessions.note_use(tx, first)
    later(clock, days=1, hours=23)
    with database.read(SYSTEM) as tx:
        found = sessions.signed_in(tx, first)
        assert found is not None
        account, session = found
        assert account.handle == session.handle == "ana"
        assert (session, session.used_at) == (sessions.of_secret(tx, first), session.begun_at + timedelta(days=12))
        assert sessions.signed_in(tx, second) is None
        assert sessions.signed_in(tx, "guessed") is None
        with counted() as asked:
            everybody = sessions.accounts(tx, [first, second, "guessed"])
        assert everybody == {first: account, second: None, "guessed": None}
        assert len(asked) == 1
    later(clock, hours=1)
    with database.work(SYSTEM) as tx:
        assert sessions.signed_in(tx, first) is None
        sessions.forget_expired(tx)
        assert tx.all(sessions.table.select()) == []


def test_a_new_password_ends_every_session_under_the_old_one(database: Database) -> None:
    hashed = commands.password_hash("correct horse battery")
    with database.work(ANA) as tx:
        session = sessions.begin(tx, "ana")
        commands.set_password(tx, "ana", hashed)
        assert sessions.signed_in(tx, session) is None
        found = people.by_login(tx, "ana@rose.example")
    assert commands.verified(found, "correct horse battery").handle == "ana"
    for wrong in ("correct horse", "", "x" * 5000):
        with pytest.raises(commands.WrongPassword):
            commands.verified(found, wrong)
    with pytest.raises(commands.WrongPassword):
        commands.verified(None, "correct horse battery")


def test_a_session_that_nobody_uses_ends_after_a_week(database: Database, clock: ManualClock) -> None:
    with database.work(SYSTEM) as tx:
        session = sessions.begin(tx, "ana")
    later(clock, days=7, milliseconds=-1)
    with database.read(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is not None
    later(clock, milliseconds=1)
    with database.work(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is None
        assert sessions.of_person(tx, "ana") == []
        sessions.forget_expired(tx)
        assert tx.all(sessions.table.select()) == []


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1025])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match=r"(least 12|most 1024) characters"):
        commands.password_hash(password)


def test_only_hashes_are_kept(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        link = commands.signin_link(tx, "ana")
        session = sessions.begin(tx, "ana")
        _, token = commands.make_token(tx, "ci", frozenset({"signals:write"}), None)
    with database.read(SYSTEM) as tx:
        tables = (sessions.link, sessions.table, tokens.table, people.person)
        kept = repr([tx.all(table.select()) for table in tables])
    for secret in (link, session, token):
        assert secret not in kept


# ---- Accounts --------------------------------------------------------------------------------------------------------


def test_a_disabled_account_opens_nothing(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        session, link = sessions.begin(tx, "ana"), sessions.issue_link(tx, "ana")
        people.add_contact(tx, "ana", EMAIL, "ana@elsewhere.example", verified=True)
        people.change_person(tx, "ana", disabled_at=tx.now)
    with database.work(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is None
        assert sessions.use_link(tx, link) is None
        assert people.by_login(tx, "ana") is None
        assert people.contacts(tx, ["ana"]) == {"ana": []}
        assert people.addresses(tx, ["ana", "ben"]) == {"ben": "ben@rose.example"}


def test_who_leaves_is_disabled_by_who_may_and_never_the_last_administrator(database: Database) -> None:
    admin, ben = (Actor(one, ActorKind.PERSON, access.RIGHTS[AccountRole.ADMINISTRATOR]) for one in ("ana", "ben"))
    with database.work(SYSTEM) as tx:
        people.change_person(tx, "ana", role=AccountRole.ADMINISTRATOR)
        session, link = sessions.begin(tx, "ben"), sessions.issue_link(tx, "ben")
        _, secret = commands.make_token(tx, "terminal", frozenset({access.PLAN_READ}), None, "ben")
    with pytest.raises(access.NotAllowed):
        database.run(ANA, lambda tx: commands.disable(tx, "ben"))
    for who in (admin, Actor("token:ci", ActorKind.TOKEN, admin.rights)):
        with pytest.raises(commands.Needed):
            database.run(who, lambda tx: commands.disable(tx, "ana"))
    database.run(admin, lambda tx: commands.disable(tx, "ben"))
    for again in (commands.disable, commands.signin_link):
        with pytest.raises(commands.IsDisabled):
            database.run(admin, lambda tx, again=again: again(tx, "ben"))
    with database.work(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is None and tokens.live(tx, secret) is None
    database.run(admin, lambda tx: commands.enable(tx, "ben"))
    with database.work(SYSTEM) as tx:
        assert sessions.signed_in(tx, session) is None and sessions.use_link(tx, link) is None, "a way in came back"
        assert tokens.live(tx, secret) is not None
    with pytest.raises(Refused):
        database.run(ben, lambda tx: commands.enable(tx, "ana"))


def test_of_two_administrators_who_disable_each_other_at_once_one_stays(nodes: tuple[Database, Database]) -> None:
    one, other = nodes
    with one.work(SYSTEM) as tx:
        for handle in ("ana", "ben"):
            commands.invite(tx, handle, name="", email=None, role=AccountRole.ADMINISTRATOR)
    with one.work(SYSTEM) as tx:
        commands.disable(tx, "ana")
        tx.flush()
        late = in_background(lambda: other.run(SYSTEM, lambda tx: commands.disable(tx, "ben")))
        wait_until_blocked(other)
    with pytest.raises(Refused, match="only administrator"):
        late.result(PATIENCE)


def test_of_two_who_are_invited_at_once_one_gets_the_address(nodes: tuple[Database, Database]) -> None:
    one, other = nodes

    def invite(tx: Tx, handle: str) -> str:
        return commands.invite(tx, handle, name="", email="ops@rose.example", role=AccountRole.VIEWER)

    with one.work(SYSTEM) as tx:
        commands.invite(tx, "ana", name="", email=None, role=AccountRole.ADMINISTRATOR)
    with one.work(SYSTEM) as tx:
        invite(tx, "nina")
        tx.flush()
        late = in_background(lambda: other.run(SYSTEM, lambda tx: invite(tx, "otto")))
        wait_until_blocked(other)
    with pytest.raises(Invalid, match="nina has this address already"):
        late.result(PATIENCE)


def test_the_only_administrator_is_lowered_by_nobody(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "ana", name="", email=None, role=AccountRole.ADMINISTRATOR)
        commands.invite(tx, "ben", name="", email=None, role=AccountRole.ADMINISTRATOR)
        commands.disable(tx, "ben")
    with pytest.raises(Refused, match="only administrator"), database.work(SYSTEM) as tx:
        commands.invite(tx, "ana", name="", email=None, role=AccountRole.VIEWER)
    with database.work(SYSTEM) as tx:
        commands.enable(tx, "ben")
        commands.invite(tx, "ana", name="", email=None, role=AccountRole.VIEWER)
        assert people.load_person(tx, "ana").role is AccountRole.VIEWER


def test_another_invitation_that_names_no_role_leaves_the_role_alone(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "ana", name="", email=None, role=AccountRole.ADMINISTRATOR)
        commands.invite(tx, "ana", name="", email="ana@rose.example")
        commands.invite(tx, "nina", name="", email=None)
        assert people.load_person(tx, "ana").role is AccountRole.ADMINISTRATOR
        assert people.load_person(tx, "nina").role is AccountRole.RESPONDER


def test_an_address_belongs_to_one_account(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        commands.invite(tx, "nina", name="", email="nina@rose.example")
        commands.invite(tx, "nina", name="", email="Nina@rose.example")  # her own, written otherwise
    with pytest.raises(Invalid, match="nina has this address"), database.work(SYSTEM) as tx:
        commands.invite(tx, "otto", name="", email="NINA@rose.example")


def test_the_first_person_of_an_installation_gets_a_way_in_and_only_the_first(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        secret = commands.first_link(tx, "ana")
        assert secret is not None
        assert people.load_person(tx, "ana").role is AccountRole.ADMINISTRATOR
        assert commands.first_link(tx, "ben") is None


def test_who_may_not_manage_people_is_refused(database: Database) -> None:
    def refused(act: object, *arguments: object, **named: object) -> None:
        with pytest.raises(Forbidden, match="people:write"), database.work(ANA) as tx:
            act(tx, *arguments, **named)  # type: ignore[operator]

    refused(commands.invite, "nina", name="Nina", email=None, role=AccountRole.ADMINISTRATOR)
    refused(commands.signin_link, "ben")
    refused(commands.make_token, "ci", frozenset({"signals:write"}), None)
    refused(commands.revoke_token, "tok_X")
    refused(commands.set_password, "ben", "hash")
    refused(commands.add_contact, "ben", EMAIL, "ana@rose.example")
    refused(commands.remove_contact, "ben", "con_X")
    refused(commands.send_code, "ben", "con_X")
    refused(commands.verify_contact, "ben", "con_X", "123456")
    refused(commands.set_zone, "ben", "UTC")
    refused(commands.add_rule, "ben", Urgency.HIGH, [])
    refused(commands.remove_rule, "ben", "rul_X")


def test_everybody_looks_after_their_own_contact_methods(database: Database) -> None:
    with database.work(ANA) as tx:
        mail = commands.add_contact(tx, "ana", EMAIL, "ana@phone.example")
        hook = commands.add_contact(tx, "ana", Channel.WEBHOOK, "https://ana.example/hook")
        assert mail.secret is None
        assert hook.secret
        assert {one.id for one in people.contacts(tx, ["ana"])["ana"]} == {mail.id, hook.id}
        commands.remove_contact(tx, "ana", mail.id)
        assert [one.id for one in people.contacts(tx, ["ana"])["ana"]] == [hook.id]


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (EMAIL, "ana"),
        (EMAIL, "ana@rose.example, everybody@rose.example"),
        (EMAIL, "ana@rose.example\nBcc: everybody@rose.example"),
        (Channel.WEBHOOK, "ana.example/hook"),
        (Channel.WEBHOOK, "file:///etc/passwd"),
        (Channel.WEBHOOK, "https://"),
    ],
)
def test_an_address_that_reaches_nobody_is_refused(database: Database, channel: Channel, address: str) -> None:
    with pytest.raises(Invalid), database.work(ANA) as tx:
        commands.add_contact(tx, "ana", channel, address)


AT_ONCE, LATER = timedelta(0), timedelta(minutes=3)


@pytest.mark.parametrize(
    ("urgency", "afters", "hours", "reason"),
    [
        (Urgency.HIGH, (), (time(22), time(7)), "quiet"),
        (Urgency.LOW, (), (None, None), "quiet"),
        (Urgency.HIGH, (LATER,), (None, None), "at once"),
        (Urgency.HIGH, (AT_ONCE, timedelta(hours=3)), (None, None), "within two hours"),
        (Urgency.LOW, (AT_ONCE,), (time(22), None), "neither"),
        (Urgency.LOW, (AT_ONCE,), (time(22), time(22)), "neither"),
    ],
)
def test_a_rule_that_could_lose_a_page_is_refused(
    database: Database, urgency: Urgency, afters: tuple[timedelta, ...], hours: tuple[time | None, ...], reason: str
) -> None:
    with database.work(ANA) as tx:
        method = commands.add_contact(tx, "ana", EMAIL, "ana@phone.example")
    with pytest.raises(Invalid, match=reason), database.work(ANA) as tx:
        commands.add_rule(tx, "ana", urgency, [(method.id, one) for one in afters], *hours)
    with database.read(ANA) as tx:
        assert people.rules(tx, ["ana"]) == {"ana": []}


def test_a_rule_uses_ones_own_contact_methods_only(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        bens = people.add_contact(tx, "ben", EMAIL, "ben@phone.example", verified=True)
    with pytest.raises(people.NoSuchContact), database.work(ANA) as tx:
        commands.add_rule(tx, "ana", Urgency.HIGH, [(bens.id, AT_ONCE)])
    with database.work(ANA) as tx:
        method = commands.add_contact(tx, "ana", EMAIL, "ana@phone.example")
        rule = commands.add_rule(tx, "ana", Urgency.LOW, [(method.id, AT_ONCE)], time(22), time(7))
    with database.read(ANA) as tx:
        assert people.rules(tx, ["ana"]) == {"ana": [rule]}
    with database.work(ANA) as tx:
        commands.remove_rule(tx, "ana", rule.id)
        assert people.rules(tx, ["ana"]) == {"ana": []}


def test_nobody_fills_the_list_of_contact_methods_without_end(database: Database) -> None:
    with database.work(ANA) as tx:
        for place in range(commands.MOST_CONTACTS):
            commands.add_contact(tx, "ana", EMAIL, f"ana{place}@phone.example")
    with pytest.raises(commands.TooMany), database.work(ANA) as tx:
        commands.add_contact(tx, "ana", EMAIL, "one@too.many")


def test_a_zone_that_is_none_is_refused(database: Database) -> None:
    with pytest.raises(Invalid, match="time zone"), database.work(ANA) as tx:
        commands.set_zone(tx, "ana", "Berlin")


# ---- Tokens ----------------------------------------------------------------------------------------------------------


def make(database: Database, *rights: str, lasts: timedelta | None = None) -> tuple[str, str]:
    with database.work(SYSTEM) as tx:
        token, secret = commands.make_token(tx, "ci", frozenset(rights), lasts)
    return token.id, secret


def test_a_revoked_token_opens_nothing_and_is_revoked_once(database: Database) -> None:
    token_id, secret = make(database, "incidents:read", "signals:write")
    with database.work(SYSTEM) as tx:
        live = tokens.live(tx, secret)
        assert live is not None
        assert access.bearer(live).may("signals:write")
        assert not access.bearer(live).may("incidents:write")
        commands.revoke_token(tx, token_id)
        assert tokens.live(tx, secret) is None
        with pytest.raises(NotFound):
            commands.revoke_token(tx, token_id)
        assert [one.id for one in tokens.listed(tx)] == [token_id]


def test_a_token_ends_when_its_time_is_over(database: Database, clock: ManualClock) -> None:
    _, secret = make(database, "signals:write", lasts=timedelta(days=1))
    later(clock, days=1, milliseconds=-1)
    with database.read(SYSTEM) as tx:
        assert tokens.live(tx, secret) is not None
    later(clock, milliseconds=1)
    with database.read(SYSTEM) as tx:
        assert tokens.live(tx, secret) is None


def test_a_token_that_only_sends_signals_has_the_shape_of_a_routing_key(database: Database) -> None:
    _, secret = make(database, "signals:write")
    assert len(secret) == 32
    assert set(secret) <= set("0123456789abcdef")
    assert make(database, "signals:write", "plan:read")[1].startswith("tcs_")


def test_of_two_nodes_the_later_use_of_a_token_stays(database: Database, clock: ManualClock) -> None:
    token_id, _ = make(database, "plan:read")
    now = clock.now()
    with database.work(SYSTEM) as tx:
        assert tokens.listed(tx)[0].used_at is None
        tokens.keep_uses(tx, {token_id: now, "tok_GONE": now})
        tokens.keep_uses(tx, {token_id: now - timedelta(minutes=1)})
        assert tokens.listed(tx)[0].used_at == now
        tokens.keep_uses(tx, {token_id: now + timedelta(minutes=1)})
        assert tokens.listed(tx)[0].used_at == now + timedelta(minutes=1)


@pytest.mark.parametrize(("name", "rights"), [(" ", {"signals:write"}), ("ci", set()), ("ci", {"*"}), ("ci", {"root"})])
def test_a_token_without_a_name_or_with_rights_of_its_own_invention_is_refused(
    database: Database, name: str, rights: set[str]
) -> None:
    with pytest.raises(Invalid), database.work(SYSTEM) as tx:
        commands.make_token(tx, name, frozenset(rights), None)


# ---- Links that answer a page ----------------------------------------------------------------------------------------


def test_only_the_link_that_was_signed_here_answers_a_page(database: Database) -> None:
    def paged(tx: Tx) -> pages.Page:
        one = response.declare(tx, title="Hangs", severity="P1", type="service_outage", service="rose")
        (page,) = pages.of_step(tx, one.id, 0)
        return page

    page, other = database.run(SYSTEM, paged), database.run(SYSTEM, paged)
    with database.work(SYSTEM) as tx:
        token, others = pages.link_token(tx, page), pages.link_token(tx, other)
        assert pages.by_link_token(tx, token) == page
        _, _, signature = others.partition(".")
        forged = ["", ".", page.id, f"{page.id}.", token[:-1], token + "A", f"{page.id}.{signature}", "pag_X.é\u20ac"]
        for one in forged:
            with pytest.raises(pages.NoSuchPage):
                pages.by_link_token(tx, one)
