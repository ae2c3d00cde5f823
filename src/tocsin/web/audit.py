"""The audit log: what was done at the door and to the keys, by whom and from where, and what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Template

from tocsin.audit import store as audit
from tocsin.audit.model import SUBJECTS, WORDS, Act, Deed, Filter
from tocsin.audit.refusals import MANY
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.web import present
from tocsin.web.forms import AnyRequest, utc_instant
from tocsin.web.frame import SignedIn, page
from tocsin.web.present import Choice
from tocsin.web.trouble import Trouble, trouble

PATH = "/audit"
A_PAGE = 50
LAST = 2**62  # no line has a greater number
SUBJECT_NAMES = {"refused": "Whatever was refused", "factor": "Second factors", "account": "Accounts"}


@dataclass(frozen=True)
class Row:
    iso: str
    at: str
    what: str
    actor: str
    about: str
    detail: str
    source: str
    count: str
    mark: str


@get(PATH, sync_to_thread=True)
def show_audit(
    request: AnyRequest,
    visitor: SignedIn,
    deed: FromQuery[str] = "",
    actor: FromQuery[str] = "",
    about: FromQuery[str] = "",
    source: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    before: Annotated[int, QueryParameter(ge=0, le=LAST)] = 0,
) -> Template:
    access.require(visitor.actor, access.AUDIT_READ)
    visitor.app.keep_refusals()
    typed = {"deed": deed, "actor": actor, "about": about, "source": source, "since": since, "until": until}
    wrong: Trouble | None = None
    asked = Filter()
    try:
        asked = _asked(typed)
    except Invalid as why:
        wrong = trouble(why, {"since": "since", "until": "until"})
    with visitor.app.database.read(visitor.actor) as tx:
        found = [] if wrong else audit.listing(tx, asked, before=before or None, limit=A_PAGE + 1)
        return page(
            request,
            visitor,
            tx,
            "audit.html",
            title="Audit log",
            here=PATH,
            status=wrong.status if wrong else 200,
            rows=[_row(one, tx.now) for one in found[:A_PAGE]],
            more=_more(typed, found[A_PAGE - 1].number) if len(found) > A_PAGE else "",
            deeds=_deeds(),
            typed=typed,
            is_asked=any(typed.values()),
            wrong=wrong,
        )


def _asked(typed: Mapping[str, str]) -> Filter:
    text = {name: typed[name].strip() for name in ("deed", "actor", "about", "source")}
    at = {name: utc_instant(typed[name], name) if typed[name] else None for name in ("since", "until")}
    return Filter(**text, since=at["since"], until=at["until"])


def _more(typed: Mapping[str, str], before: int) -> str:
    asked = {name: value for name, value in typed.items() if value}
    return f"{PATH}?{urlencode({**asked, 'before': before})}"


def _deeds() -> list[Choice]:
    """All that can be asked for: every deed of a kind, or one."""
    kinds = [Choice(one, SUBJECT_NAMES.get(one, f"{one.capitalize()}s")) for one in SUBJECTS]
    return [*kinds, *(Choice(one, WORDS[one]) for one in Deed)]


def _row(one: Act, now: datetime) -> Row:
    return Row(
        iso=present.iso(one.at),
        at=present.moment(one.at, now),
        what=WORDS[one.deed],
        actor=one.actor or "not known",
        about=one.about,
        detail=one.detail,
        source="many addresses" if one.source == MANY else one.source,
        count=f"{one.count} times in a minute" if one.count > 1 else "",
        mark="due" if one.deed.is_refusal else "ok",
    )


def routes() -> list[Any]:
    return [show_audit]
