"""The bodies of what is told: drafts that wait, corrections, the matrix, and the log of communications."""

from datetime import datetime

from msgspec import Struct

from tocsin.api.schema import Text
from tocsin.plan.networks import Network
from tocsin.response.communications import Direction


class Word(Struct):
    """A word of the trade that stands in the text, and what the plan says instead."""

    word: str
    plainly: str


class Draft(Struct):
    """`number` is its entry, `text` what would be told now, `asked` who can approve it."""

    number: int
    audience: str
    stage: str | None
    by: str
    at: datetime
    text: str
    jargon: list[Word]
    approvers: list[str]


class Drafts(Struct):
    drafts: list[Draft]


class Corrected(Struct, forbid_unknown_fields=True):
    """What an update should have said; the public reads `because` too."""

    text: Text
    because: Text


class Arrival(Struct):
    """One way of an update to somebody: `queued`, `sent`, `dead` or `withdrawn`; `published` or `taken_down`."""

    way: str
    who: str
    state: str
    at: datetime | None
    problem: str


class ToldUpdate(Struct):
    """`text` is how it is read now, `first_text` what was told at first."""

    entry: int
    at: datetime
    by: str
    stage: str
    text: str
    first_text: str
    changed_at: datetime | None
    is_withdrawn: bool
    ways: list[Arrival]


class NextUpdate(Struct):
    what: str
    due_at: datetime
    is_overdue: bool
    by: str


class ToldAudience(Struct):
    """`draft` is the entry of one that waits for a word."""

    audience: str
    name: str
    is_public: bool
    told: list[ToldUpdate]
    next: NextUpdate | None
    draft: int | None


class Told(Struct):
    audiences: list[ToldAudience]


class CommunicationStep(Struct):
    kind: str
    at: datetime
    provider: str
    detail: str


class Communication(Struct):
    """`way` is a channel, `status_page`, a chat, a network, `signal` or `support`; `entry` and `message` are where it
    stands."""

    at: datetime
    direction: Direction
    way: str
    about: str
    who: str
    what: str
    state: str
    done_at: datetime | None
    problem: str
    entry: int | None
    message: str
    steps: list[CommunicationStep]


class Communications(Struct):
    communications: list[Communication]
    next: str | None


class SocialDraft(Struct):
    """`length` is counted as the network counts, `most` is what it allows."""

    network: Network
    name: str
    text: str
    length: int
    most: int


class SocialDrafts(Struct):
    drafts: list[SocialDraft]


class Posted(Struct, forbid_unknown_fields=True):
    """What a person posted by hand, and where it stands."""

    network: Network
    text: Text
    link: Text


class NewCall(Struct, forbid_unknown_fields=True):
    """The address at which people talk from now on."""

    link: Text
