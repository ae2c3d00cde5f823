"""The site as a branch of a Git repository, such as those from which hosts of code serve pages.

The branch is ours alone and always one commit: what was taken down is in no history either. A branch that holds
anything else is left alone.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tocsin.kit.text import clip
from tocsin.status.folder import Folder
from tocsin.status.places import MANIFEST, NotTaken, Took, digests, manifest, read_manifest
from tocsin.status.site import AnyFile

WITHIN = 20  # seconds for one command
WHO = ("-c", "user.name=Tocsin", "-c", "user.email=tocsin@localhost", "-c", "core.hooksPath=/dev/null")
SERVED_AS_IT_IS = ".nojekyll"  # or some hosts leave out what their own generator does not know


class Branch:
    def __init__(self, url: str, branch: str) -> None:
        self.name = f"{_without_secrets(url)}#{branch}"
        self._url = url
        self._branch = branch

    def publish(self, files: Mapping[str, AnyFile]) -> Took:
        if shutil.which("git") is None:
            raise NotTaken("git is not installed on this server")
        with tempfile.TemporaryDirectory(prefix="tocsin-status-") as made:
            folder = Path(made)
            self._git(folder, "init", "--quiet")
            before = self._fetched(folder)
            known, wanted = self._known(folder, before), digests(files)
            if known == wanted:
                return Took(0, 0)
            if before:  # what has not changed need not be made again
                (folder / "site").mkdir()
                self._git(folder, "--work-tree", str(folder / "site"), "checkout", "--quiet", before, "--", ".")
            Folder(folder / "site").publish(files)
            (folder / "site" / MANIFEST).write_bytes(manifest(wanted))
            (folder / "site" / SERVED_AS_IT_IS).touch()
            self._push(folder, before)
        written = sum(known.get(name) != digest for name, digest in wanted.items())
        return Took(written, len(known.keys() - wanted.keys()))

    def _fetched(self, folder: Path) -> str:
        """The commit that the branch holds; empty if there is no such branch yet."""
        found = self._git(folder, "ls-remote", "--heads", "--", self._url, f"refs/heads/{self._branch}").split()
        if not found:
            return ""
        self._git(
            folder, "fetch", "--quiet", "--depth", "1", "--no-tags", "--", self._url, f"refs/heads/{self._branch}"
        )
        return found[0]

    def _known(self, folder: Path, before: str) -> dict[str, str]:
        if not before:
            return {}
        if MANIFEST not in self._git(folder, "ls-tree", "--name-only", before).split("\n"):
            raise NotTaken(f"{self.name} holds other things; name a branch that is not there yet")
        return read_manifest(self._git(folder, "show", f"{before}:{MANIFEST}").encode())

    def _push(self, folder: Path, before: str) -> None:
        site = folder / "site"
        self._git(folder, "--work-tree", str(site), "add", "--all", "--force", ".", within=site)
        tree = self._git(folder, "write-tree").strip()
        commit = self._git(folder, *WHO, "commit-tree", tree, "-m", "Publish the status page").strip()
        target = f"refs/heads/{self._branch}"
        # With a lease: whoever has put something else there meanwhile is not overwritten.
        self._git(
            folder, "push", "--quiet", f"--force-with-lease={target}:{before}", "--", self._url, f"{commit}:{target}"
        )

    def _git(self, folder: Path, *arguments: str, within: Path | None = None) -> str:
        """One command. It asks nobody for a password: that is in the address, a key, or a credential helper."""
        quiet = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        }
        command = ["git", "--git-dir", str(folder / ".git"), *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - our own words, and the operator's address behind `--`
                command,
                cwd=within or folder,
                env={**os.environ, **quiet},
                capture_output=True,
                timeout=WITHIN,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise NotTaken(f"{self.name} did not answer within {WITHIN} seconds") from None
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace").strip() or f"git ended with {error.returncode}"
            raise NotTaken(f"{self.name}: {clip(_without_secrets(said), 300)}") from None
        return done.stdout.decode("utf-8", "replace")


def _without_secrets(text: str) -> str:
    """The text without what stands before the @ of an address."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)


def split(target: str) -> tuple[str, str]:
    """Address and branch of `git+https://host/repository#branch`."""
    parts = urlsplit(target.removeprefix("git+"))
    return parts._replace(fragment="").geturl(), parts.fragment or "status"
