"""What a look means, when enough looks agree, and the signal that follows."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.looks import judged, reading
from tocsin.signals.model import State, Trigger
from tocsin.watch.outcomes import (
    LEARNED_NOTHING,
    NOT_ANSWERING,
    Change,
    Expectation,
    Kind,
    Outcome,
    Run,
    advance,
    arrival,
    confirmed,
    judge,
    verdict,
    with_certificate,
    with_control,
)

NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
ALL_GOOD = {"groq": "connected", "qdrant": "connected", "elevenlabs": "connected", "sqlite": "connected"}
SPA_TRAP = b'{"detail":"Not found"}'


def report(status="healthy", **states):
    return json.dumps({"status": status, "version": "1.0.0", "services": {**ALL_GOOD, **states}}).encode()


# --- judging one look ---------------------------------------------------------------------------------------------


def test_a_full_report_is_healthy_and_keeps_the_evidence():
    outcome = judged(body=report(), took=0.25, headers={"X-Request-ID": "8d0f"})
    assert outcome == Outcome(
        kind=Kind.HEALTHY,
        components=(),
        states=ALL_GOOD,
        latency=timedelta(milliseconds=250),
        reason='200 with status "healthy"',
        path="/api/health",
        request_id="8d0f",
    )


@pytest.mark.parametrize("name", ["x-request-id", "X-Request-ID", "X-REQUEST-ID"])
def test_the_request_id_is_found_however_its_name_is_written(name):
    assert judged(body=report(), headers={name: "8d0f"}).request_id == "8d0f"


def test_a_degraded_report_names_the_failing_components_in_order():
    outcome = judged(body=report("degraded", sqlite="disconnected", qdrant="disconnected"))
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("qdrant", "sqlite"))
    assert outcome.reason == '200 with status "degraded": qdrant and sqlite disconnected'
    assert outcome.states == {**ALL_GOOD, "qdrant": "disconnected", "sqlite": "disconnected"}


def test_a_failing_component_counts_even_when_the_report_calls_itself_healthy():
    outcome = judged(body=report("healthy", groq="disconnected"))
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("groq",))


def test_a_degraded_status_counts_even_when_every_component_is_good():
    outcome = judged(body=report("degraded"))
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ())
    assert outcome.reason == '200 with status "degraded": no component is in a bad state'


@pytest.mark.parametrize("state", ["starting", "", "Connected", None, True, 1, {"up": True}, ["connected"]])
def test_a_state_that_nobody_called_good_is_not_good(state):
    assert judged(body=report(qdrant=state)).components == ("qdrant",)


@pytest.mark.parametrize("status", ["Healthy", "ok", None, True, 200, ["healthy"]])
def test_a_status_that_nobody_called_healthy_is_degraded(status):
    assert judged(body=report(status)).kind is Kind.DEGRADED


def test_the_plan_names_the_fields_and_the_good_words():
    expect = Expectation(
        status_field="state", healthy_values=("up", "warm"), components_field="parts", good_values=("ok", "true")
    )
    body = b'{"state":"warm","parts":{"disk":"ok","net":true,"cpu":"hot"}}'
    outcome = judged(expect, body=body)
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("cpu",))
    assert judged(expect, body=body.replace(b"hot", b"ok")).kind is Kind.HEALTHY
    assert judged(expect, body=report()).kind is Kind.WRONG_BODY


@pytest.mark.parametrize(
    "body",
    [
        SPA_TRAP,
        b"",
        b"<!doctype html><title>Rose</title>",
        b'"healthy"',
        b'["status","services"]',
        b"null",
        b'{"status":"healthy"}',
        b'{"services":{}}',
        b'{"status":"healthy","services":["groq"]}',
        b'{"status":"healthy","services":null}',
        report()[:-3],
        bytes(range(256)),
        b"[" * 60_000,
        b'{"status":"healthy","services":{"a":' + b"[" * 990 + b"]" * 990 + b"}}",
        b"\xff\xfe{",
        b"9" * 5000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_200_that_is_no_health_report_is_never_healthy(body):
    assert judged(body=body).kind is not Kind.HEALTHY
    if b'"a":' not in body:  # how deep a nesting can be read differs between versions of Python
        assert judged(body=body).kind is Kind.WRONG_BODY


def test_the_catch_all_answer_is_quoted_in_the_reason():
    assert judged(body=SPA_TRAP).reason == '200 but the body is not a health report: {"detail":"Not found"}'
    assert judged(body=b" \n").reason.endswith("report: (empty)")


def test_asking_too_often_is_not_an_outage_even_with_a_healthy_body():
    outcome = judged(status=429, body=b'{"error":"Rate limit exceeded: 60 per 1 minute"}', headers={"Retry-After": "9"})
    assert outcome.kind is Kind.RATE_LIMITED
    assert "asks us to wait: 9" in outcome.reason
    assert "60 per 1 minute" in outcome.reason
    assert judged(status=429, body=report()).kind is Kind.RATE_LIMITED


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_is_an_error_whatever_its_body_says(status):
    assert judged(status=status, body=report()).kind is Kind.HTTP_ERROR
    assert judged(status=status, body=b"upstream gone").reason == f"{status}: upstream gone"


@pytest.mark.parametrize("status", [500, 503])
def test_a_report_that_names_a_failing_part_is_believed_with_a_server_error(status):
    outcome = judged(status=status, body=report("degraded", qdrant="disconnected"))
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("qdrant",))
    assert outcome.reason == f'{status} with status "degraded": qdrant disconnected'
    platform = {"x-railway-fallback": "true"}
    assert judged(status=404, body=report(qdrant="disconnected"), headers=platform).kind is Kind.HTTP_ERROR


def test_a_component_may_be_an_object_with_its_state_under_the_key_of_the_whole():
    expect = Expectation(healthy_values=("UP",), components_field="components", good_values=("UP",))
    parts = {"db": {"status": "UP", "details": {"ms": 3}}, "disk": {"status": "DOWN"}, "mail": {"state": "UP"}}
    body = json.dumps({"status": "UP", "components": parts}).encode()
    outcome = judged(expect, body=body)
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("disk", "mail"))
    assert outcome.states == {"db": "UP", "disk": "DOWN", "mail": '{"state": "UP"}'}


def test_a_body_that_is_too_long_is_said_to_be():
    assert judged(body=report()[:-1] + b" " * 70_000).reason.endswith(
        "report: more than 64 KB, of which nothing is read"
    )


@pytest.mark.parametrize("status", [301, 302, 304, 400, 401, 403, 404, 405, 418])
def test_an_answer_from_somebody_else_is_a_wrong_body(status):
    assert judged(status=status, body=report()).kind is Kind.WRONG_BODY


def test_a_404_says_that_the_path_is_wrong_and_a_redirect_says_where_to():
    assert judged(status=404, body=b'{"detail":"Not Found"}').reason.startswith("404, so this path is wrong")
    assert "points to /login" in judged(status=302, headers={"Location": "/login"}).reason


def test_a_404_in_which_the_platform_speaks_for_an_absent_service_is_an_outage():
    gone = b'{"status":"error","code":404,"message":"Application not found"}'
    assert judged(status=404, body=gone, headers={"x-railway-fallback": "true"}).kind is Kind.HTTP_ERROR
    assert judged(status=404, body=gone).kind is Kind.WRONG_BODY


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("timeout", Kind.TIMEOUT),
        ("refused", Kind.REFUSED),
        ("dns", Kind.DNS),
        ("tls", Kind.TLS),
        ("closed", Kind.HTTP_ERROR),
    ],
)
def test_every_failure_has_its_kind(failure, kind):
    assert judged(failure=failure).kind is kind


def test_a_failure_carries_its_evidence():
    assert judged(failure="tls", detail="certificate has expired").reason.endswith(": certificate has expired")
    assert judged(Expectation(timeout=timedelta(seconds=6.5)), failure="timeout").reason.endswith("within 6.5 s")


def test_slow_is_judged_last_and_only_when_asked_for():
    two = Expectation(slow_after=timedelta(seconds=2))
    assert judged(two, body=report(), took=2.1).kind is Kind.SLOW
    assert "took 2.1 s; more than 2 s is slow" in judged(two, body=report(), took=2.1).reason
    assert judged(two, body=report(), took=2.0).kind is Kind.HEALTHY
    assert judged(body=report(), took=60).kind is Kind.HEALTHY
    assert judged(two, body=report(groq="disconnected"), took=9).kind is Kind.DEGRADED
    assert judged(two, body=SPA_TRAP, took=9).kind is Kind.WRONG_BODY


def texts_of(outcome):
    return [outcome.reason, outcome.request_id or "", *outcome.states, *outcome.states.values(), *outcome.components]


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_a_huge_body_is_clipped_in_the_reason(status):
    assert len(judged(status=status, body=b"x" * 65_536).reason) < 300
    assert len(judged(body=report(**{"n" * 9000: "s" * 9000})).reason) < 300


@given(st.integers(100, 599), st.binary(max_size=300), st.text(max_size=40), st.text(max_size=300))
def test_any_answer_is_judged_and_its_words_can_be_stored_and_shown(status, body, header, state):
    for content in (body, report(**{state: header}), report(header)):
        seen = reading(status, content, headers={"X-Request-ID": header, "Retry-After": header, "Location": header})
        said = texts_of(judge(seen, Expectation()))
        assert all(words.isprintable() and len(words) < 300 for words in said)
        "".join(said).encode()


def test_half_letters_and_nuls_from_json_never_reach_the_record():
    outcome = judged(body=b'{"status":"healthy","services":{"q\\ud800":"a\\u0000b"}}')
    assert outcome.states == {"q\N{REPLACEMENT CHARACTER}": "a\N{REPLACEMENT CHARACTER}b"}


# --- damping ------------------------------------------------------------------------------------------------------


def outcome_of(kind, *components):
    return Outcome(
        kind=kind,
        components=components,
        states=dict.fromkeys(components, "disconnected"),
        latency=timedelta(milliseconds=80),
        reason="as seen",
        path="/api/health",
    )


KINDS = st.sampled_from(list(Kind)).map(outcome_of)
DEGRADED = st.sets(st.sampled_from(["groq", "qdrant"]), min_size=1).map(
    lambda names: outcome_of(Kind.DEGRADED, *sorted(names))
)
LOOKS = st.lists(KINDS | DEGRADED | st.just(outcome_of(Kind.HEALTHY)), max_size=40)
NEEDED = st.integers(1, 4)


def meaning(outcome):
    """What two looks must share to stand in one run, said independently of the code."""
    return "not answering" if outcome.kind in NOT_ANSWERING else (outcome.kind, outcome.components)


def play(looks, bad, good):
    """Every change that a probe would report, with the number of the look that brought it."""
    run, last, changes = None, None, []
    for number, outcome in enumerate(looks):
        run = advance(run, outcome, NOW + number * timedelta(seconds=30))
        change = verdict(
            last.kind if last else None, run, bad, good, previous_components=last.components if last else None
        )
        if change:
            last = change
            changes.append((number, change))
    return changes


def test_trouble_is_confirmed_by_the_third_look_in_a_row_and_dated_from_the_first():
    looks = [outcome_of(Kind.HEALTHY)] * 2 + [outcome_of(Kind.DEGRADED, "qdrant")] * 5
    assert play(looks, bad=3, good=2) == [
        (1, Change(None, Kind.HEALTHY, (), NOW, seen=(2, 2))),
        (4, Change(Kind.HEALTHY, Kind.DEGRADED, ("qdrant",), NOW + timedelta(seconds=60), seen=(3, 3))),
    ]


def test_recovery_needs_its_own_number_of_good_looks():
    looks = [outcome_of(Kind.REFUSED)] * 2 + [outcome_of(Kind.HEALTHY)] * 3
    assert [(number, change.kind) for number, change in play(looks, bad=2, good=3)] == [
        (1, Kind.REFUSED),
        (4, Kind.HEALTHY),
    ]


def test_not_answering_is_one_trouble_however_it_shows():
    looks = [outcome_of(kind) for kind in (Kind.TIMEOUT, Kind.REFUSED, Kind.HTTP_ERROR, Kind.DNS, Kind.TLS)]
    assert [number for number, _ in play(looks, bad=3, good=1)] == [2]


def test_another_failing_component_is_a_change_only_for_who_says_what_failed_before():
    run = Run(Kind.DEGRADED, ("groq", "sqlite"), 3, NOW)
    assert verdict(Kind.DEGRADED, run, 3, 2) is None
    assert verdict(Kind.DEGRADED, run, 3, 2, previous_components=("groq", "sqlite")) is None
    change = verdict(Kind.DEGRADED, run, 3, 2, previous_components=("groq",))
    assert change == Change(Kind.DEGRADED, Kind.DEGRADED, ("groq", "sqlite"), NOW, seen=(3, 3))


@pytest.mark.parametrize(
    ("run", "seen"),
    [
        (Run(Kind.REFUSED, (), 3, NOW, unwell=4), (3, 3)),
        (Run(Kind.SLOW, (), 1, NOW, unwell=6), (6, 6)),
        (Run(Kind.REFUSED, (), 1, NOW, unwell=1, lately=(False, True, False, True, False)), (3, 5)),
    ],
)
def test_a_change_says_how_many_looks_saw_it_and_of_how_many(run, seen):
    change = verdict(Kind.HEALTHY, run, 3, 2)
    assert change is not None and change.seen == seen


def test_a_first_look_that_is_rate_limited_confirms_nothing_and_starts_nothing():
    run = advance(None, outcome_of(Kind.RATE_LIMITED), NOW)
    assert not any(confirmed(run, needed) for needed in (0, 1))
    later = NOW + timedelta(seconds=30)
    assert advance(run, outcome_of(Kind.TIMEOUT), later) == Run(Kind.TIMEOUT, (), 1, later, unwell=1)


@given(LOOKS)
def test_a_run_counts_the_looks_at_the_end_that_mean_the_same(looks):
    counted = [look for look in looks if look.kind not in LEARNED_NOTHING]
    run = None
    for number, outcome in enumerate(counted):
        run = advance(run, outcome, NOW + number * timedelta(seconds=30))
    if run is None:
        return
    tail = [list(group) for _, group in groupby(counted, key=meaning)][-1]
    assert (run.count, run.kind, run.components) == (len(tail), tail[-1].kind, tail[-1].components)
    assert run.since == NOW + (len(counted) - len(tail)) * timedelta(seconds=30)


@given(LOOKS, NEEDED, NEEDED)
def test_a_change_comes_exactly_when_enough_looks_agree_that_something_is_new(looks, bad, good):
    expected, known, before, alike, unwell = [], None, None, 0, 0
    for number, look in enumerate(looks):
        if look.kind in LEARNED_NOTHING:
            continue
        healthy, what = look.kind is Kind.HEALTHY, meaning(look)
        alike = alike + 1 if what == before else 1
        unwell = 0 if healthy else unwell + 1
        before = what
        agreed = alike >= (good if healthy else bad)
        never_well = unwell >= 2 * bad and known in (None, (Kind.HEALTHY, ()))
        if (agreed or never_well) and what != known:
            known = what
            expected.append((number, what))
    assert [(number, meaning(change)) for number, change in play(looks, bad, good)] == expected


def test_a_service_that_fails_in_another_way_each_time_is_not_taken_for_well():
    odd = [outcome_of(Kind.DEGRADED, "qdrant"), outcome_of(Kind.TIMEOUT)] * 3
    assert [(number, change.kind) for number, change in play(odd, bad=3, good=2)] == [(5, Kind.TIMEOUT)]


@given(LOOKS, st.integers(2, 5))
def test_flapping_shorter_than_needed_never_confirms_trouble(looks, bad):
    runs = [list(group) for _, group in groupby(looks, key=meaning)]
    flapping = [look for run in runs for look in [*run[: bad - 1], outcome_of(Kind.HEALTHY)]]
    assert all(change.kind is Kind.HEALTHY for _, change in play(flapping, bad, good=1))


@given(LOOKS, st.lists(st.integers(0, 40), max_size=10), NEEDED, NEEDED)
def test_rate_limited_looks_change_nothing(looks, places, bad, good):
    quiet = [look for look in looks if look.kind not in LEARNED_NOTHING]
    noisy = list(quiet)
    for place in places:
        noisy.insert(min(place, len(noisy)), outcome_of(Kind.RATE_LIMITED))

    def told(sequence):
        return [(change.previous, change.kind, change.components) for _, change in play(sequence, bad, good)]

    assert told(noisy) == told(quiet)


@given(KINDS | DEGRADED, st.integers(1, 9))
def test_a_rate_limited_look_leaves_a_run_untouched(outcome, count):
    run = Run(outcome.kind, outcome.components, count, NOW)
    assert advance(run, outcome_of(Kind.RATE_LIMITED), NOW + timedelta(hours=1)) == run


# --- the signal ---------------------------------------------------------------------------------------------------


def test_one_failing_component_becomes_a_firing_signal_that_routes_can_match():
    outcome = judged(body=report("degraded", qdrant="disconnected"), took=0.0816, headers={"X-Request-ID": "8d0f"})
    signal = arrival("rose-health", "Rose", outcome, NOW)
    assert (signal.source, signal.key, signal.state) == ("probe", "probe:rose-health", State.FIRING)
    assert (signal.trigger, signal.started_at) == (Trigger.HEALTH_CHECK, NOW)
    assert signal.title == "Rose: qdrant disconnected"
    assert signal.labels == {
        "probe": "rose-health",
        "service": "Rose",
        "outcome": "degraded",
        "component": "qdrant",
        "components": "qdrant",
        "path": "/api/health",
    }
    assert signal.details == {
        "states": {**ALL_GOOD, "qdrant": "disconnected"},
        "latency_ms": 81,
        "reason": '200 with status "degraded": qdrant disconnected',
        "request_id": "8d0f",
    }


def test_several_failing_components_are_listed_and_none_is_singled_out():
    signal = arrival("p", "Rose", judged(body=report(sqlite="disconnected", groq="disconnected", qdrant="odd")), NOW)
    assert signal.title == "Rose: groq and sqlite disconnected, qdrant odd"
    assert signal.labels["components"] == "groq,qdrant,sqlite"
    assert "component" not in signal.labels


def test_a_healthy_outcome_resolves_the_same_signal():
    firing = arrival("p", "Rose", judged(failure="refused"), NOW)
    resolved = arrival("p", "Rose", judged(body=report()), NOW)
    assert (firing.source, firing.key) == (resolved.source, resolved.key)
    assert (resolved.state, resolved.title, resolved.started_at) == (State.RESOLVED, "Rose: healthy", None)
    assert "components" not in resolved.labels


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in LEARNED_NOTHING])
def test_every_kind_has_a_title_and_details_that_can_be_stored(kind):
    signal = arrival("p", "Rose", outcome_of(kind), NOW)
    assert signal.title.removeprefix("Rose: ") not in ("", signal.title)
    assert signal.labels["outcome"] == kind
    assert json.loads(json.dumps(signal.details)) == signal.details


def test_titles_of_different_kinds_differ():
    kinds = [kind for kind in Kind if kind not in LEARNED_NOTHING]
    assert len({arrival("p", "Rose", outcome_of(kind), NOW).title for kind in kinds}) == len(kinds)


def test_a_title_is_clipped():
    many = [f"component-{number}" for number in range(99)]
    assert len(arrival("p", "Rose", outcome_of(Kind.DEGRADED, *many), NOW).title) <= 160


@pytest.mark.parametrize("kind", sorted(LEARNED_NOTHING))
def test_a_look_that_taught_us_nothing_is_no_signal(kind):
    with pytest.raises(ValueError, match="says nothing about the service"):
        arrival("p", "Rose", replace(outcome_of(Kind.HEALTHY), kind=kind), NOW)


# --- certificates, the control, and looks that are counted among the last few ---------------------------------------


def certified(days, wanted=14, **states):
    seen = replace(reading(body=report(**states)), certificate_ends_at=NOW + timedelta(days=days))
    expect = Expectation(certificate_days=wanted)
    return with_certificate(judge(seen, expect), seen, expect, NOW)


def test_a_certificate_that_ends_too_soon_is_said_with_its_days_and_its_last():
    outcome = certified(3)
    assert outcome.kind is Kind.EXPIRING
    assert outcome.reason == "the certificate ends in 3 days, on 2026-11-27; less than 14 days is too little"
    assert arrival("p", "Rose", outcome, NOW).title == "Rose: the certificate ends soon"


def test_a_certificate_that_lasts_as_long_as_the_plan_wants_is_healthy_and_named():
    outcome = certified(14)
    assert outcome.kind is Kind.HEALTHY
    assert outcome.reason.endswith("; the certificate ends in 14 days, on 2026-12-08")


def test_a_certificate_never_hides_worse_trouble():
    assert certified(3, groq="disconnected").kind is Kind.DEGRADED


@pytest.mark.parametrize("failure", ["timeout", "unreachable", "dns"])
@pytest.mark.parametrize("other", ["timeout", "unreachable", "dns"])
def test_silence_here_and_at_the_control_is_our_own_network(failure, other):
    seen = reading(failure=failure)
    outcome = with_control(judge(seen, Expectation()), seen, reading(failure=other))
    assert outcome.kind is Kind.OWN_NETWORK
    assert other in outcome.reason


@pytest.mark.parametrize("seen", [{"failure": "refused"}, {"failure": "tls"}, {"failure": "closed"}, {"status": 500}])
def test_whoever_refuses_or_errs_has_been_reached(seen):
    outcome = judge(reading(**seen), Expectation())
    assert with_control(outcome, reading(**seen), reading(failure="timeout")) == outcome


@pytest.mark.parametrize("control", [{"status": 200}, {"status": 500}, {"failure": "refused"}, {"failure": "tls"}])
def test_a_control_that_says_anything_leaves_the_outage_an_outage(control):
    seen = reading(failure="timeout")
    outcome = judge(seen, Expectation())
    assert with_control(outcome, seen, reading(**control)) == outcome


def test_looks_of_a_blind_network_are_counted_apart_and_leave_the_run():
    run = advance(None, outcome_of(Kind.HEALTHY), NOW)
    for _ in range(3):
        run = advance(run, outcome_of(Kind.OWN_NETWORK), NOW)
    assert (run.kind, run.count, run.blind) == (Kind.HEALTHY, 1, 3)
    assert verdict(Kind.HEALTHY, run, 1, 1) is None
    assert advance(run, outcome_of(Kind.HEALTHY), NOW).blind == 0


def counted(pattern, failures=3, out_of=5, recoveries=2):
    """Where looks change what is agreed: `x` is a look that refuses, `.` a healthy one."""
    run, agreed, found = None, None, []
    for number, letter in enumerate(pattern):
        outcome = outcome_of(Kind.REFUSED if letter == "x" else Kind.HEALTHY)
        run = advance(run, outcome, NOW, out_of=out_of)
        change = verdict(agreed, run, failures, recoveries)
        if change:
            agreed, run = change.kind, replace(run, lately=())
            found.append((number, str(change.kind)))
    return found


def test_bad_looks_among_the_last_few_are_trouble_without_being_in_a_row():
    assert counted("..x.x.x") == [(1, "healthy"), (6, "refused")] == counted("..x.x.x", out_of=5)
    assert counted("..x.x..x.x") == [(1, "healthy")]
    assert counted("..x.x.x", out_of=0) == [(1, "healthy")]


def test_trouble_that_is_over_is_counted_anew():
    assert counted("..xxx..x.x") == [(1, "healthy"), (4, "refused"), (6, "healthy")]
    assert counted("..xxx.x.x") == [(1, "healthy"), (4, "refused")]  # one good look ends nothing
