"""The response phase, clause by clause: the people, the first diagnosis, the mitigation, and the first words."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support import ending
from tests.support.public import public_text
from tests.support.served import Served
from tests.support.slack import TOKEN, Workspace, workspace
from tests.support.subscribed import Readers
from tests.support.visitor import Page, Visitor, actor, console, seal_of
from tests.support.world import World
from tocsin.delivery.slack import Slack
from tocsin.incidents.model import Decided, Mitigated, RoleAssigned, Updated
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelOpened
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.response import commands

TEAM = {"incident_commander": "ben", "technical_lead": "ana", "communications_lead": "lucia", "scribe": "tomas"}
WORDS = {"impact": "Nobody can talk to Rose.", "actions": "Restarted it.", "next": "Watch it.", "issue": "silence"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def declared(here: Served, severity: str = "P1") -> str:
    about: dict[str, Any] = {
        "title": "Memory is down",
        "severity": severity,
        "type": "service_outage",
        "service": "rose",
    }
    return here.app.database.run(actor(here, "ana"), lambda tx: commands.declare(tx, **about)).id


def item(page: Page, room: str, words: str) -> str:
    """The key of the checklist's item that reads like this."""
    for form in page.forms():
        found = form.fields.get("item", [""])[0]
        if form.action == f"{room}/tick" and f'value="{found}"><button' in page.html:
            after = page.html.split(f'value="{found}"><button', 1)[1].split("</button>", 1)[0]
            if words in after:
                return found
    raise AssertionError(f"nothing to tick off reads “{words}”")


# ---- RSP-01: the people ----


def test_rsp_01_each_role_of_a_p1_is_owed_within_fifteen_minutes_and_met_by_a_person(busy: World) -> None:
    incident = busy.declare(severity="P1")
    due = {key: duty.due_at - incident.declared_at for key, duty in busy.owed(incident.id).items()}
    assert {role: due[f"role:{role}"] for role in TEAM} == dict.fromkeys(TEAM, timedelta(minutes=15))
    busy.advance(minutes=10)
    for role, person in TEAM.items():
        busy.do(commands.assign, incident.id, role, person, by=person)
    assert {role: busy.ended(incident.id, f"role:{role}") for role in TEAM} == {role: [State.MET] for role in TEAM}
    joined = [(one.role, one.person) for one in busy.entries(incident.id, RoleAssigned)]
    assert joined == list(TEAM.items())


def test_rsp_01_a_role_that_nobody_takes_stays_on_the_record_as_not_met(busy: World) -> None:
    incident = busy.declare(severity="P0")
    busy.do(commands.assign, incident.id, "incident_commander", "ben")
    busy.advance(minutes=10)
    said = [(one.key, one.due_at) for one in busy.entries(incident.id) if getattr(one, "key", "").startswith("role:")]
    late = incident.declared_at + timedelta(minutes=10)
    assert ("role:communications_lead", late) in said and ("role:technical_lead", late) in said
    assert "role:incident_commander" not in {key for key, _ in said}
    assert "role:scribe" in busy.owed(incident.id)  # it has five minutes more


def test_rsp_01_the_communications_lead_is_owed_to_a_p0_and_a_p1_alone(busy: World) -> None:
    asked = {}
    for severity in ("P0", "P1", "P2", "P3"):
        incident = busy.declare(f"Trouble of {severity}", severity=severity)
        asked[severity] = "role:communications_lead" in busy.owed(incident.id)
    assert asked == {"P0": True, "P1": True, "P2": False, "P3": False}


def test_rsp_01_the_record_begins_with_the_incident_before_any_scribe(here: Served) -> None:
    incident = declared(here)
    page = Visitor(here, "ben").open(f"/incidents/{incident}")
    assert page.says("Scribe") and page.says("Ana Okafor declared P1: Memory is down.")


# ---- RSP-02: the channel, the call, the status page ----


@pytest.fixture
def slack(busy: World) -> Iterator[Workspace]:
    with workspace() as one:
        for person in ("ana", "ben", "lucia"):
            one.person(person)
        busy.connect(Slack(TOKEN, one.url, timedelta(seconds=2)))
        yield one


