"""Whether what people are to do holds together: phases, types, ways out, channels, dependencies and figures."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tocsin.plan import check_probes
from tocsin.plan.findings import Finding, each, empty, unknown
from tocsin.plan.measures import Band, Metric, Moment
from tocsin.plan.model import ON_CALL, Channels, IncidentType, Phase, Plan
from tocsin.plan.procedure import Action

CHAT_FIELDS: Mapping[str, str] = {
    "date": "the day it was declared, such as 20261124",
    "slug": "the title in small letters and dashes",
    "number": "its number",
    "severity": "the severity in small letters, such as p1",
    "service": "the service's key",
}
"""What the name of a chat channel may ask for between braces."""

CALL_FIELDS: Mapping[str, str] = {
    **CHAT_FIELDS,
    "channel": "the name of the chat channel",
    "token": "sixteen letters and digits of its own, which nobody can guess",
}
"""What the link of a call may ask for."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_CHANNEL = re.compile(r"[a-z0-9_-]*")


def check(plan: Plan) -> Iterator[Finding]:
    for key, phase in plan.phases.items():
        yield from _phase(plan, f"phases.{key}", phase)
    for key, kind in plan.types.items():
        yield from _type(plan, f"types.{key}", kind)
    yield from _channels(plan, "communication.channels", plan.communication.channels)
    yield from _dependencies(plan)
    yield from _bands(plan)
    for key, metric in plan.metrics.items():
        yield from _metric(plan, f"metrics.{key}", metric)


def _levels(plan: Plan, path: str, severities: Iterable[str]) -> Iterator[Finding]:
    yield from each(f"{path}.severities", "severity", severities, plan.severities)


# --- Phases and types -------------------------------------------------------------------------------------------------


def _phase(plan: Plan, path: str, phase: Phase) -> Iterator[Finding]:
    for number, activity in enumerate(phase.actions, start=1):
        here = f"{path}.actions.{number}"
        yield from empty(f"{here}.title", activity.title, "an action without words")
        yield from _levels(plan, here, activity.severities)
        yield from _actions(plan, f"{here}.items", activity.items)
    for number, tool in enumerate(phase.tools, start=1):
        yield from empty(f"{path}.tools.{number}.name", tool.name, "a tool without a name")
    owners = [*plan.roles, ON_CALL]
    for number, telling in enumerate(phase.tells, start=1):
        here = f"{path}.tells.{number}"
        yield from unknown(f"{here}.audience", "audience", telling.audience, plan.communication.audiences)
        yield from unknown(f"{here}.by", "role", telling.by, owners) if telling.by is not None else ()
        yield from _levels(plan, here, telling.severities)


def _type(plan: Plan, path: str, kind: IncidentType) -> Iterator[Finding]:
    yield from empty(f"{path}.symptoms", kind.symptoms, "nobody could tell by what it shows")
    yield from _actions(plan, f"{path}.actions", kind.actions)
    yield from each(f"{path}.readers", "person or team", kind.readers, [*plan.people, *plan.teams])


def _actions(plan: Plan, path: str, actions: Iterable[Action]) -> Iterator[Finding]:
    for number, action in enumerate(actions, start=1):
        yield from empty(f"{path}.{number}", action.do, "an action without words")
        yield from _levels(plan, f"{path}.{number}", action.severities)


# --- Channels ---------------------------------------------------------------------------------------------------------


def _channels(plan: Plan, path: str, channels: Channels) -> Iterator[Finding]:
    if chat := channels.chat:
        yield from _pattern(f"{path}.chat.name", chat.name, CHAT_FIELDS)
        if not _CHANNEL.fullmatch(_FIELD.sub("", chat.name)) or not chat.name:
            yield Finding(f"{path}.chat.name", "a channel's name has small letters, digits, - and _, and fields")
        yield from _levels(plan, f"{path}.chat", chat.severities)
        yield from each(f"{path}.chat.audiences", "audience", chat.audiences, plan.communication.audiences)
    if call := channels.call:
        yield from _pattern(f"{path}.call.link", call.link, CALL_FIELDS)
        yield from _address(f"{path}.call.link", call.link)
        yield from _levels(plan, f"{path}.call", call.severities)
    if channels.status_page is not None:
        yield from _address(f"{path}.status_page", channels.status_page)


