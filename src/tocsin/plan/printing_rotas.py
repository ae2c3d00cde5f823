"""Who is on call, as part of the printed plan; and its turns and windows in plain words for anywhere else."""

from collections.abc import Iterator, Sequence

from tocsin.kit.text import listed, span
from tocsin.plan.markdown import Blocks, bullets, code, heading, items, numbered, plain, statement
from tocsin.plan.model import Plan
from tocsin.plan.rotas import HandingOver, Holiday, Layer, Rotation, Window
from tocsin.plan.who import whom


def every(turns: Rotation | Layer) -> str:
    """How long a turn takes: `day`, `7 days`, `12 hours`."""
    count, unit = (turns.days, "day") if turns.hours is None else (turns.hours, "hour")
    return unit if count == 1 else f"{count} {unit}s"


def window(one: Window) -> str:
    """`mon, tue and wed 09:00 to 17:00`."""
    days = listed(one.weekdays) or "every day"
    next_day = " on the next day" if one.ends <= one.begins else ""
    return f"{days} {one.begins:%H:%M} to {one.ends:%H:%M}{next_day}"


def rotations(plan: Plan) -> Blocks:
    if plan.rotations:
        yield "## On call"
    for key, rotation in plan.rotations.items():
        yield from _rotation(plan, key, rotation)


def _rotation(plan: Plan, key: str, rotation: Rotation) -> Blocks:
    path = f"rotations.{key}"
    yield heading(3, plain(rotation.name or key), path)
    yield from bullets(_turns(plan, path, rotation))
    yield "**In order of their turns**"
    yield from numbered((whom(plan, person) for person in rotation.people), f"{path}.people")
    for number, layer in enumerate(rotation.layers, start=1):
        yield from _layer(plan, f"{path}.layers.{number}", layer)
    yield from items("What whoever is on call does", rotation.duties, f"{path}.duties")
    yield from items("What is handed over", rotation.handed_over, f"{path}.handed_over")
    if rotation.handing_over is not None:
        yield from bullets(_handing_over(f"{path}.handing_over", rotation.handing_over))


def _handing_over(path: str, times: HandingOver) -> Iterator[str]:
    opened, written, accepted = (span(one) for one in vars(times).values())
    yield statement(f"The handoff is made ready {opened} before a turn ends.", f"{path}.opened_before")
    yield statement(f"Whoever goes has written it {written} before.", f"{path}.written_before")
    yield statement(f"Whoever comes accepts it within {accepted} of the next turn.", f"{path}.accepted_within")


def _layer(plan: Plan, path: str, layer: Layer) -> Blocks:
    yield heading(4, f"Over that, {plain(layer.name)}", path)
    yield from bullets(_turns(plan, path, layer))
    yield "**In order of their turns**"
    yield from numbered((whom(plan, person) for person in layer.people), f"{path}.people")


def _turns(plan: Plan, path: str, turns: Rotation | Layer) -> Iterator[str]:
    key = "days" if turns.hours is None else "hours"
    yield statement(f"A turn takes {_count(every(turns))}.", f"{path}.{key}")
    if turns.hours is not None:
        yield statement(f"Its {turns.days} days are not used.", f"{path}.days")
    people = "person is" if turns.together == 1 else "people are"
    yield statement(f"In each, {turns.together} {people} on call.", f"{path}.together")
    yield from _clock(path, turns)
    yield from _applies(path, turns)
    for number, holiday in enumerate(turns.holidays, start=1):
        yield statement(_holiday(plan, holiday), f"{path}.holidays.{number}")


def _count(every_: str) -> str:
    return every_ if every_[0].isdigit() else f"1 {every_}"


def _clock(path: str, turns: Rotation | Layer) -> Iterator[str]:
    if turns.handoff is not None:
        yield statement(f"It begins at {turns.handoff:%H:%M} on the wall clock.", f"{path}.handoff")
    if turns.zone is not None:
        yield statement(f"That clock is in the zone {plain(turns.zone)}.", f"{path}.zone")
    if turns.starts_on is not None:
        yield statement(f"Turns are counted from {turns.starts_on.isoformat()}.", f"{path}.starts_on")
    if turns.handoff_on is not None:
        yield statement(f"The first begins on the next {turns.handoff_on} from then.", f"{path}.handoff_on")


def _applies(path: str, turns: Rotation | Layer) -> Iterator[str]:
    for number, one in enumerate(turns.during, start=1):
        yield statement(f"Holds {window(one)}.", f"{path}.during.{number}")
    if isinstance(turns, Layer) and turns.from_on is not None:
        yield statement(f"Holds from the handoff on {turns.from_on.isoformat()}.", f"{path}.from_on")
    if isinstance(turns, Layer) and turns.until_on is not None:
        yield statement(f"Holds until the handoff on {turns.until_on.isoformat()}.", f"{path}.until_on")


def _holiday(plan: Plan, holiday: Holiday) -> str:
    days = listed(one.isoformat() for one in holiday.days)
    name = f"{plain(holiday.name)}: on" if holiday.name else "On"
    if holiday.rotation is None:
        return f"{name} {days} it does not hold."
    return f"{name} {days} {whom(plan, holiday.rotation)} stands in."


def served_by(plan: Plan, path: str, rotation: str | None, team: str | None = None) -> Sequence[str]:
    """Whom `on_call` means where a service or a team is concerned."""
    return [
        *([statement(f"Looked after by {whom(plan, team)}.", f"{path}.team")] if team else []),
        *([statement(f"{code('on_call')} is {whom(plan, rotation)} here.", f"{path}.rotation")] if rotation else []),
    ]
