"""What a search finds, in which order, and for whom; on both databases."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.support.found import found, index_all, paged
from tests.support.inbox import decide_all
from tocsin.db import fulltext
from tocsin.db.engine import Database, Overtaken
from tocsin.db.fulltext import Found, Part, Passage, Place
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import Relation
from tocsin.kit import search
from tocsin.kit.actor import CONFIDENTIAL, SYSTEM, Actor, ActorKind
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.response import commands, indexing, relating, searching, secrecy
from tocsin.response.searching import Hit
from tocsin.review import commands as review_commands
from tocsin.signals import found as listing
from tocsin.signals import reporting
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State

WORKS = access.READING | {access.INCIDENT_WRITE}
TRUSTED = Actor("token:archive", ActorKind.TOKEN, WORKS | {CONFIDENTIAL})
TOKEN = Actor("token:robot", ActorKind.TOKEN, WORKS)
HOSTILE = (
    "'",
    '"',
    '""',
    "*",
    "a* OR",
    "NEAR(a b, 3)",
    "title : x",
    "{tags}: x",
    "a AND NOT b",
    "a & !b | (c <-> d)",
    "x:* 'y':A",
    "\\",
    "%_",
    "-- ; drop table passage",
    "=kind=incident",
    "\x00 nul",
    "🔥 ümläut 漢字",
    "(" * 100,
    '"' * 99,
    "a " * 100,
)


def person(handle: str) -> Actor:
    return Actor(handle, ActorKind.PERSON, WORKS)


ANA, ERIN = person("ana"), person("erin")


def declare(database: Database, title: str, by: Actor = ANA, **about: Any) -> Incident:
    said = {"severity": "P2", "type": "service_outage", "service": "rose", **about}
    return database.run(by, lambda tx: commands.declare(tx, title=title, **said))


def arrive(database: Database, *arrivals: Arrival) -> None:
    with database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(one) for one in arrivals])
    decide_all(database)


def kinds(hits: Iterable[Hit]) -> list[str]:
    return [one.kind for one in hits]


def titles(hits: Iterable[Hit]) -> list[str]:
    return [one.title for one in hits]


def test_incidents_entries_post_mortems_and_signals_are_found_by_their_words(database: Database) -> None:
    one = declare(database, "Voice replies hang", impact="Callers hear nothing")
    database.run(ANA, lambda tx: commands.note(tx, one.id, "Redis evicts keys; raised the memory to 4 GB"))
    database.run(ANA, lambda tx: review_commands.write_section(tx, one.id, {"summary": "Evictions of Redis"}))
    arrive(database, Arrival(source="generic", key="k1", title="Evicted keys", labels={"cache": "redis-main"}))
    index_all(database)
    hits = found(database, ANA, "redis")
    assert kinds(hits) == ["post_mortem", "entry", "signal"]
    assert hits[1].path.startswith(f"/incidents/{one.id}#e") and hits[1].title == f"#{one.number} Voice replies hang"
    assert " noted: <mark>Redis</mark> evicts keys" in search.as_html(hits[1].excerpt)
    assert found(database, ANA, "VOICE hang")[0].path == f"/incidents/{one.id}"
    assert found(database, ANA, f"#{one.number} ")[0].kind == "incident"
    assert found(database, ANA, one.id)[0].kind == "incident"
    assert kinds(found(database, ANA, "callers")) == ["incident"]
    assert found(database, ANA, "postgres") == []


def test_words_phrases_beginnings_and_filters(database: Database) -> None:
    declare(database, "Checkout is slow", severity="P1")
    declare(database, "Slow is the checkout of Café Müller")
    index_all(database)
    assert len(found(database, ANA, "slow checkout")) == 2
    assert titles(found(database, ANA, '"checkout is slow"')) == ["#1 Checkout is slow"]
    assert titles(found(database, ANA, '"is slow"')) == ["#1 Checkout is slow"]
    assert len(found(database, ANA, "chec")) == 2
    assert found(database, ANA, "chec ") == []
    assert len(found(database, ANA, "chec* ")) == 2
    assert len(found(database, ANA, "cafe muller")) == 1
    assert titles(found(database, ANA, "slow kind:incident severity:p1")) == ["#1 Checkout is slow"]
    assert len(found(database, ANA, "service:rose kind:incident")) == 2
    assert found(database, ANA, "service:other slow") == []
    assert found(database, ANA, "slow after:2026-11-25") == []
    assert len(found(database, ANA, "slow kind:incident after:2026-11-24 before:2026-11-25")) == 2
    assert found(database, ANA, "") == []
    assert "kind" not in str(found(database, ANA, "kin"))  # no filter is found as a word


def test_a_phrase_ends_with_the_title_and_no_word_is_taken_for_a_mark(database: Database) -> None:
    arrive(database, Arrival(source="generic", key="k1", title="Disk full", labels={"service": "rose"}))
    declare(database, "Disk full", impact="Full of logs")
    index_all(database)
    assert found(database, ANA, '"disk full from"') == []  # a signal's text begins with where it came from
    assert kinds(found(database, ANA, '"disk full"')) == ["incident", "signal"]
    for asked in ("s", "i=disk", "=i", "t=disk", "=s=service=rose", "kind=signal"):
        assert found(database, ANA, f"{asked} -") == [], asked


def test_things_of_one_instant_are_paged_whatever_they_are(database: Database) -> None:
    for number in range(3):
        one = declare(database, f"Pump {number} leaks")
        database.run(ANA, lambda tx, one=one: commands.note(tx, one.id, "The pump leaks again"))
    arrive(database, *(Arrival(source="generic", key=f"p{n}", title=f"pump {n} leaks") for n in range(3)))
    index_all(database)
    whole = [one.path for one in found(database, ANA, "pump leaks")]
    assert len(whole) == len(set(whole)) == 9
    for limit in (1, 2, 4):
        assert [one.path for page in paged(database, ANA, "pump leaks", limit=limit) for one in page] == whole


def test_the_latest_come_first_however_they_are_looked_for(database: Database) -> None:
    """Among the latest, among few in the index, and among many of those that are older."""
    few, many, most = 20, fulltext.FEW + 50, fulltext.FEW + 100 + fulltext.LATEST
    titles = [f"valve {'rare ' * (n < few)}{'often ' * (n < many)}{'late ' * (n > most - 30)}" for n in range(most)]
    write(database, [signal(f"sig_{n:05}", title, seconds=n) for n, title in enumerate(titles)])
    for asked, last in (("valve", most), ("late", most), ("often", many), ("rare", few), ("none", 0)):
        expected = [f"sig_{n:05}" for n in reversed(range(last))][:25]
        assert [one.place.subject for one in passages(database, asked, 25)] == expected, asked


def signal(subject: str, title: str, seconds: float = 0) -> Passage:
    at = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=seconds)
    return Passage(place=Place("signal", subject), at=at, title=title, body="", tags={}, incident_id=None)


def write(database: Database, written: list[Passage]) -> None:
    with database.work(SYSTEM) as tx:
        fulltext.put(tx, written)


def passages(database: Database, word: str, limit: int) -> list[Found]:
    part = Part("signal", (), (search.Term((word,)),), None)
    with database.read(SYSTEM) as tx:
        return fulltext.find(tx, part, *fulltext.bounds("signal", None, None), limit)


def test_what_is_called_so_comes_before_what_says_so_and_the_newer_before_the_older(
    database: Database, clock: ManualClock
) -> None:
    old = declare(database, "Disk full on the first host")
    clock.advance_to(clock.now() + timedelta(days=7))
    new = declare(database, "Disk full on the second host")
    database.run(ANA, lambda tx: commands.note(tx, old.id, "Is the disk full again?"))
    clock.advance_to(clock.now() + timedelta(days=300))
    declare(database, "Another disk is full")
    index_all(database)
    ranked = found(database, ANA, "disk full kind:incident")
    assert [one.number for one in ranked] == [3, 2, 1]
    everything = found(database, ANA, "disk full")
    assert [one.number for one in everything if one.kind == "incident"] == [3, 2, 1]
    assert kinds(everything).index("entry") > 0
    assert new.number == 2


def test_pages_lose_nothing_and_repeat_nothing_though_new_things_come_between(database: Database) -> None:
    for number in range(7):
        declare(database, f"Queue {number} stalls")
    arrive(database, *(Arrival(source="generic", key=f"q{n}", title=f"queue {n} stalls") for n in range(6)))
    index_all(database)
    whole = found(database, ANA, "stalls")
    pages = paged(database, ANA, "stalls", limit=3)
    assert [one.path for page in pages for one in page] == [one.path for one in whole]
    assert all(len(page) == 3 for page in pages[:-1]) and len(whole) == 7 + 6
    with pytest.raises(Invalid), database.read(ANA) as tx:
        searching.search_for(tx, "stalls", limit=3, cursor="12-nonsense")


def test_a_filter_that_cant_be_read_is_named(database: Database) -> None:
    for asked, said in (
        ("kind:weather x", "no kind"),
        ("before:yesterday", "is no day"),
        ("after:0001-01-01x", "no day"),
    ):
        with pytest.raises(Invalid, match=said):
            found(database, ANA, asked)


@pytest.mark.parametrize("as_filter", [False, True])
def test_nothing_typed_breaks_the_question(database: Database, as_filter: bool) -> None:
    declare(database, "Voice replies hang")
    index_all(database)
    for one in HOSTILE:
        found(database, ANA, f"service:{one}" if as_filter else one)
    assert found(database, ANA, "voice")


# ---- Who finds what ----


def test_what_is_confidential_is_found_by_its_readers_alone(database: Database) -> None:
    secret = declare(database, "Somebody was in the vault", type="security", by=person("lucia"))
    database.run(person("lucia"), lambda tx: commands.note(tx, secret.id, "The vault's key was copied"))
    database.run(person("lucia"), lambda tx: review_commands.write_section(tx, secret.id, {"summary": "A vault"}))
    index_all(database)
    for reader in (person("lucia"), TRUSTED, SYSTEM):
        assert set(kinds(found(database, reader, "vault"))) == {"incident", "entry", "post_mortem"}, reader
    for other in (ERIN, TOKEN):
        assert found(database, other, "vault") == []
        assert found(database, other, "kind:incident") == []
        assert found(database, other, secret.id) == []


def test_what_becomes_confidential_is_gone_at_once_and_its_signals_with_it(database: Database) -> None:
    labels = {"type": "external_api_failure"}
    arrive(database, Arrival(source="alertmanager", key="g1", title="Groq fails", severity="critical", labels=labels))
    index_all(database)
    hits = found(database, ERIN, "groq")
    assert {"incident", "signal"} <= set(kinds(hits))
    incident_id = next(one.path for one in hits if one.kind == "incident").rpartition("/")[2]
    database.run(SYSTEM, lambda tx: secrecy.make_confidential(tx, incident_id, "it names a customer"))
    assert found(database, ERIN, "groq") == []  # before the index has caught up
    index_all(database)
    assert found(database, ERIN, "groq") == []
    assert found(database, SYSTEM, "groq")


def test_a_link_to_what_became_confidential_is_not_found_by_its_title(database: Database) -> None:
    known, secret = declare(database, "Replies hang"), declare(database, "The ledger was copied")
    database.run(ANA, lambda tx: relating.link(tx, known.id, secret.id, Relation.CAUSED_BY, "the same hour"))
    database.run(ANA, lambda tx: secrecy.make_confidential(tx, secret.id, "it names a customer"))
    index_all(database)
    assert found(database, ERIN, "ledger") == []
    assert found(database, ERIN, "hang")


def test_where_to_ask_a_user_back_is_found_by_nobody(database: Database) -> None:
    said = {"words": "The microphone stays off", "contact": "eve@users.example"}
    arrive(database, Arrival(source=reporting.SOURCE, key="r1", title="A user reports", details=said))
    index_all(database)
    assert kinds(found(database, SYSTEM, "microphone")) == ["signal"]
    assert found(database, SYSTEM, "eve") == []


# ---- How the index follows ----


def test_a_signal_that_only_goes_on_is_not_indexed_again(database: Database) -> None:
    alert = Arrival(source="generic", key="k1", title="Slow disk")
    arrive(database, alert)
    assert index_all(database)
    arrive(database, alert, alert)
    arrive(database, Arrival(source="generic", key="k1", title="Slow disk", state=State.RESOLVED))
    assert index_all(database) == 0
    arrive(database, Arrival(source="generic", key="k1", title="Very slow disk"))
    index_all(database)
    assert len(found(database, ANA, "very")) == 1 and len(found(database, ANA, "disk")) == 1


def listed(database: Database, by: Actor, words: str, limit: int = 9, **about: str) -> list[str]:
    with database.read(by) as tx:
        return [one.key for one in listing.listing(tx, listing.Asked(words=words, **about), limit).signals]


def test_the_list_of_signals_is_narrowed_by_the_index_and_by_what_the_latest_say(
    database: Database, clock: ManualClock
) -> None:
    for number in range(5):
        host = {"host": f"storage-{number % 2}", "service": "rose"}
        arrive(database, Arrival(source="generic", key=f"disk/{number}", title=f"Volume{number} is full", labels=host))
        clock.advance_to(clock.now() + timedelta(seconds=1))
    arrive(database, Arrival(source="generic", key="disk/1", title="Volume1 is full", state=State.RESOLVED))
    assert listed(database, ANA, "lume3 is") == ["disk/3"]  # not indexed yet, and from the middle of a word
    assert listed(database, ANA, "storage-1") == []
    index_all(database)
    assert listed(database, ANA, "storage-1") == ["disk/1", "disk/3"]  # as they were heard last
    assert listed(database, ANA, "storage full 1", state="firing") == ["disk/3"]
    assert listed(database, ANA, '"storage 1"', state="resolved") == ["disk/1"]
    assert listed(database, ANA, "storage", limit=2) == ["disk/1", "disk/4"]
    assert all(listed(database, ANA, words) == [] for words in HOSTILE if "nul" not in words and "x" not in words)
    with database.read(ANA) as tx:
        first = listing.listing(tx, listing.Asked(words="storage"), 2).signals[-1]
        rest = listing.listing(tx, listing.Asked(words="storage"), 9, first.last_at, first.id)
        assert [one.key for one in rest.signals] == ["disk/3", "disk/2", "disk/0"] and not rest.of_many
        many = listing.listing(tx, listing.Asked(words="storage"), 9, named_most=4)
        assert (len(many.signals), many.of_many) == (2, True)


def test_a_severity_that_changes_holds_for_the_whole_timeline(database: Database) -> None:
    one = declare(database, "Voice replies hang")
    database.run(ANA, lambda tx: commands.note(tx, one.id, "Looked at the queue"))
    index_all(database)
    database.run(ANA, lambda tx: commands.change_severity(tx, one.id, "P1", "more callers"))
    index_all(database)
    assert len(found(database, ANA, "queue severity:P1")) == 1
    assert found(database, ANA, "queue severity:P2") == []
    assert len(found(database, ANA, "hang kind:incident")) == 1


def test_what_was_stored_before_is_indexed_piece_by_piece_and_a_kill_loses_no_piece(database: Database) -> None:
    incidents, arrivals = 2 * indexing.INCIDENTS_AT_ONCE + 1, 2 * indexing.SIGNALS_AT_ONCE + 1
    for number in range(incidents):
        declare(database, f"Old trouble {number}")
    arrive(database, *(Arrival(source="generic", key=f"o{n}", title=f"old signal {n}") for n in range(arrivals)))
    with database.work(SYSTEM) as tx:
        tx.run(text("delete from to_index"))
        for kind in ("incident", "signal"):
            tx.add(fulltext.queue, {"id": f"every {kind}", "kind": f"every {kind}", "subjects": [[""]]})
    for _ in range(3):
        with database.read(SYSTEM) as tx:
            rows = fulltext.waiting(tx, 10)
        with pytest.raises(Overtaken):
            _die_over(database, rows)
        assert indexing.catch_up(database)
    index_all(database)
    assert len(found(database, ANA, "old trouble kind:incident")) == incidents
    assert sum(len(page) for page in paged(database, ANA, "old signal", limit=50)) == arrivals
    with database.read(SYSTEM) as tx:
        assert tx.all(select(fulltext.queue)) == []


def _die_over(database: Database, rows: list[fulltext.Queued]) -> None:
    """What a kill leaves of a piece."""
    with database.work(SYSTEM) as tx:
        assert fulltext.taken(tx, rows)
        raise Overtaken


def test_many_of_one_instant_have_ids_of_their_own(database: Database) -> None:
    """Of so many, some would have the same one: it is the birthdays of a class."""
    written = [signal(f"sig_{n}", "same") for n in range(6000)]
    write(database, written[:3000])
    write(database, written[3000:])
    every = passages(database, "same", 7000)
    assert {one.place for one in every} == {one.place for one in written}
    assert len({one.id for one in every}) == 6000 and {one.at for one in every} == {written[0].at}
    first, most = fulltext.first_id("signal", 1), (1 << fulltext.BITS) - 1
    assert fulltext._next(first | most) == first, "the millisecond is not left"


def test_two_nodes_index_each_thing_once(nodes: tuple[Database, Database]) -> None:
    one, other = nodes
    declare(one, "Voice replies hang")
    index_all(one)
    count = _passages(one)
    assert index_all(other) == 0 and _passages(other) == count


def _passages(database: Database) -> int:
    with database.read(SYSTEM) as tx:
        return fulltext.count(tx)
