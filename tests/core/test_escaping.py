"""What stands in a page is escaped as Jinja escapes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from tocsin.obligations.model import State
from tocsin.web.escaping import Escaping, written

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
    assert written(text) == str(escape(text))
    usual, ours = (one.get_template("page").render(one=text) for one in ENVIRONMENTS)
    assert ours == usual


@pytest.mark.parametrize("value", [Markup("<b>&amp;</b>"), 7, None, State.OPEN, ["<"], Markup("")])
def test_what_is_no_text_is_written_as_jinja_does_it(value: object) -> None:
    assert str(written(value)) == str(escape(value))


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="nobody"):
        Escaping(autoescape=True, undefined=StrictUndefined).from_string("{{ nobody }}").render()
