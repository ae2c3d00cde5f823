"""What a look at a service means, and when enough looks agree to believe it.

A look that saw bytes becomes an `Outcome`; equal outcomes in a row become a `Run`; a long enough run becomes a
`Change`; and a change becomes a signal. Nothing here touches the network or a clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tocsin.kit import text
from tocsin.plan.bodies import BodySchema
from tocsin.plan.watching import Expects
from tocsin.signals.model import Arrival, State, Trigger
from tocsin.watch import answers

_WORD = 80  # letters kept of a component's name or state
_EVIDENCE = 160  # letters kept of a body or an error message
_PLACES = 2 * _EVIDENCE  # letters kept of what does not fit a schema
BODY_MOST = 64 * 1024  # bytes of an answer that are read


class Kind(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    WRONG_BODY = "wrong_body"
    RATE_LIMITED = "rate_limited"
    SLOW = "slow"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    HTTP_ERROR = "http_error"
    DNS = "dns"
    TLS = "tls"
    EXPIRING = "expiring"
    DENIED = "denied"
    OWN_NETWORK = "own_network"
    FAILED = "failed"
    SILENT = "silent"
    ERRORS = "errors"
    OVER = "over"
    SLOWER = "slower"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


NOT_ANSWERING = frozenset({Kind.TIMEOUT, Kind.REFUSED, Kind.HTTP_ERROR, Kind.DNS, Kind.TLS})
"""The kinds that are one trouble to a user, however it shows from look to look."""

LEARNED_NOTHING = frozenset({Kind.RATE_LIMITED, Kind.OWN_NETWORK, Kind.UNKNOWN})
"""The kinds that say nothing about the service. They are never counted, neither as good nor as bad."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one look saw: an answer, or in `failure` why there is none.

    `failure` is one of timeout, refused, unreachable, dns, tls, closed (a connection was made, but no whole HTTP answer
    came over it), too_long (of numbers) and no_token (it was not even asked); `detail` is the evidence for it. `took`
    covers the request on `path` alone. `connected` says what was reached where nothing but that was asked;
    `certificate_ends_at` is the last instant of the certificate, if one was looked at.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    took: timedelta
    failure: str | None = None
    path: str
    detail: str = ""
    connected: str = ""
    certificate_ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What the plan says a good answer looks like. `timeout` is the limit that the look was given."""

    status_field: str = "status"
    healthy_values: tuple[str, ...] = ("healthy",)
    components_field: str = "services"
    good_values: tuple[str, ...] = ("connected",)
    slow_after: timedelta | None = None
    # Longer than the five seconds for which a health route that waits for its own database may hang.
    timeout: timedelta = timedelta(seconds=10)
    certificate_days: int | None = None
    answer: Expects | None = None  # what is good instead of a health report
    schema: BodySchema | None = None  # what the JSON of either must fit
    token: str = ""  # the name of what it was asked with


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One look, judged. `components` are the names not in a good state, sorted; `reason` carries the evidence.

    `grade` is the severity whose band holds what was `measured`, by the label under which rules ask for it.
    """

    kind: Kind
    components: tuple[str, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    latency: timedelta
    reason: str
    path: str
    request_id: str | None = None
    grade: str = ""
    measured: dict[str, str] = field(default_factory=dict)


# --- From a reading to an outcome -------------------------------------------------------------------------------------


def judge(reading: Reading, expect: Expectation) -> Outcome:
    """Say what a look means. A status code alone makes a service healthy only where the plan says so: else the body
    must be a health report.

    An answer of 3xx or 4xx is `wrong_body`, not `http_error`: somebody answered, but not the health route, and a 404
    says that the path is wrong. Two exceptions: 429 says only that we ask too often, and a 404 in which the hosting
    platform speaks for an absent service is an outage. Many services report with 503 which of their parts is down;
    a report that names one is believed with any status of 5xx, and anything else of 5xx is an error.
    """
    if reading.connected and reading.failure is None:
        return _judge_speed(reading, reading.connected, {}, expect)
    if reading.failure is not None or reading.status is None:
        return _unanswered(reading, expect)
    if reading.status == 429:
        return _outcome(reading, Kind.RATE_LIMITED, too_often(reading))
    if expect.token and reading.status in (401, 403):
        reason = f"{reading.status}, the token {expect.token} is not taken: {_shown(reading.body)}"
        return _outcome(reading, Kind.DENIED, reason)
    if expect.answer is not None:
        return _judge_answer(reading, reading.status, expect.answer, expect)
    is_error = reading.status >= 500 or _platform_answered(reading)
    report = _report(reading.body, expect) if 200 <= reading.status < 300 or reading.status >= 500 else None
    if is_error and (report is None or not _bad(report, expect)):
        return _outcome(reading, Kind.HTTP_ERROR, f"{reading.status}: {_shown(reading.body)}")
    if report is None:
        return _outcome(reading, Kind.WRONG_BODY, _wrong_body_reason(reading, expect))
    return _judge_report(reading, report, expect)


def _judge_answer(reading: Reading, status: int, wanted: Expects, expect: Expectation) -> Outcome:
    """The answer held against what the plan expects. Values that say otherwise are named as components are."""
    wrong = answers.wrong(wanted, status, reading.headers, reading.body)
    if wrong is None:
        return _judge_body(reading, f"{status}, and all that is expected of it", {}, expect)
    if status not in wanted.status and (status >= 500 or _platform_answered(reading)):
        return _outcome(reading, Kind.HTTP_ERROR, f"{status}: {_shown(reading.body)}")
    if wrong.states:
        states = {plain(name, _WORD): plain(state, _WORD) for name, state in wrong.states.items()}
        return _outcome(reading, Kind.DEGRADED, plain(wrong.said, _EVIDENCE), states, tuple(sorted(states)))
    target = _header(reading, "location")
    towards = f" and points to {plain(target, _WORD)}" if target else ""
    return _outcome(reading, Kind.WRONG_BODY, f"{plain(wrong.said, _EVIDENCE)}{towards}: {_shown(reading.body)}")


@dataclass(frozen=True)
class _Report:
    status: str
    states: dict[str, str]


def _report(body: bytes, expect: Expectation) -> _Report | None:
    """The health report in a body, or None where the body is anything else."""
    try:
        return _read_report(json.loads(body), expect)
    except (ValueError, RecursionError):  # not JSON, not text, or nested to blow the stack
        return None


def _read_report(content: object, expect: Expectation) -> _Report | None:
    if not isinstance(content, dict) or expect.status_field not in content:
        return None
    components = content.get(expect.components_field)
    if not isinstance(components, dict):
        return None
    states = {plain(name, _WORD): _word(_state(part, expect)) for name, part in components.items()}
    return _Report(_word(content[expect.status_field]), states)


def _state(part: Any, expect: Expectation) -> Any:
    """A component's state: the word itself, or what stands under the same key as the whole's: `{"status": "UP"}`."""
    return part.get(expect.status_field, part) if isinstance(part, dict) else part


def _bad(report: _Report, expect: Expectation) -> tuple[str, ...]:
    return tuple(sorted(name for name, state in report.states.items() if state not in expect.good_values))


def _judge_report(reading: Reading, report: _Report, expect: Expectation) -> Outcome:
    bad = _bad(report, expect)
    said = f'{reading.status} with status "{report.status}"'
    if bad or report.status not in expect.healthy_values:
        found = _failing(bad, report.states) if bad else "no component is in a bad state"
        return _outcome(reading, Kind.DEGRADED, f"{said}: {text.clip(found, _EVIDENCE)}", report.states, bad)
    return _judge_body(reading, said, report.states, expect)


def _judge_body(reading: Reading, said: str, states: dict[str, str], expect: Expectation) -> Outcome:
    """What is well as far as it is read, held against the schema of its JSON."""
    wrong = _misfit(reading, expect)
    if wrong:
        return _outcome(reading, Kind.WRONG_BODY, f"{reading.status}, but {wrong}", states)
    return _judge_speed(reading, said, states, expect)


def _misfit(reading: Reading, expect: Expectation) -> str:
    if expect.schema is None:
        return ""
    if len(reading.body) >= BODY_MOST:
        return "more than 64 KB came, of which nothing is read"
    return plain(answers.misfit(expect.schema, reading.body), _PLACES)


def is_but_for_schema(reading: Reading, expect: Expectation) -> bool:
    """Whether this is the answer that was asked for, and only does not fit the schema."""
    if expect.schema is None or judge(reading, expect).kind is not Kind.WRONG_BODY:
        return False
    return judge(reading, replace(expect, schema=None)).kind in (Kind.HEALTHY, Kind.SLOW)


def _judge_speed(reading: Reading, said: str, states: dict[str, str], expect: Expectation) -> Outcome:
    if expect.slow_after is not None and reading.took > expect.slow_after:
        reason = f"{said}, but it took {seconds(reading.took)}; more than {seconds(expect.slow_after)} is slow"
        return _outcome(reading, Kind.SLOW, reason, states)
    return _outcome(reading, Kind.HEALTHY, said, states)


def with_certificate(outcome: Outcome, reading: Reading, expect: Expectation, now: datetime) -> Outcome:
    """The same outcome; or, where nothing else is wrong, that the certificate ends sooner than the plan allows."""
    ends_at = reading.certificate_ends_at
    if outcome.kind is not Kind.HEALTHY or ends_at is None or expect.certificate_days is None:
        return outcome
    left = f"the certificate ends in {_days((ends_at - now).days)}, on {ends_at:%Y-%m-%d}"
    if ends_at - now >= timedelta(days=expect.certificate_days):
        return replace(outcome, reason=f"{outcome.reason}; {left}")
    reason = f"{left}; less than {_days(expect.certificate_days)} is too little"
    return replace(outcome, kind=Kind.EXPIRING, reason=reason)


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def may_be_ours(reading: Reading) -> bool:
    """Whether our own network may be to blame: nothing was heard. A refusal was sent by somebody, so it is theirs."""
    return reading.failure in _NETWORK


def with_control(outcome: Outcome, reading: Reading, control: Reading) -> Outcome:
    """What a look means beside one at somebody else's address: if nothing is heard of that either, it is our network.

    Any answer of the other, whatever it says, shows that the network works.
    """
    if not (may_be_ours(reading) and may_be_ours(control)):
        return outcome
    reason = f"our own network is in trouble: nothing is heard of the control either ({control.failure})"
    return replace(outcome, kind=Kind.OWN_NETWORK, reason=f"{reason}; {outcome.reason}")


_NETWORK = ("timeout", "unreachable", "dns")

_FAILURES = {
    "timeout": (Kind.TIMEOUT, "no whole answer within"),
    "refused": (Kind.REFUSED, "no connection could be made"),
    "unreachable": (Kind.REFUSED, "no way leads there"),
    "dns": (Kind.DNS, "the address could not be resolved"),
    "tls": (Kind.TLS, "no secure connection could be made"),
    "closed": (Kind.HTTP_ERROR, "the connection brought no whole HTTP answer"),
    "no_token": (Kind.UNKNOWN, "it is not asked"),
    "too_long": (Kind.UNREADABLE, "the answer is too long to be read"),
}


def _unanswered(reading: Reading, expect: Expectation) -> Outcome:
    kind, reason = _FAILURES[reading.failure or "closed"]
    if kind is Kind.TIMEOUT:
        return _outcome(reading, kind, f"{reason} {seconds(expect.timeout)}")
    detail = plain(reading.detail, _EVIDENCE)
    return _outcome(reading, kind, f"{reason}: {detail}" if detail else reason)


def unheard(reading: Reading) -> str:
    """Why no answer came, for what is no probe."""
    return _unanswered(reading, Expectation(timeout=reading.took)).reason


def too_often(reading: Reading) -> str:
    """What a 429 says."""
    wait = _header(reading, "retry-after")
    advice = f" (asks us to wait: {plain(wait, _WORD)})" if wait else ""
    return f"429, we ask too often{advice}: {_shown(reading.body)}"


def _outcome(
    reading: Reading, kind: Kind, reason: str, states: dict[str, str] | None = None, components: tuple[str, ...] = ()
) -> Outcome:
    request_id = _header(reading, "x-request-id")
    return Outcome(
        kind=kind,
        components=components,
        states=states or {},
        latency=reading.took,
        reason=reason,
        path=reading.path,
        request_id=plain(request_id, _WORD) if request_id else None,
    )


def _platform_answered(reading: Reading) -> bool:
    # Railway's edge marks the answers it gives itself; it says 404 when no deployment stands behind the address.
    return reading.status == 404 and (_header(reading, "x-railway-fallback") or "").lower() == "true"


def _wrong_body_reason(reading: Reading, expect: Expectation) -> str:
    if reading.status == 404:
        return f"404, so this path is wrong: {_shown(reading.body)}"
    target = _header(reading, "location")
    towards = f" and points to {plain(target, _WORD)}" if target else ""
    why = _misfit(reading, expect) if reading.status == 200 else ""
    return f"{reading.status} but the body is not a health report{towards}: {why or _shown(reading.body)}"


def _header(reading: Reading, name: str) -> str | None:
    return next((value for key, value in reading.headers.items() if key.lower() == name), None)


def _word(value: Any) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value), _WORD)


