"""Writing to an audience: templates, what the record fills in, and what is refused."""

from dataclasses import replace
from datetime import timedelta, timezone
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import LINK, NIGHT, PLAN, declared, incident, later, public, timeline, with_templates
from tocsin.comms.templates import NoSuchTemplate, blank, known, ticket
from tocsin.comms.templates import render as filled
from tocsin.comms.updates import (
    ROLES,
    TYPED,
    BadTemplate,
    NoSuchAudience,
    Unwritten,
    compose,
    facts,
    fields_needed,
    fields_of,
    lasting,
    render,
)
from tocsin.incidents.confidential import NotForThisAudience
from tocsin.incidents.model import Acknowledged, Reopened, Resolved, RoleAssigned, Updated
from tocsin.kit.errors import Invalid, Refused
from tocsin.plan.check import KNOWN_FIELDS, load
from tocsin.plan.model import Plan, Stage

WRITTEN = {"impact": "No memory", "actions": "Looked", "next": "Wait", "eta": "04:10 UTC"}

# ---- Templates ----


def test_a_template_is_filled_in() -> None:
    assert render("[{time}] {title}: {title}", {"time": "03:00", "title": "Down"}) == "[03:00] Down: Down"


def test_doubled_braces_are_braces() -> None:
    assert render("{{title}} {{{title}}} }}{{", {"title": "Down"}) == "{title} {Down} }{"


@given(st.text())
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert render("<{title}>", {"title": value, "secret": "x"}) == f"<{value}>"


@given(st.text())
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


def test_an_unknown_field_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(BadTemplate, match=r"\{titel\}.*did you mean \{title\}\?") as refused:
        render("{titel}", {"title": "Down", "time": "03:00"})
    assert refused.value.field == "titel"


@pytest.mark.parametrize(
    "template",
    ["{title.upper}", "{title[0]}", "{title!r}", "{title:>10}", "{}", "{0}", "{ title }", "{__class__}", "{Title}"],
)
def test_nothing_cleverer_than_a_name_is_a_field(template: str) -> None:
    with pytest.raises(BadTemplate, match="is not a field"):
        render(template, {"title": "Down", "Title": "Down", "": "", "0": ""})


@pytest.mark.parametrize("template", ["{title", "title}", "{{title}", "{a{title}"])
def test_a_lone_brace_is_refused(template: str) -> None:
    with pytest.raises(BadTemplate, match="stands alone"):
        render(template, {"title": "Down"})


def test_the_fields_of_a_template_are_listed_once_in_order() -> None:
    assert fields_of("{b} {a} {{c}} {b}") == ["b", "a"]


# ---- What the record knows ----


def test_facts_say_who_when_and_how_long() -> None:
    one = incident(
        declared(), Acknowledged(at=later(2), by="ana"), RoleAssigned(at=later(3), by="ben", role="tech", person="ana")
    )
    known = facts(PLAN, one, later(54.8), LINK)
    expected = {
        "title": "Memory system down",
        "severity": "P1",
        "severity_name": "High",
        "type": "External API failure",
        "status": "Investigating",
        "stage": "not yet",
        "time": "03:34",
        "time_utc": "03:34 UTC",
        "incident_id": "inc_NIGHT",
        "number": "12",
        "incident_commander": "nobody yet",
        "tech": "Ana Okafor",
        "commander": "nobody yet",
        "technical_lead": "Ana Okafor",
        "communications_lead": "nobody yet",
        "scribe": "nobody yet",
        "started": "2026-11-24 02:38 UTC",
        "detected": "2026-11-24 02:39 UTC",
        "acknowledged": "2026-11-24 02:41 UTC",
        "resolved": "not yet",
        "recovered": "not yet",
        "duration": "56 min",
        "time_to_detect": "1 min",
        "time_to_respond": "2 min",
        "time_to_resolve": "not yet",
        "total_duration": "56 min so far",
        "user_impact_duration": "56 min so far",
        "link": LINK,
        "service": "Rose",
        "components": "Memory",
        "milestones": "- 02:39 Incident detected\n- 02:39 Declared by Tocsin\n- 02:41 Acknowledged by Ana Okafor",
        "links": "- Dashboard: https://dash.example.org/rose_main",
        **dict.fromkeys(("users", "functions", "revenue", "reputation"), "not known yet"),
        "strategy": "not yet",
        "next_update": "when there is more to say",
    }
    assert known == expected


