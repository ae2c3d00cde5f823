"""The printed plan leaves nothing out, names every statement, and promises what is really owed."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support import plans
from tests.support.records import declared, incident, later
from tests.support.terminal import Terminal
from tocsin.incidents.model import AnyEntry, Incident, Resolved, Updated
from tocsin.incidents.owed import owed
from tocsin.kit.text import span
from tocsin.obligations.model import ANSWER_PREFIX, Kind
from tocsin.paging import ladder
from tocsin.plan import printing
from tocsin.plan.fields import Text
from tocsin.plan.model import Plan
from tocsin.plan.promises import Since, promises

T = TypeVar("T")
SMALL = plans.load(plans.ROOT / "examples" / "five-people.yaml")
each_plan = pytest.mark.parametrize("file", plans.FILES, ids=lambda file: file.stem)

SAID_OF = {
    ("private", True): "Confidential. Never shown in public",
    ("confidential", True): "Also told of what is confidential",
    ("confidential", False): "Not told of what is confidential",
    ("private", False): "May be shown in public",
    ("public", True): "Reads the public status page",
    ("form", True): "Everybody may say",
    ("form", False): "Only programs and those who help users",
    ("public", False): "Is not public",
    ("required", True): "required",
    ("required", False): "may stay empty",
    ("escalation", None): "Nobody is paged",
    ("overdue_to", None): "",
    ("rounds", None): "until somebody acknowledges",
    ("facts", None): "nothing",
    ("prompt", ""): "nothing",
    ("precedence", None): "as it stands",
    ("severity", None): "by the",
    ("service", None): "the one that the signal names",
    ("title", None): "that of the signal",
    ("owner", None): "whoever is on call",
    ("plain", True): "in plain words",
    ("plain", False): "",
}
SILENT = {
    *("urgency", "gather_within", "canary", "reached_within"),
    *("within", "slow_after", "runbook", "template", "rotation", "by", "link", "effect", "chat", "call", "status_page"),
    *("error_rate", "above", "at_least", "below", "at_most", "since", "until", "count_by", "band_of"),
    *("handoff_on", "hours", "starts_on", "handoff", "zone", "from_on", "until_on", "team"),
    *("readers", "users", "notice", "handing_over", "silent_after", "snooze_most", "resolves_itself_after"),
    *(
        "runs_within",
        "out_of",
        "control",
        "certificate_days",
        "look_every",
        "reports",
        "flapping",
        "token",
        "token_header",
    ),
    *("usual", "ignore", "number", "sum", "average", "count", "slowdown", "slowdown_of"),
    *("name", "logo", "home", "support"),  # of the status page
    *("url", "sender", "railway", "filter", "says", "expects", "schema", "approved_by"),
}  # of these the document says nothing if the plan does not

OF_A_REPORT = {"status_field", "healthy_values", "components_field", "good_values"}


def read(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def statements(markdown: str) -> dict[str, str]:
    """What is said under each id, where it stands first: a heading, an item, a row, with the fence below it."""
    found: dict[str, str] = {}
    row: list[Token] = []
    in_row, last = False, ""
    for token in read(markdown):
        if token.type == "inline":
            row += [*(token.children or []), Token("text", "", 0, content=" ")]
        if token.type in ("tr_open", "tr_close"):
            in_row = token.type == "tr_open"
        if row and not in_row:
            last, row = _note(found, row) or last, []
        if token.type == "fence":
            found[last] += " " + normal(token.content)
    return found


def _note(found: dict[str, str], pieces: list[Token]) -> str:
    """Keep what a statement says beside its id, if it has one: a piece of code at its end."""
    seen = [one for one in pieces if one.type != "text" or one.content.strip()]
    if not seen or seen[-1].type != "code_inline":
        return ""
    name = seen[-1].content
    found.setdefault(name, normal("".join(one.content for one in pieces if one is not seen[-1])))
    return name


def normal(text: str) -> str:
    return " ".join(text.split())


def form(path: str, value: object) -> str:
    """How a value is printed; nothing for what need not be."""
    key = path.rpartition(".")[2]
    match value:
        case bool() | None:
            return "" if key in SILENT and value is None else SAID_OF[(key, value)]
        case "":
            return SAID_OF.get((key, value), "")
        case timedelta():
            return span(value)
        case time():
            return f"{value:%H:%M}"
        case date():
            return value.isoformat()
        case _:
            return normal(str(value))


def unsaid(plan: Plan) -> list[str]:
    """The paths of all values that do not stand in the statement that has the nearest id."""
    found = statements(printing.document(plan))
    missing = []
    for path, value in plans.leaves(plan):
        if is_unread(plan, path):
            continue
        nearest = path
        while nearest and nearest not in found:
            nearest = nearest.rpartition(".")[0]
        said, wanted = found.get(nearest, ""), form(path, value)
        if wanted and not re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said):
            missing.append(f"{path}: {wanted!r} is not in {said!r}")
    return missing


def is_unread(plan: Plan, path: str) -> bool:
    """Whether it says how a health report is read that nobody reads."""
    match path.split("."):
        case ["services", service, "probes", name, key, *_] if key in OF_A_REPORT:
            probe = plan.services[service].probes[name]
            return probe.expects is not None or not probe.url.startswith("http")
        case _:
            return False


@each_plan
def test_nothing_of_a_plan_is_left_out(file: Path) -> None:
    assert unsaid(plans.load(file)) == []


@each_plan
def test_every_statement_is_named_by_a_path_of_the_plan(file: Path) -> None:
    plan = plans.load(file)
    paths = {path for path, _ in plans.leaves(plan)}
    around = {path[:end] for path in paths for end in (one.start() for one in re.finditer(r"\.", path))}
    assert set(statements(printing.document(plan))) <= paths | around


# --- Whatever letters a plan has --------------------------------------------------------------------------------------

LETTERS = st.text(alphabet="`|\\#*_[]()<>&!~-+=:;1. \nab", min_size=1, max_size=12).filter(str.strip)


def spoilt(value: T, text: str) -> T:
    """The same part of a plan with its prose, templates and addresses replaced."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value), include_extras=True)
        changes = {one.name: _spoilt(hints[one.name], getattr(value, one.name), text) for one in fields(value)}
        return replace(value, **changes)
    return value


