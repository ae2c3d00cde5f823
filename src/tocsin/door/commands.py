"""Coming in, and what one comes in with: sign-in step by step, second factors, recovery codes, passkeys, sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db.engine import Tx
from tocsin.door import passkeys, store, totp
from tocsin.door.limits import Key
from tocsin.door.model import Factor, Passkey, Standing
from tocsin.door.passkeys import Place
from tocsin.door.proving import FRESH_FOR_LINK, Means
from tocsin.kit.errors import Forbidden, Invalid, Refused
from tocsin.kit.text import span
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Account, Seen, Session

MOST_PASSKEYS = 20
LONGEST_NAME = 60


class WrongFactor(Forbidden):
    """This is not a code of now, or it was used already. Wait for the next one; if that fails too, see whether the
    clock of your device goes right."""


class TooManyTries(Refused):
    """There were too many wrong tries from here."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(
            f"Too many wrong tries from here. Wait {span(max(wait, timedelta(seconds=1)))}, and try again."
        )


class Shut(Forbidden):
    """This account was disabled just now."""


class HasFactor(Refused):
    """A second factor is set up already; take it away before you set up another."""


class NoFactor(Refused):
    """No second factor is set up."""


class TooManyPasskeys(Refused):
    """There are as many passkeys as there may be; remove one first."""


@dataclass(frozen=True)
class Opened:
    """Whoever was let in, with the secret of their session; or of the step at which a code is asked of them."""

    session: str = ""
    step: str = ""


# ---- Coming in -------------------------------------------------------------------------------------------------------


def take_try(tx: Tx, keys: list[Key]) -> None:
    """Count a try, before it is looked at. Raises TooManyTries; then it is not looked at."""
    if wait := store.take_try(tx, keys):
        raise TooManyTries(wait)


def come_in(tx: Tx, account: Account, seen: Seen, keys: list[Key], *, password_hash: str | None = None) -> Opened:
    """Somebody has proven to be this account's, by a password or a link: let them in, or ask for the second factor.

    `password_hash` is of the password that was looked at. That takes a while, in which it may have been changed to shut
    them out: then they have proven nothing.
    """
    if people.lock_person(tx, account.handle) != password_hash and password_hash is not None:
        raise people_commands.WrongPassword
    store.take_back(tx, keys)
    if store.confirmed_factor(tx, account.handle):
        return Opened(step=store.begin_step(tx, account.handle, seen.way))
    return Opened(session=let_in(tx, account.handle, seen))


def let_in(tx: Tx, handle: str, seen: Seen) -> str:
    """Open a session, and write down that it was opened. Returns its secret, which nothing has shown before."""
    people.lock_person(tx, handle)  # what ends their sessions at this moment ends this one too, or is seen here
    if people.load_person(tx, handle).disabled_at is not None:
        raise Shut  # after the first of two things was proven; the session would come to life with the account
    session = sessions.begin(tx, handle, seen)
    _as(tx, handle, seen)
    audit.record(tx, Deed.SESSION_BEGUN, handle, f"by {seen.way or 'other means'}")
    return session


def _as(tx: Tx, handle: str, seen: Seen) -> None:
    """From here on this unit of work is done by whoever came in."""
    tx.actor = replace(access.person(people.load_person(tx, handle)), source=seen.source)


def give_code(tx: Tx, step: str, code: str, seen: Seen, keys: list[Key]) -> str:
    """The second of two things. Returns the secret of a session. Raises WrongFactor."""
    found = store.step_of(tx, step)
    if found is None:
        raise WrongFactor("This took longer than ten minutes. Sign in again.")
    handle, way = found
    _as(tx, handle, seen)
    _use_code(tx, handle, code)
    if not store.end_step(tx, step):
        raise WrongFactor
    store.take_back(tx, keys)
    return let_in(tx, handle, replace(seen, way=f"{way} and a code"))


