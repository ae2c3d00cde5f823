"""Pages that test a contact method: when one is due, what it says, and what an answer or its want means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from tocsin.kit import wall
from tocsin.kit.text import listed, span, utc
from tocsin.paging.reach import Text
from tocsin.people.model import called
from tocsin.plan.model import Canary

DAY = timedelta(days=1)
LATEST = timedelta(
    hours=2
)  # one that was not sent so long after its time is left out: nobody knows what hour it is now
PREFIX = "tri"


class State(StrEnum):
    WAITING = "waiting"  # for its answer
    ANSWERED = "answered"
    FAILED = "failed"  # it could not be delivered, or nobody answered; a later answer still counts
    VOID = "void"  # it was not sent: a real page came first, or another test


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One test of one contact method. `asked_by` is empty where the plan asked for it, at `due_at`."""

    id: str
    handle: str
    contact_id: str
    channel: str
    address: str
    asked_by: str
    opened_at: datetime
    due_at: datetime
    answer_by: datetime
    state: State = State.WAITING
    settled_at: datetime | None = None
    why: str = ""
    told_at: datetime | None = None

    @property
    def may_be_answered(self) -> bool:
        return self.state in (State.WAITING, State.FAILED)


@dataclass(frozen=True)
class Rounds:
    """When the last round was due, if it is not too long ago, and when the next one is."""

    due_at: datetime | None
    next_at: datetime


def rounds(canary: Canary, zone: str, now: datetime) -> Rounds:
    """The rounds around an instant, on a clock of this zone. Computed each time: nothing is turned on."""
    days = canary.every // DAY
    today = date(1970, 1, 1) + timedelta(seconds=wall.shown_at(zone, now))
    place = (today - canary.starts_on).days // days
    near = [_round(canary, zone, days, one) for one in range(max(place - 1, 0), max(place, 0) + 2)]
    passed = [one for one in near if now - LATEST <= one <= now]
    return Rounds(max(passed, default=None), min(one for one in near if one > now))


def _round(canary: Canary, zone: str, days: int, place: int) -> datetime:
    day = canary.starts_on + timedelta(days=days * place)
    return wall.reached_at(zone, wall.local_of(day, canary.at))


def is_wanted(canary: Canary, due_at: datetime, verified_at: datetime | None, last_at: datetime | None) -> bool:
    """Whether a way is tried in this round: it was there by then, and none has come lately, on whatever clock."""
    was_there = verified_at is None or verified_at <= due_at
    return was_there and (last_at is None or due_at - last_at > canary.every / 2)


# ---- Words -----------------------------------------------------------------------------------------------------------


def text(trial: Trial, link: str) -> Text:
    """What the person reads. That it is a test comes first, on the smallest screen and in a call too."""
    subject = "TEST, nothing is wrong: does this page reach you?"
    body = (
        "This is a test. There is no incident, and nothing else is asked of you.\n\n"
        f"Confirm by {utc(trial.answer_by)} that it has reached you:\n{link}\n\n"
        "You are paged this way when something is wrong. If nobody confirms, this way counts as doubtful until a test "
        "is answered.\n"
    )
    about = {"test": trial.id, "title": subject, "acknowledge": link, "answer_by": trial.answer_by}
    data = msgspec.json.encode({"type": "page.test", "timestamp": trial.opened_at, "data": about}).decode()
    return Text(subject, body, data, f"{subject}\n{link}\n")


THANKS = "Thank you: this page has reached you. It was a test, and nothing else is asked of you."
OVER = "This test is over: another one was sent, or a real page came first. Nothing is asked of you."


def ways(names: Sequence[str]) -> str:
    """`mail`, `mail and text messages`."""
    return listed(called(one) for one in dict.fromkeys(names))


def to_owner(failed: Sequence[Trial], link: str) -> tuple[str, str]:
    """To whoever would be paged this way: subject and body."""
    lines = [f"- {called(one.channel)} {one.address}: {one.why}." for one in failed]
    told = [
        "A test page did not get its answer. A real one might not reach you either:",
        "\n".join(lines),
        "You are still paged this way. Look whether it works, and test it again; an answer makes it count as good.",
        link,
    ]
    return f"[on call] A test page by {ways([one.channel for one in failed])} was not answered", _joined(told)


def to_menders(failed: Iterable[tuple[str, Trial]], link: str) -> tuple[str, str]:
    """To those who can mend it; they read by which kind of way, and not where. Pairs of a person's name and a trial."""
    lines = [f"- {name}, by {called(one.channel)}: {one.why}." for name, one in failed]
    told = [
        "Test pages did not get their answer. Real ones might not reach these people either:",
        "\n".join(lines),
        "Each of them was told. If several ways of one kind failed, its provider is the likely cause.",
        link,
    ]
    count = "A test page was" if len(lines) == 1 else f"{len(lines)} test pages were"
    return f"[on call] {count} not answered", _joined(told)


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def unanswered(trial: Trial) -> str:
    return f"nobody answered within {span(trial.answer_by - trial.due_at)}"
