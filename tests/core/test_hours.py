"""By which contact methods somebody is paged, and when: a rule orders them, and never loses a page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.people import hours
from tocsin.people.model import Channel, ContactMethod, ContactRule, RuleStep, Urgency

HIGH, LOW = Urgency.HIGH, Urgency.LOW
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)


def method(name: str, *, verified: bool = True) -> ContactMethod:
    return ContactMethod(
        id=name, handle="ana", channel=Channel.EMAIL, address=name, verified_at=NOON if verified else None
    )


def rule(urgency: Urgency, *steps: tuple[str, int], between: tuple[int, int] | None = None) -> ContactRule:
    return ContactRule(
        id="rul",
        handle="ana",
        urgency=urgency,
        begins=time(between[0]) if between else None,
        ends=time(between[1]) if between else None,
        steps=tuple(RuleStep(contact_id=one, after=timedelta(minutes=after)) for one, after in steps),
    )


PUSH, SMS, VOICE = method("push"), method("sms"), method("voice")
ALL = (PUSH, SMS, VOICE)


def ways(
    *rules: ContactRule,
    urgency: Urgency = HIGH,
    now: datetime = NOON,
    zone: str = "UTC",
    methods: Sequence[ContactMethod] = ALL,
) -> list[tuple[str, float]]:
    found = hours.ways(methods, rules, urgency, zone, now)
    return [(one.method.id, one.after.total_seconds() / 60) for one in found]


def test_without_a_rule_all_verified_methods_are_used_at_once() -> None:
    assert ways() == [("push", 0), ("sms", 0), ("voice", 0)]
    assert ways(methods=[PUSH, method("new", verified=False)]) == [("push", 0)]
    assert ways(rule(LOW, ("sms", 0))) == [("push", 0), ("sms", 0), ("voice", 0)]


def test_a_rule_orders_them() -> None:
    assert ways(rule(HIGH, ("voice", 3), ("push", 0), ("sms", 1))) == [("push", 0), ("sms", 1), ("voice", 3)]


def test_a_rule_with_hours_comes_before_one_without() -> None:
    rules = rule(HIGH, ("push", 0)), rule(HIGH, ("voice", 0), between=(22, 7))
    assert ways(*rules, now=NOON) == [("push", 0)]
    assert ways(*rules, now=NIGHT) == [("voice", 0)]


def test_hours_are_read_on_the_persons_clock_and_are_half_open() -> None:
    night = rule(HIGH, ("voice", 0), between=(22, 7))
    six_in_berlin = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)
    assert ways(night, now=six_in_berlin, zone="Europe/Berlin") == [("voice", 0)]
    seven_in_berlin = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert len(ways(night, now=seven_in_berlin, zone="Europe/Berlin")) == 3
    ten_in_berlin = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
    assert ways(night, now=ten_in_berlin, zone="Europe/Berlin") == [("voice", 0)]


def test_a_method_that_is_gone_leaves_its_turn_to_the_next() -> None:
    page = rule(HIGH, ("gone", 0), ("sms", 5), ("voice", 8))
    assert ways(page) == [("sms", 0), ("voice", 3)]
    assert ways(rule(HIGH, ("gone", 0))) == [("push", 0), ("sms", 0), ("voice", 0)]
    new = method("new", verified=False)
    assert ways(rule(HIGH, ("new", 0)), methods=[new, SMS]) == [("sms", 0)]


def test_quiet_hours_hold_what_is_not_urgent_until_they_end() -> None:
    quiet = rule(LOW, between=(22, 7))
    assert ways(quiet, urgency=LOW, now=NIGHT) == [("push", 300), ("sms", 300), ("voice", 300)]
    after = rule(LOW, ("sms", 0), ("voice", 10))
    assert ways(quiet, after, urgency=LOW, now=NIGHT) == [("sms", 300), ("voice", 310)]
    assert ways(quiet, urgency=LOW, now=NOON)[0] == ("push", 0)


def test_quiet_hours_never_hold_what_is_urgent() -> None:
    assert ways(rule(LOW, between=(0, 23)), urgency=HIGH, now=NIGHT)[0] == ("push", 0)
    assert ways(rule(HIGH, between=(0, 23)), urgency=HIGH, now=NIGHT)[0] == ("push", 0)  # no command makes such a rule


def test_quiet_hours_end_on_the_wall_clock_even_when_it_is_changed() -> None:
    quiet = rule(LOW, between=(22, 7))
    before_the_change = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)  # 23:00 in Berlin; the clock goes back at 3:00
    (first, *_) = hours.ways(ALL, [quiet], LOW, "Europe/Berlin", before_the_change)
    assert before_the_change + first.after == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_hold_in_the_second_too() -> None:
    quiet = replace(rule(LOW, between=(22, 2)), ends=time(2, 30))
    second = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 in Berlin, for the second time
    assert hours.quiet_until([quiet], "Europe/Berlin", second) == second + timedelta(minutes=15)
    assert ways(quiet, urgency=LOW, now=second, zone="Europe/Berlin")[0] == ("push", 15)


def test_quiet_hours_that_end_in_the_hour_that_is_skipped_end_when_the_clock_is_put_forward() -> None:
    quiet = replace(rule(LOW, between=(22, 2)), ends=time(2, 30))
    for now in (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 0, 59, tzinfo=UTC)):  # 23:00 and 01:59
        change = datetime(2027, 3, 28, 1, tzinfo=UTC)  # 02:00 in Berlin, which is 03:00 from there on
        assert hours.quiet_until([quiet], "Europe/Berlin", now) == change
        assert ways(quiet, urgency=LOW, now=now, zone="Europe/Berlin")[0] == (
            "push",
            (change - now) / timedelta(minutes=1),
        )
    half = replace(quiet, ends=time(2, 15))  # Lord Howe's clock is put forward by half an hour, at 02:00
    late = datetime(2026, 10, 3, 15, 0, tzinfo=UTC)  # 01:30 there
    assert hours.quiet_until([half], "Australia/Lord_Howe", late) == late + timedelta(minutes=30)


def test_stretches_that_follow_each_other_are_waited_for() -> None:
    rules = rule(LOW, between=(22, 4)), rule(LOW, between=(4, 7))
    assert ways(*rules, urgency=LOW, now=NIGHT)[0] == ("push", 300)


def test_quiet_hours_round_the_clock_do_not_hold_a_page_for_ever() -> None:
    rules = [rule(LOW, between=(one, (one + 6) % 24)) for one in (0, 6, 12, 18)]
    (first, *_) = hours.ways(ALL, rules, LOW, "UTC", NIGHT)
    assert first.after <= timedelta(hours=24)


RULES = st.lists(
    st.builds(
        ContactRule,
        id=st.just("rul"),
        handle=st.just("ana"),
        urgency=st.sampled_from(Urgency),
        begins=st.one_of(st.none(), st.times()),
        ends=st.one_of(st.none(), st.times()),
        steps=st.lists(
            st.builds(
                RuleStep,
                contact_id=st.sampled_from(["push", "sms", "voice", "gone"]),
                after=st.timedeltas(timedelta(0), timedelta(hours=2)),
            ),
            max_size=4,
        ).map(tuple),
    ),
    max_size=5,
)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001


@given(RULES, st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns"]), INSTANTS)
def test_whatever_the_rules_are_somebody_with_a_method_is_paged_and_at_once_if_it_is_urgent(
    rules: list[ContactRule], zone: str, now: datetime
) -> None:
    urgent = hours.ways(ALL, rules, HIGH, zone, now)
    assert urgent
    assert urgent[0].after == timedelta(0)
    other = hours.ways(ALL, rules, LOW, zone, now)
    assert other
    assert timedelta(0) <= other[0].after <= timedelta(hours=25) * hours.LONGEST_QUIET
