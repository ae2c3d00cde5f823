"""Communication, clause by clause: stakeholders, posts by hand, the call, and the log of everything that was said."""

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import msgspec
import pytest

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.public import public_answer
from tests.support.slack import TOKEN, Workspace, workspace
from tests.support.subscribed import Readers
from tests.support.world import ROSE, World
from tocsin.comms.social import TooLong
from tocsin.delivery.channel import Dead
from tocsin.delivery.slack import Slack
from tocsin.incidents.confidential import NotForThisAudience
from tocsin.incidents.model import Paged, Updated
from tocsin.incidents.places import CallOpened
from tocsin.incidents.telling import PostedElsewhere
from tocsin.kit.errors import Invalid
from tocsin.obligations.model import State
from tocsin.plan.model import Stage
from tocsin.plan.networks import Network
from tocsin.response import archive, commands, communications, evidence, secrecy, telling, told

WORDS = {"impact": "Nobody can talk to Rose", "actions": "Restarted it", "next": "Watch it"}
ISSUE = {"issue": "silence", "impact": "Rose does not answer"}
HERE = "https://social.example.org/@rose/1"


@pytest.fixture
def slack(busy: World) -> Iterator[Workspace]:
    with workspace() as one:
        for person in ("ana", "ben", "lucia"):
            one.person(person)
        busy.connect(Slack(TOKEN, one.url, timedelta(seconds=2)))
        yield one


# ---- COM-05: users ----


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_com_05_users_get_mail_and_a_notice_in_plain_words_and_hear_when_it_is_over(
    console: Console, busy: World, readers: Readers, severity: str
) -> None:
    incident = busy.declare("qdrant-7 evicts its pods", severity=severity)
    assert readers.hear() == [] and notice(console)["quiet"]
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    (mail,) = readers.hear()
    assert mail.subject == "[Rose] Investigating: Silence" and "Rose does not answer" in mail.text
    (shown,) = notice(console)["incidents"]
    assert (shown["name"], shown["stage"]) == ("Silence", "Investigating") and not notice(console)["quiet"]
    busy.advance(minutes=10)
    known = {**ISSUE, "cause": "a full store", "eta": "04:00 UTC"}
    busy.do(commands.post_update, incident.id, "public", known, Stage.IDENTIFIED)
    (mail,) = readers.hear()
    assert "a full store" in mail.text and "04:00 UTC" in mail.text
    busy.advance(minutes=5)
    busy.do(mend, incident.id)
    assert busy.owed(incident.id)["update:public"].what == "Public: say that it is resolved"
    busy.do(commands.post_update, incident.id, "public", {"message": "Rose answers again."}, Stage.RESOLVED)
    (mail,) = readers.hear()
    assert mail.subject == "[Rose] Resolved: Silence" and "Rose answers again." in mail.text
    assert notice(console)["quiet"] and notice(console)["incidents"] == []
    assert "qdrant" not in mail.text + mail.html + mail.subject  # of the title nobody outside hears


def test_com_05_words_of_the_trade_are_pointed_out_before_users_read_them(busy: World, readers: Readers) -> None:
    incident = busy.declare(severity="P1")
    found = busy.do(
        telling.look_over, incident.id, "public", {**ISSUE, "impact": "The latency is high"}, Stage.INVESTIGATING
    )
    assert found.look.jargon and readers.hear() == []


def test_com_05_of_a_breach_users_hear_nothing(console: Console, busy: World, readers: Readers) -> None:
    incident = busy.declare(severity="P0")
    busy.do(secrecy.make_confidential, incident.id, "it names a customer")
    with pytest.raises(NotForThisAudience):
        busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    assert readers.hear() == [] and notice(console)["quiet"]


def notice(console: Console) -> dict[str, Any]:
    """What the notice in the pages of the product says."""
    found: dict[str, Any] = public_answer(console.here, "/status/notice.json").json()
    return found


# ---- COM-06: posts by hand ----


def test_com_06_a_post_is_drafted_for_each_network_and_stands_on_the_record_on_a_persons_word(busy: World) -> None:
    incident = busy.declare(severity="P1")
    assert busy.read(telling.social, incident.id) == ()
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    found = {one.network: one for one in busy.read(telling.social, incident.id)}
    assert list(found) == list(Network) and {one.most for one in found.values()} == {280, 500, 300, 3000}
    assert all(one.length <= one.most for one in found.values())
    draft = found[Network.MASTODON].text
    assert draft.startswith("Investigating: Something is not right") and draft.endswith("/status")
    assert not busy.entries(incident.id, PostedElsewhere)
    busy.do(telling.posted, incident.id, Network.MASTODON, draft, HERE)
    (posted,) = busy.entries(incident.id, PostedElsewhere)
    assert (posted.by, posted.text, posted.link) == ("ana", draft, HERE)


