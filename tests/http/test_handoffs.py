"""Handing a shift on on its page and through the API. The command line is tried in `test_cli`."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import store
from tocsin.oncall.handoff import Handoff
from tocsin.response import handing

NOTES = {f"note-{number}": f"note {number}" for number in range(1, 5)}
TAKEN = {"rotation": "on_call", "starts_at": "2026-11-24T05:00:00Z", "ends_at": "2026-11-24T06:00:00Z", "reason": "x"}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:  # Tuesday, 24 November 2026, 03:34 UTC; Ana is on call
        yield one


@pytest.fixture
def handoff(here: Served) -> Handoff:
    """Ben takes the rota for an hour, so Ana hands over to him, and he to her again."""
    say(here, "/overrides", TAKEN)
    here.app.database.run(SYSTEM, handing.look_ahead)
    with here.app.database.read(SYSTEM) as tx:
        return store.latest_handoffs(tx, 5)[-1]


def say(here: Served, path: str, body: dict[str, Any], person: str = "ben") -> Any:
    headers = here.bearer("incidents:read", "incidents:write", name=f"{person}{len(path)}", person=person)
    return here.post(f"/api/v1/oncall{path}", json=body, headers=headers)


def read(here: Served, path: str) -> Any:
    return here.get(f"/api/v1/oncall{path}", headers=here.bearer("incidents:read"))


# ---- The page --------------------------------------------------------------------------------------------------------


def test_a_handoff_is_written_and_accepted_on_its_page(here: Served, handoff: Handoff) -> None:
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    assert ben.open("/oncall/handoffs").says("<b>Ana Okafor</b> to <b>Ben Halvorsen</b>")
    where = f"/oncall/handoffs/{handoff.id}"
    assert ben.open(where).says("Nothing is written yet.") and "/write" not in ben.open(where).html
    assert ana.do(where, f"{where}/write", **NOTES).onward == f"{where}?done=handoff_write"
    assert ben.open("/oncall").says("Handoffs <b>2</b>")  # to accept this one, and to write the one back
    assert ben.open(where).says("note 3") and ben.open(where).says("ben@rose.example")
    assert ben.do(where, f"{where}/ask", question="Which voice?").onward == f"{where}?done=handoff_ask"
    assert ana.open(where).says("Which voice?")
    assert ana.open(where).form(f"{where}/write").fields["note-3"] == ["note 3"]
    assert ana.do(where, f"{where}/write", **NOTES).status == 303
    done = ben.do(where, f"{where}/accept", contacts_confirmed="yes", said="Sleep well")
    assert done.onward == f"{where}?done=handoff_accept"
    page = Visitor(here, "erin").open(where)
    assert page.says("accepted it and confirmed the contact details") and page.says("Sleep well")
    assert "ben@rose.example" not in page.html and f"{where}/write" not in page.html


def test_what_is_missing_is_said_beside_the_field_and_what_was_typed_stays(here: Served, handoff: Handoff) -> None:
    where, ana = f"/oncall/handoffs/{handoff.id}", Visitor(here, "ana")
    again = ana.do(where, f"{where}/write", **{**NOTES, "note-2": " "})
    assert again.status == 400 and 'href="#note-2"' in again.html
    assert again.form(f"{where}/write").fields["note-4"] == ["note 4"]
    assert ana.do(where, f"{where}/write", **NOTES).status == 303
    again = Visitor(here, "ben").do(where, f"{where}/accept", said="yes")
    assert again.status == 400 and again.says("Confirm that what stands there")
    assert ana.open("/oncall/handoffs/hnd_NOBODY").status == 404


# ---- The API ---------------------------------------------------------------------------------------------------------


def test_a_handoff_over_the_api(here: Served, handoff: Handoff) -> None:
    where = f"/handoffs/{handoff.id}"
    assert say(here, f"{where}/accept", {"contacts_confirmed": True}).status_code == 409
    assert say(here, f"{where}/write", {"notes": ["a", "b", "c", "d"]}).status_code == 403
    assert say(here, f"{where}/write", {"notes": ["a"]}, person="ana").status_code == 400
    written = say(here, f"{where}/write", {"notes": ["a", "b", "c", "d"]}, person="ana")
    assert (written.status_code, written.json()["state"]) == (200, "written")
    assert written.json()["deeds"][0]["notes"] == ["a", "b", "c", "d"]
    assert say(here, f"{where}/ask", {"question": "b?"}).json()["state"] == "asked"
    assert say(here, f"{where}/accept", {"contacts_confirmed": False}).status_code == 400
    assert say(here, f"{where}/accept", {"contacts_confirmed": True}).json()["state"] == "accepted"
    assert say(here, f"{where}/accept", {"contacts_confirmed": True}).status_code == 409
    found = read(here, where).json()
    assert [(one["state"], one["clause"]) for one in found["owed"]] == [("met", "ONC-04")] * 2
    assert [one["person"] for one in found["packet"]["contacts"]] == ["ben"]
    assert [one["id"] for one in read(here, "/handoffs").json()["handoffs"]][-1] == handoff.id
    assert read(here, "/handoffs/hnd_NOBODY").status_code == 404
