"""The site in a folder of this machine, for any server of files. Each file is replaced at once and never half."""

from collections.abc import Mapping
from pathlib import Path

from tocsin.status.places import MANIFEST, NotTaken, Took, digests, in_order, manifest, read_manifest
from tocsin.status.site import AnyFile

HALF = ".half"  # the end of the name of a file that is being written


class Folder:
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def publish(self, files: Mapping[str, AnyFile]) -> Took:
        try:
            return self._publish(files)
        except OSError as error:
            raise NotTaken(f"{self.name} can't be written: {error.strerror or error}") from None

    def _publish(self, files: Mapping[str, AnyFile]) -> Took:
        known, wanted = self._known(), digests(files)
        self._path.mkdir(parents=True, exist_ok=True)
        news = [
            name for name in in_order(files) if known.get(name) != wanted[name] or not (self._path / name).is_file()
        ]
        gone = [name for name in known if name not in wanted]
        if news or gone:
            self._write(MANIFEST, manifest({**known, **wanted}))  # before the files: what we wrote is ours
        for name in news:
            self._write(name, files[name].body)
        for name in gone:
            self._remove(name)
        if gone:
            self._write(MANIFEST, manifest(wanted))
        return Took(len(news), len(gone))

    def _known(self) -> dict[str, str]:
        """What we wrote there before. A folder of somebody else is left alone."""
        path = self._path / MANIFEST
        if path.is_file():
            return read_manifest(path.read_bytes())
        if self._path.is_dir() and any(not one.name.startswith(".") for one in self._path.iterdir()):
            raise NotTaken(f"{self.name} holds other things; name a folder that is empty, or is not there yet")
        return {}

    def _write(self, name: str, body: bytes) -> None:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + HALF)
        half.write_bytes(body)
        half.replace(path)

    def _remove(self, name: str) -> None:
        path = self._path / name
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self._path or any(parent.iterdir()):
                break
            parent.rmdir()
