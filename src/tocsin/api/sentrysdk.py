"""`/in/sentry-sdk`: where the libraries of Sentry send errors to, with a DSN whose key is a token."""

import json
import re

from litestar.types import Receive, Scope

from tocsin.api import packing, taking, wire
from tocsin.api.keys import Keys, NoToken
from tocsin.api.problems import Problem
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.kit.errors import NotFound
from tocsin.signals import sentryevents

ROOT = "/in/sentry-sdk/"
_ENVELOPE = re.compile(r"/in/sentry-sdk/api/(\d{1,18})/envelope/?")
_KEY = re.compile(r"\bsentry_key=([\w-]+)")


class NoSuchAddress(NotFound):
    """Of Sentry's API there is /in/sentry-sdk/api/PROJECT/envelope/, to which the libraries send by themselves."""


async def take(app: App, keys: Keys, scope: Scope, receive: Receive) -> Reply:
    found = _ENVELOPE.fullmatch(scope["path"])
    if found is None:
        raise NoSuchAddress
    project = found[1]
    token = await taking.sender(app, keys, _secret(scope))
    body = await packing.body_of(scope, receive, taking.BODY_MOST)
    await taking.take(app, sentryevents.SOURCE, lambda sent: sentryevents.read(project, sent), token, body)
    return Reply(200, json.dumps({"id": sentryevents.event_id(body)}).encode())


def _secret(scope: Scope) -> str:
    """The key of the DSN. In the query, where browsers put it, it would stand in logs, and is not taken."""
    shown = _KEY.search((wire.header(scope, b"x-sentry-auth") or b"").decode("latin-1"))
    if shown is None:
        raise NoToken("The key of the DSN must be a token; it is read in the header X-Sentry-Auth.")
    return shown[1]


def refused(problem: Problem) -> Reply:
    """As the libraries log it. What they are told to send later they would drop, so 503 names a second."""
    again = ((b"retry-after", b"1"),) if problem.status == 503 else ()
    return Reply(problem.status, json.dumps({"detail": problem.detail}).encode(), headers=again)
