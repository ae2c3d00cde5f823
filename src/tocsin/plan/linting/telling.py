"""Who is told, by whom and in which words; and what must never be told."""

import re
from collections.abc import Iterator

from tocsin.kit.text import listed
from tocsin.plan import jargon
from tocsin.plan.linting import prose
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Audience, Plan

_SECRET = re.compile(
    r"\b(secur|breach|intru|unauthori[sz]|vulnerab|credential|disclos|exfiltrat|ransom|malware|leak)", re.IGNORECASE
)


@check(
    "security-published",
    Level.ERROR,
    "Trouble of security would be shown in public while it lasts.",
    mend="Write `private: true` under the type.",
)
def security_published(plan: Plan) -> Iterator[Remark]:
    public = [one.name for one in plan.communication.audiences.values() if one.public]
    for key, one in plan.types.items():
        sign = _SECRET.search(" ".join((key.replace("_", " "), one.name, *one.symptoms)))
        if sign and public and not one.private:
            reason = f'"{one.name}" speaks of security and is not private: {listed(public)} would read of it'
            yield Remark(f"types.{key}", reason)


@check(
    "read-by-nobody",
    Level.ERROR,
    "A confidential type that names nobody who reads it.",
    mend="Name people, or teams with members, as `readers` of the type: they are paged for it, and read it.",
)
def read_by_nobody(plan: Plan) -> Iterator[Remark]:
    for key, one in plan.types.items():
        if one.private and not plan.members(one.readers):
            reason = f'what a rule declares as "{one.name}" is confidential, and nobody is named who reads it'
            yield Remark(f"types.{key}", reason)


