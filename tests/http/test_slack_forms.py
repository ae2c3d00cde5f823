"""Forms, buttons and shortcuts in Slack: what is filled in is done once, and what is wrong stands at its field."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import slacksends as sends
from tests.support.desk import Desk, desk
from tests.support.slack import Workspace, workspace
from tocsin.delivery import slackin, slackviews
from tocsin.incidents.model import Acknowledged, Decided, Declared, Noted, RoleAssigned, Updated
from tocsin.incidents.places import MessageKept
from tocsin.incidents.store import NoSuchIncident
from tocsin.incidents.work import Found, Verdict
from tocsin.kit.actor import SYSTEM
from tocsin.response import chatting, secrecy
from tocsin.response.chatting import Taken

OUTAGE = {"title": "Voice is silent", "severity": "P1", "type": "service_outage", "service": "rose"}
SAID = {"type": "message", "ts": "1763953200.000100", "user": "U0LUCIA", "text": "Nobody hears me &lt;3 <@U0ANA|ana>"}


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def rose(sqlite_url: str, slack: Workspace) -> Iterator[Desk]:
    with desk(sqlite_url, slack) as one:
        yield one


def entries_of(rose: Desk, kind: type[Any], number: int = 1) -> list[Any]:
    return [one for one in rose.entries(number) if isinstance(one, kind)]


# ---- Declaring ----


def test_declare_opens_a_form_and_what_is_sent_is_declared_once(rose: Desk, slack: Workspace) -> None:
    rose.says("ana", "declare Voice is silent")
    form = rose.form
    assert (form.user, form.shown["title"]) == (slack.person("ana"), "Voice is silent")
    assert rose.sends(form, **OUTAGE, impact="Nobody is heard") == {}
    assert rose.sends(form, **OUTAGE) == {}  # a second press of the same button
    (declared,) = entries_of(rose, Declared)
    assert (declared.by, declared.title, declared.severity, declared.impact) == (
        "ana",
        "Voice is silent",
        "P1",
        "Nobody is heard",
    )
    with pytest.raises(NoSuchIncident):
        rose.incident(2)
    (told,) = slack.whispered(slack.person("ana"))
    assert told.startswith("You declared [P1] Voice is silent (#1): https://tocsin.example.org/incidents/inc_")


def test_the_shortcut_declares_too_and_from_a_message_it_takes_the_message_along(rose: Desk, slack: Workspace) -> None:
    ana = slack.person("ana")
    rose.interact(sends.shortcut(slack, ana, "declare"))
    assert rose.sends(rose.form, **OUTAGE) == {}
    rose.interact(sends.shortcut(slack, ana, "declare_from", channel="C0ELSEWHERE", message=SAID))
    form = rose.form
    assert form.shown["title"] == "Nobody hears me <3 @ana"
    assert rose.sends(form, severity="P1", type="service_outage", service="rose") == {}
    (kept,) = entries_of(rose, MessageKept, 2)
    assert (kept.by, kept.author, kept.text) == ("ana", "U0LUCIA (Slack)", "Nobody hears me <3 @ana")
    assert kept.link == "https://rose.slack.com/archives/C0ELSEWHERE/p1763953200000100"
    assert kept.written_at.isoformat() == "2025-11-24T03:00:00+00:00"


def test_whoever_may_not_write_gets_no_form(rose: Desk, slack: Workspace) -> None:
    rose.says("lucia", "declare")
    assert slack.forms == [] and "linked" in slack.whispered(slack.person("lucia"))[-1]


# ---- Updates ----


def test_an_update_is_written_by_the_plans_template_and_filled_with_what_was_last_said(rose: Desk) -> None:
    _, channel = rose.declare(impact="Nobody is heard")
    rose.says("ana", "update internal", channel.id)
    form = rose.form
    assert form.shown["impact"] == "Nobody is heard" and "[P1] Voice hangs (#1)" in form.words
    wrong = rose.sends(form, actions="...", next="Look")
    assert list(wrong) == ["actions"] and entries_of(rose, Updated) == []
    assert rose.sends(form, actions="Restarted", next="Look") == {}
    assert rose.sends(form, actions="Restarted", next="Look") == {}
    (update,) = entries_of(rose, Updated)
    assert (update.by, update.audience) == ("ana", "internal") and "Restarted" in update.text
    assert any("Restarted" in one.text for one in channel.messages)  # the plan posts it there and pins it
    rose.says("ana", "update internal", channel.id)
    assert rose.form.shown["actions"] == "Restarted"


def test_another_audience_may_be_chosen_while_the_form_stands_open(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    rose.says("ana", "update internal", channel.id)
    form = rose.form
    assert form.shown["audience"] == "internal" and "stage" not in form.inputs
    rose.interact(sends.chosen(slack, form, "audience", "public"))
    assert len(slack.forms) == 1 and form.shown["audience"] == "public" and "stage" in form.inputs
    filled = {name: "Some of you can't be heard" for name in form.inputs if name not in ("stage", "audience")}
    assert rose.sends(form, stage="investigating", **filled) == {}
    assert [one.audience for one in entries_of(rose, Updated)] == ["public"]
    form.view["private_metadata"] = "forged.e30="
    rose.interact(sends.chosen(slack, form, "audience", "internal"))
    assert form.shown["audience"] == "public" and "was not opened by this server" in slack.whispered(form.user)[-1]


def test_without_a_name_the_audience_is_the_one_that_waits_the_soonest(rose: Desk) -> None:
    _, channel = rose.declare()
    rose.says("ana", "update", channel.id)
    assert rose.form.words
    assert "Say which audience" in rose.says("ana", "update everybody", channel.id)


def test_the_public_is_told_at_a_stage_and_what_is_missing_is_said_at_its_field(rose: Desk) -> None:
    _, channel = rose.declare()
    rose.says("ana", "update public", channel.id)
    form = rose.form
    stages = [one["value"] for one in form.inputs["stage"]["element"]["options"]]
    assert stages == ["investigating", "identified"]  # nobody is told that it is over while it is not
    wrong = rose.sends(form, stage="identified")
    assert len(wrong) == 1 and "must be told more" in next(iter(wrong.values()))
    filled = {name: "Some of you can't be heard" for name in form.inputs if name not in ("stage", "audience")}
    assert rose.sends(form, stage="identified", **filled) == {}
    assert rose.incident().stage == "identified"


def test_the_form_of_a_confidential_update_tells_nothing(rose: Desk, slack: Workspace) -> None:
    incident, channel = rose.declare("Keys were stolen", type="security", impact="All keys")
    rose.here.app.database.run(SYSTEM, lambda tx: secrecy.add_responder(tx, incident.id, "ana", "She knows"))
    rose.says("ana", "update", channel.id)
    shown = str(rose.form.view)
    assert "Confidential incident" in shown and "stolen" not in shown and "All keys" not in shown


# ---- Notes, findings, decisions, roles ----


def test_a_note_a_finding_and_a_decision(rose: Desk) -> None:
    _, channel = rose.declare()
    rose.says("ana", "note", channel.id)
    assert rose.sends(rose.form, text="The disk is full") == {}
    rose.says("ana", "finding The disk is full", channel.id)
    assert rose.form.shown["finding"] == "The disk is full"
    assert rose.sends(rose.form, verdict="root_cause", evidence="df") == {}
    rose.says("ana", "decision Empty it", channel.id)
    assert rose.sends(rose.form, because="Nothing else helps", options="Wait\n\nBuy another") == {}
    (note,), (found,), (decided,) = (entries_of(rose, kind) for kind in (Noted, Found, Decided))
    assert note.text == "The disk is full"
    assert (found.finding, found.verdict, found.evidence) == ("The disk is full", Verdict.ROOT_CAUSE, "df")
    assert (decided.decision, tuple(decided.options)) == ("Empty it", ("Wait", "Buy another"))


def test_a_role_that_somebody_took_meanwhile_is_asked_about_once_more(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    rose.says("ana", "role", channel.id)
    seen = rose.form
    rose.says("ben", "role scribe", channel.id)
    assert rose.sends(seen, role="scribe") == {}
    assert rose.incident().roles == {"scribe": "ben"}, "nobody had seen ben there"
    assert "Scribe: Ben Halvorsen. Ana Okafor takes it over?" in str(rose.form.view["blocks"])
    assert rose.sends(rose.form) == {} and rose.incident().roles == {"scribe": "ana"}
    rose.says("ben", "role", channel.id)
    assert "Scribe: Ana Okafor" in str(rose.form.view["blocks"])
    assert rose.sends(rose.form, role="scribe") == {} and rose.incident().roles == {"scribe": "ben"}


def test_the_buttons_of_the_first_message(rose: Desk, slack: Workspace) -> None:
    incident, channel = rose.declare()
    first, ana, ben = channel.messages[0], slack.person("ana"), slack.person("ben")
    assert list(first.buttons) == [
        "room_acknowledge",
        "room_lead",
        "room_roles",
        "room_update",
        "room_note",
        "room_link",
    ]
    assert set(first.buttons.values()) == {incident.id}

    def press(who: str, action: str) -> None:
        rose.interact(sends.room_button(slack, who, action, first.buttons[action], channel.id))

    press(ana, "room_acknowledge")
    assert [one.by for one in entries_of(rose, Acknowledged)] == ["ana"]
    press(ben, "room_lead")
    assert rose.incident().roles == {"incident_commander": "ben"}
    press(ana, "room_lead")
    assert rose.incident().roles == {"incident_commander": "ben"} and rose.form.view["callback_id"] == "take_over"
    press(ana, "room_roles")
    assert rose.form.shown["person"] == ana
    assert rose.sends(rose.form, role="scribe", person="U0NOBODY") == {
        "person": "This account is linked to nobody in Tocsin."
    }
    assert rose.sends(rose.form, role="scribe", person=ben) == {}
    assert [one.role for one in entries_of(rose, RoleAssigned)] == ["incident_commander", "scribe"]
    press(ana, "room_note")
    assert rose.form.view["callback_id"] == "note"
    press(ana, "room_update")
    assert rose.form.view["callback_id"] == "update"
    forms = len(slack.forms)
    press(ana, "room_link")
    assert len(slack.forms) == forms and len(slack.whispered(ana)) == 1


def test_a_button_of_somebody_who_may_not_see_the_incident_does_nothing(rose: Desk, slack: Workspace) -> None:
    incident, channel = rose.declare("Keys were stolen", type="security")
    stranger = next(one for one in ("tomas", "lucia", "ben") if one not in rose.incident().responders)
    rose.says(stranger, "help")
    rose.interact(sends.room_button(slack, slack.person(stranger), "room_acknowledge", incident.id, channel.id))
    assert rose.incident().acknowledged_at is None


# ---- Putting a message onto the record ----


def test_a_message_of_its_channel_is_kept_by_a_shortcut_at_once_and_twice_is_once(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    for _ in range(2):
        rose.interact(sends.shortcut(slack, slack.person("ana"), "keep", channel=channel.id, message=SAID))
    (kept,) = entries_of(rose, MessageKept)
    assert kept.text == "Nobody hears me <3 @ana" and slack.forms == []


def test_one_from_elsewhere_asks_for_the_incident_and_offers_none_that_is_confidential(
    rose: Desk, slack: Workspace
) -> None:
    rose.declare()
    secret, _ = rose.declare("Keys were stolen", type="security")
    rose.here.app.database.run(SYSTEM, lambda tx: secrecy.add_responder(tx, secret.id, "ana", "She knows"))
    rose.interact(sends.shortcut(slack, slack.person("ana"), "keep", channel="C0ELSEWHERE", message=SAID))
    offered = [one["value"] for one in rose.form.inputs["incident"]["element"]["options"]]
    assert offered == [rose.incident(1).id]
    assert rose.sends(rose.form, incident=offered[0]) == {}
    assert len(entries_of(rose, MessageKept)) == 1


def test_a_long_message_still_fits_what_a_form_may_carry(rose: Desk, slack: Workspace) -> None:
    rose.declare()
    for text in ("ü" * 9000, "x" * 39_000, '"\\' * 4000):
        message = {**SAID, "text": text}
        rose.interact(sends.shortcut(slack, slack.person("ana"), "keep", channel="C0ELSEWHERE", message=message))
        assert len(rose.form.view["private_metadata"]) <= 3000
    assert len(slack.forms) == 3


# ---- What a form carries ----


def test_a_form_that_was_not_ours_or_was_changed_is_refused(rose: Desk) -> None:
    incident, channel = rose.declare()
    rose.says("ana", "note", channel.id)
    form = rose.form
    sealed = form.view["private_metadata"]
    for state in ("", "x.y", sealed[:-4] + "AAAA", slackviews.seal(b"another", {"incident": incident.id})):
        form.view["private_metadata"] = state
        assert rose.sends(form, text="In another's name") == {
            "text": "This form was not opened by this server; open it anew."
        }
    assert entries_of(rose, Noted) == []
    form.view["private_metadata"] = sealed
    assert rose.sends(form, text="Mine") == {}


def test_a_form_that_comes_too_late_is_said_so(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    ana = slack.person("ana")
    given = sends.command(slack, ana, "note", channel.id)
    slack.triggers[given["trigger_id"]] = (ana, -10.0)
    rose.post("command", urlencode(given).encode())
    rose.settle()
    assert slack.forms == [] and slack.whispered(ana) == [
        "The form came too late, or Slack did not take it. Try again."
    ]


@contextmanager
def writer_taken(rose: Desk) -> Iterator[threading.Event]:
    """The writer is taken until the event is set: for longer than Slack waits."""
    taken, free = threading.Event(), threading.Event()

    def hold() -> None:
        with rose.here.app.database.work(SYSTEM):
            taken.set()
            free.wait(10)

    writer = threading.Thread(target=hold)
    writer.start()
    assert taken.wait(5)
    try:
        yield free
    finally:
        free.set()
        writer.join()


def test_a_form_that_can_not_be_written_down_in_time_stays_open_and_is_done_once(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    rose.says("ana", "note", channel.id)
    body = sends.as_form(sends.submitted(rose.form, text="The disk is full"))
    with writer_taken(rose):
        answer = rose.post("answers", body).json()
        assert answer == {"response_action": "errors", "errors": {"text": chatting.AGAIN}}
    rose.here.run(_a_moment(rose))
    assert (rose.post("answers", body).content, [one.text for one in entries_of(rose, Noted)]) == (
        b"",
        ["The disk is full"],
    )


def test_a_form_closes_in_time_and_what_is_wrong_is_said_afterwards(rose: Desk, slack: Workspace) -> None:
    _, channel = rose.declare()
    rose.says("ana", "note", channel.id)
    sent = slackin.read(slackin.INTERACTIVE, sends.submitted(rose.form, text=" "))
    assert isinstance(sent, slackin.Sent)
    chat = rose.here.app.chatting

    async def story() -> None:
        assert await chat.take(sent) is Taken.KEPT
        with writer_taken(rose):
            assert await chat.in_time(sent, seconds=0.01) == {}
        await _a_moment(rose)

    rose.here.run(story())
    rose.settle()
    (said,) = slack.whispered(slack.person("ana"))
    assert said.startswith("Say something")


async def _a_moment(rose: Desk) -> None:
    """Until the work that was left behind is done."""
    async with asyncio.timeout(5):
        while rose.here.app.chatting.is_late:
            await asyncio.sleep(0.01)
