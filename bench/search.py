"""Full text over ten thousand incidents with their timelines and post-mortems, and a million signals: how long the
server takes to answer."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from sqlalchemy import text

from bench import pages, stored
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.db import fulltext
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import stopwatch

INCIDENTS, SIGNALS = 10_000, 1_000_000
ASKED = 400
QUESTIONS = (
    "redis",
    "redi",
    "checkout hangs",
    '"out of memory"',
    '"certificate of the proxy"',
    "timeouts europe",
    "region 17 severity:P1",
    "kind:incident billing slow",
    "kind:post_mortem volume full",
    "worker",
    "#4711",
    "service:rose restarted after:2026-06-01",
    "nothing has this word",
    "po",
)
WORDS = ("redis", "checkout", "worker", "billing")  # what the floor asks for


def search() -> list[Measured]:
    return pages.on_both(_of)


def _of(url: str, database: str) -> list[Measured]:
    app, secret = stored.prepared(url, INCIDENTS, SIGNALS)
    began = stopwatch()
    stored.index_all(app.database)
    took = stopwatch() - began
    stored.tidy(app.database)
    with app.database.read(SYSTEM) as tx:
        passages = fulltext.count(tx)
    try:
        return list(_measured(app, secret, database, passages, took))
    finally:
        app.database.dispose()


def _measured(app: App, secret: str, database: str, passages: int, took: float) -> Iterator[Measured]:
    paths = [f"/search/found?q={question.replace(' ', '+').replace('#', '%23')}" for question in QUESTIONS]
    with pages.client(app, secret) as (get, _):
        for path in paths:
            pages.must_answer(get, path)
        taken = [pages.milliseconds(get, path) for path in islice(cycle(paths), ASKED)]
    yield Measured(
        name=f"search, {database}: 99 %",
        value=percentile(taken, 99),
        unit="ms",
        floor=percentile(_only_the_index(app), 99),
        target=80,
        less_is_better=True,
        about={"median_ms": percentile(taken, 50), "passages": passages, "indexed_a_second": passages / took},
    )


_OF_SIGNALS = {"sqlite": '"s={}"', "postgresql": "'s={}'"}


def _only_the_index(app: App) -> Sequence[float]:
    """The same database asked for one word of signals alone, with nothing read and nothing shown."""
    query = {
        "sqlite": "select rowid from passage_words where passage_words match :asked order by rowid desc limit 8",
        "postgresql": "select rowid from passage_words where words @@ cast(:asked as tsquery) "
        "order by rowid desc limit 8",
    }
    taken = []
    with app.database.read(SYSTEM) as tx:
        for word in islice(cycle(WORDS), ASKED):
            began = stopwatch()
            tx.all(text(query[tx.dialect]), {"asked": _OF_SIGNALS[tx.dialect].format(word)})
            taken.append((stopwatch() - began) * 1000)
    return taken