@check(
    "audience-without-cadence",
    Level.WARNING,
    "An audience is named, and nobody ever owes it a word.",
    mend="Say by severity when the first update is due and how often one follows, or take the audience out.",
)
def audience_without_cadence(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        if not audience.cadence:
            yield Remark(f"communication.audiences.{key}", f"{audience.name} are to be told, and by no time")


@check(
    "audience-of-nobody",
    Level.ERROR,
    "An audience in which there is nobody.",
    mend="Name people or teams with members in `to`.",
)
def audience_of_nobody(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        if audience.to and not plan.members(audience.to):
            yield Remark(f"communication.audiences.{key}.to", f"nobody stands behind {listed(audience.to)}")


@check(
    "owner-not-needed",
    Level.WARNING,
    "Updates are owed by a role that the severity does not ask for.",
    mend="Ask for the role at that severity, or let `on_call` own the updates.",
)
def owner_not_needed(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        for level in audience.cadence if audience.owner in plan.roles else ():
            if level in plan.severities and audience.owner not in plan.severities[level].roles_within:
                role = plan.roles[audience.owner].name.lower()
                reason = f"{level}: owed by the {role}, and no {level} has to have one"
                yield Remark(f"communication.audiences.{key}.cadence.{level}", reason)


@check(
    "not-required-here",
    Level.WARNING,
    "An audience is owed updates at a severity whose own list of requirements leaves it out, and another's does not.",
    mend="Name the audience in the requirements of every severity at which it is told.",
)
def not_required_here(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        named = [level for level, one in plan.severities.items() if _names(one.requires, audience.name)]
        for level in audience.cadence if named else ():
            if level in plan.severities and plan.severities[level].requires and level not in named:
                reason = f"{level} is owed updates to {audience.name}, and only {listed(named)} requires them"
                yield Remark(f"communication.audiences.{key}.cadence.{level}", reason)


@check(
    "approver-not-needed",
    Level.WARNING,
    "Updates wait for the word of a role that the severity does not ask for.",
    mend="Ask for the role at that severity, or let a role approve that somebody holds.",
)
def approver_not_needed(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        role = plan.roles.get(audience.approved_by or "")
        for level in audience.cadence if role else ():
            if role and level in plan.severities and audience.approved_by not in plan.severities[level].roles_within:
                reason = f"{level}: they wait for the {role.name.lower()}, and no {level} has to have one"
                yield Remark(f"communication.audiences.{key}.approved_by", reason)


@check(
    "jargon-in-template",
    Level.WARNING,
    "A template for people outside holds a word that the plan itself wants replaced.",
    mend="Say in the template what `plain_words` says instead.",
)
def jargon_in_template(plan: Plan) -> Iterator[Remark]:
    for name in dict.fromkeys(_plain_templates(plan)):
        text = re.sub(r"\{[^{}]*\}", "", plan.templates.get(name, ""))
        for word, plainly in jargon.found_in(text, plan.communication.plain_words):
            yield Remark(f"templates.{name}", f'"{word}" stands in it, for which the plan says "{plainly}"')


def _plain_templates(plan: Plan) -> Iterator[str]:
    for _, audience in _audiences(plan):
        if audience.public:
            yield from plan.communication.stages.values()
            yield from [plan.recovery.notice] if plan.recovery.notice else ()
        elif audience.plain and audience.template:
            yield audience.template


def _names(sentences: tuple[str, ...], name: str) -> bool:
    wanted = prose.subjects(name)
    return bool(wanted) and any(wanted <= prose.subjects(one) for one in sentences)


@check(
    "late-owner",
    Level.WARNING,
    "An update falls due before the role that owes it has to be filled.",
    mend="Fill the role before the first update is due.",
)
def late_owner(plan: Plan) -> Iterator[Remark]:
    for key, audience in _audiences(plan):
        for level, cadence in audience.cadence.items():
            severity = plan.severities.get(level)
            filled = severity.roles_within.get(audience.owner) if severity else None
            if filled is not None and filled > cadence.first_within:
                reason = f"{level}: due before there has to be a {audience.owner.replace('_', ' ')}"
                yield Remark(f"communication.audiences.{key}.cadence.{level}.first_within", reason)


@check(
    "public-of-nothing",
    Level.NOTE,
    "The status page calls a severity an impact of which the public is never told.",
    mend="Give the public a cadence at this severity, or call its impact none.",
)
def public_of_nothing(plan: Plan) -> Iterator[Remark]:
    public = [one for one in plan.communication.audiences.values() if one.public]
    for key, severity in plan.severities.items():
        told = any(key in one.cadence for one in public)
        if public and severity.public_impact != "none" and not told:
            reason = f"{key} counts as {severity.public_impact} in public, and the public is owed no word of it"
            yield Remark(f"severities.{key}.public_impact", reason)


@check(
    "subscribers-of-nothing",
    Level.WARNING,
    "People may subscribe to a status page on which nothing of an incident is ever posted.",
    mend="Add an audience that is `public`, or take out `subscribe_by`.",
)
def subscribers_of_nothing(plan: Plan) -> Iterator[Remark]:
    ways = plan.communication.subscribe_by
    if ways and not any(one.public for _, one in _audiences(plan)):
        reason = f"whoever subscribes by {listed(ways)} hears of planned maintenance, and of no incident"
        yield Remark("communication.subscribe_by", reason)


@check(
    "guessable-call",
    Level.WARNING,
    "Whoever knows how channels are called can work out where an incident's call is.",
    mend="Put `{token}` into the link.",
)
def guessable_call(plan: Plan) -> Iterator[Remark]:
    call = plan.communication.channels.call
    if call and "{" in call.link and "{token}" not in call.link:
        yield Remark(
            "communication.channels.call.link", "each incident has a call of its own, and its address is no secret"
        )


def _audiences(plan: Plan) -> Iterator[tuple[str, Audience]]:
    yield from plan.communication.audiences.items()


CHECKS: tuple[Check, ...] = (
    security_published,
    read_by_nobody,
    audience_without_cadence,
    audience_of_nobody,
    owner_not_needed,
    not_required_here,
    approver_not_needed,
    jargon_in_template,
    late_owner,
    public_of_nothing,
    subscribers_of_nothing,
    guessable_call,
)
