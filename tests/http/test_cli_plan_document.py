"""The plan in force, printed on the server's own machine."""

from pathlib import Path

import pytest

from tests.support import plans
from tests.support.terminal import Terminal
from tocsin.plan import printing

ROSE = plans.ROOT / "src" / "tocsin" / "plans" / "rose.yaml"


@pytest.fixture
def tocsin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    terminal = Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}"})
    terminal.done("migrate")
    return terminal


def test_the_plan_in_force_is_printed_with_its_revision(tocsin: Terminal) -> None:
    of_the_file = tocsin.done("plan", "document", str(ROSE))
    assert tocsin.done("plan", "document") == of_the_file
    revision = tocsin("plan", "document", "--json").json["revision"]
    assert of_the_file == printing.document(plans.load(ROSE), revision)
    assert f"\n- Revision `{revision}`\n" in of_the_file
