"""Subscribers: addresses, choices, links, failures, the words that they read, and mails that differ in links alone."""

import email
import email.policy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tocsin.comms.language import LANGUAGES
from tocsin.comms.maintenance import Progress
from tocsin.comms.subscribers import announcing, bounces, composing, links, places, words
from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.composing import House
from tocsin.comms.subscribers.links import NotALink, Purpose, TooLate
from tocsin.comms.subscribers.model import (
    NoSuchPart,
    NotAnAddress,
    Note,
    Refusal,
    Subscriber,
    checked_mail,
    checked_parts,
    masked,
    refusal,
)
from tocsin.delivery.bulkmail import Mail, letter
from tocsin.kit.errors import Invalid
from tocsin.plan.model import Way
from tocsin.signals.silencing import Silence

ANY = st.characters(exclude_categories=["Cs", "Cc"])
NOW = datetime(2026, 11, 24, 3, 34, tzinfo=UTC)
KEY = b"the key of this test"
ID = "sub_7KQ2M4XW9A23"
ROSE = plans.load(plans.ROOT / "src/tocsin/plans/rose.yaml")
HOUSE = House(name="Rose", base="https://tocsin.example.org", key=KEY)
TOLD = Announcement(
    id="u6f2a9q4l1xc",
    kind=Kind.UPDATE,
    about="inc_1",
    name="Voice replies hang",
    stage="investigating",
    text="03:41 UTC · Investigating\n\nNobody can talk to Rose. We look <b>now</b>.\n.\nFrom here on: more.",
    parts=("rose", "rose/voice"),
    affects=("Voice",),
    path="/status/i/p3n7d0s5g8jb",
    at=NOW,
)


# ---- Addresses ----


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ana@Example.ORG ", "Ana@example.org"),
        ("ana+status@example.org", "ana+status@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
    ],
)
def test_a_mail_address_is_kept_as_mail_is_sent_to_it(typed: str, kept: str) -> None:
    assert checked_mail(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *("", "ana", "@example.org", "ana@", "ana@localhost", "a b@example.org", "ana@example.org\nBcc: x"),
        *("ana@exa_mple.org", "ana@-example.org", ".ana@example.org", "änä@example.org", "ana@example..org"),
        *("ana@[127.0.0.1]", "<ana@example.org>"),
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(NotAnAddress):
        checked_mail(typed)


@given(st.text(max_size=60))
def test_no_address_ever_breaks_out_of_its_header(typed: str) -> None:
    try:
        kept = checked_mail(typed)
    except NotAnAddress:
        return
    assert kept.isascii() and kept.isprintable() and not set(kept) & set(' <>,;:"()[]\\')


def test_the_same_place_is_known_however_it_is_written() -> None:
    assert places.read(Way.EMAIL, "ANA@example.org").where == places.read(Way.EMAIL, "ana@EXAMPLE.org").where


def test_an_address_that_is_a_secret_is_not_shown() -> None:
    found = places.read(Way.SLACK, "https://hooks.slack.com/services/T0/B0/s3cret")
    assert found.address == "https://hooks.slack.com/…" and found.secret is not None
    assert masked("ana@example.org") == "a…@example.org"


@pytest.mark.parametrize(
    ("way", "typed"),
    [
        (Way.WEBHOOK, "ftp://example.org/x"),
        (Way.WEBHOOK, "https://exa mple.org/"),
        (Way.WEBHOOK, "https://example.org:99999/"),
        (Way.WEBHOOK, "https://" + "x" * 3000),
        (Way.SLACK, "https://hooks.slack.com.evil.example/services/x"),
        (Way.TEAMS, "https://logic.azure.com.evil.example/x"),
        (Way.PUSH, "{}"),
    ],
)
def test_an_address_of_somewhere_else_is_refused(way: Way, typed: str) -> None:
    with pytest.raises(Invalid):
        places.read(way, typed)


# ---- Choices and failures ----


def test_a_choice_stands_in_the_order_of_the_plan_and_names_only_what_is_there() -> None:
    part = next(iter(ROSE.services["rose"].components))
    assert checked_parts(ROSE, [f"rose/{part}", "rose"]) == ("rose",)
    assert checked_parts(ROSE, [f"rose/{part}"]) == (f"rose/{part}",)
    with pytest.raises(NoSuchPart):
        checked_parts(ROSE, ["rose/nothing"])


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("SMTP 550 5.1.1 No such user", Refusal.GONE),
        ("SMTP 550 5.2.1 Mailbox disabled", Refusal.GONE),
        ("SMTP 552 5.2.2 Mailbox full", Refusal.FINAL),
        ("SMTP 550 Go away", Refusal.FINAL),
        ("SMTP 550 5.7.1 Relaying denied", Refusal.OURS),
        ("SMTP 554 5.5.1 Error: no valid recipients", Refusal.OURS),
        ("HTTP 404", Refusal.FINAL),
    ],
)
def test_a_refusal_says_something_of_the_address_or_of_us(said: str, kind: Refusal) -> None:
    assert refusal(said) is kind


