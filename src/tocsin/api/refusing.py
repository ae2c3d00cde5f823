"""What is refused to callers, for the audit log: counted here, and written down once a minute."""

from typing import Any

from litestar.types import Scope

from tocsin.api import wire
from tocsin.api.keys import NotOfProvider, NoToken, UnknownToken
from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.kit.errors import TocsinError
from tocsin.people.access import NotAllowed


def note(app: App, scope: Scope, error: TocsinError, *, about: str) -> None:
    """Count it, if it is one of those. A request that shows no token at all is no attempt."""
    if isinstance(error, NoToken):
        return
    if isinstance(error, UnknownToken | NotOfProvider):
        deed, actor = Deed.TOKEN_REFUSED, ""
    elif isinstance(error, NotAllowed):
        known: Any = scope.get("auth")
        deed, actor = Deed.RIGHT_MISSING, known.handle if known else ""
    else:
        return
    app.refusals.note(deed, app.database.now(), actor=actor, about=about, source=wire.address(scope))


def of_request(request: Any, error: TocsinError) -> None:
    """The same for a request to the API. Its path in the route table says what was asked for, and holds no secret."""
    note(request.app.state["tocsin"], request.scope, error, about=str(request.scope.get("path_template", "")))
