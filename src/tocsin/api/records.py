"""Reading what came in and what was learned over HTTP: signals, post-mortems, the numbers."""

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from tocsin.api import conditional, cursors, schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Change, Guarded
from tocsin.api.incidents import Cursor, Limit, shown
from tocsin.api.periods import From, To, period
from tocsin.incidents import store as incidents
from tocsin.insights import metrics, proposals, report
from tocsin.kit.text import listed
from tocsin.people import access
from tocsin.response import commands
from tocsin.review import commands as review_commands
from tocsin.review import postmortem
from tocsin.review import store as reviews
from tocsin.signals import found as signals_found
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.signals.store import Disposition

MARKDOWN = "text/markdown"

READ = needs(access.INCIDENT_READ, 400)
READ_ONE = needs(access.INCIDENT_READ, 400, 404)
VERB = needs(access.INCIDENT_WRITE, 400, 404, 409)


def handlers() -> list[HTTPRouteHandler]:
    seen = [list_signals, list_waiting, list_quarantined, show_signal, declare_from_signal, dismiss_signal]
    learned = [show_post_mortem, show_post_mortem_text, write_post_mortem, finalise_post_mortem, show_metrics]
    learned += [show_proposals]
    return [*seen, *learned]


# ---- Signals ----


_Text = Annotated[str, Meta(max_length=200)]
Words = Annotated[
    _Text | None, QueryParameter(required=False, description="Words that it has, as the search finds them.")
]
InState = Annotated[State | None, QueryParameter(name="state", required=False, description="As it was last heard.")]
Became = Annotated[Disposition | None, QueryParameter(required=False, description="What became of it.")]
Source = Annotated[_Text | None, QueryParameter(required=False, description="Who sent it.")]
HeldBy = Annotated[_Text | None, QueryParameter(required=False, description="The silence that held it back, ever.")]
OnIncident = Annotated[
    _Text | None, QueryParameter(required=False, description="The incident on whose record it is: its id or number.")
]


