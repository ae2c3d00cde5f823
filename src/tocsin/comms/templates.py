"""The plan's templates filled in from the record, at any moment. Pure.

What only a person can say and nobody has said yet stands as a blank between brackets, which no update can be posted
with. What the record will know later says `not yet`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.comms import updates
from tocsin.incidents import words, working
from tocsin.incidents.model import Incident, Numbered
from tocsin.kit.errors import NotFound
from tocsin.kit.text import harmless, listed
from tocsin.plan.check import KNOWN_FIELDS
from tocsin.plan.model import Plan

TICKET = updates.TICKET
POST_MORTEM = "post_mortem"  # the document made of the review's sections, unless a template has this name
ASSESSED = ("users", "functions", "revenue", "reputation")  # what the record knows once a person assesses the impact


class NoSuchTemplate(NotFound):
    """The plan has no such template."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A template of the plan, and what it is for in words. `asks` are the fields that a person fills."""

    name: str
    purpose: str
    asks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A template as the record fills it. `blanks` are the fields that a person has still to say."""

    name: str
    purpose: str
    text: str
    blanks: tuple[str, ...]


def known(plan: Plan) -> tuple[Known, ...]:
    """Every template that the plan has, in its order, and the post-mortem."""
    purposes = _purposes(plan)
    found = [
        Known(
            name=name,
            purpose=purposes.get(name, "Nothing in the plan uses it"),
            asks=tuple(one for one in updates.fields_of(text) if one in updates.TYPED),
        )
        for name, text in plan.templates.items()
    ]
    document = Known(name=POST_MORTEM, purpose="The post-mortem", asks=())
    return tuple(found) if POST_MORTEM in plan.templates else (*found, document)


def _purposes(plan: Plan) -> dict[str, str]:
    """What each template is for: the public's stages, the audiences, the notice, the ticket."""
    found: dict[str, list[str]] = {}
    public = listed(one.name for one in plan.communication.audiences.values() if one.public) or "Public"
    for stage, name in plan.communication.stages.items():
        found.setdefault(name, []).append(f"{public} update: {stage}")
    for audience in plan.communication.audiences.values():
        if audience.template:
            found.setdefault(audience.template, []).append(f"Update for {audience.name.lower()}")
    if plan.recovery.notice:
        found.setdefault(plan.recovery.notice, []).append("Notice to users of how it ended")
    found.setdefault(TICKET, []).append("Incident ticket")
    return {name: "; ".join(uses) for name, uses in found.items()}


def render(
    plan: Plan, incident: Incident, name: str, now: datetime, link: str, entries: Iterable[Numbered] = ()
) -> Rendered:
    """A template as the record stands, with what people last wrote of each field. Raises NoSuchTemplate."""
    of_name = {one.name: one for one in known(plan)}
    if name not in plan.templates:
        raise NoSuchTemplate(f"The plan has no template called '{name}'; it has {listed(of_name)}.")
    entries = list(entries)
    said = _said(incident, entries)
    facts = updates.facts(plan, incident, now, link)
    unknown = [one for one in ASSESSED if facts[one] == updates.UNKNOWN]
    filled = {**_blanks(), **said, **facts, **{one: blank(one) for one in unknown}}
    text = harmless(updates.render(plan.templates[name], filled))
    asked = updates.fields_of(plan.templates[name])
    missing = tuple(one for one in asked if one in unknown or (one in updates.TYPED and one not in said))
    return Rendered(name=name, purpose=of_name[name].purpose, text=text, blanks=missing)


def _said(incident: Incident, entries: Sequence[Numbered]) -> dict[str, str]:
    """What people have said of the fields that only they can fill, the last word of each."""
    impact = {"impact": said} if (said := words.impact(incident)) else {}
    typed = impact | updates.last_typed(entries)
    if causes := working.causes(entries):
        typed["cause"] = "\n\n".join(causes)
    return typed


def _blanks() -> Mapping[str, str]:
    return {field: blank(field) for field in updates.TYPED}


def blank(field: str) -> str:
    """The mark of what a person has still to say: `[to be written: what people notice]`."""
    return f"[to be written: {KNOWN_FIELDS[field].removeprefix('typed: ')}]"


def ticket(plan: Plan, incident: Incident, now: datetime, link: str, entries: Iterable[Numbered] = ()) -> str:
    """The incident ticket as the record stands; nothing if the plan has no such template."""
    return render(plan, incident, TICKET, now, link, entries).text if TICKET in plan.templates else ""
