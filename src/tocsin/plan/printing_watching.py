"""What is watched of a service, as part of the printed plan: its probes, measures, logs, journeys and signs of life."""

from collections.abc import Iterable, Mapping

from tocsin.kit.text import listed, span
from tocsin.plan.bodies import BodySchema
from tocsin.plan.markdown import Blocks, address, block, bullets, code, heading, plain, statement
from tocsin.plan.services import Service
from tocsin.plan.watching import Expects, Heartbeat, Journey, Leg, Log, Measure, Pattern, Probe, Usual

_FITS = "Its JSON fits this JSON Schema:"  # which follows the list, whose last item this is


def probes(path: str, found: Mapping[str, Probe]) -> Blocks:
    for name, probe in found.items():
        yield heading(4, f"Probe {plain(name)}", f"{path}.probes.{name}")
        yield from bullets(_probe(f"{path}.probes.{name}", probe))
        yield from _schema(probe.schema)


def watched(path: str, service: Service) -> Blocks:
    yield from probes(path, service.probes)
    for name, measure in service.measures.items():
        yield heading(4, f"Measure {plain(name)}", f"{path}.measures.{name}")
        yield from bullets(_measure(f"{path}.measures.{name}", measure))
    for name, log in service.logs.items():
        here = f"{path}.logs.{name}"
        yield heading(4, f"Log {plain(name)}", here)
        yield from bullets(_log(here, log))
        for key, pattern in log.patterns.items():
            yield heading(4, f"Pattern {plain(key)}", f"{here}.patterns.{key}")
            yield from bullets(_pattern(f"{here}.patterns.{key}", pattern))
    for name, journey in service.journeys.items():
        here = f"{path}.journeys.{name}"
        yield heading(4, f"Journey {plain(name)}", here)
        yield from bullets(_journey(here, journey))
        for number, leg in enumerate(journey.legs, start=1):
            yield heading(4, f"Step {number}: {plain(leg.name)}", f"{here}.legs.{number}")
            yield from bullets(_leg(f"{here}.legs.{number}", leg))
            yield from _schema(leg.schema)
    for name, one in service.heartbeats.items():
        yield heading(4, f"Heartbeat {plain(name)}", f"{path}.heartbeats.{name}")
        yield from bullets(_heartbeat(f"{path}.heartbeats.{name}", one))


def _probe(path: str, probe: Probe) -> Iterable[str]:
    yield statement(f"Looks at {address(probe.url)}", f"{path}.url")
    for number, one in enumerate(probe.paths, start=1):
        yield statement(f"There at {code(one)}" if one else "At the address itself", f"{path}.paths.{number}")
    yield statement(f"Every {span(probe.every)}.", f"{path}.every")
    yield statement(f"Waits {span(probe.timeout)} for an answer.", f"{path}.timeout")
    if probe.slow_after is not None:
        yield statement(f"An answer that takes longer than {span(probe.slow_after)} is slow.", f"{path}.slow_after")
    yield statement(f"Looks in a row that make it trouble: {probe.failures}", f"{path}.failures")
    if probe.out_of is not None:
        yield statement(f"They need not be in a row, but among the last {probe.out_of}.", f"{path}.out_of")
    yield statement(f"Good looks in a row that end it: {probe.recoveries}", f"{path}.recoveries")
    if probe.certificate_days is not None:
        said = f"A certificate that lasts less than {probe.certificate_days} more days is trouble."
        yield statement(said, f"{path}.certificate_days")
    if probe.control is not None:
        said = f"If nothing is heard of {address(probe.control)} either, our own network is in trouble."
        yield statement(said, f"{path}.control")
    yield from _usual(f"{path}.usual", probe.usual, "s")
    if probe.token is not None:
        yield statement(f"Asks with the token {code(probe.token)} of the settings.", f"{path}.token")
    if probe.token_header is not None:
        yield statement(f"It stands in the header {code(probe.token_header)}.", f"{path}.token_header")
    if probe.expects is not None:
        yield from _expects(f"{path}.expects", probe.expects)
    elif probe.url.startswith("http"):
        yield from _report(path, probe)
    if probe.schema is not None:
        yield statement(_FITS, f"{path}.schema")


