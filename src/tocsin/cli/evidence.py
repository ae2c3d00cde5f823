"""Proof of what happened, on the server's own machine: nothing stands between these commands and the record."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import show
from tocsin.cli.options import HERE, AsJson

if TYPE_CHECKING:
    from tocsin.response.verification import Verified

BROKEN = 1

evidence = App()


@evidence.command(group=HERE)
def verify(
    incident: Annotated[str | None, Parameter(help="Only this one, by its id or number.")] = None,
    /,
    *,
    json: AsJson = False,
) -> int:
    """Prove the record: that each entry is what was written, that none is missing, and that the rest follows from it.

    What is broken is named, with the first entry of each incident that does not hold.
    """
    from tocsin.cli import local

    counted = local.look(lambda tx: _count(tx, incident))
    if json:
        show.as_json({"ok": not counted["problems"], **counted})
    else:
        sound = f"{counted['entries']:,} entries of {counted['incidents']:,} incidents hold."
        show.line("\n".join([*(one["problem"] for one in counted["problems"]), sound]))
    return BROKEN if counted["problems"] else 0


def _count(tx: Any, incident: str | None) -> dict[str, Any]:
    from tocsin.incidents import store as incidents
    from tocsin.response import verification

    if incident is None:
        looked_at = verification.verify_all(tx)
    else:
        looked_at = iter([verification.verify(tx, incidents.id_of(tx, incident))])
    counted = {"incidents": 0, "entries": 0}
    problems = []
    for one in looked_at:
        counted["incidents"] += one.fault is None
        counted["entries"] += one.entries
        problems += [_problem(one)] if one.fault else []
    return {**counted, "problems": problems}


def _problem(one: "Verified") -> dict[str, Any]:
    found = asdict(one)
    fault = found.pop("fault") or {}
    return {**found, "entry": fault.get("entry"), "problem": one.problem}
