"""How pages are sent, tested and measured, and what reports and flapping signals do, in the printed plan."""

from tocsin.kit.text import span
from tocsin.plan.markdown import Blocks, bullets, heading, statement
from tocsin.plan.model import Plan


def pages(plan: Plan) -> Blocks:
    yield from _gathering(plan)
    yield from _testing(plan)
    yield from _objective(plan)
    yield from _reports(plan)
    yield from _flapping(plan)


def _gathering(plan: Plan) -> Blocks:
    within = plan.paging.gather_within
    yield "## When many incidents come at once"
    if within is not None:
        told = f"Further pages to the same place within {span(within)} are gathered into one, which says how many."
        yield from bullets([statement(told, "paging.gather_within")])
    else:
        told = f"Pages of {plan.paging.singly} incidents a minute go to one place by themselves; the rest is gathered."
        yield from bullets([statement(told, "paging.singly")])


def _testing(plan: Plan) -> Blocks:
    canary = plan.paging.canary
    if canary is not None:
        yield heading(2, "How pages test themselves", "paging.canary")
        yield "Everybody gets a test page by each of their contact methods."
        tests = {
            "starts_on": f"The first comes on {canary.starts_on.isoformat()}.",
            "every": f"Another comes every {span(canary.every)}.",
            "at": f"It comes at {canary.at:%H:%M} on the clock of whoever it is for.",
            "answer_within": f"If nobody answers within {span(canary.answer_within)}, that way of paging is doubtful.",
        }
        yield from bullets(statement(said, f"paging.canary.{key}") for key, said in tests.items())


def _objective(plan: Plan) -> Blocks:
    within = plan.paging.reached_within
    if within is not None:
        yield "## How fast people are reached"
        told = f"95 of 100 pages reach whom they are for within {span(within)}."
        yield from bullets([statement(told, "paging.reached_within")])


def _reports(plan: Plan) -> Blocks:
    reports = plan.reports
    if reports is None:
        return
    yield "## When users report"
    told = {
        "form": "Everybody may say what does not work at the status page."
        if reports.form
        else "Only programs and those who help users say what does not work.",
        "enough": f"Reports of {reports.enough} different people are many.",
        "within": f"They count together for {span(reports.within)}.",
    }
    yield from bullets(statement(said, f"reports.{key}") for key, said in told.items())


def _flapping(plan: Plan) -> Blocks:
    flapping = plan.flapping
    if flapping is None:
        return
    yield "## When a signal flaps"
    told = {
        "changes": f"A signal flaps once it has fired, cleared, or gone back to a severity that it had before, "
        f"{flapping.changes} times.",
        "within": f"They count together for {span(flapping.within)}.",
        "calm_for": f"It is over when the signal has not changed for {span(flapping.calm_for)}; until then nobody is "
        "paged for each change.",
    }
    yield from bullets(statement(said, f"flapping.{key}") for key, said in told.items())
