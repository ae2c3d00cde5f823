"""What an incident's channel is called, what it should be, and which step comes next."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import LINK, NIGHT, PLAN, later
from tocsin.comms import naming, rooms
from tocsin.comms.rooms import Archive, Invite, Open, Pin, Post, Remove, Rename, Room, SetTopic, TakeBack, Unarchive
from tocsin.incidents import folding
from tocsin.incidents.model import (
    AnyEntry,
    Closed,
    Declared,
    Disclosed,
    GlassBroken,
    Incident,
    MadeConfidential,
    Numbered,
    Reopened,
    RoleAssigned,
    Updated,
)
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, Wanted
from tocsin.plan.model import Call, Channels, Chat, Plan

CHAT = Chat(name="incident-{date}-{slug}", audiences=("internal",), habits=("Discuss in threads",))
CALL = Call(link="https://meet.example.org/{channel}-{token}", severities=("P0", "P1"))


LED = replace(PLAN, reminders=replace(PLAN.reminders, overdue_to="incident_commander"))


def with_channels(chat: Chat | None = CHAT, call: Call | None = CALL) -> Plan:
    return replace(PLAN, communication=replace(PLAN.communication, channels=Channels(chat=chat, call=call)))


def declared(**about: Any) -> Declared:
    facts: dict[str, Any] = {
        "title": "Voice: replies hang!",
        "severity": "P1",
        "type": "outage",
        "service": "rose",
        "source": "person",
        "trigger": "observation",
    }
    times: dict[str, Any] = {"started_at": NIGHT, "detected_at": NIGHT, "plan_revision": "1", "number": 12}
    return Declared(**{"at": NIGHT, "by": "ana", **facts, **times, **about})


def told(*entries: AnyEntry, **about: Any) -> tuple[Incident, list[Numbered]]:
    numbered = [Numbered(number=at, entry=one) for at, one in enumerate([declared(**about), *entries], 1)]
    return folding.fold("inc_NIGHT", numbered), numbered


def room(**about: Any) -> Room:
    named: dict[str, Any] = {
        "id": "rom_1",
        "incident_id": "inc_NIGHT",
        "provider": "slack",
        "name": "n",
        "private": False,
    }
    return Room(**{**named, **about})


UPDATE = Updated(at=later(5), by="ben", audience="internal", text="Nobody can talk to Rose")
SECRET = MadeConfidential(at=later(6), by="ben", because="A breach")


# ---- Names ----


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Voice: replies hang!", "incident-20261124-voice-replies-hang"),
        ("Störung – bei  Ärzten", "incident-20261124-storung-bei-arzten"),
        ("語音", "incident-20261124"),
        ("x" * 200, "incident-20261124-" + "x" * 62),
    ],
)
def test_the_name_is_the_day_and_the_title_in_small_letters(title: str, name: str) -> None:
    assert naming.channel_name(CHAT, told(title=title)[0], private=False) == name


@given(
    st.text(max_size=200),
    st.text(alphabet="abc-_09", max_size=90),
    st.sampled_from(["{slug}", "{slug}-{slug}", "{service}{number}", ""]),
    st.integers(1, 12_000),
    st.booleans(),
)
def test_whatever_the_title_and_the_pattern_a_chat_takes_the_name(
    title: str, before: str, fields: str, place: int, private: bool
) -> None:
    incident, _ = told(title=title)
    name = naming.channel_name(Chat(name=before + fields), incident, private=private, place=place)
    assert re.fullmatch(r"[a-z0-9_-]{1,80}", name) and re.search(r"[a-z0-9]", name)
    assert place == 1 or name.endswith(f"-{place}")


def test_a_private_name_tells_neither_the_title_nor_the_service() -> None:
    incident, _ = told(title="Keys stolen")
    chat = Chat(name="{severity}-{service}-{slug}-{number}")
    assert naming.channel_name(chat, incident, private=False) == "p1-rose-keys-stolen-12"
    assert naming.channel_name(chat, incident, private=True) == "p1-confidential-12"


def test_a_call_is_at_an_address_that_nobody_can_guess_and_another_once_it_is_confidential() -> None:
    plan = with_channels()
    incident, _ = told()
    token = naming.call_token(b"key", incident)
    assert re.fullmatch(r"[a-z2-7]{16}", token)
    link = naming.call_link(plan, incident, token)
    assert link == f"https://meet.example.org/incident-20261124-voice-replies-hang-{token}"
    assert naming.call_token(b"key", incident) == token != naming.call_token(b"other", incident)
    assert naming.call_token(b"key", incident.changed(id="inc_DAY")) != token
    secret, _ = told(SECRET)
    hidden = naming.call_link(plan, secret, naming.call_token(b"key", secret))
    assert "voice" not in hidden and token not in hidden


def test_a_call_is_wanted_where_the_plan_says_so() -> None:
    assert [naming.wants_call(with_channels(), told(severity=one)[0]) for one in ("P0", "P1", "P2")] == [
        True,
        True,
        False,
    ]
    assert naming.wants_call(with_channels(call=Call(link="https://zoom.example/1")), told(severity="P3")[0])
    assert not naming.wants_call(with_channels(call=None), told()[0])
    assert naming.call_link(with_channels(call=None), told()[0], "t") == ""


# ---- What it should be ----


def test_a_channel_is_wanted_at_the_levels_of_the_plan_as_long_as_the_incident_is_open() -> None:
    some = with_channels(Chat(severities=("P0", "P1")))
    assert rooms.is_wanted(some, told()[0]) and not rooms.is_wanted(some, told(severity="P2")[0])
    assert not rooms.is_wanted(with_channels(None), told()[0])
    assert not rooms.is_wanted(some, told(Closed(at=later(9), by="ben"))[0])


def test_the_topic_says_how_bad_how_far_who_and_where() -> None:
    lead = RoleAssigned(at=later(1), by="ben", role="incident_commander", person="ben")
    incident, _ = told(lead, CallOpened(at=later(1), by="tocsin", link="https://meet.example.org/x"))
    topic = rooms.topic(LED, incident, LINK)
    assert rooms.topic(PLAN, told()[0], LINK) == f"P1 | Investigating | {LINK}"
    assert (
        topic == f"P1 | Investigating | Incident commander: Ben Halvorsen | Call: https://meet.example.org/x | {LINK}"
    )
    long, _ = told(CallOpened(at=later(1), by="tocsin", link="https://meet.example.org/" + "x" * 300))
    assert rooms.topic(LED, long, LINK) == f"P1 | Investigating | Incident commander: nobody yet | {LINK}"
    assert rooms.topic(LED, told(SECRET)[0], LINK) == f"P1 | Confidential incident | {LINK}"


def test_what_is_said_is_the_first_words_the_updates_and_the_end() -> None:
    other = replace(UPDATE, audience="public")
    again, over = Reopened(at=later(8), by="ben", because="It is back"), Closed(at=later(9), by="ben")
    incident, entries = told(UPDATE, other, over, again)
    wish = rooms.wish(with_channels(), incident, entries, room(), LINK)
    assert [(one.key, one.pinned) for one in wish.posts] == [("1", True), ("2", True), ("4", False), ("5", False)]
    assert "Discuss in threads" in wish.posts[0].text and wish.posts[1].text == UPDATE.text
    assert not wish.archived


def test_a_private_room_says_that_there_is_news_and_not_what() -> None:
    incident, entries = told(UPDATE, SECRET, replace(UPDATE, text="The keys are gone"))
    wish = rooms.wish(with_channels(), incident, entries, room(private=True), LINK)
    assert [one.key for one in wish.posts] == ["1", "4"]
    said = " ".join(one.text for one in wish.posts)
    assert "keys" not in said and "Voice" not in said and LINK in said


# ---- The next step ----


def steps(wish: rooms.Wish, at: Room) -> tuple[list[rooms.Step], Room]:
    """Everything that is done until nothing is left, and the room then."""
    found: list[rooms.Step] = []
    while (step := rooms.next_step(wish, at)) is not None:
        found.append(step)
        assert len(found) < 50
        at = rooms.after(at, step, answer=f"A{len(found)}", link="https://slack.example/C1")
    return found, at


def test_a_room_is_opened_furnished_and_then_people_come_in() -> None:
    incident, entries = told(UPDATE)
    wish = rooms.wish(with_channels(), incident, entries, room(), LINK)
    taken, at = steps(wish, room())
    assert [type(one) for one in taken] == [Open, SetTopic, Post, Pin, Invite, Post, Pin]
    assert at.channel == "A1" and at.members == {"ana": "A5"} and rooms.next_step(wish, at) is None


def test_the_end_is_said_before_the_room_is_archived_and_undone_when_it_begins_again() -> None:
    incident, entries = told()
    _, at = steps(rooms.wish(with_channels(), incident, entries, room(), LINK), room())
    incident, entries = told(Closed(at=later(9), by="ben"))
    taken, at = steps(rooms.wish(with_channels(), incident, entries, at, LINK), at)
    assert [type(one) for one in taken] == [SetTopic, Post, Archive] and at.archived
    incident, entries = told(Closed(at=later(9), by="ben"), Reopened(at=later(10), by="ben", because="Back"))
    taken, at = steps(rooms.wish(with_channels(), incident, entries, at, LINK), at)
    assert [type(one) for one in taken] == [Unarchive, SetTopic, Post] and not at.archived


def test_nothing_is_opened_for_what_is_over() -> None:
    incident, entries = told(Closed(at=later(9), by="ben"))
    assert rooms.next_step(rooms.wish(with_channels(), incident, entries, room(), LINK), room()) is None


def test_an_open_room_of_what_became_confidential_is_emptied_renamed_and_archived() -> None:
    incident, entries = told(UPDATE)
    _, at = steps(rooms.wish(with_channels(), incident, entries, room(), LINK), room())
    incident, entries = told(UPDATE, SECRET)
    taken, at = steps(rooms.wish(with_channels(), incident, entries, at, LINK), at)
    assert [type(one) for one in taken] == [TakeBack, TakeBack, Rename, SetTopic, Archive]
    assert at.name == "left-inc_night" and at.topic == LINK and at.posted == {}


def test_disclosing_brings_nothing_back_and_leaves_the_private_room_private() -> None:
    incident, entries = told(UPDATE, SECRET, Disclosed(at=later(9), by="ben", because="No breach"))
    gone = room(channel="C1", archived=True, renamed=True, topic=LINK)
    assert steps(rooms.wish(with_channels(), incident, entries, gone, LINK), gone)[0] == []
    private = room(channel="C2", private=True)
    said = steps(rooms.wish(with_channels(), incident, entries, private, LINK), private)[0]
    assert not [one for one in said if isinstance(one, Rename | Archive)]
    assert [one.key for one in said if isinstance(one, Post)] == ["1"]


def test_whoever_broke_the_glass_is_not_invited() -> None:
    incident, entries = told(SECRET, GlassBroken(at=later(7), by="lucia", because="The press", until=later(200)))
    at = room(channel="C1", private=True)
    assert rooms.wish(with_channels(), incident, entries, at, LINK).people == ("ana", "ben")


def test_what_was_archived_before_it_became_confidential_is_opened_to_be_emptied() -> None:
    incident, entries = told(Closed(at=later(5), by="ben"), SECRET)
    at = room(channel="C1", archived=True, posted={"1": "T1"})
    taken, at = steps(rooms.wish(with_channels(), incident, entries, at, LINK), at)
    assert [type(one) for one in taken] == [Unarchive, TakeBack, Rename, SetTopic, Archive] and at.archived


def test_who_is_no_responder_any_more_leaves_a_private_room_and_an_open_one_is_open() -> None:
    incident, entries = told(SECRET)
    stranger = {"members": {"ana": "U1", "ben": "U2", "lucia": "U3", "gone": ""}, "channel": "C1"}
    private = room(private=True, **stranger)
    wish = rooms.wish(with_channels(), incident, entries, private, LINK)
    assert [one for one in steps(wish, private)[0] if isinstance(one, Remove)] == [Remove("lucia", "U3")]
    plain, entries = told()
    wish = rooms.wish(with_channels(), plain, entries, room(**stranger), LINK)
    assert not [one for one in steps(wish, room(**stranger))[0] if isinstance(one, Remove)]


def test_what_could_not_be_said_is_neither_pinned_nor_taken_back() -> None:
    incident, entries = told()
    at = room(channel="C1", posted={"1": ""}, topic=rooms.topic(PLAN, incident, LINK), members={"ana": ""})
    assert rooms.next_step(rooms.wish(with_channels(), incident, entries, at, LINK), at) is None


# ---- On the record ----


def test_the_incident_has_the_channel_and_the_call_that_were_opened_last() -> None:
    opened = ChannelOpened(at=later(1), by="tocsin", provider="slack", channel="C1", name="n", link="l")
    second = replace(opened, channel="C2", private=True)
    failed = ChannelFailed(
        at=later(3), by="tocsin", provider="slack", name="n", wanted=Wanted.KEPT, reason="r", by_hand="b"
    )
    left = ChannelLeft(at=later(4), by="tocsin", provider="slack", name="n", by_hand="b")
    calls = [CallOpened(at=later(1), by="tocsin", link=one) for one in ("https://a.example", "https://b.example")]
    incident, _ = told(calls[0], opened, second, failed, left, calls[1])
    assert (incident.channel, incident.call) == (second, "https://b.example")
