"""Detection: the page is answered, what is known is put together, and the incident is declared."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.keeping import fell_due, kept
from tests.support.visitor import Page, Visitor
from tests.support.world import ONE_DATABASE, ROSE, World
from tocsin.changes import commands as changing
from tocsin.changes import store as changes
from tocsin.changes.model import Change, Kind, Report
from tocsin.incidents import sentences
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Acknowledged, Escalated, Incident, Paged
from tocsin.incidents.working import Estimate
from tocsin.kit.actor import SYSTEM
from tocsin.obligations.model import State
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import commands as plan_commands
from tocsin.rehearsal import rose
from tocsin.response import answers, commands, letters, secrecy, working
from tocsin.signals.model import Arrival, Trigger
from tocsin.signals.model import State as Firing


def pages(world: World, person: str) -> list[str]:
    """The answer links of the pages that this person was sent, oldest first."""
    sent = [one for one in world.mail.sent if one.audience == "page" and one.person == person]
    return [f"/a/{world.answer_link(one)}" for one in sent]


def test_det_02_the_link_in_a_page_is_answered_without_signing_in(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(minutes=4)
    telephone = Visitor(console.here)  # nobody is signed in on it
    (address,) = pages(world, "ana")
    asked = telephone.open(address)
    assert asked.status == 200 and asked.says("Acknowledge as Ana Okafor")
    assert world.incident(incident.id).acknowledged_at is None  # mail programs open links; that answers nothing
    assert telephone.send(address, {}).status in (200, 303)
    world.settle()
    found = world.incident(incident.id)
    assert (found.acknowledged_by, found.acknowledged_at) == ("ana", world.clock.now())
    assert kept(world, incident, "acknowledge") and kept(world, incident, "answer:0")
    world.advance(minutes=10)
    assert pages(world, "ben") == [] and world.entries(incident.id, Escalated) == []


def test_det_02_a_page_that_nobody_answers_in_five_minutes_goes_on_to_others(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(minutes=5)
    assert world.ended(incident.id, "answer:0") == [State.MISSED]
    assert len(pages(world, "ben")) == 1
    assert console.room(incident).says("Step 1 went unanswered") or console.room(incident).says("escalated")
    (escalated,) = world.entries(incident.id, Escalated)
    assert escalated.at - incident.declared_at == timedelta(minutes=5)


@pytest.mark.parametrize("through", ["console", "api"])
def test_det_02_it_can_be_answered_in_the_room_and_by_a_program(console: Console, through: str) -> None:
    world = console.world
    incident = world.declare(severity="P0")
    if through == "console":
        assert console.press(incident, "acknowledge").status == 303
    else:
        address = f"/api/v1/incidents/{incident.id}/acknowledge"
        answer = console.here.post(address, headers=console.here.bearer("incidents:write", "incidents:read"))
        assert answer.status_code in (200, 201, 204), answer.text
    world.settle()
    assert kept(world, incident, "acknowledge")
    (said,) = world.entries(incident.id, Acknowledged)
    assert "acknowledged" in sentences.sentence(world.plan(), said)
    assert "acknowledge" not in fell_due(world, incident)


def test_det_02_a_text_message_is_answered_by_replying_to_it(console: Console) -> None:
    world = console.world
    with world.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", Channel.SMS, "+4917012345", verified=True)
    incident = world.declare(severity="P1")
    world.advance(minutes=4)
    assert "acknowledged by you" in world.do(answers.answer_text, "+4917012345", "ack")
    (answer,) = world.entries(incident.id, Acknowledged)
    assert (answer.by, answer.through) == ("ana", "sms")
    assert kept(world, incident, "acknowledge") and kept(world, incident, "answer:0")


def test_det_02_a_page_is_kept_with_what_became_of_it(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(seconds=40)
    Visitor(console.here).open(pages(world, "ana")[0])
    world.advance(minutes=1)
    Visitor(console.here).send(pages(world, "ana")[0], {})
    (page,) = world.read(letters.pages_of, incident.id)
    (letter,) = page.letters
    steps = [(one.kind, (one.at - page.paged_at).total_seconds()) for one in letter.receipts]
    assert steps == [("sent", 0), ("opened", 40), ("answered", 100)]


def test_det_04_nothing_is_declared_without_a_severity(console: Console) -> None:
    answer = console.visitor("ben").do("/declare", "/declare", title="Voice hangs", type="service_outage")
    assert answer.status == 400 and 'href="#severity"' in answer.html


def test_det_04_a_declaration_has_its_ticket_at_once(console: Console) -> None:
    ben = console.visitor("ben")
    answer = ben.do("/declare", "/declare", title="Voice hangs", severity="P1", type="service_outage", service="rose")
    assert answer.status == 303
    console.world.settle()
    incident = console.world.incident()
    assert (incident.severity, incident.severity_by, incident.declared_by) == ("P1", "ben", "ben")
    ticket = ben.open(f"/incidents/{incident.id}/ticket")
    for said in (f"Incident {incident.number}: Voice hangs", "P1", "Service outage", "Root cause", "Action items"):
        assert ticket.says(said)


def test_det_04_a_signal_is_given_its_severity_too(console: Console) -> None:
    console.world.arrive(Arrival(source="generic", key="down", title="Rose is completely down"))
    incident = console.world.incident()
    assert incident.severity == "P0"
    assert console.visitor("ben").open(f"/incidents/{incident.id}/ticket").says("Rose is completely down")


def test_det_04_the_commander_is_called_to_a_p0_at_once(busy: World) -> None:
    busy.declare(severity="P0")
    assert len(pages(busy, "ben")) == 1  # who commands this week


def test_det_04_the_commander_is_called_to_a_p1_that_nobody_answers(busy: World) -> None:
    busy.declare(severity="P1")
    assert pages(busy, "ben") == []
    busy.advance(minutes=5)
    assert len(pages(busy, "ben")) == 1


@pytest.mark.parametrize("level", ["P2", "P3"])
def test_det_04_no_commander_is_called_to_lesser_trouble_that_is_answered(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    busy.do(commands.acknowledge, incident.id)
    busy.advance(hours=2)
    assert pages(busy, "ben") == []


# ---- DET-03: what is known before anybody asks ----

GROQ_OUT = rose.Switches(mode=rose.Mode.DEGRADED, components=frozenset({rose.Component.GROQ}))


def told(world: World, what: str, ago: timedelta = timedelta(0), **about: Any) -> Change:
    report = Report(what=what, at=world.clock.now() - ago, source="api", **{"service": "rose", **about})
    return world.do(changing.tell, report)


def part(page: Page, title: str) -> str:
    """What the room's first assessment says under one of its headings."""
    panel = unescape(page.html).split('id="assessment"')[1].split("</section>")[0]
    return panel.split(f'<h3 class="label">{title}</h3>')[1].split("</ul>")[0]


