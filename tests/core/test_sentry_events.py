"""Envelopes of Sentry's libraries: which errors are in them, and by what each is known again."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.signals import formats, sentryevents
from tocsin.signals.model import Arrival

FRAMES = [
    {"filename": "shop/pay.py", "module": "shop.pay", "function": "charge", "lineno": 7, "in_app": True},
    {"filename": "urllib3/pool.py", "module": "urllib3.pool", "function": "urlopen", "lineno": 99, "in_app": False},
]
ERROR = {"type": "TimeoutError", "value": "no answer\nat all", "stacktrace": {"frames": FRAMES}}
EVENT = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "timestamp": 1795836859.5,
    "level": "fatal",
    "exception": {"values": [{"type": "KeyError", "value": "x"}, {**ERROR, "mechanism": {"handled": False}}]},
    "tags": [["tenant", "acme"]],
}


def envelope(*events: Any, kind: str = "event", with_length: bool = True) -> bytes:
    lines = [json.dumps({"event_id": "abc", "dsn": "https://(redacted)@tocsin.example.org/in/sentry-sdk/42"}).encode()]
    for event in events:
        payload = json.dumps(event).encode()
        lines += [json.dumps({"type": kind, **({"length": len(payload)} if with_length else {})}).encode(), payload]
    return b"\n".join(lines) + b"\n"


def one(event: Any) -> Arrival:
    (found,) = sentryevents.read("42", envelope(event))
    return found


@pytest.mark.parametrize("with_length", [True, False])
def test_an_error_is_known_by_its_kind_and_its_place(with_length: bool) -> None:
    (found,) = sentryevents.read("42", envelope(EVENT, with_length=with_length))
    assert (found.key, found.title) == ("42/TimeoutError/shop.pay in charge", "TimeoutError: no answer")
    assert (found.source, found.severity) == ("sentry-sdk", "fatal")
    assert found.labels == {"project": "42", "tenant": "acme", "error": "TimeoutError", "handled": "no"}
    assert found.details["stack"] == ["shop/pay.py:7 charge"]
    assert found.started_at is not None and found.started_at.isoformat() == "2026-11-28T03:34:19.500000+00:00"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"fingerprint": ["payments", "down"]}, "42/payments/down"),
        ({"fingerprint": ["{{ default }}", "eu"]}, "42/TimeoutError/shop.pay in charge/eu"),
        ({"exception": None, "logentry": {"message": "Queue %s", "formatted": "Queue 7"}}, "42/Queue 7"),
        ({"exception": None, "message": "plain", "transaction": "/pay"}, "42/plain//pay"),
        ({"exception": [ERROR]}, "42/TimeoutError/shop.pay in charge"),
        ({"exception": {"values": [{"value": "odd"}]}}, "42/an error without a word"),
    ],
)
def test_by_what_an_error_is_known_again(changed: dict[str, Any], key: str) -> None:
    assert one({**EVENT, **changed}).key == key


def test_what_is_no_error_is_no_signal() -> None:
    assert sentryevents.read("42", envelope({**EVENT, "level": "info"})) == []
    assert sentryevents.read("42", envelope(EVENT, kind="transaction")) == []
    assert sentryevents.read("42", envelope()) == []
    assert len(sentryevents.read("42", envelope(EVENT, {**EVENT, "level": "warning"}))) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the first line"),
        (b"[]\n", "the first line"),
        (b"{}\nnonsense\n", "the head of an item"),
        (b'{}\n{"type": "event", "length": 9999}\n{}', "cut off"),
        (b'{}\n{"type": "event"}\n[1]', "an event"),
    ],
)
def test_what_is_no_envelope_is_refused_with_its_place(body: bytes, why: str) -> None:
    with pytest.raises(formats.Unreadable, match=why):
        sentryevents.read("42", body)


def test_an_envelope_names_its_project() -> None:
    assert sentryevents.project(envelope()) == "42"
    assert sentryevents.event_id(envelope()) == "abc"
    assert sentryevents.project(b"nonsense") == sentryevents.event_id(b"[" * 9999) == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *EVENT,
                    *ERROR,
                    "values",
                    "frames",
                    "filename",
                    "function",
                    "lineno",
                    "message",
                    "fingerprint",
                    "logentry",
                    "mechanism",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*EVENT, "logentry", "fingerprint", "transaction", "message"]), ANYTHING))
def test_whatever_an_event_holds_it_becomes_a_signal_or_none(event: dict[str, Any]) -> None:
    for found in sentryevents.read("1", envelope(event)):
        assert found.key.startswith("1/") and found.title


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_refused(body: bytes) -> None:
    for sent in (body, b"{}\n" + body):
        with contextlib.suppress(formats.Unreadable):
            assert sentryevents.read("1", sent) == [] or b"event" in sent
