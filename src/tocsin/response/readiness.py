"""What would keep a page or an update from going out tonight, and can be mended today."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import words
from tocsin.kit.text import listed
from tocsin.obligations import store as obligations
from tocsin.oncall import store as oncall
from tocsin.oncall import warning
from tocsin.oncall.coverage import Reach, prove, stretches
from tocsin.people import store as people
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Way
from tocsin.response import covering, trials

AHEAD = timedelta(weeks=1)
LOST_MOST = 100  # messages that were given up, counted
GRACE = timedelta(seconds=30)  # how long something may be due while the engine is busy

LACK = {
    Reach.NO_ACCOUNT: "have no account",
    Reach.DISABLED: "have a disabled account",
    Reach.NO_METHOD: "have no contact method",
}


def hindrances(tx: Tx, *, has_mail: bool, offers: Collection[str]) -> list[str]:
    """Whatever stands in the way, in words; none if nothing does. Nothing is told of what an incident says.

    `offers` are the channels that the settings of this server set up.
    """
    sight.see_everything(tx)
    mail = [] if has_mail else ["No mail server is set (TOCSIN_SMTP_URL): mails wait in the outbox."]
    return [*mail, *_engine(tx), *_people(tx), *_ways(tx, offers), *_doubts(tx), *_gaps(tx), *_lost(tx)]


@dataclass(frozen=True, kw_only=True)
class Means:
    """By what the settings of this server let updates leave. `chats` are the names of TOCSIN_CHATS."""

    chats: Collection[str]
    has_slack: bool
    ways: Collection[Way]


def unheard(tx: Tx, means: Means) -> list[str]:
    """Where the plan wants an update to go and the settings lead nowhere, in words; and what they name for nothing."""
    plan = plans.current(tx)
    return [*_chats(plan, means.chats), *_rooms(plan, means), *_subscribing(plan, means.ways)]


def _chats(plan: Plan, known: Collection[str]) -> Iterator[str]:
    wanted = {name: one.name for one in plan.communication.audiences.values() for name in one.chats}
    for name, audience in wanted.items():
        if name not in known:
            yield f"The plan posts updates for {audience} in the chat {name}, which TOCSIN_CHATS does not name."
    if spare := sorted(set(known) - set(wanted)):
        yield f"TOCSIN_CHATS names {listed(spare)}, in which the plan posts nothing."


def _rooms(plan: Plan, means: Means) -> Iterator[str]:
    chat = plan.communication.channels.chat
    if chat and not means.has_slack:
        of = f" of severity {listed(chat.severities)}" if chat.severities else ""
        yield f"The plan wants a channel for each incident{of}, and TOCSIN_SLACK_BOT_TOKEN is not set."


def _subscribing(plan: Plan, ways: Collection[Way]) -> Iterator[str]:
    needs = {Way.EMAIL: "TOCSIN_SMTP_URL", Way.PUSH: "TOCSIN_PUSH_CONTACT"}
    for way in plan.communication.subscribe_by:
        if way not in ways:
            yield f"The plan lets people subscribe by {way}, which nobody is offered: {needs[way]} is not set."


def _engine(tx: Tx) -> list[str]:
    late = obligations.neglected(tx, tx.now - GRACE)
    return ["Nobody lets time pass: no engine is turning, so nobody is paged."] if late else []


def _people(tx: Tx) -> list[str]:
    """People of the plan's rotas whom nothing reaches, by what they lack."""
    plan = plans.current(tx)
    in_turn = dict.fromkeys(person for rotation in plan.rotations.values() for person in rotation.everyone)
    reached = covering.reached(tx, plan)
    return [
        f"On call, but nothing reaches them: {listed(those)} {lack}."
        for what, lack in LACK.items()
        if (those := [person for person in in_turn if reached[person] is what])
    ]


def _doubts(tx: Tx) -> list[str]:
    """Ways of paging that failed their last test: they are used, and may reach nobody."""
    plan = plans.current(tx)
    found = [f"{words.name(plan, one.handle)} by {called(one.channel)}" for one in trials.doubts(tx, plan.people)]
    return [f"The last test page was not answered: {listed(found)}."] if found else []


def _ways(tx: Tx, offers: Collection[str]) -> list[str]:
    """Verified contact methods through which nothing goes out."""
    methods = [one for some in people.contacts(tx, list(plans.current(tx).people)).values() for one in some]
    ended = [one for one in methods if one.ended_at]
    closed = [one for one in methods if one.verified_at and one.channel not in offers]
    gone = [f"Ended by itself: {one.channel} of {one.handle} ({one.ended_because})." for one in ended]
    return gone + [
        f"Not set up on this server: {channel}, by which {listed(dict.fromkeys(those))} would be paged."
        for channel in sorted({str(one.channel) for one in closed})
        if (those := [one.handle for one in closed if one.channel == channel])
    ]


def _gaps(tx: Tx) -> list[str]:
    """Moments of the coming week at which nobody is named at all; who can't be reached is told by name."""
    plan = plans.current(tx)
    proof = prove(plan, oncall.rotas(tx, plan), tx.now, tx.now + AHEAD)
    return warning.lines(stretches(proof.holes), proof.ends_at)


def _lost(tx: Tx) -> list[str]:
    lost = len(outbox.undelivered(tx, LOST_MOST))
    count = "1 message was" if lost == 1 else f"{lost}{' or more' if lost == LOST_MOST else ''} messages were"
    return [f"{count} given up; `tocsin undelivered` says which and why."] if lost else []