def _spoilt(kind: Any, value: Any, text: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _spoilt(kind.__args__[1], one, text) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_spoilt(kind.__args__[0], one, text) for one in value)
    return text.strip() if value and kind in (Text, Text | None) else spoilt(value, text)


def shape(markdown: str) -> list[str]:
    return [token.type for token in read(markdown)]


@settings(max_examples=10, deadline=None)
@given(LETTERS)
@example("# no heading")
@example("- no item")
@example("1. no step")
@example("a | b \\| c")
@example("<script>alert(1)</script> &lt;b&gt; &amp; &#35;")
@example("``` `a` ``b``")
@example("__init__ _a_ *b* **c** ~~d~~ [e](f) ![g](h)")
@example("a\n\n# b\n\n> c")
def test_no_letters_of_a_plan_become_markup(text: str) -> None:
    plan = spoilt(SMALL, text)
    plan = replace(plan, templates={key: text for key in plan.templates}, links={"Here": text})
    whole = printing.document(plan)
    assert shape(whole) == shape(printing.document(replace(SMALL, links={"Here": "there"})))
    inlines = {one.type for token in read(whole) for one in token.children or []}
    assert inlines <= {"text", "code_inline", "strong_open", "strong_close", "link_open", "link_close", "text_special"}
    assert unsaid(plan) == []


