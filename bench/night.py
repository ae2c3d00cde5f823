"""A night in which servers are killed: signals come in, people are paged and answer, and kill -9 at random instants.

What senders and people were answered is kept here, outside of what is killed, to be held against what is left.
"""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench import installation
from bench.catcher import catching, caught
from bench.installation import Installation, Plan, Server
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch, to_millis
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.settings import Settings

KINDS, SERVICES = 30, 80  # each pair of them is an outage of its own, and declares an incident
SPAN = "12 h"  # whatever else is owed is owed after the night
WAIT = "1 s"
ROUNDS = 2
LIFE = 1.6  # seconds that a server lives at the most, once it answers
SEND_EVERY = 0.05
NEW_ONE_IN = 4  # the others are repetitions of signals of late
NEW_IN_A_LIFE = 3  # at the most
QUIET_WITHIN = 120.0
MAIL, HOOK = "mail", "hook"
REACHED_BY = {"ana": (MAIL,), "ben": (HOOK,), "lucia": (MAIL, HOOK)}
STEPS = (("ana",), ("ben", "lucia"))

Ask = Callable[[str], list[tuple[Any, ...]]]


def address(person: str, way: str) -> str:
    """How the catcher names where a page of this person comes in."""
    return f"{person}@bench.example" if way == MAIL else f"/{person}"


@dataclass(frozen=True)
class Kill:
    """One kill -9: when, which process, and the messages that it was sending."""

    number: int
    at: int
    pid: int
    taken: tuple[str, ...]


@dataclass
class Told:
    """What was promised to those outside: how often each signal was taken, how often that is not known, and which
    outages somebody has answered for."""

    taken: Counter[int] = field(default_factory=Counter)
    unanswered: Counter[int] = field(default_factory=Counter)
    sent_at: dict[int, int] = field(default_factory=dict)
    answered: dict[int, int] = field(default_factory=dict)


