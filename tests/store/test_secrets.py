"""Secrets in the database: sealed with a key that is not in it, replaced while the server runs, missed by no page."""

import asyncio
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.terminal import Terminal
from tests.support.world import START, RecordingChannel
from tocsin.app import App
from tocsin.comms.subscribers import commands as subscribing
from tocsin.db import keys
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Refused
from tocsin.kit.sealing import NoKey, WrongKey, key_id, new_key, sealed_by
from tocsin.paging import store as pages
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan.model import Way
from tocsin.response import commands, doctor
from tocsin.response.dispatch import send_due
from tocsin.settings import Settings

ANA = Actor("ana", ActorKind.PERSON, frozenset({"*"}))
FIRST, SECOND = new_key(), new_key()
HOOK = "https://hooks.example.org/page"
FLOW = "https://flow.example.org/workflows/f1?sig=s1gnature"

Start = Callable[..., App]


@contextmanager
def starting(database_url: str) -> Iterator[Start]:
    """Starts the installation, each time as after a restart, with these settings."""
    running: list[App] = []

    def started(*, secret_key: str = "", secret_key_file: str = "") -> App:
        settings = Settings(database_url=database_url, secret_key=secret_key, secret_key_file=secret_key_file)
        running.append(App(settings, ManualClock(START)))
        running[-1].prepare()
        return running[-1]

    yield started
    for app in running:
        app.database.dispose()


@pytest.fixture
def start(database_url: str) -> Iterator[Start]:
    with starting(database_url) as started:
        yield started


def everything(app: App) -> str:
    """All that the database holds, as whoever stole it would read it."""
    with app.database.read(SYSTEM) as tx:
        tables = ("setting", "contact_method", "subscriber", "message")
        rows = [str(row) for table in tables for row in tx.all(text(f"select * from {table}"))]
        return "\n".join(sorted(rows))


def secrets_of(app: App) -> dict[str, str | None]:
    """What is kept beside each contact method of Ana's, by its address."""
    with app.database.read(SYSTEM) as tx:
        return {one.address: one.secret for one in people.contacts(tx, ["ana"])["ana"]}


def add_hook(app: App, address: str = HOOK) -> str:
    """Ana's webhook, verified; returns the secret that signs its calls."""

    def added(tx: Tx) -> str:
        method = people_commands.add_contact(tx, "ana", Channel.WEBHOOK, address)
        people.verify_contact(tx, method.id)
        return tx.keys.open_(method.secret or "")

    return app.database.run(ANA, added)


def page_ana(app: App) -> tuple[RecordingChannel, RecordingChannel]:
    """Declare something that pages Ana at her address and her webhook; what then leaves by mail, and by webhook."""
    mail, hook = RecordingChannel(), RecordingChannel()

    def declared(tx: Tx) -> None:
        people.change_person(tx, "ana", email="ana@rose.example")
        commands.declare(tx, title="It hangs", severity="P0", type="service_outage")

    app.database.run(ANA, declared)
    asyncio.run(send_due(app.database, {"email": mail, "webhook": hook}))
    return mail, hook


def test_a_thief_of_the_database_reads_no_secret(start: Start) -> None:
    app = start(secret_key=FIRST)
    secret = add_hook(app)

    def subscribed(tx: Tx) -> None:
        people_commands.add_contact(tx, "ana", Channel.TEAMS, FLOW)
        subscribing.ask(tx, Way.TEAMS, FLOW, (), anywhere=True)

    app.database.run(ANA, subscribed)
    _, hook = page_ana(app)
    assert [one.secret for one in hook.sent if one.page_id] == [secret]
    stolen = everything(app)
    assert secret not in stolen and "s1gnature" not in stolen and app.signing_key not in stolen
    assert stolen.count("sealed:") > 5


def test_what_stood_in_plain_is_sealed_at_the_next_start_and_says_the_same(start: Start, database_url: str) -> None:
    app = start(secret_key=FIRST)
    before, secret = app.signing_key, add_hook(app)
    with app.database.work(SYSTEM) as tx:  # as a release from before there was a key wrote it
        for name in (kept.SIGNING_KEY, kept.EVIDENCE_KEY):
            kept.write(tx, name, tx.keys.open_(kept.read(tx, name) or ""))
        tx.run(text("update contact_method set secret = :plain"), {"plain": secret})
        tx.run(text("delete from setting where key like 'secrets.%'"))
    assert secret in everything(app)
    again = start(secret_key=FIRST)
    assert again.signing_key == before and secret not in everything(again)
    assert again.database.keys.open_(secrets_of(again)[HOOK] or "") == secret


def test_a_restart_seals_nothing_twice(start: Start) -> None:
    app = start(secret_key=FIRST)
    add_hook(app)
    before = everything(app)
    assert everything(start(secret_key=FIRST)) == before


def test_a_new_key_seals_everything_while_old_ones_still_open(start: Start) -> None:
    app = start(secret_key=FIRST)
    secret = add_hook(app)
    both = start(secret_key=f"{SECOND} {FIRST}")
    assert both.rotate_key() == key_id(SECOND)
    assert sealed_by(secrets_of(both)[HOOK] or "") == key_id(SECOND)
    alone = start(secret_key=SECOND)
    assert alone.signing_key == app.signing_key and alone.database.keys.open_(secrets_of(alone)[HOOK] or "") == secret
    with alone.database.read(SYSTEM) as tx:
        assert doctor.examine(tx) == []


