"""Who may see an incident and who responds to it, and who could be brought in or taken off. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents import confidential, words
from tocsin.incidents.model import Incident
from tocsin.kit.text import listed
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.web import present
from tocsin.web.frame import Tx
from tocsin.web.present import Choice


@dataclass(frozen=True)
class Reader:
    name: str
    what: str  # the roles they hold, or until when they read


@dataclass(frozen=True)
class View:
    """`names` and `guests` are the same people in a sentence. `kept_by` names the type, if the plan keeps it so."""

    is_confidential: bool
    since: str
    names: str
    guests: str
    people: tuple[Reader, ...]
    may_join: tuple[Choice, ...]
    teams: tuple[Choice, ...]  # that have members who could be brought in
    may_leave: tuple[Choice, ...]
    kept_by: str


def view(tx: Tx, plan: Plan, incident: Incident, now: datetime) -> View:
    accounts = people.names(tx)
    known = {one: accounts.get(one, words.name(plan, one)) for one in {**accounts, **dict.fromkeys(_all(incident))}}
    guests = _guests(incident, now)
    kind = plan.types[incident.type]
    return View(
        is_confidential=incident.confidential_at is not None,
        since=present.moment(incident.confidential_at, now) if incident.confidential_at else "",
        names=listed(known[one] for one in incident.responders) or "nobody",
        guests=listed(f"{known[one]} broke the glass and reads until {until}" for one, until in guests.items()),
        people=(
            *(Reader(known[one], _roles(plan, incident, one)) for one in incident.responders),
            *(Reader(known[one], f"broke the glass, reads until {until}") for one, until in guests.items()),
        ),
        may_join=tuple(Choice(one, name, one) for one, name in accounts.items() if one not in incident.responders),
        teams=tuple(
            Choice(key, team.name, key)
            for key, team in plans.current(tx).teams.items()
            if any(one in accounts and one not in incident.responders for one in team.members)
        ),
        may_leave=tuple(
            Choice(one, known[one], one)
            for one in (*incident.responders, *guests)
            if one not in incident.roles.values()
        ),
        kept_by=kind.name if kind.private else "",
    )


def _all(incident: Incident) -> tuple[str, ...]:
    return (*incident.responders, *incident.guests)


def _guests(incident: Incident, now: datetime) -> Mapping[str, str]:
    """Who reads for a while only, and until when."""
    reading = confidential.reading(incident, now).items()
    return {one: present.moment(until, now) for one, until in reading if until is not None}


def _roles(plan: Plan, incident: Incident, handle: str) -> str:
    return listed(plan.roles[role].name for role, held in incident.roles.items() if held == handle)
