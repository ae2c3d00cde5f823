"""An installation that has been at work for a year: ten thousand incidents with their timelines, a million signals.

Made in bulk, through the program's own commands and stores: a hundred incidents are declared, answered, worked on and
told of by the commands that people use, and end by the entries with which they would. The others are written like them,
entry by entry and with all that belongs to each.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from msgspec import json
from sqlalchemy import func, select, text

from bench import besides, installation
from tocsin.app import App
from tocsin.db import fulltext
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    AnyEntry,
    Closed,
    Incident,
    Recovered,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    Status,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock, to_millis
from tocsin.obligations import store as obligations
from tocsin.paging import store as pages
from tocsin.people import access, sessions
from tocsin.people import store as people
from tocsin.people.model import Account, AccountRole
from tocsin.plan import store as plans
from tocsin.response import commands, indexing, secrecy
from tocsin.review import commands as review_commands
from tocsin.review import store as reviews
from tocsin.settings import Settings
from tocsin.signals import store as signals
from tocsin.signals.model import State, Trigger
from tocsin.signals.store import Disposition, Signal

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
YEAR = timedelta(days=300)
VISITOR = "erin"  # who did none of it, so that what is confidential is not for them
OPEN = 12  # incidents that are not over
SECRET = 40  # confidential ones
AT_ONCE = 50  # incidents in one unit of work, and as many signals in one statement as make sense
SIGNALS_AT_ONCE = 5000
EACH_HAS = 20  # signals of one incident
LIVED = 100  # incidents that are lived through; the others are written like them
REVIEWED = 3  # of so many incidents one has a post-mortem
AGAIN = 30_000  # signals after which the same are said once more, by others and about other incidents

_SUBJECTS = ("checkout", "voice", "memory", "login", "search", "billing", "queue", "cache", "database", "webhook")
_TROUBLES = ("hangs", "is slow", "fails", "loses messages", "answers late", "is down", "refuses calls", "runs full")
_SAID = (
    "Redis evicts keys; raised the memory to 4 GB",
    "Railway says the volume is full since the deployment",
    "Restarted the worker, the queue drains",
    "Callers in Europe report timeouts, others do not",
    "The certificate of the proxy ran out an hour ago",
    "Rolled back to the release of yesterday",
    "The provider's status page says nothing yet",
    "Connections to PostgreSQL are exhausted; the pool is too small",
)
_UPDATE = {"impact": "Some replies are late", "actions": "Looking at the queue", "next": "Another look in an hour"}


def store(app: App, count: int, signals_count: int) -> None:
    """Fill an installation that is prepared. Its clock stands at the end of the year when this returns."""
    clock, database = _clock(app), app.database
    chance = random.Random(7)
    with database.work(SYSTEM) as tx:
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=f"{account.handle}@bench.example")
    ana = access.person(_account(database, "ana"))
    lived = min(LIVED, count)
    every = YEAR / count
    clock.advance_to(BEGAN + YEAR - every * lived)
    for begin in range(0, lived, AT_ONCE):
        with database.work(ana) as tx:
            made = [_incident(tx, chance, begin + place, lived) for place in range(min(AT_ONCE, lived - begin))]
            _end(tx, [one for one in made if one.closed_at])
        clock.advance_to(clock.now() + every * AT_ONCE)
    clock.advance_to(clock.now() + timedelta(days=2))  # after the last word of each
    _copies(database, count - lived, every)
    _hide(database)
    besides.store(database)
    _signals(database, signals_count)
    besides.hold(database)
    with database.work(SYSTEM) as tx:  # all of it is there: the two rows that stand for everything stand for it
        tx.run(text("delete from to_index where kind not like 'every %'"))


def _copies(database: Database, count: int, every: timedelta) -> None:
    """Further incidents like those that were lived through, from one after the other, further and further back."""
    with database.read(SYSTEM) as tx:
        known = incidents.listing(tx, statuses={Status.CLOSED}, limit=LIVED)
        copying = [_Copying(tx, one) for one in known]
        number = incidents.next_number(tx)
        until = min(one.declared_at for one in known)
    for begin in range(0, count, AT_ONCE):
        with database.work(SYSTEM) as tx:
            for place in range(begin, min(begin + AT_ONCE, count)):
                template = copying[place % len(copying)]
                template.copy(tx, number + place, until - every * (count - place))


class _Copying:
    """An incident with all that belongs to it, to be written again as another that was declared at another time."""

    def __init__(self, tx: Tx, incident: Incident) -> None:
        self._incident = incident
        self._entries = [one.entry for one in incidents.timeline(tx, incident.id)]
        self._rows = [(table, tx.all(select(table).where(table.c.incident_id == incident.id))) for table in _BELONG]

    def copy(self, tx: Tx, number: int, declared_at: datetime) -> None:
        moved = partial(_moved, by=declared_at - self._incident.declared_at)
        declared, *rest = (_entry(one, moved) for one in self._entries)
        incident = incidents.begin(tx, replace(declared, number=number))
        incidents.append(tx, incident, rest)
        tx.memo.clear()
        for table, rows in self._rows:
            for row in rows:
                values = {name: moved(value) for name, value in row._mapping.items()}
                tx.add(table, {name: self._own(value, incident.id, number) for name, value in values.items()})

    def _own(self, value: Any, incident_id: str, number: int) -> Any:
        """Ids of rows with the number behind them; the incident's own id wherever it stands."""
        if not isinstance(value, str):
            return value
        if value.startswith(("obl_", "msg_", "pag_", "page_")):
            return f"{value}_{number}"
        return value.replace(self._incident.id, incident_id) if self._incident.id in value else value


