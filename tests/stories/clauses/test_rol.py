"""Roles: what each asks for, who holds it when, and what the record keeps of its work."""

import json
from datetime import timedelta

import pytest

from tests.support.console import Console
from tests.support.ending import mend, see_all_pass
from tests.support.keeping import due_in, fell_due, kept
from tests.support.world import ROSE, World
from tocsin.delivery.channel import Dead
from tocsin.incidents import sentences, working
from tocsin.incidents import store as incidents
from tocsin.incidents.model import RoleAssigned
from tocsin.incidents.work import SupportContacted
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy

ROLES = ("incident_commander", "technical_lead", "communications_lead", "scribe")
WORDS = {"impact": "Nobody is answered", "actions": "Looking", "next": "Restart", "eta": "", "message": "We know"}


def panel(html: str, heading: str) -> str:
    """The part of a page below this heading."""
    return html.split(f'id="{heading}"')[1].split("</section>")[0]


def test_rol_01_the_room_shows_each_role_with_its_duties_and_who_may_hold_it(console: Console) -> None:
    incident = console.world.declare()
    roles = panel(console.room(incident).html, "roles")
    for name, duty in (
        ("Incident commander", "Decide on rollback and on escalation"),
        ("Technical lead", "Find the root cause"),
        ("Communications lead", "Keep the status page current"),
        ("Scribe", "Record each decision"),
    ):
        assert name in roles and duty in roles
    assert roles.count("Nobody") == len(ROLES)


def test_rol_01_somebody_whom_the_plan_does_not_mean_may_hold_it_and_it_is_said(console: Console) -> None:
    incident = console.world.declare()
    console.world.do(commands.assign, incident.id, "incident_commander", "ben")
    assert not console.room(incident).says("not among those whom the plan names")
    console.world.do(commands.assign, incident.id, "incident_commander", "erin")
    assert console.room(incident).says("not among those whom the plan names")


def test_rol_02_the_commanders_decisions_stand_on_the_record_as_decisions(console: Console) -> None:
    world = console.world
    incident = world.declare(by="ben")
    world.do(commands.assign, incident.id, "incident_commander", "ben", by="ben")
    console.press(
        incident,
        "updates",
        audience="decision",
        decision__decision="Roll back to the release of Monday",
        decision__because="It began with the deployment",
    )
    console.press(incident, "severity", severity="P0", severity__because="It is everybody by now")
    decisions = console.room(incident, query="?kind=decision")
    assert decisions.says("Roll back to the release of Monday") and decisions.says("It began with the deployment")
    assert console.room(incident).says("Ben Halvorsen raised the severity from P1 to P0")


def test_rol_02_a_decision_names_who_made_it_when_somebody_else_writes_it_down(console: Console) -> None:
    incident = console.world.declare()
    console.world.do(commands.decide, incident.id, "Do not roll back", "Qdrant is at fault", decider="ben", by="tomas")
    assert console.room(incident).says("Ben Halvorsen")
    assert any(
        sentences.sentence(console.world.plan(), one).startswith("Ben Halvorsen decided, written down by Tomás Brandt")
        for one in console.world.entries(incident.id)
    )


def test_rol_02_the_post_mortem_is_the_commanders_to_hold(console: Console) -> None:
    world = console.world
    incident = world.declare()
    world.do(commands.assign, incident.id, "incident_commander", "tomas")
    world.do(mend, incident.id)
    assert world.owed(incident.id)["review"].owner == "incident_commander"
    owed = panel(console.room(incident).html, "owed")
    row = next(one for one in owed.split("<li") if "post-mortem" in one.lower())
    assert "Tomás Brandt" in row


