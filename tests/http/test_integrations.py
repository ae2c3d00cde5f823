"""The page of what can be connected: what has sent, what is set up, and what the plan wants and lacks."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.test_docs_senders import rows
from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.kit.actor import SYSTEM
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.web.integrations import SENDERS


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url, sso_issuer="https://id.example.org", sso_client_id="tocsin", sso_roles="*=viewer") as one:
        yield one


def test_every_sender_of_the_reference_is_there_with_an_address_that_it_gives() -> None:
    assert set(SENDERS) == set(rows())
    for guide, (_, address, _) in SENDERS.items():
        assert f"`{address}" in rows()[guide][1] or not address, guide


def test_nothing_is_connected_at_first_and_the_page_says_what_to_do(here: Served) -> None:
    page = Visitor(here, "erin").open("/integrations")
    assert page.status == 200
    assert page.says("Nothing has sent us anything yet.") and page.says("Ask an administrator for a token")
    assert page.says("https://tocsin.example.org/in/grafana") and page.says("Needs TOCSIN_GITHUB_WEBHOOK_SECRET")
    assert page.says("The plan wants a channel for each incident, and TOCSIN_SLACK_BOT_TOKEN is not set.")
    assert page.says("Connected to id.example.org") and page.says("An administrator manages them")


def test_each_thing_that_can_be_connected_leads_to_how_with_the_address_of_this_installation(here: Served) -> None:
    erin = Visitor(here, "erin")
    page = erin.open("/integrations")
    for guide in sorted({*SENDERS, *re.findall(r'href="/integrations/([a-z-]+)"', page.html)}):
        found = erin.open(f"/integrations/{guide}")
        assert found.status == 200 and "127.0.0.1:8000" not in found.html, guide
        assert ".md" not in re.sub(r'title="docs/[^"]*"', "", found.html.partition("<main")[2]), guide
    assert erin.open("/integrations/nothing").status == erin.open("/integrations/..%2fhouse").status == 404


def test_the_page_of_a_sender_shows_what_it_sent_and_what_could_not_be_read(here: Served) -> None:
    robot = here.bearer("signals:write")
    here.post("/in/gatus", json={"state": "TRIGGERED", "name": "rose"}, headers=robot)
    here.post("/in/gatus", content=b'{"name": "<b>rose</b>", "token": "hunter2"}', headers=robot)
    here.post("/in/grafana", content=b"{", headers=robot)
    here.decide()
    ana = Visitor(here, "ana")
    page = ana.open("/integrations/gatus")
    assert page.says("https://tocsin.example.org/in/gatus") and page.says("rose: a health check failed")
    assert page.says("is not TRIGGERED or RESOLVED") and "<b>rose</b>" not in page.html and "hunter2" not in page.html
    assert page.html.count("What was sent") == 1
    assert ana.open("/tokens?name=gatus").form("/tokens").fields["name"] == ["gatus"]
    signal = re.search(r'href="(/signals/sig_\w+)"', page.html)
    assert signal and ana.open(signal[1]).status == 200


def test_what_has_sent_is_shown_with_when_it_was_heard(here: Served) -> None:
    sent = signals.encode(Arrival(source="grafana", key="k", title="It burns"))
    here.app.database.run(SYSTEM, lambda tx: signals.accept(tx, [sent]))
    here.decide()
    page = Visitor(here, "ana").open("/integrations")
    heard = page.html.partition('id="more"')[0]
    assert "Grafana" in heard and "Last heard 03:34:19" in heard and "Zabbix" not in heard
    assert page.says("Make a token") and page.says("Add one")
