"""The text of a plan that somebody names on the command line, with the files that it includes."""

import sys
from pathlib import Path

from tocsin.kit.errors import Invalid, NotFound


class NoSuchFile(NotFound):
    """There is no such file, or it can't be read."""


class NotText(Invalid):
    """The file is not text."""


def text_of(file: str) -> str:
    """What stands in one file, or comes in from the standard input."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotText(f"{name_of(file)} is not text in UTF-8.") from None
    except OSError as error:
        raise NoSuchFile(f"{file} can't be read: {error.strerror}.") from None


def name_of(file: str) -> str:
    return "standard input" if file == "-" else file


def plan_text(file: str) -> str:
    """The text of a plan with all that it includes. Raises BadPlan if it includes what can't be read."""
    from tocsin.plan.commands import BadPlan
    from tocsin.plan.files import gathered

    text = text_of(file)
    if file == "-":
        return text  # it stands in no folder from which anything could be read
    found = gathered(Path(file), text)
    if isinstance(found, list):
        raise BadPlan(found)
    return found