def test_rsp_02_a_channel_is_opened_with_its_people_and_archived_at_the_end(busy: World, slack: Workspace) -> None:
    incident = busy.declare("Memory is down")
    channel = slack.only()
    assert channel.name == "incident-20261124-memory-is-down"
    for role, person in TEAM.items():
        busy.do(commands.assign, incident.id, role, person)
    assert {slack.person(one) for one in ("ana", "ben", "lucia")} < set(channel.members)
    (opened,) = busy.entries(incident.id, ChannelOpened)
    assert opened.channel == channel.id and opened.at == incident.declared_at
    busy.do(ending.mend, incident.id)
    busy.do(commands.post_update, incident.id, "public", {"message": "We watch for it now."}, Stage.RESOLVED)
    busy.advance(minutes=31)
    busy.do(ending.wrap_up, incident.id)
    for duty in list(busy.owed(incident.id)):
        if duty != "review":
            busy.do(commands.waive, incident.id, duty, "not what this is about", by="ben")
    busy.do(commands.schedule_review, incident.id, busy.clock.now() + timedelta(days=1))
    assert not channel.archived
    busy.do(commands.close, incident.id)
    assert channel.archived and channel.messages[-1].text.startswith("The incident is closed.")


def test_rsp_02_a_call_is_started_for_a_p0_and_a_p1_and_stands_where_people_look(busy: World) -> None:
    for severity in ("P0", "P1", "P2", "P3"):
        incident = busy.declare(f"Trouble of {severity}", severity=severity)
        calls = [one.link for one in busy.entries(incident.id, CallOpened)]
        assert bool(calls) is (severity in ("P0", "P1")), severity
        pages = [one.body for one in busy.mail.sent if one.audience == "page" and one.incident_id == incident.id]
        assert all((f"Call: {busy.incident(incident.id).call}" in one) is bool(calls) for one in pages)
    busy.do(commands.change_severity, incident.id, "P1", "All feel it")
    (call,) = busy.entries(incident.id, CallOpened)
    assert call.link == busy.incident(incident.id).call


def test_rsp_02_the_call_and_the_channel_stand_in_the_room(here: Served) -> None:
    incident = declared(here)
    page = Visitor(here, "ben").open(f"/incidents/{incident}")
    assert page.says("Join the call") and page.says("none yet; the plan calls it #incident-")
    assert 'href="https://meet.example.org/incident-' in page.html


def test_rsp_02_the_first_public_update_lies_ready_for_whoever_writes_to_the_public(busy: World) -> None:
    incident = busy.declare("Memory is down", impact="Rose forgets what was said")
    busy.do(commands.assign, incident.id, "scribe", "tomas")
    assert not any("is prepared" in one.body for one in busy.mail.sent)
    busy.do(commands.assign, incident.id, "communications_lead", "lucia")
    (mail,) = [one for one in busy.mail.sent if "is prepared" in one.body]
    assert mail.person == "lucia" and f"/incidents/{incident.id}?audience=public#compose" in mail.body
    assert "Rose forgets what was said" in mail.body and "[to be written: " in mail.body
    assert busy.incident(incident.id).stage is None  # nothing is published without a person
    busy.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING, by="lucia")
    busy.do(commands.assign, incident.id, "communications_lead", "ana")
    assert len([one for one in busy.mail.sent if "is prepared" in one.body]) == 1


def test_rsp_02_its_link_opens_the_composer_for_the_public(here: Served) -> None:
    incident = declared(here)
    page = Visitor(here, "ben").open(f"/incidents/{incident}?audience=public")
    (composer,) = [one for one in page.forms() if "public.investigating.issue" in one.fields]
    assert composer.fields["audience"] == ["public"] and composer.fields["public.stage"] == ["investigating"]


def test_rsp_02_without_a_chat_nothing_is_missing(busy: World) -> None:
    incident = busy.declare()
    busy.advance(minutes=10)
    assert busy.entries(incident.id, ChannelOpened) == [] == busy.entries(incident.id, ChannelFailed)
    assert [one for one in busy.mail.sent if one.audience == "page"]


# ---- RSP-03: the first diagnosis ----


def test_rsp_03_the_diagnosis_is_put_before_whoever_answers_and_its_answers_are_kept(here: Served) -> None:
    ben, room = Visitor(here, "ben"), f"/incidents/{declared(here)}"
    ben.do(room, f"{room}/acknowledge")
    page = ben.open(room)
    assert page.says("Response, now")
    asked = ("Read logs and metrics", "Find out which components", "Find out how far", "Look for related trouble")
    for one in asked:
        ben.send(f"{room}/tick", {**token(page), "item": item(page, room, one), "tick": "done", "tick.note": ""})
    ben.do(room, f"{room}/finding", finding__text="Qdrant refuses", finding__verdict="observation")
    ben.do(room, f"{room}/impact", impact__percent="40", impact__source="Grafana", impact__functions="Memory")
    page = ben.open(room)
    for one in asked:
        assert page.says(f"ticked off “{one}"), one
    assert page.says("Qdrant refuses") and page.says("40 % of users (Grafana)")


