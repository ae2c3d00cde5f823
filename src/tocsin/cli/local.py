"""The database of this machine, for its operator.

What stands behind it (SQLAlchemy, aiohttp) takes most of a second to import, so every command that needs it imports
it when it runs: asking for help stays quick. That is why imports stand inside the functions of this package.
"""

import contextlib
import getpass
import logging
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from tocsin import settings
from tocsin.kit.errors import Refused

if TYPE_CHECKING:
    from tocsin.app import App
    from tocsin.kit.actor import Actor

T = TypeVar("T")


class NotPrepared(Refused):
    """The database is not set up yet: run `tocsin migrate`, or start the server once."""


def change(command: Callable[[Any], T]) -> T:
    """Carry out a command in a unit of work, as whoever is logged in on this machine."""
    with prepared() as app:
        return app.database.run(operator(), command)


def take(command: Callable[[Any], T]) -> T:
    """Carry out what a message asks that proves by itself what it may."""
    from tocsin.kit.actor import SYSTEM

    with prepared() as app:
        return app.database.run(SYSTEM, command)


def look(question: Callable[[Any], T]) -> T:
    """Ask something of the database without changing it."""
    with prepared() as app, app.database.read(operator()) as tx:
        return question(tx)


@contextlib.contextmanager
def installation(*, begins: bool = False) -> Iterator["App"]:
    """The installation that the environment describes, as it is; closed when the block ends. Raises NotPrepared where
    there is none and this does not begin it."""
    from tocsin.app import App, is_begun
    from tocsin.kit.clock import SystemClock

    # Whoever types a command gets the error's sentence; its traceback is for the log of a server.
    logging.getLogger("tocsin").addHandler(logging.NullHandler())
    found = settings.read(os.environ)
    if not begins and not is_begun(found):
        raise NotPrepared
    app = App(found, SystemClock())
    try:
        yield app
    finally:
        app.database.dispose()


def operator() -> "Actor":
    from tocsin.people import access

    return access.local_operator(getpass.getuser())


@contextlib.contextmanager
def prepared() -> Iterator["App"]:
    """The same, if its database is set up. Raises NotPrepared."""
    with installation() as app:
        with app.database.read(operator()) as tx:
            ready = tx.connection.dialect.has_table(tx.connection, "plan_revision")
            if not ready:
                raise NotPrepared
            app.heed(tx)
        yield app
