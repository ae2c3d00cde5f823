"""Whether a journey can be walked: its addresses, what it passes on, what it sends along, and what it costs."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import timedelta

from tocsin.kit.text import nearest, span
from tocsin.plan import check_bodies, check_probes, check_words, selectors
from tocsin.plan.findings import Finding, empty
from tocsin.plan.services import Service
from tocsin.plan.watching import Journey, Leg

MOST_FILE = 256 * 1024  # bytes
_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_DAY = timedelta(days=1)


def problems(path: str, service: Service) -> Iterator[Finding]:
    for name, one in service.journeys.items():
        here = f"{path}.journeys.{name}"
        if any(name in others for others in (service.probes, service.heartbeats, service.measures, service.logs)):
            yield Finding(here, f'something else that is looked at is called "{name}" too')
        yield from _journey(here, one)


def _journey(path: str, one: Journey) -> Iterator[Finding]:
    if complaint := check_probes.address(one.url, check_probes.WEB):
        yield Finding(f"{path}.url", complaint)
    for count in ("failures", "recoveries", "per_day"):
        if getattr(one, count) < 1:
            yield Finding(f"{path}.{count}", "at least 1")
    if one.per_day >= 1 and one.every * one.per_day < _DAY:
        often = _DAY // one.every
        yield Finding(f"{path}.every", f"every {span(one.every)} is {often} times a day; per_day allows {one.per_day}")
    if one.slow_after is not None and one.slow_after >= one.timeout * len(one.legs):
        yield Finding(f"{path}.slow_after", f"longer than all of it may take: {span(one.timeout)} for each step")
    yield from empty(f"{path}.legs", one.legs, "at least one step")
    known: list[str] = []
    for number, leg in enumerate(one.legs, start=1):
        yield from _leg(f"{path}.legs.{number}", leg, known)
        known += leg.captures


def _leg(path: str, leg: Leg, known: list[str]) -> Iterator[Finding]:
    if not leg.path.startswith("/"):
        yield Finding(f"{path}.path", f"a path begins with a slash: /{leg.path}")
    if leg.method == "GET" and (leg.form or leg.files):
        yield Finding(f"{path}.method", "a form is sent with POST")
    yield from empty(f"{path}.expect", leg.expect, "at least one status that is good, such as 200")
    if leg.says is not None:
        yield from check_words.expression(f"{path}.says", leg.says)
    yield from check_bodies.problems(f"{path}.schema", leg.schema)
    for key, written in (("path", leg.path), *((f"form.{name}", value) for name, value in leg.form.items())):
        for field in _FIELD.findall(written):
            if field not in known:
                meant = nearest(field, known)
                hint = f'; did you mean "{meant}"?' if meant else ""
                yield Finding(f"{path}.{key}", f'no step before captures "{field}"{hint}')
    yield from _brought(path, leg)


def _brought(path: str, leg: Leg) -> Iterator[Finding]:
    """What is captured, and what is sent along."""
    for name, keys in leg.captures.items():
        if not _FIELD.fullmatch(f"{{{name}}}"):
            yield Finding(f"{path}.captures.{name}", "a name is small letters, digits and _, and begins with a letter")
        try:
            selectors.keys(keys)
        except ValueError as why:
            yield Finding(f"{path}.captures.{name}", str(why))
    for name, file in leg.files.items():
        here = f"{path}.files.{name}"
        try:
            size = len(base64.b64decode("".join(file.base64.split()), validate=True))
        except (binascii.Error, ValueError):
            yield Finding(f"{here}.base64", "this is not base64")
            continue
        if not 0 < size <= MOST_FILE:
            yield Finding(f"{here}.base64", f"a file of 1 to {MOST_FILE} bytes, not {size}")
        if re.search(r'["\\\r\n]', f"{name}{file.name}{file.type}"):
            yield Finding(here, "no quotes and no breaks in the names of a file")
