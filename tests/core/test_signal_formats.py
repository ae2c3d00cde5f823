"""What senders really send, what they send by mistake, and what no format may do: raise anything but `Unreadable`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.signals import alertmanager, formats, pagerduty
from tocsin.signals.model import Arrival, State, Trigger

PAYLOADS = Path(__file__).parents[1] / "support" / "payloads"
ROUTING_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def new_key() -> str:
    return "a new key"


def page(body: bytes) -> pagerduty.PagerDutyEvent:
    return pagerduty.read(body, new_key)


def event(**changes: Any) -> pagerduty.PagerDutyEvent:
    """A plain trigger with some of its fields changed; a field set to None is left out."""
    plain = {"summary": "Checkout is down", "source": "shop", "severity": "error"}
    sent = {"routing_key": ROUTING_KEY, "event_action": "trigger", "dedup_key": "shop/down", "payload": plain} | changes
    return page(json.dumps({name: value for name, value in sent.items() if value is not None}).encode())


def trigger(**changes: Any) -> Arrival:
    plain = {"summary": "Checkout is down", "source": "shop", "severity": "error"}
    return event(payload=plain | changes).arrival


def generic(**fields: Any) -> Arrival:
    (arrival,) = formats.generic(json.dumps(fields).encode())
    return arrival


def problems(read: Callable[[bytes], Any], body: Any) -> list[str]:
    with pytest.raises(formats.Unreadable) as caught:
        read(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert caught.value.message == "; ".join(caught.value.problems)
    return caught.value.problems


# Our own JSON


def test_our_own_json_is_read_field_by_field() -> None:
    voice, queue, silence = formats.generic(payload("generic"))
    assert voice == Arrival(
        source="generic",
        key="rose/voice",
        title="Voice replies fail",
        trigger=Trigger.HEALTH_CHECK,
        severity="critical",
        labels={"service": "rose", "attempt": "3", "canary": "false", "rate": "0.14"},
        details={"calls": {"ok": 86, "bad": 14}},
        link="https://graphs.example.org/d/7",
        started_at=datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
    )
    assert (queue.key, queue.state) == ("rose/queue", State.RESOLVED)
    assert (silence.state, silence.trigger, silence.severity) == (State.FIRING, Trigger.USER_REPORT, None)
    assert (silence.labels, silence.details, silence.link, silence.started_at) == ({}, {}, None, None)


def test_one_object_needs_no_array_and_an_empty_array_is_no_signal() -> None:
    assert generic(title="  checkout is down ").title == "checkout is down"
    assert formats.generic(b"[]") == []


def test_a_missing_key_is_derived_from_title_and_labels_only() -> None:
    first = generic(title="down", labels={"a": "1", "b": "2"}, severity="high")
    again = generic(title="down", labels={"b": 2, "a": 1}, details={"n": 1})
    others = [
        generic(title="down"),
        generic(title="up", labels={"a": "1", "b": "2"}),
        generic(title="down a", labels={}),
    ]
    assert first.key == again.key
    assert len(first.key) == 32
    assert first.key not in {other.key for other in others}


@pytest.mark.parametrize(
    ("sent", "place", "advice"),
    [
        ({}, "$.title", "missing"),
        ({"title": " "}, "$.title", "write a line of text"),
        ({"title": "t", "key": "k" * 256}, "$.key", "up to 255 characters"),
        ({"title": "t", "state": "open"}, "$.state", "firing, acknowledged or resolved"),
        ({"title": "t", "state": "resolved"}, "$.key", "send the key that it fired with"),
        ({"title": "t", "state": "acknowledged", "key": None}, "$.key", "send the key that it fired with"),
        ({"title": "t", "severity": 1}, "$.severity", "write it as text"),
        ({"title": "t", "severty": "high"}, "$.severty", "did you mean severity?"),
        ({"title": "t", "zzz": 1}, "$.zzz", "leave it out"),
        ({"title": "t", "labels": ["team"]}, "$.labels", "write an object"),
        ({"title": "t", "labels": {"team": ["a"]}}, "$.labels.team", "write text, a number"),
        ({"title": "t", "details": "x"}, "$.details", "write an object"),
        ({"title": "t", "link": "javascript:alert(1)"}, "$.link", "http or https address"),
        ({"title": "t", "started_at": "9am"}, "$.started_at", "2026-11-24T03:34:19Z"),
        ({"title": "t", "started_at": "2026-11-24T03:34:19"}, "$.started_at", "2026-11-24T03:34:19Z"),
        ({"title": "t", "trigger": "hunch"}, "$.trigger", "observation"),
        ("down", "$", "write an object such as"),
        ([{"title": "t"}, 7], "$[1]", "write an object such as"),
    ],
)
def test_a_mistake_in_our_own_json_is_named_by_its_place(sent: Any, place: str, advice: str) -> None:
    (problem,) = problems(formats.generic, sent)
    assert problem.startswith(f"{place}: ")
    assert advice in problem


def test_all_mistakes_are_listed_at_once() -> None:
    sent = [{"title": "t"}, {"titel": "t"}, {"title": "t", "labels": {"team": None}}, {"title": "", "link": "x"}]
    places = [problem.split(": ")[0] for problem in problems(formats.generic, sent)]
    assert places == ["$[1].titel", "$[1].title", "$[2].labels.team", "$[3].title", "$[3].link"]


def test_a_thousand_signals_are_read_and_one_more_is_refused() -> None:
    assert len(formats.generic(json.dumps([{"title": "t"}] * 1000).encode())) == 1000
    assert problems(formats.generic, [{"title": "t"}] * 1001) == [
        "$: 1001 signals are more than 1000; send them in several requests"
    ]
    assert len(problems(formats.generic, [{}] * 1000)) == formats.PROBLEMS_MOST


def test_what_is_too_long_is_cut_with_a_warning() -> None:
    arrival = generic(title="t" * 1025, labels={"big": "v" * 1025, **{f"l{n}": "v" for n in range(70)}})
    assert arrival.title == "t" * 1023 + "…"
    assert (len(arrival.labels), arrival.labels["big"]) == (64, "v" * 1023 + "…")
    assert [warning.split(":")[0] for warning in arrival.warnings] == ["labels.big", "labels", "title"]


def test_details_are_kept_up_to_64_kilobytes_and_32_levels() -> None:
    most = {"blob": "x" * (64 * 1024 - len('{"blob":""}'))}
    assert generic(title="t", details=most).details == most
    too_large = generic(title="t", details=most | {"n": 1})
    assert list(too_large.details) == ["note"]
    assert too_large.warnings == (f"details: left out; {64 * 1024 + 6} bytes are more than the 65536 that are kept",)
    assert generic(title="t", details=nested(31)).details == nested(31)
    assert list(generic(title="t", details=nested(32)).details) == ["note"]


def nested(levels: int) -> dict[str, Any]:
    inner: Any = []
    for _ in range(levels - 1):
        inner = [inner]
    return {"deep": inner}


def test_an_instant_that_nobody_meant_is_left_out() -> None:
    for stamp in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z"):
        arrival = generic(title="t", started_at=stamp)
        assert arrival.started_at is None
        assert arrival.warnings[0].startswith("started_at: left out")


# Text that databases refuse

REPLACED = ("$: characters or numbers that cannot be stored were replaced",)


def test_nul_and_lone_surrogates_never_get_through() -> None:
    body = b'{"key":"k\\u0000","title":"a\\ud800b","labels":{"n\\u0000":"\\udc00"},"details":{"d\\u0000":["\\u0000x"]}}'
    (arrival,) = formats.generic(body)
    assert (arrival.key, arrival.title) == ("k", "a\ufffdb")
    assert (arrival.labels, arrival.details) == ({"n": "\ufffd"}, {"d": ["x"]})
    assert arrival.warnings == REPLACED


@pytest.mark.parametrize(
    ("body", "title", "warnings"),
    [
        (b'{"title":"\\ud83d\\udd14"}', "\N{BELL}", ()),
        (b'{"title":"\\\\u0000"}', "\\u0000", ()),
        (b'{"title":"a\xff"}', "a\ufffd", REPLACED),
        (b'{"title":"a\x00b"}', "ab", REPLACED),
        (b'{"title":"two\nlines"}', "two lines", ()),
        (b'\xef\xbb\xbf{"title":"marked"}', "marked", ()),
        (b'{"title":"t","details":{"n":NaN}}', "t", REPLACED),
        (b'{"title":"t","details":{"n":1e999}}', "t", REPLACED),
    ],
)
def test_flawed_json_is_mended_and_only_a_loss_is_warned_of(body: bytes, title: str, warnings: tuple[str, ...]) -> None:
    (arrival,) = formats.generic(body)
    assert (arrival.title, arrival.warnings) == (title, warnings)


def test_a_title_of_nothing_but_nul_is_no_title() -> None:
    assert problems(formats.generic, b'{"title":"\\u0000"}')[0].startswith("$.title: ")
    assert problems(page, b'{"routing_key":"r","event_action":"trigger","payload":{"summary":"\\u0000"}}')


# Alertmanager


@pytest.mark.tries("alertmanager", "documentation", "fires", "ends")
def test_each_alert_of_a_group_is_an_arrival_of_its_own() -> None:
    voice, queue = alertmanager.read(payload("alertmanager_firing"))
    group = {"groupKey": '{}:{service="rose"}', "receiver": "tocsin", "externalURL": "https://am.example.org"}
    assert voice == Arrival(
        source="alertmanager",
        key="9c1e7a40b2d35f68",
        title="14% of voice replies fail",
        severity="critical",
        labels={
            "alertname": "VoiceErrors",
            "component": "voice",
            "severity": "critical",
            "service": "rose",
            "region": "eu",
        },
        details=group
        | {
            "annotations": {
                "summary": "14% of voice replies fail",
                "runbook_url": "https://docs.example.org/voice",
            }
        },
        link="https://prom.example.org/graph?g0.expr=voice",
        started_at=datetime(2026, 9, 21, 14, 12, 0, 123456, tzinfo=UTC),
        warnings=("truncatedAlerts: 3 more of this group were not sent",),
    )
    assert (queue.state, queue.title, queue.key) == (State.RESOLVED, "212 jobs wait", "51d0a6e3f7724b9c")
    assert queue.details["endsAt"] == "2026-09-21T14:11:30Z"
    assert queue.link == "https://am.example.org"


def test_an_old_alertmanager_without_fingerprints_keeps_one_key_per_label_set() -> None:
    (resolved,) = alertmanager.read(payload("alertmanager_old"))
    (firing,) = alertmanager.read(payload("alertmanager_old").replace(b"resolved", b"firing"))
    (other,) = alertmanager.read(payload("alertmanager_old").replace(b"db-1", b"db-2"))
    assert (resolved.state, firing.state) == (State.RESOLVED, State.FIRING)
    assert resolved.key == firing.key != other.key
    assert (resolved.title, resolved.severity, resolved.warnings) == ("DiskFull", None, ())
    assert resolved.started_at == datetime(2019, 3, 2, 7, tzinfo=UTC)


def test_an_alert_is_read_even_if_everything_about_it_is_odd() -> None:
    labels = {f"a{n:03}": "v" for n in range(100)} | {"severity": "page", "alertname": "X", "odd": None}
    alert: dict[str, Any] = {
        "status": "weird",
        "labels": labels,
        "annotations": None,
        "startsAt": 7,
        "fingerprint": "f" * 300,
        "new": [],
    }
    (arrival,) = alertmanager.read(json.dumps({"alerts": [alert], "version": "9", "commonLabels": 3}).encode())
    assert (arrival.state, arrival.title, arrival.severity) == (State.FIRING, "X", "page")
    assert (len(arrival.labels), len(arrival.key), arrival.started_at) == (64, 255, None)
    places = {warning.split(":")[0] for warning in arrival.warnings}
    assert places == {"version", "labels", "key", "status"}


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({}, "$"),
        ([], "$"),
        ({"alerts": None}, "$.alerts"),
        ({"alerts": [3]}, "$.alerts[0]"),
        ({"alerts": [{}, {"labels": "x"}]}, "$.alerts[1].labels"),
    ],
)
def test_a_body_without_readable_alerts_is_refused_by_its_place(sent: Any, place: str) -> None:
    (problem,) = problems(alertmanager.read, sent)
    assert problem.startswith(f"{place}: ")
    assert "Alertmanager's own webhook" in problem


# PagerDuty


@pytest.mark.tries("pagerduty-senders", "documentation", "fires")
def test_a_pagerduty_trigger_is_read_field_by_field() -> None:
    read = page(payload("pagerduty_trigger"))
    assert read.routing_key == ROUTING_KEY
    assert read.arrival == Arrival(
        source="pagerduty",
        key="rose/voice/5xx",
        title="Voice replies failing for 14% of calls",
        severity="critical",
        labels={
            "source": "rose-prod",
            "component": "voice",
            "class": "http",
            "severity": "critical",
            "client": "Synthetic probe",
        },
        details={
            "rate": "0.14",
            "calls": {"ok": 86, "bad": 14},
            "links": [{"href": "https://graphs.example.org/d/7", "text": "Graph"}],
        },
        link="https://graphs.example.org/d/7",
        started_at=datetime(2026, 9, 21, 14, 13, 20, 315000, tzinfo=UTC),
        warnings=(
            "links: 1 of 2 left out; they have no web address",
            "images: 1 of 1 left out; they have no web address",
        ),
    )


def test_a_payload_on_resolve_is_tolerated() -> None:
    arrival = page(payload("pagerduty_from_alertmanager_resolve")).arrival
    assert (arrival.state, arrival.title) == (State.RESOLVED, "[RESOLVED] VoiceErrors (rose)")
    assert arrival.link == "https://am.example.org/#/alerts?receiver=tocsin"
    assert event(event_action="resolve", payload="nonsense").arrival.title == "shop/down"


def test_an_acknowledgement_needs_no_payload() -> None:
    arrival = event(event_action="acknowledge", payload=None).arrival
    assert (arrival.state, arrival.key, arrival.severity) == (State.ACKNOWLEDGED, "shop/down", None)
    assert arrival.warnings == ()


def test_an_unknown_severity_becomes_error_and_the_label_keeps_the_word() -> None:
    arrival = trigger(severity="page-me")
    assert (arrival.severity, arrival.labels["severity"]) == ("error", "page-me")
    assert arrival.warnings == ('payload.severity: "page-me" is not critical, error, warning or info; taken as error',)
    assert (trigger(severity="CRITICAL").severity, trigger(severity="CRITICAL").warnings) == ("critical", ())
    assert trigger(severity=None).severity == "error"


@pytest.mark.parametrize("stamp", ["yesterday", "0001-01-01T00:00:00Z", 1790000000, "2026-09-21T14:13:60Z"])
def test_a_bad_timestamp_costs_a_warning_and_no_page(stamp: Any) -> None:
    arrival = trigger(timestamp=stamp)
    assert arrival.started_at is None
    assert arrival.warnings[0].startswith("payload.timestamp: left out")


@pytest.mark.parametrize("stamp", ["2026-09-21T14:13:20Z", "2026-09-21T16:13:20+0200", "2026-09-21T14:13:20"])
def test_timestamps_come_in_several_spellings(stamp: str) -> None:
    assert trigger(timestamp=stamp).started_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_other_flaws_of_a_trigger_cost_a_warning_each() -> None:
    arrival = trigger(summary="s" * 2000, source=None, custom_details="plain", component=["a"])
    assert (len(arrival.title), arrival.details) == (1024, {"text": "plain"})
    assert [warning.split(":")[0] for warning in arrival.warnings] == [
        "title",
        "payload.source",
        "labels.component",
        "payload.custom_details",
    ]


def test_links_that_could_run_script_are_dropped() -> None:
    script = {"href": "javascript:alert(1)", "src": "https://img.example.org/a.png"}
    arrival = event(links=[script], images=[script], client_url="javascript:alert(1)").arrival
    assert arrival.link is None
    assert arrival.details == {"images": [{"src": "https://img.example.org/a.png"}]}


def test_a_trigger_without_dedup_key_gets_a_new_one() -> None:
    assert event(dedup_key=None).arrival.key == "a new key"
    assert event(dedup_key="").arrival.key == "a new key"
    assert event(dedup_key=42).arrival.key == "42"


def test_an_over_long_dedup_key_stays_the_same_key_each_time() -> None:
    opened, closed = event(dedup_key="k" * 300), event(dedup_key="k" * 300, event_action="resolve")
    assert opened.arrival.key == closed.arrival.key != event(dedup_key="k" * 301).arrival.key
    assert len(opened.arrival.key) == 255
    assert opened.arrival.warnings[0].startswith("key: ")


def test_all_faults_of_an_event_are_listed_as_strings() -> None:
    found = problems(page, {"event_action": "trigger", "payload": {"summary": " "}})
    assert [fault.split(" ")[0] for fault in found] == ["'routing_key'", "'payload.summary'"]
    found = problems(page, {"routing_key": "r", "event_action": ["x"]})
    assert found == ["'event_action' is an array; it must be trigger, acknowledge or resolve"]
    found = problems(page, {"routing_key": "r", "event_action": "resolve"})
    assert [fault.split(" ")[0] for fault in found] == ["'dedup_key'"]


@pytest.mark.parametrize("body", [b"", b"not json", b'{"routing_key":', b"[]", b"3", b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_object_is_told_apart_from_a_faulty_event(body: bytes) -> None:
    with pytest.raises(formats.NotJson):
        page(body)


def test_the_replies_are_what_clients_decode() -> None:
    assert json.loads(pagerduty.accepted("rose/voice/5xx")) == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": "rose/voice/5xx",
    }
    refused = json.loads(pagerduty.invalid(["'routing_key' is missing"]))
    assert (refused["status"], refused["errors"]) == ("invalid event", ["'routing_key' is missing"])
    assert json.loads(pagerduty.unrecognised())["errors"] == ["JSON parse error"]


# Whatever the bytes

READERS: list[Callable[[bytes], list[Arrival]]] = [
    formats.generic,
    alertmanager.read,
    lambda body: [page(body).arrival],
]
# The same examples on every run, however slow the machine is.
steadily = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def likely(*names: str) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=len(names))


ALERTS = likely("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")
SIGNALS = likely("title", "key", "state", "severity", "labels", "details", "link", "started_at", "trigger", "titel")
EVENTS = st.fixed_dictionaries(
    {"routing_key": TEXT, "event_action": st.sampled_from(["trigger", "resolve"]), "dedup_key": ANYTHING},
    optional={
        "payload": likely("summary", "source", "severity", "timestamp", "component", "custom_details"),
        **dict.fromkeys(("client", "client_url", "links", "images"), ANYTHING),
    },
)
GROUPS = st.fixed_dictionaries(
    {"alerts": st.lists(ALERTS, max_size=3)},
    optional=dict.fromkeys(("version", "status", "commonLabels", "groupKey", "truncatedAlerts"), ANYTHING),
)


def check(read: Callable[[bytes], list[Arrival]], body: bytes) -> None:
    """Either the body is refused with problems in plain text, or everything read from it can be stored."""
    try:
        arrivals, refused = read(body), ["none"]
    except formats.Unreadable as error:
        arrivals, refused = [], error.problems
    assert refused
    assert storable(refused)
    for arrival in arrivals:
        assert storable([arrival.key, arrival.title, arrival.severity, arrival.link, arrival.labels])
        assert storable([arrival.details, arrival.warnings])
        assert 0 < len(arrival.key) <= formats.KEY_MOST
        assert 0 < len(arrival.title) <= formats.TEXT_MOST


def storable(value: Any) -> bool:
    """True if PostgreSQL takes it as JSON: finite numbers, no NUL, no half of a surrogate pair."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return bool(written.encode()) and "\\u0000" not in written.replace("\\\\", "")


