"""Where somebody wants to be told, read from what they typed for each way. Pure."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import msgspec

from tocsin.comms.subscribers.model import checked_mail
from tocsin.kit.errors import Invalid
from tocsin.kit.ids import new_secret
from tocsin.people import secretive
from tocsin.plan.model import Way

LONGEST = 2000
SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
TEAMS = (".logic.azure.com", ".powerplatform.com", ".powerautomate.com", ".logic.azure.us", ".azure-apihub.us")


class NotAPlace(Invalid):
    """This address can't be used."""


@dataclass(frozen=True)
class Place:
    """`where` is what makes it the same place; `address` is shown, and `secret` is kept beside it."""

    where: str
    address: str
    secret: str | None = None


def read(way: Way, typed: str, *, anywhere: bool = False) -> Place:
    """Read an address. `anywhere`: this installation may call what is in its own network, and any host for any way.
    Raises Invalid."""
    if len(typed) > LONGEST:
        raise NotAPlace("This address is too long.", field="address")
    match way:
        case Way.EMAIL:
            address = checked_mail(typed)
            return Place(address.lower(), address)
        case Way.WEBHOOK:
            address = typed.strip()
            _web(address, anywhere=anywhere)
            return Place(address, address, new_secret())
        case Way.SLACK:
            return _secretive(typed.strip(), SLACK, "Slack's begins with https://hooks.slack.com/", anywhere=anywhere)
        case Way.TEAMS:
            return _secretive(typed.strip(), TEAMS, "a workflow's is the one that Teams shows", anywhere=anywhere)
        case Way.PUSH:
            address, secret = secretive.subscription(typed)
            endpoint: str = msgspec.json.decode(secret)["endpoint"]
            return Place(endpoint, address, secret)


def _secretive(typed: str, hosts: tuple[str, ...], hint: str, *, anywhere: bool) -> Place:
    """An address that is a secret as a whole: of it only the host is shown."""
    parts = _web(typed, anywhere=anywhere)
    host = parts.hostname or ""
    if not anywhere and not any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts):
        raise NotAPlace(f"This is not such an address; {hint}.", field="address")
    return Place(typed, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…", typed)


def _web(address: str, *, anywhere: bool) -> SplitResult:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise NotAPlace(field="address") from None
    schemes = ("http", "https") if anywhere else ("https",)
    if parts.scheme not in schemes or not host or parts.username is not None or any(one.isspace() for one in address):
        raise NotAPlace("The address begins with https:// and names no user.", field="address")
    return parts
