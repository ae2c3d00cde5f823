"""Who may sign in and which programs may call: accounts, one-time links and tokens, on the database of this machine."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson, Flag
from tocsin.cli.watching import watched
from tocsin.kit.text import listed, utc
from tocsin.people.model import AccountRole

if TYPE_CHECKING:
    from tocsin.people.model import Account, ContactMethod, Session, Token

Handle = Annotated[str, Parameter(help="The person's handle, as the plan writes it.")]
Mailed = Annotated[Flag, Parameter(help="Mail the link to the account's address; do not print it.")]

people = App(name="people", group=HERE, help="Accounts: who may sign in, on the database of this machine.")
token = App(name="token", group=HERE, help="Tokens: which programs may call, on the database of this machine.")


@people.command(name="list")
@watched
def list_people(*, json: AsJson = False) -> None:
    """List the accounts, what each may do, and where it is paged."""
    from tocsin.people import store

    def ask(tx: Any) -> "list[tuple[Account, list[ContactMethod]]]":
        accounts = store.people(tx)
        reached = store.contacts(tx, [one.handle for one in accounts])
        return [(one, reached[one.handle]) for one in accounts]

    found = local.look(ask)
    if json:
        show.as_json([_person_json(*one) for one in found])
    else:
        columns = ("Handle", "Name", "E-mail", "May", "Signs in", "Paged by")
        show.table(columns, [_person_row(*one) for one in found], empty="Nobody has an account.")


@people.command
def invite(
    handle: Handle,
    /,
    *,
    name: Annotated[str, Parameter(help="The full name.")] = "",
    email: Annotated[str | None, Parameter(help="The e-mail address.")] = None,
    role: Annotated[
        AccountRole | None,
        Parameter(help="What the account may do. Without it an account keeps its own, and a new one is a responder's."),
    ] = None,
    mail: Mailed = False,
    json: AsJson = False,
) -> None:
    """Make an account, or complete the one the plan brought, and print a one-time sign-in link, or mail it."""
    from tocsin.people import commands

    about: dict[str, Any] = {"name": name, "email": email, "role": role}
    _hand_over(handle, lambda tx: commands.invite(tx, handle, **about), mail=mail, json=json)


@people.command
def link(handle: Handle, /, *, mail: Mailed = False, json: AsJson = False) -> None:
    """Print a fresh one-time sign-in link for an account, as after a lost password, or mail it."""
    from tocsin.people import commands

    _hand_over(handle, lambda tx: commands.signin_link(tx, handle), mail=mail, json=json)


@people.command
def unlink(handle: Handle, /, *, json: AsJson = False) -> None:
    """Forget who a person is at the provider of single sign-on; their next sign-in finds them by their address."""
    from tocsin.sso import commands

    local.change(lambda tx: commands.unlink(tx, handle))
    if json:
        show.as_json({"unlinked": handle})
    else:
        show.line(f"{handle} is nobody's at the provider until they sign in there again.")


@people.command
def sessions(handle: Handle, /, *, json: AsJson = False) -> None:
    """List where somebody is signed in."""
    from tocsin.people import sessions as kept
    from tocsin.people import store

    def ask(tx: Any) -> "list[Session]":
        store.load_person(tx, handle)
        return kept.of_person(tx, handle)

    found = local.look(ask)
    if json:
        show.as_json([_session_json(one) for one in found])
    else:
        columns = ("Id", "Since (UTC)", "Last used (UTC)", "By", "From", "Browser")
        show.table(columns, [_session_row(one) for one in found], empty=f"{handle} is signed in nowhere.")


@people.command(name="end-sessions")
def end_sessions(handle: Handle, /, *, json: AsJson = False) -> None:
    """End every session of somebody, as after a lost device, and revoke a link that was not used."""
    from tocsin.door import commands

    ended = local.change(lambda tx: commands.end_sessions_of(tx, handle))
    if json:
        show.as_json({"handle": handle, "ended": ended})
    else:
        show.line(f"{handle} is signed in nowhere any more; sessions ended: {ended}.")


@people.command(name="remove-factor")
def remove_factor(handle: Handle, /, *, json: AsJson = False) -> None:
    """Take a lost second factor away, with every passkey and session of theirs."""
    from tocsin.door import commands

    local.change(lambda tx: commands.take_factor_away(tx, handle))
    if json:
        show.as_json({"handle": handle, "removed": True})
    else:
        show.line(f"No code is asked of {handle} any more, and their sessions are ended.")


@people.command
def disable(handle: Handle, /, *, json: AsJson = False) -> None:
    """Let somebody in no more, by nothing that they have, and page them nowhere, as when they leave."""
    from tocsin.people import commands

    local.change(lambda tx: commands.disable(tx, handle))
    if json:
        show.as_json({"handle": handle, "disabled": True})
    else:
        show.line(f"Nothing of {handle} lets anybody in any more, and nothing pages them.")


@people.command
def enable(handle: Handle, /, *, json: AsJson = False) -> None:
    """Let them in again, by what they had."""
    from tocsin.people import commands

    local.change(lambda tx: commands.enable(tx, handle))
    if json:
        show.as_json({"handle": handle, "disabled": False})
    else:
        show.line(f"The account of {handle} is enabled.")


@token.command(name="create")
def create_token(
    name: Annotated[str, Parameter(help="What will use it, such as alertmanager.")],
    /,
    *,
    scope: Annotated[
        list[str],
        Parameter(
            negative=(),
            help="A right it gets; may be repeated. An unknown one is answered with all there are.",
        ),
    ],
    days: Annotated[
        int | None,
        Parameter(validator=Number(gte=1, lte=36500), help="How many days it lasts; otherwise until revoked."),
    ] = None,
    person: Annotated[
        str | None, Parameter(help="Whom it acts as: what is done with it stands on the record under this name.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a token and print its secret, this once."""
    from tocsin.people import commands

    lasts = timedelta(days=days) if days else None
    made, secret = local.change(lambda tx: commands.make_token(tx, name, frozenset(scope), lasts, person))
    if json:
        show.as_json({**_token_json(made), "secret": secret})
        return
    show.aside(f"Token {made.id} ({made.name}) may {listed(sorted(made.rights))}. Its secret is not shown again:")
    show.raw(secret)


