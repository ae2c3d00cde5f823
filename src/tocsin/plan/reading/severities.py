"""How bad it is: what a document says about each severity, wherever it says it."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tocsin.plan.reading import measures, people, words
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
    whole,
)
from tocsin.plan.reading.outline import Kind, Node

_SECTION = re.compile(r"\bseverit|\bpriorit|\bincident levels?\b|\bclassification\b", re.I)
_ELSEWHERE = re.compile(
    r"communicat|\bupdates?\b|metric|\bsla\b|\bslas\b|target|cadence|notif|frequency|template", re.I
)

_NAME = re.compile(r"name|title", re.I)
_DEFINITION = re.compile(r"definition|description|meaning|criteria|what it means|impact", re.I)
_EXAMPLES = re.compile(r"(?:typical |common )?examples?|for example|such as", re.I)
_ANSWER = re.compile(
    r"(?:target |initial |first )?(?:response|acknowledge?ment|ack)(?: time| target| sla)*"
    r"|(?:acknowledged?|respond)(?: within| by)?|time to (?:acknowledge|respond)|mtta",
    re.I,
)
_END = re.compile(
    r"(?:target )?(?:resolution|restoration|fix)(?: time| target| sla)*|resolved?(?: within| by)?"
    r"|time to (?:resolve|resolution|restore|fix)|mttr",
    re.I,
)
_UPDATES = re.compile(
    r"(?:status |public |communication |internal )?updates?(?: frequency| cadence| every)?|cadence", re.I
)
_REVIEW = re.compile(r"post-?\s?mortem|retrospective|(?:post-)?incident review", re.I)
_ESCALATION = re.compile(r"escalation|who(?: responds)?|paging|pages?|responders?", re.I)
_REQUIREMENTS = re.compile(r"(?:response |key )?(?:requirements?|expectations?|actions?)|response|what we do", re.I)


@dataclass
class Told:
    """What is told about the severities, by key; the definitions stand in `nodes`, the worst first."""

    nodes: dict[str, Node]
    answers: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    needs: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    hints: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    updates: dict[str, list[tuple[Node, words.Pace]]] = field(default_factory=lambda: defaultdict(list))
    roles: dict[str, dict[str, list[Claim]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    @property
    def keys(self) -> list[str]:
        return list(self.nodes)


def told(root: Node, roles: Mapping[str, Node]) -> Told:
    """Everything the document says about its severities, in its order."""
    found = Told(_definitions(root))
    for key, node in found.nodes.items():
        _whole(found, key, node, roles)
    for node in root.walk():
        _in_passing(found, node)
    return found


# --- Where severities are defined -------------------------------------------------------------------------------------


def _definitions(root: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in root.walk():
        named = _defines(node)
        if named and named not in found:
            found[named] = node
    numbered = [key for key in found if key[-1].isdigit()]
    # A lower number is worse, in whichever order the document has them.
    return {key: found[key] for key in sorted(numbered, key=lambda key: key[-1])} if numbered else found


def _defines(node: Node) -> str | None:
    if not node.label or node.kind not in (Kind.HEADING, Kind.LABEL, Kind.ITEM, Kind.ROW):
        return None
    named = words.level(node.label)
    if named and node.kind is Kind.HEADING and not node.under(_ELSEWHERE):
        return named[0]
    if not node.under(_SECTION) or node.under(_ELSEWHERE):
        return None
    word = node.label.lower().removesuffix(" severity")
    return named[0] if named else word if word in words.WORD_LEVELS else None


# --- What is said about one -------------------------------------------------------------------------------------------


def _whole(found: Told, key: str, node: Node, roles: Mapping[str, Node]) -> None:
    """Every promise in the definition of a severity."""
    if _ANSWER.match(node.remark) and (promised := words.within(node.remark)):
        found.answers[key].append(_claim(promised, node))
    for part in node.parts():
        _aspect(found, key, part)
    for item in (node, *_requirements(node)):
        if item.rest or item is not node:
            _requirement(found, key, item, roles)


def _aspect(found: Told, key: str, part: Node) -> None:
    """A labelled time, rhythm or need."""
    promised = words.within(part.rest)
    if promised and _ANSWER.fullmatch(part.label):
        found.answers[key].append(_claim(promised, part))
    elif promised and _END.fullmatch(part.label):
        found.ends[key].append(_claim(promised, part))
    elif _REVIEW.fullmatch(part.label) and (demanded := words.need(part.rest)):
        found.needs[key].append(Claim(demanded, demanded.value, part.lines))
    elif _UPDATES.fullmatch(part.label) and (rhythm := _rhythm(part)):
        found.updates[key].append((part, rhythm))
    elif _ESCALATION.fullmatch(part.label):
        found.hints[key].append(part)


def _rhythm(part: Node) -> words.Pace | None:
    found = words.pace(part.rest)
    return found or (words.Pace(every=bare) if (bare := words.within(part.rest)) else None)


def _requirements(node: Node) -> list[Node]:
    """What is required of people: under a label that says so, or in the section itself."""
    labelled = [one for one in node.labelled(_REQUIREMENTS) if one.items() or not words.within(one.rest)]
    items = [item for one in labelled for item in one.items() or [one]]
    return items or [one for one in node.parts() if one.kind is Kind.ITEM and not one.label]


def _requirement(found: Told, key: str, item: Node, roles: Mapping[str, Node]) -> None:
    for sentence in words.sentences(whole(item) if item.kind is not Kind.ROW else ""):
        promised = words.within(sentence)
        named = people.named_in(sentence, roles) if promised and not words.resolve_within(sentence) else []
        for role in named:
            found.roles[key][role] += [_claim(promised, item)] if promised else []
        if not named:
            _sentence(found, key, item, sentence)
    found.hints[key].append(item)


def _sentence(found: Told, key: str, item: Node, sentence: str) -> None:
    if answer := words.answer_within(sentence):
        found.answers[key].append(_claim(answer, item))
    elif end := words.resolve_within(sentence):
        found.ends[key].append(_claim(end, item))
    elif demanded := words.review_need(sentence):
        found.needs[key].append(Claim(demanded, demanded.value, item.lines))
    elif re.search(r"\bupdates?\b", sentence, re.I) and (rhythm := words.pace(sentence)):
        found.updates[key].append((item, rhythm))


def _claim(span: words.Span, node: Node) -> Claim:
    return Claim(span.length, span.written, node.lines, span.how)


# --- What is said elsewhere -------------------------------------------------------------------------------------------

_ALERTS = re.compile(
    r"\b(?:acknowledge|respond)\w*\b.*\b(?:alert|page|incident)s?\b|\b(?:alert|page)s?\b.*\backnowledged\b", re.I
)


def _in_passing(found: Told, node: Node) -> None:
    """A target in a list or a table of them, or a promise about every alert."""
    if node.kind in (Kind.FENCE, Kind.OTHER, Kind.CELL) or any(one in node.up() for one in found.nodes.values()):
        return
    named = words.level(node.label) if node.label and node not in found.nodes.values() else None
    if named and named[0] in found.nodes and node.kind is not Kind.HEADING:
        _target(found, named[0], named[1], node)
    elif words.review_need(node.text) and (keys := words.levels(node.text, found.keys)):
        _needed(found, keys, node)
    elif _ALERTS.search(node.text) and (promised := words.answer_within(node.text)):
        for key in words.levels(node.text, found.keys) or found.keys:
            claim = _claim(promised, node)
            found.answers[key].append(replace(claim, how=claim.how or "said of every alert, not of this severity"))


def _needed(found: Told, keys: Sequence[str], node: Node) -> None:
    demanded = words.review_need(node.text)
    if demanded:
        for key in keys:
            found.needs[key].append(Claim(demanded, demanded.value, node.lines))


def _target(found: Told, key: str, what: str, node: Node) -> None:
    pairs = [(part.label, part) for part in node.children if part.kind is Kind.CELL] or [(what, node)]
    for label, part in pairs:
        promised = words.within(part.rest)
        if promised and _ANSWER.fullmatch(label):
            found.answers[key].append(_claim(promised, part))
        elif promised and _END.fullmatch(label):
            found.ends[key].append(_claim(promised, part))


# --- The draft --------------------------------------------------------------------------------------------------------


def severities(found: Told, policies: Mapping[str, Said], notes: Notes) -> Value:
    if not found.nodes:
        return Hole("how bad it can be, the worst first: for each severity a name, a definition and its times")
    above = [next(iter(node.up()), node) for node in found.nodes.values()]
    bands = measures.bands(found.nodes, notes)
    entries = {key: _severity(found, key, policies[key], bands.get(key), notes) for key in found.keys}
    return Branch(entries, lines_of(above[:1]))


def _severity(found: Told, key: str, policy: Said, band: Branch | None, notes: Notes) -> Branch:
    node = found.nodes[key]
    settled = notes.settle(f"{key} is answered within", found.answers[key])
    ended = notes.settle(f"{key} is resolved within", found.ends[key])
    entries: dict[str, Value] = {
        "name": _name(node, key),
        "definition": _definition(node),
        "examples": of_list(next(iter(node.labelled(_EXAMPLES)), None), ""),
        "response": _response(node),
        "requires": _demands(node),
        **({"error_rate": band} if band else {}),
        "acknowledge_within": said(settled, "how soon somebody has to answer, such as 15 min"),
        "resolve_within": said(ended, "the target time to resolve it, such as 4 h"),
        "escalation": policy,
        "roles_within": _roles_within(found, key, notes),
    }
    if needed := notes.settle(f"a post-mortem after {key}", found.needs[key]):
        entries["post_mortem"] = Said(needed.written, needed.lines)
    optional = ("examples", "response", "requires", "roles_within")
    return Branch({name: value for name, value in entries.items() if not _missing(name in optional, value)}, node.lines)


def _missing(optional: bool, value: Value) -> bool:
    return optional and (isinstance(value, Hole) or (isinstance(value, Branch) and not value.entries))


def _name(node: Node, key: str) -> Said | Hole:
    labelled = next((one for one in node.labelled(_NAME) if one.rest), None)
    if labelled:
        return Said(labelled.rest, labelled.lines)
    named = words.level(node.label)
    rest = named[1] if named else node.label
    if not rest and re.fullmatch(r"[^\W\d_][^:<>\d]*", node.remark):
        rest = node.remark
    return Said(rest, node.lines) if rest else Hole(f"a word for {key}, such as Critical", node.lines)


def _definition(node: Node) -> Said | Hole:
    missing = "when an incident has this severity"
    labelled = next(iter(node.labelled(_DEFINITION)), None)
    if labelled:
        return text_of(labelled, missing)
    if node.rest and node.kind in (Kind.ITEM, Kind.LABEL):
        return Said(node.rest, node.lines)
    plain = next((one for one in node.parts() if one.kind is Kind.SENTENCE), None)
    return Said(plain.text, plain.lines) if plain else Hole(missing)


def _response(node: Node) -> Said | Hole:
    items = _requirements(node)
    written = words.joined(whole(one) if one.kind is Kind.ITEM else one.rest for one in items)
    labels = [one.above for one in items if one.above and one.above is not node]
    below = [one for item in items for one in (item, *item.walk())]
    return Said(written, lines_of([*labels, *below])) if written else Hole("")


def _demands(node: Node) -> Row | Hole:
    """What is required of people as a list, if it is one."""
    items = [one for one in _requirements(node) if one.kind is Kind.ITEM]
    return list_of(items) if items else Hole("")


def _roles_within(found: Told, key: str, notes: Notes) -> Branch:
    entries: dict[str, Value] = {}
    for role, claims in found.roles[key].items():
        settled = notes.settle(f"{role} for {key}", claims)
        entries[role] = said(settled, "how soon")
    return Branch(entries)


def target(found: Told, key: str) -> Claim | None:
    """The target time of a severity, as it stands in the draft."""
    return next(iter(found.ends[key]), None)
