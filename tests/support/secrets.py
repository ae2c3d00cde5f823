"""An installation that keeps secrets: confidential incidents, and open ones that had to do with them.

Every word that only readers may see holds `nightjar`, so that one look at an answer tells whether it gives one away.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support.ending import see_all_pass
from tests.support.inbox import decide_all
from tocsin.db.engine import Database
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import Relation
from tocsin.incidents.work import Verdict
from tocsin.incidents.working import Estimate
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import Account, AccountRole
from tocsin.response import commands, relating, secrecy, working
from tocsin.review import commands as review
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival

WORD = "nightjar"
KEY = f"{WORD}-key-77"
READERS = ("ben", "tomas")
"""Whom the plan names; besides them `counsel` reads, whom they brought in, and whom the plan does not know."""
NOBODY = "inc_NOTHERE0"
NO_NUMBER = 999


@dataclass(frozen=True)
class Secrets:
    """`breach` was declared by a rule, `hushed` was open for a while, `duplicate` was open until it was merged into the
    breach. `outage` is open, was linked with each, and names none of them to a stranger."""

    breach: Incident
    hushed: Incident
    duplicate: Incident
    outage: Incident
    signal_id: str

    @property
    def hidden(self) -> tuple[Incident, ...]:
        return (self.breach, self.hushed, self.duplicate)

    def given_away(self, answer: str) -> list[str]:
        """The words of an answer that only readers may see."""
        return [one for one in (WORD, "counsel-x", *(each.id for each in self.hidden), self.signal_id) if one in answer]


def responder(handle: str) -> Actor:
    about: dict[str, Any] = {"name": handle, "email": None, "has_password": False, "created_at": None}
    return access.person(Account(handle=handle, role=AccountRole.RESPONDER, **about))


def keep(database: Database) -> Secrets:
    """Let all of it happen."""

    def do(by: str, command: Any, *arguments: Any, **named: Any) -> Any:
        return database.run(responder(by), lambda tx: command(tx, *arguments, **named))

    with database.work(SYSTEM) as tx:
        people.add_person(tx, "counsel-x", name="Corin Counsel", email=None, role=AccountRole.VIEWER)
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=f"{account.handle}@rose.example")
    breach = _declared(database)
    outage = do("lucia", commands.declare, title="Voice hangs", severity="P1", type="service_outage", service="rose")
    hushed = do("tomas", commands.declare, title=f"{WORD} exports", severity="P3", type="data_loss", service="rose")
    duplicate = do("tomas", commands.declare, title=f"{WORD} logins", severity="P3", type="high_error_rate")
    _work_on(do, breach.id)
    do("ben", relating.link, outage.id, hushed.id, Relation.CAUSED_BY, f"{WORD} link")
    do("tomas", secrecy.make_confidential, hushed.id, f"{WORD} hush")
    do("tomas", secrecy.add_responder, hushed.id, "ben", f"{WORD} second pair of eyes")
    do("ben", relating.link, outage.id, breach.id, Relation.CAUSED_BY, f"{WORD} other link")
    do("ben", relating.merge, duplicate.id, breach.id, f"{WORD} merge")
    for incident in (outage, breach):
        do("ben", see_all_pass, incident.id)
        do("ben", commands.resolve, incident.id, "Restarted it" if incident is outage else f"{WORD} cure")
        do("ben", working.thank, incident.id, "Thanks" if incident is outage else f"{WORD} thanks")
        do("ben", commands.schedule_review, incident.id, database.now() + timedelta(hours=5))
    do("ben", review.write_section, breach.id, {"summary": f"{WORD} summary"})
    with database.read(SYSTEM) as tx:
        (signal,) = signals.of_incident(tx, breach.id)
        found = [incidents.load(tx, one.id) for one in (breach, hushed, duplicate, outage)]
    return Secrets(*found, signal.id)


def _declared(database: Database) -> Incident:
    """What a rule declares, and a body like it that could not be read."""
    arrival = Arrival(
        source="generic",
        key=KEY,
        title=f"unauthorized access: {WORD} signal",
        labels={"vault": f"{WORD}-label"},
        details={"seen": f"{WORD} detail"},
    )
    with database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(arrival)])
        body = f'{{"dedup_key": "{KEY}", "seen": "{WORD}"'.encode()
        quarantine.keep(tx, source="generic", sender="192.0.2.1", reason="It ends too early.", body=body)
        quarantine.keep(tx, source="generic", sender="192.0.2.1", reason="It is no JSON.", body=b"harmless")
    decide_all(database)
    while not (found := _listed(database)):  # the engine of a running server may have been the first to take it
        pass
    return found[0]


def _listed(database: Database) -> list[Incident]:
    with database.read(SYSTEM) as tx:
        return incidents.listing(tx)


def _work_on(do: Any, breach: str) -> None:
    do("ben", commands.acknowledge, breach)
    do("ben", commands.assign, breach, "incident_commander", "ben")
    do("ben", secrecy.add_responder, breach, "counsel-x", f"{WORD} reason")
    do("ben", commands.note, breach, f"{WORD} note")
    do("ben", commands.decide, breach, f"{WORD} decision", f"{WORD} because")
    do("ben", working.find, breach, f"{WORD} finding", Verdict.ROOT_CAUSE)
    do("ben", working.assess, breach, Estimate(functions=f"{WORD} function"))
    do("ben", commands.change_severity, breach, "P0", f"{WORD} raise")
    words = {"impact": f"{WORD} impact", "actions": f"{WORD} action", "next": "wait", "eta": "soon"}
    do("ben", commands.post_update, breach, "internal", words)
    do("ben", commands.waive, breach, "role:scribe", f"{WORD} waiver")
