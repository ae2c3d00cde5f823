"""Connections and units of work, on SQLite and on PostgreSQL.

A unit of work is one transaction with one instant and one actor. On SQLite one connection writes, behind a lock and
with `BEGIN IMMEDIATE`; readers have connections of their own that cannot write. On PostgreSQL whoever loses a race
gets `Overtaken`, and `Database.run` tries the command again.
"""

import contextlib
import functools
import logging
import os
import random
import select
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    Row,
    Table,
    TextClause,
    UpdateBase,
    create_engine,
    event,
    exc,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from tocsin.db import compiled, news, sets
from tocsin.db.away import Away
from tocsin.kit.actor import Actor
from tocsin.kit.clock import Clock, SystemClock, from_millis, stopwatch, to_millis
from tocsin.kit.errors import Invalid, Overloaded, Refused
from tocsin.kit.sealing import Keyring

log = logging.getLogger(__name__)

T = TypeVar("T")
Params = Mapping[str, Any] | list[dict[str, Any]] | None

ATTEMPTS = 8
ANSWER_KEPT = 300  # rows; whoever reads very many goes through them once


class Overtaken(Refused):
    """Somebody else changed this at the same moment."""


class NotText(Invalid):
    """What was sent holds a character that is none: a NUL."""


class StorageUnavailable(Overloaded):
    """The database does not answer now, or takes nothing more."""

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason

    def __str__(self) -> str:
        """For the log and whoever sits at the machine. What strangers read says nothing of hosts, files and users."""
        return f"The database does not take this now: {self.reason}." if self.reason else self.message


class BadDatabaseUrl(Invalid):
    """The database address is not one that Tocsin can open."""


