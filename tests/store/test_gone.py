"""Nothing is laid on whoever can't come in any more: no role of an incident, no shift, no swap."""

from datetime import timedelta
from typing import Any

import pytest

from tocsin.db.engine import Database
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import commands as oncall
from tocsin.people import commands as people_commands
from tocsin.people.commands import IsGone
from tocsin.plan import store as plans
from tocsin.response import commands


def gone(database: Database) -> tuple[str, str, str]:
    """Somebody of the plan who has left; with a role that they could hold, and a rotation."""
    with database.work(SYSTEM) as tx:
        plan = plans.current(tx)
        role = next(key for key, one in plan.roles.items() if "ben" in plan.members(one.eligible))
        people_commands.disable(tx, "ben")
    return "ben", role, next(iter(plan.rotations))


def declared(tx: Any) -> str:
    plan = plans.current(tx)
    severity, kind = list(plan.severities)[1], next(iter(plan.types))
    return str(commands.declare(tx, title="Memory is down", severity=severity, type=kind).id)


def test_a_role_of_an_incident_is_given_to_nobody_who_has_left(database: Database) -> None:
    handle, role, _ = gone(database)
    with database.work(SYSTEM) as tx:
        incident = declared(tx)
    with pytest.raises(IsGone, match="is disabled"), database.work(SYSTEM) as tx:
        commands.assign(tx, incident, role, handle)
    with database.work(SYSTEM) as tx:
        assert incidents.load(tx, incident).roles.get(role) != handle
        people_commands.enable(tx, handle)
        assert commands.assign(tx, incident, role, handle).roles[role] == handle


def test_nobody_who_has_left_is_put_on_call(database: Database) -> None:
    handle, _, rotation = gone(database)
    now = database.now()
    with pytest.raises(IsGone, match="is disabled"), database.work(SYSTEM) as tx:
        oncall.override(
            tx, rotation, handle, starts_at=now, ends_at=now + timedelta(hours=4), reason="The other one is ill"
        )
