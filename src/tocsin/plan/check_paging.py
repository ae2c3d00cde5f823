"""Whether what a plan says about pages themselves can be done: canaries on days that come, answered before the next."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.kit.text import span
from tocsin.plan.findings import Finding
from tocsin.plan.model import Canary, Plan

DAY = timedelta(days=1)
SINGLY_MOST = 1000
_YEARS = range(1970, 2200)


def check(plan: Plan) -> Iterator[Finding]:
    if not 1 <= plan.paging.singly <= SINGLY_MOST:
        yield Finding("paging.singly", f"from 1 to {SINGLY_MOST} pages a minute")
    if plan.paging.canary is not None:
        yield from _canary("paging.canary", plan.paging.canary)


def _canary(path: str, canary: Canary) -> Iterator[Finding]:
    if canary.starts_on.year not in _YEARS:
        yield Finding(f"{path}.starts_on", f"{canary.starts_on} is not a day on which anybody is paged")
    if canary.every % DAY:
        yield Finding(f"{path}.every", f"{span(canary.every)} is not whole days; write it like 1 d or 1 w")
    elif canary.answer_within >= canary.every:
        message = f"an answer is waited for until the next comes, after {span(canary.every)}, and not longer"
        yield Finding(f"{path}.answer_within", message)