def test_rol_03_the_technical_leads_work_is_kept_and_asked_for(console: Console) -> None:
    world = console.world
    incident = world.declare()
    world.do(commands.assign, incident.id, "technical_lead", "ben")
    refused = console.press(incident, "resolve", resolve__how="Rolled back")
    assert refused.status == 409 and refused.says("smoke tests")
    console.press(incident, "finding", finding__text="The new release leaks memory", finding__verdict="root_cause")
    console.press(incident, "strategy", strategy="rollback", strategy__because="It is the quickest")
    console.press(
        incident, "deploy", fix__what="The release of Monday", fix__where="production", fix__staging="No time"
    )
    world.do(see_all_pass, incident.id, by="ben")
    assert console.press(incident, "resolve", resolve__how="Rolled back").status == 303
    page = console.room(incident)
    for said in ("The new release leaks memory", "Rollback", "The release of Monday", "Rolled back"):
        assert page.says(said)
    assert {"found the root cause", "chose the way out", "deployed to production"} <= {
        part
        for part in ("found the root cause", "chose the way out", "deployed to production")
        if any(part in sentences.sentence(world.plan(), one) for one in world.entries(incident.id))
    }


def test_rol_04_what_is_owed_to_the_public_is_the_communications_leads(console: Console) -> None:
    world = console.world
    incident = world.declare()
    assert world.owed(incident.id)["update:public"].owner == "communications_lead"
    world.do(commands.assign, incident.id, "communications_lead", "lucia")
    row = next(one for one in panel(console.room(incident).html, "owed").split("<li") if "Public: update" in one)
    assert "Lucía Ferrer" in row


def test_rol_04_the_log_of_communication_has_each_message_and_how_it_arrived(console: Console) -> None:
    world = console.world
    incident = world.declare()
    world.do(commands.assign, incident.id, "communications_lead", "lucia")
    typed = {"issue": "Rose is silent", "impact": "no answers"}
    world.do(commands.post_update, incident.id, "public", typed, Stage.INVESTIGATING, by="lucia")
    world.do(commands.post_update, incident.id, "customer_success", WORDS, by="lucia")
    world.mail.answers["erin@rose.example"] = Dead("no such mailbox")
    world.do(commands.post_update, incident.id, "executives", WORDS, by="ben")
    assert console.visitor("ben").open("/status").says("Rose is silent")
    page = console.room(incident)
    assert page.says("Lucía Ferrer") and page.says("Rose is silent")
    messages = page.html.split('id="delivery-h"')[1]
    assert "no such mailbox" in messages
    assert any(one.person == "lucia" and "We know" in one.body for one in world.mail.sent)


