"""nginx with the same bytes in files, on the same machine: what a program gives that does nothing else in the world."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import installation

NOT_RUN = "not run: nginx is not installed"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def is_there() -> bool:
    return shutil.which("nginx") is not None


@contextmanager
def serving(folder: Path, files: Mapping[str, bytes], log: Path) -> Iterator[int]:
    """One process of nginx, as the server is one; returns its port."""
    root = folder / "nginx"
    for name, body in files.items():
        path = root / name.strip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def command(port: int) -> tuple[str, ...]:
        config = folder / "nginx.conf"
        config.write_text(_config(root, folder, port))
        return (str(shutil.which("nginx")), "-p", str(folder), "-c", str(config), "-e", "stderr")

    with installation.started(command, {}, log, next(iter(files))) as server:
        yield server.port


def _config(root: Path, folder: Path, port: int) -> str:
    places = " ".join(f"{name}_temp_path {folder / name};" for name in TEMPORARY)
    return (
        f"daemon off; master_process off; pid {folder / 'nginx.pid'}; events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; default_type text/html; keepalive_requests 100000000; {places}\n"
        f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
