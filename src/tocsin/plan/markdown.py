"""Text as Markdown that shows exactly that text, whatever letters it has, and statements that end with their id.

Written for CommonMark with tables. Nothing that a plan says can begin a heading, end a table's cell or become HTML.
What is made of several blocks is an iterator over them; an empty list or table has none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

# An underscore between letters stands for itself; everywhere else these could begin markup.
_MARKUP = re.compile(r"[\\`*\[\]<|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_AT_THE_START = re.compile(r"[#>+=-]|\d{1,9}(?=[.)](?:\s|$))", re.ASCII)
_ADDRESS = re.compile(r"https?://[\w.:/?#@!$&'()+,;=%-]+", re.ASCII)

Blocks = Iterator[str]


def plain(text: str) -> str:
    """The text on one line, wherever on a line it stands."""
    escaped = _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
    start = _AT_THE_START.match(escaped)
    if start is None:
        return escaped
    # A number is escaped behind its digits: only punctuation may follow a backslash.
    place = start.end() if start[0].isdigit() else 0
    return f"{escaped[:place]}\\{escaped[place:]}"


def code(text: str) -> str:
    """The text on one line, as it is typed."""
    line = " ".join(text.split("\n"))
    fence = "`" * (_longest_run(line) + 1)
    # One space on each side is taken off again by the reader, if the text is more than spaces.
    padded = f" {line} " if line.strip() and (line[0] in "` " or line[-1] in "` ") else line
    return f"{fence}{padded}{fence}" if line else "nothing"


def code_in_a_cell(text: str) -> str:
    """The same within a table, where a bar would end the cell."""
    return code(text).replace("|", r"\|")


def block(text: str) -> str:
    """The text with its lines as they are."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text.removesuffix(chr(10))}\n{fence}"


def address(text: str) -> str:
    """A link if it is an address of the web, otherwise the words as they are."""
    return f"<{text}>" if _ADDRESS.fullmatch(text) else code(text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def statement(markdown: str, path: str) -> str:
    """An item of a list, with its id."""
    return f"- {markdown} {code(path)}"


def heading(level: int, markdown: str, path: str) -> str:
    return f"{'#' * level} {markdown} {code(path)}"


def bullets(statements: Iterable[str]) -> Blocks:
    yield from filter(None, ["\n".join(statements)])


def numbered(lines: Iterable[str], path: str) -> Blocks:
    """Markdown line by line in order, each with the id of its place in the list at this path."""
    yield from bullets(f"{number}. {line} {code(f'{path}.{number}')}" for number, line in enumerate(lines, start=1))


def items(title: str, texts: Iterable[str], path: str) -> Blocks:
    """The texts of the list at this path under a title, which falls away if there are none."""
    lines = [statement(plain(text), f"{path}.{number}") for number, text in enumerate(texts, start=1)]
    if lines:
        yield f"**{title}**"
        yield from bullets(lines)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Blocks:
    """Rows of Markdown under their headings."""
    filled = [_row(row) for row in rows]
    if filled:
        yield "\n".join([_row(columns), _row(["---"] * len(columns)), *filled])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
