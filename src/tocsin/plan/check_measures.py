"""Whether the numbers and the logs that a plan has us read hold together, and what they are held against."""

import re
from collections.abc import Iterator
from datetime import timedelta

from tocsin.kit.text import span
from tocsin.plan import check_journeys, check_probes, check_words, selectors
from tocsin.plan.findings import Finding, empty
from tocsin.plan.model import Plan
from tocsin.plan.services import Service
from tocsin.plan.watching import Log, Measure, RailwayLog, Reads, Usual

MOST_WORKERS = 64
MOST_TIMES = 1000  # occurrences of a pattern that are counted
KEPT_FOR = timedelta(days=28)  # measures are, so nothing older can be learned from
MOST_READ = 240  # readings in one window, each of which is held in mind
RAILWAY_EVERY = timedelta(seconds=10)  # its smallest paid plan allows a thousand questions an hour
SECRET_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_RAILWAY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_MEANS = "errors and total, error_rate, number, or count with sum or average"


def problems(plan: Plan, path: str, service: Service) -> Iterator[Finding]:
    """What is wrong with the measures of a service, and with what is usual for its probes."""
    for name, one in service.measures.items():
        here = f"{path}.measures.{name}"
        if name in service.probes or name in service.heartbeats:
            yield Finding(here, f'a probe or a heartbeat is called "{name}" too')
        yield from _measure(here, one)
        yield from _usual(plan, f"{here}.usual", one.usual)
    for name, log in service.logs.items():
        here = f"{path}.logs.{name}"
        if any(name in others for others in (service.probes, service.heartbeats, service.measures)):
            yield Finding(here, f'a probe, a heartbeat or a measure is called "{name}" too')
        yield from _log(here, log)
    yield from check_journeys.problems(path, service)
    for name, probe in service.probes.items():
        yield from _usual(plan, f"{path}.probes.{name}.usual", probe.usual)


def _measure(path: str, one: Measure) -> Iterator[Finding]:
    if complaint := check_probes.address(one.url, check_probes.WEB):
        yield Finding(f"{path}.url", complaint)
    yield from _kind(path, one)
    yield from _numbers(path, one)
    for count in ("failures", "recoveries", "least"):
        if getattr(one, count) < 1:
            yield Finding(f"{path}.{count}", "at least 1")
    if not 1 <= one.workers <= MOST_WORKERS:
        yield Finding(f"{path}.workers", f"from 1 to {MOST_WORKERS}")
    if not 2 * one.every <= one.window <= MOST_READ * one.every:
        least, most = span(2 * one.every), span(MOST_READ * one.every)
        yield Finding(f"{path}.window", f"from {least} to {most}, where it is read every {span(one.every)}")


def _log(path: str, one: Log) -> Iterator[Finding]:
    if [one.url, one.sender, one.railway].count(None) != 2:
        yield Finding(path, "a log is read at a url or at railway, or sent to us by a sender; name one of them")
    if one.railway is not None:
        yield from _railway(path, one, one.railway)
    is_file = one.url is not None and one.url.startswith("file:///") and one.url != "file:///"
    if one.url is not None and not is_file and (complaint := check_probes.address(one.url, check_probes.WEB)):
        yield Finding(f"{path}.url", f"{complaint}, or with file:/// and a file")
    yield from empty(f"{path}.patterns", one.patterns, "at least one pattern; without one nothing is looked for")
    for name, pattern in one.patterns.items():
        here = f"{path}.patterns.{name}"
        for key in ("match", "until"):
            written = getattr(pattern, key)
            if written is not None:
                yield from check_words.expression(f"{here}.{key}", written, of="line")
        if not 1 <= pattern.least <= MOST_TIMES:
            yield Finding(f"{here}.least", f"from 1 to {MOST_TIMES}")


def _railway(path: str, log: Log, one: RailwayLog) -> Iterator[Finding]:
    if not _RAILWAY_ID.fullmatch(one.environment):
        yield Finding(
            f"{path}.railway.environment", "the id of an environment, like 8f1d2c3b-0a4e-4c5d-9e6f-7a8b9c0d1e2f"
        )
    if not SECRET_NAME.fullmatch(one.token):
        said = "the name of a token of the setting TOCSIN_RAILWAY_TOKENS: small letters, digits and dashes"
        yield Finding(f"{path}.railway.token", said)
    if log.every < RAILWAY_EVERY:
        yield Finding(f"{path}.every", f"at least {span(RAILWAY_EVERY)} at Railway, which counts how often it is asked")


def _kind(path: str, one: Measure) -> Iterator[Finding]:
    """What is measured: one thing, wholly said."""
    is_mean = bool(one.count or one.sum or one.average)
    kinds = (bool(one.errors or one.total), one.error_rate is not None, one.number is not None, is_mean)
    if kinds.count(True) != 1:
        yield Finding(path, f"a measure has one of these: {_MEANS}")
    elif kinds[0] and not (one.errors and one.total):
        yield Finding(path, "errors are a part of a total; name the counters of both")
    elif is_mean and (one.count is None or (one.sum is None) == (one.average is None)):
        yield Finding(path, "a mean follows from count, and either sum or average")
    if one.reads is Reads.PROMQL and one.counters:
        yield Finding(path, "a query counts by itself; write error_rate or number")
    if one.workers != 1 and not one.counters:
        yield Finding(f"{path}.workers", "only counters are told apart by worker")
    rates = one.error_rate is not None or bool(one.errors)
    for key in ("above", "usual"):
        if rates and getattr(one, key) is not None:
            yield Finding(f"{path}.{key}", "an error rate is held against the bands of the severities alone")
    if not rates and one.above is None and one.usual is None:
        yield Finding(path, "nothing is ever trouble here; write above, or usual")


def _numbers(path: str, one: Measure) -> Iterator[Finding]:
    if one.reads is Reads.PROMQL:
        return
    read = selectors.selector if one.reads is Reads.PROMETHEUS else selectors.keys
    for key in ("errors", "total", "error_rate", "number", "sum", "average", "count"):
        said = getattr(one, key)
        for number, written in enumerate((said,) if isinstance(said, str) else said or (), start=1):
            try:
                read(written)
            except ValueError as why:
                yield Finding(f"{path}.{key}" if isinstance(said, str) else f"{path}.{key}.{number}", str(why))


def _usual(plan: Plan, path: str, usual: Usual | None) -> Iterator[Finding]:
    if usual is None:
        return
    if not any(one.slowdown for one in plan.severities.values()):
        yield Finding(path, "no severity has a band of slowdowns, so nothing would follow")
    if usual.least < 1:
        yield Finding(f"{path}.least", "at least 1 reading")
    if usual.over > KEPT_FOR:
        yield Finding(f"{path}.over", f"at most {span(KEPT_FOR)}: older measures are not kept")
    if usual.within >= usual.over:
        yield Finding(f"{path}.within", f"shorter than {span(usual.over)}, from which it is learned what is usual")
    if usual.within < timedelta(minutes=1):
        yield Finding(f"{path}.within", "at least 1 min")
    if usual.ignore is not None and usual.ignore < 0:
        yield Finding(f"{path}.ignore", "nothing is smaller than no difference; write a number above 0")
