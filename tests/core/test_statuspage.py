"""The public page: what gets onto it, the JSON that other programs read, and the feed."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NIGHT, PLAN, declared, incident, later, public, timeline, timelines
from tocsin.comms import corrections, statusfeeds, statuspage, statuswire
from tocsin.comms.statuspage import PublicIncident, PublicPage, public_incident, public_page
from tocsin.incidents import folding
from tocsin.incidents.model import AnyEntry, Noted, Numbered, Reopened, SeverityChanged, TypeChanged, Updated
from tocsin.incidents.telling import UpdateCorrected, UpdateWithdrawn
from tocsin.plan.model import Stage

URL = "https://status.example.org"
SINCE = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIRST = public(Stage.INVESTIGATING, "We look into it.", 10)
SECOND = public(Stage.IDENTIFIED, "It is <our> supplier.\nWe wait.", 40)
THIRD = public(Stage.MONITORING, "It is back.", 95)
LAST = public(Stage.RESOLVED, "It is over.", 130)


def posted(*entries: AnyEntry, incident_id: str = "inc_NIGHT", **changes: Any) -> PublicIncident:
    record = (declared(**changes), *entries)
    found = public_incident(PLAN, incident(*record, incident_id=incident_id), timeline(*record))
    assert found is not None
    return found


def page(*incidents: PublicIncident) -> PublicPage:
    return public_page(PLAN, "Rose", URL, incidents, SINCE)


def read(written: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written)
    return found


def statuses(shown: PublicPage) -> dict[str, str]:
    return {one.name: one.status for one in shown.components}


# ---- What becomes public ----


def test_nothing_is_public_until_something_is_posted() -> None:
    record = (declared(), Noted(at=later(1), by="ana", text="Internal"))
    assert public_incident(PLAN, incident(*record), timeline(*record)) is None


def test_internal_updates_stay_internal() -> None:
    inside = Updated(at=later(2), by="ben", audience="internal", text="Their disk failed")
    record = (declared(), inside)
    assert public_incident(PLAN, incident(*record), timeline(*record)) is None
    assert [one.body for one in posted(FIRST, inside).updates] == ["We look into it."]


def test_a_stage_does_not_make_an_internal_update_public() -> None:
    staged = Updated(at=later(2), by="ben", audience="internal", text="Their disk failed", stage=Stage.IDENTIFIED)
    record = (declared(), staged)
    assert public_incident(PLAN, incident(*record), timeline(*record)) is None


def test_a_private_incident_is_not_shown_whatever_was_posted() -> None:
    record = (declared(), FIRST, TypeChanged(at=later(11), by="ana", type="breach", before="api", because="it is one"))
    assert public_incident(PLAN, incident(*record), timeline(*record)) is None


def test_updates_stand_newest_first() -> None:
    shown = posted(FIRST, SECOND)
    assert [one.stage for one in shown.updates] == [Stage.IDENTIFIED, Stage.INVESTIGATING]
    assert (shown.stage, shown.impact) == (Stage.IDENTIFIED, "major")
    assert (shown.created_at, shown.updated_at) == (later(10), later(40))
    assert (shown.monitoring_at, shown.resolved_at) == (None, None)


def test_the_instants_of_the_stages_are_kept() -> None:
    shown = posted(FIRST, THIRD, LAST, public(Stage.RESOLVED, "Thank you.", 140))
    assert (shown.monitoring_at, shown.resolved_at) == (later(95), later(130))


def test_going_back_takes_the_instants_with_it() -> None:
    shown = posted(FIRST, THIRD, public(Stage.IDENTIFIED, "Not yet.", 100))
    assert shown.monitoring_at is None


def test_a_reopened_incident_is_public_again_before_anybody_writes() -> None:
    shown = posted(FIRST, LAST, Reopened(at=later(150), by="ana", because="back"))
    assert (shown.stage, shown.is_over, shown.resolved_at) == (Stage.INVESTIGATING, False, None)
    assert statuses(page(shown))["Memory"] == "partial_outage"


def test_ids_are_twelve_letters_that_do_not_change() -> None:
    before, after = posted(FIRST), posted(FIRST, SECOND)
    assert before.id == after.id != posted(FIRST, incident_id="inc_OTHER").id
    assert before.updates[0].id == after.updates[1].id != after.updates[0].id
    assert before.id == "8qylarpr4vjg"  # not in the next release either: feeds and bookmarks hold it


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_every_id_has_the_shape_that_readers_expect(parts: list[str]) -> None:
    assert re.fullmatch("[a-z0-9]{12}", statuspage.stable_id(*parts))


def test_ids_keep_their_parts_apart() -> None:
    assert statuspage.stable_id("a", "bc") != statuspage.stable_id("ab", "c")


# ---- Components ----


def test_every_component_is_listed_in_the_order_of_the_plan() -> None:
    shown = page().components
    assert [(one.name, one.status, one.position) for one in shown] == [
        ("Voice conversation", "operational", 1),
        ("Memory", "operational", 2),
        ("Web site", "operational", 3),  # a service that names no parts is one itself
    ]
    assert shown[2].description == "The pages about Rose"


@pytest.mark.parametrize(
    ("severity", "status"),
    [("P0", "major_outage"), ("P1", "partial_outage"), ("P2", "degraded_performance"), ("P3", "operational")],
)
def test_the_severity_decides_what_a_component_shows(severity: str, status: str) -> None:
    shown = page(posted(FIRST, severity=severity))
    assert statuses(shown) == {"Voice conversation": "operational", "Memory": status, "Web site": "operational"}


def test_an_incident_without_components_touches_its_whole_service() -> None:
    shown = page(posted(FIRST, components=(), severity="P0"))
    assert statuses(shown) == {
        "Voice conversation": "major_outage",
        "Memory": "major_outage",
        "Web site": "operational",
    }
    assert statuses(page(posted(FIRST, components=(), service="site")))["Web site"] == "partial_outage"


def test_an_incident_of_no_service_touches_no_component_and_still_shows() -> None:
    shown = page(posted(FIRST, components=(), service=None))
    assert set(statuses(shown).values()) == {"operational"}
    assert read(statuswire.status_json(shown))["status"]["indicator"] == "major"


def test_the_worst_incident_decides_and_a_resolved_one_no_longer() -> None:
    mild = posted(FIRST, severity="P2", incident_id="inc_A")
    grave = posted(FIRST, LAST, severity="P0", incident_id="inc_B")
    assert statuses(page(mild, posted(FIRST, severity="P0")))["Memory"] == "major_outage"
    assert statuses(page(mild, grave))["Memory"] == "degraded_performance"
    assert statuses(page(grave))["Memory"] == "operational"


def test_a_watched_fix_is_not_operational_yet() -> None:
    assert statuses(page(posted(FIRST, THIRD)))["Memory"] == "partial_outage"


# ---- The JSON ----

PAGE_ID = statuspage.stable_id("page", URL)
MEMORY_ID = statuspage.component_id("rose", "memory")
ABOUT = {
    "id": PAGE_ID,
    "name": "Rose",
    "url": URL,
    "time_zone": "Etc/UTC",
    "updated_at": "2026-11-24T03:19:31.000Z",
}
GROUP_ID = statuspage.stable_id("group", "rose")
MEMORY = {
    "id": MEMORY_ID,
    "name": "Memory",
    "status": "partial_outage",
    "created_at": "2026-01-05T09:00:00.000Z",
    "updated_at": "2026-11-24T03:19:31.000Z",
    "position": 2,
    "description": None,
    "showcase": True,
    "start_date": "2026-01-05",
    "group_id": GROUP_ID,
    "page_id": PAGE_ID,
    "group": False,
    "only_show_if_degraded": False,
}


def update(number: int, stage: str, body: str, at: str, old: str) -> dict[str, Any]:
    return {
        "id": statuspage.stable_id("update", "inc_NIGHT", str(number)),
        "status": stage,
        "body": body,
        "incident_id": statuspage.stable_id("incident", "inc_NIGHT"),
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components": [
            {"code": MEMORY_ID, "name": "Memory", "old_status": old, "new_status": "partial_outage"}
        ],
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }


def test_the_summary_has_every_key_of_the_format() -> None:
    incident_id = statuspage.stable_id("incident", "inc_NIGHT")
    found = read(statuswire.summary_json(page(posted(FIRST, SECOND))))
    assert list(found) == ["page", "components", "incidents", "scheduled_maintenances", "status"]
    assert found["page"] == ABOUT
    assert found["status"] == {"indicator": "major", "description": "Partial System Outage"}
    assert found["scheduled_maintenances"] == []
    group, voice, memory, site = found["components"]
    assert memory == MEMORY
    assert voice["description"] == "Talk and be answered"
    assert (group["name"], group["group"], group["status"]) == ("Rose", True, "partial_outage")
    assert group["components"] == [voice["id"], memory["id"]]
    assert site["group_id"] is None
    assert found["incidents"] == [
        {
            "id": incident_id,
            "name": "Memory system down",
            "status": "identified",
            "impact": "major",
            "created_at": "2026-11-24T02:49:31.000Z",
            "updated_at": "2026-11-24T03:19:31.000Z",
            "started_at": "2026-11-24T02:38:10.000Z",
            "monitoring_at": None,
            "resolved_at": None,
            "shortlink": f"{URL}/i/{incident_id}",
            "page_id": PAGE_ID,
            "incident_updates": [
                update(3, "identified", SECOND.text, "2026-11-24T03:19:31.000Z", "partial_outage"),
                update(2, "investigating", FIRST.text, "2026-11-24T02:49:31.000Z", "operational"),
            ],
            "components": [MEMORY],
        }
    ]


@pytest.mark.parametrize(
    ("write", "keys"),
    [
        (statuswire.summary_json, {"page", "components", "incidents", "scheduled_maintenances", "status"}),
        (statuswire.status_json, {"page", "status"}),
        (statuswire.components_json, {"page", "components"}),
        (statuswire.incidents_json, {"page", "incidents"}),
        (statuswire.unresolved_json, {"page", "incidents"}),
        (statuswire.maintenances_json, {"page", "scheduled_maintenances"}),
    ],
)
def test_each_document_has_its_own_keys(write: Callable[[PublicPage], bytes], keys: set[str]) -> None:
    assert set(read(write(page(posted(FIRST))))) == keys


def test_what_is_over_stays_in_the_history_only() -> None:
    shown = page(posted(FIRST, LAST))
    assert read(statuswire.summary_json(shown))["incidents"] == []
    assert read(statuswire.unresolved_json(shown))["incidents"] == []
    assert read(statuswire.status_json(shown))["status"] == {
        "indicator": "none",
        "description": "All Systems Operational",
    }
    (kept,) = read(statuswire.incidents_json(shown))["incidents"]
    assert (kept["status"], kept["resolved_at"]) == ("resolved", "2026-11-24T04:49:31.000Z")
    assert kept["incident_updates"][0]["affected_components"][0]["new_status"] == "operational"


def test_incidents_stand_newest_first_and_fifty_at_most() -> None:
    many = [posted(public(Stage.RESOLVED, "Over", number), incident_id=f"inc_{number}") for number in range(60)]
    found = read(statuswire.incidents_json(page(*many)))["incidents"]
    assert [one["id"] for one in found[:2]] == [many[59].id, many[58].id]
    assert len(found) == 50


def test_an_update_keeps_the_impact_that_it_was_posted_with() -> None:
    worse = SeverityChanged(at=later(30), by="ana", severity="P0", before="P1", raised=True, because="all")
    (found,) = read(statuswire.summary_json(page(posted(FIRST, worse, SECOND))))["incidents"]
    changes = [
        (one["affected_components"][0]["old_status"], one["affected_components"][0]["new_status"])
        for one in found["incident_updates"]
    ]
    assert changes == [("partial_outage", "major_outage"), ("operational", "partial_outage")]
    assert found["impact"] == "critical"


@given(timelines())
def test_the_page_never_says_all_is_well_during_a_public_incident(record: tuple[Numbered, ...]) -> None:
    folded = folding.fold("inc_ANY", record)
    shown = public_incident(PLAN, folded, record)
    if shown is None:
        assert not any(isinstance(one.entry, Updated) and one.entry.audience == "public" for one in record)
        return
    found = read(statuswire.summary_json(page(shown)))
    assert bool(found["incidents"]) is (folded.stage is not Stage.RESOLVED)
    expected = "none" if shown.is_over else PLAN.severities[folded.severity].public_impact
    assert found["status"]["indicator"] == expected


# ---- The feed ----

ATOM = "{http://www.w3.org/2005/Atom}"


def text(element: ET.Element, tag: str) -> str:
    found = element.findtext(ATOM + tag)
    assert found is not None
    return found


def links(element: ET.Element) -> dict[str, str]:
    return {one.attrib["rel"]: one.attrib["href"] for one in element.findall(f"{ATOM}link")}


def test_the_feed_names_itself_and_its_age() -> None:
    feed = ET.fromstring(statusfeeds.atom(page(posted(FIRST, SECOND))))
    assert feed.tag == f"{ATOM}feed"
    assert text(feed, "id") == f"{URL}/history.atom"
    assert text(feed, "title") == "Rose status"
    assert text(feed, "updated") == "2026-11-24T03:19:31.000Z"
    assert links(feed) == {"self": f"{URL}/history.atom", "alternate": f"{URL}/"}
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "Rose"


def test_an_entry_tells_the_whole_incident_newest_first() -> None:
    shown = posted(FIRST, SECOND)
    (entry,) = ET.fromstring(statusfeeds.atom(page(shown))).findall(f"{ATOM}entry")
    assert text(entry, "id") == f"tag:status.example.org,2026:Incident/{shown.id}"
    assert text(entry, "title") == "Memory system down"
    assert text(entry, "published") == "2026-11-24T02:49:31.000Z"
    assert text(entry, "updated") == "2026-11-24T03:19:31.000Z"
    assert links(entry) == {"alternate": f"{URL}/i/{shown.id}"}
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert content.attrib == {"type": "html"}
    assert content.text == (
        "<p><small>2026-11-24 03:19 UTC</small><br><strong>Identified</strong>: "
        "It is &lt;our&gt; supplier.<br>We wait.</p>"
        "<p><small>2026-11-24 02:49 UTC</small><br><strong>Investigating</strong>: We look into it.</p>"
    )


def test_the_public_reads_the_issue_as_it_was_told_and_never_the_title() -> None:
    assert posted(FIRST, title="qdrant-7 refused").name == "Memory system down"
    untold = posted(public(Stage.MONITORING, "It is back.", 95, issue=""), title="qdrant-7 refused")
    assert untold.name == PLAN.types[declared().type].name


def test_a_feed_does_not_say_the_time_and_the_stage_twice() -> None:
    body = f"{later(10):%H:%M} UTC · Investigating\nWe look into it."
    shown = page(posted(public(Stage.INVESTIGATING, body, 10)))
    for written in (statusfeeds.atom(shown), statusfeeds.rss(shown)):
        assert b"Investigating&lt;/strong&gt;: We look into it." in written
    only = posted(public(Stage.INVESTIGATING, body.partition("\n")[0], 10)).updates[0]
    assert only.news == only.body  # there is nothing else to say


def put_right(*entries: AnyEntry) -> PublicIncident:
    record = (declared(), *entries)
    found = public_incident(PLAN, incident(*record), corrections.as_read(timeline(*record)))
    assert found is not None
    return found


def test_what_was_withdrawn_or_said_otherwise_names_the_incident_no_longer() -> None:
    leak = public(Stage.INVESTIGATING, "Something is wrong: the key of ACME.", 10, issue="the key of ACME")
    about: dict[str, Any] = {"at": later(20), "by": "ana", "update": 2, "audience": "public", "because": "Not for you"}
    assert put_right(leak).name == "The key of ACME"
    named = put_right(leak, UpdateWithdrawn(**about))
    assert named.name == PLAN.types[declared().type].name and "ACME" not in str(named)
    otherwise = UpdateCorrected(**about, text="Something is wrong: voices.", before=leak.text)
    assert put_right(leak, otherwise).name == named.name
    assert put_right(leak, otherwise, public(Stage.IDENTIFIED, "Voices.", 30, issue="Voices")).name == "Voices"
    typo = UpdateCorrected(**about, text="Something's wrong: the key of  ACME.", before=leak.text)
    assert put_right(leak, typo).name == "The key of ACME"


def test_who_looks_for_what_changed_sees_a_correction() -> None:
    about: dict[str, Any] = {"at": later(70), "by": "ana", "update": 2, "audience": "public", "because": "Wrong"}
    shown = put_right(FIRST, SECOND, UpdateCorrected(**about, text="We look.", before=FIRST.text))
    wire = read(statuswire.incidents_json(page(shown)))["incidents"][0]
    assert [one["updated_at"] > one["created_at"] for one in wire["incident_updates"]] == [False, True]
    assert wire["updated_at"] == wire["incident_updates"][1]["updated_at"] == shown.updated_at.strftime("%FT%T.000Z")


def test_an_entry_keeps_its_id_when_its_title_changes() -> None:
    shown = posted(FIRST)
    renamed = replace(shown, name="Rose forgets")
    ids = [
        text(ET.fromstring(statusfeeds.atom(page(one)))[-1], "id") for one in (shown, renamed, posted(FIRST, SECOND))
    ]
    assert len(set(ids)) == 1


@given(st.text(), st.text())
def test_the_feed_is_well_formed_whatever_people_write(name: str, body: str) -> None:
    shown = posted(public(Stage.INVESTIGATING, body, 10, issue=name))
    (entry,) = ET.fromstring(statusfeeds.atom(page(shown))).findall(f"{ATOM}entry")
    content = text(entry, "content")
    assert "<" not in content.removeprefix(
        "<p><small>2026-11-24 02:49 UTC</small><br><strong>Investigating</strong>: "
    ).removesuffix("</p>").replace("<br>", "")


def test_control_characters_do_not_break_the_feed() -> None:
    shown = posted(public(Stage.INVESTIGATING, "We look.", 10, issue="Down\x00\x1b[31m\ufffe!"))
    (entry,) = ET.fromstring(statusfeeds.atom(page(shown))).findall(f"{ATOM}entry")
    assert text(entry, "title") == "Down\ufffd\ufffd[31m!"


def test_an_empty_page_is_a_feed_without_entries() -> None:
    feed = ET.fromstring(statusfeeds.atom(page()))
    assert feed.findall(f"{ATOM}entry") == []
    assert text(feed, "updated") == "2026-01-05T09:00:00.000Z"


def test_instants_are_written_in_utc_with_milliseconds() -> None:
    assert statuspage.instant(NIGHT.replace(microsecond=7000)) == "2026-11-24T02:39:31.007Z"
