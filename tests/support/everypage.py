"""Every page that the application has, as its routes say, with what each needs in its address and shows on it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from litestar import Litestar
from sqlalchemy import select

from tests.support.found import index_all
from tests.support.inbox import decide_all
from tocsin.app import App
from tocsin.changes import commands as changing
from tocsin.changes.model import Report
from tocsin.comms.subscribers import commands as subscribing
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.events import commands as hooks
from tocsin.events import outbox as endpoints
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import commands as arranging
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import store as plans
from tocsin.response import commands, watching
from tocsin.review import commands as review_commands
from tocsin.signals import quarantine, silences, silencing
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.silencing import Silence

_PARAMETER = re.compile(r"\{(\w+):\w+\}")
OUTSIDE = ("/status",)  # answered before any route
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


def paths(rest: Litestar) -> list[str]:
    """What answers a GET out of the console and the public page; not the API and no files."""
    found = {route.path for route in rest.routes if "GET" in getattr(route, "methods", ()) and _is_page(route)}
    return sorted({*found, *OUTSIDE})


def _is_page(route: Any) -> bool:
    handlers = getattr(route, "route_handler_map", {})
    handler, _ = handlers.get("GET", (None, None))
    made = getattr(handler, "fn", None)
    return getattr(made, "func", made).__module__.startswith("tocsin.web") if made else False


def filled(path: str, known: Mapping[str, object]) -> str | None:
    """The path with its parameters; None if one of them is not known. A parameter may be known for one path alone."""
    missing = [name for name in _PARAMETER.findall(path) if f"{path} {name}" not in known and name not in known]
    if missing:
        return None
    return _PARAMETER.sub(lambda found: str(known.get(f"{path} {found[1]}", known.get(found[1]))), path)


def every(rest: Litestar, app: App) -> list[str]:
    """The address of each page, filled with things of this installation; but for what stands for nobody."""
    known = things(app)
    found = {path: filled(path, known) for path in paths(rest) if path not in OF_NOBODY}
    assert None not in found.values(), [path for path, address in found.items() if address is None]
    return [address for address in found.values() if address]


def things(app: App) -> Mapping[str, object]:
    with app.database.read(SYSTEM) as tx:
        incident_id = incidents.listing(tx)[-1].id
        probe = watching.everything(tx)[0]
        return {
            "incident_id": incident_id,
            "signal_id": signals.recent(tx)[-1].id,
            "guide": "grafana",
            "silence_id": "sil_0",
            "webhook_id": endpoints.listing(tx)[0].id,
            "/post-mortems/{name:str} name": incident_id,
            "/probes/{service:str}/{probe:str} service": probe.of,
            "/probes/{service:str}/{probe:str} probe": probe.name.partition("/")[2],
            "/incidents/{incident_id:str}/templates/{name:str} name": next(iter(plans.current(tx).templates)),
        }


def grow(app: App, numbers: range) -> None:
    """So many more of everything that a page shows."""
    run = app.database.run
    with app.database.read(SYSTEM) as tx:
        ana = access.person(people.load_person(tx, "ana"))
    for number in numbers:
        run(ana, partial(_one_more, number=number))
    with app.database.read(SYSTEM) as tx:
        oldest = incidents.listing(tx)[-1].id
    for number in numbers:
        run(ana, partial(_more_work, incident_id=oldest, number=number))
    arrivals = [Arrival(source="generic", key=f"k{number}", title=f"Replies {number} are late") for number in numbers]
    run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(one) for one in arrivals]))
    decide_all(app.database)
    run(SYSTEM, _hold_all)
    run(SYSTEM, _give_up_some)
    index_all(app.database)


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
    quarantine.keep(tx, source="x", sender="y", reason="z", body=b"{}")
    add_silence(tx, f"sil_{number}")
    starts_at = tx.now + timedelta(days=2 + number)
    rotation = next(iter(plans.current(tx).rotations))
    arranging.override(
        tx, rotation, "ben", starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), reason="a swap"
    )


def add_silence(tx: Tx, silence_id: str) -> None:
    span = {"starts_at": tx.now, "ends_at": tx.now + timedelta(hours=2), "made_at": tx.now}
    matchers = (silencing.read_matcher("host=db1"),)
    silences.add(tx, Silence(id=silence_id, matchers=matchers, because="a larger disk", made_by="ana", **span))


def _hold_all(tx: Tx) -> None:
    """One silence has held back whatever came."""
    silences.note_silenced(tx, {("sil_0", one.id): tx.now for one in signals.recent(tx)})


def _more_work(tx: Any, incident_id: str, number: int) -> None:
    """What makes one room long."""
    commands.note(tx, incident_id, f"Looked at replies {number}")
    commands.decide(tx, incident_id, f"Try {number}", "nothing else helps")
    commands.post_update(tx, incident_id, "internal", {"impact": "Some", "actions": "Looking", "next": "More"})


def _give_up_some(tx: Any) -> None:
    queued = select(outbox.table.c.id).where(outbox.table.c.state == "queued")
    tx.run(outbox.table.update().where(outbox.table.c.id.in_(queued)).values(state="dead", last_error="gone"))
