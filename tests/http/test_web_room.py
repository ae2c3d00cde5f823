"""The room of an incident, through its forms: from the declaration to the final post-mortem."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.ending import mend, see_all_pass, wrap_up
from tests.support.served import Served
from tests.support.visitor import Page, Visitor, actor, console, seal_of
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Status, Updated
from tocsin.kit.actor import SYSTEM
from tocsin.plan.model import Stage
from tocsin.response import commands, tick
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, Trigger


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def ben(here: Served) -> Visitor:
    return Visitor(here, "ben")


@pytest.fixture
def room(here: Served) -> str:
    declared = here.app.database.run(
        actor(here, "ana"),
        lambda tx: commands.declare(tx, title="Memory is down", severity="P1", type="external_api_failure"),
    )
    return f"/incidents/{declared.id}"


def record(here: Served, room: str) -> Incident:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, room.rsplit("/", 1)[-1])


def updates(here: Served, room: str) -> list[Updated]:
    with here.app.database.read(SYSTEM) as tx:
        entries = incidents.timeline(tx, room.rsplit("/", 1)[-1])
    return [one.entry for one in entries if isinstance(one.entry, Updated)]


def pass_time(here: Served, length: timedelta) -> None:
    here.clock.advance_to(here.clock.now() + length)
    while here.app.database.run(SYSTEM, tick.settle_due)[0]:
        pass


def settle(here: Served, room: str) -> None:
    """Bring an incident to where it may be closed, except for its post-mortem's date."""
    who, incident_id = actor(here, "ben"), room.rsplit("/", 1)[-1]
    run = here.app.database.run
    run(who, lambda tx: mend(tx, incident_id, "Qdrant is back"))
    fields = {"impact": "none any more", "actions": "it is fixed", "next": "nothing"}
    run(who, lambda tx: commands.post_update(tx, incident_id, "internal", fields))
    executives = {"impact": "none any more", "actions": "it is fixed"}
    run(who, lambda tx: commands.post_update(tx, incident_id, "executives", executives))
    customers = {"impact": "none any more", "message": "It is over"}
    run(who, lambda tx: commands.post_update(tx, incident_id, "customer_success", customers))
    run(
        who,
        lambda tx: commands.post_update(
            tx, incident_id, "public", {"message": "Sorry for the trouble."}, Stage.RESOLVED
        ),
    )
    pass_time(here, timedelta(minutes=30))
    run(who, lambda tx: wrap_up(tx, incident_id))


# ---- Declaring ----


def test_the_declaration_shows_what_each_level_means(ben: Visitor) -> None:
    page = ben.open("/declare?what=Voice+hangs")
    assert page.form("/declare").fields["title"] == ["Voice hangs"]
    for text in ("Rose is gone for everyone", "Memory is down and every turn starts from nothing", "Pages nobody."):
        assert page.says(text)
    assert page.says("Rose cannot be reached at all")


def test_a_declaration_goes_on_to_its_room(here: Served, ben: Visitor) -> None:
    began = here.clock.now() - timedelta(minutes=4)
    answer = ben.do(
        "/declare",
        "/declare",
        title="Voice hangs",
        severity="P1",
        type="performance_degradation",
        service="rose",
        component=["rose/voice", "rose/memory"],
        trigger="user_report",
        impact="About forty people",
        began=began.strftime("%Y-%m-%dT%H:%M"),
    )
    assert answer.status == 303
    room = answer.onward.split("?")[0]
    assert ben.open(answer.onward).says("Declared. The plan is running.")
    made = record(here, room)
    assert (made.title, made.severity, made.components) == ("Voice hangs", "P1", ("voice", "memory"))
    assert (made.trigger, made.declared_by, made.impact) == (Trigger.USER_REPORT, "ben", "About forty people")
    assert made.started_at == began.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "  "}, "title"),
        ({"severity": ""}, "severity"),
        ({"type": "nonsense"}, "type"),
        ({"began": "yesterday"}, "began"),
        ({"began": "2030-01-01T00:00"}, "began"),
    ],
)
def test_a_mistake_in_a_declaration_keeps_what_was_typed(ben: Visitor, changes: dict[str, str], field: str) -> None:
    typed = {"title": "Voice hangs", "severity": "P2", "type": "high_error_rate", "impact": "Forty people"}
    answer = ben.do("/declare", "/declare", **{**typed, **changes})
    assert answer.status == 400
    assert answer.form("/declare").fields["impact"] == ["Forty people"]
    assert f'href="#{field}"' in answer.html
    if "severity" not in changes:
        assert answer.form("/declare").fields["severity"] == ["P2"]


