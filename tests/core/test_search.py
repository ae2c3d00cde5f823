"""Questions and excerpts: what is looked for, where it stands, and that nothing typed breaks either."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit import search
from tocsin.kit.search import Asked, Piece, Term

NAMES = ("kind", "severity")


def marked(text: str, asked: str) -> list[str]:
    return [one.text for one in search.excerpt(text, search.read(asked, NAMES).terms) if one.is_marked]


def test_words_are_compared_without_case_accents_and_marks() -> None:
    assert search.words_of("Café DB-primary_2 ist GROSS, groß!") == [
        "cafe",
        "db",
        "primary",
        "2",
        "ist",
        "gross",
        "gross",
    ]


def test_a_question_is_words_phrases_and_filters() -> None:
    asked = search.read('redis kind:incident "out of memory" db-primary severity:P1 time', NAMES)
    assert asked.filters == {"kind": "incident", "severity": "P1"}
    assert asked.terms == (
        Term(("redis",)),
        Term(("out", "of", "memory")),
        Term(("db", "primary")),
        Term(("time",), is_beginning=True),
    )


def test_only_the_last_word_may_go_on_while_somebody_types() -> None:
    assert search.read("disk fu", NAMES).terms[-1].is_beginning
    assert not search.read("disk fu ", NAMES).terms[-1].is_beginning
    assert not search.read('"disk fu', NAMES).terms[-1].is_beginning
    assert not search.read("d", NAMES).terms[-1].is_beginning
    assert search.read("dis* full ", NAMES).terms == (Term(("dis",), is_beginning=True), Term(("full",)))


def test_a_name_that_is_no_filter_is_words() -> None:
    assert search.read("http://rose.example/x ", NAMES) == Asked((Term(("http", "rose", "example", "x")),))


def test_an_excerpt_shows_where_the_words_stand() -> None:
    text = (
        "Much was said before. " * 20 + "Then the Café's disk was full, and that was all. " + "Much came after. " * 20
    )
    shown = "".join(one.text for one in search.excerpt(text, search.read("cafe disk", NAMES).terms))
    assert marked(text, "cafe disk ") == ["Café", "disk"]
    assert shown.startswith("… ") and shown.endswith(" …") and "Café's disk was full" in shown
    assert len(shown) < search.SHOWN + 10


def test_a_phrase_is_marked_only_where_it_stands_as_one() -> None:
    assert marked("full disk; disk full", '"disk full"') == ["disk", "full"]
    assert marked("timeouts and time", "timeo") == ["timeouts"]


def test_an_excerpt_as_html_holds_no_element_but_marks() -> None:
    pieces = search.excerpt("<script>alert('disk')</script>", search.read("disk alert ", NAMES).terms)
    assert search.as_html(pieces) == ("&lt;script&gt;<mark>alert</mark>(&#x27;<mark>disk</mark>&#x27;)&lt;/script&gt;")
    assert search.excerpt("Nothing of it", ()) == (Piece("Nothing of it"),)


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_typed_breaks_a_question_or_an_excerpt(text: str, asked: str) -> None:
    question = search.read(asked, NAMES)
    assert all(one.words and all(word.isalnum() for word in one.words) for one in question.terms)
    assert len(question.terms) <= search.MOST_TERMS
    assert search.as_html(search.excerpt(text, question.terms)).count("<") == 2 * sum(
        one.is_marked for one in search.excerpt(text, question.terms)
    )


@given(st.lists(st.sampled_from(["disk", "full", "Rose", "x-y"]), min_size=1, max_size=60))
def test_an_excerpt_is_a_part_of_its_text(words: list[str]) -> None:
    text = " ".join(words)
    pieces = search.excerpt(text, search.read("full rose ", NAMES).terms, shown=40)
    assert "".join(one.text for one in pieces).removeprefix("… ").removesuffix(" …") in text


@given(st.lists(st.sampled_from(["disk", "Disk", "is", "full", "x" * 61, "x" * 60, "“", "-", "_", "4"]), max_size=12))
def test_the_same_is_marked_whether_or_not_a_text_must_be_taken_apart(words: list[str]) -> None:
    text = " ".join(words).replace(" - ", "-")
    for asked in ("disk is", '"disk is" ful', '"disk disk disk"', "x" * 61, f'"{"x" * 60} 4" ', "4 dis*"):
        terms = search.read(asked, NAMES).terms
        once, apart = (search.excerpt(one, terms, shown=2000) for one in (text, f"{text} é"))
        assert [one.text for one in once if one.is_marked] == [one.text for one in apart if one.is_marked]
