"""Another program that answers where Tocsin is looked for."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def another_program() -> Iterator[str]:
    """Its address, for as long as it listens."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Stranger) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Answers as some other program would, or as a Tocsin that takes no more."""

    def do_GET(self) -> None:
        busy, missing = "/oncall" in self.path, "/changes" in self.path
        said = {"detail": "Too much waits." if busy else "Not Found"}
        body = json.dumps(said).encode() if busy or missing else b"<h1>A stranger's page</h1>"
        self.send_response(503 if busy else 404 if missing else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
