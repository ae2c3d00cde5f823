"""What is said of a clause's keeping agrees with what the record holds, whatever the record holds."""

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tests.support.records import NIGHT, declared, incident, later
from tocsin.incidents.model import AnyEntry, Closed, Declared, Numbered, Paged, Resolved, SeverityChanged, Updated
from tocsin.incidents.work import ItemTicked, Tick
from tocsin.insights import coverage as covering
from tocsin.insights.coverage import Coverage, Covered, Story, Use
from tocsin.insights.keeping import How, keeping
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan import printing
from tocsin.plan.clauses import clauses, page
from tocsin.plan.model import Plan, Stage
from tocsin.plan.promises import looks, promises

ROSE = plans.load(plans.ROOT / "src" / "tocsin" / "plans" / "rose.yaml")
CLAUSES = clauses(printing.document(ROSE))
each_plan = pytest.mark.parametrize("file", plans.FILES, ids=lambda file: file.stem)


def story(*entries: AnyEntry, owed: tuple[Obligation, ...] = (), **about: Any) -> Story:
    begun: Declared = replace(declared(), **{"severity": "P1", "type": "service_outage", "service": "rose", **about})
    those = (begun, *entries)
    timeline = [Numbered(number=number, entry=one) for number, one in enumerate(those, start=1)]
    return Story(incident=incident(), plan=ROSE, timeline=timeline, owed=owed)


def obligation(key: str, kind: Kind, state: State = State.MET, opened: float = 0, **about: str) -> Obligation:
    settled = None if state is State.OPEN else later(opened + 4)
    return Obligation(
        **{
            "id": f"obl_{key}_{opened}",
            "incident_id": "inc_NIGHT",
            "what": key,
            "clause": "",
            "audience": "",
            "owner": "",
        }
        | about,
        key=key,
        kind=kind,
        opened_at=later(opened),
        due_at=later(opened + 5),
        state=state,
        settled_at=settled,
    )


def covered(*stories: Story, since: float = -60, watched: tuple[Obligation, ...] = ()) -> Coverage:
    return covering.coverage(
        ROSE,
        CLAUSES,
        covering.gathered([covering.shown(one) for one in stories], later(since)),
        watched,
        revision="r",
        period_start=later(since),
        period_end=later(9000),
    )


def clause(found: Coverage, path: str) -> Covered:
    return next(one for one in found.clauses if one.id == path)


# ---- Every clause has a kind -----------------------------------------------------------------------------------------


@each_plan
def test_every_statement_of_a_plan_is_a_clause_and_has_a_kind(file: Path) -> None:
    plan = plans.load(file)
    found = clauses(printing.document(plan))
    assert len({one.id for one in found}) == len(found)
    assert {How.TIMED, How.ENFORCED, How.GUIDED} <= {keeping(plan, one.id).how for one in found}


@each_plan
def test_what_is_promised_by_the_clock_is_timed(file: Path) -> None:
    plan: Plan = plans.load(file)
    promised = {one.path for level in plan.severities for one in promises(plan, level)} | {
        one.path for one in looks(plan)
    }
    found = {one.id for one in clauses(printing.document(plan))}
    assert promised <= found
    timed = {path for path in found if keeping(plan, path).how is How.TIMED}
    # Nobody has to do anything for the watch to pass; a regression reopens the incident by itself.
    unused = {
        f"escalation.{key}.steps.{n}" for key, one in plan.escalation.items() for n in range(1, len(one.steps) + 1)
    }
    assert promised - {"recovery.watch_for"} <= timed <= promised | unused


def test_an_id_that_no_document_has_is_refused() -> None:
    with pytest.raises(LookupError, match="nowhere"):
        keeping(ROSE, "nowhere")


def test_the_numbered_clauses_are_kept_as_their_table_says() -> None:
    """FIX-04 is enforced; the other numbers that Rose's plan carries are obligations with a due time."""
    kinds = {one.number: one.how for one in covered().clauses if one.number}
    assert kinds.pop("FIX-04") is How.ENFORCED
    assert set(kinds) == {"SEV-02", "SEV-03", "SEV-06", "ROL-06", "PMR-01", "COM-02", "COM-07", "COM-08"}
    assert set(kinds.values()) == {How.TIMED}


