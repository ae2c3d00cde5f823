"""A message taken apart, for channels that show its title, its text and its link each in a place of its own."""

from dataclasses import dataclass

from tocsin.delivery.channel import Message


@dataclass(frozen=True)
class Parts:
    """`link` is where it leads: to the answer, if it is a page."""

    title: str
    text: str
    link: str


def parts(message: Message) -> Parts:
    lines = [line for line in message.body.strip().splitlines() if line and line != message.subject]
    links = [line for line in lines if line.startswith(("http://", "https://"))]
    text = "\n".join(line for line in lines if line not in links)
    answer = (message.actions or {}).get("answer", "")
    return Parts(message.subject, text, answer or (links[-1] if links else ""))
