"""Every entry of a record in a sentence that people can read."""

from typing import Any, get_args

import pytest

from tests.support.records import NIGHT, PLAN, declared, incident, later, timeline
from tests.support.sentences import OF_THE_WORK
from tocsin.incidents import sentences, words
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Disclosed,
    Escalated,
    FellDue,
    GlassBroken,
    MadeConfidential,
    Mitigated,
    Noted,
    ObligationWaived,
    Paged,
    Recovered,
    Renamed,
    Reopened,
    Resolved,
    ResponderAdded,
    ResponderRemoved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Status,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, MessageKept, Wanted
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.plan.model import Stage

MESSAGE: dict[str, Any] = {
    "at": NIGHT,
    "by": "ana",
    "provider": "slack",
    "channel": "C1",
    "message": "1.1",
    "author": "ben",
    "written_at": NIGHT,
    "text": "The disk",
    "link": "https://rose.slack.example/archives/C1/p1",
}

SENTENCES: list[tuple[AnyEntry, str, str]] = [
    (
        declared(),
        "declared",
        "Tocsin declared P1: Memory system down. 3 looks of 3 say that qdrant is disconnected.",
    ),
    (
        SignalAttached(at=NIGHT, by="tocsin", signal_id="s", title="No reads", source="probe", why="Same service"),
        "signal",
        "Signal from probe: No reads. Same service.",
    ),
    (
        SignalCleared(at=NIGHT, by="tocsin", signal_id="s", title="No reads"),
        "signal cleared",
        "Signal cleared: No reads.",
    ),
    (
        SignalFlapped(at=NIGHT, by="tocsin", signal_id="s", title="No reads", why="It fired or cleared 4 times."),
        "signal flaps",
        "Signal flaps: No reads. It fired or cleared 4 times.",
    ),
    (
        SignalsGathered(at=NIGHT, by="tocsin", attached=37, cleared=2, titles=("No reads", "Slow")),
        "signals",
        "37 more signals came and 2 more cleared: No reads and Slow.",
    ),
    (
        Paged(at=NIGHT, by="tocsin", step=0, people=("ana", "ben"), through=("push", "mail"), answer_by=later(5)),
        "page",
        (
            "Paged Ana Okafor and Ben Halvorsen at step 1 through push to a browser and mail; "
            "an answer was due at 02:44:31 UTC."
        ),
    ),
    (
        Paged(at=NIGHT, by="tocsin", step=1, people=(), through=(), unreachable=("ben",), answer_by=later(5)),
        "page",
        "Nobody could be paged at step 2. No way is known to reach Ben Halvorsen.",
    ),
    (
        Escalated(at=NIGHT, by="tocsin", step=0, why="nobody acknowledged within 5 min"),
        "escalated",
        "Step 1 went unanswered: nobody acknowledged within 5 min.",
    ),
    (
        Undelivered(at=NIGHT, by="tocsin", channel="mail", to="ben", reason="mailbox full"),
        "not delivered",
        "The mail message to Ben Halvorsen was not delivered: mailbox full.",
    ),
    (
        EscalationAsked(at=NIGHT, by="ana", step=0, through="sms", because="I need Ben"),
        "escalated",
        "Ana Okafor asked for the next step through sms: I need Ben.",
    ),
    (
        Declined(at=NIGHT, by="ana", step=0, through="link"),
        "declined",
        "Ana Okafor cannot take it, and said so through link.",
    ),
    (Acknowledged(at=NIGHT, by="ana"), "acknowledged", "Ana Okafor acknowledged through web."),
    (
        Acknowledged(at=NIGHT, by="ana", through="working on it"),
        "acknowledged",
        "Ana Okafor acknowledged by working on it.",
    ),
    (
        Snoozed(at=NIGHT, by="ana", until=NIGHT, because="the vendor works on it"),
        "snoozed",
        f"Ana Okafor snoozed it until {words.day_and_minute(NIGHT)}: the vendor works on it.",
    ),
    (
        SnoozeEnded(at=NIGHT, by="ben", until=NIGHT, because="the vendor is done"),
        "snooze ended",
        "Ben Halvorsen ended the snooze: the vendor is done.",
    ),
    (
        AskedAgain(at=NIGHT, by="tocsin", person="ana", because="no word for 20 min"),
        "asked again",
        "Ana Okafor is asked again: no word for 20 min.",
    ),
    (
        RoleAssigned(at=NIGHT, by="ben", role="incident_commander", person="ben"),
        "role",
        "Ben Halvorsen became incident commander.",
    ),
    (
        RoleAssigned(at=NIGHT, by="ben", role="scribe", person="ana", before="lucia"),
        "role",
        "Ana Okafor became scribe, after Lucía Ferrer; Ben Halvorsen named them.",
    ),
    (
        SeverityChanged(at=NIGHT, by="ben", severity="P0", before="P1", raised=True, because="All are down."),
        "severity",
        "Ben Halvorsen raised the severity from P1 to P0: All are down.",
    ),
    (
        SeverityChanged(at=NIGHT, by="ben", severity="P2", before="P1", raised=False, because="few feel it"),
        "severity",
        "Ben Halvorsen lowered the severity from P1 to P2: few feel it.",
    ),
    (
        TypeChanged(at=NIGHT, by="ben", type="outage", before="api", because="it is us"),
        "type",
        "Ben Halvorsen changed the type from External API failure to Service outage: it is us.",
    ),
    (
        Renamed(at=NIGHT, by="ben", title="Voice hangs", before="Rose does not answer"),
        "title",
        "Ben Halvorsen renamed it from “Rose does not answer” to “Voice hangs”.",
    ),
    (Noted(at=NIGHT, by="ana", text="First line\n\nsecond"), "note", "Ana Okafor noted: First line second."),
    (Noted(at=NIGHT, by="ci-token", text="Deployed"), "note", "ci-token noted: Deployed."),
    (
        Decided(at=NIGHT, by="ben", decision="Do not roll back", because="it is theirs"),
        "decision",
        "Ben Halvorsen decided: Do not roll back. Because: it is theirs.",
    ),
    (
        Updated(at=NIGHT, by="lucia", audience="public", text="We look.", stage=Stage.INVESTIGATING),
        "public update",
        "Lucía Ferrer posted an update for Status page (investigating): We look.",
    ),
    (
        Updated(at=NIGHT, by="lucia", audience="gone_since", text="Hello"),
        "gone since update",
        "Lucía Ferrer posted an update for gone since: Hello.",
    ),
    (Mitigated(at=NIGHT, by="ana", how="No recall"), "mitigated", "Ana Okafor mitigated it: No recall."),
    (Resolved(at=NIGHT, by="ana", how="New replica"), "resolved", "Ana Okafor resolved it: New replica."),
    (Recovered(at=NIGHT, by="tocsin", watched_minutes=30), "recovered", "Fully recovered after a watch of 30 min."),
    (Reopened(at=NIGHT, by="ana", because="It is back!"), "reopened", "Ana Okafor reopened it: It is back!"),
    (Closed(at=NIGHT, by="ben"), "closed", "Ben Halvorsen closed the incident."),
    (
        ReviewScheduled(at=NIGHT, by="ben", meeting_at=later(600), attendees=("ana", "ben")),
        "post-mortem scheduled",
        "Ben Halvorsen scheduled the post-mortem for 2026-11-24 12:39 UTC, with Ana Okafor and Ben Halvorsen.",
    ),
    (ReviewHeld(at=NIGHT, by="ben"), "post-mortem held", "Ben Halvorsen recorded that the post-mortem was held."),
    (
        FellDue(at=NIGHT, by="tocsin", key="role:scribe", what="Name the scribe", due_at=later(15)),
        "overdue",
        "Overdue: Name the scribe, which was due at 02:54:31 UTC.",
    ),
    (
        ObligationWaived(at=NIGHT, by="ben", key="role:scribe", what="Name the scribe", because="Two people"),
        "waived",
        "Ben Halvorsen waived “Name the scribe”: Two people.",
    ),
    *OF_THE_WORK,
    (
        MadeConfidential(at=NIGHT, by="ben", because="A breach", readers=("lucia",), withdrawn=True),
        "confidential",
        (
            "Confidential from here on, for its responders, and Lucía Ferrer alone: A breach. "
            "What stood on the status page was taken down."
        ),
    ),
    (
        ResponderAdded(at=NIGHT, by="ben", person="ana", because="She knows the logs"),
        "responder",
        "Ben Halvorsen added Ana Okafor as a responder: She knows the logs.",
    ),
    (
        ResponderRemoved(at=NIGHT, by="ben", person="ana", because="Not needed"),
        "responder",
        "Ben Halvorsen took Ana Okafor off the responders: Not needed.",
    ),
    (
        GlassBroken(at=NIGHT, by="lucia", because="The press asks", until=later(240)),
        "glass broken",
        "Lucía Ferrer broke the glass and may read this until 2026-11-24 06:39 UTC: The press asks.",
    ),
    (
        Disclosed(at=NIGHT, by="ben", because="No breach after all"),
        "disclosed",
        "Ben Halvorsen disclosed it; from here on it is there for everybody: No breach after all.",
    ),
    (
        ChannelOpened(
            at=NIGHT, by="tocsin", provider="slack", channel="C1", name="incident-1", link="https://s.example/C1"
        ),
        "channel",
        "The channel #incident-1 was opened in Slack: https://s.example/C1",
    ),
    (
        ChannelOpened(
            at=NIGHT, by="tocsin", provider="slack", channel="C1", name="n", link="https://s.example", private=True
        ),
        "channel",
        "The private channel #n was opened in Slack: https://s.example",
    ),
    *(
        (
            ChannelFailed(
                at=NIGHT, by="tocsin", provider="slack", name="n", wanted=wanted, reason="restricted", by_hand="Do it."
            ),
            "channel failed",
            f"The channel #n {said} in Slack: restricted. Do it.",
        )
        for wanted, said in (
            (Wanted.OPENED, "could not be opened"),
            (Wanted.KEPT, "can't be kept up to date"),
            (Wanted.LEFT, "could not be left"),
        )
    ),
    (
        ChannelLeft(at=NIGHT, by="tocsin", provider="slack", name="n", by_hand="Delete it."),
        "channel left",
        "The open channel #n was left: what Tocsin said there was taken back, and it is archived. Delete it.",
    ),
    (CallOpened(at=NIGHT, by="tocsin", link="https://meet.example/x"), "call", "The call is at https://meet.example/x"),
    (
        MessageKept(**MESSAGE),
        "message",
        "Ben Halvorsen wrote in Slack, 2026-11-24 02:39 UTC: The disk https://rose.slack.example/archives/C1/p1",
    ),
    (
        MessageKept(**{**MESSAGE, "author": "Lu (Slack)", "link": "", "edited": True}),
        "message",
        "Lu (Slack) changed what they wrote in Slack, 2026-11-24 02:39 UTC: The disk",
    ),
]


