"""Telling people over HTTP, in a terminal and in the console: drafts, corrections, who was told, posts, the call."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.console import Console, console_of
from tests.support.served import Served
from tests.support.visitor import Page, Visitor
from tests.support.world import ROSE, World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Updated
from tocsin.incidents.telling import Drafted, DraftReturned, PostedElsewhere, UpdateCorrected
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy, telling

APPROVED = ROSE.replace(
    "      public: true\n",
    "      public: true\n      approved_by: communications_lead\n      chats: [friends, board]\n",
)
ISSUE = {"issue": "silence", "impact": "Rose does not answer"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    world = World(sqlite_url, plan=APPROVED)
    yield world
    world.overlook()
    world.close()


@pytest.fixture
def console(world: World, sqlite_url: str) -> Iterator[Console]:
    with console_of(world, sqlite_url) as one:
        yield one


@pytest.fixture
def incident(world: World) -> str:
    """An incident of which the communications lead, Ben, approves what the public reads; Ana has drafted it."""
    found = world.declare("Voice is silent", severity="P1").id
    world.do(commands.assign, found, "communications_lead", "ben")
    world.do(commands.post_update, found, "public", ISSUE, Stage.INVESTIGATING, by="ana")
    return found


def number(world: World, incident: str, kind: type[Any]) -> int:
    return world.read(
        lambda tx: max(one.number for one in incidents.timeline(tx, incident) if isinstance(one.entry, kind))
    )


def where_it_leads(visitor: Visitor, page: Page) -> Page:
    assert page.status == 303
    return visitor.open(page.onward)


def test_a_draft_is_approved_on_its_page(console: Console, world: World, incident: str) -> None:
    place = f"/incidents/{incident}/drafts/{number(world, incident, Drafted)}"
    assert not [one for one in console.visitor("ana").open(place).forms() if "/drafts/" in one.action]
    ben = console.visitor("ben")
    page = ben.open(place)
    assert page.says("Rose does not answer") and page.says("They have been told nothing yet.")
    assert page.says("Approve it, and tell Public")
    ben.do(place, f"{place}/approve")
    (update,) = world.entries(incident, Updated)
    assert (update.by, update.drafted_by) == ("ben", "ana")
    old = where_it_leads(ben, ben.open(place))  # the link in his mail, once more
    assert old.status == 200 and old.says("That draft waits no more: the update was told.")
    world.do(telling.withdraw, incident, number(world, incident, Updated), "It was another service", by="ben")
    assert where_it_leads(ben, ben.open(place)).says("it was told, and withdrawn afterwards")
    nothing = f"/incidents/{incident}/drafts/{number(world, incident, Updated)}"
    assert ben.open(nothing).status == 404  # the entry is there, and no draft


def test_a_draft_is_sent_back_with_a_word_and_not_without(console: Console, world: World, incident: str) -> None:
    place = f"/incidents/{incident}/drafts/{number(world, incident, Drafted)}"
    ben = console.visitor("ben")
    assert ben.do(place, f"{place}/return", because=" ").status == 400
    old = ben.open(place)
    ben.do(place, f"{place}/return", because="Say since when")
    (returned,) = world.entries(incident, DraftReturned)
    assert returned.because == "Say since when"
    assert where_it_leads(ben, ben.open(place)).says("it was sent back. The timeline says why.")
    late = where_it_leads(ben, ben.press(old, f"{place}/approve"))  # from a page that was open since
    assert late.status == 200 and late.says("it was sent back. The timeline says why.")
    assert not world.entries(incident, Updated)
    room = console.visitor("ana").open(f"/incidents/{incident}?audience=public")
    assert room.says("It waits for the word of Ben") and room.says("Ben Halvorsen sent it back")
    assert room.says("Say since when") and room.says("Write plainly, without the words of the trade")
    (compose,) = [one for one in room.forms() if one.action.endswith("/updates#compose")]
    assert compose.fields["public.stage"] == ["investigating"]  # nothing is typed twice
    assert {name: compose.fields[f"public.investigating.{name}"] for name in ISSUE} == {
        name: [text] for name, text in ISSUE.items()
    }
    world.do(commands.post_update, incident, "public", ISSUE, Stage.INVESTIGATING, by="ana")
    room = console.visitor("ana").open(f"/incidents/{incident}?audience=public")
    assert room.says("A draft waits for a word") and not room.says("sent it back")


def test_an_old_link_says_what_became_of_a_draft_that_was_written_anew_or_dropped(
    console: Console, world: World, incident: str
) -> None:
    first = number(world, incident, Drafted)
    world.do(commands.post_update, incident, "public", ISSUE, Stage.INVESTIGATING, by="ana")
    second = number(world, incident, Drafted)
    world.do(secrecy.make_confidential, incident, "It is a breach", by="ben")
    ben = console.visitor("ben")
    for draft, fate in ((first, "it was written anew."), (second, "dropped when the incident became confidential.")):
        assert where_it_leads(ben, ben.open(f"/incidents/{incident}/drafts/{draft}")).says(fate)
    assert console.visitor("erin").open(f"/incidents/{incident}/drafts/{second}").status == 404


def test_the_preview_shows_each_way_and_nothing_that_only_those_who_work_on_it_know(
    world: World, console: Console
) -> None:
    found, ben = world.declare("qdrant-7 of ACME", severity="P1").id, console.visitor("ben")
    typed = {f"public.investigating.{name}": text for name, text in ISSUE.items()}
    about = {"audience": "public", "public.stage": "investigating", "preview": "public", **typed}
    room = ben.do(f"/incidents/{found}", f"/incidents/{found}/updates", **about)
    assert room.says("How it comes to them") and room.says("Subscribers") and room.says("Chat of friends and board")
    shown = room.html[room.html.index("How it comes to them") :].partition("</details>")[0]
    assert "[Rose] Investigating: Silence" in shown and "ACME" not in shown and shown.count("Rose does not answer") == 3


def test_an_update_is_corrected_on_the_page_of_who_was_told(console: Console, world: World, incident: str) -> None:
    ben, place = console.visitor("ben"), f"/incidents/{incident}/told"
    world.do(commands.approve, incident, number(world, incident, Drafted), by="ben")
    update = number(world, incident, Updated)
    verb = f"/incidents/{incident}/updates/{update}/correct"
    refused = ben.do(place, verb, text="Some wait.", because="")
    assert refused.status == 400 and refused.says("Some wait.")
    ben.do(place, verb, text="Some wait.", because="it was some")
    assert ben.open(place).says("Corrected at")
    assert [one.text for one in world.entries(incident, UpdateCorrected)] == ["Some wait."]
    stranger = console.visitor("ana").do(place, verb, text="All wait.", because="it was all")
    assert stranger.status == 409 and stranger.says("approved by the communications lead: Ben")


def test_a_post_by_hand_is_put_on_the_record(console: Console, world: World, incident: str) -> None:
    world.do(commands.approve, incident, number(world, incident, Drafted), by="ben")
    ben, place = console.visitor("ben"), f"/incidents/{incident}/told"
    page = ben.open(place)
    (form,) = [one for one in page.forms() if one.fields.get("network") == ["mastodon"]]
    sent = {**{name: values[0] for name, values in form.fields.items()}, "link": "https://social.example.org/1"}
    ben.send(form.action, sent)
    (posted,) = world.entries(incident, PostedElsewhere)
    assert posted.text.endswith("/status") and posted.link == "https://social.example.org/1"
    assert ben.send(form.action, {**sent, "text": "a" * 501}).status == 400


def test_the_same_over_http(console: Console, world: World, incident: str) -> None:
    api = Api(console.here, incident)
    (draft,) = api.get("drafts")["drafts"]
    assert (draft["by"], draft["approvers"], draft["stage"]) == ("ana", ["ben"], "investigating")
    assert api.post(f"drafts/{draft['number']}/approve", {}, expect=409)["detail"].endswith("Ben Halvorsen.")
    world.do(commands.approve, incident, draft["number"], by="ben")
    audiences = {one["audience"]: one for one in api.get("told")["audiences"]}
    assert audiences["public"]["told"][0]["ways"][0]["state"] == "published"
    assert audiences["executives"]["next"]["what"] == "Executives: update"
    assert [one["way"] for one in api.get("communications")["communications"] if one["direction"] == "out"]
    drafts = {one["network"]: one for one in api.get("posts")["drafts"]}
    assert drafts["bluesky"]["length"] <= drafts["bluesky"]["most"] == 300
    api.post("posts", {"network": "x", "text": "We are on it", "link": "https://x.com/rose/1"}, expect=409)
    assert api.post("call", {"link": "nowhere"}, expect=400)["detail"].startswith("Write an address")
    assert api.post("call", {"link": "https://meet.example.org/other"})["id"] == incident
    assert world.incident(incident).call == "https://meet.example.org/other"
    typed = {"audience": "public", "stage": "identified", "fields": {"cause": "Qdrant is full"}}
    seen = api.post("updates/preview", typed)
    assert seen["empty"] == ["eta"] and "her memory" in seen["hints"][1] and seen["before"]
    assert seen["waits_for"] == ["ben"]


class Api:
    """A program's calls about one incident."""

    def __init__(self, here: Served, incident: str) -> None:
        self._here, self._incident = here, incident
        self._headers = here.bearer("incidents:read", "incidents:write")

    def get(self, what: str) -> Any:
        answer = self._here.get(f"/api/v1/incidents/{self._incident}/{what}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, what: str, body: dict[str, Any], expect: int = 200) -> Any:
        answer = self._here.post(f"/api/v1/incidents/{self._incident}/{what}", json=body, headers=self._headers)
        assert answer.status_code == expect, answer.text
        return answer.json()
