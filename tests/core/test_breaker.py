"""When a provider is left alone, and when it is tried again."""

from datetime import UTC, datetime, timedelta

from tocsin.delivery.breaker import FIRST_REST, LONGEST_REST, TRIP_AFTER, Breaker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def tripped() -> Breaker:
    breaker = Breaker()
    for _ in range(TRIP_AFTER):
        breaker.failed(NOON)
    return breaker


def test_a_few_failures_change_nothing_and_one_success_forgets_them() -> None:
    breaker = Breaker()
    for _ in range(TRIP_AFTER - 1):
        breaker.failed(NOON)
    assert not breaker.is_open(NOON)
    breaker.worked()
    breaker.failed(NOON)
    assert breaker == Breaker(failures=1)


def test_after_enough_failures_it_opens_for_its_rest_and_then_one_try_decides() -> None:
    breaker = tripped()
    assert breaker.is_open(NOON)
    assert not breaker.is_on_trial(NOON)
    assert breaker.is_open(NOON + FIRST_REST - timedelta(milliseconds=1))
    assert breaker.is_on_trial(NOON + FIRST_REST)
    breaker.worked()
    assert breaker == Breaker()


def test_a_try_that_fails_opens_it_again_for_longer_and_never_for_more_than_its_longest_rest() -> None:
    breaker, now, rests = tripped(), NOON, []
    for _ in range(8):
        assert breaker.open_until is not None
        rests.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.failed(now)
    assert rests[:3] == [FIRST_REST, FIRST_REST * 2, FIRST_REST * 4]
    assert rests[-1] == LONGEST_REST


def test_those_who_set_out_before_it_opened_do_not_prolong_the_rest() -> None:
    breaker = tripped()
    until = breaker.open_until
    for _ in range(50):
        breaker.failed(NOON + timedelta(seconds=1))
    assert breaker.open_until == until
