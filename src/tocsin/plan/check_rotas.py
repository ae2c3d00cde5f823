"""Whether the rotations of a plan can be computed: people who exist, turns that have a length, days that can come."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from tocsin.plan.findings import Finding, each, empty, nobody, unknown
from tocsin.plan.model import Plan
from tocsin.plan.rotas import Holiday, Layer, Rotation

DAYS_MOST = 366
_HOURS_MOST = 24 * DAYS_MOST
_YEARS = range(1970, 2200)


def check(plan: Plan) -> Iterator[Finding]:
    for key, rotation in plan.rotations.items():
        path = f"rotations.{key}"
        yield from _turns(plan, path, rotation)
        yield from _layers(plan, path, rotation.layers)
        yield from _handing_over(path, rotation)
    yield from _in_circles(plan)
    for key, team in plan.teams.items():
        yield from _known(plan, f"teams.{key}.rotation", team.rotation)
    for key, service in plan.services.items():
        yield from _known(plan, f"services.{key}.rotation", service.rotation)
        yield from unknown(f"services.{key}.team", "team", service.team, plan.teams) if service.team else ()
        yield from each(f"services.{key}.readers", "person or team", service.readers, [*plan.people, *plan.teams])


def _handing_over(path: str, rotation: Rotation) -> Iterator[Finding]:
    times = rotation.handing_over
    if times is None:
        return
    yield from empty(
        f"{path}.handed_over", rotation.handed_over, "name what is handed over, as handing_over asks for it"
    )
    if times.opened_before <= times.written_before:
        message = "a handoff is opened earlier than it has to be written; make this longer than written_before"
        yield Finding(f"{path}.handing_over.opened_before", message)


def _known(plan: Plan, path: str, rotation: str | None) -> Iterator[Finding]:
    return unknown(path, "rotation", rotation, plan.rotations) if rotation is not None else iter(())


def _turns(plan: Plan, path: str, turns: Rotation | Layer) -> Iterator[Finding]:
    yield from nobody(f"{path}.people", turns.people, "nobody takes turns here")
    yield from each(f"{path}.people", "person", turns.people, plan.people)
    yield from _together(path, turns)
    yield from _length(path, turns)
    if turns.starts_on is not None:
        yield from _possible(f"{path}.starts_on", turns.starts_on)
    for number, holiday in enumerate(turns.holidays, start=1):
        yield from _holiday(plan, f"{path}.holidays.{number}", holiday)


def _together(path: str, turns: Rotation | Layer) -> Iterator[Finding]:
    if turns.together < 1:
        yield Finding(f"{path}.together", "at least 1 person in a turn")
    elif turns.people and turns.together > 1 and (twice := _beside_themselves(turns.people, turns.together)):
        message = (
            f"{turns.together} in each turn would put {twice} beside themselves; name more people, or in another order"
        )
        yield Finding(f"{path}.together", message)


def _beside_themselves(people: Sequence[str], together: int) -> str | None:
    """Somebody who would hold two places of one turn."""
    if together > len(people):
        return people[0]
    for begin in range(len(people)):
        turn = [people[(begin + place) % len(people)] for place in range(together)]
        if twice := next((one for one in turn if turn.count(one) > 1), None):
            return twice
    return None


def _length(path: str, turns: Rotation | Layer) -> Iterator[Finding]:
    if not 1 <= turns.days <= DAYS_MOST:
        yield Finding(f"{path}.days", f"a turn takes from 1 to {DAYS_MOST} days, not {turns.days}")
    if turns.hours is not None and not 1 <= turns.hours <= _HOURS_MOST:
        yield Finding(f"{path}.hours", f"a turn takes from 1 to {_HOURS_MOST} hours, not {turns.hours}")
    if turns.handoff_on is not None and (turns.hours is not None or turns.days % 7):
        yield Finding(f"{path}.handoff_on", "turns stay on one weekday only if they take whole weeks: days: 7, 14, …")


def _possible(path: str, day: date) -> Iterator[Finding]:
    if day.year not in _YEARS:
        yield Finding(path, f"{day} is not a day on which anybody is on call")


def _holiday(plan: Plan, path: str, holiday: Holiday) -> Iterator[Finding]:
    yield from empty(f"{path}.days", holiday.days, "a holiday is on at least one day")
    for number, day in enumerate(holiday.days, start=1):
        yield from _possible(f"{path}.days.{number}", day)
    yield from _known(plan, f"{path}.rotation", holiday.rotation)


def _layers(plan: Plan, path: str, layers: Sequence[Layer]) -> Iterator[Finding]:
    names: dict[str, int] = {}
    for number, layer in enumerate(layers, start=1):
        here = f"{path}.layers.{number}"
        yield from empty(f"{here}.name", layer.name, "a layer has a name, by which people know it")
        if layer.name in names:
            yield Finding(f"{here}.name", f'layer {names[layer.name]} is called "{layer.name}" too')
        names.setdefault(layer.name, number)
        yield from _turns(plan, here, layer)
        for key in ("from_on", "until_on"):
            yield from _possible(f"{here}.{key}", day) if (day := getattr(layer, key)) else ()
        if layer.from_on and layer.until_on and layer.until_on <= layer.from_on:
            yield Finding(f"{here}.until_on", f"it ends on {layer.until_on}, and begins only on {layer.from_on}")


def _in_circles(plan: Plan) -> Iterator[Finding]:
    """Rotations that stand in for each other on their holidays without end."""
    for key, rotation in plan.rotations.items():
        for path, name in _stand_ins(f"rotations.{key}", rotation):
            if key in _reached_from(plan, name):
                yield Finding(path, f"{name} comes back to {key} on its own holidays; who would be on call?")


def _stand_ins(path: str, rotation: Rotation) -> Iterator[tuple[str, str]]:
    owners: Iterable[tuple[str, Rotation | Layer]] = [
        (path, rotation),
        *((f"{path}.layers.{number}", layer) for number, layer in enumerate(rotation.layers, start=1)),
    ]
    for here, one in owners:
        for number, holiday in enumerate(one.holidays, start=1):
            if holiday.rotation is not None:
                yield f"{here}.holidays.{number}.rotation", holiday.rotation


def _reached_from(plan: Plan, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in plan.rotations and one not in found:
            found.add(one)
            waiting += [other for _, other in _stand_ins("", plan.rotations[one])]
    return found