class Tx:
    """One unit of work: a connection, an instant, an actor.

    Writes may be queued with `add` and `put`; they reach the database in sets, before the next statement that is run
    and before the commit, so that a command that touches a thousand rows costs a few statements.
    """

    def __init__(self, connection: Connection, actor: Actor, now: datetime, keys: Keyring, *, writes: bool) -> None:
        self.connection = connection
        self.keys = keys  # with which secrets are sealed before they are written
        self.writes = writes
        self.actor = actor
        self.now = now
        self.memo: dict[Any, Any] = {}  # what this unit of work has read and may read again
        self._answers: dict[Any, list[Row[Any]]] = {}  # of a view, by the question
        self.wakes = False  # set when something is due at once: the engine need not sleep on
        self.news: set[str] = set()  # what it changes, as those who watch ask for it: tables, and what `tell` names
        self._inserts: dict[Table, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self._updates: dict[Table, dict[Any, dict[str, Any]]] = {}
        self._late: dict[tuple[Table, Any], Callable[[], dict[str, Any]]] = {}

    @property
    def dialect(self) -> str:
        return self.connection.dialect.name

    @property
    def is_postgresql(self) -> bool:
        return self.dialect == "postgresql"

    def run(self, statement: Executable, parameters: Params = None) -> CursorResult[Any]:
        self.flush()
        if isinstance(statement, UpdateBase):
            self.news.add(statement.entity_description["name"])
        return self.connection.execute(statement, parameters)

    def all(self, statement: Executable, parameters: Params = None) -> list[Row[Any]]:
        """Every row. A view that does not change answers the same question once."""
        question = None if self.writes else _question(statement, parameters)
        if question in self._answers:
            return list(self._answers[question])
        found = list(self.run(statement, parameters).all())
        if question is not None and len(found) <= ANSWER_KEPT:
            self._answers[question] = found
        return list(found)

    def first(self, statement: Executable, parameters: Params = None) -> Row[Any] | None:
        return self.run(statement, parameters).first()

    def scalar(self, statement: Executable, parameters: Params = None) -> Any:
        return self.run(statement, parameters).scalar()

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Queue a row to insert. Rows of one table name the same columns."""
        self.news.add(table.name)
        rows = self._inserts.setdefault(table, {})
        rows[tuple(row.get(name) for name in _key_names(table))] = row

    def put(self, table: Table, key: Any, values: dict[str, Any]) -> None:
        """Queue new values for the row with this primary key, which may itself still be queued."""
        self.news.add(table.name)
        queued = self._inserts.get(table, {}).get((key,))
        if queued is not None:
            queued.update(values)
        else:
            self._updates.setdefault(table, {}).setdefault(key, {}).update(values)

    def put_late(self, table: Table, key: Any, values: Callable[[], dict[str, Any]]) -> None:
        """Queue values that are worked out only when they are written: for a row that changes again and again."""
        self._late[table, key] = values

    def tell(self, name: str) -> None:
        """Name something narrower than a table that this changes, for whoever watches just that."""
        self.news.add(name)

    def flush(self) -> None:
        """Write what is queued: changes first, so that an obligation has ended before its successor opens."""
        late, self._late = self._late, {}
        for (table, key), values in late.items():
            self.put(table, key, values())
        if not self._inserts and not self._updates:
            return
        inserts, self._inserts = self._inserts, {}
        updates, self._updates = self._updates, {}
        for table, changes in updates.items():
            for columns, rows in _by_columns(changes).items():
                sets.update(self.connection, table, columns, rows)
        for table, added in inserts.items():
            sets.insert(self.connection, table, list(added.values()))


def _question(statement: Executable, parameters: Params) -> Any:
    """What tells this question from others; None of one that is not kept."""
    asked = parameters or {}
    if not isinstance(asked, Mapping):
        return None
    question = statement, *((name, tuple(one) if isinstance(one, list) else one) for name, one in asked.items())
    try:
        hash(question)
    except TypeError:
        return None
    return question


def _by_columns(changes: Mapping[Any, Mapping[str, Any]]) -> dict[tuple[str, ...], dict[Any, Iterable[Any]]]:
    found: dict[tuple[str, ...], dict[Any, Iterable[Any]]] = {}
    for key, values in changes.items():
        found.setdefault(tuple(values), {})[key] = values.values()
    return found


class _Turns:
    """A lock that passes to whoever has waited longest: who writes all the time keeps nobody else from writing."""

    def __init__(self) -> None:
        self.contended = False
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # until whoever writes now hands over

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self.contended = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


@functools.cache
def _key_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


class Database:
    """The one database of an installation. `url` is `sqlite:///path` or `postgresql://…`; `keys` seal its secrets."""

    def __init__(self, url: str, clock: Clock, keys: Keyring | None = None) -> None:
        self.url = _parsed(url)
        self.keys = keys or Keyring()
        self._clock = clock
        self._offset = timedelta(0)
        self._turns = _Turns()
        self._away = Away()
        self._writing = self._turns if self.is_sqlite else contextlib.nullcontext()
        self._on_wake: list[Callable[[], object]] = []
        self.watching = news.Watching()
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, writes=True)
            self._reader = _sqlite_engine(self.url, writes=False)
            self._alone = self._writer  # one connection writes, whichever way
        else:
            self._writer = _postgresql_engine(self.url)
            self._reader = _postgresql_reader(self.url)
            self._alone = _postgresql_engine(
                self.url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT", pool_reset_on_return=None
            )
        self._bare: dict[TextClause, str] = {}  # what is run alone, as the driver reads it

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def now(self) -> datetime:
        """The present instant; on PostgreSQL as its server tells it, so that the nodes agree."""
        return self._clock.now() + self._offset

    def sync_clock(self) -> None:
        """Measure how far this machine's clock is from the database server's."""
        if self.is_sqlite or not isinstance(self._clock, SystemClock):
            return
        with _translated(self._away), self._reader.connect() as connection:
            before = self._clock.now()
            there = connection.execute(text("select (extract(epoch from clock_timestamp()) * 1000)::bigint")).scalar()
            after = self._clock.now()
        between = (to_millis(before) + to_millis(after)) // 2  # whole milliseconds: the record keeps no more
        self._offset = from_millis(int(there or 0)) - from_millis(between)

    @contextlib.contextmanager
    def work(self, actor: Actor) -> Iterator[Tx]:
        """One unit of work: committed when the block ends, nothing of it kept when it raises."""
        with _translated(self._away), self._writing, self._writer.begin() as connection:
            tx = Tx(connection, actor, self.now(), self.keys, writes=True)
            yield tx
            tx.flush()
            told = self.watching.told(tx.news)
            if told and tx.is_postgresql:
                news.send(connection, self.watching, told)
        self.watching.hear(told)
        if tx.wakes:
            self.wake()

    def run_alone(self, statements: Mapping[str, TextClause], parameters: Mapping[str, Any]) -> None:
        """Run one writing statement as a unit of work of its own. One statement per dialect.

        It wakes nobody: whoever has many to do does that once, where it costs least. Only for what many wait for at
        once: where the interpreter is busy, each further call into the database is another wait for its lock. It is
        run again when the connection turns out to be dead, so that it may have been run twice.
        """
        with _translated(self._away), self._writing:
            try:
                self._execute_alone(statements, parameters)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                self._execute_alone(statements, parameters)

    def _execute_alone(self, statements: Mapping[str, TextClause], parameters: Mapping[str, Any]) -> None:
        if self.is_sqlite:
            _execute_bare(self._alone, statements["sqlite"].text, parameters)
            return
        statement = statements["postgresql"]
        if statement not in self._bare:
            self._bare[statement] = str(statement.compile(dialect=self._alone.dialect))
        _execute_bare(self._alone, self._bare[statement], parameters)

    @contextlib.contextmanager
    def read(self, actor: Actor) -> Iterator[Tx]:
        """A consistent view that cannot write."""
        with _translated(self._away), self._reader.begin() as connection:
            yield Tx(connection, actor, self.now(), self.keys, writes=False)

    @contextlib.contextmanager
    def glance(self, actor: Actor) -> Iterator[Tx]:
        """A view for one question: on PostgreSQL a transaction around it would take two more trips to the server."""
        if self.is_sqlite:
            with self.read(actor) as tx:
                yield tx
            return
        with _translated(self._away), self._reader.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.autocommit = True
            try:
                yield Tx(connection, actor, self.now(), self.keys, writes=False)
            finally:
                if not driver.closed:
                    driver.autocommit = False

    def run(self, actor: Actor, command: Callable[[Tx], T]) -> T:
        """Carry out a command in a unit of work, again if somebody was faster."""
        for attempt in range(ATTEMPTS):
            try:
                with self.work(actor) as tx:
                    return command(tx)
            except Overtaken:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(random.random() * 0.01 * 2**attempt)  # noqa: S311 - to part two racers, not a secret
        raise AssertionError("unreachable")

    @property
    def is_contended(self) -> bool:
        """Whether somebody waited when a unit of work last ended; who writes much then writes less at a time."""
        return self._turns.contended

    def on_wake(self, callback: Callable[[], object]) -> None:
        """Call back, from whichever thread, after a unit of work that made something due at once."""
        self._on_wake.append(callback)

    def forget_wakes(self) -> None:
        self._on_wake.clear()

    def wake(self) -> None:
        for callback in self._on_wake:
            callback()

    def connect_apart(self) -> Connection:
        """A connection that belongs to its holder alone and commits each statement. Only where there is a server."""
        return create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()

    def ear(self) -> news.Ear | None:
        """What hears the changes of other nodes. A SQLite file has one server, which hears itself."""
        return None if self.is_sqlite else news.Ear(self.connect_apart, self.watching)

    def dispose(self) -> None:
        for engine in (self._writer, self._reader, self._alone):
            engine.dispose()

    def begin_exclusive(self) -> contextlib.AbstractContextManager[Connection]:
        """A transaction that no other node can be in at the same time: for migrations."""
        return self._exclusive()

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[Connection]:
        with _translated(self._away, starting=True), self._writing, self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(7267046)"))
            yield connection


def may_exist(url: str) -> bool:
    """Whether there can be a database: a file that is not there has none, and opening it would make it."""
    parsed = _parsed(url)
    return parsed.get_backend_name() != "sqlite" or Path(str(parsed.database)).exists()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise BadDatabaseUrl("TOCSIN_DATABASE_URL is not an address such as sqlite:///tocsin.db") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    raise BadDatabaseUrl(f"Tocsin keeps its data in a SQLite file or in PostgreSQL, not in '{backend}'.")


def _sqlite_module() -> Any:
    try:
        import pysqlite3.dbapi2 as module  # noqa: PLC0415 - only where there is a wheel of it
    except ImportError:
        module = sqlite3
    if module.sqlite_version_info < (3, 51, 3):
        log.warning("SQLite %s: versions before 3.51.3 have a rare bug in WAL resets", module.sqlite_version)
    return module


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadDatabaseUrl(f"The folder {folder} can't be made: {error.strerror}.") from error
    if writes:
        _make_our_own(Path(str(url.database)))
    module = _sqlite_module()
    engine = create_engine(
        url,
        module=module,
        pool_size=1 if writes else 4,
        max_overflow=0 if writes else 12,
        connect_args={"check_same_thread": False, "timeout": 5.0},
        json_serializer=_dump,
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,  # what people and senders wrote belongs into no log
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the transaction's beginning is ours to say
        _write_ahead(connection, module.OperationalError)
        for pragma in ("synchronous=full", "busy_timeout=5000", "foreign_keys=on"):
            connection.execute(f"pragma {pragma}")
        if not writes:
            connection.execute("pragma query_only=on")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return compiled.share(engine)


def _make_our_own(file: Path) -> None:
    """A new database can be read by whoever runs the server and by nobody else on the machine: confidential incidents
    stand in it. What SQLite writes beside it takes after it; a file that is there keeps what its owner gave it."""
    with contextlib.suppress(OSError):  # it is there; or can't be made, which is said where it is opened
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _execute_bare(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> None:
    """One statement on the driver's own connection: what SQLAlchemy does around it would take longer, and wait for the
    interpreter's lock several times."""
    refused, is_dead = engine.dialect.loaded_dbapi.Error, False
    try:
        with contextlib.closing(engine.raw_connection()) as pooled:
            driver: Any = pooled.driver_connection
            try:
                driver.execute(sql, parameters)
            except refused as error:
                is_dead = engine.dialect.is_disconnect(error, driver, None)
                if is_dead:
                    pooled.invalidate(error)  # the next is opened anew
                raise
    except refused as error:
        raise exc.DBAPIError.instance(
            sql,
            dict(parameters),
            error,
            refused,
            hide_parameters=True,
            connection_invalidated=is_dead,
            dialect=engine.dialect,
        ) from error


def _write_ahead(connection: Any, locked: type[Exception]) -> None:
    """Switch the file to WAL. While others are in a new file SQLite refuses this at once, whatever the timeout is."""
    for attempt in range(ATTEMPTS):
        try:
            connection.execute("pragma journal_mode=wal")
        except locked:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.02 * 2**attempt)
        else:
            return


