"""What follows from what a service writes: patterns of the plan become signals, and are over again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from tocsin.db.engine import Tx
from tocsin.kit.text import listed
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import looking
from tocsin.response.looking import LogLook
from tocsin.signals import store as signals
from tocsin.watch import logs, outcomes
from tocsin.watch import store as watch
from tocsin.watch.logs import Tail
from tocsin.watch.outcomes import Kind, Outcome, plain
from tocsin.watch.store import Standing
from tocsin.watch.tailing import Piece

FAILURES, RECOVERIES = 3, 2
SENT = "sent"  # the mark of a log that is sent to us, once anything came of it
_SHOWN = 160


def learn(tx: Tx, look: LogLook, piece: Piece) -> None:
    """Take the whole records of what was read, and go on from there next time."""
    standing = watch.load(tx, look.name)
    known = standing.tail or Tail()
    tail, lines = replace(piece.tail, heard=known.heard), []
    if (known.place, known.mark) != (look.tail.place, look.tail.mark):  # somebody else has read this by now
        tail = known
    elif piece.lines is not None:
        lines = list(piece.lines)
    elif tail.place is not None:
        taken = logs.whole(piece.body, ends=len(piece.body) == tail.waits)
        lines = piece.body[:taken].decode("utf-8", "replace").splitlines()
        tail = replace(tail, place=tail.place + taken, waits=len(piece.body) - taken)
    tail = _listen(tx, look, tail, logs.records(lines))
    if piece.rest is not None:
        tail = replace(tail, rests_until=tx.now + piece.rest)
    outcome = _read(look, tail, piece)
    run = outcomes.advance(standing.run, outcome, tx.now)
    standing = looking.agree(tx, look, replace(standing, tail=tail), run, outcome, (FAILURES, RECOVERIES))
    _show(tx, standing)


def _read(look: LogLook, tail: Tail, piece: Piece) -> Outcome:
    if look.log.sender is not None and tail.mark != SENT and not piece.trouble:
        return _outcome(Kind.UNKNOWN, f"nothing was sent yet by the name {look.log.sender}")
    if piece.limited:
        return _outcome(Kind.RATE_LIMITED, piece.limited)
    return _outcome(Kind.UNREADABLE, piece.trouble) if piece.trouble else _outcome(Kind.HEALTHY, "it is read")


def _show(tx: Tx, standing: Standing) -> None:
    """Say where the log stands what of it is trouble."""
    firing = [key for key, one in (standing.tail or Tail()).heard.items() if one.fires]
    if firing and standing.outcome and standing.outcome.kind is Kind.HEALTHY:
        watch.save(tx, replace(standing, outcome=_outcome(Kind.FAILED, f"it tells of {listed(firing)}")))


def _outcome(kind: Kind, said: str) -> Outcome:
    return Outcome(kind=kind, latency=timedelta(0), reason=plain(said, _SHOWN), path="")


def _listen(tx: Tx, look: LogLook, tail: Tail, records: Sequence[str]) -> Tail:
    tail, turns = logs.listen(look.log, tail, records, tx.now)
    for turn in turns:
        arrival = logs.arrival(look.name, look.service_id, look.service.name, look.log, turn, tx.now)
        signals.accept(tx, [signals.encode(arrival)])
    return tail


# --- What is sent to us -----------------------------------------------------------------------------------------------


def heard_by(plan: Plan) -> dict[str, list[LogLook]]:
    """By the name under which a service sends: the logs of the plan that take it."""
    found: dict[str, list[LogLook]] = {}
    for look in looking.logs(plan):
        if look.log.sender is not None:
            found.setdefault(look.log.sender, []).append(look)
    return found


def is_first(tx: Tx, looks: Iterable[LogLook]) -> bool:
    """Whether nothing was heard before of one of these: then whatever comes is news."""
    return any((watch.seen(tx, look.name).tail or Tail()).mark != SENT for look in looks)


def is_news(looks: Iterable[LogLook], records: Sequence[str]) -> bool:
    """Whether any of these says something that the plan asks for; most of what a service writes does not."""
    return any(logs.concerns(look.log, record) for look in looks for record in records)


def take_in(tx: Tx, sent: Mapping[str, Sequence[str]]) -> None:
    """Take records that were sent to us, by the name of their sender."""
    plan = plans.current(tx)
    for sender, looks in sorted(heard_by(plan).items()):
        for look in looks if sender in sent else ():
            standing = watch.load(tx, look.name)
            tail = _listen(tx, look, replace(standing.tail or Tail(), mark=SENT), sent[sender])
            is_known = standing.outcome is not None and standing.outcome.kind is not Kind.UNKNOWN
            said = standing.outcome if is_known else _outcome(Kind.HEALTHY, "it is sent to us")
            standing = replace(standing, tail=tail, outcome=said, looked_at=tx.now)
            watch.save(tx, standing)
            _show(tx, standing)
