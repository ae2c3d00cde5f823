"""Slack from the command line: the app's manifest, what its token may do, and who people are there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.slack import ALL_SCOPES, TOKEN, Workspace, workspace
from tests.support.terminal import Terminal
from tocsin.delivery import slackapp

ROOT = Path(__file__).parents[2]


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def tocsin(
    tmp_path: Path, slack: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A machine that is connected to the workspace."""
    settings = {
        "TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}",
        "TOCSIN_BASE_URL": "https://tocsin.example.org",
        "TOCSIN_SLACK_BOT_TOKEN": TOKEN,
        "TOCSIN_SLACK_API_URL": slack.url,
    }
    terminal = Terminal(monkeypatch, capsys, settings)
    terminal.done("migrate")
    return terminal


def test_the_manifest_asks_for_what_is_used_and_nothing_else(tocsin: Terminal) -> None:
    printed = yaml.safe_load(tocsin.done("slack", "manifest"))
    assert printed == tocsin("slack", "manifest", "--json").json
    assert set(printed["oauth_config"]["scopes"]["bot"]) == ALL_SCOPES  # what the stand-in demands, method by method
    assert 174 <= len(printed["display_information"]["long_description"]) <= 4000
    assert "https://tocsin.example.org" in printed["display_information"]["long_description"]


def test_the_guide_says_of_each_scope_what_it_is_needed_for() -> None:
    guide = (ROOT / "docs/howto/slack.md").read_text("utf-8")
    for scope, needed in slackapp.SCOPES.items():
        assert f"| `{scope}` | {needed} |" in guide


def test_check_says_that_all_is_well_or_names_the_scope_that_is_missing(tocsin: Terminal, slack: Workspace) -> None:
    assert "https://rose.slack.example/ lets us do what is needed" in tocsin.done("slack", "check")
    slack.scopes = (slack.scopes - {"pins:write"}) | {"files:read"}
    found = tocsin("slack", "check")
    assert found.code == 1
    assert "The scope pins:write is missing; it is needed to pin updates." in found.out and "files:read" in found.out
    assert tocsin("slack", "check", "--json").out.count("pins:write") == 1


def test_a_wrong_token_and_none_are_refused_in_a_sentence_without_the_token(tocsin: Terminal, slack: Workspace) -> None:
    tocsin.set("TOCSIN_SLACK_BOT_TOKEN", "xoxb-wrong-one")
    refused = tocsin("slack", "check")
    assert refused.code == 4 and refused.err.strip() == "Slack did not let us in: invalid_auth."
    tocsin.set("TOCSIN_SLACK_BOT_TOKEN", "xoxp-of-a-person")
    refused = tocsin("slack", "check")
    assert refused.code == 2 and "begins with xoxb-" in refused.err and "xoxp-of" not in refused.err
    tocsin.set("TOCSIN_SLACK_BOT_TOKEN", "")
    assert tocsin("slack", "check").code == 4


def test_slack_that_is_away_is_said_so(tocsin: Terminal, slack: Workspace) -> None:
    slack.status = 503
    assert tocsin("slack", "check").err.strip() == "Slack did not let us in: service_unavailable."


def test_who_somebody_is_there_can_be_entered_listed_and_forgotten(tocsin: Terminal) -> None:
    assert "Nobody is known there yet" in tocsin.done("slack", "accounts")
    tocsin.done("slack", "account", "ana", "U024BE7LH")
    assert tocsin("slack", "accounts", "--json").json == [{"handle": "ana", "account": "U024BE7LH", "entered": True}]
    wrong = tocsin("slack", "account", "ana", "@ana")
    assert wrong.code == 2 and "no member ID" in wrong.err
    assert tocsin("slack", "account", "nobody", "U024BE7LH").code == 3
    tocsin.done("slack", "forget", "ana")
    assert tocsin("slack", "accounts", "--json").json == []
