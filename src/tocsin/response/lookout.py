"""In a storm, what is of the worst severity does not wait its turn.

Signals are decided in the order in which they came. Where many wait, the newest are looked at without being decided;
one that calls for an incident of the worst severity, where none like it is open, is decided at once. Of each type and
service one is enough: the others join it when their turn comes.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from tocsin.db.engine import Database, Overtaken, Tx
from tocsin.incidents import alike
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Overloaded
from tocsin.plan import store as plans
from tocsin.response import intake
from tocsin.signals import routing
from tocsin.signals import store as signals
from tocsin.signals.model import State

log = logging.getLogger(__name__)

LOOKED_AT = 1000  # signals in one turn, the latest first; what is older waits its turn
EVERY = timedelta(seconds=1)  # looking costs time that senders wait for
MOST_NAMES = 10  # services unknown to the plan, of one turn

Early = tuple[int, str]  # the delivery, and the key of the signal in it


class Lookout:
    """What the node has looked at already."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked_up_to = 0
        self._looked_at: datetime | None = None

    def turn(self) -> int:
        """Decide what may not wait. Returns how many signals that were."""
        now = self._database.now()
        if self._looked_at is not None and now - self._looked_at < EVERY:
            return 0
        self._looked_at = now
        try:
            with self._database.read(SYSTEM) as tx:
                found = self._look(tx)
        except plans.NoPlan:
            return 0
        return sum(self._decide(one) for one in found)

    def _look(self, tx: Tx) -> list[Early]:
        waiting = signals.newest(tx, self._looked_up_to, LOOKED_AT, behind=intake.BATCH)
        if not waiting:
            return []
        self._looked_up_to = waiting[0].inbox_id
        plan = plans.current(tx)
        rules, worst = routing.Rules(plan), next(iter(plan.severities))
        first: dict[tuple[str, str | None], Early] = {}
        for one in reversed(waiting):
            for arrival in one.arrivals:
                route = rules.route(arrival) if arrival.state is State.FIRING else None
                if isinstance(route, routing.Route) and route.severity == worst:
                    first.setdefault((route.type, route.service), (one.inbox_id, arrival.key))
        known = {place: early for place, early in first.items() if place[1] is None or place[1] in plan.services}
        others = [place for place in first if place not in known][:MOST_NAMES]
        wanted = known | {place: first[place] for place in others}
        return [early for (kind, service), early in wanted.items() if _is_news(tx, kind, service, worst)]

    def _decide(self, early: Early) -> int:
        try:
            return self._database.run(SYSTEM, partial(_decide_early, early=early))
        except (Overloaded, Overtaken, plans.NoPlan):
            return 0
        except Exception:
            log.exception("a signal could not be decided before its turn; it waits for it")
            return 0


def _is_news(tx: Tx, kind: str, service: str | None, worst: str) -> bool:
    like = alike.open_like(tx, kind, service)
    return like is None or like.severity != worst


def _decide_early(tx: Tx, early: Early) -> int:
    return intake.decide(tx, signals.take_early(tx, *early))