@token.command(name="list")
@watched
def list_tokens(*, json: AsJson = False) -> None:
    """List the tokens; secrets are not kept, so none is shown."""
    from tocsin.people import tokens

    found = local.look(tokens.listed)
    if json:
        show.as_json([_token_json(one) for one in found])
    else:
        columns = ("Id", "Name", "May", "Made by", "Made", "Ends", "Last used (UTC)", "Revoked")
        show.table(columns, [_token_row(one) for one in found], empty="There are no tokens.")


@token.command(name="revoke")
def revoke_token(
    token_id: Annotated[str, Parameter(help="The token's id, as `token list` shows it.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """End a token; within seconds nobody gets in with it."""
    from tocsin.people import commands

    local.change(lambda tx: commands.revoke_token(tx, token_id))
    if json:
        show.as_json({"id": token_id, "revoked": True})
    else:
        show.line(f"Token {token_id} is revoked.")


def _hand_over(handle: str, make: Callable[[Any], str], *, mail: bool, json: bool) -> None:
    """Make a link, and mail it or print it: it leads to the address under which the server was last started."""
    from tocsin.people import commands, sessions, store
    from tocsin.response import followups

    with local.installation() as installation:
        has_mail = bool(installation.settings.smtp_url)

    def made(tx: Any) -> tuple[str, str, datetime]:
        secret = make(tx)
        if mail:
            commands.mail_link(tx, handle, secret, has_mail=has_mail)
        address, link = store.load_person(tx, handle).email or "", followups.link(tx, f"/signin/{secret}")
        return address, link, sessions.unused_links(tx)[handle]

    address, link, until = local.change(made)
    if json:
        said = {"mailed_to": address} if mail else {"link": link}
        show.as_json({"handle": handle, **said, "expires_at": until.isoformat()})
    elif mail:
        show.line(f"A link for {handle} is on its way to {address}. It works once, until {utc(until)}.")
    else:
        show.aside(f"A link for {handle}. It works once, until {utc(until)}:")
        show.raw(link)


def _person_row(account: "Account", contacts: "list[ContactMethod]") -> tuple[show.Cell, ...]:
    signs_in = "disabled" if account.disabled_at else "with a password" if account.has_password else "by link"
    reached = ", ".join(f"{one.channel} {one.address}" for one in contacts)
    return account.handle, account.name, account.email, account.role, signs_in, reached


def _person_json(account: "Account", contacts: "list[ContactMethod]") -> dict[str, Any]:
    return {
        "handle": account.handle,
        "name": account.name,
        "email": account.email,
        "role": account.role,
        "has_password": account.has_password,
        "created_at": account.created_at.isoformat(),
        "disabled_at": account.disabled_at.isoformat() if account.disabled_at else None,
        "contact_methods": [{"channel": one.channel, "address": one.address} for one in contacts],
    }


def _session_row(one: "Session") -> tuple[show.Cell, ...]:
    begun, used = (at.strftime("%Y-%m-%d %H:%M") for at in (one.begun_at, one.used_at))
    return one.id, begun, used, one.seen.way or None, one.seen.source or None, show.plain(one.seen.browser)


def _session_json(one: "Session") -> dict[str, Any]:
    at = {"begun_at": one.begun_at.isoformat(), "used_at": one.used_at.isoformat()}
    return {"id": one.id, **at, **vars(one.seen)}


def _token_row(one: "Token") -> tuple[show.Cell, ...]:
    ends = one.expires_at.date().isoformat() if one.expires_at else "never"
    revoked = one.revoked_at.date().isoformat() if one.revoked_at else None
    made = one.created_at.date().isoformat()
    used = one.used_at.strftime("%Y-%m-%d %H:%M") if one.used_at else None
    return one.id, one.name, ", ".join(sorted(one.rights)), one.created_by, made, ends, used, revoked


def _token_json(one: "Token") -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": sorted(one.rights),
        "person": one.person,
        "created_by": one.created_by,
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat() if one.expires_at else None,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
        "used_at": one.used_at.isoformat() if one.used_at else None,
    }
