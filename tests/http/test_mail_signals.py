"""Mail of monitors, as a mail server hands it over: it becomes a signal, and an incident where a rule says so."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.http.test_mail_in import CHANNEL, declare
from tests.support.served import Served
from tests.support.visitor import console
from tests.support.world import ROSE
from tocsin.cli import mailin
from tocsin.cli.main import exit_code
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, SignalAttached, SignalCleared
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.response import mailing
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.signals.store import Disposition, Signal

MAILS = Path(__file__).parents[1] / "support" / "payloads" / "mails"
REPLY_TO = "tocsin@example.org"
RULE = """
  - name: a monitor writes that something is down
    precedence: 1
    when: { source: mail, sender: [nagios, zabbix, grafana], title: "/web1|db1|checkout/" }
    type: service_outage
    severity: P1
    service: rose
"""


@contextmanager
def hearing(database_url: str) -> Iterator[Served]:
    with console(database_url, mail_reply_to=REPLY_TO) as one:
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, ROSE.replace("\nrules:\n", f"\nrules:{RULE}", 1), "mail is heard")
        yield one


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with hearing(sqlite_url) as one:
        yield one


@pytest.fixture
def anywhere(database_url: str) -> Iterator[Served]:
    with hearing(database_url) as one:
        yield one


Done = subprocess.CompletedProcess[bytes]


def environment(here: Served, settings: Mapping[str, str]) -> dict[str, str]:
    url = here.app.database.url.render_as_string(hide_password=False)
    return {"TOCSIN_DATABASE_URL": url, "TOCSIN_MAIL_REPLY_TO": REPLY_TO, **settings}


def process(here: Served, *words: str, body: bytes = b"", **settings: str) -> Done:
    """The command as a mail server starts it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "mail-in", *words],
        input=body,
        env={**kept, **environment(here, settings)},
        capture_output=True,
        check=False,
    )


def tocsin(here: Served, *words: str, body: bytes = b"", **settings: str) -> Done:
    """The same in this very process, which need not start first."""
    out, err = io.BytesIO(), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in [known for known in os.environ if known.startswith("TOCSIN_")]:
            patch.delenv(name)
        for name, value in environment(here, settings).items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
        patch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
        patch.setattr(sys, "stderr", io.TextIOWrapper(err, write_through=True))
        code = exit_code(["mail-in", *words])
        return Done(words, code, out.getvalue(), err.getvalue())


def address(here: Served, name: str) -> str:
    with here.app.database.work(access.local_operator("root")) as tx:
        return mailing.address(tx, REPLY_TO, name)


def written(name: str, to: str) -> bytes:
    return MAILS.joinpath(f"{name}.eml").read_bytes().replace(b"ADDRESS", to.encode())


def hand_over(here: Served, name: str, to: str, run: Callable[..., Done] = tocsin) -> None:
    done = run(here, body=written(name, to))
    assert done.returncode == 0, done.stderr


def seen(here: Served) -> list[Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx)


def incident(here: Served, signal: Signal) -> tuple[Incident, list[object]]:
    assert signal.incident_id
    with here.app.database.read(SYSTEM) as tx:
        entries = [one.entry for one in incidents.timeline(tx, signal.incident_id)]
        return incidents.load(tx, signal.incident_id), list(entries)


# ---- From the problem to its end ----


@pytest.mark.parametrize(("monitor", "run"), [("nagios", process), ("zabbix", tocsin), ("grafana", tocsin)])
def test_a_problem_declares_an_incident_and_its_recovery_clears_it(
    here: Served, monitor: str, run: Callable[..., Done]
) -> None:
    to = address(here, monitor)
    hand_over(here, f"{monitor}-problem", to, run)
    (signal,) = seen(here)
    assert (signal.source, signal.state, signal.disposition) == ("mail", State.FIRING, Disposition.DECLARED)
    assert signal.labels["sender"] == monitor
    declared, entries = incident(here, signal)
    assert (declared.severity, declared.type, declared.source) == ("P1", "service_outage", "mail")
    assert any(isinstance(one, SignalAttached) for one in entries)
    hand_over(here, f"{monitor}-recovery", to, run)
    (signal,) = seen(here)
    assert (signal.state, signal.count) == (State.RESOLVED, 1)
    assert [one for one in incident(here, signal)[1] if isinstance(one, SignalCleared)]


def test_what_no_rule_asks_about_waits_for_a_person_and_says_what_was_written(here: Served) -> None:
    hand_over(here, "cron", address(here, "cron"))
    (signal,) = seen(here)
    assert (signal.disposition, signal.labels) == (
        Disposition.WAITING,
        {"sender": "cron", "from": "root@db1.example.com"},
    )
    assert signal.title == "Cron <root@db1> /usr/local/bin/backup --nightly"
    assert "shutting down" in signal.details["text"]


