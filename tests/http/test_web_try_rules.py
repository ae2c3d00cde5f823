"""The page on which another plan's rules are tried: what would change, rule by rule, and nothing is changed by it."""

from collections.abc import Iterator

import pytest

from tests.support.inbox import decide_all
from tests.support.served import Served, served
from tests.support.visitor import Page, Visitor
from tests.support.world import QUIET
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.signals import store as signals
from tocsin.signals.store import Signal

RULE = "  - { name: all calm, precedence: 1, when: { kind: calm }, type: service_outage, severity: P3 }\n"
CALM = QUIET.replace("\nrules:\n", f"\nrules:\n{RULE}", 1)


@pytest.fixture
def here(database_url: str) -> Iterator[Served]:
    with served(database_url) as one:
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, QUIET, "looks at nothing", accept_large=True)
        yield one


def invited(here: Served, handle: str, role: AccountRole) -> Visitor:
    about = {"name": "", "email": f"{handle}@rose.example", "role": role}
    here.app.database.run(SYSTEM, lambda tx: people_commands.invite(tx, handle, **about))
    return Visitor(here, handle)


@pytest.fixture
def erin(here: Served) -> Visitor:
    return invited(here, "erin", AccountRole.VIEWER)


def arrived(here: Served, title: str, **labels: str) -> Signal:
    sent = {"title": title, "key": title, "labels": labels}
    assert here.post("/api/v1/signals", json=sent, headers=here.bearer("signals:write", name=title)).status_code == 202
    decide_all(here.app.database)
    with here.app.database.read(SYSTEM) as tx:
        return next(one for one in signals.recent(tx) if one.key == title)


def tried(visitor: Visitor, plan: str, signal: str = "") -> Page:
    form = visitor.open(f"/plan/try?signal={signal}").form("/plan/try")
    return visitor.send("/plan/try", {**form.fields, "plan": [plan]})


def test_the_plan_in_force_changes_nothing(here: Served, erin: Visitor) -> None:
    arrived(here, "checkout is down", kind="calm")
    form = erin.open("/plan/try").form("/plan/try")
    with here.app.database.read(SYSTEM) as tx:
        assert form.fields["plan"][0].strip() == plans.text(tx, plans.current_id(tx)).strip()
    page = erin.send("/plan/try", form.fields)
    assert page.status == 200
    assert page.says("Nothing would have been called for otherwise.")


def test_another_plan_is_told_rule_by_rule_and_changes_nothing(here: Served, erin: Visitor) -> None:
    signal = arrived(here, "checkout is down", kind="calm")
    page = tried(erin, CALM)
    assert page.says("1 signal would have called for P3 service_outage")
    assert page.says("all calm") and page.says("checkout is down")
    assert f"/signals/{signal.id}" in page.html
    with here.app.database.read(SYSTEM) as tx:
        assert CALM not in [one.text for one in plans.revisions(tx)]
        assert signals.load(tx, signal.id) == signal


def test_one_signal_is_tried_too_where_somebody_came_from_it(here: Served, erin: Visitor) -> None:
    signal = arrived(here, "checkout is down", kind="calm")
    assert f"/plan/try?signal={signal.id}" in erin.open(f"/signals/{signal.id}").html
    page = tried(erin, CALM, signal.id)
    assert page.says("This signal") and page.says("It decides: P3, as the rule says.")
    assert page.says("Until now: No rule of the plan matches")
    same = tried(erin, QUIET, signal.id)
    assert same.says("The same would follow")


def test_a_plan_with_mistakes_is_answered_with_their_places_and_what_was_typed(here: Served, erin: Visitor) -> None:
    page = tried(erin, CALM.replace("severity: P3 }", "severity: P9 }", 1) + "\nnmae: <b>x</b>\n")
    assert page.status == 400
    assert page.says("This is no sound plan yet") and page.says("Line ")
    assert "<b>x</b>" not in page.html and "&lt;b&gt;x" in page.html


@pytest.mark.parametrize("plan", ["", "\x00", "a: &a [*a, *a]", "- " * 5000, "[" * 5000, "\N{SNOWMAN}" * 300_001])
def test_whatever_is_pasted_is_answered(here: Served, erin: Visitor, plan: str) -> None:
    page = tried(erin, plan)
    assert page.status in (400, 413)


def test_a_signal_or_a_revision_that_there_is_not_is_not_found(here: Served, erin: Visitor) -> None:
    assert erin.open("/plan/try?signal=sig_nothing").status == 404
    assert erin.open("/plan/try?revision=000000000000").status == 404
    assert tried(erin, CALM).status == 200
    form = erin.open("/plan/try").form("/plan/try")
    assert erin.send("/plan/try", {**form.fields, "signal": ["sig_nothing"]}).status == 404


def test_nobody_tries_who_is_not_signed_in_or_sends_no_token_of_the_form(here: Served, erin: Visitor) -> None:
    assert here.get("/plan/try").status_code in (303, 401)
    assert here.post("/plan/try", data={"plan": CALM}).status_code in (303, 401, 403)


def test_the_plan_leads_here(here: Served, erin: Visitor) -> None:
    assert "/plan/try?revision=" in erin.open("/plan").html


def test_what_is_too_long_for_a_page_goes_by_the_command_line(erin: Visitor) -> None:
    page = tried(erin, QUIET + "#" * 300_000)
    assert page.status == 400 and page.says("tocsin plan try-rules")
