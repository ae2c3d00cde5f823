"""Forms of a chat: what is asked for, and what is done with what was written. Each does what one verb does.

What a form carries along is an incident's id, or what somebody else wrote, signed. Whoever sends it acts: what they may
do is asked then, as everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tocsin.comms import updates
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import slackviews as views
from tocsin.delivery.slackin import Quoted, Sent
from tocsin.delivery.slackviews import Part
from tocsin.incidents import confidential, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.incidents.work import Verdict
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import clip, listed
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Audience, Plan, Stage
from tocsin.response import commands, followups, linking, quoting, working

INCIDENTS_MOST = 50  # that a form offers
STATE_MOST = 1400  # bytes of a message that a form carries along: encoded they are a third more
VERDICTS = {
    Verdict.OBSERVATION: "Something that was seen",
    Verdict.ROOT_CAUSE: "The root cause",
    Verdict.CONTRIBUTING_FACTOR: "It contributed",
    Verdict.RULED_OUT: "It is ruled out",
}
AUDIENCE = "audience"  # the field by which an update changes its form
OVER = (Stage.MONITORING, Stage.RESOLVED)


class NoneOpen(Refused):
    """No incident is open to which this could be put; declare one."""


def _form(tx: Tx, callback: str, title: str, submit: str, blocks: Sequence[Part], state: Mapping[str, str]) -> Part:
    access.require(tx.actor, access.INCIDENT_WRITE)
    sealed = views.seal(kept.signing_key(tx), state)
    return views.form(callback, title, submit, blocks, sealed)


def _of(incident: Incident) -> dict[str, str]:
    return {"incident": incident.id}


def _named(incident: Incident) -> Part:
    return views.section(followups.in_chat(incident))


# ---- What is asked for -----------------------------------------------------------------------------------------------


def declare(tx: Tx, title: str = "", message: Quoted | None = None) -> Part:
    plan = plans.current(tx)
    levels = [(key, f"{key} {level.name}: {level.definition}") for key, level in plan.severities.items()]
    kinds = [(key, one.name) for key, one in plan.types.items()]
    services = [(key, one.name) for key, one in plan.services.items()]
    blocks = [
        views.line("title", "What is wrong", clip(" ".join(title.split()), 200)),
        views.choice("severity", "How bad", levels),
        views.choice("type", "What kind", kinds),
        *([views.choice("service", "Which service", services, optional=True)] if services else []),
        views.lines("impact", "What people notice", optional=True),
    ]
    return _form(tx, "declare", "Declare an incident", "Declare", blocks, _carried(message))


def note(tx: Tx, incident: Incident) -> Part:
    return _form(tx, "note", "Note", "Add", [_named(incident), views.lines("text", "Note")], _of(incident))


def finding(tx: Tx, incident: Incident, text: str = "") -> Part:
    meanings = [(str(key), called) for key, called in VERDICTS.items()]
    blocks = [
        _named(incident),
        views.lines("finding", "What was found", text),
        views.choice("verdict", "What it means", meanings, str(Verdict.OBSERVATION)),
        views.line("evidence", "By what evidence", optional=True),
    ]
    return _form(tx, "finding", "Finding", "Record", blocks, _of(incident))


def decision(tx: Tx, incident: Incident, text: str = "") -> Part:
    blocks = [
        _named(incident),
        views.line("decision", "What was decided", text),
        views.lines("because", "Because"),
        views.lines("options", "What else was considered, one a line", optional=True),
        views.line("basis", "On what evidence", optional=True),
    ]
    return _form(tx, "decision", "Decision", "Record", blocks, _of(incident))


def roles(tx: Tx, incident: Incident, user: str) -> Part:
    plan = plans.load(tx, incident.plan_revision)
    offered = [(key, _role(plan, incident, key)) for key in plan.roles]
    free = next((key for key in plan.roles if key not in incident.roles), plan.lead or "")
    blocks = [
        _named(incident),
        views.choice("role", "Role", offered, free),
        views.person("person", "Who takes it", user),
    ]
    seen = {_seen(role): person for role, person in incident.roles.items()}
    return _form(tx, "roles", "Roles", "Give", blocks, _of(incident) | seen)


def _role(plan: Plan, incident: Incident, role: str) -> str:
    holder = incident.roles.get(role)
    return f"{words.role_name(plan, role)}: {words.name(plan, holder)}" if holder else words.role_name(plan, role)


def _seen(role: str) -> str:
    """Under which name a form carries who held a role when it was opened."""
    return f"held {role}"


def _take_over(tx: Tx, plan: Plan, incident: Incident, role: str, person: str) -> Part:
    """Somebody else holds this role: it is asked once, and one press does it all the same."""
    holder = incident.roles[role]
    said = f"{_role(plan, incident, role)}. {words.name(plan, person)} takes it over?"
    state = {"role": role, "person": person, _seen(role): holder}
    return _form(
        tx, "take_over", "Take over a role", "Take over", [_named(incident), views.section(said)], _of(incident) | state
    )


def update(tx: Tx, incident: Incident, audience: str = "") -> Part:
    """The plan's template for an audience, filled with what was last said: of what is confidential with nothing."""
    plan = plans.load(tx, incident.plan_revision)
    told = _audience(tx, plan, incident, audience)
    known: Mapping[str, str] = {}
    if incident.confidential_at is None:
        known = {"impact": incident.impact, **updates.last_typed(incidents.timeline(tx, incident.id))}
    about = plan.communication.audiences[told]
    offered = [(key, one.name) for key, one in _offered(plan, incident).items()]
    stages = _stages(plan, incident) if about.public else []
    each: list[Stage | None] = [*stages] or [None]
    fields = dict.fromkeys(one for stage in each for one in updates.fields_needed(plan, told, stage))
    blocks = [
        _named(incident),
        views.choice(AUDIENCE, "To whom", offered, told, at_once=True),
        *([views.section("\n".join(about.guidance))] if about.guidance else []),
        *([views.choice("stage", "Stage", [(one, one.capitalize()) for one in stages], stages[0])] if stages else []),
        *(_field(one, known, optional=len(stages) > 1) for one in fields),
    ]
    return _form(tx, "update", "Update", "Post", blocks, _of(incident))


