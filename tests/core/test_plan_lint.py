"""What would fail the people who follow a plan is found: each kind in a small plan, and not in its mended twin."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tests.support.small import GONE, SMALL, examined, put, small, text_of
from tocsin.plan import check, lint
from tocsin.plan.linting import (
    afterwards,
    bodies,
    expressions,
    figures,
    links,
    prose,
    reach,
    secrets,
    signals,
    telling,
    times,
    wording,
)
from tocsin.plan.linting.findings import Around, Check, Level, Report
from tocsin.plan.model import Plan


@dataclass(frozen=True)
class Case:
    """Changes of the small plan that bring a finding, its path, and what mends it; none: the plan as it is."""

    code: str
    path: str
    broken: Mapping[str, object]
    mended: Mapping[str, object] = field(default_factory=dict)
    around: Around = lint.NOWHERE


def cadence(first: str, every: str) -> dict[str, str]:
    return {"first_within": first, "every": every}


def bands(bad: str, mild: str) -> dict[str, object]:
    written = {"bad": bad, "mild": mild}
    return {f"severities__{key}__error_rate": yaml.safe_load(f"{{ {text} }}") for key, text in written.items()}


def metrics(**second: object) -> dict[str, object]:
    first = {"name": "First", "short": "MTTX", "since": "declared", "until": "resolved"}
    other = {"name": "Second", "short": "MTTY", "since": "declared", "until": "acknowledged"}
    return {"metrics": {"first": first, "second": other | second}}


MET = bands("at_least: 5", "below: 5")
HERE = Around(documents={"runbook.md": frozenset({"cold"})})
OTHER_LINK = {"links__Kilns": "runbook.md#cold"}
SECOND_ROLE = {"name": "Writer", "purpose": "Writes", "duties": ["Note it"], "eligible": ["everyone"]}
AUDIENCE = {"name": "Owners", "owner": "lead", "to": ["board"], "cadence": {"bad": cadence("30 min", "30 min")}}
SENDER: dict[str, object] = {
    "senders__own__key": "{id}",
    "senders__own__title": "{tokens_used}",
    "senders__own__labels": {"kind": "{kind}"},
}
PATTERN = "services.kiln.logs.own.patterns.a"
A_MATCH, A_LABELS = (f"{PATTERN}.{key}".replace(".", "__") for key in ("match", "labels"))
CAPTURES: dict[str, object] = {"services__kiln__logs__own__sender": "kiln", A_MATCH: "(?P<kind>a)"}


def asks(**when: object) -> dict[str, object]:
    return {"rules__3__when": when}


LOOSE = {
    "url": "https://kiln.example",
    "expects": {"status": [200]},
    "schema": {"properties": {"heat": {"type": "number"}}},
}

WATCHED = {  # what an expression stands in, and what that needs besides
    "probes": {"url": "https://kiln.example"},
    "logs": {"url": "https://kiln.example/log", "patterns": {"a": {"match": "hot"}}},
    "journeys": {"url": "https://kiln.example", "legs": [{"name": "Look", "path": "/"}]},
    "measures": {"url": "https://kiln.example/metrics", "number": "heat", "above": 5},
}


def searches(path: str, expression: str) -> dict[str, object]:
    """A plan in which an expression stands there, as it is written in such a place."""
    written = f"/{expression}/" if any(part in path for part in ("when", "headers", "json")) else expression
    written = f'heat{{kiln=~"{expression}"}}' if "measures" in path else written
    parents = path.split(".")[:4]
    around: dict[str, object] = {}
    if parents[0] == "vendors":
        around["vendors__gas__name"] = "Gas"
    if parents[2] in WATCHED:
        around["__".join(parents)] = deepcopy(WATCHED[parents[2]])
    return {**around, path.replace(".", "__"): written}


CASES = [
    Case("acknowledge-differs", "phases.answer.within", {"phases__answer__within": "5 min"}),
    Case("escalates-too-late", "escalation.in_turn.steps.1.wait", {"escalation__in_turn__steps__1__wait": "15 min"}),
    Case("phase-outlasts-target", "phases.mend.within", {"phases__mend__within": "4 h"}),
    Case("phase-falls-short", "phases.mend.within", {"phases__mend__within": "1 h"}, {"phases__mend__within": GONE}),
    Case("phases-out-of-order", "phases.mend.within", {"phases__mend__within": "10 min"}),
    Case(
        "worse-answered-later", "severities.bad.acknowledge_within", {"severities__bad__acknowledge_within": "30 min"}
    ),
    Case("worse-answered-later", "severities.bad.resolve_within", {"severities__bad__resolve_within": "3 h"}),
    Case("role-too-late", "severities.mild.roles_within.lead", {"severities__mild__roles_within__lead": "2 h"}),
    Case(
        "two-cadences",
        "communication.audiences.owners.cadence.bad",
        {"communication__audiences__owners": AUDIENCE | {"cadence": {"bad": cadence("30 min", "1 h")}}},
        {"communication__audiences__owners": AUDIENCE},
    ),
    Case("two-cadences", "severities.bad.response", {"severities__bad__response": "Post every 5 minutes"}),
    Case("two-cadences", "severities.bad.response", {"severities__bad__response": "Post updates as needed"}),
    Case(
        "two-cadences",
        "severities.mild.requires.2",
        {
            "communication__audiences__public__cadence": {"bad": cadence("30 min", "1 h")},
            "severities__mild__requires": ["No status updates", "Updates when needed"],
        },
        {
            "communication__audiences__public__cadence": {"bad": cadence("30 min", "1 h")},
            "severities__mild__requires": ["No status updates"],
        },
    ),
    Case("two-cadences", "severities.mild.response", {"severities__mild__response": "There are no status updates"}),
    Case(
        "update-too-late",
        "communication.audiences.public.cadence.mild.every",
        {"communication__audiences__public__cadence__mild__every": "3 h"},
    ),
    Case(
        "worse-told-less",
        "communication.audiences.public.cadence",
        {"communication__audiences__public__cadence__bad__every": "3 h"},
    ),
    Case("watch-too-long", "recovery.watch_for", {"recovery__watch_for": "3 h"}),
    Case("nobody-paged", "severities.mild", {"severities__mild__escalation": GONE}),
    Case("escalation-ends", "escalation.in_turn.rounds", {"escalation__in_turn__rounds": 2}),
    Case(
        "step-reaches-nobody",
        "escalation.in_turn.steps.3.page",
        {"teams__empty": {"name": "Empty", "members": []}, "escalation__in_turn__steps__3__page": ["empty"]},
    ),
    Case(
        "step-reaches-nobody-new",
        "escalation.in_turn.steps.2.page",
        {"escalation__in_turn__steps__2__page": ["first"]},
    ),
    Case(
        "rota-beside-role",
        "roles.lead.rotation",
        {"roles__lead__rotation": "first", "rotations__first__people": ["ida", "kim"]},
        {"roles__lead__rotation": "first"},
    ),
    Case("rotation-of-one", "rotations.second.people", {"rotations__second__people": ["jo", "jo"]}),
    Case(
        "role-without-rota",
        "roles.lead.eligible",
        {"roles__lead__eligible": ["board"]},
        {"roles__lead__eligible": ["everyone"]},
    ),
    Case("title-for-a-name", "people.kim.name", {"people__kim__name": "Director"}),
    Case(
        "unreachable",
        "people.ida",
        {},
        around=Around(reachable=frozenset({"jo", "kim"})),
    ),
    Case("unused", "teams.idle", {"teams__idle": {"name": "Idle", "members": ["ida"]}}),
    Case("unused", "templates.old", {"templates__old": "{message}"}),
    Case(
        "unused", "people.zoe", {"people__zoe": {"name": "Zoe"}, "escalation__in_turn__steps__3__page": ["engineers"]}
    ),
    Case(
        "schema-without-required",
        "services.kiln.probes.own.schema",
        {"services__kiln__probes__own": LOOSE},
        {"services__kiln__probes__own": LOOSE | {"expects": {"json": {"heat": "*"}}}},
    ),
    Case(
        "schema-without-required",
        "services.kiln.probes.own.schema",
        {"services__kiln__probes__own": LOOSE},
        {"services__kiln__probes__own": LOOSE | {"schema": {"required": ["heat"]}}},
    ),
    *(
        Case("expression-without-end", path, searches(path, "(a+)+"), searches(path, "a+"))
        for path in (
            "rules.3.when.kind",
            "services.kiln.probes.own.expects.says",
            "services.kiln.probes.own.expects.headers.server",
            "services.kiln.probes.own.expects.json.heat",
            "services.kiln.logs.own.patterns.a.match",
            "services.kiln.logs.own.patterns.a.until",
            "services.kiln.journeys.own.legs.1.says",
            "services.kiln.measures.own.number",
            "vendors.gas.probes.own.expects.says",
        )
    ),
    Case("rule-shadowed", "rules.3.when", {"rules__3__when": {"kind": "cool", "source": "alertmanager"}}),
    Case("rule-shadowed", "rules.3.when", {"rules__2__when": {"kind": "*"}, "rules__3__when": {"kind": "/cold/"}}),
    Case("severity-without-rule", "severities.mild", {"rules__3__severity": "bad"}),
    Case("type-without-rule", "types.theft", {"rules__1__type": "cold"}),
    Case("sender-misnamed", "rules.3.when.source", SENDER | asks(source="own"), SENDER | asks(source="json/own")),
    Case("sender-misnamed", "rules.3.when.source", SENDER | asks(source="json/o"), SENDER | asks(source="/json/")),
    Case("never-kept", "rules.3.when.api_token", asks(api_token="t1"), asks(api_token="*")),
    Case("never-kept", "rules.3.when.token", asks(token="/^t1/"), asks(token="/redacted/")),
    Case("never-kept", "rules.3.when.apikey", asks(apikey="7"), asks(token="7")),
    Case("never-kept", "rules.3.when.kind", asks(kind=["x", "AKIA" + "A1" * 8]), asks(kind=["x", "AKIA"])),
    Case("never-kept", "rules.3.when.title", asks(title="password=hunter2"), asks(title="password")),
    Case("never-kept", "rules.3.band_of", {"rules__3__band_of": "secret", "rules__3__severity": GONE, **MET}, MET),
    Case("never-kept", "senders.own.labels.secret", SENDER | {"senders__own__labels": {"secret": "{kind}"}}, SENDER),
    Case("keeps-a-secret", "senders.own.labels.kind", SENDER | {"senders__own__labels": {"kind": "{a.token}"}}, SENDER),
    Case("keeps-a-secret", "senders.own.title", SENDER | {"senders__own__title": "{auth.password}"}, SENDER),
    Case("never-kept", f"{PATTERN}.match", CAPTURES | {A_MATCH: "(?P<token>a)"}, CAPTURES),
    Case("never-kept", f"{PATTERN}.labels.cookie", CAPTURES | {A_LABELS: {"cookie": "a"}}, CAPTURES),
    Case("security-published", "types.theft", {"types__theft__private": False}),
    Case("read-by-nobody", "types.theft", {"types__theft__readers": GONE}),
    Case(
        "subscribers-of-nothing",
        "communication.subscribe_by",
        {"communication__subscribe_by": ["email"], "communication__audiences__public__public": False},
        {"communication__subscribe_by": ["email"]},
    ),
    Case("audience-without-cadence", "communication.audiences.board", {"communication__audiences__board__cadence": {}}),
    Case(
        "audience-of-nobody",
        "communication.audiences.board.to",
        {"teams__board__members": []},
    ),
    Case(
        "owner-not-needed",
        "communication.audiences.public.cadence.mild",
        {"severities__mild__roles_within": {}},
    ),
    Case(
        "not-required-here",
        "communication.audiences.public.cadence.mild",
        {"severities__bad__requires": ["A public post"], "severities__mild__requires": ["An answer"]},
        {"severities__bad__requires": ["A public post"], "severities__mild__requires": ["Public posts"]},
    ),
    Case(
        "last-resort-empty",
        "escalation.in_turn.steps.3.page",
        {
            "escalation__in_turn__steps": [
                {"page": ["kim"], "wait": "5 min"},
                {"page": ["first"], "wait": "5 min"},
                {"page": ["second"], "wait": "5 min"},
            ],
            "rotations__second__during": [{"begins": "09:00", "ends": "17:00"}],
        },
        {
            "escalation__in_turn__steps": [
                {"page": ["first"], "wait": "5 min"},
                {"page": ["second"], "wait": "5 min"},
                {"page": ["second", "everyone"], "wait": "5 min"},
            ],
            "rotations__second__during": [{"begins": "09:00", "ends": "17:00"}],
        },
    ),
    Case(
        "approver-not-needed",
        "communication.audiences.public.approved_by",
        {"communication__audiences__public__approved_by": "lead", "severities__mild__roles_within": {}},
        {"communication__audiences__public__approved_by": "lead"},
    ),
    Case(
        "jargon-in-template",
        "templates.note",
        {"communication__plain_words": {"breaker": "a pause"}, "templates__note": "Breakers are open. {message}"},
        {"communication__plain_words": {"breaker": "a pause"}, "templates__note": "Icebreaker. {message}"},
    ),
    Case(
        "late-owner",
        "communication.audiences.public.cadence.bad.first_within",
        {"communication__audiences__public__cadence__bad__first_within": "10 min"},
    ),
    Case(
        "public-of-nothing",
        "severities.mild.public_impact",
        {"severities__mild__public_impact": "minor", "communication__audiences__public__cadence__mild": GONE},
    ),
    Case(
        "guessable-call",
        "communication.channels.call.link",
        {"communication__channels": {"call": {"link": "https://meet.example.org/{number}"}}},
    ),
    Case(
        "resolves-unverified",
        "severities.mild.resolves_itself_after",
        {"resolution__verification": {"warm": "The kiln is warm"}, "severities__mild__resolves_itself_after": "10 min"},
        {"severities__mild__resolves_itself_after": "10 min"},
    ),
    Case("review-without-date", "severities.mild.post_mortem", {"severities__mild__post_mortem": "optional"}),
    Case(
        "document-without-date",
        "review.sections",
        {"severities__bad__post_mortem": "optional", "severities__mild__post_mortem": "none"},
    ),
    Case(
        "document-without-date",
        "review.sections.tasks",
        {"review__sections__tasks": {"title": "Action items", "facts": "action_items"}},
        {
            "review__sections__tasks": {"title": "Action items", "facts": "action_items"},
            "review__horizons": {"soon": {"name": "Soon", "within": "1 w"}},
        },
    ),
    Case(
        "document-without-date",
        "recovery.confirm",
        {"recovery__confirm": {"warm": "It is warm"}, "recovery__close_requires": ["recovered"]},
        {
            "recovery__confirm": {"warm": "It is warm"},
            "recovery__close_requires": ["recovered", "recovery_confirmed"],
        },
    ),
    Case(
        "document-without-date",
        "templates.incident_ticket",
        {"templates__incident_ticket": "{title}", "recovery__close_requires": ["recovered"]},
        {"templates__incident_ticket": "{title}", "recovery__close_requires": ["ticket_complete"]},
    ),
    Case(
        "document-without-date",
        "rotations.second.handed_over",
        {"rotations__second__people": ["jo"], "rotations__second__handed_over": ["The keys"]},
        {"rotations__second__handed_over": ["The keys"]},
    ),
    Case("close-demands-less", "recovery.close_requires.3", {"severities__mild__post_mortem": "none"}),
    Case("section-nobody-fills", "review.sections.cost", {"review__sections__cost": {"title": "Cost"}}),
    Case(
        "section-not-in-template",
        "review.sections.summary",
        {"templates__post_mortem": "# Review\n\n## Causes\n"},
        {"templates__post_mortem": "# Review\n\n## Summary\n"},
    ),
    Case(
        "attendee-of-nothing",
        "review.attendees.1",
        {"roles__writer": SECOND_ROLE, "review__attendees": ["writer"]},
    ),
    Case("history-out-of-order", "history.2.on", {"history__2__on": "2025-01-01"}),
    Case("history-out-of-order", "version", {"version": "1"}),
    Case("words-differ", "severities.bad.response", {"severities__bad__response": "Answer within 7 minutes"}),
    Case("words-differ", "phases.mend.actions.2", {"phases__mend__actions__2": "Watch for an hour and 90 seconds"}),
    Case("vague-time", "phases.answer.actions.1", {"phases__answer__actions__1": "Look as soon as possible"}),
    Case("unknown-team", "types.cold.actions.1", {"types__cold__actions__1": "Call the gas team"}),
    Case(
        "role-without-time",
        "phases.answer.actions.1",
        {"phases__answer__actions__1": "The leader joins", "severities__mild__roles_within": {}},
        {"phases__answer__actions__1": "At bad, the leader joins", "severities__mild__roles_within": {}},
    ),
    Case(
        "two-owners",
        "roles.writer.duties.1",
        {"roles__writer": SECOND_ROLE | {"duties": ["Choosing ways out of it"]}},
        {"roles__writer": SECOND_ROLE},
    ),
    Case("no-border", "severities.mild.examples.1", {"severities__mild__examples__1": "Some firings are slow"}),
    Case("bands-touch", "severities.mild.error_rate", bands("at_least: 5", "at_most: 5"), MET),
    Case("bands-overlap", "severities.mild.error_rate", bands("above: 5", "below: 7"), MET),
    Case("band-hole", "severities.mild.error_rate", bands("at_least: 7", "below: 5"), MET),
    Case("band-hole", "severities.mild.error_rate", bands("above: 5", "below: 5"), MET),
    Case("band-hole", "severities.mild.error_rate", bands("at_least: 5", "at_least: 2, below: 5"), MET),
    Case("band-hole", "severities.bad.error_rate", bands("at_least: 5, at_most: 90", "below: 5"), MET),
    Case("bands-out-of-order", "severities.bad.error_rate", bands("below: 5", "at_least: 5"), MET),
    Case(
        "rate-differs",
        "severities.mild.examples.1",
        MET | {"severities__mild__examples": ["Errors in 2 to 5 % of firings"]},
        MET | {"severities__mild__examples": ["Errors in 0 to 5 % of firings"]},
    ),
    Case(
        "rate-differs",
        "types.cold.symptoms",
        MET | {"types__cold__symptoms": "Error rate > 3 %"},
        MET | {"types__cold__symptoms": "Error rate > 0 %"},
    ),
    Case("metric-twice", "metrics.second.short", metrics(short="MTTX"), metrics(short="MTTY")),
    Case("metric-twice", "metrics.second.name", metrics(name="first"), metrics(short="MTTY")),
    Case("metrics-alike", "metrics.second", metrics(until="resolved"), metrics(short="MTTY")),
    Case(
        "metric-target-differs",
        "metrics.second.targets.bad",
        metrics(targets={"bad": "11 min", "mild": "20 min"}),
        metrics(targets={"bad": "10 min", "mild": "20 min"}),
    ),
    Case(
        "target-without-watch",
        "metrics.second.targets.bad",
        metrics(until="recovered", targets={"bad": "2 h", "mild": "3 h"}),
        metrics(until="recovered", targets={"bad": "150 min", "mild": "3 h"}),
    ),
    Case(
        "target-missing",
        "metrics.second.targets",
        metrics(targets={"bad": "10 min"}),
        metrics(targets={"bad": "10 min", "mild": "20 min"}),
    ),
    Case("rule-without-precedence", "rules.2", {"rules__1__precedence": 1, "rules__3__precedence": 3}),
    Case("dead-link", "links.Kilns", {"links__Kilns": "runboko.md"}, OTHER_LINK, HERE),
    Case("dead-anchor", "links.Kilns", {"links__Kilns": "runbook.md#colt"}, OTHER_LINK, HERE),
    Case("no-runbook", "types.cold", {"types__cold__runbook": GONE}),
]


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


@pytest.mark.parametrize("case", CASES, ids=lambda one: f"{one.code} {one.path}")
def test_a_plan_that_has_it_is_told_so_at_its_line(case: Case) -> None:
    report = examined(small(**case.broken), case.around)
    found = [one for one in report.findings if one.code == case.code]
    assert case.path in [one.path for one in found], report.findings
    lines = text_of(small(**case.broken)).splitlines()
    for one in found:
        assert one.reason and one.mend and one.level in Level
        *_, last = one.path.split(".")
        assert last.isdigit() or f"{last}:" in lines[one.line - 1].replace("'", "")


@pytest.mark.parametrize("case", CASES, ids=lambda one: f"{one.code} {one.path}")
def test_its_mended_twin_is_not(case: Case) -> None:
    around = Around(documents=case.around.documents)  # everybody can be reached, as far as anybody asked
    report = examined(small(**case.mended), around)
    assert case.code not in codes(report)
    assert report.plan is not None


def test_nothing_is_to_be_said_about_the_small_plan() -> None:
    report = examined(SMALL, Around(documents={}, reachable=frozenset(SMALL["people"])))
    assert report.findings == () and report.unchecked == ()


def test_every_kind_is_tried_here() -> None:
    tried = {case.code for case in CASES}
    assert tried == {one.kind.code for one in lint.CHECKS}


def test_every_check_is_asked_and_every_code_is_one_kind() -> None:
    modules = (times, figures, reach, secrets, bodies, expressions, signals, telling, afterwards, wording, links)
    written = [one for module in modules for one in vars(module).values() if isinstance(one, Check)]
    assert sorted(one.kind.code for one in written) == sorted(one.kind.code for one in lint.CHECKS)
    assert len({kind.code for kind in lint.KINDS}) == len(lint.KINDS)


def test_what_was_not_looked_at_is_said() -> None:
    report = examined(SMALL)
    assert len(report.unchecked) == 2
    assert "dead-link" not in codes(examined(small(links__Kilns="nowhere.md")))


# ---- Mistakes stand beside findings ----


def test_a_file_that_is_no_plan_has_mistakes_only() -> None:
    report = lint.examine("tocsin: 1\nnmae: x\n")
    assert report.plan is None and codes(report) == {"form"}
    assert codes(lint.examine("{")) == {"form"}


def test_a_plan_whose_names_lead_nowhere_is_examined_all_the_same() -> None:
    report = examined(small(roles__lead__eligible=["nobody"], types__theft__private=False))
    assert {"reference", "security-published"} <= codes(report)


MISTAKES = [
    ("reference", "recovery.owner", {"recovery__owner": "nobody"}),
    ("stage-without-words", "communication.stages", {"communication__stages__monitoring": GONE}),
    ("field-nothing-fills", "templates.note", {"templates__note": "{metrics_link}"}),
    ("ends-in-nobody", "teams.board.members", {"teams__board__members": []}),
    ("ends-in-nobody", "roles.lead.eligible", {"roles__lead__eligible": []}),
    ("ends-in-nobody", "escalation.in_turn.steps.3.page", {"escalation__in_turn__steps__3__page": []}),
    ("ends-in-nobody", "communication.audiences.board", {"communication__audiences__board__to": []}),
    ("rule-hidden", "rules.3.when", {"rules__3__when": {"kind": "theft", "source": "x"}}),
    ("same-precedence", "rules.2.precedence", {"rules__1__precedence": 1, "rules__2__precedence": 1}),
]


@pytest.mark.parametrize(("code", "path", "changes"), MISTAKES, ids=lambda one: str(one)[:40])
def test_what_keeps_a_plan_from_being_run_has_its_kind(code: str, path: str, changes: dict[str, object]) -> None:
    report = examined(small(**changes))
    assert (code, path) in [(one.code, one.path) for one in report.findings]
    assert not isinstance(check.load(text_of(small(**changes))), Plan)


def test_every_mistake_is_tried() -> None:
    assert {code for code, _, _ in MISTAKES} | {"form"} == {kind.code for kind in lint.MISTAKES}


# ---- Properties ----


WORDS = st.sampled_from(
    ["", "everyone", "ida", "lead", "nobody", "every 5 minutes", "99 weeks", "team", "(", "1 h", "bad", "*"]
)
VALUES = st.one_of(WORDS, st.integers(-3, 400), st.none(), st.lists(WORDS, max_size=2), st.just({}), st.booleans())
LEAVES = [
    [str(part) for part in path]
    for path in (
        ["teams", "board", "members"],
        ["roles", "lead", "eligible"],
        ["roles", "lead", "duties"],
        ["severities", "bad", "escalation"],
        ["severities", "bad", "roles_within"],
        ["severities", "bad", "response"],
        ["severities", "mild", "examples"],
        ["rotations", "first", "people"],
        ["escalation", "in_turn", "steps"],
        ["escalation", "in_turn", "rounds"],
        ["phases", "mend", "within"],
        ["phases", "mend", "actions"],
        ["rules", "3", "when"],
        ["rules", "3", "severity"],
        ["communication", "audiences", "board", "cadence"],
        ["communication", "audiences", "board", "to"],
        ["communication", "audiences", "board", "owner"],
        ["communication", "audiences", "public", "cadence"],
        ["communication", "stages"],
        ["templates"],
        ["review", "attendees"],
        ["review", "sections"],
        ["recovery", "close_requires"],
        ["links"],
        ["history"],
        ["severities"],
        ["types"],
        ["phases"],
        ["people"],
    )
]


@given(st.dictionaries(st.integers(0, len(LEAVES) - 1), VALUES, max_size=5))
def test_no_plan_makes_the_examination_fail_and_its_order_is_always_the_same(changes: dict[int, object]) -> None:
    plan = small()
    for place, value in sorted(changes.items()):
        try:
            put(plan, LEAVES[place], value)
        except (TypeError, KeyError, AttributeError, IndexError):
            continue  # an earlier change has taken the parent away
    around = Around(documents={"a.md": None}, reachable=frozenset())
    one, other = examined(plan, around), examined(plan, around)
    assert one == other
    assert list(one.findings) == sorted(one.findings)
    assert len({finding.fingerprint for finding in one.findings}) == len(one.findings)


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    lint.examine(text)
    list(prose.times(text))
    list(prose.rhythms(text))
    links.anchors(text)
    lint.examine(text_of(SMALL) + f"\n# tocsin: {text}")


def test_a_plan_that_can_be_run_is_the_one_that_is_examined() -> None:
    for file in plans.FILES:
        found = check.load(plans.text(file))
        assert isinstance(found, Plan)
        assert lint.examine(plans.text(file)).plan == found


@pytest.mark.parametrize("file", plans.FILES, ids=lambda one: one.name)
def test_the_plans_that_ship_have_nothing_open_but_notes(file: Path) -> None:
    report = lint.examine(plans.text(file), file.name, Around(documents={}))
    assert report.at_least(Level.WARNING) == ()
