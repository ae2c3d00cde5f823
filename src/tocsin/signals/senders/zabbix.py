"""Zabbix, by a webhook media type with the parameters that our page gives: a problem, its updates, its end."""

import json
from typing import Any

from tocsin.signals import formats
from tocsin.signals.model import State
from tocsin.signals.senders.sent import Sent, Told, arrival, text

SOURCE = "zabbix"
_ADVICE = "give the media type the parameters that stand on our page about it"
_PROBLEM, _OVER = "1", "0"


def read(sent: Sent) -> list[Told]:
    """A problem's signal, known by the number of its event, which its recovery names too."""
    body, warnings = sent.object(_ADVICE)
    said = {name: _said(value) for name, value in body.items()}
    faults = [f"$.{name}: missing or blank; {_ADVICE}" for name in ("event_id", "event_name") if not said.get(name)]
    if said.get("event_value") not in (_PROBLEM, _OVER):
        faults.append(f"$.event_value: {formats.shown(body.get('event_value'))} is not 0 or 1; {_ADVICE}")
    if faults:
        raise formats.Unreadable(faults)
    own = {"host": said.get("host", ""), "trigger_id": said.get("trigger_id", "")}
    return [
        arrival(
            SOURCE,
            key=said["event_id"],
            state=_state(said),
            title=said["event_name"],
            severity=said.get("severity", ""),
            labels={**_tags(said.get("tags", ""), warnings), **own},
            details={"opdata": said.get("opdata")},
            link=said.get("link"),
            warnings=warnings,
        )
    ]


def _said(value: Any) -> str:
    """A macro that Zabbix could not fill in is as good as nothing."""
    word = text(value)
    return "" if (word.startswith("{") and word.endswith("}")) or word == "*UNKNOWN*" else word


def _state(said: dict[str, str]) -> State:
    if said["event_value"] == _OVER:
        return State.RESOLVED
    return State.ACKNOWLEDGED if said.get("acknowledged") == "Yes" else State.FIRING


def _tags(sent: str, warnings: list[str]) -> dict[str, str]:
    """The tags out of `{EVENT.TAGSJSON}`, which is JSON inside of text."""
    try:
        tags = json.loads(sent) if sent else []
    except (ValueError, RecursionError):
        tags = None
    if not isinstance(tags, list):
        warnings.append("tags: left out; they are not the array of {EVENT.TAGSJSON}")
        return {}
    named = [tag for tag in tags if isinstance(tag, dict) and text(tag.get("tag"))]
    return {text(tag["tag"]): text(tag.get("value")) or "true" for tag in named}
