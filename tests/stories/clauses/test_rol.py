"""Roles: what each asks for, who holds it when, and what the record keeps of its work."""

from datetime import timedelta

import pytest

from tests.support.console import Console
from tests.support.ending import mend, see_all_pass
from tests.support.keeping import due_in, fell_due, kept
from tests.support.world import World
from tocsin.delivery.channel import Dead
from tocsin.incidents import store as incidents
from tocsin.incidents import words, working
from tocsin.incidents.model import RoleAssigned
from tocsin.plan.model import Stage
from tocsin.response import commands

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
        words.sentence(console.world.plan(), one).startswith("Ben Halvorsen decided, written down by Tomás Brandt")
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
        if any(part in words.sentence(world.plan(), one) for one in world.entries(incident.id))
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
