"""A whole installation on a manual clock: real database, real core, real Rose answers; only the wire is recorded.

Time passes as it does in a server, by settling what is due and sending what is queued, but each wait is a jump.
The world fails a story that paged or mailed somebody whom the story did not expect.
"""

import asyncio
import atexit
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, TypeVar, cast, overload
from urllib.parse import urlsplit

import pytest

from tests.support.inbox import decide_all
from tocsin.db import settings as kept
from tocsin.db.engine import Database
from tocsin.delivery.channel import Channel, Delivered, Message, Result
from tocsin.delivery.chat import Chat
from tocsin.incidents import store as incidents
from tocsin.incidents.entry import Entry
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.kit.clock import ManualClock
from tocsin.kit.sealing import Keyring
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation, State
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import Account, AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.rehearsal import rose
from tocsin.rehearsal.process import Process
from tocsin.response import commands, dispatch, intake, listening, looking, measuring, tick
from tocsin.response.rooms import Rooms
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.watch import journeys
from tocsin.watch.outcomes import Outcome, Reading
from tocsin.watch.tailing import Piece

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a story that lasts, and asks of the database nothing that a shorter one beside it does not ask on both."""

T = TypeVar("T")
E = TypeVar("E", bound=Entry)
START = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)  # a Tuesday night
CHASING = ("reminder", "overdue")  # what duties say of themselves; the stories of the ledger ask for it
APART = (*CHASING, "role", "invitation")  # what stories overlook unless they ask for it
KEY = "tsk_which-seals-what-stories-keep-of-secrets"
ROSE = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")


WATCHED = ("    probes:", "    measures:", "    journeys:", "    logs:")


def _without_probes(plan: str) -> str:
    """The plan, but nothing is looked at or measured: every incident of these tests is one that the test declared."""
    kept, skipping = [], False
    for line in plan.splitlines():
        skipping = line in WATCHED or (skipping and (not line.strip() or line.startswith("      ")))
        if not skipping:
            kept.append(line)
    return "\n".join(kept)


_loop = asyncio.Runner()  # one for all worlds: a story sends hundreds of times, and a loop for each costs as much
atexit.register(_loop.close)

QUIET = _without_probes(ROSE)  # looks at nothing: only what a story does happens


@dataclass
class RecordingChannel:
    """Takes every message, or answers as the story says for an address."""

    sent: list[Message] = field(default_factory=list)
    answers: dict[str, Result] = field(default_factory=dict)

    async def send(self, message: Message) -> Result:
        result = self.answers.get(message.address, Delivered())
        if isinstance(result, Delivered):
            self.sent.append(message)
        return result


class World:
    def __init__(self, database_url: str, *, plan: str = ROSE, reachable: bool = True) -> None:
        self.clock = ManualClock(START)
        self.database = Database(database_url, self.clock, Keyring(lambda: (KEY,)))
        self.mail = RecordingChannel()
        self.hook = RecordingChannel()
        self.chats: dict[str, Channel] = {}
        self.switches = rose.Switches()
        self.process = Process(START)
        self._expected = 0
        self._told = 0
        self._looks = False
        self.looked_twice = 0
        with self.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, plan, "the story's plan")
            if reachable:
                for account in people.people(tx):
                    people.change_person(tx, account.handle, email=f"{account.handle}@rose.example")

    def connect(self, chat: Chat) -> None:
        """From here on channels are opened in this chat."""
        with self.database.work(SYSTEM) as tx:
            kept.write(tx, kept.CHAT, chat.name)
        self.chats[chat.name] = Rooms(self.database, chat)

    def channels(self) -> dict[str, Channel]:
        return {"email": self.mail, "webhook": self.hook, **self.chats}

    # ---- who acts ----

    def actor(self, handle: str) -> Actor:
        return access.person(
            Account(
                handle=handle,
                name=handle,
                email=None,
                role=AccountRole.RESPONDER,
                has_password=False,
                created_at=START,
            )
        )

    def do(self, command: Callable[..., T], *arguments: Any, by: str = "ana", **named: Any) -> T:
        """Carry out a command in a unit of work of its own, and let what follows happen."""
        found = self.database.run(self.actor(by), lambda tx: command(tx, *arguments, **named))
        self.settle()
        return found

    def read(self, question: Callable[..., T], *arguments: Any) -> T:
        with self.database.read(SYSTEM) as tx:
            return question(tx, *arguments)

    # ---- what happens ----

    def arrive(self, *arrivals: Arrival) -> None:
        with self.database.work(SYSTEM) as tx:
            signals.accept(tx, [signals.encode(one) for one in arrivals])
        self.settle()

    def declare(self, title: str = "Voice replies hang", by: str = "ana", **about: Any) -> Incident:
        words = {"severity": "P1", "type": "service_outage", "service": "rose", **about}
        return self.do(commands.declare, by=by, title=title, **words)

    def watch_rose(self) -> None:
        """Begin to look at Rose's health, as the plan says."""
        self._looks = True
        with self.database.work(SYSTEM) as tx:
            looking.schedule(tx)
        self.settle()

    def look_away(self) -> None:
        """Stop looking at Rose: hours may pass without thousands of looks."""
        with self.database.work(SYSTEM) as tx:
            for look in obligations.open_looks(tx):
                obligations.settle(tx, look.id, State.VOID, "the story looks away")

    def settle(self) -> None:
        """Do everything that is due at this instant."""
        while True:
            decided = decide_all(self.database) + intake.release_some(self.database) + intake.calm_some(self.database)
            settled, looks = self.database.run(SYSTEM, tick.settle_due)
            for look in looks:
                self._look(look)
            sent = _loop.run(dispatch.send_due(self.database, self.channels(), limit=1000))
            if not (decided or settled or sent):
                return

    def _look(self, look: looking.AnyLook) -> None:
        if isinstance(look, looking.PageLook):
            silent = Reading(took=looking.WAIT_FOR_PAGE, failure="timeout", path="")  # no vendor is in reach of a story
            self.database.run(SYSTEM, lambda tx: looking.learn_page(tx, look, silent, None))
            return
        if isinstance(look, looking.MeasureLook):
            numbers = self.reading(urlsplit(look.measure.url).path, look.measure.timeout)
            self.database.run(SYSTEM, lambda tx: measuring.learn(tx, look, numbers))
            return
        if isinstance(look, looking.LogLook):
            nothing = Piece(look.tail)  # what a story's Rose writes, the story sends
            self.database.run(SYSTEM, lambda tx: listening.learn(tx, look, nothing))
            return
        if isinstance(look, looking.JourneyLook):
            self._walk(look)
            return
        reading = self.reading(look.probe.paths[0], look.probe.timeout)
        if looking.is_grave(look, reading):
            again = self.reading(look.probe.paths[0], look.probe.timeout)
            self.looked_twice += 1
            reading = looking.seen_twice(reading, again, look.probe)
        self.database.run(SYSTEM, lambda tx: looking.learn(tx, look, reading))

    def _walk(self, look: looking.JourneyLook) -> None:
        outcome, walks = self._walked(look), 1
        if journeys.is_bad(outcome):
            outcome, walks = self._walked(look), 2
        self.database.run(SYSTEM, lambda tx: looking.learn_walk(tx, look, outcome, walks))

    def _walked(self, look: looking.JourneyLook) -> Outcome:
        steps = journeys.walk(look.journey)
        asked = next(steps)
        while True:
            try:
                asked = steps.send(self.reading(asked.path, look.journey.timeout, asked))
            except StopIteration as end:
                return cast(Outcome, end.value)

    def reading(self, path: str, timeout: timedelta, asked: journeys.Request | None = None) -> Reading:
        """What a look at Rose sees at this instant."""
        if self.switches.mode is rose.Mode.DOWN:
            return Reading(took=timedelta(milliseconds=1), failure="refused", path=path)
        call = rose.Call(
            method=asked.method if asked else "GET",
            path=path,
            at=self.clock.now(),
            request_id="req-1",
            client="127.0.0.1",
            content_type=asked.content_type if asked else "",
            body=asked.body if asked else b"",
        )
        answer = rose.answer(self.switches, call, self.process)
        if answer.drop or timedelta(seconds=min(answer.delay_s, 86400)) >= timeout:
            return Reading(took=timeout, failure="timeout", path=path)
        return Reading(
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body,
            took=timedelta(seconds=answer.delay_s),
            path=path,
        )

    def advance(self, **span: float) -> None:
        """Let time pass, stopping at each instant at which something is due."""
        until = self.clock.now() + timedelta(**span)
        while (due_at := self.read(tick.next_due)) is not None and due_at <= until:
            self.clock.advance_to(max(due_at, self.clock.now()))
            self.settle()
        self.clock.advance_to(until)
        self.settle()

    def sleep(self, **span: float) -> None:
        """Nobody runs a server for this long."""
        self.clock.advance_to(self.clock.now() + timedelta(**span))

    # ---- what is seen ----

    def expect_page(self, *handles: str) -> list[Message]:
        """These people, and nobody else, were paged since the last expectation."""
        pages = self._news("page")
        assert sorted(one.person or "" for one in pages) == sorted(handles)
        return pages

    def expect_update(self, audience: str, *handles: str) -> list[Message]:
        news = self._news(audience)
        assert sorted(one.person or "" for one in news) == sorted(handles)
        return news

    def expect_silence(self) -> None:
        assert [(one.audience, one.person) for one in self._unseen()] == []

    def overlook(self) -> None:
        """Whatever left the house until now is another story's."""
        self._expected += len(self._unseen())

    def _unseen(self) -> list[Message]:
        return [one for one in self.mail.sent if one.audience not in APART][self._expected :]

    def told(self) -> list[tuple[str, str, str]]:
        """Who was reminded of what, and who was told what is overdue, since the last time that this was asked."""
        said = [one for one in self.mail.sent if one.audience in CHASING][self._told :]
        self._told += len(said)
        return [(one.audience, one.person or "", one.subject) for one in said]

    def invited(self) -> list[Message]:
        """Who was written to about the post-mortem meeting."""
        return [one for one in self.mail.sent if one.audience == "invitation"]

    def named(self) -> list[Message]:
        """Who was told that a role is theirs, in the order in which it was said."""
        return [one for one in self.mail.sent if one.audience == "role"]

    def _news(self, audience: str) -> list[Message]:
        news = self._unseen()
        assert {one.audience for one in news} <= {audience}, [(one.audience, one.person) for one in news]
        self._expected += len(news)
        return news

    def incident(self, incident_id: str | None = None) -> Incident:
        if incident_id is not None:
            return self.read(incidents.load, incident_id)
        (only,) = self.read(incidents.listing)
        return only

    @overload
    def entries(self, incident_id: str) -> list[AnyEntry]: ...

    @overload
    def entries(self, incident_id: str, kind: type[E]) -> list[E]: ...

    def entries(self, incident_id: str, kind: type[Entry] = Entry) -> Sequence[Entry]:
        """The timeline, or what it holds of one kind."""
        found = [one.entry for one in self.read(incidents.timeline, incident_id)]
        return [one for one in found if isinstance(one, kind)]

    def owed(self, incident_id: str) -> Mapping[str, Obligation]:
        return {one.key: one for one in self.read(obligations.open_for, incident_id)}

    def ended(self, incident_id: str, key: str) -> list[State]:
        """How every obligation of this key ended, oldest first."""
        found = [one for one in self.read(obligations.for_incident, incident_id) if one.key == key]
        return [one.state for one in sorted(found, key=lambda one: one.opened_at) if one.state is not State.OPEN]

    def answer_link(self, message: Message) -> str:
        found = re.search(r"/a/(\S+)", message.body)
        assert found is not None
        return found[1]

    def close(self) -> None:
        """The story is over: whatever left the house was expected."""
        self.expect_silence()
        self.database.dispose()

    def plan(self) -> Plan:
        return self.read(plans.current)