@dataclass
class Night:
    """One kind of installation through a night of so many kills."""

    name: str
    made: Installation
    ask: Ask
    ask_the_dead: Ask  # the same, while no server runs, and without touching what the next one finds
    folder: Path
    seed: int
    nodes: int = 1
    told: Told = field(default_factory=Told)
    kills: list[Kill] = field(default_factory=list)
    _ports: dict[int, int] = field(default_factory=dict)  # of the servers that live
    _sending_over: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _heard: int = 0  # the place in the journal up to which people have read
    _failed: list[Exception] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.folder / "pages"

    def run(self, kills: int) -> None:
        """Kill so often, then let everything come to its end, and stop."""
        self.journal.touch()
        with catching(self.journal, self.seed) as (smtp_port, hook_port):
            _furnish(self.made.database_url, hook_port)
            with ExitStack() as last:
                nodes = [last.enter_context(ExitStack()) for _ in range(self.nodes)]
                running = [self._start(node, stack, smtp_port) for node, stack in enumerate(nodes)]
                with self._people_and_senders():
                    chance = random.Random(self.seed)
                    for number in range(1, kills + 1):
                        node = chance.randrange(self.nodes)
                        time.sleep(chance.uniform(0, LIFE))
                        self._kill(number, node, running[node].pid)
                        nodes[node].close()
                        running[node] = self._start(node, nodes[node], smtp_port)
                    self._wait_until_quiet()

    def _start(self, node: int, stack: ExitStack, smtp_port: int) -> Server:
        about = {
            "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=no",
            "TOCSIN_BASE_URL": "http://tocsin.bench",
            "TOCSIN_ALLOW_PRIVATE_WEBHOOKS": "yes",
        }
        server = stack.enter_context(installation.server(self.made, self.folder / "log", **about))
        self._ports[node] = server.port
        return server

    def _kill(self, number: int, node: int, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        at = _now()
        del self._ports[node]
        taken = self.ask_the_dead(f"select id from message where state = 'queued' and leased_by like '%.{pid}.%'")
        self.kills.append(Kill(number, at, pid, tuple(str(one) for (one,) in taken)))
        if self._failed:
            raise self._failed[0]

    def _wait_until_quiet(self) -> None:
        """Until every ladder has been climbed or answered, and everything has been sent."""
        self._sending_over.set()
        until = stopwatch() + QUIET_WITHIN
        while any(self.ask(question) for question in STILL_TO_DO) or self._unheard():
            if self._failed:
                raise self._failed[0]
            if stopwatch() > until:
                left = {question: len(self.ask(question)) for question in STILL_TO_DO}
                raise RuntimeError(f"seed {self.seed}, {self.name}: it never came to an end: {left}")
            time.sleep(0.2)

    # ---- Those outside ----

    @contextmanager
    def _people_and_senders(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._guarded, args=(one,)) for one in (self._send, self._answer)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._sending_over.set()
            self._over.set()
            for thread in threads:
                thread.join()
        if self._failed:
            raise self._failed[0]

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by whoever waits for this thread
            self._failed.append(error)

    def _send(self) -> None:
        """Signals, each again until it is taken, as senders do; most of them say what was said before."""
        chance, lately = random.Random(self.seed + 1), deque[int](maxlen=20)
        while not self._sending_over.wait(SEND_EVERY):
            outage = len(self.told.sent_at)
            is_enough = outage >= NEW_IN_A_LIFE * (len(self.kills) + 1) or outage >= KINDS * SERVICES
            if lately and (is_enough or chance.randrange(NEW_ONE_IN)):
                outage = chance.choice(lately)
            else:
                self.told.sent_at[outage] = _now()
                lately.append(outage)
            while not self._taken(outage) and not self._over.is_set():
                time.sleep(0.02)

    def _taken(self, outage: int) -> bool:
        kind, service = divmod(outage, SERVICES)
        labels = {"alertname": f"Kind{kind}", "service": f"service-{service}"}
        signal = {"title": f"Outage number {outage}", "key": f"outage-{outage}", "labels": labels}
        status = self._post("/api/v1/signals", msgspec.json.encode(signal))
        if status is None:
            self.told.unanswered[outage] += 1
        elif status == 202:
            self.told.taken[outage] += 1
        elif status != 503:
            raise RuntimeError(f"a signal was answered with {status}")
        return status == 202

    def _answer(self) -> None:
        """People answer for every second outage, after its first page or a later one."""
        chance, offset, seen = random.Random(self.seed + 2), 0, Counter[int]()
        patience = {outage: chance.randint(1, 6) for outage in range(1, KINDS * SERVICES, 2)}
        while not self._over.wait(0.03):
            pages, offset = caught(self.journal, offset)
            for page in pages:
                seen[page.outage] += 1
                if seen[page.outage] == patience.get(page.outage):
                    while (status := self._post(page.answer, b"")) != 200 and not self._over.is_set():
                        if status not in (None, 503):
                            raise RuntimeError(f"an answer was answered with {status}")
                        time.sleep(0.02)
                    if status == 200:
                        self.told.answered[page.outage] = _now()
            self._heard = offset

    def _unheard(self) -> bool:
        """Whether somebody was paged and had no time yet to answer."""
        return self._heard < self.journal.stat().st_size

    def _post(self, path: str, body: bytes) -> int | None:
        """The status that a server answered with; None if it died on the way, or none was there."""
        ports = list(self._ports.values())
        if not ports:
            return 503
        connection = http.client.HTTPConnection("127.0.0.1", ports[_now() % len(ports)], timeout=10)
        try:
            connection.request("POST", path, body, {"Authorization": f"Bearer {self.made.token}"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return answer.status


STILL_TO_DO = (
    "select id from inbox",
    "select id from message where state = 'queued' and page_id is not null",
    "select id from obligation where kind = 'answer' and state = 'open'",
)


def _now() -> int:
    return to_millis(SystemClock().now())


def _furnish(database_url: str, hook_port: int) -> None:
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        for person, ways in REACHED_BY.items():
            for way in ways:
                channel = Channel.EMAIL if way == MAIL else Channel.WEBHOOK
                to = address(person, way) if way == MAIL else f"http://127.0.0.1:{hook_port}{address(person, way)}"
                people.add_contact(tx, person, channel, to, verified=True)
    app.database.dispose()


def escalating(plan: Plan) -> None:
    """A ladder of seconds, for many kinds of outages of many services."""
    severity = plan["severities"]["P1"]
    severity.update(acknowledge_within=SPAN, resolve_within=SPAN, escalation="bench")
    severity["roles_within"] = {role: SPAN for role in plan["roles"]}
    for audience in plan["communication"]["audiences"].values():
        if "P1" in audience["cadence"]:
            audience["cadence"]["P1"] = {"first_within": SPAN, "every": SPAN}
    steps = [{"page": list(people), "wait": WAIT} for people in STEPS]
    plan["paging"]["singly"] = 1000  # each page is counted by itself
    plan["escalation"]["bench"] = {"steps": steps, "rounds": ROUNDS}
    plan["services"].update({f"service-{one}": {"name": f"Service {one}"} for one in range(SERVICES)})
    for kind in range(KINDS):
        plan["types"][f"kind_{kind}"] = {**plan["types"]["service_outage"], "name": f"Outage of kind {kind}"}
        when = {"alertname": f"Kind{kind}"}
        plan["rules"].insert(0, {"name": f"kind {kind}", "when": when, "type": f"kind_{kind}", "severity": "P1"})
