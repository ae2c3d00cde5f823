"""What the operator does on the server's own machine: plans, people, tokens, and the health of the database."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tocsin.app import App
from tocsin.cli.main import EXIT_CODES
from tocsin.db.engine import Database
from tocsin.db.keys import keyring
from tocsin.door import store as doors
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import access, sessions, tokens
from tocsin.people.model import Account, Seen
from tocsin.plan import check
from tocsin.response import commands
from tocsin.settings import Settings

ROSE = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")
BROKEN = ROSE.replace("acknowledge_within: 15 min", "acknowledge_withn: 15 min", 1)
LINE = next(number for number, line in enumerate(BROKEN.splitlines(), start=1) if "acknowledge_withn" in line)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tocsin.db'}"


@pytest.fixture
def fresh(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A machine on which nothing is set up."""
    return Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": url})


@pytest.fixture
def tocsin(fresh: Terminal) -> Terminal:
    """A machine with a database that is up to date."""
    fresh.done("migrate")
    return fresh


@pytest.fixture
def broken(tmp_path: Path) -> str:
    assert BROKEN != ROSE
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    return str(file)


@pytest.fixture
def rose(tmp_path: Path) -> str:
    file = tmp_path / "rose.yaml"
    file.write_text(ROSE, encoding="utf-8")
    return str(file)


# ---- The plan --------------------------------------------------------------------------------------------------------


def test_a_sound_plan_is_summed_up_in_a_line(fresh: Terminal, rose: str) -> None:
    out = fresh.done("plan", "check", rose)
    assert out.splitlines()[-1].startswith(f"{rose} is sound: 5 people, 4 severities")
    assert fresh("plan", "check", rose, "--json").json["ok"] is True


def test_a_broken_plan_is_answered_line_by_line(fresh: Terminal, broken: str) -> None:
    printed = fresh("plan", "check", broken)
    assert printed.code == 2
    first, *_ = printed.out.splitlines()
    assert first.startswith(f"{broken}:{LINE}  severities.") and "did you mean acknowledge_within?" in first
    assert f"in {broken}" in printed.err


def test_a_broken_plan_as_json(fresh: Terminal, broken: str) -> None:
    printed = fresh("plan", "check", broken, "--json")
    found = json.loads(printed.out)
    assert printed.code == 2 and not found["ok"]
    assert found["findings"][0]["line"] == LINE and found["findings"][0]["code"] == "form"


def test_checking_needs_neither_a_database_nor_good_settings(fresh: Terminal, rose: str, tmp_path: Path) -> None:
    fresh.set("TOCSIN_DATABASE_URL", "oracle://nowhere")
    fresh.done("plan", "check", rose)
    assert not (tmp_path / "tocsin.db").exists()


def test_a_plan_can_come_from_the_standard_input(fresh: Terminal) -> None:
    assert fresh("plan", "check", "-", stdin=ROSE).code == 0
    assert fresh("plan", "check", "-", stdin="{").code == 2


def test_a_plan_file_that_is_missing_or_no_text(fresh: Terminal, tmp_path: Path) -> None:
    missing = fresh("plan", "check", str(tmp_path / "none.yaml"))
    assert missing.code == 3 and "No such file" in missing.err
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert fresh("plan", "check", str(tmp_path / "bytes.yaml")).code == 2


def test_a_plan_is_shown_as_tables(fresh: Terminal, rose: str) -> None:
    out = fresh.done("plan", "show", rose)
    for title in (
        "Severities",
        "People",
        "Roles",
        "Rotations",
        "Escalation",
        "Types",
        "Services",
        "Rules",
        "Audiences",
    ):
        assert f"\n{title} " in out or f"\n{title}\n" in out
    assert "Ana Okafor" in out and "P0 5 min" in out


def test_a_plan_shown_as_json_is_a_plan_file(fresh: Terminal, rose: str) -> None:
    printed = fresh("plan", "show", rose, "--json")
    assert printed.json["name"] == "Rose"
    assert check.load(printed.out) == check.load(ROSE)


def test_showing_a_broken_plan_names_its_mistakes(fresh: Terminal, broken: str) -> None:
    printed = fresh("plan", "show", broken)
    assert (printed.code, printed.out) == (2, "") and f"{broken}:{LINE}" in printed.err


