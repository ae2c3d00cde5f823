"""Finding what is stored by its words: FTS5 in SQLite, `tsvector` with a GIN index in PostgreSQL.

What stands in the index is a passage: one incident, one entry, one post-mortem, one signal. The index holds its words
and not its text, so that what is shown is read from where it belongs, with the eyes of whoever asks. It is derived and
lags behind: whoever changes something says so with `changed`, which writes one row in the same unit of work, and the
passages follow in units of work of their own.

A passage's id is its kind, its instant and some bits more, so that both databases give the latest of a kind first
without sorting, and a period is a range of ids. Each word is written for its kind, and once more if it stands in the
title: what is asked for is always of one kind, and a million signals that have a word are not looked through for the
incidents that have it, nor are those that say a word for those that are called so.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    TextClause,
    bindparam,
    column,
    delete,
    func,
    select,
    table,
    text,
)
from sqlalchemy.sql.expression import TableClause

from tocsin.db import sets, sight
from tocsin.db.columns import AutoKey, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.ids import new_id
from tocsin.kit.search import Term, words_of

passage = Table(
    "passage",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=False),
    Column("kind", Text),
    Column("subject", Text),
    Column("number", Integer),
    Column("incident_id", Text),
    Column("severity", Text),
)
queue = Table(
    "to_index",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text),
    Column("subjects", Json),
)
_words: TableClause = table("passage_words", column("rowid", BigInteger))  # its other columns are each database's own

KINDS = {"incident": "ij", "entry": "ef", "post_mortem": "pq", "signal": "st"}
"""Each kind, with the letters that stand before its words: anywhere, and in the title. Their case tells nothing."""
LATEST = 500  # passages that are looked through one by one
FEW = 1000  # passages that are sorted rather than read in their order
EACH = 100  # subjects in one row that says what changed
BITS = 20  # of an id that tell what shares a millisecond
KIND_AT = 61  # the bits of an id from which on it tells the kind
WORDS_KEPT = 8000  # of one passage: PostgreSQL knows no place beyond 16383
EVERY = "every "  # begins the kind of a row that stands for all that was stored before there was an index
_MARK = "="  # begins a filter among the words, and ends what stands before each word; no word has it


class Place(NamedTuple):
    """What a passage is of: an entry by its incident and number, anything else by its id."""

    kind: str
    subject: str
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Passage:
    place: Place
    at: datetime
    title: str
    body: str
    tags: Mapping[str, str]  # what filters ask for
    incident_id: str | None
    severity: str | None = None


class Found(NamedTuple):
    """A passage, as far as the index knows it."""

    id: int
    place: Place

    @property
    def at(self) -> datetime:
        return from_millis((self.id & ((1 << KIND_AT) - 1)) >> BITS)


Belongs = tuple[Column[str], Column[Any]] | None


class Part(NamedTuple):
    """Some of the passages that a question is about: of one kind, with the terms in their titles or not in them.

    Whose incident decides who sees them is `belongs`, as two columns of a table: the subject, and the incident. What
    is not in that table is not found. Without it, the incident is the passage's own.
    """

    kind: str
    tags: tuple[tuple[str, str], ...]
    terms: tuple[Term, ...]
    in_title: bool | None  # None: anywhere
    belongs: Belongs = None


# ---- What is to be indexed ----


class Queued(NamedTuple):
    """Changed subjects of one kind, each with what its writer says of it."""

    id: str
    kind: str
    subjects: list[list[Any]]


def changed(tx: Tx, kind: str, subjects: Sequence[Sequence[Any]]) -> None:
    """Say in the same unit of work that these are to be indexed anew: one row for many of them."""
    for begin in range(0, len(subjects), EACH):
        some = [list(one) for one in subjects[begin : begin + EACH]]
        tx.add(queue, {"id": new_id("idx"), "kind": kind, "subjects": some})


def go_on(tx: Tx, row: Queued, after: str) -> None:
    """Leave a row in the place of one for everything: up to this subject it is done."""
    tx.add(queue, {"id": row.id, "kind": row.kind, "subjects": [[after]]})


def waiting(tx: Tx, limit: int) -> list[Queued]:
    """Rows that say what changed, those for everything after the others: what happens now is looked for first."""
    are_all = queue.c.kind.like(f"{EVERY}%")
    return [Queued._make(row) for row in tx.all(select(queue).order_by(are_all, queue.c.id).limit(limit))]


def is_waiting(tx: Tx) -> bool:
    return tx.first(_ANY) is not None


_ANY = select(queue.c.id).limit(1)


def taken(tx: Tx, rows: Sequence[Queued]) -> bool:
    """Take these rows away. False if somebody else was faster with one: then nothing of theirs may be written."""
    gone = tx.run(delete(queue).where(queue.c.id.in_([one.id for one in rows])))
    return gone.rowcount == len(rows)


# ---- Writing ----


def put(tx: Tx, passages: Sequence[Passage]) -> None:
    """Write passages in the place of those that are there for the same."""
    if not passages:
        return
    tx.flush()
    _remove(tx, [one.place for one in passages])
    ids = _ids(tx, passages)
    rows = [_row(number, one) for number, one in zip(ids, passages, strict=True)]
    sets.insert(tx.connection, passage, rows)
    written = [[number, *_WRITTEN[tx.dialect](one)] for number, one in zip(ids, passages, strict=True)]
    tx.connection.exec_driver_sql(_INSERT[tx.dialect], (sets.encoded(written),))


def severities(tx: Tx, kind: str, subjects: Collection[str]) -> dict[str, str | None]:
    """With which severity these subjects are indexed, as far as they are."""
    wanted = select(passage.c.subject, passage.c.severity).where(
        passage.c.kind == kind, passage.c.subject.in_(sorted(subjects)), passage.c.number == 0
    )
    return {row.subject: row.severity for row in tx.all(wanted)}


def _remove(tx: Tx, places: Sequence[Place]) -> None:
    gone = [row[0] for row in tx.connection.exec_driver_sql(_KNOWN[tx.dialect], (sets.encoded(places),))]
    for known, key in ((passage, passage.c.id), (_words, _words.c.rowid)) if gone else ():
        tx.run(delete(known).where(key.in_(gone)))


def _ids(tx: Tx, passages: Sequence[Passage]) -> list[int]:
    """An id for each: its instant, and as many bits of its name; the next that is free if that is taken."""
    wanted = [first_id(one.place.kind, to_millis(one.at)) | _bits(one.place) for one in passages]
    used = {row.id for row in tx.all(select(passage.c.id).where(passage.c.id.in_(wanted)))}
    found: list[int] = []
    for number in wanted:
        found.append(_free(tx, number, used))
        used.add(found[-1])
    return found


def _free(tx: Tx, number: int, used: Collection[int]) -> int:
    """This id, or else the first after it in its millisecond that nothing has."""
    first = number
    while number in used or (number != first and _is_there(tx, number)):
        number = _next(number)
    return number


def _is_there(tx: Tx, number: int) -> bool:
    return tx.first(select(passage.c.id).where(passage.c.id == number)) is not None


def _bits(place: Place) -> int:
    digest = blake2b(f"{place.kind} {place.subject} {place.number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (1 << BITS)


def _next(number: int) -> int:
    """The id after this one within the same millisecond."""
    most = (1 << BITS) - 1
    return number & ~most | (number + 1) & most


def _row(number: int, one: Passage) -> dict[str, Any]:
    kept = {"incident_id": one.incident_id, "severity": one.severity}
    return {"id": number, **one.place._asdict(), **kept}


def _tag(kind: str, name: str, said: str) -> str:
    return f"{_of_kind(kind)}{_MARK}{name}{_MARK}{''.join(words_of(said))}"


def _tags(one: Passage) -> list[str]:
    kind = one.place.kind
    return [_of_kind(kind), *(_tag(kind, name, said) for name, said in one.tags.items())]


def _of_kind(kind: str) -> str:
    """Whatever is of this kind has this among its words."""
    return _MARK + KINDS[kind][0]


def _anywhere(kind: str) -> str:
    """What stands before each word of a passage of this kind."""
    return KINDS[kind][0] + _MARK


def _in_title(kind: str) -> str:
    """What stands before each word of a title once more."""
    return KINDS[kind][1] + _MARK


def _for_sqlite(one: Passage) -> list[str]:
    title, body = words_of(one.title)[:WORDS_KEPT], words_of(one.body)[:WORDS_KEPT]
    called, said = _in_title(one.place.kind), _anywhere(one.place.kind)
    apart = [*_tags(one), *(called + word for word in title)]
    return [" ".join(words) for words in (apart, [said + word for word in title], [said + word for word in body])]


def _for_postgresql(one: Passage) -> list[str]:
    title, body = words_of(one.title)[:WORDS_KEPT], words_of(one.body)[:WORDS_KEPT]
    called, said = _in_title(one.place.kind), _anywhere(one.place.kind)
    places: dict[str, list[str]] = {}
    for place, word in enumerate(title, start=1):
        places.setdefault(said + word, []).append(str(place))
        places.setdefault(called + word, []).append(str(place))
    for place, word in enumerate(body, start=len(title) + 2):  # no phrase begins in the one and ends in the other
        places.setdefault(said + word, []).append(str(place))
    words = (f"'{word}':{','.join(at[:200])}" for word, at in places.items())
    return [" ".join([*(f"'{tag}'" for tag in _tags(one)), *words])]


_WRITTEN = {"sqlite": _for_sqlite, "postgresql": _for_postgresql}
_INSERT = {
    "sqlite": (
        "insert into passage_words (rowid, tags, title, body) select json_extract(value, '$[0]'), "
        "json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]') from json_each(?)"
    ),
    "postgresql": (
        "insert into passage_words (rowid, words) select cast(value ->> 0 as bigint), cast(value ->> 1 as tsvector) "
        "from jsonb_array_elements(cast(%s as jsonb))"
    ),
}
_KNOWN = {
    "sqlite": (
        "select passage.id from json_each(?) as one join passage on kind = json_extract(one.value, '$[0]') "
        "and subject = json_extract(one.value, '$[1]') and number = json_extract(one.value, '$[2]')"
    ),
    "postgresql": (
        "select passage.id from jsonb_array_elements(cast(%s as jsonb)) as one(value) join passage "
        "on kind = one.value ->> 0 and subject = one.value ->> 1 and number = cast(one.value ->> 2 as integer)"
    ),
}


# ---- Finding ----


def first_id(kind: str, millis: int) -> int:
    """The first that a passage of this kind and instant may have."""
    return list(KINDS).index(kind) << KIND_AT | millis << BITS


def bounds(kind: str, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The ids of a kind and a period: from the first, up to the second."""
    first = first_id(kind, to_millis(since) if since else 0)
    return first, first_id(kind, to_millis(until)) if until else first_id(kind, 0) + (1 << KIND_AT) - 1


