"""Where the plan's links lead: to files beside it, and to headings in them. Addresses on the web are not visited."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from tocsin.kit.text import nearest
from tocsin.plan.linting.findings import Around, Check, Level, Remark, check, check_around
from tocsin.plan.model import Plan

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_NAMED = re.compile(r"""<[a-z][a-z0-9]*\b[^>]*\b(?:id|name)=["']([^"']+)["']""", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def links(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every link of the plan, with its path."""
    for key, one in plan.types.items():
        if one.runbook is not None:
            yield f"types.{key}.runbook", one.runbook
    for name, target in plan.links.items():
        yield f"links.{name}", target


def files(plan: Plan) -> list[str]:
    """The files that the plan's links lead to, from the folder that the plan stands in."""
    return list(dict.fromkeys(name for _, target in links(plan) if (name := _file(target))))


def _file(target: str) -> str | None:
    """The file of a link, or None if it leads onto the web."""
    return None if _SCHEME.match(target) else unquote(target.partition("#")[0].partition("?")[0]) or None


def anchors(markdown: str) -> frozenset[str]:
    """The anchors that code hosts give the headings of a text, and those that it names itself."""
    found: dict[str, int] = {}
    names = set(_NAMED.findall(markdown))
    fence = ""
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or fence == mark[1]):
            fence = "" if fence else mark[1]
        elif not fence and (heading := _HEADING.match(line)):
            slug = _slug(heading[1])
            count = found[slug] = found.get(slug, -1) + 1
            names.add(f"{slug}-{count}" if count else slug)
    return frozenset(names)


def _slug(heading: str) -> str:
    text = _LINK.sub(r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@check_around(
    "dead-link",
    Level.WARNING,
    "A link leads to a file that is not there.",
    mend="Write the file, or the right path: it is looked for from the folder of the plan.",
    needs="documents",
)
def dead_link(plan: Plan, around: Around) -> Iterator[Remark]:
    documents = around.documents or {}
    for path, target in links(plan):
        name = _file(target)
        if name and name not in documents:
            hint = _hint(name, documents)
            yield Remark(path, f"{name} is not there{hint}")


@check_around(
    "dead-anchor",
    Level.WARNING,
    "A link leads to a heading that its file does not have.",
    mend="Write the heading into the file, or link to one that is there.",
    needs="documents",
)
def dead_anchor(plan: Plan, around: Around) -> Iterator[Remark]:
    documents = around.documents or {}
    for path, target in links(plan):
        name, anchor = _file(target), unquote(target.partition("#")[2])
        known = documents.get(name) if name else None
        if anchor and known is not None and anchor.lower() not in known:
            yield Remark(path, f"{name} has no heading #{anchor}{_hint(anchor, known)}")


def _hint(word: str, known: Iterable[str]) -> str:
    meant = nearest(word, sorted(known))
    return f"; did you mean {meant}?" if meant else ""


@check(
    "no-runbook",
    Level.NOTE,
    "A type has no runbook.",
    mend="Link to the procedure, or write one.",
)
def no_runbook(plan: Plan) -> Iterator[Remark]:
    for key, one in plan.types.items():
        if one.runbook is None:
            yield Remark(f"types.{key}", f'whoever meets "{one.name}" is led to no procedure')


CHECKS: tuple[Check, ...] = (dead_link, dead_anchor, no_runbook)
