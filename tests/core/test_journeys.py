"""Walking the way of a user: what is asked, what is passed on, what counts as a good answer, and what is never told."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tocsin.plan.watching import Journey, Leg, Upload
from tocsin.rehearsal.rose import form_parts
from tocsin.watch import journeys
from tocsin.watch.journeys import Request
from tocsin.watch.outcomes import Kind, Outcome, Reading

SOUND = bytes(range(256))
SECRET = "7b1f9c8e-5b0a-4d4e"
JOURNEY = Journey(
    url="http://rose.example",
    slow_after=timedelta(seconds=10),
    legs=(
        Leg(name="session", method="POST", path="/session/start", captures={"session_id": "session.id"}),
        Leg(
            name="voice",
            method="POST",
            path="/voice/{session_id}",
            form={"session_id": "{session_id}", "as": "it {is}"},
            files={"audio": Upload(name="word.wav", type="audio/wav", base64=base64.b64encode(SOUND).decode())},
            expect=(200, 202),
            says='"audio_url"',
        ),
    ),
)


def answer(status: int = 200, took: float = 1, **said: object) -> Reading:
    return Reading(status=status, body=json.dumps(said).encode(), took=timedelta(seconds=took), path="/x")


SESSION = answer(session={"id": SECRET})
SPOKEN = answer(took=2, audio_url="/clip/1")


def walked(*readings: Reading, journey: Journey = JOURNEY) -> tuple[Sequence[Request], Outcome]:
    steps, asked = journeys.walk(journey), []
    asked.append(next(steps))
    for reading in readings:
        try:
            asked.append(steps.send(reading))
        except StopIteration as end:
            return asked, end.value
    raise AssertionError("it walks on")


def test_what_one_step_brings_is_passed_on_to_the_next() -> None:
    (first, second), outcome = walked(SESSION, SPOKEN)
    assert (first.method, first.path, first.body) == ("POST", "/session/start", b"")
    assert second.path == f"/voice/{SECRET}"
    parts = form_parts(second.content_type, second.body)
    assert parts == {"session_id": SECRET.encode(), "as": b"it {is}", "audio": SOUND}
    assert (outcome.kind, outcome.latency) == (Kind.HEALTHY, timedelta(seconds=3))


def test_the_first_bad_answer_ends_the_walk() -> None:
    asked, outcome = walked(answer(500, error="internal_server_error"))
    assert len(asked) == 1
    assert (outcome.kind, outcome.measured) == (Kind.FAILED, {"step": "session", "error": "internal_server_error"})
    assert outcome.reason.startswith("session: 500: ")


@pytest.mark.parametrize(
    "session", [answer(), answer(session={"id": None}), answer(session={"id": True}), answer(session=7)]
)
def test_an_answer_without_what_is_passed_on_is_no_answer(session: Reading) -> None:
    _, outcome = walked(session)
    assert (outcome.kind, outcome.reason) == (Kind.WRONG_BODY, "session: 200 without session.id")


def test_an_answer_that_does_not_say_what_it_should_is_no_answer() -> None:
    _, outcome = walked(SESSION, answer(text="only text"))
    assert outcome.kind is Kind.WRONG_BODY and "without what it should say" in outcome.reason


@pytest.mark.parametrize(
    ("failure", "kind"), [("timeout", Kind.TIMEOUT), ("refused", Kind.REFUSED), ("closed", Kind.HTTP_ERROR)]
)
def test_no_answer_is_said_with_its_step(failure: str, kind: Kind) -> None:
    _, outcome = walked(SESSION, Reading(failure=failure, took=timedelta(seconds=30), path=f"/voice/{SECRET}"))
    assert (outcome.kind, outcome.measured) == (kind, {"step": "voice"})
    assert outcome.reason.startswith("voice: ")


def test_a_429_teaches_nothing_and_is_not_asked_again() -> None:
    _, outcome = walked(SESSION, answer(429, error="Rate limit exceeded: 10 per 1 minute"))
    assert outcome.kind is Kind.RATE_LIMITED
    assert not journeys.is_bad(outcome)


def test_a_walk_that_takes_long_in_all_is_slow() -> None:
    _, outcome = walked(replace(SESSION, took=timedelta(seconds=5)), replace(SPOKEN, took=timedelta(seconds=6)))
    assert (outcome.kind, outcome.latency) == (Kind.SLOW, timedelta(seconds=11))


def test_nothing_that_was_captured_is_told() -> None:
    path = f"/voice/{SECRET}"
    for last in (
        answer(503, error="speech_to_text_failed", message=f"session {SECRET}"),
        answer(200, text=SECRET),
        Reading(failure="timeout", took=timedelta(seconds=30), path=path),
        replace(answer(503), path=path),
    ):
        _, outcome = walked(SESSION, last)
        assert SECRET not in f"{outcome}"
