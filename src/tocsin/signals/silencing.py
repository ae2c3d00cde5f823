"""Silences and maintenance windows: which signals are held back, until when, and what that could hide.

Both are the same thing. A silence names signals by matchers, a maintenance window by the service, or the components of
one, that are worked on; a window is told to the public besides. Whatever is in doubt is not held back.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from tocsin.kit.errors import Invalid
from tocsin.kit.text import utc
from tocsin.plan.model import Plan, Rule
from tocsin.signals.model import Arrival
from tocsin.signals.routing import Route, Unrouted, is_one_of, words_of

LONGEST = timedelta(days=90)
MATCHERS_MOST = 20
NAME_MOST = 200
VALUE_MOST = 1000
EXPRESSION_MOST = 200
REPEATS_MOST = 3  # in one expression
LOOKED_INTO = 256  # characters of a value that an expression is asked of

_ESCAPED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.S)
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")
_WRITTEN = re.compile(r"\s*(?P<name>[^=!~\s]+)\s*(?P<means>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.S)


class BadMatcher(Invalid):
    """This is no matcher; write it like alertname=DiskFull, team!=web, host=~db.* or host!~test.*"""


class BadSpan(Invalid):
    """A silence ends after it starts, and in time."""


class Means(StrEnum):
    """How a matcher compares, in the signs that Alertmanager uses."""

    IS = "="
    IS_NOT = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True)
class Matcher:
    """Asks one thing of a signal that rules may ask about too. A signal without it has it empty."""

    name: str
    means: Means
    value: str

    def holds(self, words: Mapping[str, str]) -> bool:
        return self.holds_for(words.get(self.name, ""))

    def holds_for(self, word: str) -> bool:
        match self.means:
            case Means.IS:
                return word == self.value
            case Means.IS_NOT:
                return word != self.value
            case Means.MATCHES:
                return len(word) <= LOOKED_INTO and _expression(self.value).fullmatch(word) is not None
            case Means.MATCHES_NOT:
                return len(word) <= LOOKED_INTO and _expression(self.value).fullmatch(word) is None

    def __str__(self) -> str:
        return f"{self.name}{self.means}{self.value}"


class Phase(StrEnum):
    COMING = "coming"
    ACTIVE = "active"
    PAST = "past"


@dataclass(frozen=True, kw_only=True)
class Silence:
    """`title` and `text` are what the public reads of a maintenance window; a silence by matchers has neither.

    Without `components` a window concerns the whole of its service.
    """

    id: str
    matchers: tuple[Matcher, ...] = ()
    service: str | None = None
    components: tuple[str, ...] = ()
    title: str = ""
    text: str = ""
    starts_at: datetime
    ends_at: datetime
    because: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    extended_at: datetime | None = None  # when it was last made to end later
    extended_by: str | None = None

    @property
    def is_window(self) -> bool:
        return self.service is not None

    @property
    def over_at(self) -> datetime:
        """When it ends, or was ended before that."""
        return self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)

    def phase(self, now: datetime) -> Phase:
        if now >= self.over_at:
            return Phase.PAST
        return Phase.ACTIVE if now >= self.starts_at else Phase.COMING

    @property
    def scope(self) -> str:
        """What it holds back, in words."""
        if self.is_window:
            return (
                f"{self.service}: {', '.join(self.components)}" if self.components else f"the whole of {self.service}"
            )
        return ", ".join(str(one) for one in self.matchers)

    @property
    def called(self) -> str:
        return (
            f"the maintenance \u201c{self.title}\u201d" if self.is_window else f"the silence \u201c{self.because}\u201d"
        )


# ---- Making one ----


def read_matcher(text: str) -> Matcher:
    """Read `alertname=DiskFull`, `team!=web`, `host=~db.*` or `host!~test.*`. Raises BadMatcher."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise BadMatcher(f"'{text[:100]}': {BadMatcher.__doc__}", field="matchers")
    value = found["value"]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return checked(Matcher(found["name"], Means(found["means"]), value))


def checked(matcher: Matcher) -> Matcher:
    """The matcher, if it can be asked of every signal without ever keeping one waiting. Raises BadMatcher."""
    if not matcher.name or len(matcher.name) > NAME_MOST or len(matcher.value) > VALUE_MOST:
        raise BadMatcher(f"'{str(matcher)[:100]}' is too long, or has no name.", field="matchers")
    if matcher.means in (Means.MATCHES, Means.MATCHES_NOT):
        _check_expression(matcher)
    return matcher


def _check_expression(matcher: Matcher) -> None:
    """Expressions that could take for ever are refused: repeated groups, and more than a few repeats."""
    bare = _ESCAPED.sub("x", matcher.value)
    if len(matcher.value) > EXPRESSION_MOST:
        raise BadMatcher(f"{matcher.name}: an expression has {EXPRESSION_MOST} characters at most.", field="matchers")
    if re.search(r"\)\s*[*+{]", bare) or len(_REPEAT.findall(bare)) > REPEATS_MOST:
        said = f"repeats {REPEATS_MOST} times at most, and no group: it must never keep a signal waiting."
        raise BadMatcher(f"{matcher.name}: an expression {said}", field="matchers")
    try:
        _expression(matcher.value)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadMatcher(f"{matcher.name}: '{matcher.value}' is no expression: {error}.", field="matchers") from None