_BELONG = (obligations.table, pages.table, outbox.table, reviews.table)


def _entry(entry: AnyEntry, moved: Callable[[Any], Any]) -> Any:
    return replace(entry, **{one.name: moved(getattr(entry, one.name)) for one in fields(entry)})


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + by
    return value


def index_all(database: Database) -> None:
    """What the loop that indexes comes to in an hour or two.

    Of signals it indexes those that are said first. The others say the same, so that their words are copied; the one
    word in which they differ, the number in the key, stays that of the first.
    """
    with database.work(SYSTEM) as tx:
        tx.run(text("delete from to_index where kind = 'every signal'"))
        count = int(tx.scalar(select(func.count()).select_from(signals.table)) or 0)
        for begin in range(0, min(count, AGAIN), fulltext.EACH):
            these = range(begin, min(begin + fulltext.EACH, count, AGAIN))
            fulltext.changed(tx, signals.TO_BE_FOUND, [[_signal_id(number)] for number in these])
        if tx.is_postgresql:
            tx.run(text("drop index passage_words_found"))
    while indexing.catch_up(database):
        pass
    for begin in range(AGAIN, count, AGAIN):
        _index_again(database, begin, min(AGAIN, count - begin), YEAR / count * begin)
    if not database.is_sqlite:
        with database.work(SYSTEM) as tx:
            tx.run(text("create index passage_words_found on passage_words using gin (words) with (fastupdate = off)"))


def _index_again(database: Database, begin: int, count: int, later: timedelta) -> None:
    pairs = [[_signal_id(number), _signal_id(begin + number)] for number in range(count)]
    about = {"pairs": json.encode(pairs).decode(), "later": int(later / timedelta(milliseconds=1)) << fulltext.BITS}
    with database.work(SYSTEM) as tx:
        for statement in _COPIED[tx.dialect]:
            tx.run(text(statement), about)


_COPIED = {
    "sqlite": (
        (
            "insert into passage (id, kind, subject, number) select passage.id + :later, kind, value ->> 1, 0 "
            "from json_each(:pairs) cross join passage on kind = 'signal' and subject = value ->> 0 and number = 0"
        ),
        (
            "insert into passage_words (rowid, tags, title, body) select passage.id + :later, tags, title, body "
            "from json_each(:pairs) cross join passage on kind = 'signal' and subject = value ->> 0 and number = 0 "
            "join passage_words on passage_words.rowid = passage.id"
        ),
    ),
    "postgresql": (
        (
            "insert into passage (id, kind, subject, number) select passage.id + :later, kind, value ->> 1, 0 "
            "from jsonb_array_elements(cast(:pairs as jsonb)) as one(value) "
            "join passage on kind = 'signal' and subject = value ->> 0 and number = 0"
        ),
        (
            "insert into passage_words (rowid, words) select passage.id + :later, words "
            "from jsonb_array_elements(cast(:pairs as jsonb)) as one(value) "
            "join passage on kind = 'signal' and subject = value ->> 0 and number = 0 "
            "join passage_words on rowid = passage.id"
        ),
    ),
}


def _clock(app: App) -> ManualClock:
    if not isinstance(app.clock, ManualClock):
        raise TypeError("a year passes in a minute: on a manual clock alone")
    return app.clock


def _account(database: Database, handle: str) -> Account:
    with database.read(SYSTEM) as tx:
        return people.load_person(tx, handle)


def _incident(tx: Tx, chance: random.Random, number: int, count: int) -> Incident:
    title = f"{chance.choice(_SUBJECTS).capitalize()} {chance.choice(_TROUBLES)} in region {number % 40}"
    severity, kind = chance.choice(("P1", "P2", "P2", "P3")), chance.choice(("service_outage", "external_api_failure"))
    said = {"severity": severity, "type": kind, "service": "rose", "impact": "Nobody can say yet"}
    incident_id = commands.declare(tx, title=title, **said).id
    commands.acknowledge(tx, incident_id)
    commands.assign(tx, incident_id, "incident_commander", "ben")
    for _ in range(4):
        commands.note(tx, incident_id, chance.choice(_SAID))
    commands.decide(tx, incident_id, "Restart the worker", "nothing else has helped")
    commands.post_update(tx, incident_id, "internal", _UPDATE)
    incident = commands.mitigate(tx, incident_id, chance.choice(_SAID))
    if number >= count - OPEN:
        return incident
    at, by = tx.now, tx.actor.handle
    ending = [
        Resolved(at=at, by=by, how=chance.choice(_SAID)),
        Recovered(at=at, by=SYSTEM.handle, watched_minutes=30),
        ReviewScheduled(at=at, by=by, meeting_at=at + timedelta(days=1)),
        ReviewHeld(at=at + timedelta(days=1), by=by),
        Closed(at=at + timedelta(days=1), by=by),
    ]
    incident = incidents.append(tx, incident, ending)
    if number % REVIEWED == 0:
        section = next(iter(plans.current(tx).review.sections))
        review_commands.write_section(tx, incident_id, {section: " ".join(chance.choices(_SAID, k=20))})
    return incident


