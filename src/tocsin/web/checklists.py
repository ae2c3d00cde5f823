"""The phases of an incident with the conditions under which each is over, and its checklists. Plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents import phases, words
from tocsin.incidents.model import Incident, Numbered
from tocsin.incidents.work import ItemTicked, Tick
from tocsin.plan.model import Plan
from tocsin.plan.procedure import Exit
from tocsin.web import present
from tocsin.web.present import Choice
from tocsin.web.verbs import TAKE_BACK

EXITS: Mapping[Exit, str] = {
    Exit.DECLARED: "It is declared",
    Exit.ACKNOWLEDGED: "Somebody has answered for it",
    Exit.ROLES_NAMED: "Every role that the severity wants is held",
    Exit.IMPACT_ESTIMATED: "The impact is estimated",
    Exit.FIRST_PUBLIC_UPDATE: "The public has had a first word, if one is owed",
    Exit.MITIGATED: "It is mitigated",
    Exit.STRATEGY_CHOSEN: "The way out is chosen",
    Exit.FIXED: "The fix is out",
    Exit.VERIFIED: "Every check after the fix has passed",
    Exit.RESOLVED: "It is resolved",
    Exit.WATCH_PASSED: "The watch has passed",
    Exit.RECOVERY_CONFIRMED: "The full recovery is confirmed",
    Exit.FINAL_PUBLIC_UPDATE: "The public knows that it is over, if it is owed a word",
    Exit.REVIEW_SCHEDULED: "The post-mortem has a time, if one is required",
    Exit.ACTIONS_DONE: "Everything on its checklist is done",
    Exit.CLOSED: "It is closed",
}
TICKS = (
    Choice(Tick.DONE, "Done"),
    Choice(Tick.NOT_APPLICABLE, "Does not apply"),
    Choice(TAKE_BACK, "Not done after all"),
)


@dataclass(frozen=True)
class Row:
    key: str
    what: str
    mark: str
    word: str
    by: str
    note: str
    is_open: bool


@dataclass(frozen=True)
class Condition:
    what: str
    mark: str
    word: str
    entry: str  # the number of the entry that met it


@dataclass(frozen=True)
class PhaseList:
    name: str
    is_present: bool
    conditions: tuple[Condition, ...]
    rows: tuple[Row, ...]
    tally: str


@dataclass(frozen=True)
class View:
    """`choices` are all items that can be ticked with a note, those of the type and of the present phase first."""

    rows: tuple[Row, ...]
    tally: str
    phases: tuple[PhaseList, ...]
    choices: tuple[Choice, ...]
    ticks: tuple[Choice, ...]


def view(plan: Plan, incident: Incident, entries: Sequence[Numbered], now: datetime) -> View:
    ticked, exits = phases.last_ticks(entries), phases.exits(plan, incident, entries)
    here = phases.present(plan, incident)
    rows = _rows(plan, phases.of_type(plan, incident), ticked, now)
    lists = tuple(
        _phase(plan.phases[key].name, key == here, met, _rows(plan, phases.of_phase(plan, incident, key), ticked, now))
        for key, met in exits.items()
    )
    ordered = [*rows, *(row for one in sorted(lists, key=lambda one: not one.is_present) for row in one.rows)]
    choices = tuple(Choice(row.key, row.what, row.word if not row.is_open else "") for row in ordered)
    return View(rows, _tally(rows), lists, choices, TICKS)


def _phase(name: str, is_present: bool, met: Sequence[phases.Met], rows: tuple[Row, ...]) -> PhaseList:
    conditions = tuple(
        Condition(
            EXITS[one.exit],
            "met" if one.is_met else "open",
            "Met" if one.is_met else "Open",
            str(one.entry) if one.entry else "",
        )
        for one in met
    )
    return PhaseList(name, is_present, conditions, rows, _tally(rows))


def _rows(plan: Plan, items: Sequence[phases.Item], ticked: Mapping[str, ItemTicked], now: datetime) -> tuple[Row, ...]:
    return tuple(_row(plan, one, ticked.get(one.key), now) for one in items)


def _row(plan: Plan, item: phases.Item, tick: ItemTicked | None, now: datetime) -> Row:
    if tick is None:
        return Row(item.key, item.what, "open", "Open", "", "", True)
    mark, word = ("met", "Done") if tick.tick is Tick.DONE else ("waived", "Does not apply")
    by = f"{words.name(plan, tick.by)}, {present.moment(tick.at, now)}"
    return Row(item.key, item.what, mark, word, by, tick.note, False)


def _tally(rows: Sequence[Row]) -> str:
    return f"{sum(not row.is_open for row in rows)} of {len(rows)}"
