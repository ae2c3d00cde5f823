"""What the palette offers: what one may reach, and do, from where one is."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands, secrecy


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def offered(here: Served, handle: str, path: str = "/") -> dict[str, dict[str, Any]]:
    found = Visitor(here, handle).open(f"/palette?here={path}")
    assert found.status == 200
    items: list[dict[str, Any]] = msgspec.json.decode(found.answer.content)["items"]
    return {one["title"]: one for one in items}


def declared(here: Served) -> str:
    about: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}
    return here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **about)).id


def test_a_room_offers_its_verbs_to_whoever_may_write_and_each_does_what_it_says(here: Served) -> None:
    room = f"/incidents/{declared(here)}"
    ben = offered(here, "ben", room)
    assert ben["Voice hangs"]["url"] == room
    assert ben["Take Scribe"] == {
        "kind": "do",
        "title": "Take Scribe",
        "url": f"{room}/assign",
        "hint": "",
        "fields": {"role": "scribe", "held": ""},
    }
    assert ben["Timeline"]["url"] == f"{room}#timeline" and "Hand over Scribe" not in ben
    browser = Visitor(here, "ben")
    assert browser.do(room, ben["Acknowledge"]["url"]).status == 303
    assert "Acknowledge" not in offered(here, "ben", room)
    assert browser.do(room, ben["Take Scribe"]["url"], **ben["Take Scribe"]["fields"]).status == 303
    assert offered(here, "ben", room)["Hand over Scribe"]["url"] == f"{room}#role-scribe"
    assert 'id="role-scribe"' in browser.open(room).html
    erin = offered(here, "erin", room)
    assert {one["kind"] for one in erin.values()} == {"incident", "page", "part"}
    assert "Declare" not in erin
    assert "People" not in erin
    assert "People" in offered(here, "ana")
    assert "Take Scribe" not in offered(here, "ben", "/incidents")
    for title, one in ben.items():
        if one["kind"] == "page":
            assert Visitor(here, "ben").open(one["url"]).status == 200, title


def test_what_is_confidential_is_offered_to_its_readers_alone(here: Served) -> None:
    incident = declared(here)
    here.app.database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident, "Strange logins"))
    found = offered(here, "erin", f"/incidents/{incident}")
    assert "Voice hangs" not in found
    assert not any(incident in one["url"] for one in found.values())


def test_what_sounds_like_it_comes_first_where_one_declares(here: Served) -> None:
    declared(here)
    other = {"title": "Payments fail", "severity": "P2", "type": "service_outage", "service": "rose"}
    here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **other))
    ben = Visitor(here, "ben")
    found = ben.open("/declare/alike?title=The+voice+is+silent").html
    assert found.index("Voice hangs") < found.index("Payments fail")
    assert found.count("Sounds alike") == 1
    assert "Is it one of these?" not in ben.open("/declare/alike?title=Mail").html
    assert Visitor(here, "erin").open("/declare/alike?title=x").status == 403


def test_a_long_timeline_is_read_a_page_at_a_time_and_filtered_on_the_server(here: Served) -> None:
    incident = declared(here)
    with here.app.database.work(SYSTEM) as tx:
        for number in range(120):
            commands.note(tx, incident, f"Part {number:03} is fine")
    ben, path, seen = Visitor(here, "ben"), f"/incidents/{incident}?kind=note", []
    while path:
        page = ben.open(path)
        seen += page.html.split("Part ")[1:]
        following = page.html.partition('id="earlier" rel="next" href="')[2].partition('"')[0]
        path = following.partition("#")[0].replace("&amp;", "&")
    assert [line[:3] for line in seen] == [f"{number:03}" for number in reversed(range(120))]


def test_the_console_can_be_installed_and_has_a_page_for_when_there_is_no_network(here: Served) -> None:
    manifest = here.get("/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    described = manifest.json()
    for icon in described["icons"]:
        assert here.get(icon["src"]).content.startswith(b"\x89PNG")
    offline = here.get("/offline")
    assert offline.status_code == 200
    assert "does not reach Tocsin" in offline.text
    assert "caches.open(KEPT)" in here.get("/push-worker.js").text
