"""What a signal said over time: one line for each change, the latest twenty."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tocsin.signals import history
from tocsin.signals.history import KEPT, WHY_MOST, Said

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
FIRES = Said(NOW, "firing", "critical", "declared", "P1, by the rule", 1)


def test_only_what_is_another_thing_than_before_is_a_change() -> None:
    kept = history.told([], FIRES)
    assert history.told(kept, replace(FIRES, at=NOW + timedelta(minutes=1), times=9)) == kept
    for other in ({"state": "resolved"}, {"severity": None}, {"disposition": "attached"}, {"why": "P2"}):
        assert len(history.told(kept, replace(FIRES, **other))) == 2


def test_the_latest_are_kept_and_read_first() -> None:
    kept: list[history.Row] = []
    for place in range(KEPT + 5):
        said = replace(FIRES, at=NOW + timedelta(seconds=place), state=("firing", "resolved")[place % 2], times=place)
        kept = history.told(kept, said)
    found = history.read(kept)
    assert [one.times for one in found] == list(range(KEPT + 4, 4, -1))
    assert found[0].at == NOW + timedelta(seconds=KEPT + 4)


def test_a_long_reason_is_cut_and_is_the_same_when_it_comes_again() -> None:
    long = replace(FIRES, why="x" * (WHY_MOST + 50))
    (row,) = history.told([], long)
    assert len(row[4]) == WHY_MOST
    assert history.is_same(row, "firing", long.why)
    assert not history.is_same(row, "resolved", long.why) and not history.is_same(row, "firing", "P2")
    assert len(history.told([row], long)) == 1


def said(*pairs: tuple[str, str | None]) -> list[history.Row]:
    kept: list[history.Row] = []
    for state, severity in pairs:
        kept = history.told(kept, replace(FIRES, state=state, severity=severity))
    return kept


def test_it_goes_back_to_what_it_said_before_since_it_began_to_fire() -> None:
    worse = said(("firing", "warning"), ("acknowledged", "warning"), ("firing", "critical"))
    assert history.goes_back(worse, "warning")
    assert not history.goes_back(worse, "critical") and not history.goes_back(worse, "fatal")
    assert not history.goes_back(worse, None) and not history.goes_back([], "warning")
    again = said(("firing", "warning"), ("resolved", "warning"), ("firing", "critical"))
    assert not history.goes_back(again, "warning")
