"""Telling people from a terminal: drafts and their approval, corrections, who was told, posts by hand, the call."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.server import Server, running_server
from tests.support.smtp import SmtpSink
from tests.support.terminal import Printed, Terminal
from tests.support.world import QUIET
from tocsin.people import access, commands

PLAN = QUIET.replace("      public: true\n", "      public: true\n      approved_by: communications_lead\n")
SCOPES = frozenset({"incidents:read", "incidents:write"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("telling")
    with SmtpSink() as sink, running_server(folder, f"sqlite:///{folder / 't.db'}", sink.port, plan=PLAN) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server: Server) -> dict[str, str]:
    app = server.app()
    with app.database.work(access.local_operator("operator")) as tx:
        made = {one: commands.make_token(tx, one, SCOPES, timedelta(hours=1), one)[1] for one in ("ana", "ben")}
    app.database.dispose()
    return made


class Desk:
    """A terminal at which somebody sits."""

    def __init__(self, terminal: Terminal, token: str) -> None:
        self._terminal, self._token = terminal, token

    def __call__(self, *words: str) -> Printed:
        self._terminal.set("TOCSIN_TOKEN", self._token)
        return self._terminal(*words)

    def done(self, *words: str) -> str:
        self._terminal.set("TOCSIN_TOKEN", self._token)
        return self._terminal.done(*words)


@pytest.fixture
def desks(
    server: Server, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Desk]:
    terminal = Terminal(monkeypatch, capsys, {"TOCSIN_URL": server.url, "TOCSIN_TOKEN": tokens["ana"]})
    return {one: Desk(terminal, token) for one, token in tokens.items()}


def test_an_update_is_drafted_approved_and_put_right(desks: dict[str, Desk]) -> None:
    ana, ben = desks["ana"], desks["ben"]
    about = ("declare", "Voice is silent", "--severity", "P1", "--type", "service_outage", "--json")
    incident = ana(*about).json["id"]
    ana.done("assign", incident, "communications_lead", "ben")
    update = ("update", incident, "--audience", "public", "--stage", "identified", "--cause", "Qdrant is full")
    looked = ana(*update, "--preview")
    assert "We know what is wrong: Qdrant is full" in looked.out
    assert "ETA is empty." in looked.err and "her memory" in looked.err
    assert "It would wait for the word of ben." in looked.err
    ana.done(*update)
    (draft,) = ana("drafts", incident, "--json").json["drafts"]
    assert "Qdrant is full" in ana.done("drafts", incident)
    refused = ana("approve", incident, str(draft["number"]))
    assert refused.code == 4 and "Ben Halvorsen" in refused.err
    ben.done("send-back", incident, str(draft["number"]), "--because", "Say it plainly")
    assert "No draft waits" in ben.done("drafts", incident)
    ana.done(*update)
    (draft,) = ana("drafts", incident, "--json").json["drafts"]
    ben.done("approve", incident, str(draft["number"]))
    (told,) = [one for one in ben("told", incident, "--json").json["audiences"] if one["audience"] == "public"]
    number = str(told["told"][0]["entry"])
    assert "everyone by status page: published" in " ".join(ben.done("told", incident).split())
    ben.done("correct-update", incident, number, "--text", "Her memory is full.", "--because", "plain words")
    ben.done("withdraw-update", incident, number, "--because", "it is over")
    log = ben("communications", incident, "--json").json["communications"]
    assert [one["what"] for one in log if one["way"] == "status_page"][1:] == ["Her memory is full.", "it is over"]
    assert "status page" in ben.done("communications", incident)


def test_posts_are_drafted_and_the_call_is_moved(desks: dict[str, Desk]) -> None:
    ben = desks["ben"]
    incident = ben("declare", "Memory is gone", "--severity", "P1", "--type", "service_outage", "--json").json["id"]
    assert "told nothing yet" in ben.done("posts", incident)
    ben.done("assign", incident, "communications_lead", "ben")
    said = ("--stage", "investigating", "--issue", "she forgets", "--impact", "Rose forgets")
    ben.done("update", incident, "--audience", "public", *said)
    assert "Mastodon" in ben.done("posts", incident) and "of 280" in ben.done("posts", incident)
    post = ("--network", "x", "--text", "We are on it", "--link", "https://x.com/rose/1")
    ben.done("posted", incident, *post)
    ben.done("call", incident, "https://meet.example.org/other")
    out = ben.done("timeline", incident)
    assert "posted on X" in out and "moved the call" in out
