"""Evidence in the terminal: an archive fetched from a running server, and checked without it."""

import zipfile
from pathlib import Path

import pytest

from tests.support.server import Server
from tests.support.terminal import Terminal, reaching
from tests.support.world import QUIET

SCOPES = frozenset({"incidents:read", "incidents:write"})


@pytest.fixture
def tocsin(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, reaching(server, SCOPES))


@pytest.fixture
def incident(tocsin: Terminal) -> str:
    incident_id: str = tocsin("declare", "Voice hangs", "--severity", "P1", "--type", "service_outage", "--json").json[
        "id"
    ]
    return incident_id


@pytest.fixture
def files(tocsin: Terminal, incident: str, tmp_path: Path) -> tuple[str, str]:
    """An archive, and the key that it is checked with."""
    packed, key = tmp_path / "evidence.zip", tmp_path / "key.pem"
    assert f"{packed}: " in tocsin.done("evidence", incident, "-o", str(packed))
    key.write_text(tocsin.done("evidence", "--public-key"))
    return str(packed), str(key)


def test_an_archive_is_checked_without_the_server(tocsin: Terminal, incident: str, files: tuple[str, str]) -> None:
    tocsin.set("TOCSIN_URL", "http://127.0.0.1:9")
    tocsin.set("TOCSIN_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    packed, key = files
    by_itself = tocsin("verify", packed)
    assert by_itself.code == 0 and "That is the archive's own key" in by_itself.err
    assert f"{incident}: Voice hangs\nhold, and were signed with the key" in by_itself.out
    assert tocsin("verify", packed, "--key", key).err == ""
    found = tocsin("verify", packed, "--key", key, "--json").json
    assert (found["ok"], found["incident_id"], found["key_is_given"], found["problems"]) == (True, incident, True, [])


def test_an_archive_that_was_touched_fails(tocsin: Terminal, files: tuple[str, str]) -> None:
    packed, key = files
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("more.txt", "by the way")
    failed = tocsin("verify", packed, "--key", key)
    assert (failed.code, failed.out) == (1, "more.txt: nobody signed this file\n")


def test_the_key_is_printed_with_its_fingerprint(tocsin: Terminal) -> None:
    said = tocsin("evidence", "--public-key")
    assert said.out.startswith("-----BEGIN PUBLIC KEY-----\n") and said.err.startswith("SHA-256 ")
    assert said.err.split()[1] == tocsin("evidence", "--public-key", "--json").json["fingerprint"]


def test_without_a_name_for_the_file_it_has_the_incidents_number(
    tocsin: Terminal, incident: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    number = tocsin("show", incident, "--json").json["number"]
    assert tocsin("evidence", f"#{number}", "--json").json["file"] == f"incident-{number}-evidence.zip"
    assert tocsin("verify", f"incident-{number}-evidence.zip").code == 0


def test_mistakes_are_said_in_a_sentence(
    tocsin: Terminal, incident: str, files: tuple[str, str], tmp_path: Path
) -> None:
    packed, key = files
    for words, code, said in (
        (("evidence",), 2, "Name an incident"),
        (("evidence", "inc_NOWHERE"), 3, "no incident inc_NOWHERE"),
        (("evidence", incident, "-o", str(tmp_path / "no" / "where.zip")), 2, "can't be written: No such file"),
        (("verify", packed, "--key", str(tmp_path / "none")), 2, "can't be read: No such file"),
        (("verify", packed, "--key", packed), 2, "not a public key"),
        (("verify", key), 2, "not an evidence archive"),
        (("verify", "none.zip", "--key", key), 2, "no file none.zip"),
        (("verify", "none.zip", "--here"), 2, "no file none.zip"),
        (("verify", "--key", key), 2, "Name the archive"),
    ):
        refused = tocsin(*words)
        assert (refused.code, said in refused.err) == (code, True), refused.err


# ---- How it stood ----


def test_a_replay_shows_what_was_owed_and_who_knew(tocsin: Terminal, incident: str) -> None:
    tocsin.done("note", incident, "The graph is red")
    found = tocsin("replay", incident, "--json").json
    assert (found["incident"]["id"], found["entries"]) == (incident, found["of"])
    then = tocsin.done("replay", incident, "--at", found["incident"]["declared_at"])
    assert f"after entry {found['entries'] - 1} of {found['of']}" in then
    assert "Acknowledge within 15 min" in then and "Nobody had been told anything." in then
    assert "terminal" in tocsin.done("replay", incident)
    assert tocsin("replay", incident, "--at", "2001-01-01").code == 2


def test_a_replay_under_another_plan_says_what_differs(tocsin: Terminal, incident: str, tmp_path: Path) -> None:
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(QUIET, encoding="utf-8")
    other.write_text(QUIET.replace("acknowledge_within: 15 min", "acknowledge_within: 5 min"), encoding="utf-8")
    assert "Nothing would have been owed otherwise." in tocsin.done("replay", incident, "--plan", str(same))
    out = tocsin.done("replay", incident, "--plan", str(other))
    assert "Acknowledge within 5 min: due 10 min earlier, still open." in out and "as P1 service_outage" in out
    assert len(tocsin("replay", incident, "--plan", str(other), "--json").json["differences"]) == 1
    assert tocsin("replay", incident, "--plan", str(tmp_path / "none.yaml")).code == 2


def test_a_time_is_corrected_and_the_record_keeps_both(tocsin: Terminal, incident: str) -> None:
    before = tocsin("show", incident, "--json").json["started_at"]
    tocsin.done("correct", incident, "started", "2026-01-01T00:00", "--because", "the graph says so")
    found = tocsin("show", incident, "--json").json
    assert (found["started_at"], found["entries"][-1]["body"]["before"]) == ("2026-01-01T00:00:00Z", before)
    assert tocsin("correct", incident, "resolved", "2026-01-01T00:00", "--because", "x").code == 4
    assert tocsin("correct", incident, "started", "teatime", "--because", "x").code == 2
