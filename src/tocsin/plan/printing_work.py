"""The printed plan's part on what people do: phases, types, ways out, channels and figures."""

from collections.abc import Iterable

from tocsin.kit.text import listed, span
from tocsin.plan.markdown import Blocks, address, bullets, code, heading, items, numbered, plain, statement
from tocsin.plan.model import IncidentType, Phase, Plan
from tocsin.plan.procedure import Action, Activity, Effect, Telling, Tool
from tocsin.plan.who import all_whom, at, key_and_name, owner

EFFECTS = {Effect.READS: "it only reads", Effect.CHANGES: "it changes something"}


# --- How the work proceeds --------------------------------------------------------------------------------------------


def phases(plan: Plan) -> Blocks:
    if plan.phases:
        yield "## Phases"
    for key, phase in plan.phases.items():
        yield from _phase(plan, f"phases.{key}", phase)


def _phase(plan: Plan, path: str, phase: Phase) -> Blocks:
    yield heading(3, plain(phase.name), path)
    lines = [statement(f"Begins when the incident is {phase.begins_when}.", f"{path}.begins_when")]
    if phase.within is not None:
        lines.append(statement(f"Over within {span(phase.within)} of the declaration.", f"{path}.within"))
    if phase.triggers:
        lines.append(statement(f"Begun by {listed((code(one) for one in phase.triggers), 'or')}.", f"{path}.triggers"))
    yield from bullets(lines)
    if phase.actions:
        yield "**What is done**"
        yield from bullets(_activities(f"{path}.actions", phase.actions))
    yield from _titled("Who is told", (_telling(plan, one) for one in phase.tells), f"{path}.tells")
    yield from _titled("Tools", map(_tool, phase.tools), f"{path}.tools")
    exits = [
        statement(f"The record shows: {code(one)}", f"{path}.ends_when.{n}") for n, one in enumerate(phase.ends_when, 1)
    ]
    exits += [
        statement(f"A person confirms: {plain(one)}", f"{path}.confirm.{n}") for n, one in enumerate(phase.confirm, 1)
    ]
    if exits:
        yield "**It is over when**"
        yield from bullets(exits)


def _titled(title: str, lines: Iterable[str], path: str) -> Blocks:
    """Markdown line by line under a title, which falls away if there is none."""
    found = [statement(line, f"{path}.{number}") for number, line in enumerate(lines, start=1)]
    if found:
        yield f"**{title}**"
        yield from bullets(found)


def _activities(path: str, activities: Iterable[Activity]) -> Iterable[str]:
    for number, activity in enumerate(activities, start=1):
        here = f"{path}.{number}"
        yield f"{number}. {at(activity.severities)}{plain(activity.title)} {code(here)}"
        for place, action in enumerate(activity.items, start=1):
            yield f"   {statement(_action(action), f'{here}.items.{place}')}"


def _action(action: Action) -> str:
    told = f" ({EFFECTS[action.effect]}: {code(action.effect)})" if action.effect else ""
    return f"{at(action.severities)}{plain(action.do)}{told}"


def _telling(plan: Plan, telling: Telling) -> str:
    audiences = plan.communication.audiences
    audience = audiences.get(telling.audience)
    whom = key_and_name(telling.audience, audience.name) if audience else code(telling.audience)
    by = f", by {owner(plan, telling.by)}" if telling.by else ""
    return f"{at(telling.severities)}{whom}{by}: {plain(telling.what)}"


def _tool(tool: Tool) -> str:
    return f"{plain(tool.name)}: {address(tool.link)}" if tool.link else plain(tool.name)


def types(plan: Plan) -> Blocks:
    yield "## Types of incident"
    for key, kind in plan.types.items():
        yield from _type(plan, f"types.{key}", kind)


def _type(plan: Plan, path: str, kind: IncidentType) -> Blocks:
    shown = "Confidential. Never shown in public." if kind.private else "May be shown in public."
    yield heading(3, plain(kind.name), path)
    yield from bullets(
        [
            *([statement(f"Runbook: {address(kind.runbook)}", f"{path}.runbook")] if kind.runbook else []),
            statement(shown, f"{path}.private"),
            *([statement(f"Also read by {all_whom(plan, kind.readers)}.", f"{path}.readers")] if kind.readers else []),
        ]
    )
    yield from items("How it shows", kind.symptoms, f"{path}.symptoms")
    if kind.actions:
        yield "**First, in this order**"
        yield from numbered(map(_action, kind.actions), f"{path}.actions")


def resolution(plan: Plan) -> Blocks:
    found = plan.resolution
    if found.strategies or found.verification:
        yield "## Ways out"
    if found.strategies:
        yield "**Of these people choose one**"
        yield from bullets(
            statement(
                f"{key_and_name(key, one.name)}{': ' if one.description else ''}{plain(one.description)}",
                f"resolution.strategies.{key}",
            )
            for key, one in found.strategies.items()
        )
    if found.verification:
        yield "**Before it is called resolved, people check**"
        yield from bullets(
            statement(plain(text), f"resolution.verification.{key}") for key, text in found.verification.items()
        )


# --- Where people talk ------------------------------------------------------------------------------------------------


def channels(plan: Plan) -> Blocks:
    found, path = plan.communication.channels, "communication.channels"
    lines = []
    if found.chat:
        lines.append(statement(f"The chat channel is called {code(found.chat.name)}.", f"{path}.chat.name"))
        if found.chat.severities:
            lines.append(statement(_only(found.chat.severities), f"{path}.chat.severities"))
        for place, audience in enumerate(found.chat.audiences, start=1):
            told = f"Updates for {code(audience)} are posted in it and pinned."
            lines.append(statement(told, f"{path}.chat.audiences.{place}"))
    if found.call:
        lines.append(statement(f"The call is at {code(found.call.link)}.", f"{path}.call.link"))
        if found.call.severities:
            lines.append(statement(_only(found.call.severities), f"{path}.call.severities"))
    if found.status_page:
        lines.append(statement(f"The status page is at {address(found.status_page)}.", f"{path}.status_page"))
    if lines:
        yield "### Channels"
        yield from bullets(lines)
    if found.chat:
        yield from items("In the chat channel", found.chat.habits, f"{path}.chat.habits")


def _only(severities: Iterable[str]) -> str:
    return f"There is one at {listed(code(one) for one in severities)} alone."


# --- Figures ----------------------------------------------------------------------------------------------------------


def metrics(plan: Plan) -> Blocks:
    if plan.metrics:
        yield "## Metrics"
    for key, metric in plan.metrics.items():
        path = f"metrics.{key}"
        yield heading(3, plain(metric.name), path)
        lines = [statement(f"For short {plain(metric.short)}.", f"{path}.short")] if metric.short else []
        if metric.meaning:
            lines.append(statement(plain(metric.meaning), f"{path}.meaning"))
        if metric.since and metric.until:
            lines.append(statement(f"Counted from {code(metric.since)}.", f"{path}.since"))
            lines.append(statement(f"Counted until {code(metric.until)}.", f"{path}.until"))
        if metric.count_by:
            lines.append(statement(f"Incidents are counted by {code(metric.count_by)}.", f"{path}.count_by"))
        lines += [
            statement(f"At {plain(level)}: at most {span(within)}.", f"{path}.targets.{level}")
            for level, within in metric.targets.items()
        ]
        yield from bullets(lines)