def assessed(console: Console, incident: Incident, *rights: str) -> Any:
    address = f"/api/v1/incidents/{incident.id}/assessment"
    return console.here.get(address, headers=console.here.bearer("incidents:read", *rights)).json()


def broken(world: World) -> Incident:
    """Rose has lost Groq, a quarter of an hour after she was deployed, and the probe has seen it."""
    told(world, "Version 41 of Rose", kind=Kind.DEPLOYMENT, place="production", by="ben")
    world.watch_rose()
    world.advance(minutes=15)
    world.switches = GROQ_OUT
    world.advance(seconds=30)
    return world.incident()


def test_det_03_whoever_is_woken_reads_what_is_known(busy: World) -> None:
    earlier = busy.declare("Groq is away", type="external_api_failure", components=("voice",))
    busy.do(working.choose, earlier.id, "external_recovery", "only they can end it")
    busy.do(mend, earlier.id, "Groq came back by itself")
    busy.advance(minutes=30)
    busy.overlook()
    told(busy, "Version 41 of Rose", kind=Kind.DEPLOYMENT, place="production", by="ben")
    busy.watch_rose()
    busy.advance(minutes=15)
    busy.switches = GROQ_OUT
    busy.advance(seconds=30)
    (page,) = busy.expect_page("ana")
    said = page.body.split("What is known without anybody asking:")[1]
    assert "- Rose health: degraded: 200 with status" in said and "groq disconnected" in said
    assert "- 15 min before it began: deployment, Version 41 of Rose (Rose, production, by Ben Halvorsen)" in said
    assert "- Groq: in trouble (a signal of probe that fires: " in said
    assert "- Qdrant: no trouble known (the health report of Rose calls it connected)" in said
    assert "- Railway: not looked at (no signal, no open incident and no probe speaks of it)" in said
    assert "- unknown (nobody has assessed it, no signal of it counts users, and the plan gives no number" in said
    assert f"- #{earlier.number} P1 Groq is away" in said
    assert "same type and service, also voice" in said
    assert "Recovery of an outside service: Groq came back by itself." in said
    assert page.body.index("/a/") < page.body.index("What is known")  # first how to answer
    first = busy.plan().types["external_api_failure"].actions[0].do
    assert f"First actions:\n1. {first}\n2. " in page.body


