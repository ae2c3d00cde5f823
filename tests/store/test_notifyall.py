"""Messages through Apprise: in a process that may hang, and can reach nothing of this machine."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import notified
from tests.support.notified import PASSWORD, Notified
from tocsin.delivery import notifyall, outbox
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.notifyall import NotifyAll
from tocsin.kit.clock import stopwatch
from tocsin.kit.errors import Invalid
from tocsin.people import addresses
from tocsin.people.model import Channel

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ANSWER = "https://tocsin.example.org/a/pag_1.sig.0"
PAGE = Message(
    id="msg_7KQ2M4XW9A2B",
    dedup_key="pag_1-0",
    channel="apprise",
    address="json://…7KQ2M4",
    subject="[P1] Stimme hängt 🔥 (#12)",
    body=f"[P1] Stimme hängt 🔥 (#12)\n{ANSWER}\n",
    created_at=NOW,
    send_at=NOW,
    actions={"answer": ANSWER, "room": "https://tocsin.example.org/incidents/i"},
)
Prepare = Callable[[Notified], None]
LONG = timedelta(seconds=20)


def send(
    message: Message = PAGE,
    prepare: Prepare = lambda _: None,
    *,
    allow_private: bool = True,
    within: timedelta = LONG,
    url: str = "",
) -> tuple[Result, Notified]:
    async def story() -> tuple[Result, Notified]:
        async with notified.service() as here:
            prepare(here)
            channel = NotifyAll(within, allow_private=allow_private)
            return await channel.send(replace(message, secret=url or here.url)), here

    return asyncio.run(story())


def refusing(status: int) -> Prepare:
    return lambda service: service.statuses.append(status)


def test_a_page_is_handed_over_with_the_link_that_answers_it() -> None:
    result, service = send()
    assert result == Delivered(provider="apprise")
    (taken,) = service.taken
    assert (taken["title"], taken["message"]) == (PAGE.subject, ANSWER)


def test_what_may_go_through_later_is_told_from_what_never_will() -> None:
    assert send(prepare=refusing(404))[0] == Dead("HTTP 404")
    assert send(prepare=refusing(429))[0] == Retry("HTTP 429")
    assert send(prepare=refusing(503))[0] == Retry("HTTP 503", down=True)
    assert send(url=f"json://ana:{PASSWORD}@127.0.0.1:1/page")[0] == Retry("the service did not take it", down=True)
    assert send(url=f"nothing://{PASSWORD}")[0] == Dead("Apprise can't read the address")


def test_a_service_that_hangs_is_left_in_time_and_its_process_is_ended() -> None:
    def hang(service: Notified) -> None:
        service.hanging = True

    began = stopwatch()
    result, service = send(prepare=hang, within=timedelta(seconds=2))
    assert result == Retry("no answer within 2 s", down=True) and service.asked
    assert stopwatch() - began < 10
    assert not children()


def children() -> list[str]:
    """The processes that this one has begun and that still run."""
    stats = [one.read_text() for one in Path(f"/proc/{os.getpid()}/task").glob("*/children")]
    pids = [pid for one in stats for pid in one.split()]
    known = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    return [text for one in known if one.exists() and "notifychild" in (text := one.read_text())]


def test_one_that_hangs_delays_no_other() -> None:
    async def story() -> tuple[float, Result]:
        async with notified.service() as stuck, notified.service() as well:
            stuck.hanging = True
            channel = NotifyAll(timedelta(seconds=15), allow_private=True)
            hung = [asyncio.create_task(channel.send(replace(PAGE, secret=stuck.url))) for _ in range(4)]
            began = stopwatch()
            result = await channel.send(replace(PAGE, address="json://…OTHER1", secret=well.url))
            took = stopwatch() - began
            for one in hung:
                one.cancel()
            await asyncio.gather(*hung, return_exceptions=True)
            return took, result

    took, result = asyncio.run(story())
    assert isinstance(result, Delivered) and took < 12
    assert outbox.lane_of("apprise", "json://…7KQ2M4") != outbox.lane_of("apprise", "json://…OTHER1")


def test_an_address_inside_is_refused() -> None:
    result, service = send(allow_private=False)
    assert isinstance(result, Dead) and "not public" in result.reason and not service.asked
    result, _ = send(allow_private=False, url=f"json://ana:{PASSWORD}@localhost:8000/page")
    assert isinstance(result, Dead) and "not public" in result.reason


GUARDED = """
import socket, sys
from tocsin.delivery.notifychild import guard
refused = []
sys.addaudithook(guard(refused, allow_private=sys.argv[2] == "yes"))
try:
    exec(sys.argv[1])
