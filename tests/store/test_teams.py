"""Messages in Teams, to a workflow here that is as strict as the real one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import teams
from tests.support.teams import SIGNATURE, Workflow
from tocsin.delivery.channel import TEST, Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.delivery.teams import TeamsMessages
from tocsin.kit.errors import Invalid
from tocsin.people import addresses
from tocsin.people.model import Channel

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ANSWER, ROOM = "https://tocsin.example.org/a/pag_1.sig.0", "https://tocsin.example.org/incidents/i"
PAGE = Message(
    id="msg_7KQ2M4XW9A2B",
    dedup_key="pag_1-0",
    channel="teams_dm",
    address="https://flow.example.org/…7KQ2M4",
    subject="[P1] [Stimme](https://evil.example) hängt 🔥 (#12)",
    body=f"[P1] [Stimme](https://evil.example) hängt 🔥 (#12)\n{ANSWER}\n",
    created_at=NOW,
    send_at=NOW,
    actions={"answer": ANSWER, "room": ROOM},
)
Prepare = Callable[[Workflow], None]


def send(
    message: Message = PAGE, prepare: Prepare = lambda _: None, *, allow_private: bool = True
) -> tuple[Result, Workflow]:
    async def story() -> tuple[Result, Workflow]:
        resolver = PublicResolver(allow_private=allow_private)
        async with teams.workflow() as here, open_session(resolver, timedelta(seconds=5)) as http:
            prepare(here)
            return await TeamsMessages(lambda: http, resolver).send(replace(message, secret=here.url)), here

    return asyncio.run(story())


def refusing(status: int, **headers: str) -> Prepare:
    return lambda workflow: workflow.refusals.append((status, headers))


def test_a_page_is_a_card_whose_words_are_words_and_whose_buttons_lead_to_its_answer() -> None:
    result, workflow = send()
    assert result == Delivered(provider="teams")
    (card,) = workflow.cards
    assert teams.said(card) == [PAGE.subject]
    assert [(one["title"], one["url"]) for one in card["actions"]] == [("Answer", ANSWER), ("The incident", ROOM)]


def test_a_test_has_one_button_that_says_that_it_came() -> None:
    _, here = send(replace(PAGE, audience=TEST, actions={"answer": ANSWER, "room": ANSWER, "reply": "r"}))
    (card,) = here.cards
    assert [(one["title"], one["url"]) for one in card["actions"]] == [("It has reached me", ANSWER)]


def test_a_code_is_a_card_with_its_text_and_one_button() -> None:
    link = "https://tocsin.example.org/me?verify=con_1&code=123456#contacts"
    _, workflow = send(replace(PAGE, actions=None, subject="Your code", body=f"It is 123456.\n\n{link}\n"))
    (card,) = workflow.cards
    assert teams.said(card) == ["Your code", "It is 123456."]
    assert [(one["title"], one["url"]) for one in card["actions"]] == [("Open", link)]


def test_what_is_long_is_cut_to_what_a_workflow_takes() -> None:
    result, workflow = send(replace(PAGE, subject="😀" * 900, body="😀" * 90_000))
    assert isinstance(result, Delivered), result
    assert len(workflow.cards) == 1


def test_what_may_go_through_later_is_told_from_what_never_will() -> None:
    assert send(prepare=refusing(429, **{"Retry-After": "9"}))[0] == Retry("HTTP 429", timedelta(seconds=9))
    assert send(prepare=refusing(502))[0] == Retry("HTTP 502", down=True)
    assert send(prepare=refusing(404))[0] == Dead("HTTP 404")
    assert send(prepare=refusing(302, Location="https://elsewhere.example"))[0] == Dead("HTTP 302")


def test_nothing_is_sent_inside() -> None:
    result, workflow = send(allow_private=False)
    assert isinstance(result, Dead) and "public address" in result.reason and not workflow.asked


def test_the_address_stands_in_no_failure() -> None:
    async def story(address: str) -> Result:
        resolver = PublicResolver(allow_private=True)
        async with open_session(resolver, timedelta(seconds=5)) as http:
            return await TeamsMessages(lambda: http, resolver).send(replace(PAGE, secret=address))

    for address in (f"http://127.0.0.1:1/x?sig={SIGNATURE}", f"nothing?sig={SIGNATURE}", ""):
        result = asyncio.run(story(address))
        assert not isinstance(result, Delivered) and SIGNATURE not in result.reason


def test_of_the_address_nothing_is_shown_but_its_host() -> None:
    typed = f"https://prod-7.westeurope.logic.azure.com:443/workflows/f1?api-version=1&sig={SIGNATURE}"
    shown, secret = addresses.checked(Channel.TEAMS, f" {typed} ")
    assert shown.startswith("https://prod-7.westeurope.logic.azure.com:443/…") and SIGNATURE not in shown
    assert secret == typed
    assert addresses.checked(Channel.TEAMS, typed)[0] != shown  # two are told apart


@pytest.mark.parametrize(
    "typed",
    ["http://flow.example.org/x", "flow", "https://", "https://a b/x", "https://rose.webhook.office.com/webhookb2/1"],
)
def test_what_is_no_workflow_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        addresses.checked(Channel.TEAMS, typed)
