"""The form at the status page, and the reports of a support desk: what is taken, and what is not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import Served, served
from tests.support.visitor import Page, Visitor
from tests.support.world import ROSE
from tocsin.kit.actor import SYSTEM
from tocsin.people import commands as people_commands
from tocsin.people.model import AccountRole
from tocsin.plan import commands as plan_commands
from tocsin.signals import store as signals
from tocsin.signals.store import Signal

PATH = "/status/report"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


def kept(here: Served) -> list[Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx)


def said(here: Served, after: float = 20, **typed: Any) -> Page:
    """Somebody opens the form, types for a while, and sends it."""
    user = Visitor(here)
    page = user.open(PATH)
    here.clock.advance_to(here.clock.now() + timedelta(seconds=after))
    return user.press(page, PATH, **{"words": "No replies", **typed})


@pytest.mark.tries("user-reports", "the form", "fires")
def test_the_status_page_leads_to_the_form_and_a_report_becomes_a_signal(here: Served) -> None:
    assert "/status/report" in here.get("/status").text
    answer = said(here, about="memory", contact="ana@example.org")
    assert (answer.status, answer.onward) == (303, f"{PATH}?thanks=1")
    (signal,) = kept(here)
    assert (signal.source, signal.title, signal.labels["component"]) == (
        "report",
        "A user reports: No replies",
        "memory",
    )
    assert signal.details == {"words": "No replies", "contact": "ana@example.org"}
    assert here.get(answer.onward).text.count("We have it") == 1


def test_the_form_and_its_answer_speak_the_language_of_the_reader(here: Served) -> None:
    assert f'href="{PATH}?lang=es"' in here.get("/status/es").text
    user = Visitor(here)
    page = user.open(f"{PATH}?lang=es")
    assert page.says("¿Qué no funciona?") and '<html lang="es">' in page.html
    assert page.answer.headers["content-language"] == "es"
    here.clock.advance_to(here.clock.now() + timedelta(seconds=20))
    answer = user.press(page, f"{PATH}?lang=es", words="No responde")
    assert answer.onward == f"{PATH}?thanks=1&lang=es" and user.open(answer.onward).says("Lo tenemos.")
    assert user.press(page, f"{PATH}?lang=es", words=" ").says("Di en pocas palabras qué no funciona.")
    assert len(kept(here)) == 1


def test_the_form_sets_no_cookie_and_needs_none(here: Served) -> None:
    answer = here.get(PATH)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert "script" not in answer.text and "form-action 'self'" in answer.headers["content-security-policy"]


def test_a_plan_without_the_form_has_none(here: Served) -> None:
    plan = ROSE.replace("reports: { form: true", "reports: { form: false")
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, plan, "no form")
    assert here.get(PATH).status_code == here.post(PATH, data={"words": "x"}).status_code == 404
    assert kept(here) == []


@pytest.mark.parametrize(
    ("after", "typed", "status"),
    [
        (1, {}, 400),
        (7 * 3600, {}, 400),
        (20, {"stamp": "1.2"}, 400),
        (20, {"stamp": ""}, 400),
        (20, {"words": "  "}, 400),
        (20, {"words": "x" * 30_000}, 413),
    ],
)
def test_what_no_person_sends_from_the_form_is_not_kept(
    here: Served, after: float, typed: dict[str, str], status: int
) -> None:
    assert said(here, after, **typed).status == status
    assert kept(here) == []


def test_a_machine_that_fills_in_everything_is_thanked_and_nothing_is_kept(here: Served) -> None:
    assert said(here, website="https://spam.example").onward == f"{PATH}?thanks=1"
    assert kept(here) == []


def test_nothing_hostile_is_shown_back(here: Served) -> None:
    for typed in ({"words": EVIL}, {"words": EVIL, "about": EVIL}, {"words": EVIL, "stamp": EVIL}):
        assert EVIL not in said(here, **typed).html
    assert {one.labels.get("component") for one in kept(here)} == {None}
    assert "alert(1)" not in here.get(f"{PATH}?thanks={EVIL}").text


def test_what_was_typed_stands_in_the_form_that_is_refused_and_never_what_another_site_sent(here: Served) -> None:
    typed = {"words": " ", "about": "memory", "contact": "ana@example.org"}
    refused = said(here, **typed)
    assert refused.status == 400 and 'aria-invalid="true"' in refused.html
    here.clock.advance_to(here.clock.now() + timedelta(seconds=20))
    (form,) = (one.fields for one in refused.forms() if "words" in one.fields)
    assert (form["about"], form["contact"]) == (["memory"], ["ana@example.org"])
    elsewhere = here.post(PATH, data={**form, "words": ""}, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 400 and "ana@example.org" not in elsewhere.text
    assert Visitor(here).press(refused, PATH, words="It hangs").onward == f"{PATH}?thanks=1"


def test_one_address_may_not_say_everything(here: Served) -> None:
    statuses = [said(here, 4, words=f"Trouble {place}").status for place in range(7)]
    assert statuses[0] == 303 and 503 in statuses
    assert len(kept(here)) == statuses.count(303)


def test_whoever_looks_at_the_signals_reads_all_of_it_as_text(here: Served) -> None:
    said(here, words=f"{EVIL} " + "and more " * 30, contact="ana@example.org")
    here.decide()
    here.app.database.run(
        SYSTEM,
        lambda tx: people_commands.invite(tx, "ben", name="", email="b@rose.example", role=AccountRole.RESPONDER),
    )
    page = Visitor(here, "ben").open("/signals")
    assert page.says(("and more " * 30).strip()) and page.says("Ask back: ana@example.org")
    assert EVIL not in page.html


# ---- From a support desk ----


@pytest.mark.tries("user-reports", "the API", "fires")
def test_a_support_desk_reports_for_its_users_and_hears_how_many_do(here: Served) -> None:
    headers = here.bearer("signals:write")

    def report(**body: str) -> dict[str, Any]:
        answer = here.post("/api/v1/reports", json={"words": "No sound", **body}, headers=headers)
        assert answer.status_code == 201
        found: dict[str, Any] = answer.json()
        return found

    first = report(by="c1", about="rose")
    assert (first["people"], first["many"]) == (1, False)
    assert report(by="c1", about="rose") == first
    assert report(by="c2")["people"] == 2
    assert report()["many"]
    assert {one.labels["reports"] for one in kept(here)} == {"many"}


@pytest.mark.parametrize(
    "body", [{}, {"words": " "}, {"words": "x", "about": "moon"}, {"words": "x", "more": 1}, {"words": "x" * 2001}]
)
def test_what_can_not_be_meant_is_refused(here: Served, body: dict[str, Any]) -> None:
    assert here.post("/api/v1/reports", json=body, headers=here.bearer("signals:write")).status_code == 400
    assert kept(here) == []


def test_whoever_only_reads_reports_nothing(here: Served) -> None:
    answer = here.post("/api/v1/reports", json={"words": "x"}, headers=here.bearer("incidents:read"))
    assert answer.status_code == 403
