"""A report of a mail server that a mail did not arrive (RFC 3464). Pure.

It comes back to an address that names the subscriber, so that of the report itself only the verdict is read.
"""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import Message

from tocsin.comms.subscribers.links import is_bounce_address
from tocsin.comms.subscribers.model import Refusal, refusal
from tocsin.kit.text import clip
from tocsin.signals.mailing import TO, Mail

PARTS_MOST = 20
SAID_MOST = 200
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})")


@dataclass(frozen=True)
class Bounce:
    """What a report says. `is_final`: the mail will never arrive."""

    is_final: bool
    status: str
    said: str

    @property
    def kind(self) -> Refusal:
        return refusal(self.status)


def addressed(mail: Mail) -> str | None:
    """The address of a subscriber's bounces at which this mail arrived; None if it is for something else."""
    return next((value for name in TO for value in mail.all(name) if is_bounce_address(value)), None)


def read(body: bytes) -> Bounce | None:
    """The verdict of a delivery report; None for a mail that is none, such as an absence notice."""
    whole = email.message_from_bytes(body, policy=email.policy.compat32)
    if whole.get_content_type() != "multipart/report":
        return None
    parts = (part for part, _ in zip(whole.walk(), range(PARTS_MOST), strict=False))
    return next((_verdict(part) for part in parts if part.get_content_type() == "message/delivery-status"), None)


def _verdict(report: Message) -> Bounce:
    """Of the fields about each recipient: there is one, since each mail has one."""
    blocks = report.get_payload()
    fields = {}
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, Message):
            fields.update({name.lower(): " ".join(str(value).split()) for name, value in block.items()})
    found = _STATUS.search(fields.get("status", ""))
    status = found[1] if found else ""
    said = fields.get("diagnostic-code", "").partition(";")[2].strip() or status
    is_final = fields.get("action", "").lower() == "failed" and not status.startswith("4")
    return Bounce(is_final, status, clip(said, SAID_MOST))
