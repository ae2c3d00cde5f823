"""How the JSON of a plan's own senders is looked through: the fields of its texts, and a piece of a plan by itself."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from tocsin.plan import parse
from tocsin.plan.findings import Finding
from tocsin.plan.model import Plan, Sender

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")  # it stands in an address
FIELD = re.compile(r"\{([^{}]*)\}")
_PLACE = re.compile(r"[^.{}]+(?:\.[^.{}]+)*")
_HEAD = "tocsin: 1\nsenders:\n"
_SENDERS = TypeAdapter(Mapping[str, Sender])


def check(plan: Plan) -> Iterator[Finding]:
    for name, sender in plan.senders.items():
        yield from checked(name, sender)


def checked(name: str, sender: Sender) -> Iterator[Finding]:
    """What would keep one sender from being read."""
    path = f"senders.{name}"
    if not NAME.fullmatch(name):
        yield Finding(path, f'"{name}" stands in an address; write it in small letters, digits and dashes')
    if sender.each and not _PLACE.fullmatch(sender.each):
        yield Finding(f"{path}.each", f'"{sender.each}" is not a place in a body; write it like alerts or result.items')
    for key, text in texts(sender).items():
        if flaw := _flaw(text):
            yield Finding(f"{path}.{key}", flaw)
    if not FIELD.search(sender.key):
        yield Finding(f"{path}.key", "nothing of the body stands in it; all that is sent would be one signal")


def texts(sender: Sender) -> dict[str, str]:
    """The texts that may hold fields, by their keys."""
    own = {key: str(getattr(sender, key)) for key in ("key", "title", "state", "severity", "link")}
    return {**own, **{f"labels.{name}": text for name, text in sender.labels.items()}}


def _flaw(text: str) -> str:
    wrong = next((found for found in FIELD.findall(text) if not _PLACE.fullmatch(found)), None)
    if wrong is not None:
        return f"{{{wrong}}} is not a place in a body; write it like {{job.host}}"
    return "a brace stands alone; fields are written like {job.host}" if set("{}") & set(FIELD.sub("", text)) else ""


def read(name: str, text: str) -> Sender | list[parse.Problem]:
    """One sender as a plan has it, out of its own lines, or all that is wrong with them, by line. The whole piece that
    stands in a plan means the same."""
    above, body = _own_lines(name, text)
    found = _read(name, body)
    return [replace(one, line=one.line + above) for one in found] if isinstance(found, list) else found


def piece(name: str, text: str) -> str:
    """What goes into the plan, of either."""
    return f"senders:\n  {name}:\n{textwrap.indent(_own_lines(name, text)[1], ' ' * 4)}\n"


def _own_lines(name: str, text: str) -> tuple[int, str]:
    """What stands under the sender's name, and how many lines of heads above it, if it came with those of a plan."""
    plain = textwrap.dedent(text.replace("\r\n", "\n")).strip("\n")
    head = re.match(rf"(?:[ ]*(?:#.*)?\n)*senders:[ ]*(?:#.*)?\n([ ]+){re.escape(name)}:[ ]*(?:#.*)?\n", plain)
    if head is None:
        return 0, plain
    below = plain[head.end() :]
    if not all(line.startswith(head[1] + " ") for line in below.split("\n") if line.strip()):
        return 0, plain  # another sender stands there too, or more of the plan
    return head[0].count("\n"), textwrap.dedent(below).rstrip("\n")


def _read(name: str, body: str) -> Sender | list[parse.Problem]:
    document = parse.read(f"{_HEAD}  {name}:\n{textwrap.indent(body, ' ' * 4)}\n", "mapping")
    if isinstance(document, list):
        return [_moved(one, name) for one in document]
    about = [one for one in _complaints(document) if one.path.startswith("senders")]
    if about:
        return [_moved(one, name) for one in about]
    try:
        (sender,) = _SENDERS.validate_python(document.content.get("senders")).values()
    except (ValidationError, ValueError):
        return [parse.Problem(1, 1, "", 'write keys and values, such as title: "{message}"', "mapping")]
    return [_moved(document.problem(one.path, one.message), name) for one in checked(name, sender)] or sender


def _complaints(document: parse.Document) -> list[parse.Problem]:
    found = parse.build(document)
    return found if isinstance(found, list) else []


def _moved(problem: parse.Problem, name: str) -> parse.Problem:
    """The problem where it stands in the sender's own lines."""
    path = problem.path.removeprefix(f"senders.{name}").lstrip(".")
    return replace(problem, line=max(1, problem.line - 3), column=max(1, problem.column - 4), path=path)