def test_what_happened_so_far_says_that_it_was_back() -> None:
    fixed, back = (
        Resolved(at=later(10), by="ana", how="Replica"),
        Reopened(at=later(30), by="tocsin", because="It fails"),
    )
    one = incident(declared(), Acknowledged(at=later(2), by="ana"), fixed, back)
    assert facts(PLAN, one, later(31), LINK)["milestones"].splitlines()[-1] == "- 03:09 It was back"


def test_times_are_utc_wherever_the_clock_stands() -> None:
    tokyo = later(0).astimezone(timezone(timedelta(hours=9)))
    assert facts(PLAN, incident(), tokyo, LINK)["time_utc"] == "02:39 UTC"


def test_the_duration_stops_at_the_resolution() -> None:
    one = incident(declared(started_at=NIGHT), Resolved(at=later(94.5), by="ana", how="Replica"))
    known = facts(PLAN, one, later(600), LINK)
    assert (known["duration"], known["resolved"]) == ("1 h 34 min", "2026-11-24 04:14 UTC")


def test_an_incident_without_a_service_says_so() -> None:
    known = facts(PLAN, incident(declared(service=None, components=())), NIGHT, LINK)
    assert (known["service"], known["components"]) == ("not known yet", "not known yet")


@pytest.mark.parametrize(
    ("length", "said"),
    [(timedelta(seconds=59), "59 s"), (timedelta(seconds=119), "1 min"), (-timedelta(seconds=5), "0 s")],
)
def test_lasting(length: timedelta, said: str) -> None:
    assert lasting(length) == said


# ---- Composing ----


def test_an_internal_update_is_filled_from_the_record_and_the_person() -> None:
    composed = compose(PLAN, incident(), "internal", WRITTEN, None, later(20), LINK)
    assert composed.text == (
        "[02:59] Status update\n- Current status: Investigating\n- Impact: No memory\n- Actions taken: Looked\n"
        "- Next steps: Wait\n- ETA: 04:10 UTC"
    )
    assert composed.stage is None
    assert composed.fields == WRITTEN


def test_an_eta_may_stay_open() -> None:
    composed = compose(PLAN, incident(), "internal", {**WRITTEN, "eta": " "}, None, later(20), LINK)
    assert composed.text.endswith("ETA: not known yet")
    assert "eta" not in composed.fields


def test_every_empty_field_is_named() -> None:
    with pytest.raises(Unwritten, match="fill in actions and next") as refused:
        compose(PLAN, incident(), "internal", {"impact": "None", "actions": "  "}, None, later(20), LINK)
    assert refused.value.field == "actions"


def test_a_field_that_no_update_has_is_refused() -> None:
    with pytest.raises(Invalid, match="no field 'title'") as refused:
        compose(PLAN, incident(), "internal", {**WRITTEN, "title": "Mine"}, None, later(20), LINK)
    assert refused.value.field == "title"


def test_a_public_update_uses_the_wording_of_its_stage() -> None:
    typed = {"issue": "lost memory", "impact": "nothing is remembered"}
    composed = compose(PLAN, incident(), "public", typed, Stage.INVESTIGATING, later(10), LINK)
    assert composed.text == (
        "[02:49 UTC] Investigating\nWe look into reports of lost memory. Users may notice nothing is remembered."
    )
    assert composed.stage is Stage.INVESTIGATING


def test_the_stage_in_the_text_is_the_one_being_posted() -> None:
    plan = with_templates(PLAN, resolved="Now {stage}.")
    one = incident(declared(), public(Stage.INVESTIGATING, "We look.", 5))
    own = {"message": "Sleep well."}
    assert compose(plan, one, "public", own, Stage.RESOLVED, later(10), LINK).text == "Now Resolved.\n\nSleep well."


def test_a_public_update_needs_a_stage() -> None:
    with pytest.raises(Invalid, match="investigating, identified or resolved") as refused:
        compose(PLAN, incident(), "public", WRITTEN, None, later(10), LINK)
    assert refused.value.field == "stage"


def test_a_stage_without_wording_is_refused() -> None:
    with pytest.raises(Invalid, match="no wording for the stage monitoring"):
        compose(PLAN, incident(), "public", WRITTEN, Stage.MONITORING, later(10), LINK)


def test_only_a_public_update_has_a_stage() -> None:
    with pytest.raises(Invalid, match="Incident channel is not public"):
        compose(PLAN, incident(), "internal", WRITTEN, Stage.IDENTIFIED, later(10), LINK)


