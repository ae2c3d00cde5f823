"""Putting a page on its way to a person: by their own contact methods, in the order of their own rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents.model import Incident
from tocsin.paging import reach
from tocsin.paging import store as pages
from tocsin.paging.store import Page
from tocsin.people import hours
from tocsin.people import store as people
from tocsin.people.hours import Way
from tocsin.people.model import Channel, ContactMethod, ContactRule, Urgency
from tocsin.plan.model import Plan

ACCOUNT = "account"  # the contact method that the account's address is, where there is no other
WORST_WAITS = timedelta(seconds=3)  # for others, at the most


def ways_of(tx: Tx, plan: Plan, incident: Incident, handles: Sequence[str]) -> dict[str, list[Way]]:
    """How each of these people is paged about this incident now, the first way first."""
    urgency = plan.urgency(incident.severity)
    known: dict[tuple[str, Urgency], list[Way]] = tx.memo.setdefault("ways", {})
    for handle in handles:
        if (handle, urgency) not in known:
            methods, rules, zone = _known(tx, handles)[handle]
            known[handle, urgency] = hours.ways(methods, rules, urgency, zone, tx.now)
    return {handle: known[handle, urgency] for handle in handles}


def first_ways(tx: Tx, plan: Plan, incident: Incident, person: str) -> list[Way]:
    """The ways by which a page would come first: what is no page goes by these alone."""
    ways = ways_of(tx, plan, incident, [person])[person]
    return [way for way in ways if way.after == ways[0].after]


def write(
    tx: Tx, incident: Incident, person: str, text: reach.Text, ways: Sequence[Way], *, key: str, audience: str
) -> None:
    """Write to a person about an incident by these ways, each for its time; `key` tells the message from others."""
    for place, way in enumerate(ways):
        outbox.queue(
            tx,
            dedup_key=f"{key}-{person}-{place}",
            channel=way.method.channel,
            address=way.method.address,
            subject=text.subject,
            body=text.said(way.method.channel),
            person=person,
            audience=audience,
            thread=incident.id,
            secret=way.method.secret,
            incident_id=incident.id,
            send_at=tx.now + way.after,
        )


def methods(tx: Tx, handles: Sequence[str]) -> dict[str, list[ContactMethod]]:
    """The contact methods that count for each of these people."""
    return {handle: _known(tx, handles)[handle][0] for handle in handles}


Known = tuple[list[ContactMethod], list[ContactRule], str]


def _known(tx: Tx, handles: Sequence[str]) -> dict[str, Known]:
    """The contact methods that count, the rules and the zone of each; whoever has verified no contact method is paged
    at the account's address. One whose secret can't be opened here doesn't count."""
    known: dict[str, Known] = tx.memo.setdefault("contact methods", {})
    unknown = [handle for handle in handles if handle not in known]
    if unknown:
        methods, rules, zones = people.contacts(tx, unknown), people.rules(tx, unknown), people.zones(tx, unknown)
        verified = {handle: [one for one in methods[handle] if _counts(tx, one)] for handle in unknown}
        accounts = people.addresses(tx, [handle for handle in unknown if not verified[handle]])
        for handle, address in accounts.items():
            verified[handle] = [_of_account(handle, address, tx.now)]
        for handle in unknown:
            known[handle] = verified[handle], rules[handle], zones.get(handle, "UTC")
    return known


def _counts(tx: Tx, method: ContactMethod) -> bool:
    return method.verified_at is not None and tx.keys.opens(method.secret)


def _of_account(handle: str, address: str, now: datetime) -> ContactMethod:
    return ContactMethod(id=ACCOUNT, handle=handle, channel=Channel.EMAIL, address=address, verified_at=now)


def send(
    tx: Tx,
    plan: Plan,
    incident: Incident,
    page: Page,
    ways: Sequence[Way],
    answer_by: datetime,
    known: Sequence[str] = (),
    source: str = "",
    before: int = 0,
    lately: str = "",
) -> None:
    """Queue a page for every way, each for its time. Whoever answers withdraws what has not left.

    `known` is the first assessment, in lines; `source` leads to where the trouble was seen; `before` says how many
    messages the page has already; `lately` is why the incident calls for people now, if it has changed.
    """
    room = kept.link(tx, f"/incidents/{incident.id}")
    for place, way in enumerate(ways, before):
        answer = kept.link(tx, f"/a/{pages.link_token(tx, page, place)}")
        text = reach.page_text(
            plan,
            incident,
            now=tx.now,
            answer_by=answer_by,
            answer_link=answer,
            room_link=room,
            source_link=source,
            assessment=known,
            lately=lately,
        )
        outbox.queue(
            tx,
            dedup_key=f"{page.id}-{place}",
            channel=way.method.channel,
            address=way.method.address,
            subject=text.subject,
            body=text.said(way.method.channel),
            person=page.handle,
            audience="page",
            thread=incident.id,
            secret=way.method.secret,
            urgency=plan.urgency(incident.severity),
            incident_id=incident.id,
            page_id=page.id,
            actions={"answer": answer, "room": room, "reply": pages.reply_token(tx, page, place)},
            **_time(tx, plan, incident, page.handle, way),
        )


def _time(tx: Tx, plan: Plan, incident: Incident, handle: str, way: Way) -> dict[str, datetime]:
    """When a page leaves: as planned, or with others where one or several went to the same place shortly before."""
    planned, within = tx.now + way.after, plan.paging.gather_within
    place = handle, way.method.channel, way.method.address
    if within is None:
        held = outbox.held_in_storm(tx, *place, planned, of=incident.id, most=plan.paging.singly)
        if held == planned:
            return {"send_at": planned}
    else:
        held = outbox.held_until(tx, *place, planned, within)
    is_worst = plan.rank(incident.severity) == 0
    return {"send_at": min(held, planned + WORST_WAITS) if is_worst else held, "planned_at": planned}


def untried(tx: Tx, page: Page) -> list[Way]:
    """The person's verified contact methods that this page has not used: the last resort when all of its own failed."""
    used = outbox.addresses_of_page(tx, page.id)
    methods, _, _ = _known(tx, [page.handle])[page.handle]
    return [Way(one) for one in methods if (str(one.channel), one.address) not in used]
