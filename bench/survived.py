"""What was promised in a night of kills, held against what arrived and what is on the record.

The record is read with plain SQL, and what each unanswered outage owed is counted from the plan, not from the record.
"""

import os
import subprocess
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from bench.catcher import Page, caught
from bench.installation import ROOT
from bench.night import REACHED_BY, ROUNDS, STEPS, Night, address


class Survived:
    """What a night left behind."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.pages, _ = caught(night.journal)
        self.by_key: dict[str, list[Page]] = defaultdict(list)
        for page in self.pages:
            self.by_key[page.key.strip("<>").split("@")[0]].append(page)
        self._incidents = {str(title): str(one) for one, title in night.ask("select id, title from incident")}

    @property
    def repeats(self) -> int:
        return sum(len(same) - 1 for same in self.by_key.values())

    def differences(self) -> list[str]:
        """Whatever is wrong; nothing, if all is well."""
        parts = (self._signals, self._owed, self._keys, self._answers, self._ladders, self._record)
        return [difference for part in parts for difference in part()]

    def _wrong(self, outage: int, at: int | None, what: str) -> str:
        """One difference with its seed, and the kill that came next after its instant."""
        kills, since = self.night.kills, self.night.told.sent_at.get(outage, 0) if at is None else at
        place = bisect_left([kill.at for kill in kills], since)
        began = min(self.night.told.sent_at.values(), default=since)
        kill = f"kill {kills[place].number} at {(kills[place].at - began) / 1000:.3f} s" if kills[place:] else "no kill"
        return f"seed {self.night.seed}, {self.night.name}, before {kill}: outage {outage}: {what}"

    # ---- Signals ----

    def _signals(self) -> Iterator[str]:
        """Each signal that was taken has its incident, one; and each taking of it was counted."""
        told = self.night.told
        rows = self.night.ask("select title, incident_id, count from signal")
        kept = {str(title): (incident, int(str(count))) for title, incident, count in rows}
        for outage in told.taken:
            incident, count = kept.get(f"Outage number {outage}", (None, 0))
            if incident is None or incident != self._incidents.get(f"Outage number {outage}"):
                yield self._wrong(outage, None, f"its signal was taken, and its incident is {incident}")
            least, most = told.taken[outage], told.taken[outage] + told.unanswered[outage]
            if not least <= count <= most:
                yield self._wrong(outage, None, f"its signal was taken {least} to {most} times, and counted {count}")
        titles = Counter(str(title) for (title,) in self.night.ask("select title from incident"))
        for title, times in titles.items():
            if times > 1:
                yield self._wrong(int(title.split()[-1]), None, f"{times} incidents")

    # ---- Pages ----

    def _owed(self) -> Iterator[str]:
        """Whom nobody answered for: each step of each round has reached each person by each way, once."""
        arrived: dict[tuple[int, str], set[str]] = defaultdict(set)
        for page in self.pages:
            arrived[page.outage, page.to].add(page.key)
        for outage in self.night.told.taken.keys() - self.night.told.answered.keys():
            for person in (one for step in STEPS for one in step):
                for way in REACHED_BY[person]:
                    keys = arrived[outage, address(person, way)]
                    if len(keys) != ROUNDS:
                        what = f"{person} was owed {ROUNDS} pages by {way}, and was paged under {len(keys)} keys"
                        yield self._wrong(outage, None, f"{what}: {', '.join(sorted(keys))}")

    def _keys(self) -> Iterator[str]:
        """What counts as sent has arrived, nothing else has, and a repetition is what it repeats, word for word."""
        rows = self.night.ask(
            "select m.dedup_key, m.state, m.withdrawn_at, m.created_at, i.title from message m "
            "join incident i on i.id = m.incident_id where m.page_id is not null"
        )
        kept = {str(key): (state, withdrawn, int(str(at)), str(title)) for key, state, withdrawn, at, title in rows}
        for key, (state, withdrawn, at, title) in kept.items():
            if (state == "sent" and key not in self.by_key) or (state == "dead" and withdrawn is None):
                yield self._wrong(int(title.split()[-1]), at, f"the page {key} is {state}, and never arrived")
        for key, same in self.by_key.items():
            if key not in kept:
                yield self._wrong(same[0].outage, same[0].at, f"the page {key} arrived, and nobody had sent it")
            for again in same[1:]:
                if (again.to, again.outage, again.words) != (same[0].to, same[0].outage, same[0].words):
                    yield self._wrong(again.outage, again.at, f"the page {key} came again as another")

    def _answers(self) -> Iterator[str]:
        """Who was told that they had answered has, and nobody was paged afterwards."""
        for outage, at in self.night.told.answered.items():
            kinds = [kind for kind, _ in self._entries(outage)]
            if kinds.count("Acknowledged") != 1:
                yield self._wrong(outage, at, "somebody answered for it, and that is not on the record once")
            elif {"Paged", "Escalated"} & set(kinds[kinds.index("Acknowledged") :]):
                yield self._wrong(outage, at, "somebody answered for it, and somebody was paged afterwards")

    def _entries(self, outage: int) -> list[tuple[str, dict[str, object]]]:
        return self._timelines.get(self._incidents.get(f"Outage number {outage}", ""), [])

    # ---- The record ----

    def _ladders(self) -> Iterator[str]:
        """Each step was paged once and ended once, in its order; each of its people has one page of it."""
        pages = Counter((str(one), int(str(step)), str(person)) for one, step, person in self.night.ask(PAGES))
        answers = Counter((str(one), str(key)) for one, key, _ in self.night.ask(ANSWERS))
        still_open = {(str(one), str(key)) for one, key, state in self.night.ask(ANSWERS) if state == "open"}
        for outage in self.night.told.taken:
            incident = self._incidents.get(f"Outage number {outage}", "")
            paged = [int(str(body["step"])) for kind, body in self._entries(outage) if kind == "Paged"]
            missed = [int(str(body["step"])) for kind, body in self._entries(outage) if kind == "Escalated"]
            if not self._is_ladder(outage, paged, missed):
                yield self._wrong(outage, None, f"its steps were paged as {paged} and ended as {missed}")
            for step in paged:
                people = STEPS[step % len(STEPS)]
                if any(pages[incident, step, person] != 1 for person in people):
                    yield self._wrong(outage, None, f"step {step} did not page each of {', '.join(people)} once")
                if answers[incident, f"answer:{step}"] != 1 or (incident, f"answer:{step}") in still_open:
                    yield self._wrong(outage, None, f"the wait for an answer to step {step} did not end once")

    def _is_ladder(self, outage: int, paged: list[int], missed: list[int]) -> bool:
        """Every step in its order up to the end, or up to the answer."""
        steps = list(range(ROUNDS * len(STEPS)))
        if paged == steps and missed == [*steps, -1]:
            return True
        so_far = steps[: len(paged)]
        return outage in self.night.told.answered and bool(paged) and paged == so_far and missed == so_far[:-1]

    def _record(self) -> Iterator[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        environment["TOCSIN_DATABASE_URL"] = self.night.made.database_url
        command = [sys.executable, "-m", "tocsin", "verify"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"seed {self.night.seed}, {self.night.name}: tocsin verify: {done.stdout}{done.stderr}"

    @property
    def _timelines(self) -> dict[str, list[tuple[str, dict[str, object]]]]:
        if not hasattr(self, "_read"):
            self._read: dict[str, list[tuple[str, dict[str, object]]]] = defaultdict(list)
            for one, kind, body in self.night.ask("select incident_id, kind, body from entry order by 1, number"):
                self._read[str(one)].append((str(kind), msgspec.json.decode(str(body))))
        return self._read

    # ---- How long it took ----

    def taken_over(self) -> list[float]:
        """Seconds from each kill until what was being sent then had been sent by another process."""
        held = {one: kill.at for kill in self.night.kills for one in kill.taken}
        sent = self.night.ask("select id, sent_at from message where state = 'sent'")
        return [(int(str(at)) - held[str(one)]) / 1000 for one, at in sent if str(one) in held]


PAGES = "select incident_id, step, handle from page"
ANSWERS = "select incident_id, key, state from obligation where kind = 'answer'"
