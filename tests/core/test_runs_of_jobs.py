"""Runs of jobs, out of what they say: which end belongs to which start, how long each took, and when one is overdue."""

from datetime import UTC, datetime, timedelta
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.redaction import MARK
from tocsin.watch import heartbeats
from tocsin.watch.heartbeats import RUNS_MOST, Ping, Run, Word, with_ping

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ONE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
MINUTE = timedelta(minutes=1)


def after(*pings: tuple[int, Ping]) -> tuple[Run, ...]:
    runs: tuple[Run, ...] = ()
    for minute, ping in pings:
        runs = with_ping(runs, ping, NOW + minute * MINUTE)
    return runs


def start(run: str = "") -> Ping:
    return Ping(Word.START, run=run)


def end(status: int | None = 0, run: str = "", said: str = "") -> Ping:
    return Ping(Word.FAIL if status else Word.SUCCESS, status, run, said)


def test_from_start_to_end_is_how_long_it_took() -> None:
    (run,) = after((0, start()), (7, end(3, said="no space left")))
    assert (run.took, run.state, run.status, run.said) == (7 * MINUTE, "failed", 3, "no space left")


def test_an_end_without_a_start_took_nobody_knows_how_long() -> None:
    second, first = after((0, end()), (9, end(None)))
    assert (first.took, first.state, second.took, second.status) == (None, "well", None, None)


def test_runs_at_the_same_time_are_told_apart() -> None:
    runs = after((0, start(ONE)), (1, start(OTHER)), (2, start(ONE)), (5, end(run=ONE)), (6, end(1, run=OTHER)))
    assert [(one.id, one.took, one.state) for one in runs] == [
        (OTHER, 5 * MINUTE, "failed"),
        (ONE, 5 * MINUTE, "well"),
    ]


def test_a_run_that_never_said_its_end_is_lost_once_the_next_begins() -> None:
    runs = after((0, start()), (60, start()), (62, end()))
    assert [(one.state, one.took) for one in runs] == [("well", 2 * MINUTE), ("lost", None)]


def test_one_that_is_overdue_may_still_end() -> None:
    runs = heartbeats.missed(after((0, start()), (1, start(ONE))), 10 * MINUTE, NOW + 10 * MINUTE)
    assert [one.state for one in runs] == ["running", "overdue"]
    assert heartbeats.overdue_at(runs, 10 * MINUTE, NOW + 10 * MINUTE) == NOW + 11 * MINUTE
    ended = with_ping(runs, end(), NOW + 30 * MINUTE)
    assert [(one.state, one.took) for one in ended] == [("running", None), ("well", 30 * MINUTE)]


PINGS = st.builds(
    Ping,
    st.sampled_from(Word),
    st.none() | st.integers(0, 255),
    st.sampled_from(["", ONE, OTHER]),
)


@given(st.lists(st.tuples(st.integers(0, 500), PINGS), max_size=40).map(lambda found: sorted(found, key=itemgetter(0))))
def test_whatever_a_job_says_its_runs_make_sense(pings: list[tuple[int, Ping]]) -> None:
    runs = after(*pings)
    assert len(runs) <= RUNS_MOST
    open_ones = [one.id for one in runs if one.is_open]
    assert len(open_ones) == len(set(open_ones))
    assert all(one.took is None or one.took >= timedelta(0) for one in runs)
    starts = sum(ping.word is Word.START for _, ping in pings)
    assert sum(one.began_at is not None for one in runs) <= starts


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", ""),
        (b"done\r\n\n", "done"),
        (b"\x00\x1b[31mred\xff", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        (b"a\tb\nc", "a\tb\nc"),
        (b"x" * 5000 + b" the end", "x" * 992 + " the end"),
        (b"password=hunter2-hunter2", f"password={MARK}"),
        (b"Authorization: Bearer abcdefgh1234567890", f"Authorization: Bearer {MARK}"),
    ],
)
def test_the_end_of_what_it_wrote_is_kept_without_secrets(body: bytes, kept: str) -> None:
    assert heartbeats.output(body) == kept


def test_half_a_secret_is_struck_out_as_a_whole_one_is() -> None:
    secret = "sk_live_" + "a1b2c3d4" * 6
    body = f"key {secret} ".encode() + b"x" * 970
    assert "d4" not in heartbeats.output(body)


@given(st.binary(max_size=300))
def test_whatever_it_wrote_can_be_kept(body: bytes) -> None:
    kept = heartbeats.output(body)
    assert all(one.isprintable() or one in "\n\t" for one in kept)


@pytest.mark.parametrize(
    ("written", "read"), [("", ""), (ONE.upper(), ONE), ("1", None), ("x" * 36, None), ("\N{SNOWMAN}", None)]
)
def test_a_run_is_known_by_a_uuid(written: str, read: str | None) -> None:
    assert heartbeats.run_id(written) == read
