"""Who is let in, over HTTP: invitations, where people are signed in, and second factors that were lost."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.schema import Line, Name
from tocsin.door import commands
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.response import followups
from tocsin.sso import commands as single_sign_on


class Invited(Struct, forbid_unknown_fields=True):
    handle: Name
    name: Line = ""
    email: Annotated[str, Meta(max_length=320)] | None = None
    role: AccountRole | None = None
    mail: Annotated[bool, Meta(description="Mail the link to the address, and do not answer with it.")] = False


class Invitation(Struct):
    """`link` signs in once, until `expires_at`; it is there this once, and empty where it was mailed."""

    handle: str
    link: str
    expires_at: datetime


class Session(Struct):
    """`way` is how they came in, `browser` what the browser says of itself, `source` the address it came from."""

    id: str
    begun_at: datetime
    used_at: datetime
    way: str
    browser: str
    source: str


class Sessions(Struct):
    sessions: list[Session]


def handlers() -> list[HTTPRouteHandler]:
    return [
        invite_person,
        list_sessions,
        end_sessions,
        end_session,
        take_factor_away,
        unlink_account,
        disable_person,
        enable_person,
    ]


@post(
    "/people",
    summary="Make an account, or complete the one the plan brought, with a one-time link",
    **needs(access.PEOPLE_INVITE, 400, 409),
)
def invite_person(request: Call, data: JSONBody[Invited]) -> Response[Invitation]:
    about: dict[str, Any] = {"name": data.name, "email": data.email, "role": data.role}
    has_mail = bool(app_of(request).settings.smtp_url)

    def invite(tx: Any) -> Invitation:
        secret = people_commands.invite(tx, data.handle, **about)
        if data.mail:
            people_commands.mail_link(tx, data.handle, secret, has_mail=has_mail)
        shown = "" if data.mail else followups.link(tx, f"/signin/{secret}")
        return Invitation(data.handle, shown, sessions.unused_links(tx)[data.handle])

    return Response(act(request, invite), headers={"Cache-Control": "no-store"})


@get("/people/{handle:str}/sessions", summary="Where somebody is signed in", **needs(access.PEOPLE_WRITE, 400, 404))
def list_sessions(request: Call, handle: FromPath[str]) -> Sessions:
    with app_of(request).database.read(request.auth) as tx:
        people.load_person(tx, handle)
        found = sessions.of_person(tx, handle)
    return Sessions(
        [Session(one.id, one.begun_at, one.used_at, one.seen.way, one.seen.browser, one.seen.source) for one in found]
    )


@delete(
    "/people/{handle:str}/sessions",
    status_code=204,
    summary="End every session of somebody, and revoke a link that was not used",
    **needs(access.PEOPLE_WRITE, 400, 404),
)
def end_sessions(request: Call, handle: FromPath[str]) -> None:
    act(request, lambda tx: commands.end_sessions_of(tx, handle))


@delete(
    "/people/{handle:str}/sessions/{session_id:str}",
    status_code=204,
    summary="End one of them",
    **needs(access.PEOPLE_WRITE, 400, 404),
)
def end_session(request: Call, handle: FromPath[str], session_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.end_session(tx, handle, session_id))


@delete(
    "/people/{handle:str}/second-factor",
    status_code=204,
    summary="Take a lost second factor away, with every passkey and session of theirs",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def take_factor_away(request: Call, handle: FromPath[str]) -> None:
    act(request, lambda tx: commands.take_factor_away(tx, handle))


@delete(
    "/people/{handle:str}/single-sign-on",
    status_code=204,
    summary="Forget who somebody is at the provider of single sign-on",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def unlink_account(request: Call, handle: FromPath[str]) -> None:
    act(request, lambda tx: single_sign_on.unlink(tx, handle))


@post(
    "/people/{handle:str}/disable",
    status_code=204,
    summary="Let somebody in no more, by nothing that they have, and page them nowhere",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def disable_person(request: Call, handle: FromPath[str]) -> None:
    act(request, lambda tx: people_commands.disable(tx, handle))


@post(
    "/people/{handle:str}/enable",
    status_code=204,
    summary="Let them in again, by what they had",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def enable_person(request: Call, handle: FromPath[str]) -> None:
    act(request, lambda tx: people_commands.enable(tx, handle))
