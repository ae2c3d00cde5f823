"""Webhooks, for administrators: which endpoints are told of what happens. Spoken to the API from any machine."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson, Flag, instant_of
from tocsin.cli.watching import watched

Id = Annotated[str, Parameter(help="The webhook's id, as `webhook list` shows it.")]
Url = Annotated[str, Parameter(help="Where it is posted to.")]
Type = Annotated[list[str] | None, Parameter(name="--type", negative=(), help="An event it hears of; may be repeated.")]
Description = Annotated[str | None, Parameter(help="What it is for.")]

webhook = App(name="webhook", group=AROUND, help="Other programs that are told of what happens.")


@webhook.command(name="list")
@watched
def list_all(*, json: AsJson = False) -> None:
    """List the endpoints, and how each stands."""
    found = client.get("webhooks")
    if json:
        show.as_json(found)
        return
    rows = [
        (one["id"], one["url"], ", ".join(one["types"]) or "everything", _standing(one)) for one in found["webhooks"]
    ]
    show.table(("Id", "Address", "Hears of", "State"), rows, empty="There is no webhook.")


@webhook.command
def add(
    url: Url,
    /,
    *,
    types: Type = None,
    description: Description = None,
    confidential: Annotated[Flag, Parameter(help="It hears of confidential incidents too.")] = False,
    json: AsJson = False,
) -> None:
    """Add an endpoint and print its secret, this once. Without --type it hears of everything."""
    body = {"url": url, "types": types or [], "description": description or "", "confidential": confidential}
    _secret(client.post("webhooks", body=body), json=json)


@webhook.command
def change(
    webhook: Id,
    /,
    *,
    url: Annotated[str | None, Parameter(help="Where it is posted to from now on.")] = None,
    types: Type = None,
    everything: Annotated[Flag, Parameter(help="It hears of everything from now on.")] = False,
    description: Description = None,
    json: AsJson = False,
) -> None:
    """Change where an endpoint is, or what it hears of."""
    body = {"url": url, "types": [] if everything else types, "description": description}
    changed = client.post("webhooks", webhook, "change", body=body)
    _done(changed, "Changed.", json=json)
    _warn(changed)


@webhook.command
def rotate(webhook: Id, /, *, json: AsJson = False) -> None:
    """Give an endpoint another secret and print it, this once. For a day the old one signs too."""
    _secret(client.post("webhooks", webhook, "rotate"), json=json)


@webhook.command
def enable(webhook: Id, /, *, json: AsJson = False) -> None:
    """Send there again."""
    _done(client.post("webhooks", webhook, "enable"), "Enabled. What was missed can be replayed.", json=json)


@webhook.command
def disable(webhook: Id, /, *, json: AsJson = False) -> None:
    """Send nothing there any more."""
    _done(client.post("webhooks", webhook, "disable"), "Disabled.", json=json)


@webhook.command
def remove(webhook: Id, /, *, json: AsJson = False) -> None:
    """Remove an endpoint, with what is known of its deliveries."""
    client.delete("webhooks", webhook)
    _done({"id": webhook, "removed": True}, "Removed.", json=json)


@webhook.command(name="test")
def try_out(webhook: Id, /, *, json: AsJson = False) -> None:
    """Send an endpoint a test."""
    said = f"A test is on its way; what became of it shows tocsin webhook deliveries {webhook}"
    _done(client.post("webhooks", webhook, "test"), said, json=json)


@webhook.command
@watched
def deliveries(
    webhook: Id,
    /,
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=200), help="How many, at the most.")] = 50,
    json: AsJson = False,
) -> None:
    """List what was sent to an endpoint and what it answered, the latest first."""
    found = client.get("webhooks", webhook, "deliveries", limit=limit)
    if json:
        show.as_json(found)
        return
    columns = ("Id", "Event", "Made (UTC)", "State", "Tries", "Answer")
    show.table(columns, [_sent(one) for one in found["deliveries"]], empty="Nothing was sent there yet.")


@webhook.command
def replay(
    webhook: Id,
    /,
    *,
    delivery: Annotated[str | None, Parameter(help="The one to send again, by its id.")] = None,
    since: Annotated[
        str | None, Parameter(help="Send all again that happened since this instant; UTC without an offset.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Send one event again, or all since an instant, under the ids that they had."""
    if (delivery is None) == (since is None):
        raise show.Unclear("Say either which one (--delivery) or since when (--since).")
    if delivery is not None:
        found = client.post("webhooks", webhook, "deliveries", delivery, "replay")
        _done(found, "It is on its way again.", json=json)
        return
    found = client.post("webhooks", webhook, "replay", body={"since": instant_of(since or "").isoformat()})
    _done(found, f"{found['events']} events are on their way again.", json=json)


def _standing(one: dict[str, Any]) -> str:
    if one["disabled_at"]:
        return f"disabled: {one['disabled_because']}"
    return f"failing since {show.minute(one['failing_since'])}" if one["failing_since"] else "live"


def _sent(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    answer = f"HTTP {one['status']} {one['answer']}".strip() if one["status"] is not None else one["answer"]
    return one["id"], one["event_type"], show.second(one["created_at"]), one["state"], one["attempts"], answer


def _secret(made: dict[str, Any], *, json: bool) -> None:
    if json:
        show.as_json(made)
        return
    _warn(made)
    show.aside(f"Webhook {made['id']}. Its secret is shown this once:")
    show.raw(made["secret"])


def _warn(made: dict[str, Any]) -> None:
    if made.get("warning"):
        show.aside(made["warning"])


def _done(answer: Any, words: str, *, json: bool) -> None:
    if json:
        show.as_json(answer)
    else:
        show.line(words)