def test_com_06_what_no_network_would_have_taken_is_refused(busy: World) -> None:
    incident = busy.declare(severity="P1")
    with pytest.raises(TooLong, match="X takes 280, and this counts 281"):
        busy.do(telling.posted, incident.id, Network.X, "a" * 281, HERE)
    with pytest.raises(Invalid):
        busy.do(telling.posted, incident.id, Network.X, "We are on it", "javascript:alert(1)")
    assert not busy.entries(incident.id, PostedElsewhere)


def test_com_06_nothing_is_drafted_of_what_is_confidential(busy: World) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    busy.do(secrecy.make_confidential, incident.id, "it may be a breach")
    assert busy.read(telling.social, incident.id) == ()
    with pytest.raises(NotForThisAudience):
        busy.do(telling.posted, incident.id, Network.X, "We are on it", HERE)


# ---- COM-07, COM-08: stakeholders ----


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_com_07_executives_hear_within_fifteen_minutes_and_then_hourly(busy: World, severity: str) -> None:
    incident = busy.declare(severity=severity)
    assert busy.owed(incident.id)["update:executives"].due_at == incident.declared_at + timedelta(minutes=15)
    about = {"impact": "No new customer can sign up", "actions": "Rolled back", "eta": "04:00 UTC"}
    busy.do(commands.post_update, incident.id, "executives", about)
    (update,) = busy.entries(incident.id, Updated)
    said = ("Business impact: No new customer", "Expected to be over: 04:00 UTC", "Next update: 2026-11-24 03:38 UTC")
    assert [one for one in said if one not in update.text] == []
    (mail,) = [one for one in busy.mail.sent if one.audience == "executives"]
    assert mail.body.count(f"/incidents/{incident.id}") == 1  # the template has the link already
    assert busy.owed(incident.id)["update:executives"].due_at == update.at + timedelta(hours=1)
    assert busy.ended(incident.id, "update:executives") == [State.MET]


def test_com_07_without_the_business_impact_nothing_is_sent(busy: World) -> None:
    incident = busy.declare(severity="P1")
    with pytest.raises(Invalid, match="impact"):
        busy.do(commands.post_update, incident.id, "executives", {"actions": "Rolled back"})
    assert not busy.entries(incident.id, Updated)


def test_com_08_customer_success_is_owed_talking_points_of_what_users_notice(busy: World) -> None:
    for severity, owed in {"P0": True, "P1": True, "P2": False, "P3": False}.items():
        incident = busy.declare(f"Trouble of {severity}", severity=severity)
        assert ("update:customer_success" in busy.owed(incident.id)) is owed
    incident = busy.declare("Voice is silent", severity="P1")
    about = {"impact": "Rose is silent", "message": "We know, and write again by four.", "eta": "04:00 UTC"}
    busy.do(commands.post_update, incident.id, "customer_success", about)
    (update,) = busy.entries(incident.id, Updated)
    said = ("What you can tell them: We know", "Expected to be over: 04:00 UTC", "You hear from us again: 2026-11-24")
    assert [one for one in said if one not in update.text] == [] and "Incident detected" in update.text
    assert busy.ended(incident.id, "update:customer_success") == [State.MET]


def test_com_08_the_matrix_says_who_was_told_what_and_who_is_owed_what_next(busy: World, console: Console) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    rows = {one.audience: one for one in busy.read(told.matrix, incident.id)}
    assert list(rows) == ["internal", "public", "executives", "customer_success"]
    (internal,), (public,) = rows["internal"].told, rows["public"].told
    assert {(one.way, one.state) for one in internal.ways} == {("email", "sent")} and internal.ways
    assert [(one.way, one.who, one.state) for one in public.ways] == [
        ("status_page", "everyone", "published"),
        ("subscribers", "whoever subscribes", "announced"),
    ]
    assert rows["executives"].told == [] and rows["executives"].next is not None
    assert not rows["executives"].next.is_overdue
    busy.advance(minutes=16)
    late = {one.audience: one.next for one in busy.read(told.matrix, incident.id)}["executives"]
    assert late is not None and late.is_overdue
    page = console.visitor("ben").open(f"/incidents/{incident.id}/told")
    assert page.says("Customer success") and page.says("overdue by") and page.says("everyone, status page, published")


# ---- COM-09: the log ----


