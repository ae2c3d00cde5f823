"""Updates posted in Teams, Mattermost and Discord: to stand-ins that are as strict as those are."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import teams
from tests.support.chatposts import DISCORD, MATTERMOST, Chats, chats
from tests.support.world import QUIET, RecordingChannel, World
from tocsin import settings
from tocsin.db import settings as kept
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Delivered, Message, MessageState, Result, Retry
from tocsin.delivery.chatposts import LONGEST, ChatPosts, written
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Updated
from tocsin.kit.actor import SYSTEM
from tocsin.plan import check, diff
from tocsin.plan.model import Plan, Stage
from tocsin.response import commands, secrecy, telling
from tocsin.settings import BadSetting
from tocsin.web import record

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ROOM = "https://tocsin.example.org/incidents/inc_1"
LOUD = "@everyone @channel <!channel> <@U1> [here](https://evil.example) **now** `x` # big"
UPDATE = Message(
    id="msg_7KQ2M4XW9A2B",
    dedup_key="inc_1-7-chat-ops",
    channel=outbox.POST,
    address="ops",
    subject="[P1] Stimme hängt @here (#12): internal",
    body=f"{LOUD}\nhttps://status.example/a_b\n\n{ROOM}\n",
    created_at=NOW,
    send_at=NOW,
)
WORDS = {"impact": "Nobody is heard", "actions": "Restarted it", "next": "Watch it"}
TOLD = QUIET.replace(
    "    internal:\n      name: Internal\n", "    internal:\n      name: Internal\n      chats: [ops, dev]\n"
)
TOLD = TOLD.replace("    public:\n      name: Public\n", "    public:\n      name: Public\n      chats: [friends]\n")


def send(
    kind: str, message: Message = UPDATE, prepare: Callable[[Chats], None] = lambda _: None
) -> tuple[Result, Chats]:
    async def story() -> tuple[Result, Chats]:
        resolver = PublicResolver(allow_private=True)
        async with chats() as here, open_session(resolver, timedelta(seconds=5)) as http:
            prepare(here)
            path = {"mattermost": MATTERMOST, "discord": DISCORD}[kind]
            return await ChatPosts(lambda: http, {"ops": (kind, here.url + path)}).send(message), here

    return asyncio.run(story())


@pytest.mark.parametrize(("kind", "field"), [("mattermost", "text"), ("discord", "content")])
def test_an_update_is_posted_calls_nobody_and_hides_no_address(kind: str, field: str) -> None:
    result, here = send(kind)
    assert result == Delivered(provider=kind)
    (posted,) = here.posted
    assert here.called == []
    text = posted[field]
    assert text.startswith("**[P1".replace("[", "\\[")) and text.endswith(f"\n{ROOM}")
    assert "](" not in text and "<!" not in text.replace("\\<!", "") and "@everyone" not in text


@pytest.mark.parametrize("kind", list(LONGEST))
@pytest.mark.parametrize("letter", ["x", "*", "@", "\\", "ü"])
def test_a_long_update_is_cut_and_its_link_is_not(kind: str, letter: str) -> None:
    long = replace(UPDATE, subject=letter * 900, body=f"{letter * 9000}\n\n{ROOM}\n")
    result, here = send(kind, long)
    assert result == Delivered(provider=kind)
    (text,) = [one for one in here.posted[0].values() if isinstance(one, str)]
    assert text.endswith(f"…\n{ROOM}") and len(text) <= LONGEST[kind]


def test_in_teams_it_is_a_card_whose_words_are_words() -> None:
    async def story() -> tuple[Result, list[dict[str, object]]]:
        resolver = PublicResolver(allow_private=True)
        async with teams.workflow() as flow, open_session(resolver, timedelta(seconds=5)) as http:
            return await ChatPosts(lambda: http, {"ops": ("teams", flow.url)}).send(UPDATE), flow.cards

    result, (card,) = asyncio.run(story())
    assert result == Delivered(provider="teams")
    assert teams.said(card) == [UPDATE.subject, f"{LOUD}\nhttps://status.example/a_b"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": ROOM}]


@pytest.mark.parametrize(
    ("status", "headers", "result"),
    [
        (429, {"Retry-After": "7"}, Retry("HTTP 429", timedelta(seconds=7))),
        (503, {}, Retry("HTTP 503", down=True)),
        (404, {}, Dead("HTTP 404")),
        (302, {"Location": "https://elsewhere.example"}, Dead("HTTP 302")),
    ],
)
def test_what_is_not_taken_is_tried_again_or_never(status: int, headers: dict[str, str], result: Result) -> None:
    found, here = send("discord", prepare=lambda one: one.refusals.append((status, headers)))
    assert found == result and here.posted == []


def test_no_error_holds_the_address() -> None:
    async def story(url: str, name: str = "ops") -> Result:
        async with open_session(PublicResolver(allow_private=True), timedelta(seconds=5)) as http:
            return await ChatPosts(lambda: http, {"ops": ("discord", url)}).send(replace(UPDATE, address=name))

    for url in ("http://127.0.0.1:1/s3cret", "http://[s3cret/s3cret"):
        result = asyncio.run(story(url))
        assert isinstance(result, Retry | Dead) and "s3cret" not in result.reason
    assert asyncio.run(story("http://127.0.0.1:1/s3cret", "gone")) == Dead("TOCSIN_CHATS names no chat gone")


# ---- Who is told ----


@pytest.fixture
def posted() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def world(database_url: str, posted: RecordingChannel) -> World:
    one = World(database_url, plan=TOLD)
    one.chats[outbox.POST] = posted
    return one


def test_the_plan_says_whose_updates_are_posted_where(world: World, posted: RecordingChannel) -> None:
    incident = world.declare()
    world.do(commands.post_update, incident.id, "internal", WORDS)
    assert sorted(one.address for one in posted.sent) == ["dev", "ops"]
    assert posted.sent[0].body.endswith(f"\n\nhttp://127.0.0.1:8000/incidents/{incident.id}\n")
    sent = world.read(outbox.for_incident, incident.id)
    (update,) = world.entries(incident.id, Updated)
    assert record.receipts(sent, update).endswith("delivered by mail, 2 of 2 posted in chats")
    assert {one.lane for one in posted.sent} == {"chat_post ops", "chat_post dev"}
    world.do(commands.post_update, incident.id, "executives", {**WORDS, "message": "We see to it"})
    assert len(posted.sent) == 2
    issue = {"issue": "You can't be heard", "impact": "You can't be heard", "eta": "Soon"}
    world.do(commands.post_update, incident.id, "public", issue, Stage.INVESTIGATING)
    last = posted.sent[-1]
    assert last.address == "friends" and "\n\nhttp://127.0.0.1:8000/status/i/" in last.body
    assert last.subject == "[Rose] Investigating: You can't be heard"  # the title is for those who work on it
    record_of = world.read(incidents.timeline, incident.id)
    (public,) = [one for one in record_of if isinstance(one.entry, Updated) and one.entry.stage]
    world.do(telling.correct, incident.id, public.number, "You are heard, and get no answer", "Wrong words")
    assert posted.sent[-1].subject == "[Rose] Correction: Service outage"
    with world.database.work(SYSTEM) as tx:
        kept.write(tx, kept.STATUS_URL, "https://status.rose.example")
    world.do(commands.post_update, incident.id, "public", issue, Stage.INVESTIGATING)
    assert "\n\nhttps://status.rose.example/i/" in posted.sent[-1].body
    drafts = world.read(telling.social, incident.id)
    assert drafts and all(one.text.endswith("https://status.rose.example") for one in drafts)
    world.overlook()
    world.close()


def test_a_chat_that_hangs_keeps_no_other_and_no_mail_waiting(world: World, posted: RecordingChannel) -> None:
    posted.answers["ops"] = Retry("HTTP 503", down=True)
    incident = world.declare()
    world.do(commands.post_update, incident.id, "internal", WORDS)
    assert [one.address for one in posted.sent] == ["dev"]
    assert [one for one in world.mail.sent if one.audience == "internal"]
    del posted.answers["ops"]
    world.advance(minutes=1)
    assert [one.address for one in posted.sent] == ["dev", "ops"]
    world.overlook()
    world.close()


def test_what_is_confidential_is_posted_nowhere_and_what_waits_is_withdrawn(
    world: World, posted: RecordingChannel
) -> None:
    posted.answers["ops"] = posted.answers["dev"] = Retry("HTTP 503", down=True)
    incident = world.declare()
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.do(secrecy.make_confidential, incident.id, "It is a breach")
    posted.answers.clear()
    world.advance(minutes=5)
    world.do(commands.post_update, incident.id, "internal", WORDS)
    assert posted.sent == []
    waiting = [one for one in world.read(outbox.for_incident, incident.id) if one.channel == outbox.POST]
    assert {one.state for one in waiting} == {MessageState.DEAD} and len(waiting) == 2
    world.overlook()
    world.close()


# ---- What is set ----


def test_the_setting_is_read_and_never_shown() -> None:
    about = "ops=mattermost:https://chat.example/hooks/a=b dev=discord:https://discord.example/api/webhooks/1/s3cret"
    found = settings.read({"TOCSIN_CHATS": about})
    assert found.chats_by_name == {
        "ops": ("mattermost", "https://chat.example/hooks/a=b"),
        "dev": ("discord", "https://discord.example/api/webhooks/1/s3cret"),
    }
    assert "s3cret" not in repr(found)
    for wrong in ("ops", "ops=irc:https://a.example/b", "OPS=teams:https://a.example/b", "a=teams:ftp://a.example/b"):
        with pytest.raises(BadSetting, match="name=kind"):
            settings.read({"TOCSIN_CHATS": wrong})


def test_the_plan_is_checked_and_a_change_is_told() -> None:
    plan, before = check.load(TOLD), check.load(QUIET)
    assert isinstance(plan, Plan) and isinstance(before, Plan)
    assert plan.communication.audiences["internal"].chats == ("ops", "dev")
    wrong = check.load(TOLD.replace("[ops, dev]", "[Ops]"))
    assert not isinstance(wrong, Plan)
    assert "TOCSIN_CHATS" in str(wrong)
    told = [str(one) for one in diff.diff(before, plan)]
    assert len(told) == 2 and "In which chats the updates for Internal are posted" in told[0]


def test_teams_takes_no_more_than_it_takes() -> None:
    card = written("teams", replace(UPDATE, body=f"{'ü' * 30_000}\n\n{ROOM}\n"))
    assert len(str(card)) < 28 * 1024
