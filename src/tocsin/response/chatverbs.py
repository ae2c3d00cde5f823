"""What can be said behind the slash command: each word one of the verbs that pages, API and command line have too.

A verb answers with a sentence for whoever said it, or with a form to fill in. What is confidential is named outside its
own channel to nobody, and nowhere by its title: a chat is somebody else's computer.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.db.engine import Tx
from tocsin.delivery.slackin import MENTION, plain
from tocsin.delivery.slackviews import Part
from tocsin.incidents import store as incidents
from tocsin.incidents import words
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.kit.errors import Invalid, NotFound, Refused
from tocsin.kit.text import listed, nearest, parse_span, short_span
from tocsin.obligations import store as obligations
from tocsin.oncall import store as oncall
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import answers, chatforms, commands, followups, linking

THROUGH = "slack"
SHOWN = 20  # incidents of a list, at the most
OWED = 5  # things that are due, of one incident

_NAMED = re.compile(r"(#\d{1,9}|inc_\w{1,20})\b\s*")
_NUMBER = re.compile(r"\d{1,9}\b\s*")
_SPAN = re.compile(r"(?:\d{1,6}\s*(?:min(?:ute)?s?|m|h(?:our)?s?|d(?:ay)?s?)\b\s*)+", re.IGNORECASE)


class WhichIncident(Invalid):
    """Say which incident: its number behind the word, as in `ack #12`; in its own channel none is needed."""


class NotSaid(Invalid):
    """Something is missing behind this word."""


class NoSuchWord(NotFound):
    """This word means nothing here."""


class OnlyInItsChannel(Refused):
    """This incident is confidential: it is shown in its own channel and on its page alone."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where something was said: the incident whose channel it is, if it is one's, and the name of the command."""

    own: str | None
    command: str
    user: str


Said = str | Part  # a sentence, or a form


@dataclass(frozen=True)
class Verb:
    says: str  # what is written behind it
    does: str
    run: Callable[[Tx, Where, str], Said]


def run(tx: Tx, where: Where, text: str) -> Said:
    """Carry out what was said. Raises what the commands raise, in words for whoever said it."""
    word, _, rest = text.partition(" ")
    word = ALSO.get(word.lower(), word.lower()) or "help"
    if word not in VERBS:
        meant = nearest(word, [*VERBS, *ALSO])
        hint = f" Did you mean {meant}?" if meant else ""
        raise NoSuchWord(f"There is no '{plain(word)}'.{hint} {where.command} help lists what there is.")
    return VERBS[word].run(tx, where, rest.strip())


# ---- Looking ---------------------------------------------------------------------------------------------------------


def _help(tx: Tx, where: Where, rest: str) -> str:
    lines = [f"{where.command} {word} {verb.says}".rstrip() + f" – {verb.does}" for word, verb in VERBS.items()]
    here = "Here every word is about the incident of this channel." if where.own else ""
    return "\n".join([*lines, here or "#12 is the number of an incident; in its own channel it may be left out."])


def _list(tx: Tx, where: Where, rest: str) -> str:
    access.require(tx.actor, access.INCIDENT_READ)
    found = incidents.listing(tx, statuses=OPEN_STATUSES, limit=SHOWN + 1)
    shown = [one for one in found if one.confidential_at is None or one.id == where.own]
    lines = [_line(tx, one) for one in shown[:SHOWN]] or ["No incident is open."]
    if len(found) > SHOWN:
        lines.append("There are more.")
    return "\n".join([*lines, followups.link(tx, "/incidents")])


def _line(tx: Tx, incident: Incident) -> str:
    plan = plans.load(tx, incident.plan_revision)
    age = short_span(tx.now - incident.declared_at)
    return f"{followups.in_chat(incident)}: {words.status(incident.status)}, {_who_leads(plan, incident)}, for {age}"


def _who_leads(plan: Plan, incident: Incident) -> str:
    leader = incident.roles.get(plan.lead or "")
    return f"led by {words.name(plan, leader)}" if leader else "led by nobody yet"


def _show(tx: Tx, where: Where, rest: str) -> str:
    access.require(tx.actor, access.INCIDENT_READ)
    incident, _ = _incident(tx, where, rest)
    link = followups.link(tx, f"/incidents/{incident.id}")
    if incident.confidential_at and incident.id != where.own:
        raise OnlyInItsChannel(f"{OnlyInItsChannel.__doc__} {link}")
    plan = plans.load(tx, incident.plan_revision)
    lines = [_line(tx, incident), *_roles(plan, incident)]
    if incident.confidential_at is None:
        lines += [f"Impact: {incident.impact}"] if incident.impact else []
        lines += list(_due(tx, incident))
    return "\n".join([*lines, link])


