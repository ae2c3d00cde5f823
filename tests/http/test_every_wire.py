"""Whatever a stranger puts on the wire, through the whole server: it is answered, and never by our being broken.

Parsers by themselves are fed in `core/test_every_parser.py`, forms and addresses of pages in `test_odd_requests.py`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.http.test_client import Bridge
from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.assistants.protocol import ABOUT, VERSIONS
from tocsin.cli import mcpserver
from tocsin.client.wire import Tocsin
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands

FUZZED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
LETTERS = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
PIECES = ("bytes=", "0-", "-1", "9" * 40, ",", '"', 'W/"', "*", ";q=", "de-CH", "NaN", "\xff", "%00", "=?base64?")
VALUE = st.lists(st.sampled_from(PIECES) | st.text(LETTERS, max_size=6), max_size=8).map("".join)
HEADERS = (
    *("range", "if-range", "if-match", "if-none-match", "if-modified-since", "accept", "accept-language", "cookie"),
    *("accept-encoding", "last-event-id", "content-type", "content-encoding", "idempotency-key", "authorization"),
    *("x-forwarded-for", "x-forwarded-proto", "host", "origin", "sec-fetch-site", "user-agent", "referer"),
)
PATHS = (
    *("/", "/signin", "/incidents", "/status", "/status/history", "/status/subscribe", "/static/tocsin.css", "/oncall"),
    *("/api/v2/summary.json", "/status/history.atom", "/oncall/badge/on_call.svg", "/live", "/sw.js", "/nowhere"),
)
API = (
    "incidents",
    "plan",
    "oncall/swaps",
    "oncall/overrides",
    "webhooks",
    "subscribers",
    "silences",
    "signals",
    "audit",
)

Ours = tuple[Served, Visitor, dict[str, str], str]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    with console(f"sqlite:///{tmp_path_factory.mktemp('wire') / 'tocsin.db'}") as here:
        with here.app.database.work(SYSTEM) as tx:
            incident = commands.declare(tx, title="It hangs", severity="P1", type="service_outage").id
        rights = ("incidents:read", "incidents:write", "plan:read", "people:write", "audit:read")
        yield here, Visitor(here, "ana"), here.bearer(*rights, person="ana"), incident


def sent(here: Served, method: str, path: str, headers: dict[str, str], **more: Any) -> Any:
    """The answer, of which nothing says that we are broken."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = here.request(method, path, headers=raw, **more)
    assert answer.status_code < 500, (method, path, headers, answer.text)
    assert "Traceback" not in answer.text
    return answer


@FUZZED
@given(path=st.sampled_from(PATHS), headers=st.dictionaries(st.sampled_from(HEADERS), VALUE, max_size=4))
@example(path="/static/tocsin.css", headers={"range": "bytes=9-1", "if-none-match": 'W/"'})
@example(path="/status", headers={"accept-language": "q;q=" + "9" * 5000})
@example(path="/", headers={"cookie": '__Host-tocsin_session="\xff"; =; tocsin_zone=../../etc'})
def test_no_header_breaks_a_page(ours: Ours, path: str, headers: dict[str, str]) -> None:
    sent(ours[0], "GET", path, headers)


@FUZZED
@given(
    path=st.sampled_from(API),
    headers=st.dictionaries(st.sampled_from([one for one in HEADERS if one != "authorization"]), VALUE, max_size=3),
    asked=st.dictionaries(st.sampled_from(["cursor", "limit", "after", "from", "to", "since"]), st.text(max_size=12)),
)
def test_no_header_and_no_cursor_breaks_the_api(
    ours: Ours, path: str, headers: dict[str, str], asked: dict[str, str]
) -> None:
    here, _, bearer, _ = ours
    sent(here, "GET", f"/api/v1/{path}", {**headers, **bearer}, params=asked)


@FUZZED
@given(tag=VALUE, key=VALUE, verb=st.sampled_from(["notes", "roles", "severity", "type"]))
def test_no_condition_breaks_a_change(ours: Ours, tag: str, key: str, verb: str) -> None:
    here, _, bearer, incident = ours
    headers = {**bearer, "if-match": tag, "idempotency-key": key, "content-type": "application/json"}
    sent(here, "POST", f"/api/v1/incidents/{incident}/{verb}", headers, content=b"{}")


