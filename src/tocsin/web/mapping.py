"""Trying in the browser how a sender of the plan would be read. Nothing is kept; the plan is changed as ever."""

import json
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.params import FromQuery
from litestar.response import Template

from tocsin.kit.errors import Invalid
from tocsin.response import mapping
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, page
from tocsin.web.trouble import Trouble, trouble

PATH = "/signals/try"
IDS = {"sender": "sender"}


@dataclass(frozen=True)
class Shown:
    """A signal that would come."""

    title: str
    state: str
    mark: str
    rows: tuple[tuple[str, str], ...]
    why: str
    warnings: tuple[str, ...]


@get(PATH, sync_to_thread=True)
def show_try(request: AnyRequest, visitor: SignedIn, sender: FromQuery[str] = "", pick: FromQuery[int] = 0) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        sent = mapping.lately(tx, sender) if sender else []
        body = _spread(sent[pick].body) if 0 <= pick < len(sent) else ""
        written = mapping.as_written(tx, sender)
        return _page(request, visitor, tx, sender, written, body, sent=sent)


@post(PATH, sync_to_thread=True, status_code=200)
def try_it(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template:
    sender, written, body = form.text("sender"), form.secret("mapping"), form.secret("body")
    with visitor.app.database.read(visitor.actor) as tx:
        sent = mapping.lately(tx, sender)
        try:
            found = mapping.attempt(tx, sender, written, body)
        except Invalid as why:
            return _page(request, visitor, tx, sender, written, body, sent=sent, wrong=trouble(why, IDS))
        piece = "" if found.wrong else mapping.for_the_plan(sender, written)
        return _page(request, visitor, tx, sender, written, body, sent=sent, tried=found, piece=piece)


def _spread(body: str) -> str:
    """JSON over several lines, so that the names in it can be seen; anything else as it came."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _page(
    request: AnyRequest,
    visitor: Any,
    tx: Any,
    sender: str,
    written: str,
    body: str,
    *,
    sent: list[mapping.Lately],
    tried: mapping.Tried | None = None,
    wrong: Trouble | None = None,
    piece: str = "",
) -> Template:
    return page(
        request,
        visitor,
        tx,
        "mapping.html",
        title="Try a sender",
        here="/signals",
        status=wrong.status if wrong else 200,
        sender=sender,
        written=written,
        body=body,
        sent=[(place, one.at, one.told) for place, one in enumerate(sent)],
        tried=tried is not None,
        found=[_shown(one) for one in tried.signals] if tried else [],
        mistakes=[(one.where, one.place, one.message) for one in tried.wrong] if tried else [],
        piece=piece,
        wrong=wrong,
    )


def _shown(one: mapping.Would) -> Shown:
    signal = one.arrival
    known = {"Source": signal.source, "Key": signal.key, "Severity": signal.severity or "", "Link": signal.link or ""}
    labels = {f"Label {name}": value for name, value in signal.labels.items()}
    return Shown(
        title=signal.title,
        state=signal.state.capitalize(),
        mark="down" if signal.state == "firing" else "ok",
        rows=tuple((name, value) for name, value in {**known, **labels}.items() if value),
        why=one.why,
        warnings=signal.warnings,
    )


def routes() -> list[Any]:
    return [show_try, try_it]