def _shown(body: bytes) -> str:
    """A body as evidence: one clipped line that can be printed, whatever the bytes were."""
    if len(body) >= BODY_MOST:
        return "more than 64 KB, of which nothing is read"
    # Four bytes a letter are the most that UTF-8 takes; decoding a whole huge body would be for nothing.
    return plain(body[: 4 * _EVIDENCE].decode("utf-8", "replace"), _EVIDENCE) or "(empty)"


def plain(said: str, length: int) -> str:
    """Text from outside, on one line and without letters that a database or a terminal would choke on."""
    line = " ".join(text.clip(said, 4 * length).split())
    return text.clip(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line), length
    )


def seconds(length: timedelta) -> str:
    return f"{round(length.total_seconds(), 2):g} s"


def _failing(components: tuple[str, ...], states: Mapping[str, str]) -> str:
    """`qdrant disconnected`, `qdrant and sqlite disconnected`, `qdrant disconnected, sqlite unknown`."""
    by_state: dict[str, list[str]] = {}
    for name in components:
        by_state.setdefault(states[name], []).append(name)
    return ", ".join(f"{text.listed(names)} {state}" for state, names in by_state.items())


# --- From outcomes to a confirmed change ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """How many looks in a row meant the same, and since when. A count of zero: nothing has been learned yet.

    `unwell` counts the looks since the last healthy one, whether or not they agree on what is wrong. `lately` has the
    last looks since the last change, true for each that was well, as many as the plan counts among. `blind` counts the
    looks in a row at which our own network was in trouble.
    """

    kind: Kind
    components: tuple[str, ...]
    count: int
    since: datetime
    unwell: int = 0
    lately: tuple[bool, ...] = ()
    blind: int = 0
    grade: str = ""


@dataclass(frozen=True)
class Change:
    """The looks agree on something new. `previous` is None when this is the first thing they ever agreed on. `seen` are
    the looks that say so, and of how many."""

    previous: Kind | None
    kind: Kind
    components: tuple[str, ...]
    since: datetime
    grade: str = ""
    seen: tuple[int, int] = (1, 1)


def advance(run: Run | None, outcome: Outcome, now: datetime, *, out_of: int = 0) -> Run:
    """Count one more look. A look that taught us nothing about the service leaves the run as it is."""
    if outcome.kind in LEARNED_NOTHING:
        known = run or Run(outcome.kind, (), 0, now)
        return replace(known, blind=known.blind + 1) if outcome.kind is Kind.OWN_NETWORK else known
    is_well = outcome.kind is Kind.HEALTHY
    unwell = 0 if is_well else (run.unwell if run else 0) + 1
    lately = (*(run.lately if run else ()), is_well)[-out_of:] if out_of else ()
    same = run is not None and _same(run.kind, outcome.kind) and run.components == outcome.components
    if run is None or not same or run.grade != outcome.grade:
        return Run(outcome.kind, outcome.components, 1, now, unwell, lately, grade=outcome.grade)
    return replace(run, kind=outcome.kind, count=run.count + 1, unwell=unwell, lately=lately, blind=0)


def confirmed(run: Run, needed: int) -> bool:
    """Whether enough looks in a row agree; one is always needed."""
    return run.count >= max(1, needed)


def verdict(
    previous_confirmed: Kind | None,
    run: Run,
    needed_bad: int,
    needed_good: int,
    *,
    previous_components: tuple[str, ...] | None = None,
    previous_grade: str | None = None,
) -> Change | None:
    """The confirmed change that this run brings, if it brings one.

    With `previous_components` (those of the last confirmed change) other failing components are a change too, so
    that a database failing after a vendor is not lost in the same word, degraded. With `previous_grade` a rate that
    comes to another severity is one, too.
    """
    calm = previous_confirmed in (None, Kind.HEALTHY)
    # A service that fails in another way at each look is never well: twice the looks settle it, whatever the last says.
    undecided = calm and run.unwell >= 2 * max(1, needed_bad)
    # Nor is one that fails again and again with good looks in between, where the plan counts among the last so many.
    often = calm and run.kind is not Kind.HEALTHY and run.lately.count(False) >= max(1, needed_bad)
    if not undecided and not often and not confirmed(run, needed_good if run.kind is Kind.HEALTHY else needed_bad):
        return None
    known = previous_confirmed is not None and _same(previous_confirmed, run.kind)
    if known and previous_components in (None, run.components) and previous_grade in (None, run.grade):
        return None
    seen = (run.count, run.count)
    if not confirmed(run, needed_bad) and run.kind is not Kind.HEALTHY:
        seen = (run.lately.count(False), len(run.lately)) if often else (run.unwell, run.unwell)
    return Change(previous_confirmed, run.kind, run.components, run.since, run.grade, seen)


def _same(one: Kind, other: Kind) -> bool:
    return one is other or (one in NOT_ANSWERING and other in NOT_ANSWERING)


# --- From a confirmed outcome to a signal -----------------------------------------------------------------------------


def arrival(probe_name: str, service: str, outcome: Outcome, now: datetime, source: str = "probe") -> Arrival:
    """The signal for a confirmed outcome: resolved when healthy, otherwise firing since `now`.

    Hand in the run's `since` as `now` to date the trouble from the first look that saw it. A look that
    taught us nothing is never confirmed, so asking for its signal is a bug.
    """
    if outcome.kind in LEARNED_NOTHING:
        raise ValueError(f"a look that saw {outcome.kind} says nothing about the service")
    healthy = outcome.kind is Kind.HEALTHY
    return Arrival(
        source=source,
        key=f"{source}:{probe_name}",
        state=State.RESOLVED if healthy else State.FIRING,
        title=text.clip(f"{service}: {_headline(source, probe_name, outcome)}", _EVIDENCE),
        trigger=Trigger.HEALTH_CHECK if source in ("probe", "vendor") else Trigger.MONITORING_ALERT,
        labels=_labels(source, probe_name, service, outcome),
        details=_details(outcome),
        started_at=None if healthy else now,
    )


def _labels(source: str, name: str, service: str, outcome: Outcome) -> dict[str, str]:
    labels = {source: name, "service": service, "outcome": outcome.kind.value, **outcome.measured}
    if source == "probe":
        labels["path"] = outcome.path
    if outcome.components:
        labels["components"] = ",".join(outcome.components)
    if len(outcome.components) == 1:
        labels["component"] = outcome.components[0]
    return labels


def _details(outcome: Outcome) -> dict[str, Any]:
    return {
        "states": dict(outcome.states),
        "latency_ms": outcome.latency // timedelta(milliseconds=1),
        "reason": outcome.reason,
        "request_id": outcome.request_id,
    }


_HEADLINES = {
    Kind.HEALTHY: "healthy",
    Kind.DEGRADED: "degraded",
    Kind.WRONG_BODY: "answers, but not as it should",
    Kind.TIMEOUT: "no answer in time",
    Kind.REFUSED: "no connection",
    Kind.HTTP_ERROR: "answers with an error",
    Kind.DNS: "address does not resolve",
    Kind.TLS: "no secure connection",
    Kind.EXPIRING: "the certificate ends soon",
    Kind.DENIED: "our credentials are refused",
    Kind.FAILED: "says that it failed",
    Kind.SILENT: "no sign of life in time",
}

_MEASURED = {Kind.ERRORS: "errors", Kind.OVER: "too high", Kind.SLOWER: "slower than usual"}


def _headline(source: str, name: str, outcome: Outcome) -> str:
    if outcome.components:
        return _failing(outcome.components, outcome.states)
    if outcome.kind is Kind.SLOW:
        return f"slow, {seconds(outcome.latency)}"
    if outcome.kind in _MEASURED:
        return f"{_MEASURED[outcome.kind]}, {outcome.reason}"
    if outcome.kind is Kind.UNREADABLE:
        return f"its {source} can't be read"
    if source == "journey" and "step" in outcome.measured:
        which = name.partition("/")[2].replace("_", " ")
        return f"the journey {which} fails at {outcome.measured['step']}"
    return _HEADLINES[outcome.kind]
