"""Whatever the network brings: each parser that meets it reads it or refuses it by name, and is quick about it.

Senders, mails, calendars, plans and the bodies of reports are fed in the files about them; here stand the others.
"""

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet, OctKey

from tocsin.api import conditional, cursors, packing
from tocsin.comms import language
from tocsin.comms.subscribers import links, places
from tocsin.comms.subscribers.links import Purpose
from tocsin.delivery import http as posting
from tocsin.delivery import slackin, slackviews, twilio
from tocsin.kit import search
from tocsin.kit.errors import TocsinError
from tocsin.kit.sealing import Keyring
from tocsin.people import addresses, secretive
from tocsin.people.model import Channel
from tocsin.plan.model import Way
from tocsin.signals import formats, silencing
from tocsin.sso import proof
from tocsin.watch import heartbeats, otlp, statuspages
from tocsin.watch.outcomes import Reading

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
KEY = b"key"
LONG = 100_000  # letters, more than any server of ours takes as a header
SOON = 1.0  # seconds of the processor, for what ought to take a hundredth; a square would take minutes

Read = Callable[[str], object]


@dataclass(frozen=True)
class Parser:
    """What reads, and something that it reads well."""

    read: Read
    sample: str


def json_of(read: Callable[[Any], object]) -> Read:
    """A parser of what is JSON already; what is none never reaches it."""

    def reading(text: str) -> object:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return read(found) if isinstance(found, dict) else None

    return reading


def matching(shown: str) -> None:
    guarded = conditional.Guarded("thing", lambda _: "1", lambda _tx, _known: [])
    conditional.require({"if-match": shown}, guarded, None)


def page_of(text: str) -> object:
    reading = Reading(took=timedelta(0), status=200, body=text.encode(errors="replace"), path="/api/v2/summary.json")
    return statuspages.is_page(reading), statuspages.leaves_incidents_out(reading)


def event(inner: dict[str, Any]) -> str:
    return json.dumps(
        {"event_id": "E1", "team_id": "T1", "event": {"user": "U1", "channel": "C1", "ts": "1.2", **inner}}
    )


VIEW = {"callback_id": "declare", "private_metadata": "x", "state": {"values": {"a": {"b": {"value": "c"}}}}}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U1"},
    "trigger_id": "t",
    "response_url": "https://x",
    "channel": {"id": "C"},
}
PUSH = {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "BA" * 43 + "A", "auth": "A" * 22}}
STATUS = {
    "page": {"id": "x", "name": "X"},
    "status": {"indicator": "none"},
    "components": [{"name": "a", "status": "b"}],
}
OTLP = {
    "resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]
}
JWKS = {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "1"}]}
TERMS: Any = None
TOKEN = ".".join(
    base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (b'{"alg":"RS256","kid":"1"}', b"{}", b"x")
)
SECRET = "tsk_which-seals-what-the-tests-keep-of-secrets"

