"""One signal: what it says, why it was paged or not, rule by rule, and what followed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Template

from tocsin.kit.text import clip
from tocsin.people import access
from tocsin.response import explaining
from tocsin.signals import history
from tocsin.signals.explaining import Ruling, shown, wanted
from tocsin.signals.history import Said
from tocsin.signals.model import State
from tocsin.signals.store import Disposition
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page
from tocsin.web.signals import BECAME, signal_rows

LABEL_SHOWN = 300
DETAILS_SHOWN = 20_000


@dataclass(frozen=True)
class CheckLine:
    name: str
    wanted: str
    found: str
    mark: str
    word: str


@dataclass(frozen=True)
class RulingLine:
    place: int
    rule: str
    why: str
    decides: bool
    mark: str
    word: str
    checks: tuple[CheckLine, ...]


def ruling(one: Ruling) -> RulingLine:
    mark, word = ("ok", "Decides") if one.decides else ("unknown", "Fits too") if one.tried.fits else ("open", "Not")
    checks = tuple(
        CheckLine(
            check.name,
            wanted(check),
            "not there" if check.found is None else shown(check.found),
            "ok" if check.holds else "open",
            "Holds" if check.holds else "Does not hold",
        )
        for check in one.tried.checks
    )
    return RulingLine(one.place, one.tried.rule.name, one.why, one.decides, mark, word, checks)


@dataclass(frozen=True)
class SaidLine:
    """A change in what a signal said, or in what became of it."""

    mark: str
    state: str
    became: str
    why: str
    at: str
    times: str


def _said(one: Said, now: datetime) -> SaidLine:
    fires = one.state == State.FIRING
    followed = fires or one.disposition == Disposition.CLEARED  # what it is on, a signal that clears stays on
    return SaidLine(
        mark="down" if fires else "ok",
        state=("Fires" if fires else "Cleared" if one.state == State.RESOLVED else "Acknowledged")
        + (f", {one.severity}" if one.severity and fires else ""),
        became=BECAME[Disposition(one.disposition)].lower() if followed else "",
        why=one.why if followed else "",
        at=present.moment(one.at, now),
        times=f"It had come {one.times} times by then." if one.times > 1 else "",
    )


@get("/signals/{signal_id:str}", sync_to_thread=True)
def show_signal(request: AnyRequest, visitor: SignedIn, signal_id: FromPath[str]) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        found, now = explaining.explain(tx, signal_id), tx.now
        signal = found.signal
        rulings = [ruling(one) for one in found.rules.rulings]
        decides = next((one for one in rulings if one.decides), None)
        asked = decides.place if decides else len(rulings) + 1
        return page(
            request,
            visitor,
            tx,
            "signal.html",
            title=clip(signal.title, 80),
            here="/signals",
            signal=signal_rows(tx, [signal], now)[0],
            severity=signal.severity or "",
            facts=[
                present.Fact("From", signal.source),
                present.Fact("Times", str(signal.count)),
                present.Fact("First", present.moment(signal.first_at, now)),
                present.Fact("Last", present.moment(signal.last_at, now)),
                present.Fact("Key", clip(signal.key, LABEL_SHOWN)),
            ],
            labels=[
                (name, clip(value, LABEL_SHOWN))
                for name, value in signal.labels.items()
                if (name, value) != ("severity", signal.severity)  # which stands above
            ],
            details=clip(_written(signal.details), DETAILS_SHOWN) if signal.details else "",
            found=found,
            history=[_said(one, now) for one in found.history],
            is_cut=len(found.history) == history.KEPT,
            followed=[(one, present.moment(one.at, now)) for one in found.followed],
            decides=decides,
            before=rulings[: asked - 1],
            after=rulings[asked:],
            may_declare=visitor.actor.may(access.INCIDENT_WRITE),
        )


def _written(details: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(details)).decode()


def routes() -> list[Any]:
    return [show_signal]
