"""What is handed over with a shift, as the record has it: what is open, what is known of it and owed on it, what waits.

It is read with the eyes of whoever reads it: of what is confidential it holds what its reader may see, and what was
kept of it when it was handed over is read again through the same eyes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents import words
from tocsin.incidents.model import OPEN_STATUSES, Incident, Numbered, Updated
from tocsin.incidents.work import Found
from tocsin.kit.text import clip, utc
from tocsin.obligations import store as obligations
from tocsin.obligations.model import WAITS
from tocsin.oncall.handoff import Handoff
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.review import store as reviews
from tocsin.signals import quarantine
from tocsin.signals import store as signals

POST_MORTEMS = 10  # the latest, whose action items are shown
COUNTED = 50  # signals and unreadable bodies, at the most
LONGEST = 2000  # characters of an update, and of the action items of one post-mortem


@dataclass(frozen=True, kw_only=True)
class Going:
    """An incident that goes on: where it stands, what is known of it, and what is owed on it."""

    incident_id: str
    number: int
    title: str
    severity: str
    status: str
    declared_at: datetime
    acknowledged_by: str = ""
    strategy: str = ""
    update: str = ""  # the last that an audience was told
    updated_at: datetime | None = None
    findings: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ActionItems:
    """What a post-mortem says is to be done, as people wrote it."""

    incident_id: str
    number: int
    title: str
    section: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Contact:
    """By which channels somebody is reached; where exactly, only they themselves are shown."""

    person: str
    channels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Packet:
    made_at: datetime
    incidents: tuple[Going, ...] = ()
    actions: tuple[ActionItems, ...] = ()
    waiting_signals: int = 0  # that match no rule, and that nobody has looked at
    unreadable_bodies: int = 0
    contacts: tuple[Contact, ...] = ()


def make(tx: Tx, handoff: Handoff) -> Packet:
    """What is handed over if it were now, as far as the reader may see it."""
    return Packet(
        made_at=tx.now,
        incidents=tuple(_going(tx)),
        actions=tuple(_actions(tx)),
        waiting_signals=len(signals.waiting(tx, COUNTED)),
        unreadable_bodies=sum(one.read_at is None for one in quarantine.listed(tx, COUNTED)),
        contacts=tuple(_contacts(tx, handoff.incoming)),
    )


def keep(packet: Packet) -> dict[str, Any]:
    """The packet as plain values, for the record."""
    kept: dict[str, Any] = msgspec.to_builtins(packet)
    return kept


def read(tx: Tx, kept: dict[str, Any]) -> Packet:
    """A packet of the record, without what its reader may not see now."""
    whole = msgspec.convert(kept, Packet)
    named = [one.incident_id for one in whole.incidents] + [one.incident_id for one in whole.actions]
    unseen = sight.unseen(tx, set(named))
    return replace(
        whole,
        incidents=tuple(one for one in whole.incidents if one.incident_id not in unseen),
        actions=tuple(one for one in whole.actions if one.incident_id not in unseen),
    )


def _going(tx: Tx) -> list[Going]:
    """Whatever is open, the worst first."""
    found = incidents.listing(tx, statuses=OPEN_STATUSES, limit=200)
    known = {one.plan_revision: plans.load(tx, one.plan_revision) for one in found}
    ranked = sorted(found, key=lambda one: (one.is_resolved, known[one.plan_revision].rank(one.severity), one.number))
    records = incidents.timelines(tx, [one.id for one in ranked])
    owed: dict[str, list[str]] = {one.id: [] for one in ranked}
    for duty in obligations.open_for_all(tx, list(owed)):
        if duty.kind not in WAITS and duty.incident_id:
            owed[duty.incident_id].append(f"{duty.what}, due {utc(duty.due_at)}")
    return [_one(known[one.plan_revision], one, records[one.id], owed[one.id]) for one in ranked]


def _one(plan: Plan, incident: Incident, record: Sequence[Numbered], owed: Sequence[str]) -> Going:
    told = next((one.entry for one in reversed(record) if isinstance(one.entry, Updated)), None)
    strategy = incident.work.strategy
    return Going(
        incident_id=incident.id,
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        status=words.status(incident.status),
        declared_at=incident.declared_at,
        acknowledged_by=words.name(plan, incident.acknowledged_by) if incident.acknowledged_by else "",
        strategy=words.strategy_name(plan, strategy) if strategy else "",
        update=clip(told.text, LONGEST) if told else "",
        updated_at=told.at if told else None,
        findings=tuple(_findings(record)),
        owed=tuple(owed),
    )


def _findings(record: Sequence[Numbered]) -> list[str]:
    """What was found out and stands: a finding that another replaced is left out."""
    found = {one.number: one.entry for one in record if isinstance(one.entry, Found)}
    replaced = {entry.revises for entry in found.values()}
    standing = (entry for number, entry in found.items() if number not in replaced)
    return [f"{words.spaced(entry.verdict).capitalize()}: {entry.finding}" for entry in standing]


def _actions(tx: Tx) -> list[ActionItems]:
    """The sections of the latest post-mortems that hold action items, as they were written."""
    written = {key: texts for key, texts in reviews.latest_written(tx, POST_MORTEMS) if any(texts.values())}
    found = []
    for incident in incidents.load_many(tx, list(written)):
        for key, section in plans.load(tx, incident.plan_revision).review.sections.items():
            if section.facts == "action_items" and (text := written[incident.id].get(key, "").strip()):
                found.append(
                    ActionItems(
                        incident_id=incident.id,
                        number=incident.number,
                        title=incident.title,
                        section=section.title,
                        text=clip(text, LONGEST),
                    )
                )
    return found


def _contacts(tx: Tx, handles: Sequence[str]) -> list[Contact]:
    methods = {key: [one for one in each if one.verified_at] for key, each in people.contacts(tx, handles).items()}
    accounts = people.addresses(tx, [one for one in handles if not methods.get(one)])
    return [
        Contact(
            person=handle,
            channels=tuple(dict.fromkeys(str(one.channel) for one in methods.get(handle, ())))
            or (("email",) if handle in accounts else ()),
        )
        for handle in handles
    ]
