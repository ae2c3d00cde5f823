"""Communication, clause by clause: who is told what, in which words, whose word it waits for, and what is put right."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.console import Console
from tests.support.public import public_text
from tests.support.served import Served
from tests.support.visitor import console
from tests.support.world import ROSE, World
from tocsin.comms import updates
from tocsin.delivery import outbox
from tocsin.incidents.approving import NoSuchDraft, WaitsForAnother, Withdrawn
from tocsin.incidents.model import Updated
from tocsin.incidents.telling import Drafted, DraftReturned, UpdateCorrected, UpdateWithdrawn
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.response import commands, communications, telling, told

WORDS = {"impact": "Nobody can talk to Rose", "actions": "Restarted it", "next": "Watch it"}
ISSUE = {"issue": "silence", "impact": "Rose does not answer"}
APPROVED = ROSE.replace("      public: true\n", "      public: true\n      approved_by: communications_lead\n")


@pytest.fixture
def waiting(database_url: str) -> Iterator[World]:
    """A world whose plan has the communications lead approve what the public reads."""
    world = World(database_url, plan=APPROVED)
    yield world
    world.overlook()
    world.close()


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


# ---- COM-02, COM-03: the team ----


@pytest.mark.parametrize(("severity", "minutes"), [("P0", 15), ("P1", 30), ("P2", 120)])
def test_com_02_the_team_is_owed_an_update_again_and_again(busy: World, severity: str, minutes: int) -> None:
    incident = busy.declare(severity=severity)
    for _ in range(2):
        due = busy.owed(incident.id)["update:internal"].due_at
        assert due - busy.clock.now() == timedelta(minutes=minutes)
        busy.do(commands.post_update, incident.id, "internal", WORDS)
    assert busy.ended(incident.id, "update:internal") == [State.MET, State.MET]


def test_com_02_a_p3_owes_the_team_nothing_by_the_clock(busy: World) -> None:
    assert "update:internal" not in busy.owed(busy.declare(severity="P3").id)


def test_com_03_the_update_of_the_team_has_every_part_and_is_refused_without(busy: World) -> None:
    incident = busy.declare(severity="P1")
    for missing in ("impact", "actions", "next"):
        with pytest.raises(updates.Unwritten, match=missing):
            busy.do(commands.post_update, incident.id, "internal", {**WORDS, missing: " "})
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    (update,) = busy.entries(incident.id, Updated)
    said = ("02:38", "Status: Investigating", "Impact: Nobody", "Done: Restarted", "Next: Watch", "ETA: not known yet")
    assert [one for one in said if one not in update.text] == []


def test_com_03_what_is_left_empty_is_said_before_it_is_posted(busy: World) -> None:
    incident = busy.declare(severity="P1")
    found = busy.do(telling.look_over, incident.id, "internal", WORDS)
    assert found.look.empty == ("eta",) and not busy.entries(incident.id, Updated)
    assert busy.do(telling.look_over, incident.id, "internal", {**WORDS, "eta": "04:00 UTC"}).look.empty == ()


# ---- COM-04: the status page ----


def test_com_04_each_stage_has_its_words_with_the_time_in_utc(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    busy.advance(minutes=5)
    about = {"cause": "her memory is full", "eta": "04:00 UTC"}
    busy.do(commands.post_update, incident.id, "public", about, Stage.IDENTIFIED)
    first, second = busy.entries(incident.id, Updated)
    assert first.text.startswith("02:38 UTC · Investigating") and "silence" in first.text
    assert second.text.startswith("02:43 UTC · Identified") and "Expected to be over: 04:00 UTC" in second.text


def test_com_04_words_of_the_trade_are_pointed_out_and_what_was_told_last_stands_beside(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    typed = {"cause": "The breakers for Qdrant are open, and 5XX are up", "eta": ""}
    found = busy.do(telling.look_over, incident.id, "public", typed, Stage.IDENTIFIED)
    assert [one.word for one in found.look.jargon] == ["breakers", "Qdrant", "5XX"]
    assert found.look.jargon[1].plainly == "her memory" and found.look.empty == ("eta",)
    assert found.look.before is not None and "silence" in found.look.before.text
    assert {one.way for one in found.shapes} == {"Status page", "Subscribers", "Text message"}
    internal = busy.do(telling.look_over, incident.id, "internal", {**WORDS, "actions": "Closed the breaker"})
    assert internal.look.jargon == () and {one.way for one in internal.shapes} == {"Mail", "Chat", "Text message"}


def test_com_04_the_page_says_so_too_before_anything_is_posted(console: Console, busy: World) -> None:
    incident = busy.declare(severity="P1")
    ana, room = console.visitor("ana"), f"/incidents/{incident.id}"
    typed = {"public__stage": "identified", "public__identified__cause": "Qdrant is full"}
    page = ana.do(room, f"{room}/updates", audience="public", preview="public", **typed)
    assert page.says("ETA is empty.") and page.says("“Qdrant” is a word of the trade; the plan says “her memory”.")
    assert page.says("How it comes to them") and page.says("Text message")
    assert not busy.entries(incident.id, Updated)


# ---- Whose word it waits for ----


def test_com_04_what_the_public_reads_waits_for_a_word_where_the_plan_wants_it(waiting: World) -> None:
    incident = waiting.declare(severity="P1")
    waiting.do(commands.assign, incident.id, "communications_lead", "lucia")
    waiting.overlook()
    waiting.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING, by="ana")
    (drafted,) = waiting.entries(incident.id, Drafted)
    number = waiting.incident(incident.id).entries
    assert not waiting.entries(incident.id, Updated) and waiting.incident(incident.id).stage is None
    assert waiting.ended(incident.id, "update:public") == [] and drafted.asked == ("lucia",)
    (mail,) = [one for one in waiting.mail.sent if one.audience == "approval"]
    assert mail.person == "lucia" and f"/incidents/{incident.id}/drafts/{number}" in mail.body
    with pytest.raises(WaitsForAnother, match="Lucía"):
        waiting.do(commands.approve, incident.id, number, by="ana")
    waiting.advance(minutes=3)
    waiting.do(commands.approve, incident.id, number, by="lucia")
    (update,) = waiting.entries(incident.id, Updated)
    assert (update.by, update.drafted_by, update.draft) == ("lucia", "ana", number)
    assert update.text.startswith("02:41 UTC")  # the time at which the public reads it
    assert waiting.ended(incident.id, "update:public") == [State.MET]
    with pytest.raises(NoSuchDraft):
        waiting.do(commands.approve, incident.id, number, by="lucia")


def test_com_04_a_draft_comes_back_with_a_word(waiting: World) -> None:
    incident = waiting.declare(severity="P1")
    waiting.do(commands.assign, incident.id, "communications_lead", "lucia")
    waiting.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING, by="ana")
    number = waiting.incident(incident.id).entries
    waiting.do(telling.send_back, incident.id, number, "Say since when", by="lucia")
    (returned,) = waiting.entries(incident.id, DraftReturned)
    assert returned.draft == number
    mail = [one for one in waiting.mail.sent if one.audience == "approval" and one.person == "ana"]
    assert "Say since when" in mail[0].body and "?audience=public#compose" in mail[0].body
    with pytest.raises(NoSuchDraft):
        waiting.do(commands.approve, incident.id, number, by="lucia")
    waiting.overlook()


def test_com_04_whoever_holds_the_role_is_their_own_word(waiting: World) -> None:
    incident = waiting.declare(severity="P1")
    waiting.do(commands.assign, incident.id, "communications_lead", "lucia")
    waiting.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING, by="lucia")
    assert len(waiting.entries(incident.id, Updated)) == 1 and not waiting.entries(incident.id, Drafted)


def test_com_04_while_nobody_holds_the_role_nobody_approves_their_own_words(waiting: World) -> None:
    incident = waiting.declare(severity="P1")
    waiting.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING, by="lucia")
    (drafted,) = waiting.entries(incident.id, Drafted)
    assert "lucia" not in drafted.asked and drafted.asked
    with pytest.raises(WaitsForAnother):
        waiting.do(commands.approve, incident.id, waiting.incident(incident.id).entries, by="lucia")


# ---- What is put right ----


def test_com_04_an_update_is_corrected_and_whoever_got_the_first_is_told(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    number = busy.incident(incident.id).entries
    (first,) = busy.entries(incident.id, Updated)
    busy.overlook()
    busy.do(telling.correct, incident.id, number, "A third can not talk to Rose", "it was a third")
    (corrected,) = busy.entries(incident.id, UpdateCorrected)
    assert corrected.before == first.text and first == busy.entries(incident.id, Updated)[0]
    mails = busy.expect_update("internal", *first.recipients)
    assert all("We correct what we wrote" in one.body and "A third can not talk" in one.body for one in mails)
    busy.do(telling.withdraw, incident.id, number, "It was another incident")
    mails = busy.expect_update("internal", *first.recipients)
    assert all("does not hold: It was another incident." in one.body for one in mails)
    with pytest.raises(Withdrawn):
        busy.do(telling.correct, incident.id, number, "Again", "again")
    assert len(busy.entries(incident.id, UpdateWithdrawn)) == 1


def test_com_04_the_public_reads_that_it_was_corrected_and_nothing_of_the_old_words(
    console: Console, busy: World
) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    number = busy.incident(incident.id).entries
    assert "Rose does not answer" in public_text(console.here)
    busy.advance(minutes=4)
    busy.do(telling.correct, incident.id, number, "Some of you wait for Rose.", "only some of you were touched")
    shown = public_text(console.here)
    assert "Some of you wait for Rose." in shown and "Rose does not answer" not in shown
    assert "Corrected at 2026-11-24 02:42 UTC: only some of you were touched." in shown
    busy.do(telling.withdraw, incident.id, number, "this was about something else")
    shown = public_text(console.here)
    assert "Withdrawn at 2026-11-24 02:42 UTC: this was about something else." in shown and "Some of you" not in shown
    page = console.visitor("ana").open(f"/incidents/{incident.id}/told")
    assert page.says("What was told at first") and page.says("Rose does not answer")


def test_com_04_a_correction_goes_to_the_chats_that_got_the_first(database_url: str) -> None:
    plan = ROSE.replace("      template: internal_update\n", "      template: internal_update\n      chats: [ops]\n")
    world = World(database_url, plan=plan)
    incident = world.declare(severity="P1")
    world.do(commands.post_update, incident.id, "internal", WORDS)
    (row,) = [one for one in world.read(told.matrix, incident.id) if one.audience == "internal"]
    assert ("chat_post", "ops") in {(one.way, one.who) for one in row.told[0].ways}
    world.do(telling.correct, incident.id, world.incident(incident.id).entries, "A third waits", "it was a third")
    posts = [one.body for one in world.read(outbox.for_incident, incident.id) if one.channel == outbox.POST]
    assert len(posts) == 2
    assert [one for one in posts if "We correct what we wrote" in one and "A third waits" in one]
    assert "ops" in {one.who for one in world.read(communications.log, incident.id)}
    world.overlook()
    world.close()
