"""JSON of any shape, read as a plan says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.docs.test_docs_commands import ROOT, blocks
from tocsin.plan import senders
from tocsin.plan.model import Sender
from tocsin.signals import formats, mapping
from tocsin.signals.model import Arrival, State

MAPPING = """
key: "backup/{job.id}"
title: "{job.name}: {message}"
state: "{result}"
resolved: [success]
acknowledged: [seen]
ignored: [running]
severity: "{level}"
link: "{url}"
labels:
  host: "{hosts.0.name}"
  type: data_loss
  absent: "{nothing}"
"""
BODY = {
    "job": {"id": 7, "name": "nightly"},
    "message": "disk full",
    "result": "failed",
    "level": "critical",
    "url": "https://backup.example.org/7",
    "hosts": [{"name": "db1"}],
}


def sender(text: str = MAPPING) -> Sender:
    found = senders.read("backup", text)
    assert isinstance(found, Sender), found
    return found


def read(body: Any, text: str = MAPPING) -> list[Arrival]:
    return mapping.read("backup", sender(text), body if isinstance(body, bytes) else json.dumps(body).encode())


def faults(body: Any, text: str = MAPPING) -> list[str]:
    with pytest.raises(formats.Unreadable) as caught:
        read(body, text)
    return caught.value.problems


def test_a_body_is_read_as_the_plan_says() -> None:
    assert read(BODY) == [
        Arrival(
            source="json/backup",
            key="backup/7",
            title="nightly: disk full",
            severity="critical",
            labels={"host": "db1", "type": "data_loss"},
            details=BODY,
            link="https://backup.example.org/7",
        )
    ]


def test_the_piece_that_stands_in_a_plan_is_read_as_the_lines_under_the_name_are() -> None:
    piece = senders.piece("backup", MAPPING)
    assert piece.startswith("senders:\n  backup:\n    key: ")
    assert senders.read("backup", f"# what our backup sends\n\n{piece}") == sender()
    assert senders.piece("backup", piece) == piece


def test_what_is_wrong_with_a_piece_is_said_at_its_own_line() -> None:
    found = senders.read("backup", "senders:\n  backup:\n    title: Full\n    keyy: '{id}'\n")
    assert isinstance(found, list)
    assert ("keyy", 4) in [(one.path, one.line) for one in found]


@pytest.mark.parametrize(
    "text", ["senders:\n  other:\n    key: '{id}'\n", f"{senders.piece('backup', MAPPING)}  other: {{}}\n"]
)
def test_a_piece_about_another_sender_is_not_taken_for_this_one(text: str) -> None:
    assert isinstance(senders.read("backup", text), list)


@pytest.mark.tries("own-senders", "a body of ours", "fires", "is acknowledged", "ends")
@pytest.mark.parametrize(
    ("word", "state"),
    [("failed", State.FIRING), ("SUCCESS", State.RESOLVED), ("Seen", State.ACKNOWLEDGED), (None, State.FIRING)],
)
def test_the_words_of_the_state_mean_what_the_plan_says(word: str | None, state: State) -> None:
    assert read({**BODY, "result": word})[0].state is state


def test_what_is_ignored_is_no_signal() -> None:
    assert read({**BODY, "result": "running"}) == []


@pytest.mark.tries("own-senders", "a body of ours", "batch")
def test_each_entry_of_a_list_is_a_signal_and_knows_what_stands_around_it() -> None:
    text = 'each: jobs\nkey: "{id}"\ntitle: "{host}: {message}"\n'
    body = {"host": "db1", "jobs": [{"id": 1, "message": "full"}, {"id": 2, "message": "slow", "host": "db2"}]}
    assert [(one.key, one.title) for one in read(body, text)] == [("1", "db1: full"), ("2", "db2: slow")]
    assert faults({"jobs": 3}, text) == ["$.jobs: 3 is not an array; `each` names one"]
    assert faults({"jobs": [{"id": 1, "message": "x"}, {}], "host": "h"}, text) == [
        "$.jobs.1.id: missing or not text; it is needed for the key {id}"
    ]
    assert read({"jobs": []}, text) == []


def test_what_is_needed_and_not_there_is_named_with_its_place() -> None:
    assert faults({**BODY, "job": {"name": "n"}}) == [
        "$.job.id: missing or not text; it is needed for the key backup/{job.id}"
    ]
    assert faults({**BODY, "message": {"a": 1}}) == [
        "$.message: missing or not text; it is needed for the title {job.name}: {message}"
    ]
    assert "this is not JSON" in faults(b"{")[0]


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ('key: "{id}"', 1, "title", "this key is missing"),
        ('key: "{id}"\ntitel: "{m}"', 2, "titel", "unknown key; did you mean title?"),
        ('key: "{id}"\ntitle: "{m"', 2, "title", "a brace stands alone; fields are written like {job.host}"),
        ('key: "{id}"\ntitle: "{a..b}"', 2, "title", "{a..b} is not a place in a body; write it like {job.host}"),
        ('key: same\ntitle: "{m}"', 1, "key", "nothing of the body stands in it; all that is sent would be one signal"),
        (
            'key: "{id}"\ntitle: "{m}"\neach: a.',
            3,
            "each",
            '"a." is not a place in a body; write it like alerts or result.items',
        ),
        ('key: "{id}"\n  title: "{m}"', 2, "", "this line is not indented like the lines it belongs to"),
        ("", 1, "", "nothing stands here; give it a value or take the key out"),
        ("- a", 1, "", "this must be a mapping of keys to values, not a list"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_at_its_line(text: str, line: int, path: str, message: str) -> None:
    found = senders.read("backup", text)
    assert isinstance(found, list)
    assert (found[0].line, found[0].path, found[0].message) == (line, path, message)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80))
def test_any_text_is_a_mapping_or_has_its_mistakes(text: str) -> None:
    found = senders.read("backup", text)
    assert isinstance(found, Sender) or found


NAMES = st.sampled_from([*BODY, "id", "name"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*BODY, "id", "name"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(JSON)
def test_any_body_is_read_or_refused_with_its_place(body: Any) -> None:
    found: list[Arrival] = []
    problems: list[str] = []
    try:
        found = read(body)
    except formats.Unreadable as error:
        problems = error.problems
    assert all(one.key and one.title for one in found)
    assert all(one.startswith("$") for one in problems)


def test_the_example_of_the_page_reads_as_the_page_says() -> None:
    page = ROOT / "docs" / "howto" / "own-senders.md"
    (piece,), (body,) = blocks(page, "yaml"), blocks(page, "json")
    lines = piece.partition("  backup:\n")[2]
    (one,) = read(body.encode(), lines)
    assert (one.key, one.title, one.state, one.severity) == ("backup/7", "nightly: disk full", State.FIRING, "critical")
    assert one.labels == {"host": "db1", "type": "data_loss"}
