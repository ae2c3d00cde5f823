"""However much is stored, a page asks the database no more often: what it shows is read in sets."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from tests.support import everypage
from tests.support.counting import counted
from tests.support.found import index_all
from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin import main
from tocsin.changes import commands as changing
from tocsin.changes.model import Report
from tocsin.comms.subscribers import commands as subscribing
from tocsin.delivery import outbox
from tocsin.events import commands as hooks
from tocsin.events import outbox as endpoints
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import commands as arranging
from tocsin.people import commands as people_commands
from tocsin.people.model import AccountRole
from tocsin.plan import store as plans
from tocsin.response import commands
from tocsin.review import commands as review_commands
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival

FEW, MANY = 3, 30
OF_NOBODY = {  # secrets of single use, and what these stories do not write
    "/a/{token:str}",
    "/a/{token:str}/all",
    "/incidents/{incident_id:str}/drafts/{number:int}",
    "/oncall/handoffs/{handoff_id:str}",
    "/me/signin/confirmed",
    "/signin/code",
    "/signin/sso",
    "/signin/sso/again",
    "/signin/sso/back",
    "/signin/{secret:str}",
    "/status/subscribe/confirm/{token:str}",
    "/status/subscribe/leave/{token:str}",
    "/status/subscribe/manage/{token:str}",
}
MORE = ("/search?q=replies", "/search/found?q=repl", "/incidents?status=open&severity=P3", "/plan/coverage?sort=used")


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url, smtp_url="smtp://127.0.0.1:1") as one:
        yield one


def test_no_page_asks_the_database_more_often_as_its_rows_grow(here: Served) -> None:
    grow(here, range(FEW))
    paths = every_page(here)
    few = {path: statements(here, path) for path in paths}
    grow(here, range(FEW, MANY))
    grew = {path: (count, now) for path, count in few.items() if (now := statements(here, path)) > count}
    assert grew == {}


def every_page(here: Served) -> list[str]:
    known, paths = things(here), everypage.paths(main.rest(here.app, main.Kept()))
    found = {path: everypage.filled(path, known) for path in paths if path not in OF_NOBODY}
    assert None not in found.values(), [path for path, filled in found.items() if filled is None]
    return [*(one for one in found.values() if one), *MORE]


def things(here: Served) -> Mapping[str, object]:
    with here.app.database.read(SYSTEM) as tx:
        incident_id = incidents.listing(tx)[-1].id
        return {
            "incident_id": incident_id,
            "signal_id": signals.recent(tx)[-1].id,
            "webhook_id": endpoints.listing(tx)[0].id,
            "/post-mortems/{name:str} name": incident_id,
            "/incidents/{incident_id:str}/templates/{name:str} name": next(iter(plans.current(tx).templates)),
        }


def statements(here: Served, path: str) -> int:
    """How many statements one visit takes, once what may be remembered is."""
    ana = Visitor(here, "ana")
    assert ana.open(path).status == 200, path
    with counted() as asked:
        ana.open(path)
    return len(asked)


def grow(here: Served, numbers: range) -> None:
    """So many more of everything that a page shows."""
    run, ana = here.app.database.run, actor(here, "ana")
    for number in numbers:
        run(ana, partial(_one_more, number=number))
    with here.app.database.read(SYSTEM) as tx:
        oldest = incidents.listing(tx)[-1].id
    for number in numbers:
        run(ana, partial(_more_work, incident_id=oldest, number=number))
    arrivals = [Arrival(source="generic", key=f"k{number}", title=f"Replies {number} are late") for number in numbers]
    run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(one) for one in arrivals]))
    here.decide()
    run(SYSTEM, _give_up_some)
    index_all(here.app.database)


def _one_more(tx: Any, number: int) -> None:
    said = {"severity": "P3", "type": "service_outage", "service": "rose", "impact": "Some wait"}
    incident_id = commands.declare(tx, title=f"Replies hang {number}", **said).id
    section = next(iter(plans.current(tx).review.sections))
    review_commands.write_section(tx, incident_id, {section: "The replies hung."})
    changing.tell(tx, Report(what=f"Release {number}", source="api", service="rose"))
    people_commands.invite(tx, f"guest{number}", name="", email=f"g{number}@rose.example", role=AccountRole.VIEWER)
    people_commands.make_token(tx, f"token {number}", frozenset({"incidents:read"}), None)
    subscribing.enter(tx, [f"s{number}@users.example"], "they asked")
    hooks.make(tx, f"https://hooks.example/{number}", "", (), confidential=False)
    signals.keep_unreadable(tx, source="x", sender="y", reason="z", body=b"{}")
    starts_at = tx.now + timedelta(days=2 + number)
    rotation = next(iter(plans.current(tx).rotations))
    arranging.override(
        tx, rotation, "ben", starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), reason="a swap"
    )


def _more_work(tx: Any, incident_id: str, number: int) -> None:
    """What makes one room long."""
    commands.note(tx, incident_id, f"Looked at replies {number}")
    commands.decide(tx, incident_id, f"Try {number}", "nothing else helps")
    commands.post_update(tx, incident_id, "internal", {"impact": "Some", "actions": "Looking", "next": "More"})


def _give_up_some(tx: Any) -> None:
    queued = select(outbox.table.c.id).where(outbox.table.c.state == "queued")
    tx.run(outbox.table.update().where(outbox.table.c.id.in_(queued)).values(state="dead", last_error="gone"))