def _use_code(tx: Tx, handle: str, code: str) -> None:
    """Use up a code of the app, or a recovery code. Raises WrongFactor."""
    if totp.is_recovery_code(code):
        if not store.use_recovery_code(tx, handle, totp.plain(code)):
            raise WrongFactor("This is not one of your recovery codes, or it was used already.")
        audit.record(tx, Deed.CODE_USED, handle, f"{store.recovery_codes_left(tx, handle)} are left")
        return
    known = store.confirmed_factor(tx, handle)
    step = totp.step_of(known.secret, totp.plain(code), tx.now) if known else None
    if step is None or not store.use_step(tx, handle, step):
        raise WrongFactor


def come_in_by_passkey(tx: Tx, here: Place, signing_key: str, answer: str, seen: Seen) -> tuple[Account, str]:
    """Let in whoever holds a passkey, which is two factors by itself. Raises NotProven."""
    account = _by_passkey(tx, here, signing_key, answer, "sign in")
    return account, let_in(tx, account.handle, replace(seen, way="passkey"))


def _by_passkey(tx: Tx, here: Place, signing_key: str, answer: str, purpose: str) -> Account:
    """Whose passkey answered what was asked for this purpose. Raises NotProven."""
    shown = passkeys.challenge_in(answer)
    ends_at = passkeys.challenge_ends_at(signing_key, purpose, shown, tx.now)
    try:
        known = store.passkey_by_credential(tx, passkeys.credential_of(answer))
    except store.NoSuchPasskey:
        raise passkeys.NotProven("This passkey is not known here; it may have been removed.") from None
    uses = passkeys.proven(here, answer, shown, known)
    account = people.load_person(tx, known.handle)
    if account.disabled_at is not None or not store.use_challenge(tx, shown, ends_at):
        raise passkeys.NotProven
    store.use_passkey(tx, known, uses)
    return account


def set_password(tx: Tx, handle: str, hashed: str, session: str) -> str:
    """Set one's own password. What was begun under the one before is over, but for this session, which gets another
    secret. Returns that."""
    people_commands.set_password(tx, handle, hashed, session)
    store.end_steps_of(tx, handle)
    return sessions.prove(tx, session)


def may_have_forgotten(session: Session, now: datetime) -> bool:
    """Whether somebody has come in by a one-time link just now. It is what they are given who forgot their password, so
    they set another without it; a code of theirs was asked all the same."""
    began_by = session.seen.way.split(" and ")[0]
    return began_by == "link" and now - session.begun_at <= FRESH_FOR_LINK


def owes_factor(tx: Tx, account: Account, session: Session | None) -> bool:
    """Whether somebody has a password and no second factor, and did not come in with two by a passkey either."""
    came_with_two = session is not None and session.seen.way.endswith("passkey")
    return account.has_password and not came_with_two and store.confirmed_factor(tx, account.handle) is None


def owes_passkey(tx: Tx, account: Account, session: Session | None) -> bool:
    """The same of somebody who has a passkey. A password alone must not set up others beside it: whoever stole it
    would have the second factor as well."""
    return owes_factor(tx, account, session) and bool(store.passkeys(tx, account.handle))


# ---- Proving it once more --------------------------------------------------------------------------------------------


def means(tx: Tx, account: Account, *, by_password: bool, by_provider: bool) -> Means:
    """By what somebody can prove who they are. `by_password` says whether a password opens this account at all."""
    return Means(
        password=by_password and account.has_password,
        code=store.confirmed_factor(tx, account.handle) is not None,
        passkey=bool(store.passkeys(tx, account.handle)),
        provider=by_provider,
    )


def prove(tx: Tx, session: str, by: str, keys: Sequence[Key] = ()) -> str:
    """Whoever has this session has proven who they are, by a password or at the provider. It gets another secret, so
    that whoever took the one before has nothing of it. Returns that."""
    store.take_back(tx, keys)
    secret = sessions.prove(tx, session)
    audit.record(tx, Deed.SESSION_PROVEN, tx.actor.handle, f"by {by}")
    return secret


