"""The subject of a mail, in whatever alphabet.

Python's library folds such a line word by word and loses the spaces between two encoded words in a row, since readers
drop what stands between them: a subject in Russian would arrive as one long word. Here it is encoded as a whole. A
subject that fits into a line by itself but not behind the header's name, it puts into the next line whole, and some
programs then show a space before it, or nothing.
"""

from email.header import Header
from email.message import EmailMessage

NAME = "Subject"


def put(mail: EmailMessage, subject: str) -> None:
    alphabet = "us-ascii" if subject.isascii() else "utf-8"
    # As it is to travel: the library keeps lines that are encoded and short.
    mail.set_raw(NAME, Header(subject, alphabet, header_name=NAME).encode())
