"""From the names in a step to the people they mean now, and to what wakes them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import msgspec

from tocsin.incidents.confidential import heading, is_confidential, named
from tocsin.incidents.model import Incident, Numbered, Reopened, SeverityChanged
from tocsin.kit.text import span, utc
from tocsin.oncall.schedule import Rotas
from tocsin.people.model import Channel
from tocsin.plan.model import ON_CALL, Plan


def people_at(
    plan: Plan, rotas: Rotas, targets: tuple[str, ...], instant: datetime, service: str | None = None
) -> tuple[str, ...]:
    """The people that rotations, teams, handles and `everyone` mean at this instant, each once, in order.

    `on_call` is whoever is on call for the service, if it or its team has a rotation of its own.
    """
    found: dict[str, None] = {}
    for target in targets:
        rotation = plan.rotation_for(service) if target == ON_CALL else target
        if rotation in plan.rotations:
            found.update(dict.fromkeys(rotas.holders(rotation, instant)))
        else:
            found.update(dict.fromkeys(plan.members((target,))))
    return tuple(found)


def whom_to_page(
    plan: Plan, rotas: Rotas, incident: Incident, targets: tuple[str, ...], instant: datetime
) -> tuple[tuple[str, ...], ...]:
    """Whom a step pages, the first choice first: another choice is for when nobody of those before can be reached.

    Of a confidential incident only those are paged who read it already. A page is never lost for that.
    """
    meant = people_at(plan, rotas, targets, instant, incident.service)
    if not is_confidential(plan, incident):
        return (meant,)
    by_plan = named(plan, incident)
    known = incident.responders if incident.confidential_at else (*incident.responders, *by_plan)
    reading = tuple(one for one in plan.people if one in known)
    among = [tuple(one for one in some if one in reading) for some in (meant, by_plan)]
    return tuple(some for some in (*among, reading, by_plan, _may_lead(plan)) if some)


def _may_lead(plan: Plan) -> tuple[str, ...]:
    return plan.members(plan.roles[plan.lead].eligible) if plan.lead else ()


def owner_at(plan: Plan, rotas: Rotas, incident: Incident, owner: str, instant: datetime) -> str | None:
    """The person who owes what this owner owes: who holds the role, or else has answered, or else is on call.

    Of a confidential incident it is one who reads it: nobody else would know what they owe.
    """
    if owner in incident.roles:
        return incident.roles[owner]
    if incident.acknowledged_by in plan.people:
        return incident.acknowledged_by
    on_call = people_at(plan, rotas, (ON_CALL,), instant, incident.service)
    line = chain(on_call, _ladder(plan, rotas, incident, instant))
    if incident.confidential_at:
        readers = [one for one in incident.responders if one in plan.people]
        return next((one for one in chain(line, readers) if one in readers), None)
    return next(line, None)


def next_in_line(plan: Plan, rotas: Rotas, incident: Incident, owner: str | None, instant: datetime) -> Iterator[str]:
    """Who is told when this person is overdue, the first choice first: the holder of the role that leads, those who
    could hold it, then the ladder of the severity. The owner comes last, where nobody else is left."""
    passed = {owner}
    for one in _line(plan, rotas, incident, instant):
        if one not in passed:
            passed.add(one)
            yield one
    if owner is not None:
        yield owner


def _line(plan: Plan, rotas: Rotas, incident: Incident, instant: datetime) -> Iterator[str]:
    lead = plan.lead
    if lead is not None:
        yield from [incident.roles[lead]] if lead in incident.roles else ()
        yield from people_at(plan, rotas, (plan.roles[lead].rotation or "",), instant)
        yield from _may_lead(plan)
    yield from _ladder(plan, rotas, incident, instant)


def _ladder(plan: Plan, rotas: Rotas, incident: Incident, instant: datetime) -> Iterator[str]:
    policy = plan.severities[incident.severity].escalation
    for step in plan.escalation[policy].steps if policy else ():
        yield from people_at(plan, rotas, step.page, instant, incident.service)


@dataclass(frozen=True)
class Text:
    """The words of one message, for each kind of channel."""

    subject: str
    body: str
    data: str  # the same as JSON, for webhooks
    short: str  # for small screens
    shown: str = ""  # for a notification, where it has room for more

    def said(self, channel: str) -> str:
        """What a channel carries of it."""
        whole = {Channel.EMAIL: self.body, Channel.WEBHOOK: self.data, Channel.PUSH: self.shown or self.short}
        return whole.get(Channel(channel), self.short)


def page_text(
    plan: Plan,
    incident: Incident,
    *,
    now: datetime,
    answer_by: datetime,
    answer_link: str,
    room_link: str,
    source_link: str = "",
    assessment: Sequence[str] = (),
    lately: str = "",
) -> Text:
    """What a paged person reads first: what is wrong, how bad, why we think so, how to answer, what is known.

    `lately` is why it calls for people now, where that is not why it was declared."""
    if incident.confidential_at:
        return confidential_page(incident, now=now, answer_by=answer_by, answer_link=answer_link, room_link=room_link)
    severity, why = plan.severities[incident.severity], incident.why or "Declared by a person."
    lines = [
        f"{incident.severity} {severity.name}: {incident.title}",
        "",
        *([lately, f"At first: {why}"] if lately else [why]),
        *([f"Impact: {incident.impact}"] if incident.impact else []),
        f"Type: {plan.types[incident.type].name}",
        f"Detected: {utc(incident.detected_at)}",
        "",
        f"Acknowledge by {utc(answer_by)}; then the next step of the plan is paged:",
        answer_link,
        "",
        f"The incident: {room_link}",
        *([f"Where it was seen: {source_link}"] if source_link else []),
        *([f"Call: {incident.call}"] if incident.call else []),
        *(["", *assessment] if assessment else []),
        *_first_actions(plan, incident),
    ]
    data = _data(
        incident,
        now=now,
        answer_by=answer_by,
        answer_link=answer_link,
        room_link=room_link,
        source_link=source_link,
        assessment=assessment,
        lately=lately,
    )
    subject = f"[{incident.severity}] {incident.title} (#{incident.number}, answer within {span(answer_by - now)})"
    shown = [subject, lately or why, *([f"Impact: {incident.impact}"] if incident.impact else []), answer_link]
    return Text(subject, "\n".join(lines) + "\n", data, f"{subject}\n{answer_link}\n", "\n".join(shown) + "\n")


def lately(entries: Iterable[Numbered]) -> str:
    """Why it calls for people now, if it was raised or opened again since it was declared; empty if not."""
    said = ""
    for one in entries:
        if isinstance(one.entry, SeverityChanged):
            how = "Raised" if one.entry.raised else "Lowered"
            said = f"{how} from {one.entry.before} to {one.entry.severity}: {one.entry.because or 'a person said so.'}"
        elif isinstance(one.entry, Reopened):
            said = f"Open again: {one.entry.because or 'a person said so.'}"
    return said


def confidential_page(
    incident: Incident, *, now: datetime, answer_by: datetime | None, answer_link: str, room_link: str
) -> Text:
    """The same of a confidential incident: how bad, and how to answer. A message lies open in many places."""
    title = f"[{incident.severity}] {heading(incident)} (#{incident.number}"
    by = f" by {utc(answer_by)}; then the next step of the plan is paged" if answer_by else ""
    subject = f"{title}, answer within {span(answer_by - now)})" if answer_by else f"{title})"
    lines = [f"{incident.severity}: {heading(incident)}", "", f"Acknowledge{by}:", answer_link, "", room_link]
    data = _data(incident, now=now, answer_by=answer_by, answer_link=answer_link, room_link=room_link)
    return Text(subject, "\n".join(lines) + "\n", data, f"{subject}\n{answer_link}\n")


def _data(
    incident: Incident,
    *,
    now: datetime,
    answer_by: datetime | None,
    answer_link: str,
    room_link: str,
    source_link: str = "",
    assessment: Sequence[str] = (),
    lately: str = "",
) -> str:
    about = {
        "incident": incident.id,
        "number": incident.number,
        "title": heading(incident),
        "severity": incident.severity,
        "why": "" if incident.confidential_at else lately or incident.why,
        "acknowledge": answer_link,
        "link": room_link,
        "source": source_link,
        "call": "" if incident.confidential_at else incident.call,
        "answer_by": answer_by,
        "assessment": list(assessment),
    }
    return msgspec.json.encode({"type": "incident.paged", "timestamp": now, "data": about}).decode()


def _first_actions(plan: Plan, incident: Incident) -> list[str]:
    kind = plan.types[incident.type]
    wanted = [one.do for one in kind.actions if not one.severities or incident.severity in one.severities]
    actions = [f"{place}. {what}" for place, what in enumerate(wanted, 1)]
    runbook = plan.links.get(kind.runbook or "", kind.runbook)
    return ["", "First actions:", *actions, *([f"Runbook: {runbook}"] if runbook else [])]
