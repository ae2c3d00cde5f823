"""Looking ahead: whether somebody is there at every moment of the coming weeks, and who is told in time if not."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.kit.errors import Invalid
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind
from tocsin.oncall import store as oncall
from tocsin.oncall import warning
from tocsin.oncall.coverage import Proof, Reach, prove
from tocsin.paging import reach
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import followups

KEY = "cover"
EVERY = timedelta(hours=1)
WEEKS = 4  # how far ahead people are warned
WEEKS_MOST = 53


def schedule(tx: Tx) -> None:
    """See that somebody looks ahead. Doing it twice changes nothing."""
    if not obligations.open_of(tx, Kind.COVER):
        what = "Look ahead for moments at which nobody is on call"
        obligations.open_duty(tx, None, Duty(key=KEY, kind=Kind.COVER, what=what, clause="", due_at=tx.now))


def proof(tx: Tx, weeks: int) -> Proof:
    """The proof of the coming weeks, by the plan in force, what is arranged, and whom this installation reaches."""
    access.require(tx.actor, access.PLAN_READ)
    if not 1 <= weeks <= WEEKS_MOST:
        raise Invalid(f"From 1 to {WEEKS_MOST} weeks.", field="weeks")
    plan = plans.current(tx)
    end = tx.now + timedelta(weeks=weeks)
    return prove(plan, oncall.rotas(tx, plan), tx.now, end, reached(tx, plan))


def reached(tx: Tx, plan: Plan) -> dict[str, Reach]:
    """Whether something reaches each person of the plan, or what they lack."""
    accounts = {one.handle: one for one in people.people(tx, plan.people)}
    can_be = people.reachable(tx, list(plan.people))
    found = {}
    for handle in plan.people:
        account = accounts.get(handle)
        if account is None:
            found[handle] = Reach.NO_ACCOUNT
        elif account.disabled_at is not None:
            found[handle] = Reach.DISABLED
        else:
            found[handle] = Reach.REACHED if handle in can_be else Reach.NO_METHOD
    return found


def look_ahead(tx: Tx) -> datetime:
    """Tell of what is new in the proof of the coming weeks; forget what is mended or over. Returns when to look again.

    As long as nobody can be told, nothing counts as told.
    """
    found = proof(tx, WEEKS)
    news = warning.news(found, oncall.warnings(tx), tx.now)
    for one in news.still:
        oncall.change_warning(tx, one)
    for one in news.mended:
        oncall.forget_warning(tx, one.id)
    addresses = people.addresses(tx, menders(tx)) if news.fresh else {}
    if addresses:
        for one in news.told:
            oncall.add_warning(tx, one)
        _tell(tx, addresses, news.told[0].id, warning.lines(news.fresh, found.ends_at))
    return tx.now + EVERY


def _tell(tx: Tx, addresses: Mapping[str, str], key: str, lines: list[str]) -> None:
    count = "A gap" if len(lines) == 1 else f"{len(lines)} gaps"
    body = "\n\n".join(
        [
            "In the coming weeks those whom the plan names would not be reached:",
            *lines,
            "Arrange an override, change the plan, or see that the person can be reached. You are told once of each.",
            followups.link(tx, "/oncall#cover"),
        ]
    )
    for handle, address in addresses.items():
        outbox.queue(
            tx,
            dedup_key=f"{key}-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"[on call] {count} in the rotas",
            body=f"{body}\n",
            person=handle,
            audience="on_call",
            thread=KEY,
        )


def menders(tx: Tx) -> list[str]:
    """Who can mend it: the administrators; where nothing reaches any of them, whoever leads by the plan now."""
    administrators = [one.handle for one in people.people(tx) if one.role is AccountRole.ADMINISTRATOR]
    if people.addresses(tx, administrators):
        return administrators
    plan = plans.current(tx)
    role = plan.roles.get(plan.lead or "")
    if role is None:
        return list(plan.people)
    targets = (*((role.rotation,) if role.rotation else ()), *role.eligible)
    return list(reach.people_at(plan, oncall.rotas(tx, plan), targets, tx.now))
