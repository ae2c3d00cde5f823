"""Getting updates of the status page: asking, saying yes, changing it, leaving; and what strangers can't do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import Served, served
from tests.support.smtp import Received, SmtpSink
from tests.support.subscribed import link, tell
from tests.support.visitor import Page, Visitor
from tests.support.world import ROSE
from tocsin.comms.subscribers import store
from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.comms.subscribers.store import Wanted
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands

PATH = "/status/subscribe"
ANA = "ana@example.org"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as one:
        yield one


@pytest.fixture
def here(sqlite_url: str, sink: SmtpSink) -> Iterator[Served]:
    with served(sqlite_url, smtp_url=f"smtp://{sink.host}:{sink.port}?starttls=no") as one:
        yield one


def known(here: Served) -> list[Subscriber]:
    with here.app.database.read(SYSTEM) as tx:
        return store.listing(tx, Wanted())


def asked(here: Served, after: float = 20, **typed: Any) -> Page:
    """Somebody opens the form, types for a while, and sends it."""
    user = Visitor(here)
    page = user.open(PATH)
    wait(here, seconds=after)
    return user.press(page, PATH, **{"address": ANA, **typed})


def wait(here: Served, **length: float) -> None:
    here.clock.advance_to(here.clock.now() + timedelta(**length))


def mails(here: Served, sink: SmtpSink) -> list[Received]:
    tell(here.app.database, sink, here.app.signing_key)
    return sink.messages


def subscribed(here: Served, sink: SmtpSink, **typed: Any) -> str:
    """Somebody asks and confirms. Returns the path of their own page."""
    assert asked(here, **typed).status == 303
    answer = here.post(link(mails(here, sink)[-1], "confirm"))
    assert answer.status_code == 303
    return answer.headers["location"].partition("?")[0]


def test_whoever_asks_is_told_once_they_have_said_yes(here: Served, sink: SmtpSink) -> None:
    assert PATH in here.get("/status").text
    answer = asked(here)
    assert (answer.status, answer.onward) == (303, f"{PATH}?asked=1")
    assert "on its way" in here.get(answer.onward).text
    (mail,) = mails(here, sink)
    assert mail.recipients == (ANA,) and mail.subject.startswith("Confirm that you want updates from the Rose")
    assert mail.message["List-Unsubscribe"] is None  # there is nothing to leave yet
    (one,) = known(here)
    assert one.state is State.UNCONFIRMED
    page = here.get(link(mail, "confirm"))
    assert page.status_code == 200 and "a…@example.org" in page.text
    assert known(here)[0].state is State.UNCONFIRMED  # a scanner that opens links confirms nothing
    done = here.post(link(mail, "confirm"))
    assert "You are subscribed" in here.get(done.headers["location"]).text
    assert known(here)[0].state is State.ACTIVE


def test_a_subscriber_is_spoken_to_in_the_language_in_which_they_asked_until_they_choose_another(
    here: Served, sink: SmtpSink
) -> None:
    assert f'href="{PATH}?lang=de"' in here.get("/status/de").text
    user = Visitor(here)
    page = user.open(f"{PATH}?lang=de")
    assert page.answer.headers["content-language"] == "de"
    assert '<html lang="de">' in page.html and page.says("Auf dem Laufenden bleiben")
    assert f'href="{PATH}?lang=fr"' in page.html
    wait(here, seconds=20)
    onward = user.press(page, f"{PATH}?lang=de", address=ANA).onward
    assert onward == f"{PATH}?asked=1&lang=de"
    assert user.open(onward).says("Eine Nachricht ist zu dieser Adresse unterwegs.")
    (mail,) = mails(here, sink)
    assert mail.subject.startswith("Bestätige, dass du") and mail.message["Content-Language"] == "de"
    confirm = link(mail, "confirm")
    assert user.open(confirm).says("Ja, schickt mir Meldungen")
    own = here.post(confirm).headers["location"].partition("?")[0]
    assert known(here)[0].language == "de"
    page = user.open(own)
    assert page.says("Deine Meldungen") and page.form(own).fields["language"] == ["de"]
    assert user.press(page, own, language="fr").onward == f"{own}?done=saved"
    assert user.open(own).says("Vos messages") and user.open(f"{own}?lang=es").says("Tus avisos")
    leave = next(one.action for one in page.forms() if "/leave/" in one.action)
    assert user.open(leave).says("Se désabonner ?")
    assert "Plus rien n’y est envoyé" in here.post(leave).text
    assert here.post(own, data={"language": "xx"}).status_code == 404


def test_a_language_that_is_none_is_refused_and_what_is_refused_is_said_in_that_of_the_reader(
    here: Served, sink: SmtpSink
) -> None:
    own = subscribed(here, sink)
    assert here.post(own, data={"language": "xx"}).status_code == 400 and known(here)[0].language == "en"
    user = Visitor(here)
    page = user.open(f"{PATH}?lang=fr")
    wait(here, seconds=20)
    refused = user.press(page, f"{PATH}?lang=fr", address="ana")
    assert refused.status == 400 and refused.says("On ne peut pas envoyer d’e-mail à cette adresse.")
    assert '<html lang="fr">' in refused.html and f'href="{PATH}?lang=fr"' in refused.html
    assert here.get(PATH, headers={"accept-language": "pt"}).headers["content-language"] == "pt-BR"


def test_the_pages_of_a_subscriber_are_seen_by_no_search_engine_and_set_no_cookie(here: Served, sink: SmtpSink) -> None:
    own = subscribed(here, sink)
    for path in (PATH, own):
        answer = here.get(path)
        assert answer.status_code == 200 and "set-cookie" not in answer.headers
        assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("no-store", "noindex")
        assert "form-action 'self'" in answer.headers["content-security-policy"]


def test_a_stranger_never_learns_whether_an_address_is_subscribed(here: Served, sink: SmtpSink) -> None:
    subscribed(here, sink)
    again, new = asked(here), asked(here, address="ben@example.org")
    assert (again.status, again.onward) == (new.status, new.onward)
    told = {mail.recipients[0]: mail for mail in mails(here, sink)[1:]}
    assert told[ANA].subject.startswith("You are subscribed") and "/confirm/" not in told[ANA].text
    assert "/confirm/" in told["ben@example.org"].text
    assert [one.state for one in known(here) if one.address == ANA] == [State.ACTIVE]


def test_nobody_is_mailed_more_than_three_times_a_day_for_what_somebody_typed(here: Served, sink: SmtpSink) -> None:
    for _ in range(6):
        assert asked(here, after=61).status == 303
    assert len(mails(here, sink)) == 3
    wait(here, hours=25)
    assert asked(here).status == 303
    assert len(mails(here, sink)) == 4


def test_from_one_address_a_minute_only_so_many_are_asked(here: Served, sink: SmtpSink) -> None:
    answers = [asked(here, after=3, address=f"p{number}@example.org").status for number in range(9)]
    assert answers.count(503) >= 1 and set(answers) == {303, 503}
    assert len(known(here)) == answers.count(303) == len(mails(here, sink))


def test_a_link_is_good_for_a_day_and_for_one_thing(here: Served, sink: SmtpSink) -> None:
    asked(here)
    confirm = link(mails(here, sink)[0], "confirm")
    token = confirm.rpartition("/")[2]
    for path in (f"{PATH}/leave/{token}", f"{PATH}/manage/{token}", confirm[:-1], _other(confirm)):
        assert here.get(path).status_code == 404, path
        assert here.post(path).status_code == 404, path
    wait(here, hours=24)
    assert here.post(confirm).status_code == 404
    assert known(here)[0].state is State.UNCONFIRMED


def _other(path: str) -> str:
    """The same link with another last letter."""
    return path[:-1] + ("a" if path[-1] != "a" else "b")


def test_a_token_that_leaves_only_leaves(here: Served, sink: SmtpSink) -> None:
    own = subscribed(here, sink)
    asked(here)
    leave = link(mails(here, sink)[-1], "leave").rpartition("/")[2]
    for path in (f"{PATH}/manage/{leave}", f"{PATH}/manage/{leave}/export", f"{PATH}/confirm/{leave}"):
        assert here.post(path).status_code == 404, path
    assert here.get(own).status_code == 200


def test_one_click_leaves_and_erases_and_may_come_twice(here: Served, sink: SmtpSink) -> None:
    own = subscribed(here, sink)
    asked(here)
    (told,) = mails(here, sink)[1:]
    header = told.message["List-Unsubscribe"]
    assert told.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = header.strip("<>").replace(here.app.settings.public_url, "")
    assert path == link(told, "leave")
    assert "Unsubscribe?" in here.get(path).text and len(known(here)) == 1
    for _ in range(2):
        answer = here.post(path, content=b"List-Unsubscribe=One-Click", headers={"content-type": "multipart/form-data"})
        assert answer.status_code == 200 and "Unsubscribed" in answer.text
    assert known(here) == [] and here.get(own).status_code == 404
    assert here.get(path).status_code == 200


def test_what_somebody_wants_to_hear_of_is_changed_on_their_own_page(here: Served, sink: SmtpSink) -> None:
    own = subscribed(here, sink, part=["rose/memory"])
    user = Visitor(here)
    page = user.open(own)
    assert page.forms()[0].fields["part"] == ["rose/memory"]
    assert user.press(page, own, part=["rose", "rose/memory"]).status == 303
    assert known(here)[0].parts == ("rose",)  # a part beside the whole says nothing more
    assert here.post(own, data={"part": "no/such"}).status_code == 400


def test_everything_that_is_known_of_somebody_is_theirs_to_take(here: Served, sink: SmtpSink) -> None:
    own = subscribed(here, sink)
    found = here.post(f"{own}/export").json()
    assert found["subscriber"]["address"] == ANA and "secret" not in found["subscriber"]
    assert [one["kind"] for one in found["messages"]] == ["confirm"]
    assert [one["what"] for one in found["acts"]] == ["confirmed", "exported"]


@pytest.mark.parametrize(
    ("after", "typed", "status"),
    [
        (1, {}, 400),
        (7 * 3600, {}, 400),
        (20, {"stamp": "1.2"}, 400),
        (20, {"address": "ana"}, 400),
        (20, {"address": "ana@example.org\r\nBcc: ben@example.org"}, 400),
        (20, {"address": "ana@localhost"}, 400),
        (20, {"address": "x" * 65 + "@example.org"}, 400),
        (20, {"way": "sms"}, 400),
        (20, {"way": "webhook", "address": "http://example.org/hook"}, 400),
        (20, {"way": "webhook", "address": "https://ana:pw@example.org/hook"}, 400),
        (20, {"way": "slack", "address": "https://example.org/services/T/B/x"}, 400),
        (20, {"way": "teams", "address": "https://example.org/workflows"}, 400),
        (20, {"way": "push"}, 400),
        (20, {"part": "no/such"}, 400),
        (20, {"address": "x" * 30_000}, 413),
    ],
)
def test_what_can_not_be_used_is_refused_and_nothing_is_kept(
    here: Served, after: float, typed: dict[str, str], status: int
) -> None:
    refused = asked(here, after, **typed)
    assert refused.status == status
    assert known(here) == []
    assert "Go to Now" not in refused.html, "a stranger has no console"
    if status == 413:
        assert "Back to the form" in refused.html
        return
    fields = refused.form(PATH).fields
    assert 'role="alert"' in refused.html and fields["stamp"] != [typed.get("stamp")]
    if len(typed.get("address", ANA).splitlines()) == 1:
        assert fields["address"] == [typed.get("address", ANA)]


def test_a_machine_that_fills_in_everything_is_answered_and_nothing_is_kept(here: Served) -> None:
    assert asked(here, website="https://spam.example").onward == f"{PATH}?asked=1"
    assert known(here) == []


def test_a_plan_that_offers_nothing_has_no_form_and_no_link_to_it(here: Served) -> None:
    plan = ROSE.replace("  subscribe_by: [email, webhook, slack, teams, push]\n", "")
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, plan, "nobody subscribes")
    assert here.get(PATH).status_code == here.post(PATH, data={"way": "email"}).status_code == 404
    assert PATH not in here.get("/status").text and "Back to the form" not in here.get(PATH).text


def test_what_no_server_can_send_is_not_offered_on_the_page(sqlite_url: str) -> None:
    plan = ROSE.replace("subscribe_by: [email, webhook, slack, teams, push]", "subscribe_by: [email]")
    with served(sqlite_url) as deaf:  # without a mail server
        with deaf.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, plan, "by mail alone")
        assert PATH not in deaf.get("/status").text and deaf.get(PATH).status_code == 404


def test_whoever_never_says_yes_is_forgotten(here: Served) -> None:
    asked(here)
    wait(here, days=3)
    with here.app.database.work(SYSTEM) as tx:
        assert store.forget_unconfirmed(tx) == 1
    assert known(here) == []
