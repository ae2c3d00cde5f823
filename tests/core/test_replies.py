"""What people write back when a page wakes them."""

import pytest

from tocsin.incidents.answer import ALL, Answer, Reply, read_reply

ACK, ESCALATE, DECLINE = Answer.ACKNOWLEDGE, Answer.ESCALATE, Answer.DECLINE


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("1", Reply(ACK)),
        (" Ack. ", Reply(ACK)),
        ("YES!", Reply(ACK)),
        ("ack 12", Reply(ACK, 12)),
        ("ack #12", Reply(ACK, 12)),
        ("ack#12", Reply(ACK, 12)),
        ("1, 12", Reply(ACK, 12)),
        ("1 all", Reply(ACK, ALL)),
        ("2", Reply(ESCALATE)),
        ("Escalate 7", Reply(ESCALATE, 7)),
        ("3", Reply(DECLINE)),
        ("can't", Reply(DECLINE)),
        ("can’t 9", Reply(DECLINE, 9)),
        ("\n\n  no\n> what you wrote\n", Reply(DECLINE)),
    ],
)
def test_an_answer_is_read(text: str, reply: Reply) -> None:
    assert read_reply(text) == reply


@pytest.mark.parametrize(
    "text",
    ["", "\n", "12", "4", "ackk", "I am out of office until Monday", "1 2 3", "Thanks, 1", "ack 12 please", "STOP"],
)
def test_anything_else_is_none(text: str) -> None:
    assert read_reply(text) is None
