"""Requests as real programs and libraries sent them, one after the other, at the addresses that they sent them to."""

import json
from collections.abc import Iterator

import pytest

from tests.support import tried
from tests.support.served import Served, served
from tocsin.changes import store as changes
from tocsin.kit.actor import SYSTEM
from tocsin.signals import store as signals

CAPTURED = dict(tried.captured())
TITLES = {
    "alertmanager": "14 % of voice replies fail",
    "alertmanager-as-pagerduty": "[FIRING:1] VoiceErrors (voice rose critical)",
    "alertmanager-as-opsgenie": "[FIRING:1] VoiceErrors (voice rose critical)",
    "prometheus": "14 % of voice replies fail",
}
STATES = {"fires": "firing", "is acknowledged": "acknowledged", "ends": "resolved"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.mark.parametrize("name", CAPTURED)
def test_what_was_captured_is_one_signal_that_goes_through_its_states(here: Served, name: str) -> None:
    key = here.token("signals:write")
    told = 0
    for one in CAPTURED[name]["requests"]:
        headers = {each: value.replace("TOKEN", key) for each, value in one["headers"].items()}
        answer = here.post(one["path"], content=one["body"].replace("TOKEN", key).encode(), headers=headers)
        assert answer.is_success, answer.text
        here.decide()
        with here.app.database.read(SYSTEM) as tx:
            found, told = signals.recent(tx), len(changes.listing(tx))
        (signal,) = found
        assert (signal.title, signal.warnings) == (TITLES.get(name, "Voice replies fail"), [])
        if one["does"] in STATES:
            assert signal.state == STATES[one["does"]]
            assert signal.severity in ("critical", "P1")
    assert told == json.dumps(CAPTURED[name]).count('"change"')
