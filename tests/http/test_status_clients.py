"""The status page's JSON, read by a program that others made for the pages of Statuspage."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.core.test_status_site import BUSY, site
from tests.http.test_status_browser import files, put

READ = (
    "import json, sys\n"
    "from statuspage_prometheus_exporter import service_checker as checker\n"
    "print(json.dumps(checker.check_service_status('rose', checker.SERVICES['rose'])))\n"
)


def read(address: str, folder: Path) -> dict[str, Any]:
    """What the exporter of others makes of it. It looks for its settings where it is started, and keeps a cache."""
    settings = {"rose": {"name": "Rose", "type": "status_page", "url": f"{address}/api/v2/summary.json"}}
    (folder / "services.json").write_text(json.dumps(settings))
    ran = subprocess.run(
        [sys.executable, "-c", READ], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_an_exporter_of_others_reads_incidents_maintenance_and_components(tmp_path: Path) -> None:
    page, reader = tmp_path / "page", tmp_path / "reader"
    reader.mkdir()
    put(page, BUSY)
    with files(page) as address:
        found = read(address, reader)
    assert found["success"] and found["status"] == 0
    open_ones = [one for one in BUSY.page.incidents if one.resolved_at is None]
    assert {one["id"] for one in found["incident_metadata"]} == {one.id for one in open_ones}
    assert all(one["shortlink"].startswith("https://") for one in found["incident_metadata"])
    assert {one.name for one in BUSY.page.components} <= {one["name"] for one in found["component_metadata"]}
    assert any(one["status_value"] == 0 for one in found["component_metadata"])


def test_the_same_exporter_sees_that_all_is_well(tmp_path: Path) -> None:
    page, reader = tmp_path / "page", tmp_path / "reader"
    reader.mkdir()
    put(page, site())
    with files(page) as address:
        found = read(address, reader)
    assert (found["success"], found["raw_status"], found["incident_metadata"]) == (True, "none", [])