def test_a_waiting_signal_becomes_an_incident(here: Served, ben: Visitor) -> None:
    arrival = Arrival(source="generic", key="backup", title="The backup is late")
    here.app.database.run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(arrival)]))
    here.decide()
    address = ben.open("/").html.split('href="/declare?signal=')[1].split('"')[0]
    page = ben.open(f"/declare?signal={address}")
    assert page.form("/declare").fields["title"] == ["The backup is late"]
    answer = ben.press(page, "/declare", severity="P3", type="data_loss")
    assert answer.status == 303
    room = ben.open(answer.onward)
    assert room.says("The backup is late") and room.says("from generic: The backup is late")
    assert not ben.open("/").says("Matches no rule")


# ---- Working on it ----


def test_the_buttons_of_the_room_write_the_record(here: Served, ben: Visitor, room: str) -> None:
    assert ben.do(room, f"{room}/acknowledge").onward == f"{room}?done=acknowledged"
    assert record(here, room).acknowledged_by == "ben"
    page = ben.open(room)
    token = page.form(f"{room}/assign").fields["_csrf_token"]
    ben.send(f"{room}/assign", {"_csrf_token": token, "role": "scribe", "person": "erin"})
    assert record(here, room).roles == {"scribe": "erin"}
    ben.do(room, f"{room}/severity", severity="P0", severity__because="everyone feels it")
    ben.do(room, f"{room}/type", type="service_outage", type__because="nothing answers")
    ben.do(room, f"{room}/mitigate", mitigate__how="restarted")
    now = record(here, room)
    assert (now.severity, now.type, now.status) == ("P0", "service_outage", Status.MITIGATING)
    here.app.database.run(actor(here, "ben"), lambda tx: see_all_pass(tx, record(here, room).id))
    ben.do(room, f"{room}/resolve", resolve__how="the disk is replaced")
    assert record(here, room).status is Status.WATCHING
    ben.do(room, f"{room}/reopen", reopen__because="it failed again")
    assert record(here, room).status is Status.INVESTIGATING


def test_the_level_and_the_type_that_it_has_are_no_change(here: Served, ben: Visitor, room: str) -> None:
    before = record(here, room)
    level = ben.do(room, f"{room}/severity", severity=before.severity, severity__because="it is as bad as it was")
    kind = ben.do(room, f"{room}/type", type=before.type, type__because="it is what it was")
    assert ben.open(level.onward).says("It has this severity already. Nothing was changed.")
    assert ben.open(kind.onward).says("It is of this type already. Nothing was changed.")
    assert record(here, room) == before


def test_an_empty_slot_is_taken_with_one_press(here: Served, ben: Visitor, room: str) -> None:
    page = ben.open(room)
    assert page.says("Nobody")
    form = page.form(f"{room}/assign")
    assert "person" not in form.fields
    assert ben.press(page, f"{room}/assign").status == 303
    assert record(here, room).roles == {form.fields["role"][0]: "ben"}


def test_a_role_is_not_taken_from_whom_one_did_not_see(here: Served, ben: Visitor, room: str) -> None:
    seen = ben.open(room)
    role = seen.form(f"{room}/assign").fields["role"][0]
    Visitor(here, "ana").do(room, f"{room}/assign", role=role)
    late = ben.press(seen, f"{room}/assign", role=role)
    assert late.status == 409 and late.says("took it since you looked")
    assert record(here, room).roles == {role: "ana"}

    headers = here.bearer("incidents:write", "incidents:read", person="ben")
    body = {"role": role, "person": "ben", "held_by": ""}
    assert here.post(f"/api/v1{room}/roles", json=body, headers=headers).status_code == 409
    form = next(one for one in late.forms() if one.fields.get("role") == [role] and "person" not in one.fields)
    assert ben.send(f"{room}/assign", form.fields).status == 303
    assert record(here, room).roles == {role: "ben"}


