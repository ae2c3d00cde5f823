"""Who is told, and how often: from cadences, from promises under severities, and from sections of their own."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tocsin.plan.reading import templates, words
from tocsin.plan.reading.draft import Branch, Claim, Hole, Notes, Row, Said, Value, lines_of, ordered, said, whole
from tocsin.plan.reading.outline import Kind, Lines, Node
from tocsin.plan.reading.severities import Told

_CONTEXT = re.compile(r"communicat|\bupdates?\b|cadence|notif|stakeholder|frequency", re.I)
_RHYTHM = re.compile(r"\b(?:frequency|cadence|updates?|schedule|interval)\b", re.I)
_PUBLIC = re.compile(r"\b(?:public|external|status[ -]?pages?|customer-facing)\b", re.I)
_UNSAID = re.compile(
    r"\bstatus updates?\b", re.I
)  # of whoever looks at the status: the public, if nothing else is said
_KEEPS = re.compile(r"\bstatus[ -]?page\b", re.I)
_AUDIENCE = re.compile(
    r"\b(?:executives?|leadership|management|customer success|customer support|support team|legal|partners?|board"
    r"|investors|regulators?|internal)\b",
    re.I,
)
_WRITTEN_TO = re.compile(r"\b(?:users?|customers?|social media|public|external|status[ -]?page)\b", re.I)
_WORDING = re.compile(r"\b(?:communications?|protocols?|updates?|notifications?|team|frequency|cadence|plan)\b", re.I)


@dataclass
class Audience:
    """What is told about one audience."""

    name: Said
    public: bool = False
    paces: dict[str, list[tuple[words.Pace, Lines]]] = field(default_factory=lambda: defaultdict(list))
    section: Node | None = None
    assumed: str = ""
    guidance: list[Said] = field(default_factory=list)


class Audiences:
    def __init__(self, told: Told, notes: Notes) -> None:
        self._told = told
        self._notes = notes
        self.found: dict[str, Audience] = {}

    def read(self, root: Node) -> None:
        for level in self._told.keys:
            for node, pace in self._told.updates[level]:
                self._under_severity(level, node, pace)
        defined = set(map(id, self._told.nodes.values()))
        for node in root.walk():
            if id(node) not in defined and node.kind is not Kind.FENCE and _in_context(node):
                self._cadence(node)
                self._own_section(node)
        self._how_to_write(root)

    def _how_to_write(self, root: Node) -> None:
        """Lists on writing to users, for whoever writes to the one public audience."""
        public = [one for one in self.found.values() if one.public]
        for node in root.walk() if len(public) == 1 else ():
            titled = node.kind in (Kind.LABEL, Kind.HEADING) and _in_context(node) and _WRITTEN_TO.search(node.label)
            if titled and not any(_AUDIENCE.search(one.label) for one in (node, *list(node.up())[:1])):
                label = f"{node.label} ({node.remark})" if node.remark else node.label
                for item in (one for one in node.items() if one.kind is Kind.ITEM and not _quoted(one)):
                    lines = lines_of([node, item, *item.walk()])
                    how = "kept for whoever writes to the public; nothing is owed for it by the clock"
                    public[0].guidance.append(Said(f"{label}: {whole(item)}", lines, how))

    def _of(self, title: str, lines: Lines, section: Node | None = None, *, public: bool = False) -> Audience:
        public = public or bool(_PUBLIC.search(title))
        name = " ".join(_WORDING.sub(" ", title).split()) or title
        key = "public" if public else words.slug(name, "audience")
        found = self.found.setdefault(key, Audience(Said(name, lines), public))
        found.section = found.section or section
        return found

    def _under_severity(self, level: str, node: Node, pace: words.Pace) -> None:
        text = node.text if node.kind is not Kind.CELL else node.label
        said_so, unsaid = _PUBLIC.search(text), _UNSAID.search(text)
        title = "Public" if said_so or unsaid else "Updates"
        audience = self._of(title, node.lines)
        audience.paces[level].append((pace, node.lines))
        if unsaid and not said_so:
            audience.assumed = "a status update is taken for a public one"

    def _cadence(self, node: Node) -> None:
        """A line or a row that begins with a severity and tells a rhythm."""
        named = words.level(node.label) if node.label else None
        if named is None or named[0] not in self._told.nodes or any(id(one) in self._defined() for one in node.up()):
            return
        heading = next((one for one in node.up() if one.kind is Kind.HEADING), None)
        cells = [one for one in node.children if one.kind is Kind.CELL] or [node]
        for part in cells:
            pace = words.pace(part.rest)
            if pace is None or heading is None:
                continue
            own = part.kind is Kind.CELL and not re.fullmatch(
                r"\W*(?:updates?|frequency|cadence|\s)+\W*", part.label, re.I
            )
            title = part.label if own else heading.label
            self._of(title, (node if own else heading).lines, heading).paces[named[0]].append((pace, part.lines))

    def _defined(self) -> set[int]:
        return {id(one) for one in self._told.nodes.values()}

    def _own_section(self, node: Node) -> None:
        """`Executive updates (P0/P1)`, with a list of promises."""
        spoken = (Kind.ITEM, Kind.SENTENCE)
        listed = [item for item in node.parts() if item.kind in spoken and not words.level(item.label)]
        if node.kind not in (Kind.HEADING, Kind.LABEL) or not _AUDIENCE.search(node.label) or not (listed or node.rest):
            return
        paces = [
            (pace, one) for one in (node, *listed) if (pace := words.pace(whole(one) if one is not node else one.rest))
        ]
        if not paces and node.kind is Kind.HEADING:
            return
        first = next((pace.first for pace, _ in paces if pace.first), None)
        again = next((pace.every for pace, _ in paces if pace.every), None)
        audience = self._of(node.label, node.lines)
        keys = words.levels(" ".join([node.remark, node.label, *(one.text for _, one in paces)]), self._told.keys)
        if (first or again) and not keys:
            audience.assumed = "no severity is named, so every one is meant"
        timed = {id(one) for _, one in paces}
        audience.guidance += [
            Said(whole(one), lines_of([one, *one.walk()]))
            for one in listed
            if one.kind is Kind.ITEM and id(one) not in timed and one.text
        ]
        for level in (keys or self._told.keys) if first or again else []:
            audience.paces[level].append((words.Pace(first, again), lines_of(one for _, one in paces)))


def _quoted(item: Node) -> bool:
    """A wording in quotes is a template, not a word on how to write."""
    return bool(item.label and re.fullmatch(r"[\"“].+[\"”]", item.rest))


def _in_context(node: Node) -> bool:
    return bool(_CONTEXT.search(node.label)) or node.under(_CONTEXT)


def audiences(root: Node, told: Told, notes: Notes) -> Mapping[str, Audience]:
    found = Audiences(told, notes)
    found.read(root)
    _compare(found.found, told, notes)
    return found.found


def _compare(found: Mapping[str, Audience], told: Told, notes: Notes) -> None:
    """What stands under a severity without naming its audience speaks of every audience."""
    for level in told.keys:
        unsaid = [(node, pace) for node, pace in told.updates[level] if not _PUBLIC.search(node.text)]
        for node, pace in unsaid:
            for other in (one for one in found.values() if one.section is not None):
                for there, lines in other.paces.get(level, []):
                    _differ(f"updates on {level}", (pace, node.lines), (there, lines), notes)


def _differ(what: str, one: tuple[words.Pace, Lines], other: tuple[words.Pace, Lines], notes: Notes) -> None:
    first, second = _rhythm(*one), _rhythm(*other)
    if first and second and first.value != second.value and first.lines != second.lines:
        notes.differ(what, first, second, "both are kept: the first for the public, the second for its audience")


def _rhythm(pace: words.Pace, lines: Lines) -> Claim | None:
    value = pace.every.length if pace.every else pace.unclocked
    return Claim(value, pace.says(), lines, pace.every.how if pace.every else "") if value else None


# --- The draft --------------------------------------------------------------------------------------------------------


def communication(
    found: Mapping[str, Audience], texts: templates.Wordings, duties: Mapping[str, Said], notes: Notes
) -> dict[str, Value]:
    """Audiences, and the wording of each public stage. `duties` say which role writes to an audience."""
    entries = {key: _audience(key, one, texts, duties.get(key), notes) for key, one in found.items()}
    who: Value = Branch(entries) if entries else Hole("who is told, by which role, and how often for each severity")
    stages = templates.stages(texts, any(one.public for one in found.values()), notes)
    return {"audiences": who} | ({"stages": stages} if stages else {})


def _audience(key: str, one: Audience, texts: templates.Wordings, owner: Said | None, notes: Notes) -> Branch:
    entries: dict[str, Value] = {
        "name": one.name,
        "owner": owner or Hole("the role that writes to them, or on_call"),
    }
    if one.public:
        entries["public"] = Said(True, one.name.lines)
    else:
        entries["to"] = Hole("people and teams who receive the updates")
        template = templates.template_of(texts, one.section) if one.section else None
        if template:
            entries["template"] = Said(template.written, template.lines)
    if one.guidance:
        entries["guidance"] = Row(tuple(one.guidance))
    entries["cadence"] = _cadence(key, one, notes)
    return Branch(entries)


def _cadence(key: str, one: Audience, notes: Notes) -> Branch:
    entries: dict[str, Value] = {}
    silent: list[tuple[str, Claim]] = []
    for level, told in one.paces.items():
        settled = notes.settle(f"updates on {level} ({key})", filter(None, (_rhythm(*pace) for pace in told)))
        if settled is not None and isinstance(settled.value, str):
            silent.append((level, settled))
        else:
            entries[level] = _pace(level, told, settled, notes)
    how = "; ".join(f'{level} has "{claim.written}" and owes nothing by the clock' for level, claim in silent)
    lines = ordered(line for _, claim in silent for line in claim.lines)
    return Branch(entries, lines, "; ".join(filter(None, (one.assumed, how))))


def _pace(level: str, told: list[tuple[words.Pace, Lines]], again: Claim | None, notes: Notes) -> Branch:
    firsts = [Claim(pace.first.length, pace.first.written, lines, pace.first.how) for pace, lines in told if pace.first]
    first = notes.settle(f"the first update on {level}", firsts)
    every = again and Claim(again.value, again.written.removeprefix("every "), again.lines, again.how)
    if first is None and every:
        first = Claim(every.value, every.written, every.lines, "the first update counts as one of them")
    return Branch(
        {"first_within": said(first, "when the first update is due"), "every": said(every, "how often the next")}
    )


def owners(roles: Mapping[str, Node], found: Mapping[str, Audience]) -> dict[str, Said]:
    """The role that keeps the status page writes to the public."""
    keeping = [(key, duty) for key, node in roles.items() for duty in _duties(node) if _KEEPS.search(duty.text)]
    public = [key for key, one in found.items() if one.public]
    if len({key for key, _ in keeping}) != 1:
        return {}
    role, duty = keeping[0]
    return {key: Said(role, duty.lines, f'"{duty.text}" is a duty of this role') for key in public}


def _duties(node: Node) -> Iterator[Node]:
    return (item for part in node.parts() for item in part.items())