def _field(name: str, known: Mapping[str, str], *, optional: bool) -> Part:
    value = "" if name == updates.OWN_WORDS else known.get(name, "")
    return views.lines(name, updates.LABELS[name], value, optional=optional or name in updates.UNSAID)


def _stages(plan: Plan, incident: Incident) -> list[Stage]:
    """The stages that may be told now: nobody is told that it is over while it is not."""
    return [one for one in plan.communication.stages if one not in OVER or incident.is_resolved]


def _audience(tx: Tx, plan: Plan, incident: Incident, said: str) -> str:
    """The audience that was named, or the one to which something is owed the soonest."""
    offered = _offered(plan, incident)
    if said:
        wanted = said.lower().replace(" ", "_")
        found = [key for key, one in offered.items() if wanted in (key.lower(), one.name.lower().replace(" ", "_"))]
        if not found:
            raise Invalid(f"Say which audience: {listed(offered, 'or')}.", field="audience")
        return found[0]
    owed = [one for one in obligations.open_for(tx, incident.id) if one.kind is Kind.UPDATE and one.audience in offered]
    soonest = min(owed, key=lambda one: one.due_at).audience if owed else next(iter(offered), "")
    if not soonest:
        raise Refused("The plan lets nobody be told of this incident now.")
    return soonest


def _offered(plan: Plan, incident: Incident) -> dict[str, Audience]:
    known = plan.communication.audiences
    return {key: one for key, one in known.items() if confidential.may_be_told(plan, incident, one)}


def for_another(tx: Tx, state: str, audience: str) -> Part:
    """The form of an update that stands open, for another audience."""
    incident = incidents.load(tx, views.unseal(kept.signing_key(tx), state)["incident"])
    return update(tx, incident, audience)


def keep(tx: Tx, message: Quoted) -> Part:
    """To which incident a message belongs that was written elsewhere."""
    found = incidents.listing(tx, statuses=OPEN_STATUSES, limit=INCIDENTS_MOST)
    offered = [(one.id, followups.in_chat(one)) for one in found if one.confidential_at is None]
    if not offered:
        raise NoneOpen
    blocks = [views.section(clip(message.text, 500)), views.choice("incident", "Onto the record of", offered)]
    return _form(tx, "keep", "Keep a message", "Keep", blocks, _carried(message))