class Words:
    """Puts a word of its own wherever a plan may have words, also where it has none."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}  # word → the place that it was put

    def whole(self, value: T, path: str) -> T:
        if not is_dataclass(value) or isinstance(value, type):
            return value
        hints = get_type_hints(type(value), include_extras=True)
        changes = {
            one.name: self._part(hints[one.name], getattr(value, one.name), f"{path}.{one.name}")
            for one in fields(value)
        }
        return replace(value, **changes)

    def _part(self, kind: Any, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._part(kind.__args__[1], one, f"{path}.{key}") for key, one in value.items()}
        if isinstance(value, tuple):
            inside = kind.__args__[0]
            inside = inside.__args__[0] if get_origin(inside) is tuple else inside  # where one may stand by itself
            items = value or (("",) if inside == Text else ())
            return tuple(self._part(inside, one, f"{path}.{place}") for place, one in enumerate(items, 1))
        if kind in (Text, Text | None):
            word = f"word{len(self.given)}x"
            self.given[word] = path
            return word
        return self.whole(value, path)


@each_plan
def test_every_text_that_a_plan_can_have_stands_in_the_document(file: Path) -> None:
    words = Words()
    plan = words.whole(plans.load(file), "plan")
    assert len(words.given) > 100
    printed = set(re.findall(r"word\d+x", printing.document(plan)))
    assert [path for word, path in words.given.items() if word not in printed] == []


def test_conditions_with_bars_stay_within_their_cell() -> None:
    rule = replace(SMALL.rules[0], when={"title": ("/a|b/", "c\\|d", "`|`")})
    whole = printing.document(replace(SMALL, rules=(rule,)))
    assert statements(whole)["rules.1"].startswith(f"as it stands {rule.name} title is /a|b/, c\\|d or `|` high ")


# --- What is promised is what is owed ---------------------------------------------------------------------------------


def begun(plan: Plan, severity: str, *entries: AnyEntry) -> Incident:
    shown = next(key for key, one in plan.types.items() if not one.private)
    return incident(declared(severity=severity, type=shown), *entries)


def promised(plan: Plan, severity: str, since: Since) -> set[tuple[object, ...]]:
    return {
        (one.kind, one.key, one.owners, one.within, one.clause)
        for one in promises(plan, severity)
        if one.since is since
    }


def due(plan: Plan, one: Incident, since: datetime) -> set[tuple[object, ...]]:
    return {(duty.kind, duty.key, (duty.owner,), duty.due_at - since, duty.clause) for duty in owed(plan, one).values()}


@each_plan
def test_what_is_promised_from_the_declaration_is_owed_then(file: Path) -> None:
    plan = plans.load(file)
    for severity in plan.severities:
        assert promised(plan, severity, Since.DECLARATION) == due(plan, begun(plan, severity), later(0))


@each_plan
def test_what_is_promised_from_an_update_is_owed_after_it(file: Path) -> None:
    plan = plans.load(file)
    told = [Updated(at=later(3), by="ana", audience=key, text="News") for key in plan.communication.audiences]
    for severity in plan.severities:
        after = {one for one in due(plan, begun(plan, severity, *told), later(3)) if one[0] is Kind.UPDATE}
        assert promised(plan, severity, Since.UPDATE) == after


@each_plan
def test_what_is_promised_from_the_resolution_is_owed_after_it(file: Path) -> None:
    plan = plans.load(file)
    fixed = Resolved(at=later(20), by="ana", how="Restarted it")
    for severity in plan.severities:
        assert promised(plan, severity, Since.RESOLUTION) == due(plan, begun(plan, severity, fixed), later(20))


@each_plan
def test_the_pages_that_are_promised_are_the_steps_that_are_climbed(file: Path) -> None:
    plan = plans.load(file)
    for severity, level in plan.severities.items():
        policy = plan.escalation[level.escalation] if level.escalation else None
        climbed = [ladder.climb(policy, steps_taken=place) for place in range(len(policy.steps))] if policy else []
        assert [(one.key, one.owners, one.within) for one in promises(plan, severity) if one.kind == "answer"] == [
            (f"{ANSWER_PREFIX}{one.step}", one.targets, one.wait) for one in climbed if isinstance(one, ladder.PageStep)
        ]


@each_plan
def test_every_promise_stands_in_the_document_at_its_severity(file: Path) -> None:
    plan = plans.load(file)
    whole = printing.document(plan)
    for severity in plan.severities:
        _, _, owed_here = whole.partition(f"\n### Owed at {severity}\n")
        rows = [line for line in owed_here.partition("\n### ")[0].splitlines() if line.startswith("| `")]
        assert [(row.split(" | ")[3], row.split(" | ")[5]) for row in rows] == [
            (f"{span(one.within)} from {one.since}", f"`{one.path}` |") for one in promises(plan, severity)
        ]


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, {})


FIVE = str(plans.ROOT / "examples" / "five-people.yaml")


def test_the_document_names_the_revision_that_the_file_would_be(terminal: Terminal) -> None:
    revision = hashlib.sha256(Path(FIVE).read_bytes()).hexdigest()[:12]
    assert terminal.done("plan", "document", FIVE) == printing.document(SMALL, revision)
    found = terminal("plan", "document", FIVE, "--json").json
    assert (found["name"], found["version"], found["revision"]) == ("Lantern", "1", revision)
    assert found["document"].startswith("# Incident response plan: Lantern")


def test_the_document_is_written_to_a_new_file_only(terminal: Terminal, tmp_path: Path) -> None:
    output = tmp_path / "PLAN.md"
    assert terminal.done("plan", "document", FIVE, "--output", str(output)) == ""
    written = output.read_text(encoding="utf-8")
    assert written == terminal.done("plan", "document", FIVE)
    again = terminal("plan", "document", FIVE, "--output", str(output))
    assert again.code == 4 and str(output) in again.err


def test_a_plan_with_mistakes_is_not_printed(terminal: Terminal) -> None:
    printed = terminal(
        "plan", "document", "-", stdin=Path(FIVE).read_text("utf-8").replace("minutes: 45", "minutes: 4")
    )
    assert (printed.code, printed.out) == (2, "")
    assert "review.agenda" in printed.err