def test_a_private_incident_is_never_told_in_public() -> None:
    secret = incident(declared(type="breach"))
    with pytest.raises(NotForThisAudience, match="Status page") as refused:
        compose(PLAN, secret, "public", {"issue": "x", "impact": "y"}, Stage.INVESTIGATING, later(10), LINK)
    assert isinstance(refused.value, Refused)
    with pytest.raises(NotForThisAudience, match="Incident channel"):
        compose(PLAN, secret, "internal", WRITTEN, None, later(10), LINK)


def test_an_audience_without_a_template_is_written_to_freely() -> None:
    composed = compose(PLAN, incident(), "customer_success", {"message": "Say it is safe."}, None, later(10), LINK)
    assert composed.text == "Say it is safe."
    with pytest.raises(Unwritten, match="fill in message"):
        compose(PLAN, incident(), "customer_success", {}, None, later(10), LINK)


def test_an_unknown_audience_is_named() -> None:
    with pytest.raises(NoSuchAudience, match=r"'press'.*internal, public and customer_success"):
        compose(PLAN, incident(), "press", WRITTEN, None, later(10), LINK)


def test_a_template_that_is_not_there_is_named() -> None:
    plan = replace(PLAN, templates={})
    with pytest.raises(BadTemplate, match="'internal'"):
        compose(plan, incident(), "internal", WRITTEN, None, later(10), LINK)


def test_the_form_asks_for_what_the_template_uses() -> None:
    assert fields_needed(PLAN, "internal", None) == ["impact", "actions", "next", "eta"]
    assert fields_needed(PLAN, "public", Stage.IDENTIFIED) == ["cause", "eta"]
    assert fields_needed(PLAN, "public", Stage.RESOLVED) == ["message"]
    assert fields_needed(PLAN, "customer_success", None) == ["message"]


def test_a_wording_that_asks_for_nothing_is_not_posted_unread() -> None:
    one = incident(declared(), public(Stage.INVESTIGATING, "We look.", 5))
    with pytest.raises(Unwritten, match="message"):
        compose(PLAN, one, "public", {}, Stage.RESOLVED, later(10), LINK)


@pytest.mark.parametrize("left", ["{impact}", "[Impact]", "<what users notice>", "...", "…", "TBD", "todo", "???"])
def test_what_a_form_says_is_no_update(left: str) -> None:
    with pytest.raises(Unwritten, match="impact"):
        compose(PLAN, incident(), "internal", {**WRITTEN, "impact": left}, None, later(10), LINK)


# ---- The ticket ----


def test_the_ticket_renders_at_any_moment() -> None:
    assert ticket(PLAN, incident(), later(20), LINK) == (
        "# Memory system down\nP1 · Investigating · nobody yet\n"
        "Started 2026-11-24 02:38 UTC, resolved not yet, 21 min\n"
        f"Impact: {blank('impact')}\nCause: {blank('cause')}\n"
        f"- 02:39 Incident detected\n- 02:39 Declared by Tocsin\n{LINK}"
    )


def test_a_plan_without_a_ticket_has_none() -> None:
    assert ticket(replace(PLAN, templates={}), incident(), later(20), LINK) == ""


def test_the_ticket_knows_the_impact_that_was_declared() -> None:
    assert "Impact: About 300 people" in ticket(PLAN, incident(declared(impact="About 300 people")), later(1), LINK)


def test_the_ticket_says_what_was_last_written() -> None:
    told = Updated(at=later(9), by="ben", audience="internal", text="…", fields={"impact": "Nobody recalls", "eta": ""})
    found = Updated(at=later(20), by="ben", audience="public", text="…", fields={"cause": "A disk", "odd": "x"})
    entries = (declared(impact="A few"), told, found, Resolved(at=later(30), by="ana", how="New replica"))
    plan = with_templates(PLAN, incident_ticket="{impact} / {cause} / {actions} / {eta}")
    written = ticket(plan, incident(*entries), later(31), LINK, timeline(*entries))
    assert written == "Nobody recalls / A disk / New replica / [to be written: when it should be over]"


# ---- Every template ----


def test_a_blank_can_be_posted_in_no_update() -> None:
    for field in TYPED:
        with pytest.raises(Unwritten, match="impact"):
            compose(PLAN, incident(), "internal", {**WRITTEN, "impact": blank(field)}, None, later(10), LINK)


