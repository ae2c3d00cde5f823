"""Whether what a plan has us look at holds together: the addresses of probes, how often, and what counts as trouble."""

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from urllib.parse import urlsplit

from tocsin.kit.text import listed, span
from tocsin.plan import check_bodies, check_words
from tocsin.plan.findings import Finding, empty
from tocsin.plan.services import Service, Vendor
from tocsin.plan.watching import Expects, Probe

WEB = ("http", "https")
PLAIN = ("tcp", "dns", "tls")
HERE = ("127.0.0.1", "::1", "localhost")
NO_PLACE = ("host", "connection", "content-length", "transfer-encoding", "content-type", "accept", "user-agent")
OUT_OF_MOST = 60
LEAST_OFTEN = timedelta(minutes=1)  # a vendor's page belongs to somebody else, and is read by thousands
_OF_A_REPORT = ("status_field", "healthy_values", "components_field", "good_values")


def problems(path: str, probe: Probe) -> Iterator[Finding]:
    if complaint := address(probe.url, (*WEB, *PLAIN)):
        yield Finding(f"{path}.url", complaint)
    else:
        yield from _kind(path, probe)
    if probe.control is not None and (complaint := address(probe.control, WEB)):
        yield Finding(f"{path}.control", complaint)
    yield from empty(f"{path}.paths", probe.paths, 'at least one path; write "" for the address itself')
    for number, one in enumerate(probe.paths, start=1):
        if one and not one.startswith("/"):
            yield Finding(f"{path}.paths.{number}", f"a path begins with a slash: /{one}")
    yield from _counts(path, probe)
    yield from _token(path, probe)
    if probe.slow_after is not None and probe.slow_after >= probe.timeout:
        message = f"an answer that takes {span(probe.slow_after)} is never seen: the timeout is {span(probe.timeout)}"
        yield Finding(f"{path}.slow_after", message)


def of_vendor(path: str, vendor: Vendor) -> Iterator[Finding]:
    for name, probe in vendor.probes.items():
        here = f"{path}.probes.{name}"
        if name == "status_page":
            yield Finding(here, "the status page is looked at by look_every; call this probe something else")
        yield from problems(here, probe)


def heartbeats(path: str, service: Service) -> Iterator[Finding]:
    for name, one in service.heartbeats.items():
        here = f"{path}.heartbeats.{name}"
        if name in service.probes:
            yield Finding(here, f'a probe is called "{name}" too')
        if one.every < LEAST_OFTEN:
            yield Finding(f"{here}.every", f"at least {span(LEAST_OFTEN)}")


def page(path: str, vendor: Vendor) -> Iterator[Finding]:
    if vendor.look_every is None:
        return
    if vendor.status_page is None:
        yield Finding(f"{path}.look_every", "nobody can look at a status page that is not named; add status_page")
    elif complaint := address(vendor.status_page, WEB):
        yield Finding(f"{path}.status_page", complaint)
    if vendor.look_every < LEAST_OFTEN:
        yield Finding(f"{path}.look_every", f"at least {span(LEAST_OFTEN)}: the page belongs to somebody else")


def _kind(path: str, probe: Probe) -> Iterator[Finding]:
    """What a probe cannot do at an address of its kind."""
    parts = urlsplit(probe.url)
    if parts.scheme == "tcp" and parts.port is None:
        yield Finding(f"{path}.url", "a port is missing; write it like tcp://db.example.org:5432")
    if parts.scheme == "dns" and parts.port is not None:
        yield Finding(f"{path}.url", "a name is looked up without a port; write it like dns://www.example.org")
    if parts.scheme in PLAIN and (parts.path.strip("/") or parts.query):
        yield Finding(f"{path}.url", f"nothing follows the name and the port after {parts.scheme}://")
    if parts.scheme == "tls" and probe.certificate_days is None:
        yield Finding(f"{path}.url", "say in certificate_days how long a certificate must still last")
    if parts.scheme not in ("https", "tls") and probe.certificate_days is not None:
        yield Finding(f"{path}.certificate_days", f"there is no certificate at an address with {parts.scheme}://")
    if parts.scheme in PLAIN:
        unread = f"no health report is read at an address with {parts.scheme}://"
        unread_keys = ("paths", *_OF_A_REPORT, "expects", "schema")
        yield from (Finding(f"{path}.{key}", unread) for key in _given(probe, unread_keys))
        return
    yield from check_bodies.problems(f"{path}.schema", probe.schema)
    if probe.expects is not None:
        unread = "with expects, the answer is not read as a health report; take one of the two out"
        yield from (Finding(f"{path}.{key}", unread) for key in _given(probe, _OF_A_REPORT))
        yield from _expects(f"{path}.expects", probe.expects)


def _given(probe: Probe, keys: tuple[str, ...]) -> list[str]:
    usual = {one.name: one.default for one in fields(Probe)}
    return [key for key in keys if getattr(probe, key) != usual[key]]


def _expects(path: str, expects: Expects) -> Iterator[Finding]:
    yield from empty(f"{path}.status", expects.status, "at least one status that is good, such as 200")
    for number, status in enumerate(expects.status, start=1):
        if not 100 <= status <= 599 or status == 429:
            said = "429 says only that we ask too often" if status == 429 else "from 100 to 599"
            yield Finding(f"{path}.status.{number}", said)
    if expects.says is not None:
        yield from check_words.expression(f"{path}.says", expects.says, of="body")
    for key in ("headers", "json"):
        for name, wanted in getattr(expects, key).items():
            yield from check_words.condition(f"{path}.{key}.{name}", wanted)


def _token(path: str, probe: Probe) -> Iterator[Finding]:
    """A token goes where nobody reads it on the way. Which host it may go to at all, the settings say."""
    if probe.token is None:
        if probe.token_header is not None:
            yield Finding(f"{path}.token_header", "there is no token to stand there; add token")
        return
    parts = urlsplit(probe.url)
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", probe.token):
        yield Finding(f"{path}.token", "the name of a token of the setting TOCSIN_PROBE_TOKENS, never a token itself")
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in HERE):
        yield Finding(f"{path}.token", "a token goes to an address with https:// only")
    if probe.token_header is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,39}", probe.token_header):
        yield Finding(f"{path}.token_header", "the name of a header, such as xi-api-key")
    elif probe.token_header is not None and probe.token_header.lower() in NO_PLACE:
        yield Finding(f"{path}.token_header", f"{probe.token_header} is for the connection itself")


def _counts(path: str, probe: Probe) -> Iterator[Finding]:
    for count in ("failures", "recoveries"):
        if getattr(probe, count) < 1:
            yield Finding(f"{path}.{count}", "at least 1 look")
    if probe.out_of is not None and not probe.failures <= probe.out_of <= OUT_OF_MOST:
        yield Finding(f"{path}.out_of", f"from {probe.failures} (the failures) to {OUT_OF_MOST} looks")
    if probe.certificate_days is not None and not 1 <= probe.certificate_days <= 366:
        yield Finding(f"{path}.certificate_days", "from 1 to 366 days")


def address(url: str, schemes: tuple[str, ...]) -> str | None:
    """Why this is no address to look at, if it is none."""
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port != 0
    except ValueError:
        return f"'{url}' is not an address"
    if parts.scheme not in schemes or not parts.hostname or not port_is_sound:
        return f"'{url}' is not an address that begins with {listed([f'{one}://' for one in schemes], 'or')}"
    if parts.username or parts.password:
        return "a plan is read by everybody and holds no passwords"
    return None
