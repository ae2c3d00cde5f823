"""Ids that a person can read out over the phone: a prefix and letters that are never confused."""

import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0 O 1 I L U


def new_id(prefix: str, length: int = 10) -> str:
    """A random id such as `inc_7KQ2M4XW9A`. Ten letters hold 49 bits: unique rows, not secrets."""
    number = secrets.randbelow(len(ALPHABET) ** length)  # one draw: each asks the kernel, and lets other threads in
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return f"{prefix}_{''.join(letters)}"


def new_secret() -> str:
    """32 random bytes as URL-safe text: for sign-in links, sessions and tokens."""
    return secrets.token_urlsafe(32)


def new_key() -> str:
    """32 lower-case hexadecimal characters: the shape that alert senders accept as a key."""
    return secrets.token_hex(16)
