"""An answer leaves in one piece, and a long one does not pile up."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tocsin.kit import joining
from tocsin.kit.joining import AT_ONCE, BODY_SILENT_FOR, BODY_WITHIN, HEAD_WITHIN, MOST_HEAD, WHOLE, JoiningProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: tocsin\r\n\r\n"


class Line(asyncio.Transport):
    """A connection that writes down what is handed to the system, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        assert not self.is_closed, "written after the end"
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def abort(self) -> None:
        self.is_closed = True

    def write_eof(self) -> None:
        """It may still be read."""

    def pause_reading(self) -> None:
        """It reads all the time."""

    def resume_reading(self) -> None:
        """It reads all the time."""

    @property
    def said(self) -> bytes:
        return b"".join(self.pieces)


async def _asked(*parts: bytes, sent: bytes = REQUEST) -> Line:
    """The connection after an answer whose body is said in these parts."""

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
        for place, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": place + 1 < len(parts)})

    size = sum(map(len, parts))
    return await _sent(answer, sent)


async def _sent(app: Any, sent: bytes) -> Line:
    config = uvicorn.Config(app, log_config=None, date_header=False, server_header=False)
    line, state = Line(), ServerState()
    state.default_headers = [(b"date", b"today")]
    protocol = JoiningProtocol(config, state, {})
    protocol.connection_made(line)
    protocol.data_received(sent)
    for _ in range(8):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return line


HEAD = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: %d\r\n\r\n"


def test_head_and_body_are_one_piece() -> None:
    line = asyncio.run(_asked(b"all is ", b"well"))
    assert line.pieces == [HEAD % 11 + b"all is well"]


