"""How the work proceeds: its phases, with what triggers them, what is done, told and confirmed in each."""

import re
from collections.abc import Mapping, Sequence

from tocsin.plan.model import Milestone
from tocsin.plan.procedure import Exit, TriggerSource
from tocsin.plan.reading import severities, words
from tocsin.plan.reading.communication import Audience
from tocsin.plan.reading.draft import Branch, Claim, Hole, Notes, Row, Said, Value, lines_of, whole
from tocsin.plan.reading.outline import Kind, Node, apart, links

_PHASE = re.compile(r"(?:phase|stage|step)\s*\d{1,2}\s*[:.–—-]*\s*(?P<name>.*)", re.I)
_PROCESS = re.compile(r"\b(?:process|lifecycle|workflow|phases)\b", re.I)
ACTIONS = re.compile(
    r"(?:immediate |first |key |required |response |initial )?(?:actions?|steps|tasks|activities|response|mitigation)"
    r"(?: to take)?|what to do",
    re.I,
)
_TELLS = re.compile(r"communications?|updates?|who is told|notifications?", re.I)
_ENDS = re.compile(
    r"(?:exit|end|completion) (?:criteria|conditions?)|(?:done|over|complete|ends?|ended|finished) when"
    r"|definition of done",
    re.I,
)
_BEGINS = (
    (re.compile(r"\bpost-?\s?resolution\b|\bafter (?:the )?resolution\b", re.I), Milestone.RESOLVED, ""),
    (re.compile(r"^(?:detect|identif|triage|declar|report)", re.I), Milestone.DECLARED, "by its name"),
    (re.compile(r"^(?:respon|investigat|diagnos|assess)", re.I), Milestone.ACKNOWLEDGED, "by its name"),
    (re.compile(r"^(?:recover|closure|close|follow|post|review|learn)", re.I), Milestone.RESOLVED, "by its name"),
)


def phases(root: Node, known: Sequence[str], audiences: Mapping[str, Audience]) -> Value:
    found: dict[str, Value] = {}
    above: list[Node] = []
    for node in root.walk():
        name = _phase_name(node)
        if name:
            found[words.fresh(words.slug(name, "phase"), found)] = _phase(node, name, known, audiences)
            above += [next(iter(node.up()), node)]
    if not found:
        return Hole("how the work proceeds: for each phase a name, when it begins, and its actions")
    return Branch(found, lines_of(above[:1]))


def _phase_name(node: Node) -> str:
    if node.kind not in (Kind.HEADING, Kind.LABEL):
        return ""
    numbered = _PHASE.fullmatch(node.label)
    if numbered:
        return numbered["name"] if _acts(node) or words.ends(node.remark) else ""
    near = next(iter(node.up()), None)
    inside = near is not None and near.kind is Kind.HEADING and _PROCESS.search(near.label)
    return node.label if inside and _acts(node) else ""


def _acts(node: Node) -> bool:
    return bool(node.labelled(ACTIONS) or any(item.kind is Kind.ITEM for item in node.parts()))


def _phase(node: Node, name: str, known: Sequence[str], audiences: Mapping[str, Audience]) -> Branch:
    entries: dict[str, Value] = {"name": Said(name, node.lines), "begins_when": _begins(node, name)}
    reach = words.ends(node.remark) or words.ends(node.label)
    if reach:
        entries["within"] = Said(reach[1].written, node.lines, reach[1].how)
    elif until := words.within(node.remark):
        entries["within"] = Said(until.written, node.lines, until.how)
    tells, untold = _tells(node, known, audiences)
    parts: dict[str, Value | None] = {
        "triggers": _triggers(node),
        "actions": _actions(node, known, untold),
        "tools": _tools(node),
        "tells": tells,
        **_ends(node),
    }
    return Branch(entries | {key: value for key, value in parts.items() if value is not None}, node.lines)


def _tools(node: Node) -> Row | None:
    labelled = next((one for one in node.labelled(_TOOLS) if one.items()), None)
    return Row(tuple(_tool(item) for item in labelled.items() if item.text), labelled.lines) if labelled else None


def _tool(item: Node) -> Said | Branch:
    named = links(item.source)
    if len(named) == 1 and named[0][1].startswith(("http://", "https://")) and not item.items():
        return Branch({"name": Said(item.text, item.lines), "link": Said(named[0][1], item.lines)})
    return Said(whole(item), lines_of([item, *item.walk()]))


