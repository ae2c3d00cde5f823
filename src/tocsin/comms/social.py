"""A short post for each network, as long as the network allows, counted as it counts. Pure.

Nothing is posted by the program: a person copies the draft, posts it, and says so.

What the networks publish of how they count:

- X: 280 in weights. Code points of most alphabets and of punctuation weigh 1, all others 2; an emoji weighs 2 and an
  address 23, however long they are; the text is normalised first (docs.x.com, Counting characters; twitter-text,
  configuration 3).
- Mastodon: 500 letters unless an installation allows more, an address 23, of a mention the part before the second `@`
  (docs.joinmastodon.org, Posting to your profile).
- Bluesky: 300 graphemes, and 3000 bytes (the lexicon of app.bsky.feed.post). Addresses count as they are.
- LinkedIn: 3000 letters. How it counts emoji is not published: each of their code units is counted.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.incidents.telling import NETWORK
from tocsin.kit.errors import Invalid
from tocsin.kit.later import later
from tocsin.plan.model import Plan, Stage
from tocsin.plan.networks import Network

if TYPE_CHECKING:
    import wcwidth
else:
    wcwidth = later("wcwidth")

ADDRESS = 23  # what an address counts, however long it is
BYTES_MOST = 3000  # of a post on Bluesky
_URL = re.compile(r"https?://\S+[^\s.,;:!?)\]]")
_MENTION = re.compile(r"(@\w+)@[\w.-]+\w")
_LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))  # what weighs 1 on X
_JOINED = "\u200d\ufe0f\u20e3"  # joiner, picture, keycap: signs of an emoji among plain letters


class TooLong(Invalid):
    """The network would refuse it for its length."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """A draft for one network. `length` is counted as the network counts, `most` is what it allows."""

    network: Network
    text: str
    length: int
    most: int

    @property
    def name(self) -> str:
        return NETWORK[self.network]


def _graphemes(text: str) -> list[str]:
    return list(wcwidth.iter_graphemes(text))


def _on_x(text: str) -> int:
    text = unicodedata.normalize("NFC", text)
    plain, addresses = _URL.subn("", text)
    return ADDRESS * addresses + sum(map(_weight, _graphemes(plain)))


def _weight(letter: str) -> int:
    """An emoji weighs 2 as a whole; other letters what each of their code points does."""
    is_emoji = any(one in _JOINED for one in letter[1:]) or unicodedata.category(letter[0]) == "So"
    if is_emoji:
        return 1 if len(letter) == 1 and _is_light(letter) else 2
    return sum(1 if _is_light(one) else 2 for one in letter)


def _is_light(one: str) -> bool:
    return any(low <= ord(one) <= high for low, high in _LIGHT)


def _on_mastodon(text: str) -> int:
    plain, addresses = _URL.subn("", text)
    return ADDRESS * addresses + len(_graphemes(_MENTION.sub(r"\1", plain)))


def _on_bluesky(text: str) -> int:
    return len(_graphemes(text))


def _on_linkedin(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


COUNTS: Mapping[Network, tuple[int, Callable[[str], int]]] = {
    Network.X: (280, _on_x),
    Network.MASTODON: (500, _on_mastodon),
    Network.BLUESKY: (300, _on_bluesky),
    Network.LINKEDIN: (3000, _on_linkedin),
}
"""What each network allows, and how it counts."""


def count(network: Network, text: str) -> int:
    """How long a text is as this network counts."""
    return COUNTS[network][1](text)


def fits(network: Network, text: str) -> bool:
    is_small = network is not Network.BLUESKY or len(text.encode()) <= BYTES_MOST
    return count(network, text) <= COUNTS[network][0] and is_small


def require_fit(network: Network, text: str) -> None:
    """Raises TooLong, with how long it is and may be."""
    if not fits(network, text):
        most, length = COUNTS[network][0], count(network, text)
        raise TooLong(f"{NETWORK[network]} takes {most}, and this counts {length}; shorten it.", field="text")


def drafts(plan: Plan, said: str, link: str) -> tuple[Post, ...]:
    """A draft for each network of the plan: what the public was told, shortened where it must be, and the link."""
    return tuple(post(network, said, link) for network in plan.communication.networks)


def post(network: Network, said: str, link: str) -> Post:
    text = _shortened(network, " ".join(said.split()), link)
    return Post(network=network, text=text, length=count(network, text), most=COUNTS[network][0])


def _shortened(network: Network, said: str, link: str) -> str:
    """The longest beginning of whole words that fits with the link."""
    if fits(network, whole := f"{said}\n{link}"):
        return whole
    words = said.split(" ")
    low, high = 0, len(words)
    while low < high:  # more words never count less
        middle = (low + high + 1) // 2
        if fits(network, _cut(words, middle, link)):
            low = middle
        else:
            high = middle - 1
    return _cut(words, low, link)


def _cut(words: list[str], many: int, link: str) -> str:
    said = " ".join(words[:many]).rstrip(",;:–- ")
    return f"{said}…\n{link}" if said else link


def opening(stage: Stage | None, text: str) -> str:
    """What the public was told without its first line, which says the time and the stage; the stage begins it."""
    first, _, rest = text.partition("\n")
    body = rest.strip() if stage is not None and rest.strip() and "·" in first else text
    return f"{stage.capitalize()}: {body}" if stage is not None else body
