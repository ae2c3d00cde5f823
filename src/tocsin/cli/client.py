"""A client of the REST API: one request at a time, and each refusal as the error that it stands for."""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tocsin import settings
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, Refused, TocsinError

if TYPE_CHECKING:
    import ssl

    import httpx2

TIMEOUT = 30.0  # seconds
GLANCE = 2.0  # seconds, for somebody who presses Tab
PROBLEM = "application/problem+json"
QUIET = 60.0  # that a stream may be without a word: it says every quarter of a minute that it is there
MAKE_A_TOKEN = "tocsin token create my-terminal " + " ".join(
    f"--scope {scope}" for scope in ("incidents:read", "incidents:write", "plan:read", "metrics:read", "signals:write")
)

_ERRORS: Mapping[int, type[TocsinError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Refused,
    HTTPStatus.TOO_MANY_REQUESTS: Overloaded,
    HTTPStatus.SERVICE_UNAVAILABLE: Overloaded,
}


class NoToken(Forbidden):
    """TOCSIN_TOKEN is not set: the server does not know who asks."""


class NoSuchToken(Forbidden):
    """TOCSIN_TOKEN holds what no token has: blanks, or letters other than those of ASCII."""


class NoAnswer(Overloaded):
    """The server does not answer."""


class NotTocsin(NotFound):
    """Something answers there, and it is not Tocsin."""


class ServerFailed(TocsinError):
    """The server failed."""


def get(*path: str, **query: object) -> Any:
    """What the API says at a path below /api/v1, given in parts. Questions that are None are not asked."""
    return _decoded(_send("GET", path, query=query))


def glance(*path: str, **query: object) -> Any:
    """The same for somebody who would sooner have no answer than wait for one."""
    return _decoded(_send("GET", path, query=query, timeout=GLANCE))


def whole(member: str, *path: str) -> Any:
    """A list from its first page to its last, as if it had one; it stands under `member`."""
    found = get(*path)
    while found["next"] is not None:
        more = get(*path, cursor=found["next"])
        found = {member: found[member] + more[member], "next": more["next"]}
    return found


def text(*path: str, **query: object) -> str:
    """The same for an answer that is text."""
    return _send("GET", path, query=query).text


def content(*path: str) -> bytes:
    """The same for an answer that is a file."""
    return _send("GET", path).content


def stream(*path: str, **query: object) -> Iterator[tuple[str, str]]:
    """The id and the data of each event that a stream tells, until it ends. Raises NoAnswer where it breaks off."""
    import httpx2

    known = _settings()
    address, about = _address(known, path), {name: one for name, one in query.items() if one is not None}
    try:
        with (
            httpx2.Client(timeout=httpx2.Timeout(TIMEOUT, read=QUIET), **_way(known.api_url)) as http,
            http.stream("GET", address, params=_params(about), headers=_headers(known)) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise _refusal(answer, known.api_url)
            yield from _events(answer.iter_lines())
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise _no_answer(known, error) from None


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    position = ""
    for line in lines:
        if line.startswith("id: "):
            position = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield position, line.removeprefix("data: ")


def address(path: str) -> str:
    """A page of the console."""
    return f"{settings.read(os.environ).api_url}{path}"


def post(*path: str, body: Mapping[str, object] | None = None) -> Any:
    return _decoded(_send("POST", path, body=_said(body or {})))


def put(*path: str, body: Mapping[str, object]) -> Any:
    return _decoded(_send("PUT", path, body=_said(body)))


def delete(*path: str) -> None:
    _send("DELETE", path)


def _said(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _send(
    method: str,
    path: Sequence[str],
    *,
    query: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    timeout: float = TIMEOUT,
) -> "httpx2.Response":
    import httpx2

    known = _settings()
    try:
        with httpx2.Client(timeout=timeout, **_way(known.api_url)) as http:
            answer = http.request(
                method, _address(known, path), params=_params(query or {}), json=body, headers=_headers(known)
            )
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise _no_answer(known, error) from None
    if not answer.is_success:
        raise _refusal(answer, known.api_url)
    return answer


def _settings() -> settings.Settings:
    known = settings.read(os.environ)
    if not known.token:
        raise NoToken(f"{NoToken.__doc__}\nMake a token on the server's machine, and put it there:\n  {MAKE_A_TOKEN}")
    if not known.token.isascii() or any(one.isspace() for one in known.token):
        raise NoSuchToken(f"{NoSuchToken.__doc__}")
    return known


def _address(known: settings.Settings, path: Sequence[str]) -> str:
    return "/".join([known.api_url, "api/v1", *(quote(part, safe="") for part in path)])


def _headers(known: settings.Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {known.token}", "Accept": "application/json, text/*;q=0.9"}


def _params(query: Mapping[str, object]) -> dict[str, str | list[str]]:
    asked = _said(query)
    return {name: [str(one) for one in each] if isinstance(each, list) else str(each) for name, each in asked.items()}


def _way(url: str) -> dict[str, Any]:
    """Whom to trust on the way there. A proxy for the web at large does not lead to this machine itself."""
    return {"trust_env": not _is_here(url), "verify": _trusted(urlsplit(url).scheme)}


def _no_answer(known: settings.Settings, error: Exception) -> NoAnswer:
    """What is told of it: whose certificate is refused looks like a server that is down, and is mended elsewhere."""
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.partition("failed: ")[2].partition(" (_ssl")[0] or "it is not trusted"
        return NoAnswer(
            f"the certificate of {known.api_url} is refused: {why} (TOCSIN_URL; SSL_CERT_FILE names whom to trust)"
        )
    if "SSL" in said:
        return NoAnswer(f"{known.api_url} does not speak TLS as it should; is it http:// there? (TOCSIN_URL)")
    return NoAnswer(f"no answer from {known.api_url}; is the server running? (TOCSIN_URL)")


@functools.cache
def _trusted(scheme: str) -> "ssl.SSLContext":
    """Whom to trust. Reading the machine's certificates takes longer than asking: once, and only if they are needed."""
    import ssl

    import httpx2

    return httpx2.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _decoded(answer: "httpx2.Response") -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        raise NotTocsin(f"{answer.url} does not answer as Tocsin does (TOCSIN_URL)") from None


def _refusal(answer: "httpx2.Response", url: str) -> TocsinError:
    """What the server refused, with every reason that it gave."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    is_ours = PROBLEM in answer.headers.get("content-type", "")
    if not isinstance(problem, dict) or not (is_ours or answer.status_code >= 500):  # a proxy may say those
        return NotTocsin(f"{url} does not answer as Tocsin does: HTTP {answer.status_code} (TOCSIN_URL)")
    kind = _ERRORS.get(answer.status_code, Invalid if answer.status_code < 500 else ServerFailed)
    said = str(problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}")
    mistakes = [one for one in problem.get("errors") or () if isinstance(one, dict)]
    reasons = [reason for one in mistakes if (reason := _reason(one)) not in said and one.get("detail") != said]
    return kind("\n".join([said, *(f"  {reason}" for reason in reasons)]))


def _reason(mistake: Mapping[str, object]) -> str:
    """One mistake and its place: a pointer into what was sent, a parameter of the address, or a line of a file."""
    place = mistake.get("pointer") or mistake.get("parameter") or mistake.get("path")
    if not place and mistake.get("line"):
        place = f"line {mistake['line']}"
    said = str(mistake.get("detail", ""))
    return f"{str(place).removeprefix('#/')}: {said}" if place else said
