"""The look of the public page in a plan: what can't be shown is refused, the rest is printed, and a change is told."""

from dataclasses import replace

import pytest

from tests.core.test_plan_check import put, said
from tests.support import plans
from tocsin.plan import contrast, printing
from tocsin.plan.diff import diff
from tocsin.plan.model import Plan
from tocsin.plan.publicpage import Colours, StatusPage

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"'
LOGO = f'{HEAD}>\n<path fill="url(#a)" d="M0 0h9v9z"/>\n</svg>'
NO_PLACE = "has no place in a logo"

WRONG = [
    (
        {"colours": {"light": "#84b6f7"}},
        "colours.light",
        "#84b6f7 can hardly be read on the light page: its contrast is",
    ),
    ({"colours": {"dark": "#1858a8"}}, "colours.dark", "#1858a8 can hardly be read on the dark page: its contrast is"),
    ({"home": "rose.example.org"}, "home", "'rose.example.org' begins with neither https:// nor mailto:"),
    ({"support": "javascript:alert(1)"}, "support", "'javascript:alert(1)' begins with neither https:// nor mailto:"),
    ({"logo": "a bell"}, "logo", "this is not SVG"),
    ({"logo": "<svg/>"}, "logo", 'a logo is an <svg xmlns="http://www.w3.org/2000/svg">'),
    ({"logo": f"{HEAD}><script>1</script></svg>"}, "logo", f"<script> {NO_PLACE}"),
    ({"logo": f"{HEAD}><foreignObject/></svg>"}, "logo", f"<foreignObject> {NO_PLACE}"),
    ({"logo": f'{HEAD} onload="a()"></svg>'}, "logo", f"the attribute onload {NO_PLACE}"),
    ({"logo": f'{HEAD}><use href="https://a.test/#b"/></svg>'}, "logo", f"the attribute href {NO_PLACE}"),
    ({"logo": f'{HEAD}><path fill="url(https://a.test/b)"/></svg>'}, "logo", f"the attribute fill {NO_PLACE}"),
    ({"logo": f"<!DOCTYPE svg [<!ENTITY a 'b'>]>{HEAD}/>"}, "logo", "a logo begins with <svg"),
    ({"logo": f"{HEAD}>{' ' * 8000}</svg>"}, "logo", "a logo of 80"),
    ({"groups": {"Talking": []}}, "groups.Talking", "nothing stands under this heading"),
    ({"groups": {"Talking": ["rose.voise"]}}, "groups.Talking.1", 'no service or component called "rose.voise"'),
]


@pytest.mark.parametrize(("page", "path", "sentence"), WRONG, ids=[f"{path} {text[:24]}" for _, path, text in WRONG])
def test_what_cannot_be_shown_is_refused_with_its_place(page: object, path: str, sentence: str) -> None:
    ((where, message),) = said(put("status_page", page)).items()
    assert where == f"status_page.{path}"
    assert message.startswith(sentence)


def test_a_component_stands_under_one_heading_alone() -> None:
    found = said(put("status_page", {"groups": {"Rose": ["rose"], "Talking": ["rose.voice"]}}))
    assert found == {"status_page.groups.Talking.1": "rose.voice stands under Rose already"}


def test_a_whole_look_is_a_plan() -> None:
    look = {
        "name": "Rose by Thorn",
        "logo": LOGO,
        "colours": {"light": "#7a1fa2", "dark": "#d9a5f0"},
        "home": "https://rose.example.org",
        "support": "mailto:help@rose.example.org",
        "language": "pt-BR",
        "groups": {"Talking": ["rose.voice"]},
    }
    assert said(put("status_page", look)) == {}


@pytest.mark.parametrize(
    ("look", "path"),
    [({"colours": {"light": "blue"}}, "colours.light"), ({"language": "it"}, "language"), ({"logos": "x"}, "logos")],
)
def test_what_is_no_colour_and_no_language_is_refused_as_it_is_read(look: object, path: str) -> None:
    assert list(said(put("status_page", look))) == [f"status_page.{path}"]


def test_contrast_is_that_of_wcag() -> None:
    assert contrast.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast.contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)


# ---- Told ----


def rose(page: StatusPage | None) -> Plan:
    return replace(plans.load(plans.ROOT / "src/tocsin/plans/rose.yaml"), status_page=page)


LOOK = StatusPage(
    name="Rose by Thorn",
    logo=LOGO,
    home="https://rose.example.org",
    support="mailto:help@rose.example.org",
    language="fr",
    groups={"Talking": ("rose.voice",)},
)


def test_the_printed_plan_says_all_of_the_look() -> None:
    document = printing.document(rose(LOOK))
    for said_of_it in (
        "- It is called Rose by Thorn. `status_page.name`",
        "- Whoever asks for no language reads its own words in `fr`. `status_page.language`",
        "- It is about what stands at <https://rose.example.org>. `status_page.home`",
        "- People find help at `mailto:help@rose.example.org`. `status_page.support`",
        "- Its colour on a light ground is `#1858a8`. `status_page.colours.light`",
        "- rose.voice `status_page.groups.Talking.1`",
        LOGO,
    ):
        assert said_of_it in document
    assert "status_page.name" not in printing.document(rose(None))


CHANGES = [
    (None, LOOK, "The public status page now has a look of its own."),
    (LOOK, None, "The public status page has no look of its own any more; its language is English."),
    (LOOK, replace(LOOK, name=None), "The status page is called as the plan is, and not “Rose by Thorn” any more."),
    (LOOK, replace(LOOK, logo=None), "The status page shows no logo any more."),
    (LOOK, replace(LOOK, logo=f"{LOGO} "), "The status page shows another logo."),
    (LOOK, replace(LOOK, support=None), "Whoever needs help is not led from the status page to"),
    (
        LOOK,
        replace(LOOK, home="https://thorn.example.org"),
        "The status page leads to “https://thorn.example.org” instead",
    ),
    (LOOK, replace(LOOK, language="de"), "Whoever asks for no language reads the status page in “de” instead of “fr”."),
    (LOOK, replace(LOOK, colours=Colours(light="#7a1fa2")), "The light status page is “#7a1fa2” instead of “#1858a8”."),
    (LOOK, replace(LOOK, groups={}), "The status page has the heading Talking no longer."),
    (LOOK, replace(LOOK, groups={"Talking": ("rose",)}), "What stands under Talking on the status page"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), CHANGES, ids=[one[2] for one in CHANGES])
def test_a_change_of_the_look_is_told(old: StatusPage | None, new: StatusPage | None, sentence: str) -> None:
    (found,) = diff(rose(old), rose(new))
    assert found.sentence.startswith(sentence)
    assert found.path.startswith("status_page")
