"""What a browser sends: bodies of a bounded size, times typed in UTC, and paths that stay on this site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from litestar import Request
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType

from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip

AnyRequest = Request[Any, Any, Any]

MOST_FORM_BYTES = 512 * 1024
MOST_FIELDS = 300
LONGEST_PLAN = 300_000  # characters
MOST_PLAN_BYTES = 6 * LONGEST_PLAN  # a form writes most signs as three letters, and not all are letters of one byte
LONGEST_TEXT = 100_000  # characters of one field: a long section of a post-mortem


class NotAForm(Invalid):
    """The form is sent in parts (multipart/form-data), as no page of ours sends one."""


class TooManyFields(Invalid):
    """The form holds more fields than any page of ours has."""


SECRETS = frozenset({"old", "password", "again"})  # fields that no page shows again
PROOF = "proof_"  # begins the fields that prove who sends a form


def _is_ours(name: str) -> bool:
    return name == "_csrf_token" or name.startswith(PROOF)


@dataclass(frozen=True)
class Form:
    """The fields of a form. A field that was not sent reads as empty."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The last value of a field, without the space around it and with line ends as `\\n`."""
        value = self.fields.get(name, [""])[-1].replace("\r\n", "\n").strip()
        if len(value) > LONGEST_TEXT:
            raise Invalid(f"This is longer than {LONGEST_TEXT} characters.", field=name)
        return value

    def secret(self, name: str) -> str:
        """A value exactly as it was typed."""
        return self.fields.get(name, [""])[-1]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self.fields.get(name, ()))

    def has(self, name: str) -> bool:
        return name in self.fields

    def instant(self, name: str) -> datetime | None:
        """A moment as a date-time field sends it, read as UTC; None where it was left empty."""
        typed = self.text(name)
        return utc_instant(typed, name) if typed else None

    def typed(self) -> dict[str, str]:
        """What was typed, by field, to show it again beside what was wrong with it."""
        return {name: values[-1] for name, values in self.fields.items() if not _is_ours(name)}

    def carried(self) -> list[tuple[str, str]]:
        """All that was typed but for what is secret, to be sent once more after something else was asked."""
        kept = [name for name in self.fields if not _is_ours(name) and name not in SECRETS]
        return [(name, value) for name in kept for value in self.fields[name]]


Sent = NamedDependency[Form]


async def read_form(request: AnyRequest) -> Form:
    """The form of this request. Raises Invalid for a body that is none."""
    if request.content_type[0] == RequestEncodingType.MULTI_PART:
        raise NotAForm  # what looks for the token of our forms has read it by now, and it comes no second time
    body = await request.body()
    try:
        text = body.decode("utf-8")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except UnicodeDecodeError:
        raise Invalid("The form is not UTF-8 text.") from None
    except ValueError:
        raise TooManyFields from None


def utc_instant(typed: str, name: str) -> datetime:
    """Read `2026-11-24T02:38`, or what people make of it. Raises Invalid."""
    try:
        found = datetime.fromisoformat(typed.removesuffix("UTC").strip())
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC the last hours of the year 9999 may lie beyond it
        raise Invalid(f"'{clip(typed, 40)}' is not a time; write it like 2026-11-24 02:38.", field=name) from None


def local_path(wanted: str) -> str:
    """The path to go on to, if it is one of ours; otherwise the front page.

    A browser reads `//host`, `/\\host` and `/<tab>/host` as another site, so anything but plain characters is refused.
    """
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if is_plain and wanted.startswith("/") and not wanted.startswith("//") else "/"