_TOOLS = re.compile(r"tools?(?: used)?|tooling", re.I)
_TRIGGERS = re.compile(r"(?:trigger|alert|detection)(?: sources?|s)|triggered by|triggers?", re.I)
_SOURCES = (
    (TriggerSource.HEALTH_CHECK, re.compile(r"\bhealth[- ]?check|\bprobe", re.I)),
    (TriggerSource.USER_REPORT, re.compile(r"\b(?:users?|customers?)\b.*\breports?\b|\bsupport tickets?\b", re.I)),
    (TriggerSource.EXTERNAL_NOTICE, re.compile(r"\b(?:external|vendor|provider|third[- ]party)\b", re.I)),
    (TriggerSource.MONITORING_ALERT, re.compile(r"\balerts?\b|\bmonitoring\b", re.I)),
    (TriggerSource.OBSERVATION, re.compile(r"\bobserv\w+|\bnotices?\b", re.I)),
)


def _triggers(node: Node) -> Row | None:
    """The sources of trouble that are certain; of the others the lines stay among those that were not understood."""
    found: dict[TriggerSource, Said] = {}
    labelled = [one for one in node.labelled(_TRIGGERS) if one.items()]
    for item in (item for one in labelled for item in one.items()):
        source = next((source for source, pattern in _SOURCES if pattern.search(item.text)), None)
        if source and source not in found:
            found[source] = Said(source, item.lines, f'"{item.text}" is taken for it')
    return Row(tuple(found.values()), lines_of(labelled)) if found else None


def _begins(node: Node, name: str) -> Said | Hole:
    reach = words.ends(node.remark) or words.ends(node.label)
    if reach and reach[0]:
        return Said(Milestone.DECLARED, node.lines, "its span begins at nothing")
    for pattern, milestone, how in _BEGINS:
        if pattern.search(name) or pattern.search(node.remark):
            return Said(milestone, node.lines, how)
    return Hole("declared, acknowledged, mitigated or resolved: the moment at which it begins", node.lines)


# --- What is done -----------------------------------------------------------------------------------------------------


def _actions(node: Node, known: Sequence[str], untold: Sequence[Node]) -> Row:
    """Every action; one that stands under a group says which. A list under any other label is a group as well."""
    labelled = node.labelled(ACTIONS)
    hosts = labelled or [node]
    items = [_activity(item, known) for host in hosts for item in host.parts() if item.kind is Kind.ITEM]
    items += [_activity(item, known) for item in untold]
    items += [_group(one, known) for one in node.parts() if _is_group(one)]
    return Row(tuple(items), lines_of([*labelled, *(one.above for one in untold if one.above)]))


def _is_group(node: Node) -> bool:
    known = (ACTIONS, _TELLS, _ENDS, _TOOLS, _TRIGGERS)
    titled = node.kind is Kind.LABEL and not any(one.fullmatch(node.label) for one in known)
    return titled and bool(node.items())


def _group(node: Node, known: Sequence[str]) -> Branch:
    title = Said(node.label, node.lines, "taken for something to do in this phase")
    items = Row(tuple(_action(one, known) for one in node.items() if one.text))
    return Branch({"title": title, "items": items})


def _activity(item: Node, known: Sequence[str]) -> Said | Branch:
    below = [part for part in item.parts() if part.text and part.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL)]
    text, at = _limited(item.text.rstrip(":"), item, known)
    if not below:
        return Branch({"title": text} | at) if at else Said(item.text, item.lines)
    items = Row(tuple(_action(part, known) for part in below))
    return Branch({"title": text, "items": items, **at})


def _action(part: Node, known: Sequence[str]) -> Said | Branch:
    text, at = _limited(whole(part), part, known)
    return Branch({"do": text} | at) if at else Said(whole(part), lines_of([part, *part.walk()]))


def _limited(written: str, node: Node, known: Sequence[str]) -> tuple[Said, dict[str, Value]]:
    """Words, and the severities in brackets behind them, at which alone they hold."""
    lines = lines_of([node, *node.walk()]) if node.kind is Kind.ITEM and not node.items() else node.lines
    text, remark = apart(written)
    levels = words.only_levels(remark, known)
    if not levels:
        return Said(written, lines), {}
    return Said(text, lines), {"severities": Row(tuple(Said(one, lines) for one in levels))}


# --- What is told, and when it is over --------------------------------------------------------------------------------

