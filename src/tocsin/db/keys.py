"""The key of an installation: where it stands, whether it fits the database, and sealing every secret there with it.

A column that holds secrets says so by `info=SEALED`; that is how it is found here.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tocsin.db import settings as kept
from tocsin.db.columns import SECRET, metadata
from tocsin.db.engine import Database, Tx
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, Refused, TocsinError
from tocsin.kit.sealing import MARK, Keyring, checked, new_key, sealed_by
from tocsin.settings import Settings

log = logging.getLogger(__name__)

AT_A_TIME = 500  # secrets that are sealed in one unit of work
CHECK = "secrets.check"  # a word that is no secret, sealed with the key of this installation
SEALED_WITH = "secrets.sealed_with"  # the name of the key with which everything was sealed, once it was
WORD = "tocsin"


class NotOurs(Refused):
    """The keys of this server are set by its operator: put a new one before them, restart every node, and try again."""


# ---- Where the keys stand --------------------------------------------------------------------------------------------


def keyring(settings: Settings) -> Keyring:
    """The keys that the settings name; else those in the file beside the database, once there is one."""
    if settings.secret_key:
        keys = checked(settings.secret_key.split())
        return Keyring(lambda: keys)
    place = Path(settings.secret_key_file) if settings.secret_key_file else own_file(settings)
    return Keyring(_Reading(place)) if place else Keyring()


def own_file(settings: Settings) -> Path | None:
    """The file beside the database, where nothing else is set: only a database that is a file has a place beside it."""
    if settings.secret_key or settings.secret_key_file:
        return None
    try:
        url = make_url(settings.database_url)
    except ArgumentError:
        return None
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    database = Path(url.database)
    return database.with_name(f"{database.stem if database.suffix != '.key' else database.name}.key")


class _Reading:
    """Reads a file of keys again when it was changed. One that can't be read is as good as none; the log says so."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[str, ...] = ()

    def __call__(self) -> Sequence[str]:
        stamp = self._look()
        if stamp != self._stamp:
            self._keys = self._read() if stamp else ()
            self._stamp = stamp
        return self._keys

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._place.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> tuple[str, ...]:
        try:
            return checked(_lines(self._place.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, Invalid) as error:
            log.error("the key in %s can't be used: %s", self._place, error)
            return ()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _write(place: Path, keys: Sequence[str]) -> None:
    """Put keys into a file that only its owner reads, whole or not at all."""
    words = "# The key of Tocsin's secrets. It belongs to every backup of the database, and apart from it.\n"
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f"{place.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(words + "".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)


# ---- Whether they fit ------------------------------------------------------------------------------------------------


def prepare(database: Database, settings: Settings) -> None:
    """See that there is a key where there is a place for one, and that everything is sealed with it.

    A key that is missing or wrong stops nothing: whatever needs no secret goes on, and the log says what is wrong.
    """
    with database.read(SYSTEM) as tx:
        is_new = kept.read(tx, CHECK) is None
    if is_new and database.keys.current is None and (place := own_file(settings)):
        _make(database, place)
    if database.keys.current is None and is_new:
        log.warning("the secrets in the database stand in plain: %s", missing(settings))
        return
    if wrong := database.run(SYSTEM, _fit):
        where = f" {absent}" if database.keys.current is None and (absent := _absent(settings)) else ""
        log.error(
            "%s%s Pages go out by every way that needs no secret, and links in them open nothing else.", wrong, where
        )
    else:
        seal_all(database)


def _make(database: Database, place: Path) -> None:
    """Make the first key, once however many processes start at this moment: what one of them seals the others open."""
    with database.begin_exclusive():
        if database.keys.current is None:
            _write(place, [new_key()])
            log.info("made the key of the database's secrets: %s. It belongs to every backup, apart from it", place)


def missing(settings: Settings) -> str:
    """What to do about it that there is no key."""
    if settings.secret_key_file:
        return f"there is no key to read in {settings.secret_key_file} (TOCSIN_SECRET_KEY_FILE)"
    return "set TOCSIN_SECRET_KEY, the same on every node; `tocsin secrets key` makes one"


def _absent(settings: Settings) -> str:
    """Where the key was looked for that is not there; empty where the log has just said what is wrong with it."""
    place = Path(settings.secret_key_file) if settings.secret_key_file else own_file(settings)
    if place is None:
        return "It was looked for in TOCSIN_SECRET_KEY, which is not set."
    return "" if place.exists() else f"It was looked for in {place}, which is not there."


def _fit(tx: Tx) -> str:
    """What is wrong with the keys, if anything is; the first key that ever was leaves its mark."""
    tx.keys.must_seal = True
    if kept.read(tx, CHECK) is None:
        kept.write(tx, CHECK, tx.keys.seal(WORD))
    wrong = problem(tx)
    if wrong:
        kept.make_stand_in(tx)
    else:
        kept.drop_stand_in(tx)
    return wrong


def heed(tx: Tx) -> None:
    """Take note, before anything is written, of whether this database holds what is sealed."""
    tx.keys.must_seal = kept.read(tx, CHECK) is not None


def problem(tx: Tx) -> str:
    """Why the secrets of this database can't be opened here, in a sentence; empty if they can."""
    mark = kept.read(tx, CHECK)
    try:
        if mark is not None:
            tx.keys.open_(mark)
    except TocsinError as error:
        return error.message
    return ""


def unsealed(tx: Tx) -> int:
    """How many secrets stand in plain though there is a key, or are sealed with one that is to be replaced."""
    current = tx.keys.current
    if current is None:
        return 0
    rows = sum(
        int(tx.scalar(select(func.count()).select_from(one.table).where(_otherwise(one, current))) or 0)
        for one in _columns()
    )
    return rows + len(list(_values_otherwise(tx, current)))


# ---- Sealing what is there -------------------------------------------------------------------------------------------


def rotate(database: Database, settings: Settings) -> str:
    """Seal everything with another key; returns its name. In a file of our own it is made here, and the one before it
    stays there for what is written at this very moment, and for older backups."""
    with database.read(SYSTEM) as tx:
        if wrong := problem(tx):
            raise Refused(f"Nothing was changed. {wrong}")
    if place := own_file(settings):
        before = _lines(place.read_text(encoding="utf-8")) if place.exists() else []
        _write(place, [new_key(), *before])
    elif database.keys.current is None:
        raise NotOurs("There is no key yet: set TOCSIN_SECRET_KEY on every node, restart them, and try again.")
    database.run(SYSTEM, _mark)
    seal_all(database, anew=True)
    return str(database.keys.current)


def _mark(tx: Tx) -> None:
    tx.keys.must_seal = True
    kept.write(tx, CHECK, tx.keys.seal(WORD))


def seal_all(database: Database, *, anew: bool = False) -> None:
    """Seal every secret with the present key, a few at a time: whoever is stopped goes on where it was."""
    current = database.keys.current
    with database.read(SYSTEM) as tx:
        if kept.read(tx, SEALED_WITH) == current and not anew:
            return
    for column in _columns():
        after = database.run(SYSTEM, partial(_seal_some, column=column, after=None))
        while after is not None:
            after = database.run(SYSTEM, partial(_seal_some, column=column, after=after))
    database.run(SYSTEM, _seal_values)


def _columns() -> Iterator[Column[Any]]:
    return (one for table in metadata.sorted_tables for one in table.columns if one.info.get(SECRET))


def _otherwise(column: ColumnElement[Any], current: str) -> ColumnElement[bool]:
    return column.is_not(None) & ~column.startswith(f"{MARK}{current}:", autoescape=True)


def _seal_some(tx: Tx, column: Column[Any], after: Any) -> Any:
    """Seal the next few rows; returns the key of the last, and None when there are no more. One that can't be opened
    is left as it is: `tocsin doctor` counts it."""
    table: Table = column.table
    key = next(iter(table.primary_key.columns))
    wanted = select(key, column).where(_otherwise(column, str(tx.keys.current)))
    wanted = wanted if after is None else wanted.where(key > after)
    rows = [tuple(row) for row in tx.all(wanted.order_by(key).limit(AT_A_TIME))]
    changes = []
    for name, value in rows:
        with contextlib.suppress(TocsinError):
            changes.append({"the_key": name, "before": value, "sealed": tx.keys.seal(tx.keys.open_(value))})
    if changes:
        same = (key == bindparam("the_key")) & (column == bindparam("before"))
        tx.run(table.update().where(same).values({column.name: bindparam("sealed")}), changes)
    return rows[-1][0] if len(rows) == AT_A_TIME else None


def _values_otherwise(tx: Tx, current: str) -> Iterator[tuple[str, str]]:
    for name in (*kept.SECRETS, CHECK):
        value = kept.read(tx, name)
        if value is not None and sealed_by(value) != current:
            yield name, value


def _seal_values(tx: Tx) -> None:
    current = str(tx.keys.current)
    for name, value in list(_values_otherwise(tx, current)):
        kept.swap(tx, name, value, tx.keys.seal(tx.keys.open_(value)))
    kept.write(tx, SEALED_WITH, current)
