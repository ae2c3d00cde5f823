"""What kinds of trouble there are: how each shows, what is done first, and the runbook."""

import re
from collections.abc import Mapping

from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Hole, Said, Value, lines_of, of_list
from tocsin.plan.reading.outline import Kind, Node, links
from tocsin.plan.reading.phases import ACTIONS

_TYPES = re.compile(r"\b(?:incident types?|types of incidents?|scenarios?|playbooks?|common incidents)\b", re.I)
_SYMPTOMS = re.compile(r"(?:typical |common )?(?:symptoms?|signs|indicators|how it shows|what you see)", re.I)
_RUNBOOK = re.compile(r"(?:runbook|playbook|procedure|documentation)s?", re.I)
_CELLS = re.compile(r"incident type|type|incident|scenario", re.I)


def type_nodes(root: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in filter(_is_type, root.walk()):
        found[words.fresh(words.slug(node.label, "type"), found)] = node
    return found


def types(nodes: Mapping[str, Node]) -> Value:
    if not nodes:
        return Hole("what kinds of trouble there are: for each a name, how it shows, and what is done first")
    first = next(iter(nodes.values()))
    return Branch({key: _type(node) for key, node in nodes.items()}, lines_of([next(iter(first.up()), first)]))


def _is_type(node: Node) -> bool:
    if node.kind not in (Kind.HEADING, Kind.LABEL, Kind.ROW) or not node.label or words.level(node.label):
        return False
    near = next((one for one in node.up() if one.kind is not Kind.TABLE), None)
    inside = near is not None and bool(_TYPES.search(near.label))
    return bool(node.labelled(_SYMPTOMS)) or (inside and bool(node.labelled(ACTIONS)))


def _type(node: Node) -> Branch:
    symptoms, actions, runbook = (next(iter(node.labelled(one)), None) for one in (_SYMPTOMS, ACTIONS, _RUNBOOK))
    entries: dict[str, Value] = {
        "name": Said(node.label, node.lines),
        "symptoms": of_list(symptoms, "how it shows"),
        "actions": of_list(actions, "what is done first, in order"),
    }
    if runbook and (runbook.rest or links(runbook.source)):
        address = next((address for _, address in links(runbook.source)), runbook.rest)
        entries["runbook"] = Said(address, runbook.lines)
    return Branch(entries, node.lines)
