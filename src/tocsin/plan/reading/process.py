"""How the work proceeds: phases, types of incidents, the end of it, and what the document says can break."""

import re

from tocsin.plan.model import Milestone
from tocsin.plan.procedure import TriggerSource
from tocsin.plan.reading import severities, words
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
    whole,
)
from tocsin.plan.reading.outline import Kind, Node, links

# --- Phases -----------------------------------------------------------------------------------------------------------

_PHASE = re.compile(r"(?:phase|stage|step)\s*\d{1,2}\s*[:.–—-]*\s*(?P<name>.*)", re.I)
_PROCESS = re.compile(r"\b(?:process|lifecycle|workflow|phases)\b", re.I)
_ACTIONS = re.compile(
    r"(?:immediate |first |key |required |response |initial )?(?:actions?|steps|tasks|activities|response|mitigation)"
    r"(?: to take)?|communications?|what to do",
    re.I,
)
_BEGINS = (
    (re.compile(r"\bpost-?\s?resolution\b|\bafter (?:the )?resolution\b", re.I), Milestone.RESOLVED, ""),
    (re.compile(r"^(?:detect|identif|triage|declar|report)", re.I), Milestone.DECLARED, "by its name"),
    (re.compile(r"^(?:respon|investigat|diagnos|assess)", re.I), Milestone.ACKNOWLEDGED, "by its name"),
    (re.compile(r"^(?:recover|closure|close|follow|post|review|learn)", re.I), Milestone.RESOLVED, "by its name"),
)


def phases(root: Node) -> Value:
    found: dict[str, Value] = {}
    above: list[Node] = []
    for node in root.walk():
        name = _phase_name(node)
        if name:
            found[words.fresh(words.slug(name, "phase"), found)] = _phase(node, name)
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
    return bool(node.labelled(_ACTIONS) or any(item.kind is Kind.ITEM for item in node.parts()))


def _phase(node: Node, name: str) -> Branch:
    entries: dict[str, Value] = {"name": Said(name, node.lines), "begins_when": _begins(node, name)}
    reach = words.ends(node.remark) or words.ends(node.label)
    if reach:
        entries["within"] = Said(reach[1].written, node.lines, reach[1].how)
    elif until := words.within(node.remark):
        entries["within"] = Said(until.written, node.lines, until.how)
    if triggers := _triggers(node):
        entries["triggers"] = triggers
    entries["actions"] = _actions(node)
    if tools := next((one for one in node.labelled(_TOOLS) if one.items()), None):
        entries["tools"] = list_of(tools.items(), tools.lines)
    return Branch(entries, node.lines)


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


def _actions(node: Node) -> Row:
    """Every action; one that stands under a group says which."""
    labelled = node.labelled(_ACTIONS)
    hosts = labelled or [node]
    return Row(
        tuple(_action(item) for host in hosts for item in host.parts() if item.kind is Kind.ITEM), lines_of(labelled)
    )


def _action(item: Node) -> Said | Branch:
    below = [part for part in item.parts() if part.text and part.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL)]
    if not below:
        return Said(item.text, item.lines)
    items = Row(tuple(Said(whole(part), lines_of([part, *part.walk()])) for part in below))
    return Branch({"title": Said(item.text.rstrip(":"), item.lines), "items": items})


# --- Types ------------------------------------------------------------------------------------------------------------

_TYPES = re.compile(r"\b(?:incident types?|types of incidents?|scenarios?|playbooks?|common incidents)\b", re.I)
_SYMPTOMS = re.compile(r"(?:typical |common )?(?:symptoms?|signs|indicators|how it shows|what you see)", re.I)
_RUNBOOK = re.compile(r"(?:runbook|playbook|procedure|documentation)s?", re.I)
_CELLS = re.compile(r"incident type|type|incident|scenario", re.I)


def types(root: Node) -> Value:
    nodes = [node for node in root.walk() if _is_type(node)]
    if not nodes:
        return Hole("what kinds of trouble there are: for each a name, how it shows, and what is done first")
    found: dict[str, Value] = {}
    for node in nodes:
        found[words.fresh(words.slug(node.label, "type"), found)] = _type(node)
    return Branch(found, lines_of([next(iter(nodes[0].up()), nodes[0])]))


def _is_type(node: Node) -> bool:
    if node.kind not in (Kind.HEADING, Kind.LABEL, Kind.ROW) or not node.label or words.level(node.label):
        return False
    near = next((one for one in node.up() if one.kind is not Kind.TABLE), None)
    inside = near is not None and bool(_TYPES.search(near.label))
    return bool(node.labelled(_SYMPTOMS)) or (inside and bool(node.labelled(_ACTIONS)))


def _type(node: Node) -> Branch:
    symptoms, actions, runbook = (next(iter(node.labelled(one)), None) for one in (_SYMPTOMS, _ACTIONS, _RUNBOOK))
    entries: dict[str, Value] = {
        "name": Said(node.label, node.lines),
        "symptoms": of_list(symptoms, "how it shows"),
        "actions": of_list(actions, "what is done first, in order"),
    }
    if runbook and (runbook.rest or links(runbook.source)):
        address = next((address for _, address in links(runbook.source)), runbook.rest)
        entries["runbook"] = Said(address, runbook.lines)
    return Branch(entries, node.lines)


# --- The end of it ----------------------------------------------------------------------------------------------------

_WATCH = re.compile(r"\b(?:watch|monitor|observe)\w*\b", re.I)
_AFTER = re.compile(r"\b(?:post-?\s?fix|after|stab\w+|regression|before closing|following)\b", re.I)


def recovery(root: Node, notes: Notes) -> Value:
    claims = [claim for node in root.walk() if (claim := _watch(node))]
    settled = notes.settle("how long the service is watched after the fix", claims)
    return Branch({"watch_for": said(settled, "how long the service is watched after the fix, such as 30 min")})


def _watch(node: Node) -> Claim | None:
    if node.kind not in (Kind.ITEM, Kind.SENTENCE) or not (_WATCH.search(node.text) and _AFTER.search(node.text)):
        return None
    length = words.any_span(node.text) if not words.every(node.text) else None
    return Claim(length.length, length.written, node.lines, length.how) if length else None


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


# --- What can break ---------------------------------------------------------------------------------------------------

_HEALTH = re.compile(r"\bhealth", re.I)
_ADDRESS = re.compile(r"\bhttps?://[^\s`<>()\[\]\"']+")
_PATH = re.compile(r"(?<![\w:/.])/[a-z0-9][\w./-]{0,80}")


def services(root: Node, name: Value) -> Value:
    """A service is read only where the document names its health endpoint."""
    for node in root.walk():
        if node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL) and _HEALTH.search(node.text):
            address, path = _ADDRESS.search(node.text), _PATH.search(node.text)
            if (address or path) and isinstance(name, Said):
                return _service(node, name, address[0] if address else None, path[0] if path else None)
    return Hole("what can break: for each service a name, its components and its health addresses")


def _service(node: Node, name: Said, address: str | None, path: str | None) -> Branch:
    probe: dict[str, Value] = {"url": Hole("where the service is, such as https://example.org", node.lines)}
    if address:
        probe = {"url": Said(address.rstrip(".,;"), node.lines)}
    elif path:
        probe["paths"] = Row((Said(path.rstrip("."), node.lines),))
    what = Said(name.value, name.lines, "what the plan is for is taken for its one service")
    key = words.slug(str(name.value), "service")
    return Branch({key: Branch({"name": what, "probes": Branch({"health": Branch(probe, node.lines)})})})
