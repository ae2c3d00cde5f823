"""The page on which the plan is changed: what a text does is shown first, and only that comes into force."""

from collections.abc import Iterator

import pytest

from tests.http.test_web_try_rules import CALM, invited
from tests.support.served import Served, served
from tests.support.visitor import Page, Visitor
from tests.support.world import QUIET
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.kit.actor import SYSTEM
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans

PATH = "/plan/change"
SLOWER = QUIET.replace("acknowledge_within: 5 min", "acknowledge_within: 50 min", 1)
WHY = {"reason": ["Calm is no outage"]}


@pytest.fixture
def here(database_url: str) -> Iterator[Served]:
    with served(database_url) as one:
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, QUIET, "looks at nothing", accept_large=True)
        yield one


@pytest.fixture
def ana(here: Served) -> Visitor:
    return invited(here, "ana", AccountRole.ADMINISTRATOR)


def in_force(here: Served) -> plans.Revision:
    with here.app.database.read(SYSTEM) as tx:
        return plans.current_revision(tx)


def looked(visitor: Visitor, text: str) -> Page:
    fields = visitor.open(PATH).form(PATH).fields
    return visitor.send(PATH, {**fields, "plan": [text], "step": ["look"]})


def applied(visitor: Visitor, page: Page, **more: list[str]) -> Page:
    return visitor.send(PATH, {**page.form(PATH).fields, "step": ["apply"], **more})


def test_a_text_is_looked_at_and_then_comes_into_force(here: Served, ana: Visitor) -> None:
    before = in_force(here)
    page = looked(ana, CALM)
    assert page.status == 200 and page.says("all calm") and in_force(here) == before
    done = applied(ana, page, **WHY)
    assert done.status == 303 and ana.open(done.onward).says("The plan is in force.")
    found = in_force(here)
    assert (found.text, found.reason, found.applied_by) == (CALM, "Calm is no outage", "ana")
    with here.app.database.read(SYSTEM) as tx:
        assert audit.listing(tx, Filter(deed=Deed.PLAN_APPLIED), limit=1)[0].about == found.id


def test_the_text_begins_as_that_of_any_revision(here: Served, ana: Visitor) -> None:
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, CALM, "calm", accept_large=True)
        first = plans.revisions(tx)[-1]
    typed = ana.open(f"{PATH}?revision={first.id}").form(PATH).fields["plan"][0]
    assert typed.strip() == first.text.strip()
    assert ana.open(f"{PATH}?revision=000000000000").status == 404


def test_every_mistake_is_told_with_its_line_and_the_text_stays(here: Served, ana: Visitor) -> None:
    before = in_force(here)
    broken = QUIET.replace("acknowledge_within: 5 min", "acknowledge_within: soon", 1)
    line = broken[: broken.index("acknowledge_within: soon")].count("\n") + 1
    page = looked(ana, broken)
    assert page.status == 400 and page.says(f"Line {line}, ")
    assert page.form(PATH).fields["plan"][0].strip() == broken.strip()
    assert "seen" not in page.form(PATH).fields
    assert applied(ana, page, **WHY).status == 409 and in_force(here) == before


def test_another_text_than_the_one_looked_at_is_shown_first(here: Served, ana: Visitor) -> None:
    before = in_force(here)
    page = applied(ana, looked(ana, CALM), plan=[SLOWER], accept=["yes"], **WHY)
    assert page.status == 409 and page.says("not what you looked at") and in_force(here) == before
    assert applied(ana, page, accept=["yes"], **WHY).status == 303
    assert in_force(here).text == SLOWER


def test_a_plan_that_somebody_else_changed_meanwhile_is_looked_at_anew(here: Served, ana: Visitor) -> None:
    page = looked(ana, CALM)
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, SLOWER, "meanwhile", accept_large=True)
    page = applied(ana, page, **WHY)
    assert page.status == 409 and in_force(here).text == SLOWER
    assert page.says("50 min"), "what it changes of the plan in force now is shown"


def test_a_text_that_takes_back_what_somebody_else_changed_meanwhile_says_so(here: Served, ana: Visitor) -> None:
    begun = ana.open(PATH).form(PATH).fields  # and somebody else is quicker
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, SLOWER, "People sleep", accept_large=True)
    renamed = QUIET.replace("name: Ana Okafor", "name: Ana B. Okafor", 1)
    page = ana.send(PATH, {**begun, "plan": [renamed], "step": ["look"]})
    assert page.says("another has come into force since") and page.says("by Tocsin") and page.says(": People sleep")
    (theirs,) = [one for one in page.html.split("<li") if "Takes back what has come into force since" in one]
    assert "50 min" in theirs, "what one changed oneself takes nothing back"
    kept = SLOWER.replace("name: Ana Okafor", "name: Ana B. Okafor", 1)
    assert not ana.send(PATH, {**begun, "plan": [kept], "step": ["look"]}).says("Takes back")
    assert not looked(ana, renamed).says("another has come into force since"), "it began with what is in force"


def test_a_large_change_is_told_first_and_wants_a_word_of_its_own(here: Served, ana: Visitor) -> None:
    before = in_force(here)
    page = looked(ana, SLOWER)
    assert page.says("The large changes are meant") and not looked(ana, CALM).says("The large changes are meant")
    page = applied(ana, page, **WHY)
    assert page.status == 400 and page.says("Say below that it is meant") and in_force(here) == before
    assert applied(ana, page, accept=["yes"], **WHY).status == 303
    assert in_force(here).text == SLOWER


def test_a_reason_is_needed(here: Served, ana: Visitor) -> None:
    before = in_force(here)
    page = applied(ana, looked(ana, CALM))
    assert page.status == 400 and page.says("Say why the plan is changed") and in_force(here) == before
    assert page.form(PATH).fields["plan"][0].strip() == CALM.strip()


def test_what_is_too_long_goes_by_the_command_line(here: Served, ana: Visitor) -> None:
    page = looked(ana, QUIET + "#" * 300_000)
    assert page.status == 400 and page.says("tocsin plan apply")


def test_it_is_there_for_those_who_may_change_the_plan(here: Served, ana: Visitor) -> None:
    tomas = invited(here, "tomas", AccountRole.MANAGER)
    assert tomas.open(PATH).status == 403
    assert PATH not in tomas.open("/plan").html
    assert f'{PATH}?revision={in_force(here).id}"' in ana.open("/plan").html
