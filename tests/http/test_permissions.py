"""Who may do what: each role against every address of the application. A new address without a line in the table fails.

Roles are nested (a test of the core holds them to that): each address is asked by a stranger, by the highest role that
may not, and by the lowest that may.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.routes import HTTPRoute

from tests.support.served import Served
from tests.support.visitor import Visitor, actor, console
from tocsin.kit.actor import SYSTEM
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.response import commands as response
from tocsin.web.verbs import VERBS

TABLE = Path(__file__).with_name("permissions.txt")
STRANGER, NOBODY = "anybody", "nobody"
RANKS = (STRANGER, *AccountRole)
WHO = {"viewer": "erin", "responder": "ben", "manager": "tomas", "administrator": "ana"}
GOOD = {
    "POST /changes": {"what": "v41", "kind": "deployment"},
    "POST /declare": {"title": "Hangs", "severity": "P1", "type": "service_outage", "service": "rose"},
    "POST /incidents/{incident_id:str}/posts": {"network": "x", "text": "x", "url": "https://x.example/1"},
    "POST /oncall/overrides": {
        "rotation": "primary",
        "person": "ben",
        "starts_at": "2026-11-25T08:00",
        "ends_at": "2026-11-25T09:00",
        "reason": "Dentist",
    },
    "POST /oncall/swaps": {
        "gives": "primary|2026-11-25T08:00:00+00:00|2026-11-25T09:00:00+00:00|erin",
        "other": "ana",
        "reason": "Dentist",
    },
    "POST /silences": {"ends_at": "2026-11-24T09:00", "matchers": "host=web-1", "because": "Known"},
}
"""What is sent where a page looks at the form before it asks who sends it."""
AT_THE_DOOR = {
    *("POST /signin", "POST /signin/passkey", "GET /signin/code", "POST /signin/code", "POST /signout"),
}
"""Where anybody may knock, and is sent away with nothing in the hand."""
NO_TELLING = {
    *("POST /oncall/handoffs/{handoff_id:str}/accept", "POST /oncall/handoffs/{handoff_id:str}/ask"),
    *("POST /oncall/handoffs/{handoff_id:str}/write", "POST /oncall/swaps/{swap_id:str}/{verb:str}"),
    "POST /oncall/overrides/{override_id:str}/cancel",
}
"""Where what does not exist is said before anything else: tests of their own have one that exists."""


def table() -> dict[str, str]:
    """The lowest role that may use each address."""
    lines = (line.split(maxsplit=1) for line in TABLE.read_text("utf-8").splitlines() if line[:1] not in ("", "#"))
    return {address: role for role, address in lines}


LEAST = table()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with console(f"sqlite:///{tmp_path_factory.mktemp('permissions') / 'tocsin.db'}") as one:
        one.app.database.run(SYSTEM, lambda tx: people.change_person(tx, "tomas", role=AccountRole.MANAGER))
        yield one


def addresses(here: Served) -> set[str]:
    routes = here.rest.routes
    return {
        f"{method} {route.path}"
        for route in routes
        for method in (sorted(route.methods) if isinstance(route, HTTPRoute) else ["ASGI"])
        if method not in ("OPTIONS", "HEAD")
    }


class Asker:
    """Asks in the name of a role: pages with a session, the API with a token that may all that the role may."""

    def __init__(self, here: Served) -> None:
        self.here = here
        self._visitors: dict[str, tuple[Visitor, str]] = {}
        self._tokens: dict[str, dict[str, str]] = {STRANGER: {}}
        ben = actor(here, "ben")
        self.incident = here.app.database.run(
            ben,
            lambda tx: response.declare(tx, title="Hangs", severity="P1", type="service_outage", service="rose"),
        ).id

    def is_let_in(self, address: str, role: str) -> bool:
        """Whatever follows then: that a thing does not exist, or that a form lacks something."""
        method, path = address.split()
        status, onward = self.asked(address, method, self._filled(path, role), role)
        assert status < 500 or path == "/readyz", (address, role, status)
        return status not in (401, 403) and not onward.startswith("/signin?") and onward != "/signin"

    def asked(self, address: str, method: str, path: str, role: str) -> tuple[int, str]:
        if path.startswith("/api/"):
            path += "?follow=false" if path.endswith("/events") else ""  # a stream that goes on would never be answered
            answer = self.here.request(method, path, headers=self._bearer(role))
        else:
            visitor, form_token = self._visitor(role)
            if method == "GET":
                answer = visitor.open(path).answer
            else:
                answer = visitor.send(path, {**GOOD.get(address, {}), "_csrf_token": form_token}).answer
        return answer.status_code, answer.headers.get("location", "")

    def _filled(self, path: str, role: str) -> str:
        own = (
            path.startswith("/api/v1/people/")
            and "/sessions" not in path
            and "factor" not in path
            and "single" not in path
            and not path.endswith("able")  # who disables themselves is refused whatever they may
        )
        path = path.replace("{handle:str}", WHO.get(role, "ben") if own else "lucia")
        path = path.replace("{incident_id:str}", self.incident).replace("{verb:str}", "approve")
        path = re.sub(r"/updates/\{number:int\}/approve", "/updates/1/withdraw", path)
        path = re.sub(r"(?<=/incidents/)(\w+)/approve$", r"\1/acknowledge", path)
        return re.sub(r"\{[a-z_]+:\w+\}", "x", re.sub(r"\{[a-z_]+:int\}", "1", path))

    def _bearer(self, role: str) -> dict[str, str]:
        if role not in self._tokens:
            rights = access.RIGHTS[AccountRole(role)]
            every = access.EVERY_SCOPE - {"incidents:confidential"} if "*" in rights else rights
            self._tokens[role] = self.here.bearer(*every, name=role, person=WHO[role])
        return self._tokens[role]

    def _visitor(self, role: str) -> tuple[Visitor, str]:
        """Somebody at the console, and the token that our forms carry for their browser."""
        if role not in self._visitors:
            visitor = Visitor(self.here, WHO.get(role))
            self._visitors[role] = visitor, visitor.open("/signin").form("/signin").fields["_csrf_token"][0]
        return self._visitors[role]


def test_every_address_has_its_line_and_no_line_is_left_over(here: Served) -> None:
    assert {one for one in addresses(here) if not one.startswith("ASGI")} == set(LEAST)
    assert set(LEAST.values()) <= set(RANKS)
    assert {*GOOD, *NO_TELLING, *AT_THE_DOOR} <= set(LEAST)


def test_each_role_is_let_in_where_the_table_says_and_nowhere_else(here: Served) -> None:
    ask, wrong = Asker(here), []
    for address, least in sorted(LEAST.items(), key=lambda one: one[0] == "POST /signout"):  # which ends a session
        rank = RANKS.index(least)
        may_not = {STRANGER, RANKS[max(rank - 1, 0)]} if rank else set()
        told = may_not - ({RANKS[rank - 1]} if address in NO_TELLING else set())
        wrong += [f"{role} gets in at {address}" for role in sorted(told) if ask.is_let_in(address, role)]
        if address not in AT_THE_DOOR and not ask.is_let_in(address, least):
            wrong.append(f"{least} is kept out of {address}")
    assert wrong == []


def test_no_verb_of_the_room_does_anything_for_a_viewer(here: Served) -> None:
    ask = Asker(here)
    answers = {verb: ask.asked("", "POST", f"/incidents/{ask.incident}/{verb}", "viewer")[0] for verb in VERBS}
    assert {verb: status for verb, status in answers.items() if status not in (400, 403)} == {}
    assert answers["acknowledge"] == 403
