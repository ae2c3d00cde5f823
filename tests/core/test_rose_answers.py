"""The stand-in answers as the guarded service does, traps included. Instants are arguments; nothing is waited for."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.rehearsal.process import MOST_ALERTS, MOST_WINDOWS, Process
from tocsin.rehearsal.rose import (
    MOST_BODY,
    NEVER,
    Answer,
    Call,
    Component,
    Mode,
    Switches,
    UnfitSwitches,
    Vendor,
    answer,
    form_parts,
)

NIGHT = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
HEALTHY = Switches()
ALL_MODES = [
    Switches(),
    Switches(Mode.DOWN),
    Switches(Mode.EDGE_ERROR),
    Switches(Mode.HANGING),
    Switches(Mode.DEGRADED, components=frozenset({Component.QDRANT})),
    Switches(Mode.VENDOR_FAILING, vendor=Vendor.GROQ),
    Switches(Mode.WRONG_BODY),
    Switches(Mode.RATE_LIMITED),
    Switches(Mode.SLOW, seconds=12),
]


@pytest.fixture
def process():
    return Process(NIGHT)


def ask(process: Process, path: str, method: str = "GET", switches: Switches = HEALTHY, **more: object) -> Answer:
    return answer(switches, Call(method, path, **{"at": NIGHT, "request_id": "r-1", **more}), process)


def speak(process: Process, switches: Switches = HEALTHY, audio: bytes = b"RIFF", **more: object) -> Answer:
    body = form(audio=audio, session_id=b"s-1")
    return ask(
        process,
        "/api/v1/voice/process",
        "POST",
        switches,
        body=body,
        content_type="multipart/form-data; boundary=edge",
        **more,
    )


def form(**parts: bytes) -> bytes:
    head = b'--edge\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n%s\r\n'
    return b"".join(head % (name.encode(), content) for name, content in parts.items()) + b"--edge--\r\n"


def body_of(reply: Answer) -> object:
    return json.loads(reply.body)


def counters(process: Process) -> dict[str, int]:
    return body_of(ask(process, "/api/v1/metrics"))["counters"]


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/health"])
def test_health_is_a_200_that_names_four_connected_services(process, path):
    reply = ask(process, path)
    assert reply.status == 200
    assert reply.body == (
        b'{"status":"healthy","version":"1.0.0","services":'
        b'{"groq":"connected","qdrant":"connected","elevenlabs":"connected","sqlite":"connected"}}'
    )
    assert ("x-request-id", "r-1") in reply.headers
    assert ("content-type", "application/json") in reply.headers


def test_a_degraded_rose_is_still_a_200(process):
    out = frozenset({Component.QDRANT, Component.SQLITE})
    reply = ask(process, "/api/health", switches=Switches(Mode.DEGRADED, components=out))
    assert reply.status == 200
    assert body_of(reply)["status"] == "degraded"
    assert body_of(reply)["services"] == {
        "groq": "connected",
        "qdrant": "disconnected",
        "elevenlabs": "connected",
        "sqlite": "disconnected",
    }


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/health"])
def test_a_wrong_body_is_a_200_that_is_not_health(process, path):
    reply = ask(process, path, switches=Switches(Mode.WRONG_BODY))
    assert (reply.status, body_of(reply)) == (200, {"detail": "Not found"})


@pytest.mark.parametrize("path", ["/api/nope", "/api/v1/monitoring/status", "/api/v1/voice/process", "/api/v1/"])
def test_any_other_get_under_api_is_the_200_trap(process, path):
    reply = ask(process, path)
    assert (reply.status, body_of(reply)) == (200, {"detail": "Not found"})


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/apis"])
def test_any_other_path_is_the_frontend(process, path):
    reply = ask(process, path)
    assert reply.status == 200
    assert ("content-type", "text/html; charset=utf-8") in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/api/health", "GET"),
        ("POST", "/api/health", "GET"),
        ("HEAD", "/", "GET"),
        ("DELETE", "/api/v1/session/start", "POST"),
    ],
)
def test_other_methods_are_405_and_head_is_one_of_them(process, method, path, allowed):
    reply = ask(process, path, method)
    assert reply.status == 405
    assert ("allow", allowed) in reply.headers


def test_the_sixty_first_health_check_of_a_minute_is_turned_away(process):
    replies = [ask(process, "/api/health") for _ in range(61)]
    assert [reply.status for reply in replies] == [200] * 60 + [429]
    assert replies[-1].body == b'{"error":"Rate limit exceeded: 60 per 1 minute"}'
    assert ask(process, "/api/v1/health").status == 200
    assert ask(process, "/api/health", client="10.0.0.9").status == 200
    assert ask(process, "/api/health", at=NIGHT + timedelta(seconds=59)).status == 429
    assert ask(process, "/api/health", at=NIGHT + timedelta(seconds=60)).status == 200


def test_a_rate_limited_rose_turns_away_the_first_call_too(process):
    limited = Switches(Mode.RATE_LIMITED)
    assert body_of(ask(process, "/api/health", switches=limited)) == {"error": "Rate limit exceeded: 60 per 1 minute"}
    assert body_of(speak(process, limited)) == {"error": "Rate limit exceeded: 10 per 1 minute"}
    assert counters(process) == {}


def test_however_many_clients_call_the_limits_are_bounded(process):
    for number in range(MOST_WINDOWS + 50):
        ask(process, "/api/health", client=f"client-{number}")
    assert len(process._windows) <= MOST_WINDOWS


def test_metrics_move_with_use_and_have_roses_shape(process):
    ask(process, "/api/health")
    session = body_of(ask(process, "/api/v1/session/start", "POST"))
    speak(process)
    metrics = body_of(ask(process, "/api/v1/metrics"))
    assert uuid.UUID(session["session_id"]).version == 4
    assert metrics["counters"] == {
        "health_check_success": 1,
        "sessions_started": 1,
        "session_start_success": 1,
        "voice_requests_total": 1,
        "api_calls_groq_stt_success": 1,
        "workflow_executions_success": 1,
        "api_calls_elevenlabs_tts_success": 1,
        "voice_processing_success": 1,
    }
    assert metrics["histograms"]["voice_audio_size_bytes"] == {"count": 1.0, "min": 4.0, "max": 4.0, "avg": 4.0}
    assert metrics["gauges"] == {}
    assert metrics["timestamp"] == "2026-11-24T03:34:19"


def test_voice_answers_with_text_and_a_clip_that_can_be_fetched(process):
    reply = body_of(speak(process))
    assert set(reply) == {"text", "audio_url", "session_id"}
    assert reply["session_id"] == "s-1"
    clip = ask(process, reply["audio_url"])
    assert (clip.status, dict(clip.headers)["content-type"]) == (200, "audio/mpeg")
    assert ask(process, "/api/v1/voice/audio/none").status == 404


@pytest.mark.parametrize(
    ("vendor", "error", "counter"),
    [
        (Vendor.GROQ, "speech_to_text_failed", "api_calls_groq_stt_failure"),
        (Vendor.ELEVENLABS, "text_to_speech_failed", "api_calls_elevenlabs_tts_failure"),
    ],
)
def test_a_failing_vendor_breaks_voice_while_health_stays_green(process, vendor, error, counter):
    failing = Switches(Mode.VENDOR_FAILING, vendor=vendor)
    reply = speak(process, failing)
    assert reply.status == 503
    assert body_of(reply)["error"] == error
    assert set(body_of(reply)) == {"error", "message", "request_id", "details"}
    assert body_of(reply)["request_id"] == "r-1"
    assert body_of(ask(process, "/api/health", switches=failing))["status"] == "healthy"
    assert counters(process)["voice_processing_failure"] == 1
    assert counters(process)[counter] == 1


def test_a_vendors_breaker_opens_and_outlasts_the_mending_until_one_good_call(process):
    failing = Switches(Mode.VENDOR_FAILING, vendor=Vendor.GROQ)
    slow = [speak(process, failing).delay_s for _ in range(4)]
    assert min(slow) >= 1
    assert speak(process, failing).delay_s < 0.1
    assert speak(process, at=NIGHT + timedelta(seconds=89)).status == 503
    assert speak(process, at=NIGHT + timedelta(seconds=90)).status == 200
    assert speak(process, at=NIGHT + timedelta(seconds=91)).status == 200


def test_without_its_conversation_store_voice_is_a_500_that_no_counter_sees(process):
    reply = speak(process, Switches(Mode.DEGRADED, components=frozenset({Component.SQLITE})))
    assert (reply.status, body_of(reply)["error"]) == (500, "internal_server_error")
    assert counters(process) == {}


def test_without_qdrant_voice_still_answers(process):
    assert speak(process, Switches(Mode.DEGRADED, components=frozenset({Component.QDRANT}))).status == 200


def test_voice_input_is_checked(process):
    assert speak(process, audio=b"").status == 400
    nothing = ask(process, "/api/v1/voice/process", "POST")
    assert nothing.status == 422
    assert [item["loc"] for item in body_of(nothing)["detail"]] == [["body", "audio"], ["body", "session_id"]]
    large = ask(process, "/api/v1/voice/process", "POST", body=bytes(MOST_BODY + 1))
    assert (large.status, body_of(large)["max_size_bytes"]) == (413, MOST_BODY)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_form_parts_come_back_byte_for_byte(audio, session_id):
    if b"\r\n--edge" in b"\r\n" + audio or b"\r\n--edge" in b"\r\n" + session_id:
        return
    parts = form_parts('multipart/form-data; boundary="edge"', form(audio=audio, session_id=session_id))
    assert parts == {"audio": audio, "session_id": session_id}


def test_monitoring_stands_behind_its_doubled_prefix(process):
    status = body_of(ask(process, "/api/v1/api/monitoring/status"))
    assert status == {
        "sentry_enabled": False,
        "alert_thresholds_count": 4,
        "active_alerts_count": 0,
        "last_evaluation": "2026-11-24T03:34:19",
        "active_alerts": [],
    }


def test_alerts_are_raised_again_each_minute_and_read_as_rose_writes_them(process):
    speak(process, Switches(Mode.VENDOR_FAILING, vendor=Vendor.GROQ))
    later = NIGHT + timedelta(minutes=3)
    status = body_of(ask(process, "/api/v1/api/monitoring/status", at=later))
    names = [alert["name"] for alert in status["active_alerts"]]
    assert names == ["high_error_rate", "slow_response_time"] * 3
    assert status["last_evaluation"] == "2026-11-24T03:37:19"
    history = body_of(ask(process, "/api/v1/api/monitoring/alerts", query="hours=1", at=later))
    # One failed call is counted as a failure of the vendor, of voice, and again as an error: 3 of 2.
    assert history[0]["metric_value"] == 150.0
    assert (history[0]["severity"], history[1]["severity"]) == ("critical", "warning")
    assert history[0]["timestamp"] == "2026-11-24T03:35:19"


def test_asking_for_an_evaluation_adds_alerts(process):
    speak(process, Switches(Mode.VENDOR_FAILING, vendor=Vendor.GROQ))
    raised = body_of(ask(process, "/api/v1/api/monitoring/evaluate", "POST"))
    assert (raised["evaluated"], raised["triggered_alerts_count"]) == (True, 2)
    assert set(raised["triggered_alerts"][0]) == {"name", "severity", "message"}
    assert len(process.alerts) == 2


@pytest.mark.parametrize(("hours", "status"), [("0", 400), ("1", 200), ("168", 200), ("169", 400), ("x", 422)])
def test_alerts_are_asked_for_by_hours_within_a_week(process, hours, status):
    assert ask(process, "/api/v1/api/monitoring/alerts", query=f"hours={hours}").status == status


def test_a_year_of_alerts_takes_no_more_room_than_a_day(process):
    speak(process, Switches(Mode.VENDOR_FAILING, vendor=Vendor.GROQ))
    for day in range(365):
        ask(process, "/api/health", at=NIGHT + timedelta(days=day))
    assert len(process.alerts) <= MOST_ALERTS
    assert (
        body_of(ask(process, "/api/v1/api/monitoring/status", at=NIGHT + timedelta(days=364)))["active_alerts_count"]
        <= 2 * 60
    )


def test_a_slow_rose_answers_rightly_and_late_and_says_so_in_her_figures(process):
    reply = ask(process, "/api/health", switches=Switches(Mode.SLOW, seconds=12))
    assert (reply.status, reply.delay_s) == (200, pytest.approx(12.08))
    slowest = body_of(ask(process, "/api/v1/metrics"))["histograms"]["health_check_duration_ms"]["max"]
    assert slowest == pytest.approx(12080)


def test_down_hanging_and_the_edge_say_nothing_of_roses(process):
    assert ask(process, "/api/health", switches=Switches(Mode.DOWN)).drop
    assert ask(process, "/api/health", switches=Switches(Mode.HANGING)).delay_s == NEVER
    edge = ask(process, "/api/health", switches=Switches(Mode.EDGE_ERROR))
    assert edge.status == 503
    assert "x-request-id" not in dict(edge.headers)


@pytest.mark.parametrize("switches", ALL_MODES, ids=lambda switches: switches.mode.value)
def test_every_mode_has_an_answer_to_every_kind_of_call(process, switches):
    assert {each.mode for each in ALL_MODES} == set(Mode)
    for path in ("/", "/api/health", "/api/nope"):
        for method in ("GET", "HEAD", "POST"):
            reply = ask(process, path, method, switches)
            assert reply.drop or reply.delay_s == NEVER or 200 <= reply.status < 600


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mode": Mode.DEGRADED}, "components"),
        ({"mode": Mode.DOWN, "components": frozenset({Component.GROQ})}, "components"),
        ({"mode": Mode.VENDOR_FAILING}, "vendor"),
        ({"vendor": Vendor.GROQ}, "vendor"),
        ({"mode": Mode.SLOW}, "seconds"),
        ({"mode": Mode.SLOW, "seconds": 121.0}, "seconds"),
        ({"mode": Mode.SLOW, "seconds": float("nan")}, "seconds"),
        ({"seconds": 3.0}, "seconds"),
    ],
)
def test_switches_that_do_not_go_together_are_refused_by_field(wrong, field):
    with pytest.raises(UnfitSwitches) as refused:
        Switches(**wrong)
    assert refused.value.field == field
