"""What can be typed next: commands, options, and the words that only the plan or the record know.

A shell asks at each press of Tab. It is answered from the commands themselves and, where a word names an incident, a
person or a thing of the plan, by one look at the server. Where that has no answer nothing is offered, and nothing said.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cyclopts import App

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of
from tocsin.kit.errors import TocsinError

ASKED = "__complete"  # what a shell's script begins with; it is no command, and no person types it
FILES = ":files"  # the answer that leaves it to the shell to offer its files
BREAKS = "=:"  # where bash ends a word, besides blanks: it wants only what follows the last of them
AT_MOST = 50  # of what the record holds: nobody reads on, and the server reads no more

Choice = tuple[str, str]  # what is typed, and what it stands for
Given = Sequence[str]  # the words before it that are no options, such as the incident
Source = Callable[[Given], Iterable[Choice]]


def _numbers(_: Given) -> Iterator[Choice]:
    for one in client.glance("incidents", limit=AT_MOST)["incidents"]:
        yield str(one["number"]), f"{one['severity']} {one['status']}: {one['title']}"


def _ids(_: Given) -> Iterator[Choice]:
    for one in client.glance("incidents", limit=AT_MOST)["incidents"]:
        yield one["id"], f"{one['severity']} {one['status']}: {one['title']}"


def _plan(*path: str) -> Source:
    """What stands at a place of the plan, by its keys."""

    def source(_: Given) -> Iterator[Choice]:
        found = client.glance("plan")["plan"]
        for part in path:
            found = found[part]
        for key, one in found.items():
            yield key, one["name"] if isinstance(one, dict) else one

    return source


def _list(member: str, value: str, meaning: str, *path: str) -> Source:
    """A list of the API: the value is typed, and the meaning shown beside it."""

    def source(_: Given) -> Iterator[Choice]:
        return ((str(one[value]), str(one[meaning])) for one in client.glance(*path)[member])

    return source


def _of_incident(member: str, value: str, meaning: str, *path: str) -> Source:
    """A list of the incident that was named before."""

    def source(given: Given) -> Iterator[Choice]:
        found = client.glance("incidents", id_of(given[0]), *path)[member] if given else ()
        return ((str(one[value]), str(one[meaning])) for one in found)

    return source


def _owed(given: Given) -> Iterator[Choice]:
    for one in client.glance("incidents", id_of(given[0]), "obligations")["obligations"] if given else ():
        if one["settled_at"] is None:
            yield one["key"], one["what"]


def _items(given: Given) -> Iterator[Choice]:
    found = client.glance("incidents", id_of(given[0]), "checklists") if given else {"type": (), "phases": ()}
    for one in (*found["type"], *(one for phase in found["phases"] for one in phase["items"])):
        yield one["key"], one["what"]


def _events(_: Given) -> Iterator[Choice]:
    from tocsin.events.model import EventType

    return ((one.value, "") for one in EventType)


def _rights(_: Given) -> Iterator[Choice]:
    from tocsin.people import access

    return ((one, "") for one in sorted(access.EVERY_SCOPE))


_people = _list("people", "handle", "name", "people")
_signals = _list("signals", "id", "title", "signals", "recent")
_severities, _types = _plan("severities"), _plan("types")
NAMED: Mapping[str, Source] = {
    **dict.fromkeys(("INCIDENT", "OTHER", "--into", "--incident"), _numbers),
    **dict.fromkeys(("PERSON", "HANDLE", "--person", "--with", "--held-by", "--instead-of"), _people),
    **dict.fromkeys(("ROTATION", "--rotation"), _plan("rotations")),
    **dict.fromkeys(("SERVICE", "--service"), _plan("services")),
    **dict.fromkeys(("SIGNAL", "--signal"), _signals),
    **dict.fromkeys(("SILENCE", "--silence"), _list("silences", "id", "because", "silences")),
    "--severity": _severities,
    "--type": _types,
    "--audience": _plan("communication", "audiences"),
    "--scope": _rights,
    "ROLE": _plan("roles"),
    "TEAM": _plan("teams"),
    "VENDOR": _plan("vendors"),
    "CHECK": _plan("resolution", "verification"),
    "CONFIRMATION": _plan("recovery", "confirm"),
    "WHICH": _plan("resolution", "strategies"),
    "KEY": _owed,
    "ITEM": _items,
    "SECTION": _of_incident("sections", "id", "title", "postmortem"),
    "WEBHOOK": _list("webhooks", "id", "url", "webhooks"),
    "MESSAGE": _list("messages", "id", "subject", "messages", "undelivered"),
    "SWAP_ID": _list("swaps", "id", "reason", "oncall", "swaps"),
    "OVERRIDE_ID": _list("overrides", "id", "reason", "oncall", "overrides"),
    "TOKEN_ID": _list("tokens", "id", "name", "tokens"),
}
SPECIAL: Mapping[tuple[str, str], Source] = {
    ("severity", "TO"): _severities,
    ("type", "TO"): _types,
    ("signal send", "--severity"): lambda _: (),  # the sender's word, which the plan does not know
    ("decide", "--by"): _people,
    ("verify", "WHAT"): _numbers,
    ("events", "--type"): _events,
    ("webhook add", "--type"): _events,
    ("webhook change", "--type"): _events,
    ("probe", "NAME"): _list("probes", "name", "sort", "probes"),
    ("template", "NAME"): _of_incident("templates", "name", "purpose", "templates"),
}
OF_FILES = {"FILE", "BODY", "OLD", "NEW", "--output", "--plan", "--mapping", "--folder"}


def answer(app: App, asked: Sequence[str]) -> None:
    """Answer a shell: `bash LINE`, or `zsh` or `fish` and the words up to the cursor, the last one unfinished."""
    shell, *words = asked
    cut = 0
    if shell == "bash":
        words = _words(words[0])
        if not words:
            return
        cut = 1 + max(words[-1].rfind(one) for one in BREAKS)
    lines = islice(_fitting(app, words[:-1], words[-1]), 500)
    show.raw(
        "".join(f"{value[cut:]}\t{_short(meaning)}\n" if value != FILES else f"{FILES}\n" for value, meaning in lines)
    )


def _words(line: str) -> list[str]:
    """The words of a line behind the program's name, as far as it is typed; none within quotes, where text stands."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return [*words[1:], ""] if line[-1:].isspace() else words[1:] or [""]


