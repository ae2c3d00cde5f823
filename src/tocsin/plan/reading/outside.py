"""What the document says can break, and on whom it depends outside."""

import re
from collections.abc import Iterator, Mapping

from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Hole, Row, Said, Value
from tocsin.plan.reading.outline import Kind, Lines, Node, links

_HEALTH = re.compile(r"\bhealth", re.I)
_ADDRESS = re.compile(r"\bhttps?://[^\s`<>()\[\]\"']+")
_PATH = re.compile(r"(?<![\w:/.])/[a-z0-9][\w./-]{0,80}")

_OUTSIDE = re.compile(r"\b(?:external|third[- ]party|vendors?|providers?|upstream|outside|suppliers?)\b", re.I)
_SECTION = re.compile(
    r"(?:(?:our|key|external|third[- ]party|outside|critical)\s+)*"
    r"(?:vendors?|providers?|suppliers?|(?:external|third[- ]party|outside) (?:services|dependencies|apis))"
    r"(?:\s+(?:contacts?|and contacts|we depend on|list))?",
    re.I,
)
_FAILS = re.compile(
    r"(?P<names>.+?)\s+(?:(?:is|are|being)\s+)?(?:unavailable|down|unreachable|not (?:working|responding|available)"
    r"|fail(?:s|ing|ed)?|degraded|outages?|do(?:es)? not (?:answer|respond|work))\W*",
    re.I,
)
_NAME = re.compile(r"[A-Z][\w.+&-]*(?: [A-Z0-9][\w.+&-]*){0,3}")
_COLUMNS = (
    ("status_page", re.compile(r"status(?: page)?(?: url| address)?", re.I)),
    ("support", re.compile(r"support|contacts?|help|hotline|phone|e-?mail", re.I)),
    ("description", re.compile(r"description|purpose|used for|what (?:it|they) do(?:es)?|role|for what", re.I)),
)


# --- Vendors ----------------------------------------------------------------------------------------------------------


def vendors(root: Node, types: Mapping[str, Node]) -> Branch | None:
    """Those of a section of their own, and those whose failure is a type of incident."""
    found: dict[str, Branch] = {}
    lines: Lines = ()
    for section in root.walk():
        if section.kind in (Kind.HEADING, Kind.LABEL) and _SECTION.fullmatch(section.label):
            listed = [(it, name) for it in section.items() if (name := it.label or it.text) and _NAME.fullmatch(name)]
            lines += section.lines if listed else ()
            for item, name in listed:
                found.setdefault(words.slug(name, "vendor"), _vendor(item, name))
    for name, said in _failing(types):
        found.setdefault(words.slug(name, "vendor"), Branch({"name": said}))
    return Branch(found, lines) if found else None


def _vendor(item: Node, name: str) -> Branch:
    entries: dict[str, Value] = {"name": Said(name, item.lines)}
    cells = [one for one in item.children if one.kind is Kind.CELL and one.rest][1:]
    for key, pattern in _COLUMNS:
        for cell in cells:
            if key not in entries and pattern.fullmatch(cell.label):
                value = _address(cell) or cell.rest
                if key != "status_page" or value.startswith(("http://", "https://")):
                    entries[key] = Said(value, cell.lines)
    if not cells:
        address = _address(item)
        told = _ADDRESS.sub("", item.rest).strip(" ,;:.()–—-") if item.label else ""
        if told and not re.fullmatch(r"(?:status(?: page)?)", told, re.I):
            entries["description"] = Said(told, item.lines)
        if address:
            entries["status_page"] = Said(address, item.lines)
    return Branch(entries)


def _address(node: Node) -> str | None:
    named = (address for _, address in links(node.source) if address.startswith(("http://", "https://")))
    plain = (found[0].rstrip(".,;") for found in _ADDRESS.finditer(node.text))
    return next(named, None) or next(plain, None)


def _failing(types: Mapping[str, Node]) -> Iterator[tuple[str, Said]]:
    """`Groq or Qdrant unavailable`, as the symptoms of a failure outside."""
    for node in types.values():
        for part in (node, *node.walk()) if _OUTSIDE.search(node.label) else ():
            told = _FAILS.fullmatch(part.rest or part.text) if part.kind is not Kind.HEADING else None
            names = re.split(r",\s*(?:or\s+|and\s+)?|\s+(?:or|and)\s+", told["names"].strip()) if told else []
            if names and all(_NAME.fullmatch(one) for one in names):
                for name in names:
                    yield name, Said(name, part.lines, f'"{part.rest or part.text}" names it as somebody outside')


# --- Services ---------------------------------------------------------------------------------------------------------


def services(root: Node, name: Value, depends_on: Branch | None) -> Value:
    """A service is read only where the document names its health endpoint."""
    for node in root.walk():
        if node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL) and _HEALTH.search(node.text):
            address, path = _ADDRESS.search(node.text), _PATH.search(node.text)
            if (address or path) and isinstance(name, Said):
                return _service(node, name, address[0] if address else None, path[0] if path else None, depends_on)
    return Hole("what can break: for each service a name, its components and its health addresses")


def _service(node: Node, name: Said, address: str | None, path: str | None, depends_on: Branch | None) -> Branch:
    probe: dict[str, Value] = {"url": Hole("where the service is, such as https://example.org", node.lines)}
    if address:
        probe = {"url": Said(address.rstrip(".,;"), node.lines)}
    elif path:
        probe["paths"] = Row((Said(path.rstrip("."), node.lines),))
    what = Said(name.value, name.lines, "what the plan is for is taken for its one service")
    key = words.slug(str(name.value), "service")
    entries: dict[str, Value] = {"name": what}
    if needed := _needs(key, depends_on):
        entries["depends_on"] = needed
    entries["probes"] = Branch({"health": Branch(probe, node.lines)})
    return Branch({key: Branch(entries)})


def _needs(service: str, vendors: Branch | None) -> Row | None:
    """The plan has one service, so the vendors that it names are those of this service."""
    named = {} if vendors is None else {key: one for key, one in vendors.entries.items() if isinstance(one, Branch)}
    how = "the plan names it, and has one service that can depend on it"
    items = [
        Said(key, one.entries["name"].lines, how)
        for key, one in named.items()
        if key != service and isinstance(one.entries["name"], Said)
    ]
    return Row(tuple(items)) if items else None


def without(vendors: Branch | None, services: Value) -> Branch | None:
    """The vendors that are not called like a service: nobody could tell what depends on which."""
    taken = services.entries if isinstance(services, Branch) else {}
    kept = {key: one for key, one in vendors.entries.items() if key not in taken} if vendors else {}
    return Branch(kept, vendors.lines) if vendors and kept else None
