"""Mail that the mail server of this machine hands over: replies to pages, what monitors write, and what came back."""

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson, Flag
from tocsin.kit.errors import Invalid, Overloaded
from tocsin.settings import BadSetting

if TYPE_CHECKING:
    from tocsin.signals.mailing import Mail

MOST = 1_000_000  # bytes that are looked at; what follows is attachments
TRY_AGAIN = 75  # EX_TEMPFAIL: the mail server keeps the mail and hands it over again
_REPLY = re.compile(r"\+(pag_[a-z0-9]+\.[a-z2-7]{24}\.\d{1,3})@", re.IGNORECASE)
_TO = ("to", "cc", "delivered-to", "x-original-to")

mail = App()
mail_in = App(name="mail-in", group=HERE)
mail.command(mail_in)


class NotAReply(Invalid):
    """This mail is no reply to a page, and went to no address of a source of mail or of a subscriber."""


@mail_in.default
def take(*, json: AsJson = False) -> int:
    """Take a mail from the standard input, as a mail server hands it over: a reply to a page, a signal, or the report
    that a mail to a subscriber of the status page came back.

    What a machine answered by itself, such as an absence notice, is left alone.
    """
    from tocsin.signals import mailing

    body = _handed_over()
    found = mailing.parse(body)
    command = _bounce(found, body) or _signal(found, mailing.addressed(found)) or _reply(found)
    try:
        said = local.take(command) if command else "It was sent by a machine, and is left alone."
    except (BadSetting, local.NotPrepared, Overloaded) as error:
        show.error(str(error))
        return TRY_AGAIN
    _said(said, json=json)
    return 0


@mail_in.command
def address(
    name: Annotated[str, Parameter(help="What will write to it, such as nagios; rules see it as `sender`.")],
    /,
    *,
    replace: Annotated[
        Flag, Parameter(help="First give it another address; the old one is then good for nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Print the secret address whose mail becomes signals."""
    from tocsin.response import mailing

    with local.installation() as installation:
        reply_to = installation.settings.mail_reply_to
    found = local.change(lambda tx: mailing.address(tx, reply_to, name, replace=replace))
    if json:
        show.as_json({"name": name, "address": found})
    else:
        show.raw(found)


def _handed_over() -> bytes:
    """The mail, as far as it is looked at. The rest is read all the same: whoever writes it is not to be cut short."""
    body = sys.stdin.buffer.read(MOST)
    while sys.stdin.buffer.read(MOST):
        pass
    return body


def _bounce(found: "Mail", body: bytes) -> Callable[[Any], str] | None:
    from tocsin.comms.subscribers import bounces, commands

    address = bounces.addressed(found)
    return (lambda tx: commands.take_bounce(tx, address, bounces.read(body))) if address else None


def _signal(found: "Mail", source: tuple[str, str] | None) -> Callable[[Any], str] | None:
    from tocsin.response import mailing

    if source is None:
        return None
    name, secret = source
    return lambda tx: mailing.take(tx, name, secret, found)


def _reply(found: "Mail") -> Callable[[Any], str] | None:
    from tocsin.response import answers

    if (found.first("auto-submitted") or "no").lower() != "no":
        return None
    token = _token(found)
    return lambda tx: answers.answer_mail(tx, token, found.text)


def _token(found: "Mail") -> str:
    for name in _TO:
        for value in found.all(name):
            if token := _REPLY.search(value):
                return token[1]
    raise NotAReply


def _said(text: str, /, *, json: bool) -> None:
    if json:
        show.as_json({"said": text})
    else:
        show.line(text)