def test_what_only_people_can_say_of_the_impact_is_a_blank_as_well() -> None:
    plan = with_templates(PLAN, incident_ticket="{users}, {functions}, {severity}")
    found = filled(plan, incident(), "incident_ticket", later(1), LINK)
    assert found.blanks == ("users", "functions")
    assert found.text == f"{blank('users')}, {blank('functions')}, P1"


def test_each_template_says_what_it_is_for_and_what_a_person_writes() -> None:
    plan = with_templates(PLAN, odd="{title}")
    found = {one.name: one for one in known(plan)}
    assert list(found) == [*plan.templates, "post_mortem"]
    assert found["odd"].purpose == "Nothing in the plan uses it"
    assert found["internal"].asks == ("impact", "actions", "next", "eta")
    assert found["incident_ticket"].purpose == "Incident ticket"


def test_a_template_that_the_plan_does_not_have_is_named_with_those_it_has() -> None:
    with pytest.raises(NoSuchTemplate, match=r"'tickets'; it has .*incident_ticket"):
        filled(PLAN, incident(), "tickets", later(1), LINK)


# ---- The notice of how it ended ----

ENDED = {"explanation": "A disk was full.", "prevention": "An alert tells us before it is."}


def with_notice() -> Plan:
    plan = with_templates(PLAN, notice="Sorry for {duration}. {explanation} {prevention}")
    return replace(plan, recovery=replace(plan.recovery, notice="notice"))


def test_users_are_told_how_it_ended_once_it_has() -> None:
    resolved = Resolved(at=later(30), by="ana", how="New replica")
    composed = compose(
        with_notice(), incident(declared(), resolved), "public", ENDED, None, later(40), LINK, notice=True
    )
    assert composed.text == "Sorry for 31 min. A disk was full. An alert tells us before it is."
    assert (composed.stage, composed.notice) == (Stage.RESOLVED, True)


def test_nobody_is_told_how_it_ended_before_it_has() -> None:
    with pytest.raises(Refused, match="can't be told how it ended"):
        compose(with_notice(), incident(), "public", ENDED, None, later(40), LINK, notice=True)


@pytest.mark.parametrize("field", ["explanation", "prevention"])
def test_a_notice_explains_and_says_what_prevents_it(field: str) -> None:
    one = incident(declared(), Resolved(at=later(30), by="ana", how="New replica"))
    with pytest.raises(Unwritten, match=field):
        compose(with_notice(), one, "public", {**ENDED, field: " "}, None, later(40), LINK, notice=True)


def test_a_notice_is_for_the_public_at_its_last_stage_and_in_the_words_of_the_plan() -> None:
    one = incident(declared(), Resolved(at=later(30), by="ana", how="New replica"))
    for audience, stage, plan in (
        ("internal", None, with_notice()),
        ("public", Stage.IDENTIFIED, with_notice()),
        ("public", None, PLAN),
    ):
        with pytest.raises(Invalid):
            compose(plan, one, audience, ENDED, stage, later(40), LINK, notice=True)


# ---- The plan that Tocsin ships with ----


def shipped() -> Plan:
    plan = load((files("tocsin") / "plans" / "rose.yaml").read_text())
    assert isinstance(plan, Plan)
    return plan


def test_the_check_of_a_plan_and_the_record_know_the_same_fields() -> None:
    assert set(KNOWN_FIELDS) == {*facts(PLAN, incident(), NIGHT, LINK), *TYPED} - {*PLAN.roles} | {*ROLES}


@pytest.mark.parametrize("audience", ["internal", "executives", "customer_success"])
def test_the_shipped_plan_can_write_to_everyone(audience: str) -> None:
    plan = shipped()
    typed = {field: f"the {field}" for field in fields_needed(plan, audience, None)}
    written = compose(plan, incident(), audience, typed, None, later(10), LINK).text
    assert typed
    assert all(text in written for text in typed.values())


@pytest.mark.parametrize("stage", list(Stage))
def test_the_shipped_plan_has_words_for_every_stage(stage: Stage) -> None:
    plan = shipped()
    one = incident(declared(type=next(key for key, kind in plan.types.items() if not kind.private)))
    typed = {field: f"the {field}" for field in fields_needed(plan, "public", stage)}
    assert compose(plan, one, "public", typed, stage, later(10), LINK).text.startswith("02:49 UTC")


def test_the_ticket_of_the_shipped_plan_fills_in() -> None:
    assert ticket(shipped(), incident(), later(10), LINK).startswith("# Incident 12: Memory system down")
