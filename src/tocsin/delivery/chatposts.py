"""Updates in channels of other chats, by the web addresses that those give: Teams, Mattermost, Discord.

Such an address is a secret as a whole: whoever has it may post. It stands in the settings under a name, and in no
message, plan, error or log. Nothing comes back that could be edited or taken back later, so what is confidential is
never posted. Nobody's words mention anybody, hide an address, or look like something else.
"""

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from tocsin.delivery import outbox, teams
from tocsin.delivery.channel import Dead, Message, Result
from tocsin.delivery.http import post_in_secret

CHANNEL = outbox.POST
LONGEST_TITLE = 250
LONGEST = {"mattermost": 4000, "discord": 2000}  # letters of a whole message; a newer Mattermost takes more
KINDS = ("teams", *LONGEST)
NO_PREVIEWS = 4  # the flag by which Discord draws no pictures of what addresses lead to

_UNSEEN = "\u200b"  # behind an at sign it keeps anybody from being called
_MARKS = frozenset("\\`*_~|[]()<>#")


class ChatPosts:
    """The chats that the settings name."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], chats: Mapping[str, tuple[str, str]]) -> None:
        self._session = session
        self._chats = chats

    async def send(self, message: Message) -> Result:
        if message.address not in self._chats:
            return Dead(f"TOCSIN_CHATS names no chat {message.address}")
        kind, url = self._chats[message.address]
        body = msgspec.json.encode(written(kind, message))
        return await post_in_secret(self._session(), None, url, body, kind)


def written(kind: str, message: Message) -> dict[str, Any]:
    """The message as this kind of chat takes it. The last line of its body is where it leads."""
    said, _, link = message.body.strip().rpartition("\n")
    if kind == "teams":
        return teams.card(message.subject, said.strip(), [teams.button("Open", link)])
    title = f"**{_plain(message.subject, LONGEST_TITLE)}**"
    text = "\n".join([title, _plain(said.strip(), LONGEST[kind] - len(title) - len(link) - 2), link])
    if kind == "discord":
        return {"content": text, "allowed_mentions": {"parse": []}, "flags": NO_PREVIEWS}
    return {"text": text}


def _plain(text: str, most: int) -> str:
    """Words that stay what they are, where marks would make something of them; no longer than so many letters."""
    whole = [_harmless(letter) for letter in text]
    if sum(map(len, whole)) <= most:
        return "".join(whole)
    kept, length = [], 1
    for one in whole:
        if length + len(one) > most:
            break
        kept.append(one)
        length += len(one)
    return "".join(kept) + "…"


def _harmless(letter: str) -> str:
    if letter == "@":
        return letter + _UNSEEN
    return f"\\{letter}" if letter in _MARKS else letter