def test_com_09_everything_in_and_out_is_on_the_log_with_its_result(busy: World, slack: Workspace) -> None:
    incident = busy.declare(severity="P1")
    (page,) = [one for one in busy.mail.sent if one.audience == "page"][:1]
    busy.do(commands.acknowledge_page, busy.answer_link(page).rpartition("/")[2], by="ben")
    busy.mail.answers["ben@rose.example"] = Dead("no such mailbox")
    busy.do(commands.post_update, incident.id, "internal", WORDS)
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    busy.do(telling.posted, incident.id, Network.X, "We are on it", HERE)
    log = busy.read(communications.log, incident.id)
    seen = {(str(one.direction), one.way, one.about, one.state) for one in log}
    assert {
        ("out", "email", "page", "sent"),
        ("in", "link", "page", "received"),
        ("out", "email", "internal", "dead"),
        ("out", "status_page", "public", "published"),
        ("out", "slack", "channel", "sent"),
        ("out", "x", "public", "posted"),
        ("out", "subscribers", "public", "announced"),
    } <= seen
    failed = next(one for one in log if one.about == "internal" and one.who == "ben")
    assert failed.problem == "no such mailbox" and [one.kind for one in failed.steps] == ["failed"]
    assert [one.at for one in log] == sorted(one.at for one in log)
    assert busy.entries(incident.id, Paged)


def test_com_09_the_log_holds_no_link_that_answers_and_no_address(busy: World) -> None:
    incident = busy.declare(severity="P1")
    whole = msgspec.json.encode(busy.read(communications.log, incident.id)).decode()
    assert "/a/" not in whole and not [one for one in busy.mail.sent if one.address in whole]


def test_com_09_it_is_part_of_the_evidence_under_its_hash(busy: World, console: Console) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.post_update, incident.id, "public", ISSUE, Stage.INVESTIGATING)
    packed = busy.read(evidence.pack, incident.id)
    assert archive.examine(packed).problems == ()
    with zipfile.ZipFile(BytesIO(packed)) as whole:
        said = whole.read(archive.COMMUNICATIONS)
        signed = msgspec.json.decode(whole.read(archive.MANIFEST))["files"][archive.COMMUNICATIONS]
    log = msgspec.json.decode(said)["log"]
    assert signed["sha256"] == hashlib.sha256(said).hexdigest()
    assert log == msgspec.json.decode(msgspec.json.encode(busy.read(communications.log, incident.id)))
    assert packed == busy.read(evidence.pack, incident.id)


def test_com_09_of_what_is_confidential_the_log_is_for_its_readers_alone(busy: World, console: Console) -> None:
    incident = busy.declare(severity="P1")
    busy.do(secrecy.make_confidential, incident.id, "it may be a breach")
    for page in ("told", "communications"):
        assert console.visitor("ana").open(f"/incidents/{incident.id}/{page}").status == 200
        assert console.visitor("erin").open(f"/incidents/{incident.id}/{page}").status == 404


# ---- RSP-02: the call, wherever it is ----

PATTERNS = {
    "jitsi": ("https://meet.jit.si/rose-{channel}-{token}", "https://meet.jit.si/rose-incident-20261124-"),
    "meet": ("https://meet.google.com/lookup/rose-{number}-{token}", "https://meet.google.com/lookup/rose-1-"),
    "teams": (
        "https://teams.microsoft.com/l/meetup-join/19%3ameeting_{token}%40thread.v2/0",
        "https://teams.microsoft.com/l/meetup-join/19%3ameeting_",
    ),
    "zoom": ("https://zoom.us/j/5551112222?pwd=abc", "https://zoom.us/j/5551112222?pwd=abc"),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_rsp_02_the_call_is_where_the_pattern_says_in_page_room_and_topic(sqlite_url: str, name: str) -> None:
    pattern, begins = PATTERNS[name]
    world = World(sqlite_url, plan=ROSE.replace("https://meet.example.org/{channel}-{token}", pattern))
    with workspace() as slack:
        slack.person("ana")
        world.connect(Slack(TOKEN, slack.url, timedelta(seconds=2)))
        incident = world.declare("Voice is silent", severity="P1")
        call = world.incident(incident.id).call
        assert call.startswith(begins)
        pages = [one.body for one in world.mail.sent if one.audience == "page"]
        assert pages and all(f"Call: {call}" in one for one in pages)
        assert f"Call: {call}" in slack.only().topic and f"Call: {call}" in slack.only().messages[0].text
    world.overlook()
    world.close()


def test_rsp_02_a_person_replaces_the_call_and_everybody_finds_the_new_one(
    busy: World, console: Console, slack: Workspace
) -> None:
    incident = busy.declare(severity="P1")
    busy.do(commands.assign, incident.id, "incident_commander", "ben")
    console.press(incident, "call", call__link="https://meet.example.org/another")
    _, moved = busy.entries(incident.id, CallOpened)
    assert (moved.by, moved.link) == ("ben", "https://meet.example.org/another")
    assert "Call: https://meet.example.org/another" in slack.only().topic
    mails = [one for one in busy.mail.sent if one.audience == "call"]
    assert mails and all("https://meet.example.org/another" in one.body for one in mails)
    assert "ben" not in {one.person for one in mails}
    assert 'href="https://meet.example.org/another"' in console.room(incident).html
    refused = console.press(incident, "call", call__link="nowhere")
    assert refused.status == 400 and refused.says("begins with https://")
