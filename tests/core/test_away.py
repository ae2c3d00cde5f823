"""What the log says while the database does not answer: once, each half minute, and when it is back."""

import pytest

from tocsin.db.away import Away


class Watch:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [one.getMessage() for one in caplog.records]
    caplog.clear()
    return found


def test_a_database_that_is_away_is_told_of_once_each_half_minute_and_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("WARNING")
    watch = Watch()
    away = Away(watch)
    away.answered()
    for tenth in range(650):  # 65 s, ten tries a second
        watch.at = 100 + tenth / 10
        away.refused("connection refused", "select\n 1")
    assert said(caplog) == ["the database refused: connection refused, for select 1"] * 3
    watch.at += 5
    away.answered()
    away.answered()
    assert said(caplog) == ["the database answers again; it had refused for 65 s"]
    away.refused("connection refused", "")
    assert len(said(caplog)) == 1, "the next time it is told at once"


def test_what_can_be_read_while_nothing_can_be_written_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    watch = Watch()
    away = Away(watch)
    for second in range(20):
        watch.at = float(second)
        away.refused("disk full", "insert")
        away.answered()
    assert len(said(caplog)) == 1
