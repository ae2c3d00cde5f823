"""How Rose answers, healthy or broken: the guarded service's wire behaviour as a function of what is switched.

It behaves like the version of Rose that has both `/api/health` and `/api/v1/health`, with metrics, monitoring and a
built frontend, so that the traps of the real thing are here too: degraded is still 200, Groq and ElevenLabs read
connected whatever happens to them, and an unknown path answers 200 with a body that is not what was asked for.
"""

import hashlib
import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qs

from tocsin.kit.errors import Invalid
from tocsin.rehearsal.process import Alert, Process


class Mode(StrEnum):
    HEALTHY = "healthy"
    DOWN = "down"
    EDGE_ERROR = "edge_error"
    HANGING = "hanging"
    DEGRADED = "degraded"
    VENDOR_FAILING = "vendor_failing"
    WRONG_BODY = "wrong_body"
    RATE_LIMITED = "rate_limited"
    SLOW = "slow"


class Component(StrEnum):
    """The four services that Rose's health names, in the order in which it names them."""

    GROQ = "groq"
    QDRANT = "qdrant"
    ELEVENLABS = "elevenlabs"
    SQLITE = "sqlite"


class Vendor(StrEnum):
    """Vendors that can fail while health stays green, because health never calls them."""

    GROQ = "groq"
    ELEVENLABS = "elevenlabs"


MOST_SECONDS = 120.0


class UnfitSwitches(Invalid):
    """These switches do not go together."""


@dataclass(frozen=True)
class Switches:
    """What is broken. One thing at a time, so that a page about it has one cause."""

    mode: Mode = Mode.HEALTHY
    components: frozenset[Component] = frozenset()
    vendor: Vendor | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if (self.mode is Mode.DEGRADED) != bool(self.components):
            raise UnfitSwitches("Name the disconnected components, with mode degraded and no other", field="components")
        if (self.mode is Mode.VENDOR_FAILING) != (self.vendor is not None):
            raise UnfitSwitches("Name the failing vendor, with mode vendor_failing and no other", field="vendor")
        if self.mode is not Mode.SLOW and self.seconds:
            raise UnfitSwitches("Seconds go with mode slow and no other", field="seconds")
        if self.mode is Mode.SLOW and not 0 < self.seconds <= MOST_SECONDS:
            raise UnfitSwitches(f"Seconds must be above 0 and at most {MOST_SECONDS:g}", field="seconds")

    def out(self, component: Component) -> bool:
        return component in self.components

    def fails(self, vendor: Vendor) -> bool:
        """Whether calls to the vendor fail: it is broken, or Rose cannot even build its client."""
        return self.vendor is vendor or Component(vendor) in self.components


@dataclass(frozen=True)
class Call:
    """One request as Rose received it. Whoever listens makes the request id; it is where all other ids come from."""

    method: str
    path: str
    at: datetime
    request_id: str
    client: str = "127.0.0.1"
    query: str = ""
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What goes back, after `delay_s`. With `drop` or a delay of `NEVER` nothing does."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_s: float = 0.0
    drop: bool = False


NEVER = math.inf
DROPPED = Answer(status=0, drop=True)
SILENT = Answer(status=0, delay_s=NEVER)
EDGE_ERROR = Answer(503, (("content-type", "text/plain; charset=utf-8"),), b"503 Service Unavailable\n")
WITHOUT_ROSE = {Mode.DOWN: DROPPED, Mode.HANGING: SILENT, Mode.EDGE_ERROR: EDGE_ERROR}

MOST_BODY = 10 * 1024 * 1024
ALERTS_WITHIN_HOURS = range(1, 169)
TRIES = 3  # Rose asks a vendor three times before it gives up
FRONTEND = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Rose</title></head>'
    b'<body><div id="root"></div></body></html>'
)
SILENT_MP3 = (b"\xff\xfb\x90\x00" + bytes(413)) * 40  # forty empty MPEG frames: one second of silence

# How long things take in a Rose that is well, in seconds.
HEALTH_S, PLAIN_S, LISTEN_S, THINK_S, SPEAK_S = 0.08, 0.01, 0.2, 0.4, 0.2
VENDOR_REFUSED_S, BREAKER_OPEN_S, QDRANT_REFUSED_S = 3.0, 0.01, 0.15


def answer(switches: Switches, call: Call, process: Process) -> Answer:
    """What Rose answers to a call. Moves the process's counters, limits and breakers as the real one would."""
    if switches.mode in WITHOUT_ROSE:
        return WITHOUT_ROSE[switches.mode]
    process.catch_up(call.at)
    reply = _route(switches, call, process)
    headers = (*reply.headers, ("x-request-id", call.request_id))
    if call.path.startswith("/api/"):
        headers = (*headers, ("cache-control", "no-cache, no-store, must-revalidate"))
    return Answer(reply.status, headers, reply.body, reply.delay_s + switches.seconds)


