"""What happens, as other programs are told: one list of kinds for those who listen and those who are called."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

KEPT_FOR = timedelta(days=30)  # events and deliveries: as long can be replayed


class EventType(StrEnum):
    """What can be listened to. The names are part of the API: one that stands here keeps its meaning."""

    INCIDENT_DECLARED = "incident.declared"
    INCIDENT_ACKNOWLEDGED = "incident.acknowledged"
    SEVERITY_CHANGED = "severity.changed"
    TYPE_CHANGED = "type.changed"
    TITLE_CHANGED = "title.changed"
    PHASE_CHANGED = "phase.changed"
    ROLE_TAKEN = "role.taken"
    UPDATE_PUBLISHED = "update.published"
    OBLIGATION_DUE = "obligation.due"
    OBLIGATION_MISSED = "obligation.missed"
    PAGE_SENT = "page.sent"
    PAGE_ANSWERED = "page.answered"
    PAGE_UNANSWERED = "page.unanswered"
    INCIDENT_RESOLVED = "incident.resolved"
    INCIDENT_REOPENED = "incident.reopened"
    INCIDENT_CLOSED = "incident.closed"
    POSTMORTEM_PUBLISHED = "postmortem.published"
    PLAN_APPLIED = "plan.applied"
    TEST = "tocsin.test"


MEANING: dict[EventType, str] = {
    EventType.INCIDENT_DECLARED: "an incident was declared",
    EventType.INCIDENT_ACKNOWLEDGED: "somebody answers for it",
    EventType.SEVERITY_CHANGED: "its severity changed: `before`, `severity`, `raised`, `because`",
    EventType.TYPE_CHANGED: "its type changed: `before`, `type`, `because`",
    EventType.TITLE_CHANGED: "it was renamed: `before`, `title`",
    EventType.PHASE_CHANGED: "its status changed: `before`, `status`",
    EventType.ROLE_TAKEN: "somebody took a role: `role`, `person`, `before`",
    EventType.UPDATE_PUBLISHED: "an audience was told: `audience`, `text`, `stage`, `number` of the entry",
    EventType.OBLIGATION_DUE: "something fell due and is not done: `key`, `what`, `due_at`",
    EventType.OBLIGATION_MISSED: "a promise was not kept: `key`, `what`, `due_at`",
    EventType.PAGE_SENT: "people were paged: `step`, `people`, `unreachable`, `answer_by`",
    EventType.PAGE_ANSWERED: "one of them answered: `by`, and `answer`, `acknowledge` or `decline`",
    EventType.PAGE_UNANSWERED: "nobody answered in time: `step`, `why`",
    EventType.INCIDENT_RESOLVED: "the fix is in, and the watch begins: `how`",
    EventType.INCIDENT_REOPENED: "it was opened again: `because`",
    EventType.INCIDENT_CLOSED: "it was closed",
    EventType.POSTMORTEM_PUBLISHED: "its post-mortem is final",
    EventType.PLAN_APPLIED: "a plan was put into force: `revision`, `name`, `version`, `reason`, `by`",
    EventType.TEST: "somebody tries an endpoint; it is sent to nobody else",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. `position` numbers events in the order in which everybody hears of them."""

    id: str
    type: EventType
    incident_id: str | None
    at: datetime
    data: dict[str, Any]
    position: int | None = None


def body(event: Event, base: str) -> bytes:
    """What an endpoint is sent, in the shape that Standard Webhooks advises. `base` is our own address."""
    return msgspec.json.encode(plain(event, base))


def plain(event: Event, base: str) -> dict[str, Any]:
    data = dict(event.data)
    if event.incident_id and "incident" in data:
        data["incident"] = {**data["incident"], "link": f"{base}/incidents/{event.incident_id}"}
    return {"type": event.type.value, "timestamp": event.at, "data": data}


# ---- Endpoints ----


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An endpoint that is told of events: of all, or of those named in `types`."""

    id: str
    url: str
    description: str
    types: tuple[str, ...]
    confidential: bool  # whether it hears of confidential incidents too
    secret: str
    old_secret: str | None  # still signs until `old_until`, so that a receiver can change over
    old_until: datetime | None
    made_at: datetime
    made_by: str
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str

    def wants(self, event_type: str) -> bool:
        return self.disabled_at is None and (not self.types or event_type in self.types)

    def secrets_at(self, now: datetime) -> list[str]:
        """Those that sign now, the newest first, sealed as they are kept."""
        is_old_live = self.old_secret is not None and self.old_until is not None and now < self.old_until
        return [self.secret, self.old_secret] if is_old_live and self.old_secret else [self.secret]


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event on its way to an endpoint, and what became of it."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    created_at: datetime
    send_at: datetime
    state: DeliveryState
    attempts: int
    status: int | None  # of the last answer
    answer: str  # its beginning, or why there was none
    tried_at: datetime | None
    took_seconds: float | None


# ---- Trying again ----

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.25  # of a wait, at the most
DISABLED_AFTER = timedelta(days=5)  # of failures, and not one that went through


def wait(attempts: int, spread: float) -> timedelta | None:
    """How long after so many attempts the next is made; None when there is none any more. `spread` is from 0 to 1."""
    if attempts > len(WAITS):
        return None
    return WAITS[max(attempts, 1) - 1] * (1 + JITTER * spread)


def is_hopeless(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= DISABLED_AFTER
