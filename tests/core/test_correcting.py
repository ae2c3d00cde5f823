"""When it really was: a correction changes what counts, keeps what was written, and contradicts nothing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NIGHT, declared, incident, later, timeline, timelines
from tocsin.incidents import folding, lifecycle
from tocsin.incidents.correcting import ORDERS, HasNotHappened, correct, known
from tocsin.incidents.correction import FIELD, Moment, TimeCorrected
from tocsin.incidents.durations import durations
from tocsin.incidents.model import Acknowledged, AnyEntry, Mitigated, Numbered, Recovered, Reopened, Resolved
from tocsin.kit.errors import Invalid, TocsinError

RECORD: tuple[AnyEntry, ...] = (
    declared(started_at=NIGHT - timedelta(minutes=1)),
    Acknowledged(at=later(4), by="ana"),
    Mitigated(at=later(20), by="ana", how="Off"),
    Resolved(at=later(60), by="ana", how="Fixed"),
    Recovered(at=later(90), by="tocsin", watched_minutes=30),
)


def corrected(moment: Moment, minutes: float, *record: AnyEntry) -> list[AnyEntry]:
    one = incident(*(record or RECORD))
    return correct(one, moment, later(minutes), "the logs say so", by="ben", now=later(200))


def test_the_numbers_count_with_the_corrected_time_and_the_record_keeps_both() -> None:
    (entry,) = corrected(Moment.RESOLVED, 45)
    assert entry == TimeCorrected(
        at=later(200),
        by="ben",
        moment=Moment.RESOLVED,
        instant=later(45),
        before=later(60),
        because="the logs say so",
    )
    after = incident(*RECORD, entry)
    assert (after.resolved_at, after.status, durations(after).resolve) == (
        later(45),
        incident(*RECORD).status,
        timedelta(minutes=45),
    )
    assert RECORD[3].at == later(60)


@pytest.mark.parametrize("moment", Moment)
def test_each_moment_can_be_corrected(moment: Moment) -> None:
    before = known(incident(*RECORD), moment)
    assert before is not None
    (entry,) = correct(incident(*RECORD), moment, before - timedelta(0, 1), "logs", by="ben", now=later(200))
    assert known(incident(*RECORD, entry), moment) == before - timedelta(0, 1)


def test_the_first_answer_is_the_one_that_stands_as_long_as_it_holds() -> None:
    (entry,) = corrected(Moment.ACKNOWLEDGED, 2)
    assert incident(*RECORD, entry).acknowledged_at == later(2)
    again = (*RECORD, Reopened(at=later(100), by="ana", because="back"), Acknowledged(at=later(101), by="ben"))
    (entry,) = corrected(Moment.ACKNOWLEDGED, 2, *again)
    after = incident(*again, entry)
    assert (after.first_acknowledged_at, after.acknowledged_at) == (later(2), later(101))


def test_what_is_so_already_changes_nothing() -> None:
    assert corrected(Moment.RESOLVED, 60) == []


@pytest.mark.parametrize(
    ("moment", "minutes", "said"),
    [
        (Moment.STARTED, 1, "It was detected at .* it can't have been started after"),
        (Moment.DETECTED, 5, "It was acknowledged at .* it can't have been detected after"),
        (Moment.DETECTED, -2, "It was started at .* it can't have been detected before"),
        (Moment.MITIGATED, 61, "It was resolved at 2026-.*UTC; it can't have been mitigated after"),
        (Moment.RESOLVED, 10, "It was mitigated at .* it can't have been resolved before"),
        (Moment.RECOVERED, 59, "It was resolved at .* it can't have been recovered before"),
        (Moment.RECOVERED, 201, "in the future"),
    ],
)
def test_an_order_that_can_not_be_is_refused(moment: Moment, minutes: float, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        corrected(moment, minutes)
    assert refused.value.field == "instant"


def test_what_has_not_happened_has_no_time() -> None:
    with pytest.raises(HasNotHappened, match="does not say that it was resolved"):
        corrected(Moment.RESOLVED, 5, declared())


def test_a_reason_is_needed() -> None:
    with pytest.raises(lifecycle.Empty):
        correct(incident(*RECORD), Moment.RESOLVED, later(45), " ", by="ben", now=later(200))


@given(record=timelines(), moment=st.sampled_from(Moment), minutes=st.integers(-100, 300))
def test_no_correction_brings_disorder(record: tuple[Numbered, ...], moment: Moment, minutes: int) -> None:
    entries = [one.entry for one in record]
    before = incident(*entries)
    try:
        added = correct(before, moment, later(minutes), "logs", by="ben", now=later(2000))
    except TocsinError:
        return
    after = folding.fold(before.id, timeline(*entries, *added))
    changed = {name for name, value in vars(after).items() if value != getattr(before, name)}
    word = {"heard_at", "asked_again_at"}  # a person spoke
    assert changed <= {FIELD[moment], "acknowledged_at", "entries", "updated_at", *word}
    for order in ORDERS:
        if moment in order and added:
            at = [value for value in (known(after, one) for one in order) if value]
            place = at.index(known(after, moment))
            assert all(one <= at[place] for one in at[:place]) and all(at[place] <= one for one in at[place + 1 :])