def _report(path: str, probe: Probe) -> Iterable[str]:
    yield statement(f"The overall state stands under {code(probe.status_field)}.", f"{path}.status_field")
    yield statement(f"Healthy is {_any_of(probe.healthy_values)}.", f"{path}.healthy_values")
    yield statement(f"The states of components stand under {code(probe.components_field)}.", f"{path}.components_field")
    yield statement(f"Good is {_any_of(probe.good_values)}.", f"{path}.good_values")


def _expects(path: str, expects: Expects) -> Iterable[str]:
    for number, status in enumerate(expects.status, start=1):
        yield statement(f"Good is {status}", f"{path}.status.{number}")
    for name, words in expects.headers.items():
        yield statement(f"The header {code(name)} is {_any_of(words)}", f"{path}.headers.{name}")
    if expects.says is not None:
        yield statement(f"It says {code(expects.says)}", f"{path}.says")
    for place, words in expects.json.items():
        yield statement(f"What stands under {code(place)} is {_any_of(words)}", f"{path}.json.{place}")


def _schema(schema: BodySchema | None) -> Blocks:
    if schema is not None:
        yield block(schema.text)


def _usual(path: str, usual: Usual | None, unit: str) -> Iterable[str]:
    if usual is None:
        return
    yield statement(f"What is usual is the median of the last {span(usual.over)} without incidents.", f"{path}.over")
    yield statement(f"Readings before anything is usual: {usual.least}", f"{path}.least")
    yield statement(f"The median of the last {span(usual.within)} is held against it.", f"{path}.within")
    if usual.ignore is not None:
        yield statement(f"Less than {_amount(f'{usual.ignore:f}', unit)} more is nothing.", f"{path}.ignore")


def _measure(path: str, one: Measure) -> Iterable[str]:
    yield statement(f"Reads numbers at {address(one.url)}", f"{path}.url")
    yield statement(f"They are written as {code(one.reads)}.", f"{path}.reads")
    for number, counter in enumerate(one.errors, start=1):
        yield statement(f"What fails is counted in {code(counter)}", f"{path}.errors.{number}")
    for number, counter in enumerate(one.total, start=1):
        yield statement(f"Everything is counted in {code(counter)}", f"{path}.total.{number}")
    said = {
        "error_rate": "The error rate in per cent",
        "number": "The number",
        "sum": "The sum",
        "average": "The average since the start",
        "count": "The count",
    }
    for key, what in said.items():
        if getattr(one, key) is not None:
            yield statement(f"{what} is {code(getattr(one, key))}", f"{path}.{key}")
    if one.unit:
        yield statement(f"It is measured in {plain(one.unit)}.", f"{path}.unit")
    if one.above is not None:
        yield statement(f"More than {_amount(f'{one.above:f}', one.unit)} is trouble.", f"{path}.above")
    yield from _usual(f"{path}.usual", one.usual, one.unit)
    yield from _rhythm(path, one)


def _rhythm(path: str, one: Measure) -> Iterable[str]:
    yield statement(f"What was counted in the last {span(one.window)} decides.", f"{path}.window")
    yield statement(f"Of fewer than {one.least} nothing is said.", f"{path}.least")
    yield statement(f"Workers that count behind the address: {one.workers}", f"{path}.workers")
    yield statement(f"Every {span(one.every)}.", f"{path}.every")
    yield statement(f"Waits {span(one.timeout)} for an answer.", f"{path}.timeout")
    yield statement(f"Readings in a row that make it trouble: {one.failures}", f"{path}.failures")
    yield statement(f"Good readings in a row that end it: {one.recoveries}", f"{path}.recoveries")


