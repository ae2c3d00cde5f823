"""Run the whole rehearsal in one event loop: the stand-in for Rose, the mail catcher, and their pages."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from tocsin.kit.clock import Clock
from tocsin.rehearsal.control import Desk, controls, is_loopback
from tocsin.rehearsal.listener import Listener
from tocsin.rehearsal.mailcatcher import MailCatcher
from tocsin.rehearsal.standin import StandIn


@dataclass(frozen=True)
class RehearsalSettings:
    """Where the three listen. Port 0 takes any free port; `ready` is told which."""

    host: str = "127.0.0.1"
    control_port: int = 8800
    rose_port: int = 8801
    smtp_port: int = 8825


@dataclass(frozen=True)
class Addresses:
    """Where the three really listen."""

    control: str
    rose: str
    smtp_host: str
    smtp_port: int

    @property
    def smtp(self) -> str:
        return f"{self.smtp_host}:{self.smtp_port}"


Ready = Callable[[Addresses], None]


def announce(at: Addresses) -> None:
    """Tell a person at a terminal where to look."""
    print(f"Break and mend  {at.control}/\nRose            {at.rose}/api/health\nMails           {at.control}/mails")
    print(f"SMTP            {at.smtp}", flush=True)


async def serve(settings: RehearsalSettings, clock: Clock, stop: asyncio.Event, ready: Ready = announce) -> None:
    """Serve until `stop` is set, then end every connection and give the ports back.

    `ready` is called once, when all three answer. Raises `PortTaken` when another program has one of the ports.
    """
    async with contextlib.AsyncExitStack() as open_things:
        pages = Listener(settings.host, settings.control_port, "control_port")
        open_things.push_async_callback(pages.close)
        stand_in = StandIn(Listener(settings.host, settings.rose_port, "rose_port"), clock)
        open_things.push_async_callback(stand_in.close)
        catcher = MailCatcher(settings.host, settings.smtp_port, "smtp_port", clock)
        open_things.push_async_callback(catcher.close)
        at = Addresses(pages.url, stand_in.url, catcher.host, catcher.port)
        await stand_in.open()
        await catcher.open()
        await pages.open(controls(Desk(stand_in, catcher.mailbox, at.smtp, is_loopback(settings.host))))
        ready(at)
        await stop.wait()