def find(tx: Tx, part: Part, first: int, below: int, limit: int) -> list[Found]:
    """The latest of these passages whose ids lie in a range, as far as whoever asks may see them."""
    asked = {"asked": _ASKED[tx.dialect](part), "first": first, "below": below}
    few = _few(tx, asked, limit) if tx.is_postgresql else None
    if few is not None:
        return _seen(tx, part, "", {"few": few}, limit) if few else []
    return _seen(tx, part, _MATCHING[tx.dialect], asked, limit)


def all_or_latest(tx: Tx, part: Part, most: int, few: int) -> tuple[list[Found], bool]:
    """These passages of all time, as far as whoever asks may see them; or only a few, the latest, where more than
    `most` match. Says also whether it is all of them."""
    first, below = bounds(part.kind, None, None)
    if not tx.is_postgresql:
        found = find(tx, part, first, below, most + 1)
        return (found, True) if len(found) <= most else (found[:few], False)
    asked = {"asked": _ASKED[tx.dialect](part), "first": first, "below": below, "most": most + 1}
    ids = [row.rowid for row in tx.all(_OF_INDEX, asked)]
    if len(ids) > most:
        return find(tx, part, first, below, few), False
    return (_seen(tx, part, "", {"few": ids}, most) if ids else []), True


def _seen(tx: Tx, part: Part, matching: str, asked: Mapping[str, Any], limit: int) -> list[Found]:
    rows = tx.all(_latest(sight.eyes(tx), part.belongs, matching), {**sight.given(tx), **asked, "limit": limit})
    return [Found(row.id, Place(row.kind, row.subject, row.number)) for row in rows]