def _pattern(path: str, pattern: str, known: Mapping[str, str]) -> Iterator[Finding]:
    for name in dict.fromkeys(_FIELD.findall(pattern)):
        yield from unknown(path, "field", name, known)


def _address(path: str, address: str) -> Iterator[Finding]:
    if not re.match(r"https?://[^/\s]", address):
        yield Finding(path, f"'{address}' is not an address that begins with http:// or https://")


# --- What depends on what ---------------------------------------------------------------------------------------------


def _dependencies(plan: Plan) -> Iterator[Finding]:
    for key, vendor in plan.vendors.items():
        if key in plan.services:
            yield Finding(f"vendors.{key}", f'"{key}" is also one of the services; what depends on which?')
        if vendor.status_page is not None:
            yield from _address(f"vendors.{key}.status_page", vendor.status_page)
        yield from check_probes.page(f"vendors.{key}", vendor)
        yield from check_probes.of_vendor(f"vendors.{key}", vendor)
    known = dict.fromkeys([*plan.services, *plan.vendors])
    for key, service in plan.services.items():
        yield from _needs(f"services.{key}.depends_on", key, service.depends_on, known)
        for part, component in service.components.items():
            path = f"services.{key}.components.{part}.depends_on"
            yield from _needs(path, part, component.depends_on, {**known, **dict.fromkeys(service.components)})


def _needs(path: str, key: str, names: tuple[str, ...], known: Mapping[str, None]) -> Iterator[Finding]:
    yield from each(path, "service or vendor", names, known)
    for number, name in enumerate(names, start=1):
        if name == key:
            yield Finding(f"{path}.{number}", f'"{key}" cannot depend on itself')


# --- Figures ----------------------------------------------------------------------------------------------------------


def _bands(plan: Plan) -> Iterator[Finding]:
    for key, severity in plan.severities.items():
        if severity.error_rate is not None:
            yield from _band(f"severities.{key}.error_rate", "error rate", severity.error_rate)
        if severity.slowdown is not None:
            yield from _band(f"severities.{key}.slowdown", "slowdown", severity.slowdown)


def _band(path: str, what: str, band: Band) -> Iterator[Finding]:
    if band.above is not None and band.at_least is not None:
        yield Finding(path, "above and at_least: one of them says where the band begins")
    if band.below is not None and band.at_most is not None:
        yield Finding(path, "below and at_most: one of them says where the band ends")
    low = band.at_least if band.above is None else band.above
    high = band.at_most if band.below is None else band.below
    if low is None and high is None:
        yield Finding(path, "this band has no border; write above, at_least, below or at_most")
    elif low is not None and high is not None and not (low < high or (low == high and band.holds(low))):
        yield Finding(path, f"no {what} lies in this band")


def _metric(plan: Plan, path: str, metric: Metric) -> Iterator[Finding]:
    spans = metric.since is not None and metric.until is not None
    if spans == (metric.count_by is not None) or (metric.since is None) != (metric.until is None):
        yield Finding(path, "a metric has either since and until, or count_by")
    if metric.since is not None and metric.until is not None:
        order = list(Moment)
        if order.index(metric.since) >= order.index(metric.until):
            yield Finding(f"{path}.until", f"{metric.until} does not come after {metric.since}")
    if metric.count_by is not None and metric.targets:
        yield Finding(f"{path}.targets", "a count has no target in time")
    for severity in metric.targets:
        yield from unknown(f"{path}.targets.{severity}", "severity", severity, plan.severities)