# ---- Links ----


def test_a_link_is_good_for_its_own_purpose_alone() -> None:
    for purpose in Purpose:
        given_out = links.token(KEY, purpose, ID)
        for other in Purpose:
            if other is purpose:
                assert links.read(KEY, other, given_out) == ID
            else:
                with pytest.raises(NotALink):
                    links.read(KEY, other, given_out)
        with pytest.raises(NotALink):
            links.read(b"another key", purpose, given_out)


def test_a_link_to_confirm_ends() -> None:
    until = NOW + timedelta(days=1)
    given_out = links.confirming(KEY, ID, until)
    assert links.read_confirming(KEY, given_out, until - timedelta(milliseconds=1)) == ID
    with pytest.raises(TooLate):
        links.read_confirming(KEY, given_out, until)
    subscriber, _, seal = given_out.split(".")
    with pytest.raises(NotALink):
        links.read_confirming(KEY, f"{subscriber}.9999999999999.{seal}", NOW)


@given(st.text(max_size=80))
def test_whatever_is_typed_for_a_link_is_answered(typed: str) -> None:
    with pytest.raises(NotALink):
        links.read(KEY, Purpose.LEAVE, typed)
    with pytest.raises(NotALink):
        links.read_confirming(KEY, typed, NOW)


def test_the_address_of_bounces_is_short_enough_and_survives_a_change_of_case() -> None:
    address = links.bounce_address(KEY, "tocsin@example.org", ID)
    assert len(address.partition("@")[0]) <= 64
    assert links.bounced(KEY, address.upper()) == ID
    assert links.bounced(KEY, "tocsin@example.org") is None
    with pytest.raises(NotALink):
        links.bounced(b"another key", address)


# ---- Mails ----


def _mail(said: words.Said, there: words.Links, language: str = "en") -> bytes:
    set_once = letter(
        sender="Status <tocsin@example.org>",
        subject=said.subject,
        at=NOW,
        plain=words.mail_text(said, there),
        page=words.mail_page(said, there),
        marks="".join(composing.MARKS.by_mark()),
        thread="status-inc_1",
        domain="example.org",
        language=language,
    )
    own = composing.tokens(HOUSE, ID, NOW)
    mail = Mail(letter=set_once, to="a@b.example", key="k", values=own.by_mark(), leave="", bounces_to="")
    return mail.letter.head + mail.letter.body(mail.values)


def _read(body: bytes) -> email.message.EmailMessage:
    found = email.message_from_bytes(body, email.message.EmailMessage, policy=email.policy.default)
    assert not found.defects
    return found


def test_a_mail_that_was_set_once_reads_as_if_it_had_been_written_for_each() -> None:
    said = composing.said(HOUSE, Note.TOLD, TOLD)
    body = _mail(said, composing.links_of(HOUSE, Note.TOLD, TOLD, composing.MARKS))
    assert all(len(line) <= 78 for line in body.split(b"\r\n")) and b"\n" not in body.replace(b"\r\n", b"")
    found = _read(body)
    own = composing.links_of(HOUSE, Note.TOLD, TOLD, composing.tokens(HOUSE, ID, NOW))
    for kind, expected in (("plain", words.mail_text(said, own)), ("html", words.mail_page(said, own))):
        part = found.get_body((kind,))
        assert part is not None
        assert str(part.get_content()).replace("\r\n", "\n").rstrip("\n") == expected.rstrip("\n")
    assert found["Subject"] == "[Rose] Investigating: Voice replies hang"
    assert "<b>now</b>" not in words.mail_page(said, own) and "&lt;b&gt;now" in words.mail_page(said, own)


