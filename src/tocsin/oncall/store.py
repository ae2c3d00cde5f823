"""What people have arranged about being on call. Nothing is deleted: who did what, when and why stays."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Row, Select, Table, Text, bindparam, delete, func, or_, select, true

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.kit.frozen import made
from tocsin.kit.ids import new_id, new_secret
from tocsin.oncall.handoff import STANDING, Deed, Did, Handoff, State
from tocsin.oncall.model import Feed, Override, Swap, SwapState, Turn
from tocsin.oncall.schedule import Rotas
from tocsin.oncall.warning import Warned
from tocsin.people import store as people
from tocsin.plan.model import Plan

override = Table(
    "oncall_override",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rotation", Text),
    Column("person", Text),
    Column("instead_of", Text),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("reason", Text),
    Column("made_by", Text),
    Column("made_at", Instant),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_because", Text),
    Column("swap_id", Text),
)
swap = Table(
    "oncall_swap",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asker", Text),
    Column("other", Text),
    Column("gives_rotation", Text),
    Column("gives_starts_at", Instant),
    Column("gives_ends_at", Instant),
    Column("takes_rotation", Text),
    Column("takes_starts_at", Instant),
    Column("takes_ends_at", Instant),
    Column("reason", Text),
    Column("asked_at", Instant),
    Column("expires_at", Instant),
    Column("expiry_told_at", Instant),
    Column("answered", Text),
    Column("answered_at", Instant),
    Column("answered_by", Text),
    Column("answer", Text),
)
warning = Table(
    "oncall_warning",
    metadata,
    Column("id", Text, primary_key=True),
    Column("about", Text),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("told_at", Instant),
)
feed = Table(
    "oncall_feed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text),
    Column("owner", Text),
    Column("rotation", Text),
    Column("made_by", Text),
    Column("made_at", Instant),
    Column("revoked_at", Instant),
)
handoff = Table(
    "oncall_handoff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rotation", Text),
    Column("outgoing", Json),
    Column("incoming", Json),
    Column("leaves_at", Instant),
    Column("begins_at", Instant),
    Column("ends_at", Instant),
    Column("lines", Json),
    Column("opened_at", Instant),
    Column("state", Text),
    Column("settled_at", Instant),
)
deed = Table(
    "oncall_handoff_deed",
    metadata,
    Column("handoff_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("done_at", Instant),
    Column("done_by", Text),
    Column("did", Text),
    Column("text", Text),
    Column("notes", Json),
    Column("packet", Json),
)


class NoSuchOverride(NotFound):
    """There is no such override."""


class NoSuchSwap(NotFound):
    """There is no such request to swap."""


class NoSuchFeed(NotFound):
    """There is no such calendar, or it was revoked."""


class NoSuchHandoff(NotFound):
    """There is no such handoff."""


# ---- Who is on call --------------------------------------------------------------------------------------------------


def rotas(tx: Tx, plan: Plan, since: datetime | None = None) -> Rotas:
    """Who is on call by a plan, from an instant on; from now on, without one."""
    if since is not None:
        return Rotas(plan.rotations, overrides(tx, since))
    known: dict[int, Rotas] = tx.memo.setdefault("rotas", {})
    key = id(plan.rotations)  # which live as long as the answer that holds them
    if key not in known:  # a storm asks thousands of times who is on call at one instant
        known[key] = Rotas(plan.rotations, overrides(tx))
    return known[key]


def overrides(tx: Tx, since: datetime | None = None) -> tuple[Override, ...]:
    """Every override that ends after an instant, cancelled ones too: what they were until then still counts."""
    if since is not None:
        return _overrides(tx, since)
    found: tuple[Override, ...] | None = tx.memo.get("overrides")
    if found is None:
        found = tx.memo["overrides"] = _overrides(tx, tx.now)
    return found


def _overrides(tx: Tx, since: datetime) -> tuple[Override, ...]:
    return tuple(_override(row) for row in tx.all(_NOT_OVER, {"since": since}))


_NOT_OVER = select(override).where(override.c.ends_at > bindparam("since")).order_by(override.c.starts_at)


# ---- Overrides -------------------------------------------------------------------------------------------------------


def add_override(tx: Tx, one: Override) -> None:
    tx.add(override, dict(vars(one)))
    _forget(tx)


def _forget(tx: Tx) -> None:
    tx.memo.pop("overrides", None)
    tx.memo.pop("rotas", None)


def load_override(tx: Tx, override_id: str) -> Override:
    row = tx.first(select(override).where(override.c.id == override_id))
    if row is None:
        raise NoSuchOverride(f"There is no override {override_id}.")
    return _override(row)


def cancel_override(tx: Tx, override_id: str, because: str) -> bool:
    """The first to cancel it gets True, everyone after gets False."""
    standing = (override.c.id == override_id) & override.c.cancelled_at.is_(None)
    values = {"cancelled_at": tx.now, "cancelled_by": tx.actor.handle, "cancelled_because": because}
    _forget(tx)
    return tx.run(override.update().where(standing).values(**values)).rowcount == 1


def latest_overrides(tx: Tx, limit: int, before: datetime | None = None) -> list[Override]:
    """Whatever was arranged, the latest first."""
    return [_override(row) for row in tx.all(_latest(override, override.c.made_at, limit, before))]


def overrides_changed_at(tx: Tx) -> datetime | None:
    """When an override was made or cancelled last."""
    found: list[datetime | None] = [tx.scalar(select(func.max(at, type_=Instant))) for at in _CHANGED]
    return max((at for at in found if at is not None), default=None)


def overrides_changed_since(tx: Tx, instant: datetime, limit: int) -> list[Override]:
    """Those that were made or cancelled after an instant."""
    changed = or_(*(at > instant for at in _CHANGED))
    wanted = select(override).where(changed).order_by(override.c.made_at.desc(), override.c.id).limit(limit)
    return [_override(row) for row in tx.all(wanted)]


_CHANGED = (override.c.made_at, override.c.cancelled_at)


# ---- Swaps -----------------------------------------------------------------------------------------------------------


def add_swap(tx: Tx, one: Swap) -> None:
    values = dict(vars(one))
    for name in ("gives", "takes"):
        turn = values.pop(name)
        values |= {f"{name}_{field}": getattr(turn, field, None) for field in ("rotation", "starts_at", "ends_at")}
    tx.add(swap, values)


def load_swap(tx: Tx, swap_id: str) -> Swap:
    row = tx.first(select(swap).where(swap.c.id == swap_id))
    if row is None:
        raise NoSuchSwap(f"There is no request {swap_id}.")
    return _swap(row)


def answer_swap(tx: Tx, swap_id: str, answered: SwapState, answer: str) -> bool:
    """The first answer counts: True for whoever gave it, as long as the request has not expired."""
    waits = (swap.c.id == swap_id) & (swap.c.answered == SwapState.ASKED) & (swap.c.expires_at > tx.now)
    values = {"answered": answered, "answered_at": tx.now, "answered_by": tx.actor.handle, "answer": answer}
    return tx.run(swap.update().where(waits).values(**values)).rowcount == 1


def untold_expiries(tx: Tx, since: datetime) -> list[Swap]:
    """Requests that expired since then without an answer, and of which nobody was told."""
    expired = (swap.c.answered == SwapState.ASKED) & (swap.c.expires_at <= tx.now) & (swap.c.expires_at > since)
    wanted = select(swap).where(expired & swap.c.expiry_told_at.is_(None)).order_by(swap.c.expires_at, swap.c.id)
    return [_swap(row) for row in tx.all(wanted)]


def told_of_expiry(tx: Tx, swap_id: str) -> None:
    tx.put(swap, swap_id, {"expiry_told_at": tx.now})


def next_expiry(tx: Tx) -> datetime | None:
    """When the next request expires, if nobody answers it before."""
    waits = (swap.c.answered == SwapState.ASKED) & (swap.c.expires_at > tx.now)
    soonest: datetime | None = tx.scalar(select(func.min(swap.c.expires_at, type_=Instant)).where(waits))
    return soonest


def latest_swaps(tx: Tx, limit: int, before: datetime | None = None) -> list[Swap]:
    return [_swap(row) for row in tx.all(_latest(swap, swap.c.asked_at, limit, before))]


# ---- Handoffs --------------------------------------------------------------------------------------------------------


def add_handoff(tx: Tx, one: Handoff) -> None:
    tx.add(handoff, {**vars(one), **{name: list(getattr(one, name)) for name in _LISTS}})


def load_handoff(tx: Tx, handoff_id: str) -> Handoff:
    row = tx.first(select(handoff).where(handoff.c.id == handoff_id))
    if row is None:
        raise NoSuchHandoff(f"There is no handoff {handoff_id}.")
    return _handoff(row)


def latest_handoffs(tx: Tx, limit: int, before: datetime | None = None) -> list[Handoff]:
    """The handoffs by their changes, the last first."""
    return [_handoff(row) for row in tx.all(_latest(handoff, handoff.c.begins_at, limit, before))]


def handoffs_since(tx: Tx, instant: datetime) -> list[Handoff]:
    """Those of changes from an instant on, and whichever still stand, in the order of the changes."""
    wanted = (handoff.c.begins_at >= instant) | handoff.c.state.in_(sorted(STANDING))
    rows = tx.all(select(handoff).where(wanted).order_by(handoff.c.begins_at, handoff.c.id))
    return [_handoff(row) for row in rows]


def move_handoff(tx: Tx, one: Handoff, state: State) -> bool:
    """Change how a handoff stands, if it still stands as it was read. The first to do so gets True."""
    settled_at = None if state in STANDING else tx.now
    unchanged = (handoff.c.id == one.id) & (handoff.c.state == one.state)
    return tx.run(handoff.update().where(unchanged).values(state=state, settled_at=settled_at)).rowcount == 1


def add_deed(tx: Tx, handoff_id: str, one: Deed) -> int:
    """Put what was done to a handoff on its record, as the next in order. Returns its number."""
    last = tx.scalar(select(func.max(deed.c.number)).where(deed.c.handoff_id == handoff_id)) or 0
    values = {"done_at": one.at, "done_by": one.by, "did": one.did, "text": one.text, "packet": one.packet}
    tx.add(deed, {"handoff_id": handoff_id, "number": last + 1, "notes": list(one.notes), **values})
    return int(last + 1)


def deeds(tx: Tx, handoff_id: str) -> list[Deed]:
    """What was done to a handoff, in order."""
    rows = tx.all(select(deed).where(deed.c.handoff_id == handoff_id).order_by(deed.c.number))
    return [
        Deed(at=row.done_at, by=row.done_by, did=Did(row.did), text=row.text, notes=tuple(row.notes), packet=row.packet)
        for row in rows
    ]


# ---- Warnings --------------------------------------------------------------------------------------------------------


def warnings(tx: Tx) -> list[Warned]:
    """What people have been told of, and has not been mended since."""
    return [Warned(**row._mapping) for row in tx.all(select(warning).order_by(warning.c.told_at, warning.c.id))]


def add_warning(tx: Tx, one: Warned) -> None:
    tx.add(warning, dict(vars(one)))


def change_warning(tx: Tx, one: Warned) -> None:
    tx.put(warning, one.id, {"starts_at": one.starts_at, "ends_at": one.ends_at})


def forget_warning(tx: Tx, warning_id: str) -> None:
    tx.run(delete(warning).where(warning.c.id == warning_id))


# ---- Calendars that are subscribed to --------------------------------------------------------------------------------


def add_feed(tx: Tx, owner: str, rotation: str | None) -> tuple[Feed, str]:
    """A new feed, and its secret: shown this once and kept as a hash."""
    secret = new_secret()
    made = Feed(id=new_id("cal"), owner=owner, rotation=rotation, made_by=tx.actor.handle, made_at=tx.now)
    tx.add(feed, {**vars(made), "hash": people.digest(secret), "revoked_at": None})
    return made, secret


def feeds(tx: Tx, owner: str | None = None) -> list[Feed]:
    """The live feeds of one person, or of everybody."""
    of = feed.c.owner == owner if owner is not None else true()
    return [_feed(row) for row in tx.all(_feeds.where(of).order_by(feed.c.made_at, feed.c.id))]


def load_feed(tx: Tx, feed_id: str) -> Feed:
    row = tx.first(_feeds.where(feed.c.id == feed_id))
    if row is None:
        raise NoSuchFeed(f"There is no calendar {feed_id}, or it was revoked.")
    return _feed(row)


def feed_by_secret(tx: Tx, secret: str) -> Feed | None:
    row = tx.first(_feeds.where(feed.c.hash == people.digest(secret)))
    return _feed(row) if row else None


def revoke_feed(tx: Tx, feed_id: str) -> None:
    """The address shows nothing any more, from this very moment."""
    live = (feed.c.id == feed_id) & feed.c.revoked_at.is_(None)
    tx.run(feed.update().where(live).values(revoked_at=tx.now))


_feeds = select(feed).where(feed.c.revoked_at.is_(None))


def latest_change(tx: Tx) -> tuple[int, datetime | None]:
    """Differs as soon as anything was arranged or cancelled: how often that was, and when last."""
    (row,) = tx.all(
        select(
            (func.count(override.c.id) + func.count(override.c.cancelled_at)).label("often"),
            func.max(override.c.made_at).label("made_at"),
            func.max(override.c.cancelled_at).label("cancelled_at"),
        )
    )
    return row.often, max(row.made_at, row.cancelled_at or row.made_at) if row.made_at else None


# ---- Rows ------------------------------------------------------------------------------------------------------------


def _latest(table: Table, by: Column[Any], limit: int, before: datetime | None) -> Select[Any]:
    wanted = select(table).order_by(by.desc(), table.c.id).limit(limit)
    return wanted if before is None else wanted.where(by < before)


_LISTS = ("outgoing", "incoming", "lines")


def _handoff(row: Row[Any]) -> Handoff:
    values = dict(row._mapping)
    lists = {name: tuple(values[name]) for name in _LISTS}
    return Handoff(**{**values, **lists, "state": State(values["state"])})


def _override(row: Row[Any]) -> Override:
    return made(Override, dict(row._mapping))


def _feed(row: Row[Any]) -> Feed:
    return Feed(**{name: row._mapping[name] for name in ("id", "owner", "rotation", "made_by", "made_at")})


def _swap(row: Row[Any]) -> Swap:
    values = {name: value for name, value in row._mapping.items() if name != "expiry_told_at"}
    turns = {}
    for name in ("gives", "takes"):
        turn = {field: values.pop(f"{name}_{field}") for field in ("rotation", "starts_at", "ends_at")}
        turns[name] = Turn(**turn) if turn["rotation"] is not None else None
    return Swap(**{**values, **turns, "answered": SwapState(values["answered"])})
