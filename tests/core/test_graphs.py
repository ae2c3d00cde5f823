"""What was measured, as drawings: where a line is broken, and where its zero lies."""

from datetime import UTC, datetime, timedelta

from tocsin.watch.courses import Course
from tocsin.web.graphs import HEIGHT, ROOM, Graph, drawn

AT = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)


def graph(*points: tuple[float, float], what: str = "value") -> Graph:
    """Of values by the minute."""
    taken = tuple((AT + timedelta(minutes=minute), value) for minute, value in points)
    return drawn("Queue", Course(name="rose/queue", what=what, points=taken, before=None, worst=None), AT)


def heights(line: str) -> list[float]:
    return [float(point.split(",")[1]) for point in line.split()]


def test_a_line_is_broken_where_nobody_looked_for_thrice_as_long_as_usual() -> None:
    minutely = [(minute, 1.0) for minute in (0, 1, 2, 3, 13, 14, 15)]
    assert [len(line.split()) for line in graph(*minutely).lines] == [4, 3]
    half_hourly = [(30 * look, 1.0) for look in (0, 1, 2, 3, 7, 8)]
    assert [len(line.split()) for line in graph(*half_hourly).lines] == [4, 2]


def test_a_look_that_came_late_breaks_no_line_and_of_few_looks_twenty_minutes_do() -> None:
    assert len(graph(*[(look, 1.0) for look in (0, 0.1, 0.2, 0.3, 2.5, 2.6)]).lines) == 1
    assert len(graph((0, 1.0), (20, 1.0)).lines) == 1
    assert [len(line.split()) for line in graph((0, 1.0), (21, 1.0)).lines] == [2, 2]  # two strokes


def test_what_went_below_zero_is_drawn_below_it_and_said() -> None:
    below = graph((0, 10.0), (1, -10.0), (2, 0.0))
    (line,) = below.lines
    assert heights(line) == [ROOM, HEIGHT, (ROOM + HEIGHT) / 2] and below.zero_y == "34.0"
    assert (below.top, below.bottom) == ("10", "-10")
    never_above = graph((0, -5.0), (1, -10.0))
    assert heights(never_above.lines[0]) == [34.0, HEIGHT] and never_above.zero_y == f"{ROOM:.1f}"


def test_what_stayed_above_zero_stands_on_it() -> None:
    above = graph((0, 0.0), (1, 4.0))
    assert heights(above.lines[0]) == [HEIGHT, ROOM] and (above.zero_y, above.bottom) == (f"{HEIGHT:.1f}", "")
    assert heights(graph((0, 0.0), (1, 0.0)).lines[0]) == [HEIGHT, HEIGHT]


def test_a_number_too_long_for_a_phone_is_told_by_its_power_of_ten() -> None:
    assert graph((0, 1.0), (1, 123_456_789_012.0)).top == "123,456,789,012"
    assert graph((0, 1.0), (1, 1.25e300)).top == "1.25e+300"


def test_what_is_seen_in_a_graph_is_said() -> None:
    said = graph((0, 0.09), (1, 2.3), (2, 0.11), what="latency").spoken
    assert said == "Graph from 02:38:00 to 02:40:00: first 90 ms, highest 2.3 s at 02:39:00, last 110 ms"
