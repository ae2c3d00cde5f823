"""Datadog's webhook with the body that our page gives: a monitor that alerts, or has recovered."""

import re
from typing import Any

from tocsin.signals import formats
from tocsin.signals.model import State
from tocsin.signals.senders.sent import Sent, Told, arrival, epoch, tagged, text

SOURCE = "datadog"
_OVER = "Recovered"
_UNFILLED = re.compile(r"\$[A-Z_]+\Z")  # a variable that Datadog had no value for comes as it was written
_HEAD = re.compile(
    r"\s*(?:\[P[1-5]\]\s*)?\[(?:Re-)?(?:Triggered|Warn|No Data|Recovered|Renotify)(?: on \{(?P<where>[^{}\]]*)\})?\]",
    re.I,
)
_ADVICE = "give Datadog the body that stands on our page about it"


def read(sent: Sent) -> list[Told]:
    """A monitor's signal, known by its cycle from trigger to recovery."""
    body, warnings = sent.object(_ADVICE)
    said = {name: _said(value) for name, value in body.items()}
    key = said.get("cycle") or said.get("aggreg_key") or _of_monitor(said)
    title = _title(said.get("title", ""))
    if not key or not title:
        raise formats.Unreadable([f"$: no title, or nothing that names the alert is in it; {_ADVICE}"])
    transition = said.get("transition", "")
    if not transition:
        warnings.append("transition: missing; taken as Triggered")
    over, tags = transition == _OVER, tagged(said.get("tags", ""), ",", ":")
    own = {name: said.get(name, "") for name in ("monitor_id", "scope", "metric", "priority", "transition", "org")}
    return [
        arrival(
            SOURCE,
            key=key,
            state=State.RESOLVED if over else State.FIRING,
            title=title,
            severity="" if over else said.get("alert_type", ""),
            labels={**tags, **own},
            details={name: said.get(name) for name in ("text", "query", "status", "snapshot")},
            link=said.get("link"),
            started_at=None if over else epoch(said.get("date"), unit=1000),
            warnings=warnings,
        )
    ]


def _said(value: Any) -> str:
    word = text(value)
    return "" if _UNFILLED.match(word) else word


def _title(sent: str) -> str:
    """`CPU is high (host:db1)`, where the sender writes `[P2] [Triggered on {host:db1}] CPU is high`."""
    found = _HEAD.match(sent)
    rest = sent[found.end() :].strip() if found else ""
    if not found or not rest:
        return sent
    return f"{rest} ({found['where']})" if found["where"] else rest


def _of_monitor(said: dict[str, str]) -> str:
    monitor = said.get("monitor_id", "")
    return f"{monitor}/{said.get('scope', '')}" if monitor else ""