@pytest.mark.parametrize("read", READERS, ids=["generic", "alertmanager", "pagerduty"])
@steadily
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_by_name(read: Callable[[bytes], list[Arrival]], body: bytes) -> None:
    check(read, body)


@pytest.mark.parametrize("read", READERS, ids=["generic", "alertmanager", "pagerduty"])
@steadily
@given(sent=ANYTHING | SIGNALS | st.lists(SIGNALS, max_size=3) | EVENTS | GROUPS)
def test_arbitrary_json_is_read_or_refused_by_name(read: Callable[[bytes], list[Arrival]], sent: Any) -> None:
    check(read, json.dumps(sent).encode())


@pytest.mark.parametrize("read", READERS, ids=["generic", "alertmanager", "pagerduty"])
@pytest.mark.parametrize(
    "around",
    [
        '{"title":"t","details":{"x":%s}}',
        '{"title":"t","labels":{"x":%s}}',
        '{"title":"t","bad":%s}',
        '{"title":"t","details":%s}',
        '{"alerts":[{"labels":{"x":%s},"annotations":{"summary":%s}}],"version":%s,"groupKey":%s}',
        '{"routing_key":"r","event_action":"trigger","payload":{"summary":"s","custom_details":%s,"severity":%s}}',
        '{"routing_key":"r","event_action":%s,"links":%s,"x":"\\u0000"}',
    ],
)
def test_no_depth_of_nesting_breaks_a_reader(read: Callable[[bytes], list[Arrival]], around: str) -> None:
    for depth in [*range(1, 1100, 37), *range(880, 1000, 3)]:
        check(read, around.replace("%s", "[" * depth + "]" * depth).encode())
