"""Searching as somebody does, over an index that has caught up."""

from tocsin.db.engine import Database
from tocsin.kit.actor import Actor
from tocsin.response import indexing, searching
from tocsin.response.searching import Hit


def index_all(database: Database) -> int:
    """Let the index catch up. Returns how many pieces it took."""
    pieces = 0
    while indexing.catch_up(database):
        pieces += 1
    return pieces


def found(database: Database, by: Actor, asked: str, *, limit: int = 50) -> list[Hit]:
    with database.read(by) as tx:
        return searching.search_for(tx, asked, limit=limit)[0]


def paged(database: Database, by: Actor, asked: str, *, limit: int) -> list[list[Hit]]:
    """Every page of what is found, each of so many."""
    pages, cursor = [], None
    while True:
        with database.read(by) as tx:
            hits, cursor = searching.search_for(tx, asked, limit=limit, cursor=cursor)
        pages.append(hits)
        if cursor is None:
            return pages
