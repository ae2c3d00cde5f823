"""Pushes to a browser: readable by it alone, proven to its service, and never to an address inside."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.support.webpush import Browser, Service, decoded, serving
from tocsin.delivery.channel import TEST, Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.delivery.webpush import WebPush, private_key, public_key, shown
from tocsin.kit.clock import ManualClock

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
SECRET = "q8lqg7-QZ9tIv0Gx5x0E4zH7kPjJm3m1m5v0m7wR2cA"
CONTACT = "mailto:ops@rose.example"
ANSWER = "https://tocsin.example.org/a/pag_1.sig.0"
PAGE = Message(
    id="msg_7KQ2M4XW9A2B",
    dedup_key="pag_1-0",
    channel="push",
    address="https://push.example.org/…7KQ2M4",
    subject="[P1] Stimme hängt 🔥 (#12)",
    body=f"[P1] Stimme hängt 🔥 (#12)\n{ANSWER}\n",
    created_at=NOW,
    send_at=NOW,
    urgency="high",
    actions={"answer": ANSWER, "room": "https://tocsin.example.org/incidents/i"},
)
Prepare = Callable[[Service], None]


def push(
    message: Message = PAGE,
    prepare: Prepare = lambda _: None,
    *,
    secret: str = SECRET,
    allow_private: bool = True,
    endpoint: str = "",
) -> tuple[Result, Service]:
    """Send it to a browser that is subscribed with the key of SECRET."""

    async def story() -> tuple[Result, Service]:
        resolver = PublicResolver(allow_private=allow_private)
        here = Service(NOW, public_key(SECRET), CONTACT)
        async with serving(here), open_session(resolver, timedelta(seconds=5)) as http:
            prepare(here)
            here.browser.endpoint = endpoint or here.browser.endpoint
            channel = WebPush(lambda: http, resolver, ManualClock(NOW), secret, CONTACT)
            return await channel.send(replace(message, secret=here.browser.secret)), here

    return asyncio.run(story())


def saying(status: int, **headers: str) -> Prepare:
    return lambda service: service.answers.append((status, headers))


def test_a_page_is_read_by_the_browser_and_keeps_its_words_and_its_answer() -> None:
    result, service = push()
    assert result == Delivered(provider="127.0.0.1")
    (taken,) = service.taken
    assert taken.said == {
        "title": PAGE.subject,
        "text": "",
        "link": ANSWER,
        "answer": ANSWER,
        "button": "Acknowledge",
        "stays": True,
        "tag": PAGE.id,
    }
    assert (taken.headers["TTL"], taken.headers["Urgency"], taken.headers["Topic"]) == ("3600", "high", PAGE.id)


def test_a_test_asks_for_nothing_but_a_sign_that_it_came() -> None:
    assert shown(PAGE)["button"] == "Acknowledge"
    assert shown(replace(PAGE, audience=TEST))["button"] == "It has reached me"


def test_what_may_wait_waits_longer_and_a_code_only_as_long_as_it_is_good() -> None:
    _, service = push(replace(PAGE, urgency="low"))
    assert (service.taken[0].headers["TTL"], service.taken[0].headers["Urgency"]) == ("21600", "normal")
    assert service.taken[0].said["stays"] is False
    code = "Your code is 123456.\n\nhttps://tocsin.example.org/me?verify=con_1&code=123456#contacts\n"
    _, service = push(replace(PAGE, urgency=None, actions=None, subject="Your code", body=code))
    (taken,) = service.taken
    assert (taken.headers["TTL"], taken.said["text"], taken.said["answer"]) == ("900", "Your code is 123456.", "")
    assert taken.said["link"].endswith("?verify=con_1&code=123456#contacts")


@pytest.mark.parametrize("letter", ["x", "ä", "😀", '"', "\x01", "\n"])
def test_a_long_page_in_any_letters_is_taken(letter: str) -> None:
    result, service = push(replace(PAGE, subject=letter * 400, body=letter * 20_000))
    assert isinstance(result, Delivered), result
    assert len(json.dumps(service.taken[0].said, ensure_ascii=False).encode()) < 3993


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_has_ended_is_gone(status: int) -> None:
    result, _ = push(prepare=saying(status))
    assert result == Dead(f"HTTP {status}: the browser is subscribed no more", gone=True)


def test_what_may_go_through_later_is_told_from_what_never_will() -> None:
    assert push(prepare=saying(429, **{"Retry-After": "17"}))[0] == Retry("HTTP 429", timedelta(seconds=17))
    assert push(prepare=saying(503))[0] == Retry("HTTP 503", down=True)
    assert push(prepare=saying(413))[0] == Dead("HTTP 413")
    assert push(secret="A" * 43)[0] == Dead("HTTP 403")  # another key than the browser subscribed with
    nobody, _ = push(endpoint="http://127.0.0.1:1/send/x")
    assert isinstance(nobody, Retry) and nobody.down


def test_nothing_is_sent_inside_nor_where_an_answer_leads() -> None:
    for address in ("http://127.0.0.1:8000/x", "http://[::1]/x", "http://10.0.0.1/x", "http://localhost/x"):
        result, service = push(allow_private=False, endpoint=address)
        assert isinstance(result, Dead) and "public address" in result.reason and not service.asked
    result, service = push(prepare=lambda one: one.answers.append((307, {"Location": one.browser.endpoint})))
    assert result == Dead("HTTP 307") and service.asked == 1


def test_a_subscription_that_is_none_is_refused_without_a_word_of_it() -> None:
    async def story(secret: str) -> Result:
        resolver = PublicResolver(allow_private=True)
        async with aiohttp.ClientSession() as http:
            channel = WebPush(lambda: http, resolver, ManualClock(NOW), SECRET, CONTACT)
            return await channel.send(replace(PAGE, secret=secret))

    browser = Browser("http://127.0.0.1:1/send/hidden")
    for secret in ("", "{}", browser.secret.replace(browser.subscription["keys"]["p256dh"], "AAAA")):
        result = asyncio.run(story(secret))
        assert isinstance(result, Dead) and "hidden" not in result.reason


def test_the_key_is_the_same_at_every_start_and_no_secret_is_out_of_bounds() -> None:
    assert public_key(SECRET) == public_key(SECRET) and len(decoded(public_key(SECRET))) == 65
    assert private_key("A" * 43).private_numbers().private_value == 1
    assert private_key("_" * 43).private_numbers().private_value > 0