def _roles(plan: Plan, incident: Incident) -> Iterator[str]:
    for role, person in incident.roles.items():
        yield f"{words.role_name(plan, role)}: {words.name(plan, person)}"


def _due(tx: Tx, incident: Incident) -> Iterator[str]:
    standing = sorted(obligations.open_for(tx, incident.id), key=lambda one: one.due_at)
    for duty in standing[:OWED]:
        span = short_span(abs(duty.due_at - tx.now))
        yield f"{duty.what}: {'in' if duty.due_at > tx.now else 'overdue for'} {span}"


def _oncall(tx: Tx, where: Where, rest: str) -> str:
    access.require(tx.actor, access.PLAN_READ)
    plan = plans.current(tx)
    lines = [
        f"{plan.rotations[name].name or name}: {listed(words.name(plan, one) for one in holders) or 'nobody'}"
        for name, holders in oncall.rotas(tx, plan).at(tx.now).items()
    ]
    return "\n".join([*lines, followups.link(tx, "/oncall")])


# ---- Working ---------------------------------------------------------------------------------------------------------


def _declare(tx: Tx, where: Where, rest: str) -> Part:
    return chatforms.declare(tx, plain(rest))


def _ack(tx: Tx, where: Where, rest: str) -> str:
    incident, _ = _incident(tx, where, rest)
    after = commands.acknowledge(tx, incident.id, through=THROUGH)
    by = words.name(plans.load(tx, after.plan_revision), after.acknowledged_by or "")
    return _now(after, f"acknowledged by {by}")


def _escalate(tx: Tx, where: Where, rest: str) -> str:
    incident, why = _incident(tx, where, rest)
    return _now(answers.escalate(tx, incident.id, plain(why), through=THROUGH), "whoever is next is paged")


def _note(tx: Tx, where: Where, rest: str) -> Said:
    incident, text = _incident(tx, where, rest)
    if not text:
        return chatforms.note(tx, incident)
    return _now(commands.note(tx, incident.id, plain(text)), "the note is on the record")


def _finding(tx: Tx, where: Where, rest: str) -> Part:
    incident, text = _incident(tx, where, rest)
    return chatforms.finding(tx, incident, plain(text))


def _decision(tx: Tx, where: Where, rest: str) -> Part:
    incident, text = _incident(tx, where, rest)
    return chatforms.decision(tx, incident, plain(text))


def _role(tx: Tx, where: Where, rest: str) -> Said:
    incident, said = _incident(tx, where, rest)
    if not said:
        return chatforms.roles(tx, incident, where.user)
    plan = plans.load(tx, incident.plan_revision)
    person, role = _meant(tx, plan, said)
    given = chatforms.give(tx, incident, role, person, seen=tx.actor.handle)  # of their own they know that they hold it
    if not isinstance(given, Incident):
        return given
    return _now(given, f"{words.role_name(plan, role)} is {words.name(plan, person)}")


def _meant(tx: Tx, plan: Plan, said: str) -> tuple[str, str]:
    """Who is to take which role: `commander`, `commander ana`, `scribe @ana`; oneself, if nobody is named."""
    mention = MENTION.search(said)
    if mention is not None:
        person = linking.handle_of(tx, mention[1])
        if person is None:
            raise NotFound(f"{plain(mention[0])} is linked to nobody in Tocsin.")
        return person, _role_of(plan, plain(said[: mention.start()] + said[mention.end() :]))
    before, _, last = plain(said).rpartition(" ")
    if before and last in plan.people:
        return last, _role_of(plan, before)
    return tx.actor.handle, _role_of(plan, plain(said))


def _role_of(plan: Plan, said: str) -> str:
    wanted = " ".join(said.lower().replace("_", " ").split())
    called = {key: {key.replace("_", " "), role.name.lower()} for key, role in plan.roles.items()}
    exact = [key for key, names in called.items() if wanted in names]
    near = [key for key, names in called.items() if wanted and any(wanted in name.split() for name in names)]
    if len(found := exact or near) != 1:
        raise NotSaid(f"Say which role: {listed([role.name.lower() for role in plan.roles.values()], 'or')}.")
    return found[0]


