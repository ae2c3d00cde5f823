"""What comes after: the close, the post-mortem and its document, metrics and the plan's own history."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tocsin.kit.text import listed
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Condition, Need, Plan

_HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)
TICKET = "incident_ticket"  # the template that the program itself asks for
POST_MORTEM = "post_mortem"  # the template whose headings must be those that are required


@check(
    "review-without-date",
    Level.NOTE,
    "An optional post-mortem is due by no date.",
    mend="Make it required, or accept that nobody is reminded of it.",
)
def review_without_date(plan: Plan) -> Iterator[Remark]:
    for key, severity in plan.severities.items():
        if severity.post_mortem is Need.OPTIONAL:
            yield Remark(
                f"severities.{key}.post_mortem", f"a post-mortem of a {key} may be held, and is due by no date"
            )


@check(
    "document-without-date",
    Level.WARNING,
    "Something that must be written or confirmed is due by no date.",
    mend="Let something wait for it that has a time: the post-mortem, a horizon, a handoff or the close.",
)
def document_without_date(plan: Plan) -> Iterator[Remark]:
    yield from _post_mortem(plan)
    yield from _action_items(plan)
    yield from _before_the_close(plan)
    for key, rotation in plan.rotations.items():
        if rotation.handed_over and len(rotation.everyone) < 2 and not rotation.stand_ins:
            yield Remark(f"rotations.{key}.handed_over", f"nobody follows in {key}, so this is handed over at no time")


def _post_mortem(plan: Plan) -> Iterator[Remark]:
    required = [one.title for one in plan.review.sections.values() if one.required]
    if required and not any(one.post_mortem is Need.REQUIRED for one in plan.severities.values()):
        reason = f"{listed(required)} must be written, and no severity requires a post-mortem that would be due"
        yield Remark("review.sections", reason)


_OWNED = re.compile(r"\baction items?\b|\bfollow-?ups?\b", re.IGNORECASE)


def _action_items(plan: Plan) -> Iterator[Remark]:
    """Action items get their due dates from the horizons."""
    for key, section in plan.review.sections.items() if not plan.review.horizons else ():
        if section.facts == "action_items" or _OWNED.search(f"{section.part} {section.title}"):
            yield Remark(f"review.sections.{key}", f'"{section.title}" has no horizon by which an action is due')
            return


def _before_the_close(plan: Plan) -> Iterator[Remark]:
    awaited = plan.recovery.close_requires
    if plan.recovery.confirm and Condition.RECOVERY_CONFIRMED not in awaited:
        yield Remark("recovery.confirm", "nothing waits for what is confirmed: the close does without it")
    if TICKET in plan.templates and Condition.TICKET_COMPLETE not in awaited:
        yield Remark(f"templates.{TICKET}", "nothing waits for the ticket: the close does without it")


@check(
    "close-demands-less",
    Level.NOTE,
    "A condition of the close says nothing about some severities.",
    mend="Nothing, if it is meant; otherwise require at these severities what the close waits for.",
)
def close_demands_less(plan: Plan) -> Iterator[Remark]:
    public = [one for one in plan.communication.audiences.values() if one.public]
    free = {
        Condition.REVIEW_SCHEDULED: [
            key for key, one in plan.severities.items() if one.post_mortem is not Need.REQUIRED
        ],
        Condition.FINAL_PUBLIC_UPDATE: [
            key for key in plan.severities if not any(key in one.cadence for one in public)
        ],
        Condition.RESOLUTION_NOTICE: [
            key for key in plan.severities if plan.recovery.notice and not any(key in one.cadence for one in public)
        ],
    }
    for number, condition in enumerate(plan.recovery.close_requires, start=1):
        if levels := free.get(condition):
            reason = f"the close waits for it, but not at {listed(levels)}, which owe no such thing"
            yield Remark(f"recovery.close_requires.{number}", reason)


@check(
    "resolves-unverified",
    Level.WARNING,
    "Incidents resolve themselves, past the checks before resolving.",
    mend="Leave the resolution to a person, or accept that a cleared alarm is enough.",
)
def resolves_unverified(plan: Plan) -> Iterator[Remark]:
    for key, severity in plan.severities.items() if plan.resolution.verification else ():
        if severity.resolves_itself_after is not None:
            reason = f"a {key} resolves itself, and nobody is asked for the {len(plan.resolution.verification)} checks"
            yield Remark(f"severities.{key}.resolves_itself_after", f"{reason} before resolving")


@check(
    "section-nobody-fills",
    Level.WARNING,
    "A required section that neither people nor the record fill.",
    mend="Give the section a prompt, so that somebody writes it, or facts, so that the record does.",
)
def section_nobody_fills(plan: Plan) -> Iterator[Remark]:
    for key, section in plan.review.sections.items():
        if section.required and not section.prompt and section.facts is None:
            yield Remark(f"review.sections.{key}", f'"{section.title}" is required, and nobody is asked to write it')


@check(
    "section-not-in-template",
    Level.WARNING,
    "A required section that the template of the document does not have.",
    mend="Put a heading of the same words into the template, or no longer require the section.",
)
def section_not_in_template(plan: Plan) -> Iterator[Remark]:
    template = plan.templates.get(POST_MORTEM)
    headings = {found.lower() for found in _HEADING.findall(template or "")}
    for key, section in plan.review.sections.items() if template is not None else ():
        if section.required and section.title.lower() not in headings:
            yield Remark(
                f"review.sections.{key}", f'"{section.title}" is required, and the template has no such heading'
            )


@check(
    "attendee-of-nothing",
    Level.NOTE,
    "A role is to attend a post-mortem that no incident fills.",
    mend="Ask for the role at a severity with a post-mortem, or invite somebody else.",
)
def attendee_of_nothing(plan: Plan) -> Iterator[Remark]:
    held = [one for one in plan.severities.values() if one.post_mortem is not Need.NONE]
    filled = {role for severity in held for role in severity.roles_within}
    for number, name in enumerate(plan.review.attendees, start=1):
        if name in plan.roles and name not in filled:
            yield Remark(f"review.attendees.{number}", f"no severity with a post-mortem asks for the role {name}")


@check(
    "history-out-of-order",
    Level.WARNING,
    "The plan's history is not in order, or its last line is not the plan's version.",
    mend="Write the history from the oldest line to the newest, and give the plan the version of the last.",
)
def history_out_of_order(plan: Plan) -> Iterator[Remark]:
    for number, (one, following) in enumerate(pairwise(plan.history), start=2):
        if following.on < one.on:
            yield Remark(f"history.{number}.on", f"{following.on} stands after {one.on}")
    versions = [one.version for one in plan.history]
    if plan.version in versions[:-1] and plan.version != versions[-1]:
        yield Remark("version", f"the plan says {plan.version}, and the last line of its history {versions[-1]}")


CHECKS: tuple[Check, ...] = (
    review_without_date,
    document_without_date,
    close_demands_less,
    resolves_unverified,
    section_nobody_fills,
    section_not_in_template,
    attendee_of_nothing,
    history_out_of_order,
)
