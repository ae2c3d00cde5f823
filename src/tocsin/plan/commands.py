"""Putting a plan into force, and examining one beforehand."""

from functools import lru_cache

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db.engine import Tx
from tocsin.events import store as events
from tocsin.events.model import EventType
from tocsin.kit.errors import Invalid, Refused
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import check, lint, store
from tocsin.plan.consequences import Consequence
from tocsin.plan.diff import diff, large
from tocsin.plan.linting.findings import Around, Report
from tocsin.plan.model import Plan
from tocsin.plan.parse import Problem


class BadPlan(Invalid):
    """The plan has mistakes; nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(["The plan has mistakes; nothing was changed."] + [str(one) for one in problems]))
        self.problems = problems


class LargeChange(Refused):
    """The change is large, and nobody said yes to it; nothing was changed."""

    def __init__(self, consequences: list[Consequence]) -> None:
        head = "The change is large; nothing was changed. Say yes to it (--yes, or yes=true over HTTP) if it is meant:"
        super().__init__("\n".join([head, *(f"- {one.sentence}" for one in consequences)]))
        self.consequences = consequences


def examine(tx: Tx, text: str, name: str = "plan.yaml") -> Report:
    """Everything that is to be said about the text of a plan, with those people whom nothing reaches here."""
    access.require(tx.actor, access.PLAN_READ)
    handles = [account.handle for account in people.people(tx)]
    return _examined(text, name, people.reachable(tx, handles))


@lru_cache(maxsize=4)
def _examined(text: str, name: str, reachable: frozenset[str]) -> Report:
    """The same text with the same people is examined once: it takes longer than a page may."""
    return lint.examine(text, name, Around(reachable=reachable))


def apply(tx: Tx, text: str, reason: str, name: str = "plan.yaml", *, accept_large: bool = False) -> store.Revision:
    """Put this plan into force. Open incidents go on under the revision they were declared under.

    Raises LargeChange for what `plan.diff` calls large, unless it is accepted. A first plan changes nothing.

    People whom the plan names and who have no account get one without a way to sign in: an administrator invites them.
    """
    access.require(tx.actor, access.PLAN_WRITE)
    plan = check.load(text, name)
    if not isinstance(plan, Plan):
        raise BadPlan(plan)
    if not accept_large:
        _refuse_large(tx, plan)
    known = {account.handle for account in people.people(tx)}
    for handle, person in plan.people.items():
        if handle not in known:
            people.add_person(tx, handle, name=person.name, email=None, role=AccountRole.RESPONDER)
            audit.record(tx, Deed.ACCOUNT_MADE, handle, "responder, by the plan")
    saved = store.save(tx, plan, text, reason)
    audit.record(tx, Deed.PLAN_APPLIED, saved.id, reason)
    about = {"revision": saved.id, "name": saved.name, "version": saved.version, "reason": saved.reason}
    events.tell(tx, EventType.PLAN_APPLIED, {**about, "by": tx.actor.handle})
    return saved


def _refuse_large(tx: Tx, plan: Plan) -> None:
    try:
        before = store.current(tx)
    except (store.NoPlan, store.UnreadableRevision):
        return  # there is nothing to compare with, and a plan that can't be read must not keep its successor out
    if found := large(diff(before, plan)):
        raise LargeChange(found)
