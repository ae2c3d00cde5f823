"""Several incidents that are one, and one that is several: merged, linked, split off."""

import threading
from typing import Any

import pytest

from tests.support.ending import mend
from tests.support.world import World
from tocsin.comms import store as comms
from tocsin.incidents import lifecycle
from tocsin.incidents import store as incidents
from tocsin.incidents.model import DutiesChanged, Incident, SignalAttached, SignalCleared, Status
from tocsin.incidents.relation import Absorbed, Linked, Merged, Relation, SplitFrom, SplitOff
from tocsin.kit.errors import Refused
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.response import commands, doctor, relating, working
from tocsin.review import store as reviews
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.model import State as Signal


def alert(key: str = "a1", title: str = "Groq fails", **more: Any) -> Arrival:
    words: dict[str, Any] = {"source": "alertmanager", "key": key, "title": title, "severity": "critical"}
    return Arrival(**{**words, "labels": {"type": "external_api_failure"}, **more})


def two(world: World) -> tuple[Incident, Incident]:
    """An incident that a signal declared, and another that a person declared for the same trouble."""
    world.arrive(alert())
    (first,) = world.read(incidents.listing)
    second = world.declare("Voice hangs", by="ben", severity="P1", type="performance_degradation")
    world.overlook()
    return first, second


# ---- Merging ---------------------------------------------------------------------------------------------------------


def test_a_duplicate_owes_nothing_any_more_and_pages_nobody(world: World) -> None:
    first, second = two(world)
    gone = world.do(relating.merge, second.id, first.id, "The same trouble", by="lucia")
    assert (gone.status, gone.merged_into) == (Status.MERGED, first.id)
    assert world.owed(second.id) == {} and world.owed(first.id)
    ended = [one for one in world.read(obligations.for_incident, second.id) if one.settled_at]
    assert {one.state for one in ended} == {State.VOID}
    (told,) = world.expect_update(relating.TOLD, "ben")
    assert f"#{second.number} was merged into #{first.number}" in told.subject
    assert f"/incidents/{first.id}" in told.body
    world.advance(minutes=4)
    world.expect_silence()
    assert world.read(doctor.examine) == []


def test_nothing_of_its_record_is_lost_and_both_say_it(busy: World) -> None:
    first, second = two(busy)
    busy.do(commands.note, second.id, "It began at half past two")
    before = [one.entry for one in busy.read(incidents.timeline, second.id)]
    busy.do(relating.merge, second.id, f"#{first.number}", "The same trouble")
    after = [one.entry for one in busy.read(incidents.timeline, second.id)]
    assert after[: len(before)] == before
    (ended,) = busy.entries(second.id, Merged)
    (taken,) = busy.entries(first.id, Absorbed)
    assert (ended.into, ended.number, ended.because) == (first.id, first.number, "The same trouble")
    assert (taken.incident_id, taken.number, taken.title) == (second.id, second.number, "Voice hangs")


def test_a_merged_incident_is_not_worked_on(busy: World) -> None:
    first, second = two(busy)
    busy.do(relating.merge, first.id, second.id, "The same trouble")
    verbs: list[tuple[Any, ...]] = [
        (commands.acknowledge,),
        (commands.assign, "scribe", "ben"),
        (commands.note, "Seen"),
        (commands.decide, "Wait", "it is theirs"),
        (commands.change_severity, "P0", "worse"),
        (commands.mitigate, "Serve without it"),
        (commands.resolve, "Restarted it"),
        (commands.reopen, "Again"),
        (commands.close,),
        (working.find, "The disk"),
        (relating.merge, second.id, "Again"),
    ]
    entries = busy.incident(first.id).entries
    for verb, *words in verbs:
        with pytest.raises(lifecycle.MergedAway, match=second.id):
            busy.do(verb, first.id, *words)
    assert busy.incident(first.id).entries == entries


def test_the_signals_of_a_duplicate_and_whatever_comes_like_them_go_on_to_the_other(busy: World) -> None:
    first, second = two(busy)
    busy.do(relating.merge, first.id, second.id, "The same trouble")
    assert [one.title for one in busy.read(signals.of_incident, second.id)] == ["Groq fails"]
    assert busy.read(signals.of_incident, first.id) == []
    busy.arrive(alert("a2", "Groq fails elsewhere"))
    assert [one.title for one in busy.entries(second.id, SignalAttached)] == ["Groq fails elsewhere"]
    busy.arrive(alert(state=Signal.RESOLVED))
    assert [one.title for one in busy.entries(second.id, SignalCleared)] == ["Groq fails"]
    assert len(busy.read(incidents.listing)) == 2


def test_a_chain_of_merges_ends_where_the_work_goes_on(busy: World) -> None:
    first, second = two(busy)
    third = busy.declare("Everything hangs", severity="P1", type="data_loss")
    busy.do(relating.merge, first.id, second.id, "The same trouble")
    busy.do(relating.merge, second.id, third.id, "The same trouble")
    busy.arrive(alert("a2", "Groq fails elsewhere"))
    assert [one.title for one in busy.entries(third.id, SignalAttached)] == ["Groq fails elsewhere"]
    assert len(busy.read(signals.of_incident, third.id)) == 2
    with pytest.raises(lifecycle.MergedAway):
        busy.do(relating.merge, third.id, first.id, "The wrong way round")


