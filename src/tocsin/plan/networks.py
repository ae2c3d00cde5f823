"""The networks on which people post short words about an incident. Nothing is ever posted there by the program."""

from enum import StrEnum


class Network(StrEnum):
    X = "x"
    MASTODON = "mastodon"
    BLUESKY = "bluesky"
    LINKEDIN = "linkedin"
