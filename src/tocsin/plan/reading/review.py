"""What comes after: the meeting, the document, and the horizons of what was decided."""

import re
from collections.abc import Mapping

from tocsin.plan.model import RESPONDERS
from tocsin.plan.reading import people, words
from tocsin.plan.reading.draft import Branch, Claim, Hole, Notes, Row, Said, Value, lines_of, list_of, said, whole
from tocsin.plan.reading.outline import Kind, Node

_REVIEW = re.compile(r"\bpost-?\s?mortem|\bpost-incident|\bincident review|\bretrospective|\breviews?\b", re.I)
_MEETING = re.compile(r"timing|when|schedule|meeting|time ?frame|deadline|held(?: within)?", re.I)
_DURATION = re.compile(r"duration|length|time", re.I)
_ATTENDEES = re.compile(r"(?:required )?(?:attendees|participants|who(?: attends)?|invitees)", re.I)
_AGENDA = re.compile(r"(?:meeting )?agenda", re.I)
_SECTIONS = re.compile(r"(?:required )?(?:sections|contents)|must (?:contain|include)", re.I)
_MINUTES = re.compile(r"\s*[(–—-]?\s*(\d{1,3})\s*-?\s*min(?:ute)?s?\.?\s*\)?\s*$", re.I)
_LEADS = re.compile(
    r"\b(?:leads?|runs?|facilitates?|holds?|owns?)\b.*(?:\bpost-?mortem|\bretrospective|\bincident review)", re.I
)
_HELD = re.compile(
    r"\b(?:post-?mortem|retrospective|incident review|review meeting)s?\b.*\b(?:held|within|scheduled|conducted)\b",
    re.I,
)
_FOLLOW_UP = re.compile(r"\bfollow-?\s?ups?\b|\baction items?\b|\bhorizons?\b", re.I)
BY_TITLE = "what the record knows, by the section's title"
FACTS = {
    "executive summary": "summary_facts",
    "summary": "summary_facts",
    "timeline": "timeline",
    "impact": "impact",
    "impact assessment": "impact",
    "detection": "detection",
    "response": "response",
    "resolution": "resolution",
    "response evaluation": "response",
    "action items": "action_items",
    "related incidents": "related",
}


def review(root: Node, roles: Mapping[str, Node], notes: Notes) -> Branch:
    nodes = [node for node in root.walk() if node.kind is not Kind.FENCE and _about(node)]
    meeting = notes.settle("when the review is held", [one for node in nodes if (one := _meeting(node))])
    length = notes.settle("the length of the review", [one for node in nodes if (one := _length(node))])
    attendees = next((node for node in nodes if _ATTENDEES.fullmatch(node.label) and _says(node)), None)
    agenda = next((node for node in nodes if _AGENDA.fullmatch(node.label) and node.items()), None)
    sections = next((node for node in nodes if _SECTIONS.fullmatch(node.label) and node.items()), None)
    entries: dict[str, Value] = {
        "meeting_within": said(meeting, "how soon after the resolution the meeting is held"),
        "minutes": Said(int(length.written), length.lines) if length else Hole("how many minutes the meeting takes"),
        "attendees": _attendees(attendees, roles),
        "agenda": _agenda(agenda, length, notes),
        "sections": _sections(sections),
    }
    if owner := _owner(roles):
        entries = {"owner": owner} | entries
    if horizons := _horizons(root):
        entries["horizons"] = horizons
    return Branch(entries)


def _about(node: Node) -> bool:
    return bool(_REVIEW.search(node.label)) or node.under(_REVIEW) or bool(_HELD.search(node.text))


def _says(node: Node) -> bool:
    return bool(node.items() or node.rest)


def _meeting(node: Node) -> Claim | None:
    """`Timing: within 48 hours of resolution`, or a sentence that says so."""
    labelled = _MEETING.fullmatch(node.label)
    if not (labelled or (node.kind in (Kind.ITEM, Kind.SENTENCE) and _HELD.search(node.text))):
        return None
    soon = words.within(node.rest if labelled else node.text)
    return Claim(soon.length, soon.written, node.lines, soon.how) if soon else None


def _length(node: Node) -> Claim | None:
    long = words.any_span(node.rest) if _DURATION.fullmatch(node.label) else None
    minutes = round(long.length.total_seconds() / 60) if long else 0
    return Claim(minutes, str(minutes), node.lines) if 0 < minutes <= 24 * 60 else None


