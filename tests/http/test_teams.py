"""What teams give, on the pages and over HTTP: a team brought into an incident, and the rotas of whoever leads one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.console import Console, console_of
from tests.support.world import QUIET, World
from tocsin.incidents.model import ResponderAdded
from tocsin.oncall import store as oncall
from tocsin.oncall.model import SwapState

LED = QUIET.replace("members: [ana, ben, tomas] }", "members: [ana, ben, tomas], leads: [lucia], rotation: on_call }")
TITLE = "Somebody was in the vault"


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    assert LED != QUIET
    world = World(sqlite_url, plan=LED)
    with console_of(world, sqlite_url) as one:
        yield one
    world.overlook()
    world.close()


def test_a_team_is_brought_into_what_is_confidential_from_the_room_and_told_nothing_of_it(console: Console) -> None:
    world = console.world
    incident = world.declare(TITLE, severity="P3", type="security", by="ben")
    room, stranger = f"/incidents/{incident.id}", console.visitor("erin")
    token = stranger.open("/signin").form("/signin").fields["_csrf_token"][0]
    sent = {"_csrf_token": token, "team.team": "executives", "team.because": "Let me in"}
    refused = stranger.send(f"{room}/add-team", sent)
    assert (refused.status, TITLE in refused.html) == (404, False)
    assert stranger.open(room).status == 404

    empty = console.press(incident, "add-team", team__team="executives", team__because=" ")
    assert empty.status == 400 and not world.entries(incident.id, ResponderAdded)
    done = console.press(incident, "add-team", team__team="executives", team__because="They decide")
    assert done.status == 303
    (added,) = world.entries(incident.id, ResponderAdded)
    assert (added.person, added.by, added.because) == ("erin", "ben", "with the team Executives: They decide")
    (mail,) = world.expect_update("responders", "erin")
    assert TITLE not in mail.subject + mail.body and "decide" not in mail.body
    assert stranger.open(room).says(TITLE)
    page = console.room(incident)
    assert "executives" not in str(page.form(f"{room}/add-team").fields)  # all of them are in


def test_whoever_leads_a_team_puts_others_on_call_there_from_the_page_and_nowhere_else(console: Console) -> None:
    world, lucia = console.world, console.visitor("lucia")
    begins = (world.clock.now() + timedelta(hours=2)).replace(tzinfo=None)
    typed = {
        "person": "tomas",
        "starts_at": begins.isoformat(timespec="minutes"),
        "ends_at": (begins + timedelta(hours=1)).isoformat(timespec="minutes"),
        "reason": "A wedding",
    }
    offered = {one: 'id="take-person"' in console.visitor(one).open("/oncall").html for one in ("lucia", "tomas")}
    assert offered == {"lucia": True, "tomas": False}
    done = lucia.do("/oncall", "/oncall/overrides", rotation="on_call", **typed)
    assert done.status == 303
    refused = lucia.do("/oncall", "/oncall/overrides", rotation="commander", **typed)
    assert refused.status == 403
    (made,) = world.read(oncall.latest_overrides, 9)
    assert (made.person, made.rotation, made.made_by) == ("tomas", "on_call", "lucia")
    cancel = f"/oncall/overrides/{made.id}/cancel"
    assert any(one.action == cancel for one in lucia.open("/oncall").forms())
    assert not any(one.action == cancel for one in console.visitor("ben").open("/oncall").forms())
    assert lucia.do("/oncall", cancel, reason="It is off").status == 303
    assert world.read(oncall.latest_overrides, 9)[0].cancelled_by == "lucia"


def test_whoever_leads_a_team_answers_a_swap_there_in_the_place_of_others_and_is_told_so(console: Console) -> None:
    world, ana, lucia = console.world, console.visitor("ana"), console.visitor("lucia")
    gives = ana.open("/oncall").form("/oncall/swaps").fields["gives"][0]
    assert gives.startswith("on_call|")
    assert ana.do("/oncall", "/oncall/swaps", gives=gives, other="ben", takes="", reason="A concert").status == 303
    (swap,) = world.read(oncall.latest_swaps, 9)
    yes, back = f"/oncall/swaps/{swap.id}/accept", f"/oncall/swaps/{swap.id}/withdraw"
    offered = {
        who: {one.action for one in console.visitor(who).open("/oncall").forms()} & {yes, back}
        for who in ("ana", "ben", "lucia", "tomas")
    }
    assert offered == {"ana": {back}, "ben": {yes}, "lucia": {yes, back}, "tomas": set()}
    page = lucia.open("/oncall")
    assert page.says("Accept for Ben") and page.says("Take it back for Ana")
    assert lucia.press(page, yes, answer="Ben said so").onward == "/oncall?done=swap_accept"
    assert world.read(oncall.latest_swaps, 9)[0].answered is SwapState.ACCEPTED