def prove_by_code(tx: Tx, session: str, code: str, keys: Sequence[Key]) -> str:
    """The same by a code of the app, or a recovery code. Raises WrongFactor."""
    if not store.confirmed_factor(tx, tx.actor.handle):
        raise WrongFactor
    _use_code(tx, tx.actor.handle, code)
    return prove(tx, session, "a code", keys)


def prove_by_passkey(tx: Tx, session: str, here: Place, signing_key: str, answer: str, keys: Sequence[Key]) -> str:
    """The same by a passkey of one's own. Raises NotProven."""
    handle = tx.actor.handle
    if _by_passkey(tx, here, signing_key, answer, to_confirm(handle)).handle != handle:
        raise passkeys.NotProven
    sessions.add_way(tx, session, "passkey")
    return prove(tx, session, "a passkey", keys)


def to_confirm(handle: str) -> str:
    """What a passkey's challenge is for."""
    return f"confirm {handle}"


# ---- The second factor -----------------------------------------------------------------------------------------------


def standing(tx: Tx, handle: str) -> Standing:
    people_commands.own(tx, handle)
    known = store.confirmed_factor(tx, handle)
    left = store.recovery_codes_left(tx, handle) if known else 0
    return Standing(known.confirmed_at if known else None, left, tuple(store.passkeys(tx, handle)))


def begin_factor(tx: Tx, handle: str) -> Factor:
    """Make a secret for an app. It counts once a first code has come of it."""
    _oneself(tx, handle)
    people.lock_person(tx, handle)  # else the first code of this factor could be accepted and thrown away at once
    known = store.factor(tx, handle)
    if known and known.confirmed_at:
        raise HasFactor
    store.keep_factor(tx, handle, totp.new_secret())
    made = store.factor(tx, handle)
    assert made is not None  # noqa: S101 - written in this very unit of work
    return made


def confirm_factor(tx: Tx, handle: str, code: str, session: str) -> tuple[str, list[str]]:
    """The first code of the app: from here on one is asked at each sign-in. Every other session ends, and this one
    gets another secret. Returns that and the recovery codes, shown this once."""
    _oneself(tx, handle)
    people.lock_person(tx, handle)
    known = store.factor(tx, handle)
    if known is None:
        raise NoFactor
    if known.confirmed_at:
        raise HasFactor
    step = totp.step_of(known.secret, totp.plain(code), tx.now)
    if step is None or not store.use_step(tx, handle, step):
        raise Invalid("This is not a code of now. Does the clock of your device go right?", field="factor-code")
    store.confirm_factor(tx, handle)
    audit.record(tx, Deed.FACTOR_ADDED, handle)
    sessions.end_all(tx, handle, but=session)
    return sessions.renew(tx, session), _fresh_codes(tx, handle)


def make_recovery_codes(tx: Tx, handle: str, code: str) -> list[str]:
    """Others in the place of those before. It takes a code of the app, or one of those."""
    _oneself(tx, handle)
    if not store.confirmed_factor(tx, handle):
        raise NoFactor
    _use_code(tx, handle, code)
    return _fresh_codes(tx, handle)


def _fresh_codes(tx: Tx, handle: str) -> list[str]:
    codes = totp.new_recovery_codes()
    store.keep_recovery_codes(tx, handle, [totp.plain(one) for one in codes])
    audit.record(tx, Deed.CODES_MADE, handle)
    return codes


def drop_factor(tx: Tx, handle: str, code: str) -> None:
    """Ask oneself for no second factor any more. It takes a code."""
    _oneself(tx, handle)
    if not store.confirmed_factor(tx, handle):
        raise NoFactor
    _use_code(tx, handle, code)
    _drop(tx, handle)


