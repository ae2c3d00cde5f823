"""A security incident from its first second until everybody may read it: paged, worked on, looked at, disclosed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.console import Console, console_of
from tests.support.ending import mend
from tests.support.world import QUIET, World
from tocsin.comms import store as comms
from tocsin.delivery import outbox
from tocsin.incidents import confidential
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    Disclosed,
    Escalated,
    GlassBroken,
    Incident,
    MadeConfidential,
    Paged,
    ResponderAdded,
    ResponderRemoved,
)
from tocsin.incidents.relation import Absorbed, Linked, Merged, Relation
from tocsin.kit.actor import SYSTEM
from tocsin.people import access, tokens
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Token
from tocsin.plan import commands as plan_commands
from tocsin.response import commands, doctor, relating, secrecy, working
from tocsin.response.discretion import AUDIENCE
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival

TITLE = "customer data breach in the vault"


@pytest.fixture
def console(database_url: str, world: World) -> Iterator[Console]:
    with console_of(world, database_url) as one:
        with world.database.work(SYSTEM) as tx:
            roles = {"ana": AccountRole.ADMINISTRATOR, "erin": AccountRole.VIEWER}
            for account in people.people(tx):
                people.change_person(tx, account.handle, role=roles.get(account.handle, AccountRole.RESPONDER))
        yield one


def breach(world: World) -> Incident:
    """A rule takes a signal for a breach: a P0, for which the plan calls in all hands."""
    world.arrive(Arrival(source="generic", key="vault", title=TITLE))
    found = world.read(incidents.listing)[0]
    assert (found.severity, found.type) == ("P0", "security")
    return found


def sees(console: Console, incident: Incident, handle: str) -> bool:
    """Whether a person sees it, wherever they look; there is nothing between everywhere and nowhere."""
    visitor = console.visitor(handle)
    seen = {visitor.open(f"/incidents/{incident.id}").status == 200}
    for page in ("/", "/incidents", "/signals", "/post-mortems", "/insights"):
        told = visitor.open(page).html
        if page != "/post-mortems" and page != "/insights":
            seen.add(TITLE in told)
        assert True in seen or TITLE not in told
    assert len(seen) == 1
    return seen.pop()


def test_a_breach_is_its_readers_from_the_first_page_until_it_is_disclosed(console: Console) -> None:
    world = console.world
    incident = breach(world)

    # All hands would be everybody: of a breach those are paged who read it, and the page says nothing of it.
    pages = world.expect_page("ben", "tomas")
    assert all(TITLE not in one.subject + one.body and confidential.HEADING in one.subject for one in pages)
    assert [sees(console, incident, one) for one in ("ben", "tomas", "ana", "lucia", "erin")] == [
        True,
        True,
        *[False] * 3,
    ]
    world.do(commands.acknowledge, incident.id, by="ben")
    world.do(commands.assign, incident.id, "incident_commander", "ben", by="ben")
    assert "Only Ben Halvorsen and Tomás Brandt can see" in console.room(incident).html

    # Somebody is brought in from the room, told, and reads from then on.
    assert console.press(incident, "add-responder", add__person="lucia", add__because=" ").status == 400
    console.press(incident, "add-responder", add__person="lucia", add__because="She answers the customers")
    (mail,) = world.expect_update(AUDIENCE, "lucia")
    assert TITLE not in mail.subject + mail.body and "customers" not in mail.body
    assert sees(console, incident, "lucia")
    (added,) = world.entries(incident.id, ResponderAdded)
    assert (added.person, added.because, added.by) == ("lucia", "She answers the customers", "ben")

    # An administrator who is no reader breaks the glass, on the record; others can't, and the readers are told.
    ana = console.visitor("ana")
    glass = {"glass__incident": f"#{incident.number}", "glass__because": "The police ask for it"}
    assert not console.visitor("tomas").open("/incidents").says("Break the glass")
    refused = ana.do("/incidents", "/incidents/break-glass", glass__incident="#77", glass__because="Is there one?")
    assert refused.status == 400 and refused.says("There is no incident number 77")
    assert ana.do("/incidents", "/incidents/break-glass", **{**glass, "glass__because": ""}).status == 400
    broken = ana.do("/incidents", "/incidents/break-glass", **glass)
    assert broken.status == 303 and ana.open(broken.onward).says(TITLE)
    (entry,) = world.entries(incident.id, GlassBroken)
    assert (entry.by, entry.because) == ("ana", "The police ask for it")
    world.settle()
    told = world.expect_update(AUDIENCE, "ben", "lucia", "tomas")
    assert all("Ana Okafor broke the glass" in one.subject and "police" not in one.body for one in told)
    assert console.room(incident).says("Ana Okafor broke the glass and reads until")
    world.look_away()
    world.sleep(hours=4)
    assert not sees(console, incident, "ana")

    # She is taken off again; whoever holds a role is not.
    assert console.press(incident, "remove-responder", remove__person="ben", remove__because="No").status == 409
    console.press(incident, "remove-responder", remove__person="lucia", remove__because="It is answered")
    (removed,) = world.entries(incident.id, ResponderRemoved)
    assert removed.person == "lucia" and not sees(console, incident, "lucia")

    # The plan keeps the type confidential; it was none, and is disclosed. Nothing is published by that.
    assert not any(one.action.endswith("/disclose") for one in console.room(incident).forms())
    console.press(incident, "type", type="service_outage", type__because="A test of ours, gone astray")
    assert not sees(console, incident, "lucia")
    console.press(incident, "disclose", disclose__because="Nothing was taken")
    assert [sees(console, incident, one) for one in ("ana", "lucia", "erin")] == [True] * 3
    (opened,) = world.entries(incident.id, Disclosed)
    assert opened.because == "Nothing was taken"
    assert console.room(incident).says("It is open: everybody who may read incidents reads it.")
    assert TITLE not in repr(world.read(comms.public_page))
    assert world.read(doctor.examine) == []
    world.overlook()


def test_an_open_incident_is_made_confidential_from_its_room(console: Console) -> None:
    world = console.world
    incident = world.declare(TITLE, severity="P3", type="data_loss", by="lucia")
    assert sees(console, incident, "erin")
    assert console.press(incident, "confidential", confidential__because=" ").status == 400
    assert not any(one.action.endswith("/confidential") for one in console.room(incident, "erin").forms())
    console.press(incident, "confidential", confidential__because="It may be a theft")
    assert [sees(console, incident, one) for one in ("lucia", "ben", "ana", "erin")] == [True, True, False, False]
    (entry,) = world.entries(incident.id, MadeConfidential)
    assert (entry.because, entry.by) == ("It may be a theft", "ben")
    # Whoever takes themself off does not come back to a room that is not there.
    leaving = console.press(incident, "remove-responder", remove__person="ben", remove__because="I know the suspect")
    assert leaving.onward == "/incidents?done=left"
    assert not sees(console, incident, "ben")
    world.overlook()


# ---- Who is paged ----------------------------------------------------------------------------------------------------


def test_a_step_that_names_no_reader_pages_those_of_the_type(world: World) -> None:
    world.arrive(Arrival(source="generic", key="vault", title="unauthorized access to the vault"))
    (incident,) = world.read(incidents.listing)
    assert incident.severity == "P1"  # its first step is whoever is on call, and that is Ana
    world.expect_page("ben", "tomas")
    assert "ana" not in world.incident(incident.id).responders
    world.do(commands.acknowledge, incident.id, by="tomas")


def test_a_page_goes_to_another_reader_where_nobody_of_the_step_can_be_reached(world: World) -> None:
    _reach_only(world, "tomas", "ana")
    incident = world.declare(TITLE, severity="P2", type="security", by="ana")
    world.expect_page("ana")
    world.do(secrecy.remove_responder, incident.id, "ana", "She is the suspect", by="ben")
    world.advance(minutes=30)
    world.expect_page("tomas")  # the commander on duty is Ben, whom nothing reaches
    world.do(commands.acknowledge, incident.id, by="tomas")


def test_a_page_is_never_lost_though_the_plan_names_no_reader(world: World) -> None:
    plan = QUIET.replace("    readers: [security]\n", "")
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, plan, "nobody reads", accept_large=True)
    incident = breach(world)
    world.expect_page("ben", "tomas")  # who may lead it
    assert sorted(world.incident(incident.id).responders) == ["ben", "tomas"]
    world.do(commands.acknowledge, incident.id, by="ben")


def test_who_was_paged_before_it_was_confidential_reads_and_nobody_is_added_by_a_raise(world: World) -> None:
    incident = world.declare(TITLE, severity="P2", type="data_loss", by="ben")
    world.expect_page("ana")
    world.do(secrecy.make_confidential, incident.id, "It may be a theft", by="ben")
    world.do(commands.change_severity, incident.id, "P0", "Much more than we thought", by="ben")
    world.expect_page("ana", "ben")  # not all hands
    paged = world.entries(incident.id, Paged)
    assert [set(one.people) for one in paged] == [{"ana"}, {"ana", "ben"}]
    assert not [one for one in world.entries(incident.id, Escalated) if one.step == -1]
    world.do(commands.acknowledge, incident.id, by="ben")


def _reach_only(world: World, *handles: str) -> None:
    with world.database.work(SYSTEM) as tx:
        for account in people.people(tx):
            email = f"{account.handle}@rose.example" if account.handle in handles else None
            people.change_person(tx, account.handle, email=email)


# ---- Other incidents -------------------------------------------------------------------------------------------------


def test_a_merge_into_a_secret_hides_the_duplicate_and_lets_in_who_worked_on_it(world: World) -> None:
    secret = breach(world)
    world.overlook()
    duplicate = world.declare("Odd logins", severity="P1", type="high_error_rate", by="lucia")
    world.advance(minutes=12)  # everybody of engineering has been paged by now
    world.overlook()
    assert {"ana", "ben", "tomas"} <= set(world.incident(duplicate.id).responders)
    with pytest.raises(relating.relating.WouldDisclose):
        world.do(relating.merge, secret.id, duplicate.id, "The same", by="ben")
    world.do(relating.merge, duplicate.id, secret.id, "The same intruder", by="ben")
    gone, stays = world.incident(duplicate.id), world.incident(secret.id)
    assert gone.confidential_at and "lucia" in stays.responders and "ana" not in stays.responders
    kinds = [type(one) for one in world.entries(duplicate.id)]
    assert kinds[-1] is Merged and MadeConfidential in kinds and world.entries(secret.id, Absorbed)
    (told,) = [one for one in world.mail.sent if one.audience == AUDIENCE]
    assert told.person == "lucia"
    assert "you are a responder now" in told.subject
    with world.database.read(world.actor("ana")) as tx:  # she was paged for the duplicate, and reads that alone
        seen = incidents.load(tx, duplicate.id)
        assert seen.merged_into == "" and secret.id not in repr(incidents.timeline(tx, duplicate.id))
        with pytest.raises(incidents.NoSuchIncident):
            incidents.load(tx, secret.id)
    world.do(commands.acknowledge, secret.id, by="ben")
    assert world.read(doctor.examine) == []
    world.overlook()


def test_a_page_of_a_duplicate_does_not_let_into_the_secret_that_took_it_in(world: World) -> None:
    duplicate = world.declare("Odd logins", severity="P1", type="high_error_rate", by="lucia")
    (page,) = world.expect_page("ana")
    secret = breach(world)
    world.expect_page("ben", "tomas")
    world.do(secrecy.add_responder, secret.id, "lucia", "It is hers", by="ben")
    world.do(relating.merge, duplicate.id, secret.id, "The same intruder", by="lucia")
    world.overlook()
    with pytest.raises(relating.lifecycle.MergedAway) as refused:
        world.database.run(SYSTEM, lambda tx: commands.acknowledge_page(tx, world.answer_link(page)))
    assert secret.id not in refused.value.message
    assert "ana" not in world.incident(secret.id).responders
    world.do(commands.acknowledge, secret.id, by="ben")


def test_two_secrets_that_are_merged_are_read_by_the_readers_of_both(world: World) -> None:
    one = world.declare("Odd logins", severity="P3", type="security", by="lucia")
    other = world.declare("Odd exports", severity="P3", type="security", by="tomas")
    world.do(secrecy.add_responder, one.id, "erin", "She signs", by="lucia")
    world.do(relating.merge, one.id, other.id, "The same intruder", by="ben")
    assert {"lucia", "erin", "ben", "tomas"} == set(world.incident(other.id).responders)
    world.overlook()


def test_only_the_record_of_the_secret_says_how_it_stands_to_an_open_incident(world: World) -> None:
    secret = breach(world)
    outage = world.declare("Voice hangs", severity="P3", type="service_outage", by="lucia")
    world.overlook()
    world.do(relating.link, outage.id, secret.id, Relation.CAUSED_BY, "They pulled the plug", by="ben")
    assert world.entries(outage.id, Linked) == []
    (linked,) = world.entries(secret.id, Linked)
    assert (linked.incident_id, linked.relation) == (outage.id, Relation.CAUSED)
    entries = world.incident(outage.id).entries
    world.do(relating.link, outage.id, secret.id, Relation.CAUSED_BY, "Twice is once", by="ben")
    world.do(relating.unlink, outage.id, secret.id, "They did not", by="ben")
    assert world.incident(outage.id).entries == entries and world.incident(secret.id).relations == {}
    part = world.do(
        relating.split, outage.id, title="Stolen key", severity="P3", type="security", because="A key is out", by="ben"
    )
    assert world.incident(outage.id).entries == entries and outage.id in world.incident(part.id).relations
    world.do(commands.acknowledge, secret.id, by="ben")


# ---- What leaves the house -------------------------------------------------------------------------------------------


def test_thanks_for_work_on_a_secret_are_read_in_its_room(world: World) -> None:
    incident = breach(world)
    world.overlook()
    world.do(commands.acknowledge, incident.id, by="tomas")
    world.do(mend, incident.id, "Changed the locks", by="ben")
    world.do(working.thank, incident.id, "Thank you for keeping the vault shut", by="ben")
    (mail,) = world.expect_update(working.TOLD, "tomas")
    assert "vault" not in mail.subject + mail.body and f"/incidents/{incident.id}" in mail.body
    world.do(secrecy.remove_responder, incident.id, "tomas", "He is the suspect", by="ben")
    world.do(working.thank, incident.id, "Thank you once more", by="ben")
    world.expect_silence()  # whoever was taken off hears no more of it
    other = world.declare("Voice hangs", severity="P3", type="service_outage", by="lucia")
    world.do(mend, other.id, "Restarted it", by="ben")
    world.do(wrap_up_thanks, other.id, by="ben")
    (mail,) = world.expect_update(working.TOLD, "lucia")
    assert "that was quick" in mail.body


def wrap_up_thanks(tx: object, incident_id: str) -> Incident:
    return working.thank(tx, incident_id, "Thank you, that was quick.")  # type: ignore[arg-type]


def test_nobody_but_readers_is_ever_written_to(world: World) -> None:
    incident = breach(world)
    world.advance(hours=3)  # reminders, overdue duties, page after page
    world.do(commands.acknowledge, incident.id, by="ben")
    found = world.read(outbox.for_incident, incident.id)
    assert len(found) > 20 and {one.person for one in found} == {"ben", "tomas"}
    assert not [one for one in found if TITLE in one.subject + one.body]
    # Ana is on call and would owe the answer; of a breach somebody owes it, and is reminded of it, who knows of it.
    assert any(one.audience == "reminder" and "Acknowledge" in one.body for one in found)
    world.overlook()


# ---- Signals ---------------------------------------------------------------------------------------------------------


def test_a_waiting_signal_of_a_secret_stays_hidden_when_it_is_dismissed(world: World) -> None:
    incident = breach(world)
    world.overlook()
    world.do(commands.acknowledge, incident.id, by="ben")
    (signal,) = world.read(signals.of_incident, incident.id)
    with world.database.work(SYSTEM) as tx:  # it fires again when all is over, and waits for somebody who knows
        signals.dispose(tx, signal, signals.Disposition.WAITING, "no rule fits", incident.id)
    world.do(commands.dismiss_signal, signal.id, "An exercise", by="ben")
    assert world.read(signals.load, signal.id).disposition is signals.Disposition.DISMISSED
    with world.database.read(world.actor("lucia")) as tx:
        assert signals.recent(tx) == []


# ---- Passing checks over ---------------------------------------------------------------------------------------------


def test_only_who_leads_or_may_waive_passes_the_checks_over(world: World) -> None:
    incident = world.declare("Voice hangs", severity="P3", type="service_outage", by="lucia")
    with pytest.raises(working.working.MayNotPassOver):
        world.do(commands.resolve, incident.id, "Restarted it", "The runner is down", by="lucia")
    world.do(commands.assign, incident.id, "incident_commander", "ben", by="lucia")
    with pytest.raises(working.working.MayNotPassOver):
        world.do(commands.resolve, incident.id, "Restarted it", "The runner is down", by="lucia")
    after = world.do(commands.resolve, incident.id, "Restarted it", "The runner is down", by="ben")
    assert after.is_resolved
    second = world.declare("Voice hangs again", severity="P3", type="service_outage", by="lucia")
    with world.database.work(SYSTEM) as tx:
        people.change_person(tx, "ana", role=AccountRole.ADMINISTRATOR)  # a person's token gives no more than they may
    program = access.bearer(_token(world, owner=None))
    with pytest.raises(working.working.MayNotPassOver):
        world.database.run(program, lambda tx: commands.resolve(tx, second.id, "x", "y"))
    person = access.bearer(_token(world, owner="ana"))
    assert world.database.run(person, lambda tx: commands.resolve(tx, second.id, "x", "The runner is down")).is_resolved
    world.overlook()


def _token(world: World, owner: str | None) -> Token:
    rights = frozenset({access.INCIDENT_WRITE, access.INCIDENT_READ, access.WAIVE})
    with world.database.work(SYSTEM) as tx:
        return tokens.add(tx, "works", rights, lasts=timedelta(days=1), owner=owner)[0]
