"""What became of a page: in the room, over the API, in a terminal; and sending again what was given up."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tests.support.world import ROSE, RecordingChannel
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, dispatch, secrecy

OUTAGE: dict[str, Any] = {"title": "It hangs", "severity": "P1", "type": "service_outage", "service": "rose"}
GONE = Dead("SMTP 550 no such mailbox")


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def declare(here: Served, mail: RecordingChannel) -> str:
    incident = here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **OUTAGE))
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    return incident.id


def reader(here: Served) -> dict[str, str]:
    return here.bearer("incidents:read", "incidents:write", person="ben")


def test_the_room_and_the_api_say_who_took_a_page_who_looked_and_who_answered(here: Served) -> None:
    mail = RecordingChannel()
    incident = declare(here, mail)
    (page,) = [one for one in mail.sent if one.person == "ana"]
    link = (page.actions or {})["answer"].removeprefix("https://tocsin.example.org")
    stranger = Visitor(here)
    assert stranger.open(link).status == 200
    assert stranger.do(link, link).says("Acknowledged by you")
    (shown,) = here.get(f"/api/v1/incidents/{incident}/pages", headers=reader(here)).json()["pages"]
    assert (shown["person"], shown["step"], shown["declined_at"]) == ("ana", 0, None)
    (message,) = shown["messages"]
    assert [one["kind"] for one in message["receipts"]] == ["sent", "opened", "answered"]
    assert message["receipts"][0]["provider"] == "email" and message["receipts"][0]["took_seconds"] == 0
    room = Visitor(here, "ben").open(f"/incidents/{incident}")
    assert room.says("taken by email after 0 s") and room.says("answered after 0 s: acknowledge")


def test_a_head_request_opens_nothing(here: Served) -> None:
    mail = RecordingChannel()
    incident = declare(here, mail)
    link = (mail.sent[0].actions or {})["answer"].removeprefix("https://tocsin.example.org")
    here.request("HEAD", link)
    (shown,) = here.get(f"/api/v1/incidents/{incident}/pages", headers=reader(here)).json()["pages"]
    assert [one["kind"] for one in shown["messages"][0]["receipts"]] == ["sent"]


def test_declining_and_escalating_through_the_link_needs_no_sign_in(here: Served) -> None:
    mail = RecordingChannel()
    incident = declare(here, mail)
    link = (mail.sent[0].actions or {})["answer"].removeprefix("https://tocsin.example.org")
    stranger = Visitor(here)
    assert stranger.do(link, f"{link}/decline", because="On a plane").says("you can't")
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    assert [one.person for one in mail.sent] == ["ana", "ben"]
    timeline = here.get(f"/api/v1/incidents/{incident}/timeline", headers=reader(here)).text
    assert "cannot take it, and said so through link: On a plane." in timeline
    (page,) = [one for one in mail.sent if one.person == "ben"]
    link = (page.actions or {})["answer"].removeprefix("https://tocsin.example.org")
    assert stranger.send(f"{link}/escalate", {}).status == 200
    assert stranger.send("/a/pag_FORGED.AAAA/decline", {}).status == 404


def test_the_room_has_buttons_for_whoever_was_paged(here: Served) -> None:
    mail = RecordingChannel()
    incident = declare(here, mail)
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    assert f"/incidents/{incident}/decline" not in {one.action for one in ben.open(f"/incidents/{incident}").forms()}
    room = ana.open(f"/incidents/{incident}")
    assert ana.press(room, f"/incidents/{incident}/escalate").onward.endswith("done=escalated")
    assert ana.press(room, f"/incidents/{incident}/escalate").onward.endswith("done=escalated")  # pressed twice
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    assert [one.person for one in mail.sent] == ["ana", "ben"]
    assert ana.press(room, f"/incidents/{incident}/decline").onward.endswith("done=declined")
    headers = here.bearer("incidents:write", person="lucia")
    refused = here.post(f"/api/v1/incidents/{incident}/decline", headers=headers, json={})
    assert refused.status_code == 409 and "not paged" in refused.text
    assert here.post(f"/api/v1/incidents/{incident}/escalate", headers=headers, json={"step": 0}).status_code == 200
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    assert len(mail.sent) == 2


# ---- What was given up ----


def test_what_was_given_up_is_shown_with_its_reason_and_sent_again(here: Served) -> None:
    mail = RecordingChannel(answers={"ben@rose.example": GONE, "ana@rose.example": GONE})
    declare(here, mail)
    ben = Visitor(here, "ben")
    page = ben.open("/undelivered")
    assert page.says("SMTP 550 no such mailbox") and page.says("It hangs")
    mail.answers.clear()
    (form, *_) = [one for one in page.forms() if one.action.endswith("/resend")]
    assert ben.press(page, form.action).onward == "/undelivered?done=resent"
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    assert [one.person for one in mail.sent] == ["ana"]
    again = ben.press(page, form.action)
    assert again.status == 404


def test_a_page_that_was_answered_is_not_sent_again(here: Served) -> None:
    mail = RecordingChannel(answers={"ana@rose.example": GONE})
    incident = declare(here, mail)
    headers = reader(here)
    (lost,) = here.get("/api/v1/messages/undelivered", headers=headers).json()["messages"]
    here.app.database.run(SYSTEM, lambda tx: commands.acknowledge(tx, incident))
    refused = here.post(f"/api/v1/messages/{lost['id']}/resend", headers=headers)
    assert refused.status_code == 409 and "answered already" in refused.text
    assert here.post("/api/v1/messages/msg_NONE/resend", headers=headers).status_code == 404


def test_what_was_withdrawn_or_brought_a_code_is_no_dead_letter(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, **OUTAGE)
        about = {"channel": "email", "address": "a@b.example", "subject": "Your Tocsin code is 123456", "body": ""}
        outbox.queue(tx, dedup_key="code", audience="verification", **about)
    with here.app.database.work(SYSTEM) as tx:
        for message in outbox.claim(tx, 10):
            if message.audience == "verification":
                outbox.record(tx, message, GONE)
        commands.acknowledge(tx, incident.id)
    assert here.get("/api/v1/messages/undelivered", headers=reader(here)).json()["messages"] == []


def test_who_may_not_see_an_incident_sees_nothing_that_was_sent_for_it(here: Served) -> None:
    mail = RecordingChannel(answers={"ana@rose.example": GONE})
    incident = declare(here, mail)
    here.app.database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident, "An intruder"))
    outsider = here.bearer("incidents:read", "incidents:write", name="program")
    assert here.get("/api/v1/messages/undelivered", headers=outsider).json()["messages"] == []
    assert here.get(f"/api/v1/incidents/{incident}/pages", headers=outsider).status_code == 404
    with here.app.database.read(SYSTEM) as tx:
        (lost, *_) = outbox.undelivered(tx, 10)
    assert here.post(f"/api/v1/messages/{lost.id}/resend", headers=outsider).status_code == 404


# ---- Several at once ----


def test_the_link_of_a_gathered_page_shows_the_list_and_answers_all_of_it(here: Served) -> None:
    plan = ROSE.replace("\npaging:\n", "\npaging:\n  gather_within: 30 s\n")
    here.app.database.run(SYSTEM, lambda tx: plan_commands.apply(tx, plan, "storms", accept_large=True))
    mail = RecordingChannel()
    for _ in range(3):
        declare(here, mail)
    here.clock.advance_to(here.clock.now() + timedelta(seconds=30))
    asyncio.run(dispatch.send_due(here.app.database, {"email": mail}))
    together = mail.sent[-1]
    assert together.subject.startswith("2 incidents page you")
    link = (together.actions or {})["answer"].removeprefix("https://tocsin.example.org")
    stranger = Visitor(here)
    page = stranger.open(link)
    assert page.says("2 incidents page you") and page.says("Waits for an answer")
    singly = [form.action for form in page.forms() if form.action.startswith("/a/") and form.action != link]
    assert len(singly) == 2
    assert stranger.send(singly[0], {}).says("Acknowledged by you")
    assert stranger.press(page, link).says("All of them are answered")
    assert stranger.send(f"{link}/decline", {}).status == 200
    assert stranger.open("/a/pag_FORGED.AAAA/all").status == 404
