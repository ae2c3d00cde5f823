"""A stranger types every command that reads, on a running server: none says a word of what is confidential.

The commands are those of the program itself: a new one must be given what it is asked here, or be named as one that
changes something.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.http.test_cli_reference import COMMANDS
from tests.support.secrets import NO_NUMBER, NOBODY, WORD, Secrets, keep
from tests.support.server import Server
from tests.support.terminal import Terminal, reaching
from tests.support.world import QUIET
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.signals import store as signals

READ = frozenset({access.INCIDENT_READ, access.INCIDENT_WRITE, access.PLAN_READ, access.METRICS_READ})
FROM_2026 = ("--from", "2026-01-01")
OF_ONE: dict[str, tuple[str, ...]] = {
    "show": (),
    "timeline": (),
    "ledger": (),
    "work": (),
    "checklist": (),
    "roles": (),
    "ticket": (),
    "assessment": (),
    "template": (),
    "replay": (),
    "readers": (),
    "pages": (),
    "postmortem": (),
    "evidence": ("-o", "packed.zip"),
    "verify": (),
    "told": (),
    "communications": (),
    "posts": (),
    "drafts": (),
}
"""Commands that read one incident, and what they are given besides."""
OF_ALL: dict[str, tuple[tuple[str, ...], ...]] = {
    "incidents": (("--all",), ()),
    "changes": ((),),
    "probes": ((), ("--health", "unknown")),
    "signals": ((), ("--waiting",), ("--quarantined",), ("--words", "e", "--became", "attached")),
    "oncall": ((),),
    "oncall show": ((),),
    "oncall overrides": ((),),
    "oncall swaps": ((),),
    "oncall feeds": ((),),
    "oncall handoff show": ((),),
    "oncall prove": ((), ("--plan", "changed.yaml")),
    "metrics": (FROM_2026,),
    "insights reach": (FROM_2026,),
    "insights proposals": ((*FROM_2026, "--at-least", "1"),),
    "plan show": ((),),
    "plan coverage": (("--since", "2026-01-01"), ("--sort", "used")),
    "plan diff": (("current", "changed.yaml", "--record"),),
    "plan document": ((),),
    "plan schema": ((),),
    "slack manifest": ((),),
    "plan check": (("changed.yaml", "--against", "database", "--fail-on", "never"),),
    "plan bundle": (("changed.yaml",),),
    "token list": ((),),
    "undelivered": ((),),
    "search": (("hang",), ("kind:incident",)),
    "silence list": (("--past",),),
    "plan try-rules": (("changed.yaml",),),
    "doctor": ((),),
    "status standing": ((),),
    "verify": ((),),
    "top": (("--once",),),
    "events": (("--since", "2026-01-01T00:00Z", "--until-now"),),
}
"""Commands that read whatever they may see."""
# They name accounts, one's own addresses, or those at which jobs give signs of life.
ACCOUNTS = {
    *("people sessions", "audit", "webhook list", "webhook deliveries"),
    *("people list", "contacts list", "slack accounts", "heartbeats", "subscribers list", "subscribers export"),
}
OUTSIDE = {"slack check", "open", "completion", "mcp", "secrets key"}
"""They ask Slack, start a browser, set up a shell, ask the API for an assistant, or tell of this machine alone."""
CHANGES = {
    *(
        "ack",
        "add-responder",
        "add-team",
        "assign",
        "break-glass",
        "check",
        "close",
        "confidential",
        "confirm",
        "correct",
    ),
    *("decide", "declare", "disclose", "finding", "fix", "impact", "link", "merge", "mitigate", "note"),
    *("postmortem final", "postmortem write", "remove-responder", "reopen", "resolve", "review held"),
    *("review schedule", "severity", "signal send", "split", "strategy", "thank", "tick", "type", "unlink", "untick"),
    *("change", "support", "people unlink", "secrets rotate", "webhook add", "webhook change", "webhook disable"),
    *("webhook enable", "webhook remove", "webhook replay", "webhook rotate", "webhook test"),
    *("update", "waive", "migrate", "people invite", "people link", "plan apply", "token create", "token revoke"),
    *("oncall accept", "oncall cancel", "oncall decline", "oncall override", "oncall swap", "oncall withdraw"),
    *("oncall feed", "oncall import", "oncall revoke"),
    *("oncall handoff accept", "oncall handoff ask", "oncall handoff write", "snooze", "wake"),
    *(
        "escalate",
        "decline",
        "resend",
        "mail-in",
        "mail-in address",
        "contacts add",
        "contacts code",
        "contacts remove",
    ),
    *("rename", "people disable", "people enable", "signal declare", "signal dismiss"),
    *("contacts test", "people end-sessions", "people remove-factor"),
    *("approve", "send-back", "correct-update", "withdraw-update", "posted", "call", "status publish"),
    *("subscribers on", "subscribers off", "subscribers erase", "subscribers enter"),
    *("report", "signal reread", "signal try", "silence add", "silence expire", "silence extend", "silence maintain"),
    *("contacts rule", "contacts unrule", "contacts verify", "contacts zone"),
    *("plan import", "rehearse run", "rehearse serve", "serve", "slack account", "slack forget"),
}


@pytest.fixture(scope="module")
def secrets(server: Server) -> Secrets:
    app = server.app()
    try:
        return keep(app.database)
    finally:
        app.database.dispose()


@pytest.fixture(params=[None, "lucia"], ids=["a token", "a token of lucia"])
def tocsin(
    request: pytest.FixtureRequest,
    server: Server,
    secrets: Secrets,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Terminal:
    (tmp_path / "changed.yaml").write_text(QUIET.replace("resolve_within: 24 h", "resolve_within: 12 h"))
    monkeypatch.chdir(tmp_path)
    return terminal(server, monkeypatch, capsys, request.param)


def terminal(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], person: str | None, *more: str
) -> Terminal:
    return Terminal(monkeypatch, capsys, reaching(server, READ | set(more), person) | server.environment)


def test_every_command_is_asked_here_or_changes_something() -> None:
    assert {*OF_ONE, *OF_ALL, *ACCOUNTS, *OUTSIDE, *CHANGES, "signal explain", "silence show", "probe"} == set(COMMANDS)
    assert not CHANGES & {*OF_ONE, *OF_ALL}


def test_no_command_says_a_word(tocsin: Terminal, secrets: Secrets) -> None:
    lines = [(*name.split(), *more) for name, asked in OF_ALL.items() for more in asked]
    lines += [(name, str(secrets.outage.number), *more) for name, more in OF_ONE.items() if name != "evidence"]
    for line in lines:
        for form in ((), ("--json",)):
            printed = tocsin(*line, *form)
            assert printed.code in (0, 1), (line, printed.err)  # 1: it answers, and what it proves does not hold
            assert printed.out and not secrets.given_away(printed.out + printed.err), line


@pytest.mark.parametrize("name", OF_ONE)
def test_a_secret_can_not_be_told_from_nothing(tocsin: Terminal, secrets: Secrets, name: str) -> None:
    for one in secrets.hidden:
        for known, unknown in ((one.id, NOBODY), (f"#{one.number}", f"#{NO_NUMBER}")):
            answers = [tocsin(name, asked, *OF_ONE[name]) for asked in (known, unknown)]
            told = [
                (answer.code, answer.out, answer.err.replace(asked.removeprefix("#"), "IT"))
                for answer, asked in zip(answers, (known, unknown), strict=True)
            ]
            assert told[0] == told[1] and answers[0].code == 3, (name, known, told)


def test_a_secret_signal_can_not_be_told_from_nothing(server: Server, tocsin: Terminal, secrets: Secrets) -> None:
    app = server.app()
    with app.database.read(SYSTEM) as tx:
        hidden = [signal.id for one in secrets.hidden for signal in signals.of_incident(tx, one.id)]
    app.database.dispose()
    assert hidden
    for one in hidden:
        told = []
        for asked in (one, "sig_NOBODY"):
            answer = tocsin("signal", "explain", asked)
            told.append((answer.code, answer.out, answer.err.replace(asked, "IT")))
        assert told[0] == told[1] and told[0][0] == 3


# ---- Those who may ----


@pytest.fixture
def ben(
    server: Server, secrets: Secrets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    return terminal(server, monkeypatch, capsys, "ben")


def test_a_reader_sees_who_reads_brings_somebody_in_and_takes_them_off(ben: Terminal, secrets: Secrets) -> None:
    at = f"#{secrets.hushed.number}"
    assert WORD in ben.done("show", at)
    assert "Only these people read it" in ben.done("readers", at)
    ben.done("add-team", at, "product", "--because", "Lucía knows the exports")
    found = ben("readers", at, "--json").json
    assert {one["handle"] for one in found["readers"]} == {"tomas", "ben", "lucia"}
    assert {one["until"] for one in found["readers"]} == {None}
    refused = ben("remove-responder", at, "erin", "--because", "She left")
    assert refused.code == 4 and "no responder" in refused.err
    ben.done("remove-responder", at, "lucia", "--because", "It is answered")
    assert "lucia" not in ben.done("readers", at)


def test_it_is_kept_confidential_and_disclosed_with_a_reason(ben: Terminal, secrets: Secrets) -> None:
    declared: dict[str, Any] = ben("declare", "Odd mails", "--severity", "P3", "--type", "data_loss", "--json").json
    at = declared["id"]
    assert "It is open" in ben.done("readers", at)
    assert ben("confidential", at, "--because", "").code == 2
    kept = ben("confidential", at, "--because", "It may be theft", "--json").json
    assert kept["confidential_at"]
    assert ben("confidential", at, "--because", "Again").code == 4
    assert "Confidential" in ben.done("show", at)
    assert ben("disclose", at, "--because", "A colleague's script", "--json").json["confidential_at"] is None
    assert ben("disclose", secrets.breach.id, "--because", "No").code == 4  # the plan keeps its type so


def test_an_administrator_breaks_the_glass_by_number(
    server: Server, secrets: Secrets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ana = terminal(server, monkeypatch, capsys, "ana", access.BREAK_GLASS)
    at = f"#{secrets.breach.number}"
    assert ana("show", at).code == 3
    assert ana("break-glass", at, "--because", " ").code == 2
    assert ana("break-glass", f"#{NO_NUMBER}", "--because", "Who is there?").code == 3
    assert WORD in ana.done("break-glass", at, "--because", "The responders are away")
    assert WORD in ana.done("show", at)
    assert "having broken the glass" in ana.done("readers", at)
    without = terminal(server, monkeypatch, capsys, "ana")
    assert without("break-glass", at, "--because", "I am an administrator").code == 5


def test_only_a_token_that_acts_as_an_administrator_may_break_the_glass(
    server: Server, secrets: Secrets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match="acts as an administrator"):
        terminal(server, monkeypatch, capsys, None, access.BREAK_GLASS)


def test_whoever_has_a_signed_archive_learns_whether_it_holds_though_they_may_not_read_it(
    ben: Terminal, secrets: Secrets, tmp_path: Path
) -> None:
    packed = str(tmp_path / "breach.zip")
    ben.done("evidence", secrets.breach.id, "-o", packed)
    assert ben("verify", secrets.breach.id).code == 3  # the operator of this machine is no reader
    found = ben("verify", packed, "--here")
    assert found.code == 0 and "hold" in found.out
