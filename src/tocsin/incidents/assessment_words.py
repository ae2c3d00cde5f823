"""An assessment in words, the same on whatever it is read: a page, a message, a mail. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.changes.model import Kind as ChangeKind
from tocsin.incidents import words
from tocsin.incidents.assessment import RECENT, Assessment, How
from tocsin.kit.text import listed, span
from tocsin.plan.model import Plan
from tocsin.watch import courses
from tocsin.watch.courses import Course

LINES_MOST = 12  # of one part, in a message

CHANGE_NAMES = {
    ChangeKind.DEPLOYMENT: "Deployment",
    ChangeKind.CONFIGURATION: "Configuration",
    ChangeKind.FLAG: "Flag",
    ChangeKind.OTHER: "Change",
}


@dataclass(frozen=True)
class Line:
    """One line of the assessment. `how` chooses its mark; `href` is an address of another, `path` one of ours; `about`
    is whom it speaks of, where others may share what is said."""

    text: str
    how: How | None = None
    more: str = ""
    href: str = ""
    path: str = ""
    about: str = ""


@dataclass(frozen=True)
class Part:
    title: str
    lines: tuple[Line, ...]


def parts(plan: Plan, found: Assessment, *, are_drawn: bool = False) -> tuple[Part, ...]:
    """The assessment as everybody reads it, on whatever they read it; without the measures where those are drawn."""
    return (
        Part("Service", tuple(_service_lines(found))),
        *([Part("Measured", tuple(_course_lines(plan, found)))] if found.courses and not are_drawn else []),
        Part("Recent changes", tuple(_change_lines(plan, found))),
        Part("Vendors", tuple(_vendor_lines(found))),
        Part("Users affected", (Line(found.users.said, None, found.users.because),)),
        Part("Like it before", tuple(_similar_lines(found))),
    )


_FIRST = (How.TROUBLE, How.NOT_LOOKED, How.WELL)  # whoever is woken reads first what is wrong


def _service_lines(found: Assessment) -> Iterator[Line]:
    if found.unwatched:
        yield Line("Not looked at", How.NOT_LOOKED, found.unwatched)
    several = Counter(one.service for one in found.looks)
    for one in sorted(found.looks, key=lambda one: _FIRST.index(one.how)):
        states = listed(f"{name} {state}" for name, state in one.states.items())
        seen = f"{_ago(found.at - one.looked_at)} ago" if one.looked_at else ""
        which = f" {words.spaced(one.probe.partition('/')[2])}" if several[one.service] > 1 else ""
        yield Line(f"{one.service}{which}: {one.said}", one.how, "; ".join(filter(None, (states, seen))))


def _course_lines(plan: Plan, found: Assessment) -> Iterator[Line]:
    for one in found.courses:
        yield Line(f"{course_title(plan, one)}: {courses.said(one)}")


def course_title(plan: Plan, one: Course) -> str:
    service, _, which = one.name.partition("/")
    return f"{words.service_name(plan, service)} {words.spaced(which)}"


def _ago(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    return span(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def _change_lines(plan: Plan, found: Assessment) -> Iterator[Line]:
    if not found.changes:
        yield Line("None is known", None, f"in the {span(RECENT)} before it began, or since")
    for one in found.changes:
        change = one.change
        where = words.service_name(plan, change.service) if change.service else change.place
        about = (where, change.place if change.place != where else "", f"by {words.name(plan, change.by)}")
        more = ", ".join(dict.fromkeys(filter(None, about)))
        said = f"{one.when}: {CHANGE_NAMES[change.kind].lower()}, {change.what}"
        yield Line(said[:1].upper() + said[1:], None, more, href=change.link or "")


def _vendor_lines(found: Assessment) -> Iterator[Line]:
    if not found.vendors:
        yield Line("The plan names none for it")
    for one in sorted(found.vendors, key=lambda one: _FIRST.index(one.how)):
        said = {How.WELL: "no trouble known", How.TROUBLE: "in trouble", How.NOT_LOOKED: "not looked at"}[one.how]
        yield Line(f"{one.name}: {said}", one.how, one.because, href=one.status_page or "", about=one.name)


def _similar_lines(found: Assessment) -> Iterator[Line]:
    if not found.similar:
        yield Line("None on the record")
    for one in found.similar:
        day = words.day_and_minute(one.declared_at)
        said = f"#{one.number} {one.severity} {one.title}"
        yield Line(said, None, f"{day}; {one.how_alike}; {one.how_ended}", path=f"/incidents/{one.id}")


def _shortened(lines: Sequence[Line]) -> Iterator[Line]:
    """Of many, those in trouble, which stand first; the others are counted. Whoever is woken reads on a telephone."""
    if len(lines) <= LINES_MOST:
        yield from lines
        return
    shown = [one for one in lines if one.how in (None, How.TROUBLE)][:LINES_MOST]
    yield from shown
    counts = Counter(one.how for one in lines[len(shown) :])
    called = {How.TROUBLE: "more in trouble", How.NOT_LOOKED: "not known", How.WELL: "well"}
    if rest := [f"{counts[how]} {called[how]}" for how in _FIRST if counts[how]]:
        yield Line(f"And {listed(rest)}")


def text(found: Iterable[Part]) -> list[str]:
    """The same as lines of plain text, for a mail. One line speaks of all that are unknown for the same reason."""
    said = ["What is known without anybody asking:"]
    for part in found:
        unseen: dict[str, list[str]] = {}
        for one in part.lines:
            if one.about and one.how is How.NOT_LOOKED:
                unseen.setdefault(one.more, []).append(one.about)
        told = [one for one in part.lines if not (one.about and one.how is How.NOT_LOOKED)]
        told = list(_shortened(told))
        for more, names in unseen.items():
            told.append(Line(f"{listed(names)}: not looked at", None, more if len(names) == 1 else ""))
        said += [f"{part.title}:", *(f"- {one.text}{f' ({one.more})' if one.more else ''}" for one in told)]
    return said
