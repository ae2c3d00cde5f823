"""Contact methods and rules as people meet them: on their own page, over the API, and in a terminal."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.response import failing, trials


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def last_message(here: Served) -> Any:
    with here.app.database.read(SYSTEM) as tx:
        return tx.all(outbox.table.select().order_by(outbox.table.c.created_at.desc()))[0]


def code_sent(here: Served) -> str:
    found = re.search(r"code is (\d{6})", last_message(here).subject)
    assert found
    return found[1]


# ---- The page ----


def test_a_contact_method_is_added_verified_ordered_and_removed_on_ones_own_page(here: Served) -> None:
    ben = Visitor(here, "ben")
    assert ben.do("/me", "/me/contacts", channel="email", address="ben@phone.example").onward == "/me?done=contact"
    page = ben.open("/me")
    assert page.says("not verified yet")
    (verify,) = [form.action for form in page.forms() if form.action.endswith("/verify")]
    wrong = ben.press(page, verify, code="000000" if code_sent(here) != "000000" else "111111")
    assert wrong.status == 409 and wrong.says("not the code")
    assert ben.press(page, verify, code=code_sent(here)).onward == "/me?done=verified#contacts"
    page = ben.open("/me")
    assert not page.says("not verified yet")
    contact = verify.split("/")[3]
    ruled = ben.press(page, "/me/rules", urgency="high", begins="22:00", ends="07:00", **{f"after__{contact}": "0"})
    assert ruled.onward == "/me?done=rule#rules"
    page = ben.open("/me")
    assert page.says("22:00 to 07:00") and page.says("At once: mail ben@phone.example")
    (unrule,) = [form.action for form in page.forms() if form.action.startswith("/me/rules/")]
    assert ben.press(page, unrule).status == 303
    assert ben.open("/me").says("Without a rule")


@pytest.mark.parametrize(
    "typed",
    ["http://[::1", "http://h:99999/", "http://h:0/", "https://a\u0000b/", "https://h/a b", "https:///x", "h/x"],
)
def test_what_is_no_address_of_a_webhook_is_refused_where_it_was_typed(here: Served, typed: str) -> None:
    refused = Visitor(here, "ben").do("/me", "/me/contacts", channel="webhook", address=typed)
    assert refused.status == 400 and refused.says("A webhook is an address such as")


def test_a_webhook_holds_no_password_and_the_log_tells_its_host_alone(here: Served) -> None:
    ben, ana = Visitor(here, "ben"), Visitor(here, "ana")
    refused = ben.do("/me", "/me/contacts", channel="webhook", address="https://ben:hunter2@hooks.example/x")
    assert refused.status == 400 and refused.says("holds no password")
    assert ben.do("/me", "/me/contacts", channel="webhook", address="https://hooks.example/x?key=hunter2").status == 303
    (remove,) = [form.action for form in ben.open("/me").forms() if form.action.endswith("/remove")]
    ben.do("/me", remove)
    log = ana.open("/audit?deed=contact")
    assert log.html.count("webhook hooks.example") == 2 and "hunter2" not in log.html


def test_an_address_inside_says_at_once_that_nothing_is_sent_there(here: Served) -> None:
    ben = Visitor(here, "ben")
    ben.do("/me", "/me/contacts", channel="webhook", address="https://hooks.example/x")
    assert not ben.open("/me").says("nothing is sent there")
    ben.do("/me", "/me/contacts", channel="webhook", address="http://127.0.0.1:9/x")
    page = ben.open("/me")
    assert page.html.count("nothing is sent there") == 1 and page.says("TOCSIN_PRIVATE_NETWORKS")


def test_the_link_in_the_message_brings_the_code_and_looking_at_it_verifies_nothing(here: Served) -> None:
    ben = Visitor(here, "ben")
    ben.do("/me", "/me/contacts", channel="email", address="ben@phone.example")
    found = re.search(r"https://tocsin\.example\.org(/me\?\S+)#contacts", last_message(here).body)
    assert found
    page = ben.open(found[1])
    assert page.says("not verified yet")
    (verify,) = [form for form in page.forms() if form.action.endswith("/verify")]
    assert verify.fields["code"] == [code_sent(here)]
    assert ben.press(page, verify.action).status == 303
    assert not ben.open("/me").says("not verified yet")


def test_a_rule_that_could_lose_a_page_is_refused_where_it_was_typed(here: Served) -> None:
    ben = Visitor(here, "ben")
    refused = ben.do("/me", "/me/rules", urgency="high", begins="22:00", ends="07:00")
    assert refused.status == 400 and refused.says("Only what is not urgent can be quiet")
    assert refused.form("/me/rules").fields["begins"] == ["22:00"]
    assert ben.do("/me", "/me/rules", urgency="low", begins="late", ends="07:00").says("'late' is not a time of day")
    assert ben.do("/me", "/me/zone", zone="Europe/Berlin").onward == "/me?done=zone#rules"
    assert ben.open("/me").says("04:34 on your clock")


# ---- The API ----


def test_a_program_does_for_its_person_what_the_page_does(here: Served) -> None:
    headers = here.bearer("incidents:read", "incidents:write", person="ben")
    base = "/api/v1/people/me"

    def post(path: str, body: Any = None, status: int = 200) -> Any:
        answer = here.post(f"{base}/{path}", headers=headers, json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    made = post("contacts", {"channel": "email", "address": "ben@phone.example"}, 201)
    assert made["verified"] is False
    post(f"contacts/{made['id']}/verify", {"code": "no"}, 409)
    found = post(f"contacts/{made['id']}/verify", {"code": code_sent(here)})
    assert [one["verified"] for one in found["contacts"]] == [True]
    rule = post("rules", {"urgency": "high", "steps": [{"contact": made["id"]}]}, 201)
    assert rule["steps"] == [{"contact": made["id"], "after_minutes": 0}]
    assert here.request("PUT", f"{base}/zone", headers=headers, json={"zone": "Europe/Berlin"}).status_code == 200
    shown = here.get(f"{base}/contacts", headers=headers).json()
    assert (shown["handle"], shown["zone"], shown["rules"]) == ("ben", "Europe/Berlin", [rule])
    assert here.request("DELETE", f"{base}/rules/{rule['id']}", headers=headers).status_code == 204
    assert here.request("DELETE", f"{base}/contacts/{made['id']}", headers=headers).status_code == 204
    assert here.get(f"{base}/contacts", headers=headers).json()["contacts"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"channel": "pigeon", "address": "the roof"}, "This server has the channels"),
        ({"channel": "email", "address": "ben"}, "not an e-mail address"),
    ],
)
def test_what_can_not_be_a_contact_method_is_refused_with_its_reason(here: Served, body: Any, said: str) -> None:
    headers = here.bearer("incidents:write", person="ben")
    answer = here.post("/api/v1/people/me/contacts", headers=headers, json=body)
    assert answer.status_code == 400
    assert said in answer.text


def test_how_others_are_paged_is_for_administrators(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", people.Channel.EMAIL, "ana@private.example", verified=True)
    ben = here.bearer("incidents:read", "incidents:write", person="ben")
    assert here.get("/api/v1/people/ana/contacts", headers=ben).status_code == 403
    assert (
        here.post("/api/v1/people/ana/contacts", headers=ben, json={"channel": "email", "address": "b@b.b"}).status_code
        == 403
    )
    ana = here.bearer("incidents:read", "people:write", person="ana")
    assert here.get("/api/v1/people/ana/contacts", headers=ana).status_code == 200
    program = here.bearer("incidents:read")
    assert here.get("/api/v1/people/me/contacts", headers=program).status_code in (403, 404)


def test_an_address_that_is_a_secret_is_shown_to_nobody(here: Served) -> None:
    address = "https://flow.example.org/workflows/f1/triggers/manual/paths/invoke?api-version=1&sig=s1gnature"
    ben = Visitor(here, "ben")
    assert ben.do("/me", "/me/contacts", channel="teams_dm", address=address).onward == "/me?done=contact"
    message = last_message(here)
    assert (
        here.app.database.keys.open_(message.secret or "") == address
        and "s1gnature" not in message.address + message.lane + message.body
    )
    headers = here.bearer("*", person="ana")
    (shown,) = here.get("/api/v1/people/ben/contacts", headers=headers).json()["contacts"]
    assert shown["address"].startswith("https://flow.example.org/…")
    for html in (ben.open("/me").html, Visitor(here, "ana").open("/people").html):
        assert "s1gnature" not in html and "/workflows/" not in html
    again = ben.do("/me", "/me/contacts", channel="teams_dm", address=address)
    assert again.status == 409 and again.says("one of your contact methods already")


def test_an_address_of_apprise_is_read_before_it_is_kept_and_its_page_shows_its_kind_alone(here: Served) -> None:
    ben, headers = Visitor(here, "ben"), here.bearer("incidents:write", person="ben")
    for address, said in (("syslog://", "one word"), ("dbus://x", "the machine"), ("nothing://s3cret", "can't read")):
        body = {"channel": "apprise", "address": address}
        answer = here.post("/api/v1/people/me/contacts", json=body, headers=headers)
        assert answer.status_code == 400 and said in answer.text, answer.text
    page = ben.do("/me", "/me/contacts", channel="apprise", address="nothing://s3cret")
    assert page.status == 400 and page.says("can't read this address")
    assert ben.do("/me", "/me/contacts", channel="apprise", address="json://ana:s3cret@example.org/x").status == 303
    page = ben.open("/me")
    assert "s3cret" not in page.html and "json://…" in page.html
    assert last_message(here).lane.startswith("apprise json://…")


@pytest.mark.parametrize(
    ("channel", "needs"), [("push", "TOCSIN_PUSH_CONTACT"), ("slack_dm", "TOCSIN_SLACK_BOT_TOKEN")]
)
def test_a_kind_that_is_not_set_up_is_refused_with_what_it_needs(here: Served, channel: str, needs: str) -> None:
    body = {"channel": channel, "address": "U024BE7LH"}
    answer = here.post("/api/v1/people/me/contacts", json=body, headers=here.bearer("incidents:write", person="ben"))
    assert answer.status_code == 400 and needs in answer.text


# ---- Test pages ------------------------------------------------------------------------------------------------------


def add_way(here: Served, address: str = "ben@phone.example") -> str:
    with here.app.database.work(SYSTEM) as tx:
        return people.add_contact(tx, "ben", people.Channel.EMAIL, address, verified=True).id


def link_sent(here: Served) -> str:
    found = re.search(r"https://tocsin\.example\.org(/a/\S+)", last_message(here).body)
    assert found
    return found[1]


def test_somebody_tests_a_way_and_confirms_it_without_signing_in(here: Served) -> None:
    way = add_way(here)
    ben = Visitor(here, "ben")
    assert ben.open("/me").says("Not tested yet")
    assert ben.do("/me", f"/me/contacts/{way}/test").onward == "/me?done=tested#contacts"
    assert last_message(here).subject == "TEST, nothing is wrong: does this page reach you?"
    assert ben.open("/me").says("A test is on its way")
    refused = ben.do("/me", f"/me/contacts/{way}/test")
    assert refused.status == 409 and refused.says("Wait a minute")
    link = link_sent(here)
    looked = here.get(link)
    assert "It has reached me" in looked.text and "Nothing is wrong" in looked.text
    assert ben.open("/me").says("A test is on its way")
    assert "has reached you" in here.post(link).text
    assert "has reached you" in here.post(link).text  # twice changes nothing
    assert ben.open("/me").says("Its test came through")
    assert here.post(link[:-9] + "tampered.0").status_code == 404


def test_the_accounts_own_address_is_tested_with_a_button_too(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", email="ben@rose.example")
    ben = Visitor(here, "ben")
    assert ben.do("/me", "/me/contacts/account/test").status == 303
    assert last_message(here).address == "ben@rose.example"
    here.post(link_sent(here))
    assert ben.open("/me").says("Its test came through")


def test_a_program_tests_the_ways_of_its_person_and_nobody_elses(here: Served) -> None:
    way = add_way(here)
    ben, ana = (here.bearer("incidents:read", "incidents:write", person=one) for one in ("ben", "erin"))
    assert here.post(f"/api/v1/people/ben/contacts/{way}/test", headers=ana, json={}).status_code == 403
    assert here.post("/api/v1/people/me/contacts/con_NONE/test", headers=ben, json={}).status_code == 404
    sent = here.post(f"/api/v1/people/me/contacts/{way}/test", headers=ben, json={}).json()
    assert (sent["state"], sent["settled_at"]) == ("waiting", None)
    here.post(link_sent(here))
    (shown,) = here.get("/api/v1/people/me/contacts", headers=ben).json()["contacts"]
    assert shown["test"]["state"] == "answered"


def test_a_doubtful_way_is_shown_where_cover_is_and_breaks_no_proof(here: Served) -> None:
    way = add_way(here)
    with here.app.database.work(SYSTEM) as tx:
        one = trials.try_now(tx, "ben", way)
    before = here.get("/api/v1/oncall/coverage", headers=here.bearer("plan:read")).json()
    with here.app.database.work(SYSTEM) as tx:
        message = outbox.of_page(tx, one.id, 0)
        assert message is not None
        failing.given_up(tx, message, Dead("SMTP 550 no such mailbox"))
    found = here.get("/api/v1/oncall/coverage", headers=here.bearer("plan:read")).json()
    assert [(one["person"], one["channel"], one["why"]) for one in found["doubts"]] == [
        ("ben", "email", "SMTP 550 no such mailbox")
    ]
    assert (found["holds"], before["doubts"]) == (before["holds"], [])
    ben = Visitor(here, "ben")
    assert ben.open("/me").says("Doubtful since") and ben.open("/oncall").says("SMTP 550 no such mailbox")