_INSIDE = re.compile(r"\binternal\w*\b|\bincident channel\b|\bthe team\b", re.I)
_OUTSIDE = re.compile(r"\bexternal\w*\b|\bpublic\b|\bstatus[ -]?page\b|\b(?:users?|customers?)\b", re.I)


def _tells(node: Node, known: Sequence[str], audiences: Mapping[str, Audience]) -> tuple[Row | None, list[Node]]:
    """What is told to an audience that is certain, and the other lines on telling."""
    labelled = [one for one in node.labelled(_TELLS) if one.items()]
    found, untold = list[Branch](), list[Node]()
    for item in (item for one in labelled for item in one.items()):
        audience = _audience(item, audiences)
        if audience is None:
            untold.append(item)
        else:
            found.append(_telling(item, audience, known))
    return (Row(tuple(found), lines_of(labelled)) if found else None), untold


def _telling(item: Node, audience: str, known: Sequence[str]) -> Branch:
    what, at = _limited(item.rest if item.label and item.rest else whole(item), item, known)
    told = Said(audience, item.lines, f'"{item.text}" is told to it')
    return Branch({"audience": told, "what": what} | at)


def _audience(item: Node, audiences: Mapping[str, Audience]) -> str | None:
    """The one audience that a line speaks of."""
    text = item.text.lower()
    named = {key for key, one in audiences.items() if not one.public and str(one.name.value).lower() in text}
    if _INSIDE.search(text) and "internal" in audiences:
        named.add("internal")
    public = [key for key, one in audiences.items() if one.public]
    if _OUTSIDE.search(text) and len(public) == 1:
        named.add(public[0])
    return named.pop() if len(named) == 1 else None


_EXITS = (
    (Exit.ACKNOWLEDGED, re.compile(r"(?:the )?(?:alert|page|incident)(?: is| has been)? acknowledged", re.I)),
    (Exit.DECLARED, re.compile(r"(?:the |an )?incident(?: is| has been)? declared", re.I)),
    (
        Exit.ROLES_NAMED,
        re.compile(r"(?:all |the |required )*roles(?: are| have been)? (?:named|filled|assigned)", re.I),
    ),
    (
        Exit.MITIGATED,
        re.compile(r"(?:the )?(?:impact|harm|incident)(?: is| has been)? (?:mitigated|stopped|contained)", re.I),
    ),
    (Exit.FIXED, re.compile(r"(?:the |a )?fix(?: is| has been)? (?:in place|deployed|live)", re.I)),
    (Exit.VERIFIED, re.compile(r"(?:the )?(?:fix|resolution)(?: is| has been)? verified", re.I)),
    (Exit.RESOLVED, re.compile(r"(?:the )?incident(?: is| has been)? resolved", re.I)),
    (Exit.CLOSED, re.compile(r"(?:the )?incident(?: is| has been)? closed", re.I)),
)


def _ends(node: Node) -> dict[str, Value]:
    """When a phase is over: what the record itself shows, and what a person ticks."""
    labelled = next((one for one in node.labelled(_ENDS) if one.items() or one.rest), None)
    items = (labelled.items() or [labelled]) if labelled else []
    shown, ticked = dict[Exit, Said](), list[Said]()
    for item in items:
        text = (whole(item) if item is not labelled else item.rest).rstrip(".")
        known = next((one for one, pattern in _EXITS if pattern.fullmatch(text)), None)
        if known is None:
            ticked.append(Said(text, lines_of([item, *item.walk()])))
        elif known not in shown:
            shown[known] = Said(known.value, item.lines, f'"{text}" is taken for it')
    rows = {"ends_when": tuple(shown.values()), "confirm": tuple(ticked)}
    return {key: Row(row, labelled.lines if labelled else ()) for key, row in rows.items() if row}


# --- Against the severities -------------------------------------------------------------------------------------------


def compare_targets(root: Node, found: severities.Told, notes: Notes) -> None:
    """A phase called resolution that must end before a severity has to be resolved."""
    for node in root.walk():
        name = _phase_name(node)
        reach = words.ends(node.remark) if name.lower().startswith("resol") else None
        for key in found.keys if reach else []:
            aim = severities.target(found, key)
            if aim and reach and isinstance(aim.value, type(reach[1].length)) and aim.value > reach[1].length:
                end = Claim(reach[1].length, reach[1].written, node.lines)
                notes.differ(f"{key} is resolved within", aim, end, f'the phase "{name}" ends earlier; both are kept')