def _route(switches: Switches, call: Call, process: Process) -> Answer:
    if len(call.body) > MOST_BODY:
        return _too_large()
    endpoint = _endpoint(switches, call)
    if endpoint is None:
        return _elsewhere(call)
    if endpoint.per_minute:
        over = process.over_limit(call.client, call.path, endpoint.per_minute, call.at)
        if over or switches.mode is Mode.RATE_LIMITED:
            return _json(429, {"error": f"Rate limit exceeded: {endpoint.per_minute} per 1 minute"})
    return endpoint.act(switches, call, process)


def _elsewhere(call: Call) -> Answer:
    """The frontend's catch-all: every other GET is a 200, whatever was asked for."""
    if call.method != "GET":
        allowed = [method for method, path in ENDPOINTS if path == call.path] or ["GET"]
        refusal = _json(405, {"detail": "Method Not Allowed"})
        return Answer(405, (*refusal.headers, ("allow", allowed[0])), refusal.body)
    if call.path.startswith("/api/"):
        return _json(200, {"detail": "Not found"})
    return Answer(200, (("content-type", "text/html; charset=utf-8"),), FRONTEND, PLAIN_S)


def _json(status: int, body: object, delay_s: float = PLAIN_S) -> Answer:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Answer(status, (("content-type", "application/json"),), text.encode(), delay_s)


def _too_large() -> Answer:
    message = "Request body too large. Maximum size is 10.0MB"
    return _json(413, {"error": "request_too_large", "message": message, "max_size_bytes": MOST_BODY})


def _health(switches: Switches, call: Call, process: Process) -> Answer:
    services = {c.value: "disconnected" if switches.out(c) else "connected" for c in Component}
    delay = QDRANT_REFUSED_S if switches.out(Component.QDRANT) else HEALTH_S
    process.track("health_check", True, delay + switches.seconds)
    # Degraded is still 200: no check that looks only at the code ever sees it.
    status = "degraded" if switches.components else "healthy"
    return _json(200, {"status": status, "version": "1.0.0", "services": services}, delay)


def _metrics(switches: Switches, call: Call, process: Process) -> Answer:
    histograms = {name: histogram.figures() for name, histogram in process.histograms.items()}
    body = {"counters": process.counters, "gauges": {}, "histograms": histograms, "timestamp": _naive(call.at)}
    return _json(200, body)


def _naive(instant: datetime) -> str:
    """Rose writes UTC without saying so: no offset, no Z."""
    return instant.replace(tzinfo=None).isoformat()


def _monitoring_status(switches: Switches, call: Call, process: Process) -> Answer:
    active = process.active_alerts(call.at)
    body = {
        "sentry_enabled": False,
        "alert_thresholds_count": 4,
        "active_alerts_count": len(active),
        "last_evaluation": _naive(process.evaluated_at),
        "active_alerts": [{**_named(alert), "timestamp": _naive(alert.at)} for alert in active],
    }
    return _json(200, body)


def _named(alert: Alert) -> dict[str, str]:
    return {"name": alert.name, "severity": alert.severity, "message": alert.message}


def _alerts(switches: Switches, call: Call, process: Process) -> Answer:
    asked = parse_qs(call.query).get("hours", ["24"])[-1]
    try:
        hours = int(asked)
    except ValueError:
        return _json(422, {"detail": [{"type": "int_parsing", "loc": ["query", "hours"], "input": asked}]})
    if hours not in ALERTS_WITHIN_HOURS:
        return _json(400, {"detail": "Hours must be between 1 and 168"})
    since = call.at - timedelta(hours=hours)
    return _json(200, [_in_full(alert) for alert in process.alerts_since(since)])


def _in_full(alert: Alert) -> dict[str, object]:
    figures = {"metric_value": alert.value, "threshold": alert.threshold}
    return {**_named(alert), **figures, "timestamp": _naive(alert.at)}


def _evaluate(switches: Switches, call: Call, process: Process) -> Answer:
    raised = process.evaluate(call.at)
    triggered = [_named(alert) for alert in raised]
    return _json(200, {"evaluated": True, "triggered_alerts_count": len(raised), "triggered_alerts": triggered})


def _session_start(switches: Switches, call: Call, process: Process) -> Answer:
    process.count("sessions_started")
    process.track("session_start", True, PLAIN_S + switches.seconds)
    return _json(200, {"session_id": _uuid(call, "session"), "message": "The session is open."})