@get("/signals/recent", summary="List signals, the last seen first", **needs(access.INCIDENT_READ, 400, 404))
def list_signals(
    request: Call,
    words: Words = None,
    in_state: InState = None,
    disposition: Became = None,
    source: Source = None,
    silence: HeldBy = None,
    incident: OnIncident = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schema.Signals:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        asked = signals_found.Asked(
            words=words or "",
            state=in_state or "",
            became=disposition or "",
            source=source or "",
            silence=silence or "",
            incident=incidents.id_of(tx, incident) if incident else "",
        )
        rows = signals_found.listing(tx, asked, begun.wanted(limit), begun.before).signals
    found, following = cursors.page(begun, rows, limit, lambda one: one.last_at)
    return schema.Signals(_signals(found), following)


@get("/signals/waiting", summary="Signals that fire, match no rule, and that nobody has looked at", **READ)
def list_waiting(request: Call, limit: Limit = 50, cursor: Cursor = None) -> schema.Signals:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = signals.waiting(tx, begun.wanted(limit), begun.before)
    found, following = cursors.page(begun, rows, limit, lambda one: one.last_at)
    return schema.Signals(_signals(found), following)


@get("/signals/quarantine", summary="Bodies that could not be read, the latest first", **READ)
def list_quarantined(request: Call, limit: Limit = 50, cursor: Cursor = None) -> schema.Quarantine:
    below = cursors.number(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = quarantine.listed(tx, limit + 1, below)
    found, following = cursors.numbered(rows, limit, lambda one: one.id)
    return schema.Quarantine(msgspec.convert(found, list[schema.Quarantined], from_attributes=True), following)


@get("/signals/{signal_id:str}", summary="One signal", **READ_ONE)
def show_signal(request: Call, signal_id: FromPath[str]) -> schema.Signal:
    with app_of(request).database.read(request.auth) as tx:
        return _signals([signals.load(tx, signal_id)])[0]


@post("/signals/{signal_id:str}/declare", summary="Declare what a waiting signal shows", **VERB)
def declare_from_signal(request: Call, signal_id: FromPath[str], data: JSONBody[schema.FromSignal]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return shown(act(request, lambda tx: commands.declare_from_signal(tx, signal_id, **said)))


@post("/signals/{signal_id:str}/dismiss", status_code=204, summary="Say that it calls for nothing", **VERB)
def dismiss_signal(request: Call, signal_id: FromPath[str], data: JSONBody[schema.OptionalBecause]) -> None:
    act(request, lambda tx: commands.dismiss_signal(tx, signal_id, data.because))


def _signals(found: list[signals.Signal]) -> list[schema.Signal]:
    return msgspec.convert(found, list[schema.Signal], from_attributes=True)


# ---- Post-mortems ----

_EITHER = {
    200: ResponseSpec(
        schema.PostMortem,
        generate_examples=False,
        description="The document, as JSON or as Markdown, as `Accept` asks.",
    )
}


@get(
    "/incidents/{incident_id:str}/postmortem",
    summary="The post-mortem as it stands; Markdown if you accept text/markdown",
    **{**READ_ONE, "responses": {**READ_ONE["responses"], **_EITHER}},
)
def show_post_mortem(request: Call, incident_id: FromPath[str]) -> Response[Any]:
    found = _post_mortem(request, incident_id)
    accepted = request.accept.best_match(["application/json", "text/markdown"], default="application/json")
    if accepted == "text/markdown":
        return Response(postmortem.markdown(found), media_type=MARKDOWN, headers={"Vary": "Accept"})
    return Response(_document(found), media_type=MediaType.JSON, headers={"Vary": "Accept"})


@get(
    "/incidents/{incident_id:str}/postmortem.md",
    media_type="text/markdown",
    summary="The post-mortem as Markdown",
    **READ_ONE,
)
def show_post_mortem_text(request: Call, incident_id: FromPath[str]) -> Response[str]:
    found = _post_mortem(request, incident_id)
    return Response(postmortem.markdown(found), media_type=MARKDOWN)


@put("/incidents/{incident_id:str}/postmortem", summary="Write sections, by their ids in the plan", **VERB)
def write_post_mortem(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Sections]) -> schema.PostMortem:
    act(request, lambda tx: review_commands.write_section(tx, incident_id, data), _written(incident_id))
    return _document(_post_mortem(request, incident_id))


@post(
    "/incidents/{incident_id:str}/postmortem/finalise",
    status_code=200,
    summary="Make it final, or learn which sections are still empty",
    **VERB,
)
def finalise_post_mortem(request: Call, incident_id: FromPath[str]) -> schema.PostMortem:
    act(request, lambda tx: review_commands.finalise(tx, incident_id), _written(incident_id))
    return _document(_post_mortem(request, incident_id))


def _post_mortem(call: Call, incident_id: str) -> postmortem.PostMortem:
    with app_of(call).database.read(call.auth) as tx:
        conditional.stands_at(call, _written(incident_id).version(tx))
        return reviews.load(tx, incident_id)


def _written(incident_id: str) -> Guarded:
    """What people wrote into a post-mortem: it is no entry of the record, and has versions of its own."""

    def contents(tx: Any) -> Any:
        incidents.load(tx, incident_id)  # or there is none, for whoever may not see it
        return reviews.written(tx, incident_id), reviews.statuses(tx, [incident_id])

    def last(tx: Any) -> list[Change]:
        _, authors = reviews.written(tx, incident_id)
        found = reviews.documents(tx, [incident_id]).values()
        return [Change(f"it was written by {listed(authors, 'and')}", one.updated_at, authors[-1]) for one in found]

    return conditional.of_contents("post-mortem", contents, last)


def _document(found: postmortem.PostMortem) -> schema.PostMortem:
    return schema.PostMortem(
        incident_id=found.incident_id,
        title=found.title,
        declared_on=found.declared_on.isoformat(),
        status=found.status,
        severity=found.severity,
        authors=list(found.authors),
        missing=postmortem.missing(found),
        sections=msgspec.convert(found.sections, list[schema.Section], from_attributes=True),
    )


# ---- The numbers ----


@get(
    "/metrics/incidents",
    summary="How long it took, how often, and whether the plan was kept",
    **needs(access.METRICS_READ, 400, 409),
)
def show_metrics(
    request: Call,
    from_: From = None,
    to: To = None,
) -> dict[str, Any]:
    with app_of(request).database.read(request.auth) as tx:
        return metrics.as_json(report.report(tx, *period(tx.now, from_, to)))


@get(
    "/metrics/proposals",
    summary="What was missed again and again, as changes to the plan",
    **needs(access.METRICS_READ, 400, 409),
)
def show_proposals(
    request: Call,
    from_: From = None,
    to: To = None,
    at_least: Annotated[
        int | None, QueryParameter(required=False, ge=1, description="How often, instead of what is set.")
    ] = None,
) -> dict[str, Any]:
    app = app_of(request)
    with app.database.read(request.auth) as tx:
        found = report.proposals(tx, *period(tx.now, from_, to), at_least or app.settings.proposals_after)
    return {"proposals": [proposals.as_json(one) for one in found]}
