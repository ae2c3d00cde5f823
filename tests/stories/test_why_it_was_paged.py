"""Why was this paged, or not: the answer is the very decision, with what followed from it on the record."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.world import QUIET, World
from tocsin.incidents.model import SignalAttached
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, explaining, trying
from tocsin.response.explaining import Explained
from tocsin.signals import found as finding
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.signals.store import Signal

DISKS = "  - { name: disks, when: { alertname: Blip }, type: data_loss, severity: P0 }"
STRICTER = QUIET.replace("\nrules:\n", f"\nrules:\n{DISKS}\n")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=QUIET)
    yield world
    world.close()


def alert(key: str = "groq", **more: Any) -> Arrival:
    about = {"labels": {"service": "rose", "component": "groq", "outcome": "degraded"}, "title": "Groq is down"}
    return Arrival(**{"source": "probe", "key": key, **about, **more})


def disk(state: State = State.FIRING) -> Arrival:
    return Arrival(source="alertmanager", key="disk", title="A blip", state=state, labels={"alertname": "Blip"})


def signal(world: World, key: str) -> Signal:
    return next(one for one in world.read(signals.recent) if one.key == key)


def explained(world: World, key: str, text: str | None = None) -> Explained:
    return world.read(explaining.explain, signal(world, key).id, text)


def test_it_says_which_rule_decided_what_it_declared_and_who_was_paged(world: World) -> None:
    world.arrive(alert())
    world.expect_page("ana")
    found = explained(world, "groq")
    deciding = next(one for one in found.rules.rulings if one.decides)
    assert deciding.tried.rule.name == "groq is down"
    assert found.rules.decision.why == signal(world, "groq").why
    assert found.verdict == "Ana Okafor was paged for it at 2026-11-24 02:38:00 UTC."
    assert found.joined.startswith("It declared #1")
    assert "declared" in found.followed[0].sentence
    assert any("paged" in one.sentence.lower() for one in found.followed)
    assert found.differs == ""
    world.advance(minutes=5)
    world.overlook()
    assert len(explained(world, "groq").followed) > len(found.followed)


def test_a_page_leads_to_where_the_trouble_was_seen_and_so_does_the_next(world: World) -> None:
    world.arrive(alert(link="https://graphs.example.org/groq"))
    world.arrive(alert("again", link="https://graphs.example.org/later"))
    world.advance(minutes=30)
    first, *later = [one for one in world.mail.sent if one.audience == "page"]
    assert later and all(
        "\nWhere it was seen: https://graphs.example.org/groq\n" in one.body for one in (first, *later)
    )
    world.overlook()


def test_a_signal_that_joins_says_what_it_joined_and_that_it_paged_nobody(world: World) -> None:
    world.arrive(alert())
    world.expect_page("ana")
    world.arrive(alert("again", labels={"service": "rose", "component": "elevenlabs", "outcome": "degraded"}))
    found = explained(world, "again")
    assert found.verdict.startswith("Nobody was paged for it by itself: it is on #1")
    assert "external_api_failure of rose" in found.joined
    (incident,) = [found.incident]
    assert incident is not None
    world.do(commands.acknowledge, incident.id)


def errors(key: str, severity: str, **labels: str) -> Arrival:
    about = {"alertname": "HighErrorRate", "service": "rose", **labels}
    return Arrival(source="alertmanager", key=key, title=f"Errors, {key}", severity=severity, labels=about)


def test_who_is_paged_because_it_got_worse_is_paged_for_the_signal_that_made_it_worse(world: World) -> None:
    world.arrive(errors("few", "info"))
    assert explained(world, "few").verdict == "Nobody was paged: under the plan, P3 pages nobody."
    world.sleep(seconds=10)
    world.arrive(errors("many", "warning", error_rate="12"))
    world.expect_page("ana")
    at = "2026-11-24 02:38:10 UTC"
    assert explained(world, "many").verdict == f"It raised #1 to P1, and Ana Okafor was paged for that at {at}."
    assert explained(world, "few").verdict == (
        "Nobody was paged for it by itself: it declared #1 as P3, which pages nobody. "
        f"Ana Okafor was paged at {at}, when that was worse."
    )
    world.overlook()


def test_what_was_over_when_it_first_came_was_asked_of_no_rule(world: World) -> None:
    world.arrive(alert(state=State.RESOLVED))
    found = explained(world, "groq")
    assert found.verdict == "Nobody was paged. It was over when it first came."
    assert found.differs.startswith("No rule was asked")


def test_a_signal_that_no_rule_knows_paged_nobody_and_another_plan_may_be_tried_on_it(world: World) -> None:
    world.arrive(disk())
    found = explained(world, "disk")
    assert found.verdict.startswith("Nobody was paged: no rule")
    assert found.incident is None and found.followed == ()
    assert not any(one.decides for one in found.rules.rulings)
    tried = explained(world, "disk", STRICTER)
    assert tried.revision is None
    assert "P0, by the rule “disks”" in tried.rules.decision.why
    with pytest.raises(plan_commands.BadPlan):
        explained(world, "disk", "tocsin: 1")


def test_it_is_explained_by_the_rules_that_decided_and_not_by_those_that_came_later(world: World) -> None:
    world.arrive(disk())
    then = signal(world, "disk").plan_revision
    world.database.run(
        access.local_operator("operator"), lambda tx: plan_commands.apply(tx, STRICTER, "disks", accept_large=True)
    )
    found = explained(world, "disk")
    assert (found.revision, found.differs) == (then, "")
    assert found.verdict.startswith("Nobody was paged")


def test_what_a_person_decided_instead_is_told_apart_from_what_the_rules_say(world: World) -> None:
    world.arrive(disk())
    made = world.do(commands.declare_from_signal, signal(world, "disk").id, severity="P1", type="data_loss")
    world.expect_page("ana")
    found = explained(world, "disk")
    assert found.differs.startswith("It was decided otherwise then: Declared by ana")
    world.do(commands.acknowledge, made.id)


def test_a_plans_rules_are_tried_on_what_reached_us_lately(world: World) -> None:
    world.arrive(disk(), alert())
    world.expect_page("ana")
    begin, now = world.clock.now(), world.clock.now()
    world.sleep(seconds=1)
    found = world.read(trying.try_rules, STRICTER, begin, world.clock.now())
    assert (found.signals, found.is_whole) == (2, True)
    assert {one.rule: (one.before, one.after) for one in found.tallies if one.before or one.after} == {
        "disks": (0, 1),
        "groq is down": (1, 1),
        "": (1, 0),
    }
    (change,) = found.changes
    assert not change.is_less
    assert [one.key for one in change.examples] == ["disk"]
    assert trying.sentence(change) == (
        "1 signal would have called for P0 data_loss (“disks”) instead of waiting for a person."
    )
    lost = world.read(trying.try_rules, QUIET.replace("component: groq", "component: grok"), begin, world.clock.now())
    assert lost.changes[0].is_less
    assert world.read(trying.try_rules, STRICTER, begin, now).signals == 0
    world.overlook()


def test_what_no_rule_asks_of_a_signal_is_told_once_while_it_fires_on(world: World) -> None:
    for place in range(3):
        world.arrive(alert(labels={**alert().labels, "pod": f"rose-{place}"}))
        world.sleep(seconds=10)
    world.arrive(alert(state=State.RESOLVED))
    world.arrive(alert())
    told = [one.why for one in world.entries(signal(world, "groq").incident_id or "", SignalAttached)]
    assert len(told) == 2
    found = explained(world, "groq")
    assert [(one.state, one.disposition, one.times) for one in found.history] == [
        ("firing", "declared", 4),
        ("resolved", "declared", 3),
        ("firing", "declared", 1),
    ]
    assert found.verdict.startswith("Ana Okafor was paged for it")
    world.overlook()


def test_signals_are_found_by_what_they_said_and_what_became_of_them(world: World) -> None:
    world.arrive(alert(), disk(), errors("100%_sure", "info"))
    world.arrive(disk(State.RESOLVED))
    world.overlook()

    def keys(limit: int = 10, **asked: str) -> list[str]:
        return sorted(one.key for one in world.read(finding.listing, finding.Asked(**asked), limit).signals)

    assert keys() == ["100%_sure", "disk", "groq"]
    assert keys(words="DOWN") == ["groq"] and keys(words="0%_s") == ["100%_sure"] and keys(words="%%") == []
    assert keys(state="resolved") == ["disk"] == keys(became="cleared")
    assert keys(source="probe", state="firing") == ["groq"] == keys(incident=signal(world, "groq").incident_id or "")
    assert keys(silence="sil_none") == []
    assert world.read(finding.sources) == ["alertmanager", "probe"]
    pages, last = [], None
    while rows := world.read(finding.listing, finding.Asked(), 1, *((last.last_at, last.id) if last else ())).signals:
        pages.append(rows[0].key)
        last = rows[0]
    assert sorted(pages) == keys()