def test_rsp_03_related_trouble_is_tied_to_the_incident_from_both_sides(here: Served) -> None:
    ben, one, other = Visitor(here, "ben"), f"/incidents/{declared(here)}", f"/incidents/{declared(here, 'P2')}"
    ben.do(one, f"{one}/link", link__relation="caused_by", link__other="#2", link__because="One disk")
    assert ben.open(one).says("This incident was caused by") and ben.open(other).says("This incident caused")


# ---- RSP-04: the mitigation ----


def test_rsp_04_the_ways_to_take_the_edge_off_are_offered_and_the_chosen_one_is_kept(here: Served) -> None:
    ben, room = Visitor(here, "ben"), f"/incidents/{declared(here)}"
    ben.do(room, f"{room}/acknowledge")
    page = ben.open(room)
    for one in ("quick fix", "Consider a rollback if a deployment is recent", "workaround", "Add capacity"):
        item(page, room, one)
    why = {"decision__decision": "Roll back", "decision__because": "v41 went out at 03:20"}
    ben.do(room, f"{room}/updates", audience="decision", **why, decision__options="Restart\nAdd capacity")
    ben.do(room, f"{room}/mitigate", mitigate__how="Rolled back to v40")
    page = ben.open(room)
    assert page.says("v41 went out at 03:20") and page.says("Restart; Add capacity")
    assert page.says("Rolled back to v40") and page.says("Resolution, now")


def test_rsp_04_a_mitigation_without_a_word_is_refused(busy: World) -> None:
    incident = busy.declare()
    with pytest.raises(commands.lifecycle.Empty):
        busy.do(commands.mitigate, incident.id, "  ")
    busy.do(commands.decide, incident.id, "Roll back", "it is recent", by="ben")
    busy.do(commands.mitigate, incident.id, "Rolled back", by="ben")
    (decided,), (mitigated,) = busy.entries(incident.id, Decided), busy.entries(incident.id, Mitigated)
    assert (decided.by, decided.because, mitigated.how) == ("ben", "it is recent", "Rolled back")
    assert busy.incident(incident.id).acknowledged_by == "ben"


# ---- RSP-05: the first words ----


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_rsp_05_the_first_public_word_is_owed_within_fifteen_minutes_and_read_by_anybody(
    here: Served, severity: str
) -> None:
    ben, room = Visitor(here, "ben"), f"/incidents/{declared(here, severity)}"
    assert "memory is silent" not in public_text(here)
    page = ben.do(room, f"{room}/updates", audience="public", **first_word())
    assert page.says("memory is silent") and "memory is silent" not in public_text(here)  # shown before it is posted
    ben.press(page, f"{room}/updates", audience="public", confirmed=seal_of(page), **first_word())
    assert "memory is silent" in public_text(here)
    assert ben.open(room).says("Public: update")


def test_rsp_05_a_first_public_word_is_owed_at_fifteen_minutes_to_a_p0_and_a_p1(busy: World) -> None:
    for severity, owed in {"P0": True, "P1": True, "P2": False, "P3": False}.items():
        incident = busy.declare(f"Trouble of {severity}", severity=severity)
        due = busy.owed(incident.id).get("update:public")
        assert (due is not None and due.due_at - incident.declared_at == timedelta(minutes=15)) is owed, severity
        if due is not None:
            busy.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
            assert busy.ended(incident.id, "update:public") == [State.MET]


def test_rsp_05_the_first_public_word_reaches_whoever_subscribed(busy: World, readers: Readers) -> None:
    incident = busy.declare(severity="P0")
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    assert readers.hear() == []  # the team's words are the team's
    busy.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    (mail,) = readers.hear()
    assert mail.subject.startswith("[Rose] Investigating: ") and "/status/i/" in mail.text


def test_rsp_05_the_team_reads_the_internal_update_and_silence_is_held_against_it(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.overlook()
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    (update,) = busy.entries(incident.id, Updated)
    mails = busy.expect_update("internal", *update.recipients)
    assert mails and all("Nobody can talk to Rose." in one.body and "Restarted it." in one.body for one in mails)
    busy.advance(minutes=31)
    assert [one.due_at for one in busy.entries(incident.id) if getattr(one, "key", "") == "update:internal"] == [
        update.at + timedelta(minutes=30)
    ]


def first_word() -> dict[str, str]:
    return {
        "public__stage": "investigating",
        "public__investigating__issue": "memory is silent",
        "public__investigating__impact": "Rose forgets",
    }


def token(page: Page) -> dict[str, str]:
    return {"_csrf_token": page.forms()[0].fields["_csrf_token"][0]}
