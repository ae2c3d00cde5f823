"""The matrix of senders is what there is: every reader has its row and page, and no row claims what no test shows."""

import json
import re
from pathlib import Path

import pytest

from tests.core import test_senders
from tests.support import tried
from tocsin.signals.senders.table import SENDERS

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / "docs" / "reference" / "senders.md"
ELDER = {
    "generic-signals",
    "alertmanager",
    "pagerduty-senders",
    "mail-as-signals",
    "opentelemetry",
    "sentry-sdk",
}  # at addresses of their own
LOCK = (ROOT / "requirements" / "dev.txt").read_text("utf-8")


def rows() -> dict[str, list[str]]:
    """The cells of each row of the first table, by the page that its first cell links to."""
    found = {}
    for line in MATRIX.read_text("utf-8").partition(tried.BEGIN)[0].splitlines():
        if link := re.match(r"\| \[[^\]]+\]\(\.\./howto/([\w-]+)\.md\)", line):
            found[link[1]] = [cell.strip() for cell in line.strip("|").split("|")]
    return found


def page(name: str) -> str:
    return (ROOT / "docs" / "howto" / f"{name}.md").read_text("utf-8")


def test_every_sender_has_its_row_and_no_row_is_without_one() -> None:
    assert set(rows()) == set(SENDERS) | ELDER


@pytest.mark.parametrize("name", sorted(SENDERS))
def test_a_row_and_a_page_give_the_address(name: str) -> None:
    assert f"`/in/{name}`" in rows()[name][1]
    assert f"/in/{name}" in page(name)
    assert f"tocsin token create {name} --scope signals:write" in page(name)


@pytest.mark.parametrize("name", sorted(SENDERS))
def test_signed_is_what_is_checked(name: str) -> None:
    assert ("signed" in rows()[name][2]) == (SENDERS[name].signature is not None or SENDERS[name].seal is not None)


def test_what_was_tried_is_what_the_tests_say() -> None:
    assert tried.written() == tried.matrix(tried.names()), "write it anew: python -m tests.support.tried"


def test_every_sender_was_tried_by_something() -> None:
    found = {one.sender for one in tried.marked()} | {one["sender"] for _, one in tried.captured()}
    assert found == set(tried.names())


def test_what_is_said_of_a_library_is_the_release_that_is_tried() -> None:
    for one in tried.marked():
        library, _, release = one.by.partition(" ")
        assert f"\n{library}==" not in LOCK or f"\n{library}=={release}." in LOCK, one.by


@pytest.mark.parametrize(("name", "first"), [("gatus", "state"), ("healthchecks", "code"), ("datadog", "cycle")])
def test_the_body_that_a_page_gives_is_the_one_that_the_tests_send(name: str, first: str) -> None:
    given = re.search(rf'\{{"{first}": .*?\}}\n', page(name), re.S)
    assert given
    extra = {"status"} if name == "datadog" else set()  # a variable that came unfilled
    assert set(re.findall(r'"(\w+)": ', given[0])) == set(test_senders.body_of(name)) - extra


def test_the_parameters_of_zabbix_are_those_that_the_tests_send() -> None:
    parameters = page("zabbix").partition("## Set it up")[2].partition("## What rules see")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", parameters, re.M)) == {"url", "token", *test_senders.body_of("zabbix")}


def test_the_example_of_a_cloud_event_is_read() -> None:
    body = re.search(r"-d '(\{.*\})'", page("cloudevents"))
    assert body
    assert test_senders.one("cloudevents", json.loads(body[1])).title == "Checkout fails"
