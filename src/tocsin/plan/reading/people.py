"""Who: the roles of a document, its rotation and its escalation, as far as they can be read without names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from tocsin.plan.reading import words
from tocsin.plan.reading.draft import (
    Branch,
    Claim,
    Hole,
    Notes,
    Row,
    Said,
    Value,
    lines_of,
    list_of,
    of_list,
    said,
    text_of,
)
from tocsin.plan.reading.outline import Kind, Node

MAX_ROLES = 40  # each is looked for in each promise; a longer list is not one of roles
PEOPLE = Hole("everybody the plan names: a handle for each, with a name; groups of them go under teams")

_PURPOSE = re.compile(r"(?:primary |main |core )?(?:responsibility|purpose|mission|goal|summary|description)", re.I)
_DUTIES = re.compile(r"(?:key |main |core )?(?:duties|responsibilities|tasks)", re.I)
_WHO = re.compile(r"who|eligible|filled by|held by|assigned to|typically|assignee|owner", re.I)
_ROLE_SECTION = re.compile(r"\broles?\b|\bresponse team\b", re.I)
_ANYBODY = re.compile(
    r"(?:any(?:one|body)?|every(?:one|body)?)(?: available)?(?: team)?(?: members?| person)?"
    r"(?: who is (?:free|available))?\W*",
    re.I,
)


# --- Roles ------------------------------------------------------------------------------------------------------------


def role_nodes(root: Node) -> dict[str, Node]:
    """The roles by key. A role has duties or somebody who holds it, or stands in a list of roles."""
    found: dict[str, Node] = {}
    for node in islice(filter(_is_role, root.walk()), MAX_ROLES):
        key = words.slug(node.label, "role")
        # `on_call` is a word of the format: whoever is paged.
        found[words.fresh("on_call_role" if key == "on_call" else key, found)] = node
    return found


def _is_role(node: Node) -> bool:
    if not node.label or words.level(node.label):
        return False
    if node.kind in (Kind.HEADING, Kind.LABEL):
        described = [node.labelled(_PURPOSE), node.labelled(_DUTIES), node.labelled(_WHO)]
        return bool(described[1] or described[2]) and node.under(_ROLE_SECTION)
    near = node.above.above if node.kind is Kind.ROW and node.above else node.above
    listed = node.kind is Kind.ROW or (node.kind is Kind.ITEM and bool(node.rest))
    return bool(listed and near and near.kind is Kind.HEADING and _ROLE_SECTION.search(near.label))


def roles(found: Mapping[str, Node]) -> Value:
    if not found:
        return Hole("what people can be during an incident: for each role a purpose, duties and who may hold it")
    sections = [next(iter(node.up()), node) for node in found.values()]
    return Branch({key: _role(node) for key, node in found.items()}, lines_of(sections[:1]))


def _role(node: Node) -> Branch:
    purpose, duties, who = (next(iter(node.labelled(one)), None) for one in (_PURPOSE, _DUTIES, _WHO))
    if node.kind is Kind.ITEM:
        says: Said | Hole = Said(node.rest, node.lines)
    else:
        says = text_of(purpose, "what the role is for, in a sentence")
    entries: dict[str, Value] = {
        "name": Said(node.label, node.lines),
        "purpose": says,
        "duties": of_list(duties, "what its holder does"),
        "eligible": _eligible(who),
    }
    return Branch(entries, node.lines)


def _eligible(who: Node | None) -> Value:
    if who is None:
        return Hole("people and teams who may hold the role")
    if _ANYBODY.fullmatch(who.rest):
        return Row((Said("everyone", who.lines, f'"{who.rest}" is everyone'),))
    parts = [who, *who.items()]
    described = "; ".join(one.text for one in parts if one.text)
    return Hole(f'people and teams who may hold the role; the document says "{described}"', lines_of(parts))


def named_in(text: str, found: Mapping[str, Node]) -> list[str]:
    """The roles that a text names, by their name or by what stands in brackets behind it."""
    return [key for key, node in found.items() if _names(text, node)]


def _names(text: str, node: Node) -> bool:
    if node.label.lower() in text.lower() and re.search(rf"\b{re.escape(node.label)}\b", text, re.I):
        return True
    return bool(re.fullmatch(r"[A-Z]{2,5}", node.remark)) and bool(re.search(rf"\b{node.remark}\b", text))


# --- Rotations --------------------------------------------------------------------------------------------------------

_ON_CALL = re.compile(r"\bon-?\s?call\b|\brotations?\b", re.I)
_TURNS = (
    (re.compile(r"\b(?:every (?:two|2) weeks|two-week|2-week|fortnightly)\b", re.I), 14),
    (re.compile(r"(?<![\w-])(?:weekly|one week|1 week|week-long|every week)\b", re.I), 7),
    (re.compile(r"\b(?:daily|every day|one day)\b", re.I), 1),
    (re.compile(r"\b(?:monthly|every month)\b", re.I), 30),
)
_TURN_WORDS = re.compile(r"rotat|shift|turn|schedule", re.I)
_HANDOFF = re.compile(r"\bhand-?\s?(?:off|over)s?\b", re.I)
_TURN_DUTIES = re.compile(
    r"(?:the )?(?:on-?\s?call )?(?:engineer )?(?:responsibilities|duties|tasks|expectations)", re.I
)
_HANDED_OVER = re.compile(
    r"(?:on-?\s?call |shift )?hand-?\s?(?:off|over)s?(?: duties| notes?| checklist| includes?)?|what is handed over",
    re.I,
)
_TIME = re.compile(r"(?<![\w:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")
_ZONE = re.compile(r"\b(?:UTC|(?:Africa|America|Asia|Atlantic|Australia|Europe|Pacific)/[A-Z]\w+)\b")
_MORNING = re.compile(r"\s*[ap]\.?m\b", re.I)


def rotations(root: Node, notes: Notes) -> Value:
    """One rotation, where a section tells of being on call."""
    section = next((one for one in root.walk() if one.kind is Kind.HEADING and _ON_CALL.search(one.label)), None)
    if section is None:
        return Hole("who takes turns: people in order, the first day, the hour of the handoff and its zone")
    parts = [one for one in section.walk() if one.kind is not Kind.FENCE]
    days = notes.settle("the length of a turn", _turns(parts))
    hour, zone = _handoff(parts)
    entries: dict[str, Value] = {
        "name": Said(section.label, section.lines),
        "people": Hole("handles in the order of their turns"),
        "starts_on": Hole("the day of the first handoff"),
        "handoff": said(hour, 'the hour of the handoff, such as "09:00"'),
        "zone": said(zone, "the zone of that hour, such as Europe/Berlin"),
        "days": Said(int(days.written), days.lines, days.how) if days else Hole("how many days a turn takes"),
    }
    for key, pattern in (("duties", _TURN_DUTIES), ("handed_over", _HANDED_OVER)):
        labelled = [one for one in parts if one.label and pattern.fullmatch(one.label) and one.items()]
        if labelled:
            entries[key] = list_of(labelled[0].items(), labelled[0].lines)
    return Branch({"on_call": Branch(entries)}, section.lines)


def _turns(parts: Iterable[Node]) -> Iterator[Claim]:
    for one in parts:
        if _TURN_WORDS.search(one.text):
            length = next((days for pattern, days in _TURNS if pattern.search(one.text)), None)
            if length is not None:
                yield Claim(length, str(length), one.lines, "a month counts as 30 days" if length == 30 else "")


def _handoff(parts: Iterable[Node]) -> tuple[Claim | None, Claim | None]:
    for one in parts:
        times = list(_TIME.finditer(one.text)) if _HANDOFF.search(one.text) else []
        if len(times) == 1 and not _MORNING.match(one.text, times[0].end()):
            hour = f"{int(times[0][1]):02d}:{times[0][2]}"
            zone = _ZONE.search(one.text)
            return Claim(hour, hour, one.lines), Claim(zone[0], zone[0], one.lines) if zone else None
    return None, None


# --- Escalation -------------------------------------------------------------------------------------------------------

_ESCALATION = re.compile(r"^(?:the )?escalation(?: (?:policy|path|steps|chain|procedure|matrix))?$", re.I)
_ALL_HANDS = re.compile(r"\ball hands\b|\beveryone\b|\bentire (?:team|company)\b", re.I)
_PAGES = re.compile(r"\bcommander\b|\bengineer(?:s|ing)?\b|\bon-?call\b|\bpage[ds]?\b|\bescalat\w+|\bteams?\b", re.I)


def escalation_section(root: Node) -> Node | None:
    """Where the document says step by step who is paged."""
    titled = (one for one in root.walk() if one.kind in (Kind.HEADING, Kind.LABEL) and _ESCALATION.match(one.label))
    return next((one for one in titled if one.items()), None)


def policy_of(section: Node) -> Branch:
    return Branch({"steps": Row(tuple(_step(item) for item in section.items()))}, section.lines)


def _step(item: Node) -> Branch:
    """A step pages somebody whom only people can name; how long they have may be said."""
    waits = words.any_span(item.text)
    page: Value = Hole(f'rotations, teams or people; the document says "{item.text}"', item.lines)
    if _ALL_HANDS.search(item.text):
        page = Row((Said("everyone", item.lines),))
    wait = "how long they have before the next step; the time in the line may be the wait before this one"
    if waits is None:
        wait = "how long they have before the next step"
    return Branch({"page": page, "wait": Hole(wait, item.lines if waits else ())})


def policy_for(level: str, hints: Iterable[Node]) -> Branch:
    """The policy of a severity that has no steps of its own: only whom its requirements name."""
    speaking = [one for one in hints if _ALL_HANDS.search(one.text) or _PAGES.search(one.text)]
    everyone = [one for one in speaking if _ALL_HANDS.search(one.text)]
    wait = Hole("how long they have before the next step, or before this one is repeated")
    if everyone:
        page = Row((Said("everyone", lines_of(everyone), f'"{everyone[0].text}" pages everyone'),))
        return Branch({"steps": Row((Branch({"page": page, "wait": wait}),))})
    if not speaking:
        return Branch({"steps": Hole(f"who is paged for {level}, step by step; if nobody is, take out this policy")})
    described = "; ".join(one.text for one in speaking)
    named = Hole(f'rotations, teams or people; the document says "{described}"', lines_of(speaking))
    return Branch({"steps": Row((Branch({"page": named, "wait": wait}),))})