def test_once_the_other_is_over_the_like_of_it_is_new_trouble(busy: World) -> None:
    first, second = two(busy)
    busy.do(relating.merge, first.id, second.id, "The same trouble")
    busy.arrive(alert(state=Signal.RESOLVED))
    busy.do(mend, second.id, "Restarted it")
    busy.advance(minutes=31)
    assert busy.incident(second.id).status is Status.RESOLVED
    busy.arrive(alert("a3", "Groq fails again"))
    assert len(busy.read(incidents.listing)) == 3


def test_an_answer_to_a_page_of_a_duplicate_answers_the_other(world: World) -> None:
    second = world.declare("Voice hangs", severity="P1", type="performance_degradation")
    (page,) = world.expect_page("ana")
    first = world.declare("Groq fails", severity="P1", type="external_api_failure")
    world.expect_page("ana")
    world.do(relating.merge, second.id, first.id, "The same trouble", by="ben")
    world.expect_update(relating.TOLD, "ana")
    token = next(word.rpartition("/a/")[2] for word in page.body.split() if "/a/" in word)
    assert world.do(commands.acknowledge_page, token).id == first.id
    assert world.incident(first.id).acknowledged_by == "ana"


def test_two_who_merge_crosswise_at_once_find_one_winner(busy: World) -> None:
    first, second = two(busy)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def merge(gone: Incident, into: Incident) -> None:
        start.wait()
        try:
            busy.database.run(busy.actor("ana"), lambda tx: relating.merge(tx, gone.id, into.id, "The same"))
            outcomes.append("merged")
        except Refused:
            outcomes.append("refused")

    racers = [threading.Thread(target=merge, args=pair) for pair in ((first, second), (second, first))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(outcomes) == ["merged", "refused"]
    ends = sorted(busy.incident(one.id).status for one in (first, second))
    assert ends.count(Status.MERGED) == 1
    assert busy.read(doctor.examine) == []


def test_a_duplicate_leaves_the_status_page_once_the_other_stands_there(busy: World) -> None:
    first, second = two(busy)
    words = {"issue": "slowness", "impact": "Slow answers."}
    busy.do(commands.post_update, second.id, "public", words, Stage.INVESTIGATING)
    with pytest.raises(Refused, match="public"):
        busy.do(relating.merge, second.id, first.id, "The same trouble")
    busy.do(commands.post_update, first.id, "public", {**words, "issue": "Groq is down"}, Stage.INVESTIGATING)
    busy.do(relating.merge, second.id, first.id, "The same trouble")
    assert [one.name for one in busy.read(comms.public_page).incidents] == ["Groq is down"]


def test_a_viewer_merges_nothing(busy: World) -> None:
    first, second = two(busy)
    with pytest.raises(incidents.NoSuchIncident, match="inc_NONE"):
        busy.do(relating.merge, first.id, "inc_NONE", "why")
    with pytest.raises(incidents.NoSuchIncident, match="77"):
        busy.do(relating.merge, first.id, "#77", "why")
    assert busy.incident(second.id).is_open


# ---- Linking ---------------------------------------------------------------------------------------------------------


def test_a_link_stands_on_both_records_and_in_both_post_mortems(busy: World) -> None:
    first, second = two(busy)
    busy.do(relating.link, first.id, second.id, Relation.CAUSED, "The retries of one filled the queue of the other")
    for one, other, relation in ((first, second, Relation.CAUSED), (second, first, Relation.CAUSED_BY)):
        (entry,) = busy.entries(one.id, Linked)
        assert (entry.incident_id, entry.relation) == (other.id, relation)
        written = busy.read(reviews.load, one.id)
        (related,) = [section for section in written.sections if section.id == "related"]
        assert any(row[0] == f"#{other.number}" and str(relation).replace("_", " ") in row for row in related.rows)


# ---- Splitting off ---------------------------------------------------------------------------------------------------


def test_a_part_goes_on_alone_with_the_signals_that_were_chosen(busy: World) -> None:
    busy.arrive(alert(), alert("a2", "Groq is slow"))
    (incident,) = busy.read(incidents.listing)
    chosen = next(one for one in busy.read(signals.of_incident, incident.id) if one.key == "a2")
    new = busy.do(
        relating.split,
        incident.id,
        title="Groq is slow",
        severity="P2",
        type="performance_degradation",
        because="It began an hour before",
        signal_ids=[chosen.id],
    )
    assert (new.severity, new.type, new.source) == ("P2", "performance_degradation", "alertmanager")
    assert [one.key for one in busy.read(signals.of_incident, new.id)] == ["a2"]
    assert [one.key for one in busy.read(signals.of_incident, incident.id)] == ["a1"]
    (parted,), (came,) = busy.entries(incident.id, SplitOff), busy.entries(new.id, SplitFrom)
    assert (parted.incident_id, parted.signals) == (new.id, 1)
    assert (came.incident_id, came.because) == (incident.id, "It began an hour before")
    assert "acknowledge" in busy.owed(new.id)
    assert busy.read(doctor.examine) == []


# ---- What a change of severity does ----------------------------------------------------------------------------------


def test_a_change_of_severity_says_which_duties_it_began_ended_and_moved(busy: World) -> None:
    incident = busy.declare(severity="P2", type="performance_degradation")
    busy.do(commands.change_severity, incident.id, "P1", "Half of them cannot talk")
    (changed,) = busy.entries(incident.id, DutiesChanged)
    assert changed.because == "P2 became P1"
    assert any(one.startswith("Name the scribe, due") for one in changed.begun)
    assert any("instead of" in one for one in changed.moved)
    busy.do(commands.change_type, incident.id, "service_outage", "Nothing answers")
    assert len(busy.entries(incident.id, DutiesChanged)) == 1  # the type changed nothing that is owed
