"""The invariants of a live database, examined."""

from datetime import timedelta

from tocsin.db import keys, sight
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.kit.errors import TocsinError
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans
from tocsin.response import verification

NEWEST = 1000  # incidents whose records are read
GRACE = timedelta(seconds=30)  # how long something may be due while the engine is busy


def examine(tx: Tx) -> list[str]:
    """Every invariant that does not hold, in words; none if all is well. Nothing is told of what an incident says."""
    sight.see_everything(tx)
    return [*_keys(tx), *_plans(tx), *_obligations(tx), *_records(tx)]


def _keys(tx: Tx) -> list[str]:
    if wrong := keys.problem(tx):
        return [f"The secrets in the database can't be opened. {wrong}"]
    left = keys.unsealed(tx)
    return [f"{left} secrets are not sealed with the present key: run `tocsin secrets rotate`."] if left else []


def _plans(tx: Tx) -> list[str]:
    found = []
    for revision in plans.revisions(tx):
        try:
            plans.load(tx, revision.id)
        except TocsinError as error:
            found.append(error.message)
    return found


def _obligations(tx: Tx) -> list[str]:
    late = obligations.neglected(tx, tx.now - GRACE)
    return [f"{late} open obligations wait for time to pass: is a server running?"] if late else []


def _records(tx: Tx) -> list[str]:
    """The newest records whole. Old ones no longer change, and `tocsin verify` reads them all."""
    looked_at = (verification.verify(tx, one) for one in incidents.latest_ids(tx, NEWEST))
    return [one.problem for one in looked_at if one.fault]
