"""What happens to an update besides being told: it waits for a word, is sent back, corrected, withdrawn; and what a
person posted elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.incidents.entry import Entry
from tocsin.plan.model import Stage
from tocsin.plan.networks import Network


@dataclass(frozen=True, kw_only=True)
class Telling(Entry):
    """Nothing of the incident itself changes by it."""


@dataclass(frozen=True, kw_only=True)
class Drafted(Telling):
    """An update that waits for the word of whoever approves it; nobody was told. `asked` are those who can."""

    audience: str
    text: str
    stage: Stage | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    notice: bool = False
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DraftReturned(Telling):
    """`draft` is the number of the entry that is sent back."""

    draft: int
    audience: str
    because: str


@dataclass(frozen=True, kw_only=True)
class UpdateCorrected(Telling):
    """`update` is the number of the entry that holds from now on in these words; `before` are those until now."""

    update: int
    audience: str
    text: str
    before: str
    because: str
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UpdateWithdrawn(Telling):
    """What the entry `update` told holds no longer."""

    update: int
    audience: str
    because: str
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PostedElsewhere(Telling):
    """A person says that this stands there now. The program posted nothing."""

    network: Network
    text: str
    link: str


TellingEntry = Drafted | DraftReturned | UpdateCorrected | UpdateWithdrawn | PostedElsewhere

KIND: Mapping[type[Telling], str] = {
    Drafted: "draft",
    DraftReturned: "draft sent back",
    UpdateCorrected: "correction",
    UpdateWithdrawn: "withdrawn",
    PostedElsewhere: "posted by hand",
}

NETWORK = {
    Network.X: "X",
    Network.MASTODON: "Mastodon",
    Network.BLUESKY: "Bluesky",
    Network.LINKEDIN: "LinkedIn",
}


def said(entry: TellingEntry, who: str, audience: str) -> tuple[str, str]:
    """What somebody did, and in which words."""
    match entry:
        case Drafted(stage=stage):
            return f"{who} drafted an update for {audience}{f' ({stage})' if stage else ''}", entry.text
        case DraftReturned():
            return f"{who} sent the draft for {audience} of entry {entry.draft} back", entry.because
        case UpdateCorrected():
            because = entry.because.strip().rstrip(".")
            return f"{who} corrected the update to {audience} of entry {entry.update}, because {because}", entry.text
        case UpdateWithdrawn():
            return f"{who} withdrew the update to {audience} of entry {entry.update}", entry.because
        case PostedElsewhere():
            return f"{who} posted on {NETWORK[entry.network]}, at {entry.link}", entry.text
