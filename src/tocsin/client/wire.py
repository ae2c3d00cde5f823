"""A client of the API, for programs with threads and for programs with a loop: both send the same requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, TypeVar

import httpx2
import msgspec

from tocsin.client.model import Event
from tocsin.client.requests import Request

T = TypeVar("T")

TIMEOUT = 30.0  # seconds
QUIET = 60.0  # that a stream may be without a word: it says every quarter of a minute that it is there
TRIES = 4
AGAIN = (429, 503)  # the server asks us to come again
STILL_AT_IT = "urn:tocsin:problem:still-at-it"  # what we sent before, and heard nothing of, is being carried out
FIRST_WAIT = 0.5


class Page(Protocol):
    """A part of a list, and where the next one begins."""

    @property
    def next(self) -> str | None: ...


P = TypeVar("P", bound=Page)


class Refused(Exception):
    """The API refused. `problem` is what it said, as RFC 9457 has it."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'refused'}")
        self.status = status
        self.problem = problem


class Moved(Refused):
    """It stands otherwise than the caller read it. `changed` says what happened since."""

    @property
    def changed(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.problem.get("changed", [])
        return found


class _Knows:
    """Where the server is and who asks."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self.etag = ""  # of the last answer, for `if_match`

    def _sent(self, request: Request[Any]) -> dict[str, Any]:
        """What the library for HTTP is given."""
        known: dict[str, Any] = {"method": request.method, "url": self._url + request.path}
        known |= {"params": request.query, "headers": {**self._headers, **request.headers}}
        if request.body is not None:
            known["json"] = msgspec.to_builtins(request.body)
        if request.content is not None:
            known["content"] = request.content.encode()
        return known

    def _heard(self, request: Request[T], answer: httpx2.Response) -> T:
        if not answer.is_success:
            raise _refusal(answer)
        self.etag = answer.headers.get("etag", "")
        return msgspec.json.decode(answer.content, type=request.answer)

    def _streamed(self, since: str | int | None, types: Sequence[str], *, follow: bool) -> dict[str, Any]:
        asked: dict[str, Any] = {"type": list(types), "follow": str(follow).lower()}
        asked |= {"since": str(since)} if since is not None else {}
        timeout = httpx2.Timeout(TIMEOUT, read=QUIET)
        return {"url": f"{self._url}events", "params": asked, "headers": self._headers, "timeout": timeout}


class Tocsin(_Knows):
    """A client for programs with threads. Close it, or use it in a `with`."""

    def __init__(self, url: str, token: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        super().__init__(url, token)
        self._http = httpx2.Client(timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> "Tocsin":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, request: Request[T]) -> T:
        """Send a request, again where the server asks for that or is not there. Raises Refused."""
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                answer = self._http.request(**self._sent(request))
            except httpx2.TransportError:
                if last or not _may_repeat(request):
                    raise
            else:
                if last or not _is_asked_again(answer):
                    return self._heard(request, answer)
            time.sleep(FIRST_WAIT * 2**attempt)
        raise AssertionError("unreachable")

    def pages(self, request: Request[P]) -> Iterator[P]:
        """A list page by page to its end, from the one that the request asks for. Raises Refused."""
        page = self.send(request)
        yield page
        while page.next is not None:
            page = self.send(request.after(page.next))
            yield page

    def events(
        self, *, since: str | int | None = None, types: Sequence[str] = (), follow: bool = True
    ) -> Iterator[Event]:
        """What happens, from a position or an instant on; with `follow=False` until now. Raises Refused."""
        with self._http.stream("GET", **self._streamed(since, types, follow=follow)) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            reading = _Reading()
            for line in answer.iter_lines():
                if (event := reading.line(line)) is not None:
                    yield event


class AsyncTocsin(_Knows):
    """The same for programs with a loop."""

    def __init__(
        self, url: str, token: str, *, transport: httpx2.AsyncBaseTransport | None = None, tries: int = TRIES
    ) -> None:
        super().__init__(url, token)
        self._tries = tries
        self._http = httpx2.AsyncClient(timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> "AsyncTocsin":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request[T]) -> T:
        """Send a request, again where the server asks for that or is not there. Raises Refused."""
        for attempt in range(self._tries):
            last = attempt == self._tries - 1
            try:
                answer = await self._http.request(**self._sent(request))
            except httpx2.TransportError:
                if last or not _may_repeat(request):
                    raise
            else:
                if last or not _is_asked_again(answer):
                    return self._heard(request, answer)
            await asyncio.sleep(FIRST_WAIT * 2**attempt)
        raise AssertionError("unreachable")

    async def pages(self, request: Request[P]) -> AsyncIterator[P]:
        """A list page by page to its end, from the one that the request asks for. Raises Refused."""
        page = await self.send(request)
        yield page
        while page.next is not None:
            page = await self.send(request.after(page.next))
            yield page

    async def events(
        self, *, since: str | int | None = None, types: Sequence[str] = (), follow: bool = True
    ) -> AsyncIterator[Event]:
        """What happens, from a position or an instant on; with `follow=False` until now. Raises Refused."""
        async with self._http.stream("GET", **self._streamed(since, types, follow=follow)) as answer:
            if not answer.is_success:
                await answer.aread()
                raise _refusal(answer)
            reading = _Reading()
            async for line in answer.aiter_lines():
                if (event := reading.line(line)) is not None:
                    yield event


class _Reading:
    """A stream, line by line."""

    def __init__(self) -> None:
        self._position = 0

    def line(self, line: str) -> Event | None:
        if line.startswith("id: "):
            self._position = int(line.removeprefix("id: "))
        if not line.startswith("data: "):
            return None
        event = msgspec.json.decode(line.removeprefix("data: ").encode(), type=Event)
        event.position = self._position
        return event


def _may_repeat(request: Request[Any]) -> bool:
    """Whether sending it twice does it once: by its key, or because it changes nothing, or says what shall be."""
    return request.method in ("GET", "PUT") or "Idempotency-Key" in request.headers or request.path == "signals"


def _is_asked_again(answer: httpx2.Response) -> bool:
    """Whether to come again: the server is busy, or still at what we sent under the same key."""
    return answer.status_code in AGAIN or (answer.status_code == 409 and _problem(answer).get("type") == STILL_AT_IT)


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _refusal(answer: httpx2.Response) -> Refused:
    kind = Moved if answer.status_code == 412 else Refused
    return kind(answer.status_code, _problem(answer))
