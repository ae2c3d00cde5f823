"""How it ends: the ways out, what is verified, the watch after the fix, what is confirmed, and what the close needs."""

import re
from collections.abc import Iterable, Iterator

from tocsin.plan.model import Condition
from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Claim, Notes, Row, Said, Value, lines_of, said, whole
from tocsin.plan.reading.outline import Kind, Node, apart

_CHOOSE = re.compile(
    r"\b(?:choose|pick|select|decide on)\b.*\b(?:strateg\w+|resolution|way out|fix|approach|option|remedy)\b"
    r"|\b(?:resolution|fix|recovery|repair) (?:strategies|options|approaches)\b|\bways out\b",
    re.I,
)
_VERIFY = re.compile(
    r"(?:verif\w+|validat\w+|check)(?: of)?(?: that)?(?: the)? (?:resolution|fix|repair|solution)\b.*"
    r"|(?:resolution )?verification(?: checks?| steps?| criteria)?",
    re.I,
)
_CONFIRM = re.compile(
    r"confirm\w*(?: that)?(?: the| full| complete| of)* recovery\b.*|recovery (?:criteria|confirmations?|checks?)"
    r"|(?:criteria|confirmations?) (?:of|for) (?:full )?recovery",
    re.I,
)
_CLOSE = re.compile(
    r"clos(?:e|ing|ure)\b(?: (?:the |of )?(?:the )?incidents?)?(?: criteria| checklist| requires?)?", re.I
)
_CLOSED_BY = (
    (Condition.FINAL_PUBLIC_UPDATE, re.compile(r"\b(?:final|last|closing)\b.*\b(?:update|post|status|word)\b", re.I)),
    (
        Condition.REVIEW_SCHEDULED,
        re.compile(
            r"\bschedul\w+\b.*\b(?:post-?mortem|review|retrospective)\b|\b(?:post-?mortem|review)\b.*schedul", re.I
        ),
    ),
    (Condition.TICKET_COMPLETE, re.compile(r"\b(?:ticket|incident record)\b", re.I)),
    (Condition.TEAM_THANKED, re.compile(r"\bthank\w*\b", re.I)),
)
_WATCH = re.compile(r"\b(?:watch|monitor|observe)\w*\b", re.I)
_AFTER = re.compile(r"\b(?:post-?\s?fix|after|stab\w+|regression|before closing|following)\b", re.I)


# --- Before it is called resolved -------------------------------------------------------------------------------------


def resolution(root: Node) -> Branch | None:
    choices = _section(root, _CHOOSE, by_search=True)
    checks = _section(root, _VERIFY)
    entries: dict[str, Value] = {}
    if choices and len(choices.items()) > 1:
        entries["strategies"] = _strategies(choices)
    if checks:
        entries["verification"] = Branch(dict(_keyed(checks.items(), "check")), checks.lines)
    return Branch(entries) if entries else None


def _section(root: Node, pattern: re.Pattern[str], *, by_search: bool = False) -> Node | None:
    """The first heading, label or item of this title that has items of its own."""
    for node in root.walk():
        if node.kind in (Kind.HEADING, Kind.LABEL, Kind.ITEM) and node.items():
            title = (node.label or node.text).rstrip(":")
            if pattern.search(title) if by_search else pattern.fullmatch(title):
                return node
    return None


def _strategies(node: Node) -> Branch:
    found: dict[str, Value] = {}
    for item in node.items():
        name, remark = (item.label, item.rest) if item.label else apart(item.text)
        entries: dict[str, Value] = {"name": Said(name, item.lines)}
        if remark:
            entries["description"] = Said(remark, item.lines)
        found[words.fresh(words.slug(name, "strategy"), found)] = Branch(entries)
    return Branch(found, node.lines)


def _keyed(items: Iterable[Node], otherwise: str) -> Iterator[tuple[str, Said]]:
    taken: set[str] = set()
    for item in items:
        if item.text:
            key = words.fresh(words.slug(item.text, otherwise), taken)
            taken.add(key)
            yield key, Said(whole(item), lines_of([item, *item.walk()]))


# --- Afterwards -------------------------------------------------------------------------------------------------------


def recovery(root: Node, notes: Notes) -> Value:
    claims = [claim for node in root.walk() if (claim := _watch(node))]
    settled = notes.settle("how long the service is watched after the fix", claims)
    confirmed = _section(root, _CONFIRM)
    entries: dict[str, Value] = {
        "watch_for": said(settled, "how long the service is watched after the fix, such as 30 min")
    }
    if confirmed:
        entries["confirm"] = Branch(dict(_keyed(confirmed.items(), "confirmation")), confirmed.lines)
    if closes := _close(root, settled, confirmed):
        entries["close_requires"] = closes
    return Branch(entries)


def _watch(node: Node) -> Claim | None:
    if node.kind not in (Kind.ITEM, Kind.SENTENCE) or not (_WATCH.search(node.text) and _AFTER.search(node.text)):
        return None
    length = words.any_span(node.text) if not words.every(node.text) else None
    return Claim(length.length, length.written, node.lines, length.how) if length else None


def _close(root: Node, watch: Claim | None, confirmed: Node | None) -> Row | None:
    """What the document demands before an incident is closed; what it only does then stays an action."""
    section = _section(root, _CLOSE)
    found: dict[Condition, Said] = {}
    for item in section.items() if section else []:
        condition = next((one for one, pattern in _CLOSED_BY if pattern.search(item.text)), None)
        if condition and condition not in found:
            found[condition] = Said(condition.value, item.lines, f'"{item.text}" is taken for it')
    if not found or section is None:
        return None
    before: list[Said] = []
    if watch:
        before.append(Said(Condition.RECOVERED.value, watch.lines, "the watch comes before the close"))
    if confirmed:
        before.append(Said(Condition.RECOVERY_CONFIRMED.value, confirmed.lines, "it comes before the close"))
    return Row((*before, *found.values()), section.lines)
