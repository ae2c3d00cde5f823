"""Uptime Kuma's webhook with its preset body: a monitor that is down or up again."""

from typing import Any

from tocsin.signals import formats
from tocsin.signals.model import State, Trigger
from tocsin.signals.senders.sent import Sent, Told, arrival, part, text

SOURCE = "uptime-kuma"
_DOWN, _UP = 0, 1
_TESTED = " Testing"  # how the message ends that its button sends
_ADVICE = "choose the preset application/json as the body of Uptime Kuma's webhook"


def read(sent: Sent) -> list[Told]:
    """A monitor's signal, known by the monitor's number. Pending and maintenance are no news about it."""
    body, warnings = sent.object(_ADVICE)
    beat, monitor, said = part(body, "heartbeat"), part(body, "monitor"), text(body.get("msg"))
    if not beat and not monitor and said:
        return [_notice(said, warnings)]
    key = text(monitor.get("id")) or text(beat.get("monitorID"))
    if not key or not isinstance(beat.get("status"), int):
        raise formats.Unreadable([f"$.heartbeat: no monitor and status are in it; {_ADVICE}"])
    if beat["status"] not in (_DOWN, _UP):
        return []
    labels = _labels(monitor)
    return [
        arrival(
            SOURCE,
            key=key,
            state=State.RESOLVED if beat["status"] == _UP else State.FIRING,
            title=_title(monitor, beat) or said,
            trigger=Trigger.HEALTH_CHECK,
            severity=labels.get("severity", ""),
            labels=labels,
            details={name: beat.get(name) for name in ("msg", "ping", "duration", "retries")},
            link=monitor.get("url"),
            started_at=formats.instant(beat.get("time")) if beat["status"] == _DOWN else None,
            warnings=warnings,
        )
    ]


def _notice(said: str, warnings: list[str]) -> Told:
    """A test, or a certificate that will expire: it names no monitor, and never clears by itself."""
    severity = "" if said.endswith(_TESTED) else "info"  # a test is for no rule to declare by
    key = formats.derived_key(said, {})
    return arrival(SOURCE, key=key, title=said, severity=severity, trigger=Trigger.OBSERVATION, warnings=warnings)


def _title(monitor: dict[str, Any], beat: dict[str, Any]) -> str:
    """`Rose is down: timeout of 48000ms exceeded`, where the sender writes `[Rose] [🔴 Down] …`."""
    name, why = text(monitor.get("name")), text(beat.get("msg"))
    return ": ".join(filter(None, (f"{name} is {'up' if beat['status'] == _UP else 'down'}", why))) if name else ""


def _labels(monitor: dict[str, Any]) -> dict[str, str]:
    """The monitor's tags, and what it looks at."""
    tags = monitor.get("tags")
    named = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    told = {text(tag.get("name")): text(tag.get("value")) or "true" for tag in named if text(tag.get("name"))}
    own = {"monitor": text(monitor.get("name")), "type": text(monitor.get("type"))}
    return {**told, **own, "hostname": text(monitor.get("hostname"))}
