"""Recovery: it is confirmed, closed only when nothing is missing, and users learn how it ended."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.public import public_answer
from tests.support.subscribed import Readers
from tests.support.visitor import seal_of
from tests.support.world import World
from tocsin.comms.subscribers import store as subscribers
from tocsin.comms.subscribers.store import Wanted
from tocsin.comms.updates import Unwritten
from tocsin.incidents import lifecycle
from tocsin.incidents.correction import Moment
from tocsin.incidents.model import Incident, Status, Updated
from tocsin.incidents.work import Result, Verdict
from tocsin.incidents.working import Estimate
from tocsin.kit.actor import SYSTEM
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy, working

ENDED = {"explanation": "A disk filled up.", "prevention": "An alert tells us long before it is full."}
WORDS = {"impact": "Nobody is answered", "actions": "Restarted it", "next": "Watch", "issue": "no answers"}
CONFIRMATIONS = {
    "metrics": "Every metric is back where it was",
    "lingering": "No trouble is left behind",
    "user_reports": "What users reported is settled",
    "external_services": "Outside services are stable",
}


def recovered(world: World, severity: str = "P1") -> Incident:
    """Mended, and watched for half an hour; nobody has done anything else about its end."""
    incident = world.declare(severity=severity)
    world.advance(minutes=4)
    world.do(commands.acknowledge, incident.id)
    world.do(mend, incident.id)
    world.advance(minutes=30)
    return world.incident(incident.id)


def closing_lacks(world: World, incident: Incident) -> str:
    with pytest.raises(lifecycle.StillOwed) as refused:
        world.do(commands.close, incident.id)
    return refused.value.message


def shown(console: Console, incident: Incident) -> Any:
    answer = console.here.get(f"/api/v1/incidents/{incident.id}", headers=console.here.bearer("incidents:read"))
    return answer.json()


# ---- REC-01: full recovery ----


def test_rec_01_each_part_of_the_recovery_is_asked_for_by_the_plans_words(console: Console) -> None:
    world = console.world
    incident = recovered(world)
    lacking = closing_lacks(world, incident)
    page = console.room(incident)
    for key, words in CONFIRMATIONS.items():
        assert f"not confirmed: {words[0].lower()}{words[1:]}" in lacking
        assert page.says(words)
        answer = console.press(incident, "confirm", confirmation=key, confirm__result="passed")
        assert answer.status == 303
    assert "not confirmed" not in closing_lacks(world, incident)
    assert console.room(incident).says("Outside services are stable: confirmed, says Ben Halvorsen.")


def test_rec_01_what_is_not_well_yet_confirms_nothing_and_what_does_not_apply_says_why(busy: World) -> None:
    incident = recovered(busy)
    busy.do(working.confirm, incident.id, "metrics", Result.FAILED, "p95 is twice what it was")
    assert "not confirmed: every metric" in closing_lacks(busy, incident)
    with pytest.raises(lifecycle.Empty):
        busy.do(working.confirm, incident.id, "user_reports", Result.NOT_APPLICABLE)
    busy.do(working.confirm, incident.id, "user_reports", Result.NOT_APPLICABLE, "nobody wrote")
    assert "what users reported" not in closing_lacks(busy, incident)


def test_rec_01_nothing_is_confirmed_before_the_fix_and_a_regression_undoes_it(busy: World) -> None:
    incident = busy.declare()
    with pytest.raises(lifecycle.NotResolved):
        busy.do(working.confirm, incident.id, "metrics", Result.PASSED)
    busy.do(mend, incident.id)
    busy.do(working.confirm, incident.id, "metrics", Result.PASSED)
    busy.do(commands.reopen, incident.id, "It forgets again")
    busy.do(mend, incident.id)
    busy.advance(minutes=30)
    assert "not confirmed: every metric" in closing_lacks(busy, incident)


# ---- REC-02: closing ----


def finish(world: World, incident: Incident) -> list[tuple[str, Any]]:
    """What is left to do at the end, and what closing says as long as it is not done."""
    do, one = world.do, incident.id
    return [
        *((words[0].lower() + words[1:], lambda key=key: do(working.confirm, one, key, Result.PASSED))  # type: ignore[misc]
          for key, words in CONFIRMATIONS.items()),
        ("the ticket lacks the impact", lambda: do(working.assess, one, Estimate(functions="Voice replies"))),
        ("the ticket lacks the root cause", lambda: do(working.find, one, "A full disk", Verdict.ROOT_CAUSE)),
        ("the team is not thanked", lambda: do(working.thank, one, "Thank you all.")),
        ("the post-mortem is not scheduled", lambda: do(
            commands.schedule_review, one, world.clock.now() + timedelta(hours=20))),
        ("still owed: Internal", lambda: do(commands.post_update, one, "internal", WORDS)),
        ("still owed: Executives", lambda: do(commands.post_update, one, "executives", WORDS)),
        ("still owed: Customer success", lambda: do(
            commands.post_update, one, "customer_success", {**WORDS, "message": "It is over"})),
        ("the final public update", lambda: do(
            commands.post_update, one, "public", {"message": "It is over."}, Stage.RESOLVED)),
        ("the notice to users of how it ended", lambda: do(commands.post_update, one, "public", ENDED, notice=True)),
    ]  # fmt: skip


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_rec_02_closing_names_each_thing_that_is_missing_until_nothing_is(busy: World, severity: str) -> None:
    incident = recovered(busy, severity)
    for missing, done in finish(busy, incident):
        assert missing in closing_lacks(busy, incident), missing
        done()
        assert busy.incident(incident.id).status is Status.RESOLVED
    busy.do(commands.close, incident.id)
    assert busy.incident(incident.id).status is Status.CLOSED


def test_rec_02_the_room_and_the_api_name_what_is_missing_too(console: Console) -> None:
    incident = recovered(console.world)
    refused = console.press(incident, "close")
    assert refused.status == 409 and refused.says("the team is not thanked")
    assert "the notice to users of how it ended" in shown(console, incident)["to_close"]
    address = f"/api/v1/incidents/{incident.id}/close"
    answer = console.here.post(address, headers=console.here.bearer("incidents:write"))
    assert answer.status_code == 409 and "the post-mortem is not scheduled" in answer.json()["detail"]


def test_rec_02_lesser_trouble_of_which_nobody_was_told_closes_with_less(busy: World) -> None:
    incident = recovered(busy, "P2")
    said = closing_lacks(busy, incident)
    for not_asked in ("post-mortem", "public update", "notice to users"):
        assert not_asked not in said
    assert "the team is not thanked" in said and "still owed: Internal" in said


def test_rec_02_the_team_is_thanked_by_mail(console: Console) -> None:
    incident = recovered(console.world)
    console.press(incident, "thank", thank__text="That was quick.")
    thanks = [one for one in console.world.mail.sent if one.subject.startswith("Thank you")]
    assert [one.person for one in thanks] == ["ana"] and "That was quick." in thanks[0].body


# ---- REC-03: how users learn of it ----


def test_rec_03_the_notice_apologises_explains_and_says_what_prevents_it_for_everybody_to_read(
    console: Console,
) -> None:
    world = console.world
    incident = recovered(world)
    room = f"/incidents/{incident.id}"
    typed = {"public.stage": "notice", "public.notice.explanation": ENDED["explanation"]}
    fields = {"audience": "public", **typed, "public.notice.prevention": ENDED["prevention"]}
    ben = console.visitor("ben")
    seen = ben.press(
        ben.open(room), f"{room}/updates", **{name.replace(".", "__"): text for name, text in fields.items()}
    )
    assert seen.says("Everyone will read this.") and seen.says("We are sorry. From 2026-11-24 02:38 UTC on")
    assert world.entries(incident.id, Updated) == []  # shown, and not posted yet
    assert ben.press(seen, f"{room}/updates", confirmed=seal_of(seen)).status == 303
    (posted,) = world.entries(incident.id, Updated)
    assert (posted.notice, posted.stage) == (True, Stage.RESOLVED)
    (told,) = public_answer(console.here, "/api/v2/incidents.json").json()["incidents"]
    for path in (f"/status/i/{told['id']}", "/api/v2/incidents.json", "/status/history.atom"):
        text = public_answer(console.here, path).text
        for said in ("We are sorry", "A disk filled up", "An alert tells us long before it is full"):
            assert said in text, path
    assert "for 4 min, Rose was not there" in told["incident_updates"][0]["body"]  # the times are the record's
    assert console.room(incident).says("How it ended")
    assert world.ended(incident.id, "update:public")[-1] in (State.MET, State.LATE)  # it says that it is over, too


def test_rec_03_the_notice_is_sent_to_whoever_subscribed_in_the_language_around_it_that_they_read(
    busy: World, readers: Readers
) -> None:
    incident = recovered(busy)
    with busy.database.work(SYSTEM) as tx:
        for one in subscribers.listing(tx, Wanted()):
            subscribers.put(tx, one.id, language="de")
    busy.do(commands.post_update, incident.id, "public", ENDED, notice=True)
    (mail,) = readers.hear()
    assert mail.subject.startswith("[Rose] Behoben: ") and mail.message["Content-Language"] == "de"
    for said in ("We are sorry", "A disk filled up", "An alert tells us long before it is full", "Abmelden"):
        assert said in mail.text and said in mail.html


@pytest.mark.parametrize("field", ["explanation", "prevention"])
@pytest.mark.parametrize("text", ["", "TBD", "[to be written: what happened]"])
def test_rec_03_a_notice_that_explains_nothing_or_promises_nothing_is_refused(
    busy: World, field: str, text: str
) -> None:
    incident = recovered(busy)
    with pytest.raises(Unwritten, match=field):
        busy.do(commands.post_update, incident.id, "public", {**ENDED, field: text}, notice=True)
    assert busy.entries(incident.id, Updated) == []


def test_rec_03_it_is_not_told_before_it_has_ended_nor_of_what_is_confidential(busy: World) -> None:
    incident = busy.declare()
    with pytest.raises(lifecycle.NotResolved):
        busy.do(commands.post_update, incident.id, "public", ENDED, notice=True)
    secret = recovered(busy)
    busy.do(secrecy.make_confidential, secret.id, "it names a customer")
    with pytest.raises(commands.confidential.NotForThisAudience):
        busy.do(commands.post_update, secret.id, "public", ENDED, notice=True)
    assert "notice to users" not in closing_lacks(busy, secret)


def test_rec_03_if_it_comes_back_users_are_owed_another(busy: World) -> None:
    incident = recovered(busy)
    busy.do(commands.post_update, incident.id, "public", ENDED, notice=True)
    assert "notice to users" not in closing_lacks(busy, incident)
    busy.do(commands.reopen, incident.id, "It forgets again")
    busy.do(mend, incident.id)
    busy.advance(minutes=30)
    assert "the notice to users of how it ended" in closing_lacks(busy, incident)


def test_rec_03_a_program_can_look_at_it_first_and_then_post_it(console: Console) -> None:
    incident = recovered(console.world)
    address, body = f"/api/v1/incidents/{incident.id}/updates", {"audience": "public", "notice": True, "fields": ENDED}
    writer = console.here.bearer("incidents:write", person="lucia")
    looked = console.here.post(f"{address}/preview", json=body, headers=writer).json()
    assert (looked["stage"], "A disk filled up." in looked["text"]) == ("resolved", True)
    assert console.world.entries(incident.id, Updated) == []
    assert console.here.post(address, json=body, headers=writer).status_code == 200
    (posted,) = console.world.entries(incident.id, Updated)
    assert (posted.text, posted.by, posted.counts) == (looked["text"], "lucia", True)


# ---- REC-04: the times that are kept ----


def test_rec_04_the_times_are_computed_and_stand_wherever_somebody_looks(console: Console) -> None:
    world = console.world
    incident = world.declare(title="Voice replies hang", started_at=world.clock.now() - timedelta(minutes=10))
    world.advance(minutes=3)
    world.do(commands.acknowledge, incident.id)
    world.advance(minutes=27)
    world.do(mend, incident.id)
    world.advance(minutes=30)
    found = shown(console, incident)["times"]
    assert found["started_at"] == "2026-11-24T02:28:00Z" and found["detected_at"] == "2026-11-24T02:38:00Z"
    assert found["responded_at"] == "2026-11-24T02:41:00Z" and found["resolved_at"] == "2026-11-24T03:08:00Z"
    assert (found["user_impact_seconds"], found["is_recovered"]) == (70 * 60, True)
    assert (found["total_seconds"], found["is_over"]) == (70 * 60, False)
    world.advance(minutes=50)
    assert shown(console, incident)["times"]["total_seconds"] == 120 * 60  # it is not closed: the time runs on
    ticket = console.visitor("ben").open(f"/incidents/{incident.id}/ticket")
    for said in (
        "- **Started**: 2026-11-24 02:28 UTC",
        "- **From start to detection**: 10 min",
        "- **From detection to answer**: 3 min",
        "- **From detection to resolution**: 30 min",
        "- **Total, until it was closed**: 2 h so far",
        "- **Users were touched for**: 1 h 10 min",
    ):
        assert ticket.says(said), said
    document = console.visitor("ben").open(f"/incidents/{incident.id}/templates/post_mortem")
    for said in ("**User impact, start to recovery**: 1 h 10 min", "**Total, start to close**: 2 h so far"):
        assert document.says(said), said
    assert document.says("**Detection to response**: 3 min")


def test_rec_04_a_corrected_moment_corrects_what_follows_from_it(console: Console) -> None:
    world = console.world
    incident = recovered(world)
    began = world.incident(incident.id).started_at - timedelta(minutes=20)
    before = shown(console, incident)["times"]
    world.do(commands.correct_time, incident.id, Moment.STARTED, began, "the graphs show it")
    after = shown(console, incident)["times"]
    assert after["user_impact_seconds"] - before["user_impact_seconds"] == 20 * 60
    assert after["total_seconds"] - before["total_seconds"] == 20 * 60
