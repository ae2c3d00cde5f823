"""Every page, for everybody who may read it, with nothing on the record and with a bad night on it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.ending import mend
from tests.support.served import Served
from tests.support.visitor import ROLES, SESSION, Visitor, actor, console
from tocsin.app import example_plan
from tocsin.db.engine import Tx
from tocsin.kit.actor import SYSTEM
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Stage
from tocsin.response import commands, relating, tick
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.web.frame import MOST_OPEN
from tocsin.web.now import HEROES_SHOWN

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"
READ_BY_ALL = (
    "/",
    "/incidents",
    "/incidents?status=open&severity=P1",
    "/search",
    "/search?q=hang",
    "/oncall",
    "/oncall/calendar",
    "/plan",
    "/plan/document",
    "/plan/coverage",
    "/plan/coverage?only=timed&sort=missed&days=365",
    "/probes",
    "/probes/rose/health",
    "/signals",
    "/silences",
    "/post-mortems",
    "/insights",
    "/insights?days=30",
    "/me",
)
READ_BY_WRITERS = ("/declare", "/declare?what=Voice+hangs")
READ_BY_ADMINISTRATORS = ("/people", "/tokens", "/webhooks")


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


@pytest.fixture
def night(here: Served) -> Served:
    """Two incidents whose every word was written by somebody hostile, a waiting signal, and an unreadable body."""
    bad_night(here)
    return here


def bad_night(here: Served) -> tuple[str, str]:
    run, ben = here.app.database.run, actor(here, "ben")
    over = run(
        ben,
        lambda tx: commands.declare(
            tx, title=f"first {EVIL}", severity="P1", type="service_outage", service="rose", impact=EVIL
        ),
    )
    run(ben, lambda tx: commands.assign(tx, over.id, "incident_commander", "ben"))
    run(ben, lambda tx: commands.decide(tx, over.id, EVIL, EVIL))
    run(ben, lambda tx: commands.note(tx, over.id, EVIL))
    told = {"issue": EVIL, "impact": EVIL}
    run(ben, lambda tx: commands.post_update(tx, over.id, "public", told, Stage.INVESTIGATING))
    run(ben, lambda tx: commands.post_update(tx, over.id, "internal", {"impact": EVIL, "actions": EVIL, "next": EVIL}))
    run(ben, lambda tx: commands.waive(tx, over.id, "role:scribe", EVIL))
    pass_time(here, timedelta(minutes=20))
    run(ben, lambda tx: commands.mitigate(tx, over.id, EVIL))
    run(ben, lambda tx: mend(tx, over.id, EVIL))
    pass_time(here, timedelta(minutes=31))
    open_ = run(
        ben, lambda tx: commands.declare(tx, title=f"second {EVIL}", severity="P0", type="data_loss", impact=EVIL)
    )
    arrival = Arrival(source="generic", key=EVIL, title=f"waiting {EVIL}", link="javascript:alert(1)", warnings=(EVIL,))
    run(SYSTEM, lambda tx: signals.accept(tx, [signals.encode(arrival)]))
    here.decide()
    run(
        SYSTEM,
        lambda tx: quarantine.keep(tx, source=EVIL, sender=EVIL, reason=EVIL, body=EVIL.encode()),
    )
    pass_time(here, timedelta(minutes=6))
    return over.id, open_.id


def pass_time(here: Served, length: timedelta) -> None:
    here.clock.advance_to(here.clock.now() + length)
    while here.app.database.run(SYSTEM, tick.settle_due)[0]:
        pass


def incident_pages(page_html: str) -> list[str]:
    found = {part.split('"')[0].split("#")[0].split("?")[0] for part in page_html.split('href="/incidents/')[1:]}
    return sorted(f"/incidents/{one}" for one in found)


@pytest.mark.parametrize("handle", ROLES)
@pytest.mark.parametrize("has_data", [False, True], ids=["empty", "a bad night"])
def test_every_page_renders_for_everybody(here: Served, handle: str, has_data: bool) -> None:
    paths = list(READ_BY_ALL)
    if has_data:
        for incident in bad_night(here):
            paths += [f"/incidents/{incident}", f"/incidents/{incident}?kind=update", f"/post-mortems/{incident}"]
    visitor = Visitor(here, handle)
    for path in paths:
        page = visitor.open(path)
        assert page.status == 200, (path, page.html)
        assert "</html>" in page.html and "<h1" in page.html
    for path in READ_BY_WRITERS:
        assert visitor.open(path).status == (403 if handle == "erin" else 200)
    for path in READ_BY_ADMINISTRATORS:
        assert visitor.open(path).status == (200 if handle == "ana" else 403)


def test_what_others_wrote_is_never_markup(night: Served) -> None:
    ana = Visitor(night, "ana")
    rooms = incident_pages(ana.open("/").html) + incident_pages(ana.open("/incidents").html)
    reviews = [path.replace("/incidents/", "/post-mortems/") for path in rooms]
    assert len(set(rooms)) == 2
    for path in {*READ_BY_ALL, *READ_BY_WRITERS, *READ_BY_ADMINISTRATORS, *rooms, *reviews}:
        html = ana.open(path).html
        assert "<script>" not in html and "<img" not in html, path
        assert "javascript:" not in html, path
        assert "style=" not in html and " onclick" not in html, path
    assert ana.open("/").says("second <script>alert('x')</script>")


def test_no_page_holds_a_script_or_style_of_its_own(night: Served) -> None:
    html = Visitor(night, "ana").open("/").html
    assert 'src="/static/tocsin.js?v=' in html
    assert html.count("<script") == len(re.findall(r'<script src="/static/\w+\.js\?v=\w+" defer></script>', html))
    assert "<style" not in html


def test_a_viewer_sees_no_form_that_changes_anything(night: Served) -> None:
    erin = Visitor(night, "erin")
    own = {"/signout", "/theme", "/me/contacts", "/me/password", "/me/rules", "/me/zone"}
    own |= {"/me/contacts/account/test"}  # whether oneself is reached
    own |= {"/oncall/calendar/feeds", "/oncall/calendar/zone"}  # what one subscribes to, and in which zone one looks
    for path in (*READ_BY_ALL, *incident_pages(erin.open("/").html)):
        posts = {form.action for form in erin.open(path).forms() if form.method == "post"}
        assert posts <= own, path


def test_a_viewer_is_refused_even_with_a_form_of_somebody_else(night: Served) -> None:
    erin = Visitor(night, "erin")
    token = erin.open("/me").form("/signout").fields["_csrf_token"][0]
    room = incident_pages(erin.open("/").html)[0]
    before = erin.open(room).html.count("<li id=")
    for path in (
        "/declare",
        f"{room}/acknowledge",
        f"{room}/assign",
        f"{room}/severity",
        f"{room}/resolve",
        f"{room}/waive",
        f"{room}/close",
        f"{room}/updates",
        room.replace("/incidents/", "/post-mortems/"),
        "/people",
        "/people/ana/link",
        "/tokens",
        "/webhooks",
    ):
        fields = {"_csrf_token": token, "audience": "note", "note.text": "x", "role": "scribe", "person": "erin"}
        more = {"title": "x", "severity": "P3", "type": "data_loss", "resolve.how": "x", "section.summary": "x"}
        names = {"key": "resolve", "waive.because": "x", "handle": "eve", "name": "x", "scope": "signals:write"}
        answer = erin.send(path, {**fields, **more, **names, "lasts": "30"})
        assert answer.status == 403, (path, answer.html)
    assert erin.open(room).html.count("<li id=") == before


def test_what_is_not_there_is_a_page_that_says_so(here: Served) -> None:
    ben = Visitor(here, "ben")
    ben.open("/")  # a browser that is signed in has the token of our forms
    for path in ("/nowhere", "/incidents/inc_NONE", "/post-mortems/inc_NONE", "/plan?revision=000000000000"):
        page = ben.open(path)
        assert page.status == 404, path
        assert page.says("There is nothing here") and "</html>" in page.html
        assert 'aria-label="Main"' in page.html and page.form("/signout")
        assert ben.press(page, "/theme", theme="dark").status == 303, "its forms can be sent"
        assert page.answer.headers["content-security-policy"] and page.answer.headers["cache-control"] == "no-store"
    stranger = Visitor(here)
    stranger.client.cookies.set(SESSION, "s.guessed", domain="tocsin.test", path="/")
    for page in (Visitor(here).open("/nowhere"), stranger.open("/nowhere")):
        assert page.status == 404 and page.says("There is nothing here") and 'aria-label="Main"' not in page.html


def test_the_bell_names_the_worst_and_the_next(night: Served) -> None:
    html = Visitor(night, "ben").open("/oncall").html
    bell = html.split('class="worst"')[1].split("</header>")[0]
    assert 'data-sev="P0"' in bell and "second" in bell
    assert "data-due-at=" in bell


def test_what_the_worst_has_overdue_stands_before_what_was_forgotten_elsewhere(here: Served) -> None:
    def bell() -> str:
        return Visitor(here, "ben").open("/plan").html.split('class="next"')[1].split("</a>")[0]

    about: dict[str, Any] = {"type": "service_outage", "service": "rose"}
    run, ben = here.app.database.run, actor(here, "ben")
    run(ben, lambda tx: commands.declare(tx, title="Slow", severity="P2", **about))
    pass_time(here, timedelta(days=2))
    worst = run(ben, lambda tx: commands.declare(tx, title="All is lost", severity="P0", **about))
    assert "#1" in bell() and "overdue" in bell()  # of the other one, and it says so
    page = Visitor(here, "ben").open("/")
    assert "P0, #1 overdue" in page.html.split("<title>")[1].split("</title>")[0]
    pass_time(here, timedelta(minutes=6))
    assert "#1" not in bell() and f"/incidents/{worst.id}" in bell()
    owed = Visitor(here, "ben").open("/").html.split("Owed next")[1]
    assert owed.split('href="/incidents/')[1].startswith(worst.id)


def test_in_a_storm_the_worst_is_named_though_it_is_old_and_no_more_is_claimed_than_was_counted(here: Served) -> None:
    about: dict[str, Any] = {"type": "service_outage", "service": "rose"}

    def storm(tx: Tx) -> None:
        commands.declare(tx, title="All is lost", severity="P0", **about)
        for number in range(MOST_OPEN):
            commands.declare(tx, title=f"Small {number}", severity="P3", **about)

    here.app.database.run(actor(here, "ben"), storm)
    page = Visitor(here, "ben").open("/")
    assert "All is lost" in page.html.split('class="worst"')[1].split("</header>")[0]
    assert page.says(f"{MOST_OPEN} or more incidents open") and f"{MOST_OPEN}+" in page.html
    assert page.html.count("<article") == HEROES_SHOWN and page.says("And 180 or more that are open")
    assert Visitor(here, "ben").open("/incidents?status=open").says("Small 199")


def test_a_quiet_installation_says_so(here: Served) -> None:
    page = Visitor(here, "erin").open("/")
    assert page.says("Nothing is broken") and page.says("Nothing is owed")


def test_an_administrator_learns_what_to_see_to_before_the_first_incident(here: Served) -> None:
    ana, ben = Visitor(here, "ana"), Visitor(here, "ben")
    page = ana.open("/")
    assert page.says("Before the first incident") and page.says("On call, but nothing reaches them:")
    assert page.says("Nothing has sent a signal yet.") and page.says("No mail server is set")
    assert page.says("The plan in force is the example")
    assert not ben.open("/").says("Before the first incident")
    plan = example_plan().replace("name: Rose", "name: Ours")
    here.app.database.run(SYSTEM, lambda tx: plan_commands.apply(tx, plan, "It is ours"))
    page = ana.open("/")
    assert page.says("Before the first incident") and not page.says("The plan in force is the example")
    about: dict[str, Any] = {"title": "It broke", "severity": "P1", "type": "service_outage", "service": "rose"}
    incident = here.app.database.run(SYSTEM, lambda tx: commands.declare(tx, **about)).id
    page = ana.open("/")
    assert not page.says("Before the first incident")
    assert f'href="/incidents/{incident}#slot-scribe"' in page.html
    assert f'href="/incidents/{incident}?audience=public#compose"' in page.html
    assert ben.press(ben.open("/"), f"/incidents/{incident}/acknowledge").status == 303
    assert not any(one.action.endswith("/acknowledge") for one in ben.open("/").forms())


def test_a_waiting_signal_is_dismissed_from_the_front_page(night: Served) -> None:
    ben = Visitor(night, "ben")
    page = ben.open("/")
    (action,) = {form.action for form in page.forms() if form.action.endswith("/dismiss")}
    assert ben.press(page, action).onward == "/?done=dismissed"
    assert not [form for form in ben.open("/").forms() if form.action.endswith("/dismiss")]
    assert ben.open("/signals").says("Dismissed by ben")
    assert ben.press(page, action).status == 409


def test_what_was_refused_takes_the_focus_wherever_it_stands(here: Served) -> None:
    refused = Visitor(here, "erin").do("/oncall/calendar", "/oncall/calendar/zone", zone="Mars/Base")
    assert refused.status == 400
    assert re.search(r'<div class="errors"[^>]* autofocus[^>]*>', refused.html)


def test_who_cannot_be_reached_is_named(here: Served) -> None:
    ana = Visitor(here, "ana")
    assert ana.open("/oncall").says("No contact method and no e-mail address.")
    with here.app.database.work(SYSTEM) as tx:
        people.add_contact(tx, "tomas", Channel.EMAIL, "tomas@rose.example", verified=True)
        people.change_person(tx, "lucia", email="lucia@rose.example")
    assert ana.open("/oncall").says("Everybody of the plan has a way to be paged.")


def test_incidents_are_filtered_by_links(night: Served) -> None:
    ben = Visitor(night, "ben")
    p0, p1 = ben.open("/incidents?severity=P0"), ben.open("/incidents?severity=P1")
    rows = [page.html.split("<tbody>")[1].split("</tbody>")[0] for page in (p0, p1)]
    assert "second" in rows[0] and "first" not in rows[0]
    assert "first" in rows[1] and "second" not in rows[1]
    assert ben.open("/incidents?status=closed").says("No incident here.")


def test_what_is_open_stands_first_however_much_came_after_it(here: Served) -> None:
    about = {"severity": "P3", "type": "service_outage", "service": "rose"}
    with here.app.database.work(SYSTEM) as tx:
        oldest = commands.declare(tx, title="The oldest of all", **about | {"severity": "P2"})
        for number in range(51):  # a page of the list, and one more
            later = commands.declare(tx, title=f"Came later {number}", **about)
            relating.merge(tx, later.id, oldest.id, "The same again")
    ben, listed = Visitor(here, "ben"), re.compile(r'<a href="/incidents/inc_\w+">([^<]+)</a> <span class="muted">#')
    page = ben.open("/incidents").html
    assert listed.findall(page)[:2] == ["The oldest of all", "Came later 50"]
    earlier = re.search(r'href="(/incidents\?before=\d+)"', page)
    assert earlier and "The oldest of all" not in listed.findall(ben.open(earlier[1]).html)
    assert listed.findall(ben.open("/incidents?severity=P2").html) == ["The oldest of all"]
    assert ben.open(f"/incidents?before={10**30}").says("The oldest of all")


def test_the_plan_is_shown_with_its_source(here: Served) -> None:
    page = Visitor(here, "erin").open("/plan")
    assert page.says("acknowledge_within: 5 min") and page.says("SEV-02")


def test_what_is_found_in_the_plan_stands_on_its_page(here: Served) -> None:
    here.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "ben", email=None))
    page = Visitor(here, "erin").open("/plan")
    assert page.says("people.ben") and page.says("unreachable")
    assert page.says("a post-mortem of a P2 may be held, and is due by no date")
    assert page.says("Accepted, because a P3 waits for working hours")


def test_contact_methods_are_ones_own(here: Served) -> None:
    ben = Visitor(here, "ben")
    bad = ben.do("/me", "/me/contacts", channel="webhook", address="ftp://x")
    assert bad.status == 400 and bad.form("/me/contacts").fields["address"] == ["ftp://x"]
    assert ben.do("/me", "/me/contacts", channel="email", address="ben@phone.example").status == 303
    page = ben.open("/me")
    assert page.says("ben@phone.example")
    (remove,) = [form.action for form in page.forms() if form.action.endswith("/remove")]
    Visitor(here, "erin").do("/me", "/signout")
    erin = Visitor(here, "erin")
    token = erin.open("/me").form("/signout").fields["_csrf_token"]
    erin.send(remove, {"_csrf_token": token[0]})
    assert ben.open("/me").says("ben@phone.example")
    assert ben.press(page, remove).onward == "/me?done=removed"
    assert not ben.open("/me").says("ben@phone.example")


def test_an_administrator_invites_and_the_link_is_shown_once(here: Served) -> None:
    ana = Visitor(here, "ana")
    bad = ana.do("/people", "/people", handle="Not A Handle", email="eve@rose.example", role="responder")
    assert bad.status == 400 and bad.form("/people").fields["email"] == ["eve@rose.example"]
    made = ana.do("/people", "/people", handle="eve", name="Eve", email="eve@rose.example", role="responder")
    assert made.status == 200
    link = "/signin/" + made.html.split("https://tocsin.example.org/signin/")[1].split("<")[0]
    assert not ana.open("/people").says("/signin/")
    eve = Visitor(here)
    assert eve.do(link, link).status == 303
    assert eve.open("/people").status == 403


def test_an_invitation_that_went_to_the_wrong_person_is_revoked(here: Served) -> None:
    ana = Visitor(here, "ana")
    made = ana.do("/people", "/people", handle="eve", name="Eve", email="eve@rose.example", role="responder")
    link = "/signin/" + made.html.split("https://tocsin.example.org/signin/")[1].split("<")[0]
    people_page = ana.open("/people")
    assert people_page.says("not used yet") and people_page.says("Revoke the link<")
    eve = Visitor(here)
    shown = eve.open(link)
    assert ana.press(people_page, "/people/eve/sessions/end").onward == "/people?done=their_sessions_off"
    assert ana.open("/people").html.count("not used yet") == people_page.html.count("not used yet") - 1
    assert eve.press(shown, link).status == 404 and eve.open(link).status == 404
    assert any("Revoked a sign-in link" in part for part in ana.open("/audit").html.split("<tr"))


def test_a_token_is_shown_once_and_revoked(here: Served) -> None:
    ana = Visitor(here, "ana")
    nothing = ana.do("/tokens", "/tokens", name="robot", scope=[])
    assert nothing.status == 400 and nothing.form("/tokens").fields["name"] == ["robot"]
    made = ana.do("/tokens", "/tokens", name="robot", scope=["incidents:read", "plan:read"], lasts="30")
    secret = made.html.split('<code class="breaks">')[1].split("<")[0]
    assert secret.startswith("tcs_")
    page = ana.open("/tokens")
    assert page.says("robot") and secret not in page.html
    headers = {"authorization": f"Bearer {secret}"}
    assert Visitor(here).open("/api/v1/incidents", headers=headers).status == 200
    (revoke,) = [form.action for form in page.forms() if form.action.endswith("/revoke")]
    assert ana.press(page, revoke).onward == "/tokens?done=revoked"
    assert Visitor(here).open("/api/v1/incidents", headers=headers).status == 401