@pytest.mark.parametrize(("entry", "label", "said"), SENTENCES)
def test_every_entry_has_a_label_and_a_sentence(entry: AnyEntry, label: str, said: str) -> None:
    assert sentences.kind(entry) == label
    assert sentences.sentence(PLAN, entry) == said


def test_no_kind_of_entry_is_left_out_above() -> None:
    assert {type(entry) for entry, _, _ in SENTENCES} == set(get_args(AnyEntry))


def test_every_status_has_words() -> None:
    assert [words.status(one) for one in Status] == [
        "Investigating",
        "Mitigating",
        "Resolved, being watched",
        "Resolved",
        "Closed",
        "Merged",
    ]


def test_the_fold_of_the_sentences_is_one_incident() -> None:
    """The entries above are a real record, not only words."""
    assert incident(*(entry for entry, _, _ in SENTENCES)).entries == len(timeline(*(one for one, _, _ in SENTENCES)))


def test_what_is_affected_is_named_by_component_or_else_by_service() -> None:
    assert words.affected(PLAN, incident(declared(components=("memory", "old_part")))) == ["Memory", "old part"]
    assert words.affected(PLAN, incident(declared(components=()))) == ["Rose"]
    assert words.affected(PLAN, incident(declared(components=("voice",), service=None))) == ["Voice conversation"]
    assert words.affected(PLAN, incident(declared(components=(), service=None))) == []
