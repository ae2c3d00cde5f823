"""Railway's project webhook: a deployment that went live is a change, one that broke is a signal."""

from collections.abc import Mapping
from typing import Any

from tocsin.kit import text as words
from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import Sent, Told, arrival, deployment, part, text

SOURCE = "railway"
_LIVE = ("deployment.deployed", "deployment.success")
_CHANGES = {"deployment.restarted": "Restart", "deployment.removed": "Removal"}
_BROKEN = ("deployment.failed", "deployment.crashed", "deployment.oomkilled")
_WORDS = {"volumealert": "volume alert"}
_ALARMS = {
    "volumealert.triggered": State.FIRING,
    "volumealert.resolved": State.RESOLVED,
    "monitor.triggered": State.FIRING,
    "monitor.resolved": State.RESOLVED,
    "monitor.deleted": State.RESOLVED,
}


def read(sent: Sent) -> list[Told]:
    """What the event tells of. Previews of pull requests, and steps on the way to a deployment, tell of nothing."""
    body, warnings = sent.object("send the body of Railway's own webhook")
    kind = text(body.get("type")).casefold()
    if not kind:
        raise formats.Unreadable(["$.type: missing or blank; send the body of Railway's own webhook"])
    if part(body, "resource", "environment").get("isEphemeral") is True:
        return []
    if kind in _LIVE:
        return [_change(body, "Deployment", sent), _signal(body, kind, State.RESOLVED, warnings)]
    if kind in _CHANGES:
        return [_change(body, _CHANGES[kind], sent)]
    if kind in _BROKEN:
        return [_signal(body, kind, State.FIRING, warnings)]
    return [_signal(body, kind, _ALARMS[kind], warnings)] if kind in _ALARMS else []


def _named(body: dict[str, Any], what: str) -> str:
    return text(part(body, "resource", what).get("name"))


def _deployment_id(body: dict[str, Any]) -> str:
    return text(part(body, "resource", "deployment").get("id")) or text(part(body, "details").get("id"))


def _key(body: dict[str, Any], verb: str) -> str:
    if number := _deployment_id(body):
        return f"{number}/{verb}"
    return formats.derived_key(verb, {"at": text(body.get("timestamp")), "service": _named(body, "service")})


def _change(body: dict[str, Any], verb: str, sent: Sent) -> Told:
    details, service = part(body, "details"), _named(body, "service")
    said = text(details.get("commitMessage")).partition("\n")[0]
    where = f"{service or 'a service'} in {_named(body, 'environment') or 'Railway'}"
    return deployment(
        SOURCE,
        what=": ".join(filter(None, (f"{verb} of {where}", said))),
        place=service or _named(body, "project"),
        by=text(details.get("commitAuthor")),
        key=_key(body, verb),
        at=formats.instant(body.get("timestamp")),
        link=None,
        now=sent.now,
    )


def _signal(body: dict[str, Any], kind: str, state: State, warnings: list[str]) -> Arrival:
    """A service in its environment has one signal for its deployments, which the next that goes live ends."""
    ids = {name: text(part(body, "resource", name).get("id")) for name in ("project", "environment", "service")}
    group = kind.partition(".")[0]
    what = kind.rpartition(".")[2].replace("oomkilled", "ran out of memory")
    named = {name: _named(body, name) for name in ("project", "environment", "service")}
    details, where = part(body, "details"), named["environment"] or "Railway"
    return arrival(
        SOURCE,
        key="/".join((group, *ids.values(), *([text(details.get("id"))] if group != "deployment" else []))),
        state=state,
        title=f"{words.clip(named['service'] or named['project'], 200)} in {where}: {_WORDS.get(group, group)} {what}",
        severity=text(body.get("severity")),
        labels={**named, "type": kind, "branch": details.get("branch")},
        details={"details": details},
        started_at=formats.instant(body.get("timestamp")) if state is State.FIRING else None,
        warnings=warnings,
    )


def allowed(_: Mapping[str, str]) -> dict[str, str]:
    """The button that tests a webhook sends from a browser, which asks first."""
    return {"access-control-allow-methods": "POST", "access-control-allow-headers": "content-type"}
