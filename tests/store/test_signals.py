"""From the inbox to an incident: in order, by one decider at a time, and nothing that waits behind a bad one."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tests.support.inbox import decide_all
from tests.support.races import together
from tocsin.db.engine import Database
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Incident,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.response import commands, doctor, intake
from tocsin.signals import found, quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.signals.store import Disposition, Signal


def alert(key: str = "a1", **more: Any) -> Arrival:
    words = {"source": "alertmanager", "title": "Groq fails", "severity": "critical"}
    return Arrival(**{**words, "key": key, "labels": {"type": "external_api_failure"}, **more})


def cleared(key: str = "a1", **more: Any) -> Arrival:
    return alert(key, state=State.RESOLVED, **more)


def accept(database: Database, *arrivals: Arrival) -> None:
    with database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(one) for one in arrivals])


def arrive(database: Database, *arrivals: Arrival) -> None:
    accept(database, *arrivals)
    assert decide_all(database) == len(arrivals)


def seen(database: Database, key: str = "a1") -> Signal:
    with database.read(SYSTEM) as tx:
        (found,) = [one for one in signals.recent(tx) if one.key == key]
    return found


def firing(database: Database, incident: Incident) -> list[str]:
    with database.read(SYSTEM) as tx:
        found = [one.id for one in signals.of_incident(tx, incident.id) if one.state is State.FIRING]
        assert signals.still_fire(tx, incident.id) == bool(found)
    return found


def test_a_source_is_known_by_when_it_was_last_heard_or_that_it_was_once(
    database: Database, clock: ManualClock
) -> None:
    arrive(database, alert(source="zabbix"))
    clock.advance_to(clock.now() + timedelta(minutes=1))
    arrive(database, alert(source="grafana"))
    with database.read(SYSTEM) as tx:
        assert found.last_heard(tx, ["grafana", "zabbix", "gatus"], 1) == {"grafana": clock.now(), "zabbix": None}


def declared(database: Database) -> list[Incident]:
    with database.read(SYSTEM) as tx:
        return incidents.listing(tx)


def entries(database: Database, incident: Incident, kind: type[AnyEntry]) -> list[AnyEntry]:
    with database.read(SYSTEM) as tx:
        return [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, kind)]


# ---- The inbox -------------------------------------------------------------------------------------------------------


def test_arrivals_are_taken_in_the_order_in_which_they_came(database: Database) -> None:
    accept(database, *(alert(f"a{place}") for place in range(5)))
    accept(database, *(alert(f"b{place}") for place in range(5)))
    with database.work(SYSTEM) as tx:
        assert signals.backlog(tx) == 10
        first, rest = signals.take(tx, 6), signals.take(tx, 100)
        assert signals.backlog(tx) == 0
    taken = [one.arrival.key for one in [*first, *rest]]
    assert taken == [f"a{place}" for place in range(5)] + [f"b{place}" for place in range(5)]
    assert {one.at for one in first} == {database.now()}


def test_an_arrival_comes_out_of_the_inbox_as_it_went_in(database: Database) -> None:
    odd = alert(
        "ключ \u0000 \U0001f514",
        title='"quotes", \\backslashes\\ and\nlines',
        details={"nested": [1, 2.5, None, {"a": "\u0000"}]},
        started_at=database.now() - timedelta(hours=1),
        warnings=("one", "two"),
    )
    accept(database, odd)
    with database.work(SYSTEM) as tx:
        (taken,) = signals.take(tx, 10)
    assert taken.arrival == odd


def test_what_a_decider_could_not_finish_stays_in_the_inbox(database: Database) -> None:
    accept(database, alert())
    with pytest.raises(RuntimeError), database.work(SYSTEM) as tx:
        raise_after(signals.take(tx, 10))
    with database.read(SYSTEM) as tx:
        assert signals.backlog(tx) == 1


def raise_after(_taken: object) -> None:
    raise RuntimeError


def test_only_one_node_decides_at_a_time(nodes: tuple[Database, Database]) -> None:
    accept(nodes[0], alert("a1"), alert("a2"))
    with nodes[0].work(SYSTEM) as tx:
        assert len(signals.take(tx, 1)) == 1
        assert together(lambda: nodes[1].run(SYSTEM, lambda tx: intake.decide(tx, signals.take(tx, 10)))) == [0]
    assert nodes[1].run(SYSTEM, lambda tx: intake.decide(tx, signals.take(tx, 10))) == 1


def test_two_nodes_that_decide_at_once_declare_one_incident(nodes: tuple[Database, Database]) -> None:
    accept(nodes[0], *(alert(f"a{place}") for place in range(40)))

    def decide_some(database: Database) -> int:
        return sum(database.run(SYSTEM, lambda tx: intake.decide(tx, signals.take(tx, 3))) for _ in range(30))

    decided = together(lambda: decide_some(nodes[0]), lambda: decide_some(nodes[1]))
    assert sum(decided) + decide_all(nodes[0]) == 40
    (incident,) = declared(nodes[0])
    assert len(firing(nodes[0], incident)) == 40
    with nodes[0].read(SYSTEM) as tx:
        assert doctor.examine(tx) == []


# ---- Signals that can't be decided -----------------------------------------------------------------------------------


def put_raw(database: Database, body: str) -> None:
    with database.work(SYSTEM) as tx:
        tx.run(signals.inbox.insert().values(at=tx.now, form=signals.ARRIVAL, signals=1, body=body))


POISONS = {
    "what another release wrote": '{"source": "future", "shape": "unknown"}',
    "what is not even JSON": "{ truncated",
    "what no database keeps": signals.encode(alert("p1", title="Bell \u0000", labels={"a": "b\u0000"})).body,
    "what no plan can place": signals.encode(alert("p2", details={"reason": "fine"}, labels={})).body.replace(
        '"labels":{}', '"labels":{"type":7}'
    ),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
def test_what_can_not_be_decided_goes_into_quarantine_and_nothing_waits_behind_it(
    database: Database, poison: str, caplog: pytest.LogCaptureFixture
) -> None:
    accept(database, alert("before"))
    put_raw(database, poison)
    accept(database, alert("after"))
    with caplog.at_level(logging.CRITICAL, logger="tocsin"):
        decide_all(database)
    with database.read(SYSTEM) as tx:
        assert signals.backlog(tx) == 0
        kept = quarantine.listed(tx)
        known = {one.key for one in signals.recent(tx)}
    assert {"before", "after"} <= known
    if "p1" in poison and database.is_sqlite:
        assert kept == []  # SQLite keeps what PostgreSQL can't
        return
    assert [one.body for one in kept] == [poison]
    assert kept[0].reason
    (incident,) = declared(database)
    assert len(firing(database, incident)) == 2


def test_quarantine_keeps_the_newest_thousand(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        for place in range(quarantine.MOST_KEPT + 5):
            quarantine.keep(tx, source="x", sender="10.0.0.1", reason="no JSON", body=b"%d" % place)
    with database.read(SYSTEM) as tx:
        kept = quarantine.listed(tx, limit=5000)
    assert [int(one.body) for one in kept] == list(range(quarantine.MOST_KEPT + 4, 4, -1))


def test_quarantine_shows_any_bytes_and_keeps_only_so_many(database: Database) -> None:
    body = b"\xff\x00{" + b"x" * 200_000
    with database.work(SYSTEM) as tx:
        quarantine.keep(tx, source="x", sender="10.0.0.1", reason="no JSON", body=body)
        (kept,) = quarantine.listed(tx)
    assert kept.size == len(body)
    assert kept.body.startswith("\\xff\\x00{x")
    assert len(kept.body) == quarantine.LONGEST_BODY


# ---- What becomes of a signal ----------------------------------------------------------------------------------------


def test_repeats_are_only_counted(database: Database, clock: ManualClock) -> None:
    arrive(database, alert())
    (incident,) = declared(database)
    clock.advance_to(clock.now() + timedelta(minutes=4))
    arrive(database, *[alert()] * 3)
    assert seen(database).count == 4
    assert seen(database).first_at == clock.now() - timedelta(minutes=4)
    assert seen(database).last_at == clock.now()
    assert declared(database) == [incident]


def test_the_end_of_what_never_began_is_noted_and_nothing_more(database: Database) -> None:
    arrive(database, cleared(), alert("a2", state=State.ACKNOWLEDGED))
    assert declared(database) == []
    assert seen(database).disposition is Disposition.CLEARED
    with database.read(SYSTEM) as tx:
        assert signals.waiting(tx) == []


def test_a_signal_that_comes_and_goes_stays_with_its_incident_and_is_said_once_to_flap(database: Database) -> None:
    for _ in range(3):
        arrive(database, alert())
        arrive(database, cleared())
    arrive(database, alert())
    (incident,) = declared(database)
    assert len(entries(database, incident, SignalAttached)) == 2
    assert len(entries(database, incident, SignalCleared)) == 1
    assert len(entries(database, incident, SignalFlapped)) == 1
    assert firing(database, incident) == [seen(database).id]
    assert seen(database).count == 4


def test_a_firing_and_its_end_in_one_batch_are_read_in_their_order(database: Database) -> None:
    arrive(database, alert(), cleared(), alert("a2"), cleared("a2"))
    (incident,) = declared(database)
    assert firing(database, incident) == []
    assert len(entries(database, incident, SignalCleared)) == 2


def test_more_of_the_same_trouble_joins_the_open_incident(database: Database) -> None:
    arrive(database, alert("a1"), alert("a2"))
    arrive(database, alert("a3", source="pagerduty"))
    (incident,) = declared(database)
    attached = entries(database, incident, SignalAttached)
    assert len(attached) == len(firing(database, incident)) == 3
    assert [seen(database, key).disposition for key in ("a1", "a2", "a3")] == [
        Disposition.DECLARED,
        Disposition.ATTACHED,
        Disposition.ATTACHED,
    ]


def test_trouble_of_another_kind_is_an_incident_of_its_own(database: Database) -> None:
    arrive(database, alert("a1"), alert("a2", labels={"type": "data_loss"}))
    assert sorted(one.type for one in declared(database)) == ["data_loss", "external_api_failure"]


def test_a_worse_signal_raises_the_level_and_a_milder_one_leaves_it(database: Database) -> None:
    arrive(database, alert("a1", severity="warning"))
    arrive(database, alert("a2", severity="critical"))
    arrive(database, alert("a3", severity="info"))
    (incident,) = declared(database)
    assert incident.severity == "P1"
    (raised,) = entries(database, incident, SeverityChanged)
    assert raised.by == SYSTEM.handle


def test_a_level_that_a_person_set_is_a_persons_to_change(database: Database) -> None:
    arrive(database, alert("a1", severity="warning"))
    (incident,) = declared(database)
    person = SYSTEM.__class__("ana", SYSTEM.kind, SYSTEM.rights)
    database.run(person, lambda tx: commands.change_severity(tx, incident.id, "P3", "Nobody is touched"))
    arrive(database, alert("a2", severity="critical"))
    assert [one.severity for one in declared(database)] == ["P3"]


def test_somebody_who_acknowledges_in_pagerduty_has_answered_here(database: Database) -> None:
    arrive(database, alert(source="pagerduty"))
    arrive(database, alert(source="pagerduty", state=State.ACKNOWLEDGED))
    (incident,) = declared(database)
    (answer,) = entries(database, incident, Acknowledged)
    assert isinstance(answer, Acknowledged)
    assert (answer.by, answer.through) == ("pagerduty", "pagerduty")
    arrive(database, alert(source="pagerduty", state=State.ACKNOWLEDGED))
    assert len(entries(database, incident, Acknowledged)) == 1


def test_the_end_of_a_signal_keeps_what_it_was_about(database: Database) -> None:
    arrive(database, alert(title="Groq answers 503"))
    arrive(database, cleared(title="", labels={}))
    found = seen(database)
    assert (found.state, found.title, found.labels) == (State.RESOLVED, "Groq answers 503", alert().labels)


def test_a_signal_that_no_rule_knows_waits_for_a_person(database: Database) -> None:
    unknown = alert("u1", title="Odd noises", severity=None, labels={})
    arrive(database, unknown, alert("u2", title="More noises", severity=None, labels={}))
    with database.read(SYSTEM) as tx:
        assert {one.key for one in signals.waiting(tx)} == {"u1", "u2"}
    first, second = seen(database, "u1"), seen(database, "u2")
    incident = database.run(
        SYSTEM, lambda tx: commands.declare_from_signal(tx, first.id, severity="P2", type="service_outage")
    )
    with pytest.raises(commands.DeclaredAlready):
        database.run(SYSTEM, lambda tx: commands.declare_from_signal(tx, first.id, severity="P3", type="security"))
    database.run(SYSTEM, lambda tx: commands.dismiss_signal(tx, second.id, "The cat"))
    assert (incident.title, firing(database, incident)) == ("Odd noises", [first.id])
    assert seen(database, "u2").disposition is Disposition.DISMISSED
    with database.read(SYSTEM) as tx:
        assert signals.waiting(tx) == []
        assert [one.id for one in signals.of_incident(tx, incident.id)] == [first.id]


def test_what_began_in_the_future_began_when_it_reached_us(database: Database) -> None:
    arrive(database, alert(started_at=database.now() + timedelta(hours=3)))
    (incident,) = declared(database)
    assert incident.started_at == incident.detected_at == database.now()


def test_an_inbox_without_a_plan_waits(database_url: str, clock: ManualClock) -> None:
    database = Database(database_url, clock)
    accept(database, alert())
    assert decide_all(database) == 0
    with database.read(SYSTEM) as tx:
        assert signals.backlog(tx) == 1
        assert tx.all(select(signals.table)) == []
    database.dispose()


def test_a_storm_of_signals_is_counted_and_the_timeline_stays_readable(database: Database) -> None:
    storm = [
        Arrival(source="generic", key=f"k{n}", title=f"Shard {n} is down", severity="critical") for n in range(300)
    ]
    arrive(database, *storm)
    (incident,) = declared(database)
    told = entries(database, incident, SignalAttached)
    (gathered,) = entries(database, incident, SignalsGathered)
    assert (len(told), gathered.attached, gathered.cleared, len(gathered.titles)) == (10, 290, 0, 5)
    over = [replace(one, state=State.RESOLVED) for one in storm]
    arrive(database, *over)
    (_, again) = entries(database, incident, SignalsGathered)
    assert (len(entries(database, incident, SignalCleared)), again.cleared) == (10, 290)


# ---- Secrets ----


def test_nothing_secret_reaches_the_disk_and_the_signal_is_known_again(database: Database) -> None:
    sent = alert("https://ana:hunter2@db/1", labels={"type": "external_api_failure", "api_key": "hunter2"})
    accept(database, sent)
    with database.read(SYSTEM) as tx:
        assert all("hunter2" not in row.body for row in tx.all(select(signals.inbox)))
    assert decide_all(database) == 1
    arrive(database, replace(sent, state=State.RESOLVED))
    with database.read(SYSTEM) as tx:
        (found,) = signals.recent(tx)
    assert (found.state, found.disposition) == (State.RESOLVED, Disposition.DECLARED)
    assert found.labels == {"type": "external_api_failure", "api_key": "(redacted)"}
    assert "hunter2" not in str(vars(found))
    assert any("api_key" in one for one in found.warnings)


def test_a_body_in_quarantine_holds_no_secret_either(database: Database) -> None:
    body = b'{"routing_key": "hunter2", "payload": {"summary": "'
    with database.work(SYSTEM) as tx:
        quarantine.keep(tx, source="x", sender="y", reason="'token=hunter2' will not do", body=body)
    with database.read(SYSTEM) as tx:
        (kept,) = quarantine.listed(tx)
    assert kept.body == '{"routing_key": "(redacted)", "payload": {"summary": "'
    assert (kept.reason, kept.size) == ("'token=(redacted)' will not do", len(body))
