"""What is confidential is there for its readers alone, wherever rows are chosen; on both databases."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.store.conftest import ROSE
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.db.engine import Database
from tocsin.delivery import outbox
from tocsin.incidents import confidential, lifecycle
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    Disclosed,
    GlassBroken,
    Incident,
    MadeConfidential,
    ResponderAdded,
    ResponderRemoved,
    Status,
)
from tocsin.insights import report
from tocsin.kit.actor import CONFIDENTIAL, STRANGER, SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Invalid
from tocsin.obligations import store as obligations
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.access import NotAllowed
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, intake, secrecy, tick
from tocsin.review import store as reviews
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.signals.store import Disposition

WORKS = access.READING | {access.INCIDENT_WRITE}
TOKEN = Actor("token:robot", ActorKind.TOKEN, WORKS)
TRUSTED = Actor("token:archive", ActorKind.TOKEN, WORKS | {CONFIDENTIAL})


def person(handle: str, rights: frozenset[str] = WORKS) -> Actor:
    return Actor(handle, ActorKind.PERSON, rights)


ADMIN = person("root", frozenset({"*"}))
NON_READERS = (person("erin"), ADMIN, person("erin", WORKS | {CONFIDENTIAL}), TOKEN, STRANGER)


def declare(database: Database, kind: str = "security", by: Actor | None = None) -> Incident:
    said: Any = {"title": "Somebody was in the vault", "severity": "P3", "type": kind, "service": "rose"}
    return database.run(by or person("lucia"), lambda tx: commands.declare(tx, **said))


def see(database: Database, actor: Actor, question: Callable[[Any], Any]) -> Any:
    with database.read(actor) as tx:
        return question(tx)


def faces(database: Database, actor: Actor, incident_id: str) -> list[Any]:
    """Everything that a store tells of one incident."""
    questions: tuple[Callable[[Any], Any], ...] = (
        lambda tx: incidents.load_many(tx, [incident_id]),
        incidents.listing,
        lambda tx: incidents.timeline(tx, incident_id),
        lambda tx: incidents.timelines(tx, [incident_id])[incident_id],
        lambda tx: incidents.latest_ids(tx, 10),
        lambda tx: incidents.saved(tx, limit=10),
        lambda tx: list(incidents.sealed(tx, incident_id)),
        lambda tx: obligations.for_incident(tx, incident_id),
        lambda tx: obligations.open_for(tx, incident_id),
        lambda tx: obligations.of_incidents(tx, [incident_id]),
        lambda tx: report.report(tx, tx.now - timedelta(days=1), tx.now + timedelta(days=1)).incidents,
    )
    return [see(database, actor, question) for question in questions]


def test_it_is_there_for_its_readers_and_for_nobody_else(database: Database) -> None:
    secret = declare(database)
    for reader in (person("lucia"), person("ben"), person("tomas"), TRUSTED, SYSTEM):
        assert all(faces(database, reader, secret.id)), reader
    for other in NON_READERS:
        assert not any(faces(database, other, secret.id)), other


def test_it_cant_be_told_from_one_that_does_not_exist(database: Database) -> None:
    secret = declare(database)
    for name in (secret.id, "inc_NOTHERE0"):
        for ask in (incidents.load, incidents.saved_one, reviews.load, commands.acknowledge, commands.close):
            with pytest.raises(incidents.NoSuchIncident, match=f"There is no incident {name}"):
                database.run(ADMIN, partial(_asked, ask, name))
    for number in (secret.number, 999):
        with pytest.raises(incidents.NoSuchIncident, match=f"There is no incident number {number}"):
            database.run(ADMIN, partial(_asked, incidents.id_of, f"#{number}"))


def _asked(ask: Callable[..., Any], name: str, tx: Any) -> Any:
    return ask(tx, name)


def test_pages_of_a_list_are_whole_and_numbers_go_on(database: Database) -> None:
    kinds = ["security", "service_outage", "security", "service_outage", "service_outage", "security"]
    found = [declare(database, kind) for kind in kinds]
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6]
    first = see(database, person("erin"), lambda tx: incidents.listing(tx, limit=2))
    rest = see(database, person("erin"), lambda tx: incidents.listing(tx, limit=2, below=first[-1].number))
    assert [one.number for one in (*first, *rest)] == [5, 4, 2]


def test_a_token_that_declares_it_does_not_read_it_afterwards(database: Database) -> None:
    secret = declare(database, by=TOKEN)
    assert not any(faces(database, TOKEN, secret.id))
    assert all(faces(database, person("ben"), secret.id))


def test_a_responder_comes_and_goes(database: Database) -> None:
    secret = declare(database)
    added = database.run(person("ben"), lambda tx: secrecy.add_responder(tx, secret.id, "erin", "She knows the law"))
    assert "erin" in added.responders
    assert all(faces(database, person("erin"), secret.id))
    database.run(person("ben"), lambda tx: secrecy.remove_responder(tx, secret.id, "erin", "It is settled"))
    assert not any(faces(database, person("erin"), secret.id))
    with pytest.raises(confidential.NotAResponder):
        database.run(person("ben"), lambda tx: secrecy.remove_responder(tx, secret.id, "erin", "Again"))


def test_a_team_is_brought_in_as_it_is_now_each_on_the_record(database: Database) -> None:
    secret = declare(database)
    added = database.run(person("ben"), lambda tx: secrecy.add_team(tx, secret.id, "engineering", "They run it"))
    assert set(added.responders) == {*secret.responders, "ana", "ben", "tomas"}
    added = database.run(person("ben"), lambda tx: secrecy.add_team(tx, secret.id, "executives", "They decide"))
    entries = see(database, person("ben"), lambda tx: incidents.timeline(tx, secret.id))
    (one,) = [one.entry for one in entries if isinstance(one.entry, ResponderAdded) and one.entry.person == "erin"]
    assert (one.by, one.because) == ("ben", "with the team Executives: They decide")
    again = database.run(person("ben"), lambda tx: secrecy.add_team(tx, secret.id, "executives", "They decide"))
    assert again.entries == added.entries


def test_a_team_reads_what_it_was_brought_into_and_who_joins_it_later_does_not(database: Database) -> None:
    secret = declare(database)
    assert not any(faces(database, person("erin"), secret.id))
    database.run(person("ben"), lambda tx: secrecy.add_team(tx, secret.id, "executives", "They decide"))
    assert all(faces(database, person("erin"), secret.id))
    grown = ROSE.replace("members: [erin] }", "members: [erin, ana] }")
    assert grown != ROSE
    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, grown, "Ana decides too")
    assert not any(faces(database, person("ana"), secret.id))
    with database.read(SYSTEM) as tx:
        noted = audit.listing(tx, Filter(deed=Deed.READER_ADDED), limit=10)
    assert [(one.actor, one.about, one.detail) for one in noted] == [("ben", secret.id, "erin")]


def test_whose_account_is_closed_does_not_come_in_with_their_team(database: Database) -> None:
    secret = declare(database)
    with database.work(SYSTEM) as tx:
        people.change_person(tx, "ana", disabled_at=tx.now)
        people.change_person(tx, "erin", disabled_at=tx.now)
    added = database.run(person("ben"), partial(_bring_in, secret.id, "engineering"))
    assert "tomas" in added.responders and "ana" not in added.responders
    with pytest.raises(secrecy.NobodyThere, match="Nobody of the team Executives"):
        database.run(person("ben"), partial(_bring_in, secret.id, "executives"))


def test_nobody_but_a_reader_brings_a_team_in(database: Database) -> None:
    secret = declare(database)
    for who in (person("erin"), ADMIN, TOKEN):
        for team in ("executives", "no such team"):
            with pytest.raises(incidents.NoSuchIncident):
                database.run(who, partial(_bring_in, secret.id, team))
    with pytest.raises(Invalid, match="no team called 'execs'"):
        database.run(person("ben"), partial(_bring_in, secret.id, "execs"))
    with pytest.raises(Invalid):
        database.run(person("ben"), partial(_bring_in, secret.id, "executives", because=" "))


def _bring_in(incident_id: str, team: str, tx: Any, because: str = "They decide") -> Incident:
    return secrecy.add_team(tx, incident_id, team, because)


def test_the_readers_of_a_service_read_its_confidential_incidents_from_the_start(database: Database) -> None:
    named = ROSE.replace("    depends_on: [railway]\n", "    depends_on: [railway]\n    readers: [executives]\n")
    assert named != ROSE
    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, named, "They answer for Rose")
    secret = declare(database)
    assert all(faces(database, person("erin"), secret.id))
    said: Any = {"title": "In another place", "severity": "P3", "type": "security", "service": None}
    elsewhere = database.run(person("lucia"), lambda tx: commands.declare(tx, **said))
    assert "erin" in secret.responders and "erin" not in elsewhere.responders
    with pytest.raises(incidents.NoSuchIncident):
        see(database, person("erin"), lambda tx: incidents.load(tx, elsewhere.id))


def test_whoever_is_given_a_role_reads_and_stays_until_it_is_handed_over(database: Database) -> None:
    secret = declare(database)
    database.run(person("ben"), lambda tx: commands.assign(tx, secret.id, "scribe", "ana"))
    with pytest.raises(confidential.HoldsRole):
        database.run(person("ben"), lambda tx: secrecy.remove_responder(tx, secret.id, "ana", "No"))
    database.run(person("ana"), lambda tx: commands.assign(tx, secret.id, "scribe", "ben"))
    assert all(faces(database, person("ana"), secret.id))  # whoever held a role knows it anyway


def test_a_change_of_type_hides_it_and_a_change_back_does_not_show_it(database: Database) -> None:
    open_ = declare(database, "service_outage")
    assert all(faces(database, person("erin"), open_.id))
    database.run(person("ana"), lambda tx: commands.change_type(tx, open_.id, "security", "A key is out"))
    assert not any(faces(database, person("erin"), open_.id))
    assert all(faces(database, person("ana"), open_.id))  # she said so, so she knows
    with pytest.raises(confidential.TypeIsConfidential):
        database.run(person("ana"), lambda tx: secrecy.disclose(tx, open_.id, "All may know"))
    database.run(person("ana"), lambda tx: commands.change_type(tx, open_.id, "service_outage", "No, only an outage"))
    assert not any(faces(database, person("erin"), open_.id))
    database.run(person("ana"), lambda tx: secrecy.disclose(tx, open_.id, "Nothing was taken"))
    assert all(faces(database, person("erin"), open_.id))
    said = [type(one.entry) for one in see(database, SYSTEM, lambda tx: incidents.timeline(tx, open_.id))]
    assert [one for one in said if one in (MadeConfidential, Disclosed)] == [MadeConfidential, Disclosed]


def test_an_administrator_breaks_the_glass_on_the_record_and_for_a_while(
    database: Database, clock: ManualClock
) -> None:
    secret = declare(database)
    with pytest.raises(lifecycle.Empty):
        database.run(ADMIN, lambda tx: secrecy.break_glass(tx, f"#{secret.number}", "  "))
    for other in (person("erin"), TOKEN):
        with pytest.raises(NotAllowed):
            database.run(other, lambda tx: secrecy.break_glass(tx, secret.id, "I am curious"))
    database.run(ADMIN, lambda tx: secrecy.break_glass(tx, f"#{secret.number}", "The responders are away"))
    database.run(ADMIN, lambda tx: secrecy.break_glass(tx, secret.id, "Twice is once"))
    assert all(faces(database, ADMIN, secret.id))
    said = [one.entry for one in see(database, SYSTEM, lambda tx: incidents.timeline(tx, secret.id))]
    broken = [one for one in said if isinstance(one, GlassBroken)]
    assert [(one.by, one.because) for one in broken] == [("root", "The responders are away")]
    told = {one.person for one in see(database, SYSTEM, lambda tx: outbox.for_incident(tx, secret.id))}
    assert told == {"lucia", "ben", "tomas"}
    clock.advance_to(clock.now() + confidential.GLASS_LASTS)
    assert not any(faces(database, ADMIN, secret.id))
    database.run(ADMIN, lambda tx: secrecy.break_glass(tx, secret.id, "Still away"))
    database.run(person("ben"), lambda tx: secrecy.remove_responder(tx, secret.id, "root", "We are back"))
    assert not any(faces(database, ADMIN, secret.id))
    last = see(database, SYSTEM, lambda tx: incidents.timeline(tx, secret.id))[-1].entry
    assert isinstance(last, ResponderRemoved)


def test_nobody_gives_the_sight_of_it_to_a_token_but_whoever_has_the_machine(database: Database) -> None:
    def make(actor: Actor) -> Any:
        rights = frozenset({access.INCIDENT_READ, CONFIDENTIAL})
        return database.run(actor, lambda tx: people_commands.make_token(tx, "archive", rights, None))

    with pytest.raises(NotAllowed):
        make(ADMIN)
    token, _ = make(access.local_operator("root"))
    secret = declare(database)
    assert all(faces(database, access.bearer(token), secret.id))
    assert not any(faces(database, access.local_operator("root"), secret.id))


def test_signals_are_hidden_with_what_they_led_to_and_stay_so(database: Database, clock: ManualClock) -> None:
    def arrive(title: str, state: State = State.FIRING, **labels: str) -> None:
        arrival = signals.encode(Arrival(source="generic", key=title, title=title, state=state, labels=labels))
        with database.work(SYSTEM) as tx:
            signals.accept(tx, [arrival])
        intake.decide_some(database)

    arrive("unauthorized access to the vault")
    arrive("a wheel came off")
    waiting = see(database, person("erin"), signals.waiting)
    assert [one.title for one in waiting] == ["a wheel came off"]
    assert [one.title for one in see(database, person("erin"), signals.recent)] == ["a wheel came off"]
    ids = [one.id for one in see(database, SYSTEM, signals.recent)]
    hidden = next(one for one in ids if one != waiting[0].id)
    with pytest.raises(signals.NoSuchSignal):
        see(database, ADMIN, lambda tx: signals.load(tx, hidden))
    with pytest.raises(signals.NoSuchSignal):
        database.run(ADMIN, lambda tx: commands.dismiss_signal(tx, hidden))
    secret = database.run(
        person("lucia"), lambda tx: commands.declare_from_signal(tx, waiting[0].id, severity="P3", type="security")
    )
    assert see(database, person("erin"), signals.recent) == []
    assert len(see(database, person("lucia"), lambda tx: signals.of_incident(tx, secret.id))) == 1
    arrive("a wheel came off", again="yes")
    assert see(database, person("erin"), signals.recent) == []
    # It is over, and the signal fires again: it waits for a person, among those who know.
    arrive("a wheel came off", state=State.RESOLVED)
    lucia = person("lucia", WORKS | {access.WAIVE})
    database.run(lucia, lambda tx: commands.resolve(tx, secret.id, "Put back on", "No check fits a wheel"))
    clock.advance_to(clock.now() + timedelta(minutes=31))
    database.run(SYSTEM, tick.settle_due)
    assert see(database, SYSTEM, lambda tx: incidents.load(tx, secret.id)).status is Status.RESOLVED
    arrive("a wheel came off", again="twice")
    assert see(database, person("erin"), signals.waiting) == []
    assert [one.title for one in see(database, person("lucia"), signals.waiting)] == ["a wheel came off"]
    # Whoever says that it calls for nothing does not show it to everybody by that.
    again = see(database, person("lucia"), signals.waiting)[0].id
    database.run(person("lucia"), lambda tx: commands.dismiss_signal(tx, again, "An old wheel"))
    assert see(database, person("erin"), signals.recent) == []
    assert [one.disposition for one in see(database, person("lucia"), signals.recent)] == [Disposition.DISMISSED]


def test_a_body_that_names_a_signal_of_it_is_its_readers(database: Database) -> None:
    arrival = signals.encode(Arrival(source="generic", key="vault-7", title="unauthorized access to the vault"))
    with database.work(SYSTEM) as tx:
        for body in (b'{"key": "vault-7", "half', b"{", b'"unauthorized access to the vault"'):
            quarantine.keep(tx, source="generic", sender="robot", reason="It ends too early.", body=body)
    assert len(see(database, person("erin"), quarantine.listed)) == 3  # nobody knows yet what they are about
    with database.work(SYSTEM) as tx:
        signals.accept(tx, [arrival])
    intake.decide_some(database)
    for other in NON_READERS:
        assert [one.body for one in see(database, other, quarantine.listed)] == ["{"]
        assert [one.body for one in see(database, other, lambda tx: quarantine.listed(tx, 1))] == ["{"]
    assert len(see(database, person("ben"), quarantine.listed)) == 3
    assert len(see(database, TRUSTED, quarantine.listed)) == 3