@lru_cache(maxsize=100)
def _latest(eyes: sight.Eyes, belongs: Belongs, matching: str) -> Select[Any]:
    """The statement for whatever matches, or for the few that are named; built once for each kind of question."""
    about: FromClause = passage
    order: ColumnElement[int] = passage.c.id
    named: ColumnElement[bool] | TextClause = passage.c.id.in_(_NAMED)
    if matching:
        about, order, named = passage.join(_words, passage.c.id == _words.c.rowid), _words.c.rowid, text(matching)
    incident_id: ColumnElement[Any] = passage.c.incident_id
    if belongs is not None:
        subject, incident_id = belongs
        about = about.join(subject.table, subject == passage.c.subject)
    wanted = select(passage.c.id, passage.c.kind, passage.c.subject, passage.c.number).select_from(about)
    latest = wanted.where(named).order_by(order.desc()).limit(_LIMIT)
    return sight.through(eyes, latest, incident_id)


_NAMED: BindParameter[Any] = bindparam("few", expanding=True)
_LIMIT = bindparam("limit", type_=Integer)


def _few(tx: Tx, asked: Mapping[str, Any], limit: int) -> list[int] | None:
    """All that match, as far as they are few; None if it is better to read what there is in its order.

    PostgreSQL reads what matches from the index without an order, or all passages in their order until enough of them
    match. It guesses which costs less, and can't know how often a rare word is there: looking for one that nothing has,
    it would read everything. So the order is tried on the latest first, and what they have not enough of is taken from
    the index; only where that has many are they read on, since the next can't be far.
    """
    (late,) = tx.all(_OF_LATEST, {**asked, "latest": LATEST, "most": limit})
    if len(late.matching) == limit:
        return None
    if late.seen < LATEST:
        return list(late.matching)
    found = [row.rowid for row in tx.all(_OF_INDEX, {**asked, "most": FEW + 1})]
    return found if len(found) <= FEW else None


