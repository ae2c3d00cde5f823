"""The seal on the record: made as documented, and broken by any change whatever."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NIGHT, declared, later, timelines
from tocsin.incidents import chain, folding
from tocsin.incidents.chain import Fault, Sealed
from tocsin.incidents.model import AnyEntry, Noted, Numbered, SeverityChanged
from tocsin.kit.clock import to_millis

INC = "inc_NIGHT"
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


def sealed(entries: Sequence[AnyEntry], incident_id: str = INC) -> list[Sealed]:
    """The rows that a database would keep."""
    previous, rows = chain.genesis(incident_id), []
    for number, entry in enumerate(entries, start=1):
        kind, at, body = type(entry).__name__, to_millis(entry.at), chain.write(entry)
        previous = chain.seal(previous, incident_id, number, kind, at, entry.by, body)
        rows.append(Sealed(incident_id, number, kind, at, entry.by, body, previous))
    return rows


def plainly(previous: str, row: Sealed) -> str:
    """The hash as the reference describes it, made with nothing of ours."""
    head = [previous, row.incident_id, row.number, row.kind, row.at, row.by]
    line = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{line}\n{row.body}".encode()).hexdigest()


def test_the_first_entry_stands_on_a_constant_of_its_incident() -> None:
    assert chain.genesis(INC) == hashlib.sha256(b"tocsin timeline 1\ninc_NIGHT").hexdigest()
    assert chain.genesis(INC) != chain.genesis("inc_OTHER")


@given(by=TEXTS, text=TEXTS, kind=TEXTS, at=st.integers(-(2**62), 2**62), number=st.integers(1, 2**31))
def test_the_hash_is_the_one_that_the_reference_describes(by: str, text: str, kind: str, at: int, number: int) -> None:
    row = Sealed(INC, number, kind, at, by, text, "")
    assert chain.seal("before", *row[:6]) == plainly("before", row)


@given(by=TEXTS, text=TEXTS)
def test_an_entry_is_read_as_it_was_written(by: str, text: str) -> None:
    entry = Noted(at=NIGHT + timedelta(milliseconds=81), by=by, text=text)
    assert chain.read("Noted", chain.write(entry)) == entry


@given(timelines())
def test_any_record_holds_and_is_the_incident_it_folds_to(record: tuple[Numbered, ...]) -> None:
    rows = sealed([one.entry for one in record])
    checked = chain.check(INC, rows)
    hashed = [
        Numbered(number=one.number, entry=one.entry, hash=row.hash) for one, row in zip(record, rows, strict=True)
    ]
    assert (checked.fault, checked.entries, checked.head) == (None, len(record), rows[-1].hash)
    assert checked.incident == folding.fold(INC, hashed)
    assert chain.against_saved(checked, checked.incident) is None


@given(record=timelines(), data=st.data())
def test_a_change_of_anything_is_found_where_it_was_made(record: tuple[Numbered, ...], data: st.DataObject) -> None:
    rows = sealed([one.entry for one in record])
    place = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.sampled_from(("kind", "at", "by", "body", "hash")))
    other = data.draw(st.integers() if field == "at" else TEXTS)
    changed = rows[place]._replace(**{field: other})
    if changed == rows[place]:
        return
    checked = chain.check(INC, [*rows[:place], changed, *rows[place + 1 :]])
    assert checked.fault is not None
    assert (checked.fault.entry, checked.entries) == (place + 1, place)


@given(record=timelines(), data=st.data())
def test_an_entry_that_is_gone_is_named(record: tuple[Numbered, ...], data: st.DataObject) -> None:
    rows = sealed([one.entry for one in record])
    whole = chain.check(INC, rows)
    gone = data.draw(st.integers(0, len(rows) - 1))
    checked = chain.check(INC, rows[:gone] + rows[gone + 1 :])
    fault = chain.against_saved(checked, whole.incident)
    assert fault is not None
    assert fault.entry == gone + 1
    if gone + 1 < len(rows):
        assert fault.what == f"it is missing; the next is entry {gone + 2}"
        assert chain.against_saved(checked, None) == fault  # what the timeline lacks is said first


@given(record=timelines(), data=st.data())
def test_the_end_can_not_be_cut_off(record: tuple[Numbered, ...], data: st.DataObject) -> None:
    rows = sealed([one.entry for one in record])
    whole = chain.check(INC, rows)
    left = data.draw(st.integers(0, len(rows) - 1))
    fault = chain.against_saved(chain.check(INC, rows[:left]), whole.incident)
    assert fault is not None
    assert fault.entry == left + 1
    if left:
        assert fault.what == f"it is missing, and with it all that follow up to {len(rows)}"


def test_an_entry_sealed_anew_betrays_itself_in_the_next_or_in_the_saved_state() -> None:
    entries: list[AnyEntry] = [
        declared(),
        Noted(at=later(1), by="ana", text="Seen"),
        Noted(at=later(2), by="ben", text="Done"),
    ]
    true = chain.check(INC, sealed(entries))
    forged = sealed([entries[0], Noted(at=later(1), by="ana", text="Nothing seen")])
    assert chain.check(INC, [*forged, sealed(entries)[2]]).fault == Fault(
        3, "it is not what was written, or does not stand where it was written"
    )
    rewritten = chain.check(INC, sealed([*entries[:2], Noted(at=later(2), by="ben", text="Not done")]))
    assert rewritten.fault is None
    assert chain.against_saved(rewritten, true.incident) == Fault(
        3, "the record does not end with the entry that was saved as its last"
    )


def test_a_record_of_another_incident_does_not_pass_for_this_one() -> None:
    rows = [one._replace(incident_id="inc_OTHER") for one in sealed([declared()])]
    assert chain.check("inc_OTHER", rows).fault is not None


def test_what_is_sealed_and_yet_no_incident_is_refused() -> None:
    said = chain.check(INC, sealed([declared(), declared()]))
    assert said.fault is not None and "declared twice" in said.fault.what
    assert (said.head, said.incident) == (sealed([declared(), declared()])[-1].hash, None)
    assert chain.check(INC, []).fault == Fault(1, "inc_NIGHT has no entries")
    assert chain.check(INC, []).head == chain.genesis(INC)
    row = Sealed(INC, 1, "Dreamt", 0, "ana", "{}", "")
    dreamt = row._replace(hash=chain.seal(chain.genesis(INC), *row[:6]))
    assert chain.check(INC, [dreamt]).fault == Fault(1, "it can't be read: 'Dreamt'")
    bytes_in_it = row._replace(body=cast(str, b"{}"))  # as no writer of ours, but a hand in the database, could put it
    assert chain.check(INC, [bytes_in_it]).fault is not None


def test_a_saved_state_that_says_something_else_is_found() -> None:
    checked = chain.check(INC, sealed([declared()]))
    assert checked.incident is not None
    other = checked.incident.changed(title="Nothing happened")
    assert chain.against_saved(checked, other) == Fault(None, "its saved state is not what its timeline says")
    assert chain.against_saved(checked, None) == Fault(None, "its saved state can't be read")


def test_a_state_that_was_saved_before_the_reason_of_a_level_was_kept_is_no_fault() -> None:
    raised = SeverityChanged(
        at=later(1), by="ana", severity="P0", before="P1", raised=True, because="Nobody is served at all"
    )
    checked = chain.check(INC, sealed([declared(), raised]))
    assert checked.incident is not None and checked.incident.level_because == "Nobody is served at all"
    assert chain.against_saved(checked, checked.incident.changed(level_because="")) is None
    assert chain.against_saved(checked, checked.incident.changed(level_because="For fun")) is not None
