"""Whether what a plan says about pages, reports and flapping can be done: canaries on days that come, answered before
the next, a number of people who may report, and changes that are many in a time that passes."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.kit.text import span
from tocsin.plan.findings import Finding
from tocsin.plan.model import Canary, Flapping, Plan, Reports

DAY = timedelta(days=1)
SINGLY_MOST = 1000
ENOUGH_MOST = 100
CHANGES_LEAST = 3  # it fires, clears, and fires again
CHANGES_MOST = 50
_YEARS = range(1970, 2200)


def check(plan: Plan) -> Iterator[Finding]:
    if not 1 <= plan.paging.singly <= SINGLY_MOST:
        yield Finding("paging.singly", f"from 1 to {SINGLY_MOST} incidents a minute")
    if plan.paging.canary is not None:
        yield from _canary("paging.canary", plan.paging.canary)
    if plan.reports is not None:
        yield from _reports(plan.reports)
    if plan.flapping is not None:
        yield from _flapping(plan.flapping)


def _reports(reports: Reports) -> Iterator[Finding]:
    if not 1 <= reports.enough <= ENOUGH_MOST:
        yield Finding("reports.enough", f"{reports.enough} is not a number of people from 1 to {ENOUGH_MOST}")
    if not timedelta(0) < reports.within <= DAY:
        yield Finding("reports.within", f"{span(reports.within)} is not a time of up to {span(DAY)}")


def _flapping(flapping: Flapping) -> Iterator[Finding]:
    if not CHANGES_LEAST <= flapping.changes <= CHANGES_MOST:
        message = f"{flapping.changes} is not a number of changes from {CHANGES_LEAST} to {CHANGES_MOST}"
        yield Finding("flapping.changes", message)
    for key, length in (("within", flapping.within), ("calm_for", flapping.calm_for)):
        if not timedelta(0) < length <= DAY:
            yield Finding(f"flapping.{key}", f"{span(length)} is not a time of up to {span(DAY)}")


def _canary(path: str, canary: Canary) -> Iterator[Finding]:
    if canary.starts_on.year not in _YEARS:
        yield Finding(f"{path}.starts_on", f"{canary.starts_on} is not a day on which anybody is paged")
    if canary.every % DAY:
        yield Finding(f"{path}.every", f"{span(canary.every)} is not whole days; write it like 1 d or 1 w")
    elif canary.answer_within >= canary.every:
        message = f"an answer is waited for until the next comes, after {span(canary.every)}, and not longer"
        yield Finding(f"{path}.answer_within", message)