def test_det_03_vendors_of_whom_nothing_is_known_share_a_line(busy: World) -> None:
    busy.declare()
    (page,) = busy.expect_page("ana")
    assert "Vendors:\n- Railway, Groq, ElevenLabs and Qdrant: not looked at\n" in page.body


@ONE_DATABASE
def test_det_03_the_room_shows_it_before_anybody_wrote_a_word(console: Console) -> None:
    incident = broken(console.world)
    page = console.room(incident)
    assert "groq disconnected" in part(page, "Service") and 'data-state="missed"' in part(page, "Service")
    assert "15 min before it began: deployment, Version 41 of Rose" in part(page, "Recent changes").lower().replace(
        "version 41 of rose", "Version 41 of Rose"
    )
    assert "Railway: not looked at" in part(page, "Vendors") and "https://status.railway.com" in part(page, "Vendors")
    assert "unknown" in part(page, "Users affected")
    assert "None on the record" in part(page, "Like it before")


@ONE_DATABASE
def test_det_03_programs_read_the_same(console: Console) -> None:
    incident = broken(console.world)
    found = assessed(console, incident)
    look, *measures = found["looks"]
    assert [one["probe"] for one in measures] == ["rose/voice_errors", "rose/voice_latency", "rose/app", "rose/voice"]
    assert (look["how"], look["states"]["groq"], look["states"]["qdrant"]) == ("trouble", "disconnected", "connected")
    (change,) = found["changes"]
    assert (change["when"], change["change"]["what"]) == ("15 min before it began", "Version 41 of Rose")
    vendors = {one["key"]: one["how"] for one in found["vendors"]}
    assert vendors == {"railway": "not_looked_at", "groq": "trouble", "elevenlabs": "well", "qdrant": "well"}
    assert (found["users"]["said"], found["users"]["source"], found["similar"]) == ("unknown", "nobody", [])
    assert "Recent changes:" in found["text"]


def test_det_03_a_vendor_in_trouble_is_known_by_a_signal_or_an_open_incident_that_names_it(console: Console) -> None:
    world = console.world
    notice = Arrival(source="generic", key="railway", title="Railway: degraded builds", labels={"vendor": "railway"})
    world.arrive(replace(notice, trigger=Trigger.EXTERNAL_NOTICE))
    world.declare("ElevenLabs refuses every call", type="external_api_failure", severity="P2")
    incident = world.declare("Voice replies hang", type="performance_degradation")
    found = {one["key"]: one for one in assessed(console, incident)["vendors"]}
    assert found["railway"]["because"] == "a signal of generic that fires: Railway: degraded builds"
    assert "which is open: ElevenLabs refuses every call" in found["elevenlabs"]["because"]
    assert found["groq"]["how"] == found["qdrant"]["how"] == "not_looked_at"
    world.arrive(replace(notice, state=Firing.RESOLVED))
    again = {one["key"]: one["how"] for one in assessed(console, incident)["vendors"]}
    assert again["railway"] == "trouble"  # the incident that the notice declared is still open
    notified = next(one for one in world.read(incidents.listing) if "Railway" in one.title)
    world.do(mend, notified.id)
    again = {one["key"]: one["how"] for one in assessed(console, incident)["vendors"]}
    assert again["railway"] == "not_looked_at"


def test_det_03_users_are_counted_by_people_then_by_signals_then_by_the_plan_and_never_invented(
    console: Console,
) -> None:
    world = console.world
    labels = {"type": "high_error_rate", "users_affected": "1,200"}
    world.arrive(Arrival(source="generic", key="e1", title="Errors", severity="critical", labels=labels))
    incident = world.incident()
    assert "- 1,200 users (as a signal of generic counts: Errors)" in world.mail.sent[-1].body
    users = assessed(console, incident)["users"]
    assert (users["said"], users["source"]) == ("1,200 users", "signal")
    world.do(working.assess, incident.id, Estimate(percent=40.0, source="Grafana"), by="ben")
    users = assessed(console, incident)["users"]
    assert (users["said"], users["because"]) == ("40 % of users (Grafana)", "as Ben Halvorsen assessed it")
    counted = ROSE.replace("    depends_on: [railway]\n", "    depends_on: [railway]\n    users: 400\n", 1)
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, counted, "somebody counted")
    other = world.declare("Voice replies hang")
    assert assessed(console, other)["users"]["said"] == "up to 400 users"


