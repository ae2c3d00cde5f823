"""A plan's files on disk."""

from pathlib import Path

from tocsin.plan.bundle import Unreadable, bundle
from tocsin.plan.parse import Problem


def gathered(file: Path, text: str) -> str | list[Problem]:
    """The text of a plan file with all that it includes from its own folder, or what is amiss with that."""
    folder = file.parent.resolve()

    def read(path: str) -> str:
        target = (folder / path).resolve()
        if not target.is_relative_to(folder):  # a link can lead out of the folder, whatever the path says
            raise Unreadable("it leads out of the plan's folder")
        try:
            return target.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Unreadable("it is not text in UTF-8") from None
        except OSError as error:
            raise Unreadable(error.strerror or "it is not a file") from None

    return bundle(text, file.as_posix(), read)