# ---- What the record shows -------------------------------------------------------------------------------------------


def test_on_an_empty_record_nothing_was_exercised_and_nothing_is_made_up() -> None:
    found = covered()
    assert all(one.last is None and one.counts.total == 0 for one in found.clauses)
    assert clause(found, "severities.P0.acknowledge_within").use is Use.NEVER
    assert clause(found, "purpose").use is Use.UNKNOWN
    assert covering.summary(found).startswith(f"{len(CLAUSES)} clauses: ")


@pytest.mark.parametrize(
    ("state", "word"),
    [(State.MET, "kept"), (State.MISSED, "missed"), (State.WAIVED, "waived"), (State.OPEN, "open")],
)
def test_an_obligation_counts_for_the_clause_of_its_level(state: State, word: str) -> None:
    found = covered(story(owed=(obligation("acknowledge", Kind.ACKNOWLEDGE, state),)))
    one, other = (clause(found, f"severities.{level}.acknowledge_within") for level in ("P1", "P0"))
    assert (getattr(one.counts, word), one.counts.total, other.counts.total) == (1, 1, 0)
    assert one.last is not None
    assert one.last.outcome == word
    assert other.use is Use.NEVER


def test_what_is_owed_no_longer_exercises_nothing() -> None:
    one = clause(
        covered(story(owed=(obligation("resolve", Kind.RESOLVE, State.VOID),))), "severities.P1.resolve_within"
    )
    assert (one.counts.void, one.use) == (1, Use.NEVER)


def test_after_a_change_of_level_the_new_levels_clause_is_owed() -> None:
    raised = SeverityChanged(at=later(10), by="ana", severity="P0", before="P1", raised=True, because="worse")
    owed = (obligation("resolve", Kind.RESOLVE, State.VOID), obligation("resolve", Kind.RESOLVE, opened=10))
    found = covered(story(raised, owed=owed))
    assert clause(found, "severities.P1.resolve_within").counts.void == 1
    assert clause(found, "severities.P0.resolve_within").counts.kept == 1
    assert clause(found, "severities.P0.definition").use is Use.USED


def test_a_page_exercises_its_policy_and_the_answers_count_by_step_over_the_rounds() -> None:
    steps = len(ROSE.escalation["engineering"].steps)
    paged = Paged(at=later(1), by="tocsin", step=steps, people=("ben",), through=("email",), answer_by=later(6))
    found = covered(story(paged, owed=(obligation(f"answer:{steps}", Kind.ANSWER, State.MISSED),)))
    assert clause(found, "escalation.engineering.steps.1").counts.missed == 1
    for path in ("severities.P1.escalation", "escalation.engineering", "escalation.engineering.rounds", "people.ben"):
        assert clause(found, path).use is Use.USED, path
    assert clause(found, "people.ana").use is Use.NEVER


def test_what_people_did_exercises_what_asked_for_it() -> None:
    tick = ItemTicked(at=later(2), by="ana", item="type.service_outage.2", what="…", tick=Tick.DONE)
    items = ItemTicked(at=later(2), by="ana", item="phase.response.4", what="…", tick=Tick.DONE)
    told = Updated(at=later(3), by="lucia", audience="public", text="…", stage=Stage.INVESTIGATING)
    found = covered(story(tick, items, told, Closed(at=later(90), by="ana")))
    used = {one.id for one in found.clauses if one.use is Use.USED}
    assert {"types.service_outage.actions.2", "phases.response.actions.1.items.4"} <= used
    assert {"communication.stages.investigating", "recovery.close_requires.1", "severities.P1.public_impact"} <= used
    assert ROSE.communication.stages[Stage.INVESTIGATING] in {one.removeprefix("templates.") for one in used}
    assert not {"types.service_outage.actions.1", "phases.response.actions.1.items.3"} & used


def test_a_rule_is_exercised_by_what_it_declared() -> None:
    rule = ROSE.rules[3]
    found = covered(story(source="generic", why=f"P1, by the rule “{rule.name}”."))
    assert [one.id for one in found.clauses if one.id.startswith("rules.") and one.last] == ["rules.4"]
    assert clause(found, "declare_when.1").use is Use.NEVER


