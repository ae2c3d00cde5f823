"""Our own words for whoever reads from outside, in several languages. What people post stays as they wrote it.

Each package that speaks to the public keeps its own texts, a file for each language in its folder `languages`.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any, get_args

from tocsin.kit.text import listed
from tocsin.plan.publicpage import Language

LANGUAGES: tuple[str, ...] = get_args(Language)
MONTHS = 12


@dataclass(frozen=True)
class Words:
    """One language: `says` a text with its fields filled in, and how it writes days, months and numbers."""

    code: str
    texts: Mapping[str, Any]

    def says(self, key: str, **fields: object) -> str:
        text: str = self.texts[key]
        return text.format(**fields) if fields else text

    def listed(self, names: Iterable[str]) -> str:
        return listed(names, self.texts["and"])

    def counted(self, key: str, count: int, **fields: object) -> str:
        return self.says(f"{key}_{'one' if count == 1 else 'many'}", count=count, **fields)

    def day(self, at: datetime | date) -> str:
        on = _on(at)
        return self.says("day", day=on.day, month=self.texts["months_short"][on.month - 1])

    def month(self, at: datetime | date) -> str:
        on = _on(at)
        name: str = self.texts["months"][on.month - 1]
        return self.says("month", month=name, year=on.year).capitalize()

    def percent(self, number: Decimal) -> str:
        plain = f"{number:f}".rstrip("0").rstrip(".") if number == number.to_integral_value() else f"{number:f}"
        return self.says("percent", number=plain.replace(".", self.texts["decimal"]))

    def when(self, at: datetime, now: datetime) -> str:
        """The time, and the day before it unless it is today."""
        is_today = _on(at) == _on(now)
        return clock(at) if is_today else f"{self.day(at)} {clock(at)}"


def clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M UTC")


def _on(at: datetime | date) -> date:
    return at.astimezone(UTC).date() if isinstance(at, datetime) else at


def catalogues(package: str) -> Mapping[str, Words]:
    """The texts of a package in each language."""
    return {code: _read(package, code) for code in LANGUAGES}


def _read(package: str, code: str) -> Words:
    text = (resources.files(package) / "languages" / f"{code}.toml").read_text(encoding="utf-8")
    return Words(code, tomllib.loads(text))


def preferred(accepted: str, otherwise: str) -> str:
    """The language that a reader's `Accept-Language` asks for most, among those that there are."""
    wanted = sorted(_asked(accepted), key=lambda one: -one[1])
    return next((found for tag, weight in wanted if weight > 0 and (found := _known(tag))), otherwise)


def _asked(accepted: str) -> Sequence[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for part in accepted[:500].split(","):
        tag, _, weight = part.partition(";q=")
        try:
            found.append((tag.strip().lower(), float(weight or 1)))
        except ValueError:
            continue
    return found


def _known(tag: str) -> str | None:
    """The language of a tag: the same, or one of the same tongue."""
    exact = next((code for code in LANGUAGES if code.lower() == tag), None)
    return exact or next((code for code in LANGUAGES if code.lower().split("-")[0] == tag.split("-")[0]), None)
