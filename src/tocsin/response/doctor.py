"""The invariants of a live database, examined."""

from datetime import timedelta

from tocsin.db.engine import Tx
from tocsin.incidents import lifecycle
from tocsin.incidents import store as incidents
from tocsin.kit.errors import TocsinError
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans

AT_A_TIME = 200
GRACE = timedelta(seconds=30)  # how long something may be due while the engine is busy


def examine(tx: Tx) -> list[str]:
    """Every invariant that does not hold, in words; none if all is well."""
    return [*_plans(tx), *_obligations(tx), *_folds(tx)]


def _plans(tx: Tx) -> list[str]:
    found = []
    for revision in plans.revisions(tx):
        try:
            plans.load(tx, revision.id)
        except TocsinError as error:
            found.append(error.message)
    return found


def _obligations(tx: Tx) -> list[str]:
    late = obligations.overdue(tx, tx.now - GRACE)
    return [f"{late} obligations are past their due time and open: is a server running?"] if late else []


def _folds(tx: Tx) -> list[str]:
    found: list[str] = []
    below: int | None = None
    while page := incidents.listing(tx, below=below, limit=AT_A_TIME):
        timelines = incidents.timelines(tx, [one.id for one in page])
        for saved in page:
            try:
                folded = lifecycle.fold(saved.id, timelines[saved.id])
            except ValueError as error:
                found.append(str(error))
                continue
            if folded != saved:
                found.append(f"the saved state of {saved.id} is not what its timeline says")
        below = page[-1].number
    return found
