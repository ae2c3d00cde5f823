"""The room's forms for the work: findings, impact, the way out, its proof, checklists, and other incidents."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ending import mend, see_all_pass, wrap_up
from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Decided, Incident, Resolved, Status
from tocsin.incidents.relation import Linked, Merged, Relation, SplitFrom, Unlinked
from tocsin.incidents.work import Deployed, Found, ImpactAssessed, ItemTicked, ItemUnticked, StrategyChosen, Verified
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.web.verbs import RELATING, WORK


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def ben(here: Served) -> Visitor:
    return Visitor(here, "ben")


def declare(here: Served, title: str = "Memory is down", **about: str) -> str:
    words: dict[str, Any] = {"severity": "P1", "type": "service_outage", **about}
    made = here.app.database.run(actor(here, "ana"), lambda tx: commands.declare(tx, title=title, **words))
    return f"/incidents/{made.id}"


@pytest.fixture
def room(here: Served) -> str:
    return declare(here)


def record(here: Served, room: str) -> Incident:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, room.rsplit("/", 1)[-1])


def last(here: Served, room: str) -> AnyEntry:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.timeline(tx, room.rsplit("/", 1)[-1])[-1].entry


# ---- What is known ---------------------------------------------------------------------------------------------------


def test_a_finding_is_recorded_shown_and_replaced(here: Served, ben: Visitor, room: str) -> None:
    link = "https://graphs.example.org/7"
    typed = {"finding__text": "The disk is full", "finding__verdict": "root_cause", "finding__evidence": link}
    assert ben.do(room, f"{room}/finding", **typed).onward == f"{room}?done=found#work"
    entry = last(here, room)
    assert isinstance(entry, Found) and (entry.by, entry.verdict, entry.evidence) == ("ben", "root_cause", link)
    page = ben.open(room)
    assert page.says("Root cause:")
    assert f'<a href="{link}" rel="noreferrer noopener">evidence</a>' in page.html
    number = str(record(here, room).entries)
    again = {"finding__text": "It was not", "finding__verdict": "ruled_out", "finding__revises": number}
    ben.do(room, f"{room}/finding", **again)
    page = ben.open(room)
    assert page.says("Ruled out:") and not page.says("Root cause:")
    empty = ben.do(room, f"{room}/finding", finding__text=" ", finding__evidence="df")
    assert empty.status == 400 and 'href="#finding-text"' in empty.html
    assert empty.form(f"{room}/finding").fields["finding.evidence"] == ["df"]


def test_the_impact_is_assessed_with_its_source(here: Served, ben: Visitor, room: str) -> None:
    refused = ben.do(room, f"{room}/impact", impact__users="120")
    assert refused.status == 400 and 'href="#impact-source"' in refused.html
    nonsense = ben.do(room, f"{room}/impact", impact__users="many")
    assert nonsense.status == 400 and 'href="#impact-users"' in nonsense.html
    share = ben.do(room, f"{room}/impact", impact__percent="12,5 %", impact__source="Grafana")
    assert share.status == 303
    entry = last(here, room)
    assert isinstance(entry, ImpactAssessed) and (entry.percent, entry.source) == (12.5, "Grafana")
    page = ben.open(room)
    assert page.says("12.5 % of users (Grafana)")
    assert page.form(f"{room}/updates").fields["internal.impact"] == ["12.5 % of users (Grafana)"]


def test_a_decision_says_who_made_it_on_what_evidence(here: Served, ben: Visitor, room: str) -> None:
    words = {"decision__decision": "Wait", "decision__because": "it is theirs", "decision__decider": "ana"}
    more = {"decision__options": "Roll back\nRestart", "decision__basis": "their status page"}
    ben.do(room, f"{room}/updates", audience="decision", **words, **more)
    entry = last(here, room)
    assert isinstance(entry, Decided)
    assert (entry.decider, entry.options, entry.basis) == ("ana", ("Roll back", "Restart"), "their status page")
    page = ben.open(room)
    assert page.says("their status page") and page.says("Roll back; Restart") and page.says("<b>Ana Okafor</b>")


# ---- The way out and its proof ---------------------------------------------------------------------------------------


def test_resolving_is_refused_until_every_check_is_recorded(here: Served, ben: Visitor, room: str) -> None:
    ben.do(room, f"{room}/strategy", strategy="rollback", strategy__because="it is quick")
    entry = last(here, room)
    assert isinstance(entry, StrategyChosen) and entry.strategy == "rollback"
    untested = ben.do(room, f"{room}/deploy", fix__what="Version 41", fix__where="production")
    assert untested.status == 400 and 'href="#fix-staging"' in untested.html
    ben.do(room, f"{room}/deploy", fix__what="Version 41", fix__where="production", fix__tested="yes")
    deployed = last(here, room)
    assert isinstance(deployed, Deployed) and deployed.tested
    refused = ben.do(room, f"{room}/resolve", resolve__how="rolled back")
    assert refused.status == 409 and refused.says("Not verified yet: The smoke tests pass")
    assert '<a href="#resolve">Back to the form' in refused.html, "it leads back to what was typed, far below"
    failed = {"check": "smoke_tests", "check__result": "failed", "check__evidence": "run 12"}
    ben.do(room, f"{room}/check", **failed)
    seen = last(here, room)
    assert isinstance(seen, Verified) and (seen.check, seen.result, seen.evidence) == (
        "smoke_tests",
        "failed",
        "run 12",
    )
    assert ben.do(room, f"{room}/resolve", resolve__how="rolled back").status == 409
    here.app.database.run(actor(here, "ben"), lambda tx: see_all_pass(tx, record(here, room).id))
    assert ben.do(room, f"{room}/resolve", resolve__how="rolled back").onward == f"{room}?done=resolved"
    assert record(here, room).status is Status.WATCHING


def test_the_checks_are_passed_over_only_with_a_reason_on_the_record(here: Served, ben: Visitor, room: str) -> None:
    assert "resolve.unverified" not in ben.open(room).form(f"{room}/resolve").fields  # he neither leads nor may waive
    assert ben.do(room, f"{room}/resolve", resolve__how="rolled back", resolve__unverified="no runner").status == 403
    ana = Visitor(here, "ana")
    ana.do(room, f"{room}/resolve", resolve__how="rolled back", resolve__unverified="the runner is down as well")
    entry = last(here, room)
    assert isinstance(entry, Resolved)
    assert "The smoke tests pass" in entry.unverified and entry.because == "the runner is down as well"
    assert ana.open(room).says("Not verified: The smoke tests pass")


def test_the_recovery_is_confirmed_and_the_team_thanked(here: Served, ben: Visitor, room: str) -> None:
    here.app.database.run(actor(here, "ben"), lambda tx: mend(tx, record(here, room).id))
    page = ben.open(room)
    assert page.says("not confirmed: every metric is back where it was") and page.says("the team is not thanked")
    ben.do(room, f"{room}/confirm", confirmation="metrics", confirm__result="passed")
    reason = ben.do(room, f"{room}/confirm", confirmation="lingering", confirm__result="not_applicable")
    assert reason.status == 400 and 'href="#confirm-evidence"' in reason.html
    assert ben.do(room, f"{room}/thank").onward == f"{room}?done=thanked#fix"  # the note that is offered
    page = ben.open(room)
    assert not page.says("every metric is back where it was;") and not page.says("the team is not thanked")
    here.app.database.run(actor(here, "ben"), lambda tx: wrap_up(tx, record(here, room).id))
    assert not ben.open(room).says("not confirmed")


# ---- Checklists ------------------------------------------------------------------------------------------------------


def test_an_item_is_ticked_off_and_the_tick_taken_back(here: Served, ben: Visitor, room: str) -> None:
    page = ben.open(room)
    assert page.says("0 of 5") and page.says("See how Railway reports the service")
    ben.press(page, f"{room}/tick", tick="done")
    entry = last(here, room)
    assert isinstance(entry, ItemTicked) and (entry.item, entry.tick) == ("type.service_outage.1", "done")
    page = ben.open(room)
    assert page.says("1 of 5") and page.says("Done: Ben Halvorsen")
    token = page.forms()[0].fields["_csrf_token"]
    take = {"_csrf_token": token, "item": "type.service_outage.1", "tick": "open", "tick.note": "Red again"}
    assert ben.send(f"{room}/tick", take).onward == f"{room}?done=ticked#checklist"
    entry = last(here, room)
    assert isinstance(entry, ItemUnticked) and entry.note == "Red again"
    unknown = ben.send(f"{room}/tick", {**take, "item": "type.meteor.1"})
    assert unknown.status == 400 and unknown.says("The plan has no item called 'type.meteor.1'")


def test_a_phase_shows_when_it_is_over_and_what_met_each_condition(here: Served, ben: Visitor, room: str) -> None:
    assert ben.open(room).says("Detection, now")
    ben.do(room, f"{room}/acknowledge")
    number = record(here, room).entries
    page = ben.open(room)
    assert page.says("Response, now") and page.says("Somebody has answered for it")
    assert f'entry <a href="#e{number}">{number}</a>' in page.html


# ---- Other incidents -------------------------------------------------------------------------------------------------


def test_a_duplicate_is_merged_and_its_room_shows_where_it_went(here: Served, ben: Visitor, room: str) -> None:
    other = declare(here, "Nothing answers")
    into = other.rsplit("/", 1)[-1]
    nothing = ben.do(room, f"{room}/merge", merge__into=into, merge__because=" ")
    assert nothing.status == 400 and 'href="#merge-because"' in nothing.html
    ben.do(room, f"{room}/merge", merge__into=into, merge__because="The same trouble")
    assert isinstance(last(here, room), Merged)
    page = ben.open(room)
    assert page.says("This incident was merged.") and f'href="{other}"' in page.html
    assert [one.action for one in page.forms() if one.action.startswith(room)] == []
    assert ben.open(other).says("took in the duplicate")
    token = page.forms()[0].fields["_csrf_token"]
    refused = ben.send(f"{room}/acknowledge", {"_csrf_token": token})
    assert refused.status == 409 and refused.says("was merged into")
    assert ben.open("/incidents?status=merged").says("Memory is down")


def test_two_are_linked_by_number_and_the_link_taken_back(here: Served, ben: Visitor, room: str) -> None:
    other = declare(here, "Nothing answers")
    wrong = ben.do(room, f"{room}/link", link__relation="caused_by", link__other="#77")
    assert wrong.status == 400 and 'href="#link-other"' in wrong.html
    ben.do(room, f"{room}/link", link__relation="caused_by", link__other="#2", link__because="One disk")
    entry = last(here, other)
    assert isinstance(entry, Linked) and entry.relation is Relation.CAUSED
    assert ben.open(room).says("This incident was caused by") and ben.open(other).says("This incident caused")
    ben.do(room, f"{room}/unlink", unlink__because="A mistake")
    assert isinstance(last(here, room), Unlinked) and isinstance(last(here, other), Unlinked)


def test_a_part_is_split_off_with_the_signals_that_were_chosen(here: Served, ben: Visitor) -> None:
    arrivals = [
        Arrival(source="generic", key=key, title=f"Groq fails {key}", labels={"type": "external_api_failure"})
        for key in ("a", "b")
    ]
    here.app.database.run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(arrival) for arrival in arrivals]))
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        (incident,) = incidents.listing(tx)
        chosen = next(one.id for one in signals.of_incident(tx, incident.id) if one.key == "b")
    room = f"/incidents/{incident.id}"
    typed = {"split__title": "Groq is slow", "split__severity": "P2", "split__type": "performance_degradation"}
    answer = ben.do(room, f"{room}/split", **typed, split__because="Another fault", split__signal=[chosen])
    new = answer.onward.split("?")[0]
    assert new != room and record(here, new).title == "Groq is slow"
    with here.app.database.read(SYSTEM) as tx:
        kinds = [type(one.entry) for one in incidents.timeline(tx, record(here, new).id)]
        assert SplitFrom in kinds
        assert [one.key for one in signals.of_incident(tx, record(here, new).id)] == ["b"]


def test_a_viewer_sees_all_of_it_and_changes_none(here: Served, room: str) -> None:
    erin = Visitor(here, "erin")
    page = erin.open(room)
    assert page.says("What is known") and page.says("Actions for Service outage")
    assert [one.action for one in page.forms() if one.action.startswith(room)] == []
    token = erin.open("/me").form("/signout").fields["_csrf_token"][0]
    entries = record(here, room).entries
    for verb in (*WORK, *RELATING):
        typed = {"finding.text": "x", "finding.verdict": "observation", "impact.functions": "x", "fix.tested": "1"}
        more = {"check": "smoke_tests", "check.result": "passed", "item": "type.service_outage.1", "tick": "done"}
        last_ones = {"link.relation": "caused", "confirm.result": "passed", "confirmation": "metrics"}
        sent = {"_csrf_token": token, **typed, **more, **last_ones}
        assert erin.send(f"{room}/{verb}", sent).status == 403, verb
    assert record(here, room).entries == entries
