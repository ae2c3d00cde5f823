"""The page of webhooks: an administrator adds an endpoint, sees how deliveries went, and sends them again."""

from collections.abc import Iterator

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.events import outbox
from tocsin.kit.actor import SYSTEM


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def test_an_administrator_manages_an_endpoint_without_javascript(here: Served) -> None:
    ana = Visitor(here, "ana")
    wrong = ana.do("/webhooks", "/webhooks", url="example.org", description="the wall", type=["incident.closed"])
    assert wrong.status == 400 and "An endpoint is an address" in wrong.html
    assert wrong.form("/webhooks").fields["description"] == ["the wall"]
    assert wrong.form("/webhooks").fields["type"] == ["incident.closed"]
    made = ana.do("/webhooks", "/webhooks", url="https://example.org/<hooks>", type=["incident.closed"])
    assert made.status == 200 and "whsec_" in made.html and "<hooks>" not in made.html
    with here.app.database.read(SYSTEM) as tx:
        (one,) = outbox.listing(tx)
    address = f"/webhooks/{one.id}"
    page = ana.open(address)
    assert one.secret not in page.html and "Nothing yet." in page.html
    ana.do(address, f"{address}/test")
    page = ana.open(address)
    assert "tocsin.test" in page.html and "waits" in page.html
    with here.app.database.read(SYSTEM) as tx:
        (delivery,) = outbox.latest(tx, one.id, 10)
    ana.do(address, f"{address}/deliveries/{delivery.id}/replay")
    assert ana.do(address, f"{address}/replay", since="").status == 400
    assert "done=resent" in ana.do(address, f"{address}/replay", since="2026-11-24T03:00").onward
    rotated = ana.do(address, f"{address}/rotate")
    assert "whsec_" in rotated.html and "Its former secret signs too" in rotated.html
    ana.do(address, f"{address}/disable")
    assert "ana disabled it" in ana.open(address).html
    ana.do(address, f"{address}/enable")
    with here.app.database.read(SYSTEM) as tx:
        assert len(outbox.latest(tx, one.id, 10)) == 2
    assert ana.do(address, f"{address}/remove").onward == "/webhooks?done=saved"
    assert "No endpoint yet." in ana.open("/webhooks").html


def test_nobody_else_sees_it(here: Served) -> None:
    assert Visitor(here, "ben").open("/webhooks").status == 403


@pytest.mark.parametrize(
    ("url", "is_inside"),
    [
        ("http://10.0.0.7/x", True),
        ("http://[::1]:8000/", True),
        ("https://wiki.internal/hooks", True),
        ("http://localhost/x", True),
        ("https://169.254.169.254/latest", True),
        ("https://example.org/hooks", False),
        ("https://8.8.8.8/", False),
    ],
)
def test_an_address_inside_is_warned_of_when_it_is_entered(here: Served, url: str, is_inside: bool) -> None:
    made = Visitor(here, "ana").do("/webhooks", "/webhooks", url=url)
    assert made.status == 200 and made.says("nothing is sent there") == is_inside
    headers = here.bearer("people:write", person="ana")
    answer = here.post("/api/v1/webhooks", json={"url": url}, headers=headers)
    assert answer.status_code == 201 and bool(answer.json()["warning"]) == is_inside
