"""Channels in Slack: the app that is needed, what it may do, and who people are there."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import App, Parameter

from tocsin import settings
from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson
from tocsin.kit.errors import Refused

if TYPE_CHECKING:
    from tocsin.delivery.slack import Slack

Handle = Annotated[str, Parameter(help="The person's handle, as the plan writes it.")]
PROVIDER = "slack"
FAILED = 1

slack = App(name="slack", group=HERE, help="Channels in Slack: the app, what it may do, and who people are there.")


class NotSetUp(Refused):
    """TOCSIN_SLACK_BOT_TOKEN is not set: no channels are opened in Slack."""


class NoAnswer(Refused):
    """Slack did not let us in."""


@slack.command
def manifest(*, json: AsJson = False) -> None:
    """Print the manifest of the app that Slack is to make, with the scopes that are used and no other."""
    import yaml

    from tocsin.delivery import slackapp

    found = settings.read(os.environ)
    wanted = slackapp.manifest(found.public_url, found.slack_command, socket=bool(found.slack_app_token))
    if json:
        show.as_json(wanted)
    else:
        show.raw(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True, width=100))


@slack.command
def check(*, json: AsJson = False) -> int:
    """Ask Slack whether the token is good, which scopes it lacks, and whether it gives a socket where one is set up."""
    from tocsin.delivery import slackapp

    workspace, granted = asyncio.run(_ask(_opened()))
    found = settings.read(os.environ)
    deaf = asyncio.run(_asked(found.slack_app_token, found.slack_api_url)) if found.slack_app_token else ""
    missing = [scope for scope in slackapp.SCOPES if scope not in granted]
    more = sorted(granted - slackapp.SCOPES.keys())
    if json:
        about = {"workspace": workspace, "missing": missing, "not_needed": more, "socket": deaf or None}
        show.as_json({"ok": not missing and not deaf, **about})
        return FAILED if missing or deaf else 0
    for scope in missing:
        show.line(f"The scope {scope} is missing; it is needed {slackapp.SCOPES[scope]}.")
    if missing:
        show.line("Put the manifest of `tocsin slack manifest` into the app, and install it to the workspace again.")
    if deaf:
        show.line(f"Slack gives no socket: {deaf}. TOCSIN_SLACK_APP_TOKEN needs the scope connections:write.")
    if not missing and not deaf:
        show.line(f"All is well: {workspace} lets us do what is needed.")
    if more:
        show.line(f"Not needed: {', '.join(more)}.")
    return FAILED if missing or deaf else 0


@slack.command
def accounts(*, json: AsJson = False) -> None:
    """List who people are in Slack, and whether somebody said so or their address did."""
    from tocsin.people import store

    found = local.look(lambda tx: store.chat_accounts(tx, PROVIDER))
    if json:
        show.as_json([{"handle": one, "account": who, "entered": said} for one, (who, said) in found.items()])
        return
    rows = [(one, who, "entered" if said else "found by the address") for one, (who, said) in found.items()]
    show.table(
        ("Handle", "Member ID", "How"), rows, empty="Nobody is known there yet; people are looked up when needed."
    )


@slack.command
def account(
    handle: Handle,
    member: Annotated[str, Parameter(help="The member ID, from the person's profile in Slack.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Say who a person is in Slack, where their address there is another."""
    from tocsin.people import commands

    local.change(lambda tx: commands.set_chat_account(tx, PROVIDER, handle, member))
    _said({"handle": handle, "account": member}, f"{handle} is {member} in Slack.", json=json)


@slack.command
def forget(handle: Handle, /, *, json: AsJson = False) -> None:
    """Forget who a person is in Slack; they are looked up by their address again."""
    from tocsin.people import commands

    local.change(lambda tx: commands.forget_chat_account(tx, PROVIDER, handle))
    _said({"handle": handle, "account": None}, f"{handle} is looked up by the address again.", json=json)


def _said(about: dict[str, Any], sentence: str, *, json: bool) -> None:
    if json:
        show.as_json(about)
    else:
        show.line(sentence)


def _opened() -> "Slack":
    from tocsin.app import open_chat

    found = settings.read(os.environ)
    if not found.slack_bot_token:
        raise NotSetUp
    return cast("Slack", open_chat(found))


async def _asked(token: str, api_url: str) -> str:
    """Why there is no socket, if there is none."""
    from tocsin.delivery import slacksocket

    try:
        await slacksocket.ask(token, api_url)
    except slacksocket.NotOpened as why:
        return str(why)
    return ""


async def _ask(chat: "Slack") -> tuple[str, frozenset[str]]:
    from tocsin.delivery.chat import ChatTrouble

    try:
        return await chat.workspace(), await chat.scopes()
    except ChatTrouble as trouble:
        raise NoAnswer(f"Slack did not let us in: {trouble.reason}.") from None
