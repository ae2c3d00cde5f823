"""Somebody at the console: opens pages, fills in the forms that stand there, and presses their buttons."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import urlencode

import httpx2

from tests.support.served import Served, served
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole

SESSION = "__Host-tocsin_session"  # as a browser keeps it over TLS
PASSWORD = "correct horse battery"
ROLES = {"ana": AccountRole.ADMINISTRATOR, "ben": AccountRole.RESPONDER, "erin": AccountRole.VIEWER}
"""The administrator, the responder and the viewer of every test; the plan names them."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class Forms(HTMLParser):
    """The forms of a page with what stands in their fields, as a browser would send them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._area: str | None = None
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        name = known.get("name", "")
        if tag == "form":
            self.found.append(Form(known.get("action", ""), known.get("method", "get")))
        elif not self.found:
            return
        elif tag == "input" and name:
            ticked = known.get("type") not in ("checkbox", "radio") or "checked" in known
            if ticked:
                self._put(name, known.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self._put(name, "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            chosen = self.found[-1].fields
            if "selected" in known or self._select not in chosen:
                chosen[self._select] = [known.get("value", "")]
        elif tag == "button" and name:
            self.found[-1].buttons.append(f"{name}={known.get('value', '')}")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.found[-1].fields[self._area][-1] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def _put(self, name: str, value: str) -> None:
        self.found[-1].fields.setdefault(name, []).append(value)


@dataclass(frozen=True)
class Page:
    answer: httpx2.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def html(self) -> str:
        return self.answer.text

    @property
    def onward(self) -> str:
        """Where it sends the browser."""
        return self.answer.headers.get("location", "")

    def says(self, text: str) -> bool:
        return text in unescape(self.html)

    def forms(self) -> list[Form]:
        return Forms(self.html).found

    def form(self, action: str) -> Form:
        found = [one for one in self.forms() if one.action.split("#")[0] == action]
        assert found, f"no form for {action}; there is {[one.action for one in self.forms()]}"
        return found[0]


class Visitor:
    """A browser of its own, with its own cookies."""

    def __init__(self, here: Served, handle: str | None = None) -> None:
        self.here = here
        transport = httpx2.ASGITransport(app=cast(Any, here.asgi), client=("192.0.2.7", 4711))
        self.client = httpx2.AsyncClient(transport=transport, base_url="https://tocsin.test")
        if handle is not None:
            secret = here.app.database.run(SYSTEM, lambda tx: sessions.begin(tx, handle))
            self.client.cookies.set(SESSION, secret, domain="tocsin.test", path="/")

    def open(self, path: str, **more: Any) -> Page:
        return Page(self.here.run(self.client.get(path, **more)))

    def send(self, path: str, fields: Mapping[str, Any]) -> Page:
        """Post fields without a page: what a script or another site would do."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return Page(self.here.run(self.client.post(path, content=urlencode(fields, doseq=True), headers=headers)))

    def press(self, page: Page, action: str, **changes: Any) -> Page:
        """Press the button of the form with this action, after typing some fields (`__` stands for a dot)."""
        form = page.form(action)
        typed = {name.replace("__", "."): value for name, value in changes.items()}
        return self.send(action, {**form.fields, **typed})

    def do(self, path: str, action: str, **changes: Any) -> Page:
        return self.press(self.open(path), action, **changes)


def seal_of(page: Page) -> str:
    """What the button carries that says yes to the words above it."""
    return page.html.split('name="confirmed" value="')[1].split('"')[0]


@contextmanager
def console(database_url: str, **settings: Any) -> Iterator[Served]:
    """An installation with an administrator (ana), a responder (ben) and a viewer (erin)."""
    with served(database_url, **settings) as here:
        for handle, role in ROLES.items():
            here.app.database.run(SYSTEM, lambda tx, handle=handle, role=role: _let_in(tx, handle, role))  # type: ignore[misc]
        yield here


def _let_in(tx: Any, handle: str, role: AccountRole) -> None:
    people_commands.invite(tx, handle, name="", email=f"{handle}@rose.example", role=role)


def actor(here: Served, handle: str) -> Actor:
    with here.app.database.read(SYSTEM) as tx:
        return access.person(people.load_person(tx, handle))
