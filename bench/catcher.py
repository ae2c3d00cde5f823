"""What outlives every kill: a mail server and a receiver of webhooks that write down each page before they answer.

A process of its own: `python -m bench.catcher SMTP_PORT HOOK_PORT JOURNAL SEED`. It takes its time to answer, as real
providers do, so that kills come between a page's arrival and the receipt for it.
"""

import asyncio
import email
import email.policy
import hashlib
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench import installation
from bench.installation import ROOT
from tocsin.kit.clock import SystemClock, to_millis

TITLE = re.compile(r"Outage number (\d+)")
ANSWER = re.compile(r"/a/[A-Za-z0-9_.-]+")
SLOWEST = 0.15  # seconds


class Page(msgspec.Struct, frozen=True):
    """One page, as it arrived: when, where, under which key, about which outage, its link, and a hash of its words."""

    at: int
    to: str
    key: str
    outage: int
    answer: str
    words: str


class Catcher:
    """The name with handle_ is what the mail library calls."""

    def __init__(self, journal: BinaryIO, seed: int) -> None:
        self._journal = journal
        self._random = random.Random(seed)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        body = mail.get_body()
        text = f"{mail['Subject']}\n{body.get_content() if body else ''}"
        await self._take(envelope.rcpt_tos[0], str(mail["Message-ID"]), text)
        return "250 OK"

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.text()
        await self._take(str(request.rel_url), request.headers["webhook-id"], body)
        return web.Response(status=204)

    async def _take(self, to: str, key: str, text: str) -> None:
        outage, answer = TITLE.search(text), ANSWER.search(text)
        if outage and answer:  # what pages nobody is not counted
            at, words = to_millis(SystemClock().now()), hashlib.sha256(text.encode()).hexdigest()
            page = Page(at, to, key, int(outage[1]), answer[0], words)
            self._journal.write(msgspec.json.encode(page) + b"\n")
        await asyncio.sleep(self._random.uniform(0, SLOWEST))


async def _serve(smtp_port: int, hook_port: int, journal: Path, seed: int) -> None:
    with journal.open("ab", buffering=0) as file:  # what is written outlives us, too
        catcher, loop = Catcher(file, seed), asyncio.get_running_loop()
        smtp = await loop.create_server(
            lambda: SMTP(catcher, hostname="catcher.bench", loop=loop), "127.0.0.1", smtp_port
        )
        hooks = web.Application()
        hooks.router.add_post("/{person}", catcher.hook)
        runner = web.AppRunner(hooks, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", hook_port).start()
        print("listening", flush=True)
        await smtp.serve_forever()


@contextmanager
def catching(journal: Path, seed: int) -> Iterator[tuple[int, int]]:
    """A catcher until the block ends; the ports for mail and for webhooks."""
    ports = installation.free_port(), installation.free_port()
    command = [sys.executable, "-m", "bench.catcher", *map(str, ports), str(journal), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the mail catcher did not come up")
            yield ports
        finally:
            process.kill()


def caught(journal: Path, offset: int = 0) -> tuple[list[Page], int]:
    """The pages that arrived after this place in the journal, and the place after them."""
    with journal.open("rb") as file:
        file.seek(offset)
        lines = file.read()
    whole = lines[: lines.rfind(b"\n") + 1]
    return [msgspec.json.decode(line, type=Page) for line in whole.splitlines()], offset + len(whole)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