def _log(path: str, one: Log) -> Iterable[str]:
    if one.url is not None:
        yield statement(f"Is read at {address(one.url)}", f"{path}.url")
    if one.sender is not None:
        yield statement(f"Is sent to us by {code(one.sender)}", f"{path}.sender")
    if one.railway is not None:
        yield statement(
            f"Is read at Railway, in the environment {code(one.railway.environment)}", f"{path}.railway.environment"
        )
        yield statement(f"There with the token {code(one.railway.token)}", f"{path}.railway.token")
        if one.railway.filter is not None:
            yield statement(f"Of it what fits {code(one.railway.filter)}", f"{path}.railway.filter")
    yield statement(f"Every {span(one.every)}.", f"{path}.every")
    yield statement(f"Waits {span(one.timeout)} for an answer.", f"{path}.timeout")


def _pattern(path: str, one: Pattern) -> Iterable[str]:
    yield statement(f"Looks for {code(one.match)}", f"{path}.match")
    if one.until is not None:
        yield statement(f"Is over at {code(one.until)}", f"{path}.until")
    yield statement(f"Occurrences that make it trouble: {one.least}", f"{path}.least")
    yield statement(f"They come within {span(one.within)}; without another for so long it is over.", f"{path}.within")
    if one.title is not None:
        yield statement(f"Is called {plain(one.title)}", f"{path}.title")
    for name, value in one.labels.items():
        yield statement(f"Has the label {code(name)}: {code(value)}", f"{path}.labels.{name}")


def _journey(path: str, one: Journey) -> Iterable[str]:
    yield statement(f"Is walked at {address(one.url)}", f"{path}.url")
    yield statement(f"Every {span(one.every)}.", f"{path}.every")
    yield statement(f"Times a day at most: {one.per_day}", f"{path}.per_day")
    yield statement(f"Waits {span(one.timeout)} for each answer.", f"{path}.timeout")
    if one.slow_after is not None:
        yield statement(f"A walk that takes longer than {span(one.slow_after)} is slow.", f"{path}.slow_after")
    yield statement(f"Walks in a row that make it trouble: {one.failures}", f"{path}.failures")
    yield statement(f"Good walks in a row that end it: {one.recoveries}", f"{path}.recoveries")


def _leg(path: str, one: Leg) -> Iterable[str]:
    yield statement(f"Is asked with {code(one.method)}", f"{path}.method")
    yield statement(f"At {code(one.path)}", f"{path}.path")
    for name, value in one.form.items():
        yield statement(f"With {code(name)}: {code(value)}", f"{path}.form.{name}")
    for name, file in one.files.items():
        here = f"{path}.files.{name}"
        yield statement(f"With the file {code(file.name)} as {code(name)}", f"{here}.name")
        yield statement(f"It is {code(file.type)}", f"{here}.type")
        yield statement(f"It holds {code(file.base64)}", f"{here}.base64")
    for number, status in enumerate(one.expect, start=1):
        yield statement(f"Good is {status}", f"{path}.expect.{number}")
    if one.says is not None:
        yield statement(f"It says {code(one.says)}", f"{path}.says")
    for name, keys in one.captures.items():
        yield statement(f"What stands under {code(keys)} is passed on as {code(name)}", f"{path}.captures.{name}")
    if one.schema is not None:
        yield statement(_FITS, f"{path}.schema")


def _amount(number: str, unit: str) -> str:
    return f"{number} {plain(unit)}" if unit else number


def _heartbeat(path: str, one: Heartbeat) -> Iterable[str]:
    yield statement(f"Comes every {span(one.every)}.", f"{path}.every")
    yield statement(f"Is missed {span(one.grace)} after it should have come.", f"{path}.grace")
    if one.runs_within is not None:
        yield statement(f"A run that says when it begins ends within {span(one.runs_within)}.", f"{path}.runs_within")


def _any_of(words: Iterable[str]) -> str:
    return listed((code(word) for word in words), "or") or "nothing"