def _carried(message: Quoted | None) -> dict[str, str]:
    if message is None:
        return {}
    text = message.text
    while len(msgspec.json.encode(text)) > STATE_MOST:
        text = clip(text, len(text) * 9 // 10)
    named = {"channel": message.channel, "ts": message.ts, "author": message.author, "link": message.link}
    return {**named, "text": text}


# ---- What is done with it --------------------------------------------------------------------------------------------


class _Filled(NamedTuple):
    """A form that came back: what it carried, and what was written."""

    state: Mapping[str, str]
    values: Mapping[str, str]

    @property
    def incident(self) -> str:
        return self.state["incident"]

    def text(self, name: str) -> str:
        return self.values.get(name, "")


def sent(tx: Tx, form: Sent) -> str | Part:
    """Do what the form is for. Returns what to say to whoever sent it, if there is anything that they do not see; or
    what they are asked next."""
    state = views.unseal(kept.signing_key(tx), form.state)
    if form.form not in FORMS:
        raise views.NotOurs
    return FORMS[form.form](tx, _Filled(state, form.values))


def _declared(tx: Tx, form: _Filled) -> str:
    incident = commands.declare(
        tx,
        title=form.text("title"),
        severity=form.text("severity"),
        type=form.text("type"),
        service=form.text("service") or None,
        impact=form.text("impact"),
    )
    if message := _message(form.state):
        incident = quoting.keep(tx, incident, message)
    return f"You declared {followups.in_chat(incident)}: {followups.link(tx, f'/incidents/{incident.id}')}"


def _noted(tx: Tx, form: _Filled) -> str:
    commands.note(tx, form.incident, form.text("text"))
    return ""


def _found(tx: Tx, form: _Filled) -> str:
    verdict = form.text("verdict")
    if verdict not in list(Verdict):
        raise Invalid("Say what it means.", field="verdict")
    working.find(tx, form.incident, form.text("finding"), Verdict(verdict), form.text("evidence"))
    return ""


def _decided(tx: Tx, form: _Filled) -> str:
    options = [one for line in form.text("options").splitlines() if (one := line.strip())]
    commands.decide(
        tx, form.incident, form.text("decision"), form.text("because"), options=options, basis=form.text("basis")
    )
    return ""


def give(tx: Tx, incident: Incident, role: str, person: str, seen: str) -> Incident | Part:
    """Give a role to a person. Where it is held by somebody else than was seen, a form asks first."""
    holder = incident.roles.get(role)
    if holder is None or holder in (seen, person):
        return commands.assign(tx, incident.id, role, person)
    return _take_over(tx, plans.load(tx, incident.plan_revision), incident, role, person)


def _given(tx: Tx, form: _Filled) -> str | Part:
    handle = linking.handle_of(tx, form.text("person"))
    if handle is None:
        raise Invalid("This account is linked to nobody in Tocsin.", field="person")
    return _give(tx, form, form.text("role"), handle)


def _taken(tx: Tx, form: _Filled) -> str | Part:
    return _give(tx, form, form.state["role"], form.state["person"])


def _give(tx: Tx, form: _Filled, role: str, person: str) -> str | Part:
    incident = commands.opened(tx, form.incident)[1]
    given = give(tx, incident, role, person, form.state.get(_seen(role), ""))
    return "" if isinstance(given, Incident) else given


def _posted(tx: Tx, form: _Filled) -> str:
    incident, audience = incidents.load(tx, form.incident), form.text(AUDIENCE)
    plan = plans.load(tx, incident.plan_revision)
    stage = Stage(form.text("stage")) if form.text("stage") in list(Stage) else None
    needed = updates.fields_needed(plan, audience, stage)
    typed = {name: form.text(name) for name in needed if form.text(name)}
    commands.post_update(tx, incident.id, audience, typed, stage)
    return ""


def _kept(tx: Tx, form: _Filled) -> str:
    message = _message(form.state)
    if message is None:
        raise views.NotOurs
    incident = quoting.keep(tx, commands.opened(tx, form.text("incident"))[1], message)
    return f"The message is on the record of {followups.in_chat(incident)}."


def _message(state: Mapping[str, str]) -> Quoted | None:
    return (
        Quoted(**{name: state[name] for name in ("channel", "ts", "author", "text", "link")}) if "ts" in state else None
    )


FORMS: Mapping[str, Callable[[Tx, _Filled], str | Part]] = {
    "declare": _declared,
    "note": _noted,
    "finding": _found,
    "decision": _decided,
    "roles": _given,
    "take_over": _taken,
    "update": _posted,
    "keep": _kept,
}
