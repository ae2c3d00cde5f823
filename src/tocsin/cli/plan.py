"""The plan: checked as a file, shown, and put into force on the database of this machine."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson, Flag
from tocsin.cli.planfile import NoSuchFile, name_of, plan_text, text_of
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Refused
from tocsin.kit.text import clip, listed, span

if TYPE_CHECKING:
    from tocsin.plan.consequences import Consequence
    from tocsin.plan.model import Plan
    from tocsin.plan.reading.draft import Draft

File = Annotated[str, Parameter(allow_leading_hyphen=True, help="The plan's file; - reads it from the standard input.")]
Output = Annotated[Path | None, Parameter(help="A new file to write it to; otherwise it is printed.")]

Version = Annotated[
    str,
    Parameter(allow_leading_hyphen=True, help="A plan's file, - for the standard input, a revision's id, or current."),
]
CURRENT = "current"  # the plan in force

INVALID = 2  # the exit code of a plan with mistakes, as of everything that is not valid

plan = App(name="plan", group=HERE, help="The plan: check a file, show what is in force, put a new one into force.")


class FileThere(Refused):
    """There is such a file already."""


@plan.command(name="show")
def show_plan(file: File | None = None, /, *, json: AsJson = False) -> None:
    """Show the plan in force, or that of a file, as tables.

    With --json it is printed in the format of a plan file, every default written out.
    """
    found, head = _of_file(file) if file else _in_force()
    if json:
        show.as_json(_plain(found))
        return
    show.line(head, style="bold")
    for title, columns, rows in _tables(found):
        show.line()
        show.table(columns, rows, title=title, empty=f"{title}: none")


@plan.command
def document(
    file: File | None = None,
    /,
    *,
    output: Output = None,
    json: AsJson = False,
) -> None:
    """Print the plan in force, or that of a file, as a Markdown document made from what really runs.

    Every statement ends with its id, the path of the value in the plan file.
    """
    from tocsin.plan import printing

    found, revision = _printed_from(file)
    text = printing.document(found, revision)
    if output:
        _write(output, text)
    if json:
        about = {"name": found.name, "version": found.version, "revision": revision}
        show.as_json(about | ({} if output else {"document": text}))
    elif not output:
        show.raw(text)


@plan.command
def bundle(
    file: File,
    /,
    *,
    output: Output = None,
    json: AsJson = False,
) -> None:
    """Print a plan and the files that it includes as one text, which says the same by itself.

    Every file stands there letter for letter. The API takes such a text; the other commands gather the files by
    themselves.
    """
    text = plan_text(file)
    if output:
        _write(output, text)
    if json:
        show.as_json({"file": str(output)} if output else {"text": text})
    elif not output:
        show.raw(text)


@plan.command
def schema(*, json: AsJson = False) -> None:
    """Print the format of plan files as JSON Schema, for editors that complete and check while you type."""
    from tocsin.plan.schema import json_schema

    show.as_json(json_schema())  # it is JSON, asked for or not


@plan.command
def apply(
    file: File,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; it stands beside the revision.")],
    yes: Annotated[Flag, Parameter(help="Put it into force even if the change is large.")] = False,
    json: AsJson = False,
) -> None:
    """Put a plan into force. Open incidents go on under the revision they were declared under."""
    from tocsin.plan import commands

    text = plan_text(file)
    revision = local.change(lambda tx: commands.apply(tx, text, reason, name_of(file), accept_large=yes))
    if json:
        show.as_json({"revision": revision.id, "name": revision.name, "version": revision.version})
    else:
        show.line(f"{revision.name} {revision.version} is in force, as revision {revision.id}.")


@plan.command
def diff(
    old: Version,
    new: Version,
    /,
    *,
    record: Annotated[
        bool | None, Parameter(help="Replay the record too; by default if OLD or NEW comes from the database.")
    ] = None,
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=3660), help="How many days of the record.")] = 90,
    json: AsJson = False,
) -> None:
    """Say in sentences what a change of the plan does; what is large comes first.

    The exit code is 0 whether there is a difference or not.
    """
    is_kept = _is_kept(old) or _is_kept(new)
    replays = is_kept if record is None else record
    if is_kept or replays:
        found = local.look(lambda tx: _differences(_version(tx, old), _version(tx, new), tx if replays else None, days))
    else:
        found = _differences(_of_file(old)[0], _of_file(new)[0], None, days)
    if json:
        show.as_json([dict(vars(one)) for one in found])
    else:
        _show_differences(found)


@plan.command(name="import")
def import_plan(
    file: Annotated[str, Parameter(allow_leading_hyphen=True, help="The Markdown; - reads the standard input.")],
    /,
    *,
    output: Annotated[Path | None, Parameter(help="The file to write the draft to; otherwise it is printed.")] = None,
    json: AsJson = False,
) -> None:
    """Read a plan written as Markdown, and write a draft of a plan file with the source line of each value.

    Nothing is guessed in silence: what is missing, contradicts itself or was not understood is listed in the draft.
    """
    from tocsin.plan.reading.document import read_document
    from tocsin.plan.reading.render import render

    draft = read_document(text_of(file))
    text = render(draft)
    if output:
        _write(output, text)
    if json:
        show.as_json(_draft_json(draft) | ({} if output else {"plan": text}))
        return
    if not output:
        show.raw(text)
    show.aside(f"{_told(draft)}. The draft ends with the lists of all of them.")


def _write(output: Path, text: str) -> None:
    """A new file. What somebody may have filled in already is never overwritten."""
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FileThere(f"{output} is there already; name another file, or take it away first.") from None
    except OSError as error:
        raise NoSuchFile(f"{output} can't be written: {error.strerror}.") from None


def _told(draft: "Draft") -> str:
    counts = (
        (len(draft.cited() & draft.filled), "line cited", "lines cited"),
        (len(draft.not_understood()), "line not understood", "lines not understood"),
        (len(draft.contradictions), "contradiction", "contradictions"),
        (len(draft.holes()), "hole to fill", "holes to fill"),
    )
    return listed(f"{count} {one if count == 1 else many}" for count, one, many in counts)


def _draft_json(draft: "Draft") -> dict[str, Any]:
    return {
        "holes": [{"path": path, "lines": one.lines, "what": one.what} for path, one in draft.holes()],
        "contradictions": [
            {"what": one.what, "values": [{"value": it.written, "lines": it.lines} for it in (one.kept, one.other)]}
            for one in draft.contradictions
        ],
        "readings": [{"path": path, "lines": one.lines, "how": one.how} for path, one in draft.readings()],
        "not_understood": [{"lines": one.lines, "text": one.text, "where": one.where} for one in draft.unread],
    }


def _of_file(file: str) -> "tuple[Plan, str]":
    from tocsin.plan import check as checking
    from tocsin.plan.commands import BadPlan

    found = checking.load(plan_text(file), name_of(file))
    if isinstance(found, list):
        raise BadPlan(found)
    return found, f"{found.name} {found.version} ({name_of(file)})"


def _in_force() -> "tuple[Plan, str]":
    from tocsin.plan import store

    found, revision = local.look(lambda tx: (store.current(tx), store.current_revision(tx)))
    since = show.minute(revision.applied_at.isoformat())
    who = f"put into force by {revision.applied_by} on {since}"
    return found, f"{found.name} {found.version}, revision {revision.id}, {who}: {revision.reason}"


def _printed_from(file: str | None) -> "tuple[Plan, str]":
    """A plan and the revision that it is, or would be once it is applied."""
    from tocsin.plan import check as checking
    from tocsin.plan import store
    from tocsin.plan.commands import BadPlan

    if file is None:
        return local.look(lambda tx: (store.current(tx), store.current_id(tx)))
    text = plan_text(file)
    found = checking.load(text, name_of(file))
    if isinstance(found, list):
        raise BadPlan(found)
    return found, store.revision_id(text)


def _is_kept(version: str) -> bool:
    """Whether it stands in the database: the plan in force, or a revision by its id."""
    return version == CURRENT or (re.fullmatch(r"[0-9a-f]{12}", version) is not None and not Path(version).exists())


def _version(tx: Any, version: str) -> "Plan":
    from tocsin.plan import store

    if not _is_kept(version):
        return _of_file(version)[0]
    return store.current(tx) if version == CURRENT else store.load(tx, version)


def _differences(old: "Plan", new: "Plan", tx: Any | None, days: int) -> "list[Consequence]":
    """What the plans say; with a unit of work also what the record says of them."""
    from tocsin.plan.diff import diff
    from tocsin.response import foresee

    if tx is None:
        return [*diff(old, new), *foresee.on_call(old, new, start=SystemClock().now())]
    return [*diff(old, new), *foresee.foresee(tx, old, new, since=timedelta(days=days))]


def _show_differences(found: "list[Consequence]") -> None:
    for title, weight in (("Large", "large"), ("Small", "small")):
        sentences = [one.sentence for one in found if one.weight == weight]
        if sentences:
            show.line(f"{title}:", style="bold")
        for sentence in sentences:
            show.line(f"- {sentence}")
    if not found:
        show.line("The two plans say the same.")


def summary(found: "Plan") -> str:
    counts = (
        (len(found.people), "person", "people"),
        (len(found.severities), "severity", "severities"),
        (len(found.types), "type", "types"),
        (len(found.rotations), "rotation", "rotations"),
        (len(found.rules), "rule", "rules"),
        (len(found.communication.audiences), "audience", "audiences"),
    )
    return listed(f"{count} {one if count == 1 else many}" for count, one, many in counts)


# ---- As tables -------------------------------------------------------------------------------------------------------

Rows = Iterable[tuple[show.Cell, ...]]


def _tables(found: "Plan") -> Iterator[tuple[str, tuple[str, ...], Rows]]:
    yield "Severities", ("", "Name", "Answer within", "Resolve within", "Pages", "Post-mortem"), _severities(found)
    yield "People", ("", "Name", "Title", "Teams"), _people(found)
    yield "Roles", ("", "Name", "Who may hold it", "Needed within"), _roles(found)
    yield "Rotations", ("", "People", "Handoff", "Every"), _rotations(found)
    yield "Escalation", ("", "Step", "Pages", "Climbs after"), _steps(found)
    yield "Types", ("", "Name", "Symptoms", "Actions"), _types(found)
    yield "Services", ("", "Name", "Components", "Probes"), _services(found)
    yield "Rules", ("", "When", "Declares"), _rules(found)
    yield "Audiences", ("", "Name", "Owner", "First update within, then every"), _audiences(found)
    yield "Post-mortem sections", ("", "Title", "Filled by"), _sections(found)


def _severities(found: "Plan") -> Rows:
    for key, one in found.severities.items():
        yield key, one.name, span(one.acknowledge_within), span(one.resolve_within), one.escalation, one.post_mortem


def _people(found: "Plan") -> Rows:
    for key, one in found.people.items():
        yield key, one.name, one.title, ", ".join(name for name, team in found.teams.items() if key in team.members)


def _roles(found: "Plan") -> Rows:
    for key, one in found.roles.items():
        needed = (
            f"{severity} {span(level.roles_within[key])}"
            for severity, level in found.severities.items()
            if key in level.roles_within
        )
        yield key, one.name, ", ".join(one.eligible), ", ".join(needed)


def _rotations(found: "Plan") -> Rows:
    from tocsin.plan.printing_rotas import every

    for key, one in found.rotations.items():
        yield key, ", ".join(one.people), f"{one.handoff:%H:%M} {one.zone}", every(one)
        for layer in one.layers:
            clock = f"{layer.handoff or one.handoff:%H:%M} {layer.zone or one.zone}"
            yield f"{key}: {layer.name}", ", ".join(layer.people), clock, every(layer)


def _steps(found: "Plan") -> Rows:
    for key, policy in found.escalation.items():
        for number, step in enumerate(policy.steps, start=1):
            yield key, number, ", ".join(step.page), span(step.wait)


def _types(found: "Plan") -> Rows:
    for key, one in found.types.items():
        yield (
            key,
            f"{one.name} (private)" if one.private else one.name,
            clip("; ".join(one.symptoms), 60),
            len(one.actions),
        )


def _services(found: "Plan") -> Rows:
    for key, one in found.services.items():
        probes = (f"{name} every {span(probe.every)}" for name, probe in one.probes.items())
        yield key, one.name, ", ".join(one.components), ", ".join(probes)


def _rules(found: "Plan") -> Rows:
    for number, one in enumerate(found.rules, start=1):
        conditions = (f"{name} is {_words(wanted)}" for name, wanted in one.when.items())
        yield number, listed(conditions), f"{one.severity} {one.type}: {one.name}"


def _words(wanted: tuple[str, ...] | str) -> str:
    return wanted if isinstance(wanted, str) else listed(wanted, "or")


def _audiences(found: "Plan") -> Rows:
    for key, one in found.communication.audiences.items():
        rhythm = (f"{level} {span(pace.first_within)}, {span(pace.every)}" for level, pace in one.cadence.items())
        yield key, f"{one.name} (public)" if one.public else one.name, one.owner, "; ".join(rhythm)


def _sections(found: "Plan") -> Rows:
    for key, one in found.review.sections.items():
        yield key, one.title, "people" if one.facts is None else "the record and people" if one.prompt else "the record"


def _plain(value: object) -> Any:
    """A part of the plan as its file would spell it."""
    match value:
        case timedelta():
            return span(value)
        case time():
            return value.strftime("%H:%M")
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case StrEnum():
            return value.value
        case Mapping():
            return {str(_plain(key)): _plain(one) for key, one in value.items()}
        case tuple():
            return [_plain(one) for one in value]
        case _ if is_dataclass(value):
            return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value
