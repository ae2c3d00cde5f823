"""What the newer parts of a plan do is told as people will see it: rates, precedence, turns, steps, checks, figures."""

import pytest

from tests.core.test_plan_diff import ROSE, changed, told
from tocsin.plan.consequences import Weight
from tocsin.plan.diff import diff

NEWER: tuple[tuple[tuple[tuple[str, str], ...], str, str, bool], ...] = (
    (
        (("error_rate: { above: 10 }", "error_rate: { above: 6 }"), ("at_most: 10 }", "at_most: 6 }")),
        "severities.P1.error_rate.above",
        "An incident with 8 % of errors becomes P1 instead of P2.",
        False,
    ),
    (
        (("error_rate: { above: 10 }", "error_rate: { above: 20 }"),),
        "severities.P1.error_rate.above",
        "An incident with 15 % of errors is P1 no longer, and of no severity by its rate.",
        True,
    ),
    (
        (("error_rate: { at_least: 5, at_most: 10 }", "error_rate: { at_least: 5, at_most: 12 }"),),
        "severities.P2.error_rate.at_most",
        "The error rates of P2 are from 5 % to 12 % now; no rate changes its severity.",
        False,
    ),
    (
        (("    precedence: 100\n", "    precedence: 85\n"),),
        "rules.rose is slow.precedence",
        "Where both fit, the rule “rose is slow” now decides before “rose is degraded”.",
        False,
    ),
    (
        (("reports: { form: true, enough: 3, within: 10 min }\n", ""),),
        "reports",
        "What users say does not work is looked at one by one; nothing counts it, and there is no form for it.",
        False,
    ),
    (
        (("flapping: { changes: 4, within: 30 min, calm_for: 15 min }\n", ""),),
        "flapping",
        "A signal that changes to and fro again and again is taken at its word each time: it may page each time.",
        False,
    ),
    (
        (("calm_for: 15 min", "calm_for: 1 h"),),
        "flapping.calm_for",
        "A signal that flapped is calm when it has not changed for 1 h instead of 15 min.",
        False,
    ),
    (
        (("reports: { form: true, enough: 3, within: 10 min }", "reports: { form: true, enough: 5, within: 10 min }"),),
        "reports.enough",
        "Reports of 5 people are many, instead of 3: rules may declare for them.",
        False,
    ),
    (
        (("depends_on: [railway]", "depends_on: [railway, groq]"),),
        "services.rose.depends_on",
        "Without what Rose does not work: now “groq” too.",
        False,
    ),
    (
        (("    rotation: commander\n", ""),),
        "roles.incident_commander.rotation",
        "Nobody takes the role of incident commander by turn any more; whoever was on call in commander did.",
        True,
    ),
    (
        (("    fallback: [engineering]\n", "    fallback: [engineering, lucia]\n"),),
        "roles.incident_commander.fallback",
        "Who is asked to be incident commander when nobody who may be it can be reached: now lucia too.",
        False,
    ),
    (
        (
            (
                "{ do: Apply a quick fix if there is one, effect: changes }",
                "{ do: Apply a quick fix if there is one, effect: reads }",
            ),
        ),
        "phases.response.actions.Take the edge off.items.Apply a quick fix if there is one.effect",
        "In the phase Response “Apply a quick fix if there is one” only looks, and may be run at once from now on.",
        True,
    ),
    (
        (("ends_when: [acknowledged, declared, impact_estimated]", "ends_when: [acknowledged, declared]"),),
        "phases.detection.ends_when",
        "What the record must show before the phase Detection is over: no longer impact_estimated.",
        True,
    ),
    (
        (
            (
                "what: The first word on the status page, severities: [P0, P1]",
                "what: The first word on the status page, severities: [P0]",
            ),
        ),
        "phases.response.tells.2.severities",
        "While the phase Response lasts, Public is told at P0, not P0 and P1.",
        False,
    ),
    (
        (("    user_reports: Users who reported it no longer see it\n", ""),),
        "resolution.verification.user_reports",
        "Resolving no longer asks for the check: “Users who reported it no longer see it”.",
        True,
    ),
    (
        (("    smoke_tests: The smoke", "    backups: The backups are fresh\n    smoke_tests: The smoke"),),
        "resolution.verification.backups",
        "From now on resolving asks for one more check: “The backups are fresh”.",
        False,
    ),
    (
        (("    rollback: { name: Rollback,", "    restart: { name: Restart }\n    rollback: { name: Rollback,"),),
        "resolution.strategies.restart",
        "Whoever ends the trouble can choose restart as a way out.",
        False,
    ),
    (
        (("targets: { P0: 1 h,", "targets: { P0: 2 h,"),),
        "metrics.time_to_resolve.targets.P0",
        "The target of Mean time to resolve at P0 moves from 1 h to 2 h (1 h later).",
        True,
    ),
    (
        (("      severities: [P0, P1]\n    # The status page", "      severities: [P0]\n    # The status page"),),
        "communication.channels.call.severities",
        "Incidents have a call at P0, not P0 and P1.",
        False,
    ),
    (
        (("      confidential: true\n", ""),),
        "communication.audiences.internal.confidential",
        "Internal hears nothing of confidential incidents from now on.",
        True,
    ),
    (
        (("customer success, members", "customer success, leads: [erin], members"),),
        "teams.product.leads",
        "Who leads the team product and arranges its rotas: now Erin Sato too.",
        False,
    ),
    (
        (("    depends_on: [railway]\n", "    depends_on: [railway]\n    readers: [product]\n"),),
        "services.rose.readers",
        "Confidential incidents of the service rose are also read by: now product too.",
        False,
    ),
    (
        (("    readers: [security]\n", "    readers: [security, erin]\n"),),
        "types.security.readers",
        "Confidential incidents of the type security are also read by: now erin too.",
        False,
    ),
)


@pytest.mark.parametrize(("pairs", "path", "sentence", "is_large"), NEWER, ids=[f"{one[1]} {one[3]}" for one in NEWER])
def test_the_consequence_is_what_people_will_see(
    pairs: tuple[tuple[str, str], ...], path: str, sentence: str, is_large: bool
) -> None:
    found = told(ROSE, changed(*pairs))[path]
    assert (found.sentence, found.weight is Weight.LARGE) == (sentence, is_large)


def test_a_role_that_nobody_took_is_taken_by_turn() -> None:
    without_it = changed(("    rotation: commander\n", ""))
    (one,) = diff(without_it, ROSE)
    assert one.sentence == "Whoever is on call in commander takes the role of incident commander instead of nobody."


def test_of_two_long_texts_the_words_in_which_they_differ_are_quoted() -> None:
    (one,) = diff(ROSE, changed(("or data that matters to everyone is lost", "or data that matters to many is lost")))
    assert (
        one.sentence
        == "Whoever chooses a severity reads of P0: “… to many is lost”, instead of “… to everyone is lost”."
    )
