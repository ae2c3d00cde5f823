"""Deciding at once what an engine decides batch by batch."""

from tocsin.db.engine import Database
from tocsin.response import intake


def decide_all(database: Database) -> int:
    """Decide until the inbox is empty. Returns how many arrivals there were."""
    total = 0
    while decided := intake.decide_some(database):
        total += decided
    return total