def test_the_last_use_is_the_latest_and_the_period_bounds_the_counts_alone() -> None:
    owed = tuple(obligation("update:internal", Kind.UPDATE, opened=at, audience="internal") for at in (0, 30, 15))
    one = clause(covered(story(owed=owed), since=20), "communication.audiences.internal.cadence.P1")
    assert one.counts.kept == 1
    assert one.last is not None
    assert one.last.at == later(34)
    assert clause(covered(story(owed=owed), since=60), one.id).last == one.last


def test_what_the_plan_has_no_clause_for_any_more_is_counted_aside() -> None:
    found = covered(story(owed=(obligation("role:juggler", Kind.ROLE),)))
    assert found.aside == 1


KEYS = [
    ("acknowledge", Kind.ACKNOWLEDGE, ""),
    ("resolve", Kind.RESOLVE, ""),
    ("watch", Kind.WATCH, ""),
    ("quiet", Kind.QUIET, ""),
    ("review", Kind.REVIEW, ""),
    ("role:scribe", Kind.ROLE, ""),
    ("role:juggler", Kind.ROLE, ""),
    ("update:internal", Kind.UPDATE, "internal"),
    ("update:public", Kind.UPDATE, "public"),
    *((f"answer:{step}", Kind.ANSWER, "") for step in range(7)),
]
OWED = st.builds(
    lambda key, state, opened: obligation(key[0], key[1], state, opened, audience=key[2]),
    st.sampled_from(KEYS),
    st.sampled_from(list(State)),
    st.integers(0, 200),
)


@given(st.lists(st.lists(OWED, max_size=8), max_size=4), st.sampled_from(list(ROSE.severities)), st.integers(-10, 220))
def test_the_counts_of_the_clauses_are_the_obligations_of_the_period(
    ledgers: list[list[Obligation]], level: str, since: int
) -> None:
    found = covered(*(story(owed=tuple(ledger), severity=level) for ledger in ledgers), since=since)
    within = [one for ledger in ledgers for one in ledger if one.opened_at >= later(since)]
    assert sum(one.counts.total for one in found.clauses) + found.aside == len(within)
    kept = sum(one.counts.kept for one in found.clauses)
    assert kept <= sum(one.state is State.MET for one in within)
    assert sum(found.count(how) for how in How) == len(found.clauses)
    for word in ("missed", "late"):
        ordered = [getattr(one.counts, word) for one in covering.ordered(found.clauses, word)]
        assert ordered == sorted(ordered, reverse=True)
    kinds = Counter(one.how for one in found.clauses)
    assert len(list(covering.chosen(found.clauses, "timed"))) == kinds[How.TIMED]
    assert len(list(covering.chosen(found.clauses, "never"))) == found.never


# ---- The page --------------------------------------------------------------------------------------------------------


@each_plan
def test_each_clause_is_one_anchor_of_the_page_and_every_link_within_leads_somewhere(file: Path) -> None:
    text = printing.document(plans.load(file))
    made = page(text, lambda path: "")
    anchors = re.findall(r' id="([^"]+)"', made.html)
    assert len(anchors) == len(set(anchors))
    assert {one.id for one in clauses(text)} - {"name"} <= set(anchors)
    assert {one.id for one in made.contents} <= set(anchors)
    assert set(re.findall(r'href="#([^"]+)"', made.html)) <= set(anchors)


def test_the_page_and_the_markdown_say_the_same() -> None:
    text = printing.document(ROSE)
    said = " ".join(re.sub(r"<[^>]+>", " ", page(text, lambda path: "").html).split())
    for one in CLAUSES[1:]:
        assert one.id in said


def test_nothing_that_a_plan_says_becomes_markup() -> None:
    evil = replace(ROSE, purpose='<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror="y">')
    made = page(printing.document(evil), lambda path: "")
    assert "<script" not in made.html
    assert "<img" not in made.html
    assert 'href="javascript' not in made.html
    assert "&lt;script&gt;" in made.html


def test_what_is_owed_from_the_very_beginning_of_the_period_counts() -> None:
    owed = (obligation("resolve", Kind.RESOLVE), obligation("resolve", Kind.RESOLVE, opened=-1))
    resolved = Resolved(at=NIGHT + timedelta(minutes=9), by="ana", how="restart")
    assert clause(covered(story(resolved, owed=owed), since=0), "severities.P1.resolve_within").counts.total == 1