def _end(tx: Tx, over: Sequence[Incident]) -> None:
    """What was owed is done, and what was to be sent has been."""
    ids = [one.id for one in over]
    tx.flush()
    for begin in range(0, len(ids), AT_ONCE):
        named = {f"i{place}": one for place, one in enumerate(ids[begin : begin + AT_ONCE])}
        those = f"incident_id in ({', '.join(f':{name}' for name in named)})"
        done = {"at": to_millis(tx.now + timedelta(minutes=3)), **named}
        tx.run(
            text(
                f"update obligation set state = 'met', settled_at = :at, act_at = null where state = 'open' and {those}"
            ),
            done,
        )
        tx.run(text(f"update message set state = 'sent', sent_at = :at where state = 'queued' and {those}"), done)


def _hide(database: Database) -> None:
    with database.read(SYSTEM) as tx:
        ids = incidents.latest_ids(tx, SECRET * 20)[OPEN::20]
    with database.work(SYSTEM) as tx:
        for one in ids:
            secrecy.make_confidential(tx, one, "it names a customer")


# ---- Signals ----


def _signals(database: Database, count: int) -> None:
    with database.read(SYSTEM) as tx:
        owners = incidents.latest_ids(tx, count)
        now, revision = tx.now, plans.current_id(tx)
    found = _each_signal(owners, count, now, revision)
    while some := list(islice(found, SIGNALS_AT_ONCE)):
        with database.work(SYSTEM) as tx:
            signals.add_all(tx, some)


def _signal_id(number: int) -> str:
    """Of a signal by its place in time. In no order, as ids are."""
    return f"sig_{number * 7919 % 1_000_003:010d}"


def _each_signal(owners: Sequence[str], count: int, now: datetime, revision: str) -> Iterator[Signal]:
    every = YEAR / max(1, count)
    attached = len(owners) * EACH_HAS
    for number in range(count):
        if number % AGAIN == 0:
            chance = random.Random(11)
        at = now - every * (count - number)
        is_news = number >= count - 300
        owner = owners[number * len(owners) // count] if number % max(1, count // max(1, attached)) == 0 else None
        dead = State.FIRING if is_news else State.RESOLVED
        calls = Disposition.ATTACHED if owner else Disposition.WAITING if is_news else Disposition.CLEARED
        subject = chance.choice(_SUBJECTS)
        yield Signal(
            id=_signal_id(number),
            source="alertmanager" if number % 3 else "generic",
            key=f"{subject}-{number}",
            state=dead,
            title=f"{subject.capitalize()} {chance.choice(_TROUBLES)} on host-{number % 5000}",
            trigger=Trigger.MONITORING_ALERT,
            severity=chance.choice(("critical", "warning", "info")),
            labels={"service": "rose", "instance": f"host-{number % 5000}", "alertname": subject.capitalize()},
            details={"summary": chance.choice(_SAID)},
            warnings=[],
            link=None,
            started_at=at,
            first_at=at,
            last_at=at,
            count=1 + number % 7,
            disposition=calls,
            why="No rule of the plan matches it." if owner is None else "It is about the same service.",
            incident_id=owner,
            decided_at=at,
            plan_revision=revision,
        )


def _with_a_heartbeat(plan: installation.Plan) -> None:
    """Something that is looked at: there is a page for each."""
    plan["services"]["rose"]["heartbeats"] = {"copies": {"every": "1 d"}}


def prepared(database_url: str, count: int, signals_count: int) -> tuple[App, str]:
    """An installation with all of that on a manual clock, and the secret of a session of somebody who may see much."""
    clock = ManualClock(BEGAN)
    installation.prepared(database_url, installation.plan(_with_a_heartbeat), clock=clock)
    app = App(Settings(database_url=database_url, base_url="https://tocsin.example.org"), clock)
    app.prepare()
    store(app, count, signals_count)
    with app.database.work(SYSTEM) as tx:
        people.change_person(tx, VISITOR, role=AccountRole.ADMINISTRATOR)
        secret = sessions.begin(tx, VISITOR)
    clock.advance_to(clock.now() + timedelta(minutes=1))  # nobody has just written something
    return app, secret


def tidy(database: Database) -> None:
    """Let the database know what it holds by now, as it would by itself within the hour."""
    with database.begin_exclusive() as connection:
        connection.execute(text("analyze"))
