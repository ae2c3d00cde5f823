"""Senders that the plan itself explains: what is taken at their address, and trying it beforehand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tests.support.world import ROSE
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.quarantine import Quarantined
from tocsin.signals.store import Signal

MAPPING = 'key: "{id}"\ntitle: "{text}"\nstate: "{state}"\nlabels: { type: data_loss }\n'
BODY = {"id": 7, "text": "The backup failed", "state": "bad", "password": "hunter2"}
PATH = "/in/json/backup"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with console(sqlite_url) as one:
        yield one


def explain(here: Served) -> None:
    piece = "senders:\n  backup:\n" + "".join(f"    {line}\n" for line in MAPPING.splitlines())
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE.replace("\nseverities:\n", f"\n{piece}\nseverities:\n", 1), "a sender of our own")


def seen(here: Served) -> tuple[list[Signal], list[Quarantined]]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx), quarantine.listed(tx)


@pytest.mark.tries("own-senders", "a body of ours", "fires", "ends")
@pytest.mark.parametrize("by_path", [False, True])
def test_what_the_plan_explains_becomes_signals(here: Served, by_path: bool) -> None:
    explain(here)
    secret = here.token("signals:write")
    headers = {} if by_path else {"Authorization": f"Bearer {secret}"}
    answer = here.post(f"{PATH}/{secret}" if by_path else PATH, json=BODY, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    ((signal,), unread) = seen(here)
    assert (signal.source, signal.key, signal.title, unread) == ("json/backup", "7", "The backup failed", [])
    assert signal.details["password"] == "(redacted)"
    here.post(PATH, json={**BODY, "state": "ok"}, headers=here.bearer("signals:write"))
    assert seen(here)[0][0].state == "resolved"


def test_what_no_plan_explains_is_refused_and_kept_to_be_looked_at(here: Served) -> None:
    answer = here.post(PATH, json=BODY, headers=here.bearer("signals:write"))
    assert answer.status_code == 400
    assert "write it under `senders`" in answer.text
    ((), (body,)) = map(tuple, seen(here))
    assert (body.source, "hunter2" in body.body) == ("json/backup", False)


@pytest.mark.parametrize("path", ["/in/json/", "/in/json/No", "/in/json/a.b"])
def test_a_name_that_no_plan_could_have_is_no_address(here: Served, path: str) -> None:
    assert here.post(path, json=BODY, headers=here.bearer("signals:write")).status_code == 404
    assert seen(here) == ([], [])


def test_a_stranger_sends_nothing(here: Served) -> None:
    explain(here)
    assert here.post(PATH, json=BODY).status_code == here.post(f"{PATH}/nobody", json=BODY).status_code == 401
    assert seen(here) == ([], [])


# ---- Trying ----


def test_somebody_tries_what_was_sent_and_puts_the_piece_into_the_plan(here: Served) -> None:
    here.post(PATH, json=BODY, headers=here.bearer("signals:write"))
    ben = Visitor(here, "ben")
    page = ben.open("/signals/try?sender=backup&pick=0")
    assert json.loads(page.form("/signals/try").fields["body"][0])["text"] == "The backup failed"
    page = ben.press(page, "/signals/try", mapping='key: "{id}"\ntitle: "{txt}"')
    assert page.status == 200 and page.says("In the body, $.txt")
    page = ben.press(page, "/signals/try", mapping='key: "{id}"\ntitel: "{text}"')
    assert page.says("In the mapping, line 2") and page.says("did you mean title?")
    page = ben.press(page, "/signals/try", mapping=MAPPING)
    assert page.says("The backup failed") and page.says("json/backup") and page.says("Label type")
    assert page.says('senders:\n  backup:\n    key: "{id}"\n')
    assert len(seen(here)[0]) == 0


def test_a_sender_of_the_plan_is_shown_as_it_stands_there_and_its_signals_can_be_tried(here: Served) -> None:
    explain(here)
    here.post(PATH, json=BODY, headers=here.bearer("signals:write"))
    seen(here)
    page = Visitor(here, "erin").open("/signals/try?sender=backup&pick=0")
    fields = page.form("/signals/try").fields
    assert "title: '{text}'" in fields["mapping"][0]
    assert json.loads(fields["body"][0])["id"] == 7


def test_nothing_hostile_becomes_markup(here: Served) -> None:
    evil = "<script>alert(1)</script>"
    ben = Visitor(here, "ben")
    page = ben.open("/signals/try")
    body = json.dumps({"id": evil, "text": evil, "state": evil})
    tried = ben.press(page, "/signals/try", sender="backup", mapping=MAPPING, body=body)
    assert evil not in tried.html and tried.says(evil)
    refused = ben.press(page, "/signals/try", sender=evil)
    assert refused.status == 400 and evil not in refused.html
    assert evil not in ben.open(f"/signals/try?sender={evil}").html


def test_what_was_sent_before_the_plan_explained_it_is_read_again_once_it_does(here: Served) -> None:
    here.post(PATH, json=BODY, headers=here.bearer("signals:write"))
    assert "/signals/try?sender=backup" in Visitor(here, "ana").open("/signals").html
    again, rights = "/api/v1/signals/quarantine/1/read", here.bearer("signals:write", "incidents:read")
    assert "write it under `senders`" in here.post(again, headers=rights).json()["problem"]
    explain(here)
    assert here.post(again, headers=rights).json()["said"] == "Read: 1 signal."
    ((signal,), (body,)) = map(tuple, seen(here))
    assert (signal.source, signal.key, body.result) == ("json/backup", "7", "Read: 1 signal.")
    assert "/signals/try?sender=backup" not in Visitor(here, "ana").open("/signals").html


def test_a_stranger_tries_nothing(here: Served) -> None:
    assert Visitor(here).open("/signals/try").status in (302, 303)


def attempt(here: Served, right: str = "incidents:read", **body: Any) -> Any:
    sent = {"sender": "backup", "body": json.dumps(BODY), **body}
    return here.post("/api/v1/signals/try", json=sent, headers=here.bearer(right))


def test_a_program_tries_it_too(here: Served) -> None:
    found = attempt(here, mapping=MAPPING).json()
    assert [one["title"] for one in found["signals"]] == ["The backup failed"]
    assert found["signals"][0]["details"]["password"] == "(redacted)"
    assert found["mistakes"] == [] and found["piece"].startswith("senders:\n  backup:\n")
    found = attempt(here, mapping=MAPPING, body="{}").json()
    assert [one["where"] for one in found["mistakes"]] == ["body"] and found["signals"] == []
    explain(here)
    assert attempt(here).json()["signals"][0]["labels"] == {"type": "data_loss"}
    assert attempt(here, sender="No").status_code == 400
    assert attempt(here, "signals:write").status_code == 403
    assert seen(here) == ([], [])
