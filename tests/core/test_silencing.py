"""What a silence holds back, and what it can never do: hold back everything, or keep a signal waiting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import PLAN
from tocsin.kit.errors import Invalid
from tocsin.plan.model import Rule
from tocsin.plan.services import Component, Service
from tocsin.signals import silencing
from tocsin.signals.model import Arrival
from tocsin.signals.routing import route
from tocsin.signals.silencing import LOOKED_INTO, BadMatcher, Matcher, Means, Phase, Silence, read_matcher

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
PARTS = {"voice": Component(name="Voice"), "memory": Component(name="Memory")}
KILN = replace(PLAN, services={"kiln": Service(name="Kiln", components=PARTS), "site": Service(name="Site")})


def silence(*matchers: str, **more: Any) -> Silence:
    about = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=1), "because": "A test"}
    read = tuple(read_matcher(one) for one in matchers)
    return Silence(**{"id": "sil_1", "matchers": read, "made_by": "ana", "made_at": NOW, **about, **more})


def window(*components: str) -> Silence:
    return silence(service="kiln", components=components, title="A move")


def arrival(**labels: str) -> Arrival:
    return Arrival(source="generic", key="k", title="Odd", labels=labels)


def holds(one: Silence, sent: Arrival, *rules: Rule, now: datetime = NOW) -> bool:
    return silencing.holding([one], sent, route(replace(KILN, rules=rules), sent), now) is not None


@pytest.mark.parametrize(
    ("written", "name", "means", "value"),
    [
        ("alertname=DiskFull", "alertname", Means.IS, "DiskFull"),
        (' team != "web" ', "team", Means.IS_NOT, "web"),
        ("host=~db.*", "host", Means.MATCHES, "db.*"),
        ("host!~(test|dev)-.+", "host", Means.MATCHES_NOT, "(test|dev)-.+"),
        ("note=a=b", "note", Means.IS, "a=b"),
        ("empty=", "empty", Means.IS, ""),
    ],
)
def test_a_matcher_is_written_as_alertmanager_writes_it(written: str, name: str, means: Means, value: str) -> None:
    found = read_matcher(written)
    assert found == Matcher(name, means, value)
    assert read_matcher(str(found)) == found


@pytest.mark.parametrize(
    ("text", "word", "is_held"),
    [
        ("a=x", "x", True),
        ("a=x", "X", False),  # in its own case alone
        ("a!=x", "", True),
        ("a!=x", "x", False),
        ("a=~x.*", "xyz", True),
        ("a=~x", "xyz", False),  # the whole of it
        ("a!~x.*", "xyz", False),
        ("a!~x.*", "y", True),
    ],
)
def test_a_matcher_holds(text: str, word: str, is_held: bool) -> None:
    assert read_matcher(text).holds({"a": word} if word else {}) is is_held


@pytest.mark.parametrize(
    "text",
    ["", "=x", "alertname", "a=~(x", "a=~(x+)+y", "a=~(a|b)*", "a=~.*a.*b.*c.*", f"a=~{'x' * 201}", "a=~x{9,}{2}"],
)
def test_what_is_no_matcher_or_could_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(BadMatcher) as refused:
        read_matcher(text)
    assert refused.value.field == "matchers"


def test_brackets_and_escapes_are_no_repeats() -> None:
    assert read_matcher(r"a=~[)*+]+\(\)\*").holds({"a": "+()*"})


@given(st.text(min_size=LOOKED_INTO + 1, max_size=LOOKED_INTO + 50))
def test_a_value_too_long_for_an_expression_is_not_held_back(word: str) -> None:
    assert not read_matcher("a=~.*").holds({"a": word})
    assert not read_matcher("a!~x").holds({"a": word})


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"])), st.data())
def test_what_a_checked_silence_holds_back_has_something_that_it_asks_for(labels: dict[str, str], data: Any) -> None:
    texts = st.sampled_from(["a=x", "b=~y|x", "c!=x", "a!~y", "b=", "c=~.*"])
    one = silence(*data.draw(st.lists(texts, min_size=1, max_size=3)))
    try:
        silencing.check(KILN, one, NOW)
    except Invalid:
        assert all(matcher.holds_for("") for matcher in one.matchers)
        return
    if holds(one, arrival(**labels)):
        assert any(labels.get(matcher.name) for matcher in one.matchers)


def test_it_holds_back_from_its_start_until_its_end_and_not_then() -> None:
    one, sent = silence("team=a"), arrival(team="a")
    for seconds, is_held in ((-1, False), (0, True), (3599, True), (3600, False)):
        assert holds(one, sent, now=NOW + timedelta(seconds=seconds)) is is_held
    ended = replace(one, ended_at=NOW + timedelta(minutes=1), ended_by="ben")
    assert not holds(ended, sent, now=NOW + timedelta(minutes=1))
    assert [one.phase(NOW + timedelta(hours=hours)) for hours in (-1, 0, 1)] == [Phase.COMING, Phase.ACTIVE, Phase.PAST]


def test_a_window_holds_back_its_service_by_the_rule_or_by_what_the_signal_says() -> None:
    by_rule = Rule(name="r", when={"team": "a"}, type="outage", severity="P1", service="kiln")
    assert holds(window(), arrival(team="a"), by_rule)
    assert holds(window(), arrival(service="kiln"))
    assert not holds(window(), arrival(service="site"))
    assert not holds(window(), arrival())
    other = replace(by_rule, service="site")
    assert not holds(window(), arrival(team="a", service="kiln"), other)


def test_a_window_over_components_lets_through_what_concerns_more_or_says_nothing() -> None:
    assert holds(window("voice"), arrival(service="kiln", component="voice"))
    assert holds(window("voice", "memory"), arrival(service="kiln", components="voice, memory"))
    assert not holds(window("voice"), arrival(service="kiln", components="voice,memory"))
    assert not holds(window("voice"), arrival(service="kiln"))
    wide = Rule(name="r", when={}, type="outage", severity="P1", components=("voice", "memory"))
    assert not holds(window("voice"), arrival(service="kiln", component="voice"), wide)


def test_a_window_is_of_the_plan_and_says_something_to_the_public() -> None:
    silencing.check(KILN, window("voice"), NOW)
    for bad, field in (
        (replace(window(), service="oven"), "service"),
        (window("lid"), "components"),
        (replace(window(), title=" "), "title"),
        (silence(*[f"a{number}=x" for number in range(21)]), "matchers"),
        (silence(), "matchers"),
    ):
        with pytest.raises(Invalid) as refused:
            silencing.check(KILN, bad, NOW)
        assert refused.value.field == field


RULES = (
    Rule(
        name="by team", when={"team": ("A", "b")}, type="outage", severity="P0", service="kiln", components=("voice",)
    ),
    Rule(name="any", when={"text": "*"}, type="outage", severity="P0"),
    Rule(name="spelled", when={"text": "/x/"}, type="outage", severity="P0"),
    Rule(name="mild", when={"team": "a"}, type="outage", severity="P1"),
)


@pytest.mark.parametrize(
    ("matchers", "named"),
    [
        (["team=a"], ["by team"]),
        (["team=c"], []),
        (["team=~a|b"], ["by team"]),
        (["team!=c"], ["by team", "any", "spelled"]),
        (["team=a", "env=prod"], []),
        (["text=y"], ["any"]),  # what an expression is asked of one word is known
        (["text=axe"], ["any", "spelled"]),
        (["service=kiln"], ["by team"]),
    ],
)
def test_the_worst_that_a_silence_holds_back_is_known_by_the_rules(matchers: list[str], named: list[str]) -> None:
    found = silencing.would_hold(replace(KILN, rules=RULES), silence(*matchers))
    assert [one.name for one in found] == named


def test_the_worst_that_a_window_holds_back_is_known_by_the_rules() -> None:
    plan = replace(KILN, rules=RULES)
    assert [one.name for one in silencing.would_hold(plan, window())] == ["by team"]
    assert [one.name for one in silencing.would_hold(plan, window("voice"))] == ["by team"]
    assert silencing.would_hold(plan, window("memory")) == []