def _postgresql_engine(url: URL, **about: Any) -> Engine:
    about = {"pool_size": 4, "max_overflow": 8, **about}
    engine = create_engine(
        url, json_serializer=_dump, json_deserializer=msgspec.json.decode, hide_parameters=True, **about
    )
    if about.get("isolation_level") != "AUTOCOMMIT":  # what commits by itself is run again where a connection is dead
        _check_connections(engine)
    return compiled.share(engine)


def _postgresql_reader(url: URL) -> Engine:
    """Connections that only read, told so once: to tell one of them for each page takes as long as a statement."""
    # Else each statement would see what was committed until it began, and two would not fit together.
    engine = _postgresql_engine(url, pool_size=8, isolation_level="REPEATABLE READ")

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.read_only = True

    return engine


TRUSTED_FOR = 30.0  # seconds; whatever stands between us and the server forgets a quiet connection later than that


def _check_connections(engine: Engine) -> None:
    """Ask a connection whether it still lives only if there is reason to: each question is a trip to the server.

    A server that ends a connection says so, and what it says waits in the socket.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["left_at"] = stopwatch()

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, _proxy: Any) -> None:
        left_at = record.info.get("left_at")
        try:
            if left_at is not None and (stopwatch() - left_at > TRUSTED_FOR or _has_word(connection)):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.InvalidatePoolError from error  # and the pool opens another


def _has_word(connection: Any) -> bool:
    """Whether the server has said something unasked, or has hung up."""
    if sys.platform == "win32":
        return bool(select.select([connection.fileno()], [], [], 0)[0])
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def _dump(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@contextlib.contextmanager
def _translated(away: Away, *, starting: bool = False) -> Iterator[None]:
    """Say in Tocsin's words what the database refused. What is no database is a wrong setting for as long as we are
    `starting`; later the file was a database and has been harmed, and that is no mistake of whoever asks."""
    try:
        yield
        away.answered()
    except exc.IntegrityError as error:
        if not _is_taken(error):
            raise  # a mistake of ours: trying again would not help
        raise Overtaken from error
    except exc.OperationalError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in ("40001", "40P01"):  # could not serialise; deadlock
            raise Overtaken from error
        away.refused(_reason(error), error.statement or "")
        raise StorageUnavailable(reason=_reason(error)) from error
    except exc.DataError as error:
        if not _holds_nul(error):
            raise
        raise NotText from error
    except exc.DatabaseError as error:
        if not _is_harmed(error):
            raise
        if starting and "not a database" in str(error.orig):
            raise BadDatabaseUrl("The file that TOCSIN_DATABASE_URL names is not a SQLite database.") from error
        log.exception("the database file is damaged; stop the server and restore a copy")
        raise StorageUnavailable("The database file is damaged: an administrator has to restore a copy.") from error


def _holds_nul(error: exc.DataError) -> bool:
    """Whether PostgreSQL was given a letter that no text of its own can hold."""
    return getattr(error.orig, "sqlstate", None) in ("22021", "22P05") or "NUL (0x00)" in str(error.orig)


def _is_harmed(error: exc.DatabaseError) -> bool:
    """Whether SQLite can make nothing of what stands in its file."""
    return any(sign in str(error.orig) for sign in ("not a database", "malformed"))


def _is_taken(error: exc.IntegrityError) -> bool:
    """Whether somebody else has written the same key, as PostgreSQL's code or SQLite's words tell."""
    return getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint" in str(error.orig)


def _reason(error: exc.OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
