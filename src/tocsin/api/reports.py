"""What users say does not work, from whoever helps them: a support desk, or a program of its own."""

from typing import Annotated

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.schema import Name
from tocsin.kit.ids import new_key
from tocsin.people import access
from tocsin.response import reporting as reports
from tocsin.signals import reporting

Words = Annotated[str, Meta(max_length=reporting.WORDS_MOST, pattern=r"^[^\u0000]*\S[^\u0000]*$")]


class NewReport(Struct, forbid_unknown_fields=True):
    """`about` is a component or a service of the plan. `by` is your own name for whoever says it, such as the number of
    a customer: reports by the same are those of one person. Without it, each report is somebody else's."""

    words: Words
    about: Name = ""
    contact: Annotated[str, Meta(max_length=reporting.CONTACT_MOST, pattern=r"^[^\u0000]*$")] = ""
    by: Name = ""


class Report(Struct):
    """The signal with the source `report` and this key. `people` is how many reported within the plan's time, and
    `many` whether those are enough for its rules."""

    key: str
    people: int
    many: bool


def handlers() -> list[HTTPRouteHandler]:
    return [report]


@post("/reports", summary="Say what does not work for a user", **needs(access.SIGNAL_WRITE, 400))
def report(request: Call, data: JSONBody[NewReport]) -> Report:
    key = app_of(request).signing_key.encode()
    by = reporting.person(key, f"{request.auth.handle} {data.by}" if data.by else new_key())
    said = reporting.Report(words=data.words, about=data.about, contact=data.contact, by=by)
    kept = act(request, lambda tx: reports.take(tx, said))
    return Report(kept.key, kept.people, kept.is_many)
