"""When a token was last used: told wherever tokens are listed, and written so seldom that reads stay reads."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.counting import counted
from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.people import tokens


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def later(here: Served, **span: float) -> None:
    here.clock.advance_to(here.clock.now() + timedelta(**span))


def listed(here: Served, name: str) -> Any:
    """The token as the API tells of it."""
    found = here.get("/api/v1/tokens", headers=here.bearer("people:write", name="looks")).json()["tokens"]
    return next(one for one in found if one["name"] == name)


def kept(here: Served, name: str) -> Any:
    with here.app.database.read(SYSTEM) as tx:
        return next(one.used_at for one in tokens.listed(tx) if one.name == name)


def signal(here: Served, headers: dict[str, str]) -> None:
    body = {"title": "Memory is down", "key": "memory"}
    answer = here.post("/api/v1/signals", json=body, headers=headers)
    assert answer.status_code < 300, answer.text


def test_each_list_of_tokens_says_when_one_was_last_used(here: Served) -> None:
    headers = here.bearer("plan:read", name="reader")
    assert listed(here, "reader")["used_at"] is None
    ana = Visitor(here, "ana")
    assert ana.open("/tokens").says("not yet")
    here.get("/api/v1/plan", headers=headers)
    assert listed(here, "reader")["used_at"].startswith("2026-11-24T03:34:19")
    later(here, hours=5)
    here.get("/oncall/now.json", headers=headers)
    assert listed(here, "reader")["used_at"].startswith("2026-11-24T08:34:19")
    assert ana.open("/tokens").says("08:34")


def test_a_token_that_opens_nothing_was_not_used(here: Served) -> None:
    headers = here.bearer("plan:read", name="reader")
    with here.app.database.work(SYSTEM) as tx:
        tokens.revoke(tx, tokens.listed(tx)[0].id)
    assert here.get("/api/v1/plan", headers=headers).status_code == 401
    assert listed(here, "reader")["used_at"] is None


def test_reading_with_a_token_writes_nothing_until_the_minute_is_over(here: Served) -> None:
    headers = here.bearer("plan:read", name="reader")
    with counted() as asked:
        for _ in range(20):
            here.get("/api/v1/plan", headers=headers)
    assert asked and not [one for one in asked if not one.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA"))]
    assert kept(here, "reader") is None
    with counted() as asked:
        here.app.keep_gathered()
        here.app.keep_gathered()
    assert len([one for one in asked if one.startswith("UPDATE token")]) == 1
    assert kept(here, "reader") == here.clock.now()


def test_a_busy_sender_is_noted_while_its_token_is_remembered(here: Served) -> None:
    headers = here.bearer("signals:write", name="monitor")
    signal(here, headers)
    later(here, seconds=3)
    signal(here, headers)
    assert listed(here, "monitor")["used_at"].startswith("2026-11-24T03:34:22")


def test_what_can_not_be_kept_now_is_kept_with_what_follows(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        made, _ = tokens.add(tx, "reader", frozenset({"plan:read"}), lasts=None)
    here.app.token_uses.note(made.id, here.clock.now())
    gathered = here.app.token_uses.take()
    later(here, seconds=9)
    here.app.token_uses.note(made.id, here.clock.now())
    here.app.token_uses.put_back(gathered)
    here.app.keep_gathered()
    assert kept(here, "reader") == here.clock.now()
