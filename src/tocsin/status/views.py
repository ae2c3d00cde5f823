"""What the public page shows, in words and plain values: templates decide nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tocsin.comms import statuspage
from tocsin.comms.language import Words, clock
from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.comms.statuspage import PublicComponent, PublicIncident, PublicPage, PublicUpdate
from tocsin.comms.uptime import DAYS, Uptime, uptime
from tocsin.kit.text import span
from tocsin.plan.model import Stage
from tocsin.status import bars
from tocsin.status.words import CATALOGUES

EARLIER = timedelta(days=14)
MINUTE = timedelta(minutes=1)  # that goes on while a page is shown: `now` is its beginning
ENGLISH = CATALOGUES["en"]  # in which posted updates name their stage

MARKS = {
    "major_outage": "down",
    "partial_outage": "partial",
    "degraded_performance": "degraded",
    "under_maintenance": "maintenance",
    "operational": "ok",
}
"""The shape beside each state of a component; worst first."""

BANNER = {"critical": "missed", "major": "missed", "minor": "due", "maintenance": "due", "none": "ok"}
MARK = {"critical": "down", "major": "partial", "minor": "degraded", "maintenance": "maintenance", "none": "ok"}


@dataclass(frozen=True)
class Told:
    """An update as it is read: its stage in words, its instant, and its paragraphs, each a list of lines."""

    stage: str
    at: str
    iso: str
    ago: str
    paragraphs: list[list[str]]


@dataclass(frozen=True)
class Step:
    name: str
    mark: str
    word: str
    is_current: bool


@dataclass(frozen=True)
class Article:
    id: str
    name: str
    steps: list[Step]
    updates: list[Told]
    about: str
    is_over: bool


@dataclass(frozen=True)
class Past:
    """A line of what is over. `link` is the incident's id, empty for maintenance."""

    link: str
    name: str
    day: str
    last_word: str
    lasted: str
    mark: str
    word: str
    at: datetime


@dataclass(frozen=True)
class Planned:
    id: str
    name: str
    text: str
    when: str
    affects: str
    goes_on: bool


@dataclass(frozen=True)
class Part:
    name: str
    description: str
    mark: str
    state: str
    bars: bars.Bars
    up: str
    since: str
    trouble: str
    bad_days: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Group:
    """A heading over parts; without a name, those that stand under none."""

    name: str
    parts: list[Part]


@dataclass(frozen=True)
class Month:
    path: str
    name: str


# ---- The page as a whole ---------------------------------------------------------------------------------------------


def banner(page: PublicPage, words: Words) -> dict[str, str]:
    present = [one for one in page.incidents if not one.is_over]
    worst = statuspage.indicator(page)
    is_unnamed = present and worst == "none"
    return {
        "sentence": sentence(page.components, present, words),
        "banner": "due" if is_unnamed else BANNER[worst],
        "mark": "degraded" if is_unnamed else MARK[worst],
    }


def sentence(components: Sequence[PublicComponent], present: Sequence[PublicIncident], words: Words) -> str:
    """How everything is, in a sentence: `Memory is down. Everything else works.`"""
    order = statuspage.STATUSES
    troubled = [one for one in components if one.status != statuspage.OPERATIONAL]
    troubled.sort(key=lambda one: order.index(one.status))
    if not troubled:
        return words.says("unnamed" if present else "works")
    said = [_is(status, [one.name for one in those], words) for status, those in groupby(troubled, lambda x: x.status)]
    rest = f" {words.says('else_works')}" if len(troubled) < len(components) else ""
    return f"{'; '.join(said)}.{rest}"


def _is(status: str, names: Sequence[str], words: Words) -> str:
    return words.counted(status, len(names), names=words.listed(names))


def groups(page: PublicPage, words: Words, now: datetime) -> list[Group]:
    """Every component in the order of the plan: a group where its first one stands, the others between."""
    named = {group.id: group for group in page.groups}
    found: dict[str, Group] = {}
    free = 0
    for one in page.components:
        free += one.group is not None and one.group not in found  # those without a heading go on under none
        key = one.group or f"after {free}"
        group = found.setdefault(key, Group(named[key].name if key in named else "", []))
        group.parts.append(_part(page, one, words, now))
    return list(found.values())


def _part(page: PublicPage, one: PublicComponent, words: Words, now: datetime) -> Part:
    found = uptime(one.id, page.incidents, page.began_at, now + MINUTE)
    measured = [day for day in found.days if day.impact is not None]
    bad = [day for day in measured[::-1] if day.impact != "none"]
    up = words.says("unmeasured") if found.percent is None else words.says("up", percent=words.percent(found.percent))
    is_whole = len(measured) == DAYS
    since = words.says("measured_since", day=words.day(measured[0].on)) if measured and not is_whole else ""
    return Part(
        name=one.name,
        description=one.description,
        mark=MARKS[one.status],
        state=words.says(f"state_{one.status}"),
        bars=bars.drawn(found, words.says("uptime", name=one.name, days=DAYS, said=_trouble(found, words))),
        up=up,
        since=since or words.says("days_ago", days=DAYS),
        trouble=_trouble(found, words),
        bad_days=[(words.day(day.on), _state(day.impact, words), _lasted(day.troubled, words)) for day in bad],
    )


