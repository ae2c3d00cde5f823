"""Merging, linking and splitting off: what both records say, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.records import PLAN, declared, incident, later, public
from tocsin.incidents import folding, lifecycle, relating, sentences, veil
from tocsin.incidents.model import AnyEntry, Closed, Incident, MadeConfidential, Numbered, ResponderAdded, Status
from tocsin.incidents.relation import LINKABLE, Absorbed, Linked, Merged, Relation
from tocsin.kit.errors import Invalid, TocsinError
from tocsin.plan.model import Stage

ONE = replace(incident(declared(components=("voice",))), id="inc_ONE", number=1)
TWO = replace(incident(declared(title="No recall")), id="inc_TWO", number=2)
WHO: dict[str, Any] = {"by": "ana", "now": later(9)}
CLOSED = (Closed(at=later(8), by="ana"),)


def after(one: Incident, *entries: AnyEntry) -> Incident:
    numbered = [Numbered(number=one.entries + place, entry=entry, hash="") for place, entry in enumerate(entries, 1)]
    return folding.follow(one, numbered)


def hidden(one: Incident, *more: str) -> Incident:
    return replace(one, confidential_at=later(1), responders=(*one.responders, *more))


def merge(gone: Incident, into: Incident, because: str = "The same trouble", **more: Any) -> relating.Both:
    return relating.merge(PLAN, gone, into, because, **{"signals": 2, **more}, **WHO)


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
        (hidden(ONE), TWO, {}, relating.WouldDisclose),
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
    assert merge(hidden(ONE), hidden(TWO))
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


def test_an_open_record_never_names_what_is_confidential() -> None:
    here, there = relating.link(ONE, hidden(TWO), LINKABLE[0], "One disk", **WHO)
    assert here == []
    (entry,) = there
    assert isinstance(entry, Linked) and (entry.title, entry.because, entry.number) == (ONE.title, "One disk", 1)
    known = after(hidden(TWO), entry)
    assert relating.link(ONE, known, LINKABLE[0], "again", **WHO) == ([], [])  # it is linked, though one record is mute
    back, also = relating.unlink(ONE, known, "A mistake", **WHO)
    assert back == [] and after(known, *also).relations == {}
    parted, came = relating.split(ONE, hidden(TWO), "A breach", signals=1, **WHO)
    assert parted == [] and after(TWO, *came).relations == {"inc_ONE": Relation.SPLIT_FROM}
    both = relating.link(hidden(ONE), hidden(TWO), LINKABLE[0], "One disk", **WHO)
    assert all(isinstance(one, Linked) and one.title for (one,) in both)


def test_a_duplicate_of_what_is_confidential_becomes_so_and_who_worked_on_it_goes_along() -> None:
    gone = replace(ONE, roles={"scribe": "lucia"}, responders=("ana", "ben", "lucia", "erin"))
    coming = relating.coming(PLAN, gone)
    assert set(coming) == {"lucia", gone.declared_by} & set(PLAN.people) | {"lucia"}
    ended, taken = merge(gone, hidden(TWO, "ben"), coming=coming)
    assert [type(one) for one in ended] == [MadeConfidential, Merged]
    after_it = after(gone, *ended)
    assert after_it.confidential_at and "erin" in after_it.responders  # who was paged for it knows it anyway
    survivor = after(hidden(TWO, "ben"), *taken)
    assert "lucia" in survivor.responders and "erin" not in survivor.responders


def test_all_who_read_one_secret_go_along_into_the_other() -> None:
    gone = hidden(ONE, "erin", "lucia")
    _, taken = merge(gone, hidden(TWO, "lucia"), coming=relating.coming(PLAN, gone))
    added = [one.person for one in taken if isinstance(one, ResponderAdded)]
    assert "erin" in added and "lucia" not in added
    assert not [one for one in merge(ONE, TWO, coming=["erin"])[1] if isinstance(one, ResponderAdded)]


def test_who_may_not_see_the_other_reads_that_there_is_one() -> None:
    (here,), (there,) = relating.link(ONE, TWO, Relation.CAUSED, "One disk", **WHO)
    (ended,), (taken,) = merge(ONE, TWO)
    (parted,), (came,) = relating.split(ONE, TWO, "Another fault", signals=1, **WHO)
    (gone,), _ = relating.unlink(after(ONE, here), after(TWO, there), "A mistake", **WHO)
    for entry in (here, there, ended, taken, parted, came, gone):
        one = Numbered(number=3, entry=entry)
        assert veil.covered(one, {"inc_OTHER"}) is one and not veil.is_covered(one)
        other = veil.covered(one, {"inc_ONE", "inc_TWO"})
        assert veil.is_covered(other) and veil.names([one]) and not veil.names([other])
        told = sentences.sentence(PLAN, other.entry)
        assert "another incident" in told
        for secret in ("#", "inc_", ONE.title, TWO.title, "One disk", "The same trouble", "Another fault", "mistake"):
            assert secret not in told
    (covered,) = [veil.covered(Numbered(number=2, entry=ended), {"inc_TWO"})]
    assert after(ONE, covered.entry).status is Status.MERGED and after(ONE, covered.entry).relations == {}
    merged = veil.of_incident(after(ONE, ended), {"inc_TWO"})
    assert (merged.relations, merged.merged_into) == ({}, "")


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
