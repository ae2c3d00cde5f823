"""The texts of a document: fenced blocks and quoted wordings, their placeholders turned into fields where certain."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tocsin.kit.text import listed
from tocsin.plan.model import Stage
from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Claim, Hole, Notes, Said, Text, Unread, Value
from tocsin.plan.reading.outline import Kind, Node

_TEMPLATE = re.compile(r"\btemplates?\b", re.I)
_STATUS_PAGE = re.compile(r"\bstatus[ -]?page\b|\bpublic\b", re.I)
_UPDATE = re.compile(r"\bupdates?\b", re.I)
_STAGES = (
    (Stage.INVESTIGATING, re.compile(r"\b(?:initial|investigating)\b", re.I)),
    (Stage.MONITORING, re.compile(r"\bmonitoring\b", re.I)),
    (Stage.IDENTIFIED, re.compile(r"\b(?:progress|identified)\b", re.I)),
    (Stage.RESOLVED, re.compile(r"\b(?:resolution|resolved|final)\b", re.I)),
)
_QUOTED = re.compile(r"[\"“](.+)[\"”]", re.DOTALL)


@dataclass
class Wordings:
    """Templates by key, the template for each public stage, and whose text each template is."""

    texts: dict[str, Value] = field(default_factory=dict)
    stages: dict[Stage, list[Claim]] = field(default_factory=dict)
    owners: dict[str, Node] = field(default_factory=dict)  # template → the section it stands in
    blocks: dict[str, Node] = field(default_factory=dict)  # template → the block that it is


def wordings(root: Node, notes: Notes) -> Wordings:
    found = Wordings()
    for node in root.walk():
        if node.kind is Kind.FENCE and (key := _named(node)) and node.text.strip():
            _keep(found, key, node, node.text, notes)
        elif node.kind is Kind.ITEM and (stage := _quoted_stage(node)):
            quoted = _QUOTED.search(node.rest)
            _keep(found, f"status_{stage}", node, quoted[1] if quoted else "", notes)
    return found


def stages(found: Wordings, public: bool, notes: Notes) -> Branch | None:
    """The template of each public stage; with a public audience every stage needs one."""
    entries: dict[str, Value] = {}
    for stage in Stage:
        settled = notes.settle(f"the wording of the public stage {stage}", found.stages.get(stage, []))
        if settled:
            entries[stage] = Said(settled.written, settled.lines)
        elif public:
            entries[stage] = Hole(f"the template for the public stage {stage}")
    return Branch(entries) if entries else None


# --- Which texts, and what they are called ----------------------------------------------------------------------------


def _named(node: Node) -> str:
    """The key of a fenced block that is a template: it says so, or a heading above it does. Of two the first is."""
    above = [one for one in node.up() if one.label]
    if not wants_template(node):
        return ""
    host = above[0]
    if host.kind is Kind.HEADING and next(one for one in host.children if one.kind is Kind.FENCE) is not node:
        return ""
    stage = _stage(host.label) if any(_STATUS_PAGE.search(one.label) for one in above) else None
    if stage:
        return f"status_{stage}"
    own = re.sub(r"\s*\btemplates?\b\s*", " ", host.label, flags=re.I).strip()
    if own.lower() in ("", "update", "updates") and len(above) > 1:
        own = f"{_subject(above[1].label)} update"
    return words.slug(own, "template")


def wants_template(node: Node) -> bool:
    """Whether a heading or a label above it speaks of templates."""
    return any(_TEMPLATE.search(one.label) for one in node.up())


def _subject(label: str) -> str:
    return re.sub(r"\b(?:communications?|protocols?|updates?)\b", "", label, flags=re.I).strip() or label


def _stage(text: str) -> Stage | None:
    return next((stage for stage, pattern in _STAGES if pattern.search(text)), None)


def _quoted_stage(node: Node) -> Stage | None:
    """`Initial: "We are looking into [issue]"` under the status page."""
    if not (node.label and _QUOTED.fullmatch(node.rest) and node.under(_STATUS_PAGE)):
        return None
    return _stage(node.label)


def _keep(found: Wordings, key: str, node: Node, text: str, notes: Notes) -> None:
    name = words.fresh(key, found.texts)
    written, how = _filled(text.rstrip("\n"), node, notes)
    host = next(iter(node.up()), node)
    labels = host.lines if node.kind is Kind.FENCE else ()
    lines = (*labels, *node.lines)
    how = "; ".join(filter(None, (node.remark if node.kind is Kind.FENCE else "", how)))
    found.texts[name] = Text(f"{written}\n", lines, how) if "\n" in written else Said(written, lines, how)
    found.blocks[name] = node
    found.owners[name] = next((one for one in node.up() if one.kind is Kind.HEADING), host)
    for stage in Stage:
        if key == f"status_{stage}":
            found.stages.setdefault(stage, []).append(Claim(name, name, node.lines))


# --- Placeholders -----------------------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"(?:\bP|\bSEV-?)?\[(?P<words>[^\[\]\n]{1,120})\](?!\()")
_LABEL = re.compile(r"^[\s>*+-]*(?:\*\*|__)?(?P<label>[A-Za-z][\w /'-]{0,40}?)(?:\*\*|__)?:(?:\*\*|__)?\s*$")
_ALONE = {  # the words of a placeholder that mean one field wherever they stand
    "issue": "issue",
    "issue description": "issue",
    "impact": "impact",
    "impact description": "impact",
    "user impact": "impact",
    "description of user impact": "impact",
    "eta": "eta",
    "severity": "severity",
    "expected resolution time": "eta",
    "incident title": "title",
    "title": "title",
    "hh:mm utc": "time_utc",
    "root cause": "cause",
    "duration": "duration",
    "service": "service",
    "incident commander": "commander",
    "next steps": "next",
    "actions taken": "actions",
    "status": "status",
    "incident id": "incident_id",
    "start time": "started",
    "commander": "commander",
    "cause": "cause",
}
_LABELLED = {  # the label in front of a placeholder, where its own words say too little
    "severity": "severity",
    "status": "status",
    "current status": "status",
    "incident commander": "commander",
    "started": "started",
    "start time": "started",
    "resolved": "resolved",
    "detected": "detected",
    "duration": "duration",
    "impact": "impact",
    "user impact": "impact",
    "actions taken": "actions",
    "next steps": "next",
    "next step": "next",
    "eta": "eta",
    "root cause": "cause",
    "cause": "cause",
    "technical lead": "technical_lead",
    "communications lead": "communications_lead",
    "scribe": "scribe",
    "service": "service",
    "title": "title",
    "incident": "title",
    "type": "type",
    "resolution": "actions",
    "users affected": "users",
    "affected users": "users",
    "users": "users",
    "functionality impacted": "functions",
    "functionality affected": "functions",
    "affected functionality": "functions",
    "functions affected": "functions",
    "revenue impact": "revenue",
    "reputation impact": "reputation",
}
_LISTS = (  # under such a heading, a list of nothing but such lines is what the record or a person fills in as a whole
    (
        re.compile(r"(?:incident )?timeline", re.I),
        re.compile(r"[-*+|] ?\[?HH:MM(?: UTC)?\]?.*", re.I),
        "milestones",
        "the list of times is the milestones of the record",
    ),
    (
        re.compile(r"action items|follow-?ups?|next steps", re.I),
        re.compile(r"[-*+] \[ \] \[.*"),
        "next",
        "the list of action items is typed as what comes next",
    ),
)
_CAUSE = re.compile(r"\bidentified (?:the )?(?:issue|cause|problem) as\s*$", re.I)
_CLOCK = re.compile(r"hh:mm", re.I)
_TITLE = re.compile(r"#\s+(?:incident|post-?mortem)[\w -]*:\s*$", re.I)


def _filled(text: str, node: Node, notes: Notes) -> tuple[str, str]:
    """The template with its certain placeholders as fields, and by which rule lists became one.

    The other placeholders stay, and are noted as not understood.
    """
    lines = text.split("\n")
    lists = dict(_lists(lines))
    heading, done, how = "", list[str](), list[str]()
    for number, (line, source) in enumerate(zip(lines, numbers(node, lines), strict=True)):
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
        if number in lists:
            field_name, rule = lists[number]
            done += [f"{{{field_name}}}"] if field_name else []
            how += [rule] if rule else []
            continue
        filling = _Filling(number, heading)
        done.append(_PLACEHOLDER.sub(filling.replace, line.replace("{", "{{").replace("}", "}}")))
        if filling.unknown:
            why = f"no field is certain for {listed(dict.fromkeys(filling.unknown))}"
            notes.unknown.append(Unread((source,), line.strip(), why=why))
    return "\n".join(done), "; ".join(how)


def _lists(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """The lines of lists that one field fills: the first line is the field, and the others go with it."""
    heading = ""
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
            below = [at for at in range(number + 1, _section_end(lines, number)) if lines[at].strip()]
            for title, pattern, name, rule in _LISTS:
                whole = len(below) > 1 and all(pattern.fullmatch(lines[at].strip()) for at in below)
                if title.fullmatch(heading) and whole:
                    yield below[0], (name, rule)
                    yield from ((at, ("", "")) for at in below[1:])


def _section_end(lines: Sequence[str], heading: int) -> int:
    after = (at for at in range(heading + 1, len(lines)) if lines[at].startswith("#"))
    return next(after, len(lines))


def numbers(node: Node, lines: Sequence[str]) -> list[int]:
    """The source line of each line of a template. Blank ones are not among the node's, and hold no placeholder."""
    waiting: Iterator[int] = iter(node.lines)
    last = node.lines[-1] if node.lines else 0
    return [next(waiting, last) if line.strip() else last for line in lines]


