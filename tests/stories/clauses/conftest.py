"""Each clause of the written plan, driven through the whole system; the pages stand on the same database."""

from collections.abc import Iterator

import pytest

from tests.support.console import Console, console_of
from tests.support.smtp import SmtpSink
from tests.support.subscribed import Readers
from tests.support.world import World


@pytest.fixture
def console(busy: World, database_url: str) -> Iterator[Console]:
    """The console of the world of this test."""
    with console_of(busy, database_url) as one:
        yield one


@pytest.fixture
def readers(busy: World) -> Iterator[Readers]:
    """Users who subscribed to the status page of the world of this test."""
    with SmtpSink() as sink:
        yield Readers(busy.database, sink)
