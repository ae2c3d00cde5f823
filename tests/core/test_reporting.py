"""What users say does not work: what is kept of it, who counts as one person, and what tells them from machines."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tocsin.kit.errors import Invalid
from tocsin.signals import reporting, routing
from tocsin.signals.model import Trigger
from tocsin.signals.reporting import NotFromTheForm, Report

ROSE = plans.load(plans.FILES[-1])
NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
KEY = b"the installation's"


def report(words: str = "Replies come twice", **more: str) -> Report:
    return Report(**{"words": words, "by": "a", **more})


def test_one_report_waits_and_several_are_for_the_rule() -> None:
    one = reporting.arrival(ROSE, report(about="memory"), "rep_1", NOW, many=False)
    assert (one.source, one.trigger, one.title) == ("report", Trigger.USER_REPORT, "A user reports: Replies come twice")
    assert one.labels == {"reports": "few", "service": "rose", "component": "memory"}
    assert one.details == {"words": "Replies come twice"}
    assert isinstance(routing.route(ROSE, one), routing.Unrouted)
    route = routing.route(ROSE, reporting.arrival(ROSE, report(), "rep_1", NOW, many=True))
    assert isinstance(route, routing.Route)
    assert (route.rule, route.severity, route.title) == (
        "several users report trouble",
        "P2",
        "Several users report trouble",
    )


def test_what_is_kept_fits_and_can_be_stored() -> None:
    kept = reporting.checked(ROSE, report("  Bell \x00 rings " + "x" * 3000, contact=" ana@example.org\x00 "))
    assert kept.words.startswith("Bell  rings x") and len(kept.words) == reporting.WORDS_MOST
    assert kept.contact == "ana@example.org"


@pytest.mark.parametrize("more", [{"words": " \n"}, {"words": "\x00"}, {"about": "moon"}])
def test_what_says_nothing_or_is_about_nothing_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        reporting.checked(ROSE, report(**more))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "192.0.2.1", False),
    ],
)
def test_one_home_is_one_person(one: str, other: str, same: bool) -> None:
    assert (reporting.person(KEY, one) == reporting.person(KEY, other)) is same
    assert one not in reporting.person(KEY, one) or not one
    assert reporting.person(KEY, one) != reporting.person(b"another's", one)


@given(st.integers(0, 10 * 3600))
def test_the_form_is_good_for_a_while(seconds: int) -> None:
    stamp, later = reporting.stamp(KEY, NOW), NOW + timedelta(seconds=seconds)
    if reporting.SOONEST <= timedelta(seconds=seconds) <= reporting.LATEST:
        reporting.check_stamp(KEY, stamp, later)
    else:
        with pytest.raises(NotFromTheForm):
            reporting.check_stamp(KEY, stamp, later)


@given(st.text(max_size=90))
def test_nobody_else_makes_a_form(stamp: str) -> None:
    good = reporting.stamp(KEY, NOW)
    for forged in (stamp, f"{good.partition('.')[0]}.{stamp}", f"9{good}", good[:-1], reporting.stamp(b"x", NOW)):
        with pytest.raises(NotFromTheForm):
            reporting.check_stamp(KEY, forged, NOW + timedelta(minutes=1))
