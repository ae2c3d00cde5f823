"""A PostgreSQL that waits for its disk. The tests' server does not: their data is thrown away in any case."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import postgres

_DURABLE = "-c listen_addresses= -c max_connections=200"  # everything else as PostgreSQL ships it


@contextmanager
def durable_server() -> Iterator[None]:
    """Run the tests' server with PostgreSQL's own durability; `TEST_DATABASE_URL` names one to use as it is."""
    postgres.begin_run()
    try:
        server = postgres.server_url()
        if postgres.OWN_SERVER not in os.environ:
            _restart(Path(os.environ[postgres.RUN_FOLDER]))
        with psycopg.connect(server) as connection:
            (fsync,) = connection.execute("show fsync").fetchone() or ("",)
            if fsync != "on":
                raise RuntimeError("this PostgreSQL does not wait for its disk (fsync is off)")
        yield
    finally:
        postgres.end_run()
        postgres.server_url.cache_clear()


def _restart(folder: Path) -> None:
    wheel = postgres._Wheel(folder)
    data = str(wheel.data)
    wheel._run(
        "pg_ctl", "-D", data, "-m", "fast", "-w", "-o", f"{_DURABLE} -k '{data}'", "-l", f"{data}/log", "restart"
    )
