"""The link in a page: it shows what is wrong, answers with one press, and belongs to one person."""

import re
from collections.abc import Iterator

import pytest

from tests.support.ending import mend
from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.delivery import outbox
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def incident(here: Served) -> Incident:
    """A P0: it pages everybody at once."""
    return here.app.database.run(
        actor(here, "ben"),
        lambda tx: commands.declare(
            tx, title="Rose is gone", severity="P0", type="service_outage", service="rose", impact="Nobody hears her."
        ),
    )


def link_of(here: Served, incident: Incident, handle: str) -> str:
    """The link in the mail to this person."""
    with here.app.database.read(SYSTEM) as tx:
        bodies = [one.body for one in outbox.for_incident(tx, incident.id) if one.person == handle and one.page_id]
    found = re.search(r"https://tocsin\.example\.org(/a/\S+)", bodies[0])
    assert found
    return found[1]


def as_it_stands(here: Served, incident: Incident) -> Incident:
    with here.app.database.read(SYSTEM) as tx:
        return incidents.load(tx, incident.id)


def test_opening_the_link_shows_everything_and_changes_nothing(here: Served, incident: Incident) -> None:
    phone, link = Visitor(here), link_of(here, incident, "ana")
    for _ in range(2):
        page = phone.open(link)
        assert page.status == 200
    for text in ("Rose is gone", "Nobody hears her.", "Acknowledge as Ana Okafor", "P0", "Try a restart"):
        assert page.says(text)
    assert page.says("Ben Halvorsen") and "data-due-at=" in page.html
    assert as_it_stands(here, incident) == incident


def test_the_page_behind_the_link_leaks_nothing(here: Served, incident: Incident) -> None:
    headers = Visitor(here).open(link_of(here, incident, "ana")).answer.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'self'" in headers["content-security-policy"]


def test_one_press_answers_as_the_person_who_was_paged(here: Served, incident: Incident) -> None:
    phone, link = Visitor(here), link_of(here, incident, "ana")
    page = phone.press(phone.open(link), link)
    assert page.status == 200
    assert page.says("Acknowledged by you at 03:34:19") and f"/incidents/{incident.id}" in page.html
    now = as_it_stands(here, incident)
    assert (now.acknowledged_by, now.acknowledged_at) == ("ana", here.clock.now())


def test_it_needs_no_form_token_and_no_session(here: Served, incident: Incident) -> None:
    assert Visitor(here).send(link_of(here, incident, "ana"), {}).status == 200
    assert as_it_stands(here, incident).acknowledged_by == "ana"


def test_whoever_is_second_is_told_who_was_first(here: Served, incident: Incident) -> None:
    Visitor(here).send(link_of(here, incident, "ana"), {})
    page = Visitor(here).send(link_of(here, incident, "ben"), {})
    assert page.status == 200 and page.says("Acknowledged by Ana Okafor")
    assert as_it_stands(here, incident).acknowledged_by == "ana"


def test_after_the_fix_the_link_says_that_it_is_over(here: Served, incident: Incident) -> None:
    link = link_of(here, incident, "ana")
    here.app.database.run(actor(here, "ben"), lambda tx: mend(tx, incident.id, "restarted"))
    entries = as_it_stands(here, incident).entries
    for page in (Visitor(here).open(link), Visitor(here).send(link, {})):
        assert page.status == 200 and page.says("Nothing is asked of you.")
        assert not page.says("Acknowledge as")
    assert as_it_stands(here, incident).entries == entries


def test_a_link_that_we_did_not_sign_is_not_found(here: Served, incident: Incident) -> None:
    link = link_of(here, incident, "ana")
    page_id = link.split("/a/")[1].split(".")[0]
    for bad in (link[:-1], link + "x", f"/a/{page_id}", "/a/pag_NONE.abc", "/a/%00"):
        for page in (Visitor(here).open(bad), Visitor(here).send(bad, {})):
            assert page.status == 404, bad
            assert page.says("There is nothing here")
    assert as_it_stands(here, incident).acknowledged_at is None
