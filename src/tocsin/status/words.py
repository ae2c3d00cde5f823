"""The page's own words, in several languages. What people post stays as they wrote it."""

from collections.abc import Mapping

from tocsin.comms.language import Words, catalogues

CATALOGUES: Mapping[str, Words] = catalogues("tocsin.status")