def _short(meaning: str) -> str:
    return show.plain(" ".join(meaning.split()))[:100]


def _fitting(app: App, before: Sequence[str], current: str) -> Iterator[Choice]:
    option, sign, begun = current.partition("=")
    if sign and option.startswith("--"):
        found: Iterator[Choice] = (
            (f"{option}={value}", meaning) for value, meaning in possible(app, [*before, option], begun)
        )
    else:
        found = possible(app, before, current)
    return (one for one in found if one[0].startswith(current) or one[0] == FILES)


def possible(app: App, before: Sequence[str], current: str) -> Iterator[Choice]:
    """Whatever may stand next; it is not yet held against what was begun."""
    path, given, seen, waits, part = list[str](), list[str](), set[str](), "", app
    options, places = _taken(part)
    for word in before:
        name, sign, _ = word.partition("=")
        if waits:
            waits = ""
        elif name in options:
            seen.add(name)
            waits = "" if sign or _is_bare(options[name]) else name
        elif not given and word in _commands(part):
            part = part[word]
            path.append(word)
            options, places = _taken(part)
        elif not word.startswith("-"):
            given.append(word)
    if waits:
        yield from _values(path, options[waits], given, current)
    elif current.startswith("-"):
        yield from _options(options, seen)
    else:
        if not given:
            yield from ((name, _promise(part[name])) for name in _commands(part))
        if places and (len(given) < len(places) or _is_list(places[-1])):
            yield from _values(path, places[min(len(given), len(places) - 1)], given, current)


def _commands(part: App) -> list[str]:
    return [name for name in part if not name.startswith("-")]


def _taken(part: App) -> tuple[dict[str, Any], list[Any]]:
    """The options of a command by their names, and what it takes without one, in order."""
    if part.default_command is None:
        return {}, []
    taken = list(part.assemble_argument_collection())
    options = {name: one for one in taken for name in one.names if name.startswith("-")}
    return options, [one for one in taken if not one.name.startswith("-")]


def _is_bare(argument: Any) -> bool:
    """Whether it may stand without a value."""
    return bool(argument.is_flag()) or argument.name == "--watch"


def _is_list(argument: Any) -> bool:
    return "list" in str(argument.hint) or "tuple" in str(argument.hint)


def _options(options: Mapping[str, Any], seen: set[str]) -> Iterator[Choice]:
    for name, one in options.items():
        if _is_list(one) or seen.isdisjoint(one.names):
            yield name, str(one.parameter.help or "")
    yield "--help", "Show what it takes."


def _promise(part: App) -> str:
    return str(part.help).strip().partition("\n")[0]


def _values(path: Sequence[str], argument: Any, given: Given, current: str) -> Iterator[Choice]:
    name = argument.name
    choices = argument.get_choices()
    source = SPECIAL.get((" ".join(path), name)) or NAMED.get(name)
    if source is _numbers and current.startswith("i"):
        source = _ids
    if choices:
        yield from ((one, "") for one in choices)
    elif name in OF_FILES:
        yield FILES, ""
    elif source:
        try:
            yield from source(given)
        except (TocsinError, LookupError):  # no server, no right, or no such incident: there is nothing to offer
            return


# ---- What the shells run ---------------------------------------------------------------------------------------------

_SCRIPTS: Mapping[str, str] = {
    "bash": """\
# Lets bash complete the commands of Tocsin and their words.
_tocsin() {
  local value meaning
  COMPREPLY=()
  while IFS=$'\\t' read -r value meaning; do
    if [[ $value == :files ]]; then
      compopt -o default 2>/dev/null
    elif [[ -n $value ]]; then
      COMPREPLY+=("$value")
    fi
  done < <(tocsin __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _tocsin tocsin
""",
    "zsh": """\
#compdef tocsin
# Lets zsh complete the commands of Tocsin and their words.
_tocsin() {
  local tab=$'\\t'
  local -a found
  found=("${(@f)$(tocsin __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found[1] == :files ]]; then
    _files
  elif [[ -n $found[1] ]]; then
    found=("${(@)found//:/\\\\:}")
    found=("${(@)found/$tab/:}")
    _describe -V tocsin found
  fi
}
if [[ $funcstack[1] == _tocsin ]]; then _tocsin "$@"; else compdef _tocsin tocsin; fi
""",
    "fish": """\
# Lets fish complete the commands of Tocsin and their words.
function __tocsin_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (tocsin __complete fish $words[2..-1] "$current" 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path "$current"
    else
        string join -- \\n $found
    end
end
complete -c tocsin -f -a '(__tocsin_complete)'
""",
}


def script(shell: str) -> str:
    """What a shell reads when it starts, so that it asks at each Tab."""
    return _SCRIPTS[shell]
