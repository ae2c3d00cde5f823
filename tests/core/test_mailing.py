"""Mails of monitors, read as signals: of what they speak, whether it begins or ends, and nothing breaks."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.signals import formats, mailing, subjects
from tocsin.signals.mailing import Mail
from tocsin.signals.model import Arrival, State

ROOT = Path(__file__).parents[2]
MAILS = ROOT / "tests" / "support" / "payloads" / "mails"
FIRING, RESOLVED, ACKNOWLEDGED = State.FIRING, State.RESOLVED, State.ACKNOWLEDGED
PAGE = (ROOT / "docs" / "howto" / "mail-as-signals.md").read_text("utf-8")


def mail(name: str) -> Mail:
    return mailing.parse(MAILS.joinpath(f"{name}.eml").read_bytes())


def read(name: str) -> Arrival:
    return mailing.arrival("monitor", mail(name))


# ---- Subjects ----

TOLD: dict[str, list[tuple[str, State | None]]] = {
    "Service Alert: web1/HTTP": [
        ("** PROBLEM Service Alert: web1/HTTP is CRITICAL **", FIRING),
        ("** PROBLEM Service Alert: web1/HTTP is WARNING **", FIRING),
        ("** RECOVERY Service Alert: web1/HTTP is OK **", RESOLVED),
        ("** ACKNOWLEDGEMENT Service Alert: web1/HTTP is CRITICAL **", ACKNOWLEDGED),
        ("** FLAPPINGSTART Service Alert: web1/HTTP is CRITICAL **", None),
    ],
    "Host Alert: web1": [
        ("** PROBLEM Host Alert: web1 is DOWN **", FIRING),
        ("** RECOVERY Host Alert: web1 is UP **", RESOLVED),
    ],
    "High CPU on web1": [
        ("Problem: High CPU on web1", FIRING),
        ("PROBLEM: High CPU on web1", FIRING),
        ("Updated problem in 3m 4s: High CPU on web1", FIRING),
        ("Resolved in 1h 5m 0s: High CPU on web1", RESOLVED),
        ("OK: High CPU on web1", RESOLVED),
        ("Re: Fwd: [RESOLVED] High CPU on web1 [#4711]", RESOLVED),
        ("AW: Problem: High CPU on web1", FIRING),
        ("[12] High CPU on web1", FIRING),
        ("High CPU on web1", FIRING),
    ],
    "Error rate (shop production)": [
        ("[FIRING:2] Error rate (shop production)", FIRING),
        ("[FIRING:2, RESOLVED:1] Error rate (shop production)", FIRING),
        ("[Alerting] Error rate (shop production)", FIRING),
        ("[RESOLVED] Error rate (shop production)", RESOLVED),
        ("[OK] Error rate (shop production)", RESOLVED),
    ],
    "[production] checkout": [
        ("[production] [FIRING:1] checkout", FIRING),
        ("[RESOLVED] [production] checkout", RESOLVED),
        ("[production] checkout is down", FIRING),
        ("[production] checkout is UP", RESOLVED),
    ],
    "Shop": [
        ("Monitor is DOWN: Shop", FIRING),
        ("Monitor is UP: Shop", RESOLVED),
        ("DOWN alert: Shop", FIRING),
        ("UP alert: Shop", RESOLVED),
        ("\U0001f534 DOWN Shop", FIRING),
        ("\u2705 UP Shop", RESOLVED),
        ("Recovered - Shop", RESOLVED),
    ],
    '"errors" in EU (Ireland)': [
        ('ALARM: "errors" in EU (Ireland)', FIRING),
        ('OK: "errors" in EU (Ireland)', RESOLVED),
    ],
    "Cron <root@db1> /usr/local/bin/backup": [("Cron <root@db1> /usr/local/bin/backup", FIRING)],
    "Backup of db1": [
        ("[Success] Backup of db1", RESOLVED),
        ("[Failed] Backup of db1", FIRING),
        ("[RESOLVED] Alarm: Backup of db1", RESOLVED),
        ("Backup of db1: OK", RESOLVED),
        ("Backup of db1 - failed", FIRING),
    ],
    "Down payment is not booked": [("Down payment is not booked", FIRING)],
    "Open doors in the hall": [("Open doors in the hall", FIRING)],
    "Upstream fails": [("Upstream fails", FIRING)],
    "": [("", FIRING), ("[RESOLVED]", RESOLVED), ("OK", RESOLVED)],
}


@pytest.mark.parametrize(("topic", "subject", "state"), [(topic, *one) for topic, told in TOLD.items() for one in told])
def test_what_begins_and_what_ends_is_of_the_same_topic(topic: str, subject: str, state: State | None) -> None:
    found = subjects.read(subject)
    assert (found.topic, found.state) == (topic, state)


def test_how_bad_it_is_stands_in_the_subject() -> None:
    assert subjects.read("** PROBLEM Service Alert: web1/HTTP is WARNING **").severity == "warning"
    assert subjects.read("[CRITICAL] disk").severity == "critical"
    assert subjects.read("** RECOVERY Service Alert: web1/HTTP is OK **").severity == ""


def test_the_page_lists_every_word_that_is_known() -> None:
    listed = [set(re.findall(r"`([^`]+)`", line)) for line in PAGE.splitlines() if line.startswith("| it ")]
    known = [subjects.FIRING + subjects.UNSURE, subjects.RESOLVED, subjects.ACKNOWLEDGED, subjects.IGNORED]
    assert listed == [set(one) for one in known]


# ---- Mails ----


@pytest.mark.tries("mail-as-signals", "documentation", "fires", "ends")
@pytest.mark.parametrize("monitor", ["nagios", "zabbix", "grafana"])
def test_a_problem_and_its_recovery_are_one_signal(monitor: str) -> None:
    problem, recovery = read(f"{monitor}-problem"), read(f"{monitor}-recovery")
    assert (problem.state, recovery.state) == (FIRING, RESOLVED)
    assert problem.key == recovery.key
    assert problem.started_at and recovery.started_at is None
    assert mailing.left_alone(mail(f"{monitor}-problem")) is None


def test_the_text_is_kept_and_neither_tags_nor_attachments() -> None:
    nagios, zabbix, grafana = (read(f"{name}-problem") for name in ("nagios", "zabbix", "grafana"))
    assert nagios.labels == {"sender": "monitor", "from": "nagios@mon1.example.com"}
    assert (nagios.severity, nagios.details["text"][:18]) == ("critical", "***** Nagios *****")
    assert zabbix.title == "Problem: Platte voll auf db1 – /var"
    assert "Platte voll auf db1 – /var" in zabbix.details["text"]
    text = "1 firing instance\nSummary: 7 % of requests & more fail – checkout\nView alert"
    assert grafana.details["text"] == text


def test_what_cron_writes_fires() -> None:
    assert mailing.left_alone(mail("cron")) is None
    assert (read("cron").state, "pg_dump" in read("cron").details["text"]) == (FIRING, True)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Auto-Submitted: auto-replied (vacation)", "automatic"),
        ("Auto-Submitted: auto-notified; owner-email=a@b.example", "automatic"),
        ("X-Autoreply: yes", "automatic"),
        ("Return-Path: <>", "another mail"),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", "another mail"),
        ("Subject: ** DOWNTIMESTART Host Alert: web1 is UP **", "nothing about trouble"),
    ],
)
def test_what_a_machine_answers_is_left_alone(header: str, why: str) -> None:
    assert why in (mailing.left_alone(mailing.parse(f"{header}\r\nFrom: a@b.example\r\n\r\nx".encode())) or "")


def test_an_address_is_read_from_wherever_the_mail_server_wrote_it() -> None:
    secret = mailing.secret(b"key", "backup-db1", 1)
    assert secret != mailing.secret(b"key", "backup-db1") != mailing.secret(b"other", "backup-db1")
    address = mailing.address("tocsin@example.org", "backup-db1", secret)
    for header in ("Delivered-To", "X-Original-To", "To", "Cc"):
        found = mailing.parse(f"To: list@example.org\r\n{header}: Us <{address.upper()}>\r\n\r\n".encode())
        assert mailing.addressed(found) == ("backup-db1", secret)
    longest = mailing.address("abcdefghijkl@example.org", "a" * 20, secret).partition("@")[0]
    assert len(longest) <= 64  # RFC 5321
    assert mailing.NAME.fullmatch("a" * 20) and not mailing.NAME.fullmatch("a" * 21)
    assert mailing.addressed(mailing.parse(b"To: tocsin@example.org\r\n\r\n")) is None


# ---- Whatever comes ----

NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: " + b"x" * 900_000,
        b"Subject: =?utf-8?B?////?= =?nobody?Q?=FF?= \xff\xe4\r\n\r\n",
        b"Subject: [FIRING:1] x\r\n" + NESTED,
        b"Subject: x\r\nContent-Type: text/plain; charset=nobody\r\n\r\n\xc3\xa4",
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + b"<" * 300_000,
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n<![foo[" + b"<!--" * 50_000,
        b'Subject: x\r\nContent-Type: text/plain; charset*0*="\r\n\r\nx',
        b"Subject: x\r\nDate: Tue, 99 Nov 20262 99:99:99 +9999\r\nFrom: <<<>>>@\r\n\r\nx",
        b"Subject: " + b"[a] " * 3_000 + b"\r\n\r\n",
        b"Subject: x\r\n" + b"To: a@b\r\n" * 20_000,
    ],
    ids=range(12),
)
def test_no_mail_is_lost_for_how_it_is_made(body: bytes) -> None:
    fits(mailing.parse(body))


PARTS = [
    *(b"Subject: ", b"From: ", b"To: ", b"Date: ", b"Content-Type: multipart/mixed; boundary=b", b"\r\n", b"\r\n\r\n"),
    *(
        b"--b",
        b"--b--",
        b"Content-Type: text/html; charset=",
        b"utf-16",
        b"=?utf-8?Q?",
        b"?=",
        b"<b>",
        b"&#0;",
        b"\x00",
    ),
    *(
        b"[FIRING:1]",
        b"** ",
        b" is OK",
        b"Content-Transfer-Encoding: base64\r\n",
        b"\xed\xa0\x80",
        b"Re: ",
        b"\xf0\x9f",
    ),
]


@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=20), max_size=30).map(b"".join))
def test_whatever_the_bytes_are_a_mail_is_read(body: bytes) -> None:
    fits(mailing.parse(body))


@given(st.text(max_size=120))
def test_a_subject_and_its_recovery_have_one_key(topic: str) -> None:
    plain = subjects.read(f"[FIRING:1] {topic}")
    assert plain.state is FIRING
    assert subjects.read(f"Re: [FIRING:3] {topic}").topic == plain.topic
    resolved = subjects.read(f"[RESOLVED] {topic}")
    assert (resolved.topic, resolved.state) == (plain.topic, RESOLVED)


def fits(mail: Mail) -> None:
    found = mailing.arrival("monitor", mail)
    mailing.addressed(mail)
    mailing.left_alone(mail)
    assert found.title and len(found.title) <= formats.TEXT_MOST and len(found.key) <= formats.KEY_MOST
    for said in (found.title, found.key, str(found.labels), str(found.details)):
        assert formats.storable(said) == said
        said.encode()
