"""When a test page is due, on whichever clock, and what it says of itself."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.delivery import ntfy, telegram, twilio
from tocsin.delivery.channel import TEST, Message
from tocsin.paging import trial
from tocsin.paging.trial import Trial, is_wanted, rounds
from tocsin.people.model import Channel
from tocsin.plan.model import Canary

WEEKLY = Canary(
    starts_on=date(2026, 11, 30), every=timedelta(weeks=1), at=time(10), answer_within=timedelta(hours=4)
)  # a Monday
DUE = datetime(2026, 12, 7, 10, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")


def test_a_round_is_due_for_two_hours_and_then_left_out() -> None:
    for late, found in ((0, DUE), (120, DUE), (121, None)):
        assert rounds(WEEKLY, "UTC", DUE + timedelta(minutes=late)).due_at == found
    assert rounds(WEEKLY, "UTC", DUE - timedelta(seconds=1)).due_at is None


def test_nothing_is_due_before_the_first() -> None:
    found = rounds(WEEKLY, "UTC", datetime(2026, 11, 23, 10, 30, tzinfo=UTC))
    assert found == trial.Rounds(None, datetime(2026, 11, 30, 10, tzinfo=UTC))


def test_an_hour_that_the_spring_skips_comes_when_the_clock_jumps() -> None:
    early = Canary(
        starts_on=date(2027, 3, 28), every=timedelta(days=1), at=time(2, 30), answer_within=timedelta(hours=1)
    )
    found = rounds(early, "Europe/Berlin", datetime(2027, 3, 27, 12, tzinfo=UTC))
    assert found.next_at == datetime(2027, 3, 28, 1, tzinfo=UTC)


@given(
    st.sampled_from(ZONES),
    st.integers(1, 30),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.integers(0, 10 * 366 * 86400).map(lambda seconds: DUE + timedelta(seconds=seconds - 5 * 366 * 86400)),
)
def test_the_next_round_is_ahead_on_a_day_that_counts_and_due_when_it_comes(
    zone: str, days: int, at: time, now: datetime
) -> None:
    canary = Canary(starts_on=date(2026, 11, 30), every=timedelta(days=days), at=at, answer_within=timedelta(hours=1))
    next_at = rounds(canary, zone, now).next_at
    assert next_at > now
    local = next_at.astimezone(ZoneInfo(zone))
    assert local.time() == at or local.time() > at  # later only where the clock skipped that time
    if local.time() == at:
        assert (local.date() - canary.starts_on).days % days == 0 and local.date() >= canary.starts_on
    assert rounds(canary, zone, next_at).due_at == next_at
    assert rounds(canary, zone, next_at).next_at > next_at


@pytest.mark.parametrize(
    ("verified", "last", "wanted"),
    [
        (None, None, True),
        (DUE - timedelta(days=1), None, True),
        (DUE + timedelta(minutes=1), None, False),  # it was not there yet
        (None, DUE, False),  # this very round
        (None, DUE - timedelta(hours=6), False),  # on another clock, before they moved
        (None, DUE - timedelta(weeks=1), True),
    ],
)
def test_a_way_is_tried_once_a_round(verified: datetime | None, last: datetime | None, wanted: bool) -> None:
    assert is_wanted(WEEKLY, DUE, verified, last) is wanted


# ---- What it says ----


def message(channel: str, address: str) -> Message:
    one = Trial(
        id="tri_7KQ2",
        handle="ana",
        contact_id="con_1",
        channel=channel,
        address=address,
        asked_by="",
        opened_at=DUE,
        due_at=DUE,
        answer_by=DUE + timedelta(hours=4),
    )
    text = trial.text(one, "https://tocsin.example.org/a/x")
    actions = {"answer": "https://tocsin.example.org/a/x", "room": "", "reply": ""}
    return Message(
        id="msg_1",
        dedup_key="tri_7KQ2-0",
        channel=channel,
        address=address,
        subject=text.subject,
        body=text.said(channel),
        audience=TEST,
        created_at=DUE,
        send_at=DUE,
        actions=actions,
    )


@pytest.mark.parametrize("channel", list(Channel))
def test_that_it_is_a_test_comes_first_on_every_channel(channel: Channel) -> None:
    sent = message(channel, "x")
    assert sent.subject.startswith("TEST, nothing is wrong")
    if channel is Channel.WEBHOOK:
        assert msgspec.json.decode(sent.body)["type"] == "page.test"
    else:
        assert sent.body.startswith(("TEST, nothing is wrong", "This is a test. There is no incident"))


def test_its_buttons_and_keys_only_confirm() -> None:
    (button,) = ntfy.published(message("ntfy", "topic-of-ana"))["actions"]
    assert (button["label"], button["url"]) == ("It has reached me", "https://tocsin.example.org/a/x")
    ((key,),) = telegram.sent(message("telegram", "4711"))["reply_markup"]["inline_keyboard"]
    assert key == {"text": "It has reached me", "callback_data": "acknowledge:msg_1"}
    spoken = twilio.call("TEST", "https://tocsin.example.org/in/x", twilio.KEY_OF_TEST)
    assert "Press 1 to confirm" in spoken and "next step" not in spoken
