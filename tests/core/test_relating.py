"""Merging, linking and splitting off: what both records say, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.records import declared, incident, later, public
from tocsin.incidents import lifecycle, relating
from tocsin.incidents.model import AnyEntry, Closed, Incident, Status
from tocsin.incidents.relation import LINKABLE, Absorbed, Linked, Merged, Relation
from tocsin.kit.errors import Invalid, TocsinError
from tocsin.plan.model import Stage

ONE = replace(incident(declared(components=("voice",))), id="inc_ONE", number=1)
TWO = replace(incident(declared(title="No recall")), id="inc_TWO", number=2)
WHO: dict[str, Any] = {"by": "ana", "now": later(9)}
CLOSED = (Closed(at=later(8), by="ana"),)


def after(one: Incident, *entries: AnyEntry) -> Incident:
    for entry in entries:
        one = lifecycle._after(one, entry)
    return one


def merge(gone: Incident, into: Incident, because: str = "The same trouble", **more: Any) -> relating.Both:
    about = {"signals": 2, "is_secret": False, "may_show": False, **more}
    return relating.merge(gone, into, because, **about, **WHO)


def test_both_records_say_that_they_were_merged() -> None:
    (ended,), (taken,) = merge(ONE, TWO)
    gone, stays = after(ONE, ended), after(TWO, taken)
    assert isinstance(ended, Merged) and isinstance(taken, Absorbed)
    assert (gone.status, gone.merged_into, gone.is_open) == (Status.MERGED, "inc_TWO", False)
    assert gone.relations == {"inc_TWO": Relation.MERGED_INTO}
    assert stays.relations == {"inc_ONE": Relation.ABSORBED}
    assert (stays.status, taken.signals) == (Status.INVESTIGATING, 2)
    assert stays.components == ("memory", "voice")


def test_components_of_another_service_stay_behind() -> None:
    (_,), (taken,) = merge(replace(ONE, service="site"), TWO)
    assert after(TWO, taken).components == ("memory",)


@pytest.mark.parametrize(
    ("gone", "into", "more", "refusal"),
    [
        (ONE, ONE, {}, relating.Itself),
        (ONE, TWO, {"because": " "}, lifecycle.Empty),
        (after(ONE, *CLOSED), TWO, {}, lifecycle.AlreadyClosed),
        (ONE, after(TWO, *CLOSED), {}, lifecycle.AlreadyClosed),
        (after(ONE, *merge(ONE, TWO)[0]), TWO, {}, lifecycle.MergedAway),
        (ONE, after(TWO, *merge(TWO, ONE)[0]), {}, lifecycle.MergedAway),
        (ONE, TWO, {"is_secret": True}, relating.WouldDisclose),
        (after(ONE, public(Stage.INVESTIGATING, "We look", 3)), TWO, {}, relating.PublicWouldLoseIt),
    ],
)
def test_a_merge_is_refused_by_name(
    gone: Incident, into: Incident, more: dict[str, Any], refusal: type[TocsinError]
) -> None:
    with pytest.raises(refusal) as refused:
        merge(gone, into, **more)
    assert refused.value.message


def test_a_secret_goes_into_a_secret_and_what_was_public_into_what_is() -> None:
    assert merge(ONE, TWO, is_secret=True, may_show=True)
    told = public(Stage.INVESTIGATING, "We look", 3)
    assert merge(after(ONE, told), after(TWO, told))
    assert merge(after(ONE, public(Stage.RESOLVED, "Over", 3)), TWO)


@pytest.mark.parametrize("relation", LINKABLE)
def test_a_link_reads_in_either_direction(relation: Relation) -> None:
    (here,), (there,) = relating.link(ONE, TWO, relation, "One disk", **WHO)
    assert after(ONE, here).relations == {"inc_TWO": relation}
    assert after(TWO, there).relations == {"inc_ONE": relation.converse}
    assert relation.converse.converse is relation
    assert relating.link(after(ONE, here), TWO, relation, "again", **WHO) == ([], [])
    (gone,), (also,) = relating.unlink(after(ONE, here), after(TWO, there), "A mistake", **WHO)
    assert after(ONE, here, gone).relations == {} and after(TWO, there, also).relations == {}


def test_a_title_stands_only_where_it_may_be_read() -> None:
    (here,), (there,) = relating.link(ONE, TWO, LINKABLE[0], "One disk", shows_other=False, **WHO)
    assert isinstance(here, Linked) and isinstance(there, Linked)
    assert (here.title, here.because, here.number) == ("", "", 2)
    assert (there.title, there.because) == (ONE.title, "One disk")


def test_a_link_is_refused_by_name() -> None:
    merged = after(ONE, *merge(ONE, TWO)[0])
    absorbed = after(TWO, *merge(ONE, TWO)[1])
    with pytest.raises(relating.Itself):
        relating.link(ONE, ONE, Relation.CAUSED, "", **WHO)
    with pytest.raises(Invalid, match="same_cause_as"):
        relating.link(ONE, TWO, Relation.ABSORBED, "", **WHO)
    for one, other in ((merged, TWO), (TWO, merged)):
        with pytest.raises(lifecycle.MergedAway):
            relating.link(one, other, Relation.CAUSED, "", **WHO)
    with pytest.raises(relating.AlreadyRelated):
        relating.link(absorbed, ONE, Relation.CAUSED, "", **WHO)
    for one in (ONE, absorbed):
        with pytest.raises(relating.NotLinked):
            relating.unlink(one, TWO if one is ONE else ONE, "A mistake", **WHO)


def test_only_what_is_on_it_can_be_split_off() -> None:
    assert relating.require_splittable(ONE, ["s1"], ["s1", "s2"], " Another fault ") == "Another fault"
    with pytest.raises(relating.NotItsSignal, match="s3"):
        relating.require_splittable(ONE, ["s1", "s3"], ["s1", "s2"], "why")
    with pytest.raises(lifecycle.AlreadyClosed):
        relating.require_splittable(after(ONE, *CLOSED), [], [], "why")
    (parted,), (came,) = relating.split(ONE, TWO, "Another fault", signals=1, **WHO)
    assert after(ONE, parted).relations == {"inc_TWO": Relation.SPLIT_INTO}
    assert after(TWO, came).relations == {"inc_ONE": Relation.SPLIT_FROM}
