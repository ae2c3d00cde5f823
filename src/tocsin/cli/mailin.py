"""A mail that was replied to a page, handed over by the mail server of this machine."""

import email
import email.policy
import re
import sys
from email.message import EmailMessage

from cyclopts import App

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson
from tocsin.kit.errors import Invalid

MOST = 1_000_000  # bytes; an answer is a word
_ADDRESS = re.compile(r"\+(pag_[a-z0-9]+\.[a-z2-7]{24}\.\d{1,3})@", re.IGNORECASE)
_TO = ("To", "Cc", "Delivered-To", "X-Original-To")

mail = App()


class NotAReply(Invalid):
    """This mail is no reply to a page: it went to no address that Tocsin has signed."""


@mail.command(name="mail-in", group=HERE)
def mail_in(*, json: AsJson = False) -> None:
    """Take a reply to a page from the standard input, as a mail server hands it over.

    What a machine wrote by itself, such as an absence notice, is left alone.
    """
    from tocsin.response import answers

    message = email.message_from_bytes(sys.stdin.buffer.read(MOST), policy=email.policy.default)
    if str(message.get("Auto-Submitted", "no")).strip().lower() != "no":
        _said("It was sent by a machine, and is left alone.", json=json)
        return
    token, text = _token(message), _text(message)
    _said(local.take(lambda tx: answers.answer_mail(tx, token, text)), json=json)


def _token(message: EmailMessage) -> str:
    for name in _TO:
        for value in message.get_all(name, []):
            if found := _ADDRESS.search(str(value)):
                return found[1]
    raise NotAReply


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain",))
    try:
        return "" if body is None else str(body.get_content())
    except (LookupError, UnicodeDecodeError):  # a charset that nobody knows
        return ""


def _said(text: str, /, *, json: bool) -> None:
    if json:
        show.as_json({"said": text})
    else:
        show.line(text)
