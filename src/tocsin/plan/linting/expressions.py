"""Regular expressions of a plan that a text could keep searching, while everything else waits for them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tocsin.kit.text import clip
from tocsin.plan import selectors
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan
from tocsin.plan.watching import Expects, Log, Measure, Probe, Reads

ANYTHINGS_MOST = 2  # times that an expression may skip over anything at all
FEW = 10  # times that a group whose own repeats have an end may be repeated

_PLAIN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.S)  # what is escaped, and classes of letters
_REPEAT = re.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_ANYTHING = re.compile(r"\.(?:[*+]|\{\d*,\})")
_SIGNS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_OPENS = re.compile(r"\((?:\?(?:P?<\w+>|<?[=!]|[:>]))?")


@check(
    "expression-without-end",
    Level.WARNING,
    "A regular expression that a text which nearly fits could keep searching for hours.",
    mend="Repeat one letter or class, such as `[a-z.]+`, and no group that is itself repeated or has alternatives; "
    "skip over anything twice at most.",
)
def expression_without_end(plan: Plan) -> Iterator[Remark]:
    for path, written in _written(plan):
        if why := endless(written):
            yield Remark(path, f"'{clip(written, 60)}' {why}")


def endless(written: str) -> str:
    """How an expression could take for ever, or nothing. It is read as it stands: a few that are quick are named too.

    Expressions are tried by going back: each way to divide a text among repeats is gone through before a text is known
    not to fit. With repeats inside of a repeat the ways double with each letter.
    """
    bare = _PLAIN.sub("x", written)
    if len(_ANYTHING.findall(bare)) > ANYTHINGS_MOST:
        return f"skips over anything more than {ANYTHINGS_MOST} times"
    outside: list[_Group] = []
    group, place = _Group(), 0
    while place < len(bare):
        if opens := _OPENS.match(bare, place):
            outside.append(group)
            group, place = _Group(), opens.end()
        elif bare[place] == ")" and outside:
            repeat = _REPEAT.match(bare, place + 1)
            if repeat and group.takes_for_ever(repeat):
                return "repeats a group that is itself repeated or has alternatives"
            group, place = outside.pop().with_inside(group), place + 1
        else:
            found = _REPEAT.match(bare, place)
            group = group.with_alternatives() if bare[place] == "|" else group.with_repeat(found) if found else group
            place = found.end() if found else place + 1
    return ""


@dataclass(frozen=True)
class _Group:
    """What stands between two brackets, as far as one text can be divided among it in several ways."""

    varies: bool = False
    has_no_end: bool = False

    def with_alternatives(self) -> "_Group":
        return _Group(varies=True, has_no_end=self.has_no_end)

    def with_repeat(self, repeat: re.Match[str]) -> "_Group":
        least, most = _times(repeat)
        return _Group(self.varies or least != most, self.has_no_end or most is None)

    def with_inside(self, inner: "_Group") -> "_Group":
        return _Group(self.varies or inner.varies, self.has_no_end or inner.has_no_end)

    def takes_for_ever(self, repeat: re.Match[str]) -> bool:
        _, most = _times(repeat)
        allowed = ANYTHINGS_MOST if self.has_no_end else FEW if self.varies else None
        return allowed is not None and (most is None or most > allowed)


def _times(repeat: re.Match[str]) -> tuple[int, int | None]:
    """How often at least and at most; None: without end."""
    if repeat[0] in _SIGNS:
        return _SIGNS[repeat[0]]
    least, comma, most = repeat.groups()
    if not least and not comma:
        return 1, 1  # `{}` stands for itself
    return int(least or 0), int(most) if most else None if comma else int(least)


# --- Where they stand -------------------------------------------------------------------------------------------------


def _written(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every expression of a plan, by where it stands."""
    for number, rule in enumerate(plan.rules, start=1):
        for name, wanted in rule.when.items():
            yield from _of_words(f"rules.{number}.when.{name}", wanted)
    for key, service in plan.services.items():
        here = f"services.{key}"
        yield from _of_probes(f"{here}.probes", service.probes)
        for name, log in service.logs.items():
            yield from _of_log(f"{here}.logs.{name}", log)
        for name, journey in service.journeys.items():
            legs = enumerate(journey.legs, start=1)
            yield from ((f"{here}.journeys.{name}.legs.{n}.says", leg.says) for n, leg in legs if leg.says is not None)
        for name, measure in service.measures.items():
            yield from _of_measure(f"{here}.measures.{name}", measure)
    for key, vendor in plan.vendors.items():
        yield from _of_probes(f"vendors.{key}.probes", vendor.probes)


def _of_words(path: str, wanted: tuple[str, ...] | str) -> Iterator[tuple[str, str]]:
    words = (wanted,) if isinstance(wanted, str) else wanted
    yield from ((path, one[1:-1]) for one in words if len(one) > 2 and one[0] == one[-1] == "/")


def _of_probes(path: str, probes: Mapping[str, Probe]) -> Iterator[tuple[str, str]]:
    for name, probe in probes.items():
        yield from _of_answer(f"{path}.{name}.expects", probe.expects or Expects())


def _of_answer(path: str, expects: Expects) -> Iterator[tuple[str, str]]:
    if expects.says is not None:
        yield f"{path}.says", expects.says
    for kind, asked in (("headers", expects.headers), ("json", expects.json)):
        for name, words in asked.items():
            yield from _of_words(f"{path}.{kind}.{name}", words)


def _of_log(path: str, log: Log) -> Iterator[tuple[str, str]]:
    for name, pattern in log.patterns.items():
        for key, written in (("match", pattern.match), ("until", pattern.until)):
            if written is not None:
                yield f"{path}.patterns.{name}.{key}", written


def _of_measure(path: str, measure: Measure) -> Iterator[tuple[str, str]]:
    if measure.reads is not Reads.PROMETHEUS:
        return
    for key in ("errors", "total", "error_rate", "number", "sum", "average", "count"):
        said = getattr(measure, key)
        for one in (said,) if isinstance(said, str) else said or ():
            yield from ((f"{path}.{key}", written) for written in selectors.expressions(one))


CHECKS: tuple[Check, ...] = (expression_without_end,)
