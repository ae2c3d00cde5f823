"""What one connection pool has compiled another need not."""

from sqlalchemy import Select, select

from tocsin.db import compiled, settings
from tocsin.db.engine import Database
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock


def test_databases_of_one_kind_share_what_they_have_compiled(database_url: str, clock: ManualClock) -> None:
    one, other = Database(database_url, clock), Database(database_url, clock)
    before = len(compiled.statements)
    with one.read(SYSTEM) as tx:
        tx.all(_asking("a"))
    assert len(compiled.statements) == before + 1
    with other.read(SYSTEM) as tx:
        assert tx.all(_asking("b")) == []
    with other.work(SYSTEM) as tx:
        settings.write(tx, "c", "found")
        assert [row.found_by_this_test for row in tx.all(_asking("c"))] == ["found"]
        settings_written = len(compiled.statements)
    with one.work(SYSTEM) as tx:
        settings.write(tx, "c", "again")
    assert len(compiled.statements) == settings_written
    one.dispose()
    other.dispose()


def _asking(key: str) -> Select[tuple[str]]:
    return select(settings.table.c.value.label("found_by_this_test")).where(settings.table.c.key == key)
