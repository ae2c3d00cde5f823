"""Statements as SQL text, kept for the whole process.

SQLAlchemy keeps what it has compiled for each engine by itself. On SQLite one installation has an engine that writes
and another that reads, and whoever serves one installation after another has many, all of which say the same.
"""

from collections.abc import MutableMapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

KEPT = 1000  # statements; an installation that has seen everything runs some six hundred

statements: MutableMapping[Any, Any] = LRUCache(KEPT)


class _Shared:
    """What an engine asks for a compiled statement, by a key that begins with its own dialect."""

    def get(self, key: tuple[Any, ...]) -> Any:
        return statements.get(_without_engine(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        statements[_without_engine(key)] = compiled


def _without_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same for every engine that speaks to the same release of the same database."""
    dialect, *statement = key
    return (type(dialect), dialect.server_version_info, *statement)


def share(engine: Engine) -> Engine:
    """Let this engine use what another has compiled."""
    engine.update_execution_options(compiled_cache=_Shared())
    return engine
