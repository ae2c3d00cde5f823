"""What can be asked, as plain values: each function says what is sent and what comes back, and sends nothing.

A client sends them, now or later, in a thread or in a loop: `client.send(requests.declare(…))`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from tocsin.client import model

T = TypeVar("T")


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request to the API. A POST has a key, under which it is carried out once however often it is sent."""

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def after(self, cursor: str) -> "Request[T]":
        """The same for the page that follows: `cursor` is `next` of the answer before."""
        return replace(self, query={**self.query, "cursor": cursor})

    def if_match(self, tag: str) -> "Request[T]":
        """The same, to be carried out only if the thing still stands as this `ETag` says. Raises Moved where not."""
        return replace(self, headers={**self.headers, "If-Match": tag})


# ---- Reading ----


def incidents(
    *,
    open: bool | None = None,  # noqa: A002 - the API's word
    severity: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's word
    service: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Request[model.Incidents]:
    """Incidents, the last declared first; `next` of the answer is the cursor of the page after it."""
    is_open = None if open is None else str(open).lower()
    only = {"severity": severity, "type": type, "service": service}
    return _get("incidents", answer=model.Incidents, open=is_open, **only, limit=limit, cursor=cursor)


def incident(incident_id: str) -> Request[model.IncidentInFull]:
    return _get("incidents", incident_id, answer=model.IncidentInFull)


def timeline(incident_id: str, *, cursor: str | None = None) -> Request[model.Timeline]:
    return _get("incidents", incident_id, "timeline", answer=model.Timeline, cursor=cursor)


def obligations(incident_id: str, *, cursor: str | None = None) -> Request[model.Obligations]:
    return _get("incidents", incident_id, "obligations", answer=model.Obligations, cursor=cursor)


def probes(
    *,
    health: str | None = None,
    sort: str | None = None,
    service: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Request[model.Probes]:
    """All that is looked at, and how each stands; only of a `health` (trouble, unknown, well), a sort, a service."""
    only = {"health": health, "sort": sort, "service": service}
    return _get("probes", answer=model.Probes, **only, limit=limit, cursor=cursor)


def probe(name: str) -> Request[model.ProbeInFull]:
    """One of them, by its name after that of its service or vendor: `rose/health`."""
    return _get("probes", *name.split("/", 1), answer=model.ProbeInFull)


def looks(name: str, *, limit: int = 50, cursor: str | None = None) -> Request[model.Looks]:
    """What its looks measured, the latest first."""
    return _get("probes", *name.split("/", 1), "looks", answer=model.Looks, limit=limit, cursor=cursor)


def on_call() -> Request[model.OnCall]:
    return _get("oncall", answer=model.OnCall)


def plan() -> Request[model.Plan]:
    return _get("plan", answer=model.Plan)


# ---- Sending ----


def signal(title: str, **more: Any) -> Request[model.Receipt]:
    """A signal: `key`, `state`, `severity`, `labels`, `details`, `link`, `started_at`, `trigger` may come with it."""
    return Request("POST", "signals", model.Receipt, body={"title": title, **_said(more)})


def change(what: str, **more: Any) -> Request[model.Change]:
    """A change that was made: `kind`, `service`, `place`, `at`, `by`, `link`, `key` may come with it."""
    return _post("changes", answer=model.Change, what=what, **more)


# ---- Working on an incident ----


def declare(
    title: str,
    severity: str,
    type: str,  # noqa: A002 - the API's word
    *,
    service: str | None = None,
    impact: str = "",
    **more: Any,
) -> Request[model.Incident]:
    about = {"title": title, "severity": severity, "type": type, "service": service, "impact": impact}
    return _post("incidents", answer=model.Incident, **about, **more)


def acknowledge(incident_id: str) -> Request[model.Incident]:
    return _verb(incident_id, "acknowledge")


def escalate(incident_id: str, because: str = "") -> Request[model.Incident]:
    return _verb(incident_id, "escalate", because=because)


def assign(incident_id: str, role: str, person: str, held_by: str | None = None) -> Request[model.Incident]:
    """`held_by` is whom you saw holding it, empty for nobody; it is refused if that is somebody else by now."""
    seen = {} if held_by is None else {"held_by": held_by}
    return _verb(incident_id, "roles", role=role, person=person, **seen)


def change_severity(incident_id: str, severity: str, because: str) -> Request[model.Incident]:
    return _verb(incident_id, "severity", severity=severity, because=because)


def rename(incident_id: str, title: str) -> Request[model.Incident]:
    return _verb(incident_id, "title", title=title)


def note(incident_id: str, text: str) -> Request[model.Incident]:
    return _verb(incident_id, "notes", text=text)


def decide(incident_id: str, decision: str, because: str) -> Request[model.Incident]:
    return _verb(incident_id, "decisions", decision=decision, because=because)


def update(
    incident_id: str, audience: str, fields: Mapping[str, str], *, stage: str | None = None
) -> Request[model.Incident]:
    """Tell an audience, with the fields that its template asks for."""
    return _verb(incident_id, "updates", audience=audience, fields=dict(fields), stage=stage)


def mitigate(incident_id: str, how: str) -> Request[model.Incident]:
    return _verb(incident_id, "mitigate", how=how)


def check(
    incident_id: str, check: str, result: Literal["passed", "failed", "not_applicable"] = "passed", evidence: str = ""
) -> Request[model.Incident]:
    """How a check of the plan came out after the fix; resolving wants each of them."""
    return _verb(incident_id, "checks", check=check, result=result, evidence=evidence)


def resolve(incident_id: str, how: str, unverified_because: str | None = None) -> Request[model.Incident]:
    """`unverified_because` passes over the checks that are missing, which whoever may waive can do."""
    return _verb(incident_id, "resolve", how=how, unverified_because=unverified_because)


def reopen(incident_id: str, because: str) -> Request[model.Incident]:
    return _verb(incident_id, "reopen", because=because)


def close(incident_id: str) -> Request[model.Incident]:
    return _verb(incident_id, "close")


# ---- The plan, and webhooks ----


def apply_plan(text: str, reason: str, *, yes: bool = False) -> Request[model.Revision]:
    """Put a plan into force; `yes` also if the change is large."""
    query = {"reason": reason, "yes": str(yes).lower()}
    headers = {"Content-Type": "application/yaml"}
    return Request("PUT", "plan", model.Revision, query=query, content=text, headers=headers)


def make_webhook(
    url: str, types: Sequence[str] = (), *, description: str = "", confidential: bool = False
) -> Request[model.Webhook]:
    about = {"url": url, "types": list(types), "description": description, "confidential": confidential}
    return _post("webhooks", answer=model.Webhook, **about)


def replay_webhook(webhook_id: str, since: datetime) -> Request[dict[str, int]]:
    return _post("webhooks", webhook_id, "replay", answer=dict[str, int], since=since.isoformat())


# ---- How they are made ----


def _get(*path: str, answer: type[T], **query: Any) -> Request[T]:
    return Request("GET", path_of(path), answer, query=_said(query))


def _post(*path: str, answer: type[T], **body: Any) -> Request[T]:
    return Request("POST", path_of(path), answer, body=_said(body), headers={"Idempotency-Key": str(uuid.uuid4())})


def _verb(incident_id: str, verb: str, **body: Any) -> Request[model.Incident]:
    return _post("incidents", incident_id, verb, answer=model.Incident, **body)


def path_of(parts: Sequence[str]) -> str:
    """An address below /api/v1, out of its parts."""
    return "/".join(quote(one, safe="") for one in parts)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in values.items() if one is not None}