_RANGE = "passage_words.rowid >= :first and passage_words.rowid < :below"
_MATCHING = {
    "sqlite": f"passage_words match :asked and {_RANGE}",
    "postgresql": f"passage_words.words @@ cast(:asked as tsquery) and {_RANGE}",
}
_OF_LATEST = text(
    "with late as materialized (select rowid, words from passage_words "  # noqa: S608 - ours alone
    f"where {_RANGE} order by rowid desc limit :latest) select (select count(*) from late) as seen, "
    "array(select rowid from late where words @@ cast(:asked as tsquery) limit :most) as matching"
)
# What is materialized is planned as if all of it were wanted, and what is added to cannot be read by its index.
_OF_INDEX = text(
    "with matching as materialized (select rowid from passage_words where words @@ cast(:asked as tsquery) "
    "and rowid + 0 >= :first and rowid + 0 < :below) select rowid from matching limit :most"
)


def _ask_sqlite(part: Part) -> str:
    """Every word stands between quotation marks, and holds none: there is no syntax that a question could break."""
    return _asked(part, " AND ", "({}) NOT ({})", '"{}"', _phrase_sqlite)


def _ask_postgresql(part: Part) -> str:
    return _asked(part, " & ", "({}) & !({})", "'{}'", _phrase_postgresql)


def _asked(part: Part, both: str, without: str, quoted: str, phrase: Callable[[Term, str], str]) -> str:
    tags = [quoted.format(_tag(part.kind, *one)) for one in part.tags]
    if not part.terms:
        return both.join([quoted.format(_of_kind(part.kind)), *tags])
    in_title = both.join(phrase(one, _in_title(part.kind)) for one in part.terms)
    if part.in_title:
        return both.join([in_title, *tags])
    anywhere = both.join([*(phrase(one, _anywhere(part.kind)) for one in part.terms), *tags])
    return anywhere if part.in_title is None else without.format(anywhere, in_title)


def _phrase_sqlite(one: Term, before: str) -> str:
    return f'"{" ".join(before + word for word in one.words)}"{" *" if one.is_beginning else ""}'


def _phrase_postgresql(one: Term, before: str) -> str:
    words = " <-> ".join(f"'{before}{word}'" for word in one.words)
    return f"({words}{':*' if one.is_beginning else ''})"


_ASKED = {"sqlite": _ask_sqlite, "postgresql": _ask_postgresql}


def count(tx: Tx) -> int:
    """How many passages there are, for whoever measures."""
    return int(tx.scalar(select(func.count()).select_from(passage)) or 0)