def test_a_refusal_stands_on_the_page_with_what_was_typed(here: Served, ben: Visitor, room: str) -> None:
    page = ben.open(room)
    empty = ben.press(page, f"{room}/severity", severity="P0", severity__because=" ")
    assert empty.status == 400
    assert empty.form(f"{room}/severity").fields["severity"] == ["P0"]
    assert 'href="#severity-because"' in empty.html and 'aria-invalid="true"' in empty.html
    here.app.database.run(actor(here, "ana"), lambda tx: mend(tx, record(here, room).id, "fixed"))
    late = ben.press(page, f"{room}/mitigate", mitigate__how="I restarted it")
    assert late.status == 409 and late.says("The incident is resolved; reopen it first.")


def test_an_obligation_is_waived_with_a_reason_by_whoever_leads(here: Served, ben: Visitor, room: str) -> None:
    assert f"{room}/waive" not in ben.open(room).html
    ben.do(room, f"{room}/assign", role="incident_commander")
    refused = ben.do(room, f"{room}/waive", key="role:scribe")
    assert refused.status == 400
    done = ben.do(room, f"{room}/waive", key="role:scribe", waive__because="Tocsin keeps the record")
    assert done.onward == f"{room}?done=waived#owed"
    assert record(here, room).waived == ("role:scribe",)
    assert ben.open(room).says("Tocsin keeps the record")
    assert ben.do(room, f"{room}/waive", key="no:such", waive__because="x").status == 404


def test_nothing_else_can_be_done_to_an_incident(ben: Visitor, room: str) -> None:
    token = ben.open(room).form(f"{room}/acknowledge").fields["_csrf_token"]
    assert ben.send(f"{room}/explode", {"_csrf_token": token}).status == 404
    assert ben.send("/incidents/inc_NONE/acknowledge", {"_csrf_token": token}).status == 404


# ---- Writing ----


def write(ben: Visitor, page: Page, room: str, **changes: str) -> Page:
    return ben.press(page, f"{room}/updates", **changes)


def test_notes_and_decisions_go_on_the_timeline(ben: Visitor, room: str) -> None:
    noted = write(ben, ben.open(room), room, audience="note", note__text="A replica is catching up")
    assert noted.onward == f"{room}?done=noted#timeline"
    decided = {"decision__decision": "Do not roll back", "decision__because": "It is not ours"}
    assert write(ben, ben.open(room), room, audience="decision", **decided).status == 303
    page = ben.open(f"{room}?kind=decision")
    assert page.says("Do not roll back") and page.says("It is not ours")
    timeline = page.html.split('class="timeline"')[1].split("</ol>")[0]
    assert "A replica is catching up" not in timeline


def test_an_internal_update_is_posted_from_the_plans_fields(here: Served, ben: Visitor, room: str) -> None:
    fields = {"internal__impact": "No memory", "internal__actions": "Looked", "internal__next": "Wait"}
    answer = write(ben, ben.open(room), room, audience="internal", **fields)
    assert answer.onward == f"{room}?done=posted#timeline"
    (posted,) = updates(here, room)
    assert posted.fields == {"impact": "No memory", "actions": "Looked", "next": "Wait"}
    assert ben.open(room).form(f"{room}/updates").fields["internal.impact"] == ["No memory"]


def test_a_preview_shows_the_words_and_posts_nothing(here: Served, ben: Visitor, room: str) -> None:
    fields = {"internal__impact": "No memory", "internal__actions": "Looked", "internal__next": "Wait"}
    page = write(ben, ben.open(room), room, audience="internal", preview="internal", **fields)
    assert page.status == 200
    assert page.says("Nothing is posted yet.") and page.says("Impact: No memory")
    assert page.form(f"{room}/updates").fields["internal.next"] == ["Wait"]
    assert updates(here, room) == []


