"""Text messages and calls, to a Twilio of this machine that is as strict as the real one; and providers in a row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web

from tests.support import twilio as there
from tests.support.twilio import Twilio
from tocsin.delivery import providers
from tocsin.delivery.channel import Channel, Dead, Delivered, Message, Result, Retry
from tocsin.delivery.failover import Failover
from tocsin.delivery.twilio import Account, TwilioSms, TwilioVoice, call, is_signed, outcome
from tocsin.kit.clock import ManualClock
from tocsin.settings import BadSetting, Settings, read

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
PAGE = Message(
    id="msg_1",
    dedup_key="pag_1-0",
    channel="sms",
    address="+4917012345",
    subject="[P1] Voice & <Say>hangs</Say> (#12)",
    body="[P1] Voice hangs (#12)\nhttps://tocsin.example.org/a/pag_1.sig.0\n",
    created_at=NOW,
    send_at=NOW,
    actions={"answer": "https://tocsin.example.org/a/pag_1.sig.0", "room": "https://tocsin.example.org/incidents/i"},
)


def speak(story: Callable[[Twilio, Callable[[], aiohttp.ClientSession]], Awaitable[T]]) -> T:
    async def told() -> T:
        async with there.twilio() as server, aiohttp.ClientSession() as http:
            return await story(server, lambda: http)

    return asyncio.run(told())


def account(server: Twilio, token: str = there.TOKEN) -> Account:
    return Account(there.SID, token, there.SENDER, server.url, "https://tocsin.example.org/in/twilio")


def send_sms(message: Message, prepare: Callable[[Twilio], None] = lambda _: None) -> tuple[Result, Twilio]:
    async def story(server: Twilio, session: Callable[[], aiohttp.ClientSession]) -> tuple[Result, Twilio]:
        prepare(server)
        return await TwilioSms(session, account(server)).send(message), server

    return speak(story)


def changed(**values: object) -> Message:
    return Message(**{**vars(PAGE), **values})  # type: ignore[arg-type]


def test_a_text_message_says_what_is_wrong_and_how_to_answer() -> None:
    result, server = send_sms(PAGE)
    (sent,) = server.sent
    assert result == Delivered(sent.sid, "twilio")
    assert sent.fields["Body"].startswith("[P1] Voice hangs (#12)\nhttps://tocsin.example.org/a/")
    assert sent.fields["Body"].endswith("Reply 1 to acknowledge, 2 for the next step, 3 if you can't.")
    assert sent.fields["StatusCallback"] == "https://tocsin.example.org/in/twilio/status/msg_1"


def test_what_is_no_page_asks_for_no_reply_and_what_is_long_is_cut() -> None:
    _, server = send_sms(changed(actions=None, body="x" * 5000))
    assert server.sent[0].fields["Body"] == "x" * 1599 + "…"


def test_a_number_that_is_none_is_dead_with_twilios_own_reason() -> None:
    result, _ = send_sms(changed(address="+0"))
    assert isinstance(result, Dead)
    assert "Twilio 21211" in result.reason


def test_wrong_credentials_are_for_an_administrator_to_mend_and_another_provider_may_take_it() -> None:
    async def story(server: Twilio, session: Callable[[], aiohttp.ClientSession]) -> Result:
        return await TwilioSms(session, account(server, "wrong")).send(PAGE)

    result = speak(story)
    assert isinstance(result, Retry)
    assert result.down
    assert "20003" in result.reason
    assert "wrong" not in result.reason


def test_too_many_requests_wait_as_long_as_twilio_says() -> None:
    result, _ = send_sms(PAGE, lambda server: server.refuse(429, 20429, "Too Many Requests", **{"Retry-After": "7"}))
    assert result == Retry("HTTP 429: Twilio 20429 Too Many Requests", timedelta(seconds=7))


def test_a_failure_of_twilio_is_tried_again() -> None:
    result, _ = send_sms(PAGE, lambda server: server.refuse(503, 20503, "Service unavailable"))
    assert result == Retry("HTTP 503: Twilio 20503 Service unavailable", down=True)


def test_a_call_says_it_and_asks_for_a_key() -> None:
    async def story(server: Twilio, session: Callable[[], aiohttp.ClientSession]) -> tuple[Result, Twilio]:
        return await TwilioVoice(session, account(server)).send(PAGE), server

    result, server = speak(story)
    (sent,) = server.sent
    assert result == Delivered(sent.sid, "twilio")
    assert there.gathered(sent.fields["Twiml"]) == "https://tocsin.example.org/in/twilio/voice/msg_1"
    assert "Voice &amp; &lt;Say&gt;hangs&lt;/Say&gt;" in sent.fields["Twiml"]
    assert there.gathered(call("Your code is 1 2 3", None)) == ""


# ---- Signatures ----

VECTOR = {"From": "+15550100", "Body": "ack 42", "To": "+15550199"}
AT = "https://oncall.example.org/twilio/sms?u=7"


def test_a_signature_is_what_twilios_own_library_makes() -> None:
    assert is_signed(there.TOKEN, AT, VECTOR, "XA+ETRoxfvkAn9yj1TqKN8/jD+w=")
    assert is_signed(there.TOKEN, AT, VECTOR, there.sign(AT.replace(".org/", ".org:443/"), VECTOR))


@pytest.mark.parametrize(
    ("url", "fields", "signature"),
    [
        (AT.replace("u=7", "u=8"), VECTOR, "XA+ETRoxfvkAn9yj1TqKN8/jD+w="),
        (AT, {**VECTOR, "Body": "ack 43"}, "XA+ETRoxfvkAn9yj1TqKN8/jD+w="),
        (AT, VECTOR, ""),
        (AT, VECTOR, "é"),
    ],
)
def test_anything_else_is_not_signed(url: str, fields: dict[str, str], signature: str) -> None:
    assert not is_signed(there.TOKEN, url, fields, signature)
    assert not is_signed("another token", AT, VECTOR, "XA+ETRoxfvkAn9yj1TqKN8/jD+w=")


def test_what_a_status_means() -> None:
    assert [outcome(one, "") for one in ("queued", "sent", "ringing", "in-progress")] == [None] * 4
    assert outcome("delivered", "") == outcome("completed", "") == Delivered()
    assert outcome("undelivered", "30003") == Dead("Twilio: undelivered (30003)")
    assert outcome("no-answer", "") == Dead("Twilio: no-answer")


# ---- Providers in a row ----


class Answers:
    def __init__(self, *results: Result) -> None:
        self.results = list(results)
        self.asked = 0

    async def send(self, _message: Message) -> Result:
        self.asked += 1
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


class Hangs:
    async def send(self, _message: Message) -> Result:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def ask(times: int = 1, clock: ManualClock | None = None, **named: Channel) -> list[Result]:
    failover = Failover(named, clock or ManualClock(NOW), timedelta(milliseconds=20))

    async def story() -> list[Result]:
        return [await failover.send(PAGE) for _ in range(times)]

    return asyncio.run(story())


DOWN, REFUSED = Retry("HTTP 503", down=True), Dead("HTTP 400")


def test_the_next_provider_is_asked_when_one_fails_refuses_or_hangs() -> None:
    for first in (Answers(DOWN), Answers(REFUSED), Hangs()):
        assert ask(first=first, second=Answers(Delivered("m-1"))) == [Delivered("m-1", "second")]


def test_the_first_that_takes_it_is_enough() -> None:
    second = Answers(Delivered())
    assert ask(first=Answers(Delivered("m-1")), second=second) == [Delivered("m-1", "first")]
    assert second.asked == 0


def test_it_is_dead_only_if_every_provider_says_so() -> None:
    assert ask(first=Answers(REFUSED), second=Answers(REFUSED)) == [Dead("first: HTTP 400; second: HTTP 400")]
    (result,) = ask(first=Answers(REFUSED), second=Answers(DOWN))
    assert result == Retry("first: HTTP 400; second: HTTP 503", down=True)
    (result,) = ask(first=Answers(Retry("HTTP 429", timedelta(seconds=9))), second=Answers(DOWN))
    assert result == Retry("first: HTTP 429; second: HTTP 503", timedelta(seconds=9))


def test_a_provider_that_keeps_failing_is_passed_over_without_being_asked() -> None:
    first, second = Answers(DOWN), Answers(Delivered())
    ask(times=20, first=first, second=second)
    assert (first.asked, second.asked) == (5, 20)


def test_a_second_provider_takes_text_messages_as_json() -> None:
    heard: list[tuple[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        heard.append((request.headers["Authorization"], await request.json()))
        return web.json_response({"id": 77}, status=202)

    async def story() -> Result:
        application = web.Application()
        application.router.add_post("/send", take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/send"
        settings = Settings(sms_url=url, sms_token="s3cret")
        async with aiohttp.ClientSession() as http:
            result = await providers.channels(settings, lambda: http, ManualClock(NOW))["sms"].send(PAGE)
        await runner.cleanup()
        return result

    assert asyncio.run(story()) == Delivered("77", "http")
    assert heard == [("Bearer s3cret", {"id": "pag_1-0", "to": "+4917012345", "text": PAGE.body.strip()})]


# ---- Settings ----


def test_channels_are_those_that_the_settings_set_up() -> None:
    def known(**values: str) -> set[str]:
        return set(providers.channels(Settings(**values), aiohttp.ClientSession, ManualClock(NOW)))  # type: ignore[arg-type]

    assert known() == set()
    assert known(sms_url="https://sms.example/send") == {"sms"}
    twilio = {"twilio_account_sid": there.SID, "twilio_auth_token": there.TOKEN, "twilio_from": there.SENDER}
    assert known(**twilio) == {"sms", "voice"}
    assert known(**twilio, sms_providers="http") == {"voice"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"TOCSIN_TWILIO_ACCOUNT_SID": "AC1"}, "belong together"),
        ({"TOCSIN_SMS_PROVIDERS": "twilio pigeon"}, "'pigeon'"),
        ({"TOCSIN_SMS_URL": "ftp://x"}, "must begin with http"),
    ],
)
def test_a_setting_that_can_not_work_is_refused(setting: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        read(setting)
