"""Some days of an installation, and a bad night: what the pictures of its pages show."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

from tocsin.app import App
from tocsin.changes import commands as changes
from tocsin.changes.model import Kind, Report
from tocsin.comms.subscribers import commands as subscribers
from tocsin.events import commands as events
from tocsin.incidents.model import Incident
from tocsin.incidents.work import Verdict
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock, SystemClock
from tocsin.oncall import commands as oncall
from tocsin.people import access
from tocsin.people import store as people
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Stage
from tocsin.response import commands, intake, tick, working
from tocsin.review import commands as review
from tocsin.settings import Settings
from tocsin.signals import commands as silences
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.model import State as Signal
from tocsin.signals.silencing import read_matcher


@dataclass(frozen=True)
class Story:
    """Incidents by where they are in their lives."""

    worst: str
    second: str
    resolved: str
    closed: str


def told(database_url: str, rose_port: int) -> Story:
    clock = ManualClock(SystemClock().now() - timedelta(days=6))
    app = App(Settings(database_url=database_url), clock)
    app.prepare()
    plan = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
    with app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, plan.replace(":8801", f":{rose_port}"), "Rose stands elsewhere today")
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=f"{account.handle}@rose.example")
    old = _closed(app, clock)
    clock.advance_to(SystemClock().now() - timedelta(hours=4))
    resolved = _resolved(app, clock)
    clock.advance_to(SystemClock().now() - timedelta(minutes=38))
    worst = _open(app, "P0", "data_loss", "Memories of yesterday are gone")
    clock.advance_to(SystemClock().now() - timedelta(minutes=21))
    second = _open(app, "P1", "external_api_failure", "Voice replies hang")
    _work(app, worst)
    _around(app, clock)
    _heard(app)
    app.database.dispose()
    return Story(worst=worst.id, second=second.id, resolved=resolved.id, closed=old.id)


def _do(app: App, handle: str, command: Callable[..., Incident], *arguments: Any, **named: Any) -> Incident:
    with app.database.read(SYSTEM) as tx:
        actor = access.person(people.load_person(tx, handle))
    return app.database.run(actor, lambda tx: command(tx, *arguments, **named))


def _open(app: App, severity: str, kind: str, title: str) -> Incident:
    return _do(app, "ana", commands.declare, title=title, severity=severity, type=kind, service="rose")


def _let_pass(app: App, clock: ManualClock, hours: float) -> None:
    """Time goes by, and what falls due in it is settled."""
    until = clock.now() + timedelta(hours=hours)
    while clock.now() < until:
        clock.advance_to(min(until, clock.now() + timedelta(minutes=10)))
        app.database.run(SYSTEM, tick.settle_due)


def _fixed(app: App, clock: ManualClock, incident: Incident) -> None:
    _do(app, "ben", commands.assign, incident.id, "incident_commander", "ben")
    _let_pass(app, clock, 0.5)
    _do(app, "ana", working.find, incident.id, "The cache of sessions was full.", Verdict.ROOT_CAUSE, "graph of 03:10")
    _do(app, "ben", commands.mitigate, incident.id, "Half of the traffic goes to the other region.")
    _do(app, "ben", commands.resolve, incident.id, "The cache is twice as large.", "It was seen to work.")


def _closed(app: App, clock: ManualClock) -> Incident:
    incident = _open(app, "P2", "performance_degradation", "Replies are slow in the evening")
    _fixed(app, clock, incident)
    _let_pass(app, clock, 30)
    return incident


def _resolved(app: App, clock: ManualClock) -> Incident:
    incident = _open(app, "P1", "service_outage", "Nobody can start a session")
    _fixed(app, clock, incident)
    _let_pass(app, clock, 1.5)
    texts = {"summary": "For forty minutes nobody could start a session.", "lessons": "Watch how full the cache is."}
    app.database.run(SYSTEM, lambda tx: review.write_section(tx, incident.id, texts))
    _do(app, "ben", commands.schedule_review, incident.id, clock.now() + timedelta(hours=30))
    return incident


def _work(app: App, incident: Incident) -> None:
    _do(app, "ana", commands.assign, incident.id, "technical_lead", "ana")
    _do(app, "lucia", commands.assign, incident.id, "communications_lead", "lucia")
    _do(app, "ana", commands.note, incident.id, "The last snapshot is of 22:40.")
    fields = {"issue": "memories", "impact": "What was said yesterday is not known today.", "eta": "an hour"}
    _do(
        app,
        "lucia",
        commands.post_update,
        incident.id,
        "public",
        {**fields, "cause": "a full disk"},
        Stage.INVESTIGATING,
    )
    because = "The copy is whole, and an hour old."
    _do(app, "ben", commands.decide, incident.id, "Restore from the copy", because=because)
    _do(app, "ana", working.find, incident.id, "The disk is not the cause.", Verdict.RULED_OUT, "df on both machines")


def _around(app: App, clock: ManualClock) -> None:
    """What stands beside incidents."""
    now = clock.now()
    wanted = silences.Wanted(
        matchers=(read_matcher("alertname=DiskFull"),), ends_at=now + timedelta(hours=5), because="New disk"
    )
    planned = silences.Wanted(
        service="rose",
        title="Database upgrade",
        text="Rose may be slow.",
        starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=1, hours=2),
        because="Version 18",
    )
    for one in (wanted, planned):
        app.database.run(SYSTEM, lambda tx, one=one: silences.silence(tx, one, accept_worst=True))
    app.database.run(SYSTEM, lambda tx: subscribers.enter(tx, ["ada@example.org", "bo@example.org"], "asked by mail"))
    change = Report(
        what="MEMORY_TOP_K 3 to 8",
        service="rose",
        kind=Kind.CONFIGURATION,
        source="person",
        at=now - timedelta(hours=1),
    )
    app.database.run(SYSTEM, lambda tx: changes.tell(tx, change))
    hook = "https://hooks.example.org/tocsin"
    app.database.run(SYSTEM, lambda tx: events.disable(tx, events.make(tx, hook, "Board", (), confidential=False).id))
    span = {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=2, hours=8)}
    with app.database.read(SYSTEM) as tx:
        rotation = next(iter(plans.current(tx).rotations))
    app.database.run(SYSTEM, lambda tx: oncall.override(tx, rotation, "tomas", reason="A wedding", **span))


def _heard(app: App) -> None:
    """What reached us: whether a probe sees something as well is the business of the machine that this runs on."""
    disk = {"alertname": "DiskFull", "host": "db1"}
    said = (
        Arrival(source="generic", key="queue", title="The queue of replies is longer than usual"),
        Arrival(source="generic", key="disk", title="The disk of db1 is nearly full", labels=disk, severity="warning"),
        Arrival(source="generic", key="login", title="Sign-ins fail for some", severity="critical"),
        Arrival(source="generic", key="queue", title="The queue of replies is as usual", state=Signal.RESOLVED),
    )
    for one in said:
        app.database.run(SYSTEM, lambda tx, one=one: signals.accept(tx, [signals.encode(one)]))
    while intake.decide_some(app.database):
        pass