def test_what_everyone_reads_is_always_shown_first(here: Served, ben: Visitor, room: str) -> None:
    typed = {
        "public__stage": "investigating",
        "public__investigating__issue": "Rose forgets",
        "public__investigating__impact": "answers still work",
    }
    page = write(ben, ben.open(room), room, audience="public", **typed)
    assert page.status == 200 and page.says("Everyone will read this.") and page.says("finding out why: Rose forgets")
    assert updates(here, room) == []
    seal = seal_of(page)
    other = write(ben, page, room, confirmed=seal, public__investigating__issue="Rose is hacked")
    assert other.status == 200 and other.says("You changed it after you had looked.") and updates(here, room) == []
    answer = write(ben, page, room, confirmed=seal)
    assert answer.status == 303
    (posted,) = updates(here, room)
    assert (posted.audience, posted.stage) == ("public", Stage.INVESTIGATING)
    assert "Rose forgets" in posted.text


def test_a_confirmation_for_one_audience_is_none_for_another(here: Served, ben: Visitor, room: str) -> None:
    typed = {
        "public__stage": "investigating",
        "public__investigating__issue": "x",
        "public__investigating__impact": "y",
    }
    assert write(ben, ben.open(room), room, audience="public", confirmed="internal", **typed).status == 200
    assert updates(here, room) == []


def test_an_update_that_says_too_little_names_the_field(here: Served, ben: Visitor, room: str) -> None:
    page = write(ben, ben.open(room), room, audience="internal", internal__impact="No memory", internal__actions="")
    assert page.status == 400
    assert 'href="#internal-actions"' in page.html
    composer = page.html.split('id="compose"')[1].split("</form>")[0]
    assert page.html.count('id="trouble"') == 1 and 'id="trouble"' in composer, "where the answer opens, on a phone too"
    assert page.form(f"{room}/updates").fields["internal.impact"] == ["No memory"]
    assert updates(here, room) == []


def test_nobody_is_told_that_it_is_over_while_it_is_not(here: Served, ben: Visitor, room: str) -> None:
    assert not ben.open(room).says('value="resolved"')
    typed = {"audience": "public", "public__stage": "resolved", "public__resolved__message": "Over."}
    seen = write(ben, ben.open(room), room, **typed)
    page = write(ben, seen, room, confirmed=seal_of(seen), **typed)
    assert page.status == 409
    assert updates(here, room) == []


def test_a_private_incident_has_no_public_tab(here: Served, ben: Visitor, room: str) -> None:
    ben.do(room, f"{room}/type", type="security", type__because="somebody got in")
    assert 'value="public"' not in ben.open(room).html


# ---- After the fix ----


def test_closing_names_what_is_missing(here: Served, ben: Visitor, room: str) -> None:
    settle(here, room)
    page = ben.open(room)
    assert page.says("Before it can be closed:") and page.says("the post-mortem is not scheduled")
    refused = ben.press(page, f"{room}/close")
    assert refused.status == 409 and refused.says("Not yet: the post-mortem is not scheduled.")
    due = re.search(r"The plan wants it within \d+ [hd], by [^<.]+\.", page.html)
    assert due, "whoever fixes the day knows how long there is"
    past = ben.do(room, f"{room}/schedule", meeting_at="2020-01-01T10:00")
    assert past.status == 400 and past.form(f"{room}/schedule").fields["meeting_at"] == ["2020-01-01T10:00"]
    assert ben.do(room, f"{room}/schedule", meeting_at="2026-11-25T10:00").status == 303
    assert ben.do(room, f"{room}/close").onward == f"{room}?done=closed"
    assert record(here, room).status is Status.CLOSED
    assert ben.do(room, f"{room}/title", rename__title=" ").says("Say something")
    assert ben.do(room, f"{room}/title", rename__title="The disk was full").onward == f"{room}?done=renamed"
    assert ben.do(room, f"{room}/title", rename__title="The disk was full").onward == f"{room}?done=same-title"
    page = ben.open(room)
    assert page.says("renamed it from “Memory is down” to “The disk was full”") and not page.says(
        "Change the severity</"
    )
    assert ben.do(room, f"{room}/held").onward == f"{room}?done=held"


