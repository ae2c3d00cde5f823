"""Putting a plan into force."""

from tocsin.db.engine import Tx
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import check, store
from tocsin.plan.model import Plan
from tocsin.plan.parse import Problem


class BadPlan(Invalid):
    """The plan has mistakes; nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(["The plan has mistakes; nothing was changed."] + [str(one) for one in problems]))
        self.problems = problems


def apply(tx: Tx, text: str, reason: str, name: str = "plan.yaml") -> store.Revision:
    """Put this plan into force. Open incidents go on under the revision they were declared under.

    People whom the plan names and who have no account get one without a way to sign in: an administrator invites them.
    """
    access.require(tx.actor, access.PLAN_WRITE)
    plan = check.load(text, name)
    if not isinstance(plan, Plan):
        raise BadPlan(plan)
    known = {account.handle for account in people.people(tx)}
    for handle, person in plan.people.items():
        if handle not in known:
            people.add_person(tx, handle, name=person.name, email=None, role=AccountRole.RESPONDER)
    return store.save(tx, plan, text, reason)