PARSERS = {
    "If-Match": Parser(matching, '"1-abc", W/"2"'),
    "cursor of instants": Parser(cursors.start, "1764000000000-3"),
    "cursor of numbers": Parser(cursors.number, "17"),
    "cursor among others": Parser(lambda one: cursors.beyond(["a", "b"], one, 1, str), "a"),
    "cursor of a count": Parser(lambda one: cursors.counted(["a", "b"], one, 1), "1"),
    "version that is an instant": Parser(cursors.millis, "1764000000000"),
    "Content-Encoding": Parser(lambda one: packing.unpacked(one.encode(errors="replace"), b"x", 100), "gzip"),
    "gzip": Parser(lambda one: packing.unpacked(b"gzip", one.encode("latin-1", "replace"), 100), "\x1f\x8b\x08"),
    "Accept-Language": Parser(lambda one: language.preferred(one, "en"), "de-CH, fr;q=0.8, *;q=0.1"),
    "Retry-After": Parser(lambda one: posting.judge(503, one), "120"),
    "link of a subscriber": Parser(lambda one: links.read(KEY, Purpose.MANAGE, one), "sub_7KQ2M4XW.abcd"),
    "link that confirms": Parser(lambda one: links.read_confirming(KEY, one, NOW), "sub_7KQ2M4XW.17640.abcd"),
    "address of a bounce": Parser(lambda one: links.bounced(KEY, one), "ops+b-7kq2m4xw-abcd@rose.example"),
    "webhook of a subscriber": Parser(lambda one: places.read(Way.WEBHOOK, one), "https://example.org/x"),
    "Slack of a subscriber": Parser(lambda one: places.read(Way.SLACK, one), "https://hooks.slack.com/services/T/B/x"),
    "address of mail": Parser(lambda one: places.read(Way.EMAIL, one), "ana@rose.example"),
    "Slack command": Parser(
        json_of(lambda one: slackin.read("slash_commands", one)),
        json.dumps({"user_id": "U1", "trigger_id": "t", "response_url": "https://x", "text": "ack 7"}),
    ),
    "Slack button": Parser(
        json_of(lambda one: slackin.read("interactive", one)),
        json.dumps({**CLICK, "actions": [{"action_id": "acknowledge", "value": "inc_1"}]}),
    ),
    "Slack form": Parser(
        json_of(lambda one: slackin.read("interactive", one)),
        json.dumps({"type": "view_submission", "user": {"id": "U1"}, "trigger_id": "t", "view": VIEW}),
    ),
    "Slack reaction": Parser(
        json_of(lambda one: slackin.read("events_api", one)),
        event(
            {"type": "reaction_added", "reaction": "pushpin", "item": {"type": "message", "channel": "C1", "ts": "1"}}
        ),
    ),
    "Slack message": Parser(
        json_of(lambda one: slackin.read("events_api", one)), event({"type": "message", "text": "<@U1> &amp; <x|y>"})
    ),
    "text of Slack": Parser(slackin.plain, "<https://x|y> <@U1> <!date^1^{date}|z> &lt;"),
    "state of a Slack form": Parser(lambda one: slackviews.unseal(KEY, one), slackviews.seal(KEY, {"a": "b"})),
    "signature of Twilio": Parser(
        lambda one: twilio.is_signed("t", "https://tocsin.example.org/x", {"Body": one, one: "x"}, one), "aGVsbG8="
    ),
    "status of Twilio": Parser(lambda one: twilio.outcome(one, one), "undelivered"),
    "keys of a provider": Parser(json_of(proof.keys), json.dumps(JWKS)),
    "proof of a provider": Parser(
        lambda one: proof.checked(one, KeySet([OctKey.import_key("x" * 32)]), TERMS, nonce="n", now=NOW), TOKEN
    ),
    "subscription of a browser": Parser(secretive.subscription, json.dumps(PUSH)),
    "workflow of Teams": Parser(secretive.workflow, "https://prod.logic.azure.com/workflows/x"),
    "address of Apprise": Parser(secretive.apprise, "json://example.org/x"),
    "telephone number": Parser(lambda one: addresses.checked(Channel.SMS, one), "+41 44 668 18 00"),
    "OTLP in JSON": Parser(lambda one: otlp.read(one.encode(errors="replace")), json.dumps(OTLP)),
    "status page of a vendor": Parser(page_of, json.dumps(STATUS)),
    "path of a ping": Parser(heartbeats.read, "fail"),
    "number of a run": Parser(heartbeats.run_id, "0c2ea1d2-1e2b-4c9a-8f8a-5c2b7c0f7d11"),
    "output of a job": Parser(lambda one: heartbeats.output(one.encode(errors="replace")), "done"),
    "matcher": Parser(silencing.read_matcher, "job=~a.*"),
    "instant": Parser(formats.instant, "2026-11-24T03:34:19Z"),
    "question to the search": Parser(lambda one: search.read(one, ("service",)), 'disk "is full" -x service:rose'),
    "what is sealed": Parser(Keyring(lambda: (SECRET,)).open_, Keyring(lambda: (SECRET,)).seal("x")),
}


def refused_or_read(parser: Parser, text: str) -> None:
    """Whatever else a parser raises than a refusal fails the test."""
    with contextlib.suppress(TocsinError, formats.Unreadable):
        parser.read(text)


LETTERS = st.characters(exclude_categories=["Cs"])
ODD = st.sampled_from(
    ["", "\x00", "٣", "é", "null", "-1", "9" * 30, "1e999", "[]", "{}", '"', "%00", "\u202e", "=" * 9]
)


@st.composite
def spoilt(draw: st.DrawFn, sample: str) -> str:
    """The sample with a piece left out, doubled, or replaced."""
    begins, ends = sorted((draw(st.integers(0, len(sample))), draw(st.integers(0, len(sample)))))
    piece = draw(ODD | st.just(sample[begins:ends] * 2) | st.text(LETTERS, max_size=5))
    return sample[:begins] + piece + sample[ends:]


VALUES = (None, 5, -1.5, True, "", "x", [], {}, [5], [None], {"": {}}, [[]], "٣", 10**30)


def _exchanged(found: Any, place: int, value: Any) -> Any:
    """The same with this value in the place of this number, counted through everything that it holds."""
    return _walk(found, iter(range(10_000)), place, value)


def _walk(found: Any, places: Iterator[int], place: int, value: Any) -> Any:
    if next(places) == place:
        return value
    if isinstance(found, dict):
        return {key: _walk(one, places, place, value) for key, one in found.items()}
    return [_walk(one, places, place, value) for one in found] if isinstance(found, list) else found


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    refused_or_read(parser, data.draw(spoilt(parser.sample) | st.text(LETTERS, max_size=40) | ODD))


@pytest.mark.parametrize("name", [name for name, one in PARSERS.items() if one.sample.startswith("{")])
def test_json_with_anything_in_any_place_is_read_or_refused_by_name(name: str) -> None:
    sample = json.loads(PARSERS[name].sample)
    for place in range(25):
        for value in VALUES:
            refused_or_read(PARSERS[name], json.dumps(_exchanged(sample, place, value)))


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_long_is_read_or_refused_soon(name: str) -> None:
    parser = PARSERS[name]
    sample = parser.sample
    refused_or_read(parser, sample)  # what it loads at first is not counted
    begun = time.process_time()
    for text in (
        sample * (LONG // len(sample)),
        sample[:1] * LONG,
        sample[-1:] * LONG,
        "a " * LONG,
        sample + "[" * LONG,
    ):
        refused_or_read(parser, text)
    assert time.process_time() - begun < SOON