@pytest.mark.parametrize("name", ["Rose 😀 مرحبا بالعالم", "Роза молчит и никого не слышит " * 3])
def test_the_words_of_a_subject_stay_apart_in_every_alphabet(name: str) -> None:
    said = composing.said(HOUSE, Note.TOLD, replace(TOLD, name=name))
    found = _read(_mail(said, composing.links_of(HOUSE, Note.TOLD, TOLD, composing.MARKS)))
    assert found["Subject"] == f"[Rose] Investigating: {name.strip()}"


def test_a_chat_is_told_first_what_is_new_and_last_how_to_leave() -> None:
    said, own = composing.said(HOUSE, Note.TOLD, TOLD), composing.tokens(HOUSE, ID, NOW)
    there = composing.links_of(HOUSE, Note.TOLD, TOLD, own)
    text = composing.chat_text(Way.SLACK, said, there)
    places_of = [text.index(one) for one in (said.subject, said.text, there.read, words.why(said), there.leave)]
    assert places_of == sorted(places_of)
    card = composing.chat_text(Way.TEAMS, said, there)  # a card has its links as buttons
    assert "http" not in card.replace(said.text, "") and words.why(said) in card and said.says("leave") not in card
    assert [link for _, link in words.buttons(said, there)] == [there.read, there.manage, there.leave]
    push = composing.chat_text(Way.PUSH, said, there)
    assert push.splitlines()[-1] == there.read and words.why(said) not in push and there.leave not in push


@given(st.text(alphabet=ANY, max_size=300), st.text(alphabet=ANY, max_size=80))
def test_whatever_is_announced_a_mail_carries_it_and_nothing_stands_for_a_link(text: str, name: str) -> None:
    told = replace(TOLD, text=text + composing.LEAVE_MARK, name=name)
    said = composing.said(HOUSE, Note.TOLD, told)
    found = _read(_mail(said, composing.links_of(HOUSE, Note.TOLD, told, composing.MARKS)))
    part = found.get_body(("plain",))
    assert part is not None
    content = str(part.get_content())
    assert content.count(links.token(KEY, Purpose.LEAVE, ID)) == 1


def test_before_somebody_said_yes_they_are_offered_nothing_to_leave() -> None:
    own = composing.tokens(HOUSE, ID, NOW)
    there = composing.links_of(HOUSE, Note.CONFIRM, None, own)
    assert there == words.Links(confirm=f"https://tocsin.example.org/status/subscribe/confirm/{own.confirm}")


