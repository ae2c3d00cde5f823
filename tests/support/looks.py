"""One look of a probe, as it was seen, and what is made of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tocsin.watch.outcomes import Expectation, Outcome, Reading, judge


def reading(
    status: int = 200,
    body: bytes = b"",
    took: float = 0.1,
    headers: Mapping[str, str] | None = None,
    failure: Any = None,
    detail: str = "",
) -> Reading:
    return Reading(
        status=None if failure else status,
        headers=headers or {},
        body=body,
        took=timedelta(seconds=took),
        failure=failure,
        path="/api/health",
        detail=detail,
    )


def judged(expect: Expectation | None = None, **seen: Any) -> Outcome:
    return judge(reading(**seen), expect or Expectation())
