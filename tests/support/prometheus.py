"""A real Prometheus on this machine, for the story in which it hands over its alerts itself."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = "prometheus"

needs_prometheus = pytest.mark.needs(PROGRAM)

RULES = """
groups:
  - name: rose
    interval: 200ms
    rules:
      - alert: VoiceProcessingDown
        expr: up{job="rose"} == 0
        labels: {severity: critical, service: rose}
        annotations: {summary: Voice replies fail for everybody}
"""


@contextmanager
def running_prometheus(alertmanager: str, watched: int, folder: Path, port: int = 0) -> Iterator[None]:
    """Run it until the block ends. It looks at a port of this machine, and alerts whom `alertmanager` says, in YAML.
    Whoever has questions for it names the `port` at which it answers."""
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: rose, static_configs: [{{targets: ['127.0.0.1:{watched}']}}]}}]
alerting: {{alertmanagers: [{alertmanager}]}}
""")
    program = shutil.which(PROGRAM)
    assert program is not None, "mark this test with needs_prometheus"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            yield
        finally:
            process.kill()


class _Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"rose_is_well 1\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        pass


@contextmanager
def something_well(port: int) -> Iterator[None]:
    """Something that answers Prometheus at this port until the block ends."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), _Well) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
