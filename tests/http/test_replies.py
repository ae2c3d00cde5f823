"""What providers call back with: signed or refused; what became of a message, and what its reader answered."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support import twilio
from tests.support.served import Served, served
from tests.support.world import RecordingChannel
from tocsin.audit.model import Deed
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Message
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Paged, Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import commands, dispatch, secrecy, tick

SECRET = "a-long-random-text"
ANA, BEN = "+4917012345", "+4917012346"
OUTAGE: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    about = {"twilio_account_sid": twilio.SID, "twilio_auth_token": twilio.TOKEN, "twilio_from": twilio.SENDER}
    about |= {"telegram_token": "123:AA", "telegram_secret": SECRET}
    with served(sqlite_url, **about) as one:
        with one.app.database.work(SYSTEM) as tx:
            for handle, number in (("ana", ANA), ("ben", BEN)):
                people.add_contact(tx, handle, Channel.SMS, number, verified=True)
                people.add_contact(tx, handle, Channel.VOICE, number, verified=True)
        yield one


def declare(here: Served, **changes: Any) -> Incident:
    incident: Incident = here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **{**OUTAGE, **changes}))
    send(here)
    return incident


def send(here: Served) -> None:
    known = {"sms": RecordingChannel(), "voice": RecordingChannel(), "telegram": RecordingChannel()}
    asyncio.run(dispatch.send_due(here.app.database, known))


def message(here: Served, incident: Incident, channel: str, person: str = "ana") -> Message:
    with here.app.database.read(SYSTEM) as tx:
        found = outbox.for_incident(tx, incident.id)
    return next(one for one in found if (one.channel, one.person) == (channel, person))


def call(here: Served, path: str, fields: dict[str, str], signature: str | None = None) -> httpx2.Response:
    url = f"https://tocsin.example.org{path}"
    headers = {"X-Twilio-Signature": twilio.sign(url, fields) if signature is None else signature}
    return here.post(path, data=fields, headers=headers)


def text(here: Served, body: str, sender: str = ANA) -> str:
    answer = call(here, "/in/twilio/sms", {"From": sender, "To": twilio.SENDER, "Body": body, "MessageSid": "SM1"})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/xml")
    twilio.gathered(answer.text)
    return answer.text.removeprefix("<Response><Message>").removesuffix("</Message></Response>")


def now(here: Served, incident: Incident) -> Incident:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, incident.id)


def entries(here: Served, incident: Incident, kind: type[Any]) -> list[Any]:
    with here.app.database.read(SYSTEM) as tx:
        return [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, kind)]


def kinds(here: Served, one: Message) -> list[str]:
    with here.app.database.read(SYSTEM) as tx:
        return [str(each.kind) for each in receipts.of_messages(tx, [one.id])[one.id]]


# ---- Text messages ----


def test_a_reply_acknowledges_in_the_name_of_whoever_owns_the_number(here: Served) -> None:
    incident = declare(here)
    assert text(here, " 1 ") == f"P1 number {incident.number} is acknowledged by you."
    after = now(here, incident)
    assert after.acknowledged_by == "ana"
    assert kinds(here, message(here, incident, "sms")) == ["sent", "answered"]
    assert text(here, "ack") == "Nothing waits for your answer."


def test_a_reply_declines_or_sends_it_on(here: Served) -> None:
    first = declare(here)
    assert text(here, "can't") == f"P1 number {first.number}: whoever is next is paged."
    assert [one.people for one in entries(here, first, Paged)] == [("ana",), ("ben",)]
    send(here)
    assert text(here, "escalate", BEN) == f"P1 number {first.number}: whoever is next is paged."
    assert len(entries(here, first, Paged)) == 3


def test_with_several_incidents_a_reply_must_say_which(here: Served) -> None:
    first, second = declare(here), declare(here, title="Memory is gone")
    said = text(here, "1")
    assert said.startswith("2 incidents wait for you:") and "Memory is gone" in said
    assert now(here, first).acknowledged_at is None
    assert "acknowledged by you" in text(here, f"1 {second.number}")
    assert now(here, first).acknowledged_at is None
    third = declare(here, title="Again")
    assert text(here, "ack all").count("acknowledged by you") == 2
    assert now(here, third).acknowledged_by == now(here, first).acknowledged_by == "ana"


def test_whoever_is_not_known_or_says_something_else_answers_nothing(here: Served) -> None:
    incident = declare(here)
    assert text(here, "1", "+15559999") == "This number is not known here."
    assert text(here, "What is this?").startswith("Reply 1 to acknowledge")
    assert text(here, "1", BEN) == "Nothing waits for your answer."
    assert now(here, incident).acknowledged_at is None


def test_a_number_that_is_not_verified_answers_nothing(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", Channel.SMS, "+15550007")
    declare(here)
    assert text(here, "1", "+15550007") == "This number is not known here."


def test_what_is_confidential_is_not_named_in_a_reply(here: Served) -> None:
    for title in ("An intruder", "Another intruder"):
        incident = declare(here, title=title)
        here.app.database.run(SYSTEM, lambda tx, one=incident: secrecy.make_confidential(tx, one.id, "x"))  # type: ignore[misc]
    assert "ntruder" not in text(here, "1")


# ---- Calls ----


@pytest.mark.parametrize(("key", "said"), [("1", "acknowledged by you"), ("2", "whoever is next"), ("3", "whoever is")])
def test_a_key_answers_the_call(here: Served, key: str, said: str) -> None:
    incident = declare(here)
    one = message(here, incident, "voice")
    answer = call(here, f"/in/twilio/voice/{one.id}", {"CallSid": "CA1", "Digits": key})
    assert said in answer.text
    assert kinds(here, one) == ["sent", "answered"]
    assert (now(here, incident).acknowledged_by == "ana") is (key == "1")


def test_another_key_answers_nothing(here: Served) -> None:
    incident = declare(here)
    one = message(here, incident, "voice")
    assert "means nothing" in call(here, f"/in/twilio/voice/{one.id}", {"Digits": "9"}).text
    assert now(here, incident).acknowledged_at is None
    assert "nothing to answer" in call(here, "/in/twilio/voice/msg_NONE", {"Digits": "1"}).text


# ---- What became of it ----


def test_an_arrival_is_kept_once(here: Served) -> None:
    incident = declare(here)
    one = message(here, incident, "sms")
    for _ in range(2):
        answer = call(here, f"/in/twilio/status/{one.id}", {"MessageSid": "SM1", "MessageStatus": "delivered"})
        assert answer.status_code == 200
    assert kinds(here, one) == ["sent", "delivered"]
    call(here, f"/in/twilio/status/{one.id}", {"MessageSid": "SM1", "MessageStatus": "sending"})
    assert kinds(here, one) == ["sent", "delivered"]


def test_when_neither_text_nor_call_arrives_the_next_step_is_paged(here: Served) -> None:
    incident = declare(here)
    sms, voice = message(here, incident, "sms"), message(here, incident, "voice")
    call(here, f"/in/twilio/status/{sms.id}", {"MessageStatus": "undelivered", "ErrorCode": "30003"})
    assert [one.people for one in entries(here, incident, Paged)] == [("ana",)]
    for _ in range(2):
        call(here, f"/in/twilio/status/{voice.id}", {"CallStatus": "no-answer"})
    assert [one.reason for one in entries(here, incident, Undelivered)] == [
        "Twilio: undelivered (30003)",
        "Twilio: no-answer",
    ]
    here.app.database.run(SYSTEM, tick.settle_due)
    assert [one.people for one in entries(here, incident, Paged)] == [("ana",), ("ben",)]


# ---- Who calls ----


@pytest.mark.parametrize("path", ["/in/twilio/sms", "/in/twilio/voice/msg_1", "/in/twilio/status/msg_1"])
def test_what_twilio_has_not_signed_is_refused(here: Served, path: str) -> None:
    incident = declare(here)
    fields = {"From": ANA, "Body": "1", "Digits": "1", "MessageStatus": "failed"}
    for forged in ("", "AAAA", twilio.sign(f"https://elsewhere.example{path}", fields)):
        refused = call(here, path, fields, forged)
        assert refused.status_code == 403 and "not signed" in refused.text
    (noted,) = here.app.refusals.take()
    assert (noted.deed, noted.count) == (Deed.TOKEN_REFUSED, 3) and noted.about.startswith(path.partition("/msg")[0])
    assert here.get(path).status_code == 405
    assert now(here, incident).acknowledged_at is None


def test_where_twilio_is_not_set_up_there_is_nothing_at_its_addresses(sqlite_url: str) -> None:
    with served(sqlite_url) as plain:
        assert call(plain, "/in/twilio/sms", {"From": ANA, "Body": "1"}).status_code == 404


# ---- Telegram ----


def update(here: Served, body: Any, secret: str = SECRET) -> httpx2.Response:
    return here.post("/in/telegram", json=body, headers={"X-Telegram-Bot-Api-Secret-Token": secret})


def pressed(data: str, chat: int = 77) -> dict[str, Any]:
    about = {"message_id": 1, "date": 1, "chat": {"id": chat, "type": "private"}, "text": "[P1] …"}
    return {"update_id": 1, "callback_query": {"id": "cb1", "from": {"id": chat}, "message": about, "data": data}}


def said(text: str, chat: int = 77) -> dict[str, Any]:
    return {"update_id": 2, "message": {"message_id": 2, "chat": {"id": chat, "type": "private"}, "text": text}}


@pytest.fixture
def chatting(here: Served) -> Served:
    with here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", Channel.TELEGRAM, "77", verified=True)
    return here


def test_a_button_answers_in_the_chat_that_the_page_was_sent_to_and_nowhere_else(chatting: Served) -> None:
    incident = declare(chatting)
    one = message(chatting, incident, "telegram")
    stranger = update(chatting, pressed(f"acknowledge:{one.id}", chat=78)).json()
    assert stranger["text"] == "This page is somebody else's."
    assert now(chatting, incident).acknowledged_at is None
    answer = update(chatting, pressed(f"acknowledge:{one.id}")).json()
    assert (answer["method"], answer["callback_query_id"]) == ("answerCallbackQuery", "cb1")
    assert "acknowledged by you" in answer["text"]
    assert now(chatting, incident).acknowledged_by == "ana"


def test_a_button_of_another_kind_of_message_answers_nothing(chatting: Served) -> None:
    incident = declare(chatting)
    for data in (f"acknowledge:{message(chatting, incident, 'sms').id}", "acknowledge:msg_NONE", "delete:msg", ""):
        assert update(chatting, pressed(data)).status_code == 200
    assert now(chatting, incident).acknowledged_at is None


def test_words_answer_too_and_a_stranger_learns_the_number_of_the_chat(chatting: Served) -> None:
    incident = declare(chatting)
    assert "This chat is 78" in update(chatting, said("/start", chat=78)).json()["text"]
    assert "This chat is 78" in update(chatting, said("ack", chat=78)).json()["text"]
    assert now(chatting, incident).acknowledged_at is None
    assert "acknowledged by you" in update(chatting, said("ack")).json()["text"]


def test_what_telegram_has_not_sent_is_refused(chatting: Served) -> None:
    for secret in ("", "wrong", SECRET[:-1]):
        assert update(chatting, said("ack"), secret).status_code == 403
    (noted,) = chatting.app.refusals.take()
    assert (noted.deed, noted.about, noted.count) == (Deed.TOKEN_REFUSED, "/in/telegram", 3)
    assert update(chatting, ["no update"]).status_code == 400