def test_a_secret_in_a_mail_is_not_kept_nor_is_the_address_itself(here: Served) -> None:
    to = address(here, "nagios")
    body = written("nagios-problem", to) + f"\r\nThis went to {to}.\r\n".encode()
    assert tocsin(here, body=body).returncode == 0
    (signal,) = seen(here)
    assert "hunter2" not in str(signal)
    assert "tocsin+in-nagios-(redacted)@example.org" in signal.details["text"]


def test_handed_over_twice_it_is_one_signal_and_two_sources_are_two(anywhere: Served) -> None:
    to = address(anywhere, "nagios")
    hand_over(anywhere, "nagios-problem", to, process)
    hand_over(anywhere, "nagios-problem", to)
    hand_over(anywhere, "nagios-problem", address(anywhere, "zabbix"))
    assert sorted((one.labels["sender"], one.count) for one in seen(anywhere)) == [("nagios", 2), ("zabbix", 1)]


# ---- What is none ----


def test_our_own_mail_and_answers_of_machines_are_left_alone(here: Served) -> None:
    to = address(here, "nagios")
    _, message = declare(here)
    page = CHANNEL.mail(message)
    assert page["X-Tocsin"] == "example.org"
    del page["To"]
    page["To"] = to
    page.replace_header("X-Tocsin", "tocsin.example.org")
    bodies = [bytes(page)]
    bodies += [head + b"\r\n" + written("cron", to) for head in (b"X-Autoreply: yes", b"Return-Path: <>")]
    bodies.append(written("cron", to).replace(b"auto-generated", b"auto-replied"))
    for body in bodies:
        done = tocsin(here, body=body)
        assert (done.returncode, b"left alone" in done.stdout) == (0, True), done.stderr
    assert seen(here) == []
    page.replace_header("X-Tocsin", "tocsin.elsewhere.example")  # one installation may watch another
    assert tocsin(here, body=bytes(page)).returncode == 0
    assert len(seen(here)) == 1


def test_an_address_that_was_guessed_or_replaced_takes_nothing(here: Served) -> None:
    old = tocsin(here, "address", "nagios").stdout.decode().strip()
    assert old == address(here, "nagios")
    new = tocsin(here, "address", "nagios", "--replace").stdout.decode().strip()
    assert new == address(here, "nagios") != old
    for to in (old, new.replace("in-nagios", "in-zabbix"), f"tocsin+in-nagios-{'a' * 24}@example.org"):
        done = tocsin(here, body=written("nagios-problem", to))
        assert (done.returncode, b"No source of mail" in done.stderr) == (3, True)
    assert seen(here) == []
    hand_over(here, "nagios-problem", new)
    assert len(seen(here)) == 1


# ---- Nothing is lost ----


def test_the_mail_server_keeps_the_mail_as_long_as_it_can_not_be_stored(here: Served, tmp_path: Path) -> None:
    body = written("nagios-problem", address(here, "nagios"))
    tmp_path.joinpath("folder.db").mkdir()
    away = "postgresql://nobody:nothing@127.0.0.1:1/tocsin"
    for url in (f"sqlite:///{tmp_path}/empty.db", f"sqlite:///{tmp_path}/folder.db", away):
        done = process(here, body=body, TOCSIN_DATABASE_URL=url)
        assert (done.returncode, b"Traceback" in done.stderr) == (mailin.TRY_AGAIN, False), (url, done.stderr)
    done = process(here, body=body, TOCSIN_PORT="many")
    assert (done.returncode, b"whole number" in done.stderr) == (mailin.TRY_AGAIN, True)


def test_a_long_mail_is_taken_whole_from_whoever_hands_it_over(here: Served) -> None:
    to = address(here, "grafana")
    picture = b"\r\n".join([b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAf" * 2] * 40_000)
    body = written("grafana-problem", to).replace(b"iVBORw0KGgo", picture + b"\r\niVBORw0KGgo", 1)
    assert len(body) > 3 * mailin.MOST
    assert process(here, body=body).returncode == 0
    (signal,) = seen(here)
    assert signal.details["text"].endswith("View alert")


def test_without_an_address_to_hand_mail_to_there_is_none_for_sources(here: Served) -> None:
    done = tocsin(here, "address", "nagios", TOCSIN_MAIL_REPLY_TO="")
    assert (done.returncode, b"TOCSIN_MAIL_REPLY_TO" in done.stderr) == (4, True)
    for name in ("Nagios", "a" * 21, "a.b", "-"):
        done = tocsin(here, "address", "--", name)
        assert (done.returncode, b"small letters" in done.stderr) == (2, True), done.stderr