def _trouble(found: Uptime, words: Words) -> str:
    bad = sum(day.impact not in (None, "none") for day in found.days)
    return words.counted("trouble", bad) if bad else words.says("no_trouble")


def _state(impact: str | None, words: Words) -> str:
    return words.says(f"state_{statuspage.COMPONENT_STATUS[impact or 'none']}")


# ---- Incidents -------------------------------------------------------------------------------------------------------


def article(page: PublicPage, incident: PublicIncident, words: Words, now: datetime, *, live: bool) -> Article:
    """`live`: the page is rendered when it is read, so that it may say how long ago something was."""
    names = words.listed(one.name for one in page.components if one.id in incident.components)
    about = [words.says("began", at=words.when(incident.started_at, now))]
    about += [words.says("over", at=words.when(incident.resolved_at, now))] if incident.resolved_at else []
    about += [words.says("affected" if incident.is_over else "affects", names=names)] if names else []
    return Article(
        id=incident.id,
        name=incident.name,
        steps=list(_steps(incident, words)),
        updates=[_told(update, words, now, live=live) for update in incident.updates],
        about=" ".join(about),
        is_over=incident.is_over,
    )


def _steps(incident: PublicIncident, words: Words) -> Iterator[Step]:
    """The four stages: those behind, the present one, those to come."""
    reached = list(Stage).index(incident.stage)
    for place, stage in enumerate(Stage):
        name, is_current = words.says(f"stage_{stage}"), place == reached
        if place < reached or incident.is_over:
            yield Step(name, "met", words.says("step_done"), is_current)
        elif is_current:
            yield Step(name, "due", words.says("step_now"), is_current)
        else:
            yield Step(name, "open", words.says("step_next" if place == reached + 1 else "step_later"), is_current)


def _told(update: PublicUpdate, words: Words, now: datetime, *, live: bool) -> Told:
    return Told(
        stage=words.says(f"stage_{update.stage}"),
        at=words.when(update.at, now),
        iso=statuspage.instant(update.at),
        ago=_ago(now - update.at.replace(second=0, microsecond=0), words) if live else "",
        paragraphs=_paragraphs(update),
    )


def _ago(length: timedelta, words: Words) -> str:
    """How long ago, while that is less than an hour."""
    minutes = length // timedelta(minutes=1)
    if not 0 <= minutes < 60:
        return ""
    return words.says("ago", minutes=minutes) if minutes else words.says("just_now")


def _paragraphs(update: PublicUpdate) -> list[list[str]]:
    blocks = (block.strip() for block in update.news.split("\n\n"))
    return [block.split("\n") for block in blocks if block]


# ---- What is over ----------------------------------------------------------------------------------------------------


def past(page: PublicPage, words: Words) -> list[Past]:
    """Incidents and maintenance that are over, the latest first."""
    over = [_past(one, words) for one in page.incidents if one.is_over]
    done = [_done(one, words) for one in page.maintenances if one.is_over]
    return sorted([*over, *done], key=lambda one: one.at, reverse=True)


def _past(incident: PublicIncident, words: Words) -> Past:
    ended = incident.resolved_at or incident.updated_at
    last = " ".join(next(iter(_paragraphs(incident.updates[0])), []))
    lasted = _lasted(ended - incident.started_at, words)
    return Past(incident.id, incident.name, words.day(ended), last, lasted, "met", words.says("stage_resolved"), ended)


def _done(one: PublicMaintenance, words: Words) -> Past:
    lasted, word = _lasted(one.ends_at - one.starts_at, words), words.says("mark_maintenance")
    return Past("", one.name, words.day(one.ends_at), one.text, lasted, "maintenance", word, one.ends_at)


def months(page: PublicPage, now: datetime) -> list[str]:
    """The months that the page goes back to, the present one first."""
    ended = [one.resolved_at or one.updated_at for one in page.incidents if one.is_over]
    ended += [one.ends_at for one in page.maintenances if one.is_over]
    return statuspage.months_between(statuspage.month_of(min([now, *ended])), statuspage.month_of(now))


def month(path: str, words: Words) -> Month:
    return Month(path, words.month(statuspage.bounds(path)[0]))


def _lasted(length: timedelta, words: Words) -> str:
    minutes = length // timedelta(minutes=1)
    return span(timedelta(minutes=minutes)) if minutes > 0 else words.says("short")


# ---- Maintenance -----------------------------------------------------------------------------------------------------


def planned(page: PublicPage, words: Words, now: datetime) -> list[Planned]:
    return [_planned(page, one, words, now) for one in page.maintenances[::-1] if not one.is_over]


def _planned(page: PublicPage, one: PublicMaintenance, words: Words, now: datetime) -> Planned:
    goes_on = one.progress is Progress.IN_PROGRESS
    until = words.when(one.ends_at, now if goes_on else one.starts_at)
    begin = f"{words.day(one.starts_at)} {clock(one.starts_at)}"
    return Planned(
        id=statuspage.stable_id("maintenance", one.id),
        name=one.name,
        text=one.text,
        when=words.says("planned_now", until=until)
        if goes_on
        else words.says("planned_span", begin=begin, until=until),
        affects=words.listed(each.name for each in page.components if each.id in one.components),
        goes_on=goes_on,
    )
