"""What the channel of an incident is called, and where its call is: the plan's patterns, filled in.

Pure. A confidential incident has a name and a call that tell nothing of it.
"""

import hashlib
import hmac
import re
import unicodedata
from base64 import b32encode
from collections.abc import Mapping
from datetime import UTC

from tocsin.incidents.model import Incident
from tocsin.plan.model import Chat, Plan

LONGEST = 80  # letters, which is what Slack allows
SHORT_TOPIC = 250
_SECRET_SLUG = "confidential"  # what stands where the title would
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]+")
_FIELD = re.compile(r"\{([a-z_]+)\}")


def slug(text: str) -> str:
    """A title in small letters, digits and dashes: `Voice: replies hang!` is `voice-replies-hang`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_A_NAME.sub("-", plain).strip("-")


def channel_name(chat: Chat, incident: Incident, *, private: bool, place: int = 1) -> str:
    """The name by the plan's pattern, no longer than a chat allows. `place` counts on when a name is taken."""
    suffix = f"-{place}" if place > 1 else ""
    known = _facts(incident, private=private)
    room = LONGEST - len(suffix) - len(_filled(chat.name, {**known, "slug": ""}))
    name = _filled(chat.name, {**known, "slug": known["slug"][: max(room, 0)].strip("-")})
    return (slug(name)[: LONGEST - len(suffix)].strip("-_") or f"incident-{incident.number}") + suffix


def wants_call(plan: Plan, incident: Incident) -> bool:
    """Whether the plan wants people to talk at this severity."""
    call = plan.communication.channels.call
    return call is not None and (not call.severities or incident.severity in call.severities)


def call_link(plan: Plan, incident: Incident, token: str) -> str:
    """Where people talk by the plan's pattern; empty if the plan has no call."""
    call = plan.communication.channels.call
    if call is None:
        return ""
    secret = incident.confidential_at is not None
    chat = plan.communication.channels.chat or Chat()
    name = channel_name(chat, incident, private=secret)
    return _filled(call.link, {**_facts(incident, private=secret), "channel": name, "token": token})


def call_token(key: bytes, incident: Incident) -> str:
    """Sixteen letters and digits, 80 bits, that only this installation can work out. Becoming confidential changes it:
    whoever knew the call before does not know the new one."""
    about = f"call {incident.id} {'confidential' if incident.confidential_at else ''}".encode()
    return b32encode(hmac.new(key, about, hashlib.sha256).digest()[:10]).decode().lower()


def _facts(incident: Incident, *, private: bool) -> dict[str, str]:
    return {
        "date": incident.declared_at.astimezone(UTC).strftime("%Y%m%d"),
        "slug": _SECRET_SLUG if private else slug(incident.title),
        "number": str(incident.number),
        "severity": incident.severity.lower(),
        "service": "" if private else slug(incident.service or ""),
    }


def _filled(pattern: str, facts: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: facts.get(field[1], ""), pattern)
