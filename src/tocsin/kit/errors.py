"""The four ways in which Tocsin refuses, each mapped once by every entry point.

An error that a user can cause extends one of these and stands beside the code that raises it.
Its docstring is the default sentence a user reads; anything else that is raised is a bug.
"""


class TocsinError(Exception):
    """The request could not be carried out."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotFound(TocsinError):
    """There is no such thing. HTTP 404, exit code 3."""


class Invalid(TocsinError):
    """What was sent is not valid. HTTP 400, exit code 2.

    `field` names the place of the mistake, where there is one.
    """

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Forbidden(TocsinError):
    """The actor may not do this. HTTP 403, exit code 5."""


class Refused(TocsinError):
    """The state of things does not allow this now. HTTP 409, exit code 4."""


class Overloaded(TocsinError):
    """Too much is waiting; send it again in a second. HTTP 503 with Retry-After, exit code 6."""
