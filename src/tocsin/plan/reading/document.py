"""From a plan written as Markdown to a draft of a plan file. Nothing is guessed in silence."""

from collections.abc import Iterable, Iterator, Mapping

from tocsin.plan.reading import (
    channels,
    communication,
    ending,
    measures,
    outside,
    people,
    phases,
    postmortem,
    review,
    severities,
    templates,
    types,
    whole,
    words,
)
from tocsin.plan.reading.draft import Branch, Draft, Hole, Notes, Said, Unread, Value, cited, ordered
from tocsin.plan.reading.outline import Kind, Node, Outline, outline


def read_document(text: str) -> Draft:
    """What a document says, line by line: understood, arranging, or listed as not understood.

    Raises `Invalid` for a file that is too large or no text; whatever else stands in it, it is read.
    """
    found = outline(text)
    notes = Notes()
    plan = _plan(found.root, notes)
    used = cited(plan, notes.contradictions)
    unread = sorted([*_unread(found, used), *notes.unknown], key=lambda one: one.lines)
    silent = frozenset(line for one in unread for line in one.lines)
    arranging = found.filled() - used - silent
    return Draft(plan, tuple(notes.contradictions), tuple(unread), arranging, found.filled())


# --- The plan ---------------------------------------------------------------------------------------------------------


def _plan(root: Node, notes: Notes) -> Branch:
    roles = people.role_nodes(root)
    told = severities.told(root, roles)
    policies, escalation = _escalation(root, told)
    texts = templates.wordings(root, notes)
    audiences = communication.audiences(root, told, notes)
    revisions, latest = whole.history(root)
    title = whole.name(root)
    kinds = types.type_nodes(root)
    vendors = outside.vendors(root, kinds)
    services = outside.services(root, title, vendors)
    figures = measures.metrics(root, told.keys, notes)
    telling = communication.communication(audiences, texts, communication.owners(roles, audiences), notes)
    meeting = channels.channels(root, told.keys)
    entries: dict[str, Value | None] = {
        "tocsin": Said(1, ()),
        "name": title,
        "version": whole.version(root, latest, notes),
        "purpose": whole.purpose(root),
        "scope": whole.scope(root),
        "declare_when": whole.declare_when(root),
        "people": people.PEOPLE,
        "roles": people.roles(roles),
        "services": services,
        "vendors": outside.without(vendors, services),
        "severities": severities.severities(told, policies, notes),
        "rotations": people.rotations(root, notes),
        "escalation": escalation,
        "phases": phases.phases(root, told.keys, audiences),
        "types": types.types(kinds),
        "communication": Branch(({"channels": meeting} if meeting else {}) | telling),
        "templates": Branch(texts.texts),
        "resolution": ending.resolution(root),
        "recovery": ending.recovery(root, notes),
        "review": postmortem.completed(review.review(root, roles, notes), texts, notes),
        "metrics": figures,
        "links": whole.related(root, notes),
        "history": revisions,
    }
    phases.compare_targets(root, told, notes)
    whole.abbreviations(root, notes, kept=measures.cited_lines(figures))
    return Branch({key: value for key, value in entries.items() if value is not None})


def _escalation(root: Node, told: severities.Told) -> tuple[Mapping[str, Said], Value]:
    """The policy of each severity, and the policies: the document's own, or one for each severity to be filled in."""
    section = people.escalation_section(root)
    if not told.nodes:
        return {}, Hole("policies: whom to page, and whom next")
    if section:
        key = words.slug(section.label, "escalation")
        ref = Said(key, section.lines, "the document has one policy, which is taken for every severity")
        return {level: ref for level in told.keys}, Branch({key: people.policy_of(section)}, section.lines)
    refs = {level: Said(words.slug(level), node.lines) for level, node in told.nodes.items()}
    return refs, Branch({words.slug(level): people.policy_for(level, told.hints[level]) for level in told.keys})


# --- Accounting -------------------------------------------------------------------------------------------------------


def _unread(found: Outline, used: frozenset[int]) -> Iterator[Unread]:
    """Everything that is neither cited nor only arranges what is."""
    seen = used | found.arranging
    for node in found.root.walk():
        left = tuple(line for line in node.lines if line not in seen)
        if left and not _arranges(node, used, found.arranging):
            yield from _sentences(found, node, left)
        seen |= set(node.lines)
    for line in sorted(found.filled() - seen):  # what the parser skipped
        yield Unread((line,), found.written[line - 1].strip())


def _arranges(node: Node, used: frozenset[int], arranging: frozenset[int]) -> bool:
    """A heading, a label or the head of a table, with something understood under it, or nothing but arrangement."""
    bare = node.kind in (Kind.HEADING, Kind.TABLE) or (bool(node.label) and not node.rest)
    below = (line for one in node.walk() for line in one.lines)
    return bare and (any(line in used for line in below) or (bool(node.children) and _all_below(node, arranging)))


def _all_below(node: Node, lines: frozenset[int]) -> bool:
    return all(line in lines for one in node.walk() for line in one.lines)


def _sentences(found: Outline, node: Node, lines: Iterable[int]) -> Iterator[Unread]:
    where = " / ".join(reversed([one.label for one in node.up() if one.label and one.above is not found.root][:2]))
    why = "a block under a template's heading that is no template; was the one above closed too early?"
    if node.kind in (Kind.FENCE, Kind.OTHER):
        for line in lines:
            stray = node.kind is Kind.FENCE and templates.wants_template(node)
            yield Unread((line,), found.written[line - 1].strip(), where, why if stray else "")
    else:
        yield Unread(ordered(lines), node.text or found.written[node.lines[0] - 1].strip(), where)
