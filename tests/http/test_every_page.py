"""However much is stored, a page asks the database no more often: what it shows is read in sets."""

from collections.abc import Iterator

import pytest

from tests.support import everypage
from tests.support.counting import counted
from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin import main

FEW, MANY = 3, 30
MORE = ("/search?q=replies", "/search/found?q=repl", "/incidents?status=open&severity=P3", "/plan/coverage?sort=used")


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url, smtp_url="smtp://127.0.0.1:1") as one:
        yield one


def test_no_page_asks_the_database_more_often_as_its_rows_grow(here: Served) -> None:
    everypage.grow(here.app, range(FEW))
    paths = [*everypage.every(main.rest(here.app, main.Kept()), here.app), *MORE]
    few = {path: statements(here, path) for path in paths}
    everypage.grow(here.app, range(FEW, MANY))
    grew = {path: (count, now) for path, count in few.items() if (now := statements(here, path)) > count}
    assert grew == {}


def statements(here: Served, path: str) -> int:
    """How many statements one visit takes, once what may be remembered is."""
    ana = Visitor(here, "ana")
    assert ana.open(path).status == 200, path
    with counted() as asked:
        ana.open(path)
    return len(asked)
