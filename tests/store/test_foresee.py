"""What a change of the plan would have meant for what is on the record."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.ending import mend
from tests.support.inbox import decide_all
from tocsin.db.engine import Database
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.oncall.schedule import Rotas
from tocsin.people import access
from tocsin.people.model import AccountRole
from tocsin.plan import check
from tocsin.plan.consequences import Consequence, Kind, Weight
from tocsin.plan.model import Plan
from tocsin.response import commands, foresee, tick
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State, Trigger

TEXT = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
USERS = TEXT[TEXT.index("  - name: several users report trouble") : TEXT.index("# --- Who else is told")]
DAYS_90 = timedelta(days=90)


def plan_of(text: str) -> Plan:
    found = check.load(text)
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


ROSE = plan_of(TEXT)
ANA = Actor("ana", ActorKind.PERSON, access.RIGHTS[AccountRole.RESPONDER])


def changed(*pairs: tuple[str, str]) -> Plan:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return plan_of(text)


def arrive(database: Database, key: str, severity: str | None = "warning", **more: Any) -> None:
    words = {"source": "alertmanager", "title": "Something odd", "severity": severity}
    arrival = Arrival(**{**words, "key": key, **more})
    with database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(arrival)])
    assert decide_all(database) == 1


def declare(database: Database, severity: str, kind: str = "service_outage") -> Incident:
    """A person declares, whatever the rules say."""
    return database.run(ANA, lambda tx: commands.declare(tx, title="It is odd", severity=severity, type=kind))


def end(database: Database, clock: ManualClock, key: str) -> None:
    """The signal clears, the newest incident is resolved and its watch passes: the next signal declares anew."""
    arrive(database, key, state=State.RESOLVED)
    newest = database.run(ANA, incidents.listing)[0]
    database.run(ANA, lambda tx: mend(tx, newest.id, "mended"))
    clock.advance_to(clock.now() + timedelta(days=2))
    while database.run(SYSTEM, tick.settle_due)[0]:
        pass


def foreseen(
    database: Database, new: Plan, old: Plan = ROSE, *, since: timedelta = DAYS_90, about: Kind | None = None
) -> list[Consequence]:
    with database.read(SYSTEM) as tx:
        found = foresee.foresee(tx, old, new, since=since)
    return [one for one in found if about is None or one.kind is about]


def sentences(found: list[Consequence]) -> list[str]:
    return [one.sentence for one in found]


# ---- Declared, ranked, typed -----------------------------------------------------------------------------------------

WARNING = (
    "    when: { severity: *lesser }\n    type: performance_degradation\n    severity: P2\n    service: rose\n"
    "  - name: several users report trouble"
)


def test_the_same_plan_changes_nothing_of_the_record(database: Database) -> None:
    arrive(database, "a1")
    declare(database, "P0")
    assert foreseen(database, plan_of(TEXT)) == []


def test_incidents_that_would_have_ranked_otherwise_are_named_with_the_rule(database: Database) -> None:
    arrive(database, "a1")
    graver = changed((WARNING, WARNING.replace("severity: P2", "severity: P0")))
    (one,) = foreseen(database, graver, about=Kind.ROUTING)
    assert one.sentence == "Incident #1 (24 Nov) would have been P0 instead of P2, by the rule “sent as a warning”."
    assert (one.path, one.weight) == ("rules.sent as a warning", Weight.SMALL)
    (back,) = foreseen(database, ROSE, graver, about=Kind.ROUTING)
    assert back.weight is Weight.LARGE


def test_incidents_that_would_have_been_of_another_type(database: Database) -> None:
    arrive(database, "a1")
    other = changed(
        (WARNING, WARNING.replace("performance_degradation\n    severity: P2", "security\n    severity: P1"))
    )
    (one,) = foreseen(database, other, about=Kind.ROUTING)
    assert one.sentence == (
        "Incident #1 (24 Nov) would have been P1 instead of P2 and security instead of performance_degradation, "
        "by the rule “sent as a warning”."
    )


def test_an_incident_that_no_rule_would_declare(database: Database) -> None:
    arrive(database, "u1", severity=None, trigger=Trigger.USER_REPORT)
    (one,) = foreseen(database, changed((USERS, "")), about=Kind.ROUTING)
    assert one.sentence == ("Incident #1 (24 Nov) would not have been declared; now the rule “report of a user” does.")
    assert one.weight is Weight.LARGE


def test_incidents_that_are_alike_stand_in_one_sentence(database: Database, clock: ManualClock) -> None:
    for number in range(5):
        arrive(database, f"a{number}")
        end(database, clock, f"a{number}")
    graver = changed((WARNING, WARNING.replace("severity: P2", "severity: P1")))
    (one,) = foreseen(database, graver, about=Kind.ROUTING)
    assert one.sentence == (
        "Incidents #5 (2 Dec), #4 (30 Nov), #3 (28 Nov) and 2 more would have been P1 instead of P2, "
        "by the rule “sent as a warning”."
    )
    (recent,) = foreseen(database, graver, since=timedelta(days=5), about=Kind.ROUTING)
    assert recent.sentence.startswith("Incidents #5 (2 Dec) and #4 (30 Nov) would")


def test_the_word_of_a_person_is_not_replaced_by_a_rule(database: Database) -> None:
    declare(database, "P2")
    graver = changed((WARNING, WARNING.replace("severity: P2", "severity: P0")))
    assert foreseen(database, graver) == []


def test_words_that_a_plan_no_longer_has(database: Database) -> None:
    declare(database, "P3")
    shorter = {name: one for name, one in ROSE.severities.items() if name != "P3"}
    (one,) = foreseen(database, replace(ROSE, severities=shorter))
    assert one.sentence == (
        "Incident #1 (24 Nov) could no longer be declared as P3 service_outage: the plan lacks one of the words."
    )
    assert one.weight is Weight.LARGE


def test_signals_that_declared_nothing_are_counted(database: Database) -> None:
    for key in ("x1", "x2"):
        arrive(database, key, severity=None, title="Nobody knows")
    caught = changed((USERS, "  - { name: any, when: { title: '*' }, type: service_outage, severity: P2 }\n\n"))
    assert sentences(foreseen(database, caught, about=Kind.ROUTING)) == [
        (
            "2 signals that declared nothing would have called for P2 service_outage, by the rule “any”, "
            "instead of waiting for a person."
        )
    ]
    (back,) = foreseen(database, ROSE, caught, about=Kind.ROUTING)
    assert back.sentence == (
        "2 signals that declared nothing would wait for a person instead of calling for P2 service_outage."
    )
    assert back.weight is Weight.LARGE


def test_a_signal_older_than_those_that_are_listed_is_still_found(database: Database) -> None:
    arrive(database, "a1")
    graver = changed((WARNING, WARNING.replace("severity: P2", "severity: P0")))
    with database.read(SYSTEM) as tx:
        known = foresee._Replay(ROSE, graver, {})
        (found,) = foresee._incidents(known, tx, tx.now - DAYS_90)
    assert (found.before.severity, found.after.severity) == ("P2", "P0")


# ---- Paged -----------------------------------------------------------------------------------------------------------


def test_who_would_have_been_paged(database: Database) -> None:
    declare(database, "P1")
    first = "- { page: [on_call], wait: 5 min }"
    both = changed((first, first.replace("[on_call]", "[on_call, lucia]")))
    (one,) = foreseen(database, both, about=Kind.PAGING)
    assert one.sentence == (
        "Incident #1 (24 Nov) would have paged Ana Okafor and Lucía Ferrer at once instead of Ana Okafor at once."
    )
    assert one.path == "severities.P1.escalation"


def test_who_would_have_been_reached_later(database: Database) -> None:
    declare(database, "P2")
    later = changed(("{ page: [on_call], wait: 30 min }", "{ page: [on_call], wait: 40 min }"))
    (one,) = foreseen(database, later, about=Kind.PAGING)
    assert one.sentence == (
        "Incident #1 (24 Nov) would have paged Ben Halvorsen after 40 min instead of Ben Halvorsen after 30 min."
    )
    (fewer,) = foreseen(database, changed(("      - { page: [commander], wait: 30 min }\n", "")), about=Kind.PAGING)
    assert fewer.sentence == (
        "Incident #1 (24 Nov) would have paged nobody further instead of Ben Halvorsen after 30 min."
    )


def test_a_severity_that_pages_nobody_any_more(database: Database) -> None:
    declare(database, "P2")
    (one,) = foreseen(database, changed(("    escalation: on_call_engineer\n", "")), about=Kind.PAGING)
    assert (one.sentence, one.weight) == ("Incident #1 (24 Nov) would have paged nobody.", Weight.LARGE)


# ---- Owed ------------------------------------------------------------------------------------------------------------


def test_what_would_have_been_owed_is_counted(database: Database) -> None:
    declare(database, "P2")
    declare(database, "P2", "high_error_rate")
    declare(database, "P0")
    stricter = changed(
        ("acknowledge_within: 1 h", "acknowledge_within: 30 min"),
        ("    roles_within: {}", "    roles_within: { scribe: 1 h }"),
        ("post_mortem: optional", "post_mortem: required"),
    )
    found = foreseen(database, stricter)
    assert sentences(found) == [
        "2 of 3 incidents would have owed an acknowledgement within 30 min instead of 1 h.",
        "2 of 3 incidents would also have owed a scribe within 1 h.",
        "2 of 3 incidents would also have owed a post-mortem within 2 d of the fix.",
    ]
    assert {one.weight for one in found} == {Weight.SMALL}
    back = foreseen(database, ROSE, stricter)
    assert sentences(back) == [
        "2 of 3 incidents would have owed an acknowledgement within 1 h instead of 30 min.",
        "2 of 3 incidents would not have owed a scribe.",
        "2 of 3 incidents would not have owed a post-mortem.",
    ]
    assert {one.weight for one in back} == {Weight.LARGE}


def test_the_public_that_would_have_been_told_sooner(database: Database) -> None:
    declare(database, "P1")
    declare(database, "P1", "security")  # private: the public is never told
    sooner = changed(("P1: { first_within: 15 min, every: 30 min }", "P1: { first_within: 10 min, every: 20 min }"))
    assert sentences(foreseen(database, sooner)) == [
        "1 of 2 incidents would have owed a first update to Public within 10 min instead of 15 min.",
        "1 of 2 incidents would have owed a last update to Public within 20 min of the fix instead of 30 min.",
    ]


def test_an_empty_record_has_nothing_to_say(database: Database) -> None:
    sooner = changed(("acknowledge_within: 1 h", "acknowledge_within: 30 min"))
    assert foreseen(database, sooner) == []


# ---- Who is on call --------------------------------------------------------------------------------------------------

START = datetime(2026, 11, 25, 12, tzinfo=UTC)


def with_rotation(**changes: Any) -> Plan:
    return replace(ROSE, rotations={**ROSE.rotations, "on_call": replace(ROSE.rotations["on_call"], **changes)})


def test_who_goes_on_and_off_call_and_when() -> None:
    found = foresee.on_call(ROSE, with_rotation(people=("tomas", "ben")), start=START, weeks=4)
    assert sentences(found) == [
        (
            "Ben Halvorsen goes on call in on_call from Wed 25 Nov 2026 12:00 UTC instead of Ana Okafor, "
            "until Mon 30 Nov 2026 08:00 UTC."
        ),
        (
            "Ben Halvorsen goes on call in on_call from Mon 7 Dec 2026 08:00 UTC instead of Ana Okafor, "
            "until Mon 14 Dec 2026 08:00 UTC."
        ),
        (
            "Ben Halvorsen goes on call in on_call from Mon 21 Dec 2026 08:00 UTC instead of Ana Okafor, "
            "for as far as was looked ahead."
        ),
    ]
    assert {one.path for one in found} == {"rotations.on_call"}


def test_an_hour_of_difference_at_each_handoff() -> None:
    found = foresee.on_call(ROSE, with_rotation(handoff=time(10)), start=START, weeks=1)
    assert sentences(found) == [
        (
            "Ana Okafor goes on call in on_call from Mon 30 Nov 2026 08:00 UTC instead of Tomás Brandt, "
            "until Mon 30 Nov 2026 09:00 UTC."
        )
    ]


def test_of_many_turns_the_first_are_told() -> None:
    found = foresee.on_call(ROSE, with_rotation(people=("ana", "tomas")), start=START)
    assert len(found) == foresee.TURNS_TOLD + 1
    assert found[-1].sentence == "In on_call 4 more turns differ until Wed 20 Jan 2027 12:00 UTC."


def test_a_rotation_that_is_gone_and_one_that_is_new() -> None:
    without = replace(ROSE, rotations={"commander": ROSE.rotations["commander"]})
    gone = foresee.on_call(ROSE, without, start=START, weeks=1)
    assert gone[0].sentence == (
        "Ana Okafor goes off call in on_call from Wed 25 Nov 2026 12:00 UTC, until Mon 30 Nov 2026 08:00 UTC; "
        "nobody follows."
    )
    new = foresee.on_call(without, ROSE, start=START, weeks=1)
    assert new[0].sentence == (
        "Ana Okafor goes on call in on_call from Wed 25 Nov 2026 12:00 UTC, until Mon 30 Nov 2026 08:00 UTC."
    )


@given(st.integers(0, 80_000_000), st.permutations(["ana", "ben", "tomas"]), st.integers(1, 9), st.integers(0, 23))
def test_the_turns_that_are_told_are_those_in_which_the_plans_differ(
    seconds: int, people: list[str], days: int, hour: int
) -> None:
    start, probe = START, START + timedelta(seconds=seconds % 4_800_000)
    new = with_rotation(people=tuple(people), days=days, handoff=time(hour), starts_on=date(2026, 11, 2))
    end = start + timedelta(weeks=8)
    old_rotas, rotas = Rotas(ROSE.rotations), Rotas(new.rotations)
    turns = foresee._turns(*(one.clipped("on_call", start, end) for one in (old_rotas, rotas)), start, end)
    holding = [one for one in turns if one.starts_at <= probe < one.ends_at]
    before, after = old_rotas.holders("on_call", probe), rotas.holders("on_call", probe)
    assert [(one.before, one.after) for one in holding] == ([] if before == after else [(before, after)])


def test_the_record_and_the_coming_weeks_are_told_together(database: Database) -> None:
    declare(database, "P1")
    found = foreseen(database, with_rotation(people=("ana", "tomas")))
    assert [one.kind for one in found] == [Kind.ON_CALL] * (foresee.TURNS_TOLD + 1) + [Kind.PAGING]
    assert found[-1].sentence == (
        "Incident #1 (24 Nov) would have paged Tomás Brandt at once instead of Ana Okafor at once."
    )
