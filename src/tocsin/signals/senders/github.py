"""GitHub's webhook for deployments: each that succeeded is a change, and pages nobody."""

from typing import Any

from tocsin.signals import formats
from tocsin.signals.senders.sent import Sent, Told, deployment, part, text

SOURCE = "github"
SIGNED_IN = "x-hub-signature-256"
_ADVICE = "send GitHub's own event deployment_status as application/json"


def read(sent: Sent) -> list[Told]:
    """A deployment that succeeded; nothing for every other event and state."""
    body, _ = sent.object(_ADVICE)
    if sent.headers.get("x-github-event") != "deployment_status":
        return []
    status = part(body, "deployment_status")
    if not text(status.get("state")):
        raise formats.Unreadable([f"$.deployment_status.state: missing; {_ADVICE}"])
    return [_change(body, status, sent)] if status["state"] == "success" else []


def _change(body: dict[str, Any], status: dict[str, Any], sent: Sent) -> Told:
    made, repository = part(body, "deployment"), part(body, "repository")
    number, name = text(made.get("id")), text(repository.get("name"))
    if not number or not name:
        raise formats.Unreadable([f"$: no deployment.id and repository.name are in it; {_ADVICE}"])
    into = text(made.get("environment")) or "production"
    which = " ".join(filter(None, (text(made.get("ref")), text(made.get("sha"))[:7])))
    links = (formats.web_link(status.get(one)) for one in ("environment_url", "log_url", "target_url"))
    return deployment(
        SOURCE,
        what=f"Deployment of {name} {which} to {into}",
        place=name,
        by=text(part(made, "creator").get("login")),
        key=f"{text(repository.get('full_name')) or name}/{number}",
        at=formats.instant(status.get("created_at")),
        link=next(filter(None, links), None),
        now=sent.now,
    )
