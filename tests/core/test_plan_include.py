"""A plan of several files: one text that keeps every letter, and mistakes that name their own file and line."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plans
from tocsin.plan import check, parts
from tocsin.plan.bundle import MAX_FILES, Unreadable, bundle
from tocsin.plan.files import gathered
from tocsin.plan.model import Plan
from tocsin.plan.parse import Document, Problem, read

FIVE = plans.text(plans.ROOT / "examples" / "five-people.yaml")
SERVICES = FIVE[FIVE.index("services:\n") : FIVE.index("severities:\n")]
RULES = FIVE[FIVE.index("rules:\n") : FIVE.index("communication:\n")]
HINT = "`tocsin plan bundle` writes a plan and its files as one"
END = (SERVICES + RULES).count("\n") + 1
AUDIENCE = """\
communication:
  audiences:
    board:
      name: The board
      owner: lead
      to: [nia]
"""


def divided(*names: str) -> str:
    """The five-person plan without its services and rules, which other files have."""
    listed = "".join(f"  - {name}\n" for name in names)
    return FIVE.replace(SERVICES, "").replace(RULES, "").replace("people:\n", f"include:\n{listed}\npeople:\n", 1)


def gather(text: str, files: Mapping[str, str], name: str = "plan.yaml") -> str | list[Problem]:
    def reader(path: str) -> str:
        if path not in files:
            raise Unreadable("No such file or directory")
        return files[path]

    return bundle(text, name, reader)


def whole(text: str, files: Mapping[str, str], name: str = "plan.yaml") -> str:
    found = gather(text, files, name)
    assert isinstance(found, str), "\n".join(map(str, found))
    return found


def plan_of(text: str) -> Plan:
    found = check.load(text)
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


def said(found: object) -> list[str]:
    assert isinstance(found, list)
    return list(map(str, found))


TWO = {"parts/services.yaml": f"# What can break.\n{SERVICES}", "parts/rules.yaml": RULES}


def test_a_plan_of_several_files_is_the_plan_of_one() -> None:
    text = whole(divided(*TWO), TWO)
    found, one = plan_of(text), plan_of(FIVE)
    assert found.include == tuple(TWO)
    assert (found.services, found.rules, found.types) == (one.services, one.rules, one.types)


def test_the_gathered_text_has_every_file_letter_for_letter_and_is_gathered_once() -> None:
    main = divided(*TWO)
    text = whole(main, TWO)
    assert [(part.name, part.text) for part in parts.split(text)] == [("", main), *TWO.items()]
    assert whole(text, {}) == text


def test_a_plan_that_includes_nothing_stays_as_it_is() -> None:
    assert whole(FIVE, {}) == FIVE


def test_lists_go_on_and_sections_are_completed() -> None:
    cut = RULES.index("  - { name: critical")
    files = {
        "a.yaml": SERVICES + RULES[:cut],
        "b.yaml": AUDIENCE + "rules:\n" + RULES[cut:],
    }
    plan = plan_of(whole(divided(*files), files))
    assert plan.rules == plan_of(FIVE).rules
    assert list(plan.communication.audiences) == ["team", "public", "board"]
    assert plan.communication.stages == plan_of(FIVE).communication.stages


def test_an_included_file_includes_others() -> None:
    files = {"a.yaml": f"include: [deep/b.yaml]\n{SERVICES}", "deep/b.yaml": RULES}
    plan = plan_of(whole(divided("a.yaml"), files))
    assert plan.include == ("a.yaml", "deep/b.yaml") and len(plan.rules) == 5


# --- Mistakes ---------------------------------------------------------------------------------------------------------


def test_a_mistake_names_the_included_file_and_the_line_in_it() -> None:
    files = {**TWO, "parts/rules.yaml": "# Rules\n\n" + RULES.replace("type: outage", "type: outrage", 1)}
    text = whole(divided(*files), files, "plans/plan.yaml")
    assert said(check.load(text, "plans/plan.yaml")) == [
        'plans/parts/rules.yaml:6  rules.1.type   no type called "outrage"; did you mean outage?'
    ]
    assert said(check.load(text))[0].startswith("parts/rules.yaml:6  ")


def test_mistakes_stand_file_by_file() -> None:
    files = {**TWO, "parts/rules.yaml": RULES.replace("type: outage", "typ: outage", 1)}
    main = divided(*files).replace("  lead:\n", "  leed:\n", 1)
    places = [line.split("  ")[0] for line in said(check.load(whole(main, files)))]
    assert places == [f"parts/rules.yaml:{RULES.splitlines().index('    type: outage') + 1}"]
    sound = {**TWO, "parts/services.yaml": SERVICES.replace("every: 30 s", "every: soon")}
    spoilt = main.replace("acknowledge_within: 10 min", "acknowledge_within: soon")
    names = [line.split(":")[0] for line in said(check.load(whole(spoilt, sound)))]
    assert names == ["plan.yaml", "parts/services.yaml"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.yaml": SERVICES + RULES + "tocsin: 1\n"}, f"a.yaml:{END}  tocsin   this stands already in plan.yaml:4"),
        (
            {"a.yaml": SERVICES + RULES, "b.yaml": "services:\n  lantern: { name: Other }\n"},
            "b.yaml:2  services.lantern   this stands already in a.yaml:2",
        ),
        (
            {"a.yaml": SERVICES + RULES + "services: {}\n"},
            f"a.yaml:{END}  services   this key stands here twice; first on line 1",
        ),
        ({"a.yaml": ""}, "a.yaml:1  the file is empty; a part of a plan has keys such as services"),
        (
            {"a.yaml": "- x\n"},
            "a.yaml:1  a part of a plan is a mapping of keys to values, and has keys such as services",
        ),
        ({"a.yaml": "\nx: [1\n"}, "a.yaml:2  a bracket is opened and not closed, or a comma is missing"),
        ({"a.yaml": "x: 1\n---\ny: 2\n"}, "a.yaml:2  a plan is one document; take out the line of dashes"),
        ({"a.yaml": "x: \a\n"}, "a.yaml:1  the letter U+0007 cannot stand in a plan"),
    ],
)
def test_what_does_not_fit_together_is_said_with_both_places(files: dict[str, str], message: str) -> None:
    found = check.load(whole(divided(*files), files))
    assert message in said(found)


LINE = divided("x").splitlines().index("  - x") + 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../secret.yaml", "'../secret.yaml' does not lead to a file in the plan's own folder"),
        ("parts/../../x.yaml", "does not lead to a file in the plan's own folder"),
        ("/etc/passwd", "'/etc/passwd' does not lead to a file in the plan's own folder"),
        ("parts\\rules.yaml", "does not lead to a file in the plan's own folder"),
        (".", "does not lead to a file in the plan's own folder"),
        ("gone.yaml", "gone.yaml can't be read: No such file or directory"),
        ("plan.yaml", "plan.yaml includes itself"),
    ],
)
def test_an_inclusion_that_leads_nowhere_is_named_with_its_line(name: str, message: str) -> None:
    (found,) = said(gather(divided(name), {}))
    assert found.startswith(f"plan.yaml:{LINE}  include.1   ") and message in found


def test_files_that_include_each_other_are_refused() -> None:
    files = {"a.yaml": "include: [b.yaml]\n", "b.yaml": "include: [./c/../a.yaml]\n"}
    assert said(gather(divided("a.yaml"), files)) == ["b.yaml:1  include.1   a.yaml includes itself, by way of b.yaml"]


def test_a_file_is_included_once() -> None:
    (found,) = said(gather(divided("a.yaml", "./a.yaml"), {"a.yaml": SERVICES}))
    assert found == f"plan.yaml:{LINE + 1}  include.2   a.yaml is included already, by plan.yaml:{LINE}"


def test_a_plan_has_at_most_so_many_files() -> None:
    files = {f"{number}.yaml": "history: []\n" for number in range(MAX_FILES + 1)}
    (found,) = said(gather(divided(*files), files))
    assert found.endswith(f"a plan has at most {MAX_FILES} files")


def test_a_text_whose_files_nobody_brought_along_says_what_to_do() -> None:
    found = said(check.load(divided("a.yaml")))
    assert f"plan.yaml:{LINE}  include.1   the text of a.yaml does not stand here; {HINT}" in found


# --- On disk ----------------------------------------------------------------------------------------------------------


def test_files_are_read_from_the_plans_folder_and_no_link_leads_out_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    (folder / "parts").mkdir(parents=True)
    for name, text in TWO.items():
        (folder / name).write_text(text, encoding="utf-8")
    main = folder / "plan.yaml"
    found = gathered(main, divided(*TWO))
    assert isinstance(found, str) and plan_of(found).services.keys() == {"lantern"}
    (tmp_path / "outside.yaml").write_text(SERVICES, encoding="utf-8")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    reasons = [
        one.message for one in _problems(gathered(main, divided("link.yaml", "bytes.yaml", "parts", "gone.yaml")))
    ]
    assert reasons == [
        "link.yaml can't be read: it leads out of the plan's folder",
        "bytes.yaml can't be read: it is not text in UTF-8",
        "parts can't be read: Is a directory",
        "gone.yaml can't be read: No such file or directory",
    ]


def _problems(found: str | list[Problem]) -> list[Problem]:
    assert isinstance(found, list)
    return found


# --- Whatever the files hold ------------------------------------------------------------------------------------------

LINES = st.lists(
    st.sampled_from(["services: {}", "rules: []", "# a remark", "people:", "  ana: {name: Ana}", "--- # file: x", ""]),
    max_size=6,
).map("\n".join)


@given(LINES, st.dictionaries(st.sampled_from(["a.yaml", "b/c.yaml"]), LINES))
def test_no_gathering_is_too_strange_to_be_read(main: str, files: dict[str, str]) -> None:
    found = read(parts.join(main, files))
    assert isinstance(found, Document | list)
    assert isinstance(check.load(parts.join(main, files)), list)