def check(plan: Plan, silence: Silence, now: datetime) -> None:
    """Refuse what would hold back everything, for ever, or what the plan does not know. Raises Invalid."""
    if not silence.because.strip():
        raise Invalid("Say why; it stands beside whatever it holds back.", field="because")
    _check_span(silence, now)
    if silence.is_window:
        _check_window(plan, silence)
    elif len(silence.matchers) > MATCHERS_MOST:
        raise BadMatcher(f"A silence has {MATCHERS_MOST} matchers at most.", field="matchers")
    elif all(one.holds_for("") for one in silence.matchers):
        raise BadMatcher(
            "It would hold back every signal: one matcher at least must ask for a value.", field="matchers"
        )


def _check_span(silence: Silence, now: datetime) -> None:
    if silence.ends_at <= silence.starts_at:
        raise BadSpan("It ends before it starts.", field="ends_at")
    if silence.ends_at <= now:
        raise BadSpan("It would be over already.", field="ends_at")
    if silence.ends_at - silence.starts_at > LONGEST:
        raise BadSpan(
            f"It lasts longer than {LONGEST.days} days; make it shorter, and again if need be.", field="ends_at"
        )


def check_longer(silence: Silence, ends_at: datetime, now: datetime) -> None:
    """Refuse an end that is no later than the present one, or too far away. Raises BadSpan."""
    if ends_at <= silence.ends_at:
        raise BadSpan(
            f"It ends at {utc(silence.ends_at)}; say a later time. To end it sooner, end it.", field="ends_at"
        )
    if ends_at - max(now, silence.starts_at) > LONGEST:
        raise BadSpan(f"That is more than {LONGEST.days} days from now; extend it again if need be.", field="ends_at")


def _check_window(plan: Plan, silence: Silence) -> None:
    service = plan.services.get(silence.service or "")
    if service is None:
        raise Invalid(
            f"The plan has no service '{silence.service}'; there are {', '.join(plan.services)}.", field="service"
        )
    if not silence.title.strip():
        raise Invalid("Give it a title; the public reads it.", field="title")
    if unknown := [one for one in silence.components if one not in service.components]:
        there = f"there are {', '.join(service.components)}" if service.components else "it has none at all"
        raise Invalid(f"{service.name} has no component '{unknown[0]}'; {there}.", field="components")


# ---- Asking them ----


def holding(silences: Iterable[Silence], arrival: Arrival, route: Route | Unrouted, now: datetime) -> Silence | None:
    """The silence that holds this signal back now; of several, the one that ends last."""
    active = [one for one in silences if one.phase(now) is Phase.ACTIVE]
    if not active:  # as nearly always: every signal asks this
        return None
    words = words_of(arrival)
    found = [one for one in active if covers(one, words, route)]
    return max(found, key=lambda one: (one.over_at, one.id), default=None)


def held_back(silence: Silence) -> str:
    """What is said of whatever it holds back."""
    return f"Held back by {silence.called} until {utc(silence.over_at)}."


def covers(silence: Silence, words: Mapping[str, str], route: Route | Unrouted) -> bool:
    """Whether a signal with these words is meant, whenever the silence is."""
    if not silence.is_window:
        return all(one.holds(words) for one in silence.matchers)
    service, named = (route.service, route.components) if isinstance(route, Route) else (words.get("service"), ())
    if service != silence.service or not silence.components:
        return service == silence.service
    concerned = set(named) or _parts(words)
    return bool(concerned) and concerned <= set(silence.components)


def _parts(words: Mapping[str, str]) -> set[str]:
    said = f"{words.get('components', '')},{words.get('component', '')}"
    return {part.strip() for part in said.split(",") if part.strip()}


def would_hold(plan: Plan, silence: Silence) -> list[Rule]:
    """The rules that make a signal the worst of all, and whose signals this holds back by all that the rules say.

    A rule that asks for nothing that the silence asks for may decide about the same signal all the same: that is seen
    only in the signals themselves.
    """
    worst = next(iter(plan.severities))
    ranked = [one for one in plan.ranked_rules() if one.severity == worst]
    return [one for one in ranked if (_in_window if silence.is_window else _in_silence)(silence, one)]


def _in_window(silence: Silence, rule: Rule) -> bool:
    is_inside = not silence.components or (rule.components and set(rule.components) <= set(silence.components))
    return bool(is_inside) and _meant(rule, Matcher("service", Means.IS, silence.service or ""))


def _in_silence(silence: Silence, rule: Rule) -> bool:
    return all(_meant(rule, one) for one in silence.matchers)


def _meant(rule: Rule, matcher: Matcher) -> bool:
    """Whether a signal that the rule asks for is one that the matcher asks for."""
    asked = rule.when.get(matcher.name) or (rule.service if matcher.name == "service" else None)
    if asked is None:
        return matcher.holds_for("")
    wanted = (asked,) if isinstance(asked, str) else tuple(asked)
    if matcher.means is Means.IS:  # one word alone, of which the rule itself can be asked
        return is_one_of(matcher.value, wanted)
    return any(_may_be(matcher, one) for one in wanted)


def _may_be(matcher: Matcher, wanted: str) -> bool:
    """Whether the matcher may hold for a word that a rule wants: an expression and any value may be any word."""
    is_open = wanted == "*" or (len(wanted) > 2 and wanted[0] == wanted[-1] == "/")
    return is_open or matcher.holds_for(wanted)


@lru_cache(maxsize=512)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)