class _Filling:
    """The placeholders of one line."""

    def __init__(self, number: int, heading: str) -> None:
        self._number = number
        self._heading = heading
        self.unknown: list[str] = []

    def replace(self, found: re.Match[str]) -> str:
        inside = found["words"]
        name = self._field(inside.lower().strip(), found)
        if name:
            return f"{{{name}}}"
        if inside not in (" ", "x", "X"):  # a box to tick
            self.unknown.append(found[0])
        return found[0]

    def _field(self, inside: str, found: re.Match[str]) -> str | None:
        before, after = found.string[: found.start()], found.string[found.end() :].lower()
        label = _LABEL.match(before)
        if _CLOCK.search(inside) and not label:
            return self._clock(inside, after)
        if _TITLE.match(before):
            return "title"
        if label and (named := _LABELLED.get(label["label"].lower())):
            return named
        if not before.strip() and not after.strip() and (named := _LABELLED.get(self._heading.lower())):
            return named
        return "cause" if _CAUSE.search(before) else _ALONE.get(inside)

    def _clock(self, inside: str, after: str) -> str | None:
        """The time of writing stands in front of the whole text; further down a time is that of a moment."""
        if self._number == 0:
            return "time_utc" if "utc" in inside else "time"
        return next((name for name in ("detected", "resolved") if after.endswith(name)), None)


def template_of(found: Wordings, section: Node) -> Claim | None:
    """The template that stands in a section, if there is one."""
    names = [name for name, owner in found.owners.items() if owner is section and not name.startswith("status_")]
    if len(names) != 1:
        return None
    value = found.texts[names[0]]
    return Claim(names[0], names[0], value.lines[:1])
