"""Every page that the application has, as its routes say, with what each needs in its address."""

import re
from collections.abc import Mapping
from typing import Any

from litestar import Litestar

_PARAMETER = re.compile(r"\{(\w+):\w+\}")
OUTSIDE = ("/status",)  # answered before any route


def paths(rest: Litestar) -> list[str]:
    """What answers a GET out of the console and the public page; not the API and no files."""
    found = {route.path for route in rest.routes if "GET" in getattr(route, "methods", ()) and _is_page(route)}
    return sorted({*found, *OUTSIDE})


def _is_page(route: Any) -> bool:
    handlers = getattr(route, "route_handler_map", {})
    handler, _ = handlers.get("GET", (None, None))
    made = getattr(handler, "fn", None)
    return getattr(made, "func", made).__module__.startswith("tocsin.web") if made else False


def filled(path: str, known: Mapping[str, object]) -> str | None:
    """The path with its parameters; None if one of them is not known. A parameter may be known for one path alone."""
    missing = [name for name in _PARAMETER.findall(path) if f"{path} {name}" not in known and name not in known]
    if missing:
        return None
    return _PARAMETER.sub(lambda found: str(known.get(f"{path} {found[1]}", known.get(found[1]))), path)
