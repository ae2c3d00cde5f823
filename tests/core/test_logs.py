"""What a service writes: lines become records, patterns become signals, and nothing secret is kept."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.world import ROSE
from tocsin.plan import check
from tocsin.plan.model import Plan
from tocsin.plan.watching import Log, Pattern
from tocsin.signals.model import State
from tocsin.signals.routing import Route, route
from tocsin.watch import logs, otlp
from tocsin.watch.logs import Tail, Turn, listen, records

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TRACEBACK = """Traceback (most recent call last):
  File "/app/stt.py", line 41, in transcribe
    raise ApiError(429)
app.ApiError: 429 from Groq

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/voice.py", line 7, in process
    transcribe()
app.VoiceError: nothing was heard"""
# Three shapes mixed, as Rose writes them.
MIXED = f"""INFO:     10.0.0.7:51234 - "POST /api/v1/voice/process HTTP/1.1" 503 Service Unavailable
GroqAPI: Failure 10/10 - ApiError: 429 from Groq
GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s
{{"event": "error_recorded", "level": "error", "error_type": "ApiError", "endpoint": "voice"}}
voice failed
{TRACEBACK}
HTTP Request: POST https://api.groq.com "HTTP/1.1 429"
"""


def rose() -> Log:
    plan = check.load(ROSE)
    assert isinstance(plan, Plan)
    return plan.services["rose"].logs["app"]


def log(**patterns: Pattern) -> Log:
    return Log(sender="rose", patterns=patterns)


def heard(one: Log, *lines: str, tail: Tail | None = None, now: datetime = NOW) -> tuple[Tail, list[Turn]]:
    return listen(one, tail or Tail(), records(lines), now)


# --- records ----------------------------------------------------------------------------------------------------------


def test_three_shapes_in_one_log_become_records() -> None:
    found = records(MIXED.splitlines())
    assert len(found) == 6
    assert found[3] == "error error_recorded error_type=ApiError endpoint=voice"
    assert found[4] == f"voice failed\n{TRACEBACK}".replace("\n\n", "\n\n")
    assert found[5].startswith("HTTP Request")


def test_a_traceback_in_a_field_belongs_to_its_record() -> None:
    line = json.dumps({"event": "unhandled_exception", "level": "error", "exception": TRACEBACK})
    (one,) = records([line])
    assert one.startswith("error unhandled_exception") and "VoiceError: nothing was heard" in one


def test_what_is_nearly_json_is_a_bare_line() -> None:
    assert records(['{"event": "cut of', "[1, 2]", "{}"]) == ['{"event": "cut of', "[1, 2]", ""]


def test_a_traceback_that_may_go_on_waits_for_one_look() -> None:
    body = b"before\nfailed\nTraceback (most recent call last):\n  File x\n"
    assert body[: logs.whole(body, ends=False)] == b"before\n"
    assert logs.whole(body, ends=True) == len(body)
    assert logs.whole(f"{TRACEBACK}\n".encode(), ends=False) == len(TRACEBACK) + 1
    assert logs.whole(b"one\nhalf a li", ends=False) == 4
    assert logs.whole(b"half a li", ends=False) == 0


@given(st.lists(st.text(max_size=40), max_size=20), st.booleans())
def test_whatever_is_written_is_taken_once(lines: list[str], ends: bool) -> None:
    body = "\n".join(lines).encode("utf-8", "replace")
    taken = logs.whole(body, ends=ends)
    assert 0 <= taken <= len(body) and (not ends or taken == len(body))
    assert all(len(one) <= logs.MOST_TEXT for one in records(lines))


@given(st.lists(st.sampled_from([*TRACEBACK.splitlines(), "plain", "  indented", '{"event": "x"}']), max_size=30))
def test_no_line_is_lost(lines: list[str]) -> None:
    found = "\n".join(records(lines))
    assert all(line.strip() in found for line in lines if line.strip() and not line.startswith("{"))


# --- patterns ---------------------------------------------------------------------------------------------------------


def test_a_breaker_that_opens_is_trouble_until_it_recovers() -> None:
    tail, (turn,) = heard(rose(), *MIXED.splitlines())
    assert (turn.pattern, turn.heard.fires, turn.heard.labels) == ("breaker_opened", True, {"breaker": "GroqAPI"})
    tail, turns = heard(rose(), "QdrantAPI: Recovery successful, closing circuit", tail=tail)
    assert turns == []
    tail, (turn,) = heard(rose(), "GroqAPI: Recovery successful, closing circuit", tail=tail)
    assert not turn.heard.fires and tail.heard == {}


def test_each_breaker_is_a_signal_of_its_own_however_often_it_says_so() -> None:
    opened = "{}: Circuit breaker OPENED after 10 failures. Will retry in 90s"
    tail, turns = heard(rose(), *[opened.format(one) for one in ("GroqAPI", "ElevenLabsAPI", "GroqAPI")])
    assert [turn.key for turn in turns] == ["breaker_opened/GroqAPI", "breaker_opened/ElevenLabsAPI"]
    _, again = heard(rose(), opened.format("GroqAPI"), tail=tail)
    assert again == []
    first = logs.arrival("rose/app", "rose", "Rose", rose(), turns[0], NOW)
    assert first.key == "log:rose/app/breaker_opened/GroqAPI"
    assert first.title == "A circuit breaker of Rose is open (GroqAPI)"
    said = {"log": "rose/app", "pattern": "breaker_opened", "service": "rose"}
    assert first.labels == {"breaker": "GroqAPI", "together": "ElevenLabsAPI,GroqAPI", **said}
    plan = check.load(ROSE)
    assert isinstance(plan, Plan)
    found = route(plan, first)
    assert isinstance(found, Route) and (found.type, found.severity) == ("external_api_failure", "P1")


def test_it_takes_so_many_within_a_span() -> None:
    one = log(failed=Pattern(match="failed", least=3, within=timedelta(minutes=5)))
    tail, turns = heard(one, "failed", "failed")
    assert turns == []
    tail, turns = heard(one, "failed", tail=tail, now=NOW + timedelta(minutes=6))
    assert turns == [], "the first two are too long ago"
    _, (turn,) = heard(one, "failed", "failed", tail=tail, now=NOW + timedelta(minutes=7))
    assert turn.heard.fires


def test_without_another_for_so_long_it_is_over() -> None:
    one = log(failed=Pattern(match="failed", within=timedelta(minutes=5)))
    tail, _ = heard(one, "failed")
    tail, turns = heard(one, tail=tail, now=NOW + timedelta(minutes=4))
    assert turns == []
    tail, (turn,) = heard(one, tail=tail, now=NOW + timedelta(minutes=5))
    arrival = logs.arrival("rose/app", "rose", "Rose", one, turn, NOW)
    assert (arrival.state, arrival.title) == (State.RESOLVED, "Rose: failed")


def test_a_pattern_that_the_plan_no_longer_has_is_over() -> None:
    tail, _ = heard(log(failed=Pattern(match="failed")), "failed")
    _, (turn,) = heard(log(other=Pattern(match="other")), tail=tail)
    assert not turn.heard.fires


def test_a_flood_is_bounded() -> None:
    one = log(failed=Pattern(match=r"failed for (?P<who>\w+)"))
    tail, turns = heard(one, *[f"failed for user{number}" for number in range(5000)])
    assert len(turns) == len(tail.heard) == logs.MOST_ALIKE
    tail, _ = heard(log(x=Pattern(match="x")), *["x"] * 5000)
    assert len(tail.heard["x"].times) == logs.MOST_TIMES


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abc.def-123",
        "api_key=gsk_a8Hd72hdHDh28d",
        'password": "hunter2"',
        "token: 9f3c2d1e0b8a7f6e5d4c3b2a19080706",
        "https://user:hunter2@db.example.org/x",
        "sk-proj-aa8d7ajd8aD88a",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
        "key 4fJ8sK2mPq9xR7vT1wY5zA3bC6dE0gHi",
    ],
)
def test_no_secret_is_kept(secret: str) -> None:
    one = log(failed=Pattern(match="it failed"))
    _, (turn,) = heard(one, f"it failed with {secret} at last")
    shown = turn.heard.said + json.dumps(logs.arrival("rose/app", "rose", "Rose", one, turn, NOW).details)
    assert "(redacted)" in shown
    for part in ("abc.def", "a8Hd72", "hunter2", "9f3c2d", "8d7ajd", "SflKx", "4fJ8sK"):
        assert part not in shown


def test_a_captured_secret_is_struck_out_too() -> None:
    _, (turn,) = heard(log(f=Pattern(match=r"for (?P<who>\S+)")), "for gsk_a8Hd72hdHDh28d")
    assert turn.heard.labels == {"who": "(redacted)"}


def test_one_line_of_evidence_is_kept_and_no_more() -> None:
    _, (turn,) = heard(log(f=Pattern(match="VoiceError")), *f"voice failed\n{TRACEBACK}".splitlines())
    assert turn.heard.said == "app.VoiceError: nothing was heard"
    _, (turn,) = heard(log(f=Pattern(match="needle")), "x " * 1000 + "needle" + " y" * 2000)
    assert "needle" in turn.heard.said and len(turn.heard.said) <= 160


# --- what OpenTelemetry sends -----------------------------------------------------------------------------------------


def sent(*logged: dict[str, object], service: str = "rose") -> bytes:
    about = [{"key": "service.name", "value": {"stringValue": service}}]
    scope = {"scope": {"name": "app"}, "logRecords": list(logged), "unknown": 1}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": about}, "scopeLogs": [scope]}]}).encode()


def test_a_record_of_opentelemetry_reads_like_a_structured_line() -> None:
    record = {
        "timeUnixNano": "1790000000000000000",
        "severityNumber": 17,
        "body": {"stringValue": "groq 503"},
        "attributes": [
            {"key": "attempt", "value": {"intValue": "3"}},
            {"key": "exception.stacktrace", "value": {"stringValue": TRACEBACK}},
        ],
    }
    (one,) = otlp.read(sent(record))["rose"]
    assert one.startswith("error groq 503 attempt=3\nTraceback")
    nested = {"body": {"kvlistValue": {"values": [{"key": "event", "value": {"stringValue": "it failed"}}]}}}
    assert otlp.read(sent(nested)) == {"rose": [" it failed"]}
    assert otlp.read(b"{}") == {}


@pytest.mark.parametrize(("number", "level"), [("17", "error"), (21, "fatal"), ("9" * 5000, ""), ("²", ""), (None, "")])
def test_a_level_is_a_number_or_none(number: object, level: str) -> None:
    assert otlp.read(sent({"severityNumber": number, "body": {"stringValue": "x"}})) == {"rose": [f"{level} x"]}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"resourceLogs": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_export_of_logs_is_refused(body: bytes) -> None:
    with pytest.raises(otlp.NotLogs):
        otlp.read(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "resource",
                        "attributes",
                        "key",
                        "value",
                        "scopeLogs",
                        "logRecords",
                        "body",
                        "stringValue",
                        "kvlistValue",
                        "values",
                        "severityNumber",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_shape_comes_nothing_breaks(inner: object) -> None:
    otlp.read(json.dumps({"resourceLogs": [inner]}).encode())