def test_rol_04_only_who_works_on_incidents_speaks_for_them(console: Console) -> None:
    incident = console.world.declare()
    secret = console.here.token("incidents:read", name="reader")
    answer = console.here.post(
        f"/api/v1/incidents/{incident.id}/updates",
        json={"audience": "public", "stage": "investigating", "fields": {"issue": "x", "impact": "y"}},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 403
    assert not console.visitor("ben").open("/status").says(incident.title)


def test_rol_05_the_timeline_the_decisions_and_the_draft_write_themselves(console: Console) -> None:
    world = console.world
    incident = world.declare()
    world.do(commands.acknowledge, incident.id)
    world.do(commands.decide, incident.id, "Wait for Qdrant", "It is theirs", by="ben")
    world.do(commands.note, incident.id, "Their page says ten minutes", by="tomas")
    world.do(mend, incident.id)
    page = console.visitor("ben").open(f"/post-mortems/{incident.id}")
    for said in ("acknowledged", "Wait for Qdrant", "Their page says ten minutes"):
        assert page.says(said)


def test_rol_05_a_scribe_corrects_and_the_correction_is_visible(console: Console) -> None:
    world = console.world
    world.advance(minutes=10)
    incident = world.declare()
    really = world.clock.now() - timedelta(minutes=7)
    answer = console.press(
        incident,
        "correct",
        handle="tomas",
        correct__moment="started",
        correct__instant=really.strftime("%Y-%m-%dT%H:%M:%S"),
        correct__because="The first complaint came then",
    )
    assert answer.status == 303, answer.html
    assert world.incident(incident.id).started_at == really
    page = console.room(incident)
    assert page.says("The first complaint came then") and page.says("Tomás Brandt")
    for instant in (incident.started_at, really):
        assert page.says(instant.strftime("%H:%M"))


WITHIN = {"P0": (5, 10, 10, 15), "P1": (15, 15, 15, 15)}


@pytest.mark.parametrize("level", WITHIN)
def test_rol_06_each_role_is_owed_by_a_time_of_its_level(console: Console, level: str) -> None:
    world = console.world
    incident = world.declare(severity=level)
    for role, minutes in zip(ROLES, WITHIN[level], strict=True):
        assert due_in(world, incident, f"role:{role}") == timedelta(minutes=minutes)
    world.advance(minutes=4)
    world.do(commands.assign, incident.id, "incident_commander", "ben")
    world.advance(minutes=12)
    assert kept(world, incident, "role:incident_commander")
    missed = fell_due(world, incident)
    assert {f"role:{role}" for role in ROLES[1:]} <= set(missed)
    assert "role:incident_commander" not in missed
    assert console.room(incident).says("Empty:")


@pytest.mark.parametrize("level", ["P2", "P3"])
def test_rol_06_lesser_trouble_asks_for_no_roles(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    busy.advance(minutes=30)
    assert not [key for key in busy.owed(incident.id) if key.startswith("role:")]


def test_rol_07_a_role_is_handed_over_and_the_record_shows_who_held_it_when(console: Console) -> None:
    world = console.world
    incident = world.declare()
    began = world.clock.now()
    world.do(commands.assign, incident.id, "incident_commander", "ben", by="ben")
    world.advance(minutes=20)
    page = console.room(incident)
    token = page.form(f"/incidents/{incident.id}/assign").fields["_csrf_token"]
    typed = {"_csrf_token": token, "role": "incident_commander", "person": "tomas"}
    answer = console.visitor("ben").send(f"/incidents/{incident.id}/assign", typed)
    assert answer.status == 303
    given = world.entries(incident.id, RoleAssigned)
    assert [(one.person, one.before) for one in given] == [("ben", None), ("tomas", "ben")]
    told = [(one.person, one.since, one.until) for one in working.tenures(world.read(incidents.timeline, incident.id))]
    assert told == [("ben", began, world.clock.now()), ("tomas", world.clock.now(), None)]
    page = console.room(incident)
    assert page.says("before: Ben Halvorsen, ")
    assert page.says(f"{began:%H:%M}") and page.says(f"{world.clock.now():%H:%M}")


def test_rol_07_nobody_holds_a_role_unless_it_is_given_to_them(busy: World) -> None:
    incident = busy.declare(by="ben")
    busy.do(commands.acknowledge, incident.id)
    busy.advance(hours=1)
    assert busy.incident(incident.id).roles == {}


# ---- ROL-03 and ROL-06: support outside, and being told ----


def test_rol_03_the_support_of_the_vendors_stands_where_the_work_is(console: Console) -> None:
    incident = console.world.declare()
    work = panel(console.room(incident).html, "work")
    for vendor in ("Railway", "Groq", "ElevenLabs", "Qdrant"):
        assert f"<b>{vendor}:</b>" in work
    assert "In the Railway dashboard, under Help" in work
    assert "the plan names no way to reach its support" in work and "https://groqstatus.com" in work


def test_rol_03_only_vendors_that_the_service_needs_are_shown(console: Console) -> None:
    alone = ROSE.replace("    depends_on: [railway]\n", "").replace(
        "depends_on: [groq, elevenlabs]", "depends_on: [groq]"
    )
    alone = alone.replace(", depends_on: [qdrant]", "").replace(", depends_on: [elevenlabs]", "")
    with console.world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, alone, "fewer vendors")
    work = panel(console.room(console.world.declare()).html, "work")
    assert "<b>Groq:</b>" in work and "<b>Railway:</b>" not in work and "<b>Qdrant:</b>" not in work


def test_rol_03_being_in_touch_with_support_is_kept(console: Console) -> None:
    world = console.world
    incident = world.declare()
    typed = {"support__vendor": "groq", "support__what": "They see it too", "support__reference": "GR-12"}
    assert console.press(incident, "support", **typed).status == 303
    page = console.room(incident, query="?kind=finding")
    assert page.says("Ben Halvorsen was in touch with the support of Groq (case GR-12): They see it too.")
    assert "<b>Groq, GR-12:</b> They see it too" in panel(page.html, "work")
    assert console.press(incident, "support", support__vendor="groq", support__what=" ").status == 400
    headers = console.here.bearer("incidents:write")
    address = f"/api/v1/incidents/{incident.id}/support"
    assert console.here.post(address, json={"vendor": "groq", "what": "Mended"}, headers=headers).status_code == 200
    refused = console.here.post(address, json={"vendor": "aws", "what": "Mended"}, headers=headers)
    assert refused.status_code == 400 and "no vendor called 'aws'" in refused.text
    assert [one.what for one in world.entries(incident.id, SupportContacted)] == ["They see it too", "Mended"]


@pytest.mark.parametrize("role", ROLES)
def test_rol_06_whoever_is_named_is_written_to_with_the_duties_and_the_way_there(busy: World, role: str) -> None:
    incident = busy.declare()
    busy.do(commands.assign, incident.id, role, "tomas", by="ana")
    (message,) = busy.named()
    named = busy.plan().roles[role]
    assert (message.person, message.channel) == ("tomas", "email")
    assert message.subject == f"[P1] Voice replies hang (#1): you are {named.name.lower()}"
    assert f"Ana Okafor named you {named.name.lower()} of #1, Voice replies hang." in message.body
    assert all(f"- {duty}" in message.body for duty in named.duties)
    assert f"/incidents/{incident.id}" in message.body


def test_rol_06_whoever_takes_a_role_needs_no_letter_and_whoever_takes_over_learns_from_whom(busy: World) -> None:
    incident = busy.declare()
    busy.do(commands.assign, incident.id, "scribe", "tomas", by="tomas")
    assert busy.named() == []
    busy.do(commands.assign, incident.id, "scribe", "tomas", by="ana")  # it is theirs already
    assert busy.named() == []
    busy.do(commands.assign, incident.id, "scribe", "lucia", by="tomas")
    (message,) = busy.named()
    assert message.person == "lucia" and "after Tomás Brandt" in message.body


def test_rol_06_a_webhook_is_told_as_well_and_a_confidential_incident_keeps_its_title(busy: World) -> None:
    with busy.database.work(SYSTEM) as tx:
        people.add_contact(tx, "tomas", Channel.WEBHOOK, "https://hooks.example.org/t", verified=True)
    incident = busy.declare("A key of ACME leaked", by="ben")
    busy.do(secrecy.make_confidential, incident.id, "it names a customer", by="ben")
    busy.do(commands.assign, incident.id, "technical_lead", "tomas", by="ben")
    (sent,) = [one for one in busy.hook.sent if one.audience == "role"]
    said = json.loads(sent.body)
    assert (said["type"], said["data"]["role"]) == ("incident.role_assigned", "technical_lead")
    assert "Find the root cause" in said["data"]["duties"]
    assert "ACME" not in sent.body + sent.subject and said["data"]["title"] == "Confidential incident"


def test_rol_06_the_letter_stands_on_the_log_with_how_it_arrived(console: Console) -> None:
    incident = console.world.declare()
    console.press(incident, "assign", role="scribe", person="tomas")
    log = panel(console.room(incident).html, "delivery-h")
    assert "Tomás Brandt" in log and "A role that is theirs" in log and "Taken" in log
