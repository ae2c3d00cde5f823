"""Signals as a search finds them: their words, and whose they are."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import select

from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.signals import reporting
from tocsin.signals.store import Signal, of_row, table

BELONGS = (table.c.id, table.c.incident_id)  # whose a signal is: it may come to another incident at any time
SAID_MOST = 4000  # characters of what came with a signal that are indexed


def glimpse(tx: Tx, signal_ids: Collection[str]) -> dict[str, Signal]:
    """Several signals by their ids, as far as whoever asks may see them."""
    if not signal_ids:
        return {}
    wanted = select(table).where(table.c.id.in_(sorted(signal_ids)))
    return {row.id: of_row(row) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))}


def ids_after(tx: Tx, after: str, limit: int) -> list[str]:
    """The ids of all signals, some at a time."""
    return [row.id for row in tx.all(select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(limit))]


def text(signal: Signal) -> str:
    """What a signal says besides its title. Where to ask a user back is nobody's to find."""
    if signal.source == reporting.SOURCE:
        return str(signal.details.get("words", ""))[:SAID_MOST]
    labels = (f"{name}: {value}" for name, value in signal.labels.items())
    about = [f"From {signal.source}, {signal.key}", *labels, *_said(signal.details)]
    return ". ".join(about)[:SAID_MOST]


def _said(value: Any) -> Iterator[str]:
    """Every text in what came with a signal."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _said(one)
    elif isinstance(value, list):
        for one in value:
            yield from _said(one)
