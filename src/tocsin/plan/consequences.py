"""What follows from a difference between two plans, and the sentences that fit any part of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

from tocsin.kit.text import clip, listed, span
from tocsin.plan.bodies import BodySchema, differing
from tocsin.plan.differences import ABSENT, Difference, Order
from tocsin.plan.model import Plan

PLACES = 3  # of a schema that a sentence names
SHOWN = 60  # letters of a value that a sentence quotes


class Kind(StrEnum):
    """What a consequence is about."""

    DEADLINE = "deadline"
    OBLIGATION = "obligation"
    ON_CALL = "on_call"
    PAGING = "paging"
    ROUTING = "routing"
    PEOPLE = "people"
    WORDS = "words"
    TEMPLATE = "template"
    WATCHING = "watching"
    OTHER = "other"


class Weight(StrEnum):
    LARGE = "large"
    SMALL = "small"


@dataclass(frozen=True)
class Consequence:
    """One thing that a change does. `path` names its place in the plan, as in `severities.P1.acknowledge_within`."""

    kind: Kind
    path: str
    sentence: str
    weight: Weight = Weight.SMALL


@dataclass(frozen=True)
class Said:
    """A consequence that does not know its place yet."""

    kind: Kind
    sentence: str
    is_large: bool = False


@dataclass(frozen=True)
class Pair:
    """The plan before a change and after it."""

    old: Plan
    new: Plan

    def called(self, part: str, key: str) -> str:
        """The name that a role, an audience or a person has in either plan; else its key."""
        for plan in (self.new, self.old):
            known: Mapping[str, object] = plan.communication.audiences if part == "audiences" else getattr(plan, part)
            if key in known:
                return str(getattr(known[key], "name", "") or key)
        return key

    def people(self, handles: object) -> tuple[str, ...]:
        return tuple(self.called("people", one) for one in handles) if isinstance(handles, tuple) else ()


def deadline(subject: str, one: Difference) -> Said:
    """A span in which something must happen: later is large, and so is no span at all."""
    match one.before, one.after:
        case timedelta() as before, timedelta() as after:
            moved = f"{span(abs(after - before))} {'later' if after > before else 'sooner'}"
            sentence = f"{subject} moves from {span(before)} to {span(after)} ({moved})."
            return Said(Kind.DEADLINE, sentence, is_large=after > before)
        case _, timedelta() as after:
            return Said(Kind.DEADLINE, f"{subject} now has a deadline: {span(after)}.")
        case _:
            return Said(Kind.DEADLINE, f"{subject} has no deadline any more.", is_large=True)


def gains_and_losses(kind: Kind, subject: str, before: object, after: object, *, is_large: bool = False) -> Said:
    """What a list gains and loses; its order, if that is all that changed."""
    gained, lost = without(after, before), without(before, after)
    parts = [f"now {listed(gained)} too" if gained else "", f"no longer {listed(lost)}" if lost else ""]
    words = ", and ".join(filter(None, parts)) or f"now {_in_turn(after)}, instead of {_in_turn(before)}"
    return Said(kind, f"{subject}: {words}.", is_large)


def _in_turn(items: object) -> str:
    return listed(map(str, items)) if isinstance(items, tuple) else shown(items)


def without(items: object, others: object) -> list[str]:
    """What stands in one list and not in the other."""
    kept = others if isinstance(others, tuple) else ()
    return [str(one) for one in items if one not in kept] if isinstance(items, tuple) else []


def comes_or_goes(kind: Kind, subject: str, one: Difference, *, matters: bool = False) -> Said:
    """Something as a whole; `matters` if its loss is large."""
    gone = one.after is ABSENT
    return Said(kind, f"{subject} is {'gone' if gone else 'new'}.", is_large=gone and matters)


def order(one: Difference, kind: Kind, subject: str, *, is_large: bool = False) -> Said:
    """The same things, one after the other in another order."""
    names = one.after.names if isinstance(one.after, Order) else ()
    return Said(kind, f"{subject}: {listed(names)}.", is_large)


def in_words(_: Pair, one: Difference) -> Said:
    return replaced(Kind.WORDS, one)


def other(_: Pair, one: Difference) -> Said:
    return replaced(Kind.OTHER, one)


def replaced(kind: Kind, one: Difference) -> Said:
    return change(kind, f"The plan's {'.'.join(one.path)}", one)


def change(kind: Kind, subject: str, one: Difference) -> Said:
    """Whatever was put in another's place, quoted as far as it is short."""
    if one.before is ABSENT or one.after is ABSENT:
        return comes_or_goes(kind, subject, one)
    if isinstance(one.before, Order):
        return order(one, kind, f"{subject} is in another order")
    if isinstance(one.before, tuple) and isinstance(one.after, tuple):
        return gains_and_losses(kind, subject, tuple(map(shown, one.before)), tuple(map(shown, one.after)))
    before, after = shown(one.before), shown(one.after)
    if max(len(before), len(after)) > SHOWN:
        return Said(kind, f"{subject} is worded anew.")
    return Said(kind, f"{subject} becomes {after} instead of {before}.")


def told_apart(before: object, after: object) -> tuple[str, str]:
    """Two values as the file would spell them; of two long texts, the words in which they differ, and of two schemas
    the places."""
    if isinstance(before, BodySchema) and isinstance(after, BodySchema):
        places = differing(before, after)
        more = [f"in {len(places) - PLACES} places more"] if len(places) > PLACES else []
        return "", listed([*(clip(one, SHOWN) for one in places[:PLACES]), *more])
    if not (isinstance(before, str) and isinstance(after, str)) or max(len(before), len(after)) <= SHOWN:
        return shown(before), shown(after)
    one, other = before.split(), after.split()
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - 1)  # a word that both have says where it is
    lead = "… " if start else ""
    return shown(lead + " ".join(one[start:])), shown(lead + " ".join(other[start:]))


def shown(value: object) -> str:
    """A value as the file would spell it; text in quotes."""
    match value:
        case None | "" | ():
            return "nothing"
        case bool():
            return "true" if value else "false"
        case timedelta():
            return span(value)
        case time():
            return f"{value:%H:%M}"
        case date():
            return value.isoformat()
        case tuple():
            return listed(map(shown, value), "or")
        case _:
            return f"“{clip(str(value), SHOWN)}”" if isinstance(value, str) else str(value)
