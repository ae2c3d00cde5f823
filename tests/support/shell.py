"""A shell that types what a page says, in a folder of its own, and tells how each command ended."""

import shutil
import subprocess
import sys
from pathlib import Path

DONE = "--this command is done--"


class Shell:
    """One bash for as long as the block lasts, so that what is exported stays. `tocsin` is this installation's."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        bash = shutil.which("bash")
        assert bash is not None
        self._process = subprocess.Popen(
            [bash, "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.enter(f'tocsin() {{ "{sys.executable}" -m tocsin "$@"; }}')

    def enter(self, command: str) -> tuple[int, str]:
        """Type one command and press Enter; its exit code and what it printed, errors included."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f'{command}\necho "{DONE} $?"\n')
        self._process.stdin.flush()
        said: list[str] = []
        for line in self._process.stdout:
            text, found, code = line.partition(DONE)
            if found:
                return int(code), "".join([*said, text])
            said.append(line)
        raise AssertionError(f"the shell ended at: {command}\n{''.join(said)}")

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
