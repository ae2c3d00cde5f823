"""Where people work together: the chat channel of an incident, its call, and the status page."""

import re
from collections.abc import Iterator

from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Hole, Row, Said, Value, lines_of, whole
from tocsin.plan.reading.outline import Kind, Node, links

_CHANNEL = re.compile(r"(?:(?:incident|chat|slack|teams|dedicated|war[- ]room|working)\s+)*channels?", re.I)
_HASH = re.compile(r"(?<![\w/#])#(?P<name>[A-Za-z][\w<>{}\[\]-]{2,80})")
_LEGAL = re.compile(r"[a-z0-9_-]*")
_FIELDS = (
    ("date", re.compile(r"[<\[{]?(?:Y{4}-?M{2}-?D{2}|\bdate\b)[>\]}]?|[<\[{]date[>\]}]", re.I)),
    ("number", re.compile(r"[<\[{](?:id|number|incident[-_ ]?(?:id|number))[>\]}]|N{3,}|X{3,}", re.I)),
    ("severity", re.compile(r"[<\[{]sev(?:erity)?[>\]}]", re.I)),
    ("service", re.compile(r"[<\[{]service[>\]}]", re.I)),
    (
        "slug",
        re.compile(
            r"[<\[{](?:short[-_ ])?(?:description|slug|title|summary|name|topic)[>\]}]"
            r"|(?<![a-z{])(?:short-)?(?:description|slug|title|summary)(?![a-z}])",
            re.I,
        ),
    ),
)
_CALL = re.compile(
    r"\b(?:start|open|join|set up|dial into)\b.*\b(?:(?:incident|conference|bridge|video|voice|team) (?:call|bridge)"
    r"|bridge|conference|call)\b(?! (?:the|a|an|for)\b)",
    re.I,
)
_TALKS = re.compile(r"communicat|\bchannels?\b|\bcalls?\b|\bphase\b|\bprocess\b|\bresponse\b", re.I)
_ADDRESS = re.compile(r"\bhttps?://[^\s`<>()\[\]\"']+")
_STATUS_PAGE = re.compile(r"\b(?:our |public )?status[ -]?page\b", re.I)
_OTHERS = re.compile(r"\b(?:vendor|provider|external|third[- ]party|their)\b", re.I)


def channels(root: Node, known: list[str]) -> Branch | None:
    entries = {"chat": _chat(root, known), "call": _call(root, known), "status_page": _status_page(root)}
    found: dict[str, Value] = {key: one for key, one in entries.items() if one is not None}
    return Branch(found) if found else None


# --- Chat -------------------------------------------------------------------------------------------------------------


def _chat(root: Node, known: list[str]) -> Branch | None:
    section = next((one for one in root.walk() if _is_channel(one)), None)
    speaking = [section, *section.walk()] if section else [one for one in root.walk() if "channel" in one.text.lower()]
    named = next(((one, name) for one in speaking if (name := _name(one))), None)
    entries: dict[str, Value] = {}
    if named:
        entries["name"] = named[1]
    if section and (levels := words.only_levels(section.remark, known)):
        entries["severities"] = Row(tuple(Said(one, section.lines) for one in levels))
    habits = [item for item in section.items() if item.text and not (named and item is named[0])] if section else []
    if habits:
        entries["habits"] = Row(tuple(Said(whole(one), lines_of([one, *one.walk()])) for one in habits))
    return Branch(entries, section.lines if section else ()) if entries else None


def _is_channel(node: Node) -> bool:
    titled = node.kind in (Kind.HEADING, Kind.LABEL) and bool(_CHANNEL.fullmatch(node.label))
    return titled and bool(node.items() or _HASH.search(node.rest))


def _name(node: Node) -> Said | None:
    """`#incident-YYYYMMDD-description` with its placeholders as fields."""
    spoken = node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL)
    found = _HASH.search(node.source.replace("`", " ")) if spoken else None
    if found is None:
        return None
    written, turned = found["name"].strip("-"), []
    name = written
    for field, pattern in _FIELDS:
        name, count = pattern.subn(f"{{{field}}}", name)
        turned += [field] * bool(count)
    name = "".join(part if part.startswith("{") else part.lower() for part in re.split(r"(\{\w+\})", name))
    if not _LEGAL.fullmatch(re.sub(r"\{\w+\}", "", name)):
        return None
    return Said(name, node.lines, f"#{written} as the format spells it" if turned else "")


# --- Calls and pages --------------------------------------------------------------------------------------------------


def _call(root: Node, known: list[str]) -> Branch | None:
    """A call that is started. Its address is a hole where the document does not give it."""
    for node in root.walk():
        if node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL) and _CALL.search(node.text) and _talks(node):
            address = next(_addresses(node), None)
            link: Value = Said(address, node.lines) if address else Hole("the link of the call", node.lines)
            levels = words.levels(node.text, known)
            at: dict[str, Value] = {"severities": Row(tuple(Said(one, node.lines) for one in levels))} if levels else {}
            return Branch({"link": link} | at, node.lines)
    return None


def _talks(node: Node) -> bool:
    return bool(node.under(_TALKS) or any(_TALKS.search(one.text) for one in node.up()))


def _addresses(node: Node) -> Iterator[str]:
    yield from (address for _, address in links(node.source) if address.startswith(("http://", "https://")))
    yield from (found[0].rstrip(".,;") for found in _ADDRESS.finditer(node.text))


def _status_page(root: Node) -> Said | None:
    """The address of the page that the public reads; those of others are no page of ours."""
    for node in root.walk():
        spoken = node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL)
        is_ours = _STATUS_PAGE.search(node.text) and not (_OTHERS.search(node.text) or node.under(_OTHERS))
        if spoken and is_ours and (address := next(_addresses(node), None)):
            return Said(address, node.lines)
    return None