def _severity(tx: Tx, where: Where, rest: str) -> str:
    incident, said = _incident(tx, where, rest)
    level, _, because = plain(said).partition(" ")
    plan = plans.load(tx, incident.plan_revision)
    known = next((one for one in plan.severities if one.lower() == level.lower()), None)
    if known is None:
        raise NotSaid(f"Say {listed(plan.severities, 'or')}, and why: {where.command} severity P1 more people feel it")
    after = commands.change_severity(tx, incident.id, known, because.strip())
    return _now(after, f"it is {known} already, and nothing was changed" if known == incident.severity else "")


def _update(tx: Tx, where: Where, rest: str) -> Part:
    incident, audience = _incident(tx, where, rest)
    return chatforms.update(tx, incident, plain(audience))


def _mitigate(tx: Tx, where: Where, rest: str) -> str:
    incident, how = _incident(tx, where, rest)
    return _now(commands.mitigate(tx, incident.id, _words(how, where, "mitigate restarted the workers")))


def _resolve(tx: Tx, where: Where, rest: str) -> str:
    incident, how = _incident(tx, where, rest)
    return _now(commands.resolve(tx, incident.id, _words(how, where, "resolve rolled back the release")))


def _close(tx: Tx, where: Where, rest: str) -> str:
    incident, _ = _incident(tx, where, rest)
    return _now(commands.close(tx, incident.id))


def _snooze(tx: Tx, where: Where, rest: str) -> str:
    incident, said = _incident(tx, where, rest)
    span = _SPAN.match(said)
    if span is None:
        raise NotSaid(f"Say for how long, and why: {where.command} snooze 30 min the vendor calls back")
    until = tx.now + _length(span[0])
    incident = commands.snooze(tx, incident.id, until, plain(said[span.end() :]))
    return _now(incident, f"you are asked again at {words.day_and_minute(until)}")


def _length(text: str) -> timedelta:
    try:
        return parse_span(text)
    except (ValueError, OverflowError):
        raise NotSaid(f"'{text.strip()}' is not a span of time; write it like 30 min or 2 h.") from None


def _words(text: str, where: Where, example: str) -> str:
    if not text.strip():
        raise NotSaid(f"Say what was done: {where.command} {example}")
    return plain(text)


# ---- Which incident --------------------------------------------------------------------------------------------------


def _incident(tx: Tx, where: Where, rest: str) -> tuple[Incident, str]:
    """The incident that is meant, and the rest of the words. A bare number is one only where none is meant already."""
    named = _NAMED.match(rest) or (None if where.own else _NUMBER.match(rest))
    if named is not None:
        return incidents.load(tx, incidents.id_of(tx, named[0].strip())), rest[named.end() :].strip()
    if where.own is None:
        raise WhichIncident
    return incidents.survivor(tx, incidents.load(tx, where.own)), rest


def _now(incident: Incident, what: str = "") -> str:
    return f"{followups.in_chat(incident)}: {what or words.status(incident.status).lower()}."


VERBS: Mapping[str, Verb] = {
    "declare": Verb("[what is wrong]", "declare an incident; a form asks for the rest", _declare),
    "list": Verb("", "the open incidents", _list),
    "show": Verb("#12", "how it stands, who does what, what is due", _show),
    "ack": Verb("#12", "acknowledge: the pages stop, and you answer for it", _ack),
    "escalate": Verb("#12 [why]", "page the next step now", _escalate),
    "role": Verb("#12 [role] [person]", "take a role, or hand it over", _role),
    "severity": Verb("#12 P1 why", "change the severity", _severity),
    "update": Verb("#12 [audience]", "tell an audience; a form has the plan's template", _update),
    "note": Verb("#12 [text]", "put a note on the record", _note),
    "finding": Verb("#12 [text]", "put what was found on the record", _finding),
    "decision": Verb("#12 [text]", "put a decision on the record", _decision),
    "mitigate": Verb("#12 how", "the damage is contained", _mitigate),
    "resolve": Verb("#12 how", "the fix is in; the watch begins", _resolve),
    "close": Verb("#12", "close it, or learn what is still required", _close),
    "snooze": Verb("#12 30 min why", "be silent for a while", _snooze),
    "oncall": Verb("", "who is on call now", _oncall),
    "help": Verb("", "this list", _help),
}
ALSO = {"acknowledge": "ack", "roles": "role", "find": "finding", "decide": "decision", "": "help"}
