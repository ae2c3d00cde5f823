"""The plan and the people over HTTP: what was agreed, and who may call."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter, RawBody

from tocsin.api import conditional, cursors, schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import CHANGES_SHOWN, Change, Guarded
from tocsin.api.incidents import LIMIT_MOST, Cursor, Limit
from tocsin.api.operations import TakesYaml
from tocsin.kit.errors import Invalid
from tocsin.people import access, tokens
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Account, Token
from tocsin.plan import commands, parse
from tocsin.plan import store as plans
from tocsin.plan.diff import diff
from tocsin.plan.linting import sarif
from tocsin.plan.linting.findings import Level

PLAN_MOST = 4 * parse.MAX_LETTERS  # bytes; a letter has at most four

Yes = Annotated[bool, QueryParameter(description="Put it into force even if the change is large.")]
Reason = Annotated[str, QueryParameter(max_length=1000, pattern=r"^[^\u0000]*$", description="Why it is changed.")]


def handlers() -> list[HTTPRouteHandler]:
    return [
        show_plan,
        list_revisions,
        check_plan,
        apply_plan,
        list_people,
        list_tokens,
        make_token,
        revoke_token,
    ]


@get("/plan", summary="The plan in force", **needs(access.PLAN_READ, 409))
def show_plan(request: Call) -> schema.Plan:
    with app_of(request).database.read(request.auth) as tx:
        revision, plan = plans.current_revision(tx), plans.current(tx)
    conditional.stands_at(request, revision.id)
    return schema.Plan(_revision(revision), msgspec.to_builtins(plan), revision.text)


@get("/plan/revisions", summary="Every revision of the plan, the latest first", **needs(access.PLAN_READ, 400))
def list_revisions(request: Call, limit: Limit = LIMIT_MOST, cursor: Cursor = None) -> schema.Revisions:
    with app_of(request).database.read(request.auth) as tx:
        rows = plans.revisions(tx)
    found, following = cursors.among(rows, cursor, limit, lambda one: one.applied_at)
    return schema.Revisions([_revision(one) for one in found], following)


@put(
    "/plan",
    operation_class=TakesYaml,
    request_max_body_size=PLAN_MOST,
    summary="Put a plan into force, or learn every mistake in it and its line",
    **needs(access.PLAN_WRITE, 400, 409, 413),
)
def apply_plan(
    request: Call, body: RawBody, reason: Reason = "Applied through the API.", yes: Yes = False
) -> schema.Revision:
    text = _decoded(body)
    return _revision(act(request, lambda tx: commands.apply(tx, text, reason, accept_large=yes), PLAN))


def _plan_since(tx: Any, known: str) -> list[Change]:
    """What the plan in force means otherwise than the one that the caller read."""
    now = plans.current_revision(tx)
    try:
        found = diff(plans.load(tx, known), plans.current(tx))
    except plans.NoSuchRevision:
        found = []
    changed = [Change(one.sentence, now.applied_at, now.applied_by) for one in found[:CHANGES_SHOWN]]
    return changed or [Change(f"revision {now.id} was put into force: {now.reason}", now.applied_at, now.applied_by)]


PLAN = Guarded("plan", plans.current_id, _plan_since)


@post(
    "/plan/check",
    status_code=200,
    operation_class=TakesYaml,
    request_max_body_size=PLAN_MOST,
    summary="Every mistake, contradiction, hole and dead end in a plan; nothing is changed",
    **needs(access.PLAN_READ, 400, 413),
)
def check_plan(request: Call, body: RawBody) -> schema.PlanReport:
    text = _decoded(body)
    with app_of(request).database.read(request.auth) as tx:
        report = commands.examine(tx, text)
    return msgspec.convert(sarif.plain(report, ok=not report.at_least(Level.ERROR)), schema.PlanReport)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"The plan is not in UTF-8: byte {error.start + 1} can't be read.") from None


def _revision(revision: plans.Revision) -> schema.Revision:
    return msgspec.convert(revision, schema.Revision, from_attributes=True)


@get("/people", summary="Who has an account", **needs(access.INCIDENT_READ, 400))
def list_people(request: Call, limit: Limit = LIMIT_MOST, cursor: Cursor = None) -> schema.People:
    with app_of(request).database.read(request.auth) as tx:
        rows = sorted(people.people(tx), key=lambda one: one.handle)
        found, following = cursors.after(rows, cursor, limit, lambda one: one.handle)
        reachable = people.reachable(tx, [one.handle for one in found])
    return schema.People([_person(one, is_reachable=one.handle in reachable) for one in found], following)


def _person(one: Account, *, is_reachable: bool) -> schema.Person:
    return schema.Person(
        handle=one.handle,
        name=one.name,
        role=one.role,
        has_password=one.has_password,
        reachable=is_reachable,
        created_at=one.created_at,
        disabled_at=one.disabled_at,
    )


@get("/tokens", summary="The tokens of this installation, without their secrets", **needs(access.PEOPLE_WRITE, 400))
def list_tokens(request: Call, limit: Limit = LIMIT_MOST, cursor: Cursor = None) -> schema.Tokens:
    def key(one: Token) -> str:
        return cursors.by_age(one.created_at, one.id)

    with app_of(request).database.read(request.auth) as tx:
        rows = sorted(app_of(request).token_uses.with_these(tokens.listed(tx)), key=key)
    found, following = cursors.after(rows, cursor, limit, key)
    return schema.Tokens([_token(one) for one in found], following)


@post("/tokens", summary="Make a token; its secret is shown this once", **needs(access.PEOPLE_WRITE, 400, 404))
def make_token(request: Call, data: JSONBody[schema.NewToken]) -> Response[schema.Token]:
    lasts = timedelta(days=data.days) if data.days else None
    rights = frozenset(data.scopes)
    made, secret = act(request, lambda tx: people_commands.make_token(tx, data.name, rights, lasts, data.person))
    answer = _token(made)
    answer.secret = secret
    return Response(answer, headers={"Cache-Control": "no-store"})


@delete("/tokens/{token_id:str}", status_code=204, summary="Revoke a token", **needs(access.PEOPLE_WRITE, 400, 404))
def revoke_token(request: Call, token_id: FromPath[str]) -> None:
    act(request, lambda tx: people_commands.revoke_token(tx, token_id))


def _token(token: Token) -> schema.Token:
    return schema.Token(
        id=token.id,
        name=token.name,
        scopes=sorted(token.rights),
        person=token.person,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )
