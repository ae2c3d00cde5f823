"""What Railway answers, as lines of a log: each once, in order, whole; and what it says against it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan.watching import RailwayLog
from tocsin.watch import railway
from tocsin.watch.logs import Tail, records
from tocsin.watch.outcomes import Reading
from tocsin.watch.railway import Gained, gained, question

LOG = RailwayLog(environment="8f1d2c3b-0a4e-4c5d-9e6f-7a8b9c0d1e2f", token="rose", filter='@service:"rose"')
NOW = 1_795_489_200 * 10**9  # 2026-11-24T03:00:00Z


def reading(body: object, status: int = 200, **headers: str) -> Reading:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reading(status=status, headers=told, body=sent, took=timedelta(0), path="")


def entry(at: str, said: str, writer: str = "a", **attributes: str) -> dict[str, Any]:
    pairs = [{"key": key, "value": value} for key, value in attributes.items()]
    tags = {"serviceId": "rose", "deploymentInstanceId": writer}
    return {"timestamp": at, "message": said, "severity": "error", "attributes": pairs, "tags": tags}


def answer(*entries: dict[str, Any], **headers: str) -> Reading:
    return reading({"data": {"environmentLogs": list(entries)}}, **headers)


def at(second: float) -> str:
    return f"2026-11-24T03:{int(second // 60):02d}:{second % 60:09.6f}Z"


def test_the_first_look_finds_the_end_and_the_next_goes_on_there() -> None:
    first = gained(Tail(), answer(entry(at(5), "long ago")))
    assert (first.lines, first.tail.place) == ((), NOW + 5 * 10**9 + 1)
    empty = gained(Tail(), answer(date="Tue, 24 Nov 2026 03:00:07 GMT"))
    assert (empty.lines, empty.tail.place) == ((), NOW + 7 * 10**9)
    assert gained(Tail(), answer(date="some day")).tail.place is None
    assert "beforeLimit: 1)" in asked(Tail())
    wanted = asked(Tail(place=NOW + 7))
    assert '"2026-11-24T03:00:00.000000007Z"' in wanted and r'filter: "@service:\"rose\""' in wanted
    assert "null" not in wanted


def asked(tail: Tail) -> str:
    query: str = json.loads(question(LOG, tail))["query"]
    return query


def read_all(*answers: Reading, tail: Tail | None = None) -> tuple[list[str], Tail]:
    lines: list[str] = []
    tail = tail or Tail(place=NOW)
    for one in answers:
        found = gained(tail, one)
        assert found.trouble == ""
        lines, tail = [*lines, *found.lines], found.tail
    return lines, tail


def test_what_comes_twice_is_taken_once_and_what_comes_late_too() -> None:
    one, two, late = entry(at(1), "one"), entry(at(20), "two"), entry(at(2), "late")
    lines, _ = read_all(answer(two, one), answer(one, two), answer(one, late, two))
    assert lines == ["one", "two", "late"]


def test_the_same_line_twice_in_one_instant_is_two() -> None:
    one = entry(at(1), "failed")
    assert read_all(answer(one, one), answer(one, one, one))[0] == ["failed"] * 3


def test_a_full_answer_goes_on_behind_its_newest() -> None:
    flood = [entry(at(number / 1000), f"line {number}") for number in range(railway.MOST)]
    lines, tail = read_all(answer(*flood))
    assert len(lines) == railway.MOST
    assert tail.place == NOW + (railway.MOST - 1) * 10**6
    more = [entry(at(1), "more")]
    assert read_all(answer(flood[-1], *more), tail=tail)[0] == ["more"]


def test_a_flood_in_one_instant_does_not_stop_it() -> None:
    flood = [entry(at(0), f"line {number}") for number in range(railway.MOST)]
    lines, tail = read_all(answer(*flood))
    assert (len(lines), tail.place) == (railway.MOST, NOW + 1)


def test_a_traceback_that_comes_in_lines_is_one_record_and_waits_for_its_end() -> None:
    trace = ["voice failed", "Traceback (most recent call last):", "  File x", "ValueError: no voice"]
    sent = [entry(at(number / 10), said) for number, said in enumerate(trace)]
    other = entry(at(0.15), "INFO: 200 OK", "b")
    lines, tail = read_all(answer(sent[0], sent[1], other))
    assert lines == ["INFO: 200 OK"]
    rest, tail = read_all(answer(*sent, other), tail=tail)
    assert records(rest) == ["\n".join(trace)]
    assert read_all(answer(*sent, other), tail=tail)[0] == []


def test_a_traceback_that_never_ends_is_taken_with_the_next_look() -> None:
    cut = [entry(at(0), "Traceback (most recent call last):"), entry(at(0.1), "  File x")]
    lines, tail = read_all(answer(*cut), answer(*cut))
    assert records(lines) == ["Traceback (most recent call last):\n  File x"]
    assert read_all(answer(*cut), tail=tail)[0] == []


def test_what_was_written_as_json_is_put_together_again() -> None:
    told = entry(at(1), "failed", level='"error"', endpoint='"voice"', attempt="3", odd="{")
    lines, _ = read_all(answer(told, entry(at(2), "plain", level='"info"')))
    assert records(lines) == ["error failed endpoint=voice attempt=3 odd={", "plain"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (reading({"errors": [{"message": "Not Authorized"}], "data": None}), "Railway says: Not Authorized"),
        (reading({"errors": [{}]}), "Railway says: an error"),
        (reading({"data": None}), "200, and no log"),
        (reading({"data": {}}), "200, and no log"),
        (reading(b"error code: 1010", 403), "403, and no answer of Railway's API: error code: 1010"),
        (reading({"data": {"environmentLogs": [{"message": "x"}]}}), "200, and no answer"),
        (reading(b"[" * 10_000, 502), "502, and no answer"),
        (Reading(failure="timeout", took=timedelta(seconds=8), path=""), "no whole answer within 8 s"),
    ],
)
def test_what_is_no_log_is_trouble_and_changes_nothing(sent: Reading, said: str) -> None:
    tail = Tail(place=NOW, mark="a")
    found = gained(tail, sent)
    assert (found.tail, found.lines, found.limited) == (tail, (), "")
    assert found.trouble.startswith(said)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry_after": "120"}, 120), ({"retry_after": "99999"}, 3600), ({}, 60), ({"retry_after": "Tuesday"}, 60)],
)
def test_a_limit_is_no_trouble_and_says_how_long_to_wait(headers: dict[str, str], seconds: int) -> None:
    found = gained(Tail(place=NOW), reading(b"", 429, **headers))
    assert (found.trouble, found.rest) == ("", timedelta(seconds=seconds))
    assert found.limited.startswith("429")


def test_after_the_last_question_that_is_allowed_it_rests() -> None:
    found = gained(Tail(place=NOW), answer(entry(at(1), "one"), x_ratelimit_remaining="0"))
    assert (found.lines, found.rest) == (("one",), timedelta(minutes=1))
    assert gained(Tail(place=NOW), answer(x_ratelimit_remaining="7")).rest is None


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_whatever_comes_is_read_or_trouble(body: bytes) -> None:
    assert isinstance(gained(Tail(place=NOW), reading(body)), Gained)


STAMPS = st.sampled_from(
    [at(1), at(2), "2026-11-24T03:00:01+01:00", "yesterday", "9999-99-99T00:00:00Z", "0001-01-01T00:00:00Z"]
)


@given(st.lists(st.builds(entry, STAMPS, st.text(max_size=5), st.sampled_from("ab")), max_size=8))
def test_whatever_is_taken_is_taken_once(entries: list[dict[str, Any]]) -> None:
    first = gained(Tail(place=NOW), answer(*entries))
    second = gained(first.tail, answer(*entries))
    third = gained(second.tail, answer(*entries))
    assert first.trouble == second.trouble == ""
    assert third.lines == ()