def test_det_03_what_was_like_it_is_told_to_those_alone_who_may_read_it(console: Console) -> None:
    world = console.world
    secret = world.declare("Groq leaked a key", type="external_api_failure", by="ben")
    world.do(secrecy.make_confidential, secret.id, "it names a customer", by="ben")
    world.do(mend, secret.id, by="ben")
    world.overlook()
    incident = world.declare("Groq is away", type="external_api_failure", by="ben", severity="P0")
    for page in world.expect_page("ana", "ben", "erin", "lucia", "tomas"):
        assert "leaked" not in page.body  # ben may read it; a mail lies open in many places
    assert "leaked a key" in part(console.room(incident, "ben"), "Like it before")
    assert "leaked" not in console.room(incident, "erin").html
    assert [one["title"] for one in assessed(console, incident)["similar"]] == []
    hidden = assessed(console, incident, "incidents:confidential")["similar"]
    assert [one["title"] for one in hidden] == ["Groq leaked a key"]


@pytest.mark.parametrize("way", ["page", "api", "pagerduty"])
def test_det_03_a_change_is_told_by_people_and_programs_alike(console: Console, way: str) -> None:
    world, here = console.world, console.here
    if way == "page":
        form = {"what": "Version 41", "kind": "deployment", "service": "rose", "place": "production"}
        assert console.visitor("ben").do("/changes", "/changes", **form).status == 303
    elif way == "api":
        body = {"what": "Version 41", "kind": "deployment", "service": "rose", "key": "run-41", "place": "production"}
        for _ in range(2):  # a step of a pipeline that is run again
            answer = here.post("/api/v1/changes", json=body, headers=here.bearer("signals:write"))
            assert answer.status_code == 201, answer.text
    else:
        details = {"kind": "Deployment", "author": "ben"}
        payload = {"summary": "Version 41", "source": "Rose", "custom_details": details}
        answer = here.post("/v2/change/enqueue", json={"routing_key": here.token("signals:write"), "payload": payload})
        assert (answer.status_code, answer.json()["status"]) == (202, "success")
    world.clock.advance_to(world.clock.now() + timedelta(minutes=12))
    incident = world.declare()
    (near,) = assessed(console, incident)["changes"]
    assert near["when"] == "12 min before it began"
    assert (near["change"]["kind"], near["change"]["service"]) == ("deployment", "rose")
    listed = console.visitor("erin").open("/changes")
    assert listed.says("Version 41") and listed.says("Deployment, told by")
    assert world.entries(incident.id, Paged)  # the incident paged somebody; the change by itself did not
    assert [one.audience for one in world.mail.sent] == ["page"]


def test_det_03_what_was_changed_long_before_or_elsewhere_is_not_near(console: Console) -> None:
    world = console.world
    told(world, "Last week", timedelta(hours=25))
    told(world, "Yesterday", timedelta(hours=23))
    told(world, "The hosting", timedelta(hours=1), service=None, place="railway")
    incident = world.declare()
    world.clock.advance_to(world.clock.now() + timedelta(minutes=3))
    told(world, "Rolled back", kind=Kind.FLAG)
    near = [(one["change"]["what"], one["when"]) for one in assessed(console, incident)["changes"]]
    assert near == [
        ("Rolled back", "3 min after it began"),
        ("The hosting", "1 h before it began"),
        ("Yesterday", "23 h before it began"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"what": " "}, "Say what was changed"),
        ({"what": "x", "service": "rosa"}, "The plan has no service called 'rosa'; it has rose"),
        ({"what": "x", "at": "2026-11-25T00:00:00Z"}, "once it is made"),
        ({"what": "x", "link": "javascript:alert(1)"}, "link"),
    ],
)
def test_det_03_a_change_that_cannot_be_meant_is_refused(console: Console, body: dict[str, str], said: str) -> None:
    answer = console.here.post("/api/v1/changes", json=body, headers=console.here.bearer("signals:write"))
    assert answer.status_code == 400 and said in answer.text
    assert console.world.read(changes.listing) == []
    reader = console.here.bearer("incidents:read")
    assert console.here.post("/api/v1/changes", json={"what": "x"}, headers=reader).status_code == 403
