"""The packaged plan of Rose says what the written plan says, figure by figure."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import resources
from itertools import pairwise

import pytest

from tests.support import records
from tocsin.comms import updates
from tocsin.kit.text import span
from tocsin.oncall.schedule import Rotas
from tocsin.plan import check
from tocsin.plan.measures import Count, Moment
from tocsin.plan.model import Condition, Milestone, Need, Plan, Stage
from tocsin.plan.procedure import Effect, TriggerSource
from tocsin.signals.model import Arrival, Trigger
from tocsin.signals.routing import Route, route

TEXT = resources.files("tocsin").joinpath("plans", "rose.yaml").read_text(encoding="utf-8")


def _loaded() -> Plan:
    found = check.load(TEXT, "rose.yaml")
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


ROSE = _loaded()


# --- Severities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "acknowledge", "resolve", "post_mortem", "impact", "policy"),
    [
        ("P0", "5 min", "1 h", Need.REQUIRED, "critical", "all_hands"),
        ("P1", "15 min", "4 h", Need.REQUIRED, "major", "engineering"),
        ("P2", "1 h", "1 d", Need.OPTIONAL, "minor", "on_call_engineer"),
        ("P3", "4 h", "1 w", Need.NONE, "none", None),
    ],
)
def test_SEV_02_SEV_03_SEV_07_each_severity_has_the_times_of_the_plan(  # noqa: N802 - named after its clauses
    severity: str, acknowledge: str, resolve: str, post_mortem: Need, impact: str, policy: str | None
) -> None:
    found = ROSE.severities[severity]
    assert (span(found.acknowledge_within), span(found.resolve_within)) == (acknowledge, resolve)
    assert (found.post_mortem, found.public_impact, found.escalation) == (post_mortem, impact, policy)


def test_SEV_01_four_severities_stand_worst_first_with_definition_and_examples() -> None:  # noqa: N802
    assert list(ROSE.severities) == ["P0", "P1", "P2", "P3"]
    assert [len(one.examples) for one in ROSE.severities.values()] == [4, 5, 5, 4]
    assert all(one.definition and one.response for one in ROSE.severities.values())


@pytest.mark.parametrize(
    ("policy", "steps"),
    [
        ("all_hands", [(("everyone",), 5)]),
        ("engineering", [(("on_call",), 5), (("commander", "ben"), 5), (("engineering",), 5)]),
        ("on_call_engineer", [(("on_call",), 30), (("commander",), 30)]),
    ],
)
def test_SEV_04_ONC_02_who_is_paged_and_who_next(policy: str, steps: list[tuple[tuple[str, ...], int]]) -> None:  # noqa: N802
    found = ROSE.escalation[policy]
    assert [(step.page, step.wait) for step in found.steps] == [(page, timedelta(minutes=n)) for page, n in steps]
    assert found.rounds is None


@pytest.mark.parametrize("severity", ["P0", "P1", "P2"])
def test_one_round_of_pages_takes_no_longer_than_the_time_to_acknowledge(severity: str) -> None:
    level = ROSE.severities[severity]
    steps = ROSE.escalation[level.escalation or ""].steps
    assert sum((step.wait for step in steps), timedelta()) <= level.acknowledge_within


# --- People and roles -------------------------------------------------------------------------------------------------


def test_ROL_01_four_roles_with_duties_and_who_may_hold_them() -> None:  # noqa: N802
    roles = {key: (len(role.duties), ROSE.members(role.eligible)) for key, role in ROSE.roles.items()}
    assert roles == {
        "incident_commander": (6, ("ben", "tomas")),
        "technical_lead": (5, ("ana", "ben", "tomas")),
        "communications_lead": (5, ("lucia", "ben")),
        "scribe": (5, ("ana", "ben", "lucia", "tomas", "erin")),
    }


def test_ROL_06_every_role_is_filled_while_the_response_phase_lasts() -> None:  # noqa: N802
    within = {key: dict(level.roles_within) for key, level in ROSE.severities.items()}
    assert within["P0"]["incident_commander"] == ROSE.phases["detection"].within
    for severity in ("P0", "P1"):
        assert set(within[severity]) == set(ROSE.roles)
        assert max(within[severity].values()) == ROSE.phases["response"].within
    assert within["P2"] == within["P3"] == {}


@pytest.mark.parametrize("rotation", ["on_call", "commander", "communications", "scribe_on_duty"])
def test_ONC_01_turns_change_weekly_on_monday_at_nine(rotation: str) -> None:  # noqa: N802
    found = ROSE.rotations[rotation]
    assert (found.days, found.starts_on.weekday(), f"{found.handoff:%H:%M}") == (7, 0, "09:00")


def test_nobody_has_two_turns_in_the_same_week() -> None:
    rotas = Rotas(ROSE.rotations)
    for week in range(52):
        held = rotas.at(datetime(2026, 1, 6, 12, tzinfo=UTC) + timedelta(weeks=week))
        assert len(held) == 4 and sorted(map(len, held.values())) == [1, 1, 1, 1]
        assert len({people[0] for people in held.values()}) == 4


def test_every_role_has_a_rota_of_people_who_may_hold_it() -> None:
    for role in ROSE.roles.values():
        assert role.rotation and set(ROSE.rotations[role.rotation].everyone) <= set(ROSE.members(role.eligible))


def test_ana_is_on_call_and_ben_commander_in_the_last_week_of_november_2026() -> None:
    day = datetime(2026, 11, 24, tzinfo=UTC).date()
    for key, person in (("on_call", "ana"), ("commander", "ben")):
        rotation = ROSE.rotations[key]
        turn = (day - rotation.starts_on).days // rotation.days
        assert rotation.people[turn % len(rotation.people)] == person


# --- The work ---------------------------------------------------------------------------------------------------------


def test_the_four_phases_begin_and_end_when_the_plan_says() -> None:
    found = [(key, phase.begins_when, phase.within and span(phase.within)) for key, phase in ROSE.phases.items()]
    assert found == [
        ("detection", Milestone.DECLARED, "5 min"),
        ("response", Milestone.ACKNOWLEDGED, "15 min"),
        ("resolution", Milestone.MITIGATED, "4 h"),
        ("recovery", Milestone.RESOLVED, None),
    ]
    assert [len(phase.lines) for phase in ROSE.phases.values()] == [8, 15, 14, 12]


RUNBOOKS = {
    "service_outage": "OPERATIONS_RUNBOOK.md#service-down---complete-outage",
    "performance_degradation": "OPERATIONS_RUNBOOK.md#slow-response-times",
    "high_error_rate": "OPERATIONS_RUNBOOK.md#high-error-rate",
    "data_loss": "ROLLBACK_PROCEDURES.md#data-restoration",
    "security": "OPERATIONS_RUNBOOK.md#security-incident",
    "external_api_failure": "OPERATIONS_RUNBOOK.md#external-api-failures",
}


def test_TYP_six_types_with_five_actions_and_a_runbook_each() -> None:  # noqa: N802
    assert {key: one.runbook for key, one in ROSE.types.items()} == RUNBOOKS
    assert all(len(one.actions) == 5 and one.symptoms for one in ROSE.types.values())


def test_TYP_05_only_a_security_incident_is_private() -> None:  # noqa: N802
    assert [key for key, one in ROSE.types.items() if one.private] == ["security"]


ORDER = [
    ("service_outage", ["Railway", "deployments", "health", "restart", "Roll back"]),
    ("performance_degradation", ["CPU", "metrics", "API", "capacity", "roll back"]),
    ("high_error_rate", ["logs", "errors", "outside service", "configuration", "Roll back"]),
    ("data_loss", ["Stop", "damaged", "backup", "Restore", "whole"]),
    ("security", ["Cut off", "credential", "logs", "exposed", "security team"]),
    ("external_api_failure", ["status page", "circuit breaker", "credentials", "connection", "recovered"]),
]


@pytest.mark.parametrize(("kind", "words"), ORDER)
def test_the_actions_of_a_type_stand_in_the_order_of_the_plan(kind: str, words: list[str]) -> None:
    for action, word in zip(ROSE.types[kind].actions, words, strict=True):
        assert word in action.do


def test_DET_05_the_probe_outwaits_a_slow_answer_and_damps_false_alarms() -> None:  # noqa: N802
    probe = ROSE.services["rose"].probes["health"]
    assert (probe.url, probe.paths) == ("http://127.0.0.1:8801", ("/api/health", "/api/v1/health"))
    assert (span(probe.every), probe.failures, probe.recoveries) == ("5 s", 3, 2)
    assert probe.slow_after == timedelta(seconds=10) < probe.timeout


# --- What signals mean ------------------------------------------------------------------------------------------------


def _routed(title: str = "x", severity: str | None = None, source: str = "alertmanager", **labels: str) -> Route:
    trigger = Trigger.HEALTH_CHECK if source == "probe" else Trigger.MONITORING_ALERT
    found = route(ROSE, Arrival(source=source, key="k", title=title, severity=severity, trigger=trigger, labels=labels))
    assert isinstance(found, Route), title
    return found


@pytest.mark.parametrize(
    ("labels", "severity", "kind"),
    [
        ({"outcome": "timeout"}, "P0", "service_outage"),
        ({"outcome": "refused"}, "P0", "service_outage"),
        ({"outcome": "http_error"}, "P0", "service_outage"),
        ({"outcome": "dns"}, "P0", "service_outage"),
        ({"outcome": "tls"}, "P0", "service_outage"),
        ({"outcome": "degraded", "components": "elevenlabs,groq,qdrant"}, "P0", "external_api_failure"),
        ({"outcome": "degraded", "components": "elevenlabs,groq,qdrant,sqlite"}, "P0", "external_api_failure"),
        ({"outcome": "degraded", "components": "sqlite", "component": "sqlite"}, "P1", "service_outage"),
        ({"outcome": "degraded", "components": "qdrant", "component": "qdrant"}, "P1", "external_api_failure"),
        ({"outcome": "degraded", "components": "groq", "component": "groq"}, "P1", "external_api_failure"),
        ({"outcome": "degraded", "components": "elevenlabs", "component": "elevenlabs"}, "P1", "external_api_failure"),
        ({"outcome": "degraded", "components": "groq,qdrant"}, "P1", "external_api_failure"),
        ({"outcome": "degraded", "components": "moon", "component": "moon"}, "P2", "external_api_failure"),
        ({"outcome": "degraded"}, "P2", "external_api_failure"),
        ({"outcome": "slow"}, "P2", "performance_degradation"),
        ({"outcome": "wrong_body"}, "P2", "service_outage"),
    ],
)
def test_SEV_09_what_the_probe_sees_chooses_the_level(labels: dict[str, str], severity: str, kind: str) -> None:  # noqa: N802
    found = _routed(source="probe", **labels)
    assert (found.severity, found.type, found.service) == (severity, kind, "rose")


@pytest.mark.parametrize(
    ("rate", "severity"),
    [
        ("2", "P3"), ("4.99", "P3"), ("4.9 %", "P3"),
        ("5", "P2"), ("5.0", "P2"), ("9.9%", "P2"), ("10", "P2"), ("10.00", "P2"),
        ("10.01", "P1"), ("10.1%", "P1"), ("11", "P1"), ("19.5", "P1"), ("20", "P1"), ("99.9", "P1"), ("100", "P1"),
    ],
)  # fmt: skip
def test_SEV_08_the_error_rate_chooses_the_level(rate: str, severity: str) -> None:  # noqa: N802
    found = _routed(severity="info", error_rate=rate)
    assert (found.severity, found.type) == (severity, "high_error_rate")


def test_an_error_rate_below_two_per_cent_is_no_high_error_rate() -> None:
    assert {_routed(severity="info", error_rate=rate).type for rate in ("0", "1.99", "0.5 %", "many")} == {
        "performance_degradation"
    }


@pytest.mark.parametrize(
    ("title", "sent", "alertname", "severity", "kind"),
    [
        ("no answer", "critical", "RoseDown", "P0", "service_outage"),
        ("Rose is completely down", "warning", None, "P0", "service_outage"),
        ("Database corruption found", None, None, "P0", "data_loss"),
        ("x", "warning", "DataLoss", "P0", "data_loss"),
        ("Customer data exposed", "info", None, "P0", "security"),
        ("x", "error", "AllExternalApisDown", "P0", "external_api_failure"),
        ("Unauthorized access to the admin page", "warning", None, "P1", "security"),
        ("Voice is down", "warning", None, "P1", "external_api_failure"),
        ("Memory system down", "warning", None, "P1", "external_api_failure"),
        ("x", "critical", "circuit_breaker_open", "P1", "external_api_failure"),
        ("Groq answers 429 now and then", "warning", None, "P2", "external_api_failure"),
        ("x", "critical", "high_error_rate", "P1", "high_error_rate"),
        ("x", "warning", "HighErrorRate", "P2", "high_error_rate"),
        ("x", "warning", "slow_response_time", "P2", "performance_degradation"),
        ("x", "critical", "high_memory_usage", "P1", "performance_degradation"),
        ("Audio playback fails", "error", None, "P2", "performance_degradation"),
        ("x", "critical", "DatasourceNoData", "P3", "performance_degradation"),
        ("SLO breach on a batch job", "warning", None, "P2", "performance_degradation"),
        ("something", "page", None, "P1", "service_outage"),
        ("something", "error", None, "P2", "performance_degradation"),
        ("something", "info", None, "P3", "performance_degradation"),
        ("checkout is down", "P0", None, "P0", "service_outage"),
    ],
)
def test_SEV_09_what_other_senders_say_chooses_the_level(  # noqa: N802
    title: str, sent: str | None, alertname: str | None, severity: str, kind: str
) -> None:
    found = _routed(title, sent, **({"alertname": alertname} if alertname else {}))
    assert (found.severity, found.type) == (severity, kind)


@pytest.mark.parametrize(
    ("kind", "critical", "lesser", "unsaid"),
    [
        ("service_outage", "P0", "P1", "P0"),
        ("data_loss", "P0", "P1", "P0"),
        ("security", "P0", "P1", "P1"),
        ("external_api_failure", "P1", "P3", "P2"),
        ("high_error_rate", "P1", "P3", "P2"),
        ("performance_degradation", "P1", "P3", "P2"),
    ],
)
def test_a_sender_may_name_the_type_itself(kind: str, critical: str, lesser: str, unsaid: str) -> None:
    found = [_routed("groq", sent, type=kind) for sent in ("critical", "info", None)]
    assert [one.severity for one in found] == [critical, lesser, unsaid]
    assert {one.type for one in found} == {kind}


# --- Who is told, and what comes after --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "owner", "clause", "cadence"),
    [
        ("internal", "incident_commander", "COM-02", {"P0": (15, 15), "P1": (30, 30), "P2": (120, 120)}),
        ("public", "communications_lead", "SEV-06", {"P0": (15, 15), "P1": (15, 30)}),
        ("executives", "incident_commander", "COM-07", {"P0": (15, 60), "P1": (15, 60)}),
        ("customer_success", "communications_lead", "COM-08", {"P0": (30, 60), "P1": (30, 120)}),
    ],
)
def test_COM_02_COM_07_SEV_06_each_audience_hears_as_often_as_the_plan_says(  # noqa: N802
    audience: str, owner: str, clause: str, cadence: dict[str, tuple[int, int]]
) -> None:
    found = ROSE.communication.audiences[audience]
    assert (found.owner, found.clause) == (owner, clause)
    assert {key: (one.first_within, one.every) for key, one in found.cadence.items()} == {
        key: (timedelta(minutes=first), timedelta(minutes=every)) for key, (first, every) in cadence.items()
    }


def test_only_the_public_reads_the_status_page() -> None:
    assert [key for key, one in ROSE.communication.audiences.items() if one.public] == ["public"]


def test_COM_04_every_stage_has_a_wording_with_the_time_in_utc() -> None:  # noqa: N802
    assert set(ROSE.communication.stages) == set(Stage)
    for template in ROSE.communication.stages.values():
        assert ROSE.templates[template].startswith("{time_utc}")


def test_COM_03_an_internal_update_holds_the_six_facts_of_the_plan() -> None:  # noqa: N802
    fields = updates.fields_of(ROSE.templates["internal_update"])
    assert {"time", "status", "impact", "actions", "next", "eta"} <= set(fields)


def test_every_template_can_be_filled_in() -> None:
    known = updates.facts(ROSE, records.incident(records.declared()), records.NIGHT, records.LINK)
    for template in ROSE.templates.values():
        assert "{" not in updates.render(template, {**dict.fromkeys(updates.TYPED, "said"), **known})


def test_every_field_that_the_check_allows_is_filled_in_by_someone() -> None:
    known = updates.facts(ROSE, records.incident(records.declared()), records.NIGHT, records.LINK)
    assert set(check.KNOWN_FIELDS) | set(ROSE.roles) == {*known, *updates.TYPED}


def test_FIX_04_REC_02_half_an_hour_of_watching_and_four_conditions_to_close() -> None:  # noqa: N802
    assert ROSE.recovery.watch_for == timedelta(minutes=30)
    assert set(ROSE.recovery.close_requires) == set(Condition)


def test_PMR_01_the_meeting() -> None:  # noqa: N802
    review = ROSE.review
    assert (review.meeting_within, review.minutes) == (timedelta(hours=48), 60)
    assert [topic.minutes for topic in review.agenda] == [10, 10, 15, 15, 10]
    assert review.attendees == ("incident_commander", "technical_lead", check.RESPONDERS, "leadership", "product")


def test_PMR_02_every_part_of_the_document_in_order() -> None:  # noqa: N802
    parts = dict.fromkeys(section.part or section.title for section in ROSE.review.sections.values())
    assert list(parts) == [
        "Executive summary",
        "Impact",
        "Timeline",
        "Root cause",
        "Detection",
        "Response",
        "Resolution",
        "Action items",
        "Lessons learned",
        "Related incidents",
        "Appendix",
    ]
    assert {section.facts for section in ROSE.review.sections.values()} - {None} == set(check.FACTS)


def test_PMR_04_the_sections_that_the_plan_requires() -> None:  # noqa: N802
    required = [key for key, section in ROSE.review.sections.items() if section.required]
    assert required == [
        "summary",
        "impact",
        "timeline",
        "technical_cause",
        "contributing_factors",
        "why_not_caught",
        "went_well",
        "could_improve",
        "response_times",
        "prevent",
    ]


def test_PMR_05_three_horizons_each_longer_than_the_one_before() -> None:  # noqa: N802
    within = [horizon.within.days for horizon in ROSE.review.horizons.values()]
    assert within == [7, 30, 90]
    assert all(one < other for one, other in pairwise(within))
    assert all(len(horizon.examples) == 4 for horizon in ROSE.review.horizons.values())


def test_the_obligations_carry_their_clauses() -> None:
    assert dict(ROSE.clauses) == {
        "acknowledge": "SEV-02",
        "role": "ROL-06",
        "resolve": "SEV-03",
        "watch": "FIX-04",
        "review": "PMR-01",
        "handoff": "ONC-04",
    }


def test_GEN_01_GEN_02_GEN_03_scope_history_and_links() -> None:  # noqa: N802
    assert (len(ROSE.scope), len(ROSE.declare_when)) == (5, 4)
    assert all(question.endswith("?") for question in ROSE.declare_when)
    assert [(f"{one.on}", one.version) for one in ROSE.history] == [("2024-01-15", "1.0"), ("2026-11-23", "1.1")]
    assert ROSE.version == ROSE.history[-1].version
    assert list(ROSE.links.values()) == [
        "OPERATIONS_RUNBOOK.md",
        "ROLLBACK_PROCEDURES.md",
        "DEPLOYMENT.md",
        "MONITORING_AND_OBSERVABILITY.md",
    ]


def test_where_the_plan_contradicts_itself_the_reason_for_the_reading_stands_beside_it() -> None:
    for figure in (
        "acknowledge_within: 15 min",
        "timeout: 12 s",
        "P2: { first_within: 2 h",
        "P1: { first_within: 15 min, every: 30",
    ):
        before = TEXT[: TEXT.index(figure)].splitlines()[-6:]
        assert any(re.search(r"# why: ", line) for line in before), figure


# --- What people do, choose, check and measure ------------------------------------------------------------------------


def test_SEV_08_the_bands_meet_without_a_hole_and_without_sharing_a_rate() -> None:  # noqa: N802
    bands = {key: str(one.error_rate) for key, one in ROSE.severities.items() if one.error_rate}
    assert bands == {"P1": "above 10 %", "P2": "from 5 % to 10 %", "P3": "from 2 % to below 5 %"}
    assert [ROSE.banded(Decimal(rate)) for rate in ("1.99", "2", "5", "10", "10.01")] == [None, "P3", "P2", "P2", "P1"]


def test_every_rule_has_a_precedence_of_its_own_in_the_order_of_the_file() -> None:
    ranks = [rule.precedence for rule in ROSE.rules]
    assert None not in ranks and ranks == sorted(set(ranks), key=ranks.index)
    assert ROSE.ranked_rules() == ROSE.rules


def test_DET_01_detection_begins_by_every_source_of_the_plan() -> None:  # noqa: N802
    assert set(ROSE.phases["detection"].triggers) == set(TriggerSource)


def test_every_phase_is_over_by_something_on_the_record() -> None:
    assert all(phase.ends_when for phase in ROSE.phases.values())
    assert [len(phase.actions) for phase in ROSE.phases.values()] == [3, 4, 4, 3]
    assert [len(phase.tells) for phase in ROSE.phases.values()] == [0, 2, 2, 1]


def test_RSP_02_COM_01_where_people_talk() -> None:  # noqa: N802
    found = ROSE.communication.channels
    assert found.chat and found.chat.name == "incident-{date}-{slug}" and not found.chat.severities
    assert found.call and found.call.severities == ("P0", "P1")


def test_FIX_02_FIX_03_REC_01_what_is_chosen_checked_and_confirmed() -> None:  # noqa: N802
    assert list(ROSE.resolution.strategies) == ["rollback", "configuration_change", "code_fix", "external_recovery"]
    assert list(ROSE.resolution.verification) == ["smoke_tests", "error_rate", "key_metrics", "user_reports"]
    assert list(ROSE.recovery.confirm) == ["metrics", "lingering", "user_reports", "external_services"]


def test_TYP_07_every_action_that_changes_something_says_so() -> None:  # noqa: N802
    changing = {key: sum(one.effect is Effect.CHANGES for one in kind.actions) for key, kind in ROSE.types.items()}
    assert changing == {
        "service_outage": 2,
        "performance_degradation": 2,
        "high_error_rate": 1,
        "data_loss": 2,
        "security": 2,
        "external_api_failure": 0,
    }


def test_MET_01_MET_02_MET_03_the_figures_and_their_targets() -> None:  # noqa: N802
    spans = [(one.short, one.since, one.until) for one in ROSE.metrics.values() if one.since]
    assert spans == [
        ("MTTD", Moment.STARTED, Moment.DETECTED),
        ("MTTA", Moment.DETECTED, Moment.ACKNOWLEDGED),
        ("MTTR", Moment.DETECTED, Moment.RESOLVED),
        ("MTTRec", Moment.DETECTED, Moment.RECOVERED),
    ]
    assert [one.count_by for one in ROSE.metrics.values() if one.count_by] == list(Count)
    targets = ROSE.metrics["time_to_resolve"].targets
    assert targets == {key: one.resolve_within for key, one in ROSE.severities.items()}


def test_TYP_06_what_fails_with_which_vendor() -> None:  # noqa: N802
    parts = {key: one.depends_on for key, one in ROSE.services["rose"].components.items()}
    assert parts == {"voice": ("groq", "elevenlabs"), "memory": ("qdrant",), "audio": ("elevenlabs",), "web_app": ()}
