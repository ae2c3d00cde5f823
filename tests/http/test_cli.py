"""What somebody at a terminal does with a running server: every command that speaks to the API, over a real socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

import httpx2
import pytest

from tests.support.server import Server, free_port, wait_until
from tests.support.stranger import another_program
from tests.support.terminal import Terminal, reaching, token
from tests.support.world import QUIET
from tocsin.kit.clock import SystemClock
from tocsin.people import access, commands

SCOPES = frozenset({"incidents:read", "incidents:write", "plan:read", "metrics:read", "signals:write"})


@pytest.fixture
def tocsin(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, reaching(server, SCOPES))


def declared(tocsin: Terminal, title: str, *more: str) -> str:
    words = ("declare", title, "--severity", "P1", "--type", "service_outage", *more, "--json")
    incident_id: str = tocsin(*words).json["id"]
    return incident_id


# ---- An incident, from its declaration to its post-mortem ------------------------------------------------------------


def test_declaring_prints_the_number_and_the_list_shows_it(tocsin: Terminal) -> None:
    out = tocsin.done("declare", "Voice is silent", "--severity", "P1", "--type", "service_outage", "--user-report")
    number, incident_id = out.split()[:2]
    assert number.startswith("#") and incident_id.startswith("inc_")
    assert f"{incident_id}  P1 investigating: Voice is silent" in out
    assert incident_id in tocsin.done("incidents", "--severity", "P1", "--type", "service_outage")
    assert incident_id not in tocsin.done("incidents", "--severity", "P2")
    found = tocsin("show", incident_id, "--json").json
    assert found["trigger"] == "user_report" and f"#{found['number']}" == number


def test_show_says_what_is_owed_by_whom_and_how_soon(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Memory is gone", "--service", "rose", "--impact", "Rose forgets people")
    tocsin.done("assign", incident, "communications_lead", "lucia")
    lines = tocsin.done("show", incident).splitlines()
    assert any(line.split() == ["Service", "rose"] for line in lines)
    assert any(line.split() == ["Communications", "lead", "lucia"] for line in lines)
    assert any(line.startswith("Impact") and "Rose forgets people" in line for line in lines)
    assert any("Acknowledge within 15 min" in line and "14:" in line and "left" in line for line in lines)
    assert any("Public: update" in line and "lucia" in line and "update:public" in line for line in lines)
    assert "became communications lead" in lines[-1]


def see_checks_pass(tocsin: Terminal, incident: str) -> None:
    for check in tocsin("work", incident, "--json").json["verification"]:
        tocsin.done("check", incident, check["key"])


def test_the_verbs_stand_on_the_record_in_order(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Everything is slow")
    tocsin.done("ack", incident)
    tocsin.done("assign", incident, "incident_commander", "ben")
    assert "P0 investigating" in tocsin.done("severity", incident, "P0", "--because", "it is down, not slow")
    assert "it is down, not slow" in tocsin.done("show", incident).split("Started")[0]
    tocsin.done("type", incident, "performance_degradation", "--because", "it is slow after all")
    tocsin.done("note", incident, "The volume is full")
    tocsin.done("decide", incident, "Delete old logs", "--because", "they are copied elsewhere")
    assert "mitigating" in tocsin.done("mitigate", incident, "--how", "Deleted 40 GB of logs")
    see_checks_pass(tocsin, incident)
    assert "watching" in tocsin.done("resolve", incident, "--how", "The volume has twice the room")
    record = tocsin.done("timeline", incident)
    said = (
        "acknowledged",
        "Ben Halvorsen became incident commander",
        "from P1 to P0: it is down, not slow",
        "it is slow after all",
        "The volume is full",
        "Delete old logs. Because: they are copied elsewhere",
        "Deleted 40 GB of logs",
        "The volume has twice the room",
    )
    assert [text for text in said if text in record] == list(said)
    assert sorted(said, key=record.index) == list(said)
    kinds = [entry["kind"] for entry in tocsin("timeline", incident, "--json").json["entries"]]
    assert kinds[0] == "Declared" and kinds[-1] == "Resolved"


def test_an_update_is_written_in_the_words_of_the_template(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Voice stutters")
    refused = tocsin("update", incident, "--audience", "internal", "--impact", "Nobody hears Rose")
    assert refused.code == 2 and "fill in actions and next" in refused.err
    typed = ("--cause", "A full volume", "--impact", "Nobody hears Rose", "--eta", "20 min")
    tocsin.done("update", incident, "--audience", "public", "--stage", "identified", *typed)
    (entry,) = [one for one in tocsin("timeline", incident, "--json").json["entries"] if one["kind"] == "Updated"]
    assert entry["body"]["stage"] == "identified" and "A full volume" in entry["body"]["text"]
    internal = ("--impact", "Nobody hears Rose", "--actions", "Cleaning up", "--next", "Restart")
    tocsin.done("update", incident, "--audience", "internal", *internal)
    assert "Cleaning up" in tocsin.done("timeline", incident)


def test_what_is_found_and_proved_is_typed_and_shown(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Nothing is found")
    tocsin.done("finding", incident, "The disk is full", "--as", "root_cause", "--evidence", "df")
    tocsin.done("impact", incident, "--percent", "40", "--source", "Grafana", "--functions", "Voice")
    tocsin.done("decide", incident, "Wait", "--because", "it is theirs", "--option", "Roll back", "--basis", "a graph")
    tocsin.done("strategy", incident, "rollback", "--because", "it is quick")
    tocsin.done("fix", incident, "Version 41", "--where", "production", "--tested")
    refused = tocsin("resolve", incident, "--how", "rolled back")
    assert refused.code == 4 and "The smoke tests pass" in refused.err
    see_checks_pass(tocsin, incident)
    out = tocsin.done("work", incident)
    for word in ("root cause", "The disk is full", "40 %", "Grafana", "Wait", "Rollback", "Version 41", "passed"):
        assert word in out
    tocsin.done("resolve", incident, "--how", "rolled back")
    tocsin.done("confirm", incident, "metrics", "--evidence", "a graph")
    assert "watching" in tocsin.done("thank", incident, "That was quick, thank you")


def test_a_checklist_is_ticked_off_and_roles_are_told(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Tick me off")
    tocsin.done("tick", incident, "type.service_outage.1", "--note", "all green")
    tocsin.done("tick", incident, "type.service_outage.2", "--not-applicable")
    out = tocsin.done("checklist", incident)
    assert "all green" in out and "n/a" in out and "Detection (now)" in out
    tocsin.done("untick", incident, "type.service_outage.1")
    assert "all green" not in tocsin.done("checklist", incident)
    for person in ("ben", "erin"):
        tocsin.done("assign", incident, "scribe", person)
    out = tocsin.done("roles", incident)
    assert out.index("ben") < out.index("erin")


def test_incidents_are_merged_linked_and_split_by_number(tocsin: Terminal) -> None:
    one, other = declared(tocsin, "One of two"), declared(tocsin, "Two of two")
    number = str(tocsin("show", other, "--json").json["number"])
    tocsin.done("link", one, number, "--as", "caused_by", "--because", "one disk")
    assert tocsin("show", other, "--json").json["relations"] == {one: "caused"}
    tocsin.done("unlink", one, other, "--because", "a mistake")
    part = ("--severity", "P2", "--type", "data_loss", "--because", "another fault")
    assert "P2 investigating: A part" in tocsin.done("split", one, "A part", *part)
    assert "merged: One of two" in tocsin.done("merge", one, "--into", number, "--because", "the same trouble")
    refused = tocsin("note", one, "Still here")
    assert refused.code == 4 and other in refused.err


def test_what_the_record_proposes_is_printed(tocsin: Terminal) -> None:
    for title in ("a", "b", "c"):
        incident = declared(tocsin, title)
        tocsin.done("tick", incident, "type.service_outage.5", "--not-applicable")
    assert "type.service_outage.5" in tocsin.done("insights", "proposals")
    found = tocsin("insights", "proposals", "--at-least", "200", "--json").json
    assert found["proposals"] == []


def test_waiving_takes_the_key_that_show_prints_and_whoever_leads(tocsin: Terminal, server: Server) -> None:
    app = server.app()
    with app.database.work(access.local_operator("operator")) as tx:
        rights = frozenset({"incidents:read", "incidents:write"})
        _, secret = commands.make_token(tx, "of ben", rights, None, owner="ben")
    app.database.dispose()
    tocsin.set("TOCSIN_TOKEN", secret)
    incident = declared(tocsin, "A small one")
    refused = tocsin("waive", incident, "role:scribe", "--because", "two of us and a terminal")
    assert refused.code == 5 and "incident commander" in refused.err
    tocsin.done("assign", incident, "incident_commander", "ben")
    tocsin.done("waive", incident, "role:scribe", "--because", "two of us and a terminal")
    assert "role:scribe" not in tocsin.done("show", incident).partition("Last entries")[0]
    again = tocsin("waive", incident, "role:scribe", "--because", "still")
    assert again.code == 3 and "role:scribe" in again.err
    ledger = tocsin.done("ledger", incident)
    assert "waived" in ledger and "two of us and a terminal" in ledger and "entry 1" in ledger
    (waived,) = [one for one in tocsin("ledger", incident, "--json").json["obligations"] if one["state"] == "waived"]
    assert (waived["key"], waived["settled_by"]) == ("role:scribe", "ben")


def test_closing_is_refused_with_what_the_plan_still_requires(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Nearly over")
    see_checks_pass(tocsin, incident)
    tocsin.done("resolve", incident, "--how", "restarted")
    refused = tocsin("close", incident)
    assert refused.code == 4 and refused.out == ""
    assert "the post-mortem is not scheduled" in refused.err
    assert "the post-mortem is not scheduled" in tocsin.done("show", incident)
    tocsin.done("review", "schedule", incident, "--at", "2199-01-01T14:00+01:00")
    assert tocsin("show", incident, "--json").json["review_at"].startswith("2199-01-01T13:00:00")
    assert "the post-mortem is not scheduled" not in tocsin("close", incident).err


def test_a_meeting_is_scheduled_and_held_once_the_incident_is_resolved(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Worth talking about")
    assert tocsin("review", "held", incident).code == 4
    see_checks_pass(tocsin, incident)
    tocsin.done("resolve", incident, "--how", "restarted")
    tocsin.done("review", "schedule", incident, "--at", "2199-01-01")
    tocsin.done("review", "held", incident)
    assert tocsin("show", incident, "--json").json["review_held_at"] is not None
    assert "investigating" in tocsin.done("reopen", incident, "--because", "it came back")


def test_a_post_mortem_is_written_in_sections_and_read_as_markdown(tocsin: Terminal) -> None:
    incident = declared(tocsin, "A lesson")
    lines = tocsin.done("postmortem", incident).splitlines()
    assert any(line.split()[0] == "summary" and "to be written" in line for line in lines[2:])
    tocsin.done("postmortem", "write", incident, "summary", "It was *us*.")
    out = tocsin.done("postmortem", "write", incident, "technical_cause", "-", stdin="The disk\nwas full.\n")
    assert "A lesson is draft; still empty:" in out
    markdown = tocsin.done("postmortem", incident, "--markdown")
    assert markdown.startswith("# Post-mortem: A lesson\n") and "The disk\nwas full." in markdown
    sections = {one["id"]: one for one in tocsin("postmortem", incident, "--json").json["sections"]}
    assert sections["summary"]["text"] == "It was *us*." and sections["summary"]["is_done"]


def test_a_post_mortem_becomes_final_when_nothing_required_is_empty(tocsin: Terminal) -> None:
    incident = declared(tocsin, "A short lesson")
    refused = tocsin("postmortem", "final", incident)
    assert refused.code == 4 and "Executive summary" in refused.err
    for section in tocsin("postmortem", incident, "--json").json["sections"]:
        if section["required"] and not section["is_done"]:
            tocsin.done("postmortem", "write", incident, section["id"], "Written.")
    assert "is final." in tocsin.done("postmortem", "final", incident)
    assert tocsin("postmortem", "write", incident, "summary", "Too late").code == 4


# ---- Naming an incident ----------------------------------------------------------------------------------------------


def test_an_incident_is_known_by_its_number_too(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Called by its number")
    number = str(tocsin("show", incident, "--json").json["number"])
    assert incident in tocsin.done("ack", number)
    assert incident in tocsin.done("show", f"#{number}")
    nobody = tocsin("ack", "987654321")
    assert nobody.code == 3 and nobody.err == "There is no incident number 987654321.\n"


def test_the_list_says_when_it_is_not_whole(tocsin: Terminal) -> None:
    first, second = declared(tocsin, "First of two"), declared(tocsin, "Second of two")
    printed = tocsin("incidents", "--limit", "1")
    assert second in printed.out and first not in printed.out
    assert "--limit" in printed.err
    assert tocsin("incidents", "--limit", "0").code == 2
    assert {first, second} <= {one["id"] for one in tocsin("incidents", "--all", "--json").json["incidents"]}


def test_a_word_cannot_lead_elsewhere_in_the_api(tocsin: Terminal) -> None:
    assert tocsin("show", "../plan").code == 3


# ---- Around the incidents --------------------------------------------------------------------------------------------


def test_the_audit_log_is_printed_as_far_as_was_asked(tocsin: Terminal, server: Server) -> None:
    refused = tocsin("audit")
    assert refused.code == 5 and "audit:read" in refused.err
    tocsin.set("TOCSIN_TOKEN", server.token)
    missing = tocsin("audit", "--deed", "refused.right", "--json").json["acts"]
    assert ("token:terminal", "/api/v1/audit") in {(one["actor"], one["about"]) for one in missing}
    printed = tocsin.done("audit", "--deed", "plan")
    assert "plan.applied" in printed and "the first plan of this installation" in printed
    (made,) = tocsin("audit", "--deed", "token.made", "--from", "2026-01-01", "--limit", "1", "--json").json["acts"]
    assert made["about"].startswith("tok_") and made["source"] == "this machine"
    assert "Nothing, as far as was asked for." in tocsin.done("audit", "--about", "nobody")
    assert tocsin("audit", "--from", "yesterday").code == 2


@pytest.mark.tries("generic-signals", "tocsin signal send", "fires")
def test_a_signal_that_no_rule_knows_waits_to_be_seen(tocsin: Terminal) -> None:
    printed = tocsin.done("signal", "send", "The cat is on the server", "--key", "cat-1", "--label", "animal=cat")
    assert printed == "The signal was taken, as cat-1.\n"
    line = wait_until(
        lambda: [one for one in tocsin.done("signals", "--waiting").splitlines() if "The cat is on" in one],
        what="the signal's turn",
    )
    assert "generic" in line[0]
    found = tocsin("signals", "--json").json["signals"]
    assert [one["labels"] for one in found if one["key"] == "cat-1"] == [{"animal": "cat"}]
    assert tocsin.done("signals", "--quarantined")
    assert "Everything could be read." in tocsin.done("signal", "reread")
    assert tocsin("signal", "reread", "999").code == 3
    (cat,) = [one["id"] for one in found if one["key"] == "cat-1"]
    why = tocsin.done("signal", "explain", cat)
    assert "Nobody was paged: no rule of the plan matches" in why and "rose does not answer" in why
    assert tocsin("signal", "explain", cat, "--json").json["rule"] is None
    tocsin.done("signal", "send", "The cat is on the server", "--key", "cat-1", "--resolved")


def test_another_plans_rules_are_tried_on_a_signal(tocsin: Terminal, tmp_path: Path) -> None:
    tocsin.done("signal", "send", "The dog is on the server", "--key", "dog-1", "--label", "animal=dog")
    dog = wait_until(
        lambda: [one["id"] for one in tocsin("signals", "--json").json["signals"] if one["key"] == "dog-1"],
        what="the signal's turn",
    )[0]
    rule = "\nrules:\n  - { name: dogs, when: { animal: dog }, type: data_loss, severity: P0 }\n"
    plan = tmp_path / "plan.yaml"
    plan.write_text(QUIET.replace("\nrules:\n", rule), encoding="utf-8")
    tried = tocsin.done("signal", "explain", dog, "--plan", str(plan))
    assert "P0, by the rule \u201cdogs\u201d: animal is dog." in tried and "What followed" not in tried
    assert tocsin("signal", "explain", dog, "--plan", str(plan), "--json").json["rule"] == "dogs"
    plan.write_text("tocsin: 1\n", encoding="utf-8")
    assert tocsin("signal", "explain", dog, "--plan", str(plan)).code == 2
    assert tocsin("signal", "explain", "sig_none").code == 3
    tocsin.done("signal", "send", "The dog is on the server", "--key", "dog-1", "--resolved")


def test_a_label_has_a_name_and_a_value(tocsin: Terminal) -> None:
    refused = tocsin("signal", "send", "x", "--label", "cat")
    assert refused.code == 2 and "service=rose" in refused.err


def test_oncall_names_a_person_for_each_rotation(tocsin: Terminal) -> None:
    shifts = tocsin("oncall", "--json").json["shifts"]
    out = tocsin.done("oncall")
    assert shifts and all(one["person_name"] in out and one["name"] in out for one in shifts)


def test_a_rota_is_taken_and_given_back_from_a_terminal(server: Server, tocsin: Terminal) -> None:
    tocsin.set("TOCSIN_TOKEN", token(server, SCOPES | {access.PLAN_WRITE}))
    span = ("--from", "2030-01-07T10:00Z", "--to", "2030-01-07T12:00Z")
    refused = tocsin("oncall", "override", "on_call", *span, "--reason", "a film", "--person", "nobody")
    assert refused.code == 2 and "nobody" in refused.err
    made = tocsin("oncall", "override", "on_call", *span, "--reason", "a film", "--person", "lucia", "--json").json
    assert made["id"] in tocsin.done("oncall", "overrides")
    seen = tocsin.done("oncall", "show", "on_call", *span)
    assert made["id"] in seen and "Lucía Ferrer" in seen
    assert "holds again" in tocsin.done("oncall", "cancel", made["id"], "--reason", "no film")
    again = tocsin("oncall", "cancel", made["id"], "--reason", "no film")
    assert again.code == 4 and "cancelled already" in again.err
    assert "no film" in tocsin.done("oncall", "overrides")
    assert tocsin("oncall", "accept", "swp_NOBODY").code == 3
    assert "Nobody has asked" in tocsin.done("oncall", "swaps")


def test_a_calendar_is_made_listed_and_revoked_from_a_terminal(server: Server, tocsin: Terminal) -> None:
    secret = token(server, SCOPES | {access.PEOPLE_WRITE})
    assert tocsin("oncall", "feed").code == 2  # a program has none of its own
    tocsin.set("TOCSIN_TOKEN", secret)
    made = tocsin("oncall", "feed", "on_call", "--person", "ana")
    assert made.code == 0 and made.out.strip().endswith(".ics") and "not shown again" in made.err
    calendar = httpx2.get(server.url + made.out.strip()[made.out.index("/oncall") :], trust_env=False)
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    (feed,) = tocsin("oncall", "feeds", "--json").json["feeds"]
    assert feed["id"] in tocsin.done("oncall", "feeds") and feed["id"] in made.err
    assert "is revoked" in tocsin.done("oncall", "revoke", feed["id"])
    assert tocsin("oncall", "revoke", feed["id"]).code == 3
    assert "Nobody has subscribed" in tocsin.done("oncall", "feeds")


def test_shifts_are_imported_from_a_terminal(server: Server, tocsin: Terminal, tmp_path: Path) -> None:
    tocsin.set("TOCSIN_TOKEN", token(server, SCOPES | {access.PLAN_WRITE}))
    file = tmp_path / "rota.csv"
    file.write_text("start,end,person\n2030-02-04T09:00,2030-02-05T09:00,lucia\n2030-02-06,2030-02-07,x\n", "utf-8")
    wrong = tocsin("oncall", "import", str(file), "--rotation", "on_call")
    assert wrong.code == 2 and "line 3: 'x' names nobody of the plan" in wrong.err
    file.write_text("start,end,person\n2030-02-04T09:00,2030-02-05T09:00,lucia\n", "utf-8")
    looked = tocsin.done("oncall", "import", str(file), "--rotation", "on_call", "--dry-run")
    assert "To be arranged: 1. So already: 0. Over: 0." in looked and "lucia" in looked
    assert "Arranged: 1." in tocsin.done("oncall", "import", str(file), "--rotation", "on_call")
    again = tocsin("oncall", "import", str(file), "--rotation", "on_call", "--json").json
    assert (again["changes"], again["as_it_is"]) == ([], 1)
    assert "Imported from rota.csv" in tocsin.done("oncall", "overrides")
    assert tocsin("oncall", "import", str(tmp_path / "none.csv"), "--rotation", "on_call").code == 3


def test_a_shift_is_handed_on_from_a_terminal(server: Server, tocsin: Terminal) -> None:
    tocsin.set("TOCSIN_TOKEN", token(server, SCOPES | {access.PLAN_WRITE}))
    now = SystemClock().now()
    span = ("--from", now.isoformat(), "--to", (now + timedelta(hours=2)).isoformat())
    tocsin.done("oncall", "override", "on_call", *span, "--reason", "a film", "--person", "lucia")

    def opened() -> list[dict[str, object]]:
        found = tocsin("oncall", "handoff", "show", "--json").json["handoffs"]
        return [one for one in found if one["incoming"] == ["lucia"]]

    wait_until(lambda: bool(opened()))
    handoff = str(opened()[0]["id"])
    assert handoff in tocsin.done("oncall", "handoff", "show")
    early = tocsin("oncall", "handoff", "accept", handoff, "--contacts-confirmed")
    assert early.code == 4 and "not written yet" in early.err
    assert tocsin("oncall", "handoff", "write", handoff, "--note", "Voice").code == 2
    notes = [word for line in range(4) for word in ("--note", f"note {line}")]
    assert "written" in tocsin.done("oncall", "handoff", "write", handoff, *notes)
    assert "note 3" in tocsin.done("oncall", "handoff", "show", handoff)
    assert "asked" in tocsin.done("oncall", "handoff", "ask", handoff, "Which voice?")
    assert "Which voice?" in tocsin.done("oncall", "handoff", "show", handoff)
    assert "accepted" in tocsin.done("oncall", "handoff", "accept", handoff, "--contacts-confirmed")
    assert tocsin("oncall", "handoff", "show", "hnd_NOBODY").code == 3


def test_cover_is_proved_with_an_exit_code(tocsin: Terminal, tmp_path: Path) -> None:
    found = tocsin("oncall", "prove", "--weeks", "2", "--json").json
    assert found["claims"] > 0 and found["knows_reach"]
    file = tmp_path / "plan.yaml"
    rose = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
    file.write_text(rose, encoding="utf-8")
    proved = tocsin("oncall", "prove", "--plan", str(file))
    assert proved.code == 0 and "Somebody is there at every moment" in proved.out and "not known" in proved.out
    office = 'during: [{ weekdays: [mon], begins: "09:00", ends: "17:00" }]'
    file.write_text(rose.replace("people: [tomas, ana]", f"people: [tomas, ana]\n    {office}"), encoding="utf-8")
    caught = tocsin("oncall", "prove", "--plan", str(file))
    assert caught.code == 0 and "nobody is on call in on_call" in caught.out
    assert tocsin("oncall", "prove", "--plan", str(file), "--strict").code == 1
    alone = file.read_text(encoding="utf-8").replace("page: [commander]", "page: [on_call]")
    file.write_text(alone, encoding="utf-8")
    failed = tocsin("oncall", "prove", "--plan", str(file), "--json")
    assert failed.code == 1 and not json.loads(failed.out)["holds"]
    assert tocsin("oncall", "prove", "--plan", str(tmp_path / "none.yaml")).code == 3


def test_metrics_count_the_period_that_was_asked_for(tocsin: Terminal) -> None:
    incident = tocsin("show", declared(tocsin, "To be counted"), "--json").json
    tomorrow = (datetime.fromisoformat(incident["declared_at"]) + timedelta(days=1)).date().isoformat()
    found = tocsin("metrics", "--from", "2020-01-01", "--to", tomorrow, "--json").json
    assert found["period_start"] == "2020-01-01T00:00:00.000Z" and found["counts"]["total"] >= 1
    assert "Time to acknowledge" in tocsin.done("metrics")
    assert tocsin.done("metrics", "--from", "2020-01-01", "--to", "2020-02-01").startswith("0 incidents, 0 open")
    backwards = tocsin("metrics", "--from", "2020-02-01", "--to", "2020-01-01")
    assert backwards.code == 2 and "ends before it begins" in backwards.err


# ---- Refusals --------------------------------------------------------------------------------------------------------


def test_a_word_that_the_plan_does_not_know_is_named(tocsin: Terminal) -> None:
    refused = tocsin("declare", "x", "--severity", "P9", "--type", "service_outage")
    assert refused.code == 2 and refused.out == ""
    assert refused.err.count("P9") == 1 and "P0, P1, P2 and P3" in refused.err


def test_an_instant_must_be_one(tocsin: Terminal) -> None:
    refused = tocsin("metrics", "--from", "yesterday")
    assert refused.code == 2 and "2026-11-26T14:00+01:00" in refused.err


def test_an_incident_that_is_not_there(tocsin: Terminal) -> None:
    refused = tocsin("timeline", "inc_NOPE")
    assert refused.code == 3 and "inc_NOPE" in refused.err


def test_without_a_token_it_says_how_to_make_one(tocsin: Terminal) -> None:
    tocsin.set("TOCSIN_TOKEN", "")
    refused = tocsin("incidents")
    assert refused.code == 5 and "tocsin token create" in refused.err
    tocsin.set("TOCSIN_TOKEN", "tcs_not-a-token")
    assert tocsin("incidents").code == 5


def test_a_token_that_only_reads_may_not_declare(tocsin: Terminal, server: Server) -> None:
    app = server.app()
    with app.database.work(access.local_operator("operator")) as tx:
        _, secret = commands.make_token(tx, "reader", frozenset({"incidents:read"}), None)
    app.database.dispose()
    tocsin.set("TOCSIN_TOKEN", secret)
    assert tocsin("incidents").code == 0
    refused = tocsin("declare", "x", "--severity", "P1", "--type", "service_outage")
    assert refused.code == 5 and "incidents:write" in refused.err


def test_a_plan_is_checked_against_the_people_of_a_server(tocsin: Terminal) -> None:
    text = QUIET.replace("\npeople:\n", "\npeople:\n  zoe: { name: Zoe Brandt }\n")
    printed = tocsin("plan", "check", "-", "--against", "server", "--format", "json", stdin=text)
    found = [one["path"] for one in json.loads(printed.out)["findings"] if one["code"] == "unreachable"]
    assert printed.code == 1 and found == ["people.zoe"]
    assert json.loads(printed.out)["not_checked"] == ["whether the files are there that the plan links to"]


def test_no_server(tocsin: Terminal) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    tocsin.set("TOCSIN_URL", url)
    printed = tocsin("incidents")
    assert (printed.code, printed.out) == (6, "")
    assert printed.err == f"no answer from {url}; is the server running? (TOCSIN_URL)\n"


def test_a_server_without_tls_is_told_from_one_that_is_away(tocsin: Terminal, server: Server) -> None:
    url = server.url.replace("http://", "https://")
    tocsin.set("TOCSIN_URL", url)
    printed = tocsin("incidents")
    assert printed.code == 6 and printed.err.startswith(f"{url} does not speak TLS as it should")


@pytest.mark.parametrize("token", ["tcs_é", "tcs x", "tcs\n"])
def test_what_can_be_no_token_is_told_before_it_is_sent(tocsin: Terminal, token: str) -> None:
    tocsin.set("TOCSIN_TOKEN", token)
    printed = tocsin("incidents")
    assert printed.code == 5 and printed.err.startswith("TOCSIN_TOKEN holds what no token has")


def test_a_letter_that_the_terminal_lacks_is_told_by_its_number(tocsin: Terminal) -> None:
    declared = tocsin("declare", "Träge, 5 €", "--severity", "P1", "--type", "service_outage", "--json").json
    command = [sys.executable, "-m", "tocsin", "show", declared["id"]]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=60, check=True
    )
    assert "Träge, 5 \\u20ac" in done.stdout.decode("latin-1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no full device")
def test_a_full_disk_is_told_in_words(tocsin: Terminal) -> None:
    declared(tocsin, "There is something to print")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "tocsin", "incidents", "--all"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "The output could not be written: No space left on device.\n")


def test_a_waiting_signal_is_declared_or_dismissed(tocsin: Terminal) -> None:
    def waiting() -> list[str]:
        return [one["id"] for one in tocsin("signals", "--waiting", "--json").json["signals"]]

    for key in ("odd/one", "odd/two"):
        tocsin.done("signal", "send", "Odd noises", "--key", key)
    # a signal is accepted first and judged just after
    second, first = wait_until(lambda: (ids := waiting())[1:] and ids, what="both signals to wait")
    made = tocsin("signal", "declare", first, "--severity", "P1", "--type", "service_outage", "--json").json
    assert (made["title"], made["severity"]) == ("Odd noises", "P1")
    again = tocsin("signal", "declare", first, "--severity", "P1", "--type", "service_outage")
    assert again.code == 4 and "already" in again.err
    assert tocsin("signal", "dismiss", second, "--because", "the cat", "--json").json == {"dismissed": second}
    assert tocsin("signal", "dismiss", second).code == 4
    assert {first, second}.isdisjoint(waiting())


def test_a_mistyped_setting(tocsin: Terminal) -> None:
    tocsin.set("TOCSIN_TOKN", "x")
    refused = tocsin("incidents")
    assert refused.code == 2 and "did you mean TOCSIN_TOKEN?" in refused.err


@pytest.fixture
def stranger() -> Iterator[str]:
    with another_program() as address:
        yield address


def test_an_answer_of_another_program(tocsin: Terminal, stranger: str) -> None:
    tocsin.set("TOCSIN_URL", stranger)
    for words in ("incidents", "changes"):  # a page, and a refusal of another program's own
        refused = tocsin(words)
        assert refused.code == 3 and "does not answer as Tocsin does" in refused.err, words


def test_an_overloaded_server(tocsin: Terminal, stranger: str) -> None:
    tocsin.set("TOCSIN_URL", stranger)
    refused = tocsin("oncall")
    assert (refused.code, refused.err) == (6, "Too much waits.\n")


def test_a_title_cannot_steer_the_terminal(tocsin: Terminal) -> None:
    incident = declared(tocsin, "evil \x1b]0;owned\x07 \x9b31m [red]plain[/red] \u202egpj\u2066.exe")
    for command in (("incidents",), ("show", incident), ("timeline", incident), ("ticket", incident)):
        out = tocsin.done(*command)
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(out)
        is_a_file = command[0] == "ticket"  # which the server has written
        assert ("\ufffd]0;owned" if is_a_file else "\\x1b]0;owned") in out and "[red]plain[/red]" in out
        assert ("\ufffdgpj.exe" if is_a_file else "\\u202egpj\\u2066.exe") in out


def test_every_template_is_printed_with_its_blanks_and_an_update_before_it_is_posted(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Voice replies hang", "--service", "rose")
    listed = tocsin.done("template", incident)
    assert all(name in listed for name in ("incident_ticket", "status_resolved", "talking_points", "post_mortem"))
    assert "[to be written: what people notice]" in tocsin.done("template", incident, "internal_update")
    found = tocsin("template", incident, "incident_ticket", "--json").json
    assert found["blanks"] == ["users", "functions", "cause", "actions", "next"]
    update = ("update", incident, "--audience", "public", "--stage", "investigating")
    said = ("--issue", "no answers", "--impact", "Nobody hears Rose")
    assert "finding out why: no answers" in tocsin.done(*update, *said, "--preview")
    assert not [one for one in tocsin("timeline", incident, "--json").json["entries"] if one["kind"] == "Updated"]
    assert tocsin(*update, "--preview").code == 2
    assert tocsin("template", incident, "board").code == 3


def test_a_change_is_told_listed_and_near_what_broke_after_it(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Voice replies hang again", "--service", "rose")
    tocsin.done("change", "Version 41 of Rose", "--service", "rose")
    assert "Version 41 of Rose" in tocsin.done("changes")
    assert "deployment, Version 41 of Rose" in tocsin.done("assessment", incident)
    assert tocsin("change", "x", "--service", "rosa").code == 2


def test_being_in_touch_with_a_vendor_stands_on_the_record(tocsin: Terminal) -> None:
    incident = declared(tocsin, "Groq refuses every call", "--service", "rose")
    tocsin.done("support", incident, "groq", "They see it too", "--reference", "GR-1")
    assert "was in touch with the support of Groq (case GR-1): They see it too." in tocsin.done("timeline", incident)
    assert tocsin("support", incident, "aws", "Hello").code == 2
