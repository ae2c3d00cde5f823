"""`--watch`: a command that shows something shows it again and again, until it is stopped."""

import functools
import inspect
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from tocsin.cli import show
from tocsin.kit.errors import Overloaded

EVERY = 2  # seconds, unless a number says otherwise
_NUMBER = re.compile(r"[+-]?[0-9.]+")

Watch = Annotated[
    float | None,
    Parameter(
        name="--watch",
        validator=Number(gte=0.5, lte=3600),
        help=f"Show it again every so many seconds, {EVERY} without a number, until Ctrl-C.",
    ),
]


def spelled_out(words: Iterable[str]) -> Iterator[str]:
    """What was typed, with its number behind a `--watch` that has none."""
    typed = list(words)
    ends = typed.index("--") if "--" in typed else len(typed)
    for place, word in enumerate(typed):
        bare = word == "--watch" and place < ends
        has_number = place + 1 < ends and _NUMBER.fullmatch(typed[place + 1])
        yield f"{word}={EVERY}" if bare and not has_number else word


def watched(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with `--watch`. It must only show: whatever it does is done again and again."""

    @functools.wraps(command)
    def again(*given: Any, watch: float | None = None, **named: Any) -> Any:
        if watch is None:
            return command(*given, **named)
        was_there = False
        while True:
            if not named.get("json"):
                show.wipe()
            try:
                command(*given, **named)
                was_there = True
            except Overloaded as error:
                if not was_there:
                    raise
                show.error(error.message)  # it comes back, and who watches watches on
            time.sleep(watch)

    signature = inspect.signature(command)
    asked = inspect.Parameter("watch", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Watch)
    parameters = list(signature.parameters.values())
    place = next((n for n, one in enumerate(parameters) if one.name == "json"), len(parameters))
    parameters.insert(place, asked)
    vars(again)["__signature__"] = signature.replace(parameters=parameters)
    again.__annotations__ = {**command.__annotations__, "watch": Watch}
    return again