except OSError:
    pass
print(refused)
"""


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("open('/etc/passwd')", "files"),
        ("open('/proc/self/environ')", "files"),
        ("open(sys.prefix + '/../pyproject.toml')", "files"),
        ("open(sys.prefix + '/new', 'w')", "files"),
        ("import os; os.system('true')", "programs"),
        ("import subprocess; subprocess.run(['true'])", "programs"),
        ("socket.socket(socket.AF_UNIX).connect('/run/bus')", "not public"),
        ("socket.create_connection(('10.0.0.1', 80), 0.1)", "not public"),
        ("socket.create_connection(('::ffff:127.0.0.1', 80), 0.1)", "not public"),
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 514))", "not public"),
        ("socket.socket().connect(('localhost', 80))", "not public"),
    ],
)
def test_a_plugin_reaches_nothing_of_this_machine(does: str, said: str) -> None:
    assert said in guarded(does)


@pytest.mark.parametrize(
    "does", ["open(sys.prefix + '/pyvenv.cfg')", "import xml.dom.minidom, mimetypes; mimetypes.init()"]
)
def test_what_python_itself_needs_is_there(does: str) -> None:
    assert guarded(does) == "[]"


def guarded(does: str, *, allow_private: bool = False) -> str:
    started = [sys.executable, "-c", GUARDED, does, "yes" if allow_private else "no"]
    return subprocess.run(started, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_the_process_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SLACK_BOT_TOKEN", "xoxb-secret")
    assert not [name for name in notifyall._environment() if name.startswith("TOCSIN_")]


def test_of_the_address_nothing_is_shown_but_its_kind() -> None:
    shown, secret = addresses.checked(Channel.APPRISE, f" tgram://{PASSWORD}/77 ")
    assert shown.startswith("tgram://…") and PASSWORD not in shown and secret == f"tgram://{PASSWORD}/77"


@pytest.mark.parametrize(
    "typed",
    [
        "dbus://",
        "DBus://x",
        "syslog://x",
        "file:///etc/passwd",
        "gnome://x",
        "windows://x",
        "exec://ls",
        "tgram:x",
        "tgram://a b",
        "",
    ],
)
def test_what_reaches_this_machine_and_not_a_person_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        addresses.checked(Channel.APPRISE, typed)


def test_it_is_seen_beforehand_whether_apprise_can_read_an_address() -> None:
    assert notifyall.can_read("json://example.org/x")
    assert not notifyall.can_read("nothing://example.org/x")


def test_a_server_does_not_load_it() -> None:
    program = "import sys, tocsin.main; print('apprise' in sys.modules, 'requests' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False", "False"]


WITHOUT = """
import sys

class Hides:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, *more):
        return None if name.split(".")[0] == "apprise" else self.finder.find_spec(name, *more)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hides(one) for one in sys.meta_path]
from tocsin.app import App
from tocsin.kit.clock import SystemClock
from tocsin.settings import Settings
app = App(Settings(database_url=sys.argv[1]), SystemClock())
try:
    app.check_contact("apprise", "tgram://1/2")
except Exception as why:
    print(why.message)
"""


def test_without_the_extra_it_is_refused_and_named(sqlite_url: str) -> None:
    started = [sys.executable, "-c", WITHOUT, sqlite_url]
    said = subprocess.run(started, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.startswith("apprise needs the extra tocsin[notify-all]. This server has the channels email, ")
