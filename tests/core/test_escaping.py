"""What stands in a page is escaped as Jinja escapes it."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from tocsin.kit.text import unturned
from tocsin.obligations.model import State
from tocsin.web.escaping import Escaping, kept, linked, options, written
from tocsin.web.present import Choice

TEMPLATES = {
    "parts": (
        '{% macro item(one) %}<li title="{{ one }}">{{ one }}</li>{% endmacro %}'
        "{% macro around(one) %}<p>{{ caller() }}{{ one }}</p>{% endmacro %}"
    ),
    "base": "<h1>{% block head %}{{ one }}{% endblock %}</h1>{% block main %}{% endblock %}",
    "page": (
        "{% extends 'base' %}{% import 'parts' as ui %}{% block head %}{{ super() }}, {{ one ~ '<' }}{% endblock %}"
        "{% block main %}{% set said %}{{ one }}<br>{% endset %}{{ said }}{{ ui.item(one) }}"
        "{% call ui.around(one) %}<b>{{ one }}</b>{% endcall %}{% filter upper %}{{ one }}{% endfilter %}"
        "{{ one|safe }}{{ one|e }}{{ 3 }}{{ {'data-a': one}|xmlattr }}{{ [one, one]|join(', ') }}{% endblock %}"
    ),
}
ENVIRONMENTS = [
    kind(loader=DictLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined) for kind in (Environment, Escaping)
]


@given(st.text(alphabet=st.one_of(st.sampled_from("<>&'\""), st.characters())))
def test_text_is_escaped_as_jinja_does_it(text: str) -> None:
    text = unturned(text)
    assert written(text) == kept(text) == str(escape(text))
    usual, ours = (one.get_template("page").render(one=text) for one in ENVIRONMENTS)
    assert ours == usual


@pytest.mark.parametrize("value", [Markup("<b>&amp;</b>"), 7, None, State.OPEN, ["<"], Markup("")])
def test_what_is_no_text_is_written_as_jinja_does_it(value: object) -> None:
    assert str(written(value)) == str(escape(value))


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="nobody"):
        Escaping(autoescape=True, undefined=StrictUndefined).from_string("{{ nobody }}").render()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://a.example/x?b=1&c=2.", ["https://a.example/x?b=1&c=2"]),
        ("(http://a.example/f_(x)), https://b.example", ["http://a.example/f_(x)", "https://b.example"]),
        ('{"runbook": "https://a.example/#r"}', ["https://a.example/#r"]),
        ("javascript://a.example/%0aalert(1) data://x ftp://y <b>", []),
        ("https://a.example/<script>", ["https://a.example/"]),
    ],
)
def test_web_addresses_in_what_somebody_wrote_can_be_pressed(text: str, addresses: list[str]) -> None:
    assert [
        unescape(one) for one in re.findall(r'<a href="([^"]*)" rel="noreferrer noopener">', linked(text))
    ] == addresses


TURNED = "\u202egpj.exe\u2066"
READ = "\N{REPLACEMENT CHARACTER}gpj.exe"


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("<b title='{{ one }}'>{{ one }}</b>", f"<b title='{READ}'>{READ}</b>"),
        (
            '<p{% if one %} title="{{ one }}"{% endif %}>{{ one }}, {{ one }}</p>',
            f'<p title="{READ}">{READ}, {READ}</p>',
        ),
        (
            '<input name="{{ one }}" value="{{ one }}"><b>{{ one }}</b>',
            f'<input name="{READ}" value="{TURNED}"><b>{READ}</b>',
        ),
        ('<a href="/x?q={{ one }}">{{ one }}</a>', f'<a href="/x?q={TURNED}">{READ}</a>'),
        ('<a href="/x" title="{{ one }}">', f'<a href="/x" title="{READ}">'),
        ('<i data-copied-text="{{ one }}"></i>', f'<i data-copied-text="{TURNED}"></i>'),
        (
            "<textarea{% if one %} rows=3{% endif %}>\n{{ one }}</textarea>{{ one }}",
            f"<textarea rows=3>\n{TURNED}</textarea>{READ}",
        ),
        ("{{ [one]|options('') }}", f'<option value="{TURNED}">{READ}</option>\n'),
    ],
)
def test_what_turns_the_order_of_letters_is_not_shown_and_comes_back_from_a_form_as_it_was(
    page: str, seen: str
) -> None:
    environment = Escaping(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["options"] = lambda one, chosen: options([Choice(each, each) for each in one], chosen)
    assert environment.from_string(page).render(one=TURNED) == seen


def test_a_link_leads_where_it_was_written_to_and_is_read_without_turned_letters() -> None:
    assert linked(f"https://a.example/{TURNED}") == (
        f'<a href="https://a.example/{TURNED}" rel="noreferrer noopener">https://a.example/{READ}</a>'
    )


PIECES = st.one_of(st.sampled_from(["https://a", "http://", "://", "<", '"', "&", ")", "."]), st.text(max_size=5))


@given(st.lists(PIECES).map("".join))
def test_nothing_but_links_is_added_to_what_was_written(text: str) -> None:
    html = linked(text)
    assert unescape(re.sub(r'<a href="[^"<>]*" rel="noreferrer noopener">|</a>', "", html)) == unescape(written(text))


@pytest.mark.parametrize(("chosen", "expected"), [("", ["ben"]), ("<ana>", ["<ana>"]), ("nobody", [])])
def test_of_several_choices_one_stands_chosen_and_all_are_escaped(chosen: str, expected: list[str]) -> None:
    offered = [Choice("<ana>", "Ana <3", '"lead"'), Choice("ben", "Ben", is_chosen=True)]
    drawn = options(offered, chosen)
    found = re.findall(r'<option value="([^"<>]*)"( selected)?>([^<>]*)</option>', drawn)
    assert [unescape(value) for value, mark, _ in found if mark] == expected
    assert [unescape(label) for _, _, label in found] == ['Ana <3, "lead"', "Ben"]
