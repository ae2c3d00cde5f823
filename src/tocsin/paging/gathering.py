"""Several pages to one person in one message: how many, which, and one link to answer them all."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from tocsin.delivery.channel import Message
from tocsin.people.model import Channel

MOST_LISTED = 20


def together(leader: Message, all_of_them: Sequence[Message]) -> Message:
    """The message that leaves in the place of all of these, itself among them, in the order in which it says them. Each
    was written with discretion, and nothing is added."""
    if len(all_of_them) < 2 or leader.actions is None:
        return leader
    answer = f"{leader.actions['answer']}/all"
    subject = f"{len(all_of_them)} incidents page you: {all_of_them[0].subject} and {len(all_of_them) - 1} more"
    actions = {**leader.actions, "answer": answer}
    return replace(leader, subject=subject, body=_body(leader.channel, all_of_them, answer, subject), actions=actions)


def _body(channel: str, messages: Sequence[Message], answer: str, subject: str) -> str:
    if channel == Channel.WEBHOOK:
        pages = [msgspec.json.decode(one.body) for one in messages]
        about = {"incidents": [one["data"] for one in pages], "acknowledge": answer}
        return msgspec.json.encode(
            {"type": "incidents.paged", "timestamp": pages[0]["timestamp"], "data": about}
        ).decode()
    if channel == Channel.EMAIL:
        return "\n".join([f"{len(messages)} incidents page you. All of them:", answer, "", *_lines(messages)])
    return f"{subject}\n{answer}\n"


def _lines(messages: Sequence[Message]) -> list[str]:
    lines = []
    for one in messages[:MOST_LISTED]:
        lines += [one.subject, (one.actions or {}).get("answer", ""), ""]
    more = len(messages) - MOST_LISTED
    return [*lines, f"And {more} more, behind the link above.", ""] if more > 0 else lines