@pytest.mark.parametrize("note", [Note.CONFIRM, Note.ALREADY, Note.LISTED])
def test_what_is_said_of_the_subscription_itself_names_the_page(note: Note) -> None:
    said = composing.said(HOUSE, note, None, "you asked us at the fair")
    assert "Rose" in said.subject + said.text and "{" not in said.subject + said.text
    assert ("the fair" in said.text) is (note is Note.LISTED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_speaks_the_language_of_its_reader_around_words_that_stay_as_they_were_written(language: str) -> None:
    told = replace(TOLD, affects=("Voice", "Memory", "Chat"))
    own = composing.tokens(HOUSE, ID, NOW)
    said = composing.said(HOUSE, Note.TOLD, told, language=language)
    there = composing.links_of(HOUSE, Note.TOLD, told, own, language)
    found = _read(_mail(said, there, language))
    says = words.CATALOGUES[language].says
    assert found["Content-Language"] == language
    assert found["Subject"] == f"[Rose] {says('investigating')}: Voice replies hang"
    text, page = words.mail_text(said, there), words.mail_page(said, there)
    assert f'<html lang="{language}">' in page
    for one in (text, page):
        assert "Nobody can talk to Rose." in one
        assert all(says(key) in one for key in ("affects", "read_on", "change", "leave"))
        assert words.CATALOGUES[language].listed(told.affects) in one
    folder = "" if language == "en" else f"/{language}"
    assert there.read == f"https://tocsin.example.org/status{folder}/i/p3n7d0s5g8jb"


def test_whoever_chose_no_language_reads_that_of_the_page() -> None:
    german = replace(HOUSE, language="de")
    chosen = Subscriber(id=ID, way=Way.EMAIL, address="a@b.example", made_at=NOW, made_by="a test", language="fr")
    assert (german.speaks(chosen), german.speaks(replace(chosen, language=""))) == ("fr", "de")
    assert composing.said(german, Note.CONFIRM, None).subject.startswith("Bestätige, dass du")


def test_what_corrects_says_so_and_names_what_it_corrects() -> None:
    told = replace(TOLD, id="c1", corrects=TOLD.id)
    said = composing.said(HOUSE, Note.TOLD, told)
    assert said.subject == "[Rose] Correction: Voice replies hang"
    own = composing.links_of(HOUSE, Note.TOLD, told, composing.tokens(HOUSE, ID, NOW))
    hook = json.loads(composing.hook_body(Note.TOLD, told, said, own, NOW, "k"))
    assert (hook["type"], hook["data"]["corrects"]) == ("status.update", TOLD.id)


# ---- Bounces ----

REPORT = """\
From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
MIME-Version: 1.0

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ana@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} User unknown

--b--
"""


@pytest.mark.parametrize(
    ("action", "status", "is_final", "kind"),
    [
        ("failed", "5.1.1", True, Refusal.GONE),
        ("failed", "5.2.2", True, Refusal.FINAL),
        ("failed", "5.7.1", True, Refusal.OURS),
        ("failed", "4.4.7", False, Refusal.FINAL),
        ("delayed", "4.4.1", False, Refusal.FINAL),
        ("delivered", "2.0.0", False, Refusal.FINAL),
    ],
)
def test_a_delivery_report_is_read(action: str, status: str, is_final: bool, kind: Refusal) -> None:
    found = bounces.read(REPORT.format(to="x", action=action, status=status).encode())
    assert found is not None and (found.is_final, found.kind, found.status) == (is_final, kind, status)


@given(st.binary(max_size=400))
def test_whatever_comes_back_is_read_or_left_alone(body: bytes) -> None:
    assert bounces.read(body) is None
    bounces.read(
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n" + body
    )


# ---- Maintenance ----


def window(**about: Any) -> Silence:
    known: dict[str, Any] = {
        "id": "sil_1",
        "service": "rose",
        "title": "A new database",
        "text": "Rose is away for an hour.",
        "starts_at": NOW + timedelta(hours=2),
        "ends_at": NOW + timedelta(hours=3),
        "because": "it is old",
        "made_by": "ana",
        "made_at": NOW,
    }
    return Silence(**{**known, **about})


def stage_at(hours: float, told: tuple[str, ...] = (), **about: Any) -> str | None:
    known = frozenset(announcing.announcement_id("sil_1", stage) for stage in told)
    found = announcing.of_window(ROSE, window(**about), known, NOW + timedelta(hours=hours))
    return found.stage if found else None


def test_maintenance_is_told_of_when_it_is_planned_when_it_begins_and_when_it_is_over() -> None:
    assert stage_at(0) == Progress.SCHEDULED
    assert stage_at(0, ("scheduled",)) is None
    assert stage_at(2, ("scheduled",)) == Progress.IN_PROGRESS
    assert stage_at(3, ("scheduled", "in_progress")) == Progress.COMPLETED
    assert stage_at(3, ("scheduled", "in_progress", "completed")) is None


def test_what_happened_long_ago_is_not_told_any_more() -> None:
    assert stage_at(1.5) is None
    assert stage_at(4.5) is None


def test_what_is_called_off_is_told_to_those_who_heard_of_it() -> None:
    off = {"ended_at": NOW + timedelta(hours=1), "ended_by": "ana"}
    assert stage_at(1, ("scheduled",), **off) == announcing.CALLED_OFF
    assert stage_at(1, (), **off) is None
