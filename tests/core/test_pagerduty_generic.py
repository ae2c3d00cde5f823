"""PagerDuty's older generic events. The bodies are written from its documentation and from its own Go client."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.test_senders import ANYTHING
from tocsin.signals import formats, pagerduty_generic
from tocsin.signals.model import Arrival, State

BODY = {
    "service_key": "THE TOKEN",
    "event_type": "trigger",
    "incident_key": "srv01/http",
    "description": "srv01 does not answer",
    "client": "Our monitor",
    "client_url": "https://monitor.example.org",
    "details": {"load": 0.9},
    "contexts": [
        {"type": "link", "href": "https://monitor.example.org/srv01", "text": "The host"},
        {"type": "image", "src": "https://monitor.example.org/srv01.png"},
    ],
}


def read(body: Any) -> Arrival:
    return pagerduty_generic.read(json.dumps(body).encode(), lambda: "a-new-key").arrival


def faults(body: Any) -> list[str]:
    with pytest.raises(formats.Unreadable) as caught:
        read(body)
    return [one.partition("'")[2].partition("'")[0] for one in caught.value.problems]


def test_a_generic_event_is_read() -> None:
    assert read(BODY) == Arrival(
        source="pagerduty",
        key="srv01/http",
        title="srv01 does not answer",
        labels={"client": "Our monitor"},
        details={
            "links": [{"href": "https://monitor.example.org/srv01", "text": "The host"}],
            "images": [{"src": "https://monitor.example.org/srv01.png"}],
            "load": 0.9,
        },
        link="https://monitor.example.org/srv01",
    )
    assert pagerduty_generic.read(json.dumps(BODY).encode(), lambda: "").routing_key == "THE TOKEN"


@pytest.mark.parametrize(
    ("kind", "state"),
    [("trigger", State.FIRING), ("acknowledge", State.ACKNOWLEDGED), ("resolve", State.RESOLVED)],
)
def test_its_type_says_the_state(kind: str, state: State) -> None:
    assert read({**BODY, "event_type": kind}).state is state


def test_a_trigger_without_a_key_gets_a_new_one() -> None:
    assert read({**BODY, "incident_key": None}).key == "a-new-key"


def test_what_is_missing_is_named() -> None:
    assert faults({}) == ["service_key", "event_type"]
    assert faults({**BODY, "description": " "}) == ["description"]
    assert faults({**BODY, "event_type": "resolve", "incident_key": ""}) == ["incident_key"]


def test_odd_details_cost_a_warning() -> None:
    odd = read({**BODY, "details": "text", "contexts": "none"})
    assert odd.details == {"text": "text"} and odd.warnings == ("details: not an object; kept as text",)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(list(BODY)), ANYTHING))
def test_whatever_comes_is_read_or_refused(spoilt: dict[str, Any]) -> None:
    try:
        found = read({**BODY, **spoilt})
    except formats.Unreadable as error:
        found = None
        problems = error.problems
    assert found is not None or problems