def _uuid(call: Call, purpose: str) -> str:
    """An id in the shape of a random UUID that follows from the request id alone."""
    digest = hashlib.sha256(f"{call.request_id}:{purpose}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _voice(switches: Switches, call: Call, process: Process) -> Answer:
    parts = form_parts(call.content_type, call.body)
    missing = [name for name in ("audio", "session_id") if name not in parts]
    if missing:
        return _json(422, {"detail": [_field_missing(name) for name in missing]})
    if switches.out(Component.SQLITE):
        # The conversation store is opened before the call is counted, so this failure is in no counter.
        return _error(call, 500, "internal_server_error", "Something failed that nobody expected.", PLAIN_S)
    reply = _converse(switches, call, process, parts["audio"], parts["session_id"].decode(errors="replace"))
    process.track("voice_processing", reply.status < 400, reply.delay_s + switches.seconds)
    return reply


def _field_missing(name: str) -> dict[str, object]:
    return {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None}


def _converse(switches: Switches, call: Call, process: Process, audio: bytes, session_id: str) -> Answer:
    if not audio:
        process.count("errors_total")
        return _json(400, {"detail": "There was no sound in the recording."})
    process.count("voice_requests_total")
    process.measure("voice_audio_size_bytes", float(len(audio)))
    heard = _ask_vendor(switches, call, process, Vendor.GROQ)
    if not heard.ok:
        return _error(call, 503, "speech_to_text_failed", "Rose could not hear that.", heard.seconds)
    process.count("workflow_executions_success")
    process.measure("workflow_duration_ms", (THINK_S + switches.seconds) * 1000)
    spoken = _ask_vendor(switches, call, process, Vendor.ELEVENLABS)
    took = heard.seconds + THINK_S + spoken.seconds
    if not spoken.ok:
        return _error(call, 503, "text_to_speech_failed", "Rose has lost her voice.", took)
    clip = _uuid(call, "clip")
    process.clips.append(clip)
    body = {"text": "I am listening.", "audio_url": f"/api/v1/voice/audio/{clip}", "session_id": session_id}
    return _json(200, body, took)


@dataclass(frozen=True)
class _Asked:
    ok: bool
    seconds: float


VENDOR_CALLS = {
    Vendor.GROQ: ("GroqAPI", "groq_stt", LISTEN_S),
    Vendor.ELEVENLABS: ("ElevenLabsAPI", "elevenlabs_tts", SPEAK_S),
}


def _ask_vendor(switches: Switches, call: Call, process: Process, vendor: Vendor) -> _Asked:
    """Call a vendor through its breaker, which keeps refusing for a while after the vendor is well again."""
    name, counted_as, seconds = VENDOR_CALLS[vendor]
    breaker = process.breaker(name)
    if breaker.blocks(call.at):
        asked = _Asked(False, BREAKER_OPEN_S)
    elif switches.fails(vendor):
        breaker.fail(TRIES, call.at)
        asked = _Asked(False, VENDOR_REFUSED_S)
    else:
        breaker.succeed()
        asked = _Asked(True, seconds)
    process.vendor_call(counted_as, asked.ok, asked.seconds + switches.seconds)
    if not asked.ok:
        process.count("errors_total")
    return asked


def _error(call: Call, status: int, error: str, message: str, delay_s: float) -> Answer:
    body = {"error": error, "message": message, "request_id": call.request_id, "details": None}
    return _json(status, body, delay_s)


def form_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The named parts of a multipart form; empty when it is not one."""
    kind, _, parameters = content_type.partition(";")
    _, _, boundary = parameters.partition("boundary=")
    boundary = boundary.partition(";")[0].strip().strip('"')
    if kind.strip().lower() != "multipart/form-data" or not boundary:
        return {}
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]
    return dict(_part(section) for section in sections)


def _part(section: bytes) -> tuple[str, bytes]:
    head, _, content = section.partition(b"\r\n\r\n")
    _, _, name = head.partition(b' name="')
    return name.partition(b'"')[0].decode(errors="replace"), content


Act = Callable[[Switches, Call, Process], Answer]


@dataclass(frozen=True)
class Endpoint:
    act: Act
    per_minute: int | None = None


def _endpoints() -> dict[tuple[str, str], Endpoint]:
    found = {}
    for prefix in ("/api", "/api/v1"):
        found["GET", f"{prefix}/health"] = Endpoint(_health, per_minute=60)
        found["GET", f"{prefix}/metrics"] = Endpoint(_metrics, per_minute=60)
        found["POST", f"{prefix}/session/start"] = Endpoint(_session_start, per_minute=10)
        found["POST", f"{prefix}/voice/process"] = Endpoint(_voice, per_minute=10)
        # The monitoring routes carry their prefix twice. The address one would expect is the trap.
        found["GET", f"{prefix}/api/monitoring/status"] = Endpoint(_monitoring_status)
        found["GET", f"{prefix}/api/monitoring/metrics"] = Endpoint(_metrics)
        found["GET", f"{prefix}/api/monitoring/alerts"] = Endpoint(_alerts)
        found["POST", f"{prefix}/api/monitoring/evaluate"] = Endpoint(_evaluate)
    return found


ENDPOINTS = _endpoints()


CLIPS = ("/api/voice/audio/", "/api/v1/voice/audio/")


def _endpoint(switches: Switches, call: Call) -> Endpoint | None:
    if switches.mode is Mode.WRONG_BODY and call.path.endswith("/health"):
        return None
    if call.method == "GET" and call.path.startswith(CLIPS):
        return Endpoint(_clip)
    return ENDPOINTS.get((call.method, call.path))


def _clip(switches: Switches, call: Call, process: Process) -> Answer:
    if call.path.rpartition("/")[2] not in process.clips:
        return _json(404, {"detail": "That audio has expired or never existed."})
    return Answer(200, (("content-type", "audio/mpeg"),), SILENT_MP3, PLAIN_S)