def test_what_is_long_leaves_before_it_is_whole() -> None:
    parts = [bytes([65 + place]) * (AT_ONCE // 2) for place in range(6)]
    line = asyncio.run(_asked(*parts))
    assert b"".join(line.pieces) == HEAD % sum(map(len, parts)) + b"".join(parts)
    assert len(line.pieces) > 1
    assert max(map(len, line.pieces)) < 2 * AT_ONCE


def test_a_connection_that_ends_says_everything_first() -> None:
    line = asyncio.run(_asked(b"bye", sent=REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))
    assert line.is_closed
    assert b"".join(line.pieces).endswith(b"\r\n\r\nbye")


def test_an_answer_given_whole_is_what_the_server_would_say() -> None:
    async def whole(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        given.append(scope["extensions"][WHOLE](202, b"a: b\r\n", b"done"))
        if not given[-1]:
            await by_parts(scope, receive, send)

    async def by_parts(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"a", b"b"), (b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    post = b"POST / HTTP/1.1\r\nHost: tocsin\r\nContent-Length: 2\r\n\r\nhi"
    last = post.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    for sent in (post, last, post + last, post.replace(b"1.1", b"1.0"), b"HEAD" + post[4:]):
        given: list[bool] = []
        told, expected = asyncio.run(_sent(whole, sent)), asyncio.run(_sent(by_parts, sent))
        assert (b"".join(told.pieces), told.is_closed) == (b"".join(expected.pieces), expected.is_closed)
        assert set(given) == {not sent.startswith(b"HEAD")}


def test_nothing_is_answered_twice() -> None:
    async def twice(scope: Any, _receive: Any, _send: Any) -> None:
        answer = scope["extensions"][WHOLE]
        given.extend((answer(200, b"", b"one"), answer(200, b"", b"two")))

    given: list[bool] = []
    line = asyncio.run(_sent(twice, REQUEST))
    assert given == [True, False]
    assert b"".join(line.pieces).endswith(b"\r\n\r\none")


def test_a_head_without_end_is_refused() -> None:
    async def sent(head: bytes, times: int) -> Line:
        config = uvicorn.Config(_never, log_config=None)
        line, protocol = Line(), JoiningProtocol(config, ServerState(), {})
        protocol.connection_made(line)
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: tocsin\r\n")
        for _ in range(times):
            if not line.is_closed:
                protocol.data_received(head)
        return line

    for head in (b"a" * 1000, b"A: b\r\n" * 200):
        line = asyncio.run(sent(head, MOST_HEAD // 1000 + 1))
        assert line.is_closed
        assert b"".join(line.pieces).startswith(b"HTTP/1.1 431 ")
        assert not asyncio.run(sent(head, 10)).is_closed


async def _never(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("a request was answered whose head is not there yet")


# ---- What is waited for ----

UPLOAD = b"POST / HTTP/1.1\r\nHost: tocsin\r\nContent-Length: 9\r\n\r\n"
LATE = b"HTTP/1.1 408 "


class Wire:
    """Connections to one server that answers when it is let, looked at by a time that the test tells."""

    def __init__(self, *, most: int | None = None, answers: bool = True) -> None:
        self.config = uvicorn.Config(self._answer, log_config=None, interface="asgi3", limit_concurrency=most)
        self.state = ServerState()
        self.now = 1000.0
        self.may_answer = asyncio.Event()
        if answers:
            self.may_answer.set()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a part ", "more_body": True})
        await self.may_answer.wait()
        await send({"type": "http.response.body", "body": b"the rest"})

    def connect(self) -> tuple[Line, JoiningProtocol]:
        line = Line()
        protocol = JoiningProtocol(config=self.config, server_state=self.state, app_state={}, _loop=None)
        protocol.connection_made(line)
        return line, protocol

    async def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += joining.LOOKED_AT_EVERY
            for _ in range(5):
                await asyncio.sleep(0)
            joining.look_at(self.state.connections, self.now)
        for _ in range(5):
            await asyncio.sleep(0)


def test_a_head_that_comes_letter_by_letter_is_not_waited_for() -> None:
    async def story() -> None:
        wire = Wire()
        line, protocol = wire.connect()
        for letter in (b"GET / HT", b"TP/1.1\r\n", b"A: b\r\n"):
            protocol.data_received(letter)
            await wire.wait(HEAD_WITHIN / 3)
        assert not line.is_closing()
        await wire.wait(HEAD_WITHIN)
        assert line.is_closing() and line.said.startswith(LATE)

    asyncio.run(story())


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_who_says_nothing_is_told_nothing(sent: bytes) -> None:
    async def story() -> None:
        wire = Wire()
        line, protocol = wire.connect()
        if sent:
            protocol.data_received(REQUEST)
            await wire.wait(joining.LOOKED_AT_EVERY)
            line.pieces.clear()
            protocol.data_received(sent)  # the server forgets its own timer over these
        await wire.wait(HEAD_WITHIN)
        assert not line.is_closing()
        await wire.wait(HEAD_WITHIN)
        assert line.is_closing() and not line.said

    asyncio.run(story())


def test_a_body_must_go_on_and_come_to_its_end() -> None:
    async def story() -> None:
        wire = Wire()
        (silent, first), (slow, second) = wire.connect(), wire.connect()
        first.data_received(UPLOAD)
        second.data_received(UPLOAD.replace(b"9", b"99"))
        for _ in range(int(BODY_WITHIN / BODY_SILENT_FOR * 2)):
            second.data_received(b"x")
            await wire.wait(BODY_SILENT_FOR / 2)
            assert not slow.is_closing()
        assert silent.is_closing() and silent.said.startswith(LATE)
        await wire.wait(BODY_SILENT_FOR / 2)
        assert slow.is_closing() and slow.said.startswith(LATE)

    asyncio.run(story())


def test_who_has_asked_wholly_waits_as_long_as_they_like() -> None:
    async def story() -> None:
        wire = Wire(answers=False)
        (line, whole), (more, pipelined) = wire.connect(), wire.connect()
        whole.data_received(UPLOAD + b"123456789")
        pipelined.data_received(REQUEST + b"GET / HT")
        await wire.wait(2 * BODY_WITHIN)
        assert not line.is_closing() and not more.is_closing()
        wire.may_answer.set()
        await wire.wait(joining.LOOKED_AT_EVERY)
        assert line.said.count(b"the rest") == 1 and b" 408 " not in line.said

    asyncio.run(story())


def test_beyond_the_bound_there_is_no_room_until_somebody_goes() -> None:
    async def story() -> None:
        wire = Wire(most=2)
        (_, first), (line, second), (third, refused) = wire.connect(), wire.connect(), wire.connect()
        await wire.wait(joining.LOOKED_AT_EVERY)
        assert third.said.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in third.said
        refused.connection_lost(None)
        second.data_received(REQUEST)
        await wire.wait(joining.LOOKED_AT_EVERY)
        assert line.said.startswith(b"HTTP/1.1 200 ")
        first.connection_lost(None)
        assert not (await _said_to_one_more(wire)).startswith(b"HTTP/1.1 503 ")

    asyncio.run(story())


async def _said_to_one_more(wire: Wire) -> bytes:
    line, protocol = wire.connect()
    protocol.data_received(REQUEST)
    await wire.wait(joining.LOOKED_AT_EVERY)
    return line.said


def test_there_is_room_for_what_pages_need() -> None:
    assert 50 <= joining.most_connections() <= joining.MOST_CONNECTIONS
