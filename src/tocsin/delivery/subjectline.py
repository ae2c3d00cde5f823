"""The subject of a mail, in whatever alphabet.

Python's library folds such a line word by word and loses the spaces between two encoded words in a row, since readers
drop what stands between them: a subject in Russian would arrive as one long word. Here it is encoded as a whole.
"""

from email.header import Header
from email.message import EmailMessage

NAME = "Subject"


def put(mail: EmailMessage, subject: str) -> None:
    if subject.isascii():
        mail[NAME] = subject
    else:  # as it is to travel: the library keeps lines that are encoded and short
        mail.set_raw(NAME, Header(subject, "utf-8", header_name=NAME).encode())