@FUZZED
@given(
    begin=st.sampled_from(["/incidents/", "/status/", "/api/v1/incidents/", "/static/", "/a/", "/in/", "/plan/", "/x"]),
    rest=st.lists(
        st.sampled_from(["%00", "%", "%2e%2e", "%2f", "%ff", "%C0%AF", "..", "//", "é", "%u0041", "x"]), max_size=6
    ),
)
def test_no_path_breaks_anything(ours: Ours, begin: str, rest: list[str]) -> None:
    here, _, bearer, _ = ours
    sent(here, "GET", begin + "".join(rest), bearer)


@FUZZED
@given(
    path=st.sampled_from(["/declare", "/signin", "/status/report", "/status/subscribe", "/theme"]),
    kind=st.sampled_from(
        ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary=", "text/x"]
    ),
    body=st.binary(max_size=60)
    | st.sampled_from([b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="a\xff"\r\n\r\n1']),
)
def test_no_body_of_another_kind_breaks_a_form(ours: Ours, path: str, kind: str, body: bytes) -> None:
    here, ana, _, _ = ours
    answer = ana.here.run(ana.client.post(path, content=body, headers={"content-type": kind}))
    assert answer.status_code < 500, answer.text
    sent(here, "POST", path, {"content-type": kind}, content=body)


@pytest.mark.parametrize(
    ("named", "is_taken"),
    [
        *[(one, False) for one in ("", "[", "[::1", "a b", "é", "a/b", "x:y", "x:99999", "@", "a" * 400)],
        *[(one, True) for one in ("tocsin.test", "tocsin.test:8000", "[::1]:8000", "10.0.0.7", "a_b.internal")],
    ],
)
def test_a_host_that_can_be_none_is_refused(ours: Ours, named: str, is_taken: bool) -> None:
    for path in ("/signin", "/api/v1/openapi.json", "/nowhere", "/in/x"):
        answer = sent(ours[0], "GET", path, {"host": named})
        assert is_taken == (not answer.text.startswith("The header Host")), path


# ---- Assistants ------------------------------------------------------------------------------------------------------

ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
METHODS = ("initialize", "ping", "tools/list", "tools/call", "server/discover", "notifications/initialized", "", "é")
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | ODD,
        "id": st.integers() | ODD,
        "method": st.sampled_from(METHODS) | ODD,
        "params": ODD
        | st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["show_incident", "search", "add_note", "declare_incident"]) | ODD,
                "arguments": ODD | st.dictionaries(st.sampled_from(["incident", "text", "title", "query"]), ODD),
                "protocolVersion": ODD,
                "_meta": ODD
                | st.fixed_dictionaries(
                    {f"{ABOUT}protocolVersion": st.sampled_from(VERSIONS) | ODD},
                    optional={f"{ABOUT}clientCapabilities": st.just({}) | ODD},
                ),
            },
        ),
    },
)
LINES = st.one_of(MESSAGE.map(json.dumps), st.text(max_size=30), st.just("[" * 5000), st.binary(max_size=30))


@FUZZED
@given(line=LINES)
@example(line=b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}')
def test_no_line_ends_an_assistant(ours: Ours, line: str | bytes) -> None:
    here, _, bearer, _ = ours
    tocsin = Tocsin("http://tocsin.test", bearer["Authorization"].removeprefix("Bearer "), transport=Bridge(here))
    said = mcpserver.answer(tocsin, line)
    assert said is None or (said["jsonrpc"] == "2.0" and ("error" in said) != ("result" in said))
    content = line if isinstance(line, bytes) else line.encode(errors="replace")
    headers = {**bearer, "content-type": "application/json"}
    sent(here, "POST", "/api/v1/mcp", headers, content=content)


def test_a_line_that_is_no_text_is_refused_and_the_next_is_answered(
    ours: Ours, capsys: pytest.CaptureFixture[str]
) -> None:
    here, _, bearer, _ = ours
    tocsin = Tocsin("http://tocsin.test", bearer["Authorization"].removeprefix("Bearer "), transport=Bridge(here))
    mcpserver.serve(tocsin, [b"\xff\xfe\n", b"\n", b'{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n'])
    refused, answered = map(json.loads, capsys.readouterr().out.splitlines())
    assert refused["error"]["code"] == -32700 and answered == {"jsonrpc": "2.0", "id": 7, "result": {}}
