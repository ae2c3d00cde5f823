"""Reading what was added to a log since the last look: at an address, or in a file that is rotated and cut.

A look reads a bounded piece and goes on there next time. The first look only finds where the log ends: what was
written before nobody watched is no news.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from tocsin.watch import railway
from tocsin.watch.logs import Tail
from tocsin.watch.outcomes import Reading, too_often, unheard

PIECE = 256 * 1024
MOST_WHOLE = 2 * 1024 * 1024  # of a log that can only be had whole


@dataclass(frozen=True)
class Token:
    """What proves to one host who asks."""

    host: str
    secret: str = field(repr=False)

    def header(self, name: str | None) -> dict[str, str]:
        return {name: self.secret} if name else {"Authorization": f"Bearer {self.secret}"}


@dataclass(frozen=True)
class Means:
    """What an installation gives for looking: the folder of its log files, its tokens at Railway, and those of probes,
    by name."""

    folder: str = ""
    railway_url: str = ""
    railway_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    probe_tokens: Mapping[str, Token] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Piece:
    """What was added, and the tail before the whole records of it are taken; with `lines`, the tail after them.

    `limited` says that nothing was learned, for we ask too often, and `rest` how long not to ask again.
    """

    tail: Tail
    body: bytes = b""
    trouble: str = ""
    lines: tuple[str, ...] | None = None
    limited: str = ""
    rest: timedelta | None = None


def wanted(tail: Tail) -> dict[str, str]:
    """Which bytes to ask for."""
    if tail.place is None:
        return {"Range": "bytes=-1"}
    return {"Range": f"bytes={tail.place}-{tail.place + PIECE - 1}"}


def of_answer(tail: Tail, reading: Reading) -> Piece:
    """What an address gave. One that knows no ranges gives everything each time."""
    if reading.failure is not None or reading.status is None:
        return Piece(tail, trouble=unheard(reading))
    if reading.status == 429:
        return Piece(tail, limited=too_often(reading))
    length = _length(reading.headers)
    if reading.status == 416:
        begins_anew = tail.place is not None and (length is None or length < tail.place)
        return Piece(replace(tail, place=0) if begins_anew or tail.place is None else tail)
    if reading.status == 206:
        if tail.place is None:
            return (
                Piece(replace(tail, place=length)) if length is not None else Piece(tail, trouble="no length was said")
            )
        return Piece(tail, reading.body[:PIECE])
    if reading.status != 200:
        return Piece(tail, trouble=f"{reading.status}, and no log")
    if _is_a_page(reading):
        return Piece(tail, trouble="a web page answers there, and no log")
    if len(reading.body) >= MOST_WHOLE:
        return Piece(tail, trouble="it gives no ranges, and is larger than 2 MB")
    return _of_whole(tail, reading.body)


def _is_a_page(reading: Reading) -> bool:
    """Whether it is a page for people, such as that of a sign-in, which many servers give to whatever is asked."""
    kind = next((value for name, value in reading.headers.items() if name.lower() == "content-type"), "")
    return kind.lower().startswith(("text/html", "application/xhtml")) and reading.body.lstrip()[:1] == b"<"


def _of_whole(tail: Tail, body: bytes) -> Piece:
    if tail.place is None:
        return Piece(replace(tail, place=len(body)))
    begins = tail.place if tail.place <= len(body) else 0  # it was cut, or begun anew
    return Piece(replace(tail, place=begins), body[begins : begins + PIECE])


def at_railway(tail: Tail, reading: Reading) -> Piece:
    """What Railway's API gave."""
    if len(reading.body) >= MOST_WHOLE:
        return Piece(tail, trouble="more than 2 MB came")
    found = railway.gained(tail, reading)
    is_read = not (found.trouble or found.limited)
    lines = found.lines if is_read else None
    return Piece(found.tail, b"", found.trouble, lines, found.limited, found.rest)


def _length(headers: object) -> int | None:
    said = headers.get("content-range", "") if isinstance(headers, dict) else ""
    whole = said.rpartition("/")[2]
    return int(whole) if whole.isdecimal() else None


def of_file(tail: Tail, path: Path) -> Piece:
    """What a file gained. A rotated one is read to its end under the name that it has by then, and then the new one."""
    try:
        with path.open("rb") as file:
            known = os.fstat(file.fileno())
            mark = f"{known.st_dev}:{known.st_ino}"
            if tail.place is None:
                return Piece(replace(tail, place=known.st_size, mark=mark))
            if tail.mark != mark:
                if rest := _rest(tail, path):
                    return Piece(tail, rest)
                tail = replace(tail, place=0, mark=mark)
            elif known.st_size < (tail.place or 0):
                tail = replace(tail, place=0)
            file.seek(tail.place or 0)
            return Piece(tail, file.read(PIECE))
    except OSError as why:
        return Piece(tail, trouble=why.strerror or type(why).__name__)


def _rest(tail: Tail, path: Path) -> bytes:
    """What is left of the file that was read until now, if it stands beside the new one."""
    for beside in sorted(path.parent.glob(f"{path.name}*")):
        known = beside.stat()
        if f"{known.st_dev}:{known.st_ino}" == tail.mark and known.st_size > (tail.place or 0):
            with beside.open("rb") as file:
                file.seek(tail.place or 0)
                return file.read(PIECE)
    return b""
