"""The shapes of what the program puts together by itself, by the rules of `schema`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tocsin.api.schema import Line, Moment, Name
from tocsin.changes.model import Kind
from tocsin.incidents.assessment import How

WebLink = Annotated[str, Meta(max_length=2048, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\u0000]+$")]


# ---- What comes in ----


class NewChange(Struct, forbid_unknown_fields=True):
    """`service` is the plan's; `place` and `by` are your own words. `key` makes a repetition the same change."""

    what: Line
    kind: Kind = Kind.DEPLOYMENT
    service: Name | None = None
    place: Name = ""
    at: Moment | None = None
    by: Name = ""
    link: WebLink | None = None
    key: Annotated[str, Meta(max_length=255, pattern=r"^[^\u0000]*\S[^\u0000]*$")] | None = None


# ---- What goes out ----


class Change(Struct):
    id: str
    what: str
    kind: Kind
    service: str | None
    place: str
    at: datetime
    by: str
    link: str | None
    source: str
    key: str | None
    told_at: datetime
    told_by: str


class Changes(Struct):
    """The last made first. `next` is the cursor of the page after this one; null on the last."""

    changes: list[Change]
    next: str | None


class Looked(Struct):
    """What a probe saw last; `states` are the components that its answer named."""

    probe: str
    service: str
    how: How
    said: str
    states: dict[str, str]
    looked_at: datetime | None


class Nearby(Struct):
    """A change, and how it lies to the beginning of the trouble, in words."""

    change: Change
    when: str


class VendorSeen(Struct):
    key: str
    name: str
    how: How
    because: str
    status_page: str | None
    support: str


class Affected(Struct):
    """`source` is who says how many: `person`, `signal`, `plan` or `nobody`."""

    said: str
    source: str
    because: str


class Similar(Struct):
    id: str
    number: int
    title: str
    severity: str
    declared_at: datetime
    how_alike: str
    how_ended: str


class Course(Struct):
    """How one thing that is measured went around the beginning: `latency` in seconds, `errors` in per cent, or the
    `value` of a measure. `before` is the middle of what it was before, `worst` the highest since."""

    name: str
    what: str
    points: list[tuple[datetime, float]]
    before: float | None
    worst: float | None


class Assessment(Struct):
    """What is known without anybody asking. `unwatched` says why nothing looks at the service, where nothing does.

    `text` is the same in lines, as a page that wakes somebody says it.
    """

    at: datetime
    service: str
    looks: list[Looked]
    unwatched: str
    changes: list[Nearby]
    vendors: list[VendorSeen]
    courses: list[Course]
    users: Affected
    similar: list[Similar]
    text: list[str]


class Template(Struct):
    """`asks` are the fields that a person fills."""

    name: str
    purpose: str
    asks: list[str]


class Templates(Struct):
    templates: list[Template]


class Rendered(Struct):
    """`blanks` are what a person has still to say."""

    name: str
    purpose: str
    text: str
    blanks: list[str]