def test_a_key_that_is_put_before_the_other_seals_everything_at_the_start(start: Start) -> None:
    add_hook(start(secret_key=FIRST))
    both = start(secret_key=f"{SECOND} {FIRST}")
    assert f"sealed:{key_id(SECOND)}:" in everything(both) and f"sealed:{key_id(FIRST)}:" not in everything(both)
    alone = start(secret_key=SECOND)  # the old one may go
    with alone.database.read(SYSTEM) as tx:
        assert doctor.examine(tx) == []


def test_a_rotation_that_was_stopped_goes_on(start: Start) -> None:
    app = start(secret_key=FIRST)
    add_hook(app)
    before = secrets_of(app)[HOOK]
    both = start(secret_key=f"{SECOND} {FIRST}")
    with both.database.work(SYSTEM) as tx:  # as a process left it that died between two of its steps
        tx.run(text("update contact_method set secret = :before"), {"before": before})
        assert keys.unsealed(tx) == 1
        assert "tocsin secrets rotate" in doctor.examine(tx)[0]
    both.rotate_key()
    with both.database.read(SYSTEM) as tx:
        assert keys.unsealed(tx) == 0 == len(doctor.examine(tx))


@pytest.mark.parametrize("key", [SECOND, ""], ids=["wrong", "missing"])  # a random name would differ in each worker
def test_a_key_that_is_wrong_or_missing_stops_no_page(
    start: Start, key: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    app = start(secret_key=FIRST)
    add_hook(app)
    lacking = start(secret_key=key, secret_key_file="" if key else str(tmp_path / "nowhere"))
    assert key_id(FIRST) in caplog.text
    assert (f"It was looked for in {tmp_path / 'nowhere'}, which is not there" in caplog.text) == (not key)
    with lacking.database.read(SYSTEM) as tx:
        assert key_id(FIRST) in doctor.examine(tx)[0]
    mail, hook = page_ana(lacking)
    assert [one.person for one in mail.sent if one.page_id] == ["ana"] and hook.sent == []
    with lacking.database.read(SYSTEM) as tx:  # the link in the page answers it
        link = (mail.sent[0].actions or {})["answer"]
        assert pages.by_link_token(tx, link.rpartition("/")[2]).handle == "ana"
    assert lacking.push_key == ""
    with pytest.raises((NoKey, WrongKey)):
        lacking.database.run(ANA, lambda tx: tx.keys.open_(kept.read(tx, kept.EVIDENCE_KEY) or ""))
    with pytest.raises(Refused, match="Nothing was changed"):
        lacking.rotate_key()
    back = start(secret_key=FIRST)
    assert back.signing_key == app.signing_key
    with back.database.read(SYSTEM) as tx:
        assert kept.read(tx, kept.STAND_IN_KEY) is None and doctor.examine(tx) == []


def test_without_a_key_nothing_more_is_written_in_plain(start: Start, tmp_path: Path) -> None:
    start(secret_key=FIRST)
    lacking = start(secret_key_file=str(tmp_path / "nowhere"))
    with pytest.raises(NoKey):
        add_hook(lacking)
    assert secrets_of(lacking) == {}


# ---- The file beside a database that is a file -----------------------------------------------------------------------


def own(sqlite_url: str) -> Path:
    found = keys.own_file(Settings(database_url=sqlite_url))
    assert found is not None
    return found


@pytest.fixture
def begin(sqlite_url: str) -> Iterator[Start]:
    with starting(sqlite_url) as started:
        yield started


def test_a_file_is_made_once_and_only_its_owner_reads_it(begin: Start, sqlite_url: str) -> None:
    app, place = begin(), own(sqlite_url)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    made = place.read_text()
    assert begin().signing_key == app.signing_key and place.read_text() == made
    assert app.signing_key not in everything(app)


def test_a_lost_file_is_not_made_anew(begin: Start, sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    app = begin()
    own(sqlite_url).unlink()
    assert begin().signing_key != app.signing_key
    assert not own(sqlite_url).exists() and "has no key" in caplog.text


def test_a_running_server_learns_the_key_that_the_command_made(
    begin: Start, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = begin()
    secret = add_hook(running)
    tocsin = Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": sqlite_url})
    name = tocsin("secrets", "rotate", "--json").json["key"]
    assert running.database.keys.current == name and len(running.database.keys.names) == 2
    assert running.database.keys.open_(secrets_of(running)[HOOK] or "") == secret
    add_hook(running, f"{HOOK}/2")
    assert {sealed_by(one or "") for one in secrets_of(running).values()} == {name}
    assert len(tocsin.done("secrets", "key").strip()) == len(FIRST)


def test_a_file_that_holds_no_key_is_as_good_as_none(
    begin: Start, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    begin()
    own(sqlite_url).write_text("hunter2\n")
    begin()
    assert "at least 32 characters" in caplog.text and "has no key" in caplog.text


def test_a_server_of_databases_has_no_place_for_a_file(caplog: pytest.LogCaptureFixture) -> None:
    there = Settings(database_url="postgresql://tocsin@db.example.org/tocsin")
    assert keys.own_file(there) is None and keys.keyring(there).current is None
    assert keys.own_file(replace(there, database_url="sqlite:///var/tocsin.key")) == Path("var/tocsin.key.key")