def take_factor_away(tx: Tx, handle: str) -> None:
    """Somebody has lost their second factor: ask for it no more, remove their passkeys, and end their sessions. Only
    who may change people can do this, for nobody who may do more than they, and not for themselves: whoever found
    their browser open could do it too."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    people_commands.own(tx, handle)
    if tx.actor.handle == handle and tx.actor.source != access.THIS_MACHINE:
        raise access.NotAllowed("Your own you turn off with a code; if it is lost, ask another administrator.")
    has_factor, had_passkeys = store.factor(tx, handle) is not None, store.drop_passkeys(tx, handle)
    if not has_factor and not had_passkeys:
        raise NoFactor(f"{handle} has no second factor and no passkey.")
    if had_passkeys:
        audit.record(tx, Deed.PASSKEY_REMOVED, handle, f"all {had_passkeys}")
    if has_factor:
        _drop(tx, handle)
    sessions.end_all(tx, handle)


def _drop(tx: Tx, handle: str) -> None:
    store.drop_factor(tx, handle)
    store.drop_recovery_codes(tx, handle)
    store.end_steps_of(tx, handle)
    audit.record(tx, Deed.FACTOR_REMOVED, handle)


def _oneself(tx: Tx, handle: str) -> None:
    """Nobody sets up the factors of somebody else: they would hold them."""
    if tx.actor.handle != handle:
        raise access.NotAllowed(f"Only {handle} does this.")


# ---- Passkeys --------------------------------------------------------------------------------------------------------


def add_passkey(
    tx: Tx, here: Place, signing_key: str, handle: str, name: str, answer: str, session: str
) -> tuple[Passkey, str]:
    """Keep a passkey that a browser has just made. Returns it, and another secret for this session."""
    _oneself(tx, handle)
    called = " ".join(name.split())
    if not called or len(called) > LONGEST_NAME:
        raise Invalid(
            f"Name the passkey after where it is kept, in up to {LONGEST_NAME} letters.", field="passkey-name"
        )
    if len(store.passkeys(tx, handle)) >= MOST_PASSKEYS:
        raise TooManyPasskeys
    shown = passkeys.challenge_in(answer)
    ends_at = passkeys.challenge_ends_at(signing_key, f"register {handle}", shown, tx.now)
    made = passkeys.registered(here, answer, shown)
    if not store.use_challenge(tx, shown, ends_at):
        raise passkeys.NotProven
    added = store.add_passkey(tx, handle, called, made.credential, made.public_key, made.uses)
    audit.record(tx, Deed.PASSKEY_ADDED, handle, called)
    sessions.add_way(tx, session, "passkey")
    return added, sessions.renew(tx, session)


def remove_passkey(tx: Tx, handle: str, passkey_id: str) -> None:
    people_commands.own(tx, handle)
    name = next((one.name for one in store.passkeys(tx, handle) if one.id == passkey_id), "")
    store.drop_passkey(tx, handle, passkey_id)
    audit.record(tx, Deed.PASSKEY_REMOVED, handle, name)


# ---- Sessions --------------------------------------------------------------------------------------------------------


def sign_out(tx: Tx, secret: str) -> None:
    found = sessions.of_secret(tx, secret)
    sessions.end(tx, secret)
    if found:
        tx.actor = replace(access.person(people.load_person(tx, found.handle)), source=tx.actor.source)
        audit.record(tx, Deed.SESSION_ENDED, found.handle, "signed out")


def end_session(tx: Tx, handle: str, session_id: str) -> None:
    people_commands.own(tx, handle)
    sessions.end_by_id(tx, handle, session_id)
    audit.record(tx, Deed.SESSION_ENDED, handle, session_id)


def end_sessions_of(tx: Tx, handle: str) -> int:
    """End every session of somebody, and a link that nobody has used: only who may change people does this."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    people.load_person(tx, handle)
    if sessions.drop_links(tx, handle):
        audit.record(tx, Deed.LINK_REVOKED, handle)
    return end_sessions(tx, handle)


def end_sessions(tx: Tx, handle: str, but: str = "") -> int:
    """End every session of one's own, or every one but this. Whoever stands between password and code begins anew."""
    people_commands.own(tx, handle)
    ended = sessions.end_all(tx, handle, but)
    store.end_steps_of(tx, handle)
    audit.record(tx, Deed.SESSIONS_ENDED, handle, f"{ended} ended")
    return ended