def _attendees(node: Node | None, roles: Mapping[str, Node]) -> Value:
    if node is None:
        return Hole("roles, teams and people, or responders: everybody who worked on the incident")
    named = [(item.text, item) for item in node.items()] or [(one.strip(), node) for one in node.rest.split(",")]
    return Row(tuple(_attendee(text, item, roles) for text, item in named if text), node.lines)


def _attendee(text: str, item: Node, roles: Mapping[str, Node]) -> Said | Hole:
    found = people.named_in(text, roles)
    if len(found) == 1:
        return Said(found[0], item.lines)
    if re.fullmatch(r"(?:all |any )?(?:incident )?(?:responders|participants|involved|everyone involved)", text, re.I):
        return Said(RESPONDERS, item.lines)
    return Hole(f'a role, team or person; the document says "{text}"', item.lines)


def _agenda(node: Node | None, length: Claim | None, notes: Notes) -> Value:
    if node is None:
        return Hole("topics, each with its minutes, that fit into the meeting")
    topics = [_topic(item) for item in node.items()]
    counts = [one.entries["minutes"] for one in topics]
    planned = sum(one.value for one in counts if isinstance(one, Said) and isinstance(one.value, int))
    if length and isinstance(length.value, int) and planned > length.value:
        total = Claim(planned, f"{planned} min", lines_of(node.items()))
        kept = Claim(length.value, f"{length.value} min", length.lines)
        notes.differ("the length of the review", kept, total, "the topics take longer than the meeting; both are kept")
    return Row(tuple(topics), node.lines)


def _topic(item: Node) -> Branch:
    text = next((one.rest for one in item.children), "") if item.kind is Kind.ROW else whole(item)
    timed = _MINUTES.search(text)
    topic = text[: timed.start()].strip() if timed else text
    count = int(timed[1]) if timed else _minutes_of(item)
    minutes: Value = Said(count, item.lines) if count else Hole("minutes")
    return Branch({"topic": Said(topic or text, lines_of([item, *item.walk()])), "minutes": minutes})


def _minutes_of(row: Node) -> int:
    """The minutes in a row of a table, in a cell of their own."""
    for cell in row.children[1:] if row.kind is Kind.ROW else ():
        bare = re.fullmatch(r"\d{1,3}", cell.rest) if re.search(r"\bmin", cell.label, re.I) else None
        long = words.any_span(cell.rest)
        if bare or long:
            return int(cell.rest) if bare else round(long.length.total_seconds() / 60) if long else 0
    return 0


def _sections(node: Node | None) -> Value:
    if node is None:
        return Hole("the headings of the post-mortem: for each a title, and a prompt for its writer")
    found: dict[str, Value] = {}
    for item in node.items():
        title = item.label or item.text
        found[words.fresh(words.slug(title, "section"), found)] = _section(item, title)
    return Branch(found, node.lines)


def _section(item: Node, title: str) -> Branch:
    entries: dict[str, Value] = {"title": Said(title, item.lines)}
    below = [part for part in item.parts() if part.text]
    asked = words.joined([item.rest if item.label else "", *(whole(part) for part in below)])
    if asked:
        entries["prompt"] = Said(asked, lines_of(one for part in (item, *below) for one in (part, *part.walk())))
    if facts := FACTS.get(title.lower()):
        entries["facts"] = Said(facts, item.lines, BY_TITLE)
    return Branch(entries, item.lines)


def _owner(roles: Mapping[str, Node]) -> Said | None:
    """The one role that has the review among its duties."""
    leading = [
        (key, item)
        for key, node in roles.items()
        for part in node.parts()
        for item in part.items()
        if _LEADS.search(item.text)
    ]
    if len({key for key, _ in leading}) != 1:
        return None
    return Said(leading[0][0], leading[0][1].lines, f'"{leading[0][1].text}" is a duty of this role')


def _horizons(root: Node) -> Branch | None:
    found: dict[str, Value] = {}
    for node in root.walk():
        if node.label and node.kind is not Kind.CELL and node.under(_FOLLOW_UP) and not node.under(_AGENDA):
            within = words.within(node.remark) or (words.within(node.rest) if node.kind is Kind.LABEL else None)
            if node.kind is Kind.ROW:
                promised = (words.within(one.rest) for one in node.children[1:] if not words.every(one.rest))
                within = within or next((one for one in promised if one), None)
            if within:
                found[words.fresh(words.slug(node.label, "horizon"), found)] = _horizon(node, within)
    return Branch(found) if found else None


def _horizon(node: Node, within: words.Span) -> Branch:
    entries: dict[str, Value] = {
        "name": Said(node.label, node.lines),
        "within": Said(within.written, node.lines, within.how),
    }
    if node.items():
        entries["examples"] = list_of(node.items())
    return Branch(entries)
