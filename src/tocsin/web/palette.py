"""What the palette and the keys can do from where somebody is: pages, open incidents, and the verbs of a room."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.kit.text import clip, unturned
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import ADMINISTRATION, NAVIGATION, SignedIn, Tx, Visitor

MOST_INCIDENTS = 30
ELSEWHERE = (
    ("/silences", "Silences and maintenance"),
    ("/heartbeats", "Heartbeats"),
    ("/signals/try", "Try a sender"),
    ("/oncall/calendar", "Calendar of shifts"),
    ("/oncall/handoffs", "Handoffs"),
    ("/reach", "How fast people are reached"),
    ("/plan/document", "Plan as a document"),
    ("/plan/coverage", "Coverage of the plan"),
    ("/me", "My account"),
)
"""Pages that the navigation does not name."""


PARTS = (
    ("timeline", "Timeline"),
    ("owed", "What is owed"),
    ("ledger", "The whole ledger"),
    ("checklist", "Its actions"),
    ("signals", "Its signals"),
    ("delivery", "Its messages"),
)
"""Places in a room."""


FOUND = "/search/found"  # what fits what somebody types, by the words that are stored


class Item(msgspec.Struct):
    """Something to go to or to do. With `fields` it is a form that is posted; otherwise a link."""

    kind: str
    title: str
    url: str
    hint: str = ""
    fields: dict[str, str] | None = None


class Palette(msgspec.Struct):
    items: list[Item]
    search: str  # the address that finds words, where there is one


@dataclass(frozen=True)
class Here:
    """The room that somebody is in, if they are in one."""

    incident: Incident | None
    plan: Plan


@get("/palette", sync_to_thread=True)
def show_palette(request: AnyRequest, visitor: SignedIn, here: FromQuery[str] = "") -> Response[bytes]:
    """Everything that can be reached or done from a page, as JSON for the palette. A viewer is shown no verbs."""
    with visitor.app.database.read(visitor.actor) as tx:
        place = _here(tx, here)
        items = [*_verbs(visitor, place), *_parts(place), *_incidents(tx), *_pages(visitor)]
    search = FOUND if any(route.path == FOUND for route in request.app.routes) else ""
    return Response(
        msgspec.json.encode(Palette(items, search)),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _here(tx: Tx, path: str) -> Here:
    incident_id = path.removeprefix("/incidents/") if path.startswith("/incidents/") else ""
    found = incidents.glimpse(tx, [incident_id]) if incident_id else []
    incident = found[0] if found else None
    return Here(incident, plans.load(tx, incident.plan_revision) if incident else plans.current(tx))


def _verbs(visitor: Visitor, here: Here) -> list[Item]:
    if not visitor.can_write:
        return []
    declare = Item("do", "Declare an incident", "/declare")
    if here.incident is None or not here.incident.is_open:
        return [declare]
    return [*_verbs_of(visitor, here.plan, here.incident), declare]


def _verbs_of(visitor: Visitor, plan: Plan, incident: Incident) -> list[Item]:
    room, me = f"/incidents/{incident.id}", visitor.account.handle
    found = []
    if not incident.is_resolved and incident.acknowledged_at is None:
        found.append(Item("do", "Acknowledge", f"{room}/acknowledge", fields={}))
    for key, role in plan.roles.items() if me in plan.people else ():
        if incident.roles.get(key) != me:
            seen = {"role": key, "held": incident.roles.get(key, "")}
            found.append(Item("do", f"Take {role.name}", f"{room}/assign", fields=seen))
    found += [
        Item("do", f"Hand over {role.name}", f"{room}#role-{key}")
        for key, role in plan.roles.items()
        if incident.roles.get(key)
    ]
    found += [
        Item("do", f"Update for {one.name}", f"{room}?audience={key}#compose")
        for key, one in plan.communication.audiences.items()
    ]
    return [
        *found,
        Item("do", "Write a note", f"{room}?audience=note#compose"),
        Item("do", "Record a decision", f"{room}?audience=decision#compose"),
        Item("do", "Record a finding", f"{room}#finding"),
        Item("do", "Assess the impact", f"{room}#impact"),
        Item("do", "Tick off an action", f"{room}#tick", "of the checklists"),
        Item("do", "Change the severity", f"{room}#severity"),
        Item("do", "Change the title", f"{room}#rename"),
        *([] if incident.is_resolved else [Item("do", "Mark as mitigated", f"{room}#mitigate")]),
        Item(
            "do",
            "Close it" if incident.is_resolved else "Mark as fixed",
            f"{room}#{'close' if incident.is_resolved else 'resolve'}",
        ),
    ]


def _parts(here: Here) -> list[Item]:
    """What there is of the incident besides its verbs, for whoever may read it."""
    if here.incident is None:
        return []
    room = f"/incidents/{here.incident.id}"
    found = [Item("part", label, f"{room}#{part}") for part, label in PARTS]
    found += [Item("part", "Who was told", f"{room}/told"), Item("part", "Its ticket", f"{room}/ticket")]
    return [
        *found,
        *([Item("part", "Its post-mortem", f"/post-mortems/{here.incident.id}")] * here.incident.is_resolved),
    ]


def _incidents(tx: Tx) -> list[Item]:
    found = incidents.listing(tx, statuses=OPEN_STATUSES, limit=MOST_INCIDENTS)
    return [
        Item(
            "incident",
            clip(unturned(one.title), 120),
            f"/incidents/{one.id}",
            f"#{one.number}, {present.severity(plans.load(tx, one.plan_revision), one.severity).level}",
        )
        for one in found
    ]


def _pages(visitor: Visitor) -> list[Item]:
    change = ("/plan/change", "Change the plan", access.PLAN_WRITE)
    keeping = [(href, label) for href, label, right in (change, *ADMINISTRATION) if visitor.actor.may(right)]
    known = [*NAVIGATION, *ELSEWHERE, *keeping]
    return [Item("page", label, href) for href, label in known if visitor.can_write or href != "/declare"]


def routes() -> list[Any]:
    return [show_palette]