def test_a_post_mortem_is_written_and_refused_while_sections_are_empty(here: Served, ben: Visitor, room: str) -> None:
    settle(here, room)
    document = room.replace("/incidents/", "/post-mortems/")
    assert ben.open("/post-mortems").says("Memory is down")
    saved = ben.do(document, document, section__summary="It **failed**,\r\nthen it worked.", do="save")
    assert saved.onward == f"{document}?done=saved"
    page = ben.open(document)
    assert page.form(document).fields["section.summary"] == ["It **failed**,\nthen it worked."]
    refused = ben.press(page, document, do="final")
    assert refused.status == 409 and refused.says("still to write") and refused.says("Technical root cause")
    assert refused.form(document).fields["section.summary"] == ["It **failed**,\nthen it worked."]
    text = ben.open(f"{document}.md")
    assert text.answer.headers["content-type"].startswith("text/markdown")
    assert "It **failed**," in text.html and "# Post-mortem: Memory is down" in text.html


def test_two_who_write_a_post_mortem_at_once_do_not_overwrite_each_other(here: Served, ben: Visitor, room: str) -> None:
    settle(here, room)
    document, ana = room.replace("/incidents/", "/post-mortems/"), Visitor(here, "ana")
    bens, anas = ben.open(document), ana.open(document)
    assert ben.press(bens, document, section__summary="Ben's words", do="save").status == 303
    assert ana.press(anas, document, section__went_well="Ana's words", do="save").status == 303
    now = ben.open(document).form(document).fields
    assert (now["section.summary"], now["section.went_well"]) == (["Ben's words"], ["Ana's words"])

    refused = ana.press(anas, document, section__summary="Ana's summary", section__impact="Many", do="save")
    assert refused.status == 409 and refused.says("somebody else has written Executive summary meanwhile")
    assert refused.says("Ben's words"), "what stands there now is beside what she typed"
    kept = refused.form(document).fields
    assert (kept["section.summary"], kept["section.impact"]) == (["Ana's summary"], ["Many"])
    assert kept["section.went_well"] == ["Ana's words"], "what she did not touch is as it stands now"
    assert ana.press(refused, document, section__summary="Both", do="save").status == 303
    after = ben.open(document).form(document).fields
    assert (after["section.summary"], after["section.impact"]) == (["Both"], ["Many"])


def test_what_is_typed_into_a_post_mortem_that_became_final_is_shown_as_not_saved(
    here: Served, ben: Visitor, room: str
) -> None:
    settle(here, room)
    document, ana = room.replace("/incidents/", "/post-mortems/"), Visitor(here, "ana")
    anas = ana.open(document)
    fields = ben.open(document).form(document).fields
    written = {name: ["Ben's words"] for name in fields if name.startswith("section.")}
    assert ben.send(document, {**fields, **written, "do": "final"}).onward == f"{document}?done=final"
    late = ana.press(anas, document, section__summary="Ana's summary", do="save")
    assert late.status == 409 and late.says("The post-mortem is final.")
    assert late.says("What you typed, which was not saved") and late.says("Ana's summary")
    assert late.html.count("which was not saved") == 1 and late.says("Ben's words")


def test_a_role_is_handed_over_with_one_press_and_never_to_who_holds_it(here: Served, room: str) -> None:
    ana = Visitor(here, "ana")
    ana.do(room, f"{room}/assign", role="technical_lead")
    holder = record(here, room).roles["technical_lead"]
    forms = [one for one in ana.open(room).forms() if one.fields.get("role") == ["technical_lead"]]
    offered = [one.fields["person"] for one in forms if "person" in one.fields]
    assert len(offered) == 2 and [holder] not in offered, "a button, and a list that begins with somebody else"
    ana.send(f"{room}/assign", forms[-2].fields)
    assert [record(here, room).roles["technical_lead"]] == offered[0]
