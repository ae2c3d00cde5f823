"""Why a signal was paged, or not, over HTTP; what other rules make of it; and what can't be read, read again."""

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import signal_schema as schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.periods import From, To, period
from tocsin.people import access
from tocsin.response import explaining, rereading, subsiding, trying
from tocsin.signals.explaining import Ruling, wanted
from tocsin.signals.routing import Route

READ_ONE = needs(access.INCIDENT_READ, 400, 404, 409)


def handlers() -> list[HTTPRouteHandler]:
    return [explain_signal, explain_signal_by, try_rules, read_again, read_all_again]


@get("/signals/{signal_id:str}/explanation", summary="Why it was paged, or not, rule by rule", **READ_ONE)
def explain_signal(request: Call, signal_id: FromPath[str]) -> schema.Explanation:
    return _explained(request, signal_id, None)


@post(
    "/signals/{signal_id:str}/explanation",
    status_code=200,
    summary="What the rules of another plan say of it; nothing is changed",
    **READ_ONE,
)
def explain_signal_by(request: Call, signal_id: FromPath[str], data: JSONBody[schema.TriedPlan]) -> schema.Explanation:
    return _explained(request, signal_id, data.plan)


@post(
    "/plan/try-rules",
    status_code=200,
    summary="What a plan's rules make of the signals of a period, beside what was made of them; nothing is changed",
    **needs(access.INCIDENT_READ, 400, 403, 409),
)
def try_rules(request: Call, data: JSONBody[schema.TriedPlan], from_: From = None, to: To = None) -> schema.RulesTried:
    with app_of(request).database.read(request.auth) as tx:
        found = trying.try_rules(tx, data.plan, *period(tx.now, from_, to))
    return schema.RulesTried(
        since=found.since,
        signals=found.signals,
        is_whole=found.is_whole,
        tallies=msgspec.convert(found.tallies, list[schema.Tally], from_attributes=True),
        changes=[_change(one) for one in found.changes],
        endings=[
            schema.Ending(
                one.severity, one.after.total_seconds(), one.incidents, one.themselves, subsiding.sentence(one)
            )
            for one in found.endings
        ],
    )


@post(
    "/signals/quarantine/{quarantine_id:int}/read",
    status_code=200,
    summary="Read a body again, after its reader or the plan was mended",
    **needs(access.SIGNAL_WRITE, 400, 404, 409),
)
def read_again(request: Call, quarantine_id: FromPath[int]) -> schema.Reread:
    return _reread(act(request, lambda tx: rereading.read_again(tx, quarantine_id)))


@post(
    "/signals/quarantine/read",
    status_code=200,
    summary="Read every body again that could not be read so far, at most 100 of them, the oldest first",
    **needs(access.SIGNAL_WRITE, 400, 409),
)
def read_all_again(request: Call) -> schema.AllReread:
    return schema.AllReread([_reread(one) for one in act(request, rereading.read_all_again)])


def _reread(one: rereading.Reread) -> schema.Reread:
    return schema.Reread(one.id, one.signals, one.changes, one.problem, one.said)


def _change(one: trying.Change) -> schema.RuleChange:
    before, after = msgspec.convert([one.before, one.after], list[schema.Called], from_attributes=True)
    examples = msgspec.convert(one.examples, list[schema.ExampleSignal], from_attributes=True)
    return schema.RuleChange(trying.sentence(one), one.count, one.is_less, before, after, examples)


def _explained(call: Call, signal_id: str, text: str | None) -> schema.Explanation:
    with app_of(call).database.read(call.auth) as tx:
        found = explaining.explain(tx, signal_id, text)
    decision = found.rules.decision
    route = decision if isinstance(decision, Route) else None
    return schema.Explanation(
        signal_id=found.signal.id,
        title=found.signal.title,
        plan=found.plan,
        revision=found.revision,
        verdict=found.verdict,
        severity=route.severity if route else None,
        type=route.type if route else None,
        rule=route.rule if route else None,
        why=decision.why,
        differs=found.differs,
        rulings=[_ruling(one) for one in found.rules.rulings],
        incident_id=found.incident.id if found.incident else None,
        joined=found.joined,
        followed=msgspec.convert(found.followed, list[schema.Followed], from_attributes=True),
        more=found.more,
        silence_id=found.signal.silence_id,
        flapping=found.flapping,
        history=msgspec.convert(found.history, list[schema.Said], from_attributes=True),
    )


def _ruling(one: Ruling) -> schema.Ruling:
    tried = one.tried
    return schema.Ruling(
        place=one.place,
        rule=tried.rule.name,
        checks=[schema.Check(check.name, wanted(check), check.found, check.holds) for check in tried.checks],
        severity=tried.severity,
        fits=tried.fits,
        decides=one.decides,
        why=one.why,
    )
