"""By which of their contact methods a person is paged, and when: as their rules say for this urgency at this hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.kit import wall
from tocsin.people.model import ContactMethod, ContactRule, Urgency

AT_ONCE = timedelta(0)
LONGEST_QUIET = 3  # stretches of quiet hours, one after the other


@dataclass(frozen=True)
class Way:
    """One contact method, so long after now."""

    method: ContactMethod
    after: timedelta = AT_ONCE


def ways(
    methods: Sequence[ContactMethod], rules: Sequence[ContactRule], urgency: Urgency, zone: str, now: datetime
) -> list[Way]:
    """How to page somebody now. Without a rule that holds, by all their verified methods at once.

    A page is never lost to a rule: one whose methods are all gone counts as none, and the first method left is used at
    once. Only what is not urgent waits for the end of quiet hours.
    """
    verified = [one for one in methods if one.verified_at is not None]
    held = AT_ONCE
    for _ in range(LONGEST_QUIET if verified else 0):
        rule = _holding(rules, urgency, (now + held).astimezone(ZoneInfo(zone)))
        if rule is None:
            break
        if rule.steps or urgency is Urgency.HIGH:
            found = _steps(verified, rule)
            return [Way(one.method, one.after + held) for one in found or _all(verified)]
        held = _end(rule, now + held, zone) - now
    return [Way(one.method, held) for one in _all(verified)]


def quiet_until(rules: Sequence[ContactRule], zone: str, now: datetime) -> datetime:
    """When what is not urgent may come: at once, or at the end of the quiet hours that it is now."""
    until = now
    for _ in range(LONGEST_QUIET):
        rule = _holding(rules, Urgency.LOW, until.astimezone(ZoneInfo(zone)))
        if rule is None or rule.steps:
            break
        until = _end(rule, until, zone)
    return until


def _holding(rules: Sequence[ContactRule], urgency: Urgency, local: datetime) -> ContactRule | None:
    """The rule that holds: one with hours before one without."""
    of_this = [one for one in rules if one.urgency is urgency and one.covers(local.time())]
    return min(of_this, key=lambda one: one.begins is None, default=None)


def _steps(verified: Sequence[ContactMethod], rule: ContactRule) -> list[Way]:
    by_id = {one.id: one for one in verified}
    found = [Way(by_id[step.contact_id], step.after) for step in rule.steps if step.contact_id in by_id]
    first = min((one.after for one in found), default=AT_ONCE)
    return sorted((Way(one.method, one.after - first) for one in found), key=lambda one: one.after)


def _all(verified: Sequence[ContactMethod]) -> list[Way]:
    return [Way(one) for one in verified]


def _end(rule: ContactRule, instant: datetime, zone: str) -> datetime:
    """When the hours end that this instant lies in; of a rule without hours, never: so at once."""
    if rule.ends is None:
        return instant
    shown = wall.shown_at(zone, instant)
    end = wall.local_of(instant.astimezone(ZoneInfo(zone)).date(), rule.ends)
    if end <= shown:
        end += wall.DAY
    reached = wall.reached_at(zone, end)
    # In an hour that is put back this time comes twice: in the second, the first of them is over.
    return reached if reached > instant else instant.replace(microsecond=0) + timedelta(seconds=end - shown)