def test_applying_a_plan_puts_it_into_force(tocsin: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "next.yaml"
    file.write_text(ROSE.replace("name: Rose\n", "name: Rosa\n", 1), encoding="utf-8")
    applied = tocsin("plan", "apply", str(file), "--reason", "a rehearsal of the change", "--json").json
    assert applied["name"] == "Rosa"
    assert f"Rosa 1.1, revision {applied['revision']}" in tocsin.done("plan", "show")
    assert "a rehearsal of the change" in tocsin.done("plan", "show")


def test_applying_a_large_change_needs_a_yes(tocsin: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "slower.yaml"
    file.write_text(ROSE.replace("acknowledge_within: 15 min", "acknowledge_within: 20 min", 1), encoding="utf-8")
    before = tocsin.done("plan", "show")
    refused = tocsin("plan", "apply", str(file), "--reason", "haste")
    assert refused.code == 4
    assert "--yes" in refused.err and "acknowledging moves from 15 min to 20 min (5 min later)" in refused.err
    assert tocsin.done("plan", "show") == before
    assert "is in force" in tocsin.done("plan", "apply", str(file), "--reason", "we are fewer", "--yes")


def test_applying_a_broken_plan_changes_nothing(tocsin: Terminal, broken: str) -> None:
    before = tocsin.done("plan", "show")
    refused = tocsin("plan", "apply", broken, "--reason", "haste")
    assert refused.code == 2 and f"{broken}:{LINE}" in refused.err
    assert tocsin.done("plan", "show") == before


# ---- People ----------------------------------------------------------------------------------------------------------


def link_opens(url: str, address: str) -> Account | None:
    app = App(Settings(database_url=url), SystemClock())
    try:
        with app.database.read(access.local_operator("operator")) as tx:
            return sessions.link_account(tx, address.strip().rpartition("/signin/")[2])
    finally:
        app.database.dispose()


def test_an_invitation_prints_a_link_that_works(tocsin: Terminal, url: str) -> None:
    words = ("people", "invite", "zoe", "--name", "Zoë Marsh", "--email", "zoe@rose.example", "--role", "administrator")
    printed = tocsin(*words)
    assert printed.out.startswith("http://127.0.0.1:8000/signin/") and printed.out.count("\n") == 1
    assert "zoe" in printed.err and "once" in printed.err
    account = link_opens(url, printed.out)
    assert account is not None and account.handle == "zoe"
    (row,) = [line for line in tocsin.done("people", "list").splitlines() if line.startswith("zoe")]
    assert "Zoë Marsh" in row and "zoe@rose.example" in row and "administrator" in row


def test_an_invitation_completes_the_account_that_the_plan_brought(tocsin: Terminal) -> None:
    tocsin.done("people", "invite", "ana", "--email", "ana@rose.example")
    (ana,) = [one for one in tocsin("people", "list", "--json").json if one["handle"] == "ana"]
    assert (ana["name"], ana["email"], ana["role"]) == ("Ana Okafor", "ana@rose.example", "responder")


def test_somebody_who_lost_a_device_is_helped(tocsin: Terminal, url: str) -> None:
    database = Database(url, SystemClock())
    seen = Seen(way="password", browser="Firefox/1 \x1b[31m", source="192.0.2.7")
    with database.work(SYSTEM) as tx:
        sessions.begin(tx, "ana", seen)
        sessions.begin(tx, "ana", seen)
        doors.keep_factor(tx, "ana", "A" * 32)
        doors.confirm_factor(tx, "ana")
    database.dispose()
    rows = tocsin("people", "sessions", "ana", "--json").json
    assert [(one["way"], one["source"]) for one in rows] == [("password", "192.0.2.7")] * 2
    printed = tocsin.done("people", "sessions", "ana")
    assert rows[0]["id"] in printed and "\x1b" not in printed
    assert tocsin("people", "end-sessions", "ana", "--json").json == {"handle": "ana", "ended": 2}
    assert "signed in nowhere" in tocsin.done("people", "sessions", "ana")
    assert "No code is asked of ana" in tocsin.done("people", "remove-factor", "ana")
    assert tocsin("people", "remove-factor", "ana").code == 4
    for command in ("sessions", "end-sessions", "remove-factor"):
        assert tocsin("people", command, "nobody").code == 3


def test_a_fresh_link_for_somebody_known(tocsin: Terminal, url: str) -> None:
    link = tocsin("people", "link", "ben", "--json").json["link"]
    account = link_opens(url, link)
    assert account is not None and account.handle == "ben"
    assert tocsin("people", "link", "nobody").code == 3


def test_a_bad_invitation(tocsin: Terminal) -> None:
    refused = tocsin("people", "invite", "ana", "--email", "not an address")
    assert refused.code == 2 and "not an e-mail address" in refused.err
    assert tocsin("people", "invite", "ana", "--role", "emperor").code == 2


# ---- Tokens ----------------------------------------------------------------------------------------------------------


def live(url: str, secret: str) -> frozenset[str] | None:
    app = App(Settings(database_url=url), SystemClock())
    try:
        with app.database.read(access.local_operator("operator")) as tx:
            token = tokens.live(tx, secret)
            return token.rights if token else None
    finally:
        app.database.dispose()


def test_the_secret_of_a_token_is_all_that_is_piped_on(tocsin: Terminal, url: str) -> None:
    printed = tocsin("token", "create", "grafana", "--scope", "incidents:read", "--scope", "metrics:read")
    assert live(url, printed.out.removesuffix("\n")) == frozenset({"incidents:read", "metrics:read"})
    assert "grafana" in printed.err and "not shown again" in printed.err
    out = tocsin.done("token", "list")
    assert "grafana" in out and "incidents:read, metrics:read" in out and "never" in out
    assert printed.out.strip() not in out


def test_a_token_ends_by_itself_or_when_it_is_revoked(tocsin: Terminal, url: str) -> None:
    made = tocsin("token", "create", "short", "--scope", "plan:read", "--days", "3", "--json").json
    assert made["expires_at"] > made["created_at"] and live(url, made["secret"])
    assert made["id"] in tocsin.done("token", "revoke", made["id"])
    assert live(url, made["secret"]) is None
    (listed,) = tocsin("token", "list", "--json").json
    assert listed["revoked_at"] and "secret" not in listed
    assert listed["used_at"] is None and "Last used" in tocsin.done("token", "list")
    assert tocsin("token", "revoke", made["id"]).code == 3


def test_a_bad_token(tocsin: Terminal) -> None:
    refused = tocsin("token", "create", "x", "--scope", "incident:read")
    assert refused.code == 2 and "incidents:read" in refused.err
    assert tocsin("token", "create", "x").code == 2
    assert tocsin("token", "create", "x", "--scope", "plan:read", "--days", "0").code == 2
    assert tocsin("token", "list", "--json").json == []


# ---- The database ----------------------------------------------------------------------------------------------------


def test_before_it_is_set_up_a_command_says_what_to_do_and_leaves_nothing(fresh: Terminal, tmp_path: Path) -> None:
    for words in (("people", "list"), ("doctor",), ("token", "create", "x", "--scope", "plan:read")):
        refused = fresh(*words)
        assert refused.code == 4 and "tocsin migrate" in refused.err and "Traceback" not in refused.err
    assert not [*tmp_path.iterdir()]


def test_migrate_sets_up_a_database_with_the_plan_of_the_settings(fresh: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(ROSE.replace("name: Rose\n", "name: Mine\n", 1), encoding="utf-8")
    fresh.set("TOCSIN_PLAN", str(file))
    assert "Mine 1.1 is in force" in fresh.done("migrate")
    assert fresh("migrate", "--json").json["name"] == "Mine"


def test_the_doctor_finds_nothing_wrong_with_a_new_installation(tocsin: Terminal) -> None:
    assert tocsin.done("doctor").splitlines()[0] == "All is well."
    assert tocsin("doctor", "--json").json.items() >= {"ok": True, "problems": []}.items()


def test_the_doctor_says_what_would_keep_a_page_back(tocsin: Terminal) -> None:
    (mail, people, *more) = tocsin("doctor", "--json").json["pages"]
    assert "TOCSIN_SMTP_URL" in mail and "tomas" in people and not more
    said = tocsin("doctor", "--strict")
    assert said.code == 1 and "A page may not go out: No mail server is set" in said.out
    tocsin.set("TOCSIN_SMTP_URL", "smtp://127.0.0.1:2525")
    assert "TOCSIN_SMTP_URL" not in tocsin.done("doctor")


def test_the_record_is_proven_and_a_change_of_it_named(tocsin: Terminal, tmp_path: Path) -> None:
    assert tocsin("verify", "--json").json == {"ok": True, "incidents": 0, "entries": 0, "problems": []}
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'tocsin.db'}")
    database = Database(settings.database_url, SystemClock(), keyring(settings))
    one = database.run(SYSTEM, lambda tx: commands.declare(tx, title="It hangs", severity="P1", type="service_outage"))
    database.dispose()
    assert tocsin.done("verify") == tocsin.done("verify", "#1") == f"{one.entries} entries of 1 incidents hold.\n"
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as connection:
        connection.execute("drop trigger entry_no_update")
        connection.execute("update entry set by = 'ben' where number = 1")
        connection.commit()
    found = tocsin("verify", "1")
    said = "it is not what was written, or does not stand where it was written"
    assert (found.code, found.out) == (1, f"entry 1 of {one.id} (#1): {said}\n0 entries of 0 incidents hold.\n")
    (problem,) = json.loads(tocsin("verify", "--json").out)["problems"]
    assert (problem["incident_id"], problem["entry"], problem["number"]) == (one.id, 1, 1)
    assert tocsin("verify", "99").code == tocsin("verify", "inc_NOWHERE").code == 3


def test_a_database_of_another_kind(fresh: Terminal) -> None:
    fresh.set("TOCSIN_DATABASE_URL", "oracle://nowhere")
    refused = fresh("doctor")
    assert refused.code == 2 and "oracle" in refused.err


# ---- The program itself ----------------------------------------------------------------------------------------------

SLOW = {"sqlalchemy", "litestar", "aiohttp", "httpx2", "pydantic", "yaml", "alembic", "uvicorn", "msgspec"}


def test_help_waits_for_no_library_that_it_does_not_need() -> None:
    program = "import sys; from tocsin.cli.main import exit_code; exit_code(['--help']); print(*sys.modules, sep='\\n')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Declare an incident" in ended.stdout
    assert SLOW.isdisjoint(ended.stdout.split())


def test_a_mistyped_command_or_option(fresh: Terminal) -> None:
    for words in (("declar", "x"), ("plan", "chek", "x"), ("incidents", "--jsn"), ("show",)):
        refused = fresh(*words)
        assert refused.code == 2 and refused.err and "Traceback" not in refused.err


def test_each_kind_of_refusal_has_an_exit_code_of_its_own() -> None:
    codes = list(EXIT_CODES.values())
    assert len(set(codes)) == len(codes) and not {0, 1} & set(codes)


def test_a_plan_of_several_files_is_checked_bundled_and_put_into_force(tocsin: Terminal, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    cut = ROSE.index("\nlinks:\n")
    part = tmp_path / "parts" / "links.yaml"
    part.write_text(ROSE[cut:], encoding="utf-8")
    file, bundled = tmp_path / "plan.yaml", tmp_path / "bundled.yaml"
    file.write_text(ROSE[:cut].replace("\npeople:\n", "\ninclude: [parts/links.yaml]\npeople:\n", 1), encoding="utf-8")
    assert "is sound" in tocsin.done("plan", "check", str(file))
    tocsin.done("plan", "bundle", str(file), "--output", str(bundled))
    assert ROSE[cut:] in bundled.read_text(encoding="utf-8")
    assert "The two plans say the same." in tocsin.done("plan", "diff", str(file), str(bundled))
    tocsin.done("plan", "apply", str(file), "--reason", "In two files")
    assert tocsin.done("plan", "show", "--json") == tocsin.done("plan", "show", str(bundled), "--json")
    part.write_text("links: 7\n", encoding="utf-8")
    wrong = tocsin("plan", "check", str(file), "--json")
    (problem,) = json.loads(wrong.out)["findings"]
    assert (problem["file"], problem["line"], problem["path"]) == (str(part), 1, "links")
    part.unlink()
    assert f"{file}:" in tocsin("plan", "apply", str(file), "--reason", "x").err
